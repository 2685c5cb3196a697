/* SPDX-License-Identifier: GPL-3.0-or-later
 * tests/test_cluster_grow.c - every way a cluster grows samples the law. */
#include "cluster_runs.h"

static void follows_the_law(const char *model, const char *model_yaml, const char *lattice_yaml)
{
    tiny *system = sampled_system(model, model_yaml, lattice_yaml);
    double z = sampled_law("wolff", "{clusters: 3}", system, 0.3, 1500, 3);
    if (!(fabs(z) < SAMPLED_MAX)) {
        fail_msg("%s %s on %s: deviation %.2f", model, model_yaml, lattice_yaml, z);
    }
    tiny_free(system);
}

static void neighbors_from_bits_and_from_a_table_follow_the_law(void **state)
{
    (void)state;
    follows_the_law("ising", "{}", "{size: [4, 2]}");
    follows_the_law("ising", "{field: 0.1}", "{size: [2, 2, 2]}");
    follows_the_law("ising", "{}", "{size: [3, 3], boundary: open}");
    follows_the_law("ising", "{}", "{size: [3, 3, 1]}");
    follows_the_law("potts", "{q: 3}", "{size: [2, 2]}");
    follows_the_law("potts", "{q: 3, field: 0.2}", "{size: [3, 2]}");
}

static void couplings_of_both_signs_follow_the_law(void **state)
{
    (void)state;
    follows_the_law("ising", "{J: -1}", "{size: [3, 3]}");
    follows_the_law("ising", "{disorder: {kind: pm1, seed: 3}}", "{size: [3, 3]}");
    follows_the_law("ising", "{disorder: {kind: gaussian, seed: 3}}", "{size: [3, 3]}");
    follows_the_law("ising", "{disorder: {kind: gaussian, seed: 3}, field: 0.1}",
                    "{size: [3, 2]}");
    follows_the_law("potts", "{q: 3, disorder: {kind: pm1, seed: 5}}", "{size: [3, 2]}");
}

static void the_critical_torus_has_kaufmans_energy(void **state)
{
    (void)state;
    cluster_matches_kaufman("wolff", "{clusters: 2}", 16, 1000);
    cluster_matches_kaufman("wolff", "{clusters: 2}", 64, 240);
}

/* One bond at beta = ln 129: both sites agree half of the time. */
static void more_than_128_states_are_grown_with_marks(void **state)
{
    (void)state;
    kr_system s = system_alloc("potts", "q=130", "hypercubic", "size=2 boundary=open");
    double mean, error;
    cluster_energy("wolff", "{}", &s, log(129.0), 4000, &mean, &error);
    assert_true(error < 0.015);
    assert_within_sigma(mean, error, -0.25, 4.0);
    system_free(&s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(neighbors_from_bits_and_from_a_table_follow_the_law),
        cmocka_unit_test(couplings_of_both_signs_follow_the_law),
        cmocka_unit_test(the_critical_torus_has_kaufmans_energy),
        cmocka_unit_test(more_than_128_states_are_grown_with_marks),
    };
    return cmocka_run_group_tests_name("cluster growth", tests, NULL, NULL);
}
