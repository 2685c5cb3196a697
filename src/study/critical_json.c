/* SPDX-License-Identifier: GPL-3.0-or-later
 * study/critical_json.c - the result of a study as one JSON object (study/critical.h). */
#include "analysis/json.h"
#include "io/files.h"
#include "study/critical_private.h"

#include <math.h>

static void put(kr_json *j, const char *key, double x, double error)
{
    kr_json_key(j, key);
    kr_json_open(j, '{');
    kr_json_field(j, "value", x);
    kr_json_field(j, "error", error);
    kr_json_close(j, '}');
}

static void put_estimated(kr_json *j, const char *key, kr_estimated e)
{
    put(j, key, e.value, e.error);
}

static void put_fitted(kr_json *j, const char *key, double x, double error, double spread)
{
    kr_json_key(j, key);
    kr_json_open(j, '{');
    kr_json_field(j, "value", x);
    kr_json_field(j, "error", error);
    kr_json_field(j, "spread", spread);
    kr_json_close(j, '}');
}

static void put_text(kr_json *j, const char *key, const char *text)
{
    kr_json_key(j, key);
    kr_json_text(j, text);
}

/* NaN, printed as null, where there is no fit. */
static double fitted(const kr_critical *study, double x)
{
    return study->has_fit ? x : NAN;
}

static void put_critical(const kr_critical *study, kr_json *j)
{
    const bool is_first = study->order == KR_CRITICAL_FIRST;
    const double x = is_first         ? study->first.at_weight.value
                     : study->has_fit ? study->fit.critical.value
                                      : NAN;
    const double error = is_first         ? study->first.at_weight.error
                         : study->has_fit ? study->fit.critical.error
                                          : NAN;
    kr_json_key(j, "critical");
    kr_json_open(j, '{');
    kr_json_field(j, "value", x);
    kr_json_field(j, "error", error);
    kr_json_field(j, "spread", is_first ? NAN : fitted(study, study->fit.critical.spread));
    kr_json_field(j, "known", study->base.known);
    kr_json_key(j, "known_source");
    if (study->base.known_source) {
        kr_json_text(j, study->base.known_source);
    } else {
        kr_json_number(j, NAN);
    }
    kr_json_field(j, "z", (x - study->base.known) / error);
    kr_json_close(j, '}');
}

static void put_fit(const kr_critical *study, kr_json *j)
{
    const kr_scaling_result *f = &study->fit;
    const double y = fitted(study, f->exponent.value);
    kr_json_key(j, "exponents");
    kr_json_open(j, '{');
    put_fitted(j, "nu", fitted(study, 1.0 / y), fitted(study, f->exponent.error / (y * y)),
               fitted(study, f->exponent.spread / (y * y)));
    put_fitted(j, "gamma_over_nu", fitted(study, study->base.n_dims + f->square.value),
               fitted(study, f->square.error), fitted(study, f->square.spread));
    put_fitted(j, "beta_over_nu", fitted(study, -f->abs.value), fitted(study, f->abs.error),
               fitted(study, f->abs.spread));
    put_fitted(j, "omega", fitted(study, f->correction.value),
               fitted(study, f->correction.error), fitted(study, f->correction.spread));
    kr_json_close(j, '}');
    put_fitted(j, "binder", fitted(study, f->binder.value), fitted(study, f->binder.error),
               fitted(study, f->binder.spread));
    put_fitted(j, "xi_over_l", fitted(study, f->ratio.value), fitted(study, f->ratio.error),
               fitted(study, f->ratio.spread));
    kr_json_field(j, "best_p", fitted(study, f->best_p));
    kr_json_key(j, "fits");
    kr_json_open(j, '[');
    for (int32_t v = 0; study->has_fit && v < f->n_variants; v++) {
        const kr_scaling_variant *a = &f->variant[v];
        kr_json_open(j, '{');
        put_text(j, "ratio", a->datum == KR_SCALING_BINDER ? "binder" : "xi_over_l");
        kr_json_field(j, "least_size", a->least);
        kr_json_key(j, "corrected");
        kr_json_bool(j, a->corrected);
        kr_json_field(j, "chi2", a->chi2);
        kr_json_field(j, "n_data", a->n_data);
        kr_json_field(j, "n_parameters", a->n_parameters);
        kr_json_field(j, "p", a->p);
        kr_json_field(j, "weight", a->weight);
        kr_json_field(j, "critical", a->critical);
        kr_json_field(j, "critical_error", a->critical_error);
        kr_json_close(j, '}');
    }
    kr_json_close(j, ']');
}

