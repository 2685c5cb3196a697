/* SPDX-License-Identifier: GPL-3.0-or-later
 * tests/test_lanes_units.c - kernels with hidden units in lanes, against their definitions on
 * every instruction set. */
#include "kr_test.h"

#include "base/memory.h"
#include "base/rng.h"
#include "density/lanes_units.h"

enum { G = KR_UNITS_GROUP, SITES = 40, STRIDE = 16, ROWS = G * 201, WIDEST = 80 };

typedef struct buffers {
    kr_rng rng;
    float *A, *want, *W; /* rows */
    float *v, *c;        /* (WIDEST) */
    int32_t row[ROWS], site[SITES];
    uint8_t state[SITES * STRIDE];
} buffers;

static const int32_t widths[] = { 16, 32, 48, 80 }, colors[] = { 3, 20, 64, 65, 200 };

static int setup(void **state)
{
    buffers *b = kr_alloc(1, sizeof *b, NULL);
    b->A = kr_alloc((size_t)ROWS * WIDEST, sizeof(float), NULL);
    b->want = kr_alloc((size_t)ROWS * WIDEST, sizeof(float), NULL);
    b->W = kr_alloc((size_t)SITES * 200 * WIDEST, sizeof(float), NULL);
    b->v = kr_alloc(WIDEST, sizeof(float), NULL);
    b->c = kr_alloc(WIDEST, sizeof(float), NULL);
    kr_rng_seed(&b->rng, 31, 0, KR_PURPOSE_TEST);
    *state = b;
    return 0;
}

static int teardown(void **state)
{
    buffers *b = *state;
    kr_free(b->c);
    kr_free(b->v);
    kr_free(b->W);
    kr_free(b->want);
    kr_free(b->A);
    kr_free(b);
    return 0;
}

static void fill_random(kr_rng *rng, float *x, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        x[i] = (float)(8.0 * kr_rng_uniform(rng) - 4.0);
    }
}

/* a random context of n chains with q colors, and random arrays */
static kr_context randomize(buffers *b, int32_t n, int32_t q)
{
    fill_random(&b->rng, b->A, (size_t)ROWS * WIDEST);
    fill_random(&b->rng, b->W, (size_t)SITES * (size_t)q * WIDEST);
    fill_random(&b->rng, b->v, WIDEST);
    fill_random(&b->rng, b->c, WIDEST);
    memcpy(b->want, b->A, (size_t)ROWS * WIDEST * sizeof(float));
    for (int i = 0; i < SITES * STRIDE; i++) {
        b->state[i] = (uint8_t)kr_rng_below(&b->rng, (uint32_t)q);
    }
    for (int j = 0; j < SITES; j++) {
        b->site[j] = (7 * j + 3) % SITES;
    }
    return (
        kr_context){ .n = n, .K = 23, .site = b->site, .state = b->state, .stride = STRIDE };
}

typedef void (*check)(const kr_units *k, buffers *b, int32_t n, int32_t H, int32_t q);

static void on_every_isa(check run, buffers *b)
{
    static const char *const isas[] = { "avx512", "avx2", "portable" };
    for (int i = 0; i < 3; i++) {
        const kr_units *k = kr_units_best(isas[i]);
        for (int c = 0; k && c < 4 * 5; c++) {
            run(k, b, c % 3 ? G : 1 + c % G, widths[c % 4], colors[c / 4]);
        }
    }
}

static int count_color(const kr_context *x, int l, int32_t a)
{
    int n = 0;
    for (int32_t j = 0; j < x->K; j++) {
        n += x->state[(size_t)x->site[j] * x->stride + (size_t)l] == a;
    }
    return n;
}

static void check_present(const kr_units *k, buffers *b, int32_t n, int32_t H, int32_t q)
{
    const kr_context x = randomize(b, n, q);
    uint64_t once[KR_UNITS_WORDS][G], more[KR_UNITS_WORDS][G];
    (void)H;
    k->present(&x, q, once, more);
    for (int l = 0; l < n; l++) {
        for (int32_t a = 0; a < q; a++) {
            const int want = count_color(&x, l, a);
            assert_int_equal(once[a / 64][l] >> a % 64 & 1, want == 1);
            assert_int_equal(more[a / 64][l] >> a % 64 & 1, want > 1);
        }
    }
}

