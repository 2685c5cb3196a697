/* SPDX-License-Identifier: GPL-3.0-or-later
 * model/fold.c - choice of the tiles, neighbor slots, colors and halos of a fold. */
#include "model/fold.h"

#include "base/memory.h"

#include <string.h>

#define SLOTS_MAX 64 /* neighbor slots of a vector where there are several tiles */

/* A neighbor slot while the fold is built: the place it leads to and, per coordinate, the tiles
 * it goes on by. */
typedef struct slot {
    int32_t place, turn; /* turn: tile offset as a tile number */
} slot;

typedef struct plan {
    const kr_lattice *lattice;
    const kr_terms *terms;
    kr_fold *fold;
    int32_t n_places, place_extent[KR_DIM_MAX];
    int32_t *place, *tile; /* (n_sites) */
    int32_t *site;         /* (n_places, n_tiles) */
    int32_t *begin;        /* (n_places + 1) into slots */
    int32_t capacity;      /* slots of a place */
    slot *slots;
    int64_t *entry; /* (slots, n_tiles) */
    int32_t *color, *vector;
} plan;

static void plan_clear(plan *p)
{
    kr_free(p->place);
    kr_free(p->tile);
    kr_free(p->site);
    kr_free(p->begin);
    kr_free(p->slots);
    kr_free(p->entry);
    kr_free(p->color);
    kr_free(p->vector);
    p->place = p->tile = p->site = p->begin = p->color = p->vector = NULL;
    p->slots = NULL;
    p->entry = NULL;
}

/* Cuts the direction with the longest tiles in two while there are elements left. Odd tile
 * sides cost a box its two-coloring, so they come last. */
static void choose_tiles(const kr_lattice *lattice, int32_t max_tiles, kr_fold *fold)
{
    fold->n_tiles = 1;
    for (int32_t d = 0; d < KR_DIM_MAX; d++) {
        fold->tiles[d] = 1;
    }
    while (2 * fold->n_tiles <= max_tiles) {
        int32_t best = -1, best_rank = 0;
        for (int32_t d = 0; d < lattice->dim; d++) {
            int32_t side = lattice->extent[d] / fold->tiles[d];
            int32_t rank = side % 4 == 0 ? side : side % 2 == 0 && side >= 6 ? 2 : 0;
            if (rank > 0 && rank >= best_rank) {
                best = d;
                best_rank = rank;
            }
        }
        if (best < 0) {
            return;
        }
        fold->tiles[best] *= 2;
        fold->n_tiles *= 2;
    }
}

static int number_sites(plan *p, kr_error *err)
{
    const kr_lattice *lattice = p->lattice;
    size_t n = (size_t)lattice->n_sites;
    p->n_places = lattice->n_sites / p->fold->n_tiles;
    p->place = kr_alloc(n, sizeof *p->place, err);
    p->tile = kr_alloc(n, sizeof *p->tile, err);
    p->site = kr_alloc(n, sizeof *p->site, err);
    if (!p->place || !p->tile || !p->site) {
        return KR_ENOMEM;
    }
    for (int32_t i = 0; i < lattice->n_sites; i++) {
        int32_t rest = i, place = 0, tile = 0, place_stride = 1, tile_stride = 1;
        for (int32_t d = 0; d < lattice->dim; d++) {
            int32_t x = rest % lattice->extent[d],
                    side = lattice->extent[d] / p->fold->tiles[d];
            rest /= lattice->extent[d];
            place += place_stride * (x % side);
            tile += tile_stride * (x / side);
            place_stride *= side;
            tile_stride *= p->fold->tiles[d];
        }
        p->place[i] = place;
        p->tile[i] = tile;
        p->site[(size_t)place * (size_t)p->fold->n_tiles + (size_t)tile] = i;
    }
    return KR_OK;
}

/* Tile offset that leads from tile a to tile b, coordinate by coordinate. */
static int32_t tile_offset(const kr_fold *fold, int32_t dim, int32_t a, int32_t b)
{
    int32_t offset = 0, stride = 1;
    for (int32_t d = 0; d < dim; d++) {
        int32_t t = fold->tiles[d];
        offset += stride * ((b % t - a % t + t) % t);
        a /= t;
        b /= t;
        stride *= t;
    }
    return offset;
}

