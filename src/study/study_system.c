/* SPDX-License-Identifier: GPL-3.0-or-later
 * study/study_system.c - the system of a run file, and the run files of a study. */
#include "analysis/series.h"
#include "base/memory.h"
#include "io/results.h"
#include "observable/slices.h"
#include "run/run.h"
#include "study/study.h"

#include <math.h>
#include <stdarg.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define SCAN_DEFAULT 13
#define SCAN_LEAST   5
#define SCAN_MOST    64
#define ADAPT_LEAST  400

/* Of runs; what a study decides is in none of them. */
static const char *const decided[] = { "tempering",   "multicanonical", "population_annealing",
                                       "path",        "stop",           "histograms",
                                       "critical",    "phase",          "output",
                                       "observables", "chains",         "start",
                                       "phases" };

/* Tried in this order; the first that the model takes and that reaches every state. */
static const char *const measuring[] = { "[wolff]",
                                         "[{name: hmc, steps: 5, mass: fourier}, wolff]",
                                         "[heat_bath, wolff]",
                                         "[metropolis, wolff]",
                                         "[heat_bath]",
                                         "[{name: hmc, steps: 10}]",
                                         "[metropolis]" };
static const char *const scanning[] = {
    "[heat_bath, wolff]",       "[{name: hmc, steps: 5, mass: fourier}, wolff]",
    "[metropolis, wolff]",      "[heat_bath]",
    "[{name: hmc, steps: 10}]", "[metropolis]"
};

bool kr_study_must_stop(const kr_study *study)
{
    return study->options->stop && *study->options->stop;
}

void kr_study_say(const kr_study *study, const char *format, ...)
{
    va_list list;
    if (!study->options->messages) {
        return;
    }
    va_start(list, format);
    vfprintf(study->options->messages, format, list);
    va_end(list);
    fflush(study->options->messages);
}

void kr_study_name(const kr_study *study, const char *name, char path[KR_STUDY_PATH])
{
    snprintf(path, KR_STUDY_PATH, "%s/%s", study->options->folder, name);
}

const char *kr_study_parameter(const kr_study *study)
{
    return study->is_beta ? study->parameter : study->parameter + strlen("model.");
}

/* ---- run files -------------------------------------------------------------------------- */

/* The system as a run file with boxes of a side. */
static kr_runfile *system_file(const kr_study *study, int32_t side, kr_error *err)
{
    kr_runfile *file = kr_runfile_parse(study->path, study->text.data, study->text.length, err);
    double size[KR_DIM_MAX];
    for (int32_t d = 0; d < study->n_dims; d++) {
        size[d] = (double)side * study->shape[d] / study->shape_least;
    }
    if (file && kr_edit_set_list(file, "lattice.size", size, study->n_dims, err) != KR_OK) {
        kr_runfile_free(file);
        file = NULL;
    }
    return file;
}

static int set_observables(const kr_study *study, kr_runfile *file, kr_error *err)
{
    char conjugate[KR_TEXT_MAX + 64] = "";
    if (!study->is_beta) {
        snprintf(conjugate, sizeof conjugate, ", {name: conjugate, parameter: %s}",
                 kr_study_parameter(study));
    }
    return kr_edit_set(file, err, "observables=[energy, magnetization%s%s]",
                       study->has_ratio ? ", {name: two_point, distances: 0}" : "", conjugate);
}

