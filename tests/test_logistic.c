/* SPDX-License-Identifier: GPL-3.0-or-later
 * tests/test_logistic.c - logistic regression where the answer is known in closed form, on
 * separable data, and from draws of a known law. */
#include "kr_test.h"

#include "base/rng.h"
#include "stats/logistic.h"

#include <gsl/gsl_errno.h>

/* A feature of two values: without ridge the logits are those of the shares of each. */
static void two_values_give_the_logits_of_their_shares(void **state)
{
    enum { N = 20 };
    double x[N], y[N];
    kr_logistic fit;
    kr_error err = { 0 };
    (void)state;
    for (int i = 0; i < N; i++) { /* of ten 0: two are 1; of ten 5: seven are */
        x[i] = i < 10 ? 0.0 : 5.0;
        y[i] = i < 10 ? i < 2 : i < 17;
    }
    assert_ok(kr_logistic_fit(x, y, N, 1, 1e-13, &fit, &err), &err);
    assert_close(kr_logistic_logit(&fit, &x[0]), log(0.2 / 0.8), 1e-9);
    assert_close(kr_logistic_logit(&fit, &x[N - 1]), log(0.7 / 0.3), 1e-9);
    const double entropy =
        -0.5 * (0.2 * log(0.2) + 0.8 * log(0.8) + 0.7 * log(0.7) + 0.3 * log(0.3));
    assert_close(fit.entropy, entropy, 1e-10);
}

/* x = -1 of class 0, x = 1 of class 1: ln(1 + exp(-w)) + ridge/2 w^2 is least where
 * ridge w (1 + exp(w)) = 1. */
static void separable_data_have_the_weight_that_the_ridge_allows(void **state)
{
    const double x[] = { -1.0, -1.0, 1.0, 1.0 }, y[] = { 0.0, 0.0, 1.0, 1.0 };
    (void)state;
    for (double ridge = 1.0; ridge > 1e-7; ridge *= 0.1) {
        kr_logistic fit;
        kr_error err = { 0 };
        assert_ok(kr_logistic_fit(x, y, 4, 1, ridge, &fit, &err), &err);
        assert_close(ridge * fit.weight[0] * (1.0 + exp(fit.weight[0])), 1.0, 1e-6);
        assert_close(fit.intercept, 0.0, 1e-9);
    }
}

/* The errors are those of the information of all rows. */
static void draws_of_a_known_law_give_its_weights_back(void **state)
{
    enum { N = 50000 };
    static double x[2 * N], y[N];
    const double weight[] = { 1.5, -0.7 }, intercept = 0.4;
    kr_rng rng;
    kr_logistic fit;
    kr_error err = { 0 };
    (void)state;
    kr_rng_seed(&rng, 7, 0, KR_PURPOSE_TEST);
    for (int i = 0; i < N; i++) {
        x[2 * i] = kr_rng_normal(&rng);
        x[2 * i + 1] = 3.0 + 10.0 * kr_rng_normal(&rng);
        const double z =
            intercept + weight[0] * x[2 * i] + weight[1] * (x[2 * i + 1] - 3.0) / 10.0;
        y[i] = kr_rng_uniform(&rng) < kr_logistic_probability(z);
    }
    assert_ok(kr_logistic_fit(x, y, N, 2, 1e-9, &fit, &err), &err);
    /* the information of a row is p (1 - p) >= 0.13 on average here: errors of 0.0124 */
    assert_within_sigma(fit.weight[0] / fit.scale[0], 0.0124, weight[0], 4.5);
    assert_within_sigma(fit.weight[1] / fit.scale[1], 0.00124, weight[1] / 10.0, 4.5);
}

static void what_is_no_fit_is_refused(void **state)
{
    double x[] = { 1.0, 2.0, 3.0 }, y[] = { 1.0, 1.0, 1.0 };
    kr_logistic fit;
    kr_error err = { 0 };
    (void)state;
    assert_int_equal(kr_logistic_fit(x, y, 3, 1, 0.1, &fit, &err), KR_EINVAL);
    y[0] = 0.5;
    assert_int_equal(kr_logistic_fit(x, y, 3, 1, 0.1, &fit, &err), KR_EINVAL);
    y[0] = 0.0;
    x[1] = NAN;
    assert_int_equal(kr_logistic_fit(x, y, 3, 1, 0.1, &fit, &err), KR_EINVAL);
}

/* y = 2 x_0 - x_1 + u_g with u_g of the group: x explains all of it within groups, and x_0
 * alone, with x_1 independent of equal width, 4/5 of it. */
static void linear_functions_are_explained(void **state)
{
    enum { N = 4096, GROUPS = 4 };
    static double x[2 * N], y[N];
    const bool both[] = { true, true }, one[] = { true, false };
    double share;
    kr_error err = { 0 };
    (void)state;
    for (int i = 0; i < N; i++) { /* signs, so that means and products are exact */
        const int g = i / (N / GROUPS);
        x[2 * i] = 5.0 + (i % 2 ? 1.0 : -1.0);
        x[2 * i + 1] = 1e3 * g + (i / 2 % 2 ? 1.0 : -1.0);
        y[i] = 2.0 * x[2 * i] - (i / 2 % 2 ? 1.0 : -1.0) + 100.0 * g * g;
    }
    assert_ok(kr_logistic_explained(x, y, N, 2, both, GROUPS, &share, &err), &err);
    assert_close(share, 1.0, 1e-9);
    assert_ok(kr_logistic_explained(x, y, N, 2, one, GROUPS, &share, &err), &err);
    assert_close(share, 0.8, 1e-9);
    assert_ok(kr_logistic_explained(x, y, N, 2, one, 1, &share, &err), &err);
    /* variance of 100 g^2 with g = 0..3: 1e4 (98/4 - 3.5^2) = 122500 */
    assert_close(share, 4.0 / (5.0 + 122500.0), 1e-9);
}

static void probabilities_do_not_overflow(void **state)
{
    (void)state;
    assert_close(kr_logistic_probability(0.0), 0.5, 1e-15);
    assert_close(kr_logistic_probability(log(3.0)), 0.75, 1e-15);
    assert_true(kr_logistic_probability(-2000.0) == 0.0);
    assert_true(kr_logistic_probability(2000.0) == 1.0);
    assert_close(kr_logistic_entropy(-2000.0, 1.0), 2000.0, 1e-15);
    assert_close(kr_logistic_entropy(log(3.0), 0.0), log(4.0), 1e-15);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(two_values_give_the_logits_of_their_shares),
        cmocka_unit_test(separable_data_have_the_weight_that_the_ridge_allows),
        cmocka_unit_test(draws_of_a_known_law_give_its_weights_back),
        cmocka_unit_test(what_is_no_fit_is_refused),
        cmocka_unit_test(linear_functions_are_explained),
        cmocka_unit_test(probabilities_do_not_overflow),
    };
    gsl_set_error_handler_off();
    return cmocka_run_group_tests(tests, NULL, NULL);
}
