/* SPDX-License-Identifier: GPL-3.0-or-later
 * density/multilevel.c - plug: sites from coarse to fine, networks that see what is near on the
 * scale of their level.
 *
 * The sites of the coarsest sublattice come first, then those that halve the spacing, level by
 * level. A network sees sites within some spacings of its own level, so the cost per site does
 * not grow with the lattice, and translations make one network serve a whole level. Half of the
 * sites of a box, the last ones, touch only sites drawn before: they follow the heat bath
 * exactly. Multilevel sampling of lattice models: Singha et al., arXiv:2503.08918; hierarchical
 * networks: Bialas, Korcyl, Stebel, Comput. Phys. Commun. 281, 108502 (2022). */
#include "density/frontier.h"

typedef struct multilevel_params {
    int64_t hidden;
    double radius;
} multilevel_params;

static const kr_field fields[] = {
    { .name = "hidden",
      .type = KR_TYPE_INT,
      .offset = offsetof(multilevel_params, hidden),
      .fallback = "32",
      .min = 1,
      .max = 1024,
      .doc = "hidden units of each network" },
    { .name = "radius",
      .type = KR_TYPE_REAL,
      .offset = offsetof(multilevel_params, radius),
      .fallback = "3.2",
      .min = 1,
      .max = 16,
      .unit = "spacings of the level",
      .doc = "how far a network sees" },
    KR_FIELD_END,
};

static int make_plan(kr_frontier_plan *plan, const kr_target *target,
                     const multilevel_params *p, kr_error *why)
{
    if (!kr_skip_supports(target->terms, "multilevel", why)) {
        return KR_EUNSUP;
    }
    bool is_even = false;
    for (int32_t d = 0; d < target->lattice->dim; d++) {
        is_even = is_even || target->lattice->extent[d] % 2 == 0;
    }
    if (!is_even) {
        return kr_fail(why, KR_EUNSUP,
                       "multilevel: all sides of lattice %s are odd, want an even one; density "
                       "frontier takes any",
                       target->lattice->name);
    }
    KR_TRY(kr_frontier_plan_levels(plan, target, p->radius, why));
    return kr_frontier_fit(target, plan, p->hidden, "multilevel", why);
}

static bool supports(const kr_target *target, const void *parameters, kr_error *why)
{
    kr_frontier_plan plan = { .n_sites = 0 };
    const int status = make_plan(&plan, target, parameters, why);
    kr_frontier_plan_clear(&plan);
    return status == KR_OK;
}

static void *multilevel_alloc(const kr_target *target, const void *parameters, kr_error *err)
{
    const multilevel_params *p = parameters;
    kr_frontier_plan plan;
    return make_plan(&plan, target, p, err) == KR_OK
               ? kr_frontier_alloc(target, &plan, p->hidden, err)
               : NULL;
}

const kr_density_plug kr_density_multilevel = {
    .name = "multilevel",
    .doc = "sites from coarse to fine, small networks that see what is near on the scale of "
           "their level, shared by translation; for large lattices with even sides",
    .source = "Singha et al., arXiv:2503.08918; Bialas, Korcyl, Stebel, Comput. Phys. Commun. "
              "281, 108502 (2022)",
    .fields = fields,
    .params_size = sizeof(multilevel_params),
    .flags = KR_DENSITY_TRAINABLE,
    .supports = supports,
    .alloc = multilevel_alloc,
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
    .order = kr_frontier_order,
    .sample_tail = kr_frontier_sample_tail,
    .log_q_tail = kr_frontier_log_q_tail,
    .grad = kr_frontier_grad,
    .use = kr_frontier_use,
};
