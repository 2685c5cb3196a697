/* SPDX-License-Identifier: GPL-3.0-or-later
 * model/exact.h - exact values of small or solved systems: enumeration (model/enumerate.c),
 * transfer matrix of strips (model/strip.c), Kaufman's formula (model/kaufman.c); of
 * real-valued models: chains (model/exact_chain.c), free fields (model/exact_free.c). */
#ifndef KR_MODEL_EXACT_H
#define KR_MODEL_EXACT_H

#include "kramers_plug.h"

#define KR_ENUMERATE_STATES_MAX 16777216.0 /* 2^24 */
#define KR_STRIP_STATES_MAX     4194304.0  /* 2^22: 200 MB */

/* Exact values at one target; members that a method does not give are NaN. Per site where the
 * name says so. */
typedef struct kr_exact {
    const char *method; /* "enumeration", "transfer matrix", "Kaufman 1949" */
    double log_z;
    double energy_per_site, specific_heat; /* beta^2 (<H^2> - <H>^2)/N */
    double magnetization, abs_magnetization, magnetization_squared,
        magnetization_fourth; /* of the order parameter */
    double susceptibility;    /* beta N (<m^2> - <m>^2) */
    double binder;
    /* of lattice fields: means over sites, and of phi phi over bonds */
    double phi_squared, phi_fourth, neighbor_product;
} kr_exact;

/* Walks all q^N configurations in Gray-code order (site 0 fastest), calling visit with the
 * state and its energy. Cost: O(degree q) per configuration. Threads: pure. Errors: KR_EUNSUP
 * when q^N > KR_ENUMERATE_STATES_MAX, KR_ENOMEM. */
int kr_enumerate_visit(const kr_terms *terms,
                       void (*visit)(void *context, const uint8_t *state, double energy),
                       void *context, kr_error *err);
/* All members. Errors as kr_enumerate_visit. Threads: pure. */
int kr_exact_enumerate(const kr_target *target, kr_exact *exact, kr_error *err);
/* Pair models: site-by-site transfer over the frontier set, with the first row carried along on
 * a torus; log Z and its beta derivatives (energy, specific heat). When all states are
 * equivalent the first site is kept fixed, so an L x L Ising torus has 2^(2L-1) frontier
 * configurations, an open one 2^L. Cost: O(N) times their number; 48 bytes each. Threads: pure.
 * Errors: KR_EUNSUP with the width when they exceed KR_STRIP_STATES_MAX, KR_ENOMEM. */
int kr_exact_strip(const kr_target *target, kr_exact *exact, kr_error *err);
/* Largest number of frontier configurations that kr_exact_strip would hold. */
int kr_exact_strip_states(const kr_target *target, double *n_states, kr_error *err);
/* L1 x L2 torus (sides >= 2) of the Ising model, or two-state Potts, all couplings equal, no
 * field; antiferromagnets on even sides; log Z, energy, specific heat. Cost: O(min(L1, L2)).
 * Threads: pure. Errors: KR_EUNSUP with the reason. Source: Kaufman, Phys. Rev. 76, 1232
 * (1949).
 */
int kr_exact_kaufman(const kr_target *target, kr_exact *exact, kr_error *err);
/* Quartic actions in which every site is coupled to two others at most, in chains or one ring
 * (so all of up to three sites), by transfer matrices on a grid of values; all members,
 * <|m|> unless it is too much work. Threads: pure. Errors: KR_EUNSUP with the reason: another
 * shape, more than most_work multiplications, grids that do not agree to 1e-9. */
int kr_exact_chain(const kr_target *target, double most_work, kr_exact *exact, kr_error *err);
/* Quadratic actions of up to 1024 sites, any shape; all members. Errors: KR_EUNSUP. */
int kr_exact_free(const kr_target *target, double most_work, kr_exact *exact, kr_error *err);
/* The method that gives most: enumeration when q^N <= max_states (all members), else Kaufman's
 * formula, else the transfer matrix when its frontier has <= max_states configurations, or
 * KR_EUNSUP with the three reasons. Real-valued models: as a free field or a chain, else
 * KR_EUNSUP with both reasons. max_states limits the work (2^20 at the start of a run, 2^24 in
 * `kramers exact`). */
int kr_exact_best(const kr_target *target, double max_states, kr_exact *exact, kr_error *err);

#endif
