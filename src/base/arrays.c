/* SPDX-License-Identifier: GPL-3.0-or-later
 * base/arrays.c - state tables in files: written whole or not at all, verified before use.
 *
 * Checksum: XXH3, 128 bits, of the xxHash library. */
#include "base/state.h"

#include "base/memory.h"
#include "base/state_rows.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <xxhash.h>

static const char magic[8] = { 'K', 'R', 'A', 'R', 'R', 'A', 'Y', '1' };

enum { HEAD_BYTES = 8 + 4 + 4, HASH_BYTES = 16, BUFFER_BYTES = 1 << 16 };

/* ---- numbers in files are little endian ---- */

static void put_little(unsigned char *out, uint64_t value, size_t size)
{
    for (size_t k = 0; k < size; k++) {
        out[k] = (unsigned char)(value >> (8 * k));
    }
}

static uint64_t get_little(const unsigned char *in, size_t size)
{
    uint64_t value = 0;
    for (size_t k = 0; k < size; k++) {
        value |= (uint64_t)in[k] << (8 * k);
    }
    return value;
}

static bool host_is_little(void)
{
    const uint16_t one = 1;
    unsigned char first;
    memcpy(&first, &one, 1);
    return first == 1;
}

static void copy_elements(unsigned char *out, const unsigned char *in, size_t count,
                          size_t size)
{
    if (count == 0) {
        return;
    }
    if (size == 1 || host_is_little()) {
        memcpy(out, in, count * size);
        return;
    }
    for (size_t i = 0; i < count * size; i++) {
        out[i] = in[i / size * size + (size - 1 - i % size)];
    }
}

static int fail_io(const char *path, const char *what, kr_error *err)
{
    return kr_fail(err, KR_EIO, "%s: cannot %s: %s", path, what, strerror(errno));
}

/* ---- writing ---- */

typedef struct writer {
    int fd;
    const char *path;
    XXH3_state_t *hash;
    unsigned char *buffer;
    size_t used;
    kr_error *err;
} writer;

static int flush(writer *w)
{
    for (size_t done = 0; done < w->used;) {
        ssize_t n = write(w->fd, w->buffer + done, w->used - done);
        if (n < 0 && errno != EINTR) {
            return fail_io(w->path, "write", w->err);
        }
        done += n > 0 ? (size_t)n : 0;
    }
    w->used = 0;
    return KR_OK;
}

/* Elements go through the buffer: one path for all sizes, hashed in pieces that are in cache.
 */
static int put(writer *w, const void *data, size_t count, size_t size)
{
    const unsigned char *in = data;
    while (count) {
        if (w->used + size > BUFFER_BYTES) {
            KR_TRY(flush(w));
        }
        size_t room = (BUFFER_BYTES - w->used) / size, n = count < room ? count : room;
        copy_elements(w->buffer + w->used, in, n, size);
        if (XXH3_128bits_update(w->hash, w->buffer + w->used, n * size) != XXH_OK) {
            return kr_fail(w->err, KR_EIO, "%s: cannot hash", w->path);
        }
        w->used += n * size;
        in += n * size;
        count -= n;
    }
    return KR_OK;
}

static int put_number(writer *w, uint64_t value, size_t size)
{
    unsigned char bytes[8];
    put_little(bytes, value, size);
    return put(w, bytes, size, 1);
}

static int write_rows(writer *w, const kr_state *table)
{
    if (table->n > UINT32_MAX) {
        return kr_fail(w->err, KR_EINVAL, "%s: %zu rows, want at most 2^32 - 1", w->path,
                       table->n);
    }
    KR_TRY(put(w, magic, sizeof magic, 1));
    KR_TRY(put_number(w, KR_STATE_VERSION, 4));
    KR_TRY(put_number(w, table->n, 4));
    for (size_t i = 0; i < table->n; i++) {
        const kr_state_row *r = &table->rows[i];
        KR_TRY(put_number(w, r->name_length, 2));
        KR_TRY(put(w, r->name, r->name_length, 1));
        KR_TRY(put_number(w, (uint64_t)r->dtype, 1));
        KR_TRY(put_number(w, r->count, 8));
        KR_TRY(put(w, r->data, r->count, kr_state_dtype_size(r->dtype)));
    }
    XXH128_hash_t hash = XXH3_128bits_digest(w->hash);
    KR_TRY(put_number(w, hash.low64, 8));
    KR_TRY(put_number(w, hash.high64, 8));
    return flush(w);
}

static int open_again(const char *path, int flags)
{
    int fd;
    do {
        fd = open(path, flags | O_CLOEXEC, 0666);
    } while (fd < 0 && errno == EINTR);
    return fd;
}

static int sync_file(int fd)
{
    int result;
    do {
        result = fsync(fd);
    } while (result != 0 && errno == EINTR);
    return result;
}

