/* SPDX-License-Identifier: GPL-3.0-or-later
 * analysis/plot_residence.c - which phase each chain is in against draws, as colored strips,
 * and how long it dwells there. Two files stand side by side over equally many draws. */
#include "analysis/plot.h"

#include "analysis/summary.h"
#include "base/memory.h"

#include <math.h>
#include <string.h>

#define CHAINS_SHOWN 16
#define NO_PHASE     255
#define MIN_WINDOW   100
#define PAIR_WINDOW  400 /* draws side by side: one is about a pixel wide */
#define STRIPS_SHOWN 150 /* dwells per chain that can be told apart */
#define NO_PHASE_RGB "#DDDDDD"

typedef struct kr_strips {
    const kr_source *source; /* borrowed */
    int64_t n_chains, n_draws, point, n_points;
    int64_t n_all; /* draws of the file; n_draws are those read */
    int n_phases;
    char name[KR_PHASES_MAX][KR_SERIES_NAME];
    int color[KR_PHASES_MAX]; /* the same name has the same color in both files */
    kr_estimate probability[KR_PHASES_MAX];
    double n_switches;
    uint8_t *phase;                 /* (n_chains, n_draws); owns */
    int strips_block, dwells_block; /* in the data file */
    int64_t n_dwells;               /* seen from begin to end */
} kr_strips;

static int load_phase(kr_strips *s, const char *variable, kr_error *err)
{
    kr_series series;
    KR_TRY(kr_plot_load(s->source, variable, &series, err));
    int64_t n = series.n_chains * series.n_draws;
    double *x = kr_alloc((size_t)n, sizeof *x, err);
    int status = x ? KR_OK : KR_ENOMEM;
    if (status == KR_OK && s->n_phases == 0) {
        s->n_chains = series.n_chains;
        s->n_draws = series.n_draws;
        s->n_points = series.n_points;
        s->n_all = series.pieces.shape[1];
        status = kr_plot_point(s->source->reader, s->n_points, &s->point, err);
        s->phase = kr_alloc((size_t)n, 1, err);
        status = status == KR_OK && !s->phase ? KR_ENOMEM : status;
        if (status == KR_OK) {
            memset(s->phase, NO_PHASE, (size_t)n);
        }
    } else if (status == KR_OK &&
               (series.n_chains != s->n_chains || series.n_draws != s->n_draws ||
                series.n_points != s->n_points)) {
        status = kr_fail(err, KR_EUNSUP, "posterior/%s: its shape differs from the others'",
                         variable);
    }
    if (status == KR_OK) {
        int k = s->n_phases++;
        snprintf(s->name[k], sizeof s->name[k], "%s", variable + 3);
        kr_series_point(&series, s->point, x);
        for (int64_t i = 0; i < n; i++) {
            s->phase[i] = x[i] > 0.5 ? (uint8_t)k : s->phase[i];
        }
        kr_gamma_estimate(x, s->n_chains, s->n_draws, &s->probability[k], NULL);
    }
    kr_free(x);
    kr_series_clear(&series);
    return status;
}

static int count_switches(kr_strips *s, kr_error *err)
{
    kr_series series;
    s->n_switches = NAN;
    if (!kr_series_exists(s->source->reader, "posterior", "phase_switches")) {
        return KR_OK;
    }
    KR_TRY(kr_plot_load(s->source, "phase_switches", &series, err));
    s->n_switches = 0.0;
    for (int64_t k = 0; k < series.n_chains * series.n_draws; k++) {
        s->n_switches +=
            s->point < series.n_points ? series.value[k * series.n_points + s->point] : 0.0;
    }
    kr_series_clear(&series);
    return KR_OK;
}

static int load_strips(const kr_source *source, kr_strips *s, kr_error *err)
{
    *s = (kr_strips){ .source = source };
    const char *const *names = kr_reader_variables(source->reader, "posterior");
    for (; names && *names && s->n_phases < KR_PHASES_MAX; names++) {
        if (strncmp(*names, "in_", 3) == 0) {
            KR_TRY(load_phase(s, *names, err));
        }
    }
    if (s->n_phases == 0) {
        return kr_fail(err, KR_EUNSUP,
                       "%s: no variables in_PHASE, want a run with the observable residence",
                       source->path);
    }
    return count_switches(s, err);
}

