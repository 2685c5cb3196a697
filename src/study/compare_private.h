/* SPDX-License-Identifier: GPL-3.0-or-later
 * study/compare_private.h - shared by the files of the comparison: compare.c (driver),
 * compare_system.c (the system of a run file, edited), compare_scan.c (local moves against
 * temperature, ladders), compare_candidates.c (which candidates), compare_measure.c (running
 * one), compare_series.c (draws kept, estimates), compare_judge.c (agreement, break-even,
 * order), compare_verdict.c (ranges, closing sentence), compare_print.c and compare_json.c,
 * compare_plot.c. */
#ifndef KR_STUDY_COMPARE_PRIVATE_H
#define KR_STUDY_COMPARE_PRIVATE_H

#include "run/spec.h"
#include "study/compare.h"
#include "study/edit.h"

#define KR_COMPARE_ROWS    24
#define KR_COMPARE_COLUMNS 14
#define KR_COMPARE_SCAN    9
#define KR_COMPARE_LADDER  48
#define KR_COMPARE_SAMPLES 1e4 /* of the column that has training included */

/* A tau_int counts as resolved when each chain is so many of it long; emcee asks for the same
 * (Foreman-Mackey, Hogg, Lang, Goodman, PASP 125, 306 (2013)). */
#define KR_COMPARE_TAUS 50.0

typedef enum kr_compare_kind {
    KR_COMPARE_LOCAL,
    KR_COMPARE_CLUSTER,
    KR_COMPARE_TEMPERING,
    KR_COMPARE_FLAT,
    KR_COMPARE_ANNEALING,
    KR_COMPARE_EXACT, /* a density that is exact or needs no training */
    KR_COMPARE_LEARNED,
} kr_compare_kind;

/* An observable of a candidate. */
typedef struct kr_compare_value {
    bool is_measured, is_constant, is_resolved;
    const char *why; /* not resolved */
    double mean, error, r_hat, z;
    double least, most; /* of all draws */
    double low, high; /* a tenth of the draws is below, a tenth above; NaN for weighted runs */
    double tau, tau_error;   /* steps of one chain; NaN for weighted runs */
    double n_independent;    /* an upper bound when not resolved */
    double cost, cost_error; /* CPU-seconds per independent sample; a lower bound likewise */
} kr_compare_value;

typedef enum kr_compare_even {                 /* against all classical rivals */
                               KR_EVEN_NONE,   /* not resolved, or no rival */
                               KR_EVEN_ALWAYS, /* cheaper from the first sample on */
                               KR_EVEN_FROM,
                               KR_EVEN_AT_MOST, /* the rival is known by a lower bound only */
                               KR_EVEN_NEVER,
                               KR_EVEN_UNDECIDED, /* the lower bound of a rival is below the
                                                     cost */
} kr_compare_even;

typedef enum kr_compare_status {
    KR_COMPARE_NOT_RUN,
    KR_COMPARE_LEFT_OUT, /* the note says why */
    KR_COMPARE_RESOLVED,
    KR_COMPARE_NOT_RESOLVED, /* cost is a lower bound */
    KR_COMPARE_PARTIAL,      /* cannot measure some compared observable */
    KR_COMPARE_DISAGREES,    /* a mean is off: wrong, or stuck */
} kr_compare_status;

typedef struct kr_compare_row {
    char name[96], schedule[320], note[400];
    kr_compare_kind kind;
    kr_compare_status status;
    bool is_stopped; /* by a signal: measured less than it could */
    double set_up_cpu_s, train_cpu_s, sample_cpu_s, cpu_s_per_step;
    double acceptance, ess_q;
    int64_t n_chains, n_draws, every;
    int32_t n_points;
    kr_compare_value value[KR_COMPARE_COLUMNS];
    int32_t slowest; /* column, or -1 */
    double cost, cost_error;
    kr_compare_even even;
    double n_star;
    int32_t even_rival;     /* row, or -1 */
    double cost_n, ratio_n; /* of KR_COMPARE_SAMPLES; against the cheapest rival there */
    bool is_ratio_bound;    /* the ratio is at most that */
    int32_t rival_n;
} kr_compare_row;

typedef struct kr_compare_column {
    char name[KR_NAME_MAX];
    bool is_phase;     /* 1 while in a phase, else 0 */
    bool is_compared;  /* enters costs */
    double exact;      /* NaN = unknown */
    int32_t reference; /* row whose mean the others are held to, or -1 */
} kr_compare_column;

