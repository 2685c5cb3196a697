/* SPDX-License-Identifier: GPL-3.0-or-later
 * tests/test_reader.c - reading the result file: names, attributes, damaged files. */
#include "results_set.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#if defined(__SANITIZE_ADDRESS__)
/* HDF5 1.10.8 forgets memory when it refuses a damaged file; leaks of ours have other frames.
 */
const char *__lsan_default_suppressions(void);
const char *__lsan_default_suppressions(void)
{
    return "leak:libhdf5";
}
#endif

static void reader_lists_variables_and_attributes(void **state)
{
    (void)state;
    set s;
    set_declare(&s);
    kr_error err = { 0 };
    char big[100001];
    memset(big, 'x', sizeof big - 1);
    big[sizeof big - 1] = '\0';
    assert_ok(kr_results_attr_text(s.r, "", "", "run_file", "first", &s.err), &s.err);
    assert_ok(kr_results_attr_text(s.r, "", "", "run_file", big, &s.err), &s.err);
    const float version = 0.5f;
    int index;
    assert_ok(
        kr_results_variable(s.r, "", "version", KR_F32, "", "", "of the file", &index, &s.err),
        &s.err);
    assert_ok(kr_results_put(s.r, index, &version, &s.err), &s.err);
    assert_ok(kr_results_write_part(s.r, "attrs.h5", &s.err), &s.err);
    kr_reader *reader = kr_reader_open("attrs.h5", &err);
    const char *const *names = kr_reader_variables(reader, "configurations");
    assert_string_equal(names[0], "state");
    assert_null(names[1]);
    assert_null(kr_reader_variables(reader, "nowhere"));
    names = kr_reader_attrs(reader, "posterior", "energy_per_site");
    assert_string_equal(names[0], "exact");
    assert_string_equal(names[1], "long_name");
    assert_string_equal(names[2], "units");
    assert_null(names[3]);
    const char *text;
    double exact;
    assert_true(kr_reader_attr_text(reader, "", "", "run_file", &text));
    assert_string_equal(text, big); /* beyond the 64 KiB of an object header */
    assert_true(kr_reader_attr_text(reader, "posterior", "", "empty", &text));
    assert_string_equal(text, "");
    assert_true(kr_reader_attr_text(reader, "posterior", "energy_per_site", "units", &text));
    assert_string_equal(text, "J");
    assert_true(kr_reader_attr_real(reader, "posterior", "energy_per_site", "exact", &exact));
    assert_true(exact == -1.25);
    assert_false(kr_reader_attr_real(reader, "posterior", "energy_per_site", "units", &exact));
    assert_false(kr_reader_attr_text(reader, "posterior", "energy_per_site", "color", &text));
    int n_dims;
    int64_t shape[KR_DIMS_MAX];
    double *x = kr_reader_read(reader, "cost", "n_starts", &n_dims, shape, &text, &err);
    assert_true(x && n_dims == 0 && x[0] == 1.0 && text[0] == '\0');
    kr_free(x);
    assert_string_equal(kr_reader_variables(reader, "")[0], "version");
    assert_true(kr_reader_attr_text(reader, "", "version", "long_name", &text));
    x = kr_reader_read(reader, "", "version", &n_dims, shape, &text, &err);
    assert_true(x && n_dims == 0 && x[0] == 0.5);
    kr_free(x);
    assert_null(kr_reader_read(reader, "cost", "n_stops", &n_dims, shape, NULL, &err));
    assert_int_equal(err.status, KR_EIO);
    kr_reader_close(reader);
    kr_results_free(s.r);
}

static void reader_refuses_what_is_not_a_whole_file(void **state)
{
    (void)state;
    set s;
    set_declare(&s);
    set_append(&s, 0, 100);
    assert_ok(kr_results_write_part(s.r, "cut.h5", &s.err), &s.err);
    struct stat info;
    assert_int_equal(stat("cut.h5", &info), 0);
    for (off_t n = info.st_size - 1; n >= 0; n = n > 512 ? n - n / 9 : n - 100) {
        assert_int_equal(truncate("cut.h5", n), 0);
        kr_error err = { 0 };
        assert_null(kr_reader_open("cut.h5", &err));
        assert_int_equal(err.status, KR_EIO);
        assert_non_null(
            strstr(err.text, n >= 8 ? "cut.h5: truncated or damaged" : "not an HDF5"));
        const char *const part = "cut.h5";
        assert_int_equal(kr_results_assemble(s.r, &part, 1, NULL, "x.h5", NULL), KR_EIO);
    }
    kr_error err = { 0 };
    assert_null(kr_reader_open("absent.h5", &err));
    assert_string_equal(err.text, "absent.h5: no such file, nor its parts absent.h5.parts");
    kr_results_free(s.r);
}