/* Colors in the order in which names first appear; returns how many. */
static int choose_colors(kr_strips *strips, int n, const char *legend[2 * KR_PHASES_MAX])
{
    int n_colors = 0;
    for (int f = 0; f < n; f++) {
        for (int k = 0; k < strips[f].n_phases; k++) {
            int c = 0;
            while (c < n_colors && strcmp(legend[c], strips[f].name[k]) != 0) {
                c++;
            }
            if (c == n_colors) {
                legend[n_colors++] = strips[f].name[k];
            }
            strips[f].color[k] = c;
        }
    }
    return n_colors;
}

/* Draws shown: for one file as many as keep dwells wider than a few pixels; for two the same
 * short stretch of both. */
static int64_t choose_window(const kr_strips *strips, int n)
{
    if (n == 2) {
        int64_t shorter =
            strips[0].n_draws < strips[1].n_draws ? strips[0].n_draws : strips[1].n_draws;
        return shorter < PAIR_WINDOW ? shorter : PAIR_WINDOW;
    }
    int64_t n_draws = strips[0].n_draws, n_strips = strips[0].n_chains;
    for (int64_t k = 1; k < strips[0].n_chains * n_draws; k++) {
        n_strips += k % n_draws != 0 && strips[0].phase[k] != strips[0].phase[k - 1];
    }
    double dwell = (double)(strips[0].n_chains * n_draws) / (double)n_strips;
    int64_t window = (int64_t)fmin(STRIPS_SHOWN * dwell, (double)n_draws);
    window = window < n_draws ? window / 50 * 50 : n_draws;
    window = window > MIN_WINDOW ? window : MIN_WINDOW;
    return window < n_draws ? window : n_draws;
}

static const char *phase_color(const kr_strips *s, int phase)
{
    return phase == NO_PHASE ? NO_PHASE_RGB : kr_gnuplot_color(s->color[phase]);
}

/* Rectangles from, to, chain, color. */
static void write_strips(kr_gnuplot *g, kr_strips *s, int64_t window)
{
    int64_t chains = s->n_chains < CHAINS_SHOWN ? s->n_chains : CHAINS_SHOWN;
    s->strips_block =
        kr_gnuplot_block(g, "phase strips: first draw, last draw + 1, chain, color 0xRRGGBB");
    for (int64_t c = 0; c < chains; c++) {
        const uint8_t *phase = s->phase + c * s->n_draws;
        for (int64_t t = 0, begin = 0; t < window; t++) {
            if (t + 1 == window || phase[t + 1] != phase[begin]) {
                fprintf(g->data, "%lld %lld %lld 0x%s\n", (long long)begin, (long long)(t + 1),
                        (long long)c, phase_color(s, phase[begin]) + 1);
                begin = t + 1;
            }
        }
    }
}

/* Counts completed dwells (both ends seen) of one phase by length; count (n_draws + 1). */
static int64_t count_dwells(const kr_strips *s, int phase, int64_t *count)
{
    int64_t n = 0;
    memset(count, 0, ((size_t)s->n_draws + 1) * sizeof *count);
    for (int64_t c = 0; c < s->n_chains; c++) {
        const uint8_t *state = s->phase + c * s->n_draws;
        int64_t begin = 0;
        for (int64_t t = 1; t < s->n_draws; t++) {
            if (state[t] != state[t - 1]) {
                if (begin > 0 && state[t - 1] == phase) {
                    count[t - begin]++;
                    n++;
                }
                begin = t;
            }
        }
    }
    return n;
}

/* One block per phase: t, fraction of completed dwells of at least t draws. *longest grows. */
static int write_dwells(kr_gnuplot *g, kr_strips *s, double *longest, kr_error *err)
{
    int64_t *count = kr_alloc((size_t)s->n_draws + 1, sizeof *count, err);
    if (!count) {
        return KR_ENOMEM;
    }
    s->dwells_block = g->n_blocks;
    for (int k = 0; k < s->n_phases; k++) {
        char comment[2 * KR_SERIES_NAME + 64];
        snprintf(comment, sizeof comment, "dwells in %s: draws, fraction at least as long",
                 s->name[k]);
        kr_gnuplot_block(g, comment);
        int64_t n = count_dwells(s, k, count), left = n;
        s->n_dwells += n;
        fputs(n ? "1 1\n" : "1 -1\n", g->data); /* none: below what is drawn */
        for (int64_t t = 1; t < s->n_draws; t++) {
            left -= count[t];
            if (count[t] > 0) { /* one step down behind every length seen */
                fprintf(g->data, "%lld %.6g\n", (long long)(t + 1), (double)left / (double)n);
                *longest = fmax(*longest, (double)(t + 1));
            }
        }
    }
    kr_free(count);
    return KR_OK;
}

