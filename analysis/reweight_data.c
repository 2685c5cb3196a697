/* SPDX-License-Identifier: GPL-3.0-or-later
 * analysis/reweight_data.c - the draws that reweighting takes from a file, read in pieces. */
#include "analysis/reweight_data.h"

#include "base/memory.h"
#include "stats/stats.h"

#include <math.h>
#include <string.h>

#define BINS         8192
#define BLOCKS       32
#define BLOCKS_LEAST 8
#define PART_TAU     20.0 /* least length of a part of a chain, in tau_int */

void kr_reweight_data_clear(kr_reweight_data *d)
{
    kr_blocks_clear(&d->energy);
    kr_free(d->scale);
}

static int check_kind(kr_reader *reader, kr_error *err)
{
    static const struct {
        const char *group, *name, *what;
    } others[] = {
        { "sample_stats", "log_weight", "a multicanonical run, which summary reweights" },
        { "sample_stats", "log_z_ratio", "population annealing, which gives log Z itself" },
        { "sample_stats", "path_slope", "a path of actions, whose log Z summary gives" },
    };
    for (size_t k = 0; k < sizeof others / sizeof *others; k++) {
        if (kr_series_exists(reader, others[k].group, others[k].name)) {
            return kr_fail(err, KR_EUNSUP,
                           "reweight: the file is of %s, want independent or exchanging chains",
                           others[k].what);
        }
    }
    return KR_OK;
}

/* The scanned parameter that takes more than one value: one alone, or beta. */
static int find_parameter(const kr_points *points, kr_reweighting *r, kr_error *err)
{
    const char *found = NULL;
    for (int k = 0; k < points->n_params; k++) {
        const double *value = points->value + k * points->n;
        bool varies = false;
        for (int64_t p = 1; p < points->n; p++) {
            varies = varies || value[p] != value[0];
        }
        if (varies && found) {
            return kr_fail(err, KR_EUNSUP, "reweight: the file scans %s and %s, want one alone",
                           found, points->name[k]);
        }
        found = varies ? points->name[k] : found;
    }
    r->is_beta = !found || strcmp(found, "beta") == 0;
    const bool is_model = found && strncmp(found, "model.", 6) == 0;
    snprintf(r->parameter, sizeof r->parameter, "%s",
             r->is_beta ? "beta"
             : is_model ? found + 6
                        : found);
    return KR_OK;
}

/* Columns that change with a number of the model beside beta, at one configuration. */
static bool depends(const char *name)
{
    static const char *const some[] = { "energy_per_site", "schwinger_dyson", "bond_" };
    for (size_t k = 0; k < sizeof some / sizeof *some; k++) {
        if (strncmp(name, some[k], strlen(some[k])) == 0) {
            return true;
        }
    }
    return false;
}

static double times(double x, double factor)
{
    return x * factor;
}

/* X of the draws, with p(s) = m(s) exp(-parameter X): for beta the energy, N times that per
 * site or -lp/beta; else the observable conjugate. */
static int name_energy(kr_reader *reader, kr_reweight_data *d, const kr_reweighting *r,
                       kr_error *err)
{
    const bool has_column = kr_series_exists(reader, "posterior", "energy_per_site");
    d->energy_group = "posterior";
    if (!r->is_beta) {
        snprintf(d->conjugate, sizeof d->conjugate, "conjugate_%.80s", r->parameter);
        for (char *dot = strchr(d->conjugate, '.'); dot; dot = strchr(dot, '.')) {
            *dot = '_';
        }
        d->energy_name = d->conjugate;
        return kr_series_exists(reader, "posterior", d->conjugate)
                   ? KR_OK
                   : kr_fail(err, KR_EUNSUP,
                             "reweight: the file scans %s, for that want the observable {name: "
                             "conjugate, parameter: %s}",
                             r->parameter, r->parameter);
    }
    if (!has_column && !kr_series_exists(reader, "sample_stats", "lp")) {
        return kr_fail(err, KR_EUNSUP,
                       "reweight: the file holds no energy, want the observable energy");
    }
    d->energy_group = has_column ? "posterior" : "sample_stats";
    d->energy_name = has_column ? "energy_per_site" : "lp";
    return KR_OK;
}

