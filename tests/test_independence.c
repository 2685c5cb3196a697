/* SPDX-License-Identifier: GPL-3.0-or-later
 * tests/test_independence.c - global proposals from a density. */
#include "chain_fixture.h"

static int setup(void **state)
{
    return chain_setup(state, "independence", "{}");
}

static void samples_follow_the_boltzmann_law(void **state)
{
    fixture *f = *state;
    double z = sampled_run(f->system, f->target.beta, &f->update, 1, 4000, 25);
    assert_true(fabs(z) < SAMPLED_MAX);
    assert_true(f->update.tally.accepted[0] > f->update.tally.attempted[0] / 10);
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
}

/* A cached score that belongs to another density, other weights or other states is not used:
 * a wrong score would be taken over unchanged by the chains that reject. */
static void stale_scores_are_computed_anew(void **state)
{
    fixture *f = *state;
    for (int k = 0; k < 3; k++) {
        f->block->log_q_of = k == 0 ? -1 : k == 1 ? 2 : 3;
        f->block->log_q_epoch = k == 2 ? 4 : 5;
        for (int lane = 0; lane < 16; lane++) {
            f->block->log_q[lane] = -1e6; /* would reject everything */
        }
        sampled_sweep(&f->update, f->block);
        for (int lane = 0; lane < 16; lane++) {
            assert_true(f->block->log_q[lane] > -100.0);
        }
    }
}

static void current_scores_are_not_computed_again(void **state)
{
    fixture *f = *state;
    f->block->log_q_of = 3;
    f->block->log_q_epoch = 5;
    kr_block_convert(f->block, KR_LAYOUT_LANE);
    for (int lane = 0; lane < 16; lane++) {
        f->block->log_q[lane] = -1e6;
    }
    sampled_sweep(&f->update, f->block);
    assert_true(f->block->log_q[0] == -1e6);
    assert_int_equal(f->update.tally.accepted[0], 0);
}

static void undefined_sample(const void *self, int32_t k, int32_t n_lanes, uint8_t *state,
                             double *log_q, kr_rng *rng, void *scratch)
{
    chain_density_sample(self, k, n_lanes, state, log_q, rng, scratch);
    for (int32_t lane = 0; lane < n_lanes; lane++) {
        log_q[lane] = (double)NAN;
    }
}

static void a_proposal_with_an_undefined_score_is_rejected(void **state)
{
    fixture *f = *state;
    f->plug.sample_tail = undefined_sample;
    sampled_sweep(&f->update, f->block);
    for (int lane = 0; lane < 16; lane++) {
        assert_int_equal(f->update.tally.accepted[lane], 0);
        assert_true(isfinite(f->block->log_q[lane]));
    }
}

static void asks_for_a_density(void **state)
{
    fixture *f = *state;
    kr_error err = { 0 };
    kr_update_setting setting = { .target = &f->target, .n_lanes = 1 };
    assert_null(f->update.update->alloc(&setting, NULL, &err));
    assert_string_equal(err.text, "independence: no density given, want the name of one");
}

int main(void)
{
#define FIXTURE_TEST(f) cmocka_unit_test_setup_teardown(f, setup, chain_teardown)
    const struct CMUnitTest tests[] = {
        FIXTURE_TEST(samples_follow_the_boltzmann_law),
        FIXTURE_TEST(scores_stay_those_of_the_states),
        FIXTURE_TEST(stale_scores_are_computed_anew),
        FIXTURE_TEST(current_scores_are_not_computed_again),
        FIXTURE_TEST(a_proposal_with_an_undefined_score_is_rejected),
        FIXTURE_TEST(asks_for_a_density),
    };
    return cmocka_run_group_tests_name("independence", tests, NULL, NULL);
}
