/* SPDX-License-Identifier: GPL-3.0-or-later
 * run/spec_flat.c - the section `multicanonical` of a run file. */
#include "base/field.h"
#include "base/memory.h"
#include "model/flat.h"
#include "run/spec_private.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#define ADAPT_DEFAULT "1000000" /* steps of learning at most; the stop rule ends it earlier */

const kr_field kr_spec_flat_fields[] = {
    { "from", KR_TYPE_REAL, offsetof(kr_flat_params, from), "auto", 0, 0, .unit = "J per site",
      .doc =
          "lower end of the energies that are visited evenly; below it the weights are those "
          "of the temperature at this end; auto: a lower bound of all energies" },
    { "to", KR_TYPE_REAL, offsetof(kr_flat_params, to), "auto", 0, 0, .unit = "J per site",
      .doc = "upper end; auto: the mean energy at beta = 0, so that log Z is absolute" },
    { "width", KR_TYPE_REAL, offsetof(kr_flat_params, width), "0", 0, 1e300, .unit = "J",
      .doc = "width of an energy bin of the whole system; 0: a bin per energy level, or a bin "
             "per site where the model has no levels" },
    { "flatness", KR_TYPE_REAL, offsetof(kr_flat_params, flatness), "0.5", 0, 0.95, .unit = "1",
      .doc = "learning ends when the least visited energy of a slice has this share of the "
             "mean visits" },
    { "round_trips", KR_TYPE_INT, offsetof(kr_flat_params, round_trips), "16", 0, 1e9,
      .unit = "1",
      .doc = "and all chains together made so many round trips between the ends in it" },
    KR_FIELD_END,
};

int kr_spec_flat_defaults(kr_runfile *file, kr_error *err)
{
    const kr_node *phases = kr_node_get(file->root, "phases");
    const kr_node *map = kr_node_get(file->root, "multicanonical");
    if (!map || kr_node_is_null(map) ||
        (phases && (phases->kind != KR_NODE_MAP || kr_node_get(phases, "adapt")))) {
        return KR_OK;
    }
    return kr_runfile_set(file, "phases.adapt=" ADAPT_DEFAULT, err);
}

/* A missing key or `auto` gets the number it stands for. */
static int fill_end(kr_runfile *file, const kr_node *map, const char *key, double value,
                    kr_error *err)
{
    const kr_node *node = kr_node_get(map, key);
    char number[KR_NUMBER_MAX], assignment[KR_NUMBER_MAX + 64];
    if (node && !(node->kind == KR_NODE_SCALAR && strcmp(node->text, "auto") == 0)) {
        return KR_OK;
    }
    snprintf(assignment, sizeof assignment, "multicanonical.%s=%s", key,
             kr_number_format(value, number));
    return kr_runfile_set(file, assignment, err);
}

static int parse_betas(kr_spec *spec, const kr_node *map, kr_error *err)
{
    kr_node *node = kr_node_get(map, "betas"), **value;
    if (!node) {
        return KR_OK;
    }
    KR_TRY(kr_node_scan(spec->file, node, "betas", &value, &spec->n_betas, err));
    spec->betas = kr_alloc((size_t)spec->n_betas, sizeof(double), err);
    if (!spec->betas) {
        return KR_ENOMEM;
    }
    for (int32_t k = 0; k < spec->n_betas; k++) {
        KR_TRY(kr_node_real(spec->file, value[k], "betas", &spec->betas[k], err));
        if (!(spec->betas[k] >= 0.0)) {
            return kr_runfile_fail(spec->file, value[k], err, KR_ERANGE,
                                   "betas: %s, want at least 0", value[k]->text);
        }
    }
    return KR_OK;
}

