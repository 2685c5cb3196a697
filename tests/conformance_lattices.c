/* SPDX-License-Identifier: GPL-3.0-or-later
 * tests/conformance_lattices.c - what every lattice of the registry must satisfy: bonds between
 * sites, proper colors, symmetries that are automorphisms of the stated order. A new lattice is
 * covered without a new test as long as it has a field `size`. */
#include "graph_file.h"
#include "kr_system.h"

static const char *const sizes[] = { "size=4",     "size=5",     "size=2,2",   "size=3,3",
                                     "size=4,4",   "size=3,5",   "size=6,4",   "size=2,5",
                                     "size=3,4,5", "size=4,4,4", "size=2,3,4", "size=2,2,3,2" };

/* Lattices whose fields are others than a list of sizes and a boundary. */
static const struct {
    const char *lattice, *fields;
} rows[] = {
    { "complete", "size=1 weight=1" },
    { "complete", "size=2 weight=1/N" },
    { "complete", "size=7 weight=1/sqrt(N)" },
    { "variables", "size=1" },
    { "variables", "size=2" },
    { "variables", "size=7" },
    { "graph", "file=conformance_lattices_tail.txt" },
    { "graph", "file=conformance_lattices_tail.txt n_sites=6" },
    { "graph", "file=conformance_lattices_petersen.txt" },
};

static const kr_field *find_field(const kr_field *fields, const char *name)
{
    while (fields->name && strcmp(fields->name, name)) {
        fields++;
    }
    return fields->name ? fields : NULL;
}

static int look_at(const char *name, const char *text, void (*look)(const kr_lattice *lattice))
{
    kr_error err = { 0 };
    kr_lattice *lattice = system_lattice(name, text, &err);
    bool is_built = lattice != NULL;
    if (is_built) {
        look(lattice);
    } else if (err.status != KR_ERANGE) {
        fail_msg("%s %s: %s", name, text, err.text);
    }
    kr_lattice_free(lattice);
    return is_built;
}

static int look_at_boxes(const kr_lattice_plug *plug, void (*look)(const kr_lattice *lattice))
{
    const char *boundaries[] = { "periodic", "open", "antiperiodic" };
    const kr_field *size = find_field(plug->fields, "size");
    const kr_field *boundary = find_field(plug->fields, "boundary");
    int n = 0;
    for (size_t k = 0; k < 3 * (sizeof sizes / sizeof *sizes); k++) {
        char text[128];
        if (!size || size->type != KR_TYPE_INT_LIST || !boundary ||
            !strstr(boundary->choices, boundaries[k % 3])) {
            continue;
        }
        snprintf(text, sizeof text, "%s boundary=%s", sizes[k / 3], boundaries[k % 3]);
        n += look_at(plug->name, text, look);
    }
    return n;
}

static int for_all(void (*look)(const kr_lattice *lattice))
{
    int n_looked = 0;
    for (const kr_lattice_plug *const *plug = kr_registry_lattices; *plug; plug++) {
        int n_rows = 0, n_boxes = look_at_boxes(*plug, look);
        for (size_t k = 0; k < sizeof rows / sizeof *rows; k++) {
            if (strcmp(rows[k].lattice, (*plug)->name) == 0) {
                n_rows += look_at((*plug)->name, rows[k].fields, look);
            }
        }
        if (n_boxes < 6 && n_rows < 3) {
            fail_msg("%s: too few boxes were looked at, want rows of this lattice",
                     (*plug)->name);
        }
        n_looked += n_boxes + n_rows;
    }
    return n_looked;
}

static void look_bonds(const kr_lattice *lattice)
{
    int32_t product = 1;
    for (int32_t d = 0; d < lattice->dim; d++) {
        product *= lattice->extent[d];
    }
    assert_int_equal(product, lattice->n_sites);
    int8_t least = 1;
    for (int64_t b = 0; b < lattice->n_bonds; b++) {
        assert_in_range(lattice->bond[2 * b], 0, lattice->n_sites - 1);
        assert_in_range(lattice->bond[2 * b + 1], 0, lattice->n_sites - 1);
        assert_int_not_equal(lattice->bond[2 * b], lattice->bond[2 * b + 1]);
        assert_int_equal(abs(lattice->bond_sign[b]), 1);
        least = lattice->bond_sign[b] < least ? lattice->bond_sign[b] : least;
    }
    assert_int_equal(lattice->has_antiperiodic, least < 0);
}

static void bonds_join_different_sites_with_signs_where_declared(void **state)
{
    (void)state;
    assert_true(for_all(look_bonds) > 0);
}

static void look_coloring(const kr_lattice *lattice)
{
    uint8_t used[KR_STATES_MAX] = { 0 };
    for (int64_t b = 0; b < lattice->n_bonds; b++) {
        assert_int_not_equal(lattice->color[lattice->bond[2 * b]],
                             lattice->color[lattice->bond[2 * b + 1]]);
    }
    for (int32_t i = 0; i < lattice->n_sites; i++) {
        assert_in_range(lattice->color[i], 0, lattice->n_colors - 1);
        used[lattice->color[i]] = 1;
    }
    for (int32_t c = 0; c < lattice->n_colors; c++) {
        assert_true(used[c]);
    }
}

