/* SPDX-License-Identifier: GPL-3.0-or-later
 * analysis/json.h - writes one JSON value: commas, indentation, escapes, shortest numbers.
 *
 * Keys and members alternate as in kr_json_key(j, "mean"); kr_json_number(j, 1.5). Inside a
 * list members follow each other without keys. */
#ifndef KR_ANALYSIS_JSON_H
#define KR_ANALYSIS_JSON_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

typedef struct kr_json {
    FILE *out; /* borrowed */
    int depth;
    bool has_member, after_key;
} kr_json;

void kr_json_open(kr_json *j, char bracket); /* '{' or '[' */
void kr_json_close(kr_json *j, char bracket);
void kr_json_key(kr_json *j, const char *key);
/* Shortest text that reads back to the same double; NaN and infinities are null. */
void kr_json_number(kr_json *j, double x);
void kr_json_bool(kr_json *j, bool x);
/* Control characters, quotes and backslashes escaped; bytes that are not UTF-8 become '?'. */
void kr_json_text(kr_json *j, const char *text);
/* A key and its number. */
void kr_json_field(kr_json *j, const char *key, double x);

#endif