/* place: the end that the run file gives, if any */
static int check_range(const kr_spec *spec, const kr_node *map, const kr_node *place,
                       kr_error *err)
{
    const kr_flat_params *params = &spec->config.flat;
    const kr_terms *terms = spec->target[0].terms;
    if (!(params->from < params->to)) {
        return kr_runfile_fail(spec->file, place, err, KR_ERANGE,
                               "multicanonical: energies from %g to %g J per site, want from "
                               "below to",
                               params->from, params->to);
    }
    kr_flat_span span;
    kr_flat_measure(terms, &span);
    if (params->to * terms->n_sites < span.lowest ||
        params->from * terms->n_sites > span.highest) {
        return kr_runfile_fail(spec->file, place, err, KR_ERANGE,
                               "multicanonical: energies from %g to %g J per site, want some "
                               "of %g..%g, where all states are",
                               params->from, params->to, span.lowest / terms->n_sites,
                               span.highest / terms->n_sites);
    }
    kr_flat_weights flat;
    kr_error why = { 0 };
    int status = kr_flat_init(&flat, terms, params->from * terms->n_sites,
                              params->to * terms->n_sites, params->width, 0.0, &why);
    kr_flat_clear(&flat);
    return status == KR_OK
               ? KR_OK
               : kr_runfile_fail(spec->file, map, err, status, "multicanonical: %s", why.text);
}

int kr_spec_parse_flat(kr_spec *spec, kr_error *err)
{
    kr_runfile *file = spec->file;
    kr_node *map = kr_node_get(file->root, "multicanonical");
    if (!map || kr_node_is_null(map)) {
        return KR_OK;
    }
    if (map->kind != KR_NODE_MAP) {
        return kr_runfile_fail(file, map, err, KR_EPARSE,
                               "multicanonical: want a map, {} for the defaults");
    }
    if (spec->config.n_points > 1) {
        return kr_runfile_fail(
            file, map, err, KR_EUNSUP,
            "multicanonical: %d points, want one beta and one model; further "
            "temperatures go to multicanonical.betas",
            spec->config.n_points);
    }
    if (kr_node_get(file->root, "densities")) {
        return kr_runfile_fail(file, kr_node_get(file->root, "densities"), err, KR_EUNSUP,
                               "densities are trained for exp(-beta H), want none beside "
                               "multicanonical");
    }
    kr_flat_span span;
    const kr_terms *terms = spec->target[0].terms;
    if (terms->action) {
        return kr_runfile_fail(file, map, err, KR_EUNSUP,
                               "multicanonical: the variables of %s are real, want a model of "
                               "discrete states; tempering takes both",
                               spec->model->name);
    }
    kr_flat_measure(terms, &span);
    if (!(span.lowest < span.mean)) { /* a lower bound that is the mean: all are equal */
        return kr_runfile_fail(file, map, err, KR_EUNSUP,
                               "multicanonical: all states of %s have the same energy, %g J "
                               "per site, want a model with several (a coupling or a field "
                               "that is not 0)",
                               spec->model->name, span.mean / terms->n_sites);
    }
    const kr_node *place = kr_node_get(map, "to");
    place = place ? place : kr_node_get(map, "from");
    place = place ? place : map;
    KR_TRY(fill_end(file, map, "from", span.lowest / terms->n_sites, err));
    KR_TRY(fill_end(file, map, "to", span.mean / terms->n_sites, err));
    KR_TRY(kr_spec_fill_defaults(file, "multicanonical", map, kr_spec_flat_fields, err));
    KR_TRY(kr_field_parse(file, map, "multicanonical", kr_spec_flat_fields, "betas",
                          &spec->config.flat, err));
    spec->config.flat.is_on = true;
    KR_TRY(parse_betas(spec, map, err));
    kr_flat_params *flat = &spec->config.flat;
    flat->beta_least = flat->beta_most = spec->target[0].beta;
    for (int32_t k = 0; k < spec->n_betas; k++) {
        flat->beta_least = fmin(flat->beta_least, spec->betas[k]);
        flat->beta_most = fmax(flat->beta_most, spec->betas[k]);
    }
    return check_range(spec, map, place, err);
}
