/* SPDX-License-Identifier: GPL-3.0-or-later
 * update/bytes_potts.c - sweeps of Potts models with one byte per spin, 64 spins per vector,
 * compiled once per instruction set.
 *
 * Heat bath, weights exp(K n_a) with n_a neighbors in state a: for K >= 0 the weight of a state
 * is 1 + (exp(K n_a) - 1), so with total probability q / W the new state is uniform over all q
 * states, else it is that of a neighbor, each group of n equal ones having (exp(K n) - 1) / W.
 * Which neighbors are equal is one of the 15 set partitions of four; adding pair[] over the
 * equal pairs gives each its own number modulo 16. For K < 0 states are drawn uniformly and
 * accepted with exp(K n). A missing neighbor is given a state that no site has; who copies it
 * draws anew. See update/bytes_kernels.h for how a threshold is met exactly. */
#include "base/isa.h"
#include "update/bytes_kernels.h"
#include "update/bytes_vector.h"

enum { ROUNDS = 8 }; /* of drawing until accepted, before the rest is drawn one by one */

/* What a vector has drawn, for those of its elements that need another look. */
typedef struct draws {
    vb u[2];   /* first two bytes to compare */
    vb state;  /* uniform state or step */
    vm biased; /* the same must be drawn anew */
} draws;

typedef struct opened {
    _Alignas(64) uint8_t high[64], low[64], state[64];
    uint64_t biased;
} opened;

static void open_draws(const draws *d, opened *o)
{
    vb_store(o->high, d->u[0]);
    vb_store(o->low, d->u[1]);
    vb_store(o->state, d->state);
    o->biased = vm_bits(d->biased);
}

/* All 64 bits of element e. */
static uint64_t complete(const opened *o, int e, kr_rng *rng)
{
    return (uint64_t)o->high[e] << 56 | (uint64_t)o->low[e] << 48 | kr_rng_u64(rng) >> 16;
}

static bool happens(uint64_t U, uint64_t P)
{
    return U < P || P == UINT64_MAX;
}

KR_INLINE const uint8_t *rim_of(const kr_bytes_job *job, int32_t v)
{
    return job->rim && job->rim[v] >= 0
               ? job->present + (size_t)job->rim[v] * ((size_t)job->n_slots + 1) * 64
               : NULL;
}

/* States of the neighbors; an absent one gets a state of its own, from 252 or, where it is
 * only compared, 255. */
KR_INLINE void load_neighbors(const kr_bytes_job *job, const kr_bytes_run *run, int32_t v,
                              const int z, vb *n)
{
    const int32_t *source = job->source + (size_t)v * (size_t)z;
    const uint8_t *rim = rim_of(job, v);
    for (int k = 0; k < z; k++) {
        n[k] = vb_load(run->state + (size_t)source[k] * 64);
    }
    for (int k = 0; rim && k < z; k++) {
        n[k] = vb_blend(vb_load(rim + k * 64), vb_set((uint8_t)(252 + (k & 3))), n[k]);
    }
}

/* The same for one element; returns how many there are. */
static int32_t list_neighbors(const kr_bytes_job *job, const kr_bytes_run *run, int32_t v,
                              int e, uint8_t *n)
{
    const int32_t *source = job->source + (size_t)v * (size_t)job->n_slots;
    const uint8_t *rim = rim_of(job, v);
    int32_t n_present = 0;
    for (int32_t k = 0; k < job->n_slots; k++) {
        if (!rim || rim[k * 64 + e]) {
            n[n_present++] = run->state[(size_t)source[k] * 64 + (size_t)e];
        }
    }
    return n_present;
}

KR_INLINE vb any_state(vb_rng *r, uint16_t n, vm *biased)
{
    vb x = vb_random(r), y = vb_random(r);
    return vb_below(x, y, n, biased);
}

/* ---- heat bath, K >= 0 --------------------------------------------------------------------
 */

KR_INLINE int32_t copied(const kr_bytes_job *job, uint8_t class, uint64_t U)
{
    int32_t k = 0;
    while (k < 4 && !happens(U, job->exact[k * 16 + (class & 15)])) {
        k++;
    }
    return k;
}

