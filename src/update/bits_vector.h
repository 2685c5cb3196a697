/* SPDX-License-Identifier: GPL-3.0-or-later
 * update/bits_vector.h - 512 bits as pieces of the widest registers of an instruction set.
 *
 * A piece is 64, 32 or 16 bytes. The lanes of a random stream are independent, so a kernel may
 * run piece by piece and still draws the same words. Logic of three operands is one instruction
 * with AVX-512. */
#ifndef KR_UPDATE_BITS_VECTOR_H
#define KR_UPDATE_BITS_VECTOR_H

#include "base/rng.h"

#include <string.h>
#if defined(__AVX512F__) || defined(__AVX2__)
#include <immintrin.h>
#endif

#ifndef KR_INLINE /* given in sanitizer builds, where inlined checks take minutes to compile   \
                   */
#define KR_INLINE static inline __attribute__((always_inline))
#endif

#if defined(__AVX512F__)
#define BV_BYTES 64
#elif defined(__AVX2__)
#define BV_BYTES 32
#else
#define BV_BYTES 16
#endif
#define BV_WORDS  (BV_BYTES / 8)
#define BV_PIECES (64 / BV_BYTES)

typedef uint64_t bv __attribute__((vector_size(BV_BYTES)));
/* Sanitizer builds of GCC align the stack to 16 bytes only; aligned data costs nothing more. */
typedef uint64_t bv_memory __attribute__((vector_size(BV_BYTES), may_alias, aligned(16)));

KR_INLINE bv bv_load(const uint64_t *p)
{
    return *(const bv_memory *)(const void *)p;
}

KR_INLINE void bv_store(uint64_t *p, bv x)
{
    *(bv_memory *)(void *)p = x;
}

KR_INLINE bv bv_set(uint64_t x)
{
#if defined(__AVX512F__)
    return (bv)_mm512_set1_epi64((long long)x);
#elif defined(__AVX2__)
    return (bv)_mm256_set1_epi64x((long long)x);
#else
    return (bv){ x, x };
#endif
}

KR_INLINE bool bv_any(bv x)
{
#if defined(__AVX512F__)
    return _mm512_test_epi64_mask((__m512i)x, (__m512i)x) != 0;
#elif defined(__AVX2__)
    return !_mm256_testz_si256((__m256i)x, (__m256i)x);
#else
    return (x[0] | x[1]) != 0;
#endif
}

/* The table lists f(a, b, c) for abc = 111, 110, ..., 000 from the highest bit. */
#ifdef __AVX512F__
#define BV_LOGIC(table, a, b, c, expr)                                                         \
    ((bv)_mm512_ternarylogic_epi64((__m512i)(a), (__m512i)(b), (__m512i)(c), table))
#define BV_ROTATE(x, k) ((bv)_mm512_rol_epi64((__m512i)(x), k))
#else
#define BV_LOGIC(table, a, b, c, expr) (expr)
#define BV_ROTATE(x, k)                ((x) << (k) | (x) >> (64 - (k)))
#endif

KR_INLINE bv bv_xor3(bv a, bv b, bv c)
{
    return BV_LOGIC(0x96, a, b, c, a ^ b ^ c);
}

KR_INLINE bv bv_majority(bv a, bv b, bv c)
{
    return BV_LOGIC(0xe8, a, b, c, (a & b) | ((a ^ b) & c));
}

/* a where s is set, else b */
KR_INLINE bv bv_select(bv s, bv a, bv b)
{
    return BV_LOGIC(0xca, s, a, b, b ^ (s & (a ^ b)));
}

/* a | (b & c) */
KR_INLINE bv bv_or_and(bv a, bv b, bv c)
{
    return BV_LOGIC(0xf8, a, b, c, a | (b & c));
}

/* (a ^ b) & c */
KR_INLINE bv bv_xor_and(bv a, bv b, bv c)
{
    return BV_LOGIC(0x28, a, b, c, (a ^ b) & c);
}

/* a ^ (b & c) */
KR_INLINE bv bv_xor_masked(bv a, bv b, bv c)
{
    return BV_LOGIC(0x78, a, b, c, a ^ (b & c));
}

/* One piece of a bank of a stream (base/rng.h): xoshiro256++ in each 64-bit lane. The words of
 * the first bank are those of a refill; words that wait in the buffer stay there for scalar
 * draws. */
typedef struct bv_rng {
    bv s[4];
} bv_rng;

KR_INLINE void bv_rng_load(bv_rng *r, uint64_t (*s)[KR_RNG_LANES], int piece)
{
    for (int k = 0; k < 4; k++) {
        memcpy(&r->s[k], &s[k][piece * BV_WORDS], sizeof r->s[k]);
    }
}

KR_INLINE void bv_rng_store(const bv_rng *r, uint64_t (*s)[KR_RNG_LANES], int piece)
{
    for (int k = 0; k < 4; k++) {
        memcpy(&s[k][piece * BV_WORDS], &r->s[k], sizeof r->s[k]);
    }
}

KR_INLINE bv bv_rng_next(bv_rng *r)
{
    bv s0 = r->s[0], s1 = r->s[1], s2 = r->s[2], s3 = r->s[3];
    bv sum = s0 + s3, t = s1 << 17, x = s3 ^ s1;
    r->s[1] = bv_xor3(s1, s2, s0); /* the first operand is the register written */
    r->s[2] = bv_xor3(s2, s0, t);
    r->s[0] = s0 ^ x;
    r->s[3] = BV_ROTATE(x, 45);
    return BV_ROTATE(sum, 23) + s0;
}

#endif