/* The slots of one place: each neighbor of each of its sites is put into a slot with its place
 * and turn that the site's tile has not used yet. False when they do not fit. */
static bool fill_place(plan *p, int32_t place)
{
    const kr_terms *terms = p->terms;
    int32_t n_tiles = p->fold->n_tiles, first = p->begin[place], n = 0;
    for (int32_t t = 0; t < n_tiles; t++) {
        int32_t i = p->site[(size_t)place * (size_t)n_tiles + (size_t)t];
        for (int64_t k = terms->neighbor_begin[i]; k < terms->neighbor_begin[i + 1]; k++) {
            int32_t j = terms->neighbor[k], s = 0;
            slot want = { p->place[j], tile_offset(p->fold, p->lattice->dim, t, p->tile[j]) };
            while (s < n &&
                   (p->slots[first + s].place != want.place ||
                    p->slots[first + s].turn != want.turn ||
                    p->entry[(size_t)(first + s) * (size_t)n_tiles + (size_t)t] >= 0)) {
                s++;
            }
            if (s == n && (n == p->capacity || want.place == place)) {
                return false;
            }
            if (s == n) {
                p->slots[first + n++] = want;
            }
            p->entry[(size_t)(first + s) * (size_t)n_tiles + (size_t)t] = k;
        }
    }
    p->begin[place + 1] = first + n;
    return true;
}

/* KR_EUNSUP when the tiles do not fit the neighbors. */
static int fill_slots(plan *p, kr_error *err)
{
    const kr_terms *terms = p->terms;
    size_t n_tiles = (size_t)p->fold->n_tiles, n_slots = 0;
    int64_t degree = 0;
    for (int32_t i = 0; i < terms->n_sites; i++) {
        int64_t z = terms->neighbor_begin[i + 1] - terms->neighbor_begin[i];
        degree = z > degree ? z : degree;
    }
    if (n_tiles > 1 && 2 * degree > SLOTS_MAX) {
        return KR_EUNSUP;
    }
    p->capacity = (int32_t)(n_tiles > 1 ? 2 * degree : degree);
    n_slots = n_tiles > 1 ? (size_t)p->n_places * (size_t)p->capacity
                          : (size_t)terms->neighbor_begin[terms->n_sites];
    p->begin = kr_alloc((size_t)p->n_places + 1, sizeof *p->begin, err);
    p->slots = kr_alloc(n_slots, sizeof *p->slots, err);
    p->entry = kr_alloc(n_slots * n_tiles, sizeof *p->entry, err);
    if (!p->begin || !p->slots || !p->entry) {
        return KR_ENOMEM;
    }
    memset(p->entry, 0xff, n_slots * n_tiles * sizeof *p->entry); /* -1 */
    for (int32_t place = 0; place < p->n_places; place++) {
        if (!fill_place(p, place)) {
            return KR_EUNSUP;
        }
    }
    return KR_OK;
}

/* Greedy coloring of places in their order: two colors on boxes with even sides. Then vectors
 * by color. */
static int color_places(plan *p, kr_error *err)
{
    kr_fold *fold = p->fold;
    size_t n = (size_t)p->n_places;
    p->color = kr_alloc(n, sizeof *p->color, err);
    p->vector = kr_alloc(n, sizeof *p->vector, err);
    int32_t *mark = kr_alloc(n + 1, sizeof *mark, err); /* color -> last place that saw it */
    if (!p->color || !p->vector || !mark) {
        kr_free(mark);
        return KR_ENOMEM;
    }
    for (int32_t place = 0; place < p->n_places; place++) {
        for (int32_t s = p->begin[place]; s < p->begin[place + 1]; s++) {
            int32_t other = p->slots[s].place;
            if (other < place) {
                mark[p->color[other]] = place + 1;
            }
        }
        int32_t color = 0;
        while (mark[color] == place + 1) {
            color++;
        }
        p->color[place] = color;
        fold->n_colors = color + 1 > fold->n_colors ? color + 1 : fold->n_colors;
    }
    kr_free(mark);
    fold->color_begin = kr_alloc((size_t)fold->n_colors + 1, sizeof *fold->color_begin, err);
    if (!fold->color_begin) {
        return KR_ENOMEM;
    }
    int32_t v = 0;
    for (int32_t c = 0; c < fold->n_colors; c++) {
        fold->color_begin[c] = v;
        for (int32_t place = 0; place < p->n_places; place++) {
            if (p->color[place] == c) {
                p->vector[place] = v++;
            }
        }
    }
    fold->color_begin[fold->n_colors] = v;
    return KR_OK;
}

