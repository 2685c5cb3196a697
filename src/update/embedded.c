/* SPDX-License-Identifier: GPL-3.0-or-later
 * update/embedded.c - cluster moves of real variables: the Ising model in their signs. */
#include "update/embedded.h"

#include "base/rng.h"

#include <math.h>
#include <string.h>

#define PI 3.14159265358979323846

int kr_embedded_init(kr_embedded *e, const char *update, const kr_target *target, kr_error *err)
{
    const kr_action *action = target->terms->action;
    *e = (kr_embedded){ action, target->beta };
    return action->neighbor_begin
               ? KR_OK
               : kr_fail(err, KR_EUNSUP,
                         "%s: the action of the model is not a bilinear form and potentials "
                         "that no change of sign alters, want update hmc",
                         update);
}

typedef struct growth {
    const kr_embedded *is;
    double *phi; /* of the lane */
    size_t stride;
    double axis;    /* r, of angles */
    int32_t *site;  /* (n_sites) of the cluster, in the order they joined */
    uint8_t *is_in; /* (n_sites) belongs to a cluster */
} growth;

size_t kr_embedded_bytes(const kr_embedded *e)
{
    return (size_t)e->action->n_sites * (sizeof(int32_t) + 1);
}

static growth begin(const kr_embedded *e, kr_block *block, int32_t lane, void *scratch)
{
    const size_t n = (size_t)e->action->n_sites;
    growth g = { .is = e,
                 .phi = block->phi + lane,
                 .stride = (size_t)block->stride,
                 .axis = e->action->is_angle ? PI * kr_rng_uniform(block->rng) : 0.0,
                 .site = scratch };
    g.is_in = (uint8_t *)(g.site + n);
    memset(g.is_in, 0, n);
    return g;
}

static double projection(const growth *g, int32_t i)
{
    const double phi = g->phi[(size_t)i * g->stride];
    return g->is->action->is_angle ? cos(phi - g->axis) : phi;
}

static void reflect(const growth *g, int32_t size)
{
    for (int32_t k = 0; k < size; k++) {
        double *phi = g->phi + (size_t)g->site[k] * g->stride;
        *phi = g->is->action->is_angle ? remainder(2.0 * g->axis + PI - *phi, 2.0 * PI) : -*phi;
    }
}

/* Grows the cluster of a seed into site; returns its size. A bond is tried once: from the end
 * that is looked at first, unless both are in by then. */
static int32_t grow(growth *g, int32_t seed, kr_rng *rng)
{
    const kr_action *a = g->is->action;
    int32_t size = 1;
    g->site[0] = seed;
    g->is_in[seed] = 1;
    for (int32_t k = 0; k < size; k++) {
        const int32_t i = g->site[k];
        const double pull = 2.0 * g->is->beta * projection(g, i);
        for (int64_t m = a->neighbor_begin[i]; m < a->neighbor_begin[i + 1]; m++) {
            const int32_t j = a->neighbor[m];
            if (g->is_in[j]) {
                continue;
            }
            const double gain = pull * a->coupling[m] * projection(g, j);
            if (gain > 0.0 && kr_rng_bernoulli(rng, 1.0 - exp(-gain))) {
                g->is_in[j] = 1;
                g->site[size++] = j;
            }
        }
    }
    return size;
}

/* What the reflection of the cluster adds to the field part of S. */
static double field_cost(const growth *g, int32_t size)
{
    const kr_action *a = g->is->action;
    const double along = a->is_angle ? cos(g->axis) : 1.0;
    double cost = 0.0;
    for (int32_t k = 0; k < size; k++) {
        cost += 2.0 * a->linear[g->site[k]] * along * projection(g, g->site[k]);
    }
    return cost;
}

/* The same of the bonds that leave it. */
static double bond_cost(const growth *g, int32_t size)
{
    const kr_action *a = g->is->action;
    double cost = 0.0;
    for (int32_t k = 0; k < size; k++) {
        const int32_t i = g->site[k];
        double pull = 0.0;
        for (int64_t m = a->neighbor_begin[i]; m < a->neighbor_begin[i + 1]; m++) {
            pull +=
                g->is_in[a->neighbor[m]] ? 0.0 : a->coupling[m] * projection(g, a->neighbor[m]);
        }
        cost += 2.0 * projection(g, i) * pull;
    }
    return cost;
}

void kr_embedded_wolff(const kr_embedded *e, kr_block *block, int32_t lane, int64_t n,
                       void *scratch, kr_tally *tally)
{
    for (int64_t k = 0; k < n; k++) {
        growth g = begin(e, block, lane, scratch);
        const int32_t seed = (int32_t)kr_rng_below(block->rng, (uint32_t)block->n_sites);
        const int32_t size = grow(&g, seed, block->rng);
        const double cost = field_cost(&g, size);
        tally->attempted[lane]++;
        if (kr_rng_bernoulli(block->rng, exp(-e->beta * cost))) {
            block->energy[lane] += cost + bond_cost(&g, size);
            reflect(&g, size);
            tally->accepted[lane]++;
            tally->changed[lane] += size;
        }
    }
}

void kr_embedded_swendsen_wang(const kr_embedded *e, kr_block *block, int32_t lane,
                               void *scratch, kr_tally *tally)
{
    growth g = begin(e, block, lane, scratch);
    for (int32_t seed = 0; seed < block->n_sites; seed++) {
        if (g.is_in[seed]) {
            continue;
        }
        const int32_t size = grow(&g, seed, block->rng);
        const double cost = field_cost(&g, size);
        tally->attempted[lane]++;
        if (kr_rng_bernoulli(block->rng, 1.0 / (1.0 + exp(e->beta * cost)))) {
            reflect(&g, size);
            tally->accepted[lane]++;
            tally->changed[lane] += size;
        }
    }
}
