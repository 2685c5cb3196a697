/* SPDX-License-Identifier: GPL-3.0-or-later
 * update/visit.h - the order in which a local update visits the sites. */
#ifndef KR_UPDATE_VISIT_H
#define KR_UPDATE_VISIT_H

#include "base/rng.h"

enum { KR_VISIT_SEQUENTIAL, KR_VISIT_CHECKERBOARD, KR_VISIT_RANDOM };

typedef struct kr_visit_params {
    int32_t order;
} kr_visit_params;

/* Row of a field table whose params begin with kr_visit_params. */
#define KR_VISIT_FIELD                                                                         \
    {                                                                                          \
        .name = "order", .type = KR_TYPE_CHOICE, .offset = offsetof(kr_visit_params, order),   \
        .fallback = "sequential", .choices = "sequential|checkerboard|random",                 \
        .doc = "order of the sites in a sweep: by number, color by color of the lattice, or "  \
               "a site drawn anew for each attempt"                                            \
    }

typedef struct kr_visit {
    int32_t order, n;
    int32_t *list; /* (n) checkerboard: sites color by color, else NULL; owns */
} kr_visit;

int kr_visit_init(kr_visit *visit, int32_t order, const kr_lattice *lattice, kr_error *err);
void kr_visit_clear(kr_visit *visit);

/* Site of attempt t, 0 <= t < n. */
static inline int32_t kr_visit_site(const kr_visit *visit, int32_t t, kr_rng *rng)
{
    if (visit->order == KR_VISIT_SEQUENTIAL) {
        return t;
    }
    return visit->list ? visit->list[t] : (int32_t)kr_rng_below(rng, (uint32_t)visit->n);
}

#endif
