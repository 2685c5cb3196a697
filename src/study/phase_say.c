/* SPDX-License-Identifier: GPL-3.0-or-later
 * study/phase_say.c - what the classifiers know and what they do not, in sentences that follow
 * from the numbers of the study. */
#include "analysis/format.h"
#include "study/phase_private.h"

#include <math.h>
#include <stdarg.h>
#include <string.h>

enum { TEXT = 64 };
#define AGREES   3.0 /* sigma */
#define UNLIKELY 0.01

static void KR_PRINTF(2, 3) add(kr_phase_study *study, const char *format, ...)
{
    va_list list;
    if (study->n_lines == KR_PHASE_LINES) {
        return;
    }
    va_start(list, format);
    vsnprintf(study->line[study->n_lines++], sizeof *study->line, format, list);
    va_end(list);
}

static const char *name_of(int kind)
{
    return kind == KR_PHASE_LOGISTIC ? "the logistic regression" : "the network";
}

/* What explains a logit where the parameter is fixed: there nothing but the draw itself can. */
static void say_reads(kr_phase_study *study, int kind)
{
    const kr_phase_size *s = &study->size[study->n_sizes - 1];
    const double *r = s->within[kind], abs = r[KR_PHASE_R2_ABS],
                 conjugate = r[KR_PHASE_R2_CONJUGATE], all = r[KR_PHASE_R2_ALL];
    const char *other = study->base.is_beta ? "the energy" : "the conjugate";
    const bool is_order = abs > conjugate + 0.1, is_other = conjugate > abs + 0.1;
    add(study,
        "%s of size %d reads %s%s%s: at a fixed %s, |m| alone explains R^2 = %.2f of its "
        "logit, "
        "%s alone %.2f, all features together %.2f%s (over all points %.2f, %.2f and %.2f)",
        name_of(kind), s->side, is_other ? other : "the order parameter",
        is_order || is_other ? " more than " : " as much as ",
        is_other ? "the order parameter" : other, kr_study_parameter(&study->base), abs, other,
        conjugate, all, all < 0.9 ? ", so a part of it is none of them" : "",
        s->r2[kind][KR_PHASE_R2_ABS], s->r2[kind][KR_PHASE_R2_CONJUGATE],
        s->r2[kind][KR_PHASE_R2_ALL]);
}

static void say_shown(kr_phase_study *study)
{
    const kr_phase_size *s = &study->size[study->n_sizes - 1];
    const double domains = s->shown[1], board = s->shown[2];
    char text[TEXT] = "";
    if (!isfinite(domains)) {
        return;
    }
    if (isfinite(board)) {
        snprintf(text, sizeof text, ", to a checkerboard of two %.3f", board);
    }
    add(study,
        "shown what it was not trained on, the network gives P(ordered) = %.3f to one ordered "
        "phase, %.3f to equal domains of all phases%s, %.3f to random states: %s%s",
        s->shown[0], domains, text, s->shown[3],
        domains > 0.5 ? "local order is enough for it, none of the whole is asked for"
                      : "it asks for order of the whole, not only local order",
        !isfinite(board) ? ""
        : board > 0.9    ? "; an order of another kind counts as order"
        : board < 0.1    ? "; an order of another kind counts as none"
                         : "; an order of another kind counts as neither");
}

static void say_window(kr_phase_study *study, int kind)
{
    const kr_phase_limit *l = &study->limit[kind];
    const double by = l->window / l->statistical;
    if (!isfinite(l->value)) {
        add(study, "P(ordered) of %s is 1/2 in fewer than two sizes within the range",
            name_of(kind));
        return;
    }
    add(study,
        "trained on half of a window at one end, %s moves its limit by %.2g, %.1f statistical "
        "errors: %s",
        name_of(kind), l->window, by,
        by > 1.0
            ? "where it sees the transition depends on where it was trained, more than the "
              "draws leave open"
            : "less than the draws leave open");
    if (l->p < UNLIKELY) {
        add(study,
            "halves of %s lie off the straight line in L^(-1/nu) by chi^2 = %.3g, p = %.1g: "
            "their "
            "errors hold the draws of the other chains, not the training, and the line is only "
            "the "
            "simplest form; the error of the limit is enlarged by that",
            name_of(kind), l->chi2, l->p);
    }
}

/* A curve that only follows a local quantity does not become a step. */
static void say_steep(kr_phase_study *study, int kind)
{
    const double y = study->steepens[kind];
    if (isfinite(y)) {
        add(study,
            "the slope of %s at 1/2 grows as L^%.2f from size %d to %d, 1/nu as given is "
            "%.3g%s",
            name_of(kind), y, study->size[0].side, study->size[study->n_sizes - 1].side,
            1.0 / study->params.nu,
            y < 0.5 / study->params.nu ? ": it does not become the step that a transition is"
                                       : "");
    }
}

/* Binder's and the classifiers' answers against each other, or what is known. */
static void say_answers(kr_phase_study *study)
{
    const kr_phase_value *b = &study->binder_crossing[study->n_sizes - 2];
    for (int kind = 0; kind < KR_PHASE_KINDS && kr_phase_kind_is_there(study, kind); kind++) {
        const kr_phase_limit *l = &study->limit[kind];
        const bool is_known = isfinite(study->base.known);
        const double want = is_known ? study->base.known : b->value;
        const double plain = is_known ? l->statistical : hypot(l->statistical, b->error),
                     whole = is_known ? l->error : hypot(l->error, b->error);
        if (!isfinite(l->value) || !isfinite(want)) {
            continue;
        }
        const double z = (l->value - want) / plain, all = (l->value - want) / whole;
        char text[128] = "";
        if (isfinite(b->value)) {
            snprintf(text, sizeof text,
                     "; the Binder crossing of the largest sizes has an error %.1f times %s",
                     fmax(l->error / b->error, b->error / l->error),
                     b->error < l->error ? "smaller" : "larger");
        }
        add(study,
            "%s ends %.2g from %s, z = %+.1f with its statistical error, %+.1f with the whole "
            "one%s%s",
            name_of(kind), fabs(l->value - want),
            is_known ? "the known value" : "the Binder crossing", z, all,
            fabs(z) > AGREES && fabs(all) <= AGREES
                ? ": only the spread over windows and sizes makes it honest"
            : fabs(all) > AGREES ? ": it is wrong, and its own data do not show it"
                                 : "",
            text);
    }
    if (!isfinite(b->value)) {
        add(study,
            "Binder cumulants of the largest sizes do not cross within the range: there may be "
            "no "
            "transition in it, though a classifier always finds a place where its two windows "
            "part; the middle between them is %.6g",
            0.5 * (study->at[study->window[0][0]] + study->at[study->window[0][1]]));
    }
}

void kr_phase_say(kr_phase_study *study)
{
    const kr_phase_size *s = &study->size[study->n_sizes - 1];
    study->n_lines = 0;
    for (int kind = 0; kind < KR_PHASE_KINDS && kr_phase_kind_is_there(study, kind); kind++) {
        say_reads(study, kind);
        say_window(study, kind);
        say_steep(study, kind);
    }
    if (study->has_net) {
        add(study,
            "in size %d both put %.1f %% of the draws on the same side, %.1f %% of those in "
            "the gap that neither was trained on",
            s->side, 100.0 * s->agree, 100.0 * s->agree_gap);
        say_shown(study);
    }
    say_answers(study);
}
