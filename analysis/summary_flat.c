/* SPDX-License-Identifier: GPL-3.0-or-later
 * analysis/summary_flat.c - multicanonical runs: weights of the draws, reweighting to other
 * temperatures, log Z, barrier, round trips.
 *
 * log Z(beta) = N log q + log sum w_beta - log sum w_0 over the draws, w_beta =
 * exp(-beta H)/w(H). Errors: jackknife over blocks of about 10 tau_int of the weights; those of
 * the barrier over the independent parts of the run that the file holds. */
#include "analysis/summary.h"

#include "base/memory.h"

#include <math.h>
#include <string.h>

#define MIN_BINS 20
static const char group[] = "density_of_states";

int kr_summary_weights(kr_reader *reader, kr_summary *s, kr_error *err)
{
    kr_series log_weight;
    if (!kr_series_exists(reader, "sample_stats", "log_weight")) {
        return KR_OK;
    }
    if (s->n_points != 1) {
        return kr_fail(err, KR_EUNSUP, "sample_stats/log_weight: %lld points, want one",
                       (long long)s->n_points);
    }
    KR_TRY(kr_summary_load(reader, s, "log_weight", &log_weight, err));
    const int64_t n = s->n_chains * s->n_draws;
    double top = -INFINITY;
    for (int64_t k = 0; k < n; k++) {
        top = fmax(top, log_weight.value[k]);
    }
    for (int64_t k = 0; k < n; k++) {
        log_weight.value[k] = exp(log_weight.value[k] - top);
    }
    s->weight = log_weight.value;
    log_weight.value = NULL;
    kr_series_clear(&log_weight);
    return KR_OK;
}

/* Draws of a run at one beta. */
typedef struct kr_frame {
    int64_t n;
    const double *energy, *log_base; /* H, and -log w(H) */
    double *weight, *base, *x, *y;   /* work (n) */
} kr_frame;

static double fill_weights(const kr_frame *f, double beta, double *weight)
{
    double top = -INFINITY;
    for (int64_t k = 0; k < f->n; k++) {
        weight[k] = f->log_base[k] - beta * f->energy[k];
        top = fmax(top, weight[k]);
    }
    for (int64_t k = 0; k < f->n; k++) {
        weight[k] = exp(weight[k] - top);
    }
    return top;
}

static double log_ratio(const double *mean, const void *context)
{
    return log(mean[0] / mean[1]) + *(const double *)context;
}

static double variance(const double *mean, const void *context)
{
    double first = mean[1] / mean[0];
    return (mean[2] / mean[0] - first * first) * *(const double *)context;
}

static int64_t bin_of(const kr_summary *s, const double *weight, double *work)
{
    kr_estimate e;
    memcpy(work, weight, (size_t)(s->n_chains * s->n_draws) * sizeof *work);
    if (kr_gamma_estimate(work, s->n_chains, s->n_draws, &e, NULL) != KR_OK) {
        return 1;
    }
    return kr_jackknife_bin(e.tau_int, s->n_chains, s->n_draws, MIN_BINS);
}

/* weight holds those at beta. */
static void fill_log_z(const kr_summary *s, const kr_frame *f, double top, kr_reweighted *r)
{
    r->log_z = r->log_z_error = NAN;
    if (isnan(s->flat->log_states)) {
        return;
    }
    double shift = s->flat->log_states + top - fill_weights(f, 0.0, f->base);
    const double *column[] = { f->weight, f->base };
    int64_t bin = bin_of(s, f->weight, f->x), bin_0 = bin_of(s, f->base, f->x);
    kr_jackknife(column, 2, s->n_chains, s->n_draws, bin > bin_0 ? bin : bin_0, log_ratio,
                 &shift, &r->log_z, &r->log_z_error, NULL);
}

static void fill_heat(const kr_summary *s, const kr_frame *f, kr_reweighted *r, double tau)
{
    double scale = r->beta * r->beta / s->n_sites;
    for (int64_t k = 0; k < f->n; k++) {
        double d = f->energy[k] - s->n_sites * r->energy;
        f->x[k] = f->weight[k] * d;
        f->y[k] = f->weight[k] * d * d;
    }
    const double *column[] = { f->weight, f->x, f->y };
    int64_t bin = kr_jackknife_bin(tau, s->n_chains, s->n_draws, MIN_BINS);
    kr_jackknife(column, 3, s->n_chains, s->n_draws, bin, variance, &scale, &r->heat,
                 &r->heat_error, NULL);
}

