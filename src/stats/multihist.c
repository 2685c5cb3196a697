/* SPDX-License-Identifier: GPL-3.0-or-later
 * stats/multihist.c - multiple-histogram reweighting along one coefficient.
 *
 * With n_k independent draws of point k, n(X) of all together in a bin and f_k = -ln Z_k, the
 * probability of the data is largest where
 *     sum_X n(X) p_k(X) = n_k,   p_k(X) = n_k exp(f_k - a_k X)/sum_j n_j exp(f_j - a_j X),
 * the only minimum of the convex sum_X n(X) ln sum_j n_j exp(f_j - a_j X) - sum_k n_k f_k:
 * Newton steps, halved until it falls (Shirts, Chodera, J. Chem. Phys. 129, 124105 (2008),
 * appendix C). */
#include "stats/multihist.h"

#include "base/memory.h"

#include <gsl/gsl_blas.h>
#include <gsl/gsl_linalg.h>

#include <math.h>
#include <string.h>

#define STEPS_MOST    200
#define HALVINGS_MOST 40
#define CLOSE         1e-10 /* largest step of f at the end */
#define NEGLIGIBLE    1e-15 /* share of a point in a bin */
#define EDGE_DRAWS    16.0
#define OVERLAP_LEAST 1e-4

struct kr_multihist {
    int64_t n_points, n_bins, n_blocks, n_columns, n_filled;
    double x_low, x_high;
    double *a;       /* (n_points) */
    int64_t *order;  /* (n_points) points by ascending a */
    double *n_drawn; /* (n_blocks + 1, n_points): the last of all blocks together */
    double *sum_x;   /* (n_points) */
    double *table;   /* (n_blocks + 1, n_bins, entries): the last of all blocks together */
    double *x;       /* (n_filled) mean X of the bins that have any */
    int64_t *bin;    /* (n_filled) which these are */
    double *f;       /* (n_blocks + 1, n_points) */
    double *log_d;   /* (n_blocks + 1, n_filled) ln sum_j n_j exp(f_j - a_j X) */
    double least_overlap;
};

/* Entries of a bin: draws, sum of X, then sums of each column and of its square. */
static int64_t entries(const kr_multihist *m)
{
    return 2 + 2 * m->n_columns;
}

void kr_multihist_free(kr_multihist *m)
{
    if (m) {
        kr_free(m->a);
        kr_free(m->order);
        kr_free(m->n_drawn);
        kr_free(m->sum_x);
        kr_free(m->table);
        kr_free(m->x);
        kr_free(m->bin);
        kr_free(m->f);
        kr_free(m->log_d);
    }
    kr_free(m);
}

kr_multihist *kr_multihist_alloc(const kr_multihist_shape *shape, kr_error *err)
{
    if (shape->n_points < 1 || shape->n_bins < 1 || shape->n_blocks < 2 ||
        !(shape->x_high >= shape->x_low)) {
        kr_fail(err, KR_EINVAL,
                "reweighting: %lld points, %lld bins, %lld blocks, X in %g..%g, want 1, 1, 2 "
                "or more and finite ends",
                (long long)shape->n_points, (long long)shape->n_bins,
                (long long)shape->n_blocks, shape->x_low, shape->x_high);
        return NULL;
    }
    kr_multihist *m = kr_alloc(1, sizeof *m, err);
    if (!m) {
        return NULL;
    }
    *m = (kr_multihist){ .n_points = shape->n_points,
                         .n_bins = shape->n_bins,
                         .n_blocks = shape->n_blocks,
                         .n_columns = shape->n_columns,
                         .x_low = shape->x_low,
                         .x_high = shape->x_high };
    const size_t points = (size_t)m->n_points, bins = (size_t)m->n_bins;
    const size_t samples = (size_t)m->n_blocks + 1;
    m->a = kr_alloc(points, sizeof(double), err);
    m->order = kr_alloc(points, sizeof *m->order, err);
    m->n_drawn = kr_alloc(samples * points, sizeof(double), err);
    m->sum_x = kr_alloc(points, sizeof(double), err);
    m->table = kr_alloc(samples * bins * (size_t)entries(m), sizeof(double), err);
    m->x = kr_alloc(bins, sizeof(double), err);
    m->bin = kr_alloc(bins, sizeof *m->bin, err);
    m->f = kr_alloc(samples * points, sizeof(double), err);
    m->log_d = kr_alloc(samples * bins, sizeof(double), err);
    if (!m->a || !m->order || !m->n_drawn || !m->sum_x || !m->table || !m->x || !m->bin ||
        !m->f || !m->log_d) {
        kr_multihist_free(m);
        return NULL;
    }
    memcpy(m->a, shape->a, points * sizeof(double));
    for (int64_t k = 0; k < m->n_points; k++) {
        int64_t j = k;
        for (; j > 0 && m->a[m->order[j - 1]] > m->a[k]; j--) {
            m->order[j] = m->order[j - 1];
        }
        m->order[j] = k;
    }
    return m;
}

