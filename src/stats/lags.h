/* SPDX-License-Identifier: GPL-3.0-or-later
 * stats/lags.h - sums of products at a distance, over all chains, computed as they are asked
 * for: directly up to a few dozen lags, all at once by FFT beyond. */
#ifndef KR_STATS_LAGS_H
#define KR_STATS_LAGS_H

#include "kramers_plug.h"

typedef struct kr_lags {
    const double *delta; /* (n_chains, n_draws); borrowed */
    int64_t n_chains, n_draws, max_lag;
    double *sum; /* (max_lag + 1) of those known; owns */
    int64_t n_known;
} kr_lags;

/* delta: deviations from a mean. Clear with kr_lags_clear, also after an error. Errors:
 * KR_ENOMEM. */
int kr_lags_init(kr_lags *lags, const double *delta, int64_t n_chains, int64_t n_draws,
                 int64_t max_lag, kr_error *err);
void kr_lags_clear(kr_lags *lags);
/* *sum = sum over chains c and draws t of delta[c][t] delta[c][t + lag], 0 <= lag <= max_lag,
 * asked for in ascending order. Errors: KR_ENOMEM. */
int kr_lags_sum(kr_lags *lags, int64_t lag, double *sum, kr_error *err);

#endif
