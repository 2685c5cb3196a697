/* SPDX-License-Identifier: GPL-3.0-or-later
 * run/spec_training.c - defaults of training that depend on the density.
 *
 * Networks shared among the sites of a lattice see many examples in each state: a little
 * forward KL puts them into every phase, and from there reverse KL with large steps learns
 * fastest. A network of one site sees one example per state, and the noise of reverse KL undoes
 * what forward KL taught it, unless its steps are so small that they teach nothing. Weights
 * from a file are good already and want smaller steps. Which it is the weights tell: shared
 * ones are visited more than once in scoring one state. The path gradient of flows has little
 * noise, so many small batches teach more than few large ones: phi^4 on 6 x 6 reaches ESS 0.98
 * with batches of 64 for the work that brings it to 0.96 with 256 and to 0.58 with 1024. */
#include "model/fits.h"
#include "run/spec_private.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#define SHARED 1.2 /* visits per weight and state, from which on networks count as shared */

static const struct {
    const char *key, *own; /* default where each site has a network */
    const char *shared;    /* where not */
    const char *go_on;     /* where shared ones come from a file */
    const char *real;      /* of flows of real variables */
} automatic[KR_AUTOMATIC] = {
    { "forward", "1", "0.2", "0.2", "0.05" },
    { "reverse_rate", "0.0005", "0.01", "0.002", "0.005" },
    { "batch", "256", "256", "256", "64" },
    { "walkers", "0.25", "0.25", "0.25", "0" },
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

/* Flags of all densities that learn, joined by `and`; *n: how many there are. */
static unsigned common_flags(const kr_spec *spec, int32_t *n)
{
    unsigned flags = ~0U;
    *n = 0;
    for (int32_t d = 0; d < spec->config.n_densities; d++) {
        if (spec->density[d].plug->flags & KR_DENSITY_TRAINABLE) {
            flags &= spec->density[d].plug->flags;
            (*n)++;
        }
    }
    return *n > 0 ? flags : 0;
}

/* Default of a number of training. */
static double default_of(const char *key)
{
    double value = NAN;
    for (const kr_field *top = kr_spec_fields(); top->name; top++) {
        const kr_field *field = strcmp(top->name, "training") == 0 ? top->sub : NULL;
        for (; field && field->name; field++) {
            if (strcmp(field->name, key) == 0) {
                kr_number_real(field->fallback, &value, NULL);
            }
        }
    }
    return value;
}

/* Keys that were set, as a value other than the default tells, and that nothing reads. */
static int check_idle(kr_spec *spec, bool is_reverse_idle, kr_error *err)
{
    const kr_training_params *t = &spec->config.training;
    const kr_node *map = kr_node_get(spec->file->root, "training");
    int32_t n;
    const bool is_block = common_flags(spec, &n) & KR_DENSITY_BLOCK;
    if (t->conditional > 0 && n == 0) {
        return kr_runfile_fail(
            spec->file, kr_node_get(map, "conditional"), err, KR_EUNSUP,
            "training.conditional = %lld, but no density has weights, want 0",
            (long long)t->conditional);
    }
    const bool is_frozen = t->while_measuring == KR_TRAINING_NONE;
    const struct {
        const char *key, *why;
        bool is_idle;
    } row[] = {
        { "turn_steps", "without while_measuring: alternating",
          is_frozen && (double)t->turn_steps != default_of("turn_steps") },
        { "turn_rate", "without while_measuring: alternating",
          is_frozen && t->turn_rate != default_of("turn_rate") },
        { "target_ess", "where all densities are for blocks, max_work ends their training",
          is_block && t->target_ess != default_of("target_ess") },
        { "samples", "where all densities are for blocks, max_work ends their training",
          is_block && t->samples != 0 },
        { "reverse_rate", "with forward: 0, unless weights come from a file: want rate",
          is_reverse_idle },
    };
    for (size_t k = 0; k < sizeof row / sizeof *row; k++) {
        if (row[k].is_idle) {
            KR_TRY(kr_text_add(&spec->warnings, err, "training.%s has no effect %s\n",
                               row[k].key, row[k].why));
        }
    }
    return KR_OK;
}

int kr_spec_finish_training(kr_spec *spec, kr_error *err)
{
    kr_training_params *t = &spec->config.training;
    double *const value[KR_AUTOMATIC] = { &t->forward, &t->reverse_rate, NULL, &t->walkers };
    const bool is_real = spec->target[0].terms->action != NULL;
    bool is_shared = false, goes_on = false, is_reverse_set = false;
    for (int32_t d = 0; d < spec->config.n_densities; d++) {
        goes_on = goes_on || spec->density_files[d].start[0];
    }
    if (!is_real && (spec->is_automatic[0] || spec->is_automatic[1])) {
        KR_TRY(find_shared(spec, &is_shared, err));
    }
    for (int k = 0; k < KR_AUTOMATIC; k++) {
        const char *number = is_real   ? automatic[k].real
                             : goes_on ? automatic[k].go_on
                                       : automatic[k].shared;
        if ((!is_real && !is_shared) || !spec->is_automatic[k]) {
            double automatic_rate = t->reverse_rate;
            if (value[k] == &t->reverse_rate && (is_real || is_shared)) {
                KR_TRY(kr_number_real(number, &automatic_rate, err));
            }
            is_reverse_set = is_reverse_set || t->reverse_rate != automatic_rate;
            continue;
        }
        KR_TRY(set(spec->file, automatic[k].key, number, err));
        KR_TRY(value[k] ? kr_number_real(number, value[k], err)
                        : kr_number_integer(number, &t->batch, err));
    }
    return check_idle(spec, is_reverse_set && t->forward == 0.0 && !goes_on, err);
}
