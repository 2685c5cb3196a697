/* SPDX-License-Identifier: GPL-3.0-or-later
 * sampler/trainer_block.c - training steps of a density for a block of sites given all others.
 *
 * Walkers are chains of the whole lattice, moved by the other updates. Where the terms have
 * symmetries each step sees every walker's block at several random places: the same law, more
 * data. Forward KL raises log q of what a walker has there given what surrounds it. The second
 * loss compares TAILS states of the block in the same surroundings, one of them the walker's
 * own and the others drawn from q: with R = beta H + log q the coefficients are
 * -(R - <R>)/(TAILS - 1), the mean taken over these TAILS. The weight of the surroundings,
 * which no one knows, is the same for all of them and drops out. It is the loss of
 * trainer_batch.c for each surroundings by itself, reverse KL with the leave-one-out baseline
 * and a walker among the samples; the loss shown is the variance of R. Own and drawn states
 * give the acceptance of the moves that the density is for. No stop rule looks at it: training
 * ends with its steps or its work.
 *
 * Threads: called serially; OpenMP over walker blocks; gradients are summed pairwise in block
 * order, so they do not depend on the number of threads. */
#include "base/memory.h"
#include "model/block.h"
#include "sampler/private.h"
#include "update/block_tail.h"
#include "update/proposal.h"

#include <math.h>
#include <string.h>

enum { PLACES = 4, TAILS = 8 };

int kr_trainer_block_init(kr_trainer *t, kr_error *err)
{
    kr_error why = { 0 };
    if (!(t->density->plug->flags & KR_DENSITY_BLOCK)) {
        return KR_OK;
    }
    t->tail = kr_alloc(1, sizeof *t->tail, err);
    if (!t->tail) {
        return KR_ENOMEM;
    }
    int status = kr_block_tail_init(t->tail, t->target, t->density, true, &why);
    if (status == KR_EUNSUP) { /* no symmetry carries it about */
        why = (kr_error){ 0 };
        status = kr_block_tail_init(t->tail, t->target, t->density, false, &why);
    }
    return status == KR_OK ? KR_OK : kr_fail(err, status, "%s", why.text);
}

void kr_trainer_block_clear(kr_trainer *t)
{
    if (t->tail) {
        kr_block_tail_clear(t->tail);
    }
    kr_free(t->tail);
    t->tail = NULL;
}

/* Places of a step: more than one only where they differ. */
static int32_t n_places(const kr_trainer *t)
{
    return t->tail->group ? PLACES : 1;
}

double kr_trainer_block_visits(const kr_trainer *t, bool is_forward)
{
    return (is_forward ? 3.0 : 5.0) * n_places(t);
}

static void forward_block(const kr_sampler *sampler, kr_trainer *t, int32_t b, void *scratch,
                          float *gradient, kr_batch *result)
{
    const kr_density *d = t->density;
    kr_block *block = t->walker[b];
    const kr_block_tail_parts s = kr_block_tail_take(t->tail, scratch);
    double coefficient[KR_LANES_MAX], log_q[KR_LANES_MAX];
    for (int32_t l = 0; l < block->n_lanes; l++) {
        coefficient[l] = 1.0 / ((double)sampler->config.training.batch * n_places(t));
    }
    for (int32_t k = 0; k < n_places(t); k++) {
        kr_block_tail_place(t->tail, s.image, &t->rng[b]);
        kr_block_tail_gather(t->tail, s.image, block->stride, block->state, s.state);
        d->plug->grad_tail(d->self, t->tail->shape.first, block->n_lanes, s.state, coefficient,
                           gradient, log_q, s.inner);
        for (int32_t l = 0; l < block->n_lanes; l++) {
            result->loss += -coefficient[l] * log_q[l];
        }
    }
}

/* ---- several tails of the same surroundings ---------------------------------------------- */

typedef struct groups {
    int32_t n, size; /* n groups of so many tails; tail 0 of each is the walker's own */
    int32_t first;   /* walker of group 0; the next groups have the next walkers, round and
                        round */
} groups;

static groups groups_of(const kr_block *block, int64_t turn)
{
    groups g = { .size = block->n_lanes < TAILS ? block->n_lanes : TAILS };
    g.n = block->n_lanes / g.size;
    g.first = (int32_t)(turn * g.n % block->n_lanes);
    return g;
}

/* Rows from..to-1 of the sites seen: each walker's into all tails of its group, or its own.
 * Lanes that no group takes get states too, for densities read whole vectors. */
