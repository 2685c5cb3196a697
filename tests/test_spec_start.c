/* SPDX-License-Identifier: GPL-3.0-or-later
 * tests/test_spec_start.c - chains that start from given configurations. */
#include "graph_file.h"

#include "run/spec.h"

enum { CHAINS = 40, POINTS = 2, SITES = 4 };

#define SYSTEM                                                                                 \
    "model: {name: potts, q: 3}\nlattice: {name: hypercubic, size: [2, 2]}\n"                  \
    "beta: [0.4, 0.9]\nchains: 40\nphases: {thermalize: 0, measure: 8, every: 1}\n"            \
    "observables: [energy]\n"
#define FROM_FILE SYSTEM "start: {file: test_spec_start.txt}\n"

static const char path[] = "test_spec_start.txt";
static const uint8_t given[3][SITES] = { { 0, 1, 2, 2 }, { 1, 1, 0, 2 }, { 2, 0, 0, 0 } };

static kr_spec *parse(const char *yaml, bool is_saved, kr_error *err)
{
    kr_runfile *file = kr_runfile_parse("test", yaml, strlen(yaml), err);
    assert_non_null(file);
    return is_saved ? kr_spec_alloc_saved(file, err) : kr_spec_alloc(file, err);
}

static kr_spec *parse_well(const char *yaml, bool is_saved)
{
    kr_error err = { 0 };
    kr_spec *spec = parse(yaml, is_saved, &err);
    if (!spec) {
        fail_msg("%s", err.text);
    }
    return spec;
}

static void assert_starts(const kr_spec *spec)
{
    static uint8_t states[CHAINS][POINTS][SITES];
    kr_error err = { 0 };
    kr_sampler *sampler = kr_sampler_alloc(&spec->config, &err);
    assert_non_null(sampler);
    kr_sampler_states(sampler, &states[0][0][0]);
    for (int c = 0; c < CHAINS; c++) {
        for (int p = 0; p < POINTS; p++) {
            assert_memory_equal(states[c][p], given[c % 3], SITES);
        }
    }
    assert_ok(kr_sampler_advance(sampler, 1, &err), &err); /* audits the energies */
    kr_sampler_free(sampler);
}

static void chains_take_the_given_configurations_by_turns(void **state)
{
    (void)state;
    kr_spec *spec = parse_well(SYSTEM, false);
    spec->config.start = KR_START_ORDERED; /* is not looked at */
    spec->config.start_states = given[0];
    spec->config.n_start_states = 3;
    assert_starts(spec);
    kr_spec_free(spec);
}

static void given_configurations_out_of_range_are_refused(void **state)
{
    (void)state;
    static const uint8_t wrong[2 * SITES] = { 0, 1, 2, 2, 0, 3, 0, 0 };
    kr_error err_state = { 0 }, err_none = { 0 };
    kr_spec *spec = parse_well(SYSTEM, false);
    spec->config.start_states = wrong;
    spec->config.n_start_states = 2;
    assert_null(kr_sampler_alloc(&spec->config, &err_state));
    assert_int_equal(err_state.status, KR_ERANGE);
    assert_non_null(strstr(err_state.text, "state 3 at site 1 of configuration 1, want 0..2"));
    spec->config.n_start_states = 0;
    assert_null(kr_sampler_alloc(&spec->config, &err_none));
    assert_int_equal(err_none.status, KR_ERANGE);
    kr_spec_free(spec);
}

static void a_file_gives_the_same_whatever_its_lines(void **state)
{
    (void)state;
    graph_write(path, "0 1 2 2 1 1\n0 # rest\n\n2\t2 0 0\n0");
    kr_spec *spec = parse_well(FROM_FILE, false);
    assert_int_equal(spec->config.n_start_states, 3);
    assert_int_equal(spec->warnings.length, 0);
    assert_starts(spec);
    kr_spec_free(spec);
}

static void configurations_beyond_the_chains_are_checked_and_left(void **state)
{
    (void)state;
    kr_error err = { 0 };
    char text[2 * SITES * (CHAINS + 2) + 8] = "";
    for (int k = 0; k < SITES * (CHAINS + 2); k++) {
        strcat(text, "1 ");
    }
    graph_write(path, text);
    kr_spec *spec = parse_well(FROM_FILE, false);
    assert_int_equal(spec->config.n_start_states, CHAINS);
    assert_non_null(strstr(spec->warnings.data, "42 configurations for 40 chains"));
    kr_spec_free(spec);
    text[strlen(text) - 2] = '3';
    graph_write(path, text);
    assert_null(parse(FROM_FILE, false, &err));
    assert_non_null(strstr(err.text, "test_spec_start.txt:1: '3', want a state 0..2"));
}

/* The chains of a restart file are there already. */
static void a_saved_run_needs_no_start_file(void **state)
{
    (void)state;
    kr_error err = { 0 };
    remove(path);
    assert_null(parse(FROM_FILE, false, &err));
    assert_non_null(strstr(err.text, "test:7:15: test_spec_start.txt: No such file"));
    kr_spec *spec = parse_well(FROM_FILE, true);
    assert_null(spec->config.start_states);
    kr_spec_free(spec);
    graph_write(path, "0 1 2 2");
}

static int teardown(void **state)
{
    (void)state;
    return remove(path);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(chains_take_the_given_configurations_by_turns),
        cmocka_unit_test(given_configurations_out_of_range_are_refused),
        cmocka_unit_test(a_file_gives_the_same_whatever_its_lines),
        cmocka_unit_test(configurations_beyond_the_chains_are_checked_and_left),
        cmocka_unit_test(a_saved_run_needs_no_start_file),
    };
    return cmocka_run_group_tests(tests, NULL, teardown);
}
