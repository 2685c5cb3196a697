/* SPDX-License-Identifier: GPL-3.0-or-later
 * sampler/blocks.c - the chains of a point: blocks, pools of proposals, where chains start. */
#include "base/memory.h"
#include "model/block.h"
#include "sampler/private.h"

#include <math.h>

/* Pools of the densities whose proposals the chains may share. Where weights change at every
 * draw a pool would be void before it is used up. */
static int add_pools(const kr_sampler *s, kr_block *block, kr_error *err)
{
    if (s->config.training.while_measuring == KR_TRAINING_ALTERNATING) {
        return KR_OK;
    }
    for (int32_t u = 0; u < s->config.n_updates; u++) {
        const kr_schedule_entry *entry = &s->config.update[u];
        if (entry->plug->flags & KR_UPDATE_POOL) {
            KR_TRY(kr_block_add_pool(block, entry->density, err));
        }
    }
    return KR_OK;
}

static int check_start(const kr_sampler_config *config, const kr_terms *terms, kr_error *err)
{
    int64_t n_sites = terms->n_sites;
    if (!config->start_states) {
        return KR_OK;
    }
    if (config->n_start_states < 1) {
        return kr_fail(err, KR_ERANGE, "start: %lld configurations, want at least 1",
                       (long long)config->n_start_states);
    }
    const uint8_t *state = config->start_states;
    for (int64_t k = 0; !terms->action && k < config->n_start_states * n_sites; k++) {
        if (state[k] >= terms->q) {
            return kr_fail(err, KR_ERANGE,
                           "start: state %d at site %lld of configuration %lld, want 0..%d",
                           state[k], (long long)(k % n_sites), (long long)(k / n_sites),
                           terms->q - 1);
        }
    }
    return KR_OK;
}

static void start_lane(const kr_sampler_config *config, const kr_terms *terms, kr_block *block,
                       int32_t lane)
{
    int64_t chain = block->first_chain + lane;
    int32_t start = config->start;
    if (config->start_states) {
        int64_t row = chain % config->n_start_states;
        kr_block_set_lane(block, lane,
                          (const char *)config->start_states +
                              (size_t)row * kr_block_row_bytes(block));
    } else if (start == KR_START_MIXED) {
        const int32_t n = terms->n_phases;
        kr_block_start_phase(block, terms, lane, n ? (int32_t)(chain % n) : -1, block->rng);
    } else {
        kr_block_start(block, terms, lane, start, config->start_value, block->rng);
    }
}

int kr_block_check_finite(const kr_block *block, int64_t p, int status, kr_error *err)
{
    for (int32_t l = 0; l < block->n_lanes; l++) {
        if (!isfinite(block->energy[l])) {
            return kr_fail(err, status,
                           "chain %d of point %lld: the action is %s, want a finite number: "
                           "no update leaves such a state%s",
                           block->first_chain + l, (long long)p,
                           isnan(block->energy[l])  ? "nan"
                           : block->energy[l] > 0.0 ? "inf"
                                                    : "-inf",
                           status == KR_ERANGE ? ", want another start" : "");
        }
    }
    return KR_OK;
}

/* Chains start as told; `mixed` takes the known phases by turns. */
int kr_blocks_alloc(kr_sampler *s, kr_point *point, kr_error *err)
{
    const kr_sampler_config *config = &s->config;
    const kr_terms *terms = point->target->terms;
    int32_t lanes = kr_alternating_lanes(config), p = (int32_t)(point - s->point);
    KR_TRY(check_start(config, terms, err));
    point->block = kr_alloc((size_t)s->n_blocks, sizeof(kr_block *), err);
    if (!point->block) {
        return KR_ENOMEM;
    }
    for (int32_t b = 0; b < s->n_blocks; b++) {
        int64_t left = config->n_chains - (int64_t)b * lanes;
        kr_block *block =
            kr_block_alloc(terms, (int32_t)(left < lanes ? left : lanes), b * lanes, p, err);
        point->block[b] = block;
        if (!block) {
            return KR_ENOMEM;
        }
        KR_TRY(kr_point_add_folds(s, point, block, err));
        KR_TRY(add_pools(s, block, err));
        uint64_t stream = (uint64_t)p << 32 | (uint64_t)b;
        kr_rng_seed(block->rng, config->seed, stream, KR_PURPOSE_START);
        for (int32_t l = 0; l < block->n_lanes; l++) {
            start_lane(config, terms, block, l);
        }
        kr_block_score(block, terms);
        KR_TRY(kr_block_check_finite(block, p, KR_ERANGE, err));
        kr_rng_seed(block->rng, config->seed, stream, KR_PURPOSE_CHAIN);
    }
    return KR_OK;
}
