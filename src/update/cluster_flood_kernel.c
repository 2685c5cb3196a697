/* SPDX-License-Identifier: GPL-3.0-or-later
 * update/cluster_flood_kernel.c - growth by words; built per instruction set.
 *
 * A word with pending sites waits in a queue at most once. When its turn comes, the sites
 * spread along their kept links in a few instructions, and from there in one word operation to
 * each word beside it. Whether a word enters the queue is again arithmetic, not a branch. */
#include "base/isa.h"
#include "update/cluster_flood.h"

#include <string.h>
#if defined(__BMI2__) || defined(__AVX512BW__)
#include <immintrin.h>
#endif

#if defined(__GNUC__)
#define ALWAYS inline __attribute__((always_inline))
#else
#define ALWAYS inline
#endif

enum { JOINED = 0x80 };

/* Bit x set where byte x of 64 equals a, and 64 bytes ^= value where the bit is set. */
#if defined(__AVX512BW__)

static inline uint64_t equal_64(const uint8_t *p, int32_t a)
{
    return _mm512_cmpeq_epi8_mask(_mm512_loadu_si512(p), _mm512_set1_epi8((char)a));
}

static inline void flip_64(uint8_t *p, uint64_t bits, int32_t value)
{
    __m512i x = _mm512_loadu_si512(p), flip = _mm512_maskz_set1_epi8(bits, (char)value);
    _mm512_storeu_si512(p, _mm512_xor_si512(x, flip));
}

#else

static inline uint64_t get_8(const uint8_t *p)
{
    uint64_t x = 0;
    for (int k = 0; k < 8; k++) {
        x |= (uint64_t)p[k] << 8 * k;
    }
    return x;
}

static inline void put_8(uint8_t *p, uint64_t x)
{
    for (int k = 0; k < 8; k++) {
        p[k] = (uint8_t)(x >> 8 * k);
    }
}

static inline uint64_t equal_64(const uint8_t *p, int32_t a)
{
    const uint64_t low = 0x7f7f7f7f7f7f7f7f;
    uint64_t bits = 0;
    for (int k = 0; k < 8; k++) {
        uint64_t x = get_8(p + 8 * k) ^ 0x0101010101010101 * (uint64_t)a;
        uint64_t zero = ~(((x & low) + low) | x | low) >> 7; /* 1 in bytes that are 0 */
        bits |= zero * 0x0102040810204080 >> 56 << 8 * k;
    }
    return bits;
}

static inline void flip_64(uint8_t *p, uint64_t bits, int32_t value)
{
    for (int k = 0; k < 8; k++) {
        uint64_t copies = (bits >> 8 * k & 255) * 0x0101010101010101 & 0x8040201008040201;
        uint64_t ones = (copies + 0x7f7f7f7f7f7f7f7f - (copies >> 7 & 0x0101010101010101)) >> 7;
        put_8(p + 8 * k, get_8(p + 8 * k) ^ (ones & 0x0101010101010101) * (uint64_t)value);
    }
}

#endif

/* bytes ^= value where the bit is set */
static ALWAYS void flip_sites(const kr_flood_plan *plan, int32_t g, uint64_t bits,
                              int32_t value, uint8_t *s)
{
    uint8_t *at = s + plan->first[g];
    const size_t n = plan->size[g];
    if (n < 64) {
        uint8_t part[64] = { 0 };
        memcpy(part, at, n);
        flip_64(part, bits, value);
        memcpy(at, part, n);
    } else {
        flip_64(at, bits, value);
    }
}

typedef struct setting {
    const kr_flood_plan *plan;
    const kr_coin *coin;
    int32_t a, b;
    uint8_t *s;
    kr_flood_work *work;
    kr_rng *rng;
} setting;

/* First look at a word: its sites by state, and coins for its bonds forward. */
static __attribute__((noinline)) void touch(const setting *t, int32_t g)
{
    kr_flood_word *w = &t->work->word[g];
    const size_t n = t->plan->size[g];
    const uint64_t sites = n < 64 ? ((uint64_t)1 << n) - 1 : ~(uint64_t)0;
    uint8_t part[64];
    const uint8_t *at = t->s + t->plan->first[g];
    if (n < 64) {
        memset(part, 0, sizeof part);
        memcpy(part, at, n);
        at = part;
    }
    const uint64_t plain = equal_64(at, t->a) & sites;
    const uint64_t marked = equal_64(at, t->a | JOINED) & sites;
    w->taken = plain | marked;
    w->free = plain;
    w->pending = marked;
    w->image = equal_64(at, t->b) & sites;
    w->along = kr_coin_toss(t->coin, w->taken, t->rng);
    w->links = w->along & w->taken >> 1;
    w->across = kr_coin_toss(t->coin, w->taken, t->rng);
    t->work->is_touched[g] = 1;
    t->work->touched[t->work->n_touched++] = g;
}

static ALWAYS kr_flood_word *look_at(const setting *t, int32_t g)
{
    if (!t->work->is_touched[g]) {
        touch(t, g);
    }
    return &t->work->word[g];
}

