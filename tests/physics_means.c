/* SPDX-License-Identifier: GPL-3.0-or-later
 * tests/physics_means.c - means that updates give beside the states, in whole runs: against
 * enumeration and Kaufman's energy, with scans, replica exchange, learning while measuring and
 * other updates beside them. Errors come from the independent chains (Student). */
#include "kr_test.h"

#include "model/exact.h"
#include "model/quantity.h"
#include "run/spec.h"
#include "stats/stats.h"

#include <math.h>

enum { POINTS_MAX = 3, COMPARED = 40 };

/* ---- exact means ------------------------------------------------------------------------- */

typedef struct exact_means {
    const kr_terms *terms;
    double beta, low, z, sum[KR_QUANTITIES_MAX];
} exact_means;

static void add_state(void *context, const uint8_t *state, double energy)
{
    exact_means *x = context;
    int64_t count[KR_STATES_MAX] = { 0 };
    double value[KR_QUANTITIES_MAX], w = exp(-x->beta * (energy - x->low));
    for (int32_t i = 0; i < x->terms->n_sites; i++) {
        count[state[i]]++;
    }
    kr_quantity_values(x->terms, energy, count, value);
    x->z += w;
    for (int32_t k = 0; k < kr_quantities(x->terms); k++) {
        x->sum[k] += w * value[k];
    }
}

/* Kaufman's formula gives the energy only; the others are NaN then. */
static void exact_of(const kr_target *target, double want[KR_QUANTITIES_MAX])
{
    kr_error err = { 0 };
    kr_exact best;
    assert_ok(kr_exact_best(target, 1e6, &best, &err), &err);
    for (int32_t k = 0; k < KR_QUANTITIES_MAX; k++) {
        want[k] = k == 0 ? best.energy_per_site : (double)NAN;
    }
    if (pow(target->terms->q, target->terms->n_sites) <= 1e5) {
        exact_means x = { .terms = target->terms, .beta = target->beta };
        x.low = best.energy_per_site * target->terms->n_sites;
        assert_ok(kr_enumerate_visit(target->terms, add_state, &x, &err), &err);
        for (int32_t k = 0; k < kr_quantities(target->terms); k++) {
            want[k] = x.sum[k] / x.z;
        }
    }
}

/* ---- a run ------------------------------------------------------------------------------- */

typedef struct sums { /* over the draws, of each chain */
    int64_t n_draws, n_chains;
    int32_t n_points;
    double *of[2][KR_QUANTITIES_MAX]; /* means; energy of the states in [1][0] */
} sums;

static void add_draws(const kr_sampler *s, sums *sum, int32_t first, int32_t n)
{
    int64_t rows = sum->n_chains * sum->n_points;
    for (int64_t draw = 0; draw < kr_sampler_n_new(s); draw++) {
        for (int32_t k = 0; k < n; k++) {
            const double *x = kr_sampler_slab(s, draw, first + k);
            for (int64_t r = 0; r < rows; r++) {
                sum->of[0][k][r] += x[r];
            }
        }
        for (int64_t r = 0; r < rows; r++) {
            sum->of[1][0][r] += kr_sampler_slab(s, draw, 0)[r];
        }
        sum->n_draws++;
    }
}

/* Mean and error of a sum at a point, by chains. */
static void over_chains(const sums *sum, const double *x, int32_t p, double *mean,
                        double *error)
{
    double n = (double)sum->n_chains, s1 = 0.0, s2 = 0.0;
    for (int64_t c = 0; c < sum->n_chains; c++) {
        s1 += x[c * sum->n_points + p] / (double)sum->n_draws;
    }
    for (int64_t c = 0; c < sum->n_chains; c++) {
        double d = x[c * sum->n_points + p] / (double)sum->n_draws - s1 / n;
        s2 += d * d;
    }
    *mean = s1 / n;
    *error = sqrt(s2 / (n * (n - 1.0)));
}

static void compare(const char *name, const kr_spec *spec, const sums *sum, int32_t n,
                    double largest, double least_gain)
{
    for (int32_t p = 0; p < sum->n_points; p++) {
        double want[KR_QUANTITIES_MAX], mean, error, plain, plain_error;
        exact_of(&spec->target[p], want);
        over_chains(sum, sum->of[1][0], p, &plain, &plain_error);
        for (int32_t k = 0; k < n; k++) {
            char text[KR_QUANTITY_NAME];
            over_chains(sum, sum->of[0][k], p, &mean, &error);
            print_message("# %s beta %g %s: %.5f(%.0e) exact %.5f z %+.2f\n", name,
                          spec->target[p].beta,
                          kr_quantity_column(spec->target[p].terms, k, text).name, mean, error,
                          want[k], (mean - want[k]) / error);
            if (!isnan(want[k])) {
                assert_true(error <= largest * fmax(fabs(want[k]), 0.2));
                assert_within_sigma(mean, error, want[k], kr_z_limit(COMPARED));
            }
        }
        over_chains(sum, sum->of[0][0], p, &mean, &error);
        double gain = plain_error * plain_error / (error * error);
        print_message("# %s beta %g: energy of the states %.5f(%.0e), gain %.2f\n", name,
                      spec->target[p].beta, plain, plain_error, gain);
        assert_true(gain >= least_gain);
    }
}

