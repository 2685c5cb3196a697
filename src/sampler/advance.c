/* SPDX-License-Identifier: GPL-3.0-or-later
 * sampler/advance.c - the stages of a run and the parallel loop over blocks. */
#include "base/memory.h"
#include "model/block.h"
#include "model/path.h"
#include "sampler/private.h"

#include <math.h>
#include <string.h>
#ifdef _OPENMP
#include <omp.h>
#endif

#define AUDIT_DRAWS     512  /* full energy recomputation every so many draws */
#define AUDIT_TOLERANCE 1e-6 /* relative to 1 + |H| */
#define PIECES          16   /* of a block's draws in a call, shared out among threads */
#define MANY_TASKS      8    /* per thread: so many need no pieces */
#define WINDOW_DRAWS    256  /* draws of an acceptance window */

static void count_block(kr_sampler *s, const kr_block *block, int64_t draw,
                        const kr_tally *tally)
{
    int32_t run = s->first_run;
    for (int32_t u = 0; u < s->config.n_updates; u++) {
        bool has_run = s->n_runs > 0 && s->config.update[u].density >= 0;
        for (int32_t l = 0; l < block->n_lanes; l++) {
            int32_t column = s->first_count + 3 * u;
            int64_t c = block->first_chain + l;
            *kr_sampler_cell(s, draw, column, c, block->point) = (double)tally[u].attempted[l];
            *kr_sampler_cell(s, draw, column + 1, c, block->point) =
                (double)tally[u].accepted[l];
            *kr_sampler_cell(s, draw, column + 2, c, block->point) =
                (double)tally[u].changed[l];
        }
        for (int32_t l = 0; has_run && l < block->n_lanes; l++) {
            *kr_sampler_cell(s, draw, run, block->first_chain + l, block->point) =
                (double)tally[u].longest[l];
        }
        run += has_run;
    }
}

static void write_means(kr_sampler *s, const kr_block *block, int64_t draw,
                        const kr_tally *tally)
{
    int32_t column = s->first_mean;
    for (int32_t u = 0; u < s->config.n_updates; u++) {
        const kr_means *means = tally[u].means;
        for (int32_t k = 0; k < s->n_quantities[u]; k++, column++) {
            for (int32_t l = 0; l < block->n_lanes; l++) {
                *kr_sampler_cell(s, draw, column, block->first_chain + l, block->point) =
                    means->sum[l][k] / (double)means->n[l];
            }
        }
    }
}

int32_t kr_advance_measure(kr_sampler *s, const kr_point *point, kr_block *block, int64_t draw,
                           const kr_tally *tally, void *scratch)
{
    const kr_sampler_config *config = &s->config;
    double *out = scratch;
    int32_t bad_density = -1;
    for (int32_t d = 0; d < config->n_densities; d++) {
        const bool is_whole = !(point->density[d].plug->flags & KR_DENSITY_BLOCK);
        kr_schedule_log_q(&point->density[d], block, scratch);
        for (int32_t l = 0; l < block->n_lanes; l++) {
            int64_t c = block->first_chain + l;
            int32_t column = s->first_density + 2 * d;
            bad_density = isfinite(block->log_q[l]) ? bad_density : d;
            *kr_sampler_cell(s, draw, column, c, block->point) = block->log_q[l];
            *kr_sampler_cell(s, draw, column + 1, c, block->point) =
                is_whole ? -point->target->beta * block->energy[l] - block->log_q[l]
                         : NAN; /* q is of the block, given the rest */
        }
    }
    kr_block_count(block);
    for (int32_t o = 0; o < config->n_observables; o++) {
        if (!(config->observable[o].plug->layouts & (unsigned)block->layout)) {
            kr_block_convert(block, KR_LAYOUT_CHAIN);
        }
        const kr_observable_plug *plug = config->observable[o].plug;
        int32_t per_row = plug->flags & KR_OBSERVABLE_PAIRS ? 2 : 1; /* chains */
        plug->measure(point->observable[o], block, out);
        for (int32_t l = 0; l < block->n_lanes / per_row; l++) {
            for (int32_t k = 0; k < s->observable_columns[o]; k++) {
                *kr_sampler_cell(s, draw, s->observable_first[o] + k,
                                 block->first_chain / per_row + l, block->point) =
                    out[l * s->observable_columns[o] + k];
            }
        }
    }
    for (int32_t l = 0; point->flat && l < block->n_lanes; l++) {
        double column[KR_FLAT_COLUMNS];
        kr_flat_draw(point->flat, block, point->target, l, column);
        for (int32_t k = 0; k < KR_FLAT_COLUMNS; k++) {
            *kr_sampler_cell(s, draw, s->first_flat + k, block->first_chain + l, block->point) =
                column[k];
        }
    }
    if (point->target->path) {
        double slope[KR_LANES_MAX];
        kr_path_slope(point->target->path, block, slope);
        for (int32_t l = 0; l < block->n_lanes; l++) {
            *kr_sampler_cell(s, draw, s->first_path, block->first_chain + l, block->point) =
                slope[l];
        }
    }
    for (int32_t l = 0; l < block->n_lanes; l++) {
        *kr_sampler_cell(s, draw, s->first_lp, block->first_chain + l, block->point) =
            -point->target->beta * block->energy[l];
    }
    write_means(s, block, draw, tally);
    count_block(s, block, draw, tally);
    kr_tuning_see(s, block);
    return bad_density;
}

