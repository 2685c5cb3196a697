/* SPDX-License-Identifier: GPL-3.0-or-later
 * density/flow_half_kernels.c - odd sites by their quantiles, on groups of lanes, compiled once
 * per instruction set.
 *
 * At eta < 0 the table is read mirrored. The numbers of a cell are gathered for each lane by
 * itself, brought to eta by cubics and joined to the quintic in z. Half of the lanes at a
 * time. */
#include "base/isa.h"
#include "base/vd.h"
#include "density/flow_half.h"
#include "density/flow_vector.h"

#define L    KR_LANES_PAD
#define NODE KR_QUANTILE_NODE

/* Where eta is among the rows: weights of the values and of the slopes of both, and their
 * derivatives. */
typedef struct row {
    vd sign, low, high, slope_low, slope_high; /* of T */
    vd turn, turn_slope_low, turn_slope_high;  /* of T_eta: -turn low + turn high + ... */
    vd_mask first;                             /* double where the lower row begins */
} row;

typedef struct quintic { /* f, f', f'' at both ends become coefficients */
    vd c[6];
} quintic;

typedef struct quantile { /* T and its derivatives */
    vd t, z, zz, eta, z_eta;
} quantile;

KR_INLINE vd clamp(vd x, double low, double high)
{
    const vd a = vd_set(low), b = vd_set(high);
    const vd above = vd_select(x > a, x, a); /* not a number: the lowest */
    return vd_select(above < b, above, b);
}

KR_INLINE row find_row(const kr_quantile *q, vd eta)
{
    const vd one = vd_set(1.0), zero = vd_set(0.0);
    const vd sign = vd_select(eta < zero, -one, one);
    const vd size = sign * eta * vd_set(1.0 / q->eta_step);
    const vd at = clamp(size, 0.0, q->n_eta - 1);
    const vd_mask cell = vd_integer(clamp(at, 0.0, q->n_eta - 2));
    const vd y = at - __builtin_convertvector(cell, vd), rest = one - y;
    const vd inside = vd_select(size > vd_set(q->n_eta - 1), zero, vd_set(1.0 / q->eta_step));
    row r = { .sign = sign, .first = cell * (int64_t)(q->n_z * NODE) };
    r.high = y * y * vd_fma(vd_set(-2.0), y, vd_set(3.0));
    r.low = one - r.high;
    r.slope_low = y * rest * rest;
    r.slope_high = -y * y * rest;
    r.turn = inside * vd_set(6.0) * y * rest;
    r.turn_slope_low = inside * rest * vd_fma(vd_set(-3.0), y, one);
    r.turn_slope_high = inside * y * vd_fma(vd_set(3.0), y, vd_set(-2.0));
    return r;
}

/* Derivative d of T in z, in units of the step, at the node that begins at `at` in the lower
 * row; its derivative by eta unless NULL. */
KR_INLINE vd at_node(const kr_quantile *q, const row *r, vd_mask at, int d, vd *by_eta)
{
    const double *low = q->node + d, *high = low + (size_t)q->n_z * NODE;
    const vd a = vd_gather(low, at), b = vd_gather(high, at);
    const vd c = vd_gather(low + 3, at), e = vd_gather(high + 3, at);
    if (by_eta) {
        *by_eta = vd_fma(r->turn, b - a, vd_fma(r->turn_slope_low, c, r->turn_slope_high * e));
    }
    return vd_fma(r->low, a, r->high * b) + vd_fma(r->slope_low, c, r->slope_high * e);
}

KR_INLINE quintic join(const vd *f, const vd *g)
{
    const vd ten = vd_set(10.0), half = vd_set(0.5);
    const vd D = g[0] - f[0] - f[1] - half * f[2], E = g[1] - f[1] - f[2], S = g[2] - f[2];
    return (quintic){ { f[0], f[1], half * f[2],
                        vd_fma(ten, D, vd_fma(vd_set(-4.0), E, half * S)),
                        vd_fma(vd_set(-15.0), D, vd_fma(vd_set(7.0), E, -S)),
                        vd_fma(vd_set(6.0), D, vd_fma(vd_set(-3.0), E, half * S)) } };
}

/* Value and two derivatives at x, in 0..1; half the second one. */
KR_INLINE void value_at(const quintic *f, vd x, vd *value, vd *first, vd *half_second)
{
    vd a = f->c[5], b = vd_set(0.0), c = b;
    for (int k = 4; k >= 0; k--) {
        c = vd_fma(c, x, b);
        b = vd_fma(b, x, a);
        a = vd_fma(a, x, f->c[k]);
    }
    *value = a;
    *first = b;
    *half_second = c;
}

/* The quintic of column `cell`, and that of T_eta unless NULL. */
KR_INLINE quintic read_cell(const kr_quantile *q, const row *r, vd_mask cell, quintic *by_eta)
{
    const vd_mask at = r->first + cell * (int64_t)NODE;
    vd f[2][3], g[2][3];
    for (int a = 0; a < 2; a++) {
        for (int d = 0; d < 3; d++) {
            f[a][d] = at_node(q, r, at + (int64_t)(a * NODE), d, by_eta ? &g[a][d] : NULL);
        }
    }
    if (by_eta) {
        *by_eta = join(g[0], g[1]);
    }
    return join(f[0], f[1]);
}

