/* SPDX-License-Identifier: GPL-3.0-or-later
 * analysis/plot_training.c - how a density learned: loss and effective sample fraction against
 * training steps, forward and reverse steps by themselves, since their losses are different
 * functions; for reverse steps -log Z of the frozen density, the floor of that loss. The axis
 * above is the work of the steps, which differ in cost: a step of reverse KL draws samples. */
#include "analysis/plot.h"

#include "base/memory.h"

#include <math.h>
#include <string.h>

#define BINS      300
#define DENSITIES 3

typedef struct kr_training {
    double *step, *loss, *ess, *is_forward; /* (n_rows), then (n_rows, n_densities, n_points) */
    double *work;                           /* likewise, or NULL: files of old */
    int64_t n_rows, n_densities, n_points, point;
} kr_training;

static void clear(kr_training *t)
{
    kr_free(t->step);
    kr_free(t->loss);
    kr_free(t->ess);
    kr_free(t->is_forward);
    kr_free(t->work);
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
    if (kr_series_exists(source->reader, "adaptation", "work")) {
        int64_t same[KR_DIMS_MAX];
        t->work =
            kr_reader_read(source->reader, "adaptation", "work", &n_dims, same, NULL, err);
        if (!t->work) {
            return KR_EIO;
        }
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

/* Finite values of a kind of steps, 0 reverse, 1 forward, -1 both; range, if any, is widened.
 */
static int64_t count_steps(const kr_training *t, const double *value, int64_t density,
                           int which, double *range)
{
    int64_t n = 0;
    for (int64_t r = 0; r < t->n_rows; r++) {
        const int64_t at = (r * t->n_densities + density) * t->n_points + t->point;
        if (isfinite(value[at]) && (which < 0 || (t->is_forward[at] > 0.5) == (which == 1))) {
            n++;
            if (range) {
                range[0] = fmin(range[0], value[at]);
                range[1] = fmax(range[1], value[at]);
            }
        }
    }
    return n;
}

/* Means over up to BINS equal parts of the steps with least and largest value. */
static void write_bins(kr_gnuplot *g, const kr_training *t, const double *value,
                       int64_t density, int which, const char *comment)
{
    const int64_t n_bins = t->n_rows < BINS ? t->n_rows : BINS;
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
        }
    }
}

