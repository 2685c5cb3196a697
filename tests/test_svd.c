/* SPDX-License-Identifier: GPL-3.0-or-later
 * tests/test_svd.c - small dense matrices: products, triangles, singular vectors. */
#include "kr_test.h"

#include "base/memory.h"
#include "base/rng.h"
#include "density/svd.h"

typedef struct matrix {
    int32_t m, n;
    size_t ld;
    double *a;
} matrix;

static matrix make(int32_t m, int32_t n)
{
    matrix A = { m, n, kr_svd_stride(n), kr_alloc((size_t)m * kr_svd_stride(n), 8, NULL) };
    assert_non_null(A.a);
    return A;
}

/* Normal numbers; row i is scaled by ratio^i, rows from `rank` on are sums of earlier ones. */
static matrix make_random(int32_t m, int32_t n, double ratio, int32_t rank, uint64_t seed)
{
    matrix A = make(m, n);
    kr_rng rng;
    kr_rng_seed(&rng, seed, 0, KR_PURPOSE_TEST);
    for (int32_t i = 0; i < m; i++) {
        for (int32_t j = 0; j < n; j++) {
            double *a = A.a + (size_t)i * A.ld + j;
            *a = i < rank ? pow(ratio, i) * kr_rng_normal(&rng)
                          : A.a[(size_t)(i - rank) * A.ld + (size_t)j] -
                                A.a[(size_t)(i % rank) * A.ld + (size_t)j];
        }
    }
    return A;
}

static matrix copy_of(const matrix *A)
{
    matrix B = make(A->m, A->n);
    memcpy(B.a, A->a, (size_t)A->m * A->ld * sizeof *A->a);
    return B;
}

static double product(const matrix *A, int32_t i, const matrix *B, int32_t j)
{
    double sum = 0.0;
    for (int32_t k = 0; k < A->n; k++) {
        sum += A->a[(size_t)i * A->ld + (size_t)k] * B->a[(size_t)j * B->ld + (size_t)k];
    }
    return sum;
}

static const int32_t sizes[][2] = { { 1, 1 }, { 1, 9 },  { 5, 1 },   { 4, 4 },
                                    { 7, 3 }, { 8, 24 }, { 33, 17 }, { 20, 40 } };
enum { N_SIZES = sizeof sizes / sizeof *sizes };

static void products_are_sums_over_the_inner_index(void **state)
{
    (void)state;
    matrix A = make_random(7, 5, 1.0, 7, 1), B = make_random(5, 11, 1.0, 5, 2), C = make(7, 11);
    kr_svd_multiply(7, 5, 11, A.a, A.ld, B.a, B.ld, C.a, C.ld);
    for (size_t i = 0; i < 7; i++) {
        for (size_t j = 0; j < 16; j++) {
            double sum = 0.0;
            for (size_t k = 0; k < 5 && j < 11; k++) {
                sum += A.a[i * A.ld + k] * B.a[k * B.ld + j];
            }
            assert_close(C.a[i * C.ld + j], sum, 1e-14);
        }
    }
    kr_free(C.a);
    kr_free(B.a);
    kr_free(A.a);
}

/* A = L Q with orthonormal rows of Q means A A^T = L L^T. */
static void triangles_keep_all_products_of_rows(void **state)
{
    (void)state;
    for (int c = 0; c < N_SIZES; c++) {
        const int32_t m = sizes[c][0], n = sizes[c][1], rank = m < n ? m : n;
        matrix A = make_random(m, n, 0.8, rank > 2 ? rank - 1 : 1, 3), B = copy_of(&A);
        matrix L = make(m, rank);
        kr_svd_triangle(m, n, B.a, B.ld, L.a, L.ld);
        for (int32_t i = 0; i < m; i++) {
            for (int32_t j = 0; j <= i; j++) {
                assert_close(product(&L, i, &L, j), product(&A, i, &A, j), 1e-13);
            }
            for (int32_t j = i + 1; j < rank; j++) {
                assert_true(L.a[(size_t)i * L.ld + (size_t)j] == 0.0);
            }
        }
        kr_free(L.a);
        kr_free(B.a);
        kr_free(A.a);
    }
}

