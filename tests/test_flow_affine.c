/* SPDX-License-Identifier: GPL-3.0-or-later
 * tests/test_flow_affine.c - the affine map of coupling layers. */
#include "map_fixture.h"

static map_fixture make(uint64_t seed)
{
    map_fixture f = { .kernels = kr_map_affine_of(KR_ISA_BEST),
                      .map = { .n = MAPPED,
                               .site = mapped_sites,
                               .center = centers,
                               .width = widths,
                               .dt = 0.4 },
                      .n_odd = 1,
                      .n_even = 1 };
    fill(&f, seed, 1.0, 3.0);
    return f;
}

static void value_is_that_of_the_formula(void **state)
{
    (void)state;
    map_fixture f = make(1);
    double y[SITES * ML], log_j[ML] = { 0.0 };
    memcpy(y, f.x, sizeof y);
    f.kernels->forward(&f.map, f.odd, f.even, y, log_j);
    const double b = f.even[5], s = 0.4 * b / sqrt(1.0 + b * b); /* variable 0 is site 2 */
    const double u = (f.x[2 * ML + 5] + 1.0) / 0.7;
    assert_close(y[2 * ML + 5], -1.0 + 0.7 * (u + 0.4 * f.odd[5]) * exp(s), 1e-13);
    assert_memory_equal(&y[ML], &f.x[ML], ML * sizeof *y);
}

static void inverse_undoes_it(void **state)
{
    (void)state;
    const map_fixture f = make(2);
    check_inverse(&f);
}

static void pull_gives_derivatives(void **state)
{
    (void)state;
    map_fixture f = make(3);
    check_pull(&f);
}

static void push_solves_for_the_new_slope(void **state)
{
    (void)state;
    const map_fixture f = make(4);
    check_push(&f);
}

static void it_is_odd_where_odd_parameters_change_sign(void **state)
{
    (void)state;
    map_fixture f = make(5);
    check_parity(&f);
}

static void zero_parameters_are_the_identity(void **state)
{
    (void)state;
    map_fixture f = make(6);
    check_identity(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(value_is_that_of_the_formula),
        cmocka_unit_test(inverse_undoes_it),
        cmocka_unit_test(pull_gives_derivatives),
        cmocka_unit_test(push_solves_for_the_new_slope),
        cmocka_unit_test(it_is_odd_where_odd_parameters_change_sign),
        cmocka_unit_test(zero_parameters_are_the_identity),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
