/* SPDX-License-Identifier: GPL-3.0-or-later
 * model/block.c - blocks of chains: life cycle, layouts, starts, energy audit. */
#include "model/block.h"

#include "base/memory.h"
#include "base/rng.h"
#include "base/state.h"
#include "model/action.h"
#include "model/block_real.h"
#include "model/count.h"
#include "model/fold.h"
#include "model/terms.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

kr_block *kr_block_alloc(const kr_terms *terms, int32_t n_lanes, int32_t first_chain,
                         int32_t point, kr_error *err)
{
    if (n_lanes < 1 || n_lanes > KR_LANES_MAX) {
        kr_fail(err, KR_EINVAL, "block: %d chains, want 1..%d", n_lanes, KR_LANES_MAX);
        return NULL;
    }
    kr_block *block = kr_alloc(1, sizeof *block, err);
    if (!block) {
        return NULL;
    }
    block->layout = terms->action ? KR_LAYOUT_REAL : KR_LAYOUT_CHAIN;
    block->n_lanes = n_lanes;
    block->stride = (int32_t)kr_lanes_pad((size_t)n_lanes);
    block->first_chain = first_chain;
    block->point = point;
    block->n_sites = terms->n_sites;
    block->q = terms->q;
    block->log_q_of = -1;
    block->size =
        (size_t)block->stride * (size_t)block->n_sites * (terms->action ? sizeof(double) : 1);
    block->state = kr_alloc(block->size, 1, err);
    block->spare = kr_alloc(block->size, 1, err);
    block->count = kr_alloc(KR_LANES_MAX * (size_t)terms->q, sizeof *block->count, err);
    block->energy = kr_alloc(KR_LANES_MAX, sizeof *block->energy, err);
    block->log_q = kr_alloc(KR_LANES_MAX, sizeof *block->log_q, err);
    block->rejected = kr_alloc(KR_LANES_MAX, sizeof *block->rejected, err);
    block->rng = kr_alloc(1, sizeof *block->rng, err);
    if (!block->state || !block->spare || !block->energy || !block->log_q || !block->count ||
        !block->rejected || !block->rng) {
        kr_block_free(block);
        return NULL;
    }
    if (terms->action) {
        block->phi = (double *)(void *)block->state;
        block->spare_phi = (double *)(void *)block->spare;
    }
    return block;
}

void kr_block_free(kr_block *block)
{
    if (block) {
        for (int32_t k = 0; k < block->n_pools; k++) {
            kr_free(block->pool[k].state);
            kr_free(block->pool[k].log_q);
            kr_free(block->pool[k].energy);
        }
        kr_free(block->pool);
        kr_free(block->rng);
        kr_free(block->rejected);
        kr_free(block->count);
        kr_free(block->log_q);
        kr_free(block->energy);
        kr_free(block->spare);
        kr_free(block->state);
        kr_free(block);
    }
}

int32_t kr_block_lanes(int64_t n_chains)
{
    int32_t lanes = 16;
    while (lanes < KR_LANES_MAX && lanes < n_chains / 8) {
        lanes *= 2;
    }
    return lanes;
}

/* CHAIN to LANE or back, in tiles of sites so that both sides stay in cache. */
static void transpose(const kr_block *block, bool to_lane, const uint8_t *from, uint8_t *to)
{
    size_t n = (size_t)block->n_sites, lanes = (size_t)block->n_lanes;
    size_t stride = (size_t)block->stride, tile = 64;
    for (size_t begin = 0; begin < n; begin += tile) {
        size_t end = begin + tile < n ? begin + tile : n;
        for (size_t lane = 0; lane < lanes; lane++) {
            for (size_t i = begin; i < end; i++) {
                size_t chain_major = lane * n + i, site_major = i * stride + lane;
                if (to_lane) {
                    to[site_major] = from[chain_major];
                } else {
                    to[chain_major] = from[site_major];
                }
            }
        }
    }
}

void kr_block_join(kr_block *block, kr_block *gang, int32_t first_lane)
{
    block->gang = gang;
    block->gang_lane = first_lane;
}

