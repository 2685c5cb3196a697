/* SPDX-License-Identifier: GPL-3.0-or-later
 * analysis/reweight_data.c - the draws that reweighting takes from files, read in pieces. */
#include "analysis/reweight_data.h"

#include "base/memory.h"
#include "stats/stats.h"

#include <math.h>
#include <string.h>

#define BLOCKS_LEAST 8
#define PART_TAU     20.0 /* least length of a part of a chain, in tau_int */

void kr_reweight_data_clear(kr_reweight_data *d)
{
    for (int k = 0; d->source && k < d->n_sources; k++) {
        kr_reweight_source_clear(&d->source[k]);
    }
    for (int k = 0; k < 2; k++) {
        kr_free(d->scale[k]);
        kr_free(d->spread[k]);
    }
    kr_free(d->source);
    kr_free(d->beta);
    kr_free(d->lambda);
    kr_free(d->weight);
    kr_free(d->label);
    kr_free(d->label_list);
    *d = (kr_reweight_data){ 0 };
}

void kr_reweight_coefficients(const kr_reweighting *r, double beta, double lambda, double *a,
                              double *b)
{
    *a = r->kind == KR_REWEIGHT_NUMBER ? lambda : beta;
    *b = r->kind == KR_REWEIGHT_PAIR ? beta * lambda : 0.0;
}

/* ---- columns ------------------------------------------------------------------------------
 */

/* Columns that change with beta, or with a number of the model, at one configuration. */
static bool depends(const kr_reweighting *r, const char *name)
{
    static const char *const some[] = { "schwinger_dyson", "conjugate_", "energy_per_site",
                                        "bond_" };
    const size_t n = r->kind == KR_REWEIGHT_BETA ? 2 : sizeof some / sizeof *some;
    for (size_t k = 0; k < n; k++) {
        const bool is_made = r->kind == KR_REWEIGHT_PAIR && k == 2;
        const bool is_same = r->kind == KR_REWEIGHT_NUMBER && k == 1;
        if (!is_made && !is_same && strncmp(name, some[k], strlen(some[k])) == 0) {
            return true;
        }
    }
    return false;
}

/* Whether a source has the column in the shape of its run; *status: what else is wrong. */
static bool has_column(const kr_reweight_source *s, const char *name, int *status,
                       kr_error *err)
{
    kr_series series;
    kr_error skipped = { 0 };
    *status = KR_OK;
    if (!kr_series_exists(s->reader, "posterior", name)) {
        return false;
    }
    const int found = kr_series_open(s->reader, "posterior", name, &series, &skipped);
    const bool is_good = found == KR_OK && series.n_chains == s->n_chains &&
                         series.n_draws == s->n_draws && series.n_points == s->n_points;
    kr_series_clear(&series);
    if (found != KR_OK && found != KR_EUNSUP) {
        *status = kr_fail(err, found, "%s", skipped.text);
    }
    return is_good; /* else summary tells what is wrong with it */
}

/* Columns of the shape of the run that all sources have; those that hold other than numbers go
 * when they are read. */
static int find_columns(kr_reweight_data *d, const kr_reweighting *r, kr_error *err)
{
    const char *const *names = kr_reader_variables(d->source[0].reader, "posterior");
    for (; names && *names && d->n_columns < KR_REWEIGHT_COLUMNS; names++) {
        bool is_good = strcmp(*names, "phase_switches") != 0 && !depends(r, *names);
        for (int k = 0; k < d->n_sources && is_good; k++) {
            int status;
            is_good = has_column(&d->source[k], *names, &status, err);
            KR_TRY(status);
        }
        if (is_good) {
            kr_series_text(d->source[0].reader, "posterior", *names, "units",
                           d->unit[d->n_columns], sizeof d->unit[0]);
            snprintf(d->name[d->n_columns++], KR_SERIES_NAME, "%s", *names);
        }
    }
    return KR_OK;
}

static void find_energy_column(kr_reweight_data *d, const kr_reweighting *r)
{
    d->energy_column = -1;
    for (int c = 0; r->kind == KR_REWEIGHT_PAIR && c < d->n_columns; c++) {
        d->energy_column = strcmp(d->name[c], "energy_per_site") == 0 ? c : d->energy_column;
    }
}

/* ---- numbers ------------------------------------------------------------------------------
 */

static void add_number(char (*name)[KR_SERIES_NAME], int *n, const char *added)
{
    for (int k = 0; k < *n; k++) {
        if (strcmp(name[k], added) == 0) {
            return;
        }
    }
    snprintf(name[(*n)++], KR_SERIES_NAME, "%s", added);
}

