/* SPDX-License-Identifier: GPL-3.0-or-later
 * tests/test_couplings.c - distinct couplings, tables of local fields, site orders. */
#include "made_models.h"
#include "tiny.h"
#include "update/couplings.h"
#include "update/visit.h"

static tiny *system_of(const kr_model_plug *model, const char *model_yaml,
                       const char *lattice_yaml)
{
    kr_error err = { 0 };
    tiny *t =
        tiny_alloc(model, model_yaml, tiny_lattice("hypercubic"), lattice_yaml, 1024, &err);
    if (!t) {
        fail_msg("%s", err.text);
    }
    return t;
}

static void every_bond_end_finds_its_coupling(void **state)
{
    static const char *const models[] = { "{}", "{disorder: {kind: pm1}}",
                                          "{disorder: {kind: gaussian}}" };
    static const int32_t n_distinct[] = { 1, 2, 18 };
    (void)state;
    for (int m = 0; m < 3; m++) {
        tiny *t = system_of(tiny_model("ising"), models[m], "{size: [3, 3]}");
        kr_couplings couplings;
        kr_error err = { 0 };
        assert_ok(kr_couplings_init(&couplings, t->terms, &err), &err);
        assert_int_equal(couplings.n, n_distinct[m]);
        for (int64_t k = 0; k < t->terms->neighbor_begin[9]; k++) {
            assert_true(couplings.value[couplings.of[k]] == t->terms->J[k]);
        }
        kr_couplings_clear(&couplings);
        tiny_free(t);
    }
}

/* Sum over k of stride[k] s_k picks the entry E_i(1) - E_i(0), for every configuration. */
static void table_holds_the_local_field_of_every_configuration(void **state)
{
    static const char *const models[] = {
        "{field: 0.25}", "{disorder: {kind: pm1}}",
        "{disorder: {kind: gaussian}, random_field: {kind: gaussian}}"
    };
    (void)state;
    for (int m = 0; m < 3; m++) {
        tiny *t = system_of(tiny_model("ising"), models[m], "{size: [3, 2]}");
        kr_couplings couplings;
        kr_local_fields fields;
        kr_error err = { 0 };
        assert_ok(kr_couplings_init(&couplings, t->terms, &err), &err);
        assert_ok(kr_local_fields_init(&fields, t->terms, &couplings, &err), &err);
        assert_true(fields.n > 0);
        for (int64_t x = 0; x < t->n_states; x++) {
            tiny_decode(t, x, t->state, 1);
            for (int32_t i = 0; i < t->terms->n_sites; i++) {
                double e[2];
                int32_t index = fields.base[i];
                for (int64_t k = t->terms->neighbor_begin[i];
                     k < t->terms->neighbor_begin[i + 1]; k++) {
                    index += fields.stride[k] * t->state[t->terms->neighbor[k]];
                }
                kr_terms_local(t->terms, t->state, i, e);
                assert_close(fields.delta[index], e[1] - e[0], 1e-14);
            }
        }
        kr_local_fields_clear(&fields);
        kr_couplings_clear(&couplings);
        tiny_free(t);
    }
}

static void equal_sites_share_their_entries(void **state)
{
    (void)state;
    tiny *t = system_of(tiny_model("ising"), "{}", "{size: [3, 3]}");
    kr_couplings couplings;
    kr_local_fields fields;
    kr_error err = { 0 };
    assert_ok(kr_couplings_init(&couplings, t->terms, &err), &err);
    assert_ok(kr_local_fields_init(&fields, t->terms, &couplings, &err), &err);
    assert_int_equal(fields.n, 5); /* 0 to 4 neighbors up */
    kr_local_fields_clear(&fields);
    kr_couplings_clear(&couplings);
    tiny_free(t);
}

static void no_table_for_more_couplings_than_it_holds(void **state)
{
    (void)state;
    tiny *t = system_of(&made_models[1], "{}", "{size: [2], boundary: open}");
    kr_couplings couplings;
    kr_local_fields fields;
    kr_error err = { 0 };
    assert_ok(kr_couplings_init(&couplings, t->terms, &err), &err);
    assert_int_equal(couplings.n, 13);
    assert_ok(kr_local_fields_init(&fields, t->terms, &couplings, &err), &err);
    assert_int_equal(fields.n, 0);
    kr_local_fields_clear(&fields);
    kr_couplings_clear(&couplings);
    tiny_free(t);
}

static void range_bounds_every_difference_of_local_energies(void **state)
{
    (void)state;
    tiny *t = system_of(&made_models[2], "{}", "{size: [3]}");
    double range = kr_couplings_range(t->terms), widest = 0.0;
    for (int64_t x = 0; x < t->n_states; x++) {
        tiny_decode(t, x, t->state, 1);
        for (int32_t i = 0; i < 3; i++) {
            double e[5];
            kr_terms_local(t->terms, t->state, i, e);
            for (int a = 0; a < 25; a++) {
                widest = fmax(widest, e[a / 5] - e[a % 5]);
            }
        }
    }
    assert_true(widest <= range && widest > 0.3 * range);
    tiny_free(t);
}

static void checkerboard_visits_every_site_once_color_by_color(void **state)
{
    (void)state;
    tiny *t = system_of(tiny_model("ising"), "{}", "{size: [4, 2]}");
    kr_visit visit;
    kr_error err = { 0 };
    assert_ok(kr_visit_init(&visit, KR_ORDER_CHECKERBOARD, t->lattice, &err), &err);
    int seen[8] = { 0 };
    for (int32_t k = 0; k < 8; k++) {
        int32_t i = kr_visit_site(&visit, k, NULL);
        seen[i]++;
        assert_int_equal(seen[i], 1);
        assert_int_equal(t->lattice->color[i], k / 4);
    }
    kr_visit_clear(&visit);
    tiny_free(t);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_bond_end_finds_its_coupling),
        cmocka_unit_test(table_holds_the_local_field_of_every_configuration),
        cmocka_unit_test(equal_sites_share_their_entries),
        cmocka_unit_test(no_table_for_more_couplings_than_it_holds),
        cmocka_unit_test(range_bounds_every_difference_of_local_energies),
        cmocka_unit_test(checkerboard_visits_every_site_once_color_by_color),
    };
    return cmocka_run_group_tests_name("couplings", tests, NULL, NULL);
}