static int write_file(const kr_state *table, const char *path, kr_error *err)
{
    writer w = { .fd = -1, .path = path, .err = err };
    w.hash = XXH3_createState();
    w.buffer = kr_alloc(BUFFER_BYTES, 1, err);
    int status = KR_OK;
    if (!w.hash || !w.buffer || XXH3_128bits_reset(w.hash) != XXH_OK) {
        status = kr_fail(err, KR_ENOMEM, "memory: none left to write %s", path);
    }
    if (status == KR_OK) {
        unlink(path); /* left over from a kill; if that fails the open says why */
        w.fd = open_again(path, O_WRONLY | O_CREAT | O_EXCL);
        status = w.fd < 0 ? fail_io(path, "create", err) : write_rows(&w, table);
    }
    if (status == KR_OK && sync_file(w.fd) != 0) {
        status = fail_io(path, "fsync", err);
    }
    if (w.fd >= 0 && close(w.fd) != 0 && errno != EINTR && status == KR_OK) {
        status = fail_io(path, "close", err);
    }
    kr_free(w.buffer);
    XXH3_freeState(w.hash);
    return status;
}

/* The folder is opened before anything is written, so that one that cannot be synced is found
 * while the old file still stands. */
static int open_folder(const char *path, int *fd, kr_error *err)
{
    const char *slash = strrchr(path, '/');
    kr_text folder = { 0 };
    int status = slash ? kr_text_add(&folder, err, "%.*s", (int)(slash - path + 1), path)
                       : kr_text_add(&folder, err, ".");
    if (status == KR_OK) {
        *fd = open_again(folder.data, O_RDONLY | O_DIRECTORY);
        status = *fd < 0 ? fail_io(folder.data, "open the folder", err) : KR_OK;
    }
    kr_text_clear(&folder);
    return status;
}

static int put_in_place(const char *fresh, const char *path, const char *keep, int folder,
                        kr_error *err)
{
    struct stat info;
    bool is_kept = keep && lstat(path, &info) == 0; /* none to keep at the first save */
    if (is_kept && rename(path, keep) != 0) {
        return fail_io(keep, "keep the old file as it", err);
    }
    if (rename(fresh, path) != 0) {
        int status = fail_io(path, "rename to it", err);
        if (is_kept) {
            (void)rename(keep, path); /* the first cause is the one to tell */
        }
        return status;
    }
    /* some network file systems cannot sync folders and say so */
    if (sync_file(folder) != 0 && errno != EINVAL && errno != ENOTSUP) {
        return fail_io(path, "fsync the folder of it", err);
    }
    return KR_OK;
}

int kr_state_save(const kr_state *table, const char *path, const char *keep, kr_error *err)
{
    kr_text fresh = { 0 };
    int folder = -1;
    KR_TRY(open_folder(path, &folder, err));
    int status = kr_text_add(&fresh, err, "%s.tmp", path);
    if (status == KR_OK) {
        status = write_file(table, fresh.data, err);
        if (status == KR_OK) {
            status = put_in_place(fresh.data, path, keep, folder, err);
        }
        if (status != KR_OK) {
            unlink(fresh.data);
        }
    }
    close(folder); /* opened for reading: nothing can be lost */
    kr_text_clear(&fresh);
    return status;
}

/* ---- reading ---- */

static int fail_damaged(const char *path, kr_error *err)
{
    return kr_fail(err, KR_EIO, "%s: truncated or damaged, its checksum does not hold", path);
}

/* Up to size bytes; *length tells how many there were. */
static int read_bytes(int fd, const char *path, unsigned char *data, size_t size,
                      size_t *length, kr_error *err)
{
    *length = 0;
    while (*length < size) {
        ssize_t n = read(fd, data + *length, size - *length);
        if (n < 0 && errno != EINTR) {
            return fail_io(path, "read", err);
        }
        if (n == 0) {
            break;
        }
        *length += n > 0 ? (size_t)n : 0;
    }
    return KR_OK;
}

/* The magic is looked at first: a large file of another kind costs no memory. */
static int read_all(int fd, const char *path, unsigned char **data, size_t *size, kr_error *err)
{
    struct stat info;
    unsigned char head[sizeof magic];
    size_t length = 0;
    if (fstat(fd, &info) != 0) {
        return fail_io(path, "read", err);
    }
    if (!S_ISREG(info.st_mode)) {
        return kr_fail(err, KR_EIO, "%s: no regular file, want a restart or density file",
                       path);
    }
    KR_TRY(read_bytes(fd, path, head, sizeof head, &length, err));
    if (length == sizeof head && memcmp(head, magic, sizeof magic) != 0) {
        return kr_fail(err, KR_EIO, "%s: not a kramers restart or density file", path);
    }
    if (info.st_size < HEAD_BYTES + HASH_BYTES || (uint64_t)info.st_size > SIZE_MAX / 2) {
        return fail_damaged(path, err);
    }
    *size = (size_t)info.st_size;
    *data = kr_alloc(*size, 1, err);
    if (!*data) {
        return KR_ENOMEM;
    }
    memcpy(*data, head, sizeof head);
    KR_TRY(read_bytes(fd, path, *data + sizeof head, *size - sizeof head, &length, err));
    return length + sizeof head == *size ? KR_OK : fail_damaged(path, err);
}

