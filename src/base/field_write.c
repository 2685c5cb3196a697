/* SPDX-License-Identifier: GPL-3.0-or-later
 * base/field_write.c - parameter structs as run-file text, in words, and compared. */
#include "base/field.h"

#include "base/names.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

/* ---- values as text ---- */

static int add_choice(const kr_field *field, int64_t index, kr_text *text, kr_error *err)
{
    kr_names names = { 0 };
    kr_names_split(&names, field->choices);
    if (index < 0 || index >= (int64_t)names.n) {
        return kr_fail(err, KR_EINVAL, "%s = choice %" PRId64 ", want 0..%zu", field->name,
                       index, names.n - 1);
    }
    return kr_text_add_scalar(text, names.name[index], KR_QUOTE_WORDS, err);
}

static int add_real(const kr_field *field, double value, kr_text *text, kr_error *err)
{
    char number[KR_NUMBER_MAX];
    if (!isfinite(value)) {
        return kr_fail(err, KR_EINVAL, "%s = %g, want a finite number", field->name, value);
    }
    return kr_text_add(text, err, "%s", kr_number_format(value, number));
}

static int add_list(const kr_field *field, const kr_list *list, kr_text *text, kr_error *err)
{
    if (list->n < 0 || list->n > KR_LIST_MAX) {
        return kr_fail(err, KR_EINVAL, "%s has %d entries, want 0..%d", field->name,
                       (int)list->n, KR_LIST_MAX);
    }
    KR_TRY(kr_text_add(text, err, "["));
    for (int32_t k = 0; k < list->n; k++) {
        KR_TRY(kr_text_add(text, err, k ? ", " : ""));
        if (field->type == KR_TYPE_INT_LIST) {
            KR_TRY(kr_text_add(text, err, "%" PRId64, list->integer[k]));
        } else {
            KR_TRY(add_choice(field, list->integer[k], text, err));
        }
    }
    return kr_text_add(text, err, "]");
}

static int add_text(const kr_field *field, const char *value, kr_text *text, kr_error *err)
{
    if (!memchr(value, '\0', KR_TEXT_MAX)) {
        return kr_fail(err, KR_EINVAL, "%s has no end within %d bytes", field->name,
                       KR_TEXT_MAX);
    }
    return kr_text_add_scalar(text, value, KR_QUOTE_WORDS, err);
}

static int add_value(const kr_field *field, const void *params, kr_text *text, kr_error *err);

static int add_map(const kr_field *fields, const void *params, kr_text *text, kr_error *err)
{
    KR_TRY(kr_text_add(text, err, "{"));
    for (const kr_field *field = fields; field->name; field++) {
        KR_TRY(kr_text_add(text, err, "%s%s: ", field > fields ? ", " : "", field->name));
        KR_TRY(add_value(field, params, text, err));
    }
    return kr_text_add(text, err, "}");
}

static int add_value(const kr_field *field, const void *params, kr_text *text, kr_error *err)
{
    const void *slot = (const char *)params + field->offset;
    switch (field->type) {
    case KR_TYPE_BOOL:
        return kr_text_add(text, err, *(const bool *)slot ? "true" : "false");
    case KR_TYPE_INT:
        return kr_text_add(text, err, "%" PRId64, *(const int64_t *)slot);
    case KR_TYPE_REAL:
        return add_real(field, *(const double *)slot, text, err);
    case KR_TYPE_TEXT:
        return add_text(field, slot, text, err);
    case KR_TYPE_CHOICE:
        return add_choice(field, *(const int32_t *)slot, text, err);
    case KR_TYPE_INT_LIST:
    case KR_TYPE_CHOICE_LIST:
        return add_list(field, slot, text, err);
    case KR_TYPE_MAP:
        return add_map(field->sub, slot, text, err);
    }
    return kr_fail(err, KR_EINVAL, "%s has a type outside its enum", field->name);
}

int kr_field_format(const kr_field *field, const void *params, char *text, size_t size)
{
    kr_text value = { 0 };
    int length = -1;
    if (add_value(field, params, &value, NULL) == KR_OK) {
        length = snprintf(text, size, "%s", value.data);
    }
    kr_text_clear(&value);
    return length;
}

