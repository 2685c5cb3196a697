/* SPDX-License-Identifier: GPL-3.0-or-later
 * tests/test_van.c - the textbook sampler of an autoregressive network is one. */
#include "kr_test.h"

#include "study/van.h"

enum { LANES = KR_LANES_MAX };

static kr_van make(int32_t n_sites, int32_t q, kr_rng *rng)
{
    kr_van van;
    kr_error err = { 0 };
    kr_rng_seed(rng, 1, 0, KR_PURPOSE_TEST);
    assert_ok(kr_van_init(&van, kr_lanes_best(NULL), n_sites, q, 4, LANES, rng, &err), &err);
    return van;
}

/* Scores the states of van. */
static void score(kr_van *van)
{
    for (int32_t i = 0; i < van->n_sites; i++) {
        kr_van_pass(van, NULL);
    }
}

/* Whatever a conditional reads beyond the sites drawn breaks this sum. */
static void probabilities_sum_to_one(void **state)
{
    static const int32_t shape[][2] = { { 7, 2 }, { 4, 3 } };
    (void)state;
    for (int k = 0; k < 2; k++) {
        const int32_t N = shape[k][0], q = shape[k][1];
        const int64_t n_states = (int64_t)lrint(pow(q, N));
        kr_rng rng;
        kr_van van = make(N, q, &rng);
        double sum = 0.0;
        for (int64_t first = 0; first < n_states; first += LANES) {
            for (int64_t l = 0; l < LANES; l++) {
                int64_t left = first + l;
                for (int32_t i = 0; i < N; i++, left /= q) {
                    van.state[i * LANES + l] = (uint8_t)(left % q);
                }
            }
            score(&van);
            for (int64_t l = 0; l < LANES && first + l < n_states; l++) {
                sum += exp(van.log_q[l]);
            }
        }
        assert_close(sum, 1.0, 1e-9);
        kr_van_clear(&van);
    }
}

static void scores_at_the_draw_are_those_of_the_states(void **state)
{
    kr_rng rng;
    kr_van van = make(20, 2, &rng);
    double log_q[LANES];
    (void)state;
    for (int32_t i = 0; i < van.n_sites; i++) {
        kr_van_pass(&van, &rng);
    }
    memcpy(log_q, van.log_q, sizeof log_q);
    score(&van);
    assert_memory_equal(log_q, van.log_q, sizeof log_q);
    assert_true(log_q[0] < 0.0 && log_q[0] != log_q[1]);
    kr_van_clear(&van);
}

/* The logit of a site moves with every earlier site, through hidden units of all of them. */
static void conditionals_see_all_earlier_sites(void **state)
{
    enum { N = 9 };
    kr_rng rng;
    kr_van van = make(N, 2, &rng);
    (void)state;
    for (int32_t i = 0; i < N - 1; i++) { /* lane i differs from the last one in site i */
        van.state[i * LANES + i] = 1;
    }
    score(&van);
    const float *z = van.y[KR_VAN_LAYERS] + (size_t)(N - 1) * LANES;
    for (int32_t i = 0; i < N - 1; i++) {
        assert_true(z[i] != z[LANES - 1]);
    }
    kr_van_clear(&van);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(probabilities_sum_to_one),
        cmocka_unit_test(scores_at_the_draw_are_those_of_the_states),
        cmocka_unit_test(conditionals_see_all_earlier_sites),
    };
    return cmocka_run_group_tests_name("van", tests, NULL, NULL);
}
