/* SPDX-License-Identifier: GPL-3.0-or-later
 * study/critical_scan.c - where a transition is: fluctuations of the order parameter of the
 * smallest size, then crossings of xi/L (of the Binder cumulant where there is no xi) of two
 * sizes, in windows that shrink. */
#include "study/critical_private.h"

#include <math.h>

#define CHAINS     32
#define THERMALIZE 400
#define STEPS      1500 /* of a scan */
#define EVERY      2
#define POINTS_MAX 64
#define ZOOM       7 /* points of a window */
#define ROUNDS     3

typedef struct scan {
    int32_t n;
    double at[POINTS_MAX];
    kr_scaling_size data[POINTS_MAX];
    double fluctuation[POINTS_MAX]; /* N (<m^2> - <|m|>^2) */
} scan;

/* Runs a size at all points of a scan and evaluates each at its own place. */
static int run(kr_critical *study, int32_t side, int64_t stream, scan *s, bool *is_finished,
               kr_error *err)
{
    kr_study_task task = { .side = side,
                           .value = s->at,
                           .n_values = s->n,
                           .updates = study->base.scan_updates,
                           .thermalize = THERMALIZE,
                           .measure = STEPS,
                           .every = EVERY,
                           .chains = CHAINS,
                           .stream = stream };
    char name[64];
    snprintf(name, sizeof name, "scan%lld_L%04d.h5", (long long)stream, side);
    kr_study_name(&study->base, name, task.output);
    KR_TRY(kr_study_execute(&study->base, &task, false, is_finished, &study->scan_cpu_s, err));
    for (int32_t p = 0; p < s->n && *is_finished; p++) {
        kr_critical_draws draws;
        double ess;
        KR_TRY(
            kr_critical_draws_load(&study->base, task.output, side, p, s->at[p], &draws, err));
        int status = kr_critical_evaluate(&draws, s->at[p], &s->data[p], &ess, err);
        s->fluctuation[p] = draws.n_sites * (exp(s->data[p].value[KR_SCALING_SQUARE]) -
                                             exp(2.0 * s->data[p].value[KR_SCALING_ABS]));
        kr_critical_draws_clear(&draws);
        KR_TRY(status);
    }
    return KR_OK;
}

static void spread(scan *s, double low, double high, int32_t n)
{
    s->n = n > POINTS_MAX ? POINTS_MAX : n;
    for (int32_t p = 0; p < s->n; p++) {
        s->at[p] = low + (high - low) * p / (s->n - 1);
    }
}

/* Index of the largest fluctuations. */
static int32_t peak(const scan *s)
{
    int32_t best = 0;
    for (int32_t p = 1; p < s->n; p++) {
        best = s->fluctuation[p] > s->fluctuation[best] ? p : best;
    }
    return best;
}

double kr_critical_crossing(const kr_scaling_size *a, const kr_scaling_size *b, int which)
{
    return (a->value[which] - b->value[which]) / (b->value[which + 1] - a->value[which + 1]);
}

/* Place between two points where the larger size overtakes the smaller one; the most
 * significant of several. NaN: nowhere. */
static double overtaking(const kr_critical *study, const scan *small, const scan *large)
{
    const int which = study->base.has_ratio ? KR_SCALING_RATIO : KR_SCALING_BINDER;
    double best = 3.0, at = NAN;
    for (int32_t p = 0; p + 1 < small->n; p++) {
        double d[2], variance[2];
        for (int k = 0; k < 2; k++) {
            const kr_scaling_size *a = &small->data[p + k], *b = &large->data[p + k];
            d[k] = b->value[which] - a->value[which];
            variance[k] = a->covariance[which][which] + b->covariance[which][which];
        }
        const double sigma = fabs(d[1] - d[0]) / sqrt(variance[0] + variance[1]);
        if (d[0] * d[1] <= 0.0 && sigma > best) {
            best = sigma;
            at = small->at[p] + (small->at[p + 1] - small->at[p]) * d[0] / (d[0] - d[1]);
        }
    }
    return at;
}

/* Fluctuations that are largest at an end of the range say that the transition is outside. */
static int check_inside(const kr_critical *study, const scan *s, kr_error *err)
{
    const int32_t top = peak(s);
    return top > 0 && top < s->n - 1
               ? KR_OK
               : kr_fail(err, KR_EUNSUP,
                         "%s: sizes do not cross in %s = %.6g..%.6g, and the fluctuations of "
                         "the order parameter are largest at its end, %.6g; want a range with "
                         "the transition inside",
                         study->base.path, study->base.parameter, study->base.low,
                         study->base.high, s->at[top]);
}

/* Crossing of two sizes in a window; where none is seen at first the peak of the larger one. */
static int zoom(kr_critical *study, int32_t a, int32_t b, int64_t stream, double low,
                double high, int32_t n, double *at, bool *is_finished, kr_error *err)
{
    scan small = { 0 }, large = { 0 };
    spread(&small, low, high, n);
    spread(&large, low, high, n);
    KR_TRY(run(study, study->size[a].side, stream, &small, is_finished, err));
    if (*is_finished) {
        KR_TRY(run(study, study->size[b].side, stream + 1, &large, is_finished, err));
    }
    if (!*is_finished) {
        return KR_OK;
    }
    const double found = overtaking(study, &small, &large);
    const char *what = "cross";
    if (isfinite(found)) {
        *at = found;
    } else if (stream == 0) {
        KR_TRY(check_inside(study, &large, err));
        *at = large.at[peak(&large)];
        what = "do not cross, largest fluctuations";
    } else {
        what = "not resolved, left"; /* the window is as narrow as the errors allow */
    }
    kr_study_say(&study->base, "critical: sizes %d and %d in %.6g..%.6g: %s at %.7g\n",
                 study->size[a].side, study->size[b].side, low, high, what, *at);
    return KR_OK;
}

/* The first size that is twice as large: lines of nearer ones cross at too small an angle. */
static int32_t partner(const kr_critical *study, int32_t a)
{
    int32_t b = a + 1;
    while (b < study->n_sizes - 1 && study->size[b].side < 2 * study->size[a].side) {
        b++;
    }
    return b;
}

int kr_critical_search(kr_critical *study, double *at, bool *is_finished, kr_error *err)
{
    double low = study->base.low, high = study->base.high;
    int32_t n = study->base.n_scan;
    for (int64_t round = 0; round < ROUNDS && *is_finished; round++) {
        const int32_t a = round < 2 ? 0 : 1, b = partner(study, a);
        KR_TRY(zoom(study, a, b, 2 * round, low, high, n, at, is_finished, err));
        const double step = (high - low) / (n - 1);
        low = fmax(study->base.low, *at - step);
        high = fmin(study->base.high, *at + step);
        n = ZOOM;
    }
    return KR_OK;
}
