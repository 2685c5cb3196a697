/* SPDX-License-Identifier: GPL-3.0-or-later
 * update/bits_planes.h - neighbor vectors of a pass, and planes added to vertical counters. */
#ifndef KR_UPDATE_BITS_PLANES_H
#define KR_UPDATE_BITS_PLANES_H

#include "update/bits_kernels.h"
#include "update/bits_vector.h"

#define GROUP 8 /* vectors that share pools, and planes that are added at once */

/* Vector v of the pass, one piece. */
typedef struct place {
    const kr_bits_pass *pass;
    const uint64_t *state;
    int32_t v;
    int piece;
} place;

KR_INLINE bv neighbor(const place *at, const bool is_signed, int32_t slot)
{
    const size_t k = (size_t)at->v * (size_t)at->pass->n_slots + (size_t)slot;
    const size_t word = (size_t)at->piece * BV_WORDS;
    bv x = bv_load(at->state + (size_t)at->pass->source[k] * 8 + word);
    return is_signed ? x ^ bv_load(at->pass->sign + k * 8 + word) : x;
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
