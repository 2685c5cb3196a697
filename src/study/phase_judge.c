/* SPDX-License-Identifier: GPL-3.0-or-later
 * study/phase_judge.c - where P(ordered) is 1/2, where curves of sizes cross, and their limit
 * of many sizes; where Binder cumulants cross.
 *
 * Errors of one size: jackknife over its test chains. Between two points P follows a line in
 * its logit, the Binder cumulant what both points say of the place by reweighting. The limit: a
 * straight line in L^(-1/nu) through the halves of all sizes; its error adds in squares that of
 * the draws (enlarged where chi^2 exceeds its degrees of freedom), what leaving out the
 * smallest size changes, and what other training windows change. */
#include "study/phase_private.h"

#include <gsl/gsl_cdf.h>
#include <math.h>

#define CLEAR 3.0   /* sigma that all of a change must have */
#define CAP   10.0  /* sigma of a single point at most */
#define TINY  1e-12 /* of a probability */

int32_t kr_phase_change(const double *y, const double *error, int32_t n)
{
    int32_t best = -1;
    double top = -INFINITY, sum = 0.0;
    for (int32_t cut = 0; cut + 1 < n; cut++) { /* minus up to cut, plus behind */
        double z = 0.0;
        for (int32_t p = 0; p < n; p++) {
            const double one = y[p] == 0.0 ? 0.0 : y[p] / fmax(error[p], TINY);
            z += (p > cut ? 1.0 : -1.0) * fmax(-CAP, fmin(CAP, one));
        }
        if (z > top) {
            top = z;
            best = cut;
        }
    }
    for (int32_t p = 0; p < n; p++) {
        sum += y[p] != 0.0;
    }
    if (!(top > CLEAR * sqrt(sum))) {
        return -1;
    }
    for (int32_t off = 0; off < n; off++) { /* the nearest change of sign */
        for (int s = -1; s <= 1; s += 2) {
            const int32_t p = best + s * off;
            if (p >= 0 && p + 1 < n && y[p] <= 0.0 && y[p + 1] > 0.0 && off <= 2) {
                return p;
            }
        }
    }
    return -1;
}

static double logit(double p)
{
    p = fmin(1.0 - TINY, fmax(TINY, p));
    return log(p / (1.0 - p));
}

/* Logit of P at a point without one chain; skip = -1: with all. */
static double logit_of(const kr_phase_curve *c, int32_t p, int32_t n_chains, int32_t skip)
{
    const double all = c->p[p] * n_chains;
    return logit(skip < 0 ? c->p[p] : (all - c->chain[p][skip]) / (n_chains - 1));
}

enum { NEAR = 4 };

/* Points around a place, with the weights of a line through them. */
typedef struct vicinity {
    int32_t first, n;
    double x[NEAR], weight[NEAR];
} vicinity;

/* Variance of the logit of P at a point. */
static double variance_of(const kr_phase_curve *c, int32_t p)
{
    const double width = c->p[p] * (1.0 - c->p[p]);
    return width > TINY ? pow(c->error[p] / width, 2) : INFINITY;
}

/* Around the change between p and p + 1; b NULL: of one curve, else of a difference. */
static vicinity around(const kr_phase_study *study, int32_t p, const kr_phase_curve *a,
                       const kr_phase_curve *b)
{
    vicinity v = { .first = p > 0 ? p - 1 : 0 };
    const int32_t end = p + 3 < study->n_points ? p + 3 : study->n_points;
    v.n = end - v.first;
    for (int32_t k = 0; k < v.n; k++) {
        const double variance =
            variance_of(a, v.first + k) + (b ? variance_of(b, v.first + k) : 0.0);
        v.x[k] = study->at[v.first + k];
        v.weight[k] = 1.0 / fmax(variance, TINY);
    }
    return v;
}

/* Zero of the line through values y. */
static double root(const vicinity *v, const double *y, double *slope)
{
    double s = 0.0, x = 0.0, z = 0.0, xx = 0.0, xz = 0.0;
    for (int32_t k = 0; k < v->n; k++) {
        s += v->weight[k];
        x += v->weight[k] * v->x[k];
        z += v->weight[k] * y[k];
    }
    x /= s;
    z /= s;
    for (int32_t k = 0; k < v->n; k++) {
        xx += v->weight[k] * (v->x[k] - x) * (v->x[k] - x);
        xz += v->weight[k] * (v->x[k] - x) * (y[k] - z);
    }
    *slope = xz / xx;
    return x - z / *slope;
}

