/* SPDX-License-Identifier: GPL-3.0-or-later
 * study/compare_print.c - the comparison as a table. */
#include "analysis/format.h"
#include "study/compare_private.h"

#include <math.h>
#include <string.h>

#define WIDTH 96 /* of running text */

const char *kr_compare_kind_name(kr_compare_kind kind)
{
    static const char *const name[] = { "local",          "cluster",   "tempering",
                                        "multicanonical", "annealing", "exact_density",
                                        "learned" };
    return name[kind];
}

static void print_head(const kr_compare *study, FILE *out)
{
    const kr_spec *spec = study->spec;
    const kr_target *target = &spec->target[0];
    fprintf(out,
            "%s on %s, %d sites, beta = %.10g, %lld chains; %g CPU-seconds of measuring each\n",
            spec->model->name, spec->lattice_plug->name, target->terms->n_sites, target->beta,
            (long long)spec->config.n_chains, study->options->work);
    fprintf(out, "compared:");
    for (int32_t k = 0; k < study->n_columns; k++) {
        if (study->column[k].is_compared) {
            fprintf(out, " %s", study->column[k].name);
        }
    }
    const kr_compare_scan *scan = &study->scan;
    int32_t hot = kr_compare_scan_hot(scan);
    fprintf(out, "\nlocal moves are fast up to beta = %.4g (tau_int = %.2g sweeps)%s\n",
            scan->beta[hot], scan->tau[hot],
            hot < scan->n - 1 ? ": ladders of replica exchange begin there" : "");
}

/* Name of the slowest column without its ending. */
static const char *short_name(char text[32], const char *name)
{
    const char *ending = strstr(name, "_per_site");
    int n = ending ? (int)(ending - name) : (int)strlen(name);
    snprintf(text, 32, "%.*s", n > 21 ? 21 : n, name);
    return text;
}

static bool was_measured(const kr_compare_row *row)
{
    return row->status != KR_COMPARE_LEFT_OUT && row->status != KR_COMPARE_NOT_RUN;
}

static void even_text(const kr_compare_row *row, char text[KR_COMPARE_TIME])
{
    char count[KR_COMPARE_TIME];
    switch (row->even) {
    case KR_EVEN_NONE:
        snprintf(text, KR_COMPARE_TIME, "-");
        return;
    case KR_EVEN_ALWAYS:
        snprintf(text, KR_COMPARE_TIME, "1");
        return;
    case KR_EVEN_NEVER:
        snprintf(text, KR_COMPARE_TIME, "never");
        return;
    case KR_EVEN_UNDECIDED:
        snprintf(text, KR_COMPARE_TIME, "?");
        return;
    case KR_EVEN_FROM:
    case KR_EVEN_AT_MOST:
        snprintf(text, KR_COMPARE_TIME, "%s%.40s", row->even == KR_EVEN_FROM ? "" : "<",
                 kr_compare_count(count, row->n_star));
        return;
    }
}

static void print_row(const kr_compare *study, const kr_compare_row *row, FILE *out)
{
    char slow[32] = "-", tau[KR_COMPARE_TIME] = "-", cost[KR_COMPARE_TIME] = "-",
         even[KR_COMPARE_TIME], n_cost[KR_COMPARE_TIME], ratio[32] = "-";
    const char *bound = row->status == KR_COMPARE_NOT_RESOLVED ? ">" : "";
    if (row->slowest >= 0) {
        const kr_compare_value *v = &row->value[row->slowest];
        short_name(slow, study->column[row->slowest].name);
        if (isfinite(v->tau) && *bound) {
            snprintf(tau, sizeof tau, ">%.3g", v->tau);
        } else if (isfinite(v->tau)) {
            kr_format_value(v->tau, v->tau_error, 1, tau, sizeof tau);
        }
        kr_compare_time(cost, row->cost, *bound ? NAN : row->cost_error);
    }
    if (isfinite(row->ratio_n)) {
        snprintf(ratio, sizeof ratio, "%s%.3g",
                 *bound                ? ">"
                 : row->is_ratio_bound ? "<"
                                       : "",
                 row->ratio_n);
    }
    even_text(row, even);
    fprintf(out, "%-37s %8.2f  %-18s  %-10s %s%-13s %8s %s%-9s %s\n", row->name,
            row->set_up_cpu_s, slow, tau, *bound ? ">" : " ", cost, even, *bound ? ">" : " ",
            kr_compare_time(n_cost, row->cost_n, NAN), ratio);
}

