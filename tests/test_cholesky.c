/* SPDX-License-Identifier: GPL-3.0-or-later
 * tests/test_cholesky.c - triangular factors of positive matrices. */
#include "kr_test.h"

#include "density/cholesky.h"

enum { N = 7 };

/* Positive: a Gram matrix and the identity. */
static void fill(double *A)
{
    for (int i = 0; i < N; i++) {
        for (int j = 0; j < N; j++) {
            A[i * N + j] = i == j;
            for (int k = 0; k < N; k++) {
                A[i * N + j] += cos(1.0 + i * (k + 1)) * cos(1.0 + j * (k + 1));
            }
        }
    }
}

static void factor_times_its_transpose_is_the_matrix(void **state)
{
    (void)state;
    double A[N * N], C[N * N];
    fill(A);
    fill(C);
    assert_true(kr_cholesky_factor(N, C));
    for (int i = 0; i < N; i++) {
        for (int j = 0; j < N; j++) {
            double sum = 0.0;
            for (int k = 0; k < N; k++) {
                sum += C[i * N + k] * C[j * N + k];
            }
            assert_close(sum, A[i * N + j], 1e-14);
            assert_true(j <= i || C[i * N + j] == 0.0);
        }
    }
}

static void inverse_times_factor_is_one(void **state)
{
    (void)state;
    double C[N * N], D[N * N];
    fill(C);
    assert_true(kr_cholesky_factor(N, C));
    kr_cholesky_invert(N, C, D);
    for (int i = 0; i < N; i++) {
        for (int j = 0; j < N; j++) {
            double sum = 0.0;
            for (int k = 0; k < N; k++) {
                sum += D[i * N + k] * C[k * N + j];
            }
            assert_close(sum, i == j, 1e-13);
        }
    }
}

static void matrix_that_is_not_positive_is_refused(void **state)
{
    (void)state;
    double A[4] = { 1.0, 2.0, 2.0, 1.0 };
    assert_false(kr_cholesky_factor(2, A));
}

/* tr (A + shift)^-1 from the tridiagonal form and from the factor. */
static void traces_of_the_inverse_agree(void **state)
{
    (void)state;
    double A[N * N], C[N * N], D[N * N], diagonal[N], off[N], scratch[2 * N], want = 0.0;
    fill(A);
    fill(C);
    for (int i = 0; i < N; i++) {
        C[i * N + i] += 0.5;
    }
    assert_true(kr_cholesky_factor(N, C));
    kr_cholesky_invert(N, C, D);
    for (int k = 0; k < N * N; k++) {
        want += D[k] * D[k];
    }
    kr_cholesky_tridiagonal(N, A, diagonal, off, scratch);
    assert_close(kr_cholesky_trace(N, diagonal, off, 0.5, scratch), want, 1e-13);
    assert_true(isinf(kr_cholesky_trace(N, diagonal, off, -50.0, scratch)));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(factor_times_its_transpose_is_the_matrix),
        cmocka_unit_test(inverse_times_factor_is_one),
        cmocka_unit_test(traces_of_the_inverse_agree),
        cmocka_unit_test(matrix_that_is_not_positive_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
