/* SPDX-License-Identifier: GPL-3.0-or-later
 * density/flow_split_kernels.c - coupling layers on groups of lanes, compiled once per
 * instruction set.
 *
 * Features of a frozen site are contracted with the matrices of all orbits before sites are
 * summed: 2 n_orbits n_features multiply-adds per frozen and 2 n_displacements additions per
 * mapped site. Half of the lanes at a time. Backward the same stencil runs the other way, for
 * orbits are symmetric. */
#include "base/isa.h"
#include "density/flow_bend.h"
#include "density/flow_split.h"
#include "density/flow_vector.h"

#include <string.h>

#define L     KR_LANES_PAD
#define CLAMP 1.5

enum { FEATURES_MAX = 2 * KR_SPLIT_WAVES_MAX + 1, NUMBERS_MAX = 1 + 4 * KR_SPLIT_KNOTS_MAX };

/* A call for one half of the lanes: parts of the numbers and of the scratch. */
typedef struct pass {
    const kr_split_shape *s;
    int32_t n_mapped, n_frozen, n_features;
    const int32_t *mapped, *frozen, *near_mapped, *near_frozen;
    const double *wave, *matrix[2], *bias; /* the local field is the last row of a matrix */
    int32_t width[2];
    bend u;
    double *feature;    /* (n_frozen, n_features, L) */
    double *head[2];    /* (n_orbits, n_frozen + 1, L), the last row zero: outside */
    double *sum[2];     /* (n_mapped + 1, L): shift and scale, backward their cotangents */
    double *frozen_phi; /* (n_frozen + 1, L), as the heads */
    double *local, *pull_local; /* (n_mapped + 1, L): local field and its cotangent */
} pass;

KR_INLINE pass open_pass(const kr_split_shape *s, int parity, const double *w, double *scratch)
{
    int32_t place[6];
    pass c = { .s = s,
               .n_mapped = s->n[parity],
               .n_frozen = s->n[1 - parity],
               .n_features = 2 * s->n_waves + 1,
               .mapped = s->site[parity],
               .frozen = s->site[1 - parity],
               .near_mapped = s->near[parity],
               .near_frozen = s->near[1 - parity] };
    kr_split_places(s, place);
    c.wave = w;
    c.bias = w + place[3];
    c.u = bend_at(w + place[4], s->n_knots);
    c.feature = scratch;
    scratch += (size_t)c.n_features * (size_t)c.n_frozen * L;
    for (int h = 0; h < 2; h++) {
        c.matrix[h] = w + place[1 + h];
        c.width[h] = s->to[h] - s->from[h];
        c.head[h] = scratch;
        scratch += (size_t)s->n_orbits * (size_t)(c.n_frozen + 1) * L;
    }
    double **const of_mapped[4] = { &c.sum[0], &c.sum[1], &c.local, &c.pull_local };
    for (int k = 0; k < 4; k++) {
        *of_mapped[k] = scratch;
        scratch += (size_t)(c.n_mapped + 1) * L;
    }
    c.frozen_phi = scratch;
    return c;
}

KR_INLINE double *head_row(const pass *c, int h, int32_t orbit, int32_t place)
{
    return c->head[h] + ((size_t)orbit * (size_t)(c->n_frozen + 1) + (size_t)place) * L;
}

/* ---- what the frozen sites say ------------------------------------------------------------
 */

KR_INLINE void features(int32_t F, double wave, vd phi, vd *f)
{
    f[0] = phi;
    vd_sincos(vd_set(wave) * phi, &f[1], &f[1 + F]);
    for (int32_t k = 1; k < F; k++) { /* turned on by the first one */
        f[1 + k] = vd_fma(f[k], f[1 + F], f[F + k] * f[1]);
        f[1 + F + k] = vd_fma(f[F + k], f[1 + F], -f[k] * f[1]);
    }
}

KR_INLINE const double *local_row(const pass *c, int h)
{
    return c->matrix[h] + (size_t)c->s->n_orbits * (size_t)c->width[h];
}

