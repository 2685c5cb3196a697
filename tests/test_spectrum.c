/* SPDX-License-Identifier: GPL-3.0-or-later
 * tests/test_spectrum.c - weights in order: against the transition matrix of the chain of
 * independent proposals, against laws with a known tail. */
#include "kr_test.h"

#include "base/rng.h"
#include "stats/stats.h"

enum { PAIRS = 12, STATES = 2 * PAIRS };

/* q uniform on pairs of states of equal weight, p = w/n; a chain that proposes from q. */
typedef struct chain {
    double log_w[STATES], p[STATES], P[STATES][STATES];
} chain;

static chain make_chain(double width)
{
    chain c;
    double sum = 0.0;
    kr_rng rng;
    kr_rng_seed(&rng, 3, 0, KR_PURPOSE_TEST);
    for (int i = 0; i < STATES; i++) {
        c.log_w[i] = i % 2 ? c.log_w[i - 1] : 700.0 + width * kr_rng_normal(&rng);
        c.p[i] = exp(c.log_w[i] - 700.0);
        sum += c.p[i];
    }
    for (int i = 0; i < STATES; i++) {
        double stay = 1.0;
        c.p[i] /= sum;
        for (int j = 0; j < STATES; j++) {
            c.P[i][j] = fmin(1.0, exp(c.log_w[j] - c.log_w[i])) / STATES;
            stay -= c.P[i][j];
        }
        c.P[i][i] += stay;
    }
    return c;
}

static void acceptance_is_that_of_the_chain(void **state)
{
    (void)state;
    chain c = make_chain(1.5);
    double accepted = 0.0;
    kr_weights_spectrum s;
    for (int i = 0; i < STATES; i++) {
        for (int j = 0; j < STATES; j++) {
            accepted += c.p[i] * fmin(1.0, exp(c.log_w[j] - c.log_w[i])) / STATES;
        }
    }
    kr_weights_analyze(c.log_w, STATES, &s);
    assert_close(s.acceptance, accepted, 1e-13);
}

/* f = +1 on one state of each pair, -1 on the other: sum over t of <f P^t f>. */
static void tau_int_is_that_of_a_sign_the_weights_do_not_tell(void **state)
{
    (void)state;
    chain c = make_chain(1.5);
    double f[STATES], next[STATES], tau = 0.5;
    kr_weights_spectrum s;
    for (int i = 0; i < STATES; i++) {
        f[i] = i % 2 ? 1.0 : -1.0;
    }
    for (int t = 1; t < 4000; t++) {
        double rho = 0.0;
        for (int i = 0; i < STATES; i++) {
            next[i] = 0.0;
            for (int j = 0; j < STATES; j++) {
                next[i] += c.P[i][j] * f[j];
            }
        }
        memcpy(f, next, sizeof f);
        for (int i = 0; i < STATES; i++) {
            rho += c.p[i] * (i % 2 ? f[i] : -f[i]);
        }
        tau += rho;
    }
    kr_weights_analyze(c.log_w, STATES, &s);
    assert_close(s.tau_int, tau, 1e-9);
    assert_true(s.tau_int > 1.0);
}

/* The heaviest state leaves with probability 1 - lambda, to another or its twin. */
static void holding_is_the_longest_mean_stay(void **state)
{
    (void)state;
    chain c = make_chain(1.5);
    double longest = 0.0;
    kr_weights_spectrum s;
    for (int i = 0; i < STATES; i++) {
        double rejected = 0.0;
        for (int j = 0; j < STATES; j++) {
            rejected += fmax(0.0, 1.0 - exp(c.log_w[j] - c.log_w[i])) / STATES;
        }
        longest = fmax(longest, 1.0 / (1.0 - rejected));
    }
    kr_weights_analyze(c.log_w, STATES, &s);
    assert_close(s.holding, longest, 1e-12);
}

static void equal_weights_accept_all_and_have_no_tail(void **state)
{
    (void)state;
    double log_w[1000];
    kr_weights_spectrum s;
    for (int k = 0; k < 1000; k++) {
        log_w[k] = -1e5;
    }
    kr_weights_analyze(log_w, 1000, &s);
    assert_close(s.acceptance, 1.0, 1e-15);
    assert_close(s.tau_int, 0.5, 1e-15);
    assert_close(s.holding, 1.0, 1e-15);
    assert_true(isnan(s.tail_index));
}

/* log w ~ N(mu, s^2): acceptance erfc(s/2). */
static void log_normal_weights_accept_as_they_should(void **state)
{
    (void)state;
    enum { N = 65536 };
    double *log_w = malloc(N * sizeof *log_w), s = 0.7;
    kr_rng rng;
    kr_rng_seed(&rng, 5, 0, KR_PURPOSE_TEST);
    for (int k = 0; k < N; k++) {
        log_w[k] = s * kr_rng_normal(&rng);
    }
    kr_weights_spectrum spectrum;
    kr_weights_analyze(log_w, N, &spectrum);
    assert_close(spectrum.acceptance / erfc(s / 2.0), 1.0, 0.01);
    free(log_w);
}

