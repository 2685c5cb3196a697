/* SPDX-License-Identifier: GPL-3.0-or-later
 * analysis/summary_annealing.c - population annealing: log Z, families, means over runs.
 *
 * A draw is a run; its chains, the members, are kin and not independent, the runs are. With Z_r
 * the estimate of run r of the ratio Z(beta)/Z(lowest beta) and x_r the mean of its members,
 * <x> = sum Z_r x_r / sum Z_r (Machta, Phys. Rev. E 82, 026704 (2010)) and Z is the mean of
 * Z_r. Errors: jackknife over runs. */
#include "analysis/summary.h"

#include "base/memory.h"

#include <math.h>
#include <string.h>

#define MIN_RUNS 8 /* of the jackknife */

static double ratio(const double *mean, const void *context)
{
    (void)context;
    return mean[0] / mean[1];
}

static double log_of(const double *mean, const void *context)
{
    return log(mean[0]) + *(const double *)context;
}

/* sample_stats/name (draw, point), owned by the caller. */
static double *load(kr_reader *reader, const kr_summary *s, const char *name, kr_error *err)
{
    int n_dims = 0;
    int64_t shape[KR_DIMS_MAX] = { 0 };
    const char *dims = "";
    double *value = kr_reader_read(reader, "sample_stats", name, &n_dims, shape, &dims, err);
    if (value && (strcmp(dims, "draw point") != 0 || shape[0] != s->n_draws ||
                  shape[1] != s->n_points)) {
        kr_fail(err, KR_EUNSUP, "sample_stats/%s: dims \"%s\", want (draw, point) of the run",
                name, dims);
        kr_free(value);
        return NULL;
    }
    return value;
}

/* Weights of the runs at a point, the largest 1, and what follows from them. */
static void fill_row(kr_summary *s, int64_t p, const double *log_z, kr_annealing_row *row)
{
    int64_t n = s->n_draws;
    double *weight = s->annealing->weight + p * n, top = -INFINITY;
    double sum = 0.0, square = 0.0, mean = 0.0;
    for (int64_t r = 0; r < n; r++) {
        top = fmax(top, log_z[r * s->n_points + p]);
        mean += log_z[r * s->n_points + p] / (double)n;
    }
    row->variance = n > 1 ? 0.0 : NAN;
    for (int64_t r = 0; r < n; r++) {
        double d = log_z[r * s->n_points + p] - mean;
        row->variance += d * d / ((double)n - 1.0);
        weight[r] = exp(log_z[r * s->n_points + p] - top);
        sum += weight[r];
        square += weight[r] * weight[r];
    }
    row->ess = sum * sum / square;
    row->max_share = 1.0 / sum;
    double shift = top + (isnan(s->annealing->log_states) ? 0.0 : s->annealing->log_states);
    const double *column[] = { weight };
    kr_jackknife(column, 1, 1, n, 1, log_of, &shift, &row->log_z, &row->log_z_error, NULL);
    if (row->variance == 0.0) { /* the lowest temperature */
        row->log_z = shift;
        row->log_z_error = 0.0;
    }
}

static void fill_families(const kr_summary *s, int64_t p, const double *families,
                          const double *rho, kr_annealing_row *row)
{
    row->families_least = INFINITY;
    for (int64_t r = 0; r < s->n_draws; r++) {
        int64_t k = r * s->n_points + p;
        row->families += families[k];
        row->families_least = fmin(row->families_least, families[k]);
        row->rho_t += rho[k];
        row->rho_t_most = fmax(row->rho_t_most, rho[k]);
    }
    row->families /= (double)s->n_draws;
    row->rho_t /= (double)s->n_draws;
}

int kr_summary_annealing(kr_reader *reader, kr_summary *s, kr_error *err)
{
    double from, log_states;
    if (!kr_reader_attr_real(reader, "sample_stats", "", "annealing_from", &from)) {
        return KR_OK;
    }
    kr_annealing_summary *a = s->annealing = kr_alloc(1, sizeof *a, err);
    if (!a) {
        return KR_ENOMEM;
    }
    bool is_absolute =
        kr_reader_attr_real(reader, "sample_stats", "", "log_states", &log_states);
    a->beta_from = from;
    a->log_states = is_absolute ? log_states : NAN;
    a->row = kr_alloc((size_t)s->n_points, sizeof *a->row, err);
    a->weight = kr_alloc((size_t)(s->n_points * s->n_draws), sizeof *a->weight, err);
    double *log_z = load(reader, s, "log_z_ratio", err);
    double *families = load(reader, s, "n_families", err);
    double *rho = load(reader, s, "rho_t", err);
    bool is_loaded = a->row && a->weight && log_z && families && rho;
    for (int64_t p = 0; is_loaded && p < s->n_points; p++) {
        kr_annealing_row *row = &a->row[p];
        row->beta = s->has_path ? s->points.value[p]
                                : kr_series_constant(reader, "constant_data", "beta", p);
        fill_row(s, p, log_z, row);
        fill_families(s, p, families, rho, row);
        row->exact_log_z =
            is_absolute ? kr_series_constant(reader, "constant_data", "exact_log_z", p) : NAN;
        row->z =
            row->log_z_error > 0.0 ? (row->log_z - row->exact_log_z) / row->log_z_error : NAN;
    }
    kr_free(log_z);
    kr_free(families);
    kr_free(rho);
    return is_loaded ? KR_OK : (err && err->status ? err->status : KR_EIO);
}

