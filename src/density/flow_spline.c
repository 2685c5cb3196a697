/* SPDX-License-Identifier: GPL-3.0-or-later
 * density/flow_spline.c - the rational-quadratic spline of density/flow_map.h, compiled once
 * per instruction set.
 *
 * In a bin from (x0, y0), width w, height h, s = h/w, slopes d0 and d1 at its ends, with
 * t = (u - x0)/w, q = t (1 - t), c = d0 + d1 - 2 s:
 *   f = y0 + h (s t^2 + d0 q)/(s + c q),   f' = s^2 (d1 t^2 + 2 s q + d0 (1 - t)^2)/(s + c
 * q)^2. f' is continuous, f'' jumps at knots. Widths are 2 range (m + (1 - K m) p_k/sum p), p
 * positive, heights likewise. A raw number of bin k is even + odd, that of its mirror image
 * even - odd. */
#include "base/isa.h"
#include "density/flow_map.h"
#include "density/flow_vector.h"

#define L           KR_LANES_PAD
#define LEAST       1e-3 /* of a width or height, in shares of the range */
#define LEAST_SLOPE 1e-3

enum { K_MAX = KR_MAP_KNOTS_MAX };

/* The positive numbers p of one kind, their derivatives by the raw ones, and their sum. */
typedef struct positive {
    vd p[K_MAX], slope[K_MAX], sum;
} positive;

typedef struct spline {
    const kr_map *m;
    positive width, height, end; /* end: of the n_knots - 1 slopes, sum not used */
    vd share[2];                 /* 2 range (1 - K m)/sum of widths, heights */
    vd rim, rim_slope, turn;     /* slope at both ends, its derivative; angle */
} spline;

typedef struct bin {
    vd_mask is_inside;
    vd x0, w, y0, h, d0, d1;
    vd index; /* of the bin */
} bin;

KR_INLINE vd raw_of(int32_t n, int32_t k, const double *odd, const double *even)
{
    const int32_t mirror = n - 1 - k, first = k < mirror ? k : mirror;
    const vd e = vd_load(even + (size_t)first * L);
    if (k == mirror) {
        return e;
    }
    const vd o = vd_load(odd + (size_t)first * L);
    return k < mirror ? e + o : e - o;
}

KR_INLINE void read_positive(int32_t n, const double *odd, const double *even, positive *out)
{
    out->sum = vd_set(0.0);
    for (int32_t k = 0; k < n; k++) {
        out->p[k] = flow_positive(raw_of(n, k, odd, even), &out->slope[k]);
        out->sum += out->p[k];
    }
}

/* Where the parameters of one kind begin: widths, heights, slopes. */
KR_INLINE size_t odd_at(int32_t n, int kind)
{
    return (size_t)(kind * (n / 2)) * L;
}
KR_INLINE size_t even_at(int32_t n, int kind)
{
    return (size_t)(kind * ((n + 1) / 2)) * L;
}

/* Of a variable, by lanes; on the circle the last ones are the angle and the slope at the ends.
 */
KR_INLINE size_t odd_size(const kr_map *m)
{
    return (size_t)kr_map_spline_odd(m->n_knots, m->is_circle) * L;
}
KR_INLINE size_t even_size(const kr_map *m)
{
    return (size_t)kr_map_spline_even(m->n_knots, m->is_circle) * L;
}
KR_INLINE size_t last_odd(const kr_map *m)
{
    return odd_size(m) - L;
}
KR_INLINE size_t last_even(const kr_map *m)
{
    return even_size(m) - L;
}

/* To -pi..pi on the circle. */
KR_INLINE vd wrap(const kr_map *m, vd x)
{
    const vd round =
        vd_set(0x1.8p52); /* to the next whole number, for less than 2^51 of them */
    const vd turns = vd_fma(x, vd_set(0.15915494309189533577), round) - round;
    return m->is_circle ? vd_fma(turns, vd_set(-6.283185307179586477), x) : x;
}

KR_INLINE void read_spline(const kr_map *m, const double *odd, const double *even, spline *s)
{
    const int32_t n = m->n_knots;
    const vd free = vd_set(2.0 * m->range * (1.0 - LEAST * n));
    s->m = m;
    read_positive(n, odd + odd_at(n, 0), even + even_at(n, 0), &s->width);
    read_positive(n, odd + odd_at(n, 1), even + even_at(n, 1), &s->height);
    read_positive(n - 1, odd + odd_at(n, 2), even + even_at(n, 2), &s->end);
    s->rim = vd_set(1.0);
    s->rim_slope = s->turn = vd_set(0.0);
    if (m->is_circle) {
        s->turn = vd_load(odd + last_odd(m));
        s->rim = flow_positive(vd_load(even + last_even(m)), &s->rim_slope);
        s->rim = vd_fma(vd_set(1.0 - LEAST_SLOPE), s->rim, vd_set(LEAST_SLOPE));
    }
    s->share[0] = free / s->width.sum;
    s->share[1] = free / s->height.sum;
}

