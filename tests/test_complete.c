/* SPDX-License-Identifier: GPL-3.0-or-later
 * tests/test_complete.c - complete graph: its bonds, weights and mean-field sums. */
#include "kr_system.h"
#include "model/exact.h"

static kr_system curie_weiss(const char *size)
{
    char text[64];
    snprintf(text, sizeof text, "size=%s weight=1/N", size);
    return system_alloc("ising", "J=1 field=0.1", "complete", text);
}

/* Sum over the number k of up spins with binomial weights: E = -(M^2 - N)/(2 N) - h M. */
static void curie_weiss_sums_over_binomials(void **state)
{
    (void)state;
    const int N = 12;
    const double beta = 1.1, h = 0.1;
    double z = 0.0, energy = 0.0, square = 0.0;
    for (int k = 0; k <= N; k++) {
        double M = 2.0 * k - N, E = -(M * M - N) / (2.0 * N) - h * M;
        double weight = exp(lgamma(N + 1.0) - lgamma(k + 1.0) - lgamma(N - k + 1.0) - beta * E);
        z += weight;
        energy += weight * E / N;
        square += weight * M * M / N / N;
    }
    kr_error err = { 0 };
    kr_exact x;
    kr_system s = curie_weiss("12");
    kr_target target = system_target(&s, beta);
    assert_ok(kr_exact_enumerate(&target, &x, &err), &err);
    assert_close(x.log_z, log(z), 1e-13);
    assert_close(x.energy_per_site, energy / z, 1e-13);
    assert_close(x.magnetization_squared, square / z, 1e-13);
    system_free(&s);
}

static void weight_divides_couplings_but_no_fields(void **state)
{
    (void)state;
    const struct {
        const char *text;
        double weight;
    } rows[] = { { "size=16 weight=1", 1.0 },
                 { "size=16 weight=1/N", 1.0 / 16.0 },
                 { "size=16 weight=1/sqrt(N)", 0.25 } };
    for (int k = 0; k < 3; k++) {
        kr_system s = system_alloc("ising", "J=3 field=2", "complete", rows[k].text);
        assert_int_equal(s.terms->n_terms, 120);
        for (int t = 0; t < 120; t++) {
            assert_close(s.terms->coupling[t], 3.0 * rows[k].weight, 1e-15);
        }
        assert_close(s.terms->local[0], 2.0, 1e-15);
        system_free(&s);
    }
}

static void every_pair_has_one_bond_and_every_site_its_color(void **state)
{
    (void)state;
    enum { N = 9 };
    kr_error err = { 0 };
    kr_lattice *lattice = system_lattice("complete", "size=9 weight=1", &err);
    int seen[N][N] = { { 0 } };
    assert_non_null(lattice);
    assert_int_equal(lattice->n_bonds, N * (N - 1) / 2);
    for (int64_t b = 0; b < lattice->n_bonds; b++) {
        seen[lattice->bond[2 * b]][lattice->bond[2 * b + 1]]++;
    }
    for (int i = 0; i < N; i++) {
        for (int j = 0; j < N; j++) {
            assert_int_equal(seen[i][j], i < j);
        }
    }
    assert_int_equal(lattice->n_colors, N);
    assert_int_equal(lattice->n_symmetries, 2); /* generate all permutations */
    assert_int_equal(lattice->symmetry_order[0], N);
    assert_int_equal(lattice->symmetry_order[1], 2);
    kr_lattice_free(lattice);
}

static void too_many_sites_are_refused_with_their_bonds(void **state)
{
    (void)state;
    kr_error err = { 0 };
    assert_null(system_lattice("complete", "size=4097 weight=1/N", &err));
    assert_int_equal(err.status, KR_ERANGE);
    assert_string_equal(err.text,
                        "complete: 4097 sites would have 8390656 bonds, want 1..4096 sites");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(curie_weiss_sums_over_binomials),
        cmocka_unit_test(weight_divides_couplings_but_no_fields),
        cmocka_unit_test(every_pair_has_one_bond_and_every_site_its_color),
        cmocka_unit_test(too_many_sites_are_refused_with_their_bonds),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
