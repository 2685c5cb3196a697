/* SPDX-License-Identifier: GPL-3.0-or-later
 * analysis/reweight_data.h - the draws that reweighting takes from files, read in pieces. */
#ifndef KR_ANALYSIS_REWEIGHT_DATA_H
#define KR_ANALYSIS_REWEIGHT_DATA_H

#include "analysis/blocks.h"
#include "analysis/reweight.h"
#include "analysis/reweight_source.h"
#include "stats/multihist.h"

#define KR_REWEIGHT_COLUMNS 64
#define KR_REWEIGHT_ROW     (KR_REWEIGHT_COLUMNS + 2)

/* What the draws of a point say of X or Y. */
typedef struct kr_reweight_spread {
    double low, high, mean, variance, tau_int;
} kr_reweight_spread;

typedef struct kr_reweight_data {
    int n_sources;
    kr_reweight_source *source; /* (n_sources) owns */
    int64_t n_points;
    int n_columns; /* named ones; all have the shape of the run in every source */
    char name[KR_REWEIGHT_COLUMNS][KR_SERIES_NAME], unit[KR_REWEIGHT_COLUMNS][32];
    /* Of beta and another number: the column of the energy, which is made of X and Y at the
     * target: <E + lambda M>. Its place holds X/N, two more columns behind the named ones Y/N
     * and (X + Y)/N. -1: none. */
    int energy_column;
    char conjugate[KR_SERIES_NAME]; /* column; "" where beta alone matters */
    double *beta, *lambda;          /* (n_points) own */
    double *scale[2]; /* (n_points) H over its column, d H/d lambda over the conjugate; own */
    double *weight;   /* (n_points) 1/(2 tau_int); owns */
    kr_reweight_spread *spread[2]; /* (n_points) of H and of d H/d lambda, or of X; own */
    char (*label)[KR_SERIES_NAME]; /* (n_points) names of the points in messages; owns */
    const char **label_list;       /* (n_points) the same; owns */
} kr_reweight_data;

/* Which numbers matter, where the points are, and the columns that can be averaged. Clear with
 * kr_reweight_data_clear, also after an error. Errors: KR_EUNSUP, KR_EINVAL with the reason;
 * KR_EIO. */
int kr_reweight_data_load(kr_reader *const *readers, const char *const *paths, int n,
                          const kr_reweight_options *options, kr_reweight_data *d,
                          kr_reweighting *r, kr_error *err);
void kr_reweight_data_clear(kr_reweight_data *d);
/* Weights 1/(2 tau_int), and into how many parts chains are cut. */
int kr_reweight_data_weigh(kr_reweight_data *d, kr_reweighting *r, kr_error *err);
/* Histograms of all draws; NULL on error. Columns with values that are not finite go. Borrows
 * d until it is freed. */
kr_multihist *kr_reweight_data_fill(kr_reweight_data *d, const kr_reweighting *r,
                                    kr_error *err);
/* Coefficients of the law at the point. */
void kr_reweight_coefficients(const kr_reweighting *r, double beta, double lambda, double *a,
                              double *b);

#endif
