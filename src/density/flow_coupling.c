/* SPDX-License-Identifier: GPL-3.0-or-later
 * density/flow_coupling.c - coupling layers of a network and a map. */
#include "density/flow_coupling.h"

#include "base/memory.h"
#include "density/flow_base.h"
#include "density/flow_circle.h"
#include "density/flow_map.h"
#include "density/flow_net.h"
#include "density/flow_split.h"
#include "density/flow_wells.h"

#include <string.h>

#define L       KR_FLOW_LANES
#define DIM_MAX 3
#define PI      3.14159265358979323846

/* What layers share: halves, units, networks and maps of both halves. */
typedef struct shape {
    int32_t *site[2], n[2];
    double *center, *width; /* (n_sites) */
    kr_net net[2];
    kr_map map[2];
    bool is_angle, is_conv;
} shape;

typedef struct coupling {
    const kr_net_kernels *net_kernels;
    const kr_map_kernels *map_kernels;
    int kind, half; /* the half that is mapped */
    bool owns;      /* the shape, which other layers borrow of the first one */
    shape *shape;
} coupling;

/* ---- a layer --------------------------------------------------------------------------------
 */

static void free_shape(shape *s)
{
    for (int h = 0; s && h < 2; h++) {
        kr_net_clear(&s->net[h]);
        kr_free(s->site[h]);
    }
    if (s) {
        kr_free(s->width);
        kr_free(s->center);
        kr_free(s);
    }
}

static void coupling_free(void *self)
{
    coupling *c = self;
    if (c && c->owns) {
        free_shape(c->shape);
    }
    kr_free(c);
}

static void coupling_use(void *self, kr_isa isa)
{
    coupling *c = self;
    c->net_kernels = kr_net_kernels_of(isa);
    c->map_kernels =
        c->kind == KR_COUPLING_SPLINE ? kr_map_spline_of(isa) : kr_map_affine_of(isa);
}

static void coupling_load(const void *self, const float *weights, double *w)
{
    const coupling *c = self;
    kr_net_load(&c->shape->net[c->half], weights, w);
}

static void coupling_chain(const void *self, const double *w, const double *gradient,
                           float *out)
{
    const coupling *c = self;
    (void)w;
    kr_net_chain(&c->shape->net[c->half], gradient, out);
}

/* The frozen half tells the parameters of the mapped one; angles are seen as vectors. */
static kr_net_pass condition(const coupling *c, const double *w, const double *x,
                             double *scratch)
{
    const shape *s = c->shape;
    const kr_net_pass pass = kr_net_open(&s->net[c->half], scratch);
    for (int32_t k = 0; k < s->n[1 - c->half]; k++) {
        const size_t site = (size_t)s->site[1 - c->half][k];
        double *in = pass.in + (size_t)k * (s->is_angle ? 2 : 1) * L;
        if (s->is_angle) {
            c->map_kernels->cosine_sine(x + site * L, in);
            continue;
        }
        for (size_t l = 0; l < L; l++) {
            in[l] = (x[site * L + l] - s->center[site]) / s->width[site];
        }
    }
    kr_net_forward(&s->net[c->half], c->net_kernels, w, &pass);
    return pass;
}

static void coupling_forward(const void *self, const double *w, double *x, double *log_j,
                             double *scratch)
{
    const coupling *c = self;
    const kr_net_pass pass = condition(c, w, x, scratch);
    c->map_kernels->forward(&c->shape->map[c->half], pass.odd, pass.even, x, log_j);
}

static void coupling_inverse(const void *self, const double *w, double *x, double *log_j,
                             double *scratch)
{
    const coupling *c = self;
    const kr_net_pass pass = condition(c, w, x, scratch);
    c->map_kernels->inverse(&c->shape->map[c->half], pass.odd, pass.even, x, log_j);
}

/* Through the network to the frozen variables, with this sign. */
static void back_to_frozen(const coupling *c, const double *w, const kr_net_pass *pass,
                           double sign, double *x_bar, double *gradient)
{
    const shape *s = c->shape;
    kr_net_pull(&s->net[c->half], c->net_kernels, w, pass, gradient);
    for (int32_t k = 0; k < s->n[1 - c->half]; k++) {
        const size_t site = (size_t)s->site[1 - c->half][k];
        const size_t at = (size_t)k * (s->is_angle ? 2 : 1) * L;
        const double *in = pass->in + at, *bar = pass->bar_in + at;
        for (size_t l = 0; l < L; l++) {
            const double to =
                s->is_angle ? in[l] * bar[L + l] - in[L + l] * bar[l] : bar[l] / s->width[site];
            x_bar[site * L + l] += sign * to;
        }
    }
}

