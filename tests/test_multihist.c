/* SPDX-License-Identifier: GPL-3.0-or-later
 * tests/test_multihist.c - reweighting of draws whose law is known: sums of four exponential
 * variables, p(x) = a^4 x^3 exp(-a x)/6, with ln Z = -4 ln a + const, <x> = 4/a, <x^2> =
 * 20/a^2.
 */
#include "kr_test.h"

#include "base/rng.h"
#include "stats/multihist.h"
#include "stats/stats.h"

#include <gsl/gsl_errno.h>

enum { POINTS = 3, BLOCKS = 20, DRAWS = 100, SHAPE = 4 };
static const double coefficient[POINTS] = { 1.0, 1.4, 2.0 };

static double draw(double a, kr_rng *rng)
{
    double x = 0.0;
    for (int k = 0; k < SHAPE; k++) {
        x -= log(1.0 - kr_rng_uniform(rng)) / a;
    }
    return x;
}

/* Draws of all points; X = the draw, one column, its logarithm. */
static kr_multihist *sampled(int n_points, const double *a, uint64_t seed)
{
    const kr_multihist_shape shape = { .n_points = n_points,
                                       .n_bins = 2000,
                                       .n_blocks = BLOCKS,
                                       .n_columns = 1,
                                       .a = a,
                                       .x_low = 0.0,
                                       .x_high = 40.0 };
    kr_error err = { 0 };
    kr_rng rng;
    kr_rng_seed(&rng, seed, 0, KR_PURPOSE_TEST);
    kr_multihist *m = kr_multihist_alloc(&shape, &err);
    assert_non_null(m);
    for (int k = 0; k < n_points * BLOCKS * DRAWS; k++) {
        double x = draw(a[k % n_points], &rng), column = log(x);
        kr_multihist_add(m, k % n_points, k / n_points % BLOCKS, 1.0, x, 0.0, &column);
    }
    return m;
}

/* ln Z(a)/Z(a_0), <x>, <ln x> and <(ln x)^2> at a, with errors. */
static void estimate(const kr_multihist *m, double a, double value[4], double error[4])
{
    double all[4][BLOCKS + 1];
    for (int s = 0; s <= BLOCKS; s++) {
        kr_multihist_mean mean;
        double moments[2];
        kr_multihist_at(m, a, 0.0, s, &mean, moments);
        all[0][s] = mean.log_z;
        all[1][s] = mean.x;
        all[2][s] = moments[0];
        all[3][s] = moments[1];
    }
    for (int k = 0; k < 4; k++) {
        value[k] = all[k][0];
        error[k] = kr_multihist_error(all[k], BLOCKS, NULL);
    }
}

static void exact(double a, double value[4])
{
    const double psi = 1.256117668431800, psi_1 = 0.283822955737115; /* of 4 */
    value[0] = -SHAPE * log(a / coefficient[0]);
    value[1] = SHAPE / a;
    value[2] = psi - log(a);
    value[3] = psi_1 + value[2] * value[2];
}

static void one_point_gives_the_plain_reweighted_mean(void **state)
{
    (void)state;
    const double a = 0.5, x[4] = { 1.0, 2.0, 2.0, 5.0 }, y[4] = { 3.0, -1.0, 1.0, 2.0 };
    const kr_multihist_shape shape = { 1,    400, 2,   1,   &a,   0.0,  5.0,
                                       NULL, 0,   0.0, 0.0, NULL, NULL, NULL };
    kr_error err = { 0 };
    kr_multihist_mean mean;
    double moments[2], w[4], sum = 0.0, first = 0.0, second = 0.0, square = 0.0;
    kr_multihist *m = kr_multihist_alloc(&shape, &err);
    for (int k = 0; k < 4; k++) {
        kr_multihist_add(m, 0, k % 2, 1.0, x[k], 0.0, &y[k]);
        w[k] = exp(-(0.8 - a) * x[k]);
        sum += w[k];
        square += w[k] * w[k];
        first += w[k] * y[k];
        second += w[k] * y[k] * y[k];
    }
    assert_ok(kr_multihist_solve(m, &err), &err);
    kr_multihist_at(m, 0.8, 0.0, 0, &mean, moments);
    assert_close(mean.log_z, log(sum / 4.0), 1e-13);
    assert_close(moments[0], first / sum, 1e-13);
    assert_close(moments[1], second / sum, 1e-13);
    /* two draws share a bin: as independent draws of one weight */
    assert_close(mean.ess, sum * sum / square, 1e-13);
    kr_multihist_at(m, 0.8, 0.0, 1, &mean, moments); /* without the first and third draw */
    assert_close(moments[0], (w[1] * y[1] + w[3] * y[3]) / (w[1] + w[3]), 1e-13);
    kr_multihist_free(m);
}

