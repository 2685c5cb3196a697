/* SPDX-License-Identifier: GPL-3.0-or-later
 * update/bits_kernels.c - bit-parallel heat bath and Metropolis for one instruction set.
 *
 * A spin takes the state its class does not favor when u < P, u uniform. u is drawn digit by
 * digit, highest first, for all elements of a vector at once, and an element is decided at the
 * first digit in which u and P differ: exact for any P, two digits per spin on average, but
 * about ten words until the last of 512 is decided. So after FIRST words the undecided elements
 * of GROUP vectors are moved into one pool vector. Where two vectors leave the same element
 * undecided the second goes to a second pool, and a third is finished by itself. An element of
 * a pool holds one spin, so no two spins ever share a digit. */
#include "update/bits_kernels.h"

#include "base/isa.h"
#include "update/bits_planes.h"

#define SAMPLED    512 /* vectors of a pass from which on flips are counted in a sample */
#define FIRST      6
#define POOL_WORDS 8
#define LEFT_WORDS 4
#define DIGITS     64
#define BITS       4 /* digits of a class number */

/* What a group keeps of one piece of its vectors. */
typedef struct spins {
    bv favored, lower;  /* lower: decided, u < P */
    bv left, collision; /* undecided after the first words; those that did not fit pool 1 */
} spins;

typedef struct pool {
    bv open, lower, bit[BITS]; /* open: undecided */
} pool;

KR_INLINE int n_bits(const int scheme)
{
    return scheme == KR_BITS_SYMMETRIC_4                                ? 1
           : scheme == KR_BITS_SYMMETRIC_6 || scheme == KR_BITS_COUNT_4 ? 2
           : scheme == KR_BITS_COUNT_16                                 ? 4
                                                                        : 3;
}

KR_INLINE bv choose_4(const uint64_t *row, const bv *bit)
{
    return bv_select(bit[1], bv_select(bit[0], bv_set(row[3]), bv_set(row[2])),
                     bv_select(bit[0], bv_set(row[1]), bv_set(row[0])));
}

KR_INLINE bv choose_8(const uint64_t *row, const bv *bit)
{
    return bv_select(bit[2], choose_4(row + 4, bit), choose_4(row, bit));
}

/* The entry of row that belongs to the class of each element. */
KR_INLINE bv choose(const int scheme, const uint64_t *row, const bv *bit)
{
    switch (scheme) {
    case KR_BITS_SYMMETRIC_4:
        return bv_select(bit[0], bv_set(row[1]), bv_set(row[0]));
    case KR_BITS_SYMMETRIC_6:
        return bv_select(bit[0], bv_set(row[1]),
                         bv_select(bit[1], bv_set(row[2]), bv_set(row[0])));
    case KR_BITS_COUNT_4:
        return choose_4(row, bit);
    case KR_BITS_COUNT_5:
        return bv_select(bit[2], bv_set(row[4]), choose_4(row, bit));
    case KR_BITS_COUNT_8:
        return choose_8(row, bit);
    default:
        return bv_select(bit[3], choose_8(row + 8, bit), choose_8(row, bit));
    }
}

/* ---- counting neighbors -------------------------------------------------------------------
 */

/* Digits of the number of neighbors that are up; four neighbors do not need the fourth. */
KR_INLINE void count_up(const place *at, const bool is_signed, const int digits, bv *bit)
{
    const kr_bits_pass *pass = at->pass;
    for (int b = 0; b < BITS; b++) {
        bit[b] = bv_set(0);
    }
    for (int32_t s = 0; s < pass->n_slots; s++) {
        bv carry = neighbor(at, is_signed, s);
        if (pass->present) {
            const size_t k = (size_t)at->v * (size_t)pass->n_slots + (size_t)s;
            carry &= bv_load(pass->present + k * 8 + (size_t)at->piece * BV_WORDS);
        }
#pragma GCC unroll 4
        for (int b = 0; b < digits; b++) {
            bv next = bit[b] & carry;
            bit[b] ^= carry;
            carry = next;
        }
    }
}

/* Class 2 k + missing; both are below 8 and the sum is below 16. */
KR_INLINE void count_rim(const place *at, const bool is_signed, bv *bit)
{
    bv up[BITS];
    const uint64_t *missing =
        at->pass->missing + (size_t)at->v * 24 + (size_t)at->piece * BV_WORDS;
    bv m0 = bv_load(missing), m1 = bv_load(missing + 8), m2 = bv_load(missing + 16);
    count_up(at, is_signed, 3, up);
    bv carry = up[0] & m1;
    bit[0] = m0;
    bit[1] = up[0] ^ m1;
    bit[2] = bv_xor3(up[1], m2, carry);
    bit[3] = up[2] ^ bv_majority(up[1], m2, carry);
}

