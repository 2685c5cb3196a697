/* SPDX-License-Identifier: GPL-3.0-or-later
 * tests/test_frontier_gradient.c - gradients of the frontier density against differences. */
#include "frontier_systems.h"

enum { GRAD_LANES = 13 };

static double objective(density *d, const uint8_t *s, const double *coefficient)
{
    double log_q[GRAD_LANES], sum = 0.0;
    plug->log_q_tail(d->self, 0, GRAD_LANES, s, log_q, d->scratch);
    for (int l = 0; l < GRAD_LANES; l++) {
        sum += coefficient[l] * log_q[l];
    }
    return sum;
}

/* central difference along direction (n) from weight begin on */
static double difference(density *d, const uint8_t *s, const double *coefficient, size_t begin,
                         size_t n, const float *direction, double step, const float *weights)
{
    double value[2];
    for (int side = 0; side < 2; side++) {
        for (size_t k = 0; k < n; k++) {
            d->weights[begin + k] =
                weights[begin + k] + (float)((side ? step : -step) * (double)direction[k]);
        }
        value[side] = objective(d, s, coefficient);
    }
    memcpy(d->weights + begin, weights + begin, n * sizeof *weights);
    return (value[1] - value[0]) / (2.0 * step);
}

static void check_array(density *d, const uint8_t *s, const double *coefficient,
                        const float *gradient, const float *weights,
                        const kr_frontier_array *array)
{
    const size_t n = array->rows * array->pitch;
    float *direction = kr_alloc(n, sizeof(float), NULL);
    for (int trial = 0; n > 0 && trial < 3; trial++) {
        double norm = 0.0, slope = 0.0, length = 0.0;
        for (size_t k = 0; k < n; k++) {
            const bool is_weight = k % array->pitch < array->columns;
            const double g = (double)gradient[array->begin + k];
            direction[k] = is_weight ? (float)kr_rng_normal(&d->rng) : 0.0f;
            assert_true(is_weight || g == 0.0);
            norm += g * g;
            length += (double)direction[k] * (double)direction[k];
            slope += g * (double)direction[k];
        }
        norm = sqrt(norm * length);
        const double h = 0.02 / sqrt(length);
        const double near =
            difference(d, s, coefficient, array->begin, n, direction, h, weights);
        const double far =
            difference(d, s, coefficient, array->begin, n, direction, 2.0 * h, weights);
        const double want = (4.0 * near - far) / 3.0, noise = 2e-6 / h;
        if (!(fabs(slope - want) <= 1e-3 * norm + noise)) {
            fail_msg("%s: slope %.6g, difference %.6g, norm %.3g", array->name, slope, want,
                     norm);
        }
    }
    kr_free(direction);
}

static void gradient_is_the_slope_of_log_q_for_every_array(void **state)
{
    (void)state;
    const double coefficient[GRAD_LANES] = { 1.0, -0.5, 0.25, 2.0, -1.0, 0.3, 0.7,
                                             0.1, 0.9,  -0.2, 0.4, 1.1,  -0.6 };
    for (int k = 0; k < N_KINDS; k++) {
        density d = make((kind)k, 4, 3, true, k % 2 ? 20 : 16, 15 + (uint64_t)k);
        uint8_t s[12 * 16] = { 0 };
        double log_q[GRAD_LANES], again[GRAD_LANES];
        float *gradient = kr_alloc(d.n_weights, sizeof(float), NULL);
        float *weights = kr_alloc(d.n_weights, sizeof(float), NULL);
        memcpy(weights, d.weights, d.n_weights * sizeof(float));
        plug->sample_tail(d.self, 0, GRAD_LANES, s, log_q, &d.rng, d.scratch);
        plug->grad(d.self, GRAD_LANES, s, coefficient, gradient, again, d.scratch);
        assert_memory_equal(log_q, again, sizeof log_q);
        for (int32_t i = 0; i < 12; i++) {
            kr_frontier_array array[KR_FRONTIER_ARRAYS];
            int n = kr_frontier_arrays(d.self, i, array);
            for (int a = 0; a < n; a++) {
                check_array(&d, s, coefficient, gradient, weights, array + a);
            }
        }
        kr_free(weights);
        kr_free(gradient);
        drop(&d);
    }
}

static void gradients_add_up_and_padding_stays_zero(void **state)
{
    (void)state;
    double coefficient[GRAD_LANES];
    for (int l = 0; l < GRAD_LANES; l++) {
        coefficient[l] = 1.0 - 0.2 * l;
    }
    for (int k = 0; k < N_KINDS; k++) {
        density d = make((kind)k, 4, 3, true, 5, 16);
        uint8_t s[12 * 16] = { 0 };
        double log_q[GRAD_LANES];
        float *gradient = kr_alloc(2 * d.n_weights, sizeof(float), NULL);
        float *twice = gradient + d.n_weights;
        plug->sample_tail(d.self, 0, GRAD_LANES, s, log_q, &d.rng, d.scratch);
        plug->grad(d.self, GRAD_LANES, s, coefficient, gradient, NULL, d.scratch);
        for (int round = 0; round < 2; round++) {
            plug->grad(d.self, GRAD_LANES, s, coefficient, twice, NULL, d.scratch);
        }
        size_t n_used = 0, n_zero = 0;
        for (int32_t i = 0; i < 12; i++) {
            kr_frontier_array array[KR_FRONTIER_ARRAYS];
            int n = kr_frontier_arrays(d.self, i, array);
            for (int a = 0; a < n; a++) {
                n_used += array[a].rows * array[a].columns;
            }
        }
        for (size_t w = 0; w < d.n_weights; w++) {
            assert_close((double)twice[w], 2.0 * (double)gradient[w], 1e-5);
            n_zero += gradient[w] == 0.0f;
        }
        /* what the arrays do not name is padding; a color nobody shows has gradient zero too */
        assert_true(n_zero >= d.n_weights - n_used);
        assert_true(n_zero <= d.n_weights - n_used / 2);
        kr_free(gradient);
        drop(&d);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(gradient_is_the_slope_of_log_q_for_every_array),
        cmocka_unit_test(gradients_add_up_and_padding_stays_zero),
    };
    return cmocka_run_group_tests_name("frontier_gradient", tests, NULL, NULL);
}
