/* SPDX-License-Identifier: GPL-3.0-or-later
 * observable/overlap.c - overlap of two replicas, spin by spin and bond by bond; derived:
 * spin-glass susceptibility and Binder cumulant.
 *
 * Replicas are the chains 2k and 2k + 1 of a point: independent, with the same couplings. With
 * Q_i = (q delta(s_i, t_i) - 1)/(q - 1) the overlap is sum_i Q_i / N and the link overlap
 * sum_<ij> Q_i Q_j / N_b. Two states: Q_i = s_i t_i, the overlap of Edwards and Anderson.
 * Source: Edwards, Anderson, J. Phys. F 5, 965 (1975); link overlap: Caracciolo, Parisi,
 * Patarnello, Sourlas, J. Phys. France 51, 1877 (1990). */
#include "base/memory.h"

#include "kramers_plug.h"

#include <math.h>

enum { N_COLUMNS = 5 };

typedef struct overlap {
    const kr_lattice *lattice;
} overlap;

static bool supports(const kr_target *target, const void *params, kr_error *why)
{
    (void)params;
    if (target->lattice->n_bonds == 0) {
        kr_fail(why, KR_EUNSUP,
                "overlap: the lattice has no bonds, want some for the overlap "
                "of links");
        return false;
    }
    return true;
}

static void *alloc(const kr_target *target, const void *params, int32_t n_chains, kr_error *err)
{
    (void)params, (void)n_chains;
    overlap *self = kr_alloc(1, sizeof *self, err);
    if (self) {
        self->lattice = target->lattice;
    }
    return self;
}

static const kr_column *columns(const void *self, int32_t *n_columns)
{
    static const kr_column column[N_COLUMNS] = {
        { "overlap", "1", "Q of two replicas: mean of (q delta(s_i, t_i) - 1)/(q - 1)" },
        { "abs_overlap", "1", "|Q|" },
        { "overlap_squared", "1", "Q^2" },
        { "overlap_fourth", "1", "Q^4" },
        { "link_overlap", "1", "mean of Q_i Q_j over the bonds" },
    };
    (void)self;
    *n_columns = N_COLUMNS;
    return column;
}

/* Mean of Q_i Q_j: bonds with both ends, one end, no end in the same state. */
static double link_overlap(const kr_lattice *lattice, const uint8_t *s, const uint8_t *t,
                           double other)
{
    int64_t n[3] = { 0 };
    for (int64_t b = 0; b < lattice->n_bonds; b++) {
        int32_t i = lattice->bond[2 * b], j = lattice->bond[2 * b + 1];
        n[(s[i] == t[i]) + (s[j] == t[j])]++;
    }
    return ((double)n[2] + other * (double)n[1] + other * other * (double)n[0]) /
           (double)lattice->n_bonds;
}

static void measure(void *self, const kr_block *block, double *out)
{
    const kr_lattice *lattice = ((const overlap *)self)->lattice;
    size_t n = (size_t)block->n_sites;
    double other = -1.0 / (block->q - 1); /* Q_i of different states */
    for (int32_t pair = 0; pair < block->n_lanes / 2; pair++) {
        const uint8_t *s = block->state + 2 * (size_t)pair * n, *t = s + n;
        int64_t n_same = 0;
        for (size_t i = 0; i < n; i++) {
            n_same += s[i] == t[i];
        }
        double x = ((double)n_same + other * ((double)n - (double)n_same)) / (double)n;
        double *row = out + (size_t)pair * N_COLUMNS;
        row[0] = x;
        row[1] = fabs(x);
        row[2] = x * x;
        row[3] = x * x * x * x;
        row[4] = link_overlap(lattice, s, t, other);
    }
}

static const kr_derived derived[] = {
    { "spin_glass_susceptibility", "overlap_squared", KR_DERIVED_MEAN, 0, 1, "1", "N <Q^2>" },
    { "overlap_binder", "overlap_squared", KR_DERIVED_BINDER, 0, 0, "1",
      "1 - <Q^4>/(3 <Q^2>^2)" },
    { .name = NULL },
};

const kr_observable_plug kr_observable_overlap = {
    .name = "overlap",
    .doc = "overlap Q of replica pairs (chains 2k, 2k + 1), |Q|, Q^2, Q^4, link overlap; "
           "derived: spin-glass susceptibility, Binder",
    .source = "Edwards, Anderson, J. Phys. F 5, 965 (1975)",
    .supports = supports,
    .alloc = alloc,
    .free = kr_free,
    .layouts = KR_LAYOUT_CHAIN,
    .flags = KR_OBSERVABLE_PAIRS,
    .columns = columns,
    .derived = derived,
    .measure = measure,
};
