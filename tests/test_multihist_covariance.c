/* SPDX-License-Identifier: GPL-3.0-or-later
 * tests/test_multihist_covariance.c - ln Z ratios of Gaussians of different widths with their
 * covariance, from independent and from correlated draws; laws with weights of their own; two
 * coefficients.
 *
 * p(x) = exp(-a x^2/2 - b x)/Z: ln Z = ln(2 pi/a)/2 + b^2/(2 a), X = x^2/2, Y = x. */
#include "kr_test.h"

#include "base/rng.h"
#include "stats/multihist.h"

#include <gsl/gsl_errno.h>
#include <gsl/gsl_linalg.h>

enum { POINTS = 4, BLOCKS = 25, DRAWS = 40, RUNS = 240, FEW = 120 };
static const double width_of[POINTS] = { 1.0, 0.5, 2.0, 1.5 }; /* coefficients a, no order */

static double log_z_of(double a, double b)
{
    return -0.5 * log(a) + 0.5 * b * b / a;
}

/* Chains of every point and block that keep their x with probability rho, as where proposals
 * are refused: all functions of x have the correlation rho^t. */
static kr_multihist *gaussians(double rho, uint64_t seed)
{
    const kr_multihist_shape shape = { .n_points = POINTS,
                                       .n_bins = 600,
                                       .n_blocks = BLOCKS,
                                       .a = width_of,
                                       .x_low = 0.0,
                                       .x_high = 30.0 };
    kr_error err = { 0 };
    kr_rng rng;
    kr_rng_seed(&rng, seed, 0, KR_PURPOSE_TEST);
    kr_multihist *m = kr_multihist_alloc(&shape, &err);
    assert_non_null(m);
    const double weight = (1.0 - rho) / (1.0 + rho);
    for (int k = 0; k < POINTS * BLOCKS; k++) {
        double x = kr_rng_normal(&rng);
        for (int t = 0; t < (int)(DRAWS / weight); t++) {
            const double u = x / sqrt(width_of[k % POINTS]);
            kr_multihist_add(m, k % POINTS, k / POINTS, weight, 0.5 * u * u, 0.0, NULL);
            x = kr_rng_uniform(&rng) < rho ? x : kr_rng_normal(&rng);
        }
    }
    assert_ok(kr_multihist_solve(m, &err), &err);
    return m;
}

/* r^T C^-1 r of the POINTS - 1 ratios; sign: of what is off the diagonal, to plant an error. */
static double chi_square(const double *covariance, const double *r, double sign)
{
    enum { N = POINTS - 1 };
    double matrix[N * N], out = 0.0, x[N];
    for (int i = 0; i < N; i++) {
        for (int j = 0; j < N; j++) {
            matrix[i * N + j] = covariance[(i + 1) * POINTS + j + 1] * (i == j ? 1.0 : sign);
        }
    }
    gsl_matrix_view c = gsl_matrix_view_array(matrix, N, N);
    gsl_vector_view v = gsl_vector_view_array(x, N);
    gsl_permutation *p = gsl_permutation_alloc(N);
    int s;
    gsl_vector_const_view right = gsl_vector_const_view_array(r, N);
    gsl_linalg_LU_decomp(&c.matrix, p, &s);
    gsl_linalg_LU_solve(&c.matrix, p, &right.vector, &v.vector);
    gsl_permutation_free(p);
    for (int i = 0; i < N; i++) {
        out += r[i] * x[i];
    }
    return out;
}

typedef struct tally {
    double chi, flipped;             /* mean chi^2 of the weights' covariance; signs turned */
    double seen[POINTS * POINTS];    /* mean of r r^T over the runs */
    double weights[POINTS * POINTS]; /* mean covariance of the weights */
    double blocks[POINTS * POINTS];  /* of leaving out blocks */
} tally;

static void run_all(double rho, uint64_t seed, tally *t)
{
    *t = (tally){ 0 };
    for (int run = 0; run < RUNS; run++) {
        kr_error err = { 0 };
        double c[2][POINTS * POINTS], r[POINTS];
        kr_multihist *m = gaussians(rho, seed + (uint64_t)run);
        assert_ok(kr_multihist_asymptotic(m, c[0], &err), &err);
        kr_multihist_covariance(m, c[1]);
        for (int k = 0; k < POINTS; k++) {
            r[k] = kr_multihist_log_z(m, k, 0) - log_z_of(width_of[k], 0.0) +
                   log_z_of(width_of[0], 0.0);
        }
        for (int k = 0; k < POINTS * POINTS; k++) {
            t->seen[k] += r[k / POINTS] * r[k % POINTS] / RUNS;
            t->weights[k] += c[0][k] / RUNS;
            t->blocks[k] += c[1][k] / RUNS;
        }
        t->chi += chi_square(c[0], r + 1, 1.0) / RUNS;
        t->flipped += chi_square(c[0], r + 1, -1.0) / RUNS;
        kr_multihist_free(m);
    }
}

