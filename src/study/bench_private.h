/* SPDX-License-Identifier: GPL-3.0-or-later
 * study/bench_private.h - shared by the files of the benchmark: bench.c (driver), bench_rows.c
 * (the table), bench_side.c (subjects and rivals), bench_race.c (timing), bench_density.c (rows
 * of densities), bench_sampler.c (rows of whole samplers and runs), bench_print.c. */
#ifndef KR_STUDY_BENCH_PRIVATE_H
#define KR_STUDY_BENCH_PRIVATE_H

#include "base/text.h"
#include "run/spec.h"
#include "study/bench.h"

#include <time.h>

#define KR_BENCH_ISAS 3 /* portable, AVX2, AVX-512 */

/* Whom a row is measured against. */
typedef enum kr_bench_rival {
    KR_BENCH_REF,        /* the same update, engine ref */
    KR_BENCH_LOOP,       /* the textbook loop of the same update (study/textbook.h) */
    KR_BENCH_UNMEASURED, /* the subject measures after every sweep, the rival never */
    KR_BENCH_ONE_THREAD, /* a sampler on two threads against one, wall clock */
    KR_BENCH_WRITING,    /* share of a run that is not sampling, wall clock */
    KR_BENCH_DRAWING,    /* samples of a density against the textbook sampler (study/van.h) */
    KR_BENCH_TRAINING,   /* a training step against the sampling alone of the textbook */
} kr_bench_rival;

/* Speeds of densities in samples per second are wanted of a core that does so many fused
 * multiply-adds, two operations each, and scaled to the core at hand by what it does itself,
 * measured by turns with the subject. */
#define KR_BENCH_PEAK_GFLOPS 114.6

typedef struct kr_bench_row {
    const char *section; /* heading from this row on; NULL: the one before */
    const char *name;    /* unique */
    const char *unit;    /* "spin", "flipped spin" */
    const char *engine;  /* bits | bytes | ref | cluster | density | sampler */
    const char *system;  /* run-file lines: model, lattice, beta, chains, start */
    const char *update;
    kr_bench_rival rival;
    double want, aim; /* ratio at least, or extra cost in % at most; 0 = no limit */
    /* densities: samples per second on a core of KR_BENCH_PEAK_GFLOPS; 0 = no limit */
    double per_second, per_second_aim;
    double flop; /* of a sample; 0: two for each weight that is not zero; NaN: not counted */
} kr_bench_row;

extern const kr_bench_row kr_bench_rows[]; /* ends with name == NULL */

/* UNMEASURED and WRITING: the value is an extra cost in %, want is a maximum. */
bool kr_bench_is_cost(const kr_bench_row *row);
const char *kr_bench_rival_name(const kr_bench_row *row);

typedef enum kr_bench_status {
    KR_BENCH_LEFT_OUT, /* not asked for */
    KR_BENCH_NOT_RUN,  /* could not: the note says why; counts as missed */
    KR_BENCH_DONE,
} kr_bench_status;

typedef struct kr_bench_result {
    kr_bench_status status;
    char note[256]; /* why it was not run; or a remark; may be empty */
    double ns, rival_ns;
    double value, low, high; /* median and quartiles of the ratio or of the cost in % */
    int32_t n_pairs;
    double changed, energy, rival_energy; /* NaN where it does not apply */
    double per_second;                    /* units; 0: not told */
    double gflops;                        /* reached; NaN where operations are not counted */
    double peak_gflops;                   /* of the core with the kernels of the subject */
    double peak_fraction;                 /* median over all pairs */
} kr_bench_result;

typedef enum kr_bench_verdict {
    KR_BENCH_NO_LIMIT,
    KR_BENCH_MISSED,
    KR_BENCH_MINIMUM,
    KR_BENCH_AIM,
} kr_bench_verdict;
/* The worse one of the ratio's and of the speed's, where both have limits. */
kr_bench_verdict kr_bench_judge(const kr_bench_row *row, const kr_bench_result *result);
/* Samples per second as they would be on a core of KR_BENCH_PEAK_GFLOPS. */
double kr_bench_scaled(const kr_bench_result *result);

/* The row's system with the updates given as YAML flow maps; sets are "path=value". NULL with
 * the error set. */
kr_spec *kr_bench_spec(const kr_bench_row *row, const char *const *updates, int32_t n_updates,
                       const char *const *sets, int32_t n_sets, kr_error *err);

/* ---- sides: something that sweeps ------------------------------------------------------- */

