/* SPDX-License-Identifier: GPL-3.0-or-later
 * model/block.h - blocks of chains: life cycle, layouts, starts, energy audit. */
#ifndef KR_MODEL_BLOCK_H
#define KR_MODEL_BLOCK_H

#include "kramers_plug.h"

/* A block of n_lanes chains in layout CHAIN (real-valued models: REAL), states zero, stream
 * unseeded. 1 <= n_lanes <= KR_LANES_MAX. NULL with KR_ENOMEM. */
kr_block *kr_block_alloc(const kr_terms *terms, int32_t n_lanes, int32_t first_chain,
                         int32_t point, kr_error *err);
void kr_block_free(kr_block *block);
/* Chains per block for a number of chains: a function of nothing else, so that results do not
 * depend on the machine: a power of two from 16 to 64 that gives about eight blocks. */
int32_t kr_block_lanes(int64_t n_chains);
/* Makes the layout of a fold known to the block, with room for its vectors and halos. The fold
 * is borrowed; another of the same layout must be the same fold. Before the block is declared.
 * Errors: KR_ENOMEM, KR_EINVAL. */
int kr_block_add_fold(kr_block *block, const kr_fold *fold, kr_error *err);
/* Gives the block a pool for proposals of a density, empty; one it has is kept. Before the
 * block is declared. Errors: KR_ENOMEM. */
int kr_block_add_pool(kr_block *block, int32_t density, kr_error *err);
/* Makes the lanes from first_lane of a gang the place of the block's states in layout GANG: a
 * block of layout BITS whose lanes belong to several blocks, its members. It must have its
 * fold, of 8 lanes or more; borrowed. Members that nobody touched in layout CHAIN come back for
 * free.
 */
void kr_block_join(kr_block *block, kr_block *gang, int32_t first_lane);
/* Converts in place; returns true when work was done. A folded layout must have its fold. No
 * allocation. Layout GANG writes to the gang, CHAIN from there only reads it. */
bool kr_block_convert(kr_block *block, kr_layout layout);
/* Exchanges the chains of the lanes in mask (bit l = lane l) between two blocks of the same
 * number of lanes, sites and states: states, energies and counts. Both must be in one layout,
 * else they are converted to one that both know. log q of both is stale after it, as the
 * densities of the blocks may differ. No allocation. Cost: one pass over both blocks. */
void kr_block_swap(kr_block *a, kr_block *b, uint64_t mask);
/* The same but for the states: of two members whose lanes change places in their gang. */
void kr_block_swap_numbers(kr_block *a, kr_block *b, uint64_t mask);
/* Exchanges the states of the lanes l and l + distance of a gang for all l in mask; no lane
 * twice. Cost: one pass over the vectors. */
void kr_block_swap_lanes(kr_block *gang, int32_t distance, uint64_t mask);
/* Makes count current. */
void kr_block_count(kr_block *block);
/* Fills one lane: all sites in start_state, or KR_START_RANDOM / KR_START_ANY_ORDERED drawn
 * from rng. Marks log_q stale; energies are set by kr_block_score. Layout CHAIN. */
void kr_block_start_lane(kr_block *block, int32_t lane, int32_t start_state, kr_rng *rng);
/* The same for any model; KR_START_VALUE: all sites of a real-valued model at start_value. */
void kr_block_start(kr_block *block, const kr_terms *terms, int32_t lane, int32_t start_state,
                    double start_value, kr_rng *rng);
/* As a known phase starts; -1: at random. */
void kr_block_start_phase(kr_block *block, const kr_terms *terms, int32_t lane, int32_t phase,
                          kr_rng *rng);
/* One configuration by itself: n_sites bytes, all below q, or doubles. Bytes of it; into a lane
 * and out of one, layouts CHAIN and REAL; from a lane of a block in the same layout. */
size_t kr_block_row_bytes(const kr_block *block);
void kr_block_set_lane(kr_block *block, int32_t lane, const void *state);
void kr_block_get_lane(const kr_block *block, int32_t lane, void *state);
void kr_block_copy_lane(kr_block *block, int32_t lane, const kr_block *from, int32_t from_lane);
/* order (n_lanes): the order parameter that tells the phases. count must be current. */
void kr_block_order(const kr_block *block, const kr_terms *terms, double *order);
/* energy (n_lanes): H of these terms; layouts CHAIN, LANE and REAL. */
void kr_block_energies(const kr_block *block, const kr_terms *terms, double *energy);
/* energy[] from scratch; log_q stale. Converts folded states to CHAIN. */
void kr_block_score(kr_block *block, const kr_terms *terms);
/* Largest |energy - recomputed|; also replaces energy by the recomputed value and converts
 * folded states to CHAIN. INFINITY where one is no number. */
double kr_block_audit(kr_block *block, const kr_terms *terms);
/* Rows state, energy, log_q, log_q_of, log_q_epoch, count, has_count, rejected, layout, those
 * of the stream (base/rng.h) and of each pool, under the caller's prefix. */
int kr_block_declare(kr_block *block, kr_state *table, kr_error *err);

#endif
