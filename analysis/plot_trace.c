/* SPDX-License-Identifier: GPL-3.0-or-later
 * analysis/plot_trace.c - energy and order parameter of a few chains against draws. */
#include "analysis/plot.h"

#include <math.h>

#define CHAINS_SHOWN 4
#define BUCKETS      800 /* about one per pixel */

/* Long chains are reduced to the smallest and largest value of each bucket, in order. */
static void write_chain(kr_gnuplot *g, const kr_series *series, int64_t chain, int64_t point)
{
    int64_t width = series->n_draws / BUCKETS + (series->n_draws % BUCKETS != 0);
    const double *x = series->value + chain * series->n_draws * series->n_points + point;
    for (int64_t begin = 0; begin < series->n_draws; begin += width) {
        int64_t low = begin, high = begin;
        for (int64_t t = begin; t < begin + width && t < series->n_draws; t++) {
            low = x[t * series->n_points] < x[low * series->n_points] ? t : low;
            high = x[t * series->n_points] > x[high * series->n_points] ? t : high;
        }
        int64_t first = low < high ? low : high, second = low < high ? high : low;
        fprintf(g->data, "%lld %.10g\n", (long long)first, x[first * series->n_points]);
        if (second > first) {
            fprintf(g->data, "%lld %.10g\n", (long long)second, x[second * series->n_points]);
        }
    }
}

static void find_range(const kr_series *series, int64_t chains, int64_t point, double *low,
                       double *high)
{
    *low = INFINITY;
    *high = -INFINITY;
    for (int64_t k = 0; k < chains * series->n_draws; k++) {
        *low = fmin(*low, series->value[k * series->n_points + point]);
        *high = fmax(*high, series->value[k * series->n_points + point]);
    }
    double pad =
        kr_plot_is_constant(*low, *high) ? 0.1 * fabs(*high) + 1e-3 : 0.06 * (*high - *low);
    *low -= pad;
    *high += pad;
}

/* One column of panels: the same quantity in every chain, on the same scale. */
static void draw_column(kr_gnuplot *g, const kr_source *source, const kr_series *series,
                        const char *name, int column, int64_t point)
{
    char label[KR_SERIES_NAME + 80], x_label[64];
    double low, high;
    int64_t chains = series->n_chains < CHAINS_SHOWN ? series->n_chains : CHAINS_SHOWN;
    kr_plot_label(source->reader, name, label, sizeof label);
    kr_plot_draw_label(source, x_label, sizeof x_label);
    find_range(series, chains, point, &low, &high);
    double last = (double)series->n_draws;
    fprintf(g->script,
            "\nset xrange [0:%.0f]\nset xtics %.8g\nset yrange [%.8g:%.8g]\n"
            "set ytics %.8g\n",
            last, kr_gnuplot_step(last, 5), low, high, kr_gnuplot_step(high - low, 4));
    for (int64_t c = 0; c < chains; c++) {
        bool is_last = c == chains - 1;
        fputs(c == 0 ? "set title " : "set title ''\n", g->script);
        if (c == 0) {
            kr_gnuplot_text(g, label, 80);
            fputs(" noenhanced\n", g->script);
        }
        fputs(is_last ? "set format x '%.0f'\nset xlabel " : "set format x ''\nset xlabel ''\n",
              g->script);
        if (is_last) {
            kr_gnuplot_text(g, x_label, 80);
            fputc('\n', g->script);
        }
        fprintf(g->script, "set ylabel '%s%lld'\n", column ? "" : "chain ", (long long)c);
        if (column) {
            fputs("set ylabel ''\n", g->script);
        }
        char comment[2 * KR_SERIES_NAME + 48];
        snprintf(comment, sizeof comment, "chain %lld: draw, %s", (long long)c, name);
        int block = kr_gnuplot_block(g, comment);
        write_chain(g, series, c, point);
        fprintf(g->script, "plot data index %d using 1:2 with lines lw 1 lc rgb '%s' notitle\n",
                block, kr_gnuplot_color(column ? 3 : 0));
    }
}

static int draw_panels(kr_gnuplot *g, const kr_source *source, const kr_series *series,
                       char name[2][KR_SERIES_NAME], int n, kr_error *err)
{
    char title[384];
    int64_t point;
    KR_TRY(kr_plot_point(source->reader, series[0].n_points, &point, err));
    KR_TRY(kr_plot_title(source, point, series[0].n_points, title, sizeof title, err));
    kr_plot_tell_cut(&series[0], title, sizeof title);
    int64_t rows = series[0].n_chains < CHAINS_SHOWN ? series[0].n_chains : CHAINS_SHOWN;
    fprintf(g->script,
            "set multiplot layout %lld,%d columnsfirst margins 0.11,0.97,0.11,0.87 "
            "spacing 0.1,0.025 title ",
            (long long)rows, n);
    kr_gnuplot_text(g, title, 100);
    fputs(" noenhanced font ',13'\nset grid ytics lc rgb '#DDDDDD'\n",

          g->script);
    for (int k = 0; k < n; k++) {
        draw_column(g, source, &series[k], name[k], k, point);
    }
    fputs("unset multiplot\n", g->script);
    return KR_OK;
}

int kr_trace_draw(kr_gnuplot *g, const kr_source *source, int n_sources, kr_error *err)
{
    (void)n_sources;
    char name[2][KR_SERIES_NAME];
    kr_series series[2] = { { 0 } };
    int n = kr_plot_columns(source->reader, name);
    if (n == 0) {
        return kr_fail(err, KR_EUNSUP,
                       "%s: no energy_per_site or magnetization_per_site, want one of them",
                       source->path);
    }
    int status = kr_plot_load_columns(source, name, n, series, err);
    if (status == KR_OK) {
        status = draw_panels(g, source, series, name, n, err);
    }
    for (int k = 0; k < 2; k++) {
        kr_series_clear(&series[k]);
    }
    return status;
}
