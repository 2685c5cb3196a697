/* SPDX-License-Identifier: GPL-3.0-or-later
 * density/lanes_units.h - float32 kernels with hidden units in SIMD lanes, for networks whose
 * inputs are one-hot (Potts and other states with q > 2).
 *
 * A row holds the H hidden units of one (chain, color) pair, H a multiple of 16, 64-byte
 * aligned. One-hot inputs turn products into sums of rows. A group of n <= KR_UNITS_GROUP
 * chains is served at a time; state points at the first chain of the group in layout LANE
 * (KR_UNITS_GROUP bytes are readable), site lists the K context sites. Q is q rounded up to 16,
 * R >= q the rows of a chain (odd, so that chains do not fall on the same cache sets).
 * A scalar product sums 16 virtual lanes, each one fmaf chain over units u, u + 16, ...,
 * ascending, then adds lanes l and l + 8, l and l + 4, l and l + 2, l and l + 1. So bits depend
 * neither on the instruction set nor on the place of a chain in its block. Threads: pure. */
#ifndef KR_DENSITY_LANES_UNITS_H
#define KR_DENSITY_LANES_UNITS_H

#include "kramers_plug.h"

#define KR_UNITS_GROUP 8
#define KR_UNITS_WORDS (KR_STATES_MAX / 64)

/* A context: which sites of which chains feed the hidden units. */
typedef struct kr_context {
    int32_t n, K; /* chains, context sites */
    const int32_t *site;
    const uint8_t *state;
    size_t stride;
} kr_context;

typedef struct kr_units {
    const char *name;
    /* once[w][l], more[w][l] bit b: color 64 w + b is present in the context of chain l once,
     * more than once; q colors. */
    void (*present)(const kr_context *x, int32_t q, uint64_t once[][KR_UNITS_GROUP],
                    uint64_t more[][KR_UNITS_GROUP]);
    /* z[l Q + s_j(l)] = value[j] for j, l ascending: the last j wins */
    void (*mark)(const kr_context *x, int32_t Q, const float *value, float *z);
    /* A[row[r]] = from for r < n */
    void (*fill)(int32_t H, int32_t n, const int32_t *row, const float *from, float *A);
    /* A[l R + s_j(l)] += W[j] for j, l ascending */
    void (*scatter)(const kr_context *x, int32_t H, int32_t R, const float *W, float *A);
    /* dW[j] += sum_l A[l R + s_j(l)], l ascending */
    void (*gather)(const kr_context *x, int32_t H, int32_t R, const float *A, float *dW);
    /* A[row[r]] = phi(A[row[r]]), out[r] = v . A[row[r]] - zero, r < n; row NULL: row[r] = r */
    void (*phi_dot)(int32_t H, int32_t n, const int32_t *row, const float *v, float zero,
                    float *A, float *out);
    /* Cotangents d[r] of v . phi(A[row[r]]) - v . h0 with h = phi(A) in A: dv += d (h - h0),
     * dc += d v (phi' - phi'_0), A[row[r]] = d v phi'. */
    void (*phi_dot_back)(int32_t H, int32_t n, const int32_t *row, const float *v,
                         const float *h0, const float *d, float *A, float *dv, float *dc);
    /* out[l] = c + sum_j W[j q + s_j(l)], j ascending */
    void (*gather_rows)(const kr_context *x, int32_t H, int32_t q, const float *W,
                        const float *c, float *out);
    /* dW[j q + s_j(l)] += e[l] for j, l ascending */
    void (*scatter_rows)(const kr_context *x, int32_t H, int32_t q, const float *e, float *dW);
    /* out[r] += v . A[r], r < n rows of H */
    void (*dot)(int32_t H, int32_t n, const float *v, const float *A, float *out);
    /* Cotangents d (q) of the logits b_a + v_a . phi(.), h = phi(.): dv_a += d_a h, db_a +=
     * d_a, h becomes sum_a d_a v_a phi'. */
    void (*logits_back)(int32_t H, int32_t q, const float *d, const float *v, float *h,
                        float *dv, float *db);
    /* Rows of Q logits z -> integer weights m_a = max(1, round(scale exp(z_a - z_max))), zero
     * for a >= q, and their sum; scale <= 2^32 / q is integer. n <= KR_UNITS_GROUP rows. */
    void (*weights)(int32_t n, int32_t q, const float *z, float scale, uint32_t *m,
                    uint64_t *total);
    /* d[l][a] = coefficient[l] ([a = s(l)] - m_a / total), n rows of Q. */
    void (*cotangents)(int32_t n, int32_t q, const uint32_t *m, const uint64_t *total,
                       const uint8_t *s, const double *coefficient, float *d);
    /* Hidden units in rows, L chains in lanes: e[u][l] = v[u] d[l] (1 - h[u][l]^2), in place
     * allowed. */
    void (*hidden_back)(int32_t H, int32_t L, const float *v, const float *d, const float *h,
                        float *e);
} kr_units;

/* The table for an instruction set, as kr_lanes_best. */
const kr_units *kr_units_best(const char *isa);

#endif