/* At the place w in units of columns; beyond the ends T goes on linear. */
KR_INLINE quantile in_cell(const kr_quantile *q, const row *r, vd w, bool with_slopes)
{
    const vd at = clamp(w, 0.0, q->n_z - 1), beyond = w - at, step = vd_set(1.0 / q->z_step);
    const vd_mask cell = vd_integer(clamp(at, 0.0, q->n_z - 2));
    const vd x = at - __builtin_convertvector(cell, vd);
    quintic by_eta;
    const quintic f = read_cell(q, r, cell, with_slopes ? &by_eta : NULL);
    quantile out;
    vd half_second, ignored;
    value_at(&f, x, &out.t, &out.z, &half_second);
    out.t = r->sign * vd_fma(beyond, out.z, out.t);
    out.z = out.z * step;
    if (with_slopes) {
        const vd second = vd_set(2.0) * half_second * step * step;
        value_at(&by_eta, x, &out.eta, &out.z_eta, &ignored);
        out.zz = r->sign * vd_select(beyond == vd_set(0.0), second, vd_set(0.0));
        out.eta = vd_fma(beyond, out.z_eta, out.eta);
        out.z_eta = r->sign * out.z_eta * step;
    }
    return out;
}

KR_INLINE quantile quantile_at(const kr_quantile *q, vd eta, vd z, bool with_slopes)
{
    const row r = find_row(q, eta);
    const vd w = (r.sign * z + vd_set(KR_QUANTILE_REACH)) * vd_set(1.0 / q->z_step);
    return in_cell(q, &r, w, with_slopes);
}

/* The fraction x of the cell where f = t, by Halley's steps inside the bracket 0..1; x beyond
 * it where t is. A lane rests when its step has fallen below 1e-6: what is left is below 1e-16.
 * No lane looks at another. */
KR_INLINE vd solve(const quintic *f, vd t)
{
    const vd zero = vd_set(0.0), one = vd_set(1.0), half = vd_set(0.5);
    vd a, b, c, low = zero, high = one;
    value_at(f, one, &a, &b, &c);
    vd x = clamp((t - f->c[0]) / (a - f->c[0]), 0.0, 1.0), out = x;
    const vd before = vd_select(t < f->c[0], (t - f->c[0]) / f->c[1], zero);
    const vd after = vd_select(t > a, (t - a) / b, zero);
    vd_mask is_done = (t <= f->c[0]) | (t >= a) | (t != t);
    out = vd_select(t <= f->c[0], zero, vd_select(t >= a, one, out));
    for (int step = 0; step < 100; step++) {
        value_at(f, x, &a, &b, &c);
        const vd over = a - t;
        const vd dx = over * b / vd_fma(b, b, -over * c), next = x - dx;
        high = vd_select(over > zero, x, high);
        low = vd_select(over > zero, low, x);
        const vd_mask is_inside = (next >= low) & (next <= high);
        const vd size = vd_select(dx < zero, -dx, dx);
        const vd_mask is_near = is_inside & (size <= vd_set(1e-6));
        const vd_mask is_narrow = high - low <= vd_set(0x1p-52);
        const vd_mask ends = ~is_done & (is_near | is_narrow);
        out = vd_select(ends, vd_select(is_near, next, x), out);
        is_done |= ends;
        x = vd_select(is_inside, next, half * (low + high));
        int64_t n_done = 0;
        for (int k = 0; k < VD; k++) {
            n_done -= is_done[k];
        }
        if (n_done == VD) {
            break;
        }
    }
    return out + before + after;
}

/* z with T(z, eta) = t, and T_z there. */
KR_INLINE vd normal_of(const kr_quantile *q, vd eta, vd t, vd *first)
{
    const row r = find_row(q, eta);
    const vd want = r.sign * t;
    vd_mask low = { 0 }, high = low + (int64_t)(q->n_z - 1);
    for (int32_t width = q->n_z - 1; width > 1; width -= width / 2) {
        const vd_mask middle = (low + high) >> 1;
        const vd value = at_node(q, &r, r.first + middle * (int64_t)NODE, 0, NULL);
        const vd_mask is_below = (value <= want) & (high - low > 1);
        low = (middle & is_below) | (low & ~is_below);
        const vd_mask is_above = ~(value <= want) & (high - low > 1);
        high = (middle & is_above) | (high & ~is_above);
    }
    const quintic f = read_cell(q, &r, low, NULL);
    const vd x = solve(&f, want), inside = clamp(x, 0.0, 1.0);
    vd value, second;
    value_at(&f, inside, &value, first, &second);
    *first = *first * vd_set(1.0 / q->z_step);
    const vd w = __builtin_convertvector(low, vd) + x;
    return r.sign * vd_fma(w, vd_set(q->z_step), vd_set(-KR_QUANTILE_REACH));
}

