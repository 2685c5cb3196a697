/* SPDX-License-Identifier: GPL-3.0-or-later
 * density/laplace_mixture.c - a Gaussian in every well of the action: the independent sampler
 * without a network that any flow has to beat. Threads: as density/flow.h. */
#include "density/flow_wells.h"

static const kr_field fields[] = {
    { .name = "modes",
      .type = KR_TYPE_INT,
      .offset = offsetof(kr_wells_shape, modes),
      .fallback = KR_WELLS_MODES_TEXT,
      .min = 0,
      .max = KR_WELLS_SITES_MAX,
      .unit = "1",
      .doc =
          "softest modes along which a share of each Gaussian is wider; fewer where the last "
          "of them would be as soft as the next" },
    { .name = "share",
      .type = KR_TYPE_REAL,
      .offset = offsetof(kr_wells_shape, share),
      .fallback = KR_WELLS_SHARE_TEXT,
      .min = 0,
      .max = 0.99,
      .unit = "1",
      .doc = "share of the samples that is wider" },
    { .name = "factor",
      .type = KR_TYPE_REAL,
      .offset = offsetof(kr_wells_shape, factor),
      .fallback = KR_WELLS_FACTOR_TEXT,
      .min = 1,
      .max = 100,
      .unit = "1",
      .doc = "how many times wider" },
    { .name = "even",
      .type = KR_TYPE_REAL,
      .offset = offsetof(kr_wells_shape, even),
      .fallback = KR_WELLS_EVEN_TEXT,
      .min = 0,
      .max = 1,
      .unit = "1",
      .doc = "share of the samples that is dealt out evenly over the wells, so that light ones "
             "are drawn often" },
    KR_FIELD_END
};

static bool laplace_supports(const kr_target *target, const void *params, kr_error *why)
{
    (void)params;
    if (!kr_flow_supports(target, "laplace_mixture", why)) {
        return false;
    }
    if (target->terms->n_sites > KR_WELLS_SITES_MAX) {
        kr_fail(why, KR_EUNSUP, "laplace_mixture: %d sites, want at most %d",
                target->terms->n_sites, KR_WELLS_SITES_MAX);
        return false;
    }
    return true;
}

static void *laplace_alloc(const kr_target *target, const void *params, kr_error *err)
{
    if (!laplace_supports(target, params, err)) {
        return NULL;
    }
    kr_flow_stack *stack = kr_flow_stack_alloc(target, err);
    if (stack && (kr_flow_wells_add(stack, target, params, err) != KR_OK ||
                  kr_flow_stack_finish(stack, err) != KR_OK)) {
        kr_flow_stack_free(stack);
        return NULL;
    }
    return stack;
}

const kr_density_plug kr_density_laplace_mixture = {
    .name = "laplace_mixture",
    .doc = "a Gaussian in every well of the action, by its second derivatives; no training",
    .source = "Laplace's method; as a proposal: Tierney, Ann. Stat. 22, 1701 (1994)",
    .fields = fields,
    .params_size = sizeof(kr_wells_shape),
    .flags = KR_DENSITY_REAL,
    .supports = laplace_supports,
    .alloc = laplace_alloc,
    .free = kr_flow_stack_free,
    .n_weights = kr_flow_stack_n_weights,
    .scratch_bytes = kr_flow_stack_scratch_bytes,
    .prepare = kr_flow_stack_prepare,
    .flow = &kr_flow_stack_flow,
    .use = kr_flow_stack_use,
};
