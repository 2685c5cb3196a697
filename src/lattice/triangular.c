/* SPDX-License-Identifier: GPL-3.0-or-later
 * lattice/triangular.c - triangular lattice as a sheared square one.
 *
 * Site (x, y) is bound to (x + 1, y), (x, y + 1) and (x + 1, y + 1): the three directions at 0,
 * 120 and 60 degrees. Both directions are periodic or both open; on a torus with a side of 2 a
 * pair carries several bonds. */
#include "lattice/cells.h"

static const kr_cells cells = {
    .name = "triangular",
    .scale = 1,
    .n_basis = 1,
    .n_bonds = 3,
    .bond = { { 0, 0, 1, 0 }, { 0, 0, 0, 1 }, { 0, 0, 1, 1 } },
};

static int fill(const void *parameters, kr_lattice *lattice, kr_error *err)
{
    return kr_cells_fill(&cells, parameters, lattice, err);
}

static void count(const void *parameters, double *n_sites, double *n_bonds)
{
    kr_cells_count(&cells, parameters, n_sites, n_bonds);
}

const kr_lattice_plug kr_lattice_triangular = {
    .name = "triangular",
    .doc = "triangular lattice, six neighbors; periodic or open",
    .source = "Wannier, Phys. Rev. 79, 357 (1950)",
    .fields = kr_cells_fields,
    .params_size = sizeof(kr_cells_params),
    .fill = fill,
    .count = count,
};
