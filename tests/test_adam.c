/* SPDX-License-Identifier: GPL-3.0-or-later
 * tests/test_adam.c - the Adam optimizer. */
#include "kr_test.h"

#include "base/state.h"
#include "density/adam.h"

/* Algorithm 1 of arXiv:1412.6980 in double, written out as printed, for ascent. */
static double reference(const double *gradient, int n_steps, double rate)
{
    double m = 0.0, v = 0.0, w = 0.0;
    for (int t = 1; t <= n_steps; t++) {
        double g = gradient[t - 1];
        m = 0.9 * m + 0.1 * g;
        v = 0.999 * v + 0.001 * g * g;
        w += rate * (m / (1.0 - pow(0.9, t))) / (sqrt(v / (1.0 - pow(0.999, t))) + 1e-8);
    }
    return w;
}

static void steps_follow_the_published_algorithm(void **state)
{
    (void)state;
    const double gradient[6] = { 0.5, -2.0, 0.25, 3.0, 1e-3, 0.75 };
    enum { N = 19 }; /* more than one run of sixteen, and a rest */
    kr_error err = { 0 };
    kr_adam adam;
    assert_ok(kr_adam_init(&adam, N, &err), &err);
    float w[N] = { 0 }, g[N];
    for (int t = 0; t < 6; t++) {
        for (int i = 0; i < N; i++) {
            g[i] = (float)(gradient[t] * (i + 1));
        }
        assert_ok(kr_adam_step(&adam, w, g, 0.01, 0.0, &err), &err);
    }
    for (int i = 0; i < N; i++) {
        double scaled[6];
        for (int t = 0; t < 6; t++) {
            scaled[t] = gradient[t] * (i + 1);
        }
        double want = reference(scaled, 6, 0.01);
        assert_true(fabs((double)w[i] - want) <= 1e-6 * fabs(want));
    }
    kr_adam_clear(&adam);
}

static void ascends_to_the_maximum_of_a_parabola(void **state)
{
    (void)state;
    kr_error err = { 0 };
    kr_adam adam;
    assert_ok(kr_adam_init(&adam, 2, &err), &err);
    float w[2] = { 5.0f, -5.0f };
    for (int t = 0; t < 2000; t++) {
        float g[2] = { 1.0f - w[0], 10.0f * (2.0f - w[1]) };
        assert_ok(kr_adam_step(&adam, w, g, 0.05 * (1.0 - t / 2000.0), 0.0, &err), &err);
    }
    assert_close((double)w[0], 1.0, 1e-3);
    assert_close((double)w[1], 2.0, 1e-3);
    kr_adam_clear(&adam);
}

static void clip_scales_the_gradient_to_its_norm(void **state)
{
    (void)state;
    kr_error err = { 0 };
    kr_adam clipped, scaled;
    assert_ok(kr_adam_init(&clipped, 2, &err), &err);
    assert_ok(kr_adam_init(&scaled, 2, &err), &err);
    float w[2] = { 0 }, v[2] = { 0 };
    const float large[2] = { 30.0f, 40.0f }, small[2] = { 0.3f, 0.4f };
    assert_ok(kr_adam_step(&clipped, w, small, 0.1, 1.0, &err), &err); /* norm 0.5: as it is */
    assert_ok(kr_adam_step(&scaled, v, small, 0.1, 0.0, &err), &err);
    assert_memory_equal(clipped.m, scaled.m, 2 * sizeof(float));
    assert_ok(kr_adam_step(&clipped, w, large, 0.1, 0.5, &err), &err); /* norm 50: to 0.5 */
    assert_ok(kr_adam_step(&scaled, v, small, 0.1, 0.0, &err), &err);
    for (int i = 0; i < 2; i++) {
        assert_close((double)clipped.m[i], (double)scaled.m[i], 1e-7);
        assert_close((double)w[i], (double)v[i], 1e-7);
    }
    kr_adam_clear(&scaled);
    kr_adam_clear(&clipped);
}

