/* SPDX-License-Identifier: GPL-3.0-or-later
 * update/metropolis.c - single-site Metropolis: another state is proposed and accepted with
 * min(1, exp(-beta delta E)).
 *
 * The proposal is uniform over the q - 1 other states. In a fixed site order this is not
 * irreducible by itself: on two sites with one ferromagnetic bond, or anywhere at beta = 0,
 * every free move is accepted for sure and the sweep cycles. Hence no KR_UPDATE_IRREDUCIBLE.
 * Source: Metropolis, Rosenbluth, Rosenbluth, Teller, Teller, J. Chem. Phys. 21, 1087 (1953).
 * Threads: pure given block, scratch and tally. */
#include "base/memory.h"
#include "base/rng.h"
#include "model/terms.h"
#include "update/couplings.h"
#include "update/local.h"
#include "update/visit.h"

#include <math.h>

struct metropolis;
typedef int64_t sweep_chain(const struct metropolis *m, uint8_t *restrict s, double *energy,
                            kr_rng *rng);

typedef struct metropolis {
    const kr_terms *terms;
    double beta;
    kr_visit visit;
    sweep_chain *kernel;
    kr_couplings couplings;
    kr_local_fields fields;
    double *accept; /* two states, few local fields: (fields.n, 2) of leaving state 0, 1 */
} metropolis;

/* kernel: */
static int64_t binary_table(const metropolis *m, uint8_t *restrict s, double *energy,
                            kr_rng *rng)
{
    const int64_t *restrict begin = m->terms->neighbor_begin;
    const int32_t *restrict neighbor = m->terms->neighbor, *restrict base = m->fields.base,
                            *restrict stride = m->fields.stride;
    int64_t changed = 0;
    for (int32_t t = 0; t < m->visit.n; t++) {
        int32_t i = kr_visit_site(&m->visit, t, rng), index = base[i];
        for (int64_t k = begin[i]; k < begin[i + 1]; k++) {
            index += stride[k] * s[neighbor[k]];
        }
        if (kr_rng_bernoulli(rng, m->accept[2 * (size_t)index + s[i]])) {
            *energy += s[i] ? -m->fields.delta[index] : m->fields.delta[index];
            s[i] ^= 1;
            changed++;
        }
    }
    return changed;
}

/* One of the q - 1 states other than a. */
static uint8_t other_state(kr_rng *rng, int32_t q, uint8_t a)
{
    uint32_t b = q > 2 ? kr_rng_below(rng, (uint32_t)q - 1) : 0;
    return (uint8_t)(b + (b >= a));
}

static int64_t pair(const metropolis *m, uint8_t *restrict s, double *energy, kr_rng *rng)
{
    const kr_terms *terms = m->terms;
    const size_t q = (size_t)terms->q;
    int64_t changed = 0;
    for (int32_t t = 0; t < m->visit.n; t++) {
        int32_t i = kr_visit_site(&m->visit, t, rng);
        uint8_t a = other_state(rng, terms->q, s[i]);
        const double *V_new = terms->V + a * q, *V_old = terms->V + s[i] * q;
        const double *local = terms->local + (size_t)i * q;
        double delta = local[a] - local[s[i]];
        for (int64_t k = terms->neighbor_begin[i]; k < terms->neighbor_begin[i + 1]; k++) {
            uint8_t b = s[terms->neighbor[k]];
            delta += terms->J[k] * (V_new[b] - V_old[b]);
        }
        if (kr_rng_bernoulli(rng, exp(-m->beta * delta))) {
            *energy += delta;
            s[i] = a;
            changed++;
        }
    }
    return changed;
}

static int64_t general(const metropolis *m, uint8_t *restrict s, double *energy, kr_rng *rng)
{
    double e[KR_STATES_MAX];
    int64_t changed = 0;
    for (int32_t t = 0; t < m->visit.n; t++) {
        int32_t i = kr_visit_site(&m->visit, t, rng);
        uint8_t a = other_state(rng, m->terms->q, s[i]);
        kr_terms_local(m->terms, s, i, e);
        double delta = e[a] - e[s[i]];
        if (kr_rng_bernoulli(rng, exp(-m->beta * delta))) {
            *energy += delta;
            s[i] = a;
            changed++;
        }
    }
    return changed;
}

