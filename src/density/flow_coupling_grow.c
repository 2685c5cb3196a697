/* SPDX-License-Identifier: GPL-3.0-or-later
 * density/flow_coupling_grow.c - couplings of convolutional networks, taken over from a lattice
 * of another size.
 *
 * Kernels know nothing of the size, and units are widths of a site: all of them are taken as
 * they are, the base by its momenta as in density/flow_grow.c. */
#include "density/flow_coupling.h"

#include "base/memory.h"
#include "density/flow_base.h"
#include "density/flow_grow.h"

#include <string.h>

enum { VERSION = 1 };
enum {
    H_VERSION,
    H_DIM,
    H_EVEN,
    H_LAYERS,
    H_WEIGHTS, /* of all layers but the base */
    H_SAME,    /* must agree */
    H_MODES = H_SAME,
    H_MEANS,
    HEADER
};

size_t kr_coupling_networks(const void *self, int64_t *out)
{
    const kr_flow_stack *stack = self;
    const kr_flow_layer *base = &stack->layer[0];
    const kr_flow_modes *modes = stack->source_ops ? NULL : kr_flow_base_modes(base);
    if (!modes || !modes->is_separable || !kr_coupling_is_conv(&stack->layer[1])) {
        return 0;
    }
    const int64_t header[HEADER] = {
        [H_VERSION] = VERSION,
        [H_DIM] = modes->n_axes,
        [H_EVEN] = modes->is_even,
        [H_LAYERS] = stack->n_layers - 1,
        [H_WEIGHTS] = (int64_t)(stack->n_weights - base->n_weights),
        [H_MODES] = modes->n_orbits,
        [H_MEANS] = (int64_t)base->n_weights - modes->n_orbits,
    };
    if (out) {
        memcpy(out, header, sizeof header);
        kr_grow_momenta(modes, out + HEADER);
    }
    return HEADER + (size_t)(header[H_MODES] * header[H_DIM]);
}

static int check(const int64_t *own, const int64_t *theirs, size_t n, size_t n_weights,
                 kr_error *err)
{
    static const char *const name[H_SAME] = { "version", "dimension", "evenness", "layers",
                                              "weights of layers" };
    KR_TRY(kr_grow_check_header(own, theirs, n, HEADER, name, H_SAME, n_weights, err));
    const int64_t all = theirs[H_MODES] + theirs[H_MEANS] + own[H_WEIGHTS];
    const int64_t numbers = HEADER + own[H_DIM] * theirs[H_MODES];
    return kr_grow_check_sizes(n_weights, n, all, numbers, err);
}

static kr_grow_base base_of(const int64_t *header)
{
    return (kr_grow_base){ header[H_DIM], header[H_MODES], header[H_MEANS], header + HEADER };
}

int kr_coupling_adopt(void *self, const int64_t *networks, size_t n_networks,
                      const float *weights, size_t n_weights, kr_adopted *count, kr_error *err)
{
    kr_flow_stack *stack = self;
    const size_t n = kr_coupling_networks(self, NULL);
    if (n == 0) {
        return kr_fail(
            err, KR_EMISMATCH,
            "networks are dense, the density begins with wells or angles, or the "
            "modes of the action have no momenta here, want net: conv or shells, base: "
            "gaussian and a uniform box");
    }
    int64_t *own = kr_alloc(n, sizeof *own, err);
    if (!own) {
        return KR_ENOMEM;
    }
    kr_coupling_networks(self, own);
    const int status = check(own, networks, n_networks, n_weights, err);
    if (status == KR_OK) {
        const kr_grow_base base = base_of(own), theirs = base_of(networks);
        const size_t layers = (size_t)own[H_WEIGHTS];
        *count = (kr_adopted){ 0, 0, 0 };
        kr_grow_adopt_base(&base, &theirs, stack->weights, weights, count);
        memcpy(stack->weights + stack->n_weights - layers, weights + n_weights - layers,
               layers * sizeof *weights);
        count->n_same += (int32_t)own[H_LAYERS];
    }
    kr_free(own);
    return status;
}
