/* SPDX-License-Identifier: GPL-3.0-or-later
 * density/frontier_block.c - plug: a network for a block of sites given all others.
 *
 * On lattices too large for a network a block of it is not: what a block depends on are the
 * sites that touch it. The sites outside of the block come first in the order and have no
 * network, so that q is a law of the whole lattice (theirs is the exact local field of earlier
 * neighbors); those of the block follow, and the frontier of each (frontier.h) begins with all
 * that touches the block. Used are the tails that begin with the block (KR_DENSITY_BLOCK).
 *
 * What tells the networks apart is counted from the corner of the block, so that the same block
 * of another lattice takes them over whatever its size.
 * Wu, Wang, Zhang, Phys. Rev. Lett. 122, 080602 (2019) for autoregressive densities of lattice
 * models. */
#include "base/memory.h"
#include "base/state.h"
#include "density/frontier.h"
#include "lattice/lattice.h"

#include <string.h>

enum { SIDE_MAX = 64, SITES_MAX = 4096 };

typedef struct block_params {
    kr_list size, at;
    int64_t hidden;
} block_params;

/* What the making of a plan needs beside it. */
typedef struct maker {
    kr_frontier_plan *plan;
    const kr_lattice *lattice;
    const kr_terms *terms;
    int32_t side[KR_DIM_MAX], at[KR_DIM_MAX];
    int32_t *place; /* (n_sites, dim) coordinates from the corner of the block; owns */
    int32_t *last;  /* (n_sites) place of the latest neighbor of a site, or its own; owns */
    kr_frontier_input *input; /* (n_given + sites of the block) of the site at hand; owns */
} maker;

/* ---- shape ------------------------------------------------------------------------------- */

static int32_t side_of(const block_params *p, int32_t d)
{
    return (int32_t)p->size.integer[p->size.n == 1 ? 0 : d];
}

static int32_t corner_of(const block_params *p, int32_t d)
{
    return p->at.n > 0 ? (int32_t)p->at.integer[d] : 0;
}

static int check_lists(const kr_lattice *lattice, const block_params *p, kr_error *why)
{
    if (strcmp(lattice->name, "hypercubic") != 0 && strcmp(lattice->name, "triangular") != 0) {
        return kr_fail(why, KR_EUNSUP,
                       "frontier_block: lattice %s, want hypercubic or triangular, where a "
                       "block is a box of coordinates",
                       lattice->name);
    }
    if (p->size.n != 1 && p->size.n != lattice->dim) {
        return kr_fail(
            why, KR_ERANGE,
            "frontier_block: size has %d entries, want one, or %d as the lattice has "
            "dimensions",
            p->size.n, lattice->dim);
    }
    if (p->at.n != 0 && p->at.n != lattice->dim) {
        return kr_fail(why, KR_ERANGE,
                       "frontier_block: at has %d entries, want none, or %d as the lattice has "
                       "dimensions",
                       p->at.n, lattice->dim);
    }
    return KR_OK;
}

static int check_shape(const kr_lattice *lattice, const block_params *p, kr_error *why)
{
    KR_TRY(check_lists(lattice, p, why));
    double n = 1.0;
    for (int32_t d = 0; d < lattice->dim; d++) {
        const int32_t L = lattice->extent[d], side = side_of(p, d), at = corner_of(p, d);
        if (side > L || at >= L || (!lattice->is_periodic[d] && at + side > L)) {
            return kr_fail(
                why, KR_ERANGE,
                "frontier_block: direction %d has sites 0..%d%s, want a block inside "
                "instead of %d sites from %d on",
                d, L - 1, lattice->is_periodic[d] ? "" : " and ends", side, at);
        }
        n *= side;
    }
    if (n < 2.0 || n > SITES_MAX || n >= (double)lattice->n_sites) {
        return kr_fail(why, KR_ERANGE,
                       "frontier_block: a block of %.0f of %d sites, want 2..%d, but not all",
                       n, lattice->n_sites, SITES_MAX);
    }
    return KR_OK;
}

/* ---- plan -------------------------------------------------------------------------------- */

