/* SPDX-License-Identifier: GPL-3.0-or-later
 * study/compare_candidates.c - which candidates a system has.
 *
 * Local moves alone and with free symmetry moves; clusters where two states are
 * interchangeable; replica exchange and population annealing where local moves are slow at the
 * target; multicanonical weights where the model knows several phases; densities that need no
 * training where the lattice is narrow; and each density that the run file schedules, with its
 * schedule. What does not apply is told with its reason. */
#include "base/field.h"
#include "base/memory.h"
#include "model/fits.h"
#include "run/plugs.h"
#include "study/compare_private.h"

#include <math.h>
#include <string.h>

#define TEMPERING_STEP    1.2 /* deviations of the energy between neighbors: acceptance 0.4 */
#define ANNEALING_STEP    1.0
#define ANNEALING_PASSES  5
#define POPULATION        1024
#define SYMMETRY_SWEEPS   10 /* heat-bath sweeps per symmetry move, which costs a conversion */
#define FLAT_EVERY        4
#define FLAT_ADAPT        100000
#define CERTIFICATE_LEAST 64

/* ---- what the system is ----------------------------------------------------------------- */

/* Reason in why unless the update takes the target with its defaults. */
bool kr_compare_takes(const kr_compare *study, const char *update, kr_error *why)
{
    const kr_update_plug *plug = kr_plug_find(KR_PLUG_UPDATE, update);
    if (!plug) {
        kr_fail(why, KR_EUNSUP, "%s is not in this program", update);
        return false;
    }
    void *params = kr_alloc(plug->params_size + 1, 1, why);
    bool is_good = params &&
                   (!plug->fields || kr_field_defaults(plug->fields, params, why) == KR_OK) &&
                   kr_update_fits(plug, &study->spec->target[0], params, why);
    kr_free(params);
    return is_good;
}

/* An exchange of states takes m to -m, or moves the overlap: then a random one decorrelates
 * these for nothing. */
static bool has_useful_exchange(const kr_compare *study)
{
    const kr_terms *terms = study->spec->target[0].terms;
    bool has_overlap = strcmp(study->column[study->n_columns - 1].name, "overlap_squared") == 0;
    for (int32_t a = 0; a < terms->q; a++) {
        for (int32_t b = 0; b < a; b++) {
            if (terms->state_class[a] == terms->state_class[b] &&
                (has_overlap ||
                 (terms->order == KR_ORDER_VALUE && terms->value[a] != terms->value[b]))) {
                return true;
            }
        }
    }
    return false;
}

/* Couplings of both signs. */
static bool is_frustrated(const kr_terms *terms)
{
    bool has_positive = false, has_negative = false;
    for (int64_t t = 0; t < terms->n_terms; t++) {
        has_positive |= terms->coupling[t] > 0.0;
        has_negative |= terms->coupling[t] < 0.0;
    }
    return has_positive && has_negative;
}

/* ---- rows ------------------------------------------------------------------------------- */

static kr_compare_row *add_row(kr_compare *study, kr_compare_kind kind, const char *name)
{
    if (study->n_rows == KR_COMPARE_ROWS) {
        return NULL;
    }
    kr_compare_row *row = &study->row[study->n_rows++];
    *row = (kr_compare_row){ .kind = kind, .slowest = -1, .even_rival = -1, .rival_n = -1 };
    row->acceptance = row->ess_q = NAN;
    snprintf(row->name, sizeof row->name, "%.*s", (int)sizeof row->name - 1, name);
    return row;
}

void kr_compare_leave_out(kr_compare *study, kr_compare_kind kind, const char *name,
                          const char *reason)
{
    kr_compare_row *row = add_row(study, kind, name);
    if (row) {
        row->status = KR_COMPARE_LEFT_OUT;
        snprintf(row->note, sizeof row->note, "%.390s", reason);
    }
}

