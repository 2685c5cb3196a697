/* SPDX-License-Identifier: GPL-3.0-or-later
 * study/critical_print.c - the result of a study as text. */
#include "analysis/format.h"
#include "io/files.h"
#include "study/critical_private.h"

#include <math.h>
#include <string.h>

enum { TEXT = 64 };

static const char *value(char text[TEXT], double x, double error)
{
    kr_format_value(x, error, 2, text, TEXT);
    return text;
}

static void print_head(const kr_critical *study, FILE *out)
{
    fprintf(out, "%s on %s in %d dimensions, %s in %.6g..%.6g; sizes %d..%d, %.3g minutes\n\n",
            study->base.spec->model->name, study->base.spec->lattice_plug->name,
            study->base.n_dims, kr_study_parameter(&study->base), study->base.low,
            study->base.high, study->size[0].side, study->size[study->n_sizes - 1].side,
            study->minutes);
}

static void print_continuous_sizes(const kr_critical *study, FILE *out)
{
    fprintf(out, "%6s %12s %9s %16s %16s %16s %8s\n", "size", "draws", "tau_int", "binder",
            study->base.has_ratio ? "xi/L" : "-", "<|m|>", "barrier");
    for (int32_t k = 0; k < study->n_sizes; k++) {
        const kr_critical_size *s = &study->size[k];
        char text[4][TEXT];
        double v[3], e[3];
        static const int which[] = { KR_SCALING_BINDER, KR_SCALING_RATIO, KR_SCALING_ABS };
        for (int c = 0; c < 3; c++) {
            v[c] = s->data.value[which[c]];
            e[c] = sqrt(s->data.covariance[which[c]][which[c]]);
        }
        v[2] = exp(v[2]);
        e[2] *= v[2];
        snprintf(text[3], TEXT, "-");
        if (s->coexistence.has_peaks) {
            snprintf(text[3], TEXT, "%.2f", s->coexistence.barrier.value);
        }
        fprintf(out, "%6d %12lld %9.3g %16s %16s %16s %8s\n", s->side, (long long)s->n_draws,
                s->tau, value(text[0], v[0], e[0]),
                study->base.has_ratio ? value(text[1], v[1], e[1]) : "-",
                value(text[2], v[2], e[2]), text[3]);
    }
    fprintf(out, "at %s = %.9g; tau_int in steps, of the slowest of conjugate, m^2, |m|\n\n",
            kr_study_parameter(&study->base), study->fit.critical.value);
}

static void print_first_sizes(const kr_critical *study, FILE *out)
{
    fprintf(out, "%6s %12s %9s %18s %18s %12s %14s %9s\n", "size", "draws", "tau_int",
            "equal weight", "equal height", "barrier", "gap per site", "crossings");
    for (int32_t k = 0; k < study->n_sizes; k++) {
        const kr_critical_size *s = &study->size[k];
        const kr_coexistence *c = &s->coexistence;
        char text[4][TEXT];
        if (!c->has_peaks) {
            fprintf(out, "%6d %12lld %9.3g  one peak\n", s->side, (long long)s->n_draws,
                    s->tau);
            continue;
        }
        fprintf(out, "%6d %12lld %9.3g %18s %18s %12s %14s %9lld\n", s->side,
                (long long)s->n_draws, s->tau,
                value(text[0], c->at_weight.value, c->at_weight.error),
                value(text[1], c->at_height.value, c->at_height.error),
                value(text[2], c->barrier.value, c->barrier.error),
                value(text[3], c->gap.value / s->n_sites, c->gap.error / s->n_sites),
                (long long)c->n_crossings);
    }
    fprintf(out, "equal weight: %g ordered phases against one; tau_int in steps\n\n",
            study->base.n_ordered);
}

static void print_critical(const kr_critical *study, const char *name, double x, double error,
                           FILE *out)
{
    char text[TEXT];
    fprintf(out, "  %s = %s", name, value(text, x, error));
    if (isfinite(study->base.known)) {
        fprintf(out, "   known: %.10g (%s), z = %+.2f", study->base.known,
                study->base.known_source, (x - study->base.known) / error);
    }
    fputc('\n', out);
}