static int set_task(const kr_study *study, const kr_study_task *task, kr_runfile *file,
                    kr_error *err)
{
    char number[KR_NUMBER_MAX];
    if (task->n_values > 1) {
        KR_TRY(kr_edit_set_list(file, study->parameter, task->value, task->n_values, err));
    } else {
        KR_TRY(kr_edit_set(file, err, "%s=%s", study->parameter,
                           kr_number_format(task->value[0], number)));
    }
    if (!study->has_updates) {
        KR_TRY(kr_edit_set(file, err, "updates=%s", task->updates));
    }
    KR_TRY(kr_edit_set(file, err, "chains=%lld", (long long)task->chains));
    KR_TRY(kr_edit_set(file, err, "start=%s", study->start));
    KR_TRY(kr_edit_set(file, err, "seed=%lld", (long long)(study->seed + 7919 * task->stream)));
    KR_TRY(kr_edit_set(file, err,
                       "phases={thermalize: %lld, adapt: %lld, measure: %lld, every: %lld}",
                       (long long)task->thermalize, (long long)study->adapt,
                       (long long)task->measure, (long long)task->every));
    if (task->keeps_states) {
        KR_TRY(kr_edit_set(file, err, "output={configurations: {every: 1}}"));
    }
    return set_observables(study, file, err);
}

kr_spec *kr_study_spec(const kr_study *study, const kr_study_task *task, kr_error *err)
{
    kr_runfile *file = system_file(study, task->side, err);
    if (file && set_task(study, task, file, err) != KR_OK) {
        kr_runfile_free(file);
        file = NULL;
    }
    return file ? kr_spec_alloc(file, err) : NULL;
}

static bool exists(const char *path, const char *ending)
{
    char whole[KR_STUDY_PATH + 16];
    struct stat info;
    snprintf(whole, sizeof whole, "%s%s", path, ending);
    return stat(whole, &info) == 0;
}

/* A result file that is there must be that of the task: its run file says so. */
static int check_same(const kr_study *study, const kr_study_task *task, kr_error *err)
{
    const char *seen = NULL;
    kr_text want = { 0 };
    kr_reader *reader = kr_reader_open(task->output, err);
    kr_spec *spec = reader ? kr_study_spec(study, task, err) : NULL;
    int status = spec ? kr_spec_write(spec, &want, err) : err->status ? err->status : KR_ENOMEM;
    if (status == KR_OK && (!kr_reader_attr_text(reader, "", "", "run_file", &seen) ||
                            strcmp(seen, want.data) != 0)) {
        status = kr_fail(err, KR_EMISMATCH,
                         "%s is the file of another measurement than this study makes; "
                         "--overwrite begins anew",
                         task->output);
    }
    kr_text_clear(&want);
    kr_spec_free(spec);
    kr_reader_close(reader);
    return status;
}

/* What a run says that it cost, by all processes that worked on it; NaN: nothing. */
static double cost_in(const char *path)
{
    kr_reader *reader = kr_reader_open(path, NULL);
    const double cost = reader ? kr_series_constant(reader, "cost", "sample_cpu_s", 0) : NAN;
    kr_reader_close(reader);
    return cost;
}

int kr_study_execute(const kr_study *study, const kr_study_task *task, bool keep,
                     bool *is_finished, double *cpu_s, kr_error *err)
{
    const kr_run_options options = { .output = task->output,
                                     .overwrite = !keep,
                                     .n_threads = study->options->n_threads,
                                     .progress = KR_PROGRESS_NEVER,
                                     .stop = study->options->stop };
    const double begun = kr_edit_clock();
    int status = KR_OK;
    *is_finished = true;
    if (keep && exists(task->output, "")) {
        *cpu_s = cost_in(task->output);
        return check_same(study, task, err);
    }
    if (keep &&
        (exists(task->output, ".restart") || exists(task->output, ".restart.previous"))) {
        status = kr_run_resume(&options, is_finished, err);
        *cpu_s = *is_finished ? cost_in(task->output) : *cpu_s;
        return status == KR_OK && *is_finished ? check_same(study, task, err) : status;
    } else {
        kr_spec *spec = kr_study_spec(study, task, err);
        status = spec ? kr_run_start(spec, &options, is_finished, err)
                      : (err->status ? err->status : KR_ENOMEM);
    }
    *cpu_s += kr_edit_clock() - begun;
    return status;
}

