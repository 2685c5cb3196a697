/* SPDX-License-Identifier: GPL-3.0-or-later
 * sampler/trainer.c - adaptation of a density to its target.
 *
 * All losses are one formula, ascent along sum_b c_b grad log q(s_b):
 *   forward KL   s_b = states of walkers moved by the local updates, seeded in every phase the
 *                model declares, and by proposals of the density itself; c_b = 1/B
 *                (Gabrie, Rotskoff, Vanden-Eijnden, PNAS 119 (2022), arXiv:2105.12603);
 *   reverse KL   s_b ~ q, c_b = -(R_b - <R>)/(B - 1), R = beta H + log q: the leave-one-out
 *                baseline (Kool, van Hoof, Welling 2019; Wu, Wang, Zhang, PRL 122, 080602
 * (2019)), with some walkers in every batch (trainer_batch.c). Where phases are known the
 * forward part comes first, so that none of them is lost; where none is known, reverse KL alone
 * with beta annealed. Weights from a file go on with reverse KL at the target's beta: forward
 * KL at its full rate would first undo them; those of another lattice are coarser and begin
 * with forward KL, which takes half the work of reverse KL alone (critical Ising model, 16 x 16
 * to 32 x 32, up to ESS 0.7). A gradient that is not finite skips the step and halves the rate;
 * three in a row, or a runaway loss, bring back the last good weights. The stop rule
 * (pace.c) counts steps, work and the running ESS, never seconds. A density for a block has a
 * loss of its own (trainer_block.c) and no running ESS.
 *
 * Threads: called serially; OpenMP over walker blocks; gradients are summed pairwise in block
 * order, so the weights do not depend on the number of threads. */
#include "base/memory.h"
#include "base/state.h"
#include "density/density.h"
#include "density/scan.h"
#include "density/stored.h"
#include "model/block.h"
#include "model/terms.h"
#include "sampler/private.h"
#include "update/block_tail.h"

#include <math.h>
#include <stdio.h>
#include <string.h>
#ifdef _OPENMP
#include <omp.h>
#endif

#define GLOBAL_FROM     0.15 /* share of the forward budget without global proposals */
#define GLOBAL_STEPS    128  /* or so many steps, where they tell whether training still pays */
#define PATH_VISITS     2.5  /* of the weights, by a sample and its path gradient */
#define DOUBT_EVERY     16   /* steps of training between two looks at those of a density */
#define ESS_MIN_BATCHES 16   /* running ESS is believed from so many batches on */

static int start_from(const kr_density_entry *entry, int32_t p, kr_trainer *t, kr_error *err)
{
    const kr_stored *stored = entry->start[p];
    kr_error why = { 0 };
    const bool is_same = kr_stored_is_same(stored, t->target->terms);
    if ((is_same ? kr_stored_apply(stored, entry->plug, t->density->self, &why)
                 : kr_stored_grow(stored, entry->plug, t->density->self, &t->adopted, &why)) !=
        KR_OK) {
        return kr_fail(err, why.status, "densities.%s: start: %s: %s", entry->name,
                       stored->path, why.text);
    }
    t->learner->all_steps = stored->steps;
    t->learner->all_work = stored->work;
    t->learner->is_warm = is_same;
    return KR_OK;
}

/* Own weights of a point. Where all points share a learner they begin with the same random
 * numbers, so that what differs is what the target makes of them. */
static int start_point(kr_sampler *sampler, int32_t p, int32_t density, kr_error *err)
{
    const kr_sampler_config *config = &sampler->config;
    kr_trainer *t = &sampler->point[p].trainer[density];
    const int32_t stream = config->training.conditional > 0 ? 0 : p;
    kr_rng rng;
    kr_rng_seed(&rng, config->seed, (uint64_t)(stream * config->n_densities + density) << 32,
                KR_PURPOSE_WEIGHTS);
    t->density->plug->init(t->density->self, &rng);
    return config->density[density].start ? start_from(&config->density[density], p, t, err)
                                          : KR_OK;
}

