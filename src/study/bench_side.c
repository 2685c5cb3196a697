/* SPDX-License-Identifier: GPL-3.0-or-later
 * study/bench_side.c - subjects and rivals of the benchmark: chains with an update that sweeps
 * them the way the sampler does, or with a textbook loop. */
#include "base/memory.h"
#include "base/rng.h"
#include "base/state.h"
#include "model/block.h"
#include "model/fold.h"
#include "study/bench_private.h"
#include "study/textbook.h"

#include <math.h>
#include <string.h>

#define ENERGY_TOLERANCE 1e-6 /* relative, of running energies */

static int alloc_blocks(kr_bench_side *side, uint64_t stream, kr_error *err)
{
    const kr_sampler_config *config = &side->spec->config;
    const kr_terms *terms = side->spec->target[0].terms;
    const int32_t lanes = kr_block_lanes(config->n_chains);
    side->n_blocks = (int32_t)((config->n_chains + lanes - 1) / lanes);
    side->block = kr_alloc((size_t)side->n_blocks, sizeof *side->block, err);
    if (!side->block) {
        return KR_ENOMEM;
    }
    for (int32_t b = 0; b < side->n_blocks; b++) {
        const int64_t left = config->n_chains - (int64_t)b * lanes;
        const int32_t n = (int32_t)(left < lanes ? left : lanes);
        kr_block *block = side->block[b] = kr_block_alloc(terms, n, b * lanes, 0, err);
        if (!block) {
            return KR_ENOMEM;
        }
        kr_rng_seed(block->rng, config->seed, stream << 32 | (uint64_t)b, KR_PURPOSE_CHAIN);
        for (int32_t lane = 0; lane < n; lane++) {
            kr_block_start_lane(block, lane, config->start, block->rng);
        }
        kr_block_score(block, terms);
    }
    return KR_OK;
}

static int alloc_update(kr_bench_side *side, kr_isa isa, kr_error *err)
{
    const kr_update_plug *plug = side->entry->plug;
    const int32_t lanes = side->block[0]->n_lanes;
    const kr_update_setting setting = { .target = &side->spec->target[0],
                                        .n_lanes = lanes,
                                        .isa = isa };
    kr_error why = { 0 };
    side->self = plug->alloc(&setting, side->entry->params, &why);
    if (!side->self) {
        return kr_fail(err, why.status ? why.status : KR_ENOMEM, "%s", why.text);
    }
    const kr_fold *fold = plug->fold ? plug->fold(side->self) : NULL;
    for (int32_t b = 0; fold && b < side->n_blocks; b++) {
        KR_TRY(kr_block_add_fold(side->block[b], fold, err));
    }
    size_t bytes = plug->scratch_bytes ? plug->scratch_bytes(side->self, KR_LANES_MAX) : 0;
    side->scratch = kr_alloc(bytes, 1, err);
    return side->scratch ? KR_OK : KR_ENOMEM;
}

static int alloc_observables(kr_bench_side *side, kr_error *err)
{
    const kr_sampler_config *config = &side->spec->config;
    int32_t most = 1, n;
    for (int32_t o = 0; o < config->n_observables; o++) {
        const kr_observable_entry *entry = &config->observable[o];
        side->observable[o] = entry->plug->alloc(&side->spec->target[0], entry->params,
                                                 (int32_t)config->n_chains, err);
        if (!side->observable[o]) {
            return KR_ENOMEM;
        }
        entry->plug->columns(side->observable[o], &n);
        most = n > most ? n : most;
    }
    side->out = kr_alloc((size_t)most * KR_LANES_MAX, sizeof *side->out, err);
    return side->out ? KR_OK : KR_ENOMEM;
}

int kr_bench_side_init(kr_bench_side *side, const kr_spec *spec, int32_t update, kr_isa isa,
                       bool is_measured, uint64_t stream, kr_error *err)
{
    *side = (kr_bench_side){ .spec = spec,
                             .entry = &spec->update[update],
                             .is_measured = is_measured };
    side->is_by_changed = strcmp(side->entry->plug->name, "wolff") == 0;
    KR_TRY(alloc_blocks(side, stream, err));
    KR_TRY(alloc_update(side, isa, err));
    return is_measured ? alloc_observables(side, err) : KR_OK;
}

