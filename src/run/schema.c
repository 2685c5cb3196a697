/* SPDX-License-Identifier: GPL-3.0-or-later
 * run/schema.c - which variable of the result file holds which number of a sampler. */
#include "run/schema.h"

#include "base/memory.h"
#include "model/quantity.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

enum { FIXED, MEASURED, WARMUP, TRAINING, CONFIGURATIONS };
#define VARIABLES_MAX 4096

static int add(kr_schema *s, int group_of, const char *group, const char *name, kr_dtype dtype,
               const char *dims, const char *unit, const char *doc, int *index, kr_error *err)
{
    if (s->n_variables == VARIABLES_MAX) {
        return kr_fail(err, KR_ERANGE, "output: more than %d variables", VARIABLES_MAX);
    }
    KR_TRY(kr_results_variable(s->results, group, name, dtype, dims, unit, doc, index, err));
    s->group_of[*index] = (uint8_t)group_of;
    s->n_variables++;
    return KR_OK;
}

static bool has_pairs(const kr_spec *spec)
{
    bool has = false;
    for (int32_t o = 0; o < spec->config.n_observables; o++) {
        has = has || spec->observable[o].plug->flags & KR_OBSERVABLE_PAIRS;
    }
    return has;
}

/* A pair bears the number of its first chain. */
static int add_pair_dim(kr_schema *s, const char *group, kr_error *err)
{
    int64_t n = s->spec->config.n_chains / 2;
    double *first = kr_alloc((size_t)n, sizeof *first, err);
    if (!first) {
        return KR_ENOMEM;
    }
    for (int64_t k = 0; k < n; k++) {
        first[k] = (double)(2 * k);
    }
    int status = kr_results_dim(s->results, group, "chain", n, first, err);
    kr_free(first);
    KR_TRY(status);
    return kr_results_attr_text(s->results, group, "", "pairs",
                                "an entry of dim chain is the replica pair of that chain and "
                                "the next one",
                                err);
}

enum chains { NO_CHAINS, CHAINS, CHAIN_PAIRS };

/* Every group owns its dims; point carries the scanned parameters. */
static int add_dims(kr_schema *s, const char *group, enum chains chains, const char *growing,
                    kr_error *err)
{
    const kr_sampler_config *c = &s->spec->config;
    if (chains == CHAINS) {
        KR_TRY(kr_results_dim(s->results, group, "chain", c->n_chains, NULL, err));
    } else if (chains == CHAIN_PAIRS) {
        KR_TRY(add_pair_dim(s, group, err));
    }
    if (growing) {
        KR_TRY(kr_results_dim(s->results, group, growing, 0, NULL, err));
    }
    if (c->n_points > 1) {
        KR_TRY(kr_results_dim(s->results, group, "point", c->n_points, NULL, err));
    }
    char coordinates[KR_AXES_MAX * KR_TEXT_MAX] = "";
    for (int32_t a = 0; c->n_points > 1 && a < s->spec->n_axes; a++) {
        char name[KR_TEXT_MAX];
        int index;
        snprintf(name, sizeof name, "%s", s->spec->axis[a].path);
        for (char *p = name; *p; p++) {
            *p = *p == '.' ? '_' : *p;
        }
        KR_TRY(add(s, FIXED, group, name, KR_F64, "point", strcmp(name, "beta") ? "" : "1/J",
                   "scanned parameter", &index, err));
        KR_TRY(kr_results_put(s->results, index, s->spec->axis[a].value, err));
        snprintf(coordinates + strlen(coordinates), sizeof coordinates - strlen(coordinates),
                 "%s%s", a ? " " : "", name);
    }
    return *coordinates
               ? kr_results_attr_text(s->results, group, "", "coordinates", coordinates, err)
               : KR_OK;
}

static const char *series_dims(const kr_schema *s)
{
    return s->spec->config.n_points > 1 ? "chain draw point" : "chain draw";
}

