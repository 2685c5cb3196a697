/* SPDX-License-Identifier: GPL-3.0-or-later
 * update/bytes_kernels.c - sweeps of one byte per spin for models with class tables: 64 spins
 * per vector, compiled once per instruction set.
 *
 * A class index per byte selects thresholds by byte shuffles from 16-entry tables (PSHUFB;
 * wider tables by blends); see update/bytes_kernels.h for how a threshold is met exactly. */
#include "update/bytes_kernels.h"

#include "base/isa.h"
#include "update/bytes_vector.h"

/* ---- a table for every site ---------------------------------------------------------------
 */

/* Elements whose first two bytes equal those of their threshold. */
static __attribute__((noinline, cold)) void settle_site(const kr_bytes_job *job,
                                                        kr_bytes_run *run, vb_rng *r,
                                                        int32_t vector, uint64_t ties)
{
    const int32_t *source = job->source + (size_t)vector * (size_t)job->n_slots;
    uint8_t *s = run->state + (size_t)vector * 64;
    uint32_t all = (1U << job->n_slots) - 1, top = 1U << (job->n_slots - 1);
    vb_rng_store(r, run->rng);
    for (; ties; ties &= ties - 1) {
        int e = __builtin_ctzll(ties);
        uint32_t class = 0;
        for (int32_t k = 0; k < job->n_slots; k++) {
            class |= (uint32_t)run->state[(size_t)source[k] * 64 + (size_t)e] << k;
        }
        bool is_flip = job->kind == KR_LOCAL_METROPOLIS;
        int old = is_flip ? s[e] & 1 : 0;
        int turn = job->is_even && (is_flip ? old : (class & top) != 0);
        uint64_t P = kr_bytes_site_threshold(job, vector, e / job->fold->n_lanes,
                                             turn ? class ^ all : class, turn ? 0 : old);
        int below = kr_bytes_is_below(run->rng, P);
        s[e] = (uint8_t)(is_flip ? old ^ below : turn ^ below);
    }
    vb_rng_load(r, run->rng);
}

/* Entry of `n` joined tables; select[0], select[1]: 255 where the fifth, sixth bit is set. */
KR_INLINE vb site_entry(const uint8_t *table, vb index, const vb *select, const int n,
                        const bool is_repeated)
{
    vb part[4];
    for (int k = 0; k < n; k++) {
        vb t = is_repeated ? vb_repeat(table + k * 16) : vb_load(table + k * 64);
        part[k] = vb_lookup(t, index);
    }
    if (n == 4) {
        part[0] = vb_blend(select[0], part[0], part[1]);
        part[1] = vb_blend(select[0], part[2], part[3]);
        return vb_blend(select[1], part[0], part[1]);
    }
    return n == 2 ? vb_blend(select[0], part[0], part[1]) : part[0];
}

/* kernel: z = 4, 5 or 6 neighbor slots. A model without fields has p(1 | class) = p(0 | class
 * with all spins flipped): then heat bath looks up the half with highest bit 0 and Metropolis
 * the class as seen from spin 0. */
