/* SPDX-License-Identifier: GPL-3.0-or-later
 * tests/test_flow_spline.c - the rational-quadratic spline of coupling layers. */
#include "map_fixture.h"

#define RANGE 3.0

static map_fixture make(uint64_t seed, int32_t n_knots)
{
    map_fixture f = { .kernels = kr_map_spline_of(KR_ISA_BEST),
                      .map = { .n = MAPPED,
                               .site = mapped_sites,
                               .center = centers,
                               .width = widths,
                               .n_knots = n_knots,
                               .range = RANGE },
                      .n_odd = kr_map_spline_odd(n_knots, false),
                      .n_even = kr_map_spline_even(n_knots, false) };
    fill(&f, seed, 1.0, 1.2 * RANGE);
    return f;
}

/* The same on the circle. */
static map_fixture make_circle(uint64_t seed, int32_t n_knots)
{
    static const double ones[SITES] = { 1.0, 1.0, 1.0 };
    map_fixture f = make(seed, n_knots);
    f.map.is_circle = true;
    f.map.range = 3.14159265358979323846;
    f.map.center = no_centers;
    f.map.width = ones;
    f.n_odd = kr_map_spline_odd(n_knots, true);
    f.n_even = kr_map_spline_even(n_knots, true);
    fill(&f, seed, 1.0, 3.1);
    return f;
}

static const int32_t knots[] = { 2, 3, 8, 9, KR_MAP_KNOTS_MAX };
enum { N_KNOTS = sizeof knots / sizeof *knots };

/* Raw numbers of one kind in one lane of the first variable. */
static double raw(const map_fixture *f, int kind, int32_t n, int32_t k, int lane)
{
    const int32_t N = f->map.n_knots, mirror = n - 1 - k, first = k < mirror ? k : mirror;
    const double e = f->even[(kind * ((N + 1) / 2) + first) * ML + lane];
    const double o = k == mirror ? 0.0 : f->odd[(kind * (N / 2) + first) * ML + lane];
    return k < mirror ? e + o : e - o;
}

static double positive(double x)
{
    return 0.5 * (x + sqrt(x * x + 4.0));
}

/* Knots x and y and slopes d (N + 1) of that lane, in widths from the center. */
static void knots_of(const map_fixture *f, int lane, double *x, double *y, double *d)
{
    const int32_t N = f->map.n_knots;
    double sum[2] = { 0.0 };
    for (int32_t k = 0; k < N; k++) {
        sum[0] += positive(raw(f, 0, N, k, lane));
        sum[1] += positive(raw(f, 1, N, k, lane));
    }
    x[0] = y[0] = -RANGE;
    d[0] = d[N] = 1.0;
    for (int32_t k = 0; k < N; k++) {
        const double share = 1.0 - 1e-3 * N;
        x[k + 1] =
            x[k] + 2.0 * RANGE * (1e-3 + share * positive(raw(f, 0, N, k, lane)) / sum[0]);
        y[k + 1] =
            y[k] + 2.0 * RANGE * (1e-3 + share * positive(raw(f, 1, N, k, lane)) / sum[1]);
        if (k > 0) {
            d[k] = 1e-3 + (1.0 - 1e-3) * positive(raw(f, 2, N - 1, k - 1, lane));
        }
    }
}

/* x' and f' of the first variable at u in all lanes; ln J is that of one variable. */
static void at(map_fixture *f, const double u[ML], double y[ML], double slope[ML])
{
    double x[SITES * ML], log_j[ML] = { 0.0 };
    memcpy(x, f->x, sizeof x);
    f->map.n = 1;
    for (int l = 0; l < ML; l++) {
        x[2 * ML + l] = centers[2] + widths[2] * u[l];
    }
    f->kernels->forward(&f->map, f->odd, f->even, x, log_j);
    for (int l = 0; l < ML; l++) {
        y[l] = (x[2 * ML + l] - centers[2]) / widths[2];
        slope[l] = exp(log_j[l]);
    }
    f->map.n = MAPPED;
}

