/* SPDX-License-Identifier: GPL-3.0-or-later
 * sampler/learner.c - the numbers that training moves: the weights of one density, or those of
 * all points together.
 *
 * With training.conditional > 0 the weights of the points of a density are polynomials in the
 * scanned numbers (density/scan.h): one network conditioned on beta and couplings. Points take
 * turns, a gradient found at one of them moves all coefficients. Where no batch was drawn the
 * polynomial interpolates.
 *
 * The gradient of a flow has little noise of its own, so that of taking turns would be the
 * larger one: what is common to all points comes with changing signs to the higher
 * coefficients, and steps of Adam are as large as that is (phi^4 on 6 x 6 diverges unless steps
 * are a seventh of the usual). Therefore a round of points, all if they are few, makes one
 * step, and its length is divided by the number of terms, so that no weight moves by more than
 * the rate. Discrete densities step at every point. */
#include "base/memory.h"
#include "density/adam.h"
#include "density/scan.h"
#include "sampler/private.h"

#include <math.h>
#include <string.h>

enum { BAD_STEPS_MAX = 3 }; /* skipped steps in a row that bring back the good weights */
enum { ROUND_MAX = 8 };     /* points that give their gradients to a step */
#define ROLLBACKS_MAX     8 /* of one adaptation, then it is lost */
#define MAX_GRADIENT_NORM 1e3
#define RUNAWAY_PER_SITE  2.0 /* loss above the best by so much per site: roll back */

static int32_t least(int32_t a, int32_t b)
{
    return a < b ? a : b;
}

int kr_learner_init(kr_learner *l, const kr_density *density, const kr_scan *scan,
                    int32_t n_points, const double *at, kr_error *err)
{
    *l = (kr_learner){ .n_points = n_points, .round = 1 };
    l->n_weights = density->plug->n_weights(density->self);
    l->n_params = l->n_weights * (size_t)(scan ? scan->n_terms : 1);
    l->adam = kr_alloc(1, sizeof *l->adam, err);
    l->good = kr_alloc(l->n_params, sizeof *l->good, err);
    if (!l->adam || !l->good) {
        return KR_ENOMEM;
    }
    l->params = density->plug->weights(density->self);
    if (scan) {
        l->scan = kr_alloc(1, sizeof *l->scan, err);
        l->value = kr_alloc((size_t)(n_points * scan->n_terms), sizeof *l->value, err);
        l->theta = kr_alloc(l->n_params, sizeof *l->theta, err);
        l->gradient = kr_alloc(l->n_params, sizeof *l->gradient, err);
        if (!l->scan || !l->value || !l->theta || !l->gradient) {
            return KR_ENOMEM;
        }
        *l->scan = *scan;
        l->round = density->plug->flow ? least(n_points, ROUND_MAX) : 1;
        for (int32_t p = 0; p < n_points; p++) {
            kr_scan_values(scan, at + (size_t)p * (size_t)scan->n_axes,
                           l->value + (size_t)p * (size_t)scan->n_terms);
        }
        l->params = l->theta;
    }
    return kr_adam_init(l->adam, l->n_params, err);
}

void kr_learner_clear(kr_learner *l)
{
    if (l->adam) {
        kr_adam_clear(l->adam);
    }
    kr_free(l->adam);
    kr_free(l->good);
    kr_free(l->scan);
    kr_free(l->value);
    kr_free(l->theta);
    kr_free(l->gradient);
}

int kr_learner_declare(kr_learner *l, kr_state *table, kr_error *err)
{
    KR_TRY(kr_adam_declare(l->adam, table, err));
    KR_TRY(kr_state_add(table, "good", KR_F32, l->n_params, l->good, err));
    if (l->scan) {
        KR_TRY(kr_state_add(table, "theta", KR_F32, l->n_params, l->theta, err));
        KR_TRY(kr_state_add(table, "n_given", KR_I64, 1, &l->n_given, err));
    }
    if (l->round > 1) {
        KR_TRY(kr_state_add(table, "gradient", KR_F32, l->n_params, l->gradient, err));
    }
    KR_TRY(kr_state_add(table, "step", KR_I64, 1, &l->step, err));
    KR_TRY(kr_state_add(table, "work", KR_F64, 1, &l->work, err));
    KR_TRY(kr_state_add(table, "all_steps", KR_I64, 1, &l->all_steps, err));
    KR_TRY(kr_state_add(table, "all_work", KR_F64, 1, &l->all_work, err));
    KR_TRY(kr_state_add(table, "is_warm", KR_U8, 1, &l->is_warm, err));
    KR_TRY(kr_state_add(table, "rate_factor", KR_F64, 1, &l->rate_factor, err));
    KR_TRY(kr_state_add(table, "n_bad", KR_I64, 1, &l->n_bad, err));
    KR_TRY(kr_state_add(table, "n_rollbacks", KR_I64, 1, &l->n_rollbacks, err));
    KR_TRY(kr_state_add(table, "best_loss", KR_F64, 1, &l->best_loss, err));
    KR_TRY(kr_pace_declare(&l->pace, table, err));
    KR_TRY(kr_state_add(table, "was_forward", KR_U8, 1, &l->was_forward, err));
    return kr_state_add(table, "is_done", KR_U8, 1, &l->is_done, err);
}

