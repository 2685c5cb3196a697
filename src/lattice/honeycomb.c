/* SPDX-License-Identifier: GPL-3.0-or-later
 * lattice/honeycomb.c - honeycomb lattice: two sites A, B to a cell.
 *
 * The lattice vectors meet at 60 degrees, B sits at a third of both. A of the cell (x, y) is
 * bound to B of the cells (x, y), (x - 1, y) and (x, y - 1). Coordinates: 0 for A or 1 for B,
 * x, y. Both directions are periodic or both open; an open box may end in sites with one bond.
 */
#include "lattice/cells.h"

static const kr_cells cells = {
    .name = "honeycomb",
    .has_sharp_angle = true,
    .scale = 3,
    .n_basis = 2,
    .position = { { 0, 0 }, { 1, 1 } },
    .center = { 2, 2 },
    .n_bonds = 3,
    .bond = { { 0, 1, 0, 0 }, { 0, 1, -1, 0 }, { 0, 1, 0, -1 } },
};

static int fill(const void *parameters, kr_lattice *lattice, kr_error *err)
{
    return kr_cells_fill(&cells, parameters, lattice, err);
}

static void count(const void *parameters, double *n_sites, double *n_bonds)
{
    kr_cells_count(&cells, parameters, n_sites, n_bonds);
}

const kr_lattice_plug kr_lattice_honeycomb = {
    .name = "honeycomb",
    .doc = "honeycomb lattice, three neighbors, two sites to a cell; periodic or open",
    .source = "Houtappel, Physica 16, 425 (1950)",
    .fields = kr_cells_fields,
    .params_size = sizeof(kr_cells_params),
    .fill = fill,
    .count = count,
};