/* ---- what the run file says ---------------------------------------------------------------
 */

/* The one number of the file with several values. */
static int find_parameter(kr_study *study, kr_error *err)
{
    const kr_spec *spec = study->spec;
    const kr_axis *found = NULL;
    for (int32_t a = 0; a < spec->n_axes; a++) {
        const kr_axis *axis = &spec->axis[a];
        if (axis->value[0] == axis->value[spec->config.n_points - 1]) {
            continue;
        }
        if (found || !axis->is_real) {
            return kr_fail(err, KR_EUNSUP,
                           "%s: %s%s%s, want one real number with a range to search, as in "
                           "beta: {from: 0.3, to: 0.6, count: 13}",
                           study->path, axis->path, found ? " and " : " is an integer",
                           found ? found->path : "");
        }
        found = axis;
    }
    if (!found || spec->path) {
        return kr_fail(err, KR_EUNSUP,
                       "%s: no number has a range, want one to search, as in beta: {from: 0.3, "
                       "to: 0.6, count: 13}%s",
                       study->path, spec->path ? ", and no section path" : "");
    }
    study->low = INFINITY;
    study->high = -INFINITY;
    for (int32_t p = 0; p < spec->config.n_points; p++) {
        study->low = fmin(study->low, found->value[p]);
        study->high = fmax(study->high, found->value[p]);
    }
    if (spec->config.n_points > SCAN_MOST) {
        return kr_fail(err, KR_ERANGE, "%s: %d values of %s, want at most %d of a range",
                       study->path, spec->config.n_points, found->path, SCAN_MOST);
    }
    study->n_scan = spec->config.n_points < SCAN_LEAST ? SCAN_DEFAULT : spec->config.n_points;
    snprintf(study->parameter, sizeof study->parameter, "%s", found->path);
    study->is_beta = strcmp(study->parameter, "beta") == 0;
    if (!study->is_beta && strncmp(study->parameter, "model.", 6) != 0) {
        return kr_fail(err, KR_EUNSUP, "%s: %s, want beta or a number of the model",
                       study->path, study->parameter);
    }
    snprintf(study->conjugate, sizeof study->conjugate, "%s%.200s",
             study->is_beta ? "energy_per_site" : "conjugate_",
             study->is_beta ? "" : kr_study_parameter(study));
    for (char *dot = strchr(study->conjugate, '.'); dot; dot = strchr(dot, '.')) {
        *dot = '_';
    }
    return KR_OK;
}

static int find_shape(kr_study *study, kr_error *err)
{
    const kr_runfile *file = study->written;
    const kr_node *size = kr_node_get(kr_node_get(file->root, "lattice"), "size");
    if (!size) {
        return kr_fail(err, KR_EUNSUP,
                       "%s: lattice %s has no size, want one whose size can be changed",
                       study->path, study->spec->lattice_plug->name);
    }
    study->n_dims = size->kind == KR_NODE_LIST ? size->n : 1;
    if (study->n_dims < 2 || study->n_dims > KR_DIM_MAX) {
        return kr_runfile_fail(file, size, err, KR_EUNSUP,
                               "lattice.size: one side, want a lattice with two directions or "
                               "more");
    }
    for (int32_t d = 0; d < study->n_dims; d++) {
        int64_t side;
        KR_TRY(kr_node_integer(file, size->child[d], "lattice.size", &side, err));
        study->shape[d] = (int32_t)side;
        study->shape_least =
            d == 0 || side < study->shape_least ? (int32_t)side : study->shape_least;
    }
    return KR_OK;
}

