/* SPDX-License-Identifier: GPL-3.0-or-later
 * update/hmc.c - hybrid (Hamiltonian) Monte Carlo for real-valued models.
 *
 * One attempt is one trajectory: momenta pi ~ N(0, 1), H = pi^2/2 + beta S, `steps` steps of a
 * reversible integrator that keeps volume, acceptance min(1, exp(-dH)). The step of a
 * trajectory is jittered by a factor that does not look at the states, so that no mode of the
 * field stays at a multiple of its period; a share of them has any smaller step, since one that
 * fits the bulk of a law is refused for long in a tail where the action is steeper (mala is not
 * geometrically ergodic there: Roberts, Tweedie, Bernoulli 2, 341 (1996)). Chains move
 * KR_LANES_PAD at a time in the lanes of vectors. omelyan: two forces a step, error constants a
 * tenth of leapfrog's. Source: Duane, Kennedy, Pendleton, Roweth, Phys. Lett. B 195, 216
 * (1987); Omelyan, Mryglod, Folk, Comput. Phys. Commun. 151, 272 (2003); jitter: Mackenzie,
 * Phys. Lett. B 226, 369 (1989). Threads: pure given block, scratch and tally. */
#include "update/hmc.h"
#include "base/memory.h"
#include "base/normals.h"
#include "model/action.h"
#include "update/proposal.h"

#include <math.h>
#include <string.h>

#define PI           3.14159265358979324
#define FOURIER_STEP 0.3 /* where tuning begins; a free field has period 2 pi in all modes */

static const kr_field fields[] = {
    { .name = "steps",
      .type = KR_TYPE_INT,
      .offset = offsetof(kr_hmc_params, steps),
      .fallback = "10",
      .min = 1,
      .max = 100000,
      .unit = "1",
      .doc = "integrator steps of a trajectory" },
    { .name = "step",
      .type = KR_TYPE_REAL,
      .offset = offsetof(kr_hmc_params, step),
      .fallback = "0",
      .min = 0,
      .max = 1e6,
      .unit = "1",
      .doc =
          "size of a step, where tuning begins; 0: chosen from the width of a random start" },
    { .name = "target",
      .type = KR_TYPE_REAL,
      .offset = offsetof(kr_hmc_params, target),
      .fallback = "0.8",
      .min = 0,
      .max = 0.999,
      .unit = "1",
      .doc = "acceptance that the step is tuned to during thermalize; 0: no tuning" },
    { .name = "jitter",
      .type = KR_TYPE_REAL,
      .offset = offsetof(kr_hmc_params, jitter),
      .fallback = "0.1",
      .min = 0,
      .max = 0.9,
      .unit = "1",
      .doc = "the step of a trajectory varies uniformly by this share up and down" },
    { .name = "shorter",
      .type = KR_TYPE_REAL,
      .offset = offsetof(kr_hmc_params, shorter),
      .fallback = "0",
      .min = 0,
      .max = 1,
      .unit = "1",
      .doc = "share of trajectories with a step anywhere between 0 and that, which leave tails "
             "where it is too large" },
    { .name = "integrator",
      .type = KR_TYPE_CHOICE,
      .offset = offsetof(kr_hmc_params, integrator),
      .fallback = "leapfrog",
      .choices = "leapfrog|omelyan",
      .doc = "leapfrog: one force a step; omelyan: two, and smaller errors" },
    { .name = "mass",
      .type = KR_TYPE_CHOICE,
      .offset = offsetof(kr_hmc_params, mass),
      .fallback = "unit",
      .choices = "unit|fourier|diagonal",
      .doc = "unit: all sites alike; fourier: momenta of the modes of the Gaussian next to the "
             "law, so that long waves move as fast as short ones (quartic actions); diagonal: "
             "every site in units of its own spread, measured during thermalize (for "
             "densities of variables whose scales differ)" },
    KR_FIELD_END
};

bool kr_hmc_has_mass(const char *name, const kr_target *target, int32_t mass, kr_error *why)
{
    const kr_action *action = target->terms->action;
    if (action && mass == KR_MASS_FOURIER && !action->quartic) {
        kr_fail(why, KR_EUNSUP,
                "%s: mass: fourier needs an action of quartic form, want mass: unit or "
                "diagonal",
                name);
        return false;
    }
    if (action && mass == KR_MASS_DIAGONAL && action->is_angle) {
        kr_fail(why, KR_EUNSUP,
                "%s: mass: diagonal is for numbers on the line, the variables are angles, want "
                "mass: unit",
                name);
        return false;
    }
    return true;
}

