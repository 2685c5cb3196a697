/* SPDX-License-Identifier: GPL-3.0-or-later
 * sampler/tempering.c - replica exchange over the points of a run: ladders, replicas, threads.
 *
 * Points with the same terms form a ladder; its slots are sorted by beta, slot 0 the hottest.
 * So do those of a path of actions, by t, with the slope dS/dt in the place of the energy.
 * Chain c of every slot belongs to ladder c of replicas, so n_chains ladders run side by side,
 * cut into blocks like everything else. Offers are made to the pairs (k, k + 1) with k even and
 * k odd by turns: this order lets a replica go on in its direction where choosing pairs at
 * random makes it diffuse (Okabe, Kawata, Okamoto, Mikami, Chem. Phys. Lett. 335, 435 (2001);
 * Syed, Bouchard-Cote, Deligiannidis, Doucet, J. R. Stat. Soc. B 84, 321 (2022)).
 *
 * A ladder of a block has a random stream of its own. One thread runs all its slots where there
 * are enough ladders for the threads; else the slots are shared out between the offers. Both
 * ways make the same draws from the same streams, so the samples are the same bits.
 *
 * Slots of one ladder may form gangs (gang.c), which are moved as a whole. */
#include "base/memory.h"
#include "base/state.h"
#include "model/block.h"
#include "model/path.h"
#include "sampler/private.h"
#include "update/exchange.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#define SHARED_SPINS                                                                           \
    1e5               /* attempts of a thread between offers that make sharing worth while     \
                       */
#define GANG_LANES 32 /* lanes of a gang, at most: of the kernels that know lanes apart */

/* The way of a replica since it was last at an end of its ladder. */
enum { NO_END, FROM_COLD, FROM_HOT, FROM_HOT_FIRST /* never was at the cold end */ };

typedef struct counts { /* of a slot and a block, during `measure` */
    int64_t attempted, accepted, from_cold, from_hot;
} counts;
enum { N_COUNTS = sizeof(counts) / sizeof(int64_t) };

typedef struct unit { /* places that move together */
    int32_t begin, n;
    kr_gang *gang; /* NULL: n = 1; owns */
} unit;

/* A place is an index into point: the slots of all ladders, one ladder after the other. */
typedef struct kr_tempering {
    int32_t n_ladders;
    int32_t *begin;               /* (n_ladders + 1) places */
    int32_t *point;               /* (places) */
    int32_t *place;               /* (n_points) */
    int32_t n_units, *unit_begin; /* (n_ladders + 1) */
    unit *unit;                   /* (n_units), ladder by ladder */
    kr_rng *rng;                  /* (n_ladders, n_blocks) */
    int32_t *label; /* (places, n_chains) replica in the slot, named by its first slot */
    uint8_t *way;   /* (first places of replicas, n_chains) */
    int64_t *trips; /* (n_ladders, n_chains) round trips during `measure` */
    counts *count;  /* (places, n_blocks) */
    int32_t *attempted,
        *accepted;   /* (places, n_chains) since the last draw; zero between calls */
    kr_tally *tally; /* (places, n_blocks, n_updates) since the last draw */
    double cpu;
} kr_tempering;

typedef struct worker { /* what a thread needs and finds */
    void *scratch;
    double cpu_update[KR_UPDATES_MAX], cpu, cpu_exchange, audit;
    int32_t bad_density;
} worker;

/* ---- life cycle ------------------------------------------------------------------------- */

/* Places by ladder in the order of first points, then by beta. */
static void find_ladders(const kr_sampler *s, kr_tempering *t)
{
    int32_t n = 0;
    for (int32_t p = 0; p < s->config.n_points; p++) {
        const kr_target *first = s->point[p].target;
        bool is_new = true;
        for (int32_t k = 0; k < n && is_new; k++) {
            is_new = kr_target_ladder(s->point[t->point[k]].target) != kr_target_ladder(first);
        }
        if (!is_new) {
            continue;
        }
        int32_t begin = n;
        for (int32_t m = p; m < s->config.n_points; m++) {
            const kr_target *target = s->point[m].target;
            if (kr_target_ladder(target) == kr_target_ladder(first)) {
                const double rung = kr_target_rung(target);
                int32_t k = n++;
                for (; k > begin && kr_target_rung(s->point[t->point[k - 1]].target) > rung;
                     k--) {
                    t->point[k] = t->point[k - 1];
                }
                t->point[k] = m;
            }
        }
        t->begin[++t->n_ladders] = n;
    }
    for (int32_t k = 0; k < n; k++) {
        t->place[t->point[k]] = k;
    }
}

