/* SPDX-License-Identifier: GPL-3.0-or-later
 * study/critical_judge.c - from the files of all sizes to numbers: fits at a common value of
 * the parameter, coexistence, which order the evidence says, what more time would buy.
 *
 * First order is claimed only where the barrier between two phases is there in two sizes at
 * least, the largest among them, and grows with them, or is deep while the jump stays; a
 * continuous transition only where the largest size shows no barrier and 1/nu stays below the
 * dimension. Anything else is unclear, and said so: weak transitions of first order look
 * continuous up to their correlation length. */
#include "analysis/format.h"
#include "stats/stats.h"
#include "study/critical_private.h"

#include <math.h>
#include <stdarg.h>
#include <string.h>

#define ROUNDS       10
#define SETTLED      0.02 /* of the error */
#define ESS_LEAST    0.2  /* of the draws, after reweighting */
#define GROWTH_SIGMA 3.0
#define BAD_FIT      1e-5 /* p */
#define POOR_FIT     0.05
#define SLOW_POWER   0.5 /* 1/nu */
#define CROSSINGS    20  /* of all chains, below which weights of the sides say nothing */
#define DEEP         2.0 /* a barrier that no continuous transition has */
#define STAYS        0.9 /* share of the jump */
/* Barrier of the largest size below which limits in exp(-barrier) move by more than their
 * errors: ten-state Potts model, sides 12 to 32, 3.3: beta_t 4 errors off, latent heat 12. */
#define SHALLOW 3.5
#define BARRIER 0.5 /* ln(P_max/P_min) below which two peaks are none */

enum { NUMBER = 64 };

static const char *number(char text[NUMBER], double x, double error)
{
    kr_format_value(x, error, 2, text, NUMBER);
    return text;
}

static void add_evidence(kr_critical *study, const char *format, ...) KR_PRINTF(2, 3);
static void add_evidence(kr_critical *study, const char *format, ...)
{
    va_list list;
    if (study->n_evidence == KR_CRITICAL_LINES) {
        return;
    }
    va_start(list, format);
    vsnprintf(study->evidence[study->n_evidence++], sizeof study->evidence[0], format, list);
    va_end(list);
}

/* ---- draws --------------------------------------------------------------------------------
 */

static int evaluate(kr_critical *study, const kr_critical_draws *draws, double at,
                    kr_scaling_size *data, int32_t *n, kr_error *err)
{
    *n = 0;
    for (int32_t k = 0; k < study->n_sizes; k++) {
        double ess;
        kr_scaling_size *s = &study->size[k].data;
        KR_TRY(kr_critical_evaluate(&draws[k], at, s, &ess, err));
        bool is_good = ess > ESS_LEAST;
        for (int i = 0; i < KR_SCALING_DATA; i++) {
            const bool is_ratio = i / 2 == KR_SCALING_RATIO / 2;
            is_good = is_good && ((is_ratio && !study->base.has_ratio) ||
                                  (isfinite(s->value[i]) && s->covariance[i][i] > 0.0));
        }
        if (is_good) {
            data[(*n)++] = *s;
        }
    }
    return KR_OK;
}

/* Where the two largest sizes agree, as their draws say; where that is not near, the place of
 * the draws. */
static int first_place(kr_critical *study, const kr_critical_draws *draws, double *at,
                       kr_error *err)
{
    const int which = study->base.has_ratio ? KR_SCALING_RATIO : KR_SCALING_BINDER;
    const int32_t last = study->n_sizes - 1;
    *at = study->size[last].at;
    for (int round = 0; round < ROUNDS; round++) {
        kr_scaling_size a, b;
        double ess[2];
        KR_TRY(kr_critical_evaluate(&draws[last - 1], *at, &a, &ess[0], err));
        KR_TRY(kr_critical_evaluate(&draws[last], *at, &b, &ess[1], err));
        const double by = kr_critical_crossing(&a, &b, which);
        if (!isfinite(by) || ess[1] < ESS_LEAST) {
            *at = study->size[last].at;
            return KR_OK;
        }
        *at += by;
    }
    return KR_OK;
}

