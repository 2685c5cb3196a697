/* SPDX-License-Identifier: GPL-3.0-or-later
 * tests/test_learner.c - weights that are polynomials in a number. */
#include "kr_system.h"

#include "base/memory.h"
#include "base/rng.h"
#include "density/scan.h"
#include "sampler/private.h"

/* A density of N_WEIGHTS numbers and nothing else. */
enum { N_WEIGHTS = 48, DEGREE = 3, N_POINTS = 5 };
static const double at[N_POINTS] = { 0.2, 0.3, 0.4, 0.5, 0.6 };
static size_t count_weights(const void *self)
{
    (void)self;
    return N_WEIGHTS;
}
static float *its_weights(void *self)
{
    return self;
}
static const kr_density_plug numbers = { .name = "numbers",
                                         .n_weights = count_weights,
                                         .weights = its_weights };

typedef struct fixture {
    float *weights;
    kr_density density;
    kr_learner learner;
    kr_rng rng;
} fixture;

static fixture open_fixture_of(const kr_density_plug *plug, int32_t degree)
{
    kr_error err = { 0 };
    fixture f = { .weights = kr_alloc(N_WEIGHTS, sizeof(float), NULL) };
    kr_rng_seed(&f.rng, 1, 0, KR_PURPOSE_TEST);
    for (int i = 0; i < N_WEIGHTS; i++) {
        f.weights[i] = (float)kr_rng_normal(&f.rng);
    }
    f.density = (kr_density){ .plug = plug, .self = f.weights };
    const float *weights[N_POINTS] = { f.weights, f.weights, f.weights, f.weights, f.weights };
    kr_scan scan;
    assert_ok(kr_scan_init(&scan, degree, 1, &at[0], &at[N_POINTS - 1], &err), &err);
    assert_ok(
        kr_learner_init(&f.learner, &f.density, degree > 0 ? &scan : NULL, N_POINTS, at, &err),
        &err);
    kr_learner_open(&f.learner);
    assert_ok(kr_learner_start(&f.learner, weights, &err), &err);
    return f;
}

static fixture open_fixture(int32_t degree)
{
    return open_fixture_of(&numbers, degree);
}

static void close_fixture(fixture *f)
{
    kr_learner_clear(&f->learner);
    kr_free(f->weights);
}

static void fresh_weights_are_the_same_at_every_point(void **state)
{
    (void)state;
    fixture f = open_fixture(DEGREE);
    float before[N_WEIGHTS];
    memcpy(before, f.weights, sizeof before);
    for (int k = 0; k < N_POINTS; k++) {
        const int64_t epoch = f.density.epoch;
        kr_learner_give(&f.learner, &f.density, k);
        assert_memory_equal(before, f.weights, sizeof before);
        assert_true(f.density.epoch > epoch); /* scores kept of chains are void */
    }
    close_fixture(&f);
}

/* Any cubic is met: T_0..T_3 span them. */
static void weights_are_a_polynomial_of_the_degree(void **state)
{
    (void)state;
    fixture f = open_fixture(DEGREE);
    for (size_t k = 0; k < f.learner.n_params; k++) {
        f.learner.theta[k] = (float)kr_rng_normal(&f.rng);
    }
    double value[DEGREE + 2][N_WEIGHTS];
    for (int k = 0; k < DEGREE + 2; k++) {
        kr_learner_give(&f.learner, &f.density, k);
        for (int i = 0; i < N_WEIGHTS; i++) {
            value[k][i] = f.weights[i];
        }
    }
    double third = 0.0;
    for (int i = 0; i < N_WEIGHTS; i++) { /* the fourth difference of a cubic is zero */
        double fourth = value[0][i] - 4.0 * value[1][i] + 6.0 * value[2][i] -
                        4.0 * value[3][i] + value[4][i];
        third += fabs(value[3][i] - 3.0 * value[2][i] + 3.0 * value[1][i] - value[0][i]);
        assert_true(fabs(fourth) < 1e-5);
    }
    assert_true(third > 1.0);
    close_fixture(&f);
}

/* One step of Adam from zero moments goes by the sign of the gradient: theta_k moves along
 * T_k(x) g. At x = -1/2 (point 1): T = 1, -1/2, -1/2, 1. */
