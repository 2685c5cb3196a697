/* SPDX-License-Identifier: GPL-3.0-or-later
 * tests/test_summary_means.c - means of an update in the summary, from a file of known law. */
#include "kr_test.h"

#include "analysis/analysis.h"
#include "analysis/summary.h"
#include "base/rng.h"

enum { CHAINS = 8, DRAWS = 4000, POINTS = 2, N = 5 };
enum { ENERGY, IN_UP, MEAN, MEAN_UP, ATTEMPTED };
#define NAME   "summary_means.h5"
#define MEMORY 0.6 /* of the means, which are an AR(1) process */
#define SPREAD 0.4 /* of the means; the energies have 1 and no memory */

static void declare(kr_results *r, int index[N])
{
    static const char *const group[N] = { "posterior", "posterior", "sample_stats",
                                          "sample_stats", "sample_stats" };
    static const char *const name[N] = { "energy_per_site", "in_up", "energy_per_site_rb_try",
                                         "in_up_rb_try", "attempted_try" };
    kr_error err = { 0 };
    const double beta[POINTS] = { 0.3, 0.4 };
    int constant[2];
    for (int g = 0; g < 2; g++) {
        const char *of = g ? "sample_stats" : "posterior";
        assert_ok(kr_results_dim(r, of, "chain", CHAINS, NULL, &err), &err);
        assert_ok(kr_results_dim(r, of, "draw", 0, NULL, &err), &err);
        assert_ok(kr_results_dim(r, of, "point", POINTS, NULL, &err), &err);
    }
    for (int k = 0; k < N; k++) {
        assert_ok(kr_results_variable(r, group[k], name[k], KR_F64, "chain draw point",
                                      k == IN_UP || k == MEAN_UP ? "1" : "J", "", &index[k],
                                      &err),
                  &err);
    }
    for (int k = MEAN; k <= MEAN_UP; k++) {
        assert_ok(kr_results_attr_text(r, "sample_stats", name[k], "rao_blackwell",
                                       name[k - MEAN], &err),
                  &err);
        assert_ok(kr_results_attr_text(r, "sample_stats", name[k], "update", "try", &err),
                  &err);
    }
    assert_ok(kr_results_dim(r, "constant_data", "point", POINTS, beta, &err), &err);
    assert_ok(kr_results_variable(r, "constant_data", "beta", KR_F64, "point", "", "",
                                  &constant[0], &err),
              &err);
    assert_ok(kr_results_variable(r, "constant_data", "exact_energy_per_site", KR_F64, "point",
                                  "", "", &constant[1], &err),
              &err);
    assert_ok(kr_results_put(r, constant[0], beta, &err), &err);
    assert_ok(kr_results_put(r, constant[1], beta, &err), &err); /* energy = beta here */
    assert_ok(kr_results_attr_text(r, "constant_data", "", "scanned", "beta", &err), &err);
}

static int setup(void **state)
{
    (void)state;
    kr_error err = { 0 };
    int index[N];
    kr_results *r = kr_results_alloc(&err);
    declare(r, index);
    static double slab[N][CHAINS * POINTS], memory[CHAINS * POINTS];
    kr_rng rng;
    kr_rng_seed(&rng, 12, 0, KR_PURPOSE_TEST);
    for (int t = -50; t < DRAWS; t++) {
        for (int l = 0; l < CHAINS * POINTS; l++) {
            double mean = l % POINTS ? 0.4 : 0.3;
            memory[l] = MEMORY * memory[l] + sqrt(1.0 - MEMORY * MEMORY) * kr_rng_normal(&rng);
            slab[ENERGY][l] = mean + kr_rng_normal(&rng);
            slab[IN_UP][l] = kr_rng_bernoulli(&rng, 0.5);
            slab[MEAN][l] = mean + SPREAD * memory[l];
            slab[MEAN_UP][l] = 0.5 + 0.1 * memory[l];
            slab[ATTEMPTED][l] = 1.0;
        }
        for (int k = 0; k < N && t >= 0; k++) {
            assert_ok(kr_results_append(r, index[k], slab[k], &err), &err);
        }
    }
    assert_ok(kr_results_write_part(r, NAME, &err), &err);
    kr_results_free(r);
    return 0;
}

