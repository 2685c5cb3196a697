/* SPDX-License-Identifier: GPL-3.0-or-later
 * update/engine_bytes.c - heat bath and Metropolis with one byte per spin, 64 spins per vector,
 * all sites of a color at once.
 *
 * Rules (update/bytes_kernels.h), chosen by the model:
 *   two states, couplings or fields that vary    a table of thresholds for every site
 *   few states, all couplings and fields equal   class = sum of codes of the neighbors
 *   Potts without field                          copies of neighbors, uniform draws
 * Checkerboard vectorization: Preis, Virnau, Paul, Schneider, J. Comput. Phys. 228, 4468
 * (2009). Threads: pure given block, scratch and tally. */
#include "base/isa.h"
#include "base/memory.h"
#include "update/bytes_tables.h"

#include <string.h>

extern const kr_bytes kr_bytes_portable;
extern const kr_bytes_potts kr_bytes_potts_portable;
#ifdef KR_ISA_X86
extern const kr_bytes kr_bytes_avx512, kr_bytes_avx2;
extern const kr_bytes_potts kr_bytes_potts_avx512, kr_bytes_potts_avx2;
#endif

enum { COUNTED_STATES = 32 }; /* more are cheaper to count when somebody asks */

typedef void color_kernel(const kr_bytes_job *job, kr_bytes_run *run, int32_t begin,
                          int32_t end);

typedef struct engine_bytes {
    kr_bytes_job job;
    kr_fold *fold;
    const kr_bytes *kernels;
    const kr_bytes_potts *potts;
    color_kernel *color;
} engine_bytes;

/* Scratch of a call: (q, 64) counts of elements. */
typedef struct scratch_area {
    double sum[64];
    uint32_t changed[64];
    uint32_t count[]; /* or of bonds: (KR_BYTES_VALUES_MAX, 64) */
} scratch_area;

static void pick_kernels(engine_bytes *e, kr_isa isa)
{
    e->kernels = &kr_bytes_portable;
    e->potts = &kr_bytes_potts_portable;
#ifdef KR_ISA_X86
    isa = kr_isa_resolve(isa);
    if (isa == KR_ISA_AVX512) {
        e->kernels = &kr_bytes_avx512;
        e->potts = &kr_bytes_potts_avx512;
    } else if (isa == KR_ISA_AVX2) {
        e->kernels = &kr_bytes_avx2;
        e->potts = &kr_bytes_potts_avx2;
    }
#else
    (void)isa;
#endif
    e->color = e->job.rule == KR_BYTES_SITE           ? e->kernels->site
               : e->job.rule == KR_BYTES_SUM          ? e->kernels->sum
               : e->job.rule == KR_BYTES_POTTS_COPY   ? e->potts->copy
               : e->job.rule == KR_BYTES_POTTS_REJECT ? e->potts->reject
                                                      : e->potts->move;
}

static void bytes_free(void *self)
{
    engine_bytes *e = self;
    if (e) {
        kr_bytes_job_clear(&e->job);
        kr_fold_free(e->fold);
        kr_free(e);
    }
}

static void *bytes_alloc(const kr_update_setting *setting, kr_local_kind kind,
                         const kr_local_params *params, kr_error *err)
{
    (void)params;
    engine_bytes *e = kr_alloc(1, sizeof *e, err);
    if (!e) {
        return NULL;
    }
    if (kr_bytes_job_init(&e->job, setting, kind, &e->fold, err) != KR_OK) {
        bytes_free(e);
        return NULL;
    }
    pick_kernels(e, setting->isa);
    return e;
}

static const kr_fold *bytes_fold(const void *self)
{
    return ((const engine_bytes *)self)->fold;
}

static size_t bytes_scratch(const void *self, int32_t n_lanes)
{
    (void)n_lanes;
    const engine_bytes *e = self;
    size_t rows = (size_t)e->job.q;
    rows = rows > KR_BYTES_VALUES_MAX ? rows : KR_BYTES_VALUES_MAX;
    return sizeof(scratch_area) + rows * 64 * sizeof(uint32_t);
}

static void run_sweeps(const engine_bytes *e, kr_bytes_run *run, int64_t n_sweeps,
                       uint32_t *changed)
{
    const kr_fold *fold = e->fold;
    for (int64_t k = 0; k < n_sweeps; k++) {
        run->changed = k == n_sweeps - 1 ? changed : NULL;
        for (int32_t c = 0; c < fold->n_colors; c++) {
            e->color(&e->job, run, fold->color_begin[c], fold->color_begin[c + 1]);
            e->kernels->refresh(fold, fold->halo_begin[c], fold->halo_begin[c + 1], run->state);
        }
    }
}

