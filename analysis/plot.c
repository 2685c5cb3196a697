/* SPDX-License-Identifier: GPL-3.0-or-later
 * analysis/plot.c - figures of result files by gnuplot: arguments, files, common parts. */
#include "analysis/plot.h"

#include "analysis/analysis.h"
#include "base/memory.h"

#include <math.h>
#include <string.h>

bool kr_plot_is_constant(double low, double high)
{
    return !(high - low > 1e-9 * fmax(fabs(low), fabs(high)));
}

int kr_plot_columns(kr_reader *reader, char name[2][KR_SERIES_NAME])
{
    static const char *const order[] = { "magnetization_per_site", "order_parameter",
                                         "abs_magnetization_per_site" };
    int n = 0;
    if (kr_series_exists(reader, "posterior", "energy_per_site")) {
        snprintf(name[n++], KR_SERIES_NAME, "energy_per_site");
    }
    for (int k = 0; k < 3; k++) {
        if (kr_series_exists(reader, "posterior", order[k])) {
            snprintf(name[n++], KR_SERIES_NAME, "%s", order[k]);
            break;
        }
    }
    return n;
}

void kr_plot_label(kr_reader *reader, const char *column, char *out, size_t size)
{
    char unit[64];
    kr_series_text(reader, "posterior", column, "units", unit, sizeof unit);
    bool has_unit = unit[0] && strcmp(unit, "1") != 0;
    snprintf(out, size, "%s%s%s%s", column, has_unit ? " [" : "", has_unit ? unit : "",
             has_unit ? "]" : "");
    for (char *c = out; *c; c++) {
        *c = *c == '_' ? ' ' : *c;
    }
}

void kr_plot_draw_label(const kr_source *source, char *out, size_t size)
{
    if (isfinite(source->every)) {
        snprintf(out, size, "draw (every %.0f step%s)", source->every,
                 source->every == 1.0 ? "" : "s");
    } else {
        snprintf(out, size, "draw");
    }
}

int kr_plot_load(const kr_source *source, const char *name, kr_series *series, kr_error *err)
{
    KR_TRY(kr_series_open(source->reader, "posterior", name, series, err));
    const int64_t row = series->n_chains * series->n_points;
    const int64_t fit = row > 0 ? KR_PLOT_VALUES / row : 0;
    const int64_t most = fit > KR_PLOT_DRAWS ? fit : KR_PLOT_DRAWS;
    series->n_draws = series->n_draws < most ? series->n_draws : most;
    series->length = series->n_draws;
    int status = kr_series_next(series, err);
    int64_t n = row * series->n_draws, n_finite = 0;
    for (int64_t k = 0; k < n && status == KR_OK; k++) {
        n_finite += isfinite(series->value[k]);
    }
    if (status == KR_OK && (n == 0 || n_finite < n)) {
        status =
            kr_fail(err, KR_EUNSUP, "%s: %s of %s, want at least one draw, all finite",
                    source->path, n == 0 ? "no draws" : "values that are not finite", name);
    }
    if (status != KR_OK) {
        kr_series_clear(series);
    }
    return status;
}

int kr_plot_load_columns(const kr_source *source, char name[2][KR_SERIES_NAME], int n,
                         kr_series *series, kr_error *err)
{
    for (int k = 0; k < n; k++) {
        KR_TRY(kr_plot_load(source, name[k], &series[k], err));
        if (series[k].n_chains != series[0].n_chains ||
            series[k].n_draws != series[0].n_draws ||
            series[k].n_points != series[0].n_points) {
            return kr_fail(err, KR_EUNSUP,
                           "%s: posterior/%s: its shape differs from that of %s", source->path,
                           name[k], name[0]);
        }
    }
    return KR_OK;
}

void kr_plot_tell_cut(const kr_series *series, char *title, size_t size)
{
    const int64_t all = series->pieces.shape[1];
    const size_t used = strlen(title);
    if (series->n_draws < all && used < size) {
        snprintf(title + used, size - used, ", first %lld of %lld draws",
                 (long long)series->n_draws, (long long)all);
    }
}