static void coupling_pull(const void *self, const double *w, const double *x, double *cotangent,
                          const double *volume, double *gradient, double *scratch)
{
    const coupling *c = self;
    const kr_net_pass pass = condition(c, w, x, scratch);
    c->map_kernels->pull(&c->shape->map[c->half], pass.odd, pass.even, x, cotangent, volume);
    back_to_frozen(c, w, &pass, 1.0, cotangent, gradient);
}

/* (df/dx)^T (new slope) + d ln J/dx = old slope: the mapped half by the map alone, the frozen
 * half loses what pull would add to it. */
static void coupling_push(const void *self, const double *w, const double *x, double *slope,
                          double *scratch)
{
    const coupling *c = self;
    const kr_net_pass pass = condition(c, w, x, scratch);
    c->map_kernels->push(&c->shape->map[c->half], pass.odd, pass.even, x, slope);
    back_to_frozen(c, w, &pass, -1.0, slope, NULL);
}

static void coupling_carry(const void *self, const double *w, double *x, double *slope,
                           double *log_j, double *scratch)
{
    const coupling *c = self;
    const kr_net_pass pass = condition(c, w, x, scratch);
    c->map_kernels->carry(&c->shape->map[c->half], pass.odd, pass.even, x, slope, log_j);
    back_to_frozen(c, w, &pass, -1.0, slope, NULL);
}

static const kr_flow_ops ops = {
    .free = coupling_free,
    .use = coupling_use,
    .load = coupling_load,
    .chain = coupling_chain,
    .forward = coupling_forward,
    .inverse = coupling_inverse,
    .pull = coupling_pull,
    .push = coupling_push,
    .carry = coupling_carry,
};

bool kr_coupling_is_conv(const kr_flow_layer *layer)
{
    return layer->ops == &ops && ((const coupling *)layer->self)->shape->is_conv;
}

/* ---- shape ----------------------------------------------------------------------------------
 */

static bool is_hypercubic(const kr_lattice *lattice)
{
    return strcmp(lattice->name, "hypercubic") == 0 && lattice->dim <= DIM_MAX;
}

static int half_of(const kr_target *target, int32_t mask, int32_t i)
{
    const int32_t n = target->terms->n_sites;
    if (mask == KR_COUPLING_HALF) {
        return i >= n / 2;
    }
    return is_hypercubic(target->lattice) ? (int)kr_flow_parity(target->lattice, i) : i % 2;
}

/* Units: mean and width of each variable in the base; mean 0 where the action is even. */
static void fill_units(shape *s, const kr_flow_stack *stack, bool is_even)
{
    const kr_flow_modes *modes =
        stack->source_ops ? NULL : kr_flow_base_modes(&stack->layer[0]);
    if (!modes && !s->is_angle) {
        kr_flow_wells_units(stack, s->center, s->width);
    }
    for (int32_t i = 0; i < stack->n_sites; i++) {
        if (s->is_angle) {
            s->width[i] = 1.0;
        }
        if (modes) {
            s->width[i] = modes->spread;
            s->center[i] = modes->mean;
        }
        s->center[i] = is_even ? 0.0 : s->center[i];
    }
}

static int fill_nets(shape *s, const kr_target *target, const kr_coupling_params *params,
                     int kind, kr_error *err)
{
    const int32_t knots = (int32_t)params->knots;
    const bool is_spline = kind == KR_COUPLING_SPLINE;
    for (int h = 0; h < 2; h++) {
        s->map[h] = (kr_map){ .n = s->n[h],
                              .site = s->site[h],
                              .center = s->center,
                              .width = s->width,
                              .dt = 2.0 / (double)params->layers,
                              .n_knots = knots,
                              .range = s->is_angle ? PI : params->range,
                              .is_circle = s->is_angle };
        const kr_net_plan plan = {
            .lattice = params->net != KR_COUPLING_DENSE ? target->lattice : NULL,
            .frozen = s->site[1 - h],
            .mapped = s->site[h],
            .n_frozen = s->n[1 - h],
            .n_mapped = s->n[h],
            .n_sites = target->terms->n_sites,
            .n_hidden = (int32_t)params->hidden,
            .n_odd = is_spline ? kr_map_spline_odd(knots, s->is_angle) : 1,
            .n_even = is_spline ? kr_map_spline_even(knots, s->is_angle) : 1,
            .n_seen = s->is_angle ? 2 : 1,
            .is_even = target->terms->action->is_even && !s->is_angle,
            .has_shells = params->net == KR_COUPLING_SHELLS,
        };
        KR_TRY(kr_net_init(&s->net[h], &plan, err));
    }
    return KR_OK;
}

