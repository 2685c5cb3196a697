/* SPDX-License-Identifier: GPL-3.0-or-later
 * update/bits_kernels.c - bit-parallel heat bath and Metropolis for one instruction set.
 *
 * A spin takes the state its class does not favor when u < P, u uniform. u is drawn digit by
 * digit, highest first, for all elements of a vector at once, and an element is decided at the
 * first digit in which u and P differ: exact for any P, two digits per spin on average, but
 * about ten words until the last of 512 is decided. So after FIRST words the undecided elements
 * of GROUP vectors are moved into one pool vector. Where an element of the pool is taken
 * already the newcomer moves on by TURN elements, and is finished by itself when that one is
 * taken too. An element of a pool holds one spin, so no two spins ever share a digit. What is
 * left after POOL_WORDS more is a spin or two: these are drawn one by one.
 *
 * A digit at which all classes have the same threshold, or only two are left, needs no table: a
 * branch that always goes the same way is cheaper. Groups with undecided spins wait until
 * several are finished at once: their branches cannot be foretold. */
#include "update/bits_kernels.h"

#include "base/isa.h"
#include "update/bits_classes.h"

#ifndef FIRST /* a test makes both small, so that the rare paths are the usual ones */
#define FIRST      6
#define POOL_WORDS 9
#endif
#define TURN       29 /* within each 64 elements, the same for every instruction set */
#define TURN_LANED 32 /* the same where lanes differ: to the same lane */
#define BANKS      2  /* of the stream, used by turns: their chains of logic are independent */
#define KEPT       8  /* groups that wait to be finished */

_Static_assert(FIRST + POOL_WORDS <= KR_BITS_DIGITS, "digits of the tables by lane");
_Static_assert(TURN_LANED % KR_BITS_LANES == 0, "a spin keeps its lane");

typedef struct pool {
    bv open, lower, bit[BITS]; /* open: undecided; lower: decided, u < P */
} pool;

/* A group of vectors. */
typedef struct spot {
    const kr_bits_pass *pass;
    int32_t begin, n; /* n <= GROUP vectors */
    uint64_t *state;
    const uint64_t *near;  /* as in place */
    const uint64_t *valid; /* elements that hold a spin, of each vector `stride` words on */
    size_t stride;
} spot;

/* Where the undecided spins of a group went, word by word. */
typedef struct batch {
    spot at;
    uint64_t new[GROUP][8];    /* favored ^ (u < P) where decided, else favored */
    uint64_t placed[GROUP][8]; /* in the pool at home */
    uint64_t moved[GROUP][8];  /* not there: in the pool TURN further, or in rest */
    uint64_t rest[GROUP][8];   /* the pool had no room: seen from TURN further */
    uint64_t open[8], lower[8], bit[BITS][8]; /* of the pool after its words */
} __attribute__((aligned(64))) batch;

/* ---- drawing ------------------------------------------------------------------------------
 */

/* One more digit of u, one piece. */
KR_INLINE void draw(const int scheme, const bool is_laned, const kr_bits_law *law, int digit,
                    int piece, bv word, const bv *bit, bv *open, bv *lower)
{
    const uint8_t kind = law->kind[digit];
    bv threshold;
    if (kind == KR_BITS_ZEROS_STILL) {
        *open &= ~word;
        return;
    }
    if (kind == KR_BITS_ZEROS) {
        *lower &= ~*open;
        *open &= ~word;
        return;
    }
    if (kind == KR_BITS_ONES) {
        *lower |= *open;
        *open &= word;
        return;
    }
    if (kind == KR_BITS_ODD) {
        threshold = bit[0];
    } else if (kind == KR_BITS_EVEN) {
        threshold = ~bit[0];
    } else {
        threshold =
            is_laned
                ? choose(scheme, true,
                         law->lane_threshold + digit * 8 * KR_BITS_CLASSES + piece * BV_WORDS,
                         bit)
                : choose(scheme, false, law->threshold[digit], bit);
    }
    *lower = BV_LOGIC(0xb8, *lower, *open, threshold, bv_select(*open, threshold, *lower));
    *open = BV_LOGIC(0x90, *open, word, threshold, *open & ~(word ^ threshold));
}

