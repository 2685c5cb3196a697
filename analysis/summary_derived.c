/* SPDX-License-Identifier: GPL-3.0-or-later
 * analysis/summary_derived.c - quantities that follow from means of columns, by jackknife. */
#include "analysis/summary.h"

#include "analysis/recipe.h"
#include "base/memory.h"

#include <math.h>
#include <string.h>

#define MIN_BINS 20
#define OTHERS   KR_RECIPE_OTHERS

/* x (n_chains, n_draws) becomes the series whose plain mean is that of w x; rows left. */
static int64_t weigh(const kr_summary *s, int64_t p, int64_t n_chains, double *x)
{
    for (int64_t k = 0; s->weight && k < n_chains * s->n_draws; k++) {
        x[k] *= s->weight[k];
    }
    if (s->annealing) { /* runs are independent */
        kr_summary_average_members(s, p, x);
        return 1;
    }
    return kr_summary_pair_up(s, n_chains, x);
}

/* A jackknife of the shifted column, its square and the other columns: work, (2 + OTHERS,
 * n_chains, n_draws), holds the column and after its square the others; it is overwritten. */
static void derive(const kr_summary *s, int64_t p, int64_t n_chains, const kr_recipe *recipe,
                   double beta, const kr_estimate *column, double *work, kr_quantity *q)
{
    const int64_t n = n_chains * s->n_draws;
    double *x = work, *square = work + n;
    kr_scale scale = kr_recipe_scale(recipe, beta, s->n_sites);
    scale.is_weighted = s->weight || s->annealing;
    if (recipe->kind == KR_KIND_VARIANCE) { /* no cancellation of <x^2> against <x>^2 */
        scale.shift = column->mean;
    }
    for (int64_t k = 0; k < n; k++) {
        x[k] -= scale.shift;
        square[k] = x[k] * x[k];
    }
    const double *columns[3 + OTHERS] = { x, square };
    int n_columns = 2;
    int64_t n_rows = 1;
    if (scale.is_weighted) {
        columns[n_columns++] = s->annealing ? s->annealing->weight + p * s->n_draws : s->weight;
    }
    for (int k = 0; k < 2 + recipe->n_others; k++) {
        n_rows = weigh(s, p, n_chains, work + k * n);
        if (k >= 2) {
            columns[n_columns++] = work + k * n;
        }
    }
    kr_error err = { 0 };
    const int64_t bin =
        s->annealing ? 1 : kr_jackknife_bin(column->tau_int, n_rows, s->n_draws, MIN_BINS);
    q->is_derived = true;
    if (kr_jackknife(columns, n_columns, n_rows, s->n_draws, bin, kr_recipe_value, &scale,
                     &q->estimate.mean, &q->estimate.error, &err) != KR_OK) {
        q->is_bad = true;
        snprintf(q->note, sizeof q->note, "%.150s", err.text);
    }
    q->estimate.n = n;
    q->estimate.is_constant = column->is_constant;
}

static void clear_others(kr_series *other)
{
    for (int k = 0; k < OTHERS; k++) {
        kr_series_clear(&other[k]);
    }
}

static int load_others(kr_reader *reader, const char *group, const kr_recipe *recipe,
                       const kr_series *series, kr_series *other, kr_error *err)
{
    memset(other, 0, OTHERS * sizeof *other);
    for (int k = 0; k < recipe->n_others; k++) {
        int status = kr_series_load(reader, group, recipe->other[k], &other[k], err);
        if (status == KR_OK &&
            (other[k].n_chains != series->n_chains || other[k].n_draws != series->n_draws ||
             other[k].n_points != series->n_points)) {
            status = kr_fail(err, KR_EUNSUP, "%s/%s: its shape differs from that of %s", group,
                             recipe->other[k], recipe->column);
        }
        if (status != KR_OK) {
            clear_others(other);
            return status;
        }
    }
    return KR_OK;
}

static int add_one(kr_reader *reader, kr_summary *s, const char *group, const kr_series *series,
                   int column, const kr_recipe *recipe, double *work, kr_error *err)
{
    const int64_t n = series->n_chains * s->n_draws;
    kr_series other[OTHERS];
    KR_TRY(load_others(reader, group, recipe, series, other, err));
    kr_quantity *q = kr_summary_add_quantity(s, recipe->name, recipe->unit, false, err);
    for (int64_t p = 0; q && p < s->n_points; p++) {
        const kr_quantity *from = &s->quantity[column * s->n_points + p];
        q[p].is_derived = true;
        q[p].is_bad = from->is_bad;
        if (!from->is_bad) {
            kr_series_point(series, p, work);
            for (int k = 0; k < recipe->n_others; k++) {
                kr_series_point(&other[k], p, work + (2 + k) * n);
            }
            derive(s, p, series->n_chains, recipe,
                   kr_series_constant(reader, "constant_data", "beta", p), &from->estimate,
                   work, &q[p]);
        }
        kr_summary_compare_exact(reader, &q[p], p);
    }
    clear_others(other);
    return q ? KR_OK : KR_ENOMEM;
}

int kr_summary_derive(kr_reader *reader, kr_summary *s, const char *group,
                      const kr_series *series, int column, kr_error *err)
{
    kr_recipe recipe;
    int position = 0, status = KR_OK;
    char name[KR_SERIES_NAME];
    snprintf(name, sizeof name, "%s", s->quantity[column * s->n_points].name);
    double *work = NULL;
    while (status == KR_OK && kr_recipe_next(reader, group, name, &position, &recipe)) {
        if (!work) {
            work = kr_alloc((2 + OTHERS) * (size_t)(series->n_chains * s->n_draws),
                            sizeof *work, err);
        }
        status =
            work ? add_one(reader, s, group, series, column, &recipe, work, err) : KR_ENOMEM;
    }
    kr_free(work);
    return status;
}
