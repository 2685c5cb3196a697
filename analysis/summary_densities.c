/* SPDX-License-Identifier: GPL-3.0-or-later
 * analysis/summary_densities.c - quality of densities.
 *
 * Z of a density from its own samples (q side) comes with the file; from the chain (p side) it
 * is log Z = -log <1/w>, and ESS_p = 1/(<w> <1/w>), both over chain states: a density that
 * misses a phase looks perfect on the q side only. */
#include "analysis/summary.h"

#include "base/memory.h"

#include <math.h>
#include <string.h>

#define BOUND_FROM 4.0   /* errors between both log Z, from which on <1/w> is not believed */
#define SKEW_FROM  0.3   /* skewness of <1/w> of the chain, the same */
#define EXACT      1e-10 /* variance of 1/w that is rounding */
#define MIN_BINS   20

static double minus_log_mean(const double *mean, const void *context)
{
    return -log(mean[0]) - *(const double *)context;
}

/* What is averaged of log w. */
static double keep(double log_w, double parameter)
{
    (void)parameter;
    return log_w;
}

static double weight(double log_w, double top)
{
    return exp(log_w - top);
}

static double inverse_weight(double log_w, double low)
{
    return exp(low - log_w);
}

static double bridge(double log_w, double log_z)
{
    return 1.0 / (1.0 + exp(log_w - log_z));
}

/* log w of a density at the states of the chains, which is read once for each mean. */
typedef struct kr_chain_weights {
    const char *density;
    double *low, *high, *log_z; /* (n_points) bounds of log w, log Z of the density */
} kr_chain_weights;

static int read_blocks(kr_reader *reader, const kr_summary *s, const kr_chain_weights *w,
                       double (*map)(double, double), const double *parameter, kr_blocks *b,
                       kr_error *err)
{
    kr_series series;
    kr_blocks_options options = { .map = map, .parameter = parameter };
    int status = kr_summary_open_counts(reader, "log_w", w->density, &series, err);
    *b = (kr_blocks){ 0 };
    if (status == KR_OK && series.n_points >= s->n_points && series.n_chains == s->n_chains &&
        series.n_draws == s->n_draws) {
        status = kr_blocks_read(&series, &options, b, err);
    }
    kr_series_clear(&series);
    return status;
}

/* Bounds of log w at all points, and <log w>, above log Z. */
static int weigh_logs(kr_reader *reader, const kr_summary *s, kr_chain_weights *w,
                      kr_density_row *row, kr_error *err)
{
    kr_blocks b;
    int status = read_blocks(reader, s, w, keep, w->log_z, &b, err);
    for (int64_t p = 0; status == KR_OK && b.value && p < s->n_points; p++) {
        kr_estimate e;
        kr_blocks_range(&b, p, &w->low[p], &w->high[p]);
        if (kr_blocks_estimate(&b, p, b.value + p * b.n_chains * b.n, b.n_chains, &e, NULL) ==
            KR_OK) {
            row[p].upper = e.mean;
            row[p].upper_error = e.error;
        }
    }
    kr_blocks_clear(&b);
    return status;
}

/* log <1/w> with its error, and ESS_p = 1/(<w> <1/w>). */
static int weigh_chains(kr_reader *reader, const kr_summary *s, const kr_chain_weights *w,
                        kr_density_row *row, kr_error *err)
{
    kr_blocks b;
    int status = read_blocks(reader, s, w, weight, w->high, &b, err);
    for (int64_t p = 0; status == KR_OK && b.value && p < s->n_points; p++) {
        row[p].ess_p = -(w->high[p] + log(kr_blocks_mean(&b, p)));
    }
    kr_blocks_clear(&b);
    status =
        status == KR_OK ? read_blocks(reader, s, w, inverse_weight, w->low, &b, err) : status;
    for (int64_t p = 0; status == KR_OK && b.value && p < s->n_points; p++) {
        const double *column[] = { b.value + p * b.n_chains * b.n };
        const double shift = -w->low[p], log_inverse = shift + log(kr_blocks_mean(&b, p));
        kr_estimate e;
        row[p].ess_p = exp(row[p].ess_p - log_inverse);
        row[p].log_z_p = isfinite(log_inverse) ? -log_inverse : NAN;
        if (kr_blocks_estimate(&b, p, column[0], b.n_chains, &e, NULL) == KR_OK) {
            const int64_t bin = kr_blocks_bin(&b, e.tau_int, b.n_chains, MIN_BINS);
            double value;
            kr_jackknife(column, 1, b.n_chains, b.n, bin, minus_log_mean, &shift, &value,
                         &row[p].log_z_p_error, NULL);
            row[p].log_z_p = isfinite(value) ? value : row[p].log_z_p;
        }
    }
    kr_blocks_clear(&b);
    return status;
}

