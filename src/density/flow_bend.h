/* SPDX-License-Identifier: GPL-3.0-or-later
 * density/flow_bend.h - the monotone map u of density/flow_split.h on vectors, its derivatives
 * and its inverse; for kernel files. */
#ifndef KR_DENSITY_FLOW_BEND_H
#define KR_DENSITY_FLOW_BEND_H

#include "base/vd.h"
#include "density/flow_split.h"

typedef struct bend {
    int32_t n_knots;
    const double *s, *p, *q, *G, *r; /* r = 1/G */
} bend;

typedef struct bent { /* u, u', u'', u''' at a z, and the tanh(G_j z) */
    vd u, d1, d2, d3, t[KR_SPLIT_KNOTS_MAX];
} bent;

KR_INLINE bend bend_at(const double *w, int32_t n)
{
    return (bend){ n, w, w + 1, w + 1 + n, w + 1 + 2 * n, w + 1 + 3 * n };
}

KR_INLINE vd bend_abs(vd x)
{
    return vd_select(x < vd_set(0.0), -x, x);
}

/* Odd to the bit; absolute error of some 1e-16, which is what u wants. */
KR_INLINE vd bend_tanh(vd x)
{
    const vd e = vd_exp(vd_set(-2.0) * bend_abs(x)), one = vd_set(1.0);
    const vd t = (one - e) / (one + e);
    return vd_select(x < vd_set(0.0), -t, t);
}

KR_INLINE bent bend_value(const bend *b, vd z)
{
    bent out = { vd_set(b->s[0]) * z, vd_set(b->s[0]), vd_set(0.0), vd_set(0.0), { { 0.0 } } };
    for (int32_t j = 0; j < b->n_knots; j++) {
        const double G = b->G[j], p = b->p[j], q = b->q[j];
        const vd t = bend_tanh(vd_set(G) * z), t2 = t * t, flat = vd_set(1.0) - t2;
        const vd turn = vd_set(2.0 * G * (q - p * G)) * flat;
        out.t[j] = t;
        out.u = vd_fma(vd_set(p - q * b->r[j]), t, vd_fma(vd_set(q), z, out.u));
        out.d1 = vd_fma(vd_set(p * G), flat, vd_fma(vd_set(q), t2, out.d1));
        out.d2 = vd_fma(turn, t, out.d2);
        out.d3 = vd_fma(turn * vd_set(G), vd_fma(vd_set(-3.0), t2, vd_set(1.0)), out.d3);
    }
    return out;
}

/* sum += l du + v d ln u' with respect to s, p, q, G at z. */
KR_INLINE void bend_gradient(const bend *b, vd z, const bent *at, vd l, vd v, vd *sum)
{
    const vd r = v / at->d1;
    const int32_t n = b->n_knots;
    sum[0] += vd_fma(l, z, r);
    for (int32_t j = 0; j < n; j++) {
        const vd G = vd_set(b->G[j]), p = vd_set(b->p[j]), q = vd_set(b->q[j]);
        const vd t = at->t[j], flat = vd_set(1.0) - t * t, dt = z * flat;
        const vd over = t * vd_set(b->r[j]); /* t/G */
        sum[1 + j] += vd_fma(l, t, r * G * flat);
        sum[1 + n + j] += vd_fma(l, z - over, r * t * t);
        sum[1 + 2 * n + j] += l * vd_fma(p, dt, q * (over - dt) * vd_set(b->r[j])) +
                              r * vd_fma(p, flat, vd_set(2.0) * t * dt * (q - p * G));
    }
}

/* 1/u' halfway between small and large z, where the search begins. */
KR_INLINE double bend_start(const bend *b)
{
    double slope = b->s[0];
    for (int32_t j = 0; j < b->n_knots; j++) {
        slope += 0.5 * (b->p[j] * b->G[j] + b->q[j]);
    }
    return 1.0 / slope;
}

/* The z with u(z) = y, and u'(z), by Householder's steps of fourth order inside the bracket
 * 0..y/s. A lane rests when its step has fallen below 1e-5 of z: what is left is of the order
 * of 1e-20, of u' by its Taylor series 1e-15. No lane looks at another. */
KR_INLINE vd bend_inverse(const bend *b, vd y, vd *first)
{
    const vd zero = vd_set(0.0), half = vd_set(0.5), size = bend_abs(y);
    vd low = zero, high = size * vd_set((1.0 + 0x1p-50) / b->s[0]);
    vd out = zero, out_first = vd_set(b->s[0]), z = size * vd_set(bend_start(b));
    vd_mask is_done = size != size; /* not a number: stays at zero */
    for (int step = 0; step < 100; step++) {
        const bent at = bend_value(b, z);
        const vd f = at.u - size, six = vd_set(6.0), d1 = at.d1, d2 = at.d2;
        const vd top = f * vd_fma(six * d1, d1, vd_set(-3.0) * f * d2);
        const vd bottom = vd_fma(six * d1, vd_fma(d1, d1, -f * d2), f * f * at.d3);
        const vd dz = top / bottom, next = z - dz;
        high = vd_select(f > zero, z, high);
        low = vd_select(f > zero, low, z);
        const vd_mask is_inside = (next >= low) & (next <= high);
        const vd_mask is_near = is_inside & (bend_abs(dz) <= vd_set(1e-5) * z);
        const vd_mask is_narrow = high - low <= vd_set(0x1p-51) * high;
        const vd_mask ends = ~is_done & (is_near | is_narrow);
        const vd slope = vd_fma(dz, vd_fma(half * at.d3, dz, -d2), d1);
        out = vd_select(ends, vd_select(is_near, next, z), out);
        out_first = vd_select(ends, vd_select(is_near, slope, d1), out_first);
        is_done |= ends;
        z = vd_select(is_inside, next, half * (low + high));
        int64_t n_done = 0;
        for (int k = 0; k < VD; k++) {
            n_done -= is_done[k];
        }
        if (n_done == VD) {
            break;
        }
    }
    *first = out_first;
    return vd_select(y < zero, -out, out);
}

#endif
