/* SPDX-License-Identifier: GPL-3.0-or-later
 * stats/scaling.c - finite-size scaling at a continuous transition. */
#include "stats/scaling.h"

#include "base/memory.h"
#include "stats/stats.h"

#include <gsl/gsl_linalg.h>
#include <gsl/gsl_multifit_nlinear.h>
#include <math.h>
#include <string.h>

#define OMEGA           1.2
#define OMEGA_WIDTH     0.5 /* of ln omega */
#define AMPLITUDE_WIDTH 0.5
#define STEPS           200

enum { D = KR_SCALING_DATA, PAIRS = D / 2, RATIOS = 2 };

/* Parameters: c and 1/nu; of each pair (value, slope) the rest. */
enum {
    CRITICAL,
    EXPONENT,
    LEVEL,                 /* (PAIRS) R* or A */
    SLOPE = LEVEL + PAIRS, /* (PAIRS) a or d */
    POWER = SLOPE + PAIRS, /* (PAIRS - RATIOS) k */
    PLAIN = POWER + PAIRS - RATIOS,
    OMEGA_LOG = PLAIN,
    SHIFT,                       /* (PAIRS) b or e */
    SHIFT_SLOPE = SHIFT + PAIRS, /* (PAIRS) c or f */
    WHOLE = SHIFT_SLOPE + PAIRS,
};

typedef struct fit {
    const kr_scaling_size *size; /* (n_sizes) those that stay */
    int32_t n_sizes;
    double at, unit; /* unit: L0 */
    bool corrected, has_pair[PAIRS];
    int32_t n_data, n_parameters, n_priors;
    int32_t index[WHOLE];                    /* of a parameter among those fitted, or -1 */
    double whitener[KR_SCALING_SIZES][D][D]; /* lower triangular: L^-1 of C = L L^T */
    double center, width;                    /* of c: parameters are of order one */
} fit;

static double parameter(const fit *f, const gsl_vector *p, int which)
{
    return f->index[which] < 0 ? 0.0 : gsl_vector_get(p, (size_t)f->index[which]);
}

/* The forms, at a size. */
static void model(const fit *f, const gsl_vector *p, double length, double out[D])
{
    const double l = length / f->unit;
    const double grow = pow(l, parameter(f, p, EXPONENT));
    const double x =
        (f->at - f->center - f->width * parameter(f, p, CRITICAL)) * grow / f->width;
    const double u = f->corrected ? pow(l, -exp(parameter(f, p, OMEGA_LOG))) : 0.0;
    for (int k = 0; k < PAIRS; k++) {
        const double slope = parameter(f, p, SLOPE + k);
        out[2 * k] = parameter(f, p, LEVEL + k) + slope * x + parameter(f, p, SHIFT + k) * u +
                     (k >= RATIOS ? parameter(f, p, POWER + k - RATIOS) * log(l) : 0.0);
        out[2 * k + 1] = slope / f->width * grow * (1.0 + parameter(f, p, SHIFT_SLOPE + k) * u);
    }
}

static int residuals(const gsl_vector *p, void *context, gsl_vector *out)
{
    const fit *f = context;
    size_t row = 0;
    for (int32_t s = 0; s < f->n_sizes; s++) {
        double value[D];
        model(f, p, f->size[s].length, value);
        for (int i = 0; i < D; i++) {
            double sum = 0.0;
            if (!f->has_pair[i / 2]) {
                continue;
            }
            for (int j = 0; j <= i; j++) {
                sum += f->whitener[s][i][j] * (value[j] - f->size[s].value[j]);
            }
            if (!isfinite(sum)) {
                return GSL_EDOM;
            }
            gsl_vector_set(out, row++, sum);
        }
    }
    if (f->corrected) {
        gsl_vector_set(out, row++, (parameter(f, p, OMEGA_LOG) - log(OMEGA)) / OMEGA_WIDTH);
        for (int k = 0; k < 2 * PAIRS; k++) {
            if (f->index[SHIFT + k] >= 0) {
                gsl_vector_set(out, row++, parameter(f, p, SHIFT + k) / AMPLITUDE_WIDTH);
            }
        }
    }
    return GSL_SUCCESS;
}

