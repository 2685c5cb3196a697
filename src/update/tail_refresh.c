/* SPDX-License-Identifier: GPL-3.0-or-later
 * update/tail_refresh.c - new tails of configurations from a density.
 *
 * A cut k is drawn, sites k..N-1 are drawn anew from q(. | s_{<k}), and the new tail is
 * accepted with min(1, exp(-beta (H' - H)) q(s_{>=k} | s_{<k}) / q(s'_{>=k} | s_{<k})). For a
 * given k and prefix this is a Metropolis-Hastings step in the tail, reversible for the target;
 * k does not look at the state, so the mixture over k is reversible too. Short tails are
 * accepted more often and cost their share of a pass only.
 *
 * With `symmetry` a random symmetry of the Hamiltonian moves each chain first, which leaves the
 * target invariant, so that every region of the lattice comes to lie in the tail. The density
 * need not have the symmetry: the moved state is scored anew. The product of both steps leaves
 * the target invariant but is not reversible.
 *
 * A density made for a block of sites given all others (KR_DENSITY_BLOCK) is cut at its block,
 * always; with `symmetry` the block goes to a random place each time, and a sweep is as many
 * attempts as have the sites that it reaches, on a torus all: block_tail.c.
 *
 * All chains of a block share the cut, since a batch is drawn from one site on; symmetries,
 * tails and decisions are their own. Each K_k by itself leaves pi invariant, and given the cuts
 * the chains are independent. Hence, from chains independent and in equilibrium,
 * E[f(s_t) | cuts] = pi(f) for every chain and time, and the covariance of two chains is
 * E[Cov(. | cuts)] + Cov(pi(f), pi(g)) = 0 + 0: errors made from chains as if they were
 * independent are right. What the chains share is the luck of the cuts in relaxing; a cut per
 * sweep averages over that. No cut is shared between blocks.
 * Source: Wu, Rossi, Carleo, arXiv:2105.05650.
 * Threads: pure given block, scratch and tally. */
#include "base/memory.h"
#include "base/rng.h"
#include "model/terms.h"
#include "update/block_tail.h"
#include "update/group.h"
#include "update/proposal.h"

#include <string.h>

enum cut { CUT_AUTO, CUT_LOG_UNIFORM, CUT_UNIFORM, CUT_FULL };

typedef struct tail_params {
    int32_t cut;
    bool symmetry;
} tail_params;

typedef struct tail_refresh {
    kr_proposer proposer;
    int32_t cut;
    kr_group *group;         /* NULL: none; owns */
    kr_block_tail *of_block; /* NULL unless the density is one for a block; owns */
} tail_refresh;

static bool tail_supports(const kr_target *target, const void *params, kr_error *why)
{
    const tail_params *p = params;
    if (!p->symmetry || kr_group_is_usable(target)) {
        return true;
    }
    kr_fail(why, KR_EUNSUP,
            "tail_refresh: symmetry is true, but none of the %d lattice symmetries and no "
            "exchange of states leaves all energies as they are, want symmetry: false",
            target->lattice->n_symmetries);
    return false;
}

static void tail_free(void *self)
{
    tail_refresh *d = self;
    if (d) {
        if (d->of_block) {
            kr_block_tail_clear(d->of_block);
        }
        kr_free(d->of_block);
        kr_group_free(d->group);
        kr_free(d);
    }
}

static int alloc_block(tail_refresh *d, const kr_update_setting *setting, const tail_params *p,
                       kr_error *err)
{
    kr_error why = { 0 };
    if (p->cut != CUT_AUTO) {
        return kr_fail(err, KR_EUNSUP,
                       "tail_refresh: density %s is made for a block, want cut: auto, which "
                       "begins with it",
                       setting->density->plug->name);
    }
    d->of_block = kr_alloc(1, sizeof *d->of_block, err);
    if (!d->of_block) {
        return KR_ENOMEM;
    }
    return kr_block_tail_init(d->of_block, setting->target, setting->density, p->symmetry,
                              &why) == KR_OK
               ? KR_OK
               : kr_fail(err, why.status, "tail_refresh: %s", why.text);
}

