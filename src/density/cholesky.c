/* SPDX-License-Identifier: GPL-3.0-or-later
 * density/cholesky.c - triangular factors of positive matrices.
 *
 * Both loops run along rows, so that they are sums over contiguous memory. */
#include "density/cholesky.h"

#include <math.h>
#include <string.h>

bool kr_cholesky_factor(int32_t n, double *A)
{
    const size_t N = (size_t)n;
    for (size_t i = 0; i < N; i++) {
        double *restrict row = A + i * N;
        for (size_t j = 0; j < i; j++) {
            const double *restrict other = A + j * N;
            double sum = row[j];
            for (size_t k = 0; k < j; k++) {
                sum -= row[k] * other[k];
            }
            row[j] = sum / other[j];
        }
        double square = row[i];
        for (size_t k = 0; k < i; k++) {
            square -= row[k] * row[k];
        }
        if (!(square > 0.0) || !isfinite(square)) {
            return false;
        }
        row[i] = sqrt(square);
        memset(row + i + 1, 0, (N - i - 1) * sizeof *row);
    }
    return true;
}

/* Row i of the inverse is (e_i - sum_{k < i} C_ik row_k) / C_ii. */
void kr_cholesky_invert(int32_t n, const double *C, double *inverse)
{
    const size_t N = (size_t)n;
    memset(inverse, 0, N * N * sizeof *inverse);
    for (size_t i = 0; i < N; i++) {
        double *restrict row = inverse + i * N;
        for (size_t k = 0; k < i; k++) {
            const double *restrict other = inverse + k * N;
            const double factor = C[i * N + k];
            for (size_t j = 0; j <= k; j++) {
                row[j] -= factor * other[j];
            }
        }
        const double scale = 1.0 / C[i * N + i];
        for (size_t j = 0; j < i; j++) {
            row[j] *= scale;
        }
        row[i] = scale;
    }
}

/* Columns 0..n-3 by turns: with v the normal of the mirror, h = 2/v.v, p = h A v and w = p -
 * (h/2) (v.p) v, the rest of A loses v w^T + w v^T. */
void kr_cholesky_tridiagonal(int32_t n, double *A, double *diagonal, double *off,
                             double *scratch)
{
    const size_t N = (size_t)n;
    double *restrict v = scratch, *restrict w = scratch + N;
    for (size_t k = 0; k + 1 < N; k++) {
        double square = 0.0, mix = 0.0;
        for (size_t i = k + 1; i < N; i++) {
            v[i] = A[i * N + k];
            square += v[i] * v[i];
        }
        const double first = v[k + 1], length = first > 0.0 ? -sqrt(square) : sqrt(square);
        diagonal[k] = A[k * N + k];
        off[k] = length;
        v[k + 1] -= length;
        const double norm = 2.0 * (square - length * first); /* v.v */
        if (!(norm > 0.0)) {
            continue;
        }
        for (size_t i = k + 1; i < N; i++) {
            const double *restrict row = A + i * N;
            w[i] = 0.0;
            for (size_t j = k + 1; j < N; j++) {
                w[i] += row[j] * v[j];
            }
            w[i] *= 2.0 / norm;
            mix += w[i] * v[i] / norm;
        }
        for (size_t i = k + 1; i < N; i++) {
            w[i] -= mix * v[i];
        }
        for (size_t i = k + 1; i < N; i++) {
            double *restrict row = A + i * N;
            for (size_t j = k + 1; j < N; j++) {
                row[j] -= v[i] * w[j] + w[i] * v[j];
            }
        }
    }
    diagonal[N - 1] = A[N * N - 1];
}

/* Entry i of the diagonal of the inverse is 1/(down_i + up_i - d_i), the pivots of elimination
 * from either end. */
double kr_cholesky_trace(int32_t n, const double *diagonal, const double *off, double shift,
                         double *scratch)
{
    double sum = 0.0, up = 0.0;
    for (int32_t i = 0; i < n; i++) {
        const double d = diagonal[i] + shift;
        scratch[i] = i == 0 ? d : d - off[i - 1] * off[i - 1] / scratch[i - 1];
        if (!(scratch[i] > 0.0)) {
            return INFINITY;
        }
    }
    for (int32_t i = n - 1; i >= 0; i--) {
        const double d = diagonal[i] + shift;
        up = i == n - 1 ? d : d - off[i] * off[i] / up;
        sum += 1.0 / (scratch[i] + up - d);
    }
    return sum;
}
