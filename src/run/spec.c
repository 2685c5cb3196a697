/* SPDX-License-Identifier: GPL-3.0-or-later
 * run/spec.c - a run file turned into lattices, terms and a sampler's configuration. */
#include "run/spec.h"

#include "base/field.h"
#include "base/memory.h"
#include "base/state.h"
#include "density/free_field.h"
#include "lattice/lattice.h"
#include "model/path.h"
#include "model/terms.h"
#include "run/spec_private.h"

#include <stdio.h>
#include <string.h>

#define DRAW_MOST 1e10 /* updates of sites of a chain: about a minute of a slow engine */

/* ---- points: the product of all scanned parameters ------------------------------------------
 */

typedef struct scan {
    char path[KR_TEXT_MAX];
    kr_node *holder; /* map that has the scanned node as a child */
    int32_t slot;    /* its index there */
    kr_node *original;
    kr_node **value;
    int32_t n;
    bool is_real;
} scan;

static int find_scans(kr_runfile *file, const char *path, kr_node *map, const kr_field *fields,
                      scan *scans, int32_t *n, kr_error *err)
{
    for (int32_t k = 0; k < map->n; k++) {
        const kr_field *f = fields;
        while (f->name && strcmp(f->name, map->key[k]->text) != 0) {
            f++;
        }
        if (!f->name) {
            continue;
        }
        char inner[KR_TEXT_MAX];
        snprintf(inner, sizeof inner, "%.100s%s%.100s", path, *path ? "." : "", f->name);
        kr_node *child = map->child[k];
        if (f->type == KR_TYPE_MAP && child->kind == KR_NODE_MAP) {
            KR_TRY(find_scans(file, inner, child, f->sub, scans, n, err));
        }
        if (!(f->flags & KR_FIELD_SCAN) || child->kind == KR_NODE_SCALAR) {
            continue;
        }
        if (*n == KR_AXES_MAX) {
            return kr_runfile_fail(file, child, err, KR_ERANGE,
                                   "%d scanned parameters, want at most %d", *n + 1,
                                   KR_AXES_MAX);
        }
        scan *s = &scans[(*n)++];
        *s = (scan){
            .holder = map, .slot = k, .original = child, .is_real = f->type == KR_TYPE_REAL
        };
        snprintf(s->path, sizeof s->path, "%s", inner);
        KR_TRY(kr_node_scan(file, child, inner, &s->value, &s->n, err));
        if (s->n < 1) {
            return kr_runfile_fail(file, child, err, KR_ERANGE,
                                   "%s: the list is empty, want at least one number", inner);
        }
    }
    return KR_OK;
}

static int build_point(kr_spec *spec, int32_t p, const kr_node *model_map, kr_error *err)
{
    const kr_model_plug *plug = spec->model;
    KR_TRY(kr_spec_parse_params(spec->file, model_map, "model", plug->name, plug->fields,
                                plug->params_size, "name", &spec->model_params[p], err));
    kr_top_params scalar;
    KR_TRY(kr_spec_parse_top(spec->file, &scalar, err));
    int32_t same = p - 1; /* a point with these parameters: only beta moved */
    while (same >= 0 && plug->params_size > 0 &&
           memcmp(spec->model_params[p], spec->model_params[same], plug->params_size) != 0) {
        same--;
    }
    if (same < 0) {
        kr_error cause = { 0 };
        spec->terms[p] = kr_terms_alloc(plug, spec->model_params[p], spec->lattice, &cause);
        if (!spec->terms[p]) {
            return kr_runfile_fail(spec->file, kr_node_blamed(model_map, cause.text), err,
                                   cause.status, "%s", cause.text);
        }
        spec->target[p].terms = spec->terms[p];
    } else {
        spec->target[p].terms = spec->target[same].terms;
    }
    spec->target[p].lattice = spec->lattice;
    spec->target[p].beta = scalar.beta;
    return KR_OK;
}

