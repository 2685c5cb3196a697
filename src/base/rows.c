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
    return rows->file ? KR_OK
                      : kr_fail(err, KR_EIO, "%s: %s, want a readable file of %s", path,
                                strerror(errno), what);
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

int kr_rows_site(const kr_rows *rows, int k, int32_t n_sites, int32_t *i, kr_error *err)
{
    const char *word = rows->word[k];
    char *end;
    errno = 0;
    long x = strtol(word, &end, 10);
    if (word[strspn(word, "0123456789")] || *end || end == word || errno || x >= n_sites) {
        return kr_rows_fail(rows, err, "'%.80s', want a site 0..%d", word, n_sites - 1);
    }
    *i = (int32_t)x;
    return KR_OK;
}
