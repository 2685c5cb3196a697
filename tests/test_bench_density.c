/* SPDX-License-Identifier: GPL-3.0-or-later
 * tests/test_bench_density.c - rows of densities: what is counted and what is told. */
#include "kr_test.h"

#include "base/isa.h"
#include "study/bench_private.h"

#define SYSTEM                                                                                 \
    "model: {name: ising}\nlattice: {name: hypercubic, size: [4, 4]}\nchains: 64\nbeta: 0.4\n" \
    "densities: {net: {name: made, hidden: 4, layers: 2}}\n"                                   \
    "training: {batch: 32, target_ess: 1, max_work: 1e9, forward: 0}\n"

/* Groups 1 .. 15 of both hidden layers see 120 pairs of groups, the logits as many. */
#define WEIGHTS (120.0 * (4 + 16 + 4))

static const kr_bench_options options = { .seconds = 0.01 };

static kr_bench_row make_row(kr_bench_rival rival)
{
    return (kr_bench_row){ .name = "test",
                           .unit = "sample",
                           .engine = "density",
                           .system = SYSTEM,
                           .update = "independence",
                           .rival = rival,
                           .per_second = 1000.0,
                           .per_second_aim = 2000.0 };
}

static void draws_are_told_beside_the_peak_of_the_core(void **state)
{
    const kr_bench_row row = make_row(KR_BENCH_DRAWING);
    const kr_isa isa = KR_ISA_BEST;
    kr_bench_result result = { .status = KR_BENCH_DONE };
    kr_error err = { 0 };
    (void)state;
    assert_ok(kr_bench_race_density(&row, &options, 1, &isa, &result, &err), &err);
    assert_true(result.n_pairs >= 5 && result.low <= result.value &&
                result.value <= result.high);
    assert_close(result.per_second, 1e9 / result.ns, 1e-12);
    assert_close(result.gflops * result.ns, 2.0 * WEIGHTS, 1e-12);
    assert_true(result.peak_fraction > 0.0 && result.peak_fraction < 1.0);
    assert_close(kr_bench_scaled(&result) * result.peak_gflops,
                 result.per_second * KR_BENCH_PEAK_GFLOPS, 1e-12);
    assert_non_null(strstr(result.note, "want 1000, aim 2000"));
}

static void every_isa_has_a_peak_of_its_own(void **state)
{
    const kr_bench_row row = make_row(KR_BENCH_DRAWING);
    kr_isa isa[KR_BENCH_ISAS];
    kr_bench_result result[KR_BENCH_ISAS] = { { .status = KR_BENCH_DONE } };
    kr_error err = { 0 };
    int32_t n = 0;
    (void)state;
    for (int k = KR_ISA_AVX512; k > KR_ISA_BEST; k--) {
        if (kr_isa_runs((kr_isa)k)) {
            isa[n++] = (kr_isa)k;
        }
    }
    assert_ok(kr_bench_race_density(&row, &options, n, isa, result, &err), &err);
    for (int32_t k = 0; k < n; k++) {
        assert_true(result[k].value > 0.0 && result[k].gflops < result[k].peak_gflops);
    }
}

static void a_training_step_counts_its_batch_and_four_passes(void **state)
{
    const kr_bench_row row = make_row(KR_BENCH_TRAINING);
    const kr_isa isa = KR_ISA_BEST;
    kr_bench_result draw = { .status = KR_BENCH_DONE }, result = draw;
    kr_error err = { 0 };
    (void)state;
    assert_ok(kr_bench_race_density(&row, &options, 1, &isa, &result, &err), &err);
    assert_close(result.gflops * result.ns, 8.0 * WEIGHTS, 1e-12);
    const kr_bench_row other = make_row(KR_BENCH_DRAWING);
    assert_ok(kr_bench_race_density(&other, &options, 1, &isa, &draw, &err), &err);
    assert_true(result.ns > draw.ns); /* of one state each */
}

static void operations_that_are_not_counted_are_not_told(void **state)
{
    kr_bench_row row = make_row(KR_BENCH_DRAWING);
    const kr_isa isa = KR_ISA_BEST;
    kr_bench_result result = { .status = KR_BENCH_DONE };
    kr_error err = { 0 };
    (void)state;
    row.flop = NAN;
    assert_ok(kr_bench_race_density(&row, &options, 1, &isa, &result, &err), &err);
    assert_true(isnan(result.gflops) && isnan(result.peak_fraction));
    assert_true(result.per_second > 0.0 && result.peak_gflops > 0.0);
    assert_null(strstr(result.note, "%"));
}

static void a_system_without_density_is_refused(void **state)
{
    kr_bench_row row = make_row(KR_BENCH_DRAWING);
    const kr_isa isa = KR_ISA_BEST;
    kr_bench_result result = { .status = KR_BENCH_DONE };
    kr_error err = { 0 };
    (void)state;
    row.system = "model: {name: ising}\nlattice: {name: hypercubic, size: 4}\nbeta: 0.4\n";
    assert_int_equal(kr_bench_race_density(&row, &options, 1, &isa, &result, &err), KR_EUNSUP);
    assert_non_null(strstr(err.text, "net"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(draws_are_told_beside_the_peak_of_the_core),
        cmocka_unit_test(every_isa_has_a_peak_of_its_own),
        cmocka_unit_test(a_training_step_counts_its_batch_and_four_passes),
        cmocka_unit_test(operations_that_are_not_counted_are_not_told),
        cmocka_unit_test(a_system_without_density_is_refused),
    };
    return cmocka_run_group_tests_name("bench_density", tests, NULL, NULL);
}
