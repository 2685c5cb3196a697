/* SPDX-License-Identifier: GPL-3.0-or-later
 * update/cluster.h - what the cluster updates share: bond probabilities and growth.
 *
 * A reflection R = (a b) exchanges two states of one pair class, so V[Ra'][Rb'] = V[a'][b'].
 * Reflecting site i but not its neighbor j changes their bond by
 *   d = J (V[R s_i][s_j] - V[s_i][s_j]),
 * which is J D when s_i = s_j, -J D when {s_i, s_j} = {a, b} and 0 when s_j is neither, with D
 * = V[a][b] - V[a][a] the same for all pairs of a class. A bond joins j to the cluster with
 * probability 1 - exp(-beta max(0, d)); the weight of the bonds that stay open at the rim then
 * cancels the change of their energy. */
#ifndef KR_UPDATE_CLUSTER_H
#define KR_UPDATE_CLUSTER_H

#include "update/cluster_coin.h"
#include "update/cluster_flood.h"
#include "update/couplings.h"

/* One class of interchangeable states with at least two members. */
typedef struct kr_state_class {
    int32_t begin, n;         /* in kr_clusters.member */
    double D;                 /* V[a][b] - V[a][a] */
    const double *p_equal;    /* (couplings.n) bond between equal states; view */
    const double *p_opposite; /* (couplings.n) bond between a and b; view */
    bool has_opposite;        /* some bond is drawn between a and b */
    bool is_one_bias;         /* all bonds that are drawn have the probability of coin */
    kr_coin coin;
} kr_state_class;

/* A periodic box with sides that are powers of two: the neighbors of a site follow from the
 * bits of its number, which is faster than a table that is larger than a cache. */
typedef struct kr_bit_box {
    int32_t dim; /* 2, 3; 0 = some other lattice */
    int32_t step[3], mask[3];
} kr_bit_box;

typedef struct kr_clusters {
    const kr_terms *terms;
    double beta;
    kr_couplings couplings;
    int32_t n_classes;
    kr_state_class *classes; /* owns */
    int32_t *class_of;       /* (q) index into classes, -1 = no partner; owns */
    int32_t *member;         /* states class by class; owns */
    double *p;               /* bond probabilities of all classes; owns */
    int32_t degree;          /* neighbors of each site; 0 = not the same for all */
    kr_bit_box bit_box;
    bool has_uniform_local; /* single-site energies are the same at all sites */
} kr_clusters;

/* Pair models only. Errors: KR_ENOMEM. */
int kr_clusters_init(kr_clusters *clusters, const kr_target *target, kr_error *err);
void kr_clusters_clear(kr_clusters *clusters);
/* False with the reason unless some two states are interchangeable. name: of the update. */
bool kr_clusters_supported(const kr_target *target, const char *name, kr_error *why);

/* ---- growth of one cluster (update/cluster_grow.c) ----------------------------------------
 */

/* Large clusters of a box whose bonds join equal states only go on by words. */
typedef struct kr_growth_plan {
    const kr_clusters *clusters; /* borrowed */
    const kr_flood *flood;       /* NULL: never */
    kr_flood_plan words;
    int32_t flood_from; /* sites worked off one by one before that, at least 1 */
} kr_growth_plan;

/* Errors: KR_ENOMEM. */
int kr_growth_plan_init(kr_growth_plan *plan, const kr_clusters *clusters,
                        const kr_lattice *lattice, kr_isa isa, kr_error *err);
void kr_growth_plan_clear(kr_growth_plan *plan);
size_t kr_growth_bytes(const kr_growth_plan *plan);

/* Working memory of one chain, in the caller's scratch. */
typedef struct kr_growth {
    const kr_growth_plan *plan;
    int32_t *list;    /* (n_sites + 1) sites worked off one by one, then those that wait */
    uint8_t *mark;    /* (n_sites) 1 = in the cluster; used where a state has no bit to spare */
    int32_t n_worked; /* of list, by the last cluster */
    bool is_flooded;  /* the last cluster went on by words */
    void *flood_scratch;
    kr_flood_work flood; /* word == NULL: not laid out yet */
    kr_purse purse;
} kr_growth;

/* Lays the arrays out in scratch. Coins that are left over serve the next cluster, so one
 * growth is for one sweep: begin anew where a restart may begin. */
kr_growth kr_growth_begin(const kr_growth_plan *plan, void *scratch, kr_rng *rng);

/* Grows the cluster of seed under the exchange of s[seed] = a and b, two states of the class,
 * and reflects it. Returns its size and adds to *delta the change of the pair energy. */
int32_t kr_cluster_reflect(const kr_state_class *class, int32_t b, int32_t seed, uint8_t *s,
                           kr_growth *growth, double *delta);
/* Reflects the sites of the last cluster again. */
void kr_cluster_undo(int32_t a, int32_t b, uint8_t *s, const kr_growth *growth);
/* Change of the single-site energies by the reflection of the last cluster, of `size` sites,
 * that was grown from a to b. */
double kr_cluster_field(int32_t a, int32_t b, const uint8_t *s, const kr_growth *growth,
                        int32_t size);

#endif
