/* SPDX-License-Identifier: GPL-3.0-or-later
 * density/flow_wells.h - a Gaussian in every well of the action, as the source of flows.
 *
 * Wells are minima of S found from the starts of the known phases, or from random ones, by
 * damped Newton steps; each has the Gaussian of its second derivatives H and Laplace's share of
 * the law, exp(-beta S) det(beta H)^(-1/2). Source: Laplace's method; as an independent sampler
 * to be beaten by any flow: Tierney, Ann. Stat. 22, 1701 (1994). */
#ifndef KR_DENSITY_FLOW_WELLS_H
#define KR_DENSITY_FLOW_WELLS_H

#include "density/flow.h"

#define KR_WELLS_MAX       8
#define KR_WELLS_SITES_MAX 512

/* Makes the wells the source of the stack, before kr_flow_stack_finish. Errors: KR_EUNSUP: too
 * many sites, no minimum found; KR_ENOMEM. Cost: Newton steps of n_sites^3 each. */
int kr_flow_wells_add(kr_flow_stack *stack, const kr_target *target, kr_error *err);
/* Root mean square of a variable under the mixture, about. */
double kr_flow_wells_spread(const kr_flow_stack *stack);
/* Mean and standard deviation of each variable under it; (n_sites) each. */
void kr_flow_wells_units(const kr_flow_stack *stack, double *center, double *width);

#endif
