/* SPDX-License-Identifier: GPL-3.0-or-later
 * density/lanes_units.c - the kernels of lanes_units.h for one instruction set.
 *
 * Compiled once per instruction set as KR_ISA_NAME(kr_units). Rows are cut into blocks of 32
 * and 16 units that stay in registers. */
#include "density/lanes_units.h"

#include "base/isa.h"
#include "density/lanes_vector.h"

#include <math.h>
#include <string.h>

#define VECTORS  (16 / KR_VF) /* vectors of 16 virtual lanes */
#define BLOCK(H) ((H)-u >= 32 ? 32 : 16)

typedef uint64_t words8 __attribute__((vector_size(8 * KR_UNITS_GROUP), may_alias));

/* eight bytes, each in a word of its own */
KR_INLINE void widen(const uint8_t *s, words8 *word)
{
#if KR_VF == 16
    *word = (words8)_mm512_cvtepu8_epi64(_mm_loadl_epi64((const __m128i *)(const void *)s));
#elif KR_VF == 8
    const __m128i bytes = _mm_loadl_epi64((const __m128i *)(const void *)s);
    const __m256i half[2] = { _mm256_cvtepu8_epi64(bytes),
                              _mm256_cvtepu8_epi64(_mm_srli_si128(bytes, 4)) };
    memcpy(word, half, sizeof half);
#else
    *word = (words8){ s[0], s[1], s[2], s[3], s[4], s[5], s[6], s[7] };
#endif
}

static void present(const kr_context *x, int32_t q, uint64_t once[][KR_UNITS_GROUP],
                    uint64_t more[][KR_UNITS_GROUP])
{
    for (int32_t w = 0; 64 * w < q; w++) {
        const words8 zero = { 0 }, one = zero + 1;
        words8 seen = zero, again = zero;
        for (int32_t j = 0; j < x->K; j++) {
            words8 state;
            widen(x->state + (size_t)x->site[j] * x->stride, &state);
            words8 bit = one << (state & 63);
            if (q > 64) {
                bit &= (words8)(state >> 6 == zero + (uint64_t)w);
            }
            again |= seen & bit;
            seen |= bit;
        }
        seen &= ~again;
        memcpy(once[w], &seen, sizeof seen);
        memcpy(more[w], &again, sizeof again);
    }
}

static void mark(const kr_context *x, int32_t Q, const float *value, float *z)
{
    for (int32_t j = 0; j < x->K; j++) {
        const uint8_t *s = x->state + (size_t)x->site[j] * x->stride;
        for (int32_t l = 0; l < x->n; l++) {
            z[l * Q + s[l]] = value[j];
        }
    }
}

KR_INLINE void fill_block(const int width, size_t H, int32_t n, const int32_t *row,
                          const float *from, float *A)
{
    vf c[32 / KR_VF];
    for (int v = 0; v < width / KR_VF; v++) {
        c[v] = vf_load(from + v * KR_VF);
    }
    for (int32_t r = 0; r < n; r++) {
        for (int v = 0; v < width / KR_VF; v++) {
            vf_store(A + (size_t)row[r] * H + v * KR_VF, c[v]);
        }
    }
}

static void fill(int32_t H, int32_t n, const int32_t *row, const float *from, float *A)
{
    for (int32_t u = 0; u < H; u += BLOCK(H)) {
        if (BLOCK(H) == 16) {
            fill_block(16, (size_t)H, n, row, from + u, A + u);
        } else {
            fill_block(32, (size_t)H, n, row, from + u, A + u);
        }
    }
}

/* ---- colors as rows ---------------------------------------------------------------------- */

