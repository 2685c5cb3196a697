/* SPDX-License-Identifier: GPL-3.0-or-later
 * update/cluster_coin.h - coins of one fixed bias, tossed 64 at a time.
 *
 * A uniform u in [0, 1) is below p when, at the first binary digit in which they differ, p has
 * the 1. Word number k of the stream holds digit k of the u of 64 coins; words are drawn until
 * each coin is decided, 7.3 on average. p is kept to 128 binary digits, so the law is that of
 * the double for any p >= 2^-75. Where draws are enumerated each coin is a branch of its own.
 * Threads: as the stream. */
#ifndef KR_UPDATE_CLUSTER_COIN_H
#define KR_UPDATE_CLUSTER_COIN_H

#include "base/rng.h"

typedef struct kr_coin {
    double p;
    uint64_t digit[2]; /* of p, most significant first */
} kr_coin;

static inline kr_coin kr_coin_of(double p)
{
    kr_coin coin = { .p = p };
    if (p > 0.0 && p < 1.0) {
        double scaled = p * 0x1p64; /* < 2^64: the largest double below 1 is 1 - 2^-53 */
        coin.digit[0] = (uint64_t)scaled;
        coin.digit[1] = (uint64_t)((scaled - (double)coin.digit[0]) * 0x1p64);
    }
    return coin;
}

#ifndef KR_RNG_ENUMERATE

/* Each bit of lanes stays with probability p. */
static inline uint64_t kr_coin_toss(const kr_coin *coin, uint64_t lanes, kr_rng *rng)
{
    if (coin->p >= 1.0) {
        return lanes;
    }
    uint64_t undecided = lanes, below = 0;
    for (unsigned k = 0; undecided && k < 128; k++) {
        uint64_t p = (uint64_t)0 - (coin->digit[k >> 6] >> (63 - (k & 63)) & 1);
        uint64_t differs = kr_rng_u64(rng) ^ p;
        below |= undecided & differs & p;
        undecided &= ~differs;
    }
    return below;
}

#else

static inline uint64_t kr_coin_toss(const kr_coin *coin, uint64_t lanes, kr_rng *rng)
{
    uint64_t kept = 0;
    for (; lanes; lanes &= lanes - 1) {
        kept |= kr_rng_bernoulli(rng, coin->p) ? lanes & (0 - lanes) : 0;
    }
    return kept;
}

#endif

/* Coins handed out a few at a time. */
typedef struct kr_purse {
    const kr_coin *coin;
    kr_rng *rng;
    uint64_t bits;
    int32_t left;
} kr_purse;

/* True with probability p if `matters`, else false. For coins tossed ahead; kr_purse_fill must
 * have been called for them. */
static inline bool kr_purse_take(kr_purse *purse, bool matters)
{
#ifndef KR_RNG_ENUMERATE
    bool head = purse->bits & matters;
    purse->bits >>= 1;
    return head;
#else
    return matters && kr_rng_bernoulli(purse->rng, purse->coin->p);
#endif
}

/* At least n <= 64 coins are there afterwards, and n are counted as taken. */
static inline void kr_purse_fill(kr_purse *purse, int32_t n)
{
#ifndef KR_RNG_ENUMERATE
    if (purse->left < n) {
        purse->bits = kr_coin_toss(purse->coin, ~(uint64_t)0, purse->rng);
        purse->left = 64;
    }
    purse->left -= n;
#else
    (void)purse;
    (void)n;
#endif
}

#endif
