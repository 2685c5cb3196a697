/* SPDX-License-Identifier: GPL-3.0-or-later
 * analysis/reweight.h - means of a scan as functions of the scanned number, by multiple
 * histograms (stats/multihist.h), as plain numbers. Threads: serial only. */
#ifndef KR_ANALYSIS_REWEIGHT_H
#define KR_ANALYSIS_REWEIGHT_H

#include "analysis/analysis.h"
#include "analysis/series.h"

#define KR_REWEIGHT_ESS  100.0 /* independent draws below which a mean is not to be trusted */
#define KR_REWEIGHT_EDGE 0.1   /* weight at the ends of the sampled energies, likewise */
#define KR_EXTREMA_MAX   8

typedef struct kr_curve {
    char name[KR_SERIES_NAME], unit[32];
    bool is_derived;
    double *value, *error; /* (n_targets); own */
} kr_curve;

typedef struct kr_extremum { /* largest value of a derived variance between the targets */
    char name[KR_SERIES_NAME];
    double at, at_error, value, value_error;
} kr_extremum;

typedef struct kr_reweighting {
    char title[256];
    char parameter[KR_SERIES_NAME]; /* beta, or a number of the model without `model.` */
    bool is_beta;
    double fixed_beta; /* where another number was scanned */
    double n_sites;
    int64_t n_chains, n_draws, n_points, n_blocks, n_targets;
    double *point; /* (n_points) value of the parameter; owns */
    double *n_eff; /* (n_points) independent draws, by tau_int of what it couples to; owns */
    double *at;    /* (n_targets) ascending; owns */
    double *log_z, *log_z_error; /* (n_targets) ln Z(at)/Z(first point); own */
    double *ess, *edge;          /* (n_targets) as in kr_multihist_mean; own */
    double least_overlap;
    int n_curves;
    kr_curve *curve; /* owns */
    int n_extrema;
    kr_extremum extremum[KR_EXTREMA_MAX];
} kr_reweighting;

/* Whether the draws say anything at a target. */
bool kr_reweighting_holds(const kr_reweighting *r, int64_t target);

/* Columns of the posterior, and quantities that follow from one of them, at the targets that
 * options ask for. Clear with kr_reweighting_clear, also after an error. Errors: KR_EUNSUP when
 * the file is no scan of one number alone, lacks what that couples to or has too few
 * independent draws; those of kr_multihist_solve. Memory: that of kr_blocks_read and
 * kr_multihist_alloc. */
int kr_reweighting_compute(kr_reader *reader, const kr_reweight_options *options,
                           kr_reweighting *r, kr_error *err);
void kr_reweighting_clear(kr_reweighting *r);

void kr_reweighting_print(const kr_reweighting *r, FILE *out);
void kr_reweighting_print_json(const kr_reweighting *r, FILE *out);

#endif
