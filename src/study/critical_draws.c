/* SPDX-License-Identifier: GPL-3.0-or-later
 * study/critical_draws.c - draws of a result file, and what they say at values of the parameter
 * near theirs.
 *
 * p(x) at t is that at t0 times exp(-(t - t0) X), X the total conjugate, so <A>(t) = <A w>/<w>,
 * and d<A>/dt = -(<A X> - <A><X>) (Ferrenberg, Swendsen, Phys. Rev. Lett. 61, 2635 (1988)). */
#include "analysis/series.h"
#include "base/memory.h"
#include "stats/stats.h"
#include "study/critical_private.h"

#include <math.h>
#include <string.h>

#define PI 3.14159265358979324

/* Sums of a block: weight, m^2, m^4, |m|, S(0), S(k), each alone and times X. */
enum { ONE, SQUARE, FOURTH, ABS, ZERO, LEAST, MEANS, SUMS = 2 * MEANS };

static int load(kr_reader *reader, const char *name, int64_t point, kr_critical_draws *d,
                double **out, kr_error *err)
{
    kr_series series = { 0 };
    int status = kr_series_load(reader, "posterior", name, &series, err);
    if (status == KR_OK) {
        d->n_chains = series.n_chains;
        d->n_draws = series.n_draws;
        *out = kr_alloc((size_t)(series.n_chains * series.n_draws), sizeof **out, err);
        status = *out ? KR_OK : KR_ENOMEM;
    }
    if (status == KR_OK) {
        kr_series_point(&series, point, *out);
    }
    kr_series_clear(&series);
    return status;
}

int kr_critical_draws_load(const kr_study *study, const char *path, int32_t side, int64_t point,
                           double at, kr_critical_draws *d, kr_error *err)
{
    *d = (kr_critical_draws){ .side = side, .at = at, .ratio_factor = NAN };
    kr_reader *reader = kr_reader_open(path, err);
    if (!reader) {
        return err->status;
    }
    if (!kr_reader_attr_real(reader, "posterior", "", "n_sites", &d->n_sites)) {
        kr_reader_close(reader);
        return kr_fail(err, KR_EUNSUP, "%s: no number of sites", path);
    }
    int status = load(reader, study->conjugate, point, d, &d->x, err);
    status = status == KR_OK ? load(reader, "magnetization_squared", point, d, &d->square, err)
                             : status;
    status = status == KR_OK
                 ? load(reader, "abs_magnetization_per_site", point, d, &d->abs, err)
                 : status;
    if (status == KR_OK && study->has_ratio) {
        const double L = (double)side * study->slices.length / study->shape_least;
        d->ratio_factor = study->slices.unit / (2.0 * sin(PI / L) * L);
        status = load(reader, "structure_zero", point, d, &d->zero, err);
        status =
            status == KR_OK ? load(reader, "structure_min", point, d, &d->least, err) : status;
    }
    kr_reader_close(reader);
    for (int64_t i = 0; status == KR_OK && i < d->n_chains * d->n_draws; i++) {
        d->x[i] *= d->n_sites;
        if (!isfinite(d->x[i]) || !isfinite(d->square[i])) {
            status = kr_fail(err, KR_EUNSUP, "%s: draw %lld is not finite", path, (long long)i);
        }
    }
    if (status != KR_OK) {
        kr_critical_draws_clear(d);
    }
    return status;
}

void kr_critical_draws_clear(kr_critical_draws *d)
{
    kr_free(d->x);
    kr_free(d->square);
    kr_free(d->abs);
    kr_free(d->zero);
    kr_free(d->least);
    *d = (kr_critical_draws){ 0 };
}

/* Blocks of a chain, so that there are some 128 of all chains. */
static int64_t pieces(const kr_critical_draws *d)
{
    int64_t n = d->n_chains > 0 ? KR_CRITICAL_CHAINS / d->n_chains : 0;
    n = n < 1 ? 1 : n;
    return n > d->n_draws ? d->n_draws : n;
}

static double mean_of(const double *x, int64_t n)
{
    double sum = 0.0;
    for (int64_t i = 0; i < n; i++) {
        sum += x[i];
    }
    return sum / (double)n;
}

