/* SPDX-License-Identifier: GPL-3.0-or-later
 * update/cluster_grow.c - growth of one cluster, without a branch on a random outcome.
 *
 * The list is the queue of sites whose bonds are still to be drawn, first in first out. Each
 * neighbor looked at is written behind the end of the queue and the end moves on by 0 or 1, so
 * that the processor never guesses whether a site joins; with a stack each step would wait for
 * the one before. Coins come in words of 64 (update/cluster_coin.h). Membership is bit 7 of the
 * state. A bond is drawn at most once, from the end that is worked off first.
 *
 * Source: Wolff, Phys. Rev. Lett. 62, 361 (1989). */
#include "update/cluster.h"

#include <math.h>
#include <string.h>

#if defined(__GNUC__)
#define ALWAYS inline __attribute__((always_inline))
#else
#define ALWAYS inline
#endif

enum { JOINED = 0x80 };

/* Words pay when the cluster will fill them: measured on the square lattice at T_c. In three
 * dimensions clusters are too thin. */
enum { FLOOD_LEAST = 192, FLOOD_SHARE = 32 };

int kr_growth_plan_init(kr_growth_plan *plan, const kr_clusters *clusters,
                        const kr_lattice *lattice, kr_isa isa, kr_error *err)
{
    kr_box box;
    bool has_opposite = false;
    *plan = (kr_growth_plan){ .clusters = clusters, .flood_from = INT32_MAX };
    for (int32_t k = 0; k < clusters->n_classes; k++) {
        has_opposite |= clusters->classes[k].has_opposite;
    }
    if (has_opposite || clusters->couplings.n != 1 || clusters->terms->q > JOINED ||
        (clusters->terms->has_local && !clusters->has_uniform_local) ||
        !kr_box_find(&box, lattice, clusters->terms) || box.dim != 2) {
        return KR_OK;
    }
    plan->flood = kr_flood_of(isa);
    plan->flood_from =
        box.n_sites / FLOOD_SHARE > FLOOD_LEAST ? box.n_sites / FLOOD_SHARE : FLOOD_LEAST;
    return kr_flood_plan_init(&plan->words, &box, err);
}

void kr_growth_plan_clear(kr_growth_plan *plan)
{
    kr_flood_plan_clear(&plan->words);
}

static size_t list_bytes(const kr_growth_plan *plan)
{
    return ((size_t)plan->clusters->terms->n_sites + 1) * sizeof(int32_t);
}

size_t kr_growth_bytes(const kr_growth_plan *plan)
{
    size_t marks = (size_t)plan->clusters->terms->n_sites;
    return list_bytes(plan) + (plan->flood ? kr_flood_bytes(&plan->words) : marks);
}

kr_growth kr_growth_begin(const kr_growth_plan *plan, void *scratch, kr_rng *rng)
{
    kr_growth growth = { .plan = plan, .list = scratch, .purse = { .rng = rng } };
    growth.mark = (uint8_t *)scratch + list_bytes(plan);
    growth.flood_scratch = growth.mark;
    if (plan->clusters->terms->q > JOINED) {
        memset(growth.mark, 0, (size_t)plan->clusters->terms->n_sites);
    }
    return growth;
}

/* ---- one bias, bonds between equal states only --------------------------------------------
 */

/* All sites of the cluster go from a to b. Those that wait in the queue are a + JOINED; those
 * worked off are b, which no bond leads to. Of the bonds looked at while a site is worked off,
 * `equal` join it to a state a, `opposite` to b: their difference is what the flip breaks. */
typedef struct tally {
    int64_t equal, opposite;
} tally;

/* Looks at the bond to j; returns whether j joins. */
static ALWAYS int32_t look(int32_t a, int32_t b, bool is_ising, int32_t j, uint8_t *s,
                           kr_purse *purse, tally *count)
{
    const int32_t v = s[j];
    const int32_t joins = kr_purse_take(purse, v == a);
    if (is_ising) {
        count->equal += v & 1; /* states up; sorted out at the end */
    } else {
        count->equal += (v & ~JOINED) == a;
        count->opposite += v == b;
    }
    s[j] = (uint8_t)(v | joins << 7);
    return joins;
}

/* Neighbor k of i on a periodic box with sides that are powers of two: forward, backward. */
static ALWAYS int32_t box_neighbor(const kr_bit_box *box, int32_t i, int32_t k)
{
    const int32_t mask = box->mask[k >> 1], step = box->step[k >> 1];
    return (i & ~mask) | ((k & 1 ? i - step : i + step) & mask);
}

/* kernel: z neighbors for every site (0: as many as the table has), from the bits of its number
 * or from the table. */
