/* SPDX-License-Identifier: GPL-3.0-or-later
 * tests/test_transfer.c - products of transfer matrices that carry sums along. */
#include "kr_test.h"
#include "model/transfer.h"

/* Weights, and weights times a number that each step adds. */
static const kr_transfer_rule rules[] = { { 0, 0, 0, 1.0 },
                                          { 1, 1, 0, 1.0 },
                                          { 1, 0, 1, 1.0 } };
static const kr_transfer_algebra algebra = { 2, 3, rules };

enum { N = 5 };

static double weight(int a, int b)
{
    return 1.0 + 0.3 * a - 0.05 * b * b + 0.7 * (a == b);
}

static double added(int a, int b)
{
    return a - 0.5 * b + 1.0;
}

static void fill(kr_transfer *t, int32_t n_rows)
{
    kr_error err = { 0 };
    assert_ok(kr_transfer_init(t, &algebra, n_rows, N, &err), &err);
    for (int k = 0; k < n_rows * N; k++) {
        t->value[k] = weight(k / N, k % N);
        t->value[n_rows * N + k] = t->value[k] * added(k / N, k % N);
    }
}

/* Sums over all closed walks of three steps. */
static void powers_sum_over_walks(void **state)
{
    (void)state;
    kr_error err = { 0 };
    kr_transfer step, product = { .n_rows = 0 };
    double trace[2], want[2] = { 0.0 };
    for (int k = 0; k < N * N * N; k++) {
        const int a = k % N, b = k / N % N, c = k / N / N;
        const double w = weight(a, b) * weight(b, c) * weight(c, a);
        want[0] += w;
        want[1] += w * (added(a, b) + added(b, c) + added(c, a));
    }
    fill(&step, N);
    assert_ok(kr_transfer_append(&algebra, &step, 3, &product, &err), &err);
    kr_transfer_trace(&algebra, &product, trace);
    assert_close(trace[0] * exp(product.log_scale), want[0], 1e-13);
    assert_close(trace[1] * exp(product.log_scale), want[1], 1e-13);
    kr_transfer_clear(&step);
    kr_transfer_clear(&product);
}

/* A row goes step by step, a matrix by squaring: the same product, also of thousands. */
static void rows_and_squares_agree_and_do_not_overflow(void **state)
{
    (void)state;
    kr_error err = { 0 };
    kr_transfer step, row, square = { .n_rows = 0 };
    fill(&step, N);
    fill(&row, 1);
    assert_ok(kr_transfer_append(&algebra, &step, 5000, &row, &err), &err);
    assert_ok(kr_transfer_append(&algebra, &step, 5000, &square, &err), &err);
    double by_square[2] = { 0.0 }, by_row[2] = { 0.0 };
    for (int b = 0; b < N; b++) {
        by_row[0] += row.value[b];
        by_row[1] += row.value[N + b];
        for (int a = 0; a < N; a++) {
            const double w = weight(0, a), s = square.value[a * N + b];
            by_square[0] += w * s;
            by_square[1] += w * (square.value[N * N + a * N + b] + added(0, a) * s);
        }
    }
    assert_true(row.log_scale > 5000.0);
    assert_close(log(by_row[0]) + row.log_scale, log(by_square[0]) + square.log_scale, 1e-13);
    assert_close(by_row[1] / by_row[0], by_square[1] / by_square[0], 1e-12);
    kr_transfer_clear(&step);
    kr_transfer_clear(&row);
    kr_transfer_clear(&square);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(powers_sum_over_walks),
        cmocka_unit_test(rows_and_squares_agree_and_do_not_overflow),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
