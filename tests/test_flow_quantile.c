/* SPDX-License-Identifier: GPL-3.0-or-later
 * tests/test_flow_quantile.c - the table of quantiles of a quartic law against quadrature. */
#include "kr_test.h"

#include "density/flow_quantile.h"

#include <gsl/gsl_integration.h>

typedef struct law {
    double alpha, eta, top;
} law;

static double weight_of(double t, void *params)
{
    const law *w = params;
    return exp(t * (w->eta - t * (w->alpha + t * t)) - w->top);
}

/* int weight below t, and all of it, by adaptive rules of another kind than the table's. */
static double below(law *w, double t, double *all)
{
    gsl_integration_workspace *space = gsl_integration_workspace_alloc(2000);
    gsl_function f = { weight_of, w };
    double left, right, error;
    gsl_integration_qags(&f, -8.0, t, 0.0, 1e-11, 2000, space, &left, &error);
    gsl_integration_qags(&f, t, 8.0, 0.0, 1e-11, 2000, space, &right, &error);
    gsl_integration_workspace_free(space);
    *all = left + right;
    return left;
}

static const double *node(const kr_quantile *q, int32_t row, int32_t column)
{
    return q->node + ((size_t)row * (size_t)q->n_z + (size_t)column) * KR_QUANTILE_NODE;
}

static void nodes_are_quantiles(void **state)
{
    (void)state;
    const double alpha[] = { 2.0, 0.0, -1.5 };
    for (int a = 0; a < 3; a++) {
        kr_quantile q;
        kr_error err = { 0 };
        assert_ok(kr_quantile_init(&q, alpha[a], 6.0, &err), &err);
        for (int32_t row = 0; row < q.n_eta; row += 9) {
            for (int32_t k = 3; k < q.n_z; k += 5) {
                const double z = k * q.z_step - KR_QUANTILE_REACH, *at = node(&q, row, k);
                law w = { alpha[a], row * q.eta_step, 0.0 };
                w.top = log(weight_of(at[0], &w));
                double all, part = below(&w, at[0], &all);
                part = z > 0.0 ? all - part : part; /* the tail */
                assert_close(part / all, 0.5 * erfc(fabs(z) * M_SQRT1_2), 1e-7);
                const double rate = exp(-0.5 * z * z) / sqrt(2.0 * M_PI) * all;
                assert_close(at[1] / q.z_step, rate, 1e-8);
            }
        }
        kr_quantile_clear(&q);
    }
}

/* Fourth-order differences of nodes. */
static void nodes_have_their_derivatives(void **state)
{
    (void)state;
    kr_quantile q;
    kr_error err = { 0 };
    assert_ok(kr_quantile_init(&q, -1.0, 3.0, &err), &err);
    for (int32_t row = 2; row + 2 < q.n_eta; row += 7) {
        for (int32_t k = 8; k + 8 < q.n_z; k += 3) {
            const double *at = node(&q, row, k);
            for (int d = 0; d < 3; d++) {
                const double by_eta =
                    (8.0 * (node(&q, row + 1, k)[d] - node(&q, row - 1, k)[d]) -
                     node(&q, row + 2, k)[d] + node(&q, row - 2, k)[d]) /
                    12.0;
                assert_true(fabs(by_eta - at[3 + d]) < 2e-3 * fabs(at[3 + d]) + 2e-4);
            }
            const double by_z = (8.0 * (node(&q, row, k + 1)[1] - node(&q, row, k - 1)[1]) -
                                 node(&q, row, k + 2)[1] + node(&q, row, k - 2)[1]) /
                                12.0;
            assert_true(fabs(by_z - at[2]) < 2e-2 * fabs(at[2]) + 2e-3);
        }
    }
    kr_quantile_clear(&q);
}

static void tables_are_as_fine_as_the_law_wants(void **state)
{
    (void)state;
    double step = 1.0;
    for (double alpha = 2.0; alpha > -3.0; alpha -= 1.0) {
        kr_quantile q;
        kr_error err = { 0 };
        assert_ok(kr_quantile_init(&q, alpha, 10.0, &err), &err);
        assert_true(q.error < (alpha > -2.5 ? 5e-5 : 1e-2));
        assert_true(q.eta_step <= step);
        step = q.eta_step;
        kr_quantile_clear(&q);
    }
    assert_true(step < 0.1);
}

static void peaks_far_apart_are_refused(void **state)
{
    (void)state;
    kr_quantile q;
    kr_error err = { 0 };
    assert_int_equal(kr_quantile_init(&q, -9.0, 10.0, &err), KR_EUNSUP);
    assert_non_null(strstr(err.text, "want heat_bath: false"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(nodes_are_quantiles),
        cmocka_unit_test(nodes_have_their_derivatives),
        cmocka_unit_test(tables_are_as_fine_as_the_law_wants),
        cmocka_unit_test(peaks_far_apart_are_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
