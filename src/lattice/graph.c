/* SPDX-License-Identifier: GPL-3.0-or-later
 * lattice/graph.c - any graph, from a text file of its bonds.
 *
 * Rows `i j` of sites numbered from 0, # starts a comment; bonds keep the order of the file, so
 * a disorder file in the order of bonds runs parallel to it. Each pair once, in either order.
 * Without n_sites the largest number in the file is the last site. */
#include "lattice/lattice.h"

#include "base/memory.h"
#include "base/rows.h"

#include <stdlib.h>

#define LONELY_MOST     1000 /* sites without a bond taken as meant: so many */
#define LONELY_PER_BOND 10

typedef struct params {
    char file[KR_TEXT_MAX];
    int64_t n_sites;
} params;

static const kr_field fields[] = {
    { .name = "file",
      .type = KR_TYPE_TEXT,
      .offset = offsetof(params, file),
      .doc = "text file of bonds, one row `i j` each, sites counted from 0; a relative path is "
             "meant from the folder of the run file. Words are parted by blanks, tabs or "
             "commas; # "
             "starts a comment" },
    { .name = "n_sites",
      .type = KR_TYPE_INT,
      .offset = offsetof(params, n_sites),
      .fallback = "0",
      .min = 0,
      .max = INT32_MAX,
      .unit = "sites",
      .doc = "number of sites; 0: one more than the largest number in the file, which then may "
             "leave 1000 sites and 10 per bond without a bond" },
    KR_FIELD_END
};

typedef struct edge {
    int32_t low, high;
    int64_t line;
} edge;

typedef struct edges {
    edge *edge;
    size_t n, capacity;
} edges;

static int add_edge(edges *e, const kr_rows *in, int32_t i, int32_t j, kr_error *err)
{
    if (e->n == e->capacity) {
        size_t capacity = 2 * e->capacity + 256;
        edge *grown = kr_grow(e->edge, e->capacity, capacity, sizeof *grown, err);
        if (!grown) {
            return KR_ENOMEM;
        }
        e->edge = grown;
        e->capacity = capacity;
    }
    e->edge[e->n++] = (edge){ i < j ? i : j, i < j ? j : i, in->line };
    return KR_OK;
}

static int compare_edges(const void *a, const void *b)
{
    const edge *x = a, *y = b;
    if (x->low != y->low) {
        return x->low < y->low ? -1 : 1;
    }
    if (x->high != y->high) {
        return x->high < y->high ? -1 : 1;
    }
    return (x->line > y->line) - (x->line < y->line);
}

/* Reads all rows and adds them as they come. */
static int read_edges(kr_rows *in, const params *p, kr_lattice *lattice, edges *e,
                      kr_error *err)
{
    int32_t limit = p->n_sites > 0 ? (int32_t)p->n_sites : INT32_MAX, last = -1;
    int64_t last_line = 0;
    bool more;
    for (;;) {
        int32_t site[2];
        KR_TRY(kr_rows_next(in, &more, err));
        if (!more) {
            break;
        }
        if (in->n_words != 2) {
            return kr_rows_fail(in, err, "%d columns, want the two sites of a bond",
                                in->n_words);
        }
        KR_TRY(kr_rows_site(in, 0, limit, &site[0], err));
        KR_TRY(kr_rows_site(in, 1, limit, &site[1], err));
        if (site[0] == site[1]) {
            return kr_rows_fail(in, err, "bond %d %d joins a site to itself, want two sites",
                                site[0], site[1]);
        }
        KR_TRY(add_edge(e, in, site[0], site[1], err));
        for (int k = 0; k < 2; k++) {
            if (site[k] > last) {
                last = site[k];
                last_line = in->line;
            }
        }
    }
    if (e->n == 0) {
        return kr_rows_fail(in, err, "end of file, want at least one row `i j`");
    }
    if (p->n_sites == 0 && last > LONELY_MOST + LONELY_PER_BOND * (double)e->n) {
        in->line = last_line;
        return kr_rows_fail(in, err,
                            "site %d, but no more than %lld bonds, want sites counted "
                            "from 0 without large gaps, or n_sites with their number",
                            last, (long long)e->n);
    }
    lattice->dim = 1;
    lattice->n_sites = lattice->extent[0] = p->n_sites > 0 ? (int32_t)p->n_sites : last + 1;
    for (size_t k = 0; k < e->n; k++) {
        KR_TRY(kr_lattice_add_bond(lattice, e->edge[k].low, e->edge[k].high, 1, 0, err));
    }
    return KR_OK;
}

/* The first line of the file that repeats an earlier one. */
static int check_repeated(kr_rows *in, edges *e, kr_error *err)
{
    const edge *found = NULL;
    qsort(e->edge, e->n, sizeof *e->edge, compare_edges);
    for (size_t k = 1; k < e->n; k++) {
        const edge *x = &e->edge[k];
        if (x->low == x[-1].low && x->high == x[-1].high && (!found || x->line < found->line)) {
            found = x;
        }
    }
    if (!found) {
        return KR_OK;
    }
    in->line = found->line;
    return kr_rows_fail(in, err, "bond %d %d was given in line %lld already, want it once",
                        found->low, found->high, (long long)found[-1].line);
}

static int fill(const void *parameters, kr_lattice *lattice, kr_error *err)
{
    const params *p = parameters;
    edges e = { 0 };
    kr_rows in;
    if (!p->file[0]) {
        return kr_fail(err, KR_EINVAL,
                       "graph: file is empty, want the path of a file of bonds");
    }
    KR_TRY(kr_rows_open(&in, p->file, "bonds", err));
    int status = read_edges(&in, p, lattice, &e, err);
    if (status == KR_OK) {
        status = check_repeated(&in, &e, err);
    }
    kr_free(e.edge);
    kr_rows_close(&in);
    return status;
}

/* Without n_sites the file tells, later. */
static void count(const void *parameters, double *n_sites, double *n_bonds)
{
    *n_sites = (double)((const params *)parameters)->n_sites;
    *n_bonds = 0.0;
}

const kr_lattice_plug kr_lattice_graph = {
    .name = "graph",
    .doc = "any graph, from a text file of its bonds",
    .source = "the file",
    .fields = fields,
    .params_size = sizeof(params),
    .count = count,
    .fill = fill,
};
