/* SPDX-License-Identifier: GPL-3.0-or-later
 * model/fold_pack.c - states between layout CHAIN and the vectors of a fold.
 *
 * Chains hold one state per byte. With eight chains or more the bits of eight sites of eight
 * chains change places in one word: sum_l x_l << l, x_l eight sites of chain l, has the eight
 * chains of site s in byte s. */
#include "model/fold.h"

#include <string.h>

/* First byte of a site in vectors, chains counted from 0. n_lanes >= 8 for bits. */
static size_t byte_of(const kr_fold *fold, size_t site)
{
    size_t place = (size_t)fold->place[site], n_tiles = (size_t)fold->n_tiles;
    size_t element = place % n_tiles * (size_t)fold->n_lanes;
    return place / n_tiles * KR_VECTOR_BYTES +
           (fold->layout == KR_LAYOUT_BITS ? element / 8 : element);
}

/* Sites i..i+m-1 (m <= 8) of the chains first..first+lanes-1 (lanes <= 8). */
static void pack_square(const uint8_t *chain, size_t n, size_t lanes, size_t m,
                        const size_t *byte, uint8_t *vectors)
{
    uint64_t bits = 0;
    for (size_t l = 0; l < lanes; l++) {
        uint64_t x = 0;
        memcpy(&x, chain + l * n, m);
        bits |= x << l;
    }
    for (size_t s = 0; s < m; s++) {
        vectors[byte[s]] = (uint8_t)(bits >> 8 * s);
    }
}

static void unpack_square(const uint8_t *vectors, const size_t *byte, size_t m, size_t n,
                          size_t lanes, uint8_t *chain)
{
    uint64_t bits = 0;
    for (size_t s = 0; s < m; s++) {
        bits |= (uint64_t)vectors[byte[s]] << 8 * s;
    }
    for (size_t l = 0; l < lanes; l++) {
        uint64_t x = bits >> l & UINT64_C(0x0101010101010101);
        memcpy(chain + l * n, &x, m);
    }
}

static void pack_many(const kr_fold *fold, size_t n_lanes, const uint8_t *chain,
                      uint8_t *vectors)
{
    size_t n = (size_t)fold->n_sites, byte[8];
    for (size_t i = 0; i < n; i += 8) {
        size_t m = n - i < 8 ? n - i : 8;
        for (size_t s = 0; s < m; s++) {
            byte[s] = byte_of(fold, i + s);
        }
        for (size_t lane = 0; lane < n_lanes; lane += 8) {
            size_t lanes = n_lanes - lane < 8 ? n_lanes - lane : 8;
            if (m == 8 && lanes == 8) { /* constants make straight code */
                pack_square(chain + lane * n + i, n, 8, 8, byte, vectors + lane / 8);
            } else {
                pack_square(chain + lane * n + i, n, lanes, m, byte, vectors + lane / 8);
            }
        }
    }
}

static void unpack_many(const kr_fold *fold, size_t n_lanes, const uint8_t *vectors,
                        uint8_t *chain)
{
    size_t n = (size_t)fold->n_sites, byte[8];
    for (size_t i = 0; i < n; i += 8) {
        size_t m = n - i < 8 ? n - i : 8;
        for (size_t s = 0; s < m; s++) {
            byte[s] = byte_of(fold, i + s);
        }
        for (size_t lane = 0; lane < n_lanes; lane += 8) {
            size_t lanes = n_lanes - lane < 8 ? n_lanes - lane : 8;
            if (m == 8 && lanes == 8) {
                unpack_square(vectors + lane / 8, byte, 8, n, 8, chain + lane * n + i);
            } else {
                unpack_square(vectors + lane / 8, byte, m, n, lanes, chain + lane * n + i);
            }
        }
    }
}

/* Fewer than eight chains share a byte with other tiles: word by word. */
static void pack_few(const kr_fold *fold, size_t n_lanes, const uint8_t *chain,
                     uint8_t *vectors)
{
    size_t n = (size_t)fold->n_sites, n_tiles = (size_t)fold->n_tiles;
    size_t width = (size_t)fold->n_lanes, per_word = 64 / width;
    const int32_t *site = fold->site;
    for (size_t v = 0; v < (size_t)fold->n_vectors; v++) {
        for (size_t t = 0, w = 0; t < n_tiles; t += per_word, w++) {
            size_t end = n_tiles - t < per_word ? n_tiles - t : per_word;
            uint64_t word = 0;
            for (size_t k = 0; k < end; k++) {
                const uint8_t *from = chain + *site++;
                for (size_t lane = 0; lane < n_lanes; lane++) {
                    word |= (uint64_t)from[lane * n] << (k * width + lane);
                }
            }
            memcpy(vectors + v * KR_VECTOR_BYTES + 8 * w, &word, 8);
        }
    }
}

