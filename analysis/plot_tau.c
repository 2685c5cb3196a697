/* SPDX-License-Identifier: GPL-3.0-or-later
 * analysis/plot_tau.c - autocorrelation functions of energy and order parameter with the window
 * of the Gamma method; of a scan, tau_int against its parameter.
 *
 * Errors of rho: Luscher, Comput. Phys. Commun. 165, 199 (2005), eq. (E.11). */
#include "analysis/plot.h"

#include "base/memory.h"
#include "stats/stats.h"

#include <math.h>
#include <string.h>

#define LAGS_MAX 1000

/* rho[0..n_lags) about the common mean, corrected for its bias with the sum over the window as
 * tau_int is. */
static void correlate(const kr_series *series, const double *x, const kr_estimate *e,
                      int64_t n_lags, double *rho)
{
    const int64_t draws = series->n_draws, chains = series->n_chains;
    for (int64_t t = 0; t < n_lags; t++) {
        double sum = 0.0;
        for (int64_t c = 0; c < chains; c++) {
            const double *y = x + c * draws;
            for (int64_t k = 0; k + t < draws; k++) {
                sum += (y[k] - e->mean) * (y[k + t] - e->mean);
            }
        }
        rho[t] = sum / (double)(chains * (draws - t));
    }
    double area = rho[0];
    for (int64_t t = 1; t <= e->window && t < n_lags; t++) {
        area += 2.0 * rho[t];
    }
    const double bias = area / (double)(chains * draws);
    for (int64_t t = n_lags - 1; t >= 0; t--) {
        rho[t] = (rho[t] + bias) / (rho[0] + bias);
    }
}

static double rho_error(const double *rho, int64_t n_lags, int64_t t, int64_t window, double n)
{
    double sum = 0.0;
    for (int64_t k = 1; k <= t + window; k++) {
        const int64_t far = k + t, near = k > t ? k - t : t - k;
        const double a = far < n_lags ? rho[far] : 0.0, b = near < n_lags ? rho[near] : 0.0;
        const double d = a + b - 2.0 * rho[t] * (k < n_lags ? rho[k] : 0.0);
        sum += d * d;
    }
    return sqrt(sum / n);
}

/* Estimate of a point; x (n_chains, n_draws) is filled. */
static int estimate(const kr_source *source, const kr_series *series, int64_t point, double *x,
                    kr_estimate *e, kr_error *err)
{
    kr_error why = { 0 };
    kr_series_point(series, point, x);
    if (kr_gamma_estimate(x, series->n_chains, series->n_draws, e, &why) != KR_OK) {
        return kr_fail(err, KR_EUNSUP, "%s: no autocorrelation: %s", source->path, why.text);
    }
    return KR_OK;
}

static int write_function(kr_gnuplot *g, const kr_series *series, const double *x,
                          const kr_estimate *e, int64_t n_lags, const char *name, kr_error *err)
{
    double *rho = kr_alloc((size_t)n_lags, sizeof *rho, err);
    if (!rho) {
        return KR_ENOMEM;
    }
    char comment[2 * KR_SERIES_NAME + 40];
    snprintf(comment, sizeof comment, "%s: lag, rho, error", name);
    kr_gnuplot_block(g, comment);
    correlate(series, x, e, n_lags, rho);
    const double n = (double)(series->n_chains * series->n_draws);
    for (int64_t t = 0; t < n_lags; t++) {
        fprintf(g->data, "%lld %.8g %.4g\n", (long long)t, rho[t],
                t ? rho_error(rho, n_lags, t, e->window, n) : 0.0);
    }
    kr_free(rho);
    return KR_OK;
}

typedef struct kr_curve_of_tau {
    char label[160];
    int block;
    int64_t window;
} kr_curve_of_tau;

