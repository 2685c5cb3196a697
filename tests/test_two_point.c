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

/* Vectors of a state, from the definition in observable/slices.h. */
static int vector_of(const kr_terms *terms, int state, double *v)
{
    if (terms->order == KR_ORDER_POTTS) {
        for (int a = 0; a < terms->q; a++) {
            v[a] = ((a == state) - 1.0 / terms->q) * sqrt(terms->q / (terms->q - 1.0));
        }
        return terms->q;
    }
    if (terms->order == KR_ORDER_VECTOR) {
        v[0] = terms->moment[0].value[state];
        v[1] = terms->moment[1].value[state];
        return 2;
    }
    v[0] = terms->value[state];
    return 1;
}

/* Structure factors and G(1) of random states by sums over all pairs of sites; cell: sites of
 * a unit cell, which share their coordinates. */
static void check_states(const char *model, const char *params, const char *lattice,
                         const char *size, int32_t cell)
{
    kr_system s = system_alloc(model, params, lattice, size);
    kr_block *block = kr_block_alloc(s.terms, 3, 0, 0, NULL);
    kr_rng rng;
    kr_rng_seed(&rng, 5, 0, KR_PURPOSE_TEST);
    const int32_t N = s.lattice->n_sites, dim = s.lattice->dim, from = cell > 1;
    const int32_t L = s.lattice->extent[from];
    for (int32_t k = 0; k < 3 * N; k++) {
        block->state[k] = (uint8_t)kr_rng_below(&rng, (uint32_t)s.terms->q);
    }
    int32_t n;
    double *out = real_measure(&kr_observable_two_point, &s, 1.0, block, &n);
    for (int32_t lane = 0; lane < 3; lane++) {
        double zero = 0.0, least = 0.0, G = 0.0;
        for (int32_t i = 0; i < N; i++) {
            for (int32_t j = 0; j < N; j++) {
                double a[16], b[16], dot = 0.0;
                int32_t x[KR_DIM_MAX], y[KR_DIM_MAX];
                const int parts = vector_of(s.terms, block->state[lane * N + i], a);
                vector_of(s.terms, block->state[lane * N + j], b);
                kr_lattice_coordinates(s.lattice, i, x);
                kr_lattice_coordinates(s.lattice, j, y);
                for (int c = 0; c < parts; c++) {
                    dot += a[c] * b[c];
                }
                zero += dot / N;
                for (int32_t d = from; d < dim; d++) {
                    const double axes = dim - from;
                    least += dot * cos(2 * M_PI * (x[d] - y[d]) / L) / N / axes;
                    G += (x[d] + 1) % L == y[d] ? dot * L / N / N / axes : 0.0;
                }
            }
        }
        const double *row = out + lane * n;
        assert_close(row[n - 2], zero, 1e-12);
        assert_close(row[n - 1], least, 1e-12);
        assert_close(row[n - 2 - (L / 2 + 1) + 1], G, 1e-12);
    }
    free(out);
    kr_block_free(block);
    system_free(&s);
}

static void states_follow_the_definition(void **state)
{
    (void)state;
    check_states("ising", "", "hypercubic", "size=6,6", 1);
    check_states("ising", "", "hypercubic", "size=4,4,4", 1);
    check_states("blume_capel", "D=1", "hypercubic", "size=5,5", 1);
    check_states("potts", "q=4", "triangular", "size=4,4", 1);
    check_states("clock", "q=5", "hypercubic", "size=4,4", 1);
    check_states("ising", "", "honeycomb", "size=4,4", 2);
    check_states("potts", "q=3", "kagome", "size=3,3", 3);
}

static void angles_follow_the_definition(void **state)
{
    (void)state;
    kr_system s = system_alloc("xy", "", "hypercubic", "size=4,4");
    kr_block *block = real_block(s.terms, 3, 2.0, 9);
    int32_t n;
    double *out = real_measure(&kr_observable_two_point, &s, 1.0, block, &n);
    for (int32_t lane = 0; lane < 3; lane++) {
        double zero = 0.0, least = 0.0;
        for (int32_t i = 0; i < 16; i++) {
            for (int32_t j = 0; j < 16; j++) {
                const double dot = cos(block->phi[i * block->stride + lane] -
                                       block->phi[j * block->stride + lane]);
                zero += dot / 16;
                least += dot * 0.5 *
                         (cos(M_PI_2 * (i % 4 - j % 4)) + cos(M_PI_2 * (i / 4 - j / 4))) / 16;
            }
        }
        assert_close(out[lane * n + n - 2], zero, 1e-12);
        assert_close(out[lane * n + n - 1], least, 1e-12);
    }
    free(out);
    kr_block_free(block);
    system_free(&s);
}

static void other_systems_are_refused(void **state)
{
    (void)state;
    kr_system s = system_alloc("phi4", "m2=1", "hypercubic", "size=4 boundary=open");
    assert_refused(&kr_observable_two_point, &s, "periodic in all directions");
    system_free(&s);
    s = system_alloc("ising", "", "triangular", "size=4,4 boundary=open");
    assert_refused(&kr_observable_two_point, &s, "periodic in all directions");
    system_free(&s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(boxes_follow_the_definition),
        cmocka_unit_test(states_follow_the_definition),
        cmocka_unit_test(angles_follow_the_definition),
        cmocka_unit_test(derived_quantities_name_their_columns),
        cmocka_unit_test(other_systems_are_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
