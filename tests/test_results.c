/* SPDX-License-Identifier: GPL-3.0-or-later
 * tests/test_results.c - writing the result file: round trips, parts and their assembly,
 * faults.
 */
#include "results_set.h"

#include <signal.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

/* The file at path holds exactly draws 0..n-1 of everything that append wrote. */
static void check_file(const char *path, int64_t n)
{
    kr_error err = { 0 };
    kr_reader *reader = kr_reader_open(path, &err);
    if (!reader) {
        fail_msg("%s", err.text);
    }
    int n_dims;
    int64_t shape[KR_DIMS_MAX];
    const char *dims;
    double *x =
        kr_reader_read(reader, "posterior", "energy_per_site", &n_dims, shape, &dims, &err);
    assert_non_null(x);
    assert_int_equal(n_dims, 3);
    assert_string_equal(dims, "chain draw point");
    assert_true(shape[0] == CHAINS && shape[1] == n && shape[2] == POINTS);
    for (int64_t k = 0; k < CHAINS * n * POINTS; k++) {
        int64_t c = k / POINTS / n, t = k / POINTS % n;
        assert_true(x[k] == set_energy((int)c, t, (int)(k % POINTS)));
    }
    kr_free(x);
    x = kr_reader_read(reader, "configurations", "state", &n_dims, shape, &dims, &err);
    assert_non_null(x);
    assert_true(n_dims == 3 && shape[1] == (n + 2) / 3 && shape[2] == SITES);
    for (int64_t k = 0; k < CHAINS * shape[1] * SITES; k++) {
        int64_t c = k / SITES / shape[1], t = 3 * (k / SITES % shape[1]);
        assert_true(x[k] == (double)(unsigned char)(7 * t + 3 * c + k % SITES));
    }
    kr_free(x);
    x = kr_reader_read(reader, "configurations", "draw", &n_dims, shape, &dims, &err);
    assert_non_null(x);
    assert_string_equal(dims, "draw");
    for (int64_t k = 0; k < shape[0]; k++) {
        assert_true(x[k] == 3.0 * (double)k);
    }
    kr_free(x);
    x = kr_reader_read(reader, "posterior", "draw", &n_dims, shape, NULL, &err);
    assert_non_null(x);
    assert_true(shape[0] == n && (n == 0 || x[n - 1] == (double)(n - 1)));
    kr_free(x);
    kr_reader_close(reader);
}

static bool exists(const char *path)
{
    return access(path, F_OK) == 0;
}

static void file_returns_what_was_appended(void **state)
{
    (void)state;
    set s;
    set_declare(&s);
    set_append(&s, 0, 1000);
    assert_int_equal(kr_results_buffered(s.r, s.energy), 1000);
    assert_int_equal(kr_results_buffered(s.r, s.state), 334);
    assert_int_equal(kr_results_buffered_bytes(s.r), 1000 * 48 + 334 * (15 + 8));
    assert_ok(kr_results_write_part(s.r, "whole.h5", &s.err), &s.err);
    assert_int_equal(kr_results_buffered(s.r, s.energy), 0);
    assert_int_equal(kr_results_buffered_bytes(s.r), 0);
    check_file("whole.h5", 1000);
    assert_false(exists("whole.h5.tmp"));
    kr_results_free(s.r);
}

static void empty_group_keeps_its_schema(void **state)
{
    (void)state;
    set s;
    set_declare(&s);
    assert_ok(kr_results_write_part(s.r, "empty.h5", &s.err), &s.err);
    check_file("empty.h5", 0);
    kr_reader *reader = kr_reader_open("empty.h5", &s.err);
    int n_dims;
    int64_t shape[KR_DIMS_MAX];
    double *x = kr_reader_read(reader, "adaptation", "loss", &n_dims, shape, NULL, &s.err);
    assert_non_null(x);
    assert_true(n_dims == 1 && shape[0] == 0);
    kr_free(x);
    kr_reader_close(reader);
    kr_results_free(s.r);
}

enum { SOME_BYTES = 1 << 16 };

static size_t write_some(const char *path, char *bytes)
{
    set s;
    set_declare(&s);
    set_append(&s, 0, 50);
    assert_ok(kr_results_write_part(s.r, path, &s.err), &s.err);
    kr_results_free(s.r);
    FILE *file = fopen(path, "rb");
    assert_non_null(file);
    size_t n = fread(bytes, 1, SOME_BYTES, file);
    fclose(file);
    return n;
}

/* Before all tests: the same file at the end is so much later that times in it would differ. */
static int write_first_file(void **state)
{
    char bytes[SOME_BYTES];
    (void)state;
    return write_some("first.h5", bytes) == 0;
}

