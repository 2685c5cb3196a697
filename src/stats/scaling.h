/* SPDX-License-Identifier: GPL-3.0-or-later
 * stats/scaling.h - finite-size scaling at a continuous transition: one correlated fit of all
 * sizes.
 *
 * Near the critical value c of a parameter t, with x = (t - c) (L/L0)^(1/nu), L0 the smallest
 * size and u = (L/L0)^-omega,
 *   ratios      R  = R* + a x + b u              (Binder cumulant, xi/L)
 *   their slope R' = a (L/L0)^(1/nu) (1 + c u)
 *   powers      ln Q = A + k ln(L/L0) + d x + e u     (<m^2>, <|m|>)
 *   their slope (ln Q)' = d (L/L0)^(1/nu) (1 + f u)
 * with and without the corrections u, and with the smallest sizes left out or not. No single
 * choice is trusted: results are averages over all of them with weights
 * exp(-(chi^2 + 2 k + 2 n_cut)/2), and their errors hold the spread of the choices beside the
 * errors of each (Jay, Neil, Phys. Rev. D 103, 114502 (2021)). ln omega has the prior N(ln 1.2,
 * 0.5^2), the amplitudes b, c, e, f N(0, 0.5^2); without them omega runs away where corrections
 * are small.
 * Source of the forms: Privman, Fisher, Phys. Rev. B 30, 322 (1984); Ferrenberg, Landau, Phys.
 * Rev. B 44, 5081 (1991). */
#ifndef KR_STATS_SCALING_H
#define KR_STATS_SCALING_H

#include "kramers_plug.h"

#define KR_SCALING_SIZES    24
#define KR_SCALING_VARIANTS (2 * KR_SCALING_SIZES)

enum { /* data of a size */
       KR_SCALING_BINDER,
       KR_SCALING_BINDER_SLOPE,
       KR_SCALING_RATIO, /* xi/L */
       KR_SCALING_RATIO_SLOPE,
       KR_SCALING_SQUARE, /* ln <m^2> */
       KR_SCALING_SQUARE_SLOPE,
       KR_SCALING_ABS, /* ln <|m|> */
       KR_SCALING_ABS_SLOPE,
       KR_SCALING_DATA,
};

/* Values at one t, the same for all sizes, and their covariance. */
typedef struct kr_scaling_size {
    double length;
    double value[KR_SCALING_DATA];
    double covariance[KR_SCALING_DATA][KR_SCALING_DATA];
    int64_t n_samples; /* blocks that the covariance was estimated from; 0: it is known */
} kr_scaling_size;

typedef struct kr_scaling_value {
    double value, error; /* error: of data and of the choice of a fit together */
    double spread;       /* the part of the choice */
} kr_scaling_value;

typedef struct kr_scaling_variant {
    double least;   /* size */
    bool corrected; /* with u */
    int32_t n_data, n_parameters;
    double chi2, p; /* p NaN without degrees of freedom */
    double weight;  /* all sum to 1 */
    double critical, critical_error, exponent, exponent_error; /* c, 1/nu */
} kr_scaling_variant;

typedef struct kr_scaling_result {
    kr_scaling_value critical;   /* c */
    kr_scaling_value exponent;   /* 1/nu */
    kr_scaling_value square;     /* k of <m^2>: gamma/nu - dimension */
    kr_scaling_value abs;        /* k of <|m|>: -beta/nu */
    kr_scaling_value binder;     /* R* */
    kr_scaling_value ratio;      /* R* of xi/L; NaN without it */
    kr_scaling_value correction; /* omega, of the fits that have it */
    double best_p;               /* largest p of a fit */
    int32_t n_variants;
    kr_scaling_variant variant[KR_SCALING_VARIANTS];
} kr_scaling_result;

/* size (n_sizes) ascending; at: their t. has_ratio: KR_SCALING_RATIO and its slope are there.
 * Three sizes at least stay in a fit, four in one with corrections. Where even the best fit has
 * p < 1e-3, errors are multiplied by (chi^2/dof)^(1/2) of it. Errors: KR_EINVAL fewer than
 * three sizes or a value that is not finite; KR_EDIVERGED no fit converged. Cost: some ms. */
int kr_scaling_fit(const kr_scaling_size *size, int32_t n_sizes, double at, bool has_ratio,
                   kr_scaling_result *result, kr_error *err);

#endif