/* A covariance over RUNS runs has the error sqrt((C_ii C_jj + C_ij^2)/RUNS). */
static double worst_of(const double *seen, const double *want, double factor)
{
    double worst = 0.0;
    for (int i = 1; i < POINTS; i++) {
        for (int j = 1; j <= i; j++) {
            const double *c = want;
            const double ij = factor * c[i * POINTS + j];
            const double size = factor * sqrt(c[i * POINTS + i] * c[j * POINTS + j]);
            worst = fmax(worst, fabs(seen[i * POINTS + j] - ij) /
                                    sqrt((size * size + ij * ij) / RUNS));
        }
    }
    return worst;
}

static void check_tally(const tally *t)
{
    /* chi^2 of three: mean 3, deviation sqrt(6/RUNS) of its mean */
    assert_within_sigma(t->chi, sqrt(6.0 / RUNS), 3.0, 4.5);
    assert_false(fabs(t->chi / 0.64 - 3.0) <
                 4.5 * sqrt(6.0 / RUNS));                          /* errors 20 % too small */
    assert_false(fabs(t->flipped - 3.0) < 4.5 * sqrt(6.0 / RUNS)); /* signs turned */
    assert_true(worst_of(t->seen, t->weights, 1.0) < 4.2);
    assert_true(worst_of(t->seen, t->blocks, 1.0) < 4.2);
    assert_false(worst_of(t->seen, t->weights, 0.64) < 4.2);
    assert_false(worst_of(t->seen, t->blocks, 0.64) < 4.2);
    /* both covariances have the same mean, to a few per cent for their own scatter and bias */
    for (int k = POINTS + 1; k < POINTS * POINTS; k++) {
        if (k % POINTS > 0) {
            const double size = sqrt(t->weights[k / POINTS * (POINTS + 1)] *
                                     t->weights[k % POINTS * (POINTS + 1)]);
            assert_true(fabs(t->weights[k] - t->blocks[k]) < 0.12 * size);
        }
    }
    assert_true(t->weights[0] == 0.0 && fabs(t->blocks[0]) == 0.0);
    assert_true(t->weights[POINTS + 1] < 0.02); /* wide errors prove nothing */
}

static void both_covariances_are_those_of_independent_runs(void **state)
{
    (void)state;
    tally t;
    run_all(0.0, 1000, &t);
    check_tally(&t);
}

static void both_covariances_hold_for_correlated_draws(void **state)
{
    (void)state;
    tally t;
    run_all(0.6, 5000, &t);
    check_tally(&t);
}

static void equal_laws_have_equal_z_without_error(void **state)
{
    (void)state;
    const double a[2] = { 1.0, 1.0 };
    const kr_multihist_shape shape = { 2,    50, 2,   0,   a,    0.0,  1.0,
                                       NULL, 0,  0.0, 0.0, NULL, NULL, NULL };
    kr_error err = { 0 };
    double c[4];
    kr_multihist *m = kr_multihist_alloc(&shape, &err);
    for (int k = 0; k < 40; k++) {
        kr_multihist_add(m, k % 2, k / 2 % 2, 1.0, 0.02 * k, 0.0, NULL);
    }
    assert_ok(kr_multihist_solve(m, &err), &err);
    assert_ok(kr_multihist_asymptotic(m, c, &err), &err);
    assert_true(fabs(c[3]) < 1e-12); /* equal laws: nothing to learn */
    kr_multihist_free(m);
}

/* ---- weights of their own -----------------------------------------------------------------
 * m(x) = x^3/6: exp(-a x) gives ln Z = -4 ln a. A point with w = x^-power exp(-x/5), power 3,
 * draws x of an exponential law, and Z = 5/6. */

static double power_law(const void *context, int64_t point, double x, double y)
{
    (void)y;
    return point == 1 ? -*(const double *)context * log(x) - 0.2 * x : 0.0;
}

/* Points: 0 canonical at a = 1, 1 weighted; skip: one that is left out, or -1. */
static kr_multihist *weighted(int skip, double power, uint64_t seed)
{
    static const double a[2] = { 1.0, 0.0 };
    static const double powers[2] = { 3.0, 2.9 };
    const kr_multihist_shape shape = { .n_points = skip < 0 ? 2 : 1,
                                       .n_bins = 1200,
                                       .n_blocks = BLOCKS,
                                       .a = a,
                                       .x_high = 60.0,
                                       .log_w = skip == 1 ? NULL : power_law,
                                       .context = &powers[power == 3.0 ? 0 : 1] };
    kr_error err = { 0 };
    kr_rng rng;
    kr_rng_seed(&rng, seed, 0, KR_PURPOSE_TEST);
    kr_multihist *m = kr_multihist_alloc(&shape, &err);
    for (int k = 0; k < 2 * BLOCKS * DRAWS; k++) {
        double x = 0.0;
        for (int j = 0; j < (k % 2 ? 1 : 4); j++) {
            x -= log(1.0 - kr_rng_uniform(&rng)) * (k % 2 ? 5.0 : 1.0);
        }
        if (k % 2 != skip) {
            kr_multihist_add(m, k % 2, k / 2 % BLOCKS, 1.0, x, 0.0, NULL);
        }
    }
    assert_ok(kr_multihist_solve(m, &err), &err);
    return m;
}