static void equal_content_gives_equal_bytes(void **state)
{
    (void)state;
    char first[SOME_BYTES], last[SOME_BYTES];
    size_t n = write_some("last.h5", last);
    FILE *file = fopen("first.h5", "rb");
    assert_non_null(file);
    assert_int_equal(fread(first, 1, SOME_BYTES, file), n);
    fclose(file);
    assert_memory_equal(first, last, n);
}

/* Three parts of 400, 0 and 377 draws under run.h5.parts. */
static void write_parts(set *s)
{
    const int64_t end[4] = { 0, 400, 400, 777 };
    mkdir("run.h5.parts", 0777);
    unlink("run.h5");
    for (int p = 0; p < 3; p++) {
        char path[64];
        snprintf(path, sizeof path, "run.h5.parts/part-%06d.h5", p + 1);
        set_append(s, end[p], end[p + 1]);
        assert_ok(kr_results_write_part(s->r, path, &s->err), &s->err);
    }
}

static const char *const parts[3] = { "run.h5.parts/part-000001.h5",
                                      "run.h5.parts/part-000002.h5",
                                      "run.h5.parts/part-000003.h5" };

static void parts_of_a_live_run_read_as_one(void **state)
{
    (void)state;
    set s;
    set_declare(&s);
    write_parts(&s);
    check_file("run.h5", 777);
    kr_results_free(s.r);
}

static void assembly_joins_parts_in_order(void **state)
{
    (void)state;
    for (int in_memory = 0; in_memory < 2; in_memory++) {
        set s;
        set_declare(&s);
        write_parts(&s);
        kr_results_image_limit(s.r, in_memory ? 1 << 30 : 0);
        const int64_t starts = 5;
        assert_ok(kr_results_put(s.r, s.run_count, &starts, &s.err), &s.err);
        assert_ok(kr_results_assemble(s.r, parts, 3, NULL, "joined.h5", &s.err), &s.err);
        check_file("joined.h5", 777);
        kr_reader *reader = kr_reader_open("joined.h5", &s.err);
        int n_dims;
        int64_t shape[KR_DIMS_MAX];
        double *x = kr_reader_read(reader, "cost", "n_starts", &n_dims, shape, NULL, &s.err);
        assert_true(x[0] == 5.0); /* the value of now, not that of a part */
        kr_free(x);
        kr_reader_close(reader);
        kr_results_free(s.r);
    }
}

static void assembly_takes_no_draw_beyond_the_limit(void **state)
{
    (void)state;
    set s;
    set_declare(&s);
    write_parts(&s);
    int64_t limit[8] = { -1, -1, -1, -1, -1, -1, -1, -1 };
    limit[s.energy] = 451;
    limit[s.draw] = limit[s.state] = 151;
    assert_ok(kr_results_assemble(s.r, parts, 3, limit, "limited.h5", &s.err), &s.err);
    check_file("limited.h5", 451);
    limit[s.energy] = 778; /* one more than there is */
    assert_int_equal(kr_results_assemble(s.r, parts, 3, limit, "short.h5", &s.err), KR_EIO);
    assert_non_null(strstr(s.err.text, "hold 777 slabs"));
    assert_false(exists("short.h5"));
    s.err.status = KR_OK;
    limit[s.energy] = 451;
    limit[s.draw] = 150;
    assert_int_equal(kr_results_assemble(s.r, parts, 3, limit, "short.h5", &s.err), KR_EINVAL);
    kr_results_free(s.r);
}

static void assembled_file_takes_further_parts(void **state)
{
    (void)state;
    set s;
    set_declare(&s);
    write_parts(&s);
    assert_ok(kr_results_assemble(s.r, parts, 3, NULL, "more.h5", &s.err), &s.err);
    kr_results_free(s.r);
    set_declare(&s); /* a new process resumes */
    assert_ok(kr_results_continue(s.r, "posterior", "draw", 777, &s.err), &s.err);
    set_append(&s, 777, 1200);
    assert_ok(kr_results_write_part(s.r, "more-part.h5", &s.err), &s.err);
    kr_reader *reader = kr_reader_open("more-part.h5", &s.err);
    int n_dims;
    int64_t shape[KR_DIMS_MAX];
    double *x = kr_reader_read(reader, "posterior", "draw", &n_dims, shape, NULL, &s.err);
    assert_true(x[0] == 777.0);
    kr_free(x);
    kr_reader_close(reader);
    const char *const both[2] = { "more.h5", "more-part.h5" };
    assert_ok(kr_results_assemble(s.r, both, 2, NULL, "more.h5", &s.err), &s.err);
    check_file("more.h5", 1200);
    kr_results_free(s.r);
}

