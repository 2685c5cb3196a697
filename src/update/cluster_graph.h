/* SPDX-License-Identifier: GPL-3.0-or-later
 * update/cluster_graph.h - Swendsen-Wang steps on any graph, bond by bond.
 *
 * Both forms: `fortuin_kasteleyn` gives each cluster a fresh state, `reflection` exchanges two
 * states in each cluster or not. See update/swendsen_wang.c for the laws. */
#ifndef KR_UPDATE_CLUSTER_GRAPH_H
#define KR_UPDATE_CLUSTER_GRAPH_H

#include "update/cluster.h"
#include "update/cluster_label.h"

typedef struct kr_graph_plan {
    const kr_clusters *clusters; /* borrowed */
    int64_t n_bonds;
    int32_t *bond;     /* (n_bonds, 2) sites, the larger number first; owns */
    int32_t *coupling; /* (n_bonds) index into couplings; owns */
    bool is_reflection;
    int32_t n_exchanges;
    int32_t *exchange; /* (n_exchanges, 2) pairs of states within classes; owns */
} kr_graph_plan;

/* Errors: KR_ENOMEM. */
int kr_graph_plan_init(kr_graph_plan *plan, const kr_clusters *clusters, bool is_reflection,
                       kr_error *err);
void kr_graph_plan_clear(kr_graph_plan *plan);
size_t kr_graph_bytes(const kr_graph_plan *plan);
/* n_steps steps of one chain; counts are added to. Returns the energy of s. Threads: pure given
 * s, scratch and rng. */
double kr_graph_steps(const kr_graph_plan *plan, int64_t n_steps, uint8_t *s, void *scratch,
                      kr_rng *rng, kr_cluster_counts *counts);

#endif
