/* SPDX-License-Identifier: GPL-3.0-or-later
 * lattice/lattice.h - life cycle of a lattice and what is derived from its bonds. */
#ifndef KR_LATTICE_LATTICE_H
#define KR_LATTICE_LATTICE_H

#include "kramers_plug.h"

/* Builds a lattice from its plug: fill, then finish (coloring, symmetries checked). NULL with
 * KR_ERANGE / KR_ENOMEM set. Refuses more than 2^31 - 1 sites before anything is allocated.
 * Free with kr_lattice_free. Serial only. */
kr_lattice *kr_lattice_alloc(const kr_lattice_plug *plug, const void *params, kr_error *err);
void kr_lattice_free(kr_lattice *lattice);
/* Site with the given coordinates, coordinate 0 fastest. */
int32_t kr_lattice_site(const kr_lattice *lattice, const int32_t *coordinate);
void kr_lattice_coordinates(const kr_lattice *lattice, int32_t site, int32_t *coordinate);
/* True when image is an automorphism of the bonds with signs (multiplicities counted). */
bool kr_lattice_is_symmetry(const kr_lattice *lattice, const int32_t *image);

#endif
