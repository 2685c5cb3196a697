/* SPDX-License-Identifier: GPL-3.0-or-later
 * density/flow_grow.h - members `networks` and `adopt` of kr_density_plug for a stack of base,
 * zero mode and coupling layers. */
#ifndef KR_DENSITY_FLOW_GROW_H
#define KR_DENSITY_FLOW_GROW_H

#include "kramers_plug.h"

size_t kr_flow_networks(const void *self, int64_t *out);
int kr_flow_adopt(void *self, const int64_t *networks, size_t n_networks, const float *weights,
                  size_t n_weights, kr_adopted *count, kr_error *err);

#endif
