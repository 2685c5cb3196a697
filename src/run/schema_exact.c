/* SPDX-License-Identifier: GPL-3.0-or-later
 * run/schema_exact.c - exact values of the points, stored beside the estimates. */
#include "base/memory.h"
#include "model/exact.h"
#include "run/schema.h"

#include <math.h>

/* Row or whole states times sites times points, done before a run unasked: under 3 seconds. The
 * rest is for kramers exact. */
#define WORK_AT_START   268435456.0
#define STATES_AT_START 1048576.0

static const struct {
    const char *name;
    size_t offset;
} member[] = {
    { "exact_log_z", offsetof(kr_exact, log_z) },
    { "exact_energy_per_site", offsetof(kr_exact, energy_per_site) },
    { "exact_specific_heat", offsetof(kr_exact, specific_heat) },
    { "exact_magnetization_per_site", offsetof(kr_exact, magnetization) },
    { "exact_abs_magnetization_per_site", offsetof(kr_exact, abs_magnetization) },
    { "exact_magnetization_squared", offsetof(kr_exact, magnetization_squared) },
    { "exact_susceptibility", offsetof(kr_exact, susceptibility) },
    { "exact_binder", offsetof(kr_exact, binder) },
    { "exact_phi_squared", offsetof(kr_exact, phi_squared) },
    { "exact_phi_fourth", offsetof(kr_exact, phi_fourth) },
    { "exact_neighbor_product", offsetof(kr_exact, neighbor_product) },
};
enum { N = sizeof member / sizeof *member };

/* beta <phi dS/dphi> is one whatever the action, where phi is not an angle. */
static int add_schwinger_dyson(kr_schema *s, double *value, kr_error *err)
{
    const kr_action *action = s->spec->target[0].terms->action;
    if (!action || action->is_angle) {
        return KR_OK;
    }
    for (int32_t p = 0; p < s->spec->config.n_points; p++) {
        value[p] = 1.0;
    }
    return kr_schema_constant(s, "exact_schwinger_dyson", "", "exact value", value, NULL, err);
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
        bool is_any = false;
        for (size_t p = 0; p < n_points; p++) {
            is_any = is_any || isfinite(value[k * n_points + p]);
        }
        if (is_any) {
            status = kr_schema_constant(s, member[k].name, "", "exact value",
                                        value + k * n_points, NULL, err);
        }
    }
    status = status == KR_OK ? add_schwinger_dyson(s, value, err) : status;
    kr_free(value);
    return status;
}