static int check_ladders(const kr_sampler *s, const kr_tempering *t, kr_error *err)
{
    for (int32_t g = 0; g < t->n_ladders; g++) {
        double beta = kr_target_rung(s->point[t->point[t->begin[g]]].target);
        if (t->begin[g + 1] - t->begin[g] < 2) {
            return kr_fail(err, KR_EINVAL,
                           "tempering: a ladder of one temperature, beta = %.17g, want two or "
                           "more",
                           beta);
        }
        for (int32_t k = t->begin[g] + 1; k < t->begin[g + 1]; k++) {
            double next = kr_target_rung(s->point[t->point[k]].target);
            if (!(next > beta)) {
                return kr_fail(err, KR_EINVAL,
                               "tempering: beta = %.17g twice in a ladder, want different "
                               "temperatures",
                               beta);
            }
            beta = next;
        }
    }
    return KR_OK;
}

/* The places from..to-1 as one gang, or each for itself. */
static int add_units(const kr_sampler *s, kr_tempering *t, int32_t from, int32_t to,
                     kr_error *err)
{
    const kr_point *member[KR_LANES_MAX];
    kr_gang *gang = NULL;
    for (int32_t k = from; k < to && to - from <= KR_LANES_MAX; k++) {
        member[k - from] = &s->point[t->point[k]];
    }
    if (to - from > 1) {
        KR_TRY(kr_gang_make(s, member, to - from, &gang, err));
    }
    for (int32_t k = from; k < to; k++) {
        if (!gang || k == from) {
            t->unit[t->n_units++] = (unit){ .begin = k, .n = gang ? to - k : 1, .gang = gang };
        }
    }
    return KR_OK;
}

/* Blocks of many chains fill vectors by themselves. Infinite temperature has no favored states,
 * so it shares no law. */
static int find_units(const kr_sampler *s, kr_tempering *t, kr_error *err)
{
    bool is_small = s->n_blocks == 1 && s->config.n_densities == 0;
    int32_t most = is_small ? GANG_LANES / s->point[0].block[0]->n_lanes : 1;
    for (int32_t g = 0; g < t->n_ladders; g++) {
        int32_t from = t->begin[g], end = t->begin[g + 1];
        while (from < end && most > 1 && s->point[t->point[from]].target->beta <= 0.0) {
            KR_TRY(add_units(s, t, from, from + 1, err));
            from++;
        }
        int32_t n_parts = most > 1 ? (end - from + most - 1) / most : end - from;
        for (int32_t k = 0; k < n_parts; k++) {
            KR_TRY(add_units(s, t, from + (int32_t)((int64_t)(end - from) * k / n_parts),
                             from + (int32_t)((int64_t)(end - from) * (k + 1) / n_parts), err));
        }
        t->unit_begin[g + 1] = t->n_units;
    }
    return KR_OK;
}

static int alloc_tables(const kr_sampler *s, kr_tempering *t, kr_error *err)
{
    size_t points = (size_t)s->config.n_points, chains = (size_t)s->config.n_chains;
    size_t blocks = (size_t)s->n_blocks;
    t->begin = kr_alloc(points + 1, sizeof *t->begin, err);
    t->point = kr_alloc(points, sizeof *t->point, err);
    t->place = kr_alloc(points, sizeof *t->place, err);
    t->unit_begin = kr_alloc(points + 1, sizeof *t->unit_begin, err);
    t->unit = kr_alloc(points, sizeof *t->unit, err);
    t->rng = kr_alloc(points * blocks, sizeof *t->rng, err);
    t->label = kr_alloc(points * chains, sizeof *t->label, err);
    t->way = kr_alloc(points * chains, sizeof *t->way, err);
    t->trips = kr_alloc(points * chains, sizeof *t->trips, err);
    t->count = kr_alloc(points * blocks, sizeof *t->count, err);
    t->attempted = kr_alloc(points * chains, sizeof *t->attempted, err);
    t->accepted = kr_alloc(points * chains, sizeof *t->accepted, err);
    t->tally = kr_alloc(points * blocks * (size_t)s->config.n_updates, sizeof *t->tally, err);
    return t->begin && t->point && t->place && t->unit_begin && t->unit && t->rng && t->label &&
                   t->way && t->trips && t->count && t->attempted && t->accepted && t->tally
               ? KR_OK
               : KR_ENOMEM;
}

