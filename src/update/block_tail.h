/* SPDX-License-Identifier: GPL-3.0-or-later
 * update/block_tail.h - a block of sites drawn anew from a density made for it, anywhere on the
 * lattice. */
#ifndef KR_UPDATE_BLOCK_TAIL_H
#define KR_UPDATE_BLOCK_TAIL_H

#include "kramers_plug.h"

#include "update/group.h"

/* The tail of a density with KR_DENSITY_BLOCK, the bonds that its energy depends on, and the
 * symmetries that carry it about. */
typedef struct kr_block_tail {
    const kr_terms *terms;     /* borrowed */
    const kr_density *density; /* borrowed */
    kr_density_block shape;
    int32_t *site;       /* (n_given + n_drawn) given, then drawn; owns */
    int64_t n_bonds;     /* with an end in the block */
    int32_t *bond;       /* (n_bonds, 2) sites; owns */
    double *J;           /* (n_bonds) owns */
    kr_group *group;     /* NULL: the block stays where it is; owns */
    uint8_t *is_reached; /* (n_sites) sites that the block and its images cover; owns */
    int64_t n_moves; /* of one sweep: sites reached over those of the block; 1 where it stays */
} kr_block_tail;

/* The density must be one for a block, the terms those of a pair model. With has_symmetry the
 * block goes anywhere that the symmetries of the terms carry it: KR_EUNSUP where that is
 * nowhere. KR_ENOMEM. On failure nothing is left. */
int kr_block_tail_init(kr_block_tail *tail, const kr_target *target, const kr_density *density,
                       bool has_symmetry, kr_error *err);
void kr_block_tail_clear(kr_block_tail *tail);

/* The following are pure. image (n_given + n_drawn): where the sites of the tail lie, under a
 * random symmetry that does not look at any state. */
void kr_block_tail_place(const kr_block_tail *tail, int32_t *image, kr_rng *rng);
/* Rows of n bytes of the sites of the tail, from their images in state into the places that the
 * density knows them by; both with that stride. */
void kr_block_tail_gather(const kr_block_tail *tail, const int32_t *image, int32_t stride,
                          const uint8_t *state, uint8_t *out);
/* energy (n_lanes): of the bonds and fields of the block, states as gathered. */
void kr_block_tail_energy(const kr_block_tail *tail, int32_t n_lanes, int32_t stride,
                          const uint8_t *state, double *energy);

/* 64-byte aligned scratch of the moves, that of the density included, and its parts: scratch
 * of the density; room for the states of KR_LANES_MAX chains; for the images. */
size_t kr_block_tail_scratch_bytes(const kr_block_tail *tail);
typedef struct kr_block_tail_parts {
    void *inner;
    uint8_t *state;
    int32_t *image;
} kr_block_tail_parts;
kr_block_tail_parts kr_block_tail_take(const kr_block_tail *tail, void *scratch);
/* n_moves attempts in every lane of a block in layout LANE at inverse temperature beta. */
void kr_block_tail_run(const kr_block_tail *tail, double beta, kr_block *block, int64_t n_moves,
                       void *scratch, kr_tally *tally);

#endif
