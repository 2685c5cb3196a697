/* SPDX-License-Identifier: GPL-3.0-or-later
 * analysis/summary_observables.c - means, derived quantities and residence from the posterior.
 */
#include "analysis/summary.h"

#include "base/memory.h"

#include <math.h>
#include <string.h>

#define MIN_BINS 20
#define PAIRS    "replica_pairs"

typedef enum kr_kind { KIND_VARIANCE, KIND_BINDER, KIND_MEAN } kr_kind;
static const char *const kinds[] = { "variance", "binder", "mean" };

typedef struct kr_recipe {
    kr_kind kind;
    char name[KR_SERIES_NAME], column[KR_SERIES_NAME], unit[32];
    int beta_power, site_power;
} kr_recipe;

typedef struct kr_scale {
    kr_kind kind;
    double factor, shift;
    bool is_weighted;
} kr_scale;

/* mean[0] = <x - shift>, mean[1] = <(x - shift)^2>; weighted: with mean[2] = <w> in each */
static double recipe_value(const double *mean, const void *context)
{
    const kr_scale *scale = context;
    double norm = scale->is_weighted ? mean[2] : 1.0;
    double first = mean[0] / norm, second = mean[1] / norm;
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
    char kind[16];
    *recipe = (kr_recipe){ .kind = KIND_VARIANCE };
    if (sscanf(text, "%15s %95s %d %d", kind, recipe->column, &recipe->beta_power,
               &recipe->site_power) != 4) {
        return false;
    }
    int k = 0, n_kinds = sizeof kinds / sizeof *kinds;
    while (k < n_kinds && strcmp(kind, kinds[k]) != 0) {
        k++;
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
    recipe->kind = k < n_kinds ? (kr_kind)k : KIND_VARIANCE;
    return k < n_kinds;
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

kr_quantity *kr_summary_add_quantity(kr_summary *s, const char *name, const char *unit,
                                     bool is_phase, kr_error *err)
{
    kr_quantity **list = is_phase ? &s->phase : &s->quantity;
    int *n = is_phase ? &s->n_phases : &s->n_quantities;
    size_t points = (size_t)s->n_points, old = (size_t)*n * points;
    kr_quantity *grown = kr_grow(*list, old, old + points, sizeof *grown, err);
    if (!grown) {
        return NULL;
    }
    *list = grown;
    (*n)++;
    for (size_t p = 0; p < points; p++) {
        kr_quantity *q = &grown[old + p];
        snprintf(q->name, sizeof q->name, "%s", name);
        snprintf(q->unit, sizeof q->unit, "%s", unit);
        q->exact = q->z = NAN;
        q->estimate = (kr_estimate){ NAN, NAN, NAN, NAN, NAN, NAN, 0, 0, false, false };
    }
    return grown + old;
}

static void compare_exact(kr_reader *reader, kr_quantity *q, int64_t point)
{
    char name[KR_SERIES_NAME + 8];
    snprintf(name, sizeof name, "exact_%s", q->name);
    q->exact = kr_series_constant(reader, "constant_data", name, point);
    if (q->estimate.error > 0.0) {
        q->z = (q->estimate.mean - q->exact) / q->estimate.error;
    }
}

/* Where an update couples chains in pairs, only the pairs are independent: their means take the
 * place of the chains, in place. Returns the number of rows left. */
static int64_t pair_up(const kr_summary *s, int64_t n_chains, double *x)
{
    if (s->chains_coupled != 2 || n_chains != s->n_chains || n_chains % 2 != 0) {
        return n_chains; /* rows of `overlap` are pairs already */
    }
    for (int64_t c = 0; c < n_chains / 2; c++) {
        for (int64_t t = 0; t < s->n_draws; t++) {
            const double *pair = x + 2 * c * s->n_draws + t;
            x[c * s->n_draws + t] = 0.5 * (pair[0] + pair[s->n_draws]);
        }
    }
    return n_chains / 2;
}

/* A jackknife of the shifted column and its square; x (n_chains, n_draws) is overwritten. */
static void derive(const kr_summary *s, int64_t p, int64_t n_chains, const kr_recipe *recipe,
                   double beta, const kr_estimate *column, double *x, double *square,
                   kr_quantity *q)
{
    int64_t n = n_chains * s->n_draws;
    kr_scale scale = { recipe->kind, pow(beta, recipe->beta_power), 0.0,
                       s->weight || s->annealing };
    scale.factor *= pow(s->n_sites, recipe->site_power);
    if (recipe->kind == KIND_VARIANCE) { /* no cancellation of <x^2> against <x>^2 */
        scale.shift = column->mean;
    }
    for (int64_t k = 0; k < n; k++) {
        double w = s->weight ? s->weight[k] : 1.0;
        x[k] -= scale.shift;
        square[k] = w * x[k] * x[k];
        x[k] *= w;
    }
    const double *columns[] = { x, square, s->weight };
    kr_error err = { 0 };
    int64_t n_rows = 1, bin = 1;
    if (s->annealing) { /* runs are independent */
        columns[2] = s->annealing->weight + p * s->n_draws;
        kr_summary_average_members(s, p, x);
        kr_summary_average_members(s, p, square);
    } else {
        n_rows = pair_up(s, n_chains, x);
        pair_up(s, n_chains, square);
        bin = kr_jackknife_bin(column->tau_int, n_rows, s->n_draws, MIN_BINS);
    }
    q->is_derived = true;
    if (kr_jackknife(columns, scale.is_weighted ? 3 : 2, n_rows, s->n_draws, bin, recipe_value,
                     &scale, &q->estimate.mean, &q->estimate.error, &err) != KR_OK) {
        q->is_bad = true;
        snprintf(q->note, sizeof q->note, "%.150s", err.text);
    }
    q->estimate.n = n;
    q->estimate.is_constant = column->is_constant;
}

static int add_derived(kr_reader *reader, kr_summary *s, const char *group,
                       const kr_series *series, int column, double *x, double *square,
                       kr_error *err)
{
    kr_recipe recipe;
    int position = 0;
    char name[KR_SERIES_NAME];
    snprintf(name, sizeof name, "%s", s->quantity[column * s->n_points].name);
    while (next_recipe(reader, group, name, &position, &recipe)) {
        kr_quantity *q = kr_summary_add_quantity(s, recipe.name, recipe.unit, false, err);
        if (!q) {
            return KR_ENOMEM;
        }
        for (int64_t p = 0; p < s->n_points; p++) {
            const kr_quantity *from = &s->quantity[column * s->n_points + p];
            q[p].is_derived = true;
            q[p].is_bad = from->is_bad;
            if (!from->is_bad) {
                kr_series_point(series, p, x);
                derive(s, p, series->n_chains, &recipe,
                       kr_series_constant(reader, "constant_data", "beta", p), &from->estimate,
                       x, square, &q[p]);
            }
            compare_exact(reader, &q[p], p);
        }
    }
    return KR_OK;
}

/* The error of a ratio of means is that of its linear part (Wolff 2004, section 3.1), so the
 * Gamma method sees m + w (x - m)/<w>. ESS: independent canonical draws of the same error. */
int kr_summary_estimate(const kr_summary *s, int64_t n_chains, const double *weight, double *x,
                        kr_estimate *e, kr_error *err)
{
    int64_t n = n_chains * s->n_draws;
    double sum_w = 0.0, sum_x = 0.0, square = 0.0;
    bool is_constant = true;
    for (int64_t k = 0; weight && k < n; k++) {
        sum_w += weight[k];
        sum_x += weight[k] * (x[k] - x[0]);
        is_constant = is_constant && x[k] == x[0];
    }
    if (!weight || is_constant) {
        return kr_gamma_estimate(x, n_chains, s->n_draws, e, err);
    }
    double mean = x[0] + sum_x / sum_w, mean_w = sum_w / (double)n;
    for (int64_t k = 0; k < n; k++) {
        double d = x[k] - mean;
        square += weight[k] * d * d / sum_w;
        x[k] = mean + weight[k] / mean_w * d;
    }
    KR_TRY(kr_gamma_estimate(x, n_chains, s->n_draws, e, err));
    e->ess = e->error > 0.0 ? square / (e->error * e->error) : e->ess;
    return KR_OK;
}

void kr_summary_estimate_point(kr_reader *reader, const kr_summary *s, const kr_series *series,
                               int64_t p, double *x, kr_quantity *q)
{
    kr_error err = { 0 };
    kr_series_point(series, p, x);
    int64_t n_rows = s->annealing ? series->n_chains : pair_up(s, series->n_chains, x);
    int status = s->annealing
                     ? kr_summary_estimate_runs(s, p, x, &q->estimate, &err)
                     : kr_summary_estimate(s, n_rows, s->weight, x, &q->estimate, &err);
    if (status != KR_OK) {
        q->is_bad = true;
        snprintf(q->note, sizeof q->note, "%.150s", err.text);
    }
    q->estimate.ess *= (double)(series->n_chains / n_rows); /* in draws of single chains */
    compare_exact(reader, q, p);
}

double kr_residence_free_energy(const kr_summary *s, int k, int64_t p, double *error)
{
    const kr_quantity *first = &s->phase[p], *q = &s->phase[k * s->n_points + p];
    const double p_0 = first->estimate.mean, p_k = q->estimate.mean;
    if (first->is_bad || q->is_bad || !(p_0 > 0.0 && p_k > 0.0)) {
        *error = NAN;
        return NAN;
    }
    *error = k == 0 ? 0.0 : first->estimate.error / p_0 + q->estimate.error / p_k;
    return log(p_0 / p_k);
}

static void sum_switches(kr_summary *s, const kr_series *series)
{
    for (int64_t p = 0; p < s->n_points; p++) {
        double sum = 0.0;
        for (int64_t k = 0; k < s->n_chains * s->n_draws; k++) {
            sum += series->value[k * s->n_points + p];
        }
        s->residence[p].n_switches = sum;
        s->residence[p].mean_dwell_steps =
            (double)(s->n_chains * s->n_draws) * s->every / sum; /* infinite: never left */
    }
}

/* Chains that have been in every phase so far; n_visiting_all is the smallest count. */
static void count_visits(kr_summary *s, const kr_series *series, uint8_t *visited_all)
{
    for (int64_t p = 0; p < s->n_points; p++) {
        int64_t n = 0;
        for (int64_t c = 0; c < s->n_chains; c++) {
            bool is_visited = false;
            for (int64_t t = 0; t < s->n_draws && !is_visited; t++) {
                is_visited = series->value[(c * s->n_draws + t) * s->n_points + p] > 0.5;
            }
            visited_all[p * s->n_chains + c] &= is_visited;
            n += visited_all[p * s->n_chains + c];
        }
        s->residence[p].n_visiting_all = n;
    }
}

/* Values that the column took in each chain, counted up to 3. */
static void count_values(kr_summary *s, const kr_series *series)
{
    for (int64_t k = 0; k < s->n_points * s->n_chains; k++) {
        int64_t p = k / s->n_chains, c = k % s->n_chains;
        const double *x = series->value + c * s->n_draws * s->n_points + p;
        double other = NAN;
        int n = s->n_draws > 0;
        for (int64_t t = 1; t < s->n_draws && n < 3; t++) {
            double value = x[t * s->n_points];
            if (value != x[0] && value != other) { /* NaN: as good as a new value */
                other = value;
                n++;
            }
        }
        s->chain[k].n_values = n > s->chain[k].n_values ? n : s->chain[k].n_values;
    }
}

/* One variable of the posterior or of the replica pairs, which are half as many as the chains.
 * work holds 2 (n_chains, n_draws) series. */
static int add_variable(kr_reader *reader, kr_summary *s, const char *group, const char *name,
                        double *work, uint8_t *visited_all, kr_error *err)
{
    char unit[32];
    kr_series series;
    kr_error skipped = { 0 };
    int status = kr_series_load(reader, group, name, &series, &skipped);
    if (status != KR_OK) { /* coordinates and other shapes are no observables */
        return status == KR_EUNSUP ? KR_OK : kr_fail(err, status, "%s", skipped.text);
    }
    bool is_pair = strcmp(group, PAIRS) == 0;
    if (series.n_chains != s->n_chains / (is_pair ? 2 : 1) || series.n_draws != s->n_draws ||
        series.n_points != s->n_points) {
        kr_series_clear(&series);
        return kr_fail(err, KR_EUNSUP, "%s/%s: its shape differs from the others'", group,
                       name);
    }
    kr_series_text(reader, group, name, "units", unit, sizeof unit);
    if (strcmp(name, "phase_switches") == 0) {
        sum_switches(s, &series);
        kr_series_clear(&series);
        return KR_OK;
    }
    if (!is_pair) {
        count_values(s, &series);
    }
    bool is_phase = strncmp(name, "in_", 3) == 0;
    kr_quantity *q =
        kr_summary_add_quantity(s, is_phase ? name + 3 : name, unit, is_phase, err);
    status = q ? KR_OK : KR_ENOMEM;
    if (status == KR_OK) {
        for (int64_t p = 0; p < s->n_points; p++) {
            kr_summary_estimate_point(reader, s, &series, p, work, &q[p]);
        }
        if (is_phase) {
            count_visits(s, &series, visited_all);
        } else {
            status = add_derived(reader, s, group, &series, s->n_quantities - 1, work,
                                 work + s->n_chains * s->n_draws, err);
        }
    }
    kr_series_clear(&series);
    return status;
}

/* Columns first, derived quantities after them, each in the order of the file. */
static int sort_quantities(kr_summary *s, kr_error *err)
{
    size_t points = (size_t)s->n_points, n = 0;
    size_t total = (size_t)s->n_quantities * points;
    kr_quantity *sorted = kr_alloc(total, sizeof *sorted, err);
    if (!sorted) {
        return KR_ENOMEM;
    }
    for (int pass = 0; pass < 2; pass++) {
        for (size_t k = 0; k < total; k++) {
            if (s->quantity[k].is_derived == (pass == 1)) {
                sorted[n++] = s->quantity[k];
            }
        }
    }
    kr_free(s->quantity);
    s->quantity = sorted;
    return KR_OK;
}

int kr_summary_observables(kr_reader *reader, kr_summary *s, kr_error *err)
{
    size_t n = (size_t)(s->n_chains * s->n_draws), points = (size_t)s->n_points;
    double *work = kr_alloc(2 * n, sizeof *work, err);
    uint8_t *visited_all = kr_alloc(points * (size_t)s->n_chains, 1, err);
    s->residence = kr_alloc(points, sizeof *s->residence, err);
    int status = work && visited_all && s->residence ? KR_OK : KR_ENOMEM;
    for (size_t p = 0; p < points && status == KR_OK; p++) {
        s->residence[p] = (kr_residence){ NAN, NAN, 0 };
        memset(visited_all + p * (size_t)s->n_chains, 1, (size_t)s->n_chains);
    }
    static const char *const groups[] = { "posterior", PAIRS };
    for (int g = 0; g < 2; g++) {
        const char *const *names = kr_reader_variables(reader, groups[g]);
        for (; names && *names && status == KR_OK; names++) {
            status = add_variable(reader, s, groups[g], *names, work, visited_all, err);
        }
    }
    if (status == KR_OK) {
        status = sort_quantities(s, err);
    }
    kr_free(work);
    kr_free(visited_all);
    return status;
}
