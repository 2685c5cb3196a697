/* SPDX-License-Identifier: GPL-3.0-or-later
 * density/density.h - samples, scores and slopes of a density, of states or of real numbers. */
#ifndef KR_DENSITY_DENSITY_H
#define KR_DENSITY_DENSITY_H

#include "kramers_plug.h"

/* Whole configurations of any density but KR_DENSITY_BLOCK: state (n_sites, stride of n_lanes)
 * in layout LANE, of KR_DENSITY_REAL in layout REAL. Threads: pure given their own scratch, of
 * kr_density_scratch bytes. */
void kr_density_sample(const kr_density *density, int32_t n_lanes, void *state, double *log_q,
                       kr_rng *rng, void *scratch);
void kr_density_log_q(const kr_density *density, int32_t n_lanes, const void *state,
                      double *log_q, void *scratch);
/* gradient += sum_lane coefficient d log q/d weights; log_q filled when not NULL. */
void kr_density_grad(const kr_density *density, int32_t n_lanes, const void *state,
                     const double *coefficient, float *gradient, double *log_q, void *scratch);
/* Samples of a density of real numbers and, along their paths phi = f(z; weights), gradient +=
 * sum_lane coefficient d/dweights of log q + beta S without the score term, whose mean under q
 * is zero. It vanishes where q is exact, sample by sample. Source: Roeder, Wu, Duvenaud,
 * NeurIPS 30 (2017); Vaitl, Nicoli, Nakajima, Kessel, Mach. Learn.: Sci. Technol. 3, 045006
 * (2022); the slope along with the samples, without an inverse: Vaitl, Winkler, Richter,
 * Kessel, ICLR (2024). */
void kr_density_path(const kr_density *density, const kr_action *action, double beta,
                     int32_t n_lanes, double *phi, double *log_q, const double *coefficient,
                     float *gradient, kr_rng *rng, void *scratch);
size_t kr_density_scratch(const kr_density *density, int32_t n_lanes);

#endif
