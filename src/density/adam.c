/* SPDX-License-Identifier: GPL-3.0-or-later
 * density/adam.c - the Adam optimizer on one weight block.
 *
 * Moments in float32, the norm of the gradient in double. Source: Kingma, Ba, arXiv:1412.6980,
 * algorithm 1. A weight whose gradient has always been zero stays where it is, to the bit:
 * densities rely on it for their zero padding. */
#include "density/adam.h"

#include "base/memory.h"

#include <math.h>
#include <string.h>

int kr_adam_init(kr_adam *adam, size_t n, kr_error *err)
{
    *adam = (kr_adam){ .n = n, .beta1 = 0.9, .beta2 = 0.999, .epsilon = 1e-8 };
    adam->m = kr_alloc(n, sizeof *adam->m, err);
    adam->v = kr_alloc(n, sizeof *adam->v, err);
    if (!adam->m || !adam->v) {
        kr_adam_clear(adam);
        return KR_ENOMEM;
    }
    return KR_OK;
}

void kr_adam_clear(kr_adam *adam)
{
    kr_free(adam->v);
    kr_free(adam->m);
    *adam = (kr_adam){ .n = 0 };
}

void kr_adam_reset(kr_adam *adam)
{
    memset(adam->m, 0, adam->n * sizeof *adam->m);
    memset(adam->v, 0, adam->n * sizeof *adam->v);
    adam->n_steps = 0;
}

/* Sixteen partial sums, so that the loop runs in vector registers in an order of its own. */
static double norm(const float *x, size_t n)
{
    enum { WIDTH = 16 };
    double part[WIDTH] = { 0 };
    size_t i = 0;
    for (; i + WIDTH <= n; i += WIDTH) {
        for (size_t k = 0; k < WIDTH; k++) {
            part[k] += (double)x[i + k] * (double)x[i + k];
        }
    }
    for (; i < n; i++) {
        part[i % WIDTH] += (double)x[i] * (double)x[i];
    }
    double total = 0.0;
    for (size_t k = 0; k < WIDTH; k++) {
        total += part[k];
    }
    return sqrt(total);
}

int kr_adam_step(kr_adam *adam, float *weights, const float *gradient, double rate,
                 double max_norm, kr_error *err)
{
    double size = norm(gradient, adam->n);
    if (!isfinite(size)) {
        return kr_fail(err, KR_EDIVERGED,
                       "gradient: norm %g after %lld steps, want a finite number", size,
                       (long long)adam->n_steps);
    }
    adam->n_steps++;
    double steps = (double)adam->n_steps;
    float scale = (float)(max_norm > 0.0 && size > max_norm ? max_norm / size : 1.0);
    /* the bias corrections of both moments, folded into the rate and into epsilon */
    double correction1 = 1.0 - pow(adam->beta1, steps);
    double correction2 = sqrt(1.0 - pow(adam->beta2, steps));
    float step = (float)(rate * correction2 / correction1);
    float epsilon = (float)(adam->epsilon * correction2);
    float keep1 = (float)adam->beta1, take1 = (float)(1.0 - adam->beta1);
    float keep2 = (float)adam->beta2, take2 = (float)(1.0 - adam->beta2);
    float *restrict m = adam->m, *restrict v = adam->v, *restrict w = weights;
    const float *restrict gradient_in = gradient;
    for (size_t i = 0; i < adam->n; i++) {
        float g = scale * gradient_in[i];
        m[i] = keep1 * m[i] + take1 * g;
        v[i] = keep2 * v[i] + take2 * g * g;
        w[i] += step * m[i] / (sqrtf(v[i]) + epsilon);
    }
    return KR_OK;
}

int kr_adam_declare(kr_adam *adam, kr_state *table, kr_error *err)
{
    KR_TRY(kr_state_add(table, "m", KR_F32, adam->n, adam->m, err));
    KR_TRY(kr_state_add(table, "v", KR_F32, adam->n, adam->v, err));
    return kr_state_add(table, "n_steps", KR_I64, 1, &adam->n_steps, err);
}
