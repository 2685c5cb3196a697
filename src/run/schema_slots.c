/* SPDX-License-Identifier: GPL-3.0-or-later
 * run/schema_slots.c - replica exchange in the result file: where points stand in their
 * ladders, round trips and flow. */
#include "base/memory.h"
#include "run/schema.h"

/* Numbers of the slots: `ladder` and `slot` are fixed, the others end with the run. */
static int put(kr_schema *s, bool is_final, kr_error *err)
{
    int32_t n = s->spec->config.n_points;
    double *value = kr_alloc((size_t)n, sizeof *value, err);
    int status = value ? KR_OK : KR_ENOMEM;
    for (int k = is_final ? 2 : 0; k < KR_SCHEMA_SLOTS && status == KR_OK; k++) {
        for (int32_t p = 0; p < n; p++) {
            kr_slot slot;
            kr_sampler_slot(s->sampler, p, &slot);
            double visits = (double)(slot.n_from_cold + slot.n_from_hot);
            const double field[KR_SCHEMA_SLOTS] = { slot.ladder, slot.slot,
                                                    (double)slot.round_trips,
                                                    (double)slot.n_from_cold / visits, visits };
            value[p] = field[k];
        }
        status = kr_results_put(s->results, s->slot[k], value, err);
    }
    kr_free(value);
    return status;
}

int kr_schema_add_slots(kr_schema *s, kr_error *err)
{
    static const char *const name[] = { "ladder", "slot", "round_trips", "flow_from_cold",
                                        "flow_visits" };
    static const char *const doc[] = {
        "ladder of the point", "place in the ladder, 0 = hottest",
        "round trips cold - hot - cold of all replicas of the ladder while measuring",
        "fraction of the replicas in this slot that last saw the cold end",
        "visits of this slot by replicas that have seen an end"
    };
    if (!s->spec->has_tempering) {
        return KR_OK;
    }
    for (int k = 0; k < KR_SCHEMA_SLOTS; k++) {
        KR_TRY(kr_schema_constant(s, name[k], "1", doc[k], NULL, &s->slot[k], err));
    }
    KR_TRY(kr_results_attr_real(s->results, "constant_data", "", "exchange_every",
                                (double)s->spec->config.exchange_every, err));
    return put(s, false, err);
}

int kr_schema_put_slots(kr_schema *s, kr_error *err)
{
    return put(s, true, err);
}
