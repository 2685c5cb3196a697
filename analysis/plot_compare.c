/* SPDX-License-Identifier: GPL-3.0-or-later
 * analysis/plot_compare.c - several runs of one system: CPU-seconds per independent sample of
 * each observable that all of them have, and in total, training included, against the number of
 * samples of the slowest one. A sample is independent after 2 tau_int draws. */
#include "analysis/plot.h"

#include "analysis/summary.h"
#include "base/runfile.h"
#include "io/files.h"

#include <math.h>
#include <string.h>

#define ROWS       8 /* observables shown */
#define DECADES    6
#define PER_DECADE 10

typedef struct kr_cost_of {
    double cost, error; /* CPU-seconds per independent sample; NaN: none */
    bool is_bound;      /* at least: correlated over half a chain */
} kr_cost_of;

typedef struct kr_sides {
    int n, n_rows;
    kr_summary summary[KR_PLOT_FILES];
    kr_runfile *file[KR_PLOT_FILES];          /* own */
    kr_quantity *row[ROWS];                   /* of the first file; borrowed */
    kr_cost_of cost[KR_PLOT_FILES][ROWS + 1]; /* last: of the slowest of the rows */
    char label[KR_PLOT_FILES][160];
} kr_sides;

/* The same model, lattice and beta. */
static int check_system(const kr_sides *sides, const kr_source *source, int k, kr_error *err)
{
    static const char *const keys[] = { "model", "lattice", "beta" };
    for (int part = 0; part < 3; part++) {
        if (!kr_node_is_same(kr_node_get(sides->file[0]->root, keys[part]),
                             kr_node_get(sides->file[k]->root, keys[part]))) {
            return kr_fail(err, KR_EUNSUP, "compare: %s and %s differ in %s, want one system",
                           source[0].path, source[k].path, keys[part]);
        }
    }
    return KR_OK;
}

static int load_side(kr_sides *sides, const kr_source *source, int k, kr_error *err)
{
    kr_summary *s = &sides->summary[k];
    const char *text = NULL;
    KR_TRY(kr_summary_compute(source[k].reader, source[k].path, s, err));
    if (s->n_points != 1 || s->flat || s->annealing || s->has_path) {
        return kr_fail(err, KR_EUNSUP,
                       "compare: %s has several points or weighted draws, want runs at one "
                       "beta",
                       source[k].path);
    }
    if (!(s->cost.sample_cpu_s > 0.0)) {
        return kr_fail(err, KR_EUNSUP, "compare: %s tells no cost", source[k].path);
    }
    if (!kr_reader_attr_text(source[k].reader, "", "", "run_file", &text)) {
        return kr_fail(err, KR_EUNSUP, "compare: %s holds no run file", source[k].path);
    }
    sides->file[k] = kr_runfile_parse(source[k].path, text, strlen(text), err);
    return sides->file[k] ? check_system(sides, source, k, err) : err->status;
}

static const kr_quantity *find(const kr_summary *s, const char *name)
{
    for (int q = 0; q < s->n_quantities; q++) {
        const kr_quantity *found = &s->quantity[q];
        if (strcmp(found->name, name) == 0 && !found->is_derived && !found->is_bad &&
            !found->is_same && !found->estimate.is_constant && found->estimate.ess > 0.0) {
            return found;
        }
    }
    return NULL;
}

/* Columns that vary in all files. */
static int find_rows(kr_sides *sides, const kr_source *source, kr_error *err)
{
    const kr_summary *first = &sides->summary[0];
    for (int q = 0; q < first->n_quantities && sides->n_rows < ROWS; q++) {
        bool is_common = true;
        for (int k = 0; k < sides->n && is_common; k++) {
            is_common = find(&sides->summary[k], first->quantity[q].name) != NULL;
        }
        if (is_common) {
            sides->row[sides->n_rows++] = &first->quantity[q];
        }
    }
    return sides->n_rows > 0
               ? KR_OK
               : kr_fail(err, KR_EUNSUP, "compare: no observable of %s varies in all files",
                         source[0].path);
}

