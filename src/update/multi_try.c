/* SPDX-License-Identifier: GPL-3.0-or-later
 * update/multi_try.c - the next state is one of many: iterated sampling importance resampling.
 *
 * A chain draws M - 1 independent proposals from q and moves to one of the M states, its own
 * among them, with probability w_m / sum w, w = exp(-beta H) / q. The law of (s_1..s_M, j) with
 * density pi(s_j) prod_{m != j} q(s_m) / M has pi as that of s_j and is left invariant; as a
 * kernel of s_j alone the step is reversible. M = 2 accepts with w'/(w + w') (Barker 1965).
 * All M states tell about pi: given them the next state has mean sum_m w_m O(s_m)/sum w, so
 * that in equilibrium, where the law above is that of the states, the mean of this is <O>, with
 * less variance than O of the state chosen (Rao-Blackwell). The present state belongs to the
 * sum: without it the rest is importance sampling from q, which a finite M leaves biased. Where
 * the tally wants means, the quantities of model/quantity.h are averaged so in every sweep.
 *
 * Proposals do not depend on the chains and come in full batches (update/proposal.h): this is
 * the natural update for few chains. A tally counts one attempt per sweep and chain, accepted
 * where the chain moved.
 * Source: Andrieu, Lee, Vihola, Bernoulli 24, 842 (2018), i-SIR; Samsonov et al.,
 * arXiv:2111.02702.
 * Threads: pure given block, scratch and tally. */
#include "base/memory.h"
#include "base/rng.h"
#include "model/action.h"
#include "model/block.h"
#include "model/block_real.h"
#include "model/count.h"
#include "model/quantity.h"
#include "update/proposal.h"

#include <math.h>
#include <string.h>

enum { TRIES_MAX = KR_STATES_MAX }; /* kr_rng_categorical takes one more */

typedef struct try_params {
    int64_t tries;
} try_params;

typedef struct multi_try {
    kr_proposer proposer;
    int32_t tries;
} multi_try;

static bool try_supports(const kr_target *target, const void *params, kr_error *why)
{
    (void)target;
    (void)params;
    (void)why;
    return true; /* whether the density fits the target is the density's to say */
}

static void *try_alloc(const kr_update_setting *setting, const void *params, kr_error *err)
{
    kr_proposer proposer;
    if (kr_proposer_init(&proposer, "multi_try", setting, false, err) != KR_OK) {
        return NULL;
    }
    multi_try *d = kr_alloc(1, sizeof *d, err);
    if (d) {
        d->proposer = proposer;
        d->tries = (int32_t)((const try_params *)params)->tries;
    }
    return d;
}

static void try_free(void *self)
{
    kr_free(self);
}

/* One configuration. */
static size_t row_bytes(const multi_try *d)
{
    const kr_terms *terms = d->proposer.terms;
    return (size_t)terms->n_sites * (terms->action ? sizeof(double) : 1);
}

/* Copies of the candidates. */
static size_t candidate_bytes(const multi_try *d)
{
    return kr_proposal_round((size_t)d->tries * row_bytes(d));
}

static size_t try_scratch_bytes(const void *self, int32_t n_lanes)
{
    (void)n_lanes;
    const multi_try *d = self;
    return kr_proposer_queue_bytes(&d->proposer) + candidate_bytes(d) +
           kr_proposer_inner_bytes(&d->proposer);
}

/* Log weights to weights, the largest 1. Undefined ones are never chosen; a chain whose own is
 * undefined stays where it is. */
static void to_weights(double *weight, int32_t n)
{
    double most = -INFINITY;
    for (int32_t m = 0; m < n; m++) {
        weight[m] = m > 0 && !(weight[m] < INFINITY) ? -INFINITY : weight[m];
        most = weight[m] > most ? weight[m] : most;
    }
    bool is_defined = weight[0] < INFINITY && most > -INFINITY;
    for (int32_t m = 0; m < n; m++) {
        weight[m] = is_defined ? exp(weight[m] - most) : m == 0;
    }
}

typedef struct candidates {
    char *state; /* (tries, n_sites), row 0 unused: the present state stays in its block */
    double energy[TRIES_MAX], log_q[TRIES_MAX], weight[TRIES_MAX];
    double order[TRIES_MAX]; /* of real-valued models, where means are wanted */
} candidates;

/* Values of candidate m; own: counts of the present state. */
static void values_of(const multi_try *d, const kr_block *block, const candidates *c, int32_t m,
                      const int64_t *own, double value[KR_QUANTITIES_MAX])
{
    const kr_terms *terms = d->proposer.terms;
    int64_t proposed[KR_STATES_MAX];
    if (terms->action) {
        kr_quantity_real_values(terms, c->energy[m], c->order[m], value);
        return;
    }
    if (m > 0) {
        kr_count_chain((const uint8_t *)c->state + (size_t)m * row_bytes(d),
                       (size_t)block->n_sites, (size_t)block->q, proposed);
    }
    kr_quantity_values(terms, c->energy[m], m > 0 ? proposed : own, value);
}

/* Adds the weighted means of the quantities. Counts of the block are those of its states, and
 * of this lane's next one after the call. */
