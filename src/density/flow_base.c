/* SPDX-License-Identifier: GPL-3.0-or-later
 * density/flow_base.c - a Gaussian whose widths and mean are learned.
 *
 * Numbers: the factors of the widths, one per orbit, their logarithms summed over all modes,
 * then the means. */
#include "density/flow_base.h"

#include "base/memory.h"

#include <math.h>
#include <string.h>

#define L KR_FLOW_LANES

typedef struct base {
    kr_flow_modes modes;
    const kr_flow_kernels *kernels;
    int32_t n_means; /* 0, 1 or n_modes */
    double *size;    /* (n_orbits) modes in each; owns */
} base;

static void base_free(void *self)
{
    base *b = self;
    if (b) {
        kr_free(b->size);
        kr_flow_modes_clear(&b->modes);
        kr_free(b);
    }
}

static int base_prepare(void *self, double beta, kr_error *err)
{
    return kr_flow_modes_prepare(&((base *)self)->modes, beta, err);
}

static void base_use(void *self, kr_isa isa)
{
    ((base *)self)->kernels = kr_flow_kernels_of(isa);
}

static void base_load(const void *self, const float *weights, double *w)
{
    const base *b = self;
    const int32_t n = b->modes.n_orbits;
    w[n] = 0.0;
    for (int32_t o = 0; o < n; o++) {
        w[o] = exp((double)weights[o]);
        w[n] += b->size[o] * (double)weights[o];
    }
    for (int32_t k = 0; k < b->n_means; k++) {
        w[n + 1 + k] = b->modes.mean + b->modes.spread * (double)weights[n + k];
    }
}

/* The gradient of a factor is kept as that of its logarithm. */
static void base_chain(const void *self, const double *w, const double *gradient, float *out)
{
    (void)w;
    const base *b = self;
    const int32_t n = b->modes.n_orbits;
    for (int32_t o = 0; o < n; o++) {
        out[o] += (float)gradient[o];
    }
    for (int32_t k = 0; k < b->n_means; k++) {
        out[n + k] += (float)(b->modes.spread * gradient[n + 1 + k]);
    }
}

/* Scratch: what the transform wants, two groups of the sites that have modes, the widths. */
typedef struct parts {
    double *transform, *x, *other, *width;
} parts;

static parts parts_of(const base *b, double *scratch)
{
    const size_t n = (size_t)b->modes.n_sites * L, half = (size_t)b->modes.n_modes * L;
    if (!b->modes.site) {
        return (parts){ scratch, NULL, NULL, scratch + n };
    }
    return (parts){ scratch, scratch + 2 * n, scratch + 2 * n + half,
                    scratch + 2 * (n + half) };
}

/* Halved: x at the sites that have modes. */
static double *enter(const base *b, const double *x, double *to)
{
    for (int32_t k = 0; k < b->modes.n_modes; k++) {
        memcpy(to + (size_t)k * L, x + (size_t)b->modes.site[k] * L, L * sizeof *x);
    }
    return to;
}

static void leave(const base *b, const double *from, double *x)
{
    for (int32_t k = 0; k < b->modes.n_modes; k++) {
        memcpy(x + (size_t)b->modes.site[k] * L, from + (size_t)k * L, L * sizeof *x);
    }
}

/* Widths of the modes, or their inverse, times x. */
static void scale(const base *b, const double *w, bool is_inverse, double *width, double *x)
{
    for (int32_t k = 0; k < b->modes.n_modes; k++) {
        const double s = b->modes.sigma[k] * w[b->modes.orbit[k]];
        width[k] = is_inverse ? 1.0 / s : s;
    }
    b->kernels->scale(b->modes.n_modes, width, x);
}

static void transform(const base *b, kr_flow_way way, const parts *at, double *x)
{
    kr_flow_modes_apply(&b->modes, b->kernels, way, x, at->transform);
}

static void add_log_jacobian(const base *b, const double *w, double *log_j)
{
    double sum = b->modes.log_det + w[b->modes.n_orbits];
    for (int32_t k = 0; k < b->modes.n_modes; k++) {
        sum += log(b->modes.sigma[k]);
    }
    for (int32_t l = 0; l < L; l++) {
        log_j[l] += sum;
    }
}

static void add_mean(const base *b, const double *w, double sign, double *x)
{
    const double *mean = w + b->modes.n_orbits + 1;
    for (size_t i = 0; b->n_means > 0 && i < (size_t)b->modes.n_modes; i++) {
        for (size_t l = 0; l < L; l++) {
            x[i * L + l] += sign * mean[b->n_means > 1 ? i : 0];
        }
    }
}

