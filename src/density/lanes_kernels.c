/* SPDX-License-Identifier: GPL-3.0-or-later
 * density/lanes_kernels.c - the kernels of lanes.h for one instruction set.
 *
 * Compiled once per instruction set as KR_ISA_NAME(kr_lanes). Every output element is one chain
 * of fused multiply-adds whose order does not depend on the vector length; tiling only changes
 * which chains run side by side. */
#include "density/lanes.h"

#include "base/isa.h"
#include "density/lanes_vector.h"

#include <string.h>

#define TILE_ROWS    16
#define TILE_VECTORS 4

/* What one tile computes: out[m][.] = start + sum_k W[m * row_step + k * sum_step] x[k][.]. */
typedef struct panel {
    const float *W;
    size_t row_step, sum_step;
    int32_t K;
    const float *bias;    /* NULL: start from out (when keep) or from zero */
    const float *x;       /* rows of ldx floats */
    const int32_t *index; /* row of x for each k, or NULL */
    size_t ldx;
    float *out;
    size_t ldo;
    bool keep;
} panel;

/* kernel: rows x vectors accumulators in registers; both are constants after inlining */
KR_INLINE void tile(const int rows, const int vectors, const panel *p, size_t m, size_t l)
{
    vf sum[TILE_ROWS][TILE_VECTORS];
    const float *W = p->W + m * p->row_step, *x = p->x + l;
    float *out = p->out + m * p->ldo + l;
    const size_t row_step = p->row_step, sum_step = p->sum_step, ldx = p->ldx, ldo = p->ldo;
    const int32_t *index = p->index;
    const size_t K = (size_t)p->K;
#pragma GCC unroll 16
    for (int r = 0; r < rows; r++) {
#pragma GCC unroll 4
        for (int v = 0; v < vectors; v++) {
            sum[r][v] = p->bias   ? vf_set(p->bias[m + (size_t)r])
                        : p->keep ? vf_load(out + (size_t)r * ldo + v * KR_VF)
                                  : vf_set(0.0f);
        }
    }
    for (size_t k = 0; k < K; k++) {
        const float *from = x + (index ? (size_t)index[k] : k) * ldx;
        vf in[TILE_VECTORS];
#pragma GCC unroll 4
        for (int v = 0; v < vectors; v++) {
            in[v] = vf_load(from + v * KR_VF);
        }
#pragma GCC unroll 16
        for (int r = 0; r < rows; r++) {
            vf w = vf_set(W[(size_t)r * row_step + k * sum_step]);
#pragma GCC unroll 4
            for (int v = 0; v < vectors; v++) {
                sum[r][v] = vf_fma(w, in[v], sum[r][v]);
            }
        }
    }
#pragma GCC unroll 16
    for (int r = 0; r < rows; r++) {
#pragma GCC unroll 4
        for (int v = 0; v < vectors; v++) {
            vf_store(out + (size_t)r * ldo + v * KR_VF, sum[r][v]);
        }
    }
}

#define COLUMN(NAME, vectors, a, b)                                                            \
    static void NAME(const panel *p, size_t M, size_t l)                                       \
    {                                                                                          \
        size_t m = 0;                                                                          \
        for (; m + (a) <= M; m += (a)) {                                                       \
            tile(a, vectors, p, m, l);                                                         \
        }                                                                                      \
        for (; m + (b) <= M; m += (b)) {                                                       \
            tile(b, vectors, p, m, l);                                                         \
        }                                                                                      \
        for (; m < M; m++) {                                                                   \
            tile(1, vectors, p, m, l);                                                         \
        }                                                                                      \
    }

#if KR_VF == 16
COLUMN(column_64, 4, 4, 2)
COLUMN(column_32, 2, 8, 4)
COLUMN(column_16, 1, 16, 4)
#elif KR_VF == 8
COLUMN(column_16, 2, 4, 2)
#elif defined(__ARM_NEON)
COLUMN(column_16, 4, 4, 2)
#else
COLUMN(column_16, 4, 1, 1)
#endif

static void run_panel(const panel *p, size_t M, size_t L)
{
    size_t l = 0;
#if KR_VF == 16
    for (; l + 64 <= L; l += 64) {
        column_64(p, M, l);
    }
    for (; l + 32 <= L; l += 32) {
        column_32(p, M, l);
    }
#endif
    for (; l < L; l += 16) {
        column_16(p, M, l);
    }
}

static void gemm(int32_t M, int32_t K, const float *W, size_t ldw, const float *bias,
                 const float *x, const int32_t *row, float *out, int32_t L)
{
    const panel p = { .W = W,
                      .row_step = ldw,
                      .sum_step = 1,
                      .K = K,
                      .bias = bias,
                      .x = x,
                      .index = row,
                      .ldx = (size_t)L,
                      .out = out,
                      .ldo = (size_t)L,
                      .keep = true };
    run_panel(&p, (size_t)M, (size_t)L);
}