static void refuses_a_gradient_that_is_not_finite(void **state)
{
    (void)state;
    const float bad[2] = { NAN, INFINITY };
    for (int k = 0; k < 2; k++) {
        kr_error err = { 0 };
        kr_adam adam;
        assert_ok(kr_adam_init(&adam, 2, &err), &err);
        float w[2] = { 1.0f, 2.0f };
        const float good[2] = { 1.0f, 1.0f };
        assert_ok(kr_adam_step(&adam, w, good, 0.1, 1.0, &err), &err);
        float before[2] = { w[0], w[1] }, m[2] = { adam.m[0], adam.m[1] };
        const float g[2] = { 1.0f, bad[k] };
        assert_int_equal(kr_adam_step(&adam, w, g, 0.1, 1.0, &err), KR_EDIVERGED);
        assert_non_null(strstr(err.text, "want a finite number"));
        assert_memory_equal(w, before, sizeof w);
        assert_memory_equal(adam.m, m, sizeof m);
        assert_int_equal(adam.n_steps, 1);
        kr_adam_clear(&adam);
    }
}

/* Densities keep zero padding in their weight blocks. */
static void weights_without_gradient_stay_to_the_bit(void **state)
{
    (void)state;
    kr_error err = { 0 };
    kr_adam adam;
    assert_ok(kr_adam_init(&adam, 3, &err), &err);
    float w[3] = { 0.0f, 0.7f, 1.0f };
    for (int t = 0; t < 100; t++) {
        const float g[3] = { 0.0f, 0.0f, 1.0f };
        assert_ok(kr_adam_step(&adam, w, g, 0.1, 0.5, &err), &err);
    }
    assert_true(w[0] == 0.0f && w[1] == 0.7f && w[2] > 5.0f);
    kr_adam_clear(&adam);
}

/* Written in the folder of the build, read into a second optimizer: both go on alike. */
static void goes_on_after_a_restart(void **state)
{
    (void)state;
    enum { N = 5 };
    const char *path = "test_adam.state";
    kr_error err = { 0 };
    kr_adam adam[2];
    kr_state *table[2];
    float w[2][N] = { { 0 } };
    const float g[N] = { 1.0f, -2.0f, 0.5f, 0.0f, 3.0f };
    for (int k = 0; k < 2; k++) {
        assert_ok(kr_adam_init(&adam[k], N, &err), &err);
        table[k] = kr_state_alloc(&err);
        assert_non_null(table[k]);
        assert_ok(kr_adam_declare(&adam[k], table[k], &err), &err);
    }
    for (int t = 0; t < 3; t++) {
        assert_ok(kr_adam_step(&adam[0], w[0], g, 0.1, 1.0, &err), &err);
    }
    assert_ok(kr_state_save(table[0], path, NULL, &err), &err);
    assert_ok(kr_state_load(table[1], path, &err), &err);
    memcpy(w[1], w[0], sizeof w[0]);
    for (int k = 0; k < 2; k++) {
        assert_ok(kr_adam_step(&adam[k], w[k], g, 0.1, 1.0, &err), &err);
        assert_int_equal(adam[k].n_steps, 4);
    }
    assert_memory_equal(w[0], w[1], sizeof w[0]);
    remove(path);
    for (int k = 0; k < 2; k++) {
        kr_state_free(table[k]);
        kr_adam_clear(&adam[k]);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(steps_follow_the_published_algorithm),
        cmocka_unit_test(ascends_to_the_maximum_of_a_parabola),
        cmocka_unit_test(clip_scales_the_gradient_to_its_norm),
        cmocka_unit_test(refuses_a_gradient_that_is_not_finite),
        cmocka_unit_test(weights_without_gradient_stay_to_the_bit),
        cmocka_unit_test(goes_on_after_a_restart),
    };
    return cmocka_run_group_tests_name("adam", tests, NULL, NULL);
}
