/* SPDX-License-Identifier: GPL-3.0-or-later
 * tests/test_series.c - series, constants and scanned parameters of a result file. */
#include "kr_synthetic.h"
#include "kr_test.h"

#include "analysis/series.h"

#define FILE_NAME "series_scan.h5"

static int setup(void **state)
{
    const kr_synthetic f = { .title = "scan",
                             .n_chains = 3,
                             .n_draws = 7,
                             .n_points = 2,
                             .dwell = 4,
                             .acceptance = 0.5 };
    kr_error err = { 0 };
    int status = kr_synthetic_write(&f, FILE_NAME, &err);
    *state = status == KR_OK ? kr_reader_open(FILE_NAME, &err) : NULL;
    return *state ? 0 : 1;
}

static int teardown(void **state)
{
    kr_reader_close(*state);
    return 0;
}

static void points_are_taken_apart(void **state)
{
    kr_series series;
    kr_error err = { 0 };
    assert_ok(kr_series_load(*state, "posterior", "energy_per_site", &series, &err), &err);
    assert_true(series.n_chains == 3 && series.n_draws == 7 && series.n_points == 2);
    double out[21];
    kr_series_point(&series, 1, out);
    for (int k = 0; k < 21; k++) {
        assert_true(out[k] == series.value[2 * k + 1]);
        assert_true(out[k] < -0.5); /* beta = 1.1 times -0.8 or -1.6 */
    }
    kr_series_clear(&series);
}

static void other_dims_are_refused_by_name(void **state)
{
    kr_series series;
    kr_error err = { 0 };
    assert_int_equal(kr_series_load(*state, "constant_data", "beta", &series, &err), KR_EUNSUP);
    assert_non_null(strstr(err.text, "constant_data/beta: dims \"point\""));
    kr_series_clear(&series);
    err = (kr_error){ 0 };
    assert_int_equal(kr_series_load(*state, "posterior", "nothing", &series, &err), KR_EIO);
    kr_series_clear(&series);
}

static void constants_belong_to_points(void **state)
{
    assert_close(kr_series_constant(*state, "constant_data", "beta", 1), 1.1, 1e-14);
    assert_close(kr_series_constant(*state, "cost", "wall_s", 1), 40.0, 1e-14);
    assert_true(isnan(kr_series_constant(*state, "constant_data", "absent", 0)));
    assert_true(isnan(kr_series_constant(*state, "constant_data", "beta", 2)));
}

static void scanned_parameters_label_the_points(void **state)
{
    kr_points points;
    kr_error err = { 0 };
    char label[64];
    assert_ok(kr_points_load(*state, 2, &points, &err), &err);
    assert_int_equal(points.n_params, 1);
    kr_points_label(&points, 1, label, sizeof label);
    assert_string_equal(label, "beta = 1.1");
    kr_points_clear(&points);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(points_are_taken_apart),
        cmocka_unit_test(other_dims_are_refused_by_name),
        cmocka_unit_test(constants_belong_to_points),
        cmocka_unit_test(scanned_parameters_label_the_points),
    };
    return cmocka_run_group_tests_name("series", tests, setup, teardown);
}
