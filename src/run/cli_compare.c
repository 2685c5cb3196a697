/* SPDX-License-Identifier: GPL-3.0-or-later
 * run/cli_compare.c - the command `compare`: options, and its exit status. */
#include "io/files.h"
#include "run/cli.h"
#include "study/compare.h"

#include <argp.h>
#include <errno.h>
#include <string.h>
#include <unistd.h>

#define WORK_DEFAULT 10.0
#define SETS_MAX     64
#define WITHOUT_MAX  16

enum { SET = 256, SEED, THREADS, WORK, JSON, PLOT, WITHOUT };

static const struct argp_option options[] = {
    { "work", WORK, "S", 0, "CPU seconds of measuring per candidate at most (default 10)", 0 },
    { "json", JSON, 0, 0, "one JSON object instead of the table", 0 },
    { "plot", PLOT, "FILE", 0, "figure of cost against samples, .svg, .png or .pdf", 0 },
    { "output", 'o', "FILE", 0, "write table or object there instead of to stdout", 0 },
    { "set", SET, "PATH=VALUE", 0, "change the run file", 0 },
    { "seed", SEED, "N", 0, "the same as --set seed=N", 0 },
    { "without", WITHOUT, "NAME", 0,
      "leave out candidates whose name holds NAME (the table says so); may be repeated", 0 },
    { "threads", THREADS, "N", 0,
      "threads (default 1: CPU seconds of one thread at a time are the cleanest)", 0 },
    { 0 },
};

typedef struct arguments {
    kr_compare_options compare;
    const char *path, *output, *sets[SETS_MAX], *without[WITHOUT_MAX];
    int n_sets;
    char seed[64];
} arguments;

static void add_set(struct argp_state *state, arguments *a, const char *text)
{
    if (a->n_sets == SETS_MAX) {
        argp_error(state, "more than %d times --set", SETS_MAX);
    }
    a->sets[a->n_sets++] = text;
}

static int64_t parse_count(struct argp_state *state, const char *option, const char *text,
                           int64_t low, int64_t high)
{
    int64_t n = 0;
    if (kr_number_integer(text, &n, NULL) != KR_OK || n < low || n > high) {
        argp_error(state, "--%s: \"%s\", want an integer in %lld..%lld", option, text,
                   (long long)low, (long long)high);
    }
    return n;
}

static void check_figure(struct argp_state *state, const char *path)
{
    const char *ending = strrchr(path, '.');
    if (!ending || (strcmp(ending, ".svg") != 0 && strcmp(ending, ".png") != 0 &&
                    strcmp(ending, ".pdf") != 0)) {
        argp_error(state, "--plot: \"%s\", want a name that ends in .svg, .png or .pdf", path);
    }
}

static error_t parse_option(int key, char *text, struct argp_state *state)
{
    arguments *a = state->input;
    switch (key) {
    case WORK:
        if (kr_number_real(text, &a->compare.work, NULL) != KR_OK ||
            !(a->compare.work >= 0.01 && a->compare.work <= 1e6)) {
            argp_error(state, "--work: \"%s\", want a number in 0.01..1e6", text);
        }
        return 0;
    case JSON:
        a->compare.is_json = true;
        return 0;
    case PLOT:
        check_figure(state, text);
        a->compare.figure = text;
        return 0;
    case 'o':
        a->output = text;
        return 0;
    case SEED:
        snprintf(a->seed, sizeof a->seed, "seed=%lld",
                 (long long)parse_count(state, "seed", text, 0, INT64_C(1) << 53));
        add_set(state, a, a->seed);
        return 0;
    case SET:
        add_set(state, a, text);
        return 0;
    case WITHOUT:
        if (!*text || a->compare.n_without == WITHOUT_MAX) {
            argp_error(state, "--without: \"%s\", want up to %d names", text, WITHOUT_MAX);
        }
        a->without[a->compare.n_without++] = text;
        return 0;
    case THREADS:
        a->compare.n_threads = (int32_t)parse_count(state, "threads", text, 1, 4096);
        return 0;
    default:
        return kr_cli_one_path(key, text, state, &a->path);
    }
}

