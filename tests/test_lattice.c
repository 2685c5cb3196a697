/* SPDX-License-Identifier: GPL-3.0-or-later
 * tests/test_lattice.c - coloring, symmetries, coordinates, refusals. */
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

static void assert_proper(const kr_lattice *lattice)
{
    for (int64_t b = 0; b < lattice->n_bonds; b++) {
        int32_t i = lattice->bond[2 * b], j = lattice->bond[2 * b + 1];
        assert_int_not_equal(lattice->color[i], lattice->color[j]);
    }
    for (int32_t i = 0; i < lattice->n_sites; i++) {
        assert_in_range(lattice->color[i], 0, lattice->n_colors - 1);
    }
}

static void even_tori_have_two_colors(void **state)
{
    (void)state;
    const hypercubic even[] = { box(1, 6, 0, 0, PERIODIC), box(2, 4, 6, 0, PERIODIC),
                                box(3, 2, 4, 2, PERIODIC), box(3, 3, 5, 3, OPEN) };
    for (size_t k = 0; k < sizeof even / sizeof *even; k++) {
        kr_lattice *lattice = alloc_box(even[k]);
        assert_int_equal(lattice->n_colors, 2);
        assert_proper(lattice);
        kr_lattice_free(lattice);
    }
}

static void odd_tori_are_colored_properly(void **state)
{
    (void)state;
    const hypercubic odd[] = { box(1, 5, 0, 0, PERIODIC), box(2, 3, 3, 0, PERIODIC),
                               box(2, 4, 5, 0, PERIODIC), box(3, 3, 4, 5, PERIODIC) };
    for (size_t k = 0; k < sizeof odd / sizeof *odd; k++) {
        kr_lattice *lattice = alloc_box(odd[k]);
        assert_in_range(lattice->n_colors, 3, 4);
        assert_proper(lattice);
        kr_lattice_free(lattice);
    }
}

/* Number of images of site 0 under the group made by the generators. */
static int orbit_of_zero(const kr_lattice *lattice)
{
    int32_t list[256] = { 0 };
    bool seen[256] = { true };
    int n = 1;
    for (int k = 0; k < n; k++) {
        for (int32_t g = 0; g < lattice->n_symmetries; g++) {
            int32_t j = lattice->symmetry[g * lattice->n_sites + list[k]];
            if (!seen[j]) {
                seen[j] = true;
                list[n++] = j;
            }
        }
    }
    return n;
}

static void symmetries_of_a_torus_reach_every_site(void **state)
{
    (void)state;
    kr_lattice *lattice = alloc_box(box(2, 4, 4, 0, PERIODIC));
    assert_int_equal(lattice->n_symmetries, 5); /* two shifts, two mirrors, one exchange */
    assert_int_equal(orbit_of_zero(lattice), 16);
    assert_int_equal(lattice->symmetry_order[0], 4);
    assert_int_equal(lattice->symmetry_order[2], 2);
    kr_lattice_free(lattice);
    lattice = alloc_box(box(2, 4, 4, 0, OPEN));
    assert_int_equal(lattice->n_symmetries, 3);
    assert_int_equal(orbit_of_zero(lattice), 4); /* the corners */
    kr_lattice_free(lattice);
}

static void non_automorphisms_are_refused(void **state)
{
    (void)state;
    kr_lattice *lattice = alloc_box(box(1, 4, 0, 0, PERIODIC));
    const int32_t swap[] = { 1, 0, 2, 3 }, twice[] = { 0, 0, 2, 3 }, outside[] = { 0, 1, 2, 4 };
    const int32_t mirror[] = { 3, 2, 1, 0 };
    assert_false(kr_lattice_is_symmetry(lattice, swap));
    assert_false(kr_lattice_is_symmetry(lattice, twice));
    assert_false(kr_lattice_is_symmetry(lattice, outside));
    assert_true(kr_lattice_is_symmetry(lattice, mirror));
    kr_lattice_free(lattice);
}

