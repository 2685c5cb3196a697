/* SPDX-License-Identifier: GPL-3.0-or-later
 * study/compare_system.c - the system of a run file at one temperature, and its edited copies.
 *
 * Copies are parsed from the resolved text and changed by kr_runfile_set, so a candidate is
 * what a user could have written. */
#include "base/memory.h"
#include "model/exact.h"
#include "study/compare_private.h"

#include <math.h>
#include <string.h>

#define EXACT_STATES 1048576.0 /* as at the start of a run */

bool kr_compare_must_stop(const kr_compare *study)
{
    return study->options->stop && *study->options->stop;
}

static bool has_overlap(const kr_spec *spec)
{
    for (int32_t o = 0; o < spec->config.n_observables; o++) {
        if (strcmp(spec->observable[o].plug->name, "overlap") == 0) {
            return true;
        }
    }
    return false;
}

/* Whether observable `field` takes the model. */
static bool has_squares(const kr_spec *spec)
{
    const kr_action *action = spec->target[0].terms->action;
    return action && !action->is_angle && action->virial;
}

int kr_compare_set_observables(const kr_compare *study, kr_runfile *file, bool residence,
                               bool overlap, kr_error *err)
{
    const kr_spec *spec = study->spec;
    bool has_phases = spec->target[0].terms->n_phases >= 2;
    return kr_edit_set(file, err, "observables=[energy, magnetization%s%s%s]",
                       has_squares(spec) ? ", field" : "",
                       residence && has_phases ? ", residence" : "",
                       overlap && has_overlap(spec) ? ", overlap" : "");
}

kr_runfile *kr_compare_file(const kr_compare *study, bool bare, kr_error *err)
{
    kr_runfile *file = kr_runfile_parse(study->path, study->text.data, study->text.length, err);
    if (file && bare) { /* nothing of what was learned is handed to rivals */
        kr_edit_drop(file, "updates");
        kr_edit_drop(file, "densities");
        if (kr_edit_set(file, err, "training.while_measuring=none") != KR_OK) {
            kr_runfile_free(file);
            file = NULL;
        }
    }
    return file;
}

/* ---- loading ---------------------------------------------------------------------------- */

static bool has_section(const kr_runfile *file, const char *key)
{
    const kr_node *node = kr_node_get(file->root, key);
    return node && !kr_node_is_null(node);
}

/* One system at one temperature: of a ladder the coldest; any other scan is an error. */
static int choose_point(const kr_spec *spec, double *beta, kr_error *err)
{
    bool has_ladder =
        has_section(spec->file, "tempering") || has_section(spec->file, "population_annealing");
    *beta = spec->target[0].beta;
    for (int32_t p = 1; p < spec->config.n_points; p++) {
        *beta = fmax(*beta, spec->target[p].beta);
    }
    for (int32_t a = 0; a < spec->n_axes && !spec->path; a++) { /* a path is of one system */
        const kr_axis *axis = &spec->axis[a];
        const double *last = &axis->value[spec->config.n_points - 1];
        if (axis->value[0] == *last || (has_ladder && strcmp(axis->path, "beta") == 0)) {
            continue;
        }
        const kr_node *node = kr_node_find(spec->file->root, axis->path, strlen(axis->path));
        char number[KR_NUMBER_MAX];
        return kr_runfile_fail(spec->file, node, err, KR_EUNSUP,
                               "compare takes one system at one temperature, and %s has "
                               "several values; want one, as in --set %s=%s",
                               axis->path, axis->path, kr_number_format(*last, number));
    }
    return KR_OK;
}