/* The numbers that points or options tell apart: `beta` first, then one of the model. */
static int find_numbers(const kr_reweight_data *d, const kr_reweight_options *o,
                        char (*name)[KR_SERIES_NAME], int *n, kr_error *err)
{
    KR_TRY(kr_reweight_find_varying(d->source, d->n_sources, 2, name, n, err));
    for (int k = 0; k < o->n_at; k++) {
        add_number(name, n, o->at_name[k]);
    }
    if (o->along) {
        add_number(name, n, o->along);
    }
    if (*n == 0) {
        add_number(name, n, "beta");
    }
    if (*n == 1 && strcmp(name[0], "beta") != 0 && d->source[d->n_sources - 1].flat.log_w) {
        add_number(name, n, "beta"); /* weights are of the energy */
    }
    for (int k = 1; k < *n; k++) {
        if (strcmp(name[k], "beta") == 0) {
            memcpy(name[k], name[0], KR_SERIES_NAME);
            snprintf(name[0], KR_SERIES_NAME, "beta");
        }
    }
    if (*n > 2 || (*n == 2 && strcmp(name[0], "beta") != 0)) {
        char list[3 * KR_SERIES_NAME] = "";
        for (int k = 0; k < *n && k < 3; k++) {
            const size_t used = strlen(list);
            snprintf(list + used, sizeof list - used, "%s%.90s", k ? ", " : "", name[k]);
        }
        return kr_fail(
            err, KR_EUNSUP,
            "reweight: points and options tell %s apart, want beta and one number of "
            "the model at most",
            list);
    }
    return KR_OK;
}

/* Value at all points; NaN where they differ, or it is unknown. */
static double common_value(const kr_reweight_data *d, const char *name)
{
    const double first = kr_reweight_source_value(&d->source[0], name, 0);
    for (int k = 0; k < d->n_sources; k++) {
        for (int64_t p = 0; p < d->source[k].n_points; p++) {
            if (kr_reweight_source_value(&d->source[k], name, p) != first) {
                return NAN;
            }
        }
    }
    return first;
}

static double wanted_value(const kr_reweight_options *o, const char *name)
{
    for (int k = 0; k < o->n_at; k++) {
        if (strcmp(o->at_name[k], name) == 0) {
            return o->at_value[k];
        }
    }
    return NAN;
}

/* Which of the numbers targets lie along, and where the other one stays. */
static int choose_line(const kr_reweight_data *d, const kr_reweight_options *o,
                       char (*name)[KR_SERIES_NAME], int n, kr_reweighting *r, kr_error *err)
{
    int along = 0;
    if (n == 2) { /* beta, unless that is where something else is asked for */
        along = o->along ? strcmp(o->along, name[1]) == 0
                         : !isnan(wanted_value(o, name[0])) && isnan(wanted_value(o, name[1]));
    }
    r->is_beta = strcmp(name[along], "beta") == 0;
    r->kind = n == 2 ? KR_REWEIGHT_PAIR : r->is_beta ? KR_REWEIGHT_BETA : KR_REWEIGHT_NUMBER;
    snprintf(r->parameter, sizeof r->parameter, "%.95s", name[along]);
    r->fixed = r->is_beta ? NAN : common_value(d, "beta");
    if (n == 2) {
        const char *other = name[!along];
        snprintf(r->other, sizeof r->other, "%.95s", other);
        r->fixed = wanted_value(o, other);
        r->fixed = isnan(r->fixed) ? common_value(d, other) : r->fixed;
        if (isnan(r->fixed)) {
            return kr_fail(err, KR_EINVAL,
                           "reweight: the points differ in %s and %s, want the value of one of "
                           "them, as --at %s=%g",
                           r->parameter, other, other,
                           kr_reweight_source_value(&d->source[0], other, 0));
        }
    }
    return KR_OK;
}

static int find_conjugate(kr_reweight_data *d, const char *name, kr_error *err)
{
    snprintf(d->conjugate, sizeof d->conjugate, "conjugate_%.80s", name);
    for (char *dot = strchr(d->conjugate, '.'); dot; dot = strchr(dot, '.')) {
        *dot = '_';
    }
    for (int k = 0; k < d->n_sources; k++) {
        if (!kr_series_exists(d->source[k].reader, "posterior", d->conjugate)) {
            return kr_fail(err, KR_EUNSUP,
                           "reweight: for %s want in %s the observable {name: conjugate, "
                           "parameter: %s}",
                           name, d->source[k].path, name);
        }
    }
    return KR_OK;
}

/* ---- points -------------------------------------------------------------------------------
 */