typedef struct kr_bench_side {
    const kr_spec *spec;            /* borrowed */
    const kr_schedule_entry *entry; /* NULL: a textbook loop */
    void *self;                     /* of the update; owns */
    int32_t n_blocks;
    kr_block **block; /* owns; one block for a loop, which works on its state */
    void *scratch;    /* owns */
    bool is_measured, is_by_changed;
    void *observable[KR_OBSERVABLES_MAX]; /* owns */
    double *out;                          /* a row of columns per lane; owns */
    double checksum;                      /* of all that was measured */
    int64_t n_swept, n_attempted, n_changed;
    uint64_t start_hash; /* of the states it was given */
    bool is_loop_wolff, is_loop_cluster;
    double p; /* textbook: bond probability */
    int32_t *neighbor, *stack, *list;
    uint8_t *color;
    struct kr_textbook_rates *rates;
} kr_bench_side;

/* An update of the spec (index into its schedule) on freshly started chains, cut into blocks as
 * the sampler does. stream keeps random numbers of sides apart. With is_measured the spec's
 * observables are measured after every sweep. Clear after failure too. */
int kr_bench_side_init(kr_bench_side *side, const kr_spec *spec, int32_t update, kr_isa isa,
                       bool is_measured, uint64_t stream, kr_error *err);
/* The textbook loop of that update, for one chain on a periodic box. */
int kr_bench_side_init_loop(kr_bench_side *side, const kr_spec *spec, int32_t update,
                            uint64_t stream, kr_error *err);
void kr_bench_side_clear(kr_bench_side *side);
/* n sweeps of all chains; returns the units done: spins, or flipped spins (Wolff). */
double kr_bench_side_run(void *side, int64_t n);
/* Gives `to` the states of `from`. */
void kr_bench_side_copy(kr_bench_side *from, kr_bench_side *to);
/* After a race: states have changed, every sweep was N attempts, energies are those of the
 * states. energy (per site) and changed (fraction of attempts) filled. Errors: KR_ESANITY. */
int kr_bench_side_check(kr_bench_side *side, double *energy, double *changed, kr_error *err);

/* ---- races ------------------------------------------------------------------------------ */

typedef struct kr_bench_racer {
    void *self;
    double (*run)(void *self, int64_t n); /* n sweeps; returns units */
    int64_t min_sweeps;                   /* of a slice, >= 1: where units fluctuate */
} kr_bench_racer;

/* Races n_subjects racers against the one behind them, in rounds A1 A2 .. B, until each has
 * run for about so many seconds of the clock, at least 5 rounds. result (n_subjects): ns,
 * rival_ns, value = time per unit of the rival over that of the subject, quartiles, n_pairs.
 * with_peaks: one racer more for each subject follows the rival, whose units are floating-point
 * operations; then peak_gflops, and peak_fraction = its time per operation over the subject's
 * time per unit, still to be multiplied by the operations of a unit.
 * Errors: KR_ENOMEM, KR_ESANITY (no units were done). */
int kr_bench_race(const kr_bench_racer *racer, int32_t n_subjects, bool with_peaks,
                  clockid_t clock, double seconds, const volatile sig_atomic_t *stop,
                  kr_bench_result *result, kr_error *err);

/* Rows DRAWING (a subject per ISA of the page, result likewise) and TRAINING (best ISA only).
 * Errors: what hindered them. */
int kr_bench_race_density(const kr_bench_row *row, const kr_bench_options *options,
                          int32_t n_isas, const kr_isa *isa, kr_bench_result *result,
                          kr_error *err);

/* Rows ONE_THREAD and WRITING. Errors: what hindered them. */
int kr_bench_race_threads(const kr_bench_row *row, const kr_bench_options *options,
                          kr_bench_result *result, kr_error *err);
int kr_bench_weigh_writing(const kr_bench_row *row, const kr_bench_options *options,
                           kr_bench_result *result, kr_error *err);

/* ---- printing --------------------------------------------------------------------------- */

typedef struct kr_bench_page {
    FILE *out;
    const kr_bench_options *options;
    int32_t n_isas;
    kr_isa isa[KR_BENCH_ISAS]; /* fastest first */
    int32_t n_rows;            /* printed */
    const char *section;       /* of the last printed row */
} kr_bench_page;

void kr_bench_print_head(kr_bench_page *page);
/* result (page->n_isas) */
void kr_bench_print_row(kr_bench_page *page, const char *section, const kr_bench_row *row,
                        const kr_bench_result *result);
void kr_bench_print_foot(kr_bench_page *page, const kr_bench_outcome *outcome);

#endif