static int verify(const unsigned char *data, size_t size, const char *path, kr_error *err)
{
    const unsigned char *end = data + size - HASH_BYTES;
    XXH128_hash_t hash = XXH3_128bits(data, size - HASH_BYTES);
    if (hash.low64 != get_little(end, 8) || hash.high64 != get_little(end + 8, 8)) {
        return fail_damaged(path, err);
    }
    uint64_t version = get_little(data + sizeof magic, 4);
    if (version != KR_STATE_VERSION) {
        return kr_fail(err, KR_EIO, "%s: format version %u, want %d", path, (unsigned)version,
                       KR_STATE_VERSION);
    }
    return KR_OK;
}

/* The verified bytes of a file (kr_free); NULL with the error set. */
static unsigned char *read_verified(const char *path, size_t *size, kr_error *err)
{
    unsigned char *data = NULL;
    int fd = open_again(path, O_RDONLY | O_NONBLOCK | O_NOCTTY);
    if (fd < 0) {
        fail_io(path, "open", err);
        return NULL;
    }
    int status = read_all(fd, path, &data, size, err);
    close(fd);
    if (status != KR_OK || verify(data, *size, path, err) != KR_OK) {
        kr_free(data);
        return NULL;
    }
    return data;
}

/* A row in a file; name and data lie in its bytes. */
typedef struct entry {
    const char *name;
    size_t name_length, count;
    kr_dtype dtype;
    const unsigned char *data;
} entry;

typedef struct cursor {
    const unsigned char *at;
    size_t left; /* bytes before the checksum */
    uint64_t n_rows;
    const char *path;
    kr_error *err;
} cursor;

static cursor first_row(const unsigned char *data, size_t size, const char *path, kr_error *err)
{
    return (cursor){ data + HEAD_BYTES, size - HEAD_BYTES - HASH_BYTES,
                     get_little(data + sizeof magic + 4, 4), path, err };
}

/* The checksum held, so only a forged file fails here; it must do so cleanly too. */
static int next_row(cursor *c, entry *e)
{
    size_t head = 0, size = 0;
    bool is_inside = c->left >= 2;
    if (is_inside) {
        e->name_length = (size_t)get_little(c->at, 2);
        head = 2 + e->name_length + 1 + 8;
        is_inside = c->left >= head;
    }
    if (is_inside) {
        e->name = (const char *)c->at + 2;
        e->dtype = (kr_dtype)c->at[2 + e->name_length];
        size = kr_state_dtype_size(e->dtype);
        uint64_t count = get_little(c->at + head - 8, 8);
        is_inside = size > 0 && count <= (c->left - head) / size;
        e->count = is_inside ? (size_t)count : 0;
    }
    if (!is_inside) {
        return kr_fail(c->err, KR_EIO, "%s: a row reaches beyond the end of the file", c->path);
    }
    e->data = c->at + head;
    c->at += head + e->count * size;
    c->left -= head + e->count * size;
    return KR_OK;
}

static const char *clip_entry(char out[KR_CLIP_MAX], const entry *e)
{
    char name[2 * KR_CLIP_MAX];
    snprintf(name, sizeof name, "%.*s", (int)e->name_length, e->name);
    return kr_text_clip(out, name);
}

static int check_entry(const cursor *c, const entry *e, const kr_state_row *r)
{
    char seen[KR_CLIP_MAX];
    clip_entry(seen, e);
    if (!r) {
        return kr_fail(c->err, KR_EMISMATCH, "%s: row \"%s\" (%zu %s) belongs to another run",
                       c->path, seen, e->count, kr_state_dtype_name(e->dtype));
    }
    if (r->dtype != e->dtype || r->count != e->count) {
        return kr_fail(c->err, KR_EMISMATCH, "%s: row \"%s\" holds %zu %s, want %zu %s",
                       c->path, seen, e->count, kr_state_dtype_name(e->dtype), r->count,
                       kr_state_dtype_name(r->dtype));
    }
    return KR_OK;
}

