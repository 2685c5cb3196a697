/* SPDX-License-Identifier: GPL-3.0-or-later
 * density/flow.h - densities of real numbers as stacks of invertible layers on normals.
 *
 * A layer is an invertible map of n_sites real numbers with a known ln J. It works in place on
 * groups of KR_FLOW_LANES configurations, x (n_sites, KR_FLOW_LANES), each lane by itself: so
 * results do not depend on how configurations are grouped. A layer knows four things: forward,
 * inverse, the pull of cotangents back through it and the push of slopes of log q forth. From
 * these the stack makes everything that kr_flow wants.
 *
 * Weights are float32, for the optimizer and for files. At the start of a call each layer turns
 * its own into the numbers it computes with, in double (load), at the end the gradient with
 * respect to these becomes one with respect to the weights (chain). Threads: pure given their
 * own scratch, but for the setup and prepare. */
#ifndef KR_DENSITY_FLOW_H
#define KR_DENSITY_FLOW_H

#include "base/isa.h"
#include "kramers_plug.h"

#define KR_FLOW_LANES KR_LANES_PAD

/* The functions of a layer; w are its numbers, scratch its own. */
typedef struct kr_flow_ops {
    void (*free)(void *self);
    /* Both may be NULL; serial. */
    int (*prepare)(void *self, double beta, kr_error *err);
    void (*use)(void *self, kr_isa isa);
    void (*load)(const void *self, const float *weights, double *w);
    /* out += d/dweights, given the gradient with respect to w */
    void (*chain)(const void *self, const double *w, const double *gradient, float *out);
    /* x becomes f(x), or f^-1(x); log_j += ln |df/dx|, of f in both cases */
    void (*forward)(const void *self, const double *w, double *x, double *log_j,
                    double *scratch);
    void (*inverse)(const void *self, const double *w, double *x, double *log_j,
                    double *scratch);
    /* At the input x: cotangent of f(x) becomes that of x, of cotangent . f + volume ln J;
     * gradient += the derivative with respect to w, lanes summed in order. */
    void (*pull)(const void *self, const double *w, const double *x, double *cotangent,
                 const double *volume, double *gradient, double *scratch);
    /* At the input x: the slope of the log density of x becomes that of f(x),
     * (df/dx)^-T (slope - d ln J/dx). */
    void (*push)(const void *self, const double *w, const double *x, double *slope,
                 double *scratch);
    /* forward and push at once; NULL: one after the other */
    void (*carry)(const void *self, const double *w, double *x, double *slope, double *log_j,
                  double *scratch);
    /* Of a layer whose ln J is a sum over steps, all or none; what kr_flow makes of them.
     * doubt: as inverse, with twice the steps. refine: twice the steps from now on, told by the
     * weights; false: no more. steps: how many there are. */
    void (*doubt)(const void *self, const double *w, double *x, double *log_j, double *scratch);
    bool (*refine)(const void *self, float *weights);
    int32_t (*steps)(const void *self, const float *weights);
} kr_flow_ops;

typedef struct kr_flow_layer {
    const kr_flow_ops *ops;
    void *self; /* owns */
    size_t n_weights, n_numbers;
    size_t n_scratch; /* doubles */
    double n_visits; /* weights, as often as one configuration uses them, or one of its steps */
    size_t first_weight, first_number; /* set by kr_flow_stack_finish */
} kr_flow_layer;

/* Where a stack begins, in the place of independent standard normals; x (n_sites,
 * KR_FLOW_LANES), log_p and slope of the lanes. */
typedef struct kr_flow_source_ops {
    void (*free)(void *self);
    int (*prepare)(void *self, double beta, kr_error *err); /* serial */
    void (*use)(void *self, kr_isa isa);                    /* serial */
    void (*sample)(const void *self, kr_rng *rng, double *x, double *log_p, double *scratch);
    /* slope = d log p/dx, unless NULL */
    void (*log_density)(const void *self, const double *x, double *log_p, double *slope,
                        double *scratch);
} kr_flow_source_ops;

#define KR_FLOW_LAYERS_MAX 128

typedef struct kr_flow_stack {
    int32_t n_sites, n_layers;
    kr_flow_layer layer[KR_FLOW_LAYERS_MAX]; /* of normals to phi */
    const kr_flow_source_ops *source_ops;    /* NULL: normals */
    void *source;                            /* owns */
    size_t source_scratch;                   /* doubles */
    size_t n_weights, n_numbers, n_scratch;
    float *weights; /* owns */
} kr_flow_stack;

/* Takes the layer over, also when it fails; a layer without self (its alloc has failed and
 * said why) is KR_ENOMEM. */
int kr_flow_stack_add(kr_flow_stack *stack, kr_flow_layer layer, kr_error *err);
/* After the last layer: room for the weights, zero. */
int kr_flow_stack_finish(kr_flow_stack *stack, kr_error *err);

/* Members of kr_density_plug and kr_flow for plugs whose self is a kr_flow_stack. */
kr_flow_stack *kr_flow_stack_alloc(const kr_target *target, kr_error *err);
void kr_flow_stack_free(void *self);
size_t kr_flow_stack_n_weights(const void *self);
float *kr_flow_stack_weights(void *self);
double kr_flow_stack_n_visits(const void *self);
size_t kr_flow_stack_scratch_bytes(const void *self, int32_t n_lanes);
int kr_flow_stack_prepare(void *self, double beta, kr_error *err);
void kr_flow_stack_use(void *self, kr_isa isa);
/* Of stacks whose layers are all exact, and of those with a layer that is not. */
extern const kr_flow kr_flow_stack_flow, kr_flow_stack_inexact;

/* Sum of the coordinates of site i, modulo 2. */
int32_t kr_flow_parity(const kr_lattice *lattice, int32_t i);
/* Whether a density of real numbers on the line can stand on the target: KR_EUNSUP. */
bool kr_flow_supports(const kr_target *target, const char *name, kr_error *why);

#endif
