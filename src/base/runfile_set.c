/* SPDX-License-Identifier: GPL-3.0-or-later
 * base/runfile_set.c - changing a run file by "path=value" from the command line.
 *
 * Nothing is hung into the tree before all that may fail is done. */
#include "base/memory.h"
#include "base/runfile.h"

#include <string.h>

typedef struct assignment {
    kr_runfile *file;
    const kr_node *value; /* its origin names the --set in messages */
    const char *part[KR_RUNFILE_LEVELS_MAX];
    int n_parts;
    kr_error *err;
} assignment;

static bool is_index(const char *part)
{
    size_t length = strlen(part);
    return length > 0 && strspn(part, "0123456789") == length;
}

/* "updates.0" for the first n parts; "the run file" for none. */
static const char *name_path(const assignment *a, int n, char out[KR_CLIP_MAX])
{
    char joined[4 * KR_CLIP_MAX] = "";
    size_t length = 0;
    for (int k = 0; k < n && length + 2 < sizeof joined; k++) {
        size_t more = strlen(a->part[k]), room = sizeof joined - length - 2;
        joined[length] = '.';
        length += k > 0;
        more = more < room ? more : room;
        memcpy(joined + length, a->part[k], more);
        length += more;
        joined[length] = '\0';
    }
    return kr_text_clip(out, n ? joined : "the run file");
}

static int refuse_index(const assignment *a, const kr_node *list, int k)
{
    char path[KR_CLIP_MAX], seen[KR_CLIP_MAX];
    name_path(a, k, path);
    kr_text_clip(seen, a->part[k]);
    if (list->n == 0) {
        return kr_runfile_fail(a->file, a->value, a->err, KR_EPARSE,
                               "%s is an empty list, nothing stands at \"%s\"", path, seen);
    }
    return kr_runfile_fail(a->file, a->value, a->err, KR_EPARSE,
                           "\"%s\" is no entry of the list %s, want 0..%d", seen, path,
                           (int)list->n - 1);
}

/* Where part k of the path stands under a node; *slot is NULL when a map has no such key. */
static int find(const assignment *a, const kr_node *at, int k, kr_node ***slot)
{
    const char *part = a->part[k];
    *slot = NULL;
    if (at->kind == KR_NODE_SCALAR) {
        char path[KR_CLIP_MAX], seen[KR_CLIP_MAX];
        return kr_runfile_fail(a->file, a->value, a->err, KR_EPARSE,
                               "%s is a single value, nothing stands below it at \"%s\"",
                               name_path(a, k, path), kr_text_clip(seen, part));
    }
    if (at->kind == KR_NODE_LIST) {
        int64_t i = -1;
        if (!is_index(part) || kr_number_integer(part, &i, NULL) != KR_OK || i >= at->n) {
            return refuse_index(a, at, k);
        }
        *slot = &at->child[i];
        return KR_OK;
    }
    *slot = kr_node_slot(at, part);
    return KR_OK;
}

/* The value inside the maps that parts first.. of the path ask for; they were not there. */
static int wrap(const assignment *a, int first, kr_node **wrapped)
{
    for (int k = a->n_parts - 1; k >= first; k--) {
        const char *part = a->part[k];
        if (is_index(part)) {
            char path[KR_CLIP_MAX];
            return kr_runfile_fail(a->file, a->value, a->err, KR_EPARSE,
                                   "there is no list %s to take entry %.20s of",
                                   name_path(a, k, path), part);
        }
        kr_node *map = kr_node_alloc(a->file, KR_NODE_MAP, a->value, NULL, 0, a->err);
        kr_node *key =
            kr_node_alloc(a->file, KR_NODE_SCALAR, a->value, part, strlen(part), a->err);
        if (!map || !key) {
            return KR_ENOMEM;
        }
        KR_TRY(kr_node_append(map, key, *wrapped, a->err));
        *wrapped = map;
    }
    return KR_OK;
}

static bool is_missing(const kr_node *node)
{
    return node->kind == KR_NODE_SCALAR && !node->is_quoted && node->text[0] == '\0';
}

static int assign(const assignment *a, kr_node *value)
{
    kr_node *at = a->file->root, **slot = NULL;
    for (int k = 0; k < a->n_parts; k++) {
        KR_TRY(find(a, at, k, &slot));
        if (!slot) {
            const char *part = a->part[k];
            kr_node *key =
                kr_node_alloc(a->file, KR_NODE_SCALAR, a->value, part, strlen(part), a->err);
            if (!key) {
                return KR_ENOMEM;
            }
            KR_TRY(wrap(a, k + 1, &value));
            return kr_node_append(at, key, value, a->err);
        }
        if (is_missing(*slot)) { /* "training:" with nothing behind it takes maps too */
            KR_TRY(wrap(a, k + 1, &value));
            break;
        }
        at = *slot;
    }
    *slot = value;
    return KR_OK;
}