void kr_multihist_add(kr_multihist *m, int64_t point, int64_t block, double weight, double x,
                      const double *column)
{
    const double width = m->x_high - m->x_low;
    double place = width > 0.0 ? (x - m->x_low) / width * (double)m->n_bins : 0.0;
    int64_t bin = place >= (double)m->n_bins ? m->n_bins - 1 : place > 0.0 ? (int64_t)place : 0;
    double *entry = m->table + (block * m->n_bins + bin) * entries(m);
    m->n_drawn[block * m->n_points + point] += weight;
    m->sum_x[point] += weight * x;
    entry[0] += weight;
    entry[1] += weight * x;
    for (int64_t k = 0; k < m->n_columns; k++) {
        entry[2 + 2 * k] += weight * column[k];
        entry[3 + 2 * k] += weight * column[k] * column[k];
    }
}

/* ---- the table ----------------------------------------------------------------------------
 */

/* Entry of a filled bin in a sample: all draws, or all without a block. */
static double entry_of(const kr_multihist *m, int64_t filled, int64_t k, int64_t sample)
{
    const int64_t stride = m->n_bins * entries(m), at = m->bin[filled] * entries(m) + k;
    double all = m->table[m->n_blocks * stride + at];
    return sample == 0 ? all : all - m->table[(sample - 1) * stride + at];
}

static double drawn(const kr_multihist *m, int64_t point, int64_t sample)
{
    double all = m->n_drawn[m->n_blocks * m->n_points + point];
    return sample == 0 ? all : all - m->n_drawn[(sample - 1) * m->n_points + point];
}

static void sum_blocks(kr_multihist *m)
{
    const int64_t stride = m->n_bins * entries(m);
    double *all = m->table + m->n_blocks * stride, *n = m->n_drawn + m->n_blocks * m->n_points;
    memset(all, 0, (size_t)stride * sizeof *all);
    memset(n, 0, (size_t)m->n_points * sizeof *n);
    for (int64_t b = 0; b < m->n_blocks; b++) {
        for (int64_t k = 0; k < stride; k++) {
            all[k] += m->table[b * stride + k];
        }
        for (int64_t k = 0; k < m->n_points; k++) {
            n[k] += m->n_drawn[b * m->n_points + k];
        }
    }
    m->n_filled = 0;
    for (int64_t k = 0; k < m->n_bins; k++) {
        if (all[k * entries(m)] > 0.0) {
            m->x[m->n_filled] = all[k * entries(m) + 1] / all[k * entries(m)];
            m->bin[m->n_filled++] = k;
        }
    }
}

static int check_draws(const kr_multihist *m, kr_error *err)
{
    for (int64_t k = 0; k < m->n_points; k++) {
        int64_t n = 0;
        for (int64_t b = 0; b < m->n_blocks; b++) {
            n += m->n_drawn[b * m->n_points + k] > 0.0;
        }
        if (n < 2) {
            return kr_fail(
                err, KR_EINVAL,
                "reweighting: the point at %.6g has draws in %lld parts of the data, "
                "want 2 or more",
                m->a[k], (long long)n);
        }
    }
    return KR_OK;
}