static int fill_phases(kr_reader *reader, const kr_summary *s, const kr_frame *f,
                       kr_reweighted *r, kr_error *err)
{
    for (int k = 0; k < s->n_phases && k < KR_PHASES_MAX; k++) {
        char name[KR_SERIES_NAME + 8];
        kr_series series;
        kr_estimate e;
        snprintf(name, sizeof name, "in_%s", s->phase[k].name);
        KR_TRY(kr_series_load(reader, "posterior", name, &series, err));
        kr_series_point(&series, 0, f->x);
        kr_series_clear(&series);
        KR_TRY(kr_summary_estimate(s, s->n_chains, f->weight, f->x, &e, err));
        r->phase[k] = e.mean;
        r->phase_error[k] = e.error;
    }
    return KR_OK;
}

static int reweight(kr_reader *reader, const kr_summary *s, const kr_frame *f, kr_reweighted *r,
                    kr_error *err)
{
    kr_estimate e;
    double sum = 0.0, square = 0.0, top = fill_weights(f, r->beta, f->weight);
    for (int64_t k = 0; k < f->n; k++) {
        sum += f->weight[k];
        square += f->weight[k] * f->weight[k];
        f->x[k] = f->energy[k] / s->n_sites;
    }
    r->ess = sum * sum / (square * (double)f->n);
    r->max_share = 1.0 / sum;
    KR_TRY(kr_summary_estimate(s, s->n_chains, f->weight, f->x, &e, err));
    r->energy = e.mean;
    r->energy_error = e.error;
    fill_heat(s, f, r, e.tau_int);
    fill_log_z(s, f, top, r);
    return fill_phases(reader, s, f, r, err);
}

static double attribute(kr_reader *reader, const char *name)
{
    double value = NAN;
    return kr_reader_attr_real(reader, group, "", name, &value) ? value : NAN;
}

static int count_trips(kr_reader *reader, const kr_summary *s, kr_error *err)
{
    kr_series series;
    kr_flat_summary *flat = s->flat;
    KR_TRY(kr_series_load(reader, "sample_stats", "round_trips", &series, err));
    flat->least_trips = INT64_MAX;
    for (int64_t c = 0; c < series.n_chains; c++) {
        double sum = 0.0;
        for (int64_t t = 0; t < series.n_draws; t++) {
            sum += series.value[c * series.n_draws + t];
        }
        int64_t n = (int64_t)sum;
        flat->n_trips += n;
        flat->n_chains_with_trip += n > 0;
        flat->least_trips = n < flat->least_trips ? n : flat->least_trips;
        flat->most_trips = n > flat->most_trips ? n : flat->most_trips;
    }
    kr_series_clear(&series);
    return KR_OK;
}

int kr_summary_dos(kr_reader *reader, kr_dos *dos, double *owned[2], kr_error *err)
{
    int n_dims = 0;
    int64_t shape[KR_DIMS_MAX] = { 0 };
    owned[1] = NULL;
    owned[0] = kr_reader_read(reader, group, "block_visits", &n_dims, shape, NULL, err);
    if (!owned[0]) {
        return KR_EIO;
    }
    *dos = (kr_dos){ .n_groups = shape[0],
                     .n_bins = n_dims == 2 ? shape[1] - 2 : 0,
                     .e_min = attribute(reader, "e_min"),
                     .width = attribute(reader, "width"),
                     .visits = owned[0],
                     .log_states = NAN };
    owned[1] = kr_reader_read(reader, group, "log_w", &n_dims, shape, NULL, err);
    dos->log_w = owned[1];
    if (!owned[1]) {
        return KR_EIO;
    }
    return dos->n_bins < 1 || n_dims != 1 || shape[0] != dos->n_bins
               ? kr_fail(err, KR_EUNSUP, "density_of_states: shapes do not fit")
               : KR_OK;
}

static int find_barrier(kr_reader *reader, const kr_summary *s, double beta, kr_error *err)
{
    kr_dos dos;
    double *owned[2];
    kr_barrier *b = &s->flat->barrier;
    int status = kr_summary_dos(reader, &dos, owned, err);
    status = status == KR_OK ? kr_dos_barrier(&dos, beta, b, err) : status;
    b->energy_low /= s->n_sites;
    b->energy_high /= s->n_sites;
    kr_free(owned[0]);
    kr_free(owned[1]);
    return status;
}