static void ref_free(void *self)
{
    metropolis *m = self;
    if (m) {
        kr_visit_clear(&m->visit);
        kr_couplings_clear(&m->couplings);
        kr_local_fields_clear(&m->fields);
        kr_free(m->accept);
        kr_free(m);
    }
}

static int prepare(metropolis *m, const kr_target *target, int32_t order, kr_error *err)
{
    m->kernel = m->terms->is_pair ? pair : general;
    KR_TRY(kr_visit_init(&m->visit, order, target->lattice, err));
    if (!m->terms->is_pair || m->terms->q != 2) {
        return KR_OK;
    }
    KR_TRY(kr_couplings_init(&m->couplings, m->terms, err));
    KR_TRY(kr_local_fields_init(&m->fields, m->terms, &m->couplings, err));
    if (m->fields.n == 0) {
        return KR_OK;
    }
    m->kernel = binary_table;
    m->accept = kr_alloc(2 * (size_t)m->fields.n, sizeof *m->accept, err);
    if (!m->accept) {
        return KR_ENOMEM;
    }
    for (int32_t k = 0; k < m->fields.n; k++) {
        m->accept[2 * k] = exp(-m->beta * m->fields.delta[k]);
        m->accept[2 * k + 1] = exp(m->beta * m->fields.delta[k]);
    }
    return KR_OK;
}

static bool metropolis_supports(const kr_target *target, const void *params, kr_error *why)
{
    (void)params;
    if (!target->terms->action && target->terms->q < 2) {
        kr_fail(why, KR_EUNSUP, "metropolis: model has %d state, want 2 or more",
                target->terms->q);
        return false;
    }
    return true;
}

static void *ref_alloc(const kr_update_setting *setting, kr_local_kind kind,
                       const kr_local_params *params, kr_error *err)
{
    (void)kind;
    metropolis *m = kr_alloc(1, sizeof *m, err);
    if (!m) {
        return NULL;
    }
    m->terms = setting->target->terms;
    m->beta = setting->target->beta;
    if (prepare(m, setting->target, params->order, err) != KR_OK) {
        ref_free(m);
        return NULL;
    }
    return m;
}

static void ref_sweep(const void *self, kr_block *block, int64_t n_sweeps, void *scratch,
                      kr_tally *tally)
{
    (void)scratch;
    const metropolis *m = self;
    for (int64_t k = 0; k < n_sweeps; k++) {
        for (int32_t lane = 0; lane < block->n_lanes; lane++) {
            uint8_t *s = block->state + (size_t)lane * (size_t)block->n_sites;
            int64_t changed = m->kernel(m, s, &block->energy[lane], block->rng);
            tally->attempted[lane] += m->visit.n;
            tally->accepted[lane] += changed;
            tally->changed[lane] += changed;
            if (changed > 0) {
                kr_block_touch(block);
            }
        }
    }
}

static const kr_engine ref = {
    .name = "ref",
    .alloc = ref_alloc,
    .free = ref_free,
    .sweep = ref_sweep,
};

static void *metropolis_alloc(const kr_update_setting *setting, const void *params,
                              kr_error *err)
{
    return kr_local_alloc(setting, params, KR_LOCAL_METROPOLIS, &ref, err);
}

const kr_update_plug kr_update_metropolis = {
    .name = "metropolis",
    .doc = "proposes another state at each visited site; needs a second update beside it to "
           "reach every state (a fixed site order, and beta = 0 in any order, can cycle)",
    .source = "Metropolis et al., J. Chem. Phys. 21, 1087 (1953)",
    .fields = kr_local_table,
    .params_size = sizeof(kr_local_params),
    .flags = KR_UPDATE_LOCAL | KR_UPDATE_LANE_BETA,
    .layouts = KR_LAYOUT_CHAIN | KR_LAYOUT_BITS | KR_LAYOUT_BYTES | KR_LAYOUT_REAL,
    .supports = metropolis_supports,
    .alloc = metropolis_alloc,
    .free = kr_local_free,
    .fold = kr_local_fold,
    .scratch_bytes = kr_local_scratch_bytes,
    .engine = kr_local_engine,
    .engine_reason = kr_local_reason,
    .sweep = kr_local_sweep,
    .tune = kr_local_tune,
    .declare = kr_local_declare,
    .tuned = kr_local_tuned,
};
