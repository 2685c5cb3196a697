/* SPDX-License-Identifier: GPL-3.0-or-later
 * tests/test_arrays.c - files of named arrays: whole or not at all, under faults and forgery.
 *
 * write, fsync and rename are replaced in this program, so that each call of a save can be
 * made to fail in turn. */
#include "own_files.h"

#include "base/memory.h"
#include "base/state.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <unistd.h>
#include <xxhash.h>

/* ---- faults ---- */

static int calls_until_fault = -1, fault_errno;
static size_t write_limit = SIZE_MAX;
static bool interrupts;

static bool faults_now(void)
{
    if (calls_until_fault < 0 || calls_until_fault-- > 0) {
        return false;
    }
    errno = fault_errno;
    return true;
}

static bool interrupts_now(void)
{
    static int n_calls;
    errno = EINTR;
    return interrupts && n_calls++ % 2 == 0;
}

ssize_t write(int fd, const void *data, size_t size)
{
    if (faults_now() || interrupts_now()) {
        return -1;
    }
    struct iovec piece = { (void *)(uintptr_t)data, size < write_limit ? size : write_limit };
    return writev(fd, &piece, 1);
}

int fsync(int fd)
{
    return faults_now() || interrupts_now() ? -1 : fdatasync(fd);
}

int rename(const char *from, const char *to)
{
    return faults_now() ? -1 : renameat(AT_FDCWD, from, AT_FDCWD, to);
}

/* ---- a table with a row of every type ---- */

typedef struct arrays {
    uint8_t u8[5];
    int32_t i32[2];
    uint32_t u32[1];
    int64_t i64[1];
    uint64_t u64[2];
    float f32[3];
    double f64[2];
} arrays;

static const arrays filled = { { 1, 2, 3, 4, 255 },   { -7, INT32_MAX }, { UINT32_MAX },
                               { INT64_MIN },         { 1, UINT64_MAX }, { 0.5f, -0.0f, 1e30f },
                               { -1.0 / 3.0, 1e-300 } };

typedef struct fixture {
    char folder[32], path[64], keep[64], fresh[64];
    arrays a;
    kr_state *table;
} fixture;

static kr_state *declare(arrays *a)
{
    kr_state *table = kr_state_alloc(NULL);
    assert_non_null(table);
    kr_error err = { 0 };
    assert_ok(kr_state_add(table, "state", KR_U8, 5, a->u8, &err), &err);
    assert_ok(kr_state_push(table, "chain0", &err), &err);
    assert_ok(kr_state_add(table, "a", KR_I32, 2, a->i32, &err), &err);
    assert_ok(kr_state_add(table, "b", KR_U32, 1, a->u32, &err), &err);
    assert_ok(kr_state_push(table, "rng", &err), &err);
    assert_ok(kr_state_add(table, "c", KR_I64, 1, a->i64, &err), &err);
    kr_state_pop(table);
    assert_ok(kr_state_add(table, "c", KR_U64, 2, a->u64, &err), &err);
    kr_state_pop(table);
    assert_ok(kr_state_add(table, "d", KR_F32, 3, a->f32, &err), &err);
    assert_ok(kr_state_add(table, "none", KR_F32, 0, NULL, &err), &err);
    assert_ok(kr_state_add(table, "e", KR_F64, 2, a->f64, &err), &err);
    return table;
}

static int make(void **state)
{
    fixture *f = calloc(1, sizeof *f);
    assert_non_null(f);
    make_own_folder(f->folder, sizeof f->folder, "arrays", 1);
    snprintf(f->path, sizeof f->path, "%s/restart", f->folder);
    snprintf(f->keep, sizeof f->keep, "%s/restart.1", f->folder);
    snprintf(f->fresh, sizeof f->fresh, "%s/restart.tmp", f->folder);
    f->a = filled;
    f->table = declare(&f->a);
    *state = f;
    return 0;
}

static int drop(void **state)
{
    fixture *f = *state;
    unlink(f->path);
    unlink(f->keep);
    unlink(f->fresh);
    assert_int_equal(rmdir(f->folder), 0);
    kr_state_free(f->table);
    free(f);
    return 0;
}

static size_t read_file(const char *path, unsigned char *data, size_t size)
{
    FILE *stream = fopen(path, "rb");
    assert_non_null(stream);
    size_t length = fread(data, 1, size, stream);
    fclose(stream);
    return length;
}

