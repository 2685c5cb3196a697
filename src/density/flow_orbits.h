/* SPDX-License-Identifier: GPL-3.0-or-later
 * density/flow_orbits.h - displacements on a hypercubic box, in orbits of its symmetries.
 *
 * Reflections of every axis, and exchange of the axes where all are alike, move a displacement
 * around its orbit, which is named by the lengths along the axes. Threads: pure. */
#ifndef KR_DENSITY_FLOW_ORBITS_H
#define KR_DENSITY_FLOW_ORBITS_H

#include "kramers_plug.h"

enum { KR_ORBIT_DIM_MAX = 3 };

typedef struct kr_displacement {
    int32_t by[KR_ORBIT_DIM_MAX], length[KR_ORBIT_DIM_MAX];
} kr_displacement;

/* Displacements of any length; of odd length, from each site of a checkerboard to one of the
 * other color; odd along both of two directions, between the two halves of one color. */
typedef enum kr_orbit_kind { KR_ORBITS_ANY, KR_ORBITS_ODD, KR_ORBITS_ALL_ODD } kr_orbit_kind;

/* Hypercubic of dimension 1..KR_ORBIT_DIM_MAX? KR_EUNSUP. */
bool kr_orbits_support(const kr_lattice *lattice, const char *name, kr_error *why);
/* All displacements of a kind of up to `radius` and at most half a periodic side along each
 * axis, orbit by orbit from the shortest on; returns their number, which is all that it does
 * where out is NULL. */
int32_t kr_orbits_list(const kr_lattice *lattice, int32_t radius, kr_orbit_kind kind,
                       kr_displacement *out);
bool kr_orbits_is_same(const kr_displacement *a, const kr_displacement *b);
/* Site at a displacement of site i, or -1: outside. */
int32_t kr_orbits_site(const kr_lattice *lattice, int32_t i, const int32_t *by);

#endif