/* Words of a text on lines of WIDTH. */
static void print_wrapped(const char *text, FILE *out)
{
    size_t column = 0;
    while (*text) {
        size_t n = strcspn(text, " ");
        if (column > 0 && column + 1 + n > WIDTH) {
            fputc('\n', out);
            column = 0;
        }
        fprintf(out, "%s%.*s", column ? " " : "", (int)n, text);
        column += n + (column > 0);
        text += n + (text[n] == ' ');
    }
    fputc('\n', out);
}

/* A heading and the notes of all rows of that status; nothing without any. */
static void print_group(const kr_compare *study, kr_compare_status status, const char *heading,
                        FILE *out)
{
    bool has_heading = false;
    for (int32_t r = 0; r < study->n_rows; r++) {
        const kr_compare_row *row = &study->row[r];
        if (row->status != status) {
            continue;
        }
        if (!has_heading) {
            fprintf(out, "\n%s\n", heading);
            has_heading = true;
        }
        fprintf(out, "  %-37s %s%s\n", row->name, row->note,
                row->is_stopped ? " (stopped)" : "");
    }
}

static void print_notes(const kr_compare *study, FILE *out)
{
    print_group(study, KR_COMPARE_NOT_RESOLVED,
                "not resolved, costs are lower bounds (>):", out);
    print_group(study, KR_COMPARE_PARTIAL, "not ranked:", out);
    print_group(study, KR_COMPARE_DISAGREES, "OUT, a mean disagrees:", out);
    print_group(study, KR_COMPARE_LEFT_OUT, "left out:", out);
    print_group(study, KR_COMPARE_NOT_RUN, "not run:", out);
}

/* Column of a row whose mean is furthest from what it is held to, or -1. */
static int32_t furthest(const kr_compare *study, const kr_compare_row *row)
{
    int32_t worst = -1;
    for (int32_t k = 0; k < study->n_columns; k++) {
        const kr_compare_value *v = &row->value[k];
        if (study->column[k].is_compared && v->is_measured && isfinite(v->z) &&
            (worst < 0 || fabs(v->z) > fabs(row->value[worst].z))) {
            worst = k;
        }
    }
    return worst;
}

/* Means, so that a wrong sampler is seen. */
static void print_means(const kr_compare *study, FILE *out)
{
    char mean[64], name[32];
    fprintf(out, "\nmeans, exact or by the most precise candidate:");
    for (int32_t k = 0; k < study->n_columns; k++) {
        const kr_compare_column *c = &study->column[k];
        if (!c->is_compared || (c->reference < 0 && !isfinite(c->exact))) {
            continue;
        }
        if (isfinite(c->exact)) {
            snprintf(mean, sizeof mean, "%.6g exact", c->exact);
        } else {
            const kr_compare_value *v = &study->row[c->reference].value[k];
            kr_format_value(v->mean, v->error, 2, mean, sizeof mean);
        }
        fprintf(out, "\n  %-22s %s", short_name(name, c->name), mean);
    }
    fprintf(out, "\nfurthest from them, in errors:\n");
    for (int32_t r = 0; r < study->n_rows; r++) {
        const kr_compare_row *row = &study->row[r];
        int32_t k = was_measured(row) ? furthest(study, row) : -1;
        if (k >= 0) {
            const kr_compare_value *v = &row->value[k];
            kr_format_value(v->mean, v->error, 2, mean, sizeof mean);
            fprintf(out, "  %-37s %+6.1f  %s %s\n", row->name, v->z,
                    short_name(name, study->column[k].name), mean);
        }
    }
}

void kr_compare_print(const kr_compare *study, FILE *out)
{
    char sentence[4096];
    print_head(study, out);
    fprintf(out, "\n%-37s %8s  %-18s  %-10s  %-13s %8s  %-9s %s\n", "", "set-up", "slowest",
            "tau_int", "CPU per", "pays", "CPU for", "ratio to");
    fprintf(out, "%-37s %8s  %-18s  %-10s  %-13s %8s  %-9s %s\n", "candidate", "CPU-s",
            "observable", "steps", "indep. sample", "from n*", "10^4", "best rival");
    for (int32_t r = 0; r < study->n_rows; r++) {
        if (was_measured(&study->row[r])) {
            print_row(study, &study->row[r], out);
        }
    }
    print_notes(study, out);
    if (study->n_rows > 0 && was_measured(&study->row[0])) { /* they stand first */
        print_means(study, out);
    }
    if (isfinite(study->energy_j)) {
        fprintf(out, "\nenergy of the whole study: %.0f J (RAPL, all packages)\n",
                study->energy_j);
    }
    kr_compare_sentence(study, sentence, sizeof sentence);
    fprintf(out, "\n%s", study->is_stopped ? "Stopped before all were measured. " : "");
    print_wrapped(sentence, out);
}
