/* SPDX-License-Identifier: GPL-3.0-or-later
 * stats/rank.c - rank-normalized split R-hat, ESS of bulk and tails.
 *
 * Values are replaced by the normal score of their rank, so that neither a heavy tail nor a
 * change of scale hides what chains disagree on; folding about the median shows chains whose
 * widths differ. Source: Vehtari, Gelman, Simpson, Carpenter, Buerkner, Bayesian Anal. 16, 667
 * (2021), section 4; sums of autocorrelations end as in Geyer, Stat. Sci. 7, 473 (1992). */
#include "stats/stats.h"

#include "base/memory.h"
#include "stats/lags.h"

#include <gsl/gsl_cdf.h>

#include <math.h>
#include <stdlib.h>

#define TAIL     0.05
#define DRAWS_AT 4         /* per chain, below there is nothing to say */
#define MOST     (1 << 22) /* values that are sorted */

typedef struct ranked {
    double value;
    int64_t at; /* in the split chains */
} ranked;

typedef struct work {
    int64_t n_halves, length, n; /* halves of chains, draws in each, values */
    ranked *sorted, *folded;     /* (n) */
    double *score, *delta;       /* (n) in the order of the draws */
} work;

static int compare(const void *a, const void *b)
{
    const double x = ((const ranked *)a)->value, y = ((const ranked *)b)->value;
    return (x > y) - (x < y);
}

/* Value at fraction p of the sorted ones, linear between neighbors. */
static double quantile(const work *w, double p)
{
    double place = p * (double)(w->n - 1);
    int64_t k = (int64_t)place;
    double low = w->sorted[k].value, high = w->sorted[k + 1 < w->n ? k + 1 : k].value;
    return low + (place - (double)k) * (high - low);
}

/* Normal scores of the ranks, equal values sharing the mean of theirs. */
static void fill_scores(work *w, const ranked *sorted)
{
    for (int64_t k = 0, end; k < w->n; k = end) {
        for (end = k + 1; end < w->n && sorted[end].value == sorted[k].value;) {
            end++;
        }
        double rank = 0.5 * (double)(k + 1 + end);
        double score = gsl_cdf_ugaussian_Pinv((rank - 0.375) / ((double)w->n + 0.25));
        for (int64_t j = k; j < end; j++) {
            w->score[sorted[j].at] = score;
        }
    }
}

/* Distances from the median, ascending: two sorted lists, one on either side, are merged. */
static void fold(work *w)
{
    double median = quantile(w, 0.5);
    int64_t right = 0;
    while (right < w->n && w->sorted[right].value < median) {
        right++;
    }
    int64_t left = right - 1;
    for (int64_t k = 0; k < w->n; k++) {
        double below = left >= 0 ? median - w->sorted[left].value : INFINITY;
        double above = right < w->n ? w->sorted[right].value - median : INFINITY;
        w->folded[k] = below < above ? (ranked){ below, w->sorted[left--].at }
                                     : (ranked){ above, w->sorted[right++].at };
    }
}

/* Variance of the means of the halves about their mean; deviations go to delta. */
static double center(const work *w, const double *x)
{
    double mean = 0.0, square = 0.0;
    for (int64_t c = 0; c < w->n_halves; c++) {
        const double *chain = x + c * w->length;
        double sum = 0.0;
        for (int64_t t = 0; t < w->length; t++) {
            sum += chain[t];
        }
        sum /= (double)w->length;
        for (int64_t t = 0; t < w->length; t++) {
            w->delta[c * w->length + t] = chain[t] - sum;
        }
        double d = sum - mean;
        mean += d / (double)(c + 1);
        square += d * (sum - mean);
    }
    return square / (double)(w->n_halves - 1);
}

/* rho of the halves together at one lag, so that halves that disagree have a long memory. */
static int find_rho(kr_lags *lags, int64_t lag, double within, double variance, double *rho,
                    kr_error *err)
{
    double sum;
    KR_TRY(kr_lags_sum(lags, lag, &sum, err));
    *rho = lag == 0
               ? 1.0
               : 1.0 - (within - sum / (double)(lags->n_chains * lags->n_draws)) / variance;
    return KR_OK;
}

/* 2 tau_int: autocorrelations are summed by pairs as long as these are positive, none counted
 * larger than the one before it. */
static int sum_pairs(kr_lags *lags, double within, double variance, double *tau, kr_error *err)
{
    double least = INFINITY;
    *tau = -1.0;
    const int64_t end = lags->n_draws - 2; /* the last pair ends the sum in any case */
    for (int64_t t = 0; t < end; t += 2) {
        double even, odd;
        KR_TRY(find_rho(lags, t, within, variance, &even, err));
        KR_TRY(find_rho(lags, t + 1, within, variance, &odd, err));
        if (!(even + odd > 0.0) || (t > 0 && t + 2 >= end)) {
            *tau += even > 0.0 ? even : 0.0;
            break;
        }
        least = fmin(least, even + odd);
        *tau += 2.0 * least;
    }
    return KR_OK;
}