/* Points are told apart by their parameters. work (n) */
static int check_distinct(const kr_runfile *file, const scan *s, double *work, kr_error *err)
{
    for (int32_t k = 0; k < s->n; k++) {
        if (kr_number_real(s->value[k]->text, &work[k], NULL) != KR_OK) {
            return KR_OK; /* refused where it is used */
        }
        for (int32_t m = 0; m < k; m++) {
            if (work[m] == work[k]) {
                return kr_runfile_fail(file, s->value[k], err, KR_EINVAL,
                                       "%s = %s twice, want different values (more chains at a "
                                       "point: key \"chains\")",
                                       s->path, s->value[k]->text);
            }
        }
    }
    return KR_OK;
}

/* Samples of a disorder that draws nothing would be the same system again and again. */
static int check_seeds(const kr_runfile *file, const scan *s, kr_error *err)
{
    const size_t length = strlen(s->path), tail = strlen(".seed");
    if (s->n < 2 || length < tail || strcmp(s->path + length - tail, ".seed") != 0) {
        return KR_OK;
    }
    const kr_node *kind = kr_node_get(s->holder, "kind");
    const char *text = kind && kind->kind == KR_NODE_SCALAR ? kind->text : "none";
    if (strcmp(text, "pm1") == 0 || strcmp(text, "gaussian") == 0) {
        return KR_OK;
    }
    return kr_runfile_fail(file, s->original, err, KR_EUNSUP,
                           "%s is a list of samples, but kind is %s, want kind: pm1 or "
                           "gaussian",
                           s->path, text);
}

static int build_points(kr_spec *spec, kr_node *model_map, scan *scans, kr_error *err)
{
    size_t n_points = (size_t)spec->config.n_points;
    spec->model_params = kr_alloc(n_points, sizeof(void *), err);
    spec->terms = kr_alloc(n_points, sizeof(kr_terms *), err);
    spec->target = kr_alloc(n_points, sizeof *spec->target, err);
    if (!spec->model_params || !spec->terms || !spec->target) {
        return KR_ENOMEM;
    }
    for (int32_t a = 0; a < spec->n_axes; a++) {
        memcpy(spec->axis[a].path, scans[a].path, sizeof spec->axis[a].path);
        spec->axis[a].is_real = scans[a].is_real;
        spec->axis[a].value = kr_alloc(n_points, sizeof(double), err);
        if (!spec->axis[a].value) {
            return KR_ENOMEM;
        }
    }
    int status = KR_OK;
    for (int32_t a = 0; a < spec->n_axes && status == KR_OK; a++) {
        status = check_distinct(spec->file, &scans[a], spec->axis[a].value, err);
        status = status == KR_OK ? check_seeds(spec->file, &scans[a], err) : status;
    }
    for (int32_t p = 0; p < spec->config.n_points && status == KR_OK; p++) {
        int32_t rest = p;
        for (int32_t a = spec->n_axes - 1; a >= 0; a--) { /* the last axis runs fastest */
            kr_node *value = scans[a].value[rest % scans[a].n];
            rest /= scans[a].n;
            scans[a].holder->child[scans[a].slot] = value;
            status = kr_number_real(value->text, &spec->axis[a].value[p], NULL);
            if (status != KR_OK) {
                status =
                    kr_runfile_fail(spec->file, value, err, KR_EPARSE,
                                    "%s: \"%s\" is not a number", scans[a].path, value->text);
                break;
            }
        }
        if (status == KR_OK) {
            status = build_point(spec, p, model_map, err);
        }
    }
    for (int32_t a = 0; a < spec->n_axes; a++) {
        scans[a].holder->child[scans[a].slot] = scans[a].original;
    }
    spec->config.target = spec->target;
    spec->config.n_axes = spec->n_axes;
    spec->config.axis = spec->axis;
    return status;
}

