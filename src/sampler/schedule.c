/* SPDX-License-Identifier: GPL-3.0-or-later
 * sampler/schedule.c - passes of the schedule over one block.
 *
 * One step is one pass of all updates in their order. Layouts are converted where neighbors in
 * the schedule differ. CPU time per update is read on every step where sweeps are long
 * against the clock, else on every eighth step and scaled (some 10 % too much: the timed steps
 * are slowed by the reading). Threads: each call touches its own block only. */
#include "base/memory.h"
#include "density/density.h"
#include "model/block.h"
#include "model/fold.h"
#include "sampler/private.h"

#include <string.h>
#include <time.h>
#ifdef _OPENMP
#include <omp.h>
#endif

#define CLOCK_SITES 1024 /* sites of all lanes from which on every step is read */

void *kr_thread_scratch(const kr_sampler *s)
{
#ifdef _OPENMP
    return s->scratch[omp_get_thread_num()];
#else
    return s->scratch[0];
#endif
}

double kr_clock_thread(void)
{
    struct timespec t;
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

void kr_schedule_run_entry(const kr_schedule_entry *entry, const kr_update *update,
                           int64_t n_sweeps, kr_block *block, void *scratch, kr_tally *tally)
{
    const kr_update_plug *plug = entry->plug;
    const kr_fold *fold = plug->fold ? plug->fold(update->self) : NULL;
    if (fold) {
        kr_block_convert(block, fold->layout);
    } else if (!(plug->layouts & (unsigned)block->layout) || block->layout > KR_LAYOUT_LANE) {
        kr_block_convert(block,
                         plug->layouts & KR_LAYOUT_CHAIN ? KR_LAYOUT_CHAIN : KR_LAYOUT_LANE);
    }
    plug->sweep(update->self, block, n_sweeps, scratch, tally);
}

void kr_schedule_run(const kr_sampler *sampler, const kr_point *point, kr_block *block,
                     int64_t first_step, int64_t n_steps, void *scratch, kr_tally *tally,
                     double *cpu)
{
    const kr_sampler_config *config = &sampler->config;
    int64_t stride =
        (int64_t)block->n_lanes * block->n_sites >= CLOCK_SITES ? 1 : KR_CLOCK_STRIDE;
    if (kr_path_is_exact(point)) { /* the updates after it are there to be tuned and counted */
        kr_path_refresh(point, block, scratch);
    }
    if (config->n_updates == 1) { /* steps of a single update are one call */
        stride = n_steps >= KR_CLOCK_STRIDE ? 1 : stride; /* of calls, where they are short */
        bool is_timed = first_step / n_steps % stride == 0;
        double before = is_timed ? kr_clock_thread() : 0.0;
        kr_schedule_run_entry(&config->update[0], &point->update[0],
                              n_steps * config->update[0].sweeps, block, scratch, &tally[0]);
        cpu[0] += is_timed ? (double)stride * (kr_clock_thread() - before) : 0.0;
        return;
    }
    for (int64_t step = first_step; step < first_step + n_steps; step++) {
        bool is_timed = step % stride == 0;
        double before = is_timed ? kr_clock_thread() : 0.0;
        for (int32_t u = 0; u < config->n_updates; u++) {
            kr_schedule_run_entry(&config->update[u], &point->update[u],
                                  config->update[u].sweeps, block, scratch, &tally[u]);
            if (is_timed) {
                double now = kr_clock_thread();
                cpu[u] += (double)stride * (now - before);
                before = now;
            }
        }
    }
}

void kr_schedule_clear(const kr_sampler *sampler, const kr_point *point, const kr_block *block,
                       kr_tally *tally)
{
    int32_t b = block->first_chain / point->block[0]->n_lanes; /* all but the last are equal */
    kr_means *means = point->means + (size_t)b * (size_t)sampler->n_means;
    memset(tally, 0, (size_t)sampler->config.n_updates * sizeof *tally);
    for (int32_t u = 0; u < sampler->config.n_updates; u++) {
        if (sampler->n_quantities[u] > 0) {
            memset(means->n, 0, (size_t)block->n_lanes * sizeof *means->n);
            memset(means->sum, 0, (size_t)block->n_lanes * sizeof *means->sum);
            tally[u].means = means++;
        }
    }
}

void kr_schedule_run_local(const kr_sampler *sampler, const kr_point *point, kr_block *block,
                           void *scratch, kr_tally *tally)
{
    const kr_sampler_config *config = &sampler->config;
    for (int32_t u = 0; u < config->n_updates; u++) {
        if (!(config->update[u].plug->flags & KR_UPDATE_NEEDS_DENSITY)) {
            kr_schedule_run_entry(&config->update[u], &point->update[u],
                                  config->update[u].sweeps, block, scratch, tally);
        }
    }
}

void kr_schedule_log_q(const kr_density *density, kr_block *block, void *scratch)
{
    if (block->log_q_of == density->index && block->log_q_epoch == density->epoch) {
        return;
    }
    kr_block_convert(block, KR_LAYOUT_LANE);
    if (density->plug->flags & KR_DENSITY_BLOCK) {
        kr_density_block tail;
        density->plug->block(density->self, &tail);
        density->plug->log_q_tail(density->self, tail.first, block->n_lanes, block->state,
                                  block->log_q, scratch);
    } else {
        kr_density_log_q(density, block->n_lanes, block->state, block->log_q, scratch);
    }
    block->log_q_of = density->index;
    block->log_q_epoch = density->epoch;
}

/* ---- which sites the schedule changes ---------------------------------------------------- */

static bool draws_blocks(const kr_sampler *s, int32_t u)
{
    const kr_schedule_entry *entry = &s->config.update[u];
    return entry->density >= 0 &&
           s->config.density[entry->density].plug->flags & KR_DENSITY_BLOCK;
}

/* Adds the sites of an update to those of all, and to those of the blocks; returns how many. */
static int32_t add_reach(const kr_sampler *s, const kr_point *point, int32_t u, uint8_t *own,
                         uint8_t *all, uint8_t *blocks)
{
    const kr_update *update = &point->update[u];
    const int32_t N = point->target->terms->n_sites;
    int32_t n = 0;
    memset(own, update->plug->reach == NULL, (size_t)N);
    if (update->plug->reach) {
        update->plug->reach(update->self, own);
    }
    for (int32_t i = 0; i < N; i++) {
        n += own[i];
        all[i] |= own[i];
        blocks[i] |= own[i] && draws_blocks(s, u);
    }
    return n;
}

static int point_reach(kr_sampler *s, const kr_point *point, uint8_t *mark, kr_error *err)
{
    const int32_t N = point->target->terms->n_sites, n_updates = s->config.n_updates;
    uint8_t *own = mark, *all = mark + N, *blocks = all + N;
    int32_t n_all = 0, n_blocks = 0, first = -1;
    memset(all, 0, 2 * (size_t)N);
    for (int32_t u = 0; u < n_updates; u++) {
        const int32_t n = add_reach(s, point, u, own, all, blocks);
        s->reach[u] = n < s->reach[u] ? n : s->reach[u];
    }
    for (int32_t i = 0; i < N; i++) {
        n_all += all[i];
        n_blocks += blocks[i];
        first = first < 0 && !all[i] ? i : first;
    }
    s->reach[n_updates] = n_blocks < s->reach[n_updates] ? n_blocks : s->reach[n_updates];
    return n_all == N ? KR_OK
                      : kr_fail(err, KR_EUNSUP,
                                "updates: no update changes %d of %d sites, site %d the "
                                "first, want one that reaches all, such as heat_bath",
                                N - n_all, N, first);
}

int kr_schedule_find_reach(kr_sampler *s, kr_error *err)
{
    const size_t N = (size_t)s->config.target[0].terms->n_sites;
    uint8_t *mark = kr_alloc(3 * N, 1, err);
    s->reach = kr_alloc((size_t)s->config.n_updates + 1, sizeof *s->reach, err);
    int status = mark && s->reach ? KR_OK : KR_ENOMEM;
    for (int32_t u = 0; status == KR_OK && u <= s->config.n_updates; u++) {
        s->reach[u] = (int32_t)N;
    }
    for (int32_t p = 0; status == KR_OK && p < s->config.n_points; p++) {
        status = point_reach(s, &s->point[p], mark, err);
    }
    kr_free(mark);
    return status;
}
