/* SPDX-License-Identifier: GPL-3.0-or-later
 * density/frontier.c - plug: sites in their order, networks that see the frontier.
 *
 * The exact conditional of site i depends on the past through the energy of the bonds to
 * earlier sites and through the states of the frontier (frontier.h). With a window the networks
 * see the frontier near their site only, and on a lattice with translations sites far from the
 * seam share one network: cost and weights stay within reach on large lattices.
 * Autoregressive densities of lattice models: Wu, Wang, Zhang, Phys. Rev. Lett. 122, 080602
 * (2019). */
#include "density/frontier.h"

static const kr_field fields[] = {
    { .name = "hidden",
      .type = KR_TYPE_INT,
      .offset = offsetof(kr_frontier_params, hidden),
      .fallback = "32",
      .min = 1,
      .max = 1024,
      .doc = "hidden units of each network" },
    { .name = "window",
      .type = KR_TYPE_INT,
      .offset = offsetof(kr_frontier_params, window),
      .fallback = "0",
      .min = 0,
      .max = 1024,
      .unit = "bonds",
      .doc =
          "networks see the frontier at most so many bonds away and are shared by sites that "
          "see alike; 0: all of the frontier, one network per site" },
    KR_FIELD_END,
};

/* Weights of the unbounded frontier are counted before the plan is made. */
static int make_plan(kr_frontier_plan *plan, const kr_target *target,
                     const kr_frontier_params *p, kr_error *why)
{
    if (!kr_skip_supports(target->terms, "frontier", why)) {
        return KR_EUNSUP;
    }
    const double least = p->window > 0 ? 0.0
                                       : kr_frontier_plan_count(target) * (double)p->hidden *
                                             (double)sizeof(float);
    if (least > KR_FRONTIER_MAX_BYTES) {
        return kr_fail(
            why, KR_EUNSUP,
            "frontier: %.3g bytes of weights for %d sites, hidden = %d, want at most %.3g; a "
            "window bounds them",
            least, target->terms->n_sites, (int)p->hidden, KR_FRONTIER_MAX_BYTES);
    }
    KR_TRY(kr_frontier_plan_raster(plan, target, p->window, why));
    return kr_frontier_fit(target, plan, p->hidden, "frontier", why);
}

static bool supports(const kr_target *target, const void *parameters, kr_error *why)
{
    kr_frontier_plan plan = { .n_sites = 0 };
    const int status = make_plan(&plan, target, parameters, why);
    kr_frontier_plan_clear(&plan);
    return status == KR_OK;
}

static void *frontier_alloc(const kr_target *target, const void *parameters, kr_error *err)
{
    const kr_frontier_params *p = parameters;
    kr_frontier_plan plan;
    return make_plan(&plan, target, p, err) == KR_OK
               ? kr_frontier_alloc(target, &plan, p->hidden, err)
               : NULL;
}

const kr_density_plug kr_density_frontier = {
    .name = "frontier",
    .doc =
        "one small network per site that sees the earlier sites with bonds to later ones, on "
        "top of the exact field of the earlier neighbors; any pair model",
    .source = "autoregressive densities: Wu, Wang, Zhang, Phys. Rev. Lett. 122, 080602 (2019)",
    .fields = fields,
    .params_size = sizeof(kr_frontier_params),
    .flags = KR_DENSITY_TRAINABLE,
    .supports = supports,
    .alloc = frontier_alloc,
    .free = kr_frontier_free,
    .n_weights = kr_frontier_n_weights,
    .weights = kr_frontier_weights,
    .is_padding = kr_frontier_is_padding,
    .n_visits = kr_frontier_n_visits,
    .scratch_bytes = kr_frontier_scratch_bytes,
    .init = kr_frontier_init,
    .networks = kr_frontier_networks,
    .adopt = kr_frontier_adopt,
    .prepare = kr_frontier_prepare,
    .sample_tail = kr_frontier_sample_tail,
    .log_q_tail = kr_frontier_log_q_tail,
    .grad = kr_frontier_grad,
    .use = kr_frontier_use,
};