int kr_block_add_fold(kr_block *block, const kr_fold *fold, kr_error *err)
{
    const kr_fold **slot = fold->layout == KR_LAYOUT_BITS ? &block->bits : &block->bytes;
    if ((*slot && !kr_fold_is_same(*slot, fold)) || fold->n_lanes < block->n_lanes) {
        return kr_fail(err, KR_EINVAL, "block: a second fold, or one for %d chains, want %d",
                       fold->n_lanes, block->n_lanes);
    }
    *slot = fold;
    size_t size = kr_fold_bytes(fold);
    if (size <= block->size) {
        return KR_OK;
    }
    uint8_t **area[] = { &block->state, &block->spare };
    for (int k = 0; k < 2; k++) {
        uint8_t *grown = kr_grow(*area[k], block->size, size, 1, err);
        if (!grown) {
            return KR_ENOMEM;
        }
        *area[k] = grown;
    }
    block->size = size;
    return KR_OK;
}

/* Numbers in the states of a pool. */
static size_t pool_states(const kr_block *block)
{
    return KR_LANES_MAX * (size_t)block->n_sites;
}

int kr_block_add_pool(kr_block *block, int32_t density, kr_error *err)
{
    size_t n = (size_t)block->n_pools;
    for (size_t k = 0; k < n; k++) {
        if (block->pool[k].density == density) {
            return KR_OK;
        }
    }
    kr_pool *grown = kr_grow(block->pool, n, n + 1, sizeof *grown, err);
    if (!grown) {
        return KR_ENOMEM;
    }
    block->pool = grown;
    kr_pool *pool = &grown[n];
    block->n_pools++;
    pool->density = density;
    pool->state = kr_alloc(pool_states(block), block->phi ? sizeof(double) : 1, err);
    pool->log_q = kr_alloc(KR_LANES_MAX, sizeof *pool->log_q, err);
    pool->energy = kr_alloc(KR_LANES_MAX, sizeof *pool->energy, err);
    return pool->state && pool->log_q && pool->energy ? KR_OK : KR_ENOMEM;
}

static const kr_fold *fold_of(const kr_block *block, kr_layout layout)
{
    return layout == KR_LAYOUT_BITS    ? block->bits
           : layout == KR_LAYOUT_BYTES ? block->bytes
                                       : NULL;
}

/* state from CHAIN into spare */
static void from_chain(kr_block *block, kr_layout layout)
{
    const kr_fold *fold = fold_of(block, layout);
    if (fold) {
        kr_fold_pack(fold, block->n_lanes, block->state, block->spare);
    } else {
        transpose(block, true, block->state, block->spare);
    }
}

/* state into spare as CHAIN */
static void to_chain(kr_block *block)
{
    const kr_fold *fold = fold_of(block, block->layout);
    if (block->layout == KR_LAYOUT_GANG) {
        kr_fold_unpack_lanes(block->gang->bits, block->gang_lane, block->n_lanes,
                             block->gang->state, block->spare);
    } else if (fold) {
        kr_fold_unpack(fold, block->n_lanes, block->state, block->spare);
    } else {
        transpose(block, false, block->state, block->spare);
    }
}

/* Bytes of state that a layout uses; the others are zero. */
static size_t used_bytes(const kr_block *block, kr_layout layout)
{
    const kr_fold *fold = fold_of(block, layout);
    return fold                       ? kr_fold_bytes(fold)
           : layout != KR_LAYOUT_LANE ? (size_t)block->n_lanes * (size_t)block->n_sites
                                      : (size_t)block->stride * (size_t)block->n_sites;
}

/* Takes the new layout from spare. The bytes that no chain owns stay zero, so equal chains make
 * equal restart files. The addresses stay: a state table borrows them. */
static void take_spare(kr_block *block, kr_layout layout)
{
    size_t old = used_bytes(block, block->layout), used = used_bytes(block, layout);
    memcpy(block->state, block->spare, used);
    if (old > used) {
        memset(block->state + used, 0, old - used);
    }
    block->layout = layout;
    block->has_halo = 0;
}