static void find_costs(kr_sides *sides, int k)
{
    kr_cost_of *slowest = &sides->cost[k][sides->n_rows];
    *slowest = (kr_cost_of){ 0 };
    for (int r = 0; r < sides->n_rows; r++) {
        const kr_estimate *e = &find(&sides->summary[k], sides->row[r]->name)->estimate;
        const double cost = sides->summary[k].cost.sample_cpu_s / e->ess;
        sides->cost[k][r] = (kr_cost_of){ .cost = cost,
                                          .error = cost * e->tau_int_error / e->tau_int,
                                          .is_bound = !e->is_window_closed };
        if (cost > slowest->cost) {
            *slowest = sides->cost[k][r];
        }
    }
}

/* Name of the file, without its ending, and what it moves by. */
static void name_side(kr_sides *sides, const kr_source *source, int k)
{
    const char *slash = strrchr(source[k].path, '/');
    const kr_summary *s = &sides->summary[k];
    char *label = sides->label[k];
    const size_t size = sizeof sides->label[k];
    snprintf(label, size, "%.60s", slash ? slash + 1 : source[k].path);
    char *end = strstr(label, ".h5");
    if (end) {
        *end = '\0';
    }
    for (int u = 0; u < s->n_updates; u++) {
        const size_t used = strlen(label);
        snprintf(label + used, size - used, "%s%.30s", u ? " + " : ": ", s->update[u].name);
    }
}

static void write_data(kr_gnuplot *g, const kr_sides *sides)
{
    for (int k = 0; k < sides->n; k++) {
        char comment[256];
        const kr_cost *c = &sides->summary[k].cost;
        const double before = c->train_cpu_s + (c->pilot_cpu_s > 0.0 ? c->pilot_cpu_s : 0.0);
        snprintf(comment, sizeof comment,
                 "%s: row, CPU-s per independent sample, low, high, 1 where it is at least so",
                 sides->label[k]);
        kr_gnuplot_block(g, comment);
        for (int r = 0; r < sides->n_rows; r++) {
            const kr_cost_of *at = &sides->cost[k][r];
            const double y = sides->n_rows - 1 - r + 0.14 * (0.5 * (sides->n - 1) - k);
            fprintf(g->data, "%.4g %.6g %.6g %.6g %d\n", y, at->cost,
                    fmax(at->cost - at->error, 0.1 * at->cost), at->cost + at->error,
                    at->is_bound);
        }
        snprintf(comment, sizeof comment, "%s: independent samples, CPU-s in total",
                 sides->label[k]);
        kr_gnuplot_block(g, comment);
        for (int i = 0; i <= DECADES * PER_DECADE; i++) {
            const double n = pow(10.0, (double)i / PER_DECADE);
            fprintf(g->data, "%.6g %.6g\n", n, before + n * sides->cost[k][sides->n_rows].cost);
        }
    }
}

static void plot_rows(kr_gnuplot *g, const kr_sides *sides)
{
    fprintf(g->script,
            "set bmargin at screen 0.6\nset tmargin at screen 0.93\nset logscale x\nset format "
            "x '10^{%%T}'\nset grid xtics ytics lc rgb '#DDDDDD'\nset yrange "
            "[-0.6:%d.6]\nunset key\n"
            "set xlabel 'CPU-seconds of sampling per independent sample' offset 0,0.3\n"
            "set ytics (",
            sides->n_rows - 1);
    for (int r = 0; r < sides->n_rows; r++) {
        fputs(r ? ", " : "", g->script);
        kr_gnuplot_text(g, sides->row[r]->name, 40);
        fprintf(g->script, " %d", sides->n_rows - 1 - r);
    }
    fputs(") noenhanced\nplot ", g->script);
    for (int k = 0; k < sides->n; k++) { /* what is a lower bound only is hollow */
        const char *color = kr_gnuplot_color(k);
        fprintf(
            g->script,
            "%sdata index %d using 2:1:3:4 with xerrorbars pt 0 lw 1.5 lc rgb '%s', \\\n     "
            "data index %d using 2:($5 > 0 ? NaN : $1) with points pt 7 ps 0.9 lc rgb '%s', "
            "\\\n     data index %d using 2:($5 > 0 ? $1 : NaN) with points pt 6 ps 1.1 lw 1.5 "
            "lc rgb '%s'",
            k ? ", \\\n     " : "", 2 * k, color, 2 * k, color, 2 * k, color);
    }
    fputc('\n', g->script);
}

