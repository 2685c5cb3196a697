/* SPDX-License-Identifier: GPL-3.0-or-later
 * analysis/plot_training.c - how a density learned: loss and effective sample fraction against
 * training steps, forward and reverse steps by themselves, since their losses are different
 * functions; for reverse steps -log Z of the frozen density, the floor of that loss. */
#include "analysis/plot.h"

#include "base/memory.h"

#include <math.h>
#include <string.h>

#define BINS      300
#define DENSITIES 3

typedef struct kr_training {
    double *step, *loss, *ess, *is_forward; /* (n_rows), then (n_rows, n_densities, n_points) */
    int64_t n_rows, n_densities, n_points, point;
} kr_training;

static void clear(kr_training *t)
{
    kr_free(t->step);
    kr_free(t->loss);
    kr_free(t->ess);
    kr_free(t->is_forward);
}

/* A variable of as many values as n tells; 0: any, then n and the shape are filled. */
static double *read_rows(const kr_source *source, const char *name, int64_t *n, int *n_dims,
                         int64_t shape[KR_DIMS_MAX], kr_error *err)
{
    double *x = kr_reader_read(source->reader, "adaptation", name, n_dims, shape, NULL, err);
    int64_t count = 1;
    for (int k = 0; x && k < *n_dims; k++) {
        count *= shape[k];
    }
    if (x && *n > 0 && count != *n) {
        kr_free(x);
        kr_fail(err, KR_EUNSUP, "%s: adaptation/%s: its shape differs from that of loss",
                source->path, name);
        return NULL;
    }
    *n = count;
    return x;
}

static int load(const kr_source *source, kr_training *t, kr_error *err)
{
    int n_dims, any_dims;
    int64_t shape[KR_DIMS_MAX], any[KR_DIMS_MAX], n = 0;
    if (!kr_series_exists(source->reader, "adaptation", "loss")) {
        return kr_fail(err, KR_EUNSUP,
                       "%s: no training, want a run with densities and phases.adapt",
                       source->path);
    }
    t->loss = read_rows(source, "loss", &n, &n_dims, shape, err);
    if (t->loss && (n_dims < 2 || n_dims > 3 || n < 1)) {
        return kr_fail(err, KR_EUNSUP, "%s: no training steps, want at least one",
                       source->path);
    }
    if (t->loss) {
        int64_t rows = shape[0];
        t->step = read_rows(source, "step", &rows, &any_dims, any, err);
        t->is_forward = read_rows(source, "is_forward", &n, &any_dims, any, err);
        t->ess = read_rows(source, "ess", &n, &any_dims, any, err);
    }
    if (!t->step || !t->is_forward || !t->ess || !t->loss) {
        return err && err->status ? err->status : KR_EIO;
    }
    t->n_rows = shape[0];
    t->n_densities = shape[1];
    t->n_points = n_dims > 2 ? shape[2] : 1;
    if (t->n_rows < 1) {
        return kr_fail(err, KR_EUNSUP, "%s: no training steps, want at least one",
                       source->path);
    }
    return kr_plot_point(source->reader, t->n_points, &t->point, err);
}

/* Finite losses of a kind of steps. */
static int64_t count_steps(const kr_training *t, int64_t density, int which)
{
    int64_t n = 0;
    for (int64_t r = 0; r < t->n_rows; r++) {
        const int64_t at = (r * t->n_densities + density) * t->n_points + t->point;
        n += isfinite(t->loss[at]) && (t->is_forward[at] > 0.5) == (which == 1);
    }
    return n;
}

/* Means over up to BINS equal parts of the steps with least and largest value; which: 0
 * reverse, 1 forward, -1 both. Returns the number of bins with a value. */
static int write_bins(kr_gnuplot *g, const kr_training *t, const double *value, int64_t density,
                      int which, const char *comment, double range[2])
{
    const int64_t n_bins = t->n_rows < BINS ? t->n_rows : BINS;
    int n_written = 0;
    kr_gnuplot_block(g, comment);
    for (int64_t b = 0; b < n_bins; b++) {
        double sum = 0.0, low = INFINITY, high = -INFINITY, step = 0.0;
        int64_t n = 0;
        for (int64_t r = b * t->n_rows / n_bins; r < (b + 1) * t->n_rows / n_bins; r++) {
            const int64_t at = (r * t->n_densities + density) * t->n_points + t->point;
            const double x = value[at];
            if (isfinite(x) && (which < 0 || (t->is_forward[at] > 0.5) == (which == 1))) {
                sum += x;
                low = fmin(low, x);
                high = fmax(high, x);
                step += t->step[r];
                n++;
            }
        }
        if (n > 0) {
            const double count = (double)n;
            fprintf(g->data, "%.10g %.8g %.8g %.8g\n", step / count, sum / count, low, high);
            range[0] = fmin(range[0], low);
            range[1] = fmax(range[1], high);
            n_written++;
        }
    }
    if (n_written == 0) {
        fputs("nan nan nan nan\n", g->data);
    }
    return n_written;
}

