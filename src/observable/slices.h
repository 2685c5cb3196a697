/* SPDX-License-Identifier: GPL-3.0-or-later
 * observable/slices.h - sums of the order parameter over the slices of a torus, of one chain.
 *
 * Every site bears a vector: the value of its state, for Potts states a corner of the regular
 * simplex (e_a . e_b = (q delta_ab - 1)/(q - 1), so that |sum of all|^2 / N^2 is 1 where all
 * sites agree), for vector models (x, y), for angles (cos, sin). Slices are the sets of sites
 * that share a coordinate. Threads: pure. */
#ifndef KR_OBSERVABLE_SLICES_H
#define KR_OBSERVABLE_SLICES_H

#include "kramers_plug.h"

#define KR_SLICES_MAX 16384 /* numbers of the slices of an axis: 128 kB */

typedef struct kr_slices {
    const kr_terms *terms; /* borrowed */
    int32_t length, n_axes;
    int64_t step[KR_DIM_MAX]; /* between sites next to each other along an axis */
    int32_t n_parts;          /* components of the vector */
    double unit;              /* length of a lattice vector over that of a step of k */
} kr_slices;

/* Components of the vector of a site: q of Potts states, 2 of vectors and angles, else 1. */
int32_t kr_slices_parts(const kr_terms *terms);
/* The longest axes of the lattice, and the vectors of the model. A lattice with several sites
 * in a cell has slices of cells. Errors: KR_EUNSUP (name: of the observable) where the lattice
 * is no torus of a box or the slices do not fit. */
int kr_slices_init(kr_slices *slices, const char *name, const kr_target *target, kr_error *err);
/* slice (length, n_parts) = sums over slices of one axis, of one lane; layout CHAIN, or REAL
 * for angles. Cost: O(n_sites). */
void kr_slices_sum(const kr_slices *slices, int32_t axis, const kr_block *block, int32_t lane,
                   double *slice);

#endif
