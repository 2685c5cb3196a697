/* SPDX-License-Identifier: GPL-3.0-or-later
 * base/rng_enumerate.c - depth-first walk of the tree of all draws.
 *
 * A path is the list of branches taken, one node per draw that had more than one branch of
 * positive probability. Replaying the path and opening the first branch of every new draw gives
 * the next leaf; kr_rng_enumerate_next cuts the path back to its deepest node with a sibling
 * left and steps to that sibling. Streams that carry no tree draw as in production, so set-up
 * code (disorder, fresh weights) is not affected. */

/* The production draws under other names, for streams without a tree. */
#undef KR_RNG_ENUMERATE
#define kr_rng_u64             plain_u64
#define kr_rng_uniform         plain_uniform
#define kr_rng_bernoulli       plain_bernoulli
#define kr_rng_below           plain_below
#define kr_rng_categorical     plain_categorical
#define kr_rng_integer_weights plain_integer_weights
#define kr_rng_bernoulli_lanes plain_bernoulli_lanes
#include "base/rng.h"
#undef kr_rng_u64
#undef kr_rng_uniform
#undef kr_rng_bernoulli
#undef kr_rng_below
#undef kr_rng_categorical
#undef kr_rng_integer_weights
#undef kr_rng_bernoulli_lanes

#include "base/memory.h"
#include "base/rng_enumerate.h"

#include <math.h>
#include <string.h>

/* n_used of a stream that carries a tree; its address is in buffer[0]. */
#define CARRIES_TREE UINT64_MAX

typedef struct node {
    int32_t branch;  /* taken now */
    int32_t sibling; /* next branch of positive probability, -1 = none */
} node;

struct kr_rng_tree {
    node *path;
    size_t capacity, length; /* nodes stored */
    size_t depth;            /* draws made since the path began */
    double weight;
};

kr_rng_tree *kr_rng_tree_alloc(void)
{
    enum { FIRST_CAPACITY = 256 };
    kr_rng_tree *tree = kr_alloc(1, sizeof *tree, NULL);
    if (!tree) {
        return NULL;
    }
    tree->path = kr_alloc(FIRST_CAPACITY, sizeof *tree->path, NULL);
    if (!tree->path) {
        kr_free(tree);
        return NULL;
    }
    tree->capacity = FIRST_CAPACITY;
    tree->weight = 1.0;
    return tree;
}

void kr_rng_tree_free(kr_rng_tree *tree)
{
    if (tree) {
        kr_free(tree->path);
        kr_free(tree);
    }
}

void kr_rng_enumerate_begin(kr_rng *rng, kr_rng_tree *tree)
{
    uint64_t address = (uint64_t)(uintptr_t)tree;
    rng->buffer[0] = address;
    rng->n_used = CARRIES_TREE;
    tree->length = tree->depth = 0;
    tree->weight = 1.0;
}

double kr_rng_enumerate_weight(const kr_rng_tree *tree)
{
    return tree->weight;
}

bool kr_rng_enumerate_next(kr_rng_tree *tree)
{
    tree->length = tree->depth;
    while (tree->length > 0 && tree->path[tree->length - 1].sibling < 0) {
        tree->length--;
    }
    tree->depth = 0;
    tree->weight = 1.0;
    if (tree->length == 0) {
        return false;
    }
    tree->path[tree->length - 1].branch = tree->path[tree->length - 1].sibling;
    return true;
}

static kr_rng_tree *tree_of(const kr_rng *rng)
{
    return rng->n_used == CARRIES_TREE ? (kr_rng_tree *)(uintptr_t)rng->buffer[0] : NULL;
}

/* The branch recorded for this draw, or the first one when the draw is new. */
static int32_t recorded(const kr_rng_tree *tree, int32_t first)
{
    return tree->depth < tree->length ? tree->path[tree->depth].branch : first;
}