typedef struct kr_compare_scan {
    int32_t n;
    double beta[KR_COMPARE_SCAN], deviation[KR_COMPARE_SCAN]; /* of H, one chain */
    double tau[KR_COMPARE_SCAN]; /* of the slowest column, sweeps; infinite = not resolved */
    double cpu_s;
} kr_compare_scan;

typedef struct kr_compare {
    const kr_compare_options *options;
    kr_text text;      /* the system as a resolved run file; owns */
    kr_spec *spec;     /* the same, as scheduled; owns */
    bool has_schedule; /* of its own, at one temperature */
    char path[KR_TEXT_MAX];
    const char *exact_method; /* or NULL */
    double exact_energy, exact_m, exact_abs_m;
    int32_t n_columns, n_rows;
    kr_compare_column column[KR_COMPARE_COLUMNS];
    kr_compare_row row[KR_COMPARE_ROWS];
    kr_compare_scan scan;
    double energy_j; /* NaN = not told */
    bool is_stopped;
} kr_compare;

/* ---- compare_system.c ---- */

/* Checks the file, which it takes, and keeps its system at one temperature. */
int kr_compare_load(kr_compare *study, kr_runfile *file, kr_error *err);
/* The system as a run file to be edited. bare: without updates and densities. */
kr_runfile *kr_compare_file(const kr_compare *study, bool bare, kr_error *err);
/* Energy and magnetization; residence and overlap where asked for and the system has them. */
int kr_compare_set_observables(const kr_compare *study, kr_runfile *file, bool residence,
                               bool overlap, kr_error *err);
bool kr_compare_must_stop(const kr_compare *study);

/* ---- compare_series.c ---- */

/* Draws of one point, all columns of the study. */
typedef struct kr_compare_series {
    const kr_compare *study;
    int32_t point, n_points, group;     /* group: chains whose mean is one independent series */
    int32_t column[KR_COMPARE_COLUMNS]; /* of the sampler, or -1 */
    int32_t weight_column;              /* log of the weight of a draw, or -1 */
    int64_t n_rows[KR_COMPARE_COLUMNS]; /* chains or pairs */
    int64_t n_chains, n_draws, capacity, every;
    int64_t n_offered, stride;           /* of the draws offered, every stride-th is kept */
    double cpu_s;                        /* of the draws kept */
    double *x[KR_COMPARE_COLUMNS];       /* (capacity, n_rows); owns */
    double *log_weight;                  /* (capacity, n_chains) or NULL; owns */
    double *run_log_weight, *run_family; /* (capacity) under population annealing; owns */
} kr_compare_series;

int kr_compare_series_init(kr_compare_series *series, const kr_compare *study,
                           const kr_sampler *sampler, const kr_sampler_config *config,
                           int32_t point, int32_t group, kr_error *err);
/* Appends the new draws of the sampler. */
int kr_compare_series_add(kr_compare_series *series, const kr_sampler *sampler, kr_error *err);
/* Keeps every second draw, of those to come as well; not for runs of a population. */
void kr_compare_series_thin(kr_compare_series *series);
void kr_compare_series_clear(kr_compare_series *series);
/* Estimates all columns of the draws after the first fifth. Errors: KR_ENOMEM. */
int kr_compare_series_estimate(const kr_compare_series *series, kr_compare_value *value,
                               kr_error *err);

/* Draws of one quantity with equal weights. */
typedef struct kr_compare_plain {
    const double *x; /* (n_draws, n_rows) */
    int64_t n_draws, n_rows, every;
    int32_t group;
    const double *log_weight; /* (n_draws, n_rows) or NULL: all equal */
    double cpu_s;
} kr_compare_plain;
/* By the Gamma method. Errors: KR_ENOMEM. */
int kr_compare_estimate(const kr_compare_plain *plain, kr_compare_value *value, kr_error *err);
/* The same for runs of a population: log_weight (n_draws) of whole runs, family (n_draws) mean
 * square size of families. */
int kr_compare_estimate_runs(const kr_compare_plain *plain, const double *family,
                             kr_compare_value *value, kr_error *err);

/* ---- compare_scan.c ---- */