static void equations_hold_at_the_points(void **state)
{
    (void)state;
    kr_error err = { 0 };
    kr_multihist *m = sampled(POINTS, coefficient, 3);
    assert_ok(kr_multihist_solve(m, &err), &err);
    for (int s = 0; s <= BLOCKS; s += 7) {
        for (int k = 0; k < POINTS; k++) { /* Z at a point is what its f says */
            kr_multihist_mean mean;
            kr_multihist_at(m, coefficient[k], 0.0, s, &mean, NULL);
            assert_close(mean.log_z, kr_multihist_log_z(m, k, s), 1e-9);
        }
    }
    assert_true(kr_multihist_log_z(m, 0, 0) == 0.0);
    assert_true(kr_multihist_least_overlap(m) > 0.5 && kr_multihist_least_overlap(m) < 0.9);
    kr_multihist_free(m);
}

/* z of a jackknife over 20 blocks: Student's t with 19 degrees of freedom, <t^2> = 19/17. The
 * mean over 200 has the deviation 0.13; errors 20 % too small give 1.75. */
static void pulls_of_200_runs_have_the_right_width(void **state)
{
    (void)state;
    enum { RUNS = 200, TARGETS = 4 };
    const double a[TARGETS] = { 0.9, 1.2, 1.4, 2.2 };
    double square[TARGETS][4] = { 0 }, want[4], value[4], error[4];
    for (int r = 0; r < RUNS; r++) {
        kr_error err = { 0 };
        kr_multihist *m = sampled(POINTS, coefficient, 100 + (uint64_t)r);
        assert_ok(kr_multihist_solve(m, &err), &err);
        for (int j = 0; j < TARGETS; j++) {
            exact(a[j], want);
            estimate(m, a[j], value, error);
            for (int k = 0; k < 4; k++) {
                double z = (value[k] - want[k]) / error[k];
                square[j][k] += z * z / RUNS;
                assert_true(error[k] < 0.1); /* wide errors prove nothing */
            }
        }
        kr_multihist_free(m);
    }
    double all = 0.0;
    for (int j = 0; j < TARGETS; j++) {
        for (int k = 0; k < 4; k++) {
            assert_true(square[j][k] > 0.7 && square[j][k] < 1.5);
            all += square[j][k] / (4 * TARGETS);
        }
    }
    assert_true(all > 0.9 && all < 1.4);
    assert_false(all / (0.8 * 0.8) < 1.4); /* these bounds see errors 20 % too small */
}

static void a_target_beyond_the_draws_shows_at_the_edge(void **state)
{
    (void)state;
    kr_error err = { 0 };
    kr_multihist_mean inside, outside;
    kr_multihist *m = sampled(POINTS, coefficient, 5);
    assert_ok(kr_multihist_solve(m, &err), &err);
    kr_multihist_at(m, 1.3, 0.0, 0, &inside, NULL);
    kr_multihist_at(m, 0.1, 0.0, 0, &outside, NULL);
    assert_true(inside.edge < 0.05 && inside.ess > 3000.0);
    assert_true(outside.edge > 0.5 && outside.ess < 100.0);
    kr_multihist_free(m);
}

static void points_that_do_not_overlap_are_named(void **state)
{
    (void)state;
    const double a[] = { 1.0, 1000.0 };
    kr_error err = { 0 };
    kr_multihist *m = sampled(2, a, 6);
    assert_int_equal(kr_multihist_solve(m, &err), KR_EINVAL);
    assert_non_null(strstr(err.text, "the points at 1 and 1000"));
    kr_multihist_free(m);
}

static void a_point_without_draws_is_named(void **state)
{
    (void)state;
    const double a[] = { 1.0, 2.5 };
    const kr_multihist_shape shape = { 2,    10, 4,   0,   a,    0.0,  1.0,
                                       NULL, 0,  0.0, 0.0, NULL, NULL, NULL };
    kr_error err = { 0 };
    kr_multihist *m = kr_multihist_alloc(&shape, &err);
    for (int k = 0; k < 8; k++) {
        kr_multihist_add(m, 0, k % 4, 1.0, 0.1 * k, 0.0, NULL);
    }
    assert_int_equal(kr_multihist_solve(m, &err), KR_EINVAL);
    assert_non_null(strstr(err.text, "point at 2.5 has draws in 0 parts"));
    kr_multihist_free(m);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(one_point_gives_the_plain_reweighted_mean),
        cmocka_unit_test(equations_hold_at_the_points),
        cmocka_unit_test(pulls_of_200_runs_have_the_right_width),
        cmocka_unit_test(a_target_beyond_the_draws_shows_at_the_edge),
        cmocka_unit_test(points_that_do_not_overlap_are_named),
        cmocka_unit_test(a_point_without_draws_is_named),
    };
    gsl_set_error_handler_off();
    return cmocka_run_group_tests_name("multihist", tests, NULL, NULL);
}
