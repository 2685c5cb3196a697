/* SPDX-License-Identifier: GPL-3.0-or-later
 * tests/tiny.h - systems small enough to list their states, built from run-file text. */
#ifndef KR_TINY_H
#define KR_TINY_H

#include "kr_test.h"

#include "base/field.h"
#include "lattice/lattice.h"
#include "model/terms.h"
#include "run/registry.h"

/* Parameters of a plug from a YAML map in flow style; NULL with the error set. free() them. */
static inline void *tiny_params(const char *what, const kr_field *fields, size_t size,
                                const char *yaml, kr_error *err)
{
    static const kr_field none[] = { KR_FIELD_END };
    void *params = calloc(1, size + 1);
    kr_runfile *file = kr_runfile_parse("test", yaml, strlen(yaml), err);
    if (!file || kr_field_parse(file, file->root, what, fields ? fields : none, NULL, params,
                                err) != KR_OK) {
        free(params);
        params = NULL;
    }
    kr_runfile_free(file);
    return params;
}

/* Whether a plug is for discrete states; those of real variables have conformance_real.c. */
static inline bool tiny_takes_states(unsigned layouts)
{
    return layouts & KR_LAYOUT_ANY;
}

typedef struct tiny {
    kr_lattice *lattice;
    kr_terms *terms;
    int64_t n_states; /* q^N */
    double *energy;   /* (n_states) */
    uint8_t *state;   /* (n_sites) work */
} tiny;

static inline void tiny_free(tiny *t)
{
    if (t) {
        kr_terms_free(t->terms);
        kr_lattice_free(t->lattice);
        free(t->energy);
        free(t->state);
        free(t);
    }
}

/* Configuration number x: site 0 is the lowest digit in base q. */
static inline void tiny_decode(const tiny *t, int64_t x, uint8_t *state, size_t step)
{
    for (int32_t i = 0; i < t->terms->n_sites; i++, x /= t->terms->q) {
        state[(size_t)i * step] = (uint8_t)(x % t->terms->q);
    }
}

static inline int64_t tiny_encode(const tiny *t, const uint8_t *state, size_t step)
{
    int64_t x = 0;
    for (int32_t i = t->terms->n_sites - 1; i >= 0; i--) {
        x = x * t->terms->q + state[(size_t)i * step];
    }
    return x;
}

static inline int tiny_list(tiny *t, int64_t max_states, kr_error *err)
{
    t->n_states = 1;
    for (int32_t i = 0; i < t->terms->n_sites; i++) {
        t->n_states *= t->terms->q;
        if (t->n_states > max_states) {
            return kr_fail(err, KR_EUNSUP, "more than %lld states", (long long)max_states);
        }
    }
    t->energy = calloc((size_t)t->n_states, sizeof *t->energy);
    t->state = calloc((size_t)(uint32_t)t->terms->n_sites, 1);
    for (int64_t x = 0; x < t->n_states; x++) {
        tiny_decode(t, x, t->state, 1);
        t->energy[x] = kr_terms_energy(t->terms, t->state, 1);
    }
    return KR_OK;
}

/* NULL with the error set: refused by a plug (KR_EUNSUP among others) or too many states. */
static inline tiny *tiny_alloc(const kr_model_plug *model, const char *model_yaml,
                               const kr_lattice_plug *lattice, const char *lattice_yaml,
                               int64_t max_states, kr_error *err)
{
    tiny *t = calloc(1, sizeof *t);
    void *lattice_params =
        tiny_params(lattice->name, lattice->fields, lattice->params_size, lattice_yaml, err);
    void *model_params =
        tiny_params(model->name, model->fields, model->params_size, model_yaml, err);
    if (lattice_params && model_params) {
        t->lattice = kr_lattice_alloc(lattice, lattice_params, err);
        t->terms = t->lattice ? kr_terms_alloc(model, model_params, t->lattice, err) : NULL;
    }
    free(lattice_params);
    free(model_params);
    if (!t->terms || tiny_list(t, max_states, err) != KR_OK) {
        tiny_free(t);
        return NULL;
    }
    return t;
}

/* Boltzmann distribution; free() it. */
static inline double *tiny_law(const tiny *t, double beta)
{
    double *law = calloc((size_t)t->n_states, sizeof *law), low = t->energy[0], sum = 0.0;
    for (int64_t x = 1; x < t->n_states; x++) {
        low = fmin(low, t->energy[x]);
    }
    for (int64_t x = 0; x < t->n_states; x++) {
        law[x] = exp(-beta * (t->energy[x] - low));
        sum += law[x];
    }
    for (int64_t x = 0; x < t->n_states; x++) {
        law[x] /= sum;
    }
    return law;
}

static inline const kr_model_plug *tiny_model(const char *name)
{
    for (int k = 0; kr_registry_models[k]; k++) {
        if (strcmp(kr_registry_models[k]->name, name) == 0) {
            return kr_registry_models[k];
        }
    }
    return NULL;
}

static inline const kr_lattice_plug *tiny_lattice(const char *name)
{
    for (int k = 0; kr_registry_lattices[k]; k++) {
        if (strcmp(kr_registry_lattices[k]->name, name) == 0) {
            return kr_registry_lattices[k];
        }
    }
    return NULL;
}

#endif
