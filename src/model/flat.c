/* SPDX-License-Identifier: GPL-3.0-or-later
 * model/flat.c - weights over the energy: which energies a model has, and the empty table.
 *
 * Levels: moving one site from state 0 to a changes H by a sum over its terms that depends on
 * the other sites of each term. All energies differ by multiples of the greatest common divisor
 * of these changes; the square Ising lattice has 4, not 2. */
#include "model/flat.h"

#include "base/memory.h"
#include "model/terms.h"

#include <math.h>

#define LOG_SCALED_MAX 300.0 /* ratios of two neither over- nor underflow */

static int64_t divisor(int64_t a, int64_t b)
{
    a = a < 0 ? -a : a;
    b = b < 0 ? -b : b;
    while (b) {
        int64_t rest = a % b;
        a = b;
        b = rest;
    }
    return a;
}

/* Pair models with integer energies: the divisor of all changes by one site. */
static int64_t pair_spacing(const kr_terms *t)
{
    const size_t q = (size_t)t->q;
    int64_t second = 0, spacing = 0; /* of V[a][b] - V[a][0] - V[0][b] + V[0][0] */
    for (size_t a = 0; a < q; a++) {
        for (size_t b = 0; b < q; b++) {
            double d = t->V[a * q + b] - t->V[a * q] - t->V[b] + t->V[0];
            second = divisor(second, llround(d));
        }
    }
    for (int32_t i = 0; i < t->n_sites; i++) {
        double sum_j = 0.0;
        for (int64_t k = t->neighbor_begin[i]; k < t->neighbor_begin[i + 1]; k++) {
            spacing = divisor(spacing, llround(t->J[k]) * second);
            sum_j += t->J[k];
        }
        const double *local = t->local + (size_t)i * q;
        for (size_t a = 1; a < q; a++) {
            double d = sum_j * (t->V[a * q] - t->V[0]) + local[a] - local[0];
            spacing = divisor(spacing, llround(d));
        }
    }
    return spacing;
}

/* Any terms: the divisor of the changes of single energies. */
static int64_t term_spacing(const kr_terms *t)
{
    int64_t spacing = 0;
    for (int64_t k = 0; k < t->n_terms; k++) {
        const double *e = t->table + t->table_begin[t->term_table[k]];
        size_t n = t->table_begin[t->term_table[k] + 1] - t->table_begin[t->term_table[k]];
        for (size_t m = 1; m < n; m++) {
            spacing = divisor(spacing, llround(t->coupling[k] * (e[m] - e[0])));
        }
    }
    for (int32_t i = 0; i < t->n_sites; i++) {
        const double *local = t->local + (size_t)i * (size_t)t->q;
        for (int32_t a = 1; a < t->q; a++) {
            spacing = divisor(spacing, llround(local[a] - local[0]));
        }
    }
    return spacing;
}

static void add_span(kr_flat_span *span, const double *energy, size_t n, double coupling)
{
    double low = INFINITY, high = -INFINITY, sum = 0.0;
    for (size_t m = 0; m < n; m++) {
        low = fmin(low, coupling * energy[m]);
        high = fmax(high, coupling * energy[m]);
        sum += coupling * energy[m];
    }
    span->lowest += low;
    span->highest += high;
    span->mean += sum / (double)n;
}

void kr_flat_measure(const kr_terms *terms, kr_flat_span *span)
{
    *span = (kr_flat_span){ 0 };
    for (int64_t k = 0; k < terms->n_terms; k++) {
        size_t begin = terms->table_begin[terms->term_table[k]];
        size_t n = terms->table_begin[terms->term_table[k] + 1] - begin;
        add_span(span, terms->table + begin, n, terms->coupling[k]);
    }
    double level = 0.0;
    for (int32_t i = 0; i < terms->n_sites; i++) {
        const double *local = terms->local + (size_t)i * (size_t)terms->q;
        add_span(span, local, (size_t)terms->q, 1.0);
        level += local[0];
    }
    for (int64_t k = 0; k < terms->n_terms; k++) {
        level += terms->coupling[k] * terms->table[terms->table_begin[terms->term_table[k]]];
    }
    span->level = level;
    if (terms->is_integer) {
        span->spacing = (double)(terms->is_pair ? pair_spacing(terms) : term_spacing(terms));
    }
}