static void colors_present_are_told_once_from_more(void **state)
{
    on_every_isa(check_present, *state);
}

static void check_colors(const kr_units *k, buffers *b, int32_t n, int32_t H, int32_t q)
{
    const kr_context x = randomize(b, n, q);
    const int32_t R = q | 1;
    for (int32_t j = 0; j < x.K; j++) {
        for (int32_t l = 0; l < n; l++) {
            const int32_t to = l * R + x.state[x.site[j] * STRIDE + l];
            for (int32_t u = 0; u < H; u++) {
                b->want[to * H + u] += b->W[j * H + u];
            }
        }
    }
    k->scatter(&x, H, R, b->W, b->A);
    assert_memory_equal(b->A, b->want, (size_t)ROWS * WIDEST * sizeof(float));
    memcpy(b->want, b->W, (size_t)x.K * (size_t)H * sizeof(float));
    for (int32_t j = 0; j < x.K; j++) {
        for (int32_t l = 0; l < n; l++) {
            const int32_t from = l * R + x.state[x.site[j] * STRIDE + l];
            for (int32_t u = 0; u < H; u++) {
                b->want[j * H + u] += b->A[from * H + u];
            }
        }
    }
    k->gather(&x, H, R, b->A, b->W);
    assert_memory_equal(b->W, b->want, (size_t)x.K * (size_t)H * sizeof(float));
}

static void colors_collect_rows_of_weights_in_order(void **state)
{
    on_every_isa(check_colors, *state);
}

static void check_states(const kr_units *k, buffers *b, int32_t n, int32_t H, int32_t q)
{
    const kr_context x = randomize(b, n, q);
    for (int32_t l = 0; l < n; l++) {
        for (int32_t u = 0; u < H; u++) {
            float *sum = b->want + l * H + u;
            *sum = b->c[u];
            for (int32_t j = 0; j < x.K; j++) {
                *sum += b->W[(j * q + x.state[x.site[j] * STRIDE + l]) * H + u];
            }
        }
    }
    k->gather_rows(&x, H, q, b->W, b->c, b->A);
    assert_memory_equal(b->A, b->want, (size_t)n * (size_t)H * sizeof(float));
    const int32_t s = x.state[x.site[2] * STRIDE];
    float want = b->W[(2 * q + s) * H + 1];
    for (int32_t l = 0; l < n; l++) {
        want += x.state[x.site[2] * STRIDE + l] == s ? b->A[l * H + 1] : 0.0f;
    }
    k->scatter_rows(&x, H, q, b->A, b->W);
    assert_true(b->W[(2 * q + s) * H + 1] == want);
}

static void states_pick_rows_of_weights_in_order(void **state)
{
    on_every_isa(check_states, *state);
}

/* the scalar product as the header defines it */
static float tree(int32_t H, const float *v, const float *a)
{
    float lane[16] = { 0 };
    for (int32_t u = 0; u < H; u++) {
        lane[u % 16] = fmaf(v[u], a[u], lane[u % 16]);
    }
    for (int half = 8; half > 0; half /= 2) {
        for (int l = 0; l < half; l++) {
            lane[l] += lane[l + half];
        }
    }
    return lane[0];
}

static void check_dot(const kr_units *k, buffers *b, int32_t n, int32_t H, int32_t q)
{
    float out[64], zero = 0.25f;
    const int32_t rows = n * 5 + q % 7;
    randomize(b, n, q);
    fill_random(&b->rng, out, 64);
    for (int32_t r = 0; r < rows; r++) {
        b->want[r] = out[r] + tree(H, b->v, b->A + r * H);
        b->row[r] = (rows - 1 - r) * 2;
    }
    k->dot(H, rows, b->v, b->A, out);
    assert_memory_equal(out, b->want, (size_t)rows * sizeof(float));
    memcpy(b->want, b->A, (size_t)ROWS * WIDEST * sizeof(float));
    k->phi_dot(H, rows, b->row, b->v, zero, b->A, out);
    for (int32_t r = 0; r < 2 * rows; r++) {
        for (int32_t u = 0; u < H; u++) {
            const double a = (double)b->want[r * H + u], h = (double)b->A[r * H + u];
            assert_true(fabs(h - (r % 2 ? a : tanh(a))) <= 1e-6);
        }
    }
    for (int32_t r = 0; r < rows; r++) {
        assert_true(out[r] == tree(H, b->v, b->A + b->row[r] * H) - zero);
    }
}

