/* SPDX-License-Identifier: GPL-3.0-or-later
 * tests/test_lanes.c - lane kernels: equal bits on every instruction set, exact symmetries. */
#include "kr_test.h"

#include "base/memory.h"
#include "base/rng.h"
#include "density/lanes.h"

static const char *const isas[] = { "avx512", "avx2", "portable" };
enum { N_ISAS = 3, SIZE = 80 * 80 };

/* Buffers of random floats and outputs of the code under test and of the definition. */
typedef struct buffers {
    kr_rng rng;
    float *W, *x, *e, *out, *want, *bias, *want_bias, *pack;
    int32_t row[96];
} buffers;

static int setup(void **state)
{
    buffers *b = kr_alloc(1, sizeof *b, NULL);
    if (!b) {
        return -1;
    }
    float **each[] = { &b->W, &b->x, &b->e, &b->out, &b->want };
    for (size_t i = 0; i < 5; i++) {
        *each[i] = kr_alloc(SIZE, sizeof(float), NULL);
    }
    b->bias = kr_alloc(96, sizeof(float), NULL);
    b->want_bias = kr_alloc(96, sizeof(float), NULL);
    b->pack = kr_alloc(kr_lanes_outer_scratch(64, 95, 64), sizeof(float), NULL);
    kr_rng_seed(&b->rng, 21, 0, KR_PURPOSE_TEST);
    *state = b;
    return 0;
}

static int teardown(void **state)
{
    buffers *b = *state;
    float *each[] = { b->W, b->x, b->e, b->out, b->want, b->bias, b->want_bias, b->pack };
    for (size_t i = 0; i < 8; i++) {
        kr_free(each[i]);
    }
    kr_free(b);
    return 0;
}

/* values over many binades, so that sums round in every way */
static void fill(buffers *b)
{
    float *each[] = { b->W, b->x, b->e, b->out };
    for (size_t i = 0; i < 4; i++) {
        for (size_t k = 0; k < SIZE; k++) {
            uint32_t word = (uint32_t)kr_rng_u64(&b->rng); /* sign, mantissa, 16 binades */
            word = (word & 0x87ffffff) + 0x3c000000;
            memcpy(each[i] + k, &word, sizeof word);
        }
    }
    for (size_t k = 0; k < 96; k++) {
        b->bias[k] = b->want_bias[k] = (float)kr_rng_normal(&b->rng);
        b->row[k] = (int32_t)kr_rng_below(&b->rng, 70);
    }
    memcpy(b->want, b->out, SIZE * sizeof(float));
}

static void assert_same_bits(const float *a, const float *b, size_t n)
{
    for (size_t i = 0; i < n && memcmp(a, b, n * sizeof *a) != 0; i++) {
        if (memcmp(a + i, b + i, sizeof *a) != 0) {
            fail_msg("element %zu is %.9g, want %.9g", i, (double)a[i], (double)b[i]);
        }
    }
}

static void check_gemm(const kr_lanes *k, buffers *b, int32_t M, int32_t K, int32_t L,
                       bool with_bias, bool with_row)
{
    const size_t ldw = (size_t)K + 3;
    fill(b);
    for (int32_t m = 0; m < M; m++) {
        for (int32_t l = 0; l < L; l++) {
            float *sum = b->want + m * L + l;
            *sum = with_bias ? b->bias[m] : *sum;
            for (int32_t j = 0; j < K; j++) {
                int32_t from = with_row ? b->row[j] : j;
                *sum = fmaf(b->W[(size_t)m * ldw + (size_t)j], b->x[from * L + l], *sum);
            }
        }
    }
    k->gemm(M, K, b->W, ldw, with_bias ? b->bias : NULL, b->x, with_row ? b->row : NULL, b->out,
            L);
    assert_same_bits(b->out, b->want, SIZE);
}

static void gemm_is_one_ascending_chain_on_every_isa(void **state)
{
    static const int32_t M[] = { 1, 2, 3, 5, 7, 8, 16, 17, 21, 32 }, K[] = { 0, 1, 2, 15, 33 };
    for (int i = 0; i < N_ISAS; i++) {
        const kr_lanes *k = kr_lanes_best(isas[i]);
        for (int32_t L = 16; k && L <= 80; L += 16) {
            for (int c = 0; c < 10 * 5 * 4; c += L < 80 ? 1 : 3) {
                check_gemm(k, *state, M[c % 10], K[c / 10 % 5], L, c / 50 % 2, c / 100);
            }
        }
    }
}

