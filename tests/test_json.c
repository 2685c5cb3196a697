/* SPDX-License-Identifier: GPL-3.0-or-later
 * tests/test_json.c - numbers that read back, escapes, commas and nesting. */
#include "kr_test.h"

#include "analysis/json.h"

static char text[4096];

static kr_json begin(FILE **out)
{
    memset(text, 0, sizeof text);
    *out = fmemopen(text, sizeof text, "w");
    return (kr_json){ .out = *out };
}

static void members_get_commas_and_lists_nest(void **state)
{
    (void)state;
    FILE *out;
    kr_json j = begin(&out);
    kr_json_open(&j, '{');
    kr_json_field(&j, "a", 1.0);
    kr_json_key(&j, "b");
    kr_json_open(&j, '[');
    kr_json_bool(&j, true);
    kr_json_open(&j, '{');
    kr_json_close(&j, '}');
    kr_json_close(&j, ']');
    kr_json_close(&j, '}');
    fclose(out);
    assert_string_equal(text, "{\n  \"a\": 1,\n  \"b\": [\n    true,\n    {}\n  ]\n}\n");
}

static void numbers_are_the_shortest_that_read_back(void **state)
{
    (void)state;
    const double number[] = { 0.1,    1.0 / 3.0,          1e300, -0.0, 123456789012.0,
                              5e-324, 0.30000000000000004 };
    const char *const want[] = { "0.1",    "0.3333333333333333", "1e+300", "0", "123456789012",
                                 "5e-324", "0.30000000000000004" };
    for (int k = 0; k < 7; k++) {
        FILE *out;
        kr_json j = begin(&out);
        kr_json_number(&j, number[k]);
        fclose(out);
        assert_string_equal(text, want[k]);
        assert_true(strtod(text, NULL) == number[k]);
    }
}

static void what_is_no_number_is_null(void **state)
{
    (void)state;
    FILE *out;
    kr_json j = begin(&out);
    kr_json_number(&j, NAN);
    kr_json_number(&j, -INFINITY);
    fclose(out);
    assert_string_equal(text, "nullnull"); /* outside a list nothing separates */
}

static void text_is_escaped(void **state)
{
    (void)state;
    FILE *out;
    kr_json j = begin(&out);
    kr_json_text(&j, "a\"b\\c\n\x01 \xce\xb2 \xff \xc0\xaf \xed\xa0\x80");
    fclose(out);
    assert_string_equal(text, "\"a\\\"b\\\\c\\u000a\\u0001 \xce\xb2 ? ?? ???\"");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(members_get_commas_and_lists_nest),
        cmocka_unit_test(numbers_are_the_shortest_that_read_back),
        cmocka_unit_test(what_is_no_number_is_null),
        cmocka_unit_test(text_is_escaped),
    };
    return cmocka_run_group_tests_name("json", tests, NULL, NULL);
}
