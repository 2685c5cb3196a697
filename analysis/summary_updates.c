/* SPDX-License-Identifier: GPL-3.0-or-later
 * analysis/summary_updates.c - acceptance and cost of updates, what they did to chains. */
#include "analysis/summary.h"

#include "base/memory.h"

#include <math.h>
#include <string.h>

int kr_summary_count_names(kr_reader *reader, const char *group, const char *prefix)
{
    int n = 0;
    const char *const *names = kr_reader_variables(reader, group);
    for (; names && *names; names++) {
        n += strncmp(*names, prefix, strlen(prefix)) == 0;
    }
    return n;
}

const char *kr_summary_name_behind(kr_reader *reader, const char *group, const char *prefix,
                                   int index)
{
    const char *const *names = kr_reader_variables(reader, group);
    for (; names && *names; names++) {
        if (strncmp(*names, prefix, strlen(prefix)) == 0 && index-- == 0) {
            return *names + strlen(prefix);
        }
    }
    return "";
}

/* Sums over the draws of each chain, (n_points, n_chains); n_points = 0 when it is missing. */
typedef struct kr_sums {
    int64_t n_chains, n_draws, n_points;
    double *sum; /* owns */
} kr_sums;

int kr_summary_open_counts(kr_reader *reader, const char *what, const char *entry,
                           kr_series *series, kr_error *err)
{
    char name[KR_SERIES_NAME + 16];
    snprintf(name, sizeof name, "%s_%s", what, entry);
    *series = (kr_series){ 0 };
    if (!kr_series_exists(reader, "sample_stats", name)) {
        return KR_OK;
    }
    return kr_series_open(reader, "sample_stats", name, series, err);
}

static int init_sums(const kr_series *series, kr_sums *sums, kr_error *err)
{
    *sums = (kr_sums){ series->n_chains, series->n_draws, series->n_points, NULL };
    sums->sum = kr_alloc((size_t)(series->n_points * series->n_chains), sizeof(double), err);
    return sums->sum ? KR_OK : KR_ENOMEM;
}

static void add_piece(const kr_series *series, kr_sums *sums)
{
    for (int64_t k = 0; k < series->n_points * series->n_chains; k++) {
        const int64_t p = k / series->n_chains, c = k % series->n_chains;
        const double *x = series->value + c * series->n * series->n_points + p;
        double sum = 0.0;
        for (int64_t t = 0; t < series->n; t++) {
            sum += x[t * series->n_points];
        }
        sums->sum[k] += sum;
    }
}

static int add_all(kr_series *series, kr_sums *sums, kr_error *err)
{
    int status = series->n_points > 0 ? kr_series_next(series, err) : KR_OK;
    while (status == KR_OK && series->n > 0) {
        add_piece(series, sums);
        status = kr_series_next(series, err);
    }
    return status;
}

static double sum_point(const kr_sums *sums, int64_t point)
{
    double sum = 0.0;
    if (point >= sums->n_points) {
        return NAN;
    }
    for (int64_t c = 0; c < sums->n_chains; c++) {
        sum += sums->sum[point * sums->n_chains + c];
    }
    return sum;
}

/* run: proposals of the chains rejected up to the piece, (n_points, n_chains). */
static void follow_runs(const kr_series *attempted, const kr_series *accepted, int64_t n_points,
                        double *run, kr_update_row *row)
{
    for (int64_t k = 0; k < n_points * attempted->n_chains; k++) {
        const int64_t p = k / attempted->n_chains,
                      from = k % attempted->n_chains * attempted->n;
        for (int64_t t = from; t < from + attempted->n; t++) {
            const double tried = attempted->value[t * attempted->n_points + p];
            const bool is_moved = accepted->value[t * accepted->n_points + p] > 0.0;
            run[k] = is_moved ? 0.0 : run[k] + tried;
            row[p].longest_rejection_run = fmax(row[p].longest_rejection_run, run[k]);
            row[p].is_lower_bound = row[p].is_lower_bound || tried > 1.0;
        }
    }
}

