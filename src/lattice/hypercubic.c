/* SPDX-License-Identifier: GPL-3.0-or-later
 * lattice/hypercubic.c - chain, square, cubic, ... lattice in 1 to 8 dimensions.
 *
 * Every site has one bond in each positive direction that stays inside the box or wraps around
 * it: a periodic side of 2 gives a pair two bonds; a side of 1 gives no bond, since a site is
 * not bound to itself. Bonds come by site, then by direction. */
#include "lattice/lattice.h"

#include "base/memory.h"

enum { PERIODIC, OPEN, ANTIPERIODIC };

typedef struct params {
    kr_list size, boundary;
} params;

static const kr_field fields[] = {
    { .name = "size",
      .type = KR_TYPE_INT_LIST,
      .offset = offsetof(params, size),
      .min = 1,
      .max = INT32_MAX,
      .unit = "sites",
      .doc = "sites along each direction, 1 to 8 numbers" },
    { .name = "boundary",
      .type = KR_TYPE_CHOICE_LIST,
      .offset = offsetof(params, boundary),
      .fallback = "periodic",
      .choices = "periodic|open|antiperiodic",
      .doc = "one word for all directions, or one per direction; antiperiodic flips the sign "
             "of the couplings that cross the boundary" },
    KR_FIELD_END
};

static int64_t boundary_of(const params *p, int32_t d)
{
    return p->boundary.integer[p->boundary.n == 1 ? 0 : d];
}

static int set_box(const params *p, kr_lattice *lattice, kr_error *err)
{
    if (p->size.n < 1 || p->size.n > KR_DIM_MAX) {
        return kr_fail(err, KR_ERANGE, "hypercubic: size has %d entries, want 1..%d", p->size.n,
                       KR_DIM_MAX);
    }
    if (p->boundary.n != 1 && p->boundary.n != p->size.n) {
        return kr_fail(err, KR_ERANGE,
                       "hypercubic: boundary has %d entries, want 1 or %d as size has",
                       p->boundary.n, p->size.n);
    }
    double product = 1.0; /* exact where it matters: any product beyond 2^53 is refused */
    for (int32_t d = 0; d < p->size.n; d++) {
        int64_t side = p->size.integer[d];
        if (side < 1 || side > INT32_MAX) {
            return kr_fail(err, KR_ERANGE, "hypercubic: size %lld, want 1..%d", (long long)side,
                           INT32_MAX);
        }
        product *= (double)side;
    }
    if (product > INT32_MAX) {
        return kr_fail(err, KR_ERANGE,
                       "hypercubic: the sides make %.15g sites, want at most %d", product,
                       INT32_MAX);
    }
    lattice->dim = p->size.n;
    lattice->n_sites = (int32_t)product;
    for (int32_t d = 0; d < lattice->dim; d++) {
        int64_t boundary = boundary_of(p, d);
        lattice->extent[d] = (int32_t)p->size.integer[d];
        lattice->is_periodic[d] = boundary != OPEN;
        lattice->has_antiperiodic |= boundary == ANTIPERIODIC && lattice->extent[d] > 1;
    }
    return KR_OK;
}

static void count(const void *parameters, double *n_sites, double *n_bonds)
{
    const params *p = parameters;
    *n_sites = 1.0;
    for (int32_t d = 0; d < p->size.n; d++) {
        *n_sites *= (double)p->size.integer[d];
    }
    *n_bonds = *n_sites * p->size.n;
}

static int add_bonds(const params *p, kr_lattice *lattice, kr_error *err)
{
    int32_t x[KR_DIM_MAX];
    for (int32_t i = 0; i < lattice->n_sites; i++) {
        kr_lattice_coordinates(lattice, i, x);
        for (int32_t d = 0, step = 1; d < lattice->dim; step *= lattice->extent[d++]) {
            int32_t side = lattice->extent[d];
            bool wraps = x[d] == side - 1;
            if (side == 1 || (wraps && !lattice->is_periodic[d])) {
                continue;
            }
            int sign = wraps && boundary_of(p, d) == ANTIPERIODIC ? -1 : 1;
            int32_t j = wraps ? i - x[d] * step : i + step;
            KR_TRY(kr_lattice_add_bond(lattice, i, j, sign, d, err));
        }
    }
    return KR_OK;
}

/* Candidate map of coordinate d: shift by one, reversal, or exchange with coordinate e. */
enum map { SHIFT, REVERSE, EXCHANGE };

static int add_map(kr_lattice *lattice, int32_t *image, enum map map, int32_t d, int32_t e,
                   kr_error *err)
{
    int32_t x[KR_DIM_MAX];
    for (int32_t i = 0; i < lattice->n_sites; i++) {
        kr_lattice_coordinates(lattice, i, x);
        int32_t old = x[d], side = lattice->extent[d];
        x[d] = map == SHIFT ? (old + 1) % side : map == REVERSE ? side - 1 - old : x[e];
        if (map == EXCHANGE) {
            x[e] = old;
        }
        image[i] = kr_lattice_site(lattice, x);
    }
    return kr_lattice_add_symmetry(lattice, image, err);
}

static int add_maps(const params *p, kr_lattice *lattice, int32_t *image, kr_error *err)
{
    for (int32_t d = 0; d < lattice->dim; d++) {
        if (lattice->is_periodic[d]) {
            KR_TRY(add_map(lattice, image, SHIFT, d, d, err));
        }
    }
    for (int32_t d = 0; d < lattice->dim; d++) {
        KR_TRY(add_map(lattice, image, REVERSE, d, d, err));
        /* exchanges with the next equal direction generate them all */
        for (int32_t e = d + 1; e < lattice->dim; e++) {
            if (lattice->extent[e] == lattice->extent[d] &&
                boundary_of(p, e) == boundary_of(p, d)) {
                KR_TRY(add_map(lattice, image, EXCHANGE, d, e, err));
                break;
            }
        }
    }
    return KR_OK;
}

static int fill(const void *parameters, kr_lattice *lattice, kr_error *err)
{
    const params *p = parameters;
    KR_TRY(set_box(p, lattice, err));
    KR_TRY(add_bonds(p, lattice, err));
    int32_t *image = kr_alloc((size_t)lattice->n_sites, sizeof *image, err);
    if (!image) {
        return KR_ENOMEM;
    }
    int status = add_maps(p, lattice, image, err);
    kr_free(image);
    return status;
}

const kr_lattice_plug kr_lattice_hypercubic = {
    .name = "hypercubic",
    .doc = "chain, square, cubic, ... lattice; each direction periodic, open or antiperiodic",
    .source = "textbook",
    .fields = fields,
    .params_size = sizeof(params),
    .fill = fill,
    .count = count,
};
