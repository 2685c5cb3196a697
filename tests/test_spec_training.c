/* SPDX-License-Identifier: GPL-3.0-or-later
 * tests/test_spec_training.c - defaults of training that depend on the density. */
#include "sampler_subject.h"

#define SYSTEM(MODEL, DENSITY, TRAINING)                                                       \
    "model: " MODEL "\nlattice: {name: hypercubic, size: [8, 8]}\nbeta: 0.4\nchains: 4\n"      \
    "densities: {net: " DENSITY "}\nupdates: [{name: independence, density: net}]\n"           \
    "phases: {adapt: 10, measure: 10, every: 1}\n" TRAINING

static void assert_training(const char *yaml, double forward, double reverse_rate)
{
    kr_error err = { 0 };
    kr_spec *spec = parse(yaml);
    assert_true(spec->config.training.forward == forward);
    assert_true(spec->config.training.reverse_rate == reverse_rate);
    /* the resolved file has the numbers, and gives them again */
    kr_text text = { 0 };
    assert_ok(kr_spec_write(spec, &text, &err), &err);
    kr_spec *again = parse(text.data);
    assert_true(again->config.training.forward == forward);
    assert_true(again->config.training.reverse_rate == reverse_rate);
    kr_spec_free(again);
    kr_text_clear(&text);
    kr_spec_free(spec);
}

static void shared_networks_get_little_forward_kl(void **state)
{
    (void)state;
    assert_training(SYSTEM("{name: ising}", "{name: multilevel, hidden: 4}", ""), 0.2, 0.01);
    assert_training(SYSTEM("{name: ising}", "{name: conv}", ""), 0.2, 0.01);
}

static void networks_of_single_sites_get_much(void **state)
{
    (void)state;
    assert_training(SYSTEM("{name: ising}", "{name: made}", ""), 1.0, 0.0005);
    assert_training(SYSTEM("{name: ising, random_field: {kind: gaussian, seed: 1}}",
                           "{name: multilevel, hidden: 4}", ""),
                    1.0, 0.0005);
    assert_training(SYSTEM("{name: ising, disorder: {kind: pm1, seed: 1}}",
                           "{name: multilevel, hidden: 4}", ""),
                    1.0, 0.0005);
}

static void given_numbers_are_kept(void **state)
{
    (void)state;
    assert_training(SYSTEM("{name: ising}", "{name: multilevel, hidden: 4}",
                           "training: {forward: 0.9, reverse_rate: auto}\n"),
                    0.9, 0.01);
    assert_training(SYSTEM("{name: ising}", "{name: multilevel, hidden: 4}",
                           "training: {forward: auto, reverse_rate: 0.0005}\n"),
                    0.2, 0.0005);
}

static void without_densities_nothing_is_asked(void **state)
{
    (void)state;
    assert_training("model: {name: ising}\nlattice: {name: hypercubic, size: [4, 4]}\n"
                    "beta: 0.4\nupdates: [{name: heat_bath}]\n",
                    1.0, 0.0005);
}

static void walkers_leave_out_no_phase_unless_told(void **state)
{
    (void)state;
    const struct {
        const char *yaml;
        uint32_t phases;
    } list[] = {
        { SYSTEM("{name: ising}", "{name: made}", ""), 0 },
        { SYSTEM("{name: ising}", "{name: made}", "training: {phases: [up]}\n"), 2 },
    };
    for (size_t k = 0; k < sizeof list / sizeof list[0]; k++) {
        kr_error err = { 0 };
        kr_runfile *file = kr_runfile_parse("test", list[k].yaml, strlen(list[k].yaml), &err);
        kr_spec *spec = file ? kr_spec_alloc(file, &err) : NULL;
        assert_ok(err.status, &err);
        assert_int_equal(spec->config.training.phases, list[k].phases);
        kr_spec_free(spec);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(shared_networks_get_little_forward_kl),
        cmocka_unit_test(networks_of_single_sites_get_much),
        cmocka_unit_test(given_numbers_are_kept),
        cmocka_unit_test(without_densities_nothing_is_asked),
        cmocka_unit_test(walkers_leave_out_no_phase_unless_told),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