static int load_energy(kr_reader *reader, kr_reweight_data *d, const kr_reweighting *r,
                       kr_error *err)
{
    for (int64_t p = 0; p < d->n_points; p++) {
        d->scale[p] = *d->energy_group == 'p' ? r->n_sites : -1.0 / r->point[p];
    }
    kr_series series;
    const kr_blocks_options options = { .map = times, .parameter = d->scale };
    int status = kr_series_open(reader, d->energy_group, d->energy_name, &series, err);
    status = status == KR_OK ? kr_blocks_read(&series, &options, &d->energy, err) : status;
    kr_series_clear(&series);
    for (int64_t p = 0; p < d->n_points && status == KR_OK; p++) {
        double low, high;
        kr_blocks_range(&d->energy, p, &low, &high);
        if (!isfinite(low) || !isfinite(high)) {
            status =
                kr_fail(err, KR_EUNSUP, "reweight: %s %g at %s = %g, want numbers",
                        d->energy_name, isfinite(low) ? high : low, r->parameter, r->point[p]);
        }
    }
    return status;
}

/* Columns of the shape of the run; those that hold other than numbers go when they are read. */
static int find_columns(kr_reader *reader, kr_reweight_data *d, const kr_reweighting *r,
                        kr_error *err)
{
    const char *const *names = kr_reader_variables(reader, "posterior");
    for (; names && *names && d->n_columns < KR_REWEIGHT_COLUMNS; names++) {
        kr_series series;
        kr_error skipped = { 0 };
        if (strcmp(*names, "phase_switches") == 0 || (!r->is_beta && depends(*names))) {
            continue;
        }
        int status = kr_series_open(reader, "posterior", *names, &series, &skipped);
        const bool is_good = series.n_chains == d->n_chains && series.n_draws == d->n_draws &&
                             series.n_points == d->n_points;
        kr_series_clear(&series);
        if (status != KR_OK && status != KR_EUNSUP) {
            return kr_fail(err, status, "%s", skipped.text);
        }
        if (status == KR_OK && is_good) { /* else summary tells what is wrong with it */
            kr_series_text(reader, "posterior", *names, "units", d->unit[d->n_columns],
                           sizeof d->unit[0]);
            snprintf(d->name[d->n_columns++], KR_SERIES_NAME, "%s", *names);
        }
    }
    return KR_OK;
}

/* Of the parameter with or without `model.`. */
static double value_of(const kr_points *points, const char *name, int64_t p)
{
    for (int k = 0; k < points->n_params; k++) {
        const char *full = points->name[k];
        if (strcmp(full, name) == 0 ||
            (strncmp(full, "model.", 6) == 0 && strcmp(full + 6, name) == 0)) {
            return points->value[k * points->n + p];
        }
    }
    return NAN;
}

