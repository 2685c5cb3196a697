/* SPDX-License-Identifier: GPL-3.0-or-later
 * tests/test_positive.c - on which side of zero a field is. */
#include "kr_real_block.h"

extern const kr_observable_plug kr_observable_positive;
static const kr_observable_plug *const plug = &kr_observable_positive;

static void columns_of_a_known_configuration(void **state)
{
    (void)state;
    /* 4 x 3 sites: the middle is (1, 1), site 5 */
    const double phi[12] = { -1.0, -1.0, -1.0, -1.0, -1.0, 2.0,
                             -1.0, -1.0, -1.0, -1.0, -1.0, 3.0 };
    kr_system s = system_alloc("phi4", "m2=-1 lambda=1", "hypercubic", "size=4,3");
    kr_block *block = real_block(s.terms, 3, 1.0, 1);
    int32_t n;
    real_set(block, 1, phi);
    double *out = real_measure(plug, &s, 1.0, block, &n);
    assert_int_equal(n, 2);
    assert_true(out[n] == 0.0 && out[n + 1] == 1.0);
    free(out);
    const kr_list sites[1] = { { 2, { 11, 4 } } };
    const kr_target target = system_target(&s, 1.0);
    double row[3 * 3];
    void *self = plug->alloc(&target, sites, 3, NULL);
    const kr_column *column = plug->columns(self, &n);
    assert_int_equal(n, 3);
    assert_string_equal(column[1].name, "positive_11");
    plug->measure(self, block, row);
    assert_true(row[3] == 0.0 && row[4] == 1.0 && row[5] == 0.0);
    plug->free(self);
    kr_block_free(block);
    system_free(&s);
}

/* reference/phi4_1d_chain.csv */
static void the_middle_of_a_chain_is_known_exactly(void **state)
{
    (void)state;
    const double fields[] = { 0.0, 0.01, 0.02 };
    const double want[] = { 0.5, 0.0423936416, 0.0019576859 };
    for (int k = 0; k < 3; k++) {
        char text[64];
        snprintf(text, sizeof text, "convention=pnas a=0.1 ends=zero b=%g", fields[k]);
        kr_system s = system_alloc("phi4", text, "hypercubic", "size=100 boundary=open");
        const kr_target target = system_target(&s, 20.0);
        void *self = plug->alloc(&target, NULL, 1, NULL);
        assert_close(plug->exact(self, &target, 1, 1e9), want[k], 1e-7);
        assert_true(k == 0 ? plug->exact(self, &target, 0, 1e9) == 0.5
                           : isnan(plug->exact(self, &target, 0, 1e9)));
        assert_true(k == 0 || isnan(plug->exact(self, &target, 1, 10.0))); /* too much work */
        plug->free(self);
        system_free(&s);
    }
}

static void what_has_no_sign_is_refused(void **state)
{
    (void)state;
    const kr_list outside = { 1, { 4 } }, twice = { 2, { 3, 3 } };
    kr_system ising = system_alloc("ising", "", "hypercubic", "size=4");
    kr_system xy = system_alloc("xy", "", "hypercubic", "size=4");
    kr_system s = system_alloc("phi4", "m2=1", "hypercubic", "size=4");
    const kr_target target = system_target(&s, 1.0);
    kr_error err = { 0 }, again = { 0 };
    assert_refused(plug, &ising, "discrete states");
    assert_refused(plug, &xy, "angles");
    assert_false(plug->supports(&target, &outside, &err));
    assert_non_null(
        strstr(err.text, "site 4 is not on the lattice, want different ones of 0..3"));
    assert_false(plug->supports(&target, &twice, &again));
    assert_non_null(strstr(again.text, "site 3 comes twice"));
    system_free(&ising);
    system_free(&xy);
    system_free(&s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(columns_of_a_known_configuration),
        cmocka_unit_test(the_middle_of_a_chain_is_known_exactly),
        cmocka_unit_test(what_has_no_sign_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
