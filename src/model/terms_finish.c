/* SPDX-License-Identifier: GPL-3.0-or-later
 * model/terms_finish.c - what follows from the terms: lists by site, classes, flags. */
#include "base/memory.h"
#include "model/terms.h"

#include <math.h>
#include <string.h>

/* Terms by site, in the order of the terms. */
static int list_by_site(kr_terms *terms, kr_error *err)
{
    size_t n = (size_t)terms->n_sites, n_entries = (size_t)terms->term_begin[terms->n_terms];
    int64_t *begin = terms->site_begin = kr_alloc(n + 1, sizeof *begin, err);
    terms->site_term = kr_alloc(n_entries, sizeof *terms->site_term, err);
    if (!begin || !terms->site_term) {
        return KR_ENOMEM;
    }
    for (size_t k = 0; k < n_entries; k++) {
        begin[terms->term_site[k] + 1]++;
    }
    for (size_t i = 0; i < n; i++) {
        begin[i + 1] += begin[i];
    }
    for (int64_t t = 0; t < terms->n_terms; t++) {
        for (int64_t k = terms->term_begin[t]; k < terms->term_begin[t + 1]; k++) {
            terms->site_term[begin[terms->term_site[k]]++] = t;
        }
    }
    /* the rows were walked to their ends: shift back by one */
    memmove(begin + 1, begin, n * sizeof *begin);
    begin[0] = 0;
    return KR_OK;
}

/* Every term has two sites and the same symmetric table. */
static bool has_pair_form(const kr_terms *terms)
{
    if (terms->n_tables == 0) {
        return false;
    }
    int32_t table = terms->n_terms > 0 ? terms->term_table[0] : 0;
    bool is_pair = terms->table_arity[table] == 2;
    for (int64_t t = 0; is_pair && t < terms->n_terms; t++) {
        is_pair = terms->term_table[t] == table;
    }
    const double *V = terms->table + terms->table_begin[table];
    size_t q = (size_t)terms->q;
    for (size_t a = 0; is_pair && a < q; a++) {
        for (size_t b = 0; b < a; b++) {
            is_pair = is_pair && V[a * q + b] == V[b * q + a];
        }
    }
    return is_pair;
}

static int list_neighbors(kr_terms *terms, kr_error *err)
{
    size_t n = (size_t)terms->n_sites, n_ends = 2 * (size_t)terms->n_terms;
    int64_t *begin = terms->neighbor_begin = kr_alloc(n + 1, sizeof *begin, err);
    terms->neighbor = kr_alloc(n_ends, sizeof *terms->neighbor, err);
    terms->J = kr_alloc(n_ends, sizeof *terms->J, err);
    if (!begin || !terms->neighbor || !terms->J) {
        return KR_ENOMEM;
    }
    memcpy(begin, terms->site_begin, (n + 1) * sizeof *begin);
    /* visiting the far ends in ascending order leaves each row ascending */
    for (int32_t j = 0; j < terms->n_sites; j++) {
        for (int64_t k = terms->site_begin[j]; k < terms->site_begin[j + 1]; k++) {
            int64_t t = terms->site_term[k];
            int32_t i = terms->term_site[2 * t + (terms->term_site[2 * t] == j)];
            terms->neighbor[begin[i]] = j;
            terms->J[begin[i]++] = terms->coupling[t];
        }
    }
    memcpy(begin, terms->site_begin, (n + 1) * sizeof *begin);
    return KR_OK;
}

/* Exchanging the states a and b everywhere leaves every table in use unchanged. */
static bool tables_allow(const kr_terms *terms, size_t a, size_t b)
{
    size_t q = (size_t)terms->q;
    for (int32_t x = 0; x < terms->n_tables; x++) {
        const double *table = terms->table + terms->table_begin[x];
        size_t n = terms->table_begin[x + 1] - terms->table_begin[x];
        for (size_t k = 0; k < n; k++) {
            size_t swapped = 0;
            for (size_t rest = k, stride = 1; stride < n; rest /= q, stride *= q) {
                size_t digit = rest % q;
                swapped += (digit == a ? b : digit == b ? a : digit) * stride;
            }
            if (table[k] != table[swapped]) {
                return false;
            }
        }
    }
    return true;
}

static bool locals_allow(const kr_terms *terms, size_t a, size_t b)
{
    size_t q = (size_t)terms->q;
    for (size_t i = 0; i < (size_t)terms->n_sites; i++) {
        if (terms->local[i * q + a] != terms->local[i * q + b]) {
            return false;
        }
    }
    return true;
}

