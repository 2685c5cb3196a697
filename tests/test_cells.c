/* SPDX-License-Identifier: GPL-3.0-or-later
 * tests/test_cells.c - planar lattices from a unit cell: counts, sites, maps of open boxes. */
#include "kr_test.h"

#include "lattice/cells.h"

/* A ladder of two-site cells: the square lattice, written with a basis. */
static const kr_cells dimers = {
    .name = "dimers",
    .scale = 2,
    .n_basis = 2,
    .position = { { 0, 0 }, { 1, 0 } },
    .n_bonds = 4,
    .bond = { { 0, 1, 0, 0 }, { 1, 0, 1, 0 }, { 0, 0, 0, 1 }, { 1, 1, 0, 1 } },
};

static int fill_dimers(const void *params, kr_lattice *lattice, kr_error *err)
{
    return kr_cells_fill(&dimers, params, lattice, err);
}

static kr_lattice *box(int64_t width, int64_t height, int32_t boundary)
{
    const kr_lattice_plug plug = { .name = "dimers", .fill = fill_dimers };
    kr_cells_params p = { .size = { .n = 2, .integer = { width, height } },
                          .boundary = boundary };
    kr_error err = { 0 };
    kr_lattice *lattice = kr_lattice_alloc(&plug, &p, &err);
    if (!lattice) {
        fail_msg("%s", err.text);
    }
    return lattice;
}

static void coordinate_zero_is_the_site_of_the_cell(void **state)
{
    (void)state;
    kr_lattice *lattice = box(3, 4, KR_CELLS_PERIODIC);
    int32_t x[KR_DIM_MAX];
    assert_int_equal(lattice->dim, 3);
    kr_lattice_coordinates(lattice, 2 * (2 + 3 * 1) + 1, x);
    assert_int_equal(x[0], 1);
    assert_int_equal(x[1], 2);
    assert_int_equal(x[2], 1);
    assert_false(lattice->is_periodic[0]);
    assert_true(lattice->is_periodic[1] && lattice->is_periodic[2]);
    kr_lattice_free(lattice);
}

static void bonds_leave_the_cell_as_described(void **state)
{
    (void)state;
    kr_lattice *lattice = box(3, 4, KR_CELLS_PERIODIC);
    /* the last cell, at (2, 3): its second bond goes to a of (0, 3), its third to (2, 0) */
    const int32_t last = 2 * (2 + 3 * 3), *bond = lattice->bond + 2 * (4 * 11);
    assert_int_equal(bond[0], last);
    assert_int_equal(bond[1], last + 1);
    assert_int_equal(bond[2], last + 1);
    assert_int_equal(bond[3], 2 * 3 * 3);
    assert_int_equal(bond[4], last);
    assert_int_equal(bond[5], 2 * 2);
    assert_int_equal(lattice->bond_axis[4 * 11 + 3], 3);
    kr_lattice_free(lattice);
}

static void open_boxes_turn_about_their_middle(void **state)
{
    (void)state;
    kr_lattice *lattice = box(3, 4, KR_CELLS_OPEN);
    assert_int_equal(lattice->n_symmetries, 1);
    for (int i = 0; i < 24; i++) {
        assert_int_equal(lattice->symmetry[i], 23 - i);
    }
    kr_lattice_free(lattice);
}

static void counts_are_those_of_the_torus(void **state)
{
    (void)state;
    kr_cells_params p = { .size = { .n = 2, .integer = { 3, 4 } } };
    double n_sites, n_bonds;
    kr_lattice *lattice = box(3, 4, KR_CELLS_PERIODIC);
    kr_cells_count(&dimers, &p, &n_sites, &n_bonds);
    assert_close(n_sites, lattice->n_sites, 0.0);
    assert_close(n_bonds, (double)lattice->n_bonds, 0.0);
    kr_lattice_free(lattice);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(coordinate_zero_is_the_site_of_the_cell),
        cmocka_unit_test(bonds_leave_the_cell_as_described),
        cmocka_unit_test(open_boxes_turn_about_their_middle),
        cmocka_unit_test(counts_are_those_of_the_torus),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
