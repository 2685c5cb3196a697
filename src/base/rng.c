/* SPDX-License-Identifier: GPL-3.0-or-later
 * base/rng.c - seeding and bulk generation of random streams.
 *
 * xoshiro256++: Blackman, Vigna, ACM TOMS 47, 36 (2021). Philox4x32-10 by Random123: Salmon,
 * Moraes, Dror, Shaw, SC'11 (2011). */
#include "base/rng.h"

#include <math.h>
#include <Random123/philox.h>
#include <string.h>

void kr_rng_seed(kr_rng *rng, uint64_t seed, uint64_t stream, uint32_t purpose)
{
    philox4x32_key_t key = { { (uint32_t)seed, (uint32_t)(seed >> 32) } };
    for (uint32_t lane = 0; lane < 2 * KR_RNG_LANES; lane++) {
        uint64_t(*s)[KR_RNG_LANES] = lane < KR_RNG_LANES ? rng->s : rng->second;
        const uint32_t l = lane % KR_RNG_LANES;
        for (uint32_t half = 0; half < 2; half++) {
            philox4x32_ctr_t counter = { { 2 * lane + half, purpose, (uint32_t)stream,
                                           (uint32_t)(stream >> 32) } };
            philox4x32_ctr_t word = philox4x32(counter, key);
            s[2 * half][l] = (uint64_t)word.v[1] << 32 | word.v[0];
            s[2 * half + 1][l] = (uint64_t)word.v[3] << 32 | word.v[2];
        }
        /* the all-zero state is a fixed point of the generator */
        s[0][l] |= (uint64_t)(!s[0][l] && !s[1][l] && !s[2][l] && !s[3][l]);
    }
    memset(rng->buffer, 0, sizeof rng->buffer);
    rng->n_used = KR_RNG_BUFFER;
}

static inline uint64_t rotate_left(uint64_t x, int k)
{
    return x << k | x >> (64 - k);
}

/* Lane by lane, so that the state of a generator stays in registers. */
void kr_rng_refill(kr_rng *rng)
{
    for (int l = 0; l < KR_RNG_LANES; l++) {
        uint64_t s0 = rng->s[0][l], s1 = rng->s[1][l], s2 = rng->s[2][l], s3 = rng->s[3][l];
        for (int row = 0; row < KR_RNG_BUFFER; row += KR_RNG_LANES) {
            rng->buffer[row + l] = rotate_left(s0 + s3, 23) + s0;
            uint64_t t = s1 << 17;
            s2 ^= s0;
            s3 ^= s1;
            s1 ^= s2;
            s0 ^= s3;
            s2 ^= t;
            s3 = rotate_left(s3, 45);
        }
        rng->s[0][l] = s0;
        rng->s[1][l] = s1;
        rng->s[2][l] = s2;
        rng->s[3][l] = s3;
    }
    rng->n_used = 0;
}

int kr_rng_declare(kr_rng *rng, kr_state *table, kr_error *err)
{
    KR_TRY(kr_state_add(table, "s", KR_U64, 4 * KR_RNG_LANES, rng->s, err));
    KR_TRY(kr_state_add(table, "second", KR_U64, 4 * KR_RNG_LANES, rng->second, err));
    KR_TRY(kr_state_add(table, "buffer", KR_U64, KR_RNG_BUFFER, rng->buffer, err));
    return kr_state_add(table, "n_used", KR_U64, 1, &rng->n_used, err);
}

double kr_rng_normal(kr_rng *rng)
{
    for (;;) {
        double x = 2.0 * kr_rng_uniform(rng) - 1.0, y = 2.0 * kr_rng_uniform(rng) - 1.0;
        double r2 = x * x + y * y;
        if (r2 > 0.0 && r2 < 1.0) {
            return x * sqrt(-2.0 * log(r2) / r2);
        }
    }
}
