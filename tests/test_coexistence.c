/* SPDX-License-Identifier: GPL-3.0-or-later
 * tests/test_coexistence.c - two phases whose law is known: x is one of two normals, the
 * ordered one around `low`. Weights exp(-t x) keep them normal, move both by -t sigma^2 and
 * change the logarithm of the ratio of their weights by t (high - low). */
#include "kr_test.h"

#include "base/rng.h"
#include "stats/coexistence.h"

enum { BLOCKS = 32, DRAWS = 500, SETS = 100 };
static const double low = -800.0, high = -600.0, sigma = 30.0, n_ordered = 10.0;

static double normal(kr_rng *rng)
{
    const double u = 1.0 - kr_rng_uniform(rng), v = kr_rng_uniform(rng);
    return sqrt(-2.0 * log(u)) * cos(2.0 * M_PI * v);
}

/* share: of the ordered phase. flip: the ordered phase is the one with larger x. */
static void draw(double share, bool flip, kr_rng *rng, double *x, double *order)
{
    for (int i = 0; i < BLOCKS * DRAWS; i++) {
        const bool is_ordered = kr_rng_uniform(rng) < share;
        const double at = is_ordered ? low : high;
        x[i] = rint(at + sigma * normal(rng)) * (flip ? -1.0 : 1.0);
        order[i] = (is_ordered ? 0.8 : 0.1) + 0.02 * normal(rng);
    }
}

static double pull(kr_estimated e, double want)
{
    return (e.value - want) / e.error;
}

/* Draws with two phases. */
static kr_coexistence find(const double *x, const double *order)
{
    kr_error err = { 0 };
    kr_coexistence c;
    const kr_coexistence_draws d = { .n_blocks = BLOCKS,
                                     .n_draws = DRAWS,
                                     .x = x,
                                     .order = order,
                                     .at = 1.4,
                                     .n_ordered = n_ordered };
    assert_ok(kr_coexistence_find(&d, &c, &err), &err);
    assert_true(c.has_peaks);
    return c;
}

static void check(bool flip)
{
    static double x[BLOCKS * DRAWS], order[BLOCKS * DRAWS];
    const double share = 0.6, sign = flip ? -1.0 : 1.0;
    const double balance = sign * (log(n_ordered) - log(share / (1.0 - share))) / (high - low);
    double weight = 0.0, gap = 0.0, height = 0.0, error = 0.0;
    kr_rng rng;
    kr_rng_seed(&rng, 21, 0, KR_PURPOSE_TEST);
    for (int set = 0; set < SETS; set++) {
        draw(share, flip, &rng, x, order);
        const kr_coexistence c = find(x, order);
        weight += pow(pull(c.at_weight, 1.4 + balance), 2) / SETS;
        gap += pow(pull(c.gap, high - low), 2) / SETS;
        height += (c.at_height.value - 1.4) / SETS;
        error += c.at_weight.error / SETS;
        assert_close(c.order_low.value, flip ? 0.1 : 0.8, 0.02);
        assert_close(c.order_high.value, flip ? 0.8 : 0.1, 0.02);
        assert_true(c.n_crossings > BLOCKS * DRAWS / 8);
    }
    print_message("# rms pulls: balance %.2f (error %.1e), gap %.2f\n", sqrt(weight), error,
                  sqrt(gap));
    assert_true(sqrt(weight) > 0.8 && sqrt(weight) < 1.2); /* its own error is 0.07 */
    assert_true(sqrt(gap) > 0.8 && sqrt(gap) < 1.2);
    assert_true(error < 2e-4);
    /* peaks of one width are equally high where both weights are equal */
    assert_close(height, -sign * log(share / (1.0 - share)) / (high - low), 2e-4);
}

static void balance_and_gap_have_right_errors(void **state)
{
    (void)state;
    check(false);
    check(true);
}

