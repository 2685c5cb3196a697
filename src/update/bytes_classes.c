/* SPDX-License-Identifier: GPL-3.0-or-later
 * update/bytes_classes.c - class tables of models with equal couplings: codes whose sum over
 * the neighbors tells the law of a site, and the thresholds of Potts models. */
#include "base/memory.h"
#include "update/bytes_tables.h"

#include <math.h>
#include <string.h>

#define SUM_MAX    (KR_BYTES_CLASSES_MAX - 1)
#define CHECKS_MAX 2000000 /* steps of the search for codes */

/* Search for codes: symbols are the states and, where neighbors lack, one more. */
typedef struct search {
    const kr_bytes_job *job;
    int32_t n_symbols, n_terms; /* neighbors */
    int32_t code[KR_BYTES_SUM_STATES + 1], largest;
    double energy[KR_BYTES_SUM_STATES + 1][KR_BYTES_SUM_STATES]; /* by symbol: E(a) - E(0) */
    double tolerance;
    bool is_known[KR_BYTES_CLASSES_MAX];
    double of_class[KR_BYTES_CLASSES_MAX][KR_BYTES_SUM_STATES];
    int64_t n_checks;
} search;

/* Adds the multisets of n_left more symbols from symbol `from` on, below `end`; false when two
 * with the same sum have different laws. */
static bool add_multisets(search *s, int32_t from, int32_t end, int32_t n_left, int32_t sum,
                          const double *energy)
{
    int32_t q = s->job->q;
    if (n_left == 0) {
        s->n_checks++;
        if (!s->is_known[sum]) {
            s->is_known[sum] = true;
            memcpy(s->of_class[sum], energy, sizeof s->of_class[sum]);
            return true;
        }
        for (int32_t a = 1; a < q; a++) {
            if (fabs(s->of_class[sum][a] - energy[a]) > s->tolerance) {
                return false;
            }
        }
        return true;
    }
    for (int32_t symbol = from; symbol < end; symbol++) {
        double next[KR_BYTES_SUM_STATES] = { 0 };
        for (int32_t a = 1; a < q; a++) {
            next[a] = energy[a] + s->energy[symbol][a];
        }
        if (!add_multisets(s, symbol, end, n_left - 1, sum + s->code[symbol], next)) {
            return false;
        }
    }
    return true;
}

static bool is_consistent(search *s, int32_t n_symbols)
{
    const double none[KR_BYTES_SUM_STATES] = { 0 };
    memset(s->is_known, 0, sizeof s->is_known);
    return add_multisets(s, 0, n_symbols, s->n_terms, 0, none);
}

/* Codes of the symbols from `symbol` on, the largest of all being s->largest. */
static bool extend(search *s, int32_t symbol)
{
    if (symbol == s->n_symbols) {
        return true;
    }
    for (int32_t c = 0; c <= s->largest && s->n_checks < CHECKS_MAX; c++) {
        s->code[symbol] = c;
        if (is_consistent(s, symbol + 1) && extend(s, symbol + 1)) {
            return true;
        }
    }
    return false;
}

static int find_codes(search *s, const kr_bytes_job *job, kr_error *err)
{
    const kr_terms *terms = job->terms;
    size_t q = (size_t)terms->q;
    double J = terms->n_terms > 0 ? terms->J[0] : 0.0, scale = 0.0;
    s->job = job;
    s->n_terms = job->n_slots;
    s->n_symbols = (int32_t)q + (job->rim != NULL);
    for (size_t b = 0; b < q; b++) {
        for (size_t a = 0; a < q; a++) {
            s->energy[b][a] = J * (terms->V[a * q + b] - terms->V[b]);
            scale = fmax(scale, fabs(J * terms->V[a * q + b]));
        }
    }
    s->tolerance = 1e-14 * scale * job->n_slots;
    int32_t n_own = job->kind == KR_LOCAL_METROPOLIS ? terms->q : 1;
    int32_t most = ((SUM_MAX + 1) / n_own - 1) / job->n_slots;
    for (s->largest = 0; s->largest <= most; s->largest++) {
        if (extend(s, 0)) {
            is_consistent(s, s->n_symbols);
            return KR_OK;
        }
    }
    return kr_fail(err, KR_EUNSUP,
                   "%d states and %d neighbors have too many classes of local "
                   "fields, want at most %d that a sum of codes can tell",
                   terms->q, job->n_slots, KR_BYTES_CLASSES_MAX);
}

