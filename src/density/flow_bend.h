/* SPDX-License-Identifier: GPL-3.0-or-later
 * density/flow_bend.h - the monotone map u of density/flow_split.h on vectors, its derivatives
 * and its inverse; for kernel files. */
#ifndef KR_DENSITY_FLOW_BEND_H
#define KR_DENSITY_FLOW_BEND_H

#include "base/vd.h"

typedef struct bend {
    int32_t n_knots;
    const double *s, *p, *q, *G;
} bend;

KR_INLINE bend bend_at(const double *w, int32_t n_knots)
{
    return (bend){ n_knots, w, w + 1, w + 1 + n_knots, w + 1 + 2 * n_knots };
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

/* u(z) with u' and u'', which are never NULL. */
KR_INLINE vd bend_value(const bend *b, vd z, vd *first, vd *second)
{
    vd u = vd_set(b->s[0]) * z, d1 = vd_set(b->s[0]), d2 = vd_set(0.0);
    for (int32_t j = 0; j < b->n_knots; j++) {
        const vd G = vd_set(b->G[j]), p = vd_set(b->p[j]), q = vd_set(b->q[j]);
        const vd t = bend_tanh(G * z), flat = vd_fma(-t, t, vd_set(1.0));
        u += vd_fma(p, t, q * (z - t / G));
        d1 += vd_fma(p * G, flat, q * t * t);
        d2 = vd_fma(vd_set(2.0) * G * t * flat, q - p * G, d2);
    }
    *first = d1;
    *second = d2;
    return u;
}

/* sum += l du + v d ln u' with respect to s, p, q, G at z; first = u'(z). */
KR_INLINE void bend_gradient(const bend *b, vd z, vd l, vd v, vd first, vd *sum)
{
    const vd r = v / first, one = vd_set(1.0), two = vd_set(2.0);
    const int32_t n = b->n_knots;
    sum[0] += vd_fma(l, z, r);
    for (int32_t j = 0; j < n; j++) {
        const vd G = vd_set(b->G[j]), p = vd_set(b->p[j]), q = vd_set(b->q[j]);
        const vd t = bend_tanh(G * z), flat = vd_fma(-t, t, one), dt = z * flat;
        sum[1 + j] += vd_fma(l, t, r * G * flat);
        sum[1 + n + j] += vd_fma(l, z - t / G, r * t * t);
        sum[1 + 2 * n + j] +=
            l * (p * dt + q * (t / G - dt) / G) + r * (p * flat + two * t * dt * (q - p * G));
    }
}

/* The z with u(z) = y, and u'(z): Halley's steps, cubic, kept inside the bracket 0..y/s. A
 * lane rests when its step has fallen below 1e-8 of z, and no lane looks at another. */
KR_INLINE vd bend_inverse(const bend *b, vd y, vd *first)
{
    const vd zero = vd_set(0.0), half = vd_set(0.5), size = bend_abs(y);
    vd low = zero, high = size / vd_set(b->s[0]) * vd_set(1.0 + 0x1p-50), z, d1, d2;
    vd out = zero, out_first = vd_set(b->s[0]);
    vd_mask is_done = size != size; /* not a number: stays at zero */
    bend_value(b, zero, &d1, &d2);
    z = size / d1;
    z = vd_select(z > high, high, z);
    for (int step = 0; step < 100; step++) {
        const vd f = bend_value(b, z, &d1, &d2) - size;
        const vd dz = f / (d1 - half * f * d2 / d1), next = z - dz;
        high = vd_select(f > zero, z, high);
        low = vd_select(f > zero, low, z);
        const vd_mask is_inside = (next >= low) & (next <= high);
        const vd_mask is_near = is_inside & (bend_abs(dz) <= vd_set(1e-8) * z);
        const vd_mask is_narrow = high - low <= vd_set(0x1p-51) * high;
        const vd_mask ends = ~is_done & (is_near | is_narrow);
        out = vd_select(ends, vd_select(is_near, next, z), out);
        out_first = vd_select(ends, vd_select(is_near, d1 - d2 * dz, d1), out_first);
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