static void coordinates_and_sites_are_inverse(void **state)
{
    (void)state;
    kr_lattice *lattice = alloc_box(box(3, 3, 4, 5, PERIODIC));
    const int32_t known[] = { 2, 1, 3 };
    assert_int_equal(kr_lattice_site(lattice, known), 2 + 3 * 1 + 12 * 3);
    for (int32_t i = 0; i < lattice->n_sites; i++) {
        int32_t x[KR_DIM_MAX];
        kr_lattice_coordinates(lattice, i, x);
        assert_int_equal(kr_lattice_site(lattice, x), i);
    }
    kr_lattice_free(lattice);
}

/* A lattice by hand: what a plug's fill may do wrong. */
typedef struct by_hand {
    int32_t n_sites, side, dim, bond[2];
    int sign, axis;
} by_hand;

static int fill_by_hand(const void *params, kr_lattice *lattice, kr_error *err)
{
    const by_hand *p = params;
    lattice->n_sites = p->n_sites;
    lattice->dim = p->dim;
    lattice->extent[0] = p->side;
    return kr_lattice_add_bond(lattice, p->bond[0], p->bond[1], p->sign, p->axis, err);
}

static void invalid_bonds_and_extents_are_refused(void **state)
{
    (void)state;
    const kr_lattice_plug plug = { .name = "by_hand", .fill = fill_by_hand };
    const by_hand right = { 3, 3, 1, { 0, 2 }, -1, 0 };
    const by_hand wrong[] = {
        { 3, 3, 1, { 1, 1 }, 1, 0 },   { 3, 3, 1, { 0, 3 }, 1, 0 },
        { 3, 3, 1, { -1, 2 }, 1, 0 },  { 3, 3, 1, { 0, 1 }, 0, 0 },
        { 3, 3, 1, { 0, 1 }, 1, 128 }, { 3, 4, 1, { 0, 1 }, 1, 0 },
        { 3, 3, 0, { 0, 1 }, 1, 0 },
    };
    kr_lattice *lattice = kr_lattice_alloc(&plug, &right, NULL);
    assert_non_null(lattice);
    assert_string_equal(lattice->name, "by_hand");
    assert_int_equal(lattice->n_bonds, 1);
    kr_lattice_free(lattice);
    for (size_t k = 0; k < sizeof wrong / sizeof *wrong; k++) {
        kr_error err = { 0 };
        assert_null(kr_lattice_alloc(&plug, &wrong[k], &err));
        assert_int_equal(err.status, KR_EINVAL);
    }
    kr_lattice_free(NULL);
}

/* A star with many arms has rows longer than the short sort takes. */
static int fill_star(const void *params, kr_lattice *lattice, kr_error *err)
{
    (void)params;
    int32_t image[101];
    lattice->n_sites = lattice->extent[0] = 101;
    lattice->dim = 1;
    for (int32_t i = 0; i <= 100; i++) {
        image[i] = i == 0 ? 0 : i % 100 + 1;
    }
    for (int32_t i = 100; i >= 1; i--) {
        KR_TRY(kr_lattice_add_bond(lattice, i % 2 ? i : 0, i % 2 ? 0 : i, 1, 0, err));
    }
    KR_TRY(kr_lattice_add_symmetry(lattice, image, err));
    image[0] = 1;
    image[100] = 0; /* moves the center: no symmetry */
    return kr_lattice_add_symmetry(lattice, image, err);
}

static void star_turns_about_its_center(void **state)
{
    (void)state;
    const kr_lattice_plug plug = { .name = "star", .fill = fill_star };
    kr_lattice *star = kr_lattice_alloc(&plug, NULL, NULL);
    assert_non_null(star);
    assert_int_equal(star->n_colors, 2);
    assert_int_equal(star->n_symmetries, 1);
    assert_int_equal(star->symmetry_order[0], 100);
    kr_lattice_free(star);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(even_tori_have_two_colors),
        cmocka_unit_test(odd_tori_are_colored_properly),
        cmocka_unit_test(symmetries_of_a_torus_reach_every_site),
        cmocka_unit_test(non_automorphisms_are_refused),
        cmocka_unit_test(coordinates_and_sites_are_inverse),
        cmocka_unit_test(invalid_bonds_and_extents_are_refused),
        cmocka_unit_test(star_turns_about_its_center),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
