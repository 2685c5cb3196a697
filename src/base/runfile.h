/* SPDX-License-Identifier: GPL-3.0-or-later
 * base/runfile.h - the run file as a tree with places, read through libyaml.
 *
 * Strict YAML: one document, no anchors, aliases, tags or merge keys, no duplicate key, UTF-8,
 * at most 1 MiB, at most 32 levels. Every node knows line and column for messages of the form
 *   FILE:LINE:COLUMN: message
 *       source line
 *            ^
 * Columns count characters from 1. A node that came from the command line carries its origin
 * instead, and messages about it read "--set a.b=value: message". Every node, key and array
 * below belongs to its kr_runfile and lives as long; all functions here are serial only. */
#ifndef KR_BASE_RUNFILE_H
#define KR_BASE_RUNFILE_H

#include "base/text.h"
#include "kramers_plug.h"

#define KR_RUNFILE_BYTES_MAX  (1 << 20)
#define KR_RUNFILE_LEVELS_MAX 32  /* nested maps and lists, the root included */
#define KR_KEY_BYTES_MAX      200 /* YAML allows a key 1024 characters, escapes included */
#define KR_SCAN_MAX           10000

typedef enum kr_node_kind { KR_NODE_SCALAR, KR_NODE_LIST, KR_NODE_MAP } kr_node_kind;

typedef struct kr_node {
    kr_node_kind kind;
    bool is_quoted;
    const char *origin;   /* NULL: the file; else what made the node, as "--set a.b=1" */
    int32_t line, column; /* from 1 */
    char *text;           /* scalar; NUL-terminated; "" and not quoted: no value was given */
    int32_t n;            /* children */
    struct kr_node **key; /* map: scalar nodes */
    struct kr_node **child;
    int32_t capacity;     /* private */
    struct kr_node *next; /* private: list of all nodes of the file */
} kr_node;

typedef struct kr_runfile {
    char *path;
    char *source;         /* whole text */
    kr_node *root;        /* a map */
    struct kr_node *pool; /* private */
} kr_runfile;

/* NULL with KR_EIO (cannot read) or KR_EPARSE set. Refuses directories, pipes and devices
 * without waiting for them. */
kr_runfile *kr_runfile_load(const char *path, kr_error *err);
/* The same from text; path is only for messages. */
kr_runfile *kr_runfile_parse(const char *path, const char *text, size_t length, kr_error *err);
void kr_runfile_free(kr_runfile *file);

/* "a.b.0.c=value": replaces or inserts; the value is parsed as YAML. Missing maps on the way
 * are made; a list is only indexed where it has an entry. Errors name the --set; the tree is
 * then as before. */
int kr_runfile_set(kr_runfile *file, const char *assignment, kr_error *err);
/* Adds to lost the keys of a map that this assignment would drop, "max_work, batch": those of
 * the map in its place that it does not name. Nothing for another kind of value, and for an
 * entry of its own `name`. */
int kr_runfile_lost(kr_runfile *file, const char *assignment, kr_text *lost, kr_error *err);
/* A value parsed from text into a node that hangs nowhere yet; origin ("--seed 7") names it in
 * messages and is copied. NULL with KR_EPARSE or KR_ENOMEM set. */
kr_node *kr_runfile_value(kr_runfile *file, const char *origin, const char *text,
                          kr_error *err);

/* KR_EPARSE-style message at a node with source line and caret. Returns status. file NULL: the
 * message alone; node NULL: the message with the file's name. */
int kr_runfile_fail(const kr_runfile *file, const kr_node *node, kr_error *err, int status,
                    const char *format, ...) KR_PRINTF(5, 6);

/* Child of a map by key, NULL when absent (or when map is NULL or no map). */
kr_node *kr_node_get(const kr_node *map, const char *key);
/* The child whose key begins a message ("size = 3: ..."), so that it has the right place; the
 * map itself when there is none. */
const kr_node *kr_node_blamed(const kr_node *map, const char *message);
/* No value: null, ~ or nothing, as a section that is off. */
bool kr_node_is_null(const kr_node *node);
/* The same by a dotted path with indices of lists; length 0 is the node itself. */
const kr_node *kr_node_find(const kr_node *node, const char *path, size_t length);
/* Where the child hangs, to be replaced for a while (by one point of a scan, say); NULL when
 * absent. Valid until the map grows. */
kr_node **kr_node_slot(const kr_node *map, const char *key);
/* Puts child at the end of a list (key NULL) or a map, which is not searched for the key. */
int kr_node_append(kr_node *parent, kr_node *key, kr_node *child, kr_error *err);
/* Puts child under key, in the place of the old child if there is one. Errors: KR_ENOMEM. */
int kr_node_put(kr_node *map, kr_node *key, kr_node *child, kr_error *err);
/* Fresh node with origin, line and column of the model; text (NULL: none) is copied. NULL with
 * KR_ENOMEM. */
kr_node *kr_node_alloc(kr_runfile *file, kr_node_kind kind, const kr_node *model,
                       const char *text, size_t length, kr_error *err);
/* Whole tree (or a sub-tree) as YAML text, canonical: maps in block style, lists of bare words
 * and numbers in flow style, numbers as they were typed, quotes where they stood or are
 * needed. Reads back as an equal tree. */
int kr_node_write(const kr_node *node, int indent, kr_text *text, kr_error *err);
/* Both are there and are written alike. */
bool kr_node_is_same(const kr_node *a, const kr_node *b);
/* "a list", "a map", "text in quotes", "no value" or "a single value": for messages. */
const char *kr_node_describe(const kr_node *node);

/* Strict numbers (base/number.c): whole text read, "1e6" is an exact integer, "010" and "0x10"
 * and "1_000" refused, nan and inf refused with their name, in every locale. Errors: KR_EPARSE
 * (text is no such number), KR_ERANGE (it does not fit). */
int kr_number_real(const char *text, double *value, kr_error *err);
int kr_number_integer(const char *text, int64_t *value, kr_error *err);
#define KR_NUMBER_MAX 32
/* Shortest of %.15g, %.16g, %.17g that reads back as the same double, with a decimal point in
 * every locale. Returns text. */
const char *kr_number_format(double value, char text[KR_NUMBER_MAX]);
/* The number of a scalar node; label ("beta") begins the message at its place. A quoted scalar,
 * a list or a map is an error that says so. Errors: KR_EPARSE, KR_ERANGE. */
int kr_node_real(const kr_runfile *file, const kr_node *node, const char *label, double *value,
                 kr_error *err);
int kr_node_integer(const kr_runfile *file, const kr_node *node, const char *label,
                    int64_t *value, kr_error *err);

/* The list or {from, to, count} of a scannable number as scalar nodes; a plain scalar gives 1.
 * All entries of a list or range are checked to be numbers; a range is linear with both ends
 * exact, its texts read back exactly. label as above. Errors: KR_EPARSE, KR_ERANGE. */
int kr_node_scan(kr_runfile *file, kr_node *node, const char *label, kr_node ***value,
                 int32_t *n, kr_error *err);

#endif
