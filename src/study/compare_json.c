/* SPDX-License-Identifier: GPL-3.0-or-later
 * study/compare_json.c - the comparison as one JSON object; its keys are listed in compare.h.
 */
#include "analysis/json.h"
#include "study/compare_private.h"

#include <math.h>

static void text_field(kr_json *j, const char *key, const char *text)
{
    kr_json_key(j, key);
    if (text && *text) {
        kr_json_text(j, text);
    } else {
        kr_json_number(j, NAN);
    }
}

static void bool_field(kr_json *j, const char *key, bool x)
{
    kr_json_key(j, key);
    kr_json_bool(j, x);
}

static const char *row_name(const kr_compare *study, int32_t r)
{
    return r >= 0 ? study->row[r].name : NULL;
}

static void write_system(kr_json *j, const kr_compare *study)
{
    const kr_spec *spec = study->spec;
    kr_json_key(j, "system");
    kr_json_open(j, '{');
    text_field(j, "model", spec->model->name);
    text_field(j, "lattice", spec->lattice_plug->name);
    kr_json_field(j, "n_sites", spec->target[0].terms->n_sites);
    kr_json_field(j, "beta", spec->target[0].beta);
    kr_json_field(j, "chains", (double)spec->config.n_chains);
    kr_json_close(j, '}');
}

static void write_lists(kr_json *j, const kr_compare *study)
{
    kr_json_key(j, "scan");
    kr_json_open(j, '[');
    for (int32_t k = 0; k < study->scan.n; k++) {
        kr_json_open(j, '{');
        kr_json_field(j, "beta", study->scan.beta[k]);
        kr_json_field(j, "energy_deviation", study->scan.deviation[k]);
        kr_json_field(j, "tau_int", study->scan.tau[k]);
        kr_json_close(j, '}');
    }
    kr_json_close(j, ']');
    kr_json_key(j, "observables");
    kr_json_open(j, '[');
    for (int32_t k = 0; k < study->n_columns; k++) {
        const kr_compare_column *c = &study->column[k];
        kr_json_open(j, '{');
        text_field(j, "name", c->name);
        bool_field(j, "is_compared", c->is_compared);
        kr_json_field(j, "exact", c->exact);
        text_field(j, "reference", row_name(study, c->reference));
        kr_json_close(j, '}');
    }
    kr_json_close(j, ']');
}

static void write_values(kr_json *j, const kr_compare *study, const kr_compare_row *row)
{
    kr_json_key(j, "observables");
    kr_json_open(j, '{');
    for (int32_t k = 0; k < study->n_columns; k++) {
        const kr_compare_value *v = &row->value[k];
        if (!v->is_measured) {
            continue;
        }
        kr_json_key(j, study->column[k].name);
        kr_json_open(j, '{');
        kr_json_field(j, "mean", v->mean);
        kr_json_field(j, "error", v->error);
        kr_json_field(j, "z", v->z);
        kr_json_field(j, "tau_int", v->tau);
        kr_json_field(j, "tau_int_error", v->tau_error);
        kr_json_field(j, "r_hat", v->r_hat);
        kr_json_field(j, "n_independent", v->n_independent);
        bool_field(j, "is_resolved", v->is_resolved);
        text_field(j, "why", v->why);
        kr_json_field(j, "cost_cpu_s", v->cost);
        kr_json_field(j, "cost_error", v->cost_error);
        kr_json_close(j, '}');
    }
    kr_json_close(j, '}');
}

static void write_verdict_of_row(kr_json *j, const kr_compare *study, const kr_compare_row *row)
{
    static const char *const even[] = { "none",    "always", "from",
                                        "at_most", "never",  "undecided" };
    text_field(j, "slowest", row->slowest >= 0 ? study->column[row->slowest].name : NULL);
    kr_json_field(j, "cost_cpu_s", row->slowest >= 0 ? row->cost : NAN);
    kr_json_field(j, "cost_error", row->slowest >= 0 ? row->cost_error : NAN);
    bool_field(j, "is_lower_bound", row->status == KR_COMPARE_NOT_RESOLVED);
    kr_json_key(j, "break_even");
    kr_json_open(j, '{');
    text_field(j, "status", even[row->even]);
    kr_json_field(j, "n", row->n_star);
    text_field(j, "rival", row_name(study, row->even_rival));
    kr_json_close(j, '}');
    kr_json_field(j, "cost_10000_cpu_s", row->cost_n);
    text_field(j, "rival_10000", row_name(study, row->rival_n));
    kr_json_field(j, "ratio_10000", row->ratio_n);
    bool_field(j, "ratio_is_upper_bound", row->is_ratio_bound);
}

