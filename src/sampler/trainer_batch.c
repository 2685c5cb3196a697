/* SPDX-License-Identifier: GPL-3.0-or-later
 * sampler/trainer_batch.c - the states of a training step, their coefficients, the gradient.
 *
 * Walkers are chains seeded in the phases that the model declares and moved by the local
 * updates and by proposals of the density itself (Gabrie, Rotskoff, Vanden-Eijnden, PNAS 119
 * (2022), arXiv:2105.12603). In a step of the second part samples of the density and walkers
 * make one batch of R = beta H + log q with the coefficients -(R - <R>)/(B - 1): on samples of
 * q the gradient of reverse KL with the leave-one-out baseline, on any states that of the
 * variance of R (Nusken, Richter, Partial Differ. Equ. Appl. 2, 48 (2021)), which vanishes when
 * q is exact; so walkers where q is too small pull hardest.
 *
 * Threads: called serially; OpenMP over walker blocks; gradients are summed pairwise in block
 * order, so they do not depend on the number of threads. */
#include "base/memory.h"
#include "density/density.h"
#include "model/action.h"
#include "model/block.h"
#include "model/terms.h"
#include "sampler/private.h"
#include "update/proposal.h"

#include <math.h>
#include <string.h>

#define WALKER_PASSES 32 /* passes of the local updates before a walker's first step */

/* Phase k of those to seed walkers in, counted round and round; -1: none is known. */
static int32_t nth_phase(int32_t n_phases, uint32_t mask, int32_t k)
{
    int32_t chosen[KR_PHASES_MAX], n = 0;
    for (int32_t p = 0; p < n_phases; p++) {
        if (mask == 0 || mask >> p & 1) {
            chosen[n++] = p;
        }
    }
    return n > 0 ? chosen[k % n] : n_phases > 0 ? k % n_phases : -1;
}

/* Walkers start in the known phases by turns, or at random where none is known, and are moved
 * until they have forgotten the start. */
static void start_walker(const kr_sampler *sampler, const kr_point *point, kr_block *block,
                         void *scratch)
{
    const kr_terms *terms = point->target->terms;
    kr_tally tally = { { 0 }, { 0 }, { 0 } };
    kr_block_convert(block, KR_LAYOUT_CHAIN);
    for (int32_t l = 0; l < block->n_lanes; l++) {
        int32_t phase =
            nth_phase(terms->n_phases, sampler->config.training.phases, block->first_chain + l);
        kr_block_start_phase(block, terms, l, phase, block->rng);
    }
    kr_block_score(block, terms);
    for (int pass = 0; pass < WALKER_PASSES; pass++) {
        kr_schedule_run_local(sampler, point, block, scratch, &tally);
    }
}

/* Walkers keep to the chosen phases: a state in another one is not for them. */
static bool is_left_out(const kr_terms *terms, uint32_t mask, const void *proposal,
                        int32_t lane, int32_t stride)
{
    int64_t count[KR_STATES_MAX] = { 0 };
    double order;
    if (mask == 0) {
        return false;
    }
    if (terms->action) {
        kr_action_order(terms->action, 1, (const double *)proposal + lane, (size_t)stride,
                        &order);
    } else {
        const uint8_t *state = (const uint8_t *)proposal + lane;
        for (int32_t i = 0; i < terms->n_sites; i++) {
            count[state[(size_t)i * (size_t)stride]]++;
        }
        order = kr_terms_order(terms, count);
    }
    int32_t phase = kr_terms_phase(terms, order);
    return phase >= 0 && !(mask >> phase & 1);
}

/* A global proposal for every lane: the chain learns from the net as the net from the chain.
 * Fills the proposals' log w; returns the number accepted. */
static int64_t propose(const kr_trainer *t, uint32_t phases, kr_block *block, kr_rng *rng,
                       void *proposal, double *log_w, void *scratch)
{
    const kr_density *d = t->density;
    const kr_terms *terms = t->target->terms;
    const size_t each = terms->action ? sizeof(double) : 1; /* bytes of a site's state */
    double log_q[KR_LANES_MAX], new_energy[KR_LANES_MAX];
    int64_t n_accepted = 0;
    kr_schedule_log_q(d, block, scratch);
    kr_block_convert(block, KR_LAYOUT_LANE);
    kr_density_sample(d, block->n_lanes, proposal, log_q, rng, scratch);
    kr_terms_score(terms, proposal, (size_t)block->stride, block->n_lanes, new_energy);
    for (int32_t l = 0; l < block->n_lanes; l++) {
        const double energy = new_energy[l];
        double log_ratio =
            -t->target->beta * (energy - block->energy[l]) + block->log_q[l] - log_q[l];
        log_w[block->first_chain + l] = -t->target->beta * energy - log_q[l];
        double p = kr_proposal_acceptance(log_ratio);
        p = is_left_out(terms, phases, proposal, l, block->stride) ? 0.0 : p;
        if (kr_rng_bernoulli(rng, p)) {
            kr_proposal_take(block, l, 0, (const char *)proposal + (size_t)l * each,
                             (size_t)block->stride);
            block->energy[l] = energy;
            block->log_q[l] = log_q[l];
            n_accepted++;
        }
    }
    return n_accepted;
}

