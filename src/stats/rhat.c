/* SPDX-License-Identifier: GPL-3.0-or-later
 * stats/rhat.c - do chains agree: split R-hat.
 *
 * Source: Gelman et al., Bayesian Data Analysis, 3rd ed. (2013), section 11.4. */
#include "stats/stats.h"

#include <math.h>

static void half_moments(const double *x, int64_t n, double shift, double *mean,
                         double *variance)
{
    double s1 = 0.0, s2 = 0.0;
    for (int64_t t = 0; t < n; t++) {
        s1 += x[t] - shift;
    }
    *mean = s1 / (double)n;
    for (int64_t t = 0; t < n; t++) {
        double d = x[t] - shift - *mean;
        s2 += d * d;
    }
    *variance = s2 / (double)(n - 1);
}

double kr_r_hat_split(const double *series, int64_t n_chains, int64_t n_draws)
{
    int64_t half = n_draws / 2; /* an odd number of draws leaves out the middle one */
    if (n_chains < 1 || half < 2) {
        return NAN;
    }
    double m = 2.0 * (double)n_chains, length = (double)half;
    double within = 0.0, mean_of_means = 0.0, square_of_means = 0.0;
    for (int64_t k = 0; k < 2 * n_chains; k++) { /* one pass, Welford over the halves */
        const double *x = series + k / 2 * n_draws + (k % 2) * (n_draws - half);
        double mean, variance;
        half_moments(x, half, series[0], &mean, &variance);
        within += variance / m;
        double d = mean - mean_of_means;
        mean_of_means += d / (double)(k + 1);
        square_of_means += d * (mean - mean_of_means);
    }
    double between = square_of_means / (m - 1.0); /* variance of the means of halves */
    if (within <= 1e-26 * between) {              /* rounding of constant halves */
        return between > 0.0 ? INFINITY : NAN;
    }
    return sqrt((length - 1.0) / length + between / within);
}