static int maker_init(maker *m, kr_frontier_plan *plan, const kr_target *target,
                      const block_params *p, kr_error *err)
{
    const size_t N = (size_t)target->terms->n_sites, dim = (size_t)target->lattice->dim;
    *m = (maker){ .plan = plan, .lattice = target->lattice, .terms = target->terms };
    for (size_t d = 0; d < dim; d++) {
        m->side[d] = side_of(p, (int32_t)d);
        m->at[d] = corner_of(p, (int32_t)d);
    }
    KR_TRY(kr_frontier_plan_init(plan, (int32_t)N, (int32_t)dim, err));
    plan->given = kr_alloc(N, sizeof *plan->given, err);
    m->place = kr_alloc(N * dim, sizeof *m->place, err);
    m->last = kr_alloc(N, sizeof *m->last, err);
    return plan->given && m->place && m->last ? KR_OK : KR_ENOMEM;
}

static bool is_inside(const maker *m, int32_t i)
{
    return m->plan->rank[i] >= m->plan->n_outside;
}

/* Coordinates from the corner; round a torus those beyond half of what lies outside count
 * backwards, so that the sites that touch the block are at -1 and at its side. */
static bool find_place(maker *m, int32_t i)
{
    int32_t *u = m->place + (size_t)i * (size_t)m->lattice->dim;
    bool is_in = true;
    kr_lattice_coordinates(m->lattice, i, u);
    for (int32_t d = 0; d < m->lattice->dim; d++) {
        const int32_t L = m->lattice->extent[d];
        u[d] -= m->at[d];
        if (m->lattice->is_periodic[d]) {
            u[d] += u[d] < 0 ? L : 0;
            u[d] -= u[d] >= m->side[d] && u[d] - m->side[d] >= L - u[d] ? L : 0;
        }
        is_in = is_in && u[d] >= 0 && u[d] < m->side[d];
    }
    return is_in;
}

/* Sites outside in their order, then the block from its corner, coordinate 0 fastest. */
static void order_sites(maker *m)
{
    kr_frontier_plan *plan = m->plan;
    int32_t n_block = 1, t = 0;
    for (int32_t d = 0; d < plan->dim; d++) {
        n_block *= m->side[d];
    }
    plan->n_outside = plan->n_sites - n_block;
    for (int32_t i = 0; i < plan->n_sites; i++) {
        if (!find_place(m, i)) {
            plan->order[t++] = i;
            continue;
        }
        int32_t place = 0;
        for (int32_t d = plan->dim - 1; d >= 0; d--) {
            place = place * m->side[d] + m->place[i * plan->dim + d];
        }
        plan->order[plan->n_outside + place] = i;
    }
    for (t = 0; t < plan->n_sites; t++) {
        plan->rank[plan->order[t]] = t;
    }
}

/* The latest neighbor of each site, and the sites outside that have one in the block. */
static void find_frontier(maker *m)
{
    const kr_terms *terms = m->terms;
    kr_frontier_plan *plan = m->plan;
    for (int32_t j = 0; j < plan->n_sites; j++) {
        m->last[j] = plan->rank[j];
        for (int64_t k = terms->neighbor_begin[j]; k < terms->neighbor_begin[j + 1]; k++) {
            const int32_t r = plan->rank[terms->neighbor[k]];
            m->last[j] = r > m->last[j] ? r : m->last[j];
        }
        if (!is_inside(m, j) && m->last[j] >= plan->n_outside) {
            plan->given[plan->n_given++] = j;
        }
    }
}

/* Offset of site j from site i in one integer. */
static int64_t offset_code(const maker *m, int32_t i, int32_t j)
{
    const int32_t dim = m->plan->dim, bits = dim < 2 ? 32 : 64 / dim;
    uint64_t code = 0;
    for (int32_t d = dim - 1; d >= 0; d--) {
        const int32_t u = m->place[j * dim + d] - m->place[i * dim + d];
        code = code << bits |
               ((uint64_t)(int64_t)u & (bits == 32 ? UINT32_MAX : (UINT64_C(1) << bits) - 1));
    }
    return (int64_t)code;
}

