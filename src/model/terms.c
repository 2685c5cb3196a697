/* SPDX-License-Identifier: GPL-3.0-or-later
 * model/terms.c - energies, local energies, symmetries and order of a Hamiltonian as data. */
#include "model/terms.h"

#include "base/memory.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* Index into the term's table of the states of its sites. */
static size_t table_index(const kr_terms *terms, int64_t t, const uint8_t *state, size_t step)
{
    size_t index = 0;
    for (int64_t k = terms->term_begin[t]; k < terms->term_begin[t + 1]; k++) {
        index = index * (size_t)terms->q + state[(size_t)terms->term_site[k] * step];
    }
    return index;
}

double kr_terms_energy(const kr_terms *terms, const uint8_t *state, size_t step)
{
    double energy = 0.0;
    size_t q = (size_t)terms->q;
    if (terms->is_pair) {
        for (int64_t t = 0; t < terms->n_terms; t++) {
            size_t i = (size_t)terms->term_site[2 * t], j = (size_t)terms->term_site[2 * t + 1];
            energy += terms->coupling[t] * terms->V[state[i * step] * q + state[j * step]];
        }
    } else {
        for (int64_t t = 0; t < terms->n_terms; t++) {
            const double *table = terms->table + terms->table_begin[terms->term_table[t]];
            energy += terms->coupling[t] * table[table_index(terms, t, state, step)];
        }
    }
    if (terms->has_local) {
        for (size_t i = 0; i < (size_t)terms->n_sites; i++) {
            energy += terms->local[i * q + state[i * step]];
        }
    } else {
        for (size_t i = 0; i < (size_t)terms->n_sites; i++) {
            energy += terms->local[i * q];
        }
    }
    return energy;
}

/* energy (n_lanes) grows by row[a * q + b]. */
static void add_pair(const double *row, size_t q, const uint8_t *a, const uint8_t *b,
                     int32_t n_lanes, double *restrict energy)
{
    for (int32_t l = 0; l < n_lanes; l++) {
        energy[l] += row[a[l] * q + b[l]];
    }
}

void kr_terms_energies(const kr_terms *terms, const uint8_t *state, size_t stride,
                       int32_t n_lanes, double *energy)
{
    enum { FEW = 4 }; /* states up to which a term's table of products is worth making */
    const size_t q = (size_t)terms->q;
    double product[FEW * FEW];
    if (!terms->is_pair || q > FEW) {
        for (int32_t l = 0; l < n_lanes; l++) {
            energy[l] = kr_terms_energy(terms, state + l, stride);
        }
        return;
    }
    memset(energy, 0, (size_t)n_lanes * sizeof *energy);
    for (int64_t t = 0; t < terms->n_terms; t++) {
        for (size_t k = 0; k < q * q; k++) {
            product[k] = terms->coupling[t] * terms->V[k];
        }
        add_pair(product, q, state + (size_t)terms->term_site[2 * t] * stride,
                 state + (size_t)terms->term_site[2 * t + 1] * stride, n_lanes, energy);
    }
    for (size_t i = 0; i < (size_t)terms->n_sites; i++) {
        const double *local = terms->local + i * q;
        for (int32_t l = 0; l < n_lanes; l++) {
            energy[l] += terms->has_local ? local[state[i * stride + (size_t)l]] : local[0];
        }
    }
}

void kr_terms_score(const kr_terms *terms, const void *state, size_t stride, int32_t n_lanes,
                    double *energy)
{
    if (terms->action) {
        terms->action->energy(terms->action->self, n_lanes, state, stride, energy);
    } else {
        kr_terms_energies(terms, state, stride, n_lanes, energy);
    }
}

static int32_t last_site(const kr_terms *terms, int64_t t)
{
    int32_t last = 0;
    for (int64_t l = terms->term_begin[t]; l < terms->term_begin[t + 1]; l++) {
        last = terms->term_site[l] > last ? terms->term_site[l] : last;
    }
    return last;
}

/* Each term is counted at its last site. */
double kr_terms_tail_energy(const kr_terms *terms, const uint8_t *state, size_t step, int32_t k)
{
    double energy = 0.0;
    size_t q = (size_t)terms->q;
    for (int32_t i = k; i < terms->n_sites; i++) {
        size_t a = state[(size_t)i * step];
        energy += terms->local[(size_t)i * q + a];
        if (terms->is_pair) {
            const double *row = terms->V + a * q;
            for (int64_t m = terms->neighbor_begin[i];
                 m < terms->neighbor_begin[i + 1] && terms->neighbor[m] < i; m++) {
                energy += terms->J[m] * row[state[(size_t)terms->neighbor[m] * step]];
            }
            continue;
        }
        for (int64_t m = terms->site_begin[i]; m < terms->site_begin[i + 1]; m++) {
            int64_t t = terms->site_term[m];
            const double *table = terms->table + terms->table_begin[terms->term_table[t]];
            if (last_site(terms, t) == i) {
                energy += terms->coupling[t] * table[table_index(terms, t, state, step)];
            }
        }
    }
    return energy;
}

