/* SPDX-License-Identifier: GPL-3.0-or-later
 * model/chain.c - the chain or ring in a quartic action, and where its variables are. */
#include "model/chain.h"

#include "base/memory.h"

#include <math.h>

#define CUT        50.0  /* beta S of what a first grid leaves out */
#define NEGLIGIBLE 1e-20 /* of the weight of a variable, at the ends of the grid */
#define SCAN       160

/* ---- the chain in an action ----------------------------------------------------------------
 */

static int32_t degree(const kr_quartic *a, int32_t i)
{
    return (int32_t)(a->neighbor_begin[i + 1] - a->neighbor_begin[i]);
}

/* The neighbor that has no place yet, or -1. */
static int32_t next_site(const kr_quartic *a, const int32_t *place, int32_t i)
{
    for (int64_t m = a->neighbor_begin[i]; m < a->neighbor_begin[i + 1]; m++) {
        if (place[a->neighbor[m]] < 0) {
            return a->neighbor[m];
        }
    }
    return -1;
}

static double coupling(const kr_quartic *a, int32_t i, int32_t j)
{
    for (int64_t m = a->neighbor_begin[i]; m < a->neighbor_begin[i + 1]; m++) {
        if (a->neighbor[m] == j) {
            return a->coupling[m];
        }
    }
    return 0.0;
}

/* Sites in the order of the chain and their places in it: paths from their ends, one after the
 * other, or one ring. */
int kr_chain_find_order(const kr_quartic *a, int32_t *order, int32_t *place, bool *is_ring,
                        kr_error *err)
{
    int32_t n = 0;
    for (int32_t i = 0; i < a->n_sites; i++) {
        place[i] = -1;
        if (degree(a, i) > 2) {
            return kr_fail(err, KR_EUNSUP,
                           "transfer matrix: site %d is coupled to %d sites, want at most 2 (a "
                           "chain or ring)",
                           i, degree(a, i));
        }
    }
    for (int32_t first = 0; first < a->n_sites; first++) {
        for (int32_t i = first; i >= 0 && place[i] < 0 && (i != first || degree(a, i) < 2);
             i = next_site(a, place, i)) {
            place[i] = n;
            order[n++] = i;
        }
    }
    *is_ring = n == 0;
    for (int32_t i = *is_ring ? 0 : -1; i >= 0; i = next_site(a, place, i)) {
        place[i] = n;
        order[n++] = i;
    }
    return n == a->n_sites ? KR_OK
                           : kr_fail(err, KR_EUNSUP,
                                     "transfer matrix: several parts with a ring among them, "
                                     "want chains or one ring");
}

static void count_bonds(kr_chain *c, const kr_lattice *lattice, const int32_t *place)
{
    c->has_bonds = lattice && lattice->n_bonds > 0;
    for (int64_t b = 0; c->has_bonds && b < lattice->n_bonds; b++) {
        int32_t p = place[lattice->bond[2 * b]], q = place[lattice->bond[2 * b + 1]];
        int32_t from = (p + 1) % c->n == q ? p : q;
        c->has_bonds = (from + 1) % c->n == p + q - from && (c->is_ring || from + 1 < c->n);
        c->site[from].bonds += lattice->bond_sign[b] / (double)lattice->n_bonds;
    }
}

int kr_chain_init(kr_chain *c, const kr_target *target, kr_error *err)
{
    const kr_action *action = target->terms->action;
    const kr_quartic *a = action ? action->quartic : NULL;
    *c = (kr_chain){ .beta = target->beta };
    if (!a || action->order || !(target->beta > 0.0)) {
        return kr_fail(err, KR_EUNSUP,
                       "transfer matrix: want a lattice field with a quartic action and beta > "
                       "0");
    }
    const size_t n = (size_t)a->n_sites;
    int32_t *order = kr_alloc(2 * n, sizeof *order, err);
    c->site = kr_alloc(n, sizeof *c->site, err);
    int status = order && c->site ? KR_OK : KR_ENOMEM;
    status =
        status == KR_OK ? kr_chain_find_order(a, order, order + n, &c->is_ring, err) : status;
    if (status == KR_OK) {
        c->quartic = a->quartic;
        c->n = a->n_sites;
        for (size_t p = 0; p < n; p++) {
            int32_t i = order[p], j = order[(p + 1) % n];
            bool is_last = p + 1 == n && !c->is_ring;
            c->site[p] = (kr_chain_site){ a->square[i], a->linear[i],
                                          is_last ? 0.0 : coupling(a, i, j), 0.0, 0 };
        }
        count_bonds(c, target->lattice, order + n);
    }
    kr_free(order);
    return status;
}