/* Left out at the user's wish: told in the table like any other reason. */
static bool is_unwanted(const kr_compare *study, kr_compare_row *row)
{
    const kr_compare_options *o = study->options;
    for (int32_t k = 0; k < o->n_without; k++) {
        if (strstr(row->name, o->without[k])) {
            row->status = KR_COMPARE_LEFT_OUT;
            snprintf(row->note, sizeof row->note, "--without %.300s", o->without[k]);
            return true;
        }
    }
    return false;
}

int kr_compare_check_without(const kr_compare *study, kr_error *err)
{
    static const char *const known =
        "heat_bath, heat_bath + symmetry, heat_bath + wolff + symmetry, heat_bath + "
        "swendsen_wang + symmetry, tempering + houdayer, population_annealing, multicanonical, "
        "independence (transfer_matrix), independence (mps), as scheduled";
    const kr_compare_options *o = study->options;
    for (int32_t k = 0; k < o->n_without; k++) {
        const bool is_real = study->spec->target[0].terms->action != NULL;
        bool is_known = strstr(is_real ? kr_compare_real_names : known, o->without[k]);
        for (int32_t d = 0; d < study->spec->config.n_densities; d++) {
            char name[2 * KR_NAME_MAX + 24];
            snprintf(name, sizeof name, "as scheduled: %s (%s)", study->spec->density[d].name,
                     study->spec->density[d].plug->name);
            is_known = is_known || strstr(name, o->without[k]);
        }
        if (!is_known) {
            return kr_fail(err, KR_EINVAL,
                           "--without: no candidate holds \"%s\", want a part of one of: %s",
                           o->without[k], is_real ? kr_compare_real_names : known);
        }
    }
    return KR_OK;
}

/* "heat_bath x 3 + wolff" */
static void describe_schedule(const kr_spec *spec, char *text, size_t size)
{
    size_t n = 0;
    for (int32_t u = 0; u < spec->config.n_updates && n < size; u++) {
        const kr_schedule_entry *e = &spec->update[u];
        char sweeps[32] = "", density[KR_NAME_MAX + 8] = "";
        if (e->sweeps > 1) {
            snprintf(sweeps, sizeof sweeps, " x %lld", (long long)e->sweeps);
        }
        if (e->density >= 0) {
            snprintf(density, sizeof density, " (%s)", spec->density[e->density].plug->name);
        }
        int more = snprintf(text + n, size - n, "%s%s%s%s", u ? " + " : "", e->plug->name,
                            density, sweeps);
        n += more > 0 ? (size_t)more : 0;
    }
}

static void report(const kr_compare *study, const kr_compare_row *row)
{
    FILE *out = study->options->messages;
    if (!out) {
        return;
    }
    if (row->status == KR_COMPARE_LEFT_OUT) {
        fprintf(out, "kramers: compare: %s: left out: %s\n", row->name, row->note);
    } else {
        fprintf(out, "kramers: compare: %s: %.1f s of set-up, %.1f s of measuring\n", row->name,
                row->set_up_cpu_s, row->sample_cpu_s);
    }
    fflush(out);
}

/* Builds the spec of an edited file, which it takes, and measures. */
static int measure_file(kr_compare *study, kr_compare_row *row, kr_runfile *file,
                        kr_compare_task *task, kr_error *err)
{
    kr_error why = { 0 };
    task->row = row;
    task->group = task->group ? task->group : 1;
    task->spec = kr_spec_alloc(file, &why);
    if (!task->spec) {
        row->status = KR_COMPARE_LEFT_OUT;
        snprintf(row->note, sizeof row->note, "%.*s", (int)strcspn(why.text, "\n"), why.text);
        return why.status == KR_ENOMEM ? kr_fail(err, KR_ENOMEM, "%s", why.text) : KR_OK;
    }
    describe_schedule(task->spec, row->schedule, sizeof row->schedule);
    int status = kr_compare_measure(study, task, err);
    kr_spec_free(task->spec);
    report(study, row);
    return status;
}

