/* SPDX-License-Identifier: GPL-3.0-or-later
 * tests/test_number.c - strict numbers: what is read, what is refused, in every locale. */
#include "own_files.h"

#include "base/runfile.h"

#include <float.h>
#include <inttypes.h>
#include <locale.h>

static void integer_reads_every_exact_form(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        int64_t want;
    } row[] = {
        { "0", 0 },
        { "-0", 0 },
        { "+7", 7 },
        { "1e6", 1000000 },
        { "1.5e3", 1500 },
        { "1.50E+2", 150 },
        { "12000e-3", 12 },
        { "5.", 5 },
        { "3.000", 3 },
        { "0e999999999999999999999", 0 },
        { "0.000001e6", 1 },
        { "9223372036854775807", INT64_MAX },
        { "-9223372036854775808", INT64_MIN },
        { "922337203685477580.7e1", INT64_MAX },
        { "9007199254740993", 9007199254740993 }, /* 2^53 + 1: never through a double */
    };
    for (size_t k = 0; k < sizeof row / sizeof row[0]; k++) {
        kr_error err = { 0 };
        int64_t value = -99;
        assert_ok(kr_number_integer(row[k].text, &value, &err), &err);
        if (value != row[k].want) {
            fail_msg("%s read as %" PRId64, row[k].text, value);
        }
    }
}

static void real_reads_every_decimal_form(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        double want;
    } row[] = {
        { "0.44", 0.44 },
        { ".5", 0.5 },
        { "5.", 5.0 },
        { "-1e-3", -1e-3 },
        { "+2E+2", 200.0 },
        { "0", 0.0 },
        { "0.0e-999", 0.0 },
        { "1.7976931348623157e308", DBL_MAX },
        { "4.9406564584124654e-324", 4.9406564584124654e-324 },
        { "0.1000000000000000055511151231257827", 0.1 },
        { "9007199254740993", 9007199254740992.0 },
    };
    for (size_t k = 0; k < sizeof row / sizeof row[0]; k++) {
        kr_error err = { 0 };
        double value = -99.0;
        assert_ok(kr_number_real(row[k].text, &value, &err), &err);
        if (value != row[k].want) {
            fail_msg("%s read as %.17g", row[k].text, value);
        }
    }
}

typedef struct refusal {
    const char *text, *want;
    int status;
} refusal;

static const refusal refused_by_both[] = {
    { "", "no value, want a", KR_EPARSE },
    { "abc", "abc is not a number", KR_EPARSE },
    { ".", "is not a number", KR_EPARSE },
    { "+", "is not a number", KR_EPARSE },
    { "-", "is not a number", KR_EPARSE },
    { "e5", "is not a number", KR_EPARSE },
    { "+ 1", "is not a number", KR_EPARSE },
    { " 1", "is not a number", KR_EPARSE },
    { "--1", "is not a number", KR_EPARSE },
    { "4x", "4x is only half a number: \"x\" is left over", KR_EPARSE },
    { "0.44x", "0.44x is only half a number: \"x\" is left over", KR_EPARSE },
    { "1 ", "\" \" is left over", KR_EPARSE },
    { "1e", "\"e\" is left over", KR_EPARSE },
    { "1e+", "\"e+\" is left over", KR_EPARSE },
    { "1.2.3", "\".3\" is left over", KR_EPARSE },
    { "1e2e3", "\"e3\" is left over", KR_EPARSE },
    { "1-2", "\"-2\" is left over", KR_EPARSE },
    { "12:30", "\":30\" is left over", KR_EPARSE },
    { "010", "010 begins with 0 (octal is not read)", KR_EPARSE },
    { "-00", "begins with 0", KR_EPARSE },
    { "00.5", "begins with 0", KR_EPARSE },
    { "0x10", "0x10 is not decimal", KR_EPARSE },
    { "0x1p4", "is not decimal", KR_EPARSE },
    { "0b1", "is not decimal", KR_EPARSE },
    { "0o7", "is not decimal", KR_EPARSE },
    { "1_000", "1_000 has a '_' in it", KR_EPARSE },
    { "0,5", "0,5 has a ',' in it", KR_EPARSE },
    { "nan", "nan is not finite, want a finite number", KR_EPARSE },
    { "NaN", "NaN is not finite", KR_EPARSE },
    { ".nan", ".nan is not finite", KR_EPARSE },
    { "inf", "inf is not finite", KR_EPARSE },
    { "-inf", "-inf is not finite", KR_EPARSE },
    { "-.Inf", "-.Inf is not finite", KR_EPARSE },
    { "+Infinity", "+Infinity is not finite", KR_EPARSE },
};

static void numbers_are_read_whole_or_refused(void **state)
{
    (void)state;
    for (size_t k = 0; k < sizeof refused_by_both / sizeof refused_by_both[0]; k++) {
        const refusal *r = &refused_by_both[k];
        kr_error real_err = { 0 }, integer_err = { 0 };
        double real = 7.5;
        int64_t integer = 7;
        int real_status = kr_number_real(r->text, &real, &real_err);
        int integer_status = kr_number_integer(r->text, &integer, &integer_err);
        if (real_status != r->status || integer_status != r->status ||
            !strstr(real_err.text, r->want) || !strstr(integer_err.text, r->want)) {
            fail_msg("\"%s\": %d \"%s\", %d \"%s\", want %d \"%s\"", r->text, real_status,
                     real_err.text, integer_status, integer_err.text, r->status, r->want);
        }
        assert_true(real == 7.5 && integer == 7);
    }
}

