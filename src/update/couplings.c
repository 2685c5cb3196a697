/* SPDX-License-Identifier: GPL-3.0-or-later
 * update/couplings.c - distinct couplings, and the table of local fields of two-state models.
 */
#include "update/couplings.h"

#include "base/memory.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

static int compare_doubles(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

static int32_t keep_distinct(double *sorted, int64_t n)
{
    int64_t kept = 0;
    for (int64_t k = 0; k < n; k++) {
        if (kept == 0 || sorted[k] != sorted[kept - 1]) {
            sorted[kept++] = sorted[k];
        }
    }
    return (int32_t)kept;
}

int kr_couplings_init(kr_couplings *couplings, const kr_terms *terms, kr_error *err)
{
    int64_t n_ends = terms->neighbor_begin[terms->n_sites];
    memset(couplings, 0, sizeof *couplings);
    couplings->value = kr_alloc((size_t)n_ends, sizeof *couplings->value, err);
    couplings->of = kr_alloc((size_t)n_ends, sizeof *couplings->of, err);
    if (!couplings->value || !couplings->of) {
        kr_couplings_clear(couplings);
        return KR_ENOMEM;
    }
    bool all_equal = true;
    for (int64_t k = 0; k < n_ends; k++) {
        couplings->value[k] = terms->J[k];
        all_equal &= terms->J[k] == terms->J[0];
    }
    if (all_equal) {
        couplings->n = n_ends > 0;
        return KR_OK;
    }
    qsort(couplings->value, (size_t)n_ends, sizeof *couplings->value, compare_doubles);
    couplings->n = keep_distinct(couplings->value, n_ends);
    for (int64_t k = 0; k < n_ends; k++) {
        const double *found = bsearch(&terms->J[k], couplings->value, (size_t)couplings->n,
                                      sizeof *couplings->value, compare_doubles);
        couplings->of[k] = (int32_t)(found - couplings->value);
    }
    return KR_OK;
}

void kr_couplings_clear(kr_couplings *couplings)
{
    kr_free(couplings->value);
    kr_free(couplings->of);
    memset(couplings, 0, sizeof *couplings);
}

static double spread(const double *x, size_t n)
{
    double low = x[0], high = x[0];
    for (size_t a = 1; a < n; a++) {
        low = fmin(low, x[a]);
        high = fmax(high, x[a]);
    }
    return high - low;
}

double kr_couplings_range(const kr_terms *terms)
{
    size_t q = (size_t)terms->q;
    double V_spread = spread(terms->V, q * q), widest = 0.0;
    for (int32_t i = 0; i < terms->n_sites; i++) {
        double sum = spread(terms->local + (size_t)i * q, q);
        for (int64_t k = terms->neighbor_begin[i]; k < terms->neighbor_begin[i + 1]; k++) {
            sum += fabs(terms->J[k]) * V_spread;
        }
        widest = fmax(widest, sum);
    }
    return widest;
}

/* ---- local fields -------------------------------------------------------------------------
 */

enum { DISTINCT_MAX = 12 }; /* 2^12 entries for one site is where tables stop to pay */

/* Sites with equal signature share their entries. */
typedef struct signature {
    double field; /* local[1] - local[0] */
    int32_t n, begin, size;
    int32_t coupling[DISTINCT_MAX], count[DISTINCT_MAX];
} signature;

/* False when the site has too many distinct couplings. */
static bool sign_site(const kr_terms *terms, const kr_couplings *couplings, int32_t i,
                      signature *s)
{
    memset(s, 0, sizeof *s);
    s->field = terms->local[(size_t)i * 2 + 1] - terms->local[(size_t)i * 2];
    s->size = 1;
    for (int64_t k = terms->neighbor_begin[i]; k < terms->neighbor_begin[i + 1]; k++) {
        int32_t c = couplings->of[k], slot = 0;
        while (slot < s->n && s->coupling[slot] < c) {
            slot++;
        }
        if (slot == s->n || s->coupling[slot] != c) {
            if (s->n == DISTINCT_MAX) {
                return false;
            }
            for (int32_t m = s->n++; m > slot; m--) {
                s->coupling[m] = s->coupling[m - 1];
                s->count[m] = s->count[m - 1];
            }
            s->coupling[slot] = c;
            s->count[slot] = 0;
        }
        s->count[slot]++;
    }
    for (int32_t m = 0; m < s->n; m++) {
        int64_t size = (int64_t)s->size * (s->count[m] + 1);
        if (size > KR_LOCAL_FIELDS_MAX) {
            return false;
        }
        s->size = (int32_t)size;
    }
    return true;
}

static bool same_signature(const signature *a, const signature *b)
{
    return a->field == b->field && a->n == b->n &&
           memcmp(a->coupling, b->coupling, sizeof a->coupling) == 0 &&
           memcmp(a->count, b->count, sizeof a->count) == 0;
}

static void fill_entries(kr_local_fields *fields, const kr_terms *terms,
                         const kr_couplings *couplings, const signature *s)
{
    const double *V = terms->V;
    double toward_one = V[3] - V[1], toward_zero = V[2] - V[0]; /* per unit of coupling */
    for (int32_t entry = 0; entry < s->size; entry++) {
        double delta = s->field;
        int32_t rest = entry;
        for (int32_t m = 0; m < s->n; m++) {
            int32_t n_ones = rest % (s->count[m] + 1);
            rest /= s->count[m] + 1;
            delta += couplings->value[s->coupling[m]] *
                     (n_ones * toward_one + (s->count[m] - n_ones) * toward_zero);
        }
        fields->delta[s->begin + entry] = delta;
    }
}

static void set_strides(kr_local_fields *fields, const kr_terms *terms,
                        const kr_couplings *couplings, int32_t i, const signature *s)
{
    for (int64_t k = terms->neighbor_begin[i]; k < terms->neighbor_begin[i + 1]; k++) {
        int32_t stride = 1;
        for (int32_t m = 0; s->coupling[m] != couplings->of[k]; m++) {
            stride *= s->count[m] + 1;
        }
        fields->stride[k] = stride;
    }
    fields->base[i] = s->begin;
}

int kr_local_fields_init(kr_local_fields *fields, const kr_terms *terms,
                         const kr_couplings *couplings, kr_error *err)
{
    enum { SIGNATURES_MAX = KR_LOCAL_FIELDS_MAX / 2 };
    memset(fields, 0, sizeof *fields);
    size_t n_ends = (size_t)terms->neighbor_begin[terms->n_sites];
    fields->base = kr_alloc((size_t)terms->n_sites, sizeof *fields->base, err);
    fields->stride = kr_alloc(n_ends, sizeof *fields->stride, err);
    fields->delta = kr_alloc(KR_LOCAL_FIELDS_MAX, sizeof *fields->delta, err);
    size_t most = (size_t)terms->n_sites < SIGNATURES_MAX ? (size_t)terms->n_sites
                                                          : (size_t)SIGNATURES_MAX;
    signature *known = kr_alloc(most, sizeof *known, err);
    if (!fields->base || !fields->stride || !fields->delta || !known) {
        kr_free(known);
        kr_local_fields_clear(fields);
        return KR_ENOMEM;
    }
    size_t n_known = 0, at = 0;
    bool fits = true;
    for (int32_t i = 0; i < terms->n_sites && fits; i++) {
        signature s;
        fits = sign_site(terms, couplings, i, &s);
        if (n_known > 0 && !same_signature(&known[at], &s)) {
            for (at = 0; at < n_known && !same_signature(&known[at], &s); at++) {
            }
        }
        if (fits && at == n_known) {
            s.begin = fields->n;
            fits = n_known < most && fields->n + s.size <= KR_LOCAL_FIELDS_MAX;
            if (fits) {
                known[n_known++] = s;
                fields->n += s.size;
                fill_entries(fields, terms, couplings, &s);
            }
        }
        if (fits) {
            set_strides(fields, terms, couplings, i, &known[at]);
        }
    }
    kr_free(known);
    if (!fits) {
        kr_local_fields_clear(fields);
    }
    return KR_OK;
}

void kr_local_fields_clear(kr_local_fields *fields)
{
    kr_free(fields->base);
    kr_free(fields->stride);
    kr_free(fields->delta);
    memset(fields, 0, sizeof *fields);
}
