/* SPDX-License-Identifier: GPL-3.0-or-later
 * study/phase_plot.c - the figure of a study of classifiers: P(ordered) of both against the
 * parameter, and the Binder cumulant of the same draws below. */
#include "analysis/gnuplot.h"
#include "study/phase_private.h"

#include <math.h>

enum { HEIGHT = 360 };

static void write_blocks(const kr_phase_study *study, kr_gnuplot *g)
{
    for (int32_t k = 0; k < study->n_sizes; k++) {
        const kr_phase_size *s = &study->size[k];
        char name[32];
        snprintf(name, sizeof name, "size %d", s->side);
        kr_gnuplot_block(g, name);
        fprintf(g->data, "# %s, P of logistic, error, binder, error%s\n",
                kr_study_parameter(&study->base),
                study->has_net ? ", P of network, error" : "");
        for (int32_t p = 0; p < study->n_points; p++) {
            const kr_phase_curve *a = s->curve[KR_PHASE_LOGISTIC],
                                 *b = s->curve[KR_PHASE_NETWORK];
            fprintf(g->data, "%.12g %.8g %.3g %.8g %.3g", study->at[p], a->p[p], a->error[p],
                    s->binder[p], s->binder_error[p]);
            if (study->has_net) {
                fprintf(g->data, " %.8g %.3g", b->p[p], b->error[p]);
            }
            fputc('\n', g->data);
        }
    }
}

static void write_curves(const kr_phase_study *study, kr_gnuplot *g, const char *columns,
                         bool has_titles)
{
    static const int mark[] = { 7, 5, 9, 11 };
    fputs("plot ", g->script);
    for (int32_t k = 0; k < study->n_sizes; k++) {
        fprintf(g->script,
                "%sdata index %d using %s with yerrorlines lw 1.5 ps 0.5 pt %d lc rgb '%s'",
                k ? ", \\\n     " : "", k, columns, mark[k % 4], kr_gnuplot_color(k));
        if (has_titles) {
            fprintf(g->script, " title 'L = %d'", study->size[k].side);
        } else {
            fputs(" notitle", g->script);
        }
    }
    fputc('\n', g->script);
}

/* What was trained on is gray, what is known a line; of a limit a band. */
static void write_ground(const kr_phase_study *study, kr_gnuplot *g)
{
    const double *at = study->at, low = study->base.low, high = study->base.high;
    fprintf(
        g->script,
        "set xrange [%.10g:%.10g]\nset xtics %.6g\nset format x '%%.8g'\n"
        "set grid lc rgb '#DDDDDD'\nset xlabel '%s%s' noenhanced\n"
        "set object 1 rectangle from %.10g, graph 0 to %.10g, graph 1 fs solid 0.25 noborder "
        "fc rgb '#BBBBBB' behind\n"
        "set object 2 rectangle from %.10g, graph 0 to %.10g, graph 1 fs solid 0.25 noborder "
        "fc rgb '#BBBBBB' behind\n",
        low, high, kr_gnuplot_step(high - low, 8), kr_study_parameter(&study->base),
        study->base.is_beta ? " [1/J]" : "", low, at[study->window[0][0]],
        at[study->window[0][1]], high);
    if (isfinite(study->base.known)) {
        fprintf(g->script,
                "set arrow 1 from %.12g, graph 0 to %.12g, graph 1 nohead dt 2 lw 1.5 lc rgb "
                "'#444444'\n",
                study->base.known, study->base.known);
    }
}

int kr_phase_plot(const kr_phase_study *study, kr_error *err)
{
    kr_gnuplot g = { 0 };
    char path[KR_STUDY_PATH], title[256];
    const int panels = study->has_net ? 3 : 2;
    kr_study_name(&study->base, "phase.svg", path);
    int status = kr_gnuplot_open(&g, path, 800, panels * HEIGHT, err);
    if (status == KR_OK) {
        write_blocks(study, &g);
        snprintf(title, sizeof title, "%s on %s, %dD; gray: trained on%s",
                 study->base.spec->model->name, study->base.spec->lattice_plug->name,
                 study->base.n_dims,
                 isfinite(study->base.known) ? "; dashed: known transition" : "");
        fprintf(g.script,
                "set multiplot layout %d,1 margins 0.11,0.97,%.3f,%.3f spacing 0,%.3f title ",
                panels, 70.0 / (panels * HEIGHT), 1.0 - 40.0 / (panels * HEIGHT),
                75.0 / (panels * HEIGHT));
        kr_gnuplot_text(&g, title, 160);
        fputs(" noenhanced\n", g.script);
        write_ground(study, &g);
        fprintf(g.script,
                "set yrange [-0.03:1.03]\nset key %s center\n"
                "set ylabel 'P(ordered), logistic regression'\n",
                study->ordered_is_high ? "left" : "right");
        write_curves(study, &g, "1:2:3", true);
        if (study->has_net) {
            fputs("set ylabel 'P(ordered), network'\n", g.script);
            write_curves(study, &g, "1:6:7", false);
        }
        fputs("set yrange [*:*]\nset ylabel 'Binder cumulant'\n", g.script);
        write_curves(study, &g, "1:4:5", false);
        fputs("unset multiplot\n", g.script);
        status = kr_gnuplot_draw(&g, err);
    }
    kr_gnuplot_close(&g);
    return status;
}