int kr_field_write(const kr_field *fields, const void *params, int indent, kr_text *text,
                   kr_error *err)
{
    for (const kr_field *field = fields; field->name; field++) {
        KR_TRY(kr_text_add(text, err, "%*s%s:", indent, "", field->name));
        if (field->type == KR_TYPE_MAP && field->sub->name) {
            KR_TRY(kr_text_add(text, err, "\n"));
            KR_TRY(kr_field_write(field->sub, (const char *)params + field->offset, indent + 2,
                                  text, err));
        } else {
            KR_TRY(kr_text_add(text, err, " "));
            KR_TRY(add_value(field, params, text, err));
            KR_TRY(kr_text_add(text, err, "\n"));
        }
    }
    return KR_OK;
}

/* ---- what is taken, in words ---- */

/* " in 2..32", " > 0", or nothing */
static void range_in_words(const kr_field *field, char *out, size_t size)
{
    bool is_open = field->flags & KR_FIELD_OPEN_MIN;
    bool has_limits = field->min != 0.0 || field->max != 0.0;
    bool has_min = (has_limits || is_open) && isfinite(field->min);
    bool has_max = has_limits && isfinite(field->max);
    char min[KR_NUMBER_MAX], max[KR_NUMBER_MAX];
    kr_number_format(field->min, min);
    kr_number_format(field->max, max);
    if (has_min && has_max && !is_open) {
        snprintf(out, size, " in %s..%s", min, max);
    } else {
        snprintf(out, size, "%s%s%s%s%s", has_min ? (is_open ? " > " : " >= ") : "",
                 has_min ? min : "", has_min && has_max ? " and" : "", has_max ? " <= " : "",
                 has_max ? max : "");
    }
}

int kr_field_want(const kr_field *field, char *text, size_t size)
{
    char range[4 * KR_NUMBER_MAX], list[300];
    range_in_words(field, range, sizeof range);
    kr_names names = { 0 };
    kr_names_split(&names, field->choices);
    for (const kr_field *f = field->type == KR_TYPE_MAP ? field->sub : NULL; f && f->name;
         f++) {
        kr_names_add(&names, f->name);
    }
    kr_names_join(names.name, names.n, list, sizeof list);
    switch (field->type) {
    case KR_TYPE_BOOL:
        return snprintf(text, size, "true or false");
    case KR_TYPE_INT:
        return snprintf(text, size, "an integer%s", range);
    case KR_TYPE_REAL:
        return snprintf(text, size, "a number%s", range);
    case KR_TYPE_TEXT:
        return snprintf(text, size, "text of at most %d bytes", KR_TEXT_MAX - 1);
    case KR_TYPE_CHOICE:
        return snprintf(text, size, "one of %s", list);
    case KR_TYPE_INT_LIST:
        return snprintf(text, size, "an integer%s or a list of them", range);
    case KR_TYPE_CHOICE_LIST:
        return snprintf(text, size, "one of %s or a list of them", list);
    case KR_TYPE_MAP:
        return snprintf(text, size, "a map of the keys %s", list);
    }
    return -1;
}

/* ---- comparison ---- */

static int compare_value(const kr_field *field, const char *what, const char *before,
                         const void *old_params, const char *now, const void *new_params,
                         kr_error *err)
{
    kr_text x = { 0 }, y = { 0 };
    int status = add_value(field, old_params, &x, err);
    if (status == KR_OK) {
        status = add_value(field, new_params, &y, err);
    }
    if (status == KR_OK && strcmp(x.data, y.data) != 0) {
        status = kr_fail(err, KR_EMISMATCH, "%s: %s = %s in %s, %s in %s", what, field->name,
                         y.data, now, x.data, before);
    }
    kr_text_clear(&x);
    kr_text_clear(&y);
    return status;
}

int kr_field_compare(const kr_field *fields, const char *what, const char *before,
                     const void *old_params, const char *now, const void *new_params,
                     kr_error *err)
{
    for (const kr_field *field = fields; field->name; field++) {
        if (field->flags & KR_FIELD_MAY_CHANGE) {
            continue;
        }
        if (field->type == KR_TYPE_MAP) {
            char inner[160];
            snprintf(inner, sizeof inner, "%s of %s", field->name, what);
            KR_TRY(kr_field_compare(field->sub, inner, before,
                                    (const char *)old_params + field->offset, now,
                                    (const char *)new_params + field->offset, err));
        } else {
            KR_TRY(compare_value(field, what, before, old_params, now, new_params, err));
        }
    }
    return KR_OK;
}