/* Exchanges that leave something unchanged form an equivalence, so each state need only be
 * compared with the first state of every class. Classes are numbered by first appearance. */
static int find_classes(kr_terms *terms, kr_error *err)
{
    size_t q = (size_t)terms->q;
    terms->pair_class = kr_alloc(q, sizeof *terms->pair_class, err);
    terms->state_class = kr_alloc(q, sizeof *terms->state_class, err);
    if (!terms->pair_class || !terms->state_class) {
        return KR_ENOMEM;
    }
    size_t first[2][KR_STATES_MAX];
    int32_t n_pair = 0, n_state = 0;
    for (size_t a = 0; a < q; a++) {
        int32_t c = 0, d = 0;
        while (c < n_pair && !tables_allow(terms, first[0][c], a)) {
            c++;
        }
        if (c == n_pair) {
            first[0][n_pair++] = a;
        }
        terms->pair_class[a] = c;
        while (d < n_state &&
               !(terms->pair_class[first[1][d]] == c && locals_allow(terms, first[1][d], a))) {
            d++;
        }
        if (d == n_state) {
            first[1][n_state++] = a;
        }
        terms->state_class[a] = d;
    }
    return KR_OK;
}

static bool has_potts_form(const kr_terms *terms)
{
    size_t q = (size_t)terms->q;
    bool is_potts = terms->is_pair && terms->V[0] < terms->V[1];
    for (size_t a = 0; is_potts && a < q; a++) {
        for (size_t b = 0; b < q; b++) {
            is_potts = is_potts && terms->V[a * q + b] == terms->V[a == b ? 0 : 1];
        }
    }
    return is_potts;
}

/* Sufficient for exact sums: whole couplings, tables and locals, and a bound on any sum. */
static bool has_integer_energies(const kr_terms *terms)
{
    double largest_table = 0.0, bound = 0.0;
    bool is_whole = true;
    size_t n_entries = terms->table_begin[terms->n_tables];
    for (size_t k = 0; k < n_entries; k++) {
        is_whole = is_whole && terms->table[k] == rint(terms->table[k]);
        largest_table = fmax(largest_table, fabs(terms->table[k]));
    }
    for (int64_t t = 0; t < terms->n_terms; t++) {
        is_whole = is_whole && terms->coupling[t] == rint(terms->coupling[t]);
        bound += fabs(terms->coupling[t]) * largest_table;
    }
    size_t q = (size_t)terms->q;
    for (size_t i = 0; i < (size_t)terms->n_sites; i++) {
        double largest = 0.0;
        for (size_t a = 0; a < q; a++) {
            is_whole = is_whole && terms->local[i * q + a] == rint(terms->local[i * q + a]);
            largest = fmax(largest, fabs(terms->local[i * q + a]));
        }
        bound += largest;
    }
    return is_whole && bound < 0x1p53;
}

static int check_locals(kr_terms *terms, kr_error *err)
{
    size_t q = (size_t)terms->q;
    for (size_t k = 0; k < (size_t)terms->n_sites * q; k++) {
        if (!isfinite(terms->local[k])) {
            return kr_fail(err, KR_ERANGE,
                           "terms: energy of site %zu in state %zu is %g, want a finite number",
                           k / q, k % q, terms->local[k]);
        }
        terms->has_local = terms->has_local || terms->local[k] != terms->local[k / q * q];
    }
    return KR_OK;
}

int kr_terms_finish(kr_terms *terms, kr_error *err)
{
    if (terms->action) {
        return KR_OK; /* nothing follows from tables that are not there */
    }
    if (terms->q == 0) {
        return kr_fail(err, KR_EINVAL, "terms: a real-valued model without action, want one");
    }
    if (terms->order == KR_ORDER_VECTOR && terms->n_moments < 2) {
        return kr_fail(err, KR_EINVAL, "terms: a vector order of %d moments, want its two",
                       terms->n_moments);
    }
    KR_TRY(check_locals(terms, err));
    KR_TRY(list_by_site(terms, err));
    terms->is_pair = has_pair_form(terms);
    if (terms->is_pair) {
        int32_t table = terms->n_terms > 0 ? terms->term_table[0] : 0;
        terms->V = terms->table + terms->table_begin[table];
        KR_TRY(list_neighbors(terms, err));
    }
    KR_TRY(find_classes(terms, err));
    terms->is_potts = has_potts_form(terms);
    terms->is_integer = has_integer_energies(terms);
    return KR_OK;
}