/* ---- the layer ------------------------------------------------------------------------------
 */

/* eta of odd site i */
KR_INLINE vd eta_of(const kr_half_shape *s, int32_t i, const double *x, int half)
{
    const kr_quartic *a = s->action;
    vd sum = vd_set(a->linear[i]);
    for (int64_t k = a->neighbor_begin[i]; k < a->neighbor_begin[i + 1]; k++) {
        const vd phi = vd_load(x + (size_t)a->neighbor[k] * L + half);
        sum = vd_fma(vd_set(a->coupling[k]), phi, sum);
    }
    return sum * vd_set(s->scale);
}

/* What a change of eta of odd site i is worth, to its neighbors. */
KR_INLINE void add_to_neighbors(const kr_half_shape *s, int32_t i, vd worth, double *x,
                                int half)
{
    const kr_quartic *a = s->action;
    for (int64_t k = a->neighbor_begin[i]; k < a->neighbor_begin[i + 1]; k++) {
        double *to = x + (size_t)a->neighbor[k] * L + half;
        vd_store(to, vd_fma(vd_set(s->scale * a->coupling[k]), worth, vd_load(to)));
    }
}

static void forward(const kr_half_shape *s, double *x, double *log_j)
{
    for (int half = 0; half < L; half += VD) {
        log_sum volume = begin_log_sum(log_j + half);
        for (int32_t k = 0; k < s->n_odd; k++) {
            double *at = x + (size_t)s->site[k] * L + half;
            const vd eta = eta_of(s, s->site[k], x, half);
            const quantile t = quantile_at(&s->table, eta, vd_load(at), false);
            vd_store(at, vd_set(s->unit) * t.t);
            add_log(&volume, vd_set(s->unit) * t.z);
        }
        vd_store(log_j + half, end_log(&volume));
    }
}

static void inverse(const kr_half_shape *s, double *x, double *log_j)
{
    for (int half = 0; half < L; half += VD) {
        log_sum volume = begin_log_sum(log_j + half);
        for (int32_t k = 0; k < s->n_odd; k++) {
            double *at = x + (size_t)s->site[k] * L + half;
            const vd eta = eta_of(s, s->site[k], x, half), t = vd_load(at) / vd_set(s->unit);
            vd first;
            vd_store(at, normal_of(&s->table, eta, t, &first));
            add_log(&volume, vd_set(s->unit) * first);
        }
        vd_store(log_j + half, end_log(&volume));
    }
}

static void pull(const kr_half_shape *s, const double *x, double *cotangent,
                 const double *volume)
{
    for (int half = 0; half < L; half += VD) {
        const vd v = vd_load(volume + half), unit = vd_set(s->unit);
        for (int32_t k = 0; k < s->n_odd; k++) {
            const size_t at = (size_t)s->site[k] * L + (size_t)half;
            const vd eta = eta_of(s, s->site[k], x, half), l = unit * vd_load(cotangent + at);
            const quantile t = quantile_at(&s->table, eta, vd_load(x + at), true);
            const vd each = v / t.z;
            vd_store(cotangent + at, vd_fma(l, t.z, each * t.zz));
            add_to_neighbors(s, s->site[k], vd_fma(l, t.eta, each * t.z_eta), cotangent, half);
        }
    }
}

/* With t = slope - d ln J/dx the new slopes w solve J^T w = t: u T_z w = t for odd sites, and
 * even ones lose what pull would add to them under w and unit volume. */
KR_INLINE void push_half(const kr_half_shape *s, const double *x, double *slope, double *mapped,
                         log_sum *volume, int half)
{
    const vd unit = vd_set(s->unit);
    for (int32_t k = 0; k < s->n_odd; k++) {
        const size_t at = (size_t)s->site[k] * L + (size_t)half;
        const vd eta = eta_of(s, s->site[k], x, half), old = vd_load(slope + at);
        const quantile t = quantile_at(&s->table, eta, vd_load(x + at), true);
        const vd each = vd_set(1.0) / t.z, w = (old - t.zz * each) * each;
        vd_store(slope + at, w / unit);
        add_to_neighbors(s, s->site[k], -vd_fma(w, t.eta, each * t.z_eta), slope, half);
        if (mapped) {
            vd_store(mapped + at, unit * t.t);
            add_log(volume, unit * t.z);
        }
    }
}

static void push(const kr_half_shape *s, const double *x, double *slope)
{
    for (int half = 0; half < L; half += VD) {
        push_half(s, x, slope, NULL, NULL, half);
    }
}

static void carry(const kr_half_shape *s, double *x, double *slope, double *log_j)
{
    for (int half = 0; half < L; half += VD) {
        log_sum volume = begin_log_sum(log_j + half);
        push_half(s, x, slope, x, &volume, half);
        vd_store(log_j + half, end_log(&volume));
    }
}

const kr_half_kernels KR_ISA_NAME(kr_half_kernels) = { forward, inverse, pull, push, carry };
