/* SPDX-License-Identifier: GPL-3.0-or-later
 * density/flow_kernels.h - loops of the layers of flows on groups of lanes, once per
 * instruction set.
 *
 * Rows are KR_FLOW_LANES doubles, 64-byte aligned; all sets give the same bits. Threads: pure.
 */
#ifndef KR_DENSITY_FLOW_KERNELS_H
#define KR_DENSITY_FLOW_KERNELS_H

#include "kramers_plug.h"

typedef struct kr_flow_kernels {
    /* out[o][a][k] = bias[a] + sum_b M[a row_step + b column_step] x[o][b][k] for o < outer, k
     * < inner, a < n_rows, b < n_columns ascending; bias NULL: 0. */
    void (*apply)(int32_t n_rows, int32_t n_columns, const double *M, size_t row_step,
                  size_t column_step, const double *bias, int32_t outer, int32_t inner,
                  const double *x, double *out);
    /* x[i] *= s[i] */
    void (*scale)(int32_t n, const double *s, double *x);
    /* out[i] = sum over lanes, in order, of a[i] b[i]; b NULL: of a[i] */
    void (*dot)(int32_t n, const double *a, const double *b, double *out);
} kr_flow_kernels;

extern const kr_flow_kernels kr_flow_kernels_avx512, kr_flow_kernels_avx2,
    kr_flow_kernels_portable;

const kr_flow_kernels *kr_flow_kernels_of(kr_isa isa);

#endif