static void put_first(const kr_critical *study, kr_json *j)
{
    const kr_critical_first *f = &study->first;
    kr_json_key(j, "first_order");
    if (!study->has_first) {
        kr_json_number(j, NAN);
        return;
    }
    kr_json_open(j, '{');
    put_estimated(j, "equal_weight", f->at_weight);
    put_estimated(j, "equal_height", f->at_height);
    put_estimated(j, "peak", f->at_peak);
    put_estimated(j, "latent_heat", f->latent);
    put_estimated(j, "conjugate_low", f->x_low);
    put_estimated(j, "conjugate_high", f->x_high);
    put_estimated(j, "interface_tension", f->tension);
    kr_json_field(j, "n_ordered", study->base.n_ordered);
    kr_json_field(j, "p", f->p);
    kr_json_close(j, '}');
}

static void put_coexistence(const kr_coexistence *c, kr_json *j)
{
    kr_json_key(j, "coexistence");
    kr_json_open(j, '{');
    put_estimated(j, "at_weight", c->at_weight);
    put_estimated(j, "at_height", c->at_height);
    put_estimated(j, "barrier", c->barrier);
    put_estimated(j, "gap", c->gap);
    put_estimated(j, "at_peak", c->at_peak);
    kr_json_field(j, "crossings", (double)c->n_crossings);
    kr_json_close(j, '}');
}

static void put_size(const kr_critical_size *s, kr_json *j)
{
    const double *v = s->data.value, m2 = exp(v[KR_SCALING_SQUARE]);
    double e[KR_SCALING_DATA];
    for (int k = 0; k < KR_SCALING_DATA; k++) {
        e[k] = sqrt(s->data.covariance[k][k]);
    }
    kr_json_open(j, '{');
    kr_json_field(j, "size", s->side);
    kr_json_field(j, "n_sites", s->n_sites);
    kr_json_field(j, "at", s->at);
    kr_json_field(j, "draws", (double)s->n_draws);
    kr_json_field(j, "tau_int", s->tau);
    kr_json_field(j, "cpu_s", s->cpu_s);
    put(j, "binder", v[KR_SCALING_BINDER], e[KR_SCALING_BINDER]);
    put(j, "xi_over_l", v[KR_SCALING_RATIO], e[KR_SCALING_RATIO]);
    put(j, "abs_magnetization", exp(v[KR_SCALING_ABS]),
        e[KR_SCALING_ABS] * exp(v[KR_SCALING_ABS]));
    put(j, "susceptibility", s->n_sites * m2, s->n_sites * m2 * e[KR_SCALING_SQUARE]);
    put_coexistence(&s->coexistence, j);
    kr_json_close(j, '}');
}

int kr_critical_print_json(const kr_critical *study, FILE *out, kr_error *err)
{
    static const char *const order[] = { "continuous", "first", "unclear" };
    kr_json j = { .out = out };
    (void)err;
    kr_json_open(&j, '{');
    put_text(&j, "kramers", KR_VERSION);
    put_text(&j, "run_file", study->base.path);
    put_text(&j, "folder", study->base.options->folder);
    put_text(&j, "model", study->base.spec->model->name);
    put_text(&j, "lattice", study->base.spec->lattice_plug->name);
    put_text(&j, "parameter", kr_study_parameter(&study->base));
    put_text(&j, "order", order[study->order]);
    kr_json_key(&j, "evidence");
    kr_json_open(&j, '[');
    for (int32_t k = 0; k < study->n_evidence; k++) {
        kr_json_text(&j, study->evidence[k]);
    }
    kr_json_close(&j, ']');
    put_critical(study, &j);
    put_fit(study, &j);
    put_first(study, &j);
    kr_json_key(&j, "sizes");
    kr_json_open(&j, '[');
    for (int32_t k = 0; k < study->n_sizes; k++) {
        put_size(&study->size[k], &j);
    }
    kr_json_close(&j, ']');
    kr_json_key(&j, "cost");
    kr_json_open(&j, '{');
    kr_json_field(&j, "scan_cpu_s", study->scan_cpu_s);
    kr_json_field(&j, "pilot_cpu_s", study->pilot_cpu_s);
    kr_json_field(&j, "measure_cpu_s", study->measure_cpu_s);
    kr_json_field(&j, "wall_s", kr_files_clock() - study->begun);
    kr_json_close(&j, '}');
    put_text(&j, "advice", study->advice);
    kr_json_close(&j, '}');
    fputc('\n', out);
    return KR_OK;
}
