/* SPDX-License-Identifier: GPL-3.0-or-later
 * base/field.c - run-file maps into parameter structs, strictly by table.
 *
 * Defaults are run-file text and go through the same code as what a user writes. */
#include "base/field.h"

#include "base/names.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

/* One field being filled. */
typedef struct spot {
    const kr_runfile *file;
    const kr_field *field;
    const char *what;
    char label[160]; /* "model potts: q" */
    kr_error *err;
} spot;

/* "model potts: q = 1, want ..." */
static int refuse_value(const spot *s, const kr_node *node, int status)
{
    char want[400], seen[KR_CLIP_MAX];
    kr_field_want(s->field, want, sizeof want);
    return kr_runfile_fail(s->file, node, s->err, status, "%s = %s, want %s", s->label,
                           kr_text_clip(seen, node->text), want);
}

/* "model potts: q is a list, want ..." */
static int refuse_kind(const spot *s, const kr_node *node, const char *seen)
{
    char want[400];
    kr_field_want(s->field, want, sizeof want);
    return kr_runfile_fail(s->file, node, s->err, KR_EPARSE, "%s is %s, want %s", s->label,
                           seen, want);
}

static bool has_limits(const kr_field *field)
{
    return field->min != 0.0 || field->max != 0.0;
}

/* Compared as integers: doubles do not tell 2^53 from 2^53 + 1. */
static bool is_integer_inside(const kr_field *field, int64_t value)
{
    bool is_open = field->flags & KR_FIELD_OPEN_MIN;
    if (has_limits(field) || is_open) {
        if (field->min >= 0x1p63) {
            return false;
        }
        if (field->min >= -0x1p63) {
            int64_t floor_value = (int64_t)ceil(field->min);
            bool is_at_min = is_open && ceil(field->min) == field->min;
            if (value < floor_value || (is_at_min && value == floor_value)) {
                return false;
            }
        }
    }
    return !has_limits(field) || field->max >= 0x1p63 ||
           (field->max >= -0x1p63 && value <= (int64_t)floor(field->max));
}

static bool is_real_inside(const kr_field *field, double value)
{
    if (field->flags & KR_FIELD_OPEN_MIN) {
        return value > field->min && (!has_limits(field) || value <= field->max);
    }
    return !has_limits(field) || (value >= field->min && value <= field->max);
}

static int refuse_scan(const spot *s, const kr_node *node)
{
    return kr_runfile_fail(s->file, node, s->err, KR_EPARSE,
                           "%s does not take %s here, want a single number", s->label,
                           kr_node_describe(node));
}

static int parse_integer(const spot *s, const kr_node *node, int64_t *value)
{
    const int status = kr_node_integer(s->file, node, s->label, value, s->err);
    const bool is_beyond = status == KR_ERANGE && has_limits(s->field); /* of 64 bits */
    return is_beyond || (status == KR_OK && !is_integer_inside(s->field, *value))
               ? refuse_value(s, node, KR_ERANGE)
               : status;
}

static int parse_real(const spot *s, const kr_node *node, double *value)
{
    KR_TRY(kr_node_real(s->file, node, s->label, value, s->err));
    return is_real_inside(s->field, *value) ? KR_OK : refuse_value(s, node, KR_ERANGE);
}

static int parse_bool(const spot *s, const kr_node *node, bool *value)
{
    if (node->kind != KR_NODE_SCALAR || node->is_quoted || !node->text[0]) {
        return refuse_kind(s, node, kr_node_describe(node));
    }
    *value = strcmp(node->text, "true") == 0;
    if (!*value && strcmp(node->text, "false") != 0) {
        return refuse_value(s, node, KR_EPARSE);
    }
    return KR_OK;
}

