/* SPDX-License-Identifier: GPL-3.0-or-later
 * tests/test_rank.c - R-hat and ESS of ranks: values of ArviZ 0.23.4 for series that both can
 * make, independence of the scale, chains of a known memory, series without an answer. */
#include "kr_test.h"

#include "base/rng.h"
#include "stats/stats.h"

enum { PLAIN, HEAVY, TIES, WIDTHS };

static double value(int kind, int c, int t)
{
    double x = sin(0.05 * t * t + 0.7 * c) + 0.6 * sin(0.11 * t + c);
    return kind == HEAVY    ? tan(1.5 * x / 1.7)
           : kind == TIES   ? floor(3.0 * x)
           : kind == WIDTHS ? x * (1.0 + c)
                            : x;
}

static kr_rank_estimate estimate(int kind, int n_chains, int n_draws)
{
    double *series = malloc((size_t)(n_chains * n_draws) * sizeof *series);
    for (int c = 0; c < n_chains; c++) {
        for (int t = 0; t < n_draws; t++) {
            series[c * n_draws + t] = value(kind, c, t);
        }
    }
    kr_rank_estimate e;
    kr_error err = { 0 };
    assert_ok(kr_rank_estimate_chains(series, n_chains, n_draws, &e, &err), &err);
    free(series);
    return e;
}

static void series_give_the_values_of_arviz(void **state)
{
    (void)state;
    const struct {
        int kind, n_chains, n_draws;
        double r_hat, bulk, tail;
    } want[] = {
        { PLAIN, 4, 200, 1.001838252, 144.7910937, 275.5430026 },
        { PLAIN, 7, 64, 1.036729147, 111.9466122, 278.8016808 },
        { HEAVY, 4, 200, 1.001838252, 144.7910937, 275.5430026 },
        { TIES, 4, 200, 1.001354695, 146.9945223, 246.5621005 },
        { TIES, 7, 64, 1.035574663, 113.1936678, 312.2252785 },
        { WIDTHS, 4, 200, 1.198359989, 154.3221741, 76.0528543 },
        { WIDTHS, 7, 64, 1.2729712, 163.2526363, 102.5942166 },
    };
    for (size_t k = 0; k < sizeof want / sizeof *want; k++) {
        kr_rank_estimate e = estimate(want[k].kind, want[k].n_chains, want[k].n_draws);
        assert_close(e.r_hat, want[k].r_hat, 1e-9);
        assert_close(e.ess_bulk, want[k].bulk, 1e-8);
        assert_close(e.ess_tail, want[k].tail, 1e-8);
    }
}

static void ess_of_normal_chains_is_that_of_their_mean(void **state)
{
    (void)state;
    enum { CHAINS = 8, DRAWS = 20000 };
    double *series = malloc(CHAINS * DRAWS * sizeof *series);
    kr_rng rng;
    kr_rng_seed(&rng, 31, 0, KR_PURPOSE_TEST);
    for (int c = 0; c < CHAINS; c++) { /* tau_int = (1 + a)/(2 (1 - a)) */
        double x = kr_rng_normal(&rng);
        for (int t = 0; t < DRAWS; t++) {
            series[c * DRAWS + t] = x;
            x = 0.9 * x + sqrt(1.0 - 0.81) * kr_rng_normal(&rng);
        }
    }
    kr_rank_estimate e;
    kr_error err = { 0 };
    assert_ok(kr_rank_estimate_chains(series, CHAINS, DRAWS, &e, &err), &err);
    assert_close(e.ess_bulk, CHAINS * DRAWS / 19.0, 0.05);
    assert_true(e.ess_tail > e.ess_bulk && e.ess_tail < CHAINS * DRAWS / 2.0);
    assert_true(e.r_hat < 1.005);
    free(series);
}

static void series_without_an_answer_give_none(void **state)
{
    (void)state;
    double series[30];
    kr_rank_estimate e;
    kr_error err = { 0 };
    for (int k = 0; k < 30; k++) {
        series[k] = 0.1;
    }
    assert_ok(kr_rank_estimate_chains(series, 3, 10, &e, &err), &err);
    assert_true(isnan(e.r_hat) && isnan(e.ess_bulk));
    assert_ok(kr_rank_estimate_chains(series, 10, 3, &e, &err), &err);
    assert_true(isnan(e.r_hat) && isnan(e.ess_tail));
    for (int k = 0; k < 30; k++) {
        series[k] = k < 10 ? 0.1 : k < 20 ? 0.3 : 0.7;
    }
    assert_ok(kr_rank_estimate_chains(series, 3, 10, &e, &err), &err);
    assert_true(isinf(e.r_hat));
    series[7] = NAN;
    assert_int_equal(kr_rank_estimate_chains(series, 3, 10, &e, &err), KR_EINVAL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(series_give_the_values_of_arviz),
        cmocka_unit_test(ess_of_normal_chains_is_that_of_their_mean),
        cmocka_unit_test(series_without_an_answer_give_none),
    };
    return cmocka_run_group_tests_name("rank", tests, NULL, NULL);
}
