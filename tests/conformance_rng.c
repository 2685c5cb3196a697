/* SPDX-License-Identifier: GPL-3.0-or-later
 * tests/conformance_rng.c - the walk over the tree of draws that all transition matrices rest
 * on. */
#include "kr_test.h"

#include "base/rng.h"

typedef struct walk {
    kr_rng rng;
    kr_rng_tree *tree;
} walk;

static int setup(void **state)
{
    walk *w = malloc(sizeof *w);
    kr_rng_seed(&w->rng, 5, 0, KR_PURPOSE_TEST);
    w->tree = kr_rng_tree_alloc();
    kr_rng_enumerate_begin(&w->rng, w->tree);
    *state = w;
    return w->tree ? 0 : -1;
}

static int teardown(void **state)
{
    walk *w = *state;
    kr_rng_tree_free(w->tree);
    free(w);
    return 0;
}

/* Three draws whose number and odds depend on the earlier ones; every leaf must come once. */
static void every_leaf_comes_once_with_its_probability(void **state)
{
    walk *w = *state;
    const double weight[4] = { 1.0, 0.0, 2.0, 5.0 };
    double seen[3][4][2] = { { { 0 } } }, total = 0.0;
    int n_leaves = 0;
    do {
        uint32_t a = kr_rng_below(&w->rng, 3);
        int32_t b = kr_rng_categorical(&w->rng, weight, 4);
        bool c = a == 1 && kr_rng_bernoulli(&w->rng, 0.25 * b);
        seen[a][b][c] += kr_rng_enumerate_weight(w->tree);
        total += kr_rng_enumerate_weight(w->tree);
        n_leaves++;
    } while (kr_rng_enumerate_next(w->tree));
    /* a = 0, 2: three leaves each; a = 1: b = 0 never, b = 2 either, b = 3 either */
    assert_int_equal(n_leaves, 3 + 3 + 5);
    assert_close(total, 1.0, 1e-15);
    assert_close(seen[0][3][0], 5.0 / 24.0, 1e-15);
    assert_close(seen[1][0][0], 1.0 / 24.0, 1e-15);
    assert_close(seen[1][2][1], 0.5 * 2.0 / 24.0, 1e-15);
    assert_close(seen[1][3][0], 0.25 * 5.0 / 24.0, 1e-15);
    assert_true(seen[0][1][0] == 0.0);
}

static void sure_draws_make_no_branch(void **state)
{
    walk *w = *state;
    const double alone[3] = { 0.0, 3.0, 0.0 };
    const uint32_t sure[2] = { 0, 7 };
    assert_true(kr_rng_bernoulli(&w->rng, 1.0));
    assert_true(kr_rng_bernoulli(&w->rng, 1.5));
    assert_false(kr_rng_bernoulli(&w->rng, 0.0));
    assert_false(kr_rng_bernoulli(&w->rng, -1.0));
    assert_false(kr_rng_bernoulli(&w->rng, (double)NAN));
    assert_int_equal(kr_rng_below(&w->rng, 1), 0);
    assert_int_equal(kr_rng_categorical(&w->rng, alone, 3), 1);
    assert_int_equal(kr_rng_integer_weights(&w->rng, sure, 7, 2), 1);
    assert_true(kr_rng_enumerate_weight(w->tree) == 1.0);
    assert_false(kr_rng_enumerate_next(w->tree));
}

static void integer_draws_have_exact_weights(void **state)
{
    walk *w = *state;
    const uint32_t p[2] = { 1, UINT32_MAX }, weight[3] = { 1, 5, 10 };
    double seen[2][2][3] = { { { 0 } } };
    do {
        uint8_t out[2];
        kr_rng_bernoulli_lanes(&w->rng, 2, p, out);
        int32_t a = kr_rng_integer_weights(&w->rng, weight, 16, 3);
        seen[out[0]][out[1]][a] += kr_rng_enumerate_weight(w->tree);
    } while (kr_rng_enumerate_next(w->tree));
    assert_true(seen[1][0][0] == 0x1p-32 * 0x1p-32 / 16);
    assert_true(seen[1][1][2] == 0x1p-32 * (1.0 - 0x1p-32) * 10 / 16);
    assert_close(seen[0][1][1] * 16 / 5, (1.0 - 0x1p-32) * (1.0 - 0x1p-32), 1e-15);
}

static void long_paths_are_kept_whole(void **state)
{
    walk *w = *state;
    enum { DEPTH = 1000 }; /* beyond the first capacity of the path */
    int n_leaves = 0;
    double total = 0.0;
    do {
        int d = 0;
        while (d < DEPTH && kr_rng_bernoulli(&w->rng, 0.75)) {
            d++;
        }
        total += kr_rng_enumerate_weight(w->tree);
        n_leaves++;
    } while (kr_rng_enumerate_next(w->tree));
    assert_int_equal(n_leaves, DEPTH + 1);
    assert_close(total, 1.0, 1e-13);
}

static void continuous_draws_spoil_the_weight(void **state)
{
    walk *w = *state;
    double first = kr_rng_uniform(&w->rng);
    assert_true(isnan(kr_rng_enumerate_weight(w->tree)));
    assert_true(first != kr_rng_uniform(&w->rng));
    (void)kr_rng_bernoulli(&w->rng, 0.5); /* the tree is still there */
    assert_true(isnan(kr_rng_enumerate_weight(w->tree)));
    assert_true(kr_rng_enumerate_next(w->tree));
    assert_true(kr_rng_enumerate_weight(w->tree) == 1.0);
    (void)kr_rng_normal(&w->rng);
    assert_true(isnan(kr_rng_enumerate_weight(w->tree)));
}

/* Set-up code draws from streams of its own; first words as in tests/test_rng.c. */
static void streams_without_a_tree_draw_as_in_production(void **state)
{
    (void)state;
    kr_rng rng;
    memset(&rng, 0, sizeof rng);
    for (int l = 0; l < KR_RNG_LANES; l++) {
        for (int word = 0; word < 4; word++) {
            rng.s[word][l] = (uint64_t)word + 1;
        }
    }
    rng.n_used = KR_RNG_BUFFER;
    assert_true(kr_rng_u64(&rng) == 41943041ULL);
    assert_true(kr_rng_uniform(&rng) == 20480 * 0x1p-53); /* 41943041 >> 11 */
}

int main(void)
{
#define WALK_TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
    const struct CMUnitTest tests[] = {
        WALK_TEST(every_leaf_comes_once_with_its_probability),
        WALK_TEST(sure_draws_make_no_branch),
        WALK_TEST(integer_draws_have_exact_weights),
        WALK_TEST(long_paths_are_kept_whole),
        WALK_TEST(continuous_draws_spoil_the_weight),
        cmocka_unit_test(streams_without_a_tree_draw_as_in_production),
    };
    return cmocka_run_group_tests_name("enumerating source", tests, NULL, NULL);
}
