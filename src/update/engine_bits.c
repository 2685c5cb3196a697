/* SPDX-License-Identifier: GPL-3.0-or-later
 * update/engine_bits.c - one bit per spin: Ising models whose sites have few local fields.
 *
 * Takes two-state pair models with V[0][0] = V[1][1], couplings of one magnitude (either sign,
 * zero, or absent at open rims) and one field for all sites. Then the energy to turn a spin up
 * is K (z - 2k) + h, k of its z neighbors up; neighbors over negative bonds are counted
 * inverted. The chains of a block may be at different temperatures. Kernels:
 * update/bits_kernels.c, their tables are made here.
 *
 * Multi-spin coding: Zorn, Herrmann, Rebbi, Comput. Phys. Commun. 23, 337 (1981). */
#include "base/isa.h"
#include "base/memory.h"
#include "base/rng.h"
#include "model/fold.h"
#include "model/terms.h"
#include "update/bits_kernels.h"
#include "update/local.h"

#include <math.h>
#include <string.h>

#define MISSING_SLOTS 7   /* neighbors of a site where some sites of a vector lack some */
#define MIN_ELEMENTS  16  /* measured: 8 draw with ref */
#define SAMPLED       128 /* vectors of a pass whose flips are counted, at most */

extern const kr_bits_kernels kr_bits_portable;
extern const kr_bits_sums kr_bits_sums_portable;
#ifdef KR_ISA_X86
extern const kr_bits_kernels kr_bits_avx512, kr_bits_avx2;
extern const kr_bits_sums kr_bits_sums_avx512, kr_bits_sums_avx2;
#endif

