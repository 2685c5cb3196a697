/* SPDX-License-Identifier: GPL-3.0-or-later
 * tests/transition.h - the exact transition matrix of an update, by driving its production
 * sweep through every branch of its draws. */
#ifndef KR_TRANSITION_H
#define KR_TRANSITION_H

#include "base/rng.h"
#include "model/block.h"
#include "tiny.h"

typedef struct transition {
    int64_t n; /* states, of all lanes together */
    double *p; /* (n, n) row-major: from, to */
    int64_t n_paths;
    bool is_complete;  /* false: more than max_paths branches (max_paths/8 from one state) */
    double energy_off; /* largest |block energy - energy of the state reached| */
    const char *fault; /* first broken promise of the sweep, NULL = none */
} transition;

static inline void transition_clear(transition *t)
{
    free(t->p);
    t->p = NULL;
}

typedef struct transition_drive {
    const tiny *system;
    const kr_update_plug *update;
    const void *self;
    kr_block *block;
    kr_rng_tree *tree;
    void *scratch;
} transition_drive;

static inline uint8_t *transition_lane(const kr_block *block, int32_t lane, size_t *step)
{
    bool by_lane = block->layout == KR_LAYOUT_LANE;
    *step = by_lane ? (size_t)block->stride : 1;
    return block->state + (size_t)lane * (by_lane ? 1 : (size_t)block->n_sites);
}

/* Puts configuration `from` into the block: lanes are digits in base n_states. */
static inline void transition_load(const transition_drive *d, int64_t from)
{
    kr_block *block = d->block;
    for (int32_t lane = 0; lane < block->n_lanes; lane++) {
        size_t step;
        uint8_t *state = transition_lane(block, lane, &step);
        int64_t x = from % d->system->n_states;
        tiny_decode(d->system, x, state, step);
        block->energy[lane] = d->system->energy[x];
        from /= d->system->n_states;
    }
    block->log_q_of = d->update->flags & KR_UPDATE_NEEDS_DENSITY ? -1 : 7;
}

/* Reads the block and checks what the sweep promises about energies, scores and counts. */
static inline int64_t transition_read(const transition_drive *d, int64_t from,
                                      const kr_tally *tally, transition *out)
{
    kr_block *block = d->block;
    bool is_free = d->update->flags & KR_UPDATE_FREE_MOVES;
    int64_t to = 0, scale = 1, n_moved = 0;
    for (int32_t lane = 0; lane < block->n_lanes; lane++) {
        size_t step;
        uint8_t *state = transition_lane(block, lane, &step);
        int64_t x = tiny_encode(d->system, state, step);
        bool moved = x != from / scale % d->system->n_states;
        double want = d->system->energy[x];
        double off = fabs(block->energy[lane] - want) / fmax(1.0, fabs(want));
        out->energy_off = worse(out->energy_off, off);
        if (tally->accepted[lane] < (int64_t)(moved && !is_free) ||
            tally->accepted[lane] > tally->attempted[lane] ||
            tally->changed[lane] < (int64_t)moved) {
            out->fault = "tally: counts do not fit the move made";
        }
        to += x * scale;
        scale *= d->system->n_states;
        n_moved += moved;
    }
    if (n_moved > 0 && block->log_q_of == 7) {
        out->fault = "log_q: not marked stale after a change";
    }
    return to;
}

static inline void transition_fill(const transition_drive *d, int64_t max_paths,
                                   transition *out)
{
    kr_tally tally = { .means = NULL };
    for (int64_t from = 0; from < out->n; from++) {
        int64_t first_path = out->n_paths;
        kr_rng_enumerate_begin(d->block->rng, d->tree);
        do {
            if (++out->n_paths > max_paths || out->n_paths - first_path > max_paths / 8) {
                return;
            }
            for (int32_t lane = 0; lane < d->block->n_lanes; lane++) {
                tally.attempted[lane] = tally.accepted[lane] = tally.changed[lane] = 0;
            }
            transition_load(d, from);
            d->update->sweep(d->self, d->block, 1, d->scratch, &tally);
            int64_t to = transition_read(d, from, &tally, out);
            out->p[from * out->n + to] += kr_rng_enumerate_weight(d->tree);
        } while (kr_rng_enumerate_next(d->tree));
    }
    out->is_complete = true;
}