static void it_goes_through_its_knots_with_their_slopes_from_both_sides(void **state)
{
    (void)state;
    for (int n = 0; n < N_KNOTS; n++) {
        map_fixture f = make(1, knots[n]);
        double x[ML][KR_MAP_KNOTS_MAX + 1], y[ML][KR_MAP_KNOTS_MAX + 1];
        double d[ML][KR_MAP_KNOTS_MAX + 1], u[ML], value[ML], slope[ML];
        for (int l = 0; l < ML; l++) {
            knots_of(&f, l, x[l], y[l], d[l]);
        }
        for (int32_t k = 0; k <= knots[n]; k++) {
            for (int side = -1; side <= 1; side += 2) {
                for (int l = 0; l < ML; l++) {
                    u[l] = x[l][k] + side * 1e-9;
                }
                at(&f, u, value, slope);
                for (int l = 0; l < ML; l++) {
                    assert_close(value[l], y[l][k], 1e-7);
                    assert_close(slope[l], d[l][k], 1e-4 * fmax(1.0, d[l][k]));
                }
            }
        }
    }
}

static void the_slope_is_positive_and_that_of_the_values(void **state)
{
    (void)state;
    map_fixture f = make(2, 8);
    double u[ML], low[ML], high[ML], slope[ML], unused[ML];
    for (int step = 0; step < 200; step++) {
        const double middle = -1.1 * RANGE + 2.2 * RANGE * (step + 0.377) / 200;
        for (int side = -1; side <= 1; side++) {
            for (int l = 0; l < ML; l++) {
                u[l] = middle + 1e-5 * side;
            }
            at(&f, u, side < 0 ? low : side ? high : unused, side ? unused : slope);
        }
        for (int l = 0; l < ML; l++) {
            assert_true(slope[l] > 0.0);
            assert_close((high[l] - low[l]) / 2e-5, slope[l], 2e-3 * fmax(1.0, slope[l]));
        }
    }
}

static void nothing_moves_in_the_tails(void **state)
{
    (void)state;
    map_fixture f = make(3, 8);
    double u[ML], y[ML], slope[ML];
    for (int l = 0; l < ML; l++) {
        u[l] = (l % 2 ? -1.0 : 1.0) * (RANGE + 1e-9 + 0.3 * l * l * l);
    }
    at(&f, u, y, slope);
    for (int l = 0; l < ML; l++) {
        assert_close(y[l], u[l], 1e-12 * fabs(u[l]));
        assert_close(slope[l], 1.0, 0.0);
    }
}

static void inverse_undoes_it(void **state)
{
    (void)state;
    for (int n = 0; n < N_KNOTS; n++) {
        const map_fixture f = make(4, knots[n]);
        check_inverse(&f);
    }
}

static void pull_gives_derivatives(void **state)
{
    (void)state;
    for (int n = 0; n < N_KNOTS; n++) {
        map_fixture f = make(5, knots[n]), circle = make_circle(5, knots[n]);
        check_pull(&f);
        check_pull(&circle);
    }
}

static void push_solves_for_the_new_slope(void **state)
{
    (void)state;
    for (int n = 0; n < N_KNOTS; n++) {
        const map_fixture f = make(6, knots[n]), circle = make_circle(6, knots[n]);
        check_push(&f);
        check_push(&circle);
    }
}

static void it_is_odd_where_odd_parameters_change_sign(void **state)
{
    (void)state;
    for (int n = 0; n < N_KNOTS; n++) {
        map_fixture f = make(7, knots[n]);
        check_parity(&f);
    }
}

static void zero_parameters_are_the_identity(void **state)
{
    (void)state;
    for (int n = 0; n < N_KNOTS; n++) {
        map_fixture f = make(8, knots[n]);
        check_identity(&f);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(it_goes_through_its_knots_with_their_slopes_from_both_sides),
        cmocka_unit_test(the_slope_is_positive_and_that_of_the_values),
        cmocka_unit_test(nothing_moves_in_the_tails),
        cmocka_unit_test(inverse_undoes_it),
        cmocka_unit_test(pull_gives_derivatives),
        cmocka_unit_test(push_solves_for_the_new_slope),
        cmocka_unit_test(it_is_odd_where_odd_parameters_change_sign),
        cmocka_unit_test(zero_parameters_are_the_identity),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
