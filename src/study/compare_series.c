/* SPDX-License-Identifier: GPL-3.0-or-later
 * study/compare_series.c - draws of the compared quantities, and what they tell: mean, error,
 * tau_int, CPU-seconds per independent sample.
 *
 * The number of independent samples is that of independent draws of the target with the same
 * error: variance of a single draw over squared error of the mean. For draws of equal weight
 * that is n / (2 tau_int) of the Gamma method; weighted draws and coupled chains fit as well.
 * What is not resolved keeps the value it has as an upper bound. */
#include "base/memory.h"
#include "stats/stats.h"
#include "study/compare_private.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#define DISCARD     5 /* the first 1/DISCARD of the draws only settle */
#define R_HAT_MOST  1.05
#define RUNS_LEAST  20  /* of a population */
#define SHARE_MOST  0.1 /* of one run, or one draw, in all weights */
#define FAMILY_MOST 0.1 /* mean square size of families, of the population */

enum { SPREAD = 4093 }; /* a prime: even strides would meet the same chains again */

/* ---- draws ------------------------------------------------------------------------------ */

int kr_compare_series_init(kr_compare_series *s, const kr_compare *study,
                           const kr_sampler *sampler, const kr_sampler_config *config,
                           int32_t point, int32_t group, kr_error *err)
{
    *s = (kr_compare_series){ .study = study,
                              .point = point,
                              .group = group,
                              .weight_column = -1,
                              .stride = 1,
                              .n_chains = config->n_chains,
                              .n_points = config->n_points,
                              .every = config->every,
                              .capacity = 64 };
    int32_t flat = kr_sampler_first_flat(sampler);
    s->weight_column = flat >= 0 ? flat + 1 : -1;
    for (int32_t k = 0; k < study->n_columns; k++) {
        s->column[k] = -1;
        for (int32_t c = 0; c < kr_sampler_first_count(sampler); c++) {
            const kr_column *column = kr_sampler_observable_column(sampler, c);
            if (column && strcmp(column->name, study->column[k].name) == 0) {
                s->column[k] = c;
                s->n_rows[k] =
                    kr_sampler_column_is_pair(sampler, c) ? s->n_chains / 2 : s->n_chains;
                s->x[k] = kr_alloc((size_t)(s->capacity * s->n_rows[k]), sizeof(double), err);
                if (!s->x[k]) {
                    return KR_ENOMEM;
                }
            }
        }
    }
    size_t n = (size_t)s->capacity;
    if (s->weight_column >= 0) {
        s->log_weight = kr_alloc(n * (size_t)s->n_chains, sizeof(double), err);
        return s->log_weight ? KR_OK : KR_ENOMEM;
    }
    if (config->is_annealing) {
        s->run_log_weight = kr_alloc(n, sizeof(double), err);
        s->run_family = kr_alloc(n, sizeof(double), err);
        return s->run_log_weight && s->run_family ? KR_OK : KR_ENOMEM;
    }
    return KR_OK;
}

void kr_compare_series_clear(kr_compare_series *s)
{
    for (int32_t k = 0; k < KR_COMPARE_COLUMNS; k++) {
        kr_free(s->x[k]);
    }
    kr_free(s->log_weight);
    kr_free(s->run_log_weight);
    kr_free(s->run_family);
    *s = (kr_compare_series){ 0 };
}

static int grow_array(double **x, int64_t old, int64_t new, int64_t width, kr_error *err)
{
    if (!*x) {
        return KR_OK;
    }
    double *grown =
        kr_grow(*x, (size_t)(old * width), (size_t)(new *width), sizeof(double), err);
    *x = grown ? grown : *x;
    return grown ? KR_OK : KR_ENOMEM;
}

static int grow(kr_compare_series *s, int64_t need, kr_error *err)
{
    int64_t old = s->capacity, new = old;
    while (new < need) {
        new *= 2;
    }
    if (new == old) {
        return KR_OK;
    }
    for (int32_t k = 0; k < s->study->n_columns; k++) {
        KR_TRY(grow_array(&s->x[k], old, new, s->n_rows[k], err));
    }
    KR_TRY(grow_array(&s->log_weight, old, new, s->n_chains, err));
    KR_TRY(grow_array(&s->run_log_weight, old, new, 1, err));
    KR_TRY(grow_array(&s->run_family, old, new, 1, err));
    s->capacity = new;
    return KR_OK;
}