static void gemm_transposed(int32_t M, int32_t K, const float *W, size_t ldw, const float *e,
                            float *dx, int32_t L)
{
    const panel p = { .W = W,
                      .row_step = 1,
                      .sum_step = ldw,
                      .K = M,
                      .x = e,
                      .ldx = (size_t)L,
                      .out = dx,
                      .ldo = (size_t)L,
                      .keep = true };
    run_panel(&p, (size_t)K, (size_t)L);
}

/* ---- outer products ---------------------------------------------------------------------- */

/* to[c][r] = from[r][c] for a 4 x 4 tile */
KR_INLINE void transpose_4x4(const float *const from[4], float *to, size_t ldt)
{
    typedef float v4 __attribute__((vector_size(16), may_alias));
    v4 a = *(const v4 *)from[0], b = *(const v4 *)from[1], c = *(const v4 *)from[2],
       d = *(const v4 *)from[3];
    v4 ab0 = { a[0], b[0], a[1], b[1] }, ab1 = { a[2], b[2], a[3], b[3] };
    v4 cd0 = { c[0], d[0], c[1], d[1] }, cd1 = { c[2], d[2], c[3], d[3] };
    *(v4 *)to = (v4){ ab0[0], ab0[1], cd0[0], cd0[1] };
    *(v4 *)(to + ldt) = (v4){ ab0[2], ab0[3], cd0[2], cd0[3] };
    *(v4 *)(to + 2 * ldt) = (v4){ ab1[0], ab1[1], cd1[0], cd1[1] };
    *(v4 *)(to + 3 * ldt) = (v4){ ab1[2], ab1[3], cd1[2], cd1[3] };
}

/* pack[l][k] = x[row[k]][l] for l < n, k < K; row K, if there is room, holds ones (for the
 * bias), then zeros */
static void pack_rows(size_t K, size_t n, const float *x, const int32_t *row, size_t L,
                      float *pack, size_t ldp)
{
    static const float ones[KR_LANES_MAX] __attribute__((aligned(16))) = {
        1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1,
        1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1,
        1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1,
    };
    static const float zeros[KR_LANES_MAX] __attribute__((aligned(16))) = { 0 };
    for (size_t k = 0; k < ldp; k += 4) {
        const float *from[4];
        size_t step[4];
        for (size_t j = 0; j < 4; j++) {
            size_t i = k + j;
            step[j] = i < K ? 4 : 0;
            from[j] = i < K ? x + (row ? (size_t)row[i] : i) * L : i == K ? ones : zeros;
        }
        for (size_t l = 0; l < n; l += 4) {
            transpose_4x4(from, pack + l * ldp + k, ldp);
            for (size_t j = 0; j < 4; j++) {
                from[j] += step[j];
            }
        }
    }
}

/* dW[k] += sum[k], k < K, then db += sum[K] */
static void add_row(size_t K, const float *sum, float *dW, float *db)
{
    size_t k = 0;
    for (; k + KR_VF <= K; k += KR_VF) {
        vf_store_loose(dW + k, vf_load_loose(dW + k) + vf_load(sum + k));
    }
    for (; k < K; k++) {
        dW[k] += sum[k];
    }
    if (db) {
        *db += sum[K];
    }
}

static void outer(int32_t M, int32_t K, int32_t n, const float *e, const float *x,
                  const int32_t *row, float *dW, size_t ldw, float *db, float *pack, int32_t L)
{
    const size_t ldp = kr_lanes_pad((size_t)K + (db != NULL)), rows = kr_lanes_pad((size_t)n);
    pack_rows((size_t)K, rows, x, row, (size_t)L, pack, ldp);
    float *sum = pack + rows * ldp;
    for (int32_t m = 0; m < M; m += TILE_ROWS) {
        const int32_t m_now = M - m < TILE_ROWS ? M - m : TILE_ROWS;
        const panel p = { .W = e + (size_t)m * (size_t)L,
                          .row_step = (size_t)L,
                          .sum_step = 1,
                          .K = n,
                          .x = pack,
                          .ldx = ldp,
                          .out = sum,
                          .ldo = ldp };
        run_panel(&p, (size_t)m_now, ldp);
        for (int32_t r = 0; r < m_now; r++) {
            add_row((size_t)K, sum + (size_t)r * ldp, dW + (size_t)(m + r) * ldw,
                    db ? db + m + r : NULL);
        }
    }
}

/* ---- elementwise ------------------------------------------------------------------------- */

static void phi(size_t n, const float *a, float *h)
{
    for (size_t i = 0; i < n; i += KR_VF) {
        vf_store(h + i, phi_vector(vf_load(a + i)));
    }
}

