/* SPDX-License-Identifier: GPL-3.0-or-later
 * tests/test_latent_refresh.c - a field moved in the normals of a flow. That the law is left as
 * it is, is in conformance_real.c. */
#include "kr_real_block.h"
#include "kr_real_subject.h"

extern const kr_update_plug kr_update_latent_refresh;

typedef struct params {
    double step, target;
} params;

static real_subject subject_of(const char *density, const char *text)
{
    real_subject s = { .beta = 1.0 };
    const kr_density_plug *const *plug = kr_registry_densities;
    while (strcmp((*plug)->name, density) != 0) {
        plug++;
    }
    s.system = system_alloc("phi4", "m2=-1 lambda=1", "hypercubic", "size=4,4");
    system_params((*plug)->fields, text, s.params);
    snprintf(s.label, sizeof s.label, "%s %s", density, text);
    assert_true(real_subject_make(&s, *plug));
    return s;
}

static void *update_of(real_subject *s, double step, kr_error *err)
{
    const kr_target target = system_target(&s->system, s->beta);
    const kr_update_setting setting = { &target, &s->density, LANES, KR_ISA_BEST, NULL };
    const params p = { .step = step, .target = 0.8 };
    return kr_update_latent_refresh.alloc(&setting, &p, err);
}

/* Sweeps in calls of `each`; accepted share of all lanes. */
static double run(real_subject *s, double step, kr_block *block, int n_sweeps, int each)
{
    kr_error err = { 0 };
    void *self = update_of(s, step, &err);
    assert_non_null(self);
    void *scratch = get(kr_update_latent_refresh.scratch_bytes(self, LANES), 1);
    kr_tally tally = { { 0 }, { 0 }, { 0 } };
    double n = 0.0, accepted = 0.0;
    kr_rng_seed(block->rng, 3, 0, KR_PURPOSE_CHAIN);
    for (int k = 0; k < n_sweeps; k += each) {
        kr_update_latent_refresh.sweep(self, block, each, scratch, &tally);
    }
    for (int32_t l = 0; l < block->n_lanes; l++) {
        n += (double)tally.attempted[l];
        accepted += (double)tally.accepted[l];
    }
    kr_free(scratch);
    kr_update_latent_refresh.free(self);
    return accepted / n;
}

static void small_steps_are_accepted_more_often(void **state)
{
    (void)state;
    real_subject s = subject_of("split_coupling", "layers=2");
    double before = 1.0;
    randomize(&s, 1, 0.02);
    for (double step = 0.1; step < 1.1; step += 0.3) {
        kr_block *block = real_block(s.system.terms, 20, 0.5, 2);
        const double share = run(&s, step, block, 200, 1);
        print_message("# step %.1f: accepted %.3f\n", step, share);
        assert_true(share < before && share > 0.05);
        before = share;
        kr_block_free(block);
    }
    real_subject_clear(&s);
}

static void sweeps_may_be_grouped_in_any_way(void **state)
{
    (void)state;
    real_subject s = subject_of("split_coupling", "layers=2");
    randomize(&s, 1, 0.02);
    kr_block *a = real_block(s.system.terms, 20, 0.5, 2);
    kr_block *b = real_block(s.system.terms, 20, 0.5, 2);
    run(&s, 0.4, a, 12, 1);
    run(&s, 0.4, b, 12, 6);
    assert_memory_equal(a->phi, b->phi, s.n * (size_t)a->stride * sizeof *a->phi);
    assert_memory_equal(a->energy, b->energy, 20 * sizeof *a->energy);
    kr_block_free(a);
    kr_block_free(b);
    real_subject_clear(&s);
}

static void tuning_begins_anew_and_a_step_ends_at_one(void **state)
{
    (void)state;
    real_subject s = subject_of("gaussian", "");
    kr_error err = { 0 };
    void *self = update_of(&s, 0.3, &err);
    double first[2];
    for (int turn = 0; turn < 2; turn++) {
        kr_update_latent_refresh.tune(self, &(kr_tuning){ .call = 1, .n_calls = 201 });
        first[turn] = kr_update_latent_refresh.tuned(self);
        for (int k = 0; k < 200; k++) {
            kr_update_latent_refresh.tune(
                self, &(kr_tuning){ .acceptance = 1.0, .call = k + 2, .n_calls = 201 });
        }
        assert_close(kr_update_latent_refresh.tuned(self), 1.0, 1e-15);
    }
    assert_true(first[0] < 1.0 && first[0] == first[1]);
    kr_update_latent_refresh.free(self);
    real_subject_clear(&s);
}

static void densities_that_begin_with_wells_are_refused(void **state)
{
    (void)state;
    const char *const cases[][2] = { { "laplace_mixture", "" },
                                     { "split_coupling", "base=wells zero_mode=false" } };
    for (int k = 0; k < 2; k++) {
        real_subject s = subject_of(cases[k][0], cases[k][1]);
        kr_error err = { 0 };
        assert_null(update_of(&s, 0.5, &err));
        assert_int_equal(err.status, KR_EUNSUP);
        assert_non_null(strstr(err.text, "independent normals"));
        real_subject_clear(&s);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(small_steps_are_accepted_more_often),
        cmocka_unit_test(sweeps_may_be_grouped_in_any_way),
        cmocka_unit_test(tuning_begins_anew_and_a_step_ends_at_one),
        cmocka_unit_test(densities_that_begin_with_wells_are_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
