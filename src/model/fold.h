/* SPDX-License-Identifier: GPL-3.0-or-later
 * model/fold.h - how chains and equal tiles of the lattice share the elements of vectors.
 *
 * The lattice is cut into n_tiles equal boxes. A place is a position within a tile; the sites
 * at one place of all tiles, for n_lanes chains, fill one 64-byte vector:
 *
 *     element = tile * n_lanes + lane,   512 elements of one bit or 64 of one byte.
 *
 * So neighbors of a whole vector are whole vectors again. Where a neighbor lies in another tile
 * the vector is needed turned by whole tiles; such copies are halos, kept behind the n_vectors
 * true vectors and refreshed after the color of their origin was updated. No kernel shifts
 * anything. With one chain this is the strided multi-spin layout (Zorn, Herrmann, Rebbi,
 * Comput. Phys. Commun. 23, 337 (1981)), with many chains and one tile the replica-coded one.
 *
 * Vectors are sorted by color; no two sites of a color are neighbors. Any pair model on any
 * lattice has a fold (one tile); boxes with even sides have many tiles.
 *
 * Layout BITS has a second kind, gathered, for graphs, odd sides and boxes with few tiles.
 * There every tile is one site, any site of the color, and there are 512 / n_lanes of them. The
 * neighbors of a vector are no vector: their tiles, words of n_lanes bits, are fetched one by
 * one. There are no halos. */
#ifndef KR_MODEL_FOLD_H
#define KR_MODEL_FOLD_H

#include "kramers_plug.h"

#define KR_VECTOR_BYTES 64

/* out = ((first-permuted words >> right) & mask) | ((second-permuted words << left << 1) &
 * ~mask): element e of out is element e + s, counted round within its group. */
typedef struct kr_fold_turn {
    uint64_t first[8], second[8]; /* word of the source for each of the 8 words */
    uint64_t right, left, mask;
} kr_fold_turn;

typedef struct kr_fold_halo {
    kr_fold_turn turn;
    int32_t source; /* a vector, or an earlier halo counted from n_vectors */
    int32_t origin; /* the vector it is a copy of */
} kr_fold_halo;

struct kr_fold {
    const kr_lattice *lattice; /* borrowed */
    kr_layout layout;          /* KR_LAYOUT_BITS or KR_LAYOUT_BYTES */
    int32_t n_elements;        /* 512 or 64 */
    int32_t n_lanes, n_tiles;  /* powers of two, n_lanes * n_tiles <= n_elements */
    int32_t tiles[KR_DIM_MAX]; /* along each coordinate; coordinate 0 runs fastest */
    int32_t n_sites, n_vectors;
    int32_t n_colors;
    int32_t *color_begin; /* (n_colors + 1) vectors; owns */
    int32_t *site;        /* (n_vectors, n_tiles); gathered: -1 where idle; owns */
    int32_t *place;       /* (n_sites) vector * n_tiles + tile, the inverse of site; owns */
    int32_t *slot_begin;  /* (n_vectors + 1) neighbor slots of a vector; owns */
    int32_t *source;      /* (slots) vector, or n_vectors + halo; NULL if gathered; owns */
    int32_t *near;  /* (slots, n_tiles) place of the neighbor, or NULL: not gathered; owns */
    int64_t *entry; /* (slots, n_tiles) index into neighbor and J of the terms, or -1 where
                       the tile lacks this neighbor (open rim) or is idle; owns */
    int32_t n_halos;
    kr_fold_halo *halo;  /* sorted by the color of their origin; owns */
    int32_t *halo_begin; /* (n_colors + 1) halos to refresh after a color; owns */
    uint64_t order;      /* of a gathered fold: hash of site */
};

/* The fold with the most tiles for blocks of up to n_lanes chains (rounded up to a power of
 * two, <= KR_LANES_MAX), or a gathered one where that is faster. Pair models only. The choice
 * follows from the neighbors of the sites, so blocks on one lattice have one fold. Cost:
 * O(bonds). NULL with KR_ENOMEM, KR_EINVAL. */
kr_fold *kr_fold_alloc(const kr_target *target, kr_layout layout, int32_t n_lanes,
                       kr_error *err);
void kr_fold_free(kr_fold *fold);
/* Makes a finished fold a gathered one if that is faster. For kr_fold_alloc. */
int kr_fold_gather(const kr_terms *terms, kr_fold *fold, kr_error *err);
/* Frees the tables of a fold. */
void kr_fold_clear(kr_fold *fold);
/* True when states in one are states in the other. */
bool kr_fold_is_same(const kr_fold *a, const kr_fold *b);
/* Bytes of the vectors with their halos. */
size_t kr_fold_bytes(const kr_fold *fold);
/* Between layout CHAIN (n_lanes, n_sites) and vectors. Elements of no chain become zero; halos
 * are left alone. Pure. */
void kr_fold_pack(const kr_fold *fold, int32_t n_lanes, const uint8_t *chain, uint8_t *vectors);
void kr_fold_unpack(const kr_fold *fold, int32_t n_lanes, const uint8_t *vectors,
                    uint8_t *chain);
/* The same for the chains from `first` alone, the others stay: layout BITS, n_lanes >= 8. */
void kr_fold_pack_lanes(const kr_fold *fold, int32_t first, int32_t n_lanes,
                        const uint8_t *chain, uint8_t *vectors);
void kr_fold_unpack_lanes(const kr_fold *fold, int32_t first, int32_t n_lanes,
                          const uint8_t *vectors, uint8_t *chain);
/* Refreshes the halos of one color, or of all with color -1. Reference code; kernels have their
 * own. Pure. */
void kr_fold_refresh(const kr_fold *fold, int32_t color, uint8_t *vectors);

#endif
