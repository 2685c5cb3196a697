/* SPDX-License-Identifier: GPL-3.0-or-later
 * analysis/blocks.c - series of any length as means of blocks of draws. */
#include "analysis/blocks.h"

#include "base/memory.h"

#include <math.h>
#include <string.h>

int64_t kr_blocks_step(int64_t n_chains, int64_t n_draws, int64_t n_points, int64_t most)
{
    if (most < 0) {
        return 1;
    }
    const int64_t of_point = most ? most : KR_BLOCKS_MOST;
    const int64_t of_all = most ? most : KR_BLOCKS_TOTAL;
    const int64_t n = n_chains * n_draws, total = n * n_points;
    int64_t step = n / of_point + (n % of_point != 0);
    const int64_t for_all = total / of_all + (total % of_all != 0);
    step = step > for_all ? step : for_all;
    const int64_t longest = n_draws / KR_BLOCKS_LEAST;
    step = step < longest ? step : longest;
    return step > 1 ? step : 1;
}

static int alloc(const kr_series *series, const kr_blocks_options *o, kr_blocks *b,
                 kr_error *err)
{
    b->n_chains = series->n_chains;
    b->n_draws = series->n_draws;
    b->n_points = series->n_points;
    b->step = kr_blocks_step(b->n_chains, b->n_draws, b->n_points, o->most);
    b->n = b->n_draws / b->step + (b->n_draws % b->step != 0);
    const size_t size = (size_t)(b->n_points * b->n_chains) * (size_t)b->n;
    const bool is_reduced = b->step > 1;
    b->value = kr_alloc(size, sizeof(double), err);
    b->moments = kr_alloc((size_t)b->n_points, sizeof *b->moments, err);
    b->first = is_reduced ? kr_alloc(size, sizeof(double), err) : NULL;
    b->square = is_reduced && o->has_squares ? kr_alloc(size, sizeof(double), err) : NULL;
    const bool is_short = !b->value || !b->moments || (is_reduced && !b->first) ||
                          (is_reduced && o->has_squares && !b->square);
    return is_short ? KR_ENOMEM : KR_OK;
}

void kr_blocks_clear(kr_blocks *b)
{
    kr_free(b->value);
    kr_free(b->square);
    kr_free(b->first);
    kr_free(b->moments);
    *b = (kr_blocks){ 0 };
}

/* Draws of one chain at one point, one after the other. */
static const double *gather(const kr_series *s, const kr_blocks_options *o, int64_t c,
                            int64_t p, double *work)
{
    const double *x = s->value + c * s->n * s->n_points + p;
    if (s->n_points == 1 && !o->map) {
        return x;
    }
    for (int64_t t = 0; t < s->n; t++) {
        const double y = x[t * s->n_points];
        work[t] = o->map ? o->map(y, o->parameter[p]) : y;
    }
    return work;
}

/* The mean of the first piece, from which everything is counted, and the first value. */
static void start_moments(const kr_series *s, const kr_blocks_options *o, kr_blocks *b,
                          double *work)
{
    for (int64_t p = 0; p < b->n_points; p++) {
        double sum = 0.0;
        kr_draw_moments *m = &b->moments[p];
        *m = (kr_draw_moments){ .is_constant = true, .bad_chain = -1, .bad_draw = -1 };
        for (int64_t c = 0; c < b->n_chains; c++) {
            const double *x = gather(s, o, c, p, work);
            for (int64_t t = 0; t < s->n; t++) {
                sum += x[t];
            }
            m->low = m->high = c == 0 ? x[0] : m->low;
        }
        const double mean = sum / (double)(b->n_chains * s->n);
        m->shift = isfinite(mean) ? mean : 0.0;
    }
}

static void note_bad(kr_draw_moments *m, const double *x, int64_t n, int64_t chain,
                     int64_t begin)
{
    for (int64_t t = 0; t < n; t++) {
        if (!isfinite(x[t])) {
            if (m->bad_chain < 0 || chain < m->bad_chain) { /* the first one of the series */
                m->bad_chain = chain;
                m->bad_draw = begin + t;
                m->bad_value = x[t];
            }
            return;
        }
    }
}