static bool hmc_supports(const kr_target *target, const void *params, kr_error *why)
{
    return kr_hmc_has_mass("hmc", target, ((const kr_hmc_params *)params)->mass, why);
}

static int init_mass(kr_hmc *h, const kr_target *target, int32_t mass, kr_error *err)
{
    const kr_action *action = target->terms->action;
    if (mass == KR_MASS_DIAGONAL) {
        return kr_mass_init(&h->mass, action->n_sites, action->start_width, err);
    }
    if (mass == KR_MASS_FOURIER) {
        KR_TRY(kr_flow_modes_init(&h->modes, target, err));
        return kr_flow_modes_prepare(&h->modes, target->beta, err);
    }
    return KR_OK;
}

void kr_hmc_free(void *self)
{
    kr_hmc *h = self;
    if (h) {
        kr_flow_modes_clear(&h->modes);
        kr_mass_clear(&h->mass);
        kr_free(h);
    }
}

void *kr_hmc_alloc(const kr_update_setting *setting, const void *params, kr_error *err)
{
    const kr_hmc_params *p = params;
    const kr_action *action = setting->target->terms->action;
    if (p->target == 0.0 && p->step == 0.0) {
        kr_fail(err, KR_EINVAL, "target = 0 and step = 0: want a step > 0 where none is tuned");
        return NULL;
    }
    kr_hmc *h = kr_alloc(1, sizeof *h, err);
    if (h && init_mass(h, setting->target, p->mass, err) != KR_OK) {
        kr_hmc_free(h);
        return NULL;
    }
    if (h) {
        const kr_flow_modes *modes = p->mass == KR_MASS_FOURIER ? &h->modes : NULL;
        const double step = modes ? FOURIER_STEP : 0.2 * action->start_width;
        h->trajectory = (kr_trajectory){ .action = action,
                                         .kernels = kr_real_kernels_of(setting->isa),
                                         .beta = setting->target->beta,
                                         .steps = p->steps,
                                         .integrator = p->integrator,
                                         .modes = modes,
                                         .sigma = h->mass.sigma,
                                         .transform = kr_flow_kernels_of(setting->isa) };
        h->jitter = p->jitter;
        h->shorter = p->shorter;
        kr_dual_average_init(&h->step, p->step > 0.0 ? p->step : step, p->target);
        h->step.most = action->is_angle ? PI : INFINITY;
    }
    return h;
}

/* Positions and momenta of a group. */
size_t kr_hmc_scratch_bytes(const void *self, int32_t n_lanes)
{
    (void)n_lanes;
    const kr_hmc *h = self;
    const kr_trajectory *t = &h->trajectory;
    return (t->modes   ? 4
            : t->sigma ? 3
                       : 2) *
           sizeof(double) * KR_LANES_PAD * (size_t)t->action->n_sites;
}

static void copy_group(int32_t n_sites, int32_t n_lanes, const double *from, size_t from_stride,
                       double *to, size_t to_stride)
{
    for (size_t i = 0; i < (size_t)n_sites; i++) {
        memcpy(to + i * to_stride, from + i * from_stride, (size_t)n_lanes * sizeof *to);
    }
}

