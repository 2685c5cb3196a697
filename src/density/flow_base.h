/* SPDX-License-Identifier: GPL-3.0-or-later
 * density/flow_base.h - the layer that every flow begins with: the best Gaussian, its widths
 * and mean to be learned. */
#ifndef KR_DENSITY_FLOW_BASE_H
#define KR_DENSITY_FLOW_BASE_H

#include "density/flow.h"
#include "density/flow_modes.h"

/* phi = mean + V (sigma z) with one weight per orbit of modes, the logarithm of a factor of
 * their widths, and where the action is not even a mean, of all sites or of each. With weights
 * zero it is the Gaussian of density/flow_modes.h. is_half: of the even sites alone where the
 * modes can be halved, all others stay. Returns a layer without self when out of
 * memory or no Gaussian is found. */
kr_flow_layer kr_flow_base_layer(const kr_target *target, bool is_half, kr_error *err);
/* Of such a layer. */
const kr_flow_modes *kr_flow_base_modes(const kr_flow_layer *layer);

#endif
