/* SPDX-License-Identifier: GPL-3.0-or-later
 * tests/test_path.c - paths of actions: their ends, gradients and slopes, the free field at
 * t = 0, its pilot, what samples may depend on, what is refused. */
#include "kr_test.h"

#include "base/memory.h"
#include "base/rng.h"
#include "base/state.h"
#include "density/free_field.h"
#include "model/exact.h"
#include "model/path.h"
#include "model/terms.h"
#include "run/ladder.h"
#include "run/spec.h"

enum { L = KR_LANES_PAD };

#define REST                                                                                   \
    "beta: 1.3\nchains: 40\nseed: 3\nupdates: [{name: hmc, steps: 3}]\n"                       \
    "observables: [energy, magnetization]\nphases: {thermalize: 20, measure: 40, every: 2}\n"
#define PATH "path: {t: [0, 0.3, 1, 0.6]}\n"

static const char *const systems[] = {
    "model: {name: phi4, m2: -4, lambda: 3}\nlattice: {name: hypercubic, size: [4, 4]}\n",
    "model: {name: phi4, m2: 0.5, lambda: 2, field: 0.7}\n"
    "lattice: {name: hypercubic, size: [3, 4], boundary: [antiperiodic, open]}\n",
    "model: {name: phi4, convention: pnas, a: 0.1, b: 0.02, ends: zero}\n"
    "lattice: {name: hypercubic, size: 12, boundary: open}\n",
    "model: {name: phi4, m2: -1, lambda: 1, field: 0.3}\nlattice: {name: triangular, size: [3, "
    "3]}\n",
    "model: {name: mixture}\nlattice: {name: variables, size: 2}\n",
    "model: {name: eight_schools}\nlattice: {name: variables, size: 10}\n",
};
enum { N_SYSTEMS = sizeof systems / sizeof *systems };

static kr_spec *try_parse(const char *system, const char *rest, kr_error *err)
{
    char yaml[2000];
    snprintf(yaml, sizeof yaml, "%s%s", system, rest);
    kr_runfile *file = kr_runfile_parse("test", yaml, strlen(yaml), err);
    return file ? kr_spec_alloc(file, err) : NULL;
}

static kr_spec *parse(const char *system, const char *rest)
{
    kr_error err = { 0 };
    kr_spec *spec = try_parse(system, rest, &err);
    if (!spec) {
        fail_msg("%s%s", system, err.text);
    }
    return spec;
}

static void fill_fields(int32_t n, double *phi)
{
    for (int32_t k = 0; k < n * L; k++) {
        phi[k] = cos(1.7 * k + 0.3) * 1.2 + 0.1;
    }
}

static void energy_of(const kr_terms *terms, const double *phi, double *energy)
{
    terms->action->energy(terms->action->self, L, phi, L, energy);
}

static void points_are_weighted_sums_of_both_ends(void **state)
{
    (void)state;
    for (int k = 0; k < N_SYSTEMS; k++) {
        kr_spec *spec = parse(systems[k], REST PATH);
        const int32_t n = spec->lattice->n_sites;
        double *phi = kr_alloc((size_t)n * L, sizeof *phi, NULL);
        double whole[L], free[L], between[L], slope[L];
        fill_fields(n, phi);
        energy_of(spec->end, phi, whole);
        energy_of(spec->path->reference, phi, free);
        kr_block block = { .n_lanes = L, .stride = L, .phi = phi };
        kr_path_slope(spec->path, &block, slope);
        for (int32_t p = 0; p < 4; p++) {
            const double t = spec->target[p].t;
            energy_of(spec->target[p].terms, phi, between);
            for (int l = 0; l < L; l++) {
                assert_close(between[l], (1.0 - t) * free[l] + t * whole[l], 1e-12);
                assert_close(slope[l], 1.3 * (whole[l] - free[l]), 1e-12);
                assert_true(t != 1.0 || between[l] == whole[l]);
            }
        }
        kr_free(phi);
        kr_spec_free(spec);
    }
}

