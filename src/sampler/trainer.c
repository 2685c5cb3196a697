/* SPDX-License-Identifier: GPL-3.0-or-later
 * sampler/trainer.c - adaptation of a density to its target.
 *
 * All losses are one formula, ascent along sum_b c_b grad log q(s_b):
 *   forward KL   s_b = states of walkers moved by the local updates, seeded in every phase the
 *                model declares, and by proposals of the density itself; c_b = 1/B
 *                (Gabrie, Rotskoff, Vanden-Eijnden, PNAS 119 (2022), arXiv:2105.12603);
 *   reverse KL   s_b ~ q, c_b = -(R_b - <R>)/(B - 1), R = beta H + log q: the leave-one-out
 *                baseline (Kool, van Hoof, Welling 2019; Wu, Wang, Zhang, PRL 122, 080602
 * (2019)). Where phases are known the forward part comes first, so that none of them is lost;
 * where none is known, reverse KL alone with beta annealed. Weights from a file go on with
 * reverse KL at the target's beta: forward KL at its full rate would first undo them. A
 * gradient that is not finite skips the step and halves the rate; three in a row, or a runaway
 * loss, bring back the last good weights. The stop rule counts steps, work and the running ESS,
 * never seconds.
 *
 * Threads: called serially; OpenMP over walker blocks; gradients are summed pairwise in block
 * order, so the weights do not depend on the number of threads. */
#include "base/memory.h"
#include "base/state.h"
#include "density/adam.h"
#include "density/stored.h"
#include "model/block.h"
#include "model/terms.h"
#include "sampler/private.h"

#include <math.h>
#include <stdio.h>
#include <string.h>
#ifdef _OPENMP
#include <omp.h>
#endif

#define MAX_GRADIENT_NORM 1e3
#define GLOBAL_FROM       0.15 /* share of the forward budget without global proposals */
#define WALKER_PASSES     32   /* passes of the local updates before the first forward step */
#define ESS_MIN_BATCHES   16   /* running ESS is believed from so many batches on */
#define BAD_STEPS_MAX     3    /* skipped steps in a row that bring back the good weights */
#define ROLLBACKS_MAX     8    /* of one adaptation, then it is lost */
#define RUNAWAY_PER_SITE  2.0  /* loss above the best by so much per site: roll back */

static int start_from(const kr_density_entry *entry, int32_t p, kr_trainer *t, kr_error *err)
{
    const kr_stored *stored = entry->start[p];
    kr_error why = { 0 };
    if (kr_stored_apply(stored, entry->plug, t->density->self, &why) != KR_OK) {
        return kr_fail(err, why.status, "densities.%s: start: %s: %s", entry->name,
                       stored->path, why.text);
    }
    t->all_steps = stored->steps;
    t->all_work = stored->work;
    t->is_warm = 1;
    return KR_OK;
}

int kr_trainer_init(kr_sampler *sampler, kr_point *point, int32_t density, kr_error *err)
{
    const kr_sampler_config *config = &sampler->config;
    kr_trainer *t = &point->trainer[density];
    t->density = &point->density[density];
    t->target = point->target;
    t->n_weights = t->density->plug->n_weights(t->density->self);
    int32_t lanes = kr_block_lanes(config->training.batch);
    t->n_blocks = (int32_t)((config->training.batch + lanes - 1) / lanes);
    t->adam = kr_alloc(1, sizeof *t->adam, err);
    t->good = kr_alloc(t->n_weights, sizeof *t->good, err);
    t->walker = kr_alloc((size_t)t->n_blocks, sizeof(kr_block *), err);
    t->rng = kr_alloc((size_t)t->n_blocks, sizeof *t->rng, err);
    if (!t->adam || !t->good || !t->walker || !t->rng) {
        return KR_ENOMEM;
    }
    KR_TRY(kr_adam_init(t->adam, t->n_weights, err));
    int32_t p = (int32_t)(point - sampler->point);
    uint64_t key = (uint64_t)(p * config->n_densities + density) << 32;
    kr_rng_seed(&t->weights_rng, config->seed, key, KR_PURPOSE_WEIGHTS);
    t->density->plug->init(t->density->self, &t->weights_rng);
    if (config->density[density].start) {
        KR_TRY(start_from(&config->density[density], p, t, err));
    }
    for (int32_t b = 0; b < t->n_blocks; b++) {
        int64_t left = config->training.batch - (int64_t)b * lanes;
        t->walker[b] = kr_block_alloc(t->target->terms, (int32_t)(left < lanes ? left : lanes),
                                      b * lanes, p, err);
        if (!t->walker[b]) {
            return KR_ENOMEM;
        }
        KR_TRY(kr_point_add_folds(sampler, point, t->walker[b], err));
        kr_rng_seed(t->walker[b]->rng, config->seed, key | (uint64_t)b, KR_PURPOSE_WALKER);
        kr_rng_seed(&t->rng[b], config->seed, key | (uint64_t)b, KR_PURPOSE_TRAIN);
    }
    return KR_OK;
}

