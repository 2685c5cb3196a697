/* SPDX-License-Identifier: GPL-3.0-or-later
 * density/flow_split.c - coupling layers between sublattices and the layer of the zero mode:
 * their weights in units of the field.
 *
 * A weight is a number without unit, zero or so at the start: lengths are measured in widths of
 * a site, p, q and G are soft-plus of their weights. With weights zero a layer is the identity
 * but for a slight bend of u, whose slope stays within a few percent of 1. */
#include "density/flow_split.h"

#include "base/memory.h"
#include "density/flow_orbits.h"

#include <math.h>
#include <string.h>

#define L           KR_FLOW_LANES
#define FIRST_WAVE  0.4 /* wave numbers at the start, per width */
#define FIRST_LOCAL 0.2
#define BEND_WEIGHT (-3.0)
#define LEAST_G     0.1
#define START_BEND  0.0486 /* soft-plus of BEND_WEIGHT */

const kr_split_kernels *kr_split_kernels_of(kr_isa isa)
{
#ifdef KR_ISA_X86
    isa = kr_isa_resolve(isa);
    return isa == KR_ISA_AVX512 ? &kr_split_kernels_avx512
           : isa == KR_ISA_AVX2 ? &kr_split_kernels_avx2
                                : &kr_split_kernels_portable;
#else
    (void)isa;
    return &kr_split_kernels_portable;
#endif
}

/* ---- who sees whom --------------------------------------------------------------------------
 */

bool kr_split_supports(const kr_lattice *lattice, kr_error *why)
{
    if (!kr_orbits_support(lattice, "split_coupling", why)) {
        return false;
    }
    for (int32_t d = 0; d < lattice->dim; d++) {
        if (lattice->is_periodic[d] && lattice->extent[d] % 2 && lattice->extent[d] > 1) {
            kr_fail(why, KR_EUNSUP,
                    "split_coupling: periodic side %d is odd: neighbors across the boundary "
                    "would be on the same sublattice, want an even or an open one",
                    lattice->extent[d]);
            return false;
        }
    }
    return true;
}

static void clear_shape(kr_split_shape *s)
{
    for (int p = 0; p < 2; p++) {
        kr_free(s->near[p]);
        kr_free(s->site[p]);
    }
    kr_free(s->orbit);
    kr_free(s->orbit_begin);
}

/* Class of site i, or -1: the layers leave it alone. */
static int32_t class_of(const kr_lattice *lattice, kr_split_level level, int32_t i)
{
    const int32_t parity = kr_flow_parity(lattice, i);
    return level == KR_SPLIT_ALL ? parity : parity ? -1 : i % lattice->extent[0] % 2;
}

static void fill_orbits(kr_split_shape *s, const kr_displacement *list)
{
    s->n_orbits = 0;
    for (int32_t k = 0; k < s->n_displacements; k++) {
        if (k == 0 || !kr_orbits_is_same(&list[k - 1], &list[k])) {
            memcpy(s->orbit + (size_t)s->n_orbits * KR_DIM_MAX, list[k].length,
                   sizeof list[k].length);
            s->orbit_begin[s->n_orbits++] = k;
        }
    }
    s->orbit_begin[s->n_orbits] = s->n_displacements;
    for (int32_t k = 0; k < s->n_displacements; k++) {
        if (list[k].length[0] + list[k].length[1] + list[k].length[2] ==
            (s->level == KR_SPLIT_ALL ? 1 : 2)) {
            s->nearest[s->n_nearest++] = k;
        }
    }
}

/* place (n_sites) of each site among those of its class */
static void fill_neighbors(kr_split_shape *s, const kr_lattice *lattice,
                           const kr_displacement *list, const int32_t *place)
{
    for (int p = 0; p < 2; p++) {
        for (int32_t k = 0; k < s->n[p]; k++) {
            for (int32_t d = 0; d < s->n_displacements; d++) {
                const int32_t other = kr_orbits_site(lattice, s->site[p][k], list[d].by);
                s->near[p][(size_t)k * (size_t)s->n_displacements + (size_t)d] =
                    other < 0 ? s->n[1 - p] : place[other];
            }
        }
    }
}

static int fill_shape(kr_split_shape *s, const kr_lattice *lattice, kr_displacement *list,
                      int32_t *place, kr_error *err)
{
    const size_t n = (size_t)lattice->n_sites, most = (size_t)s->n_displacements;
    s->orbit_begin = kr_alloc(most + 1, sizeof *s->orbit_begin, err);
    s->orbit = kr_alloc(most * KR_DIM_MAX, sizeof *s->orbit, err);
    for (int p = 0; p < 2; p++) {
        s->site[p] = kr_alloc(n, sizeof *s->site[p], err);
    }
    if (!s->orbit_begin || !s->orbit || !s->site[0] || !s->site[1]) {
        return KR_ENOMEM;
    }
    for (int32_t i = 0; i < lattice->n_sites; i++) {
        const int32_t p = class_of(lattice, s->level, i);
        if (p >= 0) {
            place[i] = s->n[p];
            s->site[p][s->n[p]++] = i;
        }
    }
    for (int p = 0; p < 2; p++) {
        s->near[p] = kr_alloc((size_t)s->n[p] * most, sizeof *s->near[p], err);
        if (!s->near[p]) {
            return KR_ENOMEM;
        }
    }
    fill_orbits(s, list);
    fill_neighbors(s, lattice, list, place);
    return KR_OK;
}