/* Reads both side by side, for sums and runs of rejected proposals. */
static int add_both(kr_series *attempted, kr_series *accepted, int64_t n_points, kr_sums *tried,
                    kr_sums *moved, kr_update_row *row, kr_error *err)
{
    n_points = attempted->n_points < n_points ? attempted->n_points : n_points;
    n_points = accepted->n_points < n_points ? accepted->n_points : n_points;
    double *run = kr_alloc((size_t)(n_points * attempted->n_chains), sizeof *run, err);
    for (int64_t p = 0; p < n_points; p++) {
        row[p].longest_rejection_run = 0.0;
    }
    accepted->length = attempted->length;
    int status = run ? KR_OK : KR_ENOMEM;
    while (status == KR_OK) {
        status = kr_series_next(attempted, err);
        status = status == KR_OK ? kr_series_next(accepted, err) : status;
        if (status != KR_OK || attempted->n == 0) {
            break;
        }
        add_piece(attempted, tried);
        add_piece(accepted, moved);
        follow_runs(attempted, accepted, n_points, run, row);
    }
    kr_free(run);
    return status;
}

static int add_attempts(kr_reader *reader, const kr_summary *s, const char *entry,
                        kr_sums *tried, kr_sums *moved, kr_update_row *row, kr_error *err)
{
    kr_series attempted = { 0 }, accepted = { 0 };
    int status = kr_summary_open_counts(reader, "attempted", entry, &attempted, err);
    status = status == KR_OK ? kr_summary_open_counts(reader, "accepted", entry, &accepted, err)
                             : status;
    status = status == KR_OK ? init_sums(&attempted, tried, err) : status;
    status = status == KR_OK ? init_sums(&accepted, moved, err) : status;
    for (int64_t p = 0; p < s->n_points; p++) {
        row[p].longest_rejection_run = NAN;
    }
    if (status == KR_OK && attempted.n_draws == accepted.n_draws &&
        attempted.n_chains == accepted.n_chains) {
        status = add_both(&attempted, &accepted, s->n_points, tried, moved, row, err);
    } else if (status == KR_OK) {
        status = add_all(&attempted, tried, err);
        status = status == KR_OK ? add_all(&accepted, moved, err) : status;
    }
    kr_series_clear(&attempted);
    kr_series_clear(&accepted);
    return status;
}

/* The same where the file tells the runs, those over several draws included. */
static int read_rejection_runs(kr_reader *reader, const kr_summary *s, const char *entry,
                               kr_update_row *row, kr_error *err)
{
    kr_series run;
    int status = kr_summary_open_counts(reader, "rejection_run", entry, &run, err);
    const int64_t n_points = run.n_points < s->n_points ? run.n_points : s->n_points;
    for (int64_t p = 0; p < n_points; p++) {
        row[p].longest_rejection_run = 0.0;
        row[p].is_lower_bound = false;
    }
    while (status == KR_OK && run.n_points > 0) {
        status = kr_series_next(&run, err);
        if (status != KR_OK || run.n == 0) {
            break;
        }
        for (int64_t k = 0; k < run.n_chains * run.n; k++) {
            for (int64_t p = 0; p < n_points; p++) {
                row[p].longest_rejection_run =
                    fmax(row[p].longest_rejection_run, run.value[k * run.n_points + p]);
            }
        }
    }
    kr_series_clear(&run);
    return status;
}

static bool has_shape(const kr_summary *s, const kr_sums *sums)
{
    return sums->n_points == s->n_points && sums->n_chains == s->n_chains;
}

