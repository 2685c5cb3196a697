/* SPDX-License-Identifier: GPL-3.0-or-later
 * lattice/cells.h - planar lattices as periodic arrangements of a unit cell with a basis.
 *
 * A plug states its cell (basis sites, bonds, a center of rotation); sites, bonds and candidate
 * symmetries of the box follow. Positions are in units of 1/scale of the two lattice vectors,
 * so that all of them are whole numbers. Threads: pure. */
#ifndef KR_LATTICE_CELLS_H
#define KR_LATTICE_CELLS_H

#include "lattice/lattice.h"

#define KR_CELLS_BASIS 4 /* sites of a cell, at most */
#define KR_CELLS_BONDS 8

enum { KR_CELLS_PERIODIC, KR_CELLS_OPEN };

/* Shared by the plugs as their parameters. */
typedef struct kr_cells_params {
    kr_list size; /* cells along the two lattice vectors */
    int32_t boundary;
} kr_cells_params;
extern const kr_field kr_cells_fields[];

typedef struct kr_cells {
    const char *name;     /* of the lattice, for messages */
    bool has_sharp_angle; /* between the lattice vectors: 60 degrees, not 120 */
    int32_t scale;        /* positions are multiples of 1/scale */
    int32_t n_basis;      /* 1: coordinates x, y; more: index in the cell, x, y */
    int32_t position[KR_CELLS_BASIS][2];
    int32_t center[2]; /* of a rotation by 60 degrees */
    int32_t n_bonds;
    struct {
        int32_t from, to, dx, dy; /* site `to` of the cell at (x + dx, y + dy) */
    } bond[KR_CELLS_BONDS];       /* its number is the bond axis */
} kr_cells;

/* Fills the lattice with size[0] x size[1] cells. Bonds come by cell, then in the order of the
 * description; periodic sides of 2 may give a pair two bonds. Errors: KR_ERANGE, KR_ENOMEM. */
int kr_cells_fill(const kr_cells *cells, const kr_cells_params *params, kr_lattice *lattice,
                  kr_error *err);
/* Sites and bonds of a box, before it is built. */
void kr_cells_count(const kr_cells *cells, const kr_cells_params *params, double *n_sites,
                    double *n_bonds);

#endif
