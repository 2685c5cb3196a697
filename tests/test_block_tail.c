/* SPDX-License-Identifier: GPL-3.0-or-later
 * tests/test_block_tail.c - blocks drawn anew anywhere on the lattice: places, energies,
 * counts, what is refused. Their transition matrices are in conformance_proposals.c. */
#include "sampled.h"

#include "base/memory.h"
#include "update/block_tail.h"

enum { N = 33, STRIDE = 48 };

static kr_density density_of(const kr_target *target, const char *yaml)
{
    kr_error err = { 0 };
    kr_density density = { .epoch = 1 };
    for (int k = 0; kr_registry_densities[k]; k++) {
        const kr_density_plug *plug = kr_registry_densities[k];
        density.plug = strcmp(plug->name, "frontier_block") == 0 ? plug : density.plug;
    }
    void *params = tiny_params("frontier_block", density.plug->fields,
                               density.plug->params_size, yaml, &err);
    density.self = params ? density.plug->alloc(target, params, &err) : NULL;
    free(params);
    if (!density.self) {
        fail_msg("%s", err.text);
    }
    kr_rng rng;
    kr_rng_seed(&rng, 3, 0, KR_PURPOSE_WEIGHTS);
    density.plug->init(density.self, &rng);
    return density;
}

static tiny *system_of(const char *model, const char *yaml, const char *box)
{
    kr_error err = { 0 };
    tiny *t = calloc(1, sizeof *t);
    const kr_lattice_plug *on = tiny_lattice("hypercubic");
    const kr_model_plug *of = tiny_model(model);
    void *on_params = tiny_params("box", on->fields, on->params_size, box, &err);
    void *of_params = tiny_params(model, of->fields, of->params_size, yaml, &err);
    t->lattice = kr_lattice_alloc(on, on_params, &err);
    t->terms = t->lattice ? kr_terms_alloc(of, of_params, t->lattice, &err) : NULL;
    free(on_params);
    free(of_params);
    assert_ok(err.status, &err);
    return t;
}

/* What a block changes in the energy of the whole lattice is what its own bonds and fields say,
 * wherever a symmetry puts it. */
static void energies_of_the_block_tell_those_of_the_lattice(void **state)
{
    static const char *const model[][2] = { { "ising", "{J: 0.7, field: 0.2}" },
                                            { "potts", "{q: 3}" } };
    (void)state;
    for (int k = 0; k < 2; k++) {
        kr_error err = { 0 };
        kr_block_tail tail;
        tiny *t = system_of(model[k][0], model[k][1], "{size: [6, 5]}");
        const kr_target target = { t->lattice, t->terms, 0.4 };
        kr_density density = density_of(&target, "{size: [3, 2], hidden: 3}");
        assert_ok(kr_block_tail_init(&tail, &target, &density, true, &err), &err);
        kr_block *block = sampled_block(t->terms, N, 4);
        uint8_t *seen = kr_alloc(30 * STRIDE, 1, NULL);
        double energy[2][N], whole[2][N];
        int32_t image[64];
        kr_block_convert(block, KR_LAYOUT_LANE);
        for (int move = 0; move < 20; move++) {
            kr_block_tail_place(&tail, image, block->rng);
            for (int side = 0; side < 2; side++) {
                kr_block_tail_gather(&tail, image, STRIDE, block->state, seen);
                kr_block_tail_energy(&tail, N, STRIDE, seen, energy[side]);
                for (int l = 0; l < N; l++) {
                    whole[side][l] = kr_terms_energy(t->terms, block->state + l, STRIDE);
                }
                for (int i = tail.shape.n_given; side == 0 && i < tail.shape.n_given + 6; i++) {
                    for (int l = 0; l < N; l++) {
                        block->state[image[i] * STRIDE + l] =
                            (uint8_t)kr_rng_below(block->rng, (uint32_t)t->terms->q);
                    }
                }
            }
            for (int l = 0; l < N; l++) {
                assert_true(fabs(energy[1][l] - energy[0][l] - whole[1][l] + whole[0][l]) <
                            1e-12);
            }
        }
        kr_free(seen);
        kr_block_free(block);
        kr_block_tail_clear(&tail);
        density.plug->free(density.self);
        tiny_free(t);
    }
}

/* 3000 places of the corner of a block, 20 of them expected at each of 150. */
static void symmetries_carry_the_block_everywhere_alike(void **state)
{
    enum { PLACES = 3000 };
    kr_error err = { 0 };
    kr_block_tail tail;
    double count[150] = { 0 }, chi2 = 0.0;
    (void)state;
    tiny *t = system_of("ising", "{}", "{size: [15, 10]}");
    const kr_target target = { t->lattice, t->terms, 0.4 };
    kr_density density = density_of(&target, "{size: 3, hidden: 3}");
    assert_ok(kr_block_tail_init(&tail, &target, &density, true, &err), &err);
    assert_int_equal(tail.n_moves, 16);
    kr_rng rng;
    kr_rng_seed(&rng, 5, 0, KR_PURPOSE_TEST);
    for (int k = 0; k < PLACES; k++) {
        int32_t image[64];
        kr_block_tail_place(&tail, image, &rng);
        count[image[tail.shape.n_given]] += 1.0;
    }
    for (int i = 0; i < 150; i++) {
        chi2 += (count[i] - PLACES / 150.0) * (count[i] - PLACES / 150.0) / (PLACES / 150.0);
    }
    assert_true(fabs(chi2 - 149.0) / sqrt(2.0 * 149.0) < 3.9);
    kr_block_tail_clear(&tail);
    density.plug->free(density.self);
    tiny_free(t);
}

