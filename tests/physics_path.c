/* SPDX-License-Identifier: GPL-3.0-or-later
 * tests/physics_path.c - runs along a path of actions against quadrature and transfer matrices:
 * the law at every point, and log Z without bias from populations that are far too small. */
#include "kr_test.h"

#include "model/exact.h"
#include "model/path.h"
#include "run/spec.h"
#include "stats/stats.h"

enum { DRAWS_MAX = 70000 };

static kr_spec *parse(const char *yaml)
{
    kr_error err = { 0 };
    kr_runfile *file = kr_runfile_parse("test", yaml, strlen(yaml), &err);
    kr_spec *spec = file ? kr_spec_alloc(file, &err) : NULL;
    if (!spec) {
        fail_msg("%s", err.text);
    }
    return spec;
}

/* Z of one or two sites: S = sum (m2 phi^2 + lambda phi^4 - h phi) + (phi_0 - phi_1)^2, by the
 * trapezoid rule, which converges faster than any power here. */
static double quadrature(int n_sites, double m2, double lambda, double h)
{
    enum { N = 1200 };
    double x[N], weight[N], sum = 0.0;
    const double step = 12.0 / N;
    for (int k = 0; k < N; k++) {
        x[k] = -6.0 + (k + 0.5) * step;
        const double square = x[k] * x[k];
        weight[k] = step * exp(-m2 * square - lambda * square * square + h * x[k]);
    }
    for (int a = 0; a < N; a++) {
        double inner = n_sites == 1;
        for (int b = 0; n_sites == 2 && b < N; b++) {
            inner += weight[b] * exp(-(x[a] - x[b]) * (x[a] - x[b]));
        }
        sum += weight[a] * inner;
    }
    return sum;
}

/* Mean of Z-hat over all runs, in the last point; the mean of its logarithm must be off. */
static void check_unbiased(const char *name, const char *yaml, double want)
{
    kr_error err = { 0 };
    kr_spec *spec = parse(yaml);
    kr_sampler *s = kr_sampler_alloc(&spec->config, &err);
    const int32_t last = spec->config.n_points - 1;
    double sum = 0.0, square = 0.0, n = 0.0, log_sum = 0.0;
    if (!s) {
        fail_msg("%s", err.text);
    }
    while (kr_sampler_stage(s) != KR_STAGE_DONE) {
        assert_ok(kr_sampler_advance(s, 64, &err), &err);
        for (int64_t d = 0; d < kr_sampler_n_new(s) && !kr_sampler_new_is_warmup(s); d++) {
            const double log_z = kr_sampler_annealing(s, d, KR_ANNEALING_LOG_Z)[last];
            const double z = exp(log_z + spec->path->log_z);
            sum += z;
            square += z * z;
            log_sum += log_z + spec->path->log_z;
            n += 1.0;
        }
    }
    const double mean = sum / n, error = sqrt((square / n - mean * mean) / n);
    print_message("# %s: Z %.5f(%.0e) exact %.5f z %+.2f; mean log off by %.3f\n", name, mean,
                  error, want, (mean - want) / error, log_sum / n - log(want));
    assert_true(error < 0.01 * want);
    assert_within_sigma(mean, error, want, 4.0);
    assert_true(log_sum / n - log(want) < -20.0 * error / want); /* so small are they */
    kr_sampler_free(s);
    kr_spec_free(spec);
}

#define RUNS                                                                                   \
    "beta: 1\nchains: 2\nseed: 4\nobservables: [energy]\npopulation_annealing: {}\n"           \
    "phases: {thermalize: 100, every: 1, measure: 60000}\n"