static int init_shape(kr_split_shape *s, const kr_lattice *lattice,
                      const kr_split_params *params, kr_split_level level, bool is_even,
                      kr_error *err)
{
    const int32_t F = (int32_t)params->features, radius = (int32_t)params->radius;
    const kr_orbit_kind kind = level == KR_SPLIT_ALL ? KR_ORBITS_ODD : KR_ORBITS_ALL_ODD;
    *s = (kr_split_shape){ .level = level, .n_waves = F, .n_knots = (int32_t)params->knots };
    s->n_displacements = kr_orbits_list(lattice, radius, kind, NULL);
    s->from[1] = is_even ? 1 + F : 0;
    s->to[0] = is_even ? 1 + F : 1 + 2 * F;
    s->to[1] = 1 + 2 * F;
    kr_displacement *list = kr_alloc((size_t)s->n_displacements, sizeof *list, err);
    int32_t *place = kr_alloc((size_t)lattice->n_sites, sizeof *place, err);
    int status = list && place ? KR_OK : KR_ENOMEM;
    if (status == KR_OK) {
        kr_orbits_list(lattice, radius, kind, list);
        status = fill_shape(s, lattice, list, place, err);
    }
    kr_free(place);
    kr_free(list);
    if (status != KR_OK) {
        clear_shape(s);
    }
    return status;
}

/* ---- the map u in its weights ---------------------------------------------------------------
 */

static double soft_plus(double x)
{
    return x > 30.0 ? x : log1p(exp(x));
}

/* Weight of G_j that is added to the one learned: 0.5..2 per unit at the start. */
static double start_of_G(int32_t j, int32_t n_knots)
{
    const double G = n_knots > 1 ? 0.5 * pow(4.0, (double)j / (n_knots - 1)) : 1.0;
    return log(expm1(G - LEAST_G));
}

void kr_split_load_bend(int32_t n_knots, double unit, const float *weights, double *w)
{
    w[0] = exp((double)weights[0]) * (1.0 - 1.1 * START_BEND * n_knots);
    for (int32_t j = 0; j < n_knots; j++) {
        const double p = (double)weights[1 + j], q = (double)weights[1 + n_knots + j];
        const double G = (double)weights[1 + 2 * n_knots + j] + start_of_G(j, n_knots);
        w[1 + j] = unit * soft_plus(p + BEND_WEIGHT);
        w[1 + n_knots + j] = soft_plus(q + BEND_WEIGHT);
        w[1 + 2 * n_knots + j] = (LEAST_G + soft_plus(G)) / unit;
        w[1 + 3 * n_knots + j] = 1.0 / w[1 + 2 * n_knots + j];
    }
}

/* d soft-plus(x)/dx = 1 - exp(-soft-plus(x)), so the numbers are all that is needed. */
void kr_split_chain_bend(int32_t n_knots, double unit, const double *w, const double *gradient,
                         float *out)
{
    out[0] += (float)(gradient[0] * w[0]);
    for (int32_t k = 1; k <= 3 * n_knots; k++) {
        const double scale = k <= n_knots ? unit : k <= 2 * n_knots ? 1.0 : 1.0 / unit;
        const double plus = w[k] / scale - (k > 2 * n_knots ? LEAST_G : 0.0);
        out[k] += (float)(gradient[k] * scale * -expm1(-plus));
    }
}

/* ---- coupling layers -----------------------------------------------------------------------
 */

typedef struct split {
    const kr_split_kernels *kernels;
    const kr_split_shape *shape;
    kr_split_shape own; /* of the first layer, which the others borrow */
    bool owns;
    int parity;
    bool is_even;
    double spread;
} split;

static void split_free(void *self)
{
    split *s = self;
    if (s && s->owns) {
        clear_shape(&s->own);
    }
    kr_free(s);
}

static void split_use(void *self, kr_isa isa)
{
    ((split *)self)->kernels = kr_split_kernels_of(isa);
}

/* Unit of feature k under head h: the shift is a length, phi is one too. */
static double unit_of(const split *s, int h, int32_t k)
{
    return h == 0 ? (k == 0 ? 1.0 : s->spread) : (k == 0 ? 1.0 / s->spread : 1.0);
}

