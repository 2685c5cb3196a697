/* SPDX-License-Identifier: GPL-3.0-or-later
 * tests/test_reweight_source.c - weights of the energy as a file tells them are those that were
 * sampled, in the table, between its entries and outside. */
#include "kr_test.h"

#include "analysis/reweight_source.h"
#include "model/flat.h"

enum { BINS = 7, PLACES = 400 };

static double table[BINS] = { 0.3, -1.2, 2.5, 2.4, 0.0, -0.7, 5.1 };

static void compare(bool is_level, double width)
{
    const kr_reweight_flat read = { .e_min = -4.0,
                                    .width = width,
                                    .beta_low = 0.8,
                                    .beta_high = -0.2,
                                    .n_bins = BINS,
                                    .is_level = is_level,
                                    .log_w = table };
    const kr_flat_weights sampled = { .e_min = -4.0,
                                      .width = width,
                                      .inverse_width = 1.0 / width,
                                      .beta_low = 0.8,
                                      .beta_high = -0.2,
                                      .n_bins = BINS,
                                      .is_level = is_level,
                                      .log_w = table };
    for (int k = 0; k < PLACES; k++) {
        const double energy =
            -4.0 + width * (0.05 * k - 6.01); /* from below the table to above */
        assert_close(kr_reweight_flat_log_w(&read, energy), kr_flat_log_w(&sampled, energy),
                     1e-12);
    }
}

static void levels_have_the_weights_that_were_sampled(void **state)
{
    (void)state;
    compare(true, 2.0);
}

static void energies_between_entries_have_the_weights_that_were_sampled(void **state)
{
    (void)state;
    compare(false, 2.0);
    compare(false, 0.5);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(levels_have_the_weights_that_were_sampled),
        cmocka_unit_test(energies_between_entries_have_the_weights_that_were_sampled),
    };
    return cmocka_run_group_tests_name("reweight_source", tests, NULL, NULL);
}
