/* SPDX-License-Identifier: GPL-3.0-or-later
 * analysis/summary_table.c - the summary for people: at most 100 columns wide. One point gives
 * a row per observable, a scan gives a row per point, or (is_full) a block per observable with
 * a row per point. */
#include "analysis/summary.h"

#include <math.h>
#include <string.h>

static void exchange_line(const kr_summary *s, kr_sheet *t)
{
    char line[512], steps[48] = "unknown steps", trips[64] = "unknown";
    if (!s->exchange) {
        return;
    }
    if (isfinite(s->exchange_every)) {
        snprintf(steps, sizeof steps, "%.0f step%s", s->exchange_every,
                 s->exchange_every == 1.0 ? "" : "s");
    }
    const double per_step = kr_summary_trips_rate(s, s->round_trips, (double)s->n_ladders);
    if (isfinite(s->round_trips)) {
        snprintf(trips, sizeof trips,
                 isfinite(per_step) ? "%.0f (%.3g per 1000 steps and chain)" : "%.0f",
                 s->round_trips, per_step);
    }
    snprintf(line, sizeof line,
             "replica exchange every %s: %lld ladder%s of %lld temperatures, round trips: %s",
             steps, (long long)s->n_ladders, s->n_ladders == 1 ? "" : "s",
             (long long)s->n_slots, trips);
    kr_sheet_line(t, line);
}

/* What was run and measured, and why it ended. */
void kr_summary_print_setup(const kr_summary *s, kr_sheet *t)
{
    char label[256], sites[32] = "", every[48] = "", line[512];
    if (isfinite(s->n_sites)) {
        snprintf(sites, sizeof sites, ", %.0f site%s", s->n_sites,
                 s->n_sites == 1.0 ? "" : "s");
    }
    if (isfinite(s->every)) {
        snprintf(every, sizeof every, ", a draw every %.0f step%s", s->every,
                 s->every == 1.0 ? "" : "s");
    }
    kr_points_label(&s->points, 0, label, sizeof label);
    if (s->n_points > 1) {
        snprintf(label, sizeof label, "%lld points", (long long)s->n_points);
    }
    snprintf(line, sizeof line, "%lld chain%s x %lld draw%s%s%s%s%s", (long long)s->n_chains,
             s->n_chains == 1 ? "" : "s", (long long)s->n_draws, s->n_draws == 1 ? "" : "s",
             every, sites, label[0] ? ", " : "", label);
    kr_sheet_line(t, line);
    exchange_line(s, t);
    if (s->annealing) {
        snprintf(line, sizeof line,
                 "population annealing: a draw is a run from %s = %g on, its chains are the "
                 "%lld members",
                 s->has_path ? "t" : "beta", s->annealing->beta_from, (long long)s->n_chains);
        kr_sheet_line(t, line);
    }
    if (s->chains_coupled > 1) {
        kr_sheet_line(t, "an update couples chains in pairs: errors, ESS and R-hat are those "
                         "of pair means");
    }
    if (s->while_measuring[0]) {
        snprintf(line, sizeof line,
                 "training while measuring: %s, %.0f step%s before each turn of half of the "
                 "chains; log q, ESS and log Z are those of the frozen weights",
                 s->while_measuring, s->turn_steps, s->turn_steps == 1.0 ? "" : "s");
        kr_sheet_line(t, line);
    }
    if (s->stop[0]) {
        kr_sheet_line(t, s->stop);
    }
}

#define ESTIMATE_COLUMNS 6
/* value, tau_int, ESS, R-hat and, unless it is a phase, exact and z */
void kr_summary_estimate_cells(const kr_quantity *q, bool is_phase, kr_sheet *t)
{
    const kr_estimate *e = &q->estimate;
    char value[64], tau[64], ess[32], r_hat[32], exact[32], z[32];
    if (q->is_bad) {
        kr_sheet_cell(t, q->note[0] ? "not usable" : "-");
        return;
    }
    kr_format_value(e->mean, e->error, 2, value, sizeof value);
    if (e->is_window_closed || isnan(e->tau_int)) {
        kr_format_value(e->tau_int, e->tau_int_error, 1, tau, sizeof tau);
    } else { /* correlated over half a chain */
        kr_format_plain(e->tau_int, e->tau_int < 100.0 ? "> %.3g" : "> %.0f", tau, sizeof tau);
    }
    kr_format_plain(e->ess, e->ess < 1e6 ? "%.0f" : "%.2e", ess, sizeof ess);
    kr_format_plain(e->r_hat, e->r_hat < 10.0 ? "%.3f" : "%.3g", r_hat, sizeof r_hat);
    kr_format_plain(q->exact, "%.8g", exact, sizeof exact);
    kr_format_plain(q->z, "%+.2f", z, sizeof z);
    if (e->is_constant && !q->is_derived) {
        snprintf(tau, sizeof tau, "constant");
        snprintf(ess, sizeof ess, "-");
    }
    const char *const cell[ESTIMATE_COLUMNS] = { value, tau, ess, r_hat, exact, z };
    for (int k = 0; k < ESTIMATE_COLUMNS - (is_phase ? 2 : 0); k++) {
        kr_sheet_cell(t, cell[k]);
    }
}

