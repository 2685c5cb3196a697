/* SPDX-License-Identifier: GPL-3.0-or-later
 * observable/checks.c - what several observables ask of a model and of lists of sites. */
#include "observable/checks.h"

const char *kr_kind_of(const kr_terms *terms)
{
    const kr_action *action = terms->action;
    return !action ? "discrete states" : action->is_angle ? "angles" : "real numbers";
}

int kr_check_sites(const char *name, const kr_list *sites, int32_t n_sites, kr_error *err)
{
    for (int32_t k = 0; k < sites->n; k++) {
        const int64_t site = sites->integer[k];
        bool is_twice = false;
        for (int32_t a = 0; a < k; a++) {
            is_twice = is_twice || sites->integer[a] == site;
        }
        if (is_twice || site >= n_sites) {
            return kr_fail(err, KR_EUNSUP, "%s: site %lld %s, want different ones of 0..%d",
                           name, (long long)site,
                           is_twice ? "comes twice" : "is not on the lattice", n_sites - 1);
        }
    }
    return KR_OK;
}