void kr_trainer_clear(kr_trainer *t)
{
    for (int32_t b = 0; t->walker && b < t->n_blocks; b++) {
        kr_block_free(t->walker[b]);
    }
    if (t->adam) {
        kr_adam_clear(t->adam);
    }
    kr_free(t->adam);
    kr_free(t->good);
    kr_free(t->walker);
    kr_free(t->rng);
}

int kr_trainer_declare(kr_trainer *t, kr_state *table, kr_error *err)
{
    KR_TRY(kr_adam_declare(t->adam, table, err));
    KR_TRY(kr_state_add(table, "weights", KR_F32, t->n_weights,
                        t->density->plug->weights(t->density->self), err));
    KR_TRY(kr_state_add(table, "good", KR_F32, t->n_weights, t->good, err));
    KR_TRY(kr_state_add(table, "density_epoch", KR_I64, 1, &t->density->epoch, err));
    KR_TRY(kr_state_add(table, "step", KR_I64, 1, &t->step, err));
    KR_TRY(kr_state_add(table, "work", KR_F64, 1, &t->work, err));
    KR_TRY(kr_state_add(table, "all_steps", KR_I64, 1, &t->all_steps, err));
    KR_TRY(kr_state_add(table, "all_work", KR_F64, 1, &t->all_work, err));
    KR_TRY(kr_state_add(table, "is_warm", KR_U8, 1, &t->is_warm, err));
    KR_TRY(kr_state_add(table, "rate_factor", KR_F64, 1, &t->rate_factor, err));
    KR_TRY(kr_state_add(table, "n_bad", KR_I64, 1, &t->n_bad, err));
    KR_TRY(kr_state_add(table, "n_rollbacks", KR_I64, 1, &t->n_rollbacks, err));
    KR_TRY(kr_state_add(table, "ring_log_max", KR_F64, KR_ESS_RING, t->ring_log_max, err));
    KR_TRY(kr_state_add(table, "ring_sum", KR_F64, KR_ESS_RING, t->ring_sum, err));
    KR_TRY(kr_state_add(table, "ring_sum2", KR_F64, KR_ESS_RING, t->ring_sum2, err));
    KR_TRY(kr_state_add(table, "ring_n", KR_I64, 1, &t->ring_n, err));
    KR_TRY(kr_state_add(table, "best_loss", KR_F64, 1, &t->best_loss, err));
    KR_TRY(kr_state_add(table, "is_done", KR_U8, 1, &t->is_done, err));
    KR_TRY(kr_state_add(table, "was_forward", KR_U8, 1, &t->was_forward, err));
    KR_TRY(kr_state_add(table, "is_started", KR_U8, 1, &t->is_started, err));
    for (int32_t b = 0; b < t->n_blocks; b++) {
        char name[32];
        snprintf(name, sizeof name, "walker%d", b);
        KR_TRY(kr_state_push(table, name, err));
        KR_TRY(kr_block_declare(t->walker[b], table, err));
        KR_TRY(kr_state_push(table, "train", err));
        KR_TRY(kr_rng_declare(&t->rng[b], table, err));
        kr_state_pop(table);
        kr_state_pop(table);
    }
    return KR_OK;
}

