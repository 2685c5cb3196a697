/* SPDX-License-Identifier: GPL-3.0-or-later
 * update/real_kernels.c - loops of the updates of real variables, compiled once per
 * instruction set. */
#include "update/real_kernels.h"

#include "base/isa.h"
#include "base/vd.h"

static void add(size_t n, double a, const double *x, double *y)
{
    const vd factor = vd_set(a);
    for (size_t k = 0; k < n; k += VD) {
        vd_store(y + k, vd_fma(factor, vd_load(x + k), vd_load(y + k)));
    }
}

static void add_scaled(int32_t n, double a, const double *s, const double *x, double *y)
{
    for (int32_t i = 0; i < n; i++) {
        const vd factor = vd_set(a * s[i]);
        for (int k = 0; k < KR_LANES_PAD; k += VD) {
            const size_t at = (size_t)i * KR_LANES_PAD + (size_t)k;
            vd_store(y + at, vd_fma(factor, vd_load(x + at), vd_load(y + at)));
        }
    }
}

static void half_square(int32_t n, const double *x, double *out)
{
    vd sum[2] = { vd_set(0.0), vd_set(0.0) };
    for (int32_t i = 0; i < n; i++) {
        for (int k = 0; k < 2; k++) {
            const vd v = vd_load(x + (size_t)i * KR_LANES_PAD + k * VD);
            sum[k] = vd_fma(v, v, sum[k]);
        }
    }
    vd_store(out, vd_set(0.5) * sum[0]);
    vd_store(out + VD, vd_set(0.5) * sum[1]);
}

KR_INLINE vd uniform(const uint64_t *words)
{
    vd u = vd_set(0.0);
    for (int k = 0; k < VD; k++) {
        u[k] = (double)(words[k] >> 11);
    }
    return u * vd_set(0x1p-53);
}

static void propose(const uint64_t *words, double width, const double *x, double *value)
{
    for (int k = 0; k < KR_LANES_PAD; k += VD) {
        const vd u = uniform(words + k) - vd_set(0.5);
        vd_store(value + k, vd_fma(vd_set(2.0 * width), u, vd_load(x + k)));
    }
}

static unsigned accept(const uint64_t *words, double beta, const double *change,
                       const double *value, double *x, double *energy)
{
    unsigned moved = 0;
    for (int k = 0; k < KR_LANES_PAD; k += VD) {
        const vd u = uniform(words + KR_LANES_PAD + k), delta = vd_load(change + k);
        const vd_mask is_taken = u < vd_exp(vd_set(-beta) * delta);
        vd_store(x + k, vd_select(is_taken, vd_load(value + k), vd_load(x + k)));
        vd_store(energy + k, vd_load(energy + k) + vd_select(is_taken, delta, vd_set(0.0)));
        for (int l = 0; l < VD; l++) {
            moved |= (is_taken[l] ? 1u : 0u) << (k + l);
        }
    }
    return moved;
}

const kr_real_kernels KR_ISA_NAME(kr_real_kernels) = { add, add_scaled, half_square, propose,
                                                       accept };
