/* SPDX-License-Identifier: GPL-3.0-or-later
 * base/rng_enumerate.h - the draws of rng.h as branches of a tree that a test walks.
 *
 * A test sets the stream's path with kr_rng_enumerate_begin and runs a kernel again and again;
 * each run takes the next path through all draws and carries that path's probability, until
 * kr_rng_enumerate_next says that the tree is exhausted. The path lives in the kr_rng itself
 * (its buffer points to a kr_rng_tree), so there is no global state. A stream that carries no
 * tree draws as in production. */
#ifndef KR_BASE_RNG_ENUMERATE_H
#define KR_BASE_RNG_ENUMERATE_H

#include "base/rng.h"

typedef struct kr_rng_tree kr_rng_tree;

/* NULL when memory is short. */
kr_rng_tree *kr_rng_tree_alloc(void);
void kr_rng_tree_free(kr_rng_tree *tree);
/* Attach the tree to a stream and start at the first path. */
void kr_rng_enumerate_begin(kr_rng *rng, kr_rng_tree *tree);
/* Probability of the path just taken. */
double kr_rng_enumerate_weight(const kr_rng_tree *tree);
/* Moves to the next path; false when none is left. */
bool kr_rng_enumerate_next(kr_rng_tree *tree);

bool kr_rng_bernoulli(kr_rng *rng, double p);
uint32_t kr_rng_below(kr_rng *rng, uint32_t n);
int32_t kr_rng_categorical(kr_rng *rng, const double *weight, int32_t n);
int32_t kr_rng_integer_weights(kr_rng *rng, const uint32_t *weight, uint64_t total, int32_t n);
void kr_rng_bernoulli_lanes(kr_rng *rng, int32_t n, const uint32_t *p, uint8_t *out);
/* Continuous draws have no finite tree: these still come from the stream itself. Kernels of
 * discrete models must not use them; kr_rng_enumerate_weight turns NaN when one does. */
uint64_t kr_rng_u64(kr_rng *rng);
double kr_rng_uniform(kr_rng *rng);
double kr_rng_normal(kr_rng *rng);

#endif
