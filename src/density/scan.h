/* SPDX-License-Identifier: GPL-3.0-or-later
 * density/scan.h - one set of weights for all points of a scan: polynomials in the numbers that
 * are scanned.
 *
 *   w(x) = sum_m T_{m_1}(x_1) T_{m_2}(x_2) ... theta_m,   m_1 + m_2 + ... <= degree,
 *
 * x the scanned numbers (beta, couplings), each brought to -1..1 over its range, T Chebyshev.
 * Kernels see plain weights, so the condition costs nothing while sampling, and a gradient at x
 * goes to theta_m with the factor of w. Which density it is does not matter. Threads: pure. */
#ifndef KR_DENSITY_SCAN_H
#define KR_DENSITY_SCAN_H

#include "kramers_plug.h"

#define KR_SCAN_AXES_MAX   8
#define KR_SCAN_DEGREE_MAX 16
#define KR_SCAN_TERMS_MAX  64

typedef struct kr_scan {
    int32_t n_axes, degree;                              /* degree 0: plain weights */
    int32_t n_terms;                                     /* m; the first one is the constant */
    double from[KR_SCAN_AXES_MAX], to[KR_SCAN_AXES_MAX]; /* ranges, from < to */
} kr_scan;

/* KR_ERANGE: more than KR_SCAN_TERMS_MAX terms, or a degree, a number of axes or a range that
 * makes no sense. */
int kr_scan_init(kr_scan *scan, int32_t degree, int32_t n_axes, const double *from,
                 const double *to, kr_error *err);
/* The factors of theta (n_terms) at the scanned numbers at (n_axes). */
void kr_scan_values(const kr_scan *scan, const double *at, float *value);
/* w (n) of theta (n_terms, n). */
void kr_scan_weights(const kr_scan *scan, const float *value, const float *theta, size_t n,
                     float *w);
/* Gradient with respect to theta (n_terms, n) += factor times that with respect to w. */
void kr_scan_spread(const kr_scan *scan, const float *value, float factor,
                    const float *gradient, size_t n, float *out);
/* theta of the polynomial next to given weights[point] (n), in the sense of least squares; what
 * is the same at all points stays the same bits. value (n_points, n_terms). KR_EINVAL: the
 * points do not determine it. KR_ENOMEM. */
int kr_scan_fit(const kr_scan *scan, int32_t n_points, const float *value,
                const float *const *weights, size_t n, float *theta, kr_error *err);

#endif
