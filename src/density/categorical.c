/* SPDX-License-Identifier: GPL-3.0-or-later
 * density/categorical.c - from the logits of one site to integer probabilities. */
#include "density/categorical.h"

#include "base/rng.h"

#include <math.h>

float kr_categorical_scale(int32_t q)
{
    const uint32_t limit = (uint32_t)((UINT64_C(1) << 32) / (uint64_t)q);
    const float scale = (float)limit;
    return (double)scale > (double)limit ? nextafterf(scale, 0.0f) : scale;
}

void kr_categorical_weights(const kr_lanes *lanes, int32_t q, int32_t stride, const float *z,
                            uint32_t *m, uint64_t *total)
{
    if (q == 2) {
        lanes->sigmoid(stride, z, m);
    } else {
        lanes->softmax(q, stride, z, kr_categorical_scale(q), m, total);
    }
}

uint64_t kr_categorical_integers(int32_t q, const double *w, uint32_t *m)
{
    if (q == 2) {
        const double sum = w[0] + w[1];
        const double p = sum > 0.0 ? fmin(w[0], w[1]) / sum : 0.5;
        const uint32_t lesser = (uint32_t)fmax(1.0, rint(p * 0x1p32));
        m[0] = w[1] <= w[0] ? lesser : 0u - lesser;
        return UINT64_C(1) << 32;
    }
    const double scale = (double)kr_categorical_scale(q);
    double most = 0.0;
    for (int32_t a = 0; a < q; a++) {
        most = fmax(most, w[a]);
    }
    uint64_t total = 0;
    for (int32_t a = 0; a < q; a++) {
        m[a] = most > 0.0 ? (uint32_t)fmax(1.0, rint(w[a] / most * scale)) : 1;
        total += m[a];
    }
    return total;
}

void kr_categorical_draw(int32_t q, int32_t n_lanes, int32_t stride, const uint32_t *m,
                         const uint64_t *total, uint8_t *row, kr_rng *rng)
{
    if (q == 2) {
        kr_rng_bernoulli_lanes(rng, n_lanes, m, row);
        return;
    }
    uint32_t weight[KR_STATES_MAX];
    for (int32_t l = 0; l < n_lanes; l++) {
        for (int32_t a = 0; a < q; a++) {
            weight[a] = m[(size_t)a * (size_t)stride + (size_t)l];
        }
        row[l] = (uint8_t)kr_rng_integer_weights(rng, weight, total[l], q);
    }
}

void kr_categorical_score(int32_t q, int32_t n_lanes, int32_t stride, const uint32_t *m,
                          const uint64_t *total, const uint8_t *row, double *ratio)
{
    if (q == 2) {
        for (int32_t l = 0; l < n_lanes; l++) {
            uint32_t weight = row[l] ? m[l] : 0u - m[l]; /* 2^32 - m */
            ratio[l] *= (double)weight * 0x1p-32;
        }
        return;
    }
    for (int32_t l = 0; l < n_lanes; l++) {
        ratio[l] *= (double)m[(size_t)row[l] * (size_t)stride + (size_t)l] / (double)total[l];
    }
}

void kr_categorical_flush(int32_t n_lanes, double *ratio, double *log_q)
{
    for (int32_t l = 0; l < n_lanes; l++) {
        log_q[l] += log(ratio[l]);
        ratio[l] = 1.0;
    }
}

void kr_categorical_cotangent(int32_t q, int32_t n_lanes, int32_t stride, const uint32_t *m,
                              const uint64_t *total, const uint8_t *row,
                              const double *coefficient, float *e)
{
    size_t L = (size_t)stride;
    if (q == 2) {
        for (int32_t l = 0; l < n_lanes; l++) {
            /* of state 1: 1 - p, of state 0: -p */
            double d = row[l] ? (double)(0u - m[l]) : -(double)m[l];
            e[l] = (float)(coefficient[l] * (d * 0x1p-32));
        }
        for (int32_t l = n_lanes; l < stride; l++) {
            e[l] = 0.0f;
        }
        return;
    }
    for (size_t a = 0; a < (size_t)q; a++) {
        for (size_t l = 0; l < (size_t)n_lanes; l++) {
            double p = (double)m[a * L + l] / (double)total[l];
            e[a * L + l] = (float)(coefficient[l] * ((row[l] == a ? 1.0 : 0.0) - p));
        }
        for (size_t l = (size_t)n_lanes; l < L; l++) {
            e[a * L + l] = 0.0f;
        }
    }
}
