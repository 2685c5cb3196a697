/* SPDX-License-Identifier: GPL-3.0-or-later
 * analysis/summary_updates.c - acceptance and cost of updates, quality of densities.
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

/* Names behind a prefix in a group, in order: calls visit(rest) for each. */
static int count_names(kr_reader *reader, const char *group, const char *prefix)
{
    int n = 0;
    const char *const *names = kr_reader_variables(reader, group);
    for (; names && *names; names++) {
        n += strncmp(*names, prefix, strlen(prefix)) == 0;
    }
    return n;
}

static const char *name_behind(kr_reader *reader, const char *group, const char *prefix,
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

/* Opens attempted_E, accepted_E, ...; n_points = 0 when it is missing. */
static int open_counts(kr_reader *reader, const char *what, const char *entry,
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
    int status = open_counts(reader, "attempted", entry, &attempted, err);
    status = status == KR_OK ? open_counts(reader, "accepted", entry, &accepted, err) : status;
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
    int status = open_counts(reader, "rejection_run", entry, &run, err);
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
        count_names(reader, "constant_data", "ess_q_") == 1) {
        snprintf(out, size, "%s", name_behind(reader, "constant_data", "ess_q_", 0));
    }
}

static int add_changes(kr_reader *reader, const char *entry, kr_sums *sums, kr_error *err)
{
    kr_series changed;
    int status = open_counts(reader, "changed", entry, &changed, err);
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
             name_behind(reader, "sample_stats", "attempted_", index));
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
    int n = count_names(reader, "sample_stats", "attempted_");
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
    int status = open_counts(reader, "log_w", w->density, &series, err);
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
    snprintf(name, sizeof name, "%s", name_behind(reader, "constant_data", "ess_q_", index));
    for (int64_t p = 0; p < s->n_points; p++) {
        fill_density(reader, s, name, p, &row[p]);
    }
    int status = open_counts(reader, "log_w", name, &log_w, err);
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
    int n = count_names(reader, "constant_data", "ess_q_");
    s->density = kr_alloc((size_t)(n * s->n_points), sizeof *s->density, err);
    int status = s->density ? KR_OK : KR_ENOMEM;
    for (int k = 0; k < n && status == KR_OK; k++) {
        status = add_density(reader, s, k, err);
        s->n_densities += status == KR_OK;
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
