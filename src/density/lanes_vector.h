/* SPDX-License-Identifier: GPL-3.0-or-later
 * density/lanes_vector.h - the float32 vector of one instruction set, and the elementary
 * functions of the kernels.
 *
 * vf holds KR_VF floats: 16 (AVX-512), 8 (AVX2 with FMA) or 4 (everything else). vf_fma rounds
 * once on every machine. On x86 without an FMA instruction the exact product is added in
 * double, rounded to odd and then to float, which equals the fused result (Boldo, Melquiond,
 * IEEE Trans. Comput. 57, 462 (2008)). */
#ifndef KR_DENSITY_LANES_VECTOR_H
#define KR_DENSITY_LANES_VECTOR_H

#include <stdint.h>

#if defined(__AVX512F__) && defined(__AVX512DQ__)
#define KR_VF 16
#elif defined(__AVX2__) && defined(__FMA__)
#define KR_VF 8
#else
#define KR_VF 4
#endif

#if defined(__x86_64__) || defined(__i386__)
#include <immintrin.h>
#elif defined(__ARM_NEON) && defined(__aarch64__)
#include <arm_neon.h>
#endif

#ifndef KR_INLINE /* given in sanitizer builds, where inlined checks take minutes to compile */
#define KR_INLINE static inline __attribute__((always_inline))
#endif

typedef float vf __attribute__((vector_size(4 * KR_VF), may_alias));
typedef int32_t vi __attribute__((vector_size(4 * KR_VF), may_alias));
typedef uint32_t vu __attribute__((vector_size(4 * KR_VF), may_alias));
typedef float vf_loose __attribute__((vector_size(4 * KR_VF), aligned(4), may_alias));

KR_INLINE vf vf_load(const float *p)
{
    return *(const vf *)p;
}

KR_INLINE vf vf_load_loose(const float *p)
{
    return *(const vf_loose *)p;
}

KR_INLINE void vf_store(float *p, vf a)
{
    *(vf *)p = a;
}

KR_INLINE void vf_store_loose(float *p, vf a)
{
    *(vf_loose *)p = a;
}

/* mask ? a : b, mask all ones or zero per element */
KR_INLINE vf vf_select(vi mask, vf a, vf b)
{
    return (vf)((mask & (vi)a) | (~mask & (vi)b));
}

#if KR_VF == 16

KR_INLINE vf vf_set(float s)
{
    return (vf)_mm512_set1_ps(s);
}

KR_INLINE vf vf_fma(vf a, vf b, vf c)
{
    return (vf)_mm512_fmadd_ps((__m512)a, (__m512)b, (__m512)c);
}

/* the smaller one; b when b is not a number */
KR_INLINE vf vf_min(vf a, vf b)
{
    return (vf)_mm512_min_ps((__m512)a, (__m512)b);
}

KR_INLINE vf vf_max(vf a, vf b)
{
    return (vf)_mm512_max_ps((__m512)a, (__m512)b);
}

#elif KR_VF == 8

KR_INLINE vf vf_set(float s)
{
    return (vf)_mm256_set1_ps(s);
}

KR_INLINE vf vf_fma(vf a, vf b, vf c)
{
    return (vf)_mm256_fmadd_ps((__m256)a, (__m256)b, (__m256)c);
}

KR_INLINE vf vf_min(vf a, vf b)
{
    return (vf)_mm256_min_ps((__m256)a, (__m256)b);
}

KR_INLINE vf vf_max(vf a, vf b)
{
    return (vf)_mm256_max_ps((__m256)a, (__m256)b);
}

#else

KR_INLINE vf vf_set(float s)
{
    return (vf){ s, s, s, s };
}

KR_INLINE vf vf_min(vf a, vf b)
{
    return vf_select(a < b, a, b);
}

KR_INLINE vf vf_max(vf a, vf b)
{
    return vf_select(a > b, a, b);
}

#if defined(__ARM_NEON) && defined(__aarch64__)

KR_INLINE vf vf_fma(vf a, vf b, vf c)
{
    return (vf)vfmaq_f32((float32x4_t)c, (float32x4_t)a, (float32x4_t)b);
}

#elif defined(__SSE2__) && !defined(__FMA__)

typedef double vd __attribute__((vector_size(16)));
typedef int64_t vl __attribute__((vector_size(16)));

/* a b + c rounded to odd, a and b floats: the product is exact, the nearest sum is moved by one
 * unit towards the exact one when it is even and inexact */