int kr_summary_estimate_headings(bool is_phase, kr_heading *column)
{
    const kr_heading list[ESTIMATE_COLUMNS] = { { is_phase ? "probability" : "value", 18, 0 },
                                                { "tau_int", 11, 0 },
                                                { "ESS", 8, 0 },
                                                { "R-hat", 6, 0 },
                                                { "exact", 12, 0 },
                                                { "z", 6, 0 } };
    const int n = ESTIMATE_COLUMNS - (is_phase ? 2 : 0);
    memcpy(column, list, (size_t)n * sizeof *list);
    return n;
}

/* "energy_per_site [J]" */
static void label(const kr_quantity *q, char *out, size_t size)
{
    bool has_unit = q->unit[0] && strcmp(q->unit, "1") != 0;
    snprintf(out, size, has_unit ? "%s [%s]" : "%s", q->name, q->unit);
}

/* The scanned parameters as the first columns, up to three; returns how many. */
static int parameter_columns(const kr_points *points, kr_heading *column)
{
    int n = points->n_params < 3 ? points->n_params : 3;
    for (int m = 0; m < n; m++) {
        const char *last = strrchr(points->name[m], '.');
        column[m] = (kr_heading){ last ? last + 1 : points->name[m], 10,
                                  KR_HEADING_CUT_HEAD | KR_HEADING_TIGHT };
    }
    return n;
}

static void parameter_cells(const kr_points *points, int64_t p, kr_sheet *t)
{
    for (int m = 0; m < points->n_params && m < 3; m++) {
        char text[32];
        snprintf(text, sizeof text, "%.6g", points->value[m * points->n + p]);
        kr_sheet_cell(t, text);
    }
}

static void print_scan(const kr_summary *s, const kr_quantity *list, int n, bool is_phase,
                       kr_sheet *t)
{
    kr_heading column[3 + ESTIMATE_COLUMNS];
    int n_columns = parameter_columns(&s->points, column);
    n_columns += kr_summary_estimate_headings(is_phase, column + n_columns);
    for (int k = 0; k < n; k++) {
        char name[KR_SERIES_NAME + 40] = "phase ";
        const size_t used = is_phase ? strlen(name) : 0;
        label(&list[k * s->n_points], name + used, sizeof name - used);
        kr_sheet_table(t, name, column, n_columns);
        for (int64_t p = 0; p < s->n_points; p++) {
            parameter_cells(&s->points, p, t);
            kr_summary_estimate_cells(&list[k * s->n_points + p], is_phase, t);
            kr_sheet_row(t);
        }
        kr_sheet_end(t);
    }
}

static void label_of(const kr_summary *s, int k, const kr_quantity *q, char *out, size_t size)
{
    const size_t n = k < s->n_quantities ? 0 : (size_t)snprintf(out, size, "in ");
    label(q, out + n, size - n);
}

static int width_of(const kr_summary *s, int k, const kr_quantity *q)
{
    char name[KR_SERIES_NAME + 40];
    label_of(s, k, q, name, sizeof name);
    return 2 + (strlen(name) > 16 ? (int)strlen(name) : 16);
}

/* Quantity k of the table of points: columns and derived quantities, then phases. */
static const kr_quantity *shown(const kr_summary *s, int k)
{
    const kr_quantity *q = k < s->n_quantities ? &s->quantity[k * s->n_points]
                                               : &s->phase[(k - s->n_quantities) * s->n_points];
    return q->is_same ? NULL : q;
}

