/* SPDX-License-Identifier: GPL-3.0-or-later
 * tests/test_engine_bits.c - the bit-parallel engine: same bits everywhere, exact bookkeeping,
 * what it refuses. Its law is tested in conformance_engines.c and conformance_frequency.c. */
#include "base/isa.h"
#include "base/rng.h"
#include "graph_file.h"
#include "kr_system.h"
#include "model/block.h"
#include "model/fold.h"
#include "update/local.h"

#ifndef KR_TEST_ISA /* another build has kernels that finish nearly all spins one by one */
#define KR_TEST_ISA KR_ISA_BEST
#define HAS_EVERY_ISA
#endif

typedef struct machine {
    kr_system system;
    kr_target target;
    void *self, *scratch;
    kr_block *block;
    kr_tally tally;
} machine;

typedef struct row {
    const char *model, *lattice, *lattice_text;
    int32_t n_lanes;
    double span; /* of beta from chain to chain, or 0 */
} row;

static const row rows[] = {
    { "J=1", "hypercubic", "size=64,64", 1 },
    { "J=1", "hypercubic", "size=16,16", 64 },
    { "J=-1", "hypercubic", "size=8,8", 37 },
    { "field=0.2", "hypercubic", "size=32,16", 16 },
    { "J=1", "hypercubic", "size=8,8,8", 5 },
    { "field=-0.5", "hypercubic", "size=8,8,8", 64 },
    { "J=0.7 disorder.kind=pm1 disorder.seed=2", "hypercubic", "size=16,16,8", 3 },
    { "disorder.kind=pm1 disorder.seed=2 field=0.5", "hypercubic", "size=12,16", 64 },
    { "J=1", "hypercubic", "size=32,32 boundary=open", 1 },
    { "J=1", "hypercubic", "size=32,32 boundary=antiperiodic,open", 2 },
    { "J=1", "triangular", "size=16,16", 8 },
    { "J=-1", "triangular", "size=16,16 boundary=open", 1 },
    { "J=1", "hypercubic", "size=7,9", 16 },
    { "J=1", "hypercubic", "size=4,4,4,4", 1 },
    /* gathered */
    { "disorder.kind=pm1 disorder.seed=2 field=0.5", "hypercubic", "size=15,15", 64 },
    { "J=1", "hypercubic", "size=9,7,5 boundary=open", 37 },
    { "J=-1", "honeycomb", "size=5,7", 20 },
    { "J=1 field=0.1", "kagome", "size=5,5 boundary=open", 1 },
    { "disorder.kind=pm1 disorder.seed=3", "graph",
      "file=test_engine_bits_bonds.txt n_sites=90", 16 },
    { "J=0.7", "graph", "file=test_engine_bits_bonds.txt n_sites=90", 64 },
    { "disorder.kind=pm1 disorder.seed=5 field=-0.2", "graph",
      "file=test_engine_bits_big.txt n_sites=9000", 64 },
    /* every chain at its own temperature */
    { "disorder.kind=pm1 disorder.seed=2", "hypercubic", "size=8,8,8", 32, 0.03 },
    { "disorder.kind=pm1 disorder.seed=2", "hypercubic", "size=6,6,6", 32, 0.03 },
    { "disorder.kind=pm1 disorder.seed=2 field=0.5", "hypercubic", "size=12,16", 20, 0.05 },
    { "J=1", "hypercubic", "size=32,16", 16, 0.02 },
    { "J=-1", "hypercubic", "size=16,16 boundary=open", 9, 0.1 },
    { "J=1 field=0.1", "hypercubic", "size=4,4,4,4", 32, 0.01 },
    { "J=0.7", "graph", "file=test_engine_bits_bonds.txt n_sites=90", 24, 0.05 },
    { "J=1", "triangular", "size=16,16", 2, 0.1 },
};
enum { N_ROWS = sizeof rows / sizeof *rows };

