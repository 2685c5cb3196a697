/* SPDX-License-Identifier: GPL-3.0-or-later
 * model/block_real.h - the parts of model/block.c for real-valued models. */
#ifndef KR_MODEL_BLOCK_REAL_H
#define KR_MODEL_BLOCK_REAL_H

#include "kramers_plug.h"

/* Fills one lane: KR_START_VALUE: all sites at value; KR_START_RANDOM: independent normals of
 * the action's start width, angles uniform; KR_START_ANY_ORDERED: the value of one of the known
 * phases (of none: 0, angles one uniform direction). */
void kr_block_real_start(kr_block *block, const kr_terms *terms, int32_t lane,
                         int32_t start_state, double value, kr_rng *rng);
/* n_sites numbers from one place with a stride to another. */
void kr_block_real_copy(double *to, size_t to_stride, const double *from, size_t from_stride,
                        int32_t n_sites);
/* Exchanges the states of the lanes in mask. */
void kr_block_real_swap(kr_block *a, kr_block *b, uint64_t mask);

#endif