/* Features of a frozen site times the matrices; features are kept where backward wants them. */
KR_INLINE void contract(const pass *c, int32_t y, vd phi, int half, bool keeps)
{
    vd f[FEATURES_MAX];
    features(c->s->n_waves, c->wave[0], phi, f);
    vd_store(c->frozen_phi + (size_t)y * L + half, phi);
    for (int h = 0; h < 2; h++) {
        const vd *in = f + c->s->from[h];
        for (int32_t o = 0; o < c->s->n_orbits; o++) {
            const double *row = c->matrix[h] + (size_t)o * (size_t)c->width[h];
            vd sum = vd_set(0.0);
            for (int32_t k = 0; k < c->width[h]; k++) {
                sum = vd_fma(vd_set(row[k]), in[k], sum);
            }
            vd_store(head_row(c, h, o, y) + half, sum);
        }
    }
    for (int32_t k = 0; keeps && k < c->n_features; k++) {
        vd_store(c->feature + ((size_t)y * (size_t)c->n_features + (size_t)k) * L + half, f[k]);
    }
}

/* Sum over the nearest displacements of rows (n + 1, L). */
KR_INLINE vd nearest_sum(const pass *c, const double *rows, const int32_t *near, int half)
{
    vd sum = vd_set(0.0);
    for (int32_t k = 0; k < c->s->n_nearest; k++) {
        sum += vd_load(rows + (size_t)near[c->s->nearest[k]] * L + half);
    }
    return sum;
}

/* What the local field of a mapped site adds to its shift and raw scale. */
KR_INLINE void add_local(const pass *c, int32_t i, const int32_t *near, int half, vd *shift,
                         vd *raw)
{
    vd f[FEATURES_MAX], *const to[2] = { shift, raw };
    const vd field = nearest_sum(c, c->frozen_phi, near, half);
    features(c->s->n_waves, c->wave[1], field, f);
    vd_store(c->local + (size_t)i * L + half, field);
    for (int h = 0; h < 2; h++) {
        const double *row = local_row(c, h);
        for (int32_t k = 0; k < c->width[h]; k++) {
            *to[h] = vd_fma(vd_set(row[k]), f[c->s->from[h] + k], *to[h]);
        }
    }
}

/* Shift and scale of all mapped sites into sum. */
KR_INLINE void condition(const pass *c, const double *x, int half, bool keeps)
{
    for (int32_t y = 0; y < c->n_frozen; y++) {
        contract(c, y, vd_load(x + (size_t)c->frozen[y] * L + half), half, keeps);
    }
    for (int h = 0; h < 2; h++) {
        for (int32_t o = 0; o < c->s->n_orbits; o++) {
            vd_store(head_row(c, h, o, c->n_frozen) + half, vd_set(0.0));
        }
    }
    vd_store(c->frozen_phi + (size_t)c->n_frozen * L + half, vd_set(0.0));
    for (int32_t i = 0; i < c->n_mapped; i++) {
        const int32_t *near = c->near_mapped + (size_t)i * (size_t)c->s->n_displacements;
        vd shift = vd_set(c->bias[0]), raw = vd_set(c->bias[1]);
        for (int32_t o = 0; o < c->s->n_orbits; o++) {
            const double *a = head_row(c, 0, o, 0) + half, *b = head_row(c, 1, o, 0) + half;
            for (int32_t d = c->s->orbit_begin[o]; d < c->s->orbit_begin[o + 1]; d++) {
                shift += vd_load(a + (size_t)near[d] * L);
                raw += vd_load(b + (size_t)near[d] * L);
            }
        }
        add_local(c, i, near, half, &shift, &raw);
        const vd clamp = vd_set(CLAMP);
        vd_store(c->sum[0] + (size_t)i * L + half, shift);
        vd_store(c->sum[1] + (size_t)i * L + half,
                 clamp * bend_tanh(raw * vd_set(1.0 / CLAMP)));
    }
}

