/* SPDX-License-Identifier: GPL-3.0-or-later
 * analysis/reweight.c - means of a scan of temperatures as functions of beta.
 *
 * Source: Ferrenberg, Swendsen, Phys. Rev. Lett. 61, 2635 (1988); 63, 1195 (1989). Errors come
 * from leaving out groups of chains, or parts of chains where these are few, at all points
 * together: so the correlation of temperatures that exchange states is in them. */
#include "analysis/reweight.h"

#include "analysis/recipe.h"
#include "base/memory.h"
#include "stats/multihist.h"
#include "stats/stats.h"

#include <math.h>
#include <string.h>

#define BINS         8192
#define BLOCKS       32
#define BLOCKS_LEAST 8
#define PART_TAU     20.0 /* least length of a part of a chain, in tau_int */
#define TARGETS      41
#define TARGETS_MOST 100000
#define COLUMNS_MOST 64
#define GOLDEN       0.3819660112501051
#define SEARCH_STEPS 40

typedef struct data {
    int64_t n_chains, n_draws, n_points, n; /* n = n_chains n_draws */
    int64_t parts;                          /* of a chain, 1 unless chains are few */
    int n_columns;
    char name[COLUMNS_MOST][KR_SERIES_NAME], unit[COLUMNS_MOST][32];
    kr_series column[COLUMNS_MOST]; /* own */
    kr_series energy;               /* X: H of the draws; owns */
    double *weight;                 /* (n_points); owns */
} data;

static void clear_data(data *d)
{
    for (int k = 0; k < d->n_columns; k++) {
        kr_series_clear(&d->column[k]);
    }
    kr_series_clear(&d->energy);
    kr_free(d->weight);
}

bool kr_reweighting_holds(const kr_reweighting *r, int64_t target)
{
    return r->ess[target] >= KR_REWEIGHT_ESS && r->edge[target] <= KR_REWEIGHT_EDGE;
}

void kr_reweighting_clear(kr_reweighting *r)
{
    for (int k = 0; k < r->n_curves; k++) {
        kr_free(r->curve[k].value);
        kr_free(r->curve[k].error);
    }
    kr_free(r->curve);
    kr_free(r->point);
    kr_free(r->n_eff);
    kr_free(r->beta);
    kr_free(r->log_z);
    kr_free(r->log_z_error);
    kr_free(r->ess);
    kr_free(r->edge);
    *r = (kr_reweighting){ 0 };
}

/* ---- what the file holds ------------------------------------------------------------------
 */

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

/* The scanned parameters that take more than one value: beta alone, or none. */
static int check_points(const kr_points *points, kr_error *err)
{
    for (int k = 0; k < points->n_params; k++) {
        const double *value = points->value + k * points->n;
        bool varies = false;
        for (int64_t p = 1; p < points->n; p++) {
            varies = varies || value[p] != value[0];
        }
        if (varies && strcmp(points->name[k], "beta") != 0) {
            return kr_fail(err, KR_EUNSUP, "reweight: the file scans %s, want beta alone",
                           points->name[k]);
        }
    }
    return KR_OK;
}

/* H of the draws: N times the energy per site, or -lp/beta. */
static int load_energy(kr_reader *reader, data *d, const kr_reweighting *r, kr_error *err)
{
    const bool has_column = kr_series_exists(reader, "posterior", "energy_per_site");
    if (!has_column && !kr_series_exists(reader, "sample_stats", "lp")) {
        return kr_fail(err, KR_EUNSUP,
                       "reweight: the file holds no energy, want the observable energy");
    }
    KR_TRY(kr_series_load(reader, has_column ? "posterior" : "sample_stats",
                          has_column ? "energy_per_site" : "lp", &d->energy, err));
    for (int64_t k = 0; k < d->energy.n_chains * d->energy.n_draws; k++) {
        for (int64_t p = 0; p < d->energy.n_points; p++) {
            double *x = &d->energy.value[k * d->energy.n_points + p];
            *x *= has_column ? r->n_sites : -1.0 / r->point[p];
            if (!isfinite(*x)) {
                return kr_fail(err, KR_EUNSUP, "reweight: energy %g at beta = %g, want numbers",
                               *x, r->point[p]);
            }
        }
    }
    return KR_OK;
}

