/* SPDX-License-Identifier: GPL-3.0-or-later
 * observable/helicity.c - stiffness of plane rotators against a twist along each axis.
 *
 * Along axis d of a torus, with the sums over its bonds e, J included,
 *   bond_cosine_d = (1/N) sum_e J cos(theta_i - theta_j),
 *   bond_sine_squared_d = ((1/N) sum_e J sin(theta_i - theta_j))^2, and derived
 *   helicity_modulus_d = <bond_cosine_d> - beta N <bond_sine_squared_d>,
 * the second derivative of the free energy by the twist. In two dimensions it jumps from 2/(pi
 * beta) to zero at the Kosterlitz-Thouless transition.
 * Source: Fisher, Barber, Jasnow, Phys. Rev. A 8, 1111 (1973); Teitel, Jayaprakash, Phys. Rev.
 * B 27, 598 (1983). */
#include "base/memory.h"

#include "kramers_plug.h"
#include "observable/checks.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

enum { NAME = 32 };

typedef struct helicity {
    const kr_lattice *lattice;
    double J;
    char name[3 * KR_DIM_MAX][NAME];
    kr_column column[2 * KR_DIM_MAX];
    kr_derived derived[KR_DIM_MAX + 1]; /* the last has no name */
} helicity;

static bool supports(const kr_target *target, const void *params, kr_error *why)
{
    (void)params;
    const kr_lattice *lattice = target->lattice;
    bool is_torus = strcmp(lattice->name, "hypercubic") == 0;
    for (int32_t d = 0; d < lattice->dim; d++) {
        is_torus = is_torus && lattice->is_periodic[d] && lattice->extent[d] > 2;
    }
    if (!target->terms->action || !target->terms->action->rotors) {
        kr_fail(why, KR_EUNSUP,
                "helicity: the variables of the model are %s, want angles of plane rotators "
                "(model xy)",
                kr_kind_of(target->terms));
        return false;
    }
    if (!is_torus) {
        kr_fail(why, KR_EUNSUP,
                "helicity: want lattice hypercubic, periodic in all directions, sides of 3 or "
                "more");
    }
    return is_torus;
}

static void *alloc(const kr_target *target, const void *params, int32_t n_chains, kr_error *err)
{
    (void)params, (void)n_chains;
    helicity *h = kr_alloc(1, sizeof *h, err);
    if (!h) {
        return NULL;
    }
    h->lattice = target->lattice;
    h->J = target->terms->action->rotors->J * target->lattice->weight;
    for (int32_t d = 0; d < h->lattice->dim; d++) {
        snprintf(h->name[3 * d], NAME, "bond_cosine_%d", d);
        snprintf(h->name[3 * d + 1], NAME, "bond_sine_squared_%d", d);
        snprintf(h->name[3 * d + 2], NAME, "helicity_modulus_%d", d);
        h->column[2 * d] =
            (kr_column){ h->name[3 * d], "J", "sum of J cos over the bonds of this axis / N" };
        h->column[2 * d + 1] =
            (kr_column){ h->name[3 * d + 1], "J^2",
                         "(sum of J sin over the bonds of this axis / N)^2" };
        h->derived[d] = (kr_derived){ .name = h->name[3 * d + 2],
                                      .column = h->name[3 * d],
                                      .kind = KR_DERIVED_STIFFNESS,
                                      .unit = "J",
                                      .doc = "<bond cosine> - beta N <bond sine squared>",
                                      .other = { h->name[3 * d + 1] } };
    }
    return h;
}

static const kr_column *columns(const void *self, int32_t *n_columns)
{
    const helicity *h = self;
    *n_columns = 2 * h->lattice->dim;
    return h->column;
}

static const kr_derived *more_derived(const void *self)
{
    return ((const helicity *)self)->derived;
}

static void measure(void *self, const kr_block *block, double *out)
{
    const helicity *h = self;
    const kr_lattice *lattice = h->lattice;
    const double scale = h->J / lattice->n_sites;
    for (int32_t l = 0; l < block->n_lanes; l++) {
        double cosine[KR_DIM_MAX] = { 0.0 }, sine[KR_DIM_MAX] = { 0.0 };
        const double *phi = block->phi + l;
        for (int64_t b = 0; b < lattice->n_bonds; b++) {
            const int32_t d = lattice->bond_axis[b];
            const double x = phi[(size_t)lattice->bond[2 * b] * (size_t)block->stride] -
                             phi[(size_t)lattice->bond[2 * b + 1] * (size_t)block->stride];
            cosine[d] += lattice->bond_sign[b] * cos(x);
            sine[d] += lattice->bond_sign[b] * sin(x);
        }
        for (int32_t d = 0; d < lattice->dim; d++) {
            *out++ = scale * cosine[d];
            *out++ = scale * scale * sine[d] * sine[d];
        }
    }
}

const kr_observable_plug kr_observable_helicity = {
    .name = "helicity",
    .doc = "bond cosines and sines of plane rotators; derived: helicity modulus of each axis",
    .source = "Teitel, Jayaprakash, Phys. Rev. B 27, 598 (1983)",
    .supports = supports,
    .alloc = alloc,
    .free = kr_free,
    .layouts = KR_LAYOUT_REAL,
    .columns = columns,
    .more_derived = more_derived,
    .measure = measure,
};
