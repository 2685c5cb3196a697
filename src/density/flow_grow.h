/* SPDX-License-Identifier: GPL-3.0-or-later
 * density/flow_grow.h - members `networks` and `adopt` of kr_density_plug for a stack of base,
 * zero mode and coupling layers, and the part of them that other stacks on this base share. */
#ifndef KR_DENSITY_FLOW_GROW_H
#define KR_DENSITY_FLOW_GROW_H

#include "density/flow_modes.h"
#include "kramers_plug.h"

size_t kr_flow_networks(const void *self, int64_t *out);
int kr_flow_adopt(void *self, const int64_t *networks, size_t n_networks, const float *weights,
                  size_t n_weights, kr_adopted *count, kr_error *err);

/* A base without the size of the lattice; weights: factors of modes, then means. */
typedef struct kr_grow_base {
    int64_t dim, n_modes, n_means;
    const int64_t *momentum; /* (n_modes, dim); borrowed */
} kr_grow_base;

/* out (n_orbits, n_axes), of separable modes. */
void kr_grow_momenta(const kr_flow_modes *modes, int64_t *out);
/* Each mode takes the factor of the nearest momentum. */
void kr_grow_adopt_base(const kr_grow_base *own, const kr_grow_base *theirs, float *to,
                        const float *from, kr_adopted *count);

/* Whether networks can be taken over, KR_EMISMATCH: of a header of n_header numbers the first
 * n_same, whose names are given, must agree, and the rest are counts of at most n_weights; then
 * the numbers of weights and of networks. Pure. */
int kr_grow_check_header(const int64_t *own, const int64_t *theirs, size_t n, int n_header,
                         const char *const *name, int n_same, size_t n_weights, kr_error *err);
int kr_grow_check_sizes(size_t n_weights, size_t n, int64_t want_weights, int64_t want,
                        kr_error *err);

#endif
