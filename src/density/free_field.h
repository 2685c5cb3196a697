/* SPDX-License-Identifier: GPL-3.0-or-later
 * density/free_field.h - the Gaussian next to an action as a free field: its action as data,
 * its log Z, and independent samples. */
#ifndef KR_DENSITY_FREE_FIELD_H
#define KR_DENSITY_FREE_FIELD_H

#include "density/flow_modes.h"

/* Where it sits: at 0, at the mean of the best Gaussian, or at that mean only where the model
 * does not know several phases, one of which such a Gaussian would have left out. */
enum { KR_CENTER_AUTO, KR_CENTER_ZERO, KR_CENTER_MEAN };

/* Weight exp(-beta R). Of a quartic action S = phi^T Q phi + ... on a lattice whose modes are
 * known, or of at most 1024 sites: R = (phi - m)^T (Q + delta) (phi - m) with delta and m of
 * density/flow_modes.h; of any other action independent normals of its start width. */
typedef struct kr_free_field {
    kr_flow_modes modes;
    const kr_flow_kernels *kernels;
    double log_z; /* log of the integral of exp(-beta R) */
    /* the action without its linear part, where the Gaussian is centered */
    kr_terms terms;
    kr_action action;
    kr_quartic quartic;
    double *zero; /* (n_sites); owns */
} kr_free_field;

/* Errors: those of kr_flow_modes_init. The target is borrowed. */
kr_free_field *kr_free_field_alloc(const kr_target *target, int32_t center, kr_error *err);
void kr_free_field_free(kr_free_field *field);
/* R as data, owned by the caller: on the neighbors of S, or without any. */
int kr_free_field_action(const kr_free_field *field, kr_quartic *reference, kr_error *err);
/* Independent samples in the lanes of phi (n_sites, stride); scratch 64-byte aligned. Threads:
 * pure. */
size_t kr_free_field_scratch_bytes(const kr_free_field *field);
void kr_free_field_sample(const kr_free_field *field, int32_t n_lanes, double *phi,
                          size_t stride, kr_rng *rng, void *scratch);

#endif
