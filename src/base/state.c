/* SPDX-License-Identifier: GPL-3.0-or-later
 * base/state.c - state tables: which bytes a restart needs, under which names. */
#include "base/state.h"

#include "base/memory.h"
#include "base/state_rows.h"

#include <string.h>
#include <xxhash.h>

kr_state *kr_state_alloc(kr_error *err)
{
    return kr_alloc(1, sizeof(kr_state), err);
}

void kr_state_free(kr_state *table)
{
    if (!table) {
        return;
    }
    for (size_t i = 0; i < table->n; i++) {
        kr_free(table->rows[i].name);
    }
    kr_text_clear(&table->prefix);
    kr_free(table->slot);
    kr_free(table->rows);
    kr_free(table);
}

static const struct {
    const char *name;
    size_t size;
} dtypes[] = {
    [KR_U8] = { "u8", 1 },   [KR_I32] = { "i32", 4 }, [KR_U32] = { "u32", 4 },
    [KR_I64] = { "i64", 8 }, [KR_U64] = { "u64", 8 }, [KR_F32] = { "f32", 4 },
    [KR_F64] = { "f64", 8 },
};
enum { N_DTYPES = sizeof dtypes / sizeof dtypes[0] };

size_t kr_state_dtype_size(kr_dtype dtype)
{
    return (unsigned)dtype < N_DTYPES ? dtypes[dtype].size : 0;
}

const char *kr_state_dtype_name(kr_dtype dtype)
{
    return (unsigned)dtype < N_DTYPES ? dtypes[dtype].name : "?";
}

size_t kr_state_bytes(const kr_state *table)
{
    size_t bytes = 8 + 4 + 4 + 16;
    for (size_t i = 0; i < table->n; i++) {
        const kr_state_row *r = &table->rows[i];
        bytes += 2 + r->name_length + 1 + 8 + r->count * kr_state_dtype_size(r->dtype);
    }
    return bytes;
}

int kr_state_push(kr_state *table, const char *prefix, kr_error *err)
{
    char seen[KR_CLIP_MAX];
    if (prefix[0] == '\0' || table->prefix.length + strlen(prefix) + 1 > KR_STATE_NAME_MAX) {
        return kr_fail(err, KR_EINVAL, "state prefix \"%s\": %zu bytes, want 1..%d in total",
                       kr_text_clip(seen, prefix), table->prefix.length + strlen(prefix),
                       KR_STATE_NAME_MAX - 1);
    }
    if (table->n_prefixes == KR_STATE_PREFIXES_MAX) {
        return kr_fail(err, KR_EINVAL, "state prefix \"%s\": more than %d nested prefixes",
                       kr_text_clip(seen, prefix), KR_STATE_PREFIXES_MAX);
    }
    size_t begin = table->prefix.length;
    KR_TRY(kr_text_add(&table->prefix, err, "%s/", prefix));
    table->prefix_begin[table->n_prefixes++] = begin;
    return KR_OK;
}

void kr_state_pop(kr_state *table)
{
    if (table->n_prefixes > 0) {
        table->prefix.length = table->prefix_begin[--table->n_prefixes];
        table->prefix.data[table->prefix.length] = '\0';
    }
}

/* ---- rows by name ---- */

/* Slot that holds the name, or the free one where it belongs; n_slots > n always. */
static size_t slot_of(const kr_state *table, const char *name, size_t length)
{
    size_t k = (size_t)XXH3_64bits(name, length) & (table->n_slots - 1);
    while (table->slot[k]) {
        const kr_state_row *r = &table->rows[table->slot[k] - 1];
        if (r->name_length == length && memcmp(r->name, name, length) == 0) {
            break;
        }
        k = (k + 1) & (table->n_slots - 1);
    }
    return k;
}

kr_state_row *kr_state_find(const kr_state *table, const char *name, size_t length)
{
    if (table->n == 0) {
        return NULL;
    }
    size_t index = table->slot[slot_of(table, name, length)];
    return index ? &table->rows[index - 1] : NULL;
}

/* Room for one more row in rows and slots. */
static int reserve(kr_state *table, kr_error *err)
{
    if (table->n < table->capacity) {
        return KR_OK;
    }
    size_t capacity = table->capacity ? 2 * table->capacity : 16; /* a power of two */
    size_t *slot = kr_alloc(2 * capacity, sizeof *slot, err);
    if (!slot) {
        return KR_ENOMEM;
    }
    kr_state_row *rows = kr_grow(table->rows, table->n, capacity, sizeof *rows, err);
    if (!rows) {
        kr_free(slot);
        return KR_ENOMEM;
    }
    kr_free(table->slot);
    table->rows = rows;
    table->capacity = capacity;
    table->slot = slot;
    table->n_slots = 2 * capacity;
    for (size_t i = 0; i < table->n; i++) {
        slot[slot_of(table, rows[i].name, rows[i].name_length)] = i + 1;
    }
    return KR_OK;
}

static char *join_name(const kr_state *table, const char *name, size_t length, kr_error *err)
{
    char *joined = kr_alloc(length + 1, 1, err);
    if (joined) {
        size_t n = table->prefix.length;
        if (n) {
            memcpy(joined, table->prefix.data, n);
        }
        memcpy(joined + n, name, length - n);
    }
    return joined;
}

int kr_state_add(kr_state *table, const char *name, kr_dtype dtype, size_t count, void *data,
                 kr_error *err)
{
    char seen[KR_CLIP_MAX];
    size_t length = table->prefix.length + strlen(name), size = kr_state_dtype_size(dtype);
    if (name[0] == '\0' || length > KR_STATE_NAME_MAX) {
        return kr_fail(err, KR_EINVAL, "state row \"%s\": name of %zu bytes, want 1..%d",
                       kr_text_clip(seen, name), length, KR_STATE_NAME_MAX);
    }
    if (size == 0 || count > SIZE_MAX / 16 / size || (!data && count)) {
        return kr_fail(err, KR_EINVAL, "state row \"%s\": %zu elements of type %d, want data",
                       kr_text_clip(seen, name), count, (int)dtype);
    }
    KR_TRY(reserve(table, err));
    char *joined = join_name(table, name, length, err);
    if (!joined) {
        return KR_ENOMEM;
    }
    size_t k = slot_of(table, joined, length);
    if (table->slot[k]) {
        kr_text_clip(seen, joined);
        kr_free(joined);
        return kr_fail(err, KR_EINVAL, "state row \"%s\" is there already, want another name",
                       seen);
    }
    table->rows[table->n] = (kr_state_row){ joined, length, dtype, count, data };
    table->slot[k] = ++table->n;
    return KR_OK;
}
