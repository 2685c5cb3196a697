/* SPDX-License-Identifier: GPL-3.0-or-later
 * density/flow_ode.c - the layer of an equivariant equation: its shape, and its weights in
 * units of the field.
 *
 * A weight is a number without unit, zero at the start, where the flow is the identity. Its
 * first one has no gradient: it counts how often the steps were doubled, so that they are
 * saved, restored and rolled back with the weights that need them. */
#include "density/flow_ode.h"

#include "base/memory.h"
#include "density/flow_orbits.h"

#include <math.h>
#include <string.h>

#define L          KR_FLOW_LANES
#define LAST_WAVE  2.0 /* largest wave number at the start, per width */
#define WAVE_UNIT  0.5
#define COST       6.0  /* visits that a weight in all four stages is worth, measured */
#define LEAST_WAVE 1e-9 /* per width: kernels divide by it */

const kr_ode_kernels *kr_ode_kernels_of(kr_isa isa)
{
#ifdef KR_ISA_X86
    isa = kr_isa_resolve(isa);
    return isa == KR_ISA_AVX512 ? &kr_ode_kernels_avx512
           : isa == KR_ISA_AVX2 ? &kr_ode_kernels_avx2
                                : &kr_ode_kernels_portable;
#else
    (void)isa;
    return &kr_ode_kernels_portable;
#endif
}

/* ---- who sees whom --------------------------------------------------------------------------
 */

static int fill_shape(kr_ode_shape *s, const kr_lattice *lattice, const kr_displacement *list,
                      kr_error *err)
{
    const size_t n = (size_t)s->n_displacements;
    s->orbit_begin = kr_alloc(n + 1, sizeof *s->orbit_begin, err);
    s->near = kr_alloc((size_t)s->n_sites * n, sizeof *s->near, err);
    if (!s->orbit_begin || !s->near) {
        return KR_ENOMEM;
    }
    for (int32_t k = 0; k < s->n_displacements; k++) {
        if (k == 0 || !kr_orbits_is_same(&list[k - 1], &list[k])) {
            s->orbit_begin[s->n_orbits++] = k;
        }
    }
    s->orbit_begin[s->n_orbits] = s->n_displacements;
    for (int32_t i = 0; i < s->n_sites; i++) {
        for (size_t d = 0; d < n; d++) {
            const int32_t other = kr_orbits_site(lattice, i, list[d].by);
            s->near[(size_t)i * n + d] = other < 0 ? s->n_sites : other;
        }
    }
    return KR_OK;
}

static int init_shape(kr_ode_shape *s, const kr_lattice *lattice, const kr_ode_params *params,
                      kr_error *err)
{
    const int32_t radius = (int32_t)params->radius;
    s->n_sites = lattice->n_sites;
    s->n_waves = (int32_t)params->features;
    s->n_times = (int32_t)params->times;
    s->n_features = s->is_even ? 1 + s->n_waves : 2 + 2 * s->n_waves;
    s->most_steps =
        (int32_t)(params->adapt_steps && params->most_steps > params->steps ? params->most_steps
                                                                            : params->steps);
    s->n_displacements = kr_orbits_list(lattice, radius, KR_ORBITS_ANY, NULL);
    kr_displacement *list = kr_alloc((size_t)s->n_displacements, sizeof *list, err);
    if (!list) {
        return KR_ENOMEM;
    }
    kr_orbits_list(lattice, radius, KR_ORBITS_ANY, list);
    const int status = fill_shape(s, lattice, list, err);
    kr_free(list);
    s->n_matrix = (s->n_orbits * s->n_features + 7) / 8 * 8;
    return status;
}

/* ---- the layer ------------------------------------------------------------------------------
 */

typedef struct ode {
    const kr_ode_kernels *kernels;
    kr_ode_shape shape; /* owns */
    int32_t first_steps;
    double *unit; /* (n_orbits n_features) of velocities; owns */
} ode;

static void ode_free(void *self)
{
    ode *o = self;
    if (o) {
        kr_free(o->unit);
        kr_free(o->shape.near);
        kr_free(o->shape.orbit_begin);
        kr_free(o);
    }
}

static void ode_use(void *self, kr_isa isa)
{
    ((ode *)self)->kernels = kr_ode_kernels_of(isa);
}

/* Steps that a weight stands for, never more than there is room for. */
static int32_t steps_of(const ode *o, float weight)
{
    int32_t steps = o->first_steps;
    for (int k = (int)lround(fmin(fmax((double)weight, 0.0), 30.0)); k > 0; k--) {
        steps = 2 * steps <= o->shape.most_steps ? 2 * steps : steps;
    }
    return steps;
}

static int32_t ode_steps(const void *self, const float *weights)
{
    return steps_of(self, weights[0]);
}

static bool ode_refine(const void *self, float *weights)
{
    const ode *o = self;
    const int32_t steps = steps_of(o, weights[0]);
    if (2 * steps > o->shape.most_steps) {
        return false;
    }
    weights[0] = (float)lround(log2((double)steps / o->first_steps)) + 1.0f;
    return true;
}

/* Wave numbers at the start are spread evenly. */
static double wave_of(const ode *o, int32_t k, float weight)
{
    const double start = LAST_WAVE * (k + 0.5) / o->shape.n_waves;
    const double wave = start + WAVE_UNIT * (double)weight;
    return (fabs(wave) < LEAST_WAVE ? LEAST_WAVE : wave) / o->shape.spread;
}

