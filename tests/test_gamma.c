/* SPDX-License-Identifier: GPL-3.0-or-later
 * tests/test_gamma.c - Gamma method: hand values, known autocorrelation, coverage. */
#include "kr_test.h"

#include "base/rng.h"
#include "stats/stats.h"

/* (n_chains, n_draws) stationary AR(1), x' = a x + noise, unit variance, mean 0; then
 * rho(t) = a^t and tau_int = (1 + a) / (2 (1 - a)). */
static double *alloc_ar1(int64_t n_chains, int64_t n_draws, double a, kr_rng *rng)
{
    double *series = malloc((size_t)(n_chains * n_draws) * sizeof *series);
    for (int64_t c = 0; c < n_chains; c++) {
        double x = kr_rng_normal(rng);
        for (int64_t t = 0; t < n_draws; t++) {
            series[c * n_draws + t] = x;
            x = a * x + sqrt(1.0 - a * a) * kr_rng_normal(rng);
        }
    }
    return series;
}

static void four_values_give_the_hand_computed_estimate(void **state)
{
    (void)state;
    const double series[] = { 1.0, 2.0, 3.0, 4.0 };
    kr_estimate e;
    kr_error err = { 0 };
    assert_ok(kr_gamma_estimate(series, 1, 4, &e, &err), &err);
    /* Gamma(0) = 5/4, Gamma(1) = 5/12, window 1: sum 25/12, times 7/4 for bias; Gamma(0)
     * corrected 5/4 + 25/48 */
    assert_close(e.mean, 2.5, 1e-14);
    assert_int_equal(e.window, 1);
    assert_close(e.error, sqrt(25.0 / 12.0 * 7.0 / 4.0 / 4.0), 1e-14);
    assert_close(e.tau_int, 0.5 * (25.0 / 12.0 * 7.0 / 4.0) / (5.0 / 4.0 + 25.0 / 48.0), 1e-14);
    assert_close(e.tau_int_error, 2.0 * e.tau_int * sqrt((1.5 - e.tau_int) / 4.0), 1e-14);
    assert_close(e.ess, 2.0 / e.tau_int, 1e-14);
    assert_close(e.r_hat, sqrt(4.5), 1e-14);
}

static void tau_int_of_ar1_is_found(void **state)
{
    (void)state;
    const double a[] = { 0.0, 0.5, 0.9, 0.98 };
    for (int k = 0; k < 4; k++) {
        kr_rng rng;
        kr_rng_seed(&rng, 21, (uint64_t)k, KR_PURPOSE_TEST);
        double *series = alloc_ar1(8, 20000, a[k], &rng), want = 0.5 * (1 + a[k]) / (1 - a[k]);
        kr_estimate e;
        kr_error err = { 0 };
        assert_ok(kr_gamma_estimate(series, 8, 20000, &e, &err), &err);
        assert_within_sigma(e.tau_int, e.tau_int_error, want, 4.6);
        assert_within_sigma(e.mean, e.error, 0.0, 4.6);
        assert_true(e.tau_int_error < 0.12 * want); /* an empty claim would pass else */
        assert_close(e.ess, 160000.0 / (2.0 * e.tau_int), 1e-12);
        assert_true(e.is_window_closed && !e.is_constant && e.r_hat < 1.01);
        free(series);
    }
}

/* Of 1000 series of 4 chains of 1000 draws: those whose error bar, times factor, covers the
 * mean; sums of tau_int and its square. */
static int count_covered(double a, double factor, double *sum_tau, double *square_tau)
{
    enum { RUNS = 1000 };
    kr_rng rng;
    kr_rng_seed(&rng, 22, (uint64_t)(100.0 * a), KR_PURPOSE_TEST);
    int n_covered = 0;
    *sum_tau = *square_tau = 0.0;
    for (int r = 0; r < RUNS; r++) {
        double *series = alloc_ar1(4, 1000, a, &rng);
        kr_estimate e;
        kr_error err = { 0 };
        assert_ok(kr_gamma_estimate(series, 4, 1000, &e, &err), &err);
        n_covered += fabs(e.mean) <= factor * e.error;
        *sum_tau += e.tau_int / RUNS;
        *square_tau += e.tau_int * e.tau_int / RUNS;
        free(series);
    }
    return n_covered;
}

