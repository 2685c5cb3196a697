/* SPDX-License-Identifier: GPL-3.0-or-later
 * sampler/alternating.c - densities that learn while the run measures, without bias.
 *
 * A chain whose proposals learn from its own states no longer samples the target, though each
 * of its kernels leaves it invariant (Haario, Saksman, Tamminen, Bernoulli 7, 223 (2001));
 * neither do two chains that learn from each other and move at once. One form is exact. The
 * blocks of a point are two groups, the even and the odd ones. One group moves while the other
 * rests, under weights that are a function of the present states of the resting group alone:
 *
 *     weights_A = f(states of B);  A moves phases.every steps;
 *     weights_B = f(states of A);  B moves phases.every steps;  a draw of all chains.
 *
 * Given the states of B, A moves by a kernel that leaves its target invariant, so the product
 * of the laws of all chains is invariant under each half, and with it every mean at a draw. f
 * has no memory: it starts from the frozen weights of the phase adapt with the moments of Adam
 * at zero, takes turn_steps steps of forward KL on minibatches of the resting states, and draws
 * no random number. At a draw the frozen weights are back: log q of the draws, certificates and
 * density files belong to these. States of two chains at one draw are independent; at different
 * draws they can be correlated, as far as weights tell of states.
 *
 * Threads: called serially; OpenMP over blocks; gradients are summed pairwise in block order.
 */
#include "base/memory.h"
#include "density/adam.h"
#include "density/density.h"
#include "model/block.h"
#include "sampler/private.h"

#include <math.h>
#include <string.h>

#define MAX_GRADIENT_NORM 1e3

typedef struct kr_alternating {
    float **frozen;  /* (n_points, n_densities) weights between draws; NULL: has none; owns */
    kr_tally *tally; /* (n_points, n_blocks, n_updates) of the present draw; owns */
} kr_alternating;

/* ---- life cycle ------------------------------------------------------------------------- */

static bool is_learned(const kr_sampler_config *config, int32_t update)
{
    int32_t d = config->update[update].density;
    return d >= 0 && config->density[d].plug->flags & KR_DENSITY_TRAINABLE;
}

int kr_alternating_check(const kr_sampler_config *config, kr_error *err)
{
    bool is_any = false, has_pairs = false;
    if (config->training.while_measuring != KR_TRAINING_ALTERNATING) {
        return KR_OK;
    }
    if (config->exchange_every > 0 || config->flat.is_on || config->is_annealing) {
        return kr_fail(err, KR_EUNSUP, "alternating beside %s, want none or independent chains",
                       config->exchange_every > 0 ? "tempering"
                       : config->flat.is_on       ? "multicanonical"
                                                  : "population_annealing");
    }
    if (config->training.conditional > 0) {
        return kr_fail(
            err, KR_EUNSUP,
            "alternating with conditional = %lld, want 0: each point learns from its "
            "own chains",
            (long long)config->training.conditional);
    }
    for (int32_t u = 0; u < config->n_updates; u++) {
        is_any = is_any || is_learned(config, u);
        has_pairs = has_pairs || config->update[u].plug->flags & KR_UPDATE_COUPLES_CHAINS;
    }
    for (int32_t d = 0; d < config->n_densities; d++) {
        if (config->density[d].plug->flags & KR_DENSITY_BLOCK) {
            return kr_fail(err, KR_EUNSUP,
                           "alternating with density %s, which is for a block, want none",
                           config->density[d].name);
        }
    }
    for (int32_t o = 0; o < config->n_observables; o++) {
        has_pairs = has_pairs || config->observable[o].plug->flags & KR_OBSERVABLE_PAIRS;
    }
    if (!is_any) {
        return kr_fail(err, KR_EINVAL,
                       "alternating, but no update proposes from a density with weights, want "
                       "none or such an update");
    }
    if (config->n_chains < (has_pairs ? 4 : 2)) {
        return kr_fail(err, KR_EINVAL,
                       "alternating with %lld chain%s%s, want at least %d: one group rests "
                       "while the other moves",
                       (long long)config->n_chains, config->n_chains == 1 ? "" : "s",
                       has_pairs ? " taken in pairs" : "", has_pairs ? 4 : 2);
    }
    return KR_OK;
}

int32_t kr_alternating_lanes(const kr_sampler_config *config)
{
    int32_t lanes = kr_block_lanes(config->n_chains);
    if (config->training.while_measuring != KR_TRAINING_ALTERNATING ||
        config->n_chains > 2 * (int64_t)lanes) {
        return lanes;
    }
    int32_t half = (int32_t)((config->n_chains + 1) / 2);
    return half > 1 ? (half + 1) / 2 * 2 : 1; /* even: pairs of chains stay together */
}

