/* SPDX-License-Identifier: GPL-3.0-or-later
 * stats/multihist_solve.c - Z of all points from the table of draws.
 *
 * With n_k independent draws of point k, n(X) of all together in a cell, u_k(X) = a_k X + b_k Y
 * - ln w_k and f_k = -ln Z_k, the probability of the data is largest where
 *     sum_X n(X) p_k(X) = n_k,   p_k(X) = n_k exp(f_k - u_k(X))/sum_j n_j exp(f_j - u_j(X)),
 * the only minimum of the convex sum_X n(X) ln sum_j n_j exp(f_j - u_j(X)) - sum_k n_k f_k:
 * Newton steps, halved until it falls (Shirts, Chodera, J. Chem. Phys. 129, 124105 (2008),
 * appendix C). */
#include "base/memory.h"
#include "stats/multihist_core.h"

#include <gsl/gsl_blas.h>
#include <gsl/gsl_linalg.h>

#include <math.h>
#include <string.h>

#define STEPS_MOST    200
#define HALVINGS_MOST 40
#define CLOSE         1e-10 /* largest step of f at the end */
#define NEGLIGIBLE    1e-15 /* share of a point in a cell */
#define OVERLAP_LEAST 1e-4
#define SWEEPS        20 /* of the plain iteration, where the first guess is rough */

/* ---- the table ----------------------------------------------------------------------------
 */

static void sum_blocks(kr_multihist *m)
{
    const int64_t stride = m->n_cells * kr_multihist_entries(m);
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
}

/* Lists the cells that have draws, by X and by Y. */
static void list_cells(kr_multihist *m)
{
    const int64_t entries = kr_multihist_entries(m);
    const double *all = m->table + m->n_blocks * m->n_cells * entries;
    m->n_filled = 0;
    for (int64_t k = 0; k < m->n_cells; k++) {
        const double *entry = all + k * entries;
        if (entry[0] > 0.0) {
            m->by_y[k] = m->n_filled; /* the place of a cell, until the list is made */
            m->x[m->n_filled] = entry[1] / entry[0];
            m->y[m->n_filled] = entry[2] / entry[0];
            m->cell[m->n_filled++] = k;
        }
    }
}

static int sort_by_y(kr_multihist *m, kr_error *err)
{
    int64_t *order = kr_alloc((size_t)m->n_filled, sizeof *order, err), n = 0;
    if (!order) {
        return KR_ENOMEM;
    }
    const int64_t entries = kr_multihist_entries(m);
    const double *all = m->table + m->n_blocks * m->n_cells * entries;
    for (int64_t j = 0; j < m->n_bins_y; j++) {
        for (int64_t i = 0; i < m->n_bins; i++) {
            const int64_t cell = i * m->n_bins_y + j;
            if (all[cell * entries] > 0.0) {
                order[n++] = m->by_y[cell];
            }
        }
    }
    memcpy(m->by_y, order, (size_t)n * sizeof *order);
    kr_free(order);
    return KR_OK;
}

static double log_law(const kr_multihist *m, int64_t point, double x, double y)
{
    const double canonical = -m->a[point] * x - m->b[point] * y;
    return m->is_weighted ? canonical + m->log_w(m->context, point, x, y) : canonical;
}

/* What depends on the filled cells. */
static int fill_laws(kr_multihist *m, kr_error *err)
{
    const size_t filled = (size_t)m->n_filled;
    kr_free(m->log_law);
    kr_free(m->log_d);
    m->log_law = kr_alloc(filled * (size_t)m->n_points, sizeof(double), err);
    m->log_d = kr_alloc(filled * (size_t)(m->n_blocks + 1), sizeof(double), err);
    if (!m->log_law || !m->log_d) {
        return KR_ENOMEM;
    }
    for (int64_t c = 0; c < m->n_filled; c++) {
        for (int64_t k = 0; k < m->n_points; k++) {
            m->log_law[c * m->n_points + k] = log_law(m, k, m->x[c], m->y[c]);
        }
    }
    return KR_OK;
}

