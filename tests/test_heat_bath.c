/* SPDX-License-Identifier: GPL-3.0-or-later
 * tests/test_heat_bath.c - single-site heat bath with production random numbers. */
#include "sampled.h"

static void samples_follow_the_boltzmann_law(void **state)
{
    static const char *const orders[] = { "{}", "{order: checkerboard}", "{order: random}" };
    (void)state;
    tiny *system = sampled_system("ising", "{field: 0.1}", "{size: [3, 3]}");
    for (int k = 0; k < 3; k++) {
        double z = sampled_law("heat_bath", orders[k], system, 0.25, 4000, 10);
        assert_true(fabs(z) < SAMPLED_MAX);
    }
    tiny_free(system);
}

static void potts_samples_follow_the_boltzmann_law(void **state)
{
    (void)state;
    tiny *system = sampled_system("potts", "{q: 5}", "{size: [2, 2]}");
    double z = sampled_law("heat_bath", "{}", system, 0.4, 6000, 8);
    assert_true(fabs(z) < SAMPLED_MAX);
    tiny_free(system);
}

/* Layouts are the sampler's business: chains do not notice a conversion between sweeps. */
static void conversions_between_sweeps_change_nothing(void **state)
{
    (void)state;
    tiny *system = sampled_system("potts", "{q: 3}", "{size: [3, 2]}");
    kr_target target = { .lattice = system->lattice, .terms = system->terms, .beta = 0.7 };
    sampled update = sampled_alloc("heat_bath", "{}", &target, NULL, 5);
    kr_block *stays = sampled_block(system->terms, 5, 3);
    kr_block *turns = sampled_block(system->terms, 5, 3);
    for (int k = 0; k < 50; k++) {
        sampled_sweep(&update, stays);
        kr_block_convert(turns, KR_LAYOUT_LANE);
        sampled_sweep(&update, turns);
        assert_memory_equal(stays->state, turns->state, (size_t)(5 * stays->n_sites));
        assert_memory_equal(stays->energy, turns->energy, 5 * sizeof(double));
    }
    kr_block_free(stays);
    kr_block_free(turns);
    sampled_free(&update);
    tiny_free(system);
}

/* At beta = 1e4 any factor or weight taken by itself over- or underflows. */
static void frozen_chains_stay_in_the_ground_state(void **state)
{
    static const char *const models[][2] = { { "ising", "{}" },
                                             { "potts", "{q: 3}" },
                                             { "potts", "{q: 3, field: 0.5}" } };
    (void)state;
    for (int m = 0; m < 3; m++) {
        tiny *system = sampled_system(models[m][0], models[m][1], "{size: [3, 2]}");
        kr_target target = { .lattice = system->lattice, .terms = system->terms, .beta = 1e4 };
        sampled update = sampled_alloc("heat_bath", "{}", &target, NULL, 1);
        kr_block *block = sampled_block(system->terms, 1, 4);
        kr_block_start_lane(block, 0, 0, block->rng);
        kr_block_score(block, system->terms);
        double ground = block->energy[0];
        for (int k = 0; k < 100; k++) {
            sampled_sweep(&update, block);
        }
        assert_true(block->energy[0] == ground);
        assert_int_equal(update.tally.changed[0], 0);
        assert_int_equal(update.tally.attempted[0], 600);
        kr_block_free(block);
        sampled_free(&update);
        tiny_free(system);
    }
}

static void a_sweep_that_changes_a_state_marks_scores_stale(void **state)
{
    (void)state;
    tiny *system = sampled_system("ising", "{}", "{size: [3, 2]}");
    kr_target target = { .lattice = system->lattice, .terms = system->terms, .beta = 0.0 };
    sampled update = sampled_alloc("heat_bath", "{}", &target, NULL, 4);
    kr_block *block = sampled_block(system->terms, 4, 5);
    block->log_q_of = 2;
    sampled_sweep(&update, block);
    assert_int_equal(block->log_q_of, -1);
    kr_block_free(block);
    sampled_free(&update);
    tiny_free(system);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(samples_follow_the_boltzmann_law),
        cmocka_unit_test(potts_samples_follow_the_boltzmann_law),
        cmocka_unit_test(conversions_between_sweeps_change_nothing),
        cmocka_unit_test(frozen_chains_stay_in_the_ground_state),
        cmocka_unit_test(a_sweep_that_changes_a_state_marks_scores_stale),
    };
    return cmocka_run_group_tests_name("heat bath", tests, NULL, NULL);
}