int kr_alternating_init(kr_sampler *s, kr_error *err)
{
    const kr_sampler_config *config = &s->config;
    const int32_t n_densities = config->n_densities;
    kr_error why = { 0 };
    int status = kr_alternating_check(config, &why);
    if (status != KR_OK) {
        return kr_fail(err, status, "training.while_measuring: %s", why.text);
    }
    if (config->training.while_measuring != KR_TRAINING_ALTERNATING) {
        return KR_OK;
    }
    size_t n_blocks = (size_t)config->n_points * (size_t)s->n_blocks;
    kr_alternating *a = s->alternating = kr_alloc(1, sizeof *a, err);
    if (!a) {
        return KR_ENOMEM;
    }
    a->tally = kr_alloc(n_blocks * (size_t)config->n_updates, sizeof *a->tally, err);
    a->frozen = kr_alloc((size_t)(config->n_points * n_densities), sizeof *a->frozen, err);
    if (!a->tally || !a->frozen) {
        return KR_ENOMEM;
    }
    for (int32_t k = 0; k < config->n_points * n_densities; k++) {
        size_t n = s->point[k / n_densities].trainer[k % n_densities].n_weights;
        a->frozen[k] = n > 0 ? kr_alloc(n, sizeof(float), err) : NULL;
        if (n > 0 && !a->frozen[k]) {
            return KR_ENOMEM;
        }
    }
    return KR_OK;
}

void kr_alternating_clear(kr_sampler *s)
{
    kr_alternating *a = s->alternating;
    if (!a) {
        return;
    }
    for (int32_t k = 0; a->frozen && k < s->config.n_points * s->config.n_densities; k++) {
        kr_free(a->frozen[k]);
    }
    kr_free(a->frozen);
    kr_free(a->tally);
    kr_free(a);
    s->alternating = NULL;
}

/* ---- training --------------------------------------------------------------------------- */

/* Blocks group, group + 2, ... are a group: how many. */
static int32_t group_size(const kr_sampler *s, int32_t group)
{
    return (s->n_blocks - group + 1) / 2;
}

/* Gradient of the mean log q of a minibatch, into that of the first block. It is n_blocks of
 * the group in turn from block `first` on, so that all states are seen in the course of the
 * steps where the batch is smaller than the group. */
static void minibatch(kr_sampler *s, const kr_point *point, const kr_trainer *t, int32_t group,
                      int64_t first, int32_t n_blocks)
{
    const int32_t n = group_size(s, group);
    int64_t n_states = 0;
    double cpu = 0.0;
    for (int32_t k = 0; k < n_blocks; k++) {
        n_states += point->block[group + 2 * ((first + k) % n)]->n_lanes;
    }
#pragma omp parallel for num_threads(s->config.n_threads) schedule(dynamic, 1) \
    reduction(+ : cpu) if (n_blocks > 1)
    for (int32_t k = 0; k < n_blocks; k++) {
        double begin = kr_clock_thread(), coefficient[KR_LANES_MAX];
        kr_block *block = point->block[group + 2 * ((first + k) % n)];
        float *gradient = s->gradient + (size_t)k * s->gradient_stride;
        kr_block_convert(block, KR_LAYOUT_LANE);
        for (int32_t l = 0; l < block->n_lanes; l++) {
            coefficient[l] = 1.0 / (double)n_states;
        }
        memset(gradient, 0, t->n_weights * sizeof *gradient);
        kr_density_grad(t->density, block->n_lanes, block->state, coefficient, gradient, NULL,
                        kr_thread_scratch(s));
        cpu += kr_clock_thread() - begin;
    }
    s->cpu_train += cpu;
    kr_trainer_sum(s, t, n_blocks);
}

int kr_alternating_train(kr_sampler *s, kr_point *point, int32_t density, int32_t group,
                         kr_error *err)
{
    const kr_training_params *params = &s->config.training;
    const int32_t p = (int32_t)(point - s->point), n = group_size(s, group);
    kr_trainer *t = &point->trainer[density];
    const kr_density_plug *plug = t->density->plug;
    float *weights = plug->weights(t->density->self);
    memcpy(weights, s->alternating->frozen[p * s->config.n_densities + density],
           t->n_weights * sizeof *weights);
    kr_adam_reset(t->own.adam);
    int32_t n_blocks = n < t->n_blocks ? n : t->n_blocks;
    for (int64_t step = 0; step < params->turn_steps; step++) {
        KR_TRY(plug->prepare(t->density->self, t->target->beta, err));
        minibatch(s, point, t, group, step * n_blocks, n_blocks);
        /* a gradient that is not finite moves nothing */
        kr_adam_step(t->own.adam, weights, s->gradient, params->turn_rate, MAX_GRADIENT_NORM,
                     NULL);
    }
    t->density->epoch++;
    return plug->prepare(t->density->self, t->target->beta, err);
}

