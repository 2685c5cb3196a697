/* SPDX-License-Identifier: GPL-3.0-or-later
 * analysis/summary_means.c - means that updates give beside the states (Rao-Blackwell), next to
 * the rows of the states.
 *
 * A value per chain and draw, the mean of the sweeps since the last draw; errors as those of
 * every other column, for draws are as correlated as the chain is.
 *
 * Of clusters the mean size of that of a site is the structure factor at k = 0, an improved
 * estimator (Wolff, Nucl. Phys. B 322, 759 (1989)): well above the transition temperature
 * clusters are small, and far better known than squares of magnetizations that nearly cancel.
 */
#include "analysis/summary.h"

#include "base/memory.h"

#include <math.h>
#include <string.h>

#define STATS    "sample_stats"
#define CLUSTERS "structure_zero" /* means of it come from sizes of clusters */

/* Whether a variable is such a mean: of which quantity; or sums of sizes of single clusters. */
static bool is_mean(kr_reader *reader, const char *name, const char **quantity, bool *is_sum)
{
    *is_sum = kr_reader_attr_text(reader, STATS, name, "cluster_mean", quantity);
    return *is_sum || kr_reader_attr_text(reader, STATS, name, "rao_blackwell", quantity);
}

/* How many variables are such means. */
static size_t count_rows(kr_reader *reader)
{
    size_t n = 0;
    const char *const *names = kr_reader_variables(reader, STATS);
    for (; names && *names; names++) {
        const char *text;
        bool is_sum;
        n += is_mean(reader, *names, &text, &is_sum);
    }
    return n;
}

/* The row of the states of the same name, or NULL. */
static const kr_quantity *row_of_states(const kr_summary *s, const char *name, int64_t p)
{
    for (int k = 0; k < s->n_quantities; k++) {
        if (strcmp(s->quantity[k * s->n_points].name, name) == 0) {
            return &s->quantity[k * s->n_points + p];
        }
    }
    return NULL;
}

/* A chain counts as in the phase it entered last, which is another quantity: no gain. */
static void compare_states(const kr_summary *s, kr_mean_row *row, int64_t p)
{
    kr_quantity *q = &row->quantity;
    const kr_quantity *states = row->is_phase ? NULL : row_of_states(s, q->name, p);
    row->gain = NAN;
    if (states && states->estimate.is_constant) {
        q->z = NAN; /* weights that never met another state know no error */
        return;
    }
    if (states && !states->is_bad && !q->is_bad && q->estimate.error > 0.0) {
        double ratio = states->estimate.error / q->estimate.error;
        row->gain = ratio * ratio;
    }
}

static double share(double x, double whole)
{
    return x / whole;
}

/* attempts (n_points): of the update that is named behind changed_, in a draw, which is the
 * same number in each. */
static int read_attempts(kr_reader *reader, const kr_summary *s, const char *changed,
                         double *attempts, kr_error *err)
{
    char name[2 * KR_SERIES_NAME];
    kr_series series;
    snprintf(name, sizeof name, "attempted_%s", changed + strlen("changed_"));
    KR_TRY(kr_summary_open(reader, s, STATS, name, s->n_chains, &series, err));
    const int status = kr_series_next(&series, err);
    for (int64_t p = 0; p < s->n_points && status == KR_OK; p++) {
        attempts[p] = series.value[p];
    }
    kr_series_clear(&series);
    return status;
}

static int add_row(kr_reader *reader, kr_summary *s, const char *name, const char *quantity,
                   double *attempts, kr_error *err)
{
    kr_series series;
    kr_blocks blocks;
    bool is_phase = strncmp(quantity, "in_", 3) == 0;
    if (attempts) {
        KR_TRY(read_attempts(reader, s, name, attempts, err));
    }
    KR_TRY(kr_summary_open(reader, s, STATS, name, s->n_chains, &series, err));
    kr_blocks_options options = kr_summary_blocks(s);
    options.map = attempts ? share : NULL;
    options.parameter = attempts;
    int status = kr_blocks_read(&series, &options, &blocks, err);
    kr_series_clear(&series);
    double *work = kr_alloc((size_t)(blocks.n_chains * blocks.n), sizeof *work, err);
    status = status == KR_OK && !work ? KR_ENOMEM : status;
    for (int64_t p = 0; p < s->n_points && status == KR_OK; p++) {
        kr_mean_row *row = &s->mean[s->n_means * s->n_points + p];
        kr_quantity *q = &row->quantity;
        *row = (kr_mean_row){ .is_phase = is_phase,
                              .is_clusters = strcmp(quantity, CLUSTERS) == 0,
                              .quantity = { .exact = NAN, .z = NAN } };
        kr_series_text(reader, STATS, name, "update", row->update, sizeof row->update);
        kr_series_text(reader, STATS, name, "units", q->unit, sizeof q->unit);
        snprintf(q->name, sizeof q->name, "%s", is_phase ? quantity + 3 : quantity);
        kr_summary_estimate_point(reader, s, &blocks, p, work, q);
        compare_states(s, row, p);
    }
    s->n_means += status == KR_OK;
    kr_free(work);
    kr_blocks_clear(&blocks);
    return status;
}

