/* SPDX-License-Identifier: GPL-3.0-or-later
 * update/bits_planes.h - neighbor vectors of a pass, and planes added to vertical counters.
 *
 * A gathered pass runs group by group: the neighbors of a group are fetched into a few
 * kilobytes, and the kernels see a pass of one group whose neighbors are whole vectors there.
 * So one kernel serves both kinds of folds. */
#ifndef KR_UPDATE_BITS_PLANES_H
#define KR_UPDATE_BITS_PLANES_H

#include "update/bits_kernels.h"
#include "update/bits_vector.h"

#define GROUP 8 /* vectors that share pools, and planes that are added at once */

/* Vector v of the pass, one piece. */
typedef struct place {
    const kr_bits_pass *pass;
    const uint64_t *state, *near; /* near: where the sources of the pass are */
    int32_t v;
    int piece;
} place;

KR_INLINE bv neighbor(const place *at, const bool is_signed, int32_t slot)
{
    const size_t k = (size_t)at->v * (size_t)at->pass->n_slots + (size_t)slot;
    const size_t word = (size_t)at->piece * BV_WORDS;
    bv x = bv_load(at->near + (size_t)at->pass->source[k] * 8 + word);
    return is_signed ? x ^ bv_load(at->pass->sign + k * 8 + word) : x;
}

typedef struct gathered {
    kr_bits_pass pass;
    int32_t source[GROUP * KR_BITS_SLOTS];
    _Alignas(64) uint64_t valid[GROUP * 8];
    uint64_t near[GROUP * KR_BITS_SLOTS * 8];
} gathered;

/* Elements are put together in registers of 16 bytes: on Zen 4 as fast as 64 bytes at once, and
 * 1.2 to 1.4 times as fast as the gather instructions. */
typedef uint64_t words_64 __attribute__((vector_size(16), may_alias));
typedef uint32_t words_32 __attribute__((vector_size(16), may_alias));
typedef uint16_t words_16 __attribute__((vector_size(16), may_alias));
typedef uint32_t word_32 __attribute__((may_alias));
typedef uint16_t word_16 __attribute__((may_alias));

/* Fetches n vectors. */
static inline void fetch(int32_t width, const uint64_t *state, const int32_t *near, size_t n,
                         uint64_t *out)
{
    const uint32_t *k = (const uint32_t *)near; /* no sign to extend */
    const word_32 *half = (const word_32 *)state;
    const word_16 *quarter = (const word_16 *)state;
    const uint64_t *end = out + 8 * n;
    if (width == 64) {
        for (; out < end; out += 2, k += 2) {
            *(words_64 *)out = (words_64){ state[k[0]], state[k[1]] };
        }
    } else if (width == 32) {
        for (; out < end; out += 2, k += 4) {
            *(words_32 *)out = (words_32){ half[k[0]], half[k[1]], half[k[2]], half[k[3]] };
        }
    } else {
        for (; out < end; out += 2, k += 8) {
            *(words_16 *)out =
                (words_16){ quarter[k[0]], quarter[k[1]], quarter[k[2]], quarter[k[3]],
                            quarter[k[4]], quarter[k[5]], quarter[k[6]], quarter[k[7]] };
        }
    }
}

static void gather_init(gathered *g, const kr_bits_pass *pass)
{
    g->pass = *pass;
    g->pass.source = g->source;
    for (int32_t k = 0; k < GROUP * pass->n_slots; k++) {
        g->source[k] = k;
    }
}

/* Makes g the n <= GROUP vectors from v of the pass. */
static void gather(gathered *g, const kr_bits_pass *pass, int32_t v, int32_t n,
                   const uint64_t *state)
{
    const size_t at = (size_t)v, slot = at * (size_t)pass->n_slots;
    const size_t n_words = (size_t)(512 / pass->width);
    g->pass.n = n;
    g->pass.vector = pass->vector + at;
    g->pass.filled = pass->filled + at * 8;
    g->pass.sign = pass->sign ? pass->sign + slot * 8 : NULL;
    g->pass.present = pass->present ? pass->present + slot * 8 : NULL;
    g->pass.missing = pass->missing ? pass->missing + at * 24 : NULL;
    fetch(pass->width, state, pass->near + slot * n_words, (size_t)n * (size_t)pass->n_slots,
          g->near);
}

/* Adds eight planes of weight 1 (Harley, Seal: carry-save adders in a tree). */
KR_INLINE void add_planes(kr_bits_sum *sum, int piece, const bv *x)
{
    const size_t word = (size_t)piece * BV_WORDS;
    bv one = bv_load(sum->level[0].plane + word), two = bv_load(sum->level[1].plane + word);
    bv four = bv_load(sum->level[2].plane + word), twos[4], fours[2];
#pragma GCC unroll 4
    for (int k = 0; k < 4; k++) {
        twos[k] = bv_majority(one, x[2 * k], x[2 * k + 1]);
        one = bv_xor3(one, x[2 * k], x[2 * k + 1]);
    }
#pragma GCC unroll 2
    for (int k = 0; k < 2; k++) {
        fours[k] = bv_majority(two, twos[2 * k], twos[2 * k + 1]);
        two = bv_xor3(two, twos[2 * k], twos[2 * k + 1]);
    }
    bv carry = bv_majority(four, fours[0], fours[1]);
    bv_store(sum->level[0].plane + word, one);
    bv_store(sum->level[1].plane + word, two);
    bv_store(sum->level[2].plane + word, bv_xor3(four, fours[0], fours[1]));
    int level = 3;
    for (uint64_t n = sum->n_eights; n & 1; n >>= 1, level++) {
        bv plane = bv_load(sum->level[level].plane + word);
        bv waiting = bv_load(sum->level[level].waiting + word);
        bv_store(sum->level[level].plane + word, bv_xor3(plane, waiting, carry));
        bv_store(sum->level[level].waiting + word, bv_set(0));
        carry = bv_majority(plane, waiting, carry);
    }
    bv_store(sum->level[level].waiting + word, carry);
}

#endif
