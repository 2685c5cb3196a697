/* SPDX-License-Identifier: GPL-3.0-or-later
 * tests/frontier_systems.h - small systems of every kind with a frontier density of random
 * weights. */
#ifndef KR_TEST_FRONTIER_SYSTEMS_H
#define KR_TEST_FRONTIER_SYSTEMS_H

#include "kr_test.h"

#include "base/memory.h"
#include "base/rng.h"
#include "density/frontier.h"
#include "model/terms.h"

extern const kr_density_plug kr_density_frontier;
static const kr_density_plug *const plug = &kr_density_frontier;

typedef enum kind {
    ISING, /* q = 2, J = 1 */
    GLASS, /* q = 2, random J */
    RANDOM_FIELD,
    LATTICE_GAS, /* q = 2, V = diag(0, 1) */
    POTTS,       /* q = 3, J = 1 */
    POTTS_GLASS, /* q = 4, random J */
    POTTS_FIELD, /* q = 3, random J and field */
    BLUME_CAPEL, /* q = 3, V = -ab, D a^2 */
    N_KINDS
} kind;

typedef struct density {
    kr_terms *terms;
    kr_target target;
    kr_frontier *self;
    size_t n_weights;
    float *weights;
    void *scratch;
    kr_rng rng;
} density;

static const int32_t states_of[N_KINDS] = { 2, 2, 2, 2, 3, 4, 3, 3 };

static inline void table_of(kind k, double *V)
{
    const int32_t q = states_of[k];
    for (int32_t a = 0; a < q; a++) {
        for (int32_t b = 0; b < q; b++) {
            double potts = a == b ? -1.0 : 0.25, spins = -(2.0 * a - q + 1) * (2.0 * b - q + 1);
            V[a * q + b] = k == LATTICE_GAS  ? (double)(a * b)
                           : k < LATTICE_GAS ? spins
                           : k < BLUME_CAPEL ? potts
                                             : spins / 4.0;
        }
    }
}

/* Grid of width x height sites, sites numbered along rows; bonds right and down. */
static inline kr_terms *make_terms(kind k, int32_t width, int32_t height, bool is_periodic,
                                   kr_rng *rng)
{
    double V[16];
    int32_t table, q = states_of[k];
    kr_error err = { .status = KR_OK };
    kr_terms *terms = kr_terms_alloc_empty(width * height, q, &err);
    table_of(k, V);
    assert_ok(kr_terms_add_table(terms, 2, V, &table, &err), &err);
    const bool is_random = k == GLASS || k == POTTS_GLASS || k == POTTS_FIELD;
    for (int32_t i = 0; i < width * height; i++) {
        const int32_t x = i % width, y = i / width;
        const int32_t right = y * width + (x + 1) % width, down = (y + 1) % height * width + x;
        const int32_t to[2] = { right, down };
        const bool inside[2] = { x + 1 < width, y + 1 < height };
        for (int d = 0; d < 2; d++) {
            if (inside[d] || is_periodic) {
                const int32_t pair[2] = { i, to[d] };
                const double J = is_random ? kr_rng_normal(rng) : 1.0;
                assert_ok(kr_terms_add(terms, table, pair, J, &err), &err);
            }
        }
        for (int32_t a = 0; a < q; a++) {
            terms->value[a] = a;
            terms->local[i * q + a] = k == BLUME_CAPEL ? 0.3 * (a - 1) * (a - 1)
                                      : k == RANDOM_FIELD || k == POTTS_FIELD
                                          ? kr_rng_normal(rng)
                                          : 0.0;
        }
    }
    assert_ok(kr_terms_finish(terms, &err), &err);
    return terms;
}

/* Random weights of the given size, padding untouched. */
static inline void randomize(density *d, double size)
{
    for (int32_t i = 0; i < d->terms->n_sites; i++) {
        kr_frontier_array array[KR_FRONTIER_ARRAYS];
        int n = kr_frontier_arrays(d->self, i, array);
        for (int k = 0; k < n; k++) {
            for (size_t r = 0; r < array[k].rows; r++) {
                for (size_t c = 0; c < array[k].columns; c++) {
                    d->weights[array[k].begin + r * array[k].pitch + c] =
                        (float)(size * kr_rng_normal(&d->rng));
                }
            }
        }
    }
}

static inline density make(kind k, int32_t width, int32_t height, bool is_periodic,
                           int64_t hidden, uint64_t seed)
{
    density d = { .terms = NULL };
    const kr_frontier_params params = { .hidden = hidden };
    kr_error err = { .status = KR_OK };
    kr_rng_seed(&d.rng, seed, 0, KR_PURPOSE_TEST);
    d.terms = make_terms(k, width, height, is_periodic, &d.rng);
    d.target = (kr_target){ .terms = d.terms, .beta = 0.7 };
    d.self = plug->alloc(&d.target, &params, &err);
    assert_ok(err.status, &err);
    assert_non_null(d.self);
    d.n_weights = plug->n_weights(d.self);
    d.weights = plug->weights(d.self);
    d.scratch = kr_alloc(plug->scratch_bytes(d.self, KR_LANES_MAX), 1, NULL);
    assert_non_null(d.scratch);
    randomize(&d, 0.5);
    return d;
}

static inline void drop(density *d)
{
    kr_free(d->scratch);
    plug->free(d->self);
    kr_terms_free(d->terms);
}

static inline int32_t stride_of(int32_t n_lanes)
{
    return (int32_t)kr_lanes_pad((size_t)n_lanes);
}

/* configuration number `code` in base q into lane l, sites from k on */
static inline void write_code(uint64_t code, int32_t q, int32_t k, int32_t N, int32_t stride,
                              int32_t l, uint8_t *state)
{
    for (int32_t i = k; i < N; i++, code /= (uint64_t)q) {
        state[i * stride + l] = (uint8_t)(code % (uint64_t)q);
    }
}

#endif
