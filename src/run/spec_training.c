/* SPDX-License-Identifier: GPL-3.0-or-later
 * run/spec_training.c - defaults of training that depend on the density.
 *
 * Networks shared among the sites of a lattice see many examples in each state: a little
 * forward KL puts them into every phase, and from there reverse KL with large steps learns
 * fastest. A network of one site sees one example per state, and the noise of reverse KL undoes
 * what forward KL taught it, unless its steps are so small that they teach nothing. Weights
 * from a file are good already and want smaller steps. Which it is the weights tell: shared
 * ones are visited more than once in scoring one state. */
#include "model/fits.h"
#include "run/spec_private.h"

#include <stdio.h>
#include <string.h>

#define SHARED 1.2 /* visits per weight and state, from which on networks count as shared */

static const struct {
    const char *key, *own; /* default where each site has a network */
    const char *shared;    /* where not */
    const char *go_on;     /* where shared ones come from a file */
} automatic[KR_AUTOMATIC] = {
    { "forward", "1", "0.2", "0.2" },
    { "reverse_rate", "0.0005", "0.01", "0.002" },
};

static int set(kr_runfile *file, const char *key, const char *value, kr_error *err)
{
    char assignment[KR_TEXT_MAX];
    snprintf(assignment, sizeof assignment, "training.%s=%s", key, value);
    return kr_runfile_set(file, assignment, err);
}

int kr_spec_training_defaults(kr_spec *spec, kr_error *err)
{
    for (int k = 0; k < KR_AUTOMATIC; k++) {
        const kr_node *map = kr_node_get(spec->file->root, "training");
        const kr_node *node = map ? kr_node_get(map, automatic[k].key) : NULL;
        if (map && map->kind != KR_NODE_MAP) {
            return KR_OK; /* refused later */
        }
        spec->is_automatic[k] =
            !node || (node->kind == KR_NODE_SCALAR && strcmp(node->text, "auto") == 0);
        if (spec->is_automatic[k]) {
            KR_TRY(set(spec->file, automatic[k].key, automatic[k].own, err));
        }
    }
    return KR_OK;
}

/* Whether the densities that learn have shared networks, all of them. */
static int find_shared(const kr_spec *spec, bool *is_shared, kr_error *err)
{
    bool is_any = false;
    *is_shared = true;
    for (int32_t d = 0; d < spec->config.n_densities; d++) {
        const kr_density_entry *entry = &spec->density[d];
        const kr_density_plug *plug = entry->plug;
        kr_error why = { 0 };
        if (!(plug->flags & KR_DENSITY_TRAINABLE)) {
            continue;
        }
        if (!plug->n_visits || !kr_density_fits(plug, &spec->target[0], entry->params, &why)) {
            *is_shared = false; /* what does not fit is refused by the sampler */
            return KR_OK;
        }
        void *self = plug->alloc(&spec->target[0], entry->params, err);
        if (!self) {
            return err ? err->status : KR_ENOMEM;
        }
        *is_shared =
            *is_shared && plug->n_visits(self) >= SHARED * (double)plug->n_weights(self);
        plug->free(self);
        is_any = true;
    }
    *is_shared = *is_shared && is_any;
    return KR_OK;
}

int kr_spec_finish_training(kr_spec *spec, kr_error *err)
{
    double *const value[KR_AUTOMATIC] = { &spec->config.training.forward,
                                          &spec->config.training.reverse_rate };
    bool is_shared = false, goes_on = false;
    for (int32_t d = 0; d < spec->config.n_densities; d++) {
        goes_on = goes_on || spec->density_files[d].start[0];
    }
    if (spec->is_automatic[0] || spec->is_automatic[1]) {
        KR_TRY(find_shared(spec, &is_shared, err));
    }
    for (int k = 0; k < KR_AUTOMATIC; k++) {
        const char *number = goes_on ? automatic[k].go_on : automatic[k].shared;
        if (is_shared && spec->is_automatic[k]) {
            KR_TRY(set(spec->file, automatic[k].key, number, err));
            KR_TRY(kr_number_real(number, value[k], err));
        }
    }
    return KR_OK;
}
