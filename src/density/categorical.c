/* SPDX-License-Identifier: GPL-3.0-or-later
 * density/categorical.c - from the logits of one site to integer probabilities. */
#include "density/categorical.h"

#include "base/rng.h"

#include <math.h>

/* exp(x) for x <= 0 to 1e-11: 2^k times a Taylor polynomial of degree 9 on |r| <= ln(2)/2, in
 * plain double operations, so its bits depend on no library and no instruction set. Below -45
 * the integer weight is 1 whatever the value; NaN counts as -45. */
static inline double exp_below_zero(double x)
{
    const double log2e = 1.4426950408889634, ln2 = 0.6931471805599453, shift = 0x1.8p52;
    union {
        double value;
        uint64_t bits;
    } turn, power;
    double y = x > -45.0 ? x : -45.0;
    turn.value = y * log2e + shift; /* low mantissa bits: the nearest integer k */
    double r = y - (turn.value - shift) * ln2;
    power.bits = (turn.bits + 1023) << 52;
    double p = 1.0 / 362880.0;
    p = p * r + 1.0 / 40320.0;
    p = p * r + 1.0 / 5040.0;
    p = p * r + 1.0 / 720.0;
    p = p * r + 1.0 / 120.0;
    p = p * r + 1.0 / 24.0;
    p = p * r + 1.0 / 6.0;
    p = p * r + 0.5;
    p = p * r + 1.0;
    p = p * r + 1.0;
    return p * power.value;
}

/* q >= 3, so every weight stays below 2^31. */
static void softmax_weights(int32_t q, int32_t stride, const float *z, uint32_t *m,
                            uint64_t *total)
{
    enum { W = KR_LANES_PAD };
    size_t L = (size_t)stride, states = (size_t)q;
    double top = floor(0x1p32 / (double)q);
    for (size_t l0 = 0; l0 < L; l0 += W) {
        float max[W];
        for (size_t l = 0; l < W; l++) {
            max[l] = z[l0 + l];
            total[l0 + l] = 0;
        }
        for (size_t a = 1; a < states; a++) {
            for (size_t l = 0; l < W; l++) {
                max[l] = z[a * L + l0 + l] > max[l] ? z[a * L + l0 + l] : max[l];
            }
        }
        for (size_t a = 0; a < states; a++) {
            for (size_t l = 0; l < W; l++) {
                double w = exp_below_zero((double)z[a * L + l0 + l] - (double)max[l]);
                int32_t rounded = (int32_t)(w * top + 0.5);
                m[a * L + l0 + l] = (uint32_t)(rounded < 1 ? 1 : rounded);
                total[l0 + l] += m[a * L + l0 + l];
            }
        }
    }
}

void kr_categorical_weights(const kr_lanes *lanes, int32_t q, int32_t stride, const float *z,
                            uint32_t *m, uint64_t *total)
{
    if (q == 2) {
        lanes->sigmoid(stride, z, m);
    } else {
        softmax_weights(q, stride, z, m, total);
    }
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
