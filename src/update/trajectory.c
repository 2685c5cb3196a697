/* SPDX-License-Identifier: GPL-3.0-or-later
 * update/trajectory.c - reversible integrators that keep volume. */
#include "update/trajectory.h"

#include <string.h>

#define OMELYAN 0.1931833275037836 /* lambda of the scheme of least error norm */

static void kick(const kr_trajectory *t, const kr_phase_space *x, double time)
{
    const int32_t n = t->action->n_sites;
    const size_t size = (size_t)n * KR_LANES_PAD;
    if (t->modes) { /* dS/dpsi = sigma V^T dS/dphi */
        memset(x->work, 0, size * sizeof *x->work);
        t->action->add_gradient(t->action->self, KR_LANES_PAD, x->phi, KR_LANES_PAD, t->beta,
                                x->work);
        kr_flow_modes_apply(t->modes, t->transform, KR_FLOW_V_T, x->work, x->second);
        t->transform->scale(n, t->modes->sigma, x->work);
        t->kernels->add(size, -time, x->work, x->pi);
        return;
    }
    if (t->sigma) {
        memset(x->work, 0, size * sizeof *x->work);
        t->action->add_gradient(t->action->self, KR_LANES_PAD, x->phi, KR_LANES_PAD, t->beta,
                                x->work);
        t->kernels->add_scaled(n, -time, t->sigma, x->work, x->pi);
        return;
    }
    t->action->add_gradient(t->action->self, KR_LANES_PAD, x->phi, KR_LANES_PAD,
                            -time * t->beta, x->pi);
}

static void drift(const kr_trajectory *t, const kr_phase_space *x, double time)
{
    const int32_t n = t->action->n_sites;
    const size_t size = (size_t)n * KR_LANES_PAD;
    if (t->modes) { /* phi moves by V sigma pi */
        memcpy(x->work, x->pi, size * sizeof *x->work);
        t->transform->scale(n, t->modes->sigma, x->work);
        kr_flow_modes_apply(t->modes, t->transform, KR_FLOW_V, x->work, x->second);
        t->kernels->add(size, time, x->work, x->phi);
        return;
    }
    if (t->sigma) {
        t->kernels->add_scaled(n, time, t->sigma, x->pi, x->phi);
        return;
    }
    t->kernels->add(size, time, x->pi, x->phi);
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