/* kernel: width units of every row, from unit u on */
KR_INLINE void scatter_block(const int width, const int n, const kr_context *x, size_t H,
                             size_t R, const float *W, float *A)
{
    for (size_t j = 0; j < (size_t)x->K; j++) {
        const uint8_t *s = x->state + (size_t)x->site[j] * x->stride;
        vf w[32 / KR_VF];
        for (int v = 0; v < width / KR_VF; v++) {
            w[v] = vf_load(W + j * H + v * KR_VF);
        }
#pragma GCC unroll 8
        for (int l = 0; l < n; l++) {
            float *a = A + ((size_t)l * R + s[l]) * H;
#pragma GCC unroll 8
            for (int v = 0; v < width / KR_VF; v++) {
                vf_store(a + v * KR_VF, vf_load(a + v * KR_VF) + w[v]);
            }
        }
    }
}

static void scatter(const kr_context *x, int32_t H, int32_t R, const float *W, float *A)
{
    for (int32_t u = 0; u < H; u += BLOCK(H)) {
        if (BLOCK(H) == 16) {
            scatter_block(16, x->n, x, (size_t)H, (size_t)R, W + u, A + u);
        } else if (x->n == KR_UNITS_GROUP) {
            scatter_block(32, KR_UNITS_GROUP, x, (size_t)H, (size_t)R, W + u, A + u);
        } else {
            scatter_block(32, x->n, x, (size_t)H, (size_t)R, W + u, A + u);
        }
    }
}

KR_INLINE void gather_block(const int width, const kr_context *x, size_t H, size_t R,
                            const float *A, float *dW)
{
    for (size_t j = 0; j < (size_t)x->K; j++) {
        const uint8_t *s = x->state + (size_t)x->site[j] * x->stride;
        vf sum[32 / KR_VF];
        for (int v = 0; v < width / KR_VF; v++) {
            sum[v] = vf_load(dW + j * H + v * KR_VF);
        }
        for (int l = 0; l < x->n; l++) {
            const float *a = A + ((size_t)l * R + s[l]) * H;
            for (int v = 0; v < width / KR_VF; v++) {
                sum[v] += vf_load(a + v * KR_VF);
            }
        }
        for (int v = 0; v < width / KR_VF; v++) {
            vf_store(dW + j * H + v * KR_VF, sum[v]);
        }
    }
}

static void gather(const kr_context *x, int32_t H, int32_t R, const float *A, float *dW)
{
    for (int32_t u = 0; u < H; u += BLOCK(H)) {
        if (BLOCK(H) == 16) {
            gather_block(16, x, (size_t)H, (size_t)R, A + u, dW + u);
        } else {
            gather_block(32, x, (size_t)H, (size_t)R, A + u, dW + u);
        }
    }
}

/* ---- scalar products --------------------------------------------------------------------- */

