/* SPDX-License-Identifier: GPL-3.0-or-later
 * analysis/plot_snapshot.c - stored configurations as pictures of the lattice: draws from left
 * to right, chains one below the other. A chain of sites is a picture of site against draw, of
 * three directions one slice is shown.
 *
 * States up to seven have the colors of kr_gnuplot_color; more of them, and fields, have
 * viridis, angles twilight, which is cyclic (both matplotlib, CC0): even steps of lightness. */
#include "analysis/plot.h"

#include "base/memory.h"

#include <math.h>
#include <string.h>

#define COLUMNS    4
#define ROWS       2
#define RECTANGLES 8192 /* cells of all pictures */
#define DRAWS_MAX  400  /* of a picture of site against draw */

#define TWILIGHT                                                                               \
    "0 '#e2d9e2', 1 '#c5cbd1', 2 '#95b5c5', 3 '#7398c0', 4 '#6276ba', 5 '#5d50ab', "           \
    "6 '#592a8f', 7 '#491564', 8 '#2f1436', 9 '#561540', 10 '#802450', 11 '#a13c50', "         \
    "12 '#b75c55', 13 '#c47f6a', 14 '#cda38f', 15 '#d8c6be', 16 '#e2d9e2'"

typedef struct kr_snapshot {
    double *value; /* (n_chains, n_draws, n_points, n_sites); owns */
    double *drawn; /* (n_draws) draws of posterior; owns */
    int64_t n_chains, n_draws, n_points, n_sites, point;
    int dim;
    int64_t extent[4];
    bool is_discrete, is_angle;
    double low, high; /* of the states shown; of a field of all its values */
} kr_snapshot;

static void clear(kr_snapshot *s)
{
    kr_free(s->value);
    kr_free(s->drawn);
}

static int load(const kr_source *source, kr_snapshot *s, kr_error *err)
{
    int n_dims;
    int64_t shape[KR_DIMS_MAX], count[KR_DIMS_MAX];
    const bool is_there = kr_series_exists(source->reader, "configurations", "state");
    const char *name = is_there ? "state" : "field";
    if (!is_there && !kr_series_exists(source->reader, "configurations", "field")) {
        return kr_fail(err, KR_EUNSUP,
                       "%s: no configurations, want output: {configurations: {every: N}} in "
                       "the run file",
                       source->path);
    }
    s->value =
        kr_reader_read(source->reader, "configurations", name, &n_dims, shape, NULL, err);
    if (!s->value) {
        return KR_EIO;
    }
    char unit[16];
    kr_series_text(source->reader, "configurations", name, "units", unit, sizeof unit);
    s->is_discrete = is_there;
    s->is_angle = strcmp(unit, "rad") == 0;
    s->n_chains = n_dims < 3 || n_dims > 4 ? 0 : shape[0];
    s->n_draws = n_dims < 2 ? 0 : shape[1];
    s->n_points = n_dims > 3 ? shape[2] : 1;
    s->n_sites = n_dims < 1 ? 0 : shape[n_dims - 1];
    if (s->n_draws < 1 || s->n_chains < 1) {
        return kr_fail(err, KR_EUNSUP, "%s: no draws of configurations, want at least one",
                       source->path);
    }
    s->drawn = kr_reader_read(source->reader, "configurations", "measured_draw", &n_dims, count,
                              NULL, err);
    if (!s->drawn) {
        return KR_EIO;
    }
    if (n_dims != 1 || count[0] != s->n_draws) {
        return kr_fail(err, KR_EUNSUP,
                       "%s: configurations/measured_draw: its shape differs from that of %s",
                       source->path, name);
    }
    s->dim = kr_plot_extent(source, s->extent);
    int64_t n = 1;
    for (int k = 0; k < s->dim; k++) {
        n *= s->extent[k];
    }
    if (s->dim < 1 || s->dim > 3 || n != s->n_sites) {
        return kr_fail(err, KR_EUNSUP,
                       "%s: %s of %lld sites, want a lattice of one to three directions with a "
                       "site per cell",
                       source->path, source->title, (long long)s->n_sites);
    }
    return kr_plot_point(source->reader, s->n_points, &s->point, err);
}

static const double *sites(const kr_snapshot *s, int64_t chain, int64_t draw)
{
    return s->value + ((chain * s->n_draws + draw) * s->n_points + s->point) * s->n_sites;
}

