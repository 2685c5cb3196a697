/* SPDX-License-Identifier: GPL-3.0-or-later
 * tests/test_terms.c - Hamiltonians as data: energies, symmetries, order. */
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

/* Four sites of three states: an asymmetric triple, a pair and locals. */
static kr_terms *mixed(void)
{
    kr_terms *terms = empty(4, 3);
    double triple[27], pair[9];
    for (int k = 0; k < 27; k++) {
        triple[k] = 0.5 * k * k - k;
    }
    for (int k = 0; k < 9; k++) {
        pair[k] = k == 5 ? 2.5 : 0.1 * k;
    }
    int32_t t = add_table(terms, 3, triple), p = add_table(terms, 2, pair);
    add(terms, t, 0, 1, 2, 1.5);
    add(terms, p, 3, 1, 0, -2.0);
    add(terms, t, 3, 0, 2, 0.25);
    for (int k = 0; k < 12; k++) {
        terms->local[k] = 0.01 * k * k;
    }
    finish(terms);
    return terms;
}

static double mixed_energy(const uint8_t *s)
{
    double k = 9 * s[0] + 3 * s[1] + s[2], l = 9 * s[3] + 3 * s[0] + s[2];
    int x = 3 * s[3] + s[1];
    double energy = 1.5 * (0.5 * k * k - k) + 0.25 * (0.5 * l * l - l);
    energy += -2.0 * (x == 5 ? 2.5 : 0.1 * x);
    for (int i = 0; i < 4; i++) {
        double y = 3 * i + s[i];
        energy += 0.01 * y * y;
    }
    return energy;
}

static void energy_is_the_sum_over_terms_and_locals(void **state)
{
    (void)state;
    kr_terms *terms = mixed();
    assert_false(terms->is_pair);
    assert_false(terms->is_integer);
    assert_true(terms->has_local);
    for (int x = 0; x < 81; x++) {
        const uint8_t s[] = { (uint8_t)(x % 3), (uint8_t)(x / 3 % 3), (uint8_t)(x / 9 % 3),
                              (uint8_t)(x / 27) };
        uint8_t spread[16] = { 0 };
        for (int i = 0; i < 4; i++) {
            spread[4 * i] = s[i];
        }
        assert_close(kr_terms_energy(terms, s, 1), mixed_energy(s), 1e-14);
        assert_true(kr_terms_energy(terms, spread, 4) == kr_terms_energy(terms, s, 1));
    }
    kr_terms_free(terms);
}

/* A chain of n sites whose pairs share one table, which need not be symmetric. */
static kr_terms *pairs(int32_t n, int32_t q, bool has_local)
{
    kr_terms *terms = empty(n, q);
    double table[25];
    for (int k = 0; k < q * q; k++) {
        table[k] = 0.3 * (k % 7) - 0.1 * k + 1.0 / 3.0;
    }
    int32_t p = add_table(terms, 2, table);
    for (int32_t i = 0; i + 1 < n; i++) {
        add(terms, p, i, i + 1, 0, 1.0 / (i + 1) - 0.4);
    }
    for (int32_t k = 0; k < n * q; k++) {
        terms->local[k] = has_local ? 0.01 * k * k : 0.7 * (k / q);
    }
    finish(terms);
    return terms;
}

static void energies_of_lanes_are_those_of_single_configurations_bit_for_bit(void **state)
{
    (void)state;
    enum { N = 9, STRIDE = 64, LANES = 51 };
    for (int kind = 0; kind < 7; kind++) {
        const int32_t q = kind == 6 ? 3 : 2 + kind / 2 + kind / 4;
        kr_terms *terms = kind == 6 ? mixed() : pairs(N, q, kind % 2);
        uint8_t s[N * STRIDE];
        double energy[LANES + 1];
        energy[LANES] = -1.5;
        for (int k = 0; k < terms->n_sites * STRIDE; k++) {
            s[k] = (uint8_t)((unsigned)k * 2654435761u % 1009u % (unsigned)q);
        }
        kr_terms_energies(terms, s, STRIDE, LANES, energy);
        for (int l = 0; l < LANES; l++) {
            const double want = kr_terms_energy(terms, s + l, STRIDE);
            assert_memory_equal(&energy[l], &want, sizeof want);
        }
        assert_true(energy[LANES] == -1.5);
        kr_terms_free(terms);
    }
}

static void local_differences_are_energy_differences(void **state)
{
    (void)state;
    kr_terms *terms = mixed();
    for (int x = 0; x < 81; x++) {
        uint8_t s[] = { (uint8_t)(x % 3), (uint8_t)(x / 3 % 3), (uint8_t)(x / 9 % 3),
                        (uint8_t)(x / 27) };
        double here = mixed_energy(s);
        for (int32_t i = 0; i < 4; i++) {
            double e[3];
            uint8_t old = s[i];
            kr_terms_local(terms, s, i, e);
            for (uint8_t a = 0; a < 3; a++) {
                s[i] = a;
                assert_close(e[a] - e[old], mixed_energy(s) - here, 1e-12);
            }
            s[i] = old;
        }
    }
    kr_terms_free(terms);
}

