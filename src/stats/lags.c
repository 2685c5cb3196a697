/* SPDX-License-Identifier: GPL-3.0-or-later
 * stats/lags.c - sums of products at a distance, over all chains. */
#include "stats/lags.h"

#include "base/memory.h"

#include <gsl/gsl_fft_halfcomplex.h>
#include <gsl/gsl_fft_real.h>

#include <string.h>

#define DIRECT_LAGS  64 /* beyond this many an FFT is cheaper */
#define ACCUMULATORS 8

int kr_lags_init(kr_lags *lags, const double *delta, int64_t n_chains, int64_t n_draws,
                 int64_t max_lag, kr_error *err)
{
    *lags = (kr_lags){ delta, n_chains, n_draws, max_lag, NULL, 0 };
    lags->sum = kr_alloc((size_t)max_lag + 1, sizeof *lags->sum, err);
    return lags->sum ? KR_OK : KR_ENOMEM;
}

void kr_lags_clear(kr_lags *lags)
{
    kr_free(lags->sum);
    lags->sum = NULL;
}

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

static double sum_direct(const kr_lags *l, int64_t lag)
{
    double sum = 0.0;
    for (int64_t c = 0; c < l->n_chains; c++) {
        const double *chain = l->delta + c * l->n_draws;
        sum += dot(chain, chain + lag, l->n_draws - lag);
    }
    return sum;
}

/* All lags from power spectra summed over chains; zero padding keeps the ends of a chain
 * apart. */
static int sum_by_fft(kr_lags *l, kr_error *err)
{
    size_t length = 1;
    while (length < (size_t)(l->n_draws + l->max_lag + 1)) {
        length *= 2;
    }
    double *work = kr_alloc(2 * length, sizeof *work, err);
    if (!work) {
        return KR_ENOMEM;
    }
    double *power = work + length;
    for (int64_t c = 0; c < l->n_chains; c++) {
        memset(work, 0, length * sizeof *work);
        memcpy(work, l->delta + c * l->n_draws, (size_t)l->n_draws * sizeof *work);
        gsl_fft_real_radix2_transform(work, 1, length);
        power[0] += work[0] * work[0];
        power[length / 2] += work[length / 2] * work[length / 2];
        for (size_t k = 1; k < length / 2; k++) {
            power[k] += work[k] * work[k] + work[length - k] * work[length - k];
        }
    }
    gsl_fft_halfcomplex_radix2_inverse(power, 1, length); /* imaginary half is still zero */
    memcpy(l->sum, power, ((size_t)l->max_lag + 1) * sizeof *power);
    l->n_known = l->max_lag + 1;
    kr_free(work);
    return KR_OK;
}

int kr_lags_sum(kr_lags *l, int64_t lag, double *sum, kr_error *err)
{
    if (lag >= l->n_known && lag > DIRECT_LAGS) {
        KR_TRY(sum_by_fft(l, err));
    }
    for (; l->n_known <= lag; l->n_known++) {
        l->sum[l->n_known] = sum_direct(l, l->n_known);
    }
    *sum = l->sum[lag];
    return KR_OK;
}
