/* SPDX-License-Identifier: GPL-3.0-or-later
 * analysis/reweight_data.h - the draws that reweighting takes from a file, read in pieces. */
#ifndef KR_ANALYSIS_REWEIGHT_DATA_H
#define KR_ANALYSIS_REWEIGHT_DATA_H

#include "analysis/blocks.h"
#include "analysis/reweight.h"
#include "stats/multihist.h"

#define KR_REWEIGHT_COLUMNS 64

typedef struct kr_reweight_data {
    int64_t n_chains, n_draws, n_points, n; /* n = n_chains n_draws */
    int64_t parts;                          /* of a chain, 1 unless chains are few */
    int n_columns;
    char name[KR_REWEIGHT_COLUMNS][KR_SERIES_NAME], unit[KR_REWEIGHT_COLUMNS][32];
    const char *energy_group, *energy_name; /* of X */
    char conjugate[KR_SERIES_NAME];
    kr_blocks energy;       /* X of the draws, for beta H; owns */
    double *scale, *weight; /* (n_points) X over the column; of the points; own */
} kr_reweight_data;

/* Shape, points, energies and the columns that can be averaged. Clear with
 * kr_reweight_data_clear, also after an error. Errors: KR_EUNSUP with the reason; KR_EIO. */
int kr_reweight_data_load(kr_reader *reader, kr_reweight_data *d, kr_reweighting *r,
                          kr_error *err);
void kr_reweight_data_clear(kr_reweight_data *d);
/* Weights 1/(2 tau_int), and into how many parts chains are cut. */
int kr_reweight_data_weigh(kr_reweight_data *d, kr_reweighting *r, kr_error *err);
/* Histograms of all draws; NULL on error. Columns with values that are not finite go. */
kr_multihist *kr_reweight_data_fill(kr_reader *reader, kr_reweight_data *d,
                                    const kr_reweighting *r, kr_error *err);

#endif
