/* SPDX-License-Identifier: GPL-3.0-or-later
 * tests/test_compare_verdict.c - ranges of the cheapest, closing sentences, times as text. */
#include "kr_test.h"

#include "compare_study.h"

static char text[4096];

static const char *sentence(kr_compare *study)
{
    kr_compare_judge(study);
    kr_compare_sentence(study, text, sizeof text);
    return text;
}

static void assert_says(const char *part)
{
    if (!strstr(text, part)) {
        fail_msg("no \"%s\" in: %s", part, text);
    }
}

static void ranges_are_the_lower_envelope(void **state)
{
    kr_compare *study = study_begin();
    kr_compare_range range[KR_COMPARE_ROWS];
    (void)state;
    study_add(study, "net", KR_COMPARE_LEARNED, 100.0, 1e-4);
    study_add(study, "local", KR_COMPARE_LOCAL, 0.0, 1e-1);
    study_add(study, "exchange", KR_COMPARE_TEMPERING, 2.0, 1e-2);
    study_add(study, "hidden", KR_COMPARE_FLAT, 60.0, 5e-3);
    sentence(study);
    assert_int_equal(kr_compare_ranges(study, range), 3);
    assert_string_equal(study->row[range[0].row].name, "local");
    assert_close(range[0].from_n, 1.0, 0.0);
    assert_string_equal(study->row[range[1].row].name, "exchange");
    assert_close(range[1].from_n, 2.0 / 0.09, 1e-12);
    assert_string_equal(study->row[range[2].row].name, "net");
    assert_close(range[2].from_n, 98.0 / 9.9e-3, 1e-12);
    assert_says("Use local for fewer than 23 independent samples, exchange from there to 9900, "
                "net above.");
    assert_says("The learned move (net) pays from n* = 9900 independent samples on; per sample "
                "it is 50 times cheaper than hidden.");
    free(study);
}

static void a_loss_is_called_a_loss(void **state)
{
    kr_compare *study = study_begin();
    (void)state;
    study_add(study, "net", KR_COMPARE_LEARNED, 6.0, 4e-3);
    study_add(study, "wolff", KR_COMPARE_CLUSTER, 0.0, 1e-3);
    sentence(study);
    assert_says(
        "Use wolff for any number of samples: 1.00(1) ms of CPU per independent sample");
    assert_says("(net) never pays: per sample it costs 4 times as much as wolff, after 6 "
                "CPU-seconds of training.");
    free(study);
}

static void costs_within_errors_are_called_equal(void **state)
{
    kr_compare *study = study_begin();
    (void)state;
    study_add(study, "net", KR_COMPARE_LEARNED, 6.0, 1.02e-3);
    study_add(study, "wolff", KR_COMPARE_CLUSTER, 0.0, 1e-3);
    sentence(study);
    assert_says("(equal within errors)");
    free(study);
}

static void bounds_make_no_claims(void **state)
{
    kr_compare *study = study_begin();
    (void)state;
    study_add(study, "net", KR_COMPARE_LEARNED, 6.0, 1e-3);
    study_stick(study_add(study, "local", KR_COMPARE_LOCAL, 0.0, 4e-3));
    sentence(study);
    assert_says("pays from at most n* = 2000");
    assert_says("at least 4 times cheaper than local");
    free(study);
    study = study_begin();
    study_add(study, "net", KR_COMPARE_LEARNED, 6.0, 1e-3);
    study_stick(study_add(study, "local", KR_COMPARE_LOCAL, 0.0, 1e-4));
    sentence(study);
    assert_says("is not decided: local is not resolved");
    free(study);
    study = study_begin();
    study_stick(study_add(study, "net", KR_COMPARE_LEARNED, 6.0, 1e-3));
    sentence(study);
    assert_says("No candidate is resolved");
    assert_says("No claim for the learned move (net): magnetization_per_site: chains disagree");
    free(study);
}

static void disagreement_is_told(void **state)
{
    kr_compare *study = study_begin();
    (void)state;
    study_add(study, "right", KR_COMPARE_LOCAL, 0.0, 2e-3);
    study_add(study, "wrong", KR_COMPARE_CLUSTER, 0.0, 1e-3)->value[0].mean = 0.2;
    sentence(study);
    assert_says("No candidate is resolved");
    assert_says("wrong is out, wrong or stuck: energy_per_site is off right by 14.1 errors.");
    free(study);
}

static void times_have_units_and_errors(void **state)
{
    char time[KR_COMPARE_TIME];
    (void)state;
    assert_string_equal(kr_compare_time(time, 2.34e-5, 1e-6), "23(1) us");
    assert_string_equal(kr_compare_time(time, 0.01234, NAN), "12.3 ms");
    assert_string_equal(kr_compare_time(time, 123.4, NAN), "123 s");
    assert_string_equal(kr_compare_time(time, 5e-9, NAN), "5.00 ns");
    assert_string_equal(kr_compare_time(time, 2.5e6, NAN), "2.50e+06 s");
    assert_string_equal(kr_compare_time(time, INFINITY, NAN), "-");
    assert_string_equal(kr_compare_count(time, 1234.0), "1300"); /* up: never too early */
    assert_string_equal(kr_compare_count(time, 1.0), "1");
    assert_string_equal(kr_compare_count(time, 1.21e7), "1.3e+07");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(ranges_are_the_lower_envelope),
        cmocka_unit_test(a_loss_is_called_a_loss),
        cmocka_unit_test(costs_within_errors_are_called_equal),
        cmocka_unit_test(bounds_make_no_claims),
        cmocka_unit_test(disagreement_is_told),
        cmocka_unit_test(times_have_units_and_errors),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
