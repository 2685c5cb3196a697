/* SPDX-License-Identifier: GPL-3.0-or-later
 * update/block_tail.c - a block of sites drawn anew from a density made for it, anywhere on the
 * lattice.
 *
 * Let K be the Metropolis-Hastings step that draws the block from q(. | all other sites). For a
 * symmetry g of the energy, g K g^-1 is reversible for the target as K is, and the choice of g
 * does not look at the state; so is the mixture over g. Nothing is moved: the states at the
 * images of the block and of the sites that touch it are gathered, and where the draw is
 * accepted the new ones are written to these images. The cost of an attempt does not depend on
 * the lattice.
 *
 * All chains of a block share g, so that rows of all lanes are copied at once; draws and
 * decisions are their own. tail_refresh.c says why errors made from such chains are right.
 * Source: Wu, Rossi, Carleo, arXiv:2105.05650, for the tail; Liu, Sabatti, Biometrika 87, 353
 * (2000), for moves by a group.
 * Threads: pure given block, scratch and tally. */
#include "update/block_tail.h"

#include "base/memory.h"
#include "base/rng.h"
#include "update/proposal.h"

#include <string.h>

/* ---- life cycle -------------------------------------------------------------------------- */

static int32_t n_seen(const kr_block_tail *t)
{
    return t->shape.n_given + t->shape.n_drawn;
}

static int list_sites(kr_block_tail *t, kr_error *err)
{
    t->site = kr_alloc((size_t)n_seen(t), sizeof *t->site, err);
    if (!t->site) {
        return KR_ENOMEM;
    }
    memcpy(t->site, t->shape.given, (size_t)t->shape.n_given * sizeof *t->site);
    memcpy(t->site + t->shape.n_given, t->shape.drawn,
           (size_t)t->shape.n_drawn * sizeof *t->site);
    return KR_OK;
}

/* Every bond of the block once: to what is given, and within to sites drawn before. */
static int list_bonds(kr_block_tail *t, kr_error *err)
{
    const kr_terms *terms = t->terms;
    int64_t n = 0;
    for (int32_t k = 0; k < t->shape.n_drawn; k++) {
        const int32_t i = t->shape.drawn[k];
        n += terms->neighbor_begin[i + 1] - terms->neighbor_begin[i];
    }
    t->bond = kr_alloc(2 * (size_t)n, sizeof *t->bond, err);
    t->J = kr_alloc((size_t)n, sizeof *t->J, err);
    uint8_t *is_known = kr_alloc((size_t)terms->n_sites, 1, err);
    if (!t->bond || !t->J || !is_known) {
        kr_free(is_known);
        return KR_ENOMEM;
    }
    for (int32_t k = 0; k < n_seen(t); k++) {
        const int32_t i = t->site[k];
        is_known[i] = 1;
        if (k < t->shape.n_given) {
            continue;
        }
        for (int64_t b = terms->neighbor_begin[i]; b < terms->neighbor_begin[i + 1]; b++) {
            if (is_known[terms->neighbor[b]]) {
                t->bond[2 * t->n_bonds] = terms->neighbor[b];
                t->bond[2 * t->n_bonds + 1] = i;
                t->J[t->n_bonds++] = terms->J[b];
            }
        }
    }
    kr_free(is_known);
    return KR_OK;
}

static int find_group(kr_block_tail *t, const kr_target *target, kr_error *err)
{
    t->group = kr_group_alloc(target, err);
    if (!t->group) {
        return KR_ENOMEM;
    }
    if (!kr_group_moves_sites(t->group)) {
        return kr_fail(err, KR_EUNSUP,
                       "symmetry is true, but none of the %d lattice symmetries leaves all "
                       "energies as they are, want symmetry: false, which draws the block at "
                       "its own place only",
                       target->lattice->n_symmetries);
    }
    return KR_OK;
}

