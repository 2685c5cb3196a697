/* SPDX-License-Identifier: GPL-3.0-or-later
 * model/quartic.c - quartic actions: from the bonds of a lattice, checks, choice of kernels. */
#include "model/quartic.h"

#include "base/isa.h"
#include "base/memory.h"
#include "model/action.h"

#include <math.h>
#include <stdlib.h>

typedef struct quartic_action {
    kr_quartic data;
    const kr_quartic_kernels *kernels;
} quartic_action;

void kr_quartic_clear(kr_quartic *q)
{
    kr_free(q->coupling);
    kr_free(q->neighbor);
    kr_free(q->neighbor_begin);
    kr_free(q->linear);
    kr_free(q->square);
    *q = (kr_quartic){ .n_sites = 0 };
}

/* ---- from the bonds of a lattice ----------------------------------------------------------
 */

typedef struct bond_end {
    int32_t i, j;
    double coupling;
} bond_end;

static int compare_ends(const void *a, const void *b)
{
    const bond_end *x = a, *y = b;
    return x->i != y->i ? (x->i > y->i) - (x->i < y->i) : (x->j > y->j) - (x->j < y->j);
}

/* Ends sorted by site and neighbor; bonds of a pair become one entry. */
static int fill_neighbors(kr_quartic *q, bond_end *end, size_t n_ends, kr_error *err)
{
    qsort(end, n_ends, sizeof *end, compare_ends);
    size_t n = 0;
    for (size_t k = 0; k < n_ends; k++) {
        if (n > 0 && compare_ends(&end[n - 1], &end[k]) == 0) {
            end[n - 1].coupling += end[k].coupling;
        } else {
            end[n++] = end[k];
        }
    }
    q->neighbor = kr_alloc(n, sizeof *q->neighbor, err);
    q->coupling = kr_alloc(n, sizeof *q->coupling, err);
    if (!q->neighbor || !q->coupling) {
        return KR_ENOMEM;
    }
    for (size_t k = 0; k < n; k++) {
        q->neighbor_begin[end[k].i + 1]++;
        q->neighbor[k] = end[k].j;
        q->coupling[k] = end[k].coupling;
    }
    for (int32_t i = 0; i < q->n_sites; i++) {
        q->neighbor_begin[i + 1] += q->neighbor_begin[i];
    }
    return KR_OK;
}

int kr_quartic_init(kr_quartic *q, const kr_lattice *lattice, double kinetic, kr_error *err)
{
    const size_t n = (size_t)lattice->n_sites, n_ends = 2 * (size_t)lattice->n_bonds;
    *q = (kr_quartic){ .n_sites = lattice->n_sites };
    q->square = kr_alloc(n, sizeof *q->square, err);
    q->linear = kr_alloc(n, sizeof *q->linear, err);
    q->neighbor_begin = kr_alloc(n + 1, sizeof *q->neighbor_begin, err);
    bond_end *end = kr_alloc(n_ends, sizeof *end, err);
    int status = q->square && q->linear && q->neighbor_begin && end ? KR_OK : KR_ENOMEM;
    const double strength = kinetic * lattice->weight;
    for (int64_t b = 0; status == KR_OK && b < lattice->n_bonds; b++) {
        const int32_t i = lattice->bond[2 * b], j = lattice->bond[2 * b + 1];
        const double coupling = 2.0 * strength * lattice->bond_sign[b];
        q->square[i] += strength;
        q->square[j] += strength;
        end[2 * b] = (bond_end){ i, j, coupling };
        end[2 * b + 1] = (bond_end){ j, i, coupling };
    }
    status = status == KR_OK ? fill_neighbors(q, end, n_ends, err) : status;
    kr_free(end);
    if (status != KR_OK) {
        kr_quartic_clear(q);
    }
    return status;
}

/* ---- as an action ---------------------------------------------------------------------------
 */

static void free_self(void *self)
{
    quartic_action *a = self;
    kr_quartic_clear(&a->data);
    kr_free(a);
}

static void energy(const void *self, int32_t n_lanes, const double *phi, size_t stride,
                   double *out)
{
    const quartic_action *a = self;
    a->kernels->energy(&a->data, n_lanes, phi, stride, out);
}

static void add_gradient(const void *self, int32_t n_lanes, const double *phi, size_t stride,
                         double scale, double *out)
{
    const quartic_action *a = self;
    a->kernels->add_gradient(&a->data, n_lanes, phi, stride, scale, out);
}

static void change(const void *self, int32_t i, int32_t n_lanes, const double *phi,
                   size_t stride, const double *value, double *out)
{
    const quartic_action *a = self;
    a->kernels->change(&a->data, i, n_lanes, phi, stride, value, out);
}

