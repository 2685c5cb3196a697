/* SPDX-License-Identifier: GPL-3.0-or-later
 * density/flow_half.c - odd sites given the even ones: where that is possible, and the law at
 * beta. */
#include "density/flow_half.h"

#include "base/isa.h"
#include "base/memory.h"

#include <math.h>
#include <string.h>

#define NUMBERS 24.0 /* of the table that a site reads, which cost as much as weights */
#define WIDTHS  6.0  /* of a neighbor, all on one side: fields beyond that share a table row */

typedef struct half {
    kr_half_shape shape;
    const kr_half_kernels *kernels;
    const kr_flow_modes *modes; /* borrowed */
    double beta;                /* of the table */
} half;

static const kr_half_kernels *kernels_of(kr_isa isa)
{
#ifdef KR_ISA_X86
    isa = kr_isa_resolve(isa);
    return isa == KR_ISA_AVX512 ? &kr_half_kernels_avx512
           : isa == KR_ISA_AVX2 ? &kr_half_kernels_avx2
                                : &kr_half_kernels_portable;
#else
    (void)isa;
    return &kr_half_kernels_portable;
#endif
}

/* ---- where it is possible -----------------------------------------------------------------
 */

/* The one direction in which sites i and j of a square box are neighbors. */
static int axis_between(const kr_lattice *lattice, int32_t i, int32_t j)
{
    return i / lattice->extent[0] == j / lattice->extent[0] ? 0 : 1;
}

static bool is_like_the_first(const kr_lattice *lattice, const kr_quartic *q, int32_t i)
{
    double sum[2][2] = { { 0.0, 0.0 }, { 0.0, 0.0 } };
    bool is_alike = q->square[i] == q->square[0] && q->linear[i] == q->linear[0];
    for (int of_first = 0; of_first < 2; of_first++) {
        const int32_t site = of_first ? 0 : i;
        for (int64_t k = q->neighbor_begin[site]; k < q->neighbor_begin[site + 1]; k++) {
            const int axis = axis_between(lattice, site, q->neighbor[k]);
            is_alike = is_alike &&
                       (sum[of_first][axis] == 0.0 || sum[of_first][axis] == q->coupling[k]);
            sum[of_first][axis] = q->coupling[k];
        }
    }
    return is_alike && sum[0][0] == sum[1][0] && sum[0][1] == sum[1][1];
}

bool kr_flow_half_supports(const kr_target *target, kr_error *why)
{
    const kr_lattice *lattice = target->lattice;
    const kr_quartic *q = target->terms->action ? target->terms->action->quartic : NULL;
    const bool is_square = strcmp(lattice->name, "hypercubic") == 0 && lattice->dim == 2;
    for (int32_t d = 0; d < 2; d++) {
        if (!is_square || !lattice->is_periodic[d] || lattice->extent[d] % 2) {
            kr_fail(why, KR_EUNSUP,
                    "heat_bath: lattice %s of dimension %d%s, want a periodic hypercubic one "
                    "of dimension 2 with even sides",
                    lattice->name, lattice->dim,
                    !is_square                ? ""
                    : lattice->is_periodic[d] ? " with an odd side"
                                              : " with an open end");
            return false;
        }
    }
    bool is_uniform = q != NULL;
    for (int32_t i = 0; is_uniform && i < q->n_sites; i++) {
        is_uniform = is_like_the_first(lattice, q, i);
    }
    if (!is_uniform || !(q->quartic > 0.0)) {
        kr_fail(why, KR_EUNSUP,
                "heat_bath: the action %s, want a quartic one, the same at all sites",
                !q            ? "is not quartic"
                : !is_uniform ? "differs from site to site"
                              : "has no quartic term");
        return false;
    }
    return true;
}

/* ---- the law at beta ------------------------------------------------------------------------
 */

/* Largest |eta| that the table has to know. */
static double eta_reach(const half *h)
{
    const kr_quartic *q = h->shape.action;
    const double width = fabs(h->modes->mean) + WIDTHS * h->modes->spread;
    double sum = fabs(q->linear[0]);
    for (int64_t k = q->neighbor_begin[0]; k < q->neighbor_begin[1]; k++) {
        sum += fabs(q->coupling[k]) * width;
    }
    return h->shape.scale * sum;
}

