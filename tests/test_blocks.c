/* SPDX-License-Identifier: GPL-3.0-or-later
 * tests/test_blocks.c - series in pieces and in blocks give what the whole series gives: at any
 * length of pieces, over parts of unequal length, with blocks that do not fill a chain. */
#include "kr_test.h"

#include "analysis/blocks.h"
#include "base/memory.h"
#include "base/rng.h"

#include <sys/stat.h>

enum { CHAINS = 4, POINTS = 2, DRAWS = 1003, STEP = 7, PARTS = 4 };

static const int64_t part_draws[PARTS] = { 1, 500, 2, 500 };

static double draw_of(int64_t c, int64_t t, int64_t p)
{
    return 3.0 + sin(0.37 * (double)(t * t % 1009) + (double)c) + 0.2 * (double)(p * c);
}

static kr_results *declare(int64_t n_points, int *index)
{
    kr_error err = { 0 };
    kr_results *r = kr_results_alloc(&err);
    assert_ok(kr_results_dim(r, "posterior", "chain", CHAINS, NULL, &err), &err);
    assert_ok(kr_results_dim(r, "posterior", "draw", 0, NULL, &err), &err);
    assert_ok(kr_results_dim(r, "posterior", "point", n_points, NULL, &err), &err);
    assert_ok(kr_results_variable(r, "posterior", "x", KR_F64, "chain draw point", "", "",
                                  index, &err),
              &err);
    return r;
}

/* blocks.h5.parts, of unequal length. */
static int write_parts(void **state)
{
    (void)state;
    int index;
    kr_error err = { 0 };
    kr_results *r = declare(POINTS, &index);
    mkdir("blocks.h5.parts", 0777);
    for (int64_t f = 0, t = 0; f < PARTS; f++) {
        for (int64_t end = t + part_draws[f]; t < end; t++) {
            double slab[CHAINS * POINTS];
            for (int64_t k = 0; k < CHAINS * POINTS; k++) {
                slab[k] = draw_of(k / POINTS, t, k % POINTS);
            }
            assert_ok(kr_results_append(r, index, slab, &err), &err);
        }
        char path[64];
        snprintf(path, sizeof path, "blocks.h5.parts/part-%06d.h5", (int)f + 1);
        assert_ok(kr_results_write_part(r, path, &err), &err);
    }
    kr_results_free(r);
    return 0;
}

static kr_blocks read_blocks(const char *path, kr_blocks_options options)
{
    kr_error err = { 0 };
    kr_series series;
    kr_blocks b;
    kr_reader *reader = kr_reader_open(path, &err);
    assert_non_null(reader);
    assert_ok(kr_series_open(reader, "posterior", "x", &series, &err), &err);
    assert_ok(kr_blocks_read(&series, &options, &b, &err), &err);
    kr_series_clear(&series);
    kr_reader_close(reader);
    return b;
}

static const int64_t lengths[] = { 1,   2,   STEP - 1,  STEP,  STEP + 1, 499,
                                   500, 501, DRAWS - 1, DRAWS, DRAWS + 1 };
enum { LENGTHS = sizeof lengths / sizeof *lengths };

static void blocks_of_one_draw_are_the_series(void **state)
{
    (void)state;
    for (int l = 0; l < LENGTHS; l++) {
        kr_blocks b = read_blocks("blocks.h5", (kr_blocks_options){ .length = lengths[l] });
        assert_true(b.step == 1 && b.n == DRAWS && b.n_points == POINTS);
        for (int64_t k = 0; k < POINTS * CHAINS * DRAWS; k++) {
            const int64_t p = k / DRAWS / CHAINS, c = k / DRAWS % CHAINS;
            assert_true(b.value[k] == draw_of(c, k % DRAWS, p));
        }
        kr_blocks_clear(&b);
    }
}

/* Mean over all draws of f(x) = x or (x - shift)^2. */
static double mean_of(int64_t p, bool is_square, double shift)
{
    double sum = 0.0;
    for (int64_t k = 0; k < CHAINS * DRAWS; k++) {
        const double x = draw_of(k / DRAWS, k % DRAWS, p) - shift;
        sum += is_square ? x * x : x;
    }
    return sum / (CHAINS * DRAWS);
}

