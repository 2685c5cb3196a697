/* SPDX-License-Identifier: GPL-3.0-or-later
 * base/field.h - parameter structs from run-file maps by descriptor tables. */
#ifndef KR_BASE_FIELD_H
#define KR_BASE_FIELD_H

#include "base/runfile.h"

/* Fills params by the table from a map (NULL = every key missing). Strict: unknown key (with
 * the nearest known one), wrong type, value out of range, missing required key are KR_EPARSE or
 * KR_ERANGE with place, line and caret. Keys named in `others` ("a|b", NULL allowed) belong to
 * the caller and are skipped. what names the map in messages, e.g. "model potts". */
int kr_field_parse(const kr_runfile *file, const kr_node *map, const char *what,
                   const kr_field *fields, const char *others, void *params, kr_error *err);
/* Fills params with the defaults of a table (required fields stay zero). */
int kr_field_defaults(const kr_field *fields, void *params, kr_error *err);
/* Value of one field as run-file text (round trip exact for numbers). Returns the length
 * needed, like snprintf. */
int kr_field_format(const kr_field *field, const void *params, char *text, size_t size);
/* Appends the fields as YAML lines, each indented by indent spaces, to a growing text. */
int kr_field_write(const kr_field *fields, const void *params, int indent, kr_text *text,
                   kr_error *err);
/* Nearest of n names by edit distance, or NULL when none is near. */
const char *kr_field_nearest(const char *word, const char *const *names, size_t n);

#endif
