/* SPDX-License-Identifier: GPL-3.0-or-later
 * analysis/summary_importance.c - what the samples of a density say without any chain, beside
 * what the chain says: means, weights of phases, bounds of log Z.
 *
 * A chain counts as in the phase it entered last, a sample as in a phase only where its order
 * parameter lies in the interval. So the weight of a phase in the chain is between that of its
 * interval and the same plus all that lies between the phases, and z says by how many errors
 * it is outside. Where one side has hardly seen a phase, its error is at least that of as many
 * independent draws as it is worth: sqrt(P (1 - P)/ESS) with the P of the other side. */
#include "analysis/summary.h"

#include "base/memory.h"

#include <math.h>
#include <string.h>

/* Independent draws that the chains of a point are worth, from the column that moves least. */
static double chain_ess(const kr_summary *s, int64_t p)
{
    double least = INFINITY;
    for (int k = 0; k < s->n_quantities; k++) {
        const kr_quantity *q = &s->quantity[k * s->n_points + p];
        if (!q->is_bad && !q->is_derived && !q->estimate.is_constant && q->estimate.ess > 0.0) {
            least = fmin(least, q->estimate.ess);
        }
    }
    return isfinite(least) ? least : (double)s->n_chains;
}

/* Not below the rounding of sums of weights, where everything is in one phase. */
static double least_error(double error, double probability, double ess)
{
    return fmax(fmax(error, 1e-12), sqrt(fmax(0.0, probability * (1.0 - probability)) / ess));
}

/* between: weight of the samples that are in no phase */
static void compare_phase(const kr_summary *s, kr_importance *i, int64_t p, double between)
{
    const kr_density_row *d = &s->density[i->density * s->n_points + p];
    double q_error = least_error(i->error, i->chain_mean, d->n_q * d->ess_q);
    double p_error = least_error(i->chain_error, i->mean, chain_ess(s, p));
    double above = i->mean - i->chain_mean, below = above + between;
    i->z = (above > 0.0 ? above : below < 0.0 ? below : 0.0) / hypot(q_error, p_error);
    if (isnan(i->mean) || isnan(i->chain_mean)) {
        i->z = NAN;
    }
}

/* How sure is it that the density draws less of a phase than the chain holds? The chain alone
 * has an error to speak of. */
static void compare_drawn(const kr_summary *s, kr_importance *i, int64_t p, double between)
{
    double error = least_error(i->chain_error, i->chain_mean, chain_ess(s, p));
    i->collapse = (i->chain_mean - i->drawn - between) / error;
}

/* Column k of the chain, or phase k, as density d has it; false when its samples do not tell.
 */
static bool read_row(kr_reader *reader, const kr_summary *s, int d, bool is_phase, int k,
                     kr_importance *row)
{
    const kr_quantity *q = &(is_phase ? s->phase : s->quantity)[k * s->n_points];
    char name[2 * KR_SERIES_NAME + 16], error[2 * KR_SERIES_NAME + 24],
        drawn[2 * KR_SERIES_NAME + 24];
    bool is_known = false;
    snprintf(name, sizeof name, "%s%s_q_%s", is_phase ? "in_" : "", q->name,
             s->density[d * s->n_points].name);
    snprintf(error, sizeof error, "%s_error", name);
    snprintf(drawn, sizeof drawn, "drawn_%s", name);
    for (int64_t p = 0; p < s->n_points; p++) {
        kr_importance *i = &row[p];
        *i = (kr_importance){
            .density = d, .is_phase = is_phase, .drawn = NAN, .collapse = NAN, .z = NAN
        };
        if (is_phase) {
            i->drawn = kr_series_constant(reader, "constant_data", drawn, p);
        }
        snprintf(i->name, sizeof i->name, "%s", q->name);
        i->mean = kr_series_constant(reader, "constant_data", name, p);
        i->error = kr_series_constant(reader, "constant_data", error, p);
        i->chain_mean = q[p].is_bad ? NAN : q[p].estimate.mean;
        i->chain_error = q[p].is_bad ? NAN : q[p].estimate.error;
        double rounding = 1e-12 * fmax(fabs(i->mean), fabs(i->chain_mean));
        double sigma = hypot(hypot(i->error, i->chain_error), rounding);
        if (sigma > 0.0) {
            i->z = (i->mean - i->chain_mean) / sigma;
        }
        is_known = is_known || !isnan(i->mean);
    }
    return is_known;
}