static int add_counts(kr_schema *s, int kind, const char *stats, kr_error *err)
{
    static const char *const count[] = { "attempted", "accepted", "changed" };
    static const char *const doc[] = { "attempts since the last draw",
                                       "accepted attempts since the last draw",
                                       "sites changed since the last draw" };
    const kr_sampler_config *c = &s->spec->config;
    int32_t first = kr_sampler_first_count(s->sampler);
    const bool has_clusters = kr_sampler_has_clusters(s->sampler);
    for (int32_t u = 0; u < c->n_updates; u++) {
        for (int32_t k = 0; k < 3; k++) {
            char name[2 * KR_NAME_MAX];
            snprintf(name, sizeof name, "%s_%s", count[k], c->update[u].name);
            KR_TRY(add(s, kind, stats, name, KR_I64, series_dims(s), "1", doc[k],
                       &s->series[kind - 1][first + 3 * u + k], err));
            if (k == 0 && kr_sampler_engine(s->sampler, u)) {
                KR_TRY(kr_results_attr_text(s->results, stats, name, "engine",
                                            kr_sampler_engine(s->sampler, u), err));
            }
            if (k == 2 && c->update[u].plug->flags & KR_UPDATE_ONE_CLUSTER && has_clusters) {
                KR_TRY(kr_results_attr_text(s->results, stats, name, "cluster_mean",
                                            kr_quantity_of_clusters.name, err));
                KR_TRY(kr_results_attr_text(s->results, stats, name, "update",
                                            c->update[u].name, err));
            }
            if (k == 0 && c->update[u].density >= 0) {
                KR_TRY(kr_results_attr_text(s->results, stats, name, "density",
                                            c->density[c->update[u].density].name, err));
            }
        }
    }
    for (int32_t u = 0, k = kr_sampler_first_run(s->sampler); k >= 0 && u < c->n_updates; u++) {
        char name[2 * KR_NAME_MAX];
        snprintf(name, sizeof name, "rejection_run_%s", c->update[u].name);
        if (c->update[u].density >= 0) {
            KR_TRY(add(s, kind, stats, name, KR_I64, series_dims(s), "1",
                       "longest run of rejected proposals up to this draw, that began or went "
                       "on since the last one",
                       &s->series[kind - 1][k++], err));
        }
    }
    return KR_OK;
}

static int add_exchange(kr_schema *s, int kind, const char *stats, kr_error *err)
{
    static const char *const name[] = { "replica", "attempted_exchange", "accepted_exchange" };
    static const char *const doc[] = {
        "replica in the slot, by its first slot",
        "offers to exchange with the next colder slot since the last draw",
        "accepted offers to exchange with the next colder slot since the last draw"
    };
    int32_t first = kr_sampler_first_exchange(s->sampler);
    for (int32_t k = 0; first >= 0 && k < 3; k++) {
        KR_TRY(add(s, kind, stats, name[k], KR_I64, series_dims(s), "1", doc[k],
                   &s->series[kind - 1][first + k], err));
    }
    return KR_OK;
}

/* Columns under multicanonical weights. */
static int add_flat(kr_schema *s, int kind, const char *stats, kr_error *err)
{
    static const char *const name[KR_FLAT_COLUMNS] = { "energy", "log_weight", "round_trips" };
    static const char *const unit[KR_FLAT_COLUMNS] = { "J", "1", "1" };
    static const char *const doc[KR_FLAT_COLUMNS] = {
        "H of the whole system", "log weight of the state in means at beta: -beta H - log w(H)",
        "round trips between the ends of the energies since the last draw"
    };
    int32_t first = kr_sampler_first_flat(s->sampler);
    for (int32_t k = 0; first >= 0 && k < KR_FLAT_COLUMNS; k++) {
        KR_TRY(add(s, kind, stats, name[k], KR_F64, series_dims(s), unit[k], doc[k],
                   &s->series[kind - 1][first + k], err));
    }
    return KR_OK;
}