/* Weights of several epochs have several means of Z/(w + Z): then they stay unknown. */
static bool has_one_epoch(kr_reader *reader, const kr_summary *s)
{
    kr_error none = { 0 };
    kr_pieces pieces;
    double first = NAN;
    bool is_one =
        kr_pieces_open(reader, "sample_stats", "epoch", -1, &pieces, &none) == KR_OK &&
        pieces.n_dims == 1 && pieces.shape[0] == s->n_draws;
    for (int64_t t = 0, n; is_one && t < s->n_draws; t += n) {
        double epoch[4096];
        n = s->n_draws - t < 4096 ? s->n_draws - t : 4096;
        is_one = kr_pieces_read(&pieces, t, n, epoch, &none) == KR_OK;
        first = t == 0 ? epoch[0] : first;
        for (int64_t k = 0; is_one && k < n; k++) {
            is_one = epoch[k] == first || (t == 0 && k == 0);
        }
    }
    kr_pieces_close(&pieces);
    return is_one;
}

/* Mean of Z/(w + Z) with the Z of the density. */
static int find_bridges(kr_reader *reader, const kr_summary *s, const kr_chain_weights *w,
                        kr_density_row *row, kr_error *err)
{
    kr_blocks b;
    int status = read_blocks(reader, s, w, bridge, w->log_z, &b, err);
    for (int64_t p = 0; status == KR_OK && b.value && p < s->n_points; p++) {
        kr_estimate e;
        if (kr_blocks_estimate(&b, p, b.value + p * b.n_chains * b.n, b.n_chains, &e, NULL) ==
            KR_OK) {
            row[p].bridge_p = e.mean;
            row[p].bridge_p_error = e.error;
            row[p].bridge_p_ess = e.ess;
        }
    }
    kr_blocks_clear(&b);
    return status;
}

double kr_summary_rounding(const kr_summary *s)
{
    return isfinite(s->n_sites) ? 0x1p-32 * s->n_sites : 0.0;
}

/* Skewness of the mean of 1/w over the chain, from moments by the density: a chain that has not
 * met the states with large 1/w cannot know. Without them -log <1/w> is too large and its error
 * too small; at skewness g a mean over its own error lies g/2 too low (Hall, The Bootstrap and
 * Edgeworth Expansion, 1992), and far more where it comes from a few rare states. */
static bool is_skew(const kr_density_row *d)
{
    const double variance = d->inverse - 1.0;
    const double third = d->inverse_square - 3.0 * d->inverse + 2.0;
    if (isnan(d->inverse) || variance < EXACT) { /* a file of an older build; equal weights */
        return false;
    }
    return !(third / (variance * sqrt(variance * d->bridge_p_ess)) < SKEW_FROM);
}

/* Distance of the log Z of density and chain in errors. <1/w> of the chain may have so heavy a
 * tail that its error says little; the bridges are means of bounded numbers (Bennett, J.
 * Comput. Phys. 22, 245 (1976)). Where they agree and the two log Z do not, or where the
 * skewness tells so, the chain met too few of the states with large 1/w. */
static void find_gap(const kr_summary *s, kr_density_row *d)
{
    const double apart = fabs(d->log_z_q - d->log_z_p);
    const double error =
        hypot(d->log_z_q_error, isnan(d->log_z_p_error) ? 0.0 : d->log_z_p_error);
    double sigma = hypot(hypot(d->bridge_error, d->bridge_p_error), kr_summary_rounding(s));
    d->gap = fabs(d->bridge - d->bridge_p) / sigma;
    if (isnan(d->gap)) {
        d->gap = apart / hypot(d->log_z_q_error, d->log_z_p_error);
        return;
    }
    d->is_bound = is_skew(d) || (d->gap < BOUND_FROM && d->log_z_p > d->log_z_q &&
                                 apart > BOUND_FROM * error + kr_summary_rounding(s));
}

static double density_constant(kr_reader *reader, const char *format, const char *density,
                               int64_t point)
{
    char name[KR_SERIES_NAME + 24];
    const char *hole = strchr(format, '*');
    snprintf(name, sizeof name, "%.*s%s%s", (int)(hole - format), format, density, hole + 1);
    return kr_series_constant(reader, "constant_data", name, point);
}

