/* SPDX-License-Identifier: GPL-3.0-or-later
 * tests/test_graph.c - graphs from files: what is read, and what is refused with its line. */
#include "graph_file.h"
#include "kr_system.h"
#include "model/exact.h"

static const char path[] = "test_graph_bonds.txt";

static kr_lattice *read_graph(const char *text, const char *others, kr_error *err)
{
    char fields[128];
    graph_write(path, text);
    snprintf(fields, sizeof fields, "file=%s %s", path, others);
    return system_lattice("graph", fields, err);
}

static void bonds_keep_the_order_of_the_file(void **state)
{
    (void)state;
    kr_error err = { 0 };
    kr_lattice *lattice = read_graph("# two bonds\n 3 1 # and a comment\n\n0,2\n", "", &err);
    if (!lattice) {
        fail_msg("%s", err.text);
    }
    const int32_t want[] = { 1, 3, 0, 2 };
    assert_int_equal(lattice->n_sites, 4);
    assert_int_equal(lattice->n_bonds, 2);
    assert_memory_equal(lattice->bond, want, sizeof want);
    kr_lattice_free(lattice);
}

static void sites_without_a_bond_may_be_declared(void **state)
{
    (void)state;
    kr_error err = { 0 };
    kr_lattice *lattice = read_graph("0 1\n", "n_sites=5", &err);
    assert_non_null(lattice);
    assert_int_equal(lattice->n_sites, 5);
    assert_int_equal(lattice->extent[0], 5);
    kr_lattice_free(lattice);
}

static void petersen_graph_takes_three_colors(void **state)
{
    (void)state;
    kr_error err = { 0 };
    kr_lattice *lattice = read_graph(graph_petersen, "", &err);
    assert_non_null(lattice);
    assert_int_equal(lattice->n_bonds, 15);
    assert_int_equal(lattice->n_symmetries, 0);
    assert_in_range(lattice->n_colors, 3, 4); /* greedy; three would do */
    kr_lattice_free(lattice);
}

/* A tree of n bonds: Z = 2^(n + 1) cosh(beta)^n. */
static void ising_trees_have_free_bonds(void **state)
{
    (void)state;
    kr_error err = { 0 };
    kr_exact x;
    graph_write(path, "0 1\n0 2\n0 3\n3 4\n3 5\n5 6\n");
    kr_system s = system_alloc("ising", "J=1", "graph", "file=test_graph_bonds.txt");
    kr_target target = system_target(&s, 0.8);
    assert_ok(kr_exact_enumerate(&target, &x, &err), &err);
    assert_close(x.log_z, 7.0 * log(2.0) + 6.0 * log(cosh(0.8)), 1e-14);
    assert_ok(kr_exact_strip(&target, &x, &err), &err);
    assert_close(x.log_z, 7.0 * log(2.0) + 6.0 * log(cosh(0.8)), 1e-14);
    system_free(&s);
}

static void faults_are_refused_with_their_line(void **state)
{
    (void)state;
    const struct {
        const char *text, *fields, *wanted;
    } rows[] = {
        { "0 1\n2 2\n", "", ":2: bond 2 2 joins a site to itself, want two sites" },
        { "0 1\n1 4\n", "n_sites=4", ":2: '4', want a site 0..3" },
        { "0 1\n1 x\n", "", ":2: 'x', want a site 0..2147483646" },
        { "0 1\n1 2.5\n", "", ":2: '2.5', want a site" },
        { "0 1\n-1 2\n", "", ":2: '-1', want a site" },
        { "0 99999999999999999999\n", "", ":1: '99999999999999999999', want a site" },
        { "0 1\n1 2\n0 1\n", "", ":3: bond 0 1 was given in line 1 already, want it once" },
        { "3 4\n0 1\n# here\n1 0\n4 3\n", "",
          ":4: bond 0 1 was given in line 2 already, want it once" },
        { "# nothing\n", "", ":1: end of file, want at least one row `i j`" },
        { "", "", "txt: end of file, want at least one row `i j`" },
        { "0\n", "", ":1: 1 columns, want the two sites of a bond" },
        { "0 1 0.5\n", "", ":1: 3 columns, want the two sites of a bond" },
        { "0 1 2 3 4 5 6 7 8 9\n", "", ":1: 10 columns" },
    };
    for (size_t k = 0; k < sizeof rows / sizeof *rows; k++) {
        kr_error err = { 0 };
        assert_null(read_graph(rows[k].text, rows[k].fields, &err));
        assert_int_equal(err.status, KR_EPARSE);
        if (strncmp(err.text, path, strlen(path)) || !strstr(err.text, rows[k].wanted)) {
            fail_msg("row %zu: %s", k, err.text);
        }
    }
}

static void files_that_cannot_be_read_are_refused(void **state)
{
    (void)state;
    kr_error err = { 0 };
    assert_null(system_lattice("graph", "file=no_such_graph.txt", &err));
    assert_int_equal(err.status, KR_EIO);
    assert_string_equal(err.text, "no_such_graph.txt: No such file or directory, want a "
                                  "readable file of bonds");
    err = (kr_error){ 0 };
    assert_null(system_lattice("graph", "file=.", &err));
    assert_int_equal(err.status, KR_EIO);
}

static int teardown(void **state)
{
    (void)state;
    return remove(path);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(bonds_keep_the_order_of_the_file),
        cmocka_unit_test(sites_without_a_bond_may_be_declared),
        cmocka_unit_test(petersen_graph_takes_three_colors),
        cmocka_unit_test(ising_trees_have_free_bonds),
        cmocka_unit_test(faults_are_refused_with_their_line),
        cmocka_unit_test(files_that_cannot_be_read_are_refused),
    };
    return cmocka_run_group_tests(tests, NULL, teardown);
}
