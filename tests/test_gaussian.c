/* SPDX-License-Identifier: GPL-3.0-or-later
 * tests/test_gaussian.c - the Gaussian that flows begin with. */
#include "kr_real_subject.h"

#include "density/flow_modes.h"

static real_subject subject_of(const char *model, const char *lattice, const char *size,
                               double beta)
{
    real_subject s = { .beta = beta };
    const kr_density_plug *const *plug = kr_registry_densities;
    while (strcmp((*plug)->name, "gaussian") != 0) {
        plug++;
    }
    s.system = system_alloc("phi4", model, lattice, size);
    snprintf(s.label, sizeof s.label, "%s on %s %s", model, lattice, size);
    assert_true(real_subject_make(&s, *plug));
    return s;
}

/* log q + beta S of samples under fresh weights: -log Z where the action is quadratic. */
static void check_free_energy(real_subject *s, double log_Z)
{
    double *phi = get(s->n * LANES, sizeof *phi), log_q[LANES], energy[LANES];
    const kr_action *action = s->system.terms->action;
    draw(s, 1, LANES, phi, log_q);
    action->energy(action->self, LANES, phi, LANES, energy);
    for (int l = 0; l < LANES; l++) {
        require(s, fabs(-log_q[l] - s->beta * energy[l] - log_Z) < 1e-11 * fmax(1.0, log_Z),
                "log Z of lane %d is %.15g, want %.15g", l, -log_q[l] - s->beta * energy[l],
                log_Z);
    }
    kr_free(phi);
}

static void free_field_is_drawn_exactly(void **state)
{
    (void)state;
    static const struct { /* phi4_free_field.csv */
        const char *model, *size;
        double log_Z;
    } rows[] = { { "m2=0.1", "size=2,2", 0.98383331363646 },
                 { "m2=0.5", "size=3,3", -0.75127221419164 },
                 { "m2=1", "size=6,6", -6.5309938861717 },
                 { "m2=0.1", "size=8,8", -2.2555433393045 } };
    for (size_t k = 0; k < sizeof rows / sizeof *rows; k++) {
        real_subject s = subject_of(rows[k].model, "hypercubic", rows[k].size, 1.0);
        check_free_energy(&s, rows[k].log_Z);
        real_subject_clear(&s);
    }
}

/* Weights that differ from sample to sample would not be those of a Gaussian action. */
static void quadratic_actions_of_all_lattices_are_drawn_exactly(void **state)
{
    (void)state;
    static const char *const on[][3] = {
        { "m2=1 field=0.5", "hypercubic", "size=5 boundary=open" },
        { "m2=0.5 field=-0.25 ends=zero", "hypercubic", "size=4,3 boundary=open,periodic" },
        { "m2=0.25", "hypercubic", "size=4,6 boundary=antiperiodic,periodic" },
        { "m2=2 field=1", "triangular", "size=4,4" },
        { "m2=1 field=0.5", "hypercubic", "size=3,4,5" },
    };
    for (size_t k = 0; k < sizeof on / sizeof *on; k++) {
        real_subject s = subject_of(on[k][0], on[k][1], on[k][2], 0.7);
        double *phi = get(s.n * LANES, sizeof *phi), log_q[LANES], energy[LANES];
        const kr_action *action = s.system.terms->action;
        float *w = s.plug->weights(s.density.self);
        /* with ends the mean differs from site to site, which the weights can do: only the
         * widths are tested there */
        const bool is_uniform = k >= 2 || k == 0;
        draw(&s, 1, LANES, phi, log_q);
        action->energy(action->self, LANES, phi, LANES, energy);
        const double first = -log_q[0] - 0.7 * energy[0];
        for (int l = 1; is_uniform && l < LANES; l++) {
            require(&s, fabs(-log_q[l] - 0.7 * energy[l] - first) < 1e-11,
                    "log weight %.15g of lane %d, %.15g of lane 0", -log_q[l] - 0.7 * energy[l],
                    l, first);
        }
        require(&s, w[0] == 0.0f, "weight 0 is %g", (double)w[0]);
        kr_free(phi);
        real_subject_clear(&s);
    }
}

/* The mass solves delta = 6 lambda <phi^2>, widths and square being those of the modes. */
static void mass_is_self_consistent(void **state)
{
    (void)state;
    kr_system s = system_alloc("phi4", "m2=-4 lambda=6.975", "hypercubic", "size=6,6");
    const kr_target target = system_target(&s, 1.0);
    kr_flow_modes modes;
    kr_error err = { 0 };
    double square = 0.0;
    assert_ok(kr_flow_modes_init(&modes, &target, &err), &err);
    assert_true(modes.is_separable && modes.is_even);
    assert_int_equal(modes.n_orbits, 10); /* pairs of 0..3 */
    for (int k = 0; k < 36; k++) {
        square += modes.sigma[k] * modes.sigma[k] / 36.0;
    }
    assert_close(modes.spread * modes.spread, square, 1e-12);
    assert_close(0.5 / (modes.sigma[0] * modes.sigma[0]) + 4.0, 6.0 * 6.975 * square, 1e-9);
    kr_flow_modes_clear(&modes);
    system_free(&s);
}

static void discrete_models_are_refused_with_a_reason(void **state)
{
    (void)state;
    kr_system s = system_alloc("ising", "", "hypercubic", "size=2,2");
    const kr_target target = system_target(&s, 1.0);
    kr_error err = { 0 };
    const kr_density_plug *const *plug = kr_registry_densities;
    while (strcmp((*plug)->name, "gaussian") != 0) {
        plug++;
    }
    assert_false((*plug)->supports(&target, NULL, &err));
    assert_non_null(strstr(err.text, "discrete states"));
    system_free(&s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(free_field_is_drawn_exactly),
        cmocka_unit_test(quadratic_actions_of_all_lattices_are_drawn_exactly),
        cmocka_unit_test(mass_is_self_consistent),
        cmocka_unit_test(discrete_models_are_refused_with_a_reason),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
