/* SPDX-License-Identifier: GPL-3.0-or-later
 * tests/kr_glass.h - runs of spin glasses: means by point over pairs of chains. */
#ifndef KR_GLASS_H
#define KR_GLASS_H

#include "kr_test.h"

#include "run/spec.h"
#include "stats/stats.h"

enum { GLASS_POINTS_MAX = 512, GLASS_PAIRS_MAX = 64 };

/* Columns: energy, then those of overlap. */
enum {
    GLASS_ENERGY,
    GLASS_OVERLAP,
    GLASS_ABS,
    GLASS_SQUARE,
    GLASS_FOURTH,
    GLASS_LINK,
    GLASS_N
};

typedef struct glass {
    int32_t n_points;
    int n_pairs;
    double beta[GLASS_POINTS_MAX];
    int32_t ladder[GLASS_POINTS_MAX];
    double pair[GLASS_N][GLASS_POINTS_MAX][GLASS_PAIRS_MAX]; /* means over draws */
    double round_trips;                                      /* of the worst ladder */
    double excess[GLASS_POINTS_MAX]; /* by ladder: sum over bonds of J^2 - 1, per site */
} glass;

static inline void glass_add(glass *g, const kr_sampler *s, int64_t draw, double weight)
{
    for (int k = 0; k < GLASS_N; k++) {
        const double *slab = kr_sampler_slab(s, draw, k);
        for (int32_t p = 0; p < g->n_points; p++) {
            for (int c = 0; c < g->n_pairs; c++) {
                const double *first = slab + 2 * c * g->n_points + p;
                g->pair[k][p][c] +=
                    weight * (k == GLASS_ENERGY ? 0.5 * (first[0] + first[g->n_points])
                                                : slab[c * g->n_points + p]);
            }
        }
    }
}

/* Runs the sampler that a run file describes; its observables are energy, overlap. Owned by the
 * caller (free). */
static inline glass *glass_run(const char *yaml)
{
    kr_error err = { 0 };
    glass *g = calloc(1, sizeof *g);
    kr_runfile *file = kr_runfile_parse("test", yaml, strlen(yaml), &err);
    kr_spec *spec = file ? kr_spec_alloc(file, &err) : NULL;
    if (spec) {
        spec->config.n_threads = 2;
    }
    kr_sampler *s = spec ? kr_sampler_alloc(&spec->config, &err) : NULL;
    if (!s || !g) {
        fail_msg("%s\n%s", err.text, yaml);
        return NULL;
    }
    g->n_points = spec->config.n_points;
    g->n_pairs = (int)spec->config.n_chains / 2;
    assert_true(g->n_points <= GLASS_POINTS_MAX && g->n_pairs <= GLASS_PAIRS_MAX);
    double n_draws = (double)(spec->config.measure / spec->config.every);
    while (kr_sampler_stage(s) != KR_STAGE_DONE) {
        assert_ok(kr_sampler_advance(s, 64, &err), &err);
        for (int64_t d = 0; !kr_sampler_new_is_warmup(s) && d < kr_sampler_n_new(s); d++) {
            glass_add(g, s, d, 1.0 / n_draws);
        }
    }
    g->round_trips = INFINITY;
    for (int32_t p = 0; p < g->n_points; p++) {
        kr_slot slot;
        kr_sampler_slot(s, p, &slot);
        g->beta[p] = spec->target[p].beta;
        g->ladder[p] = slot.ladder;
        const kr_terms *terms = spec->target[p].terms;
        g->excess[slot.ladder] = 0.0;
        for (int64_t t = 0; t < terms->n_terms; t++) {
            double J = terms->coupling[t];
            g->excess[slot.ladder] += (J * J - 1.0) / terms->n_sites;
        }
        g->round_trips = fmin(g->round_trips, (double)slot.round_trips);
    }
    kr_sampler_free(s);
    kr_spec_free(spec);
    return g;
}

static inline void glass_mean(const double *x, int n, double *mean, double *error)
{
    double sum = 0.0, square = 0.0;
    for (int k = 0; k < n; k++) {
        sum += x[k] / n;
    }
    for (int k = 0; k < n; k++) {
        square += (x[k] - sum) * (x[k] - sum);
    }
    *mean = sum;
    *error = sqrt(square / ((double)n * (n - 1.0)));
}

#endif
