/* SPDX-License-Identifier: GPL-3.0-or-later
 * tests/test_moments.c - means and variances of sites over chains. */
#include "kr_test.h"

#include "base/moments.h"

enum { SITES = 3, STRIDE = 16, LANES = 11 };

static double x[SITES * STRIDE];

static void fill(void)
{
    for (int i = 0; i < SITES; i++) {
        for (int l = 0; l < STRIDE; l++) { /* far from zero, where sums of squares fail */
            x[i * STRIDE + l] = 1e6 * (i + 1) + sin(1.0 + 3.0 * i + 0.7 * l) * pow(10.0, i);
        }
    }
}

static void parts_together_are_the_whole(void **state)
{
    (void)state;
    double whole[2][SITES], sum[2][SITES] = { { 0 } }, part[2][SITES];
    kr_moments all = { 0, whole[0], whole[1] }, m = { 0, sum[0], sum[1] };
    fill();
    kr_moments_fill(&all, SITES, LANES, STRIDE, x);
    for (int first = 0, n = 1; first < LANES; first += n, n += 2) { /* 1, 3, 5, 2 lanes */
        kr_moments other = { 0, part[0], part[1] };
        n = n < LANES - first ? n : LANES - first;
        kr_moments_fill(&other, SITES, n, STRIDE, x + first);
        kr_moments_merge(&m, SITES, &other);
    }
    assert_int_equal(m.n, LANES);
    for (int i = 0; i < SITES; i++) {
        double square = 0.0;
        for (int l = 0; l < LANES; l++) {
            const double far = x[i * STRIDE + l] - all.mean[i];
            square += far * far;
        }
        assert_close(all.m2[i], square, 1e-14);
        assert_close(m.mean[i], all.mean[i], 1e-15);
        assert_close(m.m2[i], square, 1e-9);
    }
}

static void nothing_adds_nothing(void **state)
{
    (void)state;
    double a[2][SITES], none[2][SITES] = { { 0 } }, before[2][SITES];
    kr_moments m = { 0, a[0], a[1] }, other = { 0, none[0], none[1] };
    fill();
    kr_moments_fill(&m, SITES, LANES, STRIDE, x);
    memcpy(before, a, sizeof a);
    kr_moments_merge(&m, SITES, &other);
    assert_int_equal(m.n, LANES);
    assert_memory_equal(before, a, sizeof a);
    kr_moments_merge(&other, SITES, &m);
    assert_int_equal(other.n, LANES);
    assert_memory_equal(before, none, sizeof a);
    other.n = 0;
    memset(none, 0, sizeof none);
    kr_moments_merge(&other, SITES, &(kr_moments){ 0, none[0], none[1] });
    assert_int_equal(other.n, 0);
    assert_true(none[0][0] == 0.0 && none[1][0] == 0.0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(parts_together_are_the_whole),
        cmocka_unit_test(nothing_adds_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
