/* SPDX-License-Identifier: GPL-3.0-or-later
 * tests/test_flat_learn.c - weights from histograms: the recursion ends at the entropy it was
 * fed, whatever it starts from. */
#include "kr_test.h"

#include "base/rng.h"
#include "sampler/private.h"

enum { BINS = 80 };

typedef struct learner {
    kr_flat flat;
    double log_w[BINS], slope_sum[BINS], slope_weight[BINS];
    double scaled[2 * (BINS + 4 * KR_FLAT_REACH)];
    uint8_t is_known[BINS];
} learner;

static void open_learner(learner *l, double beta)
{
    memset(l, 0, sizeof *l);
    l->flat = (kr_flat){ .weights = { .e_min = 0.0,
                                      .width = 2.0,
                                      .inverse_width = 0.5,
                                      .n_bins = BINS,
                                      .is_level = true,
                                      .log_w = l->log_w,
                                      .scaled = l->scaled },
                         .beta_least = beta,
                         .beta_most = beta,
                         .is_known = l->is_known,
                         .slope_sum = l->slope_sum,
                         .slope_weight = l->slope_weight };
    for (int k = 0; k < BINS; k++) {
        l->log_w[k] = -beta * 2.0 * k;
    }
}

/* Entropy with a barrier of two phases; levels 1 and 3 are missing. */
static double entropy(int k)
{
    return k == 1 || k == 3 ? -INFINITY
                            : 60.0 * (1.0 - exp(-k / 15.0)) + 0.4 * k + 3.0 * sin(k / 9.0);
}

/* n_visits drawn from g w. */
static void draw(const learner *l, kr_rng *rng, int n_visits, int64_t *visits)
{
    double p[BINS], top = -INFINITY;
    for (int k = 0; k < BINS; k++) {
        top = fmax(top, entropy(k) + l->log_w[k]);
    }
    for (int k = 0; k < BINS; k++) {
        p[k] = exp(entropy(k) + l->log_w[k] - top);
        visits[k] = 0;
    }
    for (int n = 0; n < n_visits; n++) {
        visits[kr_rng_categorical(rng, p, BINS)]++;
    }
}

static void weights_become_the_inverse_of_the_number_of_states(void **state)
{
    (void)state;
    const double betas[] = { 0.0, 0.5, 2.0 };
    for (int b = 0; b < 3; b++) {
        learner l;
        kr_rng rng;
        int64_t visits[BINS];
        open_learner(&l, betas[b]);
        kr_rng_seed(&rng, 3, (uint64_t)b, KR_PURPOSE_TEST);
        for (int slice = 0; slice < 60; slice++) {
            draw(&l, &rng, slice < 40 ? 2000 : 20000, visits);
            kr_flat_learn(&l.flat, visits);
        }
        assert_true(l.flat.flatness > 0.7);
        for (int k = 4; k < BINS; k++) {
            double off = l.log_w[k] + entropy(k) - l.log_w[0] - entropy(0);
            assert_true(fabs(off) < 0.15);
        }
        assert_true(!l.is_known[1] && !l.is_known[3] && l.is_known[0] && l.is_known[BINS - 1]);
        /* a missing level is interpolated */
        assert_close(l.log_w[1], 0.5 * (l.log_w[0] + l.log_w[2]), 1e-12);
    }
}

static void beyond_what_was_seen_the_weights_go_on_straight(void **state)
{
    (void)state;
    learner l;
    int64_t visits[BINS] = { 0 };
    open_learner(&l, 0.7);
    for (int k = 30; k < 40; k++) {
        visits[k] = 100;
    }
    assert_int_equal(kr_flat_learn(&l.flat, visits), 10);
    int32_t low, high;
    assert_true(kr_flat_ends(&l.flat, &low, &high));
    assert_int_equal(low, 30);
    assert_int_equal(high, 39);
    for (int k = 0; k < BINS; k++) { /* even visits: nothing to mend */
        assert_close(l.log_w[k] - l.log_w[30], -0.7 * 2.0 * (k - 30), 1e-9);
    }
    assert_close(l.flat.weights.beta_low, 0.7, 1e-9);
    assert_close(l.flat.weights.beta_high, 0.7, 1e-9);
    assert_close(l.flat.flatness, 1.0, 0.0);
}

/* Two levels far apart in visits: their slope says nothing of the states outside. */
static void outside_no_wanted_temperature_is_visited_too_rarely(void **state)
{
    (void)state;
    learner l;
    int64_t visits[BINS] = { 0 };
    open_learner(&l, 0.7);
    l.flat.beta_least = 0.2;
    l.flat.beta_most = 0.9;
    for (int k = 30; k < 40; k++) {
        visits[k] = k == 30 || k == 39 ? 1000000 : 10;
    }
    kr_flat_learn(&l.flat, visits);
    assert_close(l.flat.weights.beta_low, 0.9, 1e-14);
    assert_close(l.flat.weights.beta_high, 0.2, 1e-14);
    assert_close(l.log_w[BINS - 1] - l.log_w[39], -0.2 * 2.0 * (BINS - 40), 1e-9);
    assert_close(l.log_w[0] - l.log_w[30], 0.9 * 2.0 * 30, 1e-9);
    for (int k = 30; k < 40; k++) { /* now the slope is below 0: half of all states are above */
        visits[k] = k == 39 ? 1 : 1000;
    }
    open_learner(&l, 0.0);
    kr_flat_learn(&l.flat, visits);
    assert_close(l.flat.weights.beta_high, 0.0, 0.0);
}

static void nothing_seen_changes_nothing(void **state)
{
    (void)state;
    learner l;
    int64_t visits[BINS] = { 0 };
    open_learner(&l, 0.7);
    assert_int_equal(kr_flat_learn(&l.flat, visits), 0);
    int32_t low, high;
    assert_false(kr_flat_ends(&l.flat, &low, &high));
    for (int k = 0; k < BINS; k++) {
        assert_close(l.log_w[k], -1.4 * k, 1e-14);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(weights_become_the_inverse_of_the_number_of_states),
        cmocka_unit_test(beyond_what_was_seen_the_weights_go_on_straight),
        cmocka_unit_test(outside_no_wanted_temperature_is_visited_too_rarely),
        cmocka_unit_test(nothing_seen_changes_nothing),
    };
    return cmocka_run_group_tests_name("learning of flat weights", tests, NULL, NULL);
}
