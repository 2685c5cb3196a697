/* SPDX-License-Identifier: GPL-3.0-or-later
 * tests/test_plot.c - what the figures say: their data files are read back. Where gnuplot is
 * missing the data are checked all the same. */
#include "kr_synthetic.h"
#include "kr_test.h"

#include "analysis/analysis.h"
#include "analysis/plot.h"
#include "stats/stats.h"

#include <unistd.h>

enum { CHAINS = 5, DRAWS = 600 };

static const kr_synthetic fast = { .title = "fast `touch p_ran` 'x'",
                                   .n_chains = CHAINS,
                                   .n_draws = DRAWS,
                                   .n_points = 1,
                                   .dwell = 5,
                                   .ar = 0.5,
                                   .acceptance = 0.5 };

static int setup(void **state)
{
    (void)state;
    kr_synthetic slow = fast, scan = fast;
    slow.title = "slow";
    slow.dwell = INFINITY;
    scan.n_points = 3;
    kr_error err = { 0 };
    return kr_synthetic_write(&fast, "p_fast.h5", &err) ||
           kr_synthetic_write(&slow, "p_slow.h5", &err) ||
           kr_synthetic_write(&scan, "p_scan.h5", &err);
}

/* Draws; a missing gnuplot leaves script and data, which is all these tests read. */
static void draw(const char *a, const char *b, const char *kind, const char *figure)
{
    const char *paths[] = { a, b };
    char made[4096];
    kr_error err = { 0 };
    int status = kr_plot_write(paths, b ? 2 : 1, kind, figure, made, &err);
    if (!strstr(err.text, "gnuplot: not found")) {
        assert_ok(status, &err);
        assert_int_equal(access(made, F_OK), 0);
    }
}

/* Rows of block `index` of a data file; returns how many. */
static int read_block(const char *path, int index, double row[][3], int max)
{
    FILE *file = fopen(path, "r");
    assert_non_null(file);
    char line[256];
    int block = -1, n = 0;
    while (fgets(line, sizeof line, file)) {
        block += line[0] == '#';
        if (block == index && line[0] != '#' && line[0] != '\n' && n < max) {
            assert_true(sscanf(line, "%lf %lf %lf", &row[n][0], &row[n][1], &row[n][2]) >= 2);
            n++;
        }
    }
    fclose(file);
    return n;
}

/* Strips of a chain join without gaps from 0 to the window. */
static double window_of(const char *path, int index)
{
    static double row[CHAINS * DRAWS][3];
    int n = read_block(path, index, row, CHAINS * DRAWS);
    double window = 0.0;
    for (int k = 0; k < n; k++) {
        bool is_first = k == 0 || row[k][2] != row[k - 1][2];
        assert_true(row[k][0] == (is_first ? 0.0 : row[k - 1][1]) && row[k][1] > row[k][0]);
        if (k == n - 1 || row[k + 1][2] != row[k][2]) {
            assert_true(window == 0.0 || row[k][1] == window);
            window = row[k][1];
        }
    }
    assert_close(row[n - 1][2], CHAINS - 1, 0.0);
    return window;
}

static void two_residence_files_share_the_window(void **state)
{
    (void)state;
    draw("p_fast.h5", "p_slow.h5", "residence", "p_pair.svg");
    assert_close(window_of("p_pair.dat", 0), 400.0, 0.0); /* blocks: strips, two dwells each */
    assert_close(window_of("p_pair.dat", 3), 400.0, 0.0);
}

static bool script_says(const char *path, const char *words)
{
    char line[512];
    bool is_there = false;
    FILE *script = fopen(path, "r");
    assert_non_null(script);
    while (fgets(line, sizeof line, script)) {
        is_there = is_there || strstr(line, words);
    }
    fclose(script);
    return is_there;
}

/* Two runs of one system have the same title: their updates tell them apart. */
static void panels_side_by_side_name_their_updates(void **state)
{
    (void)state;
    draw("p_fast.h5", "p_slow.h5", "residence", "p_pair.svg");
    assert_true(script_says("p_pair.gp", "independence + "));
    draw("p_fast.h5", NULL, "residence", "p_single.svg");
    assert_false(script_says("p_single.gp", "independence"));
}