static int parse_system(kr_spec *spec, kr_error *err)
{
    kr_runfile *file = spec->file;
    kr_node *model_map, *lattice_map;
    const void *plug;
    KR_TRY(kr_spec_section(file, "model", KR_NODE_MAP, &model_map, err));
    KR_TRY(kr_spec_section(file, "lattice", KR_NODE_MAP, &lattice_map, err));
    KR_TRY(kr_spec_find_plug(file, model_map, KR_PLUG_MODEL, &plug, err));
    spec->model = plug;
    KR_TRY(kr_spec_find_plug(file, lattice_map, KR_PLUG_LATTICE, &plug, err));
    spec->lattice_plug = plug;
    KR_TRY(kr_spec_fill_defaults(file, "model", model_map, spec->model->fields, err));
    KR_TRY(
        kr_spec_fill_defaults(file, "lattice", lattice_map, spec->lattice_plug->fields, err));
    KR_TRY(kr_spec_parse_params(file, lattice_map, "lattice", spec->lattice_plug->name,
                                spec->lattice_plug->fields, spec->lattice_plug->params_size,
                                "name", &spec->lattice_params, err));
    scan scans[KR_AXES_MAX] = { 0 };
    KR_TRY(find_scans(file, "", file->root, kr_spec_fields(), scans, &spec->n_axes, err));
    KR_TRY(
        find_scans(file, "model", model_map, spec->model->fields, scans, &spec->n_axes, err));
    double n_points = 1.0, n_systems = 1.0;
    for (int32_t a = 0; a < spec->n_axes; a++) {
        n_points *= scans[a].n;
        n_systems *= strcmp(scans[a].path, "beta") ? scans[a].n : 1;
    }
    if (n_points > KR_POINTS_MAX) {
        return kr_runfile_fail(file, scans[0].original, err, KR_ERANGE,
                               "%.0f points, want at most %d", n_points, KR_POINTS_MAX);
    }
    KR_TRY(kr_spec_check_memory(spec, lattice_map, n_points, n_systems, err));
    kr_error cause = { 0 };
    spec->lattice = kr_lattice_alloc(spec->lattice_plug, spec->lattice_params, &cause);
    if (!spec->lattice) {
        /* what the plug has to say after "NAME: "; a number of sites comes from the sides */
        const char *colon = strstr(cause.text, ": ");
        const kr_node *at = kr_node_blamed(lattice_map, colon ? colon + 2 : cause.text);
        return kr_runfile_fail(file, at != lattice_map ? at : kr_node_blamed(at, "size"), err,
                               cause.status, "%s", cause.text);
    }
    spec->config.n_points = (int32_t)n_points;
    return build_points(spec, model_map, scans, err);
}

static bool draws_block(const kr_spec *spec, const kr_schedule_entry *entry)
{
    return entry->density >= 0 && spec->density[entry->density].plug->flags & KR_DENSITY_BLOCK;
}

/* Flags of an update; one that draws a block leaves all else as it is. */
static unsigned reach_flags(const kr_spec *spec, const kr_schedule_entry *entry)
{
    const unsigned flags = entry->plug->flags;
    if (spec->target[0].terms->action && flags & KR_UPDATE_LOCAL) {
        return flags | KR_UPDATE_IRREDUCIBLE; /* steps of any size everywhere cannot cycle */
    }
    return draws_block(spec, entry) ? flags & ~(unsigned)KR_UPDATE_IRREDUCIBLE : flags;
}

/* Angles are uniform at beta = 0; other real variables have no law there. */
static int check_real(kr_spec *spec, kr_error *err)
{
    const kr_sampler_config *config = &spec->config;
    const kr_terms *terms = spec->target[0].terms;
    for (int32_t p = 0; terms->action && !terms->action->is_angle && p < config->n_points;
         p++) {
        if (!(config->target[p].beta > 0.0)) {
            return kr_runfile_fail(spec->file, kr_node_get(spec->file->root, "beta"), err,
                                   KR_ERANGE,
                                   "beta = %g: real variables have no law there, want beta > 0",
                                   config->target[p].beta);
        }
    }
    return KR_OK;
}

