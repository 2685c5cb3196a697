/* SPDX-License-Identifier: GPL-3.0-or-later
 * density/lanes.h - float32 kernels with chains in SIMD lanes, one table per instruction set.
 *
 * Arrays are [row][stride], stride a multiple of KR_LANES_PAD (16), 64-byte aligned. Every
 * output element is one fmaf chain in the order stated, so its bits do not depend on the lane
 * it sits in, on the number of lanes or on the instruction set. lanes_kernels.c is compiled
 * once per instruction set; kr_lanes_best picks at run time. Letters: M rows out, K rows in, L
 * = stride lanes. Threads: pure. */
#ifndef KR_DENSITY_LANES_H
#define KR_DENSITY_LANES_H

#include "kramers_plug.h"

typedef struct kr_lanes {
    const char *name; /* "avx512", "avx2", "portable" */
    /* out[m][l] = bias[m] (or the old out[m][l] when bias is NULL) + sum_k W[m * ldw + k]
     * x[row[k]][l], k ascending; row NULL means row[k] = k. */
    void (*gemm)(int32_t M, int32_t K, const float *W, size_t ldw, const float *bias,
                 const float *x, const int32_t *row, float *out, int32_t L);
    /* dx[k][l] += sum_m W[m * ldw + k] e[m][l], m ascending: input cotangents of gemm. */
    void (*gemm_transposed)(int32_t M, int32_t K, const float *W, size_t ldw, const float *e,
                            float *dx, int32_t L);
    /* dW[m * ldw + k] += sum_{l < n} e[m][l] x[row[k]][l], l ascending (a separate chain added
     * once); db[m] += sum_l e[m][l] when not NULL. pack: scratch of kr_lanes_outer_scratch
     * floats. */
    void (*outer)(int32_t M, int32_t K, int32_t n, const float *e, const float *x,
                  const int32_t *row, float *dW, size_t ldw, float *db, float *pack, int32_t L);
    /* h = phi(a) elementwise, n a multiple of 16; phi is the tanh of this program: odd to the
     * bit, |phi| <= 1, |phi - tanh| <= 1e-6. In place allowed. */
    void (*phi)(size_t n, const float *a, float *h);
    /* y[m][l] = y[m][l] scale + bias[m], rounded once; bias NULL: 0. */
    void (*scale)(int32_t M, int32_t L, float scale, const float *bias, float *y);
    /* e[i] = d[i] * (1 - h[i]^2): cotangent through phi. In place allowed. */
    void (*phi_back)(size_t n, const float *h, const float *d, float *e);
    /* m[l] = clamp(round(2^32 sigma(z[l])), 1, 2^32 - 1), odd: m(-z) = 2^32 - m(z) exactly. */
    void (*sigmoid)(int32_t L, const float *z, uint32_t *m);
    /* m[a][l] = max(1, round(scale e^(z[a][l] - max_a z[a][l]))) for a < q, q >= 3; total[l] =
     * sum_a m[a][l] <= 2^32. scale: kr_categorical_scale. NaN counts as far below the maximum.
     */
    void (*softmax)(int32_t q, int32_t L, const float *z, float scale, uint32_t *m,
                    uint64_t *total);
    /* n rounds of independent fused multiply-adds in registers, nothing else: the most that any
     * kernel can reach. start: 1, unknown to the compiler. Returns the number of floating-point
     * operations, two per multiply-add and element. */
    double (*multiply_adds)(int64_t n, float start);
} kr_lanes;

size_t kr_lanes_outer_scratch(int32_t M, int32_t K, int32_t L); /* floats */

/* The fastest table this CPU runs. isa: NULL, or "avx512" / "avx2" / "portable" to force one
 * (NULL returned when this CPU or build lacks it). */
const kr_lanes *kr_lanes_best(const char *isa);

#endif
