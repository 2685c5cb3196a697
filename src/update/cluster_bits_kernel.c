/* SPDX-License-Identifier: GPL-3.0-or-later
 * update/cluster_bits_kernel.c - Swendsen-Wang steps on bit planes; built per instruction set.
 *
 * One step: bonds along the rows are tossed word by word; they cut each word into runs, which
 * are numbered in order. Bonds to the rows below are tossed word by word, thinned to one per
 * pair of runs that touch, and unite labels. A last pass over the runs in order gives each the
 * color of its parent; roots keep a fresh one. Colors spread along a run by the carry of an
 * addition: links + (start & links) clears the links and sets the end of the run.
 *
 * Source: Swendsen, Wang, Phys. Rev. Lett. 58, 86 (1987); Edwards, Sokal, Phys. Rev. D 38, 2009
 * (1988). */
#include "base/isa.h"
#include "update/cluster_bits.h"
#include "update/cluster_label.h"

#include <math.h>
#include <string.h>

#if defined(__GNUC__)
#define ALWAYS   inline __attribute__((always_inline))
#define NOINLINE __attribute__((noinline)) /* keeps the registers of a loop to itself */
#else
#define ALWAYS inline
#define NOINLINE
#endif

enum { PLANES_MAX = 8 };

typedef struct work {
    const kr_bits_plan *plan;
    uint64_t *plane[PLANES_MAX];
    uint64_t *links, *starts; /* within the word: bit x joins x and x + 1; first of a run */
    uint32_t *first;          /* number of the first run of the word */
    uint32_t *parent, *size;  /* by run */
    uint8_t *color;
    uint32_t n_runs;
    kr_rng *rng;
    kr_purse purse;
} work;

static inline int lowest(uint64_t x)
{
    return __builtin_ctzll(x);
}

static inline uint32_t count(uint64_t x)
{
    return (uint32_t)__builtin_popcountll(x);
}

static work lay_out(const kr_bits_plan *plan, void *scratch, kr_rng *rng)
{
    size_t n = (size_t)plan->n_rows * (size_t)plan->n_words;
    size_t n_sites = (size_t)plan->box.n_sites;
    work w = { .plan = plan, .rng = rng, .purse = { .coin = &plan->coin, .rng = rng } };
    uint64_t *at = scratch;
    for (int32_t b = 0; b < plan->n_planes; b++, at += n) {
        w.plane[b] = at;
    }
    w.links = at;
    w.starts = at + n;
    w.first = (uint32_t *)(at + 2 * n);
    w.parent = w.first + n;
    w.size = w.parent + n_sites;
    w.color = (uint8_t *)(w.size + n_sites);
    return w;
}

/* Bits of word k of a row that are sites. */
static inline uint64_t sites_of(const kr_bits_plan *plan, int32_t k)
{
    int32_t left = plan->box.extent[0] - 64 * k;
    return left >= 64 ? ~(uint64_t)0 : ((uint64_t)1 << left) - 1;
}

/* ---- bytes to planes and back -------------------------------------------------------------
 */

static inline uint64_t get_8(const uint8_t *p)
{
    uint64_t x = 0;
    for (int k = 0; k < 8; k++) {
        x |= (uint64_t)p[k] << 8 * k;
    }
    return x;
}

static inline void put_8(uint8_t *p, uint64_t x)
{
    for (int k = 0; k < 8; k++) {
        p[k] = (uint8_t)(x >> 8 * k);
    }
}

