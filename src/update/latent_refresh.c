/* SPDX-License-Identifier: GPL-3.0-or-later
 * update/latent_refresh.c - a field moved in the normals that a flow makes it of.
 *
 * phi = f(z) with z standard normals has log q(phi) = log N(z) - ln |df/dz|. The step
 *   z' = (1 - e^2)^(1/2) z + e xi,  xi ~ N(0, 1)  (preconditioned Crank-Nicolson),
 * is reversible for the normals, and so phi' = f(z') with acceptance min(1, w(phi')/w(phi)),
 * w = exp(-beta S)/q, is for exp(-beta S): by the change of variables N(z) becomes q(phi). At e
 * = 1 this is an independent proposal; smaller steps are accepted more often, and always where
 * q is exact. Of drawing a random share of the normals anew instead, which is reversible too,
 * chains forgot slower at equal acceptance.
 *
 * e is tuned to the acceptance `target` by dual averaging. The map is inverted anew in each
 * sweep, so that nothing depends on how sweeps are grouped.
 * Source: Cotter, Roberts, Stuart, White, Stat. Sci. 28, 424 (2013). Threads: pure given block,
 * scratch and tally. */
#include "base/memory.h"
#include "base/normals.h"
#include "model/block.h"
#include "model/block_real.h"
#include "update/dual_average.h"
#include "update/proposal.h"

#include <math.h>
#include <string.h>

typedef struct latent_params {
    double step, target;
} latent_params;

typedef struct latent_refresh {
    kr_proposer proposer;
    latent_params params;
    kr_dual_average step; /* may grow beyond 1, which then stands for 1 */
} latent_refresh;

static int check_density(const kr_proposer *p, kr_error *err)
{
    const kr_density_plug *plug = p->density->plug;
    const kr_flow *flow = plug->flow;
    if (flow && flow->forward && flow->inverse && flow->is_normal &&
        flow->is_normal(p->density->self)) {
        return KR_OK;
    }
    return kr_fail(
        err, KR_EUNSUP,
        "latent_refresh: density %s is not a map of independent normals, want one "
        "that is: gaussian, or split_coupling, realnvp or rq_spline with base: gaussian",
        plug->name);
}

static void *latent_alloc(const kr_update_setting *setting, const void *params, kr_error *err)
{
    kr_proposer proposer;
    if (kr_proposer_init(&proposer, "latent_refresh", setting, false, err) != KR_OK ||
        check_density(&proposer, err) != KR_OK) {
        return NULL;
    }
    latent_refresh *d = kr_alloc(1, sizeof *d, err);
    if (d) {
        d->proposer = proposer;
        d->params = *(const latent_params *)params;
        kr_dual_average_init(&d->step, d->params.step, d->params.target);
    }
    return d;
}

static void latent_free(void *self)
{
    kr_free(self);
}

static bool latent_supports(const kr_target *target, const void *params, kr_error *why)
{
    (void)params;
    if (!target->terms->action) {
        kr_fail(why, KR_EUNSUP,
                "latent_refresh: the states of the model are discrete, want "
                "real variables");
        return false;
    }
    return true;
}

static size_t field_numbers(const latent_refresh *d)
{
    return (size_t)d->proposer.terms->n_sites * KR_LANES_MAX;
}

/* The normals of the chains; those of the proposals, which become their fields. */
static size_t latent_scratch_bytes(const void *self, int32_t n_lanes)
{
    (void)n_lanes;
    const latent_refresh *d = self;
    return 2 * sizeof(double) * field_numbers(d) + kr_proposer_inner_bytes(&d->proposer);
}

static double size_of(const latent_refresh *d)
{
    return fmin(d->step.step, 1.0);
}

/* fresh normals become z'. */
static void propose(const latent_refresh *d, size_t n, const double *z, double *fresh)
{
    const double e = size_of(d), keep = sqrt(1.0 - e * e);
    for (size_t k = 0; k < n; k++) {
        fresh[k] = keep * z[k] + e * fresh[k];
    }
}

/* sum_i (a_i^2 - b_i^2)/2 of every lane: log N(b) - log N(a). */
static void log_normal_ratio(size_t n_sites, size_t stride, const double *a, const double *b,
                             double *out)
{
    memset(out, 0, stride * sizeof *out);
    for (size_t i = 0; i < n_sites; i++) {
        for (size_t l = 0; l < stride; l++) {
            const double x = a[i * stride + l], y = b[i * stride + l];
            out[l] += 0.5 * (x - y) * (x + y);
        }
    }
}