static int parse_text(const spot *s, const kr_node *node, char *value)
{
    const bool is_null = kr_node_is_null(node);
    if (is_null || node->kind != KR_NODE_SCALAR) {
        return refuse_kind(s, node, is_null ? "no value" : kr_node_describe(node));
    }
    size_t length = strlen(node->text);
    if (length >= KR_TEXT_MAX) {
        char seen[64];
        snprintf(seen, sizeof seen, "text of %zu bytes", length);
        return refuse_kind(s, node, seen);
    }
    memset(value, 0, KR_TEXT_MAX);
    memcpy(value, node->text, length);
    return KR_OK;
}

static int parse_choice(const spot *s, const kr_node *node, int32_t *value)
{
    kr_names names = { 0 };
    kr_names_split(&names, s->field->choices);
    return kr_field_choose(s->file, node, s->label, names.name, names.n, value, s->err);
}

static int parse_entry(const spot *s, const kr_node *node, int64_t *value)
{
    if (s->field->type == KR_TYPE_INT_LIST) {
        return parse_integer(s, node, value);
    }
    int32_t index = 0;
    KR_TRY(parse_choice(s, node, &index));
    *value = index;
    return KR_OK;
}

static int parse_list(const spot *s, const kr_node *node, kr_list *value)
{
    *value = (kr_list){ 0 };
    if (node->kind == KR_NODE_MAP) {
        return refuse_kind(s, node, kr_node_describe(node));
    }
    if (node->kind == KR_NODE_SCALAR) {
        value->n = 1;
        return parse_entry(s, node, &value->integer[0]);
    }
    /* a table that defaults to none takes none */
    bool may_be_empty = s->field->fallback && strcmp(s->field->fallback, "[]") == 0;
    if (node->n > KR_LIST_MAX || (node->n == 0 && !may_be_empty)) {
        return kr_runfile_fail(s->file, node, s->err, KR_ERANGE,
                               "%s is a list of %d entries, want %d..%d", s->label,
                               (int)node->n, may_be_empty ? 0 : 1, KR_LIST_MAX);
    }
    for (; value->n < node->n; value->n++) {
        KR_TRY(parse_entry(s, node->child[value->n], &value->integer[value->n]));
    }
    return KR_OK;
}

static int parse_value(const spot *s, const kr_node *node, void *slot)
{
    bool is_number = s->field->type == KR_TYPE_INT || s->field->type == KR_TYPE_REAL;
    if (is_number && (s->field->flags & KR_FIELD_SCAN) && node->kind != KR_NODE_SCALAR) {
        return refuse_scan(s, node);
    }
    char what[160];
    switch (s->field->type) {
    case KR_TYPE_BOOL:
        return parse_bool(s, node, slot);
    case KR_TYPE_INT:
        return parse_integer(s, node, slot);
    case KR_TYPE_REAL:
        return parse_real(s, node, slot);
    case KR_TYPE_TEXT:
        return parse_text(s, node, slot);
    case KR_TYPE_CHOICE:
        return parse_choice(s, node, slot);
    case KR_TYPE_INT_LIST:
    case KR_TYPE_CHOICE_LIST:
        return parse_list(s, node, slot);
    case KR_TYPE_MAP:
        if (node->kind != KR_NODE_MAP) {
            return refuse_kind(s, node, kr_node_describe(node));
        }
        snprintf(what, sizeof what, "%s of %s", s->field->name, s->what);
        return kr_field_parse(s->file, node, what, s->field->sub, NULL, slot, s->err);
    }
    return kr_fail(s->err, KR_EINVAL, "%s has a type outside its enum", s->label);
}

static spot spot_of(const kr_runfile *file, const kr_field *field, const char *what,
                    kr_error *err)
{
    spot s = { .file = file, .field = field, .what = what, .err = err };
    snprintf(s.label, sizeof s.label, "%s: %s", what, field->name);
    return s;
}

