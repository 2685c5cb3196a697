/* SPDX-License-Identifier: GPL-3.0-or-later
 * tests/test_compare_series.c - costs per independent sample of series with a planted tau_int,
 * and what must not count as resolved. */
#include "kr_test.h"

#include "base/memory.h"
#include "base/rng.h"
#include "study/compare_private.h"

enum { CHAINS = 16, DRAWS = 8000, N = CHAINS * DRAWS };

static double x[N], log_weight[N], family[DRAWS];

/* Autoregressive chains of unit variance, draw-major: tau_int = (1 + a) / (2 (1 - a)). */
static void plant(double a, double shift_of_odd_chains)
{
    kr_rng rng;
    kr_rng_seed(&rng, 5, 0, KR_PURPOSE_CHAIN);
    for (int c = 0; c < CHAINS; c++) {
        double now = kr_rng_normal(&rng);
        for (int t = 0; t < DRAWS; t++) {
            now = a * now + sqrt(1.0 - a * a) * kr_rng_normal(&rng);
            x[t * CHAINS + c] = now + (c % 2 ? shift_of_odd_chains : 0.0);
        }
    }
}

static kr_compare_value estimate(int64_t n_draws, int32_t group, const double *weight)
{
    const kr_compare_plain plain = { .x = x,
                                     .n_draws = n_draws,
                                     .n_rows = CHAINS,
                                     .every = 3,
                                     .group = group,
                                     .log_weight = weight,
                                     .cpu_s = 2.0 };
    kr_compare_value value;
    kr_error err = { 0 };
    assert_ok(kr_compare_estimate(&plain, &value, &err), &err);
    return value;
}

static void cost_is_two_tau_times_cpu_per_draw(void **state)
{
    const double a = 0.8, tau = 0.5 * (1.0 + a) / (1.0 - a);
    (void)state;
    plant(a, 0.0);
    kr_compare_value v = estimate(DRAWS, 1, NULL);
    assert_true(v.is_resolved && v.why == NULL && !v.is_constant);
    assert_within_sigma(v.tau, v.tau_error, 3.0 * tau, 3.9);
    assert_true(v.tau_error < 0.05 * v.tau);
    assert_within_sigma(v.cost, v.cost_error, 2.0 * tau * 2.0 / N, 3.9);
    assert_close(v.cost * v.n_independent, 2.0, 1e-12);
    assert_within_sigma(v.mean, v.error, 0.0, 3.9);
}

static void chains_that_disagree_are_not_resolved(void **state)
{
    (void)state;
    plant(0.5, 2.0);
    kr_compare_value v = estimate(DRAWS, 1, NULL);
    assert_false(v.is_resolved);
    assert_true(v.n_independent < 3 * CHAINS); /* each chain is stuck in its own half */
}

static void chains_shorter_than_50_tau_are_not_resolved(void **state)
{
    (void)state;
    plant(0.98, 0.0); /* tau_int = 49.5 */
    assert_false(estimate(1500, 1, NULL).is_resolved);
    assert_true(estimate(DRAWS, 1, NULL).is_resolved);
}

static void what_never_changed_is_not_resolved_and_flatters_nobody(void **state)
{
    (void)state;
    for (int k = 0; k < N; k++) {
        x[k] = 1.0;
    }
    kr_compare_value v = estimate(DRAWS, 1, NULL);
    assert_true(v.is_constant && !v.is_resolved);
    assert_string_equal(v.why, "never changed");
    assert_close(v.cost, 2.0 / CHAINS, 1e-12);
    assert_false(estimate(7, 1, NULL).is_resolved);
}

static void coupled_chains_count_once(void **state)
{
    (void)state;
    plant(0.5, 0.0);
    for (int t = 0; t < DRAWS; t++) { /* chain 2k + 1 repeats chain 2k */
        for (int c = 0; c < CHAINS; c += 2) {
            x[t * CHAINS + c + 1] = x[t * CHAINS + c];
        }
    }
    kr_compare_value v = estimate(DRAWS, 2, NULL); /* tau_int = 1.5 */
    assert_within_sigma(v.cost, v.cost_error, 2.0 * 3.0 / (N / 2), 3.9);
    assert_true(v.cost_error < 0.05 * v.cost);
}

static void equal_weights_are_no_weights(void **state)
{
    (void)state;
    plant(0.6, 0.0);
    for (int k = 0; k < N; k++) {
        log_weight[k] = -700.0;
    }
    kr_compare_value plain = estimate(DRAWS, 1, NULL), even = estimate(DRAWS, 1, log_weight);
    assert_close(even.mean, plain.mean, 1e-12);
    assert_close(even.cost, plain.cost, 1e-9);
}

static void rough_weights_cost_samples(void **state)
{
    kr_rng rng;
    (void)state;
    plant(0.0, 0.0);
    kr_rng_seed(&rng, 6, 0, KR_PURPOSE_CHAIN);
    for (int k = 0; k < N; k++) { /* log-normal: ESS = exp(-s^2) */
        log_weight[k] = kr_rng_normal(&rng);
    }
    kr_compare_value v = estimate(DRAWS, 1, log_weight);
    assert_true(v.is_resolved);
    assert_close(v.n_independent / (N * exp(-1.0)), 1.0, 0.1);
    log_weight[0] = 14.0;
    assert_false(estimate(DRAWS, 1, log_weight).is_resolved);
}

/* Members of a run: `kin` of them are equal. */
static kr_compare_value estimate_runs(int64_t n_runs, int kin, double families)
{
    const kr_compare_plain plain = { .x = x,
                                     .n_draws = n_runs,
                                     .n_rows = CHAINS,
                                     .every = 5,
                                     .group = 1,
                                     .log_weight = log_weight,
                                     .cpu_s = 2.0 };
    kr_compare_value value;
    kr_error err = { 0 };
    plant(0.0, 0.0);
    for (int k = 0; k < N; k++) {
        x[k] = k % CHAINS % kin ? x[k - 1] : x[k];
        log_weight[k] = 100.0;
        family[k % DRAWS] = families;
    }
    assert_ok(kr_compare_estimate_runs(&plain, family, &value, &err), &err);
    return value;
}

static void runs_are_independent_their_members_are_not(void **state)
{
    (void)state;
    kr_compare_value v = estimate_runs(2000, 4, 1.2);
    assert_true(v.is_resolved);
    assert_close(v.n_independent / (2000.0 * CHAINS / 4.0), 1.0, 0.15);
    assert_false(estimate_runs(19, 1, 1.0).is_resolved);   /* few runs */
    assert_false(estimate_runs(2000, 4, 8.0).is_resolved); /* large families */
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(cost_is_two_tau_times_cpu_per_draw),
        cmocka_unit_test(chains_that_disagree_are_not_resolved),
        cmocka_unit_test(chains_shorter_than_50_tau_are_not_resolved),
        cmocka_unit_test(what_never_changed_is_not_resolved_and_flatters_nobody),
        cmocka_unit_test(coupled_chains_count_once),
        cmocka_unit_test(equal_weights_are_no_weights),
        cmocka_unit_test(rough_weights_cost_samples),
        cmocka_unit_test(runs_are_independent_their_members_are_not),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