static void plot_functions(kr_gnuplot *g, const kr_curve_of_tau *curve, int n, int64_t n_lags)
{
    fprintf(g->script,
            "set xrange [0:%lld]\nset yrange [*<-0.05:1.02]\nset ylabel 'autocorrelation "
            "ρ(t)'\nset xzeroaxis lc rgb '#888888'\nset key top right spacing 1.4\n",
            (long long)n_lags - 1);
    for (int k = 0; k < n; k++) {
        fprintf(g->script,
                "set arrow from %lld, graph 0 to %lld, graph 0.6 nohead dt 2 lw 1.5 lc rgb "
                "'%s'\n",
                (long long)curve[k].window, (long long)curve[k].window,
                kr_gnuplot_color(k ? 3 : 0));
    }
    for (int k = 0; k < n; k++) {
        const char *color = kr_gnuplot_color(k ? 3 : 0);
        fprintf(g->script,
                "%sdata index %d using 1:($2-$3):($2+$3) with filledcurves fc rgb '%s' fs "
                "transparent solid 0.25 notitle, '' index %d using 1:2 with %s lw 2 %s lc rgb "
                "'%s' title ",
                k ? ", \\\n     " : "plot ", curve[k].block, color, curve[k].block,
                n_lags > 60 ? "lines" : "linespoints", n_lags > 60 ? "" : "pt 7 ps 0.5", color);
        kr_gnuplot_text(g, curve[k].label, sizeof curve[k].label);
    }
    fputs(", NaN with lines dt 2 lc rgb '#444444' title 'window of the sum'\n", g->script);
}

static int64_t count_lags(const kr_series *series, const kr_estimate *e)
{
    int64_t n = 2 * e->window + 10;
    n = n < LAGS_MAX ? n : LAGS_MAX;
    return n < 3 * series->n_draws / 4 ? n : 3 * series->n_draws / 4; /* beyond: noise */
}

static int draw_functions(kr_gnuplot *g, const kr_source *source, const kr_series *series,
                          char name[2][KR_SERIES_NAME], int n, double *x, kr_error *err)
{
    kr_curve_of_tau curve[2];
    kr_estimate e[2];
    int n_curves = 0;
    int64_t n_lags = 0;
    for (int k = 0; k < n; k++) {
        KR_TRY(estimate(source, &series[k], 0, x, &e[k], err));
        const int64_t lags = e[k].is_constant ? 0 : count_lags(&series[k], &e[k]);
        n_lags = lags > n_lags ? lags : n_lags;
    }
    for (int k = 0; k < n; k++) {
        if (e[k].is_constant) {
            continue;
        }
        char label[KR_SERIES_NAME + 80];
        kr_plot_label(source->reader, name[k], label, sizeof label);
        label[strcspn(label, "[")] = '\0';
        kr_curve_of_tau *c = &curve[n_curves++];
        snprintf(c->label, sizeof c->label, "%.60s%s τ_{int} %s %.3g ± %.2g draws", label,
                 strchr(label, '\0')[-1] == ' ' ? "" : " ", e[k].is_window_closed ? "=" : ">",
                 e[k].tau_int, e[k].tau_int_error);
        c->block = g->n_blocks;
        c->window = e[k].window;
        kr_series_point(&series[k], 0, x);
        KR_TRY(write_function(g, &series[k], x, &e[k], n_lags, name[k], err));
    }
    if (n_curves == 0) {
        return kr_fail(err, KR_EUNSUP, "%s: energy and order parameter never change",
                       source->path);
    }
    char text[128] = "lag t [draws]";
    if (isfinite(source->every)) {
        snprintf(text, sizeof text, "lag t [draws of %.0f step%s]", source->every,
                 source->every == 1.0 ? "" : "s");
    }
    fputs("set xlabel ", g->script);
    kr_gnuplot_text(g, text, sizeof text);
    fputc('\n', g->script);
    plot_functions(g, curve, n_curves, n_lags);
    return KR_OK;
}