static void write_row(kr_json *j, const kr_compare *study, const kr_compare_row *row)
{
    static const char *const status[] = { "",        "",         "resolved", "not_resolved",
                                          "partial", "disagrees" };
    kr_json_open(j, '{');
    text_field(j, "name", row->name);
    text_field(j, "schedule", row->schedule);
    text_field(j, "kind", kr_compare_kind_name(row->kind));
    text_field(j, "status", status[row->status]);
    text_field(j, "note", row->note);
    kr_json_field(j, "set_up_cpu_s", row->set_up_cpu_s);
    kr_json_field(j, "train_cpu_s", row->train_cpu_s);
    kr_json_field(j, "sample_cpu_s", row->sample_cpu_s);
    kr_json_field(j, "n_chains", (double)row->n_chains);
    kr_json_field(j, "n_points", row->n_points);
    kr_json_field(j, "n_draws", (double)row->n_draws);
    kr_json_field(j, "every", (double)row->every);
    kr_json_field(j, "cpu_s_per_step", row->cpu_s_per_step);
    kr_json_field(j, "acceptance", row->acceptance);
    kr_json_field(j, "ess_q", row->ess_q);
    write_values(j, study, row);
    write_verdict_of_row(j, study, row);
    kr_json_close(j, '}');
}

static bool was_measured(const kr_compare_row *row)
{
    return row->status != KR_COMPARE_LEFT_OUT && row->status != KR_COMPARE_NOT_RUN;
}

static void write_rows(kr_json *j, const kr_compare *study)
{
    kr_json_key(j, "candidates");
    kr_json_open(j, '[');
    for (int32_t r = 0; r < study->n_rows; r++) {
        if (was_measured(&study->row[r])) {
            write_row(j, study, &study->row[r]);
        }
    }
    kr_json_close(j, ']');
    kr_json_key(j, "left_out");
    kr_json_open(j, '[');
    for (int32_t r = 0; r < study->n_rows; r++) {
        if (!was_measured(&study->row[r])) {
            kr_json_open(j, '{');
            text_field(j, "name", study->row[r].name);
            text_field(j, "why",
                       study->row[r].status == KR_COMPARE_NOT_RUN ? "stopped"
                                                                  : study->row[r].note);
            kr_json_close(j, '}');
        }
    }
    kr_json_close(j, ']');
}

static void write_verdict(kr_json *j, const kr_compare *study)
{
    char sentence[4096];
    kr_compare_range range[KR_COMPARE_ROWS];
    kr_compare_sentence(study, sentence, sizeof sentence);
    kr_json_key(j, "verdict");
    kr_json_open(j, '{');
    text_field(j, "sentence", sentence);
    kr_json_key(j, "ranges");
    kr_json_open(j, '[');
    int32_t n = kr_compare_ranges(study, range);
    for (int32_t k = 0; k < n; k++) {
        kr_json_open(j, '{');
        text_field(j, "candidate", study->row[range[k].row].name);
        kr_json_field(j, "from_n", range[k].from_n);
        kr_json_close(j, '}');
    }
    kr_json_close(j, ']');
    kr_json_close(j, '}');
}

void kr_compare_print_json(const kr_compare *study, FILE *out)
{
    kr_json j = { .out = out };
    kr_json_open(&j, '{');
    text_field(&j, "kramers", KR_VERSION);
    text_field(&j, "run_file", study->path);
    write_system(&j, study);
    kr_json_field(&j, "work_s", study->options->work);
    kr_json_field(&j, "n_threads", study->options->n_threads);
    bool_field(&j, "is_stopped", study->is_stopped);
    kr_json_field(&j, "energy_j", study->energy_j);
    text_field(&j, "exact_method", study->exact_method);
    write_lists(&j, study);
    write_rows(&j, study);
    write_verdict(&j, study);
    kr_json_close(&j, '}');
    fputc('\n', out);
}