static ALWAYS int32_t grow_equal(const kr_clusters *clusters, int32_t z, bool is_box,
                                 bool is_ising, int32_t a, int32_t b, uint8_t *restrict s,
                                 kr_growth *growth, tally *total)
{
    const int32_t *restrict neighbor = clusters->terms->neighbor;
    const int64_t *restrict begin = clusters->terms->neighbor_begin;
    const kr_bit_box box = clusters->bit_box;
    int32_t *restrict list = growth->list;
    kr_purse purse = growth->purse;
    tally count = { 0, 0 };
    const int32_t enough = growth->plan->flood_from;
    int64_t looked = 0;
    int32_t n = 1, done = 0;
    for (; done < n && done < enough; done++) {
        const int32_t i = list[done];
        s[i] = (uint8_t)b;
        if (z > 0) {
            kr_purse_fill(&purse, z);
            for (int32_t k = 0; k < z; k++) {
                const int32_t j =
                    is_box ? box_neighbor(&box, i, k) : neighbor[(int64_t)z * i + k];
                list[n] = j;
                n += look(a, b, is_ising, j, s, &purse, &count);
            }
            looked += z;
        } else {
            for (int64_t k = begin[i]; k < begin[i + 1]; k++) {
                kr_purse_fill(&purse, 1);
                list[n] = neighbor[k];
                n += look(a, b, is_ising, neighbor[k], s, &purse, &count);
            }
            looked += begin[i + 1] - begin[i];
        }
    }
    if (is_ising) {
        count.equal = a ? count.equal : looked - count.equal;
        count.opposite = looked - count.equal;
    }
    *total = count;
    growth->purse = purse;
    growth->n_worked = done;
    return n;
}

static int32_t grow_equal_box(const kr_clusters *clusters, int32_t a, int32_t b, uint8_t *s,
                              kr_growth *growth, tally *total)
{
    if (clusters->terms->q == 2) {
        return clusters->degree == 4
                   ? grow_equal(clusters, 4, true, true, a, b, s, growth, total)
                   : grow_equal(clusters, 6, true, true, a, b, s, growth, total);
    }
    return clusters->degree == 4 ? grow_equal(clusters, 4, true, false, a, b, s, growth, total)
                                 : grow_equal(clusters, 6, true, false, a, b, s, growth, total);
}

static int32_t grow_equal_table(const kr_clusters *clusters, int32_t a, int32_t b, uint8_t *s,
                                kr_growth *growth, tally *total)
{
    if (clusters->degree == 4) {
        return clusters->terms->q == 2
                   ? grow_equal(clusters, 4, false, true, a, b, s, growth, total)
                   : grow_equal(clusters, 4, false, false, a, b, s, growth, total);
    }
    if (clusters->degree == 6) {
        return clusters->terms->q == 2
                   ? grow_equal(clusters, 6, false, true, a, b, s, growth, total)
                   : grow_equal(clusters, 6, false, false, a, b, s, growth, total);
    }
    return grow_equal(clusters, 0, false, false, a, b, s, growth, total);
}

/* ---- couplings of any sign and strength ---------------------------------------------------
 */

/* True with probability p, if it matters. */
static ALWAYS bool toss(kr_rng *rng, double p, bool matters)
{
#ifndef KR_RNG_ENUMERATE
    return (kr_rng_u64(rng) < (p < 1.0 ? (uint64_t)(p * 0x1p64) : UINT64_MAX)) & matters;
#else
    return matters && kr_rng_bernoulli(rng, p);
#endif
}

/* kernel: a member keeps JOINED until the end, because its new state may be one that a bond of
 * the other sign leads to. Sites in the queue are in their old state, those worked off in the
 * new one, so the energies of the bonds add up. */
static ALWAYS int32_t grow_signed(const kr_clusters *clusters, const kr_state_class *class,
                                  bool is_one_bias, int32_t a, int32_t b, uint8_t *restrict s,
                                  kr_growth *growth, double *delta)
{
    const int64_t *restrict begin = clusters->terms->neighbor_begin;
    const int32_t *restrict neighbor = clusters->terms->neighbor;
    const int32_t *restrict of = clusters->couplings.of;
    const double *restrict J = clusters->terms->J;
    int32_t *restrict list = growth->list;
    kr_purse purse = growth->purse;
    double sum = 0.0; /* of couplings, in units of D */
    int32_t n = 1;
    for (int32_t done = 0; done < n; done++) {
        const int32_t i = list[done], old = s[i] & ~JOINED, image = a ^ b ^ old;
        s[i] = (uint8_t)(image | JOINED);
        for (int64_t k = begin[i]; k < begin[i + 1]; k++) {
            const int32_t j = neighbor[k], v = s[j];
            const double p_equal = class->p_equal[of[k]], p_opposite = class->p_opposite[of[k]];
            const int32_t partner = J[k] * class->D < 0.0 ? image : old;
            int32_t joins;
            if (is_one_bias) {
                kr_purse_fill(&purse, 1);
                joins = kr_purse_take(&purse, v == partner);
            } else {
                joins = toss(purse.rng, p_equal + p_opposite, v == partner);
            }
            sum += J[k] * (((v & ~JOINED) == old) - ((v & ~JOINED) == image));
            list[n] = j;
            n += joins;
            s[j] = (uint8_t)(v | joins << 7);
        }
    }
    for (int32_t m = 0; m < n; m++) {
        s[list[m]] &= (uint8_t)~JOINED;
    }
    growth->purse = purse;
    *delta += sum * class->D;
    return n;
}