static void plot_totals(kr_gnuplot *g, const kr_sides *sides)
{
    fprintf(
        g->script,
        "set bmargin at screen %g\nset tmargin at screen 0.48\nset logscale xy\n"
        "set yrange [*:*]\nset ytics autofreq enhanced\nset xrange [1:1e%d]\nset format y "
        "'10^{%%T}'\nset grid lc rgb '#DDDDDD'\nset xlabel 'independent samples of the "
        "slowest observable' offset 0,0.3\nset ylabel 'CPU-seconds, with training' offset "
        "-1,0\n"
        "set key at screen 0.53,0.01 center bottom vertical maxrows %d Left reverse samplen "
        "2 noenhanced\nplot ",
        0.12 + 0.022 * sides->n, DECADES, sides->n);
    for (int k = 0; k < sides->n; k++) {
        const bool is_bound = sides->cost[k][sides->n_rows].is_bound;
        char title[176];
        snprintf(title, sizeof title, "%s%s", sides->label[k], is_bound ? " (at least)" : "");
        fprintf(g->script, "%sdata index %d using 1:2 with lines lw 2 lc rgb '%s' dt %s title ",
                k ? ", \\\n     " : "", 2 * k + 1, kr_gnuplot_color(k), is_bound ? "'-'" : "1");
        kr_gnuplot_text(g, title, 110);
    }
    fputc('\n', g->script);
}

int kr_files_compare_draw(kr_gnuplot *g, const kr_source *source, int n_sources, kr_error *err)
{
    kr_sides sides = { .n = n_sources };
    int status = n_sources > 1 ? KR_OK
                               : kr_fail(err, KR_EUNSUP,
                                         "compare: one file, want two or more of one system");
    for (int k = 0; k < n_sources && status == KR_OK; k++) {
        for (int j = 0; j < k; j++) {
            if (kr_files_is_same(source[j].path, source[k].path)) {
                return kr_fail(err, KR_EUNSUP, "compare: %s comes twice", source[k].path);
            }
        }
    }
    for (int k = 0; k < n_sources && status == KR_OK; k++) {
        status = load_side(&sides, source, k, err);
    }
    if (status == KR_OK) {
        status = find_rows(&sides, source, err);
    }
    for (int k = 0; k < n_sources && status == KR_OK; k++) {
        find_costs(&sides, k);
        name_side(&sides, source, k);
    }
    char title[384] = "";
    if (status == KR_OK) {
        status = kr_plot_title(&source[0], 0, 1, title, sizeof title, err);
    }
    if (status == KR_OK) {
        write_data(g, &sides);
        fputs(
            "set multiplot\nset lmargin at screen 0.3\nset rmargin at screen 0.96\nset title ",
            g->script);
        kr_gnuplot_text(g, title, 100);
        fputs(" noenhanced font ',13'\n", g->script);
        plot_rows(g, &sides);
        fputs("unset title\nset lmargin at screen 0.15\n", g->script);
        plot_totals(g, &sides);
        fputs("unset multiplot\n", g->script);
    }
    for (int k = 0; k < n_sources; k++) {
        kr_summary_clear(&sides.summary[k]);
        kr_runfile_free(sides.file[k]);
    }
    return status;
}
