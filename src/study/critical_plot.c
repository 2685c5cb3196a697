/* SPDX-License-Identifier: GPL-3.0-or-later
 * study/critical_plot.c - figures of a study: crossings of xi/L and of the Binder cumulant and
 * their collapse, or the distribution of the conjugate at coexistence. */
#include "analysis/gnuplot.h"
#include "study/critical_private.h"

#include <math.h>

/* Index of the block of size k: each has one. */
static void write_blocks(const kr_critical *study, kr_gnuplot *g)
{
    const double c = study->fit.critical.value, y = study->fit.exponent.value;
    for (int32_t k = 0; k < study->n_sizes; k++) {
        const kr_critical_size *s = &study->size[k];
        char name[32];
        snprintf(name, sizeof name, "size %d", s->side);
        kr_gnuplot_block(g, name);
        fprintf(g->data, "# %s, xi/L, error, binder, error, x, |m| L^(beta/nu), error\n",
                kr_study_parameter(&study->base));
        const double power = -study->fit.abs.value * log(s->side);
        for (int p = 0; p < KR_CRITICAL_CURVE; p++) {
            const double *v = s->curve[p], *e = s->curve_error[p];
            const double m = exp(v[KR_SCALING_ABS] + power);
            if (isfinite(s->curve_at[p])) {
                fprintf(g->data, "%.12g %.8g %.3g %.8g %.3g %.8g %.8g %.3g\n", s->curve_at[p],
                        v[KR_SCALING_RATIO], e[KR_SCALING_RATIO], v[KR_SCALING_BINDER],
                        e[KR_SCALING_BINDER], (s->curve_at[p] - c) * pow(s->side, y), m,
                        m * e[KR_SCALING_ABS]);
            }
        }
    }
}

static void write_curves(const kr_critical *study, kr_gnuplot *g, const char *columns,
                         bool has_titles)
{
    fputs("plot ", g->script);
    for (int32_t k = 0; k < study->n_sizes; k++) {
        fprintf(g->script,
                "%sdata index %d using %s with yerrorlines lw 1.5 ps 0.4 pt %d lc rgb '%s'",
                k ? ", \\\n     " : "", k, columns,
                k % 3 == 0   ? 7
                : k % 3 == 1 ? 5
                             : 9,
                kr_gnuplot_color(k));
        if (has_titles) {
            fprintf(g->script, " title 'L = %d'", study->size[k].side);
        } else {
            fputs(" notitle", g->script);
        }
    }
    fputc('\n', g->script);
}

static int open_figure(const kr_critical *study, const char *name, int width, int height,
                       kr_gnuplot *g, kr_error *err)
{
    char path[KR_STUDY_PATH];
    kr_study_name(&study->base, name, path);
    return kr_gnuplot_open(g, path, width, height, err);
}

static void write_title(const kr_critical *study, const char *what, kr_gnuplot *g)
{
    char title[256];
    snprintf(title, sizeof title, "%s on %s, %dD: %s", study->base.spec->model->name,
             study->base.spec->lattice_plug->name, study->base.n_dims, what);
    kr_gnuplot_text(g, title, 120);
    fputs(" noenhanced\n", g->script);
}

static void range_of(const kr_critical_size *s, double *low, double *high)
{
    *low = INFINITY;
    *high = -INFINITY;
    for (int p = 0; p < KR_CRITICAL_CURVE; p++) {
        *low = fmin(*low, s->curve_at[p]);
        *high = fmax(*high, s->curve_at[p]);
    }
}

