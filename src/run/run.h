/* SPDX-License-Identifier: GPL-3.0-or-later
 * run/run.h - a run from start to result file, its checkpoints and its resumption.
 *
 * Files of a run with output NAME.h5: while it goes on, closed parts NAME.h5.parts/part-*.h5
 * and the restart files NAME.h5.restart and NAME.h5.restart.previous; at the end NAME.h5, and
 * NAME.h5.restart stays for `resume --more`. A lock on NAME.h5.parts keeps a second writer out.
 * The restart file says how many draws count; later ones are ignored, so every draw exists
 * once. */
#ifndef KR_RUN_RUN_H
#define KR_RUN_RUN_H

#include "run/spec.h"

#include <signal.h>
#include <stdio.h>

typedef enum kr_progress_mode {
    KR_PROGRESS_AUTO,
    KR_PROGRESS_NEVER,
    KR_PROGRESS_JSON
} kr_progress_mode;

/* Seconds from the first step to the finished result file, and of them in the sampler. */
typedef struct kr_run_cost {
    double wall_s, advance_wall_s;
} kr_run_cost;

typedef struct kr_run_options {
    const char *output; /* NAME.h5 */
    bool overwrite;
    int32_t n_threads; /* 0 = all */
    double time_limit; /* seconds, 0 = none: stop with everything saved */
    kr_progress_mode progress;
    FILE *messages;                    /* progress and notes; borrowed */
    const volatile sig_atomic_t *stop; /* nonzero: save and stop; may be NULL */
    int64_t until,
        more; /* resume only: steps of measure in total / in addition; 0 = as planned */
    kr_run_cost *cost; /* filled when not NULL */
} kr_run_options;

/* A stop was asked for, or the time limit is over for what began at that clock. */
bool kr_run_must_stop(const kr_run_options *options, double begun);

/* Runs to the end. *is_finished is false when it was stopped by a signal or the time limit, all
 * saved. Errors: KR_EPARSE output exists; KR_EIO; what the sampler says. */
int kr_run_start(kr_spec *spec, const kr_run_options *options, bool *is_finished,
                 kr_error *err);
/* Continues from the restart file. The output's own run file is used. Errors: KR_EPARSE nothing
 * to resume; KR_EMISMATCH the couplings differ; KR_EIO both restart files unreadable. */
int kr_run_resume(const kr_run_options *options, bool *is_finished, kr_error *err);
/* A clean result file of a live, killed or finished run. */
int kr_run_snapshot(const char *output, const char *snapshot, kr_error *err);
/* One line per fact on out. */
int kr_run_status(const char *output, FILE *out, kr_error *err);
/* Settles what blocks of the schedule reach, and what the user should know of it; messages may
 * be NULL. */
void kr_run_settle_reach(kr_spec *spec, const kr_sampler *sampler);
void kr_run_warn_reach(const kr_spec *spec, const kr_sampler *sampler, FILE *messages);

/* dry.c: resolved file, memory, file size, estimated time. */
int kr_run_dry(kr_spec *spec, const kr_run_options *options, FILE *out, kr_error *err);

#endif
