/* SPDX-License-Identifier: GPL-3.0-or-later
 * tests/test_wolff.c - single clusters with production random numbers. */
#include "made_models.h"
#include "sampled.h"

static void samples_follow_the_boltzmann_law(void **state)
{
    static const char *const models[] = { "{}", "{J: -1}", "{field: 0.15}" };
    (void)state;
    for (int m = 0; m < 3; m++) {
        tiny *system = sampled_system("ising", models[m], "{size: [3, 3]}");
        double z = sampled_law("wolff", "{clusters: 4}", system, 0.25, 4000, 4);
        assert_true(fabs(z) < SAMPLED_MAX);
        tiny_free(system);
    }
}

static void potts_samples_follow_the_boltzmann_law(void **state)
{
    (void)state;
    tiny *system = sampled_system("potts", "{q: 4, field: 0.2}", "{size: [2, 2]}");
    double z = sampled_law("wolff", "{}", system, 0.4, 6000, 12);
    assert_true(fabs(z) < SAMPLED_MAX);
    tiny_free(system);
}

static int64_t sites_of_one_cluster(double beta)
{
    tiny *system = sampled_system("ising", "{}", "{size: [3, 3]}");
    kr_target target = { .lattice = system->lattice, .terms = system->terms, .beta = beta };
    sampled update = sampled_alloc("wolff", "{}", &target, NULL, 1);
    kr_block *block = sampled_block(system->terms, 1, 9);
    kr_block_start_lane(block, 0, 1, block->rng);
    kr_block_score(block, system->terms);
    sampled_sweep(&update, block);
    assert_int_equal(update.tally.attempted[0], 1);
    assert_int_equal(update.tally.accepted[0], 1);
    int64_t changed = update.tally.changed[0];
    kr_block_free(block);
    sampled_free(&update);
    tiny_free(system);
    return changed;
}

static void clusters_are_single_spins_when_hot_and_everything_when_cold(void **state)
{
    (void)state;
    assert_int_equal(sites_of_one_cluster(0.0), 1);
    assert_int_equal(sites_of_one_cluster(50.0), 9);
}

static void a_state_without_partner_stays_and_counts_as_an_attempt(void **state)
{
    (void)state;
    kr_error err = { 0 };
    tiny *system =
        tiny_alloc(&made_models[2], "{}", tiny_lattice("hypercubic"), "{size: [3]}", 125, &err);
    assert_non_null(system);
    kr_target target = { .lattice = system->lattice, .terms = system->terms, .beta = 1.0 };
    sampled update = sampled_alloc("wolff", "{clusters: 3}", &target, NULL, 1);
    kr_block *block = sampled_block(system->terms, 1, 10);
    kr_block_start_lane(block, 0, 2, block->rng);
    kr_block_score(block, system->terms);
    block->log_q_of = 4;
    sampled_sweep(&update, block);
    assert_int_equal(update.tally.attempted[0], 3);
    assert_int_equal(update.tally.accepted[0], 0);
    assert_int_equal(block->log_q_of, 4);
    kr_block_free(block);
    sampled_free(&update);
    tiny_free(system);
}

static void refuses_terms_of_three_sites(void **state)
{
    (void)state;
    kr_error err = { 0 };
    tiny *system =
        tiny_alloc(&made_models[0], "{}", tiny_lattice("hypercubic"), "{size: [3]}", 125, &err);
    assert_non_null(system);
    kr_target target = { .lattice = system->lattice, .terms = system->terms, .beta = 1.0 };
    int64_t clusters = 1;
    assert_false(sampled_update("wolff")->supports(&target, &clusters, &err));
    assert_int_equal(err.status, KR_EUNSUP);
    assert_non_null(strstr(err.text, "more than two sites"));
    tiny_free(system);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(samples_follow_the_boltzmann_law),
        cmocka_unit_test(potts_samples_follow_the_boltzmann_law),
        cmocka_unit_test(clusters_are_single_spins_when_hot_and_everything_when_cold),
        cmocka_unit_test(a_state_without_partner_stays_and_counts_as_an_attempt),
        cmocka_unit_test(refuses_terms_of_three_sites),
    };
    return cmocka_run_group_tests_name("wolff", tests, NULL, NULL);
}
