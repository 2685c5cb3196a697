/* SPDX-License-Identifier: GPL-3.0-or-later
 * model/fold_gather.c - folds of lattices that cannot be cut: one site to a tile.
 *
 * A vector holds 512 / n_lanes sites of one color with one number of neighbors. Sites are put
 * in groups by color and number of neighbors, each group by site number, and a group starts a
 * new vector; so no vector has a rim but where couplings are zero, and the last vector of a
 * group may have idle tiles. */
#include "model/fold.h"

#include "base/memory.h"
#include "base/state.h"

#include <stdlib.h>
#include <string.h>

#define LANES_MIN 16 /* bits fetched at once; fewer chains leave some of them idle */
/* Tiles that are fetched in the time in which a vector is drawn (AVX-512, Zen 4: 30 ns against
 * 0.26 to 0.33 ns a tile; slower vectors make gathering pay sooner). */
#define TILES_PER_VECTOR 100

typedef struct seat {
    int32_t color, n_neighbors, site;
} seat;

static int compare_seats(const void *a, const void *b)
{
    const seat *x = a, *y = b;
    if (x->color != y->color) {
        return x->color < y->color ? -1 : 1;
    }
    if (x->n_neighbors != y->n_neighbors) {
        return x->n_neighbors < y->n_neighbors ? -1 : 1;
    }
    return (x->site > y->site) - (x->site < y->site);
}

static bool is_new_group(const seat *x)
{
    return x->color != x[-1].color || x->n_neighbors != x[-1].n_neighbors;
}

/* What a gathered fold will be like: seat (n_sites) in the order of the vectors. */
typedef struct plan {
    int32_t n_lanes, n_tiles, n_vectors;
    int64_t n_slots, cost; /* in units of a tile fetched */
    seat *seat;
} plan;

/* False when some neighbors share a color of the lattice. */
static bool fill_seats(const kr_terms *terms, const kr_lattice *lattice, seat *out)
{
    for (int32_t i = 0; i < terms->n_sites; i++) {
        int64_t begin = terms->neighbor_begin[i], end = terms->neighbor_begin[i + 1];
        for (int64_t k = begin; k < end; k++) {
            if (lattice->color[terms->neighbor[k]] == lattice->color[i]) {
                return false;
            }
        }
        out[i] = (seat){ lattice->color[i], (int32_t)(end - begin), i };
    }
    qsort(out, (size_t)terms->n_sites, sizeof *out, compare_seats);
    return true;
}

static void count_vectors(plan *p, int32_t n_sites)
{
    int32_t tile = 0;
    for (int32_t k = 0; k < n_sites; k++, tile++) {
        if (k == 0 || is_new_group(&p->seat[k]) || tile == p->n_tiles) {
            tile = 0;
            p->n_vectors++;
            p->n_slots += p->seat[k].n_neighbors;
        }
    }
    p->cost = (int64_t)p->n_vectors * TILES_PER_VECTOR + p->n_slots * p->n_tiles;
}

static void set_places(const plan *p, kr_fold *fold)
{
    int32_t v = -1, tile = 0;
    memset(fold->site, 0xff, (size_t)p->n_vectors * (size_t)p->n_tiles * sizeof *fold->site);
    for (int32_t k = 0; k < fold->n_sites; k++, tile++) {
        const seat *at = &p->seat[k];
        if (k == 0 || is_new_group(at) || tile == p->n_tiles) {
            tile = 0;
            v++;
            fold->slot_begin[v + 1] = fold->slot_begin[v] + at->n_neighbors;
        }
        fold->place[at->site] = v * p->n_tiles + tile;
        fold->site[fold->place[at->site]] = at->site;
        fold->color_begin[at->color + 1] = v + 1;
    }
}

