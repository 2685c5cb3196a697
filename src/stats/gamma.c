/* SPDX-License-Identifier: GPL-3.0-or-later
 * stats/gamma.c - mean, error and integrated autocorrelation time by the Gamma method.
 *
 * Source: Wolff, CPC 156, 143 (2004): autocovariance over replicas about the common mean,
 * automatic window where the sum of statistical and systematic error is least, correction of
 * the autocovariance for the fluctuation of the mean. */
#include "stats/stats.h"

#include "base/memory.h"

#include <gsl/gsl_fft_halfcomplex.h>
#include <gsl/gsl_fft_real.h>

#include <float.h>
#include <math.h>
#include <string.h>

#define DIRECT_LAGS  64  /* beyond this many an FFT is cheaper */
#define WINDOW_S     1.5 /* assumed tau_exp / tau_int */
#define ACCUMULATORS 8

/* sum_k a[k] b[k], in a fixed order that vectorizes */
static double dot(const double *a, const double *b, int64_t n)
{
    double part[ACCUMULATORS] = { 0.0 };
    int64_t k = 0;
    for (; k + ACCUMULATORS <= n; k += ACCUMULATORS) {
        for (int j = 0; j < ACCUMULATORS; j++) {
            part[j] += a[k + j] * b[k + j];
        }
    }
    double sum = 0.0;
    for (; k < n; k++) {
        sum += a[k] * b[k];
    }
    for (int j = 0; j < ACCUMULATORS; j++) {
        sum += part[j];
    }
    return sum;
}

static double lag_direct(const double *delta, int64_t n_chains, int64_t n_draws, int64_t lag)
{
    double sum = 0.0;
    for (int64_t c = 0; c < n_chains; c++) {
        const double *chain = delta + c * n_draws;
        sum += dot(chain, chain + lag, n_draws - lag);
    }
    return sum / (double)(n_chains * (n_draws - lag));
}

/* Autocovariance at lags 0..max_lag from power spectra summed over chains; zero padding keeps
 * the ends of a chain apart. */
static int lags_by_fft(const double *delta, int64_t n_chains, int64_t n_draws, int64_t max_lag,
                       double *gamma, kr_error *err)
{
    size_t length = 1;
    while (length < (size_t)(n_draws + max_lag + 1)) {
        length *= 2;
    }
    double *work = kr_alloc(2 * length, sizeof *work, err);
    if (!work) {
        return KR_ENOMEM;
    }
    double *power = work + length;
    for (int64_t c = 0; c < n_chains; c++) {
        memset(work, 0, length * sizeof *work);
        memcpy(work, delta + c * n_draws, (size_t)n_draws * sizeof *work);
        gsl_fft_real_radix2_transform(work, 1, length);
        power[0] += work[0] * work[0];
        power[length / 2] += work[length / 2] * work[length / 2];
        for (size_t k = 1; k < length / 2; k++) {
            power[k] += work[k] * work[k] + work[length - k] * work[length - k];
        }
    }
    gsl_fft_halfcomplex_radix2_inverse(power, 1, length); /* imaginary half is still zero */
    for (int64_t t = 0; t <= max_lag; t++) {
        gamma[t] = power[t] / (double)(n_chains * (n_draws - t));
    }
    kr_free(work);
    return KR_OK;
}

/* True when lag w closes the window (Wolff section 3.3): the truncation error, estimated from
 * the area under rho so far, falls below the statistical one. */
static bool closes_window(double sum_rho, double sum_abs_rho, double rho_1, int64_t w, double n)
{
    /* clearly anticorrelated series: the decay shows in |rho| only */
    double area = sum_rho <= 0.0 && rho_1 < -3.0 / sqrt(n) ? sum_abs_rho : sum_rho;
    double tau = area > 0.0 ? WINDOW_S / log((area + 1.0) / area) : DBL_EPSILON;
    return exp(-(double)w / tau) - tau / sqrt((double)w * n) < 0.0;
}

/* Fills gamma[0..*window] (capacity max_lag + 1). */
static int find_window(const double *delta, int64_t n_chains, int64_t n_draws, int64_t max_lag,
                       double *gamma, kr_estimate *e, kr_error *err)
{
    double n = (double)(n_chains * n_draws), sum = 0.0, sum_abs = 0.0;
    bool have_all = false;
    gamma[0] = lag_direct(delta, n_chains, n_draws, 0);
    for (int64_t t = 1; t <= max_lag; t++) {
        if (t > DIRECT_LAGS && !have_all) {
            KR_TRY(lags_by_fft(delta, n_chains, n_draws, max_lag, gamma, err));
            have_all = true;
        } else if (!have_all) {
            gamma[t] = lag_direct(delta, n_chains, n_draws, t);
        }
        sum += gamma[t] / gamma[0];
        sum_abs += fabs(gamma[t] / gamma[0]);
        e->window = t;
        if (closes_window(sum, sum_abs, gamma[1] / gamma[0], t, n)) {
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

int kr_gamma_estimate(const double *series, int64_t n_chains, int64_t n_draws,
                      kr_estimate *estimate, kr_error *err)
{
    *estimate = (kr_estimate){ .mean = NAN,
                               .error = NAN,
                               .tau_int = NAN,
                               .tau_int_error = NAN,
                               .ess = NAN,
                               .r_hat = NAN,
                               .n = n_chains * n_draws };
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
    int status = find_window(delta, n_chains, n_draws, max_lag, gamma, estimate, err);
    if (status == KR_OK) {
        finish_estimate(gamma, estimate);
        estimate->r_hat = kr_r_hat_split(series, n_chains, n_draws);
    }
    kr_free(delta);
    return status;
}