/* Means that updates give beside the states; attributes tell the quantity and the update. */
static int add_means(kr_schema *s, int kind, const char *stats, kr_error *err)
{
    const kr_sampler_config *c = &s->spec->config;
    int32_t at = kr_sampler_first_mean(s->sampler);
    char quantity[KR_SAMPLER_QUANTITY];
    kr_column column;
    for (int32_t u = 0; u < c->n_updates; u++) {
        for (int32_t k = 0; kr_sampler_mean_column(s->sampler, u, k, quantity, &column); k++) {
            char name[2 * KR_NAME_MAX], doc[KR_TEXT_MAX];
            snprintf(name, sizeof name, "%s_rb_%s", column.name, c->update[u].name);
            snprintf(doc, sizeof doc, "%s: mean %s, of all sweeps since the last draw",
                     column.doc,
                     c->update[u].plug->flags & KR_UPDATE_CLUSTERS
                         ? "given the clusters of a sweep"
                         : "over the states weighed in a sweep");
            KR_TRY(add(s, kind, stats, name, KR_F64, series_dims(s), column.unit, doc,
                       &s->series[kind - 1][at++], err));
            KR_TRY(kr_results_attr_text(s->results, stats, name, "rao_blackwell", column.name,
                                        err));
            KR_TRY(kr_results_attr_text(s->results, stats, name, "update", c->update[u].name,
                                        err));
        }
    }
    return KR_OK;
}

/* An order parameter that is never negative is its own modulus. */
static int add_same(kr_schema *s, const char *group, const char *name, kr_error *err)
{
    const kr_terms *terms = s->spec->target[0].terms;
    const bool is_modulus =
        terms->action ? terms->action->is_angle
                      : terms->order == KR_ORDER_POTTS || terms->order == KR_ORDER_VECTOR;
    return is_modulus && strcmp(name, "abs_magnetization_per_site") == 0
               ? kr_results_attr_text(s->results, group, name, "same_as",
                                      "magnetization_per_site", err)
               : KR_OK;
}

static int add_series(kr_schema *s, int kind, kr_error *err)
{
    const kr_sampler_config *c = &s->spec->config;
    const char *posterior = kind == MEASURED ? "posterior" : "warmup_posterior";
    const char *stats = kind == MEASURED ? "sample_stats" : "warmup_sample_stats";
    int *series = s->series[kind - 1];
    const char *pairs = kind == MEASURED ? "replica_pairs" : "warmup_replica_pairs";
    KR_TRY(add_dims(s, posterior, CHAINS, "draw", err));
    KR_TRY(add_dims(s, stats, CHAINS, "draw", err));
    if (has_pairs(s->spec)) {
        KR_TRY(add_dims(s, pairs, CHAIN_PAIRS, "draw", err));
    }
    int32_t column = 0;
    const kr_column *info;
    while ((info = kr_sampler_observable_column(s->sampler, column)) != NULL) {
        bool is_pair = kr_sampler_column_is_pair(s->sampler, column);
        KR_TRY(add(s, kind, is_pair ? pairs : posterior, info->name, KR_F64, series_dims(s),
                   kr_schema_unit(s, info->unit), info->doc, &series[column], err));
        KR_TRY(add_same(s, is_pair ? pairs : posterior, info->name, err));
        column++;
    }
    KR_TRY(add(s, kind, stats, "lp", KR_F64, series_dims(s), "1", "-beta H", &series[column],
               err));
    for (int32_t d = 0; d < c->n_densities; d++) {
        char name[2 * KR_NAME_MAX];
        int32_t first = kr_sampler_first_density(s->sampler) + 2 * d;
        snprintf(name, sizeof name, "log_q_%s", c->density[d].name);
        KR_TRY(add(s, kind, stats, name, KR_F64, series_dims(s), "1", "log q of the state",
                   &series[first], err));
        snprintf(name, sizeof name, "log_w_%s", c->density[d].name);
        KR_TRY(add(s, kind, stats, name, KR_F64, series_dims(s), "1", "-beta H - log q",
                   &series[first + 1], err));
    }
    KR_TRY(add_flat(s, kind, stats, err));
    KR_TRY(kr_schema_add_path(s, kind, err));
    KR_TRY(add_means(s, kind, stats, err));
    KR_TRY(add_counts(s, kind, stats, err));
    KR_TRY(add_exchange(s, kind, stats, err));
    return add(s, kind, stats, "epoch", KR_I64, "draw", "1", "epoch of the frozen weights",
               &s->epoch[kind - 1], err);
}

