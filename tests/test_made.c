/* SPDX-License-Identifier: GPL-3.0-or-later
 * tests/test_made.c - the masked dense network; what every density owes is in
 * conformance_densities.c. */
#include "density_slopes.h"
#include "density_training.h"
#include "kr_subject.h"
#include "kr_system.h"

typedef struct params {
    int64_t hidden, layers;
} params;

extern const kr_density_plug kr_density_made;

static subject make(const kr_system *system, const params *p, double beta)
{
    assert_int_equal(kr_density_made.params_size, sizeof *p);
    return subject_alloc(&kr_density_made, p, system_target(system, beta));
}

/* No loop, no field: what the later sites add is the same for both states, so the exact local
 * field is the whole conditional and log q = -beta H - log Z. */
static void zero_weights_are_exact_on_an_open_chain(void **state)
{
    (void)state;
    kr_system system =
        system_alloc("ising", "disorder.kind=gaussian", "hypercubic", "size=10 boundary=open");
    subject s = make(&system, &(params){ 4, 1 }, 0.8);
    s.n_states = 1024;
    double *log_q = evaluate_all(&s, 0), log_z = 10.0 * log(2.0);
    for (int64_t b = 0; b < system.terms->n_terms; b++) {
        log_z += log(cosh(0.8 * system.terms->coupling[b]));
    }
    uint8_t *x = get_states(&s);
    for (int64_t n = 0; n < s.n_states; n++) {
        number_states(&s, n, 1, x);
        double energy = kr_terms_energy(system.terms, x, KR_LANES_PAD);
        assert_close(log_q[n], -0.8 * energy - log_z, 1e-6);
    }
    kr_free(x);
    kr_free(log_q);
    subject_free(&s);
    system_free(&system);
}

/* log Z of the 4x4 torus at beta_c: ising2d_torus_kaufman.csv. The loss is at least -log Z and
 * the importance weights average to Z. */
static void training_finds_the_exact_log_z(void **state)
{
    (void)state;
    const double beta = 0.44068679350977151, log_z = 15.521915458755283;
    kr_system system = system_alloc("ising", "", "hypercubic", "size=4,4");
    subject s = make(&system, &(params){ 4, 1 }, beta);
    check_log_z(&s, beta, log_z, 21, 0.95);
    subject_free(&s);
    system_free(&system);
}

/* Along the gradient the derivative is its norm squared; more sites than one panel. */
static void deep_gradients_are_derivatives(void **state)
{
    (void)state;
    kr_system system = system_alloc("potts", "q=3 field=0.2", "hypercubic", "size=6,4");
    for (int64_t layers = 1; layers <= 4; layers++) {
        subject s = make(&system, &(params){ 3, layers }, 0.5);
        check_slope(&s, 22);
        subject_free(&s);
    }
    system_free(&system);
}

static void only_models_without_flip_symmetry_have_biases(void **state)
{
    (void)state;
    kr_system even = system_alloc("ising", "", "hypercubic", "size=3,3");
    kr_system tilted = system_alloc("ising", "field=0.1", "hypercubic", "size=3,3");
    subject a = make(&even, &(params){ 4, 1 }, 0.5), b = make(&tilted, &(params){ 4, 1 }, 0.5);
    assert_int_equal(b.n_weights - a.n_weights, 32 + 16); /* 8 groups of 4; 9, padded */
    subject_free(&b);
    subject_free(&a);
    system_free(&tilted);
    system_free(&even);
}

static void refuses_more_weights_than_fit(void **state)
{
    (void)state;
    kr_system system = system_alloc("ising", "", "hypercubic", "size=128,128");
    kr_target target = system_target(&system, 0.4);
    kr_error err = { 0 };
    assert_false(kr_density_made.supports(&target, &(params){ 4, 1 }, &err));
    assert_int_equal(err.status, KR_EUNSUP);
    /* 128^2 (128^2 + 16) / 2 pairs, 4 weights each way, 4 bytes, and biases */
    assert_non_null(strstr(err.text, "made: 4.3e+09 bytes of weights (16384 sites"));
    assert_null(kr_density_made.alloc(&target, &(params){ 4, 1 }, &err));
    assert_true(kr_density_made.supports(&target, &(params){ 1, 1 }, &err));
    system_free(&system);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(zero_weights_are_exact_on_an_open_chain),
        cmocka_unit_test(training_finds_the_exact_log_z),
        cmocka_unit_test(deep_gradients_are_derivatives),
        cmocka_unit_test(only_models_without_flip_symmetry_have_biases),
        cmocka_unit_test(refuses_more_weights_than_fit),
    };
    return cmocka_run_group_tests_name("made", tests, NULL, NULL);
}