void kr_trainer_open(kr_trainer *t)
{
    t->step = 0;
    t->work = 0.0;
    t->rate_factor = 1.0;
    t->n_bad = 0;
    t->n_rollbacks = 0;
    t->ring_n = 0;
    t->best_loss = INFINITY;
    t->is_done = 0;
    memcpy(t->good, t->density->plug->weights(t->density->self), t->n_weights * sizeof(float));
}

size_t kr_trainer_scratch(const kr_sampler *sampler, const kr_point *point, int32_t density)
{
    (void)sampler;
    const kr_density *d = &point->density[density];
    return d->plug->scratch_bytes(d->self, KR_LANES_MAX) +
           (size_t)KR_LANES_MAX * (size_t)point->target->terms->n_sites;
}

/* Sum over ESS_RING batches with a common maximum. */
static double running_ess(const kr_trainer *t, int64_t batch)
{
    int64_t n = t->ring_n < KR_ESS_RING ? t->ring_n : KR_ESS_RING;
    if (n == 0) {
        return 0.0;
    }
    double top = -INFINITY, sum = 0.0, sum2 = 0.0;
    for (int64_t k = 0; k < n; k++) {
        top = fmax(top, t->ring_log_max[k]);
    }
    for (int64_t k = 0; k < n; k++) {
        double scale = exp(t->ring_log_max[k] - top);
        sum += scale * t->ring_sum[k];
        sum2 += scale * scale * t->ring_sum2[k];
    }
    return sum * sum / (sum2 * (double)(n * batch));
}

static void ring_add(kr_trainer *t, const double *log_w, int64_t n)
{
    int64_t k = t->ring_n++ % KR_ESS_RING;
    double top = -INFINITY, sum = 0.0, sum2 = 0.0;
    for (int64_t b = 0; b < n; b++) {
        top = fmax(top, log_w[b]);
    }
    for (int64_t b = 0; b < n; b++) {
        double w = exp(log_w[b] - top);
        sum += w;
        sum2 += w * w;
    }
    t->ring_log_max[k] = top;
    t->ring_sum[k] = sum;
    t->ring_sum2[k] = sum2;
}

/* Phase k of those to seed walkers in, counted round and round. */
static int32_t nth_phase(int32_t n_phases, uint32_t mask, int32_t k)
{
    int32_t chosen[KR_PHASES_MAX], n = 0;
    for (int32_t p = 0; p < n_phases; p++) {
        if (mask == 0 || mask >> p & 1) {
            chosen[n++] = p;
        }
    }
    return n > 0 ? chosen[k % n] : k % n_phases;
}

/* Walkers start in the known phases by turns and are moved until they have forgotten the start.
 */
static void start_walker(const kr_sampler *sampler, const kr_point *point, kr_block *block,
                         void *scratch)
{
    const kr_terms *terms = point->target->terms;
    kr_tally tally = { { 0 }, { 0 }, { 0 } };
    kr_block_convert(block, KR_LAYOUT_CHAIN);
    for (int32_t l = 0; l < block->n_lanes; l++) {
        int32_t phase =
            nth_phase(terms->n_phases, sampler->config.training.phases, block->first_chain + l);
        kr_block_start_lane(block, l, terms->phase[phase].start_state, block->rng);
    }
    kr_block_score(block, terms);
    for (int pass = 0; pass < WALKER_PASSES; pass++) {
        kr_schedule_run_local(sampler, point, block, scratch, &tally);
    }
}

/* Walkers keep to the chosen phases: a state in another one is not for them. */
static bool is_left_out(const kr_terms *terms, uint32_t mask, const uint8_t *state,
                        int32_t stride)
{
    int64_t count[KR_STATES_MAX] = { 0 };
    if (mask == 0) {
        return false;
    }
    for (int32_t i = 0; i < terms->n_sites; i++) {
        count[state[(size_t)i * (size_t)stride]]++;
    }
    int32_t phase = kr_terms_phase(terms, kr_terms_order(terms, count));
    return phase >= 0 && !(mask >> phase & 1);
}

/* A global proposal for every lane: the chain learns from the net as the net from the chain.
 * Fills the proposals' log w; returns the number accepted. */
