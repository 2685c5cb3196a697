/* SPDX-License-Identifier: GPL-3.0-or-later
 * sampler/learner.c - the numbers that training moves: the weights of one density, or those of
 * all temperatures together.
 *
 * With degree n > 0 the weights of the points of a density are polynomials in beta,
 *   w(beta) = sum_{k <= n} T_k(x) theta_k,   x in -1..1 across the range of beta,
 * T_k Chebyshev: one network conditioned on beta. A gradient at beta goes to theta_k with the
 * factor T_k(x). The kernels see plain weights, so the condition costs nothing while sampling.
 * Where no batch was drawn the polynomial interpolates. */
#include "base/memory.h"
#include "density/adam.h"
#include "sampler/private.h"

#include <math.h>
#include <string.h>

enum { BAD_STEPS_MAX = 3 }; /* skipped steps in a row that bring back the good weights */
#define ROLLBACKS_MAX     8 /* of one adaptation, then it is lost */
#define MAX_GRADIENT_NORM 1e3
#define RUNAWAY_PER_SITE  2.0 /* loss above the best by so much per site: roll back */

int kr_learner_init(kr_learner *l, const kr_density *density, int32_t degree, double beta_from,
                    double beta_to, kr_error *err)
{
    *l = (kr_learner){ .degree = degree, .from = beta_from, .to = beta_to };
    l->n_weights = density->plug->n_weights(density->self);
    l->n_params = l->n_weights * (size_t)(degree + 1);
    l->adam = kr_alloc(1, sizeof *l->adam, err);
    l->good = kr_alloc(l->n_params, sizeof *l->good, err);
    l->theta = kr_alloc(degree > 0 ? l->n_params : 1, sizeof *l->theta, err);
    l->gradient = kr_alloc(degree > 0 ? l->n_params : 1, sizeof *l->gradient, err);
    if (!l->adam || !l->good || !l->theta || !l->gradient) {
        return KR_ENOMEM;
    }
    l->params = degree > 0 ? l->theta : density->plug->weights(density->self);
    return kr_adam_init(l->adam, l->n_params, err);
}

void kr_learner_clear(kr_learner *l)
{
    if (l->adam) {
        kr_adam_clear(l->adam);
    }
    kr_free(l->adam);
    kr_free(l->good);
    kr_free(l->theta);
    kr_free(l->gradient);
}

int kr_learner_declare(kr_learner *l, kr_state *table, kr_error *err)
{
    KR_TRY(kr_adam_declare(l->adam, table, err));
    KR_TRY(kr_state_add(table, "good", KR_F32, l->n_params, l->good, err));
    if (l->degree > 0) {
        KR_TRY(kr_state_add(table, "theta", KR_F32, l->n_params, l->theta, err));
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
    l->n_rollbacks = 0;
    l->best_loss = INFINITY;
    l->is_done = 0;
    kr_pace_open(&l->pace);
    memcpy(l->good, l->params, l->n_params * sizeof *l->good);
}

/* T_0..T_degree at beta. */
static void chebyshev(const kr_learner *l, double beta, float value[KR_BETA_DEGREE_MAX + 1])
{
    const double x = (2.0 * beta - l->from - l->to) / (l->to - l->from);
    double before = 1.0, now = x;
    value[0] = 1.0f;
    for (int32_t k = 1; k <= l->degree; k++) {
        value[k] = (float)now;
        const double next = 2.0 * x * now - before;
        before = now;
        now = next;
    }
}

void kr_learner_start(kr_learner *l, const float *weights)
{
    if (l->degree > 0) {
        memset(l->theta, 0, l->n_params * sizeof *l->theta);
        memcpy(l->theta, weights, l->n_weights * sizeof *l->theta);
    }
}

void kr_learner_give(const kr_learner *l, kr_density *density, double beta)
{
    float value[KR_BETA_DEGREE_MAX + 1];
    if (l->degree == 0) {
        return;
    }
    float *restrict w = density->plug->weights(density->self);
    chebyshev(l, beta, value);
    memcpy(w, l->theta, l->n_weights * sizeof *w);
    for (int32_t k = 1; k <= l->degree; k++) {
        const float *restrict theta = l->theta + (size_t)k * l->n_weights;
        for (size_t i = 0; i < l->n_weights; i++) {
            w[i] += value[k] * theta[i];
        }
    }
    density->epoch++;
}

static const float *spread_gradient(kr_learner *l, const float *gradient, double beta)
{
    float value[KR_BETA_DEGREE_MAX + 1];
    if (l->degree == 0) {
        return gradient;
    }
    chebyshev(l, beta, value);
    for (int32_t k = 0; k <= l->degree; k++) {
        float *restrict out = l->gradient + (size_t)k * l->n_weights;
        for (size_t i = 0; i < l->n_weights; i++) {
            out[i] = value[k] * gradient[i];
        }
    }
    return l->gradient;
}

void kr_learner_refined(kr_learner *l, const kr_density *density, const float *before)
{
    const float *w = density->plug->weights(density->self);
    for (size_t i = 0; i < l->n_weights; i++) {
        const float change = w[i] - before[i];
        l->good[i] += change;
        if (l->degree > 0) {
            l->theta[i] += change;
        }
    }
}

int kr_learner_step(kr_learner *l, const float *gradient, double beta, double rate, double loss,
                    int32_t n_sites, const char *name, kr_error *err)
{
    bool is_bad =
        !isfinite(loss) || (l->degree == 0 && loss > l->best_loss + RUNAWAY_PER_SITE * n_sites);
    if (!is_bad && l->n_bad == 0 && l->step % KR_ESS_RING == 0) {
        memcpy(l->good, l->params, l->n_params * sizeof *l->good); /* their loss was seen */
    }
    is_bad = is_bad || kr_adam_step(l->adam, l->params, spread_gradient(l, gradient, beta),
                                    rate * l->rate_factor, MAX_GRADIENT_NORM, NULL) != KR_OK;
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
            "finite loss; a smaller training.rate may help",
            name, loss, (long long)l->step, (long long)l->n_rollbacks);
    }
    kr_adam_reset(l->adam);
    l->n_bad = 0;
    l->best_loss = INFINITY;
    return KR_OK;
}
