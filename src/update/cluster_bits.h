/* SPDX-License-Identifier: GPL-3.0-or-later
 * update/cluster_bits.h - Swendsen-Wang steps of a box on bit planes.
 *
 * States are kept as bit planes along rows (coordinate 0), 64 sites to a word. Bonds are tossed
 * a word at a time; the unit that gets a label is a run, a chain of sites joined along the row
 * within a word. The kernel is built once per instruction set, because counting and scattering
 * bits is one instruction on some and many on others; all give the same bits. */
#ifndef KR_UPDATE_CLUSTER_BITS_H
#define KR_UPDATE_CLUSTER_BITS_H

#include "update/cluster_box.h"
#include "update/cluster_coin.h"
#include "update/cluster_label.h"

enum { KR_BITS_SIZES = 64 }; /* sizes of clusters whose weights are tabulated */

typedef struct kr_bits_plan {
    kr_box box;
    int32_t q, n_planes, n_words; /* words of a row */
    int32_t n_rows;
    kr_coin coin;
    double *beta_local; /* (q) beta U[a] - min; NULL = no field; owns */
    double *weight;     /* (KR_BITS_SIZES, q) exp(-size beta_local[a]); owns */
} kr_bits_plan;

typedef struct kr_bits {
    const char *name;
    /* n_steps steps of one chain: s (n_sites) in and out; counts added to, equal_bonds set;
     * scratch of kr_bits_bytes. Threads: pure given s, scratch and rng. */
    void (*steps)(const kr_bits_plan *plan, int64_t n_steps, uint8_t *s, void *scratch,
                  kr_rng *rng, kr_cluster_counts *counts);
} kr_bits;

/* The kernel for an instruction set that runs (base/isa.h). Threads: pure. */
const kr_bits *kr_bits_of(kr_isa isa);

/* p: probability that a bond of equal states is kept; local (q): beta U[a], NULL = no field.
 * Errors: KR_ENOMEM. */
int kr_bits_plan_init(kr_bits_plan *plan, const kr_box *box, int32_t q, double p,
                      const double *beta_local, kr_error *err);
void kr_bits_plan_clear(kr_bits_plan *plan);
size_t kr_bits_bytes(const kr_bits_plan *plan);

#endif
