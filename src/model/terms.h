/* SPDX-License-Identifier: GPL-3.0-or-later
 * model/terms.h - the Hamiltonian as data: life cycle, energies, local fields. */
#ifndef KR_MODEL_TERMS_H
#define KR_MODEL_TERMS_H

#include "kramers_plug.h"

/* Terms of a model on a lattice: build, then finish. NULL with the error set. */
kr_terms *kr_terms_alloc(const kr_model_plug *plug, const void *params,
                         const kr_lattice *lattice, kr_error *err);
/* For tests and library users: empty terms to fill by hand, then kr_terms_finish. */
kr_terms *kr_terms_alloc_empty(int32_t n_sites, int32_t q, kr_error *err);
/* The same for an action to be taken: kr_terms_take_action and its like. */
kr_terms *kr_terms_alloc_real(int32_t n_sites, kr_error *err);
int kr_terms_finish(kr_terms *terms, kr_error *err);
void kr_terms_free(kr_terms *terms);

/* H of one configuration (n_sites), states with a distance of `step` bytes. O(n_terms). Pure.
 */
double kr_terms_energy(const kr_terms *terms, const uint8_t *state, size_t step);
/* The same, bit for bit, of n_lanes configurations in layout LANE: state (n_sites, stride). */
void kr_terms_energies(const kr_terms *terms, const uint8_t *state, size_t stride,
                       int32_t n_lanes, double *energy);
/* H of n_lanes configurations in layout LANE or REAL, whichever the model has. Pure. */
void kr_terms_score(const kr_terms *terms, const void *state, size_t stride, int32_t n_lanes,
                    double *energy);
/* The part of H that changes with the sites k..N-1: local energies there and terms with one of
 * them. Cost: their share of the terms. Pure. */
double kr_terms_tail_energy(const kr_terms *terms, const uint8_t *state, size_t step,
                            int32_t k);
/* e[a] = the part of H that contains site i with s_i = a, a in 0..q-1, other sites as in state
 * (contiguous). Differences are what matters. Pure. */
void kr_terms_local(const kr_terms *terms, const uint8_t *state, int32_t i, double *e);
/* True when the site permutation leaves every term (with coupling and table) and local
 * invariant; exact comparison of doubles. */
bool kr_terms_is_symmetry(const kr_terms *terms, const int32_t *image);
/* Order parameter that observables call magnetization, from the state counts (q): the mean
 * value per site, (q max_a n_a/N - 1)/(q - 1) for Potts models, the length of the mean vector
 * for vector models. Exact values named magnetization are of this quantity. */
double kr_terms_magnetization(const kr_terms *terms, const int64_t *count);
/* Mean per site of moment k of the model. */
double kr_terms_moment(const kr_terms *terms, int32_t k, const int64_t *count);
/* Order parameter that tells the phases: the magnetization, or the quadrupole where the model
 * says so. */
double kr_terms_order(const kr_terms *terms, const int64_t *count);
/* Whether all bonds favor equal states of a Potts (Ising) model, with no field: then clusters
 * of Fortuin and Kasteleyn hold one state each and are equally likely in all, and the mean size
 * of that of a random site is the structure factor at k = 0, N <|m|^2>: sum |C|^2/N of all. */
bool kr_terms_has_clusters(const kr_terms *terms);
/* Index of the phase whose interval holds the order parameter, or -1. */
int32_t kr_terms_phase(const kr_terms *terms, double order);

#endif
