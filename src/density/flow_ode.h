/* SPDX-License-Identifier: GPL-3.0-or-later
 * density/flow_ode.h - a layer that carries fields along an equivariant ordinary differential
 * equation, in steps of the classical Runge-Kutta method.
 *
 *   dphi_x/dt = sum_d sum_k W_o(d)k(t) f_k(phi_x+d),  0 <= t <= 1,
 *   W_ok(t) = sum_j W_okj cos(pi j t),
 * over displacements d tied in orbits o of the symmetries of the box. Features f are phi and
 * sin(w_k phi), w_k learned, and where the action is not even cos(w_k phi) and 1 beside.
 * Source: Gerdes, de Haan, Rainone, Bondesan, Cheng, SciPost Phys. 15, 238 (2023). Other than
 * there features are few and have a weight for each orbit and function of time, so no matrices
 * mix them; the functions of time need not be periodic; and gradients are those of the discrete
 * map and the discrete sum of divergences, not of the equation.
 *
 * The map is that of the Runge-Kutta steps; its inverse is solved for to rounding. ln J is the
 * integral of the divergence by the weights of the same steps, which is the logarithm of the
 * determinant of the map up to O(steps^-4) only. */
#ifndef KR_DENSITY_FLOW_ODE_H
#define KR_DENSITY_FLOW_ODE_H

#include "density/flow.h"

#define KR_ODE_WAVES_MAX 16
#define KR_ODE_TIMES_MAX 8 /* lanes of a vector */

typedef struct kr_ode_shape {
    int32_t n_sites, n_displacements, n_orbits;
    int32_t *near;        /* (n_sites, n_displacements) sites, n_sites: outside; owns */
    int32_t *orbit_begin; /* (n_orbits + 1) into displacements, orbit 0 the site itself; owns */
    int32_t n_waves, n_features, n_times;
    int32_t n_matrix; /* n_orbits n_features, in whole vectors */
    int32_t most_steps;
    bool is_even;
    double spread; /* width of a site, the unit of errors */
} kr_ode_shape;

/* Numbers: steps, the waves, then from KR_ODE_MATRIX on W (n_times, n_matrix). */
enum { KR_ODE_STEPS, KR_ODE_WAVES, KR_ODE_MATRIX = 24 };

/* kr_flow_ops of the layer. doubt is an inverse of twice the steps, each of them a Runge-Kutta
 * step backward in time: the equation, not the map, so that nothing is to be solved for. */
typedef struct kr_ode_kernels {
    void (*forward)(const kr_ode_shape *s, const double *w, double *x, double *log_j,
                    double *scratch);
    void (*inverse)(const kr_ode_shape *s, const double *w, double *x, double *log_j,
                    double *scratch);
    void (*doubt)(const kr_ode_shape *s, const double *w, double *x, double *log_j,
                  double *scratch);
    void (*pull)(const kr_ode_shape *s, const double *w, const double *x, double *cotangent,
                 const double *volume, double *gradient, double *scratch);
    void (*push)(const kr_ode_shape *s, const double *w, const double *x, double *slope,
                 double *scratch);
} kr_ode_kernels;

const kr_ode_kernels *kr_ode_kernels_of(kr_isa isa);
extern const kr_ode_kernels kr_ode_kernels_avx512, kr_ode_kernels_avx2, kr_ode_kernels_portable;

/* Doubles of scratch. */
size_t kr_ode_scratch(const kr_ode_shape *shape);

/* Fields of the run file that the layer reads. */
typedef struct kr_ode_params {
    int64_t steps, most_steps, radius, features, times;
    bool adapt_steps;
} kr_ode_params;

/* spread: width of a site, the unit of waves. A layer without self: out of memory. */
kr_flow_layer kr_ode_layer(const kr_lattice *lattice, const kr_ode_params *params, bool is_even,
                           double spread, kr_error *err);

#endif