/* Law of the new state: P(new <= a), a in 0..q-2, given the energies of a class. */
static void cumulate(const kr_bytes_job *job, const double *energy, int32_t old, double *p)
{
    int32_t q = job->q;
    const double *local = job->terms->local;
    double e[KR_BYTES_SUM_STATES], w[KR_BYTES_SUM_STATES], low = INFINITY, total = 0.0;
    for (int32_t a = 0; a < q; a++) {
        e[a] = energy[a] + local[a] - local[0];
        low = fmin(low, e[a]);
    }
    for (int32_t a = 0; a < q; a++) {
        w[a] = job->kind == KR_LOCAL_HEAT_BATH ? exp(-job->beta * (e[a] - low))
               : a != old                      ? fmin(1.0, exp(-job->beta * (e[a] - e[old])))
                                               : 0.0;
        total += w[a];
    }
    if (job->kind == KR_LOCAL_METROPOLIS) {
        w[old] = q - 1 - total;
        total = q - 1;
    }
    double sum = 0.0;
    for (int32_t a = 0; a < q - 1; a++) {
        sum += w[a];
        p[a] = sum / total;
    }
}

static int fill_sum_tables(kr_bytes_job *job, const search *s, kr_error *err)
{
    int32_t q = job->q, n_own = job->has_own ? q : 1, width = job->n_slots * s->largest + 1;
    job->n_classes = n_own * width;
    KR_TRY(kr_bytes_thresholds_alloc(job, q - 1, (job->n_classes + 15) / 16, err));
    for (int32_t old = 0; old < n_own; old++) {
        for (int32_t class = 0; class < width; class ++) {
            double p[KR_BYTES_SUM_STATES];
            if (s->is_known[class]) {
                cumulate(job, s->of_class[class], old, p);
                for (int32_t t = 0; t < q - 1; t++) {
                    kr_bytes_thresholds_set(job, t, old * width + class, p[t]);
                }
            }
        }
    }
    return KR_OK;
}

/* Distinct entries of V. */
static int list_values(kr_bytes_job *job, kr_error *err)
{
    int32_t q = job->q;
    for (int32_t k = 0; k < q * q; k++) {
        int32_t d = 0;
        while (d < job->n_values && job->value[d] != job->terms->V[k]) {
            d++;
        }
        if (d == KR_BYTES_VALUES_MAX) {
            return kr_fail(err, KR_EUNSUP, "more than %d distinct bond energies, want fewer",
                           d);
        }
        job->n_values += d == job->n_values;
        job->value[d] = job->terms->V[k];
        job->value_of[k] = (uint8_t)d;
    }
    for (int32_t a = 0; a < q; a++) {
        job->row_of[a] = (uint8_t)(q * a);
    }
    return KR_OK;
}

/* What absent neighbors add to the class, last row of each record. */
static void fill_absent(kr_bytes_job *job, int32_t code)
{
    size_t record = ((size_t)job->n_slots + 1) * 64;
    for (int32_t v = 0; job->rim && v < job->fold->n_vectors; v++) {
        uint8_t *rows = job->rim[v] >= 0 ? job->present + (size_t)job->rim[v] * record : NULL;
        for (int32_t k = 0; rows && k < job->n_slots * 64; k++) {
            rows[record - 64 + (size_t)(k % 64)] =
                (uint8_t)(rows[record - 64 + (size_t)(k % 64)] + (rows[k] ? 0 : code));
        }
    }
}

int kr_bytes_sum_fill(kr_bytes_job *job, kr_error *err)
{
    if (job->q > KR_BYTES_SUM_STATES) {
        return kr_fail(err, KR_EUNSUP, "%d states, want at most %d, or a Potts model", job->q,
                       KR_BYTES_SUM_STATES);
    }
    KR_TRY(list_values(job, err));
    search *s = kr_alloc(1, sizeof *s, err);
    if (!s) {
        return KR_ENOMEM;
    }
    int status = find_codes(s, job, err);
    if (status == KR_OK) {
        job->has_own = job->kind == KR_LOCAL_METROPOLIS;
        for (int32_t a = 0; a < job->q; a++) {
            job->code[a] = (uint8_t)s->code[a];
            job->is_coded |= s->code[a] != a;
            job->own[a] = (uint8_t)(job->has_own ? a * (job->n_slots * s->largest + 1) : 0);
        }
        fill_absent(job, s->code[s->n_symbols - 1]);
        status = fill_sum_tables(job, s, err);
    }
    kr_free(s);
    return status;
}

