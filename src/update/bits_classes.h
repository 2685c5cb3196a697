/* SPDX-License-Identifier: GPL-3.0-or-later
 * update/bits_classes.h - the class of local field of each element of a vector: neighbors
 * counted in binary digits, and entries of a table chosen by these. */
#ifndef KR_UPDATE_BITS_CLASSES_H
#define KR_UPDATE_BITS_CLASSES_H

#include "update/bits_planes.h"

#define BITS 4 /* digits of a class number */

KR_INLINE int n_bits(const int scheme)
{
    return scheme == KR_BITS_SYMMETRIC_4                                ? 1
           : scheme == KR_BITS_SYMMETRIC_6 || scheme == KR_BITS_COUNT_4 ? 2
           : scheme == KR_BITS_COUNT_16                                 ? 4
                                                                        : 3;
}

/* Entry a of a row: a word for all lanes, or a vector. */
KR_INLINE bv entry(const bool is_laned, const uint64_t *row, const int a)
{
    return is_laned ? bv_load(row + 8 * a) : bv_set(row[a]);
}

KR_INLINE bv choose_4(const bool is_laned, const uint64_t *row, const int a, const bv *bit)
{
    return bv_select(
        bit[1], bv_select(bit[0], entry(is_laned, row, a + 3), entry(is_laned, row, a + 2)),
        bv_select(bit[0], entry(is_laned, row, a + 1), entry(is_laned, row, a)));
}

KR_INLINE bv choose_8(const bool is_laned, const uint64_t *row, const int a, const bv *bit)
{
    return bv_select(bit[2], choose_4(is_laned, row, a + 4, bit),
                     choose_4(is_laned, row, a, bit));
}

/* The entry of row that belongs to the class of each element. */
KR_INLINE bv choose(const int scheme, const bool is_laned, const uint64_t *row, const bv *bit)
{
    switch (scheme) {
    case KR_BITS_SYMMETRIC_4:
        return bv_select(bit[0], entry(is_laned, row, 1), entry(is_laned, row, 0));
    case KR_BITS_SYMMETRIC_6:
        return bv_select(bit[0], entry(is_laned, row, 1),
                         bv_select(bit[1], entry(is_laned, row, 2), entry(is_laned, row, 0)));
    case KR_BITS_COUNT_4:
        return choose_4(is_laned, row, 0, bit);
    case KR_BITS_COUNT_5:
        return bv_select(bit[2], entry(is_laned, row, 4), choose_4(is_laned, row, 0, bit));
    case KR_BITS_COUNT_8:
        return choose_8(is_laned, row, 0, bit);
    default:
        return bv_select(bit[3], choose_8(is_laned, row, 8, bit),
                         choose_8(is_laned, row, 0, bit));
    }
}

/* Digits of the number of neighbors that are up; four neighbors do not need the fourth. */
KR_INLINE void count_up(const place *at, const bool is_signed, const int digits, bv *bit)
{
    const kr_bits_pass *pass = at->pass;
    for (int b = 0; b < BITS; b++) {
        bit[b] = bv_set(0);
    }
    for (int32_t s = 0; s < pass->n_slots; s++) {
        bv carry = neighbor(at, is_signed, s);
        if (pass->present) {
            const size_t k = (size_t)at->v * (size_t)pass->n_slots + (size_t)s;
            carry &= bv_load(pass->present + k * 8 + (size_t)at->piece * BV_WORDS);
        }
#pragma GCC unroll 4
        for (int b = 0; b < digits; b++) {
            bv next = bit[b] & carry;
            bit[b] ^= carry;
            carry = next;
        }
    }
}

/* Class 2 k + missing; both are below 8 and the sum is below 16. */
KR_INLINE void count_rim(const place *at, const bool is_signed, bv *bit)
{
    bv up[BITS];
    const uint64_t *missing =
        at->pass->missing + (size_t)at->v * 24 + (size_t)at->piece * BV_WORDS;
    bv m0 = bv_load(missing), m1 = bv_load(missing + 8), m2 = bv_load(missing + 16);
    count_up(at, is_signed, 3, up);
    bv carry = up[0] & m1;
    bit[0] = m0;
    bit[1] = up[0] ^ m1;
    bit[2] = bv_xor3(up[1], m2, carry);
    bit[3] = up[2] ^ bv_majority(up[1], m2, carry);
}

/* Sets the class, the favored states and the ties of a vector; none favored outside valid. */
KR_INLINE void classify(const int scheme, const place *at, const bool is_signed, bv valid,
                        bv *bit, bv *favored, bv *tie)
{
    const kr_bits_law *law = at->pass->law;
    if (scheme == KR_BITS_SYMMETRIC_4) {
        bv a = neighbor(at, is_signed, 0), b = neighbor(at, is_signed, 1);
        bv c = neighbor(at, is_signed, 2), d = neighbor(at, is_signed, 3);
        bv sum = bv_xor3(a, b, c), most = bv_majority(a, b, c);
        bit[0] = sum ^ d;
        *tie = BV_LOGIC(0x42, sum, d, most, ~(sum ^ d) & (most ^ sum));
        *favored = bv_xor_and(most, bv_set(law->favored[0]), valid);
        return;
    }
    if (scheme == KR_BITS_SYMMETRIC_6) {
        bv a = neighbor(at, is_signed, 0), b = neighbor(at, is_signed, 1);
        bv c = neighbor(at, is_signed, 2), d = neighbor(at, is_signed, 3);
        bv e = neighbor(at, is_signed, 4), f = neighbor(at, is_signed, 5);
        bv sum1 = bv_xor3(a, b, c), twos1 = bv_majority(a, b, c);
        bv sum2 = bv_xor3(d, e, f), twos2 = bv_majority(d, e, f), twos3 = sum1 & sum2;
        bv two = bv_xor3(twos1, twos2, twos3), four = bv_majority(twos1, twos2, twos3);
        bit[0] = sum1 ^ sum2;
        bit[1] = two ^ four;
        *tie = BV_LOGIC(0x60, sum1 ^ sum2, two, four, (sum1 ^ sum2) & (two ^ four)) & two;
        *favored = bv_xor_and(four, bv_set(law->favored[0]), valid);
        return;
    }
    if (scheme == KR_BITS_COUNT_16 && at->pass->missing) {
        count_rim(at, is_signed, bit);
    } else {
        count_up(at, is_signed, n_bits(scheme), bit);
    }
    *favored = choose(scheme, false, law->favored, bit) & valid;
    *tie = choose(scheme, false, law->tie, bit);
}

#endif
