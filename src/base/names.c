/* SPDX-License-Identifier: GPL-3.0-or-later
 * base/names.c - short lists of known words, and the one a typing error was near to.
 *
 * Distance: Damerau-Levenshtein in its restricted form (optimal string alignment), case
 * ignored; Damerau, Commun. ACM 7, 171 (1964). */
#include "base/names.h"

#include "base/field.h"

#include <stdio.h>
#include <string.h>

void kr_names_add(kr_names *names, const char *word)
{
    if (names->n < KR_NAMES_MAX) {
        names->name[names->n++] = word;
    }
}

void kr_names_split(kr_names *names, const char *words)
{
    while (words && *words) {
        size_t length = strcspn(words, "|");
        if (names->used + length + 1 > sizeof names->copy) {
            return;
        }
        char *word = names->copy + names->used;
        memcpy(word, words, length);
        word[length] = '\0';
        names->used += length + 1;
        kr_names_add(names, word);
        words += length + (words[length] == '|');
    }
}

const char *kr_names_join(const char *const *names, size_t n, char *out, size_t size)
{
    size_t length = 0;
    out[0] = '\0';
    for (size_t k = 0; k < n; k++) {
        if (length + strlen(names[k]) + sizeof ", ..." > size) {
            snprintf(out + length, size - length, "%s", k ? ", ..." : "...");
            return out;
        }
        length +=
            (size_t)snprintf(out + length, size - length, "%s%s", k ? ", " : "", names[k]);
    }
    return out;
}

#define WORD_MAX 40 /* no word that long was meant to be another */

static char lower(char c)
{
    return (char)(c >= 'A' && c <= 'Z' ? c - 'A' + 'a' : c);
}

static int smaller(int a, int b)
{
    return a < b ? a : b;
}

static int distance(const char *a, size_t n_a, const char *b, size_t n_b)
{
    int row[3][WORD_MAX + 1]; /* the last three rows of the table */
    for (size_t j = 0; j <= n_b; j++) {
        row[0][j] = (int)j;
    }
    for (size_t i = 1; i <= n_a; i++) {
        int *now = row[i % 3], *above = row[(i + 2) % 3], *two_above = row[(i + 1) % 3];
        now[0] = (int)i;
        for (size_t j = 1; j <= n_b; j++) {
            bool is_same = lower(a[i - 1]) == lower(b[j - 1]);
            int best = smaller(smaller(above[j], now[j - 1]) + 1, above[j - 1] + !is_same);
            if (i > 1 && j > 1 && lower(a[i - 1]) == lower(b[j - 2]) &&
                lower(a[i - 2]) == lower(b[j - 1])) {
                best = smaller(best, two_above[j - 2] + 1);
            }
            now[j] = best;
        }
    }
    return row[n_a % 3][n_b];
}

static bool begins_with(const char *name, const char *word, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        if (lower(name[i]) != lower(word[i])) { /* also where name ends */
            return false;
        }
    }
    return true;
}

const char *kr_field_nearest(const char *word, const char *const *names, size_t n)
{
    size_t length = strlen(word);
    const char *nearest = NULL;
    int best = WORD_MAX;
    for (size_t k = 0; length > 0 && length <= WORD_MAX && k < n; k++) {
        size_t other = strlen(names[k]);
        if (other > WORD_MAX) {
            continue;
        }
        int d = distance(word, length, names[k], other);
        int longer = (int)(length > other ? length : other);
        /* one error in three letters, or the beginning of the word */
        bool is_near = d == 0 || (d <= (longer + 1) / 3 && d < longer) ||
                       (length >= 3 && begins_with(names[k], word, length));
        if (is_near && d < best) {
            best = d;
            nearest = names[k];
        }
    }
    return nearest;
}

int kr_field_choose(const kr_runfile *file, const kr_node *node, const char *label,
                    const char *const *names, size_t n, int32_t *index, kr_error *err)
{
    char list[400], seen[KR_CLIP_MAX];
    kr_names_join(names, n, list, sizeof list);
    bool is_word = node->kind == KR_NODE_SCALAR && node->text[0];
    if (!is_word) {
        return kr_runfile_fail(file, node, err, KR_EPARSE, "%s is %s, want one of %s", label,
                               kr_node_describe(node), list);
    }
    for (size_t k = 0; k < n; k++) {
        if (strcmp(node->text, names[k]) == 0) {
            *index = (int32_t)k;
            return KR_OK;
        }
    }
    const char *nearest = kr_field_nearest(node->text, names, n);
    return kr_runfile_fail(file, node, err, KR_EPARSE, "%s = \"%s\", want one of %s%s%s%s",
                           label, kr_text_clip(seen, node->text), list,
                           nearest ? "; did you mean \"" : "", nearest ? nearest : "",
                           nearest ? "\"?" : "");
}
