/* SPDX-License-Identifier: GPL-3.0-or-later
 * density/flow_wells.h - a Gaussian in every well of the action, as the source of flows.
 *
 * Wells are minima of S found from the starts of the known phases, or from random ones, by
 * damped Newton steps; each has the Gaussian of its second derivatives H, with wider flanks,
 * and about Laplace's share of the law, exp(-beta S) det(beta H)^(-1/2). Source: Laplace's
 * method; as an independent sampler to be beaten by any flow: Tierney, Ann. Stat. 22, 1701
 * (1994). */
#ifndef KR_DENSITY_FLOW_WELLS_H
#define KR_DENSITY_FLOW_WELLS_H

#include "density/flow.h"

#define KR_WELLS_MAX       8
#define KR_WELLS_SITES_MAX 512

/* A share of each Gaussian is `factor` times as wide along its `modes` softest modes: where
 * the action grows more slowly than its second derivatives say, weights do not soar. */
typedef struct kr_wells_shape {
    int64_t modes;
    double share, factor;
    double even; /* this much of all samples is dealt out evenly over the wells, so that light
                    ones are drawn often enough to be weighed */
} kr_wells_shape;

/* Defaults of laplace_mixture. */
#define KR_WELLS_MODES_TEXT  "3"
#define KR_WELLS_SHARE_TEXT  "0.3"
#define KR_WELLS_FACTOR_TEXT "1.5"
#define KR_WELLS_EVEN_TEXT   "0.1"

/* Makes the wells the source of the stack, before kr_flow_stack_finish. shape NULL: that of
 * flows; modes 0 or share 0: Gaussians. Errors: KR_EUNSUP: too many sites, no minimum found;
 * KR_ENOMEM. Cost: Newton steps of n_sites^3 each, and singular vectors. */
int kr_flow_wells_add(kr_flow_stack *stack, const kr_target *target,
                      const kr_wells_shape *shape, kr_error *err);
/* Root mean square of a variable under the mixture, about. */
double kr_flow_wells_spread(const kr_flow_stack *stack);
/* Mean and standard deviation of each variable under it; (n_sites) each. */
void kr_flow_wells_units(const kr_flow_stack *stack, double *center, double *width);

#endif
