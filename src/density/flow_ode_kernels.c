/* SPDX-License-Identifier: GPL-3.0-or-later
 * density/flow_ode_kernels.c - Runge-Kutta steps of an equivariant equation on groups of lanes,
 * compiled once per instruction set.
 *
 * Features of a site are contracted with the matrices of all orbits before sites are summed:
 * n_orbits n_features multiply-adds and n_displacements additions per site. Half of the lanes
 * at a time, in rows of a vector. Times are counted in halves of a step. What is iterated until
 * it converges does so lane by lane: a lane that is done rests, and no lane looks at another.
 */
#include "base/isa.h"
#include "base/vd.h"
#include "density/flow_ode.h"

#include <string.h>

#define L          KR_LANES_PAD
#define PI         3.14159265358979323846
#define ROUNDS_MAX 60

enum { FEATURES_MAX = 2 * KR_ODE_WAVES_MAX + 2, STAGES = 4 };

/* Parts of the scratch; rows (n_sites + 1, VD), the last one for what is outside. */
typedef struct pass {
    const kr_ode_shape *s;
    const double *wave, *weights;
    int32_t n_halves; /* of steps, in 0 <= t <= 1 */
    int32_t at;       /* the time of matrix, or -1 */
    vd time;          /* cos(pi j t) */
    double *matrix;   /* (n_matrix) W at this time */
    double *head;     /* (n_orbits) rows */
    double *bar;      /* (n_matrix) vectors: gradient of matrix, not yet summed over lanes */
    double *row[11], *stage[2][STAGES], *states;
} pass;

enum { X, Y, GOAL, BACK, SUM, K, LAMBDA, DRIFT, TOTAL, REST, GUESS };

KR_INLINE size_t row_size(const kr_ode_shape *s)
{
    return (size_t)(s->n_sites + 1) * VD;
}

KR_INLINE pass open_pass(const kr_ode_shape *s, const double *w, double *scratch, int more)
{
    const size_t size = row_size(s);
    pass c = { .s = s,
               .wave = w + KR_ODE_WAVES,
               .weights = w + KR_ODE_MATRIX,
               .n_halves = 2 * more * (int32_t)w[KR_ODE_STEPS],
               .at = -1 };
    c.matrix = scratch;
    c.bar = c.matrix + s->n_matrix;
    c.head = c.bar + (size_t)s->n_matrix * VD;
    double *row = c.head + (size_t)s->n_orbits * size;
    for (int k = 0; k < 11; k++, row += size) {
        c.row[k] = row;
    }
    for (int k = 0; k < 2 * STAGES; k++, row += size) {
        c.stage[k / STAGES][k % STAGES] = row;
    }
    c.states = row;
    for (int32_t o = 0; o < s->n_orbits; o++) {
        vd_store(c.head + ((size_t)o + 1) * size - VD, vd_set(0.0));
    }
    return c;
}

KR_INLINE void take(const pass *c, const double *x, int half, double *row)
{
    for (int32_t i = 0; i < c->s->n_sites; i++) {
        vd_store(row + (size_t)i * VD, vd_load(x + (size_t)i * L + half));
    }
}

KR_INLINE void give(const pass *c, const double *row, int half, double *x)
{
    for (int32_t i = 0; i < c->s->n_sites; i++) {
        vd_store(x + (size_t)i * L + half, vd_load(row + (size_t)i * VD));
    }
}

/* ---- the field of velocities ----------------------------------------------------------------
 */

static void set_time(pass *c, int32_t at)
{
    if (c->at == at) {
        return;
    }
    const size_t M = (size_t)c->s->n_matrix;
    const double t = PI * (double)at / (double)c->n_halves;
    vd sine;
    vd_sincos((vd){ 0.0, t, 2 * t, 3 * t, 4 * t, 5 * t, 6 * t, 7 * t }, &sine, &c->time);
    for (size_t m = 0; m < M; m += VD) {
        vd sum = vd_load(c->weights + m);
        for (int32_t j = 1; j < c->s->n_times; j++) {
            sum = vd_fma(vd_set(c->time[j]), vd_load(c->weights + (size_t)j * M + m), sum);
        }
        vd_store(c->matrix + m, sum);
    }
    c->at = at;
}