/* In place: some file systems flush a file that is truncated to be written anew. */
static void write_bytes(const char *path, const unsigned char *data, size_t size)
{
    int fd = open(path, O_WRONLY | O_CREAT, 0600);
    assert_true(fd >= 0);
    assert_int_equal(pwrite(fd, data, size, 0), size);
    assert_int_equal(ftruncate(fd, (off_t)size), 0);
    assert_int_equal(close(fd), 0);
}

static bool exists(const char *path)
{
    return access(path, F_OK) == 0;
}

/* Loading fails with that status and message, and fills nothing. */
static void assert_refused(fixture *f, int status, const char *want)
{
    arrays before;
    memset(&f->a, 0x5A, sizeof f->a);
    memcpy(&before, &f->a, sizeof before);
    kr_error err = { 0 };
    int seen = kr_state_load(f->table, f->path, &err);
    if (seen != status || err.status != status || !strstr(err.text, want) ||
        strncmp(err.text, f->path, strlen(f->path)) != 0) {
        fail_msg("%d \"%s\", want %d \"%s\"", seen, err.text, status, want);
    }
    assert_memory_equal(&f->a, &before, sizeof before);
}

/* ---- tests ---- */

static void what_is_saved_loads_bit_for_bit(void **state)
{
    fixture *f = *state;
    kr_error err = { 0 };
    assert_ok(kr_state_save(f->table, f->path, NULL, &err), &err);
    struct stat info;
    assert_int_equal(stat(f->path, &info), 0);
    assert_int_equal(info.st_size, kr_state_bytes(f->table));
    assert_false(exists(f->fresh));
    memset(&f->a, 0, sizeof f->a);
    assert_ok(kr_state_load(f->table, f->path, &err), &err);
    assert_memory_equal(f->a.u8, filled.u8, sizeof filled.u8);
    assert_memory_equal(f->a.i32, filled.i32, sizeof filled.i32);
    assert_memory_equal(f->a.u32, filled.u32, sizeof filled.u32);
    assert_memory_equal(f->a.i64, filled.i64, sizeof filled.i64);
    assert_memory_equal(f->a.u64, filled.u64, sizeof filled.u64);
    assert_memory_equal(f->a.f32, filled.f32, sizeof filled.f32);
    assert_memory_equal(f->a.f64, filled.f64, sizeof filled.f64);
}

/* The bytes of a table with one row, by hand from the format in base/state.h. */
static void the_file_is_what_its_format_says(void **state)
{
    fixture *f = *state;
    kr_error err = { 0 };
    kr_state *table = kr_state_alloc(&err);
    uint32_t value = 0x01020304;
    assert_ok(kr_state_add(table, "ab", KR_U32, 1, &value, &err), &err);
    assert_ok(kr_state_save(table, f->path, NULL, &err), &err);
    static const unsigned char want[] = { 'K', 'R', 'A', 'R', 'R', 'A', 'Y', '1', 1,   0, 0,
                                          0,   1,   0,   0,   0,   2,   0,   'a', 'b', 2, 1,
                                          0,   0,   0,   0,   0,   0,   0,   4,   3,   2, 1 };
    unsigned char data[256];
    size_t length = read_file(f->path, data, sizeof data);
    assert_int_equal(length, sizeof want + 16);
    assert_memory_equal(data, want, sizeof want);
    XXH128_hash_t hash = XXH3_128bits(want, sizeof want);
    for (size_t k = 0; k < 8; k++) {
        assert_int_equal(data[sizeof want + k], hash.low64 >> (8 * k) & 0xFF);
        assert_int_equal(data[sizeof want + 8 + k], hash.high64 >> (8 * k) & 0xFF);
    }
    kr_state_free(table);
}

static void rows_larger_than_the_buffer_survive(void **state)
{
    fixture *f = *state;
    kr_error err = { 0 };
    enum { N = 50001 };
    double *x = kr_alloc(N, sizeof *x, &err), *y = kr_alloc(N, sizeof *y, &err);
    for (int i = 0; i < N; i++) {
        x[i] = y[i] = 1.0 / (i + 1.0);
    }
    kr_state *table = kr_state_alloc(&err);
    uint8_t odd[3] = { 1, 2, 3 };
    assert_ok(kr_state_add(table, "odd", KR_U8, 3, odd, &err), &err);
    assert_ok(kr_state_add(table, "x", KR_F64, N, x, &err), &err);
    write_limit = 4097; /* and the kernel takes less than it was given */
    interrupts = true;
    int status = kr_state_save(table, f->path, NULL, &err);
    write_limit = SIZE_MAX;
    interrupts = false;
    assert_ok(status, &err);
    memset(x, 0, N * sizeof *x);
    assert_ok(kr_state_load(table, f->path, &err), &err);
    assert_memory_equal(x, y, N * sizeof *x);
    kr_state_free(table);
    kr_free(x);
    kr_free(y);
}