static void check_blocks(const kr_blocks *b, int64_t p, double shift)
{
    enum { N = (DRAWS + STEP - 1) / STEP };
    double x[CHAINS * N], square[CHAINS * N], sum[2] = { 0.0 };
    assert_true(b->step == STEP && b->n == N);
    kr_blocks_squares(b, p, shift, x, square);
    const double mean = mean_of(p, false, shift), mean_square = mean_of(p, true, shift);
    for (int64_t k = 0; k < CHAINS * N; k++) {
        const int64_t c = k / N, from = k % N * STEP;
        double want = 0.0, want_square = 0.0;
        for (int64_t t = from; t < from + STEP; t++) { /* what is missing counts as the mean */
            const double d = t < DRAWS ? draw_of(c, t, p) - shift : 0.0;
            want += (t < DRAWS ? d : mean) / STEP;
            want_square += (t < DRAWS ? d * d : mean_square) / STEP;
        }
        assert_close(x[k] + shift, want + shift, 1e-12);
        assert_close(square[k], want_square, 1e-11);
        assert_true(b->first[p * CHAINS * N + k] == draw_of(c, from, p));
        sum[0] += x[k] / (CHAINS * N);
        sum[1] += square[k] / (CHAINS * N);
    }
    assert_close(sum[0] + shift, mean + shift, 1e-12); /* all draws have the same weight */
    assert_close(sum[1], mean_square, 1e-12);
}

static void blocks_are_means_of_draws_at_any_length_of_pieces(void **state)
{
    (void)state;
    for (int l = 0; l < LENGTHS; l++) {
        kr_blocks b = read_blocks(
            "blocks.h5", (kr_blocks_options){ .length = lengths[l],
                                              .most = CHAINS * POINTS * (DRAWS / STEP + 1),
                                              .has_squares = true });
        for (int64_t p = 0; p < POINTS; p++) {
            check_blocks(&b, p, 0.0);
            check_blocks(&b, p, 3.0);
            const double mean = mean_of(p, false, 0.0);
            assert_close(kr_blocks_mean(&b, p), mean, 1e-13);
            assert_close(kr_blocks_variance(&b, p), mean_of(p, true, mean), 1e-12);
        }
        kr_blocks_clear(&b);
    }
}

/* Autoregressive chains in one file; bad: the draw of chain 1 that is not finite, or -1. */
static void write_chains(const char *path, int64_t n_draws, double a, int64_t bad)
{
    int index;
    kr_rng rng;
    kr_error err = { 0 };
    kr_results *r = declare(1, &index);
    double x[CHAINS];
    kr_rng_seed(&rng, 5, 0, KR_PURPOSE_TEST);
    for (int c = 0; c < CHAINS; c++) {
        x[c] = kr_rng_normal(&rng);
    }
    for (int64_t t = 0; t < n_draws; t++) {
        for (int c = 0; c < CHAINS; c++) {
            x[c] = a * x[c] + sqrt(1.0 - a * a) * kr_rng_normal(&rng);
        }
        double slab[CHAINS];
        memcpy(slab, x, sizeof slab);
        slab[1] = t == bad ? INFINITY : slab[1];
        if (bad >= 0) { /* the first one is that of the first chain, not of the first piece */
            slab[3] = t == bad / 2 ? NAN : slab[3];
            slab[2] = t == bad + 100 ? NAN : slab[2];
        }
        assert_ok(kr_results_append(r, index, slab, &err), &err);
    }
    assert_ok(kr_results_write_part(r, path, &err), &err);
    kr_results_free(r);
}

/* tau_int in draws from blocks much shorter and much longer than it, against the exact one and
 * that of all draws; and of the means of pairs of chains. */
