/* SPDX-License-Identifier: GPL-3.0-or-later
 * observable/slices.c - sums of the order parameter over the slices of a torus. */
#include "observable/slices.h"

#include <math.h>
#include <string.h>

static bool is_box(const kr_lattice *lattice)
{
    bool is_torus = !lattice->has_antiperiodic && lattice->dim > 0;
    int64_t n = 1;
    for (int32_t d = 0; d < lattice->dim; d++) {
        is_torus = is_torus && (lattice->is_periodic[d] || (d == 0 && lattice->n_basis > 1));
        n *= lattice->extent[d];
    }
    return is_torus && n == lattice->n_sites;
}

int32_t kr_slices_parts(const kr_terms *terms)
{
    if (terms->action) {
        return terms->action->is_angle ? 2 : 1;
    }
    return terms->order == KR_ORDER_POTTS ? terms->q : terms->order == KR_ORDER_VECTOR ? 2 : 1;
}

int kr_slices_init(kr_slices *slices, const char *name, const kr_target *target, kr_error *err)
{
    const kr_lattice *lattice = target->lattice;
    const bool has_basis = lattice->n_basis > 1;
    int64_t step = has_basis ? lattice->n_basis : 1;
    if (!is_box(lattice)) {
        return kr_fail(err, KR_EUNSUP,
                       "%s: want a lattice that is periodic in all directions and has no "
                       "antiperiodic one",
                       name);
    }
    *slices = (kr_slices){ .terms = target->terms, .n_parts = kr_slices_parts(target->terms) };
    for (int32_t d = has_basis; d < lattice->dim; d++) {
        slices->length =
            lattice->extent[d] > slices->length ? lattice->extent[d] : slices->length;
    }
    for (int32_t d = has_basis; d < lattice->dim; d++) {
        if (lattice->extent[d] == slices->length) {
            slices->step[slices->n_axes++] = step;
        }
        step *= lattice->extent[d];
    }
    if (slices->length < 2 || slices->length > KR_SLICES_MAX / slices->n_parts) {
        return kr_fail(err, KR_EUNSUP, "%s: largest side %d, want 2..%d", name, slices->length,
                       KR_SLICES_MAX / slices->n_parts);
    }
    /* Lattice vectors at 60 or 120 degrees: a reciprocal one is 2/sqrt(3) times longer. */
    slices->unit = lattice->is_oblique ? 0.5 * sqrt(3.0) : 1.0;
    return KR_OK;
}

/* Sites in runs of `step` share their slice: outer blocks, slices, sites of a run. */
static void add_values(const kr_slices *s, int64_t step, const uint8_t *state, double *slice)
{
    const double *value = s->terms->value;
    const uint8_t *end = state + s->terms->n_sites;
    while (state < end) {
        for (int32_t x = 0; x < s->length; x++) {
            double sum = 0.0;
            for (int64_t k = 0; k < step; k++) {
                sum += value[*state++];
            }
            slice[x] += sum;
        }
    }
}

/* The same for two states, in integers. */
static void add_two_states(const kr_slices *s, int64_t step, const uint8_t *state,
                           double *slice)
{
    const double *value = s->terms->value;
    const uint8_t *end = state + s->terms->n_sites;
    const double low = value[0] * s->terms->n_sites / s->length, rise = value[1] - value[0];
    for (int32_t x = 0; x < s->length; x++) {
        slice[x] = 0.0;
    }
    while (state < end) {
        if (step == 1) {
            for (int32_t x = 0; x < s->length; x++) {
                slice[x] += state[x];
            }
            state += s->length;
            continue;
        }
        for (int32_t x = 0; x < s->length; x++) {
            int32_t sum = 0;
            for (int64_t k = 0; k < step; k++) {
                sum += state[k];
            }
            slice[x] += sum;
            state += step;
        }
    }
    for (int32_t x = 0; x < s->length; x++) {
        slice[x] = low + rise * slice[x];
    }
}

static void add_potts(const kr_slices *s, int64_t step, const uint8_t *state, double *slice)
{
    const int32_t q = s->terms->q;
    const uint8_t *end = state + s->terms->n_sites;
    while (state < end) {
        for (int32_t x = 0; x < s->length; x++) {
            double *count = slice + (size_t)x * (size_t)q;
            for (int64_t k = 0; k < step; k++) {
                count[*state++] += 1.0;
            }
        }
    }
    const double mean = (double)s->terms->n_sites / s->length / q, scale = sqrt(q / (q - 1.0));
    for (int64_t k = 0; k < (int64_t)s->length * q; k++) {
        slice[k] = scale * (slice[k] - mean);
    }
}

static void add_vectors(const kr_slices *s, int64_t step, const uint8_t *state, double *slice)
{
    const double *x_of = s->terms->moment[0].value, *y_of = s->terms->moment[1].value;
    for (int32_t i = 0; i < s->terms->n_sites; i++) {
        double *to = slice + 2 * (i / step % s->length);
        to[0] += x_of[state[i]];
        to[1] += y_of[state[i]];
    }
}

static void add_angles(const kr_slices *s, int64_t step, const kr_block *block, int32_t lane,
                       double *slice)
{
    for (int32_t i = 0; i < s->terms->n_sites; i++) {
        const double phi = block->phi[(size_t)i * (size_t)block->stride + (size_t)lane];
        double *to = slice + 2 * (i / step % s->length);
        to[0] += cos(phi);
        to[1] += sin(phi);
    }
}

void kr_slices_sum(const kr_slices *slices, int32_t axis, const kr_block *block, int32_t lane,
                   double *slice)
{
    const kr_terms *terms = slices->terms;
    const int64_t step = slices->step[axis];
    memset(slice, 0, (size_t)slices->length * (size_t)slices->n_parts * sizeof *slice);
    if (terms->action) {
        add_angles(slices, step, block, lane, slice);
        return;
    }
    const uint8_t *state = block->state + (size_t)lane * (size_t)block->n_sites;
    if (terms->order == KR_ORDER_POTTS) {
        add_potts(slices, step, state, slice);
    } else if (terms->order == KR_ORDER_VECTOR) {
        add_vectors(slices, step, state, slice);
    } else if (terms->q == 2) {
        add_two_states(slices, step, state, slice);
    } else {
        add_values(slices, step, state, slice);
    }
}
