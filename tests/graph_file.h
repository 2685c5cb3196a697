/* SPDX-License-Identifier: GPL-3.0-or-later
 * tests/graph_file.h - writes files of bonds for the lattice `graph`. */
#ifndef KR_GRAPH_FILE_H
#define KR_GRAPH_FILE_H

#include "kr_test.h"

#include <stdio.h>

static inline void graph_write(const char *path, const char *text)
{
    FILE *file = fopen(path, "w");
    assert_non_null(file);
    assert_true(fputs(text, file) >= 0);
    assert_int_equal(fclose(file), 0);
}

/* Not bipartite, regular, 10 sites, 15 bonds. */
static const char graph_petersen[] = "# Petersen graph\n0 1\n1 2\n2 3\n3 4\n4 0\n"
                                     "5 7\n7 9\n9 6\n6 8\n8 5\n"
                                     "0 5\n1 6\n2 7\n3 8\n4 9\n";
/* A triangle with a tail. */
static const char graph_tail[] = "0 1\n1 2\n2 0\n2 3\n";

#endif