static void numbers_that_do_not_fit_are_refused(void **state)
{
    (void)state;
    kr_error err = { 0 };
    double real;
    int64_t integer;
    assert_int_equal(kr_number_real("1e999", &real, &err), KR_ERANGE);
    assert_string_equal(err.text, "1e999 is too large, want a finite number");
    assert_int_equal(kr_number_real("-1e309", &real, NULL), KR_ERANGE);
    assert_int_equal(kr_number_real("1e-999", &real, NULL), KR_ERANGE);
    static const refusal row[] = {
        { "9223372036854775808", "is beyond 64 bits", KR_ERANGE },
        { "-9223372036854775809", "is beyond 64 bits", KR_ERANGE },
        { "1e19", "is beyond 64 bits", KR_ERANGE },
        { "1e999999999999", "is beyond 64 bits", KR_ERANGE },
        { "2.5", "2.5 is not whole, want an integer", KR_EPARSE },
        { "15e-1", "is not whole", KR_EPARSE },
        { "1e-999", "is not whole", KR_EPARSE },
        { "1.0000000000000000000000000001", "is not whole", KR_EPARSE },
    };
    for (size_t k = 0; k < sizeof row / sizeof row[0]; k++) {
        kr_error e = { 0 };
        assert_int_equal(kr_number_integer(row[k].text, &integer, &e), row[k].status);
        assert_non_null(strstr(e.text, row[k].want));
    }
}

static void format_is_the_shortest_that_reads_back(void **state)
{
    (void)state;
    static const struct {
        double value;
        const char *want;
    } row[] = {
        { 0.1, "0.1" },
        { 1.0, "1" },
        { -0.0, "-0" },
        { 1e6, "1000000" },
        { 1.0 / 3.0, "0.3333333333333333" },
        { 0.1 + 0.2, "0.30000000000000004" },
        { DBL_MAX, "1.7976931348623157e+308" },
    };
    char text[KR_NUMBER_MAX];
    for (size_t k = 0; k < sizeof row / sizeof row[0]; k++) {
        assert_string_equal(kr_number_format(row[k].value, text), row[k].want);
    }
    uint64_t bits = 1;
    for (int k = 0; k < 20000; k++) { /* doubles of every size from a plain linear recursion */
        bits = bits * 6364136223846793005u + 1442695040888963407u;
        double value, back;
        memcpy(&value, &bits, sizeof value);
        if (isfinite(value)) {
            kr_error err = { 0 };
            assert_ok(kr_number_real(kr_number_format(value, text), &back, &err), &err);
            assert_memory_equal(&back, &value, sizeof value);
        }
    }
}

/* Into a locale with a decimal comma: the one category that matters, compiled here. */
static bool enter_a_comma_locale(void)
{
    char folder[48], command[512];
    name_own(folder, sizeof folder, "locale", 1);
    if (mkdir(folder, 0700) != 0) {
        return false;
    }
    snprintf(command, sizeof command,
             "printf 'LC_NUMERIC\\ndecimal_point \",\"\\nthousands_sep \"\"\\n"
             "grouping -1\\nEND LC_NUMERIC\\n' > %s/source && "
             "localedef -c -i %s/source -f ANSI_X3.4-1968 ./%s/comma >/dev/null 2>&1",
             folder, folder, folder);
    int status = system(command); /* warnings make it 1: what counts is whether it loads */
    setenv("LOCPATH", folder, 1);
    bool is_there = status != -1 && setlocale(LC_NUMERIC, "comma");
    snprintf(command, sizeof command, "rm -rf ./%s", folder);
    return system(command) == 0 && is_there;
}

static void decimal_comma_locales_change_nothing(void **state)
{
    (void)state;
    if (!enter_a_comma_locale()) {
        print_message(
            "# not tried: no such locale can be made here\n"); /* a skip fails in TAP */
        return;
    }
    char comma[16];
    snprintf(comma, sizeof comma, "%.1f", 0.5);
    assert_string_equal(comma, "0,5");
    char text[KR_NUMBER_MAX];
    double value = 0.0;
    kr_error err = { 0 };
    assert_string_equal(kr_number_format(0.4406868, text), "0.4406868");
    assert_string_equal(kr_number_format(-1.5e-300, text), "-1.5e-300");
    assert_ok(kr_number_real("0.4406868", &value, &err), &err);
    assert_true(value == 0.4406868);
    assert_int_equal(kr_number_real("0,4406868", &value, NULL), KR_EPARSE);
    setlocale(LC_ALL, "C");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(integer_reads_every_exact_form),
        cmocka_unit_test(real_reads_every_decimal_form),
        cmocka_unit_test(numbers_are_read_whole_or_refused),
        cmocka_unit_test(numbers_that_do_not_fit_are_refused),
        cmocka_unit_test(format_is_the_shortest_that_reads_back),
        cmocka_unit_test(decimal_comma_locales_change_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
