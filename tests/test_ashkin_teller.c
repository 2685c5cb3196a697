/* SPDX-License-Identifier: GPL-3.0-or-later
 * tests/test_ashkin_teller.c - Ashkin-Teller model: its limits, duality, order parameters. */
#include "kr_system.h"
#include "model/exact.h"

static kr_exact enumerate(const char *model, const char *fields, const char *lattice,
                          const char *size, double beta)
{
    kr_error err = { 0 };
    kr_exact x;
    kr_system s = system_alloc(model, fields, lattice, size);
    kr_target target = system_target(&s, beta);
    assert_ok(kr_exact_enumerate(&target, &x, &err), &err);
    system_free(&s);
    return x;
}

static void without_k_it_is_two_ising_models(void **state)
{
    (void)state;
    kr_exact both = enumerate("ashkin_teller", "J=0.8", "hypercubic", "size=3,3", 0.5);
    kr_exact ising = enumerate("ising", "J=0.8", "hypercubic", "size=3,3", 0.5);
    assert_close(both.log_z, 2.0 * ising.log_z, 1e-13);
    assert_close(both.energy_per_site, 2.0 * ising.energy_per_site, 1e-12);
    assert_close(both.magnetization_squared, ising.magnetization_squared, 1e-12);
    both = enumerate("ashkin_teller", "J=0.8 field=0.3", "hypercubic", "size=3,3", 0.5);
    kr_exact biased = enumerate("ising", "J=0.8 field=0.3", "hypercubic", "size=3,3", 0.5);
    assert_close(both.log_z, ising.log_z + biased.log_z, 1e-13);
}

static void with_k_equal_j_it_is_the_four_state_potts_model(void **state)
{
    (void)state;
    const double beta = 0.3;
    kr_exact both = enumerate("ashkin_teller", "J=1 K=1", "hypercubic", "size=3,3", beta);
    kr_exact potts = enumerate("potts", "q=4 J=4", "hypercubic", "size=3,3", beta);
    assert_close(both.log_z, potts.log_z - beta * 18.0, 1e-13);
    assert_close(both.specific_heat, potts.specific_heat, 1e-12);
    kr_system s = system_alloc("ashkin_teller", "J=1 K=1", "hypercubic", "size=3,3");
    assert_true(s.terms->is_potts);
    system_free(&s);
}

/* With J = 0 only the products s t interact: Z = 2^N times an Ising model. */
static void without_j_the_products_are_ising_spins(void **state)
{
    (void)state;
    kr_exact both = enumerate("ashkin_teller", "J=0 K=1", "triangular", "size=3,3", 0.4);
    kr_exact ising = enumerate("ising", "J=1", "triangular", "size=3,3", 0.4);
    assert_close(both.log_z, 9.0 * log(2.0) + ising.log_z, 1e-13);
}

static void critical_points_lie_on_the_self_dual_line(void **state)
{
    (void)state;
    const double K[] = { 0.0, 1.0, 0.5 };
    int n = 0;
    for (const kr_fact *f = system_model("ashkin_teller")->facts; f->lattice; f++, n++) {
        assert_close(sinh(2.0 * f->value), exp(-2.0 * K[n] * f->value), 1e-14);
    }
    assert_int_equal(n, 3);
}

static void moments_tell_magnetization_from_polarization(void **state)
{
    (void)state;
    kr_system s = system_alloc("ashkin_teller", "J=1 K=2", "hypercubic", "size=4,4");
    const int64_t ordered[4] = { 0, 0, 0, 16 }, polarized[4] = { 8, 0, 0, 8 };
    assert_close(kr_terms_order(s.terms, ordered), 1.0, 1e-15);
    assert_close(kr_terms_moment(s.terms, 0, ordered), sqrt(0.5), 1e-15);
    assert_close(kr_terms_order(s.terms, polarized), 0.0, 1e-15);
    assert_close(kr_terms_moment(s.terms, 2, polarized), 1.0, 1e-15);
    assert_string_equal(s.terms->moment[2].name, "polarization");
    system_free(&s);
}

static void antiperiodic_boundaries_are_refused(void **state)
{
    (void)state;
    kr_error err = { 0 };
    kr_system s =
        system_try("ashkin_teller", "J=1", "hypercubic", "size=4 boundary=antiperiodic", &err);
    assert_null(s.terms);
    assert_int_equal(err.status, KR_EUNSUP);
    system_free(&s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(without_k_it_is_two_ising_models),
        cmocka_unit_test(with_k_equal_j_it_is_the_four_state_potts_model),
        cmocka_unit_test(without_j_the_products_are_ising_spins),
        cmocka_unit_test(critical_points_lie_on_the_self_dual_line),
        cmocka_unit_test(moments_tell_magnetization_from_polarization),
        cmocka_unit_test(antiperiodic_boundaries_are_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
