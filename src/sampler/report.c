/* SPDX-License-Identifier: GPL-3.0-or-later
 * sampler/report.c - what a sampler tells about itself: stage, draws, training, cost. */
#include "model/block.h"
#include "model/quantity.h"
#include "model/terms.h"
#include "sampler/private.h"

#include <math.h>
#include <string.h>
#ifdef _OPENMP
#include <omp.h>
#endif

kr_stage kr_sampler_stage(const kr_sampler *s)
{
    return (kr_stage)s->stage;
}

const char *kr_sampler_stage_name(kr_stage stage)
{
    static const char *const name[] = { "thermalize", "adapt",   "settle",
                                        "certify",    "measure", "done" };
    return name[stage];
}

/* Training steps at most: those of `adapt`, or as many as max_work pays at the present rate. */
static int64_t planned_training(const kr_sampler *s)
{
    const kr_sampler_config *config = &s->config;
    double most = 0.0;
    for (int32_t k = 0; k < config->n_points * config->n_densities; k++) {
        const kr_trainer *t =
            &s->point[k / config->n_densities].trainer[k % config->n_densities];
        if (t->n_weights == 0) {
            continue;
        }
        const kr_learner *l = t->learner;
        double steps =
            l->work > 0.0
                ? ceil((double)l->step * fmax(1.0, config->training.max_work / l->work))
                : (double)config->adapt;
        most = fmax(most, l->is_done ? (double)l->step : steps);
    }
    return most > 0.0 && most < (double)config->adapt ? (int64_t)most : config->adapt;
}

void kr_sampler_progress(const kr_sampler *s, int64_t *done, int64_t *planned)
{
    const kr_sampler_config *config = &s->config;
    switch ((kr_stage)s->stage) {
    case KR_STAGE_ADAPT:
        *done = s->stage_step;
        *planned = planned_training(s);
        return;
    case KR_STAGE_CERTIFY:
        *done = s->stage_step * KR_LANES_MAX;
        *planned = (config->training.certificate + KR_LANES_MAX - 1) / KR_LANES_MAX *
                   KR_LANES_MAX * config->n_points * config->n_densities;
        return;
    case KR_STAGE_MEASURE:
    case KR_STAGE_DONE:
        *done = s->n_draws * config->every;
        *planned = config->measure;
        return;
    case KR_STAGE_THERMALIZE:
    case KR_STAGE_SETTLE:
        *done = s->stage_step * config->every;
        *planned = (config->thermalize + config->every - 1) / config->every * config->every;
        return;
    }
}

int64_t kr_sampler_epoch(const kr_sampler *s)
{
    return s->epoch;
}

int64_t kr_sampler_draws(const kr_sampler *s)
{
    return s->n_draws;
}

void kr_sampler_set_measure(kr_sampler *s, int64_t measure)
{
    s->config.measure = measure;
    if (s->stage == KR_STAGE_DONE && s->n_draws < measure / s->config.every) {
        s->stage = KR_STAGE_MEASURE;
    }
}

const kr_derived *kr_sampler_more_derived(const kr_sampler *s, int32_t observable)
{
    const kr_observable_plug *plug = s->config.observable[observable].plug;
    return plug->more_derived ? plug->more_derived(s->point[0].observable[observable]) : NULL;
}

int32_t kr_sampler_columns(const kr_sampler *s)
{
    return s->n_columns;
}

int32_t kr_sampler_first_count(const kr_sampler *s)
{
    return s->first_count;
}

int32_t kr_sampler_first_mean(const kr_sampler *s)
{
    return s->first_mean;
}

bool kr_sampler_has_clusters(const kr_sampler *s)
{
    bool has = true;
    for (int32_t p = 0; p < s->config.n_points && has; p++) {
        has = kr_terms_has_clusters(s->config.target[p].terms);
    }
    return has;
}

bool kr_sampler_mean_column(const kr_sampler *s, int32_t update, int32_t k, char *name,
                            kr_column *column)
{
    if (k >= s->n_quantities[update]) {
        return false;
    }
    if (s->config.update[update].plug->flags & KR_UPDATE_CLUSTERS) {
        *column = kr_quantity_of_clusters;
        return true;
    }
    *column = kr_quantity_column(s->config.target[0].terms, k, name);
    return true;
}

int32_t kr_sampler_first_run(const kr_sampler *s)
{
    return s->n_runs > 0 ? s->first_run : -1;
}

const kr_column *kr_sampler_estimate_column(const kr_sampler *s, int32_t estimate)
{
    return estimate < s->n_estimates ? &s->estimate[estimate] : NULL;
}

void kr_sampler_estimate(const kr_sampler *s, int32_t density, int32_t point, int32_t estimate,
                         double *mean, double *error)
{
    const double *e = s->point[point].estimate + 2 * (density * s->n_estimates + estimate);
    *mean = e[0];
    *error = e[1];
}

int32_t kr_sampler_first_flat(const kr_sampler *s)
{
    return s->config.flat.is_on ? s->first_flat : -1;
}

int32_t kr_sampler_first_path(const kr_sampler *s)
{
    return s->config.target[0].path ? s->first_path : -1;
}

bool kr_sampler_flat(const kr_sampler *s, kr_flat_report *report)
{
    const kr_flat *f = s->point[0].flat;
    if (!f) {
        return false;
    }
    *report = (kr_flat_report){ .weights = &f->weights,
                                .n_groups = f->n_groups,
                                .mass = f->mass,
                                .is_known = f->is_known,
                                .low = f->low,
                                .high = f->high,
                                .n_slices = f->n_slices,
                                .slice_length = f->slice_length,
                                .slice_trips = f->slice_trips,
                                .flatness = f->flatness,
                                .is_flat = f->is_flat != 0 };
    return true;
}

