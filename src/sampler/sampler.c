/* SPDX-License-Identifier: GPL-3.0-or-later
 * sampler/sampler.c - life cycle of a sampler: points, blocks, instances of plugs, state table.
 */
#include "base/memory.h"
#include "base/state.h"
#include "model/block.h"
#include "model/fits.h"
#include "model/quantity.h"
#include "model/terms.h"
#include "sampler/private.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#define DRAWS_CAPACITY_BYTES 16e6 /* of the buffer of new draws */
#define DRAWS_CAPACITY_MAX   4096

static void *copy_array(const void *from, size_t count, size_t size, kr_error *err)
{
    void *copy = kr_alloc(count, size, err);
    if (copy && count) {
        memcpy(copy, from, count * size);
    }
    return copy;
}

static int alloc_densities(kr_sampler *s, kr_point *point, kr_error *err)
{
    const kr_sampler_config *config = &s->config;
    size_t n = (size_t)config->n_densities;
    point->density = kr_alloc(n, sizeof *point->density, err);
    point->trainer = kr_alloc(n, sizeof *point->trainer, err);
    point->certificate = kr_alloc(n, sizeof *point->certificate, err);
    if (!point->density || !point->trainer || !point->certificate) {
        return KR_ENOMEM;
    }
    for (int32_t d = 0; d < config->n_densities; d++) {
        const kr_density_entry *entry = &config->density[d];
        kr_density *density = &point->density[d];
        kr_error why = { 0 };
        if (!kr_density_fits(entry->plug, point->target, entry->params, &why)) {
            return kr_fail(err, KR_EUNSUP, "densities.%s: %s", entry->name, why.text);
        }
        density->plug = entry->plug;
        density->index = d;
        density->n_sites = point->target->terms->n_sites;
        density->self = entry->plug->alloc(point->target, entry->params, err);
        if (!density->self) {
            return err ? err->status : KR_ENOMEM;
        }
        double *number = (double *)&point->certificate[d]; /* a struct of doubles */
        for (size_t k = 0; k < sizeof(kr_certificate) / sizeof *number; k++) {
            number[k] = NAN;
        }
    }
    return KR_OK;
}

static int alloc_trainers(kr_sampler *s, kr_point *point, kr_error *err)
{
    for (int32_t d = 0; d < s->config.n_densities; d++) {
        if (s->config.density[d].plug->flags & KR_DENSITY_TRAINABLE) {
            KR_TRY(kr_trainer_init(s, point, d, err));
        }
    }
    return KR_OK;
}

/* Most chains of a block, walkers of the trainers included. */
static int32_t most_lanes(const kr_sampler_config *config)
{
    int64_t lanes = kr_alternating_lanes(config);
    lanes = lanes < config->n_chains ? lanes : config->n_chains;
    for (int32_t d = 0; d < config->n_densities; d++) {
        if (config->density[d].plug->flags & KR_DENSITY_TRAINABLE) {
            int64_t walkers = kr_block_lanes(config->training.batch);
            walkers = walkers < config->training.batch ? walkers : config->training.batch;
            lanes = lanes > walkers ? lanes : walkers;
        }
    }
    return (int32_t)lanes;
}

static int alloc_updates(kr_sampler *s, kr_point *point, kr_error *err)
{
    const kr_sampler_config *config = &s->config;
    point->update = kr_alloc((size_t)config->n_updates, sizeof *point->update, err);
    if (!point->update) {
        return KR_ENOMEM;
    }
    for (int32_t u = 0; u < config->n_updates; u++) {
        const kr_schedule_entry *entry = &config->update[u];
        kr_error why = { 0 };
        if (kr_flat_check_update(config, entry->plug, &why) != KR_OK ||
            !kr_update_fits(entry->plug, point->target, entry->params, &why)) {
            return kr_fail(err, KR_EUNSUP, "updates.%d: %s", u, why.text);
        }
        const kr_update_setting setting = {
            .target = point->target,
            .density = entry->density >= 0 ? &point->density[entry->density] : NULL,
            .n_lanes = most_lanes(config),
        };
        kr_error failed = { 0 };
        point->update[u].plug = entry->plug;
        point->update[u].self = entry->plug->alloc(&setting, entry->params, &failed);
        if (!point->update[u].self) {
            return kr_fail(err, failed.status, "updates.%d: %s", u, failed.text);
        }
    }
    return KR_OK;
}

