/* SPDX-License-Identifier: GPL-3.0-or-later
 * density/frontier_plan.c - drawing orders, what networks see, and which sites share one.
 *
 * The order from coarse to fine is that of multilevel sampling: Singha et al.,
 * arXiv:2503.08918, draw the last sites by the heat bath as done here. */
#include "density/frontier_plan.h"

#include "base/memory.h"
#include "base/state.h"
#include "lattice/lattice.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { NO_NET = -1, ENDS_PER_SITE = 2 * KR_DIM_MAX + 4 };

/* What the making of a plan needs beside it. */
typedef struct maker {
    kr_frontier_plan *plan;
    const kr_lattice *lattice;
    const kr_terms *terms;
    int32_t *last; /* (n_sites) place of the latest neighbor of a site, or its own; owns */
    int32_t *coordinate;      /* (n_sites, dim); owns */
    int64_t capacity;         /* of plan->site */
    kr_frontier_input *input; /* (n_sites) of the site at hand; owns */
    /* breadth-first search */
    int32_t *queue, *stamp; /* (n_sites); owns */
    /* levels */
    int32_t n_levels, power[KR_DIM_MAX]; /* of 2 in each extent, at most n_levels */
    int32_t *level;                      /* (n_sites) or NULL; owns */
    /* keys of sharing */
    double reach;        /* bonds, or spacings */
    int64_t *key;        /* of the site at hand; owns */
    size_t *key_begin;   /* (n_nets + 1) into plan->key; owns */
    size_t key_capacity; /* of plan->key */
    int32_t *table;      /* open addressing: network, or -1; owns */
    size_t n_slots;
} maker;

void kr_frontier_plan_clear(kr_frontier_plan *plan)
{
    kr_free(plan->given);
    kr_free(plan->key);
    kr_free(plan->owner);
    kr_free(plan->net);
    kr_free(plan->site);
    kr_free(plan->begin);
    kr_free(plan->rank);
    kr_free(plan->order);
    *plan = (kr_frontier_plan){ .n_sites = 0 };
}

int kr_frontier_plan_init(kr_frontier_plan *plan, int32_t n_sites, int32_t dim, kr_error *err)
{
    const size_t N = (size_t)n_sites;
    *plan = (kr_frontier_plan){ .n_sites = n_sites, .dim = dim };
    plan->order = kr_alloc(N, sizeof *plan->order, err);
    plan->rank = kr_alloc(N, sizeof *plan->rank, err);
    plan->begin = kr_alloc(N + 1, sizeof *plan->begin, err);
    plan->net = kr_alloc(N, sizeof *plan->net, err);
    plan->owner = kr_alloc(N, sizeof *plan->owner, err);
    return plan->order && plan->rank && plan->begin && plan->net && plan->owner ? KR_OK
                                                                                : KR_ENOMEM;
}

static int compare_inputs(const void *a, const void *b)
{
    const kr_frontier_input *x = a, *y = b;
    const int by_code = (x->code > y->code) - (x->code < y->code);
    return by_code ? by_code : (x->number > y->number) - (x->number < y->number);
}

void kr_frontier_sort(kr_frontier_input *input, int64_t n, int32_t *site)
{
    for (int64_t k = 0; k < n; k++) {
        input[k].number = (int32_t)k;
    }
    qsort(input, (size_t)n, sizeof *input, compare_inputs);
    for (int64_t k = 0; k < n; k++) {
        site[k] = input[k].site;
    }
}

static void maker_clear(maker *m)
{
    kr_free(m->table);
    kr_free(m->key_begin);
    kr_free(m->key);
    kr_free(m->level);
    kr_free(m->stamp);
    kr_free(m->queue);
    kr_free(m->input);
    kr_free(m->coordinate);
    kr_free(m->last);
}

/* lattice NULL: coordinates are not needed */
static int maker_init(maker *m, kr_frontier_plan *plan, const kr_terms *terms,
                      const kr_lattice *lattice, kr_error *err)
{
    const size_t N = (size_t)terms->n_sites, dim = lattice ? (size_t)lattice->dim : 0;
    *m = (maker){ .plan = plan, .lattice = lattice, .terms = terms };
    KR_TRY(kr_frontier_plan_init(plan, (int32_t)N, (int32_t)dim, err));
    for (size_t d = 0; d < dim; d++) {
        plan->open |= lattice->is_periodic[d] ? 0 : 1u << d;
    }
    m->last = kr_alloc(N, sizeof *m->last, err);
    m->coordinate = kr_alloc(N * dim, sizeof *m->coordinate, err);
    if (!m->last || !m->coordinate) {
        return KR_ENOMEM;
    }
    for (size_t i = 0; i < N; i++) {
        plan->order[i] = (int32_t)i;
        if (lattice) {
            kr_lattice_coordinates(lattice, (int32_t)i, m->coordinate + i * dim);
        }
    }
    return KR_OK;
}

