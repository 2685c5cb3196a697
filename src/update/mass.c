/* SPDX-License-Identifier: GPL-3.0-or-later
 * update/mass.c - a mass for every site, from the spread of the chains. */
#include "update/mass.h"

#include "base/memory.h"
#include "base/moments.h"
#include "base/state.h"

#include <math.h>
#include <string.h>

#define PRIOR_STATES 5.0
#define PRIOR_SQUARE 1e-3 /* in squares of the start width */

int kr_mass_init(kr_mass *mass, int32_t n_sites, double width, kr_error *err)
{
    const size_t n = (size_t)n_sites;
    *mass = (kr_mass){ .n_sites = n, .width = width };
    mass->sigma = kr_alloc(3 * n, sizeof *mass->sigma, err);
    if (!mass->sigma) {
        return KR_ENOMEM;
    }
    mass->in_window = (kr_moments){ 0, mass->sigma + n, mass->sigma + 2 * n };
    for (size_t i = 0; i < n; i++) {
        mass->sigma[i] = 1.0;
    }
    return KR_OK;
}

void kr_mass_clear(kr_mass *mass)
{
    kr_free(mass->sigma);
}

int kr_mass_declare(kr_mass *mass, kr_state *table, kr_error *err)
{
    KR_TRY(kr_state_add(table, "sigma", KR_F64, mass->n_sites, mass->sigma, err));
    KR_TRY(
        kr_state_add(table, "window_mean", KR_F64, mass->n_sites, mass->in_window.mean, err));
    KR_TRY(kr_state_add(table, "window_m2", KR_F64, mass->n_sites, mass->in_window.m2, err));
    return kr_state_add(table, "window_n", KR_I64, 1, &mass->in_window.n, err);
}

/* Windows end after KR_MOMENTS_CALLS / 2 times 1, 2, 4, ... draws; the last quarter, or more,
 * is for the step. */
static bool is_end(const kr_tuning *seen)
{
    int64_t end = KR_MOMENTS_CALLS / 2;
    while (end < seen->call) {
        end *= 2;
    }
    return end == seen->call && 4 * end <= 3 * seen->n_calls;
}

bool kr_mass_learn(kr_mass *mass, const kr_tuning *seen, double *factor)
{
    kr_moments *m = &mass->in_window;
    kr_moments_merge(m, mass->n_sites, seen->moments);
    if (!is_end(seen)) {
        return false;
    }
    const double n = (double)m->n, share = n / (n + PRIOR_STATES);
    const double least = (1.0 - share) * PRIOR_SQUARE * mass->width * mass->width;
    *factor = 0.0;
    for (size_t i = 0; i < mass->n_sites; i++) {
        const double sigma = sqrt(share * m->m2[i] / (n - 1.0) + least);
        if (isfinite(sigma)) {
            *factor = fmax(*factor, mass->sigma[i] / sigma);
            mass->sigma[i] = sigma;
        }
    }
    m->n = 0;
    memset(m->mean, 0, 2 * mass->n_sites * sizeof *m->mean);
    return *factor > 0.0;
}
