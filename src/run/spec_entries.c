/* SPDX-License-Identifier: GPL-3.0-or-later
 * run/spec_entries.c - the lists of plugs in a run file: updates and observables. */
#include "base/field.h"
#include "base/names.h"
#include "model/fits.h"
#include "run/spec_private.h"
#include "update/proposal.h"

#include <stdio.h>
#include <string.h>

static int unknown_density(const kr_spec *spec, const kr_node *node, const char *update,
                           kr_error *err)
{
    const char *names[KR_DENSITIES_MAX];
    char list[KR_DENSITIES_MAX * (KR_NAME_MAX + 2)];
    const size_t n = (size_t)spec->config.n_densities;
    if (node->kind != KR_NODE_SCALAR) {
        return kr_runfile_fail(spec->file, node, err, KR_EPARSE,
                               "update %s: density is %s, want a name from densities", update,
                               kr_node_describe(node));
    }
    for (size_t d = 0; d < n; d++) {
        names[d] = spec->density[d].name;
    }
    const char *near = kr_field_nearest(node->text, names, n);
    return kr_runfile_fail(
        spec->file, node, err, KR_EPARSE,
        "update %s: density \"%s\" is not among the densities%s%s%s", update, node->text,
        near    ? "; did you mean \""
        : n > 0 ? ", want one of: "
                : ", of which there are none",
        near ? near : kr_names_join(names, n, list, sizeof list), near ? "\"?" : "");
}

static int find_density(kr_spec *spec, const kr_node *item, kr_schedule_entry *entry,
                        kr_error *err)
{
    const kr_node *node = item->kind == KR_NODE_MAP ? kr_node_get(item, "density") : NULL;
    bool needs = entry->plug->flags & KR_UPDATE_NEEDS_DENSITY;
    entry->density = -1;
    if (!node) {
        return needs ? kr_runfile_fail(
                           spec->file, item, err, KR_EPARSE,
                           "update %s: key \"density\" is missing, want a name from densities",
                           entry->plug->name)
                     : KR_OK;
    }
    if (!needs) {
        return kr_runfile_fail(spec->file, node, err, KR_EPARSE, "update %s takes no density",
                               entry->plug->name);
    }
    for (int32_t d = 0; d < spec->config.n_densities; d++) {
        if (node->kind == KR_NODE_SCALAR && strcmp(node->text, spec->density[d].name) == 0) {
            const unsigned takes = entry->plug->flags & KR_UPDATE_BLOCKS;
            kr_error why = { 0 };
            entry->density = d;
            return kr_proposer_check_block(entry->plug->name, takes, spec->density[d].plug,
                                           &why) == KR_OK
                       ? KR_OK
                       : kr_runfile_fail(spec->file, node, err, why.status, "%s", why.text);
        }
    }
    return unknown_density(spec, node, entry->plug->name, err);
}

/* Schedule names are the update's, numbered from the second of a kind on. */
static void name_entry(kr_spec *spec, kr_schedule_entry *entry)
{
    int n = 1;
    for (int32_t u = 0; u < spec->config.n_updates; u++) {
        n += spec->update[u].plug == entry->plug;
    }
    snprintf(entry->name, sizeof entry->name, n > 1 ? "%s_%d" : "%s", entry->plug->name, n);
}

