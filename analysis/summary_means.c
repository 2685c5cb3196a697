/* SPDX-License-Identifier: GPL-3.0-or-later
 * analysis/summary_means.c - means that updates give beside the states (Rao-Blackwell), next to
 * the rows of the states.
 *
 * A value per chain and draw, the mean of the sweeps since the last draw; errors as those of
 * every other column, for draws are as correlated as the chain is. */
#include "analysis/summary.h"

#include "base/memory.h"

#include <math.h>
#include <string.h>

#define STATS "sample_stats"

/* How many variables are such means. */
static size_t count_rows(kr_reader *reader)
{
    size_t n = 0;
    const char *const *names = kr_reader_variables(reader, STATS);
    for (; names && *names; names++) {
        const char *text;
        n += kr_reader_attr_text(reader, STATS, *names, "rao_blackwell", &text);
    }
    return n;
}

/* The row of the states of the same name, or NULL. */
static const kr_quantity *row_of_states(const kr_summary *s, const char *name, int64_t p)
{
    for (int k = 0; k < s->n_quantities; k++) {
        if (strcmp(s->quantity[k * s->n_points].name, name) == 0) {
            return &s->quantity[k * s->n_points + p];
        }
    }
    return NULL;
}

/* A chain counts as in the phase it entered last, which is another quantity: no gain. */
static void compare_states(const kr_summary *s, kr_mean_row *row, int64_t p)
{
    kr_quantity *q = &row->quantity;
    const kr_quantity *states = row->is_phase ? NULL : row_of_states(s, q->name, p);
    row->gain = NAN;
    if (states && states->estimate.is_constant) {
        q->z = NAN; /* weights that never met another state know no error */
        return;
    }
    if (states && !states->is_bad && !q->is_bad && q->estimate.error > 0.0) {
        double ratio = states->estimate.error / q->estimate.error;
        row->gain = ratio * ratio;
    }
}

static int add_row(kr_reader *reader, kr_summary *s, const char *name, const char *quantity,
                   kr_error *err)
{
    kr_series series;
    kr_blocks blocks;
    bool is_phase = strncmp(quantity, "in_", 3) == 0;
    KR_TRY(kr_summary_open(reader, s, STATS, name, s->n_chains, &series, err));
    const kr_blocks_options options = kr_summary_blocks(s);
    int status = kr_blocks_read(&series, &options, &blocks, err);
    kr_series_clear(&series);
    double *work = kr_alloc((size_t)(blocks.n_chains * blocks.n), sizeof *work, err);
    status = status == KR_OK && !work ? KR_ENOMEM : status;
    for (int64_t p = 0; p < s->n_points && status == KR_OK; p++) {
        kr_mean_row *row = &s->mean[s->n_means * s->n_points + p];
        kr_quantity *q = &row->quantity;
        *row = (kr_mean_row){ .is_phase = is_phase, .quantity = { .exact = NAN, .z = NAN } };
        kr_series_text(reader, STATS, name, "update", row->update, sizeof row->update);
        kr_series_text(reader, STATS, name, "units", q->unit, sizeof q->unit);
        snprintf(q->name, sizeof q->name, "%s", is_phase ? quantity + 3 : quantity);
        kr_summary_estimate_point(reader, s, &blocks, p, work, q);
        compare_states(s, row, p);
    }
    s->n_means += status == KR_OK;
    kr_free(work);
    kr_blocks_clear(&blocks);
    return status;
}

int kr_summary_means(kr_reader *reader, kr_summary *s, kr_error *err)
{
    size_t n = count_rows(reader);
    if (n == 0) {
        return KR_OK;
    }
    s->mean = kr_alloc(n * (size_t)s->n_points, sizeof *s->mean, err);
    int status = s->mean ? KR_OK : KR_ENOMEM;
    const char *const *names = kr_reader_variables(reader, STATS);
    for (; status == KR_OK && *names; names++) {
        const char *quantity;
        if (kr_reader_attr_text(reader, STATS, *names, "rao_blackwell", &quantity)) {
            char copy[KR_SERIES_NAME];
            snprintf(copy, sizeof copy, "%s", quantity);
            status = add_row(reader, s, *names, copy, err);
        }
    }
    return status;
}

/* ---- table ------------------------------------------------------------------------------- */

static void print_head(const char *first, FILE *out)
{
    fprintf(out, "\n%-30s %18s %11s %8s %6s %12s %6s\n", first, "value", "tau_int", "ESS",
            "gain", "exact", "z");
}

static void print_row(const kr_mean_row *row, const char *label, FILE *out)
{
    const kr_quantity *q = &row->quantity;
    const kr_estimate *e = &q->estimate;
    char value[64], tau[64], ess[32], gain[32], exact[32], z[32];
    fprintf(out, "%-30s ", label);
    if (q->is_bad) {
        fprintf(out, "%18s\n", "not usable");
        return;
    }
    kr_format_value(e->mean, e->error, 2, value, sizeof value);
    kr_format_value(e->tau_int, e->tau_int_error, 1, tau, sizeof tau);
    if (e->is_constant) {
        snprintf(tau, sizeof tau, "constant");
    } else if (!e->is_window_closed) { /* correlated over half a chain */
        snprintf(tau, sizeof tau, "> %.3g", e->tau_int);
    }
    snprintf(ess, sizeof ess, e->is_constant ? "-" : e->ess < 1e6 ? "%.0f" : "%.2e", e->ess);
    snprintf(gain, sizeof gain,
             isnan(row->gain)     ? "-"
             : row->gain < 1000.0 ? "%.3g"
                                  : "%.0f",
             row->gain);
    snprintf(exact, sizeof exact, isnan(q->exact) ? "-" : "%.8g", q->exact);
    snprintf(z, sizeof z, isnan(q->z) ? "-" : "%+.2f", q->z);
    fprintf(out, "%18s %11s %8s %6s %12s %6s\n", value, tau, ess, gain, exact, z);
}

static void print_scan(const kr_summary *s, const kr_mean_row *row, FILE *out)
{
    char head[3 * KR_SERIES_NAME], label[128];
    snprintf(head, sizeof head, "\nRao-Blackwell mean of %s: %s%s", row->update,
             row->is_phase ? "in " : "", row->quantity.name);
    fputs(head, out);
    print_head("", out);
    for (int64_t p = 0; p < s->n_points; p++) {
        kr_points_label(&s->points, p, label, sizeof label);
        print_row(&row[p], label, out);
    }
}

static void print_single(const kr_summary *s, int k, FILE *out)
{
    const kr_mean_row *row = &s->mean[k];
    const kr_quantity *q = &row->quantity;
    char label[KR_SERIES_NAME + 40];
    if (k == 0 || strcmp(row->update, row[-1].update) != 0) {
        snprintf(label, sizeof label, "means of %s", row->update);
        print_head(label, out);
    }
    bool has_unit = !row->is_phase && q->unit[0] && strcmp(q->unit, "1") != 0;
    snprintf(label, sizeof label, has_unit ? "%s%s [%s]" : "%s%s", row->is_phase ? "in " : "",
             q->name, q->unit);
    print_row(row, label, out);
}

void kr_summary_print_means(const kr_summary *s, FILE *out)
{
    for (int k = 0; k < s->n_means; k++) {
        if (s->n_points > 1) {
            print_scan(s, &s->mean[k * s->n_points], out);
        } else {
            print_single(s, k, out);
        }
    }
    if (s->n_means > 0) {
        fprintf(out, "weighted means over all states that the update chose from "
                     "(Rao-Blackwell), of all sweeps;\ngain: squared error of the row of the "
                     "states over that of this one\n");
    }
}