static machine start(const row *r, kr_local_kind kind, kr_isa isa)
{
    kr_error err = { 0 };
    machine m = { .system = system_alloc("ising", r->model, r->lattice, r->lattice_text) };
    m.target = system_target(&m.system, 0.4);
    kr_update_setting setting = { .target = &m.target, .n_lanes = r->n_lanes, .isa = isa };
    kr_local_params params = { 0 };
    double beta[KR_LANES_MAX];
    for (int32_t lane = 0; lane < r->n_lanes; lane++) {
        beta[lane] = 0.2 + r->span * lane;
    }
    setting.lane_beta = r->span > 0.0 ? beta : NULL;
    m.self = kr_engine_bits.alloc(&setting, kind, &params, &err);
    if (!m.self) {
        fail_msg("%s %s: %s", r->model, r->lattice_text, err.text);
    }
    m.block = kr_block_alloc(m.system.terms, r->n_lanes, 0, 0, &err);
    assert_non_null(m.block);
    kr_rng_seed(m.block->rng, 11, 0, KR_PURPOSE_TEST);
    for (int32_t lane = 0; lane < r->n_lanes; lane++) {
        kr_block_start_lane(m.block, lane, KR_START_RANDOM, m.block->rng);
    }
    assert_ok(kr_block_add_fold(m.block, kr_engine_bits.fold(m.self), &err), &err);
    size_t bytes = (kr_engine_bits.scratch_bytes(m.self, r->n_lanes) + 127) / 64 * 64;
    m.scratch = aligned_alloc(64, bytes);
    memset(m.scratch, 0xa5, bytes);
    return m;
}

static void run(machine *m, int64_t n_sweeps)
{
    kr_block_convert(m->block, KR_LAYOUT_BITS);
    kr_engine_bits.sweep(m->self, m->block, n_sweeps, m->scratch, &m->tally);
}

static void stop(machine *m)
{
    kr_engine_bits.free(m->self);
    kr_block_free(m->block);
    system_free(&m->system);
    free(m->scratch);
}

static void assert_same_chains(machine *a, machine *b)
{
    assert_memory_equal(a->block->energy, b->block->energy,
                        (size_t)a->block->n_lanes * sizeof(double));
    assert_memory_equal(a->block->rng->s, b->block->rng->s, sizeof a->block->rng->s);
    assert_memory_equal(a->block->rng->second, b->block->rng->second,
                        sizeof a->block->rng->second);
    kr_block_convert(a->block, KR_LAYOUT_CHAIN);
    kr_block_convert(b->block, KR_LAYOUT_CHAIN);
    assert_memory_equal(a->block->state, b->block->state, a->block->size);
}

#ifdef HAS_EVERY_ISA
static void every_instruction_set_gives_the_same_bits(void **state)
{
    (void)state;
    for (int r = 0; r < 2 * N_ROWS; r++) {
        machine best = start(&rows[r / 2], (kr_local_kind)(r % 2), KR_TEST_ISA);
        run(&best, 20);
        for (int isa = KR_ISA_PORTABLE; isa <= KR_ISA_AVX512; isa++) {
            if (kr_isa_runs((kr_isa)isa)) {
                machine other = start(&rows[r / 2], (kr_local_kind)(r % 2), (kr_isa)isa);
                run(&other, 20);
                assert_same_chains(&best, &other);
                assert_memory_equal(&best.tally, &other.tally, sizeof best.tally);
                stop(&other);
            }
            kr_block_convert(best.block, KR_LAYOUT_BITS);
        }
        stop(&best);
    }
}
#endif

/* Also with a way through CHAIN in between, as a restart or an observable may take. */
static void grouping_of_sweeps_in_calls_changes_nothing(void **state)
{
    (void)state;
    for (int r = 0; r < 2 * N_ROWS; r++) {
        machine one = start(&rows[r / 2], (kr_local_kind)(r % 2), KR_TEST_ISA);
        machine many = start(&rows[r / 2], (kr_local_kind)(r % 2), KR_TEST_ISA);
        run(&one, 12);
        for (int k = 0; k < 12; k++) {
            run(&many, 1);
            if (k % 3 == 0) {
                kr_block_convert(many.block, KR_LAYOUT_CHAIN);
            }
        }
        assert_same_chains(&one, &many);
        stop(&one);
        stop(&many);
    }
}

