/* SPDX-License-Identifier: GPL-3.0-or-later
 * run/schema_tuning.c - steps and scales that updates were tuned to, in constant_data. */
#include "base/memory.h"
#include "run/schema.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

/* A step at every point, or none. */
static bool has_step(const kr_schema *s, int32_t update)
{
    return isfinite(kr_sampler_tuned(s->sampler, update, 0));
}

static int add_scales(kr_schema *s, kr_error *err)
{
    const kr_sampler_config *c = &s->spec->config;
    bool has_dim = false;
    for (int32_t u = 0; u < c->n_updates; u++) {
        char name[2 * KR_NAME_MAX];
        if (!kr_sampler_tuned_scale(s->sampler, u, 0)) {
            continue;
        }
        if (!has_dim) {
            KR_TRY(kr_results_dim(s->results, "constant_data", "site",
                                  s->spec->lattice->n_sites, NULL, err));
            has_dim = true;
        }
        snprintf(name, sizeof name, "scale_%s", c->update[u].name);
        KR_TRY(kr_schema_site_constant(s, name, "1",
                                       "scale of every site, tuned while chains thermalized: "
                                       "its mass is 1/scale^2",
                                       &s->scale[u], err));
    }
    return KR_OK;
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
    return add_scales(s, err);
}

static int put_scale(kr_schema *s, int32_t u, kr_error *err)
{
    const size_t n = (size_t)s->spec->lattice->n_sites;
    const int32_t n_points = s->spec->config.n_points;
    double *scale = kr_alloc((size_t)n_points * n, sizeof *scale, err);
    for (int32_t p = 0; scale && p < n_points; p++) {
        memcpy(scale + (size_t)p * n, kr_sampler_tuned_scale(s->sampler, u, p),
               n * sizeof *scale);
    }
    const int status = scale ? kr_results_put(s->results, s->scale[u], scale, err) : KR_ENOMEM;
    kr_free(scale);
    return status;
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
        if (status == KR_OK && kr_sampler_tuned_scale(s->sampler, u, 0)) {
            status = put_scale(s, u, err);
        }
    }
    kr_free(step);
    return status;
}