static int64_t propose(const kr_trainer *t, uint32_t phases, kr_block *block, kr_rng *rng,
                       uint8_t *proposal, double *log_w, void *scratch)
{
    const kr_density *d = t->density;
    const kr_terms *terms = t->target->terms;
    double log_q[KR_LANES_MAX];
    int64_t n_accepted = 0;
    kr_schedule_log_q(d, block, scratch);
    kr_block_convert(block, KR_LAYOUT_LANE);
    d->plug->sample_tail(d->self, 0, block->n_lanes, proposal, log_q, rng, scratch);
    for (int32_t l = 0; l < block->n_lanes; l++) {
        double energy = kr_terms_energy(terms, proposal + l, (size_t)block->stride);
        double log_ratio =
            -t->target->beta * (energy - block->energy[l]) + block->log_q[l] - log_q[l];
        log_w[block->first_chain + l] = -t->target->beta * energy - log_q[l];
        double p = log_ratio >= 0.0 ? 1.0 : exp(log_ratio);
        p = is_left_out(terms, phases, proposal + l, block->stride) ? 0.0 : p;
        if (p >= 0.0 && kr_rng_bernoulli(rng, p)) { /* NaN is refused */
            for (size_t k = (size_t)l; k < (size_t)terms->n_sites * (size_t)block->stride;
                 k += (size_t)block->stride) {
                block->state[k] = proposal[k];
            }
            block->has_count = 0;
            block->energy[l] = energy;
            block->log_q[l] = log_q[l];
            n_accepted++;
        }
    }
    return n_accepted;
}

typedef struct batch_result {
    double loss, n_accepted, cpu;
} batch_result;

static void forward_block(const kr_sampler *sampler, const kr_point *point, kr_trainer *t,
                          int32_t b, double *log_w, void *scratch, float *gradient,
                          batch_result *result)
{
    kr_block *block = t->walker[b];
    kr_tally tally = { { 0 }, { 0 }, { 0 } };
    if (!t->is_started) {
        start_walker(sampler, point, block, scratch);
    }
    kr_schedule_run_local(sampler, point, block, scratch, &tally);
    double coefficient[KR_LANES_MAX], log_q[KR_LANES_MAX];
    if (log_w) {
        size_t bytes = (size_t)block->stride * (size_t)block->n_sites;
        result->n_accepted +=
            (double)propose(t, sampler->config.training.phases, block, &t->rng[b], scratch,
                            log_w, (char *)scratch + (bytes + 63) / 64 * 64);
    }
    kr_block_convert(block, KR_LAYOUT_LANE);
    for (int32_t l = 0; l < block->n_lanes; l++) {
        coefficient[l] = 1.0 / (double)sampler->config.training.batch;
    }
    t->density->plug->grad(t->density->self, block->n_lanes, block->state, coefficient,
                           gradient, log_q, scratch);
    for (int32_t l = 0; l < block->n_lanes; l++) {
        result->loss += -coefficient[l] * log_q[l];
    }
}

/* Samples of q with their R and log w at the target's own beta, kept in the walker's spare
 * area. */
static void reverse_sample(const kr_trainer *t, int32_t b, double beta, uint8_t *state,
                           double *R, double *log_w, void *scratch)
{
    const kr_block *block = t->walker[b];
    double log_q[KR_LANES_MAX];
    t->density->plug->sample_tail(t->density->self, 0, block->n_lanes, state, log_q, &t->rng[b],
                                  scratch);
    for (int32_t l = 0; l < block->n_lanes; l++) {
        double energy = kr_terms_energy(t->target->terms, state + l, (size_t)block->stride);
        R[block->first_chain + l] = beta * energy + log_q[l];
        log_w[block->first_chain + l] = -t->target->beta * energy - log_q[l];
    }
}

static void *thread_scratch(const kr_sampler *sampler)
{
#ifdef _OPENMP
    return sampler->scratch[omp_get_thread_num()];
#else
    return sampler->scratch[0];
#endif
}