void kr_terms_local(const kr_terms *terms, const uint8_t *state, int32_t i, double *e)
{
    size_t q = (size_t)terms->q;
    memcpy(e, terms->local + (size_t)i * q, q * sizeof *e);
    if (terms->is_pair) {
        for (int64_t k = terms->neighbor_begin[i]; k < terms->neighbor_begin[i + 1]; k++) {
            const double *row = terms->V + state[terms->neighbor[k]] * q;
            for (size_t a = 0; a < q; a++) {
                e[a] += terms->J[k] * row[a];
            }
        }
        return;
    }
    for (int64_t k = terms->site_begin[i]; k < terms->site_begin[i + 1]; k++) {
        int64_t t = terms->site_term[k];
        const double *table = terms->table + terms->table_begin[terms->term_table[t]];
        size_t index = 0, stride = 0; /* stride: of the digit that belongs to i */
        for (int64_t l = terms->term_begin[t]; l < terms->term_begin[t + 1]; l++) {
            bool is_i = terms->term_site[l] == i;
            index = index * q + (is_i ? 0 : state[terms->term_site[l]]);
            stride = is_i ? 1 : stride * q;
        }
        for (size_t a = 0; a < q; a++) {
            e[a] += terms->coupling[t] * table[index + a * stride];
        }
    }
}

/* ---- symmetries ---------------------------------------------------------------------------
 */

typedef struct coupled { /* one bond end, seen from a site */
    int32_t neighbor;
    double J;
} coupled;

static int compare_coupled(const void *a, const void *b)
{
    const coupled *x = a, *y = b;
    if (x->neighbor != y->neighbor) {
        return x->neighbor < y->neighbor ? -1 : 1;
    }
    return (x->J > y->J) - (x->J < y->J);
}

/* Sorted bond ends of site i with neighbors mapped by image (NULL: as they are). */
static int64_t bond_ends(const kr_terms *terms, int32_t i, const int32_t *image, coupled *out)
{
    int64_t begin = terms->neighbor_begin[i], degree = terms->neighbor_begin[i + 1] - begin;
    for (int64_t k = 0; k < degree; k++) {
        int32_t j = terms->neighbor[begin + k];
        out[k] = (coupled){ image ? image[j] : j, terms->J[begin + k] };
    }
    if (degree > 32) {
        qsort(out, (size_t)degree, sizeof *out, compare_coupled);
        return degree;
    }
    for (int64_t k = 1; k < degree; k++) {
        coupled x = out[k];
        int64_t at = k;
        for (; at > 0 && compare_coupled(&out[at - 1], &x) > 0; at--) {
            out[at] = out[at - 1];
        }
        out[at] = x;
    }
    return degree;
}

static bool maps_pairs(const kr_terms *terms, const int32_t *image)
{
    int64_t largest = 0;
    for (int32_t i = 0; i < terms->n_sites; i++) {
        int64_t degree = terms->neighbor_begin[i + 1] - terms->neighbor_begin[i];
        largest = degree > largest ? degree : largest;
    }
    coupled *here = kr_alloc((size_t)largest, sizeof *here, NULL);
    coupled *there = kr_alloc((size_t)largest, sizeof *there, NULL);
    bool same = here && there;
    for (int32_t i = 0; same && i < terms->n_sites; i++) {
        int64_t degree = bond_ends(terms, i, image, here);
        int64_t k = 0;
        if (bond_ends(terms, image[i], NULL, there) == degree) {
            while (k < degree && !compare_coupled(&here[k], &there[k])) {
                k++;
            }
        } else {
            k = -1;
        }
        same = k == degree;
    }
    kr_free(there);
    kr_free(here);
    return same;
}

typedef struct term { /* comparable form of a term */
    int32_t table;
    int32_t site[KR_ARITY_MAX];
    double coupling;
} term;

static int compare_terms(const void *a, const void *b)
{
    const term *x = a, *y = b;
    if (x->table != y->table) {
        return x->table < y->table ? -1 : 1;
    }
    for (int k = 0; k < KR_ARITY_MAX; k++) {
        if (x->site[k] != y->site[k]) {
            return x->site[k] < y->site[k] ? -1 : 1;
        }
    }
    return (x->coupling > y->coupling) - (x->coupling < y->coupling);
}

/* True when exchanging any two adjacent sites of a term leaves the table unchanged. */
static bool is_symmetric_table(const kr_terms *terms, int32_t index)
{
    size_t q = (size_t)terms->q, stride = 1;
    const double *table = terms->table + terms->table_begin[index];
    size_t n = terms->table_begin[index + 1] - terms->table_begin[index];
    for (int32_t k = 0; k + 1 < terms->table_arity[index]; k++, stride *= q) {
        for (size_t x = 0; x < n; x++) {
            size_t low = x / stride % q, high = x / (stride * q) % q;
            size_t y = x - low * stride - high * stride * q + high * stride + low * stride * q;
            if (table[x] != table[y]) {
                return false;
            }
        }
    }
    return true;
}

