/* SPDX-License-Identifier: GPL-3.0-or-later
 * tests/density_slopes.h - the gradient of a density against finite differences. */
#ifndef KR_DENSITY_SLOPES_H
#define KR_DENSITY_SLOPES_H

#include "kr_subject.h"

static inline double weighted_score(subject *s, const uint8_t *state, const double *coefficient)
{
    double log_q[KR_LANES_PAD], sum = 0.0;
    evaluate(s, 0, KR_LANES_PAD, state, log_q);
    for (int l = 0; l < KR_LANES_PAD; l++) {
        sum += coefficient[l] * log_q[l];
    }
    return sum;
}

/* Weights from + n DIRECTIONS, n = 0, 1, ..., moved together with random signs: where there are
 * many weights, one by one their derivatives drown in the noise of float32. */
enum { DIRECTIONS = 512 };

typedef struct direction {
    size_t from, n_weights;
    const float *sign, *at; /* (n_weights); at: weights in the middle */
} direction;

/* Moves the weights by h along the direction; returns by how much the rounded ones went, along
 * the gradient as claimed. */
static inline double move(float *w, direction d, double h, const float *gradient)
{
    double change = 0.0;
    for (size_t x = d.from; x < d.n_weights; x += DIRECTIONS) {
        w[x] = (float)((double)d.at[x] + h * (double)d.sign[x]);
        change += ((double)w[x] - (double)d.at[x]) * (double)gradient[x];
    }
    return change;
}

/* Central difference, *claimed: the same from the gradient, by the distances that the rounded
 * weights really have. Both are per unit of h. */
static inline double difference(subject *s, direction d, double h, const uint8_t *state,
                                const double *coefficient, const float *gradient,
                                double *claimed)
{
    float *w = s->plug->weights(s->self);
    *claimed = move(w, d, h, gradient);
    double f = weighted_score(s, state, coefficient);
    *claimed -= move(w, d, -h, gradient);
    f -= weighted_score(s, state, coefficient);
    move(w, d, 0.0, gradient);
    *claimed /= 2.0 * h;
    return f / (2.0 * h);
}

/* Steps of 0.04 and 0.02 with Richardson's extrapolation: truncation and float32 noise are both
 * of the order 1e-5. */
static inline void compare_slopes(subject *s, const uint8_t *state, const double *coefficient,
                                  const float *gradient, const float *sign, const float *at)
{
    double norm = 0.0, error = 0.0;
    for (size_t x = 0; x < s->n_weights && x < DIRECTIONS; x++) {
        double fine_claim, coarse_claim;
        direction d = { x, s->n_weights, sign, at };
        double fine = difference(s, d, 0.02, state, coefficient, gradient, &fine_claim);
        double coarse = difference(s, d, 0.04, state, coefficient, gradient, &coarse_claim);
        double want = (4.0 * fine - coarse) / 3.0;
        double got = (4.0 * fine_claim - coarse_claim) / 3.0;
        norm += want * want;
        error += (got - want) * (got - want);
    }
    require(s, s->n_weights == 0 || norm > 0.0, "no weight matters");
    require(s, error <= 1e-6 * norm, "gradient of norm %g is off by %g", sqrt(norm),
            sqrt(error));
}

static inline void gradient_is_the_derivative(subject *s)
{
    randomize(s, 11);
    kr_rng rng;
    kr_rng_seed(&rng, 12, 0, KR_PURPOSE_TEST);
    uint8_t *state = get_states(s);
    double coefficient[LANES];
    draw_states(s, KR_LANES_PAD, state, &rng);
    for (int l = 0; l < LANES; l++) {
        coefficient[l] = kr_rng_normal(&rng);
    }
    float *gradient = get(s->n_weights, sizeof *gradient);
    float *sign = get(s->n_weights, sizeof *sign), *at = get(s->n_weights, sizeof *at);
    for (size_t x = 0; x < s->n_weights; x++) {
        gradient[x] = 0.5f; /* it is added to what is there */
        at[x] = s->plug->weights(s->self)[x];
        sign[x] = kr_rng_below(&rng, 2) ? 1.0f : -1.0f;
    }
    s->plug->grad(s->self, KR_LANES_PAD, state, coefficient, gradient, NULL, poisoned(s));
    for (size_t x = 0; x < s->n_weights; x++) {
        gradient[x] -= 0.5f;
    }
    compare_slopes(s, state, coefficient, gradient, sign, at);
    kr_free(at);
    kr_free(sign);
    kr_free(gradient);
    kr_free(state);
}

/* Along the gradient the derivative is its norm squared. */
static inline void check_slope(subject *s, uint64_t seed)
{
    randomize(s, seed);
    float *gradient = get(s->n_weights, sizeof *gradient), *w = s->plug->weights(s->self);
    float *old = get(s->n_weights, sizeof *old);
    memcpy(old, w, s->n_weights * sizeof *w);
    kr_rng rng;
    kr_rng_seed(&rng, seed + 1, 0, KR_PURPOSE_TEST);
    uint8_t *x = get_states(s);
    draw_states(s, LANES, x, &rng);
    double coefficient[LANES], log_q[LANES], norm2 = 0.0, f = 0.0;
    for (int l = 0; l < LANES; l++) {
        coefficient[l] = kr_rng_normal(&rng);
    }
    s->plug->grad(s->self, LANES, x, coefficient, gradient, NULL, poisoned(s));
    for (size_t k = 0; k < s->n_weights; k++) {
        norm2 += (double)gradient[k] * (double)gradient[k];
    }
    for (int sign = -1; sign <= 1; sign += 2) { /* a step of length 0.01 each way */
        for (size_t k = 0; k < s->n_weights; k++) {
            w[k] = (float)((double)old[k] + sign * 0.01 / sqrt(norm2) * (double)gradient[k]);
        }
        evaluate(s, 0, LANES, x, log_q);
        for (int l = 0; l < LANES; l++) {
            f += sign * coefficient[l] * log_q[l];
        }
    }
    require(s, fabs(f / 0.02 / sqrt(norm2) - 1.0) <= 1e-3, "slope / norm = %g",
            f / 0.02 / sqrt(norm2));
    kr_free(x);
    kr_free(old);
    kr_free(gradient);
}

#endif
