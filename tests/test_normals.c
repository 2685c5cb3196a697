/* SPDX-License-Identifier: GPL-3.0-or-later
 * tests/test_normals.c - normals in bulk: moments, independence, the same bits everywhere. */
#include "kr_test.h"

#include "base/isa.h"
#include "base/normals.h"

enum { N = 1 << 20 };

static double *draw(void)
{
    double *x = malloc(N * sizeof *x);
    kr_rng rng;
    kr_rng_seed(&rng, 11, 3, KR_PURPOSE_TEST);
    kr_normals(&rng, N, x);
    return x;
}

static void moments_are_those_of_a_normal(void **state)
{
    (void)state;
    static const double exact[] = { 0.0, 1.0, 0.0, 3.0, 0.0, 15.0 };
    static const double second[] = { 1.0, 3.0, 15.0, 105.0, 945.0, 10395.0 }; /* of x^2k */
    double *x = draw(), sum[6] = { 0.0 };
    for (int i = 0; i < N; i++) {
        double power = 1.0;
        for (int k = 0; k < 6; k++) {
            power *= x[i];
            sum[k] += power;
        }
    }
    for (int k = 0; k < 6; k++) {
        const double error = sqrt((second[k] - exact[k] * exact[k]) / N);
        assert_within_sigma(sum[k] / N, error, exact[k], 4.6);
    }
    free(x);
}

/* The pair of one radius, and neighbors in the row. */
static void numbers_do_not_know_each_other(void **state)
{
    (void)state;
    static const int distance[] = { 1, 2, 7, 8, 16 };
    double *x = draw();
    for (int d = 0; d < 5; d++) {
        double product = 0.0, squares = 0.0;
        for (int i = 0; i + distance[d] < N; i++) {
            product += x[i] * x[i + distance[d]];
            squares += x[i] * x[i] * x[i + distance[d]] * x[i + distance[d]] - 1.0;
        }
        assert_within_sigma(product / N, sqrt(1.0 / N), 0.0, 4.6);
        assert_within_sigma(squares / N, sqrt(8.0 / N), 0.0, 4.6);
    }
    free(x);
}

static void tails_are_as_heavy_as_they_should_be(void **state)
{
    (void)state;
    double *x = draw(), beyond[4] = { 0.0 };
    for (int i = 0; i < N; i++) {
        for (int k = 0; k < 4; k++) {
            beyond[k] += fabs(x[i]) > k + 1;
        }
    }
    for (int k = 0; k < 4; k++) {
        const double p = erfc((k + 1) / sqrt(2.0));
        assert_within_sigma(beyond[k] / N, sqrt(p * (1.0 - p) / N), p, 4.6);
    }
    free(x);
}

static void instruction_sets_agree_to_the_bit(void **state)
{
    (void)state;
    kr_rng rng;
    kr_rng_seed(&rng, 5, 0, KR_PURPOSE_TEST);
    for (int k = 0; k < 1000; k++) {
        uint64_t words[KR_NORMALS];
        double portable[KR_NORMALS], other[KR_NORMALS];
        for (int j = 0; j < KR_NORMALS; j++) {
            words[j] = k == 0 ? 0 : k == 1 ? UINT64_MAX : kr_rng_u64(&rng);
        }
        kr_normals_portable(words, portable);
        for (int j = 0; j < KR_NORMALS; j++) {
            assert_true(isfinite(portable[j]));
        }
#ifdef KR_ISA_X86
        if (kr_isa_runs(KR_ISA_AVX2)) {
            kr_normals_avx2(words, other);
            assert_memory_equal(portable, other, sizeof portable);
        }
        if (kr_isa_runs(KR_ISA_AVX512)) {
            kr_normals_avx512(words, other);
            assert_memory_equal(portable, other, sizeof portable);
        }
#endif
        (void)other;
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(moments_are_those_of_a_normal),
        cmocka_unit_test(numbers_do_not_know_each_other),
        cmocka_unit_test(tails_are_as_heavy_as_they_should_be),
        cmocka_unit_test(instruction_sets_agree_to_the_bit),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