static void populations_of_two_give_z_without_bias(void **state)
{
    (void)state;
    check_unbiased("one site",
                   "model: {name: phi4, m2: -4, lambda: 1}\n"
                   "lattice: {name: hypercubic, size: 1, boundary: open}\n"
                   "updates: [{name: hmc, steps: 2}]\npath: {t: [0, 0.3, 0.7, 1]}\n" RUNS,
                   quadrature(1, -4.0, 1.0, 0.0));
    check_unbiased("two sites, field, metropolis",
                   "model: {name: phi4, m2: -2, lambda: 1, field: 0.4}\n"
                   "lattice: {name: hypercubic, size: 2, boundary: open}\n"
                   "updates: [metropolis]\npath: {t: [0, 0.5, 1]}\n" RUNS,
                   quadrature(2, -2.0, 1.0, 0.4));
}

/* Energies and phi^2 at every point of a ladder, by transfer matrices. */
static void check_law(const char *yaml)
{
    kr_error err = { 0 };
    kr_spec *spec = parse(yaml);
    spec->config.n_threads = 2;
    kr_sampler *s = kr_sampler_alloc(&spec->config, &err);
    const int64_t points = spec->config.n_points, chains = spec->config.n_chains;
    double *x = calloc((size_t)(2 * points * DRAWS_MAX), sizeof *x);
    int64_t n = 0;
    if (!s || !x) {
        fail_msg("%s", err.text);
        return;
    }
    while (kr_sampler_stage(s) != KR_STAGE_DONE) {
        assert_ok(kr_sampler_advance(s, 64, &err), &err);
        for (int64_t d = 0; d < kr_sampler_n_new(s) && !kr_sampler_new_is_warmup(s); d++, n++) {
            for (int64_t k = 0; k < 2 * points; k++) { /* mean over chains */
                const double *slab = kr_sampler_slab(s, d, k < points ? 0 : 1);
                for (int64_t c = 0; c < chains; c++) {
                    x[k * DRAWS_MAX + n] += slab[c * points + k % points] / (double)chains;
                }
            }
        }
    }
    for (int64_t p = 0; p < points; p++) {
        kr_exact exact;
        kr_estimate energy, square;
        assert_ok(kr_exact_best(&spec->target[p], 1e8, &exact, &err), &err);
        assert_ok(kr_gamma_estimate(x + p * DRAWS_MAX, 1, n, &energy, &err), &err);
        assert_ok(kr_gamma_estimate(x + (points + p) * DRAWS_MAX, 1, n, &square, &err), &err);
        print_message("# t %.2f: energy %.5f(%.0e) z %+.2f, phi^2 %.5f(%.0e) z %+.2f\n",
                      spec->target[p].t, energy.mean, energy.error,
                      (energy.mean - exact.energy_per_site) / energy.error, square.mean,
                      square.error, (square.mean - exact.phi_squared) / square.error);
        assert_within_sigma(energy.mean, energy.error, exact.energy_per_site, 4.6);
        assert_within_sigma(square.mean, square.error, exact.phi_squared, 4.6);
    }
    free(x);
    kr_sampler_free(s);
    kr_spec_free(spec);
}

static void exchange_leaves_the_law_of_every_point_alone(void **state)
{
    (void)state;
    static const char *const updates[] = { "{name: hmc, steps: 2}", "metropolis",
                                           "{name: hmc, steps: 3, mass: fourier}, wolff",
                                           "mala, swendsen_wang" };
    for (int k = 0; k < 4; k++) {
        char yaml[1024];
        snprintf(yaml, sizeof yaml,
                 "model: {name: phi4, m2: -2, lambda: 0.8, field: 0.05}\n"
                 "lattice: {name: hypercubic, size: 8}\nbeta: 1.2\nchains: 32\nseed: 5\n"
                 "observables: [{name: energy}, {name: field}]\ntempering: {}\n"
                 "path: {t: [0, 0.2, 0.45, 0.7, 1]}\nupdates: [%s]\n"
                 "phases: {thermalize: 400, every: 2, measure: 6000}\n",
                 updates[k]);
        check_law(yaml);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(populations_of_two_give_z_without_bias),
        cmocka_unit_test(exchange_leaves_the_law_of_every_point_alone),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