/* Features of a site and their derivatives. */
KR_INLINE void features(const pass *c, vd x, vd *f, vd *df)
{
    const int32_t F = c->s->n_waves;
    f[0] = x;
    df[0] = vd_set(1.0);
    for (int32_t k = 0; k < F; k++) {
        const vd w = vd_set(c->wave[k]);
        vd sine, cosine;
        vd_sincos(w * x, &sine, &cosine);
        f[1 + k] = sine;
        df[1 + k] = w * cosine;
        if (!c->s->is_even) {
            f[1 + F + k] = cosine;
            df[1 + F + k] = -w * sine;
        }
    }
    if (!c->s->is_even) {
        f[1 + 2 * F] = vd_set(1.0);
        df[1 + 2 * F] = vd_set(0.0);
    }
}

/* Velocities at x into out; returns their divergence. */
static vd velocity(pass *c, int32_t at, const double *x, double *out)
{
    const kr_ode_shape *s = c->s;
    const int32_t n = s->n_features;
    const size_t size = row_size(s);
    vd divergence = vd_set(0.0), f[FEATURES_MAX], df[FEATURES_MAX];
    set_time(c, at);
    for (int32_t y = 0; y < s->n_sites; y++) {
        features(c, vd_load(x + (size_t)y * VD), f, df);
        for (int32_t k = 0; k < n; k++) {
            divergence = vd_fma(vd_set(c->matrix[k]), df[k], divergence);
        }
        for (int32_t o = 0; o < s->n_orbits; o++) {
            const double *row = c->matrix + (size_t)o * (size_t)n;
            vd sum = vd_set(row[0]) * f[0];
            for (int32_t k = 1; k < n; k++) {
                sum = vd_fma(vd_set(row[k]), f[k], sum);
            }
            vd_store(c->head + (size_t)o * size + (size_t)y * VD, sum);
        }
    }
    for (int32_t i = 0; i < s->n_sites; i++) {
        const int32_t *near = s->near + (size_t)i * (size_t)s->n_displacements;
        vd sum = vd_set(0.0);
        for (int32_t o = 0; o < s->n_orbits; o++) {
            const double *head = c->head + (size_t)o * size;
            for (int32_t d = s->orbit_begin[o]; d < s->orbit_begin[o + 1]; d++) {
                sum += vd_load(head + (size_t)near[d] * VD);
            }
        }
        vd_store(out + (size_t)i * VD, sum);
    }
    return divergence;
}

KR_INLINE double sum_lanes(vd a)
{
    double sum = 0.0;
    for (int k = 0; k < VD; k++) {
        sum += a[k];
    }
    return sum;
}

/* Gradient with respect to the matrices of this time, in bar, and to the waves, handed on. */
KR_INLINE void hand_on(const pass *c, const vd *waves, double *gradient)
{
    const size_t M = (size_t)c->s->n_matrix;
    for (int32_t k = 0; k < c->s->n_waves; k++) {
        gradient[KR_ODE_WAVES + k] += sum_lanes(waves[k]);
    }
    for (size_t m = 0; m < M; m++) {
        const double sum = sum_lanes(vd_load(c->bar + m * VD));
        for (int32_t j = 0; j < c->s->n_times; j++) {
            gradient[KR_ODE_MATRIX + (size_t)j * M + m] += c->time[j] * sum;
        }
    }
}

/* At x: out = J^T lambda + mu d divergence/dx, J = d velocity/dx; gradient, unless NULL, of
 * lambda . velocity + mu divergence with respect to the numbers. The row of lambda outside is
 * zero. */