/* The matrix of one sweep of `self` over n_lanes chains. */
static inline transition transition_of(const tiny *system, const kr_update_plug *update,
                                       const void *self, int32_t n_lanes, int64_t max_paths)
{
    kr_error err = { 0 };
    transition out = { .n = 1 };
    for (int32_t lane = 0; lane < n_lanes; lane++) {
        out.n *= system->n_states;
    }
    out.p = calloc((size_t)(out.n * out.n), sizeof *out.p);
    size_t bytes = (update->scratch_bytes(self, n_lanes) + 127) / 64 * 64;
    transition_drive d = { .system = system, .update = update, .self = self };
    d.block = kr_block_alloc(system->terms, n_lanes, 0, 0, &err);
    d.tree = kr_rng_tree_alloc();
    d.scratch = aligned_alloc(64, bytes);
    assert_non_null(out.p);
    assert_non_null(d.block);
    assert_non_null(d.tree);
    assert_non_null(d.scratch);
    memset(d.scratch, 0xa5, bytes); /* nobody may count on cleared scratch */
    kr_rng_seed(d.block->rng, 1, 0, KR_PURPOSE_TEST);
    if (!(update->layouts & KR_LAYOUT_CHAIN)) {
        kr_block_convert(d.block, KR_LAYOUT_LANE);
    }
    transition_fill(&d, max_paths, &out);
    free(d.scratch);
    kr_rng_tree_free(d.tree);
    kr_block_free(d.block);
    return out;
}

/* Largest |sum of a row - 1|; NaN when an entry is negative or undefined. */
static inline double transition_row_error(const transition *t)
{
    double worst = 0.0;
    for (int64_t x = 0; x < t->n; x++) {
        double sum = 0.0;
        for (int64_t y = 0; y < t->n; y++) {
            double p = t->p[x * t->n + y];
            sum += p >= 0.0 ? p : (double)NAN;
        }
        double off = fabs(sum - 1.0);
        worst = worse(worst, off);
    }
    return worst;
}

/* max_y |(law P)_y - law_y| */
static inline double transition_balance_error(const transition *t, const double *law)
{
    double worst = 0.0, *image = calloc((size_t)t->n, sizeof *image);
    for (int64_t x = 0; x < t->n; x++) {
        for (int64_t y = 0; y < t->n; y++) {
            image[y] += law[x] * t->p[x * t->n + y];
        }
    }
    for (int64_t y = 0; y < t->n; y++) {
        double off = fabs(image[y] - law[y]);
        worst = worse(worst, off);
    }
    free(image);
    return worst;
}

/* max |law_x P_xy - law_y P_yx| */
static inline double transition_detailed_error(const transition *t, const double *law)
{
    double worst = 0.0;
    for (int64_t x = 0; x < t->n; x++) {
        for (int64_t y = 0; y < x; y++) {
            double off = fabs(law[x] * t->p[x * t->n + y] - law[y] * t->p[y * t->n + x]);
            worst = worse(worst, off);
        }
    }
    return worst;
}

/* Largest difference, relative where that is more strict, of the matrix of two chains to the
 * product of that of one with itself. */
static inline double transition_product_error(const transition *one, const transition *two)
{
    double worst = 0.0;
    for (int64_t from = 0; from < two->n; from++) {
        for (int64_t to = 0; to < two->n; to++) {
            double a = one->p[from % one->n * one->n + to % one->n];
            double b = one->p[from / one->n * one->n + to / one->n];
            double off = fabs(two->p[from * two->n + to] - a * b);
            off = off > 0.0 && a * b > 0.0 ? off / (a * b) : off;
            worst = worse(worst, off);
        }
    }
    return worst;
}

/* How far the law of each of two chains is from that of one alone, wherever the other is. */
static inline double transition_marginal_error(const transition *one, const transition *two)
{
    double worst = 0.0;
    int64_t n = one->n;
    for (int64_t from = 0; from < two->n; from++) {
        for (int64_t to = 0; to < n; to++) {
            double first = -one->p[from % n * n + to], second = -one->p[from / n * n + to];
            for (int64_t other = 0; other < n; other++) {
                first += two->p[from * two->n + other * n + to];
                second += two->p[from * two->n + to * n + other];
            }
            double off = fmax(fabs(first), fabs(second));
            worst = worse(worst, off);
        }
    }
    return worst;
}

/* transition_balance_error of two chains under law x law, law of n states. */
static inline double transition_pair_balance_error(const transition *two, const double *law,
                                                   int64_t n)
{
    double *pair = calloc((size_t)two->n, sizeof *pair);
    for (int64_t x = 0; x < two->n; x++) {
        pair[x] = law[x % n] * law[x / n];
    }
    double worst = transition_balance_error(two, pair);
    free(pair);
    return worst;
}

/* States reached from state 0 along positive entries (backward: that reach it). */
static inline int64_t transition_reach(const transition *t, bool is_backward)
{
    uint8_t *seen = calloc((size_t)t->n, 1);
    int64_t *queue = calloc((size_t)t->n, sizeof *queue), head = 0, tail = 0;
    queue[tail++] = 0;
    seen[0] = 1;
    while (head < tail) {
        int64_t x = queue[head++];
        for (int64_t y = 0; y < t->n; y++) {
            if (!seen[y] && (is_backward ? t->p[y * t->n + x] : t->p[x * t->n + y]) > 0.0) {
                seen[y] = 1;
                queue[tail++] = y;
            }
        }
    }
    free(seen);
    free(queue);
    return tail;
}

static inline bool transition_is_irreducible(const transition *t)
{
    return transition_reach(t, false) == t->n && transition_reach(t, true) == t->n;
}

#endif
