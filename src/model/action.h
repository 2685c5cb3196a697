/* SPDX-License-Identifier: GPL-3.0-or-later
 * model/action.h - what real-valued models share whatever their action is. */
#ifndef KR_MODEL_ACTION_H
#define KR_MODEL_ACTION_H

#include "kramers_plug.h"

/* Order parameter (n_lanes) of configurations in layout REAL. */
void kr_action_order(const kr_action *action, int32_t n_lanes, const double *phi, size_t stride,
                     double *order);

#endif