static int find_reach(kr_block_tail *t, kr_error *err)
{
    const int32_t N = t->terms->n_sites;
    int32_t n = 0;
    t->is_reached = kr_alloc((size_t)N, 1, err);
    if (!t->is_reached) {
        return KR_ENOMEM;
    }
    for (int32_t k = 0; k < t->shape.n_drawn; k++) {
        t->is_reached[t->shape.drawn[k]] = 1;
    }
    if (t->group) {
        kr_group_spread(t->group, t->is_reached);
    }
    for (int32_t i = 0; i < N; i++) {
        n += t->is_reached[i];
    }
    t->n_moves = n / t->shape.n_drawn; /* 1 where the block stays */
    return KR_OK;
}

int kr_block_tail_init(kr_block_tail *t, const kr_target *target, const kr_density *density,
                       bool has_symmetry, kr_error *err)
{
    *t = (kr_block_tail){ .terms = target->terms, .density = density };
    if (!target->terms->is_pair) {
        return kr_fail(err, KR_EUNSUP,
                       "density %s draws blocks, but the model is not a pair model with one "
                       "table, want H = sum J_ij V[s_i][s_j] + sum_i local[i][s_i]",
                       density->plug->name);
    }
    density->plug->block(density->self, &t->shape);
    int status = list_sites(t, err);
    status = status == KR_OK ? list_bonds(t, err) : status;
    status = status == KR_OK && has_symmetry ? find_group(t, target, err) : status;
    status = status == KR_OK ? find_reach(t, err) : status;
    if (status != KR_OK) {
        kr_block_tail_clear(t);
    }
    return status;
}

void kr_block_tail_clear(kr_block_tail *t)
{
    kr_free(t->is_reached);
    kr_group_free(t->group);
    kr_free(t->J);
    kr_free(t->bond);
    kr_free(t->site);
    *t = (kr_block_tail){ .terms = NULL };
}

/* ---- parts of a move --------------------------------------------------------------------- */

void kr_block_tail_place(const kr_block_tail *t, int32_t *image, kr_rng *rng)
{
    if (t->group) {
        kr_group_draw_images(t->group, n_seen(t), t->site, image, rng);
    } else {
        memcpy(image, t->site, (size_t)n_seen(t) * sizeof *image);
    }
}

void kr_block_tail_gather(const kr_block_tail *t, const int32_t *image, int32_t stride,
                          const uint8_t *state, uint8_t *out)
{
    const size_t L = (size_t)stride;
    for (int32_t k = 0; k < n_seen(t); k++) {
        memcpy(out + (size_t)t->site[k] * L, state + (size_t)image[k] * L, L);
    }
}

static void add_fields(const kr_block_tail *t, int32_t n_lanes, int32_t stride,
                       const uint8_t *state, double *energy)
{
    const size_t q = (size_t)t->terms->q;
    for (int32_t k = 0; k < t->shape.n_drawn; k++) {
        const size_t i = (size_t)t->shape.drawn[k];
        const double *local = t->terms->local + i * q;
        const uint8_t *row = state + i * (size_t)stride;
        for (int32_t l = 0; l < n_lanes; l++) {
            energy[l] += local[row[l]];
        }
    }
}

void kr_block_tail_energy(const kr_block_tail *t, int32_t n_lanes, int32_t stride,
                          const uint8_t *state, double *restrict energy)
{
    const int32_t q = t->terms->q;
    memset(energy, 0, (size_t)n_lanes * sizeof *energy);
    for (int64_t b = 0; b < t->n_bonds; b++) {
        const uint8_t *restrict from = state + (size_t)t->bond[2 * b] * (size_t)stride;
        const uint8_t *restrict to = state + (size_t)t->bond[2 * b + 1] * (size_t)stride;
        for (int32_t l = 0; l < n_lanes; l++) {
            energy[l] += t->J[b] * t->terms->V[from[l] * q + to[l]];
        }
    }
    if (t->terms->has_local) {
        add_fields(t, n_lanes, stride, state, energy);
    }
}

