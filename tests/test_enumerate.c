/* SPDX-License-Identifier: GPL-3.0-or-later
 * tests/test_enumerate.c - walks over every configuration; values in test_<model>.c. */
#include "kr_system.h"
#include "model/exact.h"

typedef struct visits {
    const kr_terms *terms;
    int n_seen[256], n;
    uint8_t last[8];
    double worst;
} visits;

static void look(void *context, const uint8_t *state, double energy)
{
    visits *v = context;
    int index = 0, n_changed = 0;
    for (int32_t i = 0; i < v->terms->n_sites; i++) {
        index = index * v->terms->q + state[i];
        n_changed += state[i] != v->last[i];
        v->last[i] = state[i];
    }
    v->n_seen[index]++;
    assert_int_equal(n_changed, v->n > 0);
    v->n++;
    v->worst = fmax(v->worst, fabs(energy - kr_terms_energy(v->terms, state, 1)));
}

static void walk_meets_each_configuration_once_by_single_changes(void **state)
{
    (void)state;
    const struct {
        const char *q, *size;
        int n;
    } cases[] = { { "q=2 J=0.3", "size=4,2", 256 },
                  { "q=3 J=0.3", "size=5", 243 },
                  { "q=16 J=0.3", "size=2", 256 },
                  { "q=200 J=0.3", "size=1", 200 } };
    for (int k = 0; k < 4; k++) {
        kr_error err = { 0 };
        kr_system s = system_alloc("potts", cases[k].q, "hypercubic", cases[k].size);
        visits v = { .terms = s.terms };
        assert_ok(kr_enumerate_visit(s.terms, look, &v, &err), &err);
        assert_int_equal(v.n, cases[k].n);
        for (int x = 0; x < cases[k].n; x++) {
            assert_int_equal(v.n_seen[x], 1);
        }
        assert_true(v.worst < 1e-14);
        system_free(&s);
    }
}

static void drift(void *context, const uint8_t *state, double energy)
{
    visits *v = context;
    v->n++;
    if (v->n % 1023 == 0) {
        v->worst = fmax(v->worst, fabs(energy - kr_terms_energy(v->terms, state, 1)));
    }
}

static void energies_do_not_drift(void **state)
{
    (void)state;
    kr_error err = { 0 };
    kr_system s = system_alloc("ising", "disorder.kind=gaussian random_field.kind=gaussian",
                               "hypercubic", "size=5,4");
    visits v = { .terms = s.terms };
    assert_ok(kr_enumerate_visit(s.terms, drift, &v, &err), &err);
    assert_int_equal(v.n, 1 << 20);
    assert_true(v.worst < 1e-12);
    system_free(&s);
}

static void cold_systems_keep_their_digits(void **state)
{
    (void)state;
    kr_error err = { 0 };
    kr_exact x;
    kr_system s = system_alloc("ising", "", "hypercubic", "size=4,4");
    kr_target target = system_target(&s, 4.0);
    assert_ok(kr_exact_enumerate(&target, &x, &err), &err);
    /* above the two ground states: 16 single flips of energy 8, 32 pairs of energy 12 */
    double variance = 16.0 * 64.0 * exp(-32.0) + 32.0 * 144.0 * exp(-48.0);
    assert_close(x.specific_heat / variance, 1.0, 1e-10);
    assert_close(x.log_z, 128.0 + M_LN2, 1e-14);
    target.beta = 300.0;
    assert_ok(kr_exact_enumerate(&target, &x, &err), &err);
    assert_close(x.log_z, 9600.0 + M_LN2, 1e-14);
    assert_close(x.energy_per_site, -2.0, 1e-15);
    system_free(&s);
}

static void magnetization_that_vanishes_by_symmetry_is_zero(void **state)
{
    (void)state;
    const char *const field[] = { "", " field=1e-8" };
    for (int k = 0; k < 2; k++) {
        kr_error err = { 0 };
        char params[64];
        snprintf(params, sizeof params, "J=1%s", field[k]);
        kr_system s = system_alloc("ising", params, "hypercubic", "size=4,4");
        kr_exact exact;
        const kr_target target = { .lattice = s.lattice, .terms = s.terms, .beta = 0.4 };
        assert_ok(kr_exact_enumerate(&target, &exact, &err), &err);
        if (k == 0) {
            assert_true(exact.magnetization == 0.0);
        } else { /* a small field is no rounding: m = beta h <M^2> / N */
            assert_close(exact.magnetization, 0.4e-8 * 16.0 * exact.magnetization_squared,
                         1e-6);
        }
        system_free(&s);
    }
}

static void large_systems_are_refused_with_the_figure(void **state)
{
    (void)state;
    kr_error err = { 0 };
    kr_exact x;
    kr_system s = system_alloc("ising", "", "hypercubic", "size=5,5");
    kr_target target = system_target(&s, 1.0);
    assert_int_equal(kr_exact_enumerate(&target, &x, &err), KR_EUNSUP);
    assert_string_equal(err.text, "enumeration: 2^25 configurations, want at most 16777216");
    assert_int_equal(kr_enumerate_visit(s.terms, look, NULL, NULL), KR_EUNSUP);
    system_free(&s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(walk_meets_each_configuration_once_by_single_changes),
        cmocka_unit_test(energies_do_not_drift),
        cmocka_unit_test(cold_systems_keep_their_digits),
        cmocka_unit_test(magnetization_that_vanishes_by_symmetry_is_zero),
        cmocka_unit_test(large_systems_are_refused_with_the_figure),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