/* Measures the system without its schedule, edited; prototype: what is known of the task. */
int kr_compare_candidate(kr_compare *study, kr_compare_kind kind, const char *name,
                         kr_compare_edit edit, const char *more, kr_compare_task task,
                         kr_error *err)
{
    kr_compare_row *row = add_row(study, kind, name);
    if (!row || is_unwanted(study, row) || kr_compare_must_stop(study)) {
        return KR_OK;
    }
    kr_runfile *file = kr_compare_file(study, true, err);
    int status = file ? edit(study, file, more, err) : KR_ENOMEM;
    if (status != KR_OK) {
        kr_runfile_free(file);
        return status;
    }
    if (kind == KR_COMPARE_TEMPERING || kind == KR_COMPARE_ANNEALING) {
        row->set_up_cpu_s = study->scan.cpu_s;
    }
    return measure_file(study, row, file, &task, err);
}

/* ---- local and cluster moves ------------------------------------------------------------ */

static int edit_local(const kr_compare *study, kr_runfile *file, const char *more,
                      kr_error *err)
{
    (void)more;
    (void)study;
    return kr_edit_set(file, err, "updates=[heat_bath]");
}

static int edit_symmetry(const kr_compare *study, kr_runfile *file, const char *more,
                         kr_error *err)
{
    (void)more;
    (void)study;
    return kr_edit_set(file, err, "updates=[{name: heat_bath, sweeps: %d}, symmetry]",
                       SYMMETRY_SWEEPS);
}

static int edit_cluster(const kr_compare *study, kr_runfile *file, const char *update,
                        kr_error *err)
{
    return kr_edit_set(file, err, "updates=[heat_bath, %s%s]", update,
                       kr_compare_takes(study, "symmetry", NULL) ? ", symmetry" : "");
}

static int edit_wolff(const kr_compare *study, kr_runfile *file, const char *more,
                      kr_error *err)
{
    (void)more;
    return edit_cluster(study, file, "wolff", err);
}

static int edit_wolff_alone(const kr_compare *study, kr_runfile *file, const char *more,
                            kr_error *err)
{
    (void)more;
    (void)study;
    return kr_edit_set(file, err, "updates=[heat_bath, wolff]");
}

static int edit_swendsen_wang(const kr_compare *study, kr_runfile *file, const char *more,
                              kr_error *err)
{
    (void)more;
    return edit_cluster(study, file, "swendsen_wang", err);
}

static int local_candidates(kr_compare *study, kr_error *err)
{
    const kr_compare_task task = { .every = 0 };
    kr_error why = { 0 };
    KR_TRY(kr_compare_candidate(study, KR_COMPARE_LOCAL, "heat_bath", edit_local, NULL, task,
                                err));
    bool is_symmetric = kr_compare_takes(study, "symmetry", &why);
    if (is_symmetric) {
        KR_TRY(kr_compare_candidate(study, KR_COMPARE_LOCAL, "heat_bath + symmetry",
                                    edit_symmetry, NULL, task, err));
    } else {
        kr_compare_leave_out(study, KR_COMPARE_LOCAL, "heat_bath + symmetry", why.text);
    }
    why = (kr_error){ 0 };
    if (!kr_compare_takes(study, "wolff", &why)) {
        kr_compare_leave_out(study, KR_COMPARE_CLUSTER, "heat_bath + wolff", why.text);
    } else {
        KR_TRY(kr_compare_candidate(study, KR_COMPARE_CLUSTER, "heat_bath + wolff",
                                    edit_wolff_alone, NULL, task, err));
    }
    if (is_symmetric && kr_compare_takes(study, "wolff", NULL)) {
        KR_TRY(kr_compare_candidate(study, KR_COMPARE_CLUSTER, "heat_bath + wolff + symmetry",
                                    edit_wolff, NULL, task, err));
    }
    why = (kr_error){ 0 };
    const char *name =
        is_symmetric ? "heat_bath + swendsen_wang + symmetry" : "heat_bath + swendsen_wang";
    if (!kr_compare_takes(study, "swendsen_wang", &why)) {
        kr_compare_leave_out(study, KR_COMPARE_CLUSTER, name, why.text);
        return KR_OK;
    }
    return kr_compare_candidate(study, KR_COMPARE_CLUSTER, name, edit_swendsen_wang, NULL, task,
                                err);
}