/* L^-1 of C = L L^T over the data that are there. */
static int whiten(fit *f, int32_t s)
{
    const kr_scaling_size *size = &f->size[s];
    int which[D], n = 0;
    for (int i = 0; i < D; i++) {
        if (f->has_pair[i / 2]) {
            which[n++] = i;
        }
    }
    gsl_matrix *c = gsl_matrix_alloc((size_t)n, (size_t)n);
    if (!c) {
        return KR_ENOMEM;
    }
    /* The inverse of an estimated covariance is too large by this (Hartlap, Simon, Schneider,
     * Astron. Astrophys. 464, 399 (2007)). */
    const double m = (double)size->n_samples;
    const double inflate = m > n + 2 ? (m - 1.0) / (m - n - 2.0) : 1.0;
    for (int i = 0; i < n; i++) {
        for (int j = 0; j < n; j++) {
            gsl_matrix_set(c, (size_t)i, (size_t)j,
                           inflate * size->covariance[which[i]][which[j]]);
        }
    }
    int status = gsl_linalg_cholesky_decomp1(c) == GSL_SUCCESS ? KR_OK : KR_EINVAL;
    status =
        status == KR_OK && gsl_linalg_tri_lower_invert(c) == GSL_SUCCESS ? KR_OK : KR_EINVAL;
    memset(f->whitener[s], 0, sizeof f->whitener[s]);
    for (int i = 0; i < n && status == KR_OK; i++) {
        for (int j = 0; j <= i; j++) {
            f->whitener[s][which[i]][which[j]] = gsl_matrix_get(c, (size_t)i, (size_t)j);
        }
    }
    gsl_matrix_free(c);
    return status;
}

static void number_parameters(fit *f)
{
    f->n_parameters = 0;
    f->n_priors = f->corrected;
    for (int k = 0; k < WHOLE; k++) {
        const int pair = k >= SHIFT   ? (k - SHIFT) % PAIRS
                         : k >= POWER ? k - POWER + RATIOS
                         : k >= LEVEL ? (k - LEVEL) % PAIRS
                                      : -1;
        const bool is_there =
            (k < PLAIN || f->corrected) && (k == OMEGA_LOG || pair < 0 || f->has_pair[pair]);
        f->index[k] = is_there ? f->n_parameters++ : -1;
        f->n_priors += is_there && k >= SHIFT;
    }
}

/* What the smallest and the largest size alone say. */
static void start(const fit *f, gsl_vector *p)
{
    const kr_scaling_size *a = &f->size[0], *b = &f->size[f->n_sizes - 1];
    const double ratio = log(b->length / a->length), la = log(a->length / f->unit);
    double y =
        log(b->value[KR_SCALING_BINDER_SLOPE] / a->value[KR_SCALING_BINDER_SLOPE]) / ratio;
    gsl_vector_set_zero(p);
    y = isfinite(y) && y > 0.1 && y < 6.0 ? y : 1.0;
    gsl_vector_set(p, (size_t)f->index[EXPONENT], y);
    for (int k = 0; k < PAIRS; k++) {
        if (!f->has_pair[k]) {
            continue;
        }
        double power = 0.0;
        if (k >= RATIOS) {
            power = (b->value[2 * k] - a->value[2 * k]) / ratio;
            gsl_vector_set(p, (size_t)f->index[POWER + k - RATIOS], power);
        }
        gsl_vector_set(p, (size_t)f->index[LEVEL + k], a->value[2 * k] - power * la);
        gsl_vector_set(p, (size_t)f->index[SLOPE + k],
                       f->width * a->value[2 * k + 1] * exp(-y * la));
    }
    if (f->corrected) {
        gsl_vector_set(p, (size_t)f->index[OMEGA_LOG], log(OMEGA));
    }
}

typedef struct found {
    double value[WHOLE], error[WHOLE], chi2;
    bool has[WHOLE];
} found;