static void gradients_reach_every_order(void **state)
{
    (void)state;
    fixture f = open_fixture(DEGREE);
    kr_error err = { 0 };
    float g[N_WEIGHTS], before[(DEGREE + 1) * N_WEIGHTS];
    memcpy(before, f.learner.theta, sizeof before);
    for (int i = 0; i < N_WEIGHTS; i++) {
        g[i] = (float)kr_rng_normal(&f.rng);
    }
    assert_ok(kr_learner_step(&f.learner, g, 1, 0.01, 0.0, 16, "net", &err), &err);
    static const double sign[DEGREE + 1] = { 1.0, -1.0, -1.0, 1.0 };
    for (int k = 0; k <= DEGREE; k++) {
        for (int i = 0; i < N_WEIGHTS; i++) {
            const double moved =
                (double)f.learner.theta[k * N_WEIGHTS + i] - before[k * N_WEIGHTS + i];
            const double want = 0.01 * sign[k] * (g[i] > 0.0f ? 1.0 : -1.0);
            assert_true(fabs(moved - want) < 1e-5);
        }
    }
    close_fixture(&f);
}

/* Flows: all points of a round make one step, however long the gradient no weight moves by more
 * than the rate. */
static const kr_flow no_flow = { .sample = NULL };
static const kr_density_plug flowing = {
    .name = "numbers", .n_weights = count_weights, .weights = its_weights, .flow = &no_flow
};

static void points_of_a_round_make_one_step(void **state)
{
    (void)state;
    fixture f = open_fixture_of(&flowing, DEGREE);
    kr_error err = { 0 };
    float g[N_WEIGHTS], before[N_POINTS][N_WEIGHTS], theta[(DEGREE + 1) * N_WEIGHTS];
    for (int p = 0; p < N_POINTS; p++) {
        kr_learner_give(&f.learner, &f.density, p);
        memcpy(before[p], f.weights, sizeof before[p]);
    }
    for (int i = 0; i < N_WEIGHTS; i++) {
        g[i] = (float)kr_rng_normal(&f.rng);
    }
    memcpy(theta, f.learner.theta, sizeof theta);
    for (int p = 0; p < N_POINTS; p++) {
        assert_memory_equal(theta, f.learner.theta, sizeof theta);
        assert_ok(kr_learner_step(&f.learner, g, p, 0.01, 0.0, 16, "net", &err), &err);
    }
    assert_memory_not_equal(theta, f.learner.theta, sizeof theta);
    for (int p = 0; p < N_POINTS; p++) {
        kr_learner_give(&f.learner, &f.density, p);
        for (int i = 0; i < N_WEIGHTS; i++) {
            assert_true(fabs((double)f.weights[i] - (double)before[p][i]) < 0.01001);
        }
    }
    /* what all points say alike is the constant's: sum of T_1 over them is 0 */
    for (int i = 0; i < N_WEIGHTS; i++) {
        const double moved = (double)f.learner.theta[i] - (double)theta[i];
        assert_true(fabs(moved - (g[i] > 0.0f ? 0.0025 : -0.0025)) < 1e-5);
    }
    close_fixture(&f);
}

static void without_degree_the_weights_themselves_move(void **state)
{
    (void)state;
    fixture f = open_fixture(0);
    kr_error err = { 0 };
    float g[N_WEIGHTS] = { 1.0f }, first = f.weights[0];
    assert_ok(kr_learner_step(&f.learner, g, 1, 0.01, 0.0, 16, "net", &err), &err);
    assert_true(fabs((double)f.weights[0] - first - 0.01) < 1e-5);
    const float moved = f.weights[0];
    kr_learner_give(&f.learner, &f.density, 3);
    assert_true(f.weights[0] == moved);
    close_fixture(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(fresh_weights_are_the_same_at_every_point),
        cmocka_unit_test(weights_are_a_polynomial_of_the_degree),
        cmocka_unit_test(gradients_reach_every_order),
        cmocka_unit_test(points_of_a_round_make_one_step),
        cmocka_unit_test(without_degree_the_weights_themselves_move),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