/* Sets the class, the favored states and the ties of a vector. */
KR_INLINE void classify(const int scheme, const place *at, const bool is_signed, bv *bit,
                        bv *favored, bv *tie)
{
    const kr_bits_law *law = at->pass->law;
    if (scheme == KR_BITS_SYMMETRIC_4) {
        bv a = neighbor(at, is_signed, 0), b = neighbor(at, is_signed, 1);
        bv c = neighbor(at, is_signed, 2), d = neighbor(at, is_signed, 3);
        bv sum = bv_xor3(a, b, c), most = bv_majority(a, b, c);
        bit[0] = sum ^ d;
        *tie = BV_LOGIC(0x42, sum, d, most, ~(sum ^ d) & (most ^ sum));
        *favored = most ^ bv_set(law->favored[0]);
        return;
    }
    if (scheme == KR_BITS_SYMMETRIC_6) {
        bv a = neighbor(at, is_signed, 0), b = neighbor(at, is_signed, 1);
        bv c = neighbor(at, is_signed, 2), d = neighbor(at, is_signed, 3);
        bv e = neighbor(at, is_signed, 4), f = neighbor(at, is_signed, 5);
        bv sum1 = bv_xor3(a, b, c), twos1 = bv_majority(a, b, c);
        bv sum2 = bv_xor3(d, e, f), twos2 = bv_majority(d, e, f), twos3 = sum1 & sum2;
        bv two = bv_xor3(twos1, twos2, twos3), four = bv_majority(twos1, twos2, twos3);
        bit[0] = sum1 ^ sum2;
        bit[1] = two ^ four;
        *tie = BV_LOGIC(0x60, sum1 ^ sum2, two, four, (sum1 ^ sum2) & (two ^ four)) & two;
        *favored = four ^ bv_set(law->favored[0]);
        return;
    }
    if (scheme == KR_BITS_COUNT_16 && at->pass->missing) {
        count_rim(at, is_signed, bit);
    } else {
        count_up(at, is_signed, n_bits(scheme), bit);
    }
    *favored = choose(scheme, law->favored, bit);
    *tie = choose(scheme, law->tie, bit);
}

/* ---- drawing ------------------------------------------------------------------------------
 */

/* One more digit of u. */
KR_INLINE void draw(bv digit, bv threshold, bv *open, bv *lower)
{
    *lower = BV_LOGIC(0xb8, *lower, *open, threshold, bv_select(*open, threshold, *lower));
    *open = BV_LOGIC(0x90, *open, digit, threshold, *open & ~(digit ^ threshold));
}

/* The first words of one vector. */
KR_INLINE void start(const int scheme, const bool is_metropolis, const place *at,
                     const bool is_signed, bv valid, bv_rng *rng, spins *x, bv *bit)
{
    bv favored, tie, open, lower;
    int digit = 0;
    classify(scheme, at, is_signed, bit, &favored, &tie);
    if (is_metropolis) {
        bv old = bv_load(at->state + (size_t)at->pass->vector[at->v] * 8 +
                         (size_t)at->piece * BV_WORDS);
        bv against = old ^ favored;
        lower = tie & ~against; /* a tie flips */
        open = BV_LOGIC(0x02, against, tie, valid, valid & ~(against | tie));
    } else {
        bv word = bv_rng_next(rng); /* P < 1/2 but for ties */
        lower = tie & ~word;
        open = BV_LOGIC(0x02, word, tie, valid, valid & ~(word | tie));
        digit = 1;
    }
#pragma GCC unroll 8
    for (; digit < FIRST; digit++) {
        draw(bv_rng_next(rng), choose(scheme, at->pass->law->threshold[digit], bit), &open,
             &lower);
    }
    x->favored = favored;
    x->lower = lower;
    x->left = open;
}

/* The undecided elements of a vector go where there is room; what is left over is returned. */
KR_INLINE bv merge(const int scheme, spins *x, const bv *bit, pool *first, pool *second)
{
    bv collision = x->left & first->open;
    bv taken = x->left & ~first->open;
    x->left = taken;
    first->open |= taken;
    bv rest = collision & second->open;
    collision = collision & ~second->open;
    x->collision = collision;
    second->open |= collision;
    for (int b = 0; b < n_bits(scheme); b++) {
        first->bit[b] = bv_or_and(first->bit[b], taken, bit[b]);
        second->bit[b] = bv_or_and(second->bit[b], collision, bit[b]);
    }
    return rest;
}