/* state from CHAIN to the gang, unless it is there still. */
static void enter_gang(kr_block *block)
{
    if (!block->has_halo) {
        kr_fold_pack_lanes(block->gang->bits, block->gang_lane, block->n_lanes, block->state,
                           block->gang->state);
        block->gang->has_halo = 0;
    }
    memset(block->state, 0, used_bytes(block, KR_LAYOUT_CHAIN));
    block->layout = KR_LAYOUT_GANG;
    block->has_halo = 0;
}

bool kr_block_convert(kr_block *block, kr_layout layout)
{
    if (block->layout == layout || block->phi) {
        return false;
    }
    if (block->layout != KR_LAYOUT_CHAIN) {
        bool is_kept = block->layout == KR_LAYOUT_GANG;
        memset(block->spare, 0, used_bytes(block, KR_LAYOUT_CHAIN));
        to_chain(block);
        take_spare(block, KR_LAYOUT_CHAIN);
        block->has_halo = is_kept;
    }
    if (layout == KR_LAYOUT_GANG) {
        enter_gang(block);
    } else if (layout != KR_LAYOUT_CHAIN) {
        memset(block->spare, 0, used_bytes(block, layout));
        from_chain(block, layout);
        take_spare(block, layout);
    }
    return true;
}

/* Exchanges n runs of `period` words of two areas under a mask of one run. */
static void swap_words(uint8_t *a, uint8_t *b, size_t n, size_t period, const uint64_t *mask)
{
    uint64_t *restrict x = (uint64_t *)(void *)a, *restrict y = (uint64_t *)(void *)b;
    for (size_t v = 0; v < n; v++) {
        for (size_t w = 0; w < period; w++) {
            uint64_t differ = (x[v * period + w] ^ y[v * period + w]) & mask[w];
            x[v * period + w] ^= differ;
            y[v * period + w] ^= differ;
        }
    }
}

static void swap_bytes(uint8_t *restrict a, uint8_t *restrict b, size_t n)
{
    for (size_t k = 0; k < n; k++) {
        uint8_t kept = a[k];
        a[k] = b[k];
        b[k] = kept;
    }
}

/* Words of one vector in which the elements of the lanes are all ones; lanes repeat every
 * n_lanes elements, in all tiles and in halos, which are turned by whole tiles. */
static void spread_mask(uint64_t lanes, int32_t n_elements, int32_t n_lanes, bool is_bits,
                        uint64_t words[KR_VECTOR_BYTES / 8])
{
    uint8_t bytes[KR_VECTOR_BYTES] = { 0 };
    for (int32_t e = 0; e < n_elements; e++) {
        if (!(lanes >> e % n_lanes & 1)) {
            continue;
        }
        if (is_bits) {
            bytes[e / 8] = (uint8_t)(bytes[e / 8] | 1U << e % 8);
        } else {
            bytes[e] = 0xff;
        }
    }
    memcpy(words, bytes, sizeof bytes);
}

void kr_block_swap_lanes(kr_block *gang, int32_t distance, uint64_t mask)
{
    size_t n = kr_fold_bytes(gang->bits) / sizeof(uint64_t);
    uint64_t *restrict x = (uint64_t *)(void *)gang->state, word = mask;
    for (int32_t k = gang->bits->n_lanes; k < 64; k *= 2) {
        word |= word << k;
    }
    for (size_t v = 0; v < n; v++) { /* halos are turned by whole tiles, so they follow */
        uint64_t differ = (x[v] ^ x[v] >> distance) & word;
        x[v] ^= differ ^ differ << distance;
    }
}

