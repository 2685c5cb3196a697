/* SPDX-License-Identifier: GPL-3.0-or-later
 * stats/weights.c - importance weights: mean, effective sample size, largest share. */
#include "stats/stats.h"

#include <math.h>

void kr_weights_summarize(const double *log_w, int64_t n, kr_weights_summary *summary)
{
    *summary = (kr_weights_summary){ NAN, NAN, NAN, NAN, n };
    double top = -INFINITY;
    for (int64_t k = 0; k < n; k++) {
        if (isnan(log_w[k])) {
            return;
        }
        top = log_w[k] > top ? log_w[k] : top;
    }
    if (!isfinite(top)) {
        return;
    }
    double sum = 0.0, square = 0.0; /* of w / max w: never over- or underflows as a whole */
    for (int64_t k = 0; k < n; k++) {
        double w = exp(log_w[k] - top);
        sum += w;
        square += w * w;
    }
    double count = (double)n, excess = 0.0, mean = sum / count;
    for (int64_t k = 0; k < n; k++) { /* 1/ess - 1 without cancellation */
        double d = exp(log_w[k] - top) / mean - 1.0;
        excess += d * d / count;
    }
    summary->log_mean = top + log(mean);
    summary->log_mean_error = n > 1 ? sqrt(excess / count) : NAN;
    summary->ess = sum * sum / (count * square);
    summary->max_share = 1.0 / sum;
}
