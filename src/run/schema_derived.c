/* SPDX-License-Identifier: GPL-3.0-or-later
 * run/schema_derived.c - how derived quantities follow from the columns, as attributes. */
#include "run/schema.h"

#include <stdio.h>
#include <string.h>

/* "KIND COLUMN BETA_POWER SITE_POWER[ FACTOR OTHER...] | UNIT | DOC" */
static int add_list(kr_schema *s, const char *group, const kr_derived *d, kr_error *err)
{
    static const char *const kinds[] = {
        [KR_DERIVED_VARIANCE] = "variance",   [KR_DERIVED_BINDER] = "binder",
        [KR_DERIVED_MEAN] = "mean",           [KR_DERIVED_CONNECTED] = "connected",
        [KR_DERIVED_MASS] = "effective_mass", [KR_DERIVED_LENGTH] = "correlation_length",
        [KR_DERIVED_STIFFNESS] = "stiffness", [KR_DERIVED_LOG_ODDS] = "log_odds",
    };
    for (; d && d->name; d++) {
        char name[2 * KR_NAME_MAX], text[4 * KR_TEXT_MAX], others[2 * KR_TEXT_MAX] = "";
        for (int k = 0; k < KR_DERIVED_OTHERS && d->other[k]; k++) {
            const size_t used = strlen(others);
            if (k == 0) {
                snprintf(others, sizeof others, " %.17g %s", d->factor, d->other[k]);
            } else {
                snprintf(others + used, sizeof others - used, " %s", d->other[k]);
            }
        }
        snprintf(name, sizeof name, "derived_%s", d->name);
        snprintf(text, sizeof text, "%s %s %d %d%s | %s | %s", kinds[d->kind], d->column,
                 d->beta_power, d->site_power, others, kr_schema_unit(s, d->unit), d->doc);
        KR_TRY(kr_results_attr_text(s->results, group, "", name, text, err));
    }
    return KR_OK;
}

int kr_schema_add_derived(kr_schema *s, kr_error *err)
{
    const kr_sampler_config *c = &s->spec->config;
    for (int32_t o = 0; o < c->n_observables; o++) {
        const kr_observable_plug *plug = c->observable[o].plug;
        const char *group = plug->flags & KR_OBSERVABLE_PAIRS ? "replica_pairs" : "posterior";
        KR_TRY(add_list(s, group, plug->derived, err));
        KR_TRY(add_list(s, group, kr_sampler_more_derived(s->sampler, o), err));
    }
    return KR_OK;
}
