/* SPDX-License-Identifier: GPL-3.0-or-later
 * update/cluster_flood.h - growth of a large cluster by words of 64 sites along rows.
 *
 * Takes over a cluster whose growth site by site has become large. Sites worked off so far have
 * their new state b and all their bonds drawn; sites that wait are marked; no bond between two
 * sites that are marked or in state a has been drawn. So the rest of the cluster is what the
 * marked sites reach through bonds tossed now among the sites that are marked or in state a:
 * the law is the same wherever the change happens. Bonds of a word are tossed when growth first
 * comes near it. */
#ifndef KR_UPDATE_CLUSTER_FLOOD_H
#define KR_UPDATE_CLUSTER_FLOOD_H

#include "update/cluster_box.h"
#include "update/cluster_coin.h"

/* 64 sites of a row: one cache line. */
typedef struct kr_flood_word {
    uint64_t taken;   /* in state a or marked when the word was first looked at */
    uint64_t free;    /* of these not yet in the cluster */
    uint64_t pending; /* in the cluster, bonds not yet followed */
    uint64_t image;   /* in state b */
    uint64_t links;   /* kept bonds x, x + 1 with both ends in the word and taken */
    uint64_t along;   /* coin of the bond from x to x + 1, also out of the word */
    uint64_t across;  /* coin of the bond to the next row */
    uint64_t spare;
} kr_flood_word;

typedef struct kr_flood_plan {
    kr_box box;
    int32_t n_words, n_rows; /* words of a row, rows */
    int32_t *first;          /* (n_rows * n_words) first site of a word; owns */
    uint8_t *size;           /* (n_rows * n_words) sites of a word; owns */
    int32_t *beside; /* (n_rows * n_words, 4) word after, before, in the next row, in the row
                        before; one that does not exist is number n_rows * n_words; owns */
} kr_flood_plan;

/* Boxes of 2 dimensions. Errors: KR_ENOMEM. */
int kr_flood_plan_init(kr_flood_plan *plan, const kr_box *box, kr_error *err);
void kr_flood_plan_clear(kr_flood_plan *plan);
size_t kr_flood_bytes(const kr_flood_plan *plan);

/* Working memory of one chain. Words touched by the last cluster keep their content until the
 * next one, so that it can be undone. */
typedef struct kr_flood_work {
    kr_flood_word *word;
    int32_t *ring, *touched;
    uint8_t *is_touched;
    int32_t n_touched, ring_mask;
} kr_flood_work;

kr_flood_work kr_flood_begin(const kr_flood_plan *plan, void *scratch);

typedef struct kr_flood {
    const char *name;
    /* Grows from the marked sites list[0..n) (state a + 128) and reflects what joins, a -> b.
     * Returns the number of sites reflected, those of the list included, and adds to *broken
     * the bonds a-a broken less the bonds a-b made equal. Threads: pure given s, work, rng. */
    int64_t (*grow)(const kr_flood_plan *plan, const kr_coin *coin, int32_t a, int32_t b,
                    const int32_t *list, int32_t n, uint8_t *s, kr_flood_work *work,
                    kr_rng *rng, int64_t *broken);
    /* Reflects these sites again. */
    void (*undo)(const kr_flood_plan *plan, int32_t a, int32_t b, uint8_t *s,
                 const kr_flood_work *work);
} kr_flood;

/* The kernel for an instruction set that runs (base/isa.h). Threads: pure. */
const kr_flood *kr_flood_of(kr_isa isa);

#endif
