/* SPDX-License-Identifier: GPL-3.0-or-later
 * study/phase_private.h - shared by the files of the study: phase.c (driver), phase_data.c
 * (measuring, draws as features and states), phase_train.c (both classifiers on one size),
 * phase_judge.c (places, limits), phase_say.c (what it knows), phase_print.c, phase_json.c,
 * phase_plot.c. */
#ifndef KR_STUDY_PHASE_PRIVATE_H
#define KR_STUDY_PHASE_PRIVATE_H

#include "stats/logistic.h"
#include "study/critical_draws.h"
#include "study/phase.h"
#include "study/phase_net.h"

enum {
    KR_PHASE_POINTS = 64,
    KR_PHASE_SIZES = 8,
    KR_PHASE_TEST = 64, /* chains at most */
    KR_PHASE_WINDOWS = 3,
    KR_PHASE_SHOWN = 4,
    KR_PHASE_LINES = 16,
};
enum { KR_PHASE_LOGISTIC, KR_PHASE_NETWORK, KR_PHASE_KINDS };
enum { KR_PHASE_ABS, KR_PHASE_SQUARE, KR_PHASE_CONJUGATE, KR_PHASE_LEAST, KR_PHASE_FEATURES };
enum { KR_PHASE_R2_ABS, KR_PHASE_R2_CONJUGATE, KR_PHASE_R2_ALL, KR_PHASE_R2 };

typedef struct kr_phase_value {
    double value, error; /* NaN: not there */
} kr_phase_value;

/* P(ordered) of a classifier, of one size. */
typedef struct kr_phase_curve {
    double chain[KR_PHASE_POINTS][KR_PHASE_TEST]; /* mean over the draws of a test chain */
    double p[KR_PHASE_POINTS], error[KR_PHASE_POINTS];
    kr_phase_value half, slope; /* where P = 1/2, and dP/dparameter there */
} kr_phase_curve;

typedef struct kr_phase_score {
    double accuracy, entropy;
} kr_phase_score;

typedef struct kr_phase_size {
    int32_t side;
    double n_sites, tau; /* tau_int of the slowest column and point, steps */
    int64_t thermalize, every, n_draws;
    kr_critical_draws draws[KR_PHASE_POINTS]; /* own their arrays */
    double binder[KR_PHASE_POINTS], binder_error[KR_PHASE_POINTS];
    kr_phase_curve curve[KR_PHASE_KINDS][KR_PHASE_WINDOWS];
    kr_phase_score train[KR_PHASE_KINDS], test[KR_PHASE_KINDS]; /* of window 0 */
    kr_logistic logistic;                                       /* of window 0 */
    double r2[KR_PHASE_KINDS][KR_PHASE_R2], within[KR_PHASE_KINDS][KR_PHASE_R2];
    double shown[KR_PHASE_SHOWN]; /* P of made-up states; NaN */
    double agree, agree_gap;      /* NaN without network */
} kr_phase_size;

typedef struct kr_phase_limit {
    double value, error, statistical, window, cut, chi2, p;
    int32_t n_used;
} kr_phase_limit;

typedef struct kr_phase_study {
    kr_study base;
    kr_phase_params params;
    int32_t n_points, n_sizes, n_features;
    double at[KR_PHASE_POINTS];
    int32_t window[KR_PHASE_WINDOWS][2]; /* last point of the low side, first of the high one */
    bool ordered_is_high, has_net;
    char note[256];      /* why there is no network */
    kr_phase_size *size; /* (n_sizes); owns */
    /* what was found */
    kr_phase_limit limit[KR_PHASE_KINDS];
    kr_phase_value crossing[KR_PHASE_KINDS][KR_PHASE_SIZES], binder_crossing[KR_PHASE_SIZES];
    double steepens[KR_PHASE_KINDS];
    int32_t n_lines;
    char line[KR_PHASE_LINES][512];
    double pilot_cpu_s, measure_cpu_s, train_cpu_s, begun;
} kr_phase_study;

/* Draws of one size as the classifiers take them, row (point, chain, draw). */
typedef struct kr_phase_data {
    int64_t n_chains, n_draws, n_sites;
    double *feature; /* (n_points, n_chains, n_draws, n_features); owns */
    uint8_t *state;  /* (n_points, n_chains, n_draws, n_sites) or NULL; owns */
} kr_phase_data;

static inline int64_t kr_phase_row(const kr_phase_data *data, int64_t point, int64_t chain,
                                   int64_t draw)
{
    return (point * data->n_chains + chain) * data->n_draws + draw;
}
static inline bool kr_phase_kind_is_there(const kr_phase_study *study, int kind)
{
    return kind == KR_PHASE_LOGISTIC || study->has_net;
}
/* Name of a feature: of the conjugate the column of it. */
const char *kr_phase_feature(const kr_phase_study *study, int32_t k);

/* ---- phase_data.c ---- */

/* Points, windows; whether there is a network. */
int kr_phase_prepare(kr_phase_study *study, kr_error *err);
/* Pilot and measurement of size k, or what is there of them. */
int kr_phase_measure(kr_phase_study *study, int32_t k, bool *is_finished, kr_error *err);
/* Reads the file of size k into its draws and data. Clear data also after an error. */
int kr_phase_load(kr_phase_study *study, int32_t k, kr_phase_data *data, kr_error *err);
void kr_phase_data_clear(kr_phase_data *data);

/* ---- phase_train.c ---- */

/* Trains and evaluates both classifiers on size k with every window. */
int kr_phase_train(kr_phase_study *study, int32_t k, const kr_phase_data *data,
                   bool *is_finished, kr_error *err);

/* ---- phase_judge.c ---- */

/* Halves, crossings, limits. */
int kr_phase_judge(kr_phase_study *study, kr_error *err);
/* Index p of 0..n-2 so that y changes sign between p and p + 1, near where it changes on the
 * whole, from minus to plus; -1: nowhere. y (n) with errors (n). */
int32_t kr_phase_change(const double *y, const double *error, int32_t n);

/* ---- phase_say.c, phase_print.c, phase_json.c, phase_plot.c ---- */

/* Sentences made of what was found. */
void kr_phase_say(kr_phase_study *study);
void kr_phase_print(const kr_phase_study *study, FILE *out);
void kr_phase_print_json(const kr_phase_study *study, FILE *out);
/* Figure phase.svg in the folder. */
int kr_phase_plot(const kr_phase_study *study, kr_error *err);

#endif
