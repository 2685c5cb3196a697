/* SPDX-License-Identifier: GPL-3.0-or-later
 * tests/test_triangular.c - triangular lattice: bonds, colors, symmetries, exact values. */
#include "kr_exact_row.h"

/* clang-format off: one row per line pair, as in the source */
static const exact_row rows[] = {
    /* reference/ising_other_lattices_small.csv */
    { "field=0",
      "size=3,3",
      0.2,
      { 7.245934055295175, -1.499234309668072, 0.5134813363672836, 0.0, 0.6732046012128108,
        0.5433971810833499, 0.4288714858990357, 0.5158597885578882, 0.9781149259500298 } },
    { "field=0",
      "size=3,3",
      0.27465307216702742285,
      { 8.553938718318307, -2.3375, 0.6411798488207387, 0.0, 0.8669921875, 0.7990740740740741,
        0.7269090077732053, 0.6205236493164696, 1.975213344001206 } },
    { "field=0",
      "size=3,3",
      0.6,
      { 16.90003559185719, -2.990661643827216, 0.04146809703813769, 0.0, 0.9984261354623979,
        0.9972265028907562, 0.99559368714658, 0.6662868999981417, 5.385023115610083 } },
    { "field=0",
      "size=3,3",
      -0.3,
      { 7.144808088053748, 0.6190566084649874, 0.144558237367811, 0.0, 0.1611624292399885,
        0.0357232458357587, 0.003728386842706319, 0.02613695188448477, -0.09645276375654848 } },
    { "field=0",
      "size=3,3",
      -1.0,
      { 12.76306042773713, 0.9879135052626317, 0.05461925195828342, 0.0, 0.1422510347060135,
        0.02618591254326566, 0.001861245110255273, 0.09521188136352337, -0.235673212889391 } },
    { "field=0",
      "size=4,4",
      0.2,
      { 12.58519199744751, -1.268322493333472, 0.528989823926018, 0.0, 0.5636408236096419,
        0.4033612920284549, 0.2649912071370659, 0.4570975895145347, 1.290756134491056 } },
    { "field=0",
      "size=4,4",
      0.27465307216702742285,
      { 14.71024147158611, -2.253968253968254, 0.7971300721636543, 0.0, 0.8365498194618831,
        0.7462487599206349, 0.6397153460790241, 0.6170886236576784, 3.27935223220859 } },
    { "field=0",
      "size=4,4",
      0.6,
      { 29.50538349557358, -2.990675898982074, 0.04135087229482657, 0.0, 0.9984299934326971,
        0.9970700826251669, 0.9948641960013747, 0.666426780923392, 9.571872793201602 } },
    { "field=0",
      "size=4,4",
      -0.3,
      { 12.60840557981809, 0.5304505743712051, 0.08363363625026582, 0.0, 0.1050372440263245,
        0.01994249284775943, 0.001190077643052484, 0.002540773505510486,
        -0.09572396566924528 } },
    { "field=0",
      "size=4,4",
      -1.0,
      { 20.63462472635495, 0.8431105725611114, 0.3062623411948602, 0.0, 0.04304510724584489,
        0.005959337234320807, 0.0001478453219243735, -0.3876834460176898,
        -0.09534939574913291 } },
    { "field=0",
      "size=3,6",
      0.2,
      { 14.18512103053814, -1.250010296191783, 0.4880030924236362, 0.0, 0.5196057912469499,
        0.3558515651547421, 0.2215336227668631, 0.416849524306967, 1.281065634557072 } },
    { "field=0",
      "size=3,6",
      0.27465307216702742285,
      { 16.51583956062817, -2.203362702715426, 0.8267283021025523, 0.0, 0.8035063935625103,
        0.7060756002242151, 0.5950634116330666, 0.6021314736630906, 3.490664990107654 } },
    { "field=0",
      "size=3,6",
      0.6,
      { 33.10692886310441, -2.990652963918587, 0.04156769169232213, 0.0, 0.9984194612695616,
        0.9970337099199494, 0.9947343908709217, 0.6664459685814187, 10.76796406713545 } },
    { "field=0",
      "size=3,6",
      -0.3,
      { 14.24192244640584, 0.5769651292371056, 0.11790529296618, 0.0, 0.09981848024638432,
        0.01769391970918411, 0.0009339926416503604, 0.005570279545320168,
        -0.09554716642959419 } },
    { "field=0",
      "size=3,6",
      -1.0,
      { 24.88393885711721, 0.9713822939149787, 0.117183039079542, 0.0, 0.07251266846941666,
        0.01058378619989544, 0.0003522500481952766, -0.04820853128542126,
        -0.1905081515981179 } },
};
/* clang-format on */

