/* SPDX-License-Identifier: GPL-3.0-or-later
 * sampler/certificate_block.c - certificate of a frozen density for a block of sites.
 *
 * Such a density has no ESS_q and no log Z: nobody draws whole configurations from it. What it
 * is good for shows in the chains as thermalization left them: at random places, where
 * symmetries allow, each chain's block s is met by one draw s' from q in the same surroundings.
 * With w = exp(-beta H)/q the mean of log w(s) - log w(s') is KL(q|p) + KL(p|q) of the block,
 * averaged over surroundings, for the weight of the surroundings drops out; and the mean of
 * min(1, w(s')/w(s)) is the acceptance of tail_refresh. Errors are those of batches at places
 * of their own, the chains taken as they are. Chains are read only. */
#include "model/block.h"
#include "sampler/private.h"
#include "update/block_tail.h"
#include "update/proposal.h"

#include <math.h>
#include <string.h>

enum { LANES = KR_LANES_MAX };

void kr_certificate_block_open(kr_sampler *s, int32_t p, int32_t d)
{
    for (int32_t b = 0; s->point[p].trainer[d].tail && b < s->n_blocks; b++) {
        kr_block_convert(s->point[p].block[b], KR_LAYOUT_LANE);
    }
}

void kr_certificate_block_sample(const kr_sampler *s, int32_t p, int32_t d, int64_t b,
                                 kr_rng *rng, void *scratch)
{
    const kr_point *point = &s->point[p];
    const kr_density *density = &point->density[d];
    const kr_block *block = point->block[b % s->n_blocks];
    const kr_block_tail *tail = point->trainer[d].tail;
    double *out = s->certificate_log_w + b * LANES;
    double log_q[2][LANES], energy[2][LANES];
    const int32_t n = block->n_lanes;
    const kr_block_tail_parts room = kr_block_tail_take(tail, scratch);
    kr_block_tail_place(tail, room.image, rng);
    kr_block_tail_gather(tail, room.image, block->stride, block->state, room.state);
    density->plug->log_q_tail(density->self, tail->shape.first, n, room.state, log_q[0],
                              room.inner);
    kr_block_tail_energy(tail, n, block->stride, room.state, energy[0]);
    density->plug->sample_tail(density->self, tail->shape.first, n, room.state, log_q[1], rng,
                               room.inner);
    kr_block_tail_energy(tail, n, block->stride, room.state, energy[1]);
    for (int32_t l = 0; l < LANES; l++) {
        out[l] = l < n ? -point->target->beta * (energy[1][l] - energy[0][l]) + log_q[0][l] -
                             log_q[1][l]
                       : NAN; /* no chain */
    }
}

int kr_certificate_block_conclude(kr_sampler *s, int32_t p, int32_t d, int64_t n_batches,
                                  kr_error *err)
{
    const kr_block_tail *tail = s->point[p].trainer[d].tail;
    double n = 0.0, accepted = 0.0, sum = 0.0, n_chains = 0.0, of_chains = 0.0, square = 0.0;
    for (int64_t first = 0; first < s->n_blocks && first < n_batches; first++) {
        for (int32_t l = 0; l < s->point[p].block[first]->n_lanes; l++) {
            double of_chain = 0.0, n_draws = 0.0;
            for (int64_t b = first; b < n_batches; b += s->n_blocks) {
                const double log_ratio = s->certificate_log_w[b * LANES + l];
                accepted += kr_proposal_acceptance(log_ratio);
                of_chain -= log_ratio;
                n_draws++;
            }
            n += n_draws;
            sum += of_chain;
            n_chains++;
            of_chains += of_chain / n_draws;
            square += of_chain / n_draws * (of_chain / n_draws);
        }
    }
    if (!isfinite(sum)) {
        return kr_fail(err, KR_ESANITY,
                       "density %s: mean log ratio of its draws is %g, want a finite number",
                       s->config.density[d].name, sum / n);
    }
    kr_certificate *c = &s->point[p].certificate[d];
    c->n = n;
    c->acceptance = accepted / n;
    c->block_sites = tail->shape.n_drawn;
    c->divergence = sum / n;
    /* draws of one chain have its surroundings in common: chains are what is independent */
    c->divergence_error = n_chains > 1.0
                              ? sqrt(fmax(0.0, square - of_chains * of_chains / n_chains) /
                                     (n_chains * (n_chains - 1.0)))
                              : NAN;
    return KR_OK;
}
