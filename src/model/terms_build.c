/* SPDX-License-Identifier: GPL-3.0-or-later
 * model/terms_build.c - building a Hamiltonian from a model plug, and all that is derived. */
#include "base/memory.h"
#include "model/terms.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#define TABLE_MAX 16777216u /* entries of one table */

/* ---- life cycle ---------------------------------------------------------------------------
 */

static kr_terms *alloc(int32_t n_sites, int32_t q, kr_error *err)
{
    kr_terms *terms = kr_alloc(1, sizeof *terms, err);
    if (!terms) {
        return NULL;
    }
    terms->n_sites = n_sites;
    terms->q = q;
    terms->value = kr_alloc((size_t)q, sizeof *terms->value, err);
    terms->local = kr_alloc((size_t)n_sites * (size_t)q, sizeof *terms->local, err);
    terms->table_begin = kr_alloc(1, sizeof *terms->table_begin, err);
    terms->term_begin = kr_alloc(1, sizeof *terms->term_begin, err);
    if (!terms->value || !terms->local || !terms->table_begin || !terms->term_begin) {
        kr_terms_free(terms);
        return NULL;
    }
    return terms;
}

kr_terms *kr_terms_alloc_empty(int32_t n_sites, int32_t q, kr_error *err)
{
    if (n_sites < 1 || q < 2 || q > KR_STATES_MAX) {
        kr_fail(err, KR_ERANGE, "terms: %d sites of %d states, want >= 1 sites of 2..%d states",
                n_sites, q, KR_STATES_MAX);
        return NULL;
    }
    return alloc(n_sites, q, err);
}

kr_terms *kr_terms_alloc_real(int32_t n_sites, kr_error *err)
{
    return alloc(n_sites, 0, err);
}

kr_terms *kr_terms_alloc(const kr_model_plug *plug, const void *params,
                         const kr_lattice *lattice, kr_error *err)
{
    kr_terms *terms = plug->n_states
                          ? kr_terms_alloc_empty(lattice->n_sites, plug->n_states(params), err)
                          : kr_terms_alloc_real(lattice->n_sites, err);
    if (terms && (plug->build(params, lattice, terms, err) != KR_OK ||
                  kr_terms_finish(terms, err) != KR_OK)) {
        kr_terms_free(terms);
        return NULL;
    }
    return terms;
}

void kr_terms_free(kr_terms *terms)
{
    if (!terms) {
        return;
    }
    for (int32_t k = 0; k < terms->n_moments; k++) {
        kr_free(terms->moment[k].value);
    }
    if (terms->action) {
        terms->action->free(terms->action->self);
        kr_free(terms->action);
    }
    kr_free(terms->state_class);
    kr_free(terms->pair_class);
    kr_free(terms->J);
    kr_free(terms->neighbor);
    kr_free(terms->neighbor_begin);
    kr_free(terms->site_term);
    kr_free(terms->site_begin);
    kr_free(terms->coupling);
    kr_free(terms->term_table);
    kr_free(terms->term_site);
    kr_free(terms->term_begin);
    kr_free(terms->table);
    kr_free(terms->table_begin);
    kr_free(terms->table_arity);
    kr_free(terms->local);
    kr_free(terms->value);
    kr_free(terms);
}

/* ---- adding -------------------------------------------------------------------------------
 */

/* Makes room for `more` elements behind n in an array of the given capacity. */
static int reserve(void **p, size_t n, size_t more, size_t capacity, size_t *wanted,
                   size_t size, kr_error *err)
{
    *wanted = capacity;
    if (n + more <= capacity) {
        return KR_OK;
    }
    *wanted = 2 * capacity > n + more ? 2 * capacity : n + more;
    void *grown = kr_grow(*p, capacity, *wanted, size, err);
    if (!grown) {
        *wanted = capacity;
        return KR_ENOMEM;
    }
    *p = grown;
    return KR_OK;
}