static void small_ising_tori_have_their_exact_values(void **state)
{
    (void)state;
    for (size_t k = 0; k < sizeof rows / sizeof *rows; k++) {
        assert_exact_row("ising", "triangular", &rows[k]);
    }
}

static kr_lattice *alloc_triangular(const char *text)
{
    kr_error err = { 0 };
    kr_lattice *lattice = system_lattice("triangular", text, &err);
    if (!lattice) {
        fail_msg("%s", err.text);
    }
    return lattice;
}

static void torus_has_three_bonds_per_site(void **state)
{
    (void)state;
    kr_lattice *lattice = alloc_triangular("size=5,4");
    assert_int_equal(lattice->n_bonds, 60);
    int degree[20] = { 0 };
    for (int64_t e = 0; e < 120; e++) {
        degree[lattice->bond[e]]++;
    }
    for (int i = 0; i < 20; i++) {
        assert_int_equal(degree[i], 6);
    }
    kr_lattice_free(lattice);
}

static void open_box_keeps_the_bonds_inside(void **state)
{
    (void)state;
    kr_lattice *lattice = alloc_triangular("size=3,4 boundary=open");
    assert_int_equal(lattice->n_bonds, 2 * 4 + 3 * 3 + 2 * 3);
    assert_in_range(lattice->n_colors, 3, 4);
    kr_lattice_free(lattice);
}

static void coloring_is_proper(void **state)
{
    (void)state;
    const char *boxes[] = { "size=3,3", "size=6,6", "size=4,4", "size=2,5", "size=7,5" };
    for (int k = 0; k < 5; k++) {
        kr_lattice *lattice = alloc_triangular(boxes[k]);
        for (int64_t b = 0; b < lattice->n_bonds; b++) {
            int32_t i = lattice->bond[2 * b], j = lattice->bond[2 * b + 1];
            assert_int_not_equal(lattice->color[i], lattice->color[j]);
        }
        assert_true(lattice->n_colors <= 7);
        kr_lattice_free(lattice);
    }
}

static void square_torus_turns_by_sixty_degrees(void **state)
{
    (void)state;
    kr_lattice *lattice = alloc_triangular("size=5,5");
    assert_int_equal(lattice->n_symmetries, 7);
    assert_int_equal(lattice->symmetry_order[0], 5);
    assert_int_equal(lattice->symmetry_order[2], 6);
    kr_lattice_free(lattice);
    lattice = alloc_triangular("size=5,4"); /* shifts and the turn by 180 degrees */
    assert_int_equal(lattice->n_symmetries, 3);
    kr_lattice_free(lattice);
    lattice = alloc_triangular("size=4,4 boundary=open");
    assert_int_equal(lattice->n_symmetries, 2); /* exchange of axes, turn by 180 degrees */
    kr_lattice_free(lattice);
}

static void wrong_sizes_are_refused(void **state)
{
    (void)state;
    const char *wrong[] = { "size=4", "size=4,4,4", "size=1,4", "size=1000000,1000000" };
    for (int k = 0; k < 4; k++) {
        kr_error err = { 0 };
        assert_null(system_lattice("triangular", wrong[k], &err));
        assert_int_equal(err.status, KR_ERANGE);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(small_ising_tori_have_their_exact_values),
        cmocka_unit_test(torus_has_three_bonds_per_site),
        cmocka_unit_test(open_box_keeps_the_bonds_inside),
        cmocka_unit_test(coloring_is_proper),
        cmocka_unit_test(square_torus_turns_by_sixty_degrees),
        cmocka_unit_test(wrong_sizes_are_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
