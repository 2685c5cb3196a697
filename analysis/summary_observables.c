/* SPDX-License-Identifier: GPL-3.0-or-later
 * analysis/summary_observables.c - means, derived quantities and residence from the posterior.
 */
#include "analysis/summary.h"

#include "base/memory.h"

#include <math.h>
#include <string.h>

#define PAIRS "replica_pairs"

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
        q->estimate = kr_estimate_unknown(0);
    }
    return grown + old;
}

void kr_summary_compare_exact(kr_reader *reader, kr_quantity *q, int64_t point)
{
    char name[KR_SERIES_NAME + 8];
    snprintf(name, sizeof name, "exact_%s", q->name);
    q->exact = kr_series_constant(reader, "constant_data", name, point);
    if (q->estimate.error > 0.0) {
        q->z = (q->estimate.mean - q->exact) / q->estimate.error;
    }
}

kr_blocks_options kr_summary_blocks(const kr_summary *s)
{
    return (kr_blocks_options){ .most = s->weight || s->annealing ? -1 : 0,
                                .has_pairs = s->chains_coupled == 2 };
}

int kr_summary_open(kr_reader *reader, const kr_summary *s, const char *group, const char *name,
                    int64_t n_chains, kr_series *series, kr_error *err)
{
    int status = kr_series_open(reader, group, name, series, err);
    if (status == KR_OK && (series->n_chains != n_chains || series->n_draws != s->n_draws ||
                            series->n_points != s->n_points)) {
        status =
            kr_fail(err, KR_EINVAL, "%s/%s: its shape differs from the others'", group, name);
    }
    if (status != KR_OK) {
        kr_series_clear(series);
    }
    return status;
}

int kr_summary_load(kr_reader *reader, const kr_summary *s, const char *name, kr_series *series,
                    kr_error *err)
{
    KR_TRY(kr_series_load(reader, "sample_stats", name, series, err));
    if (series->n_chains != s->n_chains || series->n_draws != s->n_draws ||
        series->n_points != s->n_points) {
        kr_series_clear(series);
        return kr_fail(err, KR_EUNSUP,
                       "sample_stats/%s: its shape differs from that of the observables", name);
    }
    return KR_OK;
}

/* Where an update couples chains in pairs, only the pairs are independent: their means take the
 * place of the chains, in place. Returns the number of rows left. */
int64_t kr_summary_pair_up(const kr_summary *s, int64_t n_chains, int64_t n, double *x)
{
    if (s->chains_coupled != 2 || n_chains != s->n_chains || n_chains % 2 != 0) {
        return n_chains; /* rows of `overlap` are pairs already */
    }
    for (int64_t c = 0; c < n_chains / 2; c++) {
        for (int64_t t = 0; t < n; t++) {
            const double *pair = x + 2 * c * n + t;
            x[c * n + t] = 0.5 * (pair[0] + pair[n]);
        }
    }
    return n_chains / 2;
}

/* Ranks for R-hat and the ESS of bulk and tails. */
static int rank(const double *x, int64_t n_chains, int64_t n_draws, kr_estimate *e,
                kr_error *err)
{
    kr_rank_estimate ranks;
    KR_TRY(kr_rank_estimate_chains(x, n_chains, n_draws, &ranks, err));
    e->r_hat = ranks.r_hat;
    e->ess_bulk = ranks.ess_bulk;
    e->ess_tail = ranks.ess_tail;
    return KR_OK;
}

/* Gamma method for mean and error. */
static int estimate(const double *x, int64_t n_chains, int64_t n_draws, kr_estimate *e,
                    kr_error *err)
{
    KR_TRY(kr_gamma_estimate(x, n_chains, n_draws, e, err));
    return rank(x, n_chains, n_draws, e, err);
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
        return estimate(x, n_chains, s->n_draws, e, err);
    }
    double mean = x[0] + sum_x / sum_w, mean_w = sum_w / (double)n;
    for (int64_t k = 0; k < n; k++) {
        double d = x[k] - mean;
        square += weight[k] * d * d / sum_w;
        x[k] = mean + weight[k] / mean_w * d;
    }
    KR_TRY(estimate(x, n_chains, s->n_draws, e, err));
    e->ess = e->error > 0.0 ? square / (e->error * e->error) : e->ess;
    return KR_OK;
}

