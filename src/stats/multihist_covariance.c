/* SPDX-License-Identifier: GPL-3.0-or-later
 * stats/multihist_covariance.c - errors of what reweighting gives, and how ratios of Z go
 * together: by leaving out blocks, and from the weights of independent draws.
 *
 * With p_k(X) = W_k(X) over the draws and N = diag(n_k), the latter is W^T (1 - W N W^T)^+ W
 * (Shirts, Chodera, J. Chem. Phys. 129, 124105 (2008), appendix D). W N^(1/2) = U S V^T makes
 * of it N^(-1/2) V S^2 (1 - S^2)^+ V^T N^(-1/2), with S^2 and V from the matrix of the points
 * alone. Its largest eigenvalue is 1 and belongs to a common factor of all Z, which drops out.
 */
#include "base/memory.h"
#include "stats/multihist_core.h"

#include <gsl/gsl_eigen.h>

#include <math.h>

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

void kr_multihist_covariance(const kr_multihist *m, double *covariance)
{
    const int64_t n = m->n_points;
    const double blocks = (double)m->n_blocks;
    for (int64_t i = 0; i < n; i++) {
        for (int64_t j = 0; j <= i; j++) {
            double mean[2] = { 0.0, 0.0 }, sum = 0.0;
            for (int64_t s = 1; s <= m->n_blocks; s++) {
                mean[0] += m->f[s * n + i] / blocks;
                mean[1] += m->f[s * n + j] / blocks;
            }
            for (int64_t s = 1; s <= m->n_blocks; s++) {
                sum += (m->f[s * n + i] - mean[0]) * (m->f[s * n + j] - mean[1]);
            }
            covariance[i * n + j] = covariance[j * n + i] = sum * (blocks - 1.0) / blocks;
        }
    }
}

/* Sum over the draws of N^(1/2) W^T W N^(1/2). */
static void fill_matrix(const kr_multihist *m, gsl_matrix *matrix, double *share, double *log_n,
                        double *root)
{
    gsl_matrix_set_zero(matrix);
    for (int64_t k = 0; k < m->n_points; k++) {
        log_n[k] = log(kr_multihist_drawn(m, k, 0));
        root[k] = exp(-0.5 * log_n[k]);
    }
    for (int64_t b = 0; b < m->n_filled; b++) {
        const double n = kr_multihist_entry(m, b, 0, 0);
        kr_multihist_log_sum(m, m->f, b, log_n, share);
        for (int64_t i = 0; i < m->n_points; i++) {
            share[i] *= root[i];
            for (int64_t j = 0; j <= i; j++) {
                *gsl_matrix_ptr(matrix, (size_t)i, (size_t)j) += n * share[i] * share[j];
            }
        }
    }
    for (size_t i = 0; i < matrix->size1; i++) {
        for (size_t j = 0; j < i; j++) {
            gsl_matrix_set(matrix, j, i, gsl_matrix_get(matrix, i, j));
        }
    }
}

/* Element of N^(-1/2) V S^2 (1 - S^2)^+ V^T N^(-1/2); eigenvalues ascend. */
static double element(const kr_multihist *m, const gsl_vector *value, const gsl_matrix *vector,
                      size_t i, size_t j)
{
    double sum = 0.0;
    for (size_t k = 0; k + 1 < value->size; k++) {
        const double s = gsl_vector_get(value, k);
        sum += gsl_matrix_get(vector, i, k) * gsl_matrix_get(vector, j, k) * s / (1.0 - s);
    }
    return sum /
           sqrt(kr_multihist_drawn(m, (int64_t)i, 0) * kr_multihist_drawn(m, (int64_t)j, 0));
}

static int fill_covariance(const kr_multihist *m, const gsl_vector *value,
                           const gsl_matrix *vector, double *covariance, double *theta,
                           kr_error *err)
{
    const size_t n = value->size;
    if (n > 1 && !(gsl_vector_get(value, n - 2) < 1.0)) {
        return kr_fail(
            err, KR_ESANITY,
            "reweighting: no covariance of points without overlap (eigenvalue %.17g)",
            gsl_vector_get(value, n - 2));
    }
    for (size_t i = 0; i < n; i++) {
        for (size_t j = 0; j < n; j++) {
            theta[i * n + j] = element(m, value, vector, i, j);
        }
    }
    for (size_t i = 0; i < n; i++) { /* of the differences from the first point */
        for (size_t j = 0; j < n; j++) {
            covariance[i * n + j] = theta[i * n + j] - theta[i * n] - theta[j] + theta[0];
        }
    }
    return KR_OK;
}

int kr_multihist_asymptotic(const kr_multihist *m, double *covariance, kr_error *err)
{
    const size_t n = (size_t)m->n_points;
    gsl_matrix *matrix = gsl_matrix_alloc(n, n), *vector = gsl_matrix_alloc(n, n);
    gsl_vector *value = gsl_vector_alloc(n);
    gsl_eigen_symmv_workspace *work = gsl_eigen_symmv_alloc(n);
    double *own = kr_alloc((n + 3) * n, sizeof *own, err);
    int status = KR_ENOMEM;
    if (matrix && vector && value && work && own) {
        fill_matrix(m, matrix, own, own + n, own + 2 * n);
        status = gsl_eigen_symmv(matrix, value, vector, work) == 0 &&
                         gsl_eigen_symmv_sort(value, vector, GSL_EIGEN_SORT_VAL_ASC) == 0
                     ? fill_covariance(m, value, vector, covariance, own + 3 * n, err)
                     : kr_fail(err, KR_ESANITY, "reweighting: no eigenvalues of the overlaps");
    } else {
        kr_fail(err, KR_ENOMEM, "reweighting: no memory for %zu points", n);
    }
    gsl_matrix_free(matrix);
    gsl_matrix_free(vector);
    gsl_vector_free(value);
    if (work) {
        gsl_eigen_symmv_free(work);
    }
    kr_free(own);
    return status;
}
