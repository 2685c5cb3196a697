/* SPDX-License-Identifier: GPL-3.0-or-later
 * analysis/plot_histogram.c - distributions of energy and order parameter with errors, and the
 * panels that other figures of distributions share.
 *
 * Discrete spectra get bins that hold equally many levels, else the bins beat against the
 * levels. Errors come from the scatter of blocks of draws, about 10 tau_int long. */
#include "analysis/plot_law.h"

#include "base/memory.h"
#include "stats/stats.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#define BINS_MAX     80
#define POINTS_SHOWN 6
#define LEVELS_MAX   100000

static int compare(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

/* Spacing of the levels of sorted values; 0 when they lie on no common grid. */
static double find_spacing(const double *sorted, int64_t n)
{
    double range = sorted[n - 1] - sorted[0], spacing = INFINITY;
    for (int64_t k = 1; k < n; k++) {
        double gap = sorted[k] - sorted[k - 1];
        spacing = gap > 1e-9 * range && gap < spacing ? gap : spacing;
    }
    if (!(range > 0.0) || range / spacing > LEVELS_MAX) {
        return 0.0;
    }
    for (int64_t k = 0; k < n; k++) {
        double steps = (sorted[k] - sorted[0]) / spacing;
        if (fabs(steps - round(steps)) > 1e-3) {
            return 0.0;
        }
    }
    return spacing;
}

kr_bins kr_bins_choose(double *values, int64_t n, int most)
{
    qsort(values, (size_t)n, sizeof *values, compare);
    double range = values[n - 1] - values[0], spacing = find_spacing(values, n);
    if (kr_plot_is_constant(values[0], values[n - 1])) { /* with empty bins beside: an axis */
        const double width = 0.1 * fabs(values[0]) + 1e-3;
        return (kr_bins){ values[0] - 1.5 * width, width, 3 };
    }
    if (spacing > 0.0) {
        double levels = floor(range / spacing + 1.5), per_bin = ceil(levels / most);
        return (kr_bins){ values[0] - 0.5 * spacing, per_bin * spacing,
                          (int)ceil(levels / per_bin) };
    }
    return (kr_bins){ values[0], range / most * (1.0 + 1e-12), most };
}

/* Weights of x (n_chains, n_draws), NULL: 1 each, in blocks and bins; owned by the caller. */
static double *count_blocks(const kr_bins *bins, const double *x, const double *weight,
                            int64_t n_chains, int64_t n_draws, int64_t *n_blocks, kr_error *err)
{
    kr_estimate e;
    double tau = kr_gamma_estimate(x, n_chains, n_draws, &e, NULL) == KR_OK ? e.tau_int : 0.5;
    int64_t per_chain = n_draws / kr_jackknife_bin(tau, n_chains, n_draws, 20);
    *n_blocks = n_chains * per_chain;
    double *block = kr_alloc((size_t)(*n_blocks * bins->n), sizeof *block, err);
    for (int64_t k = 0; block && k < n_chains * n_draws; k++) {
        int64_t b = k / n_draws * per_chain + (k % n_draws) * per_chain / n_draws;
        int h = (int)((x[k] - bins->from) / bins->width);
        block[b * bins->n + (h < 0         ? 0
                             : h < bins->n ? h
                                           : bins->n - 1)] += weight ? weight[k] : 1.0;
    }
    return block;
}

/* Density and error of every bin. block[b][h]: counts. */
static void write_density(kr_gnuplot *g, const kr_bins *bins, const double *block,
                          int64_t n_blocks)
{
    double total = 0.0, count = (double)n_blocks;
    for (int64_t k = 0; k < n_blocks * bins->n; k++) {
        total += block[k];
    }
    const double size = total / count;
    for (int h = 0; h < bins->n; h++) {
        double sum = 0.0, square = 0.0;
        for (int64_t b = 0; b < n_blocks; b++) {
            sum += block[b * bins->n + h];
        }
        for (int64_t b = 0; b < n_blocks; b++) {
            double d = block[b * bins->n + h] - sum / count;
            square += d * d;
        }
        double error = n_blocks > 1 ? sqrt(square / (count * (count - 1.0))) : 0.0;
        fprintf(g->data, "%.10g %.8g %.8g\n", bins->from + (h + 0.5) * bins->width,
                sum / (count * size * bins->width), error / (size * bins->width));
    }
}

static void start_panel(kr_gnuplot *g, const kr_source *source, const kr_law *law,
                        const char *name, bool is_first)
{
    char label[KR_SERIES_NAME + 80];
    kr_plot_label(source->reader, name, label, sizeof label);
    fputs("\nset xlabel ", g->script);
    kr_gnuplot_text(g, label, 80);
    fprintf(g->script,
            " noenhanced\nset ylabel '%s'\nset xrange [*:*] noextend\nset offsets graph 0.02, "
            "graph 0.02, 0, 0\nset yrange [0:*]\n",
            is_first ? law->y_label : "");
    fputs(is_first ? "" : "unset key\n", g->script); /* one key for both panels */
}

/* The key is below both panels: a row of values under the name of the one parameter, or rows
 * of labels. */
static void start_figure(kr_gnuplot *g, const kr_law *law, const char *head,
                         const kr_points *points, int n_panels)
{
    char title[KR_SERIES_NAME + 64] = "", of_all[48] = "";
    bool is_row = points->n_params < 2;
    if (points->n > law->most_points) {
        snprintf(of_all, sizeof of_all, "%d of %lld points", law->most_points,
                 (long long)points->n);
    }
    if (points->n > 1) {
        bool has_name = points->n_params == 1;
        snprintf(title, sizeof title, "%s%s%s", has_name ? points->name[0] : "",
                 has_name && *of_all ? ", " : "", of_all);
    }
    double margin = (is_row || points->n < 2 ? 0.17 : 0.26) + 0.02 * (law->key_rows - 1);
    fprintf(g->script, "set multiplot layout 1,%d margins 0.1,0.97,%g,0.9 spacing 0.1,0 title ",
            n_panels, margin);
    kr_gnuplot_text(g, head, 100);
    fprintf(
        g->script,
        " noenhanced font ',13'\n"
        "set key center at screen 0.5, screen %g vertical maxrows %d samplen 2 Left reverse "
        "title ",
        is_row ? 0.04 : 0.075, is_row ? law->key_rows : law->most_points / 2);
    kr_gnuplot_text(g, title, sizeof title);
    fputs(" noenhanced\n", g->script);
}

/* "0.44" of one parameter, "beta = 0.44, J = 1" of several. */
static void key_entry(const kr_points *points, int64_t point, char *label, size_t size)
{
    size_t used = 0;
    *label = '\0';
    for (int k = 0; k < points->n_params && used < size; k++) {
        const char *name = strrchr(points->name[k], '.');
        double value = points->value[k * points->n + point];
        name = name ? name + 1 : points->name[k];
        int n = points->n_params == 1 ? snprintf(label, size, "%.6g", value)
                                      : snprintf(label + used, size - used, "%s%s = %.6g",
                                                 k ? ", " : "", name, value);
        used += n > 0 ? (size_t)n : 0;
    }
}

/* Points spread over the scan; out holds their indices, returns their number. */
static int choose_points(int64_t n_points, int most, int64_t out[POINTS_SHOWN])
{
    int n = n_points < most ? (int)n_points : most;
    for (int k = 0; k < n; k++) {
        out[k] = n > 1 ? k * (n_points - 1) / (n - 1) : 0;
    }
    return n;
}

/* The weights of the draws in means at beta, the largest 1; NULL: there are none. */
static int load_weights(const kr_source *source, const kr_law *law, double **weight,
                        kr_error *err)
{
    kr_series series;
    *weight = NULL;
    if (!law->is_weighted || !kr_series_exists(source->reader, "sample_stats", "log_weight")) {
        return KR_OK;
    }
    KR_TRY(kr_series_load(source->reader, "sample_stats", "log_weight", &series, err));
    double top = -INFINITY;
    for (int64_t k = 0; k < series.n_chains * series.n_draws; k++) {
        top = fmax(top, series.value[k]);
    }
    for (int64_t k = 0; k < series.n_chains * series.n_draws; k++) {
        series.value[k] = exp(series.value[k] - top);
    }
    *weight = series.value;
    return KR_OK;
}

/* One curve: a point of the series, whose values x and their copy y (n_chains, n_draws) are
 * overwritten. */
static int write_curve(kr_gnuplot *g, const kr_law *law, const kr_series *series, int64_t point,
                       const double *weight, double *x, const char *name, kr_error *err)
{
    const int64_t n = series->n_chains * series->n_draws;
    int64_t n_blocks;
    char comment[2 * KR_SERIES_NAME + 64];
    kr_series_point(series, point, x);
    kr_series_point(series, point, x + n);
    const kr_bins bins = kr_bins_choose(x + n, n, law->most_bins);
    snprintf(comment, sizeof comment, "point %lld: %s, %s", (long long)point, name, law->what);
    kr_gnuplot_block(g, comment);
    double *block =
        count_blocks(&bins, x, weight, series->n_chains, series->n_draws, &n_blocks, err);
    if (!block) {
        return KR_ENOMEM;
    }
    law->write(g, &bins, block, n_blocks);
    kr_free(block);
    return KR_OK;
}

void kr_law_curve(kr_gnuplot *g, const kr_law *law, int block, int k, const char *label)
{
    fprintf(g->script, "%sdata index %d using 1:2 with %s lw 1.5 lc rgb '%s' title ",
            k ? ", \\\n     " : "plot ", block, law->style, kr_gnuplot_color(k));
    kr_gnuplot_text(g, label, 80);
    fprintf(g->script,
            " noenhanced, \\\n     data index %d using 1:($2-$3):(0):(2*$3) with vectors "
            "nohead lw 1.5 "
            "lc rgb '%s' notitle",
            block, kr_gnuplot_color(k));
}

static int draw_panel(kr_gnuplot *g, const kr_source *source, const kr_law *law,
                      const kr_series *series, const char *name, bool is_first,
                      const kr_points *points, kr_error *err)
{
    int64_t shown[POINTS_SHOWN], n = series->n_chains * series->n_draws;
    int n_shown = choose_points(series->n_points, law->most_points, shown), n_curves = 0,
        status;
    double *weight = NULL, *x = kr_alloc(2 * (size_t)n, sizeof *x, err);
    status = x ? load_weights(source, law, &weight, err) : KR_ENOMEM;
    double low = INFINITY, high = -INFINITY;
    for (int64_t k = 0; k < n * series->n_points; k++) {
        low = fmin(low, series->value[k]);
        high = fmax(high, series->value[k]);
    }
    start_panel(g, source, law, name, is_first);
    if (!kr_plot_is_constant(low, high)) {
        fprintf(g->script, "set xtics %.6g\n", kr_gnuplot_step(high - low, 6));
    } else {
        fputs("set xtics autofreq\n", g->script);
    }
    if (status == KR_OK && law->begin) {
        status = law->begin(g, source, law, name, &n_curves, err);
    }
    for (int k = n_curves; k < n_shown && status == KR_OK; k++) {
        char label[128] = "";
        if (series->n_points > 1 && is_first) {
            key_entry(points, shown[k], label, sizeof label);
        }
        status = write_curve(g, law, series, shown[k], weight, x, name, err);
        kr_law_curve(g, law, g->n_blocks - 1, k, label);
    }
    fputc('\n', g->script);
    kr_free(weight);
    kr_free(x);
    return status;
}

int kr_law_draw(kr_gnuplot *g, const kr_source *source, const kr_law *law, kr_error *err)
{
    char name[2][KR_SERIES_NAME], title[384];
    int n = kr_plot_columns(source->reader, name), status = KR_OK;
    if (n == 0) {
        return kr_fail(err, KR_EUNSUP,
                       "%s: no energy_per_site or magnetization_per_site, want one of them",
                       source->path);
    }
    for (int k = 0; k < n && status == KR_OK; k++) {
        kr_series series = { 0 };
        kr_points points = { 0 };
        status = kr_plot_load(source, name[k], &series, err);
        if (status == KR_OK) {
            status = kr_points_load(source->reader, series.n_points, &points, err);
        }
        if (status == KR_OK && k == 0) {
            snprintf(title, sizeof title, "%s", source->title);
            if (!law->is_weighted) { /* the weights of a multicanonical run are in the title */
                status = kr_plot_title(source, 0, 1, title, sizeof title, err);
            }
            kr_plot_tell_cut(&series, title, sizeof title);
            start_figure(g, law, title, &points, n);
        }
        if (status == KR_OK) {
            status = draw_panel(g, source, law, &series, name[k], k == 0, &points, err);
        }
        kr_points_clear(&points);
        kr_series_clear(&series);
    }
    fputs("unset multiplot\n", g->script);
    return status;
}

int kr_histogram_draw(kr_gnuplot *g, const kr_source *source, int n_sources, kr_error *err)
{
    static const kr_law law = { .y_label = "probability density",
                                .what = "density, error",
                                .style = "histeps",
                                .most_bins = BINS_MAX,
                                .most_points = POINTS_SHOWN,
                                .key_rows = 1,
                                .write = write_density };
    (void)n_sources;
    return kr_law_draw(g, source, &law, err);
}
