/* SPDX-License-Identifier: GPL-3.0-or-later
 * density/rq_spline.c - a flow of rational-quadratic splines with networks, for any real
 * variables.
 *
 * Each layer maps half of the variables by monotone splines whose knots are told by a network
 * of the other half; beyond `range` widths nothing is moved, so that tails are those of the
 * base. Layers: flow_coupling.h, flow_net.h, flow_map.h. Threads: as density/flow.h. */
#include "density/flow_coupling.h"

static const kr_field fields[] = {
    KR_COUPLING_FIELDS("6", "16"),
    { .name = "knots",
      .type = KR_TYPE_INT,
      .offset = offsetof(kr_coupling_params, knots),
      .fallback = "8",
      .min = 2,
      .max = 32,
      .unit = "1",
      .doc = "bins of a spline" },
    { .name = "range",
      .type = KR_TYPE_REAL,
      .offset = offsetof(kr_coupling_params, range),
      .fallback = "4",
      .min = 0.1,
      .max = 1e3,
      .unit = "widths",
      .doc = "splines reach so far on either side, in widths of a variable in the base" },
    KR_FIELD_END
};

static bool rq_spline_supports(const kr_target *target, const void *params, kr_error *why)
{
    return kr_coupling_supports(target, params, KR_COUPLING_SPLINE, "rq_spline", why);
}

static void *rq_spline_alloc(const kr_target *target, const void *params, kr_error *err)
{
    return kr_coupling_alloc(target, params, KR_COUPLING_SPLINE, "rq_spline", err);
}

const kr_density_plug kr_density_rq_spline = {
    .name = "rq_spline",
    .doc = "flow of rational-quadratic splines whose knots are told by networks",
    .source = "Durkan, Bekasov, Murray, Papamakarios, NeurIPS 32 (2019), arXiv:1906.04032",
    .fields = fields,
    .params_size = sizeof(kr_coupling_params),
    .flags = KR_DENSITY_TRAINABLE | KR_DENSITY_REAL,
    .supports = rq_spline_supports,
    .alloc = rq_spline_alloc,
    .free = kr_flow_stack_free,
    .n_weights = kr_flow_stack_n_weights,
    .weights = kr_flow_stack_weights,
    .n_visits = kr_flow_stack_n_visits,
    .scratch_bytes = kr_flow_stack_scratch_bytes,
    .init = kr_coupling_init,
    .networks = kr_coupling_networks,
    .adopt = kr_coupling_adopt,
    .prepare = kr_flow_stack_prepare,
    .flow = &kr_flow_stack_flow,
    .use = kr_flow_stack_use,
};
