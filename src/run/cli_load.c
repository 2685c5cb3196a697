/* SPDX-License-Identifier: GPL-3.0-or-later
 * run/cli_load.c - the run file of a command with every --set applied; a command's one path. */
#include "run/cli.h"

#include <argp.h>
#include <stdio.h>
#include <string.h>

/* A map takes the place of a whole map: what is lost with that is told. */
static int apply(kr_runfile *file, const char *assignment, kr_error *err)
{
    kr_text lost = { 0 };
    int status = kr_runfile_lost(file, assignment, &lost, err);
    if (status == KR_OK) {
        status = kr_runfile_set(file, assignment, err);
    }
    if (status == KR_OK && lost.length) {
        char seen[KR_ELIDE_MAX];
        kr_text_tame(lost.data, false);
        fprintf(
            stderr,
            "kramers: --set %s takes the place of the whole map, without its %s; one key is "
            "set by --set %.*s.KEY=value\n",
            kr_text_elide(seen, assignment), lost.data, (int)strcspn(assignment, "="),
            assignment);
    }
    kr_text_clear(&lost);
    return status;
}

kr_runfile *kr_cli_load(const char *path, const char *const *sets, int n_sets, kr_error *err)
{
    kr_runfile *file = kr_runfile_load(path, err);
    for (int k = 0; file && k < n_sets; k++) {
        if (apply(file, sets[k], err) != KR_OK) {
            kr_runfile_free(file);
            return NULL;
        }
    }
    return file;
}

int kr_cli_one_path(int key, char *text, struct argp_state *state, const char **path)
{
    if (key == ARGP_KEY_ARG) {
        if (*path) {
            argp_error(state, "one argument too many: \"%s\"", text);
        }
        *path = text;
        return 0;
    }
    if (key == ARGP_KEY_END && !*path) {
        argp_error(state, "an argument is missing");
    }
    return key == ARGP_KEY_END ? 0 : ARGP_ERR_UNKNOWN;
}
