/* SPDX-License-Identifier: GPL-3.0-or-later
 * tests/rng_r250.c - the generator R250 in place of base/rng.c, as a negative control.
 *
 * x_n = x_(n-103) xor x_(n-250) on 64-bit words (Kirkpatrick, Stoll, J. Comput. Phys. 40, 517
 * (1981)). Its triple correlations make Wolff's algorithm wrong: Ferrenberg, Landau, Wong,
 * Phys. Rev. Lett. 69, 3382 (1992). One stream only. */
#include "base/rng.h"

#include <string.h>

enum { LONG_LAG = 250, SHORT_LAG = 103 };
static uint64_t ring[LONG_LAG];
static int at;

void kr_rng_seed(kr_rng *rng, uint64_t seed, uint64_t stream, uint32_t purpose)
{
    uint64_t x = seed ^ stream << 20 ^ (uint64_t)purpose << 50;
    memset(rng, 0, sizeof *rng);
    for (int k = 0; k < LONG_LAG; k++) { /* splitmix64 */
        uint64_t z = x += UINT64_C(0x9e3779b97f4a7c15);
        z = (z ^ z >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
        z = (z ^ z >> 27) * UINT64_C(0x94d049bb133111eb);
        ring[k] = z ^ z >> 31;
    }
    at = 0;
    rng->n_used = KR_RNG_BUFFER;
}

void kr_rng_refill(kr_rng *rng)
{
    for (int k = 0; k < KR_RNG_BUFFER; k++) {
        ring[at] ^= ring[(at + LONG_LAG - SHORT_LAG) % LONG_LAG];
        rng->buffer[k] = ring[at];
        at = (at + 1) % LONG_LAG;
    }
    rng->n_used = 0;
}

int kr_rng_declare(kr_rng *rng, kr_state *table, kr_error *err)
{
    return kr_state_add(table, "n_used", KR_U64, 1, &rng->n_used, err);
}

double kr_rng_normal(kr_rng *rng)
{
    double sum = -6.0; /* not used by the control; twelve uniforms */
    for (int k = 0; k < 12; k++) {
        sum += kr_rng_uniform(rng);
    }
    return sum;
}
