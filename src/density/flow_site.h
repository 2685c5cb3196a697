/* SPDX-License-Identifier: GPL-3.0-or-later
 * density/flow_site.h - a layer that maps every site by itself, phi_i -> u_i(phi_i + c_i), with
 * the monotone functions u of density/flow_split.h.
 *
 * Couplings tie their weights over the whole box; near open ends fields are wider, skewed and
 * pulled to one side. There every distance from the ends has a u of its own, the same at both
 * ends; c is zero where the action is even. */
#ifndef KR_DENSITY_FLOW_SITE_H
#define KR_DENSITY_FLOW_SITE_H

#include "density/flow_split.h"

/* Has the box an end, so that its sites differ? */
bool kr_flow_site_is_wanted(const kr_lattice *lattice);
bool kr_flow_site_is(const kr_flow_layer *layer);
/* Of a hypercubic lattice; width: of a site, the unit of u. */
kr_flow_layer kr_flow_site_layer(const kr_lattice *lattice, int32_t n_knots, bool is_even,
                                 double width, kr_error *err);

/* Kernels: w (n_classes, numbers of u and c), which of them is that of a site. */
typedef struct kr_site_kernels {
    void (*forward)(int32_t n, int32_t n_knots, const int32_t *which, const double *w,
                    double *x, double *log_j);
    void (*inverse)(int32_t n, int32_t n_knots, const int32_t *which, const double *w,
                    double *x, double *log_j);
    void (*pull)(int32_t n, int32_t n_knots, const int32_t *which, const double *w,
                 const double *x, double *cotangent, const double *volume, double *gradient);
    void (*push)(int32_t n, int32_t n_knots, const int32_t *which, const double *w,
                 const double *x, double *slope);
} kr_site_kernels;

extern const kr_site_kernels kr_site_kernels_avx512, kr_site_kernels_avx2,
    kr_site_kernels_portable;

#endif
