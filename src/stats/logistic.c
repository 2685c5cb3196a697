/* SPDX-License-Identifier: GPL-3.0-or-later
 * stats/logistic.c - logistic regression by Newton steps, R^2 of a linear fit.
 * Source: Hastie, Tibshirani, Friedman, The Elements of Statistical Learning (2009), 4.4. */
#include "stats/logistic.h"

#include <gsl/gsl_linalg.h>
#include <math.h>
#include <string.h>

enum { MOST = KR_LOGISTIC_MOST, SIDE = MOST + 1, STEPS = 200 };

double kr_logistic_probability(double z)
{
    return z >= 0.0 ? 1.0 / (1.0 + exp(-z)) : exp(z) / (1.0 + exp(z));
}

double kr_logistic_entropy(double z, double y)
{
    return fmax(z, 0.0) - y * z + log1p(exp(-fabs(z)));
}

double kr_logistic_logit(const kr_logistic *fit, const double *x)
{
    double z = fit->intercept;
    for (int32_t k = 0; k < fit->n_features; k++) {
        z += fit->weight[k] * (x[k] - fit->center[k]) / fit->scale[k];
    }
    return z;
}

static int check(const double *x, const double *y, int64_t n, int32_t n_features, kr_error *err)
{
    int64_t n_ones = 0;
    if (n_features < 1 || n_features > MOST || n < 2) {
        return kr_fail(err, KR_EINVAL, "logistic fit of %lld rows of %d features, want 1..%d",
                       (long long)n, n_features, MOST);
    }
    for (int64_t i = 0; i < n * n_features; i++) {
        if (!isfinite(x[i])) {
            return kr_fail(err, KR_EINVAL,
                           "logistic fit: feature %lld of row %lld is not "
                           "finite",
                           (long long)(i % n_features), (long long)(i / n_features));
        }
    }
    for (int64_t i = 0; i < n; i++) {
        n_ones += y[i] == 1.0;
        if (y[i] != 0.0 && y[i] != 1.0) {
            return kr_fail(err, KR_EINVAL, "logistic fit: class %g of row %lld, want 0 or 1",
                           y[i], (long long)i);
        }
    }
    return n_ones > 0 && n_ones < n
               ? KR_OK
               : kr_fail(err, KR_EINVAL, "logistic fit: one class only, want two");
}

/* Means and widths of the columns. */
static void standardize(const double *x, int64_t n, int32_t n_features, double *center,
                        double *scale)
{
    for (int32_t k = 0; k < n_features; k++) {
        double sum = 0.0, squares = 0.0;
        for (int64_t i = 0; i < n; i++) {
            sum += x[i * n_features + k] / (double)n;
        }
        for (int64_t i = 0; i < n; i++) {
            const double off = x[i * n_features + k] - sum;
            squares += off * off / (double)n;
        }
        center[k] = sum;
        scale[k] = squares > 1e-24 * sum * sum ? sqrt(squares) : 0.0;
        scale[k] = scale[k] > 0.0 ? scale[k] : 1.0;
    }
}

typedef struct problem {
    const double *x, *y;
    int64_t n;
    double ridge;
} problem;

/* The cost, and where gradient is given its slope and second derivatives (intercept last). */
static double evaluate(const problem *p, const kr_logistic *fit, double *gradient,
                       double (*second)[SIDE], double *entropy)
{
    const int32_t F = fit->n_features;
    double cost = 0.0, row[SIDE];
    if (gradient) {
        memset(gradient, 0, SIDE * sizeof *gradient);
        memset(second, 0, SIDE * sizeof *second);
    }
    for (int64_t i = 0; i < p->n; i++) {
        const double *x = p->x + i * F, z = kr_logistic_logit(fit, x);
        const double q = kr_logistic_probability(z);
        cost += kr_logistic_entropy(z, p->y[i]) / (double)p->n;
        for (int32_t a = 0; gradient && a <= F; a++) {
            row[a] = a == F ? 1.0 : (x[a] - fit->center[a]) / fit->scale[a];
            gradient[a] += (q - p->y[i]) * row[a] / (double)p->n;
            for (int32_t b = 0; b <= a; b++) {
                second[a][b] += q * (1.0 - q) * row[a] * row[b] / (double)p->n;
            }
        }
    }
    *entropy = cost;
    for (int32_t a = 0; a < F; a++) {
        cost += 0.5 * p->ridge * fit->weight[a] * fit->weight[a];
        if (gradient) {
            gradient[a] += p->ridge * fit->weight[a];
            second[a][a] += p->ridge;
        }
    }
    return cost;
}

