/* SPDX-License-Identifier: GPL-3.0-or-later
 * tests/test_disorder.c - quenched values: their laws, files and messages. */
#include "kr_system.h"

enum { N = 64 * 64, BONDS = 2 * N };

static const char path[] = "test_disorder_values.txt";

static kr_lattice *box(const char *text)
{
    kr_error err = { 0 };
    kr_lattice *lattice = system_lattice("hypercubic", text, &err);
    if (!lattice) {
        fail_msg("%s", err.text);
    }
    return lattice;
}

static kr_disorder law(int32_t kind, int64_t seed)
{
    kr_disorder d = { .kind = kind, .seed = seed, .strength = 1.0 };
    snprintf(d.file, sizeof d.file, "%s", kind == KR_DISORDER_FILE ? path : "");
    return d;
}

static void write_file(const char *text)
{
    FILE *file = fopen(path, "w");
    assert_non_null(file);
    fputs(text, file);
    fclose(file);
}

static void pm1_values_have_equal_odds(void **state)
{
    (void)state;
    kr_error err = { 0 };
    kr_lattice *lattice = box("size=64,64");
    kr_disorder d = law(KR_DISORDER_PM1, 7);
    d.strength = 2.5;
    double *J = malloc(BONDS * sizeof *J), sum = 0.0, pairs = 0.0;
    assert_ok(kr_disorder_bonds(&d, lattice, J, &err), &err);
    for (int b = 0; b < BONDS; b++) {
        assert_true(fabs(J[b]) == 2.5);
        sum += J[b] / 2.5;
        pairs += J[b] * J[(b + 1) % BONDS] / 6.25;
    }
    assert_within_sigma(sum, sqrt(BONDS), 0.0, 3.9);
    assert_within_sigma(pairs, sqrt(BONDS), 0.0, 3.9);
    free(J);
    kr_lattice_free(lattice);
}

static void gaussian_values_have_their_moments(void **state)
{
    (void)state;
    kr_error err = { 0 };
    kr_lattice *lattice = box("size=64,64");
    kr_disorder d = law(KR_DISORDER_GAUSSIAN, 11);
    double *h = malloc(N * sizeof *h), m1 = 0.0, m2 = 0.0, m4 = 0.0;
    assert_ok(kr_disorder_sites(&d, lattice, h, &err), &err);
    for (int i = 0; i < N; i++) {
        m1 += h[i] / N;
        m2 += h[i] * h[i] / N;
        m4 += h[i] * h[i] * h[i] * h[i] / N;
    }
    /* variances of x, x^2, x^4: 1, 2, 96 */
    assert_within_sigma(m1, sqrt(1.0 / N), 0.0, 4.2);
    assert_within_sigma(m2, sqrt(2.0 / N), 1.0, 4.2);
    assert_within_sigma(m4, sqrt(96.0 / N), 3.0, 4.2);
    free(h);
    kr_lattice_free(lattice);
}

static void values_depend_on_seed_and_purpose_only(void **state)
{
    (void)state;
    kr_error err = { 0 };
    kr_lattice *chain = box("size=64"); /* as many bonds as sites */
    double a[64], b[64], c[64], sites[64];
    kr_disorder first = law(KR_DISORDER_GAUSSIAN, 1), second = law(KR_DISORDER_GAUSSIAN, 2);
    assert_ok(kr_disorder_bonds(&first, chain, a, &err), &err);
    assert_ok(kr_disorder_bonds(&first, chain, b, &err), &err);
    assert_ok(kr_disorder_bonds(&second, chain, c, &err), &err);
    assert_ok(kr_disorder_sites(&first, chain, sites, &err), &err);
    assert_memory_equal(a, b, sizeof a);
    int n_same = 0;
    for (int k = 0; k < 64; k++) {
        n_same += (a[k] == c[k]) + (a[k] == sites[k]);
    }
    assert_int_equal(n_same, 0);
    kr_lattice_free(chain);
}

static void first_values_of_seed_one_are_fixed(void **state)
{
    (void)state;
    /* golden: a change here changes the couplings of every published run file */
    kr_error err = { 0 };
    kr_lattice *chain = box("size=8");
    double J[8];
    char signs[9] = "";
    kr_disorder d = law(KR_DISORDER_PM1, 1);
    assert_ok(kr_disorder_bonds(&d, chain, J, &err), &err);
    for (int k = 0; k < 8; k++) {
        signs[k] = J[k] > 0 ? '+' : '-';
    }
    assert_string_equal(signs, "++--+---");
    d.kind = KR_DISORDER_GAUSSIAN;
    assert_ok(kr_disorder_bonds(&d, chain, J, &err), &err);
    assert_close(J[0], -0.61735006916238222, 1e-14);
    assert_close(J[7], 0.44822631976866678, 1e-14);
    kr_lattice_free(chain);
}

static void zero_sum_shifts_the_mean_only(void **state)
{
    (void)state;
    kr_error err = { 0 };
    kr_lattice *lattice = box("size=8,8");
    kr_disorder d = law(KR_DISORDER_GAUSSIAN, 3);
    double free_sum[64], h[64], sum = 0.0;
    assert_ok(kr_disorder_sites(&d, lattice, free_sum, &err), &err);
    d.zero_sum = true;
    assert_ok(kr_disorder_sites(&d, lattice, h, &err), &err);
    for (int i = 0; i < 64; i++) {
        sum += h[i];
        assert_close(h[i] - h[0], free_sum[i] - free_sum[0], 1e-14);
    }
    assert_true(fabs(sum) < 1e-13);
    kr_lattice_free(lattice);
}

