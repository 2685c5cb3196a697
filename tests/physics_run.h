/* SPDX-License-Identifier: GPL-3.0-or-later
 * tests/physics_run.h - whole runs through run file and sampler, and comparison with values at
 * a stated largest relative error, so that a short run cannot pass.
 *
 * Errors come from the independent chains (Student), no tau_int is needed. */
#ifndef KR_PHYSICS_RUN_H
#define KR_PHYSICS_RUN_H

#include "kr_test.h"

#include "base/memory.h"
#include "model/exact.h"
#include "run/spec.h"
#include "stats/stats.h"

#include <time.h>

typedef struct mean_error {
    double mean, error;
} mean_error;

typedef struct result {
    mean_error energy, specific_heat, magnetization_squared;
    double seconds; /* CPU */
    kr_exact exact; /* of the target, where kr_exact_best knows it */
    int has_exact;
} result;

static inline mean_error over_chains(const double *sum, int64_t n_chains, double n_draws)
{
    double s1 = 0.0, s2 = 0.0, n = (double)n_chains;
    for (int64_t c = 0; c < n_chains; c++) {
        s1 += sum[c] / n_draws;
    }
    for (int64_t c = 0; c < n_chains; c++) {
        double d = sum[c] / n_draws - s1 / n;
        s2 += d * d;
    }
    return (mean_error){ s1 / n, sqrt(s2 / (n * (n - 1.0))) };
}

/* beta^2 N var(e) by the pseudo-values of the chains: each about the mean of all chains, so
 * that a short chain does not bias its square. */
static inline mean_error heat_over_chains(const double *e, const double *e2, int64_t n_chains,
                                          double n_draws, double scale)
{
    double all = over_chains(e, n_chains, n_draws).mean, n = (double)n_chains;
    double *c = kr_alloc((size_t)n_chains, sizeof *c, NULL);
    assert_non_null(c);
    for (int64_t k = 0; k < n_chains; k++) {
        double mean = e[k] / n_draws, d = mean - all;
        c[k] = scale * (e2[k] / n_draws - mean * mean + d * d * n / (n - 1.0));
    }
    mean_error out = over_chains(c, n_chains, 1.0);
    kr_free(c);
    return out;
}

/* Runs the sampler that a run file describes; observables are energy, magnetization. */
static inline result run(const char *yaml)
{
    kr_error err = { 0 };
    result out;
    clock_t begin = clock();
    kr_runfile *file = kr_runfile_parse("test", yaml, strlen(yaml), &err);
    kr_spec *spec = file ? kr_spec_alloc(file, &err) : NULL;
    if (spec) {
        spec->config.n_threads = 2;
    }
    kr_sampler *sampler = spec ? kr_sampler_alloc(&spec->config, &err) : NULL;
    if (!sampler) {
        fail_msg("%s\n%s", err.text, yaml);
    }
    int64_t n_chains = spec->config.n_chains;
    double *sum = kr_alloc((size_t)n_chains, sizeof *sum, NULL), n_draws = 0.0;
    double *sum_m2 = kr_alloc((size_t)n_chains, sizeof *sum_m2, NULL);
    double *sum_e2 = kr_alloc((size_t)n_chains, sizeof *sum_e2, NULL);
    assert_true(sum && sum_m2 && sum_e2);
    while (kr_sampler_stage(sampler) != KR_STAGE_DONE) {
        assert_ok(kr_sampler_advance(sampler, 64, &err), &err);
        for (int64_t d = 0; !kr_sampler_new_is_warmup(sampler) && d < kr_sampler_n_new(sampler);
             d++) {
            const double *e = kr_sampler_slab(sampler, d, 0),
                         *m2 = kr_sampler_slab(sampler, d, 3);
            for (int64_t c = 0; c < n_chains; c++) {
                sum[c] += e[c];
                sum_e2[c] += e[c] * e[c];
                sum_m2[c] += m2[c];
            }
            n_draws += 1.0;
        }
    }
    out.energy = over_chains(sum, n_chains, n_draws);
    const kr_target *target = &spec->target[0];
    out.specific_heat = heat_over_chains(sum, sum_e2, n_chains, n_draws,
                                         target->beta * target->beta * target->terms->n_sites);
    out.magnetization_squared = over_chains(sum_m2, n_chains, n_draws);
    out.has_exact = kr_exact_best(&spec->target[0], 1e6, &out.exact, NULL) == KR_OK;
    kr_free(sum);
    kr_free(sum_m2);
    kr_free(sum_e2);
    kr_sampler_free(sampler);
    kr_spec_free(spec);
    out.seconds = (double)(clock() - begin) / CLOCKS_PER_SEC;
    return out;
}

static inline void check(const char *what, mean_error got, double want, double rel,
                         int64_t n_compared)
{
    double z = (got.mean - want) / got.error;
    print_message("# %-58s %.6f(%.0e) exact %.6f z %+.2f\n", what, got.mean, got.error, want,
                  z);
    if (!(got.error <= rel * fabs(want))) {
        fail_msg("%s: error %.3g, want <= %.3g: the run is too short to tell", what, got.error,
                 rel * fabs(want));
    }
    assert_within_sigma(got.mean, got.error, want, kr_z_limit(n_compared));
}

#endif