static void every_flipped_bit_is_found(void **state)
{
    fixture *f = *state;
    kr_error err = { 0 };
    assert_ok(kr_state_save(f->table, f->path, NULL, &err), &err);
    unsigned char data[1024];
    size_t length = read_file(f->path, data, sizeof data);
    assert_true(length > 150 && length < sizeof data);
    for (size_t i = 0; i < length; i++) {
        for (int bit = 0; bit < 9; bit++) {
            unsigned char mask = (unsigned char)(bit < 8 ? 1 << bit : 0xFF);
            data[i] ^= mask;
            write_bytes(f->path, data, length);
            assert_refused(f, KR_EIO, i < 8 ? "not a kramers restart" : "checksum");
            data[i] ^= mask;
        }
    }
}

static void every_truncation_is_found(void **state)
{
    fixture *f = *state;
    kr_error err = { 0 };
    assert_ok(kr_state_save(f->table, f->path, NULL, &err), &err);
    unsigned char data[1024] = { 0 };
    size_t length = read_file(f->path, data, sizeof data);
    for (size_t n = 0; n < length; n++) {
        write_bytes(f->path, data, n);
        assert_refused(f, KR_EIO, "truncated or damaged");
    }
    write_bytes(f->path, data, length + 1);
    assert_refused(f, KR_EIO, "truncated or damaged");
}

/* A forged file: bytes overwritten, then a checksum that holds. */
static void forge(const fixture *f, const unsigned char *data, size_t length, size_t at,
                  const void *bytes, size_t n)
{
    unsigned char copy[1024];
    memcpy(copy, data, length);
    memcpy(copy + at, bytes, n);
    XXH128_hash_t hash = XXH3_128bits(copy, length - 16);
    for (size_t k = 0; k < 8; k++) {
        copy[length - 16 + k] = (unsigned char)(hash.low64 >> (8 * k));
        copy[length - 8 + k] = (unsigned char)(hash.high64 >> (8 * k));
    }
    write_bytes(f->path, copy, length);
}

static void forged_sizes_are_not_trusted(void **state)
{
    fixture *f = *state;
    kr_error err = { 0 };
    assert_ok(kr_state_save(f->table, f->path, NULL, &err), &err);
    unsigned char data[1024];
    size_t length = read_file(f->path, data, sizeof data);
    enum { NAME = 16, DTYPE = 18 + 5, COUNT = DTYPE + 1 }; /* of the first row, "state" */
    forge(f, data, length, 8, "\2", 1);
    assert_refused(f, KR_EIO, "format version 2, want 1");
    forge(f, data, length, 12, "\xFF\xFF\xFF\xFF", 4);
    assert_refused(f, KR_EIO, "a row reaches beyond the end");
    forge(f, data, length, 12, "\7\0\0\0", 4);
    assert_refused(f, KR_EIO, "bytes behind the last row");
    forge(f, data, length, NAME, "\xFF\xFF", 2);
    assert_refused(f, KR_EIO, "a row reaches beyond the end");
    forge(f, data, length, DTYPE, "\7", 1);
    assert_refused(f, KR_EIO, "a row reaches beyond the end");
    forge(f, data, length, DTYPE, "\xFF", 1);
    assert_refused(f, KR_EIO, "a row reaches beyond the end");
    forge(f, data, length, COUNT, "\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFF", 8);
    assert_refused(f, KR_EIO, "a row reaches beyond the end");
    forge(f, data, length, DTYPE, "\6\1\0\0\0\0\0\0\x20",
          9); /* 8 (2^61 + 1) bytes: 8 mod 2^64 */
    assert_refused(f, KR_EIO, "a row reaches beyond the end");
    forge(f, data, length, COUNT, "\4", 1);
    assert_refused(f, KR_EMISMATCH, "row \"state\" holds 4 u8, want 5 u8");
    forge(f, data, length, 18, "stale", 5);
    assert_refused(f, KR_EMISMATCH, "row \"stale\" (5 u8) belongs to another run");
    forge(f, data, length, 18, "\x1B[2Jx", 5);
    assert_refused(f, KR_EMISMATCH, "row \"?[2Jx\" (5 u8) belongs to another run");
}

