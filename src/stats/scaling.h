/* SPDX-License-Identifier: GPL-3.0-or-later
 * stats/scaling.h - finite-size scaling at a continuous transition.
 *
 * Near the critical value c of a parameter t, with L0 the smallest size, x = (t - c)
 * (L/L0)^(1/nu) and u = (L/L0)^-omega, a ratio R (Binder cumulant, xi/L) and its slope are
 *   R = R* + a x + b u,   R' = a (L/L0)^(1/nu) (1 + c u),
 * and a power Q (<m^2>, <|m|>), taken in every size where R has one fixed value, is
 *   ln Q = A + k ln(L/L0) + e u,
 * which needs no c (Hasenbusch, J. Phys. A 32, 4851 (1999)). Fits are made of each ratio and
 * each power alone: two of them are correlated so strongly that a fit of both would be ruled by
 * the corrections to their difference, for which one power of L is not enough.
 *
 * Each is fitted with and without the corrections u, and with the smallest sizes left out or
 * not. No single choice is trusted: results are averages over all of them with weights
 * exp(-(chi^2 + 2 k + 2 n_cut)/2), and their errors hold the spread of the choices beside the
 * errors of each (Jay, Neil, Phys. Rev. D 103, 114502 (2021)). ln omega has the prior N(ln 1.2,
 * 0.5^2), the amplitudes b/R*, c, e have N(0, 0.5^2); without them omega runs away where
 * corrections are small. Of both ratios the mean is taken, weighted by 1/error, with their
 * distance in the error.
 * Source of the forms: Privman, Fisher, Phys. Rev. B 30, 322 (1984); Ferrenberg, Landau, Phys.
 * Rev. B 44, 5081 (1991). */
#ifndef KR_STATS_SCALING_H
#define KR_STATS_SCALING_H

#include "kramers_plug.h"

#define KR_SCALING_SIZES    24
#define KR_SCALING_VARIANTS (4 * KR_SCALING_SIZES)

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

typedef struct kr_scaling_variant { /* a fit of a ratio */
    int32_t datum;                  /* KR_SCALING_BINDER or KR_SCALING_RATIO */
    double least;                   /* size */
    bool corrected;                 /* with u */
    int32_t n_data, n_parameters;
    double chi2, p; /* p NaN without degrees of freedom; priors count as data there */
    double weight;  /* all of a ratio sum to 1 */
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
    double best_p; /* of each quantity the largest p of a fit; the least of them */
    int32_t n_variants;
    kr_scaling_variant variant[KR_SCALING_VARIANTS];
} kr_scaling_result;

/* size (n_sizes) ascending; at: their t. omega > 0: known, within 5 %; 0: not known. has_ratio:
 * KR_SCALING_RATIO and its slope are there. Three sizes at least stay in a fit, four in one
 * with corrections. Where even the best fit of a quantity has p < 1e-3, its errors are
 * multiplied by (chi^2/dof)^(1/2) of that. Errors: KR_EINVAL fewer than three sizes or a value
 * that is not finite; KR_EDIVERGED no fit of a quantity converged. Cost: some ms. The caller
 * has set GSL's error handler off. */
int kr_scaling_fit(const kr_scaling_size *size, int32_t n_sizes, double at, bool has_ratio,
                   double omega, kr_scaling_result *result, kr_error *err);

#endif
