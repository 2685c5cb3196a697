/* SPDX-License-Identifier: GPL-3.0-or-later
 * base/text.c - growing text, UTF-8, and words written as YAML scalars.
 *
 * Source: UTF-8 as in RFC 3629; printable characters as in YAML 1.1, section 4.1. */
#include "base/text.h"

#include "base/memory.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

static int reserve(kr_text *text, size_t more, kr_error *err)
{
    if (more >= SIZE_MAX / 2 - text->length) {
        return kr_fail(err, KR_ENOMEM, "text: %zu more bytes do not fit", more);
    }
    size_t needed = text->length + more + 1;
    if (needed > text->capacity) {
        size_t capacity = 2 * needed + 64;
        char *grown = kr_grow(text->data, text->data ? text->length + 1 : 0, capacity, 1, err);
        if (!grown) {
            return KR_ENOMEM;
        }
        text->data = grown;
        text->capacity = capacity;
    }
    return KR_OK;
}

int kr_text_add(kr_text *text, kr_error *err, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    int length = vsnprintf(NULL, 0, format, arguments);
    va_end(arguments);
    if (length < 0) {
        return kr_fail(err, KR_EINVAL, "text: a format that cannot be printed");
    }
    KR_TRY(reserve(text, (size_t)length, err));
    va_start(arguments, format);
    vsnprintf(text->data + text->length, (size_t)length + 1, format, arguments);
    va_end(arguments);
    text->length += (size_t)length;
    return KR_OK;
}

void kr_text_clear(kr_text *text)
{
    kr_free(text->data);
    *text = (kr_text){ 0 };
}

size_t kr_text_decode(const char *text, size_t length, uint32_t *code)
{
    const unsigned char *s = (const unsigned char *)text;
    if (length == 0) {
        return 0;
    }
    if (s[0] < 0x80) {
        *code = s[0];
        return 1;
    }
    size_t n = s[0] >= 0xF0 ? 4 : s[0] >= 0xE0 ? 3 : 2;
    if (s[0] < 0xC2 || s[0] > 0xF4 || length < n) {
        return 0;
    }
    uint32_t value = s[0] & (0x7Fu >> n);
    for (size_t k = 1; k < n; k++) {
        if ((s[k] & 0xC0) != 0x80) {
            return 0;
        }
        value = value << 6 | (s[k] & 0x3Fu);
    }
    static const uint32_t smallest[5] = { 0, 0, 0x80, 0x800, 0x10000 };
    if (value < smallest[n] || value > 0x10FFFF || (value >= 0xD800 && value <= 0xDFFF)) {
        return 0;
    }
    *code = value;
    return n;
}

bool kr_text_is_printable(uint32_t code)
{
    return code == '\t' || code == '\n' || code == '\r' || (code >= 0x20 && code <= 0x7E) ||
           code == 0x85 || (code >= 0xA0 && code <= 0xFFFD && code != 0xFEFF) ||
           code >= 0x10000;
}

/* Breaks lines in some readers, so never written raw. */
static bool is_break(uint32_t code)
{
    return code == '\n' || code == '\r' || code == 0x85 || code == 0x2028 || code == 0x2029;
}

