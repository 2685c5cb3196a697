/* SPDX-License-Identifier: GPL-3.0-or-later
 * tests/test_trajectory.c - integrators: reversible, of unit Jacobian, of second order; the
 * same bits on every instruction set. */
#include "tiny.h"

#include "base/isa.h"
#include "update/trajectory.h"

enum { N = 3 };

static kr_terms *chain(kr_lattice **lattice)
{
    kr_error err = { 0 };
    void *box = tiny_params("lattice", tiny_lattice("hypercubic")->fields,
                            tiny_lattice("hypercubic")->params_size, "{size: 3}", &err);
    void *model =
        tiny_params("model", tiny_model("phi4")->fields, tiny_model("phi4")->params_size,
                    "{m2: -1.5, lambda: 0.8, field: 0.2}", &err);
    *lattice = kr_lattice_alloc(tiny_lattice("hypercubic"), box, &err);
    kr_terms *terms = kr_terms_alloc(tiny_model("phi4"), model, *lattice, &err);
    if (!terms) {
        fail_msg("%s", err.text);
    }
    free(box);
    free(model);
    return terms;
}

static _Alignas(64) double work[2][N * KR_LANES_PAD];

static void fill(double *phi, double *pi)
{
    for (int i = 0; i < N; i++) {
        for (int l = 0; l < KR_LANES_PAD; l++) {
            phi[i * KR_LANES_PAD + l] = sin(1.0 + i + 0.37 * l);
            pi[i * KR_LANES_PAD + l] = cos(2.0 * i - 0.81 * l);
        }
    }
}

/* Which variables: phi itself, the modes of a Gaussian, or phi in units of a scale. */
static kr_flow_modes modes;
static const double scales[N] = { 0.7, 1.0, 1.3 };
static bool is_diagonal;

static kr_trajectory trajectory_of(const kr_terms *terms, int32_t integrator, int64_t steps)
{
    return (kr_trajectory){ .modes = modes.n_sites > 0 ? &modes : NULL,
                            .sigma = is_diagonal ? scales : NULL,
                            .transform = kr_flow_kernels_of(KR_ISA_BEST),
                            .action = terms->action,
                            .kernels = kr_real_kernels_of(KR_ISA_BEST),
                            .beta = 0.9,
                            .steps = steps,
                            .integrator = integrator };
}

static void choose_modes(const char *mass, const kr_terms *terms, const kr_lattice *lattice)
{
    kr_error err = { 0 };
    kr_target target = { lattice, terms, 0.9 };
    kr_flow_modes_clear(&modes);
    memset(&modes, 0, sizeof modes);
    is_diagonal = strcmp(mass, "diagonal") == 0;
    if (strcmp(mass, "fourier") == 0) {
        assert_ok(kr_flow_modes_init(&modes, &target, &err), &err);
        assert_ok(kr_flow_modes_prepare(&modes, 0.9, &err), &err);
    }
}

static void going_back_arrives_where_it_began(void **state)
{
    kr_lattice *lattice;
    kr_terms *terms = chain(&lattice);
    choose_modes(*state, terms, lattice);
    for (int32_t integrator = KR_LEAPFROG; integrator <= KR_OMELYAN; integrator++) {
        _Alignas(64) double phi[N * KR_LANES_PAD], pi[N * KR_LANES_PAD];
        _Alignas(64) double phi0[N * KR_LANES_PAD], pi0[N * KR_LANES_PAD];
        const kr_trajectory t = trajectory_of(terms, integrator, 25);
        fill(phi, pi);
        fill(phi0, pi0);
        kr_trajectory_run(&t, &(kr_phase_space){ phi, pi, work[0], work[1] }, 0.11);
        double far = 0.0;
        for (int k = 0; k < N * KR_LANES_PAD; k++) {
            far = fmax(far, fabs(phi[k] - phi0[k]));
            pi[k] = -pi[k];
        }
        assert_true(far > 0.5);
        kr_trajectory_run(&t, &(kr_phase_space){ phi, pi, work[0], work[1] }, 0.11);
        for (int k = 0; k < N * KR_LANES_PAD; k++) {
            assert_close(phi[k], phi0[k], 1e-12);
            assert_close(-pi[k], pi0[k], 1e-12);
        }
    }
    kr_terms_free(terms);
    kr_lattice_free(lattice);
}

/* Determinant by elimination with pivots. */
static double determinant(double *a, int n)
{
    double d = 1.0;
    for (int c = 0; c < n; c++) {
        int p = c;
        for (int r = c; r < n; r++) {
            p = fabs(a[r * n + c]) > fabs(a[p * n + c]) ? r : p;
        }
        for (int k = 0; p != c && k < n; k++) {
            const double kept = a[c * n + k];
            a[c * n + k] = a[p * n + k];
            a[p * n + k] = kept;
        }
        d *= p == c ? a[c * n + c] : -a[c * n + c];
        for (int r = c + 1; r < n; r++) {
            const double f = a[r * n + c] / a[c * n + c];
            for (int k = c; k < n; k++) {
                a[r * n + k] -= f * a[c * n + k];
            }
        }
    }
    return d;
}