KR_INLINE void clear_pool(const int scheme, pool *p)
{
    p->open = p->lower = bv_set(0);
    for (int b = 0; b < n_bits(scheme); b++) {
        p->bit[b] = bv_set(0);
    }
}

/* n words for a pool whose elements have drawn `digit` of them. */
KR_INLINE void draw_pool(const int scheme, const kr_bits_law *law, bv_rng *rng, pool *p,
                         int digit, const int n)
{
#pragma GCC unroll 8
    for (int k = 0; k < n; k++) {
        draw(bv_rng_next(rng), choose(scheme, law->threshold[digit + k], p->bit), &p->open,
             &p->lower);
    }
}

/* What is still open after the words of draw_pool: decided word by word for all pieces. */
KR_INLINE void finish_pool(const int scheme, const kr_bits_law *law, bv_rng *rng, pool *p,
                           int digit)
{
    for (; digit < DIGITS; digit++) {
        bv open = p[0].open;
        for (int piece = 1; piece < BV_PIECES; piece++) {
            open |= p[piece].open;
        }
        if (__builtin_expect(!bv_any(open), 1)) {
            break;
        }
        for (int piece = 0; piece < BV_PIECES; piece++) {
            draw_pool(scheme, law, &rng[piece], &p[piece], digit, 1);
        }
    }
    for (int piece = 0; piece < BV_PIECES; piece++) { /* all digits equal: u = P */
        p[piece].lower &= ~p[piece].open;
    }
}

/* Elements of vector `at` for which both pools were full: rare, so by the book. */
static __attribute__((noinline)) void finish_alone(place at, bv_rng *rng, const bv *rest,
                                                   spins *x)
{
    const kr_bits_law *law = at.pass->law;
    bv favored, tie;
    pool p[BV_PIECES] = { { .open = bv_set(0) } };
    for (at.piece = 0; at.piece < BV_PIECES; at.piece++) {
        pool *own = &p[at.piece];
        classify((int)law->scheme, &at, at.pass->sign != NULL, own->bit, &favored, &tie);
        own->open = rest[at.piece];
        own->lower = bv_set(0);
    }
    finish_pool((int)law->scheme, law, rng, p, FIRST);
    for (int piece = 0; piece < BV_PIECES; piece++) {
        x[piece].lower = bv_select(rest[piece], p[piece].lower, x[piece].lower);
    }
}

/* Where a group is. */
typedef struct spot {
    const kr_bits_pass *pass;
    int32_t begin, n; /* n <= GROUP vectors */
    uint64_t *state;
    const uint64_t *near;  /* as in place */
    const uint64_t *valid; /* elements that hold a spin, of each vector `stride` words on */
    size_t stride;
} spot;

/* kernel: a group, all sites at once */
KR_INLINE void group(const int scheme, const bool is_metropolis, const bool is_signed,
                     const spot *in, bv_rng *rng, kr_bits_sum *flips)
{
    const kr_bits_pass *pass = in->pass;
    const int32_t n = in->n;
    spins x[GROUP][BV_PIECES];
    bv rest[GROUP][BV_PIECES];
    pool first[BV_PIECES], second[BV_PIECES];
    bool is_full = false;
    for (int piece = 0; piece < BV_PIECES; piece++) {
        clear_pool(scheme, &first[piece]);
        clear_pool(scheme, &second[piece]);
        bv any = bv_set(0);
        for (int32_t i = 0; i < n; i++) {
            place at = { pass, in->state, in->near, in->begin + i, piece };
            bv mask = bv_load(in->valid + (size_t)i * in->stride + piece * BV_WORDS);
            bv bit[BITS];
            start(scheme, is_metropolis, &at, is_signed, mask, &rng[piece], &x[i][piece], bit);
            rest[i][piece] = merge(scheme, &x[i][piece], bit, &first[piece], &second[piece]);
            any |= rest[i][piece];
        }
        is_full |= bv_any(any);
        draw_pool(scheme, pass->law, &rng[piece], &first[piece], FIRST, POOL_WORDS);
        draw_pool(scheme, pass->law, &rng[piece], &second[piece], FIRST, LEFT_WORDS);
    }
    bool is_done = !is_full;
    for (int piece = 0; piece < BV_PIECES; piece++) {
        is_done &= !bv_any(first[piece].open | second[piece].open);
    }
    if (!is_done) {
        finish_pool(scheme, pass->law, rng, first, FIRST + POOL_WORDS);
        finish_pool(scheme, pass->law, rng, second, FIRST + LEFT_WORDS);
    }
    if (__builtin_expect(is_full, 0)) {
        bv_rng copy[BV_PIECES];
        memcpy(copy, rng, sizeof copy);
        for (int32_t i = 0; i < n; i++) {
            finish_alone((place){ pass, in->state, in->near, in->begin + i, 0 }, copy, rest[i],
                         x[i]);
        }
        memcpy(rng, copy, sizeof copy);
    }
    for (int piece = 0; piece < BV_PIECES; piece++) {
        const size_t word = (size_t)piece * BV_WORDS;
        bv changed[GROUP];
        for (int32_t i = 0; i < n; i++) {
            bv mask = bv_load(in->valid + (size_t)i * in->stride + word);
            uint64_t *own = in->state + (size_t)pass->vector[in->begin + i] * 8 + word;
            const spins *s = &x[i][piece];
            bv lower = bv_select(s->left, first[piece].lower, s->lower);
            lower = bv_select(s->collision, second[piece].lower, lower);
            bv new = BV_LOGIC(0x28, s->favored, lower, mask, (s->favored ^ lower) & mask);
            if (flips) {
                changed[i] = bv_load(own) ^ new;
            }
            bv_store(own, new);
        }
        if (flips) {
            for (int32_t i = n; i < GROUP; i++) {
                changed[i] = bv_set(0);
            }
            add_planes(flips, piece, changed);
        }
    }
    if (flips) {
        flips->n_eights++;
    }
}

