/* SPDX-License-Identifier: GPL-3.0-or-later
 * tests/test_skip.c - the exact local field of the sites already drawn. */
#include "kr_system.h"

#include "base/rng.h"
#include "density/skip.h"

enum { L = KR_LANES_PAD };

static void draw(kr_rng *rng, const kr_terms *terms, uint8_t *state)
{
    for (int32_t x = 0; x < terms->n_sites * L; x++) {
        state[x] = (uint8_t)kr_rng_below(rng, (uint32_t)terms->q);
    }
}

/* Every neighbor of the last site comes before it: its skip term is its whole local energy. */
static void check_last_site(const char *model, const char *fields)
{
    kr_system s = system_alloc(model, fields, "hypercubic", "size=4,3");
    kr_error err = { 0 };
    kr_skip skip;
    double beta = 0.7;
    assert_ok(kr_skip_init(&skip, s.terms, NULL, beta, &err), &err);
    int32_t n = s.terms->n_sites, q = s.terms->q;
    uint8_t state[12 * L], one[12];
    float z[8 * L];
    double e[8];
    kr_rng rng;
    kr_rng_seed(&rng, 1, 0, KR_PURPOSE_TEST);
    draw(&rng, s.terms, state);
    for (int k = 0; k < 8 * L; k++) {
        z[k] = 0.25f; /* it is added to what is there */
    }
    kr_skip_add(&skip, n - 1, L - 1, L, state, z);
    for (int32_t l = 0; l < L - 1; l++) {
        for (int32_t i = 0; i < n; i++) {
            one[i] = state[i * L + l];
        }
        kr_terms_local(s.terms, one, n - 1, e);
        for (int32_t a = 1; a < q; a++) {
            double got = q == 2 ? z[l] - 0.25 : (double)z[a * L + l] - (double)z[l];
            assert_close(got, -beta * (e[a] - e[0]), 2e-6);
        }
    }
    assert_true(z[L - 1] == 0.25f); /* lanes beyond n_lanes are left alone */
    kr_skip_clear(&skip);
    system_free(&s);
}

static void last_site_feels_its_whole_local_energy(void **state)
{
    (void)state;
    check_last_site("ising", "J=0.8 field=0.3");
    check_last_site("ising", "disorder.kind=gaussian random_field.kind=gaussian");
    check_last_site("potts", "q=4 J=1.1 field=0.2 disorder.kind=pm1");
}

static void later_sites_are_not_read(void **state)
{
    (void)state;
    kr_system s = system_alloc("potts", "q=3", "hypercubic", "size=4,3");
    kr_error err = { 0 };
    kr_skip skip;
    assert_ok(kr_skip_init(&skip, s.terms, NULL, 0.5, &err), &err);
    uint8_t states[12 * L];
    kr_rng rng;
    kr_rng_seed(&rng, 2, 0, KR_PURPOSE_TEST);
    for (int32_t i = 0; i < s.terms->n_sites; i++) {
        float z[3 * L] = { 0 }, again[3 * L] = { 0 };
        draw(&rng, s.terms, states);
        kr_skip_add(&skip, i, L, L, states, z);
        memset(states + i * L, 1, (size_t)(s.terms->n_sites - i) * L);
        kr_skip_add(&skip, i, L, L, states, again);
        assert_memory_equal(z, again, sizeof z);
    }
    kr_skip_clear(&skip);
    system_free(&s);
}

static void is_odd_without_a_field_only(void **state)
{
    (void)state;
    const struct {
        const char *model, *fields;
        bool is_odd;
    } row[] = { { "ising", "", true },
                { "ising", "disorder.kind=gaussian", true },
                { "ising", "field=0.1", false },
                { "potts", "q=2", true },
                { "potts", "q=3", false } };
    for (size_t k = 0; k < sizeof row / sizeof *row; k++) {
        kr_system s = system_alloc(row[k].model, row[k].fields, "hypercubic", "size=3");
        kr_error err = { 0 };
        kr_skip skip;
        assert_ok(kr_skip_init(&skip, s.terms, NULL, 0.5, &err), &err);
        assert_int_equal(skip.is_odd, row[k].is_odd);
        kr_skip_clear(&skip);
        system_free(&s);
    }
}

static void refuses_a_beta_that_is_no_number(void **state)
{
    (void)state;
    kr_system s = system_alloc("ising", "", "hypercubic", "size=3");
    kr_error err = { 0 };
    kr_skip skip;
    assert_ok(kr_skip_init(&skip, s.terms, NULL, 0.5, &err), &err);
    assert_int_equal(kr_skip_prepare(&skip, NAN, &err), KR_EINVAL);
    assert_non_null(strstr(err.text, "want a finite number"));
    assert_true(skip.beta == 0.5);
    kr_skip_clear(&skip);
    system_free(&s);
}

static void refuses_terms_that_are_no_pairs(void **state)
{
    (void)state;
    kr_error err = { 0 };
    kr_terms *terms = kr_terms_alloc_empty(3, 2, &err);
    const double energy[8] = { 0, 1, 1, 0, 1, 0, 0, 1 };
    const int32_t sites[3] = { 0, 1, 2 };
    int32_t table;
    assert_ok(kr_terms_add_table(terms, 3, energy, &table, &err), &err);
    assert_ok(kr_terms_add(terms, table, sites, 1.0, &err), &err);
    assert_ok(kr_terms_finish(terms, &err), &err);
    assert_false(kr_skip_supports(terms, "made", &err));
    assert_int_equal(err.status, KR_EUNSUP);
    assert_non_null(strstr(err.text, "made: the model is not a pair model"));
    kr_terms_free(terms);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(last_site_feels_its_whole_local_energy),
        cmocka_unit_test(later_sites_are_not_read),
        cmocka_unit_test(is_odd_without_a_field_only),
        cmocka_unit_test(refuses_a_beta_that_is_no_number),
        cmocka_unit_test(refuses_terms_that_are_no_pairs),
    };
    return cmocka_run_group_tests_name("skip", tests, NULL, NULL);
}