static void mark_chains(kr_summary *s, const kr_sums *attempted, const kr_sums *accepted,
                        const kr_sums *changed)
{
    bool is_known = has_shape(s, attempted) && has_shape(s, accepted);
    for (int64_t k = 0; has_shape(s, changed) && k < s->n_points * s->n_chains; k++) {
        const double n = changed->sum[k];
        kr_chain_row *row = &s->chain[k];
        row->has_changed = row->has_changed || n > 0.0;
        row->accepts_all = row->accepts_all || (is_known && n > 0.0 && attempted->sum[k] == n &&
                                                accepted->sum[k] == n);
    }
}

/* The density an entry proposes from: its attribute, or the only density for an entry called
 * after independence proposals. */
static void find_density(kr_reader *reader, const char *entry, char *out, size_t size)
{
    char name[KR_SERIES_NAME + 16];
    snprintf(name, sizeof name, "attempted_%s", entry);
    kr_series_text(reader, "sample_stats", name, "density", out, size);
    if (!out[0] && strncmp(entry, "independence", 12) == 0 &&
        kr_summary_count_names(reader, "constant_data", "ess_q_") == 1) {
        snprintf(out, size, "%s", kr_summary_name_behind(reader, "constant_data", "ess_q_", 0));
    }
}

static int add_changes(kr_reader *reader, const char *entry, kr_sums *sums, kr_error *err)
{
    kr_series changed;
    int status = kr_summary_open_counts(reader, "changed", entry, &changed, err);
    status = status == KR_OK ? init_sums(&changed, sums, err) : status;
    status = status == KR_OK ? add_all(&changed, sums, err) : status;
    kr_series_clear(&changed);
    return status;
}

static int add_update(kr_reader *reader, kr_summary *s, int index, bool *is_known,
                      kr_error *err)
{
    char entry[KR_SERIES_NAME], cost[KR_SERIES_NAME + 8], step[KR_SERIES_NAME + 16];
    kr_sums attempted = { 0 }, accepted = { 0 }, changed = { 0 };
    snprintf(entry, sizeof entry, "%s",
             kr_summary_name_behind(reader, "sample_stats", "attempted_", index));
    snprintf(cost, sizeof cost, "cpu_s_%s", entry);
    snprintf(step, sizeof step, "step_%s", entry);
    char first[KR_SERIES_NAME + 16];
    snprintf(first, sizeof first, "attempted_%s", entry);
    kr_update_row *rows = &s->update[index * s->n_points];
    int status = add_attempts(reader, s, entry, &attempted, &accepted, rows, err);
    status = status == KR_OK ? add_changes(reader, entry, &changed, err) : status;
    for (int64_t p = 0; p < s->n_points && status == KR_OK; p++) {
        kr_update_row *row = &rows[p];
        snprintf(row->name, sizeof row->name, "%s", entry);
        kr_series_text(reader, "sample_stats", first, "engine", row->engine,
                       sizeof row->engine);
        find_density(reader, entry, row->density, sizeof row->density);
        row->attempted = sum_point(&attempted, p);
        row->accepted = sum_point(&accepted, p);
        row->changed = sum_point(&changed, p);
        row->cpu_s = kr_series_constant(reader, "cost", cost, 0);
        row->step = kr_series_constant(reader, "constant_data", step, p);
        row->is_exchange = strcmp(entry, "exchange") == 0 && changed.n_points == 0;
    }
    status = status == KR_OK ? read_rejection_runs(reader, s, entry, rows, err) : status;
    if (status == KR_OK && changed.n_points > 0) {
        mark_chains(s, &attempted, &accepted, &changed);
        *is_known = true;
    }
    kr_free(attempted.sum);
    kr_free(accepted.sum);
    kr_free(changed.sum);
    return status;
}