static int solve(fit *f, found *out)
{
    const size_t n = (size_t)(f->n_data + f->n_priors), m = (size_t)f->n_parameters;
    gsl_multifit_nlinear_parameters options = gsl_multifit_nlinear_default_parameters();
    options.fdtype = GSL_MULTIFIT_NLINEAR_CTRDIFF;
    gsl_multifit_nlinear_workspace *work =
        gsl_multifit_nlinear_alloc(gsl_multifit_nlinear_trust, &options, n, m);
    gsl_matrix *covariance = gsl_matrix_alloc(m, m);
    gsl_vector *p = gsl_vector_alloc(m);
    gsl_multifit_nlinear_fdf fdf = { .f = residuals, .n = n, .p = m, .params = f };
    int status = work && covariance && p ? KR_OK : KR_ENOMEM, info = 0;
    if (status == KR_OK) {
        start(f, p);
        status = gsl_multifit_nlinear_init(p, &fdf, work) == GSL_SUCCESS &&
                         gsl_multifit_nlinear_driver(STEPS, 1e-9, 1e-9, 0.0, NULL, NULL, &info,
                                                     work) != GSL_EDOM
                     ? KR_OK
                     : KR_EDIVERGED;
    }
    if (status == KR_OK) {
        const gsl_vector *r = gsl_multifit_nlinear_residual(work);
        out->chi2 = 0.0;
        for (size_t i = 0; i < n; i++) {
            out->chi2 += gsl_vector_get(r, i) * gsl_vector_get(r, i);
        }
        gsl_multifit_nlinear_covar(gsl_multifit_nlinear_jac(work), 0.0, covariance);
        for (int k = 0; k < WHOLE; k++) {
            out->has[k] = f->index[k] >= 0;
            if (out->has[k]) {
                const size_t i = (size_t)f->index[k];
                out->value[k] = gsl_vector_get(gsl_multifit_nlinear_position(work), i);
                out->error[k] = sqrt(gsl_matrix_get(covariance, i, i));
                status = isfinite(out->error[k]) && out->error[k] > 0.0 ? status : KR_EDIVERGED;
            }
        }
        out->value[CRITICAL] = f->center + f->width * out->value[CRITICAL];
        out->error[CRITICAL] *= f->width;
        out->value[OMEGA_LOG] = exp(out->value[OMEGA_LOG]);
        out->error[OMEGA_LOG] *= out->value[OMEGA_LOG];
    }
    gsl_vector_free(p);
    gsl_matrix_free(covariance);
    gsl_multifit_nlinear_free(work);
    return status;
}

/* Mean over the variants that have the parameter, by their weights. */
static kr_scaling_value average(const kr_scaling_result *r, const found *all, int which,
                                double inflate)
{
    double total = 0.0, mean = 0.0, variance = 0.0, spread = 0.0;
    for (int32_t v = 0; v < r->n_variants; v++) {
        if (all[v].has[which]) {
            total += r->variant[v].weight;
            mean += r->variant[v].weight * all[v].value[which];
        }
    }
    mean /= total;
    for (int32_t v = 0; v < r->n_variants; v++) {
        const double e = all[v].error[which] * inflate, off = all[v].value[which] - mean;
        if (all[v].has[which]) {
            variance += r->variant[v].weight * e * e / total;
            spread += r->variant[v].weight * off * off / total;
        }
    }
    return total > 0.0 ? (kr_scaling_value){ mean, sqrt(variance + spread), sqrt(spread) }
                       : (kr_scaling_value){ NAN, NAN, NAN };
}

