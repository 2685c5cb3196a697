/* SPDX-License-Identifier: GPL-3.0-or-later
 * tests/test_terms_build.c - building a Hamiltonian: bonds, fields, phases, refusals. */
#include "kr_system.h"
#include "model/terms.h"

/* Empty terms, which the test fills and finishes. */
static kr_terms *empty(int32_t n_sites, int32_t q)
{
    kr_error err = { 0 };
    kr_terms *terms = kr_terms_alloc_empty(n_sites, q, &err);
    assert_non_null(terms);
    return terms;
}

static int32_t add_table(kr_terms *terms, int arity, const double *energy)
{
    kr_error err = { 0 };
    int32_t index = -1;
    assert_ok(kr_terms_add_table(terms, arity, energy, &index, &err), &err);
    return index;
}

static void invalid_terms_are_refused(void **state)
{
    (void)state;
    kr_error err = { 0 };
    kr_terms *terms = empty(3, 2);
    const double V[] = { -1, 1, 1, -1 }, bad[] = { NAN, 0, 0, 0 };
    int32_t p = add_table(terms, 2, V), index;
    const int32_t same[] = { 1, 1 }, outside[] = { 1, 3 }, good[] = { 1, 2 };
    assert_int_equal(kr_terms_add(terms, p, same, 1, &err), KR_ERANGE);
    assert_int_equal(kr_terms_add(terms, p, outside, 1, &err), KR_ERANGE);
    assert_int_equal(kr_terms_add(terms, p + 1, good, 1, &err), KR_ERANGE);
    assert_int_equal(kr_terms_add(terms, p, good, INFINITY, &err), KR_ERANGE);
    assert_int_equal(kr_terms_add_table(terms, 2, bad, &index, &err), KR_ERANGE);
    assert_int_equal(kr_terms_add_table(terms, 9, V, &index, &err), KR_ERANGE);
    assert_int_equal(kr_terms_add_phase(terms, "p", 1, 0, 0, &err), KR_ERANGE);
    assert_int_equal(kr_terms_add_phase(terms, "p", 0, 1, 2, &err), KR_ERANGE);
    assert_int_equal(terms->n_terms, 0);
    kr_terms_free(terms);
    assert_null(kr_terms_alloc_empty(3, 257, &err));
    assert_null(kr_terms_alloc_empty(0, 2, &err));
    assert_string_equal(err.text, "term: site 1, want different sites of 0..2");
}

static void bonds_carry_the_signs_of_the_lattice(void **state)
{
    (void)state;
    kr_error err = { 0 };
    kr_lattice *ring = system_lattice("hypercubic", "size=4 boundary=antiperiodic", &err);
    kr_terms *terms = empty(4, 2);
    const double V[] = { -1, 1, 1, -1 }, J[] = { 1, 2, 3, 4 }, uneven[] = { 0, 1, 2, 0 };
    assert_ok(kr_terms_add_bonds(terms, ring, V, 0.5, NULL, &err), &err);
    assert_ok(kr_terms_add_bonds(terms, ring, V, 0.5, J, &err), &err);
    const double want[] = { 0.5, 0.5, 0.5, -0.5, 1, 2, 3, -4 };
    assert_int_equal(terms->n_terms, 8);
    assert_memory_equal(terms->coupling, want, sizeof want);
    assert_memory_equal(terms->term_site + 8, ring->bond, 8 * sizeof *ring->bond);
    assert_int_equal(kr_terms_add_bonds(terms, ring, uneven, 1, NULL, &err), KR_EINVAL);
    kr_terms_free(terms);
    kr_lattice_free(ring);
}

static void fields_add_to_the_site_energies(void **state)
{
    (void)state;
    kr_error err = { 0 };
    kr_lattice *ring = system_lattice("hypercubic", "size=5", &err);
    kr_terms *terms = empty(5, 3);
    kr_disorder pm1 = { .kind = KR_DISORDER_PM1, .seed = 4, .strength = 0.5 };
    const double energy[] = { 1, 0, -2 };
    double h[5];
    terms->local[2] = 10;
    assert_ok(kr_disorder_sites(&pm1, ring, h, &err), &err);
    assert_ok(kr_terms_add_field(terms, ring, energy, 3, &pm1, &err), &err);
    for (int i = 0; i < 5; i++) {
        assert_true(terms->local[3 * i] == 3 + h[i]);
        assert_true(terms->local[3 * i + 1] == 0);
        assert_true(terms->local[3 * i + 2] == -2 * (3 + h[i]) + (i == 0 ? 10 : 0));
    }
    kr_terms_free(terms);
    kr_lattice_free(ring);
}

static void too_many_phases_are_refused(void **state)
{
    (void)state;
    kr_error err = { 0 };
    kr_terms *terms = empty(2, 2);
    for (int p = 0; p < KR_PHASES_MAX; p++) {
        assert_ok(kr_terms_add_phase(terms, "p", p, p + 0.5, KR_START_RANDOM, &err), &err);
    }
    assert_int_equal(kr_terms_add_phase(terms, "p", 9, 10, 0, &err), KR_ERANGE);
    assert_int_equal(terms->n_phases, KR_PHASES_MAX);
    kr_terms_free(terms);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(invalid_terms_are_refused),
        cmocka_unit_test(bonds_carry_the_signs_of_the_lattice),
        cmocka_unit_test(fields_add_to_the_site_energies),
        cmocka_unit_test(too_many_phases_are_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
