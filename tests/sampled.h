/* SPDX-License-Identifier: GPL-3.0-or-later
 * tests/sampled.h - updates run with the production random numbers on tiny systems. */
#ifndef KR_SAMPLED_H
#define KR_SAMPLED_H

#include "base/rng.h"
#include "model/block.h"
#include "model/fold.h"
#include "tiny.h"

static inline const kr_update_plug *sampled_update(const char *name)
{
    for (int k = 0; kr_registry_updates[k]; k++) {
        if (strcmp(kr_registry_updates[k]->name, name) == 0) {
            return kr_registry_updates[k];
        }
    }
    fail_msg("no update %s", name);
    return NULL;
}

/* One update on one block with all it needs. */
typedef struct sampled {
    const kr_update_plug *update;
    void *self, *scratch;
    kr_tally tally;
} sampled;

static inline sampled sampled_alloc(const char *name, const char *yaml, const kr_target *target,
                                    const kr_density *density, int32_t n_lanes)
{
    kr_error err = { 0 };
    sampled s = { .update = sampled_update(name) };
    void *params = tiny_params(name, s.update->fields, s.update->params_size, yaml, &err);
    if (!params || !s.update->supports(target, params, &err)) {
        fail_msg("%s", err.text);
    }
    kr_update_setting setting = { .target = target, .density = density, .n_lanes = n_lanes };
    s.self = s.update->alloc(&setting, params, &err);
    free(params);
    if (!s.self) {
        fail_msg("%s", err.text);
    }
    size_t bytes = (s.update->scratch_bytes(s.self, n_lanes) + 127) / 64 * 64;
    s.scratch = aligned_alloc(64, bytes);
    memset(s.scratch, 0xa5, bytes);
    return s;
}

static inline void sampled_free(sampled *s)
{
    s->update->free(s->self);
    free(s->scratch);
}

static inline void sampled_sweep(sampled *s, kr_block *block)
{
    const kr_fold *fold = s->update->fold ? s->update->fold(s->self) : NULL;
    if (fold) {
        kr_error err = { 0 };
        if (kr_block_add_fold(block, fold, &err) != KR_OK) {
            fail_msg("%s", err.text);
        }
        kr_block_convert(block, fold->layout);
    } else {
        kr_block_convert(block, s->update->layouts & KR_LAYOUT_CHAIN ? KR_LAYOUT_CHAIN
                                                                     : KR_LAYOUT_LANE);
    }
    s->update->sweep(s->self, block, 1, s->scratch, &s->tally);
}

static inline tiny *sampled_system(const char *model, const char *model_yaml,
                                   const char *lattice_yaml)
{
    kr_error err = { 0 };
    tiny *t = tiny_alloc(tiny_model(model), model_yaml, tiny_lattice("hypercubic"),
                         lattice_yaml, 1024, &err);
    if (!t) {
        fail_msg("%s", err.text);
    }
    return t;
}

/* Block of random chains on a seeded stream. */
static inline kr_block *sampled_block(const kr_terms *terms, int32_t n_lanes, uint64_t seed)
{
    kr_error err = { 0 };
    kr_block *block = kr_block_alloc(terms, n_lanes, 0, 0, &err);
    assert_non_null(block);
    kr_rng_seed(block->rng, seed, 0, KR_PURPOSE_TEST);
    for (int32_t lane = 0; lane < n_lanes; lane++) {
        kr_block_start_lane(block, lane, KR_START_RANDOM, block->rng);
    }
    kr_block_score(block, terms);
    return block;
}

/* (chi^2 - k)/sqrt(2 k) over the states with an expected count of at least 20, the others taken
 * together. */
static inline double sampled_deviation(const double *count, const double *law, int64_t n,
                                       double draws)
{
    double chi2 = 0.0, rare = 0.0, rare_law = 0.0, cells = 0.0;
    for (int64_t x = 0; x < n; x++) {
        double expected = law[x] * draws;
        if (expected < 20.0) {
            rare += count[x];
            rare_law += expected;
        } else {
            chi2 += (count[x] - expected) * (count[x] - expected) / expected;
            cells++;
        }
    }
    if (rare_law >= 20.0) {
        chi2 += (rare - rare_law) * (rare - rare_law) / rare_law;
        cells++;
    }
    assert_true(cells > 10.0);
    return (chi2 - (cells - 1.0)) / sqrt(2.0 * (cells - 1.0));
}

/* Runs 16 chains, `thin` rounds of the given updates between draws, and compares the
 * frequencies of states with the Boltzmann law. Also: energies stay current. */
static inline double sampled_run(const tiny *system, double beta, sampled *updates,
                                 int n_updates, int draws, int thin)
{
    enum { LANES = 16 };
    kr_block *block = sampled_block(system->terms, LANES, 20240);
    double *count = calloc((size_t)system->n_states, sizeof *count);
    for (int d = -20; d < draws; d++) {
        for (int k = 0; k < thin * n_updates; k++) {
            sampled_sweep(&updates[k % n_updates], block);
        }
        kr_block_convert(block, KR_LAYOUT_CHAIN);
        for (int32_t lane = 0; lane < LANES && d >= 0; lane++) {
            count[tiny_encode(system, block->state + lane * block->n_sites, 1)] += 1.0;
        }
    }
    assert_true(kr_block_audit(block, system->terms) <= 1e-9);
    double *law = tiny_law(system, beta);
    double deviation = sampled_deviation(count, law, system->n_states, (double)draws * LANES);
    free(law);
    free(count);
    kr_block_free(block);
    return deviation;
}

#define SAMPLED_MAX 4.6 /* deviation allowed */

/* The same for one update alone. */
static inline double sampled_law(const char *name, const char *yaml, const tiny *system,
                                 double beta, int draws, int thin)
{
    kr_target target = { .lattice = system->lattice, .terms = system->terms, .beta = beta };
    sampled update = sampled_alloc(name, yaml, &target, NULL, 16);
    double deviation = sampled_run(system, beta, &update, 1, draws, thin);
    sampled_free(&update);
    return deviation;
}

#endif