static void load_planes(const work *w, const uint8_t *s)
{
    const kr_bits_plan *plan = w->plan;
    size_t at = 0;
    for (int32_t row = 0; row < plan->n_rows; row++, s += plan->box.extent[0]) {
        for (int32_t k = 0; k < plan->n_words; k++, at++) {
            int32_t n = plan->box.extent[0] - 64 * k;
            uint8_t tail[64] = { 0 };
            const uint8_t *from = s + 64 * k;
            if (n < 64) {
                memcpy(tail, from, (size_t)n);
                from = tail;
            }
            uint64_t bits[PLANES_MAX] = { 0 };
            for (int m = 0; m < 8; m++) {
                uint64_t eight = get_8(from + 8 * m);
                for (int32_t b = 0; b < plan->n_planes; b++) {
                    /* the product moves bit 0 of byte j to bit 56 + j */
                    uint64_t low = eight >> b & 0x0101010101010101;
                    bits[b] |= low * 0x0102040810204080 >> 56 << 8 * m;
                }
            }
            for (int32_t b = 0; b < plan->n_planes; b++) {
                w->plane[b][at] = bits[b];
            }
        }
    }
}

/* Bit j of the eight to bit 0 of byte j. */
static inline uint64_t spread_8(uint64_t bits)
{
    uint64_t copies = bits * 0x0101010101010101 & 0x8040201008040201;
    return (copies + 0x7f7f7f7f7f7f7f7f - (copies >> 7 & 0x0101010101010101)) >> 7 &
           0x0101010101010101;
}

static void store_planes(const work *w, uint8_t *s)
{
    const kr_bits_plan *plan = w->plan;
    size_t at = 0;
    for (int32_t row = 0; row < plan->n_rows; row++, s += plan->box.extent[0]) {
        for (int32_t k = 0; k < plan->n_words; k++, at++) {
            int32_t n = plan->box.extent[0] - 64 * k;
            uint8_t tail[64], *to = n < 64 ? tail : s + 64 * k;
            for (int m = 0; m < 8; m++) {
                uint64_t eight = 0;
                for (int32_t b = 0; b < plan->n_planes; b++) {
                    eight |= spread_8(w->plane[b][at] >> 8 * m & 255) << b;
                }
                put_8(to + 8 * m, eight);
            }
            if (n < 64) {
                memcpy(s + 64 * k, tail, (size_t)n);
            }
        }
    }
}

/* ---- bonds --------------------------------------------------------------------------------
 */

/* Sites of word i whose state equals that of the same bit of word j. */
static inline uint64_t equal_words(const work *w, size_t i, size_t j)
{
    uint64_t differ = 0;
    for (int32_t b = 0; b < w->plan->n_planes; b++) {
        differ |= w->plane[b][i] ^ w->plane[b][j];
    }
    return ~differ;
}

/* Bits x of word i whose state equals that of x + 1 in the same word. */
static inline uint64_t equal_next(const work *w, size_t i)
{
    uint64_t differ = 0;
    for (int32_t b = 0; b < w->plan->n_planes; b++) {
        differ |= w->plane[b][i] ^ w->plane[b][i] >> 1;
    }
    return ~differ;
}

static inline bool equal_sites(const work *w, size_t i, int x, size_t j, int y)
{
    uint64_t differ = 0;
    for (int32_t b = 0; b < w->plan->n_planes; b++) {
        differ |= w->plane[b][i] >> x ^ w->plane[b][j] >> y;
    }
    return !(differ & 1);
}

/* Number of the run that bit x of a word is in. */
static inline uint32_t run_at(uint64_t starts, uint32_t first, int x)
{
    return first + count(starts & (((uint64_t)2 << x) - 1)) - 1;
}

static inline uint32_t run_of(const work *w, size_t i, int x)
{
    return run_at(w->starts[i], w->first[i], x);
}

/* One bond outside the words: between bit x of word i and bit y of word j. */
static void join_sites(work *w, size_t i, int x, size_t j, int y)
{
    bool matters = equal_sites(w, i, x, j, y);
    uint32_t a = run_of(w, i, x), c = run_of(w, j, y);
#ifdef KR_RNG_ENUMERATE /* bonds within a cluster change nothing: fewer branches to list */
    matters = matters && kr_label_find(w->parent, a) != kr_label_find(w->parent, c);
#endif
    kr_purse_fill(&w->purse, 1);
    if (kr_purse_take(&w->purse, matters)) {
        kr_label_unite(w->parent, a, c);
    }
}

