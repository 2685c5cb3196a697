/* SPDX-License-Identifier: GPL-3.0-or-later
 * tests/test_nade.c - the estimator with one vector of hidden units; what every density owes is
 * in conformance_densities.c. */
#include "density_slopes.h"
#include "density_training.h"
#include "kr_subject.h"
#include "kr_system.h"

typedef struct params {
    int64_t hidden;
} params;

extern const kr_density_plug kr_density_nade;

static subject make(const kr_system *system, int64_t hidden, double beta)
{
    const params p = { hidden };
    assert_int_equal(kr_density_nade.params_size, sizeof p);
    return subject_alloc(&kr_density_nade, &p, system_target(system, beta));
}

/* No loop, no field: the exact local field is the whole conditional, log q = -beta H - log Z.
 */
static void zero_weights_are_exact_on_an_open_chain(void **state)
{
    (void)state;
    kr_system system =
        system_alloc("ising", "disorder.kind=gaussian", "hypercubic", "size=10 boundary=open");
    subject s = make(&system, 8, 0.8);
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

/* The formula in the head of nade.c in double precision: weights W_j (q, H), V_i (q, H), b, c
 * one after the other, each padded to 16. */
static double plain_log_q(const kr_terms *terms, double beta, int32_t H, const float *w,
                          const uint8_t *s, size_t stride)
{
    const int32_t N = terms->n_sites, q = terms->q;
    const size_t pitch = (size_t)(q * H + 15) / 16 * 16;
    const float *V = w + (size_t)(N - 1) * pitch, *b = V + (size_t)(N - 1) * pitch;
    const float *c = b + (size_t)(N * q + 15) / 16 * 16;
    double a[64], log_q = 0.0;
    for (int32_t u = 0; u < H; u++) {
        a[u] = (double)c[u];
    }
    for (int32_t i = 0; i < N; i++) {
        const int32_t own = s[(size_t)i * stride];
        double sum = 0.0, at_own = 0.0;
        for (int32_t x = 0; x < q; x++) {
            double z = (double)b[i * q + x] - beta * terms->local[i * q + x];
            for (int64_t k = terms->neighbor_begin[i]; k < terms->neighbor_begin[i + 1]; k++) {
                const int32_t j = terms->neighbor[k];
                z -= j < i ? beta * terms->J[k] * terms->V[x * q + s[(size_t)j * stride]] : 0.0;
            }
            for (int32_t u = 0; u < H && i > 0; u++) {
                z += (double)V[(size_t)(i - 1) * pitch + (size_t)(x * H + u)] * tanh(a[u]);
            }
            sum += exp(z);
            at_own = x == own ? z : at_own;
        }
        log_q += at_own - log(sum);
        for (int32_t u = 0; u < H && i + 1 < N; u++) {
            a[u] += (double)w[(size_t)i * pitch + (size_t)(own * H + u)];
        }
    }
    return log_q;
}

static void log_q_is_the_formula(void **state)
{
    enum { H = 5 };
    (void)state;
    kr_system system = system_alloc("potts", "q=3 field=0.2", "triangular", "size=3,4");
    subject s = make(&system, H, 0.6);
    randomize(&s, 31);
    uint8_t *x = get_states(&s);
    double log_q[LANES];
    kr_rng rng;
    kr_rng_seed(&rng, 32, 0, KR_PURPOSE_TEST);
    draw_states(&s, LANES, x, &rng);
    evaluate(&s, 0, LANES, x, log_q);
    for (int l = 0; l < LANES; l++) {
        assert_close(log_q[l],
                     plain_log_q(system.terms, 0.6, H, s.plug->weights(s.self), x + l, LANES),
                     1e-5);
    }
    kr_free(x);
    subject_free(&s);
    system_free(&system);
}

/* log Z of one sample of the Sherrington-Kirkpatrick model, by enumeration. */
static double exact_log_z(const kr_terms *terms, double beta)
{
    double sum = 0.0;
    uint8_t s[16];
    for (uint32_t n = 0; n < 1u << terms->n_sites; n++) {
        for (int32_t i = 0; i < terms->n_sites; i++) {
            s[i] = n >> i & 1;
        }
        sum += exp(-beta * kr_terms_energy(terms, s, 1));
    }
    return log(sum);
}

static void training_finds_the_exact_log_z_of_a_spin_glass(void **state)
{
    const double beta = 1.2;
    (void)state;
    kr_system system =
        system_alloc("ising", "disorder.kind=gaussian", "complete", "size=12 weight=1/sqrt(N)");
    subject s = make(&system, 32, beta);
    check_log_z(&s, beta, exact_log_z(system.terms, beta), 33, 0.9);
    subject_free(&s);
    system_free(&system);
}

/* Along the gradient the derivative is its norm squared; more sites and units than in the
 * conformance tests. */
static void gradients_are_derivatives(void **state)
{
    static const char *const model[] = { "q=3 field=0.2", "q=2" };
    (void)state;
    for (int k = 0; k < 2; k++) {
        kr_system system = system_alloc("potts", model[k], "hypercubic", "size=6,6");
        subject s = make(&system, 37, 0.5);
        check_slope(&s, 22);
        subject_free(&s);
        system_free(&system);
    }
}

static void only_models_without_flip_symmetry_have_biases(void **state)
{
    (void)state;
    kr_system even = system_alloc("ising", "", "hypercubic", "size=3,3");
    kr_system tilted = system_alloc("ising", "field=0.1", "hypercubic", "size=3,3");
    subject a = make(&even, 20, 0.5), b = make(&tilted, 20, 0.5);
    assert_int_equal(a.n_weights, 2 * 8 * 32); /* 8 sites each way, 20 padded to 32 */
    assert_int_equal(b.n_weights - a.n_weights, 16 + 32); /* of 9 sites and of 20 units */
    subject_free(&b);
    subject_free(&a);
    system_free(&tilted);
    system_free(&even);
}

static void refuses_more_weights_than_fit(void **state)
{
    (void)state;
    kr_system system = system_alloc("potts", "q=200", "hypercubic", "size=16,16");
    kr_target target = system_target(&system, 0.4);
    kr_error err = { 0 };
    assert_true(kr_density_nade.supports(&target, &(params){ 1024 }, &err));
    assert_false(kr_density_nade.supports(&target, &(params){ 4096 + 2048 }, &err));
    assert_int_equal(err.status, KR_EUNSUP);
    assert_non_null(strstr(err.text, "nade: 2.52e+09 bytes of weights (256 sites, q = 200"));
    assert_null(kr_density_nade.alloc(&target, &(params){ 4096 + 2048 }, &err));
    system_free(&system);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(zero_weights_are_exact_on_an_open_chain),
        cmocka_unit_test(log_q_is_the_formula),
        cmocka_unit_test(training_finds_the_exact_log_z_of_a_spin_glass),
        cmocka_unit_test(gradients_are_derivatives),
        cmocka_unit_test(only_models_without_flip_symmetry_have_biases),
        cmocka_unit_test(refuses_more_weights_than_fit),
    };
    return cmocka_run_group_tests_name("nade", tests, NULL, NULL);
}
