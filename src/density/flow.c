/* SPDX-License-Identifier: GPL-3.0-or-later
 * density/flow.c - stacks of invertible layers on standard normals.
 *
 * Scratch of a call: the numbers of all layers, the gradient with respect to them, the scratch
 * of a layer, then for each group of lanes the inputs of all layers (its tape). log_q with a
 * slope leaves numbers and tapes there, from which pull goes on. */
#include "density/flow.h"

#include "base/memory.h"
#include "base/normals.h"
#include "density/flow_kernels.h"

#include <string.h>

#define L              KR_FLOW_LANES
#define HALF_LN_TWO_PI 0.91893853320467274178

/* ---- life cycle --------------------------------------------------------------------------
 */

bool kr_flow_supports(const kr_target *target, const char *name, kr_error *why)
{
    const kr_action *action = target->terms->action;
    if (!action || action->is_angle) {
        kr_fail(why, KR_EUNSUP, "%s: the variables are %s, want real numbers", name,
                action ? "angles" : "discrete states");
        return false;
    }
    return true;
}

int32_t kr_flow_parity(const kr_lattice *lattice, int32_t i)
{
    int32_t sum = 0;
    for (int32_t d = 0; d < lattice->dim; d++) {
        sum += i % lattice->extent[d];
        i /= lattice->extent[d];
    }
    return sum % 2;
}

kr_flow_stack *kr_flow_stack_alloc(const kr_target *target, kr_error *err)
{
    kr_flow_stack *stack = kr_alloc(1, sizeof *stack, err);
    if (stack) {
        stack->n_sites = target->terms->n_sites;
    }
    return stack;
}

void kr_flow_stack_free(void *self)
{
    kr_flow_stack *stack = self;
    if (stack) {
        kr_free(stack->weights);
        for (int32_t k = stack->n_layers - 1; k >= 0; k--) {
            stack->layer[k].ops->free(stack->layer[k].self);
        }
        if (stack->source_ops) {
            stack->source_ops->free(stack->source);
        }
        kr_free(stack);
    }
}

/* To the next multiple of a cache line of doubles. */
static size_t round_up(size_t n)
{
    return (n + 7) / 8 * 8;
}

int kr_flow_stack_add(kr_flow_stack *stack, kr_flow_layer layer, kr_error *err)
{
    if (!layer.self) {
        return err && err->status ? err->status : KR_ENOMEM;
    }
    if (stack->n_layers == KR_FLOW_LAYERS_MAX) {
        layer.ops->free(layer.self);
        return kr_fail(err, KR_ERANGE, "flow: more than %d layers", KR_FLOW_LAYERS_MAX);
    }
    layer.first_weight = stack->n_weights;
    layer.first_number = stack->n_numbers;
    stack->n_weights += layer.n_weights;
    stack->n_numbers += round_up(layer.n_numbers);
    stack->n_scratch =
        layer.n_scratch > stack->n_scratch ? round_up(layer.n_scratch) : stack->n_scratch;
    stack->layer[stack->n_layers++] = layer;
    return KR_OK;
}

int kr_flow_stack_finish(kr_flow_stack *stack, kr_error *err)
{
    const size_t source = round_up(stack->source_scratch);
    stack->n_scratch = source > stack->n_scratch ? source : stack->n_scratch;
    stack->n_scratch += 2 * (size_t)stack->n_sites * L; /* two groups, beside a layer */
    stack->weights = kr_alloc(stack->n_weights, sizeof *stack->weights, err);
    return stack->weights ? KR_OK : KR_ENOMEM;
}

size_t kr_flow_stack_n_weights(const void *self)
{
    return ((const kr_flow_stack *)self)->n_weights;
}

float *kr_flow_stack_weights(void *self)
{
    return ((kr_flow_stack *)self)->weights;
}

double kr_flow_stack_n_visits(const void *self)
{
    const kr_flow_stack *stack = self;
    double sum = 0.0;
    for (int32_t k = 0; k < stack->n_layers; k++) {
        const kr_flow_layer *layer = &stack->layer[k];
        const float *weights = stack->weights + layer->first_weight;
        sum +=
            layer->n_visits * (layer->ops->steps ? layer->ops->steps(layer->self, weights) : 1);
    }
    return sum;
}

int kr_flow_stack_prepare(void *self, double beta, kr_error *err)
{
    kr_flow_stack *stack = self;
    if (stack->source_ops) {
        KR_TRY(stack->source_ops->prepare(stack->source, beta, err));
    }
    for (int32_t k = 0; k < stack->n_layers; k++) {
        if (stack->layer[k].ops->prepare) {
            KR_TRY(stack->layer[k].ops->prepare(stack->layer[k].self, beta, err));
        }
    }
    return KR_OK;
}

