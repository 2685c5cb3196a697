/* SPDX-License-Identifier: GPL-3.0-or-later
 * update/cluster_label.h - union-find with the smallest number of a cluster as its root, and
 * what Swendsen-Wang steps count of their clusters.
 *
 * Every parent is at most the element itself, so one pass in ascending order settles all
 * elements: the root's value is known before any other member asks its parent for it.
 * Source: Hoshen, Kopelman, Phys. Rev. B 14, 3438 (1976). */
#ifndef KR_UPDATE_CLUSTER_LABEL_H
#define KR_UPDATE_CLUSTER_LABEL_H

#include <stdbool.h>
#include <stdint.h>

/* Counts are added to; squares only where the caller sets is_sized. */
typedef struct kr_cluster_counts {
    int64_t clusters, accepted, changed;
    int64_t equal_bonds; /* set by the bit kernels: after the last step */
    double squares;      /* sum over steps of the mean of (q sum_a n_a^2 - N^2)/(q - 1) over the
                            new states, given the bonds: of the squared sizes of the clusters */
    bool is_sized;       /* no single-site energies then */
} kr_cluster_counts;

static inline uint32_t kr_label_find(const uint32_t *parent, uint32_t x)
{
    x = parent[parent[x]]; /* two steps without a branch: most chains are shorter */
    while (parent[x] != x) {
        x = parent[x];
    }
    return x;
}

/* Joins the clusters of a and b, both of which then point to the root. */
static inline void kr_label_unite(uint32_t *restrict parent, uint32_t a, uint32_t b)
{
    uint32_t root_a = kr_label_find(parent, a), root_b = kr_label_find(parent, b);
    uint32_t low = root_a < root_b ? root_a : root_b;
    parent[root_a] = low;
    parent[root_b] = low;
    parent[a] = low;
    parent[b] = low;
}

#endif
