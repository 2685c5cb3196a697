/* SPDX-License-Identifier: GPL-3.0-or-later
 * density/flow_zero.c - the zero mode through a monotone map.
 *
 * Weights: those of u, then a shift, which is zero where the action is even. */
#include "density/flow_zero.h"

#include "base/memory.h"

typedef struct zero {
    const kr_split_kernels *kernels;
    int32_t n, n_knots;
    const int32_t *site; /* (n), or NULL: all; borrowed */
    bool is_even;
    double width;
} zero;

static void zero_use(void *self, kr_isa isa)
{
    ((zero *)self)->kernels = kr_split_kernels_of(isa);
}

static void zero_load(const void *self, const float *weights, double *w)
{
    const zero *z = self;
    const int32_t n = kr_split_bend_weights(z->n_knots);
    kr_split_load_bend(z->n_knots, z->width, weights, w);
    w[n + z->n_knots] = z->is_even ? 0.0 : z->width * (double)weights[n];
}

static void zero_chain(const void *self, const double *w, const double *gradient, float *out)
{
    const zero *z = self;
    const int32_t n = kr_split_bend_weights(z->n_knots);
    kr_split_chain_bend(z->n_knots, z->width, w, gradient, out);
    if (!z->is_even) {
        out[n] += (float)(z->width * gradient[n + z->n_knots]);
    }
}

static void zero_forward(const void *self, const double *w, double *x, double *log_j,
                         double *scratch)
{
    const zero *z = self;
    (void)scratch;
    z->kernels->zero_forward(z->n, z->site, z->n_knots, w, x, log_j);
}

static void zero_inverse(const void *self, const double *w, double *x, double *log_j,
                         double *scratch)
{
    const zero *z = self;
    (void)scratch;
    z->kernels->zero_inverse(z->n, z->site, z->n_knots, w, x, log_j);
}

static void zero_pull(const void *self, const double *w, const double *x, double *cotangent,
                      const double *volume, double *gradient, double *scratch)
{
    const zero *z = self;
    (void)scratch;
    z->kernels->zero_pull(z->n, z->site, z->n_knots, w, x, cotangent, volume, gradient);
}

static void zero_push(const void *self, const double *w, const double *x, double *slope,
                      double *scratch)
{
    const zero *z = self;
    (void)scratch;
    z->kernels->zero_push(z->n, z->site, z->n_knots, w, x, slope);
}

static const kr_flow_ops ops = {
    .free = kr_free,
    .use = zero_use,
    .load = zero_load,
    .chain = zero_chain,
    .forward = zero_forward,
    .inverse = zero_inverse,
    .pull = zero_pull,
    .push = zero_push,
};

kr_flow_layer kr_flow_zero_layer(int32_t n, const int32_t *site, int32_t n_knots, bool is_even,
                                 double width, kr_error *err)
{
    const size_t n_weights = (size_t)kr_split_bend_weights(n_knots) + 1;
    zero *z = kr_alloc(1, sizeof *z, err);
    if (z) {
        *z = (zero){ kr_split_kernels_of(KR_ISA_BEST), n, n_knots, site, is_even, width };
    }
    return (kr_flow_layer){ .ops = &ops,
                            .self = z,
                            .n_weights = n_weights,
                            .n_numbers = n_weights + (size_t)n_knots,
                            .n_visits = (double)n_weights };
}
