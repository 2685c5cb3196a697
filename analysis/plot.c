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

/* Files of old tell them in the title alone: "ising, hypercubic 16x16". */
static int extent_of_title(const kr_source *source, int64_t extent[4])
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

int kr_plot_extent(const kr_source *source, int64_t extent[4])
{
    int n_dims = 0;
    int64_t shape[KR_DIMS_MAX] = { 0 };
    if (!kr_series_exists(source->reader, "constant_data", "lattice_size")) {
        return extent_of_title(source, extent);
    }
    double *size = kr_reader_read(source->reader, "constant_data", "lattice_size", &n_dims,
                                  shape, NULL, NULL);
    const int n = size && n_dims == 1 && shape[0] <= 4 ? (int)shape[0] : 0;
    for (int k = 0; k < n; k++) {
        extent[k] = (int64_t)size[k];
    }
    kr_free(size);
    return n;
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

const kr_plot_kind kr_plot_kinds[] = {
    { "trace", kr_trace_draw, 1, 600,
      "Energy and order parameter of up to four chains against draws. Chains that agree are "
      "noise around one level; a drift says that thermalization was too short, levels that "
      "stay "
      "apart that the chains do not mix." },
    { "histogram", kr_histogram_draw, 1, 600,
      "Distribution of energy and order parameter over all chains; bars are one standard "
      "error. "
      "Two peaks are two phases: their weights are those of the table only where chains move "
      "between them." },
    { "barrier", kr_barrier_draw, 1, 600,
      "Free energy -ln P of energy and order parameter, from the minimum; bars are one "
      "standard "
      "error, absent where one independent part of the run alone has been. Wells are phases, "
      "the height between them is the barrier, in units of kT." },
    { "residence", kr_residence_draw, 2, 640,
      "Phase of each chain against draws, a row per chain, and the distribution of the times "
      "that chains stayed. Long unbroken rows are few independent visits: the weights of the "
      "phases are then uncertain, whatever the other errors say." },
    { "tau", kr_tau_draw, 1, 520,
      "Autocorrelation functions with the window that the sum for tau_int uses, or tau_int "
      "against the scanned parameter. Independent draws have 0.5; an error shrinks with the "
      "square root of draws/(2 tau_int)." },
    { "reweight", kr_reweight_draw, KR_PLOT_FILES, 600,
      "Energy, specific heat, order parameter and Binder cumulant against beta from all points "
      "together, with bands of one standard error. Points are where was sampled; between and "
      "beside them the curve is reweighted." },
    { "binder", kr_binder_draw, KR_PLOT_FILES, 520,
      "Binder cumulant (and correlation length over size, where measured) against the scanned "
      "parameter. Curves of several sizes cross near the transition." },
    { "correlation", kr_correlation_draw, 1, 560,
      "Connected two-point function and effective mass against distance, with one standard "
      "error. Where the effective mass is level its value is the inverse correlation length." },
    { "snapshot", kr_snapshot_draw, 1, 480,
      "Stored configurations of some draws and chains. They are no estimates; they show what "
      "states look like." },
    { "joint", kr_joint_draw, 1, 560,
      "Joint histogram of energy and order parameter, as sampled. Phases that coexist are "
      "islands; what lies between them is how chains cross." },
    { "acceptance", kr_acceptance_draw, 1, 480,
      "Share of accepted attempts of every update over the steps measured, of a scan against "
      "its "
      "parameter: mean of all chains, band: the middle 68 % of them. A band that is wide, or a "
      "line that falls, says that chains are in different surroundings, or that some are "
      "stuck." },
    { "compare", kr_files_compare_draw, KR_PLOT_FILES, 760,
      "CPU-seconds per independent sample of each observable, a color per file; hollow where "
      "the run is too short to tell more than a lower bound. Below, with training, against the "
      "number of samples: where lines cross the one that learned begins to pay." },
    { "training", kr_training_draw, 1, 600,
      "Loss and running effective sample fraction of the densities against training steps, "
      "before anything was measured. The reverse loss is bounded from below by -log Z; the "
      "distance that is left is what the density has not learned." },
    { 0 },
};

int kr_plot_open(kr_source *source, const char *path, kr_error *err)
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

int kr_plot_draw(const kr_plot_kind *kind, const kr_source *source, int n_sources,
                 const char *figure, kr_error *err)
{
    kr_gnuplot g = { 0 };
    KR_TRY(kr_gnuplot_open(&g, figure, 800, kind->height, err));
    int status = kind->draw(&g, source, n_sources, err);
    if (status == KR_OK) {
        return kr_gnuplot_draw(&g, err);
    }
    kr_gnuplot_close(&g);
    kr_gnuplot_discard(&g);
    return status;
}

/* NULL, with the known ones listed: there is no such kind. */
static const kr_plot_kind *kind_named(const char *name, kr_error *err)
{
    char known[256] = "";
    for (const kr_plot_kind *k = kr_plot_kinds; k->name; k++) {
        const size_t used = strlen(known);
        if (strcmp(k->name, name) == 0) {
            return k;
        }
        snprintf(known + used, sizeof known - used, "%s%s",
                 k == kr_plot_kinds ? ""
                 : k[1].name        ? ", "
                                    : " or ",
                 k->name);
    }
    kr_fail(err, KR_EUNSUP, "kind %s: unknown, want %s", name, known);
    return NULL;
}

int kr_plot_write(const char *const *paths, int n_paths, const char *kind, const char *figure,
                  char *made, kr_error *err)
{
    const kr_plot_kind *k_kind = kind_named(kind, err);
    if (!k_kind) {
        return KR_EUNSUP;
    }
    const int most = k_kind->most_files;
    if (n_paths < 1 || n_paths > most) {
        static const char *const wanted[] = { "one", "one or two" };
        return kr_fail(err, KR_EUNSUP, "%s of %d files, want %s", kind, n_paths,
                       most <= 2 ? wanted[most - 1] : "one to eight");
    }
    if (figure) {
        snprintf(made, KR_PATH_MAX, "%s", figure);
    } else {
        default_figure(paths[0], kind, made);
    }
    kr_source source[KR_PLOT_FILES] = { { 0 } };
    int status = KR_OK;
    for (int k = 0; k < n_paths && status == KR_OK; k++) {
        status = kr_plot_open(&source[k], paths[k], err);
    }
    if (status == KR_OK) {
        status = kr_plot_draw(k_kind, source, n_paths, made, err);
        for (int k = 0; k < n_paths; k++) { /* of several files the kind names the one */
            if (n_paths == 1 || kr_reader_damage(source[k].reader)) {
                status = kr_series_judge(source[k].reader, paths[k], status, err);
            }
        }
    }
    for (int k = 0; k < n_paths; k++) {
        kr_reader_close(source[k].reader);
    }
    return status;
}