static void check_transposed(const kr_lanes *k, buffers *b, int32_t M, int32_t K, int32_t L)
{
    const size_t ldw = (size_t)K + 1;
    fill(b);
    for (int32_t j = 0; j < K; j++) {
        for (int32_t l = 0; l < L; l++) {
            float *sum = b->want + j * L + l;
            for (int32_t m = 0; m < M; m++) {
                *sum = fmaf(b->W[(size_t)m * ldw + (size_t)j], b->e[m * L + l], *sum);
            }
        }
    }
    k->gemm_transposed(M, K, b->W, ldw, b->e, b->out, L);
    assert_same_bits(b->out, b->want, SIZE);
}

static void gemm_transposed_is_one_ascending_chain_on_every_isa(void **state)
{
    static const int32_t M[] = { 0, 1, 7, 32 }, K[] = { 1, 3, 16, 19, 33 };
    for (int i = 0; i < N_ISAS; i++) {
        const kr_lanes *k = kr_lanes_best(isas[i]);
        for (int32_t L = 16; k && L <= 80; L += 16) {
            for (int c = 0; c < 4 * 5; c++) {
                check_transposed(k, *state, M[c % 4], K[c / 4], L);
            }
        }
    }
}

static void check_outer(const kr_lanes *k, buffers *b, int32_t M, int32_t K, int32_t n,
                        int32_t L, bool with_bias)
{
    const size_t ldw = (size_t)K + 2;
    fill(b);
    for (int32_t m = 0; m < M; m++) {
        for (int32_t j = 0; j < K; j++) {
            float sum = 0.0f;
            for (int32_t l = 0; l < n; l++) {
                sum = fmaf(b->e[m * L + l], b->x[b->row[j] * L + l], sum);
            }
            b->want[(size_t)m * ldw + (size_t)j] += sum;
        }
        float sum = 0.0f;
        for (int32_t l = 0; l < n; l++) {
            sum += b->e[m * L + l];
        }
        b->want_bias[m] += with_bias ? sum : 0.0f;
    }
    k->outer(M, K, n, b->e, b->x, b->row, b->out, ldw, with_bias ? b->bias : NULL, b->pack, L);
    assert_same_bits(b->out, b->want, SIZE);
    assert_same_bits(b->bias, b->want_bias, 96);
}

static void outer_adds_one_chain_over_active_lanes_on_every_isa(void **state)
{
    static const int32_t M[] = { 1, 3, 16, 18, 32 }, K[] = { 0, 1, 15, 16, 31, 37 };
    for (int i = 0; i < N_ISAS; i++) {
        const kr_lanes *k = kr_lanes_best(isas[i]);
        for (int32_t n = 1; k && n <= 64; n += n < 18 ? 1 : 9) {
            for (int c = 0; c < 5 * 6; c++) {
                check_outer(k, *state, M[c % 5], K[c / 5], n, (n + 15) / 16 * 16, c % 2 == 0);
            }
        }
    }
}

/* every step-th non-negative float, by its bits */
static void fill_floats(float *x, uint32_t first, uint32_t step, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        uint32_t bits = first + (uint32_t)i * step;
        memcpy(x + i, &bits, sizeof bits);
    }
}

enum { CHUNK = 4096 };

static void phi_is_tanh_bounded_and_odd_to_the_bit(void **state)
{
    buffers *b = *state;
    const kr_lanes *k = kr_lanes_best(NULL);
    const uint32_t step = 4999, top = 0x7f800000; /* up to infinity */
    for (uint32_t first = 0; first < top - CHUNK * step; first += CHUNK * step) {
        fill_floats(b->x, first, step, CHUNK);
        k->phi(CHUNK, b->x, b->out);
        for (size_t i = 0; i < CHUNK; i++) {
            b->e[i] = -b->x[i];
            double want = tanh((double)b->x[i]);
            if (!(fabs((double)b->out[i] - want) <= 1e-6 && b->out[i] <= 1.0f)) {
                fail_msg("phi(%.9g) = %.9g, want %.9g", (double)b->x[i], (double)b->out[i],
                         want);
            }
        }
        k->phi(CHUNK, b->e, b->want);
        for (size_t i = 0; i < CHUNK; i++) {
            b->want[i] = -b->want[i];
        }
        assert_same_bits(b->want, b->out, CHUNK);
    }
}

static void phi_and_its_cotangent_have_equal_bits_on_every_isa(void **state)
{
    buffers *b = *state;
    const kr_lanes *portable = kr_lanes_best("portable");
    fill_floats(b->e, 0x3c000001, 8191, CHUNK);
    for (uint32_t sign = 0; sign < 2; sign++) {
        fill_floats(b->x, sign << 31 | 0x30000001, 67 * 1021, CHUNK);
        portable->phi(CHUNK, b->x, b->want);
        portable->phi_back(CHUNK, b->want, b->e, b->W);
        for (int i = 0; i < 2; i++) {
            const kr_lanes *k = kr_lanes_best(isas[i]);
            if (k) {
                k->phi(CHUNK, b->x, b->out);
                assert_same_bits(b->out, b->want, CHUNK);
                k->phi_back(CHUNK, b->out, b->e, b->out);
                assert_same_bits(b->out, b->W, CHUNK);
            }
        }
    }
}

