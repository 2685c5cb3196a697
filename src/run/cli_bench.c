/* SPDX-License-Identifier: GPL-3.0-or-later
 * run/cli_bench.c - the command `bench`: options, and its exit status. */
#include "base/field.h"
#include "base/isa.h"
#include "run/cli.h"
#include "study/bench.h"

#include <argp.h>
#include <string.h>
#include <sys/stat.h>

#define SECONDS_DEFAULT 1.0

enum { ENGINE = 256, ISA, JSON, ONLY, SECONDS, IO, CHECK, LIST };

static const struct argp_option options[] = {
    { "engine", ENGINE, "E", 0,
      "rows of one engine: bits, bytes, ref, cluster, density or sampler", 0 },
    { "isa", ISA, "ISA", 0,
      "kernels of avx512, avx2 or portable, or all of them beside each other (default: the "
      "best "
      "this CPU runs)",
      0 },
    { "only", ONLY, "PATTERN", 0,
      "rows whose name is PATTERN or holds it; * and ? as in a shell", 0 },
    { "seconds", SECONDS, "S", 0, "CPU seconds per row and side (default 1)", 0 },
    { "io", IO, "FOLDER", 0, "run the row that writes files too, over a minute, in FOLDER", 0 },
    { "json", JSON, 0, 0, "one JSON object instead of the table", 0 },
    { "check", CHECK, 0, 0, "exit status 1 when a row is below its minimum or could not run",
      0 },
    { "list", LIST, 0, 0, "engines and names of the rows; run nothing", 0 },
    { 0 },
};

typedef struct arguments {
    kr_bench_options bench;
    bool is_check;
} arguments;

static void parse_engine(struct argp_state *state, const char *text, const char **engine)
{
    static const char *const names[] = {
        "bits", "bytes", "ref", "cluster", "density", "sampler"
    };
    for (size_t k = 0; k < sizeof names / sizeof *names; k++) {
        if (strcmp(text, names[k]) == 0) {
            *engine = names[k];
            return;
        }
    }
    const char *near = kr_field_nearest(text, names, sizeof names / sizeof *names);
    argp_error(state,
               "--engine: \"%s\", want bits, bytes, ref, cluster, density or sampler%s%s%s",
               text, near ? "; did you mean \"" : "", near ? near : "", near ? "\"?" : "");
}

static void parse_isa(struct argp_state *state, const char *text, kr_bench_options *bench)
{
    bench->is_all_isa = strcmp(text, "all") == 0;
    if (!bench->is_all_isa && (!kr_isa_parse(text, &bench->isa) || bench->isa == KR_ISA_BEST)) {
        argp_error(state, "--isa: \"%s\", want avx512, avx2, portable or all", text);
    }
    if (!bench->is_all_isa && !kr_isa_runs(bench->isa)) {
        argp_error(state, "--isa: this CPU has no %s", text);
    }
}

static error_t parse_option(int key, char *text, struct argp_state *state)
{
    arguments *a = state->input;
    struct stat status;
    switch (key) {
    case ENGINE:
        parse_engine(state, text, &a->bench.engine);
        return 0;
    case ISA:
        parse_isa(state, text, &a->bench);
        return 0;
    case JSON:
        a->bench.is_json = true;
        return 0;
    case ONLY:
        a->bench.only = text;
        return 0;
    case SECONDS:
        if (kr_number_real(text, &a->bench.seconds, NULL) != KR_OK ||
            !(a->bench.seconds >= 0.001 && a->bench.seconds <= 3600.0)) {
            argp_error(state, "--seconds: \"%s\", want a number in 0.001..3600", text);
        }
        return 0;
    case IO:
        if (stat(text, &status) != 0 || !S_ISDIR(status.st_mode)) {
            argp_error(state, "--io: \"%s\" is no folder, want one to write in", text);
        }
        a->bench.folder = text;
        return 0;
    case CHECK:
        a->is_check = true;
        return 0;
    case LIST:
        a->bench.is_list = true;
        return 0;
    case ARGP_KEY_ARG:
        argp_error(state, "one argument too many: \"%s\"", text);
        return 0;
    default:
        return ARGP_ERR_UNKNOWN;
    }
}

int kr_cli_bench(int argc, char **argv, const volatile sig_atomic_t *stop)
{
    arguments a = { .bench = { .seconds = SECONDS_DEFAULT, .stop = stop } };
    static const struct argp argp = {
        .options = options,
        .parser = parse_option,
        .doc = "Speed of every engine, update and density against its rival. Both run by turns "
               "in one "
               "process on the same states; told is the median ratio of CPU time per spin, its "
               "quartiles, and the ratio wanted at least and aimed at.",
    };
    kr_bench_outcome outcome;
    kr_error err = { 0 };
    char name[] = "kramers bench", *program = argv[0];
    argv[0] = name;
    argp_parse(&argp, argc, argv, 0, NULL, &a);
    argv[0] = program;
    if (kr_bench_run(&a.bench, stdout, &outcome, &err) != KR_OK) {
        fprintf(stderr, "kramers: %s\n", err.text);
        return err.status == KR_EPARSE ? KR_EXIT_USAGE : KR_EXIT_FAILED;
    }
    if (*stop) {
        fprintf(stderr, "kramers: bench: stopped by a signal, rows are missing\n");
        return KR_EXIT_FAILED;
    }
    if (a.is_check && outcome.n_missed + outcome.n_not_run > 0) {
        fprintf(stderr, "kramers: bench: %d rows below the minimum, %d not run\n",
                outcome.n_missed, outcome.n_not_run);
        return KR_EXIT_FAILED;
    }
    return KR_EXIT_DONE;
}
