/* SPDX-License-Identifier: GPL-3.0-or-later
 * run/spec_path.c - the section `path` of a run file: points between a free field and the
 * action of the model. */
#include "base/field.h"
#include "base/memory.h"
#include "density/free_field.h"
#include "model/path.h"
#include "model/terms.h"
#include "run/spec_private.h"

#include <stdio.h>
#include <string.h>

static const char key[] = "path";

const kr_field kr_spec_path_fields[] = {
    { "from", KR_TYPE_CHOICE, offsetof(kr_path_params, from), "free", .choices = "free",
      .doc =
          "what the path begins with at t = 0. free: the Gaussian next to the action (a free "
          "field of the best mass, independent normals where the action is not quartic), "
          "whose samples and log Z are exact" },
    { "center", KR_TYPE_CHOICE, offsetof(kr_path_params, center), "auto",
      .choices = "auto|zero|mean",
      .doc = "where that Gaussian sits. zero: at phi = 0; mean: at the mean field; auto: mean, "
             "but "
             "zero where the model knows several phases, of which a mean field picks one" },
    { "points", KR_TYPE_INT, offsetof(kr_path_params, points), "24", 2, KR_POINTS_MAX,
      .unit = "1", .doc = "points from t = 0 to 1, where no `t: [...]` is given" },
    { "pilot", KR_TYPE_INT, offsetof(kr_path_params, pilot), "200", 0, 1e9, .unit = "steps",
      .doc = "length of each iteration of a pilot, the first half discarded, that moves the "
             "points "
             "to equal acceptance of exchanges; 0: evenly spaced" },
    { "iterations", KR_TYPE_INT, offsetof(kr_path_params, iterations), "5", 1, 20, .unit = "1",
      .doc = "iterations of the pilot, before the run and not part of it" },
    { "found", KR_TYPE_TEXT, offsetof(kr_path_params, found), "", 0, 0, .unit = "",
      .doc = "written into the output by a pilot: how t was found" },
    KR_FIELD_END,
};

static int check_goes_with(const kr_spec *spec, const kr_node *section, kr_error *err)
{
    const kr_node *root = spec->file->root, *tempering = kr_node_get(root, "tempering");
    const kr_node *ladder = kr_node_get(tempering, "ladder");
    if (spec->n_axes > 0) {
        return kr_runfile_fail(
            spec->file, kr_node_get(root, spec->axis[0].path), err, KR_EUNSUP,
            "path: %s is a list, but the points are those of t, want one value",
            spec->axis[0].path);
    }
    if (kr_node_get(root, "densities")) {
        return kr_runfile_fail(
            spec->file, kr_node_get(root, "densities"), err, KR_EUNSUP,
            "densities beside a path, want none: they know log Z by themselves");
    }
    if (ladder && ladder->kind == KR_NODE_SCALAR && strcmp(ladder->text, "given") != 0) {
        return kr_runfile_fail(
            spec->file, ladder, err, KR_EUNSUP,
            "tempering.ladder: a path has a pilot of its own, want ladder: given");
    }
    if (!spec->terms[0]->action || spec->terms[0]->action->is_angle) {
        return kr_runfile_fail(spec->file, section, err, KR_EUNSUP,
                               "path: the model has %s, whose law at beta = 0 is known, want "
                               "temperatures, beta from 0 on",
                               spec->terms[0]->action ? "angles" : "states");
    }
    return KR_OK;
}

