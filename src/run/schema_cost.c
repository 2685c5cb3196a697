/* SPDX-License-Identifier: GPL-3.0-or-later
 * run/schema_cost.c - clock values of a run, in the group cost: totals, then one entry per
 * update, then replica exchange. No part of the result. */
#include "run/schema.h"

#include <stdio.h>
#include <unistd.h>

enum { THREADS = 5 };
static const char *const total_name[KR_SCHEMA_TOTALS] = {
    "sample_cpu_s", "train_cpu_s", "certificate_cpu_s", "pilot_cpu_s", "wall_s", "threads"
};

int kr_schema_add_cost(kr_schema *s, kr_error *err)
{
    const kr_sampler_config *c = &s->spec->config;
    char name[2 * KR_NAME_MAX], host[KR_TEXT_MAX] = "";
    for (int32_t k = 0; k < KR_SCHEMA_TOTALS; k++) {
        KR_TRY(kr_schema_cost(s, total_name[k], k == THREADS ? "1" : "s", &s->total[k], err));
    }
    for (int32_t u = 0; u < c->n_updates; u++) {
        snprintf(name, sizeof name, "cpu_s_%s", c->update[u].name);
        KR_TRY(kr_schema_cost(s, name, "s", &s->update_cost[u], err));
    }
    if (s->spec->has_tempering) {
        KR_TRY(kr_schema_cost(s, "cpu_s_exchange", "s", &s->exchange_cost, err));
    }
    gethostname(host, sizeof host - 1);
    return kr_results_attr_text(s->results, "cost", "", "host", host, err);
}

int kr_schema_put_cost(kr_schema *s, double wall_s, kr_error *err)
{
    kr_cost cost;
    kr_sampler_cost(s->sampler, &cost);
    const double total[KR_SCHEMA_TOTALS] = {
        cost.sample_cpu_s, cost.train_cpu_s, cost.certificate_cpu_s,
        s->pilot_cpu_s,    wall_s,           kr_sampler_threads(s->sampler)
    };
    for (int32_t k = 0; k < KR_SCHEMA_TOTALS; k++) {
        KR_TRY(kr_results_put(s->results, s->total[k], &total[k], err));
    }
    for (int32_t u = 0; u < s->spec->config.n_updates; u++) {
        const double spent = kr_sampler_update_cost(s->sampler, u);
        KR_TRY(kr_results_put(s->results, s->update_cost[u], &spent, err));
    }
    const double exchange = kr_sampler_exchange_cost(s->sampler);
    return s->spec->has_tempering ? kr_results_put(s->results, s->exchange_cost, &exchange, err)
                                  : KR_OK;
}
