/* SPDX-License-Identifier: GPL-3.0-or-later
 * tests/chain_density.h - the simplest density with memory: each site is drawn from integer
 * weights that depend on the site before it. No weights to train. */
#ifndef KR_CHAIN_DENSITY_H
#define KR_CHAIN_DENSITY_H

#include "kr_test.h"

#include "base/rng.h"

typedef struct chain_density {
    int32_t n_sites, q;
    uint64_t *total;  /* (n_sites, q) by site and state of the site before */
    uint32_t *weight; /* (n_sites, q, q) */
} chain_density;

static inline void chain_density_free(void *self)
{
    chain_density *d = self;
    free(d->total);
    free(d->weight);
    free(d);
}

static inline void *chain_density_alloc(const kr_target *target, const void *params,
                                        kr_error *err)
{
    (void)params;
    (void)err;
    chain_density *d = calloc(1, sizeof *d);
    d->n_sites = target->terms->n_sites;
    d->q = target->terms->q;
    size_t rows = (size_t)d->n_sites * (size_t)d->q;
    d->total = calloc(rows, sizeof *d->total);
    d->weight = calloc(rows * (size_t)d->q, sizeof *d->weight);
    kr_rng rng;
    kr_rng_seed(&rng, 77, 0, KR_PURPOSE_TEST);
    for (size_t k = 0; k < rows * (size_t)d->q; k++) {
        d->weight[k] = 1 + kr_rng_below(&rng, 1000);
        d->total[k / (size_t)d->q] += d->weight[k];
    }
    return d;
}

static inline size_t chain_density_row(const chain_density *d, int32_t i, const uint8_t *state,
                                       size_t stride)
{
    size_t before = i > 0 ? state[(size_t)(i - 1) * stride] : 0;
    return (size_t)i * (size_t)d->q + before;
}

static inline size_t chain_density_stride(int32_t n_lanes)
{
    return kr_lanes_pad((size_t)n_lanes);
}

static inline void chain_density_log_q(const void *self, int32_t k, int32_t n_lanes,
                                       const uint8_t *state, double *log_q, void *scratch)
{
    (void)scratch;
    const chain_density *d = self;
    size_t stride = chain_density_stride(n_lanes);
    for (int32_t lane = 0; lane < n_lanes; lane++) {
        log_q[lane] = 0.0;
        for (int32_t i = k; i < d->n_sites; i++) {
            size_t row = chain_density_row(d, i, state + lane, stride);
            uint8_t a = state[(size_t)i * stride + (size_t)lane];
            log_q[lane] += log(d->weight[row * (size_t)d->q + a] / (double)d->total[row]);
        }
    }
}

static inline void chain_density_sample(const void *self, int32_t k, int32_t n_lanes,
                                        uint8_t *state, double *log_q, kr_rng *rng,
                                        void *scratch)
{
    const chain_density *d = self;
    size_t stride = chain_density_stride(n_lanes);
    for (int32_t i = k; i < d->n_sites; i++) {
        for (int32_t lane = 0; lane < n_lanes; lane++) {
            size_t row = chain_density_row(d, i, state + lane, stride);
            state[(size_t)i * stride + (size_t)lane] = (uint8_t)kr_rng_integer_weights(
                rng, d->weight + row * (size_t)d->q, d->total[row], d->q);
        }
    }
    chain_density_log_q(self, k, n_lanes, state, log_q, scratch);
}

/* A batch of a pool of which only the first lanes are drawn: all would make too many branches.
 * The others hold states that no one may take. */
enum { CHAIN_POOLED = 2, CHAIN_SITES_MAX = 16 };
static inline void chain_density_sample_pooled(const void *self, int32_t k, int32_t n_lanes,
                                               uint8_t *state, double *log_q, kr_rng *rng,
                                               void *scratch)
{
    uint8_t few[KR_LANES_PAD * CHAIN_SITES_MAX];
    const chain_density *d = self;
    assert_int_equal(n_lanes, KR_LANES_MAX);
    assert_true(d->n_sites <= CHAIN_SITES_MAX);
    chain_density_sample(self, k, CHAIN_POOLED, few, log_q, rng, scratch);
    memset(state, 0xff, KR_LANES_MAX * (size_t)d->n_sites);
    for (int32_t i = 0; i < d->n_sites; i++) {
        memcpy(state + (size_t)i * KR_LANES_MAX, few + (size_t)i * KR_LANES_PAD, CHAIN_POOLED);
    }
}

static inline size_t chain_density_scratch(const void *self, int32_t n_lanes)
{
    (void)self;
    (void)n_lanes;
    return 0;
}

static inline kr_density_plug chain_density_plug(void)
{
    return (kr_density_plug){ .name = "chain",
                              .alloc = chain_density_alloc,
                              .free = chain_density_free,
                              .scratch_bytes = chain_density_scratch,
                              .sample_tail = chain_density_sample,
                              .log_q_tail = chain_density_log_q };
}

#endif