/* Fits at a place, again at the place that they find: the forms are linear in x, so x of all
 * sizes must be small. */
static int fit(kr_critical *study, const kr_critical_draws *draws, kr_error *err)
{
    kr_scaling_size data[KR_SCALING_SIZES];
    double at, moved = INFINITY;
    int32_t n = 0;
    study->has_fit = study->is_settled = false;
    KR_TRY(first_place(study, draws, &at, err));
    for (int round = 0; round < ROUNDS; round++) {
        kr_error why = { 0 };
        kr_scaling_result found;
        KR_TRY(evaluate(study, draws, at, data, &n, err));
        const int status =
            kr_scaling_fit(data, n, at, study->base.has_ratio, study->omega, &found, &why);
        if (status == KR_ENOMEM) {
            return kr_fail(err, status, "%s", why.text);
        }
        if (status != KR_OK) {
            add_evidence(study, "the fits do not settle: %.200s", why.text);
            break;
        }
        study->fit = found;
        study->has_fit = true;
        moved = found.critical.value - at;
        if (fabs(moved) < SETTLED * found.critical.error) {
            break;
        }
        at = found.critical.value;
    }
    if (!study->has_fit) {
        return KR_OK;
    }
    study->is_settled = fabs(moved) < study->fit.critical.error && n >= study->n_sizes - 1;
    if (fabs(moved) > study->fit.critical.error) {
        add_evidence(study, "the fits do not settle: the last moved by %.2g", moved);
    }
    if (study->fit.critical.value < study->base.low ||
        study->fit.critical.value > study->base.high) {
        add_evidence(study, "the fits lead out of the range, to %.8g",
                     study->fit.critical.value);
        study->has_fit = false;
    }
    if (n < study->n_sizes) {
        add_evidence(study, "%d of %d sizes have too few draws at the critical value, left out",
                     study->n_sizes - n, study->n_sizes);
    }
    return evaluate(study, draws, study->has_fit ? study->fit.critical.value : at, data, &n,
                    err);
}

/* ---- coexistence --------------------------------------------------------------------------
 */

static bool has_barrier(const kr_coexistence *c)
{
    return c->has_peaks && c->barrier.value > BARRIER &&
           c->barrier.value > GROWTH_SIGMA * c->barrier.error && isfinite(c->at_weight.error);
}

static void find_first(kr_critical *study)
{
    enum { WEIGHT, HEIGHT, PEAK, LATENT, LOW, HIGH, TENSION, N };
    kr_estimated y[N][KR_SCALING_SIZES];
    double volume[KR_SCALING_SIZES], length[KR_SCALING_SIZES], mixed[KR_SCALING_SIZES],
        share[KR_SCALING_SIZES], p;
    kr_critical_first *f = &study->first;
    int32_t n = 0, longest = 0;
    for (int32_t d = 0; d < study->base.n_dims; d++) {
        longest = study->base.shape[d] > longest ? study->base.shape[d] : longest;
    }
    for (int32_t k = 0; k < study->n_sizes; k++) {
        const kr_critical_size *s = &study->size[k];
        const kr_coexistence *c = &s->coexistence;
        const double sites = s->n_sites; /* the smallest interface crosses the longest side */
        const double area = sites / s->side * study->base.shape_least / longest;
        if (has_barrier(c) && c->n_crossings < CROSSINGS) {
            add_evidence(
                study, "size %d crossed the barrier %lld time%s only, its balance is left out",
                s->side, (long long)c->n_crossings, c->n_crossings == 1 ? "" : "s");
        }
        if (!has_barrier(c) || c->n_crossings < CROSSINGS) {
            continue;
        }
        y[WEIGHT][n] = c->at_weight;
        y[HEIGHT][n] = c->at_height;
        y[PEAK][n] = c->at_peak;
        y[LATENT][n] = (kr_estimated){ c->gap.value / sites, c->gap.error / sites };
        y[LOW][n] = (kr_estimated){ c->x_low.value / sites, c->x_low.error / sites };
        y[HIGH][n] = (kr_estimated){ c->x_high.value / sites, c->x_high.error / sites };
        y[TENSION][n] =
            (kr_estimated){ c->barrier.value / (2.0 * area), c->barrier.error / (2.0 * area) };
        /* States of both phases, which the cut gives to either, weigh exp(-barrier). */
        share[n] = exp(-c->barrier.value);
        mixed[n] = share[n] / sites;
        volume[n] = 1.0 / sites;
        length[n++] = 1.0 / s->side;
    }
    f->n_used = n;
    study->has_first = n >= 2;
    if (n < 2) {
        return;
    }
    f->at_height = kr_extrapolate(volume, y[HEIGHT], n, true, &p);
    f->at_peak = kr_extrapolate(volume, y[PEAK], n, true, &p);
    f->latent = kr_extrapolate(share, y[LATENT], n, true, &p);
    f->x_low = kr_extrapolate(share, y[LOW], n, true, &p);
    f->x_high = kr_extrapolate(share, y[HIGH], n, true, &p);
    f->tension = kr_extrapolate(length, y[TENSION], n, true, &p);
    f->at_weight = kr_extrapolate(mixed, y[WEIGHT], n, true, &f->p);
}