/* Sum over the tiles of a lane. */
static int64_t lane_sum(const kr_fold *fold, const uint32_t *elements, int32_t lane)
{
    int64_t sum = 0;
    for (int32_t t = 0; t < fold->n_tiles; t++) {
        sum += elements[t * fold->n_lanes + lane];
    }
    return sum;
}

static void set_counts(const engine_bytes *e, kr_block *block, scratch_area *area)
{
    size_t q = (size_t)e->job.q;
    memset(area->count, 0, q * 64 * sizeof *area->count);
    e->kernels->count(&e->job, block->state, area->count);
    memset(block->count, 0, KR_LANES_MAX * q * sizeof *block->count);
    for (int32_t lane = 0; lane < block->n_lanes; lane++) {
        int64_t *n = block->count + (size_t)lane * q;
        n[0] = block->n_sites;
        for (size_t a = 1; a < q; a++) {
            n[a] = lane_sum(e->fold, area->count + a * 64, lane);
            n[0] -= n[a];
        }
    }
    block->has_count = 1;
}

/* Rule SITE: real couplings. */
static void set_site_energies(const engine_bytes *e, kr_block *block, scratch_area *area)
{
    memset(area->sum, 0, sizeof area->sum);
    for (int k = 0; k < 3; k++) {
        e->kernels->add_amounts(e->fold, &e->job.amounts[k], block->state, area->sum);
    }
    for (int32_t lane = 0; lane < block->n_lanes; lane++) {
        double energy = e->job.constant;
        for (int32_t t = 0; t < e->fold->n_tiles; t++) {
            energy += area->sum[t * e->fold->n_lanes + lane];
        }
        block->energy[lane] = energy;
    }
}

/* Equal couplings: bonds counted by the entry of V; counts are current where there are fields.
 */
static void set_energies(const engine_bytes *e, kr_block *block, scratch_area *area)
{
    const kr_bytes_job *job = &e->job;
    const kr_terms *terms = job->terms;
    double J = terms->n_terms > 0 ? terms->J[0] : 0.0;
    memset(area->count, 0, (size_t)job->n_values * 64 * sizeof *area->count);
    if (job->rule == KR_BYTES_SUM) {
        e->kernels->sum_bonds(job, block->state, area->count);
    } else {
        e->potts->equal_bonds(job, block->state, area->count + 64);
    }
    for (int32_t lane = 0; lane < block->n_lanes; lane++) {
        int64_t others = terms->n_terms;
        double pairs = 0.0, fields = 0.0;
        for (int32_t d = 1; d < job->n_values; d++) {
            int64_t n = lane_sum(e->fold, area->count + d * 64, lane);
            pairs += job->value[d] * (double)n;
            others -= n;
        }
        for (int32_t a = 0; terms->has_local && a < job->q; a++) {
            fields += terms->local[a] * (double)block->count[lane * job->q + a];
        }
        block->energy[lane] = J * (pairs + job->value[0] * (double)others) + fields;
    }
}

static void bytes_sweep(const void *self, kr_block *block, int64_t n_sweeps, void *scratch,
                        kr_tally *tally)
{
    const engine_bytes *e = self;
    const kr_fold *fold = e->fold;
    scratch_area *area = scratch;
    kr_bytes_run run = { .state = block->state, .rng = block->rng };
    for (int32_t t = 0; t < fold->n_tiles; t++) {
        memset(run.live + t * fold->n_lanes, 255, (size_t)block->n_lanes);
    }
    memset(area->changed, 0, sizeof area->changed);
    e->kernels->refresh(fold, 0, fold->n_halos, block->state);
    run_sweeps(e, &run, n_sweeps, area->changed);
    kr_block_touch(block);
    if (e->job.q <= COUNTED_STATES) {
        set_counts(e, block, area);
    }
    if (e->job.rule == KR_BYTES_SITE) {
        set_site_energies(e, block, area);
    } else {
        set_energies(e, block, area);
    }
    for (int32_t lane = 0; lane < block->n_lanes; lane++) {
        int64_t changed = lane_sum(fold, area->changed, lane) * n_sweeps;
        tally->attempted[lane] += n_sweeps * block->n_sites;
        tally->accepted[lane] += changed;
        tally->changed[lane] += changed;
    }
}

const kr_engine kr_engine_bytes = {
    .name = "bytes",
    .min_elements = 16, /* below, the reference is as fast on some instruction set */
    .alloc = bytes_alloc,
    .free = bytes_free,
    .fold = bytes_fold,
    .scratch_bytes = bytes_scratch,
    .sweep = bytes_sweep,
};