static void scalar_products_follow_the_tree(void **state)
{
    on_every_isa(check_dot, *state);
}

static void phi_of_rows_has_equal_bits_on_every_isa(void **state)
{
    buffers *b = *state;
    static const char *const isas[] = { "avx512", "avx2" };
    float out[40], want[40];
    for (int i = 0; i < 4; i++) {
        const size_t n = 40 * (size_t)widths[i];
        randomize(b, G, 3);
        for (size_t u = 0; u < n; u++) {
            b->W[u] = 2.5f * b->A[u]; /* beyond the clamp too */
        }
        memcpy(b->want, b->W, n * sizeof(float));
        kr_units_best("portable")->phi_dot(widths[i], 40, NULL, b->v, 0.5f, b->want, want);
        for (int isa = 0; isa < 2; isa++) {
            const kr_units *k = kr_units_best(isas[isa]);
            if (k) {
                memcpy(b->A, b->W, n * sizeof(float));
                k->phi_dot(widths[i], 40, NULL, b->v, 0.5f, b->A, out);
                assert_memory_equal(b->A, b->want, n * sizeof(float));
                assert_memory_equal(out, want, sizeof out);
            }
        }
    }
}

static void check_weights(const kr_units *k, buffers *b, int32_t n, int32_t H, int32_t q)
{
    const int32_t Q = (q + 15) / 16 * 16;
    const double scale = floor(0x1p32 / q / 256.0) * 256.0; /* a float */
    uint32_t *m = (uint32_t *)(void *)b->want;
    uint64_t total[G];
    (void)H;
    randomize(b, n, q);
    b->A[1] = -40.0f;
    k->weights(n, q, b->A, (float)scale, m, total);
    for (int32_t l = 0; l < n; l++) {
        double top = -INFINITY;
        uint64_t sum = 0;
        for (int32_t a = 0; a < q; a++) {
            top = fmax(top, (double)b->A[l * Q + a]);
            sum += m[l * Q + a];
        }
        assert_true(sum == total[l] && sum <= UINT64_C(1) << 32);
        for (int32_t a = 0; a < Q; a++) {
            const double want = fmax(1.0, scale * exp((double)b->A[l * Q + a] - top));
            const double got = (double)m[l * Q + a];
            assert_true(a < q ? fabs(got - want) <= 0.5 + 1e-6 * want && got >= 1.0
                              : got == 0.0);
        }
    }
}

static void integer_weights_follow_the_logits(void **state)
{
    on_every_isa(check_weights, *state);
}

static void equal_logits_of_a_power_of_two_sum_to_the_whole_range(void **state)
{
    buffers *b = *state;
    uint32_t m[64] __attribute__((aligned(64)));
    uint64_t total;
    memset(b->A, 0, 64 * sizeof(float));
    kr_units_best(NULL)->weights(1, 64, b->A, 0x1p26f, m, &total);
    assert_true(total == UINT64_C(1) << 32 && m[0] == 1u << 26 && m[63] == 1u << 26);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(colors_present_are_told_once_from_more),
        cmocka_unit_test(colors_collect_rows_of_weights_in_order),
        cmocka_unit_test(states_pick_rows_of_weights_in_order),
        cmocka_unit_test(scalar_products_follow_the_tree),
        cmocka_unit_test(phi_of_rows_has_equal_bits_on_every_isa),
        cmocka_unit_test(integer_weights_follow_the_logits),
        cmocka_unit_test(equal_logits_of_a_power_of_two_sum_to_the_whole_range),
    };
    return cmocka_run_group_tests_name("lanes_units", tests, setup, teardown);
}
