/* SPDX-License-Identifier: GPL-3.0-or-later
 * run/cli.c - the commands of the program. */
#include "run/cli.h"

#include "analysis/analysis.h"
#include "base/field.h"
#include "base/text.h"
#include "io/files.h"
#include "io/results.h"
#include "model/exact.h"
#include "run/run.h"

#include <argp.h>
#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define SETS_MAX  64
#define PATHS_MAX 9 /* plot: eight files and a kind */

typedef struct arguments {
    const char *command;
    const char *path[PATHS_MAX + 1];
    int n_paths, min_paths, max_paths;
    const char *sets[SETS_MAX];
    int n_sets;
    char seed[64], until_text[32];
    kr_run_options run;
    bool is_dry, is_json, is_full, is_check;
} arguments;

enum {
    OVERWRITE = 256,
    SET,
    SEED,
    THREADS,
    LIMIT,
    PROGRESS,
    DRY,
    UNTIL,
    MORE,
    JSON,
    FULL,
    CHECK
};

#define RUN_GROUP                                                                              \
    { "threads",                                                                               \
      THREADS,                                                                                 \
      "N",                                                                                     \
      0,                                                                                       \
      "threads (default: all cores); the samples do not depend on it",                         \
      0 },                                                                                     \
        { "time-limit",                                                                        \
          LIMIT,                                                                               \
          "T",                                                                                 \
          0,                                                                                   \
          "stop after T seconds (also 90m, 12h) with everything saved: exit status 3",         \
          0 },                                                                                 \
    {                                                                                          \
        "progress", PROGRESS, "auto|never|json", 0, "progress on stderr (default auto)", 0     \
    }

static const struct argp_option run_options[] = {
    { "output", 'o', "FILE.h5", 0, "result file (default: the run file's name with .h5)", 0 },
    { "overwrite", OVERWRITE, 0, 0, "replace an existing output or unfinished run", 0 },
    { "set", SET, "PATH=VALUE", 0,
      "change the run file, e.g. --set beta=0.44 --set updates.0.sweeps=3", 0 },
    { "seed", SEED, "N", 0, "the same as --set seed=N", 0 },
    RUN_GROUP,
    { "dry-run", DRY, 0, 0,
      "print the resolved run file, engines, memory, file size, time; run nothing", 0 },
    { 0 },
};
static const struct argp_option resume_options[] = {
    { "until", UNTIL, "N", 0, "go on until N steps are measured in total", 0 },
    { "more", MORE, "N", 0, "measure N steps more than planned", 0 },
    RUN_GROUP,
    { 0 },
};
static const struct argp_option plot_options[] = {
    { "output", 'o', "FILE", 0, "figure to write, .svg, .png or .pdf (default: NAME-KIND.svg)",
      0 },
    { 0 },
};
static const struct argp_option snapshot_options[] = {
    { "output", 'o', "FILE.h5", 0, "file to write (default: NAME.snapshot.h5)", 0 },
    { "overwrite", OVERWRITE, 0, 0, "replace an existing file", 0 },
    { 0 },
};
static const struct argp_option summary_options[] = {
    { "json", JSON, 0, 0, "one JSON object instead of the table", 0 },
    { "full", FULL, 0, 0,
      "of a scan: tau_int, ESS, R-hat, exact value and z of every observable", 0 },
    { "check", CHECK, 0, 0, "exit status 1, with the reason, when not converged", 0 },
    { 0 },
};
static const struct argp_option exact_options[] = {
    { "json", JSON, 0, 0, "one JSON object instead of the table", 0 },
    { "set", SET, "PATH=VALUE", 0, "change the run file", 0 },
    { 0 },
};
static const struct argp_option no_options[] = { { 0 } };

static int complain(const kr_error *err)
{
    fprintf(stderr, "kramers: %s\n", err->text);
    return err->status == KR_EIO || err->status == KR_ENOMEM || err->status == KR_EDIVERGED ||
                   err->status == KR_ESANITY
               ? KR_EXIT_FAILED
               : KR_EXIT_USAGE;
}