static kr_tally *tally_of(const kr_sampler *s, int32_t place, int32_t b)
{
    size_t at = (size_t)place * (size_t)s->n_blocks + (size_t)b;
    return s->tempering->tally + at * (size_t)s->config.n_updates;
}

int kr_tempering_init(kr_sampler *s, kr_error *err)
{
    kr_tempering *t = s->tempering = kr_alloc(1, sizeof *t, err);
    if (!t) {
        return KR_ENOMEM;
    }
    KR_TRY(alloc_tables(s, t, err));
    find_ladders(s, t);
    KR_TRY(check_ladders(s, t, err));
    KR_TRY(find_units(s, t, err));
    for (int32_t g = 0; g < t->n_ladders; g++) {
        for (int32_t b = 0; b < s->n_blocks; b++) {
            kr_rng_seed(&t->rng[g * s->n_blocks + b], s->config.seed,
                        (uint64_t)g << 32 | (uint64_t)b, KR_PURPOSE_EXCHANGE);
        }
        for (int32_t k = t->begin[g]; k < t->begin[g + 1]; k++) {
            for (int64_t c = 0; c < s->config.n_chains; c++) {
                t->label[k * s->config.n_chains + c] = k - t->begin[g];
            }
            const kr_point *point = &s->point[t->point[k]];
            for (int32_t b = 0; b < s->n_blocks; b++) {
                kr_schedule_clear(s, point, point->block[b], tally_of(s, k, b));
            }
        }
    }
    return KR_OK;
}

void kr_tempering_clear(kr_sampler *s)
{
    kr_tempering *t = s->tempering;
    if (t) {
        kr_free(t->tally);
        kr_free(t->accepted);
        kr_free(t->attempted);
        kr_free(t->count);
        kr_free(t->trips);
        kr_free(t->way);
        kr_free(t->label);
        kr_free(t->rng);
        for (int32_t k = 0; k < t->n_units; k++) {
            kr_gang_free(s, t->unit[k].gang);
        }
        kr_free(t->unit);
        kr_free(t->unit_begin);
        kr_free(t->place);
        kr_free(t->point);
        kr_free(t->begin);
        kr_free(t);
    }
    s->tempering = NULL;
}

int kr_tempering_declare(kr_sampler *s, kr_state *table, kr_error *err)
{
    kr_tempering *t = s->tempering;
    size_t points = (size_t)s->config.n_points, chains = (size_t)s->config.n_chains;
    size_t n_streams = (size_t)t->n_ladders * (size_t)s->n_blocks;
    KR_TRY(kr_state_add(table, "label", KR_I32, points * chains, t->label, err));
    KR_TRY(kr_state_add(table, "way", KR_U8, points * chains, t->way, err));
    KR_TRY(kr_state_add(table, "trips", KR_I64, (size_t)t->n_ladders * chains, t->trips, err));
    KR_TRY(kr_state_add(table, "count", KR_I64, N_COUNTS * points * (size_t)s->n_blocks,
                        &t->count->attempted, err));
    KR_TRY(kr_state_add(table, "cpu", KR_F64, 1, &t->cpu, err));
    for (size_t k = 0; k < n_streams; k++) {
        char name[32];
        snprintf(name, sizeof name, "stream%zu", k);
        KR_TRY(kr_state_push(table, name, err));
        KR_TRY(kr_rng_declare(&t->rng[k], table, err));
        kr_state_pop(table);
    }
    for (int32_t k = 0; k < t->n_units; k++) {
        if (t->unit[k].gang) {
            char name[32];
            snprintf(name, sizeof name, "gang%d", k);
            KR_TRY(kr_state_push(table, name, err));
            KR_TRY(kr_block_declare(t->unit[k].gang->block, table, err));
            kr_state_pop(table);
        }
    }
    return KR_OK;
}

size_t kr_tempering_scratch(const kr_sampler *s)
{
    size_t need = 0;
    for (int32_t k = 0; k < s->tempering->n_units; k++) {
        const kr_gang *gang = s->tempering->unit[k].gang;
        size_t bytes = gang ? kr_gang_scratch(s, gang) : 0;
        need = bytes > need ? bytes : need;
    }
    return need;
}