int kr_point_add_folds(const kr_sampler *s, const kr_point *point, kr_block *block,
                       kr_error *err)
{
    for (int32_t u = 0; u < s->config.n_updates; u++) {
        const kr_update *update = &point->update[u];
        const kr_fold *fold = update->plug->fold ? update->plug->fold(update->self) : NULL;
        if (fold) {
            KR_TRY(kr_block_add_fold(block, fold, err));
        }
    }
    return KR_OK;
}

static int alloc_observables(kr_sampler *s, kr_point *point, kr_error *err)
{
    const kr_sampler_config *config = &s->config;
    point->observable = kr_alloc((size_t)config->n_observables, sizeof(void *), err);
    if (!point->observable) {
        return KR_ENOMEM;
    }
    for (int32_t o = 0; o < config->n_observables; o++) {
        const kr_observable_entry *entry = &config->observable[o];
        kr_error why = { 0 };
        if (!kr_observable_fits(entry->plug, point->target, entry->params, &why)) {
            return kr_fail(err, KR_EUNSUP, "observables.%d: %s", o, why.text);
        }
        point->observable[o] =
            entry->plug->alloc(point->target, entry->params, (int32_t)config->n_chains, err);
        if (!point->observable[o]) {
            return err ? err->status : KR_ENOMEM;
        }
    }
    return KR_OK;
}

static size_t scratch_bytes(const kr_sampler *s)
{
    size_t need = KR_ALIGN;
    for (int32_t p = 0; p < s->config.n_points; p++) {
        const kr_point *point = &s->point[p];
        for (int32_t u = 0; u < s->config.n_updates; u++) {
            const kr_update *update = &point->update[u];
            size_t bytes = update->plug->scratch_bytes
                               ? update->plug->scratch_bytes(update->self, KR_LANES_MAX)
                               : 0;
            need = bytes > need ? bytes : need;
        }
        for (int32_t d = 0; d < s->config.n_densities; d++) {
            size_t bytes = kr_trainer_scratch(s, point, d);
            need = bytes > need ? bytes : need;
        }
        need = kr_path_scratch(point) > need ? kr_path_scratch(point) : need;
    }
    if (s->tempering) {
        size_t bytes = kr_tempering_scratch(s);
        need = bytes > need ? bytes : need;
    }
    for (int32_t o = 0; o < s->n_columns; o++) {
        need += (size_t)KR_LANES_MAX * sizeof(double); /* a row of columns per lane */
    }
    return need;
}

