/* SPDX-License-Identifier: GPL-3.0-or-later
 * density/mps_sweep.h - the sums of one row for all lanes: from the right, then from the left.
 *
 * Given the row above, row y has the weights
 *
 *   prod_x u_x(s_x) h_x(s_x, s_x+1) B_y(s_y, s_0),
 *
 * u of the local energies and the bonds to the row above, h of the bonds within the row, B_y a
 * matrix product (density/mps_rows.h). A sweep from the right sums over the sites to come,
 *
 *   G_x(s) = A_x[s] R_x(s),   R_{x-1}(t) = sum_s h(t, s) u_x(s) G_x(s),
 *
 * then sites are drawn from the left: p(s_x) ~ h(s_{x-1}, s) u_x(s) v_x . G_x(s), v_x the
 * product of the matrices of the sites drawn. Sums are fmaf chains of fixed order
 * (density/lanes.h) or one rounded product after the other. Threads: pure given its own pass.
 */
#ifndef KR_DENSITY_MPS_SWEEP_H
#define KR_DENSITY_MPS_SWEEP_H

#include "density/lanes.h"
#include "density/mps_rows.h"

typedef struct kr_mps {
    const kr_lanes *lanes;
    kr_mps_rows rows; /* owns */
    int32_t n_sites, q, n_logits;
    int32_t chi;   /* most rows and columns of a matrix */
    bool is_odd;   /* H is invariant under the flip of all of two states */
    float *matrix; /* (height, n_chain) matrices as in rows, one after the other; owns */
    float *own, *across, *down; /* as in rows; owns */
} kr_mps;

/* What a call keeps for all lanes; states relative to site 0 where H is odd. */
typedef struct kr_mps_pass {
    const kr_mps *m;
    int32_t n_lanes;
    size_t L;
    double *ratio;                /* (L) */
    uint64_t *total;              /* (L) */
    uint32_t *integer;            /* (n_logits, L) */
    uint8_t *first, *above, *row; /* (width, L) the first row, the one above, the one drawn */
    uint8_t *flip;                /* (L) what relative states are flipped by */
    float *G;                     /* (width, q, chi, L) */
    float *R, *X;                 /* (q, chi, L) */
    float *v, *masked;            /* (chi, L) */
    float *weight;                /* (q, L) of the site to be drawn */
    float *sum;                   /* (q, L) */
    float *most;                  /* (L) */
    int32_t *power;               /* (L) of two, taken out of R */
    float *save;                  /* (q, L) */
    int32_t *save_power;          /* (q, L) */
} kr_mps_pass;

/* Lays a pass out over scratch (64-byte aligned, or NULL to count); returns its bytes. */
size_t kr_mps_place(const kr_mps *m, kr_mps_pass *now, int32_t n_lanes, void *scratch);
/* v <- v A[state of the lane] of chain site k of row y. */
void kr_mps_step_right(kr_mps_pass *now, int32_t y, int32_t k, const uint8_t *state);
/* Fills G of the columns from `begin` on for row y; on a ring the state of column 0 is that of
 * now->row. */
void kr_mps_sweep_left(kr_mps_pass *now, int32_t y, int32_t begin);
/* Fills now->weight, of the states of column x of row y, from v and G. */
void kr_mps_weigh(kr_mps_pass *now, int32_t y, int32_t x);
/* The same of column 0 of a ring: one sweep for each of its states. */
void kr_mps_weigh_first(kr_mps_pass *now, int32_t y);

#endif
