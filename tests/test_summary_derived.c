/* SPDX-License-Identifier: GPL-3.0-or-later
 * tests/test_summary_derived.c - quantities from means of several columns, of a file of known
 * law: independent normals about known means. */
#include "kr_test.h"

#include "analysis/analysis.h"
#include "analysis/summary.h"
#include "base/rng.h"

enum { CHAINS = 8, DRAWS = 4000, N = 4 };
#define NAME   "summary_derived.h5"
#define SPREAD 0.05
#define BETA   0.8
#define SITES  10.0

static const char *const name[N] = { "g_1", "g_0", "g_2", "m" };
static const double mean[N] = { 0.5, 0.9, 0.35, 0.2 };

static void declare(kr_results *r, int index[N])
{
    static const char *const derived[][2] = {
        { "derived_connected", "connected g_1 0 0 0 m | 1 | " },
        { "derived_mass", "effective_mass g_1 0 0 0 g_0 g_2 m | 1 | " },
        { "derived_length", "correlation_length g_0 0 0 1.5 g_1 | 1 | " },
        { "derived_stiffness", "stiffness g_0 0 0 0 g_2 | 1 | " },
        { "derived_odds", "log_odds m 0 0 | 1 | " },
        { "derived_cut", "effective_mass g_1 0 0 0 g_0 g_2 | 1 | a column is missing" },
    };
    kr_error err = { 0 };
    const double beta = BETA;
    int constant;
    assert_ok(kr_results_dim(r, "posterior", "chain", CHAINS, NULL, &err), &err);
    assert_ok(kr_results_dim(r, "posterior", "draw", 0, NULL, &err), &err);
    for (int k = 0; k < N; k++) {
        assert_ok(kr_results_variable(r, "posterior", name[k], KR_F64, "chain draw", "1", "",
                                      &index[k], &err),
                  &err);
    }
    for (size_t k = 0; k < sizeof derived / sizeof *derived; k++) {
        assert_ok(kr_results_attr_text(r, "posterior", "", derived[k][0], derived[k][1], &err),
                  &err);
    }
    assert_ok(kr_results_attr_real(r, "posterior", "", "n_sites", SITES, &err), &err);
    assert_ok(
        kr_results_variable(r, "constant_data", "beta", KR_F64, "", "", "", &constant, &err),
        &err);
    assert_ok(kr_results_put(r, constant, &beta, &err), &err);
}

static int setup(void **state)
{
    (void)state;
    kr_error err = { 0 };
    int index[N];
    kr_rng rng;
    kr_results *r = kr_results_alloc(&err);
    declare(r, index);
    kr_rng_seed(&rng, 5, 0, KR_PURPOSE_TEST);
    for (int t = 0; t < DRAWS; t++) {
        for (int k = 0; k < N; k++) {
            double slab[CHAINS];
            for (int c = 0; c < CHAINS; c++) {
                slab[c] = mean[k] + SPREAD * kr_rng_normal(&rng);
            }
            assert_ok(kr_results_append(r, index[k], slab, &err), &err);
        }
    }
    assert_ok(kr_results_write_part(r, NAME, &err), &err);
    kr_results_free(r);
    return 0;
}

/* f and the values that the file has to give for it */
typedef double function(const double x[N]);

static double connected(const double x[N])
{
    return x[0] - x[3] * x[3];
}

static double mass(const double x[N])
{
    return acosh((x[1] + x[2] - 2.0 * x[3] * x[3]) / (2.0 * (x[0] - x[3] * x[3])));
}

static double length(const double x[N])
{
    return 1.5 * sqrt(x[1] / x[0] - 1.0);
}

static double stiffness(const double x[N])
{
    return x[1] - BETA * SITES * x[2];
}

static double log_odds(const double x[N])
{
    return log(x[3] / (1.0 - x[3]));
}

/* Error of f by its slopes: the columns are independent. */
static double error_of(function *f)
{
    double square = 0.0;
    for (int k = 0; k < N; k++) {
        double up[N], down[N];
        memcpy(up, mean, sizeof up);
        memcpy(down, mean, sizeof down);
        up[k] += 1e-5;
        down[k] -= 1e-5;
        const double slope = (f(up) - f(down)) / 2e-5;
        square += slope * slope * SPREAD * SPREAD / (CHAINS * DRAWS);
    }
    return sqrt(square);
}

static void values_and_errors_follow_the_law_of_the_file(void **state)
{
    (void)state;
    static const struct {
        const char *name;
        function *f;
    } cases[] = { { "connected", connected },
                  { "mass", mass },
                  { "length", length },
                  { "stiffness", stiffness },
                  { "odds", log_odds } };
    kr_error err = { 0 };
    kr_summary s;
    kr_reader *reader = kr_reader_open(NAME, &err);
    assert_non_null(reader);
    assert_ok(kr_summary_compute(reader, NAME, &s, &err), &err);
    kr_reader_close(reader);
    assert_int_equal(s.n_quantities, N + 5); /* the recipe that is cut off gives none */
    for (size_t c = 0; c < sizeof cases / sizeof *cases; c++) {
        int k = 0;
        while (k < s.n_quantities && strcmp(s.quantity[k].name, cases[c].name) != 0) {
            k++;
        }
        assert_true(k < s.n_quantities && s.quantity[k].is_derived);
        const kr_estimate *e = &s.quantity[k].estimate;
        assert_within_sigma(e->mean, e->error, cases[c].f(mean), 4.3);
        assert_close(e->error / error_of(cases[c].f), 1.0, 0.25);
    }
    kr_summary_clear(&s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(values_and_errors_follow_the_law_of_the_file),
    };
    return cmocka_run_group_tests(tests, setup, NULL);
}
