/* SPDX-License-Identifier: GPL-3.0-or-later
 * update/symmetry.c - a random symmetry of the Hamiltonian applied to the whole configuration.
 *
 * A lattice symmetry g = g_1^{k_1} g_2^{k_2} ..., with g_m the generators that leave the terms
 * invariant and each k_m uniform, times a uniform permutation of the states within each class
 * of states that all energies treat alike. The energy stays, so nothing is rejected; the choice
 * does not look at the state, so the target is invariant. Alone it never changes the energy.
 * Source: Liu, Sabatti, Biometrika 87, 353 (2000), group moves.
 * Threads: pure given block, scratch and tally. */
#include "base/memory.h"
#include "base/rng.h"
#include "model/terms.h"

#include <string.h>

typedef struct generator {
    int32_t order, n_bits;
    int32_t *power; /* (n_bits, n_sites): g^(2^bit) as site -> image; owns */
} generator;

typedef struct symmetry {
    const kr_terms *terms;
    int32_t n_generators;
    generator *generators; /* owns */
    int32_t n_classes;
    int32_t *class_begin; /* (n_classes + 1) into member; owns */
    int32_t *member;      /* (q) states class by class; owns */
} symmetry;

static bool is_usable(const kr_target *target, int32_t m)
{
    const kr_lattice *lattice = target->lattice;
    const int32_t *image = lattice->symmetry + (size_t)m * (size_t)lattice->n_sites;
    return lattice->symmetry_order[m] > 1 && kr_terms_is_symmetry(target->terms, image);
}

static bool has_equal_states(const kr_terms *terms)
{
    for (int32_t a = 0; a < terms->q; a++) {
        for (int32_t b = 0; b < a; b++) {
            if (terms->state_class[a] == terms->state_class[b]) {
                return true;
            }
        }
    }
    return false;
}

static bool symmetry_supports(const kr_target *target, const void *params, kr_error *why)
{
    (void)params;
    if (has_equal_states(target->terms)) {
        return true;
    }
    for (int32_t m = 0; m < target->lattice->n_symmetries; m++) {
        if (is_usable(target, m)) {
            return true;
        }
    }
    kr_fail(why, KR_EUNSUP,
            "symmetry: none of the %d lattice symmetries and no exchange of states leaves all "
            "energies as they are, want one other than the identity",
            target->lattice->n_symmetries);
    return false;
}

static void symmetry_free(void *self)
{
    symmetry *y = self;
    if (y) {
        for (int32_t m = 0; m < y->n_generators; m++) {
            kr_free(y->generators[m].power);
        }
        kr_free(y->generators);
        kr_free(y->class_begin);
        kr_free(y->member);
        kr_free(y);
    }
}

static int add_generator(symmetry *y, const kr_lattice *lattice, int32_t m, kr_error *err)
{
    size_t n = (size_t)lattice->n_sites;
    generator *g = &y->generators[y->n_generators];
    g->order = lattice->symmetry_order[m];
    g->n_bits = 0;
    while (g->n_bits < 31 && (g->order - 1) >> g->n_bits) {
        g->n_bits++;
    }
    g->power = kr_alloc((size_t)g->n_bits * n, sizeof *g->power, err);
    if (!g->power) {
        return KR_ENOMEM;
    }
    y->n_generators++;
    memcpy(g->power, lattice->symmetry + (size_t)m * n, n * sizeof *g->power);
    for (int32_t bit = 1; bit < g->n_bits; bit++) {
        const int32_t *root = g->power + (size_t)(bit - 1) * n;
        for (size_t i = 0; i < n; i++) {
            g->power[(size_t)bit * n + i] = root[root[i]];
        }
    }
    return KR_OK;
}

