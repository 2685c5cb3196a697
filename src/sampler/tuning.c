/* SPDX-License-Identifier: GPL-3.0-or-later
 * sampler/tuning.c - updates that learn step sizes and the like from the chains they move.
 *
 * They learn from each draw of the first three quarters of thermalize and are frozen for its
 * rest, which is discarded too, so that measured chains have forgotten what they were tuned
 * with. Moments of the chains are taken block by block as their draw is made, and merged in the
 * order of the blocks. Those that propose from a density learn anew in the same part of settle,
 * when its weights have been trained. Counted draws decide, never a clock. Threads: serial, but
 * for kr_tuning_see, pure given its block. */
#include "base/memory.h"
#include "base/moments.h"
#include "base/state.h"
#include "sampler/private.h"
#include <math.h>
#include <stdio.h>
#include <string.h>

/* Draws of thermalize that are learned from. */
static int64_t n_learning(const kr_sampler_config *config)
{
    const int64_t every = config->every, n = (config->thermalize + every - 1) / every;
    return 3 * n / 4;
}

/* Whether an update learns in this stage. */
static bool learns(const kr_sampler *s, const kr_update_plug *plug)
{
    const bool has_density = plug->flags & KR_UPDATE_NEEDS_DENSITY;
    return plug->tune &&
           (s->stage == KR_STAGE_THERMALIZE || (s->stage == KR_STAGE_SETTLE && has_density));
}

/* Updates of states have nothing to learn. */
static bool has_tuned(const kr_sampler *s)
{
    if (!s->config.target[0].terms->action) {
        return false;
    }
    for (int32_t u = 0; u < s->config.n_updates; u++) {
        if (learns(s, s->config.update[u].plug)) {
            return true;
        }
    }
    return false;
}

bool kr_tuning_is_on(const kr_sampler *s)
{
    return s->stage_step < n_learning(&s->config) && has_tuned(s);
}

/* ---- moments of the chains -------------------------------------------------------------- */

static bool has_moments(const kr_update *update)
{
    return update->plug->has_moments && update->plug->has_moments(update->self);
}

/* The entry of the schedule that wants them, or -1. */
static int32_t wanted_by(const kr_sampler *s)
{
    int32_t u = s->config.n_updates - 1;
    while (u >= 0 && !has_moments(&s->point[0].update[u])) {
        u--;
    }
    return u;
}

int kr_sampler_check_tuning(const kr_sampler *s, const kr_sampler_config *config, kr_error *err)
{
    const int32_t u = wanted_by(s);
    const int64_t n = n_learning(config);
    if (u >= 0 && n < KR_MOMENTS_CALLS) {
        return kr_fail(err, KR_EINVAL,
                       "update %s: a mass of every site is measured in three quarters of the "
                       "draws of thermalize, %lld here, want %d or more: phases.thermalize >= "
                       "%lld",
                       config->update[u].name, (long long)n, KR_MOMENTS_CALLS,
                       (long long)((4 * KR_MOMENTS_CALLS + 2) / 3 * config->every));
    }
    return KR_OK;
}

int kr_tuning_init(kr_sampler *s, kr_error *err)
{
    if (wanted_by(s) < 0) {
        return KR_OK;
    }
    const size_t n_sites = (size_t)s->config.target[0].terms->n_sites;
    const size_t n_parts = (size_t)(s->config.n_points * s->n_blocks) + 1; /* and the whole */
    s->moments = kr_alloc(n_parts, sizeof *s->moments, err);
    double *room = s->moments ? kr_alloc(2 * n_sites * n_parts, sizeof *room, err) : NULL;
    if (!room) {
        return KR_ENOMEM;
    }
    for (size_t k = 0; k < n_parts; k++) {
        s->moments[k] = (kr_moments){ 0, room + 2 * k * n_sites, room + (2 * k + 1) * n_sites };
    }
    return KR_OK;
}

void kr_tuning_clear(kr_sampler *s)
{
    if (s->moments) {
        kr_free(s->moments[0].mean);
        kr_free(s->moments);
    }
}

void kr_tuning_see(const kr_sampler *s, const kr_block *block)
{
    if (s->moments && s->stage == KR_STAGE_THERMALIZE && kr_tuning_is_on(s)) {
        const int32_t b = block->first_chain / kr_alternating_lanes(&s->config);
        kr_moments_fill(&s->moments[1 + block->point * s->n_blocks + b], (size_t)block->n_sites,
                        block->n_lanes, (size_t)block->stride, block->phi);
    }
}

/* Of all chains of a point; NULL: not wanted. */
static const kr_moments *merge_moments(const kr_sampler *s, int32_t p)
{
    if (!s->moments) {
        return NULL;
    }
    const size_t n_sites = (size_t)s->config.target[0].terms->n_sites;
    kr_moments *whole = &s->moments[0];
    whole->n = 0;
    memset(whole->mean, 0, 2 * n_sites * sizeof *whole->mean);
    for (int32_t b = 0; b < s->n_blocks; b++) {
        kr_moments_merge(whole, n_sites, &s->moments[1 + p * s->n_blocks + b]);
    }
    return whole;
}

/* ---- learning --------------------------------------------------------------------------- */

/* Share of accepted attempts of an update in the newest draw of a point. */
static double acceptance(const kr_sampler *s, int32_t u, int32_t p)
{
    double attempted = 0.0, accepted = 0.0;
    for (int64_t c = 0; c < s->config.n_chains; c++) {
        attempted += *kr_sampler_cell(s, s->n_new - 1, s->first_count + 3 * u, c, p);
        accepted += *kr_sampler_cell(s, s->n_new - 1, s->first_count + 3 * u + 1, c, p);
    }
    return attempted > 0.0 ? accepted / attempted : 0.0;
}

void kr_tuning_learn(kr_sampler *s)
{
    if (s->stage_step > n_learning(&s->config) || !has_tuned(s)) {
        return;
    }
    for (int32_t p = 0; p < s->config.n_points; p++) {
        const kr_moments *moments = merge_moments(s, p);
        for (int32_t u = 0; u < s->config.n_updates; u++) {
            const kr_update *update = &s->point[p].update[u];
            if (learns(s, update->plug)) {
                const kr_tuning seen = { .acceptance = acceptance(s, u, p),
                                         .call = s->stage_step,
                                         .n_calls = n_learning(&s->config),
                                         .moments = has_moments(update) ? moments : NULL };
                update->plug->tune(update->self, &seen);
            }
        }
    }
}

int kr_tuning_declare(kr_sampler *s, kr_state *table, kr_error *err)
{
    char name[48];
    for (int32_t p = 0; p < s->config.n_points; p++) {
        for (int32_t u = 0; u < s->config.n_updates; u++) {
            const kr_update *update = &s->point[p].update[u];
            if (!update->plug->declare) {
                continue;
            }
            snprintf(name, sizeof name, "point%d_update%d", p, u);
            KR_TRY(kr_state_push(table, name, err));
            KR_TRY(update->plug->declare(update->self, table, err));
            kr_state_pop(table);
        }
    }
    return KR_OK;
}

double kr_sampler_tuned(const kr_sampler *s, int32_t update, int32_t point)
{
    const kr_update *u = &s->point[point].update[update];
    return u->plug->tuned ? u->plug->tuned(u->self) : NAN;
}

const double *kr_sampler_tuned_scale(const kr_sampler *s, int32_t update, int32_t point)
{
    const kr_update *u = &s->point[point].update[update];
    return u->plug->tuned_scale ? u->plug->tuned_scale(u->self) : NULL;
}
