/* SPDX-License-Identifier: GPL-3.0-or-later
 * density/flow_site_kernels.c - maps of single sites on groups of lanes, compiled once per
 * instruction set. */
#include "base/isa.h"
#include "density/flow_bend.h"
#include "density/flow_site.h"
#include "density/flow_vector.h"

#include <string.h>

#define L KR_LANES_PAD

enum { NUMBERS_MAX = 1 + 4 * KR_SPLIT_KNOTS_MAX };

typedef struct site_map {
    bend u;
    vd shift;
    int32_t first; /* of its numbers */
} site_map;

KR_INLINE site_map map_at(int32_t i, int32_t n_knots, const int32_t *which, const double *w)
{
    const int32_t n = kr_split_bend_numbers(n_knots), first = which[i] * (n + 1);
    return (site_map){ bend_at(w + first, n_knots), vd_set(w[first + n]), first };
}

static void forward(int32_t n, int32_t n_knots, const int32_t *which, const double *w,
                    double *x, double *log_j)
{
    for (int half = 0; half < L; half += VD) {
        log_sum volume = begin_log_sum(log_j + half);
        for (int32_t i = 0; i < n; i++) {
            const site_map m = map_at(i, n_knots, which, w);
            double *at = x + (size_t)i * L + half;
            const bent to = bend_value(&m.u, vd_load(at) + m.shift);
            vd_store(at, to.u);
            add_log(&volume, to.d1);
        }
        vd_store(log_j + half, end_log(&volume));
    }
}

static void inverse(int32_t n, int32_t n_knots, const int32_t *which, const double *w,
                    double *x, double *log_j)
{
    for (int half = 0; half < L; half += VD) {
        log_sum volume = begin_log_sum(log_j + half);
        for (int32_t i = 0; i < n; i++) {
            const site_map m = map_at(i, n_knots, which, w);
            double *at = x + (size_t)i * L + half;
            vd first;
            vd_store(at, bend_inverse(&m.u, vd_load(at), &first) - m.shift);
            add_log(&volume, first);
        }
        vd_store(log_j + half, end_log(&volume));
    }
}

static void pull(int32_t n, int32_t n_knots, const int32_t *which, const double *w,
                 const double *x, double *cotangent, const double *volume, double *gradient)
{
    const int32_t n_weights = kr_split_bend_weights(n_knots);
    const int32_t n_numbers = kr_split_bend_numbers(n_knots);
    for (int half = 0; half < L; half += VD) {
        const vd v = vd_load(volume + half);
        for (int32_t i = 0; i < n; i++) {
            const site_map m = map_at(i, n_knots, which, w);
            double *to = cotangent + (size_t)i * L + half, *out = gradient + m.first;
            const vd z = vd_load(x + (size_t)i * L + half) + m.shift, l = vd_load(to);
            const bent at = bend_value(&m.u, z);
            vd bends[NUMBERS_MAX];
            memset(bends, 0, sizeof bends);
            bend_gradient(&m.u, z, &at, l, v, bends);
            const vd lz = vd_fma(l, at.d1, v * at.d2 / at.d1);
            vd_store(to, lz);
            for (int32_t k = 0; k < n_weights; k++) {
                out[k] += sum_half(bends[k]);
            }
            out[n_numbers] += sum_half(lz);
        }
    }
}

static void push(int32_t n, int32_t n_knots, const int32_t *which, const double *w,
                 const double *x, double *slope)
{
    for (int half = 0; half < L; half += VD) {
        for (int32_t i = 0; i < n; i++) {
            const site_map m = map_at(i, n_knots, which, w);
            double *to = slope + (size_t)i * L + half;
            const bent at = bend_value(&m.u, vd_load(x + (size_t)i * L + half) + m.shift);
            vd_store(to, (vd_load(to) - at.d2 / at.d1) / at.d1);
        }
    }
}

const kr_site_kernels KR_ISA_NAME(kr_site_kernels) = { forward, inverse, pull, push };