void kr_chain_clear(kr_chain *c)
{
    kr_free(c->site);
}

double kr_chain_potential(const kr_chain *c, int32_t i, double x)
{
    const kr_chain_site *s = &c->site[i];
    return x * (x * (s->square + c->quartic * x * x) - s->linear);
}

/* ---- where the variables are ----------------------------------------------------------------
 */

/* A lower bound of the part of S with this variable, since c x y <= |c| (x^2 + y^2)/2. */
static double bound(const kr_chain *c, int32_t i, double x)
{
    const double before = i > 0        ? c->site[i - 1].coupling
                          : c->is_ring ? c->site[c->n - 1].coupling
                                       : 0.0;
    return kr_chain_potential(c, i, x) -
           0.5 * (fabs(before) + fabs(c->site[i].coupling)) * x * x;
}

bool kr_chain_is_same(const kr_chain *c, int32_t i, int32_t j)
{
    return c->site[i].square == c->site[j].square && c->site[i].linear == c->site[j].linear &&
           c->site[i].coupling == c->site[j].coupling && c->site[i].bonds == c->site[j].bonds &&
           c->site[i].power == c->site[j].power;
}

/* Where beta times the bound is less than CUT above its minimum, for a site. */
static void widen(kr_chain *c, int32_t i)
{
    const double curvature = fabs(bound(c, i, 1.0) + bound(c, i, -1.0)) / 2.0 + c->quartic;
    const double slope = fabs(c->site[i].linear);
    /* beyond this the bound rises */
    double X = c->quartic > 0.0 ? sqrt(curvature / c->quartic) + cbrt(slope / c->quartic)
                                : slope / curvature;
    double least = 0.0, step;
    for (X += 1.0;; X *= 1.5) {
        step = X / 1000.0;
        for (int k = -1000; k <= 1000; k++) {
            least = fmin(least, bound(c, i, k * step));
        }
        if (c->beta * (fmin(bound(c, i, X), bound(c, i, -X)) - least) > CUT) {
            break;
        }
    }
    int low = -1000, high = 1000;
    while (c->beta * (bound(c, i, (low + 1) * step) - least) > CUT) {
        low++;
    }
    while (c->beta * (bound(c, i, (high - 1) * step) - least) > CUT) {
        high--;
    }
    c->low = fmin(c->low, low * step);
    c->high = fmax(c->high, high * step);
}

/* Messages along the chain on a grid of SCAN values. */
typedef struct messages {
    double *forth, *back; /* (n, SCAN) */
    double *kernel;       /* (SCAN, SCAN) of the step from site kernel_of, largest entry one */
    int32_t kernel_of;
} messages;

static void fill_kernel(const kr_chain *c, int32_t i, messages *m)
{
    const int32_t j = (i + 1) % c->n, k = m->kernel_of;
    const double h = (c->high - c->low) / (SCAN - 1);
    double top = -INFINITY;
    if (k >= 0 && kr_chain_is_same(c, i, k) && kr_chain_is_same(c, j, (k + 1) % c->n)) {
        return;
    }
    m->kernel_of = i;
    for (int a = 0; a < SCAN * SCAN; a++) {
        const double x = c->low + a / SCAN * h, y = c->low + a % SCAN * h;
        m->kernel[a] =
            -c->beta * (0.5 * kr_chain_potential(c, i, x) + 0.5 * kr_chain_potential(c, j, y) -
                        c->site[i].coupling * x * y);
        top = fmax(top, m->kernel[a]);
    }
    for (int a = 0; a < SCAN * SCAN; a++) {
        m->kernel[a] = exp(m->kernel[a] - top);
    }
}

