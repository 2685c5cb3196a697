/* SPDX-License-Identifier: GPL-3.0-or-later
 * stats/stats.h - errors of correlated data, convergence, goodness of fit. All functions are
 * pure unless said otherwise; series are (n_chains, n_draws) row-major, double. */
#ifndef KR_STATS_STATS_H
#define KR_STATS_STATS_H

#include "kramers_plug.h"

/* Gamma method over replicas (Wolff, CPC 156, 143 (2004), automatic window, S = 1.5, bias
 * corrected). tau_int in draws with the convention tau_int >= 0.5 for white noise. Errors:
 * KR_EINVAL below 4 draws; a constant series has error 0, tau_int 0.5 and is_constant. */
typedef struct kr_estimate {
    double mean, error, tau_int, tau_int_error, ess, r_hat;
    int64_t n; /* values used */
    int64_t window;
    bool is_constant;
} kr_estimate;
int kr_gamma_estimate(const double *series, int64_t n_chains, int64_t n_draws,
                      kr_estimate *estimate, kr_error *err);

/* Split R-hat (Gelman et al. 2013); NaN when within-chain variance is 0 or draws are too few.
 */
double kr_r_hat_split(const double *series, int64_t n_chains, int64_t n_draws);

/* Blocked jackknife of f(means of n_columns series). column[k] is a series of the same shape;
 * bin length given (>= 1; about 10 tau_int is right); at least 8 bins overall. */
int kr_jackknife(const double *const *column, int n_columns, int64_t n_chains, int64_t n_draws,
                 int64_t bin, double (*f)(const double *mean, const void *context),
                 const void *context, double *value, double *error, kr_error *err);

/* Importance weights log w: log of the mean weight, its standard error, ESS fraction
 * (sum w)^2 / (n sum w^2), share of the largest weight in the sum. */
typedef struct kr_weights_summary {
    double log_mean, log_mean_error, ess, max_share;
    int64_t n;
} kr_weights_summary;
void kr_weights_summarize(const double *log_w, int64_t n, kr_weights_summary *summary);

/* Upper tail probability of chi^2 with k degrees of freedom (GSL). */
double kr_chi2_p(double chi2, double k);
/* chi^2 statistic of observed counts against expected ones; cells with expected < min_expected
 * are pooled. *dof gets the degrees of freedom. */
double kr_chi2_statistic(const int64_t *observed, const double *expected, size_t n,
                         double min_expected, double *dof);
/* Bound of max |z| for n simultaneous values: 3.9, 4.6, 4.9, 5.3 at 1, 20, 100, 1000
 * (log-linear between). */
double kr_z_limit(int64_t n);

#endif