/* ---- many temperatures ------------------------------------------------------------------ */

int kr_compare_set_ladder(const kr_compare *study, kr_runfile *file, bool from_zero,
                          double step, kr_error *err)
{
    const kr_compare_scan *scan = &study->scan;
    double beta[KR_COMPARE_LADDER];
    double from = scan->beta[from_zero ? 0 : kr_compare_scan_hot(scan)];
    int32_t n = kr_compare_ladder(scan->beta, scan->deviation, scan->n, from,
                                  scan->beta[scan->n - 1], step, beta, KR_COMPARE_LADDER);
    beta[n - 1] = study->spec->target[0].beta;
    return kr_edit_set_list(file, "beta", beta, n, err);
}

static int edit_exchange(const kr_compare *study, kr_runfile *file, const char *more,
                         kr_error *err)
{
    bool flips = has_useful_exchange(study);
    KR_TRY(kr_compare_set_ladder(study, file, false, TEMPERING_STEP, err));
    KR_TRY(kr_edit_set(file, err, "tempering={ladder: auto, pilot: 400, iterations: 4}"));
    return kr_edit_set(file, err, "updates=[{name: heat_bath, sweeps: 2}%s%s]",
                       flips ? ", symmetry" : "", more);
}

static int edit_tempering(const kr_compare *study, kr_runfile *file, const char *more,
                          kr_error *err)
{
    (void)more;
    return edit_exchange(study, file, "", err);
}

static int edit_houdayer(const kr_compare *study, kr_runfile *file, const char *more,
                         kr_error *err)
{
    (void)more;
    return edit_exchange(study, file, ", houdayer", err);
}

static int edit_annealing(const kr_compare *study, kr_runfile *file, const char *more,
                          kr_error *err)
{
    (void)more;
    long long chains = (long long)study->spec->config.n_chains;
    KR_TRY(kr_compare_set_ladder(study, file, true, ANNEALING_STEP, err));
    KR_TRY(kr_edit_set(file, err, "chains=%lld", chains < POPULATION ? POPULATION : chains));
    KR_TRY(kr_edit_set(file, err, "start=random"));
    KR_TRY(kr_edit_set(file, err, "phases={thermalize: 0, every: %d, measure: 1000}",
                       ANNEALING_PASSES));
    KR_TRY(kr_compare_set_observables(study, file, false, false, err));
    KR_TRY(kr_edit_set(file, err, "population_annealing={}"));
    return kr_edit_set(file, err, "updates=[heat_bath]");
}

static int edit_flat(const kr_compare *study, kr_runfile *file, const char *more, kr_error *err)
{
    (void)more;
    bool flips = has_useful_exchange(study);
    KR_TRY(kr_compare_set_observables(study, file, true, false, err));
    KR_TRY(kr_edit_set(file, err, "phases.adapt=%d", FLAT_ADAPT));
    KR_TRY(kr_edit_set(file, err, "multicanonical={}"));
    return kr_edit_set(file, err, "updates=[multicanonical%s]", flips ? ", symmetry" : "");
}