/* Members of two gangs. */
static void swap_members(const kr_block *a, const kr_block *b, uint64_t mask)
{
    size_t n = kr_fold_bytes(a->gang->bits) / sizeof(uint64_t);
    uint64_t *restrict x = (uint64_t *)(void *)a->gang->state;
    uint64_t *restrict y = (uint64_t *)(void *)b->gang->state, word = mask;
    for (int32_t k = a->gang->bits->n_lanes; k < 64; k *= 2) {
        word |= word << k;
    }
    for (size_t v = 0; v < n; v++) {
        uint64_t differ = (x[v] >> a->gang_lane ^ y[v] >> b->gang_lane) & word;
        x[v] ^= differ << a->gang_lane;
        y[v] ^= differ << b->gang_lane;
    }
    a->gang->has_halo = b->gang->has_halo = a->gang->has_halo && b->gang->has_halo;
}

static void swap_states(kr_block *a, kr_block *b, uint64_t mask)
{
    const kr_fold *fold = fold_of(a, a->layout);
    uint64_t words[KR_VECTOR_BYTES / 8];
    size_t n_sites = (size_t)a->n_sites;
    if (a->layout == KR_LAYOUT_GANG && a->gang == b->gang) {
        const kr_block *first = a->gang_lane < b->gang_lane ? a : b;
        int32_t distance = a->gang_lane + b->gang_lane - 2 * first->gang_lane;
        kr_block_swap_lanes(a->gang, distance, mask << first->gang_lane);
    } else if (a->layout == KR_LAYOUT_GANG) {
        swap_members(a, b, mask);
    } else if (fold) {
        spread_mask(mask, fold->n_elements, fold->n_lanes, a->layout == KR_LAYOUT_BITS, words);
        swap_words(a->state, b->state, kr_fold_bytes(fold) / KR_VECTOR_BYTES,
                   KR_VECTOR_BYTES / 8, words);
    } else if (a->layout == KR_LAYOUT_LANE) {
        spread_mask(mask, a->n_lanes, a->n_lanes, false, words);
        swap_words(a->state, b->state, n_sites, (size_t)a->stride / 8, words);
    } else {
        for (size_t lane = 0; lane < (size_t)a->n_lanes; lane++) {
            if (mask >> lane & 1) {
                swap_bytes(a->state + lane * n_sites, b->state + lane * n_sites, n_sites);
            }
        }
    }
}

void kr_block_swap(kr_block *a, kr_block *b, uint64_t mask)
{
    mask &= UINT64_MAX >> (KR_LANES_MAX - a->n_lanes);
    if (!mask) {
        return;
    }
    if (a->phi) {
        kr_block_real_swap(a, b, mask);
        kr_block_swap_numbers(a, b, mask);
        return;
    }
    const kr_fold *fold = fold_of(a, a->layout);
    if (a->layout == KR_LAYOUT_GANG
            ? b->layout != a->layout || !kr_fold_is_same(a->gang->bits, b->gang->bits)
            : fold && !kr_fold_is_same(fold, fold_of(b, a->layout))) {
        kr_block_convert(a, KR_LAYOUT_CHAIN);
    }
    kr_block_convert(b, a->layout);
    swap_states(a, b, mask);
    kr_block_swap_numbers(a, b, mask);
}

void kr_block_swap_numbers(kr_block *a, kr_block *b, uint64_t mask)
{
    bool has_count = a->has_count && b->has_count;
    size_t q = (size_t)a->q;
    for (size_t lane = 0; lane < (size_t)a->n_lanes; lane++) {
        if (mask >> lane & 1) {
            double energy = a->energy[lane];
            a->energy[lane] = b->energy[lane];
            b->energy[lane] = energy;
            swap_bytes((uint8_t *)(a->count + lane * q), (uint8_t *)(b->count + lane * q),
                       has_count ? q * sizeof *a->count : 0);
        }
    }
    kr_block_touch(a);
    kr_block_touch(b);
    a->has_count = b->has_count = has_count;
}

