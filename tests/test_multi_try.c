/* SPDX-License-Identifier: GPL-3.0-or-later
 * tests/test_multi_try.c - the next state is one of several. */
#include "chain_fixture.h"
#include "classes.h"

/* Some 60 classes hold 20 of the 40 000 draws or more. */
static void states_have_their_weights_by_energy_and_magnetization(void **state)
{
    (void)state;
    for (uint64_t seed = 1; seed <= 3; seed++) {
        double z = classes_run("multi_try", "{}", 16, 3, false, seed);
        assert_true(fabs(z) < CLASSES_MAX);
        z = classes_run("multi_try", "{tries: 2}", 5, 12, true, seed);
        assert_true(fabs(z) < CLASSES_MAX);
    }
}

static int setup(void **state)
{
    return chain_setup(state, "multi_try", "{tries: 7}");
}

static void scores_stay_those_of_the_states(void **state)
{
    fixture *f = *state;
    double log_q[KR_LANES_MAX];
    for (int k = 0; k < 20; k++) {
        sampled_sweep(&f->update, f->block);
        assert_int_equal(f->block->log_q_of, 3);
        assert_int_equal(f->block->log_q_epoch, 5);
        chain_density_log_q(f->density.self, 0, 16, f->block->state, log_q, NULL);
        assert_memory_equal(log_q, f->block->log_q, 16 * sizeof *log_q);
        assert_true(kr_block_audit(f->block, f->system->terms) <= 1e-12);
    }
    assert_true(f->update.tally.attempted[0] == 20 && f->update.tally.accepted[0] > 5);
}

/* Every other proposal has an undefined score or an infinite weight. */
static void spoiled_sample(const void *self, int32_t k, int32_t n_lanes, uint8_t *state,
                           double *log_q, kr_rng *rng, void *scratch)
{
    chain_density_sample(self, k, n_lanes, state, log_q, rng, scratch);
    for (int32_t lane = 0; lane < n_lanes; lane += 2) {
        log_q[lane] = lane % 4 ? -(double)INFINITY : (double)NAN;
    }
}

static void proposals_of_undefined_weight_are_never_chosen(void **state)
{
    fixture *f = *state;
    f->plug.sample_tail = spoiled_sample;
    for (int k = 0; k < 50; k++) {
        sampled_sweep(&f->update, f->block);
        for (int lane = 0; lane < 16; lane++) {
            assert_true(isfinite(f->block->log_q[lane]));
        }
    }
    assert_true(f->update.tally.accepted[0] > 5);
}

/* Their run then ends with the error of the sampler, not with a chain that left unseen. */
static void a_chain_of_undefined_weight_stays(void **state)
{
    fixture *f = *state;
    sampled_sweep(&f->update, f->block);
    f->block->log_q[2] = (double)NAN;
    int64_t before = f->update.tally.accepted[2];
    for (int k = 0; k < 20; k++) {
        sampled_sweep(&f->update, f->block);
    }
    assert_true(f->update.tally.accepted[2] == before && isnan(f->block->log_q[2]));
}

static void asks_for_a_density(void **state)
{
    fixture *f = *state;
    kr_error err = { 0 };
    kr_update_setting setting = { .target = &f->target, .n_lanes = 1 };
    assert_null(f->update.update->alloc(&setting, NULL, &err));
    assert_string_equal(err.text, "multi_try: no density given, want the name of one");
}

int main(void)
{
#define FIXTURE_TEST(f) cmocka_unit_test_setup_teardown(f, setup, chain_teardown)
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(states_have_their_weights_by_energy_and_magnetization),
        FIXTURE_TEST(scores_stay_those_of_the_states),
        FIXTURE_TEST(proposals_of_undefined_weight_are_never_chosen),
        FIXTURE_TEST(a_chain_of_undefined_weight_stays),
        FIXTURE_TEST(asks_for_a_density),
    };
    return cmocka_run_group_tests_name("multi_try", tests, NULL, NULL);
}
