/* SPDX-License-Identifier: GPL-3.0-or-later
 * model/block.c - blocks of chains: life cycle, layouts, starts, energy audit. */
#include "model/block.h"

#include "base/memory.h"
#include "base/rng.h"
#include "base/state.h"
#include "model/terms.h"

#include <math.h>
#include <string.h>

kr_block *kr_block_alloc(const kr_terms *terms, int32_t n_lanes, int32_t first_chain,
                         int32_t point, kr_error *err)
{
    if (n_lanes < 1 || n_lanes > KR_LANES_MAX) {
        kr_fail(err, KR_EINVAL, "block: %d chains, want 1..%d", n_lanes, KR_LANES_MAX);
        return NULL;
    }
    kr_block *block = kr_alloc(1, sizeof *block, err);
    if (!block) {
        return NULL;
    }
    block->layout = KR_LAYOUT_CHAIN;
    block->n_lanes = n_lanes;
    block->stride = (n_lanes + KR_LANES_PAD - 1) / KR_LANES_PAD * KR_LANES_PAD;
    block->first_chain = first_chain;
    block->point = point;
    block->n_sites = terms->n_sites;
    block->q = terms->q;
    block->log_q_of = -1;
    block->state = kr_alloc((size_t)block->stride * (size_t)block->n_sites, 1, err);
    block->spare = kr_alloc((size_t)block->stride * (size_t)block->n_sites, 1, err);
    block->energy = kr_alloc(KR_LANES_MAX, sizeof *block->energy, err);
    block->log_q = kr_alloc(KR_LANES_MAX, sizeof *block->log_q, err);
    block->rng = kr_alloc(1, sizeof *block->rng, err);
    if (!block->state || !block->spare || !block->energy || !block->log_q || !block->rng) {
        kr_block_free(block);
        return NULL;
    }
    return block;
}

void kr_block_free(kr_block *block)
{
    if (block) {
        kr_free(block->rng);
        kr_free(block->log_q);
        kr_free(block->energy);
        kr_free(block->spare);
        kr_free(block->state);
        kr_free(block);
    }
}

int32_t kr_block_lanes(int64_t n_chains)
{
    int32_t lanes = 16;
    while (lanes < KR_LANES_MAX && lanes < n_chains / 8) {
        lanes *= 2;
    }
    return lanes;
}

/* The bytes that no chain owns stay zero, so equal chains make equal restart files. The
 * addresses stay too: a state table borrows them. */
bool kr_block_convert(kr_block *block, kr_layout layout)
{
    if (block->layout == layout) {
        return false;
    }
    size_t n = (size_t)block->n_sites, lanes = (size_t)block->n_lanes;
    size_t stride = (size_t)block->stride, tile = 64;
    memset(block->spare, 0, stride * n);
    for (size_t begin = 0; begin < n; begin += tile) {
        size_t end = begin + tile < n ? begin + tile : n;
        for (size_t lane = 0; lane < lanes; lane++) {
            for (size_t i = begin; i < end; i++) {
                size_t chain_major = lane * n + i, site_major = i * stride + lane;
                if (layout == KR_LAYOUT_LANE) {
                    block->spare[site_major] = block->state[chain_major];
                } else {
                    block->spare[chain_major] = block->state[site_major];
                }
            }
        }
    }
    memcpy(block->state, block->spare, stride * n);
    block->layout = layout;
    return true;
}

void kr_block_start_lane(kr_block *block, int32_t lane, int32_t start_state, kr_rng *rng)
{
    uint8_t *state = block->state + (size_t)lane * (size_t)block->n_sites;
    uint32_t q = (uint32_t)block->q;
    if (start_state == KR_START_RANDOM) {
        for (int32_t i = 0; i < block->n_sites; i++) {
            state[i] = (uint8_t)kr_rng_below(rng, q);
        }
    } else {
        uint32_t a =
            start_state == KR_START_ANY_ORDERED ? kr_rng_below(rng, q) : (uint32_t)start_state;
        memset(state, (int)a, (size_t)block->n_sites);
    }
    block->log_q_of = -1;
}

static double lane_energy(const kr_block *block, const kr_terms *terms, int32_t lane)
{
    bool by_lane = block->layout == KR_LAYOUT_LANE;
    size_t offset = (size_t)lane * (by_lane ? 1 : (size_t)block->n_sites);
    return kr_terms_energy(terms, block->state + offset, by_lane ? (size_t)block->stride : 1);
}

void kr_block_score(kr_block *block, const kr_terms *terms)
{
    for (int32_t lane = 0; lane < block->n_lanes; lane++) {
        block->energy[lane] = lane_energy(block, terms, lane);
    }
    block->log_q_of = -1;
}

double kr_block_audit(kr_block *block, const kr_terms *terms)
{
    double worst = 0.0;
    for (int32_t lane = 0; lane < block->n_lanes; lane++) {
        double energy = lane_energy(block, terms, lane);
        double off = fabs(block->energy[lane] - energy);
        worst = off <= worst ? worst : off; /* a NaN is kept */
        block->energy[lane] = energy;
    }
    return worst;
}

_Static_assert(sizeof(kr_layout) == sizeof(int32_t), "layout is saved as a 32-bit integer");

int kr_block_declare(kr_block *block, kr_state *table, kr_error *err)
{
    size_t bytes = (size_t)block->stride * (size_t)block->n_sites;
    KR_TRY(kr_state_add(table, "state", KR_U8, bytes, block->state, err));
    KR_TRY(kr_state_add(table, "energy", KR_F64, KR_LANES_MAX, block->energy, err));
    KR_TRY(kr_state_add(table, "log_q", KR_F64, KR_LANES_MAX, block->log_q, err));
    KR_TRY(kr_state_add(table, "log_q_of", KR_I32, 1, &block->log_q_of, err));
    KR_TRY(kr_state_add(table, "log_q_epoch", KR_I64, 1, &block->log_q_epoch, err));
    KR_TRY(kr_state_add(table, "layout", KR_I32, 1, &block->layout, err));
    return kr_rng_declare(block->rng, table, err);
}
