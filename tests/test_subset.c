/* SPDX-License-Identifier: GPL-3.0-or-later
 * tests/test_subset.c - the order parameter on sites that the user names. */
#include "kr_real_block.h"

extern const kr_observable_plug kr_observable_subset;
static const kr_observable_plug *const plug = &kr_observable_subset;

typedef struct params { /* as in observable/subset.c */
    char label[KR_TEXT_MAX];
    kr_list sites, from, to;
} params;

enum { ROW = 8 };

/* Row of lane 1 of the block. */
static int32_t row_of(const kr_system *s, const params *p, const kr_block *block,
                      double row[ROW], char name[ROW][KR_TEXT_MAX])
{
    double out[2 * ROW];
    int32_t n;
    kr_error err = { 0 };
    const kr_target target = system_target(s, 1.0);
    assert_true(plug->supports(&target, p, &err));
    void *self = plug->alloc(&target, p, 2, &err);
    assert_non_null(self);
    const kr_column *column = plug->columns(self, &n);
    assert_in_range(n, 1, ROW);
    plug->measure(self, block, out);
    for (int32_t k = 0; k < n; k++) {
        row[k] = out[n + k];
        snprintf(name[k], KR_TEXT_MAX, "%s", column[k].name);
    }
    plug->free(self);
    return n;
}

static kr_block *discrete_block(const kr_system *s, const uint8_t *state)
{
    kr_block *block = kr_block_alloc(s->terms, 2, 0, 0, NULL);
    assert_non_null(block);
    memset(block->state, 0, (size_t)block->n_sites);
    memcpy(block->state + block->n_sites, state, (size_t)block->n_sites);
    return block;
}

static void a_box_is_from_corner_to_corner(void **state)
{
    (void)state;
    const uint8_t spins[12] = { 0, 1, 1, 0, 1, 1, 0, 0, 1, 0, 0, 0 }; /* 4 x 3 */
    const params box = { "edge", { 0 }, { 2, { 1, 0 } }, { 2, { 2, 1 } } };
    const params sites = { "two", { 2, { 4, 3 } }, { 0 }, { 0 } }, all = { .label = "all" };
    kr_system s = system_alloc("ising", "", "hypercubic", "size=4,3");
    kr_block *block = discrete_block(&s, spins);
    double row[ROW];
    char name[ROW][KR_TEXT_MAX];
    assert_int_equal(row_of(&s, &box, block, row, name), 1); /* sites 1, 2, 5, 6 */
    assert_true(row[0] == 0.5);
    assert_string_equal(name[0], "subset_edge");
    row_of(&s, &sites, block, row, name);
    assert_true(row[0] == 0.0);
    row_of(&s, &all, block, row, name);
    assert_close(row[0], -2.0 / 12.0, 1e-15);
    kr_block_free(block);
    system_free(&s);
}

static void potts_states_have_shares(void **state)
{
    (void)state;
    const uint8_t states[4] = { 2, 0, 2, 1 };
    const params three = { "a_1", { 3, { 0, 2, 3 } }, { 0 }, { 0 } };
    kr_system s = system_alloc("potts", "q=3", "hypercubic", "size=4");
    kr_block *block = discrete_block(&s, states);
    double row[ROW];
    char name[ROW][KR_TEXT_MAX];
    assert_int_equal(row_of(&s, &three, block, row, name), 3);
    assert_true(row[0] == 0.0);
    assert_close(row[1], 1.0 / 3.0, 1e-15);
    assert_close(row[2], 2.0 / 3.0, 1e-15);
    assert_string_equal(name[2], "subset_a_1_2");
    kr_block_free(block);
    system_free(&s);
}

static void fields_and_angles_have_means(void **state)
{
    (void)state;
    const double phi[4] = { 0.5, -1.0, 2.0, 0.25 };
    const params two = { "b", { 2, { 1, 2 } }, { 0 }, { 0 } };
    double row[ROW];
    char name[ROW][KR_TEXT_MAX];
    for (int k = 0; k < 2; k++) {
        kr_system s = system_alloc(k ? "xy" : "phi4", k ? "" : "m2=1", "hypercubic", "size=4");
        kr_block *block = real_block(s.terms, 2, 1.0, 1);
        real_set(block, 1, phi);
        assert_int_equal(row_of(&s, &two, block, row, name), 1 + k);
        assert_close(row[0], k ? 0.5 * (cos(-1.0) + cos(2.0)) : 0.5, 1e-14);
        assert_true(k == 0 || fabs(row[1] - 0.5 * (sin(-1.0) + sin(2.0))) < 1e-14);
        assert_string_equal(name[0], k ? "subset_b_x" : "subset_b");
        kr_block_free(block);
        system_free(&s);
    }
}

static void what_names_no_sites_is_refused(void **state)
{
    (void)state;
    const struct {
        params p;
        const char *why;
    } wrong[] = {
        { { "x", { 1, { 12 } }, { 0 }, { 0 } },
          "site 12 is not on the lattice, want different ones of 0..11" },
        { { "x", { 2, { 3, 3 } }, { 0 }, { 0 } }, "site 3 comes twice" },
        { { "x", { 1, { 3 } }, { 2, { 0, 0 } }, { 2, { 1, 1 } } }, "want one of them" },
        { { "x", { 0 }, { 2, { 0, 0 } }, { 0 } }, "to has 0 coordinates, want 2 each" },
        { { "x", { 0 }, { 2, { 2, 0 } }, { 2, { 1, 1 } } }, "coordinate 0 goes from 2 to 1" },
        { { "x", { 0 }, { 2, { 0, 0 } }, { 2, { 1, 3 } } }, "want from <= to < 3" },
        { { "a b", { 0 }, { 0 }, { 0 } }, "label = \"a b\"" },
        { { "", { 0 }, { 0 }, { 0 } }, "label = \"\"" },
    };
    kr_system s = system_alloc("ising", "", "hypercubic", "size=4,3");
    const kr_target target = system_target(&s, 1.0);
    for (size_t k = 0; k < sizeof wrong / sizeof *wrong; k++) {
        kr_error err = { 0 };
        assert_false(plug->supports(&target, &wrong[k].p, &err));
        if (!strstr(err.text, wrong[k].why)) {
            fail_msg("\"%s\", want \"%s\"", err.text, wrong[k].why);
        }
    }
    system_free(&s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_box_is_from_corner_to_corner),
        cmocka_unit_test(potts_states_have_shares),
        cmocka_unit_test(fields_and_angles_have_means),
        cmocka_unit_test(what_names_no_sites_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
