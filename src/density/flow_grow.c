/* SPDX-License-Identifier: GPL-3.0-or-later
 * density/flow_grow.c - coupling flows described without the size of the lattice, and taken
 * over from a lattice of another size.
 *
 * Orbits of displacements are told by their lengths, modes of the base by their momenta: a mode
 * takes the factor of its width from the nearest momentum there. Waves, bends and biases are
 * the same on all lattices, for their units are widths of a site or of the zero mode. */
#include "density/flow_grow.h"

#include "base/memory.h"
#include "density/flow_base.h"
#include "density/flow_site.h"
#include "density/flow_split.h"

#include <math.h>
#include <string.h>

enum { VERSION = 3 };
enum {
    H_VERSION,
    H_DIM,
    H_EVEN,
    H_LAYERS,
    H_ZERO,
    H_WAVES,
    H_KNOTS,
    H_LEVEL,
    H_SAME, /* must agree */
    H_MODES = H_SAME,
    H_MEANS,
    H_ORBITS,
    HEADER
};

/* Momenta in units of 2 pi / 2^20, so that lattices can be compared. */
#define MOMENTUM_UNIT 0x1p20

static bool has_zero(const kr_flow_stack *stack)
{
    return !kr_split_shape_of(&stack->layer[1]);
}

static const kr_split_shape *shape_of(const kr_flow_stack *stack)
{
    return kr_split_shape_of(&stack->layer[1 + has_zero(stack)]);
}

static int32_t n_couplings(const kr_flow_stack *stack)
{
    int32_t n = 0;
    for (int32_t k = 1; k < stack->n_layers; k++) {
        n += kr_split_shape_of(&stack->layer[k]) != NULL;
    }
    return n;
}

static void write_header(const kr_flow_stack *stack, int64_t out[HEADER])
{
    const kr_flow_modes *modes = kr_flow_base_modes(&stack->layer[0]);
    const kr_split_shape *shape = shape_of(stack);
    out[H_VERSION] = VERSION;
    out[H_DIM] = modes->n_axes;
    out[H_EVEN] = modes->is_even;
    out[H_ZERO] = has_zero(stack);
    out[H_LAYERS] = n_couplings(stack);
    out[H_WAVES] = shape->n_waves;
    out[H_KNOTS] = shape->n_knots;
    out[H_LEVEL] = shape->level;
    out[H_MODES] = modes->n_orbits;
    out[H_MEANS] = (int64_t)stack->layer[0].n_weights - modes->n_orbits;
    out[H_ORBITS] = shape->n_orbits;
}

void kr_grow_momenta(const kr_flow_modes *modes, int64_t *out)
{
    const size_t dim = (size_t)modes->n_axes;
    for (size_t k = 0; k < (size_t)modes->n_orbits * dim; k++) {
        const size_t orbit = k / dim, d = k % dim;
        out[k] = llround(MOMENTUM_UNIT * modes->momentum[orbit * KR_DIM_MAX + d] /
                         (4.0 * modes->axis[d].side));
    }
}

size_t kr_flow_networks(const void *self, int64_t *out)
{
    const kr_flow_stack *stack = self;
    const kr_flow_modes *modes =
        stack->source_ops ? NULL : kr_flow_base_modes(&stack->layer[0]);
    int64_t header[HEADER];
    if (!modes || !modes->is_separable ||
        kr_flow_site_is(
            &stack->layer[stack->n_layers - 1])) { /* wells, ends: one lattice only */
        return 0;
    }
    write_header(stack, header);
    const size_t dim = (size_t)header[H_DIM];
    if (out) {
        memcpy(out, header, sizeof header);
        out += HEADER;
        kr_grow_momenta(modes, out);
        out += (size_t)header[H_MODES] * dim;
        for (size_t k = 0; k < (size_t)header[H_ORBITS] * dim; k++) {
            out[k] = shape_of(stack)->orbit[k / dim * KR_DIM_MAX + k % dim];
        }
    }
    return HEADER + dim * (size_t)(header[H_MODES] + header[H_ORBITS]);
}