/* From the order: places, and the place of the latest neighbor. */
static void rank_sites(maker *m)
{
    kr_frontier_plan *plan = m->plan;
    for (int32_t t = 0; t < plan->n_sites; t++) {
        plan->rank[plan->order[t]] = t;
    }
    for (int32_t j = 0; j < plan->n_sites; j++) {
        m->last[j] = plan->rank[j];
        for (int64_t k = m->terms->neighbor_begin[j]; k < m->terms->neighbor_begin[j + 1];
             k++) {
            const int32_t r = plan->rank[m->terms->neighbor[k]];
            m->last[j] = r > m->last[j] ? r : m->last[j];
        }
    }
}

/* True when j is in the frontier of i. */
static bool is_frontier(const maker *m, int32_t i, int32_t j)
{
    const int32_t t = m->plan->rank[i];
    return m->plan->rank[j] < t && m->last[j] > t;
}

/* True when no site drawn after i is a neighbor of i. */
static bool is_closed(const maker *m, int32_t i)
{
    return m->last[i] == m->plan->rank[i];
}

static int push_input(maker *m, int64_t *n, int32_t j, kr_error *err)
{
    if (*n == m->capacity) {
        const int64_t capacity = 2 * m->capacity + 1024;
        int32_t *site =
            kr_grow(m->plan->site, (size_t)m->capacity, (size_t)capacity, sizeof *site, err);
        if (!site) {
            return KR_ENOMEM;
        }
        m->plan->site = site;
        m->capacity = capacity;
    }
    m->plan->site[(*n)++] = j;
    return KR_OK;
}

double kr_frontier_plan_count(const kr_target *target)
{
    const kr_terms *terms = target->terms;
    double n = 0.0;
    for (int32_t j = 0; j < terms->n_sites; j++) {
        int32_t last = j + 1;
        for (int64_t k = terms->neighbor_begin[j]; k < terms->neighbor_begin[j + 1]; k++) {
            last = terms->neighbor[k] > last ? terms->neighbor[k] : last;
        }
        n += last - j - 1; /* j is in the frontier of the sites between */
    }
    return n;
}

/* ---- what a network sees ------------------------------------------------------------------
 */

/* Distance of coordinate d of site j from that of i, the short way round. */
static int32_t offset(const maker *m, int32_t i, int32_t j, int32_t d)
{
    const int32_t dim = m->lattice->dim, side = m->lattice->extent[d];
    int32_t x = m->coordinate[j * dim + d] - m->coordinate[i * dim + d];
    if (m->lattice->is_periodic[d]) {
        x += x < -(side - 1) / 2 ? side : 0;
        x -= x > side / 2 ? side : 0;
    }
    return x;
}

static int32_t spacing(const maker *m, int32_t level, int32_t d)
{
    return 1 << (level < m->power[d] ? level : m->power[d]);
}

/* All offsets in one integer, in spacings of a level, of which they are multiples: the same on
 * a lattice of another size, and ascending in the same order at every level. */
static int64_t offset_code(const maker *m, int32_t i, int32_t j, int32_t level)
{
    const int32_t dim = m->lattice->dim, bits = dim < 2 ? 32 : 64 / dim;
    uint64_t code = 0;
    for (int32_t d = dim - 1; d >= 0; d--) {
        code = code << bits | ((uint64_t)(int64_t)(offset(m, i, j, d) / spacing(m, level, d)) &
                               (bits == 32 ? UINT32_MAX : (UINT64_C(1) << bits) - 1));
    }
    return (int64_t)code;
}

/* Sites of the frontier at most `window` bonds from i, by breadth-first search. */
static int see_ball(maker *m, int32_t i, int64_t window, int64_t *n, kr_error *err)
{
    const kr_terms *terms = m->terms;
    int32_t head = 0, end = 1, stop = 1;
    m->queue[0] = i;
    m->stamp[i] = i + 1;
    for (int64_t depth = 0; depth < window && head < end; depth++, stop = end) {
        for (; head < stop; head++) {
            const int32_t from = m->queue[head];
            for (int64_t k = terms->neighbor_begin[from]; k < terms->neighbor_begin[from + 1];
                 k++) {
                const int32_t j = terms->neighbor[k];
                if (m->stamp[j] == i + 1) {
                    continue;
                }
                m->stamp[j] = i + 1;
                m->queue[end++] = j;
                if (is_frontier(m, i, j)) {
                    KR_TRY(push_input(m, n, j, err));
                }
            }
        }
    }
    return KR_OK;
}

