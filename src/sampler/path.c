/* SPDX-License-Identifier: GPL-3.0-or-later
 * sampler/path.c - points of a path of actions: draws of the law at t = 0, exchanges. */
#include "model/path.h"
#include "density/free_field.h"
#include "model/block.h"
#include "sampler/private.h"
#include "update/exchange.h"

bool kr_path_is_exact(const kr_point *point)
{
    return point->target->path && point->target->t == 0.0;
}

size_t kr_path_scratch(const kr_point *point)
{
    return kr_path_is_exact(point)
               ? kr_free_field_scratch_bytes(point->target->path->free_field)
               : 0;
}

void kr_path_refresh(const kr_point *point, kr_block *block, void *scratch)
{
#ifdef KR_RNG_ENUMERATE
    (void)point, (void)block, (void)scratch; /* real draws cannot be enumerated */
#else
    kr_free_field_sample(point->target->path->free_field, block->n_lanes, block->phi,
                         (size_t)block->stride, block->rng, scratch);
    kr_block_score(block, point->target->terms);
    kr_block_touch(block);
#endif
}

/* Chains that change places are of the other action then. */
uint64_t kr_path_exchange(kr_block *hot, const kr_target *a, kr_block *cold, const kr_target *b,
                          kr_rng *rng)
{
    double slope_a[KR_LANES_MAX], slope_b[KR_LANES_MAX];
    const double step = (b->t - a->t) / a->beta;
    kr_path_slope(a->path, hot, slope_a);
    kr_path_slope(a->path, cold, slope_b);
    const uint64_t accepted = kr_exchange_draw(hot->n_lanes, slope_a, a->t, slope_b, b->t, rng);
    for (int32_t l = 0; l < hot->n_lanes; l++) {
        if (accepted >> l & 1) {
            hot->energy[l] += step * slope_a[l];
            cold->energy[l] -= step * slope_b[l];
        }
    }
    return accepted;
}