static void energies_and_counts_are_those_of_the_states(void **state)
{
    (void)state;
    for (int r = 0; r < 2 * N_ROWS; r++) {
        machine m = start(&rows[r / 2], (kr_local_kind)(r % 2), KR_TEST_ISA);
        for (int k = 0; k < 3; k++) {
            run(&m, 2);
            assert_int_equal(m.block->has_count, 1);
            assert_int_equal(m.block->log_q_of, -1);
            int64_t counted[2 * KR_LANES_MAX];
            memcpy(counted, m.block->count, sizeof counted);
            kr_block_touch(m.block);
            kr_block_count(m.block);
            assert_memory_equal(counted, m.block->count,
                                2 * (size_t)m.block->n_lanes * sizeof *counted);
            double off = kr_block_audit(m.block, m.system.terms);
            assert_true(off <= (m.system.terms->is_integer ? 0.0 : 1e-9));
        }
        stop(&m);
    }
}

static int64_t count_flips(machine *m, int32_t lane, const uint8_t *before)
{
    int64_t flips = 0;
    size_t n = (size_t)m->block->n_sites;
    kr_block_convert(m->block, KR_LAYOUT_CHAIN);
    for (size_t i = (size_t)lane * n; i < ((size_t)lane + 1) * n; i++) {
        flips += before[i] != m->block->state[i];
    }
    return flips;
}

static void tallies_count_the_flips_of_the_last_sweep(void **state)
{
    (void)state;
    for (int r = 0; r < N_ROWS; r++) {
        machine m = start(&rows[r], KR_LOCAL_HEAT_BATH, KR_TEST_ISA);
        machine early = start(&rows[r], KR_LOCAL_HEAT_BATH, KR_TEST_ISA);
        run(&m, 8);
        run(&early, 7);
        kr_block_convert(early.block, KR_LAYOUT_CHAIN);
        for (int32_t lane = 0; lane < m.block->n_lanes; lane++) {
            int64_t flips = count_flips(&m, lane, early.block->state);
            assert_int_equal(m.tally.changed[lane], 8 * flips);
            assert_int_equal(m.tally.accepted[lane], 8 * flips);
            assert_int_equal(m.tally.attempted[lane], 8 * m.block->n_sites);
        }
        stop(&m);
        stop(&early);
    }
}

/* Turning one sublattice over maps J to -J, digit by digit. */
static void negative_coupling_mirrors_one_sublattice(void **state)
{
    (void)state;
    static const row pair[][2] = {
        { { "J=1", "hypercubic", "size=32,32", 4 }, { "J=-1", "hypercubic", "size=32,32", 4 } },
        { { "J=1", "hypercubic", "size=8,8,8", 4 }, { "J=-1", "hypercubic", "size=8,8,8", 4 } },
    };
    /* not the heat bath with six neighbors: there a tie takes its bit the same way for both */
    for (int k = 0; k < 3; k++) {
        machine a = start(&pair[k / 2][0], (kr_local_kind)((k + 1) % 2), KR_TEST_ISA);
        machine b = start(&pair[k / 2][1], (kr_local_kind)((k + 1) % 2), KR_TEST_ISA);
        size_t n = (size_t)a.block->n_sites, bytes = n * (size_t)a.block->n_lanes;
        const int32_t *color = a.system.lattice->color;
        for (size_t i = 0; i < bytes; i++) {
            b.block->state[i] ^= (uint8_t)(color[i % n] == 1);
        }
        run(&a, 30);
        run(&b, 30);
        assert_memory_equal(a.block->energy, b.block->energy, 4 * sizeof(double));
        kr_block_convert(a.block, KR_LAYOUT_CHAIN);
        kr_block_convert(b.block, KR_LAYOUT_CHAIN);
        for (size_t i = 0; i < bytes; i++) {
            assert_int_equal(a.block->state[i] ^ b.block->state[i], color[i % n] == 1);
        }
        stop(&a);
        stop(&b);
    }
}

static void elements_of_no_chain_stay_zero(void **state)
{
    (void)state;
    static const row odd = { "field=-0.1", "hypercubic", "size=16,8", 5 };
    machine m = start(&odd, KR_LOCAL_HEAT_BATH, KR_TEST_ISA);
    const kr_fold *fold = kr_engine_bits.fold(m.self);
    assert_true(fold->n_lanes == 8 && fold->n_lanes * fold->n_tiles < 512);
    run(&m, 10);
    for (int32_t v = 0; v < fold->n_vectors; v++) {
        for (int32_t e = 0; e < 512; e++) {
            int bit = m.block->state[v * 64 + e / 8] >> e % 8 & 1;
            bool is_used = e < fold->n_lanes * fold->n_tiles && e % fold->n_lanes < 5;
            assert_true(is_used || bit == 0);
        }
    }
    stop(&m);
}