/* "P(ordered) = 0.51(2)" and "mean dwell 340 draws, 12 switches" */
static void describe(const kr_strips *s, char *odds, char *switches, size_t size)
{
    size_t used = 0;
    odds[0] = '\0';
    for (int k = 0; k < s->n_phases && used < size; k++) {
        char value[48];
        kr_format_value(s->probability[k].mean, s->probability[k].error, 1, value,
                        sizeof value);
        int n = snprintf(odds + used, size - used, "%sP(%s) = %s", k ? ", " : "", s->name[k],
                         value);
        used += n > 0 ? (size_t)n : 0;
    }
    double dwell = (double)(s->n_chains * s->n_draws) / s->n_switches;
    if (isnan(s->n_switches)) {
        switches[0] = '\0';
    } else if (s->n_switches < 0.5) {
        snprintf(switches, size, "no switch in %lld x %lld draws", (long long)s->n_chains,
                 (long long)s->n_draws);
    } else {
        snprintf(switches, size, "mean dwell %.*f draws, %.0f switches", dwell < 100.0, dwell,
                 s->n_switches);
    }
}

static double left_margin(int panel)
{
    return 0.1 + 0.46 * panel;
}

static double right_margin(int panel, int n)
{
    return n == 1 ? 0.96 : 0.5 + 0.46 * panel;
}

/* Length of the first line of a title that may take two. */
static size_t first_line(const char *title, size_t width)
{
    size_t cut = strlen(title);
    if (cut > width) {
        for (cut = width; cut > width / 2 && title[cut] != ' '; cut--) {
        }
    }
    return cut;
}

/* Line 0, 1 (title), 2 or 3 above a panel; nothing when width is 0. */
static void write_line(kr_gnuplot *g, const char *text, size_t max, int line, size_t width)
{
    if (width > 0) {
        fputs("set label ", g->script);
        kr_gnuplot_text(g, text, max);
        fprintf(g->script, " at graph 0, screen %.3f noenhanced font ',%d'\n",
                0.913 - 0.028 * line, line < 2 ? 10 : 9);
    }
}

/* ": heat_bath + independence": tells two runs of one system apart. */
static void append_updates(const kr_source *source, char *title, size_t size)
{
    static const char prefix[] = "attempted_";
    const char *const *names = kr_reader_variables(source->reader, "sample_stats");
    int n = 0;
    for (; names && *names; names++) {
        size_t used = strlen(title);
        if (strncmp(*names, prefix, strlen(prefix)) == 0) {
            snprintf(title + used, size - used, "%s%s", n++ ? " + " : ": ",
                     *names + strlen(prefix));
        }
    }
}

static int draw_strips(kr_gnuplot *g, const kr_strips *s, int panel, int n, int64_t window,
                       kr_error *err)
{
    char title[384], odds[256], switches[256], label[128], unit[64], shown[64] = "";
    int64_t chains = s->n_chains < CHAINS_SHOWN ? s->n_chains : CHAINS_SHOWN;
    KR_TRY(kr_plot_title(s->source, s->point, s->n_points, title, sizeof title, err));
    if (n == 2) {
        append_updates(s->source, title, sizeof title);
    }
    describe(s, odds, switches, sizeof odds);
    kr_plot_draw_label(s->source, unit, sizeof unit);
    snprintf(label, sizeof label, window < s->n_all ? "%s, first %lld of %lld" : "%s", unit,
             (long long)window, (long long)s->n_all);
    fprintf(g->script, "\nset lmargin at screen %.3f\nset rmargin at screen %.3f\n",
            left_margin(panel), right_margin(panel, n));
    fputs("set tmargin at screen 0.80\nset bmargin at screen 0.42\nunset logscale\n",
          g->script);
    size_t width = n == 1 ? 100 : 50, cut = first_line(title, width);
    write_line(g, title, cut, title[cut] ? 0 : 1, width);
    write_line(g, title + cut + (title[cut] == ' '), width, 1, title[cut] ? width : 0);
    write_line(g, odds, width, 2, width);
    write_line(g, switches, width, 3, width);
    if (chains < s->n_chains && !panel) {
        snprintf(shown, sizeof shown, " (%lld of %lld)", (long long)chains,
                 (long long)s->n_chains);
    }
    fprintf(g->script, "set xrange [0:%lld]\nset yrange [%lld.5:-0.5]\nset xlabel ",
            (long long)window, (long long)chains - 1);
    kr_gnuplot_text(g, label, 100);
    fprintf(g->script,
            "\nset ylabel '%s%s'\nset ytics 0,%d\nset xtics %.8g\n"
            "plot data index %d using (($1+$2)/2):3:1:2:($3-0.42):($3+0.42):4 "
            "with boxxyerror fs solid noborder lc rgb variable notitle\n"
            "unset label\nunset object\n",
            panel ? "" : "chain", shown, chains > 8 ? 2 : 1,
            kr_gnuplot_step((double)window, n == 1 ? 8 : 4), s->strips_block);
    return KR_OK;
}

