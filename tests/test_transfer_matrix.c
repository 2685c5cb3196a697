/* SPDX-License-Identifier: GPL-3.0-or-later
 * tests/test_transfer_matrix.c - the density that is the Boltzmann distribution; what every
 * density owes is in conformance_densities.c. */
#include "kr_subject.h"
#include "kr_system.h"
#include "model/exact.h"

extern const kr_density_plug kr_density_transfer_matrix;

static subject make(const kr_system *system, double beta)
{
    return subject_alloc(&kr_density_transfer_matrix, NULL, system_target(system, beta));
}

/* log q + beta H is the same for all states, -log Z. Probabilities are rounded to 2^-32, which
 * shows where they are small. */
static void every_state_has_its_boltzmann_weight(void **state)
{
    (void)state;
    static const struct {
        const char *model, *text, *lattice, *size;
        double beta;
    } rows[] = {
        { "ising", "disorder.kind=gaussian field=0.3", "hypercubic", "size=3,4 boundary=open",
          0.9 },
        { "ising", "", "hypercubic", "size=3,4", 0.5 },
        { "ising", "random_field.kind=pm1", "triangular", "size=3,3", 0.3 },
        { "ising", "disorder.kind=pm1", "hypercubic", "size=2,2,3", 0.4 },
        { "ising", "", "kagome", "size=2,2", 0.4 },
        { "ising", "", "complete", "size=9 weight=1/N", 0.7 },
        { "potts", "q=3 field=0.4", "hypercubic", "size=2,3", 0.6 },
        { "potts", "q=5", "hypercubic", "size=5 boundary=open", 1.0 },
        { "clock", "q=4", "honeycomb", "size=2,2", 0.6 },
        { "blume_capel", "D=0.7", "hypercubic", "size=3,2", 0.8 },
    };
    for (size_t r = 0; r < sizeof rows / sizeof *rows; r++) {
        kr_system system =
            system_alloc(rows[r].model, rows[r].text, rows[r].lattice, rows[r].size);
        subject s = make(&system, rows[r].beta);
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
        if (!(worst < 2e-7)) {
            fail_msg("%s %s on %s %s: log q is off by %g", rows[r].model, rows[r].text,
                     rows[r].lattice, rows[r].size, worst);
        }
        kr_free(x);
        kr_free(log_q);
        subject_free(&s);
        system_free(&system);
    }
}

/* Beyond enumeration: every draw gives log Z, which the recursion of model/strip.c gives too.
 */
static void a_wide_strip_gives_the_partition_function(void **state)
{
    (void)state;
    static const char *const size[] = { "size=12,15 boundary=open", "size=6,14" };
    for (int k = 0; k < 2; k++) {
        kr_error err = { 0 };
        kr_system system = system_alloc("ising", "disorder.kind=gaussian disorder.seed=7",
                                        "hypercubic", size[k]);
        subject s = make(&system, 1.1);
        kr_exact exact;
        kr_rng rng;
        double log_q[LANES];
        uint8_t *x = get_states(&s);
        assert_ok(kr_exact_strip(&s.target, &exact, &err), &err);
        kr_rng_seed(&rng, 3, 0, KR_PURPOSE_TEST);
        s.plug->sample_tail(s.self, 0, LANES, x, log_q, &rng, poisoned(&s));
        for (int32_t l = 0; l < LANES; l++) {
            double energy = kr_terms_energy(system.terms, x + l, LANES);
            assert_close(-1.1 * energy - log_q[l], exact.log_z, 1e-8);
        }
        kr_free(x);
        subject_free(&s);
        system_free(&system);
    }
}

static void prepare_moves_to_another_temperature(void **state)
{
    (void)state;
    kr_error err = { 0 };
    kr_system system = system_alloc("potts", "q=3", "hypercubic", "size=3,2");
    subject cold = make(&system, 1.0), moved = make(&system, 0.2);
    assert_ok(moved.plug->prepare(moved.self, 1.0, &err), &err);
    cold.n_states = moved.n_states = 729;
    double *a = evaluate_all(&cold, 0), *b = evaluate_all(&moved, 0);
    assert_memory_equal(a, b, 729 * sizeof *a);
    kr_free(b);
    kr_free(a);
    subject_free(&moved);
    subject_free(&cold);
    system_free(&system);
}

static void wide_lattices_are_refused_with_their_size(void **state)
{
    (void)state;
    kr_error err = { 0 };
    kr_system system = system_alloc("ising", "", "hypercubic", "size=40,40");
    kr_target target = system_target(&system, 0.4);
    assert_null(kr_density_transfer_matrix.alloc(&target, NULL, &err));
    assert_int_equal(err.status, KR_EUNSUP);
    assert_non_null(strstr(err.text, "bytes of tables"));
    system_free(&system);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_state_has_its_boltzmann_weight),
        cmocka_unit_test(a_wide_strip_gives_the_partition_function),
        cmocka_unit_test(prepare_moves_to_another_temperature),
        cmocka_unit_test(wide_lattices_are_refused_with_their_size),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
