/* SPDX-License-Identifier: GPL-3.0-or-later
 * update/engine_real.c - Metropolis updates of real variables, chains in vector lanes.
 *
 * The sites are visited in their order; each chain proposes phi_i + width u, u uniform in
 * [-1, 1), and accepts with min(1, exp(-beta dS)). The width is tuned to half of the proposals
 * accepted while chains thermalize.
 * Source: Metropolis et al., J. Chem. Phys. 21, 1087 (1953).
 * Threads: pure given block, scratch and tally. */
#include "base/memory.h"
#include "base/rng.h"
#include "update/dual_average.h"
#include "update/local.h"
#include "update/real_kernels.h"

#include <math.h>

#define PI         3.14159265358979324
#define ACCEPTANCE 0.5

typedef struct engine_real {
    const kr_action *action;
    const kr_real_kernels *kernels;
    double beta;
    kr_dual_average width;
} engine_real;

static void *real_alloc(const kr_update_setting *setting, kr_local_kind kind,
                        const kr_local_params *params, kr_error *err)
{
    (void)kind, (void)params;
    const kr_action *action = setting->target->terms->action;
    if (!action->change) {
        kr_fail(err, KR_EUNSUP, "the action of the model has no local form, want update hmc");
        return NULL;
    }
    engine_real *e = kr_alloc(1, sizeof *e, err);
    if (e) {
        e->action = action;
        e->kernels = kr_real_kernels_of(setting->isa);
        e->beta = setting->target->beta;
        kr_dual_average_init(&e->width, action->is_angle ? 1.0 : action->start_width,
                             ACCEPTANCE);
        e->width.most = action->is_angle ? PI : INFINITY;
    }
    return e;
}

/* Energies of a group, with room for all its lanes, then its site. */
static void sweep_group(const engine_real *e, kr_block *block, int32_t first, kr_tally *tally)
{
#ifdef KR_RNG_ENUMERATE
    (void)e, (void)block, (void)first, (void)tally; /* real draws cannot be enumerated */
#else
    const int32_t left = block->n_lanes - first;
    const int32_t n_lanes = left < KR_LANES_PAD ? left : KR_LANES_PAD;
    double value[KR_LANES_PAD], change[KR_LANES_PAD], energy[KR_LANES_PAD] = { 0.0 };
    for (int32_t l = 0; l < n_lanes; l++) {
        energy[l] = block->energy[first + l];
    }
    for (int32_t i = 0; i < block->n_sites; i++) {
        uint64_t words[2 * KR_LANES_PAD];
        double *x = block->phi + (size_t)i * (size_t)block->stride + first;
        for (int k = 0; k < 2 * KR_LANES_PAD; k++) {
            words[k] = kr_rng_u64(block->rng);
        }
        e->kernels->propose(words, e->width.step, x, value);
        e->action->change(e->action->self, i, KR_LANES_PAD, block->phi + first,
                          (size_t)block->stride, value, change);
        unsigned moved = e->kernels->accept(words, e->beta, change, value, x, energy);
        for (int32_t l = 0; l < n_lanes; l++) {
            tally->accepted[first + l] += moved >> l & 1;
        }
    }
    for (int32_t l = 0; l < n_lanes; l++) {
        block->energy[first + l] = energy[l];
    }
#endif
}

static void real_sweep(const void *self, kr_block *block, int64_t n_sweeps, void *scratch,
                       kr_tally *tally)
{
    (void)scratch;
    const engine_real *e = self;
    for (int32_t l = 0; l < block->n_lanes; l++) {
        tally->attempted[l] += n_sweeps * block->n_sites;
        tally->changed[l] -= tally->accepted[l];
    }
    for (int64_t k = 0; k < n_sweeps; k++) {
        for (int32_t first = 0; first < block->n_lanes; first += KR_LANES_PAD) {
            sweep_group(e, block, first, tally);
        }
    }
    for (int32_t l = 0; l < block->n_lanes; l++) { /* every accepted value is another one */
        tally->changed[l] += tally->accepted[l];
    }
    kr_block_touch(block);
}

static void real_tune(void *self, const kr_tuning *seen)
{
    engine_real *e = self;
    kr_dual_average_learn(&e->width, seen->acceptance, seen->call == seen->n_calls);
}

static int real_declare(void *self, kr_state *table, kr_error *err)
{
    engine_real *e = self;
    return kr_dual_average_declare(&e->width, table, err);
}

static double real_tuned(const void *self)
{
    return ((const engine_real *)self)->width.step;
}

const kr_engine kr_engine_real = {
    .name = "real",
    .alloc = real_alloc,
    .free = kr_free,
    .sweep = real_sweep,
    .tune = real_tune,
    .declare = real_declare,
    .tuned = real_tuned,
};