static void one_phase_has_no_peaks(void **state)
{
    (void)state;
    static double x[BLOCKS * DRAWS], order[BLOCKS * DRAWS];
    kr_rng rng;
    kr_rng_seed(&rng, 22, 0, KR_PURPOSE_TEST);
    for (int set = 0; set < SETS; set++) {
        kr_error err = { 0 };
        kr_coexistence c;
        draw(1.0, false, &rng, x, order);
        const kr_coexistence_draws d = {
            .n_blocks = BLOCKS, .n_draws = DRAWS, .x = x, .order = order, .n_ordered = 2.0
        };
        assert_ok(kr_coexistence_find(&d, &c, &err), &err);
        assert_false(c.has_peaks);
        assert_true(isnan(c.at_weight.value) && isnan(c.barrier.value));
    }
    kr_error err = { 0 };
    kr_coexistence c;
    const kr_coexistence_draws few = { .n_blocks = 4, .n_draws = 10, .x = x, .order = order };
    assert_int_equal(kr_coexistence_find(&few, &c, &err), KR_EINVAL);
    const kr_coexistence_draws constant = {
        .n_blocks = 8, .n_draws = 1, .x = order, .order = order, .n_ordered = 2.0
    };
    for (int i = 0; i < 8; i++) {
        order[i] = 3.0;
    }
    assert_ok(kr_coexistence_find(&constant, &c, &err), &err);
    assert_false(c.has_peaks);
}

/* y = 2 + slope s with noise: pulls of the limit. */
static double limits(double slope, bool has_slope, double claimed)
{
    const double s[6] = { 1.0 / 64, 1.0 / 144, 1.0 / 256, 1.0 / 576, 1.0 / 1024, 1.0 / 2304 };
    double square = 0.0, p;
    kr_rng rng;
    kr_rng_seed(&rng, 23, 0, KR_PURPOSE_TEST);
    for (int set = 0; set < 4 * SETS; set++) {
        kr_estimated y[6];
        for (int k = 0; k < 6; k++) {
            y[k] = (kr_estimated){ 2.0 + slope * s[k] + 1e-4 * normal(&rng), claimed * 1e-4 };
        }
        square += pow(pull(kr_extrapolate(s, y, 6, has_slope, &p), 2.0), 2) / (4 * SETS);
    }
    return sqrt(square);
}

static void limits_have_errors_that_cover(void **state)
{
    (void)state;
    const double constant = limits(0.0, false, 1.0), line = limits(-3.0, true, 1.0);
    print_message("# rms pulls of the limit: %.2f of constants, %.2f of lines\n", constant,
                  line);
    assert_true(constant > 0.5 && constant < 1.1);
    assert_true(line > 0.5 && line < 1.1);
    assert_true(limits(-3.0, true, 0.5) > 1.4);  /* errors half as large are seen, */
    assert_true(limits(-3.0, false, 1.0) > 1.4); /* and a slope that is left out */
}

/* Mixed states make a flat valley, in which any bin may be the emptiest: the place of the cut
 * must not add to the scatter that the jackknife sees. */
static void a_flat_valley_is_cut_at_the_same_place(void **state)
{
    (void)state;
    static double x[BLOCKS * DRAWS], order[BLOCKS * DRAWS];
    double mean[2] = { 0 }, square[2] = { 0 }, variance[2] = { 0 };
    kr_rng rng;
    kr_rng_seed(&rng, 22, 0, KR_PURPOSE_TEST);
    for (int set = 0; set < SETS; set++) {
        draw(0.6, false, &rng, x, order);
        for (int i = 0; i < BLOCKS * DRAWS; i += 25) {
            const double u = kr_rng_uniform(&rng);
            x[i] = rint(low + u * (high - low));
            order[i] = 0.8 - 0.7 * u;
        }
        const kr_coexistence c = find(x, order);
        const kr_estimated e[2] = { c.at_weight, c.gap };
        for (int k = 0; k < 2; k++) {
            mean[k] += e[k].value / SETS;
            square[k] += e[k].value * e[k].value / SETS;
            variance[k] += e[k].error * e[k].error / SETS;
        }
    }
    for (int k = 0; k < 2; k++) {
        const double ratio = sqrt((square[k] - mean[k] * mean[k]) / variance[k]);
        print_message("# scatter over error of the %s: %.2f\n", k ? "gap" : "balance", ratio);
        assert_true(ratio > 0.8 && ratio < 1.2);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(balance_and_gap_have_right_errors),
        cmocka_unit_test(a_flat_valley_is_cut_at_the_same_place),
        cmocka_unit_test(one_phase_has_no_peaks),
        cmocka_unit_test(limits_have_errors_that_cover),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
