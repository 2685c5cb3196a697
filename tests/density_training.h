/* SPDX-License-Identifier: GPL-3.0-or-later
 * tests/density_training.h - training a density by reverse KL until its weights give log Z. */
#ifndef KR_DENSITY_TRAINING_H
#define KR_DENSITY_TRAINING_H

#include "kr_subject.h"

#include "model/terms.h"

/* One step of reverse KL with the leave-one-out baseline: Wu, Wang, Zhang 2019, eq. (3). */
static inline void train_step(subject *s, kr_adam *adam, double beta, double rate, kr_rng *rng)
{
    kr_error err = { 0 };
    uint8_t *x = get_states(s);
    float *gradient = get(s->n_weights, sizeof *gradient);
    double r[LANES], mean = 0.0;
    assert_ok(s->plug->prepare(s->self, beta, &err), &err);
    s->plug->sample_tail(s->self, 0, LANES, x, r, rng, s->scratch);
    for (int l = 0; l < LANES; l++) {
        r[l] += beta * kr_terms_energy(s->target.terms, x + l, LANES);
        mean += r[l] / LANES;
    }
    for (int l = 0; l < LANES; l++) {
        r[l] = (mean - r[l]) / (LANES - 1);
    }
    s->plug->grad(s->self, LANES, x, r, gradient, NULL, s->scratch);
    assert_ok(kr_adam_step(adam, s->plug->weights(s->self), gradient, rate, 0.0, &err), &err);
    kr_free(gradient);
    kr_free(x);
}

/* Trains while beta rises; then the importance weights of fresh samples average to Z, and their
 * effective sample fraction is above least_ess. */
static inline void check_log_z(subject *s, double beta, double log_z, uint64_t seed,
                               double least_ess)
{
    enum { STEPS = 400, BATCHES = 64 };
    kr_error err = { 0 };
    kr_rng rng;
    kr_rng_seed(&rng, seed, 0, KR_PURPOSE_TEST);
    s->plug->init(s->self, &rng);
    kr_adam adam;
    assert_ok(kr_adam_init(&adam, s->n_weights, &err), &err);
    for (int t = 0; t < STEPS; t++) {
        train_step(s, &adam, beta * fmin(1.0, 0.3 + 1.4 * t / STEPS), t < 300 ? 8e-3 : 1e-3,
                   &rng);
    }
    uint8_t *x = get_states(s);
    double log_q[LANES], sum = 0.0, sum2 = 0.0;
    for (int n = 0; n < BATCHES; n++) {
        s->plug->sample_tail(s->self, 0, LANES, x, log_q, &rng, s->scratch);
        for (int l = 0; l < LANES; l++) {
            double energy = kr_terms_energy(s->target.terms, x + l, LANES);
            double w = exp(-beta * energy - log_q[l] - log_z);
            sum += w;
            sum2 += w * w;
        }
    }
    double n = BATCHES * LANES, mean = sum / n, variance = sum2 / n - mean * mean;
    assert_within_sigma(mean, sqrt(variance / n), 1.0, 4.5);
    assert_true(mean * mean / (variance + mean * mean) > least_ess);
    kr_free(x);
    kr_adam_clear(&adam);
}

#endif