static void gradients_and_changes_are_those_of_the_sums(void **state)
{
    (void)state;
    for (int k = 0; k < N_SYSTEMS; k++) {
        kr_spec *spec = parse(systems[k], REST PATH);
        const int32_t n = spec->lattice->n_sites;
        double *phi = kr_alloc(2 * (size_t)n * L, sizeof *phi, NULL), *slope = phi + n * L;
        for (int32_t p = 0; p < 4; p++) {
            const kr_action *action = spec->target[p].terms->action;
            memset(slope, 0, (size_t)n * L * sizeof *slope);
            fill_fields(n, phi);
            action->add_gradient(action->self, L, phi, L, 1.0, slope);
            for (int32_t i = 0; i < n; i++) {
                double up[L], down[L], before[L], change[L], value[L], kept[L];
                energy_of(spec->target[p].terms, phi, before);
                memcpy(kept, phi + i * L, sizeof kept);
                for (int l = 0; l < L; l++) {
                    value[l] = kept[l] + 1e-4;
                }
                if (action->change) {
                    action->change(action->self, i, L, phi, L, value, change);
                }
                memcpy(phi + i * L, value, sizeof value);
                energy_of(spec->target[p].terms, phi, up);
                for (int l = 0; l < L; l++) {
                    phi[i * L + l] = kept[l] - 1e-4;
                }
                energy_of(spec->target[p].terms, phi, down);
                memcpy(phi + i * L, kept, sizeof kept);
                for (int l = 0; l < L; l++) {
                    assert_close(slope[i * L + l], (up[l] - down[l]) / 2e-4, 2e-6);
                    assert_true(!action->change ||
                                fabs(change[l] - (up[l] - before[l])) < 1e-10);
                }
            }
        }
        kr_free(phi);
        kr_spec_free(spec);
    }
}

/* Against the determinant of another program part, model/exact_free.c. */
static void log_z_of_the_free_field_is_exact(void **state)
{
    (void)state;
    static const char *const centers[] = { "zero", "mean" };
    for (int k = 0; k < 2 * N_SYSTEMS; k++) {
        char rest[512];
        kr_error err = { 0 };
        kr_exact exact;
        snprintf(rest, sizeof rest, REST "path: {points: 3, pilot: 0, center: %s}\n",
                 centers[k % 2]);
        kr_spec *spec = parse(systems[k / 2], rest);
        const kr_target free = { .lattice = spec->lattice,
                                 .terms = spec->path->reference,
                                 .beta = spec->target[0].beta };
        assert_ok(kr_exact_free(&free, 1e9, &exact, &err), &err);
        assert_close(spec->path->log_z, exact.log_z, 1e-11);
        kr_spec_free(spec);
    }
}

/* beta (R - R at the mean) of a sample is half a chi square of n degrees, and phi^2 has its
 * exact mean. */
static void samples_of_the_free_field_have_its_law(void **state)
{
    (void)state;
    enum { BATCHES = 1000, LANES = 40 };
    for (int k = 0; k < N_SYSTEMS; k++) {
        kr_spec *spec = parse(systems[k], REST PATH);
        const int32_t n = spec->lattice->n_sites;
        const double beta = spec->target[0].beta, draws = BATCHES * LANES;
        double *phi = kr_alloc((size_t)n * 48, sizeof *phi, NULL), energy[48];
        void *scratch = kr_alloc(kr_free_field_scratch_bytes(spec->free_field), 1, NULL);
        double sum = 0.0, square = 0.0, field = 0.0, fourth = 0.0;
        kr_error err = { 0 };
        kr_exact exact;
        kr_rng rng;
        const kr_target free = { .lattice = spec->lattice,
                                 .terms = spec->path->reference,
                                 .beta = beta };
        assert_ok(kr_exact_free(&free, 1e9, &exact, &err), &err);
        kr_rng_seed(&rng, 11, (uint64_t)k, KR_PURPOSE_TEST);
        for (int b = 0; b < BATCHES; b++) {
            kr_free_field_sample(spec->free_field, LANES, phi, 48, &rng, scratch);
            free.terms->action->energy(free.terms->action->self, LANES, phi, 48, energy);
            for (int l = 0; l < LANES; l++) {
                double x = 0.0;
                for (int32_t i = 0; i < n; i++) {
                    x += phi[i * 48 + l] * phi[i * 48 + l] / n;
                }
                sum += beta * energy[l] / draws;
                square += beta * beta * energy[l] * energy[l] / draws;
                field += x / draws;
                fourth += x * x / draws;
            }
        }
        const double want = 0.5 * n, variance = square - sum * sum;
        assert_within_sigma(sum, sqrt(variance / draws), want, 4.6);
        assert_within_sigma(variance, sqrt((12.0 / (4.0 * n) + 0.5) * n * n / draws), want,
                            4.6);
        assert_within_sigma(field, sqrt((fourth - field * field) / draws), exact.phi_squared,
                            4.6);
        kr_free(scratch);
        kr_free(phi);
        kr_spec_free(spec);
    }
}

