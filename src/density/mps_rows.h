/* SPDX-License-Identifier: GPL-3.0-or-later
 * density/mps_rows.h - what lies below each row of a square lattice, as matrix product states.
 *
 * Let B_r(s_r, s_0) be the sum over the rows below r of exp(-beta H), without the local
 * energies and the bonds within row r; s_0 is the first row, and matters only where the last
 * row is bound to it. Every B_r is kept as a matrix product over the columns,
 *
 *   open along the columns:  prod_x A_x[s_x],     periodic:  prod_x A'_x[s_0x] A_x[s_x],
 *
 * with matrices of at most chi rows and columns: a chain of width or 2 width sites. B_{r-1}
 * follows from B_r by the row's Boltzmann factors, which multiply the bonds by q (q^2 where
 * rows are rings), and the best approximation of that by smaller matrices, bond after bond: a
 * sweep of triangular factors from the right, then singular values from the left (Schollwoeck,
 * Ann. Phys. 326, 96 (2011), section 4.5). What is approximated is B_r itself: with factors of
 * the row inside, the same chi gives larger errors of the conditional probabilities (measured).
 */
#ifndef KR_DENSITY_MPS_ROWS_H
#define KR_DENSITY_MPS_ROWS_H

#include "kramers_plug.h"

#define KR_MPS_STAGE 1.4 /* ratio of beta from stage to stage */

typedef struct kr_mps_site {
    int32_t left, right; /* sizes of the matrices */
    double *A;           /* (q, left, right); borrowed from store */
} kr_mps_site;

typedef struct kr_mps_rows {
    const kr_terms *terms; /* borrowed */
    int32_t width, height, q, chi;
    bool is_ring;      /* the last column is bound to the first, width > 2 */
    bool is_tube;      /* the last row is bound to the first, height > 2 */
    int32_t n_chain;   /* sites of a chain */
    kr_mps_site *site; /* (height, n_chain); owns */
    size_t n_store;
    double *store;         /* (n_store); owns */
    double *own;           /* (n_sites, q) exp(-beta local), the largest of a site 1; owns */
    double *across, *down; /* (n_sites, q, q) of the bond to the next column and row, the
                              largest 1; of the last ones to the first; owns */
    int32_t chi_most;      /* largest size of a matrix */
    bool is_balanced;      /* chains are multiplied by the weights of the next four, owned: */
    double *site_log, *pair_log; /* (n_sites, q), (n_sites, q, q) of a row */
    double *first_site,
        *first_pair; /* (width, q), (width, q, q) of the first row in all chains */
} kr_mps_rows;

/* True for pair models on hypercubic lattices of one or two dimensions. */
bool kr_mps_rows_supports(const kr_target *target, int64_t chi, kr_error *why);
/* Errors: KR_ENOMEM, nothing is left. The tables are not filled. */
int kr_mps_rows_init(kr_mps_rows *rows, const kr_target *target, int64_t chi, kr_error *err);
void kr_mps_rows_clear(kr_mps_rows *rows);
/* No balance. Serial only. */
void kr_mps_rows_reset(kr_mps_rows *rows);
/* Smaller values of beta from which balance (density/mps_balance.h) has to be learned on the
 * way to this one; 0: none is needed. Pure. */
int32_t kr_mps_rows_stages(const kr_terms *terms, double beta);
/* Fills everything at beta, with the balance as it is. Errors: KR_EINVAL beta not finite,
 * KR_EUNSUP too large, KR_ENOMEM, KR_ESANITY a matrix that is not finite. Serial only. */
int kr_mps_rows_prepare(kr_mps_rows *rows, double beta, kr_error *err);

#endif
