/* SPDX-License-Identifier: GPL-3.0-or-later
 * model/exact_chain.h - real-valued models in one dimension by transfer matrices. */
#ifndef KR_MODEL_EXACT_CHAIN_H
#define KR_MODEL_EXACT_CHAIN_H

#include "model/exact.h"

/* A function of the variable of a site: phi^power, or 1 where phi > 0 and else 0. */
typedef struct kr_chain_factor {
    int32_t site, power;
} kr_chain_factor;
enum { KR_CHAIN_POSITIVE = -1 };

/* Mean of the product of factors of different sites, for the systems of kr_exact_chain.
 * Threads: pure. Errors: as there; KR_EINVAL: a site twice, a power below -1. */
int kr_exact_chain_mean(const kr_target *target, const kr_chain_factor *factor,
                        int32_t n_factors, double most_work, double *mean, kr_error *err);

#endif
