/* SPDX-License-Identifier: GPL-3.0-or-later
 * tests/graph_file.h - writes files of bonds for the lattice `graph`. */
#ifndef KR_GRAPH_FILE_H
#define KR_GRAPH_FILE_H

#include "kr_test.h"

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>

static inline void graph_write(const char *path, const char *text)
{
    FILE *file = fopen(path, "w");
    assert_non_null(file);
    assert_true(fputs(text, file) >= 0);
    assert_int_equal(fclose(file), 0);
}

/* n_bonds pairs of n <= 65536 sites, drawn by a fixed recurrence of the given seed; none twice.
 * Bipartite: even sites are bound to odd ones. */
static inline void graph_write_random(const char *path, uint32_t n, int n_bonds, uint32_t seed,
                                      bool is_bipartite)
{
    FILE *file = fopen(path, "w");
    uint8_t *seen = calloc((size_t)n * n, 1);
    uint64_t x = seed;
    assert_non_null(file);
    while (n_bonds > 0) {
        x = x * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
        uint32_t i = (uint32_t)(x >> 48) % n, j = (uint32_t)(x >> 32 & 0xffff) % n;
        if (i != j && !seen[i * n + j] && !(is_bipartite && (i + j) % 2 == 0)) {
            seen[i * n + j] = seen[j * n + i] = 1;
            fprintf(file, "%u %u\n", i, j);
            n_bonds--;
        }
    }
    free(seen);
    assert_int_equal(fclose(file), 0);
}

/* Not bipartite, regular, 10 sites, 15 bonds. */
static const char graph_petersen[] = "# Petersen graph\n0 1\n1 2\n2 3\n3 4\n4 0\n"
                                     "5 7\n7 9\n9 6\n6 8\n8 5\n"
                                     "0 5\n1 6\n2 7\n3 8\n4 9\n";
/* A triangle with a tail. */
static const char graph_tail[] = "0 1\n1 2\n2 0\n2 3\n";

#endif