/* Local moves alone up to the target, all in one run: heat bath from beta = 0; of real
 * variables hmc from a tenth of the target, as beta = 0 has no weight. */
int kr_compare_scan_run(kr_compare *study, kr_error *err);
/* Index of the hottest... coldest temperature at which local moves are fast. */
int32_t kr_compare_scan_hot(const kr_compare_scan *scan);
/* beta (most) gets temperatures from `from` to `to`, ascending, whose neighbors differ by at
 * most `step` standard deviations of the energy, that is the integral of deviation over beta,
 * linear between the n points given; returns their number, 2..most (then with larger steps).
 * Pure. */
int32_t kr_compare_ladder(const double *at, const double *deviation, int32_t n, double from,
                          double to, double step, double *beta, int32_t most);

/* ---- compare_measure.c ---- */

typedef struct kr_compare_task {
    kr_spec *spec;
    kr_compare_row *row;
    int32_t group;
    bool has_set_up;           /* making the sampler is charged */
    int64_t thermalize, every; /* steps; 0: found by a pilot */
} kr_compare_task;
/* Fills the row. What the sampler refuses or fails at is told in the row's note and is no
 * error. The spec may be replaced (ladder); the caller frees it. Errors: KR_ENOMEM. */
int kr_compare_measure(kr_compare *study, kr_compare_task *task, kr_error *err);

/* ---- compare_candidates.c ---- */

/* Edits a copy of the file for a candidate; more: what the candidate adds, or NULL. */
typedef int (*kr_compare_edit)(const kr_compare *study, kr_runfile *file, const char *more,
                               kr_error *err);
/* Measures the system without its schedule, edited; prototype: what is known of the task. */
int kr_compare_candidate(kr_compare *study, kr_compare_kind kind, const char *name,
                         kr_compare_edit edit, const char *more, kr_compare_task prototype,
                         kr_error *err);
void kr_compare_leave_out(kr_compare *study, kr_compare_kind kind, const char *name,
                          const char *reason);
/* Temperatures for a ladder of local moves up to the target; from_zero: from the first of the
 * scan, else from the coldest at which they are fast. */
int kr_compare_set_ladder(const kr_compare *study, kr_runfile *file, bool from_zero,
                          double step, kr_error *err);
/* Whether the update takes the target with its defaults; the reason in why. */
bool kr_compare_takes(const kr_compare *study, const char *update, kr_error *why);

/* Refuses names to be left out that no candidate can have: KR_EINVAL. */
int kr_compare_check_without(const kr_compare *study, kr_error *err);

/* compare_real.c: those of a real-valued model that need no training. */
int kr_compare_real_candidates(kr_compare *study, kr_error *err);
/* Their names, for --without. */
extern const char *const kr_compare_real_names;

/* Lists, runs and measures all candidates; a stop leaves those to come KR_COMPARE_NOT_RUN. */
int kr_compare_candidates(kr_compare *study, kr_error *err);

/* ---- compare_judge.c ---- pure; rows and columns of the study only */

bool kr_compare_is_learned(const kr_compare_row *row);
/* Rows that were measured. */
bool kr_compare_has_cost(const kr_compare_row *row);
void kr_compare_judge(kr_compare *study);

/* ---- compare_verdict.c ---- pure */

typedef struct kr_compare_range { /* cheapest from so many samples on */
    int32_t row;
    double from_n;
} kr_compare_range;
/* Lower envelope of T + n c over n >= 1, resolved rows only; returns the number of ranges. */
int32_t kr_compare_ranges(const kr_compare *study, kr_compare_range *range);
void kr_compare_sentence(const kr_compare *study, char *text, size_t size);
/* "12.3 us"; with an error "12.3(4) us". Returns text. */
#define KR_COMPARE_TIME 48
const char *kr_compare_time(char text[KR_COMPARE_TIME], double seconds, double error);
/* "1.3e+06" or "1300" samples, two digits. */
const char *kr_compare_count(char text[KR_COMPARE_TIME], double n);

/* ---- compare_print.c, compare_json.c, compare_plot.c ---- */

const char *kr_compare_kind_name(kr_compare_kind kind);
void kr_compare_print(const kr_compare *study, FILE *out);
void kr_compare_print_json(const kr_compare *study, FILE *out);
int kr_compare_plot(const kr_compare *study, const char *figure, kr_error *err);

#endif
