/* SPDX-License-Identifier: GPL-3.0-or-later
 * tests/test_block.c - blocks of chains: conversions, starts, energies. */
#include "base/rng.h"
#include "kr_system.h"
#include "model/block.h"
#include "model/fold.h"
#include "model/terms.h"

enum { N = 75, Q = 5 };

/* A ring with a field, so that every state and site matters. */
static kr_terms *ring(void)
{
    kr_error err = { 0 };
    kr_terms *terms = kr_terms_alloc_empty(N, Q, &err);
    assert_non_null(terms);
    double V[Q * Q];
    for (int a = 0; a < Q; a++) {
        for (int b = 0; b < Q; b++) {
            V[a * Q + b] = (a - b) * (a - b);
        }
    }
    int32_t table;
    assert_ok(kr_terms_add_table(terms, 2, V, &table, &err), &err);
    for (int32_t i = 0; i < N; i++) {
        int32_t pair[] = { i, (i + 1) % N };
        assert_ok(kr_terms_add(terms, table, pair, 1.0 + i, &err), &err);
        terms->local[i * Q + i % Q] = i;
    }
    assert_ok(kr_terms_finish(terms, &err), &err);
    return terms;
}

static kr_block *random_block(const kr_terms *terms, int32_t n_lanes)
{
    kr_error err = { 0 };
    kr_block *block = kr_block_alloc(terms, n_lanes, 0, 0, &err);
    assert_non_null(block);
    kr_rng_seed(block->rng, 5, (uint64_t)n_lanes, KR_PURPOSE_TEST);
    for (int32_t lane = 0; lane < n_lanes; lane++) {
        kr_block_start_lane(block, lane, KR_START_RANDOM, block->rng);
    }
    return block;
}

static void conversions_there_and_back_change_nothing(void **state)
{
    (void)state;
    kr_terms *terms = ring();
    for (int32_t n_lanes = 1; n_lanes <= KR_LANES_MAX; n_lanes++) {
        kr_block *block = random_block(terms, n_lanes);
        size_t bytes = (size_t)block->stride * N;
        uint8_t *saved = malloc(bytes), *address = block->state;
        memcpy(saved, block->state, bytes);
        assert_false(kr_block_convert(block, KR_LAYOUT_CHAIN));
        assert_true(kr_block_convert(block, KR_LAYOUT_LANE));
        for (int32_t lane = 0; lane < block->stride; lane++) {
            for (int32_t i = 0; i < N; i++) {
                int want = lane < n_lanes ? saved[lane * N + i] : 0;
                assert_int_equal(block->state[i * block->stride + lane], want);
            }
        }
        assert_true(kr_block_convert(block, KR_LAYOUT_CHAIN));
        assert_memory_equal(block->state, saved, bytes);
        assert_ptr_equal(block->state, address);
        free(saved);
        kr_block_free(block);
    }
    kr_terms_free(terms);
}

static void energies_agree_in_both_layouts(void **state)
{
    (void)state;
    kr_terms *terms = ring();
    kr_block *block = random_block(terms, 21);
    block->log_q_of = 3;
    kr_block_score(block, terms);
    assert_int_equal(block->log_q_of, -1);
    for (int32_t lane = 0; lane < 21; lane++) {
        double want = kr_terms_energy(terms, block->state + lane * N, 1);
        assert_true(block->energy[lane] == want);
    }
    kr_block_convert(block, KR_LAYOUT_LANE);
    assert_true(kr_block_audit(block, terms) == 0.0);
    block->energy[7] += 0.5;
    block->energy[20] -= 0.25;
    assert_true(kr_block_audit(block, terms) == 0.5);
    assert_true(kr_block_audit(block, terms) == 0.0);
    for (int32_t lane = 0; lane < block->n_lanes; lane++) { /* whichever comes last */
        block->energy[lane] = NAN;
        assert_true(kr_block_audit(block, terms) == INFINITY);
    }
    kr_block_free(block);
    kr_terms_free(terms);
}

