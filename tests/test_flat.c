/* SPDX-License-Identifier: GPL-3.0-or-later
 * tests/test_flat.c - energies a model can have, and weights tabulated over them. */
#include "tiny.h"

#include "model/flat.h"

enum { STATES_MAX = 20000 };

static const struct {
    const char *model, *yaml, *lattice, *size;
    double spacing; /* 0: no levels */
} rows[] = {
    { "ising", "{}", "hypercubic", "{size: [3, 4]}", 4.0 },
    { "ising", "{}", "hypercubic", "{size: [3, 3], boundary: open}", 2.0 },
    { "ising", "{}", "triangular", "{size: [3, 4]}", 4.0 },
    { "ising", "{J: 3}", "hypercubic", "{size: [5]}", 12.0 },
    { "ising", "{field: 1}", "hypercubic", "{size: [3, 3]}", 2.0 },
    { "ising", "{disorder: {kind: pm1, seed: 1}}", "hypercubic", "{size: [3, 3]}", 4.0 },
    { "ising", "{field: 0.3}", "hypercubic", "{size: [3, 3]}", 0.0 },
    { "potts", "{q: 3}", "hypercubic", "{size: [3, 3]}", 1.0 },
    { "blume_capel", "{D: 2}", "hypercubic", "{size: [3, 3]}", 1.0 },
};

static tiny *make(size_t k)
{
    kr_error err = { 0 };
    tiny *t = tiny_alloc(tiny_model(rows[k].model), rows[k].yaml, tiny_lattice(rows[k].lattice),
                         rows[k].size, STATES_MAX, &err);
    if (!t) {
        fail_msg("%s", err.text);
    }
    return t;
}

static void span_and_spacing_hold_for_every_state(void **state)
{
    (void)state;
    for (size_t k = 0; k < sizeof rows / sizeof *rows; k++) {
        tiny *t = make(k);
        kr_flat_span span;
        double mean = 0.0, low = INFINITY, high = -INFINITY;
        kr_flat_measure(t->terms, &span);
        assert_close(span.spacing, rows[k].spacing, 0.0);
        for (int64_t x = 0; x < t->n_states; x++) {
            double level =
                (t->energy[x] - span.level) / (span.spacing > 0.0 ? span.spacing : 1.0);
            assert_true(span.spacing == 0.0 || level == rint(level));
            mean += t->energy[x] / (double)t->n_states;
            low = fmin(low, t->energy[x]);
            high = fmax(high, t->energy[x]);
        }
        assert_true(fabs(mean - span.mean) < 1e-9);
        assert_true(span.lowest <= low + 1e-9 && span.highest >= high - 1e-9);
        tiny_free(t);
    }
}

static void table_holds_the_levels_of_its_range_only(void **state)
{
    (void)state;
    tiny *t = make(0);
    kr_flat_weights f;
    kr_error err = { 0 };
    assert_ok(kr_flat_init(&f, t->terms, -24.0, 0.0, 0.0, 0.5, &err), &err);
    assert_true(f.is_level && f.n_bins == 7);
    assert_int_equal(kr_flat_bin(&f, -24.0), 0);
    assert_int_equal(kr_flat_bin(&f, 0.0), 6);
    assert_int_equal(kr_flat_bin(&f, 4.0), 7);
    assert_int_equal(kr_flat_bin(&f, -28.0), -1);
    for (double e = -40.0; e <= 24.0; e += 4.0) { /* canonical inside and outside */
        assert_close(kr_flat_log_w(&f, e) - kr_flat_log_w(&f, -24.0), -0.5 * (e + 24.0), 1e-12);
    }
    f.beta_low = 0.7;
    f.beta_high = -0.1;
    f.log_w[0] = 3.0;
    f.log_w[6] = 4.0;
    assert_close(kr_flat_log_w(&f, -28.0), 3.0 + 0.7 * 4.0, 1e-14);
    assert_close(kr_flat_log_w(&f, 8.0), 4.0 + 0.1 * 8.0, 1e-14);
    kr_flat_clear(&f);
    tiny_free(t);
}

static void between_the_entries_of_bins_log_w_is_linear(void **state)
{
    (void)state;
    tiny *t = make(6);
    kr_flat_weights f;
    kr_error err = { 0 };
    assert_ok(kr_flat_init(&f, t->terms, -10.0, 2.0, 1.5, 0.5, &err), &err);
    assert_true(!f.is_level && f.n_bins == 9);
    f.log_w[2] = 1.0;
    f.log_w[3] = 2.0;
    assert_close(kr_flat_log_w(&f, -10.0 + 1.5 * 2.25), 1.25, 1e-12);
    assert_close(kr_flat_log_w(&f, -10.0 + 1.5 * 3.0), 2.0, 1e-12);
    assert_int_equal(kr_flat_bin(&f, -10.0 + 1.5 * 2.6), 3);
    kr_flat_clear(&f);
    tiny_free(t);
}

/* Rough weights, a table of more than one segment, steep enough to overflow without them. */
static void scaled_weights_have_the_ratios_of_log_w(void **state)
{
    (void)state;
    tiny *t = make(7);
    kr_flat_weights f;
    kr_error err = { 0 };
    assert_ok(kr_flat_init(&f, t->terms, -300.0, 0.0, 0.0, 0.5, &err), &err);
    for (int32_t k = 0; k < f.n_bins; k++) {
        f.log_w[k] = 4.0 * k + 3.0 * sin(k);
    }
    kr_flat_refresh(&f);
    assert_true(f.has_scaled);
    for (int32_t k = 0; k < f.n_bins; k++) {
        const double *row = kr_flat_row(&f, k);
        for (int32_t m = k - KR_FLAT_REACH; m <= k + KR_FLAT_REACH; m++) {
            if (m >= 0 && m < f.n_bins) {
                assert_close(log(row[m] / row[k]), f.log_w[m] - f.log_w[k], 1e-11);
            }
        }
    }
    f.log_w[100] = 500.0 + f.log_w[99];
    kr_flat_refresh(&f);
    assert_false(f.has_scaled);
    kr_flat_clear(&f);
    tiny_free(t);
}

static void a_range_without_levels_is_refused(void **state)
{
    (void)state;
    tiny *t = make(0);
    kr_flat_weights f;
    kr_error err = { 0 };
    assert_int_equal(kr_flat_init(&f, t->terms, -23.0, -21.0, 0.0, 0.5, &err), KR_ERANGE);
    assert_non_null(strstr(err.text, "0 energy levels of width 4 from -23 to -21"));
    kr_flat_clear(&f);
    err = (kr_error){ 0 };
    assert_int_equal(kr_flat_init(&f, t->terms, -24.0, 0.0, 1e-9, 0.5, &err), KR_ERANGE);
    kr_flat_clear(&f);
    tiny_free(t);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(span_and_spacing_hold_for_every_state),
        cmocka_unit_test(table_holds_the_levels_of_its_range_only),
        cmocka_unit_test(between_the_entries_of_bins_log_w_is_linear),
        cmocka_unit_test(scaled_weights_have_the_ratios_of_log_w),
        cmocka_unit_test(a_range_without_levels_is_refused),
    };
    return cmocka_run_group_tests_name("weights over the energy", tests, NULL, NULL);
}
