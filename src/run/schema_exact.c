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

/* Exact values where enumeration, a narrow strip or Kaufman's formula gives them quickly. */
int kr_schema_exact(kr_schema *s, kr_error *err)
{
    static const char *const name[] = { "exact_log_z",
                                        "exact_energy_per_site",
                                        "exact_specific_heat",
                                        "exact_magnetization_per_site",
                                        "exact_abs_magnetization_per_site",
                                        "exact_magnetization_squared",
                                        "exact_susceptibility",
                                        "exact_binder" };
    enum { N = sizeof name / sizeof *name };
    int32_t n_points = s->spec->config.n_points;
    double *value[N];
    for (int k = 0; k < N; k++) {
        value[k] = kr_alloc((size_t)n_points, sizeof(double), err);
        if (!value[k]) {
            while (k--) {
                kr_free(value[k]);
            }
            return KR_ENOMEM;
        }
    }
    for (int32_t p = 0; p < n_points; p++) {
        const kr_target *target = &s->spec->target[p];
        const double most =
            fmin(STATES_AT_START, WORK_AT_START / ((double)n_points * target->terms->n_sites));
        kr_exact e;
        bool is_known = kr_exact_best(target, most, &e, NULL) == KR_OK;
        const double found[N] = { e.log_z,
                                  e.energy_per_site,
                                  e.specific_heat,
                                  e.magnetization,
                                  e.abs_magnetization,
                                  e.magnetization_squared,
                                  e.susceptibility,
                                  e.binder };
        for (int k = 0; k < N; k++) {
            value[k][p] = is_known ? found[k] : NAN;
        }
    }
    int status = KR_OK;
    for (int k = 0; k < N; k++) {
        bool is_any = false;
        for (int32_t p = 0; p < n_points; p++) {
            is_any = is_any || isfinite(value[k][p]);
        }
        if (status == KR_OK && is_any) {
            status = kr_schema_constant(s, name[k], "", "exact value", value[k], NULL, err);
        }
        kr_free(value[k]);
    }
    return status;
}