KR_INLINE void site_color(const kr_bytes_job *job, kr_bytes_run *run, int32_t begin,
                          int32_t end, const int z, const bool is_flip, const bool is_even,
                          const bool is_repeated)
{
    const bool is_halved = is_even && !is_flip;
    const int n_tables = 1 << (z - 4 - (is_halved && z > 4));
    const int n_sets = is_flip && !is_even ? 2 : 1;
    const size_t stride = (size_t)(n_sets * n_tables) * (is_repeated ? 16 : 64);
    const uint8_t *restrict high = job->high + (size_t)begin * stride;
    const uint8_t *restrict low = job->low + (size_t)begin * stride;
    const int32_t *restrict source = job->source + (size_t)begin * (size_t)z;
    uint8_t *state = run->state;
    const vb live = vb_load(run->live);
    vb_counter changed = { .sum = vb_set(0) };
    vb_rng r;
    vb_rng_load(&r, run->rng);
    for (int32_t v = begin; v < end; v++, high += stride, low += stride, source += z) {
        vb b[6], select[2], turn = vb_set(0), old = vb_set(0);
        for (int k = 0; k < z; k++) {
            b[k] = vb_load(state + (size_t)source[k] * 64);
        }
        vb index = b[3];
        for (int k = 2; k >= 0; k--) {
            index = vb_add(vb_add(index, index), b[k]);
        }
        if (is_flip) {
            old = vb_load(state + (size_t)v * 64);
        }
        if (is_even && (is_flip || z > 4)) {
            turn = vb_spread(is_flip ? old : b[z - 1]);
            index = vb_xor(index, vb_and(turn, vb_set(15)));
        }
        for (int k = 4; k < z; k++) {
            select[k - 4] = vb_xor(vb_spread(b[k]), turn);
        }
        vb t_high = site_entry(high, index, select, n_tables, is_repeated);
        vb t_low = site_entry(low, index, select, n_tables, is_repeated);
        if (n_sets == 2) {
            const size_t set = stride / 2;
            vb from_one = vb_spread(old);
            t_high = vb_blend(from_one, t_high,
                              site_entry(high + set, index, select, n_tables, is_repeated));
            t_low = vb_blend(from_one, t_low,
                             site_entry(low + set, index, select, n_tables, is_repeated));
        }
        vb u_high = vb_random(&r), u_low = vb_random(&r);
        vm level = vm_equal(u_high, t_high);
        vm below = vm_or(vm_less(u_high, t_high), vm_and(level, vm_less(u_low, t_low)));
        vm tie = vm_and(level, vm_equal(u_low, t_low));
        vb new = vb_pick(below, vb_set(1), vb_set(0));
        if (is_flip) {
            new = vb_xor(new, old);
        } else if (is_halved && z > 4) {
            new = vb_xor(new, b[z - 1]);
        }
        new = vb_and(new, live);
        if (run->changed && !is_flip) {
            old = vb_load(state + (size_t)v * 64);
        }
        vb_store(state + (size_t)v * 64, new);
        if (__builtin_expect(vm_any(tie), 0)) {
            settle_site(job, run, &r, v, vm_bits(tie) & vm_bits(vm_of(live)));
            new = vb_load(state + (size_t)v * 64);
        }
        if (run->changed) {
            vb_count_changes(&changed, old, new, run->changed);
        }
    }
    vb_rng_store(&r, run->rng);
    if (run->changed) {
        vb_widen(&changed, run->changed);
    }
}

#define SITE(z, is_flip, is_even, is_repeated)                                                 \
    case (z - 4) * 8 + is_flip * 4 + is_even * 2 + is_repeated:                                \
        site_color(job, run, begin, end, z, is_flip, is_even, is_repeated);                    \
        break;
#define SITES(z)                                                                               \
    SITE(z, 0, 0, 0)                                                                           \
    SITE(z, 0, 0, 1)                                                                           \
    SITE(z, 0, 1, 0)                                                                           \
    SITE(z, 0, 1, 1) SITE(z, 1, 0, 0) SITE(z, 1, 0, 1) SITE(z, 1, 1, 0) SITE(z, 1, 1, 1)

static void site(const kr_bytes_job *job, kr_bytes_run *run, int32_t begin, int32_t end)
{
    int is_flip = job->kind == KR_LOCAL_METROPOLIS;
    switch ((job->n_slots - 4) * 8 + is_flip * 4 + job->is_even * 2 +
            (job->table_bytes == 16)) {
        SITES(4)
        SITES(5)
        SITES(6)
    default:
        break;
    }
}

/* ---- class = sum of codes -----------------------------------------------------------------
 */

/* Record of a vector where neighbors lack, or NULL. */
KR_INLINE const uint8_t *rim_of(const kr_bytes_job *job, int32_t v)
{
    return job->rim && job->rim[v] >= 0
               ? job->present + (size_t)job->rim[v] * ((size_t)job->n_slots + 1) * 64
               : NULL;
}