/* Sites of the frontier within m->reach spacings of the level of i. */
static int see_level(maker *m, int32_t i, int64_t *n, kr_error *err)
{
    const kr_lattice *lattice = m->lattice;
    const int32_t dim = lattice->dim, *x = m->coordinate + (size_t)i * (size_t)dim;
    int32_t u[KR_DIM_MAX], from[KR_DIM_MAX], to[KR_DIM_MAX];
    for (int32_t d = 0; d < dim; d++) {
        const int32_t s = spacing(m, m->level[i], d), side = lattice->extent[d] / s;
        const int32_t reach = (int32_t)m->reach, at = x[d] / s;
        const int32_t low = lattice->is_periodic[d] ? (side - 1) / 2 : at;
        const int32_t high = lattice->is_periodic[d] ? side / 2 : side - 1 - at;
        u[d] = from[d] = -(low < reach ? low : reach);
        to[d] = high < reach ? high : reach;
    }
    for (int32_t d = 0; d < dim;) {
        double square = 0.0;
        int32_t y[KR_DIM_MAX];
        for (d = 0; d < dim; d++) {
            square += (double)u[d] * u[d];
            y[d] = x[d] + u[d] * spacing(m, m->level[i], d) + lattice->extent[d];
            y[d] %= lattice->extent[d];
        }
        const int32_t j = kr_lattice_site(lattice, y);
        if (square <= m->reach * m->reach && is_frontier(m, i, j)) {
            KR_TRY(push_input(m, n, j, err));
        }
        for (d = 0; d < dim && ++u[d] > to[d]; d++) {
            u[d] = from[d];
        }
    }
    return KR_OK;
}

/* All of the frontier: j is in that of the sites drawn after j and before the latest neighbor.
 */
static int see_all(maker *m, int32_t i, int32_t *open, int32_t *n_open, int64_t *n,
                   kr_error *err)
{
    int32_t kept = 0;
    for (int32_t k = 0; k < *n_open; k++) {
        if (is_frontier(m, i, open[k])) {
            open[kept++] = open[k];
        }
    }
    for (int32_t k = 0; k < kept && !is_closed(m, i); k++) {
        KR_TRY(push_input(m, n, open[k], err));
    }
    open[kept++] = i;
    *n_open = kept;
    return KR_OK;
}

/* ---- sharing ------------------------------------------------------------------------------
 */

/* Orders the n inputs of site i by their offsets. */
static void sort_by_offset(const maker *m, int32_t i, int64_t n, int32_t *site)
{
    for (int64_t k = 0; k < n; k++) {
        m->input[k].code = offset_code(m, i, site[k], 0);
        m->input[k].site = site[k];
    }
    kr_frontier_sort(m->input, n, site);
}

static int64_t bits_of(double x)
{
    int64_t bits;
    memcpy(&bits, &x, sizeof bits);
    return bits;
}

/* Distance from an open end in spacings of a level, as far as a network can notice it. */
static int64_t end_distance(const maker *m, int32_t i, int32_t d, int32_t level, bool from_top)
{
    const int32_t x = m->coordinate[i * m->lattice->dim + d];
    const int32_t distance =
        (from_top ? m->lattice->extent[d] - 1 - x : x) / spacing(m, level, d);
    const double most = ceil(m->reach);
    return distance < most ? distance : (int64_t)most;
}

/* Everything by which networks of two sites may differ, in the order of kr_frontier_plan.key;
 * returns the length. The bonds of a site enter as sums of hashes: they come in another order
 * at another place. */