static void a_chain_that_never_leaves_is_one_strip(void **state)
{
    (void)state;
    double row[64][3];
    draw("p_slow.h5", NULL, "residence", "p_slow.svg");
    assert_int_equal(read_block("p_slow.dat", 0, row, 64), CHAINS);
    assert_close(row[0][1], DRAWS, 0.0);
}

/* Completed dwells in the ordered phase and those of at least two draws, by hand. */
static double fraction_of_long_dwells(void)
{
    kr_error err = { 0 };
    kr_reader *reader = kr_reader_open("p_fast.h5", &err);
    int n_dims;
    int64_t shape[KR_DIMS_MAX];
    double *in = kr_reader_read(reader, "posterior", "in_ordered", &n_dims, shape, NULL, &err);
    double n = 0.0, n_long = 0.0;
    for (int c = 0; c < CHAINS; c++) {
        const double *x = in + c * DRAWS;
        for (int t = 1; t < DRAWS; t++) {
            if (x[t] > x[t - 1]) { /* entered at t; left when? */
                int end = t;
                while (end < DRAWS && x[end] > 0.5) {
                    end++;
                }
                n += end < DRAWS;
                n_long += end < DRAWS && end - t >= 2;
            }
        }
    }
    kr_free(in);
    kr_reader_close(reader);
    return n_long / n;
}

/* Geometric dwells: P(dwell >= t) = 0.8^(t - 1). */
static void dwell_times_follow_their_law(void **state)
{
    (void)state;
    double row[200][3];
    draw("p_fast.h5", NULL, "residence", "p_dwell.svg");
    int n = read_block("p_dwell.dat", 1, row, 200);
    assert_true(n > 10 && row[0][0] == 1.0 && row[0][1] == 1.0);
    for (int k = 1; k < 8; k++) { /* about 300 dwells of this phase */
        double want = pow(0.8, row[k][0] - 1.0);
        assert_within_sigma(row[k][1], sqrt(want * (1.0 - want) / 270.0), want, 4.5);
    }
    assert_close(row[n - 1][1], 0.0, 0.0);
    assert_close(row[1][0], 2.0, 0.0);
    assert_close(row[1][1], fraction_of_long_dwells(), 1e-5);
}

static void histogram_is_normalized_with_errors(void **state)
{
    (void)state;
    draw("p_fast.h5", NULL, "histogram", "p_hist.png");
    for (int block = 0; block < 2; block++) {
        double row[200][3], sum = 0.0;
        int n = read_block("p_hist.dat", block, row, 200);
        assert_true(n > 20);
        for (int k = 0; k < n; k++) {
            sum += row[k][1] * (row[1][0] - row[0][0]);
            assert_true(row[k][2] >= 0.0 && (row[k][1] == 0.0 || row[k][2] > 0.0));
        }
        assert_close(sum, 1.0, 1e-6);
    }
    /* energies are multiples of 1/N: a bin holds a whole number of levels */
    double row[200][3];
    read_block("p_hist.dat", 0, row, 200);
    double levels = (row[1][0] - row[0][0]) * SYN_SITES;
    assert_close(levels, round(levels), 1e-5);
}

/* Six of many points, in one row below both panels: in the second panel no key. */
static void histogram_of_a_long_scan_has_a_short_key(void **state)
{
    (void)state;
    kr_synthetic scan = fast;
    kr_error err = { 0 };
    scan.n_points = 12;
    scan.n_draws = 40;
    assert_ok(kr_synthetic_write(&scan, "p_long.h5", &err), &err);
    draw("p_long.h5", NULL, "histogram", "p_long.png");
    FILE *file = fopen("p_long.gp", "r");
    char script[16384];
    assert_non_null(file);
    size_t n = fread(script, 1, sizeof script - 1, file);
    fclose(file);
    script[n] = '\0';
    const char *key = strstr(script, "maxrows 1 "), *off = strstr(script, "unset key\n");
    assert_non_null(key);
    assert_non_null(strstr(key, "title 'beta, 6 of 12 points'"));
    assert_true(off && off > strstr(key, "plot "));
    int n_titles = 0;
    for (const char *c = strstr(key, " title '") + 1; (c = strstr(c, " title '")) && c < off;
         c++) {
        n_titles += c[8] != '\'';
    }
    assert_int_equal(n_titles, 6);
}