/* ---- Potts --------------------------------------------------------------------------------
 */

/* Set partitions of four neighbors as restricted growth strings. */
static int fill_copy(kr_bytes_job *job, double K, kr_error *err)
{
    /* found by search: the sums over equal pairs differ modulo 16 for all 15 partitions */
    static const uint8_t pair[6] = { 12, 8, 11, 3, 2, 1 };
    memcpy(job->pair, pair, sizeof pair);
    KR_TRY(kr_bytes_thresholds_alloc(job, 4, 1, err));
    for (int32_t x = 0; x < 24; x++) {
        int32_t group[4] = { 0, x / 12, x / 4 % 3, x % 4 }, size[4] = { 0 }, class = 0;
        bool is_valid = true;
        for (int32_t k = 0, n_groups = 0; k < 4; k++) {
            is_valid &= group[k] <= n_groups;
            n_groups += group[k] == n_groups;
            size[group[k]]++;
        }
        if (!is_valid) {
            continue;
        }
        for (int32_t a = 0, k = 0; a < 3; a++) {
            for (int32_t b = a + 1; b < 4; b++, k++) {
                class += group[a] == group[b] ? pair[k] : 0;
            }
        }
        int32_t most = size[0];
        for (int32_t g = 1; g < 4; g++) {
            most = size[g] > most ? size[g] : most;
        }
        /* all weights times exp(-K most) */
        double w[4] = { 0 }, total = job->q * exp(-K * most), sum = 0.0;
        for (int32_t k = 3, seen = 0; k >= 0; k--, seen = 0) {
            for (int32_t b = 0; b < k; b++) {
                seen |= group[b] == group[k];
            }
            int32_t n = size[group[k]];
            w[k] = seen ? 0.0 : exp(-K * (most - n)) * -expm1(-K * n);
            total += w[k];
        }
        for (int32_t k = 0; k < 4; k++) {
            sum += w[k];
            kr_bytes_thresholds_set(job, k, class & 15, sum / total);
        }
    }
    return KR_OK;
}

static int fill_one(kr_bytes_job *job, double K, kr_error *err)
{
    bool is_move = job->rule == KR_BYTES_POTTS_MOVE;
    int32_t z = job->n_slots, lowest = is_move ? -z : 0;
    KR_TRY(kr_bytes_thresholds_alloc(job, 1, 1, err));
    for (int32_t n = lowest; n <= z; n++) {
        kr_bytes_thresholds_set(job, 0, n - lowest, fmin(1.0, exp(K * n)));
    }
    for (int32_t n = 0; n <= z; n++) {
        job->weight[n] = exp(K * n);
    }
    return KR_OK;
}

int kr_bytes_potts_fill(kr_bytes_job *job, kr_error *err)
{
    const kr_terms *terms = job->terms;
    double v = terms->V[1] - terms->V[0], J = terms->n_terms > 0 ? terms->J[0] : 0.0;
    double K = job->beta * J * v;
    int32_t most = job->rule == KR_BYTES_POTTS_COPY   ? KR_BYTES_POTTS_SLOTS
                   : job->rule == KR_BYTES_POTTS_MOVE ? 7
                                                      : KR_BYTES_SLOTS_MAX;
    if (job->n_slots > most) {
        return kr_fail(err, KR_EUNSUP, "%d states with %d neighbors of a site, want at most %d",
                       job->q, job->n_slots, most);
    }
    if (job->rim && job->q > 252) {
        return kr_fail(err, KR_EUNSUP, "%d states on an open lattice, want at most 252",
                       job->q);
    }
    job->n_values = 2;
    job->value[0] = terms->V[1];
    job->value[1] = terms->V[0];
    return job->rule == KR_BYTES_POTTS_COPY ? fill_copy(job, K, err) : fill_one(job, K, err);
}