/* largest: relative error, of quantities below 0.2 relative to that. */
static void check(const char *name, const char *yaml, double largest, double least_gain)
{
    kr_error err = { 0 };
    kr_runfile *file = kr_runfile_parse("test", yaml, strlen(yaml), &err);
    kr_spec *spec = file ? kr_spec_alloc(file, &err) : NULL;
    kr_sampler *s = spec ? kr_sampler_alloc(&spec->config, &err) : NULL;
    if (!s) {
        fail_msg("%s: %s", name, err.text);
        return;
    }
    sums sum = { .n_chains = spec->config.n_chains, .n_points = spec->config.n_points };
    int32_t n = kr_quantities(spec->target[0].terms);
    for (int k = 0; k < 2 * KR_QUANTITIES_MAX; k++) {
        sum.of[k / KR_QUANTITIES_MAX][k % KR_QUANTITIES_MAX] =
            calloc((size_t)(sum.n_chains * sum.n_points), sizeof(double));
    }
    while (kr_sampler_stage(s) != KR_STAGE_DONE) {
        bool is_measured = kr_sampler_stage(s) == KR_STAGE_MEASURE;
        assert_ok(kr_sampler_advance(s, 64, &err), &err);
        if (is_measured) {
            add_draws(s, &sum, kr_sampler_first_mean(s), n);
        }
    }
    compare(name, spec, &sum, n, largest, least_gain);
    for (int k = 0; k < 2 * KR_QUANTITIES_MAX; k++) {
        free(sum.of[k / KR_QUANTITIES_MAX][k % KR_QUANTITIES_MAX]);
    }
    kr_sampler_free(s);
    kr_spec_free(spec);
}

/* Fresh weights: the exact local field of the sites drawn before and nothing else. */
#define SMALL                                                                                  \
    "lattice: {name: hypercubic, size: [4, 4]}\nchains: 48\nseed: 9\n"                         \
    "densities: {net: {name: frontier, hidden: 4}}\nobservables: [energy]\n"
#define FRESH "training: {certificate: 64}\n"

static void means_of_scanned_points_are_exact(void **state)
{
    (void)state;
    check("ising",
          SMALL FRESH "model: {name: ising, field: 0.05}\nbeta: [0.3, 0.45]\n"
                      "updates: [{name: multi_try, density: net, tries: 4}]\n"
                      "phases: {thermalize: 200, adapt: 0, measure: 6000, every: 3}\n",
          0.02, 1.5);
}

/* A point is a slot; what its tally holds comes from several calls between exchanges. */
static void means_under_replica_exchange_are_exact(void **state)
{
    (void)state;
    check("ladder",
          SMALL FRESH "model: {name: ising, disorder: {kind: pm1, seed: 5}, field: 0.1}\n"
                      "beta: [0.3, 0.5, 0.8]\ntempering: {every: 2}\n"
                      "updates: [heat_bath, {name: multi_try, density: net, tries: 4}]\n"
                      "phases: {thermalize: 200, adapt: 0, measure: 6000, every: 5}\n",
          0.01, 1.0);
}

/* The weights that a chain moves under are those of the other chains' states. */
static void means_while_densities_learn_are_exact(void **state)
{
    (void)state;
    check("alternating",
          SMALL "training: {certificate: 64, batch: 16, max_work: 0.2, "
                "while_measuring: alternating, turn_steps: 1}\n"
                "model: {name: ising, field: 0.05}\nbeta: 0.4\n"
                "updates: [heat_bath, {name: multi_try, density: net, tries: 3}]\n"
                "phases: {thermalize: 200, adapt: 50, measure: 3000, every: 2}\n",
          0.02, 0.8);
}

static void the_critical_energy_is_that_of_kaufman(void **state)
{
    (void)state;
    check("16 x 16",
          "model: {name: ising}\nlattice: {name: hypercubic, size: [16, 16]}\nchains: 64\n"
          "beta: 0.44068679350977151\nseed: 2\nstart: mixed\nobservables: [energy]\n"
          "densities: {net: {name: multilevel, hidden: 16, radius: 3.2}}\n"
          "updates: [heat_bath, {name: multi_try, density: net, tries: 8}]\n"
          "training: {target_ess: 0.8, max_work: 3, forward: 0.4, certificate: 64}\n"
          "phases: {thermalize: 200, adapt: 20000, measure: 1000, every: 1}\n",
          0.001, 2.0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(means_of_scanned_points_are_exact),
        cmocka_unit_test(means_under_replica_exchange_are_exact),
        cmocka_unit_test(means_while_densities_learn_are_exact),
        cmocka_unit_test(the_critical_energy_is_that_of_kaufman),
    };
    return cmocka_run_group_tests_name("means in runs", tests, NULL, NULL);
}
