/* SPDX-License-Identifier: GPL-3.0-or-later
 * tests/physics_annealing.c - population annealing of small systems against enumeration: log Z
 * and energies at every temperature, also with populations so small that only the weights of
 * the runs make them right. */
#include "kr_test.h"

#include "model/exact.h"
#include "run/spec.h"
#include "stats/stats.h"

enum { RUNS_MAX = 60000, POINTS_MAX = 16 };

typedef struct history {
    int64_t n;
    double z[POINTS_MAX][RUNS_MAX], ze[POINTS_MAX][RUNS_MAX],
        e[POINTS_MAX][RUNS_MAX]; /* Z ratio over the exact one;
           times the mean energy */
} history;

static double first(const double *mean, const void *context)
{
    (void)context;
    return log(mean[0]);
}

static double second(const double *mean, const void *context)
{
    (void)context;
    return mean[1];
}

static double ratio(const double *mean, const void *context)
{
    (void)context;
    return mean[1] / mean[0];
}

static void add_run(history *h, const kr_sampler *s, const kr_spec *spec, const kr_exact *exact,
                    int64_t draw)
{
    const double *log_z = kr_sampler_annealing(s, draw, KR_ANNEALING_LOG_Z);
    const double *energy = kr_sampler_slab(s, draw, 0);
    int32_t n_points = spec->config.n_points;
    assert_true(h->n < RUNS_MAX);
    for (int32_t p = 0; p < n_points; p++) {
        double e = 0.0;
        for (int64_t c = 0; c < spec->config.n_chains; c++) {
            e += energy[c * n_points + p] / (double)spec->config.n_chains;
        }
        h->z[p][h->n] = exp(log_z[p] - (exact[p].log_z - exact[0].log_z));
        h->ze[p][h->n] = h->z[p][h->n] * e;
        h->e[p][h->n] = e;
    }
    h->n++;
}

/* Plain mean of the runs at the last point, in errors off the exact energy. */
static double plain_z(const history *h, int32_t p, double want)
{
    kr_error err = { 0 };
    double mean, error;
    const double *column[] = { h->z[p], h->e[p] };
    assert_ok(kr_jackknife(column, 2, 1, h->n, 1, second, NULL, &mean, &error, &err), &err);
    print_message("# without weights: e %.5f(%.0e) z %+.2f\n", mean, error,
                  (mean - want) / error);
    return (mean - want) / error;
}

/* The first point is the lowest beta. Errors beyond `largest` cannot tell. */
static void check(const char *name, const char *yaml, double largest, bool needs_weights)
{
    kr_error err = { 0 };
    kr_exact exact[POINTS_MAX];
    history *h = calloc(1, sizeof *h);
    kr_runfile *file = kr_runfile_parse("test", yaml, strlen(yaml), &err);
    kr_spec *spec = file ? kr_spec_alloc(file, &err) : NULL;
    kr_sampler *s = spec ? kr_sampler_alloc(&spec->config, &err) : NULL;
    if (!s || !h) {
        fail_msg("%s", err.text);
        return;
    }
    assert_true(spec->config.n_points <= POINTS_MAX);
    for (int32_t p = 0; p < spec->config.n_points; p++) {
        assert_ok(kr_exact_best(&spec->target[p], 1e6, &exact[p], &err), &err);
    }
    while (kr_sampler_stage(s) != KR_STAGE_DONE) {
        assert_ok(kr_sampler_advance(s, 64, &err), &err);
        for (int64_t d = 0; d < kr_sampler_n_new(s); d++) {
            add_run(h, s, spec, exact, d);
        }
    }
    for (int32_t p = 0; p < spec->config.n_points; p++) {
        const double *column[] = { h->z[p], h->ze[p] };
        double log_z, log_z_error, e, e_error;
        assert_ok(kr_jackknife(column, 2, 1, h->n, 1, first, NULL, &log_z, &log_z_error, &err),
                  &err);
        assert_ok(kr_jackknife(column, 2, 1, h->n, 1, ratio, NULL, &e, &e_error, &err), &err);
        double want = exact[p].energy_per_site;
        print_message("# %s beta %g: log Z - exact %+.2e(%.0e) z %+.2f, e %.5f(%.0e) exact "
                      "%.5f z %+.2f\n",
                      name, spec->target[p].beta, log_z, log_z_error,
                      p ? log_z / log_z_error : 0.0, e, e_error, want, (e - want) / e_error);
        assert_true(log_z_error <= largest && e_error <= largest);
        assert_within_sigma(e, e_error, want, 4.6);
        if (p > 0) {
            assert_within_sigma(log_z, log_z_error, 0.0, 4.6);
        }
    }
    int32_t last = spec->config.n_points - 1;
    if (needs_weights) { /* else the comparison could not tell whether the weights are right */
        assert_true(fabs(plain_z(h, last, exact[last].energy_per_site)) > 10.0);
    }
    kr_sampler_free(s);
    kr_spec_free(spec);
    free(h);
}

#define ISING                                                                                  \
    "model: {name: ising}\nlattice: {name: hypercubic, size: [4, 4]}\nseed: 3\n"               \
    "updates: [heat_bath]\nobservables: [energy]\npopulation_annealing: {}\n"
#define GLASS                                                                                  \
    "model: {name: ising, disorder: {kind: pm1, seed: 5}, field: 0.1}\n"                       \
    "lattice: {name: hypercubic, size: [4, 4]}\nseed: 4\n"                                     \
    "updates: [metropolis, wolff]\nobservables: [energy]\npopulation_annealing: {}\n"
#define POTTS                                                                                  \
    "model: {name: potts, q: 3}\nlattice: {name: hypercubic, size: [3, 3]}\nseed: 5\n"         \
    "updates: [heat_bath]\nobservables: [energy]\npopulation_annealing: {}\n"

static void large_populations_give_exact_log_z_and_energies(void **state)
{
    (void)state;
    check("ising",
          ISING "chains: 500\nphases: {every: 2, measure: 1000}\n"
                "beta: {from: 0, to: 0.8, count: 9}\n",
          0.006, false);
    check("glass",
          GLASS "chains: 300\nphases: {every: 2, measure: 1000}\n"
                "beta: {from: 0, to: 1.5, count: 11}\n",
          0.006, false);
}

/* The product of mean weights is without bias for any population and any updates that leave
 * exp(-beta H) invariant, so is its product with a mean; the plain mean of runs would be off.
 */
static void populations_of_three_with_few_moves_are_exact_too(void **state)
{
    (void)state;
    check("ising, 3 members",
          ISING "chains: 3\nphases: {every: 1, measure: 50000}\nbeta: [0, 0.15, 0.3, 0.4]\n",
          0.02, true);
    check("potts, 3 members",
          POTTS "chains: 3\nphases: {every: 1, measure: 50000}\nbeta: [0, 0.3, 0.5, 0.8]\n",
          0.02, true);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(large_populations_give_exact_log_z_and_energies),
        cmocka_unit_test(populations_of_three_with_few_moves_are_exact_too),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
