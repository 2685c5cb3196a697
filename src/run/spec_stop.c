/* SPDX-License-Identifier: GPL-3.0-or-later
 * run/spec_stop.c - the section `stop` of a run file: measuring until an error is small enough.
 */
#include "base/field.h"
#include "run/spec_private.h"

#include <stdio.h>
#include <string.h>

typedef struct params {
    char observable[KR_TEXT_MAX];
    double error, relative;
    int64_t max_steps;
} params;

const kr_field kr_spec_stop_fields[] = {
    { "observable", KR_TYPE_TEXT, offsetof(params, observable), NULL, 0, 0, .unit = "",
      .doc = "a column of the observables, e.g. energy_per_site; a quantity derived from one, "
             "e.g. specific_heat, susceptibility, binder; or a mean that an update gives, e.g. "
             "energy_per_site_rb_multi_try" },
    { "error", KR_TYPE_REAL, offsetof(params, error), "0", 0, 1e300, .unit = "",
      .doc = "standard error wanted, in units of the observable; 0: `relative` says it" },
    { "relative", KR_TYPE_REAL, offsetof(params, relative), "0", 0, 1, .unit = "1",
      .doc = "or the error wanted as a share of the mean" },
    { "max_steps", KR_TYPE_INT, offsetof(params, max_steps), "auto", 1, 0x1p53, .unit = "steps",
      .flags = KR_FIELD_MAY_CHANGE,
      .doc = "measuring ends there in any case; another name of phases.measure, of which one "
             "is wanted; auto: phases.measure" },
    KR_FIELD_END,
};

/* The latest end of measuring, which one of two keys gives; the other gets its value. */
static int settle_end(kr_runfile *file, const kr_node *section, kr_error *err)
{
    const kr_node *phases = kr_node_get(file->root, "phases");
    const kr_node *measure =
        phases && phases->kind == KR_NODE_MAP ? kr_node_get(phases, "measure") : NULL;
    const kr_node *most = kr_node_get(section, "max_steps");
    char assignment[2 * KR_TEXT_MAX];
    const bool is_given = most && strcmp(most->text, "auto") != 0;
    if ((phases && phases->kind != KR_NODE_MAP) ||
        (measure && measure->kind != KR_NODE_SCALAR)) {
        return KR_OK; /* refused where they are read */
    }
    if (!is_given && !measure) {
        return kr_runfile_fail(file, section, err, KR_EPARSE,
                               "stop: want max_steps, where measuring ends if the error is not "
                               "reached before");
    }
    if (is_given && measure && strcmp(most->text, measure->text) != 0) {
        return kr_runfile_fail(
            file, most, err, KR_EINVAL,
            "stop.max_steps = %s, but phases.measure = %s; want one of them, "
            "both are the end of measuring",
            most->text, measure->text);
    }
    snprintf(assignment, sizeof assignment, "%s=%s",
             is_given ? "phases.measure" : "stop.max_steps",
             is_given ? most->text : measure->text);
    return kr_runfile_set(file, assignment, err);
}

int kr_spec_parse_stop(kr_spec *spec, kr_error *err)
{
    kr_runfile *file = spec->file;
    const kr_node *section = kr_node_get(file->root, "stop");
    kr_stop_params *stop = &spec->config.stop;
    params p;
    if (!section || kr_node_is_null(section)) {
        return KR_OK;
    }
    if (section->kind != KR_NODE_MAP) {
        return kr_runfile_fail(file, section, err, KR_EPARSE,
                               "stop is %s, want a map, e.g. {observable: energy_per_site, "
                               "error: 1e-4, max_steps: 1000000}",
                               kr_node_describe(section));
    }
    const kr_node *most = kr_node_get(section, "max_steps");
    if (most && most->kind != KR_NODE_SCALAR) {
        return kr_runfile_fail(file, most, err, KR_EPARSE, "max_steps is %s, want an integer",
                               kr_node_describe(most));
    }
    KR_TRY(settle_end(file, section, err));
    KR_TRY(kr_spec_fill_defaults(file, "stop", section, kr_spec_stop_fields, err));
    KR_TRY(kr_field_parse(file, section, "stop", kr_spec_stop_fields, NULL, &p, err));
    if ((p.error > 0.0) == (p.relative > 0.0)) {
        return kr_runfile_fail(file, section, err, KR_EINVAL,
                               "stop: error = %g and relative = %g, want one of them above 0",
                               p.error, p.relative);
    }
    if (strlen(p.observable) >= sizeof stop->observable) {
        return kr_runfile_fail(file, kr_node_get(section, "observable"), err, KR_EINVAL,
                               "stop.observable: a name of %zu letters, want that of a column",
                               strlen(p.observable));
    }
    stop->is_on = true;
    stop->error = p.error;
    stop->relative = p.relative;
    snprintf(stop->observable, sizeof stop->observable, "%s", p.observable);
    return KR_OK;
}
