/* SPDX-License-Identifier: GPL-3.0-or-later
 * update/proposal.h - what the updates with a density share: scores of the present states, a
 * queue of proposals, acceptance. */
#ifndef KR_UPDATE_PROPOSAL_H
#define KR_UPDATE_PROPOSAL_H

#include "kramers_plug.h"

typedef struct kr_proposer { /* borrows target and density */
    const kr_terms *terms;
    double beta;
    const kr_density *density;
} kr_proposer;

/* Refuses a setting without a density, and unless takes_blocks one that is made for a
 * block: KR_EINVAL, KR_EUNSUP in the update's name. */
int kr_proposer_init(kr_proposer *proposer, const char *update,
                     const kr_update_setting *setting, bool takes_blocks, kr_error *err);
/* The last of these refusals, for who knows only the plugs. */
int kr_proposer_check_block(const char *update, bool takes_blocks,
                            const kr_density_plug *density, kr_error *err);

/* Scratch of the density for a full batch, and of kr_proposals; both are 64-byte aligned. */
size_t kr_proposer_inner_bytes(const kr_proposer *proposer);
size_t kr_proposer_queue_bytes(const kr_proposer *proposer);

/* log q of the block's states, from the cache or computed. Layout LANE. */
void kr_proposer_score(const kr_proposer *proposer, kr_block *block, void *inner);

/* A queue of independent samples of q. Where the block has a pool of the density, the queue is
 * that pool: it is filled a whole batch at a time, whatever part of it the present sweep needs,
 * and outlives the call. What a chain gets depends on the number of proposals taken before, so
 * it does not matter how sweeps are grouped. Without a pool the queue holds what one sweep
 * needs, in at most KR_LANES_MAX lanes. */
typedef struct kr_proposals {
    kr_pool *pool; /* of the block, or own */
    kr_pool own;
    int32_t stride;
    int64_t n_wanted; /* by the present sweep, counted down */
    void *inner;
} kr_proposals;

/* Opens the queue for a sweep that takes n_wanted proposals. queue: kr_proposer_queue_bytes. */
void kr_proposals_open(const kr_proposer *proposer, const kr_block *block, int64_t n_wanted,
                       void *queue, void *inner, kr_proposals *proposals);
/* Takes the next one: its state (sites `stride` apart), valid until the next call, its energy
 * and its log q. */
const void *kr_proposals_next(const kr_proposer *proposer, kr_proposals *proposals, kr_rng *rng,
                              double *energy, double *log_q);

/* min(1, exp(log_ratio)); an undefined ratio refuses. */
double kr_proposal_acceptance(double log_ratio);

/* Writes sites k..N-1 of a proposal into a lane of the block, layout LANE or REAL; returns how
 * many differ. Energy and log q are the caller's to set; counts become stale. */
int64_t kr_proposal_take(kr_block *block, int32_t lane, int32_t k, const void *proposal,
                         size_t stride);

static inline size_t kr_proposal_round(size_t bytes)
{
    return (bytes + 63) / 64 * 64;
}

#endif
