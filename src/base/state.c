/* SPDX-License-Identifier: GPL-3.0-or-later
 * base/state.c - state tables and files of named arrays. */
#include "base/state.h"

#include "base/memory.h"

#include <string.h>

typedef struct row {
    char *name;
    kr_dtype dtype;
    size_t count;
    void *data;
} row;

struct kr_state {
    row *rows;
    size_t n, capacity;
};

int kr_state_add(kr_state *table, const char *name, kr_dtype dtype, size_t count, void *data,
                 kr_error *err)
{
    if (table->n == table->capacity) {
        size_t capacity = 2 * table->capacity + 16;
        row *grown = kr_grow(table->rows, table->n, capacity, sizeof *grown, err);
        if (!grown) {
            return KR_ENOMEM;
        }
        table->rows = grown;
        table->capacity = capacity;
    }
    size_t length = strlen(name) + 1;
    char *copy = kr_alloc(length, 1, err);
    if (!copy) {
        return KR_ENOMEM;
    }
    memcpy(copy, name, length);
    table->rows[table->n++] = (row){ copy, dtype, count, data };
    return KR_OK;
}