static int check_draws(const kr_multihist *m, kr_error *err)
{
    for (int64_t k = 0; k < m->n_points; k++) {
        int64_t n = 0;
        for (int64_t b = 0; b < m->n_blocks; b++) {
            n += m->n_drawn[b * m->n_points + k] > 0.0;
        }
        if (n < 2) {
            char text[KR_MULTIHIST_NAME];
            return kr_fail(
                err, KR_EINVAL,
                "reweighting: the point at %s has draws in %lld parts of the data, want 2 or "
                "more",
                kr_multihist_name(m, k, text), (long long)n);
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
        w->log_n[k] = log(kr_multihist_drawn(m, k, sample));
    }
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
        const double n = kr_multihist_entry(m, b, 0, sample);
        int64_t n_some = 0;
        if (!(n > 0.0)) {
            continue;
        }
        value += n * kr_multihist_log_sum(m, f, b, w->log_n, w->share);
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
        value -= kr_multihist_drawn(m, k, sample) * f[k];
        if (has_slopes && k > 0) {
            *gsl_vector_ptr(w->gradient, (size_t)(k - 1)) -= kr_multihist_drawn(m, k, sample);
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

/* ---- points together ----------------------------------------------------------------------
 */

/* Overlap of two points: sum over cells of min(p_i, p_j), from the solution; overlap
 * (n_points, n_points) is filled. */
static void fill_overlaps(const kr_multihist *m, newton *w, double *overlap)
{
    const int64_t n = m->n_points;
    begin_sample(m, 0, w);
    for (int64_t c = 0; c < m->n_filled; c++) {
        const double here = kr_multihist_entry(m, c, 0, 0);
        kr_multihist_log_sum(m, m->f, c, w->log_n, w->share);
        for (int64_t k = 0; k < n; k++) {
            w->share[k] *= here / kr_multihist_drawn(m, k, 0);
        }
        for (int64_t i = 0; i < n; i++) {
            for (int64_t j = 0; j < i; j++) {
                overlap[i * n + j] += fmin(w->share[i], w->share[j]);
            }
        }
    }
    for (int64_t i = 0; i < n; i++) {
        for (int64_t j = 0; j < i; j++) {
            overlap[j * n + i] = overlap[i * n + j];
        }
    }
}

/* How far two points are apart, to first order, from the mean X and Y of each: the sum of the
 * Kullback-Leibler divergences both ways. *shift: f_j - f_i likewise. */
static double distance(const kr_multihist *m, int64_t i, int64_t j, double *shift)
{
    double change[2]; /* u_j - u_i where i is, where j is */
    for (int k = 0; k < 2; k++) {
        const int64_t p = k == 0 ? i : j;
        const double n = kr_multihist_drawn(m, p, 0);
        const double x = m->sum_x[p] / n, y = m->sum_x[m->n_points + p] / n;
        change[k] = log_law(m, i, x, y) - log_law(m, j, x, y);
    }
    *shift = 0.5 * (change[0] + change[1]);
    return fmax(0.0, change[0] - change[1]);
}

/* Where the search begins: from point to point along the shortest distances. For one
 * coefficient that is the trapezoid rule for d ln Z/da = -<X>. near (2, n_points) and
 * from (n_points) are work. */
static void guess(kr_multihist *m, double *near, int64_t *from)
{
    const int64_t n = m->n_points;
    double *f = m->f, *shift = near + n;
    for (int64_t k = 0; k < n; k++) {
        near[k] = k == 0 ? 0.0 : INFINITY;
        shift[k] = 0.0;
        from[k] = -1; /* not reached; afterwards the point itself */
    }
    for (int64_t step = 0; step < n; step++) {
        int64_t next = -1;
        for (int64_t k = 0; k < n; k++) {
            if (from[k] < 0 && (next < 0 || near[k] < near[next])) {
                next = k;
            }
        }
        from[next] = next;
        f[next] = shift[next];
        for (int64_t k = 0; k < n; k++) {
            double by;
            const double far = distance(m, next, k, &by);
            if (from[k] < 0 && far < near[k]) {
                near[k] = far;
                shift[k] = f[next] + by;
            }
        }
    }
}

/* The least overlap along the best chains of points; points without any are named. best
 * (n_points) and place (n_points) are work. */
static int find_overlap(kr_multihist *m, const double *overlap, double *best, int64_t *place,
                        kr_error *err)
{
    const int64_t n = m->n_points;
    m->least_overlap = 1.0;
    for (int64_t k = 0; k < n; k++) {
        best[k] = k == 0 ? 1.0 : overlap[k];
        place[k] = 0; /* the point it is near to; -1: it is in the chain */
    }
    for (int64_t step = 0; step < n; step++) {
        int64_t next = -1;
        for (int64_t k = 0; k < n; k++) {
            double by;
            if (place[k] >= 0 &&
                (next < 0 || best[k] > best[next] ||
                 (best[k] == best[next] &&
                  distance(m, place[k], k, &by) < distance(m, place[next], next, &by)))) {
                next = k;
            }
        }
        if (!(best[next] > OVERLAP_LEAST)) {
            char text[2][KR_MULTIHIST_NAME];
            return kr_fail(err, KR_EINVAL,
                           "reweighting: the points at %s and %s have an overlap of %.1g, want "
                           "more than %g: put points between them",
                           kr_multihist_name(m, place[next], text[0]),
                           kr_multihist_name(m, next, text[1]), best[next], OVERLAP_LEAST);
        }
        m->least_overlap = fmin(m->least_overlap, best[next]);
        place[next] = -1;
        for (int64_t k = 0; k < n; k++) {
            if (place[k] >= 0 && overlap[next * n + k] > best[k]) {
                best[k] = overlap[next * n + k];
                place[k] = next;
            }
        }
    }
    return KR_OK;
}

static int check_overlap(kr_multihist *m, newton *w, kr_error *err)
{
    const size_t n = (size_t)m->n_points;
    double *overlap = kr_alloc(n * n, sizeof *overlap, err);
    if (!overlap) {
        return KR_ENOMEM;
    }
    fill_overlaps(m, w, overlap);
    const int status = find_overlap(m, overlap, w->trial, w->some, err);
    kr_free(overlap);
    return status;
}

/* f_k -> -ln sum_X n(X) exp(-u_k)/sum_j n_j exp(f_j - u_j): slow, but from anywhere. */
static void iterate(kr_multihist *m, newton *w)
{
    begin_sample(m, 0, w);
    for (int sweep = 0; sweep < SWEEPS; sweep++) {
        memset(w->trial, 0, (size_t)m->n_points * sizeof *w->trial);
        for (int64_t c = 0; c < m->n_filled; c++) {
            const double n = kr_multihist_entry(m, c, 0, 0);
            kr_multihist_log_sum(m, m->f, c, w->log_n, w->share);
            for (int64_t k = 0; k < m->n_points; k++) {
                w->trial[k] += n * w->share[k];
            }
        }
        for (int64_t k = m->n_points - 1; k >= 0; k--) {
            const double ratio = log(w->trial[k]) - w->log_n[k];
            m->f[k] -= isfinite(ratio) ? ratio : 0.0;
        }
        for (int64_t k = m->n_points - 1; k >= 0; k--) {
            m->f[k] -= m->f[0];
        }
    }
}

static void keep_log_d(kr_multihist *m, int64_t sample, newton *w)
{
    for (int64_t c = 0; c < m->n_filled; c++) {
        m->log_d[sample * m->n_filled + c] =
            kr_multihist_log_sum(m, m->f + sample * m->n_points, c, w->log_n, w->share);
    }
}

static int solve_all(kr_multihist *m, newton *w, kr_error *err)
{
    kr_error why = { 0 };
    int status = minimize(m, m->f, 0, w, &why);
    KR_TRY(check_overlap(m, w, err)); /* which points do not overlap says more than a failure */
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
    list_cells(m);
    KR_TRY(sort_by_y(m, err));
    KR_TRY(check_draws(m, err));
    KR_TRY(fill_laws(m, err));
    int status = alloc_newton(&w, m->n_points, err);
    if (status == KR_OK) {
        guess(m, w.share, w.some);
        if (m->is_weighted || m->n_bins_y > 1) {
            iterate(m, &w);
        }
        status = solve_all(m, &w, err);
    }
    free_newton(&w);
    return status;
}