static void sweep_once(const latent_refresh *d, kr_block *block, double *scratch,
                       kr_tally *tally)
{
    const kr_proposer *p = &d->proposer;
    const kr_density *density = p->density;
    const kr_flow *flow = density->plug->flow;
    const kr_action *action = p->terms->action;
    const size_t n_sites = (size_t)block->n_sites, stride = (size_t)block->stride;
    double *z = scratch, *new = z + field_numbers(d);
    void *inner = new + field_numbers(d);
    double log_j[KR_LANES_MAX], new_log_j[KR_LANES_MAX], normal[KR_LANES_MAX];
    double energy[KR_LANES_MAX];
    memcpy(z, block->phi, n_sites * stride * sizeof *z);
    flow->inverse(density->self, block->n_lanes, z, log_j, inner);
    kr_normals(block->rng, n_sites * stride, new);
    propose(d, n_sites * stride, z, new);
    log_normal_ratio(n_sites, stride, z, new, normal);
    flow->forward(density->self, block->n_lanes, new, new_log_j, inner);
    action->energy(action->self, block->n_lanes, new, stride, energy);
    for (int32_t l = 0; l < block->n_lanes; l++) {
        /* log q(phi') - log q(phi) */
        const double log_q = normal[l] - (new_log_j[l] - log_j[l]);
        const double log_ratio = -p->beta * (energy[l] - block->energy[l]) - log_q;
        tally->attempted[l]++;
        if (!kr_rng_bernoulli(block->rng, kr_proposal_acceptance(log_ratio))) {
            continue;
        }
        tally->accepted[l]++;
        tally->changed[l] += kr_proposal_take(block, l, 0, new + l, stride);
        block->energy[l] = energy[l];
    }
}

static void latent_sweep(const void *self, kr_block *block, int64_t n_sweeps, void *scratch,
                         kr_tally *tally)
{
    for (int64_t k = 0; k < n_sweeps; k++) {
        sweep_once(self, block, scratch, tally);
    }
    kr_block_touch(block);
}

static void latent_tune(void *self, const kr_tuning *seen)
{
    latent_refresh *d = self;
    if (seen->call == 1) { /* with other weights, perhaps */
        kr_dual_average_init(&d->step, d->params.step, d->params.target);
    }
    kr_dual_average_learn(&d->step, seen->acceptance, seen->call == seen->n_calls);
}

static int latent_declare(void *self, kr_state *table, kr_error *err)
{
    latent_refresh *d = self;
    return kr_dual_average_declare(&d->step, table, err);
}

static double latent_tuned(const void *self)
{
    return size_of(self);
}

static const kr_field fields[] = {
    { .name = "step",
      .type = KR_TYPE_REAL,
      .offset = offsetof(latent_params, step),
      .fallback = "0.5",
      .min = 0,
      .max = 1,
      .unit = "1",
      .flags = KR_FIELD_OPEN_MIN,
      .doc = "e, where tuning begins; 1: independent proposals" },
    { .name = "target",
      .type = KR_TYPE_REAL,
      .offset = offsetof(latent_params, target),
      .fallback = "0.3",
      .min = 0,
      .max = 0.999,
      .unit = "1",
      .doc = "acceptance that the step is tuned to before measuring; 0: no tuning" },
    KR_FIELD_END,
};

const kr_update_plug kr_update_latent_refresh = {
    .name = "latent_refresh",
    .doc = "moves the normals that a flow makes the field of by a step, and accepts with the "
           "ratio of weights over the ratio of densities",
    .source = "Cotter, Roberts, Stuart, White, Stat. Sci. 28, 424 (2013)",
    .fields = fields,
    .params_size = sizeof(latent_params),
    .flags = KR_UPDATE_NEEDS_DENSITY | KR_UPDATE_IRREDUCIBLE,
    .layouts = KR_LAYOUT_REAL,
    .supports = latent_supports,
    .alloc = latent_alloc,
    .free = latent_free,
    .scratch_bytes = latent_scratch_bytes,
    .sweep = latent_sweep,
    .tune = latent_tune,
    .declare = latent_declare,
    .tuned = latent_tuned,
};
