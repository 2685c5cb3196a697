/* SPDX-License-Identifier: GPL-3.0-or-later
 * tests/kr_variants.h - parameter sets of any plug from its field table, small systems from
 * them.
 *
 * Variant 0 holds the defaults; every further one changes a single field: numbers go up and
 * down (real ones also change sign; hidden units are also one more than a vector holds),
 * choices take each other word. In nested maps only choices change. Fields without a default
 * get a small value. */
#ifndef KR_VARIANTS_H
#define KR_VARIANTS_H

#include "kr_test.h"

#include "base/field.h"
#include "base/memory.h"
#include "lattice/lattice.h"
#include "model/terms.h"

static inline bool is_in_range(const kr_field *field, double x)
{
    bool is_limited = field->min != 0.0 || field->max != 0.0;
    return !is_limited || (x >= field->min && x <= field->max);
}

static inline double clamp_to_range(const kr_field *field, double x)
{
    return is_in_range(field, x) ? x : x < field->min ? field->min : field->max;
}

static inline int32_t count_choices(const kr_field *field)
{
    int32_t n = 1;
    for (const char *c = field->choices; *c; c++) {
        n += *c == '|';
    }
    return n;
}

enum { ODD_HIDDEN = KR_LANES_PAD + 1 };

static inline bool is_hidden(const kr_field *field)
{
    return field->type == KR_TYPE_INT && strcmp(field->name, "hidden") == 0;
}

/* Alternatives of one field to the value it has. */
static inline int32_t count_changes(const kr_field *field, bool is_nested)
{
    switch (field->type) {
    case KR_TYPE_CHOICE:
    case KR_TYPE_CHOICE_LIST:
        return count_choices(field) - 1;
    case KR_TYPE_INT:
    case KR_TYPE_REAL:
        return is_nested ? 0 : 2 + is_hidden(field);
    case KR_TYPE_BOOL:
        return is_nested ? 0 : 1;
    default:
        return 0;
    }
}

/* Applies alternative v; false when the field has no such value. */
static inline bool apply_change(const kr_field *field, void *at, int32_t v, char *label,
                                size_t size)
{
    if (field->type == KR_TYPE_CHOICE) {
        int32_t *choice = at;
        *choice = (*choice + 1 + v) % count_choices(field);
        snprintf(label, size, "%s %d", field->name, *choice);
    } else if (field->type == KR_TYPE_CHOICE_LIST) {
        kr_list *list = at;
        list->integer[0] = (list->integer[0] + 1 + v) % count_choices(field);
        snprintf(label, size, "%s %d", field->name, (int)list->integer[0]);
    } else if (field->type == KR_TYPE_BOOL) {
        bool *value = at;
        *value = !*value;
        snprintf(label, size, "%s %d", field->name, *value);
    } else if (field->type == KR_TYPE_INT) {
        int64_t *value = at;
        *value = v == 2 ? ODD_HIDDEN : *value + (v ? -1 : 1);
        snprintf(label, size, "%s %lld", field->name, (long long)*value);
        return is_in_range(field, (double)*value);
    } else {
        double *value = at;
        *value = v ? -*value - 0.25 : *value + 0.375;
        snprintf(label, size, "%s %g", field->name, *value);
        return is_in_range(field, *value);
    }
    return true;
}

static inline void fill_required(const kr_field *fields, unsigned char *params)
{
    for (const kr_field *f = fields; f && f->name; f++) {
        if (f->type == KR_TYPE_MAP) {
            fill_required(f->sub, params + f->offset);
        } else if (!f->fallback && f->type == KR_TYPE_INT) {
            *(int64_t *)(void *)(params + f->offset) = (int64_t)clamp_to_range(f, 3.0);
        } else if (!f->fallback && f->type == KR_TYPE_INT_LIST) {
            *(kr_list *)(void *)(params + f->offset) =
                (kr_list){ .n = 1, .integer = { (int64_t)clamp_to_range(f, 2.0) } };
        } else if (!f->fallback && f->type == KR_TYPE_REAL) {
            *(double *)(void *)(params + f->offset) = clamp_to_range(f, 1.0);
        }
    }
}