KR_INLINE vd part_of(const spline *s, int kind, int32_t k)
{
    const positive *from = kind ? &s->height : &s->width;
    return vd_fma(s->share[kind], from->p[k], vd_set(2.0 * LEAST * s->m->range));
}

KR_INLINE vd slope_of(const spline *s, int32_t k)
{
    const vd least = vd_set(LEAST_SLOPE), rest = vd_set(1.0 - LEAST_SLOPE);
    const bool is_rim = k == 0 || k == s->m->n_knots;
    return is_rim ? s->rim : vd_fma(rest, s->end.p[k - 1], least);
}

/* The bin of u, kind 0, or of f(u), kind 1. */
KR_INLINE bin find_bin(const spline *s, int kind, vd at)
{
    const vd edge = vd_set(s->m->range), zero = vd_set(0.0);
    vd x = -edge, y = -edge; /* of the first bin, which others replace */
    const vd_mask is_inside = (at > -edge) & (at < edge), is_any = at == at;
    bin b = { .is_inside = s->m->is_circle ? is_any : is_inside,
              .x0 = x,
              .w = part_of(s, 0, 0),
              .y0 = y,
              .h = part_of(s, 1, 0),
              .d0 = slope_of(s, 0),
              .d1 = slope_of(s, 1),
              .index = zero };
    for (int32_t k = 0; k < s->m->n_knots; k++) {
        const vd w = part_of(s, 0, k), h = part_of(s, 1, k), from = kind ? y : x;
        const vd_mask is_here = at >= from;
        b.x0 = vd_select(is_here, x, b.x0);
        b.y0 = vd_select(is_here, y, b.y0);
        b.w = vd_select(is_here, w, b.w);
        b.h = vd_select(is_here, h, b.h);
        b.d0 = vd_select(is_here, slope_of(s, k), b.d0);
        b.d1 = vd_select(is_here, slope_of(s, k + 1), b.d1);
        b.index = vd_select(is_here, vd_set(k), b.index);
        x += w;
        y += h;
    }
    return b;
}

typedef struct value {
    vd t, q, s, top, over, bottom; /* (s t^2 + d0 q), N, D */
    vd f, slope;
} value;

KR_INLINE value value_at(const bin *b, vd t)
{
    const vd one = vd_set(1.0), two = vd_set(2.0), r = one - t;
    value v = { .t = t, .q = t * r, .s = b->h / b->w };
    v.bottom = vd_fma(b->d0 + b->d1 - two * v.s, v.q, v.s);
    v.top = vd_fma(v.s * t, t, b->d0 * v.q);
    v.over = vd_fma(b->d1 * t, t, vd_fma(two * v.s, v.q, b->d0 * r * r));
    v.f = vd_fma(b->h, v.top / v.bottom, b->y0);
    const vd ratio = v.s / v.bottom;
    v.slope = ratio * ratio * v.over;
    return v;
}

/* ---- the map --------------------------------------------------------------------------------
 */

KR_INLINE vd safe(const bin *b, vd t)
{
    return vd_select(b->is_inside, t, vd_set(0.5)); /* outside: anything that is finite */
}

static void forward(const kr_map *m, const double *odd, const double *even, double *x,
                    double *log_j)
{
    const size_t n_odd = odd_size(m), n_even = even_size(m);
    for (int half = 0; half < L; half += VD) {
        log_sum volume = begin_log_sum(log_j + half);
        for (int32_t i = 0; i < m->n; i++) {
            const vd c = vd_set(m->center[m->site[i]]), unit = vd_set(m->width[m->site[i]]);
            double *at = x + (size_t)m->site[i] * L + half;
            spline s;
            read_spline(m, odd + (size_t)i * n_odd + half, even + (size_t)i * n_even + half,
                        &s);
            const vd u = wrap(m, (vd_load(at) - c) / unit);
            const bin b = find_bin(&s, 0, u);
            const value v = value_at(&b, safe(&b, (u - b.x0) / b.w));
            vd_store(at, vd_select(b.is_inside, vd_fma(unit, wrap(m, v.f + s.turn), c),
                                   vd_load(at)));
            add_log(&volume, vd_select(b.is_inside, v.slope, vd_set(1.0)));
        }
        vd_store(log_j + half, end_log(&volume));
    }
}

/* The root of a t^2 + b t + c, of the form that does not cancel, in 0..1. */
KR_INLINE vd root_of(const bin *b, vd y)
{
    const vd s = b->h / b->w, rise = y - b->y0, two = vd_set(2.0);
    const vd turn = rise * (b->d0 + b->d1 - two * s);
    const vd A = vd_fma(b->h, s - b->d0, turn), B = vd_fma(b->h, b->d0, -turn), C = -s * rise;
    const vd square = vd_fma(B, B, vd_set(-4.0) * A * C), zero = vd_set(0.0);
    return two * C / (-B - vd_sqrt(vd_select(square > zero, square, zero)));
}