static int add_attributes(kr_schema *s, kr_error *err)
{
    const kr_sampler_config *c = &s->spec->config;
    KR_TRY(kr_schema_add_derived(s, err));
    for (int32_t u = 0; u < c->n_updates; u++) {
        if (c->update[u].plug->flags & KR_UPDATE_COUPLES_CHAINS) {
            KR_TRY(
                kr_results_attr_real(s->results, "posterior", "", "chains_coupled", 2.0, err));
        }
    }
    if (c->training.while_measuring == KR_TRAINING_ALTERNATING) {
        KR_TRY(kr_results_attr_text(s->results, "posterior", "", "training_while_measuring",
                                    "alternating", err));
        KR_TRY(kr_results_attr_real(s->results, "posterior", "", "turn_steps",
                                    (double)c->training.turn_steps, err));
    }
    KR_TRY(kr_results_attr_real(s->results, "posterior", "", "n_sites",
                                s->spec->target[0].terms->n_sites, err));
    if (!s->spec->target[0].terms->action) { /* ln of the number of states, Z at beta = 0 */
        const kr_terms *terms = s->spec->target[0].terms;
        KR_TRY(kr_results_attr_real(s->results, "posterior", "", "log_states",
                                    terms->n_sites * log((double)terms->q), err));
    }
    KR_TRY(kr_results_attr_real(s->results, "posterior", "", "reach", s->spec->reach, err));
    return kr_results_attr_real(s->results, "posterior", "", "every", (double)c->every, err);
}

int kr_schema_constant(kr_schema *s, const char *name, const char *unit, const char *doc,
                       const double *values, int *index, kr_error *err)
{
    int local;
    index = index ? index : &local;
    KR_TRY(add(s, FIXED, "constant_data", name, KR_F64,
               s->spec->config.n_points > 1 ? "point" : "", unit, doc, index, err));
    return values ? kr_results_put(s->results, *index, values, err) : KR_OK;
}

int kr_schema_site_constant(kr_schema *s, const char *name, const char *unit, const char *doc,
                            int *index, kr_error *err)
{
    return add(s, FIXED, "constant_data", name, KR_F64,
               s->spec->config.n_points > 1 ? "point site" : "site", unit, doc, index, err);
}

int kr_schema_draw_variable(kr_schema *s, const char *name, const char *dims, const char *doc,
                            int *index, kr_error *err)
{
    return add(s, MEASURED, "sample_stats", name, KR_F64, dims, "1", doc, index, err);
}

const char *kr_schema_unit(const kr_schema *s, const char *unit)
{
    const kr_action *action = s->spec->target[0].terms->action;
    return action && !action->is_angle && strchr(unit, 'J') ? "1" : unit;
}

int kr_schema_cost(kr_schema *s, const char *name, const char *unit, int *index, kr_error *err)
{
    return add(s, FIXED, "cost", name, KR_F64, "", unit, "clock value; not part of the result",
               index, err);
}

int kr_schema_series(kr_schema *s, int kind, const char *name, const char *doc, int *index,
                     kr_error *err)
{
    return add(s, kind, kind == MEASURED ? "sample_stats" : "warmup_sample_stats", name, KR_F64,
               series_dims(s), "1", doc, index, err);
}

