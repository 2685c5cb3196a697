/* SPDX-License-Identifier: GPL-3.0-or-later
 * tests/test_scaling.c - finite-size fits of data made from the scaling forms with known
 * exponents and Gaussian noise of known covariance. */
#include "kr_test.h"

#include "base/rng.h"
#include "stats/scaling.h"

#include <gsl/gsl_errno.h>

enum { D = KR_SCALING_DATA, SIZES = 6, SETS = 200 };
static const double sides[SIZES] = { 8, 12, 16, 24, 32, 48 };
static const double critical = 0.4407, y = 1.0, square = -0.25, omega = 1.4;

static double normal(kr_rng *rng)
{
    const double u = 1.0 - kr_rng_uniform(rng), v = kr_rng_uniform(rng);
    return sqrt(-2.0 * log(u)) * cos(2.0 * M_PI * v);
}

/* Data of a size at t; correction: its share of the values at the smallest size. */
static kr_scaling_size truth(double length, double t, double correction)
{
    const double l = length / sides[0], u = correction * pow(l, -omega);
    const double grow = pow(length, y), x = (t - critical) * grow;
    kr_scaling_size s = {
        .length = length,
        .value = { 0.61 + 0.9 * x + 0.61 * u, 0.9 * grow * (1.0 + u), 0.9 + 1.7 * x + 0.9 * u,
                   1.7 * grow * (1.0 - u), 0.1 + square * log(length) + 2.0 * x + u,
                   2.0 * grow * (1.0 + u), 0.05 + 0.5 * square * log(length) + x + 0.5 * u,
                   grow * (1.0 - u) },
    };
    return s;
}

/* The same with noise; every two data have correlation 1/2. */
static kr_scaling_size noisy(double length, double t, double correction, double claimed,
                             kr_rng *rng)
{
    kr_scaling_size s = truth(length, t, correction);
    const double common = sqrt(0.5) * normal(rng);
    double sigma[D];
    for (int i = 0; i < D; i++) {
        sigma[i] = i % 2 ? 0.01 * fabs(s.value[i]) : 1e-3;
        s.value[i] += sigma[i] * (common + sqrt(0.5) * normal(rng));
    }
    for (int i = 0; i < D; i++) {
        for (int j = 0; j < D; j++) {
            s.covariance[i][j] = claimed * claimed * sigma[i] * sigma[j] * (i == j ? 1.0 : 0.5);
        }
    }
    return s;
}

typedef struct pulls {
    double critical, exponent, square, error; /* rms; mean error of c */
    double one; /* rms pull of c of the plain fit of all sizes, ratio 0 */
    double p;   /* mean of the best */
} pulls;

static pulls run(double correction, double claimed, bool has_ratio, double omega_known,
                 uint64_t seed)
{
    pulls out = { 0 };
    kr_rng rng;
    kr_rng_seed(&rng, seed, 0, KR_PURPOSE_TEST);
    for (int set = 0; set < SETS; set++) {
        kr_scaling_size size[SIZES];
        kr_scaling_result r;
        kr_error err = { 0 };
        for (int s = 0; s < SIZES; s++) {
            size[s] = noisy(sides[s], critical + 2e-5, correction, claimed, &rng);
        }
        if (kr_scaling_fit(size, SIZES, critical + 2e-5, has_ratio, omega_known, &r, &err) !=
            KR_OK) {
            fail_msg("%s", err.text);
        }
        out.critical += pow((r.critical.value - critical) / r.critical.error, 2) / SETS;
        out.exponent += pow((r.exponent.value - y) / r.exponent.error, 2) / SETS;
        out.square += pow((r.square.value - square) / r.square.error, 2) / SETS;
        out.error += r.critical.error / SETS;
        out.one +=
            pow((r.variant[0].critical - critical) / r.variant[0].critical_error, 2) / SETS;
        out.p += r.best_p / SETS;
    }
    out.critical = sqrt(out.critical);
    out.exponent = sqrt(out.exponent);
    out.square = sqrt(out.square);
    out.one = sqrt(out.one);
    return out;
}

static void show(const char *what, pulls p)
{
    print_message("# %s: rms pulls of c %.2f, 1/nu %.2f, k %.2f; of one plain fit %.2f; mean "
                  "error of c %.1e, p %.2f\n",
                  what, p.critical, p.exponent, p.square, p.one, p.error, p.p);
}

/* 200 sets: a rms of 1 has an error of 0.05. Averaging over fits makes errors larger than those
 * of the right one alone would be. */