static void list_classes(symmetry *y)
{
    const kr_terms *terms = y->terms;
    int32_t n = 0;
    for (int32_t a = 0; a < terms->q; a++) {
        bool is_first = true;
        for (int32_t b = 0; b < a; b++) {
            is_first &= terms->state_class[b] != terms->state_class[a];
        }
        if (!is_first) {
            continue;
        }
        y->class_begin[y->n_classes++] = n;
        for (int32_t b = a; b < terms->q; b++) {
            if (terms->state_class[b] == terms->state_class[a]) {
                y->member[n++] = b;
            }
        }
    }
    y->class_begin[y->n_classes] = n;
}

static int prepare(symmetry *y, const kr_target *target, kr_error *err)
{
    const kr_lattice *lattice = target->lattice;
    size_t q = (size_t)target->terms->q;
    y->generators = kr_alloc((size_t)lattice->n_symmetries, sizeof *y->generators, err);
    y->class_begin = kr_alloc(q + 1, sizeof *y->class_begin, err);
    y->member = kr_alloc(q, sizeof *y->member, err);
    if (!y->generators || !y->class_begin || !y->member) {
        return KR_ENOMEM;
    }
    list_classes(y);
    for (int32_t m = 0; m < lattice->n_symmetries; m++) {
        if (is_usable(target, m)) {
            KR_TRY(add_generator(y, lattice, m, err));
        }
    }
    return KR_OK;
}

static void *symmetry_alloc(const kr_update_setting *setting, const void *params, kr_error *err)
{
    const kr_target *target = setting->target;
    (void)params;
    symmetry *y = kr_alloc(1, sizeof *y, err);
    if (!y) {
        return NULL;
    }
    y->terms = target->terms;
    if (prepare(y, target, err) != KR_OK) {
        symmetry_free(y);
        return NULL;
    }
    return y;
}

static size_t symmetry_scratch_bytes(const void *self, int32_t n_lanes)
{
    (void)n_lanes;
    return 2 * (size_t)((const symmetry *)self)->terms->n_sites;
}

/* Random permutation of the states (Fisher, Yates 1938) in each class. */
static void draw_states(const symmetry *y, uint8_t *image, kr_rng *rng)
{
    for (int32_t c = 0; c < y->n_classes; c++) {
        const int32_t *member = y->member + y->class_begin[c];
        int32_t n = y->class_begin[c + 1] - y->class_begin[c];
        for (int32_t k = 0; k < n; k++) {
            image[member[k]] = (uint8_t)member[k];
        }
        for (int32_t k = n - 1; k > 0; k--) {
            uint32_t pick = kr_rng_below(rng, (uint32_t)k + 1);
            uint8_t kept = image[member[k]];
            image[member[k]] = image[member[pick]];
            image[member[pick]] = kept;
        }
    }
}

/* The moved copy of s, in one of the two arrays of scratch. */
static const uint8_t *apply(const symmetry *y, const uint8_t *s, uint8_t *scratch, kr_rng *rng)
{
    size_t n = (size_t)y->terms->n_sites;
    uint8_t *from = scratch, *to = scratch + n;
    uint8_t image[KR_STATES_MAX];
    draw_states(y, image, rng);
    for (size_t i = 0; i < n; i++) {
        from[i] = image[s[i]];
    }
    for (int32_t m = 0; m < y->n_generators; m++) {
        const generator *g = &y->generators[m];
        uint32_t exponent = kr_rng_below(rng, (uint32_t)g->order);
        for (int32_t bit = 0; bit < g->n_bits; bit++) {
            if (!(exponent >> bit & 1)) {
                continue;
            }
            const int32_t *power = g->power + (size_t)bit * n;
            for (size_t i = 0; i < n; i++) {
                to[power[i]] = from[i];
            }
            uint8_t *swapped = from;
            from = to;
            to = swapped;
        }
    }
    return from;
}

static void sweep_once(const void *self, kr_block *block, void *scratch, kr_tally *tally)
{
    const symmetry *y = self;
    size_t n = (size_t)block->n_sites;
    for (int32_t lane = 0; lane < block->n_lanes; lane++) {
        uint8_t *s = block->state + (size_t)lane * n;
        const uint8_t *moved = apply(y, s, scratch, block->rng);
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