static void sigmoid_is_odd_monotone_and_accurate(void **state)
{
    buffers *b = *state;
    const kr_lanes *k = kr_lanes_best(NULL);
    uint32_t m[CHUNK], mirrored[CHUNK], last = 0x80000000;
    const uint32_t step = 4013, top = 0x42d00000; /* 104 */
    for (uint32_t first = 0; first < top - CHUNK * step; first += CHUNK * step) {
        fill_floats(b->x, first, step, CHUNK);
        k->sigmoid(CHUNK, b->x, m);
        for (size_t i = 0; i < CHUNK; i++) {
            b->e[i] = -b->x[i];
        }
        k->sigmoid(CHUNK, b->e, mirrored);
        for (size_t i = 0; i < CHUNK; i++) {
            double want = ldexp(1.0 / (1.0 + exp(-(double)b->x[i])), 32);
            double small = fmax(1.0, 0x1p32 - want);
            assert_true(m[i] >= last && mirrored[i] >= 1 && m[i] + mirrored[i] == 0);
            assert_true(fabs((double)mirrored[i] - small) <= 0.51 + 1.5e-6 * small);
            last = m[i];
        }
    }
    assert_true(last == UINT32_MAX);
}

static void sigmoid_has_equal_bits_on_every_isa(void **state)
{
    buffers *b = *state;
    uint32_t m[CHUNK], want[CHUNK];
    for (uint32_t sign = 0; sign < 2; sign++) {
        fill_floats(b->x, sign << 31 | 0x30000000, 69 * 1021, CHUNK);
        b->x[0] = 0.0f;
        b->x[1] = -0.0f;
        kr_lanes_best("portable")->sigmoid(CHUNK, b->x, want);
        assert_true(want[0] == 0x80000000 && want[1] == 0x80000000);
        for (int i = 0; i < 2; i++) {
            const kr_lanes *k = kr_lanes_best(isas[i]);
            if (k) {
                k->sigmoid(CHUNK, b->x, m);
                assert_memory_equal(m, want, sizeof m);
            }
        }
    }
}

static void scale_rounds_once_on_every_isa(void **state)
{
    enum { M = 5, L = 48 };
    buffers *b = *state;
    for (int i = 0; i < 2 * N_ISAS; i++) {
        const kr_lanes *k = kr_lanes_best(isas[i / 2]);
        const float *bias = i % 2 ? b->bias : NULL;
        fill(b);
        for (int n = 0; n < M * L; n++) {
            b->want[n] = fmaf(b->want[n], 0.7f, bias ? bias[n / L] : 0.0f);
        }
        if (k) {
            k->scale(M, L, 0.7f, bias, b->out);
            assert_same_bits(b->out, b->want, SIZE);
        }
    }
}

/* Twelve vectors a round, two operations per element. */
static void multiply_adds_are_counted(void **state)
{
    static const double operations[] = { 2 * 12 * 16, 2 * 12 * 8, 2 * 12 * 4 };
    (void)state;
    for (int i = 0; i < N_ISAS; i++) {
        const kr_lanes *k = kr_lanes_best(isas[i]);
        if (k) {
            assert_true(k->multiply_adds(7, 1.0f) == 7 * operations[i]);
        }
    }
}

static void an_unknown_isa_is_refused(void **state)
{
    (void)state;
    assert_null(kr_lanes_best("sse9"));
    assert_string_equal(kr_lanes_best("portable")->name, "portable");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(gemm_is_one_ascending_chain_on_every_isa),
        cmocka_unit_test(gemm_transposed_is_one_ascending_chain_on_every_isa),
        cmocka_unit_test(outer_adds_one_chain_over_active_lanes_on_every_isa),
        cmocka_unit_test(phi_is_tanh_bounded_and_odd_to_the_bit),
        cmocka_unit_test(phi_and_its_cotangent_have_equal_bits_on_every_isa),
        cmocka_unit_test(sigmoid_is_odd_monotone_and_accurate),
        cmocka_unit_test(sigmoid_has_equal_bits_on_every_isa),
        cmocka_unit_test(scale_rounds_once_on_every_isa),
        cmocka_unit_test(multiply_adds_are_counted),
        cmocka_unit_test(an_unknown_isa_is_refused),
    };
    return cmocka_run_group_tests_name("lanes", tests, setup, teardown);
}
