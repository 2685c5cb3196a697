/* SPDX-License-Identifier: GPL-3.0-or-later
 * stats/multihist.h - multiple-histogram reweighting along one coefficient or two.
 *
 * Draws of several points have the laws p_k(s) = m(s) w_k(s) exp(-a_k X(s) - b_k Y(s))/Z_k:
 * temperatures with X = H, fields with X = -beta N m, hopping parameters with the sum over
 * bonds; temperatures and fields together with X = H without the field and Y = -N m, b = beta
 * times the field. w_k is 1, or known weights in the place of exp(-beta H), as multicanonical
 * runs have them: then a_k = b_k = 0. All of them together give means and ratios of Z at any
 * (a, b) between the points and a little beyond. Draws are binned by X and Y and the means of a
 * cell stand for it, which is exact where no cell holds two values and else wrong by (width (a
 * - a_k))^2/24 of a weight.
 *
 * Source: Ferrenberg, Swendsen, Phys. Rev. Lett. 63, 1195 (1989); with unbinned draws the same
 * equations are those of Shirts, Chodera, J. Chem. Phys. 129, 124105 (2008), which hold for any
 * known laws. */
#ifndef KR_STATS_MULTIHIST_H
#define KR_STATS_MULTIHIST_H

#include "kramers_plug.h"

typedef struct kr_multihist kr_multihist;

typedef struct kr_multihist_shape {
    int64_t n_points, n_bins; /* n_bins: along X */
    int64_t n_blocks; /* independent parts of the data: errors come from leaving out one each */
    int64_t n_columns; /* series whose means are wanted */
    const double *a; /* (n_points) coefficients, ascending or not; borrowed while allocating */
    double x_low, x_high; /* all X lie between them; those that do not go to the ends */
    const double *b;      /* (n_points) of Y; NULL: 0 for all, and then no bins along Y */
    int64_t n_bins_y;
    double y_low, y_high;
    /* ln w of a point; NULL: 0 for all; context and labels are borrowed */
    double (*log_w)(const void *context, int64_t point, double x, double y);
    const void *context;
    const char *const *label; /* (n_points) names in messages; NULL: the coefficients */
} kr_multihist_shape;

/* One entry of all draws, at a coefficient. */
typedef struct kr_multihist_mean {
    double log_z; /* ln Z(a, b)/Z_0 */
    double x, y;  /* <X>, <Y> */
    double ess;   /* independent draws that the weights leave */
    double edge;  /* share of the weight in the 16 outermost independent draws of any end of X
                     or Y: where it is large, states that matter were never drawn */
} kr_multihist_mean;

/* Memory: (n_blocks + 1) n_cells (2 n_columns + 4) + n_cells n_points doubles, n_cells = n_bins
 * or n_bins n_bins_y. Errors: KR_EINVAL, KR_ENOMEM. */
kr_multihist *kr_multihist_alloc(const kr_multihist_shape *shape, kr_error *err);
void kr_multihist_free(kr_multihist *m);

/* A draw of a point, in a block. weight: 1/(2 tau_int) of its point, so that draws count as
 * independent ones. y: 0 where there is one coefficient. column (n_columns). Cost:
 * O(n_columns). Threads: serial only. */
void kr_multihist_add(kr_multihist *m, int64_t point, int64_t block, double weight, double x,
                      double y, const double *column);

/* Solves for Z, with all draws and without each block. Errors: KR_EINVAL when a point has no
 * draws in two blocks or more, or the points fall into groups without overlap (named);
 * KR_EDIVERGED, KR_ENOMEM. Cost: some 4 n_blocks n_cells n_points^2. */
int kr_multihist_solve(kr_multihist *m, kr_error *err);

/* What the draws say at coefficients a, b; sample 0: all of them, k > 0: without block k - 1.
 * moments (n_columns, 2), NULL or filled: <column> and <column^2>. After kr_multihist_solve.
 * Threads: pure. */
void kr_multihist_at(const kr_multihist *m, double a, double b, int64_t sample,
                     kr_multihist_mean *mean, double *moments);

/* ln Z_k/Z_0 of a point, and the least overlap along the best chain of points from any to any
 * other, which for one coefficient are neighbors: of two equal laws it is 1, and 0 where they
 * have nothing in common. */
double kr_multihist_log_z(const kr_multihist *m, int64_t point, int64_t sample);
double kr_multihist_least_overlap(const kr_multihist *m);

/* Covariance (n_points, n_points) of ln Z_k/Z_0, filled, by leaving out each block: it knows of
 * correlations between points, and has rank n_blocks - 1 at most. Pure. */
void kr_multihist_covariance(const kr_multihist *m, double *covariance);
/* The same for many independent draws at independent points, from the weights of the draws
 * alone: full rank, no scatter, and too small where points exchange states. Errors: KR_ENOMEM;
 * KR_ESANITY. Source: Shirts, Chodera (2008), section II and appendix D; Kong et al., J. R.
 * Stat. Soc. B 65, 585 (2003). */
int kr_multihist_asymptotic(const kr_multihist *m, double *covariance, kr_error *err);

/* Error of a function of the means from its values value (n_blocks + 1) with all draws and
 * without each block; *estimate (NULL allowed) is corrected for bias of order 1/n. Pure. */
double kr_multihist_error(const double *value, int64_t n_blocks, double *estimate);

#endif
