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
    int32_t n_means; /* 0, 1 or n_sites */
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

/* Widths of the modes, or their inverse, into the first n_sites doubles of scratch. */
static void widths(const base *b, const double *w, bool is_inverse, double *out)
{
    for (int32_t k = 0; k < b->modes.n_sites; k++) {
        const double s = b->modes.sigma[k] * w[b->modes.orbit[k]];
        out[k] = is_inverse ? 1.0 / s : s;
    }
}

static double log_jacobian(const base *b, const double *w)
{
    double sum = b->modes.log_det + w[b->modes.n_orbits];
    for (int32_t k = 0; k < b->modes.n_sites; k++) {
        sum += log(b->modes.sigma[k]);
    }
    return sum;
}

static void add_mean(const base *b, const double *w, double sign, double *x)
{
    const double *mean = w + b->modes.n_orbits + 1;
    for (size_t i = 0; b->n_means > 0 && i < (size_t)b->modes.n_sites; i++) {
        for (size_t l = 0; l < L; l++) {
            x[i * L + l] += sign * mean[b->n_means > 1 ? i : 0];
        }
    }
}

/* Scratch: a group, then the widths. */
static double *width_part(const base *b, double *scratch)
{
    return scratch + (size_t)b->modes.n_sites * L;
}

static void base_forward(const void *self, const double *w, double *x, double *log_j,
                         double *scratch)
{
    const base *b = self;
    double *s = width_part(b, scratch);
    const double volume = log_jacobian(b, w);
    widths(b, w, false, s);
    b->kernels->scale(b->modes.n_sites, s, x);
    kr_flow_modes_apply(&b->modes, b->kernels, KR_FLOW_V, x, scratch);
    add_mean(b, w, 1.0, x);
    for (int32_t l = 0; l < L; l++) {
        log_j[l] += volume;
    }
}

static void base_inverse(const void *self, const double *w, double *x, double *log_j,
                         double *scratch)
{
    const base *b = self;
    double *s = width_part(b, scratch);
    const double volume = log_jacobian(b, w);
    add_mean(b, w, -1.0, x);
    kr_flow_modes_apply(&b->modes, b->kernels, KR_FLOW_V_INVERSE, x, scratch);
    widths(b, w, true, s);
    b->kernels->scale(b->modes.n_sites, s, x);
    for (int32_t l = 0; l < L; l++) {
        log_j[l] += volume;
    }
}

static void base_pull(const void *self, const double *w, const double *x, double *cotangent,
                      const double *volume, double *gradient, double *scratch)
{
    const base *b = self;
    const int32_t n = b->modes.n_sites;
    double *s = width_part(b, scratch), *mean = gradient + b->modes.n_orbits + 1, total = 0.0;
    if (b->n_means > 0) {
        b->kernels->dot(n, cotangent, NULL, s);
        for (int32_t i = 0; i < n; i++) {
            mean[b->n_means > 1 ? i : 0] += s[i];
        }
    }
    kr_flow_modes_apply(&b->modes, b->kernels, KR_FLOW_V_T, cotangent, scratch);
    widths(b, w, false, s);
    b->kernels->scale(n, s, cotangent);
    b->kernels->dot(n, cotangent, x, s);
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
    double *s = width_part(b, scratch);
    (void)x;
    widths(b, w, true, s);
    b->kernels->scale(b->modes.n_sites, s, slope);
    kr_flow_modes_apply(&b->modes, b->kernels, KR_FLOW_V_INVERSE_T, slope, scratch);
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

kr_flow_layer kr_flow_base_layer(const kr_target *target, kr_error *err)
{
    base *b = kr_alloc(1, sizeof *b, err);
    kr_flow_layer layer = { .ops = &ops };
    if (b && kr_flow_modes_init(&b->modes, target, err) != KR_OK) {
        kr_free(b);
        b = NULL;
    }
    if (!b) {
        return layer;
    }
    const kr_flow_modes *m = &b->modes;
    b->kernels = kr_flow_kernels_of(KR_ISA_BEST);
    b->n_means = m->is_even ? 0 : m->is_uniform ? 1 : m->n_sites;
    b->size = kr_alloc((size_t)m->n_orbits, sizeof *b->size, err);
    if (!b->size) {
        base_free(b);
        return layer;
    }
    for (int32_t k = 0; k < m->n_sites; k++) {
        b->size[m->orbit[k]] += 1.0;
    }
    layer.self = b;
    layer.n_weights = (size_t)(m->n_orbits + b->n_means);
    layer.n_numbers = layer.n_weights + 1;
    layer.n_scratch = (size_t)m->n_sites * (L + 1);
    layer.n_visits = m->n_sites;
    return layer;
}