static void fill_density(kr_reader *reader, const kr_summary *s, const char *name,
                         int64_t point, kr_density_row *row)
{
    *row = (kr_density_row){ .ess_p = NAN,
                             .log_z_p = NAN,
                             .log_z_p_error = NAN,
                             .z = NAN,
                             .gap = NAN,
                             .upper = NAN,
                             .upper_error = NAN,
                             .bridge_p = NAN,
                             .bridge_p_error = NAN,
                             .bridge_p_ess = NAN };
    snprintf(row->name, sizeof row->name, "%s", name);
    row->ess_q = density_constant(reader, "ess_q_*", name, point);
    row->log_z_q = density_constant(reader, "log_z_q_*", name, point);
    row->log_z_q_error = density_constant(reader, "log_z_q_*_error", name, point);
    row->max_share = density_constant(reader, "max_share_*", name, point);
    row->n_q = density_constant(reader, "n_q_*", name, point);
    row->lower = density_constant(reader, "mean_log_w_q_*", name, point);
    row->lower_error = density_constant(reader, "mean_log_w_q_*_error", name, point);
    row->bridge = density_constant(reader, "bridge_q_*", name, point);
    row->bridge_error = density_constant(reader, "bridge_q_*_error", name, point);
    row->inverse = density_constant(reader, "inverse_q_*", name, point);
    row->inverse_square = density_constant(reader, "inverse_square_q_*", name, point);
    row->tail_index = density_constant(reader, "tail_index_q_*", name, point);
    row->acceptance_q = density_constant(reader, "acceptance_q_*", name, point);
    row->tau_int_q = density_constant(reader, "tau_int_q_*", name, point);
    row->holding_q = density_constant(reader, "holding_q_*", name, point);
    row->block_sites = density_constant(reader, "block_sites_q_*", name, point);
    row->divergence = density_constant(reader, "divergence_q_*", name, point);
    row->divergence_error = density_constant(reader, "divergence_q_*_error", name, point);
    row->steps = density_constant(reader, "steps_q_*", name, point);
    row->doubt_mean = density_constant(reader, "doubt_mean_q_*", name, point);
    row->doubt_sd = density_constant(reader, "doubt_sd_q_*", name, point);
    row->doubt_max = density_constant(reader, "doubt_max_q_*", name, point);
    row->doubt_log_z = density_constant(reader, "doubt_log_z_q_*", name, point);
    row->doubt_ess = density_constant(reader, "doubt_ess_q_*", name, point);
    row->exact_log_z = kr_series_constant(reader, "constant_data", "exact_log_z", point);
    if (row->log_z_q_error > 0.0) {
        /* probabilities are multiples of 2^-32: states that rounding takes away at each site
         * are too rare to show in the error of a density that is exact otherwise */
        row->z = (row->log_z_q - row->exact_log_z) /
                 hypot(row->log_z_q_error, kr_summary_rounding(s));
    }
    row->longest_rejection_run = NAN;
    for (int k = 0; k < s->n_updates; k++) {
        const kr_update_row *update = &s->update[k * s->n_points + point];
        if (strcmp(update->density, name) == 0) {
            row->longest_rejection_run =
                fmax(row->longest_rejection_run, update->longest_rejection_run);
            row->is_lower_bound = row->is_lower_bound || update->is_lower_bound;
            row->n_proposals += update->attempted;
            row->acceptance += update->accepted;
        }
    }
    row->acceptance /= row->n_proposals; /* NaN where there was none */
}

static int add_density(kr_reader *reader, kr_summary *s, int index, kr_error *err)
{
    char name[KR_SERIES_NAME];
    kr_series log_w;
    kr_density_row *row = &s->density[index * s->n_points];
    snprintf(name, sizeof name, "%s",
             kr_summary_name_behind(reader, "constant_data", "ess_q_", index));
    for (int64_t p = 0; p < s->n_points; p++) {
        fill_density(reader, s, name, p, &row[p]);
    }
    int status = kr_summary_open_counts(reader, "log_w", name, &log_w, err);
    const bool is_known = log_w.n_points >= s->n_points && log_w.n_chains == s->n_chains &&
                          log_w.n_draws == s->n_draws;
    kr_series_clear(&log_w);
    double *work = kr_alloc(3 * (size_t)s->n_points, sizeof *work, err);
    status = work ? status : KR_ENOMEM;
    if (status == KR_OK && is_known) {
        kr_chain_weights w = { name, work, work + s->n_points, work + 2 * s->n_points };
        for (int64_t p = 0; p < s->n_points; p++) {
            w.log_z[p] = row[p].log_z_q;
        }
        status = weigh_logs(reader, s, &w, row, err);
        status = status == KR_OK ? weigh_chains(reader, s, &w, row, err) : status;
        if (status == KR_OK && has_one_epoch(reader, s)) {
            status = find_bridges(reader, s, &w, row, err);
        }
        for (int64_t p = 0; p < s->n_points && status == KR_OK; p++) {
            find_gap(s, &row[p]);
        }
    }
    kr_free(work);
    return status;
}

int kr_summary_densities(kr_reader *reader, kr_summary *s, kr_error *err)
{
    int n = kr_summary_count_names(reader, "constant_data", "ess_q_");
    s->density = kr_alloc((size_t)(n * s->n_points), sizeof *s->density, err);
    int status = s->density ? KR_OK : KR_ENOMEM;
    for (int k = 0; k < n && status == KR_OK; k++) {
        status = add_density(reader, s, k, err);
        s->n_densities += status == KR_OK;
    }
    return status;
}

