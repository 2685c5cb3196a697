/* SPDX-License-Identifier: GPL-3.0-or-later
 * stats/binning.h - errors of correlated data while they are being made: sums over blocks of
 * 1, 2, 4, ... draws, updated with every draw at a cost that does not grow with their number.
 *
 * Source: Flyvbjerg, Petersen, J. Chem. Phys. 91, 461 (1989). */
#ifndef KR_STATS_BINNING_H
#define KR_STATS_BINNING_H

#include "kramers_plug.h"

#define KR_BINNING_COLUMNS 2
#define KR_BINNING_LEVELS  48

/* Sums over all chains, at each level of blocks of 2^level draws of one chain. Everything is
 * relative to the first values. All members but the sizes change. */
typedef struct kr_binning {
    int64_t n_chains;
    int32_t n_columns, n_levels;
    int64_t n; /* draws of each chain */
    double shift[KR_BINNING_COLUMNS];
    double sum[KR_BINNING_LEVELS][KR_BINNING_COLUMNS]; /* of block sums */
    double product[KR_BINNING_LEVELS][KR_BINNING_COLUMNS][KR_BINNING_COLUMNS]; /* of two such */
    double *total; /* (n_columns, n_chains) of all draws of a chain; owns */
    double *open;  /* (n_levels, n_columns, n_chains) of the block not yet full; owns */
} kr_binning;

typedef enum kr_binning_state {
    KR_BINNING_GOOD,
    KR_BINNING_FEW,      /* correlated over too much of a chain, and too few chains */
    KR_BINNING_SHORT,    /* chains shorter than 20 tau_int: R-hat would be above 1.05 */
    KR_BINNING_DISAGREE, /* means of chains are farther apart than their errors explain */
    KR_BINNING_CONSTANT, /* all values equal */
    KR_BINNING_UNUSABLE, /* not finite, or less than 2 values */
} kr_binning_state;

typedef struct kr_binning_estimate {
    double error;       /* standard error of the mean over all chains */
    double uncertainty; /* of the error, relative */
    double tau_int;     /* in draws; white noise has 0.5 */
    int32_t level;      /* of the blocks used; -1: chains as a whole */
    kr_binning_state state;
} kr_binning_estimate;

/* Chains of at most max_draws draws; with more the error rests on blocks that are shorter than
 * they could be. Errors: KR_EINVAL columns out of 1..KR_BINNING_COLUMNS, no chain; KR_ENOMEM.
 */
int kr_binning_init(kr_binning *binning, int32_t n_columns, int64_t n_chains, int64_t max_draws,
                    kr_error *err);
void kr_binning_clear(kr_binning *binning);
int kr_binning_declare(kr_binning *binning, kr_state *table, kr_error *err);
/* The next draw of all chains: x (n_columns, n_chains). Cost: two sums per value in the mean.
 * Sums run over chains in order: the same draws give the same bits. */
void kr_binning_add(kr_binning *binning, const double *x);
/* mean (n_columns) over everything; NaN before the first draw. */
void kr_binning_means(const kr_binning *binning, double *mean);
/* Error of a smooth function of the means with that gradient (n_columns) there.
 *
 * Blocks of b draws are long enough when b^3 >= 2 N r^2, where N counts all values and r is the
 * squared error from them over that of single values, 2 tau_int: their systematic error is then
 * less than the statistical one (Lee et al., Phys. Rev. E 83, 066706 (2011)). The shortest such
 * are used, and what is left of it corrected. Where no block is long enough and there are 16
 * chains or more, the error is that of the means of chains, which are independent. Means of
 * chains that are farther apart than chance allows once in a thousand times give the error, but
 * leave the state DISAGREE. */
void kr_binning_estimate_error(const kr_binning *binning, const double *gradient,
                               kr_binning_estimate *estimate);

#endif