void kr_trainer_move_walkers(const kr_sampler *sampler, const kr_point *point, kr_trainer *t,
                             int32_t b, void *scratch)
{
    kr_tally tally = { { 0 }, { 0 }, { 0 } };
    if (!t->is_started[b]) {
        start_walker(sampler, point, t->walker[b], scratch);
        t->is_started[b] = 1;
    }
    kr_schedule_run_local(sampler, point, t->walker[b], scratch, &tally);
}

static void forward_block(const kr_sampler *sampler, const kr_point *point, kr_trainer *t,
                          int32_t b, double *log_w, void *scratch, float *gradient,
                          kr_batch *result)
{
    kr_block *block = t->walker[b];
    kr_trainer_move_walkers(sampler, point, t, b, scratch);
    double coefficient[KR_LANES_MAX], log_q[KR_LANES_MAX];
    if (log_w) {
        size_t bytes = (size_t)block->stride * kr_block_row_bytes(block);
        result->n_accepted +=
            (double)propose(t, sampler->config.training.phases, block, &t->rng[b], scratch,
                            log_w, (char *)scratch + (bytes + 63) / 64 * 64);
    }
    kr_block_convert(block, KR_LAYOUT_LANE);
    for (int32_t l = 0; l < block->n_lanes; l++) {
        coefficient[l] = 1.0 / (double)sampler->config.training.batch;
    }
    kr_density_grad(t->density, block->n_lanes, block->state, coefficient, gradient, log_q,
                    scratch);
    for (int32_t l = 0; l < block->n_lanes; l++) {
        result->loss += -coefficient[l] * log_q[l];
    }
}

/* Samples of q with their R and log w at the target's own beta, kept in the walker's spare
 * area. Those of real numbers know their paths, whose gradient has no noise where q is exact:
 * theirs is added at once. */
static void reverse_sample(const kr_trainer *t, int32_t b, double beta, int64_t batch,
                           double *R, double *log_w, float *gradient, void *scratch)
{
    const kr_block *block = t->walker[b];
    const kr_action *action = t->target->terms->action;
    double log_q[KR_LANES_MAX], energy[KR_LANES_MAX], coefficient[KR_LANES_MAX];
    for (int32_t l = 0; l < block->n_lanes; l++) {
        coefficient[l] = -1.0 / (double)batch;
    }
    if (action) {
        kr_density_path(t->density, action, beta, block->n_lanes, block->spare_phi, log_q,
                        coefficient, gradient, &t->rng[b], scratch);
    } else {
        kr_density_sample(t->density, block->n_lanes, block->spare, log_q, &t->rng[b], scratch);
    }
    kr_terms_score(t->target->terms, block->spare, (size_t)block->stride, block->n_lanes,
                   energy);
    for (int32_t l = 0; l < block->n_lanes; l++) {
        R[block->first_chain + l] = beta * energy[l] + log_q[l];
        log_w[block->first_chain + l] = -t->target->beta * energy[l] - log_q[l];
    }
}

void kr_trainer_forward(kr_sampler *sampler, kr_point *point, kr_trainer *t, double *log_w,
                        kr_batch *total)
{
    kr_batch result[KR_BATCH_MAX / KR_LANES_MAX] = { { 0 } };
    double cpu = 0.0;
#pragma omp parallel for num_threads(sampler->config.n_threads) schedule(dynamic, 1) \
    reduction(+ : cpu)
    for (int32_t b = 0; b < t->n_blocks; b++) {
        double start = kr_clock_thread();
        float *gradient = sampler->gradient + (size_t)b * sampler->gradient_stride;
        memset(gradient, 0, t->n_weights * sizeof *gradient);
        forward_block(sampler, point, t, b, log_w, kr_thread_scratch(sampler), gradient,
                      &result[b]);
        cpu += kr_clock_thread() - start;
    }
    for (int32_t b = 0; b < t->n_blocks; b++) {
        total->loss += result[b].loss;
        total->n_accepted += result[b].n_accepted;
    }
    total->cpu = cpu;
}

/* A walker block's part in a step of the second loss: moved as in a forward step. */
static void walker_sample(const kr_sampler *sampler, const kr_point *point, kr_trainer *t,
                          int32_t b, double *R, double *log_w, void *scratch)
{
    kr_block *block = t->walker[b];
    size_t bytes = (size_t)block->stride * kr_block_row_bytes(block);
    kr_trainer_move_walkers(sampler, point, t, b, scratch);
    propose(t, sampler->config.training.phases, block, &t->rng[b], scratch, log_w,
            (char *)scratch + (bytes + 63) / 64 * 64);
    kr_block_convert(block, KR_LAYOUT_LANE);
    for (int32_t l = 0; l < block->n_lanes; l++) {
        R[block->first_chain + l] = t->target->beta * block->energy[l] + block->log_q[l];
    }
}

/* Walker blocks of this step: n_walkers of them, by turns. */
static bool is_walker(const kr_trainer *t, int32_t n_walkers, int32_t b)
{
    return (b + t->learner->step) % t->n_blocks < n_walkers;
}