/* Elements that met a threshold in their first two bytes; u holds these, high bytes first. */
static __attribute__((noinline, cold)) void settle_sum(const kr_bytes_job *job,
                                                       kr_bytes_run *run, vb_rng *r, int32_t v,
                                                       uint64_t ties, const vb *classes,
                                                       const vb *u)
{
    _Alignas(64) uint8_t class[64], high[64], low[64];
    vb_store(class, *classes);
    vb_store(high, u[0]);
    vb_store(low, u[1]);
    vb_rng_store(r, run->rng);
    for (; ties; ties &= ties - 1) {
        int e = __builtin_ctzll(ties);
        uint64_t U =
            (uint64_t)high[e] << 56 | (uint64_t)low[e] << 48 | kr_rng_u64(run->rng) >> 16;
        uint8_t a = 0;
        for (int32_t t = 0; t < job->n_thresholds; t++) {
            uint64_t P = job->exact[t * job->n_tables * 16 + class[e]];
            a = (uint8_t)(a + !(U < P || P == UINT64_MAX));
        }
        run->state[(size_t)v * 64 + (size_t)e] = a;
    }
    vb_rng_load(r, run->rng);
}

/* Entry of n joined tables; over[m]: class >= 16 m. */
KR_INLINE vb sum_entry(const uint8_t *table, vb class, const vm *over, const int n)
{
    vb entry = vb_lookup(vb_repeat(table), class);
    for (int m = 1; m < n; m++) {
        entry = vb_pick(over[m], vb_lookup(vb_repeat(table + 16 * m), class), entry);
    }
    return entry;
}

/* kernel: the new state is the number of thresholds P <= U, whatever the update. */
KR_INLINE void sum_color(const kr_bytes_job *job, kr_bytes_run *run, int32_t begin, int32_t end,
                         const int n_thresholds, const int n_tables)
{
    const int z = job->n_slots;
    const int32_t *restrict source = job->source + (size_t)begin * (size_t)z;
    uint8_t *state = run->state;
    const vb live = vb_load(run->live), code = vb_repeat(job->code), own = vb_repeat(job->own);
    vb_counter changed = { .sum = vb_set(0) };
    vb_rng r;
    vb_rng_load(&r, run->rng);
    for (int32_t v = begin; v < end; v++, source += z) {
        const uint8_t *rim = rim_of(job, v);
        vb old = vb_load(state + (size_t)v * 64), class = vb_set(0);
        vm over[KR_BYTES_CLASSES_MAX / 16];
        if (job->has_own) {
            class = vb_lookup(own, old);
        }
        for (int k = 0; k < z; k++) {
            vb x = vb_load(state + (size_t)source[k] * 64);
            x = job->is_coded ? vb_lookup(code, x) : x;
            class = vb_add(class, rim ? vb_and(x, vb_load(rim + k * 64)) : x);
        }
        class = rim ? vb_add(class, vb_load(rim + z * 64)) : class;
        for (int m = 1; m < n_tables; m++) {
            over[m] = vm_less(vb_set((uint8_t)(16 * m - 1)), class);
        }
        vb u[2];
        u[0] = vb_random(&r);
        u[1] = vb_random(&r);
        vb new = vb_set((uint8_t)n_thresholds);
        vm tie = vm_none();
        for (int t = 0; t < n_thresholds; t++) {
            vb high = sum_entry(job->high + t * n_tables * 16, class, over, n_tables);
            vb low = sum_entry(job->low + t * n_tables * 16, class, over, n_tables);
            vm level = vm_equal(u[0], high);
            vm below = vm_or(vm_less(u[0], high), vm_and(level, vm_less(u[1], low)));
            new = vb_add_where(below, new, vb_set(255));
            tie = vm_or(tie, vm_and(level, vm_equal(u[1], low)));
        }
        vb_store(state + (size_t)v * 64, vb_and(new, live));
        if (__builtin_expect(vm_any(tie), 0)) {
            settle_sum(job, run, &r, v, vm_bits(tie) & vm_bits(vm_of(live)), &class, u);
        }
        if (run->changed) {
            vb_count_changes(&changed, old, vb_load(state + (size_t)v * 64), run->changed);
        }
    }
    vb_rng_store(&r, run->rng);
    if (run->changed) {
        vb_widen(&changed, run->changed);
    }
}