static void forward(const kr_split_shape *s, int parity, const double *w, double *x,
                    double *log_j, double *scratch)
{
    const pass c = open_pass(s, parity, w, scratch);
    for (int half = 0; half < L; half += VD) {
        log_sum volume = begin_log_sum(log_j + half);
        condition(&c, x, half, false);
        for (int32_t i = 0; i < c.n_mapped; i++) {
            double *at = x + (size_t)c.mapped[i] * L + half;
            const vd shift = vd_load(c.sum[0] + (size_t)i * L + half);
            const vd g = vd_load(c.sum[1] + (size_t)i * L + half);
            const bent to = bend_value(&c.u, vd_fma(vd_load(at), vd_exp(g), shift));
            vd_store(at, to.u);
            volume.sum += g;
            add_log(&volume, to.d1);
        }
        vd_store(log_j + half, end_log(&volume));
    }
}

static void inverse(const kr_split_shape *s, int parity, const double *w, double *x,
                    double *log_j, double *scratch)
{
    const pass c = open_pass(s, parity, w, scratch);
    for (int half = 0; half < L; half += VD) {
        log_sum volume = begin_log_sum(log_j + half);
        condition(&c, x, half, false);
        for (int32_t i = 0; i < c.n_mapped; i++) {
            double *at = x + (size_t)c.mapped[i] * L + half;
            const vd shift = vd_load(c.sum[0] + (size_t)i * L + half);
            const vd g = vd_load(c.sum[1] + (size_t)i * L + half);
            vd first;
            const vd z = bend_inverse(&c.u, vd_load(at), &first);
            vd_store(at, (z - shift) * vd_exp(-g));
            volume.sum += g;
            add_log(&volume, first);
        }
        vd_store(log_j + half, end_log(&volume));
    }
}

/* ---- backward ------------------------------------------------------------------------------
 */

/* Gradient of what the local field does. */
typedef struct local_gradient {
    vd row[2][FEATURES_MAX], wave;
} local_gradient;

/* Cotangents of shift and raw scale of a mapped site: kept, and that of its local field. */
KR_INLINE void keep_cotangents(const pass *c, int32_t i, int half, vd shift, vd scale,
                               local_gradient *gradient)
{
    vd f[FEATURES_MAX], bar[FEATURES_MAX], turns = vd_set(0.0);
    const vd l[2] = { shift, scale }, field = vd_load(c->local + (size_t)i * L + half);
    const int32_t F = c->s->n_waves;
    features(F, c->wave[1], field, f);
    for (int32_t k = 0; k < c->n_features; k++) {
        bar[k] = vd_set(0.0);
    }
    for (int h = 0; h < 2; h++) {
        const double *row = local_row(c, h);
        const int32_t from = c->s->from[h];
        vd_store(c->sum[h] + (size_t)i * L + half, l[h]);
        for (int32_t k = 0; k < c->width[h]; k++) {
            bar[from + k] = vd_fma(vd_set(row[k]), l[h], bar[from + k]);
            if (gradient) {
                gradient->row[h][k] = vd_fma(l[h], f[from + k], gradient->row[h][k]);
            }
        }
    }
    for (int32_t k = 0; k < F; k++) {
        const vd turn = bar[1 + k] * f[1 + F + k] - bar[1 + F + k] * f[1 + k];
        turns = vd_fma(vd_set(k + 1), turn, turns);
    }
    if (gradient) {
        gradient->wave = vd_fma(field, turns, gradient->wave);
    }
    vd_store(c->pull_local + (size_t)i * L + half, vd_fma(vd_set(c->wave[1]), turns, bar[0]));
}

/* Cotangents of shift and raw scale, in sum, summed over each orbit of a frozen site into its
 * heads; returns the cotangent of its phi. wave: gradient of the wave number, or NULL. */
