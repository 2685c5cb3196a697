/* SPDX-License-Identifier: GPL-3.0-or-later
 * kramers_base.h - the first part of kramers_plug.h, which includes it: errors, tables of
 * run-file fields, tables of state. Nothing here knows of lattices or physics. */
#ifndef KRAMERS_BASE_H
#define KRAMERS_BASE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* ---- errors ---------------------------------------------------------------------------- */

enum kr_status {
    KR_OK = 0,
    KR_EINVAL,    /* argument */
    KR_EPARSE,    /* run file, command line */
    KR_ERANGE,    /* value outside its table */
    KR_EUNSUP,    /* combination refused */
    KR_ENOMEM,    /* memory */
    KR_EIO,       /* file */
    KR_EMISMATCH, /* resume differs */
    KR_EDIVERGED, /* training */
    KR_ESANITY,   /* internal check */
};

typedef struct kr_error {
    int status;
    char text[1024]; /* lower case, subject first, value seen, value wanted, no full stop */
} kr_error;

#if defined(__GNUC__)
#define KR_PRINTF(a, b) __attribute__((format(printf, a, b)))
#else
#define KR_PRINTF(a, b)
#endif

/* Sets *err (NULL allowed; the first message stays) and returns status. Threads: pure. */
int kr_fail(kr_error *err, int status, const char *format, ...) KR_PRINTF(3, 4);

#define KR_TRY(expr)                                                                           \
    do {                                                                                       \
        int kr_try_status = (expr);                                                            \
        if (kr_try_status != KR_OK) {                                                          \
            return kr_try_status;                                                              \
        }                                                                                      \
    } while (0)

/* ---- field descriptor tables ----------------------------------------------------------- */

#define KR_TEXT_MAX 256 /* bytes of a KR_TYPE_TEXT field, terminator included */
#define KR_LIST_MAX 16  /* entries of a list field */

typedef enum kr_type {
    KR_TYPE_BOOL,        /* bool */
    KR_TYPE_INT,         /* int64_t */
    KR_TYPE_REAL,        /* double */
    KR_TYPE_TEXT,        /* char[KR_TEXT_MAX] */
    KR_TYPE_CHOICE,      /* int32_t, index into choices */
    KR_TYPE_INT_LIST,    /* kr_list, .integer; a bare number is a list of one */
    KR_TYPE_CHOICE_LIST, /* kr_list, .integer = indices; a bare word is a list of one */
    KR_TYPE_MAP,         /* nested struct described by sub */
} kr_type;

typedef struct kr_list {
    int32_t n;
    int64_t integer[KR_LIST_MAX];
} kr_list;

typedef struct kr_field {
    const char *name;
    kr_type type;
    size_t offset;              /* in the parameter struct */
    const char *fallback;       /* default as run-file text; NULL = the key is required */
    double min, max;            /* inclusive range of each number; both 0: no limits */
    const char *choices;        /* "periodic|open|antiperiodic" */
    const struct kr_field *sub; /* KR_TYPE_MAP: table of the nested map; KR_TYPE_TEXT: of a map
                                   that a reader of its own takes in its place */
    const char *unit, *doc;
    unsigned flags;
} kr_field;

enum {
    KR_FIELD_MAY_CHANGE = 1, /* a resume accepts another value */
    KR_FIELD_SCAN = 2,       /* a list or {from:, to:, count:} here makes points */
    KR_FIELD_OPEN_MIN = 4,   /* min itself is excluded */
};

/* A table ends with a row whose name is NULL. */
#define KR_FIELD_END                                                                           \
    {                                                                                          \
        .name = NULL                                                                           \
    }

/* ---- declared state -------------------------------------------------------------------- */

/* Every mutable byte that must survive a restart is a row of a state table: kr_state_add names
 * it, its type, count and address; saving and loading are one loop. Names are unique within the
 * prefixes pushed by the caller. Rows borrow data. */
typedef enum kr_dtype { KR_U8, KR_I32, KR_U32, KR_I64, KR_U64, KR_F32, KR_F64 } kr_dtype;
typedef struct kr_state kr_state;
int kr_state_add(kr_state *table, const char *name, kr_dtype dtype, size_t count, void *data,
                 kr_error *err);

#endif
