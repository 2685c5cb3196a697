/* SPDX-License-Identifier: GPL-3.0-or-later
 * update/bytes_vector.h - 64 unsigned bytes and masks of them, for the kernels of one byte per
 * spin.
 *
 * A vb is one register (AVX-512), two (AVX2) or four (everything else). A vm holds one truth
 * value per byte: a mask register of AVX-512, else bytes of 0 or 255. Same results from each.
 * Only for files compiled per instruction set. */
#ifndef KR_UPDATE_BYTES_VECTOR_H
#define KR_UPDATE_BYTES_VECTOR_H

#include "base/rng.h"

#include <string.h>
#if defined(__x86_64__) || defined(__i386__)
#include <immintrin.h>
#elif defined(__ARM_NEON) && defined(__aarch64__)
#include <arm_neon.h>
#endif

#if defined(__AVX512F__) && defined(__AVX512BW__)
#define VB_PIECES 1
#define VB_EACH(...)                                                                           \
    do {                                                                                       \
        enum { i = 0 };                                                                        \
        __VA_ARGS__;                                                                           \
    } while (0)
#elif defined(__AVX2__)
#define VB_PIECES 2
#define VB_EACH(...)                                                                           \
    do {                                                                                       \
        {                                                                                      \
            enum { i = 0 };                                                                    \
            __VA_ARGS__;                                                                       \
        }                                                                                      \
        {                                                                                      \
            enum { i = 1 };                                                                    \
            __VA_ARGS__;                                                                       \
        }                                                                                      \
    } while (0)
#else
#define VB_PIECES 4
#define VB_EACH(...)                                                                           \
    do {                                                                                       \
        {                                                                                      \
            enum { i = 0 };                                                                    \
            __VA_ARGS__;                                                                       \
        }                                                                                      \
        {                                                                                      \
            enum { i = 1 };                                                                    \
            __VA_ARGS__;                                                                       \
        }                                                                                      \
        {                                                                                      \
            enum { i = 2 };                                                                    \
            __VA_ARGS__;                                                                       \
        }                                                                                      \
        {                                                                                      \
            enum { i = 3 };                                                                    \
            __VA_ARGS__;                                                                       \
        }                                                                                      \
    } while (0)
#endif
#define VB_WIDTH (64 / VB_PIECES)

#ifndef KR_INLINE /* given in sanitizer builds, where inlined checks take minutes to compile   \
                   */
#define KR_INLINE static inline __attribute__((always_inline))
#endif

typedef uint8_t vb_piece __attribute__((vector_size(VB_WIDTH), may_alias));
typedef uint16_t vb_words __attribute__((vector_size(VB_WIDTH), may_alias));
typedef uint64_t vb_quads __attribute__((vector_size(VB_WIDTH), may_alias));

typedef struct vb {
    vb_piece p[VB_PIECES];
} vb;

KR_INLINE vb vb_load(const uint8_t *p)
{
    vb x;
    VB_EACH(x.p[i] = *(const vb_piece *)(p + i * VB_WIDTH));
    return x;
}

KR_INLINE void vb_store(uint8_t *p, vb x)
{
    VB_EACH(*(vb_piece *)(p + i * VB_WIDTH) = x.p[i]);
}

KR_INLINE vb vb_set(uint8_t a)
{
    vb x;
    VB_EACH(x.p[i] = (vb_piece){ 0 } + a);
    return x;
}

KR_INLINE vb vb_add(vb a, vb b)
{
    VB_EACH(a.p[i] += b.p[i]);
    return a;
}

KR_INLINE vb vb_sub(vb a, vb b)
{
    VB_EACH(a.p[i] -= b.p[i]);
    return a;
}

KR_INLINE vb vb_and(vb a, vb b)
{
    VB_EACH(a.p[i] &= b.p[i]);
    return a;
}

KR_INLINE vb vb_or(vb a, vb b)
{
    VB_EACH(a.p[i] |= b.p[i]);
    return a;
}

KR_INLINE vb vb_xor(vb a, vb b)
{
    VB_EACH(a.p[i] ^= b.p[i]);
    return a;
}

/* 0 -> 0, 1 -> 255 */
KR_INLINE vb vb_spread(vb a)
{
    VB_EACH(a.p[i] = -a.p[i]);
    return a;
}

/* Bits of b where select is set, else those of a. */
KR_INLINE vb vb_blend(vb select, vb a, vb b)
{
#if VB_PIECES == 1
    a.p[0] = (vb_piece)_mm512_ternarylogic_epi64((__m512i)select.p[0], (__m512i)a.p[0],
                                                 (__m512i)b.p[0], 0xac);
#else
    VB_EACH(a.p[i] ^= (a.p[i] ^ b.p[i]) & select.p[i]);
#endif
    return a;
}

