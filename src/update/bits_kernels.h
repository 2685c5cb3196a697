/* SPDX-License-Identifier: GPL-3.0-or-later
 * update/bits_kernels.h - plain tables that the bit-parallel kernels run on.
 *
 * All sites of a color are independent given the others, so a color is a list of passes: sets
 * of vectors that share a number of neighbor slots, a law and the kind of masks they need. The
 * kernels are compiled once per instruction set and draw the same words in the same order.
 * Threads: pure given state, stream and sums. */
#ifndef KR_UPDATE_BITS_KERNELS_H
#define KR_UPDATE_BITS_KERNELS_H

#include "kramers_plug.h"
#include "update/local.h"

#define KR_BITS_CLASSES 16 /* local fields told apart by a law */
#define KR_BITS_SLOTS   15 /* neighbors of a site */
#define KR_BITS_DIGITS  15 /* digits of u that are drawn for whole vectors */
#define KR_BITS_LEVELS  40 /* planes of a vertical counter */

/* How neighbors are counted and classes told apart. Symmetric: no field, so a count k and its
 * mirror z - k share a class and the majority is favored. */
typedef enum kr_bits_scheme {
    KR_BITS_SYMMETRIC_4, /* z = 4: classes |2k - 4| = 4, 2 */
    KR_BITS_SYMMETRIC_6, /* z = 6: classes |2k - 6| = 6, 4, 2 */
    KR_BITS_COUNT_4,     /* class k, at most 4, 5, 8, 16 classes */
    KR_BITS_COUNT_5,
    KR_BITS_COUNT_8,
    KR_BITS_COUNT_16,
    KR_BITS_N_SCHEMES
} kr_bits_scheme;

/* Thresholds of all classes at one digit. */
typedef enum kr_bits_kind {
    KR_BITS_MIXED,
    KR_BITS_ZEROS,
    KR_BITS_ZEROS_STILL, /* the digit before was the same */
    KR_BITS_ONES,
    KR_BITS_ODD, /* set for odd classes: the first digit of the class itself */
    KR_BITS_EVEN,
} kr_bits_kind;

/* Every class has a favored state; the other one is drawn with probability P. Words are all
 * ones or all zeros, ready to be broadcast. */
typedef struct kr_bits_law {
    kr_bits_scheme scheme;
    uint64_t favored[KR_BITS_CLASSES]; /* symmetric schemes: [0] is set when the minority is */
    /* heat bath: both states have probability 1/2; Metropolis: the site flips for sure */
    uint64_t tie[KR_BITS_CLASSES];
    uint64_t threshold[64][KR_BITS_CLASSES]; /* binary digits of P, highest first */
    uint64_t P[KR_BITS_CLASSES];             /* in units of 2^-64 */
    uint8_t kind[64];                        /* kr_bits_kind of each digit */
    /* Chains with laws of their own, which agree in all of the above but threshold and P:
     * tables in their place, or NULL; own. Then the scheme is a symmetric one, COUNT_8 or
     * COUNT_16. */
    uint64_t *lane_threshold; /* (KR_BITS_DIGITS, KR_BITS_CLASSES, 8) */
    uint64_t *lane_P;         /* (n_lanes, KR_BITS_CLASSES) */
    int32_t n_lanes;          /* a power of two, at most KR_BITS_LANES */
} kr_bits_law;

#define KR_BITS_LANES 32 /* a vector has the same lane 32 elements on */

/* The law of sites with z neighbors over bonds of one coupling, up to sign. is_rim: z is the
 * most and class = 2 k + missing, k neighbors up. */
void kr_bits_law_make(kr_local_kind kind, double beta, double coupling, double field, int32_t z,
                      bool is_rim, kr_bits_law *law);

/* The same with the chains of a fold of n_lanes at temperatures of their own, beta (n_beta <=
 * n_lanes). Errors: KR_ENOMEM; KR_EUNSUP when these laws do not go together. */
int kr_bits_law_make_lanes(kr_local_kind kind, const double *beta, int32_t n_beta,
                           int32_t n_lanes, double coupling, double field, int32_t z,
                           bool is_rim, kr_bits_law *law, kr_error *err);

