/* SPDX-License-Identifier: GPL-3.0-or-later
 * update/cluster_box.h - boxes of sites with one coupling, which bit kernels can take. */
#ifndef KR_UPDATE_CLUSTER_BOX_H
#define KR_UPDATE_CLUSTER_BOX_H

#include "kramers_plug.h"

typedef struct kr_box {
    int32_t dim, n_sites;
    int32_t extent[KR_DIM_MAX];
    bool is_periodic[KR_DIM_MAX];
} kr_box;

/* True when the terms are one bond of the same coupling from each site to the next along each
 * direction of the lattice's coordinates (coordinate 0 fastest), closed to a ring where the
 * direction is periodic (two bonds to a pair when the side is 2), and nothing else. Pair models
 * only; lattice may be NULL: false. Cost: one pass over the bonds. Threads: pure. */
bool kr_box_find(kr_box *box, const kr_lattice *lattice, const kr_terms *terms);

#endif
