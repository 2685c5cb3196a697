/* SPDX-License-Identifier: GPL-3.0-or-later
 * lattice/cells.c - sites, bonds and candidate symmetries of planar lattices with a basis.
 *
 * The point group of all of them is that of the hexagon; its elements are integer matrices in
 * the basis of the lattice vectors. An element maps a site where the lattice has one at the
 * image of its position; kr_lattice_finish drops the candidates that break a bond, as on boxes
 * whose sides differ. */
#include "lattice/cells.h"

#include "base/memory.h"

const kr_field kr_cells_fields[] = { { .name = "size",
                                       .type = KR_TYPE_INT_LIST,
                                       .offset = offsetof(kr_cells_params, size),
                                       .min = 2,
                                       .max = INT32_MAX,
                                       .unit = "cells",
                                       .doc = "unit cells along the two directions" },
                                     { .name = "boundary",
                                       .type = KR_TYPE_CHOICE,
                                       .offset = offsetof(kr_cells_params, boundary),
                                       .fallback = "periodic",
                                       .choices = "periodic|open",
                                       .doc = "of both directions" },
                                     KR_FIELD_END };

void kr_cells_count(const kr_cells *cells, const kr_cells_params *params, double *n_sites,
                    double *n_bonds)
{
    double n_cells = 1.0;
    for (int32_t d = 0; d < params->size.n; d++) {
        n_cells *= (double)params->size.integer[d];
    }
    *n_sites = n_cells * cells->n_basis;
    *n_bonds = n_cells * cells->n_bonds;
}

static int set_box(const kr_cells *cells, const kr_cells_params *p, kr_lattice *lattice,
                   kr_error *err)
{
    double n_sites, n_bonds;
    if (p->size.n != 2 || p->size.integer[0] < 2 || p->size.integer[1] < 2) {
        return kr_fail(err, KR_ERANGE,
                       "%s: size has %d entries, want 2 of at least 2 cells each", cells->name,
                       p->size.n);
    }
    kr_cells_count(cells, p, &n_sites, &n_bonds);
    if (n_sites > INT32_MAX) {
        return kr_fail(err, KR_ERANGE, "%s: the sides make %.15g sites, want at most %d",
                       cells->name, n_sites, INT32_MAX);
    }
    bool has_basis = cells->n_basis > 1;
    lattice->dim = has_basis ? 3 : 2;
    lattice->extent[0] = lattice->n_basis = cells->n_basis;
    lattice->is_oblique = true;
    for (int d = 0; d < 2; d++) {
        lattice->extent[d + has_basis] = (int32_t)p->size.integer[d];
        lattice->is_periodic[d + has_basis] = p->boundary == KR_CELLS_PERIODIC;
    }
    lattice->n_sites = (int32_t)n_sites;
    return KR_OK;
}

typedef struct box {
    const kr_cells *cells;
    int64_t width, height;
    bool is_periodic;
} box;

static int64_t floor_div(int64_t a, int64_t b)
{
    return a / b - (a % b < 0);
}

/* Site `basis` of the cell (x, y), or -1 outside an open box. */
static int32_t site_at(const box *b, int32_t basis, int64_t x, int64_t y)
{
    if (!b->is_periodic && (x < 0 || y < 0 || x >= b->width || y >= b->height)) {
        return -1;
    }
    x -= floor_div(x, b->width) * b->width;
    y -= floor_div(y, b->height) * b->height;
    return (int32_t)(basis + b->cells->n_basis * (x + b->width * y));
}

static int add_bonds(const box *b, kr_lattice *lattice, kr_error *err)
{
    const kr_cells *cells = b->cells;
    for (int64_t y = 0; y < b->height; y++) {
        for (int64_t x = 0; x < b->width; x++) {
            for (int32_t k = 0; k < cells->n_bonds; k++) {
                int32_t i = site_at(b, cells->bond[k].from, x, y);
                int32_t j =
                    site_at(b, cells->bond[k].to, x + cells->bond[k].dx, y + cells->bond[k].dy);
                if (j >= 0) {
                    KR_TRY(kr_lattice_add_bond(lattice, i, j, 1, k, err));
                }
            }
        }
    }
    return KR_OK;
}

/* r -> matrix r + shift, r in units of 1/scale */
typedef struct map {
    int32_t matrix[4]; /* by rows */
    int64_t shift[2];
} map;

