/* SPDX-License-Identifier: GPL-3.0-or-later
 * update/cluster_graph.c - Swendsen-Wang steps on any graph, bond by bond.
 *
 * Bonds are looked at in batches: which of them may be kept, a coin for each, then the unions
 * of those that were. Nothing branches on whether one bond is kept.
 * Source: Swendsen, Wang, Phys. Rev. Lett. 58, 86 (1987); reflection: Wang, Swendsen, Kotecky,
 * Phys. Rev. Lett. 63, 109 (1989). */
#include "update/cluster_graph.h"

#include "base/memory.h"
#include "model/count.h"
#include "update/cluster_label.h"

#include <math.h>
#include <string.h>

#ifdef KR_RNG_ENUMERATE
enum { BATCH = 1 }; /* so that bonds within a cluster need no branch */
#else
enum { BATCH = 64 };
#endif

typedef struct work {
    uint32_t *parent; /* (n_sites) */
    uint32_t *next;   /* (n_sites) next member of the cluster, by root the first; or sizes */
    double *cost;     /* (n_sites) by root: reflection in a field */
    uint8_t *color;   /* (n_sites) by root: new state, or whether it is reflected */
} work;

/* ---- plan ---------------------------------------------------------------------------------
 */

static void list_bonds(kr_graph_plan *plan)
{
    const kr_terms *terms = plan->clusters->terms;
    int64_t n = 0;
    for (int32_t i = 0; i < terms->n_sites; i++) {
        for (int64_t k = terms->neighbor_begin[i]; k < terms->neighbor_begin[i + 1]; k++) {
            if (terms->neighbor[k] < i) {
                plan->bond[2 * n] = i;
                plan->bond[2 * n + 1] = terms->neighbor[k];
                plan->coupling[n++] = plan->clusters->couplings.of[k];
            }
        }
    }
    plan->n_bonds = n;
}

static int32_t list_exchanges(const kr_clusters *clusters, int32_t *exchange)
{
    int32_t n = 0;
    for (int32_t k = 0; k < clusters->n_classes; k++) {
        const int32_t *member = clusters->member + clusters->classes[k].begin;
        for (int32_t a = 0; a < clusters->classes[k].n; a++) {
            for (int32_t b = 0; b < a; b++, n++) {
                if (exchange) {
                    exchange[2 * n] = member[a];
                    exchange[2 * n + 1] = member[b];
                }
            }
        }
    }
    return n;
}

int kr_graph_plan_init(kr_graph_plan *plan, const kr_clusters *clusters, bool is_reflection,
                       kr_error *err)
{
    size_t most = (size_t)clusters->terms->neighbor_begin[clusters->terms->n_sites] / 2;
    *plan = (kr_graph_plan){ .clusters = clusters, .is_reflection = is_reflection };
    plan->n_exchanges = list_exchanges(clusters, NULL);
    plan->bond = kr_alloc(2 * most, sizeof *plan->bond, err);
    plan->coupling = kr_alloc(most, sizeof *plan->coupling, err);
    plan->exchange = kr_alloc(2 * (size_t)plan->n_exchanges, sizeof *plan->exchange, err);
    if (!plan->bond || !plan->coupling || !plan->exchange) {
        kr_graph_plan_clear(plan);
        return KR_ENOMEM;
    }
    list_bonds(plan);
    list_exchanges(clusters, plan->exchange);
    return KR_OK;
}

void kr_graph_plan_clear(kr_graph_plan *plan)
{
    kr_free(plan->bond);
    kr_free(plan->coupling);
    kr_free(plan->exchange);
    memset(plan, 0, sizeof *plan);
}

size_t kr_graph_bytes(const kr_graph_plan *plan)
{
    size_t n = (size_t)plan->clusters->terms->n_sites;
    return n * (sizeof(double) + 2 * sizeof(uint32_t) + 1);
}

static work lay_out(int32_t n_sites, void *scratch)
{
    size_t n = (size_t)n_sites;
    work w = { .cost = scratch };
    w.parent = (uint32_t *)(w.cost + n);
    w.next = w.parent + n;
    w.color = (uint8_t *)(w.next + n);
    return w;
}

/* ---- bonds --------------------------------------------------------------------------------
 */

/* Of the exchange (a b), or a < 0 for clusters of equal states. */
typedef struct kr_rule {
    const kr_state_class *class;
    int32_t a, b;
} kr_rule;

/* Whether bond m may be kept: it is satisfied, between states that take part. */
static inline bool may_keep(const kr_graph_plan *plan, const kr_rule *rule, int64_t m,
                            const uint8_t *s)
{
    const int32_t x = s[plan->bond[2 * m]], y = s[plan->bond[2 * m + 1]];
    if (rule->a < 0) {
        return x == y;
    }
    const bool takes_part = (x == rule->a) | (x == rule->b);
    const double J = plan->clusters->couplings.value[plan->coupling[m]];
    const int32_t partner = J * rule->class->D < 0.0 ? rule->a ^ rule->b ^ x : x;
    return takes_part & (y == partner);
}

