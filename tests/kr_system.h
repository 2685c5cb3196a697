/* SPDX-License-Identifier: GPL-3.0-or-later
 * tests/kr_system.h - models and lattices of the registry by name, for tests.
 *
 *   kr_system s = system_alloc("potts", "q=3 J=0.5", "hypercubic", "size=4,4 boundary=open");
 *
 * Fields not named take the defaults of their table; nested fields are written with dots. */
#ifndef KR_SYSTEM_H
#define KR_SYSTEM_H

#include "kr_test.h"
#include "lattice/lattice.h"
#include "model/terms.h"
#include "run/registry.h"

typedef struct kr_system {
    kr_lattice *lattice;
    kr_terms *terms;
    _Alignas(16) char model_params[8192];
} kr_system;

static inline int64_t system_choice(const kr_field *field, const char *text)
{
    int64_t index = 0;
    for (const char *at = field->choices; at; index++) {
        size_t length = strcspn(at, "|");
        if (strlen(text) == length && !strncmp(at, text, length)) {
            return index;
        }
        at = at[length] ? at + length + 1 : NULL;
    }
    fail_msg("%s: no choice %s", field->name, text);
    return -1;
}

static inline void system_set(const kr_field *field, void *params, const char *text)
{
    char *p = (char *)params + field->offset, *rest, copy[KR_TEXT_MAX];
    kr_list list = { 0 };
    snprintf(copy, sizeof copy, "%s", text);
    if (field->type == KR_TYPE_REAL) {
        *(double *)(void *)p = strtod(text, NULL);
    } else if (field->type == KR_TYPE_INT) {
        *(int64_t *)(void *)p = strtoll(text, NULL, 10);
    } else if (field->type == KR_TYPE_BOOL) {
        *(bool *)(void *)p = !strcmp(text, "true");
    } else if (field->type == KR_TYPE_CHOICE) {
        *(int32_t *)(void *)p = (int32_t)system_choice(field, text);
    } else if (field->type == KR_TYPE_TEXT) {
        snprintf(p, KR_TEXT_MAX, "%s", text);
    } else {
        for (char *word = strtok_r(copy, ",", &rest); word; word = strtok_r(NULL, ",", &rest)) {
            list.integer[list.n++] = field->type == KR_TYPE_INT_LIST
                                         ? strtoll(word, NULL, 10)
                                         : system_choice(field, word);
        }
        *(kr_list *)(void *)p = list;
    }
}

static inline void system_defaults(const kr_field *fields, void *params)
{
    for (const kr_field *f = fields; f->name; f++) {
        if (f->type == KR_TYPE_MAP) {
            system_defaults(f->sub, (char *)params + f->offset);
        } else if (f->fallback) {
            system_set(f, params, f->fallback);
        }
    }
}

/* Defaults, then the assignments in text. */
static inline void system_params(const kr_field *fields, const char *text, void *params)
{
    char copy[1024], *rest;
    system_defaults(fields, params);
    snprintf(copy, sizeof copy, "%s", text);
    for (char *word = strtok_r(copy, " ", &rest); word; word = strtok_r(NULL, " ", &rest)) {
        const kr_field *f = fields;
        char *to = params, *key = word, *equals = strchr(word, '=');
        *equals = '\0';
        for (char *dot; (dot = strchr(key, '.')); key = dot + 1) {
            for (*dot = '\0'; f->name && strcmp(f->name, key); f++) {
            }
            assert_non_null(f->name);
            to += f->offset;
            f = f->sub;
        }
        while (f->name && strcmp(f->name, key)) {
            f++;
        }
        if (!f->name) {
            fail_msg("no field %s", key);
        }
        system_set(f, to, equals + 1);
    }
}

static inline kr_lattice *system_lattice(const char *name, const char *text, kr_error *err)
{
    _Alignas(16) char params[8192] = { 0 };
    const kr_lattice_plug *const *plug = kr_registry_lattices;
    while (*plug && strcmp((*plug)->name, name)) {
        plug++;
    }
    assert_non_null(*plug);
    assert_true((*plug)->params_size <= sizeof params);
    system_params((*plug)->fields, text, params);
    return kr_lattice_alloc(*plug, params, err);
}

static inline const kr_model_plug *system_model(const char *name)
{
    const kr_model_plug *const *plug = kr_registry_models;
    while (*plug && strcmp((*plug)->name, name)) {
        plug++;
    }
    if (!*plug) {
        fail_msg("no model %s in the registry", name);
    }
    return *plug;
}

/* terms is NULL when the model refuses; then err tells why. */
static inline kr_system system_try(const char *model, const char *model_text,
                                   const char *lattice, const char *lattice_text, kr_error *err)
{
    kr_system s = { .lattice = system_lattice(lattice, lattice_text, err) };
    if (!s.lattice) {
        fail_msg("%s", err->text);
    }
    const kr_model_plug *plug = system_model(model);
    assert_true(plug->params_size <= sizeof s.model_params);
    system_params(plug->fields, model_text, s.model_params);
    s.terms = kr_terms_alloc(plug, s.model_params, s.lattice, err);
    return s;
}

static inline kr_system system_alloc(const char *model, const char *model_text,
                                     const char *lattice, const char *lattice_text)
{
    kr_error err = { 0 };
    kr_system s = system_try(model, model_text, lattice, lattice_text, &err);
    if (!s.terms) {
        fail_msg("%s", err.text);
    }
    return s;
}

static inline kr_target system_target(const kr_system *s, double beta)
{
    return (kr_target){ s->lattice, s->terms, beta };
}

static inline void system_free(kr_system *s)
{
    kr_terms_free(s->terms);
    kr_lattice_free(s->lattice);
}

#endif
