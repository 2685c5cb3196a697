/* SPDX-License-Identifier: GPL-3.0-or-later
 * update/houdayer.c - isoenergetic cluster move: two chains of one system exchange a cluster of
 * sites at which they differ.
 *
 * Chains 2k and 2k + 1 of a block have the same temperature and couplings. One of the sites at
 * which they differ (q_i = s_i s'_i = -1) is drawn, and the connected cluster of such sites
 * around it is exchanged. A bond that leaves the cluster ends at a site where both chains
 * agree, so what one chain loses in energy the other wins, for any symmetric pair table and for
 * single-site energies as well. The sites that differ stay the same, so the way back is as
 * likely: detailed balance for the product of the two laws without any rejection. The chains of
 * a pair are independent at any one time but not from one time to the next; statistics have to
 * use the means of pairs. Not irreducible: it goes with a local update.
 *
 * Where clusters percolate, as in three dimensions at high temperature, the move only exchanges
 * the two chains but for a few sites: useless, not wrong. Source: Houdayer, Eur. Phys. J. B 22,
 * 479 (2001); Zhu, Ochoa, Katzgraber, Phys. Rev. Lett. 115, 077201 (2015). Threads: pure given
 * block, scratch and tally. */
#include "base/memory.h"
#include "base/rng.h"
#include <string.h>

typedef struct houdayer_params {
    int64_t clusters;
} houdayer_params;

typedef struct houdayer {
    const kr_terms *terms;
    int64_t n_per_sweep;
} houdayer;

static bool houdayer_supports(const kr_target *target, const void *params, kr_error *why)
{
    (void)params;
    const kr_terms *terms = target->terms;
    if (!terms->is_pair || terms->q != 2) {
        kr_fail(why, KR_EUNSUP,
                "update houdayer: %s with %d states, want a pair model with two states",
                terms->is_pair ? "a pair model" : "a model of many-body terms", terms->q);
        return false;
    }
    return true;
}

static void houdayer_free(void *self)
{
    kr_free(self);
}

static void *houdayer_alloc(const kr_update_setting *setting, const void *params, kr_error *err)
{
    const houdayer_params *p = params;
    houdayer *h = kr_alloc(1, sizeof *h, err);
    if (h) {
        h->terms = setting->target->terms;
        h->n_per_sweep = p->clusters;
    }
    return h;
}

static size_t houdayer_scratch_bytes(const void *self, int32_t n_lanes)
{
    (void)n_lanes;
    return (size_t)((const houdayer *)self)->terms->n_sites * (sizeof(int32_t) + 1);
}

/* In the caller's scratch: sites of the cluster in the order they joined, and a mark each. */
typedef struct work {
    int32_t *list; /* (n_sites) */
    uint8_t *mark; /* (n_sites) */
} work;

/* A site at which the chains differ, uniformly; -1 where they agree everywhere. */
static int32_t draw_seed(const uint8_t *s, const uint8_t *t, int32_t n_sites, kr_rng *rng)
{
    uint32_t n_differ = 0;
    for (int32_t i = 0; i < n_sites; i++) {
        n_differ += s[i] != t[i];
    }
    if (n_differ == 0) {
        return -1;
    }
    uint32_t left = kr_rng_below(rng, n_differ) + 1;
    int32_t i = -1;
    while (left > 0) {
        i++;
        left -= s[i] != t[i];
    }
    return i;
}

/* Changes s_i to its other state; returns the change of the energy. */
static double flip(const kr_terms *terms, uint8_t *s, int32_t i)
{
    size_t a = s[i], b = 1 - a, row = (size_t)i * 2;
    double delta = terms->local[row + b] - terms->local[row + a];
    for (int64_t k = terms->neighbor_begin[i]; k < terms->neighbor_begin[i + 1]; k++) {
        size_t c = s[terms->neighbor[k]];
        delta += terms->J[k] * (terms->V[2 * b + c] - terms->V[2 * a + c]);
    }
    s[i] = (uint8_t)b;
    return delta;
}

/* Exchanges the cluster around the seed between chains s and t; returns its size. A coupling of
 * zero is no bond. delta is added to: what s wins and t loses. */
static int32_t exchange_cluster(const kr_terms *terms, uint8_t *s, uint8_t *t, int32_t seed,
                                const work *w, double *delta)
{
    int32_t size = 0;
    w->list[size++] = seed;
    w->mark[seed] = 1;
    for (int32_t m = 0; m < size; m++) {
        int32_t i = w->list[m];
        *delta += flip(terms, s, i);
        t[i] ^= 1;
        for (int64_t k = terms->neighbor_begin[i]; k < terms->neighbor_begin[i + 1]; k++) {
            int32_t j = terms->neighbor[k];
            if (s[j] != t[j] && !w->mark[j] && terms->J[k] != 0.0) {
                w->mark[j] = 1;
                w->list[size++] = j;
            }
        }
    }
    for (int32_t m = 0; m < size; m++) {
        w->mark[w->list[m]] = 0;
    }
    return size;
}

/* One cluster of the chains of lanes l and l + 1. */
static void move_pair(const houdayer *h, kr_block *block, int32_t l, const work *w,
                      kr_tally *tally)
{
    int32_t n_sites = block->n_sites, size = 0;
    uint8_t *s = block->state + (size_t)l * (size_t)n_sites, *t = s + n_sites;
    int32_t seed = draw_seed(s, t, n_sites, block->rng);
    if (seed >= 0) {
        double delta = 0.0;
        size = exchange_cluster(h->terms, s, t, seed, w, &delta);
        block->energy[l] += delta;
        block->energy[l + 1] -= delta;
        kr_block_touch(block);
    }
    for (int32_t lane = l; lane < l + 2; lane++) {
        tally->attempted[lane]++;
        tally->accepted[lane] += size > 0;
        tally->changed[lane] += size;
    }
}

static void houdayer_sweep(const void *self, kr_block *block, int64_t n_sweeps, void *scratch,
                           kr_tally *tally)
{
    const houdayer *h = self;
    work w = { .list = scratch };
    w.mark = (uint8_t *)(w.list + block->n_sites);
    memset(w.mark, 0, (size_t)block->n_sites);
    for (int64_t n = 0; n < n_sweeps * h->n_per_sweep; n++) {
        for (int32_t l = 0; l + 1 < block->n_lanes; l += 2) {
            move_pair(h, block, l, &w, tally);
        }
    }
}

static const kr_field fields[] = {
    { .name = "clusters",
      .type = KR_TYPE_INT,
      .offset = offsetof(houdayer_params, clusters),
      .fallback = "1",
      .min = 1,
      .max = 1e9,
      .doc = "clusters exchanged per sweep, by each pair" },
    KR_FIELD_END,
};

const kr_update_plug kr_update_houdayer = {
    .name = "houdayer",
    .doc = "isoenergetic cluster move for glasses of two states: chains 2k and 2k + 1 exchange "
           "a cluster of sites at which they differ; useful below the percolation of such "
           "clusters (two dimensions, low temperature, diluted graphs), with a local update",
    .source = "Houdayer, Eur. Phys. J. B 22, 479 (2001); Zhu, Ochoa, Katzgraber, Phys. Rev. "
              "Lett. 115, 077201 (2015)",
    .fields = fields,
    .params_size = sizeof(houdayer_params),
    .flags = KR_UPDATE_COUPLES_CHAINS,
    .layouts = KR_LAYOUT_CHAIN,
    .supports = houdayer_supports,
    .alloc = houdayer_alloc,
    .free = houdayer_free,
    .scratch_bytes = houdayer_scratch_bytes,
    .sweep = houdayer_sweep,
};
