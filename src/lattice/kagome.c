/* SPDX-License-Identifier: GPL-3.0-or-later
 * lattice/kagome.c - kagome lattice: three sites a, b, c to a cell, corner-sharing triangles.
 *
 * The lattice vectors meet at 60 degrees; a sits at the corner of a cell, b and c half way
 * along the first and the second vector. The triangle a b c of a cell points one way, the one
 * of b(x, y), a(x + 1, y), c(x + 1, y - 1) the other. Coordinates: 0, 1, 2 for a, b, c, then x,
 * y. Both directions are periodic or both open; on a torus with a side of 2 no pair carries two
 * bonds. */
#include "lattice/cells.h"

static const kr_cells cells = {
    .name = "kagome",
    .has_sharp_angle = true,
    .scale = 2,
    .n_basis = 3,
    .position = { { 0, 0 }, { 1, 0 }, { 0, 1 } },
    .center = { 1, 1 },
    .n_bonds = 6,
    .bond = { { 0, 1, 0, 0 },
              { 0, 2, 0, 0 },
              { 1, 2, 0, 0 },
              { 1, 0, 1, 0 },
              { 2, 0, 0, 1 },
              { 2, 1, -1, 1 } },
};

static int fill(const void *parameters, kr_lattice *lattice, kr_error *err)
{
    return kr_cells_fill(&cells, parameters, lattice, err);
}

static void count(const void *parameters, double *n_sites, double *n_bonds)
{
    kr_cells_count(&cells, parameters, n_sites, n_bonds);
}

const kr_lattice_plug kr_lattice_kagome = {
    .name = "kagome",
    .doc = "kagome lattice, four neighbors, three sites to a cell; periodic or open",
    .source = "Syozi, Prog. Theor. Phys. 6, 306 (1951)",
    .fields = kr_cells_fields,
    .params_size = sizeof(kr_cells_params),
    .fill = fill,
    .count = count,
};