/* Every byte of the body set to every small or extreme value, checksum made to hold. */
static void no_forged_byte_brings_the_reader_down(void **state)
{
    fixture *f = *state;
    kr_error err = { 0 };
    assert_ok(kr_state_save(f->table, f->path, NULL, &err), &err);
    unsigned char data[1024];
    size_t length = read_file(f->path, data, sizeof data);
    static const unsigned char values[] = { 0, 1, 6, 0x7F, 0x80, 0xFF };
    int n_filled = 0;
    for (size_t i = 8; i < length - 16; i++) {
        for (size_t k = 0; k < sizeof values; k++) {
            forge(f, data, length, i, &values[k], 1);
            int status = kr_state_load(f->table, f->path, NULL);
            assert_true(status == KR_OK || status == KR_EIO || status == KR_EMISMATCH);
            n_filled += status == KR_OK;
        }
    }
    /* what lies in the data of a row is the forger's to choose: 5 + 8 + 4 + 8 + 16 + 12 + 16 */
    assert_true(n_filled >= 69 * (int)sizeof values);
}

static void rows_of_another_run_are_named(void **state)
{
    fixture *f = *state;
    kr_error err = { 0 };
    double x[3] = { 1, 2, 3 };
    assert_ok(kr_state_save(f->table, f->path, NULL, &err), &err);
    assert_ok(kr_state_add(f->table, "new", KR_F64, 3, x, &err), &err);
    assert_refused(f, KR_EMISMATCH, "row \"new\" is missing, want 3 f64");
    assert_true(x[0] == 1.0);
    kr_state *less = kr_state_alloc(NULL);
    assert_ok(kr_state_add(less, "state", KR_U8, 5, f->a.u8, &err), &err);
    assert_int_equal(kr_state_load(less, f->path, &err), KR_EMISMATCH);
    assert_non_null(strstr(err.text, "row \"chain0/a\" (2 i32) belongs to another run"));
    kr_state_free(less);
}

static void keep_holds_the_generation_before(void **state)
{
    fixture *f = *state;
    kr_error err = { 0 };
    for (uint8_t k = 1; k <= 3; k++) {
        f->a.u8[0] = k;
        assert_ok(kr_state_save(f->table, f->path, f->keep, &err), &err);
        assert_int_equal(exists(f->keep), k > 1);
    }
    assert_ok(kr_state_load(f->table, f->path, &err), &err);
    assert_int_equal(f->a.u8[0], 3);
    assert_ok(kr_state_load(f->table, f->keep, &err), &err);
    assert_int_equal(f->a.u8[0], 2);
}

static void a_stale_temporary_file_is_replaced(void **state)
{
    fixture *f = *state;
    kr_error err = { 0 };
    write_bytes(f->fresh, (const unsigned char *)"half a file", 11);
    assert_ok(kr_state_save(f->table, f->path, NULL, &err), &err);
    assert_ok(kr_state_load(f->table, f->path, &err), &err);
    assert_false(exists(f->fresh));
}

/* Each write, fsync and rename of a save fails in turn, on a full disk and on a broken one. */
static void a_fault_at_any_call_leaves_a_whole_file(void **state)
{
    fixture *f = *state;
    kr_error err = { 0 };
    f->a.u8[0] = 100;
    assert_ok(kr_state_save(f->table, f->path, NULL, &err), &err);
    static const int errors[] = { ENOSPC, EIO };
    for (int k = 0; k < 2; k++) {
        const char *keep = k ? f->keep : NULL;
        int n_faults = 0;
        for (int status = KR_EIO; status != KR_OK; n_faults++) {
            f->a.u8[0] = 200;
            err = (kr_error){ 0 };
            calls_until_fault = n_faults;
            fault_errno = errors[k];
            status = kr_state_save(f->table, f->path, keep, &err);
            calls_until_fault = -1;
            assert_false(exists(f->fresh));
            assert_true(status == KR_OK || (status == KR_EIO && strstr(err.text, f->path) &&
                                            strstr(err.text, strerror(errors[k]))));
            bool is_in_place = status == KR_OK || strstr(err.text, "fsync the folder");
            kr_error none = { 0 };
            assert_ok(kr_state_load(f->table, f->path, &none), &none);
            assert_int_equal(f->a.u8[0], is_in_place ? 200 : 100);
            f->a.u8[0] = 100;
            assert_ok(kr_state_save(f->table, f->path, NULL, &none), &none);
        }
        assert_int_equal(n_faults - 1, 4 + k); /* write, fsync, (keep,) rename, fsync */
    }
}

