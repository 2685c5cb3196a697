/* SPDX-License-Identifier: GPL-3.0-or-later
 * tests/test_binning.c - errors by blocks of growing length, while the data are made: known
 * autocorrelation, coverage, the Gamma method, chains that disagree, series without an answer.
 */
#include "kr_test.h"

#include "base/memory.h"
#include "base/rng.h"
#include "base/state.h"
#include "stats/binning.h"
#include "stats/stats.h"

static const double one[] = { 1.0 };

/* n_draws draws of stationary AR(1) chains about `mean`, of unit variance, into b and, when not
 * NULL, series (n_chains, n_draws). tau_int = (1 + a) / (2 (1 - a)). */
static void add_ar1(kr_binning *b, int64_t n_draws, double a, double mean, kr_rng *rng,
                    double *series)
{
    const int64_t C = b->n_chains;
    double *x = malloc((size_t)C * sizeof *x), *value = malloc((size_t)C * sizeof *value);
    for (int64_t c = 0; c < C; c++) {
        x[c] = kr_rng_normal(rng);
    }
    for (int64_t t = 0; t < n_draws; t++) {
        for (int64_t c = 0; c < C; c++) {
            value[c] = mean + x[c];
            if (series) {
                series[c * n_draws + t] = value[c];
            }
            x[c] = a * x[c] + sqrt(1.0 - a * a) * kr_rng_normal(rng);
        }
        kr_binning_add(b, value);
    }
    free(x);
    free(value);
}

static kr_binning binning_of(int32_t n_columns, int64_t n_chains, int64_t n_draws)
{
    kr_error err = { 0 };
    kr_binning b;
    assert_ok(kr_binning_init(&b, n_columns, n_chains, n_draws, &err), &err);
    return b;
}

static void four_values_give_the_hand_computed_errors(void **state)
{
    (void)state;
    kr_binning b = binning_of(1, 1, 4);
    kr_binning_estimate e;
    double mean;
    for (int t = 1; t <= 4; t++) {
        kr_binning_add(&b, &(double){ t });
    }
    kr_binning_means(&b, &mean);
    assert_close(mean, 2.5, 1e-15);
    /* single values: variance 5/3, squared error 5/12; pairs 1.5, 3.5: squared error 1, which
     * is (2.4)^2 times 8 against 2^3: not long enough; one chain tells nothing more */
    kr_binning_estimate_error(&b, one, &e);
    assert_int_equal(e.state, KR_BINNING_FEW);
    assert_close(e.error, sqrt(5.0 / 12.0), 1e-14);
    assert_close(b.sum[1][0], 6.0, 1e-14); /* 1 + 2 + 3 + 4 less 4 times the first */
    assert_close(b.product[1][0][0], 1.0 + 25.0, 1e-14);
    assert_close(b.product[2][0][0], 36.0, 1e-14);
    kr_binning_clear(&b);
}

static void tau_int_of_ar1_is_found(void **state)
{
    (void)state;
    const double a[] = { 0.0, 0.5, 0.9, 0.98 };
    for (int k = 0; k < 4; k++) {
        kr_rng rng;
        kr_rng_seed(&rng, 21, (uint64_t)k, KR_PURPOSE_TEST);
        const double want = 0.5 * (1 + a[k]) / (1 - a[k]);
        kr_binning b = binning_of(1, 8, 40000);
        kr_binning_estimate e;
        add_ar1(&b, 40000, a[k], 7.0, &rng, NULL);
        kr_binning_estimate_error(&b, one, &e);
        assert_int_equal(e.state, KR_BINNING_GOOD);
        assert_true(e.level > 0 && e.uncertainty < 0.06);
        assert_within_sigma(e.tau_int, 2.0 * e.uncertainty * e.tau_int, want, 3.5);
        kr_binning_clear(&b);
    }
}

/* Per cent of 1000 series of n_chains chains whose error bar covers the mean; the mean of the
 * error over that of the Gamma method, and its scatter. */