KR_INLINE void sweep(const int scheme, const bool is_metropolis, const bool is_signed,
                     const kr_bits_pass *pass, const uint64_t *valid, uint64_t *state,
                     kr_rng *stream, kr_bits_sum *flips)
{
    bv_rng rng[BV_PIECES];
    for (int piece = 0; piece < BV_PIECES; piece++) {
        bv_rng_load(&rng[piece], stream, piece);
    }
    /* which groups make the sample is left to the state of the stream */
    const uint64_t mask = pass->n >= SAMPLED ? 7 : 0, counted = stream->s[0][0] & mask;
    for (int32_t v = 0, g = 0; v < pass->n; v += GROUP, g++) {
        int32_t n = pass->n - v < GROUP ? pass->n - v : GROUP;
        const spot in = { pass, v, n, state, state, valid, 0 };
        if (flips && ((uint64_t)g & mask) == counted) {
            group(scheme, is_metropolis, is_signed, &in, rng, flips);
            flips->n_vectors += (uint64_t)n;
        } else {
            group(scheme, is_metropolis, is_signed, &in, rng, NULL);
        }
    }
    for (int piece = 0; piece < BV_PIECES; piece++) {
        bv_rng_store(&rng[piece], stream, piece);
    }
}

/* Fetches a group; signs are applied on the way and elements of no spin are known by vector. */
static void fetch_group(gathered *g, const kr_bits_pass *pass, int32_t v, int32_t n,
                        const uint64_t *valid, const uint64_t *state)
{
    gather(g, pass, v, n, state);
    for (int32_t k = 0; g->pass.sign && k < n * pass->n_slots * 8; k += BV_WORDS) {
        bv_store(g->near + k, bv_load(g->near + k) ^ bv_load(g->pass.sign + k));
    }
    g->pass.sign = NULL;
    for (int32_t k = 0; k < n * 8; k += BV_WORDS) {
        bv_store(g->valid + k, bv_load(g->pass.filled + k) & bv_load(valid + k % 8));
    }
}

/* The same for a gathered pass; one copy of the code, whether flips are counted or not. */
KR_INLINE void sweep_gathered(const int scheme, const bool is_metropolis,
                              const kr_bits_pass *pass, const uint64_t *valid, uint64_t *state,
                              kr_rng *stream, kr_bits_sum *flips)
{
    bv_rng rng[BV_PIECES];
    gathered g;
    for (int piece = 0; piece < BV_PIECES; piece++) {
        bv_rng_load(&rng[piece], stream, piece);
    }
    gather_init(&g, pass);
    const uint64_t mask = pass->n >= SAMPLED ? 7 : 0, counted = stream->s[0][0] & mask;
    for (int32_t v = 0; v < pass->n; v += GROUP) {
        int32_t n = pass->n - v < GROUP ? pass->n - v : GROUP;
        bool is_counted = flips && ((uint64_t)(v / GROUP) & mask) == counted;
        const spot in = { &g.pass, 0, n, state, g.near, g.valid, 8 };
        fetch_group(&g, pass, v, n, valid, state);
        group(scheme, is_metropolis, false, &in, rng, is_counted ? flips : NULL);
        if (is_counted) {
            flips->n_vectors += (uint64_t)n;
        }
    }
    for (int piece = 0; piece < BV_PIECES; piece++) {
        bv_rng_store(&rng[piece], stream, piece);
    }
}