/* Phases of a density come last and together. */
static void compare_phases(kr_summary *s, int first)
{
    for (int64_t p = 0; p < s->n_points; p++) {
        double between = 1.0, between_drawn = 1.0;
        for (int k = first; k < s->n_importance; k++) {
            between -= s->importance[k * s->n_points + p].mean;
            between_drawn -= s->importance[k * s->n_points + p].drawn;
        }
        for (int k = first; k < s->n_importance; k++) {
            kr_importance *i = &s->importance[k * s->n_points + p];
            compare_phase(s, i, p, fmax(0.0, between));
            compare_drawn(s, i, p, fmax(0.0, between_drawn));
        }
    }
}

int kr_summary_importance(kr_reader *reader, kr_summary *s, kr_error *err)
{
    size_t n = (size_t)s->n_densities * (size_t)(s->n_quantities + s->n_phases);
    s->importance = kr_alloc(n * (size_t)s->n_points, sizeof *s->importance, err);
    if (!s->importance) {
        return KR_ENOMEM;
    }
    for (int d = 0; d < s->n_densities; d++) {
        for (int k = 0; k < s->n_quantities; k++) {
            s->n_importance +=
                read_row(reader, s, d, false, k, &s->importance[s->n_importance * s->n_points]);
        }
        int first = s->n_importance;
        for (int k = 0; k < s->n_phases; k++) {
            s->n_importance +=
                read_row(reader, s, d, true, k, &s->importance[s->n_importance * s->n_points]);
        }
        compare_phases(s, first);
    }
    return KR_OK;
}

/* ---- table ------------------------------------------------------------------------------- */

static void certificate_cells(const kr_density_row *d, const char *label, kr_sheet *t)
{
    char text[48];
    kr_sheet_cell(t, label);
    kr_format_value(d->lower, d->lower_error, 2, text, sizeof text);
    kr_sheet_cell(t, text);
    kr_format_value(d->upper, d->upper_error, 2, text, sizeof text);
    kr_sheet_cell(t, text);
    kr_sheet_cell(t, kr_format_plain(d->tail_index, "%.2f", text, sizeof text));
    kr_format_percent(d->acceptance, text, sizeof text);
    kr_sheet_cell(t, text);
    kr_format_percent(d->acceptance_q, text, sizeof text);
    kr_sheet_cell(t, text);
    kr_sheet_cell(t, kr_format_plain(d->tau_int_q, "%.3g", text, sizeof text));
    kr_sheet_cell(t, kr_format_plain(d->holding_q, "%.3g", text, sizeof text));
    kr_sheet_row(t);
}

/* Name of a density, or the point of a scan, in the first column. */
static void row_label(const kr_summary *s, const kr_density_row *d, int64_t p, char *out,
                      size_t size)
{
    snprintf(out, size, "%s", d->name);
    if (s->n_points > 1) {
        kr_points_row(&s->points, p, out, size);
    }
}

static void print_certificates(const kr_summary *s, kr_sheet *t)
{
    int n = 0;
    for (int k = 0; k < s->n_densities; k++) {
        const kr_density_row *d = &s->density[k * s->n_points];
        const kr_heading column[] = { { s->n_points > 1 ? d->name : "density", -14,
                                        KR_HEADING_CUT },
                                      { "log Z above", 17, 0 },
                                      { "log Z below", 17, 0 },
                                      { "tail k", 7, 0 },
                                      { "accepted", 9, 0 },
                                      { "told", 9, 0 },
                                      { "tau_int", 9, 0 },
                                      { "held", 9, 0 } };
        if (d->block_sites > 0.0) {
            continue;
        }
        if (n++ == 0 || s->n_points > 1) {
            if (n > 1) {
                kr_sheet_end(t);
            }
            kr_sheet_table(t, NULL, column, 8);
        }
        for (int64_t p = 0; p < s->n_points; p++) {
            char label[128];
            row_label(s, d, p, label, sizeof label);
            certificate_cells(&d[p], label, t);
        }
    }
    if (n > 0) {
        kr_sheet_end(t);
    }
    kr_sheet_note(t, "log Z is above <log w> of the density and below that of the chain; tail "
                     "k: Pareto index of the\nweights, - where no tail counts; accepted: by "
                     "the chains; told, tau_int, held: acceptance, tau_int\nand longest mean "
                     "stay, in proposals, that the weights predict for independence steps "
                     "alone");
}

