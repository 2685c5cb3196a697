/* SPDX-License-Identifier: GPL-3.0-or-later
 * tests/test_categorical.c - from the logits of one site to integer probabilities. */
#include "kr_test.h"

#include "base/rng.h"
#include "density/categorical.h"

enum { L = 32, Q_MAX = 256 };

typedef struct site { /* rows of whole cache lines */
    float z[Q_MAX * L], e[Q_MAX * L];
    uint32_t m[Q_MAX * L];
    uint64_t total[L];
    uint8_t row[L];
} site;

static void fill(site *s, int32_t q, double width, uint64_t seed)
{
    kr_rng rng;
    kr_rng_seed(&rng, seed, 0, KR_PURPOSE_TEST);
    for (int32_t x = 0; x < kr_categorical_logits(q) * L; x++) {
        s->z[x] = (float)(width * kr_rng_normal(&rng));
    }
    for (int32_t l = 0; l < L; l++) {
        s->row[l] = (uint8_t)kr_rng_below(&rng, (uint32_t)q);
    }
    kr_categorical_weights(kr_lanes_best(NULL), q, L, s->z, s->m, s->total);
}

static double softmax(const site *s, int32_t q, int32_t a, int32_t l)
{
    double max = -INFINITY, sum = 0.0;
    if (q == 2) {
        return 1.0 / (1.0 + exp((a ? -1.0 : 1.0) * (double)s->z[l]));
    }
    for (int32_t b = 0; b < q; b++) {
        max = fmax(max, (double)s->z[b * L + l]);
    }
    for (int32_t b = 0; b < q; b++) {
        sum += exp((double)s->z[b * L + l] - max);
    }
    return exp((double)s->z[a * L + l] - max) / sum;
}

static double probability(const site *s, int32_t q, int32_t a, int32_t l)
{
    double ratio[L], log_q[L] = { 0 };
    uint8_t row[L];
    for (int32_t x = 0; x < L; x++) {
        ratio[x] = 1.0;
        row[x] = (uint8_t)a;
    }
    kr_categorical_score(q, L, L, s->m, s->total, row, ratio);
    kr_categorical_flush(L, ratio, log_q);
    assert_true(ratio[l] == 1.0);
    return exp(log_q[l]);
}

static void probabilities_are_the_softmax(void **state)
{
    (void)state;
    static const int32_t states[] = { 2, 3, 4, 7, 20, 256 };
    static _Alignas(64) site s;
    for (int k = 0; k < 6; k++) {
        int32_t q = states[k];
        fill(&s, q, 2.0, (uint64_t)q);
        for (int32_t l = 0; l < L; l++) {
            double sum = 0.0;
            for (int32_t a = 0; a < q; a++) {
                double p = probability(&s, q, a, l), want = softmax(&s, q, a, l);
                sum += p;
                /* the logit of sigma is rounded to 2^-20 at worst; float32, and integers */
                double bound = q == 2 ? 2e-6 * want : 3e-7 * want + q * (q + 2.0) * 0x1p-33;
                assert_true(fabs(p - want) <= bound);
            }
            assert_close(sum, 1.0, 1e-13);
        }
    }
}

/* Large logits, far ones, infinities: all weights stay in 1 .. 2^32, the total too. */
static void every_state_keeps_a_chance(void **state)
{
    (void)state;
    static _Alignas(64) site s;
    static const double width[] = { 0.0, 30.0, 1e4, 1e30 };
    for (int32_t q = 2; q <= 256; q = q * 2 - 1) {
        for (int k = 0; k < 4; k++) {
            fill(&s, q, width[k], 3);
            for (int32_t l = 0; l < L; l++) {
                uint64_t sum = 0;
                for (int32_t a = 0; a < kr_categorical_logits(q); a++) {
                    assert_true(s.m[a * L + l] >= 1);
                    sum += s.m[a * L + l];
                }
                assert_true(q == 2 ? sum < 1ULL << 32 : sum == s.total[l]);
                assert_true(q == 2 || sum <= 1ULL << 32);
            }
        }
    }
    for (int32_t x = 0; x < 3 * L; x++) {
        s.z[x] = x % 3 ? NAN : -INFINITY;
    }
    kr_categorical_weights(kr_lanes_best(NULL), 3, L, s.z, s.m, s.total);
    for (int32_t x = 0; x < 3 * L; x++) {
        assert_true(s.m[x] >= 1);
    }
}