/* kernel: out[r] = the sum of row r of 16 lanes by the tree of the header, 16 rows at once */
KR_INLINE void sum_rows(const float *rows, float *out)
{
#if KR_VF == 16
    vf t[8], u[4], w[2];
    for (int r = 0; r < 8; r++) {
        vf a = vf_load(rows + 16 * r), b = vf_load(rows + 16 * (r + 8));
        t[r] = __builtin_shufflevector(a, b, 0, 1, 2, 3, 4, 5, 6, 7, 16, 17, 18, 19, 20, 21, 22,
                                       23) +
               __builtin_shufflevector(a, b, 8, 9, 10, 11, 12, 13, 14, 15, 24, 25, 26, 27, 28,
                                       29, 30, 31);
    }
    for (int r = 0; r < 4; r++) {
        vf a = t[r], b = t[r + 4];
        u[r] = __builtin_shufflevector(a, b, 0, 1, 2, 3, 16, 17, 18, 19, 8, 9, 10, 11, 24, 25,
                                       26, 27) +
               __builtin_shufflevector(a, b, 4, 5, 6, 7, 20, 21, 22, 23, 12, 13, 14, 15, 28, 29,
                                       30, 31);
    }
    for (int r = 0; r < 2; r++) {
        vf a = u[r], b = u[r + 2];
        w[r] = __builtin_shufflevector(a, b, 0, 1, 16, 17, 4, 5, 20, 21, 8, 9, 24, 25, 12, 13,
                                       28, 29) +
               __builtin_shufflevector(a, b, 2, 3, 18, 19, 6, 7, 22, 23, 10, 11, 26, 27, 14, 15,
                                       30, 31);
    }
    vf_store(out, __builtin_shufflevector(w[0], w[1], 0, 16, 2, 18, 4, 20, 6, 22, 8, 24, 10, 26,
                                          12, 28, 14, 30) +
                      __builtin_shufflevector(w[0], w[1], 1, 17, 3, 19, 5, 21, 7, 23, 9, 25, 11,
                                              27, 13, 29, 15, 31));
#elif KR_VF == 8
    for (int half = 0; half < 16; half += 8) {
        vf t[8], u[4], w[2];
        for (int r = 0; r < 8; r++) {
            t[r] = vf_load(rows + 16 * (half + r)) + vf_load(rows + 16 * (half + r) + 8);
        }
        for (int r = 0; r < 4; r++) {
            u[r] = __builtin_shufflevector(t[r], t[r + 4], 0, 1, 2, 3, 8, 9, 10, 11) +
                   __builtin_shufflevector(t[r], t[r + 4], 4, 5, 6, 7, 12, 13, 14, 15);
        }
        for (int r = 0; r < 2; r++) {
            w[r] = __builtin_shufflevector(u[r], u[r + 2], 0, 1, 8, 9, 4, 5, 12, 13) +
                   __builtin_shufflevector(u[r], u[r + 2], 2, 3, 10, 11, 6, 7, 14, 15);
        }
        vf_store(out + half,
                 __builtin_shufflevector(w[0], w[1], 0, 8, 2, 10, 4, 12, 6, 14) +
                     __builtin_shufflevector(w[0], w[1], 1, 9, 3, 11, 5, 13, 7, 15));
    }
#else
    for (int quarter = 0; quarter < 16; quarter += 4) {
        vf u[4], w[2];
        for (int r = 0; r < 4; r++) {
            const float *x = rows + 16 * (quarter + r);
            u[r] = (vf_load(x) + vf_load(x + 8)) + (vf_load(x + 4) + vf_load(x + 12));
        }
        for (int r = 0; r < 2; r++) {
            w[r] = __builtin_shufflevector(u[r], u[r + 2], 0, 1, 4, 5) +
                   __builtin_shufflevector(u[r], u[r + 2], 2, 3, 6, 7);
        }
        vf_store(out + quarter, __builtin_shufflevector(w[0], w[1], 0, 4, 2, 6) +
                                    __builtin_shufflevector(w[0], w[1], 1, 5, 3, 7));
    }
#endif
}

/* a = phi(a), partial = the 16 virtual lanes of v . a; H is a constant where it matters */
KR_INLINE void phi_dot_row(const int32_t H, const float *v, float *a, float *partial)
{
    vf dot[VECTORS];
    for (int k = 0; k < VECTORS; k++) {
        dot[k] = vf_set(0.0f);
    }
    int32_t u = 0;
    for (; u + 32 <= H; u += 32) {
        for (int k = 0; k < VECTORS; k++) {
            float *at = a + u + k * KR_VF;
            const float *by = v + u + k * KR_VF;
            vf h[2];
            phi_pair(vf_load(at), vf_load(at + 16), h);
            vf_store(at, h[0]);
            vf_store(at + 16, h[1]);
            dot[k] = vf_fma(vf_load(by), h[0], dot[k]);
            dot[k] = vf_fma(vf_load(by + 16), h[1], dot[k]);
        }
    }
    for (int k = 0; u < H && k < VECTORS; k++) {
        float *at = a + u + k * KR_VF;
        vf h = phi_vector(vf_load(at));
        vf_store(at, h);
        dot[k] = vf_fma(vf_load(v + u + k * KR_VF), h, dot[k]);
    }
    for (int k = 0; k < VECTORS; k++) {
        vf_store(partial + k * KR_VF, dot[k]);
    }
}

