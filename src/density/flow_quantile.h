/* SPDX-License-Identifier: GPL-3.0-or-later
 * density/flow_quantile.h - quantiles of a quartic law in a field, as a table.
 *
 * T(z, eta) is the t at which the law of density exp(-t^4 - alpha t^2 + eta t) has the
 * probability Phi(z) below it: of a standard normal z it makes a draw of that law. Between
 * nodes it is a Hermite polynomial, quintic in z and cubic in eta; so dT/dz is smooth in both,
 * and a map by the table has an exact Jacobian, whatever the error of T is. T(-z, -eta) =
 * -T(z, eta), eta >= 0 is enough. Beyond the nodes T goes on linear in z, constant in eta.
 * Source: inversion of distribution functions: Devroye, Non-Uniform Random Variate Generation
 * (1986), ch. II.2; by Hermite interpolation: Hörmann, Leydold, ACM TOMACS 13, 347 (2003). */
#ifndef KR_DENSITY_FLOW_QUANTILE_H
#define KR_DENSITY_FLOW_QUANTILE_H

#include "kramers_plug.h"

#define KR_QUANTILE_REACH 7.0 /* of z */
#define KR_QUANTILE_NODE  8   /* doubles */

typedef struct kr_quantile {
    double alpha;
    int32_t n_z, n_eta; /* nodes; z = -reach..reach, eta = 0.. */
    double z_step, eta_step;
    double error; /* largest one found of the logarithm of the density of draws */
    double *node; /* (n_eta, n_z, KR_QUANTILE_NODE) T, T_z, T_zz, then their d/deta, in units of
                     the steps; owns */
} kr_quantile;

/* Steps are halved until the error is small. Errors: KR_ENOMEM; KR_EUNSUP: the law has two
 * peaks so far apart that no table of reasonable size is monotone. */
int kr_quantile_init(kr_quantile *q, double alpha, double eta_reach, kr_error *err);
void kr_quantile_clear(kr_quantile *q);

#endif
