/* SPDX-License-Identifier: GPL-3.0-or-later
 * stats/gamma.c - mean, error and integrated autocorrelation time by the Gamma method.
 *
 * Source: Wolff, CPC 156, 143 (2004): autocovariance over replicas about the common mean,
 * automatic window where the sum of statistical and systematic error is least, correction of
 * the autocovariance for the fluctuation of the mean. */
#include "stats/stats.h"

#include "base/memory.h"
#include "stats/lags.h"

#include <float.h>
#include <math.h>

#define WINDOW_S 1.5 /* assumed tau_exp / tau_int */

/* True when lag w closes the window (Wolff section 3.3): the truncation error, estimated from
 * the area under rho so far, falls below the statistical one. */
static bool closes_window(double sum_rho, double sum_abs_rho, double rho_1, int64_t w, double n)
{
    /* clearly anticorrelated series: the decay shows in |rho| only */
    double area = sum_rho <= 0.0 && rho_1 < -3.0 / sqrt(n) ? sum_abs_rho : sum_rho;
    double tau = area > 0.0 ? WINDOW_S / log((area + 1.0) / area) : DBL_EPSILON;
    return exp(-(double)w / tau) - tau / sqrt((double)w * n) < 0.0;
}

/* Autocovariance gamma[0..window] (capacity max_lag + 1). */
static int find_window(kr_lags *lags, double *gamma, kr_estimate *e, kr_error *err)
{
    double sum = 0.0, sum_abs = 0.0;
    for (int64_t t = 0; t <= lags->max_lag; t++) {
        KR_TRY(kr_lags_sum(lags, t, &gamma[t], err));
        gamma[t] /= (double)(lags->n_chains * (lags->n_draws - t));
        if (t == 0) {
            if (!isfinite(gamma[0])) {
                return kr_fail(err, KR_EINVAL,
                               "series: squares of its values overflow, want numbers");
            }
            continue;
        }
        sum += gamma[t] / gamma[0];
        sum_abs += fabs(gamma[t] / gamma[0]);
        e->window = t;
        if (closes_window(sum, sum_abs, gamma[1] / gamma[0], t, (double)e->n)) {
            e->is_window_closed = true;
            break;
        }
    }
    return KR_OK;
}

static void finish_estimate(const double *gamma, kr_estimate *e)
{
    double n = (double)e->n, sum = gamma[0];
    for (int64_t t = 1; t <= e->window; t++) {
        sum += 2.0 * gamma[t];
    }
    /* the mean moves with the data: every gamma[t] came out low by sum / n (eq. (49)) */
    double gamma_0 = gamma[0] + sum / n;
    sum *= 1.0 + (2.0 * (double)e->window + 1.0) / n;
    if (!(sum > gamma_0 / n)) { /* pathological: alternating data, short chains */
        sum = gamma_0 = gamma[0] * n / (n - 1.0);
    }
    e->error = sqrt(sum / n);
    e->tau_int = 0.5 * sum / gamma_0;
    double freedom = (double)e->window + 0.5 - e->tau_int;
    e->tau_int_error = 2.0 * e->tau_int * sqrt((freedom > 0.0 ? freedom : 0.0) / n);
    e->ess = 0.5 * n / e->tau_int;
}

/* Common mean; fails on a value that is not finite. */
static int find_mean(const double *series, int64_t n_chains, int64_t n_draws, kr_estimate *e,
                     kr_error *err)
{
    double sum = 0.0;
    e->is_constant = true;
    for (int64_t c = 0; c < n_chains; c++) {
        double chain_sum = 0.0;
        for (int64_t t = 0; t < n_draws; t++) {
            double x = series[c * n_draws + t];
            if (!isfinite(x)) {
                return kr_fail(err, KR_EINVAL,
                               "series: draw %lld of chain %lld is %g, want finite numbers",
                               (long long)t, (long long)c, x);
            }
            chain_sum += x - series[0];
            e->is_constant = e->is_constant && x == series[0];
        }
        sum += chain_sum;
    }
    e->mean = series[0] + sum / (double)e->n;
    return KR_OK;
}

kr_estimate kr_estimate_unknown(int64_t n)
{
    return (kr_estimate){ .mean = NAN,
                          .error = NAN,
                          .tau_int = NAN,
                          .tau_int_error = NAN,
                          .ess = NAN,
                          .r_hat = NAN,
                          .ess_bulk = NAN,
                          .ess_tail = NAN,
                          .n = n };
}

int kr_gamma_estimate(const double *series, int64_t n_chains, int64_t n_draws,
                      kr_estimate *estimate, kr_error *err)
{
    *estimate = kr_estimate_unknown(n_chains * n_draws);
    if (n_chains < 1 || n_draws < 4) {
        return kr_fail(err, KR_EINVAL,
                       "series: %lld chains of %lld draws, want at least 1 chain of 4",
                       (long long)n_chains, (long long)n_draws);
    }
    KR_TRY(find_mean(series, n_chains, n_draws, estimate, err));
    if (estimate->is_constant) {
        estimate->error = estimate->tau_int_error = 0.0;
        estimate->tau_int = 0.5;
        estimate->ess = (double)estimate->n;
        estimate->is_window_closed = true;
        return KR_OK;
    }
    int64_t max_lag = n_draws / 2;
    double *delta = kr_alloc((size_t)estimate->n + (size_t)max_lag + 1, sizeof *delta, err);
    if (!delta) {
        return KR_ENOMEM;
    }
    for (int64_t k = 0; k < estimate->n; k++) {
        delta[k] = series[k] - estimate->mean;
    }
    double *gamma = delta + estimate->n;
    kr_lags lags;
    int status = kr_lags_init(&lags, delta, n_chains, n_draws, max_lag, err);
    if (status == KR_OK) {
        status = find_window(&lags, gamma, estimate, err);
    }
    if (status == KR_OK) {
        finish_estimate(gamma, estimate);
        estimate->r_hat = kr_r_hat_split(series, n_chains, n_draws);
    }
    kr_lags_clear(&lags);
    kr_free(delta);
    return status;
}
