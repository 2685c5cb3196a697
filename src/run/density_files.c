/* SPDX-License-Identifier: GPL-3.0-or-later
 * run/density_files.c - densities of a run kept in files, and such a file in words. */
#include "run/density_files.h"

#include "base/memory.h"
#include "density/stored.h"
#include "model/terms.h"
#include "run/plugs.h"

#include <errno.h>
#include <inttypes.h>
#include <math.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* ---- may the files be written? ----------------------------------------------------------- */

static int check_folder(const char *path, kr_error *why)
{
    const char *slash = strrchr(path, '/');
    char folder[2 * KR_TEXT_MAX] = ".";
    if (slash) {
        snprintf(folder, sizeof folder, "%.*s", (int)(slash - path + 1), path);
    }
    if (access(folder, W_OK | X_OK) != 0) {
        return kr_fail(why, KR_EPARSE, "save: %s: cannot write to the folder: %s", path,
                       strerror(errno));
    }
    return KR_OK;
}

/* The last component of both is the same, in the same folder. */
static bool is_same_name(const char *a, const char *b)
{
    const char *name_a = strrchr(a, '/'), *name_b = strrchr(b, '/');
    char folder_a[2 * KR_TEXT_MAX], folder_b[2 * KR_TEXT_MAX];
    snprintf(folder_a, sizeof folder_a, "%.*s", name_a ? (int)(name_a - a + 1) : 2,
             name_a ? a : "./");
    snprintf(folder_b, sizeof folder_b, "%.*s", name_b ? (int)(name_b - b + 1) : 2,
             name_b ? b : "./");
    return strcmp(name_a ? name_a + 1 : a, name_b ? name_b + 1 : b) == 0 &&
           kr_files_is_same(folder_a, folder_b);
}

/* One of the files of the run itself? They need not exist yet. */
static int check_own(const char *save, const kr_files *run, kr_error *why)
{
    const char *const own[] = { run->output, run->restart, run->previous };
    for (int k = 0; k < 3; k++) {
        if (is_same_name(save, own[k]) || kr_files_is_same(save, own[k])) {
            return kr_fail(why, KR_EPARSE, "save: %s is the %s file, want another name", save,
                           k ? "restart" : "result");
        }
    }
    return KR_OK;
}

/* A mistyped name must not cost a run file or the data of another program. */
static int check_is_density(const char *save, kr_error *why)
{
    kr_error damage = { 0 };
    kr_stored *stored = kr_stored_load(save, &damage);
    kr_stored_free(stored);
    return stored ? KR_OK
                  : kr_fail(why, KR_EPARSE,
                            "save: %s exists and is no density file of kramers, which alone is "
                            "replaced; want another name",
                            save);
}

static int check_path(const kr_density_files *files, int32_t point, const kr_files *run,
                      bool overwrite, kr_error *why)
{
    char save[2 * KR_TEXT_MAX], start[2 * KR_TEXT_MAX];
    struct stat info;
    kr_spec_density_path(files->save, point, save, sizeof save);
    kr_spec_density_path(files->start, point, start, sizeof start);
    KR_TRY(check_folder(save, why));
    KR_TRY(check_own(save, run, why));
    if (stat(save, &info) != 0) {
        return KR_OK;
    }
    if (!S_ISREG(info.st_mode)) {
        return kr_fail(why, KR_EPARSE, "save: %s is no regular file", save);
    }
    if (!overwrite && !kr_files_is_same(save, start)) {
        return kr_fail(why, KR_EPARSE,
                       "save: %s exists, want another name, --overwrite, or start: {file: %s}",
                       save, save);
    }
    return check_is_density(save, why);
}

int kr_density_files_check(const kr_spec *spec, const kr_files *run, bool overwrite,
                           kr_error *err)
{
    for (int32_t d = 0; d < spec->config.n_densities; d++) {
        const kr_density_files *files = &spec->density_files[d];
        for (int32_t p = 0; files->save[0] && p < spec->config.n_points; p++) {
            kr_error why = { 0 };
            if (check_path(files, p, run, overwrite, &why) != KR_OK) {
                const kr_node *map = kr_node_get(kr_node_get(spec->file->root, "densities"),
                                                 spec->density[d].name);
                return kr_runfile_fail(spec->file, kr_node_get(map, "save"), err, why.status,
                                       "%s", why.text);
            }
        }
    }
    return KR_OK;
}

