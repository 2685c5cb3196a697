/* SPDX-License-Identifier: GPL-3.0-or-later
 * tests/test_count.c - counts of states against one counter a site. */
#include "model/count.h"

#include "kr_test.h"

#include <stdlib.h>
#include <string.h>

enum { LANES = 64 };

/* Random states, of which most are `often`: vectors of sums must not run over. */
static uint8_t *states(size_t n, size_t q, uint8_t often)
{
    uint8_t *state = malloc(n ? n : 1);
    uint32_t x = 12345;
    assert_non_null(state);
    for (size_t i = 0; i < n; i++) {
        x = x * 1664525u + 1013904223u;
        state[i] = x >> 29 ? often : (uint8_t)((x >> 8) % q);
    }
    return state;
}

static void counts_of_a_chain_are_those_of_its_sites(void **unused)
{
    (void)unused;
    const size_t sizes[] = { 0, 1, 63, 64, 65, 255 * 64, 256 * 64 + 7, 200001 };
    const size_t qs[] = { 2, 3, 8, 9, 256 };
    for (size_t k = 0; k < sizeof sizes / sizeof *sizes; k++) {
        for (size_t j = 0; j < sizeof qs / sizeof *qs; j++) {
            const size_t n = sizes[k], q = qs[j];
            uint8_t *state = states(n, q, (uint8_t)(q - 1));
            int64_t count[256], want[256] = { 0 };
            for (size_t i = 0; i < n; i++) {
                want[state[i]]++;
            }
            kr_count_chain(state, n, q, count);
            assert_memory_equal(count, want, q * sizeof *count);
            free(state);
        }
    }
}

static void counts_of_lanes_are_those_of_their_sites(void **unused)
{
    (void)unused;
    const size_t sizes[] = { 1, 77, 65535, 65536, 140000 };
    const size_t qs[] = { 2, 8, 11 };
    static int64_t count[LANES * 11], want[LANES * 11];
    for (size_t k = 0; k < sizeof sizes / sizeof *sizes; k++) {
        for (size_t j = 0; j < sizeof qs / sizeof *qs; j++) {
            const size_t n = sizes[k], q = qs[j], n_lanes = k % 2 ? LANES : 5;
            uint8_t *state = states(n * LANES, q, 1);
            memset(want, 0, sizeof want);
            for (size_t i = 0; i < n; i++) {
                for (size_t lane = 0; lane < n_lanes; lane++) {
                    want[lane * q + state[i * LANES + lane]]++;
                }
            }
            kr_count_lanes(state, n, n_lanes, LANES, q, count);
            assert_memory_equal(count, want, n_lanes * q * sizeof *count);
            free(state);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(counts_of_a_chain_are_those_of_its_sites),
        cmocka_unit_test(counts_of_lanes_are_those_of_their_sites),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