/* The sum of rho over the window is the tau_int of the summary. */
static void autocorrelations_sum_to_tau_int(void **state)
{
    (void)state;
    draw("p_fast.h5", NULL, "tau", "p_tau.png");
    static double row[1024][3];
    const int n = read_block("p_tau.dat", 0, row, 1024);
    kr_error err = { 0 };
    kr_reader *reader = kr_reader_open("p_fast.h5", &err);
    int n_dims;
    int64_t shape[KR_DIMS_MAX];
    kr_estimate e;
    double *x =
        kr_reader_read(reader, "posterior", "energy_per_site", &n_dims, shape, NULL, &err);
    assert_ok(kr_gamma_estimate(x, CHAINS, DRAWS, &e, &err), &err);
    double tau = 0.5;
    assert_true(n > e.window);
    for (int64_t t = 1; t <= e.window; t++) {
        tau += row[t][1];
        assert_true(row[t][2] > 0.0);
    }
    assert_close(row[0][1], 1.0, 0.0);
    assert_close(tau, e.tau_int, 0.002 * e.tau_int);
    kr_free(x);
    kr_reader_close(reader);
}

/* Of a scan: parameter and tau_int of every point. */
static void tau_int_of_a_scan_is_that_of_its_points(void **state)
{
    (void)state;
    draw("p_scan.h5", NULL, "tau", "p_tau_scan.svg");
    double row[8][3];
    assert_int_equal(read_block("p_tau_scan.dat", 0, row, 8), 3);
    kr_error err = { 0 };
    kr_reader *reader = kr_reader_open("p_scan.h5", &err);
    kr_series series;
    assert_ok(kr_series_load(reader, "posterior", "energy_per_site", &series, &err), &err);
    static double x[CHAINS * DRAWS];
    for (int p = 0; p < 3; p++) {
        kr_estimate e;
        kr_series_point(&series, p, x);
        assert_ok(kr_gamma_estimate(x, CHAINS, DRAWS, &e, &err), &err);
        assert_close(row[p][1], e.tau_int, 1e-6 * e.tau_int);
        assert_close(row[p][2], fmax(e.tau_int - e.tau_int_error, 0.1 * e.tau_int), 1e-6);
    }
    kr_series_clear(&series);
    kr_reader_close(reader);
}

static void trace_keeps_every_extreme(void **state)
{
    (void)state;
    draw("p_fast.h5", NULL, "trace", "p_trace.pdf");
    kr_error err = { 0 };
    kr_reader *reader = kr_reader_open("p_fast.h5", &err);
    int n_dims;
    int64_t shape[KR_DIMS_MAX];
    double *x =
        kr_reader_read(reader, "posterior", "energy_per_site", &n_dims, shape, NULL, &err);
    double row[2 * DRAWS][3], low = INFINITY, want = INFINITY;
    int n = read_block("p_trace.dat", 0, row, 2 * DRAWS);
    for (int k = 0; k < n; k++) {
        low = fmin(low, row[k][1]);
    }
    for (int t = 0; t < DRAWS; t++) {
        want = fmin(want, x[t]);
    }
    assert_close(low, want, 1e-9);
    kr_free(x);
    kr_reader_close(reader);
}

static void scans_are_drawn_at_a_named_point(void **state)
{
    (void)state;
    const char *const kind[] = { "trace", "histogram", "residence" };
    for (int k = 0; k < 3; k++) {
        draw("p_scan.h5", NULL, kind[k], "p_scan.svg");
        assert_true(script_says("p_scan.gp", k == 1 ? "title 'beta'" : "beta = 1"));
    }
}

static void titles_run_nothing(void **state)
{
    (void)state;
    draw("p_fast.h5", NULL, "trace", "p_title.svg");
    assert_int_not_equal(access("p_ran", F_OK), 0);
}

static void default_figure_lies_beside_the_file(void **state)
{
    (void)state;
    const char *paths[] = { "p_fast.h5" };
    char made[4096];
    kr_error err = { 0 };
    kr_plot_write(paths, 1, "trace", NULL, made, &err);
    assert_string_equal(made, "p_fast-trace.svg");
}