/* The first words of one vector. Returns the undecided elements. */
KR_INLINE bv start(const int scheme, const bool is_metropolis, const bool is_laned,
                   const place *at, const bool is_signed, bv valid, bv_rng *rng, bv *bit,
                   bv *new)
{
    bv favored, tie, word;
    int digit = 0;
    classify(scheme, at, is_signed, valid, bit, &favored, &tie);
    if (is_metropolis) { /* set where the spin is against its field; there ties flip */
        word = favored ^ bv_load(at->state + (size_t)at->pass->vector[at->v] * 8 +
                                 (size_t)at->piece * BV_WORDS);
    } else { /* P < 1/2 but for ties */
        word = bv_rng_next(rng);
        digit = 1;
    }
    bv lower = BV_LOGIC(0x20, tie, word, valid, tie & ~word & valid);
    bv open = BV_LOGIC(0x02, word, tie, valid, valid & ~(word | tie));
#pragma GCC unroll 8
    for (; digit < FIRST; digit++) {
        draw(scheme, is_laned, at->pass->law, digit, at->piece, bv_rng_next(rng), bit, &open,
             &lower);
    }
    *new = BV_LOGIC(0xb4, favored, lower, open, favored ^ (lower & ~open));
    return open;
}

KR_INLINE bv turned_by(const bool is_laned, bv x)
{
    return is_laned ? BV_ROTATE(x, TURN_LANED) : BV_ROTATE(x, TURN);
}

/* The undecided elements of a vector go where there is room. Returns what is left over. */
KR_INLINE bv merge(const int scheme, const bool is_laned, bv open, const bv *bit, pool *p,
                   batch *b, int i, size_t word)
{
    bv placed = open & ~p->open, moved = open & p->open;
    bv turned = turned_by(is_laned, moved);
    p->open |= placed;
    bv there = turned & ~p->open, rest = turned & p->open;
    p->open |= there;
    for (int k = 0; k < n_bits(scheme); k++) {
        p->bit[k] = bv_or_and(p->bit[k], placed, bit[k]);
        p->bit[k] = bv_or_and(p->bit[k], there, turned_by(is_laned, bit[k]));
    }
    bv_store(b->placed[i] + word, placed);
    bv_store(b->moved[i] + word, moved);
    bv_store(b->rest[i] + word, rest);
    return rest;
}

/* kernel: a group, all sites at once. True when some spins stay undecided; they are given the
 * favored state. */
KR_INLINE bool group(const int scheme, const bool is_metropolis, const bool is_laned,
                     const bool is_signed, const spot *in, bv_rng (*rng)[BANKS], batch *b)
{
    const kr_bits_pass *pass = in->pass;
    const int32_t n = in->n;
    bv left = bv_set(0);
    b->at = *in;
    for (int piece = 0; piece < BV_PIECES; piece++) {
        const size_t word = (size_t)piece * BV_WORDS;
        pool p = { .open = bv_set(0) };
        for (int32_t i = 0; i < n; i += BANKS) {
#pragma GCC unroll 2
            for (int32_t k = 0; k < BANKS; k++) {
                place at = { pass, in->state, in->near, in->begin + i + k, piece };
                bv bit[BITS], new;
                if (i + k == n) {
                    break;
                }
                bv mask = bv_load(in->valid + (size_t)(i + k) * in->stride + word);
                bv open = start(scheme, is_metropolis, is_laned, &at, is_signed, mask,
                                &rng[piece][k], bit, &new);
                bv_store(b->new[i + k] + word, new);
                left |= merge(scheme, is_laned, open, bit, &p, b, i + k, word);
            }
        }
#pragma GCC unroll 9
        for (int k = 0; k < POOL_WORDS; k++) {
            draw(scheme, is_laned, pass->law, FIRST + k, piece,
                 bv_rng_next(&rng[piece][k % BANKS]), p.bit, &p.open, &p.lower);
        }
        p.lower &= ~p.open;
        left |= p.open;
        bv turned =
            is_laned ? BV_ROTATE(p.lower, 64 - TURN_LANED) : BV_ROTATE(p.lower, 64 - TURN);
        for (int32_t i = 0; i < n; i++) {
            bv new =
                bv_xor_masked(bv_load(b->new[i] + word), bv_load(b->placed[i] + word), p.lower);
            bv_store(in->state + (size_t)pass->vector[in->begin + i] * 8 + word,
                     bv_xor_masked(new, bv_load(b->moved[i] + word), turned));
        }
        bv_store(b->open + word, p.open);
        bv_store(b->lower + word, p.lower);
        for (int k = 0; k < n_bits(scheme); k++) {
            bv_store(b->bit[k] + word, p.bit[k]);
        }
    }
    return bv_any(left);
}