/* What each candidate sets by itself is taken out. */
static int simplify(kr_compare *study, kr_runfile *file, double beta, kr_error *err)
{
    static const char *const sections[] = {
        "tempering", "multicanonical", "population_annealing", "path", "stop", "output"
    };
    char number[KR_NUMBER_MAX];
    study->has_schedule = !has_section(file, "multicanonical");
    for (size_t k = 0; k < sizeof sections / sizeof *sections; k++) {
        kr_edit_drop(file, sections[k]);
    }
    if (!study->has_schedule) {
        kr_edit_drop(file, "updates");
    }
    KR_TRY(kr_edit_set(file, err, "beta=%s", kr_number_format(beta, number)));
    KR_TRY(kr_edit_set(file, err, "training.conditional=0")); /* one point is left */
    if (study->spec->target[0].terms->n_phases >= 2 && !study->spec->start_states) {
        KR_TRY(kr_edit_set(file, err, "start=mixed")); /* a phase nobody is in is not seen */
    }
    return kr_compare_set_observables(study, file, true, true, err);
}

static void find_exact(kr_compare *study)
{
    const kr_target *target = &study->spec->target[0];
    kr_exact exact;
    study->exact_energy = study->exact_m = study->exact_abs_m = NAN;
    study->exact_method = NULL;
    if (kr_exact_best(target, EXACT_STATES / target->terms->n_sites * 16.0, &exact, NULL) ==
        KR_OK) {
        study->exact_method = exact.method;
        study->exact_energy = exact.energy_per_site;
        study->exact_m = exact.magnetization;
        study->exact_abs_m = exact.abs_magnetization;
    }
}

static void add_column(kr_compare *study, const char *name, bool is_phase, double exact)
{
    kr_compare_column *c = &study->column[study->n_columns++];
    *c = (kr_compare_column){ .is_phase = is_phase, .exact = exact, .reference = -1 };
    snprintf(c->name, sizeof c->name, "%s", name);
}

/* Slow quantities of all systems: energy, order parameter with and without its sign, the phase,
 * overlap of replicas. */
static void list_columns(kr_compare *study)
{
    const kr_terms *terms = study->spec->target[0].terms;
    add_column(study, "energy_per_site", false, study->exact_energy);
    add_column(study, "magnetization_per_site", false, study->exact_m);
    if (terms->action) {
        add_column(study, "magnetization_squared", false, NAN);
        if (has_squares(study->spec)) {
            add_column(study, "phi_squared", false, NAN);
        }
    } else if (terms->order == KR_ORDER_VALUE || terms->order == KR_ORDER_QUADRUPOLE) {
        add_column(study, "abs_magnetization_per_site", false, study->exact_abs_m);
    }
    for (int32_t p = 0; terms->n_phases >= 2 && p < terms->n_phases; p++) {
        char name[40];
        snprintf(name, sizeof name, "in_%s", terms->phase[p].name);
        add_column(study, name, true, NAN);
    }
    if (has_overlap(study->spec)) {
        add_column(study, "overlap", false, NAN);
        add_column(study, "overlap_squared", false, NAN);
    }
}

int kr_compare_load(kr_compare *study, kr_runfile *file, kr_error *err)
{
    double beta = NAN;
    snprintf(study->path, sizeof study->path, "%s", file->path);
    study->spec = kr_spec_alloc(file, err); /* all of it, as written */
    if (!study->spec) {
        return err && err->status ? err->status : KR_ENOMEM;
    }
    KR_TRY(choose_point(study->spec, &beta, err));
    if (!(beta > 0.0)) {
        return kr_fail(err, KR_EUNSUP,
                       "compare: beta = %g, where all states weigh the same, want beta > 0",
                       beta);
    }
    KR_TRY(kr_spec_write(study->spec, &study->text, err));
    kr_runfile *one = kr_compare_file(study, false, err);
    if (!one) {
        return err && err->status ? err->status : KR_ENOMEM;
    }
    int status = simplify(study, one, beta, err);
    kr_spec *spec = NULL;
    if (status == KR_OK) {
        spec = kr_spec_alloc(one, err);
        status = spec ? KR_OK : err && err->status ? err->status : KR_ENOMEM;
    } else {
        kr_runfile_free(one);
    }
    KR_TRY(status);
    kr_spec_free(study->spec);
    study->spec = spec;
    kr_text_clear(&study->text);
    KR_TRY(kr_spec_write(spec, &study->text, err));
    find_exact(study);
    list_columns(study);
    return KR_OK;
}