static void map_site(const box *b, const map *m, int32_t site, int64_t out[2])
{
    const kr_cells *cells = b->cells;
    int64_t cell = site / cells->n_basis;
    const int32_t *at = cells->position[site % cells->n_basis];
    int64_t x = cells->scale * (cell % b->width) + at[0];
    int64_t y = cells->scale * (cell / b->width) + at[1];
    out[0] = m->matrix[0] * x + m->matrix[1] * y + m->shift[0];
    out[1] = m->matrix[2] * x + m->matrix[3] * y + m->shift[1];
}

/* The site at a position, or -1. */
static int32_t find_site(const box *b, const int64_t r[2])
{
    const kr_cells *cells = b->cells;
    for (int32_t k = 0; k < cells->n_basis; k++) {
        int64_t dx = r[0] - cells->position[k][0], dy = r[1] - cells->position[k][1];
        if (dx % cells->scale == 0 && dy % cells->scale == 0) {
            return site_at(b, k, dx / cells->scale, dy / cells->scale);
        }
    }
    return -1;
}

/* About the center of rotation on a torus; the only shift that can keep an open box. */
static void set_shift(const box *b, int32_t n_sites, map *m)
{
    if (b->is_periodic) {
        const int32_t *c = b->cells->center;
        m->shift[0] += c[0] - m->matrix[0] * c[0] - m->matrix[1] * c[1];
        m->shift[1] += c[1] - m->matrix[2] * c[0] - m->matrix[3] * c[1];
        return;
    }
    int64_t least[2] = { INT64_MAX, INT64_MAX };
    for (int32_t i = 0; i < n_sites; i++) {
        int64_t r[2];
        map_site(b, m, i, r);
        least[0] = r[0] < least[0] ? r[0] : least[0];
        least[1] = r[1] < least[1] ? r[1] : least[1];
    }
    m->shift[0] -= least[0];
    m->shift[1] -= least[1];
}

/* Generators in the basis of the lattice vectors: two shifts, the rotation by 60 degrees, the
 * mirror that exchanges the vectors; where the sides differ the half turn or the mirrors that
 * keep a vector may be all that is left. */
enum { N_MAPS = 7 };
static const int32_t matrices[2][N_MAPS][4] = {
    /* 120 degrees between the vectors */
    { { 1, 0, 0, 1 },
      { 1, 0, 0, 1 },
      { 1, -1, 1, 0 },
      { 0, 1, 1, 0 },
      { -1, 0, 0, -1 },
      { 1, -1, 0, -1 },
      { -1, 0, -1, 1 } },
    /* 60 degrees */
    { { 1, 0, 0, 1 },
      { 1, 0, 0, 1 },
      { 0, -1, 1, 1 },
      { 0, 1, 1, 0 },
      { -1, 0, 0, -1 },
      { 1, 1, 0, -1 },
      { -1, 0, 1, 1 } },
};

static int add_maps(const box *b, kr_lattice *lattice, int32_t *image, kr_error *err)
{
    for (int g = b->is_periodic ? 0 : 2; g < N_MAPS; g++) {
        const int32_t *matrix = matrices[b->cells->has_sharp_angle][g];
        map m = { .matrix = { matrix[0], matrix[1], matrix[2], matrix[3] } };
        if (g < 2) {
            m.shift[g] = b->cells->scale;
        }
        set_shift(b, lattice->n_sites, &m);
        bool is_map = true;
        for (int32_t i = 0; i < lattice->n_sites && is_map; i++) {
            int64_t r[2];
            map_site(b, &m, i, r);
            image[i] = find_site(b, r);
            is_map = image[i] >= 0;
        }
        if (is_map) {
            KR_TRY(kr_lattice_add_symmetry(lattice, image, err));
        }
    }
    return KR_OK;
}

int kr_cells_fill(const kr_cells *cells, const kr_cells_params *params, kr_lattice *lattice,
                  kr_error *err)
{
    KR_TRY(set_box(cells, params, lattice, err));
    const box b = { cells, params->size.integer[0], params->size.integer[1],
                    params->boundary == KR_CELLS_PERIODIC };
    KR_TRY(add_bonds(&b, lattice, err));
    int32_t *image = kr_alloc((size_t)lattice->n_sites, sizeof *image, err);
    if (!image) {
        return KR_ENOMEM;
    }
    int status = add_maps(&b, lattice, image, err);
    kr_free(image);
    return status;
}
