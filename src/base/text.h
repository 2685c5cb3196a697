/* SPDX-License-Identifier: GPL-3.0-or-later
 * base/text.h - growing text, UTF-8, and words written as YAML scalars. */
#ifndef KR_BASE_TEXT_H
#define KR_BASE_TEXT_H

#include "kramers_plug.h"

typedef struct kr_text { /* growing text, owned by its holder, freed by kr_text_clear */
    char *data;          /* NUL-terminated; NULL while nothing was added */
    size_t length, capacity;
} kr_text;

/* Appends as printf does. On KR_ENOMEM the text is as before. Threads: pure. */
int kr_text_add(kr_text *text, kr_error *err, const char *format, ...) KR_PRINTF(3, 4);
void kr_text_clear(kr_text *text);

/* When kr_text_add_scalar puts double quotes. */
typedef enum kr_quote {
    KR_QUOTE_SYNTAX, /* only where plain YAML would read something else than this one scalar */
    KR_QUOTE_WORDS,  /* also around what a reader may take for a number, a boolean or null */
    KR_QUOTE_ALWAYS,
} kr_quote;

/* Appends word as one YAML scalar that any reader gives back byte for byte, in block and flow
 * context. Errors: KR_ENOMEM; KR_EINVAL when word is not UTF-8. Threads: pure. */
int kr_text_add_scalar(kr_text *text, const char *word, kr_quote quote, kr_error *err);
/* True when kr_text_add_scalar with KR_QUOTE_SYNTAX leaves the word bare. */
bool kr_text_is_plain(const char *word);

/* Next code point of length bytes: returns its bytes, 0 when they are not UTF-8 (overlong
 * forms, surrogates and code points above U+10FFFF are not). Threads: pure. */
size_t kr_text_decode(const char *text, size_t length, uint32_t *code);
/* True for what YAML 1.1 lets stand unescaped: no control characters but tab and line breaks.
 */
bool kr_text_is_printable(uint32_t code);
/* Replaces control characters and stray bytes by '?', so that a message cannot steer a
 * terminal; with keep_lines tabs and newlines stay. */
void kr_text_tame(char *text, bool keep_lines);

#define KR_CLIP_MAX 64
/* Fills out with a word short enough for a message: tamed, cut with "..." where too long.
 * Returns out. */
const char *kr_text_clip(char out[KR_CLIP_MAX], const char *word);
#define KR_ELIDE_MAX 240
/* The same for words of which the end counts too: where too long, " ... " stands for the
 * middle. */
const char *kr_text_elide(char out[KR_ELIDE_MAX], const char *word);

#endif
