/* SPDX-License-Identifier: GPL-3.0-or-later
 * update/symmetry.c - a random symmetry of the Hamiltonian applied to the whole configuration.
 *
 * A lattice symmetry g = g_1^{k_1} g_2^{k_2} ..., with g_m the generators that leave the terms
 * invariant and each k_m uniform, times a uniform permutation of the states within each class
 * of states that all energies treat alike. The energy stays, so nothing is rejected; the choice
 * does not look at the state, so the target is invariant. Alone it never changes the energy.
 * Source: Liu, Sabatti, Biometrika 87, 353 (2000), group moves.
 * Threads: pure given block, scratch and tally. */
#include "update/group.h"

#include <string.h>

static bool symmetry_supports(const kr_target *target, const void *params, kr_error *why)
{
    (void)params;
    if (kr_group_is_usable(target)) {
        return true;
    }
    kr_fail(why, KR_EUNSUP,
            "symmetry: none of the %d lattice symmetries and no exchange of states leaves all "
            "energies as they are, want one other than the identity",
            target->lattice->n_symmetries);
    return false;
}

static void *symmetry_alloc(const kr_update_setting *setting, const void *params, kr_error *err)
{
    (void)params;
    return kr_group_alloc(setting->target, err);
}

static void symmetry_free(void *self)
{
    kr_group_free(self);
}

static size_t symmetry_scratch_bytes(const void *self, int32_t n_lanes)
{
    (void)n_lanes;
    return kr_group_scratch_bytes(self);
}

static void sweep_once(const void *self, kr_block *block, void *scratch, kr_tally *tally)
{
    size_t n = (size_t)block->n_sites;
    for (int32_t lane = 0; lane < block->n_lanes; lane++) {
        uint8_t *s = block->state + (size_t)lane * n;
        const uint8_t *moved = kr_group_draw(self, s, 1, scratch, block->rng);
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
    for (int64_t k = 0; k < n_sweeps; k++) {
        sweep_once(self, block, scratch, tally);
    }
}

static const kr_field fields[] = { KR_FIELD_END };

const kr_update_plug kr_update_symmetry = {
    .name = "symmetry",
    .doc = "moves the whole configuration by a random symmetry of the energy (translations, "
           "rotations, exchanges of states); combine it with an update that changes the energy",
    .source = "Liu, Sabatti, Biometrika 87, 353 (2000)",
    .fields = fields,
    .params_size = 0,
    .flags = KR_UPDATE_ANY_WEIGHT,
    .layouts = KR_LAYOUT_CHAIN,
    .supports = symmetry_supports,
    .alloc = symmetry_alloc,
    .free = symmetry_free,
    .scratch_bytes = symmetry_scratch_bytes,
    .sweep = symmetry_sweep,
};
