/* SPDX-License-Identifier: GPL-3.0-or-later
 * study/phase_print.c - the result of a study of classifiers as text. */
#include "analysis/format.h"
#include "io/files.h"
#include "study/phase_private.h"

#include <math.h>

enum { TEXT = 64 };

static const char *const kind_name[] = { "logistic", "network" };

static const char *value(char text[TEXT], double x, double error)
{
    if (!isfinite(x)) {
        return "-";
    }
    kr_format_value(x, error, 2, text, TEXT);
    return text;
}

static void print_head(const kr_phase_study *study, FILE *out)
{
    const kr_study *base = &study->base;
    const double *at = study->at;
    fprintf(out,
            "%s on %s in %d dimensions, %s in %.6g..%.6g, %d points\n"
            "trained at %.6g..%.6g and %.6g..%.6g (%s), %lld chains; as many others give the "
            "curves\n",
            base->spec->model->name, base->spec->lattice_plug->name, base->n_dims,
            kr_study_parameter(base), base->low, base->high, study->n_points, at[0],
            at[study->window[0][0]], at[study->window[0][1]], at[study->n_points - 1],
            study->ordered_is_high ? "ordered at the high end" : "ordered at the low end",
            (long long)study->params.chains / 2);
    if (!study->has_net) {
        fprintf(out, "no network: %s\n", study->note);
    }
    fputc('\n', out);
}

static void print_sizes(const kr_phase_study *study, FILE *out)
{
    char text[TEXT];
    fprintf(out, "%6s %8s %9s %18s", "size", "tau_int", "draws", "1/2 of logistic");
    if (study->has_net) {
        fprintf(out, " %18s", "1/2 of network");
    }
    fprintf(out, " %22s\n", "accuracy train, test");
    for (int32_t k = 0; k < study->n_sizes; k++) {
        const kr_phase_size *s = &study->size[k];
        fprintf(out, "%6d %8.3g %9lld", s->side, s->tau,
                (long long)s->n_draws * study->n_points);
        for (int kind = 0; kind < KR_PHASE_KINDS && kr_phase_kind_is_there(study, kind);
             kind++) {
            const kr_phase_value *h = &s->curve[kind][0].half;
            fprintf(out, " %18s", value(text, h->value, h->error));
        }
        for (int kind = 0; kind < KR_PHASE_KINDS && kr_phase_kind_is_there(study, kind);
             kind++) {
            fprintf(out, "  %.4f %.4f", s->train[kind].accuracy, s->test[kind].accuracy);
        }
        fputc('\n', out);
    }
    fprintf(out, "tau_int in steps, of the slowest point; accuracy where it is trained%s\n\n",
            study->has_net ? ", of logistic and network" : "");
}

static void print_crossings(const kr_phase_study *study, FILE *out)
{
    char text[TEXT];
    fprintf(out, "%12s %18s%s%18s %18s\n", "crossing of", "logistic", study->has_net ? " " : "",
            study->has_net ? "network" : "", "binder");
    for (int32_t k = 0; k + 1 < study->n_sizes; k++) {
        char name[32];
        snprintf(name, sizeof name, "%d, %d", study->size[k].side, study->size[k + 1].side);
        fprintf(out, "%12s", name);
        for (int kind = 0; kind < KR_PHASE_KINDS; kind++) {
            const kr_phase_value *c = &study->crossing[kind][k];
            fprintf(out, " %18s",
                    kr_phase_kind_is_there(study, kind) ? value(text, c->value, c->error) : "");
        }
        fprintf(out, " %18s\n",
                value(text, study->binder_crossing[k].value, study->binder_crossing[k].error));
    }
    fputc('\n', out);
}

static void print_weights(const kr_phase_study *study, FILE *out)
{
    const kr_phase_size *s = &study->size[study->n_sizes - 1];
    fprintf(out,
            "weights of the logistic regression, size %d, per standard deviation:", s->side);
    for (int32_t f = 0; f < study->n_features; f++) {
        fprintf(out, "%s %s %+.3g", f ? "," : "", kr_phase_feature(study, f),
                s->logistic.weight[f]);
    }
    fputs("\n\n", out);
}

static void print_limits(const kr_phase_study *study, FILE *out)
{
    char text[TEXT];
    const kr_study *base = &study->base;
    const kr_phase_value *b = &study->binder_crossing[study->n_sizes - 2];
    for (int kind = 0; kind < KR_PHASE_KINDS && kr_phase_kind_is_there(study, kind); kind++) {
        const kr_phase_limit *l = &study->limit[kind];
        fprintf(out, "  %-9s %s_c = %s", kind_name[kind], kr_study_parameter(base),
                value(text, l->value, l->error));
        if (isfinite(l->value)) {
            fprintf(out, "   draws %.2g, windows %.2g, sizes %.2g", l->statistical, l->window,
                    l->cut);
            if (isfinite(l->p)) {
                fprintf(out, "; p = %.2g", l->p);
            }
            if (isfinite(base->known)) {
                fprintf(out, "; z = %+.2f", (l->value - base->known) / l->error);
            }
        }
        fputc('\n', out);
    }
    fprintf(out, "  %-9s %s_c = %s", "binder", kr_study_parameter(base),
            value(text, b->value, b->error));
    if (isfinite(base->known) && isfinite(b->value)) {
        fprintf(out, "   crossing of the largest sizes; z = %+.2f",
                (b->value - base->known) / b->error);
    }
    if (isfinite(base->known)) {
        fprintf(out, "\n  known     %s_c = %.10g (%s)", kr_study_parameter(base), base->known,
                base->known_source);
    }
    fprintf(out, "\n  limits of P = 1/2 in L^(-1/nu), nu = %.3g\n\n", study->params.nu);
}

void kr_phase_print(const kr_phase_study *study, FILE *out)
{
    print_head(study, out);
    print_sizes(study, out);
    print_crossings(study, out);
    print_weights(study, out);
    print_limits(study, out);
    fputs("what it knows and what it does not:\n", out);
    for (int32_t k = 0; k < study->n_lines; k++) {
        kr_format_wrapped(out, "  - ", study->line[k]);
    }
    fprintf(out,
            "\ncost [CPU-s]: pilots %.3g, measuring %.3g, training %.3g; wall %.3g s, threads "
            "%d\nfolder: %s (a result file of every size, phase.svg with its data)\n",
            study->pilot_cpu_s, study->measure_cpu_s, study->train_cpu_s,
            kr_files_clock() - study->begun, study->base.options->n_threads,
            study->base.options->folder);
}
