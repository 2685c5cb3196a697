/* SPDX-License-Identifier: GPL-3.0-or-later
 * base/rows.c - text files of a few columns, with the line in every message. */
#include "base/rows.h"

#include <errno.h>
#include <math.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

int kr_rows_fail(const kr_rows *rows, kr_error *err, const char *format, ...)
{
    char text[512];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(text, sizeof text, format, arguments);
    va_end(arguments);
    if (rows->line == 0) { /* an empty file */
        return kr_fail(err, KR_EPARSE, "%s: %s", rows->path, text);
    }
    return kr_fail(err, KR_EPARSE, "%s:%lld: %s", rows->path, (long long)rows->line, text);
}

int kr_rows_open(kr_rows *rows, const char *path, const char *what, kr_error *err)
{
    struct stat info;
    *rows = (kr_rows){ .path = path };
    /* a pipe without a writer would wait forever, a device may never end */
    if (stat(path, &info) == 0 && !S_ISREG(info.st_mode)) {
        return kr_fail(err, KR_EIO, "%s: a folder, pipe or device, want a file of %s", path,
                       what);
    }
    rows->file = fopen(path, "r");
    if (!rows->file) {
        return kr_fail(err, KR_EIO, "%s: %s, want a readable file of %s", path, strerror(errno),
                       what);
    }
    for (int c = getc(rows->file); c != EOF; c = getc(rows->file)) {
        rows->line += c == '\n';
        if (c == '\0') {
            rows->line++;
            kr_rows_fail(rows, err, "a byte 0, want a text file of %s", what);
            kr_rows_close(rows);
            return KR_EPARSE;
        }
    }
    rewind(rows->file);
    rows->line = 0;
    char mark[3]; /* a byte order mark of UTF-8 is no part of the first word */
    if (fread(mark, 1, sizeof mark, rows->file) != sizeof mark ||
        memcmp(mark, "\xef\xbb\xbf", sizeof mark) != 0) {
        rewind(rows->file);
    }
    return KR_OK;
}

void kr_rows_close(kr_rows *rows)
{
    if (rows->file) {
        fclose(rows->file);
        rows->file = NULL;
    }
}

int kr_rows_next(kr_rows *rows, bool *more, kr_error *err)
{
    *more = true;
    while (fgets(rows->text, sizeof rows->text, rows->file)) {
        rows->line++;
        if (!strchr(rows->text, '\n') && strlen(rows->text) == sizeof rows->text - 1) {
            return kr_rows_fail(rows, err, "'%.80s', want lines of at most 510 characters",
                                rows->text);
        }
        rows->text[strcspn(rows->text, "#")] = '\0';
        rows->n_words = 0;
        char *rest = rows->text, *word;
        while ((word = strtok_r(rest, " \t\r\n,", &rest))) {
            if (rows->n_words < KR_ROWS_WORDS) {
                rows->word[rows->n_words] = word;
            }
            rows->n_words++;
        }
        if (rows->n_words > 0) {
            return KR_OK;
        }
    }
    *more = false;
    return ferror(rows->file) ? kr_fail(err, KR_EIO, "%s: %s", rows->path, strerror(errno))
                              : KR_OK;
}

/* One character; a line counts from its first one on, so that the end of the file is told at
 * the last line there is. */
static int next_character(kr_rows *rows)
{
    int c = getc(rows->file);
    if (c != EOF) {
        rows->line += !rows->is_inside;
        rows->is_inside = c != '\n';
    }
    return c;
}

int kr_rows_word(kr_rows *rows, bool *more, kr_error *err)
{
    size_t n = 0;
    bool is_comment = false;
    int c = next_character(rows);
    for (; c != EOF; c = next_character(rows)) { /* to the first character of a word */
        is_comment = c != '\n' && (is_comment || c == '#');
        if (!is_comment && (c == '\0' || !strchr(" \t\r\n,", c))) {
            break;
        }
    }
    for (; c != EOF && (c == '\0' || !strchr(" \t\r\n,#", c)); c = next_character(rows)) {
        if (n == sizeof rows->text - 2) {
            rows->text[n] = '\0';
            return kr_rows_fail(rows, err, "'%.80s', want words of at most 510 characters",
                                rows->text);
        }
        rows->text[n++] = (char)c;
    }
    if (n > 0 && c != EOF) { /* the blank or # belongs to what follows, its line too */
        ungetc(c, rows->file);
        rows->is_inside = true;
    }
    rows->text[n] = '\0';
    rows->word[0] = rows->text;
    rows->n_words = n > 0;
    *more = n > 0;
    return ferror(rows->file) ? kr_fail(err, KR_EIO, "%s: %s", rows->path, strerror(errno))
                              : KR_OK;
}

int kr_rows_real(const kr_rows *rows, int k, double *x, kr_error *err)
{
    const char *word = rows->word[k];
    char *end;
    *x = strtod(word, &end);
    if (word[strspn(word, "+-.0123456789eE")] || *end || end == word || !isfinite(*x)) {
        return kr_rows_fail(rows, err, "'%.80s', want a finite decimal number", word);
    }
    return KR_OK;
}

static int read_index(const kr_rows *rows, int k, const char *what, int32_t n, int32_t *i,
                      kr_error *err)
{
    const char *word = rows->word[k];
    char *end;
    errno = 0;
    long x = strtol(word, &end, 10);
    if (word[strspn(word, "0123456789")] || *end || end == word || errno || x >= n) {
        return kr_rows_fail(rows, err, "'%.80s', want a %s 0..%d", word, what, n - 1);
    }
    *i = (int32_t)x;
    return KR_OK;
}

int kr_rows_site(const kr_rows *rows, int k, int32_t n_sites, int32_t *i, kr_error *err)
{
    return read_index(rows, k, "site", n_sites, i, err);
}

int kr_rows_state(const kr_rows *rows, int k, int32_t q, uint8_t *a, kr_error *err)
{
    int32_t state = 0;
    KR_TRY(read_index(rows, k, "state", q, &state, err));
    *a = (uint8_t)state;
    return KR_OK;
}
