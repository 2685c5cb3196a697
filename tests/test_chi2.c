/* SPDX-License-Identifier: GPL-3.0-or-later
 * tests/test_chi2.c - chi^2 with pooled cells, bounds of many z values. */
#include "kr_test.h"

#include "stats/stats.h"

static void tail_of_two_degrees_is_exponential(void **state)
{
    (void)state;
    assert_close(kr_chi2_p(3.0, 2.0), exp(-1.5), 1e-14);
    assert_close(kr_chi2_p(60.0, 2.0) / exp(-30.0), 1.0, 1e-12);
    assert_close(kr_chi2_p(1.0, 1.0), erfc(sqrt(0.5)), 1e-14);
    assert_true(kr_chi2_p(0.0, 3.0) == 1.0 && kr_chi2_p(INFINITY, 3.0) == 0.0);
    assert_true(isnan(kr_chi2_p(1.0, 0.0)));
}

static void statistic_of_large_cells_is_the_plain_sum(void **state)
{
    (void)state;
    const int64_t observed[] = { 12, 18, 30 };
    const double expected[] = { 15.0, 20.0, 25.0 };
    double dof;
    assert_close(kr_chi2_statistic(observed, expected, 3, 5.0, &dof),
                 9.0 / 15.0 + 4.0 / 20.0 + 25.0 / 25.0, 1e-14);
    assert_close(dof, 2.0, 0.0);
}

static void small_cells_are_pooled(void **state)
{
    (void)state;
    const int64_t observed[] = { 50, 2, 5, 43 };
    const double expected[] = { 48.0, 3.0, 4.0, 45.0 };
    double dof; /* pool: 7 observed, 7 expected */
    assert_close(kr_chi2_statistic(observed, expected, 4, 5.0, &dof), 4.0 / 48.0 + 4.0 / 45.0,
                 1e-14);
    assert_close(dof, 2.0, 0.0);
    /* pool of 3 expected is still too small and joins the cell of 45 */
    const int64_t few[] = { 50, 2, 43 };
    const double rare[] = { 48.0, 3.0, 45.0 };
    assert_close(kr_chi2_statistic(few, rare, 3, 5.0, &dof), 4.0 / 48.0 + 9.0 / 48.0, 1e-14);
    assert_close(dof, 1.0, 0.0);
}

static void an_impossible_observation_is_infinitely_bad(void **state)
{
    (void)state;
    const int64_t observed[] = { 50, 1, 1, 50 }, fine[] = { 50, 0, 1, 50 };
    const double expected[] = { 50.0, 0.0, 2.0, 50.0 };
    double dof;
    assert_true(isinf(kr_chi2_statistic(observed, expected, 4, 5.0, &dof)));
    assert_true(isfinite(kr_chi2_statistic(fine, expected, 4, 5.0, &dof)));
    assert_close(dof, 1.0, 0.0);
}

static void z_limit_goes_through_its_four_points(void **state)
{
    (void)state;
    assert_close(kr_z_limit(1), 3.9, 1e-14);
    assert_close(kr_z_limit(20), 4.6, 1e-14);
    assert_close(kr_z_limit(100), 4.9, 1e-14);
    assert_close(kr_z_limit(1000), 5.3, 1e-14);
    assert_close(kr_z_limit(0), 3.9, 1e-14);
    for (int64_t n = 1; n < 100000; n = n * 3 / 2 + 1) {
        assert_true(kr_z_limit(n + 1) > kr_z_limit(n));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(tail_of_two_degrees_is_exponential),
        cmocka_unit_test(statistic_of_large_cells_is_the_plain_sum),
        cmocka_unit_test(small_cells_are_pooled),
        cmocka_unit_test(an_impossible_observation_is_infinitely_bad),
        cmocka_unit_test(z_limit_goes_through_its_four_points),
    };
    return cmocka_run_group_tests_name("chi2", tests, NULL, NULL);
}