int kr_reweight_data_load(kr_reader *reader, kr_reweight_data *d, kr_reweighting *r,
                          kr_error *err)
{
    kr_points points = { 0 };
    kr_series shape;
    KR_TRY(check_kind(reader, err));
    /* any series of all draws says how many points there are */
    const bool has_column = kr_series_exists(reader, "posterior", "energy_per_site");
    if (kr_series_open(reader, has_column ? "posterior" : "sample_stats",
                       has_column ? "energy_per_site" : "lp", &shape, err) != KR_OK) {
        kr_series_clear(&shape);
        return kr_fail(err, KR_EUNSUP,
                       "reweight: no energy in the file, want the observable energy");
    }
    d->n_chains = shape.n_chains;
    d->n_draws = shape.n_draws;
    d->n_points = r->n_points = shape.n_points;
    d->n = d->n_chains * d->n_draws;
    r->n_chains = d->n_chains;
    r->n_draws = d->n_draws;
    kr_series_clear(&shape);
    r->point = kr_alloc((size_t)r->n_points, sizeof(double), err);
    r->n_eff = kr_alloc((size_t)r->n_points, sizeof(double), err);
    d->scale = kr_alloc(2 * (size_t)r->n_points, sizeof(double), err);
    if (!r->point || !r->n_eff || !d->scale) {
        return KR_ENOMEM;
    }
    d->weight = d->scale + r->n_points;
    int status = kr_points_load(reader, r->n_points, &points, err);
    status = status == KR_OK ? find_parameter(&points, r, err) : status;
    r->fixed_beta = kr_series_constant(reader, "constant_data", "beta", 0);
    for (int64_t p = 0; p < r->n_points && status == KR_OK; p++) {
        r->point[p] = r->is_beta ? kr_series_constant(reader, "constant_data", "beta", p)
                                 : value_of(&points, r->parameter, p);
    }
    kr_points_clear(&points);
    status = status == KR_OK ? name_energy(reader, d, r, err) : status;
    status = status == KR_OK ? load_energy(reader, d, r, err) : status;
    return status == KR_OK ? find_columns(reader, d, r, err) : status;
}

int kr_reweight_data_weigh(kr_reweight_data *d, kr_reweighting *r, kr_error *err)
{
    const kr_blocks *b = &d->energy;
    double longest = 0.5;
    int status = KR_OK;
    for (int64_t p = 0; p < d->n_points && status == KR_OK; p++) {
        kr_estimate e;
        kr_error why = { 0 };
        if (kr_blocks_estimate(b, p, b->value + p * b->n_chains * b->n, b->n_chains, &e,
                               &why) != KR_OK) {
            status = kr_fail(err, KR_EUNSUP, "reweight: %s at %s = %.6g: %s", d->energy_name,
                             r->parameter, r->point[p], why.text);
        }
        if (status == KR_OK) {
            d->weight[p] = fmin(1.0, 0.5 / e.tau_int);
            r->n_eff[p] = d->weight[p] * (double)d->n;
            longest = fmax(longest, e.tau_int);
        }
    }
    d->parts = 1;
    while (d->n_chains * d->parts < BLOCKS / 2 &&
           (double)d->n_draws / (double)(d->parts + 1) >= PART_TAU * longest) {
        d->parts++;
    }
    r->n_blocks = d->n_chains * d->parts;
    r->n_blocks = r->n_blocks > BLOCKS ? BLOCKS : r->n_blocks;
    if (status == KR_OK && r->n_blocks < BLOCKS_LEAST) {
        return kr_fail(err, KR_EUNSUP,
                       "reweight: %lld chains of %lld draws with tau_int %.3g are %lld "
                       "independent parts, want %d or more: more chains or longer runs",
                       (long long)d->n_chains, (long long)d->n_draws, longest,
                       (long long)r->n_blocks, BLOCKS_LEAST);
    }
    return status;
}

/* One piece of all columns. */
static void add_piece(const kr_reweight_data *d, const kr_series *series,
                      const kr_series *energy, int64_t n_blocks, kr_multihist *m, bool *is_bad)
{
    const int64_t n_parts = d->n_chains * d->parts;
    for (int64_t k = 0; k < d->n_chains * energy->n; k++) {
        const int64_t t = energy->begin + k % energy->n;
        const int64_t part = k / energy->n * d->parts + t * d->parts / d->n_draws;
        for (int64_t p = 0; p < d->n_points; p++) {
            double row[KR_REWEIGHT_COLUMNS];
            for (int c = 0; c < d->n_columns; c++) {
                row[c] = series[c].value[k * d->n_points + p];
                is_bad[c] = is_bad[c] || !isfinite(row[c]);
            }
            kr_multihist_add(m, p, part * n_blocks / n_parts, d->weight[p],
                             energy->value[k * d->n_points + p] * d->scale[p], row);
        }
    }
}

