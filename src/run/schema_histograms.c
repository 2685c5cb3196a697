/* SPDX-License-Identifier: GPL-3.0-or-later
 * run/schema_histograms.c - a group histogram_COLUMN for each histogram of the run file. */
#include "run/schema.h"

#include "base/memory.h"
#include "stats/stats.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

enum { CENTER, PROBABILITY, ERROR, BELOW, ABOVE, N };

static void name_group(const kr_schema *s, int32_t k, char group[2 * KR_NAME_MAX])
{
    snprintf(group, 2 * KR_NAME_MAX, "histogram_%s", s->spec->config.histogram[k].column);
}

static int add_group(kr_schema *s, int32_t k, kr_error *err)
{
    static const struct {
        const char *name, *one, *many, *doc;
    } row[N] = {
        { "center", "bin", "bin", "middle of the bin" },
        { "probability", "bin", "bin point", "share of the measured draws in the bin" },
        { "error", "bin", "bin point", "standard error, from independent groups of chains" },
        { "below", "", "point", "share of the draws below the first bin" },
        { "above", "", "point", "share of the draws above the last bin" },
    };
    const kr_sampler_config *c = &s->spec->config;
    char group[2 * KR_NAME_MAX];
    name_group(s, k, group);
    KR_TRY(kr_results_dim(s->results, group, "bin", c->histogram[k].bins, NULL, err));
    if (c->n_points > 1) {
        KR_TRY(kr_results_dim(s->results, group, "point", c->n_points, NULL, err));
    }
    for (int v = 0; v < N; v++) {
        int *index = &s->histogram[k][v];
        KR_TRY(kr_results_variable(s->results, group, row[v].name, KR_F64,
                                   c->n_points > 1 ? row[v].many : row[v].one, "", row[v].doc,
                                   index, err));
        s->group_of[*index] = 0;
        s->n_variables++;
    }
    return KR_OK;
}

int kr_schema_add_histograms(kr_schema *s, kr_error *err)
{
    const kr_sampler_config *c = &s->spec->config;
    char list[KR_HISTOGRAMS_MAX * (KR_NAME_MAX + 1)] = "";
    for (int32_t k = 0; k < c->n_histograms; k++) {
        const size_t used = strlen(list);
        snprintf(list + used, sizeof list - used, "%s%s", k ? " " : "", c->histogram[k].column);
        KR_TRY(add_group(s, k, err));
    }
    return c->n_histograms
               ? kr_results_attr_text(s->results, "posterior", "", "histograms", list, err)
               : KR_OK;
}

/* value: (N, largest of n_bins + 2, n_points) and a row of shares and errors. */
static int put_group(kr_schema *s, int32_t k, const kr_histogram_report *r, double *value,
                     kr_error *err)
{
    const int64_t n = r->n_bins + 2, n_points = s->spec->config.n_points;
    double *of[N], *share = value + N * n * n_points, *error = share + n;
    for (int v = 0; v < N; v++) {
        of[v] = value + v * n * n_points;
    }
    for (int64_t b = 0; b < r->n_bins; b++) {
        of[CENTER][b] = r->from + (r->to - r->from) * ((double)b + 0.5) / (double)r->n_bins;
    }
    for (int64_t p = 0; p < n_points; p++) {
        kr_shares_estimate(r->count + p * r->n_groups * n, r->n_groups, n, share, error);
        for (int64_t b = 0; b < r->n_bins; b++) {
            of[PROBABILITY][b * n_points + p] = share[b + 1];
            of[ERROR][b * n_points + p] = error[b + 1];
        }
        of[BELOW][p] = share[0];
        of[ABOVE][p] = share[n - 1];
    }
    for (int v = 0; v < N; v++) {
        KR_TRY(kr_results_put(s->results, s->histogram[k][v], of[v], err));
    }
    char group[2 * KR_NAME_MAX];
    name_group(s, k, group);
    KR_TRY(kr_results_attr_real(s->results, group, "", "from", r->from, err));
    KR_TRY(kr_results_attr_real(s->results, group, "", "to", r->to, err));
    return kr_results_attr_real(s->results, group, "", "n_groups", (double)r->n_groups, err);
}

int kr_schema_put_histograms(kr_schema *s, kr_error *err)
{
    for (int32_t k = 0; k < s->spec->config.n_histograms; k++) {
        kr_histogram_report r;
        kr_sampler_histogram(s->sampler, k, &r);
        const size_t n = (size_t)(r.n_bins + 2);
        double *value =
            kr_alloc(N * n * (size_t)s->spec->config.n_points + 2 * n, sizeof *value, err);
        const int status = value ? put_group(s, k, &r, value, err) : KR_ENOMEM;
        kr_free(value);
        KR_TRY(status);
    }
    return KR_OK;
}
