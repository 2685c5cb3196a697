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

/* Where an update couples chains in pairs, only the pairs are independent: their means take the
 * place of the chains, in place. Returns the number of rows left. */
int64_t kr_summary_pair_up(const kr_summary *s, int64_t n_chains, double *x)
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

/* Gamma method for mean and error, ranks for R-hat and the ESS of bulk and tails. */
static int estimate(const double *x, int64_t n_chains, int64_t n_draws, kr_estimate *e,
                    kr_error *err)
{
    kr_rank_estimate ranks;
    KR_TRY(kr_gamma_estimate(x, n_chains, n_draws, e, err));
    KR_TRY(kr_rank_estimate_chains(x, n_chains, n_draws, &ranks, err));
    e->r_hat = ranks.r_hat;
    e->ess_bulk = ranks.ess_bulk;
    e->ess_tail = ranks.ess_tail;
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

void kr_summary_estimate_point(kr_reader *reader, const kr_summary *s, const kr_series *series,
                               int64_t p, double *x, kr_quantity *q)
{
    kr_error err = { 0 };
    kr_series_point(series, p, x);
    int64_t n_rows =
        s->annealing ? series->n_chains : kr_summary_pair_up(s, series->n_chains, x);
    int status = s->annealing
                     ? kr_summary_estimate_runs(s, p, x, &q->estimate, &err)
                     : kr_summary_estimate(s, n_rows, s->weight, x, &q->estimate, &err);
    if (status != KR_OK) {
        q->is_bad = true;
        snprintf(q->note, sizeof q->note, "%.150s", err.text);
    }
    const double factor = (double)(series->n_chains / n_rows); /* in draws of single chains */
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
 * work holds (n_chains, n_draws). */
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
    const int first = s->n_quantities;
    char same_as[KR_SERIES_NAME] = "";
    kr_series_text(reader, group, name, "same_as", same_as, sizeof same_as);
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
            status = kr_summary_derive(reader, s, group, &series, s->n_quantities - 1, err);
        }
        for (int k = first; *same_as && k < s->n_quantities; k++) {
            for (int64_t p = 0; p < s->n_points; p++) {
                s->quantity[k * s->n_points + p].is_same = true;
            }
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
    double *work = kr_alloc(n, sizeof *work, err);
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
