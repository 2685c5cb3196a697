/* SPDX-License-Identifier: GPL-3.0-or-later
 * tests/test_names.c - known words and the nearest of them. */
#include "kr_test.h"

#include "base/field.h"
#include "base/names.h"

static const char *const known[] = { "lattice", "model", "beta", "thermalize",   "heat_bath",
                                     "updates", "q",     "J",    "swendsen_wang" };
enum { N_KNOWN = sizeof known / sizeof known[0] };

static void nearest_finds_what_was_meant(void **state)
{
    (void)state;
    static const char *const row[][2] = {
        { "lattise", "lattice" },
        { "latice", "lattice" },
        { "Lattice", "lattice" },
        { "ltatice", "lattice" },
        { "modle", "model" },
        { "update", "updates" },
        { "therm", "thermalize" },
        { "heatbath", "heat_bath" },
        { "heat-bath", "heat_bath" },
        { "bta", "beta" },
        { "Q", "q" },
        { "j", "J" },
        { "thermalise", "thermalize" },
        { "swendson_wang", "swendsen_wang" },
    };
    for (size_t k = 0; k < sizeof row / sizeof row[0]; k++) {
        const char *nearest = kr_field_nearest(row[k][0], known, N_KNOWN);
        if (!nearest || strcmp(nearest, row[k][1]) != 0) {
            fail_msg("%s: nearest %s, want %s", row[k][0], nearest ? nearest : "none",
                     row[k][1]);
        }
    }
}

static void nearest_makes_no_wild_guess(void **state)
{
    (void)state;
    static const char *const words[] = { "", "temperature", "x", "seed", "zz", "observables" };
    for (size_t k = 0; k < sizeof words / sizeof words[0]; k++) {
        const char *nearest = kr_field_nearest(words[k], known, N_KNOWN);
        if (nearest) {
            fail_msg("%s: guessed %s", words[k], nearest);
        }
    }
    char word[5000];
    memset(word, 'l', sizeof word - 1);
    word[sizeof word - 1] = '\0';
    assert_null(kr_field_nearest(word, known, N_KNOWN));
    assert_null(kr_field_nearest("beta", NULL, 0));
}

static void split_and_join_keep_order(void **state)
{
    (void)state;
    kr_names names = { 0 };
    char out[64];
    kr_names_split(&names, "periodic|open|antiperiodic");
    kr_names_add(&names, "name");
    kr_names_split(&names, NULL);
    kr_names_split(&names, "");
    assert_int_equal(names.n, 4);
    assert_string_equal(kr_names_join(names.name, names.n, out, sizeof out),
                        "periodic, open, antiperiodic, name");
    assert_string_equal(kr_names_join(names.name, names.n, out, 24), "periodic, open, ...");
    assert_string_equal(kr_names_join(names.name, 0, out, sizeof out), "");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(nearest_finds_what_was_meant),
        cmocka_unit_test(nearest_makes_no_wild_guess),
        cmocka_unit_test(split_and_join_keep_order),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