static void scale_rows(int32_t M, int32_t L, float scale, const float *bias, float *y)
{
    const vf by = vf_set(scale);
    for (int32_t m = 0; m < M; m++, y += L) {
        const vf plus = vf_set(bias ? bias[m] : 0.0f);
        for (int32_t l = 0; l < L; l += KR_VF) {
            vf_store(y + l, vf_fma(vf_load(y + l), by, plus));
        }
    }
}

static void phi_back(size_t n, const float *h, const float *d, float *e)
{
    for (size_t i = 0; i < n; i += KR_VF) {
        vf u = vf_load(h + i);
        vf_store(e + i, vf_load(d + i) * vf_fma(-u, u, vf_set(1.0f)));
    }
}

/* z is first rounded to a grid (2^-21 below |z| = 4) that is coarse against the rounding
 * errors of what follows: so m never decreases with z. */
static void sigmoid(int32_t L, const float *z, uint32_t *m)
{
    const vf four = vf_set(4.0f), one = vf_set(1.0f), exact = vf_set(0x1p23f);
    const vi half = (vi)vf_set(-0.0f), low_one = (vi)(vf_set(0.0f) == vf_set(0.0f)) & 1;
    for (int32_t l = 0; l < L; l += KR_VF) {
        vf from = vf_load(z + l);
        vf a = (vf)((vi)from & 0x7fffffff);
        a = (vf_min(vf_set(24.0f), a) + four) - four;
        vf e = exp_minus(a);
        vf t = e / (one + e) * vf_set(0x1p32f);
        vf whole = (t + exact) - exact; /* rounds below 2^23; larger t are integers */
        t = vf_select(t < exact, whole, t);
        vi is_half = (vi)(t >= vf_set(0x1p31f)), is_low = (vi)(t < one);
        vi small = __builtin_convertvector(vf_select(is_half, one, t), vi);
        small = (is_half & half) | (~is_half & ((is_low & low_one) | (~is_low & small)));
        vi positive = (vi)(from > vf_set(0.0f));
        small = (positive & (vi) - (vu)small) | (~positive & small); /* 2^32 - m modulo 2^32 */
        memcpy(m + l, &small, sizeof small);
    }
}

static void softmax(int32_t q, int32_t L, const float *z, float scale, uint32_t *m,
                    uint64_t *total)
{
    const vf exact = vf_set(0x1p23f), one = vf_set(1.0f), limit = vf_set(24.0f);
    for (int32_t l = 0; l < L; l += KR_VF) {
        vf top = vf_load(z + l);
        for (int32_t a = 1; a < q; a++) {
            top = vf_max(vf_load(z + a * L + l), top);
        }
        vu sum = { 0 };
        for (int32_t a = 0; a < q; a++) {
            vf t = exp_minus(vf_min(top - vf_load(z + a * L + l), limit)) * vf_set(scale);
            t = vf_select(t < exact, (t + exact) - exact, t);
            vi w = __builtin_convertvector(vf_max(one, t), vi);
            memcpy(m + a * L + l, &w, sizeof w);
            sum += (vu)w;
        }
        uint32_t low[KR_VF];
        memcpy(low, &sum, sizeof low);
        for (int v = 0; v < KR_VF; v++) { /* modulo 2^32; it is in 1 .. 2^32 */
            total[l + v] = low[v] ? low[v] : UINT64_C(1) << 32;
        }
    }
}

/* ---- the yardstick ----------------------------------------------------------------------- */

static double multiply_adds(int64_t n, float start)
{
    enum { CHAINS = 12 }; /* more than latency times width of any unit; fit into 16 registers */
    vf sum[CHAINS], by = vf_set(start);
    for (int k = 0; k < CHAINS; k++) {
        sum[k] = vf_set(start + (float)k);
    }
    for (int64_t round = 0; round < n; round++) {
#pragma GCC unroll 12
        for (int k = 0; k < CHAINS; k++) {
            sum[k] = vf_fma(sum[k], by, by);
        }
    }
    float kept[KR_VF] __attribute__((aligned(64)));
    for (int k = 1; k < CHAINS; k++) {
        sum[0] += sum[k];
    }
    vf_store(kept, sum[0]);
    volatile float used = kept[0]; /* the compiler may not leave the loop out */
    (void)used;
    return 2.0 * CHAINS * KR_VF * (double)n;
}

extern const kr_lanes KR_ISA_NAME(kr_lanes);
const kr_lanes KR_ISA_NAME(kr_lanes) = {
    .name = KR_ISA_TEXT,
    .gemm = gemm,
    .gemm_transposed = gemm_transposed,
    .outer = outer,
    .phi = phi,
    .scale = scale_rows,
    .phi_back = phi_back,
    .sigmoid = sigmoid,
    .softmax = softmax,
    .multiply_adds = multiply_adds,
};