static int check_whole(kr_spec *spec, kr_error *err)
{
    kr_sampler_config *config = &spec->config;
    const kr_node *phases = kr_node_get(spec->file->root, "phases");
    const kr_terms *terms = spec->target[0].terms;
    bool is_local = false, is_irreducible = false, is_one_class = terms->is_pair;
    bool has_blocks = false;
    for (int32_t a = 1; is_one_class && a < terms->q; a++) {
        is_one_class = terms->pair_class[a] == terms->pair_class[0];
    }
    for (int32_t u = 0; u < config->n_updates; u++) {
        const unsigned flags = reach_flags(spec, &spec->update[u]);
        has_blocks = has_blocks || draws_block(spec, &spec->update[u]);
        is_local = is_local || (flags & KR_UPDATE_LOCAL);
        is_irreducible = is_irreducible || (flags & KR_UPDATE_IRREDUCIBLE) ||
                         (is_one_class && (flags & KR_UPDATE_IRREDUCIBLE_ONE_CLASS));
    }
    for (int32_t u = 0; u < config->n_updates; u++) {
        if ((spec->update[u].plug->flags & KR_UPDATE_COUPLES_CHAINS) && config->n_chains % 2) {
            return kr_runfile_fail(
                spec->file, kr_node_get(spec->file->root, "chains"), err, KR_ERANGE,
                "chains = %lld, want an even number: update %s couples them in pairs",
                (long long)config->n_chains, spec->update[u].plug->name);
        }
    }
    for (int32_t o = 0; config->flat.is_on && o < config->n_observables; o++) {
        if (spec->observable[o].plug->flags & KR_OBSERVABLE_PAIRS) {
            return kr_runfile_fail(spec->file, kr_node_get(spec->file->root, "observables"),
                                   err, KR_EUNSUP,
                                   "observables.%d: %s compares pairs of chains, which have no "
                                   "common weight under multicanonical",
                                   o, spec->observable[o].plug->name);
        }
    }
    if (config->measure < config->every) {
        return kr_runfile_fail(
            spec->file, phases, err, KR_ERANGE,
            "phases: measure = %lld is less than every = %lld, so there is no draw",
            (long long)config->measure, (long long)config->every);
    }
    KR_TRY(check_real(spec, err));
    spec->reach = is_irreducible ? 2 : is_local ? 1 : 0;
    if (!is_irreducible && !has_blocks) { /* what blocks reach the sampler finds out */
        KR_TRY(kr_text_add(&spec->warnings, err, KR_SPEC_UNKNOWN_REACH));
    }
    for (int32_t u = 0; u < config->n_updates && !config->flat.is_on; u++) {
        if (strcmp(spec->update[u].plug->name, "multicanonical") == 0) {
            KR_TRY(kr_text_add(&spec->warnings, err,
                               "update multicanonical is a local update at beta here: flat "
                               "energies need the section multicanonical\n"));
        }
    }
    if (config->measure % config->every) {
        KR_TRY(kr_text_add(&spec->warnings, err,
                           "phases: the last %lld steps of measure give no draw\n",
                           (long long)(config->measure % config->every)));
    }
    return KR_OK;
}

int kr_spec_resolve(kr_runfile *file, const char *path, const kr_node *node, kr_error *err)
{
    const char *slash = strrchr(file->path, '/');
    char assignment[8 * KR_TEXT_MAX];
    if (!slash || node->kind != KR_NODE_SCALAR || node->origin || !*node->text ||
        *node->text == '/') {
        return KR_OK;
    }
    int32_t line = node->line, column = node->column;
    snprintf(assignment, sizeof assignment, "%s=\"%.*s/%s\"", path, (int)(slash - file->path),
             file->path, node->text);
    KR_TRY(kr_runfile_set(file, assignment, err));
    kr_node *put = (kr_node *)(uintptr_t)kr_node_find(file->root, path, strlen(path));
    if (put) { /* messages show what was written */
        put->origin = NULL;
        put->line = line;
        put->column = column;
    }
    return KR_OK;
}

/* A relative path in a `file` key is meant from the run file's folder. */
static int resolve_paths(kr_runfile *file, const char *path, const kr_node *map, kr_error *err)
{
    for (int32_t k = 0; map->kind == KR_NODE_MAP && k < map->n; k++) {
        const kr_node *child = map->child[k];
        char inner[KR_TEXT_MAX];
        snprintf(inner, sizeof inner, "%s.%s", path, map->key[k]->text);
        KR_TRY(resolve_paths(file, inner, child, err));
        if (strcmp(map->key[k]->text, "file") == 0) {
            KR_TRY(kr_spec_resolve(file, inner, child, err));
        }
    }
    return KR_OK;
}