/* ---- f ------------------------------------------------------------------------------------
 */

typedef struct newton {
    int64_t n;                     /* unknowns: f of all points but the first */
    gsl_matrix *hessian;           /* (n, n) */
    gsl_vector *gradient, *step;   /* (n) */
    double *share, *trial, *log_n; /* (n_points) */
    int64_t *some;                 /* (n_points) points that have a share in a bin */
} newton;

static void free_newton(newton *w)
{
    gsl_matrix_free(w->hessian);
    gsl_vector_free(w->gradient);
    gsl_vector_free(w->step);
    kr_free(w->share);
    kr_free(w->some);
}

static int alloc_newton(newton *w, int64_t n_points, kr_error *err)
{
    const size_t n = n_points > 1 ? (size_t)n_points - 1 : 1;
    *w = (newton){ .n = n_points - 1,
                   .hessian = gsl_matrix_alloc(n, n),
                   .gradient = gsl_vector_alloc(n),
                   .step = gsl_vector_alloc(n),
                   .share = kr_alloc(3 * (size_t)n_points, sizeof(double), err),
                   .some = kr_alloc((size_t)n_points, sizeof(int64_t), err) };
    if (!w->hessian || !w->gradient || !w->step || !w->share || !w->some) {
        return kr_fail(err, KR_ENOMEM, "reweighting: no memory for %lld points",
                       (long long)n_points);
    }
    w->trial = w->share + n_points;
    w->log_n = w->trial + n_points;
    return KR_OK;
}

static void begin_sample(const kr_multihist *m, int64_t sample, newton *w)
{
    for (int64_t k = 0; k < m->n_points; k++) {
        w->log_n[k] = log(drawn(m, k, sample));
    }
}

