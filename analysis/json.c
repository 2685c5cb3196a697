/* SPDX-License-Identifier: GPL-3.0-or-later
 * analysis/json.c - writes one JSON value (RFC 8259). */
#include "analysis/json.h"

#include <math.h>
#include <stdlib.h>

static void begin_member(kr_json *j)
{
    if (j->after_key) {
        j->after_key = false;
        return;
    }
    if (j->depth > 0) {
        fprintf(j->out, "%s\n%*s", j->has_member ? "," : "", 2 * j->depth, "");
    }
    j->has_member = true;
}

void kr_json_open(kr_json *j, char bracket)
{
    begin_member(j);
    fputc(bracket, j->out);
    j->depth++;
    j->has_member = false;
}

void kr_json_close(kr_json *j, char bracket)
{
    j->depth--;
    if (j->has_member) {
        fprintf(j->out, "\n%*s", 2 * j->depth, "");
    }
    fputc(bracket, j->out);
    j->has_member = true;
    if (j->depth == 0) {
        fputc('\n', j->out);
    }
}

void kr_json_number(kr_json *j, double x)
{
    begin_member(j);
    if (!isfinite(x)) {
        fputs("null", j->out);
        return;
    }
    char text[40];
    if (x == floor(x) && fabs(x) < 1e15) {
        snprintf(text, sizeof text, "%.0f", x + 0.0); /* -0 becomes 0 */
    } else {
        for (int digits = 1; digits <= 17; digits++) {
            snprintf(text, sizeof text, "%.*g", digits, x);
            if (strtod(text, NULL) == x) {
                break;
            }
        }
    }
    fputs(text, j->out);
}

void kr_json_bool(kr_json *j, bool x)
{
    begin_member(j);
    fputs(x ? "true" : "false", j->out);
}

/* Length of the valid UTF-8 sequence at s, 0 when there is none (RFC 3629). */
static int utf8_length(const unsigned char *s)
{
    if (s[0] < 0x80) {
        return 1;
    }
    int n = s[0] >= 0xc2 && s[0] < 0xe0 ? 2 : s[0] >= 0xe0 && s[0] < 0xf0 ? 3 : 4;
    if (s[0] < 0xc2 || s[0] > 0xf4) {
        return 0;
    }
    for (int k = 1; k < n; k++) {
        if ((s[k] & 0xc0) != 0x80) {
            return 0;
        }
    }
    bool is_overlong = (s[0] == 0xe0 && s[1] < 0xa0) || (s[0] == 0xf0 && s[1] < 0x90);
    bool is_outside = (s[0] == 0xed && s[1] > 0x9f) || (s[0] == 0xf4 && s[1] > 0x8f);
    return is_overlong || is_outside ? 0 : n;
}

static void write_text(FILE *out, const char *text)
{
    fputc('"', out);
    for (const unsigned char *s = (const unsigned char *)text; *s;) {
        int n = utf8_length(s);
        if (n == 0) {
            fputc('?', out);
            n = 1;
        } else if (*s == '"' || *s == '\\') {
            fprintf(out, "\\%c", *s);
        } else if (*s < 0x20 || *s == 0x7f) {
            fprintf(out, "\\u%04x", *s);
        } else {
            fwrite(s, 1, (size_t)n, out);
        }
        s += n;
    }
    fputc('"', out);
}

void kr_json_text(kr_json *j, const char *text)
{
    begin_member(j);
    write_text(j->out, text);
}

void kr_json_key(kr_json *j, const char *key)
{
    begin_member(j);
    write_text(j->out, key);
    fputs(": ", j->out);
    j->after_key = true;
}

void kr_json_field(kr_json *j, const char *key, double x)
{
    kr_json_key(j, key);
    kr_json_number(j, x);
}
