/* SPDX-License-Identifier: GPL-3.0-or-later
 * update/independence.c - global proposals from a tractable density.
 *
 * Every chain of the block proposes s' ~ q, all in one batch, and accepts with
 * min(1, exp(-beta (H(s') - H(s))) q(s) / q(s')). log q of the present states is kept from one
 * sweep to the next as long as neither the states nor the weights changed.
 * Source: Hastings, Biometrika 57, 97 (1970); for spins with neural densities: Wu, Rossi,
 * Carleo, arXiv:2105.05650.
 * Threads: pure given block, scratch and tally. */
#include "base/memory.h"
#include "base/rng.h"
#include "model/terms.h"

#include <math.h>

typedef struct independence {
    const kr_terms *terms;
    double beta;
    const kr_density *density;
} independence;

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
    const kr_target *target = setting->target;
    const kr_density *density = setting->density;
    (void)params;
    if (!density) {
        kr_fail(err, KR_EINVAL, "independence: no density given, want the name of one");
        return NULL;
    }
    if (density->plug->flags & KR_DENSITY_REAL) {
        kr_fail(err, KR_EUNSUP, "independence: density %s gives real numbers, want states",
                density->plug->name);
        return NULL;
    }
    independence *d = kr_alloc(1, sizeof *d, err);
    if (d) {
        *d = (independence){ .terms = target->terms, .beta = target->beta, .density = density };
    }
    return d;
}

static void independence_free(void *self)
{
    kr_free(self);
}

static size_t padded_lanes(int32_t n_lanes)
{
    return ((size_t)n_lanes + KR_LANES_PAD - 1) / KR_LANES_PAD * KR_LANES_PAD;
}

static size_t proposal_bytes(const independence *d, int32_t n_lanes)
{
    size_t bytes = padded_lanes(n_lanes) * (size_t)d->terms->n_sites;
    return (bytes + KR_ALIGN - 1) / KR_ALIGN * KR_ALIGN;
}

static size_t independence_scratch_bytes(const void *self, int32_t n_lanes)
{
    const independence *d = self;
    const kr_density *density = d->density;
    return proposal_bytes(d, n_lanes) + KR_LANES_MAX * sizeof(double) +
           density->plug->scratch_bytes(density->self, n_lanes);
}

/* Probability to accept; an undefined ratio (infinite or undefined scores) refuses. */
static double acceptance(double beta, double energy, double log_q, double new_energy,
                         double new_log_q)
{
    double log_ratio = -beta * (new_energy - energy) + log_q - new_log_q;
    if (isnan(log_ratio)) {
        return 0.0;
    }
    return log_ratio < 0.0 ? exp(log_ratio) : 1.0;
}

static int64_t take_proposal(kr_block *block, int32_t lane, const uint8_t *proposal)
{
    int64_t changed = 0;
    for (int32_t i = 0; i < block->n_sites; i++) {
        size_t at = (size_t)i * (size_t)block->stride + (size_t)lane;
        changed += block->state[at] != proposal[at];
        block->state[at] = proposal[at];
    }
    return changed;
}

static void sweep_once(const void *self, kr_block *block, void *scratch, kr_tally *tally)
{
    const independence *d = self;
    const kr_density *density = d->density;
    uint8_t *proposal = scratch;
    double *new_log_q = (double *)(void *)(proposal + proposal_bytes(d, block->n_lanes));
    void *inner = new_log_q + KR_LANES_MAX;

    if (block->log_q_of != density->index || block->log_q_epoch != density->epoch) {
        density->plug->log_q_tail(density->self, 0, block->n_lanes, block->state, block->log_q,
                                  inner);
        block->log_q_of = density->index;
        block->log_q_epoch = density->epoch;
    }
    density->plug->sample_tail(density->self, 0, block->n_lanes, proposal, new_log_q,
                               block->rng, inner);
    for (int32_t lane = 0; lane < block->n_lanes; lane++) {
        double energy = kr_terms_energy(d->terms, proposal + lane, (size_t)block->stride);
        double p = acceptance(d->beta, block->energy[lane], block->log_q[lane], energy,
                              new_log_q[lane]);
        tally->attempted[lane]++;
        if (kr_rng_bernoulli(block->rng, p)) {
            tally->accepted[lane]++;
            tally->changed[lane] += take_proposal(block, lane, proposal);
            block->has_count = 0;
            block->energy[lane] = energy;
            block->log_q[lane] = new_log_q[lane];
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
    .flags = KR_UPDATE_NEEDS_DENSITY | KR_UPDATE_IRREDUCIBLE,
    .layouts = KR_LAYOUT_LANE,
    .supports = independence_supports,
    .alloc = independence_alloc,
    .free = independence_free,
    .scratch_bytes = independence_scratch_bytes,
    .sweep = independence_sweep,
};