static int parse_fallback(const kr_field *field, const char *what, void *slot, kr_error *err)
{
    kr_runfile *file = kr_runfile_parse("", "{}", 2, err);
    if (!file) {
        return KR_ENOMEM;
    }
    char origin[KR_CLIP_MAX];
    snprintf(origin, sizeof origin, "default of %s", field->name);
    kr_error inner = { 0 };
    kr_node *node = kr_runfile_value(file, origin, field->fallback, &inner);
    int status = inner.status;
    if (node) {
        node->is_quoted |= field->type == KR_TYPE_TEXT && field->fallback[0] == '\0';
        spot s = spot_of(file, field, what, &inner);
        status = parse_value(&s, node, slot);
    }
    kr_runfile_free(file);
    return status ? kr_fail(err, status, "%s", inner.text) : KR_OK;
}

static bool is_among(const char *key, const kr_names *names)
{
    for (size_t k = 0; k < names->n; k++) {
        if (strcmp(key, names->name[k]) == 0) {
            return true;
        }
    }
    return false;
}

static int refuse_unknown(const kr_runfile *file, const kr_node *map, const char *what,
                          const kr_field *fields, const char *others, kr_error *err)
{
    kr_names names = { 0 };
    for (const kr_field *field = fields; field->name; field++) {
        kr_names_add(&names, field->name);
    }
    kr_names_split(&names, others);
    for (int32_t i = 0; i < map->n; i++) {
        const char *key = map->key[i]->text;
        if (is_among(key, &names)) {
            continue;
        }
        char seen[KR_CLIP_MAX], list[400];
        kr_text_clip(seen, key);
        const char *nearest = kr_field_nearest(key, names.name, names.n);
        if (nearest) {
            return kr_runfile_fail(file, map->key[i], err, KR_EPARSE,
                                   "unknown key \"%s\" in %s; did you mean \"%s\"?", seen, what,
                                   nearest);
        }
        return kr_runfile_fail(
            file, map->key[i], err, KR_EPARSE, "unknown key \"%s\" in %s; known keys: %s", seen,
            what, names.n ? kr_names_join(names.name, names.n, list, sizeof list) : "none");
    }
    return KR_OK;
}

int kr_field_parse(const kr_runfile *file, const kr_node *map, const char *what,
                   const kr_field *fields, const char *others, void *params, kr_error *err)
{
    if (map && map->kind != KR_NODE_MAP) {
        return kr_runfile_fail(file, map, err, KR_EPARSE, "%s is %s, want a map of keys", what,
                               kr_node_describe(map));
    }
    if (map) {
        KR_TRY(refuse_unknown(file, map, what, fields, others, err));
    }
    for (const kr_field *field = fields; field->name; field++) {
        void *slot = (char *)params + field->offset;
        const kr_node *node = kr_node_get(map, field->name);
        if (node) {
            spot s = spot_of(file, field, what, err);
            KR_TRY(parse_value(&s, node, slot));
        } else if (field->fallback) {
            KR_TRY(parse_fallback(field, what, slot, err));
        } else {
            char want[400];
            kr_field_want(field, want, sizeof want);
            return kr_runfile_fail(file, map, err, KR_EPARSE,
                                   "key \"%s\" is missing in %s, want %s", field->name, what,
                                   want);
        }
    }
    return KR_OK;
}

int kr_field_defaults(const kr_field *fields, void *params, kr_error *err)
{
    static const size_t sizes[] = {
        [KR_TYPE_BOOL] = sizeof(bool),           [KR_TYPE_INT] = sizeof(int64_t),
        [KR_TYPE_REAL] = sizeof(double),         [KR_TYPE_TEXT] = KR_TEXT_MAX,
        [KR_TYPE_CHOICE] = sizeof(int32_t),      [KR_TYPE_INT_LIST] = sizeof(kr_list),
        [KR_TYPE_CHOICE_LIST] = sizeof(kr_list),
    };
    for (const kr_field *field = fields; field->name; field++) {
        void *slot = (char *)params + field->offset;
        if (field->fallback) {
            KR_TRY(parse_fallback(field, "defaults", slot, err));
        } else if (field->type == KR_TYPE_MAP) {
            KR_TRY(kr_field_defaults(field->sub, slot, err));
        } else {
            memset(slot, 0, sizes[field->type]);
        }
    }
    return KR_OK;
}