/* 68.3 % of 1000 are 683(15): the bounds leave out 64 % and 73 %, and an error that is 20 %
 * too small, which covers 576. */
static void two_thirds_of_the_error_bars_cover_the_mean(void **state)
{
    (void)state;
    const double a[] = { 0.0, 0.5, 0.8, 0.9 };
    double tau, square;
    for (int k = 0; k < 4; k++) {
        assert_in_range(count_covered(a[k], 1.0, &tau, &square), 641, 729);
        double want = 0.5 * (1.0 + a[k]) / (1.0 - a[k]);
        assert_close(tau, want, 0.04); /* the window truncates about a percent */
    }
}

static void an_error_that_is_20_percent_too_small_is_seen(void **state)
{
    (void)state;
    double tau, square;
    assert_true(count_covered(0.8, 0.8, &tau, &square) < 641);
    assert_true(count_covered(0.8, 1.25, &tau, &square) > 729);
    assert_close(sqrt(square - tau * tau), 0.66, 0.3); /* and so is tau_int's own */
}

static void white_noise_has_tau_one_half(void **state)
{
    (void)state;
    kr_rng rng;
    kr_rng_seed(&rng, 23, 0, KR_PURPOSE_TEST);
    double *series = alloc_ar1(64, 4096, 0.0, &rng);
    kr_estimate e;
    kr_error err = { 0 };
    assert_ok(kr_gamma_estimate(series, 64, 4096, &e, &err), &err);
    assert_within_sigma(e.tau_int, e.tau_int_error, 0.5, 4.5);
    assert_close(e.error, 1.0 / 512.0, 2e-5); /* 1 %: assert_close is absolute below 1 */
    assert_true(e.tau_int_error < 0.01);
    free(series);
}

static void anticorrelated_series_has_tau_below_one_half(void **state)
{
    (void)state;
    kr_rng rng;
    kr_rng_seed(&rng, 24, 0, KR_PURPOSE_TEST);
    double *series = alloc_ar1(4, 20000, -0.5, &rng);
    kr_estimate e;
    kr_error err = { 0 };
    assert_ok(kr_gamma_estimate(series, 4, 20000, &e, &err), &err);
    assert_within_sigma(e.tau_int, e.tau_int_error, 1.0 / 6.0, 4.5);
    assert_true(e.tau_int_error < 0.02 && e.ess > 2.0 * (double)e.n);
    free(series);
}

static void alternating_series_keeps_a_finite_error(void **state)
{
    (void)state;
    double series[101];
    for (int t = 0; t < 101; t++) {
        series[t] = t % 2 ? -1.0 : 1.0;
    }
    kr_estimate e;
    kr_error err = { 0 };
    assert_ok(kr_gamma_estimate(series, 1, 101, &e, &err), &err);
    assert_true(isfinite(e.error) && e.error > 0.0 && e.error < 0.12 && e.tau_int > 0.0);
}

/* A long window takes the FFT: the same sum done term by term must come out. */
static void long_window_equals_the_direct_sum(void **state)
{
    (void)state;
    enum { CHAINS = 3, DRAWS = 5001 };
    kr_rng rng;
    kr_rng_seed(&rng, 25, 0, KR_PURPOSE_TEST);
    double *series = alloc_ar1(CHAINS, DRAWS, 0.97, &rng), n = CHAINS * DRAWS, sum = 0.0;
    kr_estimate e;
    kr_error err = { 0 };
    assert_ok(kr_gamma_estimate(series, CHAINS, DRAWS, &e, &err), &err);
    assert_true(e.window > 100);
    for (int64_t t = 0; t <= e.window; t++) {
        double lag = 0.0;
        for (int c = 0; c < CHAINS; c++) {
            for (int64_t i = 0; i + t < DRAWS; i++) {
                lag += (series[c * DRAWS + i] - e.mean) * (series[c * DRAWS + i + t] - e.mean);
            }
        }
        sum += (t ? 2.0 : 1.0) * lag / (double)(CHAINS * (DRAWS - t));
    }
    sum *= 1.0 + (2.0 * (double)e.window + 1.0) / n;
    assert_close(e.error * e.error * n / sum, 1.0, 1e-11);
    free(series);
}