static int32_t default_bins(const kr_terms *terms)
{
    return terms->n_sites < 32 ? 32 : terms->n_sites > 2048 ? 2048 : terms->n_sites;
}

int kr_flat_init(kr_flat_weights *flat, const kr_terms *terms, double from, double to,
                 double width, double beta, kr_error *err)
{
    kr_flat_span span;
    *flat = (kr_flat_weights){ .beta_low = beta, .beta_high = beta };
    kr_flat_measure(terms, &span);
    double e_max = to;
    if (width == 0.0 && span.spacing > 0.0) { /* a hair wider, so that both ends are in */
        flat->is_level = true;
        flat->width = span.spacing;
        flat->e_min =
            span.level + span.spacing * ceil((from - span.level) / span.spacing - 1e-6);
        e_max = span.level + span.spacing * floor((to - span.level) / span.spacing + 1e-6);
    } else {
        flat->width = width > 0.0 ? width : (to - from) / default_bins(terms);
        flat->e_min = from;
    }
    double n = floor((e_max - flat->e_min) / flat->width + 1e-6) + 1.0;
    if (!(n >= 2.0 && n <= KR_FLAT_BINS_MAX)) {
        return kr_fail(err, KR_ERANGE, "%.0f energy %s of width %g from %g to %g, want 2..%d",
                       n > 0.0 ? n : 0.0, flat->is_level ? "levels" : "bins", flat->width, from,
                       to, KR_FLAT_BINS_MAX);
    }
    flat->n_bins = (int32_t)n;
    flat->inverse_width = 1.0 / flat->width;
    flat->log_w = kr_alloc((size_t)flat->n_bins, sizeof *flat->log_w, err);
    flat->scaled = kr_alloc(kr_flat_scaled_size(flat), sizeof *flat->scaled, err);
    if (!flat->log_w || !flat->scaled) {
        return KR_ENOMEM;
    }
    for (int32_t k = 0; k < flat->n_bins; k++) {
        flat->log_w[k] = -beta * flat->width * k;
    }
    kr_flat_refresh(flat);
    return KR_OK;
}

/* Segments of 4 R bins about every multiple of 2 R; bin k' of the one about c = 2 R j is entry
 * 4 R j + k' - c + 2 R = 2 R j + 2 R + k'. */
size_t kr_flat_scaled_size(const kr_flat_weights *flat)
{
    enum { SPAN = 2 * KR_FLAT_REACH };
    return 2 * ((size_t)flat->n_bins + 2 * SPAN);
}

void kr_flat_refresh(kr_flat_weights *flat)
{
    enum { SPAN = 2 * KR_FLAT_REACH };
    flat->has_scaled = flat->is_level;
    for (int32_t c = 0; c < flat->n_bins + KR_FLAT_REACH && flat->is_level; c += SPAN) {
        int32_t about = c < flat->n_bins ? c : flat->n_bins - 1;
        for (int32_t k = c - SPAN; k < c + SPAN; k++) {
            if (k >= 0 && k < flat->n_bins) {
                double x = flat->log_w[k] - flat->log_w[about];
                flat->scaled[(size_t)(c + SPAN + k)] = exp(x);
                flat->has_scaled = flat->has_scaled && fabs(x) < LOG_SCALED_MAX;
            }
        }
    }
}

void kr_flat_clear(kr_flat_weights *flat)
{
    kr_free(flat->log_w);
    kr_free(flat->scaled);
    *flat = (kr_flat_weights){ 0 };
}
