/* SPDX-License-Identifier: GPL-3.0-or-later
 * tests/test_ladder.c - temperatures found by a pilot. */
#include "kr_test.h"

#include "run/ladder.h"

#define SYSTEM                                                                                 \
    "model: {name: ising, disorder: {kind: gaussian, seed: 3}}\n"                              \
    "lattice: {name: hypercubic, size: [4, 4]}\nchains: 16\nobservables: [energy]\n"           \
    "phases: {thermalize: 200, measure: 4000, every: 50}\nupdates: [heat_bath]\n"

static kr_spec *parse(const char *yaml, kr_error *err)
{
    kr_runfile *file = kr_runfile_parse("test", yaml, strlen(yaml), err);
    return file ? kr_spec_alloc(file, err) : NULL;
}

static kr_spec *find(const char *yaml, int32_t n_threads)
{
    kr_error err = { 0 };
    kr_spec *spec = parse(yaml, &err);
    if (!spec || kr_ladder_find(&spec, &(kr_run_options){ .n_threads = n_threads }, NULL,
                                &err) != KR_OK) {
        fail_msg("%s", err.text);
    }
    return spec;
}

/* Acceptance of each slot with the next colder one in a run of the spec. */
static void acceptances(kr_spec *spec, double *acceptance, int64_t *round_trips)
{
    kr_error err = { 0 };
    spec->config.n_threads = 2;
    kr_sampler *sampler = kr_sampler_alloc(&spec->config, &err);
    if (!sampler) {
        fail_msg("%s", err.text);
    }
    while (kr_sampler_stage(sampler) != KR_STAGE_DONE) {
        assert_ok(kr_sampler_advance(sampler, 64, &err), &err);
    }
    for (int32_t p = 0; p < spec->config.n_points; p++) {
        kr_slot slot;
        kr_sampler_slot(sampler, p, &slot);
        acceptance[slot.slot] = (double)slot.accepted / (double)slot.attempted;
        *round_trips = slot.round_trips;
    }
    kr_sampler_free(sampler);
}

static void temperatures_cut_the_weight_into_equal_parts(void **state)
{
    (void)state;
    const double beta[] = { 1, 2, 4, 8, 9 };
    double moved[5];
    kr_ladder_move(beta, 5, (const double[]){ 1, 1, 1, 1 }, moved);
    assert_memory_equal(moved, beta, sizeof beta);
    kr_ladder_move(beta, 5, (const double[]){ 0, 4, 0, 0 }, moved);
    const double inside[] = { 1, 2.5, 3, 3.5, 9 };
    assert_memory_equal(moved, inside, sizeof inside);
    kr_ladder_move(beta, 5, (const double[]){ 2, 0, 0, 2 }, moved);
    const double outside[] = { 1, 1.5, 2, 8.5, 9 };
    assert_memory_equal(moved, outside, sizeof outside);
    kr_ladder_move(beta, 5, (const double[]){ 0, 0, 0, 0 }, moved);
    assert_memory_equal(moved, beta, sizeof beta);
    kr_ladder_move(beta, 2, (const double[]){ 3 }, moved);
    assert_memory_equal(moved, beta, 2 * sizeof *beta);
}

static void a_flow_is_made_monotone_by_least_squares(void **state)
{
    (void)state;
    double x[] = { 0.0, 0.4, 0.2, 0.5, 0.9, 0.7, 1.0 };
    const double weight[] = { 1, 1, 3, 1, 1, 1, 1 };
    const double want[] = { 0.0, 0.25, 0.25, 0.5, 0.8, 0.8, 1.0 };
    kr_ladder_raise(x, weight, 7);
    for (int k = 0; k < 7; k++) {
        assert_close(x[k], want[k], 1e-15);
    }
    double falling[] = { 3, 2, 1 };
    kr_ladder_raise(falling, (const double[]){ 1, 1, 1 }, 3);
    assert_close(falling[0], 2.0, 1e-15);
    assert_close(falling[2], 2.0, 1e-15);
}

static void auto_makes_acceptances_equal(void **state)
{
    (void)state;
    enum { SLOTS = 6 };
    double before[SLOTS], after[SLOTS];
    int64_t trips;
    kr_error err = { 0 };
    kr_spec *linear =
        parse(SYSTEM "beta: {from: 0.2, to: 1.8, count: 6}\ntempering: {}\n", &err);
    assert_non_null(linear);
    acceptances(linear, before, &trips);
    kr_spec *found =
        find(SYSTEM "beta: {from: 0.2, to: 1.8, count: 6}\ntempering: {ladder: auto}\n", 1);
    acceptances(found, after, &trips);
    double spread[2] = { 0.0, 0.0 };
    for (int k = 0; k + 1 < SLOTS; k++) {
        for (int m = 0; m + 1 < SLOTS; m++) {
            spread[0] = fmax(spread[0], before[k] - before[m]);
            spread[1] = fmax(spread[1], after[k] - after[m]);
        }
    }
    print_message("# spread of acceptances %.3f before, %.3f after\n", spread[0], spread[1]);
    assert_true(spread[0] > 0.2);
    assert_true(spread[1] < 0.04);
    kr_spec_free(linear);
    kr_spec_free(found);
}