/* Which of the bonds m.. in lanes are kept. */
static uint64_t toss(const kr_graph_plan *plan, const kr_rule *rule, int64_t m, uint64_t lanes,
                     kr_rng *rng)
{
    if (rule->class->is_one_bias) {
        return kr_coin_toss(&rule->class->coin, lanes, rng);
    }
    uint64_t kept = 0;
    for (uint64_t rest = lanes; rest; rest &= rest - 1) {
        const int32_t c = plan->coupling[m + __builtin_ctzll(rest)];
        const double p = rule->class->p_equal[c] + rule->class->p_opposite[c];
        kept |= kr_rng_bernoulli(rng, p) ? rest & (0 - rest) : 0;
    }
    return kept;
}

/* kernel: labels from the kept bonds. */
static void join_all(const kr_graph_plan *plan, const kr_rule *rule, const uint8_t *s, work *w,
                     kr_rng *rng)
{
    for (int32_t i = 0; i < plan->clusters->terms->n_sites; i++) {
        w->parent[i] = (uint32_t)i;
    }
    for (int64_t m = 0; m < plan->n_bonds; m += BATCH) {
        const int64_t n = plan->n_bonds - m < BATCH ? plan->n_bonds - m : BATCH;
        uint64_t lanes = 0;
        for (int64_t k = 0; k < n; k++) {
            lanes |= (uint64_t)may_keep(plan, rule, m + k, s) << k;
        }
        const int32_t *bond = plan->bond + 2 * m;
        if (BATCH == 1 && kr_label_find(w->parent, (uint32_t)bond[0]) ==
                              kr_label_find(w->parent, (uint32_t)bond[1])) {
            lanes = 0;
        }
        for (uint64_t kept = toss(plan, rule, m, lanes, rng); kept; kept &= kept - 1) {
            const int k = __builtin_ctzll(kept);
            kr_label_unite(w->parent, (uint32_t)bond[2 * k], (uint32_t)bond[2 * k + 1]);
        }
    }
}

/* ---- new states ---------------------------------------------------------------------------
 */

/* parent of every site is its root, and next links the members of a cluster. */
static void flatten(int32_t n_sites, work *w)
{
    for (int32_t i = 0; i < n_sites; i++) {
        w->parent[i] = w->parent[w->parent[i]];
        w->next[i] = (uint32_t)n_sites;
    }
    for (int32_t i = n_sites - 1; i >= 0; i--) {
        uint32_t root = w->parent[i];
        if (root != (uint32_t)i) {
            w->next[i] = w->next[root];
            w->next[root] = (uint32_t)i;
        }
    }
}

/* State of the cluster of a root from its law given its single-site energies. */
static uint8_t draw_state(const kr_graph_plan *plan, const work *w, uint32_t root, kr_rng *rng)
{
    const kr_terms *terms = plan->clusters->terms;
    const int32_t q = terms->q;
    if (!terms->has_local) {
        return (uint8_t)kr_rng_below(rng, (uint32_t)q);
    }
    double e[KR_STATES_MAX] = { 0.0 };
    for (uint32_t i = root; i < (uint32_t)terms->n_sites; i = w->next[i]) {
        const double *local = terms->local + (size_t)i * (size_t)q;
        for (int32_t a = 0; a < q; a++) {
            e[a] += local[a];
        }
    }
    double low = e[0];
    for (int32_t a = 1; a < q; a++) {
        low = fmin(low, e[a]);
    }
    for (int32_t a = 0; a < q; a++) {
        e[a] = exp(-plan->clusters->beta * (e[a] - low));
    }
    return (uint8_t)kr_rng_categorical(rng, e, q);
}

static void draw_states(const kr_graph_plan *plan, uint8_t *s, work *w, kr_rng *rng,
                        kr_cluster_counts *counts)
{
    const int32_t n_sites = plan->clusters->terms->n_sites;
    if (plan->clusters->terms->has_local) {
        flatten(n_sites, w);
    }
    for (int32_t i = 0; i < n_sites; i++) {
        if (w->parent[i] == (uint32_t)i) {
            w->color[i] = draw_state(plan, w, (uint32_t)i, rng);
            counts->clusters++;
            counts->accepted += w->color[i] != s[i];
        } else {
            w->color[i] = w->color[w->parent[i]];
        }
        counts->changed += s[i] != w->color[i];
        s[i] = w->color[i];
    }
}

