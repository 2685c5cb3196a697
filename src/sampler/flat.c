/* SPDX-License-Identifier: GPL-3.0-or-later
 * sampler/flat.c - multicanonical sampling: slices of learning, what is counted while
 * measuring.
 *
 * The weights change between slices of the stage adapt only. Every block counts the energies of
 * its chains after each step; the counts are merged in block order, so the weights depend on
 * neither threads nor restarts. Slices stay short while new energies turn up and grow then;
 * learning ends when a slice was flat and saw enough round trips between the ends, or after
 * `adapt` steps.
 * Threads: called serially; OpenMP over blocks. */
#include "model/flat.h"
#include "base/memory.h"
#include "base/state.h"
#include "model/block.h"
#include "sampler/private.h"

#include <math.h>
#include <string.h>

#define SLICE_MIN    16  /* steps */
#define SLICE_VISITS 4.0 /* of each bin in the first slice, on average */
#define SLICE_GROWTH 1.3
#define SLICES_LOST  8  /* without a visit to the table: it is in the wrong place */
#define CHUNK        64 /* steps of one call */
#define GROUPS       32 /* at least so many jackknife groups */
#define GROUPS_MAX   64

enum { SEEN_NONE, SEEN_LOW, SEEN_HIGH, SEEN_ONLY_HIGH };

int kr_flat_check_update(const kr_sampler_config *config, const kr_update_plug *plug,
                         kr_error *why)
{
    if (config->flat.is_on && !(plug->flags & KR_UPDATE_ANY_WEIGHT)) {
        return kr_fail(
            why, KR_EUNSUP,
            "%s keeps exp(-beta H), which a run with the section multicanonical does "
            "not sample, want multicanonical or symmetry",
            plug->name);
    }
    return KR_OK;
}

/* The chains of a block come in turns into its own groups, so that no two threads add to one;
 * few chains are cut in time as well. */
static void choose_groups(const kr_sampler *s, kr_flat *f)
{
    int64_t n_chains = s->config.n_chains, n_blocks = s->n_blocks;
    int64_t last = n_chains - (n_blocks - 1) * kr_block_lanes(n_chains);
    f->block_groups = n_chains <= GROUPS_MAX   ? kr_block_lanes(n_chains)
                      : n_blocks <= GROUPS_MAX ? GROUPS_MAX / n_blocks
                                               : 1;
    last = last < f->block_groups ? last : f->block_groups;
    f->n_chain_groups = (n_blocks - 1) * f->block_groups + last;
    f->n_time_groups = n_chains < GROUPS ? 2 * ((GROUPS + n_chains - 1) / n_chains) : 1;
    f->n_groups = f->n_chain_groups * f->n_time_groups;
}

/* log Z is absolute through beta = 0 when the table reaches the mean energy there. */
static void bound_ends(kr_flat *f, const kr_flat_params *params, const kr_target *target)
{
    kr_flat_span span;
    kr_flat_measure(target->terms, &span);
    double slack = 1e-9 * (params->to - params->from) * target->terms->n_sites;
    bool is_absolute = params->to * target->terms->n_sites >= span.mean - slack;
    f->beta_least = is_absolute ? 0.0 : fmin(params->beta_least, target->beta);
    f->beta_most = fmax(params->beta_most, target->beta);
}