static int prepare(void *self, double beta, kr_error *err)
{
    half *h = self;
    const kr_quartic *q = h->shape.action;
    if (beta == h->beta) {
        return KR_OK;
    }
    kr_quantile_clear(&h->shape.table);
    h->beta = NAN;
    h->shape.unit = pow(beta * q->quartic, -0.25);
    h->shape.scale = beta * h->shape.unit;
    KR_TRY(kr_quantile_init(&h->shape.table, h->shape.scale * q->square[0] * h->shape.unit,
                            eta_reach(h), err));
    h->beta = beta;
    return KR_OK;
}

/* ---- the layer ------------------------------------------------------------------------------
 */

static void half_free(void *self)
{
    half *h = self;
    if (h) {
        kr_quantile_clear(&h->shape.table);
        kr_free(h->shape.site);
        kr_free(h);
    }
}

static void half_use(void *self, kr_isa isa)
{
    ((half *)self)->kernels = kernels_of(isa);
}

static void load(const void *self, const float *weights, double *w)
{
    (void)self, (void)weights, (void)w; /* there are none */
}

static void chain(const void *self, const double *w, const double *gradient, float *out)
{
    (void)self, (void)w, (void)gradient, (void)out;
}

static void half_forward(const void *self, const double *w, double *x, double *log_j,
                         double *scratch)
{
    const half *h = self;
    (void)w, (void)scratch;
    h->kernels->forward(&h->shape, x, log_j);
}

static void half_inverse(const void *self, const double *w, double *x, double *log_j,
                         double *scratch)
{
    const half *h = self;
    (void)w, (void)scratch;
    h->kernels->inverse(&h->shape, x, log_j);
}

static void half_pull(const void *self, const double *w, const double *x, double *cotangent,
                      const double *volume, double *gradient, double *scratch)
{
    const half *h = self;
    (void)w, (void)gradient, (void)scratch;
    h->kernels->pull(&h->shape, x, cotangent, volume);
}

static void half_push(const void *self, const double *w, const double *x, double *slope,
                      double *scratch)
{
    const half *h = self;
    (void)w, (void)scratch;
    h->kernels->push(&h->shape, x, slope);
}

static void half_carry(const void *self, const double *w, double *x, double *slope,
                       double *log_j, double *scratch)
{
    const half *h = self;
    (void)w, (void)scratch;
    h->kernels->carry(&h->shape, x, slope, log_j);
}

static const kr_flow_ops ops = {
    .free = half_free,
    .prepare = prepare,
    .use = half_use,
    .load = load,
    .chain = chain,
    .forward = half_forward,
    .inverse = half_inverse,
    .pull = half_pull,
    .push = half_push,
    .carry = half_carry,
};

kr_flow_layer kr_flow_half_layer(const kr_target *target, const kr_flow_modes *modes,
                                 kr_error *err)
{
    const kr_action *action = target->terms->action;
    half *h = kr_alloc(1, sizeof *h, err);
    if (!h) {
        return (kr_flow_layer){ .ops = &ops };
    }
    *h = (half){ .kernels = kernels_of(KR_ISA_BEST), .modes = modes, .beta = NAN };
    h->shape.action = action->quartic;
    h->shape.site = kr_alloc((size_t)action->n_sites, sizeof *h->shape.site, err);
    for (int32_t i = 0; h->shape.site && i < action->n_sites; i++) {
        if (kr_flow_parity(target->lattice, i) == 1) {
            h->shape.site[h->shape.n_odd++] = i;
        }
    }
    if (!h->shape.site || prepare(h, target->beta, err) != KR_OK) {
        half_free(h);
        h = NULL;
    }
    const double n_visits = h ? NUMBERS * h->shape.n_odd : 0.0;
    return (kr_flow_layer){ .ops = &ops, .self = h, .n_visits = n_visits };
}