/* Runs of one row, and the bonds between its words and around it. */
static NOINLINE void join_row(work *w, size_t row)
{
    const kr_bits_plan *plan = w->plan;
    size_t n = (size_t)plan->n_words, at = row * n;
    for (size_t k = 0; k < n; k++) {
        uint64_t sites = sites_of(plan, (int32_t)k);
        uint64_t links = kr_coin_toss(&plan->coin, equal_next(w, at + k) & sites >> 1, w->rng);
        w->links[at + k] = links;
        w->starts[at + k] = sites & ~(links << 1);
        w->first[at + k] = w->n_runs;
        uint32_t end = w->n_runs + count(w->starts[at + k]);
        for (uint32_t r = w->n_runs; r < end; r++) {
            w->parent[r] = r;
        }
        w->n_runs = end;
    }
    for (size_t k = 0; k + 1 < n; k++) {
        join_sites(w, at + k, 63, at + k + 1, 0);
    }
    if (plan->box.is_periodic[0] && plan->box.extent[0] > 1) {
        join_sites(w, at + n - 1, (plan->box.extent[0] - 1) & 63, at, 0);
    }
}

/* The bonds that are tossed together. */
static inline uint64_t next_lanes(const work *w, uint64_t *rest, size_t i, size_t j)
{
    uint64_t lanes = *rest;
#ifdef KR_RNG_ENUMERATE
    lanes &= 0 - lanes;
    if (lanes && kr_label_find(w->parent, run_of(w, i, lowest(lanes))) ==
                     kr_label_find(w->parent, run_of(w, j, lowest(lanes)))) {
        *rest ^= lanes;
        return 0;
    }
#else
    (void)w;
    (void)i;
    (void)j;
#endif
    *rest ^= lanes;
    return lanes;
}

/* kernel: bonds between two rows that have their runs. */
static NOINLINE void join_rows(work *w, size_t row, size_t other)
{
    const kr_bits_plan *plan = w->plan;
    size_t n = (size_t)plan->n_words;
    uint32_t *restrict parent = w->parent;
    for (size_t k = 0; k < n; k++) {
        const size_t i = row * n + k, j = other * n + k;
        const uint64_t starts_i = w->starts[i], starts_j = w->starts[j];
        const uint64_t both = w->links[i] & w->links[j];
        const uint32_t first_i = w->first[i], first_j = w->first[j];
        uint64_t rest = equal_words(w, i, j) & sites_of(plan, (int32_t)k);
        while (rest) {
            uint64_t bonds = kr_coin_toss(&plan->coin, next_lanes(w, &rest, i, j), w->rng);
            /* the next bond joins the same two runs */
            bonds &= ~((bonds & both) << 1);
            for (; bonds; bonds &= bonds - 1) {
                int x = lowest(bonds);
                kr_label_unite(parent, run_at(starts_j, first_j, x),
                               run_at(starts_i, first_i, x));
            }
        }
    }
}

/* Rows that row is bonded to in direction d and that come before it: returns how many. */
static int rows_before(const kr_box *box, int32_t row, int32_t step, int32_t d, int32_t *of)
{
    int32_t side = box->extent[d], x = row / step % side;
    int n = 0;
    if (x > 0) {
        of[n++] = row - step;
    }
    if (x > 0 && x == side - 1 && box->is_periodic[d]) {
        of[n++] = row - x * step;
    }
    return n;
}

static void join_all(work *w)
{
    const kr_box *box = &w->plan->box;
    w->n_runs = 0;
    for (int32_t row = 0; row < w->plan->n_rows; row++) {
        join_row(w, (size_t)row);
        for (int32_t d = 1, step = 1; d < box->dim; step *= box->extent[d++]) {
            int32_t other[2];
            int n = rows_before(box, row, step, d, other);
            for (int m = 0; m < n; m++) {
                join_rows(w, (size_t)row, (size_t)other[m]);
            }
        }
    }
}