/* Inputs of site i into site, which ascend by their offsets; returns their number. */
static int64_t list_inputs(const maker *m, int32_t i, int32_t *site)
{
    const kr_frontier_plan *plan = m->plan;
    const int32_t t = plan->rank[i];
    int64_t n = 0;
    for (int32_t k = 0; k < plan->n_given; k++) {
        if (m->last[plan->given[k]] > t) {
            m->input[n++].site = plan->given[k];
        }
    }
    for (int32_t r = plan->n_outside; r < t; r++) {
        if (m->last[plan->order[r]] > t) {
            m->input[n++].site = plan->order[r];
        }
    }
    for (int64_t k = 0; k < n; k++) {
        m->input[k].code = offset_code(m, i, m->input[k].site);
    }
    kr_frontier_sort(m->input, n, site);
    return n;
}

/* A site whose neighbors are all drawn before it needs no network. */
static bool is_closed(const maker *m, int32_t i)
{
    return m->last[i] == m->plan->rank[i];
}

static int see(maker *m, kr_error *err)
{
    kr_frontier_plan *plan = m->plan;
    const size_t n_block = (size_t)(plan->n_sites - plan->n_outside);
    int64_t n = 0;
    const size_t n_seen = n_block + (size_t)plan->n_given;
    plan->site = kr_alloc(n_block * n_seen, sizeof *plan->site, err);
    m->input = kr_alloc(n_seen, sizeof *m->input, err);
    if (!plan->site || !m->input) {
        return KR_ENOMEM;
    }
    for (int32_t i = 0; i < plan->n_sites; i++) {
        plan->begin[i] = n;
        plan->net[i] = -1;
        if (is_inside(m, i) && !is_closed(m, i)) {
            n += list_inputs(m, i, plan->site + n);
        }
        const int32_t seen = (int32_t)(n - plan->begin[i]);
        plan->n_most = seen > plan->n_most ? seen : plan->n_most;
    }
    plan->begin[plan->n_sites] = n;
    return KR_OK;
}

static int64_t bits_of(double x)
{
    int64_t bits;
    memcpy(&bits, &x, sizeof bits);
    return bits;
}

/* As in frontier_plan.h, one level and no ends: what of an end a network can notice is which
 * sites touch the block. Returns the length. */
static size_t write_key(const maker *m, int32_t i, int64_t *key)
{
    const kr_terms *terms = m->terms;
    const kr_frontier_plan *plan = m->plan;
    uint64_t bonds = 0, couplings = 0;
    size_t n = 0;
    for (int64_t k = terms->neighbor_begin[i]; k < terms->neighbor_begin[i + 1]; k++) {
        const int64_t bond[2] = { offset_code(m, i, terms->neighbor[k]), bits_of(terms->J[k]) };
        bonds += kr_state_hash(bond, sizeof *bond, 0);
        couplings += kr_state_hash(bond, sizeof bond, 0);
    }
    key[n++] = 0;
    key[n++] = (int64_t)bonds;
    key[n++] = (int64_t)couplings;
    for (int32_t a = 0; a < terms->q; a++) {
        key[n++] = bits_of(terms->local[(size_t)i * (size_t)terms->q + (size_t)a]);
    }
    key[n++] = plan->begin[i + 1] - plan->begin[i];
    for (int64_t k = plan->begin[i]; k < plan->begin[i + 1]; k++) {
        key[n++] = offset_code(m, i, plan->site[k]);
    }
    return n;
}

/* Every site of the block that is not closed has a network of its own. */
static int give_nets(maker *m, kr_error *err)
{
    kr_frontier_plan *plan = m->plan;
    const size_t n_block = (size_t)(plan->n_sites - plan->n_outside);
    plan->key =
        kr_alloc(n_block * (4 + (size_t)m->terms->q) + (size_t)plan->begin[plan->n_sites],
                 sizeof *plan->key, err);
    if (!plan->key) {
        return KR_ENOMEM;
    }
    for (int32_t t = plan->n_outside; t < plan->n_sites; t++) {
        const int32_t i = plan->order[t];
        if (!is_closed(m, i)) {
            plan->owner[plan->n_nets] = i;
            plan->net[i] = plan->n_nets++;
            plan->n_key += write_key(m, i, plan->key + plan->n_key);
        }
    }
    return KR_OK;
}

