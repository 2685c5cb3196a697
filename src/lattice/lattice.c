/* SPDX-License-Identifier: GPL-3.0-or-later
 * lattice/lattice.c - life cycle of a lattice; proper coloring and checked symmetries. */
#include "lattice/lattice.h"

#include "base/memory.h"

#include <stdlib.h>
#include <string.h>

/* ---- what a plug's fill may call ----------------------------------------------------------
 */

static int grow_bonds(kr_lattice *lattice, kr_error *err)
{
    /* the first guess fits a hypercubic box, so a box that memory cannot hold fails at once */
    size_t old = lattice->capacity_bonds, guess = (size_t)lattice->n_sites;
    size_t capacity =
        old == 0 ? guess * (size_t)(lattice->dim > 1 ? lattice->dim : 1) : 2 * old;
    int32_t *bond = kr_grow(lattice->bond, 2 * old, 2 * capacity, sizeof *bond, err);
    if (!bond) {
        return KR_ENOMEM;
    }
    lattice->bond = bond;
    int8_t *sign = kr_grow(lattice->bond_sign, old, capacity, 1, err);
    if (!sign) {
        return KR_ENOMEM;
    }
    lattice->bond_sign = sign;
    int8_t *axis = kr_grow(lattice->bond_axis, old, capacity, 1, err);
    if (!axis) {
        return KR_ENOMEM;
    }
    lattice->bond_axis = axis;
    lattice->capacity_bonds = capacity;
    return KR_OK;
}

int kr_lattice_add_bond(kr_lattice *lattice, int32_t i, int32_t j, int sign, int axis,
                        kr_error *err)
{
    int32_t n = lattice->n_sites;
    if (i < 0 || j < 0 || i >= n || j >= n || i == j) {
        return kr_fail(err, KR_EINVAL, "bond %d-%d: want two different sites of 0..%d", i, j,
                       n - 1);
    }
    if ((sign != 1 && sign != -1) || axis < 0 || axis > INT8_MAX) {
        return kr_fail(err, KR_EINVAL, "bond %d-%d: sign %d, axis %d, want +-1 and 0..127", i,
                       j, sign, axis);
    }
    if ((size_t)lattice->n_bonds == lattice->capacity_bonds) {
        KR_TRY(grow_bonds(lattice, err));
    }
    size_t b = (size_t)lattice->n_bonds++;
    lattice->bond[2 * b] = i;
    lattice->bond[2 * b + 1] = j;
    lattice->bond_sign[b] = (int8_t)sign;
    lattice->bond_axis[b] = (int8_t)axis;
    return KR_OK;
}

int kr_lattice_add_symmetry(kr_lattice *lattice, const int32_t *image, kr_error *err)
{
    size_t n = (size_t)lattice->n_sites, old = lattice->capacity_symmetries;
    if ((size_t)lattice->n_symmetries == old) {
        size_t capacity = 2 * old + 8;
        int32_t *grown = kr_grow(lattice->symmetry, old * n, capacity * n, sizeof *grown, err);
        if (!grown) {
            return KR_ENOMEM;
        }
        lattice->symmetry = grown;
        lattice->capacity_symmetries = capacity;
    }
    memcpy(lattice->symmetry + (size_t)lattice->n_symmetries++ * n, image, n * sizeof *image);
    return KR_OK;
}

/* ---- adjacency: one entry per bond end ----------------------------------------------------
 */

typedef struct adjacency {
    int64_t *begin; /* (n_sites + 1) */
    int64_t *key;   /* 2 * neighbor + (sign < 0), ascending per site */
    int64_t *work;  /* (largest degree) */
    int64_t degree; /* largest */
} adjacency;

static void adjacency_clear(adjacency *graph)
{
    kr_free(graph->work);
    kr_free(graph->key);
    kr_free(graph->begin);
}

static int compare_keys(const void *a, const void *b)
{
    int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;
    return (x > y) - (x < y);
}

