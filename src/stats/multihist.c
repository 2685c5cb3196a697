/* SPDX-License-Identifier: GPL-3.0-or-later
 * stats/multihist.c - multiple-histogram reweighting along one coefficient or two: the table of
 * draws, and means from it once Z is known (multihist_solve.c). */
#include "base/memory.h"
#include "stats/multihist_core.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#define EDGE_DRAWS 16.0

void kr_multihist_free(kr_multihist *m)
{
    if (m) {
        double *own[] = { m->a, m->b, m->n_drawn, m->sum_x, m->table,
                          m->x, m->y, m->log_law, m->f,     m->log_d };
        for (size_t k = 0; k < sizeof own / sizeof *own; k++) {
            kr_free(own[k]);
        }
        kr_free(m->cell);
        kr_free(m->by_y);
    }
    kr_free(m);
}

static int check_shape(const kr_multihist_shape *s, kr_error *err)
{
    const bool has_y = s->b != NULL;
    if (s->n_points < 1 || s->n_bins < 1 || s->n_blocks < 2 || !(s->x_high >= s->x_low) ||
        (has_y && (s->n_bins_y < 1 || !(s->y_high >= s->y_low)))) {
        return kr_fail(err, KR_EINVAL,
                       "reweighting: %lld points, %lld bins, %lld blocks, X in %g..%g, want 1, "
                       "1, 2 or more and finite ends%s",
                       (long long)s->n_points, (long long)s->n_bins, (long long)s->n_blocks,
                       s->x_low, s->x_high, has_y ? ", and so for Y" : "");
    }
    return KR_OK;
}

static int alloc_all(kr_multihist *m, kr_error *err)
{
    const size_t points = (size_t)m->n_points, cells = (size_t)m->n_cells;
    const size_t samples = (size_t)m->n_blocks + 1;
    m->a = kr_alloc(points, sizeof(double), err);
    m->b = kr_alloc(points, sizeof(double), err);
    m->n_drawn = kr_alloc(samples * points, sizeof(double), err);
    m->sum_x = kr_alloc(2 * points, sizeof(double), err);
    m->table = kr_alloc(samples * cells * (size_t)kr_multihist_entries(m), sizeof(double), err);
    m->x = kr_alloc(cells, sizeof(double), err);
    m->y = kr_alloc(cells, sizeof(double), err);
    m->cell = kr_alloc(cells, sizeof *m->cell, err);
    m->by_y = kr_alloc(cells, sizeof *m->by_y, err);
    m->f = kr_alloc(samples * points, sizeof(double), err);
    const bool is_short = !m->a || !m->b || !m->n_drawn || !m->sum_x || !m->table || !m->x ||
                          !m->y || !m->cell || !m->by_y || !m->f;
    return is_short ? KR_ENOMEM : KR_OK;
}

kr_multihist *kr_multihist_alloc(const kr_multihist_shape *shape, kr_error *err)
{
    kr_multihist *m = check_shape(shape, err) == KR_OK ? kr_alloc(1, sizeof *m, err) : NULL;
    if (!m) {
        return NULL;
    }
    const int64_t n_bins_y = shape->b ? shape->n_bins_y : 1;
    *m = (kr_multihist){ .n_points = shape->n_points,
                         .n_bins = shape->n_bins,
                         .n_bins_y = n_bins_y,
                         .n_cells = shape->n_bins * n_bins_y,
                         .n_blocks = shape->n_blocks,
                         .n_columns = shape->n_columns,
                         .x_low = shape->x_low,
                         .x_high = shape->x_high,
                         .y_low = shape->b ? shape->y_low : 0.0,
                         .y_high = shape->b ? shape->y_high : 0.0,
                         .is_weighted = shape->log_w != NULL,
                         .log_w = shape->log_w,
                         .context = shape->context,
                         .label = shape->label };
    if (alloc_all(m, err) != KR_OK) {
        kr_multihist_free(m);
        return NULL;
    }
    memcpy(m->a, shape->a, (size_t)m->n_points * sizeof(double));
    if (shape->b) {
        memcpy(m->b, shape->b, (size_t)m->n_points * sizeof(double));
    }
    return m;
}

const char *kr_multihist_name(const kr_multihist *m, int64_t point, char *text)
{
    if (m->label) {
        return m->label[point];
    }
    const int n = snprintf(text, KR_MULTIHIST_NAME, "%.6g", m->a[point]);
    if (m->n_bins_y > 1) {
        snprintf(text + n, (size_t)(KR_MULTIHIST_NAME - n), ", %.6g", m->b[point]);
    }
    return text;
}

static int64_t bin_of(double x, double low, double high, int64_t n_bins)
{
    const double width = high - low;
    const double place = width > 0.0 ? (x - low) / width * (double)n_bins : 0.0;
    return place >= (double)n_bins ? n_bins - 1 : place > 0.0 ? (int64_t)place : 0;
}

