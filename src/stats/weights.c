/* SPDX-License-Identifier: GPL-3.0-or-later
 * stats/weights.c - importance weights: mean, effective sample size, largest share. */
#include "stats/stats.h"

#include <math.h>

static void mean_of_log(const double *log_w, int64_t n, kr_weights_summary *summary)
{
    double sum = 0.0, square = 0.0, count = (double)n;
    for (int64_t k = 0; k < n; k++) {
        sum += log_w[k] - log_w[0];
    }
    for (int64_t k = 0; k < n; k++) {
        double d = log_w[k] - log_w[0] - sum / count;
        square += d * d;
    }
    summary->mean_log = log_w[0] + sum / count;
    summary->mean_log_error = n > 1 ? sqrt(square / (count - 1.0) / count) : NAN;
}

/* The distance changes with log Z by -<w Z/(w + Z)^2>_q - <w Z/(w + Z)^2>_p = -<w/(w + Z)>_q.
 */
static void bridge(const double *log_w, int64_t n, kr_weights_summary *summary)
{
    double sum = 0.0, square = 0.0, count = (double)n;
    for (int64_t k = 0; k < n; k++) {
        sum += 1.0 / (1.0 + exp(summary->log_mean - log_w[k]));
    }
    for (int64_t k = 0; k < n; k++) {
        double x = log_w[k] - summary->log_mean;
        double d = 1.0 / (1.0 + exp(-x)) - sum / count * exp(x);
        square += d * d; /* of mean zero */
    }
    summary->bridge = sum / count;
    summary->bridge_error = n > 1 ? sqrt(square / (count - 1.0) / count) : NAN;
}

static void inverse_moments(const double *log_w, int64_t n, kr_weights_summary *summary)
{
    double sum = 0.0, square = 0.0;
    for (int64_t k = 0; k < n; k++) {
        double inverse = exp(summary->log_mean - log_w[k]); /* infinite beyond its range */
        sum += inverse;
        square += inverse * inverse;
    }
    summary->inverse = sum / (double)n;
    summary->inverse_square = square / (double)n;
}

void kr_weights_summarize(const double *log_w, int64_t n, kr_weights_summary *summary)
{
    *summary = (kr_weights_summary){ NAN, NAN, NAN, NAN, n, NAN, NAN, NAN, NAN, NAN, NAN };
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
    mean_of_log(log_w, n, summary);
    bridge(log_w, n, summary);
    inverse_moments(log_w, n, summary);
}