static void constant_series_has_no_error(void **state)
{
    (void)state;
    double series[30];
    for (int t = 0; t < 30; t++) {
        series[t] = -0.1;
    }
    kr_estimate e;
    kr_error err = { 0 };
    assert_ok(kr_gamma_estimate(series, 3, 10, &e, &err), &err);
    assert_true(e.is_constant && e.mean == -0.1 && e.error == 0.0 && e.tau_int == 0.5);
    assert_true(isnan(e.r_hat));
}

/* Half of 16 chains in each of two wells: the error is that of 16 independent values. */
static void disagreeing_chains_are_reported(void **state)
{
    (void)state;
    kr_rng rng;
    kr_rng_seed(&rng, 26, 0, KR_PURPOSE_TEST);
    double *series = alloc_ar1(16, 2000, 0.3, &rng);
    for (int t = 0; t < 32000; t++) {
        series[t] += t < 16000 ? 5.0 : -5.0;
    }
    kr_estimate e;
    kr_error err = { 0 };
    assert_ok(kr_gamma_estimate(series, 16, 2000, &e, &err), &err);
    assert_true(e.r_hat > 4.0 && e.ess < 20.0 && !e.is_window_closed);
    assert_close(e.error / (5.0 / 4.0), 1.0, 0.1);
    free(series);
}

static void slightly_shifted_chains_give_r_hat_above_1_1(void **state)
{
    (void)state;
    kr_rng rng;
    kr_rng_seed(&rng, 27, 0, KR_PURPOSE_TEST);
    double *series = alloc_ar1(2, 2000, 0.3, &rng);
    for (int t = 0; t < 2000; t++) {
        series[t] += 1.0;
    }
    kr_estimate e;
    kr_error err = { 0 };
    assert_ok(kr_gamma_estimate(series, 2, 2000, &e, &err), &err);
    assert_true(e.r_hat > 1.1);
    free(series);
}

static void rejects_nan_and_short_series_by_name(void **state)
{
    (void)state;
    const double series[] = { 1.0, 2.0, 3.0, 4.0, 1.0, NAN, 3.0, 4.0 };
    kr_estimate e;
    kr_error err = { 0 };
    assert_int_equal(kr_gamma_estimate(series, 2, 4, &e, &err), KR_EINVAL);
    assert_non_null(strstr(err.text, "draw 1 of chain 1 is nan"));
    err = (kr_error){ 0 };
    assert_int_equal(kr_gamma_estimate(series, 1, 3, &e, &err), KR_EINVAL);
    assert_non_null(strstr(err.text, "1 chains of 3 draws"));
    assert_true(isnan(e.mean));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(four_values_give_the_hand_computed_estimate),
        cmocka_unit_test(tau_int_of_ar1_is_found),
        cmocka_unit_test(two_thirds_of_the_error_bars_cover_the_mean),
        cmocka_unit_test(an_error_that_is_20_percent_too_small_is_seen),
        cmocka_unit_test(white_noise_has_tau_one_half),
        cmocka_unit_test(anticorrelated_series_has_tau_below_one_half),
        cmocka_unit_test(alternating_series_keeps_a_finite_error),
        cmocka_unit_test(long_window_equals_the_direct_sum),
        cmocka_unit_test(constant_series_has_no_error),
        cmocka_unit_test(disagreeing_chains_are_reported),
        cmocka_unit_test(slightly_shifted_chains_give_r_hat_above_1_1),
        cmocka_unit_test(rejects_nan_and_short_series_by_name),
    };
    return cmocka_run_group_tests_name("gamma", tests, NULL, NULL);
}