int kr_schema_training_variable(kr_schema *s, const char *name, kr_dtype dtype,
                                const char *dims, const char *unit, const char *doc, int *index,
                                kr_error *err)
{
    return add(s, TRAINING, "adaptation", name, dtype, dims, unit, doc, index, err);
}

static int add_lattice(kr_schema *s, kr_error *err)
{
    const kr_lattice *lattice = s->spec->lattice;
    int64_t size[KR_DIM_MAX];
    int index;
    for (int32_t k = 0; k < lattice->dim; k++) {
        size[k] = lattice->extent[k];
    }
    KR_TRY(kr_results_dim(s->results, "constant_data", "axis", lattice->dim, NULL, err));
    KR_TRY(add(s, FIXED, "constant_data", "lattice_size", KR_I64, "axis", "1",
               "sites along each coordinate, coordinate 0 first", &index, err));
    return kr_results_put(s->results, index, size, err);
}

static int add_constants(kr_schema *s, kr_error *err)
{
    const kr_sampler_config *c = &s->spec->config;
    char text[KR_PHASES_MAX * 32] = "";
    KR_TRY(add_dims(s, "constant_data", NO_CHAINS, NULL, err));
    KR_TRY(add_lattice(s, err));
    bool beta_is_axis = false;
    for (int32_t a = 0; a < s->spec->n_axes && c->n_points > 1; a++) {
        beta_is_axis = beta_is_axis || strcmp(s->spec->axis[a].path, "beta") == 0;
    }
    if (!beta_is_axis) {
        double *beta = kr_alloc((size_t)c->n_points, sizeof(double), err);
        for (int32_t p = 0; beta && p < c->n_points; p++) {
            beta[p] = s->spec->target[p].beta;
        }
        int status =
            beta ? kr_schema_constant(s, "beta", "1/J", "inverse temperature", beta, NULL, err)
                 : KR_ENOMEM;
        kr_free(beta);
        KR_TRY(status);
    }
    KR_TRY(kr_schema_exact(s, err));
    KR_TRY(kr_schema_add_certificates(s, err));
    KR_TRY(kr_schema_add_tuning(s, err));
    const kr_terms *terms = s->spec->target[0].terms;
    for (int32_t p = 0; p < terms->n_phases; p++) {
        snprintf(text + strlen(text), sizeof text - strlen(text), "%s%s", p ? " " : "",
                 terms->phase[p].name);
    }
    KR_TRY(kr_results_attr_text(s->results, "constant_data", "", "phase_names", text, err));
    char scanned[KR_AXES_MAX * KR_TEXT_MAX] = "";
    for (int32_t a = 0; a < s->spec->n_axes && c->n_points > 1; a++) {
        snprintf(scanned + strlen(scanned), sizeof scanned - strlen(scanned), "%s%s",
                 a ? " " : "", s->spec->axis[a].path);
    }
    return kr_results_attr_text(s->results, "constant_data", "", "scanned", scanned, err);
}

static int add_configurations(kr_schema *s, kr_error *err)
{
    const kr_spec *spec = s->spec;
    bool many = spec->config.n_points > 1;
    if (spec->output.configurations.every == 0) {
        return KR_OK;
    }
    KR_TRY(add_dims(s, "configurations", CHAINS, "draw", err));
    KR_TRY(kr_results_dim(s->results, "configurations", "site", spec->lattice->n_sites, NULL,
                          err));
    const bool is_real = spec->target[0].terms->action != NULL;
    KR_TRY(add(s, CONFIGURATIONS, "configurations", is_real ? "field" : "state",
               is_real ? KR_F64 : KR_U8, many ? "chain draw point site" : "chain draw site",
               is_real && spec->target[0].terms->action->is_angle ? "rad" : "1",
               is_real ? "variable of every site, coordinate 0 fastest"
                       : "state of every site, coordinate 0 fastest",
               &s->configuration, err));
    return add(s, CONFIGURATIONS, "configurations", "measured_draw", KR_I64, "draw", "1",
               "draw of the group posterior", &s->configuration_draw, err);
}