static void errors_cover_without_corrections(void **state)
{
    (void)state;
    for (int has_ratio = 0; has_ratio < 2; has_ratio++) {
        pulls p = run(0.0, 1.0, has_ratio, 0.0, 11);
        show(has_ratio ? "no corrections, xi/L" : "no corrections", p);
        assert_true(p.critical > 0.4 && p.critical < 1.15);
        assert_true(p.exponent > 0.4 && p.exponent < 1.15);
        assert_true(p.square > 0.4 && p.square < 1.15);
        assert_true(p.one > 0.85 && p.one < 1.15);
        assert_true(p.error < 1e-4);
    }
}

static void errors_cover_corrections_of_a_tenth(void **state)
{
    (void)state;
    pulls p = run(0.1, 1.0, true, 0.0, 12);
    show("corrections of 10 %", p);
    assert_true(p.critical > 0.4 && p.critical < 1.2);
    assert_true(p.exponent > 0.4 && p.exponent < 1.2);
    assert_true(p.square > 0.4 && p.square < 1.2);
    assert_true(p.error < 2e-4);
}

/* With a known omega the error shrinks and still covers. */
static void a_known_omega_helps(void **state)
{
    (void)state;
    pulls p = run(0.1, 1.0, true, omega, 12), q = run(0.1, 1.0, true, 0.0, 12);
    show("corrections of 10 %, omega known", p);
    assert_true(p.critical > 0.4 && p.critical < 1.2);
    assert_true(p.error < 0.7 * q.error);
}

/* Covariances of 0.6 times the true errors are seen by the pulls. */
static void covariances_too_small_are_seen(void **state)
{
    (void)state;
    pulls p = run(0.0, 0.6, true, 0.0, 11);
    show("errors claimed as 0.6 of the true ones", p);
    assert_true(p.one > 1.4);
}

static void exact_data_give_back_the_exponents(void **state)
{
    (void)state;
    kr_scaling_size size[SIZES];
    kr_scaling_result r;
    kr_error err = { 0 };
    for (int s = 0; s < SIZES; s++) {
        size[s] = truth(sides[s], critical, 0.0);
        for (int i = 0; i < D; i++) {
            size[s].covariance[i][i] = i % 2 ? pow(1e-2 * size[s].value[i], 2) : 1e-6;
        }
    }
    assert_int_equal(kr_scaling_fit(size, SIZES, critical, true, 0.0, &r, &err), KR_OK);
    assert_close(r.critical.value, critical, 1e-8);
    assert_close(r.exponent.value, y, 1e-4);
    assert_close(r.square.value, square, 1e-4);
    assert_close(r.abs.value, 0.5 * square, 1e-4);
    assert_close(r.binder.value, 0.61, 1e-5);
    assert_close(r.ratio.value, 0.9, 1e-5);
    assert_true(r.n_variants >= 4);
    double total = 0.0;
    for (int32_t v = 0; v < r.n_variants; v++) {
        total += r.variant[v].weight;
    }
    assert_close(total, 2.0, 1e-12); /* 1 of each ratio */
}

static void impossible_input_is_refused(void **state)
{
    (void)state;
    kr_scaling_size size[SIZES];
    kr_scaling_result r;
    kr_error err = { 0 };
    kr_rng rng;
    kr_rng_seed(&rng, 3, 0, KR_PURPOSE_TEST);
    for (int s = 0; s < SIZES; s++) {
        size[s] = noisy(sides[s], critical, 0.0, 1.0, &rng);
    }
    assert_int_equal(kr_scaling_fit(size, 2, critical, true, 0.0, &r, &err), KR_EINVAL);
    size[1].value[KR_SCALING_RATIO] = NAN;
    err = (kr_error){ 0 };
    assert_int_equal(kr_scaling_fit(size, SIZES, critical, true, 0.0, &r, &err), KR_EINVAL);
    err = (kr_error){ 0 }; /* not looked at without xi/L */
    assert_int_equal(kr_scaling_fit(size, SIZES, critical, false, 0.0, &r, &err), KR_OK);
    assert_true(isnan(r.ratio.value));
}

int main(void)
{
    gsl_set_error_handler_off();
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(errors_cover_without_corrections),
        cmocka_unit_test(errors_cover_corrections_of_a_tenth),
        cmocka_unit_test(a_known_omega_helps),
        cmocka_unit_test(covariances_too_small_are_seen),
        cmocka_unit_test(exact_data_give_back_the_exponents),
        cmocka_unit_test(impossible_input_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