static int list_betas(kr_reader *reader, const kr_summary *s, double beta, kr_error *err)
{
    int n_dims = 0;
    int64_t shape[KR_DIMS_MAX] = { 0 };
    kr_error none = { 0 };
    double *betas = kr_reader_read(reader, group, "betas", &n_dims, shape, NULL, &none);
    int n = betas ? (int)shape[0] : 0;
    kr_flat_summary *flat = s->flat;
    flat->at = kr_alloc((size_t)n + 1, sizeof *flat->at, err);
    if (flat->at) {
        flat->n_betas = n + 1;
        flat->at[0].beta = beta;
        for (int k = 0; k < n; k++) {
            flat->at[k + 1].beta = betas[k];
        }
    }
    kr_free(betas);
    return flat->at ? KR_OK : KR_ENOMEM;
}

static int add_log_z(kr_reader *reader, kr_summary *s, kr_error *err)
{
    const kr_reweighted *r = &s->flat->at[0];
    if (isnan(r->log_z)) {
        return KR_OK;
    }
    kr_quantity *q = kr_summary_add_quantity(s, "log_z", "1", false, err);
    if (!q) {
        return KR_ENOMEM;
    }
    q->is_derived = true;
    q->estimate.mean = r->log_z;
    q->estimate.error = r->log_z_error;
    q->exact = kr_series_constant(reader, "constant_data", "exact_log_z", 0);
    if (r->log_z_error > 0.0) {
        q->z = (r->log_z - q->exact) / r->log_z_error;
    }
    return KR_OK;
}

/* Seen from beta = 0 the mean energy of any model is known: states above the table that are
 * visited too rarely show here. */
static int check_mean(kr_reader *reader, kr_summary *s, const kr_frame *f, kr_error *err)
{
    double exact = attribute(reader, "mean_energy");
    kr_estimate e;
    if (isnan(s->flat->log_states) || isnan(exact)) {
        return KR_OK;
    }
    fill_weights(f, 0.0, f->weight);
    for (int64_t k = 0; k < f->n; k++) {
        f->x[k] = f->energy[k] / s->n_sites;
    }
    KR_TRY(kr_summary_estimate(s, s->n_chains, f->weight, f->x, &e, err));
    s->flat->mean_z = e.error > 0.0 ? (e.mean - exact) / e.error : NAN;
    return KR_OK;
}

static int fill(kr_reader *reader, kr_summary *s, const kr_series *energy,
                const double *log_weight, double beta, double *work, kr_error *err)
{
    int64_t n = s->n_chains * s->n_draws;
    kr_frame f = { .n = n,
                   .energy = energy->value,
                   .log_base = work,
                   .weight = work + n,
                   .base = work + 2 * n,
                   .x = work + 3 * n,
                   .y = work + 4 * n };
    for (int64_t k = 0; k < n; k++) {
        work[k] = log_weight[k] + beta * energy->value[k];
    }
    for (int k = 0; k < s->flat->n_betas; k++) {
        KR_TRY(reweight(reader, s, &f, &s->flat->at[k], err));
    }
    KR_TRY(check_mean(reader, s, &f, err));
    return add_log_z(reader, s, err);
}

static int fill_betas(kr_reader *reader, kr_summary *s, double beta, kr_error *err)
{
    kr_series energy = { 0 }, log_weight = { 0 };
    int status = kr_summary_load(reader, s, "energy", &energy, err);
    if (status == KR_OK) {
        status = kr_summary_load(reader, s, "log_weight", &log_weight, err);
    }
    double *work = kr_alloc(5 * (size_t)(s->n_chains * s->n_draws), sizeof *work, err);
    if (status == KR_OK) {
        status = work ? fill(reader, s, &energy, log_weight.value, beta, work, err) : KR_ENOMEM;
    }
    kr_free(work);
    kr_series_clear(&energy);
    kr_series_clear(&log_weight);
    return status;
}

