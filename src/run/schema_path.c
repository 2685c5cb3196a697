/* SPDX-License-Identifier: GPL-3.0-or-later
 * run/schema_path.c - a path of actions in the result file: the slope of each draw, log Z of
 * the free field that it begins with. */
#include "model/path.h"
#include "run/schema.h"

int kr_schema_add_path(kr_schema *s, int kind, kr_error *err)
{
    const int32_t column = kr_sampler_first_path(s->sampler);
    if (!s->spec->path) {
        return KR_OK;
    }
    KR_TRY(
        kr_schema_series(s, kind, "path_slope",
                         "dS/dt = beta (S - R), S the action of the model, R that of the free "
                         "field at t = 0",
                         &s->series[kind - 1][column], err));
    return kind == 1 ? kr_results_attr_real(s->results, "sample_stats", "", "path_log_z",
                                            s->spec->path->log_z, err)
                     : KR_OK;
}