/* Idle tiles read themselves: they are zero. */
static void set_slots(const kr_terms *terms, kr_fold *fold)
{
    const size_t n_tiles = (size_t)fold->n_tiles;
    for (int32_t v = 0; v < fold->n_vectors; v++) {
        for (int32_t s = fold->slot_begin[v]; s < fold->slot_begin[v + 1]; s++) {
            for (int32_t t = 0; t < fold->n_tiles; t++) {
                const size_t to = (size_t)s * n_tiles + (size_t)t;
                const int32_t own = v * fold->n_tiles + t, i = fold->site[own];
                fold->entry[to] =
                    i < 0 ? -1 : terms->neighbor_begin[i] + s - fold->slot_begin[v];
                fold->near[to] = i < 0 ? own : fold->place[terms->neighbor[fold->entry[to]]];
            }
        }
    }
}

static int fill(const plan *p, const kr_terms *terms, kr_fold *fold, kr_error *err)
{
    const size_t n_tiles = (size_t)p->n_tiles, n = (size_t)p->n_vectors;
    const size_t n_slots = (size_t)p->n_slots, n_ends = (size_t)fold->n_colors + 1;
    fold->n_lanes = p->n_lanes;
    fold->n_tiles = p->n_tiles;
    fold->n_vectors = p->n_vectors;
    fold->color_begin = kr_alloc(n_ends, sizeof *fold->color_begin, err);
    fold->halo_begin = kr_alloc(n_ends, sizeof *fold->halo_begin, err);
    fold->site = kr_alloc(n * n_tiles, sizeof *fold->site, err);
    fold->place = kr_alloc((size_t)fold->n_sites, sizeof *fold->place, err);
    fold->slot_begin = kr_alloc(n + 1, sizeof *fold->slot_begin, err);
    fold->near = kr_alloc(n_slots * n_tiles, sizeof *fold->near, err);
    fold->entry = kr_alloc(n_slots * n_tiles, sizeof *fold->entry, err);
    if (!fold->color_begin || !fold->halo_begin || !fold->site || !fold->place ||
        !fold->slot_begin || !fold->near || !fold->entry) {
        return KR_ENOMEM;
    }
    set_places(p, fold);
    set_slots(terms, fold);
    fold->order = kr_state_hash(fold->site, n * n_tiles * sizeof *fold->site, 0);
    return KR_OK;
}

/* In the same units. Rims tell twice as many classes apart, which doubles their time. */
static int64_t cost_of_tiles(const kr_fold *fold)
{
    const size_t n_tiles = (size_t)fold->n_tiles;
    int64_t n = fold->n_vectors;
    for (int32_t v = 0; v < fold->n_vectors; v++) {
        const size_t end = (size_t)fold->slot_begin[v + 1] * n_tiles;
        size_t k = (size_t)fold->slot_begin[v] * n_tiles;
        while (k < end && fold->entry[k] >= 0) {
            k++;
        }
        n += k < end;
    }
    return n * TILES_PER_VECTOR;
}

int kr_fold_gather(const kr_terms *terms, kr_fold *fold, kr_error *err)
{
    plan p = { .n_lanes = fold->n_lanes < LANES_MIN ? LANES_MIN : fold->n_lanes };
    p.n_tiles = fold->n_elements / p.n_lanes;
    if (fold->n_tiles >= p.n_tiles) {
        return KR_OK;
    }
    p.seat = kr_alloc((size_t)fold->n_sites, sizeof *p.seat, err);
    if (!p.seat) {
        return KR_ENOMEM;
    }
    int status = KR_OK;
    if (fill_seats(terms, fold->lattice, p.seat)) {
        count_vectors(&p, fold->n_sites);
        bool is_better = p.cost < cost_of_tiles(fold) &&
                         (int64_t)p.n_vectors * p.n_tiles <= INT32_MAX &&
                         p.n_slots <= INT32_MAX;
        if (is_better) {
            kr_fold gathered = { .lattice = fold->lattice,
                                 .layout = fold->layout,
                                 .n_elements = fold->n_elements,
                                 .n_sites = fold->n_sites,
                                 .n_colors = fold->lattice->n_colors };
            status = fill(&p, terms, &gathered, err);
            kr_fold old = *fold;
            *fold = gathered;
            kr_fold_clear(&old);
        }
    }
    kr_free(p.seat);
    return status;
}