static void volume_in_phase_space_is_kept(void **state)
{
    kr_lattice *lattice;
    kr_terms *terms = chain(&lattice);
    const double h = 1e-5;
    choose_modes(*state, terms, lattice);
    for (int32_t integrator = KR_LEAPFROG; integrator <= KR_OMELYAN; integrator++) {
        const kr_trajectory t = trajectory_of(terms, integrator, 6);
        double jacobian[4 * N * N];
        for (int column = 0; column < 2 * N; column++) { /* lanes 0 and 1: -h and +h */
            _Alignas(64) double x[2][N * KR_LANES_PAD];
            fill(x[0], x[1]);
            for (int k = 0; k < 2 * N; k++) {
                double *lane = x[k / N] + (k % N) * KR_LANES_PAD;
                lane[1] = lane[0];
                lane[0] -= k == column ? h : 0.0;
                lane[1] += k == column ? h : 0.0;
            }
            kr_trajectory_run(&t, &(kr_phase_space){ x[0], x[1], work[0], work[1] }, 0.2);
            for (int k = 0; k < 2 * N; k++) {
                const double *lane = x[k / N] + (k % N) * KR_LANES_PAD;
                jacobian[k * 2 * N + column] = (lane[1] - lane[0]) / (2.0 * h);
            }
        }
        assert_close(determinant(jacobian, 2 * N), 1.0, 1e-7);
    }
    kr_terms_free(terms);
    kr_lattice_free(lattice);
}

static double energy_error(const kr_terms *terms, int32_t integrator, int64_t steps)
{
    _Alignas(64) double phi[N * KR_LANES_PAD], pi[N * KR_LANES_PAD];
    double kinetic[2][KR_LANES_PAD], action[2][KR_LANES_PAD], sum = 0.0;
    const kr_trajectory t = trajectory_of(terms, integrator, steps);
    fill(phi, pi);
    for (int when = 0; when < 2; when++) {
        t.kernels->half_square(N, pi, kinetic[when]);
        terms->action->energy(terms->action->self, KR_LANES_PAD, phi, KR_LANES_PAD,
                              action[when]);
        if (when == 0) {
            kr_trajectory_run(&t, &(kr_phase_space){ phi, pi, work[0], work[1] },
                              1.0 / (double)steps);
        }
    }
    for (int l = 0; l < KR_LANES_PAD; l++) {
        const double off =
            kinetic[1][l] - kinetic[0][l] + t.beta * (action[1][l] - action[0][l]);
        sum += off * off;
    }
    return sqrt(sum / KR_LANES_PAD);
}

static void errors_of_energy_fall_with_the_square_of_the_step(void **state)
{
    kr_lattice *lattice;
    kr_terms *terms = chain(&lattice);
    choose_modes(*state, terms, lattice);
    for (int32_t integrator = KR_LEAPFROG; integrator <= KR_OMELYAN; integrator++) {
        const double ratio =
            energy_error(terms, integrator, 20) / energy_error(terms, integrator, 40);
        assert_close(ratio, 4.0, 0.1);
    }
    assert_true(energy_error(terms, KR_OMELYAN, 20) <
                0.5 * energy_error(terms, KR_LEAPFROG, 40)); /* at equal cost */
    kr_terms_free(terms);
    kr_lattice_free(lattice);
}

static void instruction_sets_agree_to_the_bit(void **state)
{
    kr_lattice *lattice;
    kr_terms *terms = chain(&lattice);
    choose_modes(*state, terms, lattice);
    _Alignas(64) double phi[2][N * KR_LANES_PAD], pi[2][N * KR_LANES_PAD];
    int n = 0;
    for (int isa = KR_ISA_PORTABLE; isa <= KR_ISA_AVX512; isa++) {
        if (!kr_isa_runs((kr_isa)isa)) {
            continue;
        }
        kr_trajectory t = trajectory_of(terms, KR_OMELYAN, 9);
        t.kernels = kr_real_kernels_of((kr_isa)isa);
        t.transform = kr_flow_kernels_of((kr_isa)isa);
        fill(phi[n > 0], pi[n > 0]);
        kr_trajectory_run(&t, &(kr_phase_space){ phi[n > 0], pi[n > 0], work[0], work[1] },
                          0.13);
        assert_memory_equal(phi[0], phi[n > 0], sizeof phi[0]);
        assert_memory_equal(pi[0], pi[n > 0], sizeof pi[0]);
        n++;
    }
    kr_terms_free(terms);
    kr_lattice_free(lattice);
}

int main(void)
{
    static char unit[] = "unit", fourier[] = "fourier", diagonal[] = "diagonal";
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_prestate(going_back_arrives_where_it_began, unit),
        cmocka_unit_test_prestate(going_back_arrives_where_it_began, fourier),
        cmocka_unit_test_prestate(going_back_arrives_where_it_began, diagonal),
        cmocka_unit_test_prestate(volume_in_phase_space_is_kept, unit),
        cmocka_unit_test_prestate(volume_in_phase_space_is_kept, fourier),
        cmocka_unit_test_prestate(volume_in_phase_space_is_kept, diagonal),
        cmocka_unit_test_prestate(errors_of_energy_fall_with_the_square_of_the_step, unit),
        cmocka_unit_test_prestate(errors_of_energy_fall_with_the_square_of_the_step, fourier),
        cmocka_unit_test_prestate(errors_of_energy_fall_with_the_square_of_the_step, diagonal),
        cmocka_unit_test_prestate(instruction_sets_agree_to_the_bit, unit),
        cmocka_unit_test_prestate(instruction_sets_agree_to_the_bit, fourier),
        cmocka_unit_test_prestate(instruction_sets_agree_to_the_bit, diagonal),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
