/* SPDX-License-Identifier: GPL-3.0-or-later
 * tests/test_compare_judge.c - break-even, order and agreement of candidates written by hand.
 */
#include "kr_test.h"

#include "compare_study.h"

static void break_even_is_training_over_the_gain_per_sample(void **state)
{
    kr_compare *study = study_begin();
    (void)state;
    study_add(study, "net", KR_COMPARE_LEARNED, 6.0, 1e-3);
    study_add(study, "local", KR_COMPARE_LOCAL, 0.0, 4e-3);
    study_add(study, "exchange", KR_COMPARE_TEMPERING, 1.0, 3.5e-3);
    kr_compare_judge(study);
    const kr_compare_row *net = study_row(study, "net");
    assert_int_equal(net->even, KR_EVEN_FROM);
    assert_close(net->n_star, fmax(6.0 / 3e-3, 5.0 / 2.5e-3), 1e-12);
    assert_close(net->cost_n, 6.0 + 10.0, 1e-12);
    assert_close(net->ratio_n, 16.0 / 36.0, 1e-12);
    assert_string_equal(study->row[net->rival_n].name, "exchange");
    assert_int_equal(study_row(study, "exchange")->even, KR_EVEN_FROM);
    assert_close(study_row(study, "exchange")->n_star, 1.0 / 0.5e-3, 1e-9);
    assert_int_equal(study_row(study, "local")->even, KR_EVEN_NEVER);
    free(study);
}

static void what_loses_per_sample_never_pays(void **state)
{
    kr_compare *study = study_begin();
    (void)state;
    study_add(study, "net", KR_COMPARE_LEARNED, 6.0, 2e-3);
    study_add(study, "slow", KR_COMPARE_LOCAL, 0.0, 9e-3);
    study_add(study, "wolff", KR_COMPARE_CLUSTER, 0.0, 1e-3);
    kr_compare_judge(study);
    const kr_compare_row *net = study_row(study, "net");
    assert_int_equal(net->even, KR_EVEN_NEVER);
    assert_string_equal(study->row[net->even_rival].name, "wolff");
    assert_int_equal(study_row(study, "wolff")->even, KR_EVEN_ALWAYS);
    free(study);
}

static void a_rival_known_by_a_bound_gives_a_bound_or_nothing(void **state)
{
    kr_compare *study = study_begin();
    (void)state;
    study_add(study, "net", KR_COMPARE_LEARNED, 6.0, 1e-3);
    study_stick(study_add(study, "local", KR_COMPARE_LOCAL, 0.0, 4e-3));
    kr_compare_judge(study);
    assert_int_equal(study_row(study, "net")->even, KR_EVEN_AT_MOST);
    assert_close(study_row(study, "net")->n_star, 2000.0, 1e-12);
    assert_true(study_row(study, "net")->is_ratio_bound);
    assert_int_equal(study_row(study, "local")->status, KR_COMPARE_NOT_RESOLVED);
    free(study);
    study = study_begin();
    study_add(study, "net", KR_COMPARE_LEARNED, 6.0, 1e-3);
    study_stick(study_add(study, "local", KR_COMPARE_LOCAL, 0.0, 1e-4));
    kr_compare_judge(study);
    assert_int_equal(study_row(study, "net")->even, KR_EVEN_UNDECIDED);
    free(study);
}

static void a_learned_move_that_is_not_resolved_claims_nothing(void **state)
{
    kr_compare *study = study_begin();
    (void)state;
    study_stick(study_add(study, "net", KR_COMPARE_LEARNED, 6.0, 1e-5));
    study_add(study, "local", KR_COMPARE_LOCAL, 0.0, 1e-3);
    kr_compare_judge(study);
    assert_int_equal(study_row(study, "net")->even, KR_EVEN_NONE);
    assert_string_equal(study->row[0].name, "local"); /* bounds stand behind costs */
    free(study);
}

static void rows_are_sorted_by_the_cost_of_the_slowest(void **state)
{
    kr_compare *study = study_begin();
    (void)state;
    study_add(study, "b", KR_COMPARE_LOCAL, 0.0, 2e-3);
    kr_compare_row *slow = study_add(study, "c", KR_COMPARE_LOCAL, 0.0, 1e-3);
    slow->value[2].cost = 5e-3;
    study_add(study, "a", KR_COMPARE_LOCAL, 0.0, 1e-3);
    study->row[study->n_rows++] = (kr_compare_row){ .status = KR_COMPARE_LEFT_OUT };
    kr_compare_judge(study);
    for (int k = 0; k < 3; k++) {
        const char name[] = { (char)('a' + k), '\0' };
        assert_string_equal(study->row[k].name, name);
    }
    assert_int_equal(study->row[2].slowest, 2);
    assert_int_equal(study->row[3].status, KR_COMPARE_LEFT_OUT);
    free(study);
}