static void add_means(const multi_try *d, kr_block *block, int32_t lane, const candidates *c,
                      int32_t chosen, kr_means *means)
{
    const kr_terms *terms = d->proposer.terms;
    int32_t n_quantities = kr_quantities(terms);
    double sum[KR_QUANTITIES_MAX] = { 0.0 }, total = 0.0;
    int64_t *own = block->count + (size_t)lane * (size_t)block->q;
    for (int32_t m = 0; m < d->tries; m++) {
        double value[KR_QUANTITIES_MAX];
        if (!(c->weight[m] > 0.0)) {
            continue;
        }
        values_of(d, block, c, m, own, value);
        total += c->weight[m];
        for (int32_t k = 0; k < n_quantities; k++) {
            sum[k] += c->weight[m] * value[k];
        }
    }
    means->n[lane]++;
    for (int32_t k = 0; k < n_quantities; k++) {
        means->sum[lane][k] += sum[k] / total;
    }
    if (chosen > 0 && !terms->action) {
        kr_count_chain((const uint8_t *)c->state + (size_t)chosen * row_bytes(d),
                       (size_t)block->n_sites, (size_t)block->q, own);
    }
}

/* The states to choose from, with their weights. */
static void gather(const multi_try *d, const kr_block *block, int32_t lane, kr_proposals *queue,
                   bool has_means, candidates *c)
{
    const kr_proposer *p = &d->proposer;
    const kr_action *action = p->terms->action;
    const size_t n = (size_t)block->n_sites, row = row_bytes(d);
    c->energy[0] = block->energy[lane];
    c->log_q[0] = block->log_q[lane];
    for (int32_t m = 1; m < d->tries; m++) {
        const void *s = kr_proposals_next(p, queue, block->rng, &c->energy[m], &c->log_q[m]);
        if (action) {
            kr_block_real_copy((double *)(void *)(c->state + (size_t)m * row), 1, s,
                               (size_t)queue->stride, block->n_sites);
        }
        if (action && has_means) {
            kr_action_order(action, 1, s, (size_t)queue->stride, &c->order[m]);
        }
        for (size_t i = 0; !action && i < n; i++) {
            c->state[(size_t)m * row + i] = ((const char *)s)[i * (size_t)queue->stride];
        }
    }
    for (int32_t m = 0; m < d->tries; m++) {
        c->weight[m] = -p->beta * c->energy[m] - c->log_q[m];
    }
    to_weights(c->weight, d->tries);
}

static void move_lane(const multi_try *d, kr_block *block, int32_t lane, candidates *c,
                      kr_tally *tally)
{
    int32_t m = kr_rng_categorical(block->rng, c->weight, d->tries);
    if (tally->means) {
        add_means(d, block, lane, c, m, tally->means);
    }
    tally->attempted[lane]++;
    if (m > 0) {
        tally->accepted[lane]++;
        tally->changed[lane] +=
            kr_proposal_take(block, lane, 0, c->state + (size_t)m * row_bytes(d), 1);
        block->energy[lane] = c->energy[m];
        block->log_q[lane] = c->log_q[m];
        block->rejected[lane] = 0;
    } else if (++block->rejected[lane] > tally->longest[lane]) {
        tally->longest[lane] = block->rejected[lane];
    }
}

static void sweep_once(const multi_try *d, kr_block *block, char *scratch, kr_tally *tally)
{
    const kr_proposer *p = &d->proposer;
    candidates c;
    c.state = scratch + kr_proposer_queue_bytes(p);
    void *inner = c.state + candidate_bytes(d);
    kr_proposals queue;
    kr_proposer_score(p, block, inner);
    kr_proposals_open(p, block, (int64_t)(d->tries - 1) * block->n_lanes, scratch, inner,
                      &queue);
    if (tally->means) {
        kr_block_count(block);
    }
    double order[KR_LANES_MAX] = { 0.0 };
    if (tally->means && p->terms->action) {
        kr_block_order(block, p->terms, order);
    }
    for (int32_t lane = 0; lane < block->n_lanes; lane++) {
        c.order[0] = order[lane];
        gather(d, block, lane, &queue, tally->means != NULL, &c);
        move_lane(d, block, lane, &c, tally);
    }
    block->has_count = block->has_count || tally->means;
}

static void try_sweep(const void *self, kr_block *block, int64_t n_sweeps, void *scratch,
                      kr_tally *tally)
{
    for (int64_t k = 0; k < n_sweeps; k++) {
        sweep_once(self, block, scratch, tally);
    }
}

static const kr_field fields[] = {
    { .name = "tries",
      .type = KR_TYPE_INT,
      .offset = offsetof(try_params, tries),
      .fallback = "8",
      .min = 2,
      .max = TRIES_MAX,
      .doc = "states to choose from, the present one and tries - 1 proposals: a sweep costs so "
             "many passes of the density" },
    KR_FIELD_END,
};

const kr_update_plug kr_update_multi_try = {
    .name = "multi_try",
    .doc =
        "draws several whole configurations from a density and moves to one of them, or stays, "
        "with odds of weight over density; the weighted means over all of them are kept too",
    .source = "Andrieu, Lee, Vihola, Bernoulli 24, 842 (2018); Samsonov et al., "
              "arXiv:2111.02702",
    .fields = fields,
    .params_size = sizeof(try_params),
    .flags = KR_UPDATE_NEEDS_DENSITY | KR_UPDATE_IRREDUCIBLE | KR_UPDATE_POOL | KR_UPDATE_MEANS,
    .layouts = KR_LAYOUT_LANE | KR_LAYOUT_REAL,
    .supports = try_supports,
    .alloc = try_alloc,
    .free = try_free,
    .scratch_bytes = try_scratch_bytes,
    .sweep = try_sweep,
};
