/* SPDX-License-Identifier: GPL-3.0-or-later
 * update/cluster_flood.c - plans of the flood kernel, and the choice of instruction set. */
#include "update/cluster_flood.h"

#include "base/isa.h"
#include "base/memory.h"

#include <string.h>

extern const kr_flood kr_flood_portable;
#ifdef KR_ISA_X86
extern const kr_flood kr_flood_avx2, kr_flood_avx512;
#endif

const kr_flood *kr_flood_of(kr_isa isa)
{
    switch (kr_isa_resolve(isa)) {
#ifdef KR_ISA_X86
    case KR_ISA_AVX512:
        return &kr_flood_avx512;
    case KR_ISA_AVX2:
        return &kr_flood_avx2;
#endif
    default:
        return &kr_flood_portable;
    }
}

static int32_t n_all(const kr_flood_plan *plan)
{
    return plan->n_rows * plan->n_words;
}

int kr_flood_plan_init(kr_flood_plan *plan, const kr_box *box, kr_error *err)
{
    *plan = (kr_flood_plan){ .box = *box, .n_words = (box->extent[0] + 63) / 64 };
    plan->n_rows = box->n_sites / box->extent[0];
    plan->beside = kr_alloc((size_t)n_all(plan) * 4, sizeof(int32_t), err);
    plan->first = kr_alloc((size_t)n_all(plan), sizeof *plan->first, err);
    plan->size = kr_alloc((size_t)n_all(plan), sizeof *plan->size, err);
    if (!plan->beside || !plan->first || !plan->size) {
        kr_flood_plan_clear(plan);
        return KR_ENOMEM;
    }
    int32_t *of = plan->beside, n = plan->n_words;
    const int32_t rows = plan->n_rows;
    bool is_wound = box->is_periodic[1] && rows > 1;
    bool is_ring = box->is_periodic[0] && box->extent[0] > 1;
    for (int32_t row = 0; row < rows; row++) {
        for (int32_t k = 0; k < n; k++, of += 4) {
            int32_t left = box->extent[0] - 64 * k;
            plan->first[row * n + k] = row * box->extent[0] + 64 * k;
            plan->size[row * n + k] = (uint8_t)(left < 64 ? left : 64);
            of[0] = k + 1 < n ? row * n + k + 1 : is_ring ? row * n : n_all(plan);
            of[1] = k > 0 ? row * n + k - 1 : is_ring ? row * n + n - 1 : n_all(plan);
            of[2] = row + 1 < rows ? (row + 1) * n + k : is_wound ? k : n_all(plan);
            of[3] = row > 0 ? (row - 1) * n + k : is_wound ? (rows - 1) * n + k : n_all(plan);
        }
    }
    return KR_OK;
}

void kr_flood_plan_clear(kr_flood_plan *plan)
{
    kr_free(plan->beside);
    kr_free(plan->first);
    kr_free(plan->size);
    memset(plan, 0, sizeof *plan);
}

static int32_t ring_size(const kr_flood_plan *plan)
{
    int32_t size = 1;
    while (size < n_all(plan) + 2) { /* all words wait and one is being worked off */
        size *= 2;
    }
    return size;
}

size_t kr_flood_bytes(const kr_flood_plan *plan)
{
    size_t n = (size_t)n_all(plan) + 1;
    return 64 + n * (sizeof(kr_flood_word) + sizeof(int32_t) + 1) +
           (size_t)ring_size(plan) * sizeof(int32_t);
}

kr_flood_work kr_flood_begin(const kr_flood_plan *plan, void *scratch)
{
    size_t n = (size_t)n_all(plan) + 1;
    uint8_t *at = scratch;
    kr_flood_work work = { .ring_mask = ring_size(plan) - 1 };
    work.word = (kr_flood_word *)(void *)(at + (64 - (uintptr_t)at % 64) % 64);
    work.ring = (int32_t *)(void *)(work.word + n);
    work.touched = work.ring + ring_size(plan);
    work.is_touched = (uint8_t *)(work.touched + n);
    memset(work.is_touched, 0, n);
    memset(&work.word[n - 1], 0, sizeof work.word[0]); /* the word that does not exist */
    work.is_touched[n - 1] = 1;
    return work;
}