int32_t kr_sampler_first_density(const kr_sampler *s)
{
    return s->first_density;
}

const kr_column *kr_sampler_observable_column(const kr_sampler *s, int32_t column)
{
    for (int32_t o = 0; o < s->config.n_observables; o++) {
        int32_t k = column - s->observable_first[o];
        if (k >= 0 && k < s->observable_columns[o]) {
            int32_t n;
            return s->config.observable[o].plug->columns(s->point[0].observable[o], &n) + k;
        }
    }
    return NULL;
}

double kr_sampler_exact(const kr_sampler *s, int32_t column, int32_t point, double most_work)
{
    for (int32_t o = 0; o < s->config.n_observables; o++) {
        const kr_observable_plug *plug = s->config.observable[o].plug;
        const int32_t k = column - s->observable_first[o];
        if (plug->exact && k >= 0 && k < s->observable_columns[o]) {
            const kr_point *p = &s->point[point];
            return plug->exact(p->observable[o], p->target, k, most_work);
        }
    }
    return NAN;
}

bool kr_sampler_column_is_pair(const kr_sampler *s, int32_t column)
{
    for (int32_t o = 0; o < s->config.n_observables; o++) {
        int32_t k = column - s->observable_first[o];
        if (k >= 0 && k < s->observable_columns[o]) {
            return s->config.observable[o].plug->flags & KR_OBSERVABLE_PAIRS;
        }
    }
    return false;
}

int64_t kr_sampler_n_new(const kr_sampler *s)
{
    return s->n_new;
}

bool kr_sampler_new_is_warmup(const kr_sampler *s)
{
    return s->new_is_warmup;
}

const double *kr_sampler_slab(const kr_sampler *s, int64_t draw, int32_t column)
{
    return s->draws + (draw * s->n_columns + column) * s->config.n_chains * s->config.n_points;
}

bool kr_sampler_training_row(const kr_sampler *s, int32_t density, int32_t point,
                             kr_training_row *row)
{
    if (density >= s->config.n_densities) {
        return false;
    }
    const kr_trainer *t = &s->point[point].trainer[density];
    *row = t->row;
    return t->has_row;
}

bool kr_sampler_learned(const kr_sampler *s, int32_t density, int32_t point,
                        kr_learned *learned)
{
    const kr_trainer *t = &s->point[point].trainer[density];
    if (t->n_weights == 0) {
        return false;
    }
    const kr_flow *flow = t->density->plug->flow;
    *learned =
        (kr_learned){ .weights = t->density->plug->weights(t->density->self),
                      .n_weights = t->n_weights,
                      .steps = t->learner->all_steps,
                      .work = t->learner->all_work,
                      .adopted = t->adopted,
                      .flow_steps = flow && flow->n_steps ? flow->n_steps(t->density->self) : 0,
                      .theta = t->learner->theta };
    return true;
}

size_t kr_sampler_networks(const kr_sampler *s, int32_t density, int32_t point, int64_t *out)
{
    const kr_density *d = &s->point[point].density[density];
    return d->plug->networks ? d->plug->networks(d->self, out) : 0;
}

void kr_sampler_certificate(const kr_sampler *s, int32_t density, int32_t point,
                            kr_certificate *certificate)
{
    *certificate = s->point[point].certificate[density];
}

int32_t kr_sampler_reach(const kr_sampler *s, int32_t update)
{
    return s->reach[update < 0 ? s->config.n_updates : update];
}

void kr_sampler_cost(const kr_sampler *s, kr_cost *cost)
{
    *cost = (kr_cost){ s->cpu_sample, s->cpu_train, s->cpu_certificate };
}

double kr_sampler_update_cost(const kr_sampler *s, int32_t update)
{
    return s->cpu_update[update];
}

int64_t kr_sampler_new_epoch(const kr_sampler *s)
{
    return s->new_epoch;
}

void kr_sampler_states(kr_sampler *s, void *states)
{
    char *state = states;
    for (int32_t p = 0; p < s->config.n_points; p++) {
        for (int32_t b = 0; b < s->n_blocks; b++) {
            kr_block *block = s->point[p].block[b];
            const size_t n = kr_block_row_bytes(block);
            kr_block_convert(block, KR_LAYOUT_CHAIN);
            for (int32_t l = 0; l < block->n_lanes; l++) {
                size_t row = (size_t)(block->first_chain + l) * (size_t)s->config.n_points;
                kr_block_get_lane(block, l, state + (row + (size_t)p) * n);
            }
        }
    }
}

const char *kr_sampler_engine(const kr_sampler *s, int32_t update)
{
    const kr_update *u = &s->point[0].update[update];
    const kr_gang *gang = kr_tempering_gang(s);
    if (gang && gang->update[update]) {
        return u->plug->engine(gang->update[update]);
    }
    return u->plug->engine ? u->plug->engine(u->self) : NULL;
}

const char *kr_sampler_engine_reason(const kr_sampler *s, int32_t update)
{
    const kr_update *u = &s->point[0].update[update];
    const kr_gang *gang = kr_tempering_gang(s);
    if (gang && gang->update[update]) {
        return NULL;
    }
    return u->plug->engine_reason ? u->plug->engine_reason(u->self) : NULL;
}

int32_t kr_sampler_threads(const kr_sampler *s)
{
    return s->config.n_threads;
}

int32_t kr_sampler_default_threads(void)
{
#ifdef _OPENMP
    return omp_get_max_threads();
#else
    return 1;
#endif
}