static void pull_velocity(pass *c, int32_t at, const double *x, const double *lambda, vd mu,
                          double *out, double *gradient)
{
    const kr_ode_shape *s = c->s;
    const int32_t n = s->n_features, F = s->n_waves;
    vd f[FEATURES_MAX], df[FEATURES_MAX], bar[FEATURES_MAX], waves[KR_ODE_WAVES_MAX];
    set_time(c, at);
    memset(waves, 0, sizeof waves);
    for (size_t m = 0; gradient && m < (size_t)s->n_matrix; m++) {
        vd_store(c->bar + m * VD, vd_set(0.0));
    }
    for (int32_t y = 0; y < s->n_sites; y++) {
        const int32_t *near = s->near + (size_t)y * (size_t)s->n_displacements;
        const vd phi = vd_load(x + (size_t)y * VD);
        vd sum = vd_set(0.0);
        features(c, phi, f, df);
        for (int32_t k = 0; k < n; k++) {
            bar[k] = vd_set(0.0);
        }
        for (int32_t o = 0; o < s->n_orbits; o++) {
            const double *row = c->matrix + (size_t)o * (size_t)n;
            double *to = c->bar + (size_t)o * (size_t)n * VD;
            vd e = vd_set(0.0);
            for (int32_t d = s->orbit_begin[o]; d < s->orbit_begin[o + 1]; d++) {
                e += vd_load(lambda + (size_t)near[d] * VD);
            }
            for (int32_t k = 0; k < n; k++) {
                bar[k] = vd_fma(vd_set(row[k]), e, bar[k]);
            }
            for (int32_t k = 0; gradient && k < n; k++) {
                vd_store(to + k * VD, vd_fma(e, f[k], vd_load(to + k * VD)));
            }
        }
        for (int32_t k = 0; k < n; k++) {
            const bool is_wave = k >= 1 && k <= 2 * F;
            const vd w = vd_set(is_wave ? c->wave[(k - 1) % F] : 0.0);
            sum = vd_fma(bar[k], df[k], sum - mu * vd_set(c->matrix[k]) * w * w * f[k]);
        }
        vd_store(out + (size_t)y * VD, sum);
        for (int32_t k = 0; gradient && k < n; k++) {
            vd_store(c->bar + k * VD, vd_fma(mu, df[k], vd_load(c->bar + k * VD)));
        }
        for (int32_t k = 1; gradient && k < n && k <= 2 * F; k++) {
            /* f = sin: d f/dw = phi cos, d^2 f/dphi dw = cos - w phi sin, and so on */
            const int32_t j = (k - 1) % F;
            const vd w = vd_set(c->wave[j]), own = mu * vd_set(c->matrix[k]);
            const vd slope = df[k] / w;
            waves[j] += vd_fma(bar[k], phi * slope, own * vd_fma(-w * phi, f[k], slope));
        }
    }
    if (gradient) {
        hand_on(c, waves, gradient);
    }
}

/* ---- steps ----------------------------------------------------------------------------------
 */

/* to = x + h k */
KR_INLINE void move(const pass *c, const double *x, double h, const double *k, double *to)
{
    for (size_t i = 0; i < (size_t)c->s->n_sites * VD; i += VD) {
        vd_store(to + i, vd_fma(vd_set(h), vd_load(k + i), vd_load(x + i)));
    }
}

/* One step from the time `from`, ahead or back (way 1, -1), of stage[0] to y, which may be it;
 * fills the other stages and returns the integral of the divergence. */
static vd step(pass *c, int32_t from, int32_t way, double *const stage[STAGES], double *y)
{
    static const double weight[STAGES] = { 1.0, 2.0, 2.0, 1.0 };
    static const int32_t later[STAGES] = { 0, 1, 1, 2 };
    const double h = 2.0 * way / (double)c->n_halves;
    double *sum = c->row[SUM], *k = c->row[K];
    vd volume = vd_set(0.0);
    memset(sum, 0, (size_t)c->s->n_sites * VD * sizeof *sum);
    for (int i = 0; i < STAGES; i++) {
        const vd part = velocity(c, from + way * later[i], stage[i], k);
        volume = vd_fma(vd_set(weight[i]), part, volume);
        move(c, sum, weight[i], k, sum);
        if (i + 1 < STAGES) {
            move(c, stage[0], i == 2 ? h : 0.5 * h, k, stage[i + 1]);
        }
    }
    move(c, stage[0], h / 6.0, sum, y);
    return vd_set(h / 6.0) * volume;
}

/* Back through a step whose stages are there: lambda, cotangent of its end, becomes that of its
 * beginning, of lambda . end + volume (integral of the divergence). */
static void pull_step(pass *c, int32_t from, int32_t way, double *const stage[STAGES],
                      double *lambda, vd volume, double *gradient)
{
    const double h = 2.0 * way / (double)c->n_halves;
    const double weight[STAGES] = { h / 6.0, h / 3.0, h / 3.0, h / 6.0 };
    const double reach[STAGES] = { 0.5 * h, 0.5 * h, h, 0.0 }; /* of a stage into the next */
    static const int32_t later[STAGES] = { 0, 1, 1, 2 };
    double *k = c->row[K], *drift = c->row[DRIFT], *sum = c->row[SUM];
    const size_t n = (size_t)c->s->n_sites * VD;
    memcpy(sum, lambda, n * sizeof *sum);
    memset(drift, 0, n * sizeof *drift);
    vd_store(k + n, vd_set(0.0));
    for (int i = STAGES - 1; i >= 0; i--) {
        for (size_t j = 0; j < n; j += VD) {
            vd_store(k + j, vd_fma(vd_set(weight[i]), vd_load(lambda + j),
                                   vd_set(reach[i]) * vd_load(drift + j)));
        }
        pull_velocity(c, from + way * later[i], stage[i], k, vd_set(weight[i]) * volume, drift,
                      gradient);
        move(c, sum, 1.0, drift, sum);
    }
    memcpy(lambda, sum, n * sizeof *lambda);
}

