/* SPDX-License-Identifier: GPL-3.0-or-later
 * stats/scaling.c - finite-size scaling at a continuous transition. */
#include "stats/scaling.h"

#include "base/memory.h"
#include "stats/stats.h"

#include <gsl/gsl_errno.h>
#include <gsl/gsl_multifit_nlinear.h>
#include <math.h>
#include <string.h>

#define OMEGA           1.2
#define OMEGA_WIDTH     0.5 /* of ln omega */
#define OMEGA_KNOWN     0.05
#define AMPLITUDE_WIDTH 0.5
#define STEPS           500
#define REASONABLE      1e-3 /* p of a fit */

/* Parameters of a ratio: level R*, slope a, c, 1/nu; of a power: level A, power k. Then those
 * of the corrections. */
enum { LEVEL, SLOPE, CRITICAL, EXPONENT, RATIO_PLAIN, POWER = SLOPE, POWER_PLAIN = POWER + 1 };
enum { OMEGA_LOG, SHIFT, SHIFT_SLOPE, CORRECTIONS };
enum { PARAMETERS = RATIO_PLAIN + CORRECTIONS };

/* One or two data of a size, whitened: L^-1 of C = L L^T. */
typedef struct row {
    double length, y[2], whitener[2][2];
} row;

typedef struct fit {
    bool is_ratio, corrected;
    row row[KR_SCALING_SIZES];
    int32_t n_rows, n_each;    /* data of a row */
    double at, unit;           /* unit: L0 */
    double scale;              /* of the parameter: its values are of order one */
    double size_of_level;      /* of the prior of b */
    double omega, omega_width; /* prior of ln omega: ln of the first, width */
} fit;

static int32_t n_plain(const fit *f)
{
    return f->is_ratio ? RATIO_PLAIN : POWER_PLAIN;
}

static int32_t n_corrections(const fit *f)
{
    return !f->corrected ? 0 : f->is_ratio ? CORRECTIONS : SHIFT + 1;
}

static void model(const fit *f, const double *p, double length, double out[2])
{
    const double l = length / f->unit;
    const double *corrections = p + n_plain(f);
    const double u = f->corrected ? pow(l, -exp(corrections[OMEGA_LOG])) : 0.0;
    const double shift = f->corrected ? corrections[SHIFT] * f->size_of_level * u : 0.0;
    if (!f->is_ratio) {
        out[0] = p[LEVEL] + p[POWER] * log(l) + shift;
        return;
    }
    const double grow = pow(l, p[EXPONENT]);
    out[0] = p[LEVEL] - p[SLOPE] * p[CRITICAL] * grow + shift;
    out[1] = p[SLOPE] / f->scale * grow *
             (1.0 + (f->corrected ? corrections[SHIFT_SLOPE] * u : 0.0));
}

static int residuals(const gsl_vector *v, void *context, gsl_vector *out)
{
    const fit *f = context;
    const double *p = gsl_vector_const_ptr(v, 0);
    size_t k = 0;
    for (int32_t r = 0; r < f->n_rows; r++) {
        const row *one = &f->row[r];
        double value[2], off[2] = { 0 };
        model(f, p, one->length, value);
        for (int i = 0; i < f->n_each; i++) {
            off[i] = value[i] - one->y[i];
            const double z = one->whitener[i][0] * off[0] + one->whitener[i][1] * off[1];
            if (!isfinite(z)) {
                return GSL_EDOM;
            }
            gsl_vector_set(out, k++, z);
        }
    }
    for (int32_t c = 0; c < n_corrections(f); c++) {
        const double x = p[n_plain(f) + c];
        gsl_vector_set(out, k++,
                       c == OMEGA_LOG ? (x - log(f->omega)) / f->omega_width
                                      : x / AMPLITUDE_WIDTH);
    }
    return GSL_SUCCESS;
}

/* Where the smallest and the largest size alone lead. */
static void start(const fit *f, double *p)
{
    const row *a = &f->row[0], *b = &f->row[f->n_rows - 1];
    const double ratio = log(b->length / a->length), la = log(a->length / f->unit);
    memset(p, 0, PARAMETERS * sizeof *p);
    if (f->is_ratio) {
        double y = log(b->y[1] / a->y[1]) / ratio;
        p[EXPONENT] = isfinite(y) && y > 0.1 && y < 6.0 ? y : 1.0;
        p[LEVEL] = b->y[0];
        p[SLOPE] = f->scale * a->y[1] * exp(-p[EXPONENT] * la);
    } else {
        p[POWER] = (b->y[0] - a->y[0]) / ratio;
        p[LEVEL] = a->y[0] - p[POWER] * la;
    }
    p[n_plain(f) + OMEGA_LOG] = log(f->omega);
}