/* Infinite where the error is undefined, for a maximum would drop a NaN. */
double kr_advance_audit(const kr_point *point, kr_block *block)
{
    double scale = 1.0;
    for (int32_t l = 0; l < block->n_lanes; l++) {
        scale = fmax(scale, fabs(block->energy[l]));
    }
    const double worst = kr_block_audit(block, point->target->terms) / scale;
    return isnan(worst) ? INFINITY : worst; /* an infinite action is off by inf/inf */
}

/* Blocks shared out among threads piece by piece, so that a thread that is held up leaves its
 * work to the others. The pieces of a block come in order, whoever makes them. */
typedef struct queue {
    int64_t n_tasks, n_draws, piece; /* draws of a piece */
    int64_t first;                   /* tasks before it are taken for good */
#ifdef _OPENMP
    omp_lock_t lock;
#endif
    int64_t *done; /* (n_tasks) draws made; n_draws + 1 + that while at work */
} queue;

static void queue_lock(queue *q, bool is_locked)
{
#ifdef _OPENMP
    if (is_locked) {
        omp_set_lock(&q->lock);
    } else {
        omp_unset_lock(&q->lock);
    }
#else
    (void)q;
    (void)is_locked;
#endif
}

/* The block that is furthest behind, marked as at work; -1 when none is free. *begin: its first
 * draw to come. */
static int64_t take_task(queue *q, int64_t *begin)
{
    int64_t best = -1;
    queue_lock(q, true);
    bool is_whole = q->piece == q->n_draws; /* then any will do */
    for (int64_t k = q->first; k < q->n_tasks && !(is_whole && best >= 0); k++) {
        if (q->done[k] < q->n_draws && (best < 0 || q->done[k] < q->done[best])) {
            best = k;
        }
    }
    if (best >= 0) {
        *begin = q->done[best];
        q->done[best] += q->n_draws + 1;
        q->first = is_whole ? best + 1 : 0;
    }
    queue_lock(q, false);
    return best;
}

static void put_task(queue *q, int64_t task, int64_t done)
{
    queue_lock(q, true);
    q->done[task] = done;
    queue_lock(q, false);
}

/* Draws begin..end-1 of a block. Returns a density whose log q is not finite, or -1. */
static int32_t run_piece(kr_sampler *s, const kr_point *point, kr_block *block, int64_t begin,
                         int64_t end, void *scratch, kr_tally *tally, double *cpu)
{
    const kr_sampler_config *config = &s->config;
    int32_t bad_density = -1;
    for (int64_t draw = begin; draw < end; draw++) {
        kr_schedule_clear(s, point, block, tally);
        int64_t first_step = s->n_steps + draw * config->every;
        if (point->flat) {
            kr_flat_run(s, point, block, first_step, config->every,
                        s->stage == KR_STAGE_MEASURE ? s->n_draws + draw : -1, scratch, tally,
                        cpu);
        } else {
            kr_schedule_run(s, point, block, first_step, config->every, scratch, tally, cpu);
        }
        int32_t bad = kr_advance_measure(s, point, block, draw, tally, scratch);
        bad_density = bad > bad_density ? bad : bad_density;
    }
    return bad_density;
}