/* ---- taking over ----------------------------------------------------------------------------
 */

/* Widths of the rows of both matrices. */
static void row_widths(const int64_t *header, int64_t width[2])
{
    const int64_t F = header[H_WAVES];
    width[0] = header[H_EVEN] ? 1 + F : 1 + 2 * F;
    width[1] = header[H_EVEN] ? F : 1 + 2 * F;
}

int kr_grow_check_header(const int64_t *own, const int64_t *theirs, size_t n, int n_header,
                         const char *const *name, int n_same, size_t n_weights, kr_error *err)
{
    if (n < (size_t)n_header) {
        return kr_fail(err, KR_EMISMATCH, "networks: %zu numbers, want at least %d", n,
                       n_header);
    }
    for (int k = 0; k < n_same; k++) {
        if (own[k] != theirs[k]) {
            return kr_fail(err, KR_EMISMATCH, "networks: %s %lld, want %lld", name[k],
                           (long long)theirs[k], (long long)own[k]);
        }
    }
    for (int k = n_same; k < n_header; k++) {
        if (theirs[k] < 0 || theirs[k] > (int64_t)n_weights) {
            return kr_fail(err, KR_EMISMATCH, "networks: count %lld, want 0..%zu",
                           (long long)theirs[k], n_weights);
        }
    }
    return KR_OK;
}

int kr_grow_check_sizes(size_t n_weights, size_t n, int64_t want_weights, int64_t want,
                        kr_error *err)
{
    return (int64_t)n_weights == want_weights && (int64_t)n == want
               ? KR_OK
               : kr_fail(err, KR_EMISMATCH,
                         "networks: %zu weights and %zu numbers, want %lld and %lld", n_weights,
                         n, (long long)want_weights, (long long)want);
}

static int check(const int64_t *own, const int64_t *theirs, size_t n, size_t n_weights,
                 kr_error *err)
{
    static const char *const name[H_SAME] = {
        "version",   "dimension", "evenness", "layers",
        "zero_mode", "features",  "knots",    "heat_bath"
    };
    int64_t width[2];
    KR_TRY(kr_grow_check_header(own, theirs, n, HEADER, name, H_SAME, n_weights, err));
    row_widths(own, width);
    const int64_t bends = kr_split_bend_weights((int32_t)own[H_KNOTS]);
    const int64_t layer = 2 + (theirs[H_ORBITS] + 1) * (width[0] + width[1]) + 2 + bends;
    const int64_t all =
        theirs[H_MODES] + theirs[H_MEANS] + own[H_ZERO] * (bends + 1) + own[H_LAYERS] * layer;
    const int64_t numbers = HEADER + own[H_DIM] * (theirs[H_MODES] + theirs[H_ORBITS]);
    return kr_grow_check_sizes(n_weights, n, all, numbers, err);
}

/* Row of `list` (n, dim) next to `wanted`; distance squared into *apart, -1 where none. */
static int64_t nearest(const int64_t *list, int64_t n, int64_t dim, const int64_t *wanted,
                       double *apart)
{
    int64_t best = -1;
    *apart = INFINITY;
    for (int64_t k = 0; k < n; k++) {
        double sum = 0.0;
        for (int64_t d = 0; d < dim; d++) {
            const double step = (double)list[k * dim + d] - (double)wanted[d];
            sum += step * step;
        }
        if (sum < *apart) {
            *apart = sum;
            best = k;
        }
    }
    return best;
}

void kr_grow_adopt_base(const kr_grow_base *own, const kr_grow_base *theirs, float *to,
                        const float *from, kr_adopted *count)
{
    for (int64_t o = 0; o < own->n_modes; o++) {
        double apart;
        const int64_t k = nearest(theirs->momentum, theirs->n_modes, own->dim,
                                  own->momentum + o * own->dim, &apart);
        if (k >= 0) {
            to[o] = from[k];
        }
        count->n_same += apart == 0.0;
        count->n_near += k >= 0 && apart > 0.0;
        count->n_fresh += k < 0;
    }
    if (own->n_means == 1 && theirs->n_means == 1) {
        to[own->n_modes] = from[theirs->n_modes];
    }
}