/* Rows are short but on complete graphs. */
static void sort_keys(int64_t *key, int64_t n)
{
    if (n > 32) {
        qsort(key, (size_t)n, sizeof *key, compare_keys);
        return;
    }
    for (int64_t k = 1; k < n; k++) {
        int64_t x = key[k], at = k;
        for (; at > 0 && key[at - 1] > x; at--) {
            key[at] = key[at - 1];
        }
        key[at] = x;
    }
}

static void adjacency_fill(adjacency *graph, const kr_lattice *lattice)
{
    int64_t *begin = graph->begin;
    for (int64_t e = 0; e < 2 * lattice->n_bonds; e++) {
        begin[lattice->bond[e] + 1]++;
    }
    for (int32_t i = 0; i < lattice->n_sites; i++) {
        graph->degree = begin[i + 1] > graph->degree ? begin[i + 1] : graph->degree;
        begin[i + 1] += begin[i];
    }
    /* begin[i] walks to the end of the row of i, then all rows are shifted back by one */
    for (int64_t b = 0; b < lattice->n_bonds; b++) {
        int32_t i = lattice->bond[2 * b], j = lattice->bond[2 * b + 1];
        graph->key[begin[i]++] = 2 * (int64_t)j + (lattice->bond_sign[b] < 0);
        graph->key[begin[j]++] = 2 * (int64_t)i + (lattice->bond_sign[b] < 0);
    }
    memmove(begin + 1, begin, (size_t)lattice->n_sites * sizeof *begin);
    begin[0] = 0;
    for (int32_t i = 0; i < lattice->n_sites; i++) {
        sort_keys(graph->key + begin[i], begin[i + 1] - begin[i]);
    }
}

static int adjacency_init(adjacency *graph, const kr_lattice *lattice, kr_error *err)
{
    *graph = (adjacency){ 0 };
    graph->begin = kr_alloc((size_t)lattice->n_sites + 1, sizeof *graph->begin, err);
    graph->key = kr_alloc(2 * (size_t)lattice->n_bonds, sizeof *graph->key, err);
    if (!graph->begin || !graph->key) {
        adjacency_clear(graph);
        return KR_ENOMEM;
    }
    adjacency_fill(graph, lattice);
    graph->work = kr_alloc((size_t)graph->degree, sizeof *graph->work, err);
    if (!graph->work) {
        adjacency_clear(graph);
        return KR_ENOMEM;
    }
    return KR_OK;
}

/* ---- coloring -----------------------------------------------------------------------------
 */

/* Two colors by breadth-first search; false when some component has an odd cycle. */
static bool color_bipartite(kr_lattice *lattice, const adjacency *graph, int32_t *queue)
{
    int32_t *color = lattice->color;
    for (int32_t i = 0; i < lattice->n_sites; i++) {
        color[i] = -1;
    }
    for (int32_t root = 0; root < lattice->n_sites; root++) {
        if (color[root] >= 0) {
            continue;
        }
        int32_t head = 0, tail = 0;
        queue[tail++] = root;
        color[root] = 0;
        while (head < tail) {
            int32_t i = queue[head++];
            for (int64_t k = graph->begin[i]; k < graph->begin[i + 1]; k++) {
                int32_t j = (int32_t)(graph->key[k] / 2);
                if (color[j] == color[i]) {
                    return false;
                }
                if (color[j] < 0) {
                    color[j] = 1 - color[i];
                    queue[tail++] = j;
                }
            }
        }
    }
    lattice->n_colors = lattice->n_bonds > 0 ? 2 : 1;
    return true;
}