int kr_terms_add_table(kr_terms *terms, int arity, const double *energy, int32_t *index,
                       kr_error *err)
{
    size_t entries = 1, x = (size_t)terms->n_tables, begin = terms->table_begin[x];
    for (int k = 0; k < arity && entries <= TABLE_MAX; k++) {
        entries *= (size_t)terms->q;
    }
    if (arity < 1 || arity > KR_ARITY_MAX || entries > TABLE_MAX) {
        return kr_fail(err, KR_ERANGE,
                       "table: %d sites of %d states, want 1..%d sites and <= %u entries",
                       arity, terms->q, KR_ARITY_MAX, TABLE_MAX);
    }
    for (size_t k = 0; k < entries; k++) {
        if (!isfinite(energy[k])) {
            return kr_fail(err, KR_ERANGE, "table: entry %zu is %g, want a finite energy", k,
                           energy[k]);
        }
    }
    size_t *begins = kr_grow(terms->table_begin, x + 1, x + 2, sizeof *begins, err);
    if (!begins) {
        return KR_ENOMEM;
    }
    terms->table_begin = begins;
    int32_t *arities = kr_grow(terms->table_arity, x, x + 1, sizeof *arities, err);
    if (!arities) {
        return KR_ENOMEM;
    }
    terms->table_arity = arities;
    void *table = terms->table;
    KR_TRY(reserve(&table, begin, entries, terms->capacity_table, &terms->capacity_table,
                   sizeof *terms->table, err));
    terms->table = table;
    memcpy(terms->table + begin, energy, entries * sizeof *energy);
    begins[x + 1] = begin + entries;
    arities[x] = arity;
    *index = terms->n_tables++;
    return KR_OK;
}

static int grow_terms(kr_terms *terms, kr_error *err)
{
    size_t old = terms->capacity_terms, capacity = 2 * old + 64;
    int64_t *begin = kr_grow(terms->term_begin, old + 1, capacity + 1, sizeof *begin, err);
    if (!begin) {
        return KR_ENOMEM;
    }
    terms->term_begin = begin;
    int32_t *table = kr_grow(terms->term_table, old, capacity, sizeof *table, err);
    if (!table) {
        return KR_ENOMEM;
    }
    terms->term_table = table;
    double *coupling = kr_grow(terms->coupling, old, capacity, sizeof *coupling, err);
    if (!coupling) {
        return KR_ENOMEM;
    }
    terms->coupling = coupling;
    terms->capacity_terms = capacity;
    return KR_OK;
}

static int check_term(const kr_terms *terms, int32_t table, const int32_t *sites,
                      double coupling, kr_error *err)
{
    if (table < 0 || table >= terms->n_tables) {
        return kr_fail(err, KR_ERANGE, "term: table %d, want 0..%d", table,
                       terms->n_tables - 1);
    }
    if (!isfinite(coupling)) {
        return kr_fail(err, KR_ERANGE, "term: coupling %g, want a finite number", coupling);
    }
    for (int32_t k = 0; k < terms->table_arity[table]; k++) {
        bool is_valid = sites[k] >= 0 && sites[k] < terms->n_sites;
        for (int32_t l = 0; l < k; l++) {
            is_valid = is_valid && sites[l] != sites[k];
        }
        if (!is_valid) {
            return kr_fail(err, KR_ERANGE, "term: site %d, want different sites of 0..%d",
                           sites[k], terms->n_sites - 1);
        }
    }
    return KR_OK;
}

int kr_terms_add(kr_terms *terms, int32_t table, const int32_t *sites, double coupling,
                 kr_error *err)
{
    KR_TRY(check_term(terms, table, sites, coupling, err));
    size_t t = (size_t)terms->n_terms, arity = (size_t)terms->table_arity[table];
    if (t == terms->capacity_terms) {
        KR_TRY(grow_terms(terms, err));
    }
    size_t begin = (size_t)terms->term_begin[t];
    void *site = terms->term_site;
    KR_TRY(reserve(&site, begin, arity, terms->capacity_sites, &terms->capacity_sites,
                   sizeof *terms->term_site, err));
    terms->term_site = site;
    memcpy(terms->term_site + begin, sites, arity * sizeof *sites);
    terms->term_begin[t + 1] = (int64_t)(begin + arity);
    terms->term_table[t] = table;
    terms->coupling[t] = coupling;
    terms->n_terms++;
    return KR_OK;
}