/* ---- finishing ----------------------------------------------------------------------------
 */

KR_INLINE uint64_t turn(uint64_t x, int by)
{
    return x << by | x >> (64 - by);
}

/* Numbers of 64 digits, one per spin. */
typedef struct numbers {
    uint64_t u[8] __attribute__((aligned(64)));
    int n_used;
} numbers;

/* One spin whose first `digit` words are drawn: true when u < P. bit: digits of its class, one
 * per plane of 8 words. */
static bool is_below(const kr_bits_law *law, int digit, uint64_t (*bit)[8], int w, int element,
                     bv_rng (*rng)[BANKS], numbers *number)
{
    size_t class = 0;
    for (int k = 0; k < n_bits((int)law->scheme); k++) {
        class |= (size_t)(bit[k][w] >> element & 1) << k;
    }
    if (law->scheme == KR_BITS_SYMMETRIC_6) {
        class = class & 1 ? 1 : class; /* as in choose */
    }
    if (number->n_used == 8) {
        for (int piece = 0; piece < BV_PIECES; piece++) {
            bv_store(number->u + piece * BV_WORDS, bv_rng_next(&rng[piece][0]));
        }
        number->n_used = 0;
    }
    const uint64_t *P = law->P;
    if (law->lane_P) {
        P = law->lane_P + (size_t)(element & (law->n_lanes - 1)) * KR_BITS_CLASSES;
    }
    return number->u[number->n_used++] < P[class] << digit;
}

/* Bit w: word w is not zero. */
KR_INLINE uint32_t used_words(const uint64_t *words)
{
#ifdef __AVX512F__
    return _mm512_test_epi64_mask((__m512i)bv_load(words), (__m512i)bv_load(words));
#else
    uint32_t used = 0;
    for (int w = 0; w < 8; w++) {
        used |= (uint32_t)(words[w] != 0) << w;
    }
    return used;
#endif
}

/* Spins of vector i that found no room in the pool: by what they were given from it, which
 * belongs to another, they are put right first. */
static void finish_rest(batch *b, int i, uint32_t used, bv_rng (*rng)[BANKS], numbers *number)
{
    const kr_bits_pass *pass = b->at.pass;
    const kr_bits_law *law = pass->law;
    uint64_t *own = b->at.state + (size_t)pass->vector[b->at.begin + i] * 8;
    uint64_t bit[BITS][8] __attribute__((aligned(64))) = { { 0 } };
    const int back = 64 - (law->lane_P ? TURN_LANED : TURN);
    for (int piece = 0; piece < BV_PIECES; piece++) {
        place at = { pass, b->at.state, b->at.near, b->at.begin + i, piece };
        bv class[BITS], favored, tie;
        classify((int)law->scheme, &at, pass->sign != NULL, bv_set(0), class, &favored, &tie);
        for (int k = 0; k < n_bits((int)law->scheme); k++) {
            bv_store(bit[k] + piece * BV_WORDS, class[k]);
        }
    }
    for (; used; used &= used - 1) {
        int w = __builtin_ctz(used);
        own[w] ^= turn(b->rest[i][w] & b->lower[w], back);
        for (uint64_t left = turn(b->rest[i][w], back); left; left &= left - 1) {
            int element = __builtin_ctzll(left);
            own[w] ^= (uint64_t)is_below(law, FIRST, bit, w, element, rng, number) << element;
        }
    }
}