static int load_columns(kr_reader *reader, data *d, kr_error *err)
{
    const char *const *names = kr_reader_variables(reader, "posterior");
    for (; names && *names && d->n_columns < COLUMNS_MOST; names++) {
        kr_series series;
        kr_error skipped = { 0 };
        if (strcmp(*names, "phase_switches") == 0) {
            continue;
        }
        int status = kr_series_load(reader, "posterior", *names, &series, &skipped);
        if (status == KR_EUNSUP) {
            continue;
        }
        if (status != KR_OK) {
            return kr_fail(err, status, "%s", skipped.text);
        }
        bool is_good = series.n_chains == d->n_chains && series.n_draws == d->n_draws &&
                       series.n_points == d->n_points;
        for (int64_t k = 0; is_good && k < d->n * d->n_points; k++) {
            is_good = isfinite(series.value[k]);
        }
        if (!is_good) { /* summary tells what is wrong with it */
            kr_series_clear(&series);
            continue;
        }
        kr_series_text(reader, "posterior", *names, "units", d->unit[d->n_columns],
                       sizeof d->unit[0]);
        snprintf(d->name[d->n_columns], KR_SERIES_NAME, "%s", *names);
        d->column[d->n_columns++] = series;
    }
    return KR_OK;
}

static int load(kr_reader *reader, data *d, kr_reweighting *r, kr_error *err)
{
    const char *first =
        kr_series_exists(reader, "posterior", "energy_per_site") ? "posterior" : "sample_stats";
    kr_points points = { 0 };
    kr_series shape;
    KR_TRY(check_kind(reader, err));
    if (kr_series_load(reader, first, *first == 'p' ? "energy_per_site" : "lp", &shape, err) !=
        KR_OK) {
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
    d->weight = kr_alloc((size_t)r->n_points, sizeof(double), err);
    if (!r->point || !r->n_eff || !d->weight) {
        return KR_ENOMEM;
    }
    int status = kr_points_load(reader, r->n_points, &points, err);
    status = status == KR_OK ? check_points(&points, err) : status;
    kr_points_clear(&points);
    for (int64_t p = 0; p < r->n_points; p++) {
        r->point[p] = kr_series_constant(reader, "constant_data", "beta", p);
    }
    status = status == KR_OK ? load_energy(reader, d, r, err) : status;
    return status == KR_OK ? load_columns(reader, d, err) : status;
}

/* Weights 1/(2 tau_int), and into how many parts chains are cut. */
static int weigh(data *d, kr_reweighting *r, kr_error *err)
{
    double *x = kr_alloc((size_t)d->n, sizeof *x, err), longest = 0.5;
    int status = x ? KR_OK : KR_ENOMEM;
    for (int64_t p = 0; p < d->n_points && status == KR_OK; p++) {
        kr_estimate e;
        kr_error why = { 0 };
        kr_series_point(&d->energy, p, x);
        if (kr_gamma_estimate(x, d->n_chains, d->n_draws, &e, &why) != KR_OK) {
            status = kr_fail(err, KR_EUNSUP, "reweight: energy at beta = %.6g: %s", r->point[p],
                             why.text);
        }
        if (status == KR_OK) {
            d->weight[p] = fmin(1.0, 0.5 / e.tau_int);
            r->n_eff[p] = d->weight[p] * (double)d->n;
            longest = fmax(longest, e.tau_int);
        }
    }
    kr_free(x);
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

static kr_multihist *fill(const data *d, const kr_reweighting *r, kr_error *err)
{
    kr_multihist_shape shape = { .n_points = d->n_points,
                                 .n_bins = BINS,
                                 .n_blocks = r->n_blocks,
                                 .n_columns = d->n_columns,
                                 .a = r->point,
                                 .x_low = INFINITY,
                                 .x_high = -INFINITY };
    for (int64_t k = 0; k < d->n * d->n_points; k++) {
        shape.x_low = fmin(shape.x_low, d->energy.value[k]);
        shape.x_high = fmax(shape.x_high, d->energy.value[k]);
    }
    kr_multihist *m = kr_multihist_alloc(&shape, err);
    const int64_t n_parts = d->n_chains * d->parts;
    for (int64_t k = 0; m && k < d->n; k++) {
        const int64_t part = k / d->n_draws * d->parts + k % d->n_draws * d->parts / d->n_draws;
        for (int64_t p = 0; p < d->n_points; p++) {
            double row[COLUMNS_MOST];
            for (int c = 0; c < d->n_columns; c++) {
                row[c] = d->column[c].value[k * d->n_points + p];
            }
            kr_multihist_add(m, p, part * r->n_blocks / n_parts, d->weight[p],
                             d->energy.value[k * d->n_points + p], row);
        }
    }
    return m;
}

/* ---- curves -------------------------------------------------------------------------------
 */

/* What a curve is: a column, or a recipe of one. */
typedef struct kr_line {
    int column, other; /* other: -1 unless the recipe has one */
    bool is_derived;
    kr_recipe recipe;
} kr_line;

typedef struct kr_lines {
    int n;
    kr_line line[3 * COLUMNS_MOST];
} kr_lines;

static int index_of(const data *d, const char *name)
{
    for (int k = 0; k < d->n_columns; k++) {
        if (strcmp(d->name[k], name) == 0) {
            return k;
        }
    }
    return -1;
}

/* Recipes of one column or two; those of several slices are summary's. */
static void find_lines(kr_reader *reader, const data *d, kr_lines *lines)
{
    lines->n = 0;
    for (int pass = 0; pass < 2; pass++) {
        for (int k = 0; k < d->n_columns && lines->n < 3 * COLUMNS_MOST; k++) {
            kr_line *line = &lines->line[lines->n];
            int position = 0;
            if (pass == 0) {
                *line = (kr_line){ .column = k, .other = -1 };
                lines->n++;
                continue;
            }
            while (lines->n < 3 * COLUMNS_MOST &&
                   kr_recipe_next(reader, "posterior", d->name[k], &position, &line->recipe)) {
                const int n_others = line->recipe.n_others;
                line->column = k;
                line->is_derived = true;
                line->other = n_others == 1 ? index_of(d, line->recipe.other[0]) : -1;
                if (n_others == 0 || (n_others == 1 && line->other >= 0)) {
                    line = &lines->line[++lines->n];
                }
            }
        }
    }
}

static double value_of(const kr_line *line, const double *moments, double beta, double n_sites)
{
    const double *m = moments + 2 * line->column;
    if (!line->is_derived) {
        return m[0];
    }
    const kr_scale scale = kr_recipe_scale(&line->recipe, beta, n_sites);
    const double mean[3] = { m[0], m[1], line->other >= 0 ? moments[2 * line->other] : 0.0 };
    return kr_recipe_value(mean, &scale);
}

static int alloc_curves(const data *d, const kr_lines *lines, kr_reweighting *r, kr_error *err)
{
    const size_t n = (size_t)r->n_targets;
    r->curve = kr_alloc((size_t)lines->n, sizeof *r->curve, err);
    r->log_z = kr_alloc(n, sizeof(double), err);
    r->log_z_error = kr_alloc(n, sizeof(double), err);
    r->ess = kr_alloc(n, sizeof(double), err);
    r->edge = kr_alloc(n, sizeof(double), err);
    if (!r->curve || !r->log_z || !r->log_z_error || !r->ess || !r->edge) {
        return KR_ENOMEM;
    }
    for (int k = 0; k < lines->n; k++) {
        const kr_line *line = &lines->line[k];
        kr_curve *c = &r->curve[r->n_curves++];
        snprintf(c->name, sizeof c->name, "%s",
                 line->is_derived ? line->recipe.name : d->name[line->column]);
        snprintf(c->unit, sizeof c->unit, "%s",
                 line->is_derived ? line->recipe.unit : d->unit[line->column]);
        c->is_derived = line->is_derived;
        c->value = kr_alloc(n, sizeof(double), err);
        c->error = kr_alloc(n, sizeof(double), err);
        if (!c->value || !c->error) {
            return KR_ENOMEM;
        }
    }
    return KR_OK;
}

/* all: (lines + 1, n_blocks + 1) values. */
static void fill_target(const kr_multihist *m, const kr_lines *lines, kr_reweighting *r,
                        int64_t t, double *all)
{
    const int64_t n = r->n_blocks + 1;
    double moments[2 * COLUMNS_MOST], *log_z = all + lines->n * n;
    for (int64_t s = 0; s < n; s++) {
        kr_multihist_mean mean;
        kr_multihist_at(m, r->beta[t], s, &mean, moments);
        log_z[s] = mean.log_z;
        if (s == 0) {
            r->ess[t] = mean.ess;
            r->edge[t] = mean.edge;
        }
        for (int k = 0; k < lines->n; k++) {
            all[k * n + s] = value_of(&lines->line[k], moments, r->beta[t], r->n_sites);
        }
    }
    const bool is_first = fabs(r->beta[t] - r->point[0]) <= 1e-12 * fabs(r->point[0]);
    r->log_z[t] = is_first ? 0.0 : log_z[0]; /* not the rounding of beta */
    r->log_z_error[t] = is_first ? 0.0 : kr_multihist_error(log_z, r->n_blocks, NULL);
    for (int k = 0; k < lines->n; k++) {
        r->curve[k].error[t] =
            kr_multihist_error(all + k * n, r->n_blocks, &r->curve[k].value[t]);
        if (!lines->line[k].is_derived) { /* means of columns have no bias worth a correction */
            r->curve[k].value[t] = all[k * n];
        }
    }
}

/* ---- extrema ------------------------------------------------------------------------------
 */

typedef struct kr_search {
    const kr_multihist *m;
    const kr_line *line;
    double n_sites;
} kr_search;

static double height(const kr_search *search, double beta, int64_t sample)
{
    kr_multihist_mean mean;
    double moments[2 * COLUMNS_MOST];
    kr_multihist_at(search->m, beta, sample, &mean, moments);
    return value_of(search->line, moments, beta, search->n_sites);
}

/* Golden section for a maximum between low and high. */
static double find_top(const kr_search *search, int64_t sample, double low, double high,
                       double *value)
{
    double a = low + GOLDEN * (high - low), b = high - GOLDEN * (high - low);
    double at_a = height(search, a, sample), at_b = height(search, b, sample);
    for (int k = 0; k < SEARCH_STEPS; k++) {
        if (at_a > at_b) {
            high = b;
            b = a;
            at_b = at_a;
            a = low + GOLDEN * (high - low);
            at_a = height(search, a, sample);
        } else {
            low = a;
            a = b;
            at_a = at_b;
            b = high - GOLDEN * (high - low);
            at_b = height(search, b, sample);
        }
    }
    *value = fmax(at_a, at_b);
    return 0.5 * (low + high);
}

/* The largest value of a derived variance, when it lies between the targets that hold. */
static void find_extremum(const kr_multihist *m, const kr_line *line, int curve,
                          kr_reweighting *r, double *work)
{
    const double *value = r->curve[curve].value;
    const kr_search search = { m, line, r->n_sites };
    int64_t top = -1;
    for (int64_t t = 0; t < r->n_targets; t++) {
        if (kr_reweighting_holds(r, t) && (top < 0 || value[t] > value[top])) {
            top = t;
        }
    }
    if (top < 1 || top + 1 >= r->n_targets || !kr_reweighting_holds(r, top - 1) ||
        !kr_reweighting_holds(r, top + 1) || r->n_extrema == KR_EXTREMA_MAX) {
        return;
    }
    double *beta = work, *most = work + r->n_blocks + 1;
    const int64_t wide = top >= 3 && top + 3 < r->n_targets ? 3 : 1;
    for (int64_t s = 0; s <= r->n_blocks; s++) {
        beta[s] = find_top(&search, s, r->beta[top - wide], r->beta[top + wide], &most[s]);
    }
    kr_extremum *e = &r->extremum[r->n_extrema++];
    snprintf(e->name, sizeof e->name, "%s", r->curve[curve].name);
    e->beta_error = kr_multihist_error(beta, r->n_blocks, &e->beta);
    e->value_error = kr_multihist_error(most, r->n_blocks, &e->value);
}

static int fill_all(const kr_multihist *m, const kr_lines *lines, kr_reweighting *r,
                    kr_error *err)
{
    double *work =
        kr_alloc((size_t)(lines->n + 2) * (size_t)(r->n_blocks + 1), sizeof *work, err);
    if (!work) {
        return KR_ENOMEM;
    }
    for (int64_t t = 0; t < r->n_targets; t++) {
        fill_target(m, lines, r, t, work);
    }
    for (int k = 0; k < lines->n; k++) {
        if (lines->line[k].is_derived && lines->line[k].recipe.kind == KR_KIND_VARIANCE) {
            find_extremum(m, &lines->line[k], k, r, work);
        }
    }
    kr_free(work);
    return KR_OK;
}

/* ---- targets ------------------------------------------------------------------------------
 */

static int choose_targets(const data *d, const kr_reweight_options *o, kr_reweighting *r,
                          kr_error *err)
{
    double low = INFINITY, high = -INFINITY;
    for (int64_t p = 0; p < r->n_points; p++) {
        low = fmin(low, r->point[p]);
        high = fmax(high, r->point[p]);
    }
    if (low == high) { /* one width of ln p: the weights vary by a factor e */
        double mean = 0.0, square = 0.0;
        for (int64_t k = 0; k < d->n * d->n_points; k++) {
            mean += d->energy.value[k] / (double)(d->n * d->n_points);
        }
        for (int64_t k = 0; k < d->n * d->n_points; k++) {
            double x = d->energy.value[k] - mean;
            square += x * x / (double)(d->n * d->n_points);
        }
        const double width = square > 0.0 ? 1.0 / sqrt(square) : 0.1;
        low -= width;
        high += width;
    }
    low = isnan(o->from) ? low : o->from;
    high = isnan(o->to) ? high : o->to;
    r->n_targets = o->n > 0 ? o->n : low == high ? 1 : TARGETS;
    if (!(high >= low) || (high > low && r->n_targets < 2) || r->n_targets > TARGETS_MOST) {
        return kr_fail(err, KR_EINVAL,
                       "reweight: %lld values from %g to %g, want 2..%d, ascending, or 1 "
                       "with --from and --to the same",
                       (long long)r->n_targets, low, high, TARGETS_MOST);
    }
    r->beta = kr_alloc((size_t)r->n_targets, sizeof(double), err);
    for (int64_t t = 0; r->beta && t < r->n_targets; t++) {
        const double f = r->n_targets > 1 ? (double)t / (double)(r->n_targets - 1) : 0.0;
        r->beta[t] = (1.0 - f) * low + f * high;
    }
    return r->beta ? KR_OK : KR_ENOMEM;
}

int kr_reweighting_compute(kr_reader *reader, const kr_reweight_options *options,
                           kr_reweighting *r, kr_error *err)
{
    *r = (kr_reweighting){ .n_sites = NAN };
    kr_reader_attr_real(reader, "posterior", "", "n_sites", &r->n_sites);
    kr_series_text(reader, "", "", "title", r->title, sizeof r->title);
    data *d = kr_alloc(1, sizeof *d, err);
    kr_lines *lines = kr_alloc(1, sizeof *lines, err);
    kr_multihist *m = NULL;
    int status = d && lines ? load(reader, d, r, err) : KR_ENOMEM;
    status = status == KR_OK ? weigh(d, r, err) : status;
    status = status == KR_OK ? choose_targets(d, options, r, err) : status;
    if (status == KR_OK) {
        m = fill(d, r, err);
        status = m ? kr_multihist_solve(m, err) : KR_ENOMEM;
    }
    if (status == KR_OK) {
        find_lines(reader, d, lines);
        r->least_overlap = kr_multihist_least_overlap(m);
        status = alloc_curves(d, lines, r, err);
    }
    status = status == KR_OK ? fill_all(m, lines, r, err) : status;
    kr_multihist_free(m);
    if (d) {
        clear_data(d);
    }
    kr_free(lines);
    kr_free(d);
    return status;
}