/* U orthonormal; U A has orthogonal rows of the lengths s, which fall. */
static void singular_vectors_make_rows_orthogonal(void **state)
{
    (void)state;
    static const double ratios[] = { 1.0, 0.1 };
    for (int c = 0; c < 2 * N_SIZES; c++) {
        const int32_t m = sizes[c / 2][0], n = sizes[c / 2][1], rank = m < n ? m : n;
        matrix A = make_random(m, n, ratios[c % 2], rank > 2 ? rank - 1 : 1, 4),
               B = copy_of(&A);
        matrix U = make(m, m), D = make(m, n);
        double *s = kr_alloc((size_t)m, sizeof *s, NULL);
        assert_true(kr_svd_jacobi(m, n, B.a, B.ld, U.a, s));
        kr_svd_multiply(m, m, n, U.a, U.ld, A.a, A.ld, D.a, D.ld);
        for (int32_t i = 0; i < m; i++) {
            assert_true(i == 0 || s[i] <= s[i - 1] * (1.0 + 1e-12));
            for (int32_t j = 0; j < m; j++) {
                assert_close(product(&U, i, &U, j), i == j, 1e-12);
                double want = i == j ? s[i] * s[i] : 0.0;
                assert_close(product(&D, i, &D, j) / (s[0] * s[0]), want / (s[0] * s[0]),
                             1e-14);
            }
        }
        kr_free(s);
        kr_free(D.a);
        kr_free(U.a);
        kr_free(B.a);
        kr_free(A.a);
    }
}

/* diag(3, 2) turned by 30 and 45 degrees has singular values 3 and 2. */
static void singular_values_of_a_turned_diagonal_are_its_entries(void **state)
{
    (void)state;
    const double a = sqrt(0.75), b = 0.5, c = sqrt(0.5);
    matrix A = make(2, 2), U = make(2, 2);
    double s[2];
    A.a[0] = 3.0 * a * c + 2.0 * b * c;
    A.a[1] = 3.0 * a * c - 2.0 * b * c;
    A.a[A.ld] = 3.0 * b * c - 2.0 * a * c;
    A.a[A.ld + 1] = 3.0 * b * c + 2.0 * a * c;
    assert_true(kr_svd_jacobi(2, 2, A.a, A.ld, U.a, s));
    assert_close(s[0], 3.0, 1e-14);
    assert_close(s[1], 2.0, 1e-14);
    assert_close(fabs(U.a[0]), a, 1e-14);
    assert_close(fabs(U.a[1]), b, 1e-14);
    kr_free(U.a);
    kr_free(A.a);
}

static void numbers_that_are_not_finite_are_told(void **state)
{
    (void)state;
    double s[3];
    matrix A = make_random(3, 4, 1.0, 3, 5), U = make(3, 3);
    A.a[A.ld + 2] = INFINITY;
    assert_false(kr_svd_jacobi(3, 4, A.a, A.ld, U.a, s));
    kr_free(U.a);
    kr_free(A.a);
}

/* Known bits: sums and rotations whose order the compiler may not change. */
static void results_are_the_same_bits_everywhere(void **state)
{
    (void)state;
    matrix A = make(12, 20), U = make(12, 12), L = make(12, 12);
    double s[12];
    for (size_t i = 0; i < 12 * 20; i++) {
        const size_t x = i * 2654435761u % 1009;
        A.a[i / 20 * A.ld + i % 20] = (double)x / 1009.0 - 0.5;
    }
    kr_svd_triangle(12, 20, A.a, A.ld, L.a, L.ld);
    assert_true(kr_svd_jacobi(12, 12, L.a, L.ld, U.a, s));
    uint64_t hash = UINT64_C(14695981039346656037);
    for (size_t i = 0; i < 12 * U.ld; i++) {
        uint64_t bits;
        memcpy(&bits, U.a + i, sizeof bits);
        hash = (hash ^ bits) * UINT64_C(1099511628211);
    }
    assert_int_equal(hash, UINT64_C(0xa1bd9a70f2bc09ff));
    kr_free(L.a);
    kr_free(U.a);
    kr_free(A.a);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(products_are_sums_over_the_inner_index),
        cmocka_unit_test(triangles_keep_all_products_of_rows),
        cmocka_unit_test(singular_vectors_make_rows_orthogonal),
        cmocka_unit_test(singular_values_of_a_turned_diagonal_are_its_entries),
        cmocka_unit_test(numbers_that_are_not_finite_are_told),
        cmocka_unit_test(results_are_the_same_bits_everywhere),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