void kr_block_count(kr_block *block)
{
    if (block->has_count || block->phi) {
        return;
    }
    const uint8_t *state = block->state;
    if (block->layout == KR_LAYOUT_GANG || fold_of(block, block->layout)) {
        to_chain(block);
        state = block->spare;
    }
    const size_t n = (size_t)block->n_sites, q = (size_t)block->q,
                 n_lanes = (size_t)block->n_lanes;
    memset(block->count, 0, KR_LANES_MAX * q * sizeof *block->count);
    if (block->layout == KR_LAYOUT_LANE) {
        kr_count_lanes(state, n, n_lanes, (size_t)block->stride, q, block->count);
    } else {
        for (size_t lane = 0; lane < n_lanes; lane++) {
            kr_count_chain(state + lane * n, n, q, block->count + lane * q);
        }
    }
    block->has_count = 1;
}

void kr_block_start_lane(kr_block *block, int32_t lane, int32_t start_state, kr_rng *rng)
{
    uint8_t *state = block->state + (size_t)lane * (size_t)block->n_sites;
    uint32_t q = (uint32_t)block->q;
    if (start_state == KR_START_RANDOM) {
        for (int32_t i = 0; i < block->n_sites; i++) {
            state[i] = (uint8_t)kr_rng_below(rng, q);
        }
    } else {
        uint32_t a =
            start_state == KR_START_ANY_ORDERED ? kr_rng_below(rng, q) : (uint32_t)start_state;
        memset(state, (int)a, (size_t)block->n_sites);
    }
    kr_block_touch(block);
}

void kr_block_start(kr_block *block, const kr_terms *terms, int32_t lane, int32_t start_state,
                    double start_value, kr_rng *rng)
{
    if (block->phi) {
        kr_block_real_start(block, terms, lane, start_state, start_value, rng);
        kr_block_touch(block);
    } else {
        kr_block_start_lane(block, lane, start_state, rng);
    }
}

void kr_block_start_phase(kr_block *block, const kr_terms *terms, int32_t lane, int32_t phase,
                          kr_rng *rng)
{
    const kr_phase random = { .start_state = KR_START_RANDOM };
    const kr_phase *p = phase < 0 ? &random : &terms->phase[phase];
    kr_block_start(block, terms, lane, p->start_state, p->start_value, rng);
}

size_t kr_block_row_bytes(const kr_block *block)
{
    return (size_t)block->n_sites * (block->phi ? sizeof(double) : 1);
}

void kr_block_set_lane(kr_block *block, int32_t lane, const void *state)
{
    if (block->phi) {
        kr_block_real_copy(block->phi + lane, (size_t)block->stride, state, 1, block->n_sites);
    } else {
        memcpy(block->state + (size_t)lane * (size_t)block->n_sites, state,
               (size_t)block->n_sites);
    }
    kr_block_touch(block);
}

void kr_block_get_lane(const kr_block *block, int32_t lane, void *state)
{
    if (block->phi) {
        kr_block_real_copy(state, 1, block->phi + lane, (size_t)block->stride, block->n_sites);
    } else {
        memcpy(state, block->state + (size_t)lane * (size_t)block->n_sites,
               (size_t)block->n_sites);
    }
}

void kr_block_copy_lane(kr_block *block, int32_t lane, const kr_block *from, int32_t from_lane)
{
    if (block->phi) {
        kr_block_real_copy(block->phi + lane, (size_t)block->stride, from->phi + from_lane,
                           (size_t)from->stride, block->n_sites);
        kr_block_touch(block);
    } else {
        kr_block_set_lane(block, lane, from->state + (size_t)from_lane * (size_t)from->n_sites);
    }
}

void kr_block_order(const kr_block *block, const kr_terms *terms, double *order)
{
    if (block->phi) {
        kr_action_order(terms->action, block->n_lanes, block->phi, (size_t)block->stride,
                        order);
        return;
    }
    for (int32_t lane = 0; lane < block->n_lanes; lane++) {
        order[lane] = kr_terms_order(terms, block->count + (size_t)lane * (size_t)block->q);
    }
}

static double lane_energy(const kr_block *block, const kr_terms *terms, int32_t lane)
{
    bool by_lane = block->layout == KR_LAYOUT_LANE;
    size_t offset = (size_t)lane * (by_lane ? 1 : (size_t)block->n_sites);
    return kr_terms_energy(terms, block->state + offset, by_lane ? (size_t)block->stride : 1);
}