void kr_learner_open(kr_learner *l)
{
    l->step = 0;
    l->work = 0.0;
    l->rate_factor = 1.0;
    l->n_bad = 0;
    l->n_given = 0;
    l->n_rollbacks = 0;
    l->best_loss = INFINITY;
    l->is_done = 0;
    kr_pace_open(&l->pace);
    memcpy(l->good, l->params, l->n_params * sizeof *l->good);
}

int kr_learner_start(kr_learner *l, const float *const *weights, kr_error *err)
{
    return l->scan ? kr_scan_fit(l->scan, l->n_points, l->value, weights, l->n_weights,
                                 l->theta, err)
                   : KR_OK;
}

static const float *values_at(const kr_learner *l, int32_t point)
{
    return l->value + (size_t)point * (size_t)l->scan->n_terms;
}

void kr_learner_give(const kr_learner *l, kr_density *density, int32_t point)
{
    if (l->scan) {
        kr_scan_weights(l->scan, values_at(l, point), l->theta, l->n_weights,
                        density->plug->weights(density->self));
        density->epoch++;
    }
}

/* The gradient of a step, NULL until all points of its round have given theirs. */
static const float *gather_gradient(kr_learner *l, const float *gradient, int32_t point)
{
    if (!l->scan) {
        return gradient;
    }
    if (l->n_given == 0) {
        memset(l->gradient, 0, l->n_params * sizeof *l->gradient);
    }
    kr_scan_spread(l->scan, values_at(l, point), 1.0f / (float)l->round, gradient, l->n_weights,
                   l->gradient);
    l->n_given = (l->n_given + 1) % l->round;
    return l->n_given == 0 ? l->gradient : NULL;
}

void kr_learner_refined(kr_learner *l, const kr_density *density, const float *before)
{
    const float *w = density->plug->weights(density->self);
    for (size_t i = 0; i < l->n_weights; i++) {
        const float change = w[i] - before[i];
        l->good[i] += change;
        if (l->scan) {
            l->theta[i] += change; /* its first term is the constant */
        }
    }
}

int kr_learner_step(kr_learner *l, const float *gradient, int32_t point, double rate,
                    double loss, int32_t n_sites, const char *name, kr_error *err)
{
    bool is_bad =
        !isfinite(loss) || (!l->scan && loss > l->best_loss + RUNAWAY_PER_SITE * n_sites);
    if (!is_bad && l->n_bad == 0 && l->step % KR_ESS_RING == 0) {
        memcpy(l->good, l->params, l->n_params * sizeof *l->good); /* their loss was seen */
    }
    rate *= l->round > 1 ? l->rate_factor / l->scan->n_terms : l->rate_factor;
    const float *whole = is_bad ? NULL : gather_gradient(l, gradient, point);
    l->n_given = is_bad ? 0 : l->n_given;
    is_bad = is_bad || (whole && kr_adam_step(l->adam, l->params, whole, rate,
                                              MAX_GRADIENT_NORM, NULL) != KR_OK);
    if (!is_bad) {
        l->n_bad = 0;
        l->best_loss = fmin(l->best_loss, loss);
        return KR_OK;
    }
    l->rate_factor *= 0.5;
    if (++l->n_bad < BAD_STEPS_MAX) {
        return KR_OK;
    }
    memcpy(l->params, l->good, l->n_params * sizeof *l->good);
    if (++l->n_rollbacks > ROLLBACKS_MAX) {
        return kr_fail(
            err, KR_EDIVERGED,
            "training of density %s: loss %g at step %lld after %lld rollbacks, want a "
            "finite loss; a smaller training.rate may help, or an action that is a number "
            "wherever the density proposes",
            name, loss, (long long)l->step, (long long)l->n_rollbacks);
    }
    kr_adam_reset(l->adam);
    l->n_bad = 0;
    l->best_loss = INFINITY;
    return KR_OK;
}