static void phi_dot(int32_t H, int32_t n, const int32_t *row, const float *v, float zero,
                    float *A, float *out)
{
    float partial[16 * 16] __attribute__((aligned(64)));
    float sum[16] __attribute__((aligned(64)));
    for (int32_t r0 = 0; r0 < n; r0 += 16) {
        const int32_t rows = n - r0 < 16 ? n - r0 : 16;
        if (H == 32 && row) { /* the common case: few instructions per row */
            for (int32_t r = 0; r < rows; r++) {
                phi_dot_row(32, v, A + (size_t)row[r0 + r] * 32, partial + 16 * r);
            }
        } else {
            for (int32_t r = 0; r < rows; r++) {
                float *a = A + (size_t)(row ? row[r0 + r] : r0 + r) * (size_t)H;
                phi_dot_row(H, v, a, partial + 16 * r);
            }
        }
        memset(partial + 16 * rows, 0, (size_t)(16 - rows) * 16 * sizeof(float));
        sum_rows(partial, sum);
        for (int32_t r = 0; r < rows; r++) {
            out[r0 + r] = sum[r] - zero;
        }
    }
}

static void dot_rows(int32_t H, int32_t n, const float *v, const float *A, float *out)
{
    float partial[16 * 16] __attribute__((aligned(64)));
    float sum[16] __attribute__((aligned(64)));
    for (int32_t r0 = 0; r0 < n; r0 += 16) {
        const int32_t rows = n - r0 < 16 ? n - r0 : 16;
        for (int32_t r = 0; r < rows; r++) {
            const float *a = A + (size_t)(r0 + r) * (size_t)H;
            vf dot[VECTORS];
            for (int k = 0; k < VECTORS; k++) {
                dot[k] = vf_set(0.0f);
            }
            for (int32_t u = 0; u < H; u += 16) {
                for (int k = 0; k < VECTORS; k++) {
                    dot[k] =
                        vf_fma(vf_load(v + u + k * KR_VF), vf_load(a + u + k * KR_VF), dot[k]);
                }
            }
            for (int k = 0; k < VECTORS; k++) {
                vf_store(partial + 16 * r + k * KR_VF, dot[k]);
            }
        }
        memset(partial + 16 * rows, 0, (size_t)(16 - rows) * 16 * sizeof(float));
        sum_rows(partial, sum);
        for (int32_t r = 0; r < rows; r++) {
            out[r0 + r] += sum[r];
        }
    }
}

static void phi_dot_back(int32_t H, int32_t n, const int32_t *row, const float *v,
                         const float *h0, const float *d, float *A, float *dv, float *dc)
{
    const vf one = vf_set(1.0f);
    float total = 0.0f;
    for (int32_t r = 0; r < n; r++) {
        total += d[r];
    }
    for (int32_t u = 0; u < H; u += KR_VF) {
        vf at_v = vf_load(v + u), at_0 = vf_load(h0 + u), sum_v = vf_set(0.0f), sum_c = sum_v;
        for (int32_t r = 0; r < n; r++) {
            float *a = A + (size_t)row[r] * (size_t)H + u;
            vf h = vf_load(a), by = vf_set(d[r]);
            vf e = by * (at_v * vf_fma(-h, h, one));
            sum_v = vf_fma(by, h, sum_v);
            sum_c += e;
            vf_store(a, e);
        }
        vf by = vf_set(total);
        sum_v -= by * at_0;
        sum_c -= by * (at_v * vf_fma(-at_0, at_0, one));
        vf_store(dv + u, vf_load(dv + u) + sum_v);
        vf_store(dc + u, vf_load(dc + u) + sum_c);
    }
}

/* ---- states as rows of the weights ------------------------------------------------------- */

KR_INLINE void gather_rows_block(const int n, const kr_context *x, size_t H, size_t q,
                                 size_t first, const float *W, const float *c, float *out)
{
    vf sum[4][VECTORS];
    for (int l = 0; l < n; l++) {
        for (int v = 0; v < VECTORS; v++) {
            sum[l][v] = vf_load(c + v * KR_VF);
        }
    }
    for (size_t j = 0; j < (size_t)x->K; j++) {
        const uint8_t *s = x->state + (size_t)x->site[j] * x->stride + first;
        for (int l = 0; l < n; l++) {
            const float *w = W + (j * q + s[l]) * H;
            for (int v = 0; v < VECTORS; v++) {
                sum[l][v] += vf_load(w + v * KR_VF);
            }
        }
    }
    for (int l = 0; l < n; l++) {
        for (int v = 0; v < VECTORS; v++) {
            vf_store(out + (first + (size_t)l) * H + v * KR_VF, sum[l][v]);
        }
    }
}