static size_t write_key(const maker *m, int32_t i, int64_t *key)
{
    const kr_terms *terms = m->terms;
    const kr_frontier_plan *plan = m->plan;
    const int32_t level = m->level ? m->level[i] : 0;
    size_t n = 0;
    key[n++] = level;
    for (int32_t d = 0; d < m->lattice->dim; d++) {
        if (!m->lattice->is_periodic[d]) {
            key[n++] = end_distance(m, i, d, level, false);
            key[n++] = end_distance(m, i, d, level, true);
        }
    }
    uint64_t bonds = 0, couplings = 0;
    for (int64_t k = terms->neighbor_begin[i]; k < terms->neighbor_begin[i + 1]; k++) {
        const int64_t bond[2] = { offset_code(m, i, terms->neighbor[k], 0),
                                  bits_of(terms->J[k]) };
        bonds += kr_state_hash(bond, sizeof *bond, 0);
        couplings += kr_state_hash(bond, sizeof bond, 0);
    }
    key[n++] = (int64_t)bonds;
    key[n++] = (int64_t)couplings;
    for (int32_t a = 0; a < terms->q; a++) {
        key[n++] = bits_of(terms->local[(size_t)i * (size_t)terms->q + (size_t)a]);
    }
    key[n++] = plan->begin[i + 1] - plan->begin[i];
    for (int64_t k = plan->begin[i]; k < plan->begin[i + 1]; k++) {
        key[n++] = offset_code(m, i, plan->site[k], level);
    }
    return n;
}

static int give_own_nets(maker *m)
{
    kr_frontier_plan *plan = m->plan;
    for (int32_t t = 0; t < plan->n_sites; t++) {
        const int32_t i = plan->order[t];
        plan->net[i] = NO_NET;
        if (!is_closed(m, i)) {
            plan->owner[plan->n_nets] = i;
            plan->net[i] = plan->n_nets++;
        }
    }
    return KR_OK;
}

/* The key of the newest network goes behind those of the others. */
static int keep_key(maker *m, size_t n, kr_error *err)
{
    kr_frontier_plan *plan = m->plan;
    if (plan->n_key + n > m->key_capacity) {
        const size_t capacity = 2 * m->key_capacity + n;
        int64_t *key = kr_grow(plan->key, m->key_capacity, capacity, sizeof *key, err);
        if (!key) {
            return KR_ENOMEM;
        }
        plan->key = key;
        m->key_capacity = capacity;
    }
    memcpy(plan->key + plan->n_key, m->key, n * sizeof *m->key);
    m->key_begin[plan->n_nets - 1] = plan->n_key;
    plan->n_key += n;
    m->key_begin[plan->n_nets] = plan->n_key;
    return KR_OK;
}

static bool has_key(const maker *m, int32_t net, size_t n)
{
    const size_t begin = m->key_begin[net];
    return m->key_begin[net + 1] - begin == n &&
           memcmp(m->key, m->plan->key + begin, n * sizeof *m->key) == 0;
}

static int share_nets(maker *m, kr_error *err)
{
    kr_frontier_plan *plan = m->plan;
    const size_t N = (size_t)plan->n_sites;
    m->key = kr_alloc((size_t)plan->n_most + ENDS_PER_SITE + (size_t)m->terms->q,
                      sizeof *m->key, err);
    m->key_begin = kr_alloc(N + 1, sizeof *m->key_begin, err);
    for (m->n_slots = 64; m->n_slots < 2 * N; m->n_slots *= 2) {
    }
    m->table = kr_alloc(m->n_slots, sizeof *m->table, err);
    if (!m->key || !m->key_begin || !m->table) {
        return KR_ENOMEM;
    }
    memset(m->table, -1, m->n_slots * sizeof *m->table);
    for (int32_t t = 0; t < plan->n_sites; t++) {
        const int32_t i = plan->order[t];
        plan->net[i] = NO_NET;
        if (is_closed(m, i)) {
            continue;
        }
        const size_t n = write_key(m, i, m->key);
        size_t slot = (size_t)kr_state_hash(m->key, n * sizeof *m->key, 1) & (m->n_slots - 1);
        while (m->table[slot] >= 0 && !has_key(m, m->table[slot], n)) {
            slot = (slot + 1) & (m->n_slots - 1);
        }
        if (m->table[slot] < 0) {
            m->table[slot] = plan->n_nets;
            plan->owner[plan->n_nets++] = i;
            KR_TRY(keep_key(m, n, err));
        }
        plan->net[i] = m->table[slot];
    }
    return KR_OK;
}

/* ---- plans --------------------------------------------------------------------------------
 */