typedef void run(const kr_bits_pass *pass, const uint64_t *valid, uint64_t *state,
                 kr_rng *stream, kr_bits_sum *flips);

enum { PLAIN, SIGNED, GATHERED, N_KINDS };

#define RUN(NAME, sweep, ...)                                                                  \
    static void NAME(const kr_bits_pass *pass, const uint64_t *valid, uint64_t *state,         \
                     kr_rng *stream, kr_bits_sum *flips)                                       \
    {                                                                                          \
        sweep(__VA_ARGS__, pass, valid, state, stream, flips);                                 \
    }
#define RUNS(NAME, scheme)                                                                     \
    RUN(NAME##_heat_bath, sweep, scheme, false, false)                                         \
    RUN(NAME##_heat_bath_signed, sweep, scheme, false, true)                                   \
    RUN(NAME##_heat_bath_gathered, sweep_gathered, scheme, false)                              \
    RUN(NAME##_metropolis, sweep, scheme, true, false)                                         \
    RUN(NAME##_metropolis_signed, sweep, scheme, true, true)                                   \
    RUN(NAME##_metropolis_gathered, sweep_gathered, scheme, true)
#define ROW(NAME)                                                                              \
    {                                                                                          \
        { NAME##_heat_bath, NAME##_heat_bath_signed, NAME##_heat_bath_gathered },              \
        {                                                                                      \
            NAME##_metropolis, NAME##_metropolis_signed, NAME##_metropolis_gathered            \
        }                                                                                      \
    }

RUNS(symmetric_4, KR_BITS_SYMMETRIC_4)
RUNS(symmetric_6, KR_BITS_SYMMETRIC_6)
RUNS(count_4, KR_BITS_COUNT_4)
RUNS(count_5, KR_BITS_COUNT_5)
RUNS(count_8, KR_BITS_COUNT_8)
RUNS(count_16, KR_BITS_COUNT_16)

static run *const runs[KR_BITS_N_SCHEMES][2][N_KINDS] = {
    [KR_BITS_SYMMETRIC_4] = ROW(symmetric_4), [KR_BITS_SYMMETRIC_6] = ROW(symmetric_6),
    [KR_BITS_COUNT_4] = ROW(count_4),         [KR_BITS_COUNT_5] = ROW(count_5),
    [KR_BITS_COUNT_8] = ROW(count_8),         [KR_BITS_COUNT_16] = ROW(count_16),
};

static void sweep_pass(const kr_bits_pass *pass, bool is_metropolis, const uint64_t *valid,
                       uint64_t *state, kr_rng *rng, kr_bits_sum *flips)
{
    int kind = pass->near ? GATHERED : pass->sign ? SIGNED : PLAIN;
    runs[pass->law->scheme][is_metropolis][kind](pass, valid, state, rng, flips);
}

static void refresh(const kr_bits_halo *halo, int32_t n, uint64_t *state)
{
    for (int32_t h = 0; h < n; h++, halo++) {
        const uint64_t *in = state + halo->source * 8;
        uint64_t *out = state + halo->target * 8;
#ifdef __AVX512F__
        __m512i x = _mm512_load_si512(in), mask = _mm512_set1_epi64((long long)halo->mask);
        __m512i first = _mm512_permutexvar_epi64(_mm512_load_si512(halo->first), x);
        __m512i second = _mm512_permutexvar_epi64(_mm512_load_si512(halo->second), x);
        first = _mm512_srlv_epi64(first, _mm512_set1_epi64((long long)halo->right));
        second = _mm512_sllv_epi64(second, _mm512_set1_epi64((long long)halo->left));
        _mm512_store_si512(out, _mm512_ternarylogic_epi64(mask, first, second, 0xca));
#else
        uint64_t turned[8];
        for (int w = 0; w < 8; w++) {
            turned[w] = (in[halo->first[w]] >> halo->right & halo->mask) |
                        (in[halo->second[w]] << (halo->left - 1) << 1 & ~halo->mask);
        }
        memcpy(out, turned, sizeof turned);
#endif
    }
}

const kr_bits_kernels KR_ISA_NAME(kr_bits) = {
    .name = KR_ISA_TEXT,
    .pass = sweep_pass,
    .refresh = refresh,
};
