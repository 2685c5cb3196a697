/* SPDX-License-Identifier: GPL-3.0-or-later
 * study/phase_json.c - the result of a study of classifiers as one JSON object
 * (study/phase.h). */
#include "analysis/json.h"
#include "io/files.h"
#include "study/phase_private.h"

#include <math.h>

static void put_text(kr_json *j, const char *key, const char *text)
{
    kr_json_key(j, key);
    if (text) {
        kr_json_text(j, text);
    } else {
        kr_json_number(j, NAN);
    }
}

static void open(kr_json *j, const char *key, char bracket)
{
    kr_json_key(j, key);
    kr_json_open(j, bracket);
}

static void put_value(kr_json *j, kr_phase_value x)
{
    kr_json_field(j, "value", x.value);
    kr_json_field(j, "error", x.error);
}

static void put_numbers(kr_json *j, const char *key, const double *x, int32_t n)
{
    open(j, key, '[');
    for (int32_t k = 0; k < n; k++) {
        kr_json_number(j, x[k]);
    }
    kr_json_close(j, ']');
}

static void put_crossings(const kr_phase_study *study, const kr_phase_value *x, kr_json *j)
{
    open(j, "crossings", '[');
    for (int32_t k = 0; k + 1 < study->n_sizes; k++) {
        const double sides[] = { study->size[k].side, study->size[k + 1].side };
        kr_json_open(j, '{');
        put_numbers(j, "sizes", sides, 2);
        put_value(j, x[k]);
        kr_json_close(j, '}');
    }
    kr_json_close(j, ']');
}

static void put_limit(const kr_phase_study *study, const kr_phase_limit *l, kr_json *j)
{
    open(j, "limit", '{');
    kr_json_field(j, "value", l->value);
    kr_json_field(j, "error", l->error);
    kr_json_field(j, "statistical", l->statistical);
    kr_json_field(j, "window", l->window);
    kr_json_field(j, "cut", l->cut);
    kr_json_field(j, "chi2", l->chi2);
    kr_json_field(j, "p", l->p);
    kr_json_field(j, "z", (l->value - study->base.known) / l->error);
    kr_json_field(j, "z_statistical", (l->value - study->base.known) / l->statistical);
    kr_json_close(j, '}');
}

static void put_sizes_of(const kr_phase_study *study, int kind, kr_json *j)
{
    open(j, "half", '[');
    for (int32_t k = 0; k < study->n_sizes; k++) {
        const kr_phase_curve *c = study->size[k].curve[kind];
        const double other[] = { c[1].half.value, c[2].half.value };
        kr_json_open(j, '{');
        kr_json_field(j, "size", study->size[k].side);
        put_value(j, c->half);
        put_numbers(j, "windows", other, 2);
        kr_json_close(j, '}');
    }
    kr_json_close(j, ']');
    open(j, "curves", '[');
    for (int32_t k = 0; k < study->n_sizes; k++) {
        const kr_phase_curve *c = study->size[k].curve[kind];
        kr_json_open(j, '{');
        kr_json_field(j, "size", study->size[k].side);
        put_numbers(j, "p", c->p, study->n_points);
        put_numbers(j, "error", c->error, study->n_points);
        kr_json_close(j, '}');
    }
    kr_json_close(j, ']');
}

static void put_score(const char *key, const kr_phase_score *s, kr_json *j)
{
    open(j, key, '{');
    kr_json_field(j, "accuracy", s->accuracy);
    kr_json_field(j, "cross_entropy", s->entropy);
    kr_json_close(j, '}');
}

static void put_knows(const kr_phase_study *study, int kind, kr_json *j)
{
    static const char *const key[] = { "abs_magnetization", "conjugate", "all" };
    static const char *const within[] = { "abs_magnetization_within", "conjugate_within",
                                          "all_within" };
    static const char *const shown[] = { "ordered", "domains", "checkerboard", "random" };
    const kr_phase_size *s = &study->size[study->n_sizes - 1];
    put_score("train", &s->train[kind], j);
    put_score("test", &s->test[kind], j);
    open(j, "r2", '{');
    for (int r = 0; r < KR_PHASE_R2; r++) {
        kr_json_field(j, key[r], s->r2[kind][r]);
        kr_json_field(j, within[r], s->within[kind][r]);
    }
    kr_json_close(j, '}');
    if (kind == KR_PHASE_LOGISTIC) {
        open(j, "weights", '[');
        for (int32_t f = 0; f < study->n_features; f++) {
            kr_json_open(j, '{');
            put_text(j, "feature", kr_phase_feature(study, f));
            kr_json_field(j, "weight", s->logistic.weight[f]);
            kr_json_close(j, '}');
        }
        kr_json_close(j, ']');
        kr_json_field(j, "shown", NAN);
        return;
    }
    kr_json_field(j, "weights", NAN);
    open(j, "shown", '{');
    for (int k = 0; k < KR_PHASE_SHOWN; k++) {
        kr_json_field(j, shown[k], s->shown[k]);
    }
    kr_json_close(j, '}');
}

