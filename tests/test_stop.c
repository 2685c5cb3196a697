/* SPDX-License-Identifier: GPL-3.0-or-later
 * tests/test_stop.c - measuring until an error is small enough: where runs end, and where they
 * must not. */
#include "kr_test.h"

#include "base/memory.h"
#include "run/schema.h"
#include "run/spec.h"
#include "stats/stats.h"

#define SMALL                                                                                  \
    "model: {name: ising}\nlattice: {name: hypercubic, size: [4, 4]}\nchains: 8\n"             \
    "updates: [heat_bath]\nobservables: [energy, magnetization]\n"                             \
    "phases: {thermalize: 100, every: 2}\n"

/* At beta = 0.4, by enumeration (kramers exact). */
#define ENERGY (-1.37911648225933)
#define HEAT   0.812515229440416

static kr_spec *spec_of(const char *yaml, kr_error *err)
{
    kr_runfile *file = kr_runfile_parse("test", yaml, strlen(yaml), err);
    return file ? kr_spec_alloc(file, err) : NULL;
}

typedef struct ended {
    kr_spec *spec;
    kr_sampler *sampler;
    kr_stop_report report;
    int64_t n_draws;
    char text[512];
    double *first; /* (n_draws, n_chains) measured values of column 0 at point 0 */
} ended;

static void keep(ended *run)
{
    const size_t C = (size_t)run->spec->config.n_chains, P = (size_t)run->spec->config.n_points;
    const size_t n_new = (size_t)kr_sampler_n_new(run->sampler),
                 old = (size_t)kr_sampler_draws(run->sampler) - n_new;
    run->first = realloc(run->first, (old + n_new + 1) * C * sizeof *run->first);
    for (size_t k = 0; k < n_new * C; k++) {
        run->first[old * C + k] = kr_sampler_slab(run->sampler, (int64_t)(k / C), 0)[k % C * P];
    }
}

static void go_on(ended *run, int64_t chunk)
{
    kr_error err = { 0 };
    while (kr_sampler_stage(run->sampler) != KR_STAGE_DONE) {
        assert_ok(kr_sampler_advance(run->sampler, chunk, &err), &err);
        if (!kr_sampler_new_is_warmup(run->sampler)) {
            keep(run);
        }
    }
    run->n_draws = kr_sampler_draws(run->sampler);
    assert_true(kr_sampler_stop(run->sampler, &run->report));
    assert_true(kr_schema_tell_stop(run->sampler, run->spec, run->text, sizeof run->text));
}

/* A sampler at the end of the run. */
static ended run_to_end(const char *yaml, int64_t chunk)
{
    kr_error err = { 0 };
    ended run = { .spec = spec_of(yaml, &err) };
    run.sampler = run.spec ? kr_spec_sampler(run.spec, &run.spec->config, &err) : NULL;
    if (!run.sampler) {
        fail_msg("%s", err.text);
    }
    go_on(&run, chunk);
    return run;
}

static void clear(ended *run)
{
    kr_sampler_free(run->sampler);
    kr_spec_free(run->spec);
    free(run->first);
}

/* 100, 110, 121, ... */
static bool is_scheduled(int64_t n_draws)
{
    int64_t next = 100;
    while (next < n_draws) {
        next += next / 10;
    }
    return next == n_draws;
}

static void a_run_ends_at_its_target_whatever_the_chunks(void **state)
{
    (void)state;
    const char *yaml = SMALL
        "beta: 0.4\nstop: {observable: energy_per_site, error: 0.01, max_steps: 400000}\n";
    ended run = run_to_end(yaml, 64), one = run_to_end(yaml, 1), odd = run_to_end(yaml, 77);
    assert_true(run.report.is_reached && !run.report.why);
    assert_true(run.report.error * (1.0 + run.report.uncertainty) <= 0.01);
    assert_true(run.report.error > 0.0085); /* and not long after */
    assert_true(is_scheduled(run.n_draws) && run.n_draws > 500);
    assert_within_sigma(run.report.mean, run.report.error, ENERGY, 4.0);
    assert_int_equal(one.n_draws, run.n_draws);
    assert_int_equal(odd.n_draws, run.n_draws);
    assert_memory_equal(&one.report.error, &run.report.error, sizeof run.report.error);
    assert_memory_equal(&odd.report.error, &run.report.error, sizeof run.report.error);
    char want[64];
    snprintf(want, sizeof want, "stopped at step %d: error ", 2 * (int)run.n_draws);
    assert_non_null(strstr(run.text, want));
    assert_non_null(strstr(run.text, "of energy_per_site, wanted 0.01"));
    clear(&run);
    clear(&one);
    clear(&odd);
}

