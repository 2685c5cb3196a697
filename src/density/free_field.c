/* SPDX-License-Identifier: GPL-3.0-or-later
 * density/free_field.c - the Gaussian next to an action as a free field.
 *
 * With phi = m + V sigma z, z normal, beta R is z^2/2: log Z is that of the normals and ln det
 * of V sigma. */
#include "density/free_field.h"

#include "base/memory.h"
#include "base/normals.h"

#include <math.h>
#include <string.h>

#define L       KR_LANES_PAD
#define LOG_2PI 1.83787706640934548356

/* The target seen without what pulls its field to one side. */
static int center_action(kr_free_field *f, const kr_target *target, kr_target *seen,
                         kr_error *err)
{
    const kr_action *action = target->terms->action;
    *seen = *target;
    if (!action->quartic) {
        return KR_OK;
    }
    f->zero = kr_alloc((size_t)action->n_sites, sizeof *f->zero, err);
    f->quartic = *action->quartic;
    f->quartic.linear = f->zero;
    f->action = *action;
    f->action.quartic = &f->quartic;
    f->action.linear = f->zero;
    f->terms = *target->terms;
    f->terms.action = &f->action;
    seen->terms = &f->terms;
    return f->zero ? KR_OK : KR_ENOMEM;
}

kr_free_field *kr_free_field_alloc(const kr_target *target, int32_t center, kr_error *err)
{
    kr_free_field *f = kr_alloc(1, sizeof *f, err);
    kr_target seen = *target;
    int status = f ? KR_OK : KR_ENOMEM;
    if (status == KR_OK && center != KR_CENTER_MEAN &&
        (center == KR_CENTER_ZERO || target->terms->n_phases > 1)) {
        status = center_action(f, target, &seen, err);
    }
    status = status == KR_OK ? kr_flow_modes_init(&f->modes, &seen, err) : status;
    if (status != KR_OK) {
        if (f) {
            kr_free(f->zero);
        }
        kr_free(f);
        return NULL;
    }
    f->kernels = kr_flow_kernels_of(KR_ISA_BEST);
    f->log_z = f->modes.log_det;
    for (int32_t k = 0; k < f->modes.n_sites; k++) {
        f->log_z += 0.5 * LOG_2PI + log(f->modes.sigma[k]);
    }
    return f;
}

void kr_free_field_free(kr_free_field *f)
{
    if (f) {
        kr_flow_modes_clear(&f->modes);
        kr_free(f->zero);
        kr_free(f);
    }
}

static int alloc_action(int32_t n_sites, int64_t n_ends, kr_quartic *r, kr_error *err)
{
    const size_t n = (size_t)n_sites;
    *r = (kr_quartic){ .n_sites = n_sites };
    r->square = kr_alloc(n, sizeof *r->square, err);
    r->linear = kr_alloc(n, sizeof *r->linear, err);
    r->neighbor_begin = kr_alloc(n + 1, sizeof *r->neighbor_begin, err);
    r->neighbor = kr_alloc((size_t)n_ends, sizeof *r->neighbor, err);
    r->coupling = kr_alloc((size_t)n_ends, sizeof *r->coupling, err);
    if (r->square && r->linear && r->neighbor_begin && r->neighbor && r->coupling) {
        return KR_OK;
    }
    kr_free(r->coupling);
    kr_free(r->neighbor);
    kr_free(r->neighbor_begin);
    kr_free(r->linear);
    kr_free(r->square);
    return KR_ENOMEM;
}

int kr_free_field_action(const kr_free_field *f, kr_quartic *r, kr_error *err)
{
    const kr_flow_modes *m = &f->modes;
    const kr_quartic *q = m->n_axes > 0 ? m->action->quartic : NULL;
    KR_TRY(alloc_action(m->n_sites, q ? q->neighbor_begin[m->n_sites] : 0, r, err));
    for (int32_t i = 0; i < m->n_sites; i++) {
        r->square[i] =
            q ? q->square[i] + m->delta : 0.5 / (m->beta * m->sigma[i] * m->sigma[i]);
        double pull = 2.0 * r->square[i];
        for (int64_t k = q ? q->neighbor_begin[i] : 0; q && k < q->neighbor_begin[i + 1]; k++) {
            r->neighbor[k] = q->neighbor[k];
            r->coupling[k] = q->coupling[k];
            pull -= q->coupling[k];
        }
        r->neighbor_begin[i + 1] = q ? q->neighbor_begin[i + 1] : 0;
        r->linear[i] = q ? m->mean * pull : 0.0;
        r->constant += q ? 0.5 * m->mean * r->linear[i] : 0.0;
    }
    return KR_OK;
}

/* A group and the work of the transform. */
size_t kr_free_field_scratch_bytes(const kr_free_field *f)
{
    return 2 * sizeof(double) * L * (size_t)f->modes.n_sites;
}

void kr_free_field_sample(const kr_free_field *f, int32_t n_lanes, double *phi, size_t stride,
                          kr_rng *rng, void *scratch)
{
    const kr_flow_modes *m = &f->modes;
    const size_t n = (size_t)m->n_sites;
    double *x = scratch, *work = x + n * L;
    for (int32_t first = 0; first < n_lanes; first += L) {
        const int32_t left = n_lanes - first;
        const size_t n_copied = (size_t)(left < L ? left : L);
        kr_normals(rng, n * L, x);
        f->kernels->scale(m->n_sites, m->sigma, x);
        kr_flow_modes_apply(m, f->kernels, KR_FLOW_V, x, work);
        for (size_t i = 0; i < n; i++) {
            for (size_t l = 0; l < n_copied; l++) {
                phi[i * stride + (size_t)first + l] = m->mean + x[i * L + l];
            }
        }
    }
}
