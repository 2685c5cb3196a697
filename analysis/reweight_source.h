/* SPDX-License-Identifier: GPL-3.0-or-later
 * analysis/reweight_source.h - the result files that are reweighted together: whether they are
 * of one system, their points and laws.
 *
 * A draw of point p has the law m(s) exp(-beta_p (E(s) + lambda_p M(s))), E + lambda M = H,
 * where lambda is the one number of the model that matters beside beta, or m(s) w(H) with the
 * table w of a multicanonical run. Threads: serial only. */
#ifndef KR_ANALYSIS_REWEIGHT_SOURCE_H
#define KR_ANALYSIS_REWEIGHT_SOURCE_H

#include "analysis/reweight.h"
#include "base/runfile.h"

typedef struct kr_reweight_flat { /* as kr_flat_weights, include/kramers_plug.h */
    double e_min, width, beta_low, beta_high;
    int64_t n_bins;
    bool is_level;
    double *log_w; /* owns; NULL: canonical */
} kr_reweight_flat;

typedef struct kr_reweight_source {
    kr_reader *reader; /* borrowed */
    const char *path;  /* borrowed */
    kr_runfile *file;  /* the run file it holds, owns; NULL: none */
    kr_points points;
    int64_t n_chains, n_draws, n_points, first; /* first: index of its points among all */
    int64_t coupled; /* chains that an update couples: 2k and 2k + 1; or 1 */
    int64_t n_rows;  /* of coupled chains */
    int64_t parts;   /* of a row, 1 unless rows are few */
    const char *energy_group, *energy_name; /* of H, times a factor */
    kr_reweight_flat flat;
} kr_reweight_source;

/* Opens the sources, canonical ones first, and checks that they are of one system. Errors:
 * KR_EUNSUP with the reason; KR_EIO; KR_ENOMEM. Clear each also after an error. */
int kr_reweight_sources_load(kr_reader *const *readers, const char *const *paths, int n,
                             kr_reweight_source *source, kr_error *err);
void kr_reweight_source_clear(kr_reweight_source *source);

/* Names of the numbers that take more than one value, "beta" or "model.NAME" (at most most; a
 * count above it is told as an error). */
int kr_reweight_find_varying(const kr_reweight_source *source, int n, int most,
                             char (*name)[KR_SERIES_NAME], int *n_names, kr_error *err);
/* A number of the run at one of its points, by name without `model.`; NaN: unknown. */
double kr_reweight_source_value(const kr_reweight_source *source, const char *name, int64_t p);
/* ln w of an energy. */
double kr_reweight_flat_log_w(const kr_reweight_flat *flat, double energy);

#endif
