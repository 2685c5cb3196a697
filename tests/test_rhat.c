/* SPDX-License-Identifier: GPL-3.0-or-later
 * tests/test_rhat.c - split R-hat: hand values and degenerate chains. */
#include "kr_test.h"

#include "stats/stats.h"

static void tiny_series_give_hand_values(void **state)
{
    (void)state;
    /* halves (1,2) (3,4): within 1/2, variance of means 2, length 2 */
    const double even[] = { 1.0, 2.0, 3.0, 4.0 };
    assert_close(kr_r_hat_split(even, 1, 4), sqrt(0.5 + 2.0 / 0.5), 1e-14);
    /* an odd chain leaves out its middle draw */
    const double odd[] = { 1.0, 2.0, 99.0, 3.0, 4.0 };
    assert_close(kr_r_hat_split(odd, 1, 5), sqrt(4.5), 1e-14);
    /* halves (0,2) (0,2) (1,3) (1,3): within 2, variance of means 1/3 */
    const double two[] = { 0.0, 2.0, 0.0, 2.0, 1.0, 3.0, 1.0, 3.0 };
    assert_close(kr_r_hat_split(two, 2, 4), sqrt(0.5 + 1.0 / 6.0), 1e-14);
}

static void drift_within_one_chain_shows(void **state)
{
    (void)state;
    double series[200];
    for (int t = 0; t < 200; t++) {
        series[t] = (t % 2) + 0.02 * t;
    }
    assert_true(kr_r_hat_split(series, 1, 200) > 1.1);
}

static void constant_data_has_no_r_hat(void **state)
{
    (void)state;
    const double constant[] = { 0.1, 0.1, 0.1, 0.1, 0.1, 0.1, 0.1, 0.1 };
    assert_true(isnan(kr_r_hat_split(constant, 2, 4)));
    assert_true(isnan(kr_r_hat_split(constant, 2, 3)));
    assert_true(isnan(kr_r_hat_split(constant, 0, 8)));
}

static void stuck_chains_have_infinite_r_hat(void **state)
{
    (void)state;
    double series[30];
    for (int t = 0; t < 30; t++) {
        series[t] = t < 10 ? 0.1 : t < 20 ? 0.3 : 0.7;
    }
    double r_hat = kr_r_hat_split(series, 3, 10);
    assert_true(isinf(r_hat) && r_hat > 0.0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(tiny_series_give_hand_values),
        cmocka_unit_test(drift_within_one_chain_shows),
        cmocka_unit_test(constant_data_has_no_r_hat),
        cmocka_unit_test(stuck_chains_have_infinite_r_hat),
    };
    return cmocka_run_group_tests_name("rhat", tests, NULL, NULL);
}
