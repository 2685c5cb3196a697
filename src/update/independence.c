/* SPDX-License-Identifier: GPL-3.0-or-later
 * update/independence.c - global proposals from a tractable density.
 *
 * Every chain of the block proposes s' ~ q and accepts with
 * min(1, exp(-beta (H(s') - H(s))) q(s) / q(s')). log q of the present states is kept from one
 * sweep to the next as long as neither the states nor the weights changed. Proposals come in
 * batches of 64, which serve several sweeps when chains are few (update/proposal.h).
 * Source: Hastings, Biometrika 57, 97 (1970); for spins with neural densities: Wu, Rossi,
 * Carleo, arXiv:2105.05650.
 * Threads: pure given block, scratch and tally. */
#include "base/memory.h"
#include "base/rng.h"
#include "update/proposal.h"

static bool independence_supports(const kr_target *target, const void *params, kr_error *why)
{
    (void)target;
    (void)params;
    (void)why;
    return true; /* whether the density fits the target is the density's to say */
}

static void *independence_alloc(const kr_update_setting *setting, const void *params,
                                kr_error *err)
{
    (void)params;
    kr_proposer proposer;
    if (kr_proposer_init(&proposer, "independence", setting, false, err) != KR_OK) {
        return NULL;
    }
    kr_proposer *d = kr_alloc(1, sizeof *d, err);
    if (d) {
        *d = proposer;
    }
    return d;
}

static void independence_free(void *self)
{
    kr_free(self);
}

static size_t independence_scratch_bytes(const void *self, int32_t n_lanes)
{
    (void)n_lanes;
    return kr_proposer_queue_bytes(self) + kr_proposer_inner_bytes(self);
}

static void sweep_once(const kr_proposer *d, kr_block *block, void *scratch, kr_tally *tally)
{
    void *inner = (char *)scratch + kr_proposer_queue_bytes(d);
    kr_proposals queue;
    kr_proposer_score(d, block, inner);
    kr_proposals_open(d, block, block->n_lanes, scratch, inner, &queue);
    for (int32_t lane = 0; lane < block->n_lanes; lane++) {
        double energy, log_q;
        const void *proposal = kr_proposals_next(d, &queue, block->rng, &energy, &log_q);
        double log_ratio =
            -d->beta * (energy - block->energy[lane]) + block->log_q[lane] - log_q;
        tally->attempted[lane]++;
        if (kr_rng_bernoulli(block->rng, kr_proposal_acceptance(log_ratio))) {
            tally->accepted[lane]++;
            tally->changed[lane] +=
                kr_proposal_take(block, lane, 0, proposal, (size_t)queue.stride);
            block->energy[lane] = energy;
            block->log_q[lane] = log_q;
            block->rejected[lane] = 0;
        } else if (++block->rejected[lane] > tally->longest[lane]) {
            tally->longest[lane] = block->rejected[lane];
        }
    }
}

static void independence_sweep(const void *self, kr_block *block, int64_t n_sweeps,
                               void *scratch, kr_tally *tally)
{
    for (int64_t k = 0; k < n_sweeps; k++) {
        sweep_once(self, block, scratch, tally);
    }
}

static const kr_field fields[] = { KR_FIELD_END };

const kr_update_plug kr_update_independence = {
    .name = "independence",
    .doc = "proposes a whole new configuration from a density and accepts it with the ratio of "
           "weights over the ratio of densities",
    .source = "Hastings, Biometrika 57, 97 (1970); Wu, Rossi, Carleo, arXiv:2105.05650",
    .fields = fields,
    .params_size = 0,
    .flags = KR_UPDATE_NEEDS_DENSITY | KR_UPDATE_IRREDUCIBLE | KR_UPDATE_POOL,
    .layouts = KR_LAYOUT_LANE | KR_LAYOUT_REAL,
    .supports = independence_supports,
    .alloc = independence_alloc,
    .free = independence_free,
    .scratch_bytes = independence_scratch_bytes,
    .sweep = independence_sweep,
};
