/* SPDX-License-Identifier: GPL-3.0-or-later
 * analysis/reweight.c - means of scans as functions of the scanned numbers.
 *
 * Source: Ferrenberg, Swendsen, Phys. Rev. Lett. 61, 2635 (1988); 63, 1195 (1989). Errors come
 * from leaving out groups of chains, or parts of chains where these are few, at all points
 * together: so the correlation of temperatures that exchange states is in them. */
#include "analysis/reweight.h"

#include "analysis/recipe.h"
#include "analysis/reweight_anchor.h"
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
    double *own[] = { r->point,       r->other_point, r->n_eff,       r->at,   r->ratio,
                      r->ratio_error, r->log_z,       r->log_z_error, r->free, r->free_error,
                      r->point_log_z, r->covariance,  r->asymptotic,  r->ess,  r->edge };
    for (int k = 0; k < r->n_curves; k++) {
        kr_free(r->curve[k].value);
        kr_free(r->curve[k].error);
    }
    for (size_t k = 0; k < sizeof own / sizeof *own; k++) {
        kr_free(own[k]);
    }
    kr_free(r->curve);
    kr_free(r->anchor);
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
static void find_lines(const kr_reweight_data *d, kr_lines *lines)
{
    kr_reader *reader = d->source[0].reader;
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
    const size_t n = (size_t)r->n_targets, points = (size_t)r->n_points;
    double **own[] = { &r->ratio, &r->ratio_error, &r->log_z, &r->log_z_error,
                       &r->free,  &r->free_error,  &r->ess,   &r->edge };
    for (size_t k = 0; k < sizeof own / sizeof *own; k++) {
        *own[k] = kr_alloc(n, sizeof(double), err);
        if (!*own[k]) {
            return KR_ENOMEM;
        }
    }
    r->point_log_z = kr_alloc(points, sizeof(double), err);
    r->covariance = kr_alloc(points * points, sizeof(double), err);
    r->asymptotic = kr_alloc(points * points, sizeof(double), err);
    r->curve = kr_alloc((size_t)lines->n, sizeof *r->curve, err);
    if (!r->point_log_z || !r->covariance || !r->asymptotic || !r->curve) {
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

/* What is asked of the draws at a value of the parameter. */
typedef struct kr_look {
    const kr_multihist *m;
    const kr_reweight_data *d;
    const kr_reweighting *r;
} kr_look;

static double beta_at(const kr_reweighting *r, double at)
{
    return r->is_beta ? at : r->fixed;
}

/* Means and moments (2 KR_REWEIGHT_ROW) at a value of the parameter; those of the energy of a
 * pair from <X>, <Y> and their squares. */
static void look_at(const kr_look *look, double at, int64_t sample, kr_multihist_mean *mean,
                    double *moments)
{
    const kr_reweighting *r = look->r;
    const int e = look->d->energy_column, n = look->d->n_columns;
    const double lambda = r->is_beta ? r->fixed : at;
    double a, b;
    kr_reweight_coefficients(r, beta_at(r, at), lambda, &a, &b);
    kr_multihist_at(look->m, a, b, sample, mean, moments);
    if (e >= 0) {
        const double *x = moments + 2 * e, *y = moments + 2 * n, *both = y + 2;
        const double cross = 0.5 * (both[1] - x[1] - y[1]);
        const double first = x[0] + lambda * y[0];
        const double second = x[1] + 2.0 * lambda * cross + lambda * lambda * y[1];
        moments[2 * e] = first;
        moments[2 * e + 1] = second;
    }
}

/* all: (lines + 1, n_blocks + 1) values. */
static void fill_target(const kr_look *look, const kr_lines *lines, kr_reweighting *r,
                        int64_t t, double *all)
{
    const int64_t n = r->n_blocks + 1;
    double moments[2 * KR_REWEIGHT_ROW], *log_z = all + lines->n * n;
    for (int64_t s = 0; s < n; s++) {
        kr_multihist_mean mean;
        look_at(look, r->at[t], s, &mean, moments);
        log_z[s] = mean.log_z;
        if (s == 0) {
            r->ess[t] = mean.ess;
            r->edge[t] = mean.edge;
        }
        for (int k = 0; k < lines->n; k++) {
            all[k * n + s] =
                value_of(&lines->line[k], moments, beta_at(r, r->at[t]), r->n_sites);
        }
    }
    kr_reweight_log_z(r, t, log_z);
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

static double height(const kr_look *look, const kr_line *line, double at, int64_t sample)
{
    kr_multihist_mean mean;
    double moments[2 * KR_REWEIGHT_ROW];
    look_at(look, at, sample, &mean, moments);
    return value_of(line, moments, beta_at(look->r, at), look->r->n_sites);
}

/* Golden section for a maximum between low and high. */
static double find_top(const kr_look *look, const kr_line *line, int64_t sample, double low,
                       double high, double *value)
{
    double a = low + GOLDEN * (high - low), b = high - GOLDEN * (high - low);
    double at_a = height(look, line, a, sample), at_b = height(look, line, b, sample);
    for (int k = 0; k < SEARCH_STEPS; k++) {
        if (at_a > at_b) {
            high = b;
            b = a;
            at_b = at_a;
            a = low + GOLDEN * (high - low);
            at_a = height(look, line, a, sample);
        } else {
            low = a;
            a = b;
            at_a = at_b;
            b = high - GOLDEN * (high - low);
            at_b = height(look, line, b, sample);
        }
    }
    *value = fmax(at_a, at_b);
    return 0.5 * (low + high);
}

/* The largest value of a derived variance, when it lies between the targets that hold. */
static void find_extremum(const kr_look *look, const kr_line *line, int curve,
                          kr_reweighting *r, double *work)
{
    const double *value = r->curve[curve].value;
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
        beta[s] = find_top(look, line, s, r->at[top - wide], r->at[top + wide], &most[s]);
    }
    kr_extremum *e = &r->extremum[r->n_extrema++];
    snprintf(e->name, sizeof e->name, "%s", r->curve[curve].name);
    e->at_error = kr_multihist_error(beta, r->n_blocks, &e->at);
    e->value_error = kr_multihist_error(most, r->n_blocks, &e->value);
}

static int fill_all(const kr_look *look, const kr_lines *lines, kr_reweighting *r,
                    kr_error *err)
{
    double *work =
        kr_alloc((size_t)(lines->n + 2) * (size_t)(r->n_blocks + 1), sizeof *work, err);
    if (!work) {
        return KR_ENOMEM;
    }
    for (int64_t p = 0; p < r->n_points; p++) {
        r->point_log_z[p] = kr_multihist_log_z(look->m, p, 0);
    }
    kr_multihist_covariance(look->m, r->covariance);
    int status = kr_multihist_asymptotic(look->m, r->asymptotic, err);
    status = status == KR_OK ? kr_reweight_anchors(look->d, look->m, r, err) : status;
    for (int64_t t = 0; t < r->n_targets && status == KR_OK; t++) {
        fill_target(look, lines, r, t, work);
    }
    for (int k = 0; k < lines->n && status == KR_OK; k++) {
        if (lines->line[k].is_derived && lines->line[k].recipe.kind == KR_KIND_VARIANCE) {
            find_extremum(look, &lines->line[k], k, r, work);
        }
    }
    kr_free(work);
    return status;
}

/* ---- targets ------------------------------------------------------------------------------
 */

/* Ends of the scan; of one value a width of ln p on either side: the weights vary by a factor
 * e. Weights in the place of a temperature have no ends. */
static void find_ends(const kr_reweight_data *d, const kr_reweighting *r, double end[2])
{
    const int which = r->is_beta ? 0 : 1;
    const int64_t n_flat = r->n_flat, n = r->n_points > n_flat ? r->n_points - n_flat : n_flat;
    double mean = 0.0, square = 0.0;
    end[0] = INFINITY;
    end[1] = -INFINITY;
    for (int64_t p = 0; p < n; p++) {
        end[0] = fmin(end[0], r->point[p]);
        end[1] = fmax(end[1], r->point[p]);
        mean += d->spread[which][p].mean / (double)n;
    }
    if (end[0] < end[1]) {
        return;
    }
    for (int64_t p = 0; p < n; p++) {
        const double x = d->spread[which][p].mean - mean;
        square += (d->spread[which][p].variance + x * x) / (double)n;
    }
    square *= r->kind == KR_REWEIGHT_PAIR && !r->is_beta ? r->fixed * r->fixed : 1.0;
    const double width = square > 0.0 ? 1.0 / sqrt(square) : 0.1;
    end[0] -= width;
    end[1] += width;
}

static int choose_targets(const kr_reweight_data *d, const kr_reweight_options *o,
                          kr_reweighting *r, kr_error *err)
{
    double end[2], one = NAN;
    find_ends(d, r, end);
    for (int k = 0; k < o->n_at; k++) {
        one = strcmp(o->at_name[k], r->parameter) == 0 ? o->at_value[k] : one;
    }
    const double low = !isnan(one) ? one : isnan(o->from) ? end[0] : o->from;
    const double high = !isnan(one) ? one : isnan(o->to) ? end[1] : o->to;
    r->n_targets = o->n > 0 && isnan(one) ? o->n : low == high ? 1 : TARGETS;
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

int kr_reweighting_compute(kr_reader *const *readers, const char *const *paths, int n,
                           const kr_reweight_options *options, kr_reweighting *r, kr_error *err)
{
    *r = (kr_reweighting){ .n_sites = NAN };
    kr_reader_attr_real(readers[0], "posterior", "", "n_sites", &r->n_sites);
    kr_series_text(readers[0], "", "", "title", r->title, sizeof r->title);
    kr_reweight_data *d = kr_alloc(1, sizeof *d, err);
    kr_lines *lines = kr_alloc(1, sizeof *lines, err);
    kr_multihist *m = NULL;
    int status =
        d && lines ? kr_reweight_data_load(readers, paths, n, options, d, r, err) : KR_ENOMEM;
    status = status == KR_OK ? kr_reweight_data_weigh(d, r, err) : status;
    status = status == KR_OK ? choose_targets(d, options, r, err) : status;
    if (status == KR_OK) {
        m = kr_reweight_data_fill(d, r, err);
        status = m ? kr_multihist_solve(m, err) : (err && err->status ? err->status : KR_EIO);
    }
    if (status == KR_OK) {
        const kr_look look = { m, d, r };
        find_lines(d, lines);
        r->least_overlap = kr_multihist_least_overlap(m);
        status = alloc_curves(d, lines, r, err);
        status = status == KR_OK ? fill_all(&look, lines, r, err) : status;
    }
    kr_multihist_free(m);
    if (d) {
        kr_reweight_data_clear(d);
    }
    kr_free(lines);
    kr_free(d);
    return status;
}
