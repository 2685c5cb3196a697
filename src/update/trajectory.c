/* SPDX-License-Identifier: GPL-3.0-or-later
 * update/trajectory.c - reversible integrators that keep volume. */
#include "update/trajectory.h"

#define OMELYAN 0.1931833275037836 /* lambda of the scheme of least error norm */

static void kick(const kr_trajectory *t, const kr_phase_space *x, double time)
{
    t->action->add_gradient(t->action->self, KR_LANES_PAD, x->phi, KR_LANES_PAD,
                            -time * t->beta, x->pi);
}

static void drift(const kr_trajectory *t, const kr_phase_space *x, double time)
{
    t->kernels->add((size_t)t->action->n_sites * KR_LANES_PAD, time, x->pi, x->phi);
}

static void leapfrog(const kr_trajectory *t, const kr_phase_space *x, double step)
{
    kick(t, x, 0.5 * step);
    for (int64_t k = 0; k < t->steps; k++) {
        drift(t, x, step);
        kick(t, x, k + 1 < t->steps ? step : 0.5 * step);
    }
}

static void omelyan(const kr_trajectory *t, const kr_phase_space *x, double step)
{
    drift(t, x, OMELYAN * step);
    for (int64_t k = 0; k < t->steps; k++) {
        kick(t, x, 0.5 * step);
        drift(t, x, (1.0 - 2.0 * OMELYAN) * step);
        kick(t, x, 0.5 * step);
        drift(t, x, (k + 1 < t->steps ? 2.0 : 1.0) * OMELYAN * step);
    }
}

void kr_trajectory_run(const kr_trajectory *t, const kr_phase_space *x, double step)
{
    if (t->integrator == KR_LEAPFROG) {
        leapfrog(t, x, step);
    } else {
        omelyan(t, x, step);
    }
}
