/* SPDX-License-Identifier: GPL-3.0-or-later
 * run/schema_annealing.c - population annealing in the result file: log Z and families of each
 * run (draw) and temperature (point). */
#include "run/schema.h"

#include "model/path.h"

#include <math.h>

int kr_schema_add_annealing(kr_schema *s, kr_error *err)
{
    static const char *const name[KR_ANNEALING_ROWS] = { "log_q_ratio", "log_z_ratio",
                                                         "n_families", "rho_t" };
    static const char *const doc[KR_ANNEALING_ROWS] = {
        "log of the mean weight of the resampling that led to this temperature",
        "log of Z(beta) over Z at the lowest beta, estimate of the run",
        "families: members at the lowest beta that have descendants",
        "mean square size of the families, sum of squares over members"
    };
    const kr_sampler_config *c = &s->spec->config;
    if (!c->is_annealing) {
        return KR_OK;
    }
    for (int k = 0; k < KR_ANNEALING_ROWS; k++) {
        KR_TRY(
            kr_schema_draw_variable(s, name[k], "draw point", doc[k], &s->annealing[k], err));
    }
    const kr_terms *terms = c->target[0].terms;
    double lowest = INFINITY;
    for (int32_t p = 0; p < c->n_points; p++) {
        lowest = fmin(lowest, kr_target_rung(&c->target[p]));
    }
    KR_TRY(kr_results_attr_real(s->results, "sample_stats", "", "annealing_from", lowest, err));
    const double log_states = /* of angles: the measure is dtheta/(2 pi) */
        s->spec->path   ? s->spec->path->log_z
        : terms->action ? 0.0
                        : terms->n_sites * log(terms->q);
    return lowest > 0.0 ? KR_OK
                        : kr_results_attr_real(s->results, "sample_stats", "", "log_states",
                                               log_states, err);
}

int kr_schema_collect_annealing(kr_schema *s, int64_t draw, kr_error *err)
{
    for (int k = 0; s->spec->config.is_annealing && k < KR_ANNEALING_ROWS; k++) {
        KR_TRY(kr_results_append(s->results, s->annealing[k],
                                 kr_sampler_annealing(s->sampler, draw, k), err));
    }
    return KR_OK;
}