/* Message of the sites up to i to the next one, or back; its largest entry is one. */
static void pass(const kr_chain *c, int32_t i, bool is_back, messages *m)
{
    const size_t j = (size_t)(i + 1) % (size_t)c->n, k = (size_t)i;
    const double *from = is_back ? m->back + j * SCAN : m->forth + k * SCAN;
    double out[SCAN] = { 0.0 }, largest = 0.0;
    fill_kernel(c, i, m);
    for (int a = 0; a < SCAN; a++) {
        const double *row = m->kernel + a * SCAN;
        for (int b = 0; b < SCAN; b++) {
            out[is_back ? a : b] += row[b] * from[is_back ? b : a];
        }
    }
    for (int a = 0; a < SCAN; a++) {
        largest = fmax(largest, out[a]);
    }
    for (int a = 0; a < SCAN; a++) {
        (is_back ? m->back + k * SCAN : m->forth + j * SCAN)[a] = out[a] / largest;
    }
}

static void start(const kr_chain *c, int32_t i, double *message)
{
    double top = -INFINITY;
    for (int stage = 0; stage < 2; stage++) {
        for (int k = 0; k < SCAN; k++) {
            const double x = c->low + k * (c->high - c->low) / (SCAN - 1);
            const double weight = -0.5 * c->beta * kr_chain_potential(c, i, x);
            top = fmax(top, weight);
            message[k] = exp(weight - top);
        }
    }
}

/* Cuts off where no variable has a share of its weight above NEGLIGIBLE. Messages that go
 * around twice stand for those of a ring. */
static int trim(kr_chain *c, kr_error *err)
{
    const int32_t n = c->n, turns = c->is_ring ? 2 : 1;
    double *all = kr_alloc((2 * (size_t)n + SCAN) * SCAN, sizeof *all, err);
    messages m = { all, all + (size_t)n * SCAN, all + 2 * (size_t)n * SCAN, -1 };
    double share[SCAN] = { 0.0 };
    if (!all) {
        return KR_ENOMEM;
    }
    start(c, 0, m.forth);
    start(c, n - 1, m.back + (size_t)(n - 1) * SCAN);
    for (int32_t k = 0; k < turns * n - !c->is_ring; k++) {
        pass(c, k % n, false, &m);
    }
    for (int32_t k = 0; k < turns * n - !c->is_ring; k++) {
        pass(c, (2 * n - 2 - k % n) % n, true, &m);
    }
    for (size_t i = 0; i < (size_t)n * SCAN; i += SCAN) {
        double largest = 0.0;
        for (size_t k = 0; k < SCAN; k++) {
            largest = fmax(largest, m.forth[i + k] * m.back[i + k]);
        }
        for (size_t k = 0; k < SCAN; k++) {
            share[k] = fmax(share[k], m.forth[i + k] * m.back[i + k] / largest);
        }
    }
    kr_free(all);
    int first = 0, last = SCAN - 1;
    const double h = (c->high - c->low) / (SCAN - 1);
    while (first < last && share[first + 1] < NEGLIGIBLE) {
        first++;
    }
    while (last > first && share[last - 1] < NEGLIGIBLE) {
        last--;
    }
    c->high = c->low + last * h;
    c->low += first * h;
    return KR_OK;
}

int kr_chain_find_range(kr_chain *c, kr_error *err)
{
    for (int32_t i = 0; i < c->n; i++) {
        if (i < 2 || !kr_chain_is_same(c, i, i - 1) || !kr_chain_is_same(c, i - 1, i - 2)) {
            widen(c, i);
        }
    }
    return c->n > 1 ? trim(c, err) : KR_OK;
}