static int init_learner(kr_sampler *sampler, kr_point *point, int32_t density, kr_error *err)
{
    const int32_t p = (int32_t)(point - sampler->point);
    kr_trainer *t = &point->trainer[density];
    if (sampler->config.training.conditional > 0) {
        t->learner = &sampler->point[0].trainer[density].own;
        KR_TRY(p == 0 ? kr_conditional_init(sampler, density, err) : KR_OK);
        KR_TRY(start_point(sampler, p, density, err));
        return p + 1 == sampler->config.n_points ? kr_conditional_start(sampler, density, err)
                                                 : KR_OK;
    }
    t->learner = &t->own;
    KR_TRY(kr_learner_init(t->learner, t->density, NULL, 1, NULL, err));
    return start_point(sampler, p, density, err);
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
    t->walker = kr_alloc((size_t)t->n_blocks, sizeof(kr_block *), err);
    t->rng = kr_alloc((size_t)t->n_blocks, sizeof *t->rng, err);
    t->is_started = kr_alloc((size_t)t->n_blocks, sizeof *t->is_started, err);
    if (!t->walker || !t->rng || !t->is_started) {
        return KR_ENOMEM;
    }
    KR_TRY(init_learner(sampler, point, density, err));
    KR_TRY(kr_trainer_block_init(t, err));
    int32_t p = (int32_t)(point - sampler->point);
    uint64_t key = (uint64_t)(p * config->n_densities + density) << 32;
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
    kr_trainer_block_clear(t);
    kr_learner_clear(&t->own);
    kr_free(t->walker);
    kr_free(t->rng);
    kr_free(t->is_started);
}

int kr_trainer_declare(kr_trainer *t, kr_state *table, kr_error *err)
{
    if (t->learner == &t->own) {
        KR_TRY(kr_learner_declare(t->learner, table, err));
    }
    KR_TRY(kr_state_add(table, "weights", KR_F32, t->n_weights,
                        t->density->plug->weights(t->density->self), err));
    KR_TRY(kr_state_add(table, "density_epoch", KR_I64, 1, &t->density->epoch, err));
    KR_TRY(kr_state_add(table, "ring_log_max", KR_F64, KR_ESS_RING, t->ring_log_max, err));
    KR_TRY(kr_state_add(table, "ring_sum", KR_F64, KR_ESS_RING, t->ring_sum, err));
    KR_TRY(kr_state_add(table, "ring_sum2", KR_F64, KR_ESS_RING, t->ring_sum2, err));
    KR_TRY(kr_state_add(table, "ring_n", KR_I64, 1, &t->ring_n, err));
    KR_TRY(kr_state_add(table, "is_started", KR_U8, (size_t)t->n_blocks, t->is_started, err));
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
    t->ring_n = 0;
    if (t->learner == &t->own) {
        kr_learner_open(t->learner);
    }
}

/* Points take turns along the multiples of the golden ratio: evenly, and neighbors in time are
 * far apart. Under a polynomial in one number half of the turns crowd toward both ends as the
 * nodes of Chebyshev do: there a polynomial has neighbors on one side only. */
int32_t kr_trainer_turn(const kr_sampler *sampler, int32_t density)
{
    const kr_learner *learner = sampler->point[0].trainer[density].learner;
    const int64_t step = learner->step;
    if (learner->round == sampler->config.n_points) {
        return (int32_t)(step % learner->round);
    }
    const int32_t n_axes = learner->scan ? learner->scan->n_axes : 0;
    const bool is_end = n_axes == 1 && step % 2 == 1;
    double x = 0.6180339887498949 * (double)(n_axes == 1 ? step / 2 : step);
    x -= floor(x);
    x = is_end ? 0.5 - 0.5 * cos(3.14159265358979323846 * x) : x;
    const int32_t p = (int32_t)(x * sampler->config.n_points);
    return p < sampler->config.n_points ? p : sampler->config.n_points - 1;
}