static void starts_fill_one_lane(void **state)
{
    (void)state;
    kr_terms *terms = ring();
    kr_error err = { 0 };
    kr_block *block = kr_block_alloc(terms, 3, 0, 0, &err);
    kr_rng_seed(block->rng, 1, 1, KR_PURPOSE_TEST);
    kr_block_start_lane(block, 1, 4, block->rng);
    for (int32_t k = 0; k < 3 * N; k++) {
        assert_int_equal(block->state[k], k / N == 1 ? 4 : 0);
    }
    int n_first[Q] = { 0 };
    for (int k = 0; k < 200; k++) {
        kr_block_start_lane(block, 2, KR_START_ANY_ORDERED, block->rng);
        for (int32_t i = 1; i < N; i++) {
            assert_int_equal(block->state[2 * N + i], block->state[2 * N]);
        }
        n_first[block->state[2 * N]]++;
    }
    for (int a = 0; a < Q; a++) {
        /* 40 expected, standard deviation 5.7 */
        assert_in_range(n_first[a], 15, 65);
    }
    kr_block_free(block);
    kr_terms_free(terms);
}

static void lanes_depend_on_the_number_of_chains_only(void **state)
{
    (void)state;
    assert_int_equal(kr_block_lanes(1), 16);
    assert_int_equal(kr_block_lanes(128), 16);
    assert_int_equal(kr_block_lanes(256), 32);
    assert_int_equal(kr_block_lanes(512), 64);
    assert_int_equal(kr_block_lanes(1000000), 64);
}

/* A 2-state model on a box, so that all layouts apply. */
static kr_block *folded_block(const kr_terms *terms, const kr_fold *const *folds, uint64_t key)
{
    kr_error err = { 0 };
    kr_block *block = kr_block_alloc(terms, folds[0]->n_lanes - 3, 0, 0, &err);
    assert_non_null(block);
    assert_ok(kr_block_add_fold(block, folds[0], &err), &err);
    assert_ok(kr_block_add_fold(block, folds[1], &err), &err);
    kr_rng_seed(block->rng, 5, key, KR_PURPOSE_TEST);
    for (int32_t lane = 0; lane < block->n_lanes; lane++) {
        kr_block_start_lane(block, lane, KR_START_RANDOM, block->rng);
    }
    kr_block_score(block, terms);
    kr_block_count(block);
    block->log_q_of = 2;
    return block;
}

/* Chains of a and b in layout CHAIN, the masked ones exchanged. */
static void assert_swapped(kr_block *a, kr_block *b, const uint8_t *was_a, const uint8_t *was_b,
                           uint64_t mask, const kr_terms *terms)
{
    size_t n = (size_t)a->n_sites, q = (size_t)a->q;
    assert_int_equal(a->log_q_of, mask ? -1 : 2);
    kr_block_count(a);
    int64_t kept[2 * KR_LANES_MAX];
    memcpy(kept, a->count, (size_t)a->n_lanes * q * sizeof *kept);
    kr_block_touch(a);
    kr_block_count(a);
    assert_memory_equal(kept, a->count, (size_t)a->n_lanes * q * sizeof *kept);
    assert_true(kr_block_audit(a, terms) == 0.0 && kr_block_audit(b, terms) == 0.0);
    kr_block_convert(a, KR_LAYOUT_CHAIN);
    kr_block_convert(b, KR_LAYOUT_CHAIN);
    for (size_t lane = 0; lane < (size_t)a->n_lanes; lane++) {
        bool is_swapped = mask >> lane & 1;
        const uint8_t *x = (is_swapped ? was_b : was_a) + lane * n;
        const uint8_t *y = (is_swapped ? was_a : was_b) + lane * n;
        assert_memory_equal(a->state + lane * n, x, n);
        assert_memory_equal(b->state + lane * n, y, n);
    }
}

