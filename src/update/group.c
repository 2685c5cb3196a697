/* SPDX-License-Identifier: GPL-3.0-or-later
 * update/group.c - random symmetries of the Hamiltonian, applied to whole configurations.
 *
 * Generators are kept as their powers of two, so that g^k costs log2 k passes. */
#include "update/group.h"

#include "base/memory.h"
#include "base/rng.h"
#include "model/terms.h"

#include <string.h>

typedef struct generator {
    int32_t order, n_bits;
    int32_t *power; /* (n_bits, n_sites): g^(2^bit) as site -> image; owns */
} generator;

struct kr_group {
    const kr_terms *terms;
    int32_t n_generators;
    generator *generators; /* owns */
    int32_t n_classes;
    int32_t *class_begin; /* (n_classes + 1) into member; owns */
    int32_t *member;      /* (q) states class by class; owns */
};

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

bool kr_group_is_usable(const kr_target *target)
{
    bool usable = has_equal_states(target->terms);
    for (int32_t m = 0; m < target->lattice->n_symmetries && !usable; m++) {
        usable = is_usable(target, m);
    }
    return usable;
}

void kr_group_free(kr_group *y)
{
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

static int add_generator(kr_group *y, const kr_lattice *lattice, int32_t m, kr_error *err)
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

static void list_classes(kr_group *y)
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

static int prepare(kr_group *y, const kr_target *target, kr_error *err)
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

kr_group *kr_group_alloc(const kr_target *target, kr_error *err)
{
    kr_group *y = kr_alloc(1, sizeof *y, err);
    if (!y) {
        return NULL;
    }
    y->terms = target->terms;
    if (prepare(y, target, err) != KR_OK) {
        kr_group_free(y);
        return NULL;
    }
    return y;
}

size_t kr_group_scratch_bytes(const kr_group *y)
{
    return 2 * (size_t)y->terms->n_sites;
}

/* Random permutation of the states (Fisher, Yates 1938) in each class. */
static void draw_states(const kr_group *y, uint8_t *image, kr_rng *rng)
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

const uint8_t *kr_group_draw(const kr_group *y, const uint8_t *state, size_t step,
                             uint8_t *scratch, kr_rng *rng)
{
    size_t n = (size_t)y->terms->n_sites;
    uint8_t *from = scratch, *to = scratch + n;
    uint8_t image[KR_STATES_MAX];
    draw_states(y, image, rng);
    for (size_t i = 0; i < n; i++) {
        from[i] = image[state[i * step]];
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

bool kr_group_moves_sites(const kr_group *y)
{
    return y->n_generators > 0;
}

void kr_group_draw_images(const kr_group *y, int32_t n, const int32_t *site, int32_t *image,
                          kr_rng *rng)
{
    const size_t n_sites = (size_t)y->terms->n_sites;
    memcpy(image, site, (size_t)n * sizeof *image);
    for (int32_t m = 0; m < y->n_generators; m++) {
        const generator *g = &y->generators[m];
        const uint32_t exponent = kr_rng_below(rng, (uint32_t)g->order);
        for (int32_t bit = 0; bit < g->n_bits; bit++) {
            const int32_t *power = g->power + (size_t)bit * n_sites;
            for (int32_t k = 0; exponent >> bit & 1 && k < n; k++) {
                image[k] = power[image[k]];
            }
        }
    }
}

void kr_group_spread(const kr_group *y, uint8_t *is_marked)
{
    for (int32_t m = 0; m < y->n_generators; m++) {
        const int32_t *image = y->generators[m].power;
        for (int32_t i = 0; i < y->terms->n_sites; i++) {
            /* a site marked already marks the rest of the cycle itself */
            for (int32_t j = i; is_marked[j] && !is_marked[image[j]]; j = image[j]) {
                is_marked[image[j]] = 1;
            }
        }
    }
}
