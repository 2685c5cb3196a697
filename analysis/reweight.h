/* SPDX-License-Identifier: GPL-3.0-or-later
 * analysis/reweight.h - means of scans as functions of the scanned numbers, by multiple
 * histograms (stats/multihist.h), as plain numbers. Threads: serial only. */
#ifndef KR_ANALYSIS_REWEIGHT_H
#define KR_ANALYSIS_REWEIGHT_H

#include "analysis/analysis.h"
#include "analysis/series.h"

#define KR_REWEIGHT_ESS    100.0 /* independent draws below which a mean is not to be trusted */
#define KR_REWEIGHT_EDGE   0.1   /* weight at the ends of the sampled energies, likewise */
#define KR_REWEIGHT_BLOCKS 32    /* parts of the data, at most */
#define KR_EXTREMA_MAX     8

typedef struct kr_curve {
    char name[KR_SERIES_NAME], unit[32];
    bool is_derived;
    double *value, *error; /* (n_targets); own */
} kr_curve;

typedef struct kr_extremum { /* largest value of a derived variance between the targets */
    char name[KR_SERIES_NAME];
    double at, at_error, value, value_error;
} kr_extremum;

/* Where ln Z itself is known: the number of states at beta = 0, or a density's estimate. */
typedef struct kr_anchor {
    char what[KR_SERIES_NAME]; /* "number of states", or the density */
    char where[2 * KR_SERIES_NAME];
    int64_t point; /* -1: beta = 0 */
    double log_z, error;
    double d[KR_REWEIGHT_BLOCKS + 1]; /* ln Z of the draws there but for a constant, with all
                                         of them and without each part */
} kr_anchor;

typedef enum kr_reweight_kind {
    KR_REWEIGHT_BETA,
    KR_REWEIGHT_NUMBER, /* of the model, at one beta */
    KR_REWEIGHT_PAIR    /* both */
} kr_reweight_kind;

typedef struct kr_reweighting {
    char title[256];
    int n_files, n_flat; /* n_flat: of multicanonical runs, which come last */
    kr_reweight_kind kind;
    char parameter[KR_SERIES_NAME]; /* along which targets lie: beta, or a number of the model
                                       without `model.` */
    char other[KR_SERIES_NAME];     /* of a pair: the one that stays; else "" */
    bool is_beta;                   /* parameter is beta */
    double fixed; /* the other one's value; of a number of the model at one beta: that beta */
    double n_sites;
    int64_t n_chains, n_draws, n_points, n_blocks, n_targets; /* chains: of all files; draws:
                                                                 of the shortest */
    double *point, *other_point; /* (n_points) values of both; own */
    double *n_eff; /* (n_points) independent draws, by tau_int of what they couple to; owns */
    double *at;    /* (n_targets) ascending; owns */
    double *ratio, *ratio_error;                /* (n_targets) ln Z(at)/Z(reference); own */
    char reference[2 * KR_SERIES_NAME];         /* the first canonical point, or else target */
    double reference_d[KR_REWEIGHT_BLOCKS + 1]; /* as of an anchor */
    double *log_z, *log_z_error;                /* (n_targets) ln Z, NaN without anchors; own */
    double *free, *free_error; /* (n_targets) -ln Z/(beta N), of the ratio without anchors; NaN
                                  at beta = 0; own */
    double *point_log_z;       /* (n_points) ln Z_k/Z_0; owns */
    double *covariance, *asymptotic; /* (n_points, n_points) of these; the latter of
                                        independent points; own */
    int n_anchors, n_refused;        /* refused: estimates of densities that do not carry */
    kr_anchor *anchor;               /* owns */
    double *ess, *edge;              /* (n_targets) as in kr_multihist_mean; own */
    double least_overlap;
    int n_curves;
    kr_curve *curve; /* owns */
    int n_extrema;
    kr_extremum extremum[KR_EXTREMA_MAX];
} kr_reweighting;

/* Whether the draws say anything at a target. */
bool kr_reweighting_holds(const kr_reweighting *r, int64_t target);

/* Columns of the posterior, and quantities that follow from one of them, at the targets that
 * options ask for, from n files of one system. Clear with kr_reweighting_clear, also after an
 * error. Errors: KR_EUNSUP when the files are of several systems, scan what cannot be
 * reweighted, lack what that couples to or have too few independent draws; those of
 * kr_multihist_solve. Memory: that of kr_blocks_read and kr_multihist_alloc, for any number and
 * length of files. */
int kr_reweighting_compute(kr_reader *const *readers, const char *const *paths, int n,
                           const kr_reweight_options *options, kr_reweighting *r,
                           kr_error *err);
void kr_reweighting_clear(kr_reweighting *r);

void kr_reweighting_print(const kr_reweighting *r, FILE *out);
void kr_reweighting_print_json(const kr_reweighting *r, FILE *out);

#endif
