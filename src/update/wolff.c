/* SPDX-License-Identifier: GPL-3.0-or-later
 * update/wolff.c - single-cluster update: grow the cluster of a random site, reflect it.
 *
 * The reflection exchanges the state a of the seed with another state b of its pair class.
 * Bonds are as in update/cluster.h. Single-site energies U do not enter the growth; the
 * reflected cluster C is accepted with min(1, exp(-beta (U'(C) - U(C)))). That is the ghost
 * spin of a field (a site bonded to every spin, which forbids the flip of clusters it belongs
 * to) summed out: growing with ghost bonds accepts C with the probability prod_i exp(-beta
 * max(0, u_i)) over its sites, u_i the cost of site i, which is never more than min(1,
 * exp(-beta sum_i u_i)). Both satisfy detailed balance, so the form used here is the better one
 * in the order of Peskun, Biometrika 60, 607 (1973). Source: Wolff, Phys. Rev. Lett. 62, 361
 * (1989); ghost spin: Griffiths, J. Math. Phys. 8, 484 (1967). Threads: pure given block,
 * scratch and tally. */
#include "base/memory.h"
#include "update/cluster.h"
#include "update/embedded.h"

#include <math.h>

typedef struct wolff_params {
    int64_t clusters;
} wolff_params;

typedef struct wolff {
    kr_clusters clusters;
    kr_growth_plan growth;
    kr_embedded embedded; /* of real variables, else its action is NULL */
    int64_t n_per_sweep;
} wolff;

static bool wolff_supports(const kr_target *target, const void *params, kr_error *why)
{
    (void)params;
    kr_embedded embedded;
    return target->terms->action ? kr_embedded_init(&embedded, "wolff", target, why) == KR_OK
                                 : kr_clusters_supported(target, "wolff", why);
}

static void wolff_free(void *self)
{
    wolff *w = self;
    if (w && !w->embedded.action) {
        kr_growth_plan_clear(&w->growth);
        kr_clusters_clear(&w->clusters);
    }
    kr_free(w);
}

static void *wolff_alloc(const kr_update_setting *setting, const void *params, kr_error *err)
{
    const kr_target *target = setting->target;
    const wolff_params *p = params;
    wolff *w = kr_alloc(1, sizeof *w, err);
    if (!w) {
        return NULL;
    }
    w->n_per_sweep = p->clusters;
    if (target->terms->action) {
        if (kr_embedded_init(&w->embedded, "wolff", target, err) != KR_OK) {
            kr_free(w);
            return NULL;
        }
        return w;
    }
    if (kr_clusters_init(&w->clusters, target, err) != KR_OK ||
        kr_growth_plan_init(&w->growth, &w->clusters, target->lattice, setting->isa, err) !=
            KR_OK) {
        wolff_free(w);
        return NULL;
    }
    return w;
}

static size_t wolff_scratch_bytes(const void *self, int32_t n_lanes)
{
    (void)n_lanes;
    const wolff *w = self;
    return w->embedded.action ? kr_embedded_bytes(&w->embedded) : kr_growth_bytes(&w->growth);
}

/* One cluster; returns the number of sites reflected. */
static int32_t wolff_move(const kr_clusters *clusters, uint8_t *s, double *energy,
                          kr_growth *growth, kr_rng *rng)
{
    const kr_terms *terms = clusters->terms;
    int32_t seed = (int32_t)kr_rng_below(rng, (uint32_t)terms->n_sites), a = s[seed];
    if (clusters->class_of[a] < 0) {
        return 0;
    }
    const kr_state_class *class = &clusters->classes[clusters->class_of[a]];
    const int32_t *member = clusters->member + class->begin;
    int32_t choice = (int32_t)kr_rng_below(rng, (uint32_t) class->n - 1);
    int32_t b = member[choice] == a ? member[class->n - 1] : member[choice];
    double delta = 0.0;
    int32_t size = kr_cluster_reflect(class, b, seed, s, growth, &delta);
    if (terms->has_local) {
        double field = kr_cluster_field(a, b, s, growth, size);
        if (!kr_rng_bernoulli(rng, exp(-clusters->beta * field))) {
            kr_cluster_undo(a, b, s, growth);
            return 0;
        }
        delta += field;
    }
    *energy += delta;
    return size;
}

/* One sweep of one chain. */
static void wolff_chain(const wolff *w, kr_block *block, int32_t lane, void *scratch,
                        kr_tally *tally)
{
    uint8_t *s = block->state + (size_t)lane * (size_t)block->n_sites;
    kr_growth growth = kr_growth_begin(&w->growth, scratch, block->rng);
    for (int64_t k = 0; k < w->n_per_sweep; k++) {
        int32_t changed =
            wolff_move(&w->clusters, s, &block->energy[lane], &growth, block->rng);
        tally->attempted[lane]++;
        tally->accepted[lane] += changed > 0;
        tally->changed[lane] += changed;
        if (changed > 0) {
            kr_block_touch(block);
        }
    }
}

static void wolff_sweep(const void *self, kr_block *block, int64_t n_sweeps, void *scratch,
                        kr_tally *tally)
{
    const wolff *w = self;
    for (int64_t k = 0; k < n_sweeps; k++) {
        for (int32_t lane = 0; lane < block->n_lanes; lane++) {
            if (w->embedded.action) {
                kr_embedded_wolff(&w->embedded, block, lane, w->n_per_sweep, scratch, tally);
            } else {
                wolff_chain(w, block, lane, scratch, tally);
            }
        }
    }
    if (w->embedded.action) {
        kr_block_touch(block);
    }
}

static const char *wolff_engine(const void *self)
{
    const wolff *w = self;
    return w->embedded.action ? "embedded" : w->growth.flood ? "words" : "queue";
}

static const kr_field fields[] = {
    { .name = "clusters",
      .type = KR_TYPE_INT,
      .offset = offsetof(wolff_params, clusters),
      .fallback = "1",
      .min = 1,
      .max = 1e9,
      .doc = "clusters grown per sweep" },
    KR_FIELD_END,
};

const kr_update_plug kr_update_wolff = {
    .name = "wolff",
    .doc =
        "grows one cluster by exchange of two interchangeable states, or of the signs of real "
        "variables, and reflects it; a field enters by accepting or refusing the whole "
        "cluster",
    .source = "Wolff, Phys. Rev. Lett. 62, 361 (1989)",
    .fields = fields,
    .params_size = sizeof(wolff_params),
    .flags = KR_UPDATE_IRREDUCIBLE_ONE_CLASS | KR_UPDATE_ONE_CLUSTER,
    .layouts = KR_LAYOUT_CHAIN | KR_LAYOUT_REAL,
    .supports = wolff_supports,
    .alloc = wolff_alloc,
    .free = wolff_free,
    .scratch_bytes = wolff_scratch_bytes,
    .engine = wolff_engine,
    .sweep = wolff_sweep,
};
