/* SPDX-License-Identifier: GPL-3.0-or-later
 * density/flow_affine.c - the affine map of density/flow_map.h, compiled once per instruction
 * set. */
#include "base/isa.h"
#include "density/flow_map.h"
#include "density/flow_vector.h"

#define L KR_LANES_PAD

/* A variable: its row, parameters and units. */
typedef struct place {
    size_t row;
    vd center, width, shift, log_scale, bounded;
} place;

KR_INLINE place place_of(const kr_map *m, int32_t i, int half, const double *odd,
                         const double *even)
{
    const int32_t site = m->site[i];
    place p = { .row = (size_t)site * L + (size_t)half,
                .center = vd_set(m->center[site]),
                .width = vd_set(m->width[site]) };
    p.shift = vd_set(m->dt * m->width[site]) * vd_load(odd + (size_t)i * L + half);
    p.bounded = flow_bounded(vd_load(even + (size_t)i * L + half));
    p.log_scale = vd_set(m->dt) * p.bounded;
    return p;
}

static void forward(const kr_map *m, const double *odd, const double *even, double *x,
                    double *log_j)
{
    for (int half = 0; half < L; half += VD) {
        vd volume = vd_load(log_j + half);
        for (int32_t i = 0; i < m->n; i++) {
            const place p = place_of(m, i, half, odd, even);
            const vd from = vd_load(x + p.row) - p.center + p.shift;
            vd_store(x + p.row, vd_fma(from, vd_exp(p.log_scale), p.center));
            volume += p.log_scale;
        }
        vd_store(log_j + half, volume);
    }
}

static void inverse(const kr_map *m, const double *odd, const double *even, double *x,
                    double *log_j)
{
    for (int half = 0; half < L; half += VD) {
        vd volume = vd_load(log_j + half);
        for (int32_t i = 0; i < m->n; i++) {
            const place p = place_of(m, i, half, odd, even);
            const vd to = vd_load(x + p.row) - p.center;
            vd_store(x + p.row, vd_fma(to, vd_exp(-p.log_scale), p.center - p.shift));
            volume += p.log_scale;
        }
        vd_store(log_j + half, volume);
    }
}

/* Cotangents of the parameters, given that of x' and of ln f'. */
KR_INLINE void parameters(const kr_map *m, int32_t i, int half, const place *p, vd from,
                          vd scale, vd cotangent, vd volume, double *odd, double *even)
{
    const vd dt = vd_set(m->dt), before = cotangent * scale;
    const vd of_scale = vd_fma(before, from, volume) * dt * flow_bounded_slope(p->bounded);
    vd_store(odd + (size_t)i * L + half, before * dt * p->width);
    vd_store(even + (size_t)i * L + half, of_scale);
}

static void pull(const kr_map *m, double *odd, double *even, const double *x, double *cotangent,
                 const double *volume)
{
    for (int half = 0; half < L; half += VD) {
        for (int32_t i = 0; i < m->n; i++) {
            const place p = place_of(m, i, half, odd, even);
            const vd from = vd_load(x + p.row) - p.center + p.shift,
                     scale = vd_exp(p.log_scale);
            const vd to = vd_load(cotangent + p.row);
            parameters(m, i, half, &p, from, scale, to, vd_load(volume + half), odd, even);
            vd_store(cotangent + p.row, to * scale);
        }
    }
}

/* x: of push, or of carry, where it is moved too. */
KR_INLINE void push_half(const kr_map *m, double *odd, double *even, const double *x,
                         double *slope, double *moved, vd *volume, int half)
{
    for (int32_t i = 0; i < m->n; i++) {
        const place p = place_of(m, i, half, odd, even);
        const vd from = vd_load(x + p.row) - p.center + p.shift, scale = vd_exp(p.log_scale);
        const vd to = vd_load(slope + p.row) / scale;
        parameters(m, i, half, &p, from, scale, to, vd_set(1.0), odd, even);
        vd_store(slope + p.row, to);
        if (moved) {
            vd_store(moved + p.row, vd_fma(from, scale, p.center));
            *volume += p.log_scale;
        }
    }
}

static void push(const kr_map *m, double *odd, double *even, const double *x, double *slope)
{
    for (int half = 0; half < L; half += VD) {
        push_half(m, odd, even, x, slope, NULL, NULL, half);
    }
}

static void carry(const kr_map *m, double *odd, double *even, double *x, double *slope,
                  double *log_j)
{
    for (int half = 0; half < L; half += VD) {
        vd volume = vd_load(log_j + half);
        push_half(m, odd, even, x, slope, x, &volume, half);
        vd_store(log_j + half, volume);
    }
}

const kr_map_kernels KR_ISA_NAME(kr_map_affine) = { forward, inverse, pull, push, carry, NULL };
