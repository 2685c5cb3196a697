/* SPDX-License-Identifier: GPL-3.0-or-later
 * density/flow_site.c - a monotone map for every distance from the ends of a box.
 *
 * Weights of a class of sites: those of u, then the shift. */
#include "density/flow_site.h"

#include "base/memory.h"

typedef struct site {
    const kr_site_kernels *kernels;
    int32_t n_sites, n_knots, n_classes;
    int32_t *which; /* (n_sites) class; owns */
    bool is_even;
    double width;
} site;

static const kr_site_kernels *kernels_of(kr_isa isa)
{
#ifdef KR_ISA_X86
    isa = kr_isa_resolve(isa);
    return isa == KR_ISA_AVX512 ? &kr_site_kernels_avx512
           : isa == KR_ISA_AVX2 ? &kr_site_kernels_avx2
                                : &kr_site_kernels_portable;
#else
    (void)isa;
    return &kr_site_kernels_portable;
#endif
}

static void site_free(void *self)
{
    site *s = self;
    if (s) {
        kr_free(s->which);
    }
    kr_free(s);
}

static void site_use(void *self, kr_isa isa)
{
    ((site *)self)->kernels = kernels_of(isa);
}

static void site_load(const void *self, const float *weights, double *w)
{
    const site *s = self;
    const int32_t n_weights = kr_split_bend_weights(s->n_knots);
    const int32_t n_numbers = kr_split_bend_numbers(s->n_knots);
    for (int32_t c = 0; c < s->n_classes; c++) {
        kr_split_load_bend(s->n_knots, s->width, weights, w);
        w[n_numbers] = s->is_even ? 0.0 : s->width * (double)weights[n_weights];
        weights += n_weights + 1;
        w += n_numbers + 1;
    }
}

static void site_chain(const void *self, const double *w, const double *gradient, float *out)
{
    const site *s = self;
    const int32_t n_weights = kr_split_bend_weights(s->n_knots);
    const int32_t n_numbers = kr_split_bend_numbers(s->n_knots);
    for (int32_t c = 0; c < s->n_classes; c++) {
        kr_split_chain_bend(s->n_knots, s->width, w, gradient, out);
        if (!s->is_even) {
            out[n_weights] += (float)(s->width * gradient[n_numbers]);
        }
        out += n_weights + 1;
        w += n_numbers + 1;
        gradient += n_numbers + 1;
    }
}

static void site_forward(const void *self, const double *w, double *x, double *log_j,
                         double *scratch)
{
    const site *s = self;
    (void)scratch;
    s->kernels->forward(s->n_sites, s->n_knots, s->which, w, x, log_j);
}

static void site_inverse(const void *self, const double *w, double *x, double *log_j,
                         double *scratch)
{
    const site *s = self;
    (void)scratch;
    s->kernels->inverse(s->n_sites, s->n_knots, s->which, w, x, log_j);
}

static void site_pull(const void *self, const double *w, const double *x, double *cotangent,
                      const double *volume, double *gradient, double *scratch)
{
    const site *s = self;
    (void)scratch;
    s->kernels->pull(s->n_sites, s->n_knots, s->which, w, x, cotangent, volume, gradient);
}

static void site_push(const void *self, const double *w, const double *x, double *slope,
                      double *scratch)
{
    const site *s = self;
    (void)scratch;
    s->kernels->push(s->n_sites, s->n_knots, s->which, w, x, slope);
}

static const kr_flow_ops ops = {
    .free = site_free,
    .use = site_use,
    .load = site_load,
    .chain = site_chain,
    .forward = site_forward,
    .inverse = site_inverse,
    .pull = site_pull,
    .push = site_push,
};

bool kr_flow_site_is(const kr_flow_layer *layer)
{
    return layer->ops == &ops;
}

bool kr_flow_site_is_wanted(const kr_lattice *lattice)
{
    bool has_ends = false;
    for (int32_t d = 0; d < lattice->dim; d++) {
        has_ends = has_ends || (!lattice->is_periodic[d] && lattice->extent[d] > 1);
    }
    return has_ends;
}

/* Distances from the ends of open directions, as one number; counted in order of appearance. */
static void classify(site *s, const kr_lattice *lattice, int64_t *seen)
{
    for (int32_t i = 0; i < s->n_sites; i++) {
        int64_t name = 0;
        int32_t rest = i, c = 0;
        for (int32_t d = 0; d < lattice->dim; d++) {
            const int32_t n = lattice->extent[d], x = rest % n, other = n - 1 - x;
            rest /= n;
            name = name * n + (lattice->is_periodic[d] ? 0 : x < other ? x : other);
        }
        while (c < s->n_classes && seen[c] != name) {
            c++;
        }
        seen[c] = name;
        s->n_classes += c == s->n_classes;
        s->which[i] = c;
    }
}

kr_flow_layer kr_flow_site_layer(const kr_lattice *lattice, int32_t n_knots, bool is_even,
                                 double width, kr_error *err)
{
    const size_t n_sites = (size_t)lattice->n_sites;
    kr_flow_layer layer = { .ops = &ops };
    site *s = kr_alloc(1, sizeof *s, err);
    int64_t *seen = kr_alloc(n_sites, sizeof *seen, err);
    int32_t *which = kr_alloc(n_sites, sizeof *which, err);
    if (!s || !seen || !which) {
        kr_free(which);
        kr_free(seen);
        kr_free(s);
        return layer;
    }
    *s = (site){ .kernels = kernels_of(KR_ISA_BEST),
                 .n_sites = lattice->n_sites,
                 .n_knots = n_knots,
                 .which = which,
                 .is_even = is_even,
                 .width = width };
    classify(s, lattice, seen);
    kr_free(seen);
    layer.self = s;
    layer.n_weights = (size_t)s->n_classes * (size_t)(kr_split_bend_weights(n_knots) + 1);
    layer.n_numbers = (size_t)s->n_classes * (size_t)(kr_split_bend_numbers(n_knots) + 1);
    layer.n_visits = (double)n_sites * (double)(kr_split_bend_weights(n_knots) + 1);
    return layer;
}
