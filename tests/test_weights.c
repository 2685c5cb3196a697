/* SPDX-License-Identifier: GPL-3.0-or-later
 * tests/test_weights.c - importance weights: hand values, log-normal law, extremes. */
#include "kr_test.h"

#include "base/rng.h"
#include "stats/stats.h"

static void three_weights_give_hand_values(void **state)
{
    (void)state;
    const double log_w[] = { log(1.0), log(2.0), log(3.0) };
    kr_weights_summary s;
    kr_weights_summarize(log_w, 3, &s);
    assert_close(s.log_mean, log(2.0), 1e-15);
    assert_close(s.ess, 36.0 / (3.0 * 14.0), 1e-15);
    assert_close(s.max_share, 0.5, 1e-15);
    assert_close(s.log_mean_error, sqrt((42.0 / 36.0 - 1.0) / 3.0), 1e-15);
    assert_close(s.inverse, 11.0 / 9.0, 1e-14); /* of 2/1, 2/2, 2/3 */
    assert_close(s.inverse_square, 49.0 / 27.0, 1e-14);
    assert_int_equal(s.n, 3);
}

/* log w ~ N(mu, s^2): mean w = exp(mu + s^2/2), ESS = exp(-s^2). */
static void log_normal_weights_have_their_mean_and_ess(void **state)
{
    (void)state;
    enum { N = 200000 };
    double *log_w = malloc(N * sizeof *log_w), s = 0.7;
    kr_rng rng;
    kr_rng_seed(&rng, 41, 0, KR_PURPOSE_TEST);
    for (int k = 0; k < N; k++) {
        log_w[k] = 900.0 + s * kr_rng_normal(&rng);
    }
    kr_weights_summary summary;
    kr_weights_summarize(log_w, N, &summary);
    assert_within_sigma(summary.log_mean, summary.log_mean_error, 900.0 + s * s / 2, 4.5);
    assert_close(summary.log_mean_error / sqrt((exp(s * s) - 1.0) / N), 1.0, 0.03);
    assert_close(summary.ess, exp(-s * s), 0.01);
    assert_true(summary.max_share < 1e-3);
    free(log_w);
}

/* w/Z = exp(s x - s^2/2) under q, and log w shifted by s^2 under p = q w/Z: the two bridges
 * agree within the errors told, whose sum of squares over 200 pairs of samples is as it should
 * be. The mean of log w lies s^2/2 below log Z. */
static void bridges_of_both_sides_agree(void **state)
{
    (void)state;
    enum { N = 2000, RUNS = 200 };
    static double log_w[N];
    const double s = 0.9;
    double square = 0.0;
    kr_rng rng;
    kr_rng_seed(&rng, 43, 0, KR_PURPOSE_TEST);
    for (int run = 0; run < RUNS; run++) {
        kr_weights_summary summary;
        double sum = 0.0, sum2 = 0.0;
        for (int k = 0; k < N; k++) {
            log_w[k] = 50.0 + s * kr_rng_normal(&rng) - s * s / 2.0;
        }
        kr_weights_summarize(log_w, N, &summary);
        assert_within_sigma(summary.mean_log, summary.mean_log_error, 50.0 - s * s / 2.0, 4.9);
        for (int k = 0; k < N; k++) {
            double x = 50.0 + s * kr_rng_normal(&rng) + s * s / 2.0;
            double y = 1.0 / (1.0 + exp(x - summary.log_mean));
            sum += y;
            sum2 += y * y;
        }
        double mean = sum / N, error = sqrt((sum2 / N - mean * mean) / N);
        double z = (summary.bridge - mean) / hypot(summary.bridge_error, error);
        square += z * z;
    }
    assert_within_sigma(square / RUNS, sqrt(2.0 / RUNS), 1.0, 4.5);
}

static void a_common_factor_moves_only_the_mean(void **state)
{
    (void)state;
    const double a[] = { 0.0, 1.0, -2.0 }, b[] = { -5e4, -5e4 + 1.0, -5e4 - 2.0 };
    kr_weights_summary x, y;
    kr_weights_summarize(a, 3, &x);
    kr_weights_summarize(b, 3, &y);
    assert_close(y.log_mean, x.log_mean - 5e4, 1e-14);
    assert_close(y.ess, x.ess, 1e-12);
    assert_close(y.log_mean_error, x.log_mean_error, 1e-12);
}

static void equal_weights_have_full_ess_and_one_heavy_weight_takes_all(void **state)
{
    (void)state;
    double equal[100] = { 0 }, heavy[100] = { 0 };
    heavy[37] = 60.0;
    kr_weights_summary s;
    kr_weights_summarize(equal, 100, &s);
    assert_close(s.ess, 1.0, 1e-15);
    assert_true(s.log_mean_error == 0.0);
    kr_weights_summarize(heavy, 100, &s);
    assert_close(s.ess, 0.01, 1e-14);
    assert_close(s.max_share, 1.0, 1e-14);
    assert_close(s.log_mean_error, sqrt(99.0 / 100.0), 1e-12);
}

static void degenerate_weights_give_nan(void **state)
{
    (void)state;
    const double none[] = { -INFINITY, -INFINITY }, bad[] = { 0.0, NAN }, over[] = { INFINITY };
    const double some[] = { 0.0, -INFINITY };
    kr_weights_summary s;
    kr_weights_summarize(none, 2, &s);
    assert_true(isnan(s.log_mean) && isnan(s.ess));
    kr_weights_summarize(bad, 2, &s);
    assert_true(isnan(s.log_mean));
    kr_weights_summarize(over, 1, &s);
    assert_true(isnan(s.log_mean));
    kr_weights_summarize(none, 0, &s);
    assert_true(isnan(s.log_mean) && s.n == 0);
    kr_weights_summarize(some, 2, &s); /* weight 0 is a weight */
    assert_close(s.log_mean, log(0.5), 1e-15);
    kr_weights_summarize(some, 1, &s);
    assert_true(isnan(s.log_mean_error) && s.log_mean == 0.0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(three_weights_give_hand_values),
        cmocka_unit_test(log_normal_weights_have_their_mean_and_ess),
        cmocka_unit_test(bridges_of_both_sides_agree),
        cmocka_unit_test(a_common_factor_moves_only_the_mean),
        cmocka_unit_test(equal_weights_have_full_ess_and_one_heavy_weight_takes_all),
        cmocka_unit_test(degenerate_weights_give_nan),
    };
    return cmocka_run_group_tests_name("weights", tests, NULL, NULL);
}