static __attribute__((noinline, cold)) void settle_copy(const kr_bytes_job *job,
                                                        kr_bytes_run *run, vb_rng *r, int32_t v,
                                                        uint64_t open, const vb *classes,
                                                        const draws *drawn)
{
    const int32_t *source = job->source + (size_t)v * 4;
    const uint8_t *rim = rim_of(job, v);
    _Alignas(64) uint8_t class[64];
    opened o;
    open_draws(drawn, &o);
    vb_store(class, *classes);
    vb_rng_store(r, run->rng);
    for (; open; open &= open - 1) {
        int e = __builtin_ctzll(open);
        int32_t k = copied(job, class[e], complete(&o, e, run->rng));
        while (k < 4 && rim && !rim[k * 64 + e]) {
            k = copied(job, class[e], kr_rng_u64(run->rng));
        }
        bool is_drawn = k == 4 && !(o.biased >> e & 1);
        run->state[(size_t)v * 64 + (size_t)e] =
            k < 4      ? run->state[(size_t)source[k] * 64 + (size_t)e]
            : is_drawn ? o.state[e]
                       : (uint8_t)kr_rng_below(run->rng, (uint32_t)job->q);
    }
    vb_rng_load(r, run->rng);
}

/* kernel: */
static void copy(const kr_bytes_job *job, kr_bytes_run *run, int32_t begin, int32_t end)
{
    uint8_t *state = run->state;
    const vb live = vb_load(run->live);
    vb high[4], low[4];
    for (int k = 0; k < 4; k++) {
        high[k] = vb_repeat(job->high + 16 * k);
        low[k] = vb_repeat(job->low + 16 * k);
    }
    vb_counter changed = { .sum = vb_set(0) };
    vb_rng r;
    vb_rng_load(&r, run->rng);
    for (int32_t v = begin; v < end; v++) {
        vb n[4], class = vb_set(0);
        load_neighbors(job, run, v, 4, n);
        for (int a = 0, pair = 0; a < 3; a++) {
            for (int b = a + 1; b < 4; b++, pair++) {
                class = vb_add_where(vm_equal(n[a], n[b]), class, vb_set(job->pair[pair]));
            }
        }
        draws d;
        d.u[0] = vb_random(&r);
        d.u[1] = vb_random(&r);
        d.state = any_state(&r, (uint16_t)job->q, &d.biased);
        vb new = d.state;
        vm open = d.biased;
        for (int k = 3; k >= 0; k--) {
            vb t = vb_lookup(high[k], class), t_low = vb_lookup(low[k], class);
            vm level = vm_equal(d.u[0], t);
            new = vb_pick(vm_or(vm_less(d.u[0], t), vm_and(level, vm_less(d.u[1], t_low))),
                          n[k], new);
            open = vm_or(open, vm_and(level, vm_equal(d.u[1], t_low)));
        }
        if (job->rim) {
            open = vm_or(open, vm_less(vb_set(251), new));
        }
        vb old = vb_load(state + (size_t)v * 64);
        vb_store(state + (size_t)v * 64, vb_and(new, live));
        if (__builtin_expect(vm_any(open), 0)) {
            settle_copy(job, run, &r, v, vm_bits(open) & vm_bits(vm_of(live)), &class, &d);
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

/* ---- heat bath, K < 0 ---------------------------------------------------------------------
 */

static int32_t count_equal(const uint8_t *n, int32_t n_neighbors, uint8_t a)
{
    int32_t equal = 0;
    for (int32_t k = 0; k < n_neighbors; k++) {
        equal += n[k] == a;
    }
    return equal;
}

/* Elements of a round that need another look: *accepted and the state drawn become final. */
static __attribute__((noinline, cold)) uint64_t settle_round(const kr_bytes_job *job,
                                                             kr_bytes_run *run, vb_rng *r,
                                                             int32_t v, uint64_t open,
                                                             uint64_t accepted, draws *drawn)
{
    opened o;
    open_draws(drawn, &o);
    vb_rng_store(r, run->rng);
    for (; open; open &= open - 1) {
        int e = __builtin_ctzll(open);
        uint8_t n[KR_BYTES_SLOTS_MAX];
        int32_t n_neighbors = list_neighbors(job, run, v, e, n);
        if (o.biased >> e & 1) {
            o.state[e] = (uint8_t)kr_rng_below(run->rng, (uint32_t)job->q);
        }
        uint64_t P = job->exact[count_equal(n, n_neighbors, o.state[e])];
        uint64_t is_accepted = happens(complete(&o, e, run->rng), P);
        accepted = (accepted & ~(UINT64_C(1) << e)) | is_accepted << e;
    }
    vb_rng_load(r, run->rng);
    drawn->state = vb_load(o.state);
    return accepted;
}

/* Draws the states of the pending elements from their law, one by one. */
static __attribute__((noinline, cold)) void
draw_rest(const kr_bytes_job *job, kr_bytes_run *run, vb_rng *r, int32_t v, uint64_t pending)
{
    double weight[KR_STATES_MAX];
    vb_rng_store(r, run->rng);
    for (; pending; pending &= pending - 1) {
        int e = __builtin_ctzll(pending);
        uint8_t n[KR_BYTES_SLOTS_MAX];
        int32_t n_neighbors = list_neighbors(job, run, v, e, n);
        int32_t fewest = n_neighbors;
        for (int32_t a = 0; a < job->q && fewest > 0; a++) {
            int32_t equal = count_equal(n, n_neighbors, (uint8_t)a);
            fewest = equal < fewest ? equal : fewest;
        }
        for (int32_t a = 0; a < job->q; a++) {
            weight[a] = job->weight[count_equal(n, n_neighbors, (uint8_t)a) - fewest];
        }
        run->state[(size_t)v * 64 + (size_t)e] =
            (uint8_t)kr_rng_categorical(run->rng, weight, job->q);
    }
    vb_rng_load(r, run->rng);
}

static vb bytes_of(uint64_t bits)
{
    _Alignas(64) uint8_t bytes[64];
    for (int e = 0; e < 64; e++) {
        bytes[e] = bits >> e & 1 ? 255 : 0;
    }
    return vb_load(bytes);
}

/* kernel: */
static void reject(const kr_bytes_job *job, kr_bytes_run *run, int32_t begin, int32_t end)
{
    uint8_t *state = run->state;
    const int z = job->n_slots;
    const vb live = vb_load(run->live), high = vb_repeat(job->high), low = vb_repeat(job->low);
    vb_counter changed = { .sum = vb_set(0) };
    vb_rng r;
    vb_rng_load(&r, run->rng);
    for (int32_t v = begin; v < end; v++) {
        vb n[KR_BYTES_SLOTS_MAX], old = vb_load(state + (size_t)v * 64), new = vb_set(0);
        load_neighbors(job, run, v, z, n);
        vm pending = vm_of(live);
        for (int round = 0; round < ROUNDS && vm_any(pending); round++) {
            vb equal = vb_set(0);
            draws d;
            d.u[0] = vb_random(&r);
            d.u[1] = vb_random(&r);
            d.state = any_state(&r, (uint16_t)job->q, &d.biased);
            for (int k = 0; k < z; k++) {
                equal = vb_count(vm_equal(d.state, n[k]), equal);
            }
            vb t = vb_lookup(high, equal), t_low = vb_lookup(low, equal);
            vm level = vm_equal(d.u[0], t);
            vm accepted = vm_or(vm_less(d.u[0], t), vm_and(level, vm_less(d.u[1], t_low)));
            vm open = vm_or(d.biased, vm_and(level, vm_equal(d.u[1], t_low)));
            open = vm_and(open, pending);
            if (__builtin_expect(vm_any(open), 0)) {
                accepted = vm_of(bytes_of(
                    settle_round(job, run, &r, v, vm_bits(open), vm_bits(accepted), &d)));
            }
            accepted = vm_and(accepted, pending);
            new = vb_pick(accepted, d.state, new);
            pending = vm_without(pending, accepted);
        }
        vb_store(state + (size_t)v * 64, new);
        if (vm_any(pending)) {
            draw_rest(job, run, &r, v, vm_bits(pending));
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

/* ---- Metropolis ---------------------------------------------------------------------------
 */

static __attribute__((noinline, cold)) void settle_move(const kr_bytes_job *job,
                                                        kr_bytes_run *run, vb_rng *r, int32_t v,
                                                        uint64_t open, const vb *before,
                                                        const draws *drawn)
{
    _Alignas(64) uint8_t old[64];
    opened o;
    open_draws(drawn, &o);
    vb_store(old, *before);
    vb_rng_store(r, run->rng);
    for (; open; open &= open - 1) {
        int e = __builtin_ctzll(open);
        uint8_t n[KR_BYTES_SLOTS_MAX], b = o.state[e];
        int32_t n_neighbors = list_neighbors(job, run, v, e, n);
        if (o.biased >> e & 1) {
            b = (uint8_t)kr_rng_below(run->rng, (uint32_t)job->q - 1);
        }
        uint8_t a = (uint8_t)(b + (b >= old[e]));
        int32_t class =
            job->n_slots + count_equal(n, n_neighbors, a) - count_equal(n, n_neighbors, old[e]);
        bool is_accepted = happens(complete(&o, e, run->rng), job->exact[class]);
        run->state[(size_t)v * 64 + (size_t)e] = is_accepted ? a : old[e];
    }
    vb_rng_load(r, run->rng);
}

/* kernel: class = z + neighbors equal to the proposed state - those equal to the old one */
KR_INLINE void move_color(const kr_bytes_job *job, kr_bytes_run *run, int32_t begin,
                          int32_t end, const int z)
{
    uint8_t *state = run->state;
    const vb live = vb_load(run->live), high = vb_repeat(job->high), low = vb_repeat(job->low);
    vb_counter changed = { .sum = vb_set(0) };
    vb_rng r;
    vb_rng_load(&r, run->rng);
    for (int32_t v = begin; v < end; v++) {
        vb n[KR_BYTES_SLOTS_MAX], old = vb_load(state + (size_t)v * 64);
        vb up = vb_set((uint8_t)z), down = vb_set(0);
        load_neighbors(job, run, v, z, n);
        draws d;
        d.u[0] = vb_random(&r);
        d.u[1] = vb_random(&r);
        d.state = any_state(&r, (uint16_t)(job->q - 1), &d.biased);
        vb a = vb_sub(vb_add(d.state, vb_set(1)), vb_count(vm_less(d.state, old), vb_set(0)));
        for (int k = 0; k < z; k++) {
            up = vb_count(vm_equal(a, n[k]), up);
            down = vb_count(vm_equal(old, n[k]), down);
        }
        vb class = vb_sub(up, down);
        vb t = vb_lookup(high, class), t_low = vb_lookup(low, class);
        vm level = vm_equal(d.u[0], t);
        vm below = vm_or(vm_less(d.u[0], t), vm_and(level, vm_less(d.u[1], t_low)));
        vm open = vm_or(d.biased, vm_and(level, vm_equal(d.u[1], t_low)));
        vb_store(state + (size_t)v * 64, vb_and(vb_pick(below, a, old), live));
        if (__builtin_expect(vm_any(open), 0)) {
            settle_move(job, run, &r, v, vm_bits(open) & vm_bits(vm_of(live)), &old, &d);
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

static void move(const kr_bytes_job *job, kr_bytes_run *run, int32_t begin, int32_t end)
{
    switch (job->n_slots) {
    case 4:
        move_color(job, run, begin, end, 4);
        break;
    case 6:
        move_color(job, run, begin, end, 6);
        break;
    default:
        move_color(job, run, begin, end, job->n_slots);
        break;
    }
}

/* ---- energies -----------------------------------------------------------------------------
 */

static void equal_bonds(const kr_bytes_job *job, const uint8_t *vectors, uint32_t *pairs)
{
    vb_counter equal = { .sum = vb_set(0) };
    for (int64_t b = 0; b < job->n_bonds; b++) {
        const kr_bytes_bond *bond = &job->bond[b];
        vb x = vb_load(vectors + (size_t)bond->vector * 64);
        vb y = vb_load(vectors + (size_t)bond->source * 64);
        vm m = vm_equal(x, y);
        if (job->bond_lacks[b]) {
            m = vm_and(m, vm_of(vb_load(rim_of(job, bond->vector) + job->bond_slot[b] * 64)));
        }
        equal.sum = vb_count(m, equal.sum);
        if (++equal.n == 255) {
            vb_widen(&equal, pairs);
        }
    }
    vb_widen(&equal, pairs);
}

const kr_bytes_potts KR_ISA_NAME(kr_bytes_potts);
const kr_bytes_potts KR_ISA_NAME(kr_bytes_potts) = {
    .copy = copy,
    .reject = reject,
    .move = move,
    .equal_bonds = equal_bonds,
};