static void sum(const kr_bytes_job *job, kr_bytes_run *run, int32_t begin, int32_t end)
{
    switch (job->n_thresholds * 4 + (job->n_tables < 4 ? job->n_tables : 0)) {
    case 5:
        sum_color(job, run, begin, end, 1, 1);
        break;
    case 6:
        sum_color(job, run, begin, end, 1, 2);
        break;
    case 9:
        sum_color(job, run, begin, end, 2, 1);
        break;
    case 10:
        sum_color(job, run, begin, end, 2, 2);
        break;
    case 11:
        sum_color(job, run, begin, end, 2, 3);
        break;
    default:
        sum_color(job, run, begin, end, job->n_thresholds, job->n_tables);
        break;
    }
}

/* kernel: */
static void sum_bonds(const kr_bytes_job *job, const uint8_t *vectors, uint32_t *pairs)
{
    const vb row = vb_repeat(job->row_of);
    const int n_tables = (job->q * job->q + 15) / 16;
    vb_counter c[KR_BYTES_VALUES_MAX];
    vm over[4];
    for (int d = 1; d < job->n_values; d++) {
        c[d] = (vb_counter){ .sum = vb_set(0) };
    }
    for (int64_t b = 0; b < job->n_bonds; b++) {
        const kr_bytes_bond *bond = &job->bond[b];
        vb x = vb_load(vectors + (size_t)bond->vector * 64);
        vb y = vb_load(vectors + (size_t)bond->source * 64);
        vb at = vb_add(vb_lookup(row, x), y);
        for (int m = 1; m < n_tables; m++) {
            over[m] = vm_less(vb_set((uint8_t)(16 * m - 1)), at);
        }
        vb value = sum_entry(job->value_of, at, over, n_tables);
        if (job->bond_lacks[b]) {
            value = vb_and(value, vb_load(rim_of(job, bond->vector) + job->bond_slot[b] * 64));
        }
        for (int d = 1; d < job->n_values; d++) {
            c[d].sum = vb_count(vm_equal(value, vb_set((uint8_t)d)), c[d].sum);
            if (++c[d].n == 255) {
                vb_widen(&c[d], pairs + d * 64);
            }
        }
    }
    for (int d = 1; d < job->n_values; d++) {
        vb_widen(&c[d], pairs + d * 64);
    }
}

/* ---- halos --------------------------------------------------------------------------------
 */

static void refresh(const kr_fold *fold, int32_t begin, int32_t end, uint8_t *vectors)
{
    for (int32_t h = begin; h < end; h++) {
        const kr_fold_turn *turn = &fold->halo[h].turn;
        const uint8_t *from = vectors + (size_t)fold->halo[h].source * 64;
        uint8_t *to = vectors + (size_t)(fold->n_vectors + h) * 64;
#if VB_PIECES == 1
        __m512i x = _mm512_load_si512(from), mask = _mm512_set1_epi64((long long)turn->mask);
        __m512i first = _mm512_permutexvar_epi64(_mm512_loadu_si512(turn->first), x);
        __m512i second = _mm512_permutexvar_epi64(_mm512_loadu_si512(turn->second), x);
        first = _mm512_srl_epi64(first, _mm_cvtsi64_si128((long long)turn->right));
        second = _mm512_sll_epi64(second, _mm_cvtsi64_si128((long long)turn->left + 1));
        _mm512_store_si512(to, _mm512_ternarylogic_epi64(mask, second, first, 0xac));
#else
        uint64_t in[8], out[8];
        memcpy(in, from, sizeof in);
        for (int w = 0; w < 8; w++) {
            out[w] = (in[turn->first[w]] >> turn->right & turn->mask) |
                     (in[turn->second[w]] << turn->left << 1 & ~turn->mask);
        }
        memcpy(to, out, sizeof out);
#endif
    }
}

