/* SPDX-License-Identifier: GPL-3.0-or-later
 * density/flow_circle.h - independent uniform angles, where flows of angles begin. */
#ifndef KR_DENSITY_FLOW_CIRCLE_H
#define KR_DENSITY_FLOW_CIRCLE_H

#include "density/flow.h"

/* Makes them the source of the stack. */
int kr_flow_circle_add(kr_flow_stack *stack);

#endif