const kr_gang *kr_tempering_gang(const kr_sampler *s)
{
    const kr_tempering *t = s->tempering;
    for (int32_t k = 0; t && k < t->n_units; k++) {
        if (t->unit[k].gang) {
            return t->unit[k].gang;
        }
    }
    return NULL;
}

/* ---- one ladder of one block ------------------------------------------------------------ */

/* Where each replica has come to. */
static void follow(kr_sampler *s, int32_t g, int32_t b)
{
    kr_tempering *t = s->tempering;
    int64_t n_chains = s->config.n_chains;
    int32_t hot = t->begin[g], cold = t->begin[g + 1] - 1;
    const kr_block *block = s->point[t->point[hot]].block[b];
    bool is_counted = s->stage == KR_STAGE_MEASURE;
    for (int32_t k = hot; k <= cold; k++) {
        counts *count = &t->count[k * s->n_blocks + b];
        for (int64_t c = block->first_chain; c < block->first_chain + block->n_lanes; c++) {
            uint8_t *way = &t->way[(hot + t->label[k * n_chains + c]) * n_chains + c];
            if (k == cold) {
                t->trips[g * n_chains + c] += is_counted && *way == FROM_HOT;
                *way = FROM_COLD;
            } else if (k == hot && *way != FROM_HOT) {
                *way = *way == FROM_COLD ? FROM_HOT : FROM_HOT_FIRST;
            }
            count->from_cold += is_counted && *way == FROM_COLD;
            count->from_hot += is_counted && *way >= FROM_HOT;
        }
    }
}

/* Exchanges of two slots are put off where both are in one gang: those of an offer are one pass
 * over its vectors. */
typedef struct swaps {
    kr_block *gang;
    int32_t distance;
    uint64_t mask;
} swaps;

static void flush(swaps *put_off)
{
    if (put_off->mask) {
        kr_block_swap_lanes(put_off->gang, put_off->distance, put_off->mask);
    }
    put_off->mask = 0;
}

static void swap(kr_block *a, kr_block *b, uint64_t mask, swaps *put_off)
{
    bool is_in_gang =
        a->layout == KR_LAYOUT_GANG && b->layout == KR_LAYOUT_GANG && a->gang == b->gang;
    if (!is_in_gang) {
        kr_block_swap(a, b, mask);
        return;
    }
    if (put_off->gang != a->gang) {
        flush(put_off);
    }
    put_off->gang = a->gang;
    put_off->distance = b->gang_lane - a->gang_lane;
    put_off->mask |= mask << a->gang_lane;
    kr_block_swap_numbers(a, b, mask);
}

/* Offer number n of a ladder: even and odd pairs by turns. */
static void exchange(kr_sampler *s, worker *w, int32_t g, int32_t b, int64_t n)
{
    kr_tempering *t = s->tempering;
    int64_t n_chains = s->config.n_chains;
    double start = kr_clock_thread();
    swaps put_off = { .mask = 0 };
    for (int32_t k = t->begin[g] + (int32_t)(n & 1); k + 1 < t->begin[g + 1]; k += 2) {
        const kr_point *hot = &s->point[t->point[k]], *cold = &s->point[t->point[k + 1]];
        kr_block *block = hot->block[b];
        kr_rng *rng = &t->rng[g * s->n_blocks + b];
        const uint64_t accepted =
            hot->target->path
                ? kr_path_exchange(block, hot->target, cold->block[b], cold->target, rng)
                : kr_exchange_draw(block->n_lanes, block->energy, hot->target->beta,
                                   cold->block[b]->energy, cold->target->beta, rng);
        swap(block, cold->block[b], accepted, &put_off);
        counts *count = &t->count[k * s->n_blocks + b];
        for (int32_t l = 0; l < block->n_lanes; l++) {
            int64_t at = k * n_chains + block->first_chain + l;
            int is_accepted = (int)(accepted >> l & 1);
            t->attempted[at]++;
            t->accepted[at] += is_accepted;
            if (s->stage == KR_STAGE_MEASURE) {
                count->attempted++;
                count->accepted += is_accepted;
            }
            if (is_accepted) {
                int32_t label = t->label[at];
                t->label[at] = t->label[at + n_chains];
                t->label[at + n_chains] = label;
            }
        }
    }
    flush(&put_off);
    follow(s, g, b);
    double cpu = kr_clock_thread() - start;
    w->cpu_exchange += cpu;
    w->cpu += cpu;
}