/* ---- the map and its inverse ----------------------------------------------------------------
 */

static void forward(const kr_ode_shape *s, const double *w, double *x, double *log_j,
                    double *scratch)
{
    for (int half = 0; half < L; half += VD) {
        pass c = open_pass(s, w, scratch, 1);
        vd volume = vd_load(log_j + half);
        take(&c, x, half, c.stage[0][0]);
        for (int32_t at = 0; at < c.n_halves; at += 2) {
            volume += step(&c, at, 1, c.stage[0], c.stage[0][0]);
        }
        give(&c, c.stage[0][0], half, x);
        vd_store(log_j + half, volume);
    }
}

static void doubt(const kr_ode_shape *s, const double *w, double *x, double *log_j,
                  double *scratch)
{
    for (int half = 0; half < L; half += VD) {
        pass c = open_pass(s, w, scratch, 2);
        vd volume = vd_load(log_j + half);
        take(&c, x, half, c.stage[0][0]);
        for (int32_t at = c.n_halves; at > 0; at -= 2) {
            volume -= step(&c, at, -1, c.stage[0], c.stage[0][0]);
        }
        give(&c, c.stage[0][0], half, x);
        vd_store(log_j + half, volume);
    }
}

KR_INLINE vd larger(vd a, vd b)
{
    return vd_select(a > b, a, b);
}

KR_INLINE vd size_of(vd a)
{
    return vd_select(a < vd_set(0.0), -a, a);
}

KR_INLINE bool is_all(vd_mask mask)
{
    int64_t n = 0;
    for (int k = 0; k < VD; k++) {
        n -= mask[k];
    }
    return n == VD;
}

/* The beginning of a step that ends at GOAL, into X; returns its integral of the divergence.
 * Steps ahead and back undo each other up to the fifth power of their length: so x moves by
 * what a step back from its end misses that from GOAL by, which divides its error by the same
 * small number each time. Lanes for which the map has no inverse near by get +inf. */
static vd solve_step(pass *c, int32_t at)
{
    const size_t n = (size_t)c->s->n_sites * VD;
    const double unit = c->s->spread;
    double *x = c->row[X], *goal = c->row[GOAL], *back = c->row[BACK], *guess = c->row[GUESS];
    vd_mask is_done = (vd_mask)vd_set(0.0), is_lost = is_done;
    memcpy(c->stage[1][0], goal, n * sizeof *goal);
    step(c, at + 2, -1, c->stage[1], back);
    move(c, back, 1.0, guess, x); /* the error of the step before, which changes slowly */
    for (int round = 0;; round++) {
        vd change = vd_set(0.0), all = vd_set(0.0), size = vd_set(unit);
        memcpy(c->stage[0][0], x, n * sizeof *x);
        const vd volume = step(c, at, 1, c->stage[0], c->stage[1][0]);
        if (round == ROUNDS_MAX || is_all(is_done)) {
            is_lost |= ~is_done;
            return vd_select(is_lost, vd_set(INFINITY), volume);
        }
        step(c, at + 2, -1, c->stage[1], c->row[Y]);
        for (size_t i = 0; i < n; i += VD) {
            const vd old = vd_load(x + i), missed = vd_load(back + i) - vd_load(c->row[Y] + i);
            const vd now = vd_select(is_done, old, old + missed);
            const vd off = now - vd_load(back + i);
            vd_store(x + i, now);
            vd_store(guess + i, off);
            change = larger(change, size_of(missed));
            all = larger(all, size_of(off));
            size = larger(size, size_of(now));
        }
        /* `all` per width is the fifth power; its slope, by which errors are divided, is more
         */
        const vd factor = vd_set(100.0 / unit) * all;
        const vd is_left = change * vd_select(factor < vd_set(1.0), factor, vd_set(1.0));
        const vd_mask is_nan = ~(change < vd_set(INFINITY)) | ~(size < vd_set(INFINITY));
        is_done |=
            (is_left <= vd_set(3e-16 * unit)) | (change <= vd_set(2e-15) * size) | is_nan;
        is_lost |= is_nan;
    }
}

