/* SPDX-License-Identifier: GPL-3.0-or-later
 * tests/test_phi4.c - conventions of phi^4 theory: each is the canonical action of another
 * field up to a constant, as the model says; what is refused. */
#include "kr_system.h"
#include "kr_test.h"

#include "model/action.h"

static double field(int i, int c)
{
    return sin(1.7 * i + 0.9 * c) + 0.3 * cos(0.4 * i * (c + 1));
}

static double energy_of(const kr_terms *terms, int c, double scale)
{
    double phi[64 * KR_LANES_PAD] = { 0.0 }, energy;
    assert_true(terms->n_sites <= 64);
    for (int i = 0; i < terms->n_sites; i++) {
        phi[i * KR_LANES_PAD] = field(i, c) / scale;
    }
    terms->action->energy(terms->action->self, 1, phi, KR_LANES_PAD, &energy);
    return energy;
}

static const struct {
    const char *model, *lattice;
    double beta;
} rows[] = {
    { "convention=canonical m2=-4 lambda=6.975 field=0.2", "size=4,4", 1.3 },
    { "convention=half m2=-4 lambda=8", "size=4,4", 1.0 },
    { "convention=kappa kappa=0.2705 lambda=0.022 field=0.1", "size=4,4", 1.0 },
    { "convention=kappa kappa=0.2705 lambda=0.022", "size=4,4,4", 0.7 },
    { "convention=normflow kappa=0.67 m2=-2.68 lambda=0.5", "size=4,4", 1.0 },
    { "convention=schaich m2=-0.72 lambda=0.5", "size=4,4", 1.0 },
    { "convention=pnas a=0.1 b=0.02 ends=zero", "size=10 boundary=open", 20.0 },
};

static void every_convention_is_the_canonical_action_of_another_field(void **state)
{
    (void)state;
    for (size_t r = 0; r < sizeof rows / sizeof *rows; r++) {
        kr_system s = system_alloc("phi4", rows[r].model, "hypercubic", rows[r].lattice);
        char text[KR_TEXT_MAX];
        double m2, lambda, h, scale, shift, constant = 0.0;
        system_model("phi4")->describe(s.model_params, s.lattice, rows[r].beta, text);
        if (sscanf(text,
                   "canonical form: m2 = %lf, lambda = %lf, h = %lf of psi = phi/%lf; log Z = "
                   "canonical log Z %lf",
                   &m2, &lambda, &h, &scale, &shift) != 5) {
            fail_msg("%s", text);
        }
        char canonical[256];
        snprintf(canonical, sizeof canonical, "m2=%.17g lambda=%.17g field=%.17g%s", m2, lambda,
                 h, strstr(rows[r].model, "ends=zero") ? " ends=zero" : "");
        kr_system t = system_alloc("phi4", canonical, "hypercubic", rows[r].lattice);
        for (int c = 0; c < 5; c++) {
            const double off =
                rows[r].beta * energy_of(s.terms, c, 1.0) - energy_of(t.terms, c, scale);
            constant = c == 0 ? off : constant;
            assert_close(off, constant, 1e-7); /* ten digits of the text */
        }
        assert_close(s.terms->n_sites * log(scale) - constant, shift, 1e-7);
        system_free(&t);
        system_free(&s);
    }
}

/* By hand: two sites, one bond and two ends. */
static void ends_and_bonds_cost_what_they_should(void **state)
{
    (void)state;
    const double x = field(0, 0), y = field(1, 0);
    const double local = x * x + 2.0 * x * x * x * x + y * y + 2.0 * y * y * y * y;
    kr_system s =
        system_alloc("phi4", "m2=1 lambda=2 field=0.5", "hypercubic", "size=2 boundary=open");
    assert_close(energy_of(s.terms, 0, 1.0), local + (x - y) * (x - y) - 0.5 * (x + y), 1e-13);
    system_free(&s);
    s = system_alloc("phi4", "m2=1 lambda=2 ends=zero", "hypercubic", "size=2 boundary=open");
    assert_close(energy_of(s.terms, 0, 1.0), local + (x - y) * (x - y) + x * x + y * y, 1e-13);
    system_free(&s);
    s = system_alloc("phi4", "m2=1 lambda=2", "hypercubic", "size=2"); /* two bonds */
    assert_close(energy_of(s.terms, 0, 1.0), local + 2.0 * (x - y) * (x - y), 1e-13);
    assert_true(s.terms->action->quartic->neighbor_begin[2] == 2);
    system_free(&s);
    s = system_alloc("phi4", "m2=1 lambda=2", "hypercubic", "size=2 boundary=antiperiodic");
    assert_close(energy_of(s.terms, 0, 1.0), local + (x - y) * (x - y) + (x + y) * (x + y),
                 1e-13);
    system_free(&s);
}

static void actions_without_a_law_are_refused(void **state)
{
    (void)state;
    static const struct {
        const char *model, *says;
    } bad[] = {
        { "lambda=-1", "unbounded below" },
        { "m2=-1 lambda=0", "unbounded below" },
        { "m2=0 lambda=0", "unbounded below" },
        { "convention=kappa kappa=0.3 lambda=1 m2=1", "does not read it" },
        { "convention=pnas lambda=1 a=0.1", "does not read it" },
        { "convention=pnas", "want the lattice spacing" },
        { "convention=normflow kappa=-1 lambda=1", "kappa = -1" },
        { "a=0.1 lambda=1", "does not read it" },
    };
    for (size_t k = 0; k < sizeof bad / sizeof *bad; k++) {
        kr_error err = { 0 };
        kr_system s =
            system_try("phi4", bad[k].model, "hypercubic", "size=4 boundary=open", &err);
        if (s.terms || !strstr(err.text, bad[k].says)) {
            fail_msg("%s: %s", bad[k].model, s.terms ? "taken" : err.text);
        }
        kr_lattice_free(s.lattice);
    }
}

static void wells_are_where_the_potential_is_lowest(void **state)
{
    (void)state;
    kr_system s = system_alloc("phi4", "m2=-2 lambda=0.5", "hypercubic", "size=4,4");
    assert_int_equal(s.terms->n_phases, 2);
    assert_close(s.terms->phase[1].start_value, sqrt(2.0), 1e-14);
    assert_close(s.terms->phase[0].start_value, -sqrt(2.0), 1e-14);
    system_free(&s);
    s = system_alloc("phi4", "m2=1 lambda=0.5", "hypercubic", "size=4,4");
    assert_int_equal(s.terms->n_phases, 0);
    system_free(&s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_convention_is_the_canonical_action_of_another_field),
        cmocka_unit_test(ends_and_bonds_cost_what_they_should),
        cmocka_unit_test(actions_without_a_law_are_refused),
        cmocka_unit_test(wells_are_where_the_potential_is_lowest),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
