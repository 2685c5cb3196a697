/* SPDX-License-Identifier: GPL-3.0-or-later
 * tests/test_symmetry.c - symmetries of the energy as moves. */
#include "sampled.h"

/* Beside a local update that keeps the law. */
static void samples_follow_the_boltzmann_law(void **state)
{
    (void)state;
    tiny *system = sampled_system("potts", "{q: 4, field: 0.3}", "{size: [2, 2]}");
    kr_target target = { .lattice = system->lattice, .terms = system->terms, .beta = 0.5 };
    sampled updates[2] = { sampled_alloc("heat_bath", "{}", &target, NULL, 16),
                           sampled_alloc("symmetry", "{}", &target, NULL, 16) };
    double z = sampled_run(system, 0.5, updates, 2, 5000, 5);
    assert_true(fabs(z) < SAMPLED_MAX);
    sampled_free(&updates[0]);
    sampled_free(&updates[1]);
    tiny_free(system);
}

/* One spin up in a field that forbids exchanging states: 9 sites, equal odds. */
static void translations_carry_a_spin_everywhere(void **state)
{
    enum { DRAWS = 9000 };
    (void)state;
    tiny *system = sampled_system("ising", "{field: 0.3}", "{size: [3, 3]}");
    kr_target target = { .lattice = system->lattice, .terms = system->terms, .beta = 1.0 };
    sampled update = sampled_alloc("symmetry", "{}", &target, NULL, 1);
    kr_block *block = sampled_block(system->terms, 1, 21);
    kr_block_start_lane(block, 0, 0, block->rng);
    block->state[4] = 1;
    kr_block_score(block, system->terms);
    double count[9] = { 0 }, energy = block->energy[0];
    for (int k = 0; k < DRAWS; k++) {
        sampled_sweep(&update, block);
        for (int i = 0; i < 9; i++) {
            count[i] += block->state[i];
        }
    }
    for (int i = 0; i < 9; i++) {
        double p = 1.0 / 9.0;
        assert_within_sigma(count[i] / DRAWS, sqrt(p * (1 - p) / DRAWS), p, 4.6);
    }
    assert_true(block->energy[0] == energy && kr_block_audit(block, system->terms) == 0.0);
    kr_block_free(block);
    sampled_free(&update);
    tiny_free(system);
}

/* Ordered Potts chains visit all colors alike, except the one the field singles out. */
static void exchanges_spare_a_state_with_a_field(void **state)
{
    enum { DRAWS = 6000 };
    (void)state;
    tiny *system = sampled_system("potts", "{q: 4, field: 0.3}", "{size: [2, 2]}");
    kr_target target = { .lattice = system->lattice, .terms = system->terms, .beta = 1.0 };
    sampled update = sampled_alloc("symmetry", "{}", &target, NULL, 1);
    kr_block *block = sampled_block(system->terms, 1, 22);
    kr_block_start_lane(block, 0, 2, block->rng);
    kr_block_score(block, system->terms);
    double count[4] = { 0 };
    for (int k = 0; k < DRAWS; k++) {
        sampled_sweep(&update, block);
        count[block->state[0]] += 1.0;
    }
    assert_true(count[0] == 0.0);
    for (int a = 1; a < 4; a++) {
        assert_within_sigma(count[a] / DRAWS, sqrt(2.0 / 9.0 / DRAWS), 1.0 / 3.0, 4.6);
    }
    kr_block_free(block);
    sampled_free(&update);
    tiny_free(system);
}

static void refuses_a_model_without_symmetry(void **state)
{
    (void)state;
    kr_error err = { 0 };
    tiny *system =
        sampled_system("ising", "{field: 0.3, disorder: {kind: gaussian}}", "{size: [3, 3]}");
    kr_target target = { .lattice = system->lattice, .terms = system->terms, .beta = 1.0 };
    assert_false(sampled_update("symmetry")->supports(&target, NULL, &err));
    assert_int_equal(err.status, KR_EUNSUP);
    assert_non_null(strstr(err.text, "other than the identity"));
    tiny_free(system);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(samples_follow_the_boltzmann_law),
        cmocka_unit_test(translations_carry_a_spin_everywhere),
        cmocka_unit_test(exchanges_spare_a_state_with_a_field),
        cmocka_unit_test(refuses_a_model_without_symmetry),
    };
    return cmocka_run_group_tests_name("symmetry", tests, NULL, NULL);
}