static double coverage(double a, int64_t n_chains, int64_t n_draws, double *ratio,
                       double *scatter)
{
    enum { RUNS = 1000 };
    kr_rng rng;
    kr_rng_seed(&rng, 22, (uint64_t)(100.0 * a), KR_PURPOSE_TEST);
    int n_covered = 0;
    double *series = malloc((size_t)(n_chains * n_draws) * sizeof *series), square = 0.0;
    *ratio = 0.0;
    for (int r = 0; r < RUNS; r++) {
        kr_binning b = binning_of(1, n_chains, n_draws);
        kr_binning_estimate e;
        kr_estimate gamma;
        kr_error err = { 0 };
        double mean;
        add_ar1(&b, n_draws, a, 0.0, &rng, series);
        kr_binning_means(&b, &mean);
        kr_binning_estimate_error(&b, one, &e);
        assert_ok(kr_gamma_estimate(series, n_chains, n_draws, &gamma, &err), &err);
        assert_close(mean, gamma.mean, 1e-12);
        assert_true(e.state == KR_BINNING_GOOD || e.state == KR_BINNING_DISAGREE);
        n_covered += fabs(mean) <= e.error;
        *ratio += e.error / gamma.error / RUNS;
        square += e.error / gamma.error * e.error / gamma.error / RUNS;
        kr_binning_clear(&b);
    }
    *scatter = sqrt(square - *ratio * *ratio);
    free(series);
    return 100.0 * n_covered / RUNS;
}

/* 68.3 % of 1000 are 683(15). */
static void two_thirds_of_the_error_bars_cover_the_mean(void **state)
{
    (void)state;
    const struct {
        double a;
        int64_t n_chains, n_draws;
    } row[] = { { 0.0, 1, 1024 }, { 0.5, 4, 1000 }, { 0.8, 4, 1500 },
                { 0.9, 1, 8000 }, { 0.9, 4, 2500 }, { 0.9, 64, 400 } };
    for (size_t k = 0; k < sizeof row / sizeof *row; k++) {
        double ratio, scatter;
        const double share =
            coverage(row[k].a, row[k].n_chains, row[k].n_draws, &ratio, &scatter);
        print_message("# a = %g, %d x %d: %.1f %%, error %.4f(%.4f) of the Gamma method's\n",
                      row[k].a, (int)row[k].n_chains, (int)row[k].n_draws, share, ratio,
                      scatter);
        assert_true(share > 64.0 && share < 73.0);
        assert_true(fabs(ratio - 1.0) < 0.03 && scatter < 0.12);
    }
}

static void chains_that_disagree_say_so(void **state)
{
    (void)state;
    kr_rng rng;
    kr_rng_seed(&rng, 23, 0, KR_PURPOSE_TEST);
    kr_binning b = binning_of(1, 8, 4000);
    kr_binning_estimate e;
    for (int t = 0; t < 4000; t++) {
        double x[8];
        for (int c = 0; c < 8; c++) {
            x[c] = (c % 2 ? 0.2 : -0.2) + kr_rng_normal(&rng);
        }
        kr_binning_add(&b, x);
        kr_binning_estimate_error(&b, one, &e);
        assert_true(t < 1000 || e.state != KR_BINNING_GOOD);
    }
    assert_close(e.error, 0.2 / sqrt(7.0), 0.02); /* that of 8 numbers +-0.2 */
    kr_binning_clear(&b);
}

static void short_chains_are_not_enough(void **state)
{
    (void)state;
    kr_rng rng;
    kr_rng_seed(&rng, 24, 0, KR_PURPOSE_TEST);
    kr_binning b = binning_of(1, 64, 200), few = binning_of(1, 4, 200);
    kr_binning_estimate e;
    add_ar1(&b, 200, 0.98, 0.0, &rng, NULL); /* chains of 4 tau_int */
    kr_binning_estimate_error(&b, one, &e);
    assert_int_equal(e.state, KR_BINNING_SHORT);
    add_ar1(&few, 200, 0.98, 0.0, &rng, NULL);
    kr_binning_estimate_error(&few, one, &e);
    assert_int_equal(e.state, KR_BINNING_FEW);
    kr_binning_clear(&b);
    kr_binning_clear(&few);
}

