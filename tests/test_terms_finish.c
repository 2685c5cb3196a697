/* SPDX-License-Identifier: GPL-3.0-or-later
 * tests/test_terms_finish.c - lists by site, classes and flags of a Hamiltonian. */
#include "kr_test.h"
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

static void add(kr_terms *terms, int32_t table, int32_t i, int32_t j, int32_t k, double J)
{
    kr_error err = { 0 };
    const int32_t sites[] = { i, j, k };
    assert_ok(kr_terms_add(terms, table, sites, J, &err), &err);
}

static void finish(kr_terms *terms)
{
    kr_error err = { 0 };
    assert_ok(kr_terms_finish(terms, &err), &err);
}

static void neighbors_ascend_and_keep_multiple_bonds(void **state)
{
    (void)state;
    kr_terms *terms = empty(4, 2);
    const double V[] = { -1, 1, 1, -1 };
    int32_t p = add_table(terms, 2, V);
    add(terms, p, 3, 0, 0, 1);
    add(terms, p, 0, 1, 0, 2);
    add(terms, p, 3, 0, 0, 3);
    add(terms, p, 2, 0, 0, 4);
    finish(terms);
    const int32_t want[] = { 1, 2, 3, 3 };
    const double J[] = { 2, 4, 1, 3 };
    assert_true(terms->is_pair);
    assert_int_equal(terms->neighbor_begin[1] - terms->neighbor_begin[0], 4);
    for (int k = 0; k < 4; k++) {
        assert_int_equal(terms->neighbor[k], want[k]);
        assert_true(terms->J[k] == J[k]);
    }
    assert_int_equal(terms->site_begin[1], 4);
    assert_int_equal(terms->site_term[2], 2);
    assert_int_equal(terms->neighbor_begin[4], 8);
    kr_terms_free(terms);
}

static kr_terms *two_sites(int32_t q, const double *V)
{
    kr_terms *terms = empty(2, q);
    add(terms, add_table(terms, 2, V), 0, 1, 0, 1);
    return terms;
}

static void classes_are_exchanges_that_leave_energies_invariant(void **state)
{
    (void)state;
    /* Blume-Capel: exchange of -1 and +1; site energies D s^2 keep it, a field breaks it */
    const double V[] = { -1, 0, 1, 0, 0, 0, 1, 0, -1 };
    kr_terms *terms = two_sites(3, V);
    terms->local[0] = terms->local[2] = 1;
    finish(terms);
    const int32_t want[] = { 0, 1, 0 };
    assert_memory_equal(terms->pair_class, want, sizeof want);
    assert_memory_equal(terms->state_class, want, sizeof want);
    assert_false(terms->is_potts);
    assert_true(terms->is_integer);
    kr_terms_free(terms);
    terms = two_sites(3, V);
    terms->local[3] = 0.5;
    finish(terms);
    const int32_t split[] = { 0, 1, 2 };
    assert_memory_equal(terms->pair_class, want, sizeof want);
    assert_memory_equal(terms->state_class, split, sizeof split);
    assert_false(terms->is_integer);
    kr_terms_free(terms);
}

static void potts_form_is_recognized(void **state)
{
    (void)state;
    const double potts[] = { 1, 2, 2, 2, 1, 2, 2, 2, 1 }, anti[] = { 1, -1, -1, 1 };
    const double uneven[] = { 1, 2, 2, 2, 1, 2, 2, 2, 0 }, ising[] = { -1, 1, 1, -1 };
    const struct {
        int32_t q;
        const double *V;
        bool is_potts;
    } cases[] = {
        { 3, potts, true }, { 2, anti, false }, { 3, uneven, false }, { 2, ising, true }
    };
    for (int k = 0; k < 4; k++) {
        kr_terms *terms = two_sites(cases[k].q, cases[k].V);
        finish(terms);
        assert_int_equal(terms->is_potts, cases[k].is_potts);
        kr_terms_free(terms);
    }
}

static void whole_energies_are_recognized(void **state)
{
    (void)state;
    const double whole[] = { -1, 1, 1, -1 }, half[] = { 0.5, 0, 0, 0.5 };
    const struct {
        const double *V;
        double J, local;
        bool is_integer;
    } cases[] = { { whole, 3, -2, true },
                  { whole, 0.5, 0, false },
                  { half, 1, 0, false },
                  { whole, 1, 0.25, false },
                  { whole, 0x1p53, 0, false } };
    for (int k = 0; k < 5; k++) {
        kr_terms *terms = empty(2, 2);
        add(terms, add_table(terms, 2, cases[k].V), 0, 1, 0, cases[k].J);
        terms->local[3] = cases[k].local;
        finish(terms);
        assert_int_equal(terms->is_integer, cases[k].is_integer);
        assert_int_equal(terms->has_local, cases[k].local != 0.0);
        kr_terms_free(terms);
    }
}

static void pair_form_wants_one_symmetric_table_of_two_sites(void **state)
{
    (void)state;
    const double even[] = { 1, 2, 2, 3 }, odd[] = { 1, 2, 3, 4 }, one[] = { 1, 2 };
    const struct {
        const double *first, *second;
        int arity;
        bool is_pair;
    } cases[] = { { even, NULL, 2, true },
                  { odd, NULL, 2, false },
                  { one, NULL, 1, false },
                  { even, even, 2, false } };
    for (int k = 0; k < 4; k++) {
        kr_terms *terms = empty(3, 2);
        add(terms, add_table(terms, cases[k].arity, cases[k].first), 0, 1, 0, 1);
        if (cases[k].second) {
            add(terms, add_table(terms, 2, cases[k].second), 1, 2, 0, 1);
        }
        finish(terms);
        assert_int_equal(terms->is_pair, cases[k].is_pair);
        assert_int_equal(terms->V != NULL, cases[k].is_pair);
        kr_terms_free(terms);
    }
}

static void infinite_site_energies_are_refused(void **state)
{
    (void)state;
    kr_error err = { 0 };
    kr_terms *terms = empty(2, 2);
    terms->local[3] = INFINITY;
    assert_int_equal(kr_terms_finish(terms, &err), KR_ERANGE);
    assert_string_equal(err.text,
                        "terms: energy of site 1 in state 1 is inf, want a finite number");
    kr_terms_free(terms);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(neighbors_ascend_and_keep_multiple_bonds),
        cmocka_unit_test(classes_are_exchanges_that_leave_energies_invariant),
        cmocka_unit_test(potts_form_is_recognized),
        cmocka_unit_test(whole_energies_are_recognized),
        cmocka_unit_test(pair_form_wants_one_symmetric_table_of_two_sites),
        cmocka_unit_test(infinite_site_energies_are_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