static int levels_of(const kr_node *node)
{
    int deepest = 0;
    for (int32_t i = 0; i < node->n; i++) {
        int below = levels_of(node->child[i]);
        deepest = below > deepest ? below : deepest;
    }
    return deepest + (node->kind != KR_NODE_SCALAR);
}

static int check_key(const assignment *a, const char *part)
{
    size_t length = strlen(part);
    if (length == 0) {
        return kr_runfile_fail(a->file, a->value, a->err, KR_EPARSE,
                               "empty key in the path, want path=value as in model.q=3");
    }
    if (length > KR_KEY_BYTES_MAX) {
        return kr_runfile_fail(a->file, a->value, a->err, KR_EPARSE,
                               "key of %zu bytes, want at most %d", length, KR_KEY_BYTES_MAX);
    }
    for (size_t i = 0, n; i < length; i += n) {
        uint32_t code = 0;
        n = kr_text_decode(part + i, length - i, &code);
        if (n == 0 || !kr_text_is_printable(code)) {
            return kr_runfile_fail(a->file, a->value, a->err, KR_EPARSE,
                                   "key with a byte 0x%02x, want printable UTF-8",
                                   (unsigned)(unsigned char)part[i]);
        }
    }
    return KR_OK;
}

static int split(assignment *a, char *path)
{
    for (char *part = path; part;) {
        char *dot = strchr(part, '.');
        if (dot) {
            *dot++ = '\0';
        }
        KR_TRY(check_key(a, part));
        if (a->n_parts == KR_RUNFILE_LEVELS_MAX) {
            return kr_runfile_fail(a->file, a->value, a->err, KR_EPARSE,
                                   "path of more than %d keys", KR_RUNFILE_LEVELS_MAX);
        }
        a->part[a->n_parts++] = part;
        part = dot;
    }
    return KR_OK;
}

static int set(kr_runfile *file, const char *origin, char *path, const char *text,
               kr_error *err)
{
    kr_error inner = { 0 };
    kr_node *value = kr_runfile_value(file, origin, text, &inner);
    if (!value) {
        return kr_fail(err, inner.status, "%s", inner.text);
    }
    assignment a = { .file = file, .value = value, .err = err };
    KR_TRY(split(&a, path));
    if (is_missing(value)) {
        return kr_runfile_fail(file, value, err, KR_EPARSE,
                               "no value behind \"=\" (null switches a section off)");
    }
    if (a.n_parts + levels_of(value) > KR_RUNFILE_LEVELS_MAX) {
        return kr_runfile_fail(file, value, err, KR_EPARSE,
                               "more than %d levels of lists and maps", KR_RUNFILE_LEVELS_MAX);
    }
    return assign(&a, value);
}

int kr_runfile_set(kr_runfile *file, const char *assignment_text, kr_error *err)
{
    char seen[KR_ELIDE_MAX];
    const char *equals = strchr(assignment_text, '=');
    if (!equals) {
        return kr_fail(err, KR_EPARSE, "--set %s: no \"=\", want path=value as in model.q=3",
                       kr_text_elide(seen, assignment_text));
    }
    size_t length = (size_t)(equals - assignment_text);
    char *path = kr_alloc(length + 1, 1, err);
    if (!path) {
        return KR_ENOMEM;
    }
    memcpy(path, assignment_text, length);
    kr_text origin = { 0 };
    int status = kr_text_add(&origin, err, "--set %s", assignment_text);
    if (status == KR_OK) {
        status = set(file, origin.data, path, equals + 1, err);
    }
    kr_text_clear(&origin);
    kr_free(path);
    return status;
}

int kr_runfile_lost(kr_runfile *file, const char *assignment_text, kr_text *lost, kr_error *err)
{
    kr_error inner = { 0 };
    const char *equals = strchr(assignment_text, '=');
    const kr_node *old =
        equals ? kr_node_find(file->root, assignment_text, (size_t)(equals - assignment_text))
               : NULL;
    const kr_node *value = old && old->kind == KR_NODE_MAP
                               ? kr_runfile_value(file, "--set", equals + 1, &inner)
                               : NULL;
    if (!value || value->kind != KR_NODE_MAP || kr_node_get(value, "name")) {
        return KR_OK;
    }
    for (int32_t k = 0; k < old->n; k++) {
        if (!kr_node_get(value, old->key[k]->text)) {
            KR_TRY(kr_text_add(lost, err, "%s%s", lost->length ? ", " : "", old->key[k]->text));
        }
    }
    return KR_OK;
}
