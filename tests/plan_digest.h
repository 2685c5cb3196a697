/* SPDX-License-Identifier: GPL-3.0-or-later
 * tests/plan_digest.h - a plan in one number. Weights in files belong to a plan: order of the
 * sites, order of the inputs, which network is whose may not change unnoticed. */
#ifndef KR_TEST_PLAN_DIGEST_H
#define KR_TEST_PLAN_DIGEST_H

#include "base/state.h"
#include "density/frontier_plan.h"

static inline uint64_t plan_digest(const kr_frontier_plan *plan)
{
    const size_t N = (size_t)plan->n_sites, entry = sizeof(int32_t);
    uint64_t digest = kr_state_hash(plan->order, N * entry, 0);
    digest = kr_state_hash(plan->rank, N * entry, digest);
    digest = kr_state_hash(plan->begin, (N + 1) * sizeof(int64_t), digest);
    digest = kr_state_hash(plan->site, (size_t)plan->begin[N] * entry, digest);
    digest = kr_state_hash(plan->net, N * entry, digest);
    digest = kr_state_hash(plan->owner, (size_t)plan->n_nets * entry, digest);
    digest = kr_state_hash(plan->key, plan->n_key * sizeof(int64_t), digest);
    return kr_state_hash(plan->given, (size_t)plan->n_given * entry, digest);
}

#endif
