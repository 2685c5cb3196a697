/* SPDX-License-Identifier: GPL-3.0-or-later
 * tests/test_mps.c - boundary matrix product states as a density; what every density owes is in
 * conformance_densities.c. */
#include "kr_subject.h"
#include "kr_system.h"
#include "model/exact.h"

extern const kr_density_plug kr_density_mps, kr_density_transfer_matrix;

static subject make(const kr_system *system, double beta, const int64_t *chi)
{
    return subject_alloc(&kr_density_mps, chi, system_target(system, beta));
}

/* Where no matrix is cut, log q + beta H is the same for all states, -log Z. Products are in
 * float32 and small probabilities rounded to 2^-32: an error of 1e-6 per state. */
static void large_matrices_give_every_state_its_boltzmann_weight(void **state)
{
    (void)state;
    static const struct {
        const char *model, *text, *size;
        double beta;
    } rows[] = {
        { "ising", "disorder.kind=gaussian field=0.3", "size=4,4 boundary=open", 0.7 },
        { "ising", "disorder.kind=gaussian field=0.3", "size=4,3", 0.5 },
        { "ising", "", "size=3,4", 0.5 },
        { "ising", "disorder.kind=pm1", "size=4,4", 0.4 },
        { "ising", "random_field.kind=pm1", "size=4,3 boundary=periodic,open", 0.4 },
        { "ising", "J=-1 field=0.2", "size=3,4 boundary=open,periodic", 0.5 },
        { "ising", "", "size=4,3 boundary=antiperiodic", 0.4 },
        { "ising", "field=0.3", "size=2,6", 0.4 },
        { "ising", "field=0.3", "size=6,2", 0.4 },
        { "ising", "field=0.3", "size=9", 0.7 },
        { "ising", "field=0.3", "size=1,9", 0.7 },
        { "potts", "q=3 field=0.4", "size=3,3", 0.6 },
        { "potts", "q=5", "size=3,2 boundary=open", 1.0 },
        { "clock", "q=4", "size=3,2", 0.6 },
        { "blume_capel", "D=0.7", "size=3,3", 0.8 },
    };
    const int64_t chi = 256;
    for (size_t r = 0; r < sizeof rows / sizeof *rows; r++) {
        kr_system system =
            system_alloc(rows[r].model, rows[r].text, "hypercubic", rows[r].size);
        subject s = make(&system, rows[r].beta, &chi);
        kr_exact exact;
        kr_error err = { 0 };
        assert_ok(kr_exact_enumerate(&s.target, &exact, &err), &err);
        s.n_states = (int64_t)(pow(s.q, s.n_sites) + 0.5);
        double *log_q = evaluate_all(&s, 0), worst = 0.0;
        uint8_t *x = get_states(&s);
        for (int64_t n = 0; n < s.n_states; n++) {
            number_states(&s, n, 1, x);
            double energy = kr_terms_energy(system.terms, x, KR_LANES_PAD);
            worst = fmax(worst, fabs(log_q[n] + rows[r].beta * energy + exact.log_z));
        }
        if (!(worst < 2e-6)) {
            fail_msg("%s %s on %s: log q is off by %g", rows[r].model, rows[r].text,
                     rows[r].size, worst);
        }
        kr_free(x);
        kr_free(log_q);
        subject_free(&s);
        system_free(&system);
    }
}

/* What 4096 draws say of a density: log Z by their weights, its error, KL(q | pi) and ESS / n.
 */
typedef struct told {
    double log_z, error, divergence, ess;
} told;

static told draw_many(const char *model, const char *text, const char *size, double beta,
                      int64_t chi)
{
    enum { DRAWS = 64 * LANES };
    kr_system system = system_alloc(model, text, "hypercubic", size);
    subject s = make(&system, beta, &chi);
    double log_w[DRAWS], most = -INFINITY, sum = 0.0, square = 0.0, mean = 0.0;
    uint8_t *x = get_states(&s);
    kr_rng rng;
    kr_rng_seed(&rng, 3, 0, KR_PURPOSE_TEST);
    for (int n = 0; n < DRAWS; n += LANES) {
        s.plug->sample_tail(s.self, 0, LANES, x, log_w + n, &rng, poisoned(&s));
        for (int32_t l = 0; l < LANES; l++) {
            log_w[n + l] = -beta * kr_terms_energy(system.terms, x + l, LANES) - log_w[n + l];
            most = fmax(most, log_w[n + l]);
            mean += log_w[n + l] / DRAWS;
        }
    }
    for (int n = 0; n < DRAWS; n++) {
        sum += exp(log_w[n] - most);
        square += exp(2.0 * (log_w[n] - most));
    }
    const double ess = sum * sum / (square * DRAWS);
    const told t = { .log_z = most + log(sum / DRAWS),
                     .error = sqrt(fmax(0.0, 1.0 / ess - 1.0) / DRAWS),
                     .divergence = most + log(sum / DRAWS) - mean,
                     .ess = ess };
    kr_free(x);
    subject_free(&s);
    system_free(&system);
    return t;
}

/* log Z of an open lattice by the transfer matrix. */
static double exact_log_z(const char *model, const char *text, const char *size, double beta)
{
    kr_system system = system_alloc(model, text, "hypercubic", size);
    subject s = subject_alloc(&kr_density_transfer_matrix, NULL, system_target(&system, beta));
    uint8_t *x = get_states(&s);
    double log_q[LANES];
    kr_rng rng;
    kr_rng_seed(&rng, 4, 0, KR_PURPOSE_TEST);
    s.plug->sample_tail(s.self, 0, LANES, x, log_q, &rng, poisoned(&s));
    const double log_z = -beta * kr_terms_energy(system.terms, x, LANES) - log_q[0];
    kr_free(x);
    subject_free(&s);
    system_free(&system);
    return log_z;
}

