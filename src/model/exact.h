/* SPDX-License-Identifier: GPL-3.0-or-later
 * model/exact.h - exact values of small or solved systems: enumeration (model/enumerate.c),
 * transfer matrix of strips (model/strip.c), Kaufman's formula (model/kaufman.c). */
#ifndef KR_MODEL_EXACT_H
#define KR_MODEL_EXACT_H

#include "kramers_plug.h"

#define KR_ENUMERATE_STATES_MAX 16777216.0 /* 2^24 */

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
} kr_exact;

/* Walks all q^N configurations in Gray-code order, calling visit with the state and its energy.
 * Errors: KR_EUNSUP when q^N > KR_ENUMERATE_STATES_MAX. */
int kr_enumerate_visit(const kr_terms *terms,
                       void (*visit)(void *context, const uint8_t *state, double energy),
                       void *context, kr_error *err);
int kr_exact_enumerate(const kr_target *target, kr_exact *exact, kr_error *err);
/* Pair models on lattices whose site order has a frontier of at most ~20 bits: site-by-site
 * transfer over the frontier set, with the first row carried along on a torus; log Z and its
 * beta derivatives (energy, specific heat). Errors: KR_EUNSUP with the width. */
int kr_exact_strip(const kr_target *target, kr_exact *exact, kr_error *err);
/* L1 x L2 torus of the Ising model, uniform J along each axis, no field. */
int kr_exact_kaufman(const kr_target *target, kr_exact *exact, kr_error *err);
/* The cheapest of the three that applies, or KR_EUNSUP with the three reasons. max_states
 * limits the work (2^20 at the start of a run, 2^24 in `kramers exact`). */
int kr_exact_best(const kr_target *target, double max_states, kr_exact *exact, kr_error *err);

#endif
