/* SPDX-License-Identifier: GPL-3.0-or-later
 * observable/field.c - local means of a lattice field, and a self-test of every run.
 *
 * Integration by parts gives beta <phi_i dS/dphi_i> = 1 for each variable of any action that
 * grows at infinity (a Schwinger-Dyson equation, the virial theorem), so schwinger_dyson, its
 * mean over the variables, has mean 1 exactly; not so where the density ends at a wall. Source:
 * Montvay, Münster, Quantum Fields on a Lattice (1994), ch. 1. */
#include "base/memory.h"

#include "kramers_plug.h"
#include "observable/checks.h"

#include <string.h>

enum { SQUARED, FOURTH, SCHWINGER_DYSON, NEIGHBOR, N_COLUMNS };

typedef struct field {
    const kr_action *action;
    const kr_lattice *lattice;
    double beta;
} field;

static bool supports(const kr_target *target, const void *params, kr_error *why)
{
    (void)params;
    const kr_action *action = target->terms->action;
    if (!action || action->is_angle || !action->virial) {
        kr_fail(why, KR_EUNSUP,
                "field: the variables of the model are %s%s, want real numbers and an action "
                "with sum phi dS/dphi",
                kr_kind_of(target->terms),
                action && !action->is_angle ? ", but its sum phi dS/dphi is not known" : "");
        return false;
    }
    return true;
}

static void *alloc(const kr_target *target, const void *params, int32_t n_chains, kr_error *err)
{
    (void)params, (void)n_chains;
    field *self = kr_alloc(1, sizeof *self, err);
    if (self) {
        *self = (field){ target->terms->action, target->lattice, target->beta };
    }
    return self;
}

/* A lattice without bonds has no neighbors. */
static const kr_column *columns(const void *self, int32_t *n_columns)
{
    static const kr_column column[N_COLUMNS] = {
        [SQUARED] = { "phi_squared", "1", "mean of phi^2 over the sites" },
        [FOURTH] = { "phi_fourth", "1", "mean of phi^4 over the sites" },
        [SCHWINGER_DYSON] = { "schwinger_dyson", "1",
                              "beta sum_i phi_i dS/dphi_i / N, of mean 1" },
        [NEIGHBOR] = { "neighbor_product", "1",
                       "mean of phi_i phi_j over the bonds, times their signs" },
    };
    *n_columns = ((const field *)self)->lattice->n_bonds > 0 ? N_COLUMNS : NEIGHBOR;
    return column;
}

static void add_powers(const kr_block *block, double *squared, double *fourth)
{
    for (size_t i = 0; i < (size_t)block->n_sites; i++) {
        const double *x = block->phi + i * (size_t)block->stride;
        for (int32_t l = 0; l < block->n_lanes; l++) {
            const double square = x[l] * x[l];
            squared[l] += square;
            fourth[l] += square * square;
        }
    }
}

static void add_neighbors(const kr_block *block, const kr_lattice *lattice, double *sum)
{
    const size_t stride = (size_t)block->stride;
    for (int64_t b = 0; b < lattice->n_bonds; b++) {
        const double *x = block->phi + (size_t)lattice->bond[2 * b] * stride;
        const double *y = block->phi + (size_t)lattice->bond[2 * b + 1] * stride;
        const double sign = lattice->bond_sign[b];
        for (int32_t l = 0; l < block->n_lanes; l++) {
            sum[l] += sign * x[l] * y[l];
        }
    }
}

static void measure(void *self, const kr_block *block, double *out)
{
    const field *f = self;
    const kr_lattice *lattice = f->lattice;
    const double n = block->n_sites;
    double x[N_COLUMNS][KR_LANES_MAX];
    memset(x, 0, sizeof x);
    add_powers(block, x[SQUARED], x[FOURTH]);
    add_neighbors(block, lattice, x[NEIGHBOR]);
    f->action->virial(f->action->self, block->n_lanes, block->phi, (size_t)block->stride,
                      x[SCHWINGER_DYSON]);
    for (int32_t l = 0; l < block->n_lanes; l++) {
        *out++ = x[SQUARED][l] / n;
        *out++ = x[FOURTH][l] / n;
        *out++ = f->beta * x[SCHWINGER_DYSON][l] / n;
        if (lattice->n_bonds > 0) {
            *out++ = x[NEIGHBOR][l] / (double)lattice->n_bonds;
        }
    }
}

const kr_observable_plug kr_observable_field = {
    .name = "field",
    .doc = "means of phi^2, phi^4, phi phi over bonds; beta phi dS/dphi, whose exact mean is 1",
    .source = "Montvay, Münster, Quantum Fields on a Lattice (1994), ch. 1",
    .supports = supports,
    .alloc = alloc,
    .free = kr_free,
    .layouts = KR_LAYOUT_REAL,
    .columns = columns,
    .measure = measure,
};
