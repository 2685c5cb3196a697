/* SPDX-License-Identifier: GPL-3.0-or-later
 * model/exact_free.c - free lattice fields: Gaussian integrals over the quadratic form.
 *
 * S = phi^T A phi - l^T phi + constant with A positive definite: the mean is A^-1 l/2, the
 * covariance A^-1/(2 beta), and both come from the Cholesky factor of A. */
#include "base/memory.h"
#include "model/exact.h"

#include <math.h>

#define SITES_MAX 1024
#define PI        3.14159265358979324

/* A = G G^T in the lower triangle, n^3/6 multiplications. */
static bool factorize(int32_t n, double *A)
{
    for (int32_t j = 0; j < n; j++) {
        for (int32_t i = j; i < n; i++) {
            double *row = A + (size_t)i * (size_t)n, *other = A + (size_t)j * (size_t)n;
            for (int32_t k = 0; k < j; k++) {
                row[j] -= row[k] * other[k];
            }
            if (i == j && !(row[j] > 0.0)) {
                return false;
            }
            row[j] = i == j ? sqrt(row[j]) : row[j] / other[j];
        }
    }
    return true;
}

/* x = A^-1 x */
static void solve(int32_t n, const double *G, double *x)
{
    for (int32_t i = 0; i < n; i++) {
        const double *row = G + (size_t)i * (size_t)n;
        for (int32_t k = 0; k < i; k++) {
            x[i] -= row[k] * x[k];
        }
        x[i] /= row[i];
    }
    for (int32_t i = n - 1; i >= 0; i--) {
        const double *row = G + (size_t)i * (size_t)n;
        x[i] /= row[i];
        for (int32_t k = 0; k < i; k++) {
            x[k] -= row[k] * x[i];
        }
    }
}

static void fill_matrix(const kr_quartic *a, double *A)
{
    const size_t n = (size_t)a->n_sites;
    for (size_t i = 0; i < n; i++) {
        A[i * n + i] = a->square[i];
        for (int64_t m = a->neighbor_begin[i]; m < a->neighbor_begin[i + 1]; m++) {
            A[i * n + (size_t)a->neighbor[m]] = -0.5 * a->coupling[m];
        }
    }
}

/* Mean of phi phi over bonds, signs included, from mean and covariances. */
static double neighbor_product(const kr_lattice *lattice, double beta, const double *G,
                               const double *mean, double *column)
{
    const int32_t n = lattice->n_sites;
    double sum = 0.0;
    for (int32_t i = 0; i < n; i++) {
        bool is_solved = false;
        for (int64_t b = 0; b < lattice->n_bonds; b++) {
            const int32_t j = lattice->bond[2 * b + 1];
            if (lattice->bond[2 * b] != i) {
                continue;
            }
            for (int32_t k = 0; k < n && !is_solved; k++) {
                column[k] = k == i;
            }
            if (!is_solved) {
                solve(n, G, column);
                is_solved = true;
            }
            sum += lattice->bond_sign[b] * (mean[i] * mean[j] + 0.5 * column[j] / beta);
        }
    }
    return sum / (double)lattice->n_bonds; /* without bonds NaN */
}

/* What follows from the mean and the variance of m. */
static void fill_moments(double n, double beta, double mu, double variance, kr_exact *e)
{
    const double s = sqrt(variance);
    e->magnetization = mu;
    e->abs_magnetization =
        s * sqrt(2.0 / PI) * exp(-0.5 * mu * mu / variance) + mu * erf(mu / (s * sqrt(2.0)));
    e->magnetization_squared = mu * mu + variance;
    e->magnetization_fourth = mu * mu * (mu * mu + 6.0 * variance) + 3.0 * variance * variance;
    e->susceptibility = beta * n * variance;
    e->binder = 1.0 - e->magnetization_fourth /
                          (3.0 * e->magnetization_squared * e->magnetization_squared);
}

/* work: mean, solution for the sum, a column; (n) each. */
static void fill(const kr_target *target, const double *G, double *work, kr_exact *e)
{
    const kr_quartic *a = target->terms->action->quartic;
    const int32_t n = a->n_sites;
    const double beta = target->beta;
    double *mean = work, *ones = work + n, *column = work + 2 * n;
    double log_det = 0.0, depth = 0.0, sum = 0.0, variance = 0.0;
    for (int32_t i = 0; i < n; i++) {
        mean[i] = 0.5 * a->linear[i];
        ones[i] = 1.0;
        log_det += 2.0 * log(G[(size_t)i * (size_t)n + (size_t)i]);
    }
    solve(n, G, mean);
    solve(n, G, ones);
    *e = (kr_exact){ .method = "free field" };
    for (int32_t i = 0; i < n; i++) {
        for (int32_t k = 0; k < n; k++) {
            column[k] = k == i;
        }
        solve(n, G, column);
        const double v = 0.5 * column[i] / beta, m2 = mean[i] * mean[i];
        depth += 0.5 * a->linear[i] * mean[i];
        sum += mean[i] / n;
        variance += 0.5 * ones[i] / beta / n / n;
        e->phi_squared += (m2 + v) / n;
        e->phi_fourth += (m2 * (m2 + 6.0 * v) + 3.0 * v * v) / n;
    }
    fill_moments(n, beta, sum, variance, e);
    e->log_z = 0.5 * n * log(PI / beta) - 0.5 * log_det + beta * (depth - a->constant);
    e->energy_per_site = 0.5 / beta + (a->constant - depth) / n;
    e->specific_heat = 0.5;
    e->neighbor_product = neighbor_product(target->lattice, beta, G, mean, column);
}

int kr_exact_free(const kr_target *target, double most_work, kr_exact *exact, kr_error *err)
{
    const kr_action *action = target->terms->action;
    const kr_quartic *a = action ? action->quartic : NULL;
    if (!a || a->quartic != 0.0 || action->order || !(target->beta > 0.0)) {
        return kr_fail(err, KR_EUNSUP,
                       "free field: want a quadratic action of a lattice field, beta > 0");
    }
    const double n = a->n_sites, work = 4.0 * n * n * n;
    if (n > SITES_MAX || work > most_work) {
        return kr_fail(err, KR_EUNSUP,
                       "free field: %.0f sites, %.2g multiplications, want at most %d and %.2g",
                       n, work, SITES_MAX, most_work);
    }
    double *A = kr_alloc((size_t)(n * n), sizeof *A, err);
    double *vectors = kr_alloc((size_t)(3.0 * n), sizeof *vectors, err);
    int status = A && vectors ? KR_OK : KR_ENOMEM;
    if (status == KR_OK) {
        fill_matrix(a, A);
        if (factorize(a->n_sites, A)) {
            fill(target, A, vectors, exact);
        } else {
            status = kr_fail(err, KR_EUNSUP, "free field: the quadratic form is not positive");
        }
    }
    kr_free(vectors);
    kr_free(A);
    return status;
}