static int put_root(kr_schema *s, kr_error *err)
{
    kr_text text = { 0 };
    const kr_lattice *lattice = s->spec->lattice;
    char title[2 * KR_TEXT_MAX];
    snprintf(title, sizeof title, "%s, %s ", s->spec->model->name, s->spec->lattice_plug->name);
    for (int32_t k = 0; k < lattice->dim; k++) {
        snprintf(title + strlen(title), sizeof title - strlen(title), "%s%d", k ? "x" : "",
                 lattice->extent[k]);
    }
    int status = kr_spec_write(s->spec, &text, err);
    if (status == KR_OK) {
        status = kr_results_attr_text(s->results, "", "", "run_file", text.data, err);
    }
    kr_text_clear(&text);
    KR_TRY(status);
    KR_TRY(kr_results_attr_text(s->results, "", "", "Conventions", "kramers-1.0", err));
    KR_TRY(kr_results_attr_text(s->results, "", "", "kramers_version", KR_VERSION, err));
    return kr_results_attr_text(s->results, "", "", "title", title, err);
}

int kr_schema_init(kr_schema *s, const kr_spec *spec, kr_sampler *sampler, kr_error *err)
{
    size_t n_columns = (size_t)kr_sampler_columns(sampler);
    *s = (kr_schema){ .spec = spec, .sampler = sampler };
    s->results = kr_results_alloc(err);
    s->series[0] = kr_alloc(n_columns, sizeof(int), err);
    s->series[1] = kr_alloc(n_columns, sizeof(int), err);
    s->certificate = kr_alloc(kr_schema_certificates(s), sizeof(int), err);
    s->group_of = kr_alloc(VARIABLES_MAX, 1, err);
    if (!s->results || !s->series[0] || !s->series[1] || !s->certificate || !s->group_of) {
        return KR_ENOMEM;
    }
    KR_TRY(put_root(s, err));
    KR_TRY(add_series(s, MEASURED, err));
    KR_TRY(add_series(s, WARMUP, err));
    KR_TRY(add_attributes(s, err));
    KR_TRY(add_constants(s, err));
    KR_TRY(kr_schema_add_slots(s, err));
    KR_TRY(kr_schema_add_flat(s, err));
    KR_TRY(kr_schema_add_histograms(s, err));
    KR_TRY(kr_schema_add_annealing(s, err));
    KR_TRY(kr_schema_add_training(s, err));
    KR_TRY(add_configurations(s, err));
    KR_TRY(kr_schema_add_cost(s, err));
    return kr_schema_put_final(s, 0.0, err); /* every part is complete */
}

void kr_schema_clear(kr_schema *s)
{
    kr_results_free(s->results);
    kr_free(s->series[0]);
    kr_free(s->series[1]);
    kr_free(s->certificate);
    kr_free(s->group_of);
    memset(s, 0, sizeof *s);
}

static int collect_draw(kr_schema *s, int64_t draw, int kind, int64_t *integer, kr_error *err)
{
    const kr_sampler_config *c = &s->spec->config;
    int32_t first_count = kr_sampler_first_count(s->sampler);
    int64_t n = c->n_chains * c->n_points;
    for (int32_t k = 0; k < kr_sampler_columns(s->sampler); k++) {
        const double *slab = kr_sampler_slab(s->sampler, draw, k);
        if (k < first_count) {
            KR_TRY(kr_results_append(s->results, s->series[kind - 1][k], slab, err));
            continue;
        }
        for (int64_t i = 0; i < n; i++) {
            integer[i] = (int64_t)slab[i];
        }
        KR_TRY(kr_results_append(s->results, s->series[kind - 1][k], integer, err));
    }
    KR_TRY(kind == MEASURED ? kr_schema_collect_annealing(s, draw, err) : KR_OK);
    int64_t epoch = kr_sampler_new_epoch(s->sampler);
    return kr_results_append(s->results, s->epoch[kind - 1], &epoch, err);
}