static int ladder_candidates(kr_compare *study, kr_error *err)
{
    const kr_terms *terms = study->spec->target[0].terms;
    const kr_compare_scan *scan = &study->scan;
    kr_compare_task task = { .every = 0 };
    if (kr_compare_scan_hot(scan) == scan->n - 1) {
        char why[160];
        snprintf(why, sizeof why,
                 "local moves are fast at this temperature (tau_int = %.2g sweeps)",
                 scan->tau[scan->n - 1]);
        kr_compare_leave_out(study, KR_COMPARE_TEMPERING, "tempering", why);
        kr_compare_leave_out(study, KR_COMPARE_ANNEALING, "population_annealing", why);
        return KR_OK;
    }
    KR_TRY(kr_compare_candidate(study, KR_COMPARE_TEMPERING, "tempering", edit_tempering, NULL,
                                task, err));
    bool is_planar = study->spec->lattice->dim == 2 && is_frustrated(terms);
    if (is_planar && kr_compare_takes(study, "houdayer", NULL)) {
        task.group = 2;
        KR_TRY(kr_compare_candidate(study, KR_COMPARE_TEMPERING, "tempering + houdayer",
                                    edit_houdayer, NULL, task, err));
    }
    task = (kr_compare_task){ .every = ANNEALING_PASSES };
    return kr_compare_candidate(study, KR_COMPARE_ANNEALING, "population_annealing",
                                edit_annealing, NULL, task, err);
}

static int flat_candidate(kr_compare *study, kr_error *err)
{
    const kr_compare_task task = { .has_set_up = true, .every = FLAT_EVERY };
    if (study->spec->target[0].terms->n_phases < 2) {
        kr_compare_leave_out(study, KR_COMPARE_FLAT, "multicanonical",
                             "the model names no phases");
        return KR_OK;
    }
    return kr_compare_candidate(study, KR_COMPARE_FLAT, "multicanonical", edit_flat, NULL, task,
                                err);
}

/* ---- densities -------------------------------------------------------------------------- */

static int edit_transfer(const kr_compare *study, kr_runfile *file, const char *more,
                         kr_error *err)
{
    (void)more;
    (void)study;
    KR_TRY(kr_edit_set(file, err, "densities={strip: transfer_matrix}"));
    KR_TRY(kr_edit_set(file, err, "training.certificate=%d", CERTIFICATE_LEAST));
    return kr_edit_set(file, err, "updates=[{name: independence, density: strip}]");
}

static int edit_mps(const kr_compare *study, kr_runfile *file, const char *more, kr_error *err)
{
    (void)more;
    (void)study;
    KR_TRY(kr_edit_set(file, err, "densities={slices: mps}"));
    KR_TRY(kr_edit_set(file, err, "training.certificate=%d", CERTIFICATE_LEAST));
    return kr_edit_set(file, err, "updates=[heat_bath, {name: independence, density: slices}]");
}

/* Not scheduled in the file already. */
static int exact_density(kr_compare *study, const char *plug_name, kr_compare_edit edit,
                         kr_error *err)
{
    const kr_density_plug *plug = kr_plug_find(KR_PLUG_DENSITY, plug_name);
    const kr_compare_task task = { .has_set_up = true, .every = 1 };
    char name[KR_NAME_MAX + 24];
    kr_error why = { 0 };
    for (int32_t d = 0; plug && d < study->spec->config.n_densities; d++) {
        plug = study->spec->density[d].plug == plug ? NULL : plug;
    }
    if (!plug) {
        return KR_OK;
    }
    snprintf(name, sizeof name, "independence (%s)", plug_name);
    void *params = kr_alloc(plug->params_size + 1, 1, err);
    int status = params && plug->fields ? kr_field_defaults(plug->fields, params, err) : KR_OK;
    bool is_good = params && status == KR_OK &&
                   kr_density_fits(plug, &study->spec->target[0], params, &why);
    kr_free(params);
    if (!is_good) {
        kr_compare_leave_out(study, KR_COMPARE_EXACT, name, why.text);
        return status;
    }
    return kr_compare_candidate(study, KR_COMPARE_EXACT, name, edit, NULL, task, err);
}