int kr_summary_updates(kr_reader *reader, kr_summary *s, kr_error *err)
{
    size_t points = (size_t)s->n_points, chains = (size_t)s->n_chains;
    int n = kr_summary_count_names(reader, "sample_stats", "attempted_");
    bool is_known = false;
    s->update = kr_alloc((size_t)n * points, sizeof *s->update, err);
    s->n_changed_chains = kr_alloc(points, sizeof *s->n_changed_chains, err);
    int status = s->update && s->n_changed_chains ? KR_OK : KR_ENOMEM;
    for (int k = 0; k < n && status == KR_OK; k++) {
        status = add_update(reader, s, k, &is_known, err);
        s->n_updates += status == KR_OK;
    }
    for (size_t p = 0; p < points && status == KR_OK; p++) {
        for (size_t c = 0; c < chains; c++) {
            s->n_changed_chains[p] += s->chain[p * chains + c].has_changed;
        }
        s->n_changed_chains[p] = is_known ? s->n_changed_chains[p] : -1;
    }
    return status;
}

/* ---- tables ------------------------------------------------------------------------------ */

/* "0.31" or "0.31 .. 0.52" over the points of one update */
static void acceptance_range(const kr_summary *s, int k, char *out, size_t size)
{
    char low_text[24], high_text[24];
    double low = NAN, high = NAN;
    for (int64_t p = 0; p < s->n_points; p++) {
        const kr_update_row *u = &s->update[k * s->n_points + p];
        low = fmin(low, u->accepted / u->attempted);
        high = fmax(high, u->accepted / u->attempted);
    }
    kr_format_percent(low, low_text, sizeof low_text);
    kr_format_percent(high, high_text, sizeof high_text);
    if (s->n_points > 1 && strcmp(low_text, high_text) != 0) {
        snprintf(out, size, "%s .. %s", low_text, high_text);
    } else {
        snprintf(out, size, "%s", low_text);
    }
}

/* The name with its engine, or the step it was tuned to. */
static void update_label(const kr_summary *s, const kr_update_row *u, char *out, size_t size)
{
    if (isfinite(u->step)) {
        snprintf(out, size, s->n_points > 1 ? "%s, tuned" : "%s, step %.3g", u->name, u->step);
    } else {
        snprintf(out, size, u->engine[0] ? "%s, engine %s" : "%s", u->name, u->engine);
    }
}

void kr_summary_print_updates(const kr_summary *s, kr_sheet *t)
{
    static const kr_heading column[] = { { "update", -30, 0 },  { "accepted", 18, 0 },
                                         { "attempts", 11, 0 }, { "changed/attempt", 15, 0 },
                                         { "CPU s", 11, 0 },    { "CPU share", 9, 0 } };
    if (s->n_updates == 0) {
        return;
    }
    kr_sheet_table(t, NULL, column, 6);
    double cpu_s = 0.0; /* from samples of the time: in a short run it can exceed the whole */
    for (int k = 0; k < s->n_updates; k++) {
        cpu_s += s->update[k * s->n_points].cpu_s;
    }
    double whole = fmax(s->cost.sample_cpu_s, cpu_s);
    for (int k = 0; k < s->n_updates; k++) {
        const kr_update_row *u = &s->update[k * s->n_points];
        char text[KR_SERIES_NAME + 32];
        double n_attempted = 0.0, n_changed = 0.0;
        for (int64_t p = 0; p < s->n_points; p++) {
            n_attempted += u[p].attempted;
            n_changed += u[p].changed;
        }
        update_label(s, u, text, sizeof text);
        kr_sheet_cell(t, text);
        acceptance_range(s, k, text, sizeof text);
        kr_sheet_cell(t, text);
        kr_sheet_cell(t, kr_format_count(n_attempted, text, sizeof text));
        kr_sheet_cell(t, kr_format_plain(n_changed / n_attempted, "%.3g", text, sizeof text));
        kr_sheet_cell(t, kr_format_plain(u->cpu_s, "%.3g", text, sizeof text));
        kr_format_percent(u->cpu_s / whole, text, sizeof text);
        kr_sheet_cell(t, text);
        kr_sheet_row(t);
    }
    kr_sheet_end(t);
}
