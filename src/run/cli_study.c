/* SPDX-License-Identifier: GPL-3.0-or-later
 * run/cli_study.c - the commands `critical` and `phase`: options, and their exit status. */
#include "run/cli.h"
#include "study/critical.h"
#include "study/phase.h"

#include <argp.h>
#include <string.h>
#include <unistd.h>

#define SETS_MAX 64

enum { SET = 256, SEED, THREADS, JSON, OVERWRITE, MINUTES };

#define COMMON(ending)                                                                         \
    { "output",                                                                                \
      'o',                                                                                     \
      "FOLDER",                                                                                \
      0,                                                                                       \
      "folder of the study (default: the run file's name, with ." ending ", here)",            \
      0 },                                                                                     \
        { "overwrite", OVERWRITE, 0, 0, "begin anew where the folder holds a study", 0 },      \
        { "json", JSON, 0, 0, "one JSON object instead of the table", 0 },                     \
        { "set", SET, "PATH=VALUE", 0, "change the run file", 0 },                             \
        { "seed", SEED, "N", 0, "the same as --set seed=N", 0 },                               \
    {                                                                                          \
        "threads", THREADS, "N", 0, "threads (default: all)", 0                                \
    }

static const struct argp_option critical_options[] = {
    COMMON("critical"),
    { "minutes", MINUTES, "T", 0, "the same as --set critical.minutes=T", 0 },
    { 0 },
};
static const struct argp_option phase_options[] = { COMMON("phase"), { 0 } };

typedef struct command {
    const char *name, *stopped; /* what a message after a stop adds */
    struct argp argp;
    int (*run)(kr_runfile *file, const kr_study_options *options, FILE *out, bool *is_finished,
               kr_error *err);
} command;

typedef struct arguments {
    kr_study_options study;
    const char *path;
    const char *sets[SETS_MAX];
    int n_sets;
    char folder[4096], seed[64], minutes[64];
} arguments;

static void add_set(struct argp_state *state, arguments *a, const char *text)
{
    if (a->n_sets == SETS_MAX) {
        argp_error(state, "more than %d times --set", SETS_MAX);
    }
    a->sets[a->n_sets++] = text;
}

static error_t parse_option(int key, char *text, struct argp_state *state)
{
    arguments *a = state->input;
    int64_t n = 0;
    switch (key) {
    case 'o':
        if (!*text) {
            argp_error(state, "-o is empty, want the name of a folder");
        }
        a->study.folder = text;
        return 0;
    case OVERWRITE:
        a->study.overwrite = true;
        return 0;
    case JSON:
        a->study.is_json = true;
        return 0;
    case SET:
        add_set(state, a, text);
        return 0;
    case SEED:
        snprintf(a->seed, sizeof a->seed, "seed=%.50s", text);
        add_set(state, a, a->seed);
        return 0;
    case MINUTES:
        snprintf(a->minutes, sizeof a->minutes, "critical.minutes=%.40s", text);
        add_set(state, a, a->minutes);
        return 0;
    case THREADS:
        if (kr_number_integer(text, &n, NULL) != KR_OK || n < 1 || n > 4096) {
            argp_error(state, "--threads: \"%s\", want an integer in 1..4096", text);
        }
        a->study.n_threads = (int32_t)n;
        return 0;
    default:
        return kr_cli_one_path(key, text, state, &a->path);
    }
}

/* NAME.COMMAND of a run file FOLDER/NAME.yaml. */
static void default_folder(arguments *a, const char *ending)
{
    const char *slash = strrchr(a->path, '/'), *name = slash ? slash + 1 : a->path;
    const char *dot = strrchr(name, '.');
    snprintf(a->folder, sizeof a->folder, "%.*s.%s",
             (int)(dot && dot != name ? dot - name : (long)strlen(name)), name, ending);
    a->study.folder = a->folder;
}

static int fail(const kr_error *err, int status)
{
    fprintf(stderr, "kramers: %s\n", err->text);
    return status == KR_ENOMEM || status == KR_EIO ? KR_EXIT_FAILED : KR_EXIT_USAGE;
}

static int run(const command *c, int argc, char **argv, const volatile sig_atomic_t *stop)
{
    arguments a = { .study = { .messages = stderr, .stop = stop } };
    kr_error err = { 0 };
    bool is_finished = false;
    char name[64], *program = argv[0];
    snprintf(name, sizeof name, "kramers %s", c->name);
    argv[0] = name;
    argp_parse(&c->argp, argc, argv, 0, NULL, &a);
    argv[0] = program;
    if (!a.study.folder) {
        default_folder(&a, c->name);
    }
    if (a.study.n_threads == 0) {
        const long n = sysconf(_SC_NPROCESSORS_ONLN);
        a.study.n_threads = n < 1 ? 1 : n > 4096 ? 4096 : (int32_t)n;
    }
    kr_runfile *file = kr_cli_load(a.path, a.sets, a.n_sets, &err);
    if (!file) { /* one that cannot be opened is a wrong argument, as for other commands */
        return fail(&err, err.status == KR_EIO ? KR_EINVAL : err.status);
    }
    const int status = c->run(file, &a.study, stdout, &is_finished, &err);
    if (status != KR_OK) {
        return fail(&err, status);
    }
    if (fflush(stdout) != 0 || ferror(stdout)) {
        fprintf(stderr, "kramers: %s: the result cannot be written\n", c->name);
        return KR_EXIT_FAILED;
    }
    if (!is_finished) {
        fprintf(stderr,
                "kramers: %s: stopped; the same command goes on from what is measured (%s)\n",
                c->name, c->stopped);
        return KR_EXIT_STOPPED;
    }
    return KR_EXIT_DONE;
}

int kr_cli_critical(int argc, char **argv, const volatile sig_atomic_t *stop)
{
    static const command c = {
        .name = "critical",
        .stopped = "scans and pilots, if they had not ended, begin anew",
        .run = kr_critical_run,
        .argp = {
            .options = critical_options,
            .parser = parse_option,
            .args_doc = "RUN.yaml",
            .doc =
                "Finds the transition of a model: the run file gives one number a range to "
                "search, as in beta: {from: 0.3, to: 0.6, count: 13}. Scans, pilots and "
                "measurements of several sizes, then the order of the transition by evidence, "
                "its place and exponents from one fit of all sizes, or latent heat and "
                "interface tension. `critical: {sizes: [...], minutes: T}` sets sizes and "
                "time. The same command goes on after a stop.",
        },
    };
    return run(&c, argc, argv, stop);
}

int kr_cli_phase(int argc, char **argv, const volatile sig_atomic_t *stop)
{
    static const command c = {
        .name = "phase",
        .stopped = "training begins anew",
        .run = kr_phase_run,
        .argp = {
            .options = phase_options,
            .parser = parse_option,
            .args_doc = "RUN.yaml",
            .doc =
                "Trains classifiers of two phases far from their transition and asks them in "
                "between: the run file gives one number a range, as in beta: {from: 0.36, to: "
                "0.5, count: 21}, whose outer parts are trained on. P(ordered) of a logistic "
                "regression on observables and of a small convolutional network, per size, "
                "where it is 1/2 and its limit of many sizes, beside the Binder crossing of "
                "the same draws; what the classifiers read, and how much of their answer is "
                "the choice of the training windows. `phase: {sizes: [...], share: 0.25}` and "
                "further keys (kramers explain phase) set it. The same command goes on after a "
                "stop.",
        },
    };
    return run(&c, argc, argv, stop);
}