static void sorted_terms(const kr_terms *terms, const int32_t *image, const uint8_t *symmetric,
                         term *out)
{
    for (int64_t t = 0; t < terms->n_terms; t++) {
        term *x = &out[t];
        *x = (term){ .table = terms->term_table[t], .coupling = terms->coupling[t] };
        int32_t n = 0;
        for (int64_t k = terms->term_begin[t]; k < terms->term_begin[t + 1]; k++) {
            int32_t site = terms->term_site[k], at = n++;
            site = image ? image[site] : site;
            while (symmetric[x->table] && at > 0 && x->site[at - 1] > site) {
                x->site[at] = x->site[at - 1];
                at--;
            }
            x->site[at] = site;
        }
    }
    qsort(out, (size_t)terms->n_terms, sizeof *out, compare_terms);
}

static bool maps_terms(const kr_terms *terms, const int32_t *image)
{
    uint8_t *symmetric = kr_alloc((size_t)terms->n_tables, 1, NULL);
    term *here = kr_alloc((size_t)terms->n_terms, sizeof *here, NULL);
    term *there = kr_alloc((size_t)terms->n_terms, sizeof *there, NULL);
    bool same = symmetric && here && there;
    if (same) {
        for (int32_t x = 0; x < terms->n_tables; x++) {
            symmetric[x] = is_symmetric_table(terms, x);
        }
        sorted_terms(terms, image, symmetric, here);
        sorted_terms(terms, NULL, symmetric, there);
        for (int64_t t = 0; same && t < terms->n_terms; t++) {
            same = !compare_terms(&here[t], &there[t]);
        }
    }
    kr_free(there);
    kr_free(here);
    kr_free(symmetric);
    return same;
}

bool kr_terms_is_symmetry(const kr_terms *terms, const int32_t *image)
{
    size_t n = (size_t)terms->n_sites, q = (size_t)terms->q;
    uint8_t *seen = kr_alloc(n, 1, NULL);
    bool is_symmetry = seen != NULL;
    for (size_t i = 0; is_symmetry && i < n; i++) {
        is_symmetry = image[i] >= 0 && (size_t)image[i] < n && !seen[image[i]];
        for (size_t a = 0; is_symmetry && a < q; a++) {
            is_symmetry = terms->local[i * q + a] == terms->local[(size_t)image[i] * q + a];
        }
        if (is_symmetry) {
            seen[image[i]] = 1;
        }
    }
    kr_free(seen);
    return is_symmetry &&
           (terms->is_pair ? maps_pairs(terms, image) : maps_terms(terms, image));
}

/* ---- order --------------------------------------------------------------------------------
 */

double kr_terms_moment(const kr_terms *terms, int32_t k, const int64_t *count)
{
    double sum = 0.0;
    for (int32_t a = 0; a < terms->q; a++) {
        sum += (double)count[a] * terms->moment[k].value[a];
    }
    return sum / terms->n_sites;
}

double kr_terms_magnetization(const kr_terms *terms, const int64_t *count)
{
    if (terms->order == KR_ORDER_VECTOR) {
        return hypot(kr_terms_moment(terms, 0, count), kr_terms_moment(terms, 1, count));
    }
    double n = terms->n_sites, sum = 0.0;
    int64_t most = 0;
    for (int32_t a = 0; a < terms->q; a++) {
        most = count[a] > most ? count[a] : most;
        sum += (double)count[a] * terms->value[a];
    }
    if (terms->order == KR_ORDER_POTTS) {
        return (terms->q * (double)most - n) / (n * (terms->q - 1));
    }
    return sum / n;
}

double kr_terms_order(const kr_terms *terms, const int64_t *count)
{
    if (terms->order != KR_ORDER_QUADRUPOLE) {
        return kr_terms_magnetization(terms, count);
    }
    double sum = 0.0;
    for (int32_t a = 0; a < terms->q; a++) {
        sum += (double)count[a] * terms->value[a] * terms->value[a];
    }
    return sum / terms->n_sites;
}

bool kr_terms_has_clusters(const kr_terms *terms)
{
    if (terms->action || !terms->is_pair || !terms->is_potts || terms->has_local) {
        return false;
    }
    for (int64_t k = 0; k < terms->neighbor_begin[terms->n_sites]; k++) {
        if (terms->J[k] < 0.0) {
            return false;
        }
    }
    return true;
}

int32_t kr_terms_phase(const kr_terms *terms, double order)
{
    for (int32_t p = 0; p < terms->n_phases; p++) {
        if (order >= terms->phase[p].from && order <= terms->phase[p].to) {
            return p;
        }
    }
    return -1;
}
