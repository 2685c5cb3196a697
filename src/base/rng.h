/* SPDX-License-Identifier: GPL-3.0-or-later
 * base/rng.h - random streams and the draws kernels may make.
 *
 * A stream is xoshiro256++ (Blackman, Vigna, ACM TOMS 47, 36 (2021)) run as eight interleaved
 * 64-bit lanes (and eight more for wide kernels), each seeded by Philox4x32-10 (Salmon et al.,
 * SC'11) keyed with (seed, stream, purpose). The numbers are the same on every instruction set.
 * Kernels draw only through the functions below; compiled with KR_RNG_ENUMERATE each of them
 * asks an enumerating source for the branch to take, which yields exact transition matrices
 * (base/rng_enumerate.h). Threads: a stream belongs to one block at a time. */
#ifndef KR_BASE_RNG_H
#define KR_BASE_RNG_H

#include "kramers_plug.h"

#define KR_RNG_LANES  8
#define KR_RNG_BUFFER 64 /* 64-bit words per refill */

/* What a stream is for: part of its key, so streams never overlap by accident. */
enum kr_purpose {
    KR_PURPOSE_CHAIN = 1,
    KR_PURPOSE_START,
    KR_PURPOSE_WALKER,
    KR_PURPOSE_TRAIN,
    KR_PURPOSE_WEIGHTS,
    KR_PURPOSE_CERTIFICATE,
    KR_PURPOSE_DISORDER_BONDS,
    KR_PURPOSE_DISORDER_SITES,
    KR_PURPOSE_TEST,
    KR_PURPOSE_EXCHANGE,
    KR_PURPOSE_RESAMPLE,
    KR_PURPOSE_GANG,
};

struct kr_rng {
    uint64_t s[4][KR_RNG_LANES];
    uint64_t second[4][KR_RNG_LANES]; /* lanes of their own for kernels that want two words at
                                         once; the draws below never touch them */
    uint64_t buffer[KR_RNG_BUFFER];
    uint64_t n_used; /* words of buffer handed out; KR_RNG_BUFFER = refill at the next draw */
};

/* Keys a stream. Cost: 32 Philox blocks. Threads: pure. */
void kr_rng_seed(kr_rng *rng, uint64_t seed, uint64_t stream, uint32_t purpose);

/* All mutable bytes of a stream as rows "s", "second", "buffer", "n_used". */
int kr_rng_declare(kr_rng *rng, kr_state *table, kr_error *err);

void kr_rng_refill(kr_rng *rng);

#ifndef KR_RNG_ENUMERATE

/* 64 uniform bits. */
static inline uint64_t kr_rng_u64(kr_rng *rng)
{
    if (rng->n_used >= KR_RNG_BUFFER) {
        kr_rng_refill(rng);
    }
    return rng->buffer[rng->n_used++];
}

/* Uniform on [0, 1), 53 bits. */
static inline double kr_rng_uniform(kr_rng *rng)
{
    return (double)(kr_rng_u64(rng) >> 11) * 0x1p-53;
}

/* True with probability p (<= 0: never, >= 1: always; then nothing is drawn). */
static inline bool kr_rng_bernoulli(kr_rng *rng, double p)
{
    return p >= 1.0 || (p > 0.0 && kr_rng_uniform(rng) < p);
}

/* Uniform on 0..n-1, n >= 1, without bias (Lemire, ACM TOMACS 29, 3 (2019)). */
static inline uint32_t kr_rng_below(kr_rng *rng, uint32_t n)
{
    uint64_t product = (kr_rng_u64(rng) >> 32) * n;
    if ((uint32_t)product < n) {
        uint32_t floor = (uint32_t)(-n) % n;
        while ((uint32_t)product < floor) {
            product = (kr_rng_u64(rng) >> 32) * n;
        }
    }
    return (uint32_t)(product >> 32);
}

/* Index a of 0..n-1 with probability weight[a] / sum; weights >= 0, sum > 0 and finite, n <=
 * KR_STATES_MAX + 1. No branch depends on the draw. */
static inline int32_t kr_rng_categorical(kr_rng *rng, const double *weight, int32_t n)
{
    double sum[KR_STATES_MAX + 1], total = 0.0;
    for (int32_t a = 0; a < n; a++) {
        total += weight[a];
        sum[a] = total;
    }
    double u = kr_rng_uniform(rng) * total; /* < total, also after rounding */
    int32_t index = 0;
    for (int32_t a = 0; a < n - 1; a++) {
        index += u >= sum[a];
    }
    return index;
}

/* Index a with probability weight[a] / total exactly, total = sum of weight, 1 <= total <=
 * 2^32. */
static inline int32_t kr_rng_integer_weights(kr_rng *rng, const uint32_t *weight,
                                             uint64_t total, int32_t n)
{
    uint64_t u =
        total > UINT32_MAX ? kr_rng_u64(rng) >> 32 : kr_rng_below(rng, (uint32_t)total);
    uint64_t sum = 0;
    int32_t index = 0;
    for (int32_t a = 0; a < n - 1; a++) { /* no branch depends on the draw */
        sum += weight[a];
        index += u >= sum;
    }
    return index;
}

/* out[l] = 1 with probability p[l] / 2^32 exactly, for l in 0..n-1, else 0. Draws two lanes per
 * word. */
static inline void kr_rng_bernoulli_lanes(kr_rng *rng, int32_t n, const uint32_t *p,
                                          uint8_t *out)
{
    for (int32_t l = 0; l < n; l += 2) {
        uint64_t word = kr_rng_u64(rng);
        out[l] = (uint32_t)word < p[l];
        if (l + 1 < n) {
            out[l + 1] = (uint32_t)(word >> 32) < p[l + 1];
        }
    }
}

/* Standard normal (polar method, Marsaglia and Bray 1964); for set-up, not for hot loops. */
double kr_rng_normal(kr_rng *rng);

#else
#include "base/rng_enumerate.h"
#endif

#endif