/* All sites joined by links to those of from. */
static ALWAYS uint64_t spread(uint64_t from, uint64_t links)
{
    uint64_t up = ((links + (from & links)) ^ links) | from; /* to the end of the run */
#ifdef __BMI2__
    /* ends reached, and the starts of the same runs: 2^(end + 1) - 2^start is the run */
    uint64_t start = _pdep_u64(_pext_u64(up, ~links), ~(links << 1));
    return ((up & ~links) << 1) - start;
#else
    for (int step = 1; step < 64; step *= 2) {
        up |= up >> step & links;
        links &= links >> step;
    }
    return up;
#endif
}

/* The queue of words. */
typedef struct queue {
    int32_t head, tail;
} queue;

static ALWAYS void join(const setting *t, queue *q, int32_t g, uint64_t sites)
{
    kr_flood_word *w = &t->work->word[g];
    sites &= w->free;
    t->work->ring[q->tail] = g;
    q->tail = (q->tail + ((sites != 0) & (w->pending == 0))) & t->work->ring_mask;
    w->free ^= sites;
    w->pending |= sites;
}

/* kernel: follows the bonds of all pending sites of word g. */
static ALWAYS void work_off(const setting *t, queue *q, int32_t g)
{
    kr_flood_word *w = &t->work->word[g];
    const int32_t *beside = t->plan->beside + (size_t)g * 4;
    uint64_t sites = w->pending;
    const uint64_t fresh = spread(sites, w->links) & w->free;
    w->free ^= fresh;
    w->pending = 0;
    sites |= fresh;
    /* along the row: out of the top bit of a word into bit 0 of the next */
    (void)look_at(t, beside[0]);
    const kr_flood_word *before = look_at(t, beside[1]);
    const int top = (t->plan->box.extent[0] - 1) & 63;
    const int top_here = beside[0] == g + 1 ? 63 : top;
    const int top_before = beside[1] == g - 1 ? 63 : top;
    join(t, q, beside[0], (sites & w->along) >> top_here & 1);
    join(t, q, beside[1], (sites & before->along >> top_before & 1) << top_before);
    (void)look_at(t, beside[2]);
    const kr_flood_word *below = look_at(t, beside[3]);
    join(t, q, beside[2], sites & w->across);
    join(t, q, beside[3], sites & below->across);
}

static inline int64_t count(uint64_t x)
{
    return __builtin_popcountll(x);
}

/* Bonds from the sites of C in word g: to a less to b. */
static int64_t rim(const setting *t, int32_t g, uint64_t sites)
{
    const kr_flood_word *word = t->work->word, *w = &word[g];
    const int32_t *beside = t->plan->beside + (size_t)g * 4;
    int64_t sum = count(sites & w->free >> 1) - count(sites & w->image >> 1);
    sum += count(sites & w->free << 1) - count(sites & w->image << 1);
    const int top = (t->plan->box.extent[0] - 1) & 63;
    const int top_here = beside[0] == g + 1 ? 63 : top;
    const int top_before = beside[1] == g - 1 ? 63 : top;
    if (sites >> top_here & 1) {
        sum += (int64_t)(word[beside[0]].free & 1) - (int64_t)(word[beside[0]].image & 1);
    }
    if (sites & 1) {
        sum += (int64_t)(word[beside[1]].free >> top_before & 1) -
               (int64_t)(word[beside[1]].image >> top_before & 1);
    }
    for (int32_t d = 2; d < 4; d++) {
        const kr_flood_word *other = &word[beside[d]];
        sum += count(sites & other->free) - count(sites & other->image);
    }
    return sum;
}

static int64_t grow(const kr_flood_plan *plan, const kr_coin *coin, int32_t a, int32_t b,
                    const int32_t *list, int32_t n, uint8_t *s, kr_flood_work *work,
                    kr_rng *rng, int64_t *broken)
{
    const setting t = { plan, coin, a, b, s, work, rng };
    const int32_t side = plan->box.extent[0];
    queue q = { 0, 0 };
    for (int32_t k = 0; k < work->n_touched; k++) {
        work->is_touched[work->touched[k]] = 0;
    }
    work->n_touched = 0;
    for (int32_t m = 0; m < n; m++) {
        int32_t g = list[m] / side * plan->n_words + list[m] % side / 64;
        if (!work->is_touched[g]) {
            touch(&t, g);
            work->ring[q.tail++] = g;
            flip_sites(plan, g, work->word[g].pending, JOINED, s);
        }
    }
    for (; q.head != q.tail; q.head = (q.head + 1) & work->ring_mask) {
        work_off(&t, &q, work->ring[q.head]);
    }
    int64_t size = 0;
    for (int32_t k = 0; k < work->n_touched; k++) {
        int32_t g = work->touched[k];
        uint64_t sites = work->word[g].taken & ~work->word[g].free;
        if (sites) {
            size += count(sites);
            *broken += rim(&t, g, sites);
            flip_sites(plan, g, sites, a ^ b, s);
        }
    }
    return size;
}

static void undo(const kr_flood_plan *plan, int32_t a, int32_t b, uint8_t *s,
                 const kr_flood_work *work)
{
    for (int32_t k = 0; k < work->n_touched; k++) {
        int32_t g = work->touched[k];
        flip_sites(plan, g, work->word[g].taken & ~work->word[g].free, a ^ b, s);
    }
}

extern const kr_flood KR_ISA_NAME(kr_flood);
const kr_flood KR_ISA_NAME(kr_flood) = { .name = KR_ISA_TEXT, .grow = grow, .undo = undo };
