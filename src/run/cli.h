/* SPDX-License-Identifier: GPL-3.0-or-later
 * run/cli.h - the commands of the program. Each takes its own arguments (argv[0] = the command)
 * and returns the exit status: 0 done; 1 the run or check failed; 2 usage or run-file error,
 * output exists, resume refused; 3 stopped with everything saved. */
#ifndef KR_RUN_CLI_H
#define KR_RUN_CLI_H

#include "model/exact.h"
#include "run/spec.h"

#include <signal.h>

enum { KR_EXIT_DONE = 0, KR_EXIT_FAILED = 1, KR_EXIT_USAGE = 2, KR_EXIT_STOPPED = 3 };

typedef struct kr_command {
    const char *name, *arguments, *doc;
    int (*run)(int argc, char **argv, const volatile sig_atomic_t *stop);
} kr_command;

extern const kr_command kr_cli_commands[]; /* ends with name == NULL */

int kr_cli_main(int argc, char **argv, const volatile sig_atomic_t *stop);

/* cli_load.c: the run file with all assignments of --set; tells on stderr which keys of a map
 * one of them drops. Errors: those of kr_runfile_load and kr_runfile_set. */
kr_runfile *kr_cli_load(const char *path, const char *const *sets, int n_sets, kr_error *err);

/* cli_bench.c */
int kr_cli_bench(int argc, char **argv, const volatile sig_atomic_t *stop);

/* cli_compare.c */
int kr_cli_compare(int argc, char **argv, const volatile sig_atomic_t *stop);

/* cli_study.c */
int kr_cli_critical(int argc, char **argv, const volatile sig_atomic_t *stop);
int kr_cli_phase(int argc, char **argv, const volatile sig_atomic_t *stop);

/* cli_report.c */
int kr_cli_report(int argc, char **argv, const volatile sig_atomic_t *stop);

/* cli_reweight.c */
int kr_cli_reweight(int argc, char **argv, const volatile sig_atomic_t *stop);

/* cli_load.c: the end of an option parser whose command takes one path; key, text and state as
 * argp gives them. */
struct argp_state;
int kr_cli_one_path(int key, char *text, struct argp_state *state, const char **path);

/* cli_exact.c: appends the known values e of point p, then those that the observables of the
 * run file know of their own columns. Errors: KR_ENOMEM; KR_EUNSUP: an observable refuses. */
int kr_cli_write_exact(const kr_spec *spec, int32_t p, const kr_exact *e, bool is_json,
                       kr_text *text, kr_error *err);

/* explain.c */
int kr_cli_explain(int argc, char **argv, const volatile sig_atomic_t *stop);
int kr_cli_list(int argc, char **argv, const volatile sig_atomic_t *stop);

#endif