static int alloc_shared(kr_sampler *s, kr_error *err)
{
    const kr_sampler_config *config = &s->config;
    size_t weights = 0, blocks = 0, n_points = (size_t)config->n_points;
    for (int32_t d = 0; d < config->n_points * config->n_densities; d++) {
        const kr_trainer *t =
            &s->point[d / config->n_densities].trainer[d % config->n_densities];
        weights = t->n_weights > weights ? t->n_weights : weights;
        blocks = (size_t)t->n_blocks > blocks ? (size_t)t->n_blocks : blocks;
    }
    s->gradient_stride = (weights + 15) / 16 * 16;
    s->gradient = kr_alloc(s->gradient_stride * blocks, sizeof(float), err);
    size_t row = (size_t)s->n_columns * (size_t)config->n_chains * n_points;
    double capacity = DRAWS_CAPACITY_BYTES / (8.0 * (double)row);
    s->draws_capacity = capacity < 1.0                  ? 1
                        : capacity > DRAWS_CAPACITY_MAX ? DRAWS_CAPACITY_MAX
                                                        : (int64_t)capacity;
    s->draws = kr_alloc(row * (size_t)s->draws_capacity, sizeof(double), err);
    s->task_done =
        kr_alloc((size_t)s->config.n_points * (size_t)s->n_blocks, sizeof *s->task_done, err);
    size_t n_log_w = (size_t)config->training.certificate + KR_LANES_MAX;
    if (n_log_w < 2 * (size_t)config->training.batch) {
        n_log_w = 2 * (size_t)config->training.batch;
    }
    s->certificate_log_w = kr_alloc(config->n_densities ? n_log_w : 1, sizeof(double), err);
    s->cpu_update = kr_alloc((size_t)config->n_updates, sizeof(double), err);
    s->window_attempted = kr_alloc(n_points, sizeof(int64_t), err);
    s->window_accepted = kr_alloc(n_points, sizeof(int64_t), err);
    s->scratch = kr_alloc((size_t)config->n_threads, sizeof(void *), err);
    if (!s->gradient || !s->draws || !s->task_done || !s->certificate_log_w || !s->cpu_update ||
        !s->window_attempted || !s->window_accepted || !s->scratch) {
        return KR_ENOMEM;
    }
    size_t bytes = scratch_bytes(s);
    for (int32_t t = 0; t < config->n_threads; t++) {
        s->scratch[t] = kr_alloc(bytes, 1, err);
        if (!s->scratch[t]) {
            return KR_ENOMEM;
        }
    }
    return KR_OK;
}

/* A column means the same at every point. */
static int check_columns(const kr_sampler *s, int32_t o, kr_error *err)
{
    const kr_observable_plug *plug = s->config.observable[o].plug;
    int32_t n_first, n;
    const kr_column *first = plug->columns(s->point[0].observable[o], &n_first);
    for (int32_t p = 1; p < s->config.n_points; p++) {
        const kr_column *column = plug->columns(s->point[p].observable[o], &n);
        bool is_same = n == n_first;
        for (int32_t k = 0; is_same && k < n; k++) {
            is_same = strcmp(column[k].name, first[k].name) == 0;
        }
        if (!is_same) {
            return kr_fail(err, KR_EUNSUP,
                           "observable %s: other columns at point %d than at point 0, want the "
                           "same at all points",
                           plug->name, p);
        }
    }
    return KR_OK;
}

static int count_columns(kr_sampler *s, kr_error *err)
{
    const kr_sampler_config *config = &s->config;
    size_t n = (size_t)config->n_observables;
    s->observable_first = kr_alloc(n, sizeof(int32_t), err);
    s->observable_columns = kr_alloc(n, sizeof(int32_t), err);
    if (!s->observable_first || !s->observable_columns) {
        return KR_ENOMEM;
    }
    for (int32_t o = 0; o < config->n_observables; o++) {
        const kr_observable_plug *plug = config->observable[o].plug;
        KR_TRY(check_columns(s, o, err));
        if (plug->flags & KR_OBSERVABLE_PAIRS && config->n_chains % 2) {
            return kr_fail(err, KR_EINVAL,
                           "observable %s: %lld chains, want an even number for pairs",
                           plug->name, (long long)config->n_chains);
        }
        s->observable_first[o] = s->first_lp;
        config->observable[o].plug->columns(s->point[0].observable[o],
                                            &s->observable_columns[o]);
        s->first_lp += s->observable_columns[o];
    }
    s->first_density = s->first_lp + 1;
    s->first_flat = s->first_density + 2 * config->n_densities;
    s->first_path = s->first_flat + (config->flat.is_on ? KR_FLAT_COLUMNS : 0);
    s->first_mean = s->first_path + (config->target[0].path != NULL);
    s->first_count = s->first_mean;
    for (int32_t u = 0; u < config->n_updates; u++) {
        s->first_count += s->n_quantities[u];
    }
    s->first_run = s->first_count + 3 * config->n_updates;
    for (int32_t u = 0; u < config->n_updates; u++) { /* chains that are mixed up have none */
        s->n_runs += config->update[u].density >= 0 && !config->is_annealing &&
                     config->exchange_every == 0;
    }
    s->first_exchange = s->first_run + s->n_runs;
    s->n_columns = s->first_exchange + (config->exchange_every > 0 ? 3 : 0);
    return KR_OK;
}