static void weights_are_the_same_on_every_instruction_set(void **state)
{
    (void)state;
    static const char *const isas[] = { "avx512", "avx2", "portable" };
    static _Alignas(64) site s;
    static _Alignas(64) uint32_t m[Q_MAX * L];
    uint64_t total[L];
    for (int32_t q = 2; q <= 20; q += 3) {
        fill(&s, q, 4.0, 8);
        for (int k = 0; k < 3; k++) {
            const kr_lanes *lanes = kr_lanes_best(isas[k]);
            if (lanes) {
                size_t n = (size_t)kr_categorical_logits(q) * L;
                kr_categorical_weights(lanes, q, L, s.z, m, total);
                assert_memory_equal(m, s.m, n * sizeof *m);
                assert_true(q == 2 || memcmp(total, s.total, sizeof total) == 0);
            }
        }
    }
}

static void draws_have_the_probabilities_scored(void **state)
{
    (void)state;
    enum { DRAWS = 40000 };
    static _Alignas(64) site s;
    kr_rng rng;
    kr_rng_seed(&rng, 4, 0, KR_PURPOSE_TEST);
    for (int32_t q = 2; q <= 5; q += 3) {
        fill(&s, q, 1.0, 5);
        double count[5] = { 0 };
        for (int n = 0; n < DRAWS; n++) {
            kr_categorical_draw(q, L - 3, L, s.m, s.total, s.row, &rng);
            assert_true(s.row[L - 4] < q);
            count[s.row[L - 4]] += 1.0;
        }
        for (int32_t a = 0; a < q; a++) {
            double p = probability(&s, q, a, L - 4);
            assert_within_sigma(count[a] / DRAWS, sqrt(p * (1.0 - p) / DRAWS), p, 4.5);
        }
    }
}

/* d log p(row) / dz_b = [row = b] - p_b, times the coefficient; nothing in padding lanes. */
static void cotangent_is_the_derivative(void **state)
{
    (void)state;
    static _Alignas(64) site s;
    double coefficient[L];
    for (int32_t l = 0; l < L; l++) {
        coefficient[l] = 0.1 * l - 1.0;
    }
    for (int32_t q = 2; q <= 5; q += 3) {
        fill(&s, q, 1.5, 6);
        kr_categorical_cotangent(q, L - 5, L, s.m, s.total, s.row, coefficient, s.e);
        for (int32_t b = 0; b < kr_categorical_logits(q); b++) {
            int32_t a = q == 2 ? 1 : b;
            for (int32_t l = 0; l < L; l++) {
                double want = coefficient[l] * ((s.row[l] == a) - softmax(&s, q, a, l));
                assert_close((double)s.e[b * L + l], l < L - 5 ? want : 0.0, 1e-6);
            }
        }
    }
}

static void sixteen_least_factors_do_not_underflow(void **state)
{
    (void)state;
    const uint32_t m[16] = { 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1 };
    uint8_t row[16];
    double ratio[16], log_q[16] = { 0 };
    memset(row, 1, sizeof row);
    for (int l = 0; l < 16; l++) {
        ratio[l] = 1.0;
    }
    for (int k = 0; k < KR_CATEGORICAL_RUN; k++) {
        kr_categorical_score(2, 16, 16, m, NULL, row, ratio);
    }
    kr_categorical_flush(16, ratio, log_q);
    assert_close(log_q[0], -32.0 * KR_CATEGORICAL_RUN * log(2.0), 1e-14);
}

static void integers_follow_their_weights(void **state)
{
    (void)state;
    static const double w[4] = { 0.25, 0.0, 0.5, 1e-30 };
    const double two[2][2] = { { 3.0, 1.0 }, { 1.0, 3.0 } }, none[3] = { 0.0, 0.0, 0.0 };
    uint32_t m[4];
    assert_int_equal(kr_categorical_integers(2, two[0], m), UINT64_C(1) << 32);
    assert_int_equal(m[0], UINT32_C(1) << 30);
    kr_categorical_integers(2, two[1], m);
    assert_int_equal(m[0], 3 * (UINT32_C(1) << 30));
    const uint64_t total = kr_categorical_integers(4, w, m);
    const double scale = (double)kr_categorical_scale(4);
    assert_close((double)m[0], 0.5 * scale, 1e-9);
    assert_close((double)m[2], scale, 1e-9);
    assert_int_equal(m[1], 1);
    assert_int_equal(m[3], 1);
    assert_int_equal(total, (uint64_t)m[0] + m[1] + m[2] + m[3]);
    assert_int_equal(kr_categorical_integers(3, none, m), 3);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(probabilities_are_the_softmax),
        cmocka_unit_test(every_state_keeps_a_chance),
        cmocka_unit_test(weights_are_the_same_on_every_instruction_set),
        cmocka_unit_test(draws_have_the_probabilities_scored),
        cmocka_unit_test(cotangent_is_the_derivative),
        cmocka_unit_test(integers_follow_their_weights),
        cmocka_unit_test(sixteen_least_factors_do_not_underflow),
    };
    return cmocka_run_group_tests_name("categorical", tests, NULL, NULL);
}
