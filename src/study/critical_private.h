/* SPDX-License-Identifier: GPL-3.0-or-later
 * study/critical_private.h - shared by the files of the study: critical.c (driver),
 * critical_system.c (the system, its run files), critical_model.c (what the model says of it),
 * critical_draws.c (draws of a result file),
 * critical_scan.c (where to look), critical_plan.c (pilots, budget, measuring),
 * critical_judge.c (fits, order of the transition), critical_print.c, critical_json.c,
 * critical_plot.c. */
#ifndef KR_STUDY_CRITICAL_PRIVATE_H
#define KR_STUDY_CRITICAL_PRIVATE_H

#include "observable/slices.h"
#include "run/spec.h"
#include "stats/coexistence.h"
#include "stats/scaling.h"
#include "study/critical.h"
#include "study/edit.h"

#define KR_CRITICAL_CHAINS 128 /* two blocks, and as many independent parts for errors */
#define KR_CRITICAL_PATH   4096
#define KR_CRITICAL_LINES  8
#define KR_CRITICAL_CURVE  21 /* places near the transition, for figures */
#define KR_CRITICAL_BINS   80 /* of the conjugate, for figures */

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
    double cpu_s;        /* of measuring; NaN: an earlier process did */
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
    const kr_critical_options *options;
    kr_spec *spec;             /* as written; owns */
    const kr_runfile *written; /* the user's file, for messages; borrows */
    kr_runfile *own_written;   /* where the spec has another; owns, else NULL */
    kr_text text;              /* the system without what a study decides; owns */
    char path[KR_TEXT_MAX];
    char parameter[KR_TEXT_MAX]; /* beta, or model.NAME */
    char conjugate[KR_TEXT_MAX]; /* column of what it couples to */
    bool is_beta;
    double low, high; /* of the search */
    int32_t n_scan;
    int32_t n_dims, shape[KR_DIM_MAX], shape_least;
    int64_t seed, adapt;
    bool has_updates; /* of the run file's own */
    char updates[512], scan_updates[512];
    kr_slices slices;  /* of the box as written, where xi can be measured */
    const char *start; /* of the chains */
    bool has_ratio;    /* xi/L can be measured */
    double n_ordered;  /* ordered phases that symmetry makes */
    int32_t n_sizes;
    kr_critical_size size[KR_SCALING_SIZES];
    double minutes, omega;
    double scan_cpu_s, pilot_cpu_s, measure_cpu_s, begun;
    /* what was found */
    kr_critical_order order;
    bool has_fit, has_first;
    bool is_settled; /* the fits, with all sizes in them */
    bool is_resumed; /* the folder was there */
    int lock;        /* descriptor of the folder, locked; -1: none */
    kr_scaling_result fit;
    kr_critical_first first;
    int32_t n_evidence;
    char evidence[KR_CRITICAL_LINES][256], advice[512];
    double known; /* NaN: no value is known */
    const char *known_source;
} kr_critical;

/* ---- critical.c ---- */

/* Whole or not at all. */
int kr_critical_write(const char *path, const kr_text *text, kr_error *err);

/* ---- critical_system.c ---- */

/* Checks the file, which it takes, and fills what the run file decides. */
int kr_critical_load(kr_critical *study, kr_runfile *file, kr_error *err);

typedef struct kr_critical_task {
    int32_t side;
    const double *value; /* (n_values) of the parameter; borrowed */
    int32_t n_values;
    const char *updates;
    int64_t thermalize, measure, every, chains, stream; /* stream: moves the seed */
    char output[KR_CRITICAL_PATH];
} kr_critical_task;
/* Whether the model takes a schedule and that reaches every state. */
bool kr_critical_takes(const kr_critical *study, const char *updates);
/* Where chains begin, for the updates of the study. */
void kr_critical_find_start(kr_critical *study);
/* A spec of the task; NULL with the error set. */
kr_spec *kr_critical_spec(const kr_critical *study, const kr_critical_task *task,
                          kr_error *err);
/* Runs it, or goes on with it where keep and a part of it is there. *cpu_s += what it took. */
int kr_critical_execute(const kr_critical *study, const kr_critical_task *task, bool keep,
                        bool *is_finished, double *cpu_s, kr_error *err);
bool kr_critical_must_stop(const kr_critical *study);
void kr_critical_say(const kr_critical *study, const char *format, ...) KR_PRINTF(2, 3);
/* Name in the folder of the study. */
void kr_critical_name(const kr_critical *study, const char *name, char path[KR_CRITICAL_PATH]);
/* Text of the parameter without `model.`. */
const char *kr_critical_parameter(const kr_critical *study);

/* ---- critical_model.c ---- */

/* Refuses models that their order parameter says nothing of; fills n_ordered. */
int kr_critical_check_order(kr_critical *study, kr_error *err);
void kr_critical_find_known(kr_critical *study);

/* ---- critical_draws.c ---- */

/* Draws of one point. */
typedef struct kr_critical_draws {
    int64_t n_chains, n_draws;
    int32_t side;
    double n_sites, at;
    double ratio_factor; /* xi/L = factor (S(0)/S(k) - 1)^(1/2); NaN: not measured */
    double *x;           /* (n_chains, n_draws) total conjugate; owns, as the rest */
    double *square, *abs, *zero, *least; /* m^2, |m|, S(0), S(k); the last two may be NULL */
} kr_critical_draws;

int kr_critical_draws_load(const kr_critical *study, const char *path, int32_t side,
                           int64_t point, double at, kr_critical_draws *draws, kr_error *err);
void kr_critical_draws_clear(kr_critical_draws *draws);
/* What the draws say at a value of the parameter near theirs; *ess: draws that the weights
 * leave, as a share. data->value is NaN where it is not defined. */
int kr_critical_evaluate(const kr_critical_draws *draws, double at, kr_scaling_size *data,
                         double *ess, kr_error *err);
/* tau_int in draws: the largest and the smallest of x, m^2 and |m|. */
int kr_critical_tau(const kr_critical_draws *draws, double *slowest, double *fastest,
                    kr_error *err);
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
/* Measures all sizes that are not there yet. */
int kr_critical_measure(kr_critical *study, bool *is_finished, kr_error *err);
void kr_critical_file(const kr_critical *study, int32_t side, char path[KR_CRITICAL_PATH]);

/* ---- critical_judge.c ---- */

/* Fits, evidence, order, advice; from the files of all sizes. */
int kr_critical_judge(kr_critical *study, kr_error *err);

/* ---- critical_print.c, critical_json.c, critical_plot.c ---- */

void kr_critical_print(const kr_critical *study, FILE *out);
int kr_critical_print_json(const kr_critical *study, FILE *out, kr_error *err);
/* Figures in the folder: crossing.svg and collapse.svg, or coexistence.svg. */
int kr_critical_plot(const kr_critical *study, kr_error *err);

#endif
