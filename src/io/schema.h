/* SPDX-License-Identifier: GPL-3.0-or-later
 * io/schema.h - what a result set keeps in memory; shared by results.c (which fills it) and
 * write.c (which writes it). Private to io. */
#ifndef KR_IO_SCHEMA_H
#define KR_IO_SCHEMA_H

#include "io/results.h"

typedef struct kr_result_attr {
    int group;
    char *variable; /* "" = the group itself */
    char *name;
    char *text; /* NULL: a number */
    double real;
} kr_result_attr;

typedef struct kr_result_dim {
    int group;
    char *name;
    int64_t length; /* 0 = growing */
    double *values; /* (length) or NULL for 0, 1, 2, ... */
    int64_t start;  /* growing: number of the first buffered slab */
    int variable;   /* variable that holds the coordinate, or -1 */
} kr_result_dim;

typedef struct kr_result_variable {
    int group;
    char *name;
    kr_dtype dtype;
    int n_dims, dim[KR_DIMS_MAX];
    int axis;            /* the growing one, or -1 */
    size_t outer, inner; /* values of a slab before and after the growing axis */
    size_t slab_bytes;   /* fixed variables: of the whole */
    unsigned char *data; /* slabs one after the other, or the value of a fixed variable */
    size_t n, capacity;  /* slabs; a fixed variable that was put has n = 1 */
} kr_result_variable;

struct kr_results {
    char **groups; /* groups[0] = "" */
    int n_groups, n_dims, n_variables, n_attrs;
    kr_result_dim *dims;
    kr_result_variable *variables;
    kr_result_attr *attrs;
    size_t image_bytes; /* files up to this size are built in memory */
};

/* Index of a variable of a group, -1 when there is none. */
int kr_results_find(const kr_results *r, int group, const char *name);
/* Index of a dim of a group whose name is the first length bytes; -1 when there is none. */
int kr_results_find_dim(const kr_results *r, int group, const char *name, size_t length);

#endif