/* Signed so that it rises through zero from the low to the high end. */
static double sign_of(const kr_phase_study *study)
{
    return study->ordered_is_high ? 1.0 : -1.0;
}

static int32_t n_test(const kr_phase_study *study)
{
    return (int32_t)study->params.chains / 2;
}

static void find_half(const kr_phase_study *study, kr_phase_curve *c)
{
    const int32_t n = n_test(study);
    double y[KR_PHASE_POINTS], value[3] = { 0.0, 0.0, 0.0 }, square[3] = { 0.0, 0.0, 0.0 };
    c->half = c->slope = (kr_phase_value){ NAN, NAN };
    for (int32_t p = 0; p < study->n_points; p++) {
        y[p] = sign_of(study) * (c->p[p] - 0.5);
    }
    const int32_t p = kr_phase_change(y, c->error, study->n_points);
    if (p < 0) {
        return;
    }
    const vicinity v = around(study, p, c, NULL);
    for (int32_t skip = -1; skip < n; skip++) {
        double z[NEAR], slope;
        for (int32_t k = 0; k < v.n; k++) {
            z[k] = logit_of(c, v.first + k, n, skip);
        }
        const double half = root(&v, z, &slope);
        slope *= 0.25;
        if (skip < 0) {
            c->half.value = half;
            c->slope.value = slope;
        } else {
            value[0] += (half - c->half.value) / n;
            square[0] += pow(half - c->half.value, 2) / n;
            value[1] += (slope - c->slope.value) / n;
            square[1] += pow(slope - c->slope.value, 2) / n;
        }
    }
    c->half.error = sqrt((n - 1) * fmax(0.0, square[0] - value[0] * value[0]));
    c->slope.error = sqrt((n - 1) * fmax(0.0, square[1] - value[1] * value[1]));
}

/* Where the curve of the larger size overtakes that of the smaller one. */
static kr_phase_value cross(const kr_phase_study *study, const kr_phase_curve *a,
                            const kr_phase_curve *b)
{
    const int32_t n = n_test(study);
    double y[KR_PHASE_POINTS], e[KR_PHASE_POINTS], variance = 0.0;
    for (int32_t p = 0; p < study->n_points; p++) {
        y[p] = sign_of(study) * (b->p[p] - a->p[p]);
        e[p] = hypot(a->error[p], b->error[p]);
    }
    const int32_t p = kr_phase_change(y, e, study->n_points);
    if (p < 0) {
        return (kr_phase_value){ NAN, NAN };
    }
    const vicinity v = around(study, p, a, b);
    double found = NAN;
    for (int side = 0; side < 2; side++) { /* sizes are independent */
        double mean = 0.0, square = 0.0;
        for (int32_t skip = -1; skip < n; skip++) {
            double z[NEAR], slope;
            for (int32_t k = 0; k < v.n; k++) {
                z[k] = logit_of(b, v.first + k, n, side ? skip : -1) -
                       logit_of(a, v.first + k, n, side ? -1 : skip);
            }
            const double at = root(&v, z, &slope);
            if (skip < 0) {
                found = at;
            } else {
                mean += (at - found) / n;
                square += (at - found) * (at - found) / n;
            }
        }
        variance += (n - 1) * fmax(0.0, square - mean * mean);
    }
    return (kr_phase_value){ found, sqrt(variance) };
}

/* ---- Binder -------------------------------------------------------------------------------
 */

/* The cumulant and its slope at t in points p..p + 1, from the draws of both. */
static int binder_at(const kr_phase_study *study, const kr_phase_size *s, int32_t p, double t,
                     double *value, double *slope, double *variance, kr_error *err)
{
    const double share = (t - study->at[p]) / (study->at[p + 1] - study->at[p]);
    *value = *slope = *variance = 0.0;
    for (int k = 0; k < 2; k++) {
        const double weight = k ? share : 1.0 - share;
        kr_scaling_size data;
        double ess;
        KR_TRY(kr_critical_evaluate(&s->draws[p + k], t, &data, &ess, err));
        *value += weight * data.value[KR_SCALING_BINDER];
        *slope += weight * data.value[KR_SCALING_BINDER_SLOPE];
        *variance += weight * weight * data.covariance[KR_SCALING_BINDER][KR_SCALING_BINDER];
    }
    return KR_OK;
}