/* ---- writing ----------------------------------------------------------------------------- */

/* The table of networks; *networks NULL where the density has none. Owned by the caller. */
static int copy_networks(const kr_sampler *sampler, int32_t d, int32_t p, int64_t **networks,
                         size_t *n, kr_error *err)
{
    *n = kr_sampler_networks(sampler, d, p, NULL);
    *networks = *n > 0 ? kr_alloc(*n, sizeof **networks, err) : NULL;
    if (*n > 0 && !*networks) {
        return KR_ENOMEM;
    }
    kr_sampler_networks(sampler, d, p, *networks);
    return KR_OK;
}

/* Of all points that one file serves. */
static double least_ess(const kr_spec *spec, const kr_sampler *sampler, int32_t d)
{
    double least = INFINITY;
    for (int32_t p = 0; p < spec->config.n_points; p++) {
        kr_certificate certificate;
        kr_sampler_certificate(sampler, d, p, &certificate);
        least = fmin(least, certificate.ess_q);
    }
    return least;
}

static int64_t most_flow_steps(const kr_spec *spec, const kr_sampler *sampler, int32_t d)
{
    int64_t most = 0;
    kr_learned learned;
    for (int32_t p = 0; p < spec->config.n_points; p++) {
        if (kr_sampler_learned(sampler, d, p, &learned) && learned.flow_steps > most) {
            most = learned.flow_steps;
        }
    }
    return most;
}

/* What the weights of all points are polynomials in, or NULL, with their paths as lines. */
static int name_axes(const kr_sampler *sampler, int32_t d, const kr_scan **scan, kr_text *axes,
                     kr_error *err)
{
    const char *names[KR_AXES_MAX];
    *scan = kr_sampler_scan(sampler, d, names);
    for (int32_t a = 0; *scan && a < (*scan)->n_axes; a++) {
        KR_TRY(kr_text_add(axes, err, "%s\n", names[a]));
    }
    return KR_OK;
}

static void take_scan(const kr_scan *scan, char *axes, const kr_learned *learned, double ess,
                      kr_stored *stored)
{
    stored->scan = *scan;
    stored->axes = axes;
    stored->n_weights = learned->n_weights * (size_t)scan->n_terms;
    stored->weights = (float *)(uintptr_t)learned->theta;
    stored->ess_q = isnan(stored->n_q) ? NAN : ess;
}

/* Of the density, the model and the lattice. */
static int write_fields(const kr_spec *spec, int32_t d, int32_t p, kr_text fields[3],
                        kr_error *err)
{
    const kr_density_entry *entry = &spec->density[d];
    KR_TRY(kr_stored_write_fields(entry->plug->fields, entry->params, &fields[0], err));
    KR_TRY(kr_stored_write_fields(spec->model->fields, spec->model_params[p], &fields[1], err));
    return kr_stored_write_fields(spec->lattice_plug->fields, spec->lattice_params, &fields[2],
                                  err);
}