static int draw_scan(kr_gnuplot *g, const kr_source *source, const kr_series *series,
                     char name[2][KR_SERIES_NAME], int n, double *x, kr_error *err)
{
    int n_values = 0;
    kr_plot_axis axis;
    KR_TRY(kr_plot_axis_load(source, series[0].n_points, &axis, err));
    fputs(
        "set logscale y\nset ylabel 'τ_{int} [draws]'\nset bmargin at screen 0.17\nset key at "
        "screen 0.5,0.03 center horizontal\nset xlabel ",
        g->script);
    kr_gnuplot_text(g, axis.label, sizeof axis.label);
    fputs(" noenhanced\nset offsets graph 0.03, graph 0.03, 0, 0\n", g->script);
    for (int k = 0; k < n; k++) {
        char comment[2 * KR_SERIES_NAME + 64], label[KR_SERIES_NAME + 80];
        snprintf(comment, sizeof comment, "%s: parameter, tau_int, low, high", name[k]);
        const int block = kr_gnuplot_block(g, comment);
        for (int64_t p = 0; p < series[k].n_points; p++) {
            kr_estimate e;
            int status = estimate(source, &series[k], p, x, &e, err);
            if (status != KR_OK) {
                kr_free(axis.value);
                return status;
            }
            if (e.is_constant) {
                fprintf(g->data, "%.10g nan nan nan\n", axis.value[p]);
                continue;
            }
            n_values++; /* an axis of logarithms: the error bar ends above zero */
            fprintf(g->data, "%.10g %.8g %.8g %.8g\n", axis.value[p], e.tau_int,
                    fmax(e.tau_int - e.tau_int_error, 0.1 * e.tau_int),
                    e.tau_int + e.tau_int_error);
        }
        kr_plot_label(source->reader, name[k], label, sizeof label);
        label[strcspn(label, "[")] = '\0';
        fprintf(g->script,
                "%sdata index %d using 1:2:3:4 with yerrorlines pt %d ps 0.8 lw 1.5 lc rgb "
                "'%s' title ",
                k ? "" : "plot ", block, k ? 5 : 7, kr_gnuplot_color(k ? 3 : 0));
        kr_gnuplot_text(g, label, sizeof label);
        fputs(k + 1 < n ? ", \\\n     " : "\n", g->script);
    }
    kr_free(axis.value);
    return n_values ? KR_OK
                    : kr_fail(err, KR_EUNSUP, "%s: energy and order parameter never change",
                              source->path);
}

int kr_tau_draw(kr_gnuplot *g, const kr_source *source, int n_sources, kr_error *err)
{
    (void)n_sources;
    char name[2][KR_SERIES_NAME];
    kr_series series[2] = { { 0 } };
    int n = kr_plot_columns(source->reader, name);
    if (n == 0 || kr_series_exists(source->reader, "sample_stats", "log_z_ratio")) {
        return kr_fail(err, KR_EUNSUP, "%s: %s", source->path,
                       n ? "draws are runs of population annealing, which are independent"
                         : "no energy_per_site or magnetization_per_site, want one of them");
    }
    int status = kr_plot_load_columns(source, name, n, series, err);
    double *x = NULL;
    if (status == KR_OK) {
        x = kr_alloc((size_t)(series[0].n_chains * series[0].n_draws), sizeof *x, err);
        status = x ? KR_OK : KR_ENOMEM;
    }
    if (status == KR_OK) {
        char title[384];
        snprintf(title, sizeof title, "%s", source->title);
        kr_plot_tell_cut(&series[0], title, sizeof title);
        fputs("set title ", g->script);
        kr_gnuplot_text(g, title, 100);
        fputs(" noenhanced font ',13'\n", g->script);
        status = series[0].n_points > 1 ? draw_scan(g, source, series, name, n, x, err)
                                        : draw_functions(g, source, series, name, n, x, err);
    }
    kr_free(x);
    for (int k = 0; k < 2; k++) {
        kr_series_clear(&series[k]);
    }
    return status;
}