static void virial(const void *self, int32_t n_lanes, const double *phi, size_t stride,
                   double *out)
{
    const quartic_action *a = self;
    a->kernels->virial(&a->data, n_lanes, phi, stride, out);
}

static const kr_quartic_kernels *kernels(kr_isa isa)
{
#ifdef KR_ISA_X86
    isa = kr_isa_resolve(isa);
    return isa == KR_ISA_AVX512 ? &kr_quartic_kernels_avx512
           : isa == KR_ISA_AVX2 ? &kr_quartic_kernels_avx2
                                : &kr_quartic_kernels_portable;
#else
    (void)isa;
    return &kr_quartic_kernels_portable;
#endif
}

void kr_quartic_use(kr_action *action, kr_isa isa)
{
    ((quartic_action *)action->self)->kernels = kernels(isa);
}

/* Without a quartic term the quadratic form must be positive: sufficient is that Gershgorin's
 * circles lie above zero, which for a free field says m2 > 0. */
static bool is_bounded(const kr_quartic *q)
{
    if (q->quartic > 0.0) {
        return true;
    }
    bool is_above = q->quartic == 0.0;
    for (int32_t i = 0; is_above && i < q->n_sites; i++) {
        double radius = 0.0;
        for (int64_t m = q->neighbor_begin[i]; m < q->neighbor_begin[i + 1]; m++) {
            radius += fabs(q->coupling[m]);
        }
        is_above = 2.0 * q->square[i] > radius * (1.0 + 1e-12);
    }
    return is_above;
}

static int check(const kr_quartic *q, kr_error *err)
{
    const size_t n = (size_t)q->n_sites;
    for (size_t i = 0; i < n; i++) {
        if (!isfinite(q->square[i]) || !isfinite(q->linear[i])) {
            return kr_fail(err, KR_ERANGE,
                           "action at site %zu: square %g, linear %g, want finite numbers", i,
                           q->square[i], q->linear[i]);
        }
    }
    for (int64_t m = 0; m < q->neighbor_begin[n]; m++) {
        if (!isfinite(q->coupling[m])) {
            return kr_fail(err, KR_ERANGE, "action: coupling %g to site %d, want a finite one",
                           q->coupling[m], q->neighbor[m]);
        }
    }
    if (!isfinite(q->quartic) || !isfinite(q->constant)) {
        return kr_fail(err, KR_ERANGE, "action: quartic %g, constant %g, want finite numbers",
                       q->quartic, q->constant);
    }
    return is_bounded(q) ? KR_OK
                         : kr_fail(err, KR_ERANGE,
                                   "action unbounded below: quartic coefficient %g, want > 0, "
                                   "or 0 with a quadratic form that is positive at every site "
                                   "(m2 > 0)",
                                   q->quartic);
}

/* About as wide as the field is: the minimum of the potential, or that of a free site. */
static double width(const kr_quartic *q)
{
    double square = 0.0;
    for (int32_t i = 0; i < q->n_sites; i++) {
        square += q->square[i] / q->n_sites;
    }
    const double least = q->quartic > 0.0 ? sqrt(sqrt(0.25 / q->quartic)) : INFINITY;
    const double free = square > 0.0 ? fmin(least, sqrt(0.5 / square)) : least;
    return isfinite(free) ? free : 1.0; /* not bounded below: a part of an action */
}

static bool is_even(const kr_quartic *q)
{
    for (int32_t i = 0; i < q->n_sites; i++) {
        if (q->linear[i] != 0.0) {
            return false;
        }
    }
    return true;
}

int kr_terms_take_quartic(kr_terms *terms, kr_quartic *quartic, kr_error *err)
{
    int status = check(quartic, err);
    if (status != KR_OK) {
        kr_quartic_clear(quartic);
        return status;
    }
    return kr_quartic_take(terms, quartic, err);
}

int kr_quartic_take(kr_terms *terms, kr_quartic *quartic, kr_error *err)
{
    quartic_action *self = kr_alloc(1, sizeof *self, err);
    if (!self) {
        kr_quartic_clear(quartic);
        return KR_ENOMEM;
    }
    self->data = *quartic;
    self->kernels = kernels(KR_ISA_BEST);
    *quartic = (kr_quartic){ .n_sites = 0 };
    return kr_terms_take_action(terms,
                                &(kr_action){ .n_sites = self->data.n_sites,
                                              .self = self,
                                              .free = free_self,
                                              .energy = energy,
                                              .add_gradient = add_gradient,
                                              .change = change,
                                              .virial = virial,
                                              .quartic = &self->data,
                                              .is_even = is_even(&self->data),
                                              .neighbor_begin = self->data.neighbor_begin,
                                              .neighbor = self->data.neighbor,
                                              .coupling = self->data.coupling,
                                              .linear = self->data.linear,
                                              .start_width = width(&self->data) },
                                err);
}
