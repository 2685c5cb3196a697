/* SPDX-License-Identifier: GPL-3.0-or-later
 * tests/test_shares.c - shares of a histogram and their errors. */
#include "kr_test.h"

#include "base/rng.h"
#include "stats/stats.h"

/* p = 3/10 and 7/10; deviations of the groups: 1 - 0.3 * 4 = -0.2 and 2 - 0.3 * 6 = 0.2 */
static void two_groups_by_hand(void **state)
{
    (void)state;
    const int64_t count[] = { 1, 3, 2, 4 };
    double share[2], error[2];
    kr_shares_estimate(count, 2, 2, share, error);
    assert_close(share[0], 0.3, 1e-15);
    assert_close(share[1], 0.7, 1e-15);
    assert_close(error[0], sqrt(2.0 * 0.08) / 10.0, 1e-14);
    assert_close(error[1], error[0], 1e-14);
}

static void nothing_counted_has_no_share(void **state)
{
    (void)state;
    const int64_t count[] = { 0, 0, 0, 0 }, one[] = { 1, 1, 0, 0 };
    double share[2], error[2];
    kr_shares_estimate(count, 2, 2, share, error);
    assert_true(isnan(share[0]) && isnan(error[0]));
    kr_shares_estimate(one, 2, 2, share, error);
    assert_true(share[0] == 0.5 && isnan(error[0]));
}

/* Groups of unlike size with a common share: errors are those of the binomial law. */
static void errors_are_those_of_independent_counts(void **state)
{
    (void)state;
    enum { GROUPS = 2000 };
    static int64_t count[2 * GROUPS];
    double n = 0.0, share[2], error[2];
    kr_rng rng;
    kr_rng_seed(&rng, 1, 0, KR_PURPOSE_TEST);
    for (int g = 0; g < GROUPS; g++) {
        for (int k = 0; k < 10 + g % 7; k++) {
            count[2 * g + kr_rng_bernoulli(&rng, 0.2)]++;
            n += 1.0;
        }
    }
    kr_shares_estimate(count, GROUPS, 2, share, error);
    const double want = sqrt(0.16 / n); /* known to 1/(2 GROUPS)^(1/2) = 1.6 % */
    assert_within_sigma(share[1], want, 0.2, 4.5);
    assert_close(error[1], want, 0.08);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(two_groups_by_hand),
        cmocka_unit_test(nothing_counted_has_no_share),
        cmocka_unit_test(errors_are_those_of_independent_counts),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