static bool measures(const kr_sampler *s, const char *column)
{
    for (int32_t o = 0; o < s->config.n_observables; o++) {
        int32_t n;
        const kr_column *own =
            s->config.observable[o].plug->columns(s->point[0].observable[o], &n);
        for (int32_t k = 0; k < n; k++) {
            if (strcmp(own[k].name, column) == 0) {
                return true;
            }
        }
    }
    return false;
}

/* Quantities end with the phases, of which points may know different ones. */
static int alloc_means(kr_sampler *s, kr_error *err)
{
    const kr_terms *terms = s->config.target[0].terms;
    const bool wants_clusters =
        measures(s, kr_quantity_of_clusters.name) && kr_sampler_has_clusters(s);
    for (int32_t u = 0; u < s->config.n_updates; u++) {
        const unsigned flags = s->config.update[u].plug->flags;
        if (flags & KR_UPDATE_MEANS) {
            s->n_quantities[u] = kr_quantities(terms) - terms->n_phases + kr_sampler_phases(s);
        } else if (flags & KR_UPDATE_CLUSTERS && wants_clusters) {
            s->n_quantities[u] = 1;
        }
        s->n_means += s->n_quantities[u] > 0;
    }
    size_t n = (size_t)s->n_blocks * (size_t)s->n_means;
    for (int32_t p = 0; p < s->config.n_points; p++) {
        s->point[p].means = kr_alloc(n, sizeof *s->point[p].means, err);
        if (!s->point[p].means) {
            return KR_ENOMEM;
        }
    }
    return KR_OK;
}

static int build(kr_sampler *s, kr_error *err)
{
    const kr_sampler_config *config = &s->config;
    int32_t lanes = kr_alternating_lanes(config);
    s->n_blocks = (int32_t)((config->n_chains + lanes - 1) / lanes);
    s->point = kr_alloc((size_t)config->n_points, sizeof *s->point, err);
    if (!s->point) {
        return KR_ENOMEM;
    }
    for (int32_t p = 0; p < config->n_points; p++) {
        kr_point *point = &s->point[p];
        point->target = &config->target[p];
        if (config->flat.is_on) { /* the targets are the sampler's own copy */
            KR_TRY(kr_flat_alloc(s, point, (kr_target *)(uintptr_t)point->target, err));
        }
        KR_TRY(alloc_densities(s, point, err));
        KR_TRY(alloc_updates(s, point, err));
        KR_TRY(alloc_trainers(s, point, err));
        KR_TRY(alloc_observables(s, point, err));
        KR_TRY(kr_blocks_alloc(s, point, err));
    }
    KR_TRY(kr_schedule_find_reach(s, err));
    KR_TRY(alloc_means(s, err));
    KR_TRY(config->exchange_every > 0 ? kr_tempering_init(s, err) : KR_OK);
    KR_TRY(count_columns(s, err));
    KR_TRY(kr_tuning_init(s, err));
    KR_TRY(kr_histograms_init(s, err));
    KR_TRY(kr_stop_init(s, err));
    KR_TRY(config->n_densities > 0 ? kr_certificate_init(s, err) : KR_OK);
    KR_TRY(alloc_shared(s, err));
    KR_TRY(kr_alternating_init(s, err));
    return config->is_annealing ? kr_annealing_init(s, err) : KR_OK;
}