/* Whether barriers are there in two sizes at least, and grow. */
static bool grows(kr_critical *study, bool *at_largest)
{
    const kr_critical_size *last = NULL, *first = NULL;
    for (int32_t k = 0; k < study->n_sizes; k++) {
        if (has_barrier(&study->size[k].coexistence)) {
            first = first ? first : &study->size[k];
            last = &study->size[k];
        }
    }
    *at_largest = last == &study->size[study->n_sizes - 1];
    if (first == last) {
        add_evidence(study, "no two peaks in the distribution of the %s %s",
                     study->base.is_beta ? "energy" : "conjugate",
                     last ? "but in one size" : "in any size");
        return false;
    }
    const kr_estimated a = first->coexistence.barrier, b = last->coexistence.barrier;
    const double sigma = (b.value - a.value) / hypot(a.error, b.error);
    char text[2][NUMBER];
    add_evidence(
        study,
        "two phases: barrier ln(P_max/P_min) %s at size %d, %s at size %d: %s (%.1f sigma)",
        number(text[0], a.value, a.error), first->side, number(text[1], b.value, b.error),
        last->side, sigma > GROWTH_SIGMA ? "it grows" : "no growth is resolved", sigma);
    const double before = first->coexistence.gap.value / first->n_sites;
    const double after = last->coexistence.gap.value / last->n_sites;
    add_evidence(study, "the jump of the %s per site is %.4g at size %d, %.4g at size %d",
                 study->base.is_beta ? "energy" : "conjugate", before, first->side, after,
                 last->side);
    /* Two peaks of a continuous transition are shallow, and draw near to each other. */
    const bool is_deep = b.value - GROWTH_SIGMA * b.error > DEEP && sigma > -GROWTH_SIGMA &&
                         after > STAYS * before;
    return sigma > GROWTH_SIGMA || is_deep;
}

void kr_critical_decide(kr_critical *study)
{
    const kr_scaling_value y = study->fit.exponent;
    bool at_largest;
    const bool is_growing = grows(study, &at_largest);
    study->order = is_growing && at_largest ? KR_CRITICAL_FIRST : KR_CRITICAL_UNCLEAR;
    if (study->order == KR_CRITICAL_FIRST &&
        study->size[study->n_sizes - 1].coexistence.barrier.value < SHALLOW) {
        add_evidence(study,
                     "the barrier of the largest size is below %g: phases mix in boxes like "
                     "these, larger ones may move the limits by more than their errors",
                     SHALLOW);
    }
    if (!study->has_fit) {
        return;
    }
    const double below = (study->base.n_dims - y.value) / y.error;
    char text[NUMBER];
    add_evidence(study,
                 "1/nu = %s, %.1f sigma below the dimension %d, which it is at a "
                 "transition of first order",
                 number(text, y.value, y.error), below, study->base.n_dims);
    add_evidence(study, "the scaling forms fit with p = %.2g%s", study->fit.best_p,
                 study->fit.best_p < BAD_FIT    ? ": they do not describe these sizes"
                 : study->fit.best_p < POOR_FIT ? ": poorly, values may be off by more than "
                                                  "their errors"
                                                : "");
    if (y.value < SLOW_POWER) {
        add_evidence(study, "1/nu is small, as it looks at a Kosterlitz-Thouless transition, "
                            "which has none");
    }
    if (!is_growing && !at_largest && below > GROWTH_SIGMA && study->is_settled &&
        study->fit.best_p >= BAD_FIT && y.value >= SLOW_POWER) {
        study->order = KR_CRITICAL_CONTINUOUS;
    }
}