/* Decides what a batch left open: few spins, so one by one, by 64 digits each. */
static __attribute__((noinline)) void finish(batch *b, bv_rng (*rng)[BANKS])
{
    const kr_bits_pass *pass = b->at.pass;
    numbers number = { .n_used = 8 };
    const int by = pass->law->lane_P ? TURN_LANED : TURN;
    for (uint32_t used = used_words(b->open); used; used &= used - 1) {
        int w = __builtin_ctz(used);
        for (uint64_t left = b->open[w]; left; left &= left - 1) {
            int element = __builtin_ctzll(left);
            uint64_t one = (uint64_t)is_below(pass->law, FIRST + POOL_WORDS, b->bit, w, element,
                                              rng, &number)
                           << element;
            for (int i = 0; i < b->at.n; i++) { /* one of them owns it */
                uint64_t moved = turn(b->moved[i][w], by) & ~b->rest[i][w] & one;
                b->at.state[(size_t)pass->vector[b->at.begin + i] * 8 + (size_t)w] ^=
                    (b->placed[i][w] & one) | turn(moved, 64 - by);
            }
        }
    }
    for (int i = 0; i < b->at.n; i++) {
        uint32_t used = used_words(b->rest[i]);
        if (used) {
            finish_rest(b, i, used, rng, &number);
        }
    }
}

/* The address of rng would keep it out of registers. */
KR_INLINE void finish_all(batch *b, int32_t n, bv_rng (*rng)[BANKS])
{
    bv_rng copy[BV_PIECES][BANKS];
    memcpy(copy, rng, sizeof copy);
    for (int32_t k = 0; k < n; k++) {
        finish(&b[k], copy);
    }
    memcpy(rng, copy, sizeof copy);
}

KR_INLINE void load_stream(bv_rng (*rng)[BANKS], kr_rng *stream)
{
    for (int piece = 0; piece < BV_PIECES; piece++) {
        bv_rng_load(&rng[piece][0], stream->s, piece);
        bv_rng_load(&rng[piece][1], stream->second, piece);
    }
}

KR_INLINE void store_stream(bv_rng (*rng)[BANKS], kr_rng *stream)
{
    for (int piece = 0; piece < BV_PIECES; piece++) {
        bv_rng_store(&rng[piece][0], stream->s, piece);
        bv_rng_store(&rng[piece][1], stream->second, piece);
    }
}