/* ---- colors -------------------------------------------------------------------------------
 */

/* Fresh colors without a field, uniform on 0..q-1; those of runs that are no roots are not
 * used. */
static NOINLINE void draw_uniform(work *w)
{
    const uint32_t q = (uint32_t)w->plan->q;
#ifdef KR_RNG_ENUMERATE
    for (uint32_t r = 0; r < w->n_runs; r++) {
        w->color[r] = w->parent[r] == r ? (uint8_t)kr_rng_below(w->rng, q) : 0;
    }
#else
    if (q == 2) {
        for (uint32_t r = 0; r < w->n_runs; r += 64) { /* there is room behind the last */
            uint64_t word = kr_rng_u64(w->rng);
            for (uint32_t k = 0; k < 64; k += 8) {
                put_8(w->color + r + k, spread_8(word >> k & 255));
            }
        }
        return;
    }
    /* high word of 32 random bits times q; the few low words that would make some colors
     * likelier are drawn again (Lemire, ACM TOMACS 29, 3 (2019)) */
    const uint32_t floor = (uint32_t)(-q) % q;
    for (uint32_t r = 0; r < w->n_runs; r += 2) {
        uint64_t word = kr_rng_u64(w->rng);
        for (uint32_t k = 0; k < 2 && r + k < w->n_runs; k++) {
            uint64_t product = (uint64_t)(uint32_t)(word >> 32 * k) * q;
            while ((uint32_t)product < floor) {
                product = (kr_rng_u64(w->rng) >> 32) * q;
            }
            w->color[r + k] = (uint8_t)(product >> 32);
        }
    }
#endif
}

/* Fresh colors of the roots in a field, from the weights of clusters of their size. */
static void draw_weighted(work *w)
{
    const kr_bits_plan *plan = w->plan;
    const size_t n = (size_t)plan->n_rows * (size_t)plan->n_words;
    uint32_t r = 0;
    for (size_t i = 0; i < n; i++) {
        uint64_t rest = w->starts[i];
        int end = 64 - __builtin_clzll(sites_of(plan, (int32_t)(i % (size_t)plan->n_words)));
        while (rest) {
            int x = lowest(rest);
            rest &= rest - 1;
            w->size[r++] = (uint32_t)((rest ? lowest(rest) : end) - x);
        }
    }
    for (r = w->n_runs; r-- > 0;) {
        uint32_t up = w->parent[r];
        w->size[up] += up != r ? w->size[r] : 0;
    }
    for (r = 0; r < w->n_runs; r++) {
        if (w->parent[r] != r) {
            continue;
        }
        double weight[KR_STATES_MAX];
        const double *of = plan->weight + (size_t)w->size[r] * (size_t)plan->q;
        if (w->size[r] >= KR_BITS_SIZES) {
            for (int32_t a = 0; a < plan->q; a++) {
                weight[a] = exp(-(double)w->size[r] * plan->beta_local[a]);
            }
            of = weight;
        }
        w->color[r] = (uint8_t)kr_rng_categorical(w->rng, of, plan->q);
    }
}

/* kernel: colors of all runs to the planes, and the counts. With sizes parents become roots:
 * those of earlier runs are, so that two steps lead there. */
