/* SPDX-License-Identifier: GPL-3.0-or-later
 * base/field.h - parameter structs from run-file maps by descriptor tables.
 *
 * min and max of a number field: both 0 means no limits (with KR_FIELD_OPEN_MIN: > 0), an
 * infinite limit is none. The fallback of a text field is that text as YAML, "" is the empty
 * text; of a list field a list, "[]" allowing the empty list; of a map field "{}" = the
 * defaults of its table. Threads: pure, but for functions that take a run file. */
#ifndef KR_BASE_FIELD_H
#define KR_BASE_FIELD_H

#include "base/runfile.h"

/* Fills params by the table from a map (NULL = every key missing). Strict: unknown key (with
 * the nearest known one), wrong type, value out of range, missing required key are KR_EPARSE or
 * KR_ERANGE with place, line and caret. Keys named in `others` ("a|b", NULL allowed) belong to
 * the caller and are skipped. what names the map in messages, e.g. "model potts". After an
 * error params holds some of the fields. */
int kr_field_parse(const kr_runfile *file, const kr_node *map, const char *what,
                   const kr_field *fields, const char *others, void *params, kr_error *err);
/* Fills params with the defaults of a table (required fields stay zero). */
int kr_field_defaults(const kr_field *fields, void *params, kr_error *err);
/* Value of one field as run-file text (round trip exact for numbers), maps in braces; params is
 * the struct the field belongs to. Returns the length needed, like snprintf; negative when the
 * value cannot be told (memory, not UTF-8, not finite, no such choice). */
int kr_field_format(const kr_field *field, const void *params, char *text, size_t size);
/* Appends the fields as YAML lines, each indented by indent spaces, to a growing text that
 * kr_field_parse reads back to an equal struct. Errors: KR_ENOMEM; KR_EINVAL for a value no run
 * file can hold (not finite, not UTF-8, no such choice). */
int kr_field_write(const kr_field *fields, const void *params, int indent, kr_text *text,
                   kr_error *err);
/* What a field takes, in words: "an integer in 2..32", "one of periodic, open". Returns the
 * length needed, like snprintf. */
int kr_field_want(const kr_field *field, char *text, size_t size);
/* Do two structs agree in all fields that a resume may not change? KR_EMISMATCH names the first
 * that differs with both values: "model potts: q = 3 in the run file, 4 in the output"; before
 * and now name where the values come from. */
int kr_field_compare(const kr_field *fields, const char *what, const char *before,
                     const void *old_params, const char *now, const void *new_params,
                     kr_error *err);

/* Nearest of n names by edit distance, or NULL when none is near. */
const char *kr_field_nearest(const char *word, const char *const *names, size_t n);
/* Index of the name that a scalar node holds; the error lists the names and the nearest. label
 * ("model", "boundary") begins the message. Errors: KR_EPARSE. */
int kr_field_choose(const kr_runfile *file, const kr_node *node, const char *label,
                    const char *const *names, size_t n, int32_t *index, kr_error *err);

#endif