void kr_flow_stack_use(void *self, kr_isa isa)
{
    kr_flow_stack *stack = self;
    if (stack->source_ops) {
        stack->source_ops->use(stack->source, isa);
    }
    for (int32_t k = 0; k < stack->n_layers; k++) {
        if (stack->layer[k].ops->use) {
            stack->layer[k].ops->use(stack->layer[k].self, isa);
        }
    }
}

/* ---- a call -------------------------------------------------------------------------------
 */

typedef struct call {
    const kr_flow_stack *stack;
    double *w, *gradient, *layer_scratch, *tape;
    size_t group;    /* doubles of x */
    double *part[2]; /* two groups of the caller's */
} call;

size_t kr_flow_stack_scratch_bytes(const void *self, int32_t n_lanes)
{
    const kr_flow_stack *stack = self;
    const size_t n_tapes = stack->n_layers > 0 ? (size_t)stack->n_layers : 1;
    const size_t tapes = (size_t)stack->n_sites * n_tapes;
    return sizeof(double) *
           (2 * stack->n_numbers + stack->n_scratch + tapes * kr_lanes_pad((size_t)n_lanes));
}

static call open_call(const void *self, void *scratch)
{
    call c = { .stack = self, .w = scratch };
    c.gradient = c.w + c.stack->n_numbers;
    c.layer_scratch = c.gradient + c.stack->n_numbers;
    c.tape = c.layer_scratch + c.stack->n_scratch;
    c.group = (size_t)c.stack->n_sites * L;
    c.part[0] = c.tape - c.group;
    c.part[1] = c.part[0] - c.group;
    return c;
}

static void load(const call *c)
{
    for (int32_t k = 0; k < c->stack->n_layers; k++) {
        const kr_flow_layer *layer = &c->stack->layer[k];
        layer->ops->load(layer->self, c->stack->weights + layer->first_weight,
                         c->w + layer->first_number);
    }
}

static double *tape_of(const call *c, int32_t first, int32_t k)
{
    const size_t n_tapes = c->stack->n_layers > 0 ? (size_t)c->stack->n_layers : 1;
    return c->tape + ((size_t)(first / L) * n_tapes + (size_t)k) * c->group;
}

static void copy_group(int32_t n_sites, const double *from, size_t from_stride, double *to,
                       size_t to_stride)
{
    for (size_t i = 0; i < (size_t)n_sites; i++) {
        memcpy(to + i * to_stride, from + i * from_stride, L * sizeof *to);
    }
}

static void run_forward(const call *c, double *x, double log_j[L])
{
    for (int32_t k = 0; k < c->stack->n_layers; k++) {
        const kr_flow_layer *layer = &c->stack->layer[k];
        layer->ops->forward(layer->self, c->w + layer->first_number, x, log_j,
                            c->layer_scratch);
    }
}

/* x (stride L) becomes normals, in doubt with twice the steps; with a tape the inputs of all
 * layers stay, those of the first layer at its beginning, and x is not changed. */
static void run_inverse(const call *c, double *x, double *tape, double log_j[L], bool is_doubt)
{
    const double *out = x;
    for (int32_t k = c->stack->n_layers - 1; k >= 0; k--) {
        const kr_flow_layer *layer = &c->stack->layer[k];
        double *in = tape ? tape + (size_t)k * c->group : x;
        if (tape) {
            memcpy(in, out, c->group * sizeof *in);
        }
        (is_doubt && layer->ops->doubt ? layer->ops->doubt : layer->ops->inverse)(
            layer->self, c->w + layer->first_number, in, log_j, c->layer_scratch);
        out = in;
    }
}

static double log_of_normals(const call *c, const double *z, int32_t lane)
{
    double sum = 0.0;
    for (size_t i = (size_t)lane; i < c->group; i += L) {
        sum += z[i] * z[i];
    }
    return -0.5 * sum - HALF_LN_TWO_PI * c->stack->n_sites;
}

/* Log density of z (stride L) where the stack begins, its slope unless NULL. */
static void begin_log(const call *c, const double *z, double *log_p, double *slope)
{
    if (c->stack->source_ops) {
        c->stack->source_ops->log_density(c->stack->source, z, log_p, slope, c->layer_scratch);
        return;
    }
    for (int32_t l = 0; l < L; l++) {
        log_p[l] = log_of_normals(c, z, l);
    }
    for (size_t k = 0; slope && k < c->group; k++) {
        slope[k] = -z[k];
    }
}

