/* SPDX-License-Identifier: GPL-3.0-or-later
 * tests/test_certificate.c - what the samples of a density say alone, against enumeration and
 * against the chain. */
#include "kr_test.h"

#include "model/exact.h"
#include "model/terms.h"
#include "run/spec.h"

#include <string.h>

#define SYSTEM                                                                                 \
    "model: {name: ising, random_field: {kind: gaussian, strength: 0.4, seed: 3}}\n"           \
    "lattice: {name: hypercubic, size: [4, 4]}\nbeta: 0.5\nchains: 64\nstart: mixed\n"         \
    "densities: {net: {name: frontier, hidden: 4}}\n"                                          \
    "updates: [{name: independence, density: net}]\n"                                          \
    "phases: {thermalize: 20, adapt: 200,measure: 2000, every: 1}\n"                           \
    "training: {batch: 64, certificate: 65536}\n"

typedef struct subject {
    kr_spec *spec;
    kr_sampler *sampler;
    double accepted, longest; /* of all chains */
} subject;

static void run(subject *s, int32_t n_threads)
{
    kr_error err = { 0 };
    kr_runfile *file = kr_runfile_parse("test", SYSTEM, strlen(SYSTEM), &err);
    *s = (subject){ .spec = file ? kr_spec_alloc(file, &err) : NULL };
    if (!s->spec) {
        fail_msg("%s", err.text);
    }
    s->spec->config.n_threads = n_threads;
    s->sampler = kr_sampler_alloc(&s->spec->config, &err);
    assert_non_null(s->sampler);
    while (kr_sampler_stage(s->sampler) != KR_STAGE_DONE) {
        assert_ok(kr_sampler_advance(s->sampler, 100, &err), &err);
        int32_t accepted = kr_sampler_first_count(s->sampler) + 1;
        int32_t longest = kr_sampler_first_run(s->sampler);
        for (int64_t t = 0; t < kr_sampler_n_new(s->sampler); t++) {
            for (int c = 0; c < 64 && !kr_sampler_new_is_warmup(s->sampler); c++) {
                s->accepted += kr_sampler_slab(s->sampler, t, accepted)[c];
                s->longest = fmax(s->longest, kr_sampler_slab(s->sampler, t, longest)[c]);
            }
        }
    }
}

static void clear(subject *s)
{
    kr_sampler_free(s->sampler);
    kr_spec_free(s->spec);
}

/* Exact weights of the phases by listing the states. */
static void enumerate_phases(const kr_target *target, double weight[2])
{
    enum { SITES = 16 };
    double sum = 0.0, low = -64.0;
    weight[0] = weight[1] = 0.0;
    for (int64_t x = 0; x < 1 << SITES; x++) {
        uint8_t state[SITES];
        int64_t count[2] = { 0, 0 };
        for (int i = 0; i < SITES; i++) {
            state[i] = x >> i & 1;
            count[state[i]]++;
        }
        double w = exp(-target->beta * (kr_terms_energy(target->terms, state, 1) - low));
        int32_t phase = kr_terms_phase(target->terms, kr_terms_order(target->terms, count));
        sum += w;
        weight[phase > 0] += phase >= 0 ? w : 0.0;
    }
    weight[0] /= sum;
    weight[1] /= sum;
}

static void means_without_a_chain_are_exact(void **state)
{
    (void)state;
    subject s;
    kr_error err = { 0 };
    kr_exact exact;
    double phase[2];
    run(&s, 2);
    assert_ok(kr_exact_best(&s.spec->target[0], 1 << 16, &exact, &err), &err);
    enumerate_phases(&s.spec->target[0], phase);
    const struct {
        const char *name;
        double want;
    } row[] = { { "energy_per_site", exact.energy_per_site },
                { "magnetization_per_site", exact.magnetization },
                { "abs_magnetization_per_site", exact.abs_magnetization },
                { "magnetization_squared", exact.magnetization_squared },
                { "specific_heat", exact.specific_heat },
                { "in_down", phase[0] },
                { "in_up", phase[1] } };
    const kr_column *column;
    int n = 0;
    for (int32_t e = 0; (column = kr_sampler_estimate_column(s.sampler, e)); e++) {
        double mean, error;
        kr_sampler_estimate(s.sampler, 0, 0, e, &mean, &error);
        for (size_t k = 0; k < sizeof row / sizeof *row; k++) {
            if (strcmp(column->name, row[k].name) == 0) {
                assert_within_sigma(mean, error, row[k].want, 4.6);
                assert_true(error < 0.01);
                n++;
            }
        }
    }
    assert_int_equal(n, 7);
    clear(&s);
}

static void log_z_lies_between_its_bounds(void **state)
{
    (void)state;
    subject s;
    kr_error err = { 0 };
    kr_exact exact;
    kr_certificate c;
    run(&s, 1);
    assert_ok(kr_exact_best(&s.spec->target[0], 1 << 16, &exact, &err), &err);
    kr_sampler_certificate(s.sampler, 0, 0, &c);
    assert_true(c.mean_log_w_error > 0.0 && c.mean_log_w_error < 0.01);
    assert_true(c.mean_log_w < exact.log_z && c.mean_log_w > exact.log_z - 3.0);
    assert_within_sigma(c.log_z, c.log_z_error, exact.log_z, 4.5);
    clear(&s);
}

/* 128 000 proposals: acceptance to some 0.002, and the longest run is that of a state as heavy
 * as the heaviest sample at most, by a factor of the logarithm of the proposals. */
static void the_chain_accepts_as_the_weights_tell(void **state)
{
    (void)state;
    subject s;
    kr_certificate c;
    run(&s, 1);
    kr_sampler_certificate(s.sampler, 0, 0, &c);
    double seen = s.accepted / (64.0 * 2000.0);
    assert_true(c.acceptance > 0.5 && c.acceptance < 0.99);
    assert_close(seen, c.acceptance, 0.008);
    assert_true(s.longest >= 2.0);
    assert_true(s.longest < 1.0 + log(1e-3 / 128000.0) / log(1.0 - 1.0 / c.holding));
    clear(&s);
}

static void samples_alone_do_not_depend_on_threads(void **state)
{
    (void)state;
    subject a, b;
    run(&a, 1);
    run(&b, 2);
    for (int32_t e = 0; kr_sampler_estimate_column(a.sampler, e); e++) {
        double x[2], y[2];
        kr_sampler_estimate(a.sampler, 0, 0, e, &x[0], &x[1]);
        kr_sampler_estimate(b.sampler, 0, 0, e, &y[0], &y[1]);
        assert_memory_equal(x, y, sizeof x);
    }
    assert_true(a.longest == b.longest);
    clear(&a);
    clear(&b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(means_without_a_chain_are_exact),
        cmocka_unit_test(log_z_lies_between_its_bounds),
        cmocka_unit_test(the_chain_accepts_as_the_weights_tell),
        cmocka_unit_test(samples_alone_do_not_depend_on_threads),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