int kr_flat_alloc(kr_sampler *s, kr_point *point, kr_target *target, kr_error *err)
{
    const kr_flat_params *params = &s->config.flat;
    const kr_terms *terms = target->terms;
    if (s->config.n_points != 1 || s->config.n_densities > 0) {
        return kr_fail(err, KR_EUNSUP,
                       "multicanonical: %d points and %d densities, want one point and none",
                       s->config.n_points, s->config.n_densities);
    }
    kr_flat *f = point->flat = kr_alloc(1, sizeof *f, err);
    if (!f) {
        return KR_ENOMEM;
    }
    kr_error why = { 0 };
    int status = kr_flat_init(&f->weights, terms, params->from * terms->n_sites,
                              params->to * terms->n_sites, params->width, target->beta, &why);
    if (status != KR_OK) {
        return kr_fail(err, status, "multicanonical: %s", why.text);
    }
    choose_groups(s, f);
    bound_ends(f, params, target);
    size_t n = (size_t)f->weights.n_bins;
    f->visits = kr_alloc((size_t)s->n_blocks * n, sizeof *f->visits, err);
    f->merged = kr_alloc(n, sizeof *f->merged, err);
    f->mass = kr_alloc((size_t)f->n_groups * (n + 2), sizeof *f->mass, err);
    f->is_known = kr_alloc(n, 1, err);
    f->slope_sum = kr_alloc(n, sizeof *f->slope_sum, err);
    f->slope_weight = kr_alloc(n, sizeof *f->slope_weight, err);
    f->seen = kr_alloc((size_t)s->config.n_chains, 1, err);
    f->n_merges = kr_alloc((size_t)s->n_blocks, sizeof *f->n_merges, err);
    f->n_trips = kr_alloc((size_t)s->config.n_chains, sizeof *f->n_trips, err);
    if (!f->visits || !f->merged || !f->mass || !f->is_known || !f->slope_sum ||
        !f->slope_weight || !f->seen || !f->n_merges || !f->n_trips) {
        return KR_ENOMEM;
    }
    double per_chain = SLICE_VISITS * (double)n / (double)s->config.n_chains;
    f->slice_length = per_chain < SLICE_MIN ? SLICE_MIN : (int64_t)per_chain;
    f->high = f->weights.n_bins - 1;
    target->flat = &f->weights;
    return KR_OK;
}

void kr_flat_free(kr_flat *f)
{
    if (f) {
        kr_flat_clear(&f->weights);
        kr_free(f->visits);
        kr_free(f->merged);
        kr_free(f->mass);
        kr_free(f->is_known);
        kr_free(f->slope_sum);
        kr_free(f->slope_weight);
        kr_free(f->seen);
        kr_free(f->n_merges);
        kr_free(f->n_trips);
        kr_free(f);
    }
}

int kr_flat_declare(const kr_sampler *s, kr_flat *f, kr_state *table, kr_error *err)
{
    size_t n = (size_t)f->weights.n_bins, n_chains = (size_t)s->config.n_chains;
    KR_TRY(kr_state_push(table, "flat", err));
    KR_TRY(kr_state_add(table, "log_w", KR_F64, n, f->weights.log_w, err));
    KR_TRY(kr_state_add(table, "scaled", KR_F64, kr_flat_scaled_size(&f->weights),
                        f->weights.scaled, err));
    KR_TRY(kr_state_add(table, "has_scaled", KR_U8, 1, &f->weights.has_scaled, err));
    KR_TRY(kr_state_add(table, "beta_low", KR_F64, 1, &f->weights.beta_low, err));
    KR_TRY(kr_state_add(table, "beta_high", KR_F64, 1, &f->weights.beta_high, err));
    KR_TRY(kr_state_add(table, "visits", KR_I64, (size_t)s->n_blocks * n, f->visits, err));
    KR_TRY(kr_state_add(table, "mass", KR_F64, (size_t)f->n_groups * (n + 2), f->mass, err));
    KR_TRY(kr_state_add(table, "is_known", KR_U8, n, f->is_known, err));
    KR_TRY(kr_state_add(table, "slope_sum", KR_F64, n, f->slope_sum, err));
    KR_TRY(kr_state_add(table, "slope_weight", KR_F64, n, f->slope_weight, err));
    KR_TRY(kr_state_add(table, "seen", KR_U8, n_chains, f->seen, err));
    KR_TRY(kr_state_add(table, "n_merges", KR_I32, (size_t)s->n_blocks, f->n_merges, err));
    KR_TRY(kr_state_add(table, "n_trips", KR_I64, n_chains, f->n_trips, err));
    KR_TRY(kr_state_add(table, "slice_step", KR_I64, 1, &f->slice_step, err));
    KR_TRY(kr_state_add(table, "slice_length", KR_I64, 1, &f->slice_length, err));
    KR_TRY(kr_state_add(table, "n_slices", KR_I64, 1, &f->n_slices, err));
    KR_TRY(kr_state_add(table, "slice_trips", KR_I64, 1, &f->slice_trips, err));
    KR_TRY(kr_state_add(table, "low", KR_I32, 1, &f->low, err));
    KR_TRY(kr_state_add(table, "high", KR_I32, 1, &f->high, err));
    KR_TRY(kr_state_add(table, "flatness", KR_F64, 1, &f->flatness, err));
    KR_TRY(kr_state_add(table, "is_flat", KR_U8, 1, &f->is_flat, err));
    kr_state_pop(table);
    return KR_OK;
}