static int alloc_parts(tail_refresh *d, const kr_update_setting *setting, const tail_params *p,
                       kr_error *err)
{
    if (setting->density->plug->flags & KR_DENSITY_BLOCK) {
        return alloc_block(d, setting, p, err);
    }
    d->group = p->symmetry ? kr_group_alloc(setting->target, err) : NULL;
    return d->group || !p->symmetry ? KR_OK : KR_ENOMEM;
}

static void *tail_alloc(const kr_update_setting *setting, const void *params, kr_error *err)
{
    const tail_params *p = params;
    kr_proposer proposer;
    if (kr_proposer_init(&proposer, "tail_refresh", setting, true, err) != KR_OK) {
        return NULL;
    }
    tail_refresh *d = kr_alloc(1, sizeof *d, err);
    if (!d) {
        return NULL;
    }
    d->proposer = proposer;
    d->cut = p->cut;
    if (alloc_parts(d, setting, p, err) != KR_OK) {
        tail_free(d);
        return NULL;
    }
    return d;
}

static size_t group_bytes(const tail_refresh *d)
{
    return d->group ? kr_proposal_round(kr_group_scratch_bytes(d->group)) : 0;
}

static size_t state_bytes(const tail_refresh *d)
{
    return KR_LANES_MAX * (size_t)d->proposer.terms->n_sites;
}

static size_t tail_scratch_bytes(const void *self, int32_t n_lanes)
{
    (void)n_lanes;
    const tail_refresh *d = self;
    if (d->of_block) {
        return kr_block_tail_scratch_bytes(d->of_block);
    }
    return kr_proposer_inner_bytes(&d->proposer) + state_bytes(d) + group_bytes(d);
}

/* First site of the tail. log_uniform: first the octave of its length, then the length in it,
 * both uniform, so that lengths have odds of nearly 1/length and N is among them. */
static int32_t draw_cut(int32_t cut, int32_t n_sites, kr_rng *rng)
{
    if (cut == CUT_FULL) {
        return 0;
    }
    if (cut == CUT_UNIFORM) {
        return (int32_t)kr_rng_below(rng, (uint32_t)n_sites);
    }
    uint32_t n_octaves = 1;
    while (n_octaves < 31 && n_sites >> n_octaves) {
        n_octaves++;
    }
    int32_t least = 1 << kr_rng_below(rng, n_octaves);
    int32_t most = least > n_sites / 2 ? n_sites : 2 * least - 1;
    return n_sites - least - (int32_t)kr_rng_below(rng, (uint32_t)(most - least) + 1);
}

static void move_lanes(const tail_refresh *d, kr_block *block, uint8_t *scratch,
                       kr_tally *tally)
{
    for (int32_t lane = 0; lane < block->n_lanes; lane++) {
        const uint8_t *moved = kr_group_draw(d->group, block->state + lane,
                                             (size_t)block->stride, scratch, block->rng);
        int64_t changed = kr_proposal_take(block, lane, 0, moved, 1);
        tally->changed[lane] += changed;
        if (changed > 0) {
            kr_block_touch(block);
        }
    }
}

/* log q(s_{>=k} | s_{<k}) of the present states. */
static const double *score_tail(const kr_proposer *d, kr_block *block, int32_t k, double *out,
                                void *inner)
{
    if (k == 0) {
        kr_proposer_score(d, block, inner);
        return block->log_q;
    }
    d->density->plug->log_q_tail(d->density->self, k, block->n_lanes, block->state, out, inner);
    return out;
}