/* Weights of all densities: kept away when a draw begins, given back before it is taken. */
static int keep_weights(kr_sampler *s, bool is_back, kr_error *err)
{
    const int32_t n_densities = s->config.n_densities;
    for (int32_t k = 0; k < s->config.n_points * n_densities; k++) {
        kr_trainer *t = &s->point[k / n_densities].trainer[k % n_densities];
        float *frozen = s->alternating->frozen[k];
        if (!frozen) {
            continue;
        }
        float *weights = t->density->plug->weights(t->density->self);
        memcpy(is_back ? weights : frozen, is_back ? frozen : weights,
               t->n_weights * sizeof *weights);
        if (is_back) {
            t->density->epoch++;
            KR_TRY(t->density->plug->prepare(t->density->self, t->target->beta, err));
        }
    }
    return KR_OK;
}

/* ---- turns ------------------------------------------------------------------------------ */

/* The steps of a draw for the blocks of a group, of all points. */
static void move_group(kr_sampler *s, int32_t group, int64_t first_step)
{
    const kr_sampler_config *config = &s->config;
    const int32_t n = group_size(s, group);
    double cpu = 0.0;
#pragma omp parallel num_threads(config->n_threads) reduction(+ : cpu)
    {
        double cpu_update[KR_UPDATES_MAX] = { 0 };
#pragma omp for schedule(dynamic, 1)
        for (int32_t k = 0; k < config->n_points * n; k++) {
            double begin = kr_clock_thread();
            const int32_t p = k / n, b = group + 2 * (k % n);
            kr_tally *tally = s->alternating->tally +
                              (size_t)(p * s->n_blocks + b) * (size_t)config->n_updates;
            kr_schedule_clear(s, &s->point[p], s->point[p].block[b], tally);
            kr_schedule_run(s, &s->point[p], s->point[p].block[b], first_step, config->every,
                            kr_thread_scratch(s), tally, cpu_update);
            cpu += kr_clock_thread() - begin;
        }
        for (int32_t u = 0; u < config->n_updates; u++) {
#pragma omp atomic
            s->cpu_update[u] += cpu_update[u];
        }
    }
    s->cpu_sample += cpu;
}

/* A draw of all chains, under the frozen weights. */
static void measure_all(kr_sampler *s, int64_t draw, kr_chunk *todo)
{
    const kr_sampler_config *config = &s->config;
    const bool is_audited = todo->is_audited && draw == todo->n_draws - 1;
    double cpu = 0.0, audit = todo->audit;
    int32_t bad_density = todo->bad_density;
#pragma omp parallel for num_threads(config->n_threads) schedule(dynamic, 1) \
    reduction(+ : cpu) reduction(max : audit, bad_density)
    for (int32_t k = 0; k < config->n_points * s->n_blocks; k++) {
        double begin = kr_clock_thread();
        const kr_point *point = &s->point[k / s->n_blocks];
        kr_block *block = point->block[k % s->n_blocks];
        int32_t bad =
            kr_advance_measure(s, point, block, draw,
                               s->alternating->tally + (size_t)k * (size_t)config->n_updates,
                               kr_thread_scratch(s));
        bad_density = bad > bad_density ? bad : bad_density;
        audit = is_audited ? fmax(audit, kr_advance_audit(point, block)) : audit;
        cpu += kr_clock_thread() - begin;
    }
    s->cpu_sample += cpu;
    todo->audit = audit;
    todo->bad_density = bad_density;
}

int kr_alternating_run(kr_sampler *s, kr_chunk *todo, kr_error *err)
{
    const kr_sampler_config *config = &s->config;
    todo->audit = 0.0;
    todo->bad_density = -1;
    for (int64_t draw = 0; draw < todo->n_draws; draw++) {
        KR_TRY(keep_weights(s, false, err));
        for (int32_t group = 0; group < 2; group++) {
            for (int32_t k = 0; k < config->n_points * config->n_densities; k++) {
                if (s->alternating->frozen[k]) {
                    KR_TRY(kr_alternating_train(s, &s->point[k / config->n_densities],
                                                k % config->n_densities, 1 - group, err));
                }
            }
            move_group(s, group, s->n_steps + draw * config->every);
        }
        KR_TRY(keep_weights(s, true, err));
        measure_all(s, draw, todo);
    }
    return KR_OK;
}