/* Seconds from "90", "90s", "15m", "12h". */
static double parse_duration(const char *text)
{
    static const struct {
        char suffix;
        double seconds;
    } units[] = { { 's', 1.0 }, { 'm', 60.0 }, { 'h', 3600.0 } };
    char number[32];
    size_t n = strlen(text);
    double factor = 1.0, value;
    if (n == 0 || n >= sizeof number) {
        return NAN;
    }
    memcpy(number, text, n + 1);
    for (size_t k = 0; k < 3; k++) {
        if (number[n - 1] == units[k].suffix) {
            factor = units[k].seconds;
            number[n - 1] = '\0';
            break;
        }
    }
    return kr_number_real(number, &value, NULL) == KR_OK && value > 0.0 ? factor * value : NAN;
}

static void parse_count(struct argp_state *state, const char *option, const char *text,
                        int64_t low, int64_t *value)
{
    if (kr_number_integer(text, value, NULL) != KR_OK || *value < low) {
        argp_error(state, "--%s: \"%s\", want an integer of at least %lld", option, text,
                   (long long)low);
    }
}

/* At most 2^53, so that sums stay far from the end of int64_t. */
static void parse_steps(struct argp_state *state, const char *option, const char *text,
                        int64_t *value)
{
    parse_count(state, option, text, 1, value);
    if (*value > INT64_C(1) << 53) {
        argp_error(state, "--%s: %lld steps, want at most 2^53", option, (long long)*value);
    }
}

static error_t parse_run_option(int key, char *text, struct argp_state *state, arguments *a)
{
    static const char *const modes[] = { "auto", "never", "json" };
    int64_t n;
    switch (key) {
    case THREADS:
        parse_count(state, "threads", text, 1, &n);
        if (n > 4096) {
            argp_error(state, "--threads: %lld, want 1..4096", (long long)n);
        }
        a->run.n_threads = (int32_t)n;
        return 0;
    case LIMIT:
        a->run.time_limit = parse_duration(text);
        if (!(a->run.time_limit > 0.0)) {
            argp_error(state,
                       "--time-limit: \"%s\", want a positive time such as 90, 15m or 12h",
                       text);
        }
        return 0;
    case PROGRESS:
        for (int k = 0; k < 3; k++) {
            if (strcmp(text, modes[k]) == 0) {
                a->run.progress = (kr_progress_mode)k;
                return 0;
            }
        }
        argp_error(state, "--progress: \"%s\", want auto, never or json", text);
        return 0;
    case UNTIL:
        parse_steps(state, "until", text, &a->run.until);
        return 0;
    case MORE:
        parse_steps(state, "more", text, &a->run.more);
        return 0;
    default:
        return ARGP_ERR_UNKNOWN;
    }
}

static error_t parse_option(int key, char *text, struct argp_state *state)
{
    arguments *a = state->input;
    int64_t n;
    switch (key) {
    case 'o':
        a->run.output = text;
        return 0;
    case OVERWRITE:
        a->run.overwrite = true;
        return 0;
    case SEED:
        parse_count(state, "seed", text, 0, &n);
        snprintf(a->seed, sizeof a->seed, "seed=%lld", (long long)n);
        text = a->seed;
        /* fall through */
    case SET:
        if (a->n_sets == SETS_MAX) {
            argp_error(state, "more than %d times --set", SETS_MAX);
        }
        a->sets[a->n_sets++] = text;
        return 0;
    case DRY:
        a->is_dry = true;
        return 0;
    case JSON:
        a->is_json = true;
        return 0;
    case FULL:
        a->is_full = true;
        return 0;
    case CHECK:
        a->is_check = true;
        return 0;
    case ARGP_KEY_ARG:
        if (a->n_paths == a->max_paths) {
            argp_error(state, "one argument too many: \"%s\"", text);
        }
        a->path[a->n_paths++] = text;
        return 0;
    case ARGP_KEY_END:
        if (a->n_paths < a->min_paths) {
            argp_error(state, "an argument is missing");
        }
        return 0;
    default:
        return parse_run_option(key, text, state, a);
    }
}

/* Parses the arguments of one command; usage errors end the program with status 2, as --help
 * ends it with 0. */
static void parse(int argc, char **argv, const kr_command *command,
                  const struct argp_option *options, arguments *a)
{
    char name[64];
    struct argp argp = { .options = options,
                         .parser = parse_option,
                         .args_doc = command->arguments,
                         .doc = command->doc };
    snprintf(name, sizeof name, "kramers %s", command->name);
    char *program = argv[0];
    argv[0] = name;
    a->run.messages = stderr;
    argp_parse(&argp, argc, argv, 0, NULL, a);
    argv[0] = program;
}

