/* SPDX-License-Identifier: GPL-3.0-or-later
 * density/frontier_plan.h - which sites are drawn when, what their networks see, and which
 * sites share one network; private to the frontier densities and their tests.
 *
 * The frontier of site i is the set of sites drawn before i that have a bond to a site drawn
 * after i: all that the sites still to come see of the past. A plan keeps those of its sites
 * that are near i. A site whose neighbors are all drawn before it needs no network: its
 * conditional is the heat bath, exactly. */
#ifndef KR_DENSITY_FRONTIER_PLAN_H
#define KR_DENSITY_FRONTIER_PLAN_H

#include "kramers_plug.h"

typedef struct kr_frontier_plan {
    int32_t n_sites, n_nets;
    int32_t *order; /* (n_sites) site drawn at each place; owns */
    int32_t *rank;  /* (n_sites) place of each site; owns */
    int64_t *begin; /* (n_sites + 1) into site; owns */
    int32_t *site;  /* what the network of a site sees, in the order of its weights; owns */
    int32_t *net;   /* (n_sites) network of the site, or -1: none; owns */
    int32_t *owner; /* (n_nets) the first site that has it; owns */
    int32_t n_most; /* most sites that a network sees */
    /* Where sites share networks, what tells these apart, in numbers that do not depend on the
     * size of the lattice; per network: level counted from the finest, distances from the ends
     * of every open direction, digests of where the bonds lead and of their couplings, q local
     * energies (bits of doubles), number of inputs, their offsets in spacings of the level
     * (ascending codes). Else NULL. */
    int64_t *key; /* (n_key) owns */
    size_t n_key;
    int32_t dim;
    uint32_t open; /* bit d: direction d has ends */
    /* A block: the sites of the places from n_outside on, the only ones with networks, and the
     * sites outside that touch it. n_outside = 0: no block. */
    int32_t n_outside, n_given;
    int32_t *given; /* (n_given) owns */
} kr_frontier_plan;

/* Sites in their order, networks that see the frontier sites at most `window` bonds away (0:
 * all of them). With a window, sites share a network when they see the same pattern, have the
 * same couplings and fields, and are as far from open boundaries. Errors: KR_ENOMEM. */
int kr_frontier_plan_raster(kr_frontier_plan *plan, const kr_target *target, int64_t window,
                            kr_error *err);
/* Coarse to fine: the sites whose coordinates are multiples of the largest power of 2 that
 * divides the extents, then those of half the spacing, and so on. Networks see the frontier
 * sites within `radius` spacings; sites share as above. Errors: KR_ENOMEM. */
int kr_frontier_plan_levels(kr_frontier_plan *plan, const kr_target *target, double radius,
                            kr_error *err);
/* Sites that all networks of the raster plan without window see together; 2^53 at most. Pure.
 */
double kr_frontier_plan_count(const kr_target *target);
void kr_frontier_plan_clear(kr_frontier_plan *plan);

/* For the makers of plans. init: the arrays that every plan has; clear frees what failed. */
int kr_frontier_plan_init(kr_frontier_plan *plan, int32_t n_sites, int32_t dim, kr_error *err);
/* A site with the code of its offset, by which the inputs of a network ascend. */
typedef struct kr_frontier_input {
    int64_t code;
    int32_t site, number; /* number: where it stood before */
} kr_frontier_input;
/* Fills site (n) with the sites of the inputs in order, equal codes as they stood. */
void kr_frontier_sort(kr_frontier_input *input, int64_t n, int32_t *site);

#endif
