/* SPDX-License-Identifier: GPL-3.0-or-later
 * update/visit.c - site orders of local updates. */
#include "update/visit.h"

#include "base/memory.h"

int kr_visit_init(kr_visit *visit, int32_t order, const kr_lattice *lattice, kr_error *err)
{
    *visit = (kr_visit){ .order = order == KR_ORDER_AUTO ? KR_ORDER_SEQUENTIAL : order,
                         .n = lattice->n_sites };
    if (order != KR_ORDER_CHECKERBOARD) {
        return KR_OK;
    }
    visit->list = kr_alloc((size_t)visit->n, sizeof *visit->list, err);
    if (!visit->list) {
        return KR_ENOMEM;
    }
    int32_t t = 0;
    for (int32_t color = 0; color < lattice->n_colors; color++) {
        for (int32_t i = 0; i < visit->n; i++) {
            if (lattice->color[i] == color) {
                visit->list[t++] = i;
            }
        }
    }
    return KR_OK;
}

void kr_visit_clear(kr_visit *visit)
{
    kr_free(visit->list);
    visit->list = NULL;
}