/* A file that cannot be written is told before the work, not after it. */
static bool can_write(const char *path)
{
    char folder[4096];
    const char *slash = strrchr(path, '/');
    snprintf(folder, sizeof folder, "%.*s", slash ? (int)(slash - path) : 1,
             slash ? path : ".");
    if (access(*folder ? folder : "/", W_OK) != 0) {
        fprintf(stderr, "kramers: %s: %s\n", path, strerror(errno));
        return false;
    }
    return true;
}

static bool can_begin(const arguments *a)
{
    if (a->output && (!*a->output || strcmp(a->output, a->path) == 0 ||
                      kr_files_is_same(a->output, a->path))) {
        fprintf(stderr, "kramers: compare: -o is %s, want another name\n",
                *a->output ? "the run file itself" : "empty");
        return false;
    }
    return (!a->output || can_write(a->output)) &&
           (!a->compare.figure || can_write(a->compare.figure));
}

/* Into a file beside it first: whole or not at all. */
static int run_to_file(const arguments *a, kr_runfile *file, bool *is_stopped, kr_error *err)
{
    char partial[4096];
    snprintf(partial, sizeof partial, "%.4080s.partial", a->output);
    FILE *out = fopen(partial, "w");
    if (!out) {
        kr_runfile_free(file);
        return kr_fail(err, KR_EIO, "%s: %s", partial, strerror(errno));
    }
    int status = kr_compare_run(file, &a->compare, out, is_stopped, err);
    bool is_bad = ferror(out);
    is_bad = fclose(out) != 0 || is_bad;
    if (status == KR_OK && (is_bad || rename(partial, a->output) != 0)) {
        status = kr_fail(err, KR_EIO, "%s: %s", a->output, strerror(errno));
    }
    if (status != KR_OK) {
        remove(partial);
    }
    return status;
}

static int run(const arguments *a, kr_runfile *file)
{
    kr_error err = { 0 };
    bool is_stopped = false;
    int status = a->output ? run_to_file(a, file, &is_stopped, &err)
                           : kr_compare_run(file, &a->compare, stdout, &is_stopped, &err);
    if (status != KR_OK) {
        fprintf(stderr, "kramers: %s\n", err.text);
        return status == KR_ENOMEM || status == KR_EIO ? KR_EXIT_FAILED : KR_EXIT_USAGE;
    }
    if (is_stopped) {
        fprintf(stderr, "kramers: compare: stopped by a signal, candidates are missing\n");
        return KR_EXIT_STOPPED;
    }
    return KR_EXIT_DONE;
}

int kr_cli_compare(int argc, char **argv, const volatile sig_atomic_t *stop)
{
    arguments a = {
        .compare = { .work = WORK_DEFAULT, .n_threads = 1, .messages = stderr, .stop = stop }
    };
    static const struct argp argp = {
        .options = options,
        .parser = parse_option,
        .args_doc = "RUN.yaml",
        .doc =
            "The learned move of a run file against every sensible rival on the same system, "
            "training included: CPU seconds per independent sample of the slowest observable, "
            "the number of samples from which training pays, and which method to use.",
    };
    kr_error err = { 0 };
    a.compare.without = a.without;
    char name[] = "kramers compare", *program = argv[0];
    argv[0] = name;
    argp_parse(&argp, argc, argv, 0, NULL, &a);
    argv[0] = program;
    if (!can_begin(&a)) {
        return KR_EXIT_USAGE;
    }
    kr_runfile *file = kr_cli_load(a.path, a.sets, a.n_sets, &err);
    if (!file) {
        fprintf(stderr, "kramers: %s\n", err.text);
        return err.status == KR_ENOMEM ? KR_EXIT_FAILED : KR_EXIT_USAGE;
    }
    return run(&a, file);
}
