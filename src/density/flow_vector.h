/* SPDX-License-Identifier: GPL-3.0-or-later
 * density/flow_vector.h - small helpers of the layers of flows on vectors; for kernel files.
 *
 * The bounded and the positive function are algebraic: a square root and a division, which IEEE
 * arithmetic rounds correctly everywhere, at a third of the cost of tanh and soft-plus. */
#ifndef KR_DENSITY_FLOW_VECTOR_H
#define KR_DENSITY_FLOW_VECTOR_H

#include "base/vd.h"

#define FLOW_PRODUCT 8 /* factors whose logarithm is taken at once */

/* ln of many factors, with few logarithms. */
typedef struct log_sum {
    vd sum, product;
    int n;
} log_sum;

KR_INLINE log_sum begin_log_sum(const double *log_j)
{
    return (log_sum){ vd_load(log_j), vd_set(1.0), 0 };
}

KR_INLINE void add_log(log_sum *at, vd factor)
{
    at->product *= factor;
    if (++at->n == FLOW_PRODUCT) {
        at->sum += vd_log(at->product);
        at->product = vd_set(1.0);
        at->n = 0;
    }
}

KR_INLINE vd end_log(const log_sum *at)
{
    return at->sum + vd_log(at->product);
}

KR_INLINE double sum_half(vd a)
{
    double sum = 0.0;
    for (int k = 0; k < VD; k++) {
        sum += a[k];
    }
    return sum;
}

/* x/sqrt(1 + x^2): odd, smooth, within -1..1. */
KR_INLINE vd flow_bounded(vd x)
{
    return x / vd_sqrt(vd_fma(x, x, vd_set(1.0)));
}

/* Its derivative, (1 + x^2)^(-3/2), given its value. */
KR_INLINE vd flow_bounded_slope(vd value)
{
    const vd rest = vd_fma(-value, value, vd_set(1.0));
    const vd some = vd_select(rest > vd_set(0.0), rest, vd_set(0.0));
    return some * vd_sqrt(some);
}

/* (x + sqrt(x^2 + 4))/2 > 0, 1 at 0; slope: its derivative. */
KR_INLINE vd flow_positive(vd x, vd *slope)
{
    const vd root = vd_sqrt(vd_fma(x, x, vd_set(4.0))), half = vd_set(0.5);
    const vd p = vd_select(x < vd_set(0.0), vd_set(2.0) / (root - x), half * (root + x));
    *slope = p / root;
    return p;
}

#endif