/* Each site in turn takes the smallest color that no earlier neighbor has. */
static int color_greedy(kr_lattice *lattice, const adjacency *graph, kr_error *err)
{
    int32_t *user = kr_alloc((size_t)graph->degree + 1, sizeof *user, err);
    if (!user) {
        return KR_ENOMEM;
    }
    for (int64_t c = 0; c <= graph->degree; c++) {
        user[c] = -1;
    }
    lattice->n_colors = 0;
    for (int32_t i = 0; i < lattice->n_sites; i++) {
        for (int64_t k = graph->begin[i]; k < graph->begin[i + 1]; k++) {
            int32_t j = (int32_t)(graph->key[k] / 2);
            if (j < i) {
                user[lattice->color[j]] = i;
            }
        }
        int32_t c = 0;
        while (user[c] == i) {
            c++;
        }
        lattice->color[i] = c;
        lattice->n_colors = c + 1 > lattice->n_colors ? c + 1 : lattice->n_colors;
    }
    kr_free(user);
    return KR_OK;
}

static int find_colors(kr_lattice *lattice, const adjacency *graph, kr_error *err)
{
    size_t n = (size_t)lattice->n_sites;
    lattice->color = kr_alloc(n, sizeof *lattice->color, err);
    int32_t *queue = kr_alloc(n, sizeof *queue, err);
    int status = lattice->color && queue ? KR_OK : KR_ENOMEM;
    if (status == KR_OK && !color_bipartite(lattice, graph, queue)) {
        status = color_greedy(lattice, graph, err);
    }
    kr_free(queue);
    return status;
}

/* ---- symmetries ---------------------------------------------------------------------------
 */

static bool is_permutation(const int32_t *image, int32_t n, uint8_t *seen)
{
    memset(seen, 0, (size_t)n);
    for (int32_t i = 0; i < n; i++) {
        if (image[i] < 0 || image[i] >= n || seen[image[i]]) {
            return false;
        }
        seen[image[i]] = 1;
    }
    return true;
}

static bool maps_bonds(const int32_t *image, int32_t n, adjacency *graph)
{
    for (int32_t i = 0; i < n; i++) {
        int64_t begin = graph->begin[i], there = graph->begin[image[i]];
        int64_t degree = graph->begin[i + 1] - begin;
        if (graph->begin[image[i] + 1] - there != degree) {
            return false;
        }
        for (int64_t k = 0; k < degree; k++) {
            int64_t key = graph->key[begin + k];
            graph->work[k] = 2 * (int64_t)image[key / 2] + key % 2;
        }
        sort_keys(graph->work, degree);
        if (memcmp(graph->work, graph->key + there, (size_t)degree * sizeof *graph->work)) {
            return false;
        }
    }
    return true;
}

bool kr_lattice_is_symmetry(const kr_lattice *lattice, const int32_t *image)
{
    adjacency graph;
    uint8_t *seen = kr_alloc((size_t)lattice->n_sites, 1, NULL);
    bool is_symmetry = false;
    if (seen && adjacency_init(&graph, lattice, NULL) == KR_OK) {
        is_symmetry = is_permutation(image, lattice->n_sites, seen) &&
                      maps_bonds(image, lattice->n_sites, &graph);
        adjacency_clear(&graph);
    }
    kr_free(seen);
    return is_symmetry;
}

/* Least common multiple of the cycle lengths; 0 when it does not fit 31 bits. */
static int32_t permutation_order(const int32_t *image, int32_t n, uint8_t *seen)
{
    int64_t order = 1;
    memset(seen, 0, (size_t)n);
    for (int32_t root = 0; root < n; root++) {
        int64_t length = 0;
        for (int32_t i = root; !seen[i]; i = image[i]) {
            seen[i] = 1;
            length++;
        }
        if (length == 0) {
            continue;
        }
        int64_t a = order, b = length;
        while (b != 0) {
            int64_t rest = a % b;
            a = b;
            b = rest;
        }
        order = order / a * length;
        if (order > INT32_MAX) {
            return 0;
        }
    }
    return (int32_t)order;
}