/* The columns, and the energy behind them where it is none. *energy: its index; returns how
 * many. Pieces are of whole chunks of all, and together as long as one else. */
static int open_all(kr_reader *reader, const kr_reweight_data *d, kr_series *series,
                    int *energy, kr_error *err)
{
    int n = d->n_columns;
    int64_t chunk = 1;
    *energy = n;
    for (int c = 0; c < d->n_columns; c++) {
        const bool is_energy =
            strcmp(d->energy_name, d->name[c]) == 0 && *d->energy_group == 'p';
        KR_TRY(kr_series_open(reader, "posterior", d->name[c], &series[c], err));
        *energy = is_energy ? c : *energy;
    }
    if (*energy == n) {
        KR_TRY(kr_series_open(reader, d->energy_group, d->energy_name, &series[n++], err));
    }
    for (int c = 0; c < n; c++) {
        const int64_t own = series[c].pieces.chunk;
        chunk = own > chunk ? own : chunk; /* powers of two apart, as their types are */
    }
    const int64_t share = series[*energy].length / n;
    for (int c = 0; c < n; c++) {
        series[c].length = share > chunk ? share / chunk * chunk : chunk;
    }
    return KR_OK;
}

/* Reads all columns side by side. */
static int add_all(kr_reader *reader, const kr_reweight_data *d, int64_t n_blocks,
                   kr_multihist *m, bool *is_bad, kr_error *err)
{
    const int most = d->n_columns + 1;
    int energy = 0;
    kr_series *series = kr_alloc((size_t)most, sizeof *series, err);
    int status = series ? open_all(reader, d, series, &energy, err) : KR_ENOMEM;
    while (status == KR_OK) {
        for (int c = 0; c < most && status == KR_OK; c++) {
            status = series[c].n_chains ? kr_series_next(&series[c], err) : KR_OK;
        }
        if (status != KR_OK || series[energy].n == 0) {
            break;
        }
        add_piece(d, series, &series[energy], n_blocks, m, is_bad);
    }
    for (int c = 0; series && c < most; c++) {
        kr_series_clear(&series[c]);
    }
    kr_free(series);
    return status;
}

/* Takes columns away; returns how many were. */
static int drop_columns(kr_reweight_data *d, const bool *is_bad)
{
    int n = 0;
    for (int c = 0; c < d->n_columns; c++) {
        if (!is_bad[c]) {
            memmove(d->name[n], d->name[c], sizeof d->name[c]);
            memmove(d->unit[n++], d->unit[c], sizeof d->unit[c]);
        }
    }
    const int dropped = d->n_columns - n;
    d->n_columns = n;
    return dropped;
}

kr_multihist *kr_reweight_data_fill(kr_reader *reader, kr_reweight_data *d,
                                    const kr_reweighting *r, kr_error *err)
{
    kr_multihist_shape shape = { .n_points = d->n_points,
                                 .n_bins = BINS,
                                 .n_blocks = r->n_blocks,
                                 .a = r->point,
                                 .x_low = INFINITY,
                                 .x_high = -INFINITY };
    for (int64_t p = 0; p < d->n_points; p++) {
        double low, high;
        kr_blocks_range(&d->energy, p, &low, &high);
        shape.x_low = fmin(shape.x_low, low);
        shape.x_high = fmax(shape.x_high, high);
    }
    kr_multihist *m;
    bool is_again = true;
    do { /* once more without what turned out to hold other than numbers */
        bool is_bad[KR_REWEIGHT_COLUMNS] = { false };
        shape.n_columns = d->n_columns;
        m = kr_multihist_alloc(&shape, err);
        const int status = m ? add_all(reader, d, r->n_blocks, m, is_bad, err) : KR_ENOMEM;
        is_again = status == KR_OK && drop_columns(d, is_bad) > 0;
        if (status != KR_OK || is_again) {
            kr_multihist_free(m);
            m = NULL;
        }
    } while (is_again);
    return m;
}