static void spread(const kr_trainer *t, const groups *g, const kr_block *block,
                   const kr_block_tail_parts *s, int32_t from, int32_t to, bool is_own)
{
    const size_t L = (size_t)block->stride;
    for (int32_t k = from; k < to; k++) {
        const uint8_t *in = block->state + (size_t)s->image[k] * L;
        uint8_t *out = s->state + (size_t)t->tail->site[k] * L;
        for (int32_t j = 0; j < g->n; j++) {
            memset(out + j * g->size, in[(g->first + j) % block->n_lanes],
                   is_own ? 1 : (size_t)g->size);
        }
        if (!is_own) {
            memset(out + g->n * g->size, in[g->first % block->n_lanes],
                   L - (size_t)(g->n * g->size));
        }
    }
}

/* From R of the tails of a group to their coefficients, times scale. */
static void weigh_group(const double *R, int32_t size, double scale, double *coefficient,
                        kr_batch *result)
{
    double mean = 0.0;
    for (int32_t m = 0; m < size; m++) {
        mean += R[m] / size;
    }
    for (int32_t m = 0; m < size; m++) {
        coefficient[m] = -scale * (R[m] - mean) / (size - 1);
        result->loss += scale * (R[m] - mean) * (R[m] - mean) / (size - 1);
        if (m > 0) {
            result->n_accepted += scale * kr_proposal_acceptance(R[0] - R[m]) / (size - 1);
        }
    }
}

static void reverse_block(kr_trainer *t, int32_t b, void *scratch, float *gradient,
                          kr_batch *result)
{
    const kr_density *d = t->density;
    const kr_block *block = t->walker[b];
    const kr_density_block *shape = &t->tail->shape;
    const kr_block_tail_parts s = kr_block_tail_take(t->tail, scratch);
    double log_q[KR_LANES_MAX], R[KR_LANES_MAX], coefficient[KR_LANES_MAX];
    for (int32_t place = 0; place < n_places(t); place++) {
        const groups g = groups_of(block, t->learner->step * n_places(t) + place);
        const int32_t n_seen = shape->n_given + shape->n_drawn;
        if (g.size < 2) {
            continue;
        }
        kr_block_tail_place(t->tail, s.image, &t->rng[b]);
        spread(t, &g, block, &s, 0, n_seen, false);
        d->plug->sample_tail(d->self, shape->first, block->n_lanes, s.state, log_q, &t->rng[b],
                             s.inner);
        spread(t, &g, block, &s, shape->n_given, n_seen, true);
        d->plug->log_q_tail(d->self, shape->first, block->n_lanes, s.state, log_q, s.inner);
        kr_block_tail_energy(t->tail, block->n_lanes, block->stride, s.state, R);
        for (int32_t l = 0; l < block->n_lanes; l++) {
            R[l] = t->target->beta * R[l] + log_q[l];
            coefficient[l] = 0.0;
        }
        for (int32_t j = 0; j < g.n; j++) {
            weigh_group(R + j * g.size, g.size, 1.0 / (g.n * n_places(t) * t->n_blocks),
                        coefficient + j * g.size, result);
        }
        d->plug->grad_tail(d->self, shape->first, block->n_lanes, s.state, coefficient,
                           gradient, NULL, s.inner);
    }
}

void kr_trainer_block_step(kr_sampler *sampler, kr_point *point, kr_trainer *t, bool is_forward,
                           kr_batch *total)
{
    kr_batch result[KR_BATCH_MAX / KR_LANES_MAX] = { { 0 } };
    double cpu = 0.0;
#pragma omp parallel for num_threads(sampler->config.n_threads) schedule(dynamic, 1) \
    reduction(+ : cpu)
    for (int32_t b = 0; b < t->n_blocks; b++) {
        const double start = kr_clock_thread();
        float *gradient = sampler->gradient + (size_t)b * sampler->gradient_stride;
        void *scratch = kr_thread_scratch(sampler);
        memset(gradient, 0, t->n_weights * sizeof *gradient);
        kr_trainer_move_walkers(sampler, point, t, b, scratch);
        kr_block_convert(t->walker[b], KR_LAYOUT_LANE);
        if (is_forward) {
            forward_block(sampler, t, b, scratch, gradient, &result[b]);
        } else {
            reverse_block(t, b, scratch, gradient, &result[b]);
        }
        cpu += kr_clock_thread() - start;
    }
    for (int32_t b = 0; b < t->n_blocks; b++) {
        total->loss += result[b].loss;
        total->n_accepted += result[b].n_accepted * (double)sampler->config.training.batch;
    }
    total->cpu = cpu;
}