static int alloc_points(kr_reweight_data *d, kr_reweighting *r, kr_error *err)
{
    const kr_reweight_source *last = &d->source[d->n_sources - 1];
    d->n_points = r->n_points = last->first + last->n_points;
    const size_t n = (size_t)d->n_points;
    double **own[] = { &r->point,  &r->other_point, &r->n_eff,    &d->beta,
                       &d->lambda, &d->weight,      &d->scale[0], &d->scale[1] };
    for (size_t k = 0; k < sizeof own / sizeof *own; k++) {
        *own[k] = kr_alloc(n, sizeof(double), err);
        if (!*own[k]) {
            return KR_ENOMEM;
        }
    }
    d->spread[0] = kr_alloc(n, sizeof *d->spread[0], err);
    d->spread[1] = kr_alloc(n, sizeof *d->spread[1], err);
    d->label = kr_alloc(n, sizeof *d->label, err);
    d->label_list = kr_alloc(n, sizeof *d->label_list, err);
    return d->spread[0] && d->spread[1] && d->label && d->label_list ? KR_OK : KR_ENOMEM;
}

static void name_point(kr_reweight_data *d, const kr_reweighting *r,
                       const kr_reweight_source *s, int64_t p)
{
    char *text = d->label[p];
    d->label_list[p] = text;
    if (s->flat.log_w) {
        snprintf(text, KR_SERIES_NAME, "the weights of %.60s", s->path);
        return;
    }
    int n = snprintf(text, KR_SERIES_NAME, "%.6g", r->point[p]);
    if (r->kind == KR_REWEIGHT_PAIR) {
        n = snprintf(text, KR_SERIES_NAME, "%s %.6g, %.30s %.6g", "beta", d->beta[p],
                     r->is_beta ? r->other : r->parameter, d->lambda[p]);
    }
    if (r->n_files > 1) {
        snprintf(text + n, KR_SERIES_NAME - (size_t)n, " of %.30s", s->path);
    }
}

static int fill_point(kr_reweight_data *d, kr_reweighting *r, const kr_reweight_source *s,
                      const char *number, int64_t k, kr_error *err)
{
    const int64_t p = s->first + k;
    d->beta[p] = kr_reweight_source_value(s, "beta", k);
    d->lambda[p] = number ? kr_reweight_source_value(s, number, k) : 0.0;
    r->point[p] = r->is_beta ? d->beta[p] : d->lambda[p];
    r->other_point[p] = r->is_beta ? d->lambda[p] : d->beta[p];
    if (isnan(d->beta[p]) || isnan(d->lambda[p])) {
        return kr_fail(err, KR_EUNSUP, "reweight: %s is no number of the run in %s",
                       isnan(d->beta[p]) ? "beta" : number, s->path);
    }
    if (r->kind == KR_REWEIGHT_PAIR && d->beta[p] == 0.0) {
        return kr_fail(err, KR_EUNSUP,
                       "reweight: at beta = 0 of %s the conjugate of %s is 0, want points at "
                       "other temperatures",
                       s->path, number);
    }
    const bool is_lp = strcmp(s->energy_name, "lp") == 0;
    const bool is_total = strcmp(s->energy_name, "energy") == 0;
    d->scale[0][p] = is_lp ? -1.0 / d->beta[p] : is_total ? 1.0 : r->n_sites;
    d->scale[1][p] = r->kind == KR_REWEIGHT_PAIR ? r->n_sites / d->beta[p] : r->n_sites;
    name_point(d, r, s, p);
    return KR_OK;
}

int kr_reweight_data_load(kr_reader *const *readers, const char *const *paths, int n,
                          const kr_reweight_options *o, kr_reweight_data *d, kr_reweighting *r,
                          kr_error *err)
{
    char name[5][KR_SERIES_NAME];
    int n_names = 0;
    d->n_sources = n;
    d->source = kr_alloc((size_t)n, sizeof *d->source, err);
    if (!d->source) {
        return KR_ENOMEM;
    }
    KR_TRY(kr_reweight_sources_load(readers, paths, n, d->source, err));
    KR_TRY(find_numbers(d, o, name, &n_names, err));
    const char *number = strcmp(name[n_names - 1], "beta") == 0 ? NULL : name[n_names - 1];
    if (number) {
        KR_TRY(find_conjugate(d, number, err));
    }
    KR_TRY(choose_line(d, o, name, n_names, r, err));
    KR_TRY(alloc_points(d, r, err));
    r->n_files = n;
    for (int k = 0; k < n; k++) {
        const kr_reweight_source *s = &d->source[k];
        r->n_flat += s->flat.log_w != NULL;
        r->n_chains += s->n_chains;
        r->n_draws = k == 0 || s->n_draws < r->n_draws ? s->n_draws : r->n_draws;
        for (int64_t p = 0; p < s->n_points; p++) {
            KR_TRY(fill_point(d, r, s, number, p, err));
        }
    }
    KR_TRY(find_columns(d, r, err));
    find_energy_column(d, r);
    return KR_OK;
}

