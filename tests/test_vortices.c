/* SPDX-License-Identifier: GPL-3.0-or-later
 * tests/test_vortices.c - vortices of known configurations. */
#include "kr_real_block.h"

extern const kr_observable_plug kr_observable_vortices;

/* theta = angle seen from (x0, y0), on an open square: one vortex. Turns do not matter. */
static void a_vortex_is_counted_once(void **state)
{
    (void)state;
    kr_system s = system_alloc("xy", "", "hypercubic", "size=6,6 boundary=open");
    kr_block *block = real_block(s.terms, 3, 1.0, 1);
    int32_t n;
    for (int32_t i = 0; i < 36; i++) {
        const double x = i % 6, y = i / 6;
        double *phi = block->phi + i * block->stride;
        phi[0] = 0.7;
        phi[1] = atan2(y - 2.4, x - 3.3) + 2.0 * M_PI * (i % 5);
        phi[2] = atan2(y - 2.4, x - 0.3) - atan2(y - 3.6, x - 4.4);
    }
    double *out = real_measure(&kr_observable_vortices, &s, 1.0, block, &n);
    assert_int_equal(n, 1);
    assert_close(out[0], 0.0, 0.0);
    assert_close(out[1], 1.0 / 25.0, 1e-15);
    assert_close(out[2], 2.0 / 25.0, 1e-15);
    free(out);
    kr_block_free(block);
    system_free(&s);
}

/* With independent angles a plaquette has a vortex with probability 1/3: the sum of four
 * differences taken to (-pi, pi]. */
static void random_angles_have_vortices_on_a_third_of_the_plaquettes(void **state)
{
    (void)state;
    kr_system s = system_alloc("xy", "", "hypercubic", "size=32,32");
    kr_block *block = real_block(s.terms, 64, 1.0, 5);
    kr_rng rng;
    int32_t n;
    kr_rng_seed(&rng, 4, 0, 0);
    for (int32_t k = 0; k < 1024 * block->stride; k++) {
        block->phi[k] = 2.0 * M_PI * kr_rng_uniform(&rng);
    }
    double *out = real_measure(&kr_observable_vortices, &s, 1.0, block, &n), sum = 0.0,
           square = 0.0;
    for (int l = 0; l < 64; l++) {
        sum += out[l] / 64.0;
        square += out[l] * out[l] / 64.0;
    }
    assert_within_sigma(sum, sqrt((square - sum * sum) / 63.0), 1.0 / 3.0, 3.9);
    free(out);
    kr_block_free(block);
    system_free(&s);
}

static void other_systems_are_refused(void **state)
{
    (void)state;
    kr_system s = system_alloc("phi4", "m2=1", "hypercubic", "size=4,4");
    assert_refused(&kr_observable_vortices, &s, "angles");
    system_free(&s);
    s = system_alloc("xy", "", "hypercubic", "size=4,4,4");
    assert_refused(&kr_observable_vortices, &s, "two sides");
    system_free(&s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_vortex_is_counted_once),
        cmocka_unit_test(random_angles_have_vortices_on_a_third_of_the_plaquettes),
        cmocka_unit_test(other_systems_are_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