static bool is_alnum(char c)
{
    return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

/* Narrower than YAML on purpose: every word let through is plain for every reader, in every
 * context, also as a key. */
bool kr_text_is_plain(const char *word)
{
    size_t length = strlen(word);
    if (length == 0 || word[length - 1] == ' ' || strncmp(word, "---", 3) == 0 ||
        strncmp(word, "...", 3) == 0) {
        return false;
    }
    bool first_is_fine = is_alnum(word[0]) || strchr("_./+(^~", word[0]) ||
                         (word[0] == '-' && length > 1 && word[1] != ' ') ||
                         (unsigned char)word[0] >= 0x80;
    if (!first_is_fine) {
        return false;
    }
    for (size_t i = 0, n; i < length; i += n) {
        uint32_t code = 0;
        n = kr_text_decode(word + i, length - i, &code);
        if (n == 0 || (n == 1 && !is_alnum(word[i]) && !strchr("_./+-()^~=*@%$; ", word[i])) ||
            (n > 1 && (!kr_text_is_printable(code) || is_break(code) || code == 0xA0)) ||
            (word[i] == ' ' && word[i + 1] == ' ')) {
            return false;
        }
    }
    return true;
}

/* What YAML 1.1 or 1.2 readers turn into something else than text. */
static bool looks_like_a_value(const char *word)
{
    static const char *const words[] = { "~",  "null", "true", "false", "yes", "no",
                                         "on", "off",  "y",    "n",     "=" };
    for (size_t k = 0; k < sizeof words / sizeof words[0]; k++) {
        if (strcasecmp(word, words[k]) == 0) {
            return true;
        }
    }
    /* numbers of any dialect begin so: 1e3, .5, -2, +.inf, 0x10, 2024-01-01, .nan */
    char c = word[0] == '-' || word[0] == '+' ? word[1] : word[0];
    return (c >= '0' && c <= '9') || c == '.';
}

static int add_escaped(kr_text *text, const char *word, size_t n, uint32_t code, kr_error *err)
{
    if (code == '"' || code == '\\') {
        return kr_text_add(text, err, "\\%c", (char)code);
    }
    if (code == '\n') {
        return kr_text_add(text, err, "\\n");
    }
    if (code == '\t') {
        return kr_text_add(text, err, "\\t");
    }
    if (kr_text_is_printable(code) && !is_break(code)) {
        return kr_text_add(text, err, "%.*s", (int)n, word);
    }
    return code <= 0xFF ? kr_text_add(text, err, "\\x%02X", (unsigned)code)
                        : kr_text_add(text, err, "\\u%04X", (unsigned)code);
}

int kr_text_add_scalar(kr_text *text, const char *word, kr_quote quote, kr_error *err)
{
    if (quote != KR_QUOTE_ALWAYS && kr_text_is_plain(word) &&
        !(quote == KR_QUOTE_WORDS && looks_like_a_value(word))) {
        return kr_text_add(text, err, "%s", word);
    }
    size_t length = strlen(word);
    KR_TRY(kr_text_add(text, err, "\""));
    for (size_t i = 0, n; i < length; i += n) {
        uint32_t code = 0;
        n = kr_text_decode(word + i, length - i, &code);
        if (n == 0) {
            char seen[KR_CLIP_MAX];
            return kr_fail(err, KR_EINVAL, "text \"%s\": byte %zu is not UTF-8",
                           kr_text_clip(seen, word), i + 1);
        }
        KR_TRY(add_escaped(text, word + i, n, code, err));
    }
    return kr_text_add(text, err, "\"");
}

void kr_text_tame(char *text, bool keep_lines)
{
    size_t length = strlen(text);
    for (size_t i = 0, n; i < length; i += n) {
        uint32_t code = 0;
        n = kr_text_decode(text + i, length - i, &code);
        bool is_line = text[i] == '\t' || text[i] == '\n';
        if (n == 0 || is_line || !kr_text_is_printable(code) || is_break(code)) {
            n = n ? n : 1;
            if (!(is_line && keep_lines)) {
                memset(text + i, '?', n);
            }
        }
    }
}

const char *kr_text_elide(char out[KR_ELIDE_MAX], const char *word)
{
    enum { GAP = 5, ENDING = 80, BEGINNING = KR_ELIDE_MAX - 1 - GAP - ENDING };
    const size_t length = strlen(word);
    size_t head = length, tail = length;
    if (length >= KR_ELIDE_MAX) { /* not inside a character */
        for (head = BEGINNING; head > 0 && ((unsigned char)word[head] & 0xC0) == 0x80;) {
            head--;
        }
        for (tail = length - ENDING; ((unsigned char)word[tail] & 0xC0) == 0x80;) {
            tail++;
        }
    }
    snprintf(out, KR_ELIDE_MAX, "%.*s%s%s", (int)head, word, head < length ? " ... " : "",
             word + tail);
    kr_text_tame(out, false);
    return out;
}

const char *kr_text_clip(char out[KR_CLIP_MAX], const char *word)
{
    size_t length = strlen(word), end = length;
    if (length >= KR_CLIP_MAX) {
        end = KR_CLIP_MAX - 4;
        while (end > 0 && ((unsigned char)word[end] & 0xC0) == 0x80) {
            end--; /* not inside a character */
        }
    }
    memcpy(out, word, end);
    memcpy(out + end, "...", end < length ? 4 : 0);
    out[end < length ? end + 3 : end] = '\0';
    kr_text_tame(out, false);
    return out;
}
