/* SPDX-License-Identifier: GPL-3.0-or-later
 * analysis/reweight_source.c - the result files that are reweighted together. */
#include "analysis/reweight_source.h"

#include "base/memory.h"

#include <math.h>
#include <string.h>

enum { NAMES_MOST = 16 };

void kr_reweight_source_clear(kr_reweight_source *s)
{
    kr_runfile_free(s->file);
    kr_points_clear(&s->points);
    kr_free(s->flat.log_w);
    *s = (kr_reweight_source){ 0 };
}

/* Outside the table as model/flat.h has it. */
double kr_reweight_flat_log_w(const kr_reweight_flat *f, double energy)
{
    const double x = (energy - f->e_min) / f->width + (f->is_level ? 0.5 : 0.0);
    const double n = (double)f->n_bins;
    if (f->is_level && x >= 0.0 && x < n) {
        return f->log_w[(int64_t)x];
    }
    if (!f->is_level && x >= 0.0 && x < n - 1.0) {
        const int64_t k = (int64_t)x;
        return f->log_w[k] + (x - (double)k) * (f->log_w[k + 1] - f->log_w[k]);
    }
    const double e_max = f->e_min + f->width * (n - 1.0);
    return x < 0.5 * n ? f->log_w[0] - f->beta_low * (energy - f->e_min)
                       : f->log_w[f->n_bins - 1] - f->beta_high * (energy - e_max);
}

/* ---- one file -----------------------------------------------------------------------------
 */

static int check_kind(const kr_reweight_source *s, kr_error *err)
{
    static const struct {
        const char *name, *what;
    } others[] = {
        { "log_z_ratio", "population annealing, which gives log Z itself" },
        { "path_slope", "a path of actions, whose log Z summary gives" },
    };
    for (size_t k = 0; k < sizeof others / sizeof *others; k++) {
        if (kr_series_exists(s->reader, "sample_stats", others[k].name)) {
            return kr_fail(err, KR_EUNSUP,
                           "reweight: %s is of %s, want independent or exchanging chains, or "
                           "a multicanonical run",
                           s->path, others[k].what);
        }
    }
    return KR_OK;
}

static int load_flat(kr_reweight_source *s, kr_error *err)
{
    static const char group[] = "density_of_states";
    kr_reweight_flat *f = &s->flat;
    const struct {
        const char *name;
        double *value;
    } row[] = { { "e_min", &f->e_min },
                { "width", &f->width },
                { "beta_low", &f->beta_low },
                { "beta_high", &f->beta_high } };
    double is_level = 0.0;
    bool is_known = kr_reader_attr_real(s->reader, group, "", "is_level", &is_level);
    for (size_t k = 0; k < sizeof row / sizeof *row; k++) {
        is_known = kr_reader_attr_real(s->reader, group, "", row[k].name, row[k].value) &&
                   isfinite(*row[k].value) && is_known;
    }
    if (!is_known || !(f->width > 0.0)) {
        return kr_fail(err, KR_EUNSUP,
                       "reweight: %s does not say how its multicanonical weights go on outside "
                       "their table, want a file of this version or a newer one",
                       s->path);
    }
    int n_dims = 0;
    int64_t shape[KR_DIMS_MAX] = { 0 };
    f->is_level = is_level > 0.0;
    f->log_w = kr_reader_read(s->reader, group, "log_w", &n_dims, shape, NULL, err);
    f->n_bins = shape[0];
    if (!f->log_w) {
        return KR_EIO;
    }
    bool is_good = n_dims == 1 && f->n_bins >= 2 && s->n_points == 1;
    for (int64_t k = 0; is_good && k < f->n_bins; k++) {
        is_good = isfinite(f->log_w[k]);
    }
    return is_good ? KR_OK
                   : kr_fail(err, KR_EUNSUP,
                             "reweight: %s: density_of_states/log_w is no table", s->path);
}