/* Quantities first to last of the table of points. */
static void print_values(const kr_summary *s, int first, int last, kr_sheet *t)
{
    kr_heading column[KR_SHEET_COLUMNS];
    char head[KR_SHEET_COLUMNS][KR_SERIES_NAME + 40];
    int n = parameter_columns(&s->points, column);
    for (int k = first; k < last; k++) {
        const kr_quantity *q = shown(s, k);
        if (q) {
            label_of(s, k, q, head[n], sizeof head[n]);
            column[n] = (kr_heading){ head[n], width_of(s, k, q), KR_HEADING_TIGHT };
            n++;
        }
    }
    kr_sheet_table(t, NULL, column, n);
    for (int64_t p = 0; p < s->n_points; p++) {
        parameter_cells(&s->points, p, t);
        for (int k = first; k < last; k++) {
            const kr_quantity *q = shown(s, k);
            char text[64] = "-";
            if (q && !q[p].is_bad) {
                kr_format_value(q[p].estimate.mean, q[p].estimate.error, 2, text, sizeof text);
            }
            if (q) {
                kr_sheet_cell(t, text);
            }
        }
        kr_sheet_row(t);
    }
    kr_sheet_end(t);
}

/* How far the numbers of each point can be trusted. */
static void print_trust(const kr_summary *s, kr_sheet *t)
{
    kr_heading column[6];
    int n = parameter_columns(&s->points, column);
    column[n++] = (kr_heading){ "least ESS", 12, KR_HEADING_TIGHT };
    column[n++] = (kr_heading){ "worst R-hat", 12, 0 };
    column[n++] = (kr_heading){ "largest |z|", 12, 0 };
    kr_sheet_table(t, NULL, column, n);
    for (int64_t p = 0; p < s->n_points; p++) {
        char text[32];
        double least = NAN, most = NAN, far = NAN;
        for (int k = 0; k < s->n_quantities + s->n_phases; k++) {
            const kr_quantity *q = shown(s, k);
            if (q && !q[p].is_bad && !q[p].estimate.is_constant) {
                least = q[p].is_derived ? least : fmin(least, q[p].estimate.ess);
                most = fmax(most, q[p].estimate.r_hat);
                far = fmax(far, fabs(q[p].z));
            }
        }
        parameter_cells(&s->points, p, t);
        kr_sheet_cell(t,
                      kr_format_plain(least, least < 1e6 ? "%.0f" : "%.2e", text, sizeof text));
        kr_sheet_cell(t,
                      kr_format_plain(most, most < 10.0 ? "%.3f" : "%.3g", text, sizeof text));
        kr_sheet_cell(t, kr_format_plain(far, "%.2f", text, sizeof text));
        kr_sheet_row(t);
    }
    kr_sheet_end(t);
    if (!t->is_html) {
        kr_sheet_note(t,
                      "tau_int, ESS, R-hat, exact and z of every quantity: summary --full or "
                      "--json");
    }
}

static void print_points(const kr_summary *s, kr_sheet *t)
{
    const int n = s->n_quantities + s->n_phases,
              head = 10 * (s->points.n_params < 3 ? s->points.n_params : 3);
    for (int first = 0, last; first < n; first = last) {
        int used = head;
        for (last = first; last < n; last++) {
            const kr_quantity *q = shown(s, last);
            if (q && used + width_of(s, last, q) > KR_FORMAT_WIDTH && used > head) {
                break;
            }
            used += q ? width_of(s, last, q) : 0;
        }
        print_values(s, first, last, t);
    }
    print_trust(s, t);
}

static void print_single(const kr_summary *s, kr_sheet *t)
{
    kr_heading column[1 + ESTIMATE_COLUMNS] = { { "observable", -30, KR_HEADING_BREAK } };
    char name[KR_SERIES_NAME + 40];
    kr_sheet_table(t, NULL, column, 1 + kr_summary_estimate_headings(false, column + 1));
    for (int k = 0; k < s->n_quantities; k++) {
        if (!s->quantity[k].is_same) {
            label(&s->quantity[k], name, sizeof name);
            kr_sheet_cell(t, name);
            kr_summary_estimate_cells(&s->quantity[k], false, t);
            kr_sheet_row(t);
        }
    }
    kr_sheet_end(t);
}

void kr_summary_print_observables(const kr_summary *s, kr_sheet *t)
{
    if (s->n_points > 1 && !s->is_full) {
        print_points(s, t);
    } else if (s->n_points > 1) {
        print_scan(s, s->quantity, s->n_quantities, false, t);
        print_scan(s, s->phase, s->n_phases, true, t);
    } else {
        print_single(s, t);
    }
    if (s->annealing) {
        kr_sheet_note(t, "means of runs weighted with their Z, errors: jackknife over runs; "
                         "ESS: independent draws\nwith the same error; tau_int and R-hat are "
                         "not defined, for members are kin and runs independent");
        return;
    }
    kr_sheet_note(t, "errors: Gamma method, blocked jackknife for derived quantities; tau_int "
                     "in draws");
    if (s->weight) {
        kr_sheet_note(t, "weighted means at beta; ESS: independent canonical draws with the "
                         "same error");
    }
}