/* What a tail energy leaves out depends on the sites before the tail alone. */
static void tail_differences_are_energy_differences(void **state)
{
    (void)state;
    kr_terms *terms = mixed();
    for (int x = 0; x < 81; x++) {
        uint8_t s[] = { (uint8_t)(x % 3), (uint8_t)(x / 3 % 3), (uint8_t)(x / 9 % 3),
                        (uint8_t)(x / 27) };
        for (int32_t k = 0; k <= 4; k++) {
            uint8_t other[4] = { 0 };
            memcpy(other, s, (size_t)k);
            double tail =
                kr_terms_tail_energy(terms, s, 1, k) - kr_terms_tail_energy(terms, other, 1, k);
            assert_true(fabs(tail - (mixed_energy(s) - mixed_energy(other))) <= 1e-11);
        }
        assert_close(kr_terms_tail_energy(terms, s, 1, 0), mixed_energy(s), 1e-13);
    }
    kr_terms_free(terms);
}

static void symmetries_compare_couplings_tables_and_locals(void **state)
{
    (void)state;
    const int32_t mirror[] = { 2, 1, 0 }, turn[] = { 1, 2, 0 }, twice[] = { 0, 0, 2 };
    const double V[] = { -1, 1, 1, -1 };
    for (int variant = 0; variant < 3; variant++) {
        kr_terms *terms = empty(3, 2);
        int32_t p = add_table(terms, 2, V);
        add(terms, p, 0, 1, 0, 0.5);
        add(terms, p, 2, 1, 0, variant == 1 ? 0.75 : 0.5);
        terms->local[0] = terms->local[4] = 0.125;
        terms->local[5] = variant == 2 ? 1 : 0;
        finish(terms);
        assert_int_equal(kr_terms_is_symmetry(terms, mirror), variant == 0);
        assert_false(kr_terms_is_symmetry(terms, turn));
        assert_false(kr_terms_is_symmetry(terms, twice));
        kr_terms_free(terms);
    }
}

static void symmetries_of_many_site_terms_respect_the_order_in_a_table(void **state)
{
    (void)state;
    const double directed[] = { 0, 1, 2, 3, 4, 5, 6, 7 }, even[] = { 0, 1, 1, 2, 1, 2, 2, 3 };
    const int32_t turn[] = { 1, 2, 0 }, swap[] = { 1, 0, 2 };
    kr_terms *terms = empty(3, 2);
    add(terms, add_table(terms, 3, directed), 0, 1, 2, 1);
    finish(terms);
    assert_false(kr_terms_is_symmetry(terms, turn));
    kr_terms_free(terms);
    terms = empty(3, 2);
    int32_t t = add_table(terms, 3, directed);
    add(terms, t, 0, 1, 2, 1);
    add(terms, t, 1, 2, 0, 1);
    add(terms, t, 2, 0, 1, 1);
    finish(terms);
    assert_true(kr_terms_is_symmetry(terms, turn));
    assert_false(kr_terms_is_symmetry(terms, swap));
    kr_terms_free(terms);
    terms = empty(3, 2);
    add(terms, add_table(terms, 3, even), 0, 1, 2, 1);
    finish(terms);
    assert_true(kr_terms_is_symmetry(terms, turn));
    assert_true(kr_terms_is_symmetry(terms, swap));
    kr_terms_free(terms);
}

static void order_follows_from_the_state_counts(void **state)
{
    (void)state;
    kr_terms *terms = empty(10, 3);
    const int64_t count[] = { 2, 5, 3 };
    terms->value[0] = -1;
    terms->value[2] = 2;
    terms->order = KR_ORDER_VALUE;
    assert_close(kr_terms_order(terms, count), 0.4, 1e-15);
    terms->order = KR_ORDER_QUADRUPOLE;
    assert_close(kr_terms_order(terms, count), 1.4, 1e-15);
    terms->order = KR_ORDER_POTTS;
    assert_close(kr_terms_order(terms, count), 0.25, 1e-15);
    kr_error err = { 0 };
    const double x[] = { 3, 0, 0 }, y[] = { 0, 0, 1 };
    assert_ok(kr_terms_add_moment(terms, "x", "", x, &err), &err);
    assert_ok(kr_terms_add_moment(terms, "y", "", y, &err), &err);
    terms->order = KR_ORDER_VECTOR;
    assert_close(kr_terms_moment(terms, 0, count), 0.6, 1e-15);
    assert_close(kr_terms_order(terms, count), hypot(0.6, 0.3), 1e-15);
    terms->order = KR_ORDER_POTTS;
    assert_ok(kr_terms_add_phase(terms, "low", 0, 0.25, KR_START_RANDOM, &err), &err);
    assert_ok(kr_terms_add_phase(terms, "high", 0.6, 1, KR_START_ANY_ORDERED, &err), &err);
    assert_int_equal(kr_terms_phase(terms, 0.25), 0);
    assert_int_equal(kr_terms_phase(terms, 0.4), -1);
    assert_int_equal(kr_terms_phase(terms, 1), 1);
    kr_terms_free(terms);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(energy_is_the_sum_over_terms_and_locals),
        cmocka_unit_test(energies_of_lanes_are_those_of_single_configurations_bit_for_bit),
        cmocka_unit_test(local_differences_are_energy_differences),
        cmocka_unit_test(tail_differences_are_energy_differences),
        cmocka_unit_test(symmetries_compare_couplings_tables_and_locals),
        cmocka_unit_test(symmetries_of_many_site_terms_respect_the_order_in_a_table),
        cmocka_unit_test(order_follows_from_the_state_counts),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