static int cross_binder(const kr_phase_study *study, const kr_phase_size *a,
                        const kr_phase_size *b, kr_phase_value *found, kr_error *err)
{
    double y[KR_PHASE_POINTS], e[KR_PHASE_POINTS], u[2], v[2], slope[2];
    *found = (kr_phase_value){ NAN, NAN };
    for (int32_t p = 0; p < study->n_points; p++) {
        y[p] = sign_of(study) * (b->binder[p] - a->binder[p]);
        e[p] = hypot(a->binder_error[p], b->binder_error[p]);
    }
    const int32_t p = kr_phase_change(y, e, study->n_points);
    if (p < 0) {
        return KR_OK;
    }
    double low = study->at[p], high = study->at[p + 1], t = low;
    for (int step = 0; step < 30; step++) {
        t = 0.5 * (low + high);
        KR_TRY(binder_at(study, a, p, t, &u[0], &slope[0], &v[0], err));
        KR_TRY(binder_at(study, b, p, t, &u[1], &slope[1], &v[1], err));
        if (sign_of(study) * (u[1] - u[0]) > 0.0) {
            high = t;
        } else {
            low = t;
        }
    }
    found->value = t;
    found->error = sqrt(v[0] + v[1]) / fabs(slope[1] - slope[0]);
    return KR_OK;
}

/* ---- the limit ----------------------------------------------------------------------------
 */

/* The line of halves in L^(-1/nu), of sizes from `first` on; false: fewer than two. */
static bool fit_line(const kr_phase_study *study, int kind, int32_t w, int32_t first,
                     kr_phase_limit *out)
{
    double s = 0.0, sx = 0.0, sxx = 0.0, sy = 0.0, sxy = 0.0;
    *out = (kr_phase_limit){ NAN, NAN, NAN, 0.0, 0.0, 0.0, NAN, 0 };
    for (int pass = 0; pass < 2; pass++) {
        const double det = s * sxx - sx * sx;
        const double at = (sxx * sy - sx * sxy) / det, by = (s * sxy - sx * sy) / det;
        for (int32_t k = first; k < study->n_sizes; k++) {
            const kr_phase_value *h = &study->size[k].curve[kind][w].half;
            const double x = pow(study->size[k].side, -1.0 / study->params.nu);
            if (!isfinite(h->value) || !(h->error > 0.0)) {
                continue;
            }
            const double weight = 1.0 / (h->error * h->error);
            if (pass == 1) {
                out->chi2 += weight * pow(h->value - at - by * x, 2);
                continue;
            }
            s += weight;
            sx += weight * x;
            sxx += weight * x * x;
            sy += weight * h->value;
            sxy += weight * x * h->value;
            out->n_used++;
        }
        if (out->n_used < 2) {
            return false;
        }
        out->value = at;
        out->statistical = sqrt(sxx / det);
    }
    if (out->n_used > 2) {
        const double dof = out->n_used - 2;
        out->p = gsl_cdf_chisq_Q(out->chi2, dof);
        out->statistical *= sqrt(fmax(1.0, out->chi2 / dof));
    }
    return true;
}

static void find_limit(kr_phase_study *study, int kind)
{
    kr_phase_limit *limit = &study->limit[kind], other;
    if (!fit_line(study, kind, 0, 0, limit)) {
        return;
    }
    if (limit->n_used > 2 && fit_line(study, kind, 0, 1, &other)) {
        limit->cut = fabs(other.value - limit->value);
    }
    for (int32_t w = 1; w < KR_PHASE_WINDOWS; w++) {
        if (fit_line(study, kind, w, 0, &other)) {
            limit->window = fmax(limit->window, fabs(other.value - limit->value));
        }
    }
    limit->error = hypot(limit->statistical, hypot(limit->window, limit->cut));
}

int kr_phase_judge(kr_phase_study *study, kr_error *err)
{
    const int32_t last = study->n_sizes - 1;
    for (int kind = 0; kind < KR_PHASE_KINDS && kr_phase_kind_is_there(study, kind); kind++) {
        for (int32_t k = 0; k < study->n_sizes; k++) {
            for (int32_t w = 0; w < KR_PHASE_WINDOWS; w++) {
                find_half(study, &study->size[k].curve[kind][w]);
            }
        }
        for (int32_t k = 0; k < last; k++) {
            study->crossing[kind][k] = cross(study, &study->size[k].curve[kind][0],
                                             &study->size[k + 1].curve[kind][0]);
        }
        const kr_phase_size *a = &study->size[0], *b = &study->size[last];
        study->steepens[kind] =
            log(b->curve[kind][0].slope.value / a->curve[kind][0].slope.value) /
            log((double)b->side / a->side);
        find_limit(study, kind);
    }
    for (int32_t k = 0; k < last; k++) {
        KR_TRY(cross_binder(study, &study->size[k], &study->size[k + 1],
                            &study->binder_crossing[k], err));
    }
    return KR_OK;
}