static void found_ladders_keep_their_ends_and_are_written_as_given(void **state)
{
    (void)state;
    static const char *const kind[] = { "auto", "flow" };
    for (int k = 0; k < 2; k++) {
        char yaml[1024];
        snprintf(yaml, sizeof yaml,
                 SYSTEM "beta: [1.8, 0.2, 0.5, 1.1]\ntempering: {ladder: %s, pilot: 400, "
                        "iterations: 3}\n",
                 kind[k]);
        kr_spec *found = find(yaml, 1), *again = find(yaml, 3);
        kr_text a = { 0 }, b = { 0 };
        kr_error err = { 0 };
        assert_int_equal(found->tempering.ladder, KR_LADDER_GIVEN);
        assert_non_null(strstr(found->tempering.found, kind[k]));
        assert_true(found->target[0].beta == 0.2 && found->target[3].beta == 1.8);
        for (int32_t p = 0; p < 3; p++) {
            assert_true(found->target[p].beta < found->target[p + 1].beta);
        }
        assert_ok(kr_spec_write(found, &a, &err), &err);
        assert_ok(kr_spec_write(again, &b, &err), &err);
        assert_string_equal(a.data, b.data); /* on 1 and 3 threads */
        kr_spec *resumed = parse(a.data, &err);
        assert_non_null(resumed);
        for (int32_t p = 0; p < 4; p++) {
            assert_true(resumed->target[p].beta == found->target[p].beta);
        }
        kr_text_clear(&a);
        kr_text_clear(&b);
        kr_spec_free(resumed);
        kr_spec_free(found);
        kr_spec_free(again);
    }
}

/* Feedback has to beat what it starts from where there is a bottleneck: 2D Ising through its
 * transition, replicas exchanged seldom compared with their autocorrelation. */
static void flow_shortens_round_trips_over_a_linear_ladder(void **state)
{
    (void)state;
#define BOTTLENECK                                                                             \
    "model: {name: ising}\nlattice: {name: hypercubic, size: [8, 8]}\nchains: 32\n"            \
    "observables: [energy]\nphases: {thermalize: 200, measure: 2000, every: 50}\n"             \
    "updates: [heat_bath]\nbeta: {from: 0.1, to: 1.0, count: 8}\n"
    double acceptance[8];
    int64_t linear, flow;
    kr_error err = { 0 };
    kr_spec *spec = parse(BOTTLENECK "tempering: {}\n", &err);
    assert_non_null(spec);
    acceptances(spec, acceptance, &linear);
    kr_spec_free(spec);
    spec = find(BOTTLENECK "tempering: {ladder: flow, pilot: 500, iterations: 4}\n", 2);
    acceptances(spec, acceptance, &flow);
    kr_spec_free(spec);
    print_message("# round trips: %lld on the linear ladder, %lld with flow\n",
                  (long long)linear, (long long)flow);
    assert_true((double)flow > 1.1 * (double)linear);
}

static void a_pilot_without_a_round_trip_is_refused(void **state)
{
    (void)state;
    kr_error err = { 0 };
    kr_spec *spec = parse("model: {name: ising}\nlattice: {name: hypercubic, size: [16, 16]}\n"
                          "chains: 2\nbeta: {from: 0.1, to: 4, count: 3}\nupdates: "
                          "[heat_bath]\ntempering: {ladder: flow, pilot: 20}\n",
                          &err);
    assert_non_null(spec);
    assert_int_equal(kr_ladder_find(&spec, &(kr_run_options){ .n_threads = 1 }, NULL, &err),
                     KR_EINVAL);
    assert_non_null(strstr(err.text, "no replica made a round trip in 10 steps"));
    assert_non_null(strstr(err.text, "test:"));
    kr_spec_free(spec);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(temperatures_cut_the_weight_into_equal_parts),
        cmocka_unit_test(a_flow_is_made_monotone_by_least_squares),
        cmocka_unit_test(auto_makes_acceptances_equal),
        cmocka_unit_test(found_ladders_keep_their_ends_and_are_written_as_given),
        cmocka_unit_test(flow_shortens_round_trips_over_a_linear_ladder),
        cmocka_unit_test(a_pilot_without_a_round_trip_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