static const kr_command *command_named(const char *name)
{
    const kr_command *c = kr_cli_commands;
    while (c->name && strcmp(c->name, name) != 0) {
        c++;
    }
    return c;
}

/* A file named on the command line that cannot be used is a usage error, whatever hid it. */
static int complain_spec(const kr_error *err)
{
    int status = complain(err);
    return err->status == KR_EIO ? KR_EXIT_USAGE : status;
}

/* No result file at all is a usage error, as no run file is. */
static bool can_read(const char *path, kr_error *err)
{
    kr_reader *reader = kr_reader_open(path, err);
    kr_reader_close(reader);
    return reader;
}

/* The run file with all --set applied, as a spec. */
static kr_spec *load_spec(const arguments *a, kr_error *err)
{
    kr_runfile *file = kr_cli_load(a->path[0], a->sets, a->n_sets, err);
    return file ? kr_spec_alloc(file, err) : NULL;
}

/* NAME.h5 in the working folder from .../NAME.yaml. */
static void default_output(const char *path, char *output, size_t size)
{
    const char *stem = strrchr(path, '/');
    stem = stem ? stem + 1 : path;
    const char *dot = strrchr(stem, '.');
    size_t n = dot && dot != stem ? (size_t)(dot - stem) : strlen(stem);
    snprintf(output, size, "%.*s.h5", (int)n, stem);
}

/* Table, then where the file and the figure are. */
static int show_result(const char *output)
{
    bool is_converged;
    char why[KR_SUMMARY_WHY], figure[4096];
    kr_error err = { 0 };
    if (kr_summary_write(output, KR_SUMMARY_TABLE, stdout, &is_converged, why, &err) != KR_OK) {
        return complain(&err);
    }
    fflush(stdout);
    err = (kr_error){ 0 };
    const char *const paths[] = { output };
    if (kr_plot_write(paths, 1, "residence", NULL, figure, &err) != KR_OK) {
        err = (kr_error){ 0 };
        if (kr_plot_write(paths, 1, "trace", NULL, figure, &err) != KR_OK) {
            fprintf(stderr, "kramers: no figure: %s\n", err.text);
            *figure = '\0';
        }
    }
    if (*figure) {
        printf("figure: %s\n", figure);
    }
    printf("file: %s\n", output);
    return KR_EXIT_DONE;
}

static int finish_run(int status, bool is_finished, const char *output, const kr_error *err)
{
    if (status != KR_OK) {
        return complain(err);
    }
    if (!is_finished) {
        fprintf(stderr,
                "kramers: stopped, everything is saved; go on with: kramers resume %s\n",
                output);
        return KR_EXIT_STOPPED;
    }
    return show_result(output);
}

static int command_run(int argc, char **argv, const volatile sig_atomic_t *stop)
{
    arguments a = { .min_paths = 1, .max_paths = 1 };
    kr_error err = { 0 };
    char output[4096];
    bool is_finished = false;
    parse(argc, argv, command_named("run"), run_options, &a);
    a.run.stop = stop;
    kr_spec *spec = load_spec(&a, &err);
    if (!spec) {
        return complain_spec(&err);
    }
    for (const char *line = spec->warnings.length ? spec->warnings.data : ""; *line;) {
        const int n = (int)strcspn(line, "\n");
        fprintf(stderr, "kramers: warning: %.*s\n", n, line);
        line += n + (line[n] == '\n');
    }
    if (!a.run.output) {
        default_output(a.path[0], output, sizeof output);
        a.run.output = output;
    }
    if (a.is_dry) {
        int status = kr_run_dry(spec, &a.run, stdout, &err);
        kr_spec_free(spec);
        return status == KR_OK ? KR_EXIT_DONE : complain(&err);
    }
    int status = kr_run_start(spec, &a.run, &is_finished, &err);
    return finish_run(status, is_finished, a.run.output, &err);
}

static int command_resume(int argc, char **argv, const volatile sig_atomic_t *stop)
{
    arguments a = { .min_paths = 1, .max_paths = 1 };
    kr_error err = { 0 };
    bool is_finished = false;
    parse(argc, argv, command_named("resume"), resume_options, &a);
    a.run.stop = stop;
    a.run.output = a.path[0];
    if (a.run.until && a.run.more) {
        fprintf(stderr, "kramers: --until and --more together, want one of them\n");
        return KR_EXIT_USAGE;
    }
    int status = kr_run_resume(&a.run, &is_finished, &err);
    return finish_run(status, is_finished, a.path[0], &err);
}