/* ---- energies and counts ------------------------------------------------------------------
 */

/* sum[e] += the amounts k with bit k of index[e] set, which are added in the order of k first;
 * n elements, a multiple of 8. */
KR_INLINE void add_four(const double *amount, const uint8_t *index, int32_t n, double *sum)
{
#if VB_PIECES == 1
    __m512d low = _mm512_maskz_mov_pd(0xaa, _mm512_set1_pd(amount[0]));
    low = _mm512_mask_add_pd(low, 0xcc, low, _mm512_set1_pd(amount[1]));
    low = _mm512_mask_add_pd(low, 0xf0, low, _mm512_set1_pd(amount[2]));
    __m512d high = _mm512_add_pd(low, _mm512_set1_pd(amount[3]));
    for (int32_t e = 0; e < n; e += 8) {
        __m512i x = _mm512_cvtepu8_epi64(_mm_loadl_epi64((const __m128i *)(index + e)));
        __m512d entry = _mm512_permutex2var_pd(low, x, high);
        _mm512_store_pd(sum + e, _mm512_add_pd(_mm512_load_pd(sum + e), entry));
    }
#else
    double table[16];
    for (int x = 0; x < 16; x++) {
        double t = x & 1 ? amount[0] : 0.0;
        t += x & 2 ? amount[1] : 0.0;
        t += x & 4 ? amount[2] : 0.0;
        table[x] = t + (x & 8 ? amount[3] : 0.0);
    }
    for (int32_t e = 0; e < n; e++) {
        sum[e] += table[index[e]];
    }
#endif
}

/* kernel: the amounts of four bonds by one look-up, in this order on every machine. */
static void add_amounts(const kr_fold *fold, const kr_bytes_amounts *amounts,
                        const uint8_t *vectors, double *sum)
{
    const int32_t n_lanes = fold->n_lanes, n_tiles = fold->n_tiles;
    for (int64_t g = 0; g < amounts->n; g++) {
        const kr_bytes_group *group = &amounts->group[g];
        _Alignas(64) uint8_t index[64];
        vb all = vb_set(0);
        for (int k = 3; k >= 0; k--) {
            vb x = vb_load(vectors + (size_t)group->first[k] * 64);
            vb y = vb_load(vectors + (size_t)group->second[k] * 64);
            all = vb_add(vb_add(all, all), amounts->is_both ? vb_and(x, y) : vb_xor(x, y));
        }
        vb_store(index, all);
        const double *amount = amounts->amount + 4 * g * n_tiles;
        for (int32_t t = 0; t < n_tiles; t++, amount += 4) {
            add_four(amount, index + t * n_lanes, n_lanes, sum + t * n_lanes);
        }
    }
}

/* kernel: */
static void count(const kr_bytes_job *job, const uint8_t *vectors, uint32_t *counts)
{
    enum { STATES = 8 }; /* counted in one pass */
    for (int32_t first = 1; first < job->q; first += STATES) {
        int32_t n = job->q - first < STATES ? job->q - first : STATES;
        vb_counter c[STATES];
        for (int32_t a = 0; a < n; a++) {
            c[a] = (vb_counter){ .sum = vb_set(0) };
        }
        for (int32_t v = 0; v < job->fold->n_vectors; v++) {
            vb s = vb_load(vectors + (size_t)v * 64);
            for (int32_t a = 0; a < n; a++) {
                c[a].sum = vb_count(vm_equal(s, vb_set((uint8_t)(first + a))), c[a].sum);
                if (++c[a].n == 255) {
                    vb_widen(&c[a], counts + (size_t)(first + a) * 64);
                }
            }
        }
        for (int32_t a = 0; a < n; a++) {
            vb_widen(&c[a], counts + (size_t)(first + a) * 64);
        }
    }
}

const kr_bytes KR_ISA_NAME(kr_bytes);
const kr_bytes KR_ISA_NAME(kr_bytes) = {
    .site = site,
    .sum = sum,
    .refresh = refresh,
    .add_amounts = add_amounts,
    .sum_bonds = sum_bonds,
    .count = count,
};
