/* SPDX-License-Identifier: GPL-3.0-or-later
 * update/bits_sums.c - energies and magnetizations of bit-coded chains for one instruction set.
 *
 * Bonds and spins are counted in vertical counters, 512 numbers in binary digits at once, fed
 * by carry-save adders; the elements of a chain are added at the end. */
#include "base/isa.h"
#include "update/bits_planes.h"

/* One neighbor slot of the vectors v..v+n-1: set where the bond counts. */
KR_INLINE void bond_planes(const bool is_signed, const bool is_rim, place at, int32_t n,
                           int32_t slot, const bv *own, bv mask, bv *x)
{
    const size_t word = (size_t)at.piece * BV_WORDS;
#pragma GCC unroll 8
    for (int32_t i = 0; i < n; i++, at.v++) {
        x[i] = neighbor(&at, is_signed, slot) ^ own[i];
        x[i] = is_signed ? x[i] & mask : x[i]; /* elements of no chain are equal: zero */
        if (is_rim) {
            const size_t k = (size_t)at.v * (size_t)at.pass->n_slots + (size_t)slot;
            x[i] &= bv_load(at.pass->present + k * 8 + word);
        }
    }
}

/* Vectors v..v+n-1 of the pass, n <= GROUP. */
KR_INLINE void count_group(const bool is_signed, const bool is_rim, const kr_bits_pass *pass,
                           int32_t v, int32_t n, const uint64_t *valid, const uint64_t *state,
                           const uint64_t *near, kr_bits_sum *sum)
{
    for (int piece = 0; piece < BV_PIECES; piece++) {
        const size_t word = (size_t)piece * BV_WORDS;
        place at = { pass, state, near, v, piece };
        bv mask = bv_load(valid + word), own[GROUP], x[GROUP];
        for (int32_t i = 0; i < GROUP; i++) {
            x[i] = bv_set(0);
            own[i] =
                i < n ? bv_load(state + (size_t)pass->vector[v + i] * 8 + word) : bv_set(0);
        }
        uint64_t before = sum->n_eights;
        for (int32_t s = 0; s < pass->n_slots; s++, sum->n_eights++) {
            if (n == GROUP) {
                bond_planes(is_signed, is_rim, at, GROUP, s, own, mask, x);
            } else {
                bond_planes(is_signed, is_rim, at, n, s, own, mask, x);
            }
            add_planes(sum, piece, x);
        }
        sum->n_eights = before;
    }
    sum->n_eights += (uint64_t)pass->n_slots;
}

KR_INLINE void count_kind(const bool is_signed, const bool is_rim, const kr_bits_pass *pass,
                          const uint64_t *valid, const uint64_t *state, kr_bits_sum *sum)
{
    gathered g;
    if (pass->near) {
        gather_init(&g, pass);
    }
    for (int32_t v = 0; v < pass->n; v += GROUP) {
        int32_t n = pass->n - v < GROUP ? pass->n - v : GROUP;
        if (pass->near) {
            gather(&g, pass, v, n, state);
            count_group(is_signed, is_rim, &g.pass, 0, n, valid, state, g.near, sum);
        } else {
            count_group(is_signed, is_rim, pass, v, n, valid, state, state, sum);
        }
    }
}

static void count_bonds(const kr_bits_pass *pass, const uint64_t *valid, const uint64_t *state,
                        kr_bits_sum *sum)
{
    if (pass->present) {
        if (pass->sign) {
            count_kind(true, true, pass, valid, state, sum);
        } else {
            count_kind(false, true, pass, valid, state, sum);
        }
    } else if (pass->sign) {
        count_kind(true, false, pass, valid, state, sum);
    } else {
        count_kind(false, false, pass, valid, state, sum);
    }
}

static void count_spins(int32_t n, const uint64_t *state, kr_bits_sum *sum)
{
    for (int32_t v = 0; v < n; v += GROUP, sum->n_eights++) {
        for (int piece = 0; piece < BV_PIECES; piece++) {
            bv x[GROUP];
            for (int32_t i = 0; i < GROUP; i++) {
                x[i] = v + i < n
                           ? bv_load(state + (size_t)(v + i) * 8 + (size_t)piece * BV_WORDS)
                           : bv_set(0);
            }
            add_planes(sum, piece, x);
        }
    }
}

static int32_t keep(const kr_bits_pass *pass, int32_t begin, int32_t step,
                    const uint64_t *state, uint64_t *old)
{
    int32_t n = 0;
    for (int32_t v = begin; v < pass->n; v += step, n++, old += 8) {
        for (int piece = 0; piece < BV_PIECES; piece++) {
            const size_t word = (size_t)piece * BV_WORDS;
            bv_store(old + word, bv_load(state + (size_t)pass->vector[v] * 8 + word));
        }
    }
    return n;
}