/* n draws within one block. */
static void add_draws(kr_blocks *b, int64_t p, int64_t c, int64_t t, const double *x, int64_t n)
{
    kr_draw_moments *m = &b->moments[p];
    const int64_t at = (p * b->n_chains + c) * b->n + t / b->step;
    double sum = 0.0, square = 0.0, low = x[0], high = x[0];
    for (int64_t k = 0; k < n; k++) {
        const double d = x[k] - m->shift;
        sum += d;
        square += d * d;
        low = x[k] < low ? x[k] : low;
        high = x[k] > high ? x[k] : high;
    }
    if (t % b->step == 0) {
        b->first[at] = x[0];
    }
    b->value[at] += sum;
    m->variance += square;
    if (b->square) {
        b->square[at] += square;
    }
    m->low = low < m->low ? low : m->low;
    m->high = high > m->high ? high : m->high;
    if (!isfinite(square)) {
        note_bad(m, x, n, c, t);
    }
}

static void add_piece(kr_blocks *b, const kr_series *s, const kr_blocks_options *o,
                      double *work, double *pair)
{
    for (int64_t p = 0; p < b->n_points; p++) {
        kr_draw_moments *m = &b->moments[p];
        for (int64_t c = 0; c < b->n_chains; c++) {
            const double *x = gather(s, o, c, p, work);
            if (b->step == 1) {
                memcpy(b->value + (p * b->n_chains + c) * b->n + s->begin, x,
                       (size_t)s->n * sizeof *x);
                continue;
            }
            for (int64_t t = 0, n; t < s->n; t += n) {
                const int64_t left = b->step - (s->begin + t) % b->step;
                n = left < s->n - t ? left : s->n - t;
                add_draws(b, p, c, s->begin + t, x + t, n);
            }
            for (int64_t t = 0; o->has_pairs && t < s->n; t++) {
                const double d = x[t] - m->shift;
                m->pair_variance += c % 2 ? pair[t] * d : 0.0;
                pair[t] = d;
            }
        }
    }
}

/* Sums become means, the short block at the end of a chain takes its place. */
static void finish_point(kr_blocks *b, int64_t p)
{
    kr_draw_moments *m = &b->moments[p];
    const double n = (double)(b->n_chains * b->n_draws), step = (double)b->step;
    double *value = b->value + p * b->n_chains * b->n, sum = 0.0;
    m->is_constant = m->low == m->high && m->bad_chain < 0;
    for (int64_t k = 0; k < b->n_chains * b->n; k++) {
        sum += value[k];
    }
    const double d = sum / n;
    m->mean = m->is_constant ? m->low : m->shift + d;
    m->variance = m->variance / n - d * d;
    m->pair_variance = 0.5 * m->variance + (m->pair_variance / n - 0.5 * d * d);
    const double missing = 1.0 - (double)(b->n_draws - (b->n - 1) * b->step) / step;
    for (int64_t c = 0; c < b->n_chains; c++) {
        for (int64_t k = 0; k < b->n; k++) {
            double *z = &value[c * b->n + k];
            const double lack = k + 1 == b->n ? missing : 0.0;
            *z = m->is_constant ? m->low : m->shift + (*z / step + lack * d);
        }
    }
}

int kr_blocks_read(kr_series *series, const kr_blocks_options *o, kr_blocks *b, kr_error *err)
{
    *b = (kr_blocks){ 0 };
    KR_TRY(alloc(series, o, b, err));
    series->length = o->length ? o->length : series->length;
    const int64_t most = series->length < b->n_draws ? series->length : b->n_draws;
    double *work = kr_alloc(2 * (size_t)most, sizeof *work, err);
    int status = work ? kr_series_next(series, err) : KR_ENOMEM;
    while (status == KR_OK && series->n > 0) {
        if (series->begin == 0 && b->step > 1) {
            start_moments(series, o, b, work);
        }
        add_piece(b, series, o, work, work + most);
        if (o->visit) {
            o->visit(o->visitor, series);
        }
        status = kr_series_next(series, err);
    }
    for (int64_t p = 0; p < b->n_points && b->step > 1 && status == KR_OK; p++) {
        finish_point(b, p);
    }
    kr_free(work);
    return status;
}

void kr_blocks_squares(const kr_blocks *b, int64_t p, double shift, double *x, double *square)
{
    const double *value = b->value + p * b->n_chains * b->n;
    const int64_t size = b->n_chains * b->n;
    if (b->step == 1) {
        for (int64_t k = 0; k < size; k++) {
            x[k] = value[k] - shift;
            square[k] = x[k] * x[k];
        }
        return;
    }
    const kr_draw_moments *m = &b->moments[p];
    const double *sum = b->square + p * size;
    const double step = (double)b->step, d = m->mean - m->shift, move = shift - m->shift;
    const double mean = m->variance + (d - move) * (d - move); /* of the squares */
    const double rest = (double)(b->n_draws - (b->n - 1) * b->step) / step;
    for (int64_t k = 0; k < size; k++) {
        const double full = k % b->n + 1 == b->n ? rest : 1.0;
        const double u = value[k] - m->shift - (1.0 - full) * d; /* sum of x over step */
        x[k] = value[k] - shift;
        square[k] = sum[k] / step - 2.0 * move * u + full * move * move + (1.0 - full) * mean;
    }
}