KR_INLINE vd scatter(const pass *c, int32_t y, int half, vd *wave)
{
    const int32_t F = c->s->n_waves;
    const int32_t *near = c->near_frozen + (size_t)y * (size_t)c->s->n_displacements;
    const double *f = c->feature + (size_t)y * (size_t)c->n_features * L + half;
    vd bar[FEATURES_MAX], turns = vd_set(0.0);
    for (int32_t k = 0; k < c->n_features; k++) {
        bar[k] = vd_set(0.0);
    }
    for (int32_t o = 0; o < c->s->n_orbits; o++) {
        vd e[2] = { vd_set(0.0), vd_set(0.0) };
        for (int32_t d = c->s->orbit_begin[o]; d < c->s->orbit_begin[o + 1]; d++) {
            e[0] += vd_load(c->sum[0] + (size_t)near[d] * L + half);
            e[1] += vd_load(c->sum[1] + (size_t)near[d] * L + half);
        }
        for (int h = 0; h < 2; h++) {
            const double *row = c->matrix[h] + (size_t)o * (size_t)c->width[h];
            vd *to = bar + c->s->from[h];
            vd_store(head_row(c, h, o, y) + half, e[h]);
            for (int32_t k = 0; k < c->width[h]; k++) {
                to[k] = vd_fma(vd_set(row[k]), e[h], to[k]);
            }
        }
    }
    for (int32_t k = 0; k < F; k++) {
        const vd sine = vd_load(f + (size_t)(1 + k) * L);
        const vd cosine = vd_load(f + (size_t)(1 + F + k) * L);
        const vd turn = bar[1 + k] * cosine - bar[1 + F + k] * sine;
        turns = vd_fma(vd_set(k + 1), turn, turns);
    }
    if (wave) {
        *wave = vd_fma(vd_load(f), turns, *wave);
    }
    return vd_fma(vd_set(c->wave[0]), turns, bar[0]) +
           nearest_sum(c, c->pull_local, near, half);
}

/* Rows beyond the mapped sites: nothing comes from outside. */
KR_INLINE void clear_outside(const pass *c, int half)
{
    for (int h = 0; h < 2; h++) {
        vd_store(c->sum[h] + (size_t)c->n_mapped * L + half, vd_set(0.0));
    }
    vd_store(c->pull_local + (size_t)c->n_mapped * L + half, vd_set(0.0));
}

/* Gradient of the matrices: cotangents of the heads times features, over all frozen sites. */
KR_INLINE void add_matrices(const pass *c, int half, const local_gradient *local,
                            double *gradient)
{
    const size_t step = (size_t)c->n_features * L;
    for (int h = 0; h < 2; h++) {
        for (int32_t o = 0; o < c->s->n_orbits; o++) {
            const double *e = head_row(c, h, o, 0) + half;
            for (int32_t k = 0; k < c->width[h]; k++) {
                const double *f = c->feature + (size_t)(c->s->from[h] + k) * L + half;
                vd sum = vd_set(0.0);
                for (int32_t y = 0; y < c->n_frozen; y++) {
                    sum =
                        vd_fma(vd_load(e + (size_t)y * L), vd_load(f + (size_t)y * step), sum);
                }
                *gradient++ += sum_half(sum);
            }
        }
        for (int32_t k = 0; k < c->width[h]; k++) {
            *gradient++ += sum_half(local->row[h][k]);
        }
    }
}

/* The mapped sites: cotangents of their outputs become those of their inputs, and in sum those
 * of shift and raw scale; bends and biases get their gradient. */
KR_INLINE void pull_mapped(const pass *c, const double *x, double *cotangent, vd v, int half,
                           vd *bends, vd *biases, local_gradient *local)
{
    for (int32_t i = 0; i < c->n_mapped; i++) {
        double *to = cotangent + (size_t)c->mapped[i] * L + half;
        const double *shift = c->sum[0] + (size_t)i * L + half;
        const vd g = vd_load(c->sum[1] + (size_t)i * L + half), stretch = vd_exp(g);
        const vd l = vd_load(to);
        const vd at = vd_load(x + (size_t)c->mapped[i] * L + half) * stretch;
        const vd z = at + vd_load(shift), part = g * vd_set(1.0 / CLAMP);
        const bent to_z = bend_value(&c->u, z);
        const vd lz = vd_fma(l, to_z.d1, v * to_z.d2 / to_z.d1);
        const vd lg = vd_fma(lz, at, v) * vd_fma(-part, part, vd_set(1.0));
        bend_gradient(&c->u, z, &to_z, l, v, bends);
        biases[0] += lz;
        biases[1] += lg;
        vd_store(to, lz * stretch);
        keep_cotangents(c, i, half, lz, lg, local);
    }
}

