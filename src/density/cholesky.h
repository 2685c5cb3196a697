/* SPDX-License-Identifier: GPL-3.0-or-later
 * density/cholesky.h - triangular factors of positive matrices, row-major (n, n) in double.
 *
 * Sums run in a fixed order without fused operations. Nothing allocates. Threads: pure. */
#ifndef KR_DENSITY_CHOLESKY_H
#define KR_DENSITY_CHOLESKY_H

#include "kramers_plug.h"

/* A = C C^T: the lower triangle of A becomes C, the upper one zero. False: A is not positive,
 * then A is destroyed. */
bool kr_cholesky_factor(int32_t n, double *A);
/* inverse = C^-1, lower. */
void kr_cholesky_invert(int32_t n, const double *C, double *inverse);

/* A symmetric, destroyed, to T = Q^T A Q with diagonal (n) and off-diagonal (n - 1 used) by
 * Householder reflections; scratch (2 n). */
void kr_cholesky_tridiagonal(int32_t n, double *A, double *diagonal, double *off,
                             double *scratch);
/* tr (T + shift)^-1; infinite where that is not positive. scratch (n). */
double kr_cholesky_trace(int32_t n, const double *diagonal, const double *off, double shift,
                         double *scratch);

#endif
