/* SPDX-License-Identifier: GPL-3.0-or-later
 * run/spec_conditional.c - density files whose weights are polynomials in scanned numbers: the
 * numbers of a point, found by their paths in the run file. */
#include "density/stored.h"
#include "run/spec_private.h"

#include <math.h>
#include <string.h>

static double number_at(const kr_spec *spec, int32_t point, const char *path)
{
    static const char model[] = "model.";
    if (strcmp(path, "beta") == 0) {
        return spec->target[point].beta;
    }
    const double *number = strncmp(path, model, sizeof model - 1) == 0
                               ? kr_spec_number(spec->model->fields, spec->model_params[point],
                                                path + sizeof model - 1)
                               : NULL;
    return number ? *number : NAN;
}

/* Whether a line of fields "name: value" is one of the numbers that the weights depend on. */
static bool is_scanned(const kr_stored *stored, const char *line, size_t n)
{
    char path[KR_TEXT_MAX];
    for (int32_t a = 0; a < stored->scan.n_axes; a++) {
        kr_stored_axis(stored, a, path, sizeof path);
        const char *name = path + strcspn(path, ".") + 1; /* a map is one line */
        if (strncmp(path, "model.", 6) == 0 && strcspn(name, ".") == n &&
            strncmp(name, line, n) == 0) {
            return true;
        }
    }
    return false;
}

/* Says what else was another number where the weights were trained: a start, but none that the
 * range vouches for. */
static int warn_of_others(kr_spec *spec, const kr_stored *stored, kr_error *err)
{
    kr_text here = { 0 };
    const char *there = stored->text[KR_STORED_MODEL_FIELDS];
    int status = kr_stored_write_fields(spec->model->fields, spec->model_params[0], &here, err);
    for (const char *line = here.data; status == KR_OK && line && *line;) {
        const size_t n = strcspn(line, ":"), size = strcspn(line, "\n"),
                     other = strcspn(there, "\n");
        if (!is_scanned(stored, line, n) &&
            (size != other || strncmp(line, there, size) != 0)) {
            status =
                kr_text_add(&spec->warnings, err, "%s was trained with model %.*s, here %.*s\n",
                            stored->path, (int)other, there, (int)size, line);
        }
        line += size + (line[size] == '\n');
        there += other + (there[other] == '\n');
    }
    kr_text_clear(&here);
    bool has_beta = false;
    for (int32_t a = 0; a < stored->scan.n_axes; a++) {
        char path[KR_TEXT_MAX];
        kr_stored_axis(stored, a, path, sizeof path);
        has_beta = has_beta || strcmp(path, "beta") == 0;
    }
    if (status == KR_OK && !has_beta && spec->target[0].beta != stored->beta) {
        status = kr_text_add(&spec->warnings, err, "%s was trained at beta = %g, here %g\n",
                             stored->path, stored->beta, spec->target[0].beta);
    }
    return status;
}

int kr_spec_fix_stored(kr_spec *spec, int32_t point, kr_stored *stored, kr_error *err)
{
    const kr_scan *scan = &stored->scan;
    double at[KR_SCAN_AXES_MAX];
    char path[KR_TEXT_MAX], seen[KR_NUMBER_MAX], from[KR_NUMBER_MAX], to[KR_NUMBER_MAX];
    if (scan->degree == 0) {
        return KR_OK;
    }
    if (strcmp(stored->text[KR_STORED_MODEL], spec->model->name) != 0) {
        return kr_fail(err, KR_EMISMATCH,
                       "weights that depend on couplings of model %s, want %s",
                       stored->text[KR_STORED_MODEL], spec->model->name);
    }
    for (int32_t a = 0; a < scan->n_axes; a++) {
        const double slack = 1e-9 * (scan->to[a] - scan->from[a]);
        kr_stored_axis(stored, a, path, sizeof path);
        at[a] = number_at(spec, point, path);
        if (isnan(at[a])) {
            return kr_fail(err, KR_EMISMATCH,
                           "the weights depend on %s, want a run file that has it", path);
        }
        if (at[a] < scan->from[a] - slack || at[a] > scan->to[a] + slack) {
            return kr_fail(err, KR_EMISMATCH,
                           "%s = %s, want %s to %s, where the weights were trained", path,
                           kr_number_format(at[a], seen), kr_number_format(scan->from[a], from),
                           kr_number_format(scan->to[a], to));
        }
    }
    KR_TRY(point == 0 ? warn_of_others(spec, stored, err) : KR_OK);
    return kr_stored_fix(stored, at, err);
}