/* found[i] = bytes of row i in the file. */
static int match_rows(const kr_state *table, cursor *c, const unsigned char **found)
{
    for (uint64_t k = 0; k < c->n_rows; k++) {
        entry e = { 0 };
        KR_TRY(next_row(c, &e));
        const kr_state_row *r = kr_state_find(table, e.name, e.name_length);
        KR_TRY(check_entry(c, &e, r));
        if (found[r - table->rows]) {
            return kr_fail(c->err, KR_EIO, "%s: row \"%s\" stands twice", c->path, r->name);
        }
        found[r - table->rows] = e.data;
    }
    if (c->left != 0) {
        return kr_fail(c->err, KR_EIO, "%s: %zu bytes behind the last row", c->path, c->left);
    }
    for (size_t i = 0; i < table->n; i++) {
        if (!found[i]) {
            char seen[KR_CLIP_MAX];
            return kr_fail(c->err, KR_EMISMATCH, "%s: row \"%s\" is missing, want %zu %s",
                           c->path, kr_text_clip(seen, table->rows[i].name),
                           table->rows[i].count, kr_state_dtype_name(table->rows[i].dtype));
        }
    }
    return KR_OK;
}

int kr_state_load(const kr_state *table, const char *path, kr_error *err)
{
    kr_error inner = { 0 };
    size_t size = 0;
    const unsigned char **found = kr_alloc(table->n, sizeof *found, err);
    if (!found) {
        return KR_ENOMEM;
    }
    unsigned char *data = read_verified(path, &size, &inner);
    if (data) {
        cursor c = first_row(data, size, path, &inner);
        match_rows(table, &c, found);
    }
    for (size_t i = 0; inner.status == KR_OK && i < table->n; i++) {
        const kr_state_row *r = &table->rows[i];
        copy_elements(r->data, found[i], r->count, kr_state_dtype_size(r->dtype));
    }
    kr_free(data);
    kr_free(found);
    return inner.status ? kr_fail(err, inner.status, "%s", inner.text) : KR_OK;
}

static void *copy_row(cursor *c, const char *name, kr_dtype dtype, size_t *count)
{
    char seen[KR_CLIP_MAX];
    for (uint64_t k = 0; k < c->n_rows; k++) {
        entry e = { 0 };
        if (next_row(c, &e) != KR_OK) {
            return NULL;
        }
        if (e.name_length != strlen(name) || memcmp(e.name, name, e.name_length) != 0) {
            continue;
        }
        if (e.dtype != dtype) {
            kr_fail(c->err, KR_EMISMATCH, "%s: row \"%s\" holds %s, want %s", c->path,
                    kr_text_clip(seen, name), kr_state_dtype_name(e.dtype),
                    kr_state_dtype_name(dtype));
            return NULL;
        }
        size_t size = kr_state_dtype_size(dtype);
        void *copy = kr_alloc(e.count, size, c->err);
        if (copy) {
            copy_elements(copy, e.data, e.count, size);
            *count = e.count;
        }
        return copy;
    }
    kr_fail(c->err, KR_EMISMATCH, "%s: row \"%s\" is missing", c->path,
            kr_text_clip(seen, name));
    return NULL;
}

/* ---- rows by name, from a file whose rows are not known beforehand ---- */

struct kr_arrays {
    char *path;
    unsigned char *data;
    size_t size;
};

kr_arrays *kr_arrays_open(const char *path, kr_error *err)
{
    kr_arrays *file = kr_alloc(1, sizeof *file, err);
    if (!file) {
        return NULL;
    }
    file->path = kr_alloc(strlen(path) + 1, 1, err);
    if (file->path) {
        memcpy(file->path, path, strlen(path) + 1);
        file->data = read_verified(path, &file->size, err);
    }
    if (!file->data) {
        kr_arrays_close(file);
        return NULL;
    }
    return file;
}

void kr_arrays_close(kr_arrays *file)
{
    if (file) {
        kr_free(file->data);
        kr_free(file->path);
        kr_free(file);
    }
}

bool kr_arrays_has(const kr_arrays *file, const char *name)
{
    cursor c = first_row(file->data, file->size, file->path, NULL);
    bool has = false;
    for (uint64_t k = 0; !has && k < c.n_rows; k++) {
        entry e = { 0 };
        if (next_row(&c, &e) != KR_OK) {
            return false;
        }
        has = e.name_length == strlen(name) && memcmp(e.name, name, e.name_length) == 0;
    }
    return has;
}

void *kr_arrays_copy(const kr_arrays *file, const char *name, kr_dtype dtype, size_t *count,
                     kr_error *err)
{
    cursor c = first_row(file->data, file->size, file->path, err);
    return copy_row(&c, name, dtype, count);
}

void *kr_state_peek(const char *path, const char *name, kr_dtype dtype, size_t *count,
                    kr_error *err)
{
    kr_arrays *file = kr_arrays_open(path, err);
    void *copy = file ? kr_arrays_copy(file, name, dtype, count, err) : NULL;
    kr_arrays_close(file);
    return copy;
}

uint64_t kr_state_hash(const void *data, size_t bytes, uint64_t seed)
{
    return XXH3_64bits_withSeed(data, bytes, seed);
}