/* step = -(second)^-1 gradient; second is filled below its diagonal. */
static void solve(int32_t n, double (*second)[SIDE], const double *gradient, double *step)
{
    double matrix[SIDE * SIDE], right[SIDE];
    for (int32_t a = 0; a < n; a++) {
        right[a] = -gradient[a];
        for (int32_t b = 0; b < n; b++) {
            matrix[a * n + b] = a >= b ? second[a][b] : second[b][a];
        }
        matrix[a * n + a] += 1e-14; /* the intercept's own where all rows are far from 1/2 */
    }
    gsl_matrix_view m = gsl_matrix_view_array(matrix, (size_t)n, (size_t)n);
    gsl_vector_view r = gsl_vector_view_array(right, (size_t)n);
    gsl_vector_view s = gsl_vector_view_array(step, (size_t)n);
    if (gsl_linalg_cholesky_decomp1(&m.matrix) != 0 ||
        gsl_linalg_cholesky_solve(&m.matrix, &r.vector, &s.vector) != 0) {
        memcpy(step, right, (size_t)n * sizeof *step); /* downhill */
    }
}

int kr_logistic_fit(const double *x, const double *y, int64_t n, int32_t n_features,
                    double ridge, kr_logistic *fit, kr_error *err)
{
    KR_TRY(check(x, y, n, n_features, err));
    const problem p = { x, y, n, ridge };
    double gradient[SIDE], second[SIDE][SIDE], step[SIDE] = { 0 };
    *fit = (kr_logistic){ .n_features = n_features };
    standardize(x, n, n_features, fit->center, fit->scale);
    for (fit->n_steps = 0; fit->n_steps < STEPS; fit->n_steps++) {
        const double cost = evaluate(&p, fit, gradient, second, &fit->entropy);
        double largest = 0.0, size = 1.0;
        for (int32_t a = 0; a <= n_features; a++) {
            largest = fmax(largest, fabs(gradient[a]));
        }
        if (largest < 1e-12) {
            return KR_OK;
        }
        solve(n_features + 1, second, gradient, step);
        for (;; size *= 0.5) {
            kr_logistic next = *fit;
            for (int32_t a = 0; a < n_features; a++) {
                next.weight[a] += size * step[a];
            }
            next.intercept += size * step[n_features];
            const double found = evaluate(&p, &next, NULL, NULL, &next.entropy);
            if (found < cost) {
                *fit = next;
                break;
            }
            if (size < 1e-9) { /* as low as rounding allows */
                return largest < 1e-7
                           ? KR_OK
                           : kr_fail(err, KR_EDIVERGED,
                                     "logistic fit: slope %.3g does not fall", largest);
            }
        }
    }
    return kr_fail(err, KR_EDIVERGED, "logistic fit: no minimum after %d steps", STEPS);
}

int kr_logistic_explained(const double *x, const double *y, int64_t n, int32_t n_features,
                          const bool *use, int64_t n_groups, double *share, kr_error *err)
{
    double second[SIDE][SIDE] = { { 0 } }, cross[SIDE] = { 0 }, step[SIDE] = { 0 };
    double width[SIDE] = { 0 }, total = 0.0, kept = 0.0;
    int32_t column[SIDE], m = 0;
    if (n_groups < 1 || n % n_groups || n_features > MOST) {
        return kr_fail(err, KR_EINVAL, "%lld rows of %d features in %lld groups", (long long)n,
                       n_features, (long long)n_groups);
    }
    for (int32_t k = 0; k < n_features; k++) {
        if (use[k]) {
            column[m++] = k;
        }
    }
    const int64_t each = n / n_groups;
    for (int64_t g = 0; g < n_groups; g++) {
        double mean[SIDE] = { 0 };
        for (int64_t i = g * each; i < (g + 1) * each; i++) {
            for (int32_t a = 0; a < m; a++) {
                mean[a] += x[i * n_features + column[a]] / (double)each;
            }
            mean[m] += y[i] / (double)each;
        }
        for (int64_t i = g * each; i < (g + 1) * each; i++) {
            const double off = y[i] - mean[m];
            total += off * off;
            for (int32_t a = 0; a < m; a++) {
                const double by = x[i * n_features + column[a]] - mean[a];
                cross[a] -= by * off;
                for (int32_t b = 0; b <= a; b++) {
                    second[a][b] += by * (x[i * n_features + column[b]] - mean[b]);
                }
            }
        }
    }
    for (int32_t a = 0; a < m; a++) { /* columns of width 1; none of a constant one */
        width[a] = second[a][a] > 0.0 ? sqrt(second[a][a]) : 1.0;
        cross[a] /= width[a];
        for (int32_t b = 0; b <= a; b++) {
            second[a][b] /= width[a] * width[b];
        }
        second[a][a] = 1.0 + 1e-12;
    }
    if (m > 0) {
        solve(m, second, cross, step);
    }
    for (int32_t a = 0; a < m; a++) {
        kept -= step[a] * cross[a];
    }
    *share = total > 0.0 ? kept / total : NAN;
    return KR_OK;
}