/* Each cluster of states a and b is reflected or not. */
static void reflect_some(const kr_graph_plan *plan, const kr_rule *rule, uint8_t *s, work *w,
                         kr_rng *rng, kr_cluster_counts *counts)
{
    const kr_terms *terms = plan->clusters->terms;
    for (int32_t i = 0; i < terms->n_sites && terms->has_local; i++) {
        const double *local = terms->local + (size_t)i * (size_t)terms->q;
        const bool takes_part = s[i] == rule->a || s[i] == rule->b;
        const uint32_t root = w->parent[i] = w->parent[w->parent[i]];
        w->cost[root] = root == (uint32_t)i ? 0.0 : w->cost[root];
        w->cost[root] += takes_part ? local[rule->a ^ rule->b ^ s[i]] - local[s[i]] : 0.0;
    }
    for (int32_t i = 0; i < terms->n_sites; i++) {
        const bool takes_part = s[i] == rule->a || s[i] == rule->b;
        if (w->parent[i] == (uint32_t)i && takes_part) {
            const double cost = terms->has_local ? w->cost[i] : 0.0;
            w->color[i] = kr_rng_bernoulli(rng, 1.0 / (1.0 + exp(plan->clusters->beta * cost)));
            counts->clusters++;
            counts->accepted += w->color[i];
        } else {
            w->color[i] = takes_part ? w->color[w->parent[i]] : 0;
        }
        counts->changed += w->color[i];
        s[i] = w->color[i] ? (uint8_t)(rule->a ^ rule->b ^ s[i]) : s[i];
    }
}

/* kernel: squares of the counts (cluster_label.h), before the states change. Parents become
 * roots: those of earlier sites are, so that two steps lead there. */
static double mean_square(const kr_graph_plan *plan, const kr_rule *rule, const uint8_t *s,
                          work *w)
{
    const kr_terms *terms = plan->clusters->terms;
    uint32_t *size = w->next;
    int64_t sum = 0, count[KR_STATES_MAX];
    for (int32_t i = 0; i < terms->n_sites; i++) {
        const bool takes_part = rule->a < 0 || s[i] == rule->a || s[i] == rule->b;
        const uint32_t root = w->parent[i] = w->parent[w->parent[i]];
        size[i] = 0; /* no branch on whether i is a root */
        const uint32_t before = size[root];
        size[root] = before + 1;
        sum += takes_part ? 2 * (int64_t)before + 1 : 0; /* (before + 1)^2 - before^2 */
    }
    if (rule->a < 0) {
        return (double)sum;
    }
    /* the sites in a or b, n of them, are shared out: n_a^2 + n_b^2 has mean (n^2 + sum)/2 */
    const double n_sites = terms->n_sites, q = terms->q;
    kr_count_chain(s, (size_t)terms->n_sites, (size_t)terms->q, count);
    const double n = (double)(count[rule->a] + count[rule->b]);
    double squares = 0.5 * (n * n + (double)sum);
    for (int32_t a = 0; a < terms->q; a++) {
        squares += a == rule->a || a == rule->b ? 0.0 : (double)count[a] * (double)count[a];
    }
    return (q * squares - n_sites * n_sites) / (q - 1.0);
}

static double energy_of(const kr_graph_plan *plan, const uint8_t *s)
{
    const kr_terms *terms = plan->clusters->terms;
    const size_t q = (size_t)terms->q;
    const double *J = plan->clusters->couplings.value;
    double sum = 0.0;
    for (int64_t m = 0; m < plan->n_bonds; m++) {
        sum += J[plan->coupling[m]] *
               terms->V[s[plan->bond[2 * m]] * q + s[plan->bond[2 * m + 1]]];
    }
    for (int32_t i = 0; i < terms->n_sites && terms->has_local; i++) {
        sum += terms->local[(size_t)i * q + s[i]];
    }
    return sum;
}

double kr_graph_steps(const kr_graph_plan *plan, int64_t n_steps, uint8_t *s, void *scratch,
                      kr_rng *rng, kr_cluster_counts *counts)
{
    const kr_clusters *clusters = plan->clusters;
    work w = lay_out(clusters->terms->n_sites, scratch);
    for (int64_t k = 0; k < n_steps; k++) {
        kr_rule rule = { .class = &clusters->classes[0], .a = -1 };
        if (plan->is_reflection) {
            const int32_t *pair =
                plan->exchange + 2 * kr_rng_below(rng, (uint32_t)plan->n_exchanges);
            rule.a = pair[0];
            rule.b = pair[1];
            rule.class = &clusters->classes[clusters->class_of[pair[0]]];
        }
        join_all(plan, &rule, s, &w, rng);
        counts->squares += counts->is_sized ? mean_square(plan, &rule, s, &w) : 0.0;
        if (plan->is_reflection) {
            reflect_some(plan, &rule, s, &w, rng, counts);
        } else {
            draw_states(plan, s, &w, rng, counts);
        }
    }
    return energy_of(plan, s);
}
