/* SPDX-License-Identifier: GPL-3.0-or-later
 * update/bytes_kernels.h - the work of the engine of one byte per spin, as plain tables for its
 * vector kernels.
 *
 * Every probability is a 64-bit threshold P: an event happens when 64 uniform bits U < P, or
 * always when P is the largest integer. Kernels look up and compare the two highest bytes of 64
 * thresholds at once; the one element in 65536 whose bytes equal those of a threshold gets its
 * other 48 bits from the scalar draws of the same stream. So laws are exact to the accuracy of
 * a double, and no element ever sees the bits of another. */
#ifndef KR_UPDATE_BYTES_KERNELS_H
#define KR_UPDATE_BYTES_KERNELS_H

#include "model/fold.h"
#include "update/local.h"

enum {
    KR_BYTES_SLOTS_MAX = 12,  /* neighbor slots of a vector */
    KR_BYTES_SITE_SLOTS = 6,  /* of rule SITE: 64 classes */
    KR_BYTES_POTTS_SLOTS = 4, /* of rule POTTS_COPY: 15 set partitions */
    KR_BYTES_CLASSES_MAX = 128,
    KR_BYTES_SUM_STATES = 6, /* of rule SUM */
    KR_BYTES_VALUES_MAX = 24,
};

typedef enum kr_bytes_rule {
    KR_BYTES_SITE,         /* two states, a table for every site */
    KR_BYTES_SUM,          /* few states, class = sum of codes of the neighbors */
    KR_BYTES_POTTS_COPY,   /* Potts heat bath: copy a neighbor or draw any state */
    KR_BYTES_POTTS_REJECT, /* antiferromagnetic Potts heat bath: draw until accepted */
    KR_BYTES_POTTS_MOVE,   /* Potts Metropolis */
} kr_bytes_rule;

/* Up to four amounts of one vector of elements, for energies: amount k where bytes of vectors
 * first[k] and second[k] differ, or where both are 1. Unused ones have amount 0. */
typedef struct kr_bytes_group {
    int32_t first[4], second[4];
} kr_bytes_group;

typedef struct kr_bytes_amounts {
    bool is_both;          /* else: where they differ */
    int64_t n;             /* groups */
    kr_bytes_group *group; /* (n); owns */
    double *amount;        /* (n, n_tiles, 4); owns */
} kr_bytes_amounts;

/* One bond of every tile, for energies. */
typedef struct kr_bytes_bond {
    int32_t vector, source;
} kr_bytes_bond;

typedef struct kr_bytes_job {
    kr_bytes_rule rule;
    kr_local_kind kind;
    const kr_fold *fold;
    const kr_terms *terms; /* borrowed */
    double beta;
    int32_t q;
    int32_t n_slots;  /* of each vector; absent ones lead to vector 0 */
    int32_t *source;  /* (n_vectors, n_slots); owns */
    int32_t *rim;     /* (n_vectors) record of a vector where neighbors lack, or -1; NULL: none
                         lacks anywhere; owns */
    uint8_t *present; /* (records, n_slots + 1, 64) 255 where the neighbor exists; last row:
                         what the absent ones add to the class; owns */
    /* thresholds: two highest bytes in 16-entry tables, and all 64 bits */
    int32_t n_tables;  /* tables that make up the classes */
    int32_t n_classes; /* SUM */
    int32_t n_thresholds;
    uint8_t *high, *low; /* SITE: (n_vectors, n_sets, n_tables, table_bytes);
                            others: (n_thresholds, n_tables, 16); owns */
    uint64_t *exact;     /* others: (n_thresholds, 16 n_tables); owns */
    /* SITE */
    int32_t table_bytes; /* 16 with one tile, else 64: the tables of all tiles */
    int32_t n_sets;      /* 2: one for each old state (Metropolis in a field) */
    bool is_even;        /* flipping all spins changes nothing */
    /* SUM */
    uint8_t code[16], own[16]; /* what a neighbor's and the old state add to the class */
    bool is_coded, has_own;    /* code is not the state itself; own is not zero */
    /* POTTS_COPY: what an equal pair (0,1), (0,2), (0,3), (1,2), (1,3), (2,3) adds to the class
     */
    uint8_t pair[6];
    /* POTTS_REJECT: of a state with n equal neighbors */
    double weight[KR_BYTES_SLOTS_MAX + 1];
    /* energies: sums over bonds */
    int64_t n_bonds;     /* entries of bond */
    kr_bytes_bond *bond; /* (n_bonds) vectors of different colors; owns */
    uint8_t *bond_slot;  /* (n_bonds) neighbor slot of bond.vector; owns */
    uint8_t *bond_lacks; /* (n_bonds) 1 where a tile lacks this bond; owns */
    int32_t n_values;    /* others: distinct entries of V */
    double value[KR_BYTES_VALUES_MAX];
    uint8_t value_of[48];        /* SUM: (q, q) index of V[a][b] in value */
    uint8_t row_of[16];          /* SUM: q a */
    kr_bytes_amounts amounts[3]; /* SITE: bonds of unlike spins, of two spins 1, fields */
    double constant;             /* SITE: sum_b J_b V[0][0] + sum_i local[i][0] */
} kr_bytes_job;

/* What a sweep changes. */
typedef struct kr_bytes_run {
    uint8_t *state; /* vectors and halos */
    kr_rng *rng;
    uint32_t *changed; /* (64) elements that changed are counted here; NULL: not counted */
    _Alignas(64) uint8_t live[64]; /* 255 where an element belongs to a chain */
} kr_bytes_run;

typedef struct kr_bytes {
    /* Updates the vectors begin..end-1, all of one color. */
    void (*site)(const kr_bytes_job *job, kr_bytes_run *run, int32_t begin, int32_t end);
    void (*sum)(const kr_bytes_job *job, kr_bytes_run *run, int32_t begin, int32_t end);
    /* Refreshes the halos begin..end-1. */
    void (*refresh)(const kr_fold *fold, int32_t begin, int32_t end, uint8_t *vectors);
    /* sum[e] += amounts of element e. */
    void (*add_amounts)(const kr_fold *fold, const kr_bytes_amounts *amounts,
                        const uint8_t *vectors, double *sum);
    /* pairs[value][e] += bonds of element e with that entry of V, values 1.. */
    void (*sum_bonds)(const kr_bytes_job *job, const uint8_t *vectors, uint32_t *pairs);
    /* count[a][e] += vectors in which element e is in state a, a in 1..q-1 */
    void (*count)(const kr_bytes_job *job, const uint8_t *vectors, uint32_t *count);
} kr_bytes;

typedef struct kr_bytes_potts {
    /* as kr_bytes.site */
    void (*copy)(const kr_bytes_job *job, kr_bytes_run *run, int32_t begin, int32_t end);
    void (*reject)(const kr_bytes_job *job, kr_bytes_run *run, int32_t begin, int32_t end);
    void (*move)(const kr_bytes_job *job, kr_bytes_run *run, int32_t begin, int32_t end);
    /* pairs[e] += bonds of element e between equal states */
    void (*equal_bonds)(const kr_bytes_job *job, const uint8_t *vectors, uint32_t *pairs);
} kr_bytes_potts;

/* Threshold of p: U < P for 64 uniform bits U. */
uint64_t kr_bytes_threshold(double p);
/* Rule SITE: the threshold of one tile's site; bits of class: states of the neighbor slots.
 * Heat bath: of state 1; Metropolis: of leaving state old. Pure. */
uint64_t kr_bytes_site_threshold(const kr_bytes_job *job, int32_t vector, int32_t tile,
                                 uint32_t class, int32_t old);

#endif
