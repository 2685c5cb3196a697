/* SPDX-License-Identifier: GPL-3.0-or-later
 * analysis/plot_reweight.c - curves of reweighting with bands of one error, and the means of
 * the points of all files on them. */
#include "analysis/plot.h"

#include "analysis/reweight.h"
#include "analysis/summary.h"
#include "base/memory.h"

#include <math.h>
#include <string.h>

#define TARGETS  201
#define PANELS   4
#define NAME_MAX 64

static const char *const wanted[] = {
    "energy_per_site",        "specific_heat",      "abs_magnetization_per_site",
    "magnetization_per_site", "susceptibility_abs", "binder"
};

/* At most four curves; the mean of m stands in where |m| is not there. */
static int choose(const kr_reweighting *r, const kr_curve *curve[PANELS])
{
    int n = 0;
    bool has_abs = false;
    for (size_t k = 0; k < sizeof wanted / sizeof *wanted; k++) {
        for (int c = 0; c < r->n_curves && n < PANELS; c++) {
            const bool is_m = strcmp(wanted[k], "magnetization_per_site") == 0;
            if (strcmp(r->curve[c].name, wanted[k]) == 0 && !(is_m && has_abs) && k != 4) {
                has_abs = has_abs || strcmp(wanted[k], "abs_magnetization_per_site") == 0;
                curve[n++] = &r->curve[c];
            }
        }
    }
    return n;
}

static void write_curve(kr_gnuplot *g, const kr_reweighting *r, const kr_curve *curve)
{
    bool is_open = false;
    kr_gnuplot_block(g, curve->name);
    for (int64_t t = 0; t < r->n_targets; t++) {
        if (kr_reweighting_holds(r, t)) {
            fprintf(g->data, "%.10g %.10g %.4g\n", r->at[t], curve->value[t], curve->error[t]);
        } else if (is_open) {
            fputs("\n", g->data); /* a gap; two empty lines would end the block */
        }
        is_open = kr_reweighting_holds(r, t);
    }
}

/* The parameter of the curves at a point of a file. */
static double place_of(const kr_source *source, const kr_summary *s, const kr_reweighting *r,
                       int64_t p)
{
    for (int k = 0; k < s->points.n_params && !r->is_beta; k++) {
        const char *name = s->points.name[k];
        if (strcmp(strncmp(name, "model.", 6) == 0 ? name + 6 : name, r->parameter) == 0) {
            return s->points.value[k * s->n_points + p];
        }
    }
    return kr_series_constant(source->reader, "constant_data", "beta", p);
}

static void write_points(kr_gnuplot *g, const kr_source *source, const kr_summary *s, int n,
                         const kr_reweighting *r, const char *name)
{
    kr_gnuplot_block(g, "points");
    for (int f = 0; f < n; f++) {
        const int64_t n_points = s[f].n_points;
        for (int k = 0; k < s[f].n_quantities; k++) {
            const kr_quantity *q = &s[f].quantity[k * n_points];
            for (int64_t p = 0; p < n_points && strcmp(q->name, name) == 0; p++) {
                if (!q[p].is_bad && isfinite(q[p].estimate.mean)) {
                    fprintf(g->data, "%.10g %.10g %.4g\n", place_of(&source[f], &s[f], r, p),
                            q[p].estimate.mean, fmax(0.0, q[p].estimate.error));
                }
            }
        }
    }
}