int kr_terms_add_bonds(kr_terms *terms, const kr_lattice *lattice, const double *V,
                       double uniform, const double *J, kr_error *err)
{
    size_t q = (size_t)terms->q;
    for (size_t a = 0; a < q; a++) {
        for (size_t b = 0; b < a; b++) {
            if (V[a * q + b] != V[b * q + a]) {
                return kr_fail(err, KR_EINVAL,
                               "bonds: V[%zu][%zu] differs from V[%zu][%zu], want a symmetric "
                               "table",
                               a, b, b, a);
            }
        }
    }
    int32_t table;
    KR_TRY(kr_terms_add_table(terms, 2, V, &table, err));
    for (int64_t b = 0; b < lattice->n_bonds; b++) {
        double coupling = (J ? J[b] : uniform) * lattice->bond_sign[b] * lattice->weight;
        KR_TRY(kr_terms_add(terms, table, lattice->bond + 2 * b, coupling, err));
    }
    return KR_OK;
}

int kr_terms_add_disordered_bonds(kr_terms *terms, const kr_lattice *lattice, const double *V,
                                  double uniform, const kr_disorder *disorder, kr_error *err)
{
    if (disorder) {
        KR_TRY(kr_disorder_check(disorder, err));
    }
    if (!disorder || disorder->kind == KR_DISORDER_NONE) {
        return kr_terms_add_bonds(terms, lattice, V, uniform, NULL, err);
    }
    double *J = kr_alloc((size_t)lattice->n_bonds, sizeof *J, err);
    if (!J) {
        return KR_ENOMEM;
    }
    int status = kr_disorder_bonds(disorder, lattice, J, err);
    for (int64_t b = 0; b < lattice->n_bonds; b++) {
        J[b] *= uniform;
    }
    if (status == KR_OK) {
        status = kr_terms_add_bonds(terms, lattice, V, uniform, J, err);
    }
    kr_free(J);
    return status;
}

int kr_terms_add_field(kr_terms *terms, const kr_lattice *lattice, const double *energy,
                       double uniform, const kr_disorder *disorder, kr_error *err)
{
    size_t n = (size_t)terms->n_sites, q = (size_t)terms->q;
    double *h = kr_alloc(n, sizeof *h, err);
    if (!h) {
        return KR_ENOMEM;
    }
    int status = disorder ? kr_disorder_sites(disorder, lattice, h, err) : KR_OK;
    for (size_t i = 0; status == KR_OK && i < n; i++) {
        for (size_t a = 0; a < q; a++) {
            terms->local[i * q + a] += (uniform + h[i]) * energy[a];
        }
    }
    kr_free(h);
    return status;
}

int kr_terms_add_phase(kr_terms *terms, const char *name, double from, double to,
                       int32_t start_state, kr_error *err)
{
    if (terms->n_phases == KR_PHASES_MAX) {
        return kr_fail(err, KR_ERANGE, "phase %s: one too many, want at most %d", name,
                       KR_PHASES_MAX);
    }
    kr_phase *phase = &terms->phase[terms->n_phases];
    if (!(from <= to) || start_state < KR_START_ANY_ORDERED || start_state >= terms->q ||
        strlen(name) >= sizeof phase->name) {
        return kr_fail(err, KR_ERANGE,
                       "phase %s: from %g to %g, start %d, want from <= to, start < %d and a "
                       "name of at most %zu letters",
                       name, from, to, start_state, terms->q, sizeof phase->name - 1);
    }
    *phase = (kr_phase){ .from = from, .to = to, .start_state = start_state };
    snprintf(phase->name, sizeof phase->name, "%s", name);
    terms->n_phases++;
    return KR_OK;
}

int kr_terms_add_moment(kr_terms *terms, const char *name, const char *doc, const double *value,
                        kr_error *err)
{
    kr_moment *moment = &terms->moment[terms->n_moments];
    if (terms->n_moments == KR_MOMENTS_MAX || strlen(name) >= sizeof moment->name ||
        strlen(doc) >= sizeof moment->doc) {
        return kr_fail(err, KR_ERANGE,
                       "moment %s: number %d, want at most %d, a name of at most %zu letters "
                       "and a doc of at most %zu",
                       name, terms->n_moments + 1, KR_MOMENTS_MAX,
                       sizeof terms->moment[0].name - 1, sizeof terms->moment[0].doc - 1);
    }
    double *copy = kr_alloc((size_t)terms->q, sizeof *copy, err);
    if (!copy) {
        return KR_ENOMEM;
    }
    memcpy(copy, value, (size_t)terms->q * sizeof *copy);
    *moment = (kr_moment){ .value = copy };
    snprintf(moment->name, sizeof moment->name, "%s", name);
    snprintf(moment->doc, sizeof moment->doc, "%s", doc);
    terms->n_moments++;
    return KR_OK;
}