static void masked_chains_change_places_in_every_layout(void **state)
{
    (void)state;
    kr_system s = system_alloc("ising", "", "hypercubic", "size=8,8");
    const kr_target target = system_target(&s, 0.4);
    static const kr_layout layout[] = { KR_LAYOUT_CHAIN, KR_LAYOUT_LANE, KR_LAYOUT_BITS,
                                        KR_LAYOUT_BYTES };
    static const uint64_t masks[] = { 0, 1, 0x1234, 0x1fff, UINT64_MAX };
    kr_error err = { 0 };
    kr_fold *fold[4];
    for (int k = 0; k < 4; k++) { /* the second block has folds of its own */
        fold[k] = kr_fold_alloc(&target, k % 2 ? KR_LAYOUT_BYTES : KR_LAYOUT_BITS, 16, &err);
        assert_non_null(fold[k]);
    }
    for (int k = 0; k < 4 * 4 * 5; k++) {
        kr_block *a = folded_block(s.terms, (const kr_fold *const *)fold, 1);
        kr_block *b = folded_block(s.terms, (const kr_fold *const *)fold + 2, 2);
        uint8_t was_a[64 * 16], was_b[64 * 16];
        memcpy(was_a, a->state, 64 * (size_t)a->n_lanes);
        memcpy(was_b, b->state, 64 * (size_t)b->n_lanes);
        kr_block_convert(a, layout[k % 4]);
        kr_block_convert(b, layout[k / 4 % 4]);
        kr_block_swap(a, b, masks[k / 16]);
        assert_swapped(a, b, was_a, was_b, masks[k / 16] & 0x1fff, s.terms);
        kr_block_free(a);
        kr_block_free(b);
    }
    for (int k = 0; k < 4; k++) {
        kr_fold_free(fold[k]);
    }
    system_free(&s);
}

/* A gang of 16 lanes: members of 5 chains from lanes 3 and 10. */
typedef struct team {
    kr_fold *fold;
    kr_block *gang, *member[2];
    uint8_t was[2][5 * 64];
} team;

static team make_team(const kr_terms *terms, const kr_target *target, uint64_t seed)
{
    kr_error err = { 0 };
    team t = { .fold = kr_fold_alloc(target, KR_LAYOUT_BITS, 16, &err) };
    t.gang = kr_block_alloc(terms, 16, 0, 0, &err);
    assert_ok(kr_block_add_fold(t.gang, t.fold, &err), &err);
    kr_block_convert(t.gang, KR_LAYOUT_BITS);
    for (int k = 0; k < 2; k++) {
        kr_block *m = t.member[k] = kr_block_alloc(terms, 5, 0, k, &err);
        kr_rng_seed(m->rng, seed, (uint64_t)k, KR_PURPOSE_TEST);
        for (int32_t lane = 0; lane < 5; lane++) {
            kr_block_start_lane(m, lane, KR_START_RANDOM, m->rng);
        }
        kr_block_score(m, terms);
        m->log_q_of = 2;
        kr_block_join(m, t.gang, 3 + 7 * k);
        memcpy(t.was[k], m->state, sizeof t.was[k]);
    }
    return t;
}

static void free_team(team *t)
{
    kr_block_free(t->member[0]);
    kr_block_free(t->member[1]);
    kr_block_free(t->gang);
    kr_fold_free(t->fold);
}

