/* SPDX-License-Identifier: GPL-3.0-or-later
 * run/spec_slope.c - numbers of the model by their paths, and the model at two values of one on
 * either side, for observables of its slope. */
#include "base/memory.h"
#include "model/terms.h"
#include "run/spec_private.h"

#include <math.h>
#include <string.h>

#define STEP 1e-4 /* of the parameter, or of 1 where that is more */

const double *kr_spec_number(const kr_field *fields, const void *params, const char *path)
{
    const size_t n = strcspn(path, ".");
    for (const kr_field *f = fields; f && f->name; f++) {
        const char *slot = (const char *)params + f->offset;
        if (strlen(f->name) != n || strncmp(f->name, path, n) != 0) {
            continue;
        }
        if (path[n] == '.') {
            return f->type == KR_TYPE_MAP ? kr_spec_number(f->sub, slot, path + n + 1) : NULL;
        }
        if (f->type == KR_TYPE_REAL) {
            return (const double *)(const void *)slot;
        }
    }
    return NULL;
}

/* The model of a point with the number at path moved; its own terms where it cannot be. */
static const kr_terms *moved(kr_spec *spec, int32_t p, const char *path, double by,
                             const kr_terms **owned, double *step)
{
    const kr_model_plug *model = spec->model;
    void *params = kr_alloc(1, model->params_size, NULL);
    const kr_terms *terms = NULL;
    if (params) {
        memcpy(params, spec->model_params[p], model->params_size);
        double *number = (double *)(uintptr_t)kr_spec_number(model->fields, params, path);
        *number += by;
        terms = kr_terms_alloc(model, params, spec->lattice, NULL);
        kr_free(params);
    }
    *owned = terms;
    *step += terms ? fabs(by) : 0.0;
    return terms ? terms : spec->target[p].terms;
}

int kr_spec_build_slopes(kr_spec *spec, const kr_node *node, const char *parameter,
                         kr_error *err)
{
    const char *path = strncmp(parameter, "model.", 6) == 0 ? parameter + 6 : parameter;
    if (strcmp(path, "beta") == 0) {
        return kr_runfile_fail(spec->file, node, err, KR_EINVAL,
                               "conjugate: parameter beta, whose conjugate is the energy, want "
                               "observable energy, or a number of the model");
    }
    if (!kr_spec_number(spec->model->fields, spec->model_params[0], path) || spec->path) {
        return kr_runfile_fail(spec->file, node, err, KR_EINVAL,
                               "conjugate: parameter \"%s\" is no real number of model %s%s",
                               path, spec->model->name, spec->path ? " on a path" : "");
    }
    if (strlen(path) >= sizeof spec->slope->parameter) {
        return kr_runfile_fail(spec->file, node, err, KR_EINVAL,
                               "conjugate: the name of the parameter is too long");
    }
    spec->slope = kr_alloc((size_t)spec->config.n_points, sizeof *spec->slope, err);
    spec->slope_terms =
        kr_alloc(2 * (size_t)spec->config.n_points, sizeof *spec->slope_terms, err);
    if (!spec->slope || !spec->slope_terms) {
        return KR_ENOMEM;
    }
    for (int32_t p = 0; p < spec->config.n_points; p++) {
        kr_slope *slope = &spec->slope[p];
        const double at = *kr_spec_number(spec->model->fields, spec->model_params[p], path);
        const double by = STEP * fmax(1.0, fabs(at));
        memcpy(slope->parameter, path, strlen(path) + 1);
        slope->low = moved(spec, p, path, -by, &spec->slope_terms[2 * p], &slope->step);
        slope->high = moved(spec, p, path, by, &spec->slope_terms[2 * p + 1], &slope->step);
        if (slope->step == 0.0) {
            return kr_runfile_fail(spec->file, node, err, KR_EUNSUP,
                                   "conjugate: the model cannot be made with %s = %g or %g",
                                   path, at - by, at + by);
        }
        spec->target[p].slope = slope;
    }
    return KR_OK;
}

void kr_spec_clear_slopes(kr_spec *spec)
{
    for (int32_t k = 0; spec->slope_terms && k < 2 * spec->config.n_points; k++) {
        kr_terms_free((kr_terms *)(uintptr_t)spec->slope_terms[k]);
    }
    kr_free(spec->slope_terms);
    kr_free(spec->slope);
}
