/* SPDX-License-Identifier: GPL-3.0-or-later
 * tests/test_rng.c - streams: known answers, keys, law of each draw. */
#include "kr_test.h"

#include "base/rng.h"

#include <Random123/philox.h>

/* Row {0 0 0 0 / 0 0} of the known answers published with Random123 (kat_vectors). */
static void philox_gives_the_published_answer(void **state)
{
    (void)state;
    philox4x32_ctr_t c = { { 0, 0, 0, 0 } };
    philox4x32_key_t k = { { 0, 0 } };
    philox4x32_ctr_t r = philox4x32(c, k);
    assert_int_equal(r.v[0], 0x6627e8d5);
    assert_int_equal(r.v[1], 0xe169c58d);
    assert_int_equal(r.v[2], 0xbc57ac4c);
    assert_int_equal(r.v[3], 0x9b00dbd8);
}

/* xoshiro256++ from state {1, 2, 3, 4}: first outputs computed by hand from the definition
 * rotl(s0 + s3, 23) + s0. */
static void xoshiro_follows_its_definition(void **state)
{
    (void)state;
    kr_rng rng;
    memset(&rng, 0, sizeof rng);
    for (int l = 0; l < KR_RNG_LANES; l++) {
        for (int w = 0; w < 4; w++) {
            rng.s[w][l] = (uint64_t)w + 1;
        }
    }
    rng.n_used = KR_RNG_BUFFER;
    assert_true(kr_rng_u64(&rng) == 41943041ULL); /* rotl(5, 23) + 1 */
    for (int l = 1; l < KR_RNG_LANES; l++) {
        assert_true(kr_rng_u64(&rng) == 41943041ULL);
    }
    assert_true(kr_rng_u64(&rng) == 58720359ULL);
}

static void streams_with_different_keys_differ(void **state)
{
    (void)state;
    kr_rng a, b;
    for (int k = 0; k < 3; k++) {
        kr_rng_seed(&a, 1, 2, 3);
        kr_rng_seed(&b, 1 + (k == 0), 2 + (uint64_t)(k == 1), 3 + (uint32_t)(k == 2));
        int n_equal = 0;
        for (int i = 0; i < 256; i++) {
            n_equal += kr_rng_u64(&a) == kr_rng_u64(&b);
        }
        assert_int_equal(n_equal, 0);
    }
}

static void below_is_uniform(void **state)
{
    (void)state;
    enum { N = 7, DRAWS = 700000 };
    kr_rng rng;
    kr_rng_seed(&rng, 11, 0, KR_PURPOSE_TEST);
    double count[N] = { 0 }, chi2 = 0.0;
    for (int i = 0; i < DRAWS; i++) {
        count[kr_rng_below(&rng, N)] += 1.0;
    }
    for (int a = 0; a < N; a++) {
        double expected = (double)DRAWS / N;
        chi2 += (count[a] - expected) * (count[a] - expected) / expected;
    }
    assert_true(chi2 < 40.0); /* 6 degrees of freedom: p = 4.6e-7 */
}

static void integer_weights_have_their_law(void **state)
{
    (void)state;
    enum { DRAWS = 400000 };
    const uint32_t weight[3] = { 1, 5, 10 };
    kr_rng rng;
    kr_rng_seed(&rng, 12, 0, KR_PURPOSE_TEST);
    double count[3] = { 0 };
    for (int i = 0; i < DRAWS; i++) {
        count[kr_rng_integer_weights(&rng, weight, 16, 3)] += 1.0;
    }
    for (int a = 0; a < 3; a++) {
        double p = weight[a] / 16.0;
        assert_within_sigma(count[a] / DRAWS, sqrt(p * (1 - p) / DRAWS), p, 4.5);
    }
}

static void categorical_has_its_law_and_never_takes_weight_zero(void **state)
{
    (void)state;
    enum { DRAWS = 400000 };
    const double weight[5] = { 0.0, 2.5, 0.0, 0.5, 0.0 };
    kr_rng rng;
    kr_rng_seed(&rng, 14, 0, KR_PURPOSE_TEST);
    double count[5] = { 0 };
    for (int i = 0; i < DRAWS; i++) {
        count[kr_rng_categorical(&rng, weight, 5)] += 1.0;
    }
    assert_true(count[0] == 0.0 && count[2] == 0.0 && count[4] == 0.0);
    double p = 0.5 / 3.0;
    assert_within_sigma(count[3] / DRAWS, sqrt(p * (1 - p) / DRAWS), p, 4.5);
}

static void normal_has_unit_variance_and_zero_mean(void **state)
{
    (void)state;
    enum { DRAWS = 400000 };
    kr_rng rng;
    kr_rng_seed(&rng, 13, 0, KR_PURPOSE_TEST);
    double s1 = 0.0, s2 = 0.0;
    for (int i = 0; i < DRAWS; i++) {
        double x = kr_rng_normal(&rng);
        s1 += x;
        s2 += x * x;
    }
    assert_within_sigma(s1 / DRAWS, sqrt(1.0 / DRAWS), 0.0, 4.5);
    assert_within_sigma(s2 / DRAWS, sqrt(2.0 / DRAWS), 1.0, 4.5);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(philox_gives_the_published_answer),
        cmocka_unit_test(xoshiro_follows_its_definition),
        cmocka_unit_test(streams_with_different_keys_differ),
        cmocka_unit_test(below_is_uniform),
        cmocka_unit_test(integer_weights_have_their_law),
        cmocka_unit_test(categorical_has_its_law_and_never_takes_weight_zero),
        cmocka_unit_test(normal_has_unit_variance_and_zero_mean),
    };
    return cmocka_run_group_tests_name("rng", tests, NULL, NULL);
}