/* n_draws draws of every block in parallel. */
static void run_blocks(kr_sampler *s, kr_chunk *todo)
{
    const kr_sampler_config *config = &s->config;
    queue q = { .n_tasks = (int64_t)config->n_points * s->n_blocks,
                .n_draws = todo->n_draws,
                .piece = todo->n_draws,
                .done = s->task_done };
    if (q.n_tasks < MANY_TASKS * (int64_t)config->n_threads) {
        q.piece = (q.n_draws + PIECES - 1) / PIECES;
    }
    double cpu = 0.0, audit = 0.0;
    int32_t bad_density = -1;
    memset(q.done, 0, (size_t)q.n_tasks * sizeof *q.done);
#ifdef _OPENMP
    omp_init_lock(&q.lock);
#endif
#pragma omp parallel num_threads(config->n_threads) reduction(+ : cpu) \
    reduction(max : audit, bad_density)
    {
        void *scratch = kr_thread_scratch(s);
        double cpu_update[KR_UPDATES_MAX] = { 0 };
        kr_tally tally[KR_UPDATES_MAX];
        int64_t task, begin;
        while ((task = take_task(&q, &begin)) >= 0) {
            double start = kr_clock_thread(); /* waiting for others is not counted */
            const kr_point *point = &s->point[task / s->n_blocks];
            kr_block *block = point->block[task % s->n_blocks];
            int64_t end = begin + q.piece;
            end = end < q.n_draws ? end : q.n_draws;
            int32_t bad = run_piece(s, point, block, begin, end, scratch, tally, cpu_update);
            bad_density = bad > bad_density ? bad : bad_density;
            if (todo->is_audited && end == q.n_draws) {
                audit = fmax(audit, kr_advance_audit(point, block));
            }
            cpu += kr_clock_thread() - start;
            put_task(&q, task, end);
        }
        for (int32_t u = 0; u < config->n_updates; u++) {
#pragma omp atomic
            s->cpu_update[u] += cpu_update[u];
        }
    }
#ifdef _OPENMP
    omp_destroy_lock(&q.lock);
#endif
    s->cpu_sample += cpu;
    todo->audit = audit;
    todo->bad_density = bad_density;
}

static bool has_trainer(const kr_sampler *s)
{
    if (s->config.flat.is_on) {
        return true;
    }
    for (int32_t d = 0; d < s->config.n_densities; d++) {
        if (s->config.density[d].plug->flags & KR_DENSITY_TRAINABLE) {
            return true;
        }
    }
    return false;
}

static void enter(kr_sampler *s, kr_stage stage)
{
    s->stage = (int32_t)stage;
    s->stage_step = 0;
    for (int32_t k = 0; k < s->config.n_points * s->n_blocks; k++) { /* runs begin anew */
        memset(s->point[k / s->n_blocks].block[k % s->n_blocks]->rejected, 0,
               KR_LANES_MAX * sizeof(int64_t));
    }
    if (s->config.flat.is_on) {
        kr_flat_open(s, stage);
    }
    if (stage == KR_STAGE_ADAPT) {
        for (int32_t p = 0; p < s->config.n_points; p++) {
            for (int32_t d = 0; d < s->config.n_densities; d++) {
                if (s->point[p].trainer[d].n_weights) {
                    kr_trainer_open(&s->point[p].trainer[d]);
                }
            }
        }
    }
    if (stage == KR_STAGE_MEASURE) {
        s->window_draws = 0;
        memset(s->window_attempted, 0, (size_t)s->config.n_points * sizeof(int64_t));
        memset(s->window_accepted, 0, (size_t)s->config.n_points * sizeof(int64_t));
    }
}

static int64_t planned_draws(const kr_sampler *s)
{
    int64_t every = s->config.every;
    return s->stage == KR_STAGE_MEASURE ? s->config.measure / every
                                        : (s->config.thermalize + every - 1) / every;
}

static void leave(kr_sampler *s)
{
    switch ((kr_stage)s->stage) {
    case KR_STAGE_THERMALIZE:
        enter(s, has_trainer(s) && s->config.adapt > 0 ? KR_STAGE_ADAPT
                 : s->config.n_densities               ? KR_STAGE_CERTIFY
                                                       : KR_STAGE_MEASURE);
        break;
    case KR_STAGE_ADAPT:
        enter(s, KR_STAGE_SETTLE);
        break;
    case KR_STAGE_SETTLE:
        enter(s, s->config.n_densities ? KR_STAGE_CERTIFY : KR_STAGE_MEASURE);
        break;
    case KR_STAGE_CERTIFY:
        enter(s, KR_STAGE_MEASURE);
        break;
    case KR_STAGE_MEASURE:
    case KR_STAGE_DONE:
        s->stage =
            KR_STAGE_DONE; /* counters stay: a resume with more draws goes on from them */
        break;
    }
}