/* w = u^-k, u uniform, is Pareto with index k; 100 samples of 16384 each. */
static void tail_index_is_that_of_the_law(void **state)
{
    (void)state;
    enum { N = 16384, RUNS = 100 };
    static const double index[] = { 0.2, 0.5, 0.7, 1.2 };
    double *log_w = malloc(N * sizeof *log_w);
    kr_rng rng;
    kr_rng_seed(&rng, 6, 0, KR_PURPOSE_TEST);
    for (int c = 0; c < 4; c++) {
        double sum = 0.0, square = 0.0;
        for (int run = 0; run < RUNS; run++) {
            kr_weights_spectrum s;
            for (int k = 0; k < N; k++) {
                log_w[k] = 400.0 - index[c] * log1p(-kr_rng_uniform(&rng));
            }
            kr_weights_analyze(log_w, N, &s);
            sum += s.tail_index;
            square += s.tail_index * s.tail_index;
        }
        double mean = sum / RUNS, width = sqrt(square / RUNS - mean * mean);
        /* the weak prior of 10 in 394 moves k by 0.025 (1/2 - k); maximum likelihood has
         * width (1 + k)/sqrt(384) */
        assert_close(mean, index[c] + 0.0254 * (0.5 - index[c]), 0.02);
        assert_close(width / ((1.0 + index[c]) / sqrt(384.0)), 1.0, 0.3);
    }
    free(log_w);
}

/* A bounded tail: k < 0 without the prior, far below 1/2 with it. */
static void bounded_weights_have_a_light_tail(void **state)
{
    (void)state;
    enum { N = 65536 };
    double *log_w = malloc(N * sizeof *log_w);
    kr_rng rng;
    kr_rng_seed(&rng, 7, 0, KR_PURPOSE_TEST);
    for (int k = 0; k < N; k++) {
        log_w[k] = log(0.5 + kr_rng_uniform(&rng)); /* relative variance 1/12 */
    }
    kr_weights_spectrum s;
    kr_weights_analyze(log_w, N, &s);
    assert_true(s.tail_index < -0.5);
    free(log_w);
}

/* As those of a good density: 1 plus a Pareto law of index 0.9 scaled down. Of the same law at
 * its own scale k is told. */
static void narrow_weights_have_no_tail(void **state)
{
    (void)state;
    enum { N = 4096 };
    static const struct {
        double scale;
        bool has_tail;
    } list[] = { { 1.0, true }, { 1e-3, false }, { 1e-12, false } };
    double log_w[N];
    for (int c = 0; c < 3; c++) {
        kr_weights_spectrum s;
        for (int k = 0; k < N; k++) {
            log_w[k] = log1p(list[c].scale * pow((k + 0.5) / N, -0.9));
        }
        kr_weights_analyze(log_w, N, &s);
        assert_int_equal(!isnan(s.tail_index), list[c].has_tail);
        assert_true(!list[c].has_tail || s.tail_index > 0.7);
    }
}

static void weights_without_numbers_give_none(void **state)
{
    (void)state;
    double log_w[3] = { 0.0, NAN, 1.0 }, over[3] = { 0.0, INFINITY, 1.0 };
    double none[2] = { -INFINITY, -INFINITY }, low[3];
    kr_weights_spectrum s;
    kr_weights_analyze(log_w, 3, &s);
    assert_true(isnan(s.acceptance) && isnan(s.tail_index));
    kr_weights_analyze(over, 3, &s);
    assert_true(isnan(s.acceptance) && isnan(s.tau_int));
    kr_weights_analyze(none, 2, &s);
    assert_true(isnan(s.acceptance) && isnan(s.tau_int));
    kr_weights_analyze(low, 0, &s);
    assert_true(isnan(s.holding));
}

/* Weights 1, 0 and e: a move from 1 is made to two of three, from e to itself or, with 1/e. */
static void weights_of_nothing_are_left_at_once(void **state)
{
    (void)state;
    double log_w[3] = { 0.0, -INFINITY, 1.0 };
    const double e = exp(1.0), from[2] = { 2.0 / 3.0, (1.0 + 1.0 / e) / 3.0 };
    kr_weights_spectrum s;
    kr_weights_analyze(log_w, 3, &s);
    assert_close(s.acceptance, (from[0] + e * from[1]) / (1.0 + e), 1e-15);
    assert_close(s.tau_int, (1.0 / from[0] + e / from[1]) / (1.0 + e) - 0.5, 1e-15);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(acceptance_is_that_of_the_chain),
        cmocka_unit_test(weights_of_nothing_are_left_at_once),
        cmocka_unit_test(tau_int_is_that_of_a_sign_the_weights_do_not_tell),
        cmocka_unit_test(holding_is_the_longest_mean_stay),
        cmocka_unit_test(equal_weights_accept_all_and_have_no_tail),
        cmocka_unit_test(log_normal_weights_accept_as_they_should),
        cmocka_unit_test(tail_index_is_that_of_the_law),
        cmocka_unit_test(bounded_weights_have_a_light_tail),
        cmocka_unit_test(narrow_weights_have_no_tail),
        cmocka_unit_test(weights_without_numbers_give_none),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
