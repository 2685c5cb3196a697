/* SPDX-License-Identifier: GPL-3.0-or-later
 * model/block_real.c - blocks of real-valued models: chains in the lanes of layout REAL. */
#include "model/block_real.h"

#include "base/rng.h"
#include "model/action.h"

#include <math.h>
#include <string.h>

void kr_block_real_start(kr_block *block, const kr_terms *terms, int32_t lane,
                         int32_t start_state, double value, kr_rng *rng)
{
    const kr_action *action = terms->action;
    const double two_pi = 6.283185307179586477;
    if (start_state == KR_START_ANY_ORDERED) {
        value = terms->n_phases
                    ? terms->phase[kr_rng_below(rng, (uint32_t)terms->n_phases)].start_value
                : action->is_angle ? two_pi * (kr_rng_uniform(rng) - 0.5)
                                   : 0.0;
    }
    for (int32_t i = 0; i < block->n_sites; i++) {
        double *x = block->phi + (size_t)i * (size_t)block->stride + lane;
        if (start_state != KR_START_RANDOM) {
            *x = value;
        } else if (action->is_angle) {
            *x = two_pi * (kr_rng_uniform(rng) - 0.5);
        } else {
            *x = action->start_width * kr_rng_normal(rng);
        }
    }
}

void kr_block_real_copy(double *to, size_t to_stride, const double *from, size_t from_stride,
                        int32_t n_sites)
{
    for (size_t i = 0; i < (size_t)n_sites; i++) {
        to[i * to_stride] = from[i * from_stride];
    }
}

void kr_block_real_swap(kr_block *a, kr_block *b, uint64_t mask)
{
    for (size_t lane = 0; lane < (size_t)a->n_lanes; lane++) {
        if (!(mask >> lane & 1)) {
            continue;
        }
        for (size_t i = 0; i < (size_t)a->n_sites; i++) {
            double *x = a->phi + i * (size_t)a->stride + lane;
            double *y = b->phi + i * (size_t)b->stride + lane;
            const double kept = *x;
            *x = *y;
            *y = kept;
        }
    }
}