int kr_summary_means(kr_reader *reader, kr_summary *s, kr_error *err)
{
    size_t n = count_rows(reader);
    if (n == 0) {
        return KR_OK;
    }
    s->mean = kr_alloc(n * (size_t)s->n_points, sizeof *s->mean, err);
    double *attempts = kr_alloc((size_t)s->n_points, sizeof *attempts, err);
    int status = s->mean && attempts ? KR_OK : KR_ENOMEM;
    const char *const *names = kr_reader_variables(reader, STATS);
    for (; status == KR_OK && *names; names++) {
        const char *quantity;
        bool is_sum;
        if (is_mean(reader, *names, &quantity, &is_sum)) {
            char copy[KR_SERIES_NAME];
            snprintf(copy, sizeof copy, "%s", quantity);
            status = add_row(reader, s, *names, copy, is_sum ? attempts : NULL, err);
        }
    }
    kr_free(attempts);
    return status;
}

/* ---- table ------------------------------------------------------------------------------- */

static void begin_table(const char *title, const char *first, kr_sheet *t)
{
    const kr_heading column[] = { { first, -30, 0 }, { "value", 18, 0 }, { "tau_int", 11, 0 },
                                  { "ESS", 8, 0 },   { "gain", 6, 0 },   { "exact", 12, 0 },
                                  { "z", 6, 0 } };
    kr_sheet_table(t, title, column, 7);
}

static void mean_cells(const kr_mean_row *row, const char *label, kr_sheet *t)
{
    const kr_quantity *q = &row->quantity;
    const kr_estimate *e = &q->estimate;
    char text[64];
    kr_sheet_cell(t, label);
    if (q->is_bad) {
        kr_sheet_cell(t, "not usable");
        kr_sheet_row(t);
        return;
    }
    kr_format_value(e->mean, e->error, 2, text, sizeof text);
    kr_sheet_cell(t, text);
    kr_format_value(e->tau_int, e->tau_int_error, 1, text, sizeof text);
    if (e->is_constant) {
        snprintf(text, sizeof text, "constant");
    } else if (!e->is_window_closed) { /* correlated over half a chain */
        snprintf(text, sizeof text, "> %.3g", e->tau_int);
    }
    kr_sheet_cell(t, text);
    kr_sheet_cell(t, kr_format_plain(e->is_constant ? NAN : e->ess,
                                     e->ess < 1e6 ? "%.0f" : "%.2e", text, sizeof text));
    kr_sheet_cell(
        t, kr_format_plain(row->gain, row->gain < 1000.0 ? "%.3g" : "%.0f", text, sizeof text));
    kr_sheet_cell(t, kr_format_plain(q->exact, "%.8g", text, sizeof text));
    kr_sheet_cell(t, kr_format_plain(q->z, "%+.2f", text, sizeof text));
    kr_sheet_row(t);
}

static void print_scan(const kr_summary *s, const kr_mean_row *row, kr_sheet *t)
{
    char title[3 * KR_SERIES_NAME], label[128];
    snprintf(title, sizeof title, "%s of %s: %s%s",
             row->is_clusters ? "mean cluster size" : "Rao-Blackwell mean", row->update,
             row->is_phase ? "in " : "", row->quantity.name);
    begin_table(title, "", t);
    for (int64_t p = 0; p < s->n_points; p++) {
        kr_points_label(&s->points, p, label, sizeof label);
        mean_cells(&row[p], label, t);
    }
    kr_sheet_end(t);
}

static void print_single(const kr_summary *s, int k, kr_sheet *t)
{
    const kr_mean_row *row = &s->mean[k];
    const kr_quantity *q = &row->quantity;
    char label[KR_SERIES_NAME + 40];
    if (k == 0 || strcmp(row->update, row[-1].update) != 0) {
        if (k > 0) {
            kr_sheet_end(t);
        }
        snprintf(label, sizeof label, "means of %s", row->update);
        begin_table(NULL, label, t);
    }
    bool has_unit = !row->is_phase && q->unit[0] && strcmp(q->unit, "1") != 0;
    snprintf(label, sizeof label, has_unit ? "%s%s [%s]" : "%s%s", row->is_phase ? "in " : "",
             q->name, q->unit);
    mean_cells(row, label, t);
}

void kr_summary_print_means(const kr_summary *s, kr_sheet *t)
{
    bool has_clusters = false, has_others = false;
    for (int k = 0; k < s->n_means; k++) {
        const kr_mean_row *row = &s->mean[k * s->n_points];
        has_clusters = has_clusters || row->is_clusters;
        has_others = has_others || !row->is_clusters;
        if (s->n_points > 1) {
            print_scan(s, row, t);
        } else {
            print_single(s, k, t);
        }
    }
    if (s->n_means == 0) {
        return;
    }
    if (s->n_points == 1) {
        kr_sheet_end(t);
    }
    if (has_others) {
        kr_sheet_note(t, "weighted means over all states that the update chose from "
                         "(Rao-Blackwell), of all sweeps");
    }
    if (has_clusters) {
        kr_sheet_note(t, "structure_zero = N <|m|^2> is the mean size of the cluster of a site "
                         "too, of all clusters");
    }
    kr_sheet_note(t, "gain: squared error of the row of the states over that of this one");
}
