/* SPDX-License-Identifier: GPL-3.0-or-later
 * tests/test_bench_side.c - subjects and rivals of the benchmark do the work they are timed
 * for, and what does not is caught. */
#include "kr_test.h"

#include "model/block.h"
#include "study/bench_private.h"

#define SYSTEM                                                                                 \
    "model: {name: ising}\nlattice: {name: hypercubic, size: [8, 8]}\nstart: ordered\n"

typedef struct race {
    kr_spec *spec;
    kr_bench_side subject, rival;
    kr_error err;
} race;

static kr_spec *make_spec(const char *system, const char *update, kr_error *err)
{
    const kr_bench_row row = { .name = "test", .system = system };
    kr_spec *spec = kr_bench_spec(&row, &update, 1, NULL, 0, err);
    if (!spec) {
        fail_msg("%s", err->text);
    }
    return spec;
}

static void end(race *r)
{
    kr_bench_side_clear(&r->subject);
    kr_bench_side_clear(&r->rival);
    kr_spec_free(r->spec);
}

/* A subject of that update at its reference engine, and the textbook loop beside it. */
static void begin(race *r, const char *update)
{
    *r = (race){ .spec = make_spec(SYSTEM "beta: 0.4\nchains: 1\n", update, &r->err) };
    assert_ok(kr_bench_side_init(&r->subject, r->spec, 0, KR_ISA_PORTABLE, false, 0, &r->err),
              &r->err);
    assert_ok(kr_bench_side_init_loop(&r->rival, r->spec, 0, 1, &r->err), &r->err);
    kr_bench_side_copy(&r->subject, &r->rival);
}

static void spins_are_counted_by_sweep(void **state)
{
    race r;
    double energy, changed;
    (void)state;
    begin(&r, "{name: heat_bath, engine: ref}");
    assert_close(kr_bench_side_run(&r.subject, 7), 7.0 * 64.0, 0.0);
    assert_close(kr_bench_side_run(&r.rival, 7), 7.0 * 64.0, 0.0);
    assert_ok(kr_bench_side_check(&r.subject, &energy, &changed, &r.err), &r.err);
    assert_true(changed > 0.0 && changed < 1.0 && energy > -2.0 && energy < 2.0);
    assert_ok(kr_bench_side_check(&r.rival, &energy, &changed, &r.err), &r.err);
    end(&r);
}

static void wolff_counts_flipped_spins(void **state)
{
    race r;
    double energy, changed;
    (void)state;
    begin(&r, "{name: wolff}");
    double units = kr_bench_side_run(&r.subject, 20);
    assert_true(units >= 20.0 && units <= 20.0 * 64.0);
    assert_close(units, (double)r.subject.n_changed, 0.0);
    units = kr_bench_side_run(&r.rival, 20);
    assert_true(units >= 20.0 && units <= 20.0 * 64.0);
    assert_ok(kr_bench_side_check(&r.subject, &energy, &changed, &r.err), &r.err);
    end(&r);
}

/* Mean energy per site over measured sweeps. */
static double mean_energy(kr_bench_side *side, int32_t n)
{
    double sum = 0.0;
    kr_bench_side_run(side, 50);
    for (int32_t k = 0; k < n; k++) {
        kr_bench_side_run(side, 2);
        kr_block_audit(side->block[0], side->spec->target[0].terms);
        sum += side->block[0]->energy[0] / 64.0;
    }
    return sum / n;
}

/* 8 x 8 torus, beta = 0.4: both sides sample the same law. The error of the difference of two
 * means of 4000 draws is below 0.01 (specific heat about 1, tau_int below 10 draws). */
static void subject_and_loop_have_the_same_energy(void **state)
{
    static const char *const updates[] = { "{name: heat_bath, engine: ref}", "{name: wolff}",
                                           "{name: swendsen_wang}" };
    (void)state;
    for (size_t k = 0; k < sizeof updates / sizeof *updates; k++) {
        race r;
        begin(&r, updates[k]);
        assert_close(mean_energy(&r.subject, 4000), mean_energy(&r.rival, 4000), 0.04);
        end(&r);
    }
}

static void measuring_side_measures(void **state)
{
    race r = { .err = { 0 } };
    (void)state;
    r.spec =
        make_spec(SYSTEM "beta: 0.4\nchains: 20\n", "{name: heat_bath, engine: ref}", &r.err);
    assert_ok(kr_bench_side_init(&r.subject, r.spec, 0, KR_ISA_BEST, true, 0, &r.err), &r.err);
    kr_bench_side_run(&r.subject, 3);
    assert_true(r.subject.checksum != 0.0);
    assert_close((double)r.subject.n_attempted, 3.0 * 20.0 * 64.0, 0.0);
    end(&r);
}

static void a_frozen_chain_is_caught(void **state)
{
    race r = { .err = { 0 } };
    double energy, changed;
    (void)state;
    r.spec =
        make_spec(SYSTEM "beta: 100\nchains: 2\n", "{name: heat_bath, engine: ref}", &r.err);
    assert_ok(kr_bench_side_init(&r.subject, r.spec, 0, KR_ISA_BEST, false, 0, &r.err), &r.err);
    kr_bench_side_run(&r.subject, 10);
    assert_int_equal(kr_bench_side_check(&r.subject, &energy, &changed, &r.err), KR_ESANITY);
    assert_non_null(strstr(r.err.text, "never change"));
    end(&r);
}

static void a_loop_that_stands_still_is_caught(void **state)
{
    race r;
    double energy, changed;
    (void)state;
    begin(&r, "{name: heat_bath, engine: ref}");
    assert_int_equal(kr_bench_side_check(&r.rival, &energy, &changed, &r.err), KR_ESANITY);
    end(&r);
}

static void a_wrong_energy_is_caught(void **state)
{
    race r;
    double energy, changed;
    (void)state;
    begin(&r, "{name: heat_bath, engine: ref}");
    kr_bench_side_run(&r.subject, 5);
    r.subject.block[0]->energy[0] += 4.0;
    assert_int_equal(kr_bench_side_check(&r.subject, &energy, &changed, &r.err), KR_ESANITY);
    assert_non_null(strstr(r.err.text, "off by 4"));
    end(&r);
}

static void a_skipped_sweep_is_caught(void **state)
{
    race r;
    double energy, changed;
    (void)state;
    begin(&r, "{name: heat_bath, engine: ref}");
    kr_bench_side_run(&r.subject, 5);
    r.subject.n_swept++;
    assert_int_equal(kr_bench_side_check(&r.subject, &energy, &changed, &r.err), KR_ESANITY);
    assert_non_null(strstr(r.err.text, "attempts"));
    end(&r);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(spins_are_counted_by_sweep),
        cmocka_unit_test(wolff_counts_flipped_spins),
        cmocka_unit_test(subject_and_loop_have_the_same_energy),
        cmocka_unit_test(measuring_side_measures),
        cmocka_unit_test(a_frozen_chain_is_caught),
        cmocka_unit_test(a_loop_that_stands_still_is_caught),
        cmocka_unit_test(a_wrong_energy_is_caught),
        cmocka_unit_test(a_skipped_sweep_is_caught),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