static void plot_block(kr_gnuplot *g, int block, const char *color, const char *title)
{
    fprintf(g->script, /* a curve without a name is not in the key */
            "data index %d using 1:3:4 with filledcurves fc rgb '%s' fs transparent solid 0.2 "
            "notitle, \\\n     data index %d using 1:2 with lines lw 1.5 lc rgb '%s' title ",
            block, color, block, color);
    kr_gnuplot_text(g, title, 60);
}

/* -log Z with its error by the first frozen density of a single point. */
static bool find_floor(const kr_source *source, const kr_training *t, double *z, double *error)
{
    const char *const *names = kr_reader_variables(source->reader, "constant_data");
    for (; names && *names && t->n_points == 1 && t->n_densities == 1; names++) {
        char name[KR_SERIES_NAME + 16];
        if (strncmp(*names, "ess_q_", 6) == 0) {
            snprintf(name, sizeof name, "log_z_q_%s", *names + 6);
            *z = -kr_series_constant(source->reader, "constant_data", name, 0);
            snprintf(name, sizeof name, "log_z_q_%s_error", *names + 6);
            *error = kr_series_constant(source->reader, "constant_data", name, 0);
            return isfinite(*z) && isfinite(*error);
        }
    }
    return false;
}

/* A panel of one kind of loss; nothing where there were no such steps. */
static int draw_losses(kr_gnuplot *g, const kr_source *source, const kr_training *t, int which)
{
    double z, error, range[2] = { INFINITY, -INFINITY };
    int n = 0;
    for (int64_t d = 0; d < t->n_densities && d < DENSITIES; d++) {
        char label[40] = "";
        if (t->n_densities > 1) {
            snprintf(label, sizeof label, "density %lld", (long long)d);
        }
        if (count_steps(t, d, which) > 0) {
            write_bins(g, t, t->loss, d, which, "loss: step, mean, least, largest", range);
            if (n == 0) {
                fprintf(g->script, "set ytics %.6g\n",
                        kr_gnuplot_step(fmax(range[1] - range[0], 1e-6), 5));
            }
            fputs(n++     ? ", \\\n     "
                  : which ? "set ylabel '-<log q> [nats]'\nplot "
                          : "set ylabel '<βH + log q> [nats]'\nplot ",
                  g->script);
            plot_block(g, g->n_blocks - 1, kr_gnuplot_color((int)(2 * d) + which), label);
        }
    }
    if (n && !which && find_floor(source, t, &z, &error)) {
        kr_gnuplot_block(g, "floor: step, -log Z, error");
        for (int k = 0; k < 2; k++) {
            fprintf(g->data, "%.10g %.10g %.4g\n", t->step[k ? t->n_rows - 1 : 0], z, error);
        }
        fprintf(g->script,
                ", \\\n     data index %d using 1:($2-$3):($2+$3) with filledcurves fc rgb "
                "'#888888' notitle, data index %d using 1:2 with lines dt 2 lw 1.5 lc rgb "
                "'black' title '-log Z by the frozen density'",
                g->n_blocks - 1, g->n_blocks - 1);
    }
    fputs(n ? "\n" : "", g->script);
    return n;
}

static int draw(kr_gnuplot *g, const kr_source *source, const kr_training *t, kr_error *err)
{
    char title[384];
    int n[2] = { 0 };
    double range[2] = { INFINITY, -INFINITY };
    for (int64_t d = 0; d < t->n_densities && d < DENSITIES; d++) {
        n[0] += count_steps(t, d, 0) > 0;
        n[1] += count_steps(t, d, 1) > 0;
    }
    if (n[0] + n[1] == 0) {
        return kr_fail(err, KR_EUNSUP, "%s: no finite loss", source->path);
    }
    KR_TRY(kr_plot_title(source, t->point, t->n_points, title, sizeof title, err));
    fprintf(g->script,
            "set multiplot layout %d,1 margins 0.12,0.97,0.1,0.9 spacing 0,0.05 title ",
            1 + (n[0] > 0) + (n[1] > 0));
    kr_gnuplot_text(g, title, 100);
    fprintf(g->script,
            " noenhanced font ',13'\nset grid ytics lc rgb '#DDDDDD'\nset key top right\nset "
            "format x ''\nset xrange [0:%.0f]\nset yrange [*:*]\n",
            fmax(1.0, t->step[t->n_rows - 1]));
    draw_losses(g, source, t, 1);
    draw_losses(g, source, t, 0);
    fputs("set format x '%.0f'\nset xlabel 'training step'\nset ylabel 'running "
          "ESS'\nset ytics 0.2\nset yrange [0:1.02]\nset key bottom right\n",
          g->script);
    for (int64_t d = 0; d < t->n_densities && d < DENSITIES; d++) {
        write_bins(g, t, t->ess, d, -1, "ess: step, mean, least, largest", range);
        fputs(d ? ", \\\n     " : "plot ", g->script);
        plot_block(g, g->n_blocks - 1, kr_gnuplot_color((int)(2 * d)), "");
    }
    fputs("\nunset multiplot\n", g->script);
    return KR_OK;
}

int kr_training_draw(kr_gnuplot *g, const kr_source *source, int n_sources, kr_error *err)
{
    (void)n_sources;
    kr_training t = { 0 };
    int status = load(source, &t, err);
    if (status == KR_OK) {
        status = draw(g, source, &t, err);
    }
    clear(&t);
    return status;
}