/* The energy of the draws, and with it how many there are. */
static int find_energy(kr_reweight_source *s, kr_error *err)
{
    static const char *const row[][2] = { { "sample_stats", "energy" },
                                          { "posterior", "energy_per_site" },
                                          { "sample_stats", "lp" } };
    kr_series shape;
    const bool is_flat = kr_series_exists(s->reader, "sample_stats", "log_weight");
    for (size_t k = is_flat ? 0 : 1; k < sizeof row / sizeof *row && !s->energy_name; k++) {
        if (kr_series_exists(s->reader, row[k][0], row[k][1])) {
            s->energy_group = row[k][0];
            s->energy_name = row[k][1];
        }
    }
    if (!s->energy_name ||
        kr_series_open(s->reader, s->energy_group, s->energy_name, &shape, err) != KR_OK) {
        return kr_fail(err, KR_EUNSUP, "reweight: no energy in %s, want the observable energy",
                       s->path);
    }
    s->n_chains = shape.n_chains;
    s->n_draws = shape.n_draws;
    s->n_points = shape.n_points;
    kr_series_clear(&shape);
    double coupled = 1.0;
    kr_reader_attr_real(s->reader, "posterior", "", "chains_coupled", &coupled);
    s->coupled = coupled == 2.0 ? 2 : 1;
    s->n_rows = (s->n_chains + s->coupled - 1) / s->coupled;
    return is_flat ? load_flat(s, err) : KR_OK;
}

static int load_one(kr_reweight_source *s, kr_error *err)
{
    const char *text = NULL;
    KR_TRY(check_kind(s, err));
    KR_TRY(find_energy(s, err));
    if (kr_reader_attr_text(s->reader, "", "", "run_file", &text)) {
        kr_error none = { 0 };
        s->file = kr_runfile_parse(s->path, text, strlen(text), &none);
    }
    return kr_points_load(s->reader, s->n_points, &s->points, err);
}

/* ---- one system ---------------------------------------------------------------------------
 */

static bool is_scanned(const kr_reweight_source *s, const char *path)
{
    for (int k = 0; k < s->points.n_params; k++) {
        if (strcmp(s->points.name[k], path) == 0) {
            return true;
        }
    }
    return false;
}

static bool is_number(const kr_node *node, double *value)
{
    return node && node->kind == KR_NODE_SCALAR && !node->is_quoted && node->text &&
           kr_number_real(node->text, value, NULL) == KR_OK;
}

/* Whether both models are equal but for numbers; different: the first path where not. */
static bool same_model(const kr_reweight_source *a, const kr_reweight_source *b,
                       const kr_node *x, const kr_node *y, const char *path,
                       char different[KR_SERIES_NAME])
{
    double number;
    if (is_scanned(a, path) || is_scanned(b, path) || kr_node_is_same(x, y) ||
        (is_number(x, &number) && is_number(y, &number) && !strstr(path, "seed"))) {
        return true;
    }
    if (!x || !y || x->kind != KR_NODE_MAP || y->kind != KR_NODE_MAP || x->n != y->n) {
        snprintf(different, KR_SERIES_NAME, "%s", path);
        return false;
    }
    for (int32_t k = 0; k < x->n; k++) {
        char below[KR_SERIES_NAME];
        snprintf(below, sizeof below, "%.60s.%.30s", path, x->key[k]->text);
        if (!same_model(a, b, x->child[k], kr_node_get(y, x->key[k]->text), below, different)) {
            return false;
        }
    }
    return true;
}

static double sites_of(const kr_reweight_source *s)
{
    double n = 0.0;
    return kr_reader_attr_real(s->reader, "posterior", "", "n_sites", &n) ? n : 0.0;
}

static int check_pair(const kr_reweight_source *a, const kr_reweight_source *b, kr_error *err)
{
    char different[KR_SERIES_NAME] = "";
    double seed[2];
    if (!a->file || !b->file) {
        return kr_fail(err, KR_EUNSUP,
                       "reweight: %s holds no run file, which tells whether files are of one "
                       "system",
                       a->file ? b->path : a->path);
    }
    const kr_node *x = a->file->root, *y = b->file->root;
    if (!kr_node_is_same(kr_node_get(x, "lattice"), kr_node_get(y, "lattice")) ||
        sites_of(a) != sites_of(b)) { /* the file of a graph may have changed */
        return kr_fail(err, KR_EUNSUP,
                       "reweight: %s and %s differ in their lattices, want one system", a->path,
                       b->path);
    }
    if (!same_model(a, b, kr_node_get(x, "model"), kr_node_get(y, "model"), "model",
                    different)) {
        return kr_fail(err, KR_EUNSUP, "reweight: %s and %s differ in %s, want one system",
                       a->path, b->path, different);
    }
    if (is_number(kr_node_get(x, "seed"), &seed[0]) &&
        is_number(kr_node_get(y, "seed"), &seed[1]) && seed[0] == seed[1]) {
        return kr_fail(err, KR_EUNSUP,
                       "reweight: %s and %s both have seed %.0f, want differing seeds, for "
                       "draws from the same random numbers are not independent",
                       a->path, b->path, seed[0]);
    }
    return KR_OK;
}