static kr_grow_base base_of(const int64_t *header)
{
    return (kr_grow_base){ header[H_DIM], header[H_MODES], header[H_MEANS], header + HEADER };
}

static void adopt_layer(const int64_t *own, const int64_t *theirs, float *to, const float *from,
                        kr_adopted *count)
{
    const int64_t dim = own[H_DIM], *orbits = own + HEADER + dim * own[H_MODES];
    const int64_t *others = theirs + HEADER + dim * theirs[H_MODES];
    const int64_t rest = 2 + kr_split_bend_weights((int32_t)own[H_KNOTS]);
    int64_t width[2];
    row_widths(own, width);
    memcpy(to, from, 2 * sizeof *to); /* the waves */
    to += 2;
    from += 2;
    for (int h = 0; h < 2; h++) {
        for (int64_t o = 0; o < own[H_ORBITS]; o++) {
            double apart;
            const int64_t k = nearest(others, theirs[H_ORBITS], dim, orbits + o * dim, &apart);
            if (apart == 0.0) {
                memcpy(to + o * width[h], from + k * width[h], (size_t)width[h] * sizeof *to);
            }
            count->n_same += h == 0 && apart == 0.0;
            count->n_fresh += h == 0 && apart != 0.0;
        }
        to += own[H_ORBITS] * width[h];
        from += theirs[H_ORBITS] * width[h];
        memcpy(to, from, (size_t)width[h] * sizeof *to); /* of the local field */
        to += width[h];
        from += width[h];
    }
    memcpy(to, from, (size_t)rest * sizeof *to);
}

static void adopt_all(kr_flow_stack *stack, const int64_t *own, const int64_t *theirs,
                      const float *from, kr_adopted *count)
{
    const int64_t bends = kr_split_bend_weights((int32_t)own[H_KNOTS]);
    const kr_grow_base base = base_of(own), their_base = base_of(theirs);
    int64_t width[2];
    row_widths(own, width);
    *count = (kr_adopted){ 0, 0, 0 };
    kr_grow_adopt_base(&base, &their_base, stack->weights, from, count);
    from += theirs[H_MODES] + theirs[H_MEANS];
    for (int32_t k = 1; k <= own[H_ZERO] + own[H_LAYERS]; k++) { /* a heat bath has none */
        float *to = stack->weights + stack->layer[k].first_weight;
        if (!kr_split_shape_of(&stack->layer[k])) { /* the zero mode */
            memcpy(to, from, (size_t)(bends + 1) * sizeof *to);
            from += bends + 1;
        } else {
            adopt_layer(own, theirs, to, from, count);
            from += 2 + (theirs[H_ORBITS] + 1) * (width[0] + width[1]) + 2 + bends;
        }
    }
}

int kr_flow_adopt(void *self, const int64_t *networks, size_t n_networks, const float *weights,
                  size_t n_weights, kr_adopted *count, kr_error *err)
{
    kr_flow_stack *stack = self;
    const size_t n = kr_flow_networks(self, NULL);
    if (n == 0) {
        return kr_fail(err, KR_EMISMATCH,
                       "the density begins with wells, or the modes of the action have no "
                       "momenta here, want base: gaussian and a uniform box");
    }
    int64_t *own = kr_alloc(n, sizeof *own, err);
    if (!own) {
        return KR_ENOMEM;
    }
    kr_flow_networks(self, own);
    const int status = check(own, networks, n_networks, n_weights, err);
    if (status == KR_OK) {
        adopt_all(stack, own, networks, weights, count);
    }
    kr_free(own);
    return status;
}
