/* SPDX-License-Identifier: GPL-3.0-or-later
 * density/skip.c - the exact local field of the sites already drawn, read off the terms. */
#include "density/skip.h"

#include "base/memory.h"

#include <math.h>

bool kr_skip_supports(const kr_terms *terms, const char *name, kr_error *why)
{
    if (!terms->is_pair) {
        kr_fail(
            why, KR_EUNSUP,
            "%s: the model is not a pair model with one table, want H = sum J_ij V[s_i][s_j] "
            "+ sum_i local[i][s_i]",
            name);
        return false;
    }
    if (terms->q < 2) {
        kr_fail(why, KR_EUNSUP, "%s: q = %d, want 2 or more states", name, terms->q);
        return false;
    }
    return true;
}

static bool is_earlier(const int32_t *rank, int32_t j, int32_t i)
{
    return rank ? rank[j] < rank[i] : j < i;
}

/* Calls of one walk over the earlier neighbors of all sites, bonds of a pair merged. Their
 * number is the same in every order. */
static int64_t count_earlier(const kr_terms *terms)
{
    int64_t n = 0;
    for (int32_t i = 0; i < terms->n_sites; i++) {
        int32_t last = -1;
        for (int64_t k = terms->neighbor_begin[i]; k < terms->neighbor_begin[i + 1]; k++) {
            n += terms->neighbor[k] < i && terms->neighbor[k] != last;
            last = terms->neighbor[k];
        }
    }
    return n;
}

static int32_t n_logits(const kr_terms *terms)
{
    return terms->q == 2 ? 1 : terms->q;
}

size_t kr_skip_bytes(const kr_terms *terms)
{
    size_t n = (size_t)count_earlier(terms), N = (size_t)terms->n_sites;
    size_t logits = (size_t)n_logits(terms);
    return n * (sizeof(int32_t) + sizeof(double) + logits * (size_t)terms->q * sizeof(float)) +
           N * (sizeof(int64_t) + logits * (sizeof(double) + sizeof(float)));
}

static void read_neighbors(kr_skip *skip, const kr_terms *terms, const int32_t *rank)
{
    int64_t n = 0;
    for (int32_t i = 0; i < terms->n_sites; i++) {
        skip->begin[i] = n;
        for (int64_t k = terms->neighbor_begin[i]; k < terms->neighbor_begin[i + 1]; k++) {
            int32_t j = terms->neighbor[k];
            if (!is_earlier(rank, j, i)) {
                continue;
            }
            if (n > skip->begin[i] && skip->neighbor[n - 1] == j) {
                skip->J[n - 1] += terms->J[k];
            } else {
                skip->neighbor[n] = j;
                skip->J[n++] = terms->J[k];
            }
        }
    }
    skip->begin[terms->n_sites] = n;
}

static void read_tables(kr_skip *skip, const kr_terms *terms)
{
    int32_t q = terms->q;
    for (int32_t b = 0; b < q; b++) {
        if (q == 2) {
            skip->V[b] = terms->V[b] - terms->V[q + b];
            continue;
        }
        for (int32_t a = 0; a < q; a++) {
            skip->V[a * q + b] = -terms->V[a * q + b];
        }
    }
    for (int32_t i = 0; i < terms->n_sites; i++) {
        const double *local = terms->local + (size_t)i * (size_t)q;
        if (q == 2) {
            skip->local[i] = local[0] - local[1];
            continue;
        }
        for (int32_t a = 0; a < q; a++) {
            skip->local[(size_t)i * (size_t)q + (size_t)a] = -local[a];
        }
    }
}

int kr_skip_init(kr_skip *skip, const kr_terms *terms, const int32_t *rank, double beta,
                 kr_error *err)
{
    size_t N = (size_t)terms->n_sites, n = (size_t)count_earlier(terms);
    *skip =
        (kr_skip){ .n_sites = terms->n_sites,
                   .q = terms->q,
                   .n_logits = n_logits(terms),
                   .is_odd = terms->q == 2 && terms->state_class[0] == terms->state_class[1] };
    size_t logits = (size_t)skip->n_logits, q = (size_t)terms->q;
    skip->begin = kr_alloc(N + 1, sizeof *skip->begin, err);
    skip->neighbor = kr_alloc(n, sizeof *skip->neighbor, err);
    skip->J = kr_alloc(n, sizeof *skip->J, err);
    skip->local = kr_alloc(N * logits, sizeof *skip->local, err);
    skip->V = kr_alloc(logits * q, sizeof *skip->V, err);
    skip->constant = kr_alloc(N * logits, sizeof *skip->constant, err);
    skip->table = kr_alloc(n * logits * q, sizeof *skip->table, err);
    int status = KR_ENOMEM;
    if (skip->begin && skip->neighbor && skip->J && skip->local && skip->V && skip->constant &&
        skip->table) {
        read_neighbors(skip, terms, rank);
        read_tables(skip, terms);
        status = kr_skip_prepare(skip, beta, err);
    }
    if (status != KR_OK) {
        kr_skip_clear(skip);
    }
    return status;
}

void kr_skip_clear(kr_skip *skip)
{
    kr_free(skip->table);
    kr_free(skip->constant);
    kr_free(skip->V);
    kr_free(skip->local);
    kr_free(skip->J);
    kr_free(skip->neighbor);
    kr_free(skip->begin);
    *skip = (kr_skip){ .n_sites = 0 };
}

int kr_skip_prepare(kr_skip *skip, double beta, kr_error *err)
{
    if (!isfinite(beta)) {
        return kr_fail(err, KR_EINVAL, "beta = %g, want a finite number", beta);
    }
    skip->beta = beta;
    size_t logits = (size_t)skip->n_logits, q = (size_t)skip->q;
    for (size_t x = 0; x < (size_t)skip->n_sites * logits; x++) {
        skip->constant[x] = (float)(beta * skip->local[x]);
    }
    size_t n = (size_t)skip->begin[skip->n_sites];
    for (size_t k = 0; k < n; k++) {
        for (size_t x = 0; x < logits * q; x++) {
            skip->table[k * logits * q + x] = (float)(beta * skip->J[k] * skip->V[x]);
        }
    }
    return KR_OK;
}

void kr_skip_add(const kr_skip *skip, int32_t i, int32_t n_lanes, int32_t stride,
                 const uint8_t *state, float *z)
{
    size_t logits = (size_t)skip->n_logits, q = (size_t)skip->q;
    for (size_t a = 0; a < logits; a++) {
        float *restrict out = z + a * (size_t)stride;
        float constant = skip->constant[(size_t)i * logits + a];
        for (int32_t l = 0; l < n_lanes; l++) {
            out[l] += constant;
        }
        for (int64_t k = skip->begin[i]; k < skip->begin[i + 1]; k++) {
            const float *table = skip->table + ((size_t)k * logits + a) * q;
            const uint8_t *restrict s = state + (size_t)skip->neighbor[k] * (size_t)stride;
            if (q == 2) {
                float zero = table[0], one = table[1];
                for (int32_t l = 0; l < n_lanes; l++) {
                    out[l] += s[l] ? one : zero;
                }
            } else {
                for (int32_t l = 0; l < n_lanes; l++) {
                    out[l] += table[s[l]];
                }
            }
        }
    }
}