/* ESS of the mean of x (n_halves, length), at most n log10 n; all of n where x is constant. */
static int find_ess(const work *w, const double *x, double *ess, kr_error *err)
{
    const double length = (double)w->length, n = (double)w->n, between = center(w, x);
    double sum, tau = 1.0;
    kr_lags lags;
    int status = kr_lags_init(&lags, w->delta, w->n_halves, w->length, w->length - 1, err);
    if (status == KR_OK) {
        status = kr_lags_sum(&lags, 0, &sum, err);
    }
    if (status == KR_OK) {
        double within = sum / (n - (double)w->n_halves);
        double variance = within * (length - 1.0) / length + between;
        if (variance > 0.0) {
            status = sum_pairs(&lags, within, variance, &tau, err);
            tau = fmax(tau, 1.0 / log10(n));
        }
    }
    kr_lags_clear(&lags);
    *ess = n / tau;
    return status;
}

/* The smaller ESS of the two events of lying in a tail. */
static int find_tail(const work *w, const double *x, double *ess, kr_error *err)
{
    *ess = INFINITY;
    for (int k = 0; k < 2; k++) {
        double limit = quantile(w, k == 0 ? TAIL : 1.0 - TAIL), one;
        for (int64_t j = 0; j < w->n; j++) {
            w->score[j] = x[j] <= limit;
        }
        KR_TRY(find_ess(w, w->score, &one, err));
        *ess = fmin(*ess, one);
    }
    return KR_OK;
}

/* x (n_halves, length): the halves of the chains. */
static int estimate(work *w, const double *x, kr_rank_estimate *e, kr_error *err)
{
    for (int64_t k = 0; k < w->n; k++) {
        w->sorted[k] = (ranked){ x[k], k };
    }
    qsort(w->sorted, (size_t)w->n, sizeof *w->sorted, compare);
    if (w->sorted[0].value == w->sorted[w->n - 1].value) {
        return KR_OK;
    }
    fold(w);
    fill_scores(w, w->folded);
    double folded = kr_r_hat_split(w->score, w->n_halves / 2, 2 * w->length);
    fill_scores(w, w->sorted);
    e->r_hat = fmax(folded, kr_r_hat_split(w->score, w->n_halves / 2, 2 * w->length));
    KR_TRY(find_ess(w, w->score, &e->ess_bulk, err));
    return find_tail(w, x, &e->ess_tail, err);
}

static bool is_finite(const double *series, int64_t n)
{
    bool is_good = true;
    for (int64_t k = 0; k < n; k++) {
        is_good = is_good && isfinite(series[k]);
    }
    return is_good;
}

int kr_rank_estimate_chains(const double *series, int64_t n_chains, int64_t n_draws,
                            kr_rank_estimate *e, kr_error *err)
{
    *e = (kr_rank_estimate){ NAN, NAN, NAN };
    if (n_chains < 1 || n_draws < DRAWS_AT) {
        return KR_OK;
    }
    if (!is_finite(series, n_chains * n_draws)) {
        return kr_fail(err, KR_EINVAL, "series: a value is not finite");
    }
    const int64_t step = (n_chains * n_draws + MOST - 1) / MOST; /* draws between those used */
    work w = { .n_halves = 2 * n_chains, .length = n_draws / step / 2 };
    if (w.length < DRAWS_AT / 2) {
        return KR_OK;
    }
    w.n = w.n_halves * w.length;
    const size_t n = (size_t)w.n;
    double *x = kr_alloc(3 * n, sizeof *x, err);
    w.sorted = kr_alloc(2 * n, sizeof *w.sorted, err);
    int status = x && w.sorted ? KR_OK : KR_ENOMEM;
    if (status == KR_OK) {
        w.folded = w.sorted + n;
        w.score = x + n;
        w.delta = w.score + n;
        for (int64_t c = 0; c < n_chains; c++) { /* an odd number leaves out the middle draw */
            const double *chain = series + c * n_draws;
            const int64_t last = n_draws - w.length * step;
            for (int64_t t = 0; t < w.length; t++) {
                x[2 * c * w.length + t] = chain[t * step];
                x[(2 * c + 1) * w.length + t] = chain[last + t * step];
            }
        }
        status = estimate(&w, x, e, err);
    }
    kr_free(w.sorted);
    kr_free(x);
    return status;
}
