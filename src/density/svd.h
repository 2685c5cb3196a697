/* SPDX-License-Identifier: GPL-3.0-or-later
 * density/svd.h - small dense matrices in double: products, orthogonal factors, singular
 * values.
 *
 * Matrices are row-major with a leading dimension that is a multiple of KR_SVD_PAD; entries
 * from the last column to the end of a row are zero and stay zero. Every sum runs in a fixed
 * order over KR_SVD_PAD partial sums without fused operations, so results are the same bits on
 * every machine, which no BLAS promises. Nothing allocates. Threads: pure. */
#ifndef KR_DENSITY_SVD_H
#define KR_DENSITY_SVD_H

#include "kramers_plug.h"

#define KR_SVD_PAD 8

/* Length of a row of n entries. */
static inline size_t kr_svd_stride(int32_t n)
{
    return ((size_t)n + KR_SVD_PAD - 1) / KR_SVD_PAD * KR_SVD_PAD;
}

/* C (m, n) = A (m, k) B (k, n), k ascending in each sum; strides of the rows, rows of C 64-byte
 * aligned and filled up to their padding. Zero entries of A are skipped. */
void kr_svd_multiply(int32_t m, int32_t k, int32_t n, const double *A, size_t lda,
                     const double *B, size_t ldb, double *C, size_t ldc);

/* The lower triangle L (m, min(m, n)) of A = L Q with orthonormal rows of Q, by Householder
 * reflections; Q is not formed. A (m, n) is destroyed. L may have any sign on its diagonal. */
void kr_svd_triangle(int32_t m, int32_t n, double *A, size_t lda, double *L, size_t ldl);

/* Left singular vectors and singular values of A (m, n), m <= n or not, by Jacobi rotations of
 * its rows: row k of U (m, m) is the k-th left vector, s (m) falls. All rows of U are
 * orthonormal; those of s below 2^-53 of the largest are arbitrary. A is destroyed. Returns
 * false when it does not converge, which only happens with entries that are not finite. Source:
 * Hestenes, J. SIAM 6, 51 (1958); ordered rows as in de Rijk, SIAM J. Sci. Stat. Comput. 10,
 * 359 (1989). */
bool kr_svd_jacobi(int32_t m, int32_t n, double *A, size_t lda, double *U, double *s);

#endif