int kr_summary_flat(kr_reader *reader, kr_summary *s, kr_error *err)
{
    if (!s->weight || s->n_draws < KR_SUMMARY_DRAWS) {
        return KR_OK;
    }
    double beta = kr_series_constant(reader, "constant_data", "beta", 0);
    kr_flat_summary *flat = s->flat = kr_alloc(1, sizeof *flat, err);
    if (!flat) {
        return KR_ENOMEM;
    }
    flat->energy_low = attribute(reader, "energy_low") / s->n_sites;
    flat->energy_high = attribute(reader, "energy_high") / s->n_sites;
    flat->learning_slices = attribute(reader, "learning_slices");
    flat->learning_flatness = attribute(reader, "learning_flatness");
    flat->learning_trips = attribute(reader, "learning_round_trips");
    flat->is_flat = attribute(reader, "learning_is_flat") > 0.0;
    flat->log_states = attribute(reader, "log_states");
    flat->mean_z = NAN;
    KR_TRY(count_trips(reader, s, err));
    KR_TRY(find_barrier(reader, s, beta, err));
    KR_TRY(list_betas(reader, s, beta, err));
    return fill_betas(reader, s, beta, err);
}

static void cells_at(const kr_summary *s, const kr_reweighted *r, kr_sheet *t)
{
    char text[48];
    snprintf(text, sizeof text, "%.8g", r->beta);
    kr_sheet_cell(t, text);
    kr_format_value(r->log_z, r->log_z_error, 2, text, sizeof text);
    kr_sheet_cell(t, text);
    kr_format_value(r->energy, r->energy_error, 2, text, sizeof text);
    kr_sheet_cell(t, text);
    kr_format_value(r->heat, r->heat_error, 2, text, sizeof text);
    kr_sheet_cell(t, text);
    kr_format_percent(r->ess, text, sizeof text);
    kr_sheet_cell(t, text);
    for (int k = 0; k < s->n_phases && k < 2; k++) {
        kr_format_value(r->phase[k], r->phase_error[k], 2, text, sizeof text);
        kr_sheet_cell(t, text);
    }
    kr_sheet_row(t);
}

static void print_barrier(const kr_barrier *b, kr_sheet *t)
{
    char beta[48], height[48], note[256];
    kr_format_value(b->beta, b->beta_error, 2, beta, sizeof beta);
    kr_format_value(b->height, b->height_error, 2, height, sizeof height);
    snprintf(note, sizeof note,
             "barrier: ln(P_max/P_min) = %s at beta = %s, where the peaks of P(E)\n"
             "at %.4g and %.4g J per site are equally high",
             height, beta, b->energy_low, b->energy_high);
    kr_sheet_note(t, note);
}

void kr_summary_print_flat(const kr_summary *s, kr_sheet *t)
{
    const kr_flat_summary *flat = s->flat;
    char phase[2][KR_SERIES_NAME + 8], note[256];
    kr_heading column[7] = { { "beta", -12, 0 },
                             { "log Z", 17, 0 },
                             { "energy_per_site", 15, 0 },
                             { "specific_heat", 14, 0 },
                             { "ESS_w", 9, 0 } };
    if (!flat) {
        return;
    }
    const int n_phases = s->n_phases < 2 ? s->n_phases : 2;
    for (int k = 0; k < n_phases; k++) {
        snprintf(phase[k], sizeof phase[k], "in %s", s->phase[k].name);
        column[5 + k] = (kr_heading){ phase[k], 13, KR_HEADING_CUT_HEAD };
    }
    kr_sheet_table(t, NULL, column, 5 + n_phases);
    for (int k = 0; k < flat->n_betas; k++) {
        cells_at(s, &flat->at[k], t);
    }
    kr_sheet_end(t);
    if (isfinite(flat->barrier.height)) {
        print_barrier(&flat->barrier, t);
    }
    char low[24], high[24], slices[24];
    snprintf(low, sizeof low, isnan(flat->energy_low) ? "unknown" : "%.4g", flat->energy_low);
    snprintf(high, sizeof high, isnan(flat->energy_high) ? "unknown" : "%.4g",
             flat->energy_high);
    snprintf(slices, sizeof slices, isnan(flat->learning_slices) ? "unknown" : "%.0f",
             flat->learning_slices);
    snprintf(note, sizeof note,
             "round trips %s .. %s J per site: %lld, %lld to %lld per chain; learned in %s "
             "slices%s",
             low, high, (long long)flat->n_trips, (long long)flat->least_trips,
             (long long)flat->most_trips, slices, flat->is_flat ? "" : ", not to the end");
    kr_sheet_note(t, note);
}