/* log_w NULL: without global proposals. */
static void forward_step(kr_sampler *sampler, kr_point *point, kr_trainer *t, double *log_w,
                         batch_result *total)
{
    batch_result result[KR_BATCH_MAX / KR_LANES_MAX] = { { 0 } };
    double cpu = 0.0;
#pragma omp parallel for num_threads(sampler->config.n_threads) schedule(dynamic, 1) \
    reduction(+ : cpu)
    for (int32_t b = 0; b < t->n_blocks; b++) {
        double start = kr_clock_thread();
        float *gradient = sampler->gradient + (size_t)b * sampler->gradient_stride;
        memset(gradient, 0, t->n_weights * sizeof *gradient);
        forward_block(sampler, point, t, b, log_w, thread_scratch(sampler), gradient,
                      &result[b]);
        cpu += kr_clock_thread() - start;
    }
    t->is_started = 1;
    for (int32_t b = 0; b < t->n_blocks; b++) {
        total->loss += result[b].loss;
        total->n_accepted += result[b].n_accepted;
    }
    total->cpu = cpu;
}

static void reverse_step(kr_sampler *sampler, kr_trainer *t, double beta, batch_result *total,
                         double *R, double *log_w)
{
    int64_t batch = sampler->config.training.batch;
    double cpu = 0.0, mean = 0.0;
#pragma omp parallel num_threads(sampler->config.n_threads) reduction(+ : cpu)
    {
#pragma omp for schedule(dynamic, 1)
        for (int32_t b = 0; b < t->n_blocks; b++) {
            double start = kr_clock_thread();
            reverse_sample(t, b, beta, t->walker[b]->spare, R, log_w, thread_scratch(sampler));
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
            const kr_block *block = t->walker[b];
            float *gradient = sampler->gradient + (size_t)b * sampler->gradient_stride;
            double coefficient[KR_LANES_MAX];
            memset(gradient, 0, t->n_weights * sizeof *gradient);
            for (int32_t l = 0; l < block->n_lanes; l++) {
                coefficient[l] = -(R[block->first_chain + l] - mean) / (double)(batch - 1);
            }
            t->density->plug->grad(t->density->self, block->n_lanes, block->spare, coefficient,
                                   gradient, NULL, thread_scratch(sampler));
            cpu += kr_clock_thread() - start;
        }
    }
    total->loss = mean;
    total->cpu = cpu;
}