/* What the arrays of this folder take for granted. */
static int check_limits(const kr_sampler_config *config, kr_error *err)
{
    const struct {
        const char *name;
        int64_t value, min, max;
    } row[] = {
        { "points", config->n_points, 1, INT32_MAX },
        { "updates", config->n_updates, 1, KR_UPDATES_MAX },
        { "chains", config->n_chains, 1, INT32_MAX },
        { "every", config->every, 1, INT64_MAX },
        { "tempering.every", config->exchange_every, 0, INT64_MAX },
        { "threads", config->n_threads, 1, INT32_MAX },
        { "training.batch", config->n_densities ? config->training.batch : 2, 2, KR_BATCH_MAX },
        { "training.certificate", config->n_densities ? config->training.certificate : 1, 1,
          INT32_MAX },
    };
    for (size_t k = 0; k < sizeof row / sizeof *row; k++) {
        if (row[k].value < row[k].min || row[k].value > row[k].max) {
            return kr_fail(err, KR_ERANGE, "%s: %lld, want %lld..%lld", row[k].name,
                           (long long)row[k].value, (long long)row[k].min,
                           (long long)row[k].max);
        }
    }
    return KR_OK;
}

kr_sampler *kr_sampler_alloc(const kr_sampler_config *config, kr_error *err)
{
    kr_sampler *s = check_limits(config, err) == KR_OK ? kr_alloc(1, sizeof *s, err) : NULL;
    if (!s) {
        return NULL;
    }
    s->config = *config;
    s->config.target =
        copy_array(config->target, (size_t)config->n_points, sizeof *config->target, err);
    if (!s->config.target || build(s, err) != KR_OK) {
        kr_sampler_free(s);
        return NULL;
    }
    s->stage = KR_STAGE_THERMALIZE;
    return s;
}

static void free_point(const kr_sampler *s, kr_point *point)
{
    for (int32_t b = 0; point->block && b < s->n_blocks; b++) {
        kr_block_free(point->block[b]);
    }
    for (int32_t o = 0; point->observable && o < s->config.n_observables; o++) {
        if (point->observable[o]) {
            s->config.observable[o].plug->free(point->observable[o]);
        }
    }
    for (int32_t u = 0; point->update && u < s->config.n_updates; u++) {
        if (point->update[u].self) {
            point->update[u].plug->free(point->update[u].self);
        }
    }
    for (int32_t d = 0; point->density && point->trainer && d < s->config.n_densities; d++) {
        kr_trainer_clear(&point->trainer[d]);
        if (point->density[d].self) {
            point->density[d].plug->free(point->density[d].self);
        }
    }
    kr_free(point->block);
    kr_free(point->observable);
    kr_free(point->update);
    kr_free(point->density);
    kr_free(point->trainer);
    kr_free(point->certificate);
    kr_free(point->estimate);
    kr_free(point->means);
    kr_flat_free(point->flat);
}

void kr_sampler_free(kr_sampler *s)
{
    if (!s) {
        return;
    }
    for (int32_t p = 0; s->point && p < s->config.n_points; p++) {
        free_point(s, &s->point[p]);
    }
    kr_tuning_clear(s);
    kr_histograms_clear(s);
    kr_stop_clear(s);
    kr_tempering_clear(s);
    kr_annealing_clear(s);
    kr_alternating_clear(s);
    kr_certificate_clear(s);
    for (int32_t t = 0; s->scratch && t < s->config.n_threads; t++) {
        kr_free(s->scratch[t]);
    }
    kr_free(s->scratch);
    kr_free(s->point);
    kr_free((void *)(uintptr_t)s->config.target);
    kr_free(s->observable_first);
    kr_free(s->observable_columns);
    kr_free(s->gradient);
    kr_free(s->draws);
    kr_free(s->task_done);
    kr_free(s->certificate_log_w);
    kr_free(s->cpu_update);
    kr_free(s->reach);
    kr_free(s->window_attempted);
    kr_free(s->window_accepted);
    kr_free(s);
}

