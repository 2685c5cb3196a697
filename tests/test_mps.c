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

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(large_matrices_give_every_state_its_boltzmann_weight),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