static void of_three_the_one_that_disagrees_is_out(void **state)
{
    kr_compare *study = study_begin();
    (void)state;
    study_add(study, "a", KR_COMPARE_LOCAL, 0.0, 2e-3);
    study_add(study, "b", KR_COMPARE_CLUSTER, 0.0, 3e-3);
    kr_compare_row *net = study_add(study, "net", KR_COMPARE_LEARNED, 1.0, 1e-4);
    net->value[2].mean = 0.9; /* lost a phase, and knows it best */
    net->value[2].error = 1e-3;
    kr_compare_judge(study);
    assert_int_equal(study_row(study, "net")->status, KR_COMPARE_DISAGREES);
    assert_non_null(strstr(study_row(study, "net")->note, "in_up is off"));
    assert_int_equal(study_row(study, "a")->status, KR_COMPARE_RESOLVED);
    assert_int_equal(study_row(study, "b")->status, KR_COMPARE_RESOLVED);
    free(study);
}

static void of_two_that_disagree_neither_wins_unless_exact_values_tell(void **state)
{
    (void)state;
    for (int is_known = 0; is_known < 2; is_known++) {
        kr_compare *study = study_begin();
        study_add(study, "right", KR_COMPARE_LOCAL, 0.0, 2e-3);
        study_add(study, "wrong", KR_COMPARE_LEARNED, 0.0, 1e-3)->value[0].mean = 0.2;
        study->column[0].exact = is_known ? 0.01 : NAN;
        kr_compare_judge(study);
        assert_int_equal(study_row(study, "wrong")->status, KR_COMPARE_DISAGREES);
        assert_int_equal(study_row(study, "right")->status,
                         is_known ? KR_COMPARE_RESOLVED : KR_COMPARE_DISAGREES);
        free(study);
    }
}

static void phases_that_are_hardly_seen_are_not_compared(void **state)
{
    (void)state;
    for (int is_rare = 0; is_rare < 2; is_rare++) {
        kr_compare *study = study_begin();
        study_add(study, "a", KR_COMPARE_LOCAL, 0.0, 2e-3)->value[2].mean =
            is_rare ? 1e-3 : 0.2;
        kr_compare_row *b = study_add(study, "b", KR_COMPARE_LOCAL, 0.0, 1e-3);
        b->value[2] = (kr_compare_value){
            .is_measured = true, .is_constant = true, .why = "never changed", .cost = 0.1
        };
        kr_compare_judge(study);
        assert_int_equal(study->column[2].is_compared, !is_rare);
        assert_int_equal(study_row(study, "b")->status,
                         is_rare ? KR_COMPARE_RESOLVED : KR_COMPARE_NOT_RESOLVED);
        free(study);
    }
}

static void a_phase_nobody_enters_is_not_compared(void **state)
{
    (void)state;
    for (int is_order_known = 0; is_order_known < 2; is_order_known++) {
        kr_compare *study = study_begin();
        kr_compare_row *a = study_add(study, "a", KR_COMPARE_LOCAL, 0.0, 2e-3);
        study_stick(a);
        a->value[1].is_resolved = is_order_known;
        a->value[1].why = "chains disagree (R-hat)";
        kr_compare_judge(study);
        assert_int_equal(study->column[2].is_compared, !is_order_known);
        free(study);
    }
}

static void memory_of_rare_visits_is_not_compared(void **state)
{
    (void)state;
    for (int is_memory = 0; is_memory < 2; is_memory++) {
        kr_compare *study = study_begin();
        study_add(study, "a", KR_COMPARE_LOCAL, 0.0, 2e-3)->value[2].tau = is_memory ? 4 : 2;
        kr_compare_judge(study);
        assert_int_equal(study->column[2].is_compared, !is_memory);
        free(study);
    }
}

static void who_cannot_measure_all_is_not_ranked(void **state)
{
    kr_compare *study = study_begin();
    (void)state;
    study_add(study, "a", KR_COMPARE_LOCAL, 0.0, 2e-3);
    study_add(study, "b", KR_COMPARE_ANNEALING, 0.0, 1e-3)->value[2].is_measured = false;
    study_add(study, "c", KR_COMPARE_ANNEALING, 0.0, 1e-3)->value[1].is_measured = false;
    kr_compare_judge(study);
    assert_int_equal(study_row(study, "b")->status,
                     KR_COMPARE_RESOLVED); /* m tells the phase */
    assert_int_equal(study_row(study, "c")->status, KR_COMPARE_PARTIAL);
    assert_string_equal(study->row[0].name, "b");
    free(study);
}

