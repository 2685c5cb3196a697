/* SPDX-License-Identifier: GPL-3.0-or-later
 * tests/test_exact.c - choice among the exact methods. */
#include "kr_system.h"
#include "model/exact.h"

static void each_system_gets_the_method_that_gives_most(void **state)
{
    (void)state;
    const struct {
        const char *fields, *size, *method;
    } cases[] = {
        { "", "size=4,4", "enumeration" },
        { "", "size=5,5", "Kaufman 1949" },
        { "", "size=64,64", "Kaufman 1949" },
        { "field=0.1", "size=5,5", "transfer matrix" },
        { "", "size=5,5 boundary=open", "transfer matrix" },
    };
    for (size_t k = 0; k < sizeof cases / sizeof *cases; k++) {
        kr_error err = { 0 };
        kr_exact x;
        kr_system s = system_alloc("ising", cases[k].fields, "hypercubic", cases[k].size);
        kr_target target = system_target(&s, 0.4);
        assert_ok(kr_exact_best(&target, 0x1p20, &x, &err), &err);
        assert_string_equal(x.method, cases[k].method);
        system_free(&s);
    }
}

static void refusal_names_the_three_reasons(void **state)
{
    (void)state;
    kr_error err = { 0 };
    kr_exact x;
    kr_system s = system_alloc("ising", "field=1", "hypercubic", "size=16,16");
    kr_target target = system_target(&s, 0.4);
    assert_int_equal(kr_exact_best(&target, 0x1p24, &x, &err), KR_EUNSUP);
    assert_non_null(strstr(err.text, "enumeration: 2^256"));
    assert_non_null(strstr(err.text, "Kaufman's formula: a field"));
    assert_non_null(strstr(err.text, "transfer matrix: "));
    system_free(&s);
}

static void work_stays_within_the_limit(void **state)
{
    (void)state;
    kr_exact x;
    kr_system s = system_alloc("ising", "field=1", "hypercubic", "size=5,5");
    kr_target target = system_target(&s, 0.4);
    assert_int_equal(kr_exact_best(&target, 1023.0, &x, NULL), KR_EUNSUP);
    assert_int_equal(kr_exact_best(&target, 1024.0, &x, NULL), KR_OK);
    system_free(&s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_system_gets_the_method_that_gives_most),
        cmocka_unit_test(refusal_names_the_three_reasons),
        cmocka_unit_test(work_stays_within_the_limit),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