static void members_of_a_gang_come_back_as_they_were(void **state)
{
    (void)state;
    kr_system s = system_alloc("ising", "", "hypercubic", "size=8,8");
    const kr_target target = system_target(&s, 0.4);
    team t = make_team(s.terms, &target, 1);
    for (int k = 0; k < 6; k++) { /* the last ones are not packed again */
        kr_block *m = t.member[k % 2];
        assert_true(kr_block_convert(m, KR_LAYOUT_GANG));
        kr_block_count(m);
        int64_t up = m->count[1];
        assert_true(kr_block_convert(m, KR_LAYOUT_CHAIN));
        assert_memory_equal(m->state, t.was[k % 2], sizeof t.was[0]);
        for (int i = 0; i < 64; i++) {
            up -= m->state[i];
        }
        assert_int_equal(up, 0);
    }
    uint8_t other[64];
    memset(other, 1, sizeof other); /* what is changed at home goes back */
    kr_block_set_lane(t.member[0], 2, other);
    kr_block_convert(t.member[0], KR_LAYOUT_GANG);
    assert_true(kr_block_convert(t.member[0], KR_LAYOUT_LANE));
    kr_block_convert(t.member[0], KR_LAYOUT_CHAIN);
    assert_memory_equal(t.member[0]->state + 2 * 64, other, sizeof other);
    assert_memory_equal(t.member[0]->state, t.was[0], 2 * 64);
    free_team(&t);
    system_free(&s);
}

static void members_of_gangs_change_places(void **state)
{
    (void)state;
    kr_system s = system_alloc("ising", "", "hypercubic", "size=8,8");
    const kr_target target = system_target(&s, 0.4);
    static const uint64_t masks[] = { 0, 1, 0x12, 0x1f, UINT64_MAX };
    for (int k = 0; k < 5 * 2 * 4; k++) { /* in one gang or two; in layout GANG or not */
        team t = make_team(s.terms, &target, 1), u = make_team(s.terms, &target, 2);
        kr_block *a = t.member[0], *b = k / 5 % 2 ? u.member[1] : t.member[1];
        const uint8_t *was_b = k / 5 % 2 ? u.was[1] : t.was[1];
        kr_block_convert(a, k / 10 % 2 ? KR_LAYOUT_GANG : KR_LAYOUT_CHAIN);
        kr_block_convert(b, k / 20 % 2 ? KR_LAYOUT_GANG : KR_LAYOUT_CHAIN);
        kr_block_swap(a, b, masks[k % 5]);
        kr_block_convert(a, KR_LAYOUT_GANG);
        kr_block_convert(b, KR_LAYOUT_GANG);
        assert_swapped(a, b, t.was[0], was_b, masks[k % 5] & 0x1f, s.terms);
        free_team(&t);
        free_team(&u);
    }
    system_free(&s);
}

static void wrong_numbers_of_chains_are_refused(void **state)
{
    (void)state;
    kr_terms *terms = ring();
    const int32_t wrong[] = { -1, 0, 65 };
    for (int k = 0; k < 3; k++) {
        kr_error err = { 0 };
        assert_null(kr_block_alloc(terms, wrong[k], 0, 0, &err));
        assert_int_equal(err.status, KR_EINVAL);
    }
    kr_terms_free(terms);
}

static void given_states_fill_one_lane(void **state)
{
    (void)state;
    kr_terms *terms = ring();
    kr_error err = { 0 };
    kr_block *block = kr_block_alloc(terms, 3, 0, 0, &err);
    uint8_t given[N];
    for (int32_t i = 0; i < N; i++) {
        given[i] = (uint8_t)((2 * i + 1) % Q);
    }
    block->has_count = 1;
    kr_block_set_lane(block, 1, given);
    assert_false(block->has_count);
    for (int32_t k = 0; k < 3 * N; k++) {
        assert_int_equal(block->state[k], k / N == 1 ? given[k % N] : 0);
    }
    kr_block_free(block);
    kr_terms_free(terms);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(conversions_there_and_back_change_nothing),
        cmocka_unit_test(energies_agree_in_both_layouts),
        cmocka_unit_test(starts_fill_one_lane),
        cmocka_unit_test(given_states_fill_one_lane),
        cmocka_unit_test(lanes_depend_on_the_number_of_chains_only),
        cmocka_unit_test(masked_chains_change_places_in_every_layout),
        cmocka_unit_test(members_of_a_gang_come_back_as_they_were),
        cmocka_unit_test(members_of_gangs_change_places),
        cmocka_unit_test(wrong_numbers_of_chains_are_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