/* First column that has an ESS: a constant has none. NULL: there is none. */
static const kr_quantity *first_varying(const kr_summary *s)
{
    for (int k = 0; k < s->n_quantities; k++) {
        const kr_quantity *q = &s->quantity[k * s->n_points];
        if (!q->is_bad && !q->is_derived && !q->estimate.is_constant && q->estimate.ess > 0.0) {
            return q;
        }
    }
    return NULL;
}

void kr_summary_print_cost(const kr_summary *s, kr_sheet *t)
{
    const kr_cost *c = &s->cost;
    char sample[24], train[24], certificate[24], pilot[40] = "", wall[24], threads[24];
    char per_s[24], line[512];
    if (isnan(c->sample_cpu_s)) {
        return;
    }
    kr_format_plain(c->sample_cpu_s, "%.4g", sample, sizeof sample);
    kr_format_plain(c->train_cpu_s, "%.4g", train, sizeof train);
    kr_format_plain(c->certificate_cpu_s, "%.4g", certificate, sizeof certificate);
    if (c->pilot_cpu_s > 0.0) {
        snprintf(pilot, sizeof pilot, ", pilot before the run %.4g", c->pilot_cpu_s);
    }
    kr_format_plain(c->wall_s, "%.4g", wall, sizeof wall);
    kr_format_count(c->threads, threads, sizeof threads);
    snprintf(line, sizeof line,
             "cost [CPU-s]: sampling %s, training %s, certificates %s%s; wall %s s, threads %s",
             sample, train, certificate, pilot, wall, threads);
    kr_sheet_gap(t);
    kr_sheet_note(t, line);
    const kr_quantity *q = s->n_points > 1 ? NULL : first_varying(s);
    if (!q || !q->estimate.is_window_closed) { /* an ESS that is no more than a guess */
        return;
    }
    double ess = q->estimate.ess;
    kr_format_rate(ess / c->sample_cpu_s, per_s, sizeof per_s);
    int n = snprintf(line, sizeof line, "ESS of %s per CPU-second: %s", q->name, per_s);
    if (c->train_cpu_s > 0.0) {
        kr_format_rate(ess / (c->sample_cpu_s + c->train_cpu_s), per_s, sizeof per_s);
        snprintf(line + n, sizeof line - (size_t)n, ", training included: %s", per_s);
    }
    kr_sheet_note(t, line);
}

void kr_summary_print_tables(const kr_summary *s, kr_sheet *t)
{
    static const struct {
        const char *heading; /* NULL: goes on */
        void (*print)(const kr_summary *s, kr_sheet *t);
    } tables[] = { { "Estimates", kr_summary_print_observables },
                   { "Means over samples", kr_summary_print_samples },
                   { NULL, kr_summary_print_means },
                   { "Updates", kr_summary_print_updates },
                   { NULL, kr_summary_print_slots },
                   { "Densities", kr_summary_print_densities },
                   { NULL, kr_summary_print_blocks },
                   { NULL, kr_summary_print_importance },
                   { "Phases", kr_summary_print_residence },
                   { "Multicanonical weights", kr_summary_print_flat },
                   { "Histograms", kr_summary_print_histograms },
                   { "Population annealing", kr_summary_print_annealing },
                   { "Path of actions", kr_summary_print_path } };
    for (size_t k = 0; k < sizeof tables / sizeof *tables; k++) {
        if (tables[k].heading) {
            kr_sheet_section(t, tables[k].heading);
        }
        tables[k].print(s, t);
    }
    kr_sheet_section(t, NULL);
}

void kr_summary_print(const kr_summary *s, FILE *out)
{
    kr_sheet sheet = { .out = out };
    kr_sheet_line(&sheet, s->title[0] ? s->title : s->path);
    kr_summary_print_setup(s, &sheet);
    if (s->run_id[0]) {
        fprintf(out, "run %s\n", s->run_id);
    }
    if (s->version[0]) {
        fprintf(out, "kramers %s\n", s->version);
    }
    if (s->n_draws >= KR_SUMMARY_DRAWS) {
        kr_summary_print_tables(s, &sheet);
    }
    kr_summary_print_cost(s, &sheet);
    fprintf(out, "\nverdict: %s\n", s->is_converged ? "converged" : "NOT CONVERGED");
    for (int k = 0; k < s->reasons.n; k++) {
        kr_format_wrapped(out, "  - ", s->reasons.text[k]);
    }
    for (int k = 0; k < s->warnings.n; k++) {
        kr_format_wrapped(out, "  warning: ", s->warnings.text[k]);
    }
}
