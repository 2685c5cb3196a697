/* SPDX-License-Identifier: GPL-3.0-or-later
 * analysis/plot_joint.c - the joint histogram of energy and order parameter at a point, as a
 * map.
 *
 * Two phases that coexist are two islands, and what lies between them is how chains cross: a
 * one-dimensional histogram hides a barrier that its own coordinate does not see. The data file
 * is the histogram: shares of the draws as they were sampled. */
#include "analysis/plot_law.h"

#include "base/memory.h"

#include <math.h>
#include <string.h>

#define BINS_MOST   48 /* of either column: cells stay visible at 800 pixels */
#define DRAWS_A_BIN 4  /* on the mean of a diagonal, so that a map is no sand */

typedef struct joint {
    int64_t n; /* draws */
    int64_t point;
    double *x[2]; /* (n) order parameter, energy; own */
    kr_bins bins[2];
    double *share; /* (bins[1].n, bins[0].n); owns */
} joint;

static void clear(joint *j)
{
    kr_free(j->x[0]);
    kr_free(j->x[1]);
    kr_free(j->share);
}

static int fill(const kr_series series[2], joint *j, kr_error *err)
{
    double *sorted = kr_alloc((size_t)j->n, sizeof *sorted, err);
    for (int k = 0; sorted && k < 2; k++) { /* the energy comes first in the file */
        j->x[k] = kr_alloc((size_t)j->n, sizeof *j->x[k], err);
        if (!j->x[k]) {
            kr_free(sorted);
            return KR_ENOMEM;
        }
        kr_series_point(&series[1 - k], j->point, j->x[k]);
        memcpy(sorted, j->x[k], (size_t)j->n * sizeof *sorted);
        const double most = sqrt((double)j->n / DRAWS_A_BIN);
        j->bins[k] =
            kr_bins_choose(sorted, j->n, most < BINS_MOST ? (int)fmax(most, 4.0) : BINS_MOST);
    }
    kr_free(sorted);
    j->share =
        sorted ? kr_alloc((size_t)j->bins[0].n * (size_t)j->bins[1].n, sizeof *j->share, err)
               : NULL;
    if (!j->share) {
        return KR_ENOMEM;
    }
    for (int64_t i = 0; i < j->n; i++) {
        int at[2];
        for (int k = 0; k < 2; k++) {
            at[k] = (int)((j->x[k][i] - j->bins[k].from) / j->bins[k].width);
            at[k] = at[k] < 0 ? 0 : at[k] < j->bins[k].n ? at[k] : j->bins[k].n - 1;
        }
        j->share[at[1] * j->bins[0].n + at[0]] += 1.0 / (double)j->n;
    }
    return KR_OK;
}

static void write(kr_gnuplot *g, const joint *j)
{
    const int block = kr_gnuplot_block(g, "order parameter, energy, share of the draws");
    const kr_bins *m = &j->bins[0], *e = &j->bins[1];
    double least = INFINITY, most = 0.0;
    for (int k = 0; k < e->n * m->n; k++) {
        if (j->share[k] > 0.0) {
            least = fmin(least, j->share[k]);
            most = fmax(most, j->share[k]);
            fprintf(g->data, "%.10g %.10g %.6g\n", m->from + (k % m->n + 0.5) * m->width,
                    e->from + (k / m->n + 0.5) * e->width, j->share[k]);
        }
    }
    if (most < 2.0 * least) { /* one color wants an axis as well */
        least *= 0.5;
        most *= 2.0;
    }
    fprintf(g->script,
            "set xrange [%.10g:%.10g] noextend\nset yrange [%.10g:%.10g] noextend\n"
            "set logscale cb\nset cbrange [%.6g:%.6g]\nset cblabel 'share of the draws'\nset "
            "format cb '10^{%%L}'\n"
            "set palette defined (%s)\nset style fill solid noborder\n"
            "plot data index %d using 1:2:($1 - %.10g):($1 + %.10g):($2 - %.10g):($2 + "
            "%.10g):3 with boxxyerror fillcolor palette notitle\n",
            m->from, m->from + m->n * m->width, e->from, e->from + e->n * e->width, least, most,
            KR_VIRIDIS, block, 0.5 * m->width, 0.5 * m->width, 0.5 * e->width, 0.5 * e->width);
}

static int draw(kr_gnuplot *g, const kr_source *source, char name[2][KR_SERIES_NAME],
                const kr_series series[2], joint *j, kr_error *err)
{
    char title[512], label[KR_SERIES_NAME + 80];
    KR_TRY(kr_plot_point(source->reader, series[0].n_points, &j->point, err));
    KR_TRY(kr_plot_title(source, j->point, series[0].n_points, title, sizeof title, err));
    kr_plot_tell_cut(&series[0], title, sizeof title);
    j->n = series[0].n_chains * series[0].n_draws;
    KR_TRY(fill(series, j, err));
    fputs("set title ", g->script);
    kr_gnuplot_text(g, title, 110);
    fputs(" noenhanced\nset xlabel ", g->script);
    kr_plot_label(source->reader, name[1], label, sizeof label);
    kr_gnuplot_text(g, label, 80);
    fputs(" noenhanced\nset ylabel ", g->script);
    kr_plot_label(source->reader, name[0], label, sizeof label);
    kr_gnuplot_text(g, label, 80);
    fputs(" noenhanced\n", g->script);
    write(g, j);
    return KR_OK;
}

int kr_joint_draw(kr_gnuplot *g, const kr_source *source, int n_sources, kr_error *err)
{
    (void)n_sources;
    char name[2][KR_SERIES_NAME];
    kr_series series[2] = { { 0 }, { 0 } };
    joint j = { 0 };
    if (kr_series_exists(source->reader, "sample_stats", "log_z_ratio")) {
        return kr_fail(err, KR_EUNSUP,
                       "%s: draws are runs of population annealing, whose weights differ, want "
                       "chains",
                       source->path);
    }
    if (kr_plot_columns(source->reader, name) < 2) {
        return kr_fail(err, KR_EUNSUP,
                       "%s: no energy or no order parameter, want both observables, energy and "
                       "magnetization",
                       source->path);
    }
    int status = kr_plot_load_columns(source, name, 2, series, err);
    status = status == KR_OK ? draw(g, source, name, series, &j, err) : status;
    kr_series_clear(&series[0]);
    kr_series_clear(&series[1]);
    clear(&j);
    return status;
}