/* Means of blocks give the error, their first draws the ranks. */
static int estimate_blocks(const kr_summary *s, const kr_blocks *b, int64_t p, int64_t n_rows,
                           double *work, kr_estimate *e, kr_error *err)
{
    const int64_t size = b->n_chains * b->n;
    double *x = work;
    if (b->step == 1) {
        return kr_summary_estimate(s, n_rows, s->weight, x, e, err);
    }
    KR_TRY(kr_blocks_estimate(b, p, x, n_rows, e, err));
    memcpy(x, b->first + p * size, (size_t)size * sizeof *x);
    kr_summary_pair_up(s, b->n_chains, b->n, x);
    return rank(x, n_rows, b->n, e, err);
}

void kr_summary_estimate_point(kr_reader *reader, const kr_summary *s, const kr_blocks *b,
                               int64_t p, double *work, kr_quantity *q)
{
    kr_error err = { 0 };
    const int64_t size = b->n_chains * b->n;
    memcpy(work, b->value + p * size, (size_t)size * sizeof *work);
    int64_t n_rows =
        s->annealing ? b->n_chains : kr_summary_pair_up(s, b->n_chains, b->n, work);
    int status = s->annealing ? kr_summary_estimate_runs(s, p, work, &q->estimate, &err)
                              : estimate_blocks(s, b, p, n_rows, work, &q->estimate, &err);
    if (status != KR_OK) {
        q->is_bad = true;
        snprintf(q->note, sizeof q->note, "%.150s", err.text);
    }
    const double factor = (double)(b->n_chains / n_rows); /* in draws of single chains */
    q->estimate.ess *= factor;
    q->estimate.ess_bulk *= factor;
    q->estimate.ess_tail *= factor;
    kr_summary_compare_exact(reader, q, p);
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

static int sum_switches(kr_summary *s, kr_series *series, kr_error *err)
{
    for (int64_t p = 0; p < s->n_points; p++) {
        s->residence[p].n_switches = 0.0;
    }
    KR_TRY(kr_series_next(series, err));
    while (series->n > 0) {
        for (int64_t k = 0; k < s->n_chains * series->n * s->n_points; k++) {
            s->residence[k % s->n_points].n_switches += series->value[k];
        }
        KR_TRY(kr_series_next(series, err));
    }
    for (int64_t p = 0; p < s->n_points; p++) { /* infinite: never left */
        s->residence[p].mean_dwell_steps =
            (double)(s->n_chains * s->n_draws) * s->every / s->residence[p].n_switches;
    }
    return KR_OK;
}

/* What is counted while a column is read; arrays (n_points, n_chains). */
typedef struct kr_census {
    kr_summary *s;
    bool is_phase;
    double *one, *other; /* values that the chain took */
    int *n_values;       /* counted up to 3 */
    bool *is_visited;    /* of a phase */
    bool *visited_all;   /* by a chain that has been in every phase so far */
} kr_census;

/* Values that the column took in each chain, NaN being as good as a new one. */
static void count_values(kr_census *census, const kr_series *series, int64_t k, const double *x)
{
    for (int64_t t = 0; t < series->n && census->n_values[k] < 3; t++) {
        const double value = x[t * series->n_points];
        if (series->begin == 0 && t == 0) {
            census->one[k] = value;
            census->other[k] = NAN;
            census->n_values[k] = 1;
        } else if (value != census->one[k] && value != census->other[k]) {
            census->other[k] = value;
            census->n_values[k]++;
        }
    }
}

static void visit(void *visitor, const kr_series *series)
{
    kr_census *census = visitor;
    for (int64_t p = 0; p < series->n_points; p++) {
        for (int64_t c = 0; c < series->n_chains; c++) {
            const double *x = series->value + c * series->n * series->n_points + p;
            const int64_t k = p * series->n_chains + c;
            if (!census->is_phase) {
                count_values(census, series, k, x);
            }
            for (int64_t t = 0; census->is_phase && t < series->n && !census->is_visited[k];
                 t++) {
                census->is_visited[k] = x[t * series->n_points] > 0.5;
            }
        }
    }
}

static int start_census(kr_summary *s, kr_census *census, kr_error *err)
{
    const size_t n = (size_t)(s->n_points * s->n_chains);
    *census = (kr_census){ .s = s };
    census->one = kr_alloc(2 * n, sizeof *census->one, err);
    census->n_values = kr_alloc(n, sizeof *census->n_values, err);
    census->is_visited = kr_alloc(2 * n, sizeof *census->is_visited, err);
    if (!census->one || !census->n_values || !census->is_visited) {
        return KR_ENOMEM;
    }
    census->other = census->one + n;
    census->visited_all = census->is_visited + n;
    memset(census->visited_all, 1, n * sizeof *census->visited_all);
    return KR_OK;
}

static void clear_census(kr_census *census)
{
    kr_free(census->one);
    kr_free(census->n_values);
    kr_free(census->is_visited);
}

/* The column has been read: n_visiting_all is the smallest count of all phases. */
static void finish_census(kr_census *census)
{
    kr_summary *s = census->s;
    for (int64_t k = 0; k < s->n_points * s->n_chains; k++) {
        kr_residence *residence = &s->residence[k / s->n_chains];
        if (!census->is_phase) {
            int *most = &s->chain[k].n_values;
            *most = census->n_values[k] > *most ? census->n_values[k] : *most;
            continue;
        }
        residence->n_visiting_all = k % s->n_chains == 0 ? 0 : residence->n_visiting_all;
        census->visited_all[k] = census->visited_all[k] && census->is_visited[k];
        residence->n_visiting_all += census->visited_all[k];
    }
}

static void restart_census(kr_census *census, bool is_phase)
{
    const size_t n = (size_t)(census->s->n_points * census->s->n_chains);
    census->is_phase = is_phase;
    memset(census->n_values, 0, n * sizeof *census->n_values);
    memset(census->is_visited, 0, n * sizeof *census->is_visited);
}

static int add_column(kr_reader *reader, kr_summary *s, const char *group, const char *name,
                      bool is_phase, const kr_blocks *b, kr_error *err)
{
    char unit[32], same_as[KR_SERIES_NAME] = "";
    const int first = s->n_quantities;
    kr_series_text(reader, group, name, "units", unit, sizeof unit);
    kr_series_text(reader, group, name, "same_as", same_as, sizeof same_as);
    kr_quantity *q =
        kr_summary_add_quantity(s, is_phase ? name + 3 : name, unit, is_phase, err);
    double *work = kr_alloc((size_t)(b->n_chains * b->n), sizeof *work, err);
    for (int64_t p = 0; q && work && p < s->n_points; p++) {
        kr_summary_estimate_point(reader, s, b, p, work, &q[p]);
    }
    kr_free(work);
    if (!q || !work) {
        return KR_ENOMEM;
    }
    if (!is_phase) {
        KR_TRY(kr_summary_derive(reader, s, group, b, s->n_quantities - 1, err));
    }
    for (int64_t k = first * s->n_points; *same_as && k < s->n_quantities * s->n_points; k++) {
        s->quantity[k].is_same = true;
    }
    return KR_OK;
}

/* One variable of the posterior or of the replica pairs, which are half as many as the chains.
 */
static int add_variable(kr_reader *reader, kr_summary *s, const char *group, const char *name,
                        kr_census *census, kr_error *err)
{
    kr_series series;
    kr_error skipped = { 0 };
    const bool is_pair = strcmp(group, PAIRS) == 0, is_phase = strncmp(name, "in_", 3) == 0;
    int status = kr_summary_open(reader, s, group, name, s->n_chains / (is_pair ? 2 : 1),
                                 &series, &skipped);
    if (status != KR_OK) { /* coordinates and other shapes are no observables */
        return status == KR_EUNSUP
                   ? KR_OK
                   : kr_fail(err, status == KR_EINVAL ? KR_EUNSUP : status, "%s", skipped.text);
    }
    if (strcmp(name, "phase_switches") == 0) {
        status = sum_switches(s, &series, err);
        kr_series_clear(&series);
        return status;
    }
    kr_blocks blocks;
    kr_blocks_options options = kr_summary_blocks(s);
    options.has_squares = !is_phase;
    options.visit = is_pair ? NULL : visit;
    options.visitor = census;
    restart_census(census, is_phase);
    status = kr_blocks_read(&series, &options, &blocks, err);
    kr_series_clear(&series);
    if (status == KR_OK && !is_pair) {
        finish_census(census);
    }
    status =
        status == KR_OK ? add_column(reader, s, group, name, is_phase, &blocks, err) : status;
    kr_blocks_clear(&blocks);
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
    kr_census census;
    int status = start_census(s, &census, err);
    s->residence = kr_alloc((size_t)s->n_points, sizeof *s->residence, err);
    status = s->residence ? status : KR_ENOMEM;
    for (int64_t p = 0; p < s->n_points && status == KR_OK; p++) {
        s->residence[p] = (kr_residence){ NAN, NAN, 0 };
    }
    static const char *const groups[] = { "posterior", PAIRS };
    for (int g = 0; g < 2; g++) {
        const char *const *names = kr_reader_variables(reader, groups[g]);
        for (; names && *names && status == KR_OK; names++) {
            status = add_variable(reader, s, groups[g], *names, &census, err);
        }
    }
    if (status == KR_OK) {
        status = sort_quantities(s, err);
    }
    clear_census(&census);
    return status;
}

/* ---- table ------------------------------------------------------------------------------- */

static void switch_cells(const kr_summary *s, int64_t p, const char *what, kr_sheet *t)
{
    const kr_residence *r = &s->residence[p];
    char text[64];
    const double rate = s->n_points > 1 ? NAN : r->n_switches / s->cost.sample_cpu_s;
    kr_sheet_cell(t, what);
    kr_sheet_cell(t, kr_format_count(r->n_switches, text, sizeof text));
    kr_sheet_cell(t, kr_format_rate(rate, text, sizeof text));
    kr_sheet_cell(t, kr_format_rate(r->mean_dwell_steps, text, sizeof text));
    snprintf(text, sizeof text, "%lld of %lld", (long long)r->n_visiting_all,
             (long long)s->n_chains);
    kr_sheet_cell(t, text);
    kr_sheet_row(t);
}

static void free_energy_cells(const kr_summary *s, int k, kr_sheet *t)
{
    char name[2 * KR_SERIES_NAME + 32], value[48];
    double error, free_energy = kr_residence_free_energy(s, k, 0, &error);
    if (isfinite(free_energy)) {
        snprintf(name, sizeof name, "beta (F_%s - F_%s)", s->phase[k].name, s->phase[0].name);
        kr_format_value(free_energy, error, 2, value, sizeof value);
        kr_sheet_cell(t, name);
        kr_sheet_cell(t, value);
        kr_sheet_row(t);
    }
}

static void print_probabilities(const kr_summary *s, kr_sheet *t)
{
    kr_heading column[8] = { { "residence", -30, 0 } };
    kr_sheet_table(t, NULL, column, 1 + kr_summary_estimate_headings(true, column + 1));
    for (int k = 0; k < s->n_phases; k++) {
        char name[KR_SERIES_NAME + 8];
        snprintf(name, sizeof name, "in %s", s->phase[k].name);
        kr_sheet_cell(t, name);
        kr_summary_estimate_cells(&s->phase[k], true, t);
        kr_sheet_row(t);
    }
    for (int k = 1; k < s->n_phases; k++) {
        free_energy_cells(s, k, t);
    }
    kr_sheet_end(t);
}

void kr_summary_print_residence(const kr_summary *s, kr_sheet *t)
{
    const kr_heading column[] = { { s->n_points > 1 ? "residence" : "", -30, 0 },
                                  { "switches", 18, 0 },
                                  { "per CPU-second", 14, 0 },
                                  { "mean dwell/steps", 16, 0 },
                                  { "chains seeing all", 17, 0 } };
    if (s->n_phases == 0) {
        return;
    }
    if (s->n_points == 1) {
        print_probabilities(s, t);
    }
    kr_sheet_table(t, NULL, column, 5);
    for (int64_t p = 0; p < s->n_points; p++) {
        char label[128] = "between phases";
        if (s->n_points > 1) {
            kr_points_label(&s->points, p, label, sizeof label);
        }
        switch_cells(s, p, label, t);
    }
    kr_sheet_end(t);
}
