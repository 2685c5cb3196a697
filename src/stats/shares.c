/* SPDX-License-Identifier: GPL-3.0-or-later
 * stats/shares.c - shares of the bins of a histogram, with errors. */
#include "stats/stats.h"

#include <math.h>

static double total(const int64_t *count, int64_t n_entries)
{
    double sum = 0.0;
    for (int64_t k = 0; k < n_entries; k++) {
        sum += (double)count[k];
    }
    return sum;
}

/* Of a ratio of sums over groups, to first order: G/(G - 1) sum_g (c_g - p n_g)^2 / n^2. */
void kr_shares_estimate(const int64_t *count, int64_t n_groups, int64_t n_entries,
                        double *share, double *error)
{
    double n = 0.0, n_used = 0.0;
    for (int64_t g = 0; g < n_groups; g++) {
        const double own = total(count + g * n_entries, n_entries);
        n += own;
        n_used += own > 0.0;
    }
    for (int64_t k = 0; k < n_entries; k++) {
        share[k] = error[k] = 0.0;
        for (int64_t g = 0; g < n_groups; g++) {
            share[k] += (double)count[g * n_entries + k];
        }
        share[k] = n > 0.0 ? share[k] / n : NAN;
    }
    for (int64_t g = 0; g < n_groups; g++) {
        const double own = total(count + g * n_entries, n_entries);
        for (int64_t k = 0; k < n_entries; k++) {
            const double d = (double)count[g * n_entries + k] - share[k] * own;
            error[k] += d * d;
        }
    }
    for (int64_t k = 0; k < n_entries; k++) {
        error[k] = n_used > 1.0 ? sqrt(n_used / (n_used - 1.0) * error[k]) / n : NAN;
    }
}