int kr_spec_parse_updates(kr_spec *spec, kr_error *err)
{
    kr_runfile *file = spec->file;
    kr_node *list;
    if (!kr_node_get(file->root, "updates")) {
        KR_TRY(kr_runfile_set(file,
                              spec->config.flat.is_on ? "updates=[{name: multicanonical}]"
                                                      : "updates=[{name: heat_bath}]",
                              err));
    }
    KR_TRY(kr_spec_section(file, "updates", KR_NODE_LIST, &list, err));
    if (list->n < 1 || list->n > KR_UPDATES_MAX) {
        return kr_runfile_fail(file, list, err, KR_ERANGE, "updates: %d entries, want 1..%d",
                               list->n, KR_UPDATES_MAX);
    }
    for (int32_t k = 0; k < list->n; k++) {
        kr_schedule_entry *entry = &spec->update[k];
        kr_node *item = list->child[k];
        const void *plug;
        void *params;
        char path[64];
        KR_TRY(kr_spec_find_plug(file, item, KR_PLUG_UPDATE, &plug, err));
        entry->plug = plug;
        snprintf(path, sizeof path, "updates.%d", k);
        if (item->kind == KR_NODE_MAP) {
            KR_TRY(kr_spec_fill_defaults(file, path, item, entry->plug->fields, err));
            KR_TRY(kr_spec_fill_defaults(file, path, item, kr_spec_entry_fields(), err));
        }
        KR_TRY(kr_spec_parse_params(file, item, "update", entry->plug->name,
                                    entry->plug->fields, entry->plug->params_size,
                                    "name|sweeps|density", &params, err));
        entry->params = params;
        char others[512] = "name|density";
        for (const kr_field *f = entry->plug->fields; f && f->name; f++) {
            snprintf(others + strlen(others), sizeof others - strlen(others), "|%s", f->name);
        }
        KR_TRY(kr_field_parse(file, item->kind == KR_NODE_MAP ? item : NULL, "update",
                              kr_spec_entry_fields(), others, &entry->sweeps, err));
        KR_TRY(find_density(spec, item, entry, err));
        name_entry(spec, entry);
        spec->config.n_updates++;
        kr_error why = { 0 };
        if (kr_flat_check_update(&spec->config, entry->plug, &why) != KR_OK) {
            return kr_runfile_fail(file, item, err, KR_EUNSUP, "%s", why.text);
        }
        for (int32_t p = 0; p < spec->config.n_points; p++) {
            if (!kr_update_fits(entry->plug, &spec->target[p], params, &why)) {
                return kr_runfile_fail(file, item, err, KR_EUNSUP, "%s", why.text);
            }
        }
    }
    return KR_OK;
}

/* Entry k against those before it. */
static int check_once(const kr_spec *spec, const kr_node *node, int32_t k, kr_error *err)
{
    const kr_observable_entry *entry = &spec->observable[k];
    const bool has_label = entry->plug->flags & KR_OBSERVABLE_LABELED;
    for (int32_t o = 0; o < k; o++) {
        if (spec->observable[o].plug == entry->plug &&
            !(has_label && strcmp(spec->observable[o].params, entry->params) != 0)) {
            return kr_runfile_fail(spec->file, node, err, KR_EPARSE,
                                   "observable %s is listed twice%s", entry->plug->name,
                                   has_label ? " under the same label" : "");
        }
    }
    return KR_OK;
}

int kr_spec_parse_observables(kr_spec *spec, kr_error *err)
{
    kr_runfile *file = spec->file;
    kr_node *list;
    if (!kr_node_get(file->root, "observables")) {
        KR_TRY(kr_runfile_set(file,
                              spec->target[0].terms->n_phases >= 2
                                  ? "observables=[energy, magnetization, residence]"
                                  : "observables=[energy, magnetization]",
                              err));
    }
    KR_TRY(kr_spec_section(file, "observables", KR_NODE_LIST, &list, err));
    if (list->n < 1 || list->n > KR_OBSERVABLES_MAX) {
        return kr_runfile_fail(file, list, err, KR_ERANGE,
                               "observables: %d entries, want 1..%d", list->n,
                               KR_OBSERVABLES_MAX);
    }
    for (int32_t k = 0; k < list->n; k++) {
        const void *plug;
        void *params;
        KR_TRY(kr_spec_find_plug(file, list->child[k], KR_PLUG_OBSERVABLE, &plug, err));
        kr_observable_entry *entry = &spec->observable[k];
        entry->plug = plug;
        KR_TRY(kr_spec_parse_params(file, list->child[k], "observable", entry->plug->name,
                                    entry->plug->fields, entry->plug->params_size, "name",
                                    &params, err));
        entry->params = params;
        KR_TRY(check_once(spec, list->child[k], k, err));
        spec->config.n_observables++;
        if (entry->plug->flags & KR_OBSERVABLE_SLOPE) {
            KR_TRY(kr_spec_build_slopes(spec, list->child[k],
                                        ((const kr_slope_params *)params)->parameter, err));
        }
        kr_error why = { 0 };
        if (!kr_observable_fits(entry->plug, &spec->target[0], params, &why)) {
            return kr_runfile_fail(file, list->child[k], err, KR_EUNSUP, "%s", why.text);
        }
        if (entry->plug->flags & KR_OBSERVABLE_PAIRS && spec->config.n_chains % 2) {
            return kr_runfile_fail(
                file, list->child[k], err, KR_EINVAL,
                "observable %s compares chains 0 with 1, 2 with 3, and so on; chains = %lld, "
                "want an even number",
                entry->plug->name, (long long)spec->config.n_chains);
        }
    }
    return KR_OK;
}
