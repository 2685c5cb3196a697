/* SPDX-License-Identifier: GPL-3.0-or-later
 * tests/test_metropolis.c - single-site Metropolis with production random numbers. */
#include "sampled.h"

static void samples_follow_the_boltzmann_law(void **state)
{
    static const char *const orders[] = { "{}", "{order: checkerboard}", "{order: random}" };
    (void)state;
    tiny *system = sampled_system("ising", "{field: 0.1}", "{size: [3, 3]}");
    for (int k = 0; k < 3; k++) {
        double z = sampled_law("metropolis", orders[k], system, 0.25, 4000, 10);
        assert_true(fabs(z) < SAMPLED_MAX);
    }
    tiny_free(system);
}

static void potts_samples_follow_the_boltzmann_law(void **state)
{
    (void)state;
    tiny *system = sampled_system("potts", "{q: 4}", "{size: [2, 2]}");
    double z = sampled_law("metropolis", "{}", system, 0.4, 6000, 10);
    assert_true(fabs(z) < SAMPLED_MAX);
    tiny_free(system);
}

/* Why the update is not declared irreducible: at beta = 0 every proposal is accepted, and a
 * sweep in site order flips every Ising spin. */
static void every_spin_flips_at_beta_zero(void **state)
{
    (void)state;
    tiny *system = sampled_system("ising", "{}", "{size: [3, 3]}");
    kr_target target = { .lattice = system->lattice, .terms = system->terms, .beta = 0.0 };
    sampled update = sampled_alloc("metropolis", "{}", &target, NULL, 2);
    kr_block *block = sampled_block(system->terms, 2, 8);
    uint8_t before[18];
    memcpy(before, block->state, sizeof before);
    sampled_sweep(&update, block);
    for (int i = 0; i < 18; i++) {
        assert_int_equal(block->state[i], 1 - before[i]);
    }
    assert_int_equal(update.tally.accepted[1], 9);
    assert_false(update.update->flags & KR_UPDATE_IRREDUCIBLE);
    kr_block_free(block);
    sampled_free(&update);
    tiny_free(system);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(samples_follow_the_boltzmann_law),
        cmocka_unit_test(potts_samples_follow_the_boltzmann_law),
        cmocka_unit_test(every_spin_flips_at_beta_zero),
    };
    return cmocka_run_group_tests_name("metropolis", tests, NULL, NULL);
}