static void ode_load(const void *self, const float *weights, double *w)
{
    const ode *o = self;
    const kr_ode_shape *s = &o->shape;
    const size_t n = (size_t)(s->n_orbits * s->n_features), M = (size_t)s->n_matrix;
    memset(w, 0, (KR_ODE_MATRIX + M * (size_t)s->n_times) * sizeof *w);
    w[KR_ODE_STEPS] = steps_of(o, weights[0]);
    for (int32_t k = 0; k < s->n_waves; k++) {
        w[KR_ODE_WAVES + k] = wave_of(o, k, weights[1 + k]);
    }
    weights += 1 + s->n_waves;
    for (size_t j = 0; j < (size_t)s->n_times; j++) {
        for (size_t m = 0; m < n; m++) {
            w[KR_ODE_MATRIX + j * M + m] = o->unit[m] * (double)weights[j * n + m];
        }
    }
}

static void ode_chain(const void *self, const double *w, const double *gradient, float *out)
{
    const ode *o = self;
    const kr_ode_shape *s = &o->shape;
    const size_t n = (size_t)(s->n_orbits * s->n_features), M = (size_t)s->n_matrix;
    (void)w;
    for (int32_t k = 0; k < s->n_waves; k++) {
        out[1 + k] += (float)(gradient[KR_ODE_WAVES + k] * WAVE_UNIT / s->spread);
    }
    out += 1 + s->n_waves;
    for (size_t j = 0; j < (size_t)s->n_times; j++) {
        for (size_t m = 0; m < n; m++) {
            out[j * n + m] += (float)(o->unit[m] * gradient[KR_ODE_MATRIX + j * M + m]);
        }
    }
}

static void ode_forward(const void *self, const double *w, double *x, double *log_j,
                        double *scratch)
{
    const ode *o = self;
    o->kernels->forward(&o->shape, w, x, log_j, scratch);
}

static void ode_inverse(const void *self, const double *w, double *x, double *log_j,
                        double *scratch)
{
    const ode *o = self;
    o->kernels->inverse(&o->shape, w, x, log_j, scratch);
}

static void ode_doubt(const void *self, const double *w, double *x, double *log_j,
                      double *scratch)
{
    const ode *o = self;
    o->kernels->doubt(&o->shape, w, x, log_j, scratch);
}

static void ode_pull(const void *self, const double *w, const double *x, double *cotangent,
                     const double *volume, double *gradient, double *scratch)
{
    const ode *o = self;
    o->kernels->pull(&o->shape, w, x, cotangent, volume, gradient, scratch);
}

static void ode_push(const void *self, const double *w, const double *x, double *slope,
                     double *scratch)
{
    const ode *o = self;
    o->kernels->push(&o->shape, w, x, slope, scratch);
}

static const kr_flow_ops ops = {
    .free = ode_free,
    .use = ode_use,
    .load = ode_load,
    .chain = ode_chain,
    .forward = ode_forward,
    .inverse = ode_inverse,
    .pull = ode_pull,
    .push = ode_push,
    .doubt = ode_doubt,
    .refine = ode_refine,
    .steps = ode_steps,
};

size_t kr_ode_scratch(const kr_ode_shape *s)
{
    const size_t rows = (size_t)(s->n_orbits + 11 + 2 * 4 + s->most_steps + 1);
    return (size_t)s->n_matrix * 9 + rows * (size_t)(s->n_sites + 1) * 8;
}

/* Velocities are widths per unit of time; a sum over an orbit is of the size of a term. */
static int set_units(ode *o, kr_error *err)
{
    const kr_ode_shape *s = &o->shape;
    o->unit = kr_alloc((size_t)(s->n_orbits * s->n_features), sizeof *o->unit, err);
    if (!o->unit) {
        return KR_ENOMEM;
    }
    for (int32_t k = 0; k < s->n_orbits * s->n_features; k++) {
        const int32_t orbit = k / s->n_features;
        const double n = s->orbit_begin[orbit + 1] - s->orbit_begin[orbit];
        o->unit[k] = (k % s->n_features == 0 ? 1.0 : s->spread) / sqrt(n);
    }
    return KR_OK;
}

kr_flow_layer kr_ode_layer(const kr_lattice *lattice, const kr_ode_params *params, bool is_even,
                           double spread, kr_error *err)
{
    kr_flow_layer layer = { .ops = &ops };
    ode *o = kr_alloc(1, sizeof *o, err);
    if (!o) {
        return layer;
    }
    o->kernels = kr_ode_kernels_of(KR_ISA_BEST);
    o->shape.is_even = is_even;
    o->shape.spread = spread;
    o->first_steps = (int32_t)params->steps;
    if (init_shape(&o->shape, lattice, params, err) != KR_OK || set_units(o, err) != KR_OK) {
        ode_free(o);
        return layer;
    }
    const kr_ode_shape *s = &o->shape;
    const size_t n = (size_t)(s->n_orbits * s->n_features);
    layer.self = o;
    layer.n_weights = 1 + (size_t)s->n_waves + n * (size_t)s->n_times;
    layer.n_numbers = KR_ODE_MATRIX + (size_t)s->n_matrix * (size_t)s->n_times;
    layer.n_scratch = kr_ode_scratch(s);
    layer.n_visits = COST * (double)n * s->n_sites; /* of one step */
    return layer;
}