/* ln sum_j n_j exp(f_j - a_j X), with the terms over their sum in share. */
static double log_sum(const kr_multihist *m, const double *f, double x, const newton *w)
{
    double *share = w->share;
    double top = -INFINITY, sum = 0.0;
    for (int64_t k = 0; k < m->n_points; k++) {
        share[k] = w->log_n[k] + f[k] - m->a[k] * x;
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

/* The convex function, with its derivatives if wanted. */
static double evaluate(const kr_multihist *m, const double *f, int64_t sample, newton *w,
                       bool has_slopes)
{
    double value = 0.0;
    if (has_slopes) {
        gsl_matrix_set_zero(w->hessian);
        gsl_vector_set_zero(w->gradient);
    }
    for (int64_t b = 0; b < m->n_filled; b++) {
        const double n = entry_of(m, b, 0, sample);
        int64_t n_some = 0;
        if (!(n > 0.0)) {
            continue;
        }
        value += n * log_sum(m, f, m->x[b], w);
        for (int64_t k = 1; has_slopes && k < m->n_points; k++) {
            if (w->share[k] > NEGLIGIBLE) {
                w->some[n_some++] = k;
            }
        }
        for (int64_t i = 0; i < n_some; i++) {
            const int64_t k = w->some[i];
            const size_t row = (size_t)(k - 1);
            *gsl_vector_ptr(w->gradient, row) += n * w->share[k];
            *gsl_matrix_ptr(w->hessian, row, row) += n * w->share[k];
            for (int64_t j = 0; j <= i; j++) {
                *gsl_matrix_ptr(w->hessian, row, (size_t)(w->some[j] - 1)) -=
                    n * w->share[k] * w->share[w->some[j]];
            }
        }
    }
    for (int64_t k = 0; k < m->n_points; k++) {
        value -= drawn(m, k, sample) * f[k];
        if (has_slopes && k > 0) {
            *gsl_vector_ptr(w->gradient, (size_t)(k - 1)) -= drawn(m, k, sample);
        }
    }
    return value;
}

/* The upper half of the Hessian from the lower one, then the Newton step. */
static bool find_step(newton *w)
{
    for (size_t k = 0; k < (size_t)w->n; k++) {
        for (size_t j = 0; j < k; j++) {
            gsl_matrix_set(w->hessian, j, k, gsl_matrix_get(w->hessian, k, j));
        }
    }
    return gsl_linalg_cholesky_decomp1(w->hessian) == 0 &&
           gsl_linalg_cholesky_solve(w->hessian, w->gradient, w->step) == 0;
}

/* Minimum over f; f[0] stays. */
static int minimize(const kr_multihist *m, double *f, int64_t sample, newton *w, kr_error *err)
{
    begin_sample(m, sample, w);
    double value = evaluate(m, f, sample, w, true), largest = INFINITY;
    for (int k = 0; k < STEPS_MOST && w->n > 0; k++) {
        double factor = 1.0, next = INFINITY;
        if (!find_step(w)) {
            return kr_fail(
                err, KR_EINVAL,
                "reweighting: the points do not overlap, want more of them or longer "
                "runs");
        }
        largest = gsl_vector_get(w->step, gsl_blas_idamax(w->step));
        for (int h = 0; h < HALVINGS_MOST; h++, factor /= 2.0) {
            w->trial[0] = f[0];
            for (int64_t j = 1; j < m->n_points; j++) {
                w->trial[j] = f[j] - factor * gsl_vector_get(w->step, (size_t)(j - 1));
            }
            next = evaluate(m, w->trial, sample, w, false);
            if (next <= value + 1e-12 * fabs(value)) {
                break;
            }
        }
        memcpy(f, w->trial, (size_t)m->n_points * sizeof *f);
        value = evaluate(m, f, sample, w, true);
        if (fabs(factor * largest) < CLOSE) {
            return KR_OK;
        }
    }
    return w->n == 0 ? KR_OK
                     : kr_fail(err, KR_EDIVERGED,
                               "reweighting: no solution after %d steps (the last one moved "
                               "ln Z by %.2g)",
                               STEPS_MOST, fabs(largest));
}

/* Overlap of neighbors i, j: sum over bins of min(p_i, p_j), from the solution. */
static int find_overlap(kr_multihist *m, newton *w, kr_error *err)
{
    m->least_overlap = 1.0;
    for (int64_t k = 0; k + 1 < m->n_points; k++) {
        const int64_t i = m->order[k], j = m->order[k + 1];
        double overlap = 0.0;
        for (int64_t b = 0; b < m->n_filled; b++) {
            log_sum(m, m->f, m->x[b], w);
            double n = entry_of(m, b, 0, 0);
            overlap += fmin(n * w->share[i] / drawn(m, i, 0), n * w->share[j] / drawn(m, j, 0));
        }
        m->least_overlap = fmin(m->least_overlap, overlap);
        if (!(overlap > OVERLAP_LEAST)) {
            return kr_fail(err, KR_EINVAL,
                           "reweighting: the points at %.6g and %.6g have an overlap of "
                           "%.1g, want more than %g: put points between them",
                           m->a[i], m->a[j], overlap, OVERLAP_LEAST);
        }
    }
    return KR_OK;
}

/* Where the search begins: the trapezoid rule for d ln Z/da = -<X>. */
static void guess(kr_multihist *m)
{
    m->f[m->order[0]] = 0.0;
    for (int64_t k = 1; k < m->n_points; k++) {
        const int64_t i = m->order[k - 1], j = m->order[k];
        double mean = m->sum_x[i] / drawn(m, i, 0) + m->sum_x[j] / drawn(m, j, 0);
        m->f[j] = m->f[i] + 0.5 * mean * (m->a[j] - m->a[i]);
    }
    const double zero = m->f[0];
    for (int64_t k = 0; k < m->n_points; k++) {
        m->f[k] -= zero;
    }
}

static void keep_log_d(kr_multihist *m, int64_t sample, newton *w)
{
    for (int64_t b = 0; b < m->n_filled; b++) {
        m->log_d[sample * m->n_bins + b] = log_sum(m, m->f + sample * m->n_points, m->x[b], w);
    }
}

static int solve_all(kr_multihist *m, newton *w, kr_error *err)
{
    kr_error why = { 0 };
    int status = minimize(m, m->f, 0, w, &why);
    KR_TRY(find_overlap(m, w, err)); /* which points do not overlap says more than a failure */
    if (status != KR_OK) {
        return kr_fail(err, status, "%s", why.text);
    }
    for (int64_t s = 0; s <= m->n_blocks && status == KR_OK; s++) {
        double *f = m->f + s * m->n_points;
        if (s > 0) {
            memcpy(f, m->f, (size_t)m->n_points * sizeof *f);
            status = minimize(m, f, s, w, err);
        }
        keep_log_d(m, s, w);
    }
    return status;
}

int kr_multihist_solve(kr_multihist *m, kr_error *err)
{
    newton w;
    sum_blocks(m);
    KR_TRY(check_draws(m, err));
    int status = alloc_newton(&w, m->n_points, err);
    if (status == KR_OK) {
        guess(m);
        status = solve_all(m, &w, err);
    }
    free_newton(&w);
    return status;
}

/* ---- means --------------------------------------------------------------------------------
 */

/* ln of the weight of a draw in a filled bin. */
static double log_weight(const kr_multihist *m, double a, int64_t sample, int64_t b)
{
    return -a * m->x[b] - m->log_d[sample * m->n_bins + b];
}

/* Share of the weight in the outermost independent draws of the end that has more of it. */
static double edge_share(const kr_multihist *m, double a, double top, double sum,
                         int64_t sample)
{
    double share[2] = { 0.0, 0.0 };
    for (int end = 0; end < 2; end++) {
        double n = 0.0;
        for (int64_t k = 0; k < m->n_filled && n < EDGE_DRAWS; k++) {
            const int64_t b = end == 0 ? k : m->n_filled - 1 - k;
            const double here = entry_of(m, b, 0, sample);
            const double part = here > 0.0 ? fmin(1.0, (EDGE_DRAWS - n) / here) : 0.0;
            share[end] += part * here * exp(log_weight(m, a, sample, b) - top) / sum;
            n += here;
        }
    }
    return fmax(share[0], share[1]);
}

void kr_multihist_at(const kr_multihist *m, double a, int64_t sample, kr_multihist_mean *mean,
                     double *moments)
{
    double top = -INFINITY, sum = 0.0, square = 0.0, x = 0.0;
    for (int64_t b = 0; b < m->n_filled; b++) {
        top = fmax(top, log_weight(m, a, sample, b));
    }
    for (int64_t k = 0; moments && k < 2 * m->n_columns; k++) {
        moments[k] = 0.0;
    }
    for (int64_t b = 0; b < m->n_filled; b++) {
        const double w = exp(log_weight(m, a, sample, b) - top);
        const double n = entry_of(m, b, 0, sample);
        sum += w * n;
        square += w * w * n;
        x += w * n * m->x[b];
        for (int64_t k = 0; moments && w > 0.0 && k < 2 * m->n_columns; k++) {
            moments[k] += w * entry_of(m, b, 2 + k, sample);
        }
    }
    for (int64_t k = 0; moments && k < 2 * m->n_columns; k++) {
        moments[k] /= sum;
    }
    *mean =
        (kr_multihist_mean){ .log_z = top + log(sum), .x = x / sum, .ess = sum * sum / square };
    mean->edge = edge_share(m, a, top, sum, sample);
}

double kr_multihist_log_z(const kr_multihist *m, int64_t point, int64_t sample)
{
    return -m->f[sample * m->n_points + point];
}

double kr_multihist_least_overlap(const kr_multihist *m)
{
    return m->least_overlap;
}

double kr_multihist_error(const double *value, int64_t n_blocks, double *estimate)
{
    const double n = (double)n_blocks;
    double mean = 0.0, square = 0.0;
    for (int64_t k = 1; k <= n_blocks; k++) {
        mean += value[k] / n;
    }
    for (int64_t k = 1; k <= n_blocks; k++) {
        square += (value[k] - mean) * (value[k] - mean);
    }
    if (estimate) {
        *estimate = value[0] - (n - 1.0) * (mean - value[0]);
    }
    return sqrt(square * (n - 1.0) / n);
}