/* Counts the global proposals of the new draws. */
static void count_window(kr_sampler *s)
{
    const kr_sampler_config *config = &s->config;
    for (int32_t u = 0; u < config->n_updates; u++) {
        if (!(config->update[u].plug->flags & KR_UPDATE_NEEDS_DENSITY)) {
            continue;
        }
        for (int64_t draw = 0; draw < s->n_new; draw++) {
            for (int64_t c = 0; c < config->n_chains; c++) {
                for (int32_t p = 0; p < config->n_points; p++) {
                    int32_t column = s->first_count + 3 * u;
                    s->window_attempted[p] += (int64_t)*kr_sampler_cell(s, draw, column, c, p);
                    s->window_accepted[p] +=
                        (int64_t)*kr_sampler_cell(s, draw, column + 1, c, p);
                }
            }
        }
    }
    s->window_draws += s->n_new;
}

/* True when a full window says: train again. Closes the window. */
static bool wants_retraining(kr_sampler *s)
{
    const kr_sampler_config *config = &s->config;
    const kr_training_params *params = &config->training;
    if (s->window_draws < WINDOW_DRAWS) {
        return false;
    }
    bool is_low = false;
    for (int32_t p = 0; p < config->n_points; p++) {
        is_low = is_low || (double)s->window_accepted[p] <
                               params->min_acceptance * (double)s->window_attempted[p];
        s->window_attempted[p] = s->window_accepted[p] = 0;
    }
    s->window_draws = 0;
    return is_low && !s->alternating && s->config.n_densities > 0 && has_trainer(s) &&
           config->adapt > 0 && s->n_retrainings < params->max_retrainings;
}

/* Names a chain whose action is not finite; without one the audit speaks of the energies. */
static int check_finite(const kr_sampler *s, kr_error *err)
{
    for (int64_t k = 0; k < (int64_t)s->config.n_points * s->n_blocks; k++) {
        const int64_t p = k / s->n_blocks;
        KR_TRY(kr_block_check_finite(s->point[p].block[k % s->n_blocks], p, KR_ESANITY, err));
    }
    return KR_OK;
}

static int check_chunk(const kr_sampler *s, const kr_chunk *done, kr_error *err)
{
    if (done->bad_density >= 0) {
        const kr_density *density = &s->point[0].density[done->bad_density];
        const kr_flow *flow = density->plug->flow;
        /* To refuse every proposal to such a state would be exact only if proposals that are
         * such states were refused too, at the price of an inverse of each */
        if (flow && flow->n_steps) {
            return kr_fail(err, KR_ESANITY,
                           "density %s: log q of a chain is not finite, the state has no "
                           "inverse with steps = %d: want twice as many or more, "
                           "adapt_steps: true and most_steps above, and train again",
                           s->config.density[done->bad_density].name,
                           flow->n_steps(density->self));
        }
        return kr_fail(err, KR_ESANITY,
                       "density %s: log q of a chain is not finite, want a finite number",
                       s->config.density[done->bad_density].name);
    }
    if (!(done->audit <= AUDIT_TOLERANCE)) {
        KR_TRY(check_finite(s, err));
        return kr_fail(err, KR_ESANITY,
                       "energy audit: running energy is off by %g of its size, want <= %g",
                       done->audit, AUDIT_TOLERANCE);
    }
    return KR_OK;
}

/* Audits come after 1, 2, 4, ... draws of a stage, then every AUDIT_DRAWS: a fault shows early
 * and fast engines are not held up. */
static int64_t draws_to_audit(int64_t done)
{
    int64_t next = 1;
    while (next <= done && next < AUDIT_DRAWS) {
        next *= 2;
    }
    return next > done ? next - done : AUDIT_DRAWS - done % AUDIT_DRAWS;
}