static void slabs_larger_than_a_chunk_survive(void **state)
{
    (void)state;
    enum { BIG = 700001 };
    kr_error err = { 0 };
    kr_results *r = kr_results_alloc(&err);
    int index;
    assert_ok(kr_results_dim(r, "g", "chain", 2, NULL, &err), &err);
    assert_ok(kr_results_dim(r, "g", "draw", 0, NULL, &err), &err);
    assert_ok(kr_results_dim(r, "g", "site", BIG, NULL, &err), &err);
    assert_ok(kr_results_variable(r, "g", "x", KR_U32, "chain draw site", "", "", &index, &err),
              &err);
    uint32_t *slab = malloc(2 * BIG * sizeof *slab);
    for (uint32_t k = 0; k < 2 * BIG; k++) {
        slab[k] = k * 2654435761u;
    }
    assert_ok(kr_results_append(r, index, slab, &err), &err);
    assert_ok(kr_results_append(r, index, slab, &err), &err);
    assert_ok(kr_results_write_part(r, "large.h5", &err), &err);
    const char *const part = "large.h5";
    assert_ok(kr_results_assemble(r, &part, 1, NULL, "large.h5", &err), &err);
    kr_reader *reader = kr_reader_open("large.h5", &err);
    int n_dims;
    int64_t shape[KR_DIMS_MAX];
    double *x = kr_reader_read(reader, "g", "x", &n_dims, shape, NULL, &err);
    assert_non_null(x);
    for (size_t k = 0; k < 4 * BIG; k++) {
        assert_true(x[k] == (double)slab[k / BIG / 2 * BIG + k % BIG]);
    }
    kr_free(x);
    free(slab);
    kr_reader_close(reader);
    kr_results_free(r);
}

static void refuses_parts_of_another_schema(void **state)
{
    (void)state;
    set s;
    set_declare(&s);
    assert_ok(kr_results_write_part(s.r, "schema.h5", &s.err), &s.err);
    kr_results_free(s.r);
    kr_results *r = kr_results_alloc(&s.err);
    const char *const part = "schema.h5";
    assert_ok(kr_results_dim(r, "posterior", "chain", CHAINS + 1, NULL, &s.err), &s.err);
    assert_ok(kr_results_dim(r, "posterior", "draw", 0, NULL, &s.err), &s.err);
    int index;
    assert_ok(kr_results_variable(r, "posterior", "energy_per_site", KR_F64, "chain draw", "",
                                  "", &index, &s.err),
              &s.err);
    assert_int_equal(kr_results_assemble(r, &part, 1, NULL, "no.h5", &s.err), KR_EMISMATCH);
    assert_string_equal(s.err.text,
                        "schema.h5: posterior/energy_per_site has another shape or type");
    assert_false(exists("no.h5"));
    kr_results_free(r);
}

static void refuses_wrong_declarations(void **state)
{
    (void)state;
    kr_error err = { 0 };
    kr_results *r = kr_results_alloc(&err);
    int index;
    assert_ok(kr_results_dim(r, "g", "draw", 0, NULL, &err), &err);
    assert_ok(kr_results_dim(r, "g", "step", 0, NULL, &err), &err);
    assert_ok(kr_results_variable(r, "g", "x", KR_F64, "draw", "", "", &index, &err), &err);
    assert_int_equal(kr_results_dim(r, "g", "draw", 3, NULL, NULL), KR_EINVAL);
    assert_int_equal(kr_results_dim(r, "", "draw", 3, NULL, NULL), KR_EINVAL);
    assert_int_equal(kr_results_dim(r, "g/h", "draw", 3, NULL, NULL), KR_EINVAL);
    assert_int_equal(kr_results_dim(r, "g", "x", 3, NULL, NULL), KR_EINVAL);
    static const char *const dims[] = { "drow", "draw step", "draw draw" };
    for (int k = 0; k < 3; k++) {
        assert_int_equal(kr_results_variable(r, "g", "y", KR_F64, dims[k], "", "", NULL, NULL),
                         KR_EINVAL);
    }
    assert_int_equal(kr_results_variable(r, "g", "x", KR_F64, "draw", "", "", NULL, NULL),
                     KR_EINVAL);
    assert_int_equal(kr_results_variable(r, "g", "draw", KR_F64, "step", "", "", NULL, NULL),
                     KR_EINVAL);
    assert_int_equal(kr_results_attr_real(r, "g", "y", "exact", 1.0, NULL), KR_EINVAL);
    double x = 1.0;
    assert_int_equal(kr_results_put(r, index, &x, NULL), KR_EINVAL);
    assert_int_equal(kr_results_append(r, 7, &x, NULL), KR_EINVAL);
    assert_int_equal(kr_results_buffered(r, 7), 0);
    kr_results_free(r);
}