/* Element e of the turned vector is element e + shift, counted round in its group (both in
 * bits; powers of two, shift < group <= 512). */
static kr_fold_turn make_turn(uint64_t shift, uint64_t group)
{
    kr_fold_turn turn = { .mask = 0 };
    for (uint64_t w = 0; w < 8; w++) {
        if (group <= 64) {
            turn.first[w] = turn.second[w] = w;
        } else {
            uint64_t words = group / 64, base = w / words * words;
            turn.first[w] = base + (w + shift / 64) % words;
            turn.second[w] = base + (w + shift / 64 + 1) % words;
        }
    }
    turn.right = shift % 64;
    uint64_t width = group < 64 ? group : 64, kept = width - turn.right;
    for (uint64_t b = 0; b < 64; b++) {
        turn.mask |= b % width < kept ? UINT64_C(1) << b : 0;
    }
    turn.left = kept - 1;
    return turn;
}

/* The halo of a vector under a tile offset, made on first use: one turn per coordinate, each a
 * halo of the one before. head (n_vectors) chains the halos of a vector. */
typedef struct halos {
    int32_t capacity;
    int32_t *head, *next, *offset; /* next, offset (capacity) */
} halos;

static int32_t find_halo(kr_fold *fold, halos *h, int32_t dim, int32_t vector, int32_t offset,
                         kr_error *err)
{
    if (offset == 0) {
        return vector;
    }
    for (int32_t k = h->head[vector]; k >= 0; k = h->next[k]) {
        if (h->offset[k] == offset) {
            return fold->n_vectors + k;
        }
    }
    /* the highest coordinate with a turn is turned last */
    int32_t stride = 1, top = 0, top_stride = 1;
    for (int32_t d = 0, rest = offset; d < dim; d++) {
        if (rest % fold->tiles[d]) {
            top = d;
            top_stride = stride;
        }
        rest /= fold->tiles[d];
        stride *= fold->tiles[d];
    }
    int32_t steps = offset / top_stride;
    int32_t source = find_halo(fold, h, dim, vector, offset % top_stride, err);
    if (source < 0) {
        return -1;
    }
    if (fold->n_halos == h->capacity) {
        kr_fail(err, KR_ESANITY, "fold: more than %d halos, want fewer", h->capacity);
        return -1;
    }
    uint64_t bits = 512 / (uint64_t)fold->n_elements;
    uint64_t unit = bits * (uint64_t)fold->n_lanes * (uint64_t)top_stride;
    int32_t k = fold->n_halos++;
    fold->halo[k] = (kr_fold_halo){
        .turn = make_turn(unit * (uint64_t)steps, unit * (uint64_t)fold->tiles[top]),
        .source = source,
        .origin = vector,
    };
    h->offset[k] = offset;
    h->next[k] = h->head[vector];
    h->head[vector] = k;
    return fold->n_vectors + k;
}