static void what_cannot_be_drawn_is_refused_with_its_reason(void **state)
{
    (void)state;
    kr_synthetic empty = fast, bad = fast;
    empty.n_draws = 0;
    bad.has_nan = true;
    kr_error err = { 0 };
    assert_ok(kr_synthetic_write(&empty, "p_empty.h5", &err), &err);
    assert_ok(kr_synthetic_write(&bad, "p_nan.h5", &err), &err);
    const struct {
        const char *path, *kind, *want;
        int n;
    } list[] = { { "p_fast.h5", "pie", "kind pie: unknown, want trace, ", 1 },
                 { "p_fast.h5", "trace", "trace of 2 files, want one", 2 },
                 { "p_empty.h5", "residence", "p_empty.h5: no draws of in_ordered", 1 },
                 { "p_nan.h5", "trace", "not finite of energy_per_site", 1 },
                 { "p_nan.h5", "tau", "not finite of energy_per_site", 1 },
                 { "p_empty.h5", "tau", "p_empty.h5: no draws of energy_per_site", 1 },
                 { "p_fast.h5", "snapshot", "want output: {configurations: {every: N}}", 1 },
                 { "p_fast.h5", "training", "no training, want a run with densities", 1 },
                 { "p_fast.h5", "correlation", "want observable two_point", 1 },
                 { "p_fast.h5", "binder", "p_fast.h5: ", 1 } };
    for (int k = 0; k < (int)(sizeof list / sizeof *list); k++) {
        const char *paths[] = { list[k].path, list[k].path };
        char made[4096];
        err = (kr_error){ 0 };
        assert_int_equal(
            kr_plot_write(paths, list[k].n, list[k].kind, "p_refused.svg", made, &err),
            KR_EUNSUP);
        assert_non_null(strstr(err.text, list[k].want));
        assert_int_not_equal(access("p_refused.gp", F_OK), 0);
    }
}

/* A file with that title, and sides unless there are none. */
static void write_sides(const char *path, const int64_t *side, int64_t n)
{
    kr_error err = { 0 };
    int index;
    kr_results *r = kr_results_alloc(&err);
    assert_non_null(r);
    assert_ok(kr_results_attr_text(r, "", "", "title", "ising, hypercubic 16x8", &err), &err);
    assert_ok(kr_results_dim(r, "constant_data", "axis", n ? n : 1, NULL, &err), &err);
    assert_ok(kr_results_variable(r, "constant_data", n ? "lattice_size" : "other", KR_I64,
                                  "axis", "1", "", &index, &err),
              &err);
    assert_ok(kr_results_put(r, index, side, &err), &err);
    assert_ok(kr_results_write_part(r, path, &err), &err);
    kr_results_free(r);
}

static void sides_are_those_of_the_file_and_else_of_its_title(void **state)
{
    (void)state;
    const int64_t side[5] = { 4, 6, 2, 3, 5 };
    for (int n = 0; n <= 5; n++) {
        kr_source source;
        kr_error err = { 0 };
        int64_t extent[4] = { 0 };
        write_sides("p_sides.h5", side, n);
        assert_ok(kr_plot_open(&source, "p_sides.h5", &err), &err);
        assert_int_equal(kr_plot_extent(&source, extent), n == 0 ? 2 : n <= 4 ? n : 0);
        assert_int_equal(extent[0], n == 0 ? 16 : n <= 4 ? 4 : 0);
        kr_reader_close(source.reader);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(two_residence_files_share_the_window),
        cmocka_unit_test(panels_side_by_side_name_their_updates),
        cmocka_unit_test(a_chain_that_never_leaves_is_one_strip),
        cmocka_unit_test(dwell_times_follow_their_law),
        cmocka_unit_test(histogram_is_normalized_with_errors),
        cmocka_unit_test(histogram_of_a_long_scan_has_a_short_key),
        cmocka_unit_test(autocorrelations_sum_to_tau_int),
        cmocka_unit_test(tau_int_of_a_scan_is_that_of_its_points),
        cmocka_unit_test(trace_keeps_every_extreme),
        cmocka_unit_test(scans_are_drawn_at_a_named_point),
        cmocka_unit_test(titles_run_nothing),
        cmocka_unit_test(default_figure_lies_beside_the_file),
        cmocka_unit_test(what_cannot_be_drawn_is_refused_with_its_reason),
        cmocka_unit_test(sides_are_those_of_the_file_and_else_of_its_title),
    };
    return cmocka_run_group_tests_name("plot", tests, setup, NULL);
}