static void refuses_what_it_cannot_run_and_says_why(void **state)
{
    (void)state;
    static const struct {
        const char *model, *model_text, *lattice_text, *why;
    } refused[] = {
        { "potts", "q=3", "size=4,4", "3 states" },
        { "blume_capel", "D=0.5", "size=4,4", "3 states" },
        { "ising", "disorder.kind=gaussian disorder.seed=1", "size=4,4", "want one size" },
        { "ising", "random_field.kind=gaussian random_field.seed=1", "size=4,4",
          "the same on all sites" },
        { "ising", "J=1", "size=2,2,2,2,2,2,2,2", "16 neighbors" },
        { "ising", "J=1", "size=4,4,4,4 boundary=open", "8 neighbors" },
    };
    for (size_t k = 0; k < sizeof refused / sizeof *refused; k++) {
        kr_error err = { 0 };
        kr_system s = system_alloc(refused[k].model, refused[k].model_text, "hypercubic",
                                   refused[k].lattice_text);
        kr_target target = system_target(&s, 0.4);
        kr_update_setting setting = { .target = &target, .n_lanes = 1 };
        kr_local_params params = { 0 };
        assert_null(kr_engine_bits.alloc(&setting, KR_LOCAL_HEAT_BATH, &params, &err));
        assert_int_equal(err.status, KR_EUNSUP);
        if (!strstr(err.text, refused[k].why)) {
            fail_msg("%s, want %s", err.text, refused[k].why);
        }
        system_free(&s);
    }
}

/* The last vectors of the colors of an odd box are partly filled. */
static void idle_tiles_stay_zero(void **state)
{
    (void)state;
    static const row odd = { "disorder.kind=pm1 disorder.seed=2", "hypercubic",
                             "size=7,9 boundary=open", 37 };
    for (int kind = 0; kind < 2; kind++) {
        machine m = start(&odd, (kr_local_kind)kind, KR_TEST_ISA);
        const kr_fold *fold = kr_engine_bits.fold(m.self);
        int n_idle = 0;
        run(&m, 10);
        for (int32_t k = 0; k < fold->n_vectors * 8; k++) {
            uint64_t word;
            memcpy(&word, m.block->state + 8 * k, sizeof word);
            assert_true(word >> 37 == 0 && (word == 0 || fold->site[k] >= 0));
            n_idle += fold->site[k] < 0;
        }
        assert_true(fold->near && fold->n_tiles == 8 && n_idle > 0);
        stop(&m);
    }
}

/* One chain: an odd box fills vectors well enough, an irregular graph of 90 sites does not. */
static void auto_looks_at_the_spins_that_a_vector_holds(void **state)
{
    (void)state;
    static const row one[] = {
        { "J=1", "hypercubic", "size=15,15", 1 },
        { "J=1", "graph", "file=test_engine_bits_bonds.txt n_sites=90", 1 },
    };
    const kr_update_plug *const *plug = kr_registry_updates;
    while (strcmp((*plug)->name, "heat_bath")) {
        plug++;
    }
    for (int k = 0; k < 2; k++) {
        kr_error err = { 0 };
        kr_system s = system_alloc("ising", one[k].model, one[k].lattice, one[k].lattice_text);
        kr_target target = system_target(&s, 0.4);
        kr_update_setting setting = { .target = &target, .n_lanes = 1 };
        kr_local_params params = { 0 };
        void *self = (*plug)->alloc(&setting, &params, &err);
        assert_non_null(self);
        assert_string_equal(kr_local_engine(self), k == 0 ? "bits" : "ref");
        (*plug)->free(self);
        system_free(&s);
    }
}

/* Spins that wait for more digits change places within a word, but not to another chain: at
 * beta = 40 a chain in its ground state would be seen to move by one wrong threshold in 2^64.
 */