static int save_point(const kr_spec *spec, const kr_sampler *sampler, int32_t d, int32_t p,
                      bool is_certified, kr_error *err)
{
    const kr_density_entry *entry = &spec->density[d];
    const kr_target *target = &spec->target[p];
    kr_learned learned;
    kr_certificate certificate;
    kr_text fields[3] = { { 0 }, { 0 }, { 0 } }, axes = { 0 };
    char path[2 * KR_TEXT_MAX];
    int64_t *networks = NULL;
    size_t n_networks = 0;
    if (!kr_sampler_learned(sampler, d, p, &learned)) {
        return KR_OK;
    }
    kr_sampler_certificate(sampler, d, p, &certificate);
    int status = write_fields(spec, d, p, fields, err);
    if (status == KR_OK) {
        status = copy_networks(sampler, d, p, &networks, &n_networks, err);
    }
    const kr_scan *scan = NULL;
    if (status == KR_OK && !strchr(spec->density_files[d].save, '*')) {
        status = name_axes(sampler, d, &scan, &axes, err);
    }
    if (status == KR_OK) { /* borrows all: never freed by kr_stored_free */
        const char *const text[KR_STORED_TEXTS] = {
            entry->plug->name,        fields[0].data, spec->model->name, fields[1].data,
            spec->lattice_plug->name, fields[2].data, KR_VERSION,
        };
        kr_stored stored = { .n_sites = target->terms->n_sites,
                             .q = target->terms->q,
                             .structure = kr_stored_structure(target->terms),
                             .beta = target->beta,
                             .n_weights = learned.n_weights,
                             .weights = (float *)(uintptr_t)learned.weights,
                             .n_networks = n_networks,
                             .networks = networks,
                             .steps = learned.steps,
                             .work = learned.work,
                             .flow_steps = learned.flow_steps,
                             .ess_q = is_certified ? certificate.ess_q : NAN,
                             .n_q = is_certified ? certificate.n : NAN };
        for (int k = 0; k < KR_STORED_TEXTS; k++) {
            stored.text[k] = (char *)(uintptr_t)text[k];
        }
        if (scan) {
            stored.flow_steps = most_flow_steps(spec, sampler, d);
            take_scan(scan, axes.data, &learned, least_ess(spec, sampler, d), &stored);
        }
        kr_spec_density_path(spec->density_files[d].save, p, path, sizeof path);
        status = kr_stored_save(&stored, path, err);
    }
    kr_free(networks);
    kr_text_clear(&axes);
    for (int k = 0; k < 3; k++) {
        kr_text_clear(&fields[k]);
    }
    return status;
}

int kr_density_files_save(const kr_spec *spec, const kr_sampler *sampler, bool is_certified,
                          kr_error *err)
{
    for (int32_t d = 0; d < spec->config.n_densities; d++) {
        const char *save = spec->density_files[d].save;
        const int32_t n = !save[0] ? 0 : strchr(save, '*') ? spec->config.n_points : 1;
        for (int32_t p = 0; p < n; p++) {
            KR_TRY(save_point(spec, sampler, d, p, is_certified, err));
        }
    }
    return KR_OK;
}

/* ---- taken over --------------------------------------------------------------------------
 */

void kr_density_files_tell(const kr_spec *spec, const kr_sampler *sampler, FILE *messages)
{
    for (int32_t d = 0; messages && d < spec->config.n_densities; d++) {
        kr_adopted sum = { 0, 0, 0 };
        for (int32_t p = 0; p < spec->config.n_points; p++) {
            kr_learned learned;
            if (kr_sampler_learned(sampler, d, p, &learned)) {
                sum.n_same += learned.adopted.n_same;
                sum.n_near += learned.adopted.n_near;
                sum.n_fresh += learned.adopted.n_fresh;
            }
        }
        if (sum.n_same + sum.n_near > 0) {
            fprintf(messages,
                    "kramers: density %s begins with networks of another lattice: %d the same, "
                    "%d from the most similar, %d fresh\n",
                    spec->density[d].name, sum.n_same, sum.n_near, sum.n_fresh);
        }
    }
}

/* ---- in words ---------------------------------------------------------------------------- */

/* The range of a scanned number, "5 to 6.5", and its length as text; false: not scanned. */
static bool write_range(const kr_stored *s, const char *wanted, size_t length, char *out,
                        size_t size)
{
    for (int32_t a = 0; a < s->scan.n_axes; a++) {
        char path[KR_TEXT_MAX], from[KR_NUMBER_MAX], to[KR_NUMBER_MAX];
        kr_stored_axis(s, a, path, sizeof path);
        if (strlen(path) == length && strncmp(path, wanted, length) == 0) {
            snprintf(out, size, "%s to %s", kr_number_format(s->scan.from[a], from),
                     kr_number_format(s->scan.to[a], to));
            return true;
        }
    }
    return false;
}