static void inverse(const kr_map *m, const double *odd, const double *even, double *x,
                    double *log_j)
{
    const size_t n_odd = odd_size(m), n_even = even_size(m);
    for (int half = 0; half < L; half += VD) {
        log_sum volume = begin_log_sum(log_j + half);
        for (int32_t i = 0; i < m->n; i++) {
            const vd c = vd_set(m->center[m->site[i]]), unit = vd_set(m->width[m->site[i]]);
            double *at = x + (size_t)m->site[i] * L + half;
            spline s;
            read_spline(m, odd + (size_t)i * n_odd + half, even + (size_t)i * n_even + half,
                        &s);
            const vd y = wrap(m, (vd_load(at) - c) / unit - s.turn);
            const bin b = find_bin(&s, 1, y);
            const value v = value_at(&b, safe(&b, root_of(&b, y)));
            const vd u = vd_fma(v.t, b.w, b.x0);
            vd_store(at, vd_select(b.is_inside, vd_fma(unit, u, c), vd_load(at)));
            add_log(&volume, vd_select(b.is_inside, v.slope, vd_set(1.0)));
        }
        vd_store(log_j + half, end_log(&volume));
    }
}

/* ---- backward -------------------------------------------------------------------------------
 */

/* Cotangents of a bin's numbers and of u, of l f + v ln f'. */
typedef struct bars {
    vd x0, w, y0, h, d0, d1, u;
} bars;

/* d ln f'/dt */
KR_INLINE vd log_slope_turn(const bin *b, const value *v)
{
    const vd one = vd_set(1.0), two = vd_set(2.0), r = one - v->t, tilt = one - two * v->t;
    const vd c = b->d0 + b->d1 - two * v->s;
    return two * (vd_fma(b->d1, v->t, vd_fma(v->s, tilt, -b->d0 * r)) / v->over -
                  c * tilt / v->bottom);
}

KR_INLINE bars bars_of(const bin *b, const value *v, vd l, vd volume)
{
    const vd one = vd_set(1.0), two = vd_set(2.0), r = one - v->t,
             bulge = one - two * v->q; /* dD/ds */
    const vd D = v->bottom, lh = l * b->h / (D * D), n = volume / v->over, d = two * volume / D;
    const vd share = v->top / D;
    bars out = { .y0 = l };
    const vd t = vd_fma(l * b->w, v->slope, volume * log_slope_turn(b, v));
    const vd s = vd_fma(lh, vd_fma(v->t * v->t, D, -v->top * bulge),
                        vd_fma(two, volume / v->s, vd_fma(two * n, v->q, -d * bulge)));
    out.d0 = vd_fma(lh * v->q, D - v->top, vd_fma(n * r, r, -d * v->q));
    out.d1 = vd_fma(-lh * v->q, v->top, vd_fma(n * v->t, v->t, -d * v->q));
    out.u = t / b->w;
    out.x0 = -out.u;
    out.w = -vd_fma(t, v->t, s * v->s) / b->w;
    out.h = vd_fma(l, share, s / b->w);
    const vd_mask in = b->is_inside;
    const vd zero = vd_set(0.0);
    return (bars){ vd_select(in, out.x0, zero), vd_select(in, out.w, zero),
                   vd_select(in, out.y0, zero), vd_select(in, out.h, zero),
                   vd_select(in, out.d0, zero), vd_select(in, out.d1, zero),
                   vd_select(in, out.u, l) };
}

/* Cotangents of raw numbers go to odd and even ones. */
KR_INLINE void write_raw(int32_t n, const vd *bar, double *odd, double *even)
{
    for (int32_t k = 0; k < n / 2; k++) {
        const vd first = bar[k], last = bar[n - 1 - k];
        vd_store(odd + (size_t)k * L, first - last);
        vd_store(even + (size_t)k * L, first + last);
    }
    if (n % 2) {
        vd_store(even + (size_t)(n / 2) * L, bar[n / 2]);
    }
}

/* start: cotangent of where the bin begins, size: of its width or height. */
KR_INLINE void write_parts(const spline *s, int kind, const bin *b, vd start, vd size,
                           double *odd, double *even)
{
    const positive *from = kind ? &s->height : &s->width;
    const int32_t n = s->m->n_knots;
    const vd zero = vd_set(0.0);
    vd bar[K_MAX], mean = zero;
    for (int32_t k = 0; k < n; k++) {
        const vd here = vd_set(k);
        bar[k] = vd_select(here < b->index, start, vd_select(here == b->index, size, zero));
        mean = vd_fma(bar[k], from->p[k], mean);
    }
    mean = mean / from->sum;
    for (int32_t k = 0; k < n; k++) {
        bar[k] = (bar[k] - mean) * s->share[kind] * from->slope[k];
    }
    write_raw(n, bar, odd + odd_at(n, kind), even + even_at(n, kind));
}