static void the_maximum_ends_a_run_that_is_not_there(void **state)
{
    (void)state;
    ended run = run_to_end(SMALL "beta: 0.4\nstop: {observable: energy_per_site, error: 1e-6, "
                                 "max_steps: 3001}\n",
                           64);
    assert_int_equal(run.n_draws, 1500);
    assert_true(!run.report.is_reached && run.report.error > 1e-6);
    assert_true(run.report.expected > 1e8); /* 1500 draws times (0.01/1e-6)^2 */
    assert_non_null(strstr(run.text, "max_steps reached first, at step 3000: error "));
    clear(&run);
}

/* Half of the chains up, half down, and none ever moves over: their mean is known to
 * 1/sqrt(15), a number that any target above it would find good enough. */
static void frozen_chains_that_disagree_do_not_stop(void **state)
{
    (void)state;
    ended run = run_to_end("model: {name: ising}\nlattice: {name: hypercubic, size: [4, 4]}\n"
                           "beta: 1\nchains: 16\nstart: mixed\nupdates: [heat_bath]\n"
                           "observables: [magnetization]\n"
                           "phases: {thermalize: 100, every: 2}\nstop: {observable: "
                           "magnetization_per_site, error: 0.9, max_steps: 4000}\n",
                           64);
    assert_int_equal(run.n_draws, 2000);
    assert_true(!run.report.is_reached);
    assert_string_equal(run.report.why, "chains shorter than 20 tau_int");
    assert_close(run.report.error, 1.0 / sqrt(15.0), 0.02);
    clear(&run);
}

static void a_column_without_any_change_does_not_stop(void **state)
{
    (void)state;
    ended run = run_to_end(SMALL "beta: 50\nstart: ordered\n"
                                 "stop: {observable: energy_per_site, error: 0.9, "
                                 "max_steps: 1000}\n",
                           64);
    assert_int_equal(run.n_draws, 500);
    assert_string_equal(run.report.why, "all values are equal");
    clear(&run);
}

/* At beta = 0.44 the energy takes longer than at 0.1: that point is the one that is told. */
static void all_points_reach_it(void **state)
{
    (void)state;
    ended run = run_to_end(SMALL "beta: [0.1, 0.44]\nstop: {observable: energy_per_site, "
                                 "error: 0.01, max_steps: 400000}\n",
                           64);
    ended easy = run_to_end(SMALL "beta: 0.1\nstop: {observable: energy_per_site, "
                                  "error: 0.01, max_steps: 400000}\n",
                            64);
    assert_true(run.report.is_reached && easy.report.is_reached);
    assert_int_equal(run.report.point, 1);
    assert_true(run.n_draws > 2 * easy.n_draws);
    assert_non_null(strstr(run.text, ", at beta = 0.44"));
    clear(&run);
    clear(&easy);
}

static double variance_of(const double *mean, const void *context)
{
    (void)context;
    return mean[1] - mean[0] * mean[0];
}

/* Error of the variance of column 0, relative, by the jackknife. */
static double relative_error_of_variance(const ended *run)
{
    const int64_t C = run->spec->config.n_chains, n = run->n_draws;
    double *x = malloc((size_t)(2 * C * n) * sizeof *x), *square = x + C * n, value, error;
    kr_error err = { 0 };
    for (int64_t k = 0; k < C * n; k++) {
        x[k] = run->first[k % n * C + k / n];
        square[k] = x[k] * x[k];
    }
    assert_ok(kr_jackknife((const double *[]){ x, square }, 2, C, n, 40, variance_of, NULL,
                           &value, &error, &err),
              &err);
    free(x);
    return error / value;
}

