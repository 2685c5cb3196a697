/* SPDX-License-Identifier: GPL-3.0-or-later
 * tests/test_cluster_flood.c - clusters that go on by words have the law of those that do not.
 */
#include "base/isa.h"
#include "cluster_runs.h"
#include "update/cluster.h"

/* Plain Wolff dynamics with growth handed over after `from` sites. */
typedef struct mill {
    kr_clusters clusters;
    kr_growth_plan plan;
    void *scratch;
    uint8_t *s;
    double energy;
    kr_rng rng;
} mill;

static void mill_init(mill *m, const kr_lattice *lattice, const kr_terms *terms, double beta,
                      int32_t from, kr_isa isa)
{
    kr_error err = { 0 };
    kr_target target = { .lattice = lattice, .terms = terms, .beta = beta };
    assert_ok(kr_clusters_init(&m->clusters, &target, &err), &err);
    assert_ok(kr_growth_plan_init(&m->plan, &m->clusters, lattice, isa, &err), &err);
    assert_non_null(m->plan.flood);
    m->plan.flood_from = from;
    size_t bytes = (kr_growth_bytes(&m->plan) + 127) / 64 * 64;
    m->scratch = aligned_alloc(64, bytes);
    memset(m->scratch, 0xa5, bytes);
    m->s = calloc((size_t)terms->n_sites, 1);
    m->energy = kr_terms_energy(terms, m->s, 1);
    kr_rng_seed(&m->rng, 31, (uint64_t)from, KR_PURPOSE_TEST);
}

static void mill_clear(mill *m)
{
    kr_growth_plan_clear(&m->plan);
    kr_clusters_clear(&m->clusters);
    free(m->scratch);
    free(m->s);
}

static int32_t mill_turn(mill *m, kr_growth *growth, int32_t *a, int32_t *b)
{
    const kr_terms *terms = m->clusters.terms;
    int32_t seed = (int32_t)kr_rng_below(&m->rng, (uint32_t)terms->n_sites);
    *a = m->s[seed];
    *b = (int32_t)kr_rng_below(&m->rng, (uint32_t)terms->q - 1);
    *b += *b >= *a;
    return kr_cluster_reflect(&m->clusters.classes[0], *b, seed, m->s, growth, &m->energy);
}

static void samples_the_law(const char *model, const char *model_yaml, const char *lattice_yaml,
                            int32_t from)
{
    tiny *system = sampled_system(model, model_yaml, lattice_yaml);
    const double beta = 0.35, draws = 40000;
    double *count = calloc((size_t)system->n_states, sizeof *count);
    mill m;
    mill_init(&m, system->lattice, system->terms, beta, from, KR_ISA_BEST);
    for (int k = 0; k < 40000; k++) {
        kr_growth growth = kr_growth_begin(&m.plan, m.scratch, &m.rng);
        int32_t a, b;
        for (int turn = 0; turn < 5; turn++) {
            mill_turn(&m, &growth, &a, &b);
        }
        int64_t x = tiny_encode(system, m.s, 1);
        assert_close(m.energy, system->energy[x], 1e-9);
        count[x] += 1.0;
    }
    double *law = tiny_law(system, beta);
    double z = sampled_deviation(count, law, system->n_states, draws);
    if (!(fabs(z) < SAMPLED_MAX)) {
        fail_msg("%s on %s from %d: deviation %.2f", model, lattice_yaml, from, z);
    }
    free(law);
    free(count);
    mill_clear(&m);
    tiny_free(system);
}

static void every_box_and_hand_over_follows_the_law(void **state)
{
    (void)state;
    samples_the_law("ising", "{}", "{size: [3, 3]}", 1);
    samples_the_law("ising", "{}", "{size: [3, 3]}", 2);
    samples_the_law("ising", "{}", "{size: [3, 3], boundary: open}", 1);
    samples_the_law("ising", "{}", "{size: [2, 4]}", 1);
    samples_the_law("ising", "{}", "{size: [4, 2], boundary: [open, periodic]}", 1);
    samples_the_law("ising", "{}", "{size: [9, 1]}", 1);
    samples_the_law("ising", "{}", "{size: [1, 9], boundary: open}", 1);
    samples_the_law("potts", "{q: 3}", "{size: [3, 2]}", 1);
    samples_the_law("potts", "{q: 3}", "{size: [2, 2]}", 1);
}

/* Rows of several words with a tail: the energy stays current, undo restores, and every
 * instruction set gives the same bits. */
static void wide_rows_keep_their_books(void **state)
{
    static const char *const sizes[] = { "size=130,5", "size=64,7 boundary=open", "size=128,3",
                                         "size=65,2", "size=63,1" };
    (void)state;
    for (int c = 0; c < 10; c++) {
        kr_system s = system_alloc(c % 2 ? "potts" : "ising", c % 2 ? "q=3" : "", "hypercubic",
                                   sizes[c / 2]);
        uint8_t first[700], before[700];
        size_t n = (size_t)s.terms->n_sites;
        for (kr_isa isa = KR_ISA_PORTABLE; isa <= KR_ISA_AVX512 && kr_isa_runs(isa); isa++) {
            mill m;
            mill_init(&m, s.lattice, s.terms, c % 2 ? 0.95 : 0.42, 3, isa);
            kr_growth growth = kr_growth_begin(&m.plan, m.scratch, &m.rng);
            for (int turn = 0; turn < 300; turn++) {
                int32_t a, b;
                double energy = m.energy;
                memcpy(before, m.s, n);
                int32_t size = mill_turn(&m, &growth, &a, &b), differ = 0;
                for (size_t i = 0; i < n; i++) {
                    differ += before[i] != m.s[i];
                }
                assert_int_equal(size, differ);
                assert_close(m.energy, kr_terms_energy(s.terms, m.s, 1), 1e-9);
                if (turn % 3 == 0) {
                    kr_cluster_undo(a, b, m.s, &growth);
                    assert_memory_equal(m.s, before, n);
                    m.energy = energy;
                }
            }
            memcpy(isa == KR_ISA_PORTABLE ? first : before, m.s, n);
            assert_memory_equal(first, m.s, n);
            mill_clear(&m);
        }
        system_free(&s);
    }
}

static void other_targets_are_left_to_the_queue(void **state)
{
    static const char *const models[] = { "J=-1", "disorder.kind=pm1",
                                          "random_field.kind=gaussian" };
    (void)state;
    for (int k = 0; k < 3; k++) {
        kr_error err = { 0 };
        kr_system s = system_alloc("ising", models[k], "hypercubic", "size=4,4");
        kr_target target = { .lattice = s.lattice, .terms = s.terms, .beta = 0.4 };
        kr_clusters clusters;
        kr_growth_plan plan;
        assert_ok(kr_clusters_init(&clusters, &target, &err), &err);
        assert_ok(kr_growth_plan_init(&plan, &clusters, s.lattice, KR_ISA_BEST, &err), &err);
        assert_null(plan.flood);
        kr_growth_plan_clear(&plan);
        kr_clusters_clear(&clusters);
        system_free(&s);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_box_and_hand_over_follows_the_law),
        cmocka_unit_test(wide_rows_keep_their_books),
        cmocka_unit_test(other_targets_are_left_to_the_queue),
    };
    return cmocka_run_group_tests_name("cluster flood", tests, NULL, NULL);
}