static void conclude(kr_scaling_result *r, const found *all)
{
    double least = INFINITY, total = 0.0, inflate = 1.0;
    int32_t n_most = 0, best = 0;
    for (int32_t v = 0; v < r->n_variants; v++) {
        n_most = r->variant[v].n_data > n_most ? r->variant[v].n_data : n_most;
    }
    r->best_p = NAN;
    for (int32_t v = 0; v < r->n_variants; v++) {
        kr_scaling_variant *a = &r->variant[v];
        a->weight = a->chi2 + 2.0 * a->n_parameters + 2.0 * (n_most - a->n_data);
        least = fmin(least, a->weight);
        if (a->p > r->best_p || isnan(r->best_p)) {
            r->best_p = a->p;
            best = v;
        }
    }
    for (int32_t v = 0; v < r->n_variants; v++) {
        r->variant[v].weight = exp(-0.5 * (r->variant[v].weight - least));
        total += r->variant[v].weight;
    }
    for (int32_t v = 0; v < r->n_variants; v++) {
        r->variant[v].weight /= total;
    }
    const kr_scaling_variant *b = &r->variant[best];
    if (r->best_p < 1e-3) {
        inflate = sqrt(b->chi2 / (b->n_data - b->n_parameters));
    }
    r->critical = average(r, all, CRITICAL, inflate);
    r->exponent = average(r, all, EXPONENT, inflate);
    r->square = average(r, all, POWER, inflate);
    r->abs = average(r, all, POWER + 1, inflate);
    r->binder = average(r, all, LEVEL, inflate);
    r->ratio = average(r, all, LEVEL + 1, inflate);
    r->correction = average(r, all, OMEGA_LOG, inflate);
}

static int check(const kr_scaling_size *size, int32_t n_sizes, bool has_ratio, kr_error *err)
{
    if (n_sizes < 3 || n_sizes > KR_SCALING_SIZES) {
        return kr_fail(err, KR_EINVAL, "scaling: %d sizes, want 3..%d", n_sizes,
                       KR_SCALING_SIZES);
    }
    for (int32_t s = 0; s < n_sizes; s++) {
        for (int i = 0; i < D; i++) {
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

/* One variant; false when it does not converge. */
static bool add_variant(fit *f, kr_scaling_result *r, found *all)
{
    found *one = &all[r->n_variants];
    for (int32_t s = 0; s < f->n_sizes; s++) {
        if (whiten(f, s) != KR_OK) {
            return false;
        }
    }
    number_parameters(f);
    f->n_data = f->n_sizes * (D - 2 * !f->has_pair[KR_SCALING_RATIO / 2]);
    memset(one, 0, sizeof *one);
    if (solve(f, one) != KR_OK) {
        return false;
    }
    const double dof = f->n_data + f->n_priors - f->n_parameters;
    r->variant[r->n_variants++] = (kr_scaling_variant){
        .least = f->size[0].length,
        .corrected = f->corrected,
        .n_data = f->n_data,
        .n_parameters = f->n_parameters,
        .chi2 = one->chi2,
        .p = dof > 0.0 ? kr_chi2_p(one->chi2, dof) : NAN,
        .critical = one->value[CRITICAL],
        .critical_error = one->error[CRITICAL],
        .exponent = one->value[EXPONENT],
        .exponent_error = one->error[EXPONENT],
    };
    return true;
}

int kr_scaling_fit(const kr_scaling_size *size, int32_t n_sizes, double at, bool has_ratio,
                   kr_scaling_result *result, kr_error *err)
{
    *result = (kr_scaling_result){ 0 };
    KR_TRY(check(size, n_sizes, has_ratio, err));
    fit *f = kr_alloc(1, sizeof *f, err);
    found *all = kr_alloc(KR_SCALING_VARIANTS, sizeof *all, err);
    for (int32_t first = 0; f && all && first + 3 <= n_sizes; first++) {
        for (int corrected = 0; corrected < 2; corrected++) {
            const kr_scaling_size *last = &size[n_sizes - 1];
            *f = (fit){ .size = size + first,
                        .n_sizes = n_sizes - first,
                        .at = at,
                        .center = at,
                        .unit = size[0].length,
                        .corrected = corrected,
                        .has_pair = { true, has_ratio, true, true } };
            /* c is expected within a few per cent of the rounded region of the largest size */
            f->width = 0.01 / fabs(last->value[KR_SCALING_BINDER_SLOPE]);
            if (corrected && f->n_sizes < 4) {
                continue;
            }
            add_variant(f, result, all);
        }
    }
    int status = f && all ? KR_OK : KR_ENOMEM;
    if (status == KR_OK && result->n_variants == 0) {
        status = kr_fail(err, KR_EDIVERGED, "scaling: no fit of the sizes converged");
    }
    if (status == KR_OK) {
        conclude(result, all);
    }
    kr_free(all);
    kr_free(f);
    return status;
}
