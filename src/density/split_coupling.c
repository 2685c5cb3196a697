/* SPDX-License-Identifier: GPL-3.0-or-later
 * density/split_coupling.c - a flow of lattice fields: Gaussian base, zero mode, coupling
 * layers that map one sublattice given the other by turns.
 *
 * Exactly as symmetric as a uniform action on the box is: under translations by an even number
 * of steps, reflections, exchange of equal directions and, where the action is even, phi ->
 * -phi. Its weights know nothing of the size of the lattice but for the widths of the base.
 *
 * With a heat bath all layers but the last act on the even sites of a square box, where the
 * translations are those by an even number of steps along each direction; odd sites stay
 * normals until the last layer, which draws them exactly. ln w is that of the even sites then.
 * Layers: flow_base.h, flow_zero.h, flow_split.h, flow_half.h. Threads: as density/flow.h. */
#include "density/flow_base.h"
#include "density/flow_grow.h"
#include "density/flow_half.h"
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
    { .name = "heat_bath",
      .type = KR_TYPE_CHOICE,
      .offset = offsetof(kr_split_params, heat_bath),
      .fallback = "auto",
      .choices = "auto|true|false",
      .doc = "let layers act on even sites and draw odd ones exactly given these; auto: on "
             "periodic square boxes of even sides with a uniform quartic action, if base is "
             "gaussian" },
    KR_FIELD_END
};

static bool split_supports(const kr_target *target, const void *params, kr_error *why)
{
    const kr_split_params *p = params;
    if (!kr_flow_supports(target, "split_coupling", why) ||
        !kr_split_supports(target->lattice, why)) {
        return false;
    }
    if (p->heat_bath == KR_SPLIT_TRUE && p->base == KR_SPLIT_WELLS) {
        kr_fail(why, KR_EUNSUP, "heat_bath: base is wells, want gaussian");
        return false;
    }
    return p->heat_bath != KR_SPLIT_TRUE || kr_flow_half_supports(target, why);
}

/* The couplings; then a heat bath where modes are those of the even sites, or a map for every
 * distance from an end where there are ends. */
static int add_couplings(kr_flow_stack *stack, const kr_target *target,
                         const kr_split_params *params, const kr_flow_modes *modes,
                         bool is_even, double spread, kr_error *err)
{
    const bool has_bath = modes && modes->site;
    KR_TRY(kr_split_add_layers(stack, target->lattice, params,
                               has_bath ? KR_SPLIT_EVEN : KR_SPLIT_ALL, is_even, spread, err));
    if (has_bath) {
        KR_TRY(kr_flow_stack_add(stack, kr_flow_half_layer(target, modes, err), err));
    } else if (kr_flow_site_is_wanted(target->lattice)) {
        KR_TRY(kr_flow_stack_add(
            stack,
            kr_flow_site_layer(target->lattice, (int32_t)params->knots, is_even, spread, err),
            err));
    }
    return kr_flow_stack_finish(stack, err);
}

static int add_layers(kr_flow_stack *stack, const kr_target *target,
                      const kr_split_params *params, bool has_bath, kr_error *err)
{
    if (params->base == KR_SPLIT_WELLS) {
        KR_TRY(kr_flow_wells_add(stack, target, NULL, err));
        return add_couplings(stack, target, params, NULL, target->terms->action->is_even,
                             kr_flow_wells_spread(stack), err);
    }
    KR_TRY(kr_flow_stack_add(stack, kr_flow_base_layer(target, has_bath, err), err));
    const kr_flow_modes *modes = kr_flow_base_modes(&stack->layer[0]);
    const double width = modes->is_separable ? modes->sigma[0] : modes->spread;
    if (params->zero_mode) {
        KR_TRY(kr_flow_stack_add(stack,
                                 kr_flow_zero_layer(modes->n_modes, modes->site,
                                                    (int32_t)params->knots, modes->is_even,
                                                    width, err),
                                 err));
    }
    return add_couplings(stack, target, params, modes, modes->is_even, modes->spread, err);
}

static kr_flow_stack *make_stack(const kr_target *target, const kr_split_params *params,
                                 bool has_bath, kr_error *err)
{
    kr_flow_stack *stack = kr_flow_stack_alloc(target, err);
    if (stack && add_layers(stack, target, params, has_bath, err) != KR_OK) {
        kr_flow_stack_free(stack);
        return NULL;
    }
    return stack;
}

/* auto: where the law of a site is too much for a table it does without the bath. */
static void *split_alloc(const kr_target *target, const void *params, kr_error *err)
{
    const kr_split_params *p = params;
    if (!split_supports(target, params, err)) {
        return NULL;
    }
    if (p->heat_bath == KR_SPLIT_FALSE || p->base == KR_SPLIT_WELLS ||
        !kr_flow_half_supports(target, NULL)) {
        return make_stack(target, p, false, err);
    }
    if (p->heat_bath == KR_SPLIT_TRUE) {
        return make_stack(target, p, true, err);
    }
    kr_flow_stack *stack = make_stack(target, p, true, NULL);
    return stack ? stack : make_stack(target, p, false, err);
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
