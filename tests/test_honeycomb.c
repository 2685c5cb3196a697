/* SPDX-License-Identifier: GPL-3.0-or-later
 * tests/test_honeycomb.c - honeycomb lattice: bonds, symmetries, exact values. */
#include "kr_exact_row.h"

/* clang-format off: one row per line, as in the source */
static const exact_row rows[] = {
    /* reference/ising_other_lattices_small.csv */
    { "field=0",
      "size=2,2",
      0.2,
      { 5.793616509825175, -0.3215307337968275, 0.0733436045997409, 0.0, 0.4014187670147866,
        0.2439634766709238, 0.1359454003569832, 0.2386337247944656, 0.3903415626734781 } },
    { "field=0",
      "size=2,2",
      0.65847894846240835431,
      { 8.841014310483892, -1.299038105676658, 0.5419931569601988, 0.0, 0.9055242759662934,
        0.8644986365881607, 0.8233210901650069, 0.6327858900231561, 4.554033225342062 } },
    { "field=0",
      "size=2,2",
      0.6,
      { 8.252214558910725, -1.214082194285568, 0.5982644890661444, 0.0, 0.8628224961312748,
        0.8063571090497326, 0.751634929178083, 0.6146717403766481, 3.870514123438717 } },
    { "field=0",
      "size=2,2",
      -0.3,
      { 6.129342657413743, 0.524657962581175, 0.2017262750225623, 0.0, 0.1618313581749049,
        0.05338730736364948, 0.00907341759158139, -0.0611422575586794, -0.1281295376727588 } },
    { "field=0",
      "size=2,2",
      -1.0,
      { 12.71898054374536, 1.478950906365842, 0.1398991067415048, 0.0, 0.005150037282876386,
        0.001299693409607614, 8.581659234988706e-5, -15.93433617983456,
        -0.01039754727686091 } },
    { "field=0",
      "size=3,3",
      0.2,
      { 13.01428095883147, -0.2980735179329586, 0.05970479171041658, 0.0, 0.2660970366155248,
        0.1097870123476359, 0.03209293096924701, 0.1124635585857013, 0.3952332444514894 } },
    { "field=0",
      "size=3,3",
      0.65847894846240835431,
      { 19.0887339793478, -1.252128396305001, 0.758779128220175, 0.0, 0.8657657692615887,
        0.7936587832963441, 0.709593498579128, 0.6244906810596062, 9.406936819132759 } },
    { "field=0",
      "size=3,3",
      0.6,
      { 17.83053204790528, -1.133005929394681, 0.8305590396756892, 0.0, 0.7893285140265219,
        0.6890519744790289, 0.5818150506869825, 0.591530405873436, 7.441761324373512 } },
    { "field=0",
      "size=3,3",
      -0.3,
      { 13.6879070011104, 0.452837368886418, 0.1478083858772444, 0.0, 0.119672119431247,
        0.02467242739232142, 0.001847955562911084, -0.01192076950601855,
        -0.1332311079185356 } },
    { "field=0",
      "size=3,3",
      -1.0,
      { 27.75024881571583, 1.479054306507372, 0.1437392894855839, 0.0, 0.005150610332532057,
        0.0005875183665497897, 8.412982447256218e-6, -7.124297768554933,
        -0.01057533059789621 } },
};
/* clang-format on */

static kr_lattice *alloc_honeycomb(const char *text)
{
    kr_error err = { 0 };
    kr_lattice *lattice = system_lattice("honeycomb", text, &err);
    if (!lattice) {
        fail_msg("%s", err.text);
    }
    return lattice;
}

static void small_ising_tori_have_their_exact_values(void **state)
{
    (void)state;
    for (size_t k = 0; k < sizeof rows / sizeof *rows; k++) {
        assert_exact_row("ising", "honeycomb", &rows[k]);
    }
}

static void torus_has_three_bonds_at_each_site_and_two_colors(void **state)
{
    (void)state;
    kr_lattice *lattice = alloc_honeycomb("size=5,4");
    int degree[40] = { 0 };
    assert_int_equal(lattice->n_sites, 40);
    assert_int_equal(lattice->n_bonds, 60);
    assert_int_equal(lattice->n_colors, 2);
    for (int64_t e = 0; e < 120; e++) {
        degree[lattice->bond[e]]++;
    }
    for (int64_t b = 0; b < 60; b++) { /* coordinate 0 tells A from B */
        assert_int_equal((lattice->bond[2 * b] + lattice->bond[2 * b + 1]) % 2, 1);
    }
    for (int i = 0; i < 40; i++) {
        assert_int_equal(degree[i], 3);
    }
    kr_lattice_free(lattice);
}

static void open_box_keeps_the_bonds_inside(void **state)
{
    (void)state;
    kr_lattice *lattice = alloc_honeycomb("size=3,4 boundary=open");
    assert_int_equal(lattice->n_bonds, 12 + 2 * 4 + 3 * 3);
    assert_int_equal(lattice->n_symmetries, 1); /* the half turn */
    kr_lattice_free(lattice);
}

static void square_torus_has_the_symmetry_of_the_hexagon(void **state)
{
    (void)state;
    kr_lattice *lattice = alloc_honeycomb("size=5,5");
    assert_int_equal(lattice->n_symmetries, 7);
    assert_int_equal(lattice->symmetry_order[0], 5);
    assert_int_equal(lattice->symmetry_order[2], 6);
    assert_int_equal(lattice->symmetry_order[3], 2);
    assert_int_equal(lattice->symmetry[2 * lattice->n_sites] % 2, 1); /* A goes to B */
    kr_lattice_free(lattice);
    lattice = alloc_honeycomb("size=5,4"); /* shifts and the half turn */
    assert_int_equal(lattice->n_symmetries, 3);
    kr_lattice_free(lattice);
}

static void wrong_sizes_are_refused(void **state)
{
    (void)state;
    const char *wrong[] = { "size=4", "size=4,4,4", "size=1,4", "size=40000,40000" };
    for (int k = 0; k < 4; k++) {
        kr_error err = { 0 };
        assert_null(system_lattice("honeycomb", wrong[k], &err));
        assert_int_equal(err.status, KR_ERANGE);
        assert_non_null(strstr(err.text, "honeycomb: "));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(small_ising_tori_have_their_exact_values),
        cmocka_unit_test(torus_has_three_bonds_at_each_site_and_two_colors),
        cmocka_unit_test(open_box_keeps_the_bonds_inside),
        cmocka_unit_test(square_torus_has_the_symmetry_of_the_hexagon),
        cmocka_unit_test(wrong_sizes_are_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
