/* SPDX-License-Identifier: GPL-3.0-or-later
 * model/path.c - a path of actions from a free field to the action of a model.
 *
 * Points of a path of quartic actions are quartic actions again, as data, so that all updates
 * and exact methods take them. Of other actions the weighted sum is an action of functions. */
#include "model/path.h"

#include "base/memory.h"
#include "model/quartic.h"
#include "model/terms.h"

#include <string.h>

/* ---- quartic actions ----------------------------------------------------------------------
 */

/* Exact where both are the same, so that bonds do not change along the path. */
static double sum_of(double a, double x, double b, double y)
{
    return a + b == 1.0 && x == y ? x : a * x + b * y;
}

/* out = a x + b y on the neighbors of x, where y has the same or none; without neighbors where
 * no coupling is left. */
static int combine(double a, const kr_quartic *x, double b, const kr_quartic *y,
                   kr_quartic *out, kr_error *err)
{
    const size_t n = (size_t)x->n_sites;
    const int64_t n_ends = x->neighbor_begin[n];
    const bool has_bonds = y->neighbor_begin[n] == n_ends;
    bool is_coupled = false;
    *out = (kr_quartic){ .n_sites = x->n_sites };
    out->square = kr_alloc(n, sizeof *out->square, err);
    out->linear = kr_alloc(n, sizeof *out->linear, err);
    out->neighbor_begin = kr_alloc(n + 1, sizeof *out->neighbor_begin, err);
    out->neighbor = kr_alloc((size_t)n_ends, sizeof *out->neighbor, err);
    out->coupling = kr_alloc((size_t)n_ends, sizeof *out->coupling, err);
    if (!out->square || !out->linear || !out->neighbor_begin || !out->neighbor ||
        !out->coupling) {
        kr_quartic_clear(out);
        return KR_ENOMEM;
    }
    for (size_t i = 0; i < n; i++) {
        out->square[i] = sum_of(a, x->square[i], b, y->square[i]);
        out->linear[i] = sum_of(a, x->linear[i], b, y->linear[i]);
    }
    for (int64_t m = 0; m < n_ends; m++) {
        out->coupling[m] = sum_of(a, x->coupling[m], b, has_bonds ? y->coupling[m] : 0.0);
        out->neighbor[m] = x->neighbor[m];
        is_coupled = is_coupled || out->coupling[m] != 0.0;
    }
    for (size_t i = 0; is_coupled && i <= n; i++) {
        out->neighbor_begin[i] = x->neighbor_begin[i];
    }
    out->quartic = sum_of(a, x->quartic, b, y->quartic);
    out->constant = sum_of(a, x->constant, b, y->constant);
    return KR_OK;
}

/* ---- other actions --------------------------------------------------------------------------
 */

typedef struct mixed { /* a x + b y */
    const kr_action *x, *y;
    double a, b;
} mixed;

static void mixed_energy(const void *self, int32_t n_lanes, const double *phi, size_t stride,
                         double *out)
{
    const mixed *m = self;
    double second[KR_LANES_MAX];
    memset(out, 0, (size_t)n_lanes * sizeof *out);
    if (m->a != 0.0) { /* where S is infinite, 0 S is not wanted */
        m->x->energy(m->x->self, n_lanes, phi, stride, out);
    }
    m->y->energy(m->y->self, n_lanes, phi, stride, second);
    for (int32_t l = 0; l < n_lanes; l++) {
        out[l] = (m->a != 0.0 ? m->a * out[l] : 0.0) + m->b * second[l];
    }
}

static void mixed_gradient(const void *self, int32_t n_lanes, const double *phi, size_t stride,
                           double scale, double *out)
{
    const mixed *m = self;
    if (m->a != 0.0) {
        m->x->add_gradient(m->x->self, n_lanes, phi, stride, m->a * scale, out);
    }
    if (m->b != 0.0) {
        m->y->add_gradient(m->y->self, n_lanes, phi, stride, m->b * scale, out);
    }
}

static void mixed_change(const void *self, int32_t i, int32_t n_lanes, const double *phi,
                         size_t stride, const double *value, double *out)
{
    const mixed *m = self;
    double second[KR_LANES_MAX];
    m->x->change(m->x->self, i, n_lanes, phi, stride, value, out);
    m->y->change(m->y->self, i, n_lanes, phi, stride, value, second);
    for (int32_t l = 0; l < n_lanes; l++) {
        out[l] = (m->a != 0.0 ? m->a * out[l] : 0.0) + m->b * second[l];
    }
}