/* Energies of the block's chains after a step: visits, and round trips between the ends. */
static void visit(kr_flat *f, const kr_block *block, int64_t *visits)
{
    for (int32_t l = 0; l < block->n_lanes; l++) {
        int32_t c = block->first_chain + l, k = kr_flat_bin(&f->weights, block->energy[l]);
        if (k >= 0 && k < f->weights.n_bins) {
            visits[k]++;
        }
        if (k <= f->low) {
            f->n_trips[c] += f->seen[c] == SEEN_HIGH;
            f->seen[c] = SEEN_LOW;
        } else if (k >= f->high) {
            f->seen[c] =
                f->seen[c] == SEEN_LOW || f->seen[c] == SEEN_HIGH ? SEEN_HIGH : SEEN_ONLY_HIGH;
        }
    }
}

/* Group of lane 0 of block b in the first stretch of time; those of the next one follow
 * n_chain_groups further. */
static int64_t first_group(const kr_flat *f, int64_t b)
{
    return b * f->block_groups;
}

/* Stretches of time grow with the run: when the last one is full each takes the next one in, so
 * groups depend on the number of draws only, not on how many were planned. */
static void merge_groups(kr_flat *f, int64_t b, int64_t draw)
{
    const int64_t T = f->n_time_groups, size = f->weights.n_bins + 2;
    int64_t end = first_group(f, b) + f->block_groups;
    end = end < f->n_chain_groups ? end : f->n_chain_groups;
    for (; T > 1 && draw >> f->n_merges[b] >= T; f->n_merges[b]++) {
        for (int64_t g = first_group(f, b); g < end; g++) {
            for (int64_t t = 0; t < T; t++) {
                double *from = f->mass + (g + t * f->n_chain_groups) * size;
                double *to = f->mass + (g + t / 2 * f->n_chain_groups) * size;
                for (int64_t k = 0; k < size; k++) {
                    double x = from[k];
                    from[k] = 0.0;
                    to[k] += x;
                }
            }
        }
    }
}

/* mass[group][bin + 1] += w(bin)/w(H): the number of visits where energies are levels. */
static void weigh(kr_flat *f, const kr_block *block, int64_t b, int64_t draw)
{
    const kr_flat_weights *w = &f->weights;
    const int64_t time = f->n_time_groups > 1 ? draw >> f->n_merges[b] : 0;
    for (int32_t l = 0; l < block->n_lanes; l++) {
        int64_t group = first_group(f, b) + l % f->block_groups + time * f->n_chain_groups;
        int32_t k = kr_flat_bin(w, block->energy[l]);
        int32_t entry = k < 0 ? 0 : k < w->n_bins ? k : w->n_bins - 1;
        f->mass[group * (w->n_bins + 2) + k + 1] +=
            exp(w->log_w[entry] - kr_flat_log_w(w, block->energy[l]));
    }
}

void kr_flat_run(const kr_sampler *s, const kr_point *point, kr_block *block,
                 int64_t first_step, int64_t n_steps, int64_t draw, void *scratch,
                 kr_tally *tally, double *cpu)
{
    kr_flat *f = point->flat;
    int64_t b = block->first_chain / kr_block_lanes(s->config.n_chains);
    int64_t *visits = f->visits + b * f->weights.n_bins;
    if (draw >= 0) {
        merge_groups(f, b, draw);
    }
    for (int64_t step = first_step; step < first_step + n_steps; step++) {
        kr_schedule_run(s, point, block, step, 1, scratch, tally, cpu);
        visit(f, block, visits);
        if (draw >= 0) {
            weigh(f, block, b, draw);
        }
    }
}

