/* SPDX-License-Identifier: GPL-3.0-or-later
 * sampler/histogram.c - histograms of columns over the measured draws.
 *
 * The bins are fixed before anything is counted: the run file names their ends, or they are
 * what the second half of thermalize has shown, at all points, and a tenth more on either side.
 * Counts are kept in independent groups, which errors are made of: of chains, and where these
 * are few of stretches of time too, which grow with the run. Threads: serial, after the draws
 * were made. */
#include "base/memory.h"
#include "base/state.h"
#include "sampler/private.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#define GROUPS     32 /* at least so many */
#define GROUPS_MAX 64
#define MARGIN     0.1

struct kr_bins {
    int32_t column;
    int64_t n_bins, n_chain_groups, n_time_groups;
    int32_t chains_in_unit; /* that move together */
    bool is_automatic;
    double from, to;        /* NaN until they are known */
    double lowest, highest; /* seen so far */
    int32_t n_merges;       /* times that stretches were merged in pairs */
    int64_t *count; /* (n_points, n_time_groups, n_chain_groups, n_bins + 2) below, bins, above;
                       owns */
};

static int64_t thermalize_draws(const kr_sampler *s)
{
    return (s->config.thermalize + s->config.every - 1) / s->config.every;
}

/* Of the observables of chains. KR_EINVAL: none of that name, with those there are. */
static int find_column(const kr_sampler *s, const char *name, int32_t *column, kr_error *err)
{
    const kr_column *c;
    char list[512] = "";
    for (*column = 0; (c = kr_sampler_observable_column(s, *column)) != NULL; (*column)++) {
        const size_t used = strlen(list);
        if (kr_sampler_column_is_pair(s, *column)) {
            continue;
        }
        if (strcmp(c->name, name) == 0) {
            return KR_OK;
        }
        snprintf(list + used, sizeof list - used, "%s%s", used ? ", " : "", c->name);
    }
    return kr_fail(err, KR_EINVAL, "no observable has a column \"%s\", want one of: %s", name,
                   list);
}

static int check(const kr_sampler *s, const kr_histogram_params *p, kr_error *err)
{
    if (s->config.is_annealing || s->config.flat.is_on) {
        return kr_fail(
            err, KR_EUNSUP, "histograms count draws alike, but those of %s have weights",
            s->config.is_annealing ? "population annealing" : "a multicanonical run");
    }
    if (p->from == p->to && p->from == 0.0 && thermalize_draws(s) == 0) {
        return kr_fail(err, KR_EINVAL,
                       "thermalize = 0 shows no range of values, want from and to");
    }
    if (p->from > p->to || (p->from == p->to && p->from != 0.0)) {
        return kr_fail(err, KR_ERANGE, "from = %g, to = %g, want from below to", p->from,
                       p->to);
    }
    return KR_OK;
}

static void choose_groups(const kr_sampler *s, struct kr_bins *h)
{
    h->chains_in_unit = 1;
    for (int32_t u = 0; u < s->config.n_updates; u++) {
        if (s->config.update[u].plug->flags & KR_UPDATE_COUPLES_CHAINS) {
            h->chains_in_unit = 2;
        }
    }
    const int64_t n = (s->config.n_chains + h->chains_in_unit - 1) / h->chains_in_unit;
    h->n_chain_groups = n < GROUPS_MAX ? n : GROUPS_MAX;
    h->n_time_groups = n < GROUPS ? 2 * ((GROUPS + n - 1) / n) : 1;
}

static int init(const kr_sampler *s, const kr_histogram_params *p, struct kr_bins *h,
                kr_error *err)
{
    KR_TRY(check(s, p, err));
    KR_TRY(find_column(s, p->column, &h->column, err));
    choose_groups(s, h);
    h->n_bins = p->bins;
    h->is_automatic = p->from == p->to;
    h->from = h->is_automatic ? NAN : p->from;
    h->to = h->is_automatic ? NAN : p->to;
    h->lowest = INFINITY;
    h->highest = -INFINITY;
    h->count = kr_alloc((size_t)(s->config.n_points * h->n_time_groups * h->n_chain_groups),
                        (size_t)(h->n_bins + 2) * sizeof *h->count, err);
    return h->count ? KR_OK : KR_ENOMEM;
}

int kr_histograms_init(kr_sampler *s, kr_error *err)
{
    const int32_t n = s->config.n_histograms;
    s->histogram = kr_alloc(n > 0 ? (size_t)n : 1, sizeof *s->histogram, err);
    if (!s->histogram) {
        return KR_ENOMEM;
    }
    for (int32_t k = 0; k < n; k++) {
        kr_error why = { 0 };
        const int status = init(s, &s->config.histogram[k], &s->histogram[k], &why);
        if (status != KR_OK) {
            return kr_fail(err, status, "histograms.%d: %s", k, why.text);
        }
    }
    return KR_OK;
}

void kr_histograms_clear(kr_sampler *s)
{
    for (int32_t k = 0; s->histogram && k < s->config.n_histograms; k++) {
        kr_free(s->histogram[k].count);
    }
    kr_free(s->histogram);
}