static void gather_rows(const kr_context *x, int32_t H, int32_t q, const float *W,
                        const float *c, float *out)
{
    for (int32_t u = 0; u < H; u += 16) {
        int32_t l = 0;
        for (; l + 4 <= x->n; l += 4) {
            gather_rows_block(4, x, (size_t)H, (size_t)q, (size_t)l, W + u, c + u, out + u);
        }
        for (; l < x->n; l++) {
            gather_rows_block(1, x, (size_t)H, (size_t)q, (size_t)l, W + u, c + u, out + u);
        }
    }
}

static void scatter_rows(const kr_context *x, int32_t H, int32_t q, const float *e, float *dW)
{
    for (size_t j = 0; j < (size_t)x->K; j++) {
        const uint8_t *s = x->state + (size_t)x->site[j] * x->stride;
        for (int32_t l = 0; l < x->n; l++) {
            float *w = dW + (j * (size_t)q + s[l]) * (size_t)H;
            const float *from = e + (size_t)l * (size_t)H;
            for (int32_t u = 0; u < H; u += KR_VF) {
                vf_store(w + u, vf_load(w + u) + vf_load(from + u));
            }
        }
    }
}

static void logits_back(int32_t H, int32_t q, const float *d, const float *v, float *h,
                        float *dv, float *db)
{
    for (int32_t u = 0; u < H; u += KR_VF) {
        vf at = vf_load(h + u), sum = vf_set(0.0f);
        for (int32_t a = 0; a < q; a++) {
            const size_t k = (size_t)a * (size_t)H + (size_t)u;
            vf by = vf_set(d[a]);
            sum = vf_fma(by, vf_load(v + k), sum);
            vf_store(dv + k, vf_fma(by, at, vf_load(dv + k)));
        }
        vf_store(h + u, sum * vf_fma(-at, at, vf_set(1.0f)));
    }
    for (int32_t a = 0; a < q; a++) {
        db[a] += d[a];
    }
}

/* ---- probabilities ----------------------------------------------------------------------- */

/* all lanes: the largest element */
KR_INLINE vf spread_max(vf a)
{
#if KR_VF == 16
    a = vf_max(
        a, __builtin_shufflevector(a, a, 8, 9, 10, 11, 12, 13, 14, 15, 0, 1, 2, 3, 4, 5, 6, 7));
    a = vf_max(
        a, __builtin_shufflevector(a, a, 4, 5, 6, 7, 0, 1, 2, 3, 12, 13, 14, 15, 8, 9, 10, 11));
    a = vf_max(
        a, __builtin_shufflevector(a, a, 2, 3, 0, 1, 6, 7, 4, 5, 10, 11, 8, 9, 14, 15, 12, 13));
    return vf_max(
        a, __builtin_shufflevector(a, a, 1, 0, 3, 2, 5, 4, 7, 6, 9, 8, 11, 10, 13, 12, 15, 14));
#elif KR_VF == 8
    a = vf_max(a, __builtin_shufflevector(a, a, 4, 5, 6, 7, 0, 1, 2, 3));
    a = vf_max(a, __builtin_shufflevector(a, a, 2, 3, 0, 1, 6, 7, 4, 5));
    return vf_max(a, __builtin_shufflevector(a, a, 1, 0, 3, 2, 5, 4, 7, 6));
#else
    a = vf_max(a, __builtin_shufflevector(a, a, 2, 3, 0, 1));
    return vf_max(a, __builtin_shufflevector(a, a, 1, 0, 3, 2));
#endif
}