/* Vectors in order of color, so halos come sorted by the color of their origin too. */
static int make_halos(plan *p, kr_error *err)
{
    kr_fold *fold = p->fold;
    int32_t dim = p->lattice->dim, n = fold->n_vectors;
    halos h = { .capacity = 0 };
    /* a copy exists for each neighbor slot that is turned, and for its partial turns */
    for (int32_t s = 0; s < p->begin[n]; s++) {
        h.capacity += p->slots[s].turn ? dim : 0;
    }
    size_t capacity = (size_t)h.capacity;
    fold->halo = kr_alloc(capacity, sizeof *fold->halo, err);
    fold->halo_begin = kr_alloc((size_t)fold->n_colors + 1, sizeof *fold->halo_begin, err);
    h.head = kr_alloc((size_t)n, sizeof *h.head, err);
    h.next = kr_alloc(capacity, sizeof *h.next, err);
    h.offset = kr_alloc(capacity, sizeof *h.offset, err);
    int status =
        fold->halo && fold->halo_begin && h.head && h.next && h.offset ? KR_OK : KR_ENOMEM;
    for (int32_t v = 0; status == KR_OK && v < n; v++) {
        h.head[v] = -1;
    }
    for (int32_t c = 0; status == KR_OK && c < fold->n_colors; c++) {
        fold->halo_begin[c] = fold->n_halos;
        for (int32_t place = 0; status == KR_OK && place < n; place++) {
            for (int32_t s = p->begin[place]; s < p->begin[place + 1]; s++) {
                int32_t other = p->slots[s].place;
                if (p->color[other] == c &&
                    find_halo(fold, &h, dim, p->vector[other], p->slots[s].turn, err) < 0) {
                    status = KR_ESANITY;
                    break;
                }
            }
        }
        fold->halo_begin[c + 1] = fold->n_halos;
    }
    /* now each slot finds its halo */
    for (int32_t place = 0; status == KR_OK && place < n; place++) {
        for (int32_t s = p->begin[place]; s < p->begin[place + 1]; s++) {
            slot *to = &p->slots[s];
            to->place = find_halo(fold, &h, dim, p->vector[to->place], to->turn, err);
        }
    }
    kr_free(h.head);
    kr_free(h.next);
    kr_free(h.offset);
    return status;
}

/* Slots, sources and sites in the order of the vectors; slot.place is the source by now. */
static int order_tables(plan *p, kr_error *err)
{
    kr_fold *fold = p->fold;
    size_t n = (size_t)fold->n_vectors, n_slots = (size_t)p->begin[n];
    size_t n_tiles = (size_t)fold->n_tiles;
    fold->site = kr_alloc(n * n_tiles, sizeof *fold->site, err);
    fold->place = kr_alloc(n * n_tiles, sizeof *fold->place, err);
    fold->slot_begin = kr_alloc(n + 1, sizeof *fold->slot_begin, err);
    fold->source = kr_alloc(n_slots, sizeof *fold->source, err);
    fold->entry = kr_alloc(n_slots * n_tiles, sizeof *fold->entry, err);
    int32_t *place_of = kr_alloc(n, sizeof *place_of, err);
    if (!fold->site || !fold->place || !fold->slot_begin || !fold->source || !fold->entry ||
        !place_of) {
        kr_free(place_of);
        return KR_ENOMEM;
    }
    for (size_t place = 0; place < n; place++) {
        place_of[p->vector[place]] = (int32_t)place;
    }
    for (size_t v = 0; v < n; v++) {
        size_t place = (size_t)place_of[v], from = (size_t)p->begin[place];
        size_t to = (size_t)fold->slot_begin[v], count = (size_t)p->begin[place + 1] - from;
        memcpy(fold->site + v * n_tiles, p->site + place * n_tiles, n_tiles * sizeof *p->site);
        memcpy(fold->entry + to * n_tiles, p->entry + from * n_tiles,
               count * n_tiles * sizeof *p->entry);
        for (size_t s = 0; s < count; s++) {
            fold->source[to + s] = p->slots[from + s].place;
        }
        fold->slot_begin[v + 1] = (int32_t)(to + count);
    }
    kr_free(place_of);
    for (size_t k = 0; k < n * n_tiles; k++) {
        fold->place[fold->site[k]] = (int32_t)k;
    }
    return KR_OK;
}

/* KR_EUNSUP when this many tiles do not work. */
static int try_tiles(plan *p, int32_t max_tiles, kr_error *err)
{
    choose_tiles(p->lattice, max_tiles, p->fold);
    p->fold->n_colors = 0;
    KR_TRY(number_sites(p, err));
    return fill_slots(p, err);
}

