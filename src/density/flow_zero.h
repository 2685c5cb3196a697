/* SPDX-License-Identifier: GPL-3.0-or-later
 * density/flow_zero.h - the layer of the zero mode: sum phi/sqrt(n) is mapped by the monotone
 * function u of density/flow_split.h, all other modes stay; or that of the sites of a list.
 * Near a critical point most of what is not Gaussian sits there. */
#ifndef KR_DENSITY_FLOW_ZERO_H
#define KR_DENSITY_FLOW_ZERO_H

#include "density/flow_split.h"

/* Width: of the mode under the layers below, the unit of u. site (n): NULL: all; borrowed. */
kr_flow_layer kr_flow_zero_layer(int32_t n, const int32_t *site, int32_t n_knots, bool is_even,
                                 double width, kr_error *err);

#endif
