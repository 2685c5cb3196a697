/* SPDX-License-Identifier: GPL-3.0-or-later
 * study/compare_plot.c - CPU-seconds against the number of independent samples, by gnuplot. */
#include "analysis/gnuplot.h"
#include "study/compare_private.h"

#include <math.h>

#define DECADES    7
#define PER_DECADE 10

static void write_curve(kr_gnuplot *g, const kr_compare_row *row)
{
    for (int k = 0; k <= DECADES * PER_DECADE; k++) {
        double n = pow(10.0, (double)k / PER_DECADE);
        fprintf(g->data, "%.6g %.6g\n", n, row->set_up_cpu_s + n * row->cost);
    }
}

/* What is known by a lower bound only is broken; colors come back with another dash. */
static const char *dash_of(int n, bool is_bound)
{
    return is_bound ? (n < KR_COLORS ? "'-'" : "'.'") : n < KR_COLORS ? "1" : "'_. '";
}

/* Learned moves are thick. */
static void write_curves(const kr_compare *study, kr_gnuplot *g)
{
    int n = 0;
    fputs("plot ", g->script);
    for (int32_t r = 0; r < study->n_rows; r++) {
        const kr_compare_row *row = &study->row[r];
        bool is_bound = row->status == KR_COMPARE_NOT_RESOLVED;
        char title[160];
        if (!kr_compare_has_cost(row) || !(row->cost > 0.0)) {
            continue;
        }
        int block = kr_gnuplot_block(g, row->name);
        write_curve(g, row);
        snprintf(title, sizeof title, "%s%s", row->name, is_bound ? " (at least)" : "");
        fprintf(g->script,
                "%sdata index %d using 1:2 with lines lw %s lc rgb '%s' dt %s title ",
                n ? ", \\\n     " : "", block, kr_compare_is_learned(row) ? "4" : "2",
                kr_gnuplot_color(n), dash_of(n, is_bound));
        kr_gnuplot_text(g, title, 100);
        fputs(" noenhanced", g->script);
        n++;
    }
    fputc('\n', g->script);
}

/* Where another candidate becomes the cheapest. */
static void write_marks(const kr_compare *study, kr_gnuplot *g)
{
    kr_compare_range range[KR_COMPARE_ROWS];
    int32_t n = kr_compare_ranges(study, range);
    for (int32_t k = 1; k < n; k++) {
        char count[KR_COMPARE_TIME];
        double at = range[k].from_n;
        if (!(at > 1.0 && at < pow(10.0, DECADES))) {
            continue;
        }
        fprintf(
            g->script,
            "set arrow from %.6g, graph 0 to %.6g, graph 1 nohead lw 1 dt 3 lc rgb '#888888'\n"
            "set label 'n* = %s' at %.6g, graph 0.03 left offset 0.5,0 font ',10'\n",
            at, at, kr_compare_count(count, at), at);
    }
}

int kr_compare_plot(const kr_compare *study, const char *figure, kr_error *err)
{
    const kr_spec *spec = study->spec;
    kr_gnuplot g = { 0 };
    char title[160];
    int32_t n = 0;
    for (int32_t r = 0; r < study->n_rows; r++) {
        n += kr_compare_has_cost(&study->row[r]) && study->row[r].cost > 0.0;
    }
    if (n == 0) {
        return kr_fail(err, KR_EUNSUP, "compare: no candidate has a cost to draw");
    }
    int status = kr_gnuplot_open(&g, figure, 800, 640, err);
    if (status == KR_OK) {
        snprintf(title, sizeof title, "%s on %s, %d sites, beta = %.6g", spec->model->name,
                 spec->lattice_plug->name, spec->target[0].terms->n_sites,
                 spec->target[0].beta);
        fputs("set title ", g.script);
        kr_gnuplot_text(&g, title, 150);
        fprintf(g.script,
                " noenhanced\nset logscale xy\nset xrange [1:1e%d]\n"
                "set format x '10^{%%T}'\nset format y '10^{%%T}'\n"
                "set xlabel 'independent samples of the slowest observable' offset 0,0.2\n"
                "set ylabel 'CPU-seconds, set-up and training included'\n"
                "set key below maxcols 2 Left reverse samplen 3 width 1 height 1\n"
                "set grid lc rgb '#DDDDDD'\n",
                DECADES);
        write_marks(study, &g);
        write_curves(study, &g);
        status = kr_gnuplot_draw(&g, err);
    }
    kr_gnuplot_close(&g);
    return status;
}
