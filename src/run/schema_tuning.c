/* SPDX-License-Identifier: GPL-3.0-or-later
 * run/schema_tuning.c - steps that updates were tuned to, in constant_data. */
#include "base/memory.h"
#include "run/schema.h"

#include <math.h>
#include <stdio.h>

/* A step at every point, or none. */
static bool has_step(const kr_schema *s, int32_t update)
{
    return isfinite(kr_sampler_tuned(s->sampler, update, 0));
}

int kr_schema_add_tuning(kr_schema *s, kr_error *err)
{
    const kr_sampler_config *c = &s->spec->config;
    for (int32_t u = 0; u < c->n_updates; u++) {
        char name[2 * KR_NAME_MAX];
        snprintf(name, sizeof name, "step_%s", c->update[u].name);
        if (has_step(s, u)) {
            KR_TRY(kr_schema_constant(s, name, "1", "step size, tuned while chains thermalized",
                                      NULL, &s->step[u], err));
        }
    }
    return KR_OK;
}

int kr_schema_put_tuning(kr_schema *s, kr_error *err)
{
    const kr_sampler_config *c = &s->spec->config;
    double *step = kr_alloc((size_t)c->n_points, sizeof *step, err);
    int status = step ? KR_OK : KR_ENOMEM;
    for (int32_t u = 0; status == KR_OK && u < c->n_updates; u++) {
        for (int32_t p = 0; p < c->n_points; p++) {
            step[p] = kr_sampler_tuned(s->sampler, u, p);
        }
        status = has_step(s, u) ? kr_results_put(s->results, s->step[u], step, err) : KR_OK;
    }
    kr_free(step);
    return status;
}