/* begin of all sites from the inputs pushed in the order of the sites. */
static int see(maker *m, int64_t window, kr_error *err)
{
    kr_frontier_plan *plan = m->plan;
    const size_t N = (size_t)plan->n_sites;
    int32_t n_open = 0;
    int64_t n = 0;
    m->queue = kr_alloc(N + 1, sizeof *m->queue, err);
    m->stamp = kr_alloc(N, sizeof *m->stamp, err);
    m->input = kr_alloc(N, sizeof *m->input, err);
    if (!m->queue || !m->stamp || !m->input) {
        return KR_ENOMEM;
    }
    for (int32_t i = 0; i < plan->n_sites; i++) {
        plan->begin[i] = n;
        if (!m->level && window == 0) {
            KR_TRY(see_all(m, i, m->queue, &n_open, &n, err));
        } else if (!is_closed(m, i)) {
            KR_TRY(m->level ? see_level(m, i, &n, err) : see_ball(m, i, window, &n, err));
            sort_by_offset(m, i, n - plan->begin[i], plan->site + plan->begin[i]);
        }
        const int32_t seen = (int32_t)(n - plan->begin[i]);
        plan->n_most = seen > plan->n_most ? seen : plan->n_most;
    }
    plan->begin[N] = n;
    return KR_OK;
}

static int finish(maker *m, int status)
{
    maker_clear(m);
    if (status != KR_OK) {
        kr_frontier_plan_clear(m->plan);
    }
    return status;
}

static int make_raster(maker *m, int64_t window, kr_error *err)
{
    rank_sites(m);
    m->reach = (double)window;
    KR_TRY(see(m, window, err));
    return window == 0 ? give_own_nets(m) : share_nets(m, err);
}

int kr_frontier_plan_raster(kr_frontier_plan *plan, const kr_target *target, int64_t window,
                            kr_error *err)
{
    maker m;
    int status = maker_init(&m, plan, target->terms, window > 0 ? target->lattice : NULL, err);
    return finish(&m, status == KR_OK ? make_raster(&m, window, err) : status);
}

static int compare_keys(const void *a, const void *b)
{
    const int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;
    return (x > y) - (x < y);
}

/* Finds the level of a site: the coarsest lattice that has it. */
static int32_t find_level(const maker *m, int32_t i)
{
    const int32_t dim = m->lattice->dim;
    int32_t level = m->n_levels;
    for (int32_t d = 0; d < dim; d++) {
        while (level > 0 && m->coordinate[i * dim + d] % spacing(m, level, d) != 0) {
            level--;
        }
    }
    return level;
}

/* Place of a site within its level: sites that differ from the coarser lattice in an even
 * number of coordinates first, so that on a box the others, which are drawn last, touch only
 * sites drawn before. */
static int64_t class_of(const maker *m, int32_t i)
{
    const int32_t dim = m->lattice->dim, level = m->level[i];
    int32_t odd = 0, code = 0;
    for (int32_t d = 0; level < m->n_levels && d < dim; d++) {
        const int32_t s = spacing(m, level, d);
        const int32_t is_new = m->coordinate[i * dim + d] % spacing(m, level + 1, d) != 0;
        odd ^= is_new && s < spacing(m, level + 1, d);
        code = 2 * code + is_new;
    }
    return (int64_t)odd << KR_DIM_MAX | code;
}

static int make_levels(maker *m, double radius, kr_error *err)
{
    const size_t N = (size_t)m->plan->n_sites;
    m->reach = radius;
    m->level = kr_alloc(N, sizeof *m->level, err);
    int64_t *key = kr_alloc(N, sizeof *key, err);
    if (!m->level || !key) {
        kr_free(key);
        return KR_ENOMEM;
    }
    for (int32_t d = 0; d < m->lattice->dim; d++) {
        m->power[d] = __builtin_ctz((unsigned)m->lattice->extent[d]);
        m->n_levels = m->power[d] > m->n_levels ? m->power[d] : m->n_levels;
    }
    for (size_t i = 0; i < N; i++) {
        m->level[i] = find_level(m, (int32_t)i);
        const int64_t place = (int64_t)(m->n_levels - m->level[i]) << (KR_DIM_MAX + 1);
        key[i] = (place | class_of(m, (int32_t)i)) * (int64_t)N + (int64_t)i;
    }
    qsort(key, N, sizeof *key, compare_keys);
    for (size_t t = 0; t < N; t++) {
        m->plan->order[t] = (int32_t)(key[t] % (int64_t)N);
    }
    kr_free(key);
    rank_sites(m);
    KR_TRY(see(m, 0, err));
    return share_nets(m, err);
}

int kr_frontier_plan_levels(kr_frontier_plan *plan, const kr_target *target, double radius,
                            kr_error *err)
{
    maker m;
    int status = maker_init(&m, plan, target->terms, target->lattice, err);
    return finish(&m, status == KR_OK ? make_levels(&m, radius, err) : status);
}
