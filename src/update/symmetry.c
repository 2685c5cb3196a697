/* SPDX-License-Identifier: GPL-3.0-or-later
 * update/symmetry.c - a random symmetry of the Hamiltonian applied to the whole configuration.
 *
 * A lattice symmetry g = g_1^{k_1} g_2^{k_2} ..., with g_m the generators that leave the terms
 * invariant and each k_m uniform, times a uniform permutation of the states within each class
 * of states that all energies treat alike. The energy stays, so nothing is rejected; the choice
 * does not look at the state, so the target is invariant. Alone it never changes the energy.
 * Real variables of an even action change their sign together, angles turn together.
 * Source: Liu, Sabatti, Biometrika 87, 353 (2000), group moves.
 * Threads: pure given block, scratch and tally. */
#include "base/memory.h"
#include "base/rng.h"
#include "update/group.h"

#include <math.h>
#include <string.h>

static bool symmetry_supports(const kr_target *target, const void *params, kr_error *why)
{
    (void)params;
    const kr_action *action = target->terms->action;
    if (action ? action->is_even : kr_group_is_usable(target)) {
        return true;
    }
    if (action) {
        kr_fail(
            why, KR_EUNSUP,
            "symmetry: the action changes with the sign of the variables, want one that does "
            "not (no field)");
        return false;
    }
    kr_fail(why, KR_EUNSUP,
            "symmetry: none of the %d lattice symmetries and no exchange of states leaves all "
            "energies as they are, want one other than the identity",
            target->lattice->n_symmetries);
    return false;
}

typedef struct symmetry {
    kr_group *group;
    const kr_action *action; /* of real variables, then group is NULL */
} symmetry;

static void symmetry_free(void *self)
{
    symmetry *y = self;
    if (y && y->group) {
        kr_group_free(y->group);
    }
    kr_free(y);
}

static void *symmetry_alloc(const kr_update_setting *setting, const void *params, kr_error *err)
{
    (void)params;
    symmetry *y = kr_alloc(1, sizeof *y, err);
    if (!y) {
        return NULL;
    }
    y->action = setting->target->terms->action;
    y->group = y->action ? NULL : kr_group_alloc(setting->target, err);
    if (!y->action && !y->group) {
        symmetry_free(y);
        return NULL;
    }
    return y;
}

static size_t symmetry_scratch_bytes(const void *self, int32_t n_lanes)
{
    (void)n_lanes;
    const symmetry *y = self;
    return y->group ? kr_group_scratch_bytes(y->group) : 0;
}

/* Signs of all variables, by the toss of a coin; angles also turn by a random one. */
static void sweep_real(const symmetry *y, kr_block *block, kr_tally *tally)
{
    const double two_pi = 6.283185307179586477;
    for (int32_t lane = 0; lane < block->n_lanes; lane++) {
        const bool flips = kr_rng_bernoulli(block->rng, 0.5);
        const double turn = y->action->is_angle ? two_pi * kr_rng_uniform(block->rng) : 0.0;
        for (int32_t i = 0; i < block->n_sites && (flips || turn > 0.0); i++) {
            double *x = block->phi + (size_t)i * (size_t)block->stride + lane;
            *x = flips ? -*x : *x;
            *x = y->action->is_angle ? remainder(*x + turn, two_pi) : *x;
        }
        tally->attempted[lane]++;
        tally->accepted[lane]++;
        tally->changed[lane] += flips || turn > 0.0 ? block->n_sites : 0;
    }
    kr_block_touch(block);
}

static void sweep_once(const kr_group *group, kr_block *block, void *scratch, kr_tally *tally)
{
    size_t n = (size_t)block->n_sites;
    for (int32_t lane = 0; lane < block->n_lanes; lane++) {
        uint8_t *s = block->state + (size_t)lane * n;
        const uint8_t *moved = kr_group_draw(group, s, 1, scratch, block->rng);
        int64_t changed = 0;
        for (size_t i = 0; i < n; i++) {
            changed += s[i] != moved[i];
        }
        memcpy(s, moved, n);
        tally->attempted[lane]++;
        tally->accepted[lane]++;
        tally->changed[lane] += changed;
        if (changed > 0) {
            kr_block_touch(block);
        }
    }
}

static void symmetry_sweep(const void *self, kr_block *block, int64_t n_sweeps, void *scratch,
                           kr_tally *tally)
{
    const symmetry *y = self;
    for (int64_t k = 0; k < n_sweeps; k++) {
        if (y->action) {
            sweep_real(y, block, tally);
        } else {
            sweep_once(y->group, block, scratch, tally);
        }
    }
}

static const kr_field fields[] = { KR_FIELD_END };

const kr_update_plug kr_update_symmetry = {
    .name = "symmetry",
    .doc = "moves the whole configuration by a random symmetry of the energy (translations, "
           "rotations, exchanges of states; of real variables the common sign); combine it "
           "with an update that changes the energy",
    .source = "Liu, Sabatti, Biometrika 87, 353 (2000)",
    .fields = fields,
    .params_size = 0,
    .flags = KR_UPDATE_ANY_WEIGHT,
    .layouts = KR_LAYOUT_CHAIN | KR_LAYOUT_REAL,
    .supports = symmetry_supports,
    .alloc = symmetry_alloc,
    .free = symmetry_free,
    .scratch_bytes = symmetry_scratch_bytes,
    .sweep = symmetry_sweep,
};
