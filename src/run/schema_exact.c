/* SPDX-License-Identifier: GPL-3.0-or-later
 * run/schema_exact.c - exact values of the points, stored beside the estimates. */
#include "base/memory.h"
#include "model/exact.h"
#include "run/schema.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

/* Row or whole states times sites times points, done before a run unasked: under 3 seconds. The
 * rest is for kramers exact. */
#define WORK_AT_START   268435456.0
#define STATES_AT_START 1048576.0

static const struct {
    const char *name;
    size_t offset;
} member[] = {
    { "log_z", offsetof(kr_exact, log_z) },
    { "energy_per_site", offsetof(kr_exact, energy_per_site) },
    { "specific_heat", offsetof(kr_exact, specific_heat) },
    { "magnetization_per_site", offsetof(kr_exact, magnetization) },
    { "abs_magnetization_per_site", offsetof(kr_exact, abs_magnetization) },
    { "magnetization_squared", offsetof(kr_exact, magnetization_squared) },
    { "susceptibility", offsetof(kr_exact, susceptibility) },
    { "binder", offsetof(kr_exact, binder) },
    { "phi_squared", offsetof(kr_exact, phi_squared) },
    { "phi_fourth", offsetof(kr_exact, phi_fourth) },
    { "neighbor_product", offsetof(kr_exact, neighbor_product) },
};
enum { N = sizeof member / sizeof *member };

/* beta <phi dS/dphi> is one whatever the action, where phi is not an angle and meets no wall.
 */
static int add_schwinger_dyson(kr_schema *s, double *value, kr_error *err)
{
    const kr_action *action = s->spec->target[0].terms->action;
    if (!action || action->is_angle || action->has_walls) {
        return KR_OK;
    }
    for (int32_t p = 0; p < s->spec->config.n_points; p++) {
        value[p] = 1.0;
    }
    return kr_schema_constant(s, "exact_schwinger_dyson", "", "exact value", value, NULL, err);
}

/* Puts the values (n_points) of a column or derived quantity, unless none is known. */
static int add_known(kr_schema *s, const char *quantity, const double *value, kr_error *err)
{
    char name[2 * KR_NAME_MAX];
    bool is_any = false;
    snprintf(name, sizeof name, "exact_%s", quantity);
    for (int32_t p = 0; p < s->spec->config.n_points; p++) {
        is_any = is_any || isfinite(value[p]);
    }
    return is_any ? kr_schema_constant(s, name, "", "exact value", value, NULL, err) : KR_OK;
}

/* Log odds of a column whose means (n_points) are known; value is overwritten. */
static int add_log_odds(kr_schema *s, const char *column, double *value, kr_error *err)
{
    for (int32_t p = 0; p < s->spec->config.n_points; p++) {
        value[p] = log(value[p] / (1.0 - value[p]));
    }
    for (int32_t o = 0; o < s->spec->config.n_observables; o++) {
        const kr_derived *d = kr_sampler_more_derived(s->sampler, o);
        for (; d && d->name; d++) {
            if (d->kind == KR_DERIVED_LOG_ODDS && strcmp(d->column, column) == 0) {
                KR_TRY(add_known(s, d->name, value, err));
            }
        }
    }
    return KR_OK;
}

/* What observables know of their own columns. */
static int add_columns(kr_schema *s, double *value, kr_error *err)
{
    const int32_t n_points = s->spec->config.n_points;
    const kr_column *column;
    for (int32_t k = 0; (column = kr_sampler_observable_column(s->sampler, k)) != NULL; k++) {
        for (int32_t p = 0; p < n_points; p++) {
            value[p] = kr_sampler_exact(s->sampler, k, p, WORK_AT_START / n_points);
        }
        KR_TRY(add_known(s, column->name, value, err));
        KR_TRY(add_log_odds(s, column->name, value, err));
    }
    return KR_OK;
}

/* Exact values where a method of model/exact.h gives them quickly. */
int kr_schema_exact(kr_schema *s, kr_error *err)
{
    const size_t n_points = (size_t)s->spec->config.n_points;
    double *value = kr_alloc(N * n_points, sizeof *value, err);
    if (!value) {
        return KR_ENOMEM;
    }
    for (size_t p = 0; p < n_points; p++) {
        const kr_target *target = &s->spec->target[p];
        const double most =
            fmin(STATES_AT_START, WORK_AT_START / ((double)n_points * target->terms->n_sites));
        kr_exact e;
        const bool is_known = kr_exact_best(target, most, &e, NULL) == KR_OK;
        for (size_t k = 0; k < N; k++) {
            value[k * n_points + p] =
                is_known ? *(const double *)(const void *)((const char *)&e + member[k].offset)
                         : NAN;
        }
    }
    int status = KR_OK;
    for (size_t k = 0; k < N && status == KR_OK; k++) {
        status = add_known(s, member[k].name, value + k * n_points, err);
    }
    status = status == KR_OK ? add_schwinger_dyson(s, value, err) : status;
    status = status == KR_OK ? add_columns(s, value, err) : status;
    kr_free(value);
    return status;
}