/* Notes that this draw took branch with probability p and which sibling is left. */
static void take(kr_rng_tree *tree, int32_t branch, int32_t sibling, double p)
{
    if (tree->depth == tree->capacity) {
        node *grown =
            kr_grow(tree->path, tree->capacity, 2 * tree->capacity, sizeof *grown, NULL);
        if (!grown) {
            tree->weight =
                NAN; /* the path cannot be continued: no weight rather than a wrong one */
            return;
        }
        tree->path = grown;
        tree->capacity *= 2;
    }
    tree->path[tree->depth].branch = branch;
    tree->path[tree->depth].sibling = sibling;
    tree->depth++;
    tree->weight *= p;
}

bool kr_rng_bernoulli(kr_rng *rng, double p)
{
    kr_rng_tree *tree = tree_of(rng);
    if (!tree) {
        return plain_bernoulli(rng, p);
    }
    if (p >= 1.0 || !(p > 0.0)) {
        return p >= 1.0;
    }
    int32_t branch = recorded(tree, 0);
    take(tree, branch, branch == 0 ? 1 : -1, branch ? p : 1.0 - p);
    return branch;
}

uint32_t kr_rng_below(kr_rng *rng, uint32_t n)
{
    kr_rng_tree *tree = tree_of(rng);
    if (!tree) {
        return plain_below(rng, n);
    }
    if (n <= 1) {
        return 0;
    }
    int32_t branch = recorded(tree, 0);
    take(tree, branch, branch + 1 < (int32_t)n ? branch + 1 : -1, 1.0 / n);
    return (uint32_t)branch;
}

/* First index after a with positive weight, -1 = none. Exactly one of real, integer is given.
 */
static int32_t positive_after(const double *real, const uint32_t *integer, int32_t n, int32_t a)
{
    for (a++; a < n; a++) {
        if (real ? real[a] > 0.0 : integer[a] > 0) {
            return a;
        }
    }
    return -1;
}

static int32_t choose(kr_rng_tree *tree, const double *real, const uint32_t *integer,
                      double total, int32_t n)
{
    int32_t first = positive_after(real, integer, n, -1);
    if (positive_after(real, integer, n, first) < 0) {
        return first < 0 ? 0 : first; /* one outcome: no branch */
    }
    int32_t a = recorded(tree, first);
    take(tree, a, positive_after(real, integer, n, a), (real ? real[a] : integer[a]) / total);
    return a;
}

int32_t kr_rng_categorical(kr_rng *rng, const double *weight, int32_t n)
{
    kr_rng_tree *tree = tree_of(rng);
    if (!tree) {
        return plain_categorical(rng, weight, n);
    }
    double total = 0.0;
    for (int32_t a = 0; a < n; a++) {
        total += weight[a];
    }
    return choose(tree, weight, NULL, total, n);
}

int32_t kr_rng_integer_weights(kr_rng *rng, const uint32_t *weight, uint64_t total, int32_t n)
{
    kr_rng_tree *tree = tree_of(rng);
    if (!tree) {
        return plain_integer_weights(rng, weight, total, n);
    }
    return choose(tree, NULL, weight, (double)total, n);
}

void kr_rng_bernoulli_lanes(kr_rng *rng, int32_t n, const uint32_t *p, uint8_t *out)
{
    if (!tree_of(rng)) {
        plain_bernoulli_lanes(rng, n, p, out);
        return;
    }
    for (int32_t l = 0; l < n; l++) {
        out[l] = kr_rng_bernoulli(rng, p[l] * 0x1p-32);
    }
}

uint64_t kr_rng_u64(kr_rng *rng)
{
    kr_rng_tree *tree = tree_of(rng);
    if (!tree) {
        return plain_u64(rng);
    }
    kr_rng stream = *rng; /* a refill would overwrite the address */
    stream.n_used = KR_RNG_BUFFER;
    uint64_t word = plain_u64(&stream);
    memcpy(rng->s, stream.s, sizeof rng->s);
    tree->weight = NAN;
    return word;
}

double kr_rng_uniform(kr_rng *rng)
{
    return (double)(kr_rng_u64(rng) >> 11) * 0x1p-53;
}
