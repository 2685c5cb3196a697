/* SPDX-License-Identifier: GPL-3.0-or-later
 * density/flow_modes.h - the Gaussian that flows begin with: modes of the action and their
 * widths.
 *
 * phi = mean + V (sigma z). On hypercubic lattices V is the real, orthonormal, separable
 * transform that makes the quadratic form of the action diagonal: Hartley's where a direction
 * is periodic (with half-integer momenta where it is antiperiodic), cosines where its ends are
 * free, sines where the field is zero beyond them. Other quadratic forms get a Cholesky factor.
 * Widths and mean minimize the free energy over Gaussians of one mass and one mean,
 *   S_eff = quadratic form + delta phi^2,  delta = 6 lambda (<phi^2> - m^2) + 6 lambda m^2,
 * which has a positive mass in every phase. Source: Hartley, Proc. IRE 30, 144 (1942);
 * Feynman, Statistical Mechanics (1972), ch. 3 (variational principle); that proposals need the
 * small scales of the action in their base: Gabrie, Rotskoff, Vanden-Eijnden, PNAS 119 (2022).
 *
 * Halved, they are the modes of the even sites of a periodic box of even sides and of the
 * Gaussian that is left there: modes k and k + (pi, .., pi) are the same on even sites, where
 * one of each pair times sqrt 2 is an orthonormal set, with the mean of both variances. */
#ifndef KR_DENSITY_FLOW_MODES_H
#define KR_DENSITY_FLOW_MODES_H

#include "density/flow_kernels.h"

/* V along one direction: V (side, side) and W = V^-T, the same array where V is orthogonal. */
typedef struct kr_flow_axis {
    int32_t side, outer, inner;
    double *V, *W; /* owns */
} kr_flow_axis;

typedef struct kr_flow_modes {
    int32_t n_sites, n_axes; /* no axis: V = 1 */
    int32_t n_modes;         /* n_sites, or half of them */
    int32_t *site;           /* (n_modes) halved: the even sites, else NULL; owns */
    int32_t *mode, *partner; /* (n_modes) halved: the modes of each pair; owns */
    kr_flow_axis axis[KR_DIM_MAX];
    bool is_separable, is_even, is_uniform; /* uniform: one mean serves all sites */
    const kr_action *action;                /* borrowed */
    double *lambda; /* (n_sites) eigenvalues of the quadratic form where separable, else the
                       diagonal of its tridiagonal form; owns */
    double *off;    /* off-diagonal of that, and scratch; owns */
    int32_t *orbit; /* (n_modes) modes of the same width; owns */
    int32_t n_orbits;
    int32_t *momentum; /* (n_orbits, KR_DIM_MAX) where separable, in units of pi/(2 side): a
                          description of the orbit that other lattices have too; owns */
    double beta;
    double *sigma;  /* (n_modes) widths of the modes at beta; owns */
    double mean;    /* of every site */
    double delta;   /* what the Gaussian adds to the quadratic form; not where n_axes is 0 */
    double spread;  /* width of a site under this Gaussian, about */
    double log_det; /* ln |det V| */
} kr_flow_modes;

/* Errors: KR_ENOMEM; those of prepare. */
int kr_flow_modes_init(kr_flow_modes *modes, const kr_target *target, kr_error *err);
void kr_flow_modes_clear(kr_flow_modes *modes);
/* Can they be halved: a Hartley transform of whole momenta, all sides even. */
bool kr_flow_modes_can_halve(const kr_flow_modes *modes);
/* Where they can. KR_ENOMEM. */
int kr_flow_modes_halve(kr_flow_modes *modes, const kr_lattice *lattice, kr_error *err);
/* Widths and mean at beta; nothing to do where they are known. KR_ESANITY: no positive mass. */
int kr_flow_modes_prepare(kr_flow_modes *modes, double beta, kr_error *err);

typedef enum kr_flow_way {
    KR_FLOW_V,
    KR_FLOW_V_INVERSE,
    KR_FLOW_V_T,
    KR_FLOW_V_INVERSE_T
} kr_flow_way;
/* x (n_modes, KR_FLOW_LANES) becomes V x, V^-1 x, V^T x or V^-T x; scratch of the same size,
 * halved of two groups of all sites. */
void kr_flow_modes_apply(const kr_flow_modes *modes, const kr_flow_kernels *kernels,
                         kr_flow_way way, double *x, double *scratch);

#endif
