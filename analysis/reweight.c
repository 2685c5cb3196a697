/* SPDX-License-Identifier: GPL-3.0-or-later
 * analysis/reweight.c - means of a scan as functions of the scanned number.
 *
 * Source: Ferrenberg, Swendsen, Phys. Rev. Lett. 61, 2635 (1988); 63, 1195 (1989). Errors come
 * from leaving out groups of chains, or parts of chains where these are few, at all points
 * together: so the correlation of temperatures that exchange states is in them. */
#include "analysis/reweight.h"

#include "analysis/recipe.h"
#include "analysis/reweight_data.h"
#include "base/memory.h"

#include <math.h>
#include <string.h>

#define TARGETS      41
#define TARGETS_MOST 100000
#define GOLDEN       0.3819660112501051
#define SEARCH_STEPS 40

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
    kr_free(r->at);
    kr_free(r->log_z);
    kr_free(r->log_z_error);
    kr_free(r->ess);
    kr_free(r->edge);
    *r = (kr_reweighting){ 0 };
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
    kr_line line[3 * KR_REWEIGHT_COLUMNS];
} kr_lines;

static int index_of(const kr_reweight_data *d, const char *name)
{
    for (int k = 0; k < d->n_columns; k++) {
        if (strcmp(d->name[k], name) == 0) {
            return k;
        }
    }
    return -1;
}

/* Recipes of one column or two; those of several slices are summary's. */
static void find_lines(kr_reader *reader, const kr_reweight_data *d, kr_lines *lines)
{
    lines->n = 0;
    for (int pass = 0; pass < 2; pass++) {
        for (int k = 0; k < d->n_columns && lines->n < 3 * KR_REWEIGHT_COLUMNS; k++) {
            kr_line *line = &lines->line[lines->n];
            int position = 0;
            if (pass == 0) {
                *line = (kr_line){ .column = k, .other = -1 };
                lines->n++;
                continue;
            }
            while (lines->n < 3 * KR_REWEIGHT_COLUMNS &&
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

static int alloc_curves(const kr_reweight_data *d, const kr_lines *lines, kr_reweighting *r,
                        kr_error *err)
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
    double moments[2 * KR_REWEIGHT_COLUMNS], *log_z = all + lines->n * n;
    for (int64_t s = 0; s < n; s++) {
        kr_multihist_mean mean;
        kr_multihist_at(m, r->at[t], s, &mean, moments);
        log_z[s] = mean.log_z;
        if (s == 0) {
            r->ess[t] = mean.ess;
            r->edge[t] = mean.edge;
        }
        for (int k = 0; k < lines->n; k++) {
            all[k * n + s] = value_of(&lines->line[k], moments,
                                      r->is_beta ? r->at[t] : r->fixed_beta, r->n_sites);
        }
    }
    const bool is_first = fabs(r->at[t] - r->point[0]) <= 1e-12 * fabs(r->point[0]);
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
    double fixed_beta; /* NaN: it is beta that moves */
} kr_search;

static double height(const kr_search *search, double beta, int64_t sample)
{
    kr_multihist_mean mean;
    double moments[2 * KR_REWEIGHT_COLUMNS];
    kr_multihist_at(search->m, beta, sample, &mean, moments);
    return value_of(search->line, moments,
                    isfinite(search->fixed_beta) ? search->fixed_beta : beta, search->n_sites);
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
    const kr_search search = { m, line, r->n_sites, r->is_beta ? NAN : r->fixed_beta };
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
        beta[s] = find_top(&search, s, r->at[top - wide], r->at[top + wide], &most[s]);
    }
    kr_extremum *e = &r->extremum[r->n_extrema++];
    snprintf(e->name, sizeof e->name, "%s", r->curve[curve].name);
    e->at_error = kr_multihist_error(beta, r->n_blocks, &e->at);
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

static int choose_targets(const kr_reweight_data *d, const kr_reweight_options *o,
                          kr_reweighting *r, kr_error *err)
{
    double low = INFINITY, high = -INFINITY;
    for (int64_t p = 0; p < r->n_points; p++) {
        low = fmin(low, r->point[p]);
        high = fmax(high, r->point[p]);
    }
    if (low == high) { /* one width of ln p: the weights vary by a factor e */
        double mean = 0.0, square = 0.0;
        for (int64_t p = 0; p < d->n_points; p++) {
            mean += kr_blocks_mean(&d->energy, p) / (double)d->n_points;
        }
        for (int64_t p = 0; p < d->n_points; p++) {
            const double x = kr_blocks_mean(&d->energy, p) - mean;
            square += (kr_blocks_variance(&d->energy, p) + x * x) / (double)d->n_points;
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
    r->at = kr_alloc((size_t)r->n_targets, sizeof(double), err);
    for (int64_t t = 0; r->at && t < r->n_targets; t++) {
        const double f = r->n_targets > 1 ? (double)t / (double)(r->n_targets - 1) : 0.0;
        r->at[t] = (1.0 - f) * low + f * high;
    }
    return r->at ? KR_OK : KR_ENOMEM;
}

int kr_reweighting_compute(kr_reader *reader, const kr_reweight_options *options,
                           kr_reweighting *r, kr_error *err)
{
    *r = (kr_reweighting){ .n_sites = NAN };
    kr_reader_attr_real(reader, "posterior", "", "n_sites", &r->n_sites);
    kr_series_text(reader, "", "", "title", r->title, sizeof r->title);
    kr_reweight_data *d = kr_alloc(1, sizeof *d, err);
    kr_lines *lines = kr_alloc(1, sizeof *lines, err);
    kr_multihist *m = NULL;
    int status = d && lines ? kr_reweight_data_load(reader, d, r, err) : KR_ENOMEM;
    status = status == KR_OK ? kr_reweight_data_weigh(d, r, err) : status;
    status = status == KR_OK ? choose_targets(d, options, r, err) : status;
    if (status == KR_OK) {
        m = kr_reweight_data_fill(reader, d, r, err);
        status = m ? kr_multihist_solve(m, err) : (err && err->status ? err->status : KR_EIO);
    }
    if (status == KR_OK) {
        find_lines(reader, d, lines);
        r->least_overlap = kr_multihist_least_overlap(m);
        status = alloc_curves(d, lines, r, err);
    }
    status = status == KR_OK ? fill_all(m, lines, r, err) : status;
    kr_multihist_free(m);
    if (d) {
        kr_reweight_data_clear(d);
    }
    kr_free(lines);
    kr_free(d);
    return status;
}
