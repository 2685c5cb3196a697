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

int kr_summary_chains(kr_reader *reader, kr_summary *s, kr_error *err)
{
    kr_series lp = { 0 };
    int64_t n_points = s->n_points, n_draws = s->n_draws;
    s->chain = kr_alloc((size_t)(n_points * s->n_chains), sizeof *s->chain, err);
    int status = s->chain ? KR_OK : KR_ENOMEM;
    if (status == KR_OK && kr_series_exists(reader, "sample_stats", "lp")) {
        status = kr_series_load(reader, "sample_stats", "lp", &lp, err);
    }
    bool is_known = status == KR_OK && n_draws > 0 && lp.n_draws == n_draws &&
                    lp.n_chains == s->n_chains && lp.n_points == n_points;
    for (int64_t k = 0; status == KR_OK && k < n_points * s->n_chains; k++) {
        int64_t p = k / s->n_chains, c = k % s->n_chains;
        kr_chain_row *row = &s->chain[k];
        row->lp = row->n_moves = NAN;
        /* at beta = 0 every energy has the same weight, and lp tells nothing */
        if (is_known && kr_series_constant(reader, "constant_data", "beta", p) > 0.0) {
            const double *x = lp.value + c * n_draws * n_points + p;
            row->lp = x[0];
            row->n_moves = 0.0;
            for (int64_t t = 1; t < n_draws; t++) {
                row->n_moves += !is_same(x[(t - 1) * n_points], x[t * n_points]);
            }
        }
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
