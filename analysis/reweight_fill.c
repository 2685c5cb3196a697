/* SPDX-License-Identifier: GPL-3.0-or-later
 * analysis/reweight_fill.c - histograms of the draws of all files, read in pieces. */
#include "analysis/reweight_data.h"
#include "base/memory.h"

#include <math.h>
#include <string.h>

#define BINS      8192
#define BINS_PAIR 256 /* along each of two, or as many as fit into TABLE bytes */
#define TABLE     0x1p28

typedef struct filling {
    const kr_reweight_data *d;
    const kr_reweighting *r;
    kr_multihist *m;
    bool is_bad[KR_REWEIGHT_COLUMNS];
} filling;

/* The columns of a source side by side, with those of H and of the conjugate among or behind
 * them; -1: none. */
typedef struct columns {
    int n, energy, conjugate;
    kr_series series[KR_REWEIGHT_ROW];
} columns;

/* X and Y of a draw from its energy and conjugate. */
static void find_x(const filling *f, int64_t p, double energy, double conjugate, double *x,
                   double *y)
{
    const double h = energy * f->d->scale[0][p], slope = conjugate * f->d->scale[1][p];
    const bool is_pair = f->r->kind == KR_REWEIGHT_PAIR;
    *x = is_pair ? h - f->d->lambda[p] * slope : f->r->kind == KR_REWEIGHT_BETA ? h : slope;
    *y = is_pair ? slope : 0.0;
}

/* One piece of all columns. */
static void add_piece(filling *f, const kr_reweight_source *s, const columns *c)
{
    const kr_reweight_data *d = f->d;
    const kr_series *first = &c->series[c->energy >= 0 ? c->energy : c->conjugate];
    const int64_t n_parts = s->n_rows * s->parts;
    for (int64_t k = 0; k < s->n_chains * first->n; k++) {
        const int64_t t = first->begin + k % first->n;
        const int64_t part = k / first->n / s->coupled * s->parts + t * s->parts / s->n_draws;
        for (int64_t p = 0; p < s->n_points; p++) {
            const int64_t at = k * s->n_points + p;
            double row[KR_REWEIGHT_ROW], x, y;
            for (int j = 0; j < d->n_columns; j++) {
                row[j] = c->series[j].value[at];
                f->is_bad[j] = f->is_bad[j] || !isfinite(row[j]);
            }
            find_x(f, s->first + p, c->energy >= 0 ? c->series[c->energy].value[at] : 0.0,
                   c->conjugate >= 0 ? c->series[c->conjugate].value[at] : 0.0, &x, &y);
            if (d->energy_column >= 0) {
                row[d->energy_column] = x / f->r->n_sites;
                row[d->n_columns] = y / f->r->n_sites;
                row[d->n_columns + 1] = (x + y) / f->r->n_sites;
            }
            kr_multihist_add(f->m, s->first + p, part * f->r->n_blocks / n_parts,
                             d->weight[s->first + p], x, y, row);
        }
    }
}

/* Index of a column of the posterior among those that are open; opens it where it is none. */
static int open_one(const kr_reweight_source *s, const kr_reweight_data *d, const char *group,
                    const char *name, columns *c, int *index, kr_error *err)
{
    for (int k = 0; k < d->n_columns && *group == 'p'; k++) {
        if (strcmp(name, d->name[k]) == 0) {
            *index = k;
            return KR_OK;
        }
    }
    *index = c->n;
    return kr_series_open(s->reader, group, name, &c->series[c->n++], err);
}

/* Pieces are of whole chunks of all, and together as long as one else. */
static int open_all(const filling *f, const kr_reweight_source *s, columns *c, kr_error *err)
{
    const kr_reweight_data *d = f->d;
    int64_t chunk = 1;
    c->energy = c->conjugate = -1;
    for (; c->n < d->n_columns; c->n++) {
        KR_TRY(kr_series_open(s->reader, "posterior", d->name[c->n], &c->series[c->n], err));
    }
    if (f->r->kind != KR_REWEIGHT_NUMBER) {
        KR_TRY(open_one(s, d, s->energy_group, s->energy_name, c, &c->energy, err));
    }
    if (f->r->kind != KR_REWEIGHT_BETA) {
        KR_TRY(open_one(s, d, "posterior", d->conjugate, c, &c->conjugate, err));
    }
    for (int k = 0; k < c->n; k++) {
        const int64_t own = c->series[k].pieces.chunk;
        chunk = own > chunk ? own : chunk; /* powers of two apart, as their types are */
    }
    const int64_t share = c->series[0].length / c->n;
    for (int k = 0; k < c->n; k++) {
        c->series[k].length = share > chunk ? share / chunk * chunk : chunk;
    }
    return KR_OK;
}

/* Reads all columns of a source side by side. */
static int add_source(filling *f, const kr_reweight_source *s, kr_error *err)
{
    columns *c = kr_alloc(1, sizeof *c, err);
    int status = c ? open_all(f, s, c, err) : KR_ENOMEM;
    while (status == KR_OK) {
        for (int k = 0; k < c->n && status == KR_OK; k++) {
            status = kr_series_next(&c->series[k], err);
        }
        if (status != KR_OK || c->series[0].n == 0) {
            break;
        }
        add_piece(f, s, c);
    }
    for (int k = 0; c && k < c->n; k++) {
        kr_series_clear(&c->series[k]);
    }
    kr_free(c);
    return status;
}