/* ---- advice -------------------------------------------------------------------------------
 */

static void advise(kr_critical *study)
{
    char *out = study->advice;
    const size_t size = sizeof study->advice;
    if (study->order == KR_CRITICAL_FIRST) {
        int64_t least = INT64_MAX;
        int32_t where = 0;
        for (int32_t k = 0; k < study->n_sizes; k++) {
            const kr_coexistence *c = &study->size[k].coexistence;
            if (has_barrier(c) && c->n_crossings >= CROSSINGS && c->n_crossings < least) {
                least = c->n_crossings;
                where = study->size[k].side;
            }
        }
        snprintf(
            out, size,
            "four times the minutes would halve the errors; of the sizes used %d crossed the "
            "barrier least, %lld times in all chains%s",
            where, (long long)least,
            least < 200 ? ": too few for its error to be trusted, leave it out" : "");
    } else if (study->has_fit) {
        const kr_scaling_value c = study->fit.critical;
        const double data = sqrt(fmax(c.error * c.error - c.spread * c.spread, 0.0));
        snprintf(out, size,
                 "four times the minutes would bring the error of %s from %.1e to about %.1e%s",
                 kr_study_parameter(&study->base), c.error, hypot(0.5 * data, c.spread),
                 study->fit.best_p < POOR_FIT
                     ? "; but the fits are poor: larger sizes help more "
                       "than time"
                 : c.spread > data ? "; most of it is the choice of the fit: larger sizes help "
                                     "more than time"
                                   : "");
    }
    if (study->order == KR_CRITICAL_UNCLEAR) {
        snprintf(out + strlen(out), size - strlen(out),
                 "%sthe order is not decided: larger sizes show whether the barrier grows",
                 *out ? "; " : "");
    }
}

int kr_critical_judge(kr_critical *study, kr_error *err)
{
    kr_critical_draws draws[KR_SCALING_SIZES];
    int status = KR_OK;
    memset(draws, 0, sizeof draws);
    for (int32_t k = 0; k < study->n_sizes && status == KR_OK; k++) {
        char path[KR_STUDY_PATH];
        kr_critical_size *s = &study->size[k];
        kr_critical_file(study, s->side, path);
        status = kr_critical_draws_load(&study->base, path, s->side, 0, s->at, &draws[k], err);
        s->n_draws = draws[k].n_chains * draws[k].n_draws;
        status = status == KR_OK ? kr_critical_coexist(study, &draws[k], &s->coexistence, err)
                                 : status;
        double fastest;
        status = status == KR_OK ? kr_critical_tau(&draws[k], &s->tau, &fastest, err) : status;
        s->tau *= (double)s->every;
    }
    status = status == KR_OK ? fit(study, draws, err) : status;
    for (int32_t k = 0; k < study->n_sizes && status == KR_OK; k++) {
        kr_critical_size *s = &study->size[k];
        const double at = study->has_fit ? study->fit.critical.value : s->at;
        const double with = s->coexistence.has_peaks ? s->coexistence.at_height.value : at;
        status = kr_critical_draw(&draws[k], at, with, s, err);
    }
    for (int32_t k = 0; k < study->n_sizes; k++) {
        kr_critical_draws_clear(&draws[k]);
    }
    if (status == KR_OK) {
        find_first(study);
        kr_critical_decide(study);
        advise(study);
    }
    return status;
}