static void cold_chains_rest_beside_hot_ones(void **state)
{
    (void)state;
    static const row large[] = {
        { "J=1", "hypercubic", "size=16,16,16", 32 },
        { "J=1", "hypercubic", "size=15,15,15 boundary=open", 32 },
        { "J=1 field=0.5", "hypercubic", "size=32,32", 8 },
    };
    for (int r = 0; r < 6; r++) {
        kr_error err = { 0 };
        machine m = start(&large[r / 2], (kr_local_kind)(r % 2), KR_TEST_ISA);
        double beta[KR_LANES_MAX];
        for (int32_t lane = 0; lane < m.block->n_lanes; lane++) {
            beta[lane] = lane % 3 ? 0.05 : 40.0;
        }
        kr_update_setting setting = { .target = &m.target,
                                      .n_lanes = m.block->n_lanes,
                                      .isa = KR_TEST_ISA,
                                      .lane_beta = beta };
        kr_local_params params = { 0 };
        kr_engine_bits.free(m.self);
        m.self = kr_engine_bits.alloc(&setting, (kr_local_kind)(r % 2), &params, &err);
        assert_non_null(m.self);
        m.block->bits = kr_engine_bits.fold(m.self);
        memset(m.block->state, 1, (size_t)m.block->n_sites * (size_t)m.block->n_lanes);
        kr_block_score(m.block, m.system.terms);
        double ground = m.block->energy[0];
        run(&m, 300);
        for (int32_t lane = 0; lane < m.block->n_lanes; lane++) {
            if (lane % 3 == 0) {
                assert_true(m.block->energy[lane] == ground);
                assert_int_equal(m.tally.changed[lane], 0);
            } else {
                assert_true(m.block->energy[lane] > 0.8 * ground);
            }
        }
        stop(&m);
    }
}

static void laws_that_do_not_go_together_are_refused(void **state)
{
    (void)state;
    static const struct {
        double beta[2];
        int32_t n_lanes;
        const char *why;
    } refused[] = {
        { { 0.5, 0.0 }, 16, "one law" },
        { { 0.5, -0.3 }, 16, "one law" },
        { { 0.5, 0.6 }, 33, "want at most 32" },
    };
    kr_system s = system_alloc("ising", "J=1", "hypercubic", "size=8,8");
    kr_target target = system_target(&s, 0.4);
    for (size_t k = 0; k < sizeof refused / sizeof *refused; k++) {
        kr_error err = { 0 };
        double beta[KR_LANES_MAX];
        for (int lane = 0; lane < KR_LANES_MAX; lane++) {
            beta[lane] = refused[k].beta[lane % 2];
        }
        kr_update_setting setting = { .target = &target,
                                      .n_lanes = refused[k].n_lanes,
                                      .lane_beta = beta };
        kr_local_params params = { 0 };
        assert_null(kr_engine_bits.alloc(&setting, KR_LOCAL_HEAT_BATH, &params, &err));
        assert_int_equal(err.status, KR_EUNSUP);
        if (!strstr(err.text, refused[k].why)) {
            fail_msg("%s, want %s", err.text, refused[k].why);
        }
    }
    system_free(&s);
}

int main(void)
{
    graph_write_random("test_engine_bits_bonds.txt", 80, 200, 3, false);
    graph_write_random("test_engine_bits_big.txt", 9000, 22000, 4, false);
    const struct CMUnitTest tests[] = {
#ifdef HAS_EVERY_ISA
        cmocka_unit_test(every_instruction_set_gives_the_same_bits),
#endif
        cmocka_unit_test(grouping_of_sweeps_in_calls_changes_nothing),
        cmocka_unit_test(energies_and_counts_are_those_of_the_states),
        cmocka_unit_test(tallies_count_the_flips_of_the_last_sweep),
        cmocka_unit_test(negative_coupling_mirrors_one_sublattice),
        cmocka_unit_test(elements_of_no_chain_stay_zero),
        cmocka_unit_test(idle_tiles_stay_zero),
        cmocka_unit_test(auto_looks_at_the_spins_that_a_vector_holds),
        cmocka_unit_test(refuses_what_it_cannot_run_and_says_why),
        cmocka_unit_test(cold_chains_rest_beside_hot_ones),
        cmocka_unit_test(laws_that_do_not_go_together_are_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