static void estimate_cells(const kr_importance *i, kr_sheet *t)
{
    char text[2 * KR_SERIES_NAME];
    snprintf(text, sizeof text, "%s%s", i->is_phase ? "in " : "", i->name);
    kr_sheet_cell(t, text);
    kr_format_value(i->mean, i->error, 2, text, sizeof text);
    kr_sheet_cell(t, text);
    kr_format_value(i->chain_mean, i->chain_error, 2, text, sizeof text);
    kr_sheet_cell(t, text);
    kr_sheet_cell(t, kr_format_plain(i->z, "%+.2f", text, sizeof text));
    if (i->is_phase) {
        kr_format_percent(i->drawn, text, sizeof text);
        kr_sheet_cell(t, text);
    }
    kr_sheet_row(t);
}

/* One point: scans have them in --json. */
static void print_estimates(const kr_summary *s, kr_sheet *t)
{
    int density = -1;
    bool has_phase = false;
    for (int k = 0; s->n_points == 1 && k < s->n_importance; k++) {
        const kr_importance *i = &s->importance[k];
        if (s->density[i->density].block_sites > 0.0) {
            continue; /* with one point the index is that of the density */
        }
        if (i->density != density) {
            char head[2 * KR_SERIES_NAME];
            const kr_heading column[] = { { head, -30, 0 },
                                          { "value", 18, 0 },
                                          { "chain", 18, 0 },
                                          { "z", 7, 0 },
                                          { "drawn", 9, 0 } };
            if (density >= 0) {
                kr_sheet_end(t);
            }
            density = i->density;
            snprintf(head, sizeof head, "samples of %s alone", s->density[density].name);
            kr_sheet_table(t, NULL, column, 5);
        }
        estimate_cells(i, t);
        has_phase = has_phase || i->is_phase;
    }
    if (density >= 0) {
        kr_sheet_end(t);
        kr_sheet_note(t, "value: <w x>/<w> of the same samples; z: its distance from the chain "
                         "in errors");
    }
    if (has_phase) {
        kr_sheet_note(t, "of a phase, which a chain leaves only when it enters another: beyond "
                         "what the samples between the\nphases leave open, 0 within; drawn: "
                         "share of the samples, not weighted");
    }
}

void kr_summary_print_importance(const kr_summary *s, kr_sheet *t)
{
    bool is_known = false;
    for (int64_t k = 0; k < s->n_densities * s->n_points; k++) {
        is_known = is_known || !isnan(s->density[k].lower);
    }
    if (is_known) { /* files of old and runs without a certificate yet tell nothing */
        print_certificates(s, t);
        print_estimates(s, t);
    }
}

static void block_cells(const kr_summary *s, const kr_density_row *d, int64_t p, kr_sheet *t)
{
    char text[128];
    row_label(s, d, p, text, sizeof text);
    kr_sheet_cell(t, text);
    kr_sheet_cell(t, kr_format_plain(d[p].block_sites, "%.0f", text, sizeof text));
    kr_format_percent(d[p].acceptance, text, sizeof text);
    kr_sheet_cell(t, text);
    kr_format_percent(d[p].acceptance_q, text, sizeof text);
    kr_sheet_cell(t, text);
    kr_format_value(d[p].divergence, d[p].divergence_error, 2, text, sizeof text);
    kr_sheet_cell(t, text);
    kr_sheet_row(t);
}

void kr_summary_print_blocks(const kr_summary *s, kr_sheet *t)
{
    int n = 0;
    for (int k = 0; k < s->n_densities; k++) {
        const kr_density_row *d = &s->density[k * s->n_points];
        const kr_heading column[] = { { s->n_points > 1 ? d->name : "block density", -14,
                                        KR_HEADING_CUT },
                                      { "sites", 7, 0 },
                                      { "accepted", 9, 0 },
                                      { "told", 9, 0 },
                                      { "KL both ways", 14, 0 } };
        for (int64_t p = 0; d->block_sites > 0.0 && p < s->n_points; p++) {
            if (n == 0 || (p == 0 && s->n_points > 1)) {
                if (n > 0) {
                    kr_sheet_end(t);
                }
                kr_sheet_table(t, NULL, column, 5);
            }
            n++;
            block_cells(s, d, p, t);
        }
    }
    if (n > 0) {
        kr_sheet_end(t);
        kr_sheet_note(t, "of the block given all other sites: acceptance, as one draw for each "
                         "block met told it, and\nKL(q|p) + KL(p|q) in nats; such a density "
                         "has no ESS_q and no log Z");
    }
}
