/* SPDX-License-Identifier: GPL-3.0-or-later
 * base/names.h - short lists of known words; for the base/field_*.c files. */
#ifndef KR_BASE_NAMES_H
#define KR_BASE_NAMES_H

#include <stddef.h>

#define KR_NAMES_MAX 128

typedef struct kr_names {
    size_t n, used;
    const char *name[KR_NAMES_MAX]; /* borrowed, or in copy */
    char copy[2048];
} kr_names;

/* Adds a word (borrowed), or all words of "a|b|c" (copied). What does not fit is left out. */
void kr_names_add(kr_names *names, const char *word);
void kr_names_split(kr_names *names, const char *words);
/* Fills out with "a, b, c", cut with "..." where it is too long. Returns out. */
const char *kr_names_join(const char *const *names, size_t n, char *out, size_t size);

#endif