static void move_unit(kr_sampler *s, worker *w, int32_t u, int32_t b, int64_t step,
                      int64_t n_steps)
{
    const unit *at = &s->tempering->unit[u];
    const kr_point *point = &s->point[s->tempering->point[at->begin]];
    kr_tally *tally = tally_of(s, at->begin, b);
    double start = kr_clock_thread();
    if (at->gang) {
        kr_gang_run(s, at->gang, step, n_steps, w->scratch, tally, w->cpu_update);
    } else {
        kr_schedule_run(s, point, point->block[b], step, n_steps, w->scratch, tally,
                        w->cpu_update);
    }
    w->cpu += kr_clock_thread() - start;
}

/* Ends a draw: everything measured, counts back to zero. */
static void end_draw(kr_sampler *s, worker *w, int32_t place, int32_t b, const kr_chunk *todo,
                     int64_t draw)
{
    kr_tempering *t = s->tempering;
    const kr_point *point = &s->point[t->point[place]];
    kr_block *block = point->block[b];
    kr_tally *tally = tally_of(s, place, b);
    double start = kr_clock_thread();
    int32_t bad = kr_advance_measure(s, point, block, draw, tally, w->scratch);
    w->bad_density = bad > w->bad_density ? bad : w->bad_density;
    kr_schedule_clear(s, point, block, tally);
    for (int64_t c = block->first_chain; c < block->first_chain + block->n_lanes; c++) {
        int64_t at = place * s->config.n_chains + c;
        *kr_sampler_cell(s, draw, s->first_exchange, c, block->point) = t->label[at];
        *kr_sampler_cell(s, draw, s->first_exchange + 1, c, block->point) = t->attempted[at];
        *kr_sampler_cell(s, draw, s->first_exchange + 2, c, block->point) = t->accepted[at];
        t->attempted[at] = t->accepted[at] = 0;
    }
    if (todo->is_audited && draw + 1 == todo->n_draws) {
        w->audit = fmax(w->audit, kr_advance_audit(point, block));
    }
    w->cpu += kr_clock_thread() - start;
}

/* Steps from `step` to the next offer or to the end of the draw, whichever comes first. */
static int64_t steps_from(const kr_sampler *s, int64_t step, int64_t end)
{
    int64_t to_offer = s->config.exchange_every - step % s->config.exchange_every;
    return to_offer < end - step ? to_offer : end - step;
}

/* ---- all of them ------------------------------------------------------------------------ */

/* Each ladder of a block as one task. */
static void run_ladders(kr_sampler *s, worker *w, const kr_chunk *todo)
{
    const kr_tempering *t = s->tempering;
    int64_t every = s->config.every, offer_every = s->config.exchange_every;
    int32_t n_tasks = t->n_ladders * s->n_blocks;
#pragma omp for schedule(dynamic, 1)
    for (int32_t task = 0; task < n_tasks; task++) {
        int32_t g = task / s->n_blocks, b = task % s->n_blocks;
        for (int64_t draw = 0; draw < todo->n_draws; draw++) {
            int64_t step = s->n_steps + draw * every, end = step + every;
            while (step < end) {
                int64_t n = steps_from(s, step, end);
                for (int32_t u = t->unit_begin[g]; u < t->unit_begin[g + 1]; u++) {
                    move_unit(s, w, u, b, step, n);
                }
                step += n;
                if (step % offer_every == 0) {
                    exchange(s, w, g, b, step / offer_every);
                }
            }
            for (int32_t k = t->begin[g]; k < t->begin[g + 1]; k++) {
                end_draw(s, w, k, b, todo, draw);
            }
        }
    }
}

/* Slots of few ladders shared out among many threads; they wait for each other at each offer.
 */
