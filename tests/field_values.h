/* SPDX-License-Identifier: GPL-3.0-or-later
 * tests/field_values.h - run-file text for the fields of any plug, so that a test can walk a
 * registry whose members it does not know. */
#ifndef KR_FIELD_VALUES_H
#define KR_FIELD_VALUES_H

#include "kr_test.h"

#include "kramers_plug.h"

enum { YAML_MAX = 256, CHOICES_MAX = 16 };

enum flavor { REQUIRED_ONLY, SCANNED_REALS, GAUSSIAN_DISORDER, PM1_DISORDER, FLAVORS };

static inline double clip(const kr_field *f, double x)
{
    bool has_limits = f->min != 0.0 || f->max != 0.0;
    return has_limits ? fmin(fmax(x, f->min), f->max) : x;
}

static inline void add_text(char *yaml, const char *format, const char *name, const char *value)
{
    size_t length = strlen(yaml);
    (void)snprintf(yaml + length, YAML_MAX - length, format, length > 1 ? ", " : "", name,
                   value);
}

/* The smallest allowed values of required fields; by flavor other values of optional ones. */
static inline void generic_yaml(const kr_field *fields, enum flavor flavor, char *yaml)
{
    strcpy(yaml, "{");
    for (const kr_field *f = fields; f && f->name; f++) {
        char value[64] = "";
        bool is_disorder = f->type == KR_TYPE_MAP && f->sub == kr_disorder_fields;
        if (is_disorder && flavor == GAUSSIAN_DISORDER) {
            strcpy(value, "{kind: gaussian, seed: 3}");
        } else if (is_disorder && flavor == PM1_DISORDER) {
            strcpy(value, "{kind: pm1, seed: 4}");
        } else if (f->type == KR_TYPE_REAL &&
                   (!f->fallback || (flavor == SCANNED_REALS && f->flags & KR_FIELD_SCAN))) {
            (void)snprintf(value, sizeof value, "%.6g", clip(f, 0.35));
        } else if (f->type == KR_TYPE_INT && !f->fallback) {
            (void)snprintf(value, sizeof value, "%.0f", clip(f, 1));
        } else if (f->type == KR_TYPE_INT_LIST && !f->fallback) {
            (void)snprintf(value, sizeof value, "[%.0f]", clip(f, 2));
        } else if (f->type == KR_TYPE_CHOICE && !f->fallback) {
            (void)snprintf(value, sizeof value, "%.*s", (int)strcspn(f->choices, "|"),
                           f->choices);
        }
        if (value[0]) {
            add_text(yaml, "%s%s: %s", f->name, value);
        }
    }
    strcat(yaml, "}");
}

/* All defaults; each other choice of each choice field; the other value of each truth value; a
 * count of 2 where the default is 1, of 3 where it is larger. Returns how many texts were
 * written. */
static inline int choices_of(const kr_field *fields, char yaml[CHOICES_MAX][YAML_MAX])
{
    int n = 0;
    generic_yaml(fields, REQUIRED_ONLY, yaml[n++]);
    for (const kr_field *f = fields; f && f->name; f++) {
        const char *word = f->type == KR_TYPE_CHOICE ? f->choices : "";
        while (*word && n < CHOICES_MAX) {
            size_t length = strcspn(word, "|");
            if (!f->fallback || strlen(f->fallback) != length ||
                strncmp(f->fallback, word, length) != 0) {
                (void)snprintf(yaml[n++], YAML_MAX, "{%s: %.*s}", f->name, (int)length, word);
            }
            word += length + (word[length] == '|');
        }
        if (f->type == KR_TYPE_INT && f->fallback && n < CHOICES_MAX) {
            bool is_one = strcmp(f->fallback, "1") == 0;
            (void)snprintf(yaml[n++], YAML_MAX, "{%s: %d}", f->name, is_one ? 2 : 3);
        }
        if (f->type == KR_TYPE_BOOL && f->fallback && n < CHOICES_MAX) {
            bool is_true = strcmp(f->fallback, "true") == 0;
            (void)snprintf(yaml[n++], YAML_MAX, "{%s: %s}", f->name,
                           is_true ? "false" : "true");
        }
    }
    return n;
}

#endif