static int32_t lanes_in(int32_t n_lanes, int32_t first)
{
    return n_lanes - first < L ? n_lanes - first : L;
}

/* ---- what kr_flow wants --------------------------------------------------------------------
 */

/* The tape holds the inputs of all layers; slope that of the first of them, then of x, the
 * output. */
static void carry(const call *c, double *tape, double *x, double *slope, double log_j[L])
{
    memcpy(x, tape, c->group * sizeof *x);
    for (int32_t k = 0; k < c->stack->n_layers; k++) {
        const kr_flow_layer *layer = &c->stack->layer[k];
        const double *w = c->w + layer->first_number;
        double *in = tape + (size_t)k * c->group;
        memcpy(in, x, c->group * sizeof *x);
        if (layer->ops->carry) {
            layer->ops->carry(layer->self, w, x, slope, log_j, c->layer_scratch);
        } else {
            layer->ops->forward(layer->self, w, x, log_j, c->layer_scratch);
            layer->ops->push(layer->self, w, in, slope, c->layer_scratch);
        }
    }
}

/* z of a group with its log density, and the slope of that unless NULL. */
static void draw(const call *c, kr_rng *rng, double *z, double *log_p, double *slope)
{
    if (c->stack->source_ops) {
        c->stack->source_ops->sample(c->stack->source, rng, z, log_p, c->layer_scratch);
    } else {
        kr_normals(rng, c->group, z);
    }
    if (slope || !c->stack->source_ops) {
        begin_log(c, z, log_p, slope);
    }
}

static void flow_sample(const void *self, int32_t n_lanes, double *phi, double *log_q,
                        double *slope, kr_rng *rng, void *scratch)
{
    const call c = open_call(self, scratch);
    const size_t stride = kr_lanes_pad((size_t)n_lanes);
    load(&c);
    for (int32_t first = 0; first < n_lanes; first += L) {
        double log_j[L] = { 0.0 }, log_p[L], *tape = slope ? tape_of(&c, first, 0) : c.part[0];
        draw(&c, rng, tape, log_p, slope ? c.part[1] : NULL);
        if (slope) {
            carry(&c, tape, c.part[0], c.part[1], log_j);
            copy_group(c.stack->n_sites, c.part[1], L, slope + first, stride);
        } else {
            run_forward(&c, c.part[0], log_j);
        }
        for (int32_t l = 0; l < lanes_in(n_lanes, first); l++) {
            log_q[first + l] = log_p[l] - log_j[l];
        }
        copy_group(c.stack->n_sites, c.part[0], L, phi + first, stride);
    }
}

/* slope of the beginning to that of phi */
static void push_slope(const call *c, const double *tape, double *slope)
{
    for (int32_t k = 0; k < c->stack->n_layers; k++) {
        const kr_flow_layer *layer = &c->stack->layer[k];
        layer->ops->push(layer->self, c->w + layer->first_number, tape + (size_t)k * c->group,
                         slope, c->layer_scratch);
    }
}

static void score(const void *self, int32_t n_lanes, const double *phi, double *log_q,
                  double *slope, void *scratch, bool is_doubt)
{
    const call c = open_call(self, scratch);
    const size_t stride = kr_lanes_pad((size_t)n_lanes);
    load(&c);
    for (int32_t first = 0; first < n_lanes; first += L) {
        double log_j[L] = { 0.0 }, log_p[L], *tape = slope ? tape_of(&c, first, 0) : NULL;
        double *x = c.part[0];
        copy_group(c.stack->n_sites, phi + first, stride, x, L);
        run_inverse(&c, x, tape, log_j, is_doubt);
        if (slope && c.stack->n_layers == 0) {
            memcpy(tape, x, c.group * sizeof *x);
        }
        begin_log(&c, slope ? tape : x, log_p, slope ? x : NULL);
        for (int32_t l = 0; l < lanes_in(n_lanes, first); l++) {
            log_q[first + l] = log_p[l] - log_j[l];
        }
        if (slope) {
            push_slope(&c, tape, x);
            copy_group(c.stack->n_sites, x, L, slope + first, stride);
        }
    }
}

static void flow_log_q(const void *self, int32_t n_lanes, const double *phi, double *log_q,
                       double *slope, void *scratch)
{
    score(self, n_lanes, phi, log_q, slope, scratch, false);
}

static void flow_doubt(const void *self, int32_t n_lanes, const double *phi, double *log_q,
                       void *scratch)
{
    score(self, n_lanes, phi, log_q, NULL, scratch, true);
}