static void newer_formats_are_refused(void **state)
{
    (void)state;
    static const struct {
        const char *format;
        bool is_read;
    } cases[] = { { "kramers-1.0", true },
                  { "kramers-1.9", true },
                  { "CF-1.8", true },
                  { "kramers-2.0", false },
                  { "kramers-10.0", false } };
    for (size_t k = 0; k < sizeof cases / sizeof *cases; k++) {
        set s;
        set_declare(&s);
        kr_error err = { 0 };
        assert_ok(kr_results_attr_text(s.r, "", "", "Conventions", cases[k].format, &s.err),
                  &s.err);
        assert_ok(kr_results_write_part(s.r, "format.h5", &s.err), &s.err);
        kr_reader *reader = kr_reader_open("format.h5", &err);
        assert_true((reader != NULL) == cases[k].is_read);
        assert_true(cases[k].is_read || strstr(err.text, cases[k].format));
        kr_reader_close(reader);
        kr_results_free(s.r);
    }
}

/* Lists have no error of their own, and HDF5 1.10.8 crashes where it sorts a damaged one. */
static void lists_are_whole_or_the_damage_is_told(void **state)
{
    (void)state;
    enum { VARIABLES = 40 };
    kr_error err = { 0 };
    kr_results *r = kr_results_alloc(&err);
    for (int k = 0; k < VARIABLES; k++) {
        const double value = k;
        int index;
        char name[16];
        snprintf(name, sizeof name, "v%d", (k * 7) % VARIABLES);
        assert_ok(kr_results_variable(r, "g", name, KR_F64, "", "", "", &index, &err), &err);
        assert_ok(kr_results_put(r, index, &value, &err), &err);
    }
    assert_ok(kr_results_write_part(r, "list.h5", &err), &err);
    kr_results_free(r);
    struct stat info;
    assert_int_equal(stat("list.h5", &info), 0);
    int descriptor = open("list.h5", O_RDWR), n_told = 0;
    for (off_t at = 8; at < info.st_size; at += 5) {
        unsigned char byte, flipped;
        assert_int_equal(pread(descriptor, &byte, 1, at), 1);
        flipped = (unsigned char)(byte ^ (1u << (at % 8)));
        assert_int_equal(pwrite(descriptor, &flipped, 1, at), 1);
        kr_reader *reader = kr_reader_open("list.h5", NULL);
        const char *const *names = reader ? kr_reader_variables(reader, "g") : NULL;
        if (reader && kr_reader_damage(reader)) {
            assert_non_null(strstr(kr_reader_damage(reader), "list.h5: "));
            n_told++;
        } else if (reader) {
            for (int k = 0; k < VARIABLES; k++) { /* in the order of their declaration */
                char name[16];
                snprintf(name, sizeof name, "v%d", (k * 7) % VARIABLES);
                assert_string_equal(names[k], name);
            }
            assert_null(names[VARIABLES]);
        }
        kr_reader_close(reader);
        assert_int_equal(pwrite(descriptor, &byte, 1, at), 1);
    }
    close(descriptor);
    assert_true(n_told > 20);
}

/* One bit of each of many bytes flipped: the data are the same, or the reader says so. */
static void flipped_bits_never_change_data_silently(void **state)
{
    (void)state;
    set s;
    set_declare(&s);
    set_append(&s, 0, 100);
    assert_ok(kr_results_write_part(s.r, "flip.h5", &s.err), &s.err);
    struct stat info;
    assert_int_equal(stat("flip.h5", &info), 0);
    int descriptor = open("flip.h5", O_RDWR), n_refused = 0, n_flips = 0;
    for (off_t at = 8; at < info.st_size; at += 17) {
        unsigned char byte, flipped;
        assert_int_equal(pread(descriptor, &byte, 1, at), 1);
        flipped = (unsigned char)(byte ^ (1u << (at % 8)));
        assert_int_equal(pwrite(descriptor, &flipped, 1, at), 1);
        int n_dims;
        int64_t shape[KR_DIMS_MAX];
        kr_reader *reader = kr_reader_open("flip.h5", NULL);
        double *x = NULL;
        if (reader) {
            x = kr_reader_read(reader, "posterior", "energy_per_site", &n_dims, shape, NULL,
                               NULL);
        }
        for (int64_t k = 0; x && k < CHAINS * 100 * POINTS; k++) {
            assert_true(shape[1] == 100);
            int64_t c = k / POINTS / 100, t = k / POINTS % 100;
            assert_true(x[k] == set_energy((int)c, t, (int)(k % POINTS)));
        }
        n_refused += x == NULL;
        n_flips++;
        kr_free(x);
        kr_reader_close(reader);
        assert_int_equal(pwrite(descriptor, &byte, 1, at), 1);
    }
    close(descriptor);
    assert_true(n_refused > n_flips / 50); /* the flips do reach the data */
    kr_results_free(s.r);
}

int main(void)
{
    kr_results_skip_cleanup();
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(reader_lists_variables_and_attributes),
        cmocka_unit_test(reader_refuses_what_is_not_a_whole_file),
        cmocka_unit_test(newer_formats_are_refused),
        cmocka_unit_test(lists_are_whole_or_the_damage_is_told),
        cmocka_unit_test(flipped_bits_never_change_data_silently),
    };
    return cmocka_run_group_tests_name("reader", tests, NULL, NULL);
}