static void count_flips(const kr_bits_pass *pass, int32_t begin, int32_t step,
                        const uint64_t *old, const uint64_t *state, kr_bits_sum *sum)
{
    for (int32_t v = begin; v < pass->n; sum->n_eights++) {
        bv x[BV_PIECES][GROUP];
        for (int32_t i = 0; i < GROUP; i++, v += step, old += 8) {
            for (int piece = 0; piece < BV_PIECES; piece++) {
                const size_t word = (size_t)piece * BV_WORDS;
                x[piece][i] = v < pass->n
                                  ? bv_load(state + (size_t)pass->vector[v] * 8 + word) ^
                                        bv_load(old + word)
                                  : bv_set(0);
            }
        }
        for (int piece = 0; piece < BV_PIECES; piece++) {
            add_planes(sum, piece, x[piece]);
        }
    }
}

/* Which planes of level k a sum has: bit 0 of the result is the plane, bit 1 the waiting one.
 */
static int planes_of(const kr_bits_sum *sum, int k)
{
    if (k < 3) {
        return 1;
    }
    uint64_t arrived = sum->n_eights >> (k - 3);
    return (arrived >= 2) | (int)(arrived & 1) << 1;
}

static int64_t count_ones(const uint64_t *plane)
{
    int64_t n = 0;
    for (int w = 0; w < 8; w++) {
        n += __builtin_popcountll(plane[w]);
    }
    return n;
}

/* Numbers in binary digits, one column per element; digit k of word w is d[k][w]. */
enum { DIGITS_MAX = KR_BITS_LEVELS + 12 };
typedef struct digits {
    int n;
    uint64_t d[DIGITS_MAX][8];
} digits;

/* x += y, words 0..words-1. */
KR_INLINE void add_digits(digits *restrict x, const digits *restrict y, const int words)
{
    uint64_t carry[8] = { 0 }, any = 0;
    for (int k = 0; k < x->n; k++) {
        for (int w = 0; w < words; w++) {
            uint64_t a = x->d[k][w], b = y->d[k][w];
            x->d[k][w] = a ^ b ^ carry[w];
            carry[w] = (a & b) | ((a ^ b) & carry[w]);
        }
    }
    for (int w = 0; w < words; w++) {
        x->d[x->n][w] = carry[w];
        any |= carry[w];
    }
    x->n += any != 0;
}

KR_INLINE void fold_words(digits *x, digits *other, const int half)
{
    for (int k = 0; k < x->n; k++) {
        for (int w = 0; w < half; w++) {
            other->d[k][w] = x->d[k][half + w];
        }
    }
    add_digits(x, other, half);
}

/* Adds the elements of each lane to the first n_lanes ones. */
static void fold_digits(digits *x, digits *other, int32_t n_lanes)
{
    fold_words(x, other, 4);
    fold_words(x, other, 2);
    fold_words(x, other, 1);
    for (int32_t half = 32; half >= n_lanes; half /= 2) {
        for (int k = 0; k < x->n; k++) {
            other->d[k][0] = x->d[k][0] >> half;
        }
        add_digits(x, other, 1);
    }
}

/* Byte l gets bit k from bit l of byte k: Warren, Hacker's Delight, section 7-3. */
static uint64_t transpose_8(uint64_t x)
{
    uint64_t t = (x ^ x >> 7) & UINT64_C(0x00aa00aa00aa00aa);
    x ^= t ^ t << 7;
    t = (x ^ x >> 14) & UINT64_C(0x0000cccc0000cccc);
    x ^= t ^ t << 14;
    t = (x ^ x >> 28) & UINT64_C(0x00000000f0f0f0f0);
    return x ^ t ^ t << 28;
}

/* Numbers of the lanes from their digits, eight lanes and eight digits at a time. */
static void read_digits(const digits *x, int32_t n_lanes, int64_t *out)
{
    for (int first = 0; first < x->n; first += 8) {
        int n = x->n - first < 8 ? x->n - first : 8;
        for (int32_t lane = 0; lane < n_lanes; lane += 8) {
            uint64_t square = 0;
            for (int k = 0; k < n; k++) {
                square |= (x->d[first + k][0] >> lane & 255) << 8 * k;
            }
            square = transpose_8(square);
            for (int32_t l = 0; l < 8 && lane + l < n_lanes; l++) {
                out[lane + l] += (int64_t)(square >> 8 * l & 255) << first;
            }
        }
    }
}

static void total(const kr_bits_sum *sum, int32_t n_lanes, int64_t *out)
{
    digits x, other;
    memset(out, 0, (size_t)n_lanes * sizeof *out);
    for (x.n = 0; planes_of(sum, x.n); x.n++) {
        int has = planes_of(sum, x.n);
        if (n_lanes == 1) {
            out[0] += (has & 1 ? count_ones(sum->level[x.n].plane) : 0) << x.n;
            out[0] += (has & 2 ? count_ones(sum->level[x.n].waiting) : 0) << x.n;
        } else {
            memcpy(x.d[x.n], sum->level[x.n].plane, sizeof x.d[0]);
            memcpy(other.d[x.n], sum->level[x.n].waiting, sizeof x.d[0]);
        }
    }
    if (n_lanes > 1) {
        add_digits(&x, &other, 8);
        fold_digits(&x, &other, n_lanes);
        read_digits(&x, n_lanes, out);
    }
}

const kr_bits_sums KR_ISA_NAME(kr_bits_sums) = {
    .count_bonds = count_bonds,
    .count_spins = count_spins,
    .keep = keep,
    .count_flips = count_flips,
    .total = total,
};