static int find_sizes(kr_study *study, const kr_list *sizes, int32_t n_default, kr_error *err)
{
    static const int64_t flat[] = { 8, 12, 16, 24, 32, 48, 64, 96 };
    static const int64_t cubes[] = { 6, 8, 12, 16, 24, 32 };
    static const int64_t higher[] = { 4, 6, 8, 10, 12 };
    const int64_t *side = sizes->n             ? sizes->integer
                          : study->n_dims == 2 ? flat
                          : study->n_dims == 3 ? cubes
                                               : higher;
    const int32_t usual = study->n_dims == 2   ? (int32_t)(sizeof flat / sizeof *flat)
                          : study->n_dims == 3 ? (int32_t)(sizeof cubes / sizeof *cubes)
                                               : (int32_t)(sizeof higher / sizeof *higher);
    const int32_t n = sizes->n ? sizes->n : n_default < usual ? n_default : usual;
    const kr_node *node = kr_node_get(kr_node_get(study->written->root, study->name), "sizes");
    if (n < 3 || n > KR_STUDY_SIZES) {
        return kr_runfile_fail(study->written, node, err, KR_ERANGE,
                               "%s.sizes: %d entries, want 3..%d", study->name, n,
                               KR_STUDY_SIZES);
    }
    for (int32_t k = 0; k < n; k++) {
        study->side[k] = (int32_t)side[k];
        study->n_sites[k] = study->spec->lattice->n_sites;
        for (int32_t d = 0; d < study->n_dims; d++) {
            if (side[k] * study->shape[d] % study->shape_least) {
                return kr_runfile_fail(study->written, node, err, KR_EINVAL,
                                       "%s.sizes: %lld times %d/%d of lattice.size is no whole "
                                       "number",
                                       study->name, (long long)side[k], study->shape[d],
                                       study->shape_least);
            }
            study->n_sites[k] *= (double)side[k] / study->shape_least;
        }
    }
    study->n_sizes = n;
    return KR_OK;
}

/* The system without what a study decides. */
static int keep_text(kr_study *study, kr_error *err)
{
    kr_runfile *file = study->spec->file;
    for (size_t k = 0; k < sizeof decided / sizeof *decided; k++) {
        kr_edit_drop(file, decided[k]);
    }
    if (!study->has_updates) {
        kr_edit_drop(file, "updates");
        kr_edit_drop(file, "densities");
        kr_edit_drop(file, "training");
    }
    return kr_node_write(file->root, 0, &study->text, err);
}

/* A spec of the study at the middle of the range. */
static kr_spec *middle_spec(const kr_study *study, int32_t side, const char *updates,
                            int64_t chains, kr_error *err)
{
    const double middle = 0.5 * (study->low + study->high);
    const kr_study_task task = { .side = side,
                                 .value = &middle,
                                 .n_values = 1,
                                 .updates = updates,
                                 .measure = 1,
                                 .every = 1,
                                 .chains = chains };
    return kr_study_spec(study, &task, err);
}

bool kr_study_takes(const kr_study *study, const char *updates)
{
    kr_error why = { 0 };
    kr_spec *spec = middle_spec(study, study->side[0], updates, 2, &why);
    const bool is_good = spec && (spec->reach == 2 || study->has_updates);
    kr_spec_free(spec);
    return is_good;
}

/* The first schedule of a list that the model takes and that reaches every state. */
static bool choose(const kr_study *study, const char *const *list, size_t n, char *updates)
{
    for (size_t k = 0; k < n; k++) {
        if (kr_study_takes(study, list[k])) {
            snprintf(updates, sizeof study->updates, "%s", list[k]);
            return true;
        }
    }
    return false;
}

/* One cluster a step takes long to order a large box, and is quick to disorder it; local moves
 * begin in all phases. */
void kr_study_find_start(kr_study *study)
{
    static const char *const starts[] = { "ordered", "mixed", "random" };
    bool has_clusters = strstr(study->updates, "wolff") != NULL;
    for (int32_t u = 0; study->has_updates && u < study->spec->config.n_updates; u++) {
        has_clusters = has_clusters || strcmp(study->spec->update[u].plug->name, "wolff") == 0;
    }
    for (int k = has_clusters ? 0 : 1; k < 3; k++) {
        study->start = starts[k];
        if (kr_study_takes(study, study->updates)) {
            return;
        }
    }
}