int kr_schema_collect(kr_schema *s, kr_error *err)
{
    const kr_sampler_config *c = &s->spec->config;
    int64_t n_new = kr_sampler_n_new(s->sampler);
    int kind = kr_sampler_new_is_warmup(s->sampler) ? WARMUP : MEASURED;
    if (n_new == 0) {
        return kr_schema_collect_training(s, err);
    }
    int64_t *integer = kr_alloc((size_t)(c->n_chains * c->n_points), sizeof *integer, err);
    int status = integer ? KR_OK : KR_ENOMEM;
    for (int64_t draw = 0; draw < n_new && status == KR_OK; draw++) {
        status = collect_draw(s, draw, kind, integer, err);
    }
    kr_free(integer);
    *(kind == MEASURED ? &s->counts.measured : &s->counts.warmup) += n_new;
    return status;
}

int kr_schema_collect_configurations(kr_schema *s, kr_error *err)
{
    const kr_sampler_config *c = &s->spec->config;
    int64_t draw = kr_sampler_draws(s->sampler) - 1;
    const size_t each = s->spec->target[0].terms->action ? sizeof(double) : 1;
    void *state = kr_alloc((size_t)(c->n_chains * c->n_points),
                           each * (size_t)s->spec->lattice->n_sites, err);
    if (!state) {
        return KR_ENOMEM;
    }
    kr_sampler_states(s->sampler, state);
    int status = kr_results_append(s->results, s->configuration, state, err);
    kr_free(state);
    KR_TRY(status);
    s->counts.configurations++;
    return kr_results_append(s->results, s->configuration_draw, &draw, err);
}

int kr_schema_put_final(kr_schema *s, double wall_s, kr_error *err)
{
    KR_TRY(kr_schema_put_cost(s, wall_s, err));
    KR_TRY(kr_schema_put_certificates(s, err));
    KR_TRY(kr_schema_put_tuning(s, err));
    KR_TRY(kr_schema_put_flat(s, err));
    KR_TRY(kr_schema_put_histograms(s, err));
    return s->spec->has_tempering ? kr_schema_put_slots(s, err) : KR_OK;
}

int kr_schema_continue(kr_schema *s, kr_error *err)
{
    const struct {
        const char *group, *dim;
        int64_t start;
        bool is_there;
    } growing[] = {
        { "posterior", "draw", s->counts.measured, true },
        { "sample_stats", "draw", s->counts.measured, true },
        { "warmup_posterior", "draw", s->counts.warmup, true },
        { "replica_pairs", "draw", s->counts.measured, has_pairs(s->spec) },
        { "warmup_replica_pairs", "draw", s->counts.warmup, has_pairs(s->spec) },
        { "warmup_sample_stats", "draw", s->counts.warmup, true },
        { "adaptation", "row", s->counts.training, s->spec->config.n_densities > 0 },
        { "configurations", "draw", s->counts.configurations,
          s->spec->output.configurations.every > 0 },
    };
    for (size_t k = 0; k < sizeof growing / sizeof *growing; k++) {
        if (growing[k].is_there) {
            KR_TRY(kr_results_continue(s->results, growing[k].group, growing[k].dim,
                                       growing[k].start, err));
        }
    }
    return KR_OK;
}

int64_t *kr_schema_limits(const kr_schema *s, kr_error *err)
{
    const int64_t count[] = { 0, s->counts.measured, s->counts.warmup, s->counts.training,
                              s->counts.configurations };
    int64_t *limit = kr_alloc((size_t)s->n_variables, sizeof *limit, err);
    for (int v = 0; limit && v < s->n_variables; v++) {
        limit[v] = count[s->group_of[v]];
    }
    return limit;
}