int kr_bench_side_init_loop(kr_bench_side *side, const kr_spec *spec, int32_t update,
                            uint64_t stream, kr_error *err)
{
    const kr_target *target = &spec->target[0];
    const kr_lattice *lattice = target->lattice;
    const char *name = spec->update[update].plug->name;
    const size_t n = (size_t)lattice->n_sites;
    *side = (kr_bench_side){ .spec = spec };
    side->is_loop_wolff = side->is_by_changed = strcmp(name, "wolff") == 0;
    side->is_loop_cluster = side->is_loop_wolff || strcmp(name, "swendsen_wang") == 0;
    if (spec->config.n_chains != 1 || target->terms->q != 2 || lattice->dim != 2 ||
        (!side->is_loop_cluster && strcmp(name, "heat_bath") != 0)) {
        return kr_fail(err, KR_EUNSUP, "no textbook loop of %s for this system", name);
    }
    KR_TRY(alloc_blocks(side, stream, err));
    side->p = 1.0 - exp(-2.0 * target->beta);
    side->rates = kr_alloc(1, sizeof *side->rates, err);
    side->neighbor = kr_alloc(n * 4, sizeof *side->neighbor, err);
    side->stack = kr_alloc(n, sizeof *side->stack, err);
    side->list = kr_alloc(n, sizeof *side->list, err);
    side->color = kr_alloc(n, 1, err);
    if (!side->rates || !side->neighbor || !side->stack || !side->list || !side->color) {
        return KR_ENOMEM;
    }
    kr_textbook_table(target->beta, 0.0, side->rates);
    kr_textbook_neighbors(lattice->dim, lattice->extent, side->neighbor);
    return KR_OK;
}

void kr_bench_side_clear(kr_bench_side *side)
{
    for (int32_t b = 0; side->block && b < side->n_blocks; b++) {
        kr_block_free(side->block[b]);
    }
    for (int32_t o = 0; o < KR_OBSERVABLES_MAX; o++) {
        if (side->observable[o]) {
            side->spec->config.observable[o].plug->free(side->observable[o]);
        }
    }
    if (side->self) {
        side->entry->plug->free(side->self);
    }
    kr_free(side->block);
    kr_free(side->scratch);
    kr_free(side->out);
    kr_free(side->rates);
    kr_free(side->neighbor);
    kr_free(side->stack);
    kr_free(side->list);
    kr_free(side->color);
    *side = (kr_bench_side){ .spec = NULL };
}

/* n textbook sweeps; returns the sites that changed. The loops keep no energy. */
static int64_t run_loop(kr_bench_side *side, int64_t n)
{
    kr_block *block = side->block[0];
    const kr_lattice *lattice = side->spec->target[0].lattice;
    const int32_t n_sites = lattice->n_sites;
    int64_t changed = 0;
    for (int64_t k = 0; k < n; k++) {
        if (side->is_loop_wolff) {
            changed += kr_textbook_wolff(n_sites, 4, side->neighbor, 2, side->p, NULL,
                                         block->state, side->stack, side->list, block->rng);
        } else if (side->is_loop_cluster) {
            kr_textbook_swendsen_wang(n_sites, 4, side->neighbor, 2, side->p, NULL,
                                      block->state, side->stack, side->list, side->color,
                                      block->rng);
        } else {
            kr_textbook_heat_bath(lattice->extent[0], lattice->extent[1], side->rates,
                                  block->state, block->rng);
        }
    }
    return changed;
}

static void sweep_block(kr_bench_side *side, const kr_fold *fold, kr_block *block, int64_t n,
                        kr_tally *tally)
{
    const kr_update_plug *plug = side->entry->plug;
    if (fold) {
        if (block->layout != fold->layout) {
            kr_block_convert(block, fold->layout);
        }
    } else if (!(plug->layouts & (unsigned)block->layout) || block->layout > KR_LAYOUT_LANE) {
        kr_block_convert(block,
                         plug->layouts & KR_LAYOUT_CHAIN ? KR_LAYOUT_CHAIN : KR_LAYOUT_LANE);
    }
    plug->sweep(side->self, block, n, side->scratch, tally);
}