KR_INLINE __m128d fma_to_odd(vd a, vd b, vd c)
{
    vd p = a * b, s = p + c, t = s - p, zero = { 0.0, 0.0 };
    vd error = (p - (s - t)) + (c - t);
    vl above = (vl)(error > zero), below = (vl)(error < zero), up = (vl)(s > zero);
    vl is_even = ((vl)s & 1) - 1;
    return (__m128d)((vl)s + ((above | below) & is_even & ((above ^ up) | 1)));
}

KR_INLINE vd upper_half(vf a)
{
    return (vd)_mm_cvtps_pd(_mm_movehl_ps((__m128)a, (__m128)a));
}

KR_INLINE vd lower_half(vf a)
{
    return (vd)_mm_cvtps_pd((__m128)a);
}

KR_INLINE vf vf_fma(vf a, vf b, vf c)
{
    __m128d low = fma_to_odd(lower_half(a), lower_half(b), lower_half(c));
    __m128d high = fma_to_odd(upper_half(a), upper_half(b), upper_half(c));
    return (vf)_mm_movelh_ps(_mm_cvtpd_ps(low), _mm_cvtpd_ps(high));
}

#else

KR_INLINE vf vf_fma(vf a, vf b, vf c)
{
    return (vf){ __builtin_fmaf(a[0], b[0], c[0]), __builtin_fmaf(a[1], b[1], c[1]),
                 __builtin_fmaf(a[2], b[2], c[2]), __builtin_fmaf(a[3], b[3], c[3]) };
}

#endif
#endif

/* ---- functions -------------------------------------------------------------------------- */

/* tanh as x P(x^2) / Q(x^2) on |x| <= 7.5 and constant beyond. Coefficients: least squares
 * reweighted towards equal ripple (Lawson), relative error 8.4e-8 before rounding. */
KR_INLINE void phi_ratio(vf a, vf *numerator, vf *denominator)
{
    const vf limit = vf_set(7.5f);
    vf x = vf_max(-limit, vf_min(limit, a)), y = x * x;
    vf p = vf_fma(y, vf_set(1.1950545844245315e-05f), vf_set(2.9979766271645398e-03f));
    vf q = vf_fma(y, vf_set(2.6295621134194263e-07f), vf_set(2.4538572890162876e-04f));
    p = vf_fma(y, p, vf_set(1.2968921652498142e-01f));
    q = vf_fma(y, q, vf_set(2.4006253639466034e-02f));
    p = vf_fma(y, p, vf_set(9.999999175408995e-01f));
    q = vf_fma(y, q, vf_set(4.6302185054164025e-01f));
    *numerator = x * p;
    *denominator = vf_fma(y, q, vf_set(1.0f));
}

KR_INLINE vf phi_vector(vf a)
{
    vf p, q;
    phi_ratio(a, &p, &q);
    return p / q;
}

/* Two vectors for one division; differs from phi_vector in the last bits. */
KR_INLINE void phi_pair(vf a, vf b, vf h[2])
{
    vf p[2], q[2];
    phi_ratio(a, p, q);
    phi_ratio(b, p + 1, q + 1);
    vf r = vf_set(1.0f) / (q[0] * q[1]);
    h[0] = p[0] * q[1] * r;
    h[1] = p[1] * q[0] * r;
}

/* e^-a for 0 <= a <= 24: a = n ln 2 - r, |r| <= ln(2)/2, e^r by a polynomial of relative error
 * 2e-9. */
KR_INLINE vf exp_minus(vf a)
{
    const vf magic = vf_set(0x1.8p23f);
    vf shifted = vf_fma(a, vf_set(0x1.715476p0f), magic), n = shifted - magic;
    vf r = vf_fma(n, vf_set(0x1.62e4p-1f), -a);
    r = vf_fma(n, vf_set(1.4286068202862268e-06f), r);
    vf p = vf_fma(r, vf_set(1.3843401597516307e-03f), vf_set(8.374371306766586e-03f));
    p = vf_fma(r, p, vf_set(4.1668016506315964e-02f));
    p = vf_fma(r, p, vf_set(1.666642877922465e-01f));
    p = vf_fma(r, p, vf_set(4.9999994115245283e-01f));
    p = vf_fma(r, p, vf_set(1.0000000326692133f));
    p = vf_fma(r, p, vf_set(1.0f));
    return (vf)((vu)p - ((vu)shifted << 23)); /* the low bits of shifted hold n */
}

#endif
