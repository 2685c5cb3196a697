/* SPDX-License-Identifier: GPL-3.0-or-later
 * base/moments.h - means and variances of every site over chains, part by part.
 *
 * Source: Chan, Golub, LeVeque, Am. Stat. 37, 242 (1983). Threads: pure. */
#ifndef KR_BASE_MOMENTS_H
#define KR_BASE_MOMENTS_H

#include "kramers_plug.h"

/* Fills the moments of x (n_sites, stride) over its first n_lanes lanes. */
void kr_moments_fill(kr_moments *m, size_t n_sites, int32_t n_lanes, size_t stride,
                     const double *x);
/* Adds the states of another; the same bits for the same order of calls. */
void kr_moments_merge(kr_moments *m, size_t n_sites, const kr_moments *other);

#endif
