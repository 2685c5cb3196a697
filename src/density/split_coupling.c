/* SPDX-License-Identifier: GPL-3.0-or-later
 * density/split_coupling.c - a flow of lattice fields: Gaussian base, zero mode, coupling
 * layers that map one sublattice given the other by turns.
 *
 * Exactly as symmetric as a uniform action on the box is: under translations by even steps,
 * reflections, exchange of equal directions and, where the action is even, phi -> -phi. Its
 * weights know nothing of the size of the lattice but for the widths of the base. Layers:
 * flow_base.h, flow_zero.h, flow_split.h. Threads: as density/flow.h. */
#include "density/flow_base.h"
#include "density/flow_grow.h"
#include "density/flow_site.h"
#include "density/flow_wells.h"
#include "density/flow_zero.h"

#include <string.h>

static const kr_field fields[] = {
    { .name = "layers",
      .type = KR_TYPE_INT,
      .offset = offsetof(kr_split_params, layers),
      .fallback = "8",
      .min = 1,
      .max = 64,
      .unit = "1",
      .doc = "coupling layers; each maps one sublattice" },
    { .name = "radius",
      .type = KR_TYPE_INT,
      .offset = offsetof(kr_split_params, radius),
      .fallback = "3",
      .min = 1,
      .max = 16,
      .unit = "sites",
      .doc = "how far a site is seen, along each direction" },
    { .name = "features",
      .type = KR_TYPE_INT,
      .offset = offsetof(kr_split_params, features),
      .fallback = "8",
      .min = 1,
      .max = KR_SPLIT_WAVES_MAX,
      .unit = "1",
      .doc = "waves sin(w phi), cos(w phi) of a site that others see" },
    { .name = "knots",
      .type = KR_TYPE_INT,
      .offset = offsetof(kr_split_params, knots),
      .fallback = "3",
      .min = 1,
      .max = KR_SPLIT_KNOTS_MAX,
      .unit = "1",
      .doc = "bends of the monotone map of a site" },
    { .name = "zero_mode",
      .type = KR_TYPE_BOOL,
      .offset = offsetof(kr_split_params, zero_mode),
      .fallback = "true",
      .doc = "map the mean of the field by itself first" },
    { .name = "base",
      .type = KR_TYPE_CHOICE,
      .offset = offsetof(kr_split_params, base),
      .fallback = "gaussian",
      .choices = "gaussian|wells",
      .doc = "what the layers begin with: one Gaussian with learned widths, or one in every "
             "well of the action (without zero_mode, up to 512 sites)" },
    KR_FIELD_END
};

static bool split_supports(const kr_target *target, const void *params, kr_error *why)
{
    (void)params;
    return kr_flow_supports(target, "split_coupling", why) &&
           kr_split_supports(target->lattice, why);
}

/* The couplings and, where sites differ by their distance from an end, a map for each. */
static int add_couplings(kr_flow_stack *stack, const kr_lattice *lattice,
                         const kr_split_params *params, bool is_even, double spread,
                         kr_error *err)
{
    KR_TRY(kr_split_add_layers(stack, lattice, params, is_even, spread, err));
    if (kr_flow_site_is_wanted(lattice)) {
        KR_TRY(kr_flow_stack_add(
            stack, kr_flow_site_layer(lattice, (int32_t)params->knots, is_even, spread, err),
            err));
    }
    return kr_flow_stack_finish(stack, err);
}

static int add_layers(kr_flow_stack *stack, const kr_target *target,
                      const kr_split_params *params, kr_error *err)
{
    if (params->base == KR_SPLIT_WELLS) {
        KR_TRY(kr_flow_wells_add(stack, target, NULL, err));
        return add_couplings(stack, target->lattice, params, target->terms->action->is_even,
                             kr_flow_wells_spread(stack), err);
    }
    KR_TRY(kr_flow_stack_add(stack, kr_flow_base_layer(target, err), err));
    const kr_flow_modes *modes = kr_flow_base_modes(&stack->layer[0]);
    const double width = modes->is_separable ? modes->sigma[0] : modes->spread;
    if (params->zero_mode) {
        KR_TRY(kr_flow_stack_add(stack,
                                 kr_flow_zero_layer(stack->n_sites, (int32_t)params->knots,
                                                    modes->is_even, width, err),
                                 err));
    }
    return add_couplings(stack, target->lattice, params, modes->is_even, modes->spread, err);
}

static void *split_alloc(const kr_target *target, const void *params, kr_error *err)
{
    if (!split_supports(target, params, err)) {
        return NULL;
    }
    kr_flow_stack *stack = kr_flow_stack_alloc(target, err);
    if (stack && add_layers(stack, target, params, err) != KR_OK) {
        kr_flow_stack_free(stack);
        return NULL;
    }
    return stack;
}

/* The base, and layers that do next to nothing. */
static void init(void *self, kr_rng *rng)
{
    (void)rng;
    memset(kr_flow_stack_weights(self), 0, kr_flow_stack_n_weights(self) * sizeof(float));
}

const kr_density_plug kr_density_split_coupling = {
    .name = "split_coupling",
    .doc = "flow of lattice fields: one sublattice mapped given the other, by turns",
    .source = "Albergo, Kanwar, Shanahan, Phys. Rev. D 100, 034515 (2019); Gerdes, de Haan, "
              "Rainone, Bondesan, Cheng, SciPost Phys. 15, 238 (2023)",
    .fields = fields,
    .params_size = sizeof(kr_split_params),
    .flags = KR_DENSITY_TRAINABLE | KR_DENSITY_REAL,
    .supports = split_supports,
    .alloc = split_alloc,
    .free = kr_flow_stack_free,
    .n_weights = kr_flow_stack_n_weights,
    .weights = kr_flow_stack_weights,
    .n_visits = kr_flow_stack_n_visits,
    .scratch_bytes = kr_flow_stack_scratch_bytes,
    .init = init,
    .networks = kr_flow_networks,
    .adopt = kr_flow_adopt,
    .prepare = kr_flow_stack_prepare,
    .flow = &kr_flow_stack_flow,
    .use = kr_flow_stack_use,
};
