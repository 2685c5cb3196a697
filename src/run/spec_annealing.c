/* SPDX-License-Identifier: GPL-3.0-or-later
 * run/spec_annealing.c - the section `population_annealing` of a run file. */
#include "base/field.h"
#include "run/spec_private.h"

#include <string.h>

static const char key[] = "population_annealing";

/* The section, or NULL when it is off. */
static const kr_node *section_of(const kr_runfile *file)
{
    const kr_node *section = kr_node_get(file->root, key);
    return section && !kr_node_is_null(section) ? section : NULL;
}

int kr_spec_annealing_defaults(kr_runfile *file, kr_error *err)
{
    if (!section_of(file)) {
        return KR_OK;
    }
    if (!kr_node_get(file->root, "observables")) {
        KR_TRY(kr_runfile_set(file, "observables=[energy, magnetization]", err));
    }
    const kr_node *phases = kr_node_get(file->root, "phases");
    if (phases && (phases->kind != KR_NODE_MAP || kr_node_get(phases, "thermalize"))) {
        return KR_OK;
    }
    return kr_runfile_set(file, "phases.thermalize=0", err);
}

int kr_spec_parse_annealing(kr_spec *spec, kr_error *err)
{
    static const kr_field no_fields[] = { KR_FIELD_END };
    const kr_node *section = section_of(spec->file);
    kr_error why = { 0 };
    char unused;
    if (!section) {
        return KR_OK;
    }
    if (section->kind != KR_NODE_MAP) {
        return kr_runfile_fail(spec->file, section, err, KR_EPARSE, "%s is %s, want {}", key,
                               kr_node_describe(section));
    }
    KR_TRY(kr_field_parse(spec->file, section, key, no_fields, NULL, &unused, err));
    spec->config.is_annealing = true;
    int status = kr_annealing_check(&spec->config, &why);
    if (status != KR_OK) {
        return kr_runfile_fail(spec->file, section, err, status, "%s: %s", key, why.text);
    }
    double lowest = spec->target[0].beta;
    for (int32_t p = 1; p < spec->config.n_points; p++) {
        lowest = spec->target[p].beta < lowest ? spec->target[p].beta : lowest;
    }
    if (!(lowest > 0.0) || spec->path) {
        return KR_OK;
    }
    return kr_text_add(
        &spec->warnings, err,
        "population_annealing: the lowest beta is %g; from %s on runs begin with "
        "exact samples and log Z is absolute\n",
        lowest, spec->target[0].terms->action ? "a free field (key path)" : "0");
}
