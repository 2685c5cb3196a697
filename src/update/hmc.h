/* SPDX-License-Identifier: GPL-3.0-or-later
 * update/hmc.h - hybrid Monte Carlo, shared by the updates hmc and mala. */
#ifndef KR_UPDATE_HMC_H
#define KR_UPDATE_HMC_H

#include "update/dual_average.h"
#include "update/mass.h"
#include "update/trajectory.h"

typedef struct kr_hmc_params {
    int64_t steps;
    double step, target, jitter, shorter;
    int32_t integrator, mass;
} kr_hmc_params;

enum { KR_MASS_UNIT, KR_MASS_FOURIER, KR_MASS_DIAGONAL };

typedef struct kr_hmc {
    kr_trajectory trajectory;
    kr_flow_modes modes; /* with KR_MASS_FOURIER */
    kr_mass mass;        /* with KR_MASS_DIAGONAL */
    double jitter, shorter;
    kr_dual_average step;
} kr_hmc;

/* Members of the update plugs; params: kr_hmc_params. */
void *kr_hmc_alloc(const kr_update_setting *setting, const void *params, kr_error *err);
void kr_hmc_free(void *self);
size_t kr_hmc_scratch_bytes(const void *self, int32_t n_lanes);
void kr_hmc_sweep(const void *self, kr_block *block, int64_t n_sweeps, void *scratch,
                  kr_tally *tally);
void kr_hmc_tune(void *self, const kr_tuning *seen);
int kr_hmc_declare(void *self, kr_state *table, kr_error *err);
double kr_hmc_tuned(const void *self);
bool kr_hmc_has_moments(const void *self);
const double *kr_hmc_tuned_scale(const void *self);
/* Whether an action has such a mass; name: of the update. */
bool kr_hmc_has_mass(const char *name, const kr_target *target, int32_t mass, kr_error *why);

#endif
