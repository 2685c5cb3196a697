/* SPDX-License-Identifier: GPL-3.0-or-later
 * base/rows.h - text files of a few columns: one row per line, words apart by blanks or commas,
 * # starts a comment; or a stream of words whatever the lines. Every message begins with
 * FILE:LINE. Serial only. */
#ifndef KR_BASE_ROWS_H
#define KR_BASE_ROWS_H

#include "kramers_plug.h"

#include <stdio.h>

#define KR_ROWS_WORDS 8 /* words kept of a line */

typedef struct kr_rows {
    const char *path; /* borrowed */
    FILE *file;
    int64_t line; /* number of the line that was read last */
    int n_words;  /* words on it, also those that were not kept */
    char *word[KR_ROWS_WORDS];
    char text[512];
    bool is_inside; /* kr_rows_word stopped inside a line */
} kr_rows;

/* Opens a regular file; `what` is what it should hold, for messages ("disorder"). Errors:
 * KR_EIO, also for folders, pipes and devices. */
int kr_rows_open(kr_rows *rows, const char *path, const char *what, kr_error *err);
void kr_rows_close(kr_rows *rows);
/* Next line with words on it; *more = false at the end of the file. Errors: KR_EPARSE for a
 * line of more than 510 characters, KR_EIO. */
int kr_rows_next(kr_rows *rows, bool *more, kr_error *err);
/* Next word as word[0] (n_words = 1), from lines of any length; *more = false at the end of the
 * file. A file is read by words or by lines, not by both. Errors: KR_EPARSE for a word of more
 * than 510 characters, KR_EIO. */
int kr_rows_word(kr_rows *rows, bool *more, kr_error *err);
/* Word k as a finite decimal number, as a site 0..n_sites - 1, or as a state 0..q - 1. Errors:
 * KR_EPARSE. */
int kr_rows_real(const kr_rows *rows, int k, double *x, kr_error *err);
int kr_rows_site(const kr_rows *rows, int k, int32_t n_sites, int32_t *i, kr_error *err);
int kr_rows_state(const kr_rows *rows, int k, int32_t q, uint8_t *a, kr_error *err);
/* KR_EPARSE with "FILE:LINE: " before the message. */
int kr_rows_fail(const kr_rows *rows, kr_error *err, const char *format, ...) KR_PRINTF(3, 4);

#endif
