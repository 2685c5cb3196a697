/* SPDX-License-Identifier: GPL-3.0-or-later
 * tests/test_hypercubic.c - chain, square, cubic, ... lattices: bonds, boundaries, refusals. */
#include "kr_test.h"
#include "lattice/lattice.h"
#include "run/registry.h"

enum { PERIODIC, OPEN, ANTIPERIODIC };

typedef struct hypercubic {
    kr_list size, boundary;
} hypercubic;

static hypercubic box(int32_t dim, int64_t a, int64_t b, int64_t c, int64_t boundary)
{
    return (hypercubic){ { dim, { a, b, c } }, { 1, { boundary } } };
}

static kr_lattice *alloc_box(hypercubic params)
{
    extern const kr_lattice_plug kr_lattice_hypercubic;
    kr_error err = { 0 };
    kr_lattice *lattice = kr_lattice_alloc(&kr_lattice_hypercubic, &params, &err);
    if (!lattice) {
        fail_msg("%s", err.text);
    }
    return lattice;
}

static void torus_has_a_bond_per_site_and_direction(void **state)
{
    (void)state;
    kr_lattice *lattice = alloc_box(box(3, 3, 4, 5, PERIODIC));
    assert_int_equal(lattice->n_sites, 60);
    assert_int_equal(lattice->n_bonds, 180);
    assert_int_equal(lattice->bond[0], 0); /* coordinate 0 runs fastest */
    assert_int_equal(lattice->bond[1], 1);
    assert_int_equal(lattice->bond[3], 3);
    assert_int_equal(lattice->bond[5], 12);
    kr_lattice_free(lattice);
}

static void side_of_two_gives_two_bonds_per_pair(void **state)
{
    (void)state;
    kr_lattice *lattice = alloc_box(box(2, 2, 2, 0, PERIODIC));
    assert_int_equal(lattice->n_bonds, 8);
    int n_01 = 0;
    for (int64_t b = 0; b < lattice->n_bonds; b++) {
        int32_t i = lattice->bond[2 * b], j = lattice->bond[2 * b + 1];
        n_01 += (i == 0 && j == 1) || (i == 1 && j == 0);
    }
    assert_int_equal(n_01, 2);
    kr_lattice_free(lattice);
}

static void side_of_one_gives_no_bond(void **state)
{
    (void)state;
    kr_lattice *lattice = alloc_box(box(2, 1, 4, 0, PERIODIC));
    assert_int_equal(lattice->n_bonds, 4);
    kr_lattice_free(lattice);
    lattice = alloc_box(box(1, 1, 0, 0, PERIODIC));
    assert_int_equal(lattice->n_bonds, 0);
    assert_int_equal(lattice->n_colors, 1);
    kr_lattice_free(lattice);
}

static void open_box_drops_the_bonds_that_wrap(void **state)
{
    (void)state;
    hypercubic params = box(2, 4, 3, 0, OPEN);
    params.boundary = (kr_list){ 2, { OPEN, PERIODIC } };
    kr_lattice *lattice = alloc_box(params);
    assert_int_equal(lattice->n_bonds, 3 * 3 + 4 * 3);
    assert_false(lattice->is_periodic[0]);
    assert_true(lattice->is_periodic[1]);
    kr_lattice_free(lattice);
}

static void antiperiodic_bonds_across_the_boundary_are_negative(void **state)
{
    (void)state;
    hypercubic params = box(2, 4, 3, 0, PERIODIC);
    params.boundary = (kr_list){ 2, { ANTIPERIODIC, PERIODIC } };
    kr_lattice *lattice = alloc_box(params);
    int n_negative = 0;
    for (int64_t b = 0; b < lattice->n_bonds; b++) {
        n_negative += lattice->bond_sign[b] < 0;
    }
    assert_int_equal(n_negative, 3);
    assert_true(lattice->has_antiperiodic);
    /* the shift along direction 0 moves the negative bonds: only direction 1 may shift */
    int32_t shift[12];
    for (int32_t i = 0; i < 12; i++) {
        shift[i] = i / 4 * 4 + (i + 1) % 4;
    }
    assert_false(kr_lattice_is_symmetry(lattice, shift));
    for (int32_t i = 0; i < 12; i++) {
        shift[i] = (i + 4) % 12;
    }
    assert_true(kr_lattice_is_symmetry(lattice, shift));
    kr_lattice_free(lattice);
}

static void too_many_sites_are_refused_at_once(void **state)
{
    (void)state;
    extern const kr_lattice_plug kr_lattice_hypercubic;
    const hypercubic wrong[] = {
        box(2, 1000000, 1000000, 0, PERIODIC),
        box(3, INT32_MAX, INT32_MAX, INT32_MAX, OPEN),
        box(2, 65536, 32768, 0, PERIODIC), /* 2^31 */
        box(0, 0, 0, 0, PERIODIC),
        box(2, 4, 0, 0, PERIODIC),
        box(9, 1, 1, 1, PERIODIC),
        { { 3, { 2, 2, 2 } }, { 2, { 0, 0 } } },
    };
    for (size_t k = 0; k < sizeof wrong / sizeof *wrong; k++) {
        kr_error err = { 0 };
        assert_null(kr_lattice_alloc(&kr_lattice_hypercubic, &wrong[k], &err));
        assert_int_equal(err.status, KR_ERANGE);
        if (k == 0) {
            assert_non_null(strstr(err.text, "1000000000000 sites"));
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(torus_has_a_bond_per_site_and_direction),
        cmocka_unit_test(side_of_two_gives_two_bonds_per_pair),
        cmocka_unit_test(side_of_one_gives_no_bond),
        cmocka_unit_test(open_box_drops_the_bonds_that_wrap),
        cmocka_unit_test(antiperiodic_bonds_across_the_boundary_are_negative),
        cmocka_unit_test(too_many_sites_are_refused_at_once),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
