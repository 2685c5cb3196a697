/* SPDX-License-Identifier: GPL-3.0-or-later
 * update/engine_bits.c - one bit per spin: Ising models whose sites have few local fields.
 *
 * Takes two-state pair models with V[0][0] = V[1][1], couplings of one magnitude (either sign,
 * zero, or absent at open rims) and one field for all sites. Then the energy to turn a spin up
 * is K (z - 2k) + h, k of its z neighbors up; neighbors over negative bonds are counted
 * inverted. The chains of a block may be at different temperatures. Kernels:
 * update/bits_kernels.c, their tables: update/bits_tables.c.
 *
 * Multi-spin coding: Zorn, Herrmann, Rebbi, Comput. Phys. Commun. 23, 337 (1981). */
#include "base/isa.h"
#include "base/memory.h"
#include "base/rng.h"
#include "update/bits_tables.h"

#include <string.h>

#define MIN_ELEMENTS 16  /* measured: 8 draw with ref */
#define SAMPLED      128 /* vectors of a pass whose flips are counted, at most */

extern const kr_bits_kernels kr_bits_portable;
extern const kr_bits_sums kr_bits_sums_portable;
#ifdef KR_ISA_X86
extern const kr_bits_kernels kr_bits_avx512, kr_bits_avx2;
extern const kr_bits_sums kr_bits_sums_avx512, kr_bits_sums_avx2;
#endif

typedef struct engine {
    kr_bits_tables tables;
    const kr_bits_kernels *kernels;
    const kr_bits_sums *sums;
    const kr_bits_popcount *popcount; /* of single chains, or NULL */
    bool is_small; /* a single chain that is copied before a sweep, to count its flips */
} engine;

static void find_kernels(engine *e, kr_isa isa)
{
    switch (kr_isa_resolve(isa)) {
#ifdef KR_ISA_X86
    case KR_ISA_AVX512:
        e->kernels = &kr_bits_avx512;
        e->sums = &kr_bits_sums_avx512;
        return;
    case KR_ISA_AVX2:
        e->kernels = &kr_bits_avx2;
        e->sums = &kr_bits_sums_avx2;
        return;
#endif
    default:
        e->kernels = &kr_bits_portable;
        e->sums = &kr_bits_sums_portable;
    }
}

static void bits_free(void *self)
{
    if (self) {
        kr_bits_tables_clear(&((engine *)self)->tables);
        kr_free(self);
    }
}

static void *bits_alloc(const kr_update_setting *setting, kr_local_kind kind,
                        const kr_local_params *params, kr_error *err)
{
    (void)params;
    engine *e = kr_alloc(1, sizeof *e, err);
    if (!e) {
        return NULL;
    }
    find_kernels(e, setting->isa);
    if (kr_bits_tables_init(&e->tables, setting, kind, err) != KR_OK) {
        bits_free(e);
        return NULL;
    }
    const kr_fold *fold = e->tables.fold;
    if (fold->n_lanes == 1 && !fold->near) {
        e->popcount = kr_bits_popcount_find(setting->isa);
        e->is_small = e->popcount && fold->n_vectors <= SAMPLED;
    }
    return e;
}

static const kr_fold *bits_fold(const void *self)
{
    return ((const engine *)self)->tables.fold;
}

typedef struct sums {
    kr_bits_sum counter;
    uint64_t few[8], old[SAMPLED][8]; /* few: elements of a block that is not whole */
    const uint64_t *valid;
    double flips[KR_LANES_MAX];
    int64_t up[KR_LANES_MAX], bonds[KR_LANES_MAX];
} sums;

static size_t bits_scratch_bytes(const void *self, int32_t n_lanes)
{
    (void)self;
    (void)n_lanes;
    return sizeof(sums);
}

static void clear_sum(kr_bits_sum *sum, uint64_t n_planes)
{
    memset(sum->level, 0, (size_t)kr_bits_levels(n_planes) * sizeof *sum->level);
    sum->n_eights = 0;
}

