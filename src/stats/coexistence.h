/* SPDX-License-Identifier: GPL-3.0-or-later
 * stats/coexistence.h - two phases in the draws of a finite system: where they have equal
 * weight, what lies between them, and the limit of many sizes.
 *
 * Draws at parameter `at` have p(x) = g(x) exp(-at x)/Z, x the quantity that the parameter
 * couples to (total: for beta the energy). Where p(x) has two peaks, draws are parted at the
 * bottom of the valley between them. With q_o ordered phases beside one disordered phase the limit
 * of infinite size is where W_ordered/W_disordered = q_o, up to corrections that vanish
 * exponentially; where the peaks are equally high, or <x^2> - <x>^2 is largest, corrections
 * are of order 1/V (Borgs, Kotecky, J. Stat. Phys. 61, 79 (1990); Borgs, Janke, Phys. Rev.
 * Lett. 68, 1738 (1992); Lee, Kosterlitz, Phys. Rev. B 43, 3265 (1991)). */
#ifndef KR_STATS_COEXISTENCE_H
#define KR_STATS_COEXISTENCE_H

#include "kramers_plug.h"

/* (n_blocks, n_draws) row-major; blocks are independent. */
typedef struct kr_coexistence_draws {
    int64_t n_blocks, n_draws;
    const double *x, *order; /* order: larger in the ordered phase; borrowed */
    double at;
    double n_ordered; /* q_o */
} kr_coexistence_draws;

typedef struct kr_estimated {
    double value, error;
} kr_estimated;

typedef struct kr_coexistence {
    bool has_peaks;                  /* else all numbers but at_peak are NaN */
    kr_estimated at_peak;            /* largest <x^2> - <x>^2 */
    kr_estimated at_height, barrier; /* equal heights; ln(P_max/P_min) there */
    kr_estimated at_weight;          /* W_ordered = q_o W_disordered */
    kr_estimated x_low, x_high, gap; /* <x> of either side at at_weight; x_high - x_low */
    kr_estimated order_low, order_high;
    int64_t n_crossings; /* from one peak to the other and back count two */
} kr_coexistence;

/* Errors by the jackknife over blocks. Errors: KR_EINVAL fewer than 8 blocks; KR_ENOMEM. */
int kr_coexistence_find(const kr_coexistence_draws *draws, kr_coexistence *out, kr_error *err);

/* Limit of values y (n, errors sigma) for s -> 0: constants and, with has_slope, lines in s
 * (n), with the largest s left out one by one, averaged with weights exp(-(chi^2 + 2 k + 2
 * n_cut)/2); the error holds the spread. Fits without a degree of freedom, which nothing speaks
 * against, count only where there are no others. *p: largest p of a fit, NaN with none that has
 * a degree of freedom. s ascending or not; n >= 1. Source of the weights: Jay, Neil, Phys. Rev.
 * D 103, 114502 (2021). Pure. */
kr_estimated kr_extrapolate(const double *s, const kr_estimated *y, int32_t n, bool has_slope,
                            double *p);

#endif
