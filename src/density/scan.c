/* SPDX-License-Identifier: GPL-3.0-or-later
 * density/scan.c - weights as polynomials in the scanned numbers. */
#include "density/scan.h"

#include "base/memory.h"
#include "density/cholesky.h"

#include <math.h>
#include <string.h>

/* The next of the orders m with a sum of at most degree, the last axis fastest; false: none. */
static bool next_term(const kr_scan *scan, int32_t m[KR_SCAN_AXES_MAX])
{
    int32_t sum = 0;
    for (int32_t a = 0; a < scan->n_axes; a++) {
        sum += m[a];
    }
    for (int32_t a = scan->n_axes - 1; a >= 0; a--) {
        if (sum < scan->degree) {
            m[a]++;
            return true;
        }
        sum -= m[a];
        m[a] = 0;
    }
    return false;
}

int kr_scan_init(kr_scan *scan, int32_t degree, int32_t n_axes, const double *from,
                 const double *to, kr_error *err)
{
    int32_t m[KR_SCAN_AXES_MAX] = { 0 };
    *scan = (kr_scan){ .n_axes = n_axes, .degree = degree, .n_terms = 1 };
    if (degree < 0 || degree > KR_SCAN_DEGREE_MAX || n_axes < 0 || n_axes > KR_SCAN_AXES_MAX) {
        return kr_fail(err, KR_ERANGE, "degree %d in %d numbers, want 0..%d in at most %d",
                       degree, n_axes, KR_SCAN_DEGREE_MAX, KR_SCAN_AXES_MAX);
    }
    for (int32_t a = 0; a < n_axes; a++) {
        scan->from[a] = from[a];
        scan->to[a] = to[a];
        if (!isfinite(from[a]) || !isfinite(to[a]) || !(from[a] < to[a])) {
            return kr_fail(err, KR_ERANGE, "range %g..%g makes no sense", from[a], to[a]);
        }
    }
    while (next_term(scan, m)) {
        if (++scan->n_terms > KR_SCAN_TERMS_MAX) {
            return kr_fail(err, KR_ERANGE,
                           "degree %d in %d numbers: more than %d terms, want a smaller degree",
                           degree, n_axes, KR_SCAN_TERMS_MAX);
        }
    }
    return KR_OK;
}

void kr_scan_values(const kr_scan *scan, const double *at, float *value)
{
    double T[KR_SCAN_AXES_MAX][KR_SCAN_DEGREE_MAX + 1];
    int32_t m[KR_SCAN_AXES_MAX] = { 0 };
    for (int32_t a = 0; a < scan->n_axes; a++) {
        const double from = scan->from[a], to = scan->to[a];
        const double x = (2.0 * at[a] - from - to) / (to - from);
        double before = 1.0, now = x;
        T[a][0] = 1.0;
        for (int32_t k = 1; k <= scan->degree; k++) {
            T[a][k] = now;
            const double next = 2.0 * x * now - before;
            before = now;
            now = next;
        }
    }
    for (int32_t k = 0; k < scan->n_terms; k++, next_term(scan, m)) {
        double product = 1.0;
        for (int32_t a = 0; a < scan->n_axes; a++) {
            product *= T[a][m[a]];
        }
        value[k] = (float)product;
    }
}

void kr_scan_weights(const kr_scan *scan, const float *value, const float *theta, size_t n,
                     float *w)
{
    memcpy(w, theta, n * sizeof *w);
    for (int32_t k = 1; k < scan->n_terms; k++) {
        const float *restrict from = theta + (size_t)k * n;
        float *restrict to = w;
        for (size_t i = 0; i < n; i++) {
            to[i] += value[k] * from[i];
        }
    }
}

void kr_scan_spread(const kr_scan *scan, const float *value, float factor,
                    const float *gradient, size_t n, float *out)
{
    for (int32_t k = 0; k < scan->n_terms; k++) {
        float *restrict to = out + (size_t)k * n;
        const float share = factor * value[k];
        for (size_t i = 0; i < n; i++) {
            to[i] += share * gradient[i];
        }
    }
}

/* P (n_terms, n_points) = (V^T V)^-1 V^T of V = value. work: twice n_terms^2. */
static bool pseudo_inverse(const kr_scan *scan, int32_t n_points, const float *value,
                           double *work, double *P)
{
    const int32_t n = scan->n_terms;
    double *G = work, *inverse = work + (size_t)n * (size_t)n, column[KR_SCAN_TERMS_MAX];
    for (int32_t a = 0; a < n; a++) {
        for (int32_t b = 0; b < n; b++) {
            G[a * n + b] = 0.0;
            for (int32_t p = 0; p < n_points; p++) {
                G[a * n + b] += (double)value[p * n + a] * (double)value[p * n + b];
            }
        }
    }
    double least = INFINITY, most = 0.0;
    bool is_positive = kr_cholesky_factor(n, G);
    for (int32_t a = 0; a < n && is_positive; a++) {
        least = fmin(least, G[a * n + a]);
        most = fmax(most, G[a * n + a]);
    }
    if (!is_positive || least < 1e-6 * most) { /* V is float32 */
        return false;
    }
    kr_cholesky_invert(n, G, inverse);
    for (int32_t p = 0; p < n_points; p++) {
        for (int32_t a = 0; a < n; a++) {
            column[a] = 0.0;
            for (int32_t b = 0; b <= a; b++) {
                column[a] += inverse[a * n + b] * (double)value[p * n + b];
            }
        }
        for (int32_t a = 0; a < n; a++) {
            P[a * n_points + p] = 0.0;
            for (int32_t b = a; b < n; b++) {
                P[a * n_points + p] += inverse[b * n + a] * column[b];
            }
        }
    }
    return true;
}

int kr_scan_fit(const kr_scan *scan, int32_t n_points, const float *value,
                const float *const *weights, size_t n, float *theta, kr_error *err)
{
    const size_t terms = (size_t)scan->n_terms;
    double *work = kr_alloc(terms * (2 * terms + (size_t)n_points), sizeof *work, err);
    if (!work) {
        return KR_ENOMEM;
    }
    double *P = work + 2 * terms * terms;
    if (!pseudo_inverse(scan, n_points, value, work, P)) {
        kr_free(work);
        return kr_fail(err, KR_EINVAL, "%d points do not determine %d terms of degree %d",
                       n_points, scan->n_terms, scan->degree);
    }
    for (size_t k = 0; k < terms; k++) {
        for (size_t i = 0; i < n; i++) {
            double sum = k == 0 ? (double)weights[0][i] : 0.0;
            for (int32_t p = 1; p < n_points; p++) { /* differences: equal weights stay */
                sum += P[k * (size_t)n_points + (size_t)p] *
                       ((double)weights[p][i] - (double)weights[0][i]);
            }
            theta[k * n + i] = (float)sum;
        }
    }
    kr_free(work);
    return KR_OK;
}