static void put_classifiers(const kr_phase_study *study, kr_json *j)
{
    static const char *const name[] = { "logistic", "network" };
    open(j, "classifiers", '[');
    for (int kind = 0; kind < KR_PHASE_KINDS && kr_phase_kind_is_there(study, kind); kind++) {
        kr_json_open(j, '{');
        put_text(j, "name", name[kind]);
        put_limit(study, &study->limit[kind], j);
        put_sizes_of(study, kind, j);
        put_crossings(study, study->crossing[kind], j);
        kr_json_field(j, "steepens", study->steepens[kind]);
        put_knows(study, kind, j);
        kr_json_close(j, '}');
    }
    kr_json_close(j, ']');
    put_text(j, "network_note", study->has_net ? NULL : study->note);
}

static void put_binder(const kr_phase_study *study, kr_json *j)
{
    const kr_phase_value b = study->binder_crossing[study->n_sizes - 2];
    open(j, "binder", '{');
    put_value(j, b);
    kr_json_field(j, "z", (b.value - study->base.known) / b.error);
    put_crossings(study, study->binder_crossing, j);
    open(j, "curves", '[');
    for (int32_t k = 0; k < study->n_sizes; k++) {
        kr_json_open(j, '{');
        kr_json_field(j, "size", study->size[k].side);
        put_numbers(j, "binder", study->size[k].binder, study->n_points);
        put_numbers(j, "error", study->size[k].binder_error, study->n_points);
        kr_json_close(j, '}');
    }
    kr_json_close(j, ']');
    kr_json_close(j, '}');
}

static void put_rest(const kr_phase_study *study, kr_json *j)
{
    const kr_phase_size *last = &study->size[study->n_sizes - 1];
    open(j, "agreement", '{');
    kr_json_field(j, "all", last->agree);
    kr_json_field(j, "gap", last->agree_gap);
    kr_json_close(j, '}');
    open(j, "sizes", '[');
    for (int32_t k = 0; k < study->n_sizes; k++) {
        const kr_phase_size *s = &study->size[k];
        kr_json_open(j, '{');
        kr_json_field(j, "size", s->side);
        kr_json_field(j, "n_sites", s->n_sites);
        kr_json_field(j, "every", (double)s->every);
        kr_json_field(j, "thermalize", (double)s->thermalize);
        kr_json_field(j, "tau_int", s->tau);
        kr_json_field(j, "draws", (double)s->n_draws * study->n_points);
        kr_json_close(j, '}');
    }
    kr_json_close(j, ']');
    open(j, "says", '[');
    for (int32_t k = 0; k < study->n_lines; k++) {
        kr_json_text(j, study->line[k]);
    }
    kr_json_close(j, ']');
    open(j, "cost", '{');
    kr_json_field(j, "pilot_cpu_s", study->pilot_cpu_s);
    kr_json_field(j, "measure_cpu_s", study->measure_cpu_s);
    kr_json_field(j, "train_cpu_s", study->train_cpu_s);
    kr_json_field(j, "wall_s", kr_files_clock() - study->begun);
    kr_json_close(j, '}');
}

void kr_phase_print_json(const kr_phase_study *study, FILE *out)
{
    const kr_study *base = &study->base;
    kr_json j = { .out = out };
    kr_json_open(&j, '{');
    put_text(&j, "kramers", KR_VERSION);
    put_text(&j, "run_file", base->path);
    put_text(&j, "folder", base->options->folder);
    put_text(&j, "model", base->spec->model->name);
    put_text(&j, "lattice", base->spec->lattice_plug->name);
    put_text(&j, "parameter", kr_study_parameter(base));
    put_numbers(&j, "points", study->at, study->n_points);
    open(&j, "windows", '[');
    for (int32_t w = 0; w < KR_PHASE_WINDOWS; w++) {
        kr_json_open(&j, '{');
        kr_json_field(&j, "low", study->at[study->window[w][0]]);
        kr_json_field(&j, "high", study->at[study->window[w][1]]);
        kr_json_close(&j, '}');
    }
    kr_json_close(&j, ']');
    put_text(&j, "ordered_side", study->ordered_is_high ? "high" : "low");
    kr_json_field(&j, "known", base->known);
    put_text(&j, "known_source", base->known_source);
    put_classifiers(study, &j);
    put_binder(study, &j);
    put_rest(study, &j);
    kr_json_close(&j, '}');
    fputc('\n', out);
}
