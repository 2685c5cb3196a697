/* SPDX-License-Identifier: GPL-3.0-or-later
 * run/schema_training.c - how the densities learned: the group adaptation, a row per step. */
#include "run/schema.h"

#include "base/memory.h"

#include <math.h>

enum { FIELDS = KR_SCHEMA_TRAINING - 1 };

int kr_schema_add_training(kr_schema *s, kr_error *err)
{
    static const char *const text[FIELDS][3] = {
        { "loss", "1", "forward: -<log q>; reverse: <beta H + log q>" },
        { "ess", "1", "running effective sample fraction" },
        { "acceptance", "1", "of the walkers' global proposals" },
        { "beta_training", "1", "beta of the step" },
        { "rate", "1", "step size of Adam" },
        { "is_forward", "1", "1 forward KL, 0 reverse KL" },
        { "work", "s",
          "counted work of all steps so far in nominal CPU-seconds, no clock; with that before "
          "a "
          "start from a file" }
    };
    const kr_sampler_config *c = &s->spec->config;
    if (c->n_densities == 0) {
        return KR_OK;
    }
    KR_TRY(kr_results_dim(s->results, "adaptation", "row", 0, NULL, err));
    KR_TRY(kr_results_dim(s->results, "adaptation", "density", c->n_densities, NULL, err));
    if (c->n_points > 1) {
        KR_TRY(kr_results_dim(s->results, "adaptation", "point", c->n_points, NULL, err));
    }
    KR_TRY(kr_schema_training_variable(s, "step", KR_I64, "row", "1", "training step",
                                       &s->training[0], err));
    const char *dims = c->n_points > 1 ? "row density point" : "row density";
    for (int k = 0; k < FIELDS; k++) {
        KR_TRY(kr_schema_training_variable(s, text[k][0], KR_F64, dims, text[k][1], text[k][2],
                                           &s->training[k + 1], err));
    }
    return KR_OK;
}

int kr_schema_collect_training(kr_schema *s, kr_error *err)
{
    const kr_sampler_config *c = &s->spec->config;
    int32_t n = c->n_densities * c->n_points;
    bool is_any = false;
    double *value = kr_alloc(FIELDS * (size_t)n, sizeof *value, err);
    if (!value) {
        return KR_ENOMEM;
    }
    for (int32_t d = 0; d < c->n_densities; d++) {
        for (int32_t p = 0; p < c->n_points; p++) {
            kr_training_row row;
            bool has = kr_sampler_training_row(s->sampler, d, p, &row);
            const double field[FIELDS] = { row.loss, row.ess,        row.acceptance, row.beta,
                                           row.rate, row.is_forward, row.work };
            is_any = is_any || has;
            for (int k = 0; k < FIELDS; k++) {
                value[k * n + d * c->n_points + p] = has ? field[k] : NAN;
            }
        }
    }
    int status = KR_OK;
    if (is_any) {
        int64_t step = s->counts.training++;
        status = kr_results_append(s->results, s->training[0], &step, err);
    }
    for (int k = 0; is_any && k < FIELDS && status == KR_OK; k++) {
        status = kr_results_append(s->results, s->training[k + 1], value + k * n, err);
    }
    kr_free(value);
    return status;
}