/* Sets up (KR_LANES_MAX) and bonds: sites up, and the bond ends counted, of each chain. With
 * two colors every bond ends in the last one. */
static void count(const engine *e, const uint64_t *state, sums *s, int64_t *up, int64_t *bonds)
{
    const kr_fold *fold = e->tables.fold;
    int32_t first = fold->n_colors <= 2 ? e->tables.pass_begin[fold->n_colors - 1] : 0;
    if (e->popcount) {
        kr_bits_counts n = e->popcount->measure(
            e->tables.pass + first, e->tables.n_passes - first, fold->n_vectors, state, NULL);
        *up = n.up;
        *bonds = n.bonds;
        return;
    }
    clear_sum(&s->counter, e->tables.most_planes);
    for (int32_t p = first; p < e->tables.n_passes; p++) {
        e->sums->count_bonds(&e->tables.pass[p], s->valid, state, &s->counter);
    }
    e->sums->total(&s->counter, fold->n_lanes, bonds);
    clear_sum(&s->counter, (uint64_t)fold->n_vectors + 8);
    e->sums->count_spins(fold->n_vectors, state, &s->counter);
    e->sums->total(&s->counter, fold->n_lanes, up);
}

static double energy_of(const kr_bits_tables *t, int64_t up, int64_t bond_ends)
{
    const double bonds = (t->fold->n_colors <= 2 ? 1.0 : 0.5) * (double)bond_ends;
    return t->energy_zero + t->coupling * bonds + t->field * (double)up;
}

/* Energies and state counts of the chains. */
static void measure(const engine *e, kr_block *block, const uint64_t *state, sums *s)
{
    count(e, state, s, s->up, s->bonds);
    kr_block_touch(block);
    for (int32_t lane = 0; lane < block->n_lanes; lane++) {
        block->count[2 * lane] = block->n_sites - s->up[lane];
        block->count[2 * lane + 1] = s->up[lane];
        block->energy[lane] = energy_of(&e->tables, s->up[lane], s->bonds[lane]);
    }
    block->has_count = 1;
}

/* The spins of a pass that change, told from a sample of its vectors. */
typedef struct sample {
    int32_t begin, step, n;
} sample;

/* Which vectors make the sample is left to the state of the stream. */
static sample keep_sample(const engine *e, const kr_bits_pass *pass, const uint64_t *state,
                          const kr_rng *rng, sums *s)
{
    sample of = { 0, 1, 0 };
    if (pass->n > SAMPLED) {
        of.step = (pass->n + SAMPLED - 1) / SAMPLED;
        of.begin = (int32_t)(rng->s[0][0] % (uint64_t)of.step);
    }
    of.n = e->sums->keep(pass, of.begin, of.step, state, s->old[0]);
    return of;
}

static void add_flips(const engine *e, const kr_bits_pass *pass, sample of,
                      const uint64_t *state, sums *s)
{
    const double scale = (double)pass->n / of.n;
    if (e->popcount) {
        s->up[0] = e->popcount->flips(pass, of.begin, of.step, s->old[0], state);
    } else {
        clear_sum(&s->counter, SAMPLED + 8);
        e->sums->count_flips(pass, of.begin, of.step, s->old[0], state, &s->counter);
        e->sums->total(&s->counter, e->tables.fold->n_lanes, s->up);
    }
    for (int32_t lane = 0; lane < e->tables.fold->n_lanes; lane++) {
        s->flips[lane] += (double)s->up[lane] * scale;
    }
}

static void sweep_color(const engine *e, int32_t color, bool is_counted, uint64_t *state,
                        kr_rng *rng, sums *s)
{
    for (int32_t p = e->tables.pass_begin[color]; p < e->tables.pass_begin[color + 1]; p++) {
        const kr_bits_pass *pass = &e->tables.pass[p];
        sample of = { 0, 0, 0 };
        if (is_counted) {
            of = keep_sample(e, pass, state, rng, s);
        }
        e->kernels->pass(pass, e->tables.kind == KR_LOCAL_METROPOLIS, s->valid, state, rng);
        if (is_counted) {
            add_flips(e, pass, of, state, s);
        }
    }
    int32_t begin = e->tables.fold->halo_begin[color],
            end = e->tables.fold->halo_begin[color + 1];
    e->kernels->refresh(e->tables.halo + begin, end - begin, state);
}