/* least[p] = smallest number of draws in a phase */
static int count_least(kr_reader *reader, int64_t n_points, double *least, kr_error *err)
{
    double *sum = kr_alloc((size_t)n_points, sizeof *sum, err);
    int status = sum ? KR_OK : KR_ENOMEM;
    const char *const *names = kr_reader_variables(reader, "posterior");
    for (; status == KR_OK && names && *names; names++) {
        kr_series series;
        if (strncmp(*names, "in_", 3) != 0) {
            continue;
        }
        memset(sum, 0, (size_t)n_points * sizeof *sum);
        status = kr_series_open(reader, "posterior", *names, &series, err);
        const int64_t n = series.n_points < n_points ? series.n_points : n_points;
        while (status == KR_OK) {
            status = kr_series_next(&series, err);
            if (status != KR_OK || series.n == 0) {
                break;
            }
            for (int64_t k = 0; k < series.n_chains * series.n; k++) {
                for (int64_t p = 0; p < n; p++) {
                    sum[p] += series.value[k * series.n_points + p];
                }
            }
        }
        for (int64_t p = 0; p < n; p++) {
            least[p] = fmin(least[p], sum[p]);
        }
        kr_series_clear(&series);
    }
    kr_free(sum);
    return status;
}

int kr_plot_point(kr_reader *reader, int64_t n_points, int64_t *point, kr_error *err)
{
    *point = n_points / 2;
    if (n_points < 2) {
        return KR_OK;
    }
    double *least = kr_alloc((size_t)n_points, sizeof *least, err), best = 0.0;
    if (!least) {
        return KR_ENOMEM;
    }
    for (int64_t p = 0; p < n_points; p++) {
        least[p] = INFINITY;
    }
    int status = count_least(reader, n_points, least, err);
    for (int64_t p = 0; p < n_points && status == KR_OK; p++) {
        if (isfinite(least[p]) && least[p] > best) {
            best = least[p];
            *point = p;
        }
    }
    kr_free(least);
    return status;
}

int kr_plot_title(const kr_source *source, int64_t point, int64_t n_points, char *out,
                  size_t size, kr_error *err)
{
    char label[128] = "";
    if (n_points > 1) {
        kr_points points;
        int status = kr_points_load(source->reader, n_points, &points, err);
        if (status == KR_OK) {
            kr_points_label(&points, point, label, sizeof label);
        }
        kr_points_clear(&points);
        KR_TRY(status);
    }
    bool is_flat = kr_reader_variables(source->reader, "density_of_states") != NULL;
    snprintf(out, size, "%s%s%s%s", source->title, label[0] ? ", " : "", label,
             is_flat ? ", as sampled with multicanonical weights" : "");
    return KR_OK;
}

int kr_plot_axis_load(const kr_source *source, int64_t n_points, kr_plot_axis *axis,
                      kr_error *err)
{
    kr_points points;
    *axis = (kr_plot_axis){ .label = "point" };
    int status = kr_points_load(source->reader, n_points, &points, err);
    if (status == KR_OK) {
        axis->value = kr_alloc((size_t)n_points, sizeof *axis->value, err);
        status = axis->value ? KR_OK : KR_ENOMEM;
    }
    for (int64_t p = 0; p < n_points && status == KR_OK; p++) {
        axis->value[p] = points.n_params == 1 ? points.value[p] : (double)p;
    }
    if (status == KR_OK && points.n_params == 1) {
        const bool is_beta = strcmp(points.name[0], "beta") == 0;
        snprintf(axis->label, sizeof axis->label, "%s%s", points.name[0],
                 is_beta ? " [1/J]" : "");
    }
    kr_points_clear(&points);
    return status;
}

/* "ising, hypercubic 16x16" */
int kr_plot_extent(const kr_source *source, int64_t extent[4])
{
    const char *text = strchr(source->title, ',');
    int n = 0;
    text = text ? strchr(text + 2, ' ') : NULL;
    while (text && n < 4) {
        int length = 0;
        long long side = 0;
        if (sscanf(text + 1, "%lld%n", &side, &length) != 1 || side < 1) {
            return 0;
        }
        extent[n++] = side;
        text = text[1 + length] == 'x' ? text + 1 + length : NULL;
    }
    return n;
}

