/* SPDX-License-Identifier: GPL-3.0-or-later
 * model/count.c - how many sites are in which state.
 *
 * Counting state by state keeps the sums in vectors of bytes or words; a table of counters
 * would wait for its own last store at every site that agrees with the one before, and near a
 * transition most do. */
#include "model/count.h"

#include "kramers_plug.h"

#include <string.h>

/* From this many states a pass over the sites for each costs more than the counters. */
#define BY_VECTORS 8

/* Bytes of a vector, and vectors that a sum of one byte can take. */
enum { WIDTH = 64, PIECE = 255 };

/* kernel: sites in state a among n * WIDTH. */
static int64_t count_vectors(const uint8_t *restrict state, size_t n, uint8_t a)
{
    int64_t total = 0;
    for (size_t begin = 0; begin < n; begin += PIECE) {
        const size_t end = begin + PIECE < n ? begin + PIECE : n;
        uint8_t sum[WIDTH] = { 0 };
        for (size_t i = begin; i < end; i++) {
            for (size_t k = 0; k < WIDTH; k++) {
                sum[k] = (uint8_t)(sum[k] + (state[i * WIDTH + k] == a));
            }
        }
        for (size_t k = 0; k < WIDTH; k++) {
            total += sum[k];
        }
    }
    return total;
}

/* Two tables by turns: a run of equal states does not wait for itself. */
static void count_many(const uint8_t *state, size_t n, size_t q, int64_t *count)
{
    int64_t other[KR_STATES_MAX];
    memset(count, 0, q * sizeof *count);
    memset(other, 0, q * sizeof *other);
    for (size_t i = 0; i < n; i++) {
        (i & 1 ? other : count)[state[i]]++;
    }
    for (size_t a = 0; a < q; a++) {
        count[a] += other[a];
    }
}

void kr_count_chain(const uint8_t *state, size_t n, size_t q, int64_t *count)
{
    if (q > BY_VECTORS) {
        count_many(state, n, q, count);
        return;
    }
    const size_t n_whole = n / WIDTH;
    memset(count, 0, q * sizeof *count);
    for (size_t i = n_whole * WIDTH; i < n; i++) {
        count[state[i]]++;
    }
    int64_t rest = (int64_t)(n_whole * WIDTH);
    for (size_t a = 1; a < q && n_whole; a++) {
        const int64_t here = count_vectors(state, n_whole, (uint8_t)a);
        count[a] += here;
        rest -= here;
    }
    count[0] += rest;
}

/* sum (WIDTH) = of each lane, sites in state a among n <= UINT16_MAX. */
static void count_words(const uint8_t *restrict state, size_t n, size_t n_lanes, size_t stride,
                        uint8_t a, uint16_t *restrict sum)
{
    memset(sum, 0, WIDTH * sizeof *sum);
    for (size_t i = 0; i < n; i++) {
        for (size_t lane = 0; lane < n_lanes; lane++) {
            sum[lane] = (uint16_t)(sum[lane] + (state[i * stride + lane] == a));
        }
    }
}

void kr_count_lanes(const uint8_t *state, size_t n, size_t n_lanes, size_t stride, size_t q,
                    int64_t *count)
{
    _Static_assert(KR_LANES_MAX <= WIDTH, "sums of all lanes fit");
    uint16_t sum[WIDTH];
    memset(count, 0, n_lanes * q * sizeof *count);
    for (size_t begin = 0; begin < n && q <= BY_VECTORS; begin += UINT16_MAX) {
        const size_t here = begin + UINT16_MAX < n ? UINT16_MAX : n - begin;
        for (size_t a = 0; a < q; a++) {
            count_words(state + begin * stride, here, n_lanes, stride, (uint8_t)a, sum);
            for (size_t lane = 0; lane < n_lanes; lane++) {
                count[lane * q + a] += sum[lane];
            }
        }
    }
    for (size_t i = 0; i < n && q > BY_VECTORS; i++) {
        for (size_t lane = 0; lane < n_lanes; lane++) {
            count[lane * q + state[i * stride + lane]]++;
        }
    }
}