/* kernel: sweeps and all numbers of a small single chain, where calls and lanes would cost a
 * third of a sweep. */
static void sweep_small(const engine *e, kr_block *block, int64_t n_sweeps, uint64_t *state,
                        sums *s, kr_tally *tally)
{
    const kr_bits_tables *t = &e->tables;
    const kr_fold *fold = t->fold;
    const int32_t n_colors = fold->n_colors, n = fold->n_vectors;
    const int32_t *begin = t->pass_begin, *halo = fold->halo_begin;
    for (int64_t k = 0; k < n_sweeps; k++) {
        if (k == n_sweeps - 1) {
            memcpy(s->old, state, (size_t)n * sizeof s->old[0]);
        }
        for (int32_t c = 0; c < n_colors; c++) {
            for (int32_t p = begin[c]; p < begin[c + 1]; p++) {
                e->kernels->pass(&t->pass[p], t->kind == KR_LOCAL_METROPOLIS, t->valid, state,
                                 block->rng);
            }
            e->kernels->refresh(t->halo + halo[c], halo[c + 1] - halo[c], state);
        }
    }
    const int32_t first = n_colors <= 2 ? begin[n_colors - 1] : 0;
    const kr_bits_counts sum =
        e->popcount->measure(t->pass + first, t->n_passes - first, n, state, s->old[0]);
    kr_block_touch(block);
    block->count[0] = block->n_sites - sum.up;
    block->count[1] = sum.up;
    block->energy[0] = energy_of(t, sum.up, sum.bonds);
    block->has_count = block->has_halo = 1;
    tally->attempted[0] += block->n_sites * n_sweeps;
    tally->accepted[0] += sum.flips * n_sweeps;
    tally->changed[0] += sum.flips * n_sweeps;
}

static void bits_sweep(const void *self, kr_block *block, int64_t n_sweeps, void *scratch,
                       kr_tally *tally)
{
    const engine *e = self;
    const kr_fold *fold = e->tables.fold;
    sums *s = scratch;
    uint64_t *state = (void *)block->state;
    if (!block->has_halo) {
        e->kernels->refresh(e->tables.halo + fold->halo_begin[1],
                            fold->n_halos - fold->halo_begin[1], state);
    }
    if (e->is_small) {
        sweep_small(e, block, n_sweeps, state, s, tally);
        return;
    }
    s->valid = e->tables.valid;
    if (block->n_lanes < e->tables.n_lanes) {
        kr_bits_tables_valid(fold, block->n_lanes, s->few);
        s->valid = s->few;
    }
    for (int32_t lane = 0; lane < fold->n_lanes; lane++) {
        s->flips[lane] = 0.0;
    }
    for (int64_t k = 0; k < n_sweeps; k++) {
        for (int32_t c = 0; c < fold->n_colors; c++) {
            sweep_color(e, c, k == n_sweeps - 1, state, block->rng, s);
        }
    }
    measure(e, block, state, s);
    for (int32_t lane = 0; lane < block->n_lanes; lane++) {
        const int64_t flips = (int64_t)(s->flips[lane] + 0.5) * n_sweeps;
        tally->attempted[lane] += block->n_sites * n_sweeps;
        tally->accepted[lane] += flips;
        tally->changed[lane] += flips;
    }
    block->has_halo = 1;
}

const kr_engine kr_engine_bits = {
    .name = "bits",
    .min_elements = MIN_ELEMENTS,
    .alloc = bits_alloc,
    .free = bits_free,
    .fold = bits_fold,
    .scratch_bytes = bits_scratch_bytes,
    .sweep = bits_sweep,
};
