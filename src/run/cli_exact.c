/* SPDX-License-Identifier: GPL-3.0-or-later
 * run/cli_exact.c - exact values of one point, as lines or as an object. */
#include "run/cli.h"

#include <math.h>
#include <string.h>

/* Multiplications for a column of an observable, per site. */
#define WORK_PER_SITE (10.0 * KR_ENUMERATE_STATES_MAX)

static int add_value(kr_text *text, const char *name, double value, bool is_json, kr_error *err)
{
    if (is_json) {
        return isfinite(value) ? kr_text_add(text, err, ", \"%s\": %.17g", name, value)
                               : kr_text_add(text, err, ", \"%s\": null", name);
    }
    return isfinite(value) ? kr_text_add(text, err, "%-28s %.15g\n", name, value) : KR_OK;
}

/* A column whose mean the observable knows, and the log odds made of it. */
static int add_column(kr_text *text, const kr_observable_plug *plug, const void *self,
                      const kr_target *target, int32_t k, bool is_json, kr_error *err)
{
    int32_t n_columns;
    const char *column = plug->columns(self, &n_columns)[k].name;
    const double mean = plug->exact(self, target, k, WORK_PER_SITE * target->terms->n_sites);
    const kr_derived *d = plug->more_derived ? plug->more_derived(self) : NULL;
    KR_TRY(add_value(text, column, mean, is_json, err));
    for (; d && d->name; d++) {
        if (d->kind == KR_DERIVED_LOG_ODDS && strcmp(d->column, column) == 0) {
            KR_TRY(add_value(text, d->name, log(mean / (1.0 - mean)), is_json, err));
        }
    }
    return KR_OK;
}

/* What the observables of the run file know of their own columns. */
static int add_observables(kr_text *text, const kr_spec *spec, int32_t p, bool is_json,
                           kr_error *err)
{
    const kr_target *target = &spec->target[p];
    for (int32_t o = 0; o < spec->config.n_observables; o++) {
        const kr_observable_plug *plug = spec->observable[o].plug;
        const void *params = spec->observable[o].params;
        kr_error why = { 0 };
        if (!plug->exact) {
            continue;
        }
        if (plug->supports && !plug->supports(target, params, &why)) {
            return kr_fail(err, why.status, "%s", why.text);
        }
        void *self = plug->alloc(target, params, 1, err);
        int32_t n_columns = 0;
        int status = self ? KR_OK : KR_ENOMEM;
        if (self) {
            plug->columns(self, &n_columns);
        }
        for (int32_t k = 0; k < n_columns && status == KR_OK; k++) {
            status = add_column(text, plug, self, target, k, is_json, err);
        }
        plug->free(self);
        KR_TRY(status);
    }
    return KR_OK;
}

int kr_cli_write_exact(const kr_spec *spec, int32_t p, const kr_exact *e, bool is_json,
                       kr_text *text, kr_error *err)
{
    static const char *const name[] = { "log_z",
                                        "energy_per_site",
                                        "specific_heat",
                                        "magnetization_per_site",
                                        "abs_magnetization_per_site",
                                        "magnetization_squared",
                                        "magnetization_fourth",
                                        "susceptibility",
                                        "binder",
                                        "phi_squared",
                                        "phi_fourth",
                                        "neighbor_product" };
    const double value[] = { e->log_z,
                             e->energy_per_site,
                             e->specific_heat,
                             e->magnetization,
                             e->abs_magnetization,
                             e->magnetization_squared,
                             e->magnetization_fourth,
                             e->susceptibility,
                             e->binder,
                             e->phi_squared,
                             e->phi_fourth,
                             e->neighbor_product };
    const double beta = spec->target[p].beta;
    KR_TRY(is_json ? kr_text_add(text, err, "%s  {\"method\": \"%s\", \"beta\": %.17g",
                                 p ? ",\n" : "", e->method, beta)
                   : kr_text_add(text, err, "%s%-28s %s\n%-28s %.17g\n", p ? "\n" : "",
                                 "method", e->method, "beta", beta));
    for (int32_t a = 0; a < spec->n_axes; a++) {
        const kr_axis *axis = &spec->axis[a];
        if (strcmp(axis->path, "beta") != 0) {
            KR_TRY(is_json
                       ? kr_text_add(text, err, ", \"%s\": %.17g", axis->path, axis->value[p])
                       : kr_text_add(text, err, "%-28s %.17g\n", axis->path, axis->value[p]));
        }
    }
    for (size_t k = 0; k < sizeof name / sizeof *name; k++) {
        KR_TRY(add_value(text, name[k], value[k], is_json, err));
    }
    KR_TRY(add_observables(text, spec, p, is_json, err));
    return is_json ? kr_text_add(text, err, "}") : KR_OK;
}
