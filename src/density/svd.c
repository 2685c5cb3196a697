/* SPDX-License-Identifier: GPL-3.0-or-later
 * density/svd.c - products, triangles and singular vectors of small dense matrices. */
#include "density/svd.h"

#include <math.h>
#include <string.h>

#define SWEEPS_MAX 60
#define NORMAL     0x1p-46 /* cosine of two rows that count as orthogonal */
#define LEAST      0x1p-53 /* relative length of a row that counts as zero */

/* Eight partial sums: lowered by the compiler to whatever vectors there are, with equal bits.
 */
typedef double v8 __attribute__((vector_size(64), may_alias));

static double dot(size_t n, const double *a, const double *b)
{
    v8 sum = { 0 };
    for (size_t i = 0; i < n; i += KR_SVD_PAD) {
        sum += *(const v8 *)(a + i) * *(const v8 *)(b + i);
    }
    return ((sum[0] + sum[4]) + (sum[2] + sum[6])) + ((sum[1] + sum[5]) + (sum[3] + sum[7]));
}

/* b += c a */
static void add(size_t n, double c, const double *a, double *b)
{
    for (size_t i = 0; i < n; i += KR_SVD_PAD) {
        *(v8 *)(b + i) += c * *(const v8 *)(a + i);
    }
}

void kr_svd_multiply(int32_t m, int32_t k, int32_t n, const double *A, size_t lda,
                     const double *B, size_t ldb, double *C, size_t ldc)
{
    const size_t width = kr_svd_stride(n);
    for (size_t i = 0; i < (size_t)m; i++) {
        double *c = C + i * ldc;
        memset(c, 0, width * sizeof *c);
        for (size_t j = 0; j < (size_t)k; j++) {
            const double a = A[i * lda + j];
            if (a != 0.0) {
                add(width, a, B + j * ldb, c);
            }
        }
    }
}

void kr_svd_triangle(int32_t m, int32_t n, double *A, size_t lda, double *L, size_t ldl)
{
    const size_t width = kr_svd_stride(n), rank = (size_t)(m < n ? m : n);
    for (size_t i = 0; i < (size_t)m; i++) {
        memset(L + i * ldl, 0, kr_svd_stride((int32_t)rank) * sizeof *L);
    }
    for (size_t k = 0; k < rank; k++) {
        double *v = A + k * lda;
        for (size_t j = 0; j < k; j++) { /* finished columns leave the reflector */
            L[k * ldl + j] = v[j];
            v[j] = 0.0;
        }
        const double norm = sqrt(dot(width, v, v));
        L[k * ldl + k] = v[k] > 0.0 ? -norm : norm;
        v[k] -= L[k * ldl + k];
        const double square = dot(width, v, v);
        for (size_t i = k + 1; square > 0.0 && i < (size_t)m; i++) {
            add(width, -2.0 * dot(width, v, A + i * lda) / square, v, A + i * lda);
        }
    }
    for (size_t i = rank; i < (size_t)m; i++) {
        memcpy(L + i * ldl, A + i * lda, rank * sizeof *L);
    }
}

/* (a, b) -> (c a - s b, s a + c b) */
static void rotate(size_t n, double c, double s, double *a, double *b)
{
    for (size_t i = 0; i < n; i += KR_SVD_PAD) {
        const v8 x = *(const v8 *)(a + i), y = *(const v8 *)(b + i);
        *(v8 *)(a + i) = c * x - s * y;
        *(v8 *)(b + i) = s * x + c * y;
    }
}

static void swap_rows(size_t n, double *a, double *b)
{
    for (size_t i = 0; i < n; i += KR_SVD_PAD) {
        const v8 x = *(const v8 *)(a + i);
        *(v8 *)(a + i) = *(const v8 *)(b + i);
        *(v8 *)(b + i) = x;
    }
}

/* One pass over all pairs, the longest remaining row first; returns whether any was rotated.
 * Rows of a length that is rounding error of the longest are left alone. */
static bool sweep(size_t m, size_t n, double *A, size_t lda, double *U, double *square)
{
    const size_t ldu = kr_svd_stride((int32_t)m);
    bool has_moved = false;
    double most = 0.0;
    for (size_t i = 0; i < m; i++) {
        square[i] = dot(n, A + i * lda, A + i * lda);
        most = fmax(most, square[i]);
    }
    const double least = most * LEAST * LEAST;
    for (size_t i = 0; i + 1 < m; i++) {
        size_t top = i;
        for (size_t j = i + 1; j < m; j++) {
            top = square[j] > square[top] ? j : top;
        }
        if (top != i) {
            swap_rows(n, A + i * lda, A + top * lda);
            swap_rows(ldu, U + i * ldu, U + top * ldu);
            const double swap = square[i];
            square[i] = square[top];
            square[top] = swap;
        }
        for (size_t j = i + 1; j < m; j++) {
            if (!(square[j] > least)) {
                continue;
            }
            const double product = dot(n, A + i * lda, A + j * lda);
            if (!(fabs(product) > NORMAL * sqrt(square[i]) * sqrt(square[j]))) {
                continue;
            }
            const double zeta = (square[j] - square[i]) / (2.0 * product);
            const double t = copysign(1.0, zeta) / (fabs(zeta) + sqrt(1.0 + zeta * zeta));
            const double c = 1.0 / sqrt(1.0 + t * t);
            rotate(n, c, c * t, A + i * lda, A + j * lda);
            rotate(ldu, c, c * t, U + i * ldu, U + j * ldu);
            const double before = fmin(square[i], square[j]);
            square[i] -= t * product;
            square[j] += t * product;
            if (!(fmin(square[i], square[j]) > 0.5 * before)) { /* cancelled */
                square[i] = dot(n, A + i * lda, A + i * lda);
                square[j] = dot(n, A + j * lda, A + j * lda);
            }
            has_moved = true;
        }
    }
    return has_moved;
}

bool kr_svd_jacobi(int32_t m, int32_t n, double *A, size_t lda, double *U, double *s)
{
    const size_t rows = (size_t)m, width = kr_svd_stride(n), ldu = kr_svd_stride(m);
    memset(U, 0, rows * ldu * sizeof *U);
    for (size_t i = 0; i < rows; i++) {
        U[i * ldu + i] = 1.0;
    }
    int n_sweeps = 0;
    while (n_sweeps < SWEEPS_MAX && sweep(rows, width, A, lda, U, s)) {
        n_sweeps++;
    }
    for (size_t i = 0; i < rows; i++) {
        s[i] = sqrt(dot(width, A + i * lda, A + i * lda));
        if (!isfinite(s[i])) {
            return false;
        }
    }
    return n_sweeps < SWEEPS_MAX;
}
