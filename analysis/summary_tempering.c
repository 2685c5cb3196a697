/* SPDX-License-Identifier: GPL-3.0-or-later
 * analysis/summary_tempering.c - replica exchange: acceptance, flow and round trips by slot. */
#include "analysis/summary.h"

#include "base/memory.h"

#include <math.h>

int kr_summary_tempering(kr_reader *reader, kr_summary *s, kr_error *err)
{
    double every;
    if (!kr_reader_attr_real(reader, "constant_data", "", "exchange_every", &every)) {
        return KR_OK;
    }
    s->exchange = kr_alloc((size_t)s->n_points, sizeof *s->exchange, err);
    if (!s->exchange) {
        return KR_ENOMEM;
    }
    s->exchange_every = every;
    s->round_trips = 0.0;
    for (int64_t p = 0; p < s->n_points; p++) {
        kr_exchange_row *row = &s->exchange[p];
        *row = (kr_exchange_row){ .acceptance = NAN };
        row->ladder = kr_series_constant(reader, "constant_data", "ladder", p);
        row->slot = kr_series_constant(reader, "constant_data", "slot", p);
        row->round_trips = kr_series_constant(reader, "constant_data", "round_trips", p);
        row->from_cold = kr_series_constant(reader, "constant_data", "flow_from_cold", p);
        row->beta = s->has_path ? s->points.value[p]
                                : kr_series_constant(reader, "constant_data", "beta", p);
        if (!(row->ladder >= 0.0 && row->ladder < (double)s->n_points && row->slot >= 0.0 &&
              row->slot < (double)s->n_points)) {
            return kr_fail(err, KR_EIO,
                           "constant_data: ladder or slot of a point is %g, want "
                           "0..%lld",
                           row->ladder, (long long)s->n_points - 1);
        }
        s->round_trips += row->slot == 0.0 ? row->round_trips : 0.0;
        s->n_ladders += row->slot == 0.0;
        s->n_slots = (int64_t)fmax((double)s->n_slots, row->slot + 1.0);
    }
    for (int k = 0; k < s->n_updates; k++) {
        for (int64_t p = 0; p < s->n_points; p++) {
            const kr_update_row *u = &s->update[k * s->n_points + p];
            if (s->exchange && u->is_exchange) {
                s->exchange[p].acceptance = u->accepted / u->attempted;
            }
        }
    }
    return KR_OK;
}

double kr_summary_trips_rate(const kr_summary *s, double round_trips, double n_ladders)
{
    double steps = (double)s->n_draws * s->every;
    return 1000.0 * round_trips / (steps * n_ladders * (double)s->n_chains);
}

static void slot_cells(const kr_summary *s, int64_t k, kr_sheet *t)
{
    double n = 0.0, acceptance = 0.0, least = NAN, flow = 0.0, low = NAN, high = NAN;
    for (int64_t p = 0; p < s->n_points; p++) {
        const kr_exchange_row *row = &s->exchange[p];
        if (row->slot == (double)k) {
            n += 1.0;
            acceptance += row->acceptance;
            least = fmin(least, row->acceptance);
            flow += row->from_cold;
            low = fmin(low, row->beta);
            high = fmax(high, row->beta);
        }
    }
    char text[64];
    snprintf(text, sizeof text, "%lld", (long long)k);
    kr_sheet_cell(t, text);
    const int used = snprintf(text, sizeof text, isnan(low) ? "-" : "%.6g", low);
    if (low < high) {
        snprintf(text + used, sizeof text - (size_t)used, " .. %.6g", high);
    }
    kr_sheet_cell(t, text);
    const double share[] = { acceptance / n, least, flow / n };
    for (int m = 0; m < 3; m++) {
        kr_format_percent(share[m], text, sizeof text);
        kr_sheet_cell(t, text);
    }
    kr_sheet_row(t);
}

/* Slots from hot to cold; acceptances and flows over all ladders. */
void kr_summary_print_slots(const kr_summary *s, kr_sheet *t)
{
    const kr_heading column[] = { { "slot", -6, 0 },
                                  { s->has_path ? "t" : "beta", 22, 0 },
                                  { "accepted, colder", 18, 0 },
                                  { "least", 10, 0 },
                                  { "from cold", 10, 0 } };
    if (!s->exchange) {
        return;
    }
    kr_sheet_table(t, NULL, column, 5);
    for (int64_t k = 0; k < s->n_slots; k++) {
        slot_cells(s, k, t);
    }
    kr_sheet_end(t);
    kr_sheet_note(t, "accepted: mean over ladders, with the next colder slot; from cold: "
                     "replicas that last saw the cold end");
}