void kr_multihist_add(kr_multihist *m, int64_t point, int64_t block, double weight, double x,
                      double y, const double *column)
{
    const int64_t cell = bin_of(x, m->x_low, m->x_high, m->n_bins) * m->n_bins_y +
                         bin_of(y, m->y_low, m->y_high, m->n_bins_y);
    double *entry = m->table + (block * m->n_cells + cell) * kr_multihist_entries(m);
    m->n_drawn[block * m->n_points + point] += weight;
    m->sum_x[point] += weight * x;
    m->sum_x[m->n_points + point] += weight * y;
    entry[0] += weight;
    entry[1] += weight * x;
    entry[2] += weight * y;
    for (int64_t k = 0; k < m->n_columns; k++) {
        entry[3 + 2 * k] += weight * column[k];
        entry[4 + 2 * k] += weight * column[k] * column[k];
    }
}

/* ---- means --------------------------------------------------------------------------------
 */

double kr_multihist_log_sum(const kr_multihist *m, const double *f, int64_t filled,
                            const double *log_n, double *share)
{
    const double *law = m->log_law + filled * m->n_points;
    double top = -INFINITY, sum = 0.0;
    for (int64_t k = 0; k < m->n_points; k++) {
        share[k] = log_n[k] + f[k] + law[k];
        top = fmax(top, share[k]);
    }
    for (int64_t k = 0; k < m->n_points; k++) {
        share[k] = exp(share[k] - top);
        sum += share[k];
    }
    for (int64_t k = 0; k < m->n_points; k++) {
        share[k] /= sum;
    }
    return top + log(sum);
}

/* ln of the weight of a draw in a filled cell. */
static double log_weight(const kr_multihist *m, double a, double b, int64_t sample, int64_t k)
{
    return -a * m->x[k] - b * m->y[k] - m->log_d[sample * m->n_filled + k];
}

/* A target, and the sum over all draws of weights over exp(top). */
typedef struct target {
    double a, b, top, sum;
    int64_t sample;
} target;

/* Share of the weight in the outermost independent draws of the end that has most of it. */
static double edge_share(const kr_multihist *m, const target *t)
{
    double most = 0.0;
    for (int end = 0; end < (m->n_bins_y > 1 ? 4 : 2); end++) {
        double n = 0.0, share = 0.0;
        for (int64_t k = 0; k < m->n_filled && n < EDGE_DRAWS; k++) {
            const int64_t place = end % 2 == 0 ? k : m->n_filled - 1 - k;
            const int64_t c = end < 2 ? place : m->by_y[place];
            const double here = kr_multihist_entry(m, c, 0, t->sample);
            const double part = here > 0.0 ? fmin(1.0, (EDGE_DRAWS - n) / here) : 0.0;
            share +=
                part * here * exp(log_weight(m, t->a, t->b, t->sample, c) - t->top) / t->sum;
            n += here;
        }
        most = fmax(most, share);
    }
    return most;
}

void kr_multihist_at(const kr_multihist *m, double a, double b, int64_t sample,
                     kr_multihist_mean *mean, double *moments)
{
    target t = { a, b, -INFINITY, 0.0, sample };
    double square = 0.0, x = 0.0, y = 0.0;
    for (int64_t c = 0; c < m->n_filled; c++) {
        t.top = fmax(t.top, log_weight(m, a, b, sample, c));
    }
    for (int64_t k = 0; moments && k < 2 * m->n_columns; k++) {
        moments[k] = 0.0;
    }
    for (int64_t c = 0; c < m->n_filled; c++) {
        const double w = exp(log_weight(m, a, b, sample, c) - t.top);
        const double n = kr_multihist_entry(m, c, 0, sample);
        t.sum += w * n;
        square += w * w * n;
        x += w * n * m->x[c];
        y += w * n * m->y[c];
        for (int64_t k = 0; moments && w > 0.0 && k < 2 * m->n_columns; k++) {
            moments[k] += w * kr_multihist_entry(m, c, 3 + k, sample);
        }
    }
    for (int64_t k = 0; moments && k < 2 * m->n_columns; k++) {
        moments[k] /= t.sum;
    }
    *mean = (kr_multihist_mean){ .log_z = t.top + log(t.sum),
                                 .x = x / t.sum,
                                 .y = y / t.sum,
                                 .ess = t.sum * t.sum / square };
    mean->edge = edge_share(m, &t);
}

double kr_multihist_log_z(const kr_multihist *m, int64_t point, int64_t sample)
{
    return -m->f[sample * m->n_points + point];
}

double kr_multihist_least_overlap(const kr_multihist *m)
{
    return m->least_overlap;
}