static void run_slots(kr_sampler *s, worker *w, const kr_chunk *todo)
{
    const kr_tempering *t = s->tempering;
    int64_t every = s->config.every, offer_every = s->config.exchange_every;
    int32_t n_blocks = s->n_blocks, n_tasks = t->n_ladders * n_blocks;
    int32_t n_parts = s->config.n_points * n_blocks;
    for (int64_t draw = 0; draw < todo->n_draws; draw++) {
        int64_t step = s->n_steps + draw * every, end = step + every;
        while (step < end) {
            int64_t n = steps_from(s, step, end);
#pragma omp for schedule(dynamic, 1)
            for (int32_t part = 0; part < t->n_units * n_blocks; part++) {
                move_unit(s, w, part / n_blocks, part % n_blocks, step, n);
            }
            step += n;
            if (step % offer_every == 0) {
#pragma omp for schedule(dynamic, 1)
                for (int32_t task = 0; task < n_tasks; task++) {
                    exchange(s, w, task / n_blocks, task % n_blocks, step / offer_every);
                }
            }
        }
#pragma omp for schedule(dynamic, 1)
        for (int32_t part = 0; part < n_parts; part++) {
            end_draw(s, w, part / n_blocks, part % n_blocks, todo, draw);
        }
    }
}

/* Threads for a chunk. Where there are fewer ladders than threads their slots are shared out,
 * but only when there is work enough between two offers to be worth waiting for each other: on
 * a busy machine a wait takes a time slice. */
static int32_t threads_for(const kr_sampler *s, bool *is_shared)
{
    const kr_tempering *t = s->tempering;
    const kr_sampler_config *config = &s->config;
    int64_t n_tasks = (int64_t)t->n_ladders * s->n_blocks, per_step = 0;
    for (int32_t u = 0; u < config->n_updates; u++) {
        per_step += config->update[u].sweeps;
    }
    double spins = (double)config->target->lattice->n_sites * (double)config->n_chains *
                   (double)config->n_points * (double)per_step * (double)config->exchange_every;
    *is_shared = n_tasks < config->n_threads && spins >= SHARED_SPINS * config->n_threads;
    return *is_shared || n_tasks >= config->n_threads ? config->n_threads : (int32_t)n_tasks;
}

void kr_tempering_run(kr_sampler *s, kr_chunk *todo)
{
    kr_tempering *t = s->tempering;
    bool is_shared;
    const int32_t n_threads = threads_for(s, &is_shared);
    double cpu = 0.0, cpu_exchange = 0.0, audit = 0.0;
    int32_t bad_density = -1;
#pragma omp parallel num_threads(n_threads) reduction(+ : cpu, cpu_exchange) \
    reduction(max : audit, bad_density)
    {
        worker w = { .scratch = kr_thread_scratch(s), .bad_density = -1 };
        if (is_shared) {
            run_slots(s, &w, todo);
        } else {
            run_ladders(s, &w, todo);
        }
        cpu += w.cpu;
        cpu_exchange += w.cpu_exchange;
        audit = fmax(audit, w.audit);
        bad_density = w.bad_density > bad_density ? w.bad_density : bad_density;
        for (int32_t u = 0; u < s->config.n_updates; u++) {
#pragma omp atomic
            s->cpu_update[u] += w.cpu_update[u];
        }
    }
    s->cpu_sample += cpu;
    t->cpu += cpu_exchange;
    todo->audit = audit;
    todo->bad_density = bad_density;
}

/* ---- report ----------------------------------------------------------------------------- */

int32_t kr_sampler_first_exchange(const kr_sampler *s)
{
    return s->tempering ? s->first_exchange : -1;
}

void kr_sampler_slot(const kr_sampler *s, int32_t point, kr_slot *slot)
{
    const kr_tempering *t = s->tempering;
    int32_t place = t->place[point], g = 0;
    while (t->begin[g + 1] <= place) {
        g++;
    }
    *slot = (kr_slot){ .ladder = g,
                       .slot = place - t->begin[g],
                       .n_slots = t->begin[g + 1] - t->begin[g] };
    for (int32_t b = 0; b < s->n_blocks; b++) {
        const counts *count = &t->count[place * s->n_blocks + b];
        slot->attempted += count->attempted;
        slot->accepted += count->accepted;
        slot->n_from_cold += count->from_cold;
        slot->n_from_hot += count->from_hot;
    }
    for (int64_t c = 0; c < s->config.n_chains; c++) {
        slot->round_trips += t->trips[g * s->config.n_chains + c];
    }
}

double kr_sampler_exchange_cost(const kr_sampler *s)
{
    return s->tempering ? s->tempering->cpu : 0.0;
}