static void colorings_are_proper_and_use_every_color(void **state)
{
    (void)state;
    assert_true(for_all(look_coloring) > 0);
}

/* Signed multiplicity of the bonds of each pair, as a dense matrix. */
static void fill_matrix(const kr_lattice *lattice, const int32_t *image, int *matrix)
{
    size_t n = (size_t)lattice->n_sites;
    memset(matrix, 0, n * n * sizeof *matrix);
    for (int64_t b = 0; b < lattice->n_bonds; b++) {
        size_t i = (size_t)image[lattice->bond[2 * b]];
        size_t j = (size_t)image[lattice->bond[2 * b + 1]];
        int weight = lattice->bond_sign[b] > 0 ? 1 : 1000;
        matrix[i * n + j] += weight;
        matrix[j * n + i] += weight;
    }
}

static void look_symmetries(const kr_lattice *lattice)
{
    size_t n = (size_t)lattice->n_sites;
    int *plain = malloc(n * n * sizeof *plain), *mapped = malloc(n * n * sizeof *mapped);
    int32_t *power = malloc(n * sizeof *power);
    for (size_t i = 0; i < n; i++) {
        power[i] = (int32_t)i;
    }
    fill_matrix(lattice, power, plain);
    for (int32_t g = 0; g < lattice->n_symmetries; g++) {
        const int32_t *image = lattice->symmetry + (size_t)g * n;
        fill_matrix(lattice, image, mapped);
        assert_memory_equal(plain, mapped, n * n * sizeof *plain);
        assert_true(kr_lattice_is_symmetry(lattice, image));
        for (int32_t k = 1; k <= lattice->symmetry_order[g]; k++) {
            size_t n_fixed = 0;
            for (size_t i = 0; i < n; i++) {
                power[i] = image[power[i]];
                n_fixed += power[i] == (int32_t)i;
            }
            assert_int_equal(n_fixed == n, k == lattice->symmetry_order[g]);
        }
    }
    free(power);
    free(mapped);
    free(plain);
}

static void symmetries_are_automorphisms_of_the_stated_order(void **state)
{
    (void)state;
    assert_true(for_all(look_symmetries) > 0);
}

/* What a plug says before it builds is no less than what it makes, and all of it on a torus. */
static void counts_beforehand_hold(void **state)
{
    (void)state;
    static const char *const boxes[] = { "size=3,4", "size=3,4 boundary=open",
                                         "size=7 weight=1" };
    int n_counted = 0;
    for (const kr_lattice_plug *const *plug = kr_registry_lattices; *plug; plug++) {
        const kr_field *size = find_field((*plug)->fields, "size");
        for (int k = 0; k < 3 && size && (*plug)->count; k++) {
            _Alignas(16) char params[8192] = { 0 };
            kr_error err = { 0 };
            double n_sites, n_bonds;
            if ((size->type == KR_TYPE_INT) != (k == 2)) {
                continue;
            }
            system_params((*plug)->fields, boxes[k], params);
            kr_lattice *lattice = kr_lattice_alloc(*plug, params, &err);
            assert_non_null(lattice);
            (*plug)->count(params, &n_sites, &n_bonds);
            assert_close(n_sites, lattice->n_sites, 0.0);
            assert_true(n_bonds >= (double)lattice->n_bonds);
            assert_true(k == 1 || n_bonds == (double)lattice->n_bonds);
            kr_lattice_free(lattice);
            n_counted++;
        }
    }
    assert_true(n_counted >= 5);
}

static void look_shifts(const kr_lattice *lattice)
{
    if (lattice->has_antiperiodic) {
        return;
    }
    for (int32_t d = 0; d < lattice->dim; d++) {
        bool is_found = !lattice->is_periodic[d] || lattice->extent[d] == 1;
        for (int32_t g = 0; g < lattice->n_symmetries && !is_found; g++) {
            is_found = true;
            for (int32_t i = 0; i < lattice->n_sites && is_found; i++) {
                int32_t x[KR_DIM_MAX];
                kr_lattice_coordinates(lattice, i, x);
                x[d] = (x[d] + 1) % lattice->extent[d];
                is_found =
                    lattice->symmetry[g * lattice->n_sites + i] == kr_lattice_site(lattice, x);
            }
        }
        assert_true(is_found);
    }
}

static void shifts_along_periodic_directions_are_symmetries(void **state)
{
    (void)state;
    assert_true(for_all(look_shifts) > 0);
}

int main(void)
{
    graph_write("conformance_lattices_tail.txt", graph_tail);
    graph_write("conformance_lattices_petersen.txt", graph_petersen);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(bonds_join_different_sites_with_signs_where_declared),
        cmocka_unit_test(colorings_are_proper_and_use_every_color),
        cmocka_unit_test(symmetries_are_automorphisms_of_the_stated_order),
        cmocka_unit_test(counts_beforehand_hold),
        cmocka_unit_test(shifts_along_periodic_directions_are_symmetries),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
