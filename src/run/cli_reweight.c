/* SPDX-License-Identifier: GPL-3.0-or-later
 * run/cli_reweight.c - the command `reweight`: means of scans as functions of the scanned
 * numbers. */
#include "run/cli.h"

#include "analysis/analysis.h"
#include "io/results.h"

#include <argp.h>
#include <math.h>
#include <string.h>

enum { FROM = 256, TO, COUNT, ALONG, AT, JSON, PATHS_MAX = 64 };

static const struct argp_option options[] = {
    { "from", FROM, "X", 0,
      "first value (default: the lowest of the scan, of one point a width of ln p below it)",
      0 },
    { "to", TO, "X", 0, "last value (default likewise, the highest)", 0 },
    { "count", COUNT, "N", 0, "number of values (default 41)", 0 },
    { "along", ALONG, "NAME", 0,
      "number that the values are of, beta or one of the model (default: the scanned one, of "
      "two "
      "beta)",
      0 },
    { "at", AT, "NAME=X", 0,
      "where the other one of two scanned numbers stays; of both: one point", 0 },
    { "json", JSON, 0, 0, "one JSON object with all columns instead of the table", 0 },
    { 0 },
};

typedef struct arguments {
    kr_reweight_options reweight;
    int n_paths;
    const char *path[PATHS_MAX];
    char name[KR_REWEIGHT_AT][KR_TEXT_MAX];
} arguments;

static double parse_beta(struct argp_state *state, const char *option, const char *text)
{
    double value = NAN;
    if (kr_number_real(text, &value, NULL) != KR_OK || !isfinite(value)) {
        argp_error(state, "--%s: \"%s\", want a number", option, text);
    }
    return value;
}

/* Numbers of the model go by their names in it. */
static const char *bare(const char *name)
{
    return strncmp(name, "model.", 6) == 0 ? name + 6 : name;
}

static void parse_at(struct argp_state *state, const char *text, arguments *a)
{
    const char *equal = strchr(text, '=');
    const int k = a->reweight.n_at;
    if (!equal || equal == text || (size_t)(equal - text) >= sizeof a->name[0]) {
        argp_error(state, "--at: \"%s\", want NAME=NUMBER, as --at field=0.1", text);
        return;
    }
    if (k == KR_REWEIGHT_AT) {
        argp_error(state, "--at: \"%s\" is one too many, want %d at most", text,
                   KR_REWEIGHT_AT);
        return;
    }
    snprintf(a->name[k], sizeof a->name[k], "%.*s", (int)(equal - text), text);
    a->reweight.at_name[k] = bare(a->name[k]);
    a->reweight.at_value[k] = parse_beta(state, "at", equal + 1);
    for (int j = 0; j < k; j++) {
        if (strcmp(a->reweight.at_name[j], a->reweight.at_name[k]) == 0) {
            argp_error(state, "--at: %s is given twice", a->name[k]);
        }
    }
    a->reweight.n_at++;
}

static error_t parse_path(int key, char *text, struct argp_state *state)
{
    arguments *a = state->input;
    if (key == ARGP_KEY_ARG) {
        if (a->n_paths == PATHS_MAX) {
            argp_error(state, "more than %d files", PATHS_MAX);
        } else {
            a->path[a->n_paths++] = text;
        }
        return 0;
    }
    if (key == ARGP_KEY_END && a->n_paths == 0) {
        argp_error(state, "an argument is missing");
    }
    return key == ARGP_KEY_END ? 0 : ARGP_ERR_UNKNOWN;
}

static error_t parse_option(int key, char *text, struct argp_state *state)
{
    arguments *a = state->input;
    switch (key) {
    case FROM:
        a->reweight.from = parse_beta(state, "from", text);
        return 0;
    case TO:
        a->reweight.to = parse_beta(state, "to", text);
        return 0;
    case COUNT:
        if (kr_number_integer(text, &a->reweight.n, NULL) != KR_OK || a->reweight.n < 1) {
            argp_error(state, "--count: \"%s\", want an integer of at least 1", text);
        }
        return 0;
    case ALONG:
        a->reweight.along = bare(text);
        return 0;
    case AT:
        parse_at(state, text, a);
        return 0;
    case JSON:
        a->reweight.is_json = true;
        return 0;
    default:
        return parse_path(key, text, state);
    }
}

int kr_cli_reweight(int argc, char **argv, const volatile sig_atomic_t *stop)
{
    (void)stop;
    const struct argp argp = {
        .options = options,
        .parser = parse_option,
        .args_doc = "FILE.h5 ...",
        .doc =
            "Means, derived quantities, log Z and free energies of scans of beta, of another "
            "number with its observable conjugate, or of both, at any value between the points "
            "and a little beyond, by multiple histograms of all files together, multicanonical "
            "runs among them.",
    };
    arguments a = { .reweight = { .from = NAN, .to = NAN } };
    kr_error err = { 0 };
    char name[] = "kramers reweight", *program = argv[0];
    argv[0] = name;
    argp_parse(&argp, argc, argv, 0, NULL, &a);
    argv[0] = program;
    for (int k = 0; k < a.n_paths; k++) {
        kr_reader *reader = kr_reader_open(a.path[k], &err);
        kr_reader_close(reader);
        if (!reader) { /* no result file at all is a usage error */
            fprintf(stderr, "kramers: %s\n", err.text);
            return KR_EXIT_USAGE;
        }
    }
    if (kr_reweight_write(a.path, a.n_paths, &a.reweight, stdout, &err) != KR_OK) {
        fprintf(stderr, "kramers: %s\n", err.text);
        return err.status == KR_EUNSUP || err.status == KR_EINVAL ? KR_EXIT_USAGE
                                                                  : KR_EXIT_FAILED;
    }
    return KR_EXIT_DONE;
}