static void draw_dwells(kr_gnuplot *g, const kr_strips *s, int panel, double longest)
{
    fprintf(g->script,
            "\nset tmargin at screen 0.29\nset bmargin at screen 0.105\n"
            "set logscale x\nset xtics autofreq\nset xrange [1:%.0f]\nset yrange [0:1.05]\nset "
            "ytics 0,0.5\n"
            "set xlabel 'dwell time t [draws]'\nset ylabel '%s'\n",
            longest, panel ? "" : "P(dwell >= t)");
    if (s->n_dwells == 0) {
        fputs("set label 'no dwell seen from begin to end' at graph 0.5, graph 0.5 center\n"
              "plot -1 notitle\nunset label\n",
              g->script);
        return;
    }
    for (int k = 0; k < s->n_phases; k++) {
        fprintf(g->script, "%sdata index %d using 1:2 with fsteps lw 2 lc rgb '%s' notitle",
                k ? ", \\\n     " : "plot ", s->dwells_block + k, phase_color(s, k));
    }
    fputc('\n', g->script);
}

static bool has_no_phase(const kr_strips *strips, int n)
{
    for (int f = 0; f < n; f++) {
        if (memchr(strips[f].phase, NO_PHASE,
                   (size_t)(strips[f].n_chains * strips[f].n_draws))) {
            return true;
        }
    }
    return false;
}

/* Colored words at the top instead of a key: they hold for all panels. */
static void draw_legend(kr_gnuplot *g, const char *const *legend, int n, bool has_none)
{
    double x = left_margin(0);
    for (int k = 0; k < n + has_none; k++) {
        const char *name = k < n ? legend[k] : "none yet";
        fprintf(g->script,
                "set object %d rectangle from screen %.3f, screen 0.945 to screen %.3f, screen "
                "0.97 fc rgb '%s' fs solid noborder\nset label %d ",
                k + 1, x, x + 0.025, k < n ? kr_gnuplot_color(k) : NO_PHASE_RGB, k + 100);
        kr_gnuplot_text(g, name, 24);
        fprintf(g->script, " at screen %.3f, screen 0.957 noenhanced\n", x + 0.032);
        x += 0.06 + 0.012 * (double)(strlen(name) < 24 ? strlen(name) : 24);
    }
}

static int draw_all(kr_gnuplot *g, kr_strips *strips, int n, kr_error *err)
{
    const char *legend[2 * KR_PHASES_MAX];
    int n_colors = choose_colors(strips, n, legend);
    int64_t window = choose_window(strips, n);
    double longest = 10.0;
    for (int f = 0; f < n; f++) {
        write_strips(g, &strips[f], window);
        KR_TRY(write_dwells(g, &strips[f], &longest, err));
    }
    fputs("set multiplot\nunset key\n", g->script);
    draw_legend(g, legend, n_colors, has_no_phase(strips, n));
    for (int f = 0; f < n; f++) {
        KR_TRY(draw_strips(g, &strips[f], f, n, window, err));
    }
    for (int f = 0; f < n; f++) {
        fprintf(g->script, "set lmargin at screen %.3f\nset rmargin at screen %.3f\n",
                left_margin(f), right_margin(f, n));
        draw_dwells(g, &strips[f], f, longest);
    }
    fputs("unset multiplot\n", g->script);
    return KR_OK;
}

int kr_residence_draw(kr_gnuplot *g, const kr_source *source, int n_sources, kr_error *err)
{
    kr_strips strips[2] = { { 0 } };
    int status = KR_OK;
    for (int f = 0; f < n_sources && status == KR_OK; f++) {
        status = load_strips(&source[f], &strips[f], err);
    }
    if (status == KR_OK) {
        status = draw_all(g, strips, n_sources, err);
    }
    kr_free(strips[0].phase);
    kr_free(strips[1].phase);
    return status;
}
