/* SPDX-License-Identifier: GPL-3.0-or-later
 * sampler/gang.c - chains of several temperatures in the vectors of one block.
 *
 * A ladder of few chains on a small lattice leaves the vectors of each of its blocks nearly
 * empty. A gang is a block whose lanes are the chains of several points with the same terms:
 * its vectors are full, and the update draws each lane at its own beta. Only states and the
 * random stream of the gang live there; energies, counts and all else stay with the members,
 * which also take their states home when something else wants them (layout GANG, CHAIN). Which
 * points form a gang follows from the configuration alone. Threads: pure given the gang. */
#include "base/memory.h"
#include "model/block.h"
#include "model/fold.h"
#include "sampler/private.h"

#include <string.h>

#define LANES_MIN 8 /* of a gang: states are packed by bytes */
#define GAIN      2 /* vectors of the members per vector of the gang that make it worth while */

/* Vectors that members would draw by themselves; 0 where they have none. */
static int64_t vectors_alone(const kr_gang *gang, int32_t u)
{
    const kr_update *update = &gang->member[0]->update[u];
    const kr_fold *fold = update->plug->fold ? update->plug->fold(update->self) : NULL;
    return fold ? (int64_t)fold->n_vectors * gang->n_members : 0;
}

/* True when an instance for all lanes is worth while and goes with those made before. */
static bool is_wanted(const kr_gang *gang, int32_t u, const kr_fold *fold)
{
    int64_t alone = vectors_alone(gang, u);
    return fold && fold->layout == KR_LAYOUT_BITS && fold->n_lanes >= LANES_MIN &&
           (alone == 0 || GAIN * (int64_t)fold->n_vectors <= alone) &&
           (!gang->block->bits || kr_fold_is_same(gang->block->bits, fold));
}

static int make_updates(const kr_sampler *s, kr_gang *gang, kr_error *err)
{
    double beta[KR_LANES_MAX];
    int32_t m = gang->block->n_lanes / gang->n_members;
    for (int32_t lane = 0; lane < gang->block->n_lanes; lane++) {
        beta[lane] = gang->member[lane / m]->target->beta;
    }
    const kr_update_setting setting = { .target = gang->member[0]->target,
                                        .n_lanes = gang->block->n_lanes,
                                        .lane_beta = beta };
    for (int32_t u = 0; u < s->config.n_updates; u++) {
        const kr_schedule_entry *entry = &s->config.update[u];
        if (!(entry->plug->flags & KR_UPDATE_LANE_BETA) ||
            s->n_quantities[u] > 0) { /* means are the members' own */
            continue;
        }
        kr_error why = { 0 };
        void *self = entry->plug->alloc(&setting, entry->params, &why);
        if (!self && why.status != KR_EUNSUP) {
            return kr_fail(err, why.status, "updates.%d: %s", u, why.text);
        }
        if (!self) {
            continue;
        }
        const kr_fold *fold = entry->plug->fold(self);
        if (!is_wanted(gang, u, fold)) {
            entry->plug->free(self);
            continue;
        }
        gang->update[u] = self;
        gang->n_updates++;
        KR_TRY(kr_block_add_fold(gang->block, fold, err));
    }
    return KR_OK;
}

int kr_gang_make(const kr_sampler *s, const kr_point **member, int32_t n, kr_gang **out,
                 kr_error *err)
{
    const kr_block *first = member[0]->block[0];
    int32_t n_lanes = n * first->n_lanes;
    *out = NULL;
    if (n < 2 || n_lanes < LANES_MIN || n_lanes > KR_LANES_MAX) {
        return KR_OK;
    }
    kr_gang *gang = kr_alloc(1, sizeof *gang, err);
    if (!gang) {
        return KR_ENOMEM;
    }
    memcpy(gang->member, member, (size_t)n * sizeof(const kr_point *));
    gang->n_members = n;
    gang->block = kr_block_alloc(member[0]->target->terms, n_lanes, 0, first->point, err);
    gang->update = kr_alloc((size_t)s->config.n_updates, sizeof(void *), err);
    int status = gang->block && gang->update ? make_updates(s, gang, err) : KR_ENOMEM;
    if (status != KR_OK || gang->n_updates == 0) {
        kr_gang_free(s, gang);
        return status;
    }
    kr_block_convert(gang->block, KR_LAYOUT_BITS);
    kr_rng_seed(gang->block->rng, s->config.seed, (uint64_t)first->point << 32,
                KR_PURPOSE_GANG);
    for (int32_t k = 0; k < n; k++) {
        kr_block_join(member[k]->block[0], gang->block, k * first->n_lanes);
    }
    *out = gang;
    return KR_OK;
}

