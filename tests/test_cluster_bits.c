/* SPDX-License-Identifier: GPL-3.0-or-later
 * tests/test_cluster_bits.c - Swendsen-Wang on bit planes: law, energies, the same bits from
 * every instruction set. */
#include "base/isa.h"
#include "cluster_runs.h"
#include "update/cluster_bits.h"

static const char *engine_of(const char *model, const char *model_yaml,
                             const char *lattice_yaml, double *z)
{
    tiny *system = sampled_system(model, model_yaml, lattice_yaml);
    kr_target target = { .lattice = system->lattice, .terms = system->terms, .beta = 0.3 };
    sampled u = sampled_alloc("swendsen_wang", "{}", &target, NULL, 16);
    const char *engine = u.update->engine(u.self);
    *z = sampled_run(system, 0.3, &u, 1, 1500, 3);
    sampled_free(&u);
    tiny_free(system);
    return engine;
}

static void follows_the_law(const char *model, const char *model_yaml, const char *lattice_yaml,
                            const char *engine)
{
    double z;
    assert_string_equal(engine_of(model, model_yaml, lattice_yaml, &z), engine);
    if (!(fabs(z) < SAMPLED_MAX)) {
        fail_msg("%s %s on %s: deviation %.2f", model, model_yaml, lattice_yaml, z);
    }
}

static void boxes_follow_the_law(void **state)
{
    (void)state;
    follows_the_law("ising", "{}", "{size: [3, 3]}", "bits");
    follows_the_law("ising", "{}", "{size: [3, 3], boundary: open}", "bits");
    follows_the_law("ising", "{field: 0.2}", "{size: [4, 2]}", "bits");
    follows_the_law("ising", "{field: -0.1}", "{size: [2, 2, 2]}", "bits");
    follows_the_law("ising", "{}", "{size: [2, 4], boundary: [open, periodic]}", "bits");
    follows_the_law("potts", "{q: 3}", "{size: [3, 2]}", "bits");
    follows_the_law("potts", "{q: 3, field: 0.3}", "{size: [2, 3], boundary: open}", "bits");
    follows_the_law("potts", "{q: 5}", "{size: [2, 2]}", "bits");
}

static void other_graphs_follow_the_law_bond_by_bond(void **state)
{
    (void)state;
    follows_the_law("ising", "{random_field: {kind: gaussian, seed: 2}}", "{size: [3, 3]}",
                    "graph");
    follows_the_law("ising", "{disorder: {kind: gaussian, seed: 2}}", "{size: [3, 3]}",
                    "graph");
    follows_the_law("ising", "{disorder: {kind: pm1, seed: 2}, field: 0.1}", "{size: [3, 3]}",
                    "graph");
    follows_the_law("potts", "{q: 3, J: -1}", "{size: [3, 2]}", "graph");
}

static void the_critical_torus_has_kaufmans_energy(void **state)
{
    (void)state;
    cluster_matches_kaufman("swendsen_wang", "{}", 16, 4000);
    cluster_matches_kaufman("swendsen_wang", "{form: reflection}", 16, 4000);
    cluster_matches_kaufman("swendsen_wang", "{}", 64, 250);
}

/* Rows of one, two and three words, with a tail; fields; all instruction sets of this CPU. */
static void instruction_sets_give_the_same_bits(void **state)
{
    enum { N = 130 * 3 * 2 };
    static const int32_t sides[] = { 1, 5, 63, 64, 65, 128, 130 };
    static const double local[3] = { 0.0, 0.03, -0.02 };
    (void)state;
    for (int c = 0; c < 7 * 2; c++) {
        kr_box box = { .dim = 3,
                       .n_sites = sides[c / 2] * 6,
                       .extent = { sides[c / 2], 3, 2 } };
        box.is_periodic[0] = c % 2;
        box.is_periodic[2] = true;
        kr_bits_plan plan;
        kr_error err = { 0 };
        assert_ok(kr_bits_plan_init(&plan, &box, 3, 0.6, c % 2 ? local : NULL, &err), &err);
        void *scratch = aligned_alloc(64, (kr_bits_bytes(&plan) + 127) / 64 * 64);
        uint8_t first[N], s[N];
        kr_cluster_counts want = { 0 };
        for (kr_isa isa = KR_ISA_PORTABLE; isa <= KR_ISA_AVX512 && kr_isa_runs(isa); isa++) {
            kr_cluster_counts counts = { .is_sized = c % 2 == 0 };
            kr_rng rng;
            kr_rng_seed(&rng, 6, (uint64_t)c, KR_PURPOSE_TEST);
            for (int32_t i = 0; i < box.n_sites; i++) {
                s[i] = (uint8_t)(i * i % 7 % 3);
            }
            kr_bits_of(isa)->steps(&plan, 5, s, scratch, &rng, &counts);
            if (isa == KR_ISA_PORTABLE) {
                memcpy(first, s, (size_t)box.n_sites);
                want = counts;
            }
            assert_memory_equal(s, first, (size_t)box.n_sites);
            assert_memory_equal(&counts, &want, offsetof(kr_cluster_counts, is_sized));
            assert_true((counts.squares > 0.0) == counts.is_sized);
        }
        free(scratch);
        kr_bits_plan_clear(&plan);
    }
}

/* Bonds kept always: everything agrees after a step, and one cluster is counted per color. */
static void certain_bonds_make_clusters_of_equal_states(void **state)
{
    (void)state;
    kr_system s = system_alloc("ising", "", "hypercubic", "size=70,4 boundary=open");
    kr_target target = { .lattice = s.lattice, .terms = s.terms, .beta = 60.0 };
    sampled u = sampled_alloc("swendsen_wang", "{}", &target, NULL, 1);
    kr_block *block = sampled_block(s.terms, 1, 3);
    static kr_means means;
    u.tally.means = &means;
    for (int32_t i = 0; i < 280; i++) {
        block->state[i] = i % 70 >= 40; /* two halves */
    }
    kr_block_score(block, s.terms);
    sampled_sweep(&u, block);
    assert_int_equal(u.tally.attempted[0], 2);
    assert_int_equal(means.n[0], 1);
    assert_close(means.sum[0][0], (160.0 * 160.0 + 120.0 * 120.0) / 280.0, 1e-15);
    for (int32_t i = 0; i < 280; i++) {
        assert_int_equal(block->state[i], block->state[i % 70 >= 40 ? 40 : 0]);
    }
    kr_block_free(block);
    sampled_free(&u);
    system_free(&s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(boxes_follow_the_law),
        cmocka_unit_test(other_graphs_follow_the_law_bond_by_bond),
        cmocka_unit_test(the_critical_torus_has_kaufmans_energy),
        cmocka_unit_test(instruction_sets_give_the_same_bits),
        cmocka_unit_test(certain_bonds_make_clusters_of_equal_states),
    };
    return cmocka_run_group_tests_name("cluster bits", tests, NULL, NULL);
}