static int declare_point(kr_sampler *s, kr_point *point, kr_state *table, kr_error *err)
{
    char name[32];
    if (point->flat) {
        KR_TRY(kr_flat_declare(s, point->flat, table, err));
    }
    for (int32_t b = 0; b < s->n_blocks; b++) {
        snprintf(name, sizeof name, "block%d", b);
        KR_TRY(kr_state_push(table, name, err));
        KR_TRY(kr_block_declare(point->block[b], table, err));
        kr_state_pop(table);
    }
    for (int32_t o = 0; o < s->config.n_observables; o++) {
        if (s->config.observable[o].plug->declare) {
            snprintf(name, sizeof name, "observable%d", o);
            KR_TRY(kr_state_push(table, name, err));
            KR_TRY(s->config.observable[o].plug->declare(point->observable[o], table, err));
            kr_state_pop(table);
        }
    }
    for (int32_t d = 0; d < s->config.n_densities; d++) {
        snprintf(name, sizeof name, "density%d", d);
        KR_TRY(kr_state_push(table, name, err));
        if (point->trainer[d].n_weights) {
            KR_TRY(kr_trainer_declare(&point->trainer[d], table, err));
        }
        KR_TRY(kr_state_add(table, "certificate", KR_F64,
                            sizeof(kr_certificate) / sizeof(double), &point->certificate[d],
                            err));
        KR_TRY(kr_state_add(table, "estimate", KR_F64, 2 * (size_t)s->n_estimates,
                            point->estimate + 2 * d * s->n_estimates, err));
        kr_state_pop(table);
    }
    return KR_OK;
}

int kr_sampler_declare(kr_sampler *s, kr_state *table, kr_error *err)
{
    size_t n_points = (size_t)s->config.n_points;
    KR_TRY(kr_state_add(table, "stage", KR_I32, 1, &s->stage, err));
    KR_TRY(kr_state_add(table, "stage_step", KR_I64, 1, &s->stage_step, err));
    KR_TRY(kr_state_add(table, "epoch", KR_I64, 1, &s->epoch, err));
    KR_TRY(kr_state_add(table, "n_draws", KR_I64, 1, &s->n_draws, err));
    KR_TRY(kr_state_add(table, "n_steps", KR_I64, 1, &s->n_steps, err));
    KR_TRY(kr_state_add(table, "n_retrainings", KR_I64, 1, &s->n_retrainings, err));
    KR_TRY(kr_state_add(table, "window_draws", KR_I64, 1, &s->window_draws, err));
    KR_TRY(kr_state_add(table, "window_attempted", KR_I64, n_points, s->window_attempted, err));
    KR_TRY(kr_state_add(table, "window_accepted", KR_I64, n_points, s->window_accepted, err));
    KR_TRY(kr_state_add(table, "audit", KR_F64, 1, &s->audit, err));
    KR_TRY(kr_state_add(table, "cpu_update", KR_F64, (size_t)s->config.n_updates, s->cpu_update,
                        err));
    KR_TRY(kr_state_add(table, "cpu_sample", KR_F64, 1, &s->cpu_sample, err));
    KR_TRY(kr_state_add(table, "cpu_train", KR_F64, 1, &s->cpu_train, err));
    KR_TRY(kr_state_add(table, "cpu_certificate", KR_F64, 1, &s->cpu_certificate, err));
    KR_TRY(kr_state_add(table, "certificate_log_w", KR_F64,
                        s->config.n_densities ? (size_t)s->config.training.certificate : 1,
                        s->certificate_log_w, err));
    KR_TRY(s->config.n_densities ? kr_certificate_declare(s, table, err) : KR_OK);
    KR_TRY(kr_histograms_declare(s, table, err));
    KR_TRY(s->stop ? kr_stop_declare(s, table, err) : KR_OK);
    if (s->tempering) {
        KR_TRY(kr_state_push(table, "tempering", err));
        KR_TRY(kr_tempering_declare(s, table, err));
        kr_state_pop(table);
    }
    if (s->annealing) {
        KR_TRY(kr_state_push(table, "annealing", err));
        KR_TRY(kr_annealing_declare(s, table, err));
        kr_state_pop(table);
    }
    for (int32_t p = 0; p < s->config.n_points; p++) {
        char name[32];
        snprintf(name, sizeof name, "point%d", p);
        KR_TRY(kr_state_push(table, name, err));
        KR_TRY(declare_point(s, &s->point[p], table, err));
        kr_state_pop(table);
    }
    return kr_tuning_declare(s, table, err);
}
