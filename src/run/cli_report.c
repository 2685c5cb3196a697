/* SPDX-License-Identifier: GPL-3.0-or-later
 * run/cli_report.c - the command `report`: a result file as one HTML page. */
#include "run/cli.h"

#include "analysis/analysis.h"
#include "io/results.h"

#include <argp.h>

enum { OVERWRITE = 256 };

static const struct argp_option options[] = {
    { "output", 'o', "FILE.html", 0, "page to write (default: NAME-report.html)", 0 },
    { "overwrite", OVERWRITE, 0, 0, "replace an existing report", 0 },
    { 0 },
};

typedef struct arguments {
    const char *path, *output;
    bool overwrite;
} arguments;

static error_t parse_option(int key, char *text, struct argp_state *state)
{
    arguments *a = state->input;
    switch (key) {
    case 'o':
        a->output = text;
        return 0;
    case OVERWRITE:
        a->overwrite = true;
        return 0;
    default:
        return kr_cli_one_path(key, text, state, &a->path);
    }
}

int kr_cli_report(int argc, char **argv, const volatile sig_atomic_t *stop)
{
    (void)stop;
    const struct argp argp = {
        .options = options,
        .parser = parse_option,
        .args_doc = "FILE.h5",
        .doc =
            "One HTML page that needs nothing beside it: the verdict with its reasons, the "
            "tables of summary, every figure of plot that the file allows, run file and cost.",
    };
    arguments a = { 0 };
    kr_error err = { 0 };
    char name[] = "kramers report", *program = argv[0], made[4096];
    argv[0] = name;
    argp_parse(&argp, argc, argv, 0, NULL, &a);
    argv[0] = program;
    kr_reader *reader = kr_reader_open(a.path, &err);
    kr_reader_close(reader);
    if (!reader) { /* no result file at all is a usage error */
        fprintf(stderr, "kramers: %s\n", err.text);
        return KR_EXIT_USAGE;
    }
    if (kr_report_write(a.path, a.output, a.overwrite, KR_VERSION, made, &err) != KR_OK) {
        fprintf(stderr, "kramers: %s\n", err.text);
        return err.status == KR_EUNSUP || err.status == KR_EPARSE ? KR_EXIT_USAGE
                                                                  : KR_EXIT_FAILED;
    }
    printf("report: %s\n", made);
    return KR_EXIT_DONE;
}
