/* SPDX-License-Identifier: GPL-3.0-or-later
 * base/rng_vector.h - the lanes of a stream as one vector, for kernels that draw whole vectors.
 *
 * A kernel loads the stream, draws 512 bits at a time and stores it back. The words are those a
 * refill would have put into the buffer; words already in the buffer stay there for scalar
 * draws. Compiled per instruction set, same bits from each. */
#ifndef KR_BASE_RNG_VECTOR_H
#define KR_BASE_RNG_VECTOR_H

#include "base/rng.h"

#include <string.h>
#ifdef __AVX512F__
#include <immintrin.h>
#endif

typedef uint64_t kr_u64x8 __attribute__((vector_size(64)));
#define KR_INLINE static inline __attribute__((always_inline))

typedef struct kr_rng_vector {
    kr_u64x8 s[4];
} kr_rng_vector;

KR_INLINE void kr_rng_vector_load(kr_rng_vector *r, const kr_rng *rng)
{
    memcpy(r->s, rng->s, sizeof r->s);
}

KR_INLINE void kr_rng_vector_store(const kr_rng_vector *r, kr_rng *rng)
{
    memcpy(rng->s, r->s, sizeof r->s);
}

#ifdef __AVX512F__
#define KR_ROTATE(x, k) ((kr_u64x8)_mm512_rol_epi64((__m512i)(x), k))
#else
#define KR_ROTATE(x, k) ((x) << (k) | (x) >> (64 - (k)))
#endif

/* 512 uniform bits. xoshiro256++: Blackman, Vigna, ACM TOMS 47, 36 (2021). */
KR_INLINE void kr_rng_vector_next(kr_rng_vector *r, kr_u64x8 *out)
{
    kr_u64x8 sum = r->s[0] + r->s[3], t = r->s[1] << 17;
    *out = KR_ROTATE(sum, 23) + r->s[0];
    r->s[2] ^= r->s[0];
    r->s[3] ^= r->s[1];
    r->s[1] ^= r->s[2];
    r->s[0] ^= r->s[3];
    r->s[2] ^= t;
    r->s[3] = KR_ROTATE(r->s[3], 45);
}

#endif
