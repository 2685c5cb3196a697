/* SPDX-License-Identifier: GPL-3.0-or-later
 * study/critical_private.h - shared by the files of the study: critical.c (driver),
 * critical_draws.c (draws of a result file),
 * critical_scan.c (where to look), critical_plan.c (pilots, budget, measuring),
 * critical_judge.c (fits, order of the transition), critical_print.c, critical_json.c,
 * critical_plot.c; the system and its run files are those of study.h. */
#ifndef KR_STUDY_CRITICAL_PRIVATE_H
#define KR_STUDY_CRITICAL_PRIVATE_H

#include "stats/coexistence.h"
#include "stats/scaling.h"
#include "study/critical.h"
#include "study/critical_draws.h"
#include "study/study.h"

#define KR_CRITICAL_CHAINS                                                                     \
    KR_STUDY_CHAINS /* two blocks, and as many independent parts for errors */
#define KR_CRITICAL_LINES 8
#define KR_CRITICAL_CURVE 21 /* places near the transition, for figures */
#define KR_CRITICAL_BINS  80 /* of the conjugate, for figures */

typedef enum kr_critical_order {
    KR_CRITICAL_CONTINUOUS,
    KR_CRITICAL_FIRST,
    KR_CRITICAL_UNCLEAR,
} kr_critical_order;

typedef struct kr_critical_size {
    int32_t side; /* the smallest */
    double n_sites;
    double at; /* parameter that is measured at */
    int64_t thermalize, every, measure;
    double tau;          /* of the slowest column, steps */
    double cpu_per_step; /* of a chain, its draws counted */
    double cpu_s;        /* of measuring */
    int64_t n_draws;
    kr_scaling_size data; /* at the critical value */
    kr_coexistence coexistence;
    double curve_at[KR_CRITICAL_CURVE]; /* NaN: not there */
    double curve[KR_CRITICAL_CURVE][KR_SCALING_DATA],
        curve_error[KR_CRITICAL_CURVE][KR_SCALING_DATA];
    double bin_x[KR_CRITICAL_BINS], bin_p[KR_CRITICAL_BINS]; /* per site; density */
} kr_critical_size;

/* Values at the limit of many sizes. */
typedef struct kr_critical_first {
    kr_estimated at_weight, at_height, at_peak;
    kr_estimated latent, x_low, x_high; /* per site, conjugate as in H (beta times H, else) */
    kr_estimated tension;               /* of an interface; NaN with one size */
    double p;                           /* of the fits of at_weight */
    int32_t n_used;
} kr_critical_first;

typedef struct kr_critical {
    kr_study base;
    int32_t n_sizes;
    kr_critical_size size[KR_SCALING_SIZES]; /* as many as a study may have */
    double minutes, omega;
    double scan_cpu_s, pilot_cpu_s, measure_cpu_s, begun;
    /* what was found */
    kr_critical_order order;
    bool has_fit, has_first;
    bool is_settled; /* the fits, with all sizes in them */
    kr_scaling_result fit;
    kr_critical_first first;
    int32_t n_evidence;
    char evidence[KR_CRITICAL_LINES][256], advice[512];
} kr_critical;

/* ---- critical_draws.c ---- */

/* Curves around `at`, and the distribution of the conjugate at `with`, for the figures. */
int kr_critical_draw(const kr_critical_draws *draws, double at, double with,
                     kr_critical_size *size, kr_error *err);
int kr_critical_coexist(const kr_critical *study, const kr_critical_draws *draws,
                        kr_coexistence *out, kr_error *err);

/* ---- critical_scan.c ---- */

/* Where to look: *at near the transition. Errors: KR_EUNSUP with what was seen when there is
 * none in the range. */
int kr_critical_search(kr_critical *study, double *at, bool *is_finished, kr_error *err);
/* Shift of the parameter from `at` at which the lines of two sizes cross; NaN: not near. */
double kr_critical_crossing(const kr_scaling_size *a, const kr_scaling_size *b, int which);

/* ---- critical_plan.c ---- */

/* Reads plan.yaml, or makes pilots of all sizes and writes it. */
int kr_critical_plan(kr_critical *study, bool *is_finished, kr_error *err);
/* Where the sizes are measured, from their pilots: all at `at`, or each where its two phases
 * are in balance as its coexistence says. */
void kr_critical_place(kr_critical *study, double at);
/* Measures all sizes that are not there yet. */
int kr_critical_measure(kr_critical *study, bool *is_finished, kr_error *err);
void kr_critical_file(const kr_critical *study, int32_t side, char path[KR_STUDY_PATH]);

/* ---- critical_judge.c ---- */

/* Fits, evidence, order, advice; from the files of all sizes. */
int kr_critical_judge(kr_critical *study, kr_error *err);
/* The order and its evidence, from fits and coexistence of the sizes. */
void kr_critical_decide(kr_critical *study);

/* ---- critical_print.c, critical_json.c, critical_plot.c ---- */

void kr_critical_print(const kr_critical *study, FILE *out);
int kr_critical_print_json(const kr_critical *study, FILE *out, kr_error *err);
/* Figures in the folder: crossing.svg and collapse.svg, or coexistence.svg. */
int kr_critical_plot(const kr_critical *study, kr_error *err);

#endif