static void unpack_few(const kr_fold *fold, size_t n_lanes, const uint8_t *vectors,
                       uint8_t *chain)
{
    size_t n = (size_t)fold->n_sites, n_tiles = (size_t)fold->n_tiles;
    size_t width = (size_t)fold->n_lanes, per_word = 64 / width;
    const int32_t *site = fold->site;
    for (size_t v = 0; v < (size_t)fold->n_vectors; v++) {
        for (size_t t = 0, w = 0; t < n_tiles; t += per_word, w++) {
            size_t end = n_tiles - t < per_word ? n_tiles - t : per_word;
            uint64_t word;
            memcpy(&word, vectors + v * KR_VECTOR_BYTES + 8 * w, 8);
            for (size_t k = 0; k < end; k++) {
                uint8_t *to = chain + *site++;
                for (size_t lane = 0; lane < n_lanes; lane++) {
                    to[lane * n] = (uint8_t)(word >> (k * width + lane) & 1);
                }
            }
        }
    }
}

void kr_fold_pack(const kr_fold *fold, int32_t n_lanes, const uint8_t *chain, uint8_t *vectors)
{
    size_t n = (size_t)fold->n_sites, lanes = (size_t)n_lanes;
    memset(vectors, 0, (size_t)fold->n_vectors * KR_VECTOR_BYTES);
    if (fold->layout == KR_LAYOUT_BITS && fold->n_lanes >= 8) {
        pack_many(fold, lanes, chain, vectors);
    } else if (fold->layout == KR_LAYOUT_BITS) {
        pack_few(fold, lanes, chain, vectors);
    } else {
        for (size_t i = 0; i < n; i++) {
            uint8_t *to = vectors + byte_of(fold, i);
            for (size_t lane = 0; lane < lanes; lane++) {
                to[lane] = chain[lane * n + i];
            }
        }
    }
}

void kr_fold_unpack(const kr_fold *fold, int32_t n_lanes, const uint8_t *vectors,
                    uint8_t *chain)
{
    size_t n = (size_t)fold->n_sites, lanes = (size_t)n_lanes;
    if (fold->layout == KR_LAYOUT_BITS && fold->n_lanes >= 8) {
        unpack_many(fold, lanes, vectors, chain);
    } else if (fold->layout == KR_LAYOUT_BITS) {
        unpack_few(fold, lanes, vectors, chain);
    } else {
        for (size_t i = 0; i < n; i++) {
            const uint8_t *from = vectors + byte_of(fold, i);
            for (size_t lane = 0; lane < lanes; lane++) {
                chain[lane * n + i] = from[lane];
            }
        }
    }
}

void kr_fold_pack_lanes(const kr_fold *fold, int32_t first, int32_t n_lanes,
                        const uint8_t *chain, uint8_t *vectors)
{
    size_t n = (size_t)fold->n_sites;
    for (size_t i = 0; i < n; i++) {
        uint8_t *to = vectors + byte_of(fold, i);
        for (int32_t lane = first; lane < first + n_lanes; lane++) {
            unsigned bit = 1U << lane % 8, up = chain[(size_t)(lane - first) * n + i];
            to[lane / 8] = (uint8_t)((to[lane / 8] & ~bit) | up << lane % 8);
        }
    }
}

void kr_fold_unpack_lanes(const kr_fold *fold, int32_t first, int32_t n_lanes,
                          const uint8_t *vectors, uint8_t *chain)
{
    size_t n = (size_t)fold->n_sites, byte[8];
    for (size_t i = 0; i < n; i += 8) {
        size_t m = n - i < 8 ? n - i : 8;
        for (size_t s = 0; s < m; s++) {
            byte[s] = byte_of(fold, i + s);
        }
        for (int32_t begin = first, end; begin < first + n_lanes; begin = end) {
            end = (begin / 8 + 1) * 8; /* lanes of one byte */
            end = end < first + n_lanes ? end : first + n_lanes;
            uint64_t bits = 0;
            for (size_t s = 0; s < m; s++) {
                bits |= (uint64_t)vectors[byte[s] + (size_t)begin / 8] << 8 * s;
            }
            for (int32_t lane = begin; lane < end; lane++) {
                uint64_t x = bits >> lane % 8 & UINT64_C(0x0101010101010101);
                memcpy(chain + (size_t)(lane - first) * n + i, &x, m);
            }
        }
    }
}