static void base_forward(const void *self, const double *w, double *x, double *log_j,
                         double *scratch)
{
    const base *b = self;
    const parts at = parts_of(b, scratch);
    double *y = b->modes.site ? enter(b, x, at.x) : x;
    scale(b, w, false, at.width, y);
    transform(b, KR_FLOW_V, &at, y);
    add_mean(b, w, 1.0, y);
    if (y != x) {
        leave(b, y, x);
    }
    add_log_jacobian(b, w, log_j);
}

static void base_inverse(const void *self, const double *w, double *x, double *log_j,
                         double *scratch)
{
    const base *b = self;
    const parts at = parts_of(b, scratch);
    double *y = b->modes.site ? enter(b, x, at.x) : x;
    add_mean(b, w, -1.0, y);
    transform(b, KR_FLOW_V_INVERSE, &at, y);
    scale(b, w, true, at.width, y);
    if (y != x) {
        leave(b, y, x);
    }
    add_log_jacobian(b, w, log_j);
}

static void base_pull(const void *self, const double *w, const double *x, double *cotangent,
                      const double *volume, double *gradient, double *scratch)
{
    const base *b = self;
    const parts at = parts_of(b, scratch);
    const int32_t n = b->modes.n_modes;
    double *y = b->modes.site ? enter(b, cotangent, at.x) : cotangent, *s = at.width;
    double *mean = gradient + b->modes.n_orbits + 1, total = 0.0;
    if (b->n_means > 0) {
        b->kernels->dot(n, y, NULL, s);
        for (int32_t i = 0; i < n; i++) {
            mean[b->n_means > 1 ? i : 0] += s[i];
        }
    }
    transform(b, KR_FLOW_V_T, &at, y);
    scale(b, w, false, s, y);
    b->kernels->dot(n, y, b->modes.site ? enter(b, x, at.other) : x, s);
    if (y != cotangent) {
        leave(b, y, cotangent);
    }
    for (int32_t l = 0; l < L; l++) {
        total += volume[l];
    }
    for (int32_t k = 0; k < n; k++) {
        gradient[b->modes.orbit[k]] += s[k] + total;
    }
}

static void base_push(const void *self, const double *w, const double *x, double *slope,
                      double *scratch)
{
    const base *b = self;
    const parts at = parts_of(b, scratch);
    double *y = b->modes.site ? enter(b, slope, at.x) : slope;
    (void)x;
    scale(b, w, true, at.width, y);
    transform(b, KR_FLOW_V_INVERSE_T, &at, y);
    if (y != slope) {
        leave(b, y, slope);
    }
}

static const kr_flow_ops ops = {
    .free = base_free,
    .prepare = base_prepare,
    .use = base_use,
    .load = base_load,
    .chain = base_chain,
    .forward = base_forward,
    .inverse = base_inverse,
    .pull = base_pull,
    .push = base_push,
};

const kr_flow_modes *kr_flow_base_modes(const kr_flow_layer *layer)
{
    return &((const base *)layer->self)->modes;
}

static int init_base(base *b, const kr_target *target, bool is_half, kr_error *err)
{
    kr_flow_modes *m = &b->modes;
    KR_TRY(kr_flow_modes_init(m, target, err));
    if (is_half && kr_flow_modes_can_halve(m)) {
        KR_TRY(kr_flow_modes_halve(m, target->lattice, err));
        KR_TRY(kr_flow_modes_prepare(m, target->beta, err));
    }
    b->kernels = kr_flow_kernels_of(KR_ISA_BEST);
    b->n_means = m->is_even ? 0 : m->is_uniform ? 1 : m->n_sites;
    b->size = kr_alloc((size_t)m->n_orbits, sizeof *b->size, err);
    for (int32_t k = 0; b->size && k < m->n_modes; k++) {
        b->size[m->orbit[k]] += 1.0;
    }
    return b->size ? KR_OK : KR_ENOMEM;
}

kr_flow_layer kr_flow_base_layer(const kr_target *target, bool is_half, kr_error *err)
{
    base *b = kr_alloc(1, sizeof *b, err);
    kr_flow_layer layer = { .ops = &ops };
    if (!b || init_base(b, target, is_half, err) != KR_OK) {
        base_free(b);
        return layer;
    }
    const kr_flow_modes *m = &b->modes;
    const size_t groups = m->site ? 2 * (size_t)(m->n_sites + m->n_modes) : (size_t)m->n_sites;
    layer.self = b;
    layer.n_weights = (size_t)(m->n_orbits + b->n_means);
    layer.n_numbers = layer.n_weights + 1;
    layer.n_scratch = groups * L + (size_t)m->n_modes;
    layer.n_visits = m->n_modes;
    return layer;
}
