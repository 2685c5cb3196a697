/* SPDX-License-Identifier: GPL-3.0-or-later
 * tests/test_jackknife.c - derived quantities: exact identities and known variances. */
#include "kr_test.h"

#include "base/rng.h"
#include "stats/stats.h"

static double first(const double *mean, const void *context)
{
    (void)context;
    return mean[0];
}

static double variance(const double *mean, const void *context)
{
    return *(const double *)context * (mean[1] - mean[0] * mean[0]);
}

/* With bins of one draw: the mean has the textbook error, the variance becomes unbiased. */
static void bins_of_one_draw_give_textbook_values(void **state)
{
    (void)state;
    const double x[] = { 3.0, 1.0, 4.0, 1.0, 5.0, 9.0, 2.0, 6.0, 5.0, 3.0 }, scale = 2.0;
    double square[10], mean = 0.0, s2 = 0.0, value, error;
    for (int t = 0; t < 10; t++) {
        square[t] = x[t] * x[t];
        mean += x[t] / 10.0;
    }
    for (int t = 0; t < 10; t++) {
        s2 += (x[t] - mean) * (x[t] - mean) / 9.0;
    }
    const double *column[] = { x, square };
    kr_error err = { 0 };
    assert_ok(kr_jackknife(column, 1, 2, 5, 1, first, NULL, &value, &error, &err), &err);
    assert_close(value, mean, 1e-14);
    assert_close(error, sqrt(s2 / 10.0), 1e-13);
    assert_ok(kr_jackknife(column, 2, 2, 5, 1, variance, &scale, &value, &error, &err), &err);
    assert_close(value, 2.0 * s2, 1e-13);
}

/* AR(1) with unit variance: var of the sample variance = 2/n (1 + a^2)/(1 - a^2). */
static void error_of_the_variance_is_known_for_gaussian_data(void **state)
{
    (void)state;
    enum { CHAINS = 8, DRAWS = 25000 };
    static const double a[] = { 0.0, 0.8 };
    const double one = 1.0;
    double *x = malloc(2 * CHAINS * DRAWS * sizeof *x), *square = x + CHAINS * DRAWS;
    for (int k = 0; k < 2; k++) {
        kr_rng rng;
        kr_rng_seed(&rng, 31, (uint64_t)k, KR_PURPOSE_TEST);
        double last = 0.0, value, error, n = CHAINS * DRAWS;
        for (int t = 0; t < CHAINS * DRAWS; t++) {
            double noise = kr_rng_normal(&rng);
            last = t % DRAWS ? a[k] * last + sqrt(1.0 - a[k] * a[k]) * noise : noise;
            x[t] = 7.0 + last;
            square[t] = x[t] * x[t];
        }
        const double *column[] = { x, square };
        kr_error err = { 0 };
        int64_t bin = kr_jackknife_bin(0.5 * (1 + a[k]) / (1 - a[k]), CHAINS, DRAWS, 20);
        assert_ok(
            kr_jackknife(column, 2, CHAINS, DRAWS, bin, variance, &one, &value, &error, &err),
            &err);
        double want = sqrt(2.0 / n * (1 + a[k] * a[k]) / (1 - a[k] * a[k]));
        assert_within_sigma(value, error, 1.0, 4.6);
        assert_close(error / want, 1.0, 0.06);
    }
    free(x);
}

/* 3 chains of 10 draws in bins of 4 become 2 bins of 5 each: bins do not cross chains. */
static void bins_stay_within_chains_and_use_all_draws(void **state)
{
    (void)state;
    double x[80], value, error;
    const double *column[] = { x };
    for (int t = 0; t < 80; t++) { /* constant on the true bins 0..4, 5..9 of each chain */
        x[t] = t % 10 < 5 ? 1.0 : -1.0;
    }
    kr_error err = { 0 };
    assert_ok(kr_jackknife(column, 1, 8, 10, 4, first, NULL, &value, &error, &err), &err);
    assert_close(value, 0.0, 1e-14);
    assert_close(error, sqrt(1.0 / 15.0), 1e-14); /* 16 bins of +-1: s / sqrt(16) */
}

static void bin_length_follows_tau_but_leaves_enough_bins(void **state)
{
    (void)state;
    assert_int_equal(kr_jackknife_bin(0.5, 4, 1000, 20), 5);
    assert_int_equal(kr_jackknife_bin(7.25, 4, 1000, 20), 73);
    assert_int_equal(kr_jackknife_bin(100.0, 4, 1000, 20), 200);
    assert_int_equal(kr_jackknife_bin(1e300, 64, 1000, 20), 1000);
    assert_int_equal(kr_jackknife_bin(NAN, 1, 10, 20), 1);
}

static void refuses_fewer_than_eight_bins(void **state)
{
    (void)state;
    const double x[14] = { 0 }, *column[] = { x };
    double value, error;
    kr_error err = { 0 };
    assert_int_equal(kr_jackknife(column, 1, 1, 14, 2, first, NULL, &value, &error, &err),
                     KR_EINVAL);
    assert_non_null(strstr(err.text, "7 bins of 2 draws"));
    assert_true(isnan(value) && isnan(error));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(bins_of_one_draw_give_textbook_values),
        cmocka_unit_test(error_of_the_variance_is_known_for_gaussian_data),
        cmocka_unit_test(bins_stay_within_chains_and_use_all_draws),
        cmocka_unit_test(bin_length_follows_tau_but_leaves_enough_bins),
        cmocka_unit_test(refuses_fewer_than_eight_bins),
    };
    return cmocka_run_group_tests_name("jackknife", tests, NULL, NULL);
}