KR_INLINE void write_bars(const spline *s, const bin *b, const bars *at, double *odd,
                          double *even)
{
    const int32_t n = s->m->n_knots;
    const vd zero = vd_set(0.0);
    vd bar[K_MAX];
    write_parts(s, 0, b, at->x0, at->w, odd, even);
    write_parts(s, 1, b, at->y0, at->h, odd, even);
    for (int32_t k = 1; k < n; k++) {
        const vd first = vd_select(b->index == vd_set(k), at->d0, zero);
        const vd last = vd_select(b->index == vd_set(k - 1), at->d1, zero);
        bar[k - 1] = (first + last) * vd_set(1.0 - LEAST_SLOPE) * s->end.slope[k - 1];
    }
    write_raw(n - 1, bar, odd + odd_at(n, 2), even + even_at(n, 2));
    if (s->m->is_circle) {
        const vd first = vd_select(b->index == zero, at->d0, zero);
        const vd last = vd_select(b->index == vd_set(n - 1), at->d1, zero);
        vd_store(odd + last_odd(s->m), at->y0);
        vd_store(even + last_even(s->m),
                 (first + last) * vd_set(1.0 - LEAST_SLOPE) * s->rim_slope);
    }
}

static void pull(const kr_map *m, double *odd, double *even, const double *x, double *cotangent,
                 const double *volume)
{
    const size_t n_odd = odd_size(m), n_even = even_size(m);
    for (int half = 0; half < L; half += VD) {
        for (int32_t i = 0; i < m->n; i++) {
            const size_t row = (size_t)m->site[i] * L + (size_t)half;
            const vd c = vd_set(m->center[m->site[i]]), unit = vd_set(m->width[m->site[i]]);
            double *o = odd + (size_t)i * n_odd + half, *e = even + (size_t)i * n_even + half;
            spline s;
            read_spline(m, o, e, &s);
            const vd u = wrap(m, (vd_load(x + row) - c) / unit),
                     l = unit * vd_load(cotangent + row);
            const bin b = find_bin(&s, 0, u);
            const value v = value_at(&b, safe(&b, (u - b.x0) / b.w));
            const bars at = bars_of(&b, &v, l, vd_load(volume + half));
            write_bars(&s, &b, &at, o, e);
            vd_store(cotangent + row, at.u / unit);
        }
    }
}

/* x: of push, or of carry, where it is moved too. */
KR_INLINE void push_half(const kr_map *m, double *odd, double *even, const double *x,
                         double *slope, double *moved, log_sum *volume, int half)
{
    const size_t n_odd = odd_size(m), n_even = even_size(m);
    for (int32_t i = 0; i < m->n; i++) {
        const size_t row = (size_t)m->site[i] * L + (size_t)half;
        const vd c = vd_set(m->center[m->site[i]]), unit = vd_set(m->width[m->site[i]]);
        double *o = odd + (size_t)i * n_odd + half, *e = even + (size_t)i * n_even + half;
        spline s;
        read_spline(m, o, e, &s);
        const vd here = vd_load(x + row), u = wrap(m, (here - c) / unit),
                 old = unit * vd_load(slope + row);
        const bin b = find_bin(&s, 0, u);
        const value v = value_at(&b, safe(&b, (u - b.x0) / b.w));
        const vd turned = (old - log_slope_turn(&b, &v) / b.w) / v.slope;
        const vd l = vd_select(b.is_inside, turned, old);
        const bars at = bars_of(&b, &v, l, vd_set(1.0));
        write_bars(&s, &b, &at, o, e);
        vd_store(slope + row, l / unit);
        if (moved) {
            const vd there = vd_fma(unit, wrap(m, v.f + s.turn), c);
            vd_store(moved + row, vd_select(b.is_inside, there, here));
            add_log(volume, vd_select(b.is_inside, v.slope, vd_set(1.0)));
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
        log_sum volume = { vd_load(log_j + half), vd_set(1.0), 0 };
        push_half(m, odd, even, x, slope, x, &volume, half);
        vd_store(log_j + half, end_log(&volume));
    }
}

static void cosine_sine(const double *x, double *out)
{
    for (int half = 0; half < L; half += VD) {
        vd sine, cosine;
        vd_sincos(vd_load(x + half), &sine, &cosine);
        vd_store(out + half, cosine);
        vd_store(out + L + half, sine);
    }
}

const kr_map_kernels KR_ISA_NAME(kr_map_spline) = { forward, inverse, pull,
                                                    push,    carry,   cosine_sine };
