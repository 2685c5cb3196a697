/* SPDX-License-Identifier: GPL-3.0-or-later
 * density/flow_log.h - ln J of many sites with few logarithms; for kernel files. */
#ifndef KR_DENSITY_FLOW_LOG_H
#define KR_DENSITY_FLOW_LOG_H

#include "base/vd.h"

#define KR_LOG_PRODUCT 8 /* factors whose logarithm is taken at once */

typedef struct log_sum {
    vd sum, product;
    int n;
} log_sum;

KR_INLINE log_sum log_begin(const double *log_j)
{
    return (log_sum){ vd_load(log_j), vd_set(1.0), 0 };
}

KR_INLINE void log_add(log_sum *at, vd factor)
{
    at->product *= factor;
    if (++at->n == KR_LOG_PRODUCT) {
        at->sum += vd_log(at->product);
        at->product = vd_set(1.0);
        at->n = 0;
    }
}

KR_INLINE void log_end(const log_sum *at, double *log_j)
{
    vd_store(log_j, at->sum + vd_log(at->product));
}

#endif
