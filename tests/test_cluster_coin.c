/* SPDX-License-Identifier: GPL-3.0-or-later
 * tests/test_cluster_coin.c - coins tossed 64 at a time have their bias and are independent. */
#include "kr_test.h"

#include "update/cluster_coin.h"

enum { WORDS = 60000 };
#define CRITICAL 0.58578643762690495 /* 2 - sqrt 2: bonds of the square lattice at T_c */

static double z_of(double count, double n, double p)
{
    return (count - n * p) / sqrt(n * p * (1.0 - p));
}

static int bits(uint64_t x)
{
    return __builtin_popcountll(x);
}

static void coins_have_their_bias_at_every_position(void **state)
{
    static const double biases[] = { CRITICAL, 0.5, 0.1, 0.999, 1e-5, 0.75, 1.0 / 3.0 };
    (void)state;
    kr_rng rng;
    kr_rng_seed(&rng, 3, 0, KR_PURPOSE_TEST);
    for (int b = 0; b < 7; b++) {
        const double p = biases[b];
        const kr_coin coin = kr_coin_of(p);
        double heads[64] = { 0.0 }, total = 0.0, chi2 = 0.0;
        for (int w = 0; w < WORDS; w++) {
            uint64_t word = kr_coin_toss(&coin, ~(uint64_t)0, &rng);
            total += bits(word);
            for (int x = 0; x < 64; x++) {
                heads[x] += (double)(word >> x & 1);
            }
        }
        for (int x = 0; x < 64; x++) {
            chi2 += pow(z_of(heads[x], WORDS, p), 2.0);
        }
        assert_true(fabs(z_of(total, 64.0 * WORDS, p)) < 4.5);
        assert_true(p < 1e-3 || fabs(chi2 - 64.0) / sqrt(128.0) < 4.5);
    }
}

/* Neighbors within a word, words in a row, and four coins of one site. */
static void coins_are_independent(void **state)
{
    (void)state;
    kr_rng rng;
    kr_rng_seed(&rng, 4, 0, KR_PURPOSE_TEST);
    const double p = CRITICAL;
    const kr_coin coin = kr_coin_of(p);
    uint64_t before = kr_coin_toss(&coin, ~(uint64_t)0, &rng);
    double beside = 0.0, after = 0.0, cell[16] = { 0.0 };
    for (int w = 0; w < WORDS; w++) {
        uint64_t word = kr_coin_toss(&coin, ~(uint64_t)0, &rng);
        beside += bits(word & word >> 1 & 0x5555555555555555);
        after += bits(word & before);
        for (int x = 0; x < 64; x += 4) {
            cell[word >> x & 15] += 1.0;
        }
        before = w % 2 ? word : kr_coin_toss(&coin, ~(uint64_t)0, &rng);
    }
    double chi2 = 0.0;
    for (int c = 0; c < 16; c++) {
        double want =
            16.0 * WORDS * pow(p, bits((uint64_t)c)) * pow(1 - p, 4 - bits((uint64_t)c));
        chi2 += (cell[c] - want) * (cell[c] - want) / want;
    }
    assert_true(fabs(z_of(beside, 32.0 * WORDS, p * p)) < 4.5);
    assert_true(fabs(z_of(after, 64.0 * WORDS, p * p)) < 4.5);
    assert_true(fabs(chi2 - 15.0) / sqrt(30.0) < 4.5);
}

static void digits_are_those_of_the_double(void **state)
{
    static const double values[] = {
        CRITICAL, 0.5, 1e-3, 0x1p-60, 1e-15, 0x1.fffffffffffffp-1
    };
    (void)state;
    for (int k = 0; k < 6; k++) {
        kr_coin coin = kr_coin_of(values[k]);
        double back = (double)coin.digit[0] * 0x1p-64 + (double)coin.digit[1] * 0x1p-128;
        assert_true(back == values[k]);
    }
}

static void certain_coins_and_lanes_left_out_are_respected(void **state)
{
    (void)state;
    kr_rng rng;
    kr_rng_seed(&rng, 5, 0, KR_PURPOSE_TEST);
    const kr_coin never = kr_coin_of(0.0), always = kr_coin_of(1.0), rare = kr_coin_of(1e-30),
                  half = kr_coin_of(0.5);
    const uint64_t lanes = 0x00ff00ff12345678;
    for (int w = 0; w < 1000; w++) {
        assert_true(kr_coin_toss(&never, lanes, &rng) == 0);
        assert_true(kr_coin_toss(&rare, lanes, &rng) == 0);
        assert_true(kr_coin_toss(&always, lanes, &rng) == lanes);
        assert_true((kr_coin_toss(&half, lanes, &rng) & ~lanes) == 0);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(coins_have_their_bias_at_every_position),
        cmocka_unit_test(coins_are_independent),
        cmocka_unit_test(digits_are_those_of_the_double),
        cmocka_unit_test(certain_coins_and_lanes_left_out_are_respected),
    };
    return cmocka_run_group_tests_name("cluster coin", tests, NULL, NULL);
}
