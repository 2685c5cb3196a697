/* SPDX-License-Identifier: GPL-3.0-or-later
 * tests/test_observable_field.c - local means of a lattice field. */
#include "kr_real_block.h"

extern const kr_observable_plug kr_observable_field;

enum { SQUARED, FOURTH, SCHWINGER_DYSON, NEIGHBOR };

static void columns_of_a_known_configuration(void **state)
{
    (void)state;
    const double phi[] = { 1.0, -2.0, 0.5, 3.0 }, beta = 0.5, m2 = -1.0, lambda = 0.2, h = 0.3;
    kr_system s = system_alloc("phi4", "m2=-1 lambda=0.2 field=0.3", "hypercubic",
                               "size=4 boundary=open");
    kr_block *block = real_block(s.terms, 3, 1.0, 1);
    int32_t n;
    real_set(block, 2, phi);
    double *out = real_measure(&kr_observable_field, &s, beta, block, &n);
    assert_int_equal(n, 4);
    const double square = 1.0 + 4.0 + 0.25 + 9.0, fourth = 1.0 + 16.0 + 0.0625 + 81.0;
    /* kinetic term 9 + 6.25 + 6.25 */
    const double virial = 2.0 * 21.5 + 2.0 * m2 * square + 4.0 * lambda * fourth - h * 2.5;
    const double *row = out + 2 * n;
    assert_close(row[SQUARED], square / 4.0, 1e-15);
    assert_close(row[FOURTH], fourth / 4.0, 1e-15);
    assert_close(row[NEIGHBOR], (-2.0 - 1.0 + 1.5) / 3.0, 1e-15);
    assert_close(row[SCHWINGER_DYSON], beta * virial / 4.0, 1e-14);
    free(out);
    kr_block_free(block);
    system_free(&s);
}

/* The bond across an antiperiodic boundary counts with its sign. */
static void antiperiodic_bonds_count_with_their_sign(void **state)
{
    (void)state;
    const double phi[] = { 1.0, 2.0, 3.0 };
    kr_system s =
        system_alloc("phi4", "m2=1 lambda=1", "hypercubic", "size=3 boundary=antiperiodic");
    kr_block *block = real_block(s.terms, 1, 1.0, 1);
    int32_t n;
    real_set(block, 0, phi);
    double *out = real_measure(&kr_observable_field, &s, 1.0, block, &n);
    assert_close(out[NEIGHBOR], (2.0 + 6.0 - 3.0) / 3.0, 1e-15);
    free(out);
    kr_block_free(block);
    system_free(&s);
}

static void models_without_a_field_are_refused(void **state)
{
    (void)state;
    kr_system s = system_alloc("ising", "", "hypercubic", "size=4");
    assert_refused(&kr_observable_field, &s, "discrete states");
    system_free(&s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(columns_of_a_known_configuration),
        cmocka_unit_test(antiperiodic_bonds_count_with_their_sign),
        cmocka_unit_test(models_without_a_field_are_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
