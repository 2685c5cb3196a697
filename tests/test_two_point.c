/* SPDX-License-Identifier: GPL-3.0-or-later
 * tests/test_two_point.c - two-point functions of configurations, from their definition. */
#include "kr_real_block.h"

extern const kr_observable_plug kr_observable_two_point;

/* Every lane on a box: G(t) by sums over slices of one axis, structure factors by sums over
 * sites; axes of the largest side are averaged over. */
static void check_box(const char *size, int32_t n_axes, const int32_t *axis)
{
    kr_system s = system_alloc("phi4", "m2=1 lambda=1", "hypercubic", size);
    kr_block *block = real_block(s.terms, 21, 1.0, 7);
    const kr_lattice *lattice = s.lattice;
    const int32_t L = lattice->extent[axis[0]], N = lattice->n_sites;
    int32_t n;
    double *out = real_measure(&kr_observable_two_point, &s, 1.0, block, &n);
    assert_int_equal(n, L / 2 + 4);
    for (int32_t lane = 0; lane < block->n_lanes; lane++) {
        double slice[2][64] = { { 0 } }, sum = 0.0, power = 0.0;
        for (int32_t a = 0; a < n_axes; a++) {
            double re = 0.0, im = 0.0;
            for (int32_t i = 0; i < N; i++) {
                int32_t x[KR_DIM_MAX];
                kr_lattice_coordinates(lattice, i, x);
                const double phi = block->phi[i * block->stride + lane];
                slice[a][x[axis[a]]] += phi * L / N;
                sum += phi / n_axes;
                re += phi * cos(2 * M_PI * x[axis[a]] / L);
                im += phi * sin(2 * M_PI * x[axis[a]] / L);
            }
            power += (re * re + im * im) / N / n_axes;
        }
        const double *row = out + lane * n;
        assert_close(row[0], sum / N, 1e-14);
        for (int32_t t = 0; t <= L / 2; t++) {
            double G = 0.0;
            for (int32_t a = 0; a < n_axes; a++) {
                for (int32_t x = 0; x < L; x++) {
                    G += slice[a][x] * slice[a][(x + t) % L] / L / n_axes;
                }
            }
            assert_close(row[1 + t], G, 1e-14);
        }
        assert_close(row[n - 2], sum * sum / N, 1e-13);
        assert_close(row[n - 1], power, 1e-13);
    }
    free(out);
    kr_block_free(block);
    system_free(&s);
}

static void boxes_follow_the_definition(void **state)
{
    (void)state;
    check_box("size=7", 1, (const int32_t[]){ 0 });
    check_box("size=4,4", 2, (const int32_t[]){ 0, 1 });
    check_box("size=3,6", 1, (const int32_t[]){ 1 });
    check_box("size=4,3,4", 2, (const int32_t[]){ 0, 2 });
}

static const kr_derived *find(const kr_derived *d, const char *name)
{
    while (d->name && strcmp(d->name, name) != 0) {
        d++;
    }
    return d->name ? d : NULL;
}

static void derived_quantities_name_their_columns(void **state)
{
    (void)state;
    kr_error err = { 0 };
    kr_system s = system_alloc("phi4", "m2=1 lambda=1", "hypercubic", "size=8,8");
    const kr_target target = system_target(&s, 1.0);
    void *self = kr_observable_two_point.alloc(&target, NULL, 1, &err);
    assert_non_null(self);
    const kr_derived *all = kr_observable_two_point.more_derived(self);
    const kr_derived *mass = find(all, "effective_mass_2"), *xi;
    assert_non_null(mass);
    assert_string_equal(mass->column, "two_point_2");
    assert_string_equal(mass->other[0], "two_point_1");
    assert_string_equal(mass->other[1], "two_point_3");
    assert_string_equal(mass->other[2], "mean_field");
    assert_non_null(find(all, "two_point_connected_4"));
    assert_null(find(all, "effective_mass_4")); /* it would need G(5) */
    xi = find(all, "correlation_length");
    assert_non_null(xi);
    assert_close(xi->factor, 0.5 / sin(M_PI / 8), 1e-15);
    kr_observable_two_point.free(self);
    system_free(&s);
}

static void other_systems_are_refused(void **state)
{
    (void)state;
    kr_system s = system_alloc("ising", "", "hypercubic", "size=4");
    assert_refused(&kr_observable_two_point, &s, "discrete states");
    system_free(&s);
    s = system_alloc("phi4", "m2=1", "hypercubic", "size=4 boundary=open");
    assert_refused(&kr_observable_two_point, &s, "periodic in all directions");
    system_free(&s);
    s = system_alloc("phi4", "m2=1", "triangular", "size=4,4");
    assert_refused(&kr_observable_two_point, &s, "want lattice hypercubic");
    system_free(&s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(boxes_follow_the_definition),
        cmocka_unit_test(derived_quantities_name_their_columns),
        cmocka_unit_test(other_systems_are_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