/* <x> and ln Z/Z_0 at a, with errors. */
static void look(const kr_multihist *m, double a, double b, double value[2], double error[2])
{
    double all[2][BLOCKS + 1];
    for (int s = 0; s <= BLOCKS; s++) {
        kr_multihist_mean mean;
        kr_multihist_at(m, a, b, s, &mean, NULL);
        all[0][s] = mean.x;
        all[1][s] = mean.log_z;
    }
    for (int k = 0; k < 2; k++) {
        value[k] = all[k][0];
        error[k] = kr_multihist_error(all[k], BLOCKS, NULL);
    }
}

static void weighted_points_are_points_like_others(void **state)
{
    (void)state;
    double square[3] = { 0 }, wrong = 0.0, together = 0.0, alone = 0.0;
    for (int r = 0; r < FEW; r++) {
        double value[2], error[2], ratio[BLOCKS + 1];
        kr_multihist *m = weighted(-1, 3.0, 7000 + (uint64_t)r);
        look(m, 0.6, 0.0, value, error);
        square[0] += pow((value[0] - 4.0 / 0.6) / error[0], 2) / FEW;
        square[1] += pow((value[1] + 4.0 * log(0.6)) / error[1], 2) / FEW;
        together += error[0] / FEW;
        for (int s = 0; s <= BLOCKS; s++) {
            ratio[s] = kr_multihist_log_z(m, 1, s);
        }
        square[2] +=
            pow((ratio[0] - log(5.0 / 6.0)) / kr_multihist_error(ratio, BLOCKS, NULL), 2) / FEW;
        kr_multihist_free(m);
        m = weighted(1, 3.0, 7000 + (uint64_t)r); /* without the weighted point */
        look(m, 0.6, 0.0, value, error);
        alone += error[0] / FEW;
        kr_multihist_free(m);
        m = weighted(-1, 2.9, 7000 + (uint64_t)r); /* other weights than were drawn with */
        look(m, 0.6, 0.0, value, error);
        wrong += pow((value[0] - 4.0 / 0.6) / error[0], 2) / FEW;
        kr_multihist_free(m);
    }
    for (int k = 0; k < 3; k++) { /* Student's t of 24: 1.09, deviation of the mean 0.14 */
        assert_true(square[k] > 0.6 && square[k] < 1.6);
    }
    assert_false(wrong < 1.6);
    assert_true(together < 0.8 * alone);
}

/* ---- two coefficients -------------------------------------------------------------------- */

static void pairs_of_coefficients_are_reached(void **state)
{
    (void)state;
    static const double a[5] = { 0.8, 0.8, 1.4, 1.4, 1.1 },
                        b[5] = { -0.5, 0.5, -0.5, 0.5, 0.0 };
    static const double at[3][2] = { { 1.1, 0.25 }, { 0.9, -0.4 }, { 1.4, 0.0 } };
    double square[3][2] = { 0 };
    for (int r = 0; r < FEW; r++) {
        const kr_multihist_shape shape = { 5, 100, BLOCKS, 0,   a,    0.0,  15.0,
                                           b, 100, -6.0,   6.0, NULL, NULL, NULL };
        kr_error err = { 0 };
        kr_rng rng;
        kr_rng_seed(&rng, 9000 + (uint64_t)r, 0, KR_PURPOSE_TEST);
        kr_multihist *m = kr_multihist_alloc(&shape, &err);
        for (int k = 0; k < 5 * BLOCKS * DRAWS; k++) {
            const int p = k % 5;
            const double x = -b[p] / a[p] + kr_rng_normal(&rng) / sqrt(a[p]);
            kr_multihist_add(m, p, k / 5 % BLOCKS, 1.0, 0.5 * x * x, x, NULL);
        }
        assert_ok(kr_multihist_solve(m, &err), &err);
        for (int t = 0; t < 3; t++) {
            double value[2], error[2];
            const double mean = at[t][1] / at[t][0];
            look(m, at[t][0], at[t][1], value, error);
            square[t][0] +=
                pow((value[0] - 0.5 * (1.0 / at[t][0] + mean * mean)) / error[0], 2) / FEW;
            square[t][1] +=
                pow((value[1] - log_z_of(at[t][0], at[t][1]) + log_z_of(a[0], b[0])) / error[1],
                    2) /
                FEW;
        }
        kr_multihist_free(m);
    }
    for (int t = 0; t < 3; t++) {
        for (int k = 0; k < 2; k++) {
            assert_true(square[t][k] > 0.6 && square[t][k] < 1.6);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(both_covariances_are_those_of_independent_runs),
        cmocka_unit_test(both_covariances_hold_for_correlated_draws),
        cmocka_unit_test(equal_laws_have_equal_z_without_error),
        cmocka_unit_test(weighted_points_are_points_like_others),
        cmocka_unit_test(pairs_of_coefficients_are_reached),
    };
    gsl_set_error_handler_off();
    return cmocka_run_group_tests_name("multihist_covariance", tests, NULL, NULL);
}
