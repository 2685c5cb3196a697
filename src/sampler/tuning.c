/* SPDX-License-Identifier: GPL-3.0-or-later
 * sampler/tuning.c - updates that learn step sizes and the like from the chains they move.
 *
 * They learn from each draw of the first three quarters of thermalize and are frozen for its
 * rest, which is discarded too, so that measured chains have forgotten what they were tuned
 * with. Those that propose from a density learn anew in the same part of settle, when its
 * weights have been trained. Counted draws decide, never a clock. Threads: serial. */
#include "base/state.h"
#include "sampler/private.h"

#include <math.h>
#include <stdio.h>

/* Draws of thermalize that are learned from. */
static int64_t n_learning(const kr_sampler *s)
{
    const int64_t every = s->config.every, n = (s->config.thermalize + every - 1) / every;
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
    return s->stage_step < n_learning(s) && has_tuned(s);
}

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
    if (s->stage_step > n_learning(s) || !has_tuned(s)) {
        return;
    }
    for (int32_t p = 0; p < s->config.n_points; p++) {
        for (int32_t u = 0; u < s->config.n_updates; u++) {
            const kr_update *update = &s->point[p].update[u];
            if (learns(s, update->plug)) {
                const kr_tuning seen = { .acceptance = acceptance(s, u, p),
                                         .is_first = s->stage_step == 1,
                                         .is_last = s->stage_step == n_learning(s) };
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
