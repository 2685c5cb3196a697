/* SPDX-License-Identifier: GPL-3.0-or-later
 * tests/test_cnf.c - symmetry of continuous flows, what their steps miss and what they say of
 * it. What all flows owe is in conformance_flows.c. */
#include "kr_real_subject.h"

static real_subject subject_of(const char *model, const char *size, const char *params)
{
    real_subject s = { .beta = 1.0 };
    const kr_density_plug *const *plug = kr_registry_densities;
    while (strcmp((*plug)->name, "cnf") != 0) {
        plug++;
    }
    s.system = system_alloc("phi4", model, "hypercubic", size);
    system_params((*plug)->fields, params, s.params);
    snprintf(s.label, sizeof s.label, "%s, %s, %s", model, size, params);
    assert_true(real_subject_make(&s, *plug));
    return s;
}

/* Site (x, y) of a square box of side L goes to the site of the number returned. */
typedef int32_t symmetry(int32_t x, int32_t y, int32_t L);

static int32_t one_step(int32_t x, int32_t y, int32_t L)
{
    return (x + 1) % L + L * y;
}

static int32_t reflection(int32_t x, int32_t y, int32_t L)
{
    return (L - x) % L + L * y;
}

static int32_t exchange(int32_t x, int32_t y, int32_t L)
{
    return y + L * x;
}

static void log_q_has_the_symmetries_of_the_box(void **state)
{
    (void)state;
    symmetry *const all[] = { one_step, reflection, exchange };
    const int32_t L = 5;
    for (int field = 0; field < 2; field++) {
        real_subject s = subject_of(field ? "m2=-1 lambda=1 field=0.3" : "m2=-4 lambda=6.975",
                                    "size=5,5", "steps=6");
        double *phi = get(s.n * LANES, sizeof *phi), *other = get(s.n * LANES, sizeof *phi);
        double log_q[LANES], again[LANES];
        randomize(&s, 2, 0.05);
        draw(&s, 3, LANES, phi, log_q);
        for (int k = 0; k < 4 - field; k++) {
            for (int32_t i = 0; i < L * L; i++) {
                const int32_t to = k < 3 ? all[k](i % L, i / L, L) : i;
                for (int l = 0; l < LANES; l++) {
                    const double x = phi[(size_t)i * LANES + (size_t)l];
                    other[(size_t)to * LANES + (size_t)l] = k < 3 ? x : -x;
                }
            }
            kr_density_log_q(&s.density, LANES, other, again, poisoned(&s));
            for (int l = 0; l < LANES; l++) {
                assert_close(again[l], log_q[l], 1e-10);
            }
        }
        kr_free(other);
        kr_free(phi);
        real_subject_clear(&s);
    }
}

/* ln |det A|, A (n, n) row-major; the A of this test need no pivots. */
static double log_det(size_t n, double *A)
{
    double sum = 0.0;
    for (size_t k = 0; k < n; k++) {
        sum += log(fabs(A[k * n + k]));
        for (size_t i = k + 1; i < n; i++) {
            const double factor = A[i * n + k] / A[k * n + k];
            for (size_t j = k; j < n; j++) {
                A[i * n + j] -= factor * A[k * n + j];
            }
        }
    }
    return sum;
}

/* ln J less the logarithm of the determinant, by differences of fourth order, at a sample. */
static double missed(const char *params, double *doubt)
{
    enum { W = 16 };
    const double h = 1e-3;
    real_subject s = subject_of("m2=-4 lambda=6.975", "size=3,3", params);
    const size_t n = s.n;
    double *z = get(n * W, sizeof *z), *x = get(n * W, sizeof *z), *A = get(n * n, sizeof *A);
    double log_j[W], log_q[W], again[W];
    randomize(&s, 4, 0.3);
    for (size_t k = 0; k < n * W; k++) {
        z[k] = 0.7 * sin(1.0 + 2.0 * (double)(k / W));
    }
    for (size_t j = 0; j < n; j++) {
        for (size_t k = 0; k < n * W; k++) {
            const double step[4] = { -2.0 * h, -h, h, 2.0 * h };
            x[k] = z[k] + (k % W < 4 && k / W == j ? step[k % W] : 0.0);
        }
        flow_of(&s)->forward(s.density.self, W, x, log_j, poisoned(&s));
        for (size_t i = 0; i < n; i++) {
            const double *at = x + i * W;
            A[i * n + j] = (at[0] - 8.0 * at[1] + 8.0 * at[2] - at[3]) / (12.0 * h);
        }
    }
    const double off = log_j[W - 1] - log_det(n, A); /* a lane that was not moved */
    memcpy(x, z, n * W * sizeof *x);
    flow_of(&s)->forward(s.density.self, W, x, log_j, poisoned(&s));
    kr_density_log_q(&s.density, W, x, log_q, poisoned(&s));
    flow_of(&s)->doubt(s.density.self, W, x, again, poisoned(&s));
    *doubt = again[W - 1] - log_q[W - 1];
    kr_free(A);
    kr_free(x);
    kr_free(z);
    real_subject_clear(&s);
    return off;
}

static void ln_J_nears_the_determinant_as_the_fourth_power_of_a_step(void **state)
{
    (void)state;
    double doubt[3];
    const double off[3] = { missed("steps=8", &doubt[0]), missed("steps=16", &doubt[1]),
                            missed("steps=32", &doubt[2]) };
    print_message("# ln J misses %.3g, %.3g, %.3g; doubt %.3g, %.3g, %.3g\n", off[0], off[1],
                  off[2], doubt[0], doubt[1], doubt[2]);
    for (int k = 0; k < 2; k++) {
        assert_true(fabs(off[k + 1]) < fabs(off[k]) / 8.0);
        assert_true(fabs(doubt[k + 1]) < fabs(doubt[k]) / 8.0);
        assert_true(fabs(off[k]) < 10.0 * fabs(doubt[k])); /* what the verdict reckons with */
    }
    assert_true(fabs(off[0]) > 1e-6); /* else nothing was tested */
}

static void steps_are_doubled_up_to_the_most_and_kept_with_the_weights(void **state)
{
    (void)state;
    real_subject s = subject_of("m2=-4 lambda=6.975", "size=4,4", "steps=5 most_steps=25");
    real_subject fixed = subject_of("m2=-4 lambda=6.975", "size=4,4", "adapt_steps=false");
    void *self = s.density.self;
    assert_int_equal(flow_of(&s)->n_steps(self), 5);
    assert_true(flow_of(&s)->refine(self) && flow_of(&s)->refine(self));
    assert_int_equal(flow_of(&s)->n_steps(self), 20);
    assert_false(flow_of(&s)->refine(self));
    assert_int_equal(flow_of(&s)->n_steps(self), 20);

    real_subject other = subject_of("m2=-4 lambda=6.975", "size=4,4", "steps=5 most_steps=25");
    memcpy(s.plug->weights(other.density.self), s.plug->weights(self),
           s.n_weights * sizeof(float));
    assert_int_equal(flow_of(&s)->n_steps(other.density.self), 20);
    assert_false(flow_of(&s)->refine(fixed.density.self));
    assert_int_equal(flow_of(&s)->n_steps(fixed.density.self), 25);
    real_subject_clear(&other);
    real_subject_clear(&fixed);
    real_subject_clear(&s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(log_q_has_the_symmetries_of_the_box),
        cmocka_unit_test(ln_J_nears_the_determinant_as_the_fourth_power_of_a_step),
        cmocka_unit_test(steps_are_doubled_up_to_the_most_and_kept_with_the_weights),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
