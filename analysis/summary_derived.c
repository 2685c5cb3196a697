/* SPDX-License-Identifier: GPL-3.0-or-later
 * analysis/summary_derived.c - quantities that follow from means of columns, by jackknife. */
#include "analysis/summary.h"

#include "base/memory.h"

#include <math.h>
#include <string.h>

#define MIN_BINS 20
#define OTHERS   KR_DERIVED_OTHERS

typedef enum kr_kind {
    KIND_VARIANCE,
    KIND_BINDER,
    KIND_MEAN,
    KIND_CONNECTED,
    KIND_MASS,
    KIND_LENGTH,
    KIND_STIFFNESS,
    KIND_LOG_ODDS
} kr_kind;
static const struct {
    const char *name;
    int n_others;
} kinds[] = { { "variance", 0 },  { "binder", 0 },         { "mean", 0 },
              { "connected", 1 }, { "effective_mass", 3 }, { "correlation_length", 1 },
              { "stiffness", 1 }, { "log_odds", 0 } };

typedef struct kr_recipe {
    kr_kind kind;
    char name[KR_SERIES_NAME], column[KR_SERIES_NAME], unit[32];
    int beta_power, site_power;
    double factor;
    char other[OTHERS][KR_SERIES_NAME];
} kr_recipe;

typedef struct kr_scale {
    kr_kind kind;
    double factor, shift;
    double length, beta_n; /* the factor of a length; beta N */
    bool is_weighted;
} kr_scale;

/* From <x> and the means of the other columns. */
static double value_of_several(const kr_scale *scale, double x, const double *other)
{
    switch (scale->kind) {
    case KIND_CONNECTED:
        return x - other[0] * other[0];
    case KIND_MASS: {
        const double square = other[2] * other[2];
        return acosh((other[0] + other[1] - 2.0 * square) / (2.0 * (x - square)));
    }
    case KIND_LENGTH:
        return scale->length * sqrt(x / other[0] - 1.0);
    case KIND_LOG_ODDS:
        return log(x / (1.0 - x));
    default:
        return x - scale->beta_n * other[0];
    }
}

/* mean: <x - shift>, <(x - shift)^2>, then <w> where weighted (with w in each), then those of
 * the other columns. */
static double recipe_value(const double *mean, const void *context)
{
    const kr_scale *scale = context;
    const double norm = scale->is_weighted ? mean[2] : 1.0;
    const double first = mean[0] / norm, second = mean[1] / norm;
    if (scale->kind > KIND_MEAN) {
        double other[OTHERS];
        for (int k = 0; k < kinds[scale->kind].n_others; k++) {
            other[k] = mean[2 + scale->is_weighted + k] / norm;
        }
        return value_of_several(scale, first, other);
    }
    if (scale->kind == KIND_VARIANCE) {
        return scale->factor * (second - first * first);
    }
    if (scale->kind == KIND_MEAN) {
        return scale->factor * first;
    }
    return 1.0 - second / (3.0 * first * first);
}

/* "variance energy_per_site 2 1 | 1 | specific heat per site" */
static bool parse_recipe(const char *name, const char *text, kr_recipe *recipe)
{
    char kind[32];
    int end = 0;
    *recipe = (kr_recipe){ .kind = KIND_VARIANCE };
    if (sscanf(text, "%31s %95s %d %d%n", kind, recipe->column, &recipe->beta_power,
               &recipe->site_power, &end) != 4) {
        return false;
    }
    int k = 0, n_kinds = sizeof kinds / sizeof *kinds;
    while (k < n_kinds && strcmp(kind, kinds[k].name) != 0) {
        k++;
    }
    if (k == n_kinds) {
        return false;
    }
    if (kinds[k].n_others > 0 &&
        sscanf(text + end, " %lf %95s %95s %95s", &recipe->factor, recipe->other[0],
               recipe->other[1], recipe->other[2]) < 1 + kinds[k].n_others) {
        return false;
    }
    for (int o = 0; o < kinds[k].n_others; o++) {
        if (recipe->other[o][0] == '|') {
            return false;
        }
    }
    const char *unit = strstr(text, " | ");
    if (unit) {
        size_t length = strcspn(unit + 3, "|");
        while (length > 0 && unit[2 + length] == ' ') {
            length--;
        }
        snprintf(recipe->unit, sizeof recipe->unit, "%.*s", (int)length, unit + 3);
    }
    snprintf(recipe->name, sizeof recipe->name, "%s", name);
    recipe->kind = (kr_kind)k;
    return true;
}

/* Next recipe of the group for a column; *position goes through the attributes. */
static bool next_recipe(kr_reader *reader, const char *group, const char *column, int *position,
                        kr_recipe *recipe)
{
    const char *const *names = kr_reader_attrs(reader, group, "");
    for (; names && names[*position]; (*position)++) {
        const char *name = names[*position], *text = NULL;
        if (strncmp(name, "derived_", 8) == 0 &&
            kr_reader_attr_text(reader, group, "", name, &text) &&
            parse_recipe(name + 8, text, recipe) && strcmp(recipe->column, column) == 0) {
            (*position)++;
            return true;
        }
    }
    return false;
}

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
    kr_scale scale = { .kind = recipe->kind,
                       .factor = pow(beta, recipe->beta_power),
                       .length = recipe->factor,
                       .beta_n = beta * s->n_sites,
                       .is_weighted = s->weight || s->annealing };
    scale.factor *= pow(s->n_sites, recipe->site_power);
    if (recipe->kind == KIND_VARIANCE) { /* no cancellation of <x^2> against <x>^2 */
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
    for (int k = 0; k < 2 + kinds[recipe->kind].n_others; k++) {
        n_rows = weigh(s, p, n_chains, work + k * n);
        if (k >= 2) {
            columns[n_columns++] = work + k * n;
        }
    }
    kr_error err = { 0 };
    const int64_t bin =
        s->annealing ? 1 : kr_jackknife_bin(column->tau_int, n_rows, s->n_draws, MIN_BINS);
    q->is_derived = true;
    if (kr_jackknife(columns, n_columns, n_rows, s->n_draws, bin, recipe_value, &scale,
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
    for (int k = 0; k < kinds[recipe->kind].n_others; k++) {
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
            for (int k = 0; k < kinds[recipe->kind].n_others; k++) {
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
    while (status == KR_OK && next_recipe(reader, group, name, &position, &recipe)) {
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