static int make(maker *m, kr_error *err)
{
    order_sites(m);
    find_frontier(m);
    KR_TRY(see(m, err));
    return give_nets(m, err);
}

static int make_plan(kr_frontier_plan *plan, const kr_target *target, const block_params *p,
                     kr_error *err)
{
    maker m;
    if (!kr_skip_supports(target->terms, "frontier_block", err)) {
        return KR_EUNSUP;
    }
    KR_TRY(check_shape(target->lattice, p, err));
    int status = maker_init(&m, plan, target, p, err);
    if (status == KR_OK) {
        status = make(&m, err);
    }
    kr_free(m.input);
    kr_free(m.last);
    kr_free(m.place);
    if (status != KR_OK) {
        kr_frontier_plan_clear(plan);
        return status;
    }
    return kr_frontier_fit(target, plan, p->hidden, "frontier_block", err);
}

/* ---- plug -------------------------------------------------------------------------------- */

static const kr_field fields[] = {
    { .name = "size",
      .type = KR_TYPE_INT_LIST,
      .offset = offsetof(block_params, size),
      .min = 1,
      .max = SIDE_MAX,
      .unit = "sites",
      .doc = "sides of the block; a single number is the side in every direction" },
    { .name = "at",
      .type = KR_TYPE_INT_LIST,
      .offset = offsetof(block_params, at),
      .fallback = "[]",
      .min = 0,
      .max = INT32_MAX,
      .doc = "coordinates of its lowest corner; none: 0 in every direction" },
    { .name = "hidden",
      .type = KR_TYPE_INT,
      .offset = offsetof(block_params, hidden),
      .fallback = "12",
      .min = 1,
      .max = 1024,
      .doc = "hidden units of each network" },
    KR_FIELD_END,
};

static bool supports(const kr_target *target, const void *parameters, kr_error *why)
{
    kr_frontier_plan plan = { .n_sites = 0 };
    const int status = make_plan(&plan, target, parameters, why);
    kr_frontier_plan_clear(&plan);
    return status == KR_OK;
}

static void *block_alloc(const kr_target *target, const void *parameters, kr_error *err)
{
    const block_params *p = parameters;
    kr_frontier_plan plan;
    return make_plan(&plan, target, p, err) == KR_OK
               ? kr_frontier_alloc(target, &plan, p->hidden, err)
               : NULL;
}

static void block(const void *object, kr_density_block *out)
{
    const kr_frontier_plan *plan = &((const kr_frontier *)object)->plan;
    *out = (kr_density_block){ .first = plan->n_outside,
                               .n_given = plan->n_given,
                               .n_drawn = plan->n_sites - plan->n_outside,
                               .given = plan->given,
                               .drawn = plan->order + plan->n_outside };
}

const kr_density_plug kr_density_frontier_block = {
    .name = "frontier_block",
    .doc = "networks for a block of sites given all others, on lattices of any size; for "
           "tail_refresh, which draws the block anew",
    .source = "autoregressive densities: Wu, Wang, Zhang, Phys. Rev. Lett. 122, 080602 (2019)",
    .fields = fields,
    .params_size = sizeof(block_params),
    .flags = KR_DENSITY_TRAINABLE | KR_DENSITY_BLOCK,
    .supports = supports,
    .alloc = block_alloc,
    .free = kr_frontier_free,
    .n_weights = kr_frontier_n_weights,
    .weights = kr_frontier_weights,
    .is_padding = kr_frontier_is_padding,
    .n_visits = kr_frontier_n_visits,
    .scratch_bytes = kr_frontier_scratch_bytes,
    .init = kr_frontier_init,
    .networks = kr_frontier_networks,
    .adopt = kr_frontier_adopt,
    .prepare = kr_frontier_prepare,
    .order = kr_frontier_order,
    .sample_tail = kr_frontier_sample_tail,
    .log_q_tail = kr_frontier_log_q_tail,
    .grad = kr_frontier_grad,
    .block = block,
    .grad_tail = kr_frontier_grad_tail,
    .use = kr_frontier_use,
};
