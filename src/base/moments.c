/* SPDX-License-Identifier: GPL-3.0-or-later
 * base/moments.c - means and variances of every site over chains, part by part. */
#include "base/moments.h"

void kr_moments_fill(kr_moments *m, size_t n_sites, int32_t n_lanes, size_t stride,
                     const double *x)
{
    m->n = n_lanes;
    for (size_t i = 0; i < n_sites; i++) {
        const double *lane = x + i * stride;
        double sum = 0.0, square = 0.0;
        for (int32_t l = 0; l < n_lanes; l++) {
            sum += lane[l];
        }
        m->mean[i] = sum / n_lanes;
        for (int32_t l = 0; l < n_lanes; l++) {
            square += (lane[l] - m->mean[i]) * (lane[l] - m->mean[i]);
        }
        m->m2[i] = square;
    }
}

void kr_moments_merge(kr_moments *m, size_t n_sites, const kr_moments *other)
{
    const int64_t n = m->n + other->n;
    if (other->n == 0) {
        return;
    }
    const double share = (double)other->n / (double)n;
    for (size_t i = 0; i < n_sites; i++) {
        const double apart = other->mean[i] - m->mean[i];
        m->mean[i] += share * apart;
        m->m2[i] += other->m2[i] + share * (double)m->n * apart * apart;
    }
    m->n = n;
}
