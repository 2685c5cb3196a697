/* SPDX-License-Identifier: GPL-3.0-or-later
 * density/skip.h - the exact local field of the sites already drawn, read off the terms.
 *
 * For a pair model the conditional of site i given all sites drawn before is exactly
 *   log q(s_i = a | s_{<i}) = -beta (local[i][a] + sum_{j < i} J_ij V[a][s_j]) + log rho_i(a),
 * where rho_i is the influence of the sites still to come. A network has to learn rho only: the
 * first part is this skip term. It also makes fresh weights a sane proposal at every beta. */
#ifndef KR_DENSITY_SKIP_H
#define KR_DENSITY_SKIP_H

#include "kramers_plug.h"

typedef struct kr_skip {
    int32_t n_sites, q;
    int32_t n_logits; /* 1 for q = 2: the logit of state 1 against state 0; else q */
    bool is_odd;      /* q = 2 and H is invariant under the global flip: the term is odd, to the
                         bit */
    double beta;
    int64_t *begin;    /* (n_sites + 1) into neighbor; owns */
    int32_t *neighbor; /* earlier neighbors, each once, ascending per site; owns */
    double *J;         /* aligned with neighbor, bonds of a pair summed; owns */
    double *local;     /* (n_sites, n_logits) -local[i][a], or the difference; owns */
    double *V;         /* (n_logits, q) -V[a][b], or the difference; owns */
    float *constant;   /* (n_sites, n_logits) beta * local; owns */
    float *table;      /* (neighbor, n_logits, q) beta J V; owns */
} kr_skip;

/* True for pair models with q >= 2; else why says what was seen. name: of the density. Pure. */
bool kr_skip_supports(const kr_terms *terms, const char *name, kr_error *why);
/* Bytes that init allocates. */
size_t kr_skip_bytes(const kr_terms *terms);
/* Reads the terms (not kept) and prepares at beta. rank (n_sites): place of each site in the
 * order of drawing, or NULL: sites are drawn in their order. Errors: KR_ENOMEM, nothing is
 * left.
 */
int kr_skip_init(kr_skip *skip, const kr_terms *terms, const int32_t *rank, double beta,
                 kr_error *err);
void kr_skip_clear(kr_skip *skip);
/* Another beta. Errors: KR_EINVAL when it is not finite, nothing changed. Serial only. */
int kr_skip_prepare(kr_skip *skip, double beta, kr_error *err);
/* z[a * stride + l] += skip term of site i for lanes l < n_lanes; state in layout LANE, only
 * sites drawn before are read. O(earlier neighbors). Threads: pure. */
void kr_skip_add(const kr_skip *skip, int32_t i, int32_t n_lanes, int32_t stride,
                 const uint8_t *state, float *z);

#endif