KR_INLINE void sweep(const int scheme, const bool is_metropolis, const bool is_laned,
                     const bool is_signed, const kr_bits_pass *pass, const uint64_t *valid,
                     uint64_t *state, kr_rng *stream)
{
    bv_rng rng[BV_PIECES][BANKS];
    batch kept[KEPT];
    int32_t n_kept = 0;
    load_stream(rng, stream);
    for (int32_t v = 0; v < pass->n; v += GROUP) {
        const int32_t n = pass->n - v < GROUP ? pass->n - v : GROUP;
        const spot in = { pass, v, n, state, state, valid, 0 };
        n_kept += group(scheme, is_metropolis, is_laned, is_signed, &in, rng, &kept[n_kept]);
        if (n_kept == KEPT || v + GROUP >= pass->n) {
            finish_all(kept, n_kept, rng);
            n_kept = 0;
        }
    }
    store_stream(rng, stream);
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

/* The same for a gathered pass. A group is finished while its neighbors are at hand. */
KR_INLINE void sweep_gathered(const int scheme, const bool is_metropolis, const bool is_laned,
                              const kr_bits_pass *pass, const uint64_t *valid, uint64_t *state,
                              kr_rng *stream)
{
    bv_rng rng[BV_PIECES][BANKS];
    gathered g;
    batch b;
    load_stream(rng, stream);
    gather_init(&g, pass);
    for (int32_t v = 0; v < pass->n; v += GROUP) {
        int32_t n = pass->n - v < GROUP ? pass->n - v : GROUP;
        const spot in = { &g.pass, 0, n, state, g.near, g.valid, 8 };
        fetch_group(&g, pass, v, n, valid, state);
        if (group(scheme, is_metropolis, is_laned, false, &in, rng, &b)) {
            finish_all(&b, 1, rng);
        }
    }
    store_stream(rng, stream);
}

typedef void run(const kr_bits_pass *pass, const uint64_t *valid, uint64_t *state,
                 kr_rng *stream);

enum { PLAIN, SIGNED, GATHERED, N_KINDS };

#define RUN(NAME, sweep, ...)                                                                  \
    static void NAME(const kr_bits_pass *pass, const uint64_t *valid, uint64_t *state,         \
                     kr_rng *stream)                                                           \
    {                                                                                          \
        sweep(__VA_ARGS__, pass, valid, state, stream);                                        \
    }
#define RUNS(NAME, scheme)                                                                     \
    RUN(NAME##_heat_bath, sweep, scheme, false, false, false)                                  \
    RUN(NAME##_heat_bath_signed, sweep, scheme, false, false, true)                            \
    RUN(NAME##_heat_bath_gathered, sweep_gathered, scheme, false, false)                       \
    RUN(NAME##_metropolis, sweep, scheme, true, false, false)                                  \
    RUN(NAME##_metropolis_signed, sweep, scheme, true, false, true)                            \
    RUN(NAME##_metropolis_gathered, sweep_gathered, scheme, true, false)
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

/* Laws by lane: always with signs. */
#define RUNS_LANED(NAME, scheme)                                                               \
    RUN(NAME##_heat_bath_laned, sweep, scheme, false, true, true)                              \
    RUN(NAME##_heat_bath_laned_gathered, sweep_gathered, scheme, false, true)                  \
    RUN(NAME##_metropolis_laned, sweep, scheme, true, true, true)                              \
    RUN(NAME##_metropolis_laned_gathered, sweep_gathered, scheme, true, true)
#define ROW_LANED(NAME)                                                                        \
    {                                                                                          \
        { NAME##_heat_bath_laned, NAME##_heat_bath_laned_gathered },                           \
        {                                                                                      \
            NAME##_metropolis_laned, NAME##_metropolis_laned_gathered                          \
        }                                                                                      \
    }

RUNS_LANED(symmetric_4, KR_BITS_SYMMETRIC_4)
RUNS_LANED(symmetric_6, KR_BITS_SYMMETRIC_6)
RUNS_LANED(count_8, KR_BITS_COUNT_8)
RUNS_LANED(count_16, KR_BITS_COUNT_16)

static run *const runs_laned[KR_BITS_N_SCHEMES][2][2] = {
    [KR_BITS_SYMMETRIC_4] = ROW_LANED(symmetric_4),
    [KR_BITS_SYMMETRIC_6] = ROW_LANED(symmetric_6),
    [KR_BITS_COUNT_8] = ROW_LANED(count_8),
    [KR_BITS_COUNT_16] = ROW_LANED(count_16),
};

static void sweep_pass(const kr_bits_pass *pass, bool is_metropolis, const uint64_t *valid,
                       uint64_t *state, kr_rng *rng)
{
    if (pass->law->lane_P) {
        runs_laned[pass->law->scheme][is_metropolis][pass->near != NULL](pass, valid, state,
                                                                         rng);
        return;
    }
    int kind = pass->near ? GATHERED : pass->sign ? SIGNED : PLAIN;
    runs[pass->law->scheme][is_metropolis][kind](pass, valid, state, rng);
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
