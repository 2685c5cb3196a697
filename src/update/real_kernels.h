/* SPDX-License-Identifier: GPL-3.0-or-later
 * update/real_kernels.h - loops of the updates of real variables, once per instruction set.
 *
 * They work on groups of KR_LANES_PAD chains: x (n, KR_LANES_PAD). All sets give the same bits.
 * Threads: pure. */
#ifndef KR_UPDATE_REAL_KERNELS_H
#define KR_UPDATE_REAL_KERNELS_H

#include "kramers_plug.h"

typedef struct kr_real_kernels {
    /* y += a x, numbers n a multiple of 8 */
    void (*add)(size_t n, double a, const double *x, double *y);
    /* y_i += a s_i x_i in every lane */
    void (*add_scaled)(int32_t n, double a, const double *s, const double *x, double *y);
    /* sum_i x_i^2 / 2 of every lane */
    void (*half_square)(int32_t n, const double *x, double *out);
    /* A Metropolis step of one site of a group. From 2 KR_LANES_PAD random words: value = x +
     * width u, u uniform in [-1, 1), into `value`; then, with the change that this makes,
     * acceptance of those with change <= -log(u')/beta: x and energy are updated, and the lanes
     * that moved come back as bits. */
    void (*propose)(const uint64_t *words, double width, const double *x, double *value);
    unsigned (*accept)(const uint64_t *words, double beta, const double *change,
                       const double *value, double *x, double *energy);
} kr_real_kernels;

extern const kr_real_kernels kr_real_kernels_avx512, kr_real_kernels_avx2,
    kr_real_kernels_portable;
const kr_real_kernels *kr_real_kernels_of(kr_isa isa);

#endif
