/* SPDX-License-Identifier: GPL-3.0-or-later
 * run/cli_reweight.c - the command `reweight`: means of a scan as functions of the scanned
 * number. */
#include "run/cli.h"

#include "analysis/analysis.h"
#include "io/results.h"

#include <argp.h>
#include <math.h>

enum { FROM = 256, TO, COUNT, JSON };

static const struct argp_option options[] = {
    { "from", FROM, "X", 0,
      "first value (default: the lowest of the scan, of one point a width of ln p below it)",
      0 },
    { "to", TO, "X", 0, "last value (default likewise, the highest)", 0 },
    { "count", COUNT, "N", 0, "number of values (default 41)", 0 },
    { "json", JSON, 0, 0, "one JSON object with all columns instead of the table", 0 },
    { 0 },
};

typedef struct arguments {
    kr_reweight_options reweight;
    const char *path;
} arguments;

static double parse_beta(struct argp_state *state, const char *option, const char *text)
{
    double value = NAN;
    if (kr_number_real(text, &value, NULL) != KR_OK || !isfinite(value)) {
        argp_error(state, "--%s: \"%s\", want a number", option, text);
    }
    return value;
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
    case JSON:
        a->reweight.is_json = true;
        return 0;
    default:
        return kr_cli_one_path(key, text, state, &a->path);
    }
}

int kr_cli_reweight(int argc, char **argv, const volatile sig_atomic_t *stop)
{
    (void)stop;
    const struct argp argp = {
        .options = options,
        .parser = parse_option,
        .args_doc = "FILE.h5",
        .doc =
            "Means, derived quantities and log Z of a scan of beta, or of another number with "
            "its observable conjugate, at any value "
            "between its points and a little beyond, by multiple histograms.",
    };
    arguments a = { .reweight = { .from = NAN, .to = NAN } };
    kr_error err = { 0 };
    char name[] = "kramers reweight", *program = argv[0];
    argv[0] = name;
    argp_parse(&argp, argc, argv, 0, NULL, &a);
    argv[0] = program;
    kr_reader *reader = kr_reader_open(a.path, &err);
    kr_reader_close(reader);
    if (!reader) { /* no result file at all is a usage error */
        fprintf(stderr, "kramers: %s\n", err.text);
        return KR_EXIT_USAGE;
    }
    if (kr_reweight_write(a.path, &a.reweight, stdout, &err) != KR_OK) {
        fprintf(stderr, "kramers: %s\n", err.text);
        return err.status == KR_EUNSUP || err.status == KR_EINVAL ? KR_EXIT_USAGE
                                                                  : KR_EXIT_FAILED;
    }
    return KR_EXIT_DONE;
}