/* A run is stopped, and its state saved, between draws: they must not last for ever. */
static int check_draw(const kr_spec *spec, kr_error *err)
{
    const kr_sampler_config *config = &spec->config;
    double sweeps = 0.0, updates;
    for (int32_t u = 0; u < config->n_updates; u++) {
        sweeps += (double)config->update[u].sweeps;
    }
    updates = sweeps * (double)config->every * spec->lattice->n_sites *
              (config->is_annealing ? config->n_points : 1.0);
    return updates <= DRAW_MOST
               ? KR_OK
               : kr_runfile_fail(spec->file,
                                 kr_node_get(kr_node_get(spec->file->root, "phases"), "every"),
                                 err, KR_ERANGE,
                                 "phases: every = %lld with %.3g sweeps of %d sites in a step "
                                 "are %.3g updates of sites from draw to draw, want at most "
                                 "%.3g: a run stops between draws",
                                 (long long)config->every, sweeps, spec->lattice->n_sites,
                                 updates, DRAW_MOST);
}

static int check_alternating(const kr_spec *spec, kr_error *err)
{
    kr_error why = { 0 };
    int status = kr_alternating_check(&spec->config, &why);
    return status == KR_OK
               ? KR_OK
               : kr_runfile_fail(
                     spec->file,
                     kr_node_get(kr_node_get(spec->file->root, "training"), "while_measuring"),
                     err, status, "training.while_measuring: %s", why.text);
}

static int build(kr_spec *spec, kr_error *err)
{
    kr_top_params t = { 0 }; /* some members no row of the tables fills */
    kr_runfile *file = spec->file;
    KR_TRY(kr_spec_flat_defaults(file, err));
    KR_TRY(kr_spec_annealing_defaults(file, err));
    kr_critical_params unused; /* its mistakes are mistakes of a run too */
    KR_TRY(kr_spec_parse_critical(file, &unused, err));
    KR_TRY(kr_spec_parse_stop(spec, err));
    KR_TRY(kr_spec_training_defaults(spec, err));
    KR_TRY(kr_spec_fill_defaults(file, "", file->root, kr_spec_fields(), err));
    static const char *const with_paths[] = { "model", "lattice", "start" };
    for (int k = 0; k < 3; k++) {
        const kr_node *map = kr_node_get(file->root, with_paths[k]);
        KR_TRY(map ? resolve_paths(file, with_paths[k], map, err) : KR_OK);
    }
    KR_TRY(parse_system(spec, err));
    KR_TRY(kr_spec_parse_path(spec, err));
    kr_node *beta = kr_node_get(file->root, "beta");
    for (int32_t k = 0; k < file->root->n; k++) { /* any scalar will do for the other keys */
        if (file->root->child[k] == beta && beta->kind != KR_NODE_SCALAR) {
            kr_node **values;
            int32_t n;
            KR_TRY(kr_node_scan(file, beta, "beta", &values, &n, err));
            file->root->child[k] = values[0];
            int status = kr_spec_parse_top(file, &t, err);
            file->root->child[k] = beta;
            KR_TRY(status);
            beta = NULL;
        }
    }
    if (beta) {
        KR_TRY(kr_spec_parse_top(file, &t, err));
    }
    spec->config.n_chains = t.chains;
    spec->config.seed = (uint64_t)t.seed;
    spec->config.thermalize = t.phases.thermalize;
    spec->config.adapt = t.phases.adapt;
    spec->config.measure = t.phases.measure;
    spec->config.every = t.phases.every;
    spec->config.training = t.training.params;
    spec->output = t.output;
    KR_TRY(kr_spec_parse_start(spec, t.start, err));
    KR_TRY(kr_spec_parse_phases(spec, t.training.phases, err));
    KR_TRY(kr_spec_parse_flat(spec, err));
    KR_TRY(kr_spec_parse_densities(spec, err));
    KR_TRY(kr_spec_finish_training(spec, err));
    KR_TRY(kr_spec_parse_updates(spec, err));
    KR_TRY(kr_spec_parse_observables(spec, err));
    KR_TRY(kr_spec_parse_histograms(spec, err));
    KR_TRY(kr_spec_parse_tempering(spec, err));
    spec->config.update = spec->update;
    spec->config.density = spec->density;
    spec->config.observable = spec->observable;
    spec->config.n_threads = 1;
    KR_TRY(kr_spec_parse_annealing(spec, err));
    KR_TRY(check_draw(spec, err));
    KR_TRY(check_alternating(spec, err));
    return check_whole(spec, err);
}

