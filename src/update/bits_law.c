/* SPDX-License-Identifier: GPL-3.0-or-later
 * update/bits_law.c - probabilities of bit-coded spins as binary digits per class of local
 * field. */
#include "update/bits_kernels.h"

#include "base/memory.h"

#include <math.h>
#include <string.h>

/* Class a: the state up costs x in units of the temperature. */
static void set_class(kr_local_kind kind, kr_bits_law *law, int a, double x)
{
    double cost = fabs(x);
    double P =
        kind == KR_LOCAL_HEAT_BATH ? 1.0 / (1.0 + exp(cost)) : exp(-cost); /* <= 1/2, 1 */
    bool is_tie = P >= (kind == KR_LOCAL_HEAT_BATH ? 0.5 : 1.0);
    uint64_t digits = is_tie ? 0 : (uint64_t)ldexp(P, 64);
    law->favored[a] = x < 0.0 ? UINT64_MAX : 0;
    law->tie[a] = is_tie ? UINT64_MAX : 0;
    law->P[a] = digits;
    for (int j = 0; j < 64; j++) {
        law->threshold[j][a] = digits >> (63 - j) & 1 ? UINT64_MAX : 0;
    }
}

static void set_kinds(kr_bits_law *law, int n_classes)
{
    for (int j = 0; j < 64; j++) {
        const uint64_t *row = law->threshold[j];
        bool is_alike = true, is_odd = n_classes > 1;
        for (int a = 0; a < n_classes; a++) {
            is_alike &= row[a] == row[0];
            is_odd &= row[a] == row[a % 2];
        }
        bool was_zeros = j == 0 || law->kind[j - 1] == KR_BITS_ZEROS ||
                         law->kind[j - 1] == KR_BITS_ZEROS_STILL;
        law->kind[j] = (uint8_t)(is_alike ? row[0]      ? KR_BITS_ONES
                                            : was_zeros ? KR_BITS_ZEROS_STILL
                                                        : KR_BITS_ZEROS
                                 : is_odd ? row[1] ? KR_BITS_ODD : KR_BITS_EVEN
                                          : KR_BITS_MIXED);
    }
}

void kr_bits_law_make(kr_local_kind kind, double beta, double coupling, double field, int32_t z,
                      bool is_rim, kr_bits_law *law)
{
    int n_classes = (is_rim ? 2 * z : z) + 1;
    bool is_symmetric = field == 0.0 && !is_rim && (z == 4 || z == 6);
    if (is_symmetric) { /* the class without majority is no entry, others must be no ties */
        for (int a = 0; a < z / 2; a++) {
            set_class(kind, law, a, beta * coupling * (z - 2 * a));
            is_symmetric &= !law->tie[a];
        }
        law->favored[0] = beta * coupling < 0.0 ? UINT64_MAX : 0;
        law->scheme = z == 4 ? KR_BITS_SYMMETRIC_4 : KR_BITS_SYMMETRIC_6;
        set_kinds(law, z / 2);
    }
    if (!is_symmetric) {
        for (int a = 0; a < n_classes; a++) {
            set_class(kind, law, a, beta * (coupling * (is_rim ? z - a : z - 2 * a) + field));
        }
        law->scheme = is_rim || n_classes > 8 ? KR_BITS_COUNT_16
                      : n_classes > 5         ? KR_BITS_COUNT_8
                      : n_classes > 4         ? KR_BITS_COUNT_5
                                              : KR_BITS_COUNT_4;
        set_kinds(law, n_classes);
    }
}

/* A lane joins the law: the digits and numbers of its own, where the rest is alike. */
static int add_lane(kr_bits_law *law, const kr_bits_law *own, int32_t lane, kr_error *err)
{
    if (own->scheme != law->scheme ||
        memcmp(own->favored, law->favored, sizeof own->favored) != 0 ||
        memcmp(own->tie, law->tie, sizeof own->tie) != 0) {
        return kr_fail(err, KR_EUNSUP,
                       "temperatures at which other states are favored or even, want one law "
                       "up to its probabilities");
    }
    memcpy(law->lane_P + (size_t)lane * KR_BITS_CLASSES, own->P, sizeof own->P);
    for (size_t j = 0; j < KR_BITS_DIGITS; j++) {
        law->kind[j] = own->kind[j] == law->kind[j] ? law->kind[j] : (uint8_t)KR_BITS_MIXED;
        for (size_t a = 0; a < KR_BITS_CLASSES; a++) {
            uint64_t *row = law->lane_threshold + (j * KR_BITS_CLASSES + a) * 8;
            for (int32_t e = lane; e < 512; e += law->n_lanes) {
                row[e / 64] |= (own->threshold[j][a] & 1) << e % 64;
            }
        }
    }
    return KR_OK;
}

int kr_bits_law_make_lanes(kr_local_kind kind, const double *beta, int32_t n_beta,
                           int32_t n_lanes, double coupling, double field, int32_t z,
                           bool is_rim, kr_bits_law *law, kr_error *err)
{
    if (n_lanes > KR_BITS_LANES) {
        return kr_fail(err, KR_EUNSUP, "%d chains of several temperatures, want at most %d",
                       n_lanes, KR_BITS_LANES);
    }
    kr_bits_law_make(kind, beta[0], coupling, field, z, is_rim, law);
    law->n_lanes = n_lanes;
    law->lane_threshold =
        kr_alloc((size_t)KR_BITS_DIGITS * KR_BITS_CLASSES * 8, sizeof(uint64_t), err);
    law->lane_P = kr_alloc((size_t)n_lanes * KR_BITS_CLASSES, sizeof(uint64_t), err);
    if (!law->lane_threshold || !law->lane_P) {
        return KR_ENOMEM;
    }
    for (int32_t lane = 0; lane < n_lanes; lane++) {
        kr_bits_law own = { .n_lanes = 0 };
        kr_bits_law_make(kind, beta[lane < n_beta ? lane : n_beta - 1], coupling, field, z,
                         is_rim, &own);
        KR_TRY(add_lane(law, &own, lane, err));
    }
    if (law->scheme == KR_BITS_COUNT_4 || law->scheme == KR_BITS_COUNT_5) {
        law->scheme = KR_BITS_COUNT_8; /* fewer kernels */
    }
    return KR_OK;
}