/* Ascent direction of a block's states in a step of the second loss, weighed by their R. */
static void reverse_grad(const kr_trainer *t, int32_t b, const double *R, double mean,
                         bool is_of_walkers, int64_t batch, float *gradient, void *scratch)
{
    const kr_block *block = t->walker[b];
    double coefficient[KR_LANES_MAX];
    for (int32_t l = 0; l < block->n_lanes; l++) {
        coefficient[l] = -(R[block->first_chain + l] - mean) / (double)(batch - 1);
    }
    kr_density_grad(t->density, block->n_lanes, is_of_walkers ? block->state : block->spare,
                    coefficient, gradient, NULL, scratch);
}

void kr_trainer_reverse(kr_sampler *sampler, kr_point *point, kr_trainer *t, double beta,
                        int32_t n_walkers, kr_batch *total, double *R, double *log_w)
{
    int64_t batch = sampler->config.training.batch;
    double cpu = 0.0, mean = 0.0;
#pragma omp parallel num_threads(sampler->config.n_threads) reduction(+ : cpu)
    {
#pragma omp for schedule(dynamic, 1)
        for (int32_t b = 0; b < t->n_blocks; b++) {
            double start = kr_clock_thread();
            float *gradient = sampler->gradient + (size_t)b * sampler->gradient_stride;
            memset(gradient, 0, t->n_weights * sizeof *gradient);
            if (is_walker(t, n_walkers, b)) {
                walker_sample(sampler, point, t, b, R, log_w, kr_thread_scratch(sampler));
            } else {
                reverse_sample(t, b, beta, batch, R, log_w, gradient,
                               kr_thread_scratch(sampler));
            }
            cpu += kr_clock_thread() - start;
        }
#pragma omp single
        {
            for (int64_t k = 0; k < batch; k++) {
                mean += R[k];
            }
            mean /= (double)batch;
        }
#pragma omp for schedule(dynamic, 1)
        for (int32_t b = 0; b < t->n_blocks; b++) {
            double start = kr_clock_thread();
            if (!t->walker[b]->phi || is_walker(t, n_walkers, b)) {
                reverse_grad(t, b, R, mean, is_walker(t, n_walkers, b), batch,
                             sampler->gradient + (size_t)b * sampler->gradient_stride,
                             kr_thread_scratch(sampler));
            }
            cpu += kr_clock_thread() - start;
        }
    }
    total->loss = mean;
    total->cpu = cpu;
}

void kr_trainer_doubt(kr_sampler *sampler, kr_trainer *t)
{
    const kr_block *block = t->walker[0];
    const kr_flow *flow = t->density->plug->flow;
    const int32_t n = block->n_lanes;
    const double beta = t->target->beta;
    double log_q[KR_LANES_MAX], again[KR_LANES_MAX], energy[KR_LANES_MAX];
    double mean = 0.0, square = 0.0, doubt = 0.0;
    void *scratch = kr_thread_scratch(sampler);
    kr_density_sample(t->density, n, block->spare_phi, log_q, &t->rng[0], scratch);
    kr_terms_score(t->target->terms, block->spare, (size_t)block->stride, n, energy);
    flow->doubt(t->density->self, n, block->spare_phi, again, scratch);
    for (int32_t l = 0; l < n; l++) {
        const double log_w = -beta * energy[l] - log_q[l];
        const double off = again[l] - log_q[l], apart = log_w - mean;
        mean += apart / (l + 1);
        square += apart * (log_w - mean);
        doubt += off * off;
    }
    const double share = 0.1 / sqrt((double)sampler->config.training.certificate);
    if (!(doubt <= share * share * square)) { /* not a number: refine */
        float *before = sampler->gradient;
        memcpy(before, t->density->plug->weights(t->density->self),
               t->n_weights * sizeof *before);
        if (flow->refine(t->density->self)) {
            kr_learner_refined(t->learner, t->density, before);
            t->density->epoch++;
        }
    }
}

/* Gradients of the blocks summed pairwise in block order, into that of block 0. */
void kr_trainer_sum(const kr_sampler *sampler, const kr_trainer *t, int32_t n_blocks)
{
    enum { CHUNK = 4096 };
    int64_t n_chunks = ((int64_t)t->n_weights + CHUNK - 1) / CHUNK;
#pragma omp parallel for num_threads(sampler->config.n_threads)                                \
    schedule(static) if (n_blocks > 1)
    for (int64_t chunk = 0; chunk < n_chunks; chunk++) {
        size_t from = (size_t)chunk * CHUNK;
        size_t to = from + CHUNK < t->n_weights ? from + CHUNK : t->n_weights;
        for (int32_t width = 1; width < n_blocks; width *= 2) {
            for (int32_t b = 0; b + width < n_blocks; b += 2 * width) {
                float *restrict sum = sampler->gradient + (size_t)b * sampler->gradient_stride;
                const float *restrict other =
                    sampler->gradient + (size_t)(b + width) * sampler->gradient_stride;
                for (size_t k = from; k < to; k++) {
                    sum[k] += other[k];
                }
            }
        }
    }
}
