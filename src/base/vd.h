/* SPDX-License-Identifier: GPL-3.0-or-later
 * base/vd.h - vectors of eight doubles for kernel files, and their elementary functions.
 *
 * A vd is one register of AVX-512, two of AVX2, four of SSE2: the same eight lanes everywhere.
 * Operators of the language round as written (-ffp-contract=off); vd_fma rounds once on every
 * machine. The elementary functions are SLEEF's reproducible ones (Shibata, Petrogalli, IEEE
 * Trans. Parallel Distrib. Syst. 31, 1316 (2020); errors below 3.5 ulp, of exp 1.0), whose bits
 * depend neither on the width of the registers nor on FMA instructions. For files that
 * src/meson.build compiles once per instruction set. Threads: pure. */
#ifndef KR_BASE_VD_H
#define KR_BASE_VD_H

#include <math.h>
#include <sleef.h>
#include <stdint.h>

#if defined(__AVX512F__) || defined(__AVX2__)
#include <immintrin.h>
#endif

#ifndef KR_INLINE /* given in sanitizer builds, where inlined checks take minutes to compile   \
                   */
#define KR_INLINE static inline __attribute__((always_inline))
#endif

enum { VD = 8 };
typedef double vd __attribute__((vector_size(64), may_alias));
typedef double vd_loose __attribute__((vector_size(64), aligned(8), may_alias));
typedef int64_t vd_mask __attribute__((vector_size(64), may_alias));

KR_INLINE vd vd_load(const double *p)
{
    return *(const vd_loose *)p;
}

KR_INLINE void vd_store(double *p, vd a)
{
    *(vd_loose *)p = a;
}

KR_INLINE vd vd_set(double s)
{
    return (vd){ s, s, s, s, s, s, s, s };
}

/* mask ? a : b, mask all ones or zero per lane, as comparisons give it */
KR_INLINE vd vd_select(vd_mask mask, vd a, vd b)
{
    return (vd)((mask & (vd_mask)a) | (~mask & (vd_mask)b));
}

/* Towards zero. */
KR_INLINE vd_mask vd_integer(vd x)
{
    return __builtin_convertvector(x, vd_mask);
}

#if defined(__AVX512F__)

#define VD_BY_WIDTH(name, ulp, a) ((vd)Sleef_cinz_##name##d8_u##ulp##avx512fnofma((__m512d)(a)))

KR_INLINE vd vd_fma(vd a, vd b, vd c)
{
    return (vd)_mm512_fmadd_pd((__m512d)a, (__m512d)b, (__m512d)c);
}

KR_INLINE void vd_sincos(vd x, vd *sine, vd *cosine)
{
    Sleef___m512d_2 both = Sleef_cinz_sincosd8_u35avx512fnofma((__m512d)x);
    *sine = (vd)both.x;
    *cosine = (vd)both.y;
}

KR_INLINE vd vd_sqrt(vd x)
{
    return (vd)_mm512_sqrt_pd((__m512d)x);
}

KR_INLINE vd vd_gather(const double *p, vd_mask at)
{
    return (vd)_mm512_i64gather_pd((__m512i)at, p, 8);
}

#elif defined(__AVX2__) && defined(__FMA__)

typedef union vd_halves {
    vd whole;
    __m256d half[2];
} vd_halves;

#define VD_BY_WIDTH(name, ulp, a)                                                              \
    (((vd_halves){                                                                             \
          .half = { Sleef_cinz_##name##d4_u##ulp##avx(((vd_halves){ (a) }).half[0]),           \
                    Sleef_cinz_##name##d4_u##ulp##avx(((vd_halves){ (a) }).half[1]) } })       \
         .whole)

KR_INLINE vd vd_fma(vd a, vd b, vd c)
{
    const vd_halves x = { a }, y = { b }, z = { c };
    const vd_halves out = { .half = { _mm256_fmadd_pd(x.half[0], y.half[0], z.half[0]),
                                      _mm256_fmadd_pd(x.half[1], y.half[1], z.half[1]) } };
    return out.whole;
}

KR_INLINE void vd_sincos(vd x, vd *sine, vd *cosine)
{
    const vd_halves in = { x };
    vd_halves s, c;
    for (int k = 0; k < 2; k++) {
        Sleef___m256d_2 both = Sleef_cinz_sincosd4_u35avx(in.half[k]);
        s.half[k] = both.x;
        c.half[k] = both.y;
    }
    *sine = s.whole;
    *cosine = c.whole;
}

KR_INLINE vd vd_sqrt(vd x)
{
    const vd_halves in = { x };
    const vd_halves out = { .half = { _mm256_sqrt_pd(in.half[0]),
                                      _mm256_sqrt_pd(in.half[1]) } };
    return out.whole;
}

KR_INLINE vd vd_gather(const double *p, vd_mask at)
{
    const union {
        vd_mask whole;
        __m256i half[2];
    } in = { at };
    const vd_halves out = { .half = { _mm256_i64gather_pd(p, in.half[0], 8),
                                      _mm256_i64gather_pd(p, in.half[1], 8) } };
    return out.whole;
}

#else

typedef double vd_function(double);

KR_INLINE vd vd_each(vd_function *f, vd a)
{
    vd out = a;
    for (int k = 0; k < VD; k++) {
        out[k] = f(a[k]);
    }
    return out;
}

#define VD_BY_WIDTH(name, ulp, a) vd_each(Sleef_cinz_##name##d1_u##ulp##purec, (a))

KR_INLINE vd vd_fma(vd a, vd b, vd c)
{
    vd out = a;
    for (int k = 0; k < VD; k++) {
        out[k] = fma(a[k], b[k], c[k]);
    }
    return out;
}

KR_INLINE void vd_sincos(vd x, vd *sine, vd *cosine)
{
    for (int k = 0; k < VD; k++) {
        Sleef_double_2 both = Sleef_cinz_sincosd1_u35purec(x[k]);
        (*sine)[k] = both.x;
        (*cosine)[k] = both.y;
    }
}

KR_INLINE vd vd_sqrt(vd x)
{
    return vd_each(sqrt, x);
}

/* p[at] */
KR_INLINE vd vd_gather(const double *p, vd_mask at)
{
    vd out;
    for (int k = 0; k < VD; k++) {
        out[k] = p[at[k]];
    }
    return out;
}

#endif

KR_INLINE vd vd_exp(vd x)
{
    return VD_BY_WIDTH(exp, 10, x);
}

KR_INLINE vd vd_log(vd x)
{
    return VD_BY_WIDTH(log, 35, x);
}

KR_INLINE vd vd_tanh(vd x)
{
    return VD_BY_WIDTH(tanh, 35, x);
}

#endif
