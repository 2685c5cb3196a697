/* SPDX-License-Identifier: GPL-3.0-or-later
 * tests/test_made_layer.c - one masked dense layer. */
#include "kr_test.h"

#include "base/memory.h"
#include "base/rng.h"
#include "density/made_layer.h"

/* Two full panels and a rest. */
enum { L = 16, N = 37, IN = 2, OUT = 3 };

typedef struct fixture {
    kr_made_layer layer;
    const kr_lanes *lanes;
    float *weights, *gradient, *x, *y, *e, *dx, *pack;
} fixture;

static float *floats(size_t n)
{
    float *p = kr_alloc(n, sizeof *p, NULL);
    assert_non_null(p);
    return p;
}

static fixture make(bool is_strict, bool has_bias)
{
    fixture f = { .lanes = kr_lanes_best(NULL) };
    kr_made_layer_init(&f.layer, N, N + is_strict, IN, OUT, IN, is_strict, has_bias, 32);
    size_t rows = (size_t)f.layer.n_out * OUT;
    f.weights = floats(f.layer.end);
    f.gradient = floats(f.layer.end);
    f.x = floats(N * IN * L);
    f.dx = floats(N * IN * L);
    f.y = floats(rows * L);
    f.e = floats(rows * L);
    f.pack = floats(kr_made_layer_pack(&f.layer, L));
    kr_rng rng;
    kr_rng_seed(&rng, 7, 0, KR_PURPOSE_TEST);
    kr_made_layer_draw(&f.layer, f.weights, 1.0, &rng);
    for (size_t k = 0; has_bias && k < rows; k++) {
        f.weights[f.layer.biases + k] = (float)kr_rng_normal(&rng);
    }
    for (size_t k = 0; k < N * IN * L; k++) {
        f.x[k] = (float)kr_rng_normal(&rng);
    }
    for (size_t k = 0; k < rows * L; k++) {
        f.e[k] = (float)kr_rng_normal(&rng);
    }
    return f;
}

static void clear(fixture *f)
{
    kr_free(f->pack);
    kr_free(f->e);
    kr_free(f->y);
    kr_free(f->dx);
    kr_free(f->x);
    kr_free(f->gradient);
    kr_free(f->weights);
}

/* As a density runs it: group after group, panels as soon as they are complete. */
static void forward(fixture *f)
{
    kr_made_layer_begin(&f->layer, f->y, L);
    for (int32_t g = 0; g < f->layer.n_out; g++) {
        if (g > 0 && g % KR_MADE_PANEL == 0) {
            kr_made_layer_apply_panel(&f->layer, f->lanes, f->weights, g / KR_MADE_PANEL - 1, 0,
                                      f->x, f->y, L);
        }
        kr_made_layer_finish_group(&f->layer, f->lanes, f->weights, g, f->x, f->y, L);
    }
}

/* With one input row switched on, exactly the groups that may see it answer. */
static void output_groups_see_earlier_groups_only(void **state)
{
    (void)state;
    for (int strict = 0; strict < 2; strict++) {
        fixture f = make(strict, false);
        for (int32_t row = 0; row < N * IN; row++) {
            memset(f.x, 0, N * IN * L * sizeof *f.x);
            f.x[row * L] = 1.0f;
            forward(&f);
            for (int32_t g = 0; g < f.layer.n_out; g++) {
                bool is_seen = row / IN < g + 1 - strict;
                for (int32_t u = 0; u < OUT; u++) {
                    assert_int_equal(f.y[(g * OUT + u) * L] != 0.0f, is_seen);
                    assert_true(f.y[(g * OUT + u) * L + 1] == 0.0f);
                }
            }
        }
        clear(&f);
    }
}

static double dot(const float *a, const float *b, size_t n)
{
    double sum = 0.0;
    for (size_t k = 0; k < n; k++) {
        sum += (double)a[k] * (double)b[k];
    }
    return sum;
}

/* y is bilinear in weights and x, plus biases: so e.y = gradient.weights, and without biases
 * also = dx.x. */
static void backward_is_the_adjoint_of_forward(void **state)
{
    (void)state;
    for (int k = 0; k < 4; k++) {
        fixture f = make(k % 2, k / 2);
        size_t n = (size_t)f.layer.n_out * OUT * L;
        forward(&f);
        double want = dot(f.e, f.y, n);
        kr_made_layer_back(&f.layer, f.lanes, f.weights, L, f.x, f.e, f.dx, f.gradient, f.pack,
                           L);
        assert_close(dot(f.gradient, f.weights, f.layer.end), want, 1e-5);
        if (k / 2 == 0) {
            assert_close(dot(f.dx, f.x, N * IN * L), want, 1e-5);
        }
        assert_true(fabs(want) > 1.0);
        clear(&f);
    }
}

static void masked_weights_are_left_alone(void **state)
{
    (void)state;
    fixture f = make(true, true);
    size_t n_masked = 0;
    for (size_t k = 0; k < f.layer.end; k++) {
        f.gradient[k] = 7.0f;
    }
    kr_made_layer_back(&f.layer, f.lanes, f.weights, L - 3, f.x, f.e, NULL, f.gradient, f.pack,
                       L);
    for (size_t k = 0; k < f.layer.end; k++) {
        n_masked += f.gradient[k] == 7.0f;
        assert_int_equal(f.gradient[k] == 7.0f, f.weights[k] == 0.0f);
    }
    /* groups see 0 + 1 + ... + N groups; the rest is padding */
    size_t n_seen = N * (N + 1) / 2 * IN * OUT + (N + 1) * OUT;
    assert_int_equal(f.layer.end - n_masked, n_seen);
    double bytes = kr_made_layer_bytes(N, N + 1, IN, OUT);
    assert_true(bytes >= 0.9 * 4.0 * (double)(f.layer.end - 32));
    clear(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(output_groups_see_earlier_groups_only),
        cmocka_unit_test(backward_is_the_adjoint_of_forward),
        cmocka_unit_test(masked_weights_are_left_alone),
    };
    return cmocka_run_group_tests_name("made_layer", tests, NULL, NULL);
}
