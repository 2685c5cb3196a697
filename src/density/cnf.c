/* SPDX-License-Identifier: GPL-3.0-or-later
 * density/cnf.c - a continuous normalizing flow of lattice fields: Gaussian base, then an
 * equivariant differential equation in discrete steps.
 *
 * Exactly as symmetric as a uniform action on the box is: under all translations, reflections,
 * exchange of equal directions and, where the action is even, phi -> -phi; sides may be odd.
 *
 * log q is that of the base less the sum of divergences over the steps. Samples have a density
 * whose logarithm differs from it by O(steps^-4), and training that knows log q only makes use
 * of this where steps are few: the loss falls below -log Z. Therefore the density tells how far
 * log q moves with twice the steps (kr_flow.doubt), training doubles its steps where that is no
 * longer small beside the spread of the weights, and the account of a run says when log Z is
 * not to be trusted. The determinant of the map itself would cost n_sites times as much.
 * Layers: flow_base.h, flow_ode.h. Threads: as density/flow.h. */
#include "density/flow_base.h"
#include "density/flow_ode.h"
#include "density/flow_orbits.h"

#include <string.h>

static const kr_field fields[] = {
    { .name = "steps",
      .type = KR_TYPE_INT,
      .offset = offsetof(kr_ode_params, steps),
      .fallback = "25",
      .min = 1,
      .max = 1000,
      .unit = "1",
      .doc = "steps of the equation, of four evaluations each" },
    { .name = "adapt_steps",
      .type = KR_TYPE_BOOL,
      .offset = offsetof(kr_ode_params, adapt_steps),
      .fallback = "true",
      .doc = "double the steps in training where log q changes with them" },
    { .name = "most_steps",
      .type = KR_TYPE_INT,
      .offset = offsetof(kr_ode_params, most_steps),
      .fallback = "200",
      .min = 1,
      .max = 4000,
      .unit = "1",
      .doc = "no more than so many" },
    { .name = "radius",
      .type = KR_TYPE_INT,
      .offset = offsetof(kr_ode_params, radius),
      .fallback = "3",
      .min = 1,
      .max = 16,
      .unit = "sites",
      .doc = "how far a site is seen, along each direction; at most half a periodic side" },
    { .name = "features",
      .type = KR_TYPE_INT,
      .offset = offsetof(kr_ode_params, features),
      .fallback = "6",
      .min = 1,
      .max = KR_ODE_WAVES_MAX,
      .unit = "1",
      .doc = "waves sin(w phi) of a site that others see, each with a w of its own" },
    { .name = "times",
      .type = KR_TYPE_INT,
      .offset = offsetof(kr_ode_params, times),
      .fallback = "4",
      .min = 1,
      .max = KR_ODE_TIMES_MAX,
      .unit = "1",
      .doc = "functions cos(pi j t) of time in each weight" },
    KR_FIELD_END
};

static bool supports(const kr_target *target, const void *params, kr_error *why)
{
    const kr_ode_params *p = params;
    if (p->adapt_steps && p->most_steps < p->steps) {
        kr_fail(why, KR_EINVAL, "cnf: most_steps = %lld, want at least the steps, %lld",
                (long long)p->most_steps, (long long)p->steps);
        return false;
    }
    return kr_flow_supports(target, "cnf", why) &&
           kr_orbits_support(target->lattice, "cnf", why);
}

static int add_layers(kr_flow_stack *stack, const kr_target *target,
                      const kr_ode_params *params, kr_error *err)
{
    KR_TRY(kr_flow_stack_add(stack, kr_flow_base_layer(target, false, err), err));
    const kr_flow_modes *modes = kr_flow_base_modes(&stack->layer[0]);
    KR_TRY(kr_flow_stack_add(
        stack, kr_ode_layer(target->lattice, params, modes->is_even, modes->spread, err), err));
    return kr_flow_stack_finish(stack, err);
}

static void *alloc(const kr_target *target, const void *params, kr_error *err)
{
    if (!supports(target, params, err)) {
        return NULL;
    }
    kr_flow_stack *stack = kr_flow_stack_alloc(target, err);
    if (stack && add_layers(stack, target, params, err) != KR_OK) {
        kr_flow_stack_free(stack);
        return NULL;
    }
    return stack;
}

/* The base, and no velocity. */
static void init(void *self, kr_rng *rng)
{
    (void)rng;
    memset(kr_flow_stack_weights(self), 0, kr_flow_stack_n_weights(self) * sizeof(float));
}

const kr_density_plug kr_density_cnf = {
    .name = "cnf",
    .doc = "flow of lattice fields: an equivariant differential equation, in steps",
    .source = "Gerdes, de Haan, Rainone, Bondesan, Cheng, SciPost Phys. 15, 238 (2023)",
    .fields = fields,
    .params_size = sizeof(kr_ode_params),
    .flags = KR_DENSITY_TRAINABLE | KR_DENSITY_REAL,
    .supports = supports,
    .alloc = alloc,
    .free = kr_flow_stack_free,
    .n_weights = kr_flow_stack_n_weights,
    .weights = kr_flow_stack_weights,
    .n_visits = kr_flow_stack_n_visits,
    .scratch_bytes = kr_flow_stack_scratch_bytes,
    .init = init,
    .prepare = kr_flow_stack_prepare,
    .flow = &kr_flow_stack_inexact,
    .use = kr_flow_stack_use,
};
