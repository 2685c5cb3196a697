/* SPDX-License-Identifier: GPL-3.0-or-later
 * base/normals.h - standard normals in bulk, for updates and densities of real variables.
 *
 * Box and Muller, Ann. Math. Stat. 29, 610 (1958): pairs of words of a stream become pairs of
 * normals; the same bits on every instruction set. */
#ifndef KR_BASE_NORMALS_H
#define KR_BASE_NORMALS_H

#include "base/rng.h"

#define KR_NORMALS 16 /* made at a time */

/* Fills out (n, a multiple of KR_NORMALS) from the stream: n words of it. */
void kr_normals(kr_rng *rng, size_t n, double *out);

/* Kernels of the instruction sets: 8 pairs of words to 16 normals. */
void kr_normals_avx512(const uint64_t *words, double *out);
void kr_normals_avx2(const uint64_t *words, double *out);
void kr_normals_portable(const uint64_t *words, double *out);

#endif