static void split_load(const void *self, const float *weights, double *w)
{
    const split *s = self;
    const kr_split_shape *shape = s->shape;
    int32_t place[6];
    kr_split_places(shape, place);
    w[0] = (FIRST_WAVE + (double)weights[0]) / s->spread;
    w[1] = (FIRST_LOCAL + (double)weights[1]) / s->spread;
    for (int h = 0; h < 2; h++) {
        const int32_t width = shape->to[h] - shape->from[h];
        for (int32_t k = 0; k < (shape->n_orbits + 1) * width; k++) {
            const double unit = unit_of(s, h, shape->from[h] + k % width);
            w[place[1 + h] + k] = unit * (double)weights[place[1 + h] + k];
        }
    }
    w[place[3]] = s->is_even ? 0.0 : s->spread * (double)weights[place[3]];
    w[place[3] + 1] = (double)weights[place[3] + 1];
    kr_split_load_bend(shape->n_knots, s->spread, weights + place[4], w + place[4]);
}

static void split_chain(const void *self, const double *w, const double *gradient, float *out)
{
    const split *s = self;
    const kr_split_shape *shape = s->shape;
    int32_t place[6];
    kr_split_places(shape, place);
    out[0] += (float)(gradient[0] / s->spread);
    out[1] += (float)(gradient[1] / s->spread);
    for (int h = 0; h < 2; h++) {
        const int32_t width = shape->to[h] - shape->from[h];
        for (int32_t k = 0; k < (shape->n_orbits + 1) * width; k++) {
            const double unit = unit_of(s, h, shape->from[h] + k % width);
            out[place[1 + h] + k] += (float)(unit * gradient[place[1 + h] + k]);
        }
    }
    if (!s->is_even) {
        out[place[3]] += (float)(s->spread * gradient[place[3]]);
    }
    out[place[3] + 1] += (float)gradient[place[3] + 1];
    kr_split_chain_bend(shape->n_knots, s->spread, w + place[4], gradient + place[4],
                        out + place[4]);
}

static void split_forward(const void *self, const double *w, double *x, double *log_j,
                          double *scratch)
{
    const split *s = self;
    s->kernels->forward(s->shape, s->parity, w, x, log_j, scratch);
}

static void split_inverse(const void *self, const double *w, double *x, double *log_j,
                          double *scratch)
{
    const split *s = self;
    s->kernels->inverse(s->shape, s->parity, w, x, log_j, scratch);
}

static void split_pull(const void *self, const double *w, const double *x, double *cotangent,
                       const double *volume, double *gradient, double *scratch)
{
    const split *s = self;
    s->kernels->pull(s->shape, s->parity, w, x, cotangent, volume, gradient, scratch);
}

static void split_push(const void *self, const double *w, const double *x, double *slope,
                       double *scratch)
{
    const split *s = self;
    s->kernels->push(s->shape, s->parity, w, x, slope, scratch);
}

static void split_carry(const void *self, const double *w, double *x, double *slope,
                        double *log_j, double *scratch)
{
    const split *s = self;
    s->kernels->carry(s->shape, s->parity, w, x, slope, log_j, scratch);
}

static const kr_flow_ops split_ops = {
    .free = split_free,
    .use = split_use,
    .load = split_load,
    .chain = split_chain,
    .forward = split_forward,
    .inverse = split_inverse,
    .pull = split_pull,
    .push = split_push,
    .carry = split_carry,
};

size_t kr_split_scratch(const kr_split_shape *s)
{
    const size_t most = (size_t)(s->n[0] > s->n[1] ? s->n[0] : s->n[1]) + 1;
    return L * most * (size_t)(2 * s->n_waves + 1 + 2 * s->n_orbits + 5);
}

const kr_split_shape *kr_split_shape_of(const kr_flow_layer *layer)
{
    return layer->ops == &split_ops ? ((const split *)layer->self)->shape : NULL;
}

int kr_split_add_layers(kr_flow_stack *stack, const kr_lattice *lattice,
                        const kr_split_params *params, kr_split_level level, bool is_even,
                        double spread, kr_error *err)
{
    const kr_split_shape *shape = NULL;
    for (int64_t k = 0; k < params->layers; k++) {
        int32_t place[6];
        split *s = kr_alloc(1, sizeof *s, err);
        if (!s) {
            return KR_ENOMEM;
        }
        *s = (split){ .kernels = kr_split_kernels_of(KR_ISA_BEST),
                      .owns = !shape,
                      .parity = (int)(k % 2),
                      .is_even = is_even,
                      .spread = spread };
        if (!shape) {
            const int status = init_shape(&s->own, lattice, params, level, is_even, err);
            if (status != KR_OK) {
                kr_free(s);
                return status;
            }
            shape = &s->own;
        }
        s->shape = shape;
        kr_split_places(shape, place);
        const size_t n_weights = (size_t)(place[5] - shape->n_knots);
        const size_t n_shared = n_weights - (size_t)place[3];
        KR_TRY(kr_flow_stack_add(
            stack,
            (kr_flow_layer){ .ops = &split_ops,
                             .self = s,
                             .n_weights = n_weights,
                             .n_numbers = (size_t)place[5],
                             .n_scratch = kr_split_scratch(shape),
                             .n_visits = (double)shape->n[1 - k % 2] * (double)place[3] +
                                         (double)shape->n[k % 2] * (double)n_shared },
            err));
    }
    return KR_OK;
}