/* ---- weights ------------------------------------------------------------------------------
 */

static double times(double x, double factor)
{
    return x * factor;
}

/* H (which 0) or d H/d lambda (1) of all points of a source: spread and tau_int. */
static int look(kr_reweight_data *d, const kr_reweight_source *s, int which, kr_error *err)
{
    const char *group = which ? "posterior" : s->energy_group;
    const char *name = which ? d->conjugate : s->energy_name;
    const kr_blocks_options options = { .map = times, .parameter = d->scale[which] + s->first };
    kr_blocks b = { 0 };
    kr_series series;
    int status = kr_series_open(s->reader, group, name, &series, err);
    if (status == KR_OK && (series.n_chains != s->n_chains || series.n_draws != s->n_draws ||
                            series.n_points != s->n_points)) {
        status = kr_fail(err, KR_EUNSUP, "reweight: %s of %s has another shape than the energy",
                         name, s->path);
    }
    status = status == KR_OK ? kr_blocks_read(&series, &options, &b, err) : status;
    kr_series_clear(&series);
    for (int64_t p = 0; p < s->n_points && status == KR_OK; p++) {
        kr_reweight_spread *x = &d->spread[which][s->first + p];
        kr_estimate e;
        kr_error why = { 0 };
        kr_blocks_range(&b, p, &x->low, &x->high);
        if (!isfinite(x->low) || !isfinite(x->high)) {
            status = kr_fail(err, KR_EUNSUP, "reweight: %s %g at %s, want numbers", name,
                             isfinite(x->low) ? x->high : x->low, d->label[s->first + p]);
        } else if (kr_blocks_estimate(&b, p, b.value + p * b.n_chains * b.n, b.n_chains, &e,
                                      &why) != KR_OK) {
            status = kr_fail(err, KR_EUNSUP, "reweight: %s at %s: %s", name,
                             d->label[s->first + p], why.text);
        } else {
            x->mean = kr_blocks_mean(&b, p);
            x->variance = kr_blocks_variance(&b, p);
            x->tau_int = e.tau_int;
        }
    }
    kr_blocks_clear(&b);
    return status;
}

static int weigh_source(kr_reweight_data *d, kr_reweight_source *s, kr_reweighting *r,
                        kr_error *err)
{
    double longest = 0.5;
    if (r->kind != KR_REWEIGHT_NUMBER) {
        KR_TRY(look(d, s, 0, err));
    }
    if (r->kind != KR_REWEIGHT_BETA) {
        KR_TRY(look(d, s, 1, err));
    }
    for (int64_t p = s->first; p < s->first + s->n_points; p++) {
        const double tau = fmax(d->spread[0][p].tau_int, d->spread[1][p].tau_int);
        d->weight[p] = fmin(1.0, 0.5 / tau);
        r->n_eff[p] = d->weight[p] * (double)(s->n_chains * s->n_draws);
        longest = fmax(longest, tau);
    }
    s->parts = 1;
    while (s->n_rows * s->parts < KR_REWEIGHT_BLOCKS / 2 &&
           (double)s->n_draws / (double)(s->parts + 1) >= PART_TAU * longest) {
        s->parts++;
    }
    const int64_t n = s->n_rows * s->parts;
    r->n_blocks = n < r->n_blocks ? n : r->n_blocks;
    if (n < BLOCKS_LEAST) {
        return kr_fail(err, KR_EUNSUP,
                       "reweight: %lld chains of %lld draws with tau_int %.3g in %s are %lld "
                       "independent parts, want %d or more: more chains or longer runs",
                       (long long)s->n_chains, (long long)s->n_draws, longest, s->path,
                       (long long)n, BLOCKS_LEAST);
    }
    return KR_OK;
}

int kr_reweight_data_weigh(kr_reweight_data *d, kr_reweighting *r, kr_error *err)
{
    r->n_blocks =
        KR_REWEIGHT_BLOCKS; /* the same for all files: part k of each is left out together */
    for (int k = 0; k < d->n_sources; k++) {
        KR_TRY(weigh_source(d, &d->source[k], r, err));
    }
    return KR_OK;
}
