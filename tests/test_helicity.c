/* SPDX-License-Identifier: GPL-3.0-or-later
 * tests/test_helicity.c - stiffness columns of known configurations of rotators. */
#include "kr_real_block.h"

extern const kr_observable_plug kr_observable_helicity;

/* A spiral of one turn along axis 1. */
static void a_spiral_has_the_current_of_its_twist(void **state)
{
    (void)state;
    kr_system s = system_alloc("xy", "J=1.5", "hypercubic", "size=3,5");
    kr_block *block = real_block(s.terms, 18, 1.0, 1);
    int32_t n;
    for (int32_t i = 0; i < 15; i++) {
        block->phi[i * block->stride + 17] = 2.0 * M_PI * (i / 3) / 5.0 + 0.3;
    }
    double *out = real_measure(&kr_observable_helicity, &s, 1.0, block, &n);
    const double *row = out + 17 * n, twist = 2.0 * M_PI / 5.0;
    assert_int_equal(n, 4);
    assert_close(row[0], 1.5, 1e-14);
    assert_close(row[1], 0.0, 1e-14);
    assert_close(row[2], 1.5 * cos(twist), 1e-14);
    assert_close(row[3], 2.25 * sin(twist) * sin(twist), 1e-14);
    free(out);
    kr_block_free(block);
    system_free(&s);
}

static void other_systems_are_refused(void **state)
{
    (void)state;
    kr_system s = system_alloc("phi4", "m2=1", "hypercubic", "size=4,4");
    assert_refused(&kr_observable_helicity, &s, "plane rotators");
    system_free(&s);
    s = system_alloc("xy", "", "hypercubic", "size=4,4 boundary=open");
    assert_refused(&kr_observable_helicity, &s, "periodic in all directions");
    system_free(&s);
    s = system_alloc("xy", "", "hypercubic", "size=4,2"); /* currents around two sites cancel */
    assert_refused(&kr_observable_helicity, &s, "sides of 3 or more");
    system_free(&s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_spiral_has_the_current_of_its_twist),
        cmocka_unit_test(other_systems_are_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