typedef struct found {
    double value[PARAMETERS], error[PARAMETERS], chi2, p, weight;
    int32_t n_data, n_parameters, dof;
    double least;
    bool corrected;
    double omega, omega_error;
} found;

static int take(const fit *f, gsl_multifit_nlinear_workspace *work, found *out)
{
    const size_t m = (size_t)(n_plain(f) + n_corrections(f));
    const gsl_vector *r = gsl_multifit_nlinear_residual(work);
    gsl_matrix *covariance = gsl_matrix_alloc(m, m);
    if (!covariance) {
        return KR_ENOMEM;
    }
    int status = gsl_multifit_nlinear_covar(gsl_multifit_nlinear_jac(work), 0.0, covariance) ==
                         GSL_SUCCESS
                     ? KR_OK
                     : KR_EDIVERGED;
    for (size_t i = 0; i < r->size; i++) {
        out->chi2 += gsl_vector_get(r, i) * gsl_vector_get(r, i);
    }
    for (size_t i = 0; i < m; i++) {
        out->value[i] = gsl_vector_get(gsl_multifit_nlinear_position(work), i);
        out->error[i] = sqrt(gsl_matrix_get(covariance, i, i));
        status = isfinite(out->error[i]) && out->error[i] > 0.0 ? status : KR_EDIVERGED;
    }
    gsl_matrix_free(covariance);
    if (f->is_ratio) {
        out->value[CRITICAL] = f->at + f->scale * out->value[CRITICAL];
        out->error[CRITICAL] *= f->scale;
    }
    out->omega = f->corrected ? exp(out->value[n_plain(f) + OMEGA_LOG]) : NAN;
    out->omega_error = f->corrected ? out->omega * out->error[n_plain(f) + OMEGA_LOG] : NAN;
    return status;
}

static int solve(fit *f, found *out)
{
    const int32_t m = n_plain(f) + n_corrections(f), n_data = f->n_rows * f->n_each;
    const size_t n = (size_t)(n_data + n_corrections(f));
    double p[PARAMETERS];
    gsl_multifit_nlinear_parameters options = gsl_multifit_nlinear_default_parameters();
    gsl_multifit_nlinear_fdf fdf = { .f = residuals, .n = n, .p = (size_t)m, .params = f };
    options.fdtype = GSL_MULTIFIT_NLINEAR_CTRDIFF;
    start(f, p);
    const gsl_vector_const_view view = gsl_vector_const_view_array(p, (size_t)m);
    gsl_multifit_nlinear_workspace *work =
        gsl_multifit_nlinear_alloc(gsl_multifit_nlinear_trust, &options, n, (size_t)m);
    int status = work ? KR_OK : KR_ENOMEM, info = 0;
    *out = (found){ .n_data = n_data,
                    .n_parameters = m,
                    .dof = (int32_t)n - m,
                    .least = f->row[0].length,
                    .corrected = f->corrected };
    if (status == KR_OK) {
        int rc = gsl_multifit_nlinear_init(&view.vector, &fdf, work);
        rc = rc == GSL_SUCCESS ? gsl_multifit_nlinear_driver(STEPS, 1e-10, 1e-10, 0.0, NULL,
                                                             NULL, &info, work)
                               : rc;
        /* no progress: as near as rounding allows */
        status = rc == GSL_SUCCESS || info == GSL_ENOPROG ? take(f, work, out) : KR_EDIVERGED;
    }
    gsl_multifit_nlinear_free(work);
    out->p = out->dof > 0 ? kr_chi2_p(out->chi2, out->dof) : NAN;
    return status;
}

/* ---- fits of a quantity and their average --------------------------------------------------
 */

typedef struct fits {
    int32_t n;
    found one[2 * KR_SCALING_SIZES];
    double best_p, inflate;
} fits;

/* All sizes, then without the smallest, ...; each without and with corrections. */
static int make_fits(fit *f, fits *all)
{
    const fit whole = *f;
    int32_t n_most = 0, best = 0;
    double least = INFINITY, total = 0.0;
    all->n = 0;
    for (int32_t first = 0; first + 3 <= whole.n_rows; first++) {
        for (int corrected = 0; corrected < 2; corrected++) {
            if (corrected && whole.n_rows - first < 4) {
                continue;
            }
            *f = whole;
            f->corrected = corrected;
            f->n_rows = whole.n_rows - first;
            memmove(f->row, f->row + first, (size_t)f->n_rows * sizeof *f->row);
            const int status = solve(f, &all->one[all->n]);
            if (status == KR_ENOMEM) {
                return status;
            }
            all->n += status == KR_OK;
        }
    }
    all->best_p = NAN;
    for (int32_t k = 0; k < all->n; k++) {
        n_most = all->one[k].n_data > n_most ? all->one[k].n_data : n_most;
        if (isnan(all->best_p) || all->one[k].p > all->best_p) {
            all->best_p = all->one[k].p;
            best = k;
        }
    }
    for (int32_t k = 0; k < all->n; k++) {
        found *a = &all->one[k];
        a->weight = a->chi2 + 2.0 * a->n_parameters + 2.0 * (n_most - a->n_data);
        least = fmin(least, a->weight);
    }
    for (int32_t k = 0; k < all->n; k++) {
        all->one[k].weight = exp(-0.5 * (all->one[k].weight - least));
        total += all->one[k].weight;
    }
    for (int32_t k = 0; k < all->n; k++) {
        all->one[k].weight /= total;
    }
    const found *b = &all->one[best];
    all->inflate = all->best_p < REASONABLE ? sqrt(b->chi2 / b->dof) : 1.0;
    return all->n > 0 ? KR_OK : KR_EDIVERGED;
}