static int command_status(int argc, char **argv, const volatile sig_atomic_t *stop)
{
    arguments a = { .min_paths = 1, .max_paths = 1 };
    kr_error err = { 0 };
    (void)stop;
    parse(argc, argv, command_named("status"), no_options, &a);
    return kr_run_status(a.path[0], stdout, &err) == KR_OK ? KR_EXIT_DONE : complain(&err);
}

static int command_snapshot(int argc, char **argv, const volatile sig_atomic_t *stop)
{
    arguments a = { .min_paths = 1, .max_paths = 1 };
    kr_error err = { 0 };
    char name[4096];
    (void)stop;
    parse(argc, argv, command_named("snapshot"), snapshot_options, &a);
    if (!a.run.output) {
        size_t n = strlen(a.path[0]);
        n -= n > 3 && strcmp(a.path[0] + n - 3, ".h5") == 0 ? 3 : 0;
        snprintf(name, sizeof name, "%.*s.snapshot.h5", (int)n, a.path[0]);
        a.run.output = name;
    }
    if (strcmp(a.run.output, a.path[0]) == 0 || kr_files_is_same(a.run.output, a.path[0])) {
        fprintf(stderr, "kramers: snapshot: -o is the run's own file, want another\n");
        return KR_EXIT_USAGE;
    }
    if (kr_files_check_replace(a.run.output, a.run.overwrite, &err) != KR_OK ||
        kr_run_snapshot(a.path[0], a.run.output, &err) != KR_OK) {
        return complain(&err);
    }
    printf("file: %s\n", a.run.output);
    return KR_EXIT_DONE;
}

static int command_summary(int argc, char **argv, const volatile sig_atomic_t *stop)
{
    arguments a = { .min_paths = 1, .max_paths = 1 };
    kr_error err = { 0 };
    bool is_converged = false;
    char why[KR_SUMMARY_WHY] = "";
    (void)stop;
    parse(argc, argv, command_named("summary"), summary_options, &a);
    if (!can_read(a.path[0], &err)) {
        return complain_spec(&err);
    }
    const kr_summary_form form = a.is_json   ? KR_SUMMARY_JSON
                                 : a.is_full ? KR_SUMMARY_FULL
                                             : KR_SUMMARY_TABLE;
    if (kr_summary_write(a.path[0], form, stdout, &is_converged, why, &err) != KR_OK) {
        return complain(&err);
    }
    if (a.is_check && !is_converged) {
        fprintf(stderr, "kramers: not converged: %s\n", why);
        return KR_EXIT_FAILED;
    }
    return KR_EXIT_DONE;
}

static int command_plot(int argc, char **argv, const volatile sig_atomic_t *stop)
{
    arguments a = { .min_paths = 2, .max_paths = PATHS_MAX };
    kr_error err = { 0 };
    char figure[4096];
    (void)stop;
    parse(argc, argv, command_named("plot"), plot_options, &a);
    for (int k = 0; k < a.n_paths - 1; k++) {
        if (!can_read(a.path[k], &err)) {
            return complain_spec(&err);
        }
    }
    /* FILE.h5 ... KIND */
    const char *kind = a.path[a.n_paths - 1];
    if (kr_plot_write(a.path, a.n_paths - 1, kind, a.run.output, figure, &err) != KR_OK) {
        return complain(&err);
    }
    printf("figure: %s\n", figure);
    return KR_EXIT_DONE;
}

static int command_exact(int argc, char **argv, const volatile sig_atomic_t *stop)
{
    arguments a = { .min_paths = 1, .max_paths = 1 };
    kr_error err = { 0 };
    (void)stop;
    parse(argc, argv, command_named("exact"), exact_options, &a);
    kr_spec *spec = load_spec(&a, &err);
    if (!spec) {
        return complain_spec(&err);
    }
    kr_text text = { 0 }; /* all or nothing: half an object is no JSON */
    int status = kr_text_add(&text, &err, "%s", a.is_json ? "{\"points\": [\n" : "");
    for (int32_t p = 0; p < spec->config.n_points && status == KR_OK; p++) {
        kr_exact values;
        status = kr_exact_best(&spec->target[p], KR_ENUMERATE_STATES_MAX, &values, &err);
        status = status == KR_OK ? kr_cli_write_exact(spec, p, &values, a.is_json, &text, &err)
                                 : status;
    }
    if (status == KR_OK) {
        printf("%s%s", text.data, a.is_json ? "\n]}\n" : "");
    }
    kr_text_clear(&text);
    kr_spec_free(spec);
    return status == KR_OK ? KR_EXIT_DONE : complain(&err);
}