static void summarize(kr_summary *s)
{
    kr_error err = { 0 };
    kr_reader *reader = kr_reader_open(NAME, &err);
    assert_non_null(reader);
    assert_ok(kr_summary_compute(reader, NAME, s, &err), &err);
    kr_reader_close(reader);
}

/* tau_int = (1 + a)/(2 (1 - a)) = 2; squared errors are in the ratio 1/(SPREAD^2 2 tau_int). */
static void errors_and_gain_follow_the_law_of_the_file(void **state)
{
    (void)state;
    kr_summary s;
    summarize(&s);
    assert_int_equal(s.n_means, 2);
    assert_int_equal(s.n_phases, 1);
    double tau = 0.5 * (1.0 + MEMORY) / (1.0 - MEMORY), n = (double)CHAINS * DRAWS;
    for (int p = 0; p < POINTS; p++) {
        const kr_mean_row *row = &s.mean[p], *up = &s.mean[POINTS + p];
        const kr_estimate *e = &row->quantity.estimate;
        double error = SPREAD * sqrt(2.0 * tau / n), exact = p ? 0.4 : 0.3;
        assert_string_equal(row->update, "try");
        assert_string_equal(row->quantity.name, "energy_per_site");
        assert_string_equal(row->quantity.unit, "J");
        assert_within_sigma(e->mean, error, exact, 4.5);
        assert_within_sigma(e->tau_int, e->tau_int_error, tau, 4.5);
        assert_true(fabs(e->error / error - 1.0) < 0.1);
        assert_close(row->quantity.exact, exact, 0.0);
        assert_close(row->quantity.z, (e->mean - exact) / e->error, 1e-12);
        assert_true(fabs(row->gain * SPREAD * SPREAD * 2.0 * tau - 1.0) < 0.2);
        assert_string_equal(up->quantity.name, "up");
        assert_true(up->is_phase && isnan(up->gain) && isnan(up->quantity.z));
        assert_within_sigma(up->quantity.estimate.mean, up->quantity.estimate.error, 0.5, 4.5);
    }
    kr_summary_clear(&s);
}

/* A mean that is off its exact value says so in the verdict, like any other. */
static void means_far_from_the_exact_value_are_judged(void **state)
{
    (void)state;
    kr_summary s;
    summarize(&s);
    assert_true(s.is_converged);
    s.mean[1].quantity.z = 9.0;
    s.reasons.n = 0;
    kr_summary_judge(&s);
    assert_false(s.is_converged);
    assert_non_null(strstr(s.reasons.text[0], "energy_per_site by try z = +9.0"));
    kr_summary_clear(&s);
}

/* Everything that a pattern must be found in. */
static char *written(bool json)
{
    kr_error err = { 0 };
    bool is_converged;
    char why[KR_SUMMARY_WHY], *text = NULL;
    size_t size;
    FILE *out = open_memstream(&text, &size);
    assert_ok(kr_summary_write(NAME, json, out, &is_converged, why, &err), &err);
    fclose(out);
    return text;
}

static void table_and_object_hold_the_means(void **state)
{
    (void)state;
    char *table = written(false), *object = written(true);
    assert_non_null(strstr(table, "\nRao-Blackwell mean of try: energy_per_site\n"));
    assert_non_null(strstr(table, "\nRao-Blackwell mean of try: in up\n"));
    assert_non_null(strstr(table, "gain: squared error"));
    const char *row = strstr(object, "\"rao_blackwell\"");
    assert_non_null(row);
    assert_non_null(strstr(row, "\"energy_per_site\""));
    assert_non_null(strstr(row, "\"gain\""));
    assert_non_null(strstr(row, "\"phases\""));
    assert_non_null(strstr(row, "\"probability\""));
    free(table);
    free(object);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(errors_and_gain_follow_the_law_of_the_file),
        cmocka_unit_test(means_far_from_the_exact_value_are_judged),
        cmocka_unit_test(table_and_object_hold_the_means),
    };
    return cmocka_run_group_tests_name("summary_means", tests, setup, NULL);
}