/* Mean over the fits by their weights; which < 0: omega, of those that have it. */
static kr_scaling_value average(const fits *all, int which)
{
    double total = 0.0, mean = 0.0, variance = 0.0, spread = 0.0;
    for (int pass = 0; pass < 2; pass++) {
        for (int32_t k = 0; k < all->n; k++) {
            const found *a = &all->one[k];
            const double x = which < 0 ? a->omega : a->value[which];
            const double e = (which < 0 ? a->omega_error : a->error[which]) * all->inflate;
            if (!isfinite(x)) {
                continue;
            }
            if (pass == 0) {
                total += a->weight;
                mean += a->weight * x;
            } else {
                variance += a->weight * e * e / total;
                spread += a->weight * (x - mean) * (x - mean) / total;
            }
        }
        mean = pass == 0 ? mean / total : mean;
    }
    return (kr_scaling_value){ mean, sqrt(variance + spread), sqrt(spread) };
}

/* Of two estimates from the same draws: no gain in precision, but their distance is seen. */
static kr_scaling_value both(kr_scaling_value a, kr_scaling_value b)
{
    if (!isfinite(a.error) || !isfinite(b.error)) {
        return isfinite(a.error) ? a : b;
    }
    const double wa = 1.0 / a.error, wb = 1.0 / b.error; /* errors miss what fits cannot see */
    const double sa = wa / (wa + wb), sb = wb / (wa + wb);
    const double mean = sa * a.value + sb * b.value;
    const double apart = sa * pow(a.value - mean, 2) + sb * pow(b.value - mean, 2);
    return (
        kr_scaling_value){ mean, sqrt(sa * a.error * a.error + sb * b.error * b.error + apart),
                           sqrt(sa * a.spread * a.spread + sb * b.spread * b.spread + apart) };
}

/* ---- data ---------------------------------------------------------------------------------
 */

/* An estimated covariance makes its inverse too large by this (Hartlap, Simon, Schneider,
 * Astron. Astrophys. 464, 399 (2007)). */
static double inflation(const kr_scaling_size *size, int32_t n)
{
    const double m = (double)size->n_samples;
    return m > n + 2 ? (m - 1.0) / (m - n - 2.0) : 1.0;
}

static void fill_ratio(fit *f, const kr_scaling_size *size, int32_t n, int datum)
{
    f->is_ratio = true;
    f->n_each = 2;
    f->n_rows = n;
    f->scale = 0.01 / fabs(size[n - 1].value[datum + 1]);
    f->size_of_level = fabs(size[n - 1].value[datum]);
    for (int32_t s = 0; s < n; s++) {
        const double grow = inflation(&size[s], 2);
        const double a = grow * size[s].covariance[datum][datum],
                     b = grow * size[s].covariance[datum + 1][datum],
                     c = grow * size[s].covariance[datum + 1][datum + 1];
        const double l11 = sqrt(a), l21 = b / l11, l22 = sqrt(c - l21 * l21);
        f->row[s] =
            (row){ .length = size[s].length,
                   .y = { size[s].value[datum], size[s].value[datum + 1] },
                   .whitener = { { 1.0 / l11, 0.0 }, { -l21 / (l11 * l22), 1.0 / l22 } } };
    }
}

/* ln Q where the ratio has the value `level`, by its slope there. */
static void fill_power(fit *f, const kr_scaling_size *size, int32_t n, int datum, int ratio,
                       double level)
{
    f->is_ratio = false;
    f->n_each = 1;
    f->n_rows = n;
    f->size_of_level = 1.0;
    for (int32_t s = 0; s < n; s++) {
        const kr_scaling_size *a = &size[s];
        const double off = a->value[ratio] - level, slope = a->value[ratio + 1];
        const double t = a->value[datum + 1] / slope;
        const double grad[4] = { 1.0, -off / slope, -t, t * off / slope };
        const int which[4] = { datum, datum + 1, ratio, ratio + 1 };
        double variance = 0.0;
        for (int i = 0; i < 4; i++) {
            for (int j = 0; j < 4; j++) {
                variance += grad[i] * grad[j] * a->covariance[which[i]][which[j]];
            }
        }
        f->row[s] = (row){ .length = a->length,
                           .y = { a->value[datum] - t * off },
                           .whitener = { { 1.0 / sqrt(variance) } } };
    }
}

