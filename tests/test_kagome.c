/* SPDX-License-Identifier: GPL-3.0-or-later
 * tests/test_kagome.c - kagome lattice: bonds, triangles, symmetries, and its Ising partition
 * function from that of the honeycomb lattice. */
#include "kr_system.h"
#include "model/exact.h"

static kr_lattice *alloc_kagome(const char *text)
{
    kr_error err = { 0 };
    kr_lattice *lattice = system_lattice("kagome", text, &err);
    if (!lattice) {
        fail_msg("%s", err.text);
    }
    return lattice;
}

static double log_z(const char *lattice, const char *size, double beta)
{
    kr_error err = { 0 };
    kr_exact x;
    kr_system s = system_alloc("ising", "J=1", lattice, size);
    kr_target target = system_target(&s, beta);
    assert_ok(kr_exact_enumerate(&target, &x, &err), &err);
    system_free(&s);
    return x.log_z;
}

/* Coupling of the triangle that the star of three bonds L makes when its center is summed over,
 * and of the bond that two bonds L in line make (Syozi, Prog. Theor. Phys. 6, 306 (1951)). */
static double triangle_of(double L)
{
    return 0.25 * log(cosh(3.0 * L) / cosh(L));
}

static double line_of(double L)
{
    return 0.5 * log(cosh(2.0 * L));
}

/* The honeycomb lattice with a spin on every bond, summed over either kind of spin. */
static void ising_tori_follow_from_the_decorated_honeycomb_lattice(void **state)
{
    (void)state;
    const char *const size[] = { "size=2,2", "size=2,3", "size=3,2" };
    const int n_cells[] = { 4, 6, 6 };
    for (int k = 0; k < 3; k++) {
        for (double L = 0.3; L < 1.4; L += 0.5) {
            double line = 0.5 * log(4.0 * cosh(2.0 * L));
            double star = 0.25 * log(16.0 * cosh(3.0 * L) * pow(cosh(L), 3.0));
            double want = log_z("honeycomb", size[k], line_of(L)) +
                          n_cells[k] * (3.0 * line - 2.0 * star);
            assert_close(log_z("kagome", size[k], triangle_of(L)), want, 1e-12);
        }
    }
}

static void critical_points_of_both_lattices_belong_together(void **state)
{
    (void)state;
    /* reference/critical_points_planar_exact.csv */
    double L = 0.5 * acosh(exp(2.0 * 0.6584789484624083543125232));
    assert_close(triangle_of(L), 0.4665660103147178885806672, 1e-14);
    double found = 0.0;
    for (const kr_fact *f = system_model("ising")->facts; f->lattice; f++) {
        found = strcmp(f->lattice, "kagome") ? found : f->value;
    }
    assert_close(found, 0.4665660103147178885806672, 1e-15);
}

static void torus_has_four_bonds_at_each_site(void **state)
{
    (void)state;
    kr_lattice *lattice = alloc_kagome("size=4,3");
    int degree[36] = { 0 };
    assert_int_equal(lattice->n_sites, 36);
    assert_int_equal(lattice->n_bonds, 72);
    assert_int_equal(lattice->extent[0], 3);
    for (int64_t e = 0; e < 144; e++) {
        degree[lattice->bond[e]]++;
    }
    for (int i = 0; i < 36; i++) {
        assert_int_equal(degree[i], 4);
    }
    kr_lattice_free(lattice);
}

/* Two triangles to a cell: the trace of the third power of the adjacency matrix, over six. */
static void torus_has_two_triangles_to_a_cell(void **state)
{
    (void)state;
    enum { N = 48 };
    kr_lattice *lattice = alloc_kagome("size=4,4");
    static bool is_bond[N][N];
    assert_int_equal(lattice->n_sites, N);
    for (int64_t b = 0; b < lattice->n_bonds; b++) {
        is_bond[lattice->bond[2 * b]][lattice->bond[2 * b + 1]] = true;
        is_bond[lattice->bond[2 * b + 1]][lattice->bond[2 * b]] = true;
    }
    int trace = 0;
    for (int i = 0; i < N; i++) {
        for (int j = 0; j < N; j++) {
            for (int k = 0; k < N; k++) {
                trace += is_bond[i][j] && is_bond[j][k] && is_bond[k][i];
            }
        }
    }
    assert_int_equal(trace, 6 * 2 * 16);
    kr_lattice_free(lattice);
}

static void square_torus_has_the_symmetry_of_the_hexagon(void **state)
{
    (void)state;
    kr_lattice *lattice = alloc_kagome("size=4,4");
    assert_int_equal(lattice->n_symmetries, 7);
    assert_int_equal(lattice->symmetry_order[0], 4);
    assert_int_equal(lattice->symmetry_order[2], 6);
    kr_lattice_free(lattice);
    lattice = alloc_kagome("size=5,4");
    assert_int_equal(lattice->n_symmetries, 3);
    kr_lattice_free(lattice);
    lattice =
        alloc_kagome("size=4,4 boundary=open"); /* the mirror that exchanges the vectors */
    assert_int_equal(lattice->n_symmetries, 1);
    assert_int_equal(lattice->n_bonds, 3 * 16 + 2 * 12 + 9);
    kr_lattice_free(lattice);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(ising_tori_follow_from_the_decorated_honeycomb_lattice),
        cmocka_unit_test(critical_points_of_both_lattices_belong_together),
        cmocka_unit_test(torus_has_four_bonds_at_each_site),
        cmocka_unit_test(torus_has_two_triangles_to_a_cell),
        cmocka_unit_test(square_torus_has_the_symmetry_of_the_hexagon),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