static int find_updates(kr_study *study, kr_error *err)
{
    study->start = "random";
    if (!study->has_updates &&
        (!choose(study, measuring, sizeof measuring / sizeof *measuring, study->updates) ||
         !choose(study, scanning, sizeof scanning / sizeof *scanning, study->scan_updates))) {
        kr_spec *spec = middle_spec(study, study->side[0], measuring[0], 2, err);
        if (spec) { /* it is taken, but reaches some states only */
            kr_fail(
                err, KR_EUNSUP,
                "%s: no update is known that reaches every state of the model, want `updates`",
                study->path);
        }
        kr_spec_free(spec);
        return err->status;
    }
    kr_study_find_start(study);
    return KR_OK;
}

/* A size that cannot be made is told before the work. */
static int check_largest(const kr_study *study, kr_error *err)
{
    kr_spec *spec = middle_spec(study, study->side[study->n_sizes - 1], study->updates,
                                KR_STUDY_CHAINS, err);
    const bool is_made = spec != NULL;
    kr_spec_free(spec);
    return is_made ? KR_OK : err->status;
}

/* The spec of the file; of files without updates with the first that the model takes, and then
 * the file stays beside it for messages. */
static kr_spec *spec_of(kr_study *study, kr_runfile *file, kr_error *err)
{
    kr_text text = { 0 };
    kr_spec *spec = NULL;
    if (!study->has_updates && kr_node_write(file->root, 0, &text, NULL) == KR_OK) {
        for (size_t k = 0; !spec && k < sizeof measuring / sizeof *measuring; k++) {
            kr_error why = { 0 };
            kr_runfile *copy = kr_runfile_parse(file->path, text.data, text.length, &why);
            if (copy && kr_edit_set(copy, &why, "updates=%s", measuring[k]) == KR_OK) {
                spec = kr_spec_alloc(copy, &why);
            } else {
                kr_runfile_free(copy);
            }
        }
    }
    kr_text_clear(&text);
    if (spec) {
        study->written = study->own_written = file;
        return spec;
    }
    spec = kr_spec_alloc(file, err); /* messages with the places of the file itself */
    study->written = spec ? spec->file : NULL;
    return spec;
}

int kr_study_load(kr_study *study, kr_runfile *file, const kr_list *sizes, int32_t n_default,
                  kr_error *err)
{
    kr_error why = { 0 };
    snprintf(study->path, sizeof study->path, "%s", file->path);
    const kr_node *updates = kr_node_get(file->root, "updates");
    study->has_updates = updates && !kr_node_is_null(updates);
    study->spec = spec_of(study, file, err);
    if (!study->spec) {
        return err->status ? err->status : KR_ENOMEM;
    }
    const kr_target *target = &study->spec->target[0];
    study->seed = (int64_t)study->spec->config.seed;
    study->adapt = study->has_updates ? study->spec->config.adapt : 0;
    if (target->terms->action && study->adapt < ADAPT_LEAST) {
        study->adapt = ADAPT_LEAST; /* steps are tuned there */
    }
    study->has_ratio = kr_slices_init(&study->slices, study->name, target, &why) == KR_OK;
    KR_TRY(find_parameter(study, err));
    KR_TRY(find_shape(study, err));
    KR_TRY(kr_study_check_order(study, err));
    KR_TRY(find_sizes(study, sizes, n_default, err));
    kr_study_find_known(study);
    KR_TRY(keep_text(study, err));
    KR_TRY(find_updates(study, err));
    return check_largest(study, err);
}

void kr_study_clear(kr_study *study)
{
    if (study->lock >= 0) {
        close(study->lock);
    }
    kr_spec_free(study->spec);
    kr_runfile_free(study->own_written);
    kr_text_clear(&study->text);
}