static void a_free_field_sits_between_the_wells_unless_told(void **state)
{
    (void)state;
    static const struct {
        const char *system, *rest;
        bool is_centered;
    } cases[] = {
        { "model: {name: phi4, m2: -4, lambda: 3, field: 0.1}\n", "path: {}\n", true },
        { "model: {name: phi4, m2: -4, lambda: 3, field: 0.1}\n", "path: {center: mean}\n",
          false },
        { "model: {name: phi4, m2: 1, lambda: 3, field: 2}\n", "path: {}\n", false },
        { "model: {name: phi4, m2: 1, lambda: 3, field: 2}\n", "path: {center: zero}\n", true },
    };
    for (size_t k = 0; k < sizeof cases / sizeof *cases; k++) {
        char rest[512];
        snprintf(rest, sizeof rest, "lattice: {name: hypercubic, size: [4, 4]}\n" REST "%s",
                 cases[k].rest);
        kr_spec *spec = parse(cases[k].system, rest);
        assert_true((spec->path->reference->action->quartic->linear[3] == 0.0) ==
                    cases[k].is_centered);
        kr_spec_free(spec);
    }
}

/* ---- runs -------------------------------------------------------------------------------- */

typedef struct record {
    double value[200000];
    size_t n;
} record;

typedef struct subject {
    kr_spec *spec;
    kr_sampler *sampler;
    kr_state *table;
} subject;

static subject open_subject(const char *rest, int32_t n_threads)
{
    kr_error err = { 0 };
    subject s = { .spec = parse(systems[0], rest) };
    s.spec->config.n_threads = n_threads;
    s.sampler = kr_sampler_alloc(&s.spec->config, &err);
    s.table = kr_state_alloc(&err);
    if (!s.sampler || !s.table) {
        fail_msg("%s", err.text);
    }
    assert_ok(kr_sampler_declare(s.sampler, s.table, &err), &err);
    return s;
}

static void close_subject(subject *s)
{
    kr_state_free(s->table);
    kr_sampler_free(s->sampler);
    kr_spec_free(s->spec);
}

static void advance(subject *s, int64_t max_draws, record *r)
{
    kr_error err = { 0 };
    assert_ok(kr_sampler_advance(s->sampler, max_draws, &err), &err);
    const size_t n = (size_t)(kr_sampler_columns(s->sampler) * s->spec->config.n_chains *
                              s->spec->config.n_points);
    for (int64_t d = 0; d < kr_sampler_n_new(s->sampler); d++) {
        assert_true(r->n + n <= sizeof r->value / sizeof *r->value);
        memcpy(r->value + r->n, kr_sampler_slab(s->sampler, d, 0), n * sizeof *r->value);
        r->n += n;
    }
}

static void samples_depend_neither_on_threads_nor_on_chunks_nor_on_a_restart(void **state)
{
    (void)state;
    static const char *const runs[] = { REST PATH, REST PATH "tempering: {}\n",
                                        REST PATH "population_annealing: {}\n" };
    record *whole = calloc(1, sizeof *whole), *other = calloc(1, sizeof *other);
    assert_true(whole && other);
    for (int k = 0; k < 3; k++) {
        kr_error err = { 0 };
        subject a = open_subject(runs[k], 1), b = open_subject(runs[k], 3),
                c = open_subject(runs[k], 2);
        whole->n = other->n = 0;
        while (kr_sampler_stage(a.sampler) != KR_STAGE_DONE) {
            advance(&a, 1, whole);
        }
        for (int n = 0; n < 14; n++) {
            advance(&b, 1 + n % 3, other);
        }
        assert_ok(kr_state_save(b.table, "test_path.state", NULL, &err), &err);
        assert_ok(kr_state_load(c.table, "test_path.state", &err), &err);
        while (kr_sampler_stage(c.sampler) != KR_STAGE_DONE) {
            advance(&c, 5, other);
        }
        assert_int_equal(whole->n, other->n);
        assert_memory_equal(whole->value, other->value, whole->n * sizeof *whole->value);
        close_subject(&a);
        close_subject(&b);
        close_subject(&c);
    }
    remove("test_path.state");
    free(other);
    free(whole);
}

