/* SPDX-License-Identifier: GPL-3.0-or-later
 * lattice/complete.c - every pair of sites is bound: mean-field models.
 *
 * The weight of a bond makes the energy extensive: 1/N for couplings of one sign, so that
 * H = -(J/N) sum_{i<j} s_i s_j is the Curie-Weiss model; 1/sqrt(N) for couplings of random
 * sign, so that H = -(J/sqrt N) sum_{i<j} g_ij s_i s_j with normal g_ij is the
 * Sherrington-Kirkpatrick model. No default: each choice is wrong for the other model.
 * Source: Kac, in: Statistical Physics, Phase Transitions and Superfluidity (1968);
 * Sherrington, Kirkpatrick, Phys. Rev. Lett. 35, 1792 (1975). */
#include "lattice/lattice.h"

#include "base/memory.h"

#include <math.h>

#define SITES_MAX 4096 /* 8.4 million bonds of about 110 bytes, terms included */

enum { WEIGHT_N, WEIGHT_SQRT_N, WEIGHT_ONE };

typedef struct params {
    int64_t size;
    int32_t weight;
} params;

static const kr_field fields[] = {
    { .name = "size",
      .type = KR_TYPE_INT,
      .offset = offsetof(params, size),
      .min = 1,
      .max = INT32_MAX,
      .unit = "sites",
      .doc = "number of sites N, at most 4096; memory and the cost of a sweep grow as N^2" },
    { .name = "weight",
      .type = KR_TYPE_CHOICE,
      .offset = offsetof(params, weight),
      .choices = "1/N|1/sqrt(N)|1",
      .doc = "multiplies every coupling: 1/N for one sign (Curie-Weiss), 1/sqrt(N) for random "
             "signs (Sherrington-Kirkpatrick), 1 to leave the couplings as they are" },
    KR_FIELD_END
};

static void count(const void *parameters, double *n_sites, double *n_bonds)
{
    *n_sites = (double)((const params *)parameters)->size;
    *n_bonds = 0.5 * *n_sites * (*n_sites - 1.0);
    if (*n_sites > SITES_MAX) { /* refused by fill with a better reason than memory */
        *n_bonds = 0.0;
    }
}

/* The shift and one exchange generate all permutations. */
static int add_symmetries(kr_lattice *lattice, int32_t *image, kr_error *err)
{
    int32_t n = lattice->n_sites;
    for (int32_t i = 0; i < n; i++) {
        image[i] = (i + 1) % n;
    }
    KR_TRY(kr_lattice_add_symmetry(lattice, image, err));
    for (int32_t i = 0; i < n; i++) {
        image[i] = n > 1 && i < 2 ? 1 - i : i;
    }
    return kr_lattice_add_symmetry(lattice, image, err);
}

static int fill(const void *parameters, kr_lattice *lattice, kr_error *err)
{
    const params *p = parameters;
    if (p->size < 1 || p->size > SITES_MAX) {
        return kr_fail(
            err, KR_ERANGE, "complete: %lld sites would have %.0f bonds, want 1..%d sites",
            (long long)p->size, 0.5 * (double)p->size * (double)(p->size - 1), SITES_MAX);
    }
    double n = (double)p->size;
    lattice->dim = 1;
    lattice->extent[0] = lattice->n_sites = (int32_t)p->size;
    lattice->weight = p->weight == WEIGHT_N        ? 1.0 / n
                      : p->weight == WEIGHT_SQRT_N ? 1.0 / sqrt(n)
                                                   : 1.0;
    for (int32_t i = 0; i < lattice->n_sites; i++) {
        for (int32_t j = i + 1; j < lattice->n_sites; j++) {
            KR_TRY(kr_lattice_add_bond(lattice, i, j, 1, 0, err));
        }
    }
    int32_t *image = kr_alloc((size_t)lattice->n_sites, sizeof *image, err);
    if (!image) {
        return KR_ENOMEM;
    }
    int status = add_symmetries(lattice, image, err);
    kr_free(image);
    return status;
}

const kr_lattice_plug kr_lattice_complete = {
    .name = "complete",
    .doc = "complete graph, all pairs bound: Curie-Weiss, Sherrington-Kirkpatrick",
    .source = "Sherrington, Kirkpatrick, Phys. Rev. Lett. 35, 1792 (1975)",
    .fields = fields,
    .params_size = sizeof(params),
    .fill = fill,
    .count = count,
};