static void move_group(const kr_hmc *h, kr_block *block, int32_t first, double step,
                       const kr_phase_space *x, kr_tally *tally)
{
    const kr_trajectory *t = &h->trajectory;
    const int32_t n = t->action->n_sites, left = block->n_lanes - first;
    const int32_t n_lanes = left < KR_LANES_PAD ? left : KR_LANES_PAD;
    double before[KR_LANES_PAD], after[KR_LANES_PAD], energy[KR_LANES_PAD];
    copy_group(n, KR_LANES_PAD, block->phi + first, (size_t)block->stride, x->phi,
               KR_LANES_PAD);
    kr_normals(block->rng, (size_t)n * KR_LANES_PAD, x->pi);
    t->kernels->half_square(n, x->pi, before);
    kr_trajectory_run(t, x, step);
    t->kernels->half_square(n, x->pi, after);
    t->action->energy(t->action->self, n_lanes, x->phi, KR_LANES_PAD, energy);
    for (int32_t l = 0; l < n_lanes; l++) {
        const int32_t lane = first + l;
        const double log_ratio =
            -t->beta * (energy[l] - block->energy[lane]) - (after[l] - before[l]);
        tally->attempted[lane]++;
        /* a trajectory that ran away has no finite energy: it is refused */
        if (!isfinite(log_ratio) ||
            !kr_rng_bernoulli(block->rng, kr_proposal_acceptance(log_ratio))) {
            continue;
        }
        tally->accepted[lane]++;
        tally->changed[lane] += n;
        block->energy[lane] = energy[l];
        for (size_t i = 0; i < (size_t)n; i++) {
            block->phi[i * (size_t)block->stride + (size_t)lane] =
                x->phi[i * KR_LANES_PAD + (size_t)l];
        }
    }
}

/* The factor of the step of a trajectory, from u uniform in [0, 1). It does not look at the
 * states. */
static double factor_of(const kr_hmc *h, double u)
{
    return u < h->shorter
               ? u / h->shorter
               : 1.0 + h->jitter * (2.0 * (u - h->shorter) / (1.0 - h->shorter) - 1.0);
}

void kr_hmc_sweep(const void *self, kr_block *block, int64_t n_sweeps, void *scratch,
                  kr_tally *tally)
{
    const kr_hmc *h = self;
    const size_t n = (size_t)h->trajectory.action->n_sites * KR_LANES_PAD;
    double *at = scratch;
    const bool has_work = h->trajectory.modes || h->trajectory.sigma;
    const kr_phase_space x = { at, at + n, has_work ? at + 2 * n : NULL,
                               h->trajectory.modes ? at + 3 * n : NULL };
    for (int64_t k = 0; k < n_sweeps; k++) {
        const double step = h->step.step * factor_of(h, kr_rng_uniform(block->rng));
        for (int32_t first = 0; first < block->n_lanes; first += KR_LANES_PAD) {
            move_group(h, block, first, step, &x, tally);
        }
    }
    kr_block_touch(block);
}

void kr_hmc_tune(void *self, const kr_tuning *seen)
{
    kr_hmc *h = self;
    double factor;
    kr_dual_average_learn(&h->step, seen->acceptance, seen->call == seen->n_calls);
    if (h->mass.sigma && kr_mass_learn(&h->mass, seen, &factor)) {
        kr_dual_average_init(&h->step, h->step.step * (h->step.target > 0.0 ? factor : 1.0),
                             h->step.target);
    }
}

int kr_hmc_declare(void *self, kr_state *table, kr_error *err)
{
    kr_hmc *h = self;
    if (h->mass.sigma) {
        KR_TRY(kr_mass_declare(&h->mass, table, err));
    }
    return kr_dual_average_declare(&h->step, table, err);
}

double kr_hmc_tuned(const void *self)
{
    return ((const kr_hmc *)self)->step.step;
}

bool kr_hmc_has_moments(const void *self)
{
    return ((const kr_hmc *)self)->mass.sigma != NULL;
}

const double *kr_hmc_tuned_scale(const void *self)
{
    return ((const kr_hmc *)self)->mass.sigma;
}

const kr_update_plug kr_update_hmc = {
    .name = "hmc",
    .doc = "hybrid Monte Carlo: a trajectory of all variables under the force of the action",
    .source = "Duane, Kennedy, Pendleton, Roweth, Phys. Lett. B 195, 216 (1987)",
    .fields = fields,
    .params_size = sizeof(kr_hmc_params),
    .flags = KR_UPDATE_LOCAL | KR_UPDATE_IRREDUCIBLE,
    .layouts = KR_LAYOUT_REAL,
    .supports = hmc_supports,
    .alloc = kr_hmc_alloc,
    .free = kr_hmc_free,
    .scratch_bytes = kr_hmc_scratch_bytes,
    .sweep = kr_hmc_sweep,
    .tune = kr_hmc_tune,
    .declare = kr_hmc_declare,
    .tuned = kr_hmc_tuned,
    .has_moments = kr_hmc_has_moments,
    .tuned_scale = kr_hmc_tuned_scale,
};
