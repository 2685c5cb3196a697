/* SPDX-License-Identifier: GPL-3.0-or-later
 * density/minimum.h - minima of an action by damped Newton steps, second derivatives by
 * differences of the force.
 *
 * Cost: n^3 a step. Threads: pure given the struct. */
#ifndef KR_DENSITY_MINIMUM_H
#define KR_DENSITY_MINIMUM_H

#include "kramers_plug.h"

typedef struct kr_minimum {
    const kr_action *action; /* borrowed, as all arrays */
    size_t n;
    double width;                    /* of a random start: the unit of lengths */
    double value;                    /* of the action at x */
    double *x, *g, *step, *H, *L_of; /* (n), (n), (n), (n, n), (n, n) */
    double *lanes, *slopes;          /* (n, KR_FLOW_LANES) */
} kr_minimum;

/* x becomes a minimum near it, with second derivatives H = L_of L_of^T (lower); false: none was
 * reached. */
bool kr_minimum_find(kr_minimum *s);

#endif
