/* SPDX-License-Identifier: GPL-3.0-or-later
 * tests/test_scan.c - weights as polynomials in scanned numbers. */
#include "kr_test.h"

#include "base/rng.h"
#include "density/scan.h"

#include <math.h>
#include <string.h>

enum { N = 5 };
static const double from[2] = { 5.0, -1.0 }, to[2] = { 6.5, 1.0 };

static kr_scan open_scan(int32_t degree, int32_t n_axes)
{
    kr_scan scan;
    kr_error err = { 0 };
    assert_ok(kr_scan_init(&scan, degree, n_axes, from, to, &err), &err);
    return scan;
}

static void terms_are_products_up_to_the_degree(void **state)
{
    (void)state;
    const kr_scan scan = open_scan(2, 2);
    float value[KR_SCAN_TERMS_MAX];
    const double at[2] = { 5.75 + 0.75 * 0.6, 0.3 }, x = 0.6, y = 0.3;
    const double want[6] = { 1.0, y, 2 * y * y - 1, x, x * y, 2 * x * x - 1 };
    kr_scan_values(&scan, at, value);
    assert_int_equal(scan.n_terms, 6);
    for (int k = 0; k < 6; k++) {
        assert_true(fabs((double)value[k] - want[k]) < 1e-6);
    }
    assert_int_equal(open_scan(5, 1).n_terms, 6);
    assert_int_equal(open_scan(3, 2).n_terms, 10);
}

static void spread_is_the_transpose_of_weights(void **state)
{
    (void)state;
    const kr_scan scan = open_scan(2, 2);
    float value[6], theta[6 * N], out[6 * N] = { 0 }, w[N], g[N];
    double left = 0.0, right = 0.0;
    kr_rng rng;
    kr_rng_seed(&rng, 1, 0, KR_PURPOSE_TEST);
    kr_scan_values(&scan, (const double[2]){ 5.3, 0.8 }, value);
    for (int k = 0; k < 6 * N; k++) {
        theta[k] = (float)kr_rng_normal(&rng);
    }
    for (int i = 0; i < N; i++) {
        g[i] = (float)kr_rng_normal(&rng);
    }
    kr_scan_weights(&scan, value, theta, N, w);
    kr_scan_spread(&scan, value, 0.5f, g, N, out);
    for (int i = 0; i < N; i++) {
        left += 0.5 * (double)g[i] * (double)w[i];
    }
    for (int k = 0; k < 6 * N; k++) {
        right += (double)out[k] * (double)theta[k];
    }
    assert_true(fabs(left - right) < 1e-5);
}

/* 3 x 3 points of a polynomial of the degree; weight 0 is the same at all of them. */
static void fit_finds_the_polynomial(void **state)
{
    (void)state;
    const kr_scan scan = open_scan(2, 2);
    kr_error err = { 0 };
    float theta[6 * N], found[6 * N], value[9 * 6], w[9][N];
    const float *weights[9];
    kr_rng rng;
    kr_rng_seed(&rng, 2, 0, KR_PURPOSE_TEST);
    for (int k = 0; k < 6 * N; k++) {
        theta[k] = k % N == 0 && k > 0 ? 0.0f : (float)kr_rng_normal(&rng);
    }
    for (int p = 0; p < 9; p++) {
        const double at[2] = { 5.0 + 0.75 * (p / 3), -1.0 + 0.9 * (p % 3) };
        kr_scan_values(&scan, at, value + 6 * p);
        kr_scan_weights(&scan, value + 6 * p, theta, N, w[p]);
        weights[p] = w[p];
    }
    assert_ok(kr_scan_fit(&scan, 9, value, weights, N, found, &err), &err);
    for (int k = 0; k < 6 * N; k++) {
        assert_true(fabs((double)found[k] - (double)theta[k]) < 1e-5);
    }
    for (int k = 0; k < 6; k++) { /* the same bits */
        assert_true(found[k * N] == theta[k * N]);
    }
}

static void fit_refuses_points_that_do_not_determine_it(void **state)
{
    (void)state;
    const kr_scan scan = open_scan(2, 2);
    kr_error err = { 0 };
    float found[6 * N], value[6 * 6], w[N] = { 1.0f };
    const float *weights[6] = { w, w, w, w, w, w };
    for (int p = 0; p < 6; p++) { /* two values of the second number: T_2 is T_0 */
        const double at[2] = { 5.0 + 0.75 * (p / 2), p % 2 ? 1.0 : -1.0 };
        kr_scan_values(&scan, at, value + 6 * p);
    }
    assert_int_equal(kr_scan_fit(&scan, 6, value, weights, N, found, &err), KR_EINVAL);
    assert_non_null(strstr(err.text, "do not determine 6 terms"));
}

static void what_makes_no_sense_is_refused(void **state)
{
    (void)state;
    kr_scan scan;
    const double wide[8] = { 1, 1, 1, 1, 1, 1, 1, 1 }, zero[8] = { 0 };
    assert_int_equal(kr_scan_init(&scan, 3, 8, zero, wide, NULL), KR_ERANGE); /* 165 terms */
    assert_int_equal(kr_scan_init(&scan, 17, 1, zero, wide, NULL), KR_ERANGE);
    assert_int_equal(kr_scan_init(&scan, 1, 9, zero, wide, NULL), KR_ERANGE);
    assert_int_equal(kr_scan_init(&scan, 1, 1, wide, wide, NULL), KR_ERANGE);
    assert_int_equal(kr_scan_init(&scan, 1, 1, zero, (const double[1]){ NAN }, NULL),
                     KR_ERANGE);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(terms_are_products_up_to_the_degree),
        cmocka_unit_test(spread_is_the_transpose_of_weights),
        cmocka_unit_test(fit_finds_the_polynomial),
        cmocka_unit_test(fit_refuses_points_that_do_not_determine_it),
        cmocka_unit_test(what_makes_no_sense_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
