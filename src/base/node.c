/* SPDX-License-Identifier: GPL-3.0-or-later
 * base/node.c - nodes of a run file: making, finding, writing, and ranges to scan. */
#include "base/runfile.h"

#include "base/memory.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

kr_node *kr_node_alloc(kr_runfile *file, kr_node_kind kind, const kr_node *model,
                       const char *text, size_t length, kr_error *err)
{
    /* the text lies behind its node: half the allocations of a large file */
    kr_node *node = kr_alloc(sizeof *node + (text ? length + 1 : 0), 1, err);
    if (!node) {
        return NULL;
    }
    node->kind = kind;
    node->origin = model->origin;
    node->line = model->line;
    node->column = model->column;
    if (text) {
        node->text = (char *)(node + 1);
        memcpy(node->text, text, length);
    }
    node->next = file->pool;
    file->pool = node;
    return node;
}

kr_node **kr_node_slot(const kr_node *map, const char *key)
{
    for (int32_t i = 0; map && map->kind == KR_NODE_MAP && i < map->n; i++) {
        if (strcmp(map->key[i]->text, key) == 0) {
            return &map->child[i];
        }
    }
    return NULL;
}

kr_node *kr_node_get(const kr_node *map, const char *key)
{
    kr_node **slot = kr_node_slot(map, key);
    return slot ? *slot : NULL;
}

const kr_node *kr_node_blamed(const kr_node *map, const char *message)
{
    const size_t length = strspn(message, "abcdefghijklmnopqrstuvwxyz0123456789_");
    for (int32_t i = 0; map && map->kind == KR_NODE_MAP && i < map->n; i++) {
        const char *key = map->key[i]->text;
        if (strlen(key) == length && strncmp(key, message, length) == 0) {
            return map->child[i];
        }
    }
    return map;
}

bool kr_node_is_null(const kr_node *node)
{
    return node->kind == KR_NODE_SCALAR && !node->is_quoted &&
           (strcmp(node->text, "") == 0 || strcmp(node->text, "~") == 0 ||
            strcmp(node->text, "null") == 0);
}

const kr_node *kr_node_find(const kr_node *node, const char *path, size_t length)
{
    char part[KR_TEXT_MAX];
    while (node && length > 0) {
        const char *dot = memchr(path, '.', length);
        size_t n = dot ? (size_t)(dot - path) : length, step = n + (dot ? 1 : 0);
        if (n == 0 || n >= sizeof part) {
            return NULL;
        }
        memcpy(part, path, n);
        part[n] = '\0';
        if (node->kind == KR_NODE_LIST) {
            char *end;
            long k = strtol(part, &end, 10);
            node = *end == '\0' && k >= 0 && k < node->n ? node->child[k] : NULL;
        } else {
            node = node->kind == KR_NODE_MAP ? kr_node_get(node, part) : NULL;
        }
        path += step;
        length -= step;
    }
    return node;
}

static int reserve(kr_node *parent, kr_error *err)
{
    if (parent->n < parent->capacity) {
        return KR_OK;
    }
    size_t old = (size_t)parent->n, grown = 2 * old + 4;
    kr_node **child = kr_grow(parent->child, old, grown, sizeof *child, err);
    if (!child) {
        return KR_ENOMEM;
    }
    parent->child = child; /* longer than capacity says, until the keys are too */
    if (parent->kind == KR_NODE_MAP) {
        kr_node **key = kr_grow(parent->key, old, grown, sizeof *key, err);
        if (!key) {
            return KR_ENOMEM;
        }
        parent->key = key;
    }
    parent->capacity = (int32_t)grown;
    return KR_OK;
}

int kr_node_append(kr_node *parent, kr_node *key, kr_node *child, kr_error *err)
{
    KR_TRY(reserve(parent, err));
    if (parent->kind == KR_NODE_MAP) {
        parent->key[parent->n] = key;
    }
    parent->child[parent->n++] = child;
    return KR_OK;
}

int kr_node_put(kr_node *map, kr_node *key, kr_node *child, kr_error *err)
{
    kr_node **slot = kr_node_slot(map, key->text);
    if (!slot) {
        return kr_node_append(map, key, child, err);
    }
    *slot = child;
    return KR_OK;
}

const char *kr_node_describe(const kr_node *node)
{
    switch (node->kind) {
    case KR_NODE_LIST:
        return "a list";
    case KR_NODE_MAP:
        return "a map";
    default:
        return node->is_quoted ? "text in quotes"
               : node->text[0] ? "a single value"
                               : "no value";
    }
}