static void mixed_virial(const void *self, int32_t n_lanes, const double *phi, size_t stride,
                         double *out)
{
    const mixed *m = self;
    double second[KR_LANES_MAX];
    m->x->virial(m->x->self, n_lanes, phi, stride, out);
    m->y->virial(m->y->self, n_lanes, phi, stride, second);
    for (int32_t l = 0; l < n_lanes; l++) {
        out[l] = (m->a != 0.0 ? m->a * out[l] : 0.0) + m->b * second[l];
    }
}

static void mixed_order(const void *self, int32_t n_lanes, const double *phi, size_t stride,
                        double *order)
{
    const mixed *m = self;
    m->x->order(m->x->self, n_lanes, phi, stride, order);
}

static int take_mixed(kr_terms *terms, double a, const kr_action *x, double b,
                      const kr_action *y, kr_error *err)
{
    mixed *self = kr_alloc(1, sizeof *self, err);
    if (!self) {
        return KR_ENOMEM;
    }
    *self = (mixed){ x, y, a, b };
    return kr_terms_take_action(terms,
                                &(kr_action){ .n_sites = x->n_sites,
                                              .self = self,
                                              .free = kr_free,
                                              .energy = mixed_energy,
                                              .add_gradient = mixed_gradient,
                                              .change = x->change ? mixed_change : NULL,
                                              .virial = x->virial ? mixed_virial : NULL,
                                              .order = x->order ? mixed_order : NULL,
                                              .is_even = x->is_even && y->is_even,
                                              .start_width = x->start_width },
                                err);
}

/* ---- the path -------------------------------------------------------------------------------
 */

/* a S + b R, with the phases of S */
static kr_terms *sum(const kr_path *path, double a, double b, kr_error *err)
{
    const kr_action *x = path->terms->action, *y = path->reference->action;
    kr_terms *terms = kr_terms_alloc_real(path->terms->n_sites, err);
    int status = terms ? KR_OK : KR_ENOMEM;
    if (status == KR_OK && x->quartic) {
        kr_quartic data;
        status = combine(a, x->quartic, b, y->quartic, &data, err);
        status = status == KR_OK ? kr_quartic_take(terms, &data, err) : status;
    } else if (status == KR_OK) {
        status = take_mixed(terms, a, x, b, y, err);
    }
    if (status != KR_OK) {
        kr_terms_free(terms);
        return NULL;
    }
    terms->n_phases = path->terms->n_phases;
    memcpy(terms->phase, path->terms->phase, sizeof terms->phase);
    return terms;
}

kr_path *kr_path_alloc(const kr_target *target, kr_quartic *reference, double log_z,
                       const struct kr_free_field *free_field, kr_error *err)
{
    const kr_action *action = target->terms->action;
    kr_path *path = NULL;
    if (!action || action->is_angle) {
        kr_fail(err, KR_EUNSUP,
                "the model has %s, whose law at beta = 0 is known: want no path, and beta from "
                "0 on",
                action ? "angles" : "states");
    } else {
        path = kr_alloc(1, sizeof *path, err);
    }
    if (!path) {
        kr_quartic_clear(reference);
        return NULL;
    }
    path->terms = target->terms;
    path->beta = target->beta;
    path->log_z = log_z;
    path->free_field = free_field;
    path->reference = kr_terms_alloc_real(target->terms->n_sites, err);
    if (!path->reference) {
        kr_quartic_clear(reference);
    } else if (kr_quartic_take(path->reference, reference, err) == KR_OK) {
        path->difference = sum(path, 1.0, -1.0, err);
    }
    if (!path->difference) {
        kr_path_free(path);
        return NULL;
    }
    return path;
}

void kr_path_free(kr_path *path)
{
    if (path) {
        kr_terms_free(path->difference);
        kr_terms_free(path->reference);
        kr_free(path);
    }
}

kr_terms *kr_path_terms(const kr_path *path, double t, kr_error *err)
{
    return sum(path, t, 1.0 - t, err);
}

void kr_path_slope(const kr_path *path, const kr_block *block, double *slope)
{
    const kr_action *action = path->difference->action;
    action->energy(action->self, block->n_lanes, block->phi, (size_t)block->stride, slope);
    for (int32_t l = 0; l < block->n_lanes; l++) {
        slope[l] *= path->beta;
    }
}
