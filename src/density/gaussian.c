/* SPDX-License-Identifier: GPL-3.0-or-later
 * density/gaussian.c - a Gaussian in the modes of the action, its widths and mean learned.
 *
 * The simplest density of a lattice field, exact where the action is quadratic, and the base of
 * all flows (flow_base.h). Threads: as density/flow.h. */
#include "density/flow_base.h"

#include <string.h>

static const kr_field fields[] = { KR_FIELD_END };

static bool gaussian_supports(const kr_target *target, const void *params, kr_error *why)
{
    (void)params;
    return kr_flow_supports(target, "gaussian", why);
}

static void *gaussian_alloc(const kr_target *target, const void *params, kr_error *err)
{
    if (!gaussian_supports(target, params, err)) {
        return NULL;
    }
    kr_flow_stack *stack = kr_flow_stack_alloc(target, err);
    if (stack &&
        (kr_flow_stack_add(stack, kr_flow_base_layer(target, false, err), err) != KR_OK ||
         kr_flow_stack_finish(stack, err) != KR_OK)) {
        kr_flow_stack_free(stack);
        return NULL;
    }
    return stack;
}

/* The Gaussian of least free energy. */
static void init(void *self, kr_rng *rng)
{
    (void)rng;
    memset(kr_flow_stack_weights(self), 0, kr_flow_stack_n_weights(self) * sizeof(float));
}

const kr_density_plug kr_density_gaussian = {
    .name = "gaussian",
    .doc = "Gaussian in the modes of the action, with learned widths and mean",
    .source = "Gabrie, Rotskoff, Vanden-Eijnden, PNAS 119 (2022), arXiv:2105.12603 (informed "
              "base); Hartley, Proc. IRE 30, 144 (1942)",
    .fields = fields,
    .params_size = 0,
    .flags = KR_DENSITY_TRAINABLE | KR_DENSITY_REAL,
    .supports = gaussian_supports,
    .alloc = gaussian_alloc,
    .free = kr_flow_stack_free,
    .n_weights = kr_flow_stack_n_weights,
    .weights = kr_flow_stack_weights,
    .n_visits = kr_flow_stack_n_visits,
    .scratch_bytes = kr_flow_stack_scratch_bytes,
    .init = init,
    .prepare = kr_flow_stack_prepare,
    .flow = &kr_flow_stack_flow,
    .use = kr_flow_stack_use,
};