/* Gradients of the blocks summed pairwise in block order, into that of block 0. */
static void sum_gradients(const kr_sampler *sampler, const kr_trainer *t)
{
    enum { CHUNK = 4096 };
    int64_t n_chunks = ((int64_t)t->n_weights + CHUNK - 1) / CHUNK;
#pragma omp parallel for num_threads(sampler->config.n_threads) schedule(static)
    for (int64_t chunk = 0; chunk < n_chunks; chunk++) {
        size_t from = (size_t)chunk * CHUNK;
        size_t to = from + CHUNK < t->n_weights ? from + CHUNK : t->n_weights;
        for (int32_t width = 1; width < t->n_blocks; width *= 2) {
            for (int32_t b = 0; b + width < t->n_blocks; b += 2 * width) {
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

/* Applies the summed gradient; keeps or restores weights. Errors: KR_EDIVERGED. */
static int apply_gradient(kr_sampler *sampler, kr_trainer *t, double rate, double loss,
                          const char *name, kr_error *err)
{
    float *weights = t->density->plug->weights(t->density->self);
    double runaway = t->best_loss + RUNAWAY_PER_SITE * t->target->terms->n_sites;
    bool is_bad = !isfinite(loss) || loss > runaway;
    if (!is_bad && t->n_bad == 0 && t->step % KR_ESS_RING == 0) {
        memcpy(t->good, weights, t->n_weights * sizeof *weights); /* their loss was seen */
    }
    is_bad = is_bad || kr_adam_step(t->adam, weights, sampler->gradient, rate * t->rate_factor,
                                    MAX_GRADIENT_NORM, NULL) != KR_OK;
    t->density->epoch++;
    if (!is_bad) {
        t->n_bad = 0;
        t->best_loss = fmin(t->best_loss, loss);
        return KR_OK;
    }
    t->rate_factor *= 0.5;
    if (++t->n_bad < BAD_STEPS_MAX) {
        return KR_OK;
    }
    memcpy(weights, t->good, t->n_weights * sizeof *weights);
    if (++t->n_rollbacks > ROLLBACKS_MAX) {
        return kr_fail(
            err, KR_EDIVERGED,
            "training of density %s: loss %g at step %lld after %lld rollbacks, want a "
            "finite loss; a smaller training.rate may help",
            name, loss, (long long)t->step, (long long)t->n_rollbacks);
    }
    memset(t->adam->m, 0, t->n_weights * sizeof *t->adam->m);
    memset(t->adam->v, 0, t->n_weights * sizeof *t->adam->v);
    t->adam->n_steps = 0;
    t->n_bad = 0;
    t->best_loss = INFINITY;
    return KR_OK;
}

/* Each of the two parts of a training cools down by itself; a warm start begins with the
 * second.
 */
static double rate_at(const kr_training_params *params, bool has_forward, bool is_warm,
                      double progress)
{
    double from = has_forward ? params->forward : 0.0;
    bool is_second = progress >= from;
    double x = is_second ? (progress - from) / (1.0 - from) : progress / from;
    double start = is_warm || (is_second && from > 0.0) ? params->reverse_rate : params->rate;
    return start * (x < 0.7 ? 1.0 : x < 0.9 ? 0.3 : 0.1);
}

/* beta of a reverse step: annealed over the first 60 % where no phase is known. */
static double beta_at(const kr_trainer *t, const kr_training_params *params, double progress)
{
    double x = progress / 0.6;
    return t->is_warm || t->target->terms->n_phases > 0 || x >= 1.0
               ? t->target->beta
               : t->target->beta * (params->anneal_from + (1.0 - params->anneal_from) * x);
}

int kr_trainer_step(kr_sampler *sampler, kr_point *point, int32_t density, kr_error *err)
{
    const kr_training_params *params = &sampler->config.training;
    kr_trainer *t = &point->trainer[density];
    double progress =
        fmax((double)t->step / (double)sampler->config.adapt, t->work / params->max_work);
    bool has_forward = t->target->terms->n_phases > 0 && !t->is_warm;
    bool is_forward = has_forward && progress < params->forward;
    double beta = is_forward ? t->target->beta : beta_at(t, params, progress);
    if (is_forward != t->was_forward) {
        t->best_loss = INFINITY; /* the two losses are on different scales */
        t->was_forward = is_forward;
    }
    batch_result total = { 0 };
    double *R = sampler->certificate_log_w, *log_w = R + params->batch;
    double visits = (double)params->batch * (double)t->n_weights;
    KR_TRY(t->density->plug->prepare(t->density->self, beta, err));
    if (is_forward) {
        bool is_global = progress > GLOBAL_FROM * params->forward;
        forward_step(sampler, point, t, is_global ? log_w : NULL, &total);
        if (is_global) {
            ring_add(t, log_w, params->batch);
        }
        visits *= is_global ? 5.0 : 3.0;
    } else {
        reverse_step(sampler, t, beta, &total, R, log_w);
        ring_add(t, log_w, params->batch);
        visits *= 4.0;
    }
    sampler->cpu_train += total.cpu;
    sum_gradients(sampler, t);
    double rate = rate_at(params, has_forward, t->is_warm, progress);
    KR_TRY(apply_gradient(sampler, t, rate, total.loss, sampler->config.density[density].name,
                          err));
    double work = visits / (t->target->terms->q == 2 ? KR_WORK_RATE : KR_WORK_RATE_POTTS);
    t->step++;
    t->all_steps++;
    t->work += work;
    t->all_work += work;
    double ess = running_ess(t, params->batch);
    t->is_done =
        t->step >= sampler->config.adapt || t->work >= params->max_work ||
        (t->ring_n >= ESS_MIN_BATCHES && beta == t->target->beta && ess >= params->target_ess);
    if (t->is_done) {
        KR_TRY(t->density->plug->prepare(t->density->self, t->target->beta, err));
        t->density->epoch++;
        t->is_warm = 0; /* a retraining means that it was not good enough */
    }
    t->row = (kr_training_row){ total.loss,
                                t->ring_n ? ess : NAN,
                                is_forward ? total.n_accepted / (double)params->batch : NAN,
                                beta,
                                rate * t->rate_factor,
                                is_forward };
    t->has_row = 1;
    return KR_OK;
}