static void inverse(const kr_ode_shape *s, const double *w, double *x, double *log_j,
                    double *scratch)
{
    for (int half = 0; half < L; half += VD) {
        pass c = open_pass(s, w, scratch, 1);
        vd volume = vd_load(log_j + half);
        const size_t bytes = (size_t)s->n_sites * VD * sizeof *x;
        take(&c, x, half, c.row[GOAL]);
        memset(c.row[GUESS], 0, bytes);
        for (int32_t at = c.n_halves - 2; at >= 0; at -= 2) {
            volume += solve_step(&c, at);
            memcpy(c.row[GOAL], c.row[X], bytes);
        }
        give(&c, c.row[GOAL], half, x);
        vd_store(log_j + half, volume);
    }
}

/* ---- backward -------------------------------------------------------------------------------
 */

static void pull(const kr_ode_shape *s, const double *w, const double *x, double *cotangent,
                 const double *volume, double *gradient, double *scratch)
{
    const size_t size = row_size(s);
    for (int half = 0; half < L; half += VD) {
        pass c = open_pass(s, w, scratch, 1);
        double *lambda = c.row[LAMBDA];
        take(&c, x, half, c.states);
        for (int32_t at = 0; at + 2 < c.n_halves; at += 2) {
            double *now = c.states + (size_t)(at / 2) * size;
            double *const stage[STAGES] = { now, c.stage[0][1], c.stage[0][2], c.stage[0][3] };
            step(&c, at, 1, stage, now + size);
        }
        take(&c, cotangent, half, lambda);
        for (int32_t at = c.n_halves - 2; at >= 0; at -= 2) {
            double *const stage[STAGES] = { c.states + (size_t)(at / 2) * size, c.stage[0][1],
                                            c.stage[0][2], c.stage[0][3] };
            step(&c, at, 1, stage, c.row[Y]);
            pull_step(&c, at, 1, stage, lambda, vd_load(volume + half), gradient);
        }
        give(&c, lambda, half, cotangent);
    }
}

/* The slope w of the end of a step from that of its beginning, in LAMBDA: J^T w = slope - d ln
 * J/dx. What pull_step makes of w and unit volume misses the slope by a rest, which the step
 * back, whose J is nearly the inverse, turns into a correction of w. */
static void push_step(pass *c, int32_t at)
{
    const size_t n = (size_t)c->s->n_sites * VD;
    double *slope = c->row[LAMBDA], *w = c->row[TOTAL], *rest = c->row[REST];
    vd_mask is_done = (vd_mask)vd_set(0.0);
    vd before = vd_set(INFINITY);
    step(c, at, 1, c->stage[0], c->stage[1][0]);
    step(c, at + 2, -1, c->stage[1], c->row[Y]);
    memcpy(w, slope, n * sizeof *w);
    for (int round = 0; round < ROUNDS_MAX && !is_all(is_done); round++) {
        vd most = vd_set(0.0), size = vd_set(1e-300);
        memcpy(rest, w, n * sizeof *rest);
        pull_step(c, at, 1, c->stage[0], rest, vd_set(1.0), NULL);
        for (size_t i = 0; i < n; i += VD) {
            const vd off = vd_load(slope + i) - vd_load(rest + i);
            vd_store(rest + i, off);
            most = larger(most, size_of(off));
            size = larger(size, size_of(vd_load(slope + i)));
        }
        pull_step(c, at + 2, -1, c->stage[1], rest, vd_set(0.0), NULL);
        for (size_t i = 0; i < n; i += VD) {
            const vd old = vd_load(w + i);
            vd_store(w + i, vd_select(is_done, old, old + vd_load(rest + i)));
        }
        const vd ratio = most / before;
        is_done |=
            ~(most > vd_set(1e-14) * size) |
            (most * vd_select(ratio < vd_set(1.0), ratio, vd_set(1.0)) <= vd_set(1e-12) * size);
        before = most;
    }
    memcpy(slope, w, n * sizeof *w);
    memcpy(c->stage[0][0], c->stage[1][0], n * sizeof *w);
}

static void push(const kr_ode_shape *s, const double *w, const double *x, double *slope,
                 double *scratch)
{
    for (int half = 0; half < L; half += VD) {
        pass c = open_pass(s, w, scratch, 1);
        take(&c, x, half, c.stage[0][0]);
        take(&c, slope, half, c.row[LAMBDA]);
        for (int32_t at = 0; at < c.n_halves; at += 2) {
            push_step(&c, at);
        }
        give(&c, c.row[LAMBDA], half, slope);
    }
}

const kr_ode_kernels KR_ISA_NAME(kr_ode_kernels) = { forward, inverse, doubt, pull, push };
