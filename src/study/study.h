/* SPDX-License-Identifier: GPL-3.0-or-later
 * study/study.h - what studies of a transition share (critical.c, phase.c): the system of a run
 * file whose one number with a range is searched, run files of boxes of any size made from it,
 * their measurements, and the folder that holds them. Threads: serial only.
 *
 * Every measurement is an ordinary result file, made from a run file that a user could have
 * written. */
#ifndef KR_STUDY_STUDY_H
#define KR_STUDY_STUDY_H

#include "observable/slices.h"
#include "run/spec.h"
#include "study/edit.h"

#include <signal.h>
#include <stdio.h>

#define KR_STUDY_PATH   4096
#define KR_STUDY_SIZES  24
#define KR_STUDY_CHAINS 128 /* the most of a measurement: two blocks */

typedef struct kr_study_options {
    const char *folder;                /* of the study; made if it is not there */
    bool overwrite;                    /* begin anew where a folder of a study is there */
    int32_t n_threads;                 /* >= 1 */
    bool is_json;                      /* one object instead of the table */
    FILE *messages;                    /* progress; NULL = none; borrowed */
    const volatile sig_atomic_t *stop; /* nonzero: stop, all saved; may be NULL */
} kr_study_options;

typedef struct kr_study {
    const char *name; /* of the command and of its section */
    const kr_study_options *options;
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
    kr_slices slices;                      /* of the box as written, where xi can be measured */
    const char *start;                     /* of the chains */
    bool has_ratio;                        /* xi/L can be measured */
    double n_ordered;                      /* ordered phases that symmetry makes */
    int32_t n_sizes, side[KR_STUDY_SIZES]; /* the smallest sides, ascending */
    double n_sites[KR_STUDY_SIZES];
    double known; /* NaN: no value is known */
    const char *known_source;
    bool is_resumed; /* the folder was there */
    int lock;        /* descriptor of the folder, locked; -1: none */
} kr_study;

/* ---- study_system.c ---- */

/* Checks the file, which it takes (freed with the study), and fills what it decides. sizes: of
 * the section, or empty: at most n_default usual ones of the dimension. study->name, options
 * and lock = -1 are set before. Errors: KR_EPARSE, KR_ERANGE, KR_EINVAL, KR_EUNSUP with what
 * was wanted. */
int kr_study_load(kr_study *study, kr_runfile *file, const kr_list *sizes, int32_t n_default,
                  kr_error *err);
void kr_study_clear(kr_study *study);

typedef struct kr_study_task {
    int32_t side;
    const double *value; /* (n_values) of the parameter; borrowed */
    int32_t n_values;
    const char *updates;
    int64_t thermalize, measure, every, chains, stream; /* stream: moves the seed */
    bool keeps_states;                                  /* of every draw, in the file */
    char output[KR_STUDY_PATH];
} kr_study_task;
/* Whether the model takes a schedule and that reaches every state. */
bool kr_study_takes(const kr_study *study, const char *updates);
/* Where chains begin, for the updates of the study. */
void kr_study_find_start(kr_study *study);
/* A spec of the task; NULL with the error set. */
kr_spec *kr_study_spec(const kr_study *study, const kr_study_task *task, kr_error *err);
/* Runs it, or goes on with it where keep and a part of it is there. *cpu_s += what it took; of
 * what earlier processes had part in, *cpu_s = what the file tells. Errors: KR_EMISMATCH
 * another file is there. */
int kr_study_execute(const kr_study *study, const kr_study_task *task, bool keep,
                     bool *is_finished, double *cpu_s, kr_error *err);
bool kr_study_must_stop(const kr_study *study);
void kr_study_say(const kr_study *study, const char *format, ...) KR_PRINTF(2, 3);
/* Name in the folder of the study. */
void kr_study_name(const kr_study *study, const char *name, char path[KR_STUDY_PATH]);
/* Text of the parameter without `model.`. */
const char *kr_study_parameter(const kr_study *study);

/* ---- study_model.c ---- */

/* Refuses models that their order parameter says nothing of; fills n_ordered. */
int kr_study_check_order(kr_study *study, kr_error *err);
/* A literature value of the model for these parameters. */
void kr_study_find_known(kr_study *study);

/* ---- study_folder.c ---- */

/* Writes text to a file, whole or not at all. Errors: KR_EIO. */
int kr_study_write(const char *path, const kr_text *text, kr_error *err);
/* Makes the folder, or takes that of the same study: study.yaml in it is text, which begins
 * with the line "# A study of kramers NAME.". Locked until kr_study_clear. Errors: KR_EINVAL
 * other files, another process; KR_EMISMATCH another study; KR_EIO. */
int kr_study_open_folder(kr_study *study, const kr_text *text, kr_error *err);
/* Adds to the error of a study that went on how to begin anew. */
void kr_study_blame(const kr_study *study, kr_error *err);

#endif