/* ---- writing ---- */

static bool is_empty(const kr_node *node)
{
    return node->kind == KR_NODE_SCALAR ? !node->is_quoted && node->text[0] == '\0'
                                        : node->n == 0;
}

static bool is_flow(const kr_node *list)
{
    for (int32_t i = 0; i < list->n; i++) {
        if (list->child[i]->kind != KR_NODE_SCALAR || is_empty(list->child[i])) {
            return false;
        }
    }
    return true;
}

static int write_word(const kr_node *node, kr_text *text, kr_error *err)
{
    return kr_text_add_scalar(text, node->text,
                              node->is_quoted ? KR_QUOTE_ALWAYS : KR_QUOTE_SYNTAX, err);
}

/* What fits behind "key:" or "-" on its line; false when the node wants lines of its own. */
static bool is_inline(const kr_node *node)
{
    return node->kind == KR_NODE_SCALAR || node->n == 0 ||
           (node->kind == KR_NODE_LIST && is_flow(node));
}

static int write_inline(const kr_node *node, kr_text *text, kr_error *err)
{
    if (node->kind == KR_NODE_SCALAR) {
        return is_empty(node) ? KR_OK : write_word(node, text, err);
    }
    if (node->kind == KR_NODE_MAP) {
        return kr_text_add(text, err, "{}");
    }
    KR_TRY(kr_text_add(text, err, "["));
    for (int32_t i = 0; i < node->n; i++) {
        KR_TRY(kr_text_add(text, err, i ? ", " : ""));
        KR_TRY(write_word(node->child[i], text, err));
    }
    return kr_text_add(text, err, "]");
}

static int write_lines(const kr_node *node, int indent, bool is_first_placed, kr_text *text,
                       kr_error *err)
{
    for (int32_t i = 0; i < node->n; i++) {
        const kr_node *child = node->child[i];
        if (i || !is_first_placed) {
            KR_TRY(kr_text_add(text, err, "%*s", indent, ""));
        }
        if (node->kind == KR_NODE_MAP) {
            KR_TRY(write_word(node->key[i], text, err));
            KR_TRY(kr_text_add(text, err, ":"));
        } else {
            KR_TRY(kr_text_add(text, err, "-"));
        }
        if (is_inline(child)) {
            KR_TRY(kr_text_add(text, err,
                               is_empty(child) && child->kind == KR_NODE_SCALAR ? "" : " "));
            KR_TRY(write_inline(child, text, err));
            KR_TRY(kr_text_add(text, err, "\n"));
        } else if (node->kind == KR_NODE_LIST) { /* the first key stands behind the dash */
            KR_TRY(kr_text_add(text, err, " "));
            KR_TRY(write_lines(child, indent + 2, true, text, err));
        } else {
            KR_TRY(kr_text_add(text, err, "\n"));
            KR_TRY(write_lines(child, indent + 2, false, text, err));
        }
    }
    return KR_OK;
}

int kr_node_write(const kr_node *node, int indent, kr_text *text, kr_error *err)
{
    if (!is_inline(node)) {
        return write_lines(node, indent, false, text, err);
    }
    KR_TRY(kr_text_add(text, err, "%*s", indent, ""));
    KR_TRY(write_inline(node, text, err));
    return kr_text_add(text, err, "\n");
}

/* ---- scans ---- */

/* One key of a range, as a real or (when integer is given) an integer. */
static int range_part(const kr_runfile *file, const kr_node *map, const char *label,
                      const char *key, double *real, int64_t *integer, kr_error *err)
{
    const kr_node *node = kr_node_get(map, key);
    if (!node) {
        return kr_runfile_fail(file, map, err, KR_EPARSE,
                               "%s lacks \"%s\", want a number or {from:, to:, count:}", label,
                               key);
    }
    kr_text name = { 0 };
    int status = kr_text_add(&name, err, "%s.%s", label, key);
    if (status == KR_OK) {
        status = integer ? kr_node_integer(file, node, name.data, integer, err)
                         : kr_node_real(file, node, name.data, real, err);
    }
    kr_text_clear(&name);
    return status;
}