/* One column of a new draw at the point of the series. */
static void copy_row(const kr_compare_series *s, const kr_sampler *sampler, int64_t draw,
                     int32_t column, int64_t n_rows, double *to)
{
    const double *slab = kr_sampler_slab(sampler, draw, column);
    for (int64_t c = 0; c < n_rows; c++) {
        to[c] = slab[c * s->n_points + s->point];
    }
}

int kr_compare_series_add(kr_compare_series *s, const kr_sampler *sampler, kr_error *err)
{
    int64_t n_new = kr_sampler_n_new(sampler);
    KR_TRY(grow(s, s->n_draws + n_new, err));
    for (int64_t d = 0; d < n_new; d++) {
        if (s->n_offered++ % s->stride != 0) {
            continue;
        }
        int64_t at = s->n_draws++;
        for (int32_t k = 0; k < s->study->n_columns; k++) {
            if (s->x[k]) {
                copy_row(s, sampler, d, s->column[k], s->n_rows[k],
                         s->x[k] + at * s->n_rows[k]);
            }
        }
        if (s->log_weight) {
            copy_row(s, sampler, d, s->weight_column, s->n_chains,
                     s->log_weight + at * s->n_chains);
        }
        if (s->run_log_weight) {
            s->run_log_weight[at] =
                kr_sampler_annealing(sampler, d, KR_ANNEALING_LOG_Z)[s->point];
            s->run_family[at] = kr_sampler_annealing(sampler, d, KR_ANNEALING_RHO_T)[s->point];
        }
    }
    return KR_OK;
}

void kr_compare_series_thin(kr_compare_series *s)
{
    int64_t n = (s->n_draws + 1) / 2;
    for (int64_t t = 1; t < n; t++) {
        for (int32_t k = 0; k < s->study->n_columns; k++) {
            if (s->x[k]) {
                memcpy(s->x[k] + t * s->n_rows[k], s->x[k] + 2 * t * s->n_rows[k],
                       (size_t)s->n_rows[k] * sizeof(double));
            }
        }
        if (s->log_weight) {
            memcpy(s->log_weight + t * s->n_chains, s->log_weight + 2 * t * s->n_chains,
                   (size_t)s->n_chains * sizeof(double));
        }
    }
    s->n_draws = n;
    s->stride *= 2;
    s->every *= 2;
}

/* ---- estimates of one quantity ---------------------------------------------------------- */

typedef struct moments {
    double sum_w, mean, variance, share; /* share of the largest weight */
    bool is_constant;
} moments;

/* weight (n) or NULL. */
static moments find_moments(const double *x, const double *weight, int64_t n)
{
    moments m = { .is_constant = true };
    double sum = 0.0, square = 0.0, most = 0.0;
    for (int64_t k = 0; k < n; k++) {
        double w = weight ? weight[k] : 1.0, d = x[k] - x[0];
        m.sum_w += w;
        most = fmax(most, w);
        sum += w * d;
        m.is_constant = m.is_constant && d == 0.0;
    }
    m.mean = x[0] + sum / m.sum_w;
    m.share = most / m.sum_w;
    for (int64_t k = 0; k < n; k++) {
        double d = x[k] - m.mean;
        square += (weight ? weight[k] : 1.0) * d * d;
    }
    m.variance = square / m.sum_w;
    return m;
}

/* Largest becomes 1. NULL for NULL or without memory. */
static double *exponentiate(const double *log_weight, int64_t n, kr_error *err)
{
    double top = -INFINITY;
    double *weight = kr_alloc((size_t)n, sizeof *weight, err);
    for (int64_t k = 0; weight && k < n; k++) {
        top = fmax(top, log_weight[k]);
    }
    for (int64_t k = 0; weight && k < n; k++) {
        weight[k] = exp(log_weight[k] - top);
    }
    return weight;
}

