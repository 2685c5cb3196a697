/* SPDX-License-Identifier: GPL-3.0-or-later
 * density/realnvp.c - a flow of affine coupling layers with networks, for any real variables.
 *
 * Each layer moves and stretches half of the variables, x <- (x + t) e^s with t and s told by a
 * network of the other half, |s| < 2/layers. Layers: flow_coupling.h, flow_net.h, flow_map.h.
 * Threads: as density/flow.h. */
#include "density/flow_coupling.h"

static const kr_field fields[] = { KR_COUPLING_FIELDS("10", "16"), KR_FIELD_END };

static bool realnvp_supports(const kr_target *target, const void *params, kr_error *why)
{
    return kr_coupling_supports(target, params, KR_COUPLING_AFFINE, "realnvp", why);
}

static void *realnvp_alloc(const kr_target *target, const void *params, kr_error *err)
{
    return kr_coupling_alloc(target, params, KR_COUPLING_AFFINE, "realnvp", err);
}

const kr_density_plug kr_density_realnvp = {
    .name = "realnvp",
    .doc = "flow of affine couplings whose shifts and scales are told by networks",
    .source =
        "Dinh, Sohl-Dickstein, Bengio, arXiv:1605.08803 (2016); in this form Gabrie, Rotskoff, "
        "Vanden-Eijnden, PNAS 119, e2109420119 (2022)",
    .fields = fields,
    .params_size = sizeof(kr_coupling_params),
    .flags = KR_DENSITY_TRAINABLE | KR_DENSITY_REAL,
    .supports = realnvp_supports,
    .alloc = realnvp_alloc,
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
