/* SPDX-License-Identifier: GPL-3.0-or-later
 * tests/test_compare_scan.c - ladders of temperatures, and where local moves are fast. */
#include "kr_test.h"

#include "study/compare_private.h"

static void neighbors_are_equally_far_in_deviations(void **state)
{
    static const double at[] = { 0.0, 1.0, 2.0 }, deviation[] = { 4.0, 4.0, 12.0 };
    double beta[32];
    (void)state;
    int32_t n = kr_compare_ladder(at, deviation, 3, 0.0, 2.0, 2.0, beta, 32);
    assert_int_equal(n, 7); /* 4 + 8 deviations in steps of 2 */
    assert_close(beta[0], 0.0, 0.0);
    assert_close(beta[1], 0.5, 1e-12);
    assert_close(beta[2], 1.0, 1e-12);
    for (int k = 3; k < 7; k++) { /* 4 x + 4 x^2 deviations beyond 1 */
        assert_close(beta[k], 1.0 + 0.5 * (sqrt(1.0 + 2.0 * (k - 2)) - 1.0), 1e-12);
    }
    assert_close(beta[6], 2.0, 0.0);
}

static void a_ladder_has_two_to_most_temperatures(void **state)
{
    static const double at[] = { 0.0, 1.0 }, deviation[] = { 5.0, 5.0 };
    double beta[4];
    (void)state;
    assert_int_equal(kr_compare_ladder(at, deviation, 2, 0.5, 1.0, 100.0, beta, 4), 2);
    assert_close(beta[0], 0.5, 0.0);
    assert_int_equal(kr_compare_ladder(at, deviation, 2, 0.0, 1.0, 0.1, beta, 4), 4);
    assert_close(beta[1], 1.0 / 3.0, 1e-12);
    assert_close(beta[3], 1.0, 0.0);
}

static void ladders_begin_at_the_coldest_fast_temperature(void **state)
{
    kr_compare_scan scan = { .n = 4, .tau = { 0.5, 2.0, INFINITY, 3.0 } };
    (void)state;
    assert_int_equal(kr_compare_scan_hot(&scan), 1);
    scan.tau[1] = 50.0;
    assert_int_equal(kr_compare_scan_hot(&scan), 0);
    scan.tau[1] = scan.tau[2] = 1.0;
    assert_int_equal(kr_compare_scan_hot(&scan), 3);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(neighbors_are_equally_far_in_deviations),
        cmocka_unit_test(a_ladder_has_two_to_most_temperatures),
        cmocka_unit_test(ladders_begin_at_the_coldest_fast_temperature),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