/* Sums of a piece of a chain with weights exp(-by (X - center)); returns the sum of squares. */
static double add_piece(const kr_critical_draws *d, int64_t from, int64_t to, double by,
                        double center, double sum[SUMS])
{
    double squares = 0.0;
    for (int64_t i = from; i < to; i++) {
        const double x = d->x[i] - center, w = by == 0.0 ? 1.0 : exp(-by * x);
        const double m2 = d->square[i];
        const double value[MEANS] = { 1.0,
                                      m2,
                                      m2 * m2,
                                      d->abs[i],
                                      d->zero ? d->zero[i] : 0.0,
                                      d->least ? d->least[i] : 0.0 };
        for (int k = 0; k < MEANS; k++) {
            sum[k] += w * value[k];
            sum[MEANS + k] += w * value[k] * x;
        }
        squares += w * w;
    }
    return squares;
}

static void quantities(const kr_critical_draws *d, const double sum[SUMS], double out[])
{
    double m[MEANS], slope[MEANS];
    for (int k = 0; k < MEANS; k++) {
        m[k] = sum[k] / sum[ONE];
        slope[k] = -(sum[MEANS + k] / sum[ONE] - m[k] * sum[MEANS + ONE] / sum[ONE]);
    }
    const double m2 = m[SQUARE], m4 = m[FOURTH];
    out[KR_SCALING_BINDER] = 1.0 - m4 / (3.0 * m2 * m2);
    out[KR_SCALING_BINDER_SLOPE] =
        -slope[FOURTH] / (3.0 * m2 * m2) + 2.0 * m4 * slope[SQUARE] / (3.0 * m2 * m2 * m2);
    const double share = m[ZERO] / m[LEAST], root = sqrt(share - 1.0);
    out[KR_SCALING_RATIO] = d->ratio_factor * root;
    out[KR_SCALING_RATIO_SLOPE] =
        d->ratio_factor * 0.5 * (slope[ZERO] - share * slope[LEAST]) / (m[LEAST] * root);
    out[KR_SCALING_SQUARE] = log(m2);
    out[KR_SCALING_SQUARE_SLOPE] = slope[SQUARE] / m2;
    out[KR_SCALING_ABS] = log(m[ABS]);
    out[KR_SCALING_ABS_SLOPE] = slope[ABS] / m[ABS];
}

/* Jackknife over blocks of sums (n, SUMS). */
static void jackknife(const kr_critical_draws *d, const double *sum, int64_t n,
                      kr_scaling_size *data)
{
    enum { D = KR_SCALING_DATA };
    double all[SUMS] = { 0 }, part[SUMS], mean[D] = { 0 }, value[D], square[D][D] = { { 0 } };
    for (int64_t b = 0; b < n; b++) {
        for (int k = 0; k < SUMS; k++) {
            all[k] += sum[b * SUMS + k];
        }
    }
    quantities(d, all, data->value);
    for (int64_t b = 0; b < n; b++) {
        for (int k = 0; k < SUMS; k++) {
            part[k] = all[k] - sum[b * SUMS + k];
        }
        quantities(d, part, value);
        for (int i = 0; i < D; i++) {
            const double off = value[i] - data->value[i];
            mean[i] += off / (double)n;
            for (int j = 0; j <= i; j++) {
                square[i][j] += off * (value[j] - data->value[j]) / (double)n;
            }
        }
    }
    for (int i = 0; i < D; i++) {
        for (int j = 0; j <= i; j++) {
            data->covariance[i][j] = data->covariance[j][i] =
                (double)(n - 1) * (square[i][j] - mean[i] * mean[j]);
        }
    }
    data->n_samples = n;
}

