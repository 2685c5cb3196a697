/* SPDX-License-Identifier: GPL-3.0-or-later
 * update/bits_tables.h - a model and a fold as the tables that the bit-parallel kernels run on.
 */
#ifndef KR_UPDATE_BITS_TABLES_H
#define KR_UPDATE_BITS_TABLES_H

#include "model/fold.h"
#include "update/bits_kernels.h"
#include "update/local.h"

typedef struct kr_bits_tables {
    const kr_terms *terms;
    kr_fold *fold; /* owns */
    kr_local_kind kind;
    double beta;
    const double *lane_beta; /* (n_lanes) while the tables are made, or NULL */
    int32_t n_lanes;
    double coupling, field;        /* K, h */
    bool is_mixed;                 /* couplings of both signs: K > 0 */
    double energy_zero;            /* H where no bond is counted and no spin is up */
    int32_t n_passes, *pass_begin; /* (n_colors + 1) */
    kr_bits_pass *pass;            /* (n_passes) */
    int32_t n_laws;
    kr_bits_law *law;               /* (n_passes) at most */
    kr_bits_halo *halo;             /* in the order of the fold */
    uint64_t most_planes;           /* planes a counter gets in a call */
    _Alignas(64) uint64_t valid[8]; /* elements of a whole block */
} kr_bits_tables;

/* Fills zeroed tables for blocks of the lanes of the setting. Errors: KR_ENOMEM; KR_EUNSUP, a
 * model without such tables. After an error they are to be cleared too. */
int kr_bits_tables_init(kr_bits_tables *t, const kr_update_setting *setting, kr_local_kind kind,
                        kr_error *err);
void kr_bits_tables_clear(kr_bits_tables *t);

/* The elements of a fold that belong to the first n_lanes chains: valid (8), filled. */
void kr_bits_tables_valid(const kr_fold *fold, int32_t n_lanes, uint64_t *valid);

#endif