/* More than 128 states: membership is an array of its own. */
static int32_t grow_marked(const kr_clusters *clusters, const kr_state_class *class, int32_t a,
                           int32_t b, uint8_t *s, kr_growth *growth, double *delta)
{
    const kr_terms *terms = clusters->terms;
    int32_t n = 1;
    double sum = 0.0;
    growth->mark[growth->list[0]] = 1;
    for (int32_t done = 0; done < n; done++) {
        const int32_t i = growth->list[done], old = s[i], image = a ^ b ^ old;
        s[i] = (uint8_t)image;
        for (int64_t k = terms->neighbor_begin[i]; k < terms->neighbor_begin[i + 1]; k++) {
            const int32_t j = terms->neighbor[k], c = clusters->couplings.of[k];
            const bool is_equal = s[j] == old, is_opposite = s[j] == image;
            const double p = is_equal      ? class->p_equal[c]
                             : is_opposite ? class->p_opposite[c]
                                           : 0.0;
            sum += terms->J[k] * (is_equal - is_opposite);
            if (!growth->mark[j] && kr_rng_bernoulli(growth->purse.rng, p)) {
                growth->mark[j] = 1;
                growth->list[n++] = j;
            }
        }
    }
    for (int32_t m = 0; m < n; m++) {
        growth->mark[growth->list[m]] = 0;
    }
    *delta += sum * class->D;
    return n;
}

/* ---- entry points -------------------------------------------------------------------------
 */

/* The sites that wait in the list go on by words. */
static int64_t go_on(const kr_state_class *class, int32_t a, int32_t b, int32_t n, uint8_t *s,
                     kr_growth *growth, int64_t *broken)
{
    const kr_growth_plan *plan = growth->plan;
    if (!growth->flood.word) {
        growth->flood = kr_flood_begin(&plan->words, growth->flood_scratch);
    }
    growth->is_flooded = true;
    return plan->flood->grow(&plan->words, &class->coin, a, b, growth->list + growth->n_worked,
                             n - growth->n_worked, s, &growth->flood, growth->purse.rng,
                             broken);
}

int32_t kr_cluster_reflect(const kr_state_class *class, int32_t b, int32_t seed, uint8_t *s,
                           kr_growth *growth, double *delta)
{
    const kr_clusters *clusters = growth->plan->clusters;
    const int32_t a = s[seed];
    growth->list[0] = seed;
    growth->is_flooded = false;
    if (growth->purse.coin != &class->coin) { /* coins of another bias are of no use */
        growth->purse.coin = &class->coin;
        growth->purse.left = 0;
    }
    if (clusters->terms->q <= JOINED && class->is_one_bias && !class->has_opposite) {
        tally count;
        int32_t n = (clusters->bit_box.dim ? grow_equal_box : grow_equal_table)(
            clusters, a, b, s, growth, &count);
        int64_t size = n, broken = count.equal - count.opposite;
        if (growth->n_worked < n) {
            size = growth->n_worked + go_on(class, a, b, n, s, growth, &broken);
        }
        *delta += clusters->couplings.value[0] * (double)broken * class->D;
        return (int32_t)size;
    }
    if (clusters->terms->q > JOINED) {
        growth->n_worked = grow_marked(clusters, class, a, b, s, growth, delta);
    } else {
        s[seed] = (uint8_t)(a | JOINED);
        growth->n_worked = class->is_one_bias
                               ? grow_signed(clusters, class, true, a, b, s, growth, delta)
                               : grow_signed(clusters, class, false, a, b, s, growth, delta);
    }
    return growth->n_worked;
}

void kr_cluster_undo(int32_t a, int32_t b, uint8_t *s, const kr_growth *growth)
{
    for (int32_t m = 0; m < growth->n_worked; m++) {
        uint8_t *site = &s[growth->list[m]];
        *site = (uint8_t)(a ^ b ^ *site);
    }
    if (growth->is_flooded) {
        growth->plan->flood->undo(&growth->plan->words, a, b, s, &growth->flood);
    }
}

double kr_cluster_field(int32_t a, int32_t b, const uint8_t *s, const kr_growth *growth,
                        int32_t size)
{
    const kr_clusters *clusters = growth->plan->clusters;
    const kr_terms *terms = clusters->terms;
    if (clusters->has_uniform_local && !clusters->classes[clusters->class_of[a]].has_opposite) {
        return (terms->local[b] - terms->local[a]) * (double)size; /* all went from a to b */
    }
    double sum = 0.0;
    for (int32_t m = 0; m < size; m++) {
        int32_t i = growth->list[m];
        const double *local = terms->local + (size_t)i * (size_t)terms->q;
        sum += local[s[i]] - local[a ^ b ^ s[i]];
    }
    return sum;
}
