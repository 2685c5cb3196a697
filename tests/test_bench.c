/* SPDX-License-Identifier: GPL-3.0-or-later
 * tests/test_bench.c - the table of the benchmark and its verdicts; nothing is timed. */
#include "kr_test.h"

#include "study/bench_private.h"

static void every_row_is_a_system_with_its_update(void **state)
{
    static const char *const small[] = { "lattice.size=[4, 4]" };
    (void)state;
    for (const kr_bench_row *row = kr_bench_rows; row->name; row++) {
        kr_error err = { 0 };
        const bool is_density = strcmp(row->engine, "density") == 0;
        const char *updates[] = { is_density ? "{name: independence, density: net}"
                                             : row->update };
        kr_spec *spec = kr_bench_spec(row, updates, 1, small, 1, &err);
        if (!spec) {
            fail_msg("%s: %s", row->name, err.text);
        }
        assert_string_equal(spec->update[0].plug->name, row->update);
        kr_spec_free(spec);
    }
}

static void row_names_are_unique(void **state)
{
    (void)state;
    for (const kr_bench_row *row = kr_bench_rows; row->name; row++) {
        assert_true(strlen(row->name) <= 33); /* the column of the table */
        for (const kr_bench_row *other = kr_bench_rows; other != row; other++) {
            assert_string_not_equal(row->name, other->name);
        }
    }
}

static void every_aim_is_beyond_its_minimum(void **state)
{
    int n_limits = 0;
    (void)state;
    for (const kr_bench_row *row = kr_bench_rows; row->name; row++) {
        if (row->want > 0.0) {
            n_limits++;
            assert_true(kr_bench_is_cost(row) ? row->aim < row->want : row->aim > row->want);
        }
    }
    assert_true(n_limits >= 30);
}

static void verdicts_follow_minimum_and_aim(void **state)
{
    const kr_bench_row gain = { .rival = KR_BENCH_REF, .want = 15, .aim = 30 },
                       cost = { .rival = KR_BENCH_UNMEASURED, .want = 25, .aim = 10 },
                       open = { .rival = KR_BENCH_LOOP };
    kr_bench_result result = { .value = 14.9 };
    (void)state;
    assert_int_equal(kr_bench_judge(&gain, &result), KR_BENCH_MISSED);
    assert_int_equal(kr_bench_judge(&cost, &result), KR_BENCH_MINIMUM);
    assert_int_equal(kr_bench_judge(&open, &result), KR_BENCH_NO_LIMIT);
    result.value = 15.0;
    assert_int_equal(kr_bench_judge(&gain, &result), KR_BENCH_MINIMUM);
    result.value = 30.0;
    assert_int_equal(kr_bench_judge(&gain, &result), KR_BENCH_AIM);
    assert_int_equal(kr_bench_judge(&cost, &result), KR_BENCH_MISSED);
    result.value = -1.0; /* measuring came out faster: noise */
    assert_int_equal(kr_bench_judge(&cost, &result), KR_BENCH_AIM);
    result.value = NAN;
    assert_int_equal(kr_bench_judge(&gain, &result), KR_BENCH_MISSED);
}

/* A slow core is no slow density: the rate counts as it would be at the reference peak. */
static void speeds_are_judged_by_the_peak_of_the_core(void **state)
{
    const kr_bench_row row = { .rival = KR_BENCH_DRAWING,
                               .want = 100,
                               .aim = 200,
                               .per_second = 1000,
                               .per_second_aim = 2000 };
    kr_bench_result result = { .value = 250,
                               .per_second = 600,
                               .peak_gflops = 0.5 * KR_BENCH_PEAK_GFLOPS };
    (void)state;
    assert_close(kr_bench_scaled(&result), 1200.0, 1e-12);
    assert_int_equal(kr_bench_judge(&row, &result), KR_BENCH_MINIMUM);
    result.per_second = 1000;
    assert_int_equal(kr_bench_judge(&row, &result), KR_BENCH_AIM);
    result.value = 150;
    assert_int_equal(kr_bench_judge(&row, &result), KR_BENCH_MINIMUM);
    result.peak_gflops = 2.0 * KR_BENCH_PEAK_GFLOPS;
    assert_int_equal(kr_bench_judge(&row, &result), KR_BENCH_MISSED);
    result.peak_gflops = NAN;
    assert_int_equal(kr_bench_judge(&row, &result), KR_BENCH_MISSED);
}

static void a_pattern_without_rows_is_refused(void **state)
{
    const kr_bench_options options = { .only = "no such row", .seconds = 0.01 };
    kr_bench_outcome outcome;
    kr_error err = { 0 };
    (void)state;
    assert_int_equal(kr_bench_run(&options, stderr, &outcome, &err), KR_EPARSE);
    assert_non_null(strstr(err.text, "no such row"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_row_is_a_system_with_its_update),
        cmocka_unit_test(row_names_are_unique),
        cmocka_unit_test(every_aim_is_beyond_its_minimum),
        cmocka_unit_test(verdicts_follow_minimum_and_aim),
        cmocka_unit_test(speeds_are_judged_by_the_peak_of_the_core),
        cmocka_unit_test(a_pattern_without_rows_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
