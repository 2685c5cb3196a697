/* SPDX-License-Identifier: GPL-3.0-or-later
 * model/exact.c - choice among the exact methods. */
#include "model/exact.h"

#include <math.h>

#define WORK_PER_STATE 10.0 /* multiplications in the time of a state and site elsewhere */

static int best_real(const kr_target *target, double max_states, kr_exact *exact, kr_error *err)
{
    kr_error free_field = { 0 }, chain = { 0 };
    const double work = WORK_PER_STATE * max_states * target->terms->n_sites;
    if (!target->terms->action->quartic) {
        return kr_fail(err, KR_EUNSUP,
                       "no exact values: none are known for this real-valued model");
    }
    if (kr_exact_free(target, work, exact, &free_field) == KR_OK) {
        return KR_OK;
    }
    const int status = kr_exact_chain(target, work, exact, &chain);
    return status == KR_OK
               ? KR_OK
               : kr_fail(err, status, "no exact values; %s; %s", free_field.text, chain.text);
}

int kr_exact_best(const kr_target *target, double max_states, kr_exact *exact, kr_error *err)
{
    kr_error kaufman = { 0 }, strip = { 0 };
    if (target->terms->action) {
        return best_real(target, max_states, exact, err);
    }
    double q = target->terms->q, n_all = pow(q, target->terms->n_sites), n_frontier = 0.0;
    if (n_all <= fmin(max_states, KR_ENUMERATE_STATES_MAX)) {
        return kr_exact_enumerate(target, exact, err);
    }
    if (kr_exact_kaufman(target, exact, &kaufman) == KR_OK) {
        return KR_OK;
    }
    int status = kr_exact_strip_states(target, &n_frontier, &strip);
    if (status == KR_OK && n_frontier > fmin(max_states, KR_STRIP_STATES_MAX)) {
        status =
            kr_fail(&strip, KR_EUNSUP,
                    "transfer matrix: a frontier of %.3g configurations, want at most %.0f",
                    n_frontier, fmin(max_states, KR_STRIP_STATES_MAX));
    }
    if (status == KR_OK) {
        return kr_exact_strip(target, exact, err);
    }
    return kr_fail(err, status,
                   "no exact values; enumeration: %d^%d configurations, want at most %.0f; %s; "
                   "%s",
                   target->terms->q, target->terms->n_sites,
                   fmin(max_states, KR_ENUMERATE_STATES_MAX), kaufman.text, strip.text);
}
