/* SPDX-License-Identifier: GPL-3.0-or-later
 * analysis/summary_chains.c - which chains move, and which only seem to.
 *
 * A chain can change sites at every step and still go nowhere: in a fixed order of sites,
 * Metropolis flips every site that has no local field, and from diagonal stripes it goes round
 * in a cycle of two configurations. Its energy then never changes, which no R-hat over equal
 * chains can show. */
#include "analysis/summary.h"

#include "base/memory.h"

#include <math.h>

#define MOVES_EXPECTED 20.0 /* a chain that moves like the others stays put with exp(-20) */

/* lp is a running sum; its rounding is no move. */
static bool is_same(double a, double b)
{
    return fabs(a - b) <= 1e-12 * (1.0 + fabs(a));
}

/* Counts the moves of a chain within a piece; *last is the draw before it, NaN at the begin. */
static void count_moves(const kr_series *lp, int64_t p, int64_t c, kr_chain_row *row,
                        double *last)
{
    const double *x = lp->value + c * lp->n * lp->n_points + p;
    if (lp->begin == 0) {
        row->lp = x[0];
        row->n_moves = 0.0;
    }
    for (int64_t t = lp->begin == 0; t < lp->n; t++) {
        const double before = t > 0 ? x[(t - 1) * lp->n_points] : *last;
        row->n_moves += !is_same(before, x[t * lp->n_points]);
    }
    *last = x[(lp->n - 1) * lp->n_points];
}

static int read_moves(kr_reader *reader, kr_summary *s, kr_series *lp, kr_error *err)
{
    const int64_t n = s->n_points * s->n_chains;
    double *last = kr_alloc((size_t)n, sizeof *last, err);
    double *beta = kr_alloc((size_t)s->n_points, sizeof *beta, err);
    int status = last && beta ? kr_series_next(lp, err) : KR_ENOMEM;
    for (int64_t p = 0; beta && p < s->n_points; p++) {
        beta[p] = kr_series_constant(reader, "constant_data", "beta", p);
    }
    while (status == KR_OK && lp->n > 0) {
        for (int64_t k = 0; k < n; k++) {
            const int64_t p = k / s->n_chains;
            if (beta[p] > 0.0) { /* at 0 every energy has the same weight: lp tells nothing */
                count_moves(lp, p, k % s->n_chains, &s->chain[k], &last[k]);
            }
        }
        status = kr_series_next(lp, err);
    }
    kr_free(beta);
    kr_free(last);
    return status;
}

int kr_summary_chains(kr_reader *reader, kr_summary *s, kr_error *err)
{
    const size_t n = (size_t)(s->n_points * s->n_chains);
    s->chain = kr_alloc(n, sizeof *s->chain, err);
    if (!s->chain) {
        return KR_ENOMEM;
    }
    for (size_t k = 0; k < n; k++) {
        s->chain[k].lp = s->chain[k].n_moves = NAN;
    }
    if (!kr_series_exists(reader, "sample_stats", "lp")) {
        return KR_OK;
    }
    kr_series lp;
    int status = kr_series_open(reader, "sample_stats", "lp", &lp, err);
    if (status == KR_OK && lp.n_draws == s->n_draws && lp.n_chains == s->n_chains &&
        lp.n_points == s->n_points) {
        status = read_moves(reader, s, &lp, err);
    }
    kr_series_clear(&lp);
    return status;
}

int64_t kr_summary_frozen(const kr_summary *s, int64_t point, int64_t *n_cycling)
{
    const kr_chain_row *chain = s->chain + point * s->n_chains;
    double n_moves = 0.0;
    bool differ = false;
    for (int64_t c = 0; c < s->n_chains; c++) {
        n_moves += chain[c].n_moves;
        differ = differ || !is_same(chain[0].lp, chain[c].lp);
    }
    /* where all chains keep the same energy it may be that of the ground states, or of a model
     * without interactions: then only a cycle tells */
    bool others_move = n_moves >= MOVES_EXPECTED * (double)s->n_chains;
    bool none_moves = n_moves == 0.0;
    int64_t n = 0;
    *n_cycling = 0;
    for (int64_t c = 0; c < s->n_chains; c++) {
        bool is_constant = chain[c].n_moves == 0.0 && chain[c].has_changed;
        bool is_cycling = chain[c].accepts_all && chain[c].n_values <= 2;
        n += is_constant && (is_cycling || others_move || (none_moves && differ));
        *n_cycling += is_constant && is_cycling;
    }
    return n;
}
