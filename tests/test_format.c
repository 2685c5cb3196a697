/* SPDX-License-Identifier: GPL-3.0-or-later
 * tests/test_format.c - values with errors as papers print them. */
#include "kr_test.h"

#include "analysis/summary.h"

typedef struct kr_case {
    double mean, error;
    int digits;
    const char *want;
} kr_case;

static void check(const kr_case *list, size_t n)
{
    for (size_t k = 0; k < n; k++) {
        char text[64];
        kr_format_value(list[k].mean, list[k].error, list[k].digits, text, sizeof text);
        assert_string_equal(text, list[k].want);
    }
}

static void error_sets_the_digits(void **state)
{
    (void)state;
    const kr_case list[] = {
        { -1.234567, 0.00078, 2, "-1.23457(78)" },
        { -1.234567, 0.0078, 1, "-1.235(8)" },
        { 12.34, 0.4, 1, "12.3(4)" },
        { 12.34, 5.61, 2, "12.3(5.6)" },
        { 123.4, 12.0, 2, "123(12)" },
        { 12345.0, 1234.0, 2, "12300(1200)" },
        { 0.0, 0.5, 2, "0.00(50)" },
    };
    check(list, sizeof list / sizeof list[0]);
}

static void error_that_rounds_up_keeps_two_digits(void **state)
{
    (void)state;
    const kr_case list[] = { { 1.0, 0.0996, 2, "1.00(10)" },
                             { 1.0, 0.996, 2, "1.0(1.0)" },
                             { 1.0, 0.096, 1, "1.0(1)" },
                             { 100.0, 9.96, 2, "100(10)" } };
    check(list, sizeof list / sizeof list[0]);
}

static void very_large_and_small_values_get_an_exponent(void **state)
{
    (void)state;
    const kr_case list[] = { { 1.2346e9, 3.4e7, 2, "1.235(34)e+09" },
                             { 1.2346e-7, 3.4e-9, 2, "1.235(34)e-07" },
                             { 0.0, 3.4e-9, 2, "0.0(3.4)e-09" } };
    check(list, sizeof list / sizeof list[0]);
}

static void unknown_parts_are_left_out(void **state)
{
    (void)state;
    const kr_case list[] = { { NAN, 0.1, 2, "-" },
                             { 1.5, NAN, 2, "1.5" },
                             { -2.0, 0.0, 2, "-2" },
                             { INFINITY, 1.0, 2, "inf" },
                             { 1.5, INFINITY, 2, "1.5" } };
    check(list, sizeof list / sizeof list[0]);
}

static void percentages_have_no_exponent(void **state)
{
    (void)state;
    const struct {
        double fraction;
        const char *want;
    } list[] = { { 1.0, "100.0 %" },     { 0.2896, "29.0 %" }, { 0.01, "1.0 %" },
                 { 0.00033, "0.033 %" }, { 0.0, "0.0 %" },     { NAN, "-" } };
    for (size_t k = 0; k < sizeof list / sizeof list[0]; k++) {
        char text[24];
        kr_format_percent(list[k].fraction, text, sizeof text);
        assert_string_equal(text, list[k].want);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(error_sets_the_digits),
        cmocka_unit_test(error_that_rounds_up_keeps_two_digits),
        cmocka_unit_test(very_large_and_small_values_get_an_exponent),
        cmocka_unit_test(unknown_parts_are_left_out),
        cmocka_unit_test(percentages_have_no_exponent),
    };
    return cmocka_run_group_tests_name("format", tests, NULL, NULL);
}