static kr_spec *alloc(kr_runfile *file, bool is_saved, kr_error *err)
{
    kr_spec *spec = kr_alloc(1, sizeof *spec, err);
    if (!spec) {
        kr_runfile_free(file);
        return NULL;
    }
    spec->file = file;
    spec->is_saved = is_saved;
    if (build(spec, err) != KR_OK) {
        kr_spec_free(spec);
        return NULL;
    }
    return spec;
}

kr_spec *kr_spec_alloc(kr_runfile *file, kr_error *err)
{
    return alloc(file, false, err);
}

kr_spec *kr_spec_alloc_saved(kr_runfile *file, kr_error *err)
{
    return alloc(file, true, err);
}

kr_sampler *kr_spec_sampler(const kr_spec *spec, const kr_sampler_config *config, kr_error *err)
{
    kr_error why = { 0 };
    kr_sampler *sampler = kr_sampler_alloc(config, &why);
    if (sampler) {
        return sampler;
    }
    const char *colon = strstr(why.text, ": ");
    const kr_node *node =
        colon ? kr_node_find(spec->file->root, why.text, (size_t)(colon - why.text)) : NULL;
    if (node) {
        kr_runfile_fail(spec->file, kr_node_blamed(node, colon + 2), err, why.status, "%s",
                        colon + 2); /* "engine bits: ..." */
    } else {
        kr_fail(err, why.status, "%s", why.text);
    }
    return NULL;
}

void kr_spec_free(kr_spec *spec)
{
    if (!spec) {
        return;
    }
    for (int32_t p = 0; p < spec->config.n_points; p++) {
        if (spec->terms) {
            kr_terms_free(spec->terms[p]);
        }
        if (spec->model_params) {
            kr_free(spec->model_params[p]);
        }
    }
    for (int32_t k = 0; k < KR_UPDATES_MAX; k++) {
        kr_free((void *)(uintptr_t)spec->update[k].params);
    }
    kr_spec_clear_densities(spec);
    for (int32_t k = 0; k < KR_OBSERVABLES_MAX; k++) {
        kr_free((void *)(uintptr_t)spec->observable[k].params);
    }
    kr_spec_clear_slopes(spec);
    for (int32_t a = 0; a < KR_AXES_MAX; a++) {
        kr_free(spec->axis[a].value);
    }
    kr_path_free(spec->path);
    kr_free_field_free(spec->free_field);
    kr_terms_free(spec->end);
    kr_free(spec->start_states);
    kr_free(spec->terms);
    kr_free(spec->model_params);
    kr_free(spec->target);
    kr_lattice_free(spec->lattice);
    kr_free(spec->lattice_params);
    kr_free(spec->betas);
    kr_text_clear(&spec->warnings);
    kr_runfile_free(spec->file);
    kr_free(spec);
}

int kr_spec_write(const kr_spec *spec, kr_text *text, kr_error *err)
{
    return kr_node_write(spec->file->root, 0, text, err);
}

uint64_t kr_spec_digest(const kr_spec *spec)
{
    uint64_t digest = 0;
    for (int32_t p = 0; p < spec->config.n_points; p++) {
        const kr_terms *t = spec->target[p].terms;
        digest = kr_state_hash(t->term_site,
                               (size_t)t->term_begin[t->n_terms] * sizeof(int32_t), digest);
        digest = kr_state_hash(t->coupling, (size_t)t->n_terms * sizeof(double), digest);
        if (t->action && t->action->quartic) {
            const kr_quartic *a = t->action->quartic;
            const size_t n = (size_t)a->n_sites, n_ends = (size_t)a->neighbor_begin[n];
            digest = kr_state_hash(a->square, n * sizeof(double), digest);
            digest = kr_state_hash(a->linear, n * sizeof(double), digest);
            digest = kr_state_hash(a->neighbor, n_ends * sizeof(int32_t), digest);
            digest = kr_state_hash(a->coupling, n_ends * sizeof(double), digest);
            digest = kr_state_hash(&a->quartic, sizeof(double), digest);
        }
        digest =
            kr_state_hash(t->local, (size_t)t->n_sites * (size_t)t->q * sizeof(double), digest);
    }
    return digest;
}
