/* SPDX-License-Identifier: GPL-3.0-or-later
 * update/bits_popcount.c - energy and magnetization of one bit-coded chain where the CPU counts
 * the ones of a whole vector (AVX-512 VPOPCNTDQ): cheap enough for every sweep. */
#include "base/isa.h"
#include "update/bits_kernels.h"

#ifdef KR_ISA_X86
#include <immintrin.h>

#define TARGET __attribute__((target("avx512f,avx512vpopcntdq")))
#define INLINE static inline __attribute__((always_inline)) TARGET

INLINE __m512i load(const uint64_t *words, size_t vector)
{
    return _mm512_load_si512(words + vector * 8);
}

/* Bond ends of a pass that cost energy, by words. */
INLINE __m512i count_kind(const bool is_signed, const bool is_rim, const int32_t n_slots,
                          const kr_bits_pass *pass, const uint64_t *state)
{
    __m512i sum = _mm512_setzero_si512(), other = sum;
#pragma GCC unroll 2
    for (size_t v = 0, k = 0; v < (size_t)pass->n; v++) {
        const __m512i own = load(state, (size_t)pass->vector[v]);
        for (int32_t s = 0; s < n_slots; s++, k++) {
            __m512i x = _mm512_xor_si512(load(state, (size_t)pass->source[k]), own);
            x = is_signed ? _mm512_xor_si512(x, load(pass->sign, k)) : x;
            x = _mm512_popcnt_epi64(is_rim ? _mm512_and_si512(x, load(pass->present, k)) : x);
            if (s % 2) {
                other = _mm512_add_epi64(other, x);
            } else {
                sum = _mm512_add_epi64(sum, x);
            }
        }
    }
    return _mm512_add_epi64(sum, other);
}

INLINE __m512i count_bonds(const kr_bits_pass *pass, const uint64_t *state)
{
    const int32_t n = pass->n_slots;
    if (pass->present) {
        return pass->sign ? count_kind(true, true, n, pass, state)
                          : count_kind(false, true, n, pass, state);
    }
    if (pass->sign) {
        return count_kind(true, false, n, pass, state);
    }
    return n == 4 ? count_kind(false, false, 4, pass, state)
                  : count_kind(false, false, n, pass, state);
}

TARGET static kr_bits_counts measure(const kr_bits_pass *pass, int32_t n_passes, int32_t n,
                                     const uint64_t *state, const uint64_t *old)
{
    __m512i up = _mm512_setzero_si512(), flip = up, bonds = up;
#pragma GCC unroll 4
    for (size_t v = 0; v < (size_t)n; v++) {
        const __m512i x = load(state, v);
        up = _mm512_add_epi64(up, _mm512_popcnt_epi64(x));
        if (old) {
            const __m512i changed = _mm512_xor_si512(x, load(old, v));
            flip = _mm512_add_epi64(flip, _mm512_popcnt_epi64(changed));
        }
    }
    for (int32_t p = 0; p < n_passes; p++) {
        bonds = _mm512_add_epi64(bonds, count_bonds(&pass[p], state));
    }
    return (kr_bits_counts){ _mm512_reduce_add_epi64(up), _mm512_reduce_add_epi64(bonds),
                             _mm512_reduce_add_epi64(flip) };
}

TARGET static int64_t flips(const kr_bits_pass *pass, int32_t begin, int32_t step,
                            const uint64_t *old, const uint64_t *state)
{
    __m512i sum = _mm512_setzero_si512();
    for (size_t v = (size_t)begin, k = 0; v < (size_t)pass->n; v += (size_t)step, k++) {
        __m512i x = _mm512_xor_si512(load(state, (size_t)pass->vector[v]), load(old, k));
        sum = _mm512_add_epi64(sum, _mm512_popcnt_epi64(x));
    }
    return _mm512_reduce_add_epi64(sum);
}

static const kr_bits_popcount popcount = { measure, flips };
#endif

const kr_bits_popcount *kr_bits_popcount_find(kr_isa isa)
{
#ifdef KR_ISA_X86
    if (kr_isa_resolve(isa) == KR_ISA_AVX512 && __builtin_cpu_supports("avx512vpopcntdq")) {
        return &popcount;
    }
#endif
    (void)isa;
    return NULL;
}
