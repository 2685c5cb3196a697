/* SPDX-License-Identifier: GPL-3.0-or-later
 * analysis/plot_binder.c - Binder cumulant, and correlation length over side, of scans of one
 * or several sizes: at a continuous transition curves of different sizes cross (Binder, Z.
 * Phys. B 43, 119 (1981)). */
#include "analysis/plot.h"

#include "analysis/summary.h"
#include "base/memory.h"

#include <math.h>
#include <string.h>

static const kr_quantity *find(const kr_summary *s, const char *name)
{
    for (int k = 0; k < s->n_quantities; k++) {
        if (strcmp(s->quantity[k * s->n_points].name, name) == 0) {
            return &s->quantity[k * s->n_points];
        }
    }
    return NULL;
}

static const kr_quantity *find_cumulant(const kr_summary *s)
{
    const kr_quantity *q = find(s, "binder");
    return q ? q : find(s, "overlap_binder");
}

static int write_curve(kr_gnuplot *g, const kr_quantity *q, const kr_plot_axis *axis,
                       int64_t n_points, double scale, const char *comment)
{
    int n = 0;
    kr_gnuplot_block(g, comment);
    for (int64_t p = 0; p < n_points; p++) {
        const double mean = q[p].estimate.mean * scale;
        if (!q[p].is_bad && isfinite(mean)) {
            fprintf(g->data, "%.10g %.10g %.4g\n", axis->value[p], mean,
                    fmax(0.0, q[p].estimate.error) * scale);
            n++;
        }
    }
    return n;
}

/* The two blocks of a file: cumulant, and xi/L where *has_length. */
static int add_file(kr_gnuplot *g, const kr_source *source, const kr_summary *s,
                    bool *has_length, kr_plot_axis *axis, kr_error *err)
{
    const kr_quantity *cumulant = find_cumulant(s), *xi = find(s, "correlation_length");
    int64_t extent[4], side = 0;
    const int dim = kr_plot_extent(source, extent);
    for (int k = 0; k < dim; k++) {
        side = extent[k] > side ? extent[k] : side;
    }
    if (!cumulant || s->n_points < 2) {
        return kr_fail(err, KR_EUNSUP, "%s: %s", source->path,
                       cumulant ? "a single point, want a scan"
                                : "no Binder cumulant, want observable magnetization");
    }
    KR_TRY(kr_plot_axis_load(source, s->n_points, axis, err));
    if (write_curve(g, cumulant, axis, s->n_points, 1.0, "parameter, Binder cumulant, error") ==
        0) {
        return kr_fail(err, KR_EUNSUP, "%s: no finite Binder cumulant, want more draws",
                       source->path);
    }
    *has_length = *has_length && xi && side > 0;
    if (*has_length) {
        *has_length = write_curve(g, xi, axis, s->n_points, 1.0 / (double)side,
                                  "parameter, correlation length over side, error") > 0;
    } else {
        kr_gnuplot_block(g, "no correlation length");
        fputs("nan nan nan\n", g->data);
    }
    return KR_OK;
}

static void plot_panel(kr_gnuplot *g, const kr_source *source, int n_sources, int panel)
{
    static const int symbol[KR_PLOT_FILES] = { 7, 5, 9, 11, 13, 6, 4, 8 };
    for (int k = 0; k < n_sources; k++) {
        fprintf(g->script,
                "%sdata index %d using 1:2:3 with yerrorlines pt %d ps 0.8 lw 1.5 lc rgb '%s' ",
                k ? ", \\\n     " : "plot ", 2 * k + panel, symbol[k],
                k < KR_COLORS - 1 ? kr_gnuplot_color(k)
                : k < KR_COLORS   ? "black"
                                  : "#888888");
        fputs(panel ? "notitle" : "title ", g->script);
        if (!panel) {
            kr_gnuplot_text(g, source[k].title, n_sources > 3 ? 36 : 60);
        }
    }
    fputc('\n', g->script);
}

static void plot_all(kr_gnuplot *g, const kr_source *source, int n_sources,
                     const kr_plot_axis *axis, bool has_length)
{
    fprintf(
        g->script,
        "set multiplot layout 1,%d margins 0.1,0.97,0.12,%g spacing 0.11,0\nset grid lc rgb "
        "'#DDDDDD'\nset key at screen 0.5,0.98 center top maxrows %d noenhanced\n"
        "set offsets graph 0.03, graph 0.03, graph 0.03, graph 0.03\nset xlabel ",
        has_length ? 2 : 1, n_sources > 4 ? 0.78 : 0.86, n_sources > 4 ? 4 : 2);
    kr_gnuplot_text(g, axis->label, sizeof axis->label);
    const char *recipe;
    const bool is_of_m =
        kr_reader_attr_text(source[0].reader, "posterior", "", "derived_binder", &recipe);
    fprintf(g->script, " noenhanced\nset ylabel 'Binder cumulant 1 - <%s^4>/(3<%s^2>^2)'\n",
            is_of_m ? "m" : "Q", is_of_m ? "m" : "Q");
    plot_panel(g, source, n_sources, 0);
    if (has_length) {
        fputs("set ylabel 'correlation length over side ξ/L'\n", g->script);
        plot_panel(g, source, n_sources, 1);
    }
    fputs("unset multiplot\n", g->script);
}

int kr_binder_draw(kr_gnuplot *g, const kr_source *source, int n_sources, kr_error *err)
{
    kr_plot_axis axis[KR_PLOT_FILES] = { { 0 } };
    bool has_length = true;
    int status = KR_OK;
    for (int k = 0; k < n_sources && status == KR_OK; k++) {
        kr_summary s = { 0 };
        status = kr_summary_compute(source[k].reader, source[k].path, &s, err);
        if (status == KR_OK) {
            status = add_file(g, &source[k], &s, &has_length, &axis[k], err);
        }
        kr_summary_clear(&s);
        if (status == KR_OK && strcmp(axis[k].label, axis[0].label) != 0) {
            status = kr_fail(err, KR_EUNSUP, "%s: scans %s, want %s as in %s", source[k].path,
                             axis[k].label, axis[0].label, source[0].path);
        }
    }
    if (status == KR_OK) {
        plot_all(g, source, n_sources, &axis[0], has_length);
    }
    for (int k = 0; k < n_sources; k++) {
        kr_free(axis[k].value);
    }
    return status;
}