static int open_source(kr_source *source, const char *path, kr_error *err)
{
    *source = (kr_source){ .path = path, .every = NAN };
    source->reader = kr_reader_open(path, err);
    if (!source->reader) {
        return err && err->status ? err->status : KR_EIO;
    }
    kr_series_text(source->reader, "", "", "title", source->title, sizeof source->title);
    if (!source->title[0]) {
        const char *slash = strrchr(path, '/');
        snprintf(source->title, sizeof source->title, "%s", slash ? slash + 1 : path);
    }
    kr_reader_attr_real(source->reader, "posterior", "", "every", &source->every);
    return KR_OK;
}

/* NAME-KIND.svg beside NAME.h5 */
static void default_figure(const char *path, const char *kind, char *made)
{
    size_t length = strlen(path);
    if (length > 3 && strcmp(path + length - 3, ".h5") == 0) {
        length -= 3;
    }
    snprintf(made, KR_PATH_MAX, "%.*s-%s.svg", (int)length, path, kind);
}

static const struct {
    const char *name;
    int (*draw)(kr_gnuplot *g, const kr_source *source, int n_sources, kr_error *err);
    int most_files, height;
} kinds[] = { { "trace", kr_trace_draw, 1, 600 },
              { "histogram", kr_histogram_draw, 1, 600 },
              { "residence", kr_residence_draw, 2, 640 },
              { "reweight", kr_reweight_draw, 1, 600 },
              { "snapshot", kr_snapshot_draw, 1, 480 },
              { "tau", kr_tau_draw, 1, 520 },
              { "binder", kr_binder_draw, KR_PLOT_FILES, 520 },
              { "correlation", kr_correlation_draw, 1, 560 },
              { "training", kr_training_draw, 1, 600 } };

int kr_plot_write(const char *const *paths, int n_paths, const char *kind, const char *figure,
                  char *made, kr_error *err)
{
    const int n_kinds = sizeof kinds / sizeof *kinds;
    int k_kind = 0;
    while (k_kind < n_kinds && strcmp(kinds[k_kind].name, kind) != 0) {
        k_kind++;
    }
    if (k_kind == n_kinds) {
        char known[256] = "";
        for (int k = 0; k < n_kinds; k++) {
            snprintf(known + strlen(known), sizeof known - strlen(known), "%s%s",
                     k == 0            ? ""
                     : k + 1 < n_kinds ? ", "
                                       : " or ",
                     kinds[k].name);
        }
        return kr_fail(err, KR_EUNSUP, "kind %s: unknown, want %s", kind, known);
    }
    if (n_paths < 1 || n_paths > kinds[k_kind].most_files) {
        static const char *const wanted[] = { "one", "one or two" };
        const int most = kinds[k_kind].most_files;
        return kr_fail(err, KR_EUNSUP, "%s of %d files, want %s", kind, n_paths,
                       most <= 2 ? wanted[most - 1] : "one to eight");
    }
    if (figure) {
        snprintf(made, KR_PATH_MAX, "%s", figure);
    } else {
        default_figure(paths[0], kind, made);
    }
    kr_source source[KR_PLOT_FILES] = { { 0 } };
    kr_gnuplot g = { 0 };
    int status = KR_OK;
    for (int k = 0; k < n_paths && status == KR_OK; k++) {
        status = open_source(&source[k], paths[k], err);
    }
    if (status == KR_OK) {
        status = kr_gnuplot_open(&g, made, 800, kinds[k_kind].height, err);
    }
    if (status == KR_OK) {
        status = kinds[k_kind].draw(&g, source, n_paths, err);
        for (int k = 0; k < n_paths; k++) { /* of several files the kind names the one */
            if (n_paths == 1 || kr_reader_damage(source[k].reader)) {
                status = kr_series_judge(source[k].reader, paths[k], status, err);
            }
        }
        if (status == KR_OK) {
            status = kr_gnuplot_draw(&g, err);
        } else {
            kr_gnuplot_close(&g);
            kr_gnuplot_discard(&g);
        }
    }
    for (int k = 0; k < n_paths; k++) {
        kr_reader_close(source[k].reader);
    }
    return status;
}