/* modulo 2^32 */
KR_INLINE uint32_t add_all(vu a)
{
#if KR_VF == 16
    a += __builtin_shufflevector(a, a, 8, 9, 10, 11, 12, 13, 14, 15, 0, 1, 2, 3, 4, 5, 6, 7);
    a += __builtin_shufflevector(a, a, 4, 5, 6, 7, 0, 1, 2, 3, 12, 13, 14, 15, 8, 9, 10, 11);
#elif KR_VF == 8
    a += __builtin_shufflevector(a, a, 4, 5, 6, 7, 0, 1, 2, 3);
#endif
    return (a[0] + a[1]) + (a[2] + a[3]);
}

/* all ones for those of states a .. a + KR_VF - 1 that exist */
KR_INLINE vi is_state(int32_t a, int32_t q)
{
    static const int32_t number[16]
        __attribute__((aligned(64))) = { 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15 };
    return *(const vi *)(number + a % 16) < q - a / 16 * 16;
}

/* The maxima of all rows first: chains of shuffles of different rows then overlap. */
static void weights(int32_t n, int32_t q, const float *z, float scale, uint32_t *m,
                    uint64_t *total)
{
    const int32_t Q = (q + 15) & ~15;
    const vf exact = vf_set(0x1p23f), one = vf_set(1.0f), limit = vf_set(24.0f);
    vf top[KR_UNITS_GROUP];
    for (int32_t l = 0; l < n; l++) {
        top[l] = vf_set(-INFINITY);
        for (int32_t a = 0; a < Q; a += KR_VF) {
            top[l] = vf_max(top[l], vf_select(is_state(a, q), vf_load(z + l * Q + a), top[l]));
        }
        top[l] = spread_max(top[l]);
    }
    for (int32_t l = 0; l < n; l++) {
        vu sum = { 0 };
        for (int32_t a = 0; a < Q; a += KR_VF) {
            vf below = vf_min(limit, top[l] - vf_load(z + l * Q + a));
            vf t = exp_minus(below) * vf_set(scale);
            t = vf_select(t < exact, (t + exact) - exact, t);
            vi w = is_state(a, q) & __builtin_convertvector(vf_max(one, t), vi);
            memcpy(m + l * Q + a, &w, sizeof w);
            sum += (vu)w;
        }
        const uint32_t whole = add_all(sum);
        total[l] = whole ? whole : UINT64_C(1) << 32; /* it is in 1 .. 2^32 */
    }
}

static void cotangents(int32_t n, int32_t q, const uint32_t *m, const uint64_t *total,
                       const uint8_t *s, const double *coefficient, float *d)
{
    const int32_t Q = (q + 15) & ~15;
    for (int32_t l = 0; l < n; l++, m += Q, d += Q) {
        const float by = (float)(-coefficient[l] / (double)total[l]);
        for (int32_t a = 0; a < Q; a++) {
            d[a] = (float)(int32_t)m[a] * by; /* m < 2^31 as q > 2 */
        }
        d[s[l]] += (float)coefficient[l];
    }
}

static void hidden_back(int32_t H, int32_t L, const float *v, const float *d, const float *h,
                        float *e)
{
    for (int32_t u = 0; u < H; u++, h += L, e += L) {
        const vf at = vf_set(v[u]), one = vf_set(1.0f);
        for (int32_t l = 0; l < L; l += KR_VF) {
            vf x = vf_load(h + l);
            vf_store(e + l, at * vf_load(d + l) * vf_fma(-x, x, one));
        }
    }
}

extern const kr_units KR_ISA_NAME(kr_units);
const kr_units KR_ISA_NAME(kr_units) = {
    .name = KR_ISA_TEXT,
    .present = present,
    .mark = mark,
    .fill = fill,
    .scatter = scatter,
    .gather = gather,
    .phi_dot = phi_dot,
    .phi_dot_back = phi_dot_back,
    .gather_rows = gather_rows,
    .scatter_rows = scatter_rows,
    .dot = dot_rows,
    .logits_back = logits_back,
    .weights = weights,
    .cotangents = cotangents,
    .hidden_back = hidden_back,
};