void kr_flat_draw(kr_flat *f, const kr_block *block, const kr_target *target, int32_t lane,
                  double out[KR_FLAT_COLUMNS])
{
    int32_t c = block->first_chain + lane;
    double energy = block->energy[lane];
    out[0] = energy;
    out[1] = -target->beta * energy - kr_flat_log_w(&f->weights, energy);
    out[2] = (double)f->n_trips[c];
    f->n_trips[c] = 0;
}

void kr_flat_open(kr_sampler *s, kr_stage stage)
{
    kr_flat *f = s->point[0].flat;
    size_t n = (size_t)f->weights.n_bins;
    memset(f->visits, 0, (size_t)s->n_blocks * n * sizeof *f->visits);
    memset(f->n_trips, 0, (size_t)s->config.n_chains * sizeof *f->n_trips);
    if (stage == KR_STAGE_SETTLE || stage == KR_STAGE_MEASURE) {
        memset(f->mass, 0, (size_t)f->n_groups * (n + 2) * sizeof *f->mass);
        memset(f->n_merges, 0, (size_t)s->n_blocks * sizeof *f->n_merges);
    }
}

static void run_slice(kr_sampler *s, int64_t n_steps)
{
    kr_point *point = &s->point[0];
    double cpu = 0.0;
#pragma omp parallel num_threads(s->config.n_threads) reduction(+ : cpu)
    {
        void *scratch = kr_thread_scratch(s);
        double unused[KR_UPDATES_MAX] = { 0 };
        kr_tally tally[KR_UPDATES_MAX];
#pragma omp for schedule(dynamic, 1)
        for (int32_t b = 0; b < s->n_blocks; b++) {
            double start = kr_clock_thread();
            memset(tally, 0, (size_t)s->config.n_updates * sizeof *tally);
            kr_flat_run(s, point, point->block[b], s->stage_step, n_steps, -1, scratch, tally,
                        unused);
            cpu += kr_clock_thread() - start;
        }
    }
    s->cpu_train += cpu;
}

void kr_flat_merge(const kr_sampler *s, kr_flat *f)
{
    size_t n = (size_t)f->weights.n_bins;
    memcpy(f->merged, f->visits, n * sizeof *f->merged);
    for (int32_t b = 1; b < s->n_blocks; b++) {
        for (size_t k = 0; k < n; k++) {
            f->merged[k] += f->visits[(size_t)b * n + k];
        }
    }
}

int kr_flat_advance(kr_sampler *s, bool *is_done, kr_error *err)
{
    kr_flat *f = s->point[0].flat;
    const kr_flat_params *params = &s->config.flat;
    int64_t left = f->slice_length - f->slice_step, most = s->config.adapt - s->stage_step;
    int64_t n_steps = left < CHUNK ? left : CHUNK;
    n_steps = n_steps < most ? n_steps : most;
    run_slice(s, n_steps);
    s->stage_step += n_steps;
    s->n_steps += n_steps;
    f->slice_step += n_steps;
    *is_done = s->stage_step >= s->config.adapt;
    if (f->slice_step < f->slice_length) {
        return KR_OK;
    }
    kr_flat_merge(s, f);
    int64_t n_new = kr_flat_learn(f, f->merged);
    f->slice_trips = 0;
    for (int64_t c = 0; c < s->config.n_chains; c++) {
        f->slice_trips += f->n_trips[c];
    }
    f->n_slices++;
    f->is_flat =
        n_new == 0 && f->flatness >= params->flatness && f->slice_trips >= params->round_trips;
    *is_done = *is_done || f->is_flat;
    bool is_lost = !kr_flat_ends(f, &f->low, &f->high);
    if (is_lost && (*is_done || f->n_slices == SLICES_LOST)) {
        return kr_fail(err, KR_ERANGE,
                       "multicanonical: no chain has been between the energies %g and %g J per "
                       "site, want a range that holds energies at beta",
                       params->from, params->to);
    }
    f->slice_step = 0;
    f->slice_length =
        n_new ? f->slice_length : (int64_t)(SLICE_GROWTH * (double)f->slice_length);
    kr_flat_open(s, KR_STAGE_ADAPT);
    return KR_OK;
}