void kr_gang_free(const kr_sampler *s, kr_gang *gang)
{
    if (!gang) {
        return;
    }
    for (int32_t u = 0; gang->update && u < s->config.n_updates; u++) {
        if (gang->update[u]) {
            s->config.update[u].plug->free(gang->update[u]);
        }
    }
    kr_free(gang->update);
    kr_block_free(gang->block);
    kr_free(gang);
}

size_t kr_gang_scratch(const kr_sampler *s, const kr_gang *gang)
{
    size_t need = 0;
    for (int32_t u = 0; u < s->config.n_updates; u++) {
        const kr_update_plug *plug = s->config.update[u].plug;
        size_t bytes = gang->update[u] && plug->scratch_bytes
                           ? plug->scratch_bytes(gang->update[u], gang->block->n_lanes)
                           : 0;
        need = bytes > need ? bytes : need;
    }
    return need;
}

/* Energies, counts and tally of the lanes go to their members. */
static void hand_out(const kr_gang *gang, const kr_tally *from, kr_tally *tally,
                     int32_t n_updates)
{
    const kr_block *block = gang->block;
    size_t q = (size_t)block->q, lane = 0;
    for (int32_t k = 0; k < gang->n_members; k++, tally += n_updates) {
        kr_block *member = gang->member[k]->block[0];
        size_t n = (size_t)member->n_lanes;
        kr_block_touch(member);
        memcpy(member->energy, block->energy + lane, n * sizeof *member->energy);
        memcpy(member->count, block->count + lane * q, n * q * sizeof *member->count);
        member->has_count = block->has_count;
        for (size_t l = 0; l < n; l++, lane++) {
            tally->attempted[l] += from->attempted[lane];
            tally->accepted[l] += from->accepted[lane];
            tally->changed[l] += from->changed[lane];
        }
    }
}

/* tally: of the first member. */
static void run_entry(const kr_sampler *s, const kr_gang *gang, int32_t u, int64_t n_sweeps,
                      void *scratch, kr_tally *tally)
{
    const kr_schedule_entry *entry = &s->config.update[u];
    int32_t n_updates = s->config.n_updates;
    if (gang->update[u]) {
        kr_tally own;
        memset(&own, 0, sizeof own);
        for (int32_t k = 0; k < gang->n_members; k++) {
            kr_block_convert(gang->member[k]->block[0], KR_LAYOUT_GANG);
        }
        entry->plug->sweep(gang->update[u], gang->block, n_sweeps, scratch, &own);
        hand_out(gang, &own, tally, n_updates);
        return;
    }
    for (int32_t k = 0; k < gang->n_members; k++) {
        kr_schedule_run_entry(entry, &gang->member[k]->update[u], n_sweeps,
                              gang->member[k]->block[0], scratch,
                              tally + (size_t)k * (size_t)n_updates);
    }
}

void kr_gang_run(const kr_sampler *s, const kr_gang *gang, int64_t first_step, int64_t n_steps,
                 void *scratch, kr_tally *tally, double *cpu)
{
    const kr_sampler_config *config = &s->config;
    bool is_single = config->n_updates == 1; /* steps of a single update are one call */
    int64_t per_call = is_single ? n_steps : 1;
    for (int64_t step = first_step; step < first_step + n_steps; step += per_call) {
        bool is_timed = per_call >= KR_CLOCK_STRIDE || step / per_call % KR_CLOCK_STRIDE == 0;
        double scale = per_call >= KR_CLOCK_STRIDE ? 1.0 : KR_CLOCK_STRIDE;
        double before = is_timed ? kr_clock_thread() : 0.0;
        for (int32_t u = 0; u < config->n_updates; u++) {
            run_entry(s, gang, u, per_call * config->update[u].sweeps, scratch, tally + u);
            if (is_timed) {
                double now = kr_clock_thread();
                cpu[u] += scale * (now - before);
                before = now;
            }
        }
    }
}