int kr_reweight_sources_load(kr_reader *const *readers, const char *const *paths, int n,
                             kr_reweight_source *source, kr_error *err)
{
    int placed = 0;
    int64_t first = 0;
    for (int pass = 0; pass < 2; pass++) { /* canonical points come first */
        for (int k = 0; k < n; k++) {
            if (kr_series_exists(readers[k], "sample_stats", "log_weight") == (pass == 1)) {
                source[placed].reader = readers[k];
                source[placed++].path = paths[k];
            }
        }
    }
    for (int k = 0; k < n; k++) {
        KR_TRY(load_one(&source[k], err));
        source[k].first = first;
        first += source[k].n_points;
        for (int j = 0; j < k; j++) {
            KR_TRY(check_pair(&source[j], &source[k], err));
        }
    }
    return KR_OK;
}

/* ---- numbers ------------------------------------------------------------------------------
 */

double kr_reweight_source_value(const kr_reweight_source *s, const char *name, int64_t p)
{
    char path[KR_SERIES_NAME + 8];
    double value = NAN;
    if (strcmp(name, "beta") == 0) {
        return kr_series_constant(s->reader, "constant_data", "beta", p);
    }
    snprintf(path, sizeof path, "model.%s", name);
    for (int k = 0; k < s->points.n_params; k++) {
        const char *full = s->points.name[k];
        if (strcmp(full, name) == 0 || strcmp(full, path) == 0) {
            return s->points.value[k * s->points.n + p];
        }
    }
    const kr_node *node = s->file ? kr_node_find(s->file->root, path, strlen(path)) : NULL;
    return is_number(node, &value) ? value : NAN;
}

typedef struct names {
    int n;
    char name[NAMES_MOST][KR_SERIES_NAME]; /* without `model.` */
} names;

static void add_name(names *list, const char *full)
{
    const char *name = strncmp(full, "model.", 6) == 0 ? full + 6 : full;
    for (int k = 0; k < list->n; k++) {
        if (strcmp(list->name[k], name) == 0) {
            return;
        }
    }
    if (list->n < NAMES_MOST) {
        snprintf(list->name[list->n++], KR_SERIES_NAME, "%s", name);
    }
}

/* Numbers of the model that two run files have otherwise. */
static void add_differing(names *list, const kr_node *x, const kr_node *y, const char *path)
{
    double a, b;
    if (is_number(x, &a) && is_number(y, &b)) {
        if (a != b) {
            add_name(list, path);
        }
        return;
    }
    for (int32_t k = 0; x && y && x->kind == KR_NODE_MAP && k < x->n; k++) {
        char below[KR_SERIES_NAME];
        snprintf(below, sizeof below, "%.60s.%.30s", path, x->key[k]->text);
        add_differing(list, x->child[k], kr_node_get(y, x->key[k]->text), below);
    }
}

static bool varies(const kr_reweight_source *source, int n, const char *name)
{
    const double first = kr_reweight_source_value(&source[0], name, 0);
    for (int k = 0; k < n; k++) {
        for (int64_t p = 0; p < source[k].n_points; p++) {
            if (kr_reweight_source_value(&source[k], name, p) != first) {
                return true;
            }
        }
    }
    return false;
}

/* beta of a multicanonical run is a number that its law does not have. */
static int n_canonical(const kr_reweight_source *source, int n)
{
    int found = 0;
    while (found < n && !source[found].flat.log_w) {
        found++;
    }
    return found;
}

int kr_reweight_find_varying(const kr_reweight_source *source, int n, int most,
                             char (*name)[KR_SERIES_NAME], int *n_names, kr_error *err)
{
    names list = { .n = 1, .name = { "beta" } };
    for (int k = 0; k < n; k++) {
        for (int j = 0; j < source[k].points.n_params; j++) {
            add_name(&list, source[k].points.name[j]);
        }
        if (k > 0) {
            add_differing(&list, kr_node_get(source[0].file->root, "model"),
                          kr_node_get(source[k].file->root, "model"), "model");
        }
    }
    *n_names = 0;
    for (int k = 0; k < list.n; k++) {
        const int among = k == 0 ? n_canonical(source, n) : n;
        if (among == 0 || !varies(source, among, list.name[k])) {
            continue;
        }
        if (*n_names == most) {
            return kr_fail(err, KR_EUNSUP,
                           "reweight: the points differ in %s, %s and %s, want beta and one "
                           "number of the model at most",
                           name[0], name[most - 1], list.name[k]);
        }
        snprintf(name[(*n_names)++], KR_SERIES_NAME, "%s", list.name[k]);
    }
    return KR_OK;
}
