/* SPDX-License-Identifier: GPL-3.0-or-later
 * density/flow_circle.h - what flows of angles have beside their couplings. */
#ifndef KR_DENSITY_FLOW_CIRCLE_H
#define KR_DENSITY_FLOW_CIRCLE_H

#include "density/flow.h"

/* Makes independent uniform angles the source of the stack. */
int kr_flow_circle_add(kr_flow_stack *stack);
/* A layer without weights: all angles but the first become relative to it, phi_i -> phi_i +
 * phi_0. Last where an angle for all changes nothing: a flow that leaves phi_0 alone and looks
 * away from it has that symmetry then. */
kr_flow_layer kr_flow_turn_layer(int32_t n_sites, kr_error *err);

#endif