KR_INLINE vb_piece vb_lookup_piece(vb_piece table, vb_piece index)
{
#if VB_PIECES == 1
    return (vb_piece)_mm512_shuffle_epi8((__m512i)table, (__m512i)index);
#elif VB_PIECES == 2
    return (vb_piece)_mm256_shuffle_epi8((__m256i)table, (__m256i)index);
#elif defined(__ARM_NEON) && defined(__aarch64__)
    return (vb_piece)vqtbl1q_u8((uint8x16_t)table, (uint8x16_t)(index & 15));
#else
    uint8_t t[16], x[16];
    memcpy(t, &table, 16);
    memcpy(x, &index, 16);
    for (int k = 0; k < 16; k++) {
        x[k] = t[x[k] & 15];
    }
    memcpy(&index, x, 16);
    return index;
#endif
}

/* Within each 16 bytes: table[index & 15], index < 128. */
KR_INLINE vb vb_lookup(vb table, vb index)
{
    VB_EACH(index.p[i] = vb_lookup_piece(table.p[i], index.p[i]));
    return index;
}

/* The same 16 bytes four times. */
KR_INLINE vb vb_repeat(const uint8_t *p)
{
    vb x;
#if VB_PIECES == 1
    x.p[0] = (vb_piece)_mm512_broadcast_i32x4(_mm_loadu_si128((const __m128i *)p));
#elif VB_PIECES == 2
    x.p[0] = (vb_piece)_mm256_broadcastsi128_si256(_mm_loadu_si128((const __m128i *)p));
    x.p[1] = x.p[0];
#else
    VB_EACH(memcpy(&x.p[i], p, 16));
#endif
    return x;
}

/* ---- masks --------------------------------------------------------------------------------
 */

#if VB_PIECES == 1
typedef __mmask64 vm;

KR_INLINE vm vm_none(void)
{
    return 0;
}

KR_INLINE vm vm_less(vb a, vb b)
{
    return _mm512_cmplt_epu8_mask((__m512i)a.p[0], (__m512i)b.p[0]);
}

KR_INLINE vm vm_equal(vb a, vb b)
{
    return _mm512_cmpeq_epi8_mask((__m512i)a.p[0], (__m512i)b.p[0]);
}

KR_INLINE vm vm_and(vm a, vm b)
{
    return a & b;
}

KR_INLINE vm vm_or(vm a, vm b)
{
    return a | b;
}

/* a and not b */
KR_INLINE vm vm_without(vm a, vm b)
{
    return a & ~b;
}

KR_INLINE vb vb_pick(vm m, vb yes, vb no)
{
    no.p[0] = (vb_piece)_mm512_mask_mov_epi8((__m512i)no.p[0], m, (__m512i)yes.p[0]);
    return no;
}

/* a + b where m, else a */
KR_INLINE vb vb_add_where(vm m, vb a, vb b)
{
    a.p[0] =
        (vb_piece)_mm512_mask_add_epi8((__m512i)a.p[0], m, (__m512i)a.p[0], (__m512i)b.p[0]);
    return a;
}

KR_INLINE uint64_t vm_bits(vm m)
{
    return m;
}

KR_INLINE bool vm_any(vm m)
{
    return m != 0;
}

/* Bytes of 0 or 255 as a mask and back. */
KR_INLINE vm vm_of(vb a)
{
    return _mm512_movepi8_mask((__m512i)a.p[0]);
}
#else
typedef vb vm;

KR_INLINE vm vm_none(void)
{
    return vb_set(0);
}

KR_INLINE vm vm_less(vb a, vb b)
{
    VB_EACH(a.p[i] = (vb_piece)(a.p[i] < b.p[i]));
    return a;
}

KR_INLINE vm vm_equal(vb a, vb b)
{
    VB_EACH(a.p[i] = (vb_piece)(a.p[i] == b.p[i]));
    return a;
}

KR_INLINE vm vm_and(vm a, vm b)
{
    return vb_and(a, b);
}

KR_INLINE vm vm_or(vm a, vm b)
{
    return vb_or(a, b);
}

KR_INLINE vm vm_without(vm a, vm b)
{
    VB_EACH(a.p[i] &= ~b.p[i]);
    return a;
}

KR_INLINE vb vb_pick(vm m, vb yes, vb no)
{
    return vb_blend(m, no, yes);
}

KR_INLINE vb vb_add_where(vm m, vb a, vb b)
{
    return vb_add(a, vb_and(m, b));
}

KR_INLINE uint64_t vm_bits(vm m)
{
    _Alignas(64) uint8_t bytes[64];
    uint64_t bits = 0;
    vb_store(bytes, m);
    for (int e = 0; e < 64; e++) {
        bits |= (uint64_t)(bytes[e] & 1) << e;
    }
    return bits;
}

KR_INLINE bool vm_any(vm m)
{
#if VB_PIECES == 2
    __m256i any = (__m256i)(m.p[0] | m.p[1]);
    return !_mm256_testz_si256(any, any);
#else
    vb_quads any = (vb_quads)(m.p[0] | m.p[1] | m.p[2] | m.p[3]);
    return (any[0] | any[1]) != 0;
#endif
}