static int check(const kr_scaling_size *size, int32_t n_sizes, bool has_ratio, kr_error *err)
{
    if (n_sizes < 3 || n_sizes > KR_SCALING_SIZES) {
        return kr_fail(err, KR_EINVAL, "scaling: %d sizes, want 3..%d", n_sizes,
                       KR_SCALING_SIZES);
    }
    for (int32_t s = 0; s < n_sizes; s++) {
        for (int i = 0; i < KR_SCALING_DATA; i++) {
            if ((has_ratio || (i / 2 != KR_SCALING_RATIO / 2)) &&
                !(isfinite(size[s].value[i]) && size[s].covariance[i][i] > 0.0)) {
                return kr_fail(err, KR_EINVAL,
                               "scaling: datum %d of size %g is %g, its variance %g", i,
                               size[s].length, size[s].value[i], size[s].covariance[i][i]);
            }
        }
    }
    return KR_OK;
}

static void list_variants(kr_scaling_result *r, const fits *all, int datum)
{
    for (int32_t k = 0; k < all->n; k++) {
        const found *a = &all->one[k];
        r->variant[r->n_variants++] = (kr_scaling_variant){
            .datum = datum,
            .least = a->least,
            .corrected = a->corrected,
            .n_data = a->n_data,
            .n_parameters = a->n_parameters,
            .chi2 = a->chi2,
            .p = a->p,
            .weight = a->weight,
            .critical = a->value[CRITICAL],
            .critical_error = a->error[CRITICAL],
            .exponent = a->value[EXPONENT],
            .exponent_error = a->error[EXPONENT],
        };
    }
}

static int fit_all(const kr_scaling_size *size, int32_t n, bool has_ratio, fit *f, fits *all,
                   kr_scaling_result *r)
{
    kr_scaling_value unknown = { NAN, NAN, NAN }, level[2] = { unknown, unknown };
    r->critical = r->exponent = r->correction = unknown;
    for (int k = 0; k < 1 + has_ratio; k++) {
        const int datum = k ? KR_SCALING_RATIO : KR_SCALING_BINDER;
        fill_ratio(f, size, n, datum);
        KR_TRY(make_fits(f, all));
        list_variants(r, all, datum);
        level[k] = average(all, LEVEL);
        r->critical = both(r->critical, average(all, CRITICAL));
        r->exponent = both(r->exponent, average(all, EXPONENT));
        r->correction = both(r->correction, average(all, -1));
        r->best_p = k == 0 || all->best_p < r->best_p ? all->best_p : r->best_p;
    }
    r->binder = level[0];
    r->ratio = level[1];
    const int fixed = has_ratio ? KR_SCALING_RATIO : KR_SCALING_BINDER;
    for (int k = 0; k < 2; k++) {
        fill_power(f, size, n, k ? KR_SCALING_ABS : KR_SCALING_SQUARE, fixed,
                   level[has_ratio].value);
        KR_TRY(make_fits(f, all));
        *(k ? &r->abs : &r->square) = average(all, POWER);
        r->best_p = all->best_p < r->best_p ? all->best_p : r->best_p;
    }
    return KR_OK;
}

int kr_scaling_fit(const kr_scaling_size *size, int32_t n_sizes, double at, bool has_ratio,
                   double omega, kr_scaling_result *result, kr_error *err)
{
    *result = (kr_scaling_result){ 0 };
    KR_TRY(check(size, n_sizes, has_ratio, err));
    fit *f = kr_alloc(1, sizeof *f, err);
    fits *all = kr_alloc(1, sizeof *all, err);
    int status = KR_ENOMEM;
    if (f && all) {
        *f = (fit){ .at = at,
                    .unit = size[0].length,
                    .omega = omega > 0.0 ? omega : OMEGA,
                    .omega_width = omega > 0.0 ? OMEGA_KNOWN : OMEGA_WIDTH };
        status = fit_all(size, n_sizes, has_ratio, f, all, result);
    }
    if (status == KR_EDIVERGED) {
        kr_fail(err, status, "scaling: no fit of the sizes converged");
    } else if (status == KR_ENOMEM && (!err || !err->status)) {
        kr_fail(err, status, "scaling: out of memory");
    }
    kr_free(all);
    kr_free(f);
    return status;
}