int kr_summary_estimate_runs(const kr_summary *s, int64_t p, double *x, kr_estimate *e,
                             kr_error *err)
{
    int64_t n = s->n_draws, members = s->n_chains;
    const double *weight = s->annealing->weight + p * n;
    double sum = 0.0, sum_w = 0.0, square = 0.0;
    *e = kr_estimate_unknown(members * n);
    e->is_constant = e->is_window_closed = true;
    if (n < MIN_RUNS) {
        return kr_fail(err, KR_EINVAL, "%lld annealing runs, want at least %d", (long long)n,
                       MIN_RUNS);
    }
    for (int64_t k = 0; k < members * n; k++) {
        if (!isfinite(x[k])) {
            return kr_fail(err, KR_EINVAL, "a value is not finite");
        }
        sum += weight[k % n] * x[k];
        sum_w += weight[k % n];
        e->is_constant = e->is_constant && x[k] == x[0];
    }
    if (e->is_constant) {
        e->mean = x[0];
        e->error = 0.0;
        return KR_OK;
    }
    for (int64_t k = 0; k < members * n; k++) {
        double d = x[k] - sum / sum_w;
        square += weight[k % n] * d * d / sum_w;
    }
    kr_summary_average_members(s, p, x);
    const double *column[] = { x, weight };
    KR_TRY(kr_jackknife(column, 2, 1, n, 1, ratio, NULL, &e->mean, &e->error, err));
    e->ess = e->error > 0.0 ? square / (e->error * e->error) : NAN;
    return KR_OK;
}

void kr_summary_average_members(const kr_summary *s, int64_t p, double *x)
{
    int64_t n = s->n_draws;
    for (int64_t r = 0; r < n; r++) {
        double sum = 0.0;
        for (int64_t c = 0; c < s->n_chains; c++) {
            sum += x[c * n + r];
        }
        x[r] = s->annealing->weight[p * n + r] * sum / (double)s->n_chains;
    }
}

static void annealing_cells(const kr_annealing_row *row, kr_sheet *t)
{
    char text[64];
    kr_sheet_cell(t, kr_format_plain(row->beta, "%.6g", text, sizeof text));
    kr_format_value(row->log_z, row->log_z_error, 2, text, sizeof text);
    kr_sheet_cell(t, text);
    kr_sheet_cell(t, kr_format_plain(row->exact_log_z, "%.9g", text, sizeof text));
    kr_sheet_cell(t, kr_format_plain(row->z, "%+.2f", text, sizeof text));
    kr_sheet_cell(t, kr_format_plain(row->families, "%.1f", text, sizeof text));
    kr_sheet_cell(t, kr_format_plain(row->families_least, "%.0f", text, sizeof text));
    kr_sheet_cell(t, kr_format_plain(row->rho_t, "%.3g", text, sizeof text));
    kr_sheet_cell(t, kr_format_plain(row->ess, "%.1f", text, sizeof text));
    kr_format_percent(row->max_share, text, sizeof text);
    kr_sheet_cell(t, text);
    kr_sheet_row(t);
}

void kr_summary_print_annealing(const kr_summary *s, kr_sheet *t)
{
    const kr_annealing_summary *a = s->annealing;
    if (!a) {
        return;
    }
    char note[320];
    const bool is_absolute = !isnan(a->log_states);
    const kr_heading column[] = { { s->has_path ? "t" : "beta", -10, 0 },
                                  { is_absolute ? "log Z" : "log Z ratio", 18, 0 },
                                  { "exact", 14, 0 },
                                  { "z", 6, 0 },
                                  { "families", 9, 0 },
                                  { "least", 7, 0 },
                                  { "rho_t", 8, 0 },
                                  { "runs w", 8, 0 },
                                  { "largest w", 9, 0 } };
    kr_sheet_table(t, NULL, column, 9);
    for (int64_t p = 0; p < s->n_points; p++) {
        annealing_cells(&a->row[p], t);
    }
    kr_sheet_end(t);
    snprintf(note, sizeof note,
             "families: of %lld, mean and least over runs; rho_t: mean square size of a "
             "family;\nruns w: (sum Z)^2 / sum Z^2 of %lld runs; largest w: share of the "
             "heaviest run",
             (long long)s->n_chains, (long long)s->n_draws);
    kr_sheet_note(t, note);
    if (!is_absolute) {
        snprintf(note, sizeof note, "log Z ratio: log of Z(beta) / Z(%g)", a->beta_from);
        kr_sheet_note(t, note);
    }
}