static void pull(const kr_split_shape *s, int parity, const double *w, const double *x,
                 double *cotangent, const double *volume, double *gradient, double *scratch)
{
    const pass c = open_pass(s, parity, w, scratch);
    int32_t place[6];
    kr_split_places(s, place);
    for (int half = 0; half < L; half += VD) {
        vd bends[NUMBERS_MAX], wave = vd_set(0.0), biases[2];
        local_gradient local;
        memset(bends, 0, sizeof bends);
        memset(biases, 0, sizeof biases);
        memset(&local, 0, sizeof local);
        condition(&c, x, half, true);
        pull_mapped(&c, x, cotangent, vd_load(volume + half), half, bends, biases, &local);
        clear_outside(&c, half);
        for (int32_t y = 0; y < c.n_frozen; y++) {
            double *to = cotangent + (size_t)c.frozen[y] * L + half;
            vd_store(to, vd_load(to) + scatter(&c, y, half, &wave));
        }
        add_matrices(&c, half, &local, gradient + place[1]);
        gradient[0] += sum_half(wave);
        gradient[1] += sum_half(local.wave);
        for (int k = 0; k < 2; k++) {
            gradient[place[3] + k] += sum_half(biases[k]);
        }
        for (int32_t k = 0; k < kr_split_bend_weights(s->n_knots); k++) {
            gradient[place[4] + k] += sum_half(bends[k]);
        }
    }
}

/* With t = slope - d ln J/dx of the inputs the new slopes w solve J^T w = t: for a mapped site
 * u' e^g w = t, so that the cotangent of z is slope e^-g, and the frozen ones lose what pull
 * would add to them under w and unit volume. log_j: the map goes along. */
KR_INLINE void push_half(const pass *c, const double *x, double *slope, double *mapped,
                         log_sum *volume, int half)
{
    condition(c, x, half, true);
    for (int32_t i = 0; i < c->n_mapped; i++) {
        const size_t site = (size_t)c->mapped[i] * L + (size_t)half;
        const double *shift = c->sum[0] + (size_t)i * L + half;
        const vd g = vd_load(c->sum[1] + (size_t)i * L + half), stretch = vd_exp(g);
        const vd old = vd_load(slope + site);
        const vd phi = vd_load(x + site);
        const vd part = g * vd_set(1.0 / CLAMP), lz = old / stretch;
        const bent at = bend_value(&c->u, vd_fma(phi, stretch, vd_load(shift)));
        vd_store(slope + site, (lz - at.d2 / at.d1) / at.d1);
        keep_cotangents(c, i, half, lz,
                        vd_fma(old, phi, vd_set(1.0)) * vd_fma(-part, part, vd_set(1.0)), NULL);
        if (mapped) {
            vd_store(mapped + site, at.u);
            volume->sum += g;
            add_log(volume, at.d1);
        }
    }
    clear_outside(c, half);
    for (int32_t y = 0; y < c->n_frozen; y++) {
        double *to = slope + (size_t)c->frozen[y] * L + half;
        vd_store(to, vd_load(to) - scatter(c, y, half, NULL));
    }
}

static void push(const kr_split_shape *s, int parity, const double *w, const double *x,
                 double *slope, double *scratch)
{
    const pass c = open_pass(s, parity, w, scratch);
    for (int half = 0; half < L; half += VD) {
        push_half(&c, x, slope, NULL, NULL, half);
    }
}

static void carry(const kr_split_shape *s, int parity, const double *w, double *x,
                  double *slope, double *log_j, double *scratch)
{
    const pass c = open_pass(s, parity, w, scratch);
    for (int half = 0; half < L; half += VD) {
        log_sum volume = begin_log_sum(log_j + half);
        push_half(&c, x, slope, x, &volume, half);
        vd_store(log_j + half, end_log(&volume));
    }
}