static int build(plan *p, kr_error *err)
{
    kr_fold *fold = p->fold;
    int32_t max_tiles = fold->n_elements / fold->n_lanes;
    int status = try_tiles(p, max_tiles, err);
    while (status == KR_EUNSUP && max_tiles > 1) {
        plan_clear(p);
        max_tiles /= 2;
        status = try_tiles(p, max_tiles, err);
    }
    KR_TRY(status);
    fold->n_vectors = p->n_places;
    KR_TRY(color_places(p, err));
    KR_TRY(make_halos(p, err));
    KR_TRY(order_tables(p, err));
    return fold->layout == KR_LAYOUT_BITS ? kr_fold_gather(p->terms, fold, err) : KR_OK;
}

kr_fold *kr_fold_alloc(const kr_target *target, kr_layout layout, int32_t n_lanes,
                       kr_error *err)
{
    const kr_terms *terms = target->terms;
    if (!terms->is_pair || n_lanes < 1 || n_lanes > KR_LANES_MAX ||
        terms->neighbor_begin[terms->n_sites] > INT32_MAX / 4) {
        kr_fail(err, KR_EINVAL,
                "fold: %d chains and %lld bond ends, want a pair model, 1..%d chains and at "
                "most %d bond ends",
                n_lanes, (long long)terms->n_terms * 2, KR_LANES_MAX, INT32_MAX / 4);
        return NULL;
    }
    kr_fold *fold = kr_alloc(1, sizeof *fold, err);
    if (!fold) {
        return NULL;
    }
    fold->lattice = target->lattice;
    fold->layout = layout;
    fold->n_elements = layout == KR_LAYOUT_BITS ? 512 : 64;
    fold->n_sites = terms->n_sites;
    fold->n_lanes = 1;
    while (fold->n_lanes < n_lanes) {
        fold->n_lanes *= 2;
    }
    plan p = { .lattice = target->lattice, .terms = terms, .fold = fold };
    int status = build(&p, err);
    plan_clear(&p);
    if (status != KR_OK) {
        kr_fail(err, status, "fold: the sites of a vector are neighbors");
        kr_fold_free(fold);
        return NULL;
    }
    return fold;
}

void kr_fold_clear(kr_fold *fold)
{
    kr_free(fold->color_begin);
    kr_free(fold->site);
    kr_free(fold->place);
    kr_free(fold->slot_begin);
    kr_free(fold->source);
    kr_free(fold->near);
    kr_free(fold->entry);
    kr_free(fold->halo);
    kr_free(fold->halo_begin);
}

void kr_fold_free(kr_fold *fold)
{
    if (fold) {
        kr_fold_clear(fold);
        kr_free(fold);
    }
}

bool kr_fold_is_same(const kr_fold *a, const kr_fold *b)
{
    return a == b || (a && b && a->lattice == b->lattice && a->layout == b->layout &&
                      a->n_lanes == b->n_lanes && a->n_vectors == b->n_vectors &&
                      a->n_halos == b->n_halos && !a->near == !b->near &&
                      a->order == b->order && memcmp(a->tiles, b->tiles, sizeof a->tiles) == 0);
}

size_t kr_fold_bytes(const kr_fold *fold)
{
    return ((size_t)fold->n_vectors + (size_t)fold->n_halos) * KR_VECTOR_BYTES;
}

void kr_fold_refresh(const kr_fold *fold, int32_t color, uint8_t *vectors)
{
    int32_t begin = color < 0 ? 0 : fold->halo_begin[color];
    int32_t end = color < 0 ? fold->n_halos : fold->halo_begin[color + 1];
    for (int32_t h = begin; h < end; h++) {
        const kr_fold_turn *turn = &fold->halo[h].turn;
        uint64_t in[8], out[8];
        memcpy(in, vectors + (size_t)fold->halo[h].source * KR_VECTOR_BYTES, sizeof in);
        for (int w = 0; w < 8; w++) {
            out[w] = (in[turn->first[w]] >> turn->right & turn->mask) |
                     (in[turn->second[w]] << turn->left << 1 & ~turn->mask);
        }
        memcpy(vectors + (size_t)(fold->n_vectors + h) * KR_VECTOR_BYTES, out, sizeof out);
    }
}