KR_INLINE vm vm_of(vb a)
{
    return a;
}
#endif

/* a + 1 where m, else a */
KR_INLINE vb vb_count(vm m, vb a)
{
#if VB_PIECES == 1
    return vb_add_where(m, a, vb_set(1));
#else
    return vb_sub(a, m);
#endif
}

/* ---- 16-bit products ----------------------------------------------------------------------
 */

/* High and low half of x n for the 16-bit words x. */
KR_INLINE vb_words vb_multiply(vb_words x, uint16_t n, vb_words *low)
{
    vb_words factor = (vb_words){ 0 } + n;
    *low = x * factor;
#if VB_PIECES == 1
    return (vb_words)_mm512_mulhi_epu16((__m512i)x, (__m512i)factor);
#elif VB_PIECES == 2
    return (vb_words)_mm256_mulhi_epu16((__m256i)x, (__m256i)factor);
#elif defined(__SSE2__)
    return (vb_words)_mm_mulhi_epu16((__m128i)x, (__m128i)factor);
#else
    vb_words high;
    for (int k = 0; k < 8; k++) {
        high[k] = (uint16_t)((uint32_t)x[k] * n >> 16);
    }
    return high;
#endif
}

/* Bytes uniform on 0..n-1 from 16 bits each: byte 2 k from word k of x, byte 2 k + 1 from that
 * of y. *biased where the low half of the product is below 65536 mod n: such a byte must be
 * drawn anew (Lemire, ACM TOMACS 29, 3 (2019)). */
KR_INLINE vb vb_below(vb x, vb y, uint16_t n, vm *biased)
{
    const uint16_t limit = (uint16_t)(65536 % n);
    vb out, mark;
    VB_EACH({
        vb_words low_x, low_y;
        vb_words a = vb_multiply((vb_words)x.p[i], n, &low_x);
        vb_words b = vb_multiply((vb_words)y.p[i], n, &low_y);
        out.p[i] = (vb_piece)(a | b << 8);
        mark.p[i] =
            (vb_piece)(((vb_words)(low_x < limit) & 255) | (vb_words)(low_y < limit) << 8);
    });
    *biased = vm_of(mark);
    return out;
}

/* ---- random numbers -----------------------------------------------------------------------
 */

/* The stream of base/rng.h in registers of this width. */
typedef struct vb_rng {
    vb_quads s[4][VB_PIECES];
} vb_rng;

KR_INLINE void vb_rng_load(vb_rng *r, const kr_rng *rng)
{
    memcpy(r->s, rng->s, sizeof r->s);
}

KR_INLINE void vb_rng_store(const vb_rng *r, kr_rng *rng)
{
    memcpy(rng->s, r->s, sizeof r->s);
}

#if VB_PIECES == 1
#define VB_ROTATE(x, k) ((vb_quads)_mm512_rol_epi64((__m512i)(x), k))
#else
#define VB_ROTATE(x, k) ((x) << (k) | (x) >> (64 - (k)))
#endif

KR_INLINE vb vb_random(vb_rng *r)
{
    vb out;
    VB_EACH({
        vb_quads t = r->s[1][i] << 17;
        vb_quads sum = r->s[0][i] + r->s[3][i];
        out.p[i] = (vb_piece)(VB_ROTATE(sum, 23) + r->s[0][i]);
        r->s[2][i] ^= r->s[0][i];
        r->s[3][i] ^= r->s[1][i];
        r->s[1][i] ^= r->s[2][i];
        r->s[0][i] ^= r->s[3][i];
        r->s[2][i] ^= t;
        r->s[3][i] = VB_ROTATE(r->s[3][i], 45);
    });
    return out;
}

/* ---- counts and ties
 * -------------------------------------------------------------------------
 */

/* Counts bytes that differ, widened before a byte can overflow. */
typedef struct vb_counter {
    vb sum;
    int32_t n; /* additions since the last widening */
} vb_counter;

static inline void vb_widen(vb_counter *c, uint32_t *wide)
{
    _Alignas(64) uint8_t bytes[64];
    vb_store(bytes, c->sum);
    for (int e = 0; e < 64; e++) {
        wide[e] += bytes[e];
    }
    c->sum = vb_set(0);
    c->n = 0;
}

KR_INLINE void vb_count_changes(vb_counter *c, vb old, vb new, uint32_t *wide)
{
    vm same = vm_equal(old, new);
    c->sum = vb_add(c->sum, vb_pick(same, vb_set(0), vb_set(1)));
    if (++c->n == 255) {
        vb_widen(c, wide);
    }
}

/* U < P given that their two highest bytes agree. */
static inline bool kr_bytes_is_below(kr_rng *rng, uint64_t P)
{
    const uint64_t low48 = (UINT64_C(1) << 48) - 1;
    return (kr_rng_u64(rng) & low48) < (P & low48) || P == UINT64_MAX;
}

#endif
