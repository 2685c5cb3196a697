/* SPDX-License-Identifier: GPL-3.0-or-later
 * analysis/blocks.h - series of any length as means of blocks of draws, in bounded memory.
 *
 * What is asked of a series of 10^8 draws - the error of its mean, jackknifes, ranks - needs no
 * more than some millions of values: means of blocks of `step` draws have the same mean, and
 * the same error of it by the Gamma method (Flyvbjerg, Petersen, J. Chem. Phys. 91, 461
 * (1989)), which then is known to the square root of about 1.5/(number of blocks). Series of up
 * to 2^22 values keep every draw: step 1.
 * Threads: serial only. */
#ifndef KR_ANALYSIS_BLOCKS_H
#define KR_ANALYSIS_BLOCKS_H

#include "analysis/series.h"
#include "stats/stats.h"

#define KR_BLOCKS_MOST  ((int64_t)1 << 22) /* values of a point */
#define KR_BLOCKS_TOTAL ((int64_t)3 << 21) /* values of all points */
#define KR_BLOCKS_LEAST 64                 /* blocks of a chain, whatever the bounds */

typedef struct kr_draw_moments { /* of single values at a point */
    double shift, mean, variance;
    double pair_variance; /* of the means of the pairs of chains 2k and 2k + 1 */
    double low, high;
    bool is_constant;
    int64_t bad_chain, bad_draw; /* of a value that is not finite; -1: none */
    double bad_value;
} kr_draw_moments;

typedef struct kr_blocks {
    int64_t n_chains, n_draws, n_points; /* of the series */
    int64_t step, n;                     /* draws of a block, blocks of a chain */
    double *value;  /* (n_points, n_chains, n) means of blocks; the last one of a chain, where
                       it is shorter, is moved to the mean of all in proportion, so that all
                       have the same weight; owns */
    double *square; /* the same of (x - shift)^2, as sums over step; NULL for step 1; owns */
    double *first;  /* first draws of the blocks; NULL for step 1, where value has them; owns */
    kr_draw_moments *moments; /* (n_points); only where step > 1; owns */
} kr_blocks;

typedef struct kr_blocks_options {
    int64_t most;     /* values of a point and of all; 0: as above, -1: every draw */
    int64_t length;   /* draws of a piece; 0: as of kr_series_open */
    bool has_squares; /* for kr_blocks_squares */
    bool has_pairs;   /* means of pairs of chains will be asked for */
    double (*map)(double x, double parameter); /* of every draw before anything else; or NULL */
    const double *parameter;                   /* (n_points) */
    void (*visit)(void *visitor, const kr_series *piece); /* sees the draws as they are read */
    void *visitor;
} kr_blocks_options;

/* Draws that a block of such a series has. */
int64_t kr_blocks_step(int64_t n_chains, int64_t n_draws, int64_t n_points, int64_t most);
/* Reads an opened series (from its first draw on) to its end. Clear with kr_blocks_clear, also
 * after an error. Memory: 3 (n_points, n_chains, n) and a piece. */
int kr_blocks_read(kr_series *series, const kr_blocks_options *options, kr_blocks *blocks,
                   kr_error *err);
void kr_blocks_clear(kr_blocks *blocks);
/* Point p as a series (n_chains, n): x less shift, and (x - shift)^2, each with the weights
 * above. Needs has_squares. */
void kr_blocks_squares(const kr_blocks *blocks, int64_t p, double shift, double *x,
                       double *square);
/* Mean and variance of all draws of point p; least and largest draw (NaN where any is). */
double kr_blocks_mean(const kr_blocks *blocks, int64_t p);
double kr_blocks_variance(const kr_blocks *blocks, int64_t p);
void kr_blocks_range(const kr_blocks *blocks, int64_t p, double *low, double *high);
/* kr_jackknife_bin for blocks: tau_int in draws, the bin in blocks, at least 8 of several
 * draws, for more bins would tell no more. */
int64_t kr_blocks_bin(const kr_blocks *blocks, double tau_int, int64_t n_rows,
                      int64_t min_bins);
/* kr_gamma_estimate of x, n_rows chains of blocks (as they are, or means of pairs): tau_int and
 * the numbers that follow from it are those of draws. Errors: as there; a value of the series
 * is not finite. */
int kr_blocks_estimate(const kr_blocks *blocks, int64_t p, const double *x, int64_t n_rows,
                       kr_estimate *estimate, kr_error *err);

#endif