static int find_range(const kr_source *source, kr_snapshot *s, kr_error *err)
{
    s->low = INFINITY;
    s->high = -INFINITY;
    for (int64_t c = 0; c < s->n_chains; c++) {
        for (int64_t k = 0; k < s->n_draws * s->n_sites; k++) {
            const double x = sites(s, c, k / s->n_sites)[k % s->n_sites];
            if (!isfinite(x)) {
                return kr_fail(err, KR_EUNSUP, "%s: values that are not finite of field",
                               source->path);
            }
            s->low = fmin(s->low, x);
            s->high = fmax(s->high, x);
        }
    }
    if (s->is_discrete) {
        s->low = 0.0;
        s->high = fmax(1.0, s->high);
    } else if (s->is_angle) {
        s->low = -acos(-1.0);
        s->high = acos(-1.0);
    } else if (kr_plot_is_constant(s->low, s->high)) {
        s->low -= 0.5;
        s->high += 0.5;
    }
    return KR_OK;
}

static void write_row(kr_gnuplot *g, const kr_snapshot *s, const double *x, int64_t n)
{
    for (int64_t k = 0; k < n; k++) {
        const double turn = 2.0 * acos(-1.0);
        fprintf(g->data, "%s%.7g", k ? " " : "",
                s->is_angle ? x[k] - turn * round(x[k] / turn) : x[k]);
    }
    fputc('\n', g->data);
}

/* The stored draw shown at place k of n. */
static int64_t pick(const kr_snapshot *s, int64_t k, int64_t n)
{
    return n > 1 ? k * (s->n_draws - 1) / (n - 1) : s->n_draws - 1;
}

static void write_palette(kr_gnuplot *g, const kr_snapshot *s)
{
    FILE *out = g->script;
    const int q = (int)s->high + 1;
    if (!s->is_discrete) {
        fprintf(out, "set palette defined (%s)\nset cbrange [%.7g:%.7g]\n",
                s->is_angle ? TWILIGHT : KR_VIRIDIS, s->low, s->high);
        fprintf(out, s->is_angle ? "set cbtics ('-π' -pi, '-π/2' -pi/2, '0' 0, 'π/2' pi/2, "
                                   "'π' pi)\nset cblabel 'angle [rad]' offset 0.5,0\n"
                                 : "set cblabel 'field'\n");
        return;
    }
    if (q > KR_COLORS) {
        fprintf(out, "set palette defined (%s) maxcolors %d\n", KR_VIRIDIS, q < 256 ? q : 256);
    } else {
        fputs("set palette defined (", out);
        for (int k = 0; k < q; k++) { /* two states: dark and light, also in print */
            const char *color = kr_gnuplot_color(q == 2 && k == 1 ? KR_COLORS - 1 : k);
            fprintf(out, "%s%d '%s', %d '%s'", k ? ", " : "", k, color, k + 1, color);
        }
        fprintf(out, ") maxcolors %d\n", q);
    }
    fprintf(out, "set cbrange [-0.5:%g]\nset cblabel 'state'\nset cbtics 0,%g\n", q - 0.5,
            fmax(1.0, kr_gnuplot_step(q - 1.0, 20)));
}

static void write_frame(kr_gnuplot *g, const kr_snapshot *s, int row, int column, int n_rows,
                        int n_columns)
{
    const double left = s->dim == 1 ? 0.09 : 0.06; /* room for the numbers of draws */
    const double width = (0.88 - left) / n_columns, height = 0.8 / n_rows;
    fprintf(g->script,
            "set lmargin at screen %.4f\nset rmargin at screen %.4f\nset tmargin at screen "
            "%.4f\nset bmargin at screen %.4f\n",
            left + column * width, left + (column + 0.92) * width, 0.86 - row * height,
            0.86 - (row + 0.84) * height);
    const bool is_first = row == 0 && column == 0;
    fputs(is_first ? "set colorbox user origin screen 0.89, 0.2 size screen 0.022, 0.55\n"
                   : "unset colorbox\n",
          g->script);
    if (s->dim == 1) {
        fprintf(g->script,
                "set xlabel 'site' offset 0,0.4\nset xtics %g\nset ytics %g\nset yrange "
                "[*:*] noextend\n",
                fmax(1.0, kr_gnuplot_step((double)s->extent[0], 3)),
                fmax(1.0, kr_gnuplot_step((double)s->n_draws, 6)));
        fprintf(g->script, column ? "set ylabel ''\nset format y ''\n"
                                  : "set ylabel 'stored draw' offset 1,0\n");
    }
}

