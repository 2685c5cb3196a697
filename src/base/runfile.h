/* SPDX-License-Identifier: GPL-3.0-or-later
 * base/runfile.h - the run file as a tree with places, read through libyaml.
 *
 * Strict YAML: one document, no anchors, aliases, tags or merge keys, no duplicate key, UTF-8,
 * at most 1 MiB, at most 32 levels. Every node knows line and column for messages of the form
 *   FILE:LINE:COLUMN: message
 *       source line
 *            ^                                                                              */
#ifndef KR_BASE_RUNFILE_H
#define KR_BASE_RUNFILE_H

#include "kramers_plug.h"

typedef enum kr_node_kind { KR_NODE_SCALAR, KR_NODE_LIST, KR_NODE_MAP } kr_node_kind;

typedef struct kr_node {
    kr_node_kind kind;
    bool is_quoted;
    const char *origin;   /* NULL: the file; else the text of the --set that made the node */
    int32_t line, column; /* from 1 */
    char *text;           /* scalar; NUL-terminated */
    int32_t n;            /* children */
    struct kr_node **key; /* map: scalar nodes */
    struct kr_node **child;
} kr_node;

typedef struct kr_runfile {
    char *path;
    char *source;         /* whole text */
    kr_node *root;        /* a map */
    struct kr_node *pool; /* private */
} kr_runfile;

typedef struct kr_text { /* growing text, owned by its holder, freed by kr_text_clear */
    char *data;
    size_t length, capacity;
} kr_text;
int kr_text_add(kr_text *text, kr_error *err, const char *format, ...) KR_PRINTF(3, 4);
void kr_text_clear(kr_text *text);

/* NULL with KR_EIO (cannot read) or KR_EPARSE set. Serial only. */
kr_runfile *kr_runfile_load(const char *path, kr_error *err);
/* The same from text; path is only for messages. */
kr_runfile *kr_runfile_parse(const char *path, const char *text, size_t length, kr_error *err);
void kr_runfile_free(kr_runfile *file);

/* Child of a map by key, NULL when absent. */
kr_node *kr_node_get(const kr_node *map, const char *key);
/* "a.b.0.c=value": replaces or inserts; the value is parsed as YAML. Errors name the --set. */
int kr_runfile_set(kr_runfile *file, const char *assignment, kr_error *err);
/* Whole tree (or a sub-tree) as YAML text, canonical. */
int kr_node_write(const kr_node *node, int indent, kr_text *text, kr_error *err);

/* KR_EPARSE-style message at a node with source line and caret. Returns status. */
int kr_runfile_fail(const kr_runfile *file, const kr_node *node, kr_error *err, int status,
                    const char *format, ...) KR_PRINTF(5, 6);

/* Strict numbers (base/number.c): whole text read, "1e6" is an exact integer, "010" and "0x10"
 * and "1_000" refused, nan and inf refused with their name. */
int kr_number_real(const char *text, double *value, kr_error *err);
int kr_number_integer(const char *text, int64_t *value, kr_error *err);
/* The list or {from, to, count} of a scannable number as scalar nodes; a plain scalar gives 1.
 */
int kr_node_scan(kr_runfile *file, kr_node *node, kr_node ***value, int32_t *n, kr_error *err);

#endif
