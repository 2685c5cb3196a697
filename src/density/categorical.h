/* SPDX-License-Identifier: GPL-3.0-or-later
 * density/categorical.h - from the logits of one site to integer probabilities, for all lanes.
 *
 * The probability of state a is m_a / T with integers m_a >= 1, T <= 2^32:
 *   q = 2   one logit z of state 1: m_1 = round(2^32 sigma(z)) in 1 .. 2^32 - 1, T = 2^32;
 *   q > 2   q logits: m_a = max(1, round(exp(z_a - z_max) scale)), scale <= 2^32 / q, T = sum_a
 * m_a. The draw compares random integers with these very numbers and log q is the logarithm of
 * this very ratio, so law and score agree exactly and q > 0. Arrays are [row][stride], stride a
 * multiple of KR_LANES_PAD; a call touches lanes l < n_lanes only, unless it says otherwise.
 * Threads: pure. */
#ifndef KR_DENSITY_CATEGORICAL_H
#define KR_DENSITY_CATEGORICAL_H

#include "density/lanes.h"

/* Factors m/T that kr_categorical_score may multiply before kr_categorical_flush must be
 * called: 16 factors of at least 2^-32 each stay far from underflow. Flush after every site i
 * with (i + 1) % KR_CATEGORICAL_RUN == 0 and after the last one: the runs then belong to sites,
 * and one logarithm serves 16 of them. */
#define KR_CATEGORICAL_RUN 16

/* The largest float32 integer <= 2^32 / q: the weight of the most probable state. */
float kr_categorical_scale(int32_t q);

/* Rows of z: 1 for q = 2, else q. */
static inline int32_t kr_categorical_logits(int32_t q)
{
    return q == 2 ? 1 : q;
}

/* z (n_logits, stride) -> m (n_logits, stride), total (stride, untouched for q = 2). Works on
 * whole rows: z must be readable up to stride. */
void kr_categorical_weights(const kr_lanes *lanes, int32_t q, int32_t stride, const float *z,
                            uint32_t *m, uint64_t *total);
/* The same from q >= 2 weights w >= 0, not all zero: fills m (n_logits), which is the rounded
 * m_1 alone for q = 2; returns their sum. Of two weights the smaller one is rounded, so that
 * exchanged weights give exchanged integers. Weights that are all zero count as equal. */
uint64_t kr_categorical_integers(int32_t q, const double *w, uint32_t *m);
/* Fills row (n_lanes) with states drawn from m / total. */
void kr_categorical_draw(int32_t q, int32_t n_lanes, int32_t stride, const uint32_t *m,
                         const uint64_t *total, uint8_t *row, kr_rng *rng);
/* ratio[l] *= probability of row[l]. */
void kr_categorical_score(int32_t q, int32_t n_lanes, int32_t stride, const uint32_t *m,
                          const uint64_t *total, const uint8_t *row, double *ratio);
/* log_q[l] += log(ratio[l]); ratio[l] = 1. */
void kr_categorical_flush(int32_t n_lanes, double *ratio, double *log_q);
/* e[a * stride + l] = coefficient[l] d log q(row[l]) / d z_a, the rounding to integers ignored;
 * lanes n_lanes .. stride - 1 are set to 0. */
void kr_categorical_cotangent(int32_t q, int32_t n_lanes, int32_t stride, const uint32_t *m,
                              const uint64_t *total, const uint8_t *row,
                              const double *coefficient, float *e);

#endif