double kr_blocks_mean(const kr_blocks *b, int64_t p)
{
    const int64_t size = b->n_chains * b->n;
    double sum = 0.0;
    if (b->step > 1) {
        return b->moments[p].bad_chain < 0 ? b->moments[p].mean : NAN;
    }
    for (int64_t k = 0; k < size; k++) {
        sum += b->value[p * size + k];
    }
    return sum / (double)size;
}

double kr_blocks_variance(const kr_blocks *b, int64_t p)
{
    const int64_t size = b->n_chains * b->n;
    const double mean = kr_blocks_mean(b, p);
    double square = 0.0;
    if (b->step > 1) {
        return b->moments[p].variance;
    }
    for (int64_t k = 0; k < size; k++) {
        const double d = b->value[p * size + k] - mean;
        square += d * d;
    }
    return square / (double)size;
}

int64_t kr_blocks_bin(const kr_blocks *b, double tau_int, int64_t n_rows, int64_t min_bins)
{
    const double tau = tau_int / (double)b->step; /* bins have ten of it */
    return kr_jackknife_bin(b->step > 1 ? fmax(tau, 0.8) : tau, n_rows, b->n, min_bins);
}

void kr_blocks_range(const kr_blocks *b, int64_t p, double *low, double *high)
{
    const int64_t size = b->n_chains * b->n;
    const double *x = b->value + p * size;
    if (b->step > 1) {
        const bool is_bad = b->moments[p].bad_chain >= 0;
        *low = is_bad ? NAN : b->moments[p].low;
        *high = is_bad ? NAN : b->moments[p].high;
        return;
    }
    *low = INFINITY;
    *high = -INFINITY;
    bool is_bad = false;
    for (int64_t k = 0; k < size; k++) {
        *low = x[k] < *low ? x[k] : *low;
        *high = x[k] > *high ? x[k] : *high;
        is_bad = is_bad || isnan(x[k]);
    }
    *low = is_bad ? NAN : *low;
    *high = is_bad ? NAN : *high;
}

/* From numbers of blocks to numbers of draws: error^2 = 2 tau_int variance/n, with the variance
 * of single draws, corrected for the fluctuation of the mean. The error of tau_int is that of
 * the sum over the window, which here hardly depends on the variance (Wolff, eq. (35)). */
static void rescale(const kr_blocks *b, int64_t p, int64_t n_rows, kr_estimate *e)
{
    const kr_draw_moments *m = &b->moments[p];
    const double n = (double)(n_rows * b->n_draws), n_blocks = (double)e->n;
    const bool is_paired = n_rows != b->n_chains;
    e->error *= (double)b->step * n_blocks / n;
    const double variance = (is_paired ? m->pair_variance : m->variance) + e->error * e->error;
    e->mean = m->mean;
    e->tau_int = 0.5 * n * e->error * e->error / variance;
    e->tau_int_error = e->tau_int * sqrt((4.0 * (double)e->window + 2.0) / n_blocks);
    e->ess = 0.5 * n / e->tau_int;
    e->n = n_rows * b->n_draws;
    e->window *= b->step;
}

int kr_blocks_estimate(const kr_blocks *b, int64_t p, const double *x, int64_t n_rows,
                       kr_estimate *e, kr_error *err)
{
    if (b->step == 1) {
        return kr_gamma_estimate(x, n_rows, b->n, e, err);
    }
    const kr_draw_moments *m = &b->moments[p];
    if (m->bad_chain >= 0) {
        *e = kr_estimate_unknown(n_rows * b->n_draws);
        return kr_fail(err, KR_EINVAL,
                       "series: draw %lld of chain %lld is %g, want finite numbers",
                       (long long)m->bad_draw, (long long)m->bad_chain, m->bad_value);
    }
    KR_TRY(kr_gamma_estimate(x, n_rows, b->n, e, err));
    if (!e->is_constant) {
        rescale(b, p, n_rows, e);
        return KR_OK;
    }
    e->n = n_rows * b->n_draws;
    e->ess = (double)e->n;
    if (!m->is_constant && n_rows == b->n_chains) { /* draws alternate within blocks */
        e->is_constant = false;
        e->error = sqrt(m->variance / (double)e->n);
    }
    return KR_OK;
}