typedef struct engine {
    const kr_terms *terms;
    double beta;
    const double *lane_beta; /* (n_lanes) while it is made, or NULL */
    int32_t n_lanes;
    kr_local_kind kind;
    const kr_bits_kernels *kernels;
    const kr_bits_sums *sums;
    const kr_bits_popcount *popcount; /* of single chains, or NULL */
    kr_fold *fold;
    double coupling, field;        /* K, h */
    bool is_mixed;                 /* couplings of both signs: K > 0 */
    double energy_zero;            /* H where no bond is counted and no spin is up */
    int32_t n_passes, *pass_begin; /* (n_colors + 1) */
    kr_bits_pass *pass;            /* (n_passes) */
    int32_t n_laws;
    kr_bits_law *law;     /* (n_passes) at most */
    kr_bits_halo *halo;   /* in the order of the fold */
    uint64_t most_planes; /* planes a counter gets in a call */
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

/* ---- what the model must be ------------------------------------------------------ */

static int read_model(engine *e, kr_error *err)
{
    const kr_terms *terms = e->terms;
    if (!terms->is_pair || terms->q != 2) {
        return kr_fail(err, KR_EUNSUP, "%d states%s, want a pair model with 2", terms->q,
                       terms->is_pair ? "" : " and terms that are no bonds");
    }
    const double *V = terms->V;
    if (V && V[0] != V[3]) {
        return kr_fail(err, KR_EUNSUP,
                       "V[0][0] = %.9g and V[1][1] = %.9g, want states that are alike in bonds",
                       V[0], V[3]);
    }
    e->field = terms->local[1] - terms->local[0];
    for (int32_t i = 1; i < terms->n_sites; i++) {
        double field = terms->local[2 * (size_t)i + 1] - terms->local[2 * (size_t)i];
        if (field != e->field) {
            return kr_fail(
                err, KR_EUNSUP,
                "fields differ: state 1 costs %.9g more than state 0 on one site and "
                "%.9g on another, want the same on all sites",
                e->field, field);
        }
    }
    double size = 0.0;
    int64_t n_plus = 0, n_minus = 0;
    for (int64_t k = 0; k < terms->neighbor_begin[terms->n_sites]; k++) {
        double K = terms->J[k] * (V[1] - V[0]);
        if (K != 0.0 && size != 0.0 && fabs(K) != size) {
            return kr_fail(
                err, KR_EUNSUP,
                "couplings differ: unequal states cost %.9g more than equal ones on one "
                "bond and %.9g on another, want one size (any signs)",
                size, fabs(K));
        }
        size = K != 0.0 ? fabs(K) : size;
        n_plus += K > 0.0;
        n_minus += K < 0.0;
    }
    e->is_mixed = n_plus > 0 && n_minus > 0;
    e->coupling = n_plus > 0 ? size : -size;
    return KR_OK;
}

/* H(s) = energy_zero + K (bonds counted) + h (spins up) */
static int set_energy_zero(engine *e, kr_error *err)
{
    const kr_terms *terms = e->terms;
    uint8_t *zeros = kr_alloc((size_t)terms->n_sites, 1, err);
    if (!zeros) {
        return KR_ENOMEM;
    }
    e->energy_zero = kr_terms_energy(terms, zeros, 1);
    kr_free(zeros);
    double n_minus = 0.0; /* bond ends */
    for (int64_t k = 0; k < terms->neighbor_begin[terms->n_sites]; k++) {
        n_minus += terms->J[k] * (terms->V[1] - terms->V[0]) < 0.0;
    }
    e->energy_zero -= e->is_mixed ? e->coupling * n_minus / 2.0 : 0.0;
    return KR_OK;
}

/* ---- passes ---------------------------------------------------------------------- */

/* Neighbor slots of a vector by what its sites need of them. */
typedef struct need {
    bool is_rim, is_signed;
    int32_t n_slots;
} need;

static double coupling_of(const engine *e, int32_t slot, int32_t tile)
{
    int64_t k = e->fold->entry[(size_t)slot * (size_t)e->fold->n_tiles + (size_t)tile];
    return k < 0 ? 0.0 : e->terms->J[k] * (e->terms->V[1] - e->terms->V[0]);
}

/* Rims get the slots of the widest rim and one law, sized by most_z. */
static need need_of(const engine *e, int32_t v, int32_t *most_z)
{
    const kr_fold *fold = e->fold;
    int32_t first = fold->slot_begin[v], end = fold->slot_begin[v + 1];
    need out = { .n_slots = end - first, .is_signed = e->lane_beta && !fold->near };
    for (int32_t t = 0; t < fold->n_tiles; t++) {
        int32_t z = 0;
        if (fold->site[(size_t)v * (size_t)fold->n_tiles + (size_t)t] < 0) {
            continue; /* idle tiles are masked off */
        }
        for (int32_t s = first; s < end; s++) {
            double K = coupling_of(e, s, t);
            z += K != 0.0;
            out.is_signed |= e->is_mixed && K < 0.0;
        }
        out.is_rim |= z < end - first;
        *most_z = z > *most_z ? z : *most_z;
    }
    return out;
}

static bool same_need(need a, need b)
{
    return a.is_rim == b.is_rim && a.is_signed == b.is_signed && a.n_slots == b.n_slots;
}

static void set_elements(uint64_t *vector, const kr_fold *fold, int32_t tile)
{
    int32_t begin = tile * fold->n_lanes;
    for (int32_t k = begin; k < begin + fold->n_lanes; k++) {
        vector[k / 64] |= UINT64_C(1) << k % 64;
    }
}

static int alloc_pass(const kr_fold *fold, kr_bits_pass *pass, need k, size_t n, kr_error *err)
{
    size_t n_slots = n * (size_t)k.n_slots, n_tiles = (size_t)fold->n_tiles;
    bool is_gathered = fold->near != NULL;
    pass->n_slots = k.n_slots;
    pass->width = fold->n_lanes;
    pass->vector = kr_alloc(n, sizeof *pass->vector, err);
    pass->source = is_gathered ? NULL : kr_alloc(n_slots, sizeof *pass->source, err);
    pass->near = is_gathered ? kr_alloc(n_slots * n_tiles, sizeof *pass->near, err) : NULL;
    pass->filled = is_gathered ? kr_alloc(n, KR_VECTOR_BYTES, err) : NULL;
    pass->sign = k.is_signed ? kr_alloc(n_slots, KR_VECTOR_BYTES, err) : NULL;
    pass->present = k.is_rim ? kr_alloc(n_slots, KR_VECTOR_BYTES, err) : NULL;
    pass->missing = k.is_rim ? kr_alloc(n, 3 * KR_VECTOR_BYTES, err) : NULL;
    bool is_done = pass->vector && (pass->source || (pass->near && pass->filled)) &&
                   (pass->sign || !k.is_signed) &&
                   (!k.is_rim || (pass->present && pass->missing));
    return is_done ? KR_OK : KR_ENOMEM;
}

/* Where vector `at` of a pass, which is v, finds its neighbors. Slots it does not have are not
 * present; they read the first vector or word. */
static void add_sources(const kr_fold *fold, kr_bits_pass *pass, size_t at, int32_t v)
{
    int32_t first = fold->slot_begin[v], n = fold->slot_begin[v + 1] - first;
    size_t n_tiles = (size_t)fold->n_tiles, to = at * (size_t)pass->n_slots;
    if (!fold->near) {
        memcpy(pass->source + to, fold->source + first, (size_t)n * sizeof *pass->source);
        return;
    }
    memcpy(pass->near + to * n_tiles, fold->near + (size_t)first * n_tiles,
           (size_t)n * n_tiles * sizeof *pass->near);
    for (int32_t t = 0; t < fold->n_tiles; t++) {
        if (fold->site[(size_t)v * n_tiles + (size_t)t] >= 0) {
            set_elements(pass->filled + at * 8, fold, t);
        }
    }
}

/* Appends a vector to a pass. */
static void add_vector(const engine *e, kr_bits_pass *pass, int32_t v, int32_t most_z)
{
    const kr_fold *fold = e->fold;
    size_t at = (size_t)pass->n++;
    pass->vector[at] = v;
    add_sources(fold, pass, at, v);
    for (int32_t s = fold->slot_begin[v]; s < fold->slot_begin[v + 1]; s++) {
        size_t k = at * (size_t)pass->n_slots + (size_t)(s - fold->slot_begin[v]);
        for (int32_t t = 0; t < fold->n_tiles; t++) {
            double K = coupling_of(e, s, t);
            if (pass->sign && e->is_mixed && K < 0.0) {
                set_elements(pass->sign + 8 * k, fold, t);
            }
            if (pass->present && K != 0.0) {
                set_elements(pass->present + 8 * k, fold, t);
            }
        }
    }
    for (int32_t t = 0; pass->missing && t < fold->n_tiles; t++) {
        int32_t missing = most_z;
        for (int32_t s = fold->slot_begin[v]; s < fold->slot_begin[v + 1]; s++) {
            missing -= coupling_of(e, s, t) != 0.0;
        }
        for (int32_t digit = 0; digit < 3; digit++) {
            if (missing >> digit & 1) {
                set_elements(pass->missing + (3 * at + (size_t)digit) * 8, fold, t);
            }
        }
    }
}

/* The law of a number of neighbors, made on first use. */
static int find_law(engine *e, int32_t *z_of, int32_t z, bool is_rim, const kr_bits_law **law,
                    kr_error *err)
{
    int32_t key = is_rim ? -1 : z, l = 0;
    while (l < e->n_laws && z_of[l] != key) {
        l++;
    }
    *law = &e->law[l];
    if (l < e->n_laws) {
        return KR_OK;
    }
    z_of[e->n_laws++] = key;
    if (e->lane_beta) {
        return kr_bits_law_make_lanes(e->kind, e->lane_beta, e->n_lanes, e->fold->n_lanes,
                                      e->coupling, e->field, z, is_rim, &e->law[l], err);
    }
    kr_bits_law_make(e->kind, e->beta, e->coupling, e->field, z, is_rim, &e->law[l]);
    return KR_OK;
}

enum { NEEDS_MAX = 2 * (KR_BITS_SLOTS + 1) + 2 };

typedef struct sorted {
    need *of;                /* (n_vectors) */
    int32_t most_z;          /* in rims */
    int32_t most_slots;      /* the same, slots */
    int32_t z_of[NEEDS_MAX]; /* of the laws */
} sorted;

static int sort_vectors(engine *e, sorted *s, kr_error *err)
{
    int32_t n = e->fold->n_vectors;
    s->of = kr_alloc((size_t)n, sizeof *s->of, err);
    if (!s->of) {
        return KR_ENOMEM;
    }
    for (int32_t v = 0; v < n; v++) {
        int32_t z = 0;
        s->of[v] = need_of(e, v, &z);
        int32_t most = s->of[v].is_rim ? MISSING_SLOTS : KR_BITS_SLOTS;
        if (z > most) {
            return kr_fail(err, KR_EUNSUP, "a site has %d neighbors, want at most %d%s", z,
                           most, s->of[v].is_rim ? " where some sites lack some" : "");
        }
        if (s->of[v].is_rim) {
            s->most_z = z > s->most_z ? z : s->most_z;
            s->most_slots = s->of[v].n_slots > s->most_slots ? s->of[v].n_slots : s->most_slots;
        }
    }
    for (int32_t v = 0; v < n; v++) {
        s->of[v].n_slots = s->of[v].is_rim ? s->most_slots : s->of[v].n_slots;
    }
    return KR_OK;
}

/* One pass per kind of vector in a color. */
static int make_color(engine *e, sorted *s, int32_t color, kr_error *err)
{
    int32_t begin = e->fold->color_begin[color], end = e->fold->color_begin[color + 1];
    need known[NEEDS_MAX];
    int32_t count[NEEDS_MAX] = { 0 }, pass_of[NEEDS_MAX], n_known = 0;
    for (int32_t v = begin; v < end; v++) {
        int32_t k = 0;
        while (k < n_known && !same_need(known[k], s->of[v])) {
            k++;
        }
        if (k == n_known) {
            known[n_known++] = s->of[v];
        }
        count[k]++;
    }
    for (int32_t k = 0; k < n_known; k++) {
        kr_bits_pass *pass = &e->pass[e->n_passes];
        pass_of[k] = e->n_passes++;
        KR_TRY(alloc_pass(e->fold, pass, known[k], (size_t)count[k], err));
        KR_TRY(find_law(e, s->z_of, known[k].is_rim ? s->most_z : known[k].n_slots,
                        known[k].is_rim, &pass->law, err));
    }
    for (int32_t v = begin; v < end; v++) {
        int32_t k = 0;
        while (!same_need(known[k], s->of[v])) {
            k++;
        }
        add_vector(e, &e->pass[pass_of[k]], v, s->most_z);
    }
    return KR_OK;
}

static int make_passes(engine *e, kr_error *err)
{
    sorted s = { .of = NULL };
    size_t n_colors = (size_t)e->fold->n_colors;
    e->pass_begin = kr_alloc(n_colors + 1, sizeof *e->pass_begin, err);
    e->pass = kr_alloc(n_colors * NEEDS_MAX, sizeof *e->pass, err);
    e->law = kr_alloc(NEEDS_MAX, sizeof *e->law, err);
    int status = e->pass_begin && e->pass && e->law ? sort_vectors(e, &s, err) : KR_ENOMEM;
    for (int32_t c = 0; status == KR_OK && c < e->fold->n_colors; c++) {
        status = make_color(e, &s, c, err);
        e->pass_begin[c + 1] = e->n_passes;
    }
    for (int32_t p = 0; p < e->n_passes; p++) {
        e->most_planes += ((uint64_t)e->pass[p].n + 8) * (uint64_t)e->pass[p].n_slots;
    }
    kr_free(s.of);
    return status;
}

static int make_halos(engine *e, kr_error *err)
{
    const kr_fold *fold = e->fold;
    e->halo = kr_alloc((size_t)fold->n_halos, sizeof *e->halo, err);
    if (!e->halo) {
        return KR_ENOMEM;
    }
    for (int32_t h = 0; h < fold->n_halos; h++) {
        const kr_fold_turn *turn = &fold->halo[h].turn;
        memcpy(e->halo[h].first, turn->first, sizeof turn->first);
        memcpy(e->halo[h].second, turn->second, sizeof turn->second);
        e->halo[h].right = turn->right;
        e->halo[h].left = turn->left + 1;
        e->halo[h].mask = turn->mask;
        e->halo[h].source = (uint64_t)fold->halo[h].source;
        e->halo[h].target = (uint64_t)fold->n_vectors + (uint64_t)h;
    }
    return KR_OK;
}

/* ---- engine ---------------------------------------------------------------------- */

static void bits_free(void *self)
{
    engine *e = self;
    if (!e) {
        return;
    }
    for (int32_t p = 0; p < e->n_passes; p++) {
        kr_free(e->pass[p].vector);
        kr_free(e->pass[p].source);
        kr_free(e->pass[p].near);
        kr_free(e->pass[p].filled);
        kr_free(e->pass[p].sign);
        kr_free(e->pass[p].present);
        kr_free(e->pass[p].missing);
    }
    kr_free(e->pass_begin);
    kr_free(e->pass);
    for (int32_t l = 0; l < e->n_laws; l++) {
        kr_free(e->law[l].lane_P);
        kr_free(e->law[l].lane_threshold);
    }
    kr_free(e->law);
    kr_free(e->halo);
    kr_fold_free(e->fold);
    kr_free(e);
}

static int prepare(engine *e, const kr_update_setting *setting, kr_error *err)
{
    KR_TRY(read_model(e, err));
    KR_TRY(set_energy_zero(e, err));
    e->fold = kr_fold_alloc(setting->target, KR_LAYOUT_BITS, setting->n_lanes, err);
    if (!e->fold) {
        return KR_ENOMEM;
    }
    KR_TRY(make_passes(e, err));
    KR_TRY(make_halos(e, err));
    return KR_OK;
}

static void *bits_alloc(const kr_update_setting *setting, kr_local_kind kind,
                        const kr_local_params *params, kr_error *err)
{
    (void)params;
    engine *e = kr_alloc(1, sizeof *e, err);
    if (!e) {
        return NULL;
    }
    e->terms = setting->target->terms;
    e->beta = setting->target->beta;
    e->lane_beta = setting->lane_beta;
    e->n_lanes = setting->n_lanes;
    e->kind = kind;
    find_kernels(e, setting->isa);
    if (prepare(e, setting, err) != KR_OK) {
        bits_free(e);
        return NULL;
    }
    e->lane_beta = NULL;
    if (e->fold->n_lanes == 1 && !e->fold->near) {
        e->popcount = kr_bits_popcount_find(setting->isa);
    }
    return e;
}

static const kr_fold *bits_fold(const void *self)
{
    return ((const engine *)self)->fold;
}

typedef struct sums {
    kr_bits_sum counter;
    uint64_t valid[8], old[SAMPLED][8];
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

static void set_valid(const kr_fold *fold, int32_t n_lanes, uint64_t *valid)
{
    uint64_t word = n_lanes == 64 ? UINT64_MAX : (UINT64_C(1) << n_lanes) - 1;
    int32_t n = fold->n_lanes * fold->n_tiles;
    for (int32_t k = fold->n_lanes; k < 64 && k < n; k *= 2) {
        word |= word << k;
    }
    for (int32_t w = 0; w < 8; w++) {
        valid[w] = w * 64 < n ? word : 0;
    }
}

/* Sets up (KR_LANES_MAX) and bonds: sites up, and the bond ends counted, of each chain. With
 * two colors every bond ends in the last one. */
static void count(const engine *e, const uint64_t *state, sums *s, int64_t *up, int64_t *bonds)
{
    const kr_fold *fold = e->fold;
    int32_t first = fold->n_colors <= 2 ? e->pass_begin[fold->n_colors - 1] : 0;
    if (e->popcount) {
        *up = e->popcount->spins(fold->n_vectors, state);
        *bonds = 0;
        for (int32_t p = first; p < e->n_passes; p++) {
            *bonds += e->popcount->bonds(&e->pass[p], state);
        }
        return;
    }
    clear_sum(&s->counter, e->most_planes);
    for (int32_t p = first; p < e->n_passes; p++) {
        e->sums->count_bonds(&e->pass[p], s->valid, state, &s->counter);
    }
    e->sums->total(&s->counter, fold->n_lanes, bonds);
    clear_sum(&s->counter, (uint64_t)fold->n_vectors + 8);
    e->sums->count_spins(fold->n_vectors, state, &s->counter);
    e->sums->total(&s->counter, fold->n_lanes, up);
}

/* Energies and state counts of the chains. */
static void measure(const engine *e, kr_block *block, const uint64_t *state, sums *s)
{
    const double bonds = e->fold->n_colors <= 2 ? 1.0 : 0.5; /* of a bond end */
    count(e, state, s, s->up, s->bonds);
    kr_block_touch(block);
    for (int32_t lane = 0; lane < block->n_lanes; lane++) {
        block->count[2 * lane] = block->n_sites - s->up[lane];
        block->count[2 * lane + 1] = s->up[lane];
        block->energy[lane] = e->energy_zero + e->coupling * (bonds * (double)s->bonds[lane]) +
                              e->field * (double)s->up[lane];
    }
    block->has_count = 1;
}

/* Sets up (n_lanes) of the scratch: spins of a sample that changed. */
static void count_flips(const engine *e, const kr_bits_pass *pass, int32_t begin, int32_t step,
                        const uint64_t *state, sums *s)
{
    if (e->popcount) {
        s->up[0] = e->popcount->flips(pass, begin, step, s->old[0], state);
        return;
    }
    clear_sum(&s->counter, SAMPLED + 8);
    e->sums->count_flips(pass, begin, step, s->old[0], state, &s->counter);
    e->sums->total(&s->counter, e->fold->n_lanes, s->up);
}

/* One color. flips: NULL, or gets the spins that changed, from a sample of each pass: which
 * vectors make the sample is left to the state of the stream. */
static void sweep_color(const engine *e, int32_t color, uint64_t *state, kr_rng *rng, sums *s,
                        double *flips)
{
    for (int32_t p = e->pass_begin[color]; p < e->pass_begin[color + 1]; p++) {
        const kr_bits_pass *pass = &e->pass[p];
        const int32_t step = pass->n <= SAMPLED ? 1 : (pass->n + SAMPLED - 1) / SAMPLED;
        const int32_t first = step == 1 ? 0 : (int32_t)(rng->s[0][0] % (uint64_t)step);
        const int32_t n = flips ? e->sums->keep(pass, first, step, state, s->old[0]) : 0;
        e->kernels->pass(pass, e->kind == KR_LOCAL_METROPOLIS, s->valid, state, rng);
        if (flips) {
            const double scale = step == 1 ? 1.0 : (double)pass->n / n;
            count_flips(e, pass, first, step, state, s);
            for (int32_t lane = 0; lane < e->fold->n_lanes; lane++) {
                flips[lane] += (double)s->up[lane] * scale;
            }
        }
    }
    int32_t begin = e->fold->halo_begin[color], end = e->fold->halo_begin[color + 1];
    e->kernels->refresh(e->halo + begin, end - begin, state);
}

static void bits_sweep(const void *self, kr_block *block, int64_t n_sweeps, void *scratch,
                       kr_tally *tally)
{
    const engine *e = self;
    const kr_fold *fold = e->fold;
    sums *s = scratch;
    uint64_t *state = (void *)block->state;
    set_valid(fold, block->n_lanes, s->valid);
    memset(s->flips, 0, (size_t)fold->n_lanes * sizeof *s->flips);
    if (!block->has_halo) {
        e->kernels->refresh(e->halo + fold->halo_begin[1], fold->n_halos - fold->halo_begin[1],
                            state);
    }
    for (int64_t k = 0; k < n_sweeps; k++) {
        double *flips = k == n_sweeps - 1 ? s->flips : NULL;
        for (int32_t c = 0; c < fold->n_colors; c++) {
            sweep_color(e, c, state, block->rng, s, flips);
        }
    }
    for (int32_t lane = 0; lane < block->n_lanes; lane++) {
        const int64_t flips = (int64_t)(s->flips[lane] + 0.5) * n_sweeps;
        tally->attempted[lane] += block->n_sites * n_sweeps;
        tally->accepted[lane] += flips;
        tally->changed[lane] += flips;
    }
    measure(e, block, state, s);
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
