/* SPDX-License-Identifier: GPL-3.0-or-later
 * update/mala.c - Langevin steps with Metropolis acceptance, for real-valued models.
 *
 * phi' = phi - (step^2/2) beta dS/dphi + step xi, xi ~ N(0, 1), accepted with the ratio of
 * weights and of proposal densities. That is a trajectory of one leapfrog step with fresh
 * momenta, and runs as such. Where the action is steeper than a parabola the step that fits the
 * bulk is refused for very long in the tails, hence `shorter` (hmc.c). Source: Roberts,
 * Tweedie, Bernoulli 2, 341 (1996); acceptance 0.574: Roberts, Rosenthal, J. R. Stat. Soc. B
 * 60, 255 (1998). Threads: as hmc. */
#include "update/hmc.h"

typedef struct params {
    double step, target, jitter, shorter;
    int32_t mass;
} params;

/* The choices of mass are in the order of KR_MASS_UNIT, ... */
static const kr_field fields[] = {
    { .name = "step",
      .type = KR_TYPE_REAL,
      .offset = offsetof(params, step),
      .fallback = "0",
      .min = 0,
      .max = 1e6,
      .unit = "1",
      .doc =
          "size of a step, where tuning begins; 0: chosen from the width of a random start" },
    { .name = "target",
      .type = KR_TYPE_REAL,
      .offset = offsetof(params, target),
      .fallback = "0.574",
      .min = 0,
      .max = 0.999,
      .unit = "1",
      .doc = "acceptance that the step is tuned to during thermalize; 0: no tuning" },
    { .name = "jitter",
      .type = KR_TYPE_REAL,
      .offset = offsetof(params, jitter),
      .fallback = "0.1",
      .min = 0,
      .max = 0.9,
      .unit = "1",
      .doc = "the step varies uniformly by this share up and down" },
    { .name = "shorter",
      .type = KR_TYPE_REAL,
      .offset = offsetof(params, shorter),
      .fallback = "0.2",
      .min = 0,
      .max = 1,
      .unit = "1",
      .doc =
          "share of attempts with a step anywhere between 0 and that, which leave tails where "
          "it is too large" },
    { .name = "mass",
      .type = KR_TYPE_CHOICE,
      .offset = offsetof(params, mass),
      .fallback = "unit",
      .choices = "unit|fourier|diagonal",
      .doc = "as of hmc: of all sites alike, of modes, or of every site, which preconditions "
             "the step" },
    KR_FIELD_END
};

static bool mala_supports(const kr_target *target, const void *parameters, kr_error *why)
{
    return kr_hmc_has_mass("mala", target, ((const params *)parameters)->mass, why);
}

static void *mala_alloc(const kr_update_setting *setting, const void *parameters, kr_error *err)
{
    const params *p = parameters;
    return kr_hmc_alloc(setting,
                        &(kr_hmc_params){ .steps = 1,
                                          .step = p->step,
                                          .target = p->target,
                                          .jitter = p->jitter,
                                          .shorter = p->shorter,
                                          .integrator = KR_LEAPFROG,
                                          .mass = p->mass },
                        err);
}

const kr_update_plug kr_update_mala = {
    .name = "mala",
    .doc = "Langevin step of all variables with Metropolis acceptance",
    .source = "Roberts, Tweedie, Bernoulli 2, 341 (1996)",
    .fields = fields,
    .params_size = sizeof(params),
    .flags = KR_UPDATE_LOCAL | KR_UPDATE_IRREDUCIBLE,
    .layouts = KR_LAYOUT_REAL,
    .supports = mala_supports,
    .alloc = mala_alloc,
    .free = kr_hmc_free,
    .scratch_bytes = kr_hmc_scratch_bytes,
    .sweep = kr_hmc_sweep,
    .tune = kr_hmc_tune,
    .declare = kr_hmc_declare,
    .tuned = kr_hmc_tuned,
    .has_moments = kr_hmc_has_moments,
    .tuned_scale = kr_hmc_tuned_scale,
};
