/* SPDX-License-Identifier: GPL-3.0-or-later
 * density/flow_circle.c - independent uniform angles as the source of a stack: log q = -n ln 2
 * pi whatever the angles are, so that a density on them has the period 2 pi in each. The stack
 * itself is what the members are given. */
#include "density/flow_circle.h"

#include "base/memory.h"
#include "base/rng.h"

#include <string.h>

#define L         KR_FLOW_LANES
#define TWO_PI    6.283185307179586477
#define LN_TWO_PI 1.8378770664093454836

static void free_nothing(void *self)
{
    (void)self;
}

static int prepare(void *self, double beta, kr_error *err)
{
    (void)self;
    (void)beta;
    (void)err;
    return KR_OK;
}

static void use(void *self, kr_isa isa)
{
    (void)self;
    (void)isa;
}

static void log_density(const void *self, const double *x, double *log_p, double *slope,
                        double *scratch)
{
    const size_t n = (size_t)((const kr_flow_stack *)self)->n_sites;
    (void)x;
    (void)scratch;
    for (int l = 0; l < L; l++) {
        log_p[l] = -LN_TWO_PI * (double)n;
    }
    if (slope) {
        memset(slope, 0, n * L * sizeof *slope);
    }
}

static void sample(const void *self, kr_rng *rng, double *x, double *log_p, double *scratch)
{
    const size_t n = (size_t)((const kr_flow_stack *)self)->n_sites;
    for (size_t k = 0; k < n * L; k++) {
        x[k] = TWO_PI * (kr_rng_uniform(rng) - 0.5);
    }
    log_density(self, x, log_p, NULL, scratch);
}

static const kr_flow_source_ops ops = { .free = free_nothing,
                                        .prepare = prepare,
                                        .use = use,
                                        .sample = sample,
                                        .log_density = log_density };

int kr_flow_circle_add(kr_flow_stack *stack)
{
    stack->source = stack;
    stack->source_ops = &ops;
    return KR_OK;
}

/* ---- relative angles ------------------------------------------------------------------------
 */

typedef struct turn {
    size_t n;
} turn;

static void turn_load(const void *self, const float *weights, double *w)
{
    (void)self;
    (void)weights;
    (void)w;
}

static void turn_chain(const void *self, const double *w, const double *gradient, float *out)
{
    (void)self;
    (void)w;
    (void)gradient;
    (void)out;
}

/* x_i += sign x_0 */
static void add_first(const turn *t, double sign, double *x)
{
    for (size_t k = L; k < t->n * L; k++) {
        x[k] += sign * x[k % L];
    }
}

/* x_0 += sign sum x_i */
static void add_to_first(const turn *t, double sign, double *x)
{
    for (size_t k = L; k < t->n * L; k++) {
        x[k % L] += sign * x[k];
    }
}

static void turn_forward(const void *self, const double *w, double *x, double *log_j,
                         double *scratch)
{
    (void)w;
    (void)log_j;
    (void)scratch;
    add_first(self, 1.0, x);
}

static void turn_inverse(const void *self, const double *w, double *x, double *log_j,
                         double *scratch)
{
    (void)w;
    (void)log_j;
    (void)scratch;
    add_first(self, -1.0, x);
}

static void turn_pull(const void *self, const double *w, const double *x, double *cotangent,
                      const double *volume, double *gradient, double *scratch)
{
    (void)w;
    (void)x;
    (void)volume;
    (void)gradient;
    (void)scratch;
    add_to_first(self, 1.0, cotangent);
}

static void turn_push(const void *self, const double *w, const double *x, double *slope,
                      double *scratch)
{
    (void)w;
    (void)x;
    (void)scratch;
    add_to_first(self, -1.0, slope);
}

static const kr_flow_ops turn_ops = { .free = kr_free,
                                      .load = turn_load,
                                      .chain = turn_chain,
                                      .forward = turn_forward,
                                      .inverse = turn_inverse,
                                      .pull = turn_pull,
                                      .push = turn_push };

kr_flow_layer kr_flow_turn_layer(int32_t n_sites, kr_error *err)
{
    turn *t = kr_alloc(1, sizeof *t, err);
    if (t) {
        t->n = (size_t)n_sites;
    }
    return (kr_flow_layer){ .ops = &turn_ops, .self = t };
}