static void write_panel(kr_gnuplot *g, const kr_reweighting *r, const kr_curve *curve, int k,
                        int n, int block)
{
    char label[KR_SERIES_NAME + 40];
    bool has_unit = curve->unit[0] && strcmp(curve->unit, "1") != 0;
    snprintf(label, sizeof label, "%s%s%s%s", curve->name, has_unit ? " [" : "",
             has_unit ? curve->unit : "", has_unit ? "]" : "");
    for (char *c = label; *c; c++) {
        *c = *c == '_' ? ' ' : *c;
    }
    fprintf(g->script, "set ylabel ");
    kr_gnuplot_text(g, label, NAME_MAX);
    fputs("\nset xlabel ", g->script);
    kr_gnuplot_text(g, k < n - 2 ? "" : r->is_beta ? "beta [1/J]" : r->parameter, NAME_MAX);
    fputs(" noenhanced\n", g->script);
    fprintf(g->script,
            "plot data index %d using 1:($2-$3):($2+$3) with filledcurves fc rgb '%s' fs "
            "transparent solid 0.3 notitle, '' index %d using 1:2 with lines lw 1.5 lc rgb "
            "'%s' %s, '' index %d using 1:2:3 with yerrorbars pt 7 ps 0.5 lc rgb 'black' %s\n",
            block, kr_gnuplot_color(k), block, kr_gnuplot_color(k),
            k == 0 ? "title 'all points together'" : "notitle", block + 1,
            k == 0 ? "title 'single points'" : "notitle");
}

static int draw(kr_gnuplot *g, const kr_source *source, const kr_reweighting *r,
                const kr_summary *s, int n_sources, kr_error *err)
{
    const kr_curve *curve[PANELS];
    const int n = choose(r, curve);
    if (n == 0) {
        return kr_fail(err, KR_EUNSUP, "%s: no energy and no order parameter to draw",
                       source->path);
    }
    int64_t n_held = 0;
    for (int64_t t = 0; t < r->n_targets; t++) {
        n_held += kr_reweighting_holds(r, t);
    }
    if (n_held < 2) { /* not even beside the points */
        return kr_fail(err, KR_EUNSUP,
                       "%s: the draws reach no other %s, want more independent ones",
                       source->path, r->parameter);
    }
    for (int k = 0; k < n; k++) {
        write_curve(g, r, curve[k]);
        write_points(g, source, s, n_sources, r, curve[k]->name);
    }
    fprintf(g->script,
            "set multiplot layout %d,%d margins 0.11,0.97,0.11,0.9 spacing 0.13,0.1 title ",
            n > 2 ? 2 : 1, n > 1 ? 2 : 1);
    kr_gnuplot_text(g, source->title, NAME_MAX);
    fprintf(g->script, " noenhanced font ',13'\nset key top right\nset xtics %g\n",
            kr_gnuplot_step(r->at[r->n_targets - 1] - r->at[0], 5));
    for (int k = 0; k < n; k++) {
        write_panel(g, r, curve[k], k, n, 2 * k);
    }
    fprintf(g->script, "unset multiplot\n");
    return KR_OK;
}

static int compute(const kr_source *source, int n, kr_reweighting *r, kr_summary *s,
                   kr_error *err)
{
    const kr_reweight_options options = { .from = NAN, .to = NAN, .n = TARGETS };
    kr_reader *readers[KR_PLOT_FILES];
    const char *paths[KR_PLOT_FILES];
    for (int k = 0; k < n; k++) {
        readers[k] = source[k].reader;
        paths[k] = source[k].path;
    }
    int status = kr_reweighting_compute(readers, paths, n, &options, r, err);
    for (int k = 0; k < n && status == KR_OK; k++) {
        status = kr_summary_compute(readers[k], paths[k], &s[k], err);
    }
    return status;
}

int kr_reweight_draw(kr_gnuplot *g, const kr_source *source, int n_sources, kr_error *err)
{
    kr_reweighting r = { 0 };
    kr_summary *s = kr_alloc((size_t)n_sources, sizeof *s, err);
    int status = s ? compute(source, n_sources, &r, s, err) : KR_ENOMEM;
    if (status == KR_OK) {
        status = draw(g, source, &r, s, n_sources, err);
    }
    for (int k = 0; s && k < n_sources; k++) {
        kr_summary_clear(&s[k]);
    }
    kr_free(s);
    kr_reweighting_clear(&r);
    return status;
}