static void a_pilot_finds_points_of_equal_acceptance(void **state)
{
    (void)state;
    kr_error err = { 0 };
    double low = 1.0, high = 0.0;
    kr_spec *spec =
        parse("model: {name: phi4, m2: -4, lambda: 4.807}\n"
              "lattice: {name: hypercubic, size: [12, 12]}\n",
              "beta: 1\nchains: 64\nupdates: [{name: hmc, steps: 4}]\n"
              "observables: [energy]\ntempering: {}\npath: {points: 9, pilot: 400}\n"
              "phases: {thermalize: 100, measure: 1000, every: 4}\n");
    assert_true(spec->has_pilot);
    assert_ok(kr_ladder_find(&spec, &(kr_run_options){ .n_threads = 2 }, NULL, &err), &err);
    assert_false(spec->has_pilot);
    assert_int_equal(spec->config.n_points, 9);
    assert_true(spec->target[0].t == 0.0 && spec->target[8].t == 1.0);
    spec->config.n_threads = 2;
    kr_sampler *sampler = kr_sampler_alloc(&spec->config, &err);
    assert_non_null(sampler);
    while (kr_sampler_stage(sampler) != KR_STAGE_DONE) {
        assert_ok(kr_sampler_advance(sampler, 64, &err), &err);
    }
    for (int32_t p = 0; p < 8; p++) {
        kr_slot slot;
        kr_sampler_slot(sampler, p, &slot);
        const double accepted = (double)slot.accepted / (double)slot.attempted;
        low = fmin(low, accepted);
        high = fmax(high, accepted);
    }
    print_message("# acceptance %.3f to %.3f\n", low, high);
    assert_true(high - low < 0.06 && low > 0.3);
    kr_sampler_free(sampler);
    kr_spec_free(spec);
}

static void what_does_not_go_with_it_is_refused_with_place_and_value(void **state)
{
    (void)state;
    static const char ising[] =
        "model: {name: ising}\nlattice: {name: hypercubic, size: [3, 3]}\n"
        "beta: 1\nupdates: [heat_bath]\nobservables: [energy]\n";
    static const char xy[] = "model: {name: xy}\nlattice: {name: hypercubic, size: [3, 3]}\n"
                             "beta: 1\nupdates: [hmc]\nobservables: [energy]\n";
    static const struct {
        const char *system, *rest, *text;
    } bad[] = {
        { ising, "path: {}\n", "has states" },
        { xy, "path: {}\n", "has angles" },
        { NULL, REST "path: 7\n", "path is" },
        { NULL, REST "path: {t: [0, 0.5, 1.2, 1]}\n", "1.2, want 0 <= t <= 1" },
        { NULL, REST "path: {t: [0, -0.5, 1]}\n", "-0.5, want 0 <= t <= 1" },
        { NULL, REST "path: {t: [0.1, 1]}\n", "no 0 in it" },
        { NULL, REST "path: {t: [0, 0.9]}\n", "no 1 in it" },
        { NULL, REST "path: {t: [0, 0.9, 0.9, 1]}\n", "0.9 twice" },
        { NULL, REST "path: {point: 3}\n", "points" },
        { NULL, REST "path: {points: 1}\n", "points" },
        { NULL, REST "path: {}\ntempering: {ladder: auto}\n", "want ladder: given" },
        { NULL, REST "path: {}\ndensities: {net: gaussian}\n", "densities beside a path" },
        { NULL, REST "path: {}\nmulticanonical: {}\n", "multicanonical" },
        { "model: {name: phi4, m2: [1, 2], lambda: 1}\nlattice: {name: hypercubic, size: 8}\n",
          REST "path: {}\n", "model.m2 is a list" },
        { "model: {name: phi4, m2: 1, lambda: 1}\nlattice: {name: hypercubic, size: 8}\n",
          "beta: [1, 2]\nupdates: [hmc]\nobservables: [energy]\npath: {}\n", "beta is a list" },
        { NULL, REST "path: {}\npopulation_annealing: {}\nstart: mixed\n",
          "want start: random" },
    };
    for (size_t k = 0; k < sizeof bad / sizeof *bad; k++) {
        kr_error err = { 0 };
        assert_null(try_parse(bad[k].system ? bad[k].system : systems[0], bad[k].rest, &err));
        if (!strstr(err.text, bad[k].text) || !strstr(err.text, "test:")) {
            fail_msg("%s, want \"%s\"", err.text, bad[k].text);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(points_are_weighted_sums_of_both_ends),
        cmocka_unit_test(gradients_and_changes_are_those_of_the_sums),
        cmocka_unit_test(log_z_of_the_free_field_is_exact),
        cmocka_unit_test(samples_of_the_free_field_have_its_law),
        cmocka_unit_test(a_free_field_sits_between_the_wells_unless_told),
        cmocka_unit_test(samples_depend_neither_on_threads_nor_on_chunks_nor_on_a_restart),
        cmocka_unit_test(a_pilot_finds_points_of_equal_acceptance),
        cmocka_unit_test(what_does_not_go_with_it_is_refused_with_place_and_value),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