/* A population that was between -0.1 and 0.1 only. */
static kr_compare_row *add_narrow_population(kr_compare *study)
{
    kr_compare_row *row = study_add(study, "population", KR_COMPARE_ANNEALING, 0.5, 1e-5);
    for (int k = 0; k < 2; k++) {
        row->value[k].least = -0.1;
        row->value[k].most = 0.1;
        row->value[k].low = row->value[k].high = NAN;
    }
    return row;
}

static void a_population_that_missed_a_phase_is_not_resolved(void **state)
{
    (void)state;
    for (int has_net = 0; has_net < 2; has_net++) {
        kr_compare *study = study_begin();
        add_narrow_population(study);
        study_stick(study_add(study, "local", KR_COMPARE_LOCAL, 0.0, 4e-3));
        if (has_net) {
            study_add(study, "net", KR_COMPARE_LEARNED, 6.0, 1e-3);
        }
        kr_compare_judge(study);
        const kr_compare_row *row = study_row(study, "population");
        assert_int_equal(row->status, KR_COMPARE_DISAGREES);
        assert_non_null(strstr(row->note, has_net ? "where net is" : "where local is"));
        if (has_net) {
            assert_int_equal(study_row(study, "net")->status, KR_COMPARE_RESOLVED);
            assert_int_equal(study_row(study, "net")->even, KR_EVEN_AT_MOST);
        }
        free(study);
    }
}

static void a_disputed_row_is_no_witness_against_a_population(void **state)
{
    kr_compare *study = study_begin();
    (void)state;
    add_narrow_population(study);
    kr_compare_row *stuck = study_add(study, "stuck", KR_COMPARE_LOCAL, 0.0, 4e-3);
    stuck->value[0].mean = stuck->value[0].low = stuck->value[0].high = 0.5;
    kr_compare_row *flat = study_add(study, "flat", KR_COMPARE_FLAT, 1.0, 1e-3);
    for (int k = 0; k < 3; k++) {
        flat->value[k].low = flat->value[k].high = NAN; /* weighted */
    }
    kr_compare_judge(study);
    assert_int_equal(study_row(study, "stuck")->status, KR_COMPARE_DISAGREES);
    assert_int_equal(study_row(study, "flat")->status, KR_COMPARE_RESOLVED);
    assert_true(study_row(study, "population")->status != KR_COMPARE_DISAGREES);
    free(study);
}

static void a_population_is_not_held_to_chains_that_are_stuck(void **state)
{
    kr_compare *study = study_begin();
    (void)state;
    add_narrow_population(study);
    study_stick(study_add(study, "local", KR_COMPARE_LOCAL, 0.0, 4e-3));
    kr_compare_row *net = study_add(study, "net", KR_COMPARE_LEARNED, 6.0, 1e-3);
    for (int k = 0; k < 2; k++) {
        net->value[k].low = -0.05;
        net->value[k].high = 0.05;
    }
    net->value[2].is_measured = false;
    kr_compare_judge(study);
    assert_null(strstr(study_row(study, "population")->note, "never was"));
    free(study);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(break_even_is_training_over_the_gain_per_sample),
        cmocka_unit_test(what_loses_per_sample_never_pays),
        cmocka_unit_test(a_rival_known_by_a_bound_gives_a_bound_or_nothing),
        cmocka_unit_test(a_learned_move_that_is_not_resolved_claims_nothing),
        cmocka_unit_test(rows_are_sorted_by_the_cost_of_the_slowest),
        cmocka_unit_test(of_three_the_one_that_disagrees_is_out),
        cmocka_unit_test(of_two_that_disagree_neither_wins_unless_exact_values_tell),
        cmocka_unit_test(phases_that_are_hardly_seen_are_not_compared),
        cmocka_unit_test(a_phase_nobody_enters_is_not_compared),
        cmocka_unit_test(memory_of_rare_visits_is_not_compared),
        cmocka_unit_test(who_cannot_measure_all_is_not_ranked),
        cmocka_unit_test(a_population_that_missed_a_phase_is_not_resolved),
        cmocka_unit_test(a_disputed_row_is_no_witness_against_a_population),
        cmocka_unit_test(a_population_is_not_held_to_chains_that_are_stuck),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
