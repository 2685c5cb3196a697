/* SPDX-License-Identifier: GPL-3.0-or-later
 * density/flow_half.h - the layer that draws odd sites given the even ones, exactly.
 *
 * Given its neighbors a site of a quartic action has the density exp(-beta (s phi^2 + q phi^4 -
 * h phi)), h = linear + sum of couplings times neighbors, and on a bipartite lattice odd sites
 * are independent of each other then. The layer maps their normals by its quantiles, phi = u
 * T(z, eta), u = (beta q)^(-1/4), eta = beta h u, alpha = beta s u^2 (density/flow_quantile.h).
 * It has no weights, and odd sites have no part in ln w but for the error of the table. Source:
 * sampling one sublattice exactly given the other, as heat baths do: Creutz, Phys. Rev. D 21,
 * 2308 (1980); as the last step of a flow: hierarchical models of sublattices, Bialas, Korcyl,
 * Stebel, Comput. Phys. Commun. 281, 108502 (2022). */
#ifndef KR_DENSITY_FLOW_HALF_H
#define KR_DENSITY_FLOW_HALF_H

#include "density/flow.h"
#include "density/flow_modes.h"
#include "density/flow_quantile.h"

/* Odd sites, what they feel, and their law at beta. */
typedef struct kr_half_shape {
    int32_t n_odd;
    int32_t *site;            /* (n_odd); owns */
    const kr_quartic *action; /* borrowed */
    double unit, scale;       /* u, beta u */
    kr_quantile table;
} kr_half_shape;

/* kr_flow_ops of the layer. */
typedef struct kr_half_kernels {
    void (*forward)(const kr_half_shape *s, double *x, double *log_j);
    void (*inverse)(const kr_half_shape *s, double *x, double *log_j);
    void (*pull)(const kr_half_shape *s, const double *x, double *cotangent,
                 const double *volume);
    void (*push)(const kr_half_shape *s, const double *x, double *slope);
    void (*carry)(const kr_half_shape *s, double *x, double *slope, double *log_j);
} kr_half_kernels;

extern const kr_half_kernels kr_half_kernels_avx512, kr_half_kernels_avx2,
    kr_half_kernels_portable;

/* Whether odd sites are so: a periodic square box of even sides with a uniform quartic action.
 * KR_EUNSUP. */
bool kr_flow_half_supports(const kr_target *target, kr_error *why);
/* modes: how wide fields are, at the beta they are prepared at; borrowed. Without self where no
 * table is good enough (KR_EUNSUP) or out of memory. */
kr_flow_layer kr_flow_half_layer(const kr_target *target, const kr_flow_modes *modes,
                                 kr_error *err);

#endif
