/* SPDX-License-Identifier: GPL-3.0-or-later
 * tests/physics_glass.c - 3D Edwards-Anderson model with Gaussian couplings, 6 x 6 x 6 down to
 * beta = 1.1: what no chain without replica exchange gets right.
 *
 * Integrating the mean over the couplings by parts gives, for unit variance, the identity
 * e = -3 beta (1 - [q_link]) of the means over samples (Bray, Moore 1980; as a test of
 * equilibration: Katzgraber, Palassini, Young, Phys. Rev. B 63, 184422 (2001)): energies that
 * are too high and overlaps that are too small approach it from both sides. */
#include "kr_glass.h"

enum { SAMPLES = 48 };

static glass *run(const char *betas, int seed)
{
    char yaml[1024];
    snprintf(yaml, sizeof yaml,
             "model: {name: ising, disorder: {kind: gaussian, seed: {from: 1, to: %d, count: "
             "%d}}}\nlattice: {name: hypercubic, size: [6, 6, 6]}\nbeta: %s\nchains: 16\n"
             "seed: %d\nphases: {thermalize: 1000, measure: 2000, every: 10}\n"
             "updates: [heat_bath]\nobservables: [energy, overlap]\ntempering: {}\n",
             SAMPLES, SAMPLES, betas, seed);
    glass *g = glass_run(yaml);
    print_message("# round trips of the worst sample: %.0f\n", g->round_trips);
    assert_true(g->round_trips > 10.0);
    return g;
}

/* Mean of a column over pairs, by sample, at one temperature. */
static void samples_at(const glass *g, double beta, int column, double *mean, double *error)
{
    int n = 0;
    for (int32_t p = 0; p < g->n_points; p++) {
        if (g->beta[p] == beta) {
            glass_mean(g->pair[column][p], g->n_pairs, &mean[g->ladder[p]],
                       &error[g->ladder[p]]);
            n++;
        }
    }
    assert_int_equal(n, SAMPLES);
}

/* Value of a straight line through (x, y) at x = 0, with its error: x has the known mean 0 over
 * the disorder, so it takes out most of the scatter of samples with large or small couplings.
 */
static void controlled_mean(const double *x, const double *y, double *mean, double *error)
{
    double x_mean, y_mean, unused, xx = 0.0, xy = 0.0, rest = 0.0;
    glass_mean(x, SAMPLES, &x_mean, &unused);
    glass_mean(y, SAMPLES, &y_mean, &unused);
    for (int s = 0; s < SAMPLES; s++) {
        xx += (x[s] - x_mean) * (x[s] - x_mean);
        xy += (x[s] - x_mean) * (y[s] - y_mean);
    }
    *mean = y_mean - xy / xx * x_mean;
    for (int s = 0; s < SAMPLES; s++) {
        double off = y[s] - *mean - xy / xx * x[s];
        rest += off * off;
    }
    *error = sqrt(rest / (SAMPLES - 2) * (1.0 / SAMPLES + x_mean * x_mean / xx));
}

static void energy_and_link_overlap_obey_the_gaussian_identity(void **state)
{
    const glass *const *ladders = *state;
    static const double betas[] = { 0.2, 0.55, 0.8, 1.1 };
    for (int b = 0; b < 4; b++) {
        double energy[SAMPLES], link[SAMPLES], off[SAMPLES], error[SAMPLES], mean, of_mean;
        samples_at(ladders[0], betas[b], GLASS_ENERGY, energy, error);
        samples_at(ladders[0], betas[b], GLASS_LINK, link, error);
        for (int s = 0; s < SAMPLES; s++) {
            off[s] = energy[s] + 3.0 * betas[b] * (1.0 - link[s]);
        }
        controlled_mean(ladders[0]->excess, off, &mean, &of_mean);
        print_message("# beta %.2f: e + 3 beta (1 - q_link) = %+.4f(%.0e)\n", betas[b], mean,
                      of_mean);
        assert_true(of_mean < 0.04);
        assert_within_sigma(mean, of_mean, 0.0, 4.1);
    }
}

static void two_ladders_agree_sample_by_sample(void **state)
{
    const glass *const *ladders = *state;
    static const int column[] = { GLASS_ENERGY, GLASS_SQUARE, GLASS_LINK };
    double worst = 0.0, square = 0.0;
    for (int k = 0; k < 3; k++) {
        double mean[2][SAMPLES], error[2][SAMPLES];
        for (int l = 0; l < 2; l++) {
            samples_at(ladders[l], 1.1, column[k], mean[l], error[l]);
        }
        for (int s = 0; s < SAMPLES; s++) {
            double z = (mean[0][s] - mean[1][s]) / hypot(error[0][s], error[1][s]);
            worst = fmax(worst, fabs(z));
            square += z * z / (3 * SAMPLES);
            assert_true(k > 0 || error[0][s] < 5e-3);
        }
    }
    print_message("# beta 1.1: largest of %d |z| between the ladders %.2f, rms %.2f\n",
                  3 * SAMPLES, worst, sqrt(square));
    /* errors from 8 pairs are themselves uncertain: Student's t of 14 degrees of freedom */
    assert_true(worst < 5.5);
}

static int setup(void **state)
{
    static const glass *ladders[2];
    ladders[0] = run("[0.2, 0.26, 0.32, 0.39, 0.47, 0.55, 0.66, 0.8, 0.94, 1.1]", 3);
    ladders[1] = run("{from: 0.15, to: 1.1, count: 9}", 4);
    *state = (void *)ladders;
    return 0;
}

static int teardown(void **state)
{
    glass *const *ladders = *state;
    free(ladders[0]);
    free(ladders[1]);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(energy_and_link_overlap_obey_the_gaussian_identity),
        cmocka_unit_test(two_ladders_agree_sample_by_sample),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
