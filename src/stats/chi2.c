/* SPDX-License-Identifier: GPL-3.0-or-later
 * stats/chi2.c - goodness of fit and bounds for many z values at once. */
#include "stats/stats.h"

#include <gsl/gsl_cdf.h>

#include <math.h>

double kr_chi2_p(double chi2, double k)
{
    if (!(k > 0.0) || isnan(chi2)) {
        return NAN;
    }
    if (chi2 <= 0.0) {
        return 1.0;
    }
    return isinf(chi2) ? 0.0 : gsl_cdf_chisq_Q(chi2, k);
}

static double cell(double observed, double expected)
{
    return (observed - expected) * (observed - expected) / expected;
}

double kr_chi2_statistic(const int64_t *observed, const double *expected, size_t n,
                         double min_expected, double *dof)
{
    double pool_observed = 0.0, pool_expected = 0.0, chi2 = 0.0, n_cells = 0.0;
    size_t smallest = n; /* smallest cell that stands alone */
    for (size_t k = 0; k < n; k++) {
        if (!(expected[k] > 0.0)) {
            chi2 += observed[k] > 0 ? INFINITY : 0.0;
        } else if (expected[k] < min_expected) {
            pool_observed += (double)observed[k];
            pool_expected += expected[k];
        } else if (smallest == n || expected[k] < expected[smallest]) {
            smallest = k;
        }
    }
    bool joins = pool_expected > 0.0 && pool_expected < min_expected && smallest < n;
    for (size_t k = 0; k < n; k++) {
        if (expected[k] > 0.0 && expected[k] >= min_expected && !(joins && k == smallest)) {
            chi2 += cell((double)observed[k], expected[k]);
            n_cells += 1.0;
        }
    }
    if (joins) {
        chi2 += cell((double)observed[smallest] + pool_observed,
                     expected[smallest] + pool_expected);
        n_cells += 1.0;
    } else if (pool_expected > 0.0) {
        chi2 += cell(pool_observed, pool_expected);
        n_cells += 1.0;
    }
    *dof = n_cells - 1.0;
    return chi2;
}

double kr_z_limit(int64_t n)
{
    static const double count[] = { 1.0, 20.0, 100.0, 1000.0 };
    static const double limit[] = { 3.9, 4.6, 4.9, 5.3 };
    double x = log(n > 1 ? (double)n : 1.0);
    int k = 0;
    while (k < 2 && x > log(count[k + 1])) {
        k++;
    }
    double slope = (limit[k + 1] - limit[k]) / (log(count[k + 1]) - log(count[k]));
    return limit[k] + slope * (x - log(count[k]));
}