static ALWAYS void recolor_planes(work *w, int32_t n_planes, bool is_sized,
                                  kr_cluster_counts *counts)
{
    const size_t n = (size_t)w->plan->n_rows * (size_t)w->plan->n_words;
    uint32_t *restrict parent = w->parent, *restrict size = w->size;
    uint8_t *restrict color = w->color;
    int64_t squares = 0;
    uint32_t r = 0;
    for (size_t i = 0; i < n; i++) {
        uint64_t roots = 0, differ = 0, start[PLANES_MAX] = { 0 };
        const uint64_t links = w->links[i];
        for (uint64_t rest = w->starts[i]; rest; rest &= rest - 1, r++) {
            const uint64_t bit = rest & (0 - rest);
            const uint32_t up = parent[r];
            const uint64_t c = color[up];
            color[r] = (uint8_t)c;
            roots |= bit & (0 - (uint64_t)(up == r));
            for (int32_t b = 0; b < n_planes; b++) {
                start[b] |= bit & (0 - (c >> b & 1));
            }
            if (is_sized) { /* links + bit carries to the end of the run */
                const uint32_t more = count(((links + (bit & links)) ^ links) | bit);
                const uint32_t root = parent[up];
                parent[r] = root;
                size[r] = 0; /* no branch on whether r is a root */
                const uint32_t before = size[root];
                size[root] = before + more;
                squares += (int64_t)more * (2 * (int64_t)before + more);
            }
        }
        for (int32_t b = 0; b < n_planes; b++) {
            uint64_t filled = ((links + (start[b] & links)) ^ links) | start[b];
            differ |= w->plane[b][i] ^ filled;
            w->plane[b][i] = filled;
        }
        counts->clusters += count(roots);
        counts->accepted += count(roots & differ);
        counts->changed += count(differ);
    }
    counts->squares += (double)squares;
}

static NOINLINE void recolor(work *w, kr_cluster_counts *counts)
{
    switch (w->plan->n_planes + (counts->is_sized ? PLANES_MAX : 0)) {
    case 1:
        recolor_planes(w, 1, false, counts);
        break;
    case 2:
        recolor_planes(w, 2, false, counts);
        break;
    case 4:
        recolor_planes(w, 4, false, counts);
        break;
    case PLANES_MAX + 1:
        recolor_planes(w, 1, true, counts);
        break;
    default:
        recolor_planes(w, w->plan->n_planes, counts->is_sized, counts);
    }
}

/* ---- whole steps --------------------------------------------------------------------------
 */

static int64_t count_equal(const work *w)
{
    const kr_box *box = &w->plan->box;
    size_t n = (size_t)w->plan->n_words;
    int64_t sum = 0;
    for (int32_t row = 0; row < w->plan->n_rows; row++) {
        size_t at = (size_t)row * n;
        for (size_t k = 0; k < n; k++) {
            sum += count(equal_next(w, at + k) & sites_of(w->plan, (int32_t)k) >> 1);
            sum += k + 1 < n && equal_sites(w, at + k, 63, at + k + 1, 0);
        }
        sum += box->is_periodic[0] && box->extent[0] > 1 &&
               equal_sites(w, at + n - 1, (box->extent[0] - 1) & 63, at, 0);
        for (int32_t d = 1, step = 1; d < box->dim; step *= box->extent[d++]) {
            int32_t other[2];
            int n_other = rows_before(box, row, step, d, other);
            for (int m = 0; m < n_other; m++) {
                for (size_t k = 0; k < n; k++) {
                    sum += count(equal_words(w, at + k, (size_t)other[m] * n + k) &
                                 sites_of(w->plan, (int32_t)k));
                }
            }
        }
    }
    return sum;
}

static void steps(const kr_bits_plan *plan, int64_t n_steps, uint8_t *s, void *scratch,
                  kr_rng *rng, kr_cluster_counts *counts)
{
    work w = lay_out(plan, scratch, rng);
    load_planes(&w, s);
    for (int64_t k = 0; k < n_steps; k++) {
        w.purse.left = 0; /* a step does not depend on the call it is part of */
        join_all(&w);
        if (plan->beta_local) {
            draw_weighted(&w);
        } else {
            draw_uniform(&w);
        }
        recolor(&w, counts);
    }
    counts->equal_bonds = count_equal(&w);
    store_planes(&w, s);
}

extern const kr_bits KR_ISA_NAME(kr_bond_bits);
const kr_bits KR_ISA_NAME(kr_bond_bits) = { .name = KR_ISA_TEXT, .steps = steps };
