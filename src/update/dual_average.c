/* SPDX-License-Identifier: GPL-3.0-or-later
 * update/dual_average.c - a step size tuned to an acceptance, by dual averaging. */
#include "update/dual_average.h"

#include "base/state.h"

#include <math.h>

#define GAMMA 0.05 /* pull towards the start */
#define T0    10.0 /* draws that count little */
#define KAPPA 0.75 /* decay of the weights of old steps */

void kr_dual_average_init(kr_dual_average *d, double step, double target)
{
    *d = (kr_dual_average){ .target = target,
                            .step = step,
                            .log_start = log(10.0 * step),
                            .mean_log = log(step),
                            .most = INFINITY };
}

void kr_dual_average_learn(kr_dual_average *d, double acceptance, bool is_last)
{
    if (!(d->target > 0.0)) {
        return;
    }
    const double n = (double)++d->n;
    d->shortfall += (d->target - acceptance - d->shortfall) / (n + T0);
    const double log_step = d->log_start - sqrt(n) / GAMMA * d->shortfall;
    d->mean_log += pow(n, -KAPPA) * (log_step - d->mean_log);
    d->step = fmin(exp(is_last ? d->mean_log : log_step), d->most);
}

int kr_dual_average_declare(kr_dual_average *d, kr_state *table, kr_error *err)
{
    KR_TRY(kr_state_add(table, "step", KR_F64, 1, &d->step, err));
    KR_TRY(kr_state_add(table, "log_start", KR_F64, 1, &d->log_start, err));
    KR_TRY(kr_state_add(table, "mean_log", KR_F64, 1, &d->mean_log, err));
    KR_TRY(kr_state_add(table, "shortfall", KR_F64, 1, &d->shortfall, err));
    return kr_state_add(table, "n", KR_I64, 1, &d->n, err);
}