static void blocks_have_the_errors_of_draws(void **state)
{
    (void)state;
    enum { N = 60000 };
    const double tau[] = { 0.5, 3.0, 40.0 };
    for (int k = 0; k < 3; k++) {
        write_chains("ar.h5", N, (2.0 * tau[k] - 1.0) / (2.0 * tau[k] + 1.0), -1);
        kr_blocks all = read_blocks("ar.h5", (kr_blocks_options){ .most = -1 });
        kr_estimate want, e;
        kr_error err = { 0 };
        assert_ok(kr_blocks_estimate(&all, 0, all.value, CHAINS, &want, &err), &err);
        for (int64_t step = 2; step < 100; step = step * 2 + 1) {
            kr_blocks b = read_blocks(
                "ar.h5", (kr_blocks_options){ .most = CHAINS * N / step, .has_pairs = true });
            assert_true(b.step >= step && b.step <= step + 1);
            assert_ok(kr_blocks_estimate(&b, 0, b.value, CHAINS, &e, &err), &err);
            assert_close(e.mean, want.mean, 1e-11);
            assert_true(fabs(e.tau_int - tau[k]) < 4.0 * e.tau_int_error);
            assert_close(e.error / want.error, 1.0, 3.0 * e.tau_int_error / e.tau_int);
            assert_close(e.ess, (double)e.n / (2.0 * e.tau_int), 1e-12);
            assert_true(e.n == CHAINS * N && e.tau_int_error < 0.3 * e.tau_int);
            for (int64_t t = 0; t < b.n; t++) { /* pairs in place of chains */
                for (int c = 0; c < CHAINS / 2; c++) {
                    const double *pair = b.value + 2 * c * b.n + t;
                    b.value[c * b.n + t] = 0.5 * (pair[0] + pair[b.n]);
                }
            }
            assert_ok(kr_blocks_estimate(&b, 0, b.value, CHAINS / 2, &e, &err), &err);
            assert_true(fabs(e.tau_int - tau[k]) < 4.0 * e.tau_int_error);
            kr_blocks_clear(&b);
        }
        kr_blocks_clear(&all);
    }
}

static void values_that_are_not_finite_are_named(void **state)
{
    (void)state;
    write_chains("bad.h5", 1000, 0.5, 777);
    for (int64_t most = -1; most < 1000; most += 801) {
        kr_blocks b = read_blocks("bad.h5", (kr_blocks_options){ .most = most, .length = 10 });
        kr_estimate e;
        kr_error err = { 0 };
        assert_int_equal(kr_blocks_estimate(&b, 0, b.value, CHAINS, &e, &err), KR_EINVAL);
        assert_string_equal(err.text,
                            "series: draw 777 of chain 1 is inf, want finite numbers");
        kr_blocks_clear(&b);
    }
}

static double constant(double x, double parameter)
{
    (void)x;
    return parameter;
}

/* 0.1 cannot be summed without rounding. */
static void constants_stay_constant(void **state)
{
    (void)state;
    for (int k = 0; k < 20; k++) {
        const double parameter[POINTS] = { 0.1 / (k + 1), -0.7 * k };
        kr_blocks b = read_blocks(
            "blocks.h5",
            (kr_blocks_options){ .most = 600, .map = constant, .parameter = parameter });
        assert_true(b.step > 1);
        for (int64_t p = 0; p < POINTS; p++) {
            kr_estimate e;
            kr_error err = { 0 };
            const double *x = b.value + p * CHAINS * b.n;
            assert_ok(kr_blocks_estimate(&b, p, x, CHAINS, &e, &err), &err);
            assert_true(e.is_constant && e.mean == parameter[p] && e.error == 0.0);
            assert_true(e.n == CHAINS * DRAWS);
        }
        kr_blocks_clear(&b);
    }
}

static void blocks_are_as_long_as_memory_asks(void **state)
{
    (void)state;
    assert_true(kr_blocks_step(64, 65536, 1, 0) == 1);
    assert_true(kr_blocks_step(64, 65537, 1, 0) == 2);
    assert_true(kr_blocks_step(64, 1562500, 1, 0) == 24);
    assert_true(kr_blocks_step(64, 65536, 3, 0) == 2);      /* of all points together */
    assert_true(kr_blocks_step(1 << 20, 640, 16, 0) == 10); /* 64 blocks are left */
    assert_true(kr_blocks_step(64, 1 << 30, 1, -1) == 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(blocks_of_one_draw_are_the_series),
        cmocka_unit_test(blocks_are_means_of_draws_at_any_length_of_pieces),
        cmocka_unit_test(blocks_have_the_errors_of_draws),
        cmocka_unit_test(values_that_are_not_finite_are_named),
        cmocka_unit_test(constants_stay_constant),
        cmocka_unit_test(blocks_are_as_long_as_memory_asks),
    };
    return cmocka_run_group_tests_name("blocks", tests, write_parts, NULL);
}