/* ---- moves ------------------------------------------------------------------------------- */

static size_t inner_bytes(const kr_block_tail *t)
{
    return kr_proposal_round(t->density->plug->scratch_bytes(t->density->self, KR_LANES_MAX));
}

static size_t state_bytes(const kr_block_tail *t)
{
    return KR_LANES_MAX * (size_t)t->terms->n_sites;
}

size_t kr_block_tail_scratch_bytes(const kr_block_tail *t)
{
    return inner_bytes(t) + state_bytes(t) +
           kr_proposal_round((size_t)n_seen(t) * sizeof(int32_t));
}

kr_block_tail_parts kr_block_tail_take(const kr_block_tail *t, void *scratch)
{
    uint8_t *state = (uint8_t *)scratch + inner_bytes(t);
    return (kr_block_tail_parts){ .inner = scratch,
                                  .state = state,
                                  .image = (int32_t *)(void *)(state + state_bytes(t)) };
}

/* New states of the block where accept is 1; counts the changes of each lane. */
static void write_block(const kr_block_tail *t, kr_block *block, const int32_t *image,
                        const uint8_t *drawn, const uint8_t *accept, int64_t *changed)
{
    const size_t L = (size_t)block->stride;
    int32_t count[KR_LANES_MAX] = { 0 };
    for (int32_t k = 0; k < t->shape.n_drawn; k++) {
        const uint8_t *restrict from = drawn + (size_t)t->shape.drawn[k] * L;
        uint8_t *restrict to = block->state + (size_t)image[t->shape.n_given + k] * L;
        for (int32_t l = 0; l < block->n_lanes; l++) {
            const uint8_t s = accept[l] ? from[l] : to[l];
            count[l] += s != to[l];
            to[l] = s;
        }
    }
    for (int32_t l = 0; l < block->n_lanes; l++) {
        changed[l] += count[l];
    }
}

static void move(const kr_block_tail *t, double beta, kr_block *block,
                 const kr_block_tail_parts *s, kr_tally *tally)
{
    const kr_density_plug *plug = t->density->plug;
    const void *q = t->density->self;
    const int32_t n = block->n_lanes, k = t->shape.first;
    double log_q[2][KR_LANES_MAX], energy[2][KR_LANES_MAX];
    uint8_t accept[KR_LANES_MAX];
    bool has_changed = false;
    kr_block_tail_place(t, s->image, block->rng);
    kr_block_tail_gather(t, s->image, block->stride, block->state, s->state);
    plug->log_q_tail(q, k, n, s->state, log_q[0], s->inner);
    kr_block_tail_energy(t, n, block->stride, s->state, energy[0]);
    plug->sample_tail(q, k, n, s->state, log_q[1], block->rng, s->inner);
    kr_block_tail_energy(t, n, block->stride, s->state, energy[1]);
    for (int32_t l = 0; l < n; l++) {
        const double delta = energy[1][l] - energy[0][l];
        const double log_ratio = -beta * delta + log_q[0][l] - log_q[1][l];
        accept[l] = kr_rng_bernoulli(block->rng, kr_proposal_acceptance(log_ratio));
        tally->attempted[l]++;
        tally->accepted[l] += accept[l];
        block->energy[l] += accept[l] ? delta : 0.0;
        has_changed = has_changed || accept[l];
    }
    if (has_changed) {
        write_block(t, block, s->image, s->state, accept, tally->changed);
        kr_block_touch(block);
    }
}

void kr_block_tail_run(const kr_block_tail *t, double beta, kr_block *block, int64_t n_moves,
                       void *scratch, kr_tally *tally)
{
    const kr_block_tail_parts s = kr_block_tail_take(t, scratch);
    for (int64_t k = 0; k < n_moves; k++) {
        move(t, beta, block, &s, tally);
    }
}
