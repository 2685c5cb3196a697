/* SPDX-License-Identifier: GPL-3.0-or-later
 * update/visit.h - the order in which a local update visits the sites. */
#ifndef KR_UPDATE_VISIT_H
#define KR_UPDATE_VISIT_H

#include "base/rng.h"
#include "update/local.h"

typedef struct kr_visit {
    int32_t order, n; /* KR_ORDER_SEQUENTIAL, _CHECKERBOARD or _RANDOM */
    int32_t *list;    /* (n) checkerboard: sites color by color, else NULL; owns */
} kr_visit;

/* order AUTO is SEQUENTIAL. Errors: KR_ENOMEM. */
int kr_visit_init(kr_visit *visit, int32_t order, const kr_lattice *lattice, kr_error *err);
void kr_visit_clear(kr_visit *visit);

/* Site of attempt t, 0 <= t < n. */
static inline int32_t kr_visit_site(const kr_visit *visit, int32_t t, kr_rng *rng)
{
    if (visit->order == KR_ORDER_SEQUENTIAL) {
        return t;
    }
    return visit->list ? visit->list[t] : (int32_t)kr_rng_below(rng, (uint32_t)visit->n);
}

#endif
