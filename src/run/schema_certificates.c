/* SPDX-License-Identifier: GPL-3.0-or-later
 * run/schema_certificates.c - what the independent samples of the frozen densities say. */
#include "base/memory.h"
#include "run/schema.h"

#include <stdio.h>
#include <string.h>

/* Fields of kr_certificate; * is the density. */
static const struct {
    const char *name, *doc;
} row[] = {
    { "ess_q_*", "effective sample fraction" },
    { "log_z_q_*", "log Z = log <w>, w = exp(-beta H)/q" },
    { "log_z_q_*_error", "its standard error" },
    { "max_share_*", "share of the heaviest sample in all weight" },
    { "n_q_*", "samples" },
    { "mean_log_w_q_*", "<log w>, a lower bound of log Z" },
    { "mean_log_w_q_*_error", "its standard error" },
    { "bridge_q_*", "<w/(w + Z)>, which the chain has as <Z/(w + Z)>" },
    { "bridge_q_*_error", "standard error of their distance from these samples" },
    { "tail_index_q_*", "Pareto k of the weights: from 0.7 on no mean can be trusted" },
    { "acceptance_q_*", "of proposals from the density, as the weights predict it" },
    { "tau_int_q_*", "in proposals, of a quantity that the weights do not tell, were there no "
                     "other updates; predicted" },
    { "holding_q_*", "proposals for which the heaviest sample would stay, in the mean" },
    { "block_sites_q_*", "sites of the block that the density is for; NaN: of the whole" },
    { "divergence_q_*", "KL(q|p) + KL(p|q) of the block given what surrounds it, nats" },
    { "divergence_q_*_error", "its standard error" },
    { "inverse_q_*", "<Z/w>, which is <(Z/w)^2> of a chain" },
    { "inverse_square_q_*", "<(Z/w)^2>, which is <(Z/w)^3> of a chain" },
    { "steps_q_*", "steps of a density that is exact for many only; NaN: exact" },
    { "doubt_mean_q_*", "mean change of log w with twice the steps" },
    { "doubt_sd_q_*", "its standard deviation" },
    { "doubt_max_q_*", "its largest size" },
    { "doubt_log_z_q_*", "change of log Z with twice the steps, from the same samples" },
    { "doubt_ess_q_*", "change of ESS_q with twice the steps, from the same samples" },
};
enum { N_ROWS = sizeof row / sizeof *row };

static int32_t n_estimates(const kr_schema *s)
{
    int32_t n = 0;
    while (kr_sampler_estimate_column(s->sampler, n)) {
        n++;
    }
    return n;
}

static size_t per_density(const kr_schema *s)
{
    return N_ROWS + 2 * (size_t)n_estimates(s);
}

size_t kr_schema_certificates(const kr_schema *s)
{
    return per_density(s) * (size_t)s->spec->config.n_densities + 1;
}

int kr_schema_add_certificates(kr_schema *s, kr_error *err)
{
    const kr_sampler_config *c = &s->spec->config;
    int *index = s->certificate;
    for (int32_t d = 0; d < c->n_densities; d++) {
        const char *density = c->density[d].name;
        char name[4 * KR_NAME_MAX], doc[KR_TEXT_MAX];
        for (size_t k = 0; k < N_ROWS; k++) {
            const char *star = strchr(row[k].name, '*');
            snprintf(name, sizeof name, "%.*s%s%s", (int)(star - row[k].name), row[k].name,
                     density, star + 1);
            snprintf(doc, sizeof doc, "%s; from independent samples of the frozen density",
                     row[k].doc);
            KR_TRY(kr_schema_constant(s, name, "1", doc, NULL, index++, err));
        }
        const kr_column *column;
        for (int32_t e = 0; (column = kr_sampler_estimate_column(s->sampler, e)); e++) {
            snprintf(name, sizeof name, "%s_q_%s", column->name, density);
            snprintf(doc, sizeof doc, "%.150s; from weighted samples of the density alone",
                     column->doc);
            KR_TRY(kr_schema_constant(s, name, kr_schema_unit(s, column->unit), doc, NULL,
                                      index++, err));
            snprintf(name, sizeof name, "%s_q_%s_error", column->name, density);
            KR_TRY(kr_schema_constant(s, name, kr_schema_unit(s, column->unit),
                                      "its standard error", NULL, index++, err));
        }
    }
    return KR_OK;
}

/* Number j of density d at point p. */
static double value_at(const kr_schema *s, int32_t d, int32_t p, size_t j)
{
    kr_certificate k;
    double pair[2];
    if (j >= N_ROWS) {
        kr_sampler_estimate(s->sampler, d, p, (int32_t)(j - N_ROWS) / 2, &pair[0], &pair[1]);
        return pair[(j - N_ROWS) % 2];
    }
    kr_sampler_certificate(s->sampler, d, p, &k);
    const double field[N_ROWS] = { k.ess_q,
                                   k.log_z,
                                   k.log_z_error,
                                   k.max_share,
                                   k.n,
                                   k.mean_log_w,
                                   k.mean_log_w_error,
                                   k.bridge,
                                   k.bridge_error,
                                   k.tail_index,
                                   k.acceptance,
                                   k.tau_int,
                                   k.holding,
                                   k.block_sites,
                                   k.divergence,
                                   k.divergence_error,
                                   k.inverse,
                                   k.inverse_square,
                                   k.steps,
                                   k.doubt_mean,
                                   k.doubt_sd,
                                   k.doubt_max,
                                   k.doubt_log_z,
                                   k.doubt_ess };
    return field[j];
}

int kr_schema_put_certificates(kr_schema *s, kr_error *err)
{
    const kr_sampler_config *c = &s->spec->config;
    size_t n = per_density(s);
    double *values = kr_alloc((size_t)c->n_points, sizeof(double), err);
    int status = values ? KR_OK : KR_ENOMEM;
    for (size_t j = 0; status == KR_OK && j < n * (size_t)c->n_densities; j++) {
        for (int32_t p = 0; p < c->n_points; p++) {
            values[p] = value_at(s, (int32_t)(j / n), p, j % n);
        }
        status = kr_results_put(s->results, s->certificate[j], values, err);
    }
    kr_free(values);
    return status;
}