static int check_range(const kr_runfile *file, const kr_node *map, const char *label,
                       double *from, double *to, int64_t *count, kr_error *err)
{
    for (int32_t i = 0; i < map->n; i++) {
        const char *key = map->key[i]->text;
        if (strcmp(key, "from") != 0 && strcmp(key, "to") != 0 && strcmp(key, "count") != 0) {
            char seen[KR_CLIP_MAX];
            return kr_runfile_fail(file, map->key[i], err, KR_EPARSE,
                                   "unknown key \"%s\" in the range of %s, want from, to and "
                                   "count",
                                   kr_text_clip(seen, key), label);
        }
    }
    KR_TRY(range_part(file, map, label, "from", from, NULL, err));
    KR_TRY(range_part(file, map, label, "to", to, NULL, err));
    KR_TRY(range_part(file, map, label, "count", NULL, count, err));
    const kr_node *node = kr_node_get(map, "count");
    if (*count < 1 || *count > KR_SCAN_MAX) {
        return kr_runfile_fail(file, node, err, KR_ERANGE,
                               "%s.count = %s, want an integer in 1..%d", label, node->text,
                               KR_SCAN_MAX);
    }
    if (*count == 1 && *from != *to) {
        return kr_runfile_fail(file, node, err, KR_ERANGE,
                               "%s.count = 1 with two different ends, want at least 2", label);
    }
    return KR_OK;
}

/* Point k of n + 1: weighted ends over n, so that integer grids come out as integers. The
 * ends are scaled down first where their products would overflow. */
static double range_point(double from, double to, int64_t k, int64_t n)
{
    double a = (double)(n - k), b = (double)k, steps = (double)n;
    double value = (from * a + to * b) / steps;
    return isfinite(value) ? value : from * (a / steps) + to * (b / steps);
}

static kr_node *expand(kr_runfile *file, const kr_node *map, double from, double to,
                       int64_t count, kr_error *err)
{
    kr_node *list = kr_node_alloc(file, KR_NODE_LIST, map, NULL, 0, err);
    for (int64_t k = 0; list && k < count; k++) {
        const char *end = k == 0 ? "from" : k == count - 1 ? "to" : NULL;
        char text[KR_NUMBER_MAX];
        kr_node *point;
        if (end) { /* as typed */
            const kr_node *node = kr_node_get(map, end);
            point =
                kr_node_alloc(file, KR_NODE_SCALAR, node, node->text, strlen(node->text), err);
        } else {
            kr_number_format(range_point(from, to, k, count - 1), text);
            point = kr_node_alloc(file, KR_NODE_SCALAR, map, text, strlen(text), err);
        }
        if (!point || kr_node_append(list, NULL, point, err) != KR_OK) {
            return NULL;
        }
    }
    return list;
}

int kr_node_scan(kr_runfile *file, kr_node *node, const char *label, kr_node ***value,
                 int32_t *n, kr_error *err)
{
    kr_node *list = node;
    if (node->kind == KR_NODE_SCALAR) {
        list = kr_node_alloc(file, KR_NODE_LIST, node, NULL, 0, err);
        if (!list) {
            return KR_ENOMEM;
        }
        KR_TRY(kr_node_append(list, NULL, node, err));
    } else if (node->kind == KR_NODE_LIST) {
        if (node->n < 1 || node->n > KR_SCAN_MAX) {
            return kr_runfile_fail(file, node, err, KR_ERANGE,
                                   "%s is a list of %d values, want 1..%d", label, (int)node->n,
                                   KR_SCAN_MAX);
        }
        for (int32_t i = 0; i < node->n; i++) {
            double number;
            KR_TRY(kr_node_real(file, node->child[i], label, &number, err));
        }
    } else {
        double from, to;
        int64_t count;
        KR_TRY(check_range(file, node, label, &from, &to, &count, err));
        list = expand(file, node, from, to, count, err);
        if (!list) {
            return KR_ENOMEM;
        }
    }
    *value = list->child;
    *n = list->n;
    return KR_OK;
}

bool kr_node_is_same(const kr_node *a, const kr_node *b)
{
    kr_text text[2] = { { 0 }, { 0 } };
    const bool is_same =
        a && b && kr_node_write(a, 0, &text[0], NULL) == KR_OK &&
        kr_node_write(b, 0, &text[1], NULL) == KR_OK &&
        strcmp(text[0].data ? text[0].data : "", text[1].data ? text[1].data : "") == 0;
    kr_text_clear(&text[0]);
    kr_text_clear(&text[1]);
    return is_same;
}
