/* SPDX-License-Identifier: GPL-3.0-or-later
 * analysis/plot_correlation.c - connected two-point function of slices on an axis of
 * logarithms, and the effective mass. */
#include "analysis/plot.h"

#include "analysis/summary.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* Writes quantities PREFIX0, PREFIX1, ... of a point; returns how many are drawn. */
static int write_block(kr_gnuplot *g, const kr_summary *s, const char *prefix, int64_t point,
                       bool is_positive, double range[2])
{
    int n = 0;
    range[0] = INFINITY;
    range[1] = 0.0;
    char comment[KR_SERIES_NAME + 64];
    snprintf(comment, sizeof comment, "%s: distance, value, low, high", prefix);
    kr_gnuplot_block(g, comment);
    for (int k = 0; k < s->n_quantities; k++) {
        const kr_quantity *q = &s->quantity[k * s->n_points + point];
        const size_t length = strlen(prefix);
        if (strncmp(q->name, prefix, length) != 0 || q->name[length] < '0' ||
            q->name[length] > '9') {
            continue;
        }
        const double x = q->estimate.mean, error = fmax(0.0, q->estimate.error);
        if (!q->is_bad && isfinite(x) && isfinite(error) && (!is_positive || x > 0.0)) {
            /* an axis of logarithms: the error bar ends above zero */
            const double low = is_positive ? fmax(x - error, 0.01 * x) : x - error;
            fprintf(g->data, "%d %.10g %.10g %.10g\n", atoi(q->name + length), x, low,
                    x + error);
            range[0] = fmin(range[0], low);
            range[1] = fmax(range[1], x + error);
            n++;
        }
    }
    if (n == 0) {
        fputs("nan nan nan nan\n", g->data);
    }
    return n;
}

/* Within a decade or so gnuplot labels powers of ten only: even steps instead. */
static void write_tics(kr_gnuplot *g, const double range[2])
{
    const double step = kr_gnuplot_step(range[1] / 0.9 - range[0] * 0.9, 8);
    if (range[1] < 10.0 * range[0]) {
        fputs("set ytics (", g->script);
        for (double k = ceil(range[0] * 0.9 / step); k * step <= range[1] * 1.1; k++) {
            fprintf(g->script, "%.6g, ", k * step);
        }
        fprintf(g->script, "%.6g)\n", range[1] * 2.0); /* beyond the axis */
    }
}

static int draw(kr_gnuplot *g, const kr_source *source, const kr_summary *s, kr_error *err)
{
    char title[384];
    int64_t point;
    KR_TRY(kr_plot_point(source->reader, s->n_points, &point, err));
    KR_TRY(kr_plot_title(source, point, s->n_points, title, sizeof title, err));
    double range[2], unused[2];
    bool is_connected = true;
    int n = write_block(g, s, "two_point_connected_", point, true, range);
    if (n == 0) {
        is_connected = false;
        n = write_block(g, s, "two_point_", point, true, range);
    }
    if (n == 0) {
        return kr_fail(err, KR_EUNSUP,
                       "%s: no positive two-point function, want observable two_point and more "
                       "draws",
                       source->path);
    }
    const int block = g->n_blocks - 1;
    const int n_mass = write_block(g, s, "effective_mass_", point, false, unused);
    write_tics(g, range);
    fprintf(g->script, "set multiplot layout 1,%d margins 0.11,0.97,0.12,0.9 spacing 0.12,0 ",
            n_mass ? 2 : 1);
    fputs("title ", g->script);
    kr_gnuplot_text(g, title, 100);
    fprintf(
        g->script,
        " noenhanced font ',13'\nset grid lc rgb '#DDDDDD'\nset offsets graph 0.03, graph "
        "0.03, 0, 0\nset xlabel 'distance t [lattice spacings]'\nset logscale y\nset format "
        "y '%%g'\nset yrange [%.6g:%.6g]\nset ylabel '%stwo-point function G(t)'\nplot data "
        "index %d using 1:2:3:4 "
        "with yerrorbars pt 7 ps 0.8 lw 1.5 lc rgb '%s' notitle\n",
        range[0] / 1.1, range[1] * 1.1, is_connected ? "connected " : "", block,
        kr_gnuplot_color(0));
    if (n_mass) {
        fprintf(g->script,
                "unset logscale y\nset ytics autofreq\nset yrange [0:*]\nset ylabel 'effective "
                "mass [1/lattice "
                "spacing]'\nplot data index %d using 1:2:3:4 with yerrorbars pt 7 ps 0.8 lw "
                "1.5 lc rgb '%s' notitle\n",
                block + 1, kr_gnuplot_color(3));
    }
    fputs("unset multiplot\n", g->script);
    return KR_OK;
}

int kr_correlation_draw(kr_gnuplot *g, const kr_source *source, int n_sources, kr_error *err)
{
    (void)n_sources;
    kr_summary s = { 0 };
    if (!kr_series_exists(source->reader, "posterior", "two_point_0")) {
        return kr_fail(err, KR_EUNSUP, "%s: no two_point_0, want observable two_point",
                       source->path);
    }
    int status = kr_summary_compute(source->reader, source->path, &s, err);
    if (status == KR_OK) {
        status = draw(g, source, &s, err);
    }
    kr_summary_clear(&s);
    return status;
}