static int compare_doubles(const void *a, const void *b)
{
    const double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

/* Where the draws are. Quantiles from SPREAD evenly spaced ones. */
static void set_spread(const double *x, int64_t n, bool is_weighted, kr_compare_value *v)
{
    double some[SPREAD];
    const int64_t n_some = n < SPREAD ? n : SPREAD;
    v->least = INFINITY;
    v->most = -INFINITY;
    v->low = v->high = NAN;
    for (int64_t k = 0; k < n; k++) {
        v->least = fmin(v->least, x[k]);
        v->most = fmax(v->most, x[k]);
    }
    if (!is_weighted && n_some > 0) {
        for (int64_t k = 0; k < n_some; k++) {
            some[k] = x[k * n / n_some];
        }
        qsort(some, (size_t)n_some, sizeof *some, compare_doubles);
        v->low = some[n_some / 10];
        v->high = some[n_some - 1 - n_some / 10];
    }
}

static void set_cost(kr_compare_value *v, double cpu_s, double relative_error)
{
    v->cost = cpu_s / v->n_independent;
    v->cost_error = relative_error * v->cost;
}

/* The mean of m + w (x - m)/<w> is that of the weighted draws to first order (Wolff, CPC 156,
 * 143 (2004), section 3.1); groups of rows are averaged. series (n_rows/group, n_draws). */
static void transpose(const kr_compare_plain *p, const double *weight, const moments *m,
                      double *series)
{
    double scale = weight ? (double)(p->n_draws * p->n_rows) / m->sum_w : 1.0;
    int64_t n = p->n_rows / p->group;
    for (int64_t t = 0; t < p->n_draws; t++) {
        for (int64_t c = 0; c < n; c++) {
            double sum = 0.0;
            for (int32_t g = 0; g < p->group; g++) {
                int64_t k = t * p->n_rows + c * p->group + g;
                sum += (weight ? weight[k] * scale : 1.0) * (p->x[k] - m->mean);
            }
            series[c * p->n_draws + t] = m->mean + sum / p->group;
        }
    }
}

static void judge(const kr_compare_plain *p, const kr_estimate *e, double share,
                  kr_compare_value *v)
{
    double length = (double)p->n_draws / fmax(e->tau_int, 0.5);
    v->why = !e->is_window_closed       ? "correlated over half of each chain"
             : !(e->r_hat < R_HAT_MOST) ? "chains disagree (R-hat)"
             : length < KR_COMPARE_TAUS ? "chains shorter than 50 tau_int"
             : !(share < SHARE_MOST)    ? "one draw has a tenth of all weight"
                                        : NULL;
    v->is_resolved = v->why == NULL;
}

int kr_compare_estimate(const kr_compare_plain *p, kr_compare_value *v, kr_error *err)
{
    int64_t n = p->n_draws * p->n_rows, n_series = p->n_rows / p->group;
    kr_estimate e;
    *v = (kr_compare_value){ .is_measured = true, .z = NAN, .r_hat = NAN, .tau = NAN };
    v->why = "fewer than 8 draws per chain";
    set_spread(p->x, n, p->log_weight != NULL, v);
    v->mean = v->error = v->tau_error = v->n_independent = v->cost = v->cost_error = NAN;
    if (p->n_draws < 8) {
        return KR_OK;
    }
    double *weight = p->log_weight ? exponentiate(p->log_weight, n, err) : NULL;
    double *series = kr_alloc((size_t)n, sizeof *series, err);
    int status = series && (weight || !p->log_weight) ? KR_OK : KR_ENOMEM;
    if (status == KR_OK) {
        moments m = find_moments(p->x, weight, n);
        transpose(p, weight, &m, series);
        v->is_constant = m.is_constant;
        status = kr_gamma_estimate(series, n_series, p->n_draws, &e, err);
        v->mean = m.mean;
        v->error = e.error;
        v->r_hat = e.r_hat;
        v->n_independent = m.is_constant ? (double)n_series
                                         : fmin(m.variance / (e.error * e.error), (double)n);
        judge(p, &e, m.share, v);
        if (m.is_constant) {
            v->is_resolved = false;
            v->why = "never changed";
        }
    }
    if (status == KR_OK) {
        v->tau = (double)p->every * 0.5 * (double)n / v->n_independent;
        v->tau_error = v->tau * e.tau_int_error / fmax(e.tau_int, 1e-12);
        set_cost(v, p->cpu_s, e.tau_int_error / fmax(e.tau_int, 1e-12));
    }
    kr_free(weight);
    kr_free(series);
    return status;
}

static double ratio(const double *mean, const void *context)
{
    (void)context;
    return mean[0] / mean[1];
}

/* Runs are independent: mean of their means with weights Z, error by the jackknife over runs.
 */
int kr_compare_estimate_runs(const kr_compare_plain *p, const double *family,
                             kr_compare_value *v, kr_error *err)
{
    int64_t n_runs = p->n_draws, n = n_runs * p->n_rows;
    *v = (kr_compare_value){ .is_measured = true, .z = NAN, .r_hat = NAN, .tau = NAN };
    v->why = "fewer than 20 runs of the population";
    set_spread(p->x, n, true, v);
    v->mean = v->error = v->tau_error = v->n_independent = v->cost = v->cost_error = NAN;
    if (n_runs < 8) {
        return KR_OK;
    }
    double *run = exponentiate(p->log_weight, n_runs, err);
    double *weight = kr_alloc((size_t)n, sizeof *weight, err);
    double *product = kr_alloc((size_t)n_runs, sizeof *product, err), families = 0.0;
    int status = run && weight && product ? KR_OK : KR_ENOMEM;
    for (int64_t t = 0; status == KR_OK && t < n_runs; t++) {
        for (int64_t c = 0; c < p->n_rows; c++) {
            weight[t * p->n_rows + c] = run[t];
            product[t] += run[t] * p->x[t * p->n_rows + c] / (double)p->n_rows;
        }
        families += family[t] / (double)n_runs;
    }
    if (status == KR_OK) {
        moments m = find_moments(p->x, weight, n);
        const double *column[] = { product, run };
        double value;
        status = kr_jackknife(column, 2, 1, n_runs, 1, ratio, NULL, &value, &v->error, err);
        double share = m.share * (double)p->n_rows;
        v->mean = m.mean;
        v->is_constant = m.is_constant;
        v->n_independent =
            m.is_constant ? 1.0 : fmin(m.variance / (v->error * v->error), (double)n);
        v->why = m.is_constant           ? "never changed"
                 : n_runs < RUNS_LEAST   ? v->why
                 : !(share < SHARE_MOST) ? "one run has a tenth of all weight"
                 : families > FAMILY_MOST * (double)p->n_rows
                     ? "families as large as a tenth of the population"
                     : NULL;
        v->is_resolved = v->why == NULL;
        set_cost(v, p->cpu_s, sqrt(2.0 / (double)(n_runs - 1)));
    }
    kr_free(run);
    kr_free(weight);
    kr_free(product);
    return status;
}

int kr_compare_series_estimate(const kr_compare_series *s, kr_compare_value *value,
                               kr_error *err)
{
    int64_t first = s->run_log_weight ? 0 : s->n_draws / DISCARD; /* runs begin anew */
    int64_t kept = s->n_draws - first;
    for (int32_t k = 0; k < s->study->n_columns; k++) {
        value[k] = (kr_compare_value){ .z = NAN };
        bool is_pair = s->n_rows[k] < s->n_chains;
        if (!s->x[k] || (is_pair && s->log_weight)) { /* weights are those of single chains */
            continue;
        }
        kr_compare_plain plain = { .x = s->x[k] + first * s->n_rows[k],
                                   .n_draws = kept,
                                   .n_rows = s->n_rows[k],
                                   .every = s->every,
                                   .group = is_pair ? 1 : s->group,
                                   .cpu_s = s->cpu_s * (double)kept / (double)s->n_draws };
        if (s->run_log_weight) {
            plain.log_weight = s->run_log_weight;
            KR_TRY(kr_compare_estimate_runs(&plain, s->run_family, &value[k], err));
            continue;
        }
        plain.log_weight = s->log_weight ? s->log_weight + first * s->n_chains : NULL;
        KR_TRY(kr_compare_estimate(&plain, &value[k], err));
    }
    return KR_OK;
}