/* ---- zero mode -----------------------------------------------------------------------------
 */

/* Row i of those of the mode. */
KR_INLINE size_t row_of(const int32_t *site, int32_t i)
{
    return (size_t)(site ? site[i] : i) * L;
}

/* sum x/sqrt(n) */
KR_INLINE vd mode_of(int32_t n, const int32_t *site, const double *x)
{
    vd sum = vd_set(0.0);
    for (int32_t i = 0; i < n; i++) {
        sum += vd_load(x + row_of(site, i));
    }
    return sum / vd_sqrt(vd_set(n));
}

/* Moves the mode by `by`. */
KR_INLINE void move_mode(int32_t n, const int32_t *site, vd by, double *x)
{
    const vd each = by / vd_sqrt(vd_set(n));
    for (int32_t i = 0; i < n; i++) {
        double *at = x + row_of(site, i);
        vd_store(at, vd_load(at) + each);
    }
}

static void zero_forward(int32_t n, const int32_t *site, int32_t n_knots, const double *w,
                         double *x, double *log_j)
{
    const bend u = bend_at(w, n_knots);
    const vd shift = vd_set(w[kr_split_bend_numbers(n_knots)]);
    for (int half = 0; half < L; half += VD) {
        const vd mode = mode_of(n, site, x + half);
        const bent to = bend_value(&u, mode + shift);
        move_mode(n, site, to.u - mode, x + half);
        vd_store(log_j + half, vd_load(log_j + half) + vd_log(to.d1));
    }
}

static void zero_inverse(int32_t n, const int32_t *site, int32_t n_knots, const double *w,
                         double *x, double *log_j)
{
    const bend u = bend_at(w, n_knots);
    const vd shift = vd_set(w[kr_split_bend_numbers(n_knots)]);
    for (int half = 0; half < L; half += VD) {
        const vd mode = mode_of(n, site, x + half);
        vd first;
        const vd to = bend_inverse(&u, mode, &first) - shift;
        move_mode(n, site, to - mode, x + half);
        vd_store(log_j + half, vd_load(log_j + half) + vd_log(first));
    }
}

static void zero_pull(int32_t n, const int32_t *site, int32_t n_knots, const double *w,
                      const double *x, double *cotangent, const double *volume,
                      double *gradient)
{
    const bend u = bend_at(w, n_knots);
    const int32_t n_weights = kr_split_bend_weights(n_knots), n_numbers = n_weights + n_knots;
    for (int half = 0; half < L; half += VD) {
        const vd z = mode_of(n, site, x + half) + vd_set(w[n_numbers]);
        const vd l = mode_of(n, site, cotangent + half), v = vd_load(volume + half);
        const bent at = bend_value(&u, z);
        vd bends[NUMBERS_MAX];
        memset(bends, 0, sizeof bends);
        bend_gradient(&u, z, &at, l, v, bends);
        const vd lz = vd_fma(l, at.d1, v * at.d2 / at.d1);
        move_mode(n, site, lz - l, cotangent + half);
        for (int32_t k = 0; k < n_weights; k++) {
            gradient[k] += sum_half(bends[k]);
        }
        gradient[n_numbers] += sum_half(lz);
    }
}

static void zero_push(int32_t n, const int32_t *site, int32_t n_knots, const double *w,
                      const double *x, double *slope)
{
    const bend u = bend_at(w, n_knots);
    for (int half = 0; half < L; half += VD) {
        const vd z = mode_of(n, site, x + half) + vd_set(w[kr_split_bend_numbers(n_knots)]);
        const vd old = mode_of(n, site, slope + half);
        const bent at = bend_value(&u, z);
        move_mode(n, site, (old - at.d2 / at.d1) / at.d1 - old, slope + half);
    }
}

const kr_split_kernels KR_ISA_NAME(kr_split_kernels) = {
    forward, inverse, pull, push, carry, zero_forward, zero_inverse, zero_pull, zero_push,
};
