/* SPDX-License-Identifier: GPL-3.0-or-later
 * update/couplings.h - the distinct couplings of a pair model, and what follows for tables.
 *
 * Boltzmann factors and bond probabilities are tabulated once per distinct coupling instead of
 * computed in a sweep. */
#ifndef KR_UPDATE_COUPLINGS_H
#define KR_UPDATE_COUPLINGS_H

#include "kramers_plug.h"

typedef struct kr_couplings {
    int32_t n;     /* distinct values */
    double *value; /* (n) ascending; owns */
    int32_t *of;   /* (2 n_bonds) index into value, aligned with kr_terms.J; owns */
} kr_couplings;

/* Pair models only. Cost: one sort of J unless all are equal. Errors: KR_ENOMEM. */
int kr_couplings_init(kr_couplings *couplings, const kr_terms *terms, kr_error *err);
void kr_couplings_clear(kr_couplings *couplings);

/* Largest over sites of sum_k |J_k| (max V - min V) + max_a local - min_a local: no two states
 * of a site differ by more in energy. Pair models only. Pure. */
double kr_couplings_range(const kr_terms *terms);

/* Local fields of two-state pair models as table entries. For site i the index
 *   base[i] + sum_k stride[k] s_{neighbor[k]},  k over the neighbor slots of i,
 * points to delta = E_i(s_i = 1) - E_i(s_i = 0). Sites with the same couplings and the same
 * field share their entries. */
typedef struct kr_local_fields {
    int32_t n;       /* entries; 0 = more than KR_LOCAL_FIELDS_MAX were needed */
    int32_t *base;   /* (n_sites); owns */
    int32_t *stride; /* (2 n_bonds); owns */
    double *delta;   /* (n); owns */
} kr_local_fields;

#define KR_LOCAL_FIELDS_MAX 32768 /* 256 KiB of doubles: stays in a second-level cache */

int kr_local_fields_init(kr_local_fields *fields, const kr_terms *terms,
                         const kr_couplings *couplings, kr_error *err);
void kr_local_fields_clear(kr_local_fields *fields);

#endif