/* Counted sites against those that 4000 places covered; a sweep has as many attempts as it
 * takes to cover them. */
static void blocks_reach_what_symmetries_carry_them_to(void **state)
{
    static const struct {
        const char *box, *block;
        int32_t n_reached, n_moves;
        bool has_symmetry;
    } row[] = {
        { "{size: [6, 6], boundary: open}", "{size: 2, hidden: 3}", 16, 4, true },
        { "{size: [6, 6], boundary: open}", "{size: [6, 3], hidden: 3}", 36, 2, true },
        { "{size: [6, 4], boundary: open}", "{size: 2, at: [2, 1], hidden: 3}", 4, 1, true },
        { "{size: [6, 4], boundary: [periodic, open]}", "{size: [2, 1]}", 12, 6, true },
        { "{size: [6, 4]}", "{size: [3, 2], hidden: 3}", 24, 4, true },
        { "{size: [6, 4]}", "{size: [3, 2], hidden: 3}", 6, 1, false },
    };
    (void)state;
    for (size_t k = 0; k < sizeof row / sizeof *row; k++) {
        kr_error err = { 0 };
        kr_block_tail tail;
        uint8_t seen[36] = { 0 };
        kr_rng rng;
        int32_t image[64], n = 0;
        tiny *t = system_of("ising", "{}", row[k].box);
        const kr_target target = { t->lattice, t->terms, 0.4 };
        kr_density density = density_of(&target, row[k].block);
        assert_ok(kr_block_tail_init(&tail, &target, &density, row[k].has_symmetry, &err),
                  &err);
        kr_rng_seed(&rng, 5, 0, KR_PURPOSE_TEST);
        for (int place = 0; place < 4000; place++) {
            kr_block_tail_place(&tail, image, &rng);
            for (int32_t i = 0; i < tail.shape.n_drawn; i++) {
                seen[image[tail.shape.n_given + i]] = 1;
            }
        }
        for (int32_t i = 0; i < t->terms->n_sites; i++) {
            assert_int_equal(seen[i], tail.is_reached[i]);
            n += seen[i];
        }
        assert_int_equal(n, row[k].n_reached);
        assert_int_equal(tail.n_moves, row[k].n_moves);
        kr_block_tail_clear(&tail);
        density.plug->free(density.self);
        tiny_free(t);
    }
}

/* A sweep is as many attempts as make the lattice, or one where the block stays. */
static void sweeps_count_their_attempts_and_keep_energies(void **state)
{
    static const char *const yaml[] = { "{}", "{symmetry: true}" };
    (void)state;
    tiny *t = system_of("ising", "{}", "{size: [6, 5]}");
    const kr_target target = { t->lattice, t->terms, 0.3 };
    kr_density density = density_of(&target, "{size: 2, hidden: 3}");
    for (int k = 0; k < 2; k++) {
        sampled s = sampled_alloc("tail_refresh", yaml[k], &target, &density, N);
        kr_block *block = sampled_block(t->terms, N, 6);
        for (int sweep = 0; sweep < 10; sweep++) {
            sampled_sweep(&s, block);
        }
        assert_int_equal(s.tally.attempted[N - 1], k == 0 ? 10 : 70);
        assert_true(s.tally.accepted[0] > 0 && s.tally.changed[0] > 0);
        assert_true(kr_block_audit(block, t->terms) <= 1e-12);
        kr_block_free(block);
        sampled_free(&s);
    }
    density.plug->free(density.self);
    tiny_free(t);
}

static void assert_refused(const char *name, const char *yaml, const kr_target *target,
                           const kr_density *density, const char *want)
{
    kr_error err = { 0 };
    const kr_update_plug *update = sampled_update(name);
    const kr_update_setting setting = { .target = target, .density = density, .n_lanes = 1 };
    void *params = tiny_params(name, update->fields, update->params_size, yaml, &err);
    assert_non_null(params);
    assert_null(update->alloc(&setting, params, &err));
    if (err.status != KR_EUNSUP || !strstr(err.text, want)) {
        fail_msg("%s, want %s", err.text, want);
    }
    free(params);
}

static void what_a_block_cannot_do_is_refused(void **state)
{
    (void)state;
    tiny *t = system_of("ising", "{disorder: {kind: gaussian, seed: 2}}", "{size: [4, 4]}");
    const kr_target target = { t->lattice, t->terms, 0.3 };
    kr_density density = density_of(&target, "{size: 2}");
    assert_refused("independence", "{}", &target, &density, "whole configurations");
    assert_refused("multi_try", "{}", &target, &density, "whole configurations");
    assert_refused("tail_refresh", "{cut: uniform}", &target, &density, "want cut: auto");
    /* all spins may be turned, but no site moves */
    assert_refused("tail_refresh", "{symmetry: true}", &target, &density,
                   "want symmetry: false");
    density.plug->free(density.self);
    tiny_free(t);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(energies_of_the_block_tell_those_of_the_lattice),
        cmocka_unit_test(symmetries_carry_the_block_everywhere_alike),
        cmocka_unit_test(blocks_reach_what_symmetries_carry_them_to),
        cmocka_unit_test(sweeps_count_their_attempts_and_keep_energies),
        cmocka_unit_test(what_a_block_cannot_do_is_refused),
    };
    return cmocka_run_group_tests_name("block_tail", tests, NULL, NULL);
}