void kr_block_energies(const kr_block *block, const kr_terms *terms, double *energy)
{
    if (block->phi) {
        kr_terms_score(terms, block->phi, (size_t)block->stride, block->n_lanes, energy);
        return;
    }
    for (int32_t lane = 0; lane < block->n_lanes; lane++) {
        energy[lane] = lane_energy(block, terms, lane);
    }
}

/* Energies are read from bytes with a stride. */
static void unfold(kr_block *block)
{
    if (block->layout != KR_LAYOUT_LANE) {
        kr_block_convert(block, KR_LAYOUT_CHAIN); /* nothing where there is one layout only */
    }
}

void kr_block_score(kr_block *block, const kr_terms *terms)
{
    unfold(block);
    kr_block_energies(block, terms, block->energy);
    block->log_q_of = -1;
}

double kr_block_audit(kr_block *block, const kr_terms *terms)
{
    double worst = 0.0, energy[KR_LANES_MAX];
    unfold(block);
    kr_block_energies(block, terms, energy);
    for (int32_t lane = 0; lane < block->n_lanes; lane++) {
        double off = fabs(block->energy[lane] - energy[lane]);
        worst = isnan(off) ? INFINITY : fmax(worst, off);
        block->energy[lane] = energy[lane];
    }
    return worst;
}

_Static_assert(sizeof(kr_layout) == sizeof(int32_t), "layout is saved as a 32-bit integer");

static int declare_pool(const kr_block *block, kr_pool *pool, kr_state *table, kr_error *err)
{
    char name[32];
    snprintf(name, sizeof name, "pool%d", pool->density);
    KR_TRY(kr_state_push(table, name, err));
    KR_TRY(kr_state_add(table, "n_lanes", KR_I32, 1, &pool->n_lanes, err));
    KR_TRY(kr_state_add(table, "n_used", KR_I32, 1, &pool->n_used, err));
    KR_TRY(kr_state_add(table, "epoch", KR_I64, 1, &pool->epoch, err));
    KR_TRY(kr_state_add(table, "state", block->phi ? KR_F64 : KR_U8, pool_states(block),
                        pool->state, err));
    KR_TRY(kr_state_add(table, "log_q", KR_F64, KR_LANES_MAX, pool->log_q, err));
    KR_TRY(kr_state_add(table, "energy", KR_F64, KR_LANES_MAX, pool->energy, err));
    kr_state_pop(table);
    return KR_OK;
}

int kr_block_declare(kr_block *block, kr_state *table, kr_error *err)
{
    size_t n_counts = KR_LANES_MAX * (size_t)block->q;
    KR_TRY(block->phi ? kr_state_add(table, "phi", KR_F64, block->size / sizeof(double),
                                     block->phi, err)
                      : kr_state_add(table, "state", KR_U8, block->size, block->state, err));
    KR_TRY(kr_state_add(table, "energy", KR_F64, KR_LANES_MAX, block->energy, err));
    KR_TRY(kr_state_add(table, "log_q", KR_F64, KR_LANES_MAX, block->log_q, err));
    KR_TRY(kr_state_add(table, "log_q_of", KR_I32, 1, &block->log_q_of, err));
    KR_TRY(kr_state_add(table, "log_q_epoch", KR_I64, 1, &block->log_q_epoch, err));
    KR_TRY(kr_state_add(table, "count", KR_I64, n_counts, block->count, err));
    KR_TRY(kr_state_add(table, "has_count", KR_I32, 1, &block->has_count, err));
    KR_TRY(kr_state_add(table, "rejected", KR_I64, KR_LANES_MAX, block->rejected, err));
    KR_TRY(kr_state_add(table, "layout", KR_I32, 1, &block->layout, err));
    for (int32_t k = 0; k < block->n_pools; k++) {
        KR_TRY(declare_pool(block, &block->pool[k], table, err));
    }
    return kr_rng_declare(block->rng, table, err);
}