static void print_number(const char *name, double x, double error, const char *note, FILE *out)
{
    char text[TEXT];
    if (isfinite(x)) {
        fprintf(out, "  %s = %s%s\n", name, value(text, x, error), note);
    }
}

static void print_continuous(const kr_critical *study, FILE *out)
{
    const kr_scaling_result *f = &study->fit;
    const double y = f->exponent.value;
    char name[TEXT];
    snprintf(name, sizeof name, "%.50s_c", kr_study_parameter(&study->base));
    print_critical(study, name, f->critical.value, f->critical.error, out);
    print_number("nu", 1.0 / y, f->exponent.error / (y * y), "", out);
    print_number("gamma/nu", study->base.n_dims + f->square.value, f->square.error, "", out);
    print_number("beta/nu", -f->abs.value, f->abs.error, "", out);
    char given[TEXT];
    snprintf(given, sizeof given, "   of the corrections, given as %.4g within 5 %%",
             study->omega);
    print_number("omega", f->correction.value, f->correction.error,
                 study->omega > 0.0
                     ? given
                     : "   of the corrections; its prior is 1.2, a factor of 1.6 "
                       "either way",
                 out);
    print_number("binder", f->binder.value, f->binder.error, "   of infinite size, there", out);
    print_number("xi/L", f->ratio.value, f->ratio.error, "   of infinite size, there", out);
    fprintf(out, "  errors: of the draws, and of the choice among %d fits (p up to %.2g)\n",
            f->n_variants, f->best_p);
}

static void print_first(const kr_critical *study, FILE *out)
{
    const kr_critical_first *f = &study->first;
    char name[TEXT];
    snprintf(name, sizeof name, "%.50s_t", kr_study_parameter(&study->base));
    print_critical(study, name, f->at_weight.value, f->at_weight.error, out);
    print_number("by equal heights", f->at_height.value, f->at_height.error, "   linear in 1/V",
                 out);
    print_number("by largest fluctuations", f->at_peak.value, f->at_peak.error,
                 "   linear in 1/V", out);
    print_number(study->base.is_beta ? "latent heat per site"
                                     : "jump of the conjugate per site",
                 f->latent.value, f->latent.error, "", out);
    print_number("  below", f->x_low.value, f->x_low.error, "", out);
    print_number("  above", f->x_high.value, f->x_high.error, "", out);
    print_number("interface tension", f->tension.value, f->tension.error,
                 "   barrier/(2 L^(d-1)), linear in 1/L", out);
    fprintf(out, "  %d sizes with two phases; p up to %.2g\n", f->n_used, f->p);
}

void kr_critical_print(const kr_critical *study, FILE *out)
{
    static const char *const sentence[] = {
        "continuous: no sign of a transition of first order up to the largest size",
        "a transition of first order", "the order of the transition is not clear"
    };
    print_head(study, out);
    if (study->order == KR_CRITICAL_FIRST) {
        print_first_sizes(study, out);
    } else if (study->has_fit) {
        print_continuous_sizes(study, out);
    }
    fprintf(out, "%s:\n", sentence[study->order]);
    for (int32_t k = 0; k < study->n_evidence; k++) {
        kr_format_wrapped(out, "  - ", study->evidence[k]);
    }
    fputc('\n', out);
    if (study->order != KR_CRITICAL_FIRST && study->has_fit) {
        print_continuous(study, out);
    }
    if (study->order != KR_CRITICAL_CONTINUOUS && study->has_first) {
        print_first(study, out);
    }
    fprintf(
        out,
        "\ncost [CPU-s]: scans %.3g, pilots %.3g, measuring %.3g; wall %.3g s, threads %d\n",
        study->scan_cpu_s, study->pilot_cpu_s, study->measure_cpu_s,
        kr_files_clock() - study->begun, study->base.options->n_threads);
    if (*study->advice) {
        kr_format_wrapped(out, "advice: ", study->advice);
    }
    fprintf(out, "folder: %s (a result file of every size, figures with their data)\n",
            study->base.options->folder);
}