static void none_is_the_clean_system(void **state)
{
    (void)state;
    kr_error err = { 0 };
    kr_lattice *chain = box("size=3");
    double x[3];
    kr_disorder d = law(KR_DISORDER_NONE, 3);
    assert_ok(kr_disorder_bonds(&d, chain, x, &err), &err);
    assert_true(x[0] == 1.0 && x[1] == 1.0 && x[2] == 1.0);
    assert_ok(kr_disorder_sites(&d, chain, x, &err), &err);
    assert_true(x[0] == 0.0 && x[1] == 0.0 && x[2] == 0.0);
    kr_lattice_free(chain);
}

static void rows_come_in_any_order_and_either_direction(void **state)
{
    (void)state;
    kr_error err = { 0 };
    kr_lattice *chain = box("size=4");
    kr_disorder d = law(KR_DISORDER_FILE, 0);
    double x[4];
    d.strength = 2.0;
    write_file("# a ring\n3 2 -0.5\n\n1 0 0.25 # second\n0\t3\t1e-1\n2 1 +4\n");
    assert_ok(kr_disorder_bonds(&d, chain, x, &err), &err);
    assert_true(x[0] == 0.5 && x[1] == 8.0 && x[2] == -1.0 && x[3] == 0.2);
    write_file("2 7\n0 5\n3 8\n1 6");
    assert_ok(kr_disorder_sites(&d, chain, x, &err), &err);
    assert_true(x[0] == 10.0 && x[1] == 12.0 && x[2] == 14.0 && x[3] == 16.0);
    write_file("1\n2\n3\n4\n");
    assert_ok(kr_disorder_bonds(&d, chain, x, &err), &err);
    assert_true(x[0] == 2.0 && x[3] == 8.0);
    kr_lattice_free(chain);
    chain = box("size=2"); /* two bonds join the pair: two rows */
    write_file("0 1 3\n1 0 5\n");
    assert_ok(kr_disorder_bonds(&d, chain, x, &err), &err);
    assert_true(x[0] == 6.0 && x[1] == 10.0);
    kr_lattice_free(chain);
    remove(path);
}

static void wrong_files_are_refused_with_their_line(void **state)
{
    (void)state;
    const struct {
        const char *text, *message;
        bool of_sites;
    } cases[] = {
        { "1\n2\nx\n4\n", "values.txt:3: 'x', want a finite decimal number", false },
        { "1\n0x10\n", "values.txt:2: '0x10', want a finite", false },
        { "1\nnan\n", "values.txt:2: 'nan'", false },
        { "1\n1e999\n", "values.txt:2: '1e999'", false },
        { "1\n1.5.2\n", "values.txt:2: '1.5.2'", false },
        { "1\n2\n3\n", "values.txt:3: end of file, want a value of bond 3 0", false },
        { "1\n2\n3\n4\n5\n", "values.txt:5: value 5, want 4 values", false },
        { "0 1 1\n1 2 1\n0 1 1\n", "values.txt:3: bond 0 1 comes once more", false },
        { "0 1 1\n0 2 1\n", "values.txt:2: bond 0 2 is no bond", false },
        { "0 1 1\n0 4 1\n", "values.txt:2: '4', want a site 0..3", false },
        { "0 1 1\n0 -1 1\n", "values.txt:2: '-1', want a site 0..3", false },
        { "0 1 1\n1 2 1\n", "values.txt:2: end of file, want a value of bond 2 3", false },
        { "0 1 1\n5\n", "values.txt:2: 1 columns", false },
        { "0 1\n", "values.txt:1: 2 columns, want 1 or 3", false },
        { "0 1 2 3 4\n", "values.txt:1: 5 columns, want 1 or 3", false },
        { "0 1\n0 2\n", "values.txt:2: site 0 comes twice", true },
        { "0 1\n1 2\n3 2\n", "values.txt:3: end of file, want a value of site 2", true },
        { "", "values.txt: end of file", true },
    };
    kr_lattice *chain = box("size=4");
    kr_disorder d = law(KR_DISORDER_FILE, 0);
    for (size_t k = 0; k < sizeof cases / sizeof *cases; k++) {
        kr_error err = { 0 };
        double x[4];
        write_file(cases[k].text);
        int status = cases[k].of_sites ? kr_disorder_sites(&d, chain, x, &err)
                                       : kr_disorder_bonds(&d, chain, x, &err);
        assert_int_equal(status, KR_EPARSE);
        if (!strstr(err.text, cases[k].message)) {
            fail_msg("'%s' does not say '%s'", err.text, cases[k].message);
        }
    }
    remove(path);
    kr_error err = { 0 };
    double x[4];
    assert_int_equal(kr_disorder_bonds(&d, chain, x, &err), KR_EIO);
    assert_non_null(strstr(err.text, path));
    d.file[0] = '\0';
    assert_int_equal(kr_disorder_bonds(&d, chain, x, NULL), KR_EINVAL);
    kr_lattice_free(chain);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(pm1_values_have_equal_odds),
        cmocka_unit_test(gaussian_values_have_their_moments),
        cmocka_unit_test(values_depend_on_seed_and_purpose_only),
        cmocka_unit_test(first_values_of_seed_one_are_fixed),
        cmocka_unit_test(zero_sum_shifts_the_mean_only),
        cmocka_unit_test(none_is_the_clean_system),
        cmocka_unit_test(rows_come_in_any_order_and_either_direction),
        cmocka_unit_test(wrong_files_are_refused_with_their_line),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
