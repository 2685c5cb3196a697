/* SPDX-License-Identifier: GPL-3.0-or-later
 * density/flow_kernels.c - products of small matrices with groups of lanes, compiled once per
 * instruction set. */
#include "density/flow_kernels.h"

#include "base/isa.h"
#include "base/vd.h"

#define L KR_LANES_PAD

/* `rows` rows of the product at once, half of the lanes at a time. */
KR_INLINE void apply_rows(int rows, int32_t n_columns, const double *M, size_t row_step,
                          size_t column_step, const double *bias, size_t x_step,
                          const double *x, double *out)
{
    for (int half = 0; half < L; half += VD) {
        vd sum[4];
        for (int a = 0; a < rows; a++) {
            sum[a] = vd_set(bias ? bias[a] : 0.0);
        }
        for (int32_t b = 0; b < n_columns; b++) {
            const vd in = vd_load(x + (size_t)b * x_step + half);
            for (int a = 0; a < rows; a++) {
                const double m = M[(size_t)a * row_step + (size_t)b * column_step];
                sum[a] = vd_fma(vd_set(m), in, sum[a]);
            }
        }
        for (int a = 0; a < rows; a++) {
            vd_store(out + (size_t)a * x_step + half, sum[a]);
        }
    }
}

static void apply(int32_t n_rows, int32_t n_columns, const double *M, size_t row_step,
                  size_t column_step, const double *bias, int32_t outer, int32_t inner,
                  const double *x, double *out)
{
    const size_t step = (size_t)inner * L;
    for (int32_t o = 0; o < outer; o++) {
        for (int32_t k = 0; k < inner; k++) {
            const double *in = x + (size_t)o * (size_t)n_columns * step + (size_t)k * L;
            double *to = out + (size_t)o * (size_t)n_rows * step + (size_t)k * L;
            int32_t a = 0;
            for (; a + 4 <= n_rows; a += 4) {
                apply_rows(4, n_columns, M + (size_t)a * row_step, row_step, column_step,
                           bias ? bias + a : NULL, step, in, to + (size_t)a * step);
            }
            for (; a < n_rows; a++) {
                apply_rows(1, n_columns, M + (size_t)a * row_step, row_step, column_step,
                           bias ? bias + a : NULL, step, in, to + (size_t)a * step);
            }
        }
    }
}

static void scale(int32_t n, const double *s, double *x)
{
    for (int32_t i = 0; i < n; i++) {
        for (int k = 0; k < L; k += VD) {
            double *at = x + (size_t)i * L + k;
            vd_store(at, vd_set(s[i]) * vd_load(at));
        }
    }
}

/* Lanes in order. */
KR_INLINE double sum_lanes(vd a, vd b)
{
    double sum = 0.0;
    for (int k = 0; k < VD; k++) {
        sum += a[k];
    }
    for (int k = 0; k < VD; k++) {
        sum += b[k];
    }
    return sum;
}

static void dot(int32_t n, const double *a, const double *b, double *out)
{
    for (int32_t i = 0; i < n; i++) {
        const size_t at = (size_t)i * L;
        vd low = vd_load(a + at), high = vd_load(a + at + VD);
        if (b) {
            low *= vd_load(b + at);
            high *= vd_load(b + at + VD);
        }
        out[i] = sum_lanes(low, high);
    }
}

const kr_flow_kernels KR_ISA_NAME(kr_flow_kernels) = { apply, scale, dot };