typedef struct kr_bits_pass {
    const kr_bits_law *law;
    int32_t n, n_slots;
    int32_t *vector; /* (n); owns */
    int32_t *source; /* (n, n_slots) vector or halo, or NULL: gathered; owns */
    /* gathered: (n, n_slots, 512 / width) neighbors, counted in words of width = 16, 32 or 64
     * bits from the start of the states, and (n, 8) elements that belong to a site; own */
    int32_t width, *near;
    uint64_t *filled;
    uint64_t *sign; /* (n, n_slots, 8) set where the coupling is negative, or NULL; owns */
    /* vectors that lack some neighbors: class = 2 k + missing */
    uint64_t *present; /* (n, n_slots, 8), or NULL; owns */
    uint64_t *missing; /* (n, 3, 8) binary digits of the number of missing ones; owns */
} kr_bits_pass;

typedef struct kr_bits_halo {
    uint64_t first[8], second[8], right, left, mask; /* as in kr_fold_turn, but left + 1 */
    uint64_t source, target;
    uint64_t reserved[3];
} kr_bits_halo;

/* A vertical counter: 512 numbers in binary digits, one plane per digit. A second plane of the
 * same weight waits for its turn. Levels above those in use are not touched. */
typedef struct kr_bits_sum {
    struct {
        uint64_t plane[8], waiting[8];
    } level[KR_BITS_LEVELS];
    uint64_t n_eights; /* planes of weight 8 that arrived */
    uint64_t reserved[7];
} kr_bits_sum;

/* Levels that n planes of weight 1 use, added in any number of parts: at least. */
static inline int kr_bits_levels(uint64_t n)
{
    int levels = 4;
    for (n /= 4; n; n >>= 1) {
        levels++;
    }
    return levels;
}

typedef struct kr_bits_kernels {
    const char *name;
    /* One sweep over the vectors of a pass. valid (8): elements that belong to a chain; the
     * others stay zero and draw nothing. */
    void (*pass)(const kr_bits_pass *pass, bool is_metropolis, const uint64_t *valid,
                 uint64_t *state, kr_rng *rng);
    void (*refresh)(const kr_bits_halo *halo, int32_t n, uint64_t *state);
} kr_bits_kernels;

typedef struct kr_bits_sums {
    /* Adds to sum, per element, the bond ends of the pass whose spins differ, or, where the
     * sign is set, agree. */
    void (*count_bonds)(const kr_bits_pass *pass, const uint64_t *valid, const uint64_t *state,
                        kr_bits_sum *sum);
    /* Adds n vectors of spins. */
    void (*count_spins)(int32_t n, const uint64_t *state, kr_bits_sum *sum);
    /* Copies the vectors begin, begin + step, ... of a pass to old (n, 8); returns n. */
    int32_t (*keep)(const kr_bits_pass *pass, int32_t begin, int32_t step,
                    const uint64_t *state, uint64_t *old);
    /* Adds the spins that differ from old (n, 8) in the vectors begin, begin + step, ... of a
     * pass. */
    void (*count_flips)(const kr_bits_pass *pass, int32_t begin, int32_t step,
                        const uint64_t *old, const uint64_t *state, kr_bits_sum *sum);
    /* total[lane] (n_lanes, a power of two <= 64) of a counter, elements of a lane added. */
    void (*total)(const kr_bits_sum *sum, int32_t n_lanes, int64_t *total);
} kr_bits_sums;

typedef struct kr_bits_counts {
    int64_t up, bonds, flips;
} kr_bits_counts;

/* The same numbers for a single chain, by the population count of whole vectors. */
typedef struct kr_bits_popcount {
    /* Of n vectors; bond ends of n_passes; flips: those that differ from old (n, 8), or 0
     * without. */
    kr_bits_counts (*measure)(const kr_bits_pass *pass, int32_t n_passes, int32_t n,
                              const uint64_t *state, const uint64_t *old);
    int64_t (*flips)(const kr_bits_pass *pass, int32_t begin, int32_t step, const uint64_t *old,
                     const uint64_t *state);
} kr_bits_popcount;

/* NULL where this CPU has no such instruction. */
const kr_bits_popcount *kr_bits_popcount_find(kr_isa isa);

#endif