/* Keeps the candidates that are automorphisms other than the identity. */
static int keep_symmetries(kr_lattice *lattice, adjacency *graph, kr_error *err)
{
    size_t n = (size_t)lattice->n_sites;
    uint8_t *seen = kr_alloc(n, 1, err);
    lattice->symmetry_order =
        kr_alloc((size_t)lattice->n_symmetries, sizeof *lattice->symmetry_order, err);
    if (!seen || !lattice->symmetry_order) {
        kr_free(seen);
        return KR_ENOMEM;
    }
    int32_t n_kept = 0;
    for (int32_t g = 0; g < lattice->n_symmetries; g++) {
        const int32_t *image = lattice->symmetry + (size_t)g * n;
        if (!is_permutation(image, lattice->n_sites, seen) ||
            !maps_bonds(image, lattice->n_sites, graph)) {
            continue;
        }
        int32_t order = permutation_order(image, lattice->n_sites, seen);
        if (order > 1) {
            memmove(lattice->symmetry + (size_t)n_kept * n, image, n * sizeof *image);
            lattice->symmetry_order[n_kept++] = order;
        }
    }
    lattice->n_symmetries = n_kept;
    kr_free(seen);
    return KR_OK;
}

/* ---- life cycle ---------------------------------------------------------------------------
 */

static int check_extents(const kr_lattice *lattice, kr_error *err)
{
    if (lattice->dim < 1 || lattice->dim > KR_DIM_MAX) {
        return kr_fail(err, KR_EINVAL, "lattice %s: %d coordinates, want 1..%d", lattice->name,
                       lattice->dim, KR_DIM_MAX);
    }
    double product = 1.0;
    for (int32_t d = 0; d < lattice->dim; d++) {
        product *= lattice->extent[d];
    }
    if (lattice->n_sites < 1 || product != lattice->n_sites) {
        return kr_fail(err, KR_EINVAL, "lattice %s: %d sites, want the product of its sides",
                       lattice->name, lattice->n_sites);
    }
    return KR_OK;
}

static int finish(kr_lattice *lattice, kr_error *err)
{
    KR_TRY(check_extents(lattice, err));
    adjacency graph;
    KR_TRY(adjacency_init(&graph, lattice, err));
    int status = find_colors(lattice, &graph, err);
    if (status == KR_OK) {
        status = keep_symmetries(lattice, &graph, err);
    }
    adjacency_clear(&graph);
    return status;
}

kr_lattice *kr_lattice_alloc(const kr_lattice_plug *plug, const void *params, kr_error *err)
{
    kr_lattice *lattice = kr_alloc(1, sizeof *lattice, err);
    if (!lattice) {
        return NULL;
    }
    size_t length = strlen(plug->name);
    length = length < sizeof lattice->name ? length : sizeof lattice->name - 1;
    memcpy(lattice->name, plug->name, length);
    lattice->weight = 1.0;
    int status = plug->fill(params, lattice, err);
    if (status == KR_OK) {
        status = finish(lattice, err);
    }
    if (status != KR_OK) {
        kr_lattice_free(lattice);
        return NULL;
    }
    return lattice;
}

void kr_lattice_free(kr_lattice *lattice)
{
    if (lattice) {
        kr_free(lattice->symmetry_order);
        kr_free(lattice->symmetry);
        kr_free(lattice->color);
        kr_free(lattice->bond_axis);
        kr_free(lattice->bond_sign);
        kr_free(lattice->bond);
        kr_free(lattice);
    }
}

int32_t kr_lattice_site(const kr_lattice *lattice, const int32_t *coordinate)
{
    int32_t site = 0;
    for (int32_t d = lattice->dim - 1; d >= 0; d--) {
        site = site * lattice->extent[d] + coordinate[d];
    }
    return site;
}

void kr_lattice_coordinates(const kr_lattice *lattice, int32_t site, int32_t *coordinate)
{
    for (int32_t d = 0; d < lattice->dim; d++) {
        coordinate[d] = site % lattice->extent[d];
        site /= lattice->extent[d];
    }
}