static void uneven_series_and_missing_values_are_refused(void **state)
{
    (void)state;
    set s;
    set_declare(&s);
    const int64_t draw = 0;
    assert_ok(kr_results_append(s.r, s.draw, &draw, &s.err), &s.err);
    assert_int_equal(kr_results_write_part(s.r, "uneven.h5", &s.err), KR_EINVAL);
    assert_non_null(strstr(s.err.text, "configurations/state has 0 slabs"));
    kr_results_free(s.r);
    s.err.status = KR_OK;
    kr_results *r = kr_results_alloc(&s.err);
    assert_ok(kr_results_variable(r, "g", "beta", KR_F64, "", "", "", NULL, &s.err), &s.err);
    assert_int_equal(kr_results_write_part(r, "uneven.h5", &s.err), KR_EINVAL);
    assert_string_equal(s.err.text, "uneven.h5: g/beta has no value");
    assert_false(exists("uneven.h5"));
    kr_results_free(r);
}

static void missing_folder_is_named(void **state)
{
    (void)state;
    set s;
    set_declare(&s);
    set_append(&s, 0, 10);
    assert_int_equal(kr_results_write_part(s.r, "nowhere/part.h5", &s.err), KR_EIO);
    assert_non_null(strstr(s.err.text, "nowhere/part.h5.tmp: could not create: No such file"));
    assert_int_equal(kr_results_buffered(s.r, s.energy), 10); /* the draws stay */
    s.err.status = KR_OK;
    kr_results_image_limit(s.r, 0);
    assert_int_equal(kr_results_write_part(s.r, "nowhere/part.h5", &s.err), KR_EIO);
    assert_non_null(strstr(s.err.text, "nowhere/part.h5.tmp: could not create: "));
    s.err.status = KR_OK;
    assert_int_equal(kr_results_assemble(s.r, parts + 1, 1, NULL, "nowhere/x.h5", &s.err),
                     KR_EIO);
    kr_results_free(s.r);
}

/* A limit of the file size stands in for a full disk: write gives EFBIG once the signal is
 * ignored. */
static void full_disk_leaves_draws_and_old_file_alone(void **state)
{
    (void)state;
    set s;
    set_declare(&s);
    set_append(&s, 0, 30);
    assert_ok(kr_results_write_part(s.r, "full.h5", &s.err), &s.err);
    set_append(&s, 30, 3000);
    struct rlimit old, small;
    void (*handler)(int) = signal(SIGXFSZ, SIG_IGN);
    assert_int_equal(getrlimit(RLIMIT_FSIZE, &old), 0);
    small = old;
    small.rlim_cur = 20000;
    for (int in_memory = 0; in_memory < 2; in_memory++) {
        kr_results_image_limit(s.r, in_memory ? 1 << 30 : 0);
        setrlimit(RLIMIT_FSIZE, &small);
        s.err = (kr_error){ 0 };
        int status = kr_results_write_part(s.r, "full.h5", &s.err);
        kr_error why = s.err;
        setrlimit(RLIMIT_FSIZE, &old);
        assert_int_equal(status, KR_EIO);
        assert_non_null(strstr(why.text, in_memory ? "File too large" : "room for 20000"));
        assert_false(exists("full.h5.tmp"));
        check_file("full.h5", 30);
        assert_int_equal(kr_results_buffered(s.r, s.energy), 2970);
    }
    signal(SIGXFSZ, handler);
    s.err = (kr_error){ 0 };
    assert_ok(kr_results_write_part(s.r, "full-2.h5", &s.err), &s.err); /* room again */
    const char *const both[2] = { "full.h5", "full-2.h5" };
    assert_ok(kr_results_assemble(s.r, both, 2, NULL, "full.h5", &s.err), &s.err);
    check_file("full.h5", 3000);
    kr_results_free(s.r);
}

int main(void)
{
    kr_results_skip_cleanup();
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(file_returns_what_was_appended),
        cmocka_unit_test(empty_group_keeps_its_schema),
        cmocka_unit_test(parts_of_a_live_run_read_as_one),
        cmocka_unit_test(assembly_joins_parts_in_order),
        cmocka_unit_test(assembly_takes_no_draw_beyond_the_limit),
        cmocka_unit_test(assembled_file_takes_further_parts),
        cmocka_unit_test(slabs_larger_than_a_chunk_survive),
        cmocka_unit_test(refuses_parts_of_another_schema),
        cmocka_unit_test(refuses_wrong_declarations),
        cmocka_unit_test(uneven_series_and_missing_values_are_refused),
        cmocka_unit_test(missing_folder_is_named),
        cmocka_unit_test(full_disk_leaves_draws_and_old_file_alone),
        cmocka_unit_test(equal_content_gives_equal_bytes),
    };
    return cmocka_run_group_tests_name("results", tests, write_first_file, NULL);
}
