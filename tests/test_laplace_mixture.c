/* SPDX-License-Identifier: GPL-3.0-or-later
 * tests/test_laplace_mixture.c - shares and skirts of the Gaussians in the wells of an action.
 * What all densities of real numbers owe is in tests/conformance_flows.c. */
#include "kr_real_subject.h"

#include "density/flow_wells.h"

static real_subject subject_of(const char *model, const char *size, double beta,
                               kr_wells_shape shape)
{
    real_subject s = { .beta = beta };
    const kr_density_plug *const *plug = kr_registry_densities;
    while (strcmp((*plug)->name, "laplace_mixture") != 0) {
        plug++;
    }
    memcpy(s.params, &shape, sizeof shape);
    s.system = system_alloc("phi4", model, "hypercubic", size);
    snprintf(s.label, sizeof s.label, "%s on %s", model, size);
    assert_true(real_subject_make(&s, *plug));
    prepare(&s);
    return s;
}

static void without_a_skirt_quadratic_actions_are_drawn_exactly(void **state)
{
    (void)state;
    real_subject s = subject_of("m2=1 field=0.5", "size=5 boundary=open", 0.7,
                                (kr_wells_shape){ .modes = 0, .share = 0.3, .factor = 2.0 });
    double *phi = get(s.n * LANES, sizeof *phi), log_q[LANES], energy[LANES];
    draw(&s, 1, LANES, phi, log_q);
    s.system.terms->action->energy(s.system.terms->action->self, LANES, phi, LANES, energy);
    for (int l = 1; l < LANES; l++) { /* second derivatives are by differences */
        require(&s, fabs(log_q[l] + 0.7 * energy[l] - log_q[0] - 0.7 * energy[0]) < 1e-6,
                "log weights of lanes 0 and %d differ by %g", l,
                log_q[l] + 0.7 * energy[l] - log_q[0] - 0.7 * energy[0]);
    }
    kr_free(phi);
    real_subject_clear(&s);
}

/* Ring of 4, action sum (D phi)^2 + phi^2: of the modes 1, (1 0 -1 0), (0 1 0 -1), (1 -1 1 -1)
 * only the first is softer than the next one. */
static void a_share_is_wider_along_the_softest_mode_alone(void **state)
{
    (void)state;
    enum { DRAWS = 1024 };
    const double beta = 0.7, share = 0.3, factor = 3.0, n_all = (double)DRAWS * LANES;
    static const double sign[2][4] = { { 1, 1, 1, 1 }, { 1, -1, 1, -1 } };
    real_subject s = subject_of(
        "m2=1", "size=4", beta,
        (kr_wells_shape){ .modes = 2, .share = share, .factor = factor, .even = 0.1 });
    double *phi = get(s.n * LANES, sizeof *phi), log_q[LANES], square[2] = { 0.0, 0.0 };
    for (uint64_t k = 0; k < DRAWS; k++) {
        draw(&s, k, LANES, phi, log_q);
        for (int m = 0; m < 2; m++) {
            for (size_t l = 0; l < LANES; l++) {
                double along = 0.0;
                for (size_t i = 0; i < 4; i++) {
                    along += 0.5 * sign[m][i] * phi[i * LANES + l];
                }
                square[m] += along * along / n_all;
            }
        }
    }
    const double wide = 1.0 + share * (factor * factor - 1.0),
                 fourth = 3.0 * (1.0 + share * (pow(factor, 4.0) - 1.0)),
                 error = sqrt((fourth - wide * wide) / n_all);
    require(&s, fabs(square[0] * 2.0 * beta - wide) < 4.5 * error,
            "variance of the mean is %g of the Gaussian's, want %g(%g)", square[0] * 2.0 * beta,
            wide, error);
    require(&s, fabs(square[1] * 10.0 * beta - 1.0) < 4.5 * sqrt(2.0 / n_all),
            "variance of the staggered mean is %g of the Gaussian's, want 1(%g)",
            square[1] * 10.0 * beta, sqrt(2.0 / n_all));
    kr_free(phi);
    real_subject_clear(&s);
}

static void log_q_is_that_of_a_shifted_field(void **state)
{
    (void)state;
    for (int64_t modes = 1; modes <= 4; modes++) {
        real_subject s = subject_of(
            "m2=1 lambda=1", "size=4,4", 1.0,
            (kr_wells_shape){ .modes = modes, .share = 0.5, .factor = 3.0, .even = 0.1 });
        double *phi = get(s.n * LANES, sizeof *phi), *moved = get(s.n * LANES, sizeof *phi);
        double log_q[LANES], there[LANES];
        draw(&s, 1, LANES, phi, log_q);
        for (size_t i = 0; i < 16; i++) {
            memcpy(moved + ((i + 4) % 16 / 4 * 4 + (i + 1) % 4) * LANES, phi + i * LANES,
                   LANES * sizeof *phi);
        }
        kr_density_log_q(&s.density, LANES, moved, there, poisoned(&s));
        for (int l = 0; l < LANES; l++) {
            require(&s, fabs(there[l] - log_q[l]) < 1e-6, "%d modes: ln q %.12g, shifted %.12g",
                    (int)modes, log_q[l], there[l]);
        }
        kr_free(moved);
        kr_free(phi);
        real_subject_clear(&s);
    }
}

/* The well above zero has a weight of 1.7e-7. */
static void a_share_is_dealt_out_evenly_over_the_wells(void **state)
{
    (void)state;
    enum { DRAWS = 128 };
    const double even = 0.4, n_all = (double)DRAWS * LANES;
    double n_light = 0.0;
    real_subject s =
        subject_of("convention=pnas a=0.1 b=0.05 ends=zero", "size=100 boundary=open", 20.0,
                   (kr_wells_shape){ .modes = 3, .share = 0.3, .factor = 1.5, .even = even });
    double *phi = get(s.n * LANES, sizeof *phi), log_q[LANES];
    for (uint64_t k = 0; k < DRAWS; k++) {
        draw(&s, k, LANES, phi, log_q);
        for (size_t l = 0; l < LANES; l++) {
            n_light += phi[50 * LANES + l] > 0.0;
        }
    }
    const double error = sqrt(0.5 * even * (1.0 - 0.5 * even) / n_all);
    require(&s, fabs(n_light / n_all - 0.5 * even) < 4.5 * error,
            "%g of the samples are in the light well, want %g(%g)", n_light / n_all, 0.5 * even,
            error);
    kr_free(phi);
    real_subject_clear(&s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(without_a_skirt_quadratic_actions_are_drawn_exactly),
        cmocka_unit_test(a_share_is_wider_along_the_softest_mode_alone),
        cmocka_unit_test(log_q_is_that_of_a_shifted_field),
        cmocka_unit_test(a_share_is_dealt_out_evenly_over_the_wells),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