static void measure_block(kr_bench_side *side, kr_block *block)
{
    const kr_sampler_config *config = &side->spec->config;
    kr_block_count(block);
    for (int32_t o = 0; o < config->n_observables; o++) {
        const kr_observable_plug *plug = config->observable[o].plug;
        if (!(plug->layouts & (unsigned)block->layout)) {
            kr_block_convert(block, KR_LAYOUT_CHAIN);
        }
        plug->measure(side->observable[o], block, side->out);
        for (int32_t lane = 0; lane < block->n_lanes; lane++) {
            side->checksum += side->out[lane];
        }
    }
}

double kr_bench_side_run(void *self, int64_t n)
{
    kr_bench_side *side = self;
    const double spins = (double)n * (double)side->spec->config.n_chains *
                         (double)side->spec->target[0].lattice->n_sites;
    int64_t changed = 0;
    side->n_swept += n;
    if (!side->entry) {
        changed = run_loop(side, n);
        side->n_changed += changed;
        return side->is_by_changed ? (double)changed : spins;
    }
    const kr_update_plug *plug = side->entry->plug;
    const kr_fold *fold = plug->fold ? plug->fold(side->self) : NULL;
    for (int32_t b = 0; b < side->n_blocks; b++) {
        kr_tally tally = { 0 };
        for (int64_t k = 0; side->is_measured && k < n; k++) {
            sweep_block(side, fold, side->block[b], 1, &tally);
            measure_block(side, side->block[b]);
        }
        if (!side->is_measured) {
            sweep_block(side, fold, side->block[b], n, &tally);
        }
        for (int32_t lane = 0; lane < side->block[b]->n_lanes; lane++) {
            side->n_attempted += tally.attempted[lane];
            changed += tally.changed[lane];
        }
    }
    side->n_changed += changed;
    return side->is_by_changed ? (double)changed : spins;
}

/* Of the states of a loop, which stay in layout CHAIN. */
static uint64_t states_hash(const kr_bench_side *side)
{
    const kr_block *block = side->block[0];
    return kr_state_hash(block->state, (size_t)block->n_sites, 0);
}

void kr_bench_side_copy(kr_bench_side *from, kr_bench_side *to)
{
    for (int32_t b = 0; b < from->n_blocks; b++) {
        kr_block *source = from->block[b], *target = to->block[b];
        kr_block_convert(source, KR_LAYOUT_CHAIN);
        kr_block_convert(target, KR_LAYOUT_CHAIN);
        memcpy(target->state, source->state, (size_t)source->n_lanes * (size_t)source->n_sites);
        memcpy(target->energy, source->energy, KR_LANES_MAX * sizeof *source->energy);
        kr_block_touch(target);
    }
    to->start_hash = states_hash(to);
}

int kr_bench_side_check(kr_bench_side *side, double *energy, double *changed, kr_error *err)
{
    const kr_terms *terms = side->spec->target[0].terms;
    const double spins = (double)side->spec->config.n_chains * terms->n_sites;
    const bool is_moved = side->entry || states_hash(side) != side->start_hash;
    double sum = 0.0, worst = 0.0;
    for (int32_t b = 0; b < side->n_blocks; b++) {
        kr_block *block = side->block[b];
        worst = fmax(worst, kr_block_audit(block, terms));
        for (int32_t lane = 0; lane < block->n_lanes; lane++) {
            sum += block->energy[lane];
        }
    }
    *energy = sum / spins;
    *changed = side->entry ? (double)side->n_changed / (spins * (double)side->n_swept) : NAN;
    if (!is_moved) {
        return kr_fail(err, KR_ESANITY, "states never change, want a chain that moves");
    }
    if (!side->entry) { /* a loop keeps no energy and no counts */
        return KR_OK;
    }
    const double per_chain = sum / (double)side->spec->config.n_chains;
    if (!(worst <= ENERGY_TOLERANCE * (1.0 + fabs(per_chain)))) {
        return kr_fail(err, KR_ESANITY, "energies are off by %g, want those of the states",
                       worst);
    }
    if (side->n_changed == 0) {
        return kr_fail(err, KR_ESANITY, "states never change, want a chain that moves");
    }
    if ((side->entry->plug->flags & KR_UPDATE_LOCAL) &&
        (double)side->n_attempted != spins * (double)side->n_swept) {
        return kr_fail(err, KR_ESANITY, "%lld attempts in %lld sweeps, want %.0f",
                       (long long)side->n_attempted, (long long)side->n_swept,
                       spins * (double)side->n_swept);
    }
    return KR_OK;
}
