/* SPDX-License-Identifier: GPL-3.0-or-later
 * tests/stirred.h - random weights for a density of the registry. */
#ifndef KR_STIRRED_H
#define KR_STIRRED_H

#include "kr_test.h"

#include "base/rng.h"

enum { STIRRED_SITES_MAX = 512 };

/* Moves weights that matter, so that a fresh network with a zero last layer proposes something
 * uneven too; weights without a gradient (padding) stay as they are. */
static inline void stirred_weights(const kr_density *density, kr_rng *rng)
{
    const kr_density_plug *plug = density->plug;
    if (!plug->n_weights || plug->n_weights(density->self) == 0) {
        return;
    }
    size_t n = plug->n_weights(density->self);
    float *weights = plug->weights(density->self);
    float *gradient = aligned_alloc(64, (n * sizeof *gradient + 63) / 64 * 64);
    void *scratch =
        aligned_alloc(64, (plug->scratch_bytes(density->self, KR_LANES_PAD) + 127) / 64 * 64);
    uint8_t *state = aligned_alloc(64, KR_LANES_PAD * STIRRED_SITES_MAX);
    double coefficient[KR_LANES_PAD];
    memset(state, 0, KR_LANES_PAD * STIRRED_SITES_MAX);
    for (int pass = 0; pass < 3; pass++) {
        for (int lane = 0; lane < KR_LANES_PAD; lane++) {
            coefficient[lane] = kr_rng_normal(rng);
        }
        double log_q[KR_LANES_PAD];
        plug->sample_tail(density->self, 0, KR_LANES_PAD, state, log_q, rng, scratch);
        memset(gradient, 0, n * sizeof *gradient);
        plug->grad(density->self, KR_LANES_PAD, state, coefficient, gradient, NULL, scratch);
        for (size_t w = 0; w < n; w++) {
            weights[w] += gradient[w] != 0.0F ? (float)(0.3 * kr_rng_normal(rng)) : 0.0F;
        }
    }
    free(state);
    free(scratch);
    free(gradient);
}

#endif
