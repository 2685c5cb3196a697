/* SPDX-License-Identifier: GPL-3.0-or-later
 * update/proposal.c - what the updates with a density share.
 *
 * With frozen weights proposals do not depend on the chains. A batch of q is cheapest per
 * sample when all its lanes are filled, so few chains draw ahead: the lanes of a batch serve
 * successive sweeps. The batch left over is declared state of the block, and it is dropped when
 * the epoch of the density moves on, which it does by training alone and never by the states of
 * chains. Threads: pure given block and scratch. */
#include "update/proposal.h"

#include "density/density.h"
#include "model/block_real.h"
#include "model/terms.h"

#include <math.h>

int kr_proposer_check_block(const char *update, bool takes_blocks,
                            const kr_density_plug *density, kr_error *err)
{
    return takes_blocks || !(density->flags & KR_DENSITY_BLOCK)
               ? KR_OK
               : kr_fail(err, KR_EUNSUP,
                         "%s proposes whole configurations, but density %s is made for a block "
                         "given all other sites, want update tail_refresh for it",
                         update, density->name);
}

int kr_proposer_init(kr_proposer *proposer, const char *update,
                     const kr_update_setting *setting, bool takes_blocks, kr_error *err)
{
    const kr_density *density = setting->density;
    if (!density) {
        return kr_fail(err, KR_EINVAL, "%s: no density given, want the name of one", update);
    }
    KR_TRY(kr_proposer_check_block(update, takes_blocks, density->plug, err));
    *proposer = (kr_proposer){ .terms = setting->target->terms,
                               .beta = setting->target->beta,
                               .density = density };
    return KR_OK;
}

size_t kr_proposer_inner_bytes(const kr_proposer *proposer)
{
    const kr_density *density = proposer->density;
    return kr_proposal_round(kr_density_scratch(density, KR_LANES_MAX));
}

size_t kr_proposer_queue_bytes(const kr_proposer *proposer)
{
    const size_t each = proposer->terms->action ? sizeof(double) : 1;
    return KR_LANES_MAX * ((size_t)proposer->terms->n_sites * each + 2 * sizeof(double));
}

void kr_proposer_score(const kr_proposer *proposer, kr_block *block, void *inner)
{
    const kr_density *density = proposer->density;
    if (block->log_q_of == density->index && block->log_q_epoch == density->epoch) {
        return;
    }
    kr_density_log_q(density, block->n_lanes, block->state, block->log_q, inner);
    block->log_q_of = density->index;
    block->log_q_epoch = density->epoch;
}

void kr_proposals_open(const kr_proposer *proposer, const kr_block *block, int64_t n_wanted,
                       void *queue, void *inner, kr_proposals *out)
{
    const kr_density *density = proposer->density;
    *out = (kr_proposals){ .n_wanted = n_wanted, .inner = inner, .stride = KR_LANES_MAX };
    for (int32_t k = 0; k < block->n_pools; k++) {
        out->pool = block->pool[k].density == density->index ? &block->pool[k] : out->pool;
    }
    if (!out->pool) {
        out->own.log_q = queue;
        out->own.energy = out->own.log_q + KR_LANES_MAX;
        out->own.state = out->own.energy + KR_LANES_MAX;
        out->own.epoch = density->epoch;
        out->pool = &out->own;
    }
    if (out->pool->epoch != density->epoch) {
        out->pool->n_used = out->pool->n_lanes = 0;
        out->pool->epoch = density->epoch;
    }
}

static void fill(const kr_proposer *proposer, kr_proposals *p, kr_rng *rng)
{
    const kr_density *density = proposer->density;
    bool is_full = p->pool != &p->own || p->n_wanted > KR_LANES_MAX;
    p->pool->n_lanes = is_full ? KR_LANES_MAX : (int32_t)p->n_wanted;
    p->pool->n_used = 0;
    p->stride = (int32_t)kr_lanes_pad((size_t)p->pool->n_lanes);
    kr_density_sample(density, p->pool->n_lanes, p->pool->state, p->pool->log_q, rng, p->inner);
    kr_terms_score(proposer->terms, p->pool->state, (size_t)p->stride, p->pool->n_lanes,
                   p->pool->energy);
}

const void *kr_proposals_next(const kr_proposer *proposer, kr_proposals *p, kr_rng *rng,
                              double *energy, double *log_q)
{
    kr_pool *pool = p->pool;
    if (pool->n_used == pool->n_lanes) {
        fill(proposer, p, rng);
    }
    const size_t each = proposer->terms->action ? sizeof(double) : 1;
    const void *state = (const char *)pool->state + (size_t)pool->n_used * each;
    *energy = pool->energy[pool->n_used];
    *log_q = pool->log_q[pool->n_used++];
    p->n_wanted--;
    return state;
}

double kr_proposal_acceptance(double log_ratio)
{
    if (isnan(log_ratio)) {
        return 0.0;
    }
    return log_ratio < 0.0 ? exp(log_ratio) : 1.0;
}

int64_t kr_proposal_take(kr_block *block, int32_t lane, int32_t k, const void *proposal_states,
                         size_t stride)
{
    int64_t changed = 0;
    if (block->phi) {
        kr_block_real_copy(block->phi + (size_t)k * (size_t)block->stride + lane,
                           (size_t)block->stride, proposal_states, stride, block->n_sites - k);
        return block->n_sites - k;
    }
    const uint8_t *proposal = proposal_states;
    for (int32_t i = k; i < block->n_sites; i++) {
        uint8_t *site = block->state + (size_t)i * (size_t)block->stride + lane;
        uint8_t state = proposal[(size_t)i * stride];
        changed += *site != state;
        *site = state;
    }
    block->has_count = 0;
    return changed;
}