/* <x^2> - <x>^2 of independent normal numbers: its variance is 2/N. */
static void errors_of_functions_follow_by_their_gradient(void **state)
{
    (void)state;
    enum { DRAWS = 50000 };
    kr_rng rng;
    kr_rng_seed(&rng, 25, 0, KR_PURPOSE_TEST);
    kr_binning b = binning_of(2, 2, DRAWS);
    kr_binning_estimate e;
    double mean[2];
    for (int t = 0; t < DRAWS; t++) {
        double x[4];
        for (int c = 0; c < 2; c++) {
            x[c] = 3.0 + kr_rng_normal(&rng);
            x[2 + c] = x[c] * x[c];
        }
        kr_binning_add(&b, x);
    }
    kr_binning_means(&b, mean);
    kr_binning_estimate_error(&b, (double[]){ -2.0 * mean[0], 1.0 }, &e);
    assert_int_equal(e.state, KR_BINNING_GOOD);
    assert_within_sigma(mean[1] - mean[0] * mean[0], e.error, 1.0, 3.5);
    assert_close(e.error / sqrt(2.0 / (2.0 * DRAWS)), 1.0, 5.0 * e.uncertainty);
    kr_binning_clear(&b);
}

static void series_without_an_answer_are_told_apart(void **state)
{
    (void)state;
    kr_binning b = binning_of(1, 2, 100);
    kr_binning_estimate e;
    kr_error err = { 0 };
    kr_binning_estimate_error(&b, one, &e);
    assert_int_equal(e.state, KR_BINNING_UNUSABLE);
    for (int t = 0; t < 100; t++) {
        kr_binning_add(&b, (double[]){ 0.1, 0.1 });
    }
    kr_binning_estimate_error(&b, one, &e);
    assert_int_equal(e.state, KR_BINNING_CONSTANT);
    kr_binning_add(&b, (double[]){ NAN, 0.1 });
    kr_binning_estimate_error(&b, one, &e);
    assert_int_equal(e.state, KR_BINNING_UNUSABLE);
    kr_binning_clear(&b);
    assert_int_equal(kr_binning_init(&b, 3, 1, 1, &err), KR_EINVAL);
}

/* Cut in two by a file, the same bits; more draws than were told of do no harm. */
static void state_that_was_saved_goes_on(void **state)
{
    (void)state;
    kr_binning b = binning_of(1, 3, 150), copy = binning_of(1, 3, 150);
    kr_binning_estimate e, f;
    kr_error err = { 0 };
    kr_rng rng;
    kr_rng_seed(&rng, 26, 0, KR_PURPOSE_TEST);
    add_ar1(&b, 77, 0.5, 1.0, &rng, NULL);
    kr_state *from = kr_state_alloc(&err), *to = kr_state_alloc(&err);
    assert_ok(kr_binning_declare(&b, from, &err), &err);
    assert_ok(kr_binning_declare(&copy, to, &err), &err);
    assert_ok(kr_state_save(from, "test_binning.state", NULL, &err), &err);
    assert_ok(kr_state_load(to, "test_binning.state", &err), &err);
    kr_rng again = rng;
    add_ar1(&b, 500, 0.5, 1.0, &rng, NULL);
    add_ar1(&copy, 500, 0.5, 1.0, &again, NULL);
    kr_binning_estimate_error(&b, one, &e);
    kr_binning_estimate_error(&copy, one, &f);
    assert_memory_equal(&e.error, &f.error, sizeof e.error);
    assert_int_equal(e.state, KR_BINNING_GOOD);
    assert_memory_equal(b.product, copy.product, sizeof b.product);
    remove("test_binning.state");
    kr_state_free(from);
    kr_state_free(to);
    kr_binning_clear(&b);
    kr_binning_clear(&copy);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(four_values_give_the_hand_computed_errors),
        cmocka_unit_test(tau_int_of_ar1_is_found),
        cmocka_unit_test(two_thirds_of_the_error_bars_cover_the_mean),
        cmocka_unit_test(chains_that_disagree_say_so),
        cmocka_unit_test(short_chains_are_not_enough),
        cmocka_unit_test(errors_of_functions_follow_by_their_gradient),
        cmocka_unit_test(series_without_an_answer_are_told_apart),
        cmocka_unit_test(state_that_was_saved_goes_on),
    };
    return cmocka_run_group_tests_name("binning", tests, NULL, NULL);
}