size_t kr_trainer_scratch(const kr_sampler *sampler, const kr_point *point, int32_t density)
{
    (void)sampler;
    const kr_density *d = &point->density[density];
    const kr_block_tail *tail = point->trainer[density].tail;
    return tail ? kr_block_tail_scratch_bytes(tail)
                : kr_density_scratch(d, KR_LANES_MAX) +
                      KR_LANES_MAX * kr_block_row_bytes(point->block[0]);
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

/* beta of a reverse step: annealed over the first 60 % where no phase is known, but not after a
 * warm start or where other points make the way. */
static double beta_at(const kr_trainer *t, const kr_training_params *params, double progress)
{
    double x = progress / 0.6;
    return t->learner->is_warm || t->tail || t->target->terms->n_phases > 0 || x >= 1.0 ||
                   params->conditional > 0
               ? t->target->beta
               : t->target->beta * (params->anneal_from + (1.0 - params->anneal_from) * x);
}

/* Share of the budget that is spent. */
static double progress_of(const kr_sampler *sampler, const kr_learner *learner)
{
    return fmax((double)learner->step / (double)sampler->config.adapt,
                learner->work / sampler->config.training.max_work);
}

/* Tells the pace the mean excess 1/ESS - 1 of the points that the learner serves, once all have
 * one, and the work of the proposals that are wanted of them. */
static void watch(const kr_sampler *sampler, const kr_trainer *t, int32_t density,
                  double progress, double per_proposal)
{
    const kr_training_params *params = &sampler->config.training;
    double excess = 0.0, n = 0.0;
    for (int32_t p = 0; p < sampler->config.n_points; p++) {
        const kr_trainer *other = &sampler->point[p].trainer[density];
        if (other->learner != t->learner) {
            continue;
        }
        if (other->ring_n < ESS_MIN_BATCHES) {
            return;
        }
        excess += 1.0 / running_ess(other, params->batch) - 1.0;
        n++;
    }
    kr_pace_watch(&t->learner->pace, progress, t->learner->work, excess / n,
                  1.0 / params->target_ess - 1.0, per_proposal * n * (double)params->samples);
}

/* True when the running ESS of every point that the learner serves has reached the target. */
static bool has_target_ess(const kr_sampler *sampler, const kr_trainer *t, int32_t density)
{
    const kr_training_params *params = &sampler->config.training;
    bool has = true;
    for (int32_t p = 0; p < sampler->config.n_points; p++) {
        const kr_trainer *other = &sampler->point[p].trainer[density];
        has = has && (other->learner != t->learner ||
                      (other->ring_n >= ESS_MIN_BATCHES &&
                       running_ess(other, params->batch) >= params->target_ess));
    }
    return has;
}

/* Leaves every density of the learner ready for its own point. */
static int finish(kr_sampler *sampler, const kr_trainer *t, int32_t density, kr_error *err)
{
    for (int32_t p = 0; p < sampler->config.n_points; p++) {
        const kr_trainer *other = &sampler->point[p].trainer[density];
        if (other->learner == t->learner) {
            kr_learner_give(other->learner, other->density, p);
            KR_TRY(
                other->density->plug->prepare(other->density->self, other->target->beta, err));
            other->density->epoch++;
        }
    }
    return KR_OK;
}

/* The batch of a step with its gradient, summed into the first block's. Returns weight visits
 * per weight of the density and state. */
static double run_batch(kr_sampler *sampler, kr_point *point, kr_trainer *t, bool is_forward,
                        bool is_global, double beta, kr_batch *total)
{
    const kr_training_params *params = &sampler->config.training;
    double *R = sampler->certificate_log_w, *log_w = R + params->batch, visits;
    const kr_flow *flow = t->density->plug->flow;
    if (flow && flow->doubt && t->learner->step % DOUBT_EVERY == 0) {
        kr_trainer_doubt(sampler, t);
    }
    if (t->tail) {
        kr_trainer_block_step(sampler, point, t, is_forward, total);
        visits = kr_trainer_block_visits(t, is_forward);
    } else if (is_forward) {
        kr_trainer_forward(sampler, point, t, is_global ? log_w : NULL, total);
        visits = is_global ? 5.0 : 3.0;
    } else {
        const int32_t n_walkers =
            beta == t->target->beta ? (int32_t)lround(params->walkers * t->n_blocks) : 0;
        kr_trainer_reverse(sampler, point, t, beta, n_walkers, total, R, log_w);
        visits =
            (t->target->terms->action ? PATH_VISITS : 4.0) + (double)n_walkers / t->n_blocks;
    }
    if (!t->tail && (!is_forward || is_global)) {
        ring_add(t, log_w, params->batch);
    }
    sampler->cpu_train += total->cpu;
    kr_trainer_sum(sampler, t, t->n_blocks);
    return visits;
}

static double nominal_rate(const kr_terms *terms)
{
    return terms->action   ? KR_WORK_RATE_REAL
           : terms->q == 2 ? KR_WORK_RATE
                           : KR_WORK_RATE_POTTS;
}

int kr_trainer_step(kr_sampler *sampler, kr_point *point, int32_t density, kr_error *err)
{
    const kr_training_params *params = &sampler->config.training;
    kr_trainer *t = &point->trainer[density];
    kr_learner *learner = t->learner;
    const int32_t p = (int32_t)(point - sampler->point);
    const kr_density_plug *plug = t->density->plug;
    double progress = progress_of(sampler, learner);
    const double forward = (t->tail || t->target->terms->n_phases > 0) && !learner->is_warm
                               ? params->forward
                               : 0.0;
    bool is_forward = kr_pace_forward(&learner->pace, forward, progress);
    bool is_global = !t->tail && is_forward &&
                     (progress > GLOBAL_FROM * forward ||
                      (params->samples > 0 && learner->step >= GLOBAL_STEPS));
    double beta = is_forward ? t->target->beta : beta_at(t, params, progress);
    if (is_forward != learner->was_forward) {
        learner->best_loss = INFINITY; /* the two losses are on different scales */
        learner->was_forward = is_forward;
    }
    kr_batch total = { 0 };
    kr_learner_give(learner, t->density, p);
    KR_TRY(plug->prepare(t->density->self, beta, err));
    double per_state = plug->n_visits ? plug->n_visits(t->density->self) : (double)t->n_weights;
    double visits = (double)params->batch * per_state *
                    run_batch(sampler, point, t, is_forward, is_global, beta, &total);
    double rate = kr_pace_rate(&learner->pace, progress) *
                  (learner->is_warm || (!is_forward && forward > 0.0) ? params->reverse_rate
                                                                      : params->rate);
    KR_TRY(kr_learner_step(learner, sampler->gradient, p, rate, total.loss,
                           t->target->terms->n_sites, sampler->config.density[density].name,
                           err));
    t->density->epoch++;
    const double nominal = nominal_rate(t->target->terms);
    learner->step++;
    learner->all_steps++;
    learner->work += visits / nominal;
    learner->all_work += visits / nominal;
    progress = progress_of(sampler, learner);
    if (beta == t->target->beta && kr_pace_is_due(&learner->pace, learner->step, progress)) {
        watch(sampler, t, density, progress, per_state / nominal);
    }
    learner->is_done = kr_pace_is_over(&learner->pace, forward, progress) ||
                       (beta == t->target->beta && has_target_ess(sampler, t, density));
    if (learner->is_done) {
        KR_TRY(finish(sampler, t, density, err));
        learner->is_warm = 0; /* a retraining means that it was not good enough */
    }
    t->row = (kr_training_row){ total.loss,
                                t->ring_n ? running_ess(t, params->batch) : NAN,
                                is_global || (t->tail && !is_forward)
                                    ? total.n_accepted / (double)params->batch
                                    : NAN,
                                beta,
                                rate * learner->rate_factor,
                                is_forward,
                                learner->all_work };
    t->has_row = 1;
    return KR_OK;
}