static void sweep_once(const tail_refresh *d, kr_block *block, char *scratch, kr_tally *tally)
{
    const kr_proposer *p = &d->proposer;
    const kr_density *density = p->density;
    size_t stride = (size_t)block->stride;
    uint8_t *proposal = (uint8_t *)scratch + kr_proposer_inner_bytes(p);
    double tail_log_q[KR_LANES_MAX], new_log_q[KR_LANES_MAX];
    if (d->group) {
        move_lanes(d, block, proposal + state_bytes(d), tally);
    }
    int32_t k = draw_cut(d->cut, block->n_sites, block->rng);
    /* the first site that may change: where the density has an order of its own, any */
    const int32_t first = density->plug->order ? 0 : k;
    const double *log_q = score_tail(p, block, k, tail_log_q, scratch);
    memcpy(proposal, block->state,
           (size_t)(density->plug->order ? block->n_sites : k) * stride);
    density->plug->sample_tail(density->self, k, block->n_lanes, proposal, new_log_q,
                               block->rng, scratch);
    for (int32_t lane = 0; lane < block->n_lanes; lane++) {
        double delta = kr_terms_tail_energy(p->terms, proposal + lane, stride, first) -
                       kr_terms_tail_energy(p->terms, block->state + lane, stride, first);
        double log_ratio = -p->beta * delta + log_q[lane] - new_log_q[lane];
        tally->attempted[lane]++;
        if (!kr_rng_bernoulli(block->rng, kr_proposal_acceptance(log_ratio))) {
            continue;
        }
        tally->accepted[lane]++;
        tally->changed[lane] += kr_proposal_take(block, lane, first, proposal + lane, stride);
        block->energy[lane] = k > 0 ? block->energy[lane] + delta
                                    : kr_terms_energy(p->terms, proposal + lane, stride);
        block->log_q_of = k > 0 ? -1 : block->log_q_of;
        block->log_q[lane] = k > 0 ? block->log_q[lane] : new_log_q[lane];
    }
}

static void tail_sweep(const void *self, kr_block *block, int64_t n_sweeps, void *scratch,
                       kr_tally *tally)
{
    const tail_refresh *d = self;
    if (d->of_block) {
        kr_block_tail_run(d->of_block, d->proposer.beta, block, n_sweeps * d->of_block->n_moves,
                          scratch, tally);
        return;
    }
    for (int64_t k = 0; k < n_sweeps; k++) {
        sweep_once(self, block, scratch, tally);
    }
}

static void tail_reach(const void *self, uint8_t *is_reached)
{
    const tail_refresh *d = self;
    for (int32_t i = 0; i < d->proposer.terms->n_sites; i++) {
        is_reached[i] |= d->of_block ? d->of_block->is_reached[i] : 1;
    }
}

static const kr_field fields[] = {
    { .name = "cut",
      .type = KR_TYPE_CHOICE,
      .offset = offsetof(tail_params, cut),
      .fallback = "auto",
      .choices = "auto|log_uniform|uniform|full",
      .doc =
          "where the tail begins: lengths with odds of about 1/length, uniform, or always at "
          "the first site; auto: at the block of a density that is made for one, else "
          "log_uniform" },
    { .name = "symmetry",
      .type = KR_TYPE_BOOL,
      .offset = offsetof(tail_params, symmetry),
      .fallback = "false",
      .doc = "first move each chain by a random symmetry of the energy; with a density for a "
             "block: draw it at a random place, sites in reach over those of the block times a "
             "sweep" },
    KR_FIELD_END,
};

const kr_update_plug kr_update_tail_refresh = {
    .name = "tail_refresh",
    .doc =
        "draws all sites from a random cut on anew from a density, given the sites before it, "
        "and accepts with the ratio of weights over the ratio of densities",
    .source = "Wu, Rossi, Carleo, arXiv:2105.05650",
    .fields = fields,
    .params_size = sizeof(tail_params),
    .flags = KR_UPDATE_NEEDS_DENSITY | KR_UPDATE_IRREDUCIBLE | KR_UPDATE_SHARES_CHOICE |
             KR_UPDATE_FREE_MOVES | KR_UPDATE_BLOCKS,
    .layouts = KR_LAYOUT_LANE,
    .supports = tail_supports,
    .alloc = tail_alloc,
    .free = tail_free,
    .scratch_bytes = tail_scratch_bytes,
    .reach = tail_reach,
    .sweep = tail_sweep,
};