/* "frontier {hidden: 32}", numbers that were scanned under `section` as ranges. */
static void show_plug(const kr_stored *s, const char *section, int name, int fields, FILE *out)
{
    const char *first = s->text[fields];
    char label[KR_NAME_MAX];
    snprintf(label, sizeof label, "%s:", section);
    fprintf(out, "%-11s %s", label, s->text[name]);
    for (const char *line = first; *line;) {
        char path[KR_TEXT_MAX], range[2 * KR_NUMBER_MAX + 4];
        const size_t n = strcspn(line, "\n"), key = strcspn(line, ":");
        const int length = snprintf(path, sizeof path, "%s.%.*s", section, (int)key, line);
        fprintf(out, "%s", line == first ? " {" : ", ");
        if (write_range(s, path, (size_t)length, range, sizeof range)) {
            fprintf(out, "%.*s: %s", (int)key, line, range);
        } else {
            fprintf(out, "%.*s", (int)n, line);
        }
        line += n + (line[n] == '\n');
    }
    fprintf(out, "%s\n", *first ? "}" : "");
}

/* A network of a block is no law of whole configurations: it has no ESS_q, and what its moves
 * do depends on the chains. */
static void show_quality(const kr_stored *s, FILE *out)
{
    const kr_density_plug *plug = kr_plug_find(KR_PLUG_DENSITY, s->text[KR_STORED_PLUG]);
    if (plug && plug->flags & KR_DENSITY_BLOCK) {
        fprintf(
            out,
            "%-11s of a block, which has no ESS_q: kramers summary of a run with it has the "
            "acceptance and KL\n",
            "quality:");
    } else if (isnan(s->ess_q)) {
        fprintf(out, "%-11s not measured yet\n", "ESS_q:");
    } else {
        fprintf(out, "%-11s %.4g %% of %.0f samples\n", "ESS_q:", 100.0 * s->ess_q, s->n_q);
    }
}

/* Of a flow in steps, where training doubles them. */
static void show_steps(const kr_stored *s, FILE *out)
{
    if (s->flow_steps > 0) {
        fprintf(out, "%-11s %" PRId64 " of the equation, which the weights ask for%s\n",
                "steps:", s->flow_steps, s->scan.n_axes ? ", at most in the range" : "");
    } else if (strstr(s->text[KR_STORED_FIELDS], "adapt_steps: true")) {
        fprintf(out,
                "%-11s steps is where training began to double them; how many the weights ask "
                "for is in the summary of a run\n",
                "");
    }
}

int kr_density_files_show(const char *path, FILE *out, kr_error *err)
{
    char beta[2 * KR_NUMBER_MAX + 4];
    kr_stored *s = kr_stored_load(path, err);
    if (!s) {
        return err && err->status ? err->status : KR_EIO;
    }
    fprintf(out, "density file %s, version %d, kramers %s\n", path, KR_STORED_VERSION,
            s->text[KR_STORED_PROGRAM]);
    show_plug(s, "density", KR_STORED_PLUG, KR_STORED_FIELDS, out);
    show_steps(s, out);
    show_plug(s, "model", KR_STORED_MODEL, KR_STORED_MODEL_FIELDS, out);
    show_plug(s, "lattice", KR_STORED_LATTICE, KR_STORED_LATTICE_FIELDS, out);
    if (!write_range(s, "beta", 4, beta, sizeof beta)) {
        kr_number_format(s->beta, beta);
    }
    fprintf(out, "%-11s %s\n", "beta:", beta);
    char states[32] = "real variables";
    if (s->q > 0) {
        snprintf(states, sizeof states, "q = %" PRId64, s->q);
    }
    fprintf(out, "%-11s %" PRId64 ", %s, structure %016" PRIx64 "\n", "sites:", s->n_sites,
            states, s->structure);
    fprintf(out, "%-11s %zu\n", "weights:", s->n_weights);
    for (int32_t a = 0; a < s->scan.n_axes; a++) {
        char path_of[KR_TEXT_MAX], from[KR_NUMBER_MAX], to[KR_NUMBER_MAX];
        kr_stored_axis(s, a, path_of, sizeof path_of);
        fprintf(out, "%-11s degree %d in %s, %s to %s\n",
                a ? "" : "conditional:", s->scan.degree, path_of,
                kr_number_format(s->scan.from[a], from), kr_number_format(s->scan.to[a], to));
    }
    fprintf(out, "%-11s %" PRId64 " steps, %.3g nominal CPU-seconds\n", "training:", s->steps,
            s->work);
    show_quality(s, out);
    kr_stored_free(s);
    return KR_OK;
}