/* With chi = 16 nothing is cut on 8 x 8: every draw of an open glass gives log Z. */
static void an_open_glass_is_exact(void **state)
{
    (void)state;
    static const char text[] = "disorder.kind=gaussian disorder.seed=5",
                      size[] = "size=8,8 boundary=open";
    const double want = exact_log_z("ising", text, size, 0.9);
    const told t = draw_many("ising", text, size, 0.9, 16);
    assert_close(t.log_z, want, 1e-7);
    assert_true(t.divergence < 1e-9);
    assert_true(t.ess > 1.0 - 1e-9);
}

/* What is cut costs little, and less with larger matrices. KL measured: 1.3e-2, 1.2e-4, 8e-10.
 */
static void divergence_falls_with_the_size_of_the_matrices(void **state)
{
    (void)state;
    static const char text[] = "disorder.kind=pm1 disorder.seed=2",
                      size[] = "size=12,12 boundary=open";
    static const int64_t chi[] = { 2, 4, 8 };
    const double want = exact_log_z("ising", text, size, 1.0);
    double before = 1.0;
    for (int k = 0; k < 3; k++) {
        const told t = draw_many("ising", text, size, 1.0, chi[k]);
        print_message("# chi = %d: KL %.3g ESS %.5f\n", (int)chi[k], t.divergence, t.ess);
        assert_within_sigma(t.log_z, t.error + 1e-7, want, 4.5);
        assert_true(t.divergence < 0.2 * before);
        before = t.divergence;
    }
    assert_true(before < 1e-6);
}

/* Rows that occur are far from the largest of what is approximated; without the balance of
 * density/mps_balance.h, log Z is too small by 5 for the first glass, at an ESS of 1. In the
 * last one some sums come out with the wrong sign: taken as zero they halve the ESS. */
static void cold_glasses_keep_their_states(void **state)
{
    (void)state;
    static const char size[] = "size=12,16 boundary=open";
    static const struct {
        const char *text;
        int64_t chi;
    } rows[] = {
        { "disorder.kind=gaussian disorder.seed=1", 16 },
        { "disorder.kind=pm1 disorder.seed=3", 16 },
        { "disorder.kind=pm1 disorder.seed=1", 8 },
    };
    for (int k = 0; k < 3; k++) {
        const double want = exact_log_z("ising", rows[k].text, size, 3.0);
        const told t = draw_many("ising", rows[k].text, size, 3.0, rows[k].chi);
        assert_within_sigma(t.log_z, t.error + 1e-5, want, 4.5);
        assert_true(t.ess > 0.99);
    }
}

/* Kaufman's formula; an ESS of 0.97 leaves an error of 0.003. */
static void a_critical_torus_gives_the_exact_partition_function(void **state)
{
    (void)state;
    const double beta = 0.5 * log(1.0 + sqrt(2.0));
    kr_system system = system_alloc("ising", "", "hypercubic", "size=16,16");
    kr_target target = system_target(&system, beta);
    kr_exact exact;
    kr_error err = { 0 };
    assert_ok(kr_exact_kaufman(&target, &exact, &err), &err);
    const told t = draw_many("ising", "", "size=16,16", beta, 8);
    assert_within_sigma(t.log_z, t.error, exact.log_z, 4.5);
    assert_true(t.ess > 0.9);
    system_free(&system);
}

static void prepare_moves_to_another_temperature(void **state)
{
    (void)state;
    kr_error err = { 0 };
    const int64_t chi = 2;
    kr_system system = system_alloc("ising", "disorder.kind=pm1", "hypercubic", "size=4,3");
    subject cold = make(&system, 2.5, &chi), moved = make(&system, 0.2, &chi);
    assert_ok(moved.plug->prepare(moved.self, 2.5, &err), &err);
    cold.n_states = moved.n_states = 4096;
    double *a = evaluate_all(&cold, 0), *b = evaluate_all(&moved, 0);
    assert_memory_equal(a, b, 4096 * sizeof *a);
    assert_int_equal(moved.plug->prepare(moved.self, INFINITY, &err), KR_EINVAL);
    kr_free(b);
    kr_free(a);
    subject_free(&moved);
    subject_free(&cold);
    system_free(&system);
}

static void other_lattices_and_large_matrices_are_refused(void **state)
{
    (void)state;
    static const struct {
        const char *model, *text, *lattice, *size, *why;
        int64_t chi;
    } rows[] = {
        { "ising", "", "triangular", "size=4,4", "lattice triangular", 4 },
        { "ising", "", "hypercubic", "size=3,3,3", "3 dimensions", 4 },
        { "potts", "q=20", "hypercubic", "size=16,16", "bytes", 64 },
    };
    for (size_t r = 0; r < sizeof rows / sizeof *rows; r++) {
        kr_error err = { 0 };
        kr_system system =
            system_alloc(rows[r].model, rows[r].text, rows[r].lattice, rows[r].size);
        kr_target target = system_target(&system, 0.4);
        assert_null(kr_density_mps.alloc(&target, &rows[r].chi, &err));
        assert_int_equal(err.status, KR_EUNSUP);
        if (!strstr(err.text, rows[r].why)) {
            fail_msg("%s", err.text);
        }
        system_free(&system);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(large_matrices_give_every_state_its_boltzmann_weight),
        cmocka_unit_test(an_open_glass_is_exact),
        cmocka_unit_test(divergence_falls_with_the_size_of_the_matrices),
        cmocka_unit_test(cold_glasses_keep_their_states),
        cmocka_unit_test(a_critical_torus_gives_the_exact_partition_function),
        cmocka_unit_test(prepare_moves_to_another_temperature),
        cmocka_unit_test(other_lattices_and_large_matrices_are_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
