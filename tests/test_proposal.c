/* SPDX-License-Identifier: GPL-3.0-or-later
 * tests/test_proposal.c - the queue of proposals: order, batches, epochs. */
#include "base/state.h"
#include "chain_density.h"
#include "classes.h"

#include "update/proposal.h"

typedef struct fixture {
    tiny *system;
    kr_target target;
    kr_density_plug plug;
    kr_density density;
} fixture;

static int setup(void **state)
{
    fixture *f = calloc(1, sizeof *f);
    f->system = sampled_system("ising", "{field: 0.2}", "{size: [3, 2]}");
    f->target = (kr_target){ f->system->lattice, f->system->terms, 0.3 };
    f->plug = chain_density_plug();
    f->density = (kr_density){
        .plug = &f->plug, .self = f->plug.alloc(&f->target, NULL, NULL), .index = 1, .epoch = 5
    };
    *state = f;
    return 0;
}

static int teardown(void **state)
{
    fixture *f = *state;
    f->plug.free(f->density.self);
    tiny_free(f->system);
    free(f);
    return 0;
}

static kr_block *pooled_block(const fixture *f, int32_t n_lanes)
{
    kr_error err = { 0 };
    kr_block *block = sampled_block(f->system->terms, n_lanes, 3);
    assert_ok(kr_block_add_pool(block, 0, &err), &err);
    assert_ok(kr_block_add_pool(block, 1, &err), &err);
    assert_ok(kr_block_add_pool(block, 1, &err), &err);
    assert_int_equal(block->n_pools, 2);
    kr_block_convert(block, KR_LAYOUT_LANE);
    return block;
}

static void run(sampled *s, kr_block *block, int64_t n_sweeps)
{
    s->update->sweep(s->self, block, n_sweeps, s->scratch, &s->tally);
}

/* 30 sweeps of 5 chains and 7 proposals each do not fill batches evenly. */
static void grouping_of_sweeps_changes_nothing(void **state)
{
    fixture *f = *state;
    static const char *names[] = { "independence", "multi_try" };
    for (int u = 0; u < 2; u++) {
        sampled s = sampled_alloc(names[u], "{}", &f->target, &f->density, 5);
        kr_block *whole = pooled_block(f, 5), *parts = pooled_block(f, 5);
        run(&s, whole, 30);
        for (int k = 0; k < 30; k += 1 + k % 3) {
            memset(s.scratch, 0xa5 + k, s.update->scratch_bytes(s.self, 5));
            run(&s, parts, k + 1 + k % 3 > 30 ? 30 - k : 1 + k % 3);
        }
        assert_memory_equal(whole->state, parts->state, (size_t)whole->stride * 6);
        assert_memory_equal(whole->log_q, parts->log_q, 5 * sizeof(double));
        assert_int_equal(whole->pool[1].n_used, parts->pool[1].n_used);
        assert_true(kr_rng_u64(whole->rng) == kr_rng_u64(parts->rng));
        kr_block_free(whole);
        kr_block_free(parts);
        sampled_free(&s);
    }
}

/* Which lanes of the batch went where is part of what a restart restores. */
static void a_restart_goes_on_in_the_batch(void **state)
{
    fixture *f = *state;
    kr_error err = { 0 };
    sampled s = sampled_alloc("multi_try", "{tries: 4}", &f->target, &f->density, 5);
    kr_block *block = pooled_block(f, 5), *copy = pooled_block(f, 5);
    run(&s, block, 3);
    kr_state *from = kr_state_alloc(&err), *to = kr_state_alloc(&err);
    assert_ok(kr_block_declare(block, from, &err), &err);
    assert_ok(kr_block_declare(copy, to, &err), &err);
    assert_ok(kr_state_save(from, "test_proposal.restart", NULL, &err), &err);
    assert_ok(kr_state_load(to, "test_proposal.restart", &err), &err);
    (void)remove("test_proposal.restart");
    run(&s, block, 10);
    run(&s, copy, 10);
    assert_memory_equal(block->state, copy->state, (size_t)block->stride * 6);
    assert_int_equal(block->pool[1].n_used, copy->pool[1].n_used);
    kr_state_free(from);
    kr_state_free(to);
    kr_block_free(block);
    kr_block_free(copy);
    sampled_free(&s);
}

/* Weights that have changed make new proposals; those of another density are let alone. */
static void proposals_die_with_their_weights(void **state)
{
    fixture *f = *state;
    sampled s = sampled_alloc("independence", "{}", &f->target, &f->density, 5);
    kr_block *block = pooled_block(f, 5);
    run(&s, block, 1);
    assert_int_equal(block->pool[1].n_used, 5);
    run(&s, block, 1);
    assert_int_equal(block->pool[1].n_used, 10);
    f->density.epoch++;
    run(&s, block, 1);
    assert_int_equal(block->pool[1].n_used, 5);
    assert_int_equal(block->pool[1].epoch, 6);
    assert_int_equal(block->pool[0].n_used, 0);
    kr_block_free(block);
    sampled_free(&s);
}

/* A full block takes the same proposals with a pool and without. */
static void full_blocks_need_no_pool(void **state)
{
    fixture *f = *state;
    sampled s = sampled_alloc("independence", "{}", &f->target, &f->density, 64);
    kr_block *with = pooled_block(f, 64), *without = sampled_block(f->system->terms, 64, 3);
    kr_block_convert(without, KR_LAYOUT_LANE);
    run(&s, with, 9);
    run(&s, without, 9);
    assert_memory_equal(with->state, without->state, (size_t)with->stride * 6);
    kr_block_free(with);
    kr_block_free(without);
    sampled_free(&s);
}

static void few_chains_sample_the_law_from_a_pool(void **state)
{
    (void)state;
    for (uint64_t seed = 1; seed <= 3; seed++) {
        assert_true(fabs(classes_run("independence", "{}", 1, 8, true, seed)) < CLASSES_MAX);
        assert_true(fabs(classes_run("independence", "{}", 16, 8, true, seed)) < CLASSES_MAX);
    }
}

int main(void)
{
#define FIXTURE_TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
    const struct CMUnitTest tests[] = {
        FIXTURE_TEST(grouping_of_sweeps_changes_nothing),
        FIXTURE_TEST(a_restart_goes_on_in_the_batch),
        FIXTURE_TEST(proposals_die_with_their_weights),
        FIXTURE_TEST(full_blocks_need_no_pool),
        cmocka_unit_test(few_chains_sample_the_law_from_a_pool),
    };
    return cmocka_run_group_tests_name("proposal", tests, NULL, NULL);
}