static void a_save_that_cannot_begin_says_why(void **state)
{
    fixture *f = *state;
    kr_error no_folder = { 0 }, is_folder = { 0 }, no_keep = { 0 };
    assert_int_equal(kr_state_save(f->table, "no-such-folder/restart", NULL, &no_folder),
                     KR_EIO);
    assert_string_equal(no_folder.text, "no-such-folder/: cannot open the folder: No such file "
                                        "or directory");
    assert_int_equal(mkdir(f->path, 0700), 0);
    assert_int_equal(kr_state_save(f->table, f->path, NULL, &is_folder), KR_EIO);
    assert_non_null(strstr(is_folder.text, ": cannot rename to it: Is a directory"));
    assert_false(exists(f->fresh));
    assert_int_equal(rmdir(f->path), 0);
    kr_error err = { 0 };
    assert_ok(kr_state_save(f->table, f->path, "no-such-folder/keep", &err), &err);
    assert_int_equal(kr_state_save(f->table, f->path, "no-such-folder/keep", &no_keep), KR_EIO);
    assert_non_null(
        strstr(no_keep.text, "no-such-folder/keep: cannot keep the old file as it"));
    assert_ok(kr_state_load(f->table, f->path, &err), &err);
}

static void other_files_are_refused_with_a_reason(void **state)
{
    fixture *f = *state;
    char want[128];
    snprintf(want, sizeof want, "cannot open: %s", strerror(ENOENT));
    assert_refused(f, KR_EIO, want);
    assert_int_equal(mkfifo(f->path, 0600), 0);
    alarm(5); /* a reader that waits for the pipe dies here */
    assert_refused(f, KR_EIO, "no regular file");
    alarm(0);
    assert_int_equal(unlink(f->path), 0);
    int fd = open(f->path, O_CREAT | O_WRONLY, 0600);
    assert_true(fd >= 0);
    assert_int_equal(ftruncate(fd, (off_t)1 << 40), 0); /* sparse: a tebibyte of zeros */
    close(fd);
    assert_refused(f, KR_EIO, "not a kramers restart or density file");
}

static void peek_returns_one_row_of_a_verified_file(void **state)
{
    fixture *f = *state;
    kr_error err = { 0 }, type = { 0 }, missing = { 0 }, broken = { 0 };
    size_t count = 99;
    assert_ok(kr_state_save(f->table, f->path, NULL, &err), &err);
    int64_t *c = kr_state_peek(f->path, "chain0/rng/c", KR_I64, &count, &err);
    assert_non_null(c);
    assert_true(count == 1 && c[0] == INT64_MIN);
    kr_free(c);
    float *none = kr_state_peek(f->path, "none", KR_F32, &count, &err);
    assert_non_null(none);
    assert_int_equal(count, 0);
    kr_free(none);
    assert_null(kr_state_peek(f->path, "e", KR_F32, &count, &type));
    assert_non_null(strstr(type.text, "row \"e\" holds f64, want f32"));
    assert_int_equal(type.status, KR_EMISMATCH);
    assert_null(kr_state_peek(f->path, "chain0", KR_F32, &count, &missing));
    assert_non_null(strstr(missing.text, "row \"chain0\" is missing"));
    unsigned char data[1024];
    size_t length = read_file(f->path, data, sizeof data);
    data[length / 2] ^= 1;
    write_bytes(f->path, data, length);
    assert_null(kr_state_peek(f->path, "e", KR_F64, &count, &broken));
    assert_int_equal(broken.status, KR_EIO);
}

#define WITH_FOLDER(test) cmocka_unit_test_setup_teardown(test, make, drop)

int main(void)
{
    const struct CMUnitTest tests[] = {
        WITH_FOLDER(what_is_saved_loads_bit_for_bit),
        WITH_FOLDER(the_file_is_what_its_format_says),
        WITH_FOLDER(rows_larger_than_the_buffer_survive),
        WITH_FOLDER(every_flipped_bit_is_found),
        WITH_FOLDER(every_truncation_is_found),
        WITH_FOLDER(forged_sizes_are_not_trusted),
        WITH_FOLDER(no_forged_byte_brings_the_reader_down),
        WITH_FOLDER(rows_of_another_run_are_named),
        WITH_FOLDER(keep_holds_the_generation_before),
        WITH_FOLDER(a_stale_temporary_file_is_replaced),
        WITH_FOLDER(a_fault_at_any_call_leaves_a_whole_file),
        WITH_FOLDER(a_save_that_cannot_begin_says_why),
        WITH_FOLDER(other_files_are_refused_with_a_reason),
        WITH_FOLDER(peek_returns_one_row_of_a_verified_file),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