/* ---- tables ------------------------------------------------------------------------------ */

static void density_cells(const kr_density_row *d, const char *label, kr_sheet *t)
{
    char ess_q[24], ess_p[24], log_z[48], log_z_p[48] = "<", gap[24], exact[32], z[24],
                                          share[24], run[40] = ">=";
    const size_t bound = d->is_bound ? 1 : 0, least = d->is_lower_bound ? 2 : 0;
    kr_format_percent(d->ess_q, ess_q, sizeof ess_q);
    kr_format_percent(d->ess_p, ess_p, sizeof ess_p);
    kr_format_percent(d->max_share, share, sizeof share);
    kr_format_value(d->log_z_q, d->log_z_q_error, 2, log_z, sizeof log_z);
    kr_format_value(d->log_z_p, d->log_z_p_error, 2, log_z_p + bound, sizeof log_z_p - bound);
    kr_format_plain(d->gap, "%.1f", gap, sizeof gap);
    kr_format_plain(d->exact_log_z, "%.8g", exact, sizeof exact);
    kr_format_plain(d->z, "%+.2f", z, sizeof z);
    kr_format_count(d->longest_rejection_run, run + least, sizeof run - least);
    const char *const cell[] = {
        label, ess_q, ess_p, log_z, log_z_p, gap, exact, z, share, run
    };
    for (size_t k = 0; k < sizeof cell / sizeof *cell; k++) {
        kr_sheet_cell(t, cell[k]);
    }
    kr_sheet_row(t);
}

/* Of the first density that has a table. */
static double samples_of(const kr_summary *s)
{
    int k = 0;
    while (s->density[k * s->n_points].block_sites > 0.0) {
        k++;
    }
    return s->density[k * s->n_points].n_q;
}

/* Of densities that are exact for many steps only. */
static void print_steps(const kr_summary *s, kr_sheet *t)
{
    for (int64_t k = 0; k < s->n_densities * s->n_points; k++) {
        const kr_density_row *d = &s->density[k];
        if (d->steps > 0.0) {
            char label[128] = "", note[640];
            if (s->n_points > 1) {
                kr_points_label(&s->points, k % s->n_points, label, sizeof label);
            }
            snprintf(
                note, sizeof note,
                "%s%s%s, %.0f steps; with twice as many ln w moves by %.2g, sd %.2g, at most "
                "%.2g, log Z by %.2g,\nESS_q by %.2g: chains that propose from it are "
                "biased by as much",
                d->name, label[0] ? " at " : "", label, d->steps, d->doubt_mean, d->doubt_sd,
                d->doubt_max, d->doubt_log_z, d->doubt_ess);
            kr_sheet_note(t, note);
        }
    }
}

void kr_summary_print_densities(const kr_summary *s, kr_sheet *t)
{
    int n = 0;
    for (int k = 0; k < s->n_densities; k++) {
        const kr_density_row *d = &s->density[k * s->n_points];
        if (d->block_sites > 0.0) {
            continue; /* kr_summary_print_blocks */
        }
        const kr_heading column[] = { { s->n_points > 1 ? d->name : "density", -13,
                                        KR_HEADING_CUT },
                                      { "ESS_q", 7, 0 },
                                      { "ESS_p", 7, 0 },
                                      { "log Z (q)", 14, 0 },
                                      { "log Z (p)", 14, 0 },
                                      { "apart", 5, 0 },
                                      { "exact", 11, 0 },
                                      { "z", 5, 0 },
                                      { "max w", 7, 0 },
                                      { "rejected", 8, 0 } };
        if (n++ == 0 || s->n_points > 1) {
            if (n > 1) {
                kr_sheet_end(t);
            }
            kr_sheet_table(t, NULL, column, 10);
        }
        for (int64_t p = 0; p < s->n_points; p++) {
            char label[128];
            snprintf(label, sizeof label, "%s", d->name);
            if (s->n_points > 1) {
                kr_points_row(&s->points, p, label, sizeof label);
            }
            density_cells(&d[p], label, t);
        }
    }
    if (n > 0) {
        char samples[24], note[512];
        kr_sheet_end(t);
        snprintf(
            note, sizeof note,
            "q: from %s samples of the density, p: from the chain (<: a bound, the chain meets "
            "too few states\nwith small w); apart: errors between both sides by bounded "
            "means; max w: largest share of one\nsample; rejected: longest run of rejected "
            "proposals",
            kr_format_count(samples_of(s), samples, sizeof samples));
        kr_sheet_note(t, note);
        print_steps(s, t);
    }
}