static shape *make_shape(const kr_flow_stack *stack, const kr_target *target,
                         const kr_coupling_params *params, int kind, kr_error *err)
{
    const int32_t n = target->terms->n_sites;
    shape *s = kr_alloc(1, sizeof *s, err);
    if (!s) {
        return NULL;
    }
    s->is_angle = target->terms->action->is_angle;
    s->is_conv = params->net != KR_COUPLING_DENSE;
    s->center = kr_alloc((size_t)n, sizeof *s->center, err);
    s->width = kr_alloc((size_t)n, sizeof *s->width, err);
    for (int h = 0; h < 2; h++) {
        s->site[h] = kr_alloc((size_t)n, sizeof *s->site[h], err);
    }
    int status = s->center && s->width && s->site[0] && s->site[1] ? KR_OK : KR_ENOMEM;
    for (int32_t i = 0; status == KR_OK && i < n; i++) {
        const int h = half_of(target, params->mask, i);
        s->site[h][s->n[h]++] = i;
    }
    if (status == KR_OK) {
        fill_units(s, stack, target->terms->action->is_even);
        status = fill_nets(s, target, params, kind, err);
    }
    if (status != KR_OK) {
        free_shape(s);
        return NULL;
    }
    return s;
}

/* ---- the stack ------------------------------------------------------------------------------
 */

bool kr_coupling_supports(const kr_target *target, const kr_coupling_params *params, int map,
                          const char *name, kr_error *why)
{
    const kr_action *action = target->terms->action;
    const bool is_circle = map == KR_COUPLING_SPLINE && action && action->is_angle;
    if (!is_circle && !kr_flow_supports(target, name, why)) {
        return false;
    }
    if (is_circle && params->base == KR_COUPLING_WELLS) {
        kr_fail(why, KR_EUNSUP, "%s: base wells for angles, which begin with the uniform law",
                name);
        return false;
    }
    if (params->net != KR_COUPLING_DENSE && !is_hypercubic(target->lattice)) {
        kr_fail(why, KR_EUNSUP,
                "%s: net conv or shells on lattice %s of dimension %d, want hypercubic of "
                "dimension "
                "1..%d, or net dense",
                name, target->lattice->name, target->lattice->dim, DIM_MAX);
        return false;
    }
    if (params->base == KR_COUPLING_WELLS && target->terms->n_sites > KR_WELLS_SITES_MAX) {
        kr_fail(why, KR_EUNSUP, "%s: base wells with %d variables, want at most %d", name,
                target->terms->n_sites, KR_WELLS_SITES_MAX);
        return false;
    }
    return true;
}

static int add_layers(kr_flow_stack *stack, shape **made, const kr_target *target,
                      const kr_coupling_params *params, int kind, kr_error *err)
{
    KR_TRY(target->terms->action->is_angle ? kr_flow_circle_add(stack)
           : params->base == KR_COUPLING_WELLS
               ? kr_flow_wells_add(stack, target, NULL, err)
               : kr_flow_stack_add(stack, kr_flow_base_layer(target, false, err), err));
    shape *s = make_shape(stack, target, params, kind, err);
    if (!s) {
        return KR_ENOMEM;
    }
    *made = s;
    for (int64_t k = 0; k < params->layers; k++) {
        coupling *c = kr_alloc(1, sizeof *c, err);
        const int half = (int)(k % 2);
        const kr_net *net = &s->net[half];
        if (!c) {
            return KR_ENOMEM;
        }
        *c = (coupling){ .kind = kind, .half = half, .owns = k == 0, .shape = s };
        *made = NULL; /* the first layer has it */
        coupling_use(c, KR_ISA_BEST);
        KR_TRY(kr_flow_stack_add(stack,
                                 (kr_flow_layer){ .ops = &ops,
                                                  .self = c,
                                                  .n_weights = net->n_weights,
                                                  .n_numbers = net->n_numbers,
                                                  .n_scratch = net->n_scratch,
                                                  .n_visits = net->n_visits },
                                 err));
    }
    if (s->is_angle && target->terms->action->is_even) {
        KR_TRY(kr_flow_stack_add(stack, kr_flow_turn_layer(stack->n_sites, err), err));
    }
    return kr_flow_stack_finish(stack, err);
}

void *kr_coupling_alloc(const kr_target *target, const kr_coupling_params *params, int map,
                        const char *name, kr_error *err)
{
    if (!kr_coupling_supports(target, params, map, name, err)) {
        return NULL;
    }
    kr_flow_stack *stack = kr_flow_stack_alloc(target, err);
    shape *made = NULL;
    if (stack && add_layers(stack, &made, target, params, map, err) != KR_OK) {
        free_shape(made);
        kr_flow_stack_free(stack);
        return NULL;
    }
    return stack;
}

/* The base, and layers that do nothing. */
void kr_coupling_init(void *self, kr_rng *rng)
{
    kr_flow_stack *stack = self;
    memset(stack->weights, 0, stack->n_weights * sizeof *stack->weights);
    for (int32_t k = 0; k < stack->n_layers; k++) {
        const kr_flow_layer *layer = &stack->layer[k];
        if (layer->ops == &ops) {
            const coupling *c = layer->self;
            kr_net_fresh(&c->shape->net[c->half], rng, stack->weights + layer->first_weight);
        }
    }
}