static size_t n_counts(const kr_sampler *s, const struct kr_bins *h)
{
    return (size_t)(s->config.n_points * h->n_time_groups * h->n_chain_groups *
                    (h->n_bins + 2));
}

int kr_histograms_declare(kr_sampler *s, kr_state *table, kr_error *err)
{
    for (int32_t k = 0; k < s->config.n_histograms; k++) {
        struct kr_bins *h = &s->histogram[k];
        char name[32];
        snprintf(name, sizeof name, "histogram%d", k);
        KR_TRY(kr_state_push(table, name, err));
        KR_TRY(kr_state_add(table, "from", KR_F64, 1, &h->from, err));
        KR_TRY(kr_state_add(table, "to", KR_F64, 1, &h->to, err));
        KR_TRY(kr_state_add(table, "lowest", KR_F64, 1, &h->lowest, err));
        KR_TRY(kr_state_add(table, "highest", KR_F64, 1, &h->highest, err));
        KR_TRY(kr_state_add(table, "n_merges", KR_I32, 1, &h->n_merges, err));
        KR_TRY(kr_state_add(table, "count", KR_I64, n_counts(s, h), h->count, err));
        kr_state_pop(table);
    }
    return KR_OK;
}

static void look(const kr_sampler *s, struct kr_bins *h, int64_t draw)
{
    const int64_t n = s->config.n_chains * s->config.n_points;
    const double *x = kr_sampler_cell(s, draw, h->column, 0, 0);
    for (int64_t k = 0; k < n; k++) {
        h->lowest = fmin(h->lowest, x[k]);
        h->highest = fmax(h->highest, x[k]);
    }
}

static void freeze(struct kr_bins *h)
{
    double margin = MARGIN * (h->highest - h->lowest);
    if (!(margin > 0.0)) { /* one value only */
        margin = h->lowest != 0.0 ? 1e-3 * fabs(h->lowest) : 1e-3;
    }
    h->from = h->lowest - margin;
    h->to = h->highest + margin;
}

/* When the last stretch of time is full each takes the next one in, so that groups depend on
 * the number of draws only. */
static void merge(const kr_sampler *s, struct kr_bins *h)
{
    const int64_t size = h->n_chain_groups * (h->n_bins + 2), T = h->n_time_groups;
    for (int64_t p = 0; p < s->config.n_points; p++) {
        int64_t *count = h->count + p * T * size;
        for (int64_t t = 0; t < T; t++) {
            for (int64_t k = 0; k < size; k++) {
                const int64_t n = count[t * size + k];
                count[t * size + k] = 0;
                count[t / 2 * size + k] += n;
            }
        }
    }
    h->n_merges++;
}

/* Entry of a value: 0 below (or not a number), 1..n_bins, then above. The last bin holds `to`.
 */
static int64_t entry_of(const struct kr_bins *h, double x)
{
    if (!(x >= h->from)) {
        return 0;
    }
    if (x > h->to) {
        return h->n_bins + 1;
    }
    const int64_t k = (int64_t)((x - h->from) / (h->to - h->from) * (double)h->n_bins);
    return 1 + (k < h->n_bins ? k : h->n_bins - 1);
}

static void count(const kr_sampler *s, struct kr_bins *h, int64_t draw, int64_t number)
{
    const int64_t T = h->n_time_groups, G = h->n_chain_groups, n_points = s->config.n_points;
    while (T > 1 && number >> h->n_merges >= T) {
        merge(s, h);
    }
    const int64_t t = T > 1 ? number >> h->n_merges : 0;
    const double *x = kr_sampler_cell(s, draw, h->column, 0, 0);
    for (int64_t c = 0; c < s->config.n_chains; c++) {
        const int64_t g = c / h->chains_in_unit % G;
        for (int64_t p = 0; p < n_points; p++) {
            const int64_t row = (p * T + t) * G + g;
            h->count[row * (h->n_bins + 2) + entry_of(h, x[c * n_points + p])]++;
        }
    }
}

void kr_histograms_learn(kr_sampler *s, int64_t first_draw)
{
    const bool is_first = s->stage == KR_STAGE_THERMALIZE;
    const int64_t n = thermalize_draws(s);
    for (int32_t k = 0; k < s->config.n_histograms; k++) {
        struct kr_bins *h = &s->histogram[k];
        for (int64_t d = 0; d < s->n_new; d++) {
            if (s->stage == KR_STAGE_MEASURE) {
                count(s, h, d, first_draw + d);
            } else if (is_first && h->is_automatic && first_draw + d >= n / 2) {
                look(s, h, d);
            }
        }
        if (is_first && h->is_automatic && first_draw + s->n_new >= n) {
            freeze(h);
        }
    }
}

void kr_sampler_histogram(const kr_sampler *s, int32_t k, kr_histogram_report *report)
{
    const struct kr_bins *h = &s->histogram[k];
    *report = (kr_histogram_report){ .from = h->from,
                                     .to = h->to,
                                     .n_bins = h->n_bins,
                                     .n_groups = h->n_time_groups * h->n_chain_groups,
                                     .count = h->count };
}