static void derived_quantities_have_errors_too(void **state)
{
    (void)state;
    const char *name[] = { "specific_heat", "binder", "susceptibility_abs" };
    for (int k = 0; k < 3; k++) {
        char yaml[1024];
        snprintf(yaml, sizeof yaml,
                 SMALL "beta: 0.4\nstop: {observable: %s, relative: 0.01, max_steps: 400000}\n",
                 name[k]);
        ended run = run_to_end(yaml, 64);
        assert_true(run.report.is_reached);
        assert_close(run.report.wanted, 0.01 * run.report.mean, 1e-12);
        assert_true(run.report.error > 0.8 * run.report.wanted);
        if (k == 0) {
            assert_within_sigma(run.report.mean, run.report.error, HEAT, 4.0);
            assert_close(run.report.error / run.report.mean / relative_error_of_variance(&run),
                         1.0, 0.12);
        }
        clear(&run);
    }
}

/* Draws that are asked for after that are made, and no rule ends them. */
static void more_draws_than_the_target_wants_are_made(void **state)
{
    (void)state;
    ended run = run_to_end(
        SMALL
        "beta: 0.4\nstop: {observable: energy_per_site, error: 0.02, max_steps: 400000}\n",
        64);
    const int64_t first = run.n_draws;
    const double error = run.report.error;
    assert_true(run.report.is_reached);
    kr_sampler_set_measure(run.sampler, 2 * (first + 5000));
    go_on(&run, 64);
    assert_int_equal(run.n_draws, first + 5000);
    assert_true(run.report.is_reached && run.report.error < 0.7 * error);
    clear(&run);
}

static void pairs_of_chains_that_move_together_are_one(void **state)
{
    (void)state;
    const char *base = "model: {name: ising, disorder: {kind: pm1, seed: 3}}\n"
                       "lattice: {name: hypercubic, size: [4, 4]}\nchains: 8\nbeta: 0.3\n"
                       "phases: {thermalize: 100, every: 2}\nobservables: [energy, overlap]\n"
                       "updates: [heat_bath, houdayer]\n";
    const char *name[] = { "energy_per_site", "overlap_squared" };
    for (int k = 0; k < 2; k++) {
        char yaml[1024];
        snprintf(yaml, sizeof yaml,
                 "%sstop: {observable: %s, relative: 0.015, max_steps: "
                 "400000}\n",
                 base, name[k]);
        ended run = run_to_end(yaml, 64);
        double sum = 0.0;
        for (int64_t i = 0; i < 8 * run.n_draws; i++) {
            sum += run.first[i];
        }
        assert_true(run.report.is_reached);
        if (k == 0) {
            assert_close(run.report.mean, sum / (8.0 * (double)run.n_draws), 1e-12);
        }
        clear(&run);
    }
}

static void runs_with_weighted_draws_are_refused(void **state)
{
    (void)state;
    const char *section[] = { "multicanonical: {}\nbeta: 0.4\nupdates: [multicanonical]\n",
                              "population_annealing: {}\nbeta: [0, 0.2]\n"
                              "updates: [heat_bath]\n" };
    for (int k = 0; k < 2; k++) {
        char yaml[1024];
        kr_error err = { 0 };
        snprintf(yaml, sizeof yaml,
                 "model: {name: ising}\nlattice: {name: hypercubic, size: [4, 4]}\n"
                 "chains: 8\nobservables: [energy]\n%s"
                 "stop: {observable: energy_per_site, error: 0.1, max_steps: 100}\n",
                 section[k]);
        kr_spec *spec = spec_of(yaml, &err);
        kr_sampler *sampler = spec ? kr_spec_sampler(spec, &spec->config, &err) : NULL;
        assert_null(sampler);
        assert_int_equal(err.status, KR_EUNSUP);
        if (!strstr(err.text, "want no section stop beside")) {
            fail_msg("%s", err.text);
        }
        kr_spec_free(spec);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_run_ends_at_its_target_whatever_the_chunks),
        cmocka_unit_test(the_maximum_ends_a_run_that_is_not_there),
        cmocka_unit_test(frozen_chains_that_disagree_do_not_stop),
        cmocka_unit_test(a_column_without_any_change_does_not_stop),
        cmocka_unit_test(all_points_reach_it),
        cmocka_unit_test(derived_quantities_have_errors_too),
        cmocka_unit_test(more_draws_than_the_target_wants_are_made),
        cmocka_unit_test(pairs_of_chains_that_move_together_are_one),
        cmocka_unit_test(runs_with_weighted_draws_are_refused),
    };
    return cmocka_run_group_tests_name("stop", tests, NULL, NULL);
}
