/* SPDX-License-Identifier: GPL-3.0-or-later
 * tests/test_dos.c - density of states and barrier from histograms of a known law. */
#include "kr_test.h"

#include "base/rng.h"
#include "stats/stats.h"

enum { GROUPS = 16, BINS = 101 };

typedef struct sample {
    kr_dos dos;
    double log_g[BINS], log_w[BINS], visits[GROUPS * (BINS + 2)];
} sample;

/* Two Gaussian peaks at beta = 1 around bins 25 and 70, width 8, the second `shift` higher;
 * weights flat up to `rough`; Poisson-like visits. */
static void fill(sample *s, double shift, double rough, double n_visits)
{
    kr_rng rng;
    double sum = 0.0, p[BINS];
    kr_rng_seed(&rng, 9, 0, KR_PURPOSE_TEST);
    for (int k = 0; k < BINS; k++) {
        double a = -0.5 * (k - 25.0) * (k - 25.0) / 64.0,
               b = -0.5 * (k - 70.0) * (k - 70.0) / 64.0 + shift;
        s->log_g[k] = fmax(a, b) + log1p(exp(-fabs(a - b))) + 1.0 * 0.5 * k;
        s->log_w[k] = -s->log_g[k] + rough * sin(3.0 * k);
        p[k] = exp(s->log_g[k] + s->log_w[k]);
        sum += p[k];
    }
    for (int j = 0; j < GROUPS; j++) {
        for (int k = 0; k < BINS; k++) {
            double mean = n_visits * p[k] / sum;
            s->visits[j * (BINS + 2) + k + 1] =
                fmax(0.0, rint(mean + sqrt(mean) * kr_rng_normal(&rng)));
        }
    }
    s->dos = (kr_dos){ GROUPS, BINS, -10.0, 0.5, s->log_w, s->visits, 0.0 };
    double total = 0.0;
    for (int k = 0; k < BINS; k++) {
        total += exp(s->log_g[k]);
    }
    s->dos.log_states = log(total);
}

static void log_g_and_its_errors_follow_the_law(void **state)
{
    (void)state;
    static sample s;
    double log_g[BINS], error[BINS], chi2 = 0.0;
    kr_error err = { 0 };
    fill(&s, 0.3, 0.5, 20000.0);
    assert_ok(kr_dos_estimate(&s.dos, log_g, error, &err), &err);
    for (int k = 0; k < BINS; k++) {
        assert_within_sigma(log_g[k], error[k], s.log_g[k], 4.9);
        chi2 += pow((log_g[k] - s.log_g[k]) / error[k], 2.0) / BINS;
        assert_true(error[k] > 0.0 && error[k] < 0.05);
    }
    assert_true(chi2 > 0.6 && chi2 < 1.6); /* errors from 16 groups */
    s.dos.log_states = NAN;
    assert_ok(kr_dos_estimate(&s.dos, log_g, error, &err), &err);
    double top = -INFINITY;
    for (int k = 0; k < BINS; k++) {
        top = fmax(top, log_g[k]);
    }
    assert_close(top, 0.0, 0.0);
}

static void energies_outside_count_in_the_number_of_states(void **state)
{
    (void)state;
    static sample s;
    double with[BINS], without[BINS], error[BINS];
    kr_error err = { 0 };
    fill(&s, 0.0, 0.0, 1000.0);
    assert_ok(kr_dos_estimate(&s.dos, without, error, &err), &err);
    double inside = 0.0;
    for (int j = 0; j < GROUPS; j++) {
        for (int k = 0; k < BINS; k++) {
            inside += s.visits[j * (BINS + 2) + k + 1] * exp(-s.log_w[k]);
        }
    }
    s.visits[BINS + 1] = inside / exp(-s.log_w[BINS - 1]); /* as many again above */
    assert_ok(kr_dos_estimate(&s.dos, with, error, &err), &err);
    for (int k = 0; k < BINS; k++) {
        assert_close(with[k], without[k] - log(2.0), 1e-9);
    }
}

static void barrier_is_that_of_equally_high_peaks(void **state)
{
    (void)state;
    static sample s;
    kr_barrier b;
    kr_error err = { 0 };
    const double shifts[] = { 0.0, 1.2, -2.0 };
    for (int k = 0; k < 3; k++) {
        fill(&s, shifts[k], 0.3, 20000.0);
        /* at beta = 1 P(E) = the peaks, so heights agree at 1 + shift/(E_2 - E_1); the valley
         * of two Gaussians of width 8 at a distance of 45 is log 2 - (22.5/8)^2/2 deep */
        assert_ok(kr_dos_barrier(&s.dos, 1.0, &b, &err), &err);
        assert_within_sigma(b.beta, fmax(b.beta_error, 2e-4), 1.0 + shifts[k] / 22.5, 4.5);
        assert_within_sigma(b.height, b.height_error, 0.5 * pow(22.5 / 8.0, 2.0) - log(2.0), 5);
        assert_true(b.height_error > 0.0 && b.height_error < 0.05 && b.beta_error < 0.005);
        assert_true(fabs(b.energy_low - 2.5) <= 2.5 && fabs(b.energy_high - 25.0) <= 2.5);
    }
}

static void one_peak_has_no_barrier(void **state)
{
    (void)state;
    static sample s;
    kr_barrier b;
    kr_error err = { 0 };
    fill(&s, 0.0, 0.0, 20000.0);
    for (int k = 0; k < BINS; k++) {
        s.log_w[k] = -0.5 * k + 0.01 * (k - 50.0) * (k - 50.0); /* g exp(-E): one Gaussian */
    }
    for (int j = 0; j < GROUPS * (BINS + 2); j++) {
        s.visits[j] = 100.0;
    }
    assert_ok(kr_dos_barrier(&s.dos, 1.0, &b, &err), &err);
    assert_true(isnan(b.height) && isnan(b.beta));
}

/* Two peaks, eight bins of a hundred apart: levels of one phase. */
static void near_peaks_are_no_two_phases(void **state)
{
    (void)state;
    static sample s;
    kr_error err = { 0 };
    for (int distance = 8; distance <= 40; distance += 32) {
        kr_barrier b;
        fill(&s, 0.0, 0.0, 20000.0);
        for (int k = 0; k < BINS; k++) {
            double a = k - 30.0, c = k - 30.0 - distance;
            s.log_w[k] = -0.5 * k + 0.3 * fmin(a * a, c * c);
        }
        for (int j = 0; j < GROUPS * (BINS + 2); j++) {
            s.visits[j] = 100.0;
        }
        assert_ok(kr_dos_barrier(&s.dos, 1.0, &b, &err), &err);
        assert_int_equal(isnan(b.height), distance == 8);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(log_g_and_its_errors_follow_the_law),
        cmocka_unit_test(energies_outside_count_in_the_number_of_states),
        cmocka_unit_test(barrier_is_that_of_equally_high_peaks),
        cmocka_unit_test(one_peak_has_no_barrier),
        cmocka_unit_test(near_peaks_are_no_two_phases),
    };
    return cmocka_run_group_tests_name("density of states", tests, NULL, NULL);
}
