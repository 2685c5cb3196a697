/* SPDX-License-Identifier: GPL-3.0-or-later
 * tests/test_dual_average.c - steps tuned to an acceptance. */
#include "kr_test.h"

#include "base/rng.h"
#include "update/dual_average.h"

/* An acceptance that falls with the step like that of HMC, seen with noise. */
static double acceptance(double step, kr_rng *rng)
{
    const double a = erfc(0.7 * step * step);
    return fmin(1.0, fmax(0.0, a + 0.05 * kr_rng_normal(rng)));
}

static void the_averaged_step_meets_the_target_from_far_away(void **state)
{
    (void)state;
    static const double start[] = { 1e-4, 0.3, 50.0 }, target[] = { 0.5, 0.8, 0.9 };
    kr_rng rng;
    kr_rng_seed(&rng, 1, 0, KR_PURPOSE_TEST);
    for (int s = 0; s < 3; s++) {
        for (int t = 0; t < 3; t++) {
            kr_dual_average d;
            kr_dual_average_init(&d, start[s], target[t]);
            assert_close(d.step, start[s], 1e-15);
            for (int k = 0; k < 400; k++) {
                kr_dual_average_learn(&d, acceptance(d.step, &rng), k == 399);
            }
            assert_close(erfc(0.7 * d.step * d.step), target[t], 0.03);
        }
    }
}

static void without_a_target_the_step_stays(void **state)
{
    (void)state;
    kr_dual_average d;
    kr_dual_average_init(&d, 0.25, 0.0);
    for (int k = 0; k < 10; k++) {
        kr_dual_average_learn(&d, 0.1, k == 9);
    }
    assert_true(d.step == 0.25);
}

/* Where any step is accepted it would grow for ever. */
static void the_step_stays_below_its_bound(void **state)
{
    (void)state;
    kr_dual_average d, free;
    kr_dual_average_init(&d, 1.0, 0.5);
    kr_dual_average_init(&free, 1.0, 0.5);
    d.most = 3.0;
    for (int k = 0; k < 400; k++) {
        kr_dual_average_learn(&d, 0.99, k == 399);
        kr_dual_average_learn(&free, 0.99, k == 399);
        assert_true(d.step <= 3.0);
    }
    assert_true(d.step == 3.0);
    assert_true(free.step > 1e6);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_averaged_step_meets_the_target_from_far_away),
        cmocka_unit_test(the_step_stays_below_its_bound),
        cmocka_unit_test(without_a_target_the_step_stays),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
