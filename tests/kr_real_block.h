/* SPDX-License-Identifier: GPL-3.0-or-later
 * tests/kr_real_block.h - blocks of real-valued models filled by tests. */
#ifndef KR_REAL_BLOCK_H
#define KR_REAL_BLOCK_H

#include "kr_system.h"

#include "base/rng.h"
#include "model/block.h"

/* Independent normals of the given width in every lane, padding included. */
static inline kr_block *real_block(const kr_terms *terms, int32_t n_lanes, double width,
                                   uint64_t seed)
{
    kr_rng rng;
    kr_block *block = kr_block_alloc(terms, n_lanes, 0, 0, NULL);
    assert_non_null(block);
    kr_rng_seed(&rng, seed, 0, 0);
    for (int32_t k = 0; k < block->n_sites * block->stride; k++) {
        block->phi[k] = width * kr_rng_normal(&rng);
    }
    kr_block_score(block, terms);
    return block;
}

/* Sets one lane to the numbers (n_sites). */
static inline void real_set(kr_block *block, int32_t lane, const double *value)
{
    for (int32_t i = 0; i < block->n_sites; i++) {
        block->phi[i * block->stride + lane] = value[i];
    }
}

/* Rows (n_lanes, *n_columns) of an observable at beta = 1; to be freed. */
static inline double *real_measure(const kr_observable_plug *plug, const kr_system *s,
                                   double beta, const kr_block *block, int32_t *n_columns)
{
    kr_error err = { 0 };
    const kr_target target = system_target(s, beta);
    void *self = plug->alloc(&target, NULL, block->n_lanes, &err);
    assert_non_null(self);
    plug->columns(self, n_columns);
    double *out = calloc((size_t)block->n_lanes * (size_t)*n_columns, sizeof *out);
    assert_non_null(out);
    plug->measure(self, block, out);
    plug->free(self);
    return out;
}

static inline void assert_refused(const kr_observable_plug *plug, const kr_system *s,
                                  const char *text)
{
    kr_error err = { 0 };
    const kr_target target = system_target(s, 1.0);
    assert_false(plug->supports(&target, NULL, &err));
    assert_int_equal(err.status, KR_EUNSUP);
    if (!strstr(err.text, text)) {
        fail_msg("%s: want %s", err.text, text);
    }
}

#endif
