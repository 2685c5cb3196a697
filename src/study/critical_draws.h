/* SPDX-License-Identifier: GPL-3.0-or-later
 * study/critical_draws.h - draws of a result file of a study, and what they say at values of
 * the parameter near theirs, by reweighting. Threads: serial only. */
#ifndef KR_STUDY_CRITICAL_DRAWS_H
#define KR_STUDY_CRITICAL_DRAWS_H

#include "stats/scaling.h"
#include "study/study.h"

/* Draws of one point. */
typedef struct kr_critical_draws {
    int64_t n_chains, n_draws;
    int32_t side;
    double n_sites, at;
    double ratio_factor; /* xi/L = factor (S(0)/S(k) - 1)^(1/2); NaN: not measured */
    double *x;           /* (n_chains, n_draws) total conjugate; owns, as the rest */
    double *square, *abs, *zero, *least; /* m^2, |m|, S(0), S(k); the last two may be NULL */
} kr_critical_draws;

int kr_critical_draws_load(const kr_study *study, const char *path, int32_t side, int64_t point,
                           double at, kr_critical_draws *draws, kr_error *err);
void kr_critical_draws_clear(kr_critical_draws *draws);
/* What the draws say at a value of the parameter near theirs; *ess: draws that the weights
 * leave, as a share. data->value is NaN where it is not defined. */
int kr_critical_evaluate(const kr_critical_draws *draws, double at, kr_scaling_size *data,
                         double *ess, kr_error *err);
/* tau_int in draws: the largest and the smallest of x, m^2 and |m|. */
int kr_critical_tau(const kr_critical_draws *draws, double *slowest, double *fastest,
                    kr_error *err);

#endif