static int advance_chains(kr_sampler *s, int64_t max_draws, kr_error *err)
{
    int64_t left =
        planned_draws(s) - (s->stage == KR_STAGE_MEASURE ? s->n_draws : s->stage_step);
    if (left <= 0) {
        leave(s);
        return KR_OK;
    }
    /* asked when more draws follow: after the last one nothing is gained by it */
    if (s->stage == KR_STAGE_MEASURE && wants_retraining(s)) {
        s->n_retrainings++;
        s->epoch++;
        enter(s, KR_STAGE_ADAPT);
        return KR_OK;
    }
    kr_chunk todo = { .n_draws = max_draws < left ? max_draws : left };
    if (todo.n_draws > s->draws_capacity) {
        todo.n_draws = s->draws_capacity;
    }
    /* windows, audits and decisions to stop end on fixed draws, whatever the chunks are */
    int64_t to_window = WINDOW_DRAWS - s->window_draws;
    int64_t to_audit = draws_to_audit(s->stage_step), to_stop = kr_stop_draws(s);
    todo.n_draws = todo.n_draws > to_window ? to_window : todo.n_draws;
    todo.n_draws = todo.n_draws > to_audit ? to_audit : todo.n_draws;
    todo.n_draws = todo.n_draws > to_stop ? to_stop : todo.n_draws;
    todo.is_audited = todo.n_draws == to_audit;
    if (kr_tuning_is_on(s)) {
        todo.n_draws = 1;
        todo.is_audited = to_audit == 1;
    }
    if (s->tempering) {
        kr_tempering_run(s, &todo);
    } else if (s->annealing) {
        kr_annealing_run(s, &todo);
    } else if (s->alternating && s->stage == KR_STAGE_MEASURE) {
        KR_TRY(kr_alternating_run(s, &todo, err));
    } else {
        run_blocks(s, &todo);
    }
    s->audit = fmax(s->audit, todo.audit);
    KR_TRY(check_chunk(s, &todo, err));
    s->n_new = todo.n_draws;
    s->n_steps += todo.n_draws * s->config.every;
    s->stage_step += todo.n_draws;
    kr_tuning_learn(s);
    kr_histograms_learn(s, s->stage == KR_STAGE_MEASURE ? s->n_draws
                                                        : s->stage_step - todo.n_draws);
    s->new_is_warmup = s->stage != KR_STAGE_MEASURE;
    s->new_epoch = s->epoch;
    bool is_over = todo.n_draws == left;
    if (s->stage == KR_STAGE_MEASURE) {
        s->n_draws += todo.n_draws;
        count_window(s);
        is_over = kr_stop_learn(s, is_over) || is_over;
    }
    if (is_over) {
        leave(s);
    }
    return KR_OK;
}

static int advance_training(kr_sampler *s, kr_error *err)
{
    bool is_done = true;
    if (s->config.flat.is_on) {
        KR_TRY(kr_flat_advance(s, &is_done, err));
        if (is_done) {
            leave(s);
        }
        return KR_OK;
    }
    const bool is_shared = s->config.training.conditional > 0;
    for (int32_t k = 0; k < (is_shared ? 1 : s->config.n_points); k++) {
        for (int32_t d = 0; d < s->config.n_densities; d++) {
            const int32_t p = is_shared ? kr_trainer_turn(s, d) : k;
            const kr_trainer *t = &s->point[p].trainer[d];
            if (t->n_weights && !t->learner->is_done) {
                KR_TRY(kr_trainer_step(s, &s->point[p], d, err));
                is_done = is_done && t->learner->is_done;
            }
        }
    }
    s->stage_step++;
    if (is_done) {
        leave(s);
    }
    return KR_OK;
}

int kr_sampler_advance(kr_sampler *s, int64_t max_draws, kr_error *err)
{
    s->n_new = 0;
    for (int32_t k = 0; k < s->config.n_points * s->config.n_densities; k++) {
        s->point[k / s->config.n_densities].trainer[k % s->config.n_densities].has_row = 0;
    }
    switch ((kr_stage)s->stage) {
    case KR_STAGE_ADAPT:
        return advance_training(s, err);
    case KR_STAGE_CERTIFY: {
        bool is_done;
        KR_TRY(kr_certificate_advance(s, &is_done, err));
        if (is_done) {
            leave(s);
        }
        return KR_OK;
    }
    case KR_STAGE_DONE:
        return KR_OK;
    case KR_STAGE_THERMALIZE:
    case KR_STAGE_SETTLE:
    case KR_STAGE_MEASURE:
        break;
    }
    return advance_chains(s, max_draws, err);
}
