/* SPDX-License-Identifier: GPL-3.0-or-later
 * base/state_rows.h - inside of a state table; for base/state.c and base/arrays.c. */
#ifndef KR_BASE_STATE_ROWS_H
#define KR_BASE_STATE_ROWS_H

#include "base/state.h"
#include "base/text.h"

typedef struct kr_state_row {
    char *name; /* with its prefixes; owns */
    size_t name_length;
    kr_dtype dtype;
    size_t count;
    void *data; /* borrows */
} kr_state_row;

struct kr_state {
    kr_state_row *rows;
    size_t n, capacity;
    size_t *slot; /* hash of the name -> 1 + index of the row, 0 = free; open addressing */
    size_t n_slots;
    kr_text prefix; /* "a/b/" */
    size_t prefix_begin[KR_STATE_PREFIXES_MAX];
    int n_prefixes;
};

/* Row of that name, NULL when there is none. */
kr_state_row *kr_state_find(const kr_state *table, const char *name, size_t length);
/* "u8" .. "f64" */
const char *kr_state_dtype_name(kr_dtype dtype);

#endif