/* Finds change number *v (counted down) in a table; 1 applied, 0 not a value, -1 not here. */
static inline int find_change(const kr_field *fields, unsigned char *params, bool is_nested,
                              int32_t *v, char *label, size_t size)
{
    for (const kr_field *f = fields; f && f->name; f++) {
        if (f->type == KR_TYPE_MAP) {
            int found = find_change(f->sub, params + f->offset, true, v, label, size);
            if (found >= 0) {
                return found;
            }
            continue;
        }
        int32_t n = strcmp(f->name, "seed") == 0 ? 0 : count_changes(f, is_nested);
        if (*v < n) {
            return apply_change(f, params + f->offset, *v, label, size);
        }
        *v -= n;
    }
    return -1;
}

/* Fills params (params_size bytes) with variant v; label says what was changed. Returns 1, 0
 * when this variant is no valid value (skip it), -1 when there is none from v on. */
static inline int kr_variant(const kr_field *fields, void *params, size_t params_size,
                             int32_t v, char *label, size_t size)
{
    kr_error err = { 0 };
    memset(params, 0, params_size);
    if (fields) {
        assert_ok(kr_field_defaults(fields, params, &err), &err);
        fill_required(fields, params);
    }
    snprintf(label, size, "defaults");
    if (v == 0) {
        return 1;
    }
    v--;
    return find_change(fields, params, false, &v, label, size);
}

static const kr_list shapes[] = {
    { .n = 1, .integer = { 5 } },       { .n = 2, .integer = { 3, 2 } },
    { .n = 2, .integer = { 2, 2 } },    { .n = 2, .integer = { 3, 3 } },
    { .n = 3, .integer = { 2, 2, 2 } }, { .n = 2, .integer = { 7, 5 } },
    { .n = 1, .integer = { 1 } },
};
enum { N_SHAPES = sizeof shapes / sizeof *shapes };

/* Which variant of each plug: at most one of them is not the default. */
typedef struct pick {
    int32_t shape, lattice, model, density;
} pick;

static inline bool set_size(const kr_field *fields, unsigned char *params, const kr_list *shape)
{
    for (const kr_field *f = fields; f && f->name; f++) {
        if (f->type == KR_TYPE_INT_LIST && strcmp(f->name, "size") == 0) {
            *(kr_list *)(void *)(params + f->offset) = *shape;
            return true;
        }
    }
    return false;
}

/* NULL: this lattice plug has no such variant or refuses the shape. *more: go on to the next.
 */
static inline kr_lattice *make_lattice(const kr_lattice_plug *plug, pick p, char *label,
                                       size_t size, bool *more)
{
    char change[128], shape[64] = "";
    unsigned char *params = kr_alloc(plug->params_size, 1, NULL);
    kr_error err = { 0 };
    int found =
        kr_variant(plug->fields, params, plug->params_size, p.lattice, change, sizeof change);
    kr_lattice *lattice = NULL;
    *more = found >= 0;
    if (found == 1) {
        const kr_list *s = &shapes[p.shape];
        if (set_size(plug->fields, params, s) || p.shape == 0) {
            lattice = kr_lattice_alloc(plug, params, &err);
        }
        for (int32_t d = 0; d < s->n; d++) {
            snprintf(shape + strlen(shape), sizeof shape - strlen(shape), " %d",
                     (int)s->integer[d]);
        }
    }
    snprintf(label, size, "%s%s (%s)", plug->name, shape, change);
    kr_free(params);
    return lattice;
}

static inline kr_terms *make_terms(const kr_model_plug *plug, pick p, const kr_lattice *lattice,
                                   char *label, size_t size, bool *more)
{
    unsigned char *params = kr_alloc(plug->params_size, 1, NULL);
    char change[128];
    kr_error err = { 0 };
    int found =
        kr_variant(plug->fields, params, plug->params_size, p.model, change, sizeof change);
    *more = found >= 0;
    kr_terms *terms = found == 1 ? kr_terms_alloc(plug, params, lattice, &err) : NULL;
    snprintf(label, size, "%s (%s)", plug->name, change);
    kr_free(params);
    return terms;
}

#endif