static bool flow_refine(void *self)
{
    kr_flow_stack *stack = self;
    bool is_refined = false;
    for (int32_t k = 0; k < stack->n_layers; k++) {
        const kr_flow_layer *layer = &stack->layer[k];
        is_refined |= layer->ops->refine &&
                      layer->ops->refine(layer->self, stack->weights + layer->first_weight);
    }
    return is_refined;
}

static int32_t flow_steps(const void *self)
{
    const kr_flow_stack *stack = self;
    int32_t steps = 0;
    for (int32_t k = 0; k < stack->n_layers; k++) {
        const kr_flow_layer *layer = &stack->layer[k];
        if (layer->ops->steps) {
            steps += layer->ops->steps(layer->self, stack->weights + layer->first_weight);
        }
    }
    return steps;
}

/* Lanes behind the last one have no cotangent, and so no part in the gradient. */
static void flow_pull(const void *self, int32_t n_lanes, const double *phi,
                      const double *cotangent, const double *volume, float *gradient,
                      void *scratch)
{
    const call c = open_call(self, scratch);
    const size_t stride = kr_lanes_pad((size_t)n_lanes);
    (void)phi; /* its tapes are there */
    memset(c.gradient, 0, c.stack->n_numbers * sizeof *c.gradient);
    for (int32_t first = 0; first < n_lanes; first += L) {
        const int32_t n = lanes_in(n_lanes, first);
        double own_volume[L] = { 0.0 }, *x = c.part[0];
        memcpy(own_volume, volume + first, (size_t)n * sizeof *volume);
        copy_group(c.stack->n_sites, cotangent + first, stride, x, L);
        for (size_t i = 0; i < (size_t)c.stack->n_sites; i++) {
            memset(x + i * L + n, 0, (size_t)(L - n) * sizeof *x);
        }
        for (int32_t k = c.stack->n_layers - 1; k >= 0; k--) {
            const kr_flow_layer *layer = &c.stack->layer[k];
            layer->ops->pull(layer->self, c.w + layer->first_number, tape_of(&c, first, k), x,
                             own_volume, c.gradient + layer->first_number, c.layer_scratch);
        }
    }
    for (int32_t k = 0; k < c.stack->n_layers; k++) {
        const kr_flow_layer *layer = &c.stack->layer[k];
        layer->ops->chain(layer->self, c.w + layer->first_number,
                          c.gradient + layer->first_number, gradient + layer->first_weight);
    }
}

static void flow_forward(const void *self, int32_t n_lanes, double *z, double *log_jacobian,
                         void *scratch)
{
    const call c = open_call(self, scratch);
    const size_t stride = kr_lanes_pad((size_t)n_lanes);
    load(&c);
    for (int32_t first = 0; first < n_lanes; first += L) {
        double log_j[L] = { 0.0 };
        copy_group(c.stack->n_sites, z + first, stride, c.tape, L);
        run_forward(&c, c.tape, log_j);
        copy_group(c.stack->n_sites, c.tape, L, z + first, stride);
        memcpy(log_jacobian + first, log_j, (size_t)lanes_in(n_lanes, first) * sizeof *log_j);
    }
}

static void flow_inverse(const void *self, int32_t n_lanes, double *phi, double *log_jacobian,
                         void *scratch)
{
    const call c = open_call(self, scratch);
    const size_t stride = kr_lanes_pad((size_t)n_lanes);
    load(&c);
    for (int32_t first = 0; first < n_lanes; first += L) {
        double log_j[L] = { 0.0 };
        copy_group(c.stack->n_sites, phi + first, stride, c.tape, L);
        run_inverse(&c, c.tape, NULL, log_j, false);
        copy_group(c.stack->n_sites, c.tape, L, phi + first, stride);
        memcpy(log_jacobian + first, log_j, (size_t)lanes_in(n_lanes, first) * sizeof *log_j);
    }
}

static bool flow_is_normal(const void *self)
{
    return !((const kr_flow_stack *)self)->source_ops;
}

const kr_flow kr_flow_stack_flow = {
    .sample = flow_sample,
    .log_q = flow_log_q,
    .pull = flow_pull,
    .forward = flow_forward,
    .inverse = flow_inverse,
    .is_normal = flow_is_normal,
};

const kr_flow kr_flow_stack_inexact = {
    .sample = flow_sample,
    .log_q = flow_log_q,
    .pull = flow_pull,
    .forward = flow_forward,
    .inverse = flow_inverse,
    .doubt = flow_doubt,
    .refine = flow_refine,
    .n_steps = flow_steps,
};
