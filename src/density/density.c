/* SPDX-License-Identifier: GPL-3.0-or-later
 * density/density.c - one way to samples, scores and slopes, whatever a density is made of.
 *
 * With phi = f(z; w), J = |df/dz| and slope = d log q/d phi,
 *   d log q(phi)/dw at fixed phi  = -(slope . df/dw + d ln J/dw)   at fixed z
 *   d (log q + beta S)(f(z; w))/dw = (slope + beta dS/dphi) . df/dw + [d log q/dw at fixed phi]
 * where the bracket is the score term. */
#include "density/density.h"

static size_t slope_numbers(const kr_density *density, int32_t n_lanes)
{
    return (size_t)density->n_sites * kr_lanes_pad((size_t)n_lanes);
}

size_t kr_density_scratch(const kr_density *density, int32_t n_lanes)
{
    const size_t own = density->plug->scratch_bytes(density->self, n_lanes);
    return own + (density->plug->flow ? sizeof(double) * slope_numbers(density, n_lanes) : 0);
}

void kr_density_sample(const kr_density *density, int32_t n_lanes, void *state, double *log_q,
                       kr_rng *rng, void *scratch)
{
    const kr_density_plug *plug = density->plug;
    if (plug->flow) {
        plug->flow->sample(density->self, n_lanes, state, log_q, NULL, rng, scratch);
    } else {
        plug->sample_tail(density->self, 0, n_lanes, state, log_q, rng, scratch);
    }
}

void kr_density_log_q(const kr_density *density, int32_t n_lanes, const void *state,
                      double *log_q, void *scratch)
{
    const kr_density_plug *plug = density->plug;
    if (plug->flow) {
        plug->flow->log_q(density->self, n_lanes, state, log_q, NULL, scratch);
    } else {
        plug->log_q_tail(density->self, 0, n_lanes, state, log_q, scratch);
    }
}

void kr_density_grad(const kr_density *density, int32_t n_lanes, const void *state,
                     const double *coefficient, float *gradient, double *log_q, void *scratch)
{
    const kr_density_plug *plug = density->plug;
    if (!plug->flow) {
        plug->grad(density->self, n_lanes, state, coefficient, gradient, log_q, scratch);
        return;
    }
    const size_t n = (size_t)density->n_sites, stride = kr_lanes_pad((size_t)n_lanes);
    double own_log_q[KR_LANES_MAX], volume[KR_LANES_MAX], *slope = scratch;
    void *inner = slope + n * stride;
    plug->flow->log_q(density->self, n_lanes, state, log_q ? log_q : own_log_q, slope, inner);
    for (size_t i = 0; i < n; i++) {
        for (int32_t l = 0; l < n_lanes; l++) {
            slope[i * stride + (size_t)l] *= -coefficient[l];
        }
    }
    for (int32_t l = 0; l < n_lanes; l++) {
        volume[l] = -coefficient[l];
    }
    plug->flow->pull(density->self, n_lanes, state, slope, volume, gradient, inner);
}

void kr_density_path(const kr_density *density, const kr_action *action, double beta,
                     int32_t n_lanes, double *phi, double *log_q, const double *coefficient,
                     float *gradient, kr_rng *rng, void *scratch)
{
    const size_t n = (size_t)density->n_sites, stride = kr_lanes_pad((size_t)n_lanes);
    const kr_flow *flow = density->plug->flow;
    const double no_volume[KR_LANES_MAX] = { 0.0 };
    double *slope = scratch;
    void *inner = slope + n * stride;
    flow->sample(density->self, n_lanes, phi, log_q, slope, rng, inner);
    action->add_gradient(action->self, n_lanes, phi, stride, beta, slope);
    for (size_t i = 0; i < n; i++) {
        for (int32_t l = 0; l < n_lanes; l++) {
            slope[i * stride + (size_t)l] *= coefficient[l];
        }
    }
    flow->pull(density->self, n_lanes, phi, slope, no_volume, gradient, inner);
}
