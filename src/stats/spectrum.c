/* SPDX-License-Identifier: GPL-3.0-or-later
 * stats/spectrum.c - importance weights in order: the chain of independent proposals that they
 * belong to, and how heavy their tail is. */
#include "stats/stats.h"

#include <gsl/gsl_sort.h>
#include <math.h>

#define TAIL_SHARE 0.2 /* of the weights at most, and 3 sqrt(n), are taken for the tail */
#define TAIL_LEAST 5   /* distinct weights that a fit needs */
/* Relative variance from which on the tail is looked at. Below, the m of n weights that a fit
 * takes hold at most sqrt(m/n) of sqrt(NARROW) = 22 % of all weight more than their share
 * (Cauchy, Schwarz): 5 % with n = 4096, 2 % with 65536. Whatever their law, no mean rests on
 * them; a law fitted to the upper end of a narrow bulk, or to rounding, says nothing. */
#define NARROW      0.05
#define GRID_POINTS 30 /* of theta, and sqrt(n) more */
#define PRIOR       3.0
#define PRIOR_COUNT 10.0 /* weak prior of k, as if so many weights had said 1/2 */

/* Mean of log(1 - theta x): k at a given theta. */
static double k_at(double theta, const double *x, int64_t n)
{
    double sum = 0.0;
    for (int64_t i = 0; i < n; i++) {
        sum += log1p(-theta * x[i]);
    }
    return sum / (double)n;
}

/* k from excesses x > 0 over a threshold, ascending. */
static double fit_pareto(const double *x, int64_t n)
{
    const double quartile = x[(int64_t)((double)n / 4.0 + 0.5) - 1];
    const int64_t m = GRID_POINTS + (int64_t)sqrt((double)n);
    double top = -INFINITY, sum = 0.0, mean = 0.0;
    for (int pass = 0; pass < 2; pass++) { /* top of the likelihood first: no overflow */
        for (int64_t j = 1; j <= m; j++) {
            double theta = 1.0 / x[n - 1] +
                           (1.0 - sqrt((double)m / ((double)j - 0.5))) / (PRIOR * quartile);
            double k = k_at(theta, x, n);
            double likelihood = (double)n * (log(-theta / k) - k - 1.0);
            if (pass == 0) {
                top = fmax(top, likelihood);
            } else if (isfinite(likelihood)) {
                double w = exp(likelihood - top);
                sum += w;
                mean += w * theta;
            }
        }
    }
    return k_at(mean / sum, x, n);
}

/* Relative, without cancellation. */
static double variance(const double *w, int64_t n, double mean)
{
    double sum = 0.0;
    for (int64_t k = 0; k < n; k++) {
        double d = w[k] / mean - 1.0;
        sum += d * d;
    }
    return sum / (double)n;
}

/* w: sorted, over its largest; overwritten. */
static double tail_index(double *w, int64_t n)
{
    int64_t m = (int64_t)ceil(fmin(TAIL_SHARE * (double)n, 3.0 * sqrt((double)n)));
    if (m >= n) {
        return NAN;
    }
    double threshold = w[n - m - 1], *x = w + n - m;
    int64_t n_distinct = 0;
    for (int64_t i = 0; i < m; i++) {
        n_distinct += x[i] > (i ? x[i - 1] : threshold);
    }
    while (m > 0 && !(x[0] > threshold)) { /* as heavy as the threshold: no excess */
        x++;
        m--;
    }
    if (n_distinct < TAIL_LEAST) {
        return NAN;
    }
    for (int64_t i = 0; i < m; i++) {
        x[i] -= threshold;
    }
    return (fit_pareto(x, m) * (double)m + 0.5 * PRIOR_COUNT) / ((double)m + PRIOR_COUNT);
}

void kr_weights_analyze(double *log_w, int64_t n, kr_weights_spectrum *spectrum)
{
    *spectrum = (kr_weights_spectrum){ NAN, NAN, NAN, NAN };
    for (int64_t k = 0; k < n; k++) {
        if (!(log_w[k] < INFINITY)) {
            return;
        }
    }
    gsl_sort(log_w, 1, (size_t)n);
    const double top = n ? log_w[n - 1] : -INFINITY, count = (double)n;
    if (!isfinite(top)) {
        return;
    }
    double below = 0.0, sum = 0.0, accepted = 0.0, held = 0.0;
    for (int64_t k = 0; k < n; k++) {
        double w = exp(log_w[k] - top); /* 0 where it counts for nothing */
        below += w;
        /* mean of min(1, w'/w) over the samples w' */
        double move = w > 0.0 ? (below / w + (count - 1.0 - (double)k)) / count : 1.0;
        sum += w;
        accepted += w * move;
        held += w / move;
    }
    spectrum->acceptance = accepted / sum;
    spectrum->tau_int = held / sum - 0.5;
    spectrum->holding = count / sum;
    for (int64_t k = 0; k < n; k++) {
        log_w[k] = exp(log_w[k] - top);
    }
    if (!(variance(log_w, n, sum / count) < NARROW)) {
        spectrum->tail_index = tail_index(log_w, n);
    }
}
