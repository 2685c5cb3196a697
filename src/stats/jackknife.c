/* SPDX-License-Identifier: GPL-3.0-or-later
 * stats/jackknife.c - blocked jackknife of functions of means; bins never cross chains.
 *
 * Source: Efron, The Jackknife, the Bootstrap and Other Resampling Plans (SIAM, 1982), chs. 2,
 * 3. */
#include "stats/stats.h"

#include "base/memory.h"

#include <math.h>

int64_t kr_jackknife_bin(double tau_int, int64_t n_chains, int64_t n_draws, int64_t min_bins)
{
    double wanted = ceil(10.0 * tau_int);
    int64_t bin = !(wanted >= 1.0) ? 1 : wanted > (double)n_draws ? n_draws : (int64_t)wanted;
    int64_t per_chain = (min_bins + n_chains - 1) / n_chains;
    int64_t longest = n_draws / per_chain;
    bin = bin > longest ? longest : bin;
    return bin > 1 ? bin : 1;
}

/* sum[k][b]: sum of column k over bin b of the (n_chains * per_chain) bins */
static void sum_bins(const double *column, int64_t n_chains, int64_t n_draws, int64_t per_chain,
                     double *sum)
{
    for (int64_t c = 0; c < n_chains; c++) {
        for (int64_t b = 0; b < per_chain; b++) {
            int64_t end = (b + 1) * n_draws / per_chain;
            double s = 0.0;
            for (int64_t t = b * n_draws / per_chain; t < end; t++) {
                s += column[c * n_draws + t];
            }
            sum[c * per_chain + b] = s;
        }
    }
}

int kr_jackknife(const double *const *column, int n_columns, int64_t n_chains, int64_t n_draws,
                 int64_t bin, double (*f)(const double *mean, const void *context),
                 const void *context, double *value, double *error, kr_error *err)
{
    *value = *error = NAN;
    int64_t per_chain = bin >= 1 && n_draws >= 0 ? n_draws / bin : 0;
    int64_t n_bins = n_chains * per_chain;
    if (n_columns < 1 || n_bins < 8) {
        return kr_fail(err, KR_EINVAL,
                       "jackknife: %lld bins of %lld draws, want at least 8 bins",
                       (long long)n_bins, (long long)bin);
    }
    size_t K = (size_t)n_columns, B = (size_t)n_bins;
    double *sum = kr_alloc(K * B + 2 * K + B, sizeof *sum, err);
    if (!sum) {
        return KR_ENOMEM;
    }
    double *total = sum + K * B, *mean = total + K, *left_out = mean + K;
    double n = (double)(n_chains * n_draws), average = 0.0, square = 0.0;
    for (size_t k = 0; k < K; k++) {
        sum_bins(column[k], n_chains, n_draws, per_chain, sum + k * B);
        for (size_t b = 0; b < B; b++) {
            total[k] += sum[k * B + b];
        }
        mean[k] = total[k] / n;
    }
    double plain = f(mean, context);
    for (int64_t b = 0; b < n_bins; b++) {
        int64_t j = b % per_chain;
        int64_t size = (j + 1) * n_draws / per_chain - j * n_draws / per_chain;
        for (size_t k = 0; k < K; k++) {
            mean[k] = (total[k] - sum[k * B + (size_t)b]) / (n - (double)size);
        }
        left_out[b] = f(mean, context) - plain;
        average += left_out[b] / (double)B;
    }
    for (size_t b = 0; b < B; b++) {
        square += (left_out[b] - average) * (left_out[b] - average);
    }
    *value = plain - ((double)B - 1.0) * average;
    /* where f is flat in its means the linear error vanishes: the bias is its scale then */
    *error = hypot(sqrt(square * ((double)B - 1.0) / (double)B), *value - plain);
    kr_free(sum);
    return KR_OK;
}