static void plot_block(kr_gnuplot *g, int64_t n_steps, int block, const char *color,
                       const char *title)
{
    fprintf(g->script, /* a curve without a name is not in the key */
            "data index %d using 1:3:4 with filledcurves fc rgb '%s' fs transparent solid 0.2 "
            "notitle, \\\n     data index %d using 1:2 with %s lw 1.5 lc rgb '%s' title ",
            block, color, block, n_steps > 30 ? "lines" : "linespoints pt 7 ps 0.4", color);
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

/* Values up to range, which may be one alone. */
static void set_range(kr_gnuplot *g, double low, double high)
{
    if (kr_plot_is_constant(low, high)) {
        const double pad = 0.1 * fabs(high) + 1e-3;
        low -= pad;
        high += pad;
        fprintf(g->script, "set yrange [%.8g:%.8g]\n", low, high);
    } else {
        fputs("set yrange [*:*]\n", g->script);
    }
    fprintf(g->script, "set ytics %.6g\n", kr_gnuplot_step(high - low, 5));
}

/* -log Z with a band of its error, over all steps. */
static void plot_floor(kr_gnuplot *g, const kr_training *t, double z, double error)
{
    const int block = kr_gnuplot_block(g, "floor: step, -log Z, error");
    for (int k = 0; k < 2; k++) {
        fprintf(g->data, "%.10g %.10g %.4g\n", t->step[k ? t->n_rows - 1 : 0], z, error);
    }
    fprintf(g->script,
            ", \\\n     data index %d using 1:($2-$3):($2+$3) with filledcurves fc rgb "
            "'#888888' notitle, data index %d using 1:2 with lines dt 2 lw 1.5 lc rgb "
            "'black' title '-log Z by the frozen density'",
            block, block);
}

/* A panel of one kind of loss, of which there are steps. */
static void draw_losses(kr_gnuplot *g, const kr_source *source, const kr_training *t, int which)
{
    double z = NAN, error = NAN, range[2] = { INFINITY, -INFINITY };
    const bool has_floor = !which && find_floor(source, t, &z, &error);
    int n = 0;
    for (int64_t d = 0; d < t->n_densities && d < DENSITIES; d++) {
        count_steps(t, t->loss, d, which, range);
    }
    set_range(g, fmin(range[0], z), fmax(range[1], z)); /* NaN: no floor */
    fputs(which ? "set ylabel '-<log q> [nats]'\n" : "set ylabel '<βH + log q> [nats]'\n",
          g->script);
    for (int64_t d = 0; d < t->n_densities && d < DENSITIES; d++) {
        char label[40] = "";
        if (t->n_densities > 1) {
            snprintf(label, sizeof label, "density %lld", (long long)d);
        }
        const int64_t n_steps = count_steps(t, t->loss, d, which, NULL);
        if (n_steps > 0) {
            write_bins(g, t, t->loss, d, which, "loss: step, mean, least, largest");
            fputs(n++ ? ", \\\n     " : "plot ", g->script);
            plot_block(g, n_steps, g->n_blocks - 1, kr_gnuplot_color((int)(2 * d) + which),
                       label);
        }
    }
    if (has_floor) {
        plot_floor(g, t, z, error);
    }
    fputc('\n', g->script);
}

static void draw_ess(kr_gnuplot *g, const kr_training *t)
{
    int n = 0;
    fputs("set ylabel 'running ESS'\nset ytics 0.2\nset yrange [0:1.02]\nset key bottom "
          "right\n",
          g->script);
    for (int64_t d = 0; d < t->n_densities && d < DENSITIES; d++) {
        const int64_t n_steps = count_steps(t, t->ess, d, -1, NULL);
        if (n_steps > 0) {
            write_bins(g, t, t->ess, d, -1, "ess: step, mean, least, largest");
            fputs(n++ ? ", \\\n     " : "plot ", g->script);
            plot_block(g, n_steps, g->n_blocks - 1, kr_gnuplot_color((int)(2 * d)), "");
        }
    }
    fputc('\n', g->script);
}

static double work_at(const kr_training *t, int64_t row)
{
    return t->work[row * t->n_densities * t->n_points + t->point];
}

/* Round values of the work of the first density at the steps where it passed them, above the
 * top panel. Returns whether there is such an axis. */
static bool draw_work(kr_gnuplot *g, const kr_training *t)
{
    int64_t first = 0, last = t->n_rows - 1;
    while (t->work && first < t->n_rows && !isfinite(work_at(t, first))) {
        first++;
    }
    while (t->work && last > first && !isfinite(work_at(t, last))) {
        last--;
    }
    if (!t->work || first >= last || !(work_at(t, last) > work_at(t, first))) {
        return false;
    }
    const double low = work_at(t, first), high = work_at(t, last);
    const double distance = kr_gnuplot_step(high - low, 6);
    int64_t row = first;
    int n = 0;
    kr_gnuplot_block(g, "tics of the axis above: step, counted work [nominal CPU-s]");
    fputs("set x2tics nomirror out (", g->script);
    for (double tic = ceil(low / distance) * distance; tic <= high; tic += distance) {
        while (row < last && !(work_at(t, row) >= tic)) {
            row++;
        }
        fprintf(g->data, "%.10g %.10g\n", t->step[row], tic);
        fprintf(g->script, "%s'%.6g' %.10g", n++ ? ", " : "", fabs(tic) < 1e-9 ? 0.0 : tic,
                t->step[row]);
    }
    fprintf(g->script,
            ")\nset border 7\nset x2range [0:%.0f]\nset x2label 'work so far%s "
            "[nominal CPU-s, counted]' offset 0,-0.5\n",
            fmax(1.0, t->step[t->n_rows - 1]), t->n_densities > 1 ? " of density 0" : "");
    return true;
}

static void end_work(kr_gnuplot *g)
{
    fputs("unset x2tics\nunset x2label\nset border 3\n", g->script);
}

static int draw(kr_gnuplot *g, const kr_source *source, const kr_training *t, kr_error *err)
{
    enum { FORWARD, REVERSE, ESS, PANELS };
    char title[384];
    bool is_there[PANELS] = { false };
    for (int64_t d = 0; d < t->n_densities && d < DENSITIES; d++) {
        for (int k = FORWARD; k <= REVERSE; k++) {
            is_there[k] =
                is_there[k] || count_steps(t, t->loss, d, k == FORWARD ? 1 : 0, NULL) > 0;
        }
        is_there[ESS] = is_there[ESS] || count_steps(t, t->ess, d, -1, NULL) > 0;
    }
    if (!is_there[FORWARD] && !is_there[REVERSE]) {
        return kr_fail(err, KR_EUNSUP, "%s: no finite loss", source->path);
    }
    KR_TRY(kr_plot_title(source, t->point, t->n_points, title, sizeof title, err));
    fprintf(g->script,
            "set multiplot layout %d,1 margins 0.12,0.97,0.11,%s spacing 0,0.05 title ",
            is_there[FORWARD] + is_there[REVERSE] + is_there[ESS], t->work ? "0.84" : "0.9");
    kr_gnuplot_text(g, title, 100);
    const double last = fmax(1.0, t->step[t->n_rows - 1]);
    fprintf(g->script,
            " noenhanced font ',13'\nset grid ytics lc rgb '#DDDDDD'\nset key top right\nset "
            "format x ''\nset xrange [0:%.0f]\nset xtics %.6g\n",
            last, fmax(1.0, kr_gnuplot_step(last, 10)));
    bool has_work = draw_work(g, t);
    for (int k = FORWARD; k < PANELS; k++) {
        const bool is_last = k == ESS || (k == REVERSE && !is_there[ESS]) ||
                             (!is_there[REVERSE] && !is_there[ESS]);
        if (!is_there[k]) {
            continue;
        }
        if (is_last) {
            fputs("set format x '%.0f'\nset xlabel 'training step'\n", g->script);
        }
        if (k == ESS) {
            draw_ess(g, t);
        } else {
            draw_losses(g, source, t, k == FORWARD ? 1 : 0);
        }
        if (has_work) { /* the axis is that of the upper panel */
            end_work(g);
            has_work = false;
        }
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
