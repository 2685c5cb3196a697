/* SPDX-License-Identifier: GPL-3.0-or-later
 * lattice/triangular.c - triangular lattice as a sheared square one.
 *
 * Site (x, y) is bound to (x + 1, y), (x, y + 1) and (x + 1, y + 1): the three directions at 0,
 * 120 and 60 degrees. Both directions are periodic or both open; on a torus with a side of 2 a
 * pair carries several bonds. */
#include "lattice/lattice.h"

#include "base/memory.h"

enum { PERIODIC, OPEN };

typedef struct params {
    kr_list size;
    int32_t boundary;
} params;

static const kr_field fields[] = { { .name = "size",
                                     .type = KR_TYPE_INT_LIST,
                                     .offset = offsetof(params, size),
                                     .min = 2,
                                     .max = INT32_MAX,
                                     .unit = "sites",
                                     .doc = "sites along the two directions" },
                                   { .name = "boundary",
                                     .type = KR_TYPE_CHOICE,
                                     .offset = offsetof(params, boundary),
                                     .fallback = "periodic",
                                     .choices = "periodic|open",
                                     .doc = "of both directions" },
                                   KR_FIELD_END };

static int set_box(const params *p, kr_lattice *lattice, kr_error *err)
{
    if (p->size.n != 2 || p->size.integer[0] < 2 || p->size.integer[1] < 2) {
        return kr_fail(err, KR_ERANGE,
                       "triangular: size has %d entries, want 2 of at least 2 sites",
                       p->size.n);
    }
    int64_t width = p->size.integer[0], height = p->size.integer[1];
    if (width > INT32_MAX / height) {
        return kr_fail(err, KR_ERANGE,
                       "triangular: the sides make %.15g sites, want at most %d",
                       (double)width * (double)height, INT32_MAX);
    }
    lattice->dim = 2;
    lattice->extent[0] = (int32_t)width;
    lattice->extent[1] = (int32_t)height;
    lattice->is_periodic[0] = lattice->is_periodic[1] = p->boundary == PERIODIC;
    lattice->n_sites = (int32_t)(width * height);
    return KR_OK;
}

/* Site of (x, y) wrapped around the torus, or -1 outside an open box. */
static int32_t site_at(const kr_lattice *lattice, int64_t x, int64_t y)
{
    int64_t width = lattice->extent[0], height = lattice->extent[1];
    if (!lattice->is_periodic[0] && (x < 0 || y < 0 || x >= width || y >= height)) {
        return -1;
    }
    x = (x % width + width) % width;
    y = (y % height + height) % height;
    return (int32_t)(x + width * y);
}

static int add_bonds(kr_lattice *lattice, kr_error *err)
{
    static const int32_t step[3][2] = { { 1, 0 }, { 0, 1 }, { 1, 1 } };
    for (int32_t i = 0; i < lattice->n_sites; i++) {
        int32_t x = i % lattice->extent[0], y = i / lattice->extent[0];
        for (int d = 0; d < 3; d++) {
            int32_t j = site_at(lattice, x + step[d][0], y + step[d][1]);
            if (j >= 0) {
                KR_TRY(kr_lattice_add_bond(lattice, i, j, 1, d, err));
            }
        }
    }
    return KR_OK;
}

/* Candidates as maps (x, y) -> (a x + b y, c x + d y) + (e, f). */
static const int32_t maps[][6] = {
    { 1, 0, 0, 1, 1, 0 },   /* shift along x */
    { 1, 0, 0, 1, 0, 1 },   /* shift along y */
    { 1, -1, 1, 0, 0, 0 },  /* turn by 60 degrees */
    { 0, 1, 1, 0, 0, 0 },   /* mirror that exchanges the axes */
    { -1, 0, 0, -1, 0, 0 }, /* turn by 180 degrees */
    { 1, -1, 0, -1, 0, 0 }, /* mirror that keeps the x axis */
    { -1, 0, -1, 1, 0, 0 }, /* mirror that keeps the y axis */
};

static int add_maps(kr_lattice *lattice, int32_t *image, kr_error *err)
{
    int64_t width = lattice->extent[0], height = lattice->extent[1];
    for (size_t g = 0; g < sizeof maps / sizeof *maps; g++) {
        const int32_t *m = maps[g];
        if (m[1] && m[2] && width != height) {
            continue;
        }
        bool is_map = true;
        for (int32_t i = 0; i < lattice->n_sites && is_map; i++) {
            int64_t x = i % width, y = i / width;
            /* an open box turns about its center */
            bool turns = !lattice->is_periodic[0] && m[0] == -1 && m[3] == -1;
            image[i] = site_at(lattice, m[0] * x + m[1] * y + m[4] + (turns ? width - 1 : 0),
                               m[2] * x + m[3] * y + m[5] + (turns ? height - 1 : 0));
            is_map = image[i] >= 0;
        }
        if (is_map) {
            KR_TRY(kr_lattice_add_symmetry(lattice, image, err));
        }
    }
    return KR_OK;
}

static int fill(const void *parameters, kr_lattice *lattice, kr_error *err)
{
    KR_TRY(set_box(parameters, lattice, err));
    KR_TRY(add_bonds(lattice, err));
    int32_t *image = kr_alloc((size_t)lattice->n_sites, sizeof *image, err);
    if (!image) {
        return KR_ENOMEM;
    }
    int status = add_maps(lattice, image, err);
    kr_free(image);
    return status;
}

const kr_lattice_plug kr_lattice_triangular = {
    .name = "triangular",
    .doc = "triangular lattice, six neighbors; periodic or open",
    .source = "Wannier, Phys. Rev. 79, 357 (1950)",
    .fields = fields,
    .params_size = sizeof(params),
    .fill = fill,
};