static int plot_crossing(const kr_critical *study, kr_error *err)
{
    kr_gnuplot g = { 0 };
    const double c = study->fit.critical.value, e = study->fit.critical.error;
    double low, high;
    range_of(&study->size[study->n_sizes / 2], &low, &high);
    int status =
        open_figure(study, "crossing.svg", 800, study->base.has_ratio ? 820 : 480, &g, err);
    if (status == KR_OK) {
        write_blocks(study, &g);
        fputs("set multiplot layout ", g.script);
        fprintf(g.script, "%d,1 margins 0.11,0.97,0.1,0.93 spacing 0,0.1 title ",
                study->base.has_ratio ? 2 : 1);
        write_title(study, "crossing of sizes", &g);
        fprintf(g.script,
                "set xrange [%.10g:%.10g]\nset xtics %.6g\nset format x '%%.8g'\n"
                "set key right bottom maxrows 4\nset grid lc rgb '#DDDDDD'\n"
                "set arrow 1 from %.12g, graph 0 to %.12g, graph 1 nohead dt 2 lc rgb "
                "'#666666'\n"
                "set object 1 rectangle from %.12g, graph 0 to %.12g, graph 1 fs solid 0.3 "
                "noborder fc rgb '#999999' behind\n"
                "set xlabel '%s' noenhanced\n",
                low, high, kr_gnuplot_step(high - low, 6), c, c, c - e, c + e,
                kr_study_parameter(&study->base));
        if (study->base.has_ratio) {
            fputs("set ylabel 'correlation length / L'\n", g.script);
            write_curves(study, &g, "1:2:3", true);
        }
        fputs("set ylabel 'Binder cumulant'\n", g.script);
        write_curves(study, &g, "1:4:5", !study->base.has_ratio);
        fputs("unset multiplot\n", g.script);
        status = kr_gnuplot_draw(&g, err);
    }
    kr_gnuplot_close(&g);
    return status;
}

static int plot_collapse(const kr_critical *study, kr_error *err)
{
    kr_gnuplot g = { 0 };
    const double y = study->fit.exponent.value, beta = -study->fit.abs.value;
    int status = open_figure(study, "collapse.svg", 800, 820, &g, err);
    if (status == KR_OK) {
        write_blocks(study, &g);
        fputs("set multiplot layout 2,1 margins 0.11,0.97,0.1,0.93 spacing 0,0.12 title ",
              g.script);
        write_title(study, "collapse", &g);
        fprintf(g.script,
                "set key right bottom maxrows 4\nset grid lc rgb '#DDDDDD'\n"
                "set xlabel '(%s - %.8g) L^{1/ν}, 1/ν = %.4g'\n"
                "set ylabel '%s'\n",
                kr_study_parameter(&study->base), study->fit.critical.value, y,
                study->base.has_ratio ? "correlation length / L" : "Binder cumulant");
        write_curves(study, &g, study->base.has_ratio ? "6:2:3" : "6:4:5", true);
        fprintf(g.script, "set ylabel '<|m|> L^{β/ν}, β/ν = %.4g'\n", beta);
        write_curves(study, &g, "6:7:8", false);
        fputs("unset multiplot\n", g.script);
        status = kr_gnuplot_draw(&g, err);
    }
    kr_gnuplot_close(&g);
    return status;
}

static int plot_coexistence(const kr_critical *study, kr_error *err)
{
    kr_gnuplot g = { 0 };
    int status = open_figure(study, "coexistence.svg", 800, 520, &g, err);
    if (status == KR_OK) {
        for (int32_t k = 0; k < study->n_sizes; k++) {
            const kr_critical_size *s = &study->size[k];
            char name[32];
            snprintf(name, sizeof name, "size %d", s->side);
            kr_gnuplot_block(&g, name);
            for (int b = 0; b < KR_CRITICAL_BINS; b++) {
                if (s->bin_p[b] > 0.0) {
                    fprintf(g.data, "%.8g %.6g\n", s->bin_x[b], s->bin_p[b]);
                }
            }
        }
        fputs("set title ", g.script);
        write_title(study, "two phases, each size where its peaks are equally high", &g);
        fprintf(g.script,
                "set logscale y\nset format y '10^{%%T}'\nset grid lc rgb '#DDDDDD'\n"
                "set xlabel '%s'\nset ylabel 'probability density'\nset key top center "
                "maxrows 2\nplot ",
                study->base.is_beta ? "energy per site [J]" : "conjugate per site");
        for (int32_t k = 0; k < study->n_sizes; k++) {
            fprintf(g.script, "%sdata index %d with lines lw 2 lc rgb '%s' title 'L = %d'",
                    k ? ", \\\n     " : "", k, kr_gnuplot_color(k), study->size[k].side);
        }
        fputc('\n', g.script);
        status = kr_gnuplot_draw(&g, err);
    }
    kr_gnuplot_close(&g);
    return status;
}

int kr_critical_plot(const kr_critical *study, kr_error *err)
{
    if (study->has_first) {
        KR_TRY(plot_coexistence(study, err));
    }
    if (study->has_fit && study->order != KR_CRITICAL_FIRST) {
        KR_TRY(plot_crossing(study, err));
        KR_TRY(plot_collapse(study, err));
    }
    return KR_OK;
}
