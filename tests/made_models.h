/* SPDX-License-Identifier: GPL-3.0-or-later
 * tests/made_models.h - models that nobody asked for, to reach every kernel of the updates:
 * three body terms, more couplings at a site than tables hold, several classes of states. */
#ifndef KR_MADE_MODELS_H
#define KR_MADE_MODELS_H

#include "kramers_plug.h"

static inline int made_two_states(const void *params)
{
    (void)params;
    return 2;
}

static inline int made_three_states(const void *params)
{
    (void)params;
    return 3;
}

static inline int made_five_states(const void *params)
{
    (void)params;
    return 5;
}

/* Uneven energies of consecutive triples and of the first pair; site energies. */
static inline int made_triples(const void *params, const kr_lattice *lattice, kr_terms *terms,
                               kr_error *err)
{
    (void)params;
    if (lattice->n_sites < 3) {
        return kr_fail(err, KR_EUNSUP, "triples: %d sites, want 3", lattice->n_sites);
    }
    double triple[27], pair[9];
    int32_t t, p;
    for (int k = 0; k < 27; k++) {
        triple[k] = 0.3 * (k * k % 7) - 0.2 * (k % 5);
    }
    for (int k = 0; k < 9; k++) {
        pair[k] = k == 5 ? 0.8 : 0.1 * k;
    }
    for (int32_t k = 0; k < 3 * lattice->n_sites; k++) {
        terms->local[k] = 0.25 * (k % 4);
    }
    KR_TRY(kr_terms_add_table(terms, 3, triple, &t, err));
    KR_TRY(kr_terms_add_table(terms, 2, pair, &p, err));
    for (int32_t i = 0; i + 2 < lattice->n_sites; i++) {
        const int32_t sites[3] = { i + 1, i, i + 2 };
        KR_TRY(kr_terms_add(terms, t, sites, 1.0 - 0.7 * i, err));
    }
    const int32_t first[2] = { 1, 0 };
    return kr_terms_add(terms, p, first, -0.6, err);
}

/* Two states; every bond is 13 bonds of different strength. */
static inline int made_strands(const void *params, const kr_lattice *lattice, kr_terms *terms,
                               kr_error *err)
{
    (void)params;
    static const double V[4] = { -1, 1, 1, -1 };
    int32_t table;
    KR_TRY(kr_terms_add_table(terms, 2, V, &table, err));
    for (int64_t b = 0; b < lattice->n_bonds; b++) {
        for (int k = 0; k < 13; k++) {
            KR_TRY(kr_terms_add(terms, table, lattice->bond + 2 * b, 0.05 * k - 0.2, err));
        }
    }
    terms->local[0] = 0.4;
    return KR_OK;
}

/* States 0, 1 and 3, 4 are interchangeable, 2 stands alone; couplings of both signs; with field
 * on a state of the second class. */
static inline int made_classes(const void *params, const kr_lattice *lattice, kr_terms *terms,
                               kr_error *err)
{
    (void)params;
    static const double V[25] = { -1.0, 0.3,  0.2, 0.1, 0.1,  0.3,  -1.0, 0.2, 0.1,
                                  0.1,  0.2,  0.2, 0.5, -0.4, -0.4, 0.1,  0.1, -0.4,
                                  0.6,  -0.5, 0.1, 0.1, -0.4, -0.5, 0.6 };
    int32_t table;
    KR_TRY(kr_terms_add_table(terms, 2, V, &table, err));
    for (int64_t b = 0; b < lattice->n_bonds; b++) {
        KR_TRY(kr_terms_add(terms, table, lattice->bond + 2 * b, b % 2 ? -0.8 : 1.1, err));
    }
    for (int32_t i = 0; i < lattice->n_sites; i++) {
        terms->local[5 * i + 3] = 0.3 * (i + 1);
    }
    return KR_OK;
}

static const kr_field made_fields[] = { KR_FIELD_END };

static const kr_model_plug made_models[] = {
    { .name = "triples",
      .fields = made_fields,
      .n_states = made_three_states,
      .build = made_triples },
    { .name = "strands",
      .fields = made_fields,
      .n_states = made_two_states,
      .build = made_strands },
    { .name = "classes",
      .fields = made_fields,
      .n_states = made_five_states,
      .build = made_classes },
};

enum { MADE_MODELS = sizeof made_models / sizeof made_models[0] };

#endif
