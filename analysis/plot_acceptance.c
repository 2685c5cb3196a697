/* SPDX-License-Identifier: GPL-3.0-or-later
 * analysis/plot_acceptance.c - acceptance of every update over the steps of the run, or of a
 * scan against its parameter: the mean over chains and the middle 68 % of the chains. */
#include "analysis/plot.h"

#include "base/memory.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#define PREFIX      "attempted_"
#define CURVES_MAX  12
#define BINS        60
#define LEAST_TRIES 10.0 /* attempts of a chain in a bin, in the mean */

typedef struct kr_tries {
    kr_series attempted, accepted;
    char label[2 * KR_SERIES_NAME];
} kr_tries;

static int compare(const void *a, const void *b)
{
    const double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

/* Quantile of sorted values, linear between them. */
static double quantile(const double *sorted, int64_t n, double level)
{
    const double at = level * (double)(n - 1);
    const int64_t k = (int64_t)at;
    return k + 1 < n ? sorted[k] + (at - (double)k) * (sorted[k + 1] - sorted[k]) : sorted[k];
}

/* Draws from..to-1 of a point: acceptance of all chains, and 16 and 84 % quantiles of single
 * chains; false where nothing was attempted. share (n_chains) is work. */
static bool accepted_share(const kr_tries *t, int64_t point, int64_t from, int64_t to,
                           double *share, double out[3])
{
    const kr_series *a = &t->attempted, *b = &t->accepted;
    double attempts = 0.0, successes = 0.0;
    int64_t n = 0;
    for (int64_t c = 0; c < a->n_chains; c++) {
        double tried = 0.0, done = 0.0;
        for (int64_t k = from; k < to; k++) {
            const int64_t at = (c * a->n_draws + k) * a->n_points + point;
            tried += a->value[at];
            done += b->value[at];
        }
        if (tried > 0.0) {
            share[n++] = done / tried;
        }
        attempts += tried;
        successes += done;
    }
    if (n == 0) {
        return false;
    }
    qsort(share, (size_t)n, sizeof *share, compare);
    out[0] = successes / attempts;
    out[1] = quantile(share, n, 0.16);
    out[2] = quantile(share, n, 0.84);
    return true;
}

/* Of a single point. */
static int64_t count_bins(const kr_tries *t)
{
    const kr_series *a = &t->attempted;
    double attempts = 0.0;
    for (int64_t k = 0; k < a->n_chains * a->n_draws; k++) {
        attempts += a->value[k];
    }
    const int64_t most = (int64_t)(attempts / ((double)a->n_chains * LEAST_TRIES));
    int64_t n = a->n_draws < BINS ? a->n_draws : BINS;
    n = n < most ? n : most;
    return n > 0 ? n : 1;
}

/* Rows "x, acceptance, low, high"; false when there is none. */
static bool write_update(kr_gnuplot *g, const kr_tries *t, const double *axis, double every,
                         double *share, double *largest)
{
    char comment[2 * KR_SERIES_NAME + 64];
    const int64_t n_draws = t->attempted.n_draws;
    const int64_t n = axis ? t->attempted.n_points : count_bins(t);
    int64_t n_written = 0;
    snprintf(comment, sizeof comment, "%s: x, acceptance, 16 and 84 %% of the chains",
             t->label);
    kr_gnuplot_block(g, comment);
    for (int64_t b = 0; b < n; b++) {
        const int64_t from = axis ? 0 : b * n_draws / n,
                      to = axis ? n_draws : (b + 1) * n_draws / n;
        double y[3];
        if (accepted_share(t, axis ? b : 0, from, to, share, y)) {
            const double x = axis ? axis[b] : 0.5 * (double)(from + to) * every;
            fprintf(g->data, "%.10g %.8g %.8g %.8g\n", x, y[0], y[1], y[2]);
            *largest = fmax(*largest, y[2]);
            n_written++;
        }
    }
    if (n_written == 0) {
        fputs("nan nan nan nan\n", g->data);
    }
    return n_written > 0;
}

static void clear(kr_tries *t)
{
    kr_series_clear(&t->attempted);
    kr_series_clear(&t->accepted);
}

/* Counts of the update whose attempts are a variable of that name. */
static int load(const kr_source *source, const char *name, kr_tries *t, kr_error *err)
{
    char accepted[KR_SERIES_NAME + 16], density[KR_SERIES_NAME];
    const char *entry = name + strlen(PREFIX);
    *t = (kr_tries){ 0 };
    snprintf(accepted, sizeof accepted, "accepted_%s", entry);
    kr_series_text(source->reader, "sample_stats", name, "density", density, sizeof density);
    snprintf(t->label, sizeof t->label, *density ? "%.60s (%.30s)" : "%.60s", entry, density);
    KR_TRY(kr_series_load(source->reader, "sample_stats", name, &t->attempted, err));
    KR_TRY(kr_series_load(source->reader, "sample_stats", accepted, &t->accepted, err));
    if (t->accepted.n_chains != t->attempted.n_chains ||
        t->accepted.n_draws != t->attempted.n_draws ||
        t->accepted.n_points != t->attempted.n_points) {
        return kr_fail(err, KR_EUNSUP, "%s: attempts and acceptances of %s differ in shape",
                       source->path, entry);
    }
    return KR_OK;
}

typedef struct kr_curves {
    int n, block[CURVES_MAX];
    char label[CURVES_MAX][2 * KR_SERIES_NAME], title[384];
    kr_plot_axis axis; /* of a scan */
    bool is_scan;
    double largest, last; /* acceptance; step */
} kr_curves;

/* What all updates share, from the first of them. */
static int begin(const kr_source *source, const kr_tries *t, kr_curves *curves, kr_error *err)
{
    const kr_series *a = &t->attempted;
    if (a->n_draws < 1) {
        return kr_fail(err, KR_EUNSUP, "%s: no draws, want at least one", source->path);
    }
    curves->is_scan = a->n_points > 1;
    curves->last = (double)a->n_draws * (isfinite(source->every) ? source->every : 1.0);
    KR_TRY(kr_plot_title(source, 0, 1, curves->title, sizeof curves->title, err));
    return curves->is_scan ? kr_plot_axis_load(source, a->n_points, &curves->axis, err) : KR_OK;
}

static int write_all(kr_gnuplot *g, const kr_source *source, kr_curves *curves, kr_error *err)
{
    const double every = isfinite(source->every) ? source->every : 1.0;
    const char *const *names = kr_reader_variables(source->reader, "sample_stats");
    for (; names && *names && curves->n < CURVES_MAX; names++) {
        kr_tries t;
        if (strncmp(*names, PREFIX, strlen(PREFIX)) != 0) {
            continue;
        }
        int status = load(source, *names, &t, err);
        if (status == KR_OK && curves->n == 0 && !curves->title[0]) {
            status = begin(source, &t, curves, err);
        }
        double *share = NULL;
        if (status == KR_OK) {
            share = kr_alloc((size_t)t.attempted.n_chains, sizeof *share, err);
            status = share ? KR_OK : KR_ENOMEM;
        }
        if (status == KR_OK &&
            write_update(g, &t, curves->axis.value, every, share, &curves->largest)) {
            curves->block[curves->n] = g->n_blocks - 1;
            snprintf(curves->label[curves->n++], sizeof curves->label[0], "%s", t.label);
        }
        kr_free(share);
        clear(&t);
        KR_TRY(status);
    }
    return curves->n > 0 ? KR_OK
                         : kr_fail(err, KR_EUNSUP, "%s: no attempts of updates", source->path);
}

static void plot_all(kr_gnuplot *g, const kr_source *source, const kr_curves *curves)
{
    fputs("set title ", g->script);
    kr_gnuplot_text(g, curves->title, 100);
    fputs(" noenhanced font ',13'\nset xlabel ", g->script);
    kr_gnuplot_text(g,
                    curves->is_scan           ? curves->axis.label
                    : isfinite(source->every) ? "step of measurement"
                                              : "draw",
                    sizeof curves->axis.label);
    fprintf(g->script,
            " noenhanced\nset ylabel 'acceptance'\nset yrange [0:%.4g]\nset grid ytics lc rgb "
            "'#DDDDDD'\nset bmargin at screen %g\nset key at screen 0.53,0.01 center bottom "
            "horizontal maxcols 3 samplen 2\n",
            curves->largest > 0.0 ? fmin(1.1 * curves->largest, 1.02) : 1.0,
            0.2 + 0.045 * ((curves->n - 1) / 3));
    if (curves->is_scan) {
        fputs("set offsets graph 0.03, graph 0.03, 0, 0\n", g->script);
    } else {
        fprintf(g->script, "set xrange [0:%.10g]\n", curves->last);
    }
    for (int k = 0; k < curves->n; k++) {
        const char *color = kr_gnuplot_color(k);
        fprintf(
            g->script,
            "%sdata index %d using 1:3:4 with filledcurves fc rgb '%s' fs transparent solid "
            "0.2 notitle, \\\n     data index %d using 1:2 with linespoints pt %d ps 0.5 lw "
            "1.5 lc rgb '%s' title ",
            k ? ", \\\n     " : "plot ", curves->block[k], color, curves->block[k],
            k % 2 ? 5 : 7, color);
        kr_gnuplot_text(g, curves->label[k], sizeof curves->label[k]);
        fputs(" noenhanced", g->script);
    }
    fputc('\n', g->script);
}

int kr_acceptance_draw(kr_gnuplot *g, const kr_source *source, int n_sources, kr_error *err)
{
    (void)n_sources;
    kr_curves curves = { 0 };
    int status = write_all(g, source, &curves, err);
    if (status == KR_OK) {
        plot_all(g, source, &curves);
    }
    kr_free(curves.axis.value);
    return status;
}