int kr_critical_evaluate(const kr_critical_draws *d, double at, kr_scaling_size *data,
                         double *ess, kr_error *err)
{
    const int64_t per_chain = pieces(d), n = d->n_chains * per_chain,
                  total = d->n_chains * d->n_draws;
    double *sum = n >= 8 ? kr_alloc((size_t)(n * SUMS), sizeof *sum, err) : NULL;
    double squares = 0.0, weights = 0.0;
    *data = (kr_scaling_size){ .length = d->side };
    if (!sum) {
        return n >= 8 ? KR_ENOMEM
                      : kr_fail(err, KR_EUNSUP, "%lld independent parts of the draws, want 8",
                                (long long)n);
    }
    const double center = mean_of(d->x, total);
    for (int64_t b = 0; b < n; b++) {
        const int64_t chain = b / per_chain, piece = b % per_chain;
        const int64_t from = chain * d->n_draws + piece * d->n_draws / per_chain;
        const int64_t to = chain * d->n_draws + (piece + 1) * d->n_draws / per_chain;
        squares += add_piece(d, from, to, at - d->at, center, sum + b * SUMS);
        weights += sum[b * SUMS + ONE];
    }
    *ess = weights * weights / (squares * (double)total);
    jackknife(d, sum, n, data);
    kr_free(sum);
    return KR_OK;
}

int kr_critical_tau(const kr_critical_draws *d, double *slowest, double *fastest, kr_error *err)
{
    const double *column[] = { d->x, d->square, d->abs };
    *slowest = 0.0;
    *fastest = INFINITY;
    for (int k = 0; k < 3; k++) {
        kr_estimate e;
        KR_TRY(kr_gamma_estimate(column[k], d->n_chains, d->n_draws, &e, err));
        *slowest = fmax(*slowest, e.tau_int);
        *fastest = fmin(*fastest, e.tau_int);
    }
    return KR_OK;
}

int kr_critical_coexist(const kr_critical *study, const kr_critical_draws *d,
                        kr_coexistence *out, kr_error *err)
{
    const kr_coexistence_draws draws = { .n_blocks = d->n_chains,
                                         .n_draws = d->n_draws,
                                         .x = d->x,
                                         .order = d->abs,
                                         .at = d->at,
                                         .n_ordered = study->base.n_ordered };
    return kr_coexistence_find(&draws, out, err);
}

/* Distribution of X/N at a value of the parameter. */
static void fill_bins(const kr_critical_draws *d, double by, kr_critical_size *size)
{
    const int64_t n = d->n_chains * d->n_draws;
    double low = INFINITY, high = -INFINITY, total = 0.0;
    for (int64_t i = 0; i < n; i++) {
        low = fmin(low, d->x[i]);
        high = fmax(high, d->x[i]);
    }
    const double center = mean_of(d->x, n);
    const double width = high > low ? (high - low) / KR_CRITICAL_BINS : 1.0;
    memset(size->bin_p, 0, sizeof size->bin_p);
    for (int64_t i = 0; i < n; i++) {
        int k = (int)((d->x[i] - low) / width);
        const double w = exp(-by * (d->x[i] - center));
        k = k < KR_CRITICAL_BINS ? k : KR_CRITICAL_BINS - 1;
        size->bin_p[k] += w;
        total += w;
    }
    for (int k = 0; k < KR_CRITICAL_BINS; k++) {
        size->bin_x[k] = (low + (k + 0.5) * width) / d->n_sites;
        size->bin_p[k] *= d->n_sites / (total * width);
    }
}

int kr_critical_draw(const kr_critical_draws *d, double at, double with, kr_critical_size *size,
                     kr_error *err)
{
    const int64_t n = d->n_chains * d->n_draws;
    const double center = mean_of(d->x, n);
    double variance = 0.0;
    for (int64_t i = 0; i < n; i++) {
        variance += (d->x[i] - center) * (d->x[i] - center) / (double)n;
    }
    fill_bins(d, with - d->at, size);
    for (int c = 0; c < KR_CRITICAL_CURVE; c++) {
        const int half = KR_CRITICAL_CURVE / 2;
        kr_scaling_size data;
        double ess;
        size->curve_at[c] = at + 1.5 / sqrt(variance) * (c - half) / half;
        KR_TRY(kr_critical_evaluate(d, size->curve_at[c], &data, &ess, err));
        for (int k = 0; k < KR_SCALING_DATA; k++) {
            size->curve[c][k] = data.value[k];
            size->curve_error[c][k] = sqrt(data.covariance[k][k]);
        }
        if (!(ess >= 0.02)) {
            size->curve_at[c] = NAN;
        }
    }
    return KR_OK;
}