/* The schedule of the file for one of its densities: entries of the others are left out. */
static int scheduled(kr_compare *study, int32_t density, kr_error *err)
{
    const kr_spec *spec = study->spec;
    const kr_density_entry *entry = &spec->density[density];
    bool is_learned = entry->plug->flags & KR_DENSITY_TRAINABLE;
    kr_compare_task task = { .has_set_up = true,
                             .thermalize = spec->config.thermalize,
                             .every = 1 };
    char name[2 * KR_NAME_MAX + 24];
    snprintf(name, sizeof name, "as scheduled: %s (%s)", entry->name, entry->plug->name);
    kr_compare_row *row =
        add_row(study, is_learned ? KR_COMPARE_LEARNED : KR_COMPARE_EXACT, name);
    if (!row || is_unwanted(study, row) || kr_compare_must_stop(study)) {
        return KR_OK;
    }
    kr_runfile *file = kr_compare_file(study, false, err);
    if (!file) {
        return KR_ENOMEM;
    }
    kr_node *list = kr_node_get(file->root, "updates");
    kr_node *map = kr_node_get(file->root, "densities");
    int32_t n = 0;
    for (int32_t u = 0; u < spec->config.n_updates; u++) {
        if (spec->update[u].density < 0 || spec->update[u].density == density) {
            list->child[n++] = list->child[u];
            task.group =
                spec->update[u].plug->flags & KR_UPDATE_COUPLES_CHAINS ? 2 : task.group;
        }
    }
    list->n = n;
    if (!is_learned && kr_edit_set(file, err, "training.while_measuring=none") != KR_OK) {
        kr_runfile_free(file);
        return err && err->status ? err->status : KR_ENOMEM;
    }
    map->key[0] = map->key[density];
    map->child[0] = map->child[density];
    map->n = 1;
    return measure_file(study, row, file, &task, err);
}

/* A schedule of its own without densities, unless it is a candidate anyhow. */
static int classical_schedule(kr_compare *study, kr_error *err)
{
    const kr_spec *spec = study->spec;
    const kr_sampler_config *c = &spec->config;
    kr_compare_task task = { .every = 0 };
    if (!study->has_schedule || c->n_densities > 0 ||
        (c->n_updates == 1 && strcmp(spec->update[0].plug->name, "heat_bath") == 0)) {
        return KR_OK;
    }
    kr_compare_row *row = add_row(study, KR_COMPARE_LOCAL, "as scheduled");
    if (!row || is_unwanted(study, row) || kr_compare_must_stop(study)) {
        return KR_OK;
    }
    for (int32_t u = 0; u < c->n_updates; u++) {
        task.group = spec->update[u].plug->flags & KR_UPDATE_COUPLES_CHAINS ? 2 : task.group;
    }
    kr_runfile *file = kr_compare_file(study, false, err);
    return file ? measure_file(study, row, file, &task, err) : KR_ENOMEM;
}

static bool is_scheduled(const kr_spec *spec, int32_t density)
{
    for (int32_t u = 0; u < spec->config.n_updates; u++) {
        if (spec->update[u].density == density) {
            return true;
        }
    }
    return false;
}

int kr_compare_candidates(kr_compare *study, kr_error *err)
{
    KR_TRY(kr_compare_scan_run(study, err));
    if (study->spec->target[0].terms->action) {
        KR_TRY(kr_compare_real_candidates(study, err));
    } else {
        KR_TRY(local_candidates(study, err));
        KR_TRY(ladder_candidates(study, err));
        KR_TRY(flat_candidate(study, err));
        KR_TRY(exact_density(study, "transfer_matrix", edit_transfer, err));
        KR_TRY(exact_density(study, "mps", edit_mps, err));
    }
    KR_TRY(classical_schedule(study, err));
    for (int32_t d = 0; d < study->spec->config.n_densities; d++) {
        if (study->has_schedule && is_scheduled(study->spec, d)) {
            KR_TRY(scheduled(study, d, err));
        }
    }
    return KR_OK;
}