const kr_command kr_cli_commands[] = {
    { "run", "RUN.yaml", "Sample what a run file says; ends with a table and a figure.",
      command_run },
    { "resume", "FILE.h5", "Go on with a stopped or killed run, or measure more.",
      command_resume },
    { "status", "FILE.h5", "Whether a run goes on; its phase and draws so far.",
      command_status },
    { "snapshot", "FILE.h5", "A result file of what a live or killed run has so far.",
      command_snapshot },
    { "summary", "FILE.h5", "Table of estimates with errors, and the verdict.",
      command_summary },
    { "reweight", "FILE.h5 ...", "Means and log Z of scans at any value between their points.",
      kr_cli_reweight },
    { "plot", "FILE.h5 ... KIND", "Make a figure; two files put residence side by side.",
      command_plot },
    { "report", "FILE.h5", "One HTML page: verdict, tables, figures, run file.",
      kr_cli_report },
    { "exact", "RUN.yaml", "Exact values, where the system allows them.", command_exact },
    { "compare", "RUN.yaml",
      "The learned move against every rival, training included; which method to use.",
      kr_cli_compare },
    { "critical", "RUN.yaml", "Find a transition: its place, order, exponents or latent heat.",
      kr_cli_critical },
    { "phase", "RUN.yaml",
      "Classifiers trained far from a transition, beside Binder: what they know of it.",
      kr_cli_phase },
    { "bench", "", "Speed of every engine, update and density against its rival.",
      kr_cli_bench },
    { "explain", "[WORD|FILE]",
      "What a model, update, density, key or command is, or a density file holds.",
      kr_cli_explain },
    { "list", "[models|lattices|updates|densities|observables]",
      "Names that a run file may use.", kr_cli_list },
    { NULL, NULL, NULL, NULL },
};

static void print_help(FILE *out)
{
    fputs("Usage: kramers COMMAND [ARGUMENTS]\n\n"
          "kramers samples spin systems and lattice fields: local, cluster and learned Monte\n"
          "Carlo moves in one exact Markov chain.\n\n",
          out);
    for (const kr_command *c = kr_cli_commands; c->name; c++) {
        fprintf(out, "  %-9s %s\n", c->name, c->doc);
    }
    fputs(
        "\n  kramers COMMAND --help      options of a command\n"
        "  kramers --version\n\n"
        "Exit status: 0 done; 1 the run or check failed; 2 usage or run-file error, output\n"
        "exists, resume refused; 3 stopped by a signal or time limit with everything saved.\n",
        out);
}

int kr_cli_main(int argc, char **argv, const volatile sig_atomic_t *stop)
{
    argp_err_exit_status = KR_EXIT_USAGE;
    if (argc < 2) {
        print_help(stderr);
        return KR_EXIT_USAGE;
    }
    if (strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "-h") == 0) {
        print_help(stdout);
        return KR_EXIT_DONE;
    }
    if (strcmp(argv[1], "--version") == 0 || strcmp(argv[1], "-V") == 0) {
        printf("kramers %s\n", KR_VERSION);
        return KR_EXIT_DONE;
    }
    const kr_command *command = command_named(argv[1]);
    if (command->name) {
        int status = command->run(argc - 1, argv + 1, stop);
        if (fflush(stdout) != 0 && errno != EPIPE && status == KR_EXIT_DONE) {
            fprintf(stderr, "kramers: cannot write to stdout: %s\n", strerror(errno));
            return KR_EXIT_FAILED;
        }
        return status;
    }
    const char *names[32];
    size_t n = 0;
    for (const kr_command *c = kr_cli_commands; c->name; c++) {
        names[n++] = c->name;
    }
    const char *near = kr_field_nearest(argv[1], names, n);
    fprintf(stderr, "kramers: unknown command \"%s\"%s%s%s\n", argv[1],
            near ? "; did you mean \"" : ", see kramers --help", near ? near : "",
            near ? "\"?" : "");
    return KR_EXIT_USAGE;
}
