/* SPDX-License-Identifier: GPL-3.0-or-later
 * tests/flow_derivative.h - losses of a density of real numbers, and when a number is their
 * derivative. */
#ifndef KR_FLOW_DERIVATIVE_H
#define KR_FLOW_DERIVATIVE_H

#include "kr_real_subject.h"

static inline double *numbers(const real_subject *s)
{
    return get(s->n * LANES, sizeof(double));
}

static inline double largest_difference(const double *a, const double *b, size_t n)
{
    double largest = 0.0;
    for (size_t k = 0; k < n; k++) {
        const double d = fabs(a[k] - b[k]);
        largest = d <= largest ? largest : d; /* NaN counts */
    }
    return largest;
}

/* Comparisons of a derivative with finite differences. */
typedef struct comparisons {
    int64_t n, n_kinks;
} comparisons;

/* To 1e-6 of 1 and size. Splines have kinks in their slopes: where a knot is near, the
 * derivative may be that of one side; `kink` is by how much both differ, curvature included. A
 * knot that one lane meets shows at several sites, but in few of all comparisons. */
static inline bool is_derivative(const real_subject *s, comparisons *all, double got,
                                 double want, double size, double kink)
{
    const double off = fabs(got - want), unit = fmax(1.0, size);
    const bool is_kink = off > 1e-6 * unit && strcmp(s->plug->name, "rq_spline") == 0;
    all->n++;
    all->n_kinks += is_kink;
    return off <= 1e-6 * unit ||
           (is_kink && off <= kink + 1e-2 * unit && all->n_kinks <= 4 + all->n / 50);
}

/* Sum of coefficient times log q of phi or, at fixed z, of log q + beta S of f(z). */
static inline double loss(const real_subject *s, int32_t n, const double *phi, const double *z,
                          const double *coefficient)
{
    double value[LANES], energy[LANES], sum = 0.0, *x = numbers(s);
    const kr_action *action = s->system.terms->action;
    if (z) {
        memcpy(x, z, s->n * kr_lanes_pad((size_t)n) * sizeof *x);
        flow_of(s)->forward(s->density.self, n, x, value, poisoned(s));
        action->energy(action->self, n, x, kr_lanes_pad((size_t)n), energy);
    } else {
        kr_density_log_q(&s->density, n, phi, value, poisoned(s));
    }
    for (int32_t l = 0; l < n; l++) {
        sum += coefficient[l] * (z ? s->beta * energy[l] - value[l] : value[l]);
    }
    kr_free(x);
    return sum;
}

static inline void set_coefficients(double *coefficient)
{
    for (int l = 0; l < LANES; l++) {
        coefficient[l] = (l - 9) / 16.0;
    }
}

#endif