/* Cells as rectangles while they are few: browsers blur the pixels of an image in SVG. */
static const char *style_of(const kr_snapshot *s, int64_t n_pictures)
{
    int64_t n = s->extent[0] * n_pictures;
    if (s->dim == 1) {
        n *= s->n_draws < DRAWS_MAX ? s->n_draws : DRAWS_MAX;
    } else {
        n *= s->extent[1];
    }
    return n <= RECTANGLES ? "image pixels" : "image";
}

static void write_picture(kr_gnuplot *g, const kr_snapshot *s, int64_t chain, int64_t draw,
                          const char *style)
{
    char label[96];
    snprintf(label, sizeof label, "chain %lld, draw %.0f", (long long)chain, s->drawn[draw]);
    if (s->dim == 1) {
        snprintf(label, sizeof label, "chain %lld", (long long)chain);
    }
    const int block = kr_gnuplot_block(g, label);
    const int64_t nx = s->extent[0];
    if (s->dim == 1) {
        for (int64_t t = 0; t < s->n_draws && t < DRAWS_MAX; t++) {
            write_row(g, s, sites(s, chain, t), nx);
        }
    } else {
        const double *x = sites(s, chain, draw);
        const int64_t slice = s->dim == 3 ? s->extent[2] / 2 : 0;
        for (int64_t y = 0; y < s->extent[1]; y++) {
            write_row(g, s, x + (slice * s->extent[1] + y) * nx, nx);
        }
    }
    fputs("set title ", g->script);
    kr_gnuplot_text(g, label, sizeof label);
    fprintf(g->script, " font ',10' offset 0,-0.6\nplot data index %d matrix with %s notitle\n",
            block, style);
}

static int draw(kr_gnuplot *g, const kr_source *source, const kr_snapshot *s, kr_error *err)
{
    char title[512], label[384];
    KR_TRY(kr_plot_title(source, s->point, s->n_points, label, sizeof label, err));
    snprintf(title, sizeof title, "%s%s", label, s->dim == 3 ? ", middle slice" : "");
    /* of few draws, several chains stand in a row */
    const int64_t n_draws = s->dim == 1 ? 1 : s->n_draws < COLUMNS ? s->n_draws : COLUMNS;
    int64_t in_row = COLUMNS / n_draws;
    in_row = in_row < s->n_chains ? in_row : s->n_chains;
    int64_t n_rows = (s->n_chains + in_row - 1) / in_row;
    n_rows = s->dim == 1 ? 1 : n_rows < ROWS ? n_rows : ROWS;
    const int64_t n_columns = in_row * n_draws;
    fputs("set multiplot title ", g->script);
    kr_gnuplot_text(g, title, 110);
    fputs(" noenhanced font ',13'\nset tics scale 0.5\n", g->script);
    write_palette(g, s);
    fputs(s->dim == 1 ? "set border 3\n"
                      : "set size ratio -1\nunset xtics\nunset ytics\nset border 15 lw 0.5\n",
          g->script);
    fprintf(g->script, "set xrange [-0.5:%g]\n", (double)s->extent[0] - 0.5);
    if (s->dim > 1) {
        fprintf(g->script, "set yrange [-0.5:%g]\n", (double)s->extent[1] - 0.5);
    }
    for (int64_t k = 0; k < n_rows * n_columns; k++) {
        const int64_t row = k / n_columns, column = k % n_columns;
        const int64_t place = row * in_row + column / n_draws, places = n_rows * in_row;
        /* starts may differ from the first chain to the last */
        const int64_t chain = places < s->n_chains && places > 1
                                  ? place * (s->n_chains - 1) / (places - 1)
                                  : place;
        if (chain < s->n_chains) {
            write_frame(g, s, (int)row, (int)column, (int)n_rows, (int)n_columns);
            write_picture(g, s, chain, pick(s, column % n_draws, n_draws),
                          style_of(s, n_rows * n_columns));
        }
    }
    fputs("unset multiplot\n", g->script);
    return KR_OK;
}

int kr_snapshot_draw(kr_gnuplot *g, const kr_source *source, int n_sources, kr_error *err)
{
    (void)n_sources;
    kr_snapshot s = { 0 };
    int status = load(source, &s, err);
    if (status == KR_OK) {
        status = find_range(source, &s, err);
    }
    if (status == KR_OK) {
        status = draw(g, source, &s, err);
    }
    clear(&s);
    return status;
}
