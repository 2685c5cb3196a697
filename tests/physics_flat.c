/* SPDX-License-Identifier: GPL-3.0-or-later
 * tests/physics_flat.c - multicanonical runs against exact densities of states: z of every
 * level within the limit, at stated errors; a wrong table of weights is seen. */
#include "dos_reference.h"
#include "kr_test.h"

#include "base/memory.h"
#include "run/spec.h"
#include "stats/stats.h"

enum { BINS_MAX = 1024, GROUPS_MAX = 64 };

typedef struct flat_run {
    int64_t n_trips, n_groups;
    int32_t n_bins;
    bool is_flat;
    double e_min, width, log_states;
    double log_w[BINS_MAX], visits[GROUPS_MAX * (BINS_MAX + 2)];
} flat_run;

#define RUN(model, size, range, measure)                                                       \
    "model: " model "\nlattice: {name: hypercubic, size: " size "}\nbeta: 0.5\nchains: 64\n"   \
    "seed: 3\nphases: {thermalize: 100, measure: " measure ", every: 20}\n"                    \
    "observables: [energy]\nmulticanonical: {" range "}\n"

static flat_run *sample(const char *yaml, int32_t n_threads)
{
    kr_error err = { 0 };
    kr_runfile *file = kr_runfile_parse("test", yaml, strlen(yaml), &err);
    kr_spec *spec = file ? kr_spec_alloc(file, &err) : NULL;
    if (spec) {
        spec->config.n_threads = n_threads;
    }
    kr_sampler *sampler = spec ? kr_sampler_alloc(&spec->config, &err) : NULL;
    flat_run *run = calloc(1, sizeof *run);
    if (!sampler || !run) {
        fail_msg("%s\n%s", err.text, yaml);
        return NULL;
    }
    while (kr_sampler_stage(sampler) != KR_STAGE_DONE) {
        assert_ok(kr_sampler_advance(sampler, 64, &err), &err);
        for (int64_t d = 0; !kr_sampler_new_is_warmup(sampler) && d < kr_sampler_n_new(sampler);
             d++) {
            const double *trips =
                kr_sampler_slab(sampler, d, kr_sampler_first_flat(sampler) + 2);
            for (int64_t c = 0; c < spec->config.n_chains; c++) {
                run->n_trips += (int64_t)trips[c];
            }
        }
    }
    kr_flat_report r;
    assert_true(kr_sampler_flat(sampler, &r));
    assert_true(r.weights->n_bins <= BINS_MAX && r.n_groups <= GROUPS_MAX);
    run->n_bins = r.weights->n_bins;
    run->n_groups = r.n_groups;
    run->is_flat = r.is_flat;
    run->e_min = r.weights->e_min;
    run->width = r.weights->width;
    run->log_states = spec->target[0].terms->n_sites * log((double)spec->target[0].terms->q);
    memcpy(run->log_w, r.weights->log_w, (size_t)run->n_bins * sizeof(double));
    memcpy(run->visits, r.mass,
           (size_t)r.n_groups * ((size_t)run->n_bins + 2) * sizeof(double));
    kr_sampler_free(sampler);
    kr_spec_free(spec);
    return run;
}

/* Largest |z| of a level; *error: largest error of log g. */
static double compare(const flat_run *run, const dos_row *exact, int64_t n, double *error)
{
    static double log_g[BINS_MAX], errors[BINS_MAX];
    kr_error err = { 0 };
    const kr_dos dos = { .n_groups = run->n_groups,
                         .n_bins = run->n_bins,
                         .e_min = run->e_min,
                         .width = run->width,
                         .log_w = run->log_w,
                         .visits = run->visits,
                         .log_states = run->log_states };
    assert_ok(kr_dos_estimate(&dos, log_g, errors, &err), &err);
    double worst = 0.0;
    int64_t n_compared = 0;
    *error = 0.0;
    for (int64_t k = 0; k < n; k++) {
        double bin = (exact[k].energy - run->e_min) / run->width;
        if (bin < 0.0 || bin >= run->n_bins) {
            continue;
        }
        assert_close(bin, rint(bin), 1e-12);
        int32_t b = (int32_t)rint(bin);
        if (!isfinite(log_g[b])) {
            fail_msg("level %g was never visited", exact[k].energy);
        }
        worst = fmax(worst, fabs(log_g[b] - exact[k].log_g) / errors[b]);
        *error = fmax(*error, errors[b]);
        n_compared++;
    }
    for (int32_t b = 0; b < run->n_bins; b++) { /* nothing where no state is */
        bool is_level = false;
        for (int64_t k = 0; k < n; k++) {
            is_level = is_level || fabs(exact[k].energy - run->e_min - run->width * b) < 1e-9;
        }
        assert_true(is_level || isinf(log_g[b]));
    }
    assert_true(n_compared > 5);
    return worst;
}

#define N(table) (sizeof(table) / sizeof *(table))

static const struct {
    const char *name, *yaml;
    const dos_row *exact;
    size_t n;
    double error; /* largest that is accepted */
} cases[] = {
    { "ising 4x4, whole range", RUN("{name: ising}", "[4, 4]", "to: 2", "20000"), dos_ising_4,
      N(dos_ising_4), 0.02 },
    { "ising 8x8, whole range", RUN("{name: ising}", "[8, 8]", "to: 2", "10000"), dos_ising_8,
      N(dos_ising_8), 0.05 },
    { "ising 16x16, whole range", RUN("{name: ising}", "[16, 16]", "to: 2", "20000"),
      dos_ising_16, N(dos_ising_16), 0.1 },
    { "potts q=3 4x4", RUN("{name: potts, q: 3}", "[4, 4]", "to: 0", "10000"), dos_potts_3_4,
      N(dos_potts_3_4), 0.02 },
    { "potts q=10 4x4", RUN("{name: potts, q: 10}", "[4, 4]", "", "10000"), dos_potts_10_4,
      N(dos_potts_10_4), 0.02 },
    { "potts q=3 8x8", RUN("{name: potts, q: 3}", "[8, 8]", "", "10000"), dos_potts_3_8,
      N(dos_potts_3_8), 0.05 },
};

static void densities_of_states_are_exact(void **state)
{
    (void)state;
    for (size_t k = 0; k < N(cases); k++) {
        double error;
        flat_run *run = sample(cases[k].yaml, 2);
        double worst = compare(run, cases[k].exact, (int64_t)cases[k].n, &error);
        print_message(
            "# %-26s %4d bins, %5lld round trips, errors up to %.4f, |z| up to %.2f\n",
            cases[k].name, run->n_bins, (long long)run->n_trips, error, worst);
        assert_true(run->is_flat);
        assert_true(run->n_trips > 30);
        assert_true(error < cases[k].error);
        assert_true(worst < kr_z_limit(1000));
        free(run);
    }
}

/* Planted error: the weights told to the analysis differ from those sampled at one level. */
static void a_wrong_weight_is_seen(void **state)
{
    (void)state;
    double error;
    flat_run *run = sample(cases[0].yaml, 1);
    assert_true(compare(run, cases[0].exact, (int64_t)cases[0].n, &error) < kr_z_limit(20));
    run->log_w[3] += 0.1;
    assert_true(compare(run, cases[0].exact, (int64_t)cases[0].n, &error) > 6.0);
    free(run);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(densities_of_states_are_exact),
        cmocka_unit_test(a_wrong_weight_is_seen),
    };
    return cmocka_run_group_tests_name("physics_flat", tests, NULL, NULL);
}