/* t of the points into the axis, ascending or not, 0 and 1 among them. */
static int read_points(kr_spec *spec, kr_node *list, kr_error *err)
{
    kr_node **value = NULL;
    int32_t n = (int32_t)spec->path_params.points;
    bool has_start = !list, has_end = !list;
    kr_axis *axis = &spec->axis[0];
    KR_TRY(list ? kr_node_scan(spec->file, list, "path.t", &value, &n, err) : KR_OK);
    if (n > KR_POINTS_MAX) {
        return kr_runfile_fail(spec->file, list, err, KR_ERANGE,
                               "path.t: %d points, want at most %d", n, KR_POINTS_MAX);
    }
    snprintf(axis->path, sizeof axis->path, "path.t");
    spec->config.n_points = n;
    spec->n_axes = spec->config.n_axes = 1;
    axis->is_real = true;
    axis->value = kr_alloc((size_t)n, sizeof *axis->value, err);
    if (!axis->value) {
        return KR_ENOMEM;
    }
    for (int32_t k = 0; k < n; k++) {
        double *t = &axis->value[k];
        *t = (double)k / (n - 1);
        KR_TRY(list ? kr_node_real(spec->file, value[k], "path.t", t, err) : KR_OK);
        if (!(*t >= 0.0 && *t <= 1.0)) {
            return kr_runfile_fail(spec->file, value[k], err, KR_ERANGE,
                                   "path.t: %s, want 0 <= t <= 1", value[k]->text);
        }
        for (int32_t m = 0; m < k; m++) {
            if (axis->value[m] == *t) {
                return kr_runfile_fail(spec->file, value[k], err, KR_EINVAL,
                                       "path.t: %s twice, want different values",
                                       value[k]->text);
            }
        }
        has_start = has_start || *t == 0.0;
        has_end = has_end || *t == 1.0;
    }
    return has_start && has_end
               ? KR_OK
               : kr_runfile_fail(
                     spec->file, list, err, KR_EINVAL,
                     "path.t: no %d in it, want 0, where log Z is known, and 1, where "
                     "it is wanted",
                     has_start);
}

static int make_path(kr_spec *spec, kr_error *err)
{
    kr_quartic reference;
    spec->free_field = kr_free_field_alloc(&spec->target[0], spec->path_params.center, err);
    if (!spec->free_field) {
        return err && err->status ? err->status : KR_ENOMEM;
    }
    KR_TRY(kr_free_field_action(spec->free_field, &reference, err));
    spec->path = kr_path_alloc(&spec->target[0], &reference, spec->free_field->log_z,
                               spec->free_field, err);
    return spec->path ? KR_OK : err && err->status ? err->status : KR_ENOMEM;
}

/* The point of the model becomes those of the path. */
static int make_points(kr_spec *spec, kr_error *err)
{
    const size_t n = (size_t)spec->config.n_points;
    const kr_target model = spec->target[0];
    kr_terms **terms = kr_alloc(n, sizeof(kr_terms *), err);
    void **params = kr_grow(spec->model_params, 1, n, sizeof(void *), err);
    spec->model_params = params ? params : spec->model_params;
    kr_target *target = kr_grow(spec->target, 1, n, sizeof *target, err);
    spec->target = target ? target : spec->target;
    spec->config.target = spec->target;
    spec->end = spec->terms[0];
    if (!terms || !params || !target) {
        kr_free(terms);
        spec->terms[0] = NULL;
        spec->config.n_points = 1;
        return KR_ENOMEM;
    }
    kr_free(spec->terms);
    spec->terms = terms;
    for (size_t p = 0; p < n; p++) {
        const double t = spec->axis[0].value[p];
        spec->target[p] = model;
        spec->target[p].terms = spec->terms[p] = kr_path_terms(spec->path, t, err);
        spec->target[p].path = spec->path;
        spec->target[p].t = t;
        if (!spec->terms[p]) {
            return err && err->status ? err->status : KR_ENOMEM;
        }
    }
    return KR_OK;
}

int kr_spec_parse_path(kr_spec *spec, kr_error *err)
{
    kr_runfile *file = spec->file;
    const kr_node *section = kr_node_get(file->root, key);
    if (!section || kr_node_is_null(section)) {
        return KR_OK;
    }
    if (section->kind != KR_NODE_MAP) {
        return kr_runfile_fail(file, section, err, KR_EPARSE,
                               "path is %s, want a map, e.g. {points: 24}",
                               kr_node_describe(section));
    }
    KR_TRY(
        kr_field_parse(file, section, key, kr_spec_path_fields, "t", &spec->path_params, err));
    KR_TRY(kr_spec_fill_defaults(file, key, section, kr_spec_path_fields, err));
    KR_TRY(check_goes_with(spec, section, err));
    kr_error why = { 0 };
    int status = make_path(spec, &why);
    if (status != KR_OK) {
        return kr_runfile_fail(file, section, err, status, "path: %s", why.text);
    }
    const int32_t one = spec->config.n_points;
    kr_node *list = kr_node_get(section, "t");
    status = read_points(spec, list, err);
    if (status != KR_OK) {
        spec->config.n_points = one;
        return status;
    }
    spec->has_pilot = !list && spec->path_params.pilot > 0;
    return make_points(spec, err);
}
