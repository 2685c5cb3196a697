/* SPDX-License-Identifier: GPL-3.0-or-later
 * analysis/summary_derived.c - quantities that follow from means of columns, by jackknife. */
#include "analysis/summary.h"

#include "analysis/recipe.h"
#include "base/memory.h"

#include <math.h>
#include <string.h>

#define MIN_BINS 20
#define OTHERS   KR_RECIPE_OTHERS

/* x (n_chains, blocks) becomes the series whose plain mean is that of w x; rows left. */
static int64_t weigh(const kr_summary *s, int64_t p, const kr_blocks *b, double *x)
{
    for (int64_t k = 0; s->weight && k < b->n_chains * b->n; k++) {
        x[k] *= s->weight[k];
    }
    if (s->annealing) { /* runs are independent */
        kr_summary_average_members(s, p, x);
        return 1;
    }
    return kr_summary_pair_up(s, b->n_chains, b->n, x);
}

/* A jackknife of the shifted column, its square and the other columns. work: (2, n_chains,
 * blocks); the others are used up. */
static void derive(const kr_summary *s, int64_t p, const kr_blocks *b, kr_blocks *other,
                   const kr_recipe *recipe, double beta, const kr_estimate *column,
                   double *work, kr_quantity *q)
{
    const int64_t n = b->n_chains * b->n;
    double *x = work, *square = work + n;
    kr_scale scale = kr_recipe_scale(recipe, beta, s->n_sites);
    scale.is_weighted = s->weight || s->annealing;
    if (recipe->kind == KR_KIND_VARIANCE) { /* no cancellation of <x^2> against <x>^2 */
        scale.shift = column->mean;
    }
    kr_blocks_squares(b, p, scale.shift, x, square);
    const double *columns[3 + OTHERS] = { x, square };
    int n_columns = 2;
    int64_t n_rows = weigh(s, p, b, x);
    weigh(s, p, b, square);
    if (scale.is_weighted) {
        columns[n_columns++] = s->annealing ? s->annealing->weight + p * s->n_draws : s->weight;
    }
    for (int k = 0; k < recipe->n_others; k++) {
        columns[n_columns++] = other[k].value + p * n;
        weigh(s, p, b, other[k].value + p * n);
    }
    kr_error err = { 0 };
    const int64_t bin = s->annealing ? 1 : kr_blocks_bin(b, column->tau_int, n_rows, MIN_BINS);
    q->is_derived = true;
    if (kr_jackknife(columns, n_columns, n_rows, b->n, bin, kr_recipe_value, &scale,
                     &q->estimate.mean, &q->estimate.error, &err) != KR_OK) {
        q->is_bad = true;
        snprintf(q->note, sizeof q->note, "%.150s", err.text);
    }
    q->estimate.n = b->n_chains * s->n_draws;
    q->estimate.is_constant = column->is_constant;
}

static void clear_others(kr_blocks *other)
{
    for (int k = 0; k < OTHERS; k++) {
        kr_blocks_clear(&other[k]);
    }
}

static int read_others(kr_reader *reader, const kr_summary *s, const char *group,
                       const kr_recipe *recipe, const kr_blocks *b, kr_blocks *other,
                       kr_error *err)
{
    const kr_blocks_options options = kr_summary_blocks(s);
    memset(other, 0, OTHERS * sizeof *other);
    for (int k = 0; k < recipe->n_others; k++) {
        kr_series series;
        int status =
            kr_summary_open(reader, s, group, recipe->other[k], b->n_chains, &series, err);
        if (status == KR_OK) {
            status = kr_blocks_read(&series, &options, &other[k], err);
            kr_series_clear(&series);
        }
        if (status != KR_OK) {
            clear_others(other);
            return status;
        }
    }
    return KR_OK;
}

static int add_one(kr_reader *reader, kr_summary *s, const char *group, const kr_blocks *b,
                   int column, const kr_recipe *recipe, double *work, kr_error *err)
{
    kr_blocks other[OTHERS];
    KR_TRY(read_others(reader, s, group, recipe, b, other, err));
    kr_quantity *q = kr_summary_add_quantity(s, recipe->name, recipe->unit, false, err);
    for (int64_t p = 0; q && p < s->n_points; p++) {
        const kr_quantity *from = &s->quantity[column * s->n_points + p];
        q[p].is_derived = true;
        q[p].is_bad = from->is_bad;
        if (!from->is_bad) {
            derive(s, p, b, other, recipe,
                   kr_series_constant(reader, "constant_data", "beta", p), &from->estimate,
                   work, &q[p]);
        }
        kr_summary_compare_exact(reader, &q[p], p);
    }
    clear_others(other);
    return q ? KR_OK : KR_ENOMEM;
}

int kr_summary_derive(kr_reader *reader, kr_summary *s, const char *group, const kr_blocks *b,
                      int column, kr_error *err)
{
    kr_recipe recipe;
    int position = 0, status = KR_OK;
    char name[KR_SERIES_NAME];
    snprintf(name, sizeof name, "%s", s->quantity[column * s->n_points].name);
    double *work = NULL;
    while (status == KR_OK && kr_recipe_next(reader, group, name, &position, &recipe)) {
        if (!work) {
            work = kr_alloc(2 * (size_t)(b->n_chains * b->n), sizeof *work, err);
        }
        status = work ? add_one(reader, s, group, b, column, &recipe, work, err) : KR_ENOMEM;
    }
    kr_free(work);
    return status;
}
