/* SPDX-License-Identifier: GPL-3.0-or-later
 * tests/physics_generators.c - the generator decides: Wolff on 16x16 at T_c against Kaufman.
 *
 * Built twice. With the program's generator energy and specific heat must agree with the exact
 * values; with R250 in its place (tests/rng_r250.c, KR_GENERATOR_IS_BAD) the very same
 * comparison must reject by more than five standard errors (Ferrenberg, Landau, Wong, Phys.
 * Rev. Lett. 69, 3382 (1992): the textbook loop, last in first out). */
#include "kr_test.h"

#include "base/rng.h"
#include "model/exact.h"
#include "stats/stats.h"
#include "study/textbook.h"
#include "tiny.h"

enum { L = 16, N = L * L, DRAWS = 1000000, BIN = 2000 };
static const double beta_c = 0.44068679350977151;

static double heat_of(const double *mean, const void *context)
{
    (void)context;
    return beta_c * beta_c * N * (mean[1] - mean[0] * mean[0]);
}

static double energy_of(const double *mean, const void *context)
{
    (void)context;
    return mean[0];
}

/* Energy per site and its square after each of DRAWS clusters, in the means of BIN clusters. */
static void run_wolff(double *energy, double *square)
{
    static uint8_t state[N];
    static int32_t neighbor[4 * N], stack[N], list[N];
    const int32_t extent[] = { L, L };
    kr_rng rng;
    kr_rng_seed(&rng, 4, 0, KR_PURPOSE_TEST);
    kr_textbook_neighbors(2, extent, neighbor);
    for (int64_t k = -BIN; k < DRAWS; k++) {
        kr_textbook_wolff(N, 4, neighbor, 2, -expm1(-2.0 * beta_c), NULL, state, stack, list,
                          &rng);
        if (k < 0) {
            continue;
        }
        int32_t unequal = 0;
        for (int32_t i = 0; i < N; i++) {
            unequal +=
                (state[i] ^ state[neighbor[4 * i]]) + (state[i] ^ state[neighbor[4 * i + 1]]);
        }
        double e = -2.0 + 2.0 * unequal / N;
        energy[k / BIN] += e / BIN;
        square[k / BIN] += e * e / BIN;
    }
}

static void wolff_agrees_with_kaufman_unless_the_generator_is_bad(void **unused)
{
    (void)unused;
    kr_error err = { 0 };
    tiny system = { 0 };
    void *size = tiny_params("hypercubic", tiny_lattice("hypercubic")->fields,
                             tiny_lattice("hypercubic")->params_size, "{size: [16, 16]}", &err);
    void *model = tiny_params("ising", tiny_model("ising")->fields,
                              tiny_model("ising")->params_size, "{}", &err);
    system.lattice = kr_lattice_alloc(tiny_lattice("hypercubic"), size, &err);
    system.terms = kr_terms_alloc(tiny_model("ising"), model, system.lattice, &err);
    kr_target target = { .lattice = system.lattice, .terms = system.terms, .beta = beta_c };
    kr_exact exact;
    assert_ok(kr_exact_kaufman(&target, &exact, &err), &err);

    double *energy = calloc(DRAWS / BIN, sizeof *energy), e, e_error, heat, heat_error;
    double *square = calloc(DRAWS / BIN, sizeof *square);
    run_wolff(energy, square);
    const double *column[] = { energy, square };
    assert_ok(kr_jackknife(column, 2, 1, DRAWS / BIN, 4, energy_of, NULL, &e, &e_error, &err),
              &err);
    assert_ok(
        kr_jackknife(column, 2, 1, DRAWS / BIN, 4, heat_of, NULL, &heat, &heat_error, &err),
        &err);
    double z_energy = (e - exact.energy_per_site) / e_error;
    double z_heat = (heat - exact.specific_heat) / heat_error;
    print_message("# e %.6f(%.6f) z %+.2f, C %.5f(%.5f) z %+.2f\n", e, e_error, z_energy, heat,
                  heat_error, z_heat);
    assert_true(e_error < 6e-4 && heat_error < 5e-3);
    double worst = fmax(fabs(z_energy), fabs(z_heat));
#ifdef KR_GENERATOR_IS_BAD
    assert_true(worst > 5.0);
#else
    assert_true(worst < kr_z_limit(2));
#endif
    free(size);
    free(model);
    free(energy);
    free(square);
    kr_terms_free(system.terms);
    kr_lattice_free(system.lattice);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(wolff_agrees_with_kaufman_unless_the_generator_is_bad),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
