/* SPDX-License-Identifier: GPL-3.0-or-later
 * tests/test_summary_verdict.c - verdicts on summaries made by hand. */
#include "kr_test.h"

#include "analysis/summary.h"

#include <math.h>
#include <string.h>

static bool has_message(const kr_messages *list, const char *text)
{
    for (int k = 0; k < list->n; k++) {
        if (strstr(list->text[k], text)) {
            return true;
        }
    }
    return false;
}

/* 16 chains of 2000 attempts, 57 % of them accepted: 26 refusals in a row are chance. */
static void real_chains_that_are_refused_for_long_are_named(void **state)
{
    (void)state;
    static const struct {
        double run, metropolis_run; /* negative: no such update */
        bool is_named;
    } list[] = {
        { 110, -1, true }, { 90, -1, false }, { 110, 380, false }, { 110, 9000, true }
    };
    for (size_t k = 0; k < sizeof list / sizeof list[0]; k++) {
        kr_update_row update[3] = {
            { .name = "mala", .attempted = 32000, .accepted = 18240, .step = 0.5 },
            { .name = "symmetry", .attempted = 32000, .accepted = 32000, .step = NAN },
            { .name = "metropolis", .attempted = 128000, .accepted = 64000, .step = 1.0 }
        };
        update[0].longest_rejection_run = list[k].run;
        update[2].longest_rejection_run = list[k].metropolis_run;
        int64_t n_changed = 16;
        kr_chain_row chain[16] = { 0 };
        kr_summary s = { .n_chains = 16,
                         .n_draws = 2000,
                         .n_points = 1,
                         .n_updates = list[k].metropolis_run < 0.0 ? 2 : 3,
                         .update = update,
                         .chain = chain,
                         .n_changed_chains = &n_changed,
                         .reach = 2.0 };
        kr_summary_judge(&s);
        assert_int_equal(
            has_message(&s.reasons,
                        "refused every move for a twentieth of the run: mala 110 of 2000"),
            list[k].is_named);
    }
}

/* Weights of two side by side: many small ones and one that is all of the sum. */
static void weights_of_one_state_are_named_whatever_their_tail(void **state)
{
    (void)state;
    for (int side = 0; side < 3; side++) { /* 2: neither */
        kr_density_row density = { .name = "net",
                                   .n_q = 16384,
                                   .ess_q = side == 0 ? 1e-4 : 0.5,
                                   .ess_p = side == 1 ? 1e-31 : 0.5,
                                   .tail_index = 0.69,
                                   .block_sites = NAN,
                                   .steps = NAN,
                                   .gap = NAN };
        int64_t n_changed = 16;
        kr_chain_row chain[16] = { 0 };
        kr_summary s = { .n_chains = 16,
                         .n_draws = 1000,
                         .n_points = 1,
                         .n_densities = 1,
                         .density = &density,
                         .chain = chain,
                         .n_changed_chains = &n_changed,
                         .reach = 2.0 };
        kr_summary_judge(&s);
        assert_int_equal(has_message(&s.warnings, "ESS_q of net 1.6 of 16384"), side == 0);
        assert_int_equal(has_message(&s.warnings, "ESS_p of net 1.6e-27 of 16000"), side == 1);
        assert_int_equal(has_message(&s.warnings, "more than half of the weights"), side < 2);
    }
}

/* |m| is m where m is never negative: tables have one row for both. */
static void a_column_that_no_table_shows_is_not_named(void **state)
{
    (void)state;
    kr_quantity quantity[2] = { { .name = "magnetization_per_site" },
                                { .name = "abs_magnetization_per_site", .is_same = true } };
    int64_t n_changed = 16;
    kr_chain_row chain[16] = { 0 };
    for (int k = 0; k < 2; k++) {
        quantity[k].is_bad = true;
        quantity[k].z = 9.0;
        snprintf(quantity[k].note, sizeof quantity[k].note, "never changed");
    }
    kr_summary s = { .n_chains = 16,
                     .n_draws = 1000,
                     .n_points = 1,
                     .n_quantities = 2,
                     .quantity = quantity,
                     .chain = chain,
                     .n_changed_chains = &n_changed,
                     .reach = 2.0 };
    kr_summary_judge(&s);
    assert_true(has_message(&s.reasons, "magnetization_per_site (never changed)"));
    assert_true(has_message(&s.reasons, "magnetization_per_site z = +9.0"));
    assert_false(has_message(&s.reasons, "abs_magnetization_per_site"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(real_chains_that_are_refused_for_long_are_named),
        cmocka_unit_test(weights_of_one_state_are_named_whatever_their_tail),
        cmocka_unit_test(a_column_that_no_table_shows_is_not_named),
    };
    return cmocka_run_group_tests_name("summary_verdict", tests, NULL, NULL);
}