/* Takes columns away; returns how many were. */
static int drop_columns(kr_reweight_data *d, const bool *is_bad)
{
    int n = 0, energy = -1;
    for (int c = 0; c < d->n_columns; c++) {
        if (!is_bad[c]) {
            energy = c == d->energy_column ? n : energy;
            memmove(d->name[n], d->name[c], sizeof d->name[c]);
            memmove(d->unit[n++], d->unit[c], sizeof d->unit[c]);
        }
    }
    const int dropped = d->n_columns - n;
    d->n_columns = n;
    d->energy_column = energy;
    return dropped;
}

/* ---- the law of a point --------------------------------------------------------------------
 */

static double log_w(const void *context, int64_t point, double x, double y)
{
    const kr_reweight_data *d = context;
    int k = d->n_sources - 1;
    while (point < d->source[k].first) {
        k--;
    }
    const kr_reweight_flat *flat = &d->source[k].flat;
    return flat->log_w ? kr_reweight_flat_log_w(flat, x + d->lambda[point] * y) : 0.0;
}

static void widen(double *low, double *high, double a, double b)
{
    *low = fmin(*low, fmin(a, b));
    *high = fmax(*high, fmax(a, b));
}

/* X = H - lambda Y of a pair lies between the ends that H and Y allow. */
static void find_ends(const kr_reweight_data *d, const kr_reweighting *r,
                      kr_multihist_shape *shape)
{
    shape->x_low = shape->y_low = INFINITY;
    shape->x_high = shape->y_high = -INFINITY;
    for (int64_t p = 0; p < d->n_points; p++) {
        const kr_reweight_spread *h = &d->spread[0][p], *slope = &d->spread[1][p];
        if (r->kind != KR_REWEIGHT_PAIR) {
            const kr_reweight_spread *x = r->kind == KR_REWEIGHT_BETA ? h : slope;
            widen(&shape->x_low, &shape->x_high, x->low, x->high);
            continue;
        }
        const double low = d->lambda[p] * slope->low, high = d->lambda[p] * slope->high;
        widen(&shape->x_low, &shape->x_high, h->low - fmax(low, high),
              h->high - fmin(low, high));
        widen(&shape->y_low, &shape->y_high, slope->low, slope->high);
    }
}

/* Coefficients a, then b, of all points; those of weights are 0. */
static void find_coefficients(const kr_reweight_data *d, const kr_reweighting *r, double *a)
{
    for (int k = 0; k < d->n_sources; k++) {
        const kr_reweight_source *s = &d->source[k];
        for (int64_t p = s->first; p < s->first + s->n_points && !s->flat.log_w; p++) {
            kr_reweight_coefficients(r, d->beta[p], d->lambda[p], &a[p], &a[d->n_points + p]);
        }
    }
}

static void size_table(const kr_reweight_data *d, const kr_reweighting *r,
                       kr_multihist_shape *shape)
{
    shape->n_columns = d->n_columns + (d->energy_column >= 0 ? 2 : 0);
    shape->n_bins = BINS;
    if (r->kind == KR_REWEIGHT_PAIR) {
        const double cell =
            8.0 * (double)(r->n_blocks + 1) * (double)(2 * shape->n_columns + 3);
        shape->n_bins = (int64_t)fmin(BINS_PAIR, sqrt(TABLE / cell));
        shape->n_bins_y = shape->n_bins;
    }
}

kr_multihist *kr_reweight_data_fill(kr_reweight_data *d, const kr_reweighting *r, kr_error *err)
{
    const bool is_pair = r->kind == KR_REWEIGHT_PAIR;
    double *a = kr_alloc(2 * (size_t)d->n_points, sizeof *a, err);
    filling *f = kr_alloc(1, sizeof *f, err);
    kr_multihist_shape shape = { .n_points = d->n_points,
                                 .n_blocks = r->n_blocks,
                                 .a = a,
                                 .b = is_pair && a ? a + d->n_points : NULL,
                                 .log_w = r->n_flat > 0 ? log_w : NULL,
                                 .context = d,
                                 .label = d->label_list };
    bool is_again = a && f;
    if (is_again) {
        find_ends(d, r, &shape);
        find_coefficients(d, r, a);
        *f = (filling){ .d = d, .r = r };
    }
    while (is_again) { /* once more without what turned out to hold other than numbers */
        size_table(d, r, &shape);
        memset(f->is_bad, 0, sizeof f->is_bad);
        f->m = kr_multihist_alloc(&shape, err);
        int status = f->m ? KR_OK : KR_ENOMEM;
        for (int k = 0; k < d->n_sources && status == KR_OK; k++) {
            status = add_source(f, &d->source[k], err);
        }
        is_again = status == KR_OK && drop_columns(d, f->is_bad) > 0;
        if (status != KR_OK || is_again) {
            kr_multihist_free(f->m);
            f->m = NULL;
        }
    }
    kr_multihist *m = f ? f->m : NULL;
    kr_free(f);
    kr_free(a);
    return m;
}
