/* SPDX-License-Identifier: GPL-3.0-or-later
 * update/cluster_bits.c - plans of the bit kernels, and the choice of instruction set. */
#include "update/cluster_bits.h"

#include "base/isa.h"
#include "base/memory.h"

#include <math.h>
#include <string.h>

extern const kr_bits kr_bond_bits_portable;
#ifdef KR_ISA_X86
extern const kr_bits kr_bond_bits_avx2, kr_bond_bits_avx512;
#endif

const kr_bits *kr_bits_of(kr_isa isa)
{
    switch (kr_isa_resolve(isa)) {
#ifdef KR_ISA_X86
    case KR_ISA_AVX512:
        return &kr_bond_bits_avx512;
    case KR_ISA_AVX2:
        return &kr_bond_bits_avx2;
#endif
    default:
        return &kr_bond_bits_portable;
    }
}

int kr_bits_plan_init(kr_bits_plan *plan, const kr_box *box, int32_t q, double p,
                      const double *beta_local, kr_error *err)
{
    *plan = (kr_bits_plan){ .box = *box, .q = q, .n_planes = 1, .coin = kr_coin_of(p) };
    while (q > 1 << plan->n_planes) {
        plan->n_planes++;
    }
    plan->n_words = (box->extent[0] + 63) / 64;
    plan->n_rows = box->n_sites / box->extent[0];
    if (!beta_local) {
        return KR_OK;
    }
    plan->beta_local = kr_alloc((size_t)q, sizeof(double), err);
    plan->weight = kr_alloc((size_t)KR_BITS_SIZES * (size_t)q, sizeof(double), err);
    if (!plan->beta_local || !plan->weight) {
        kr_bits_plan_clear(plan);
        return KR_ENOMEM;
    }
    double low = beta_local[0];
    for (int32_t a = 1; a < q; a++) {
        low = fmin(low, beta_local[a]);
    }
    for (int32_t a = 0; a < q; a++) {
        plan->beta_local[a] = beta_local[a] - low;
        for (int32_t size = 0; size < KR_BITS_SIZES; size++) {
            plan->weight[size * q + a] = exp(-size * plan->beta_local[a]);
        }
    }
    return KR_OK;
}

void kr_bits_plan_clear(kr_bits_plan *plan)
{
    kr_free(plan->beta_local);
    kr_free(plan->weight);
    memset(plan, 0, sizeof *plan);
}

/* Planes, links, starts and first runs by word; parent, size and color by run. */
size_t kr_bits_bytes(const kr_bits_plan *plan)
{
    size_t words = (size_t)plan->n_rows * (size_t)plan->n_words;
    size_t sites = (size_t)plan->box.n_sites;
    return words * 8 * ((size_t)plan->n_planes + 3) + sites * (2 * sizeof(uint32_t) + 1) + 64;
}
