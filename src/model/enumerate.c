/* SPDX-License-Identifier: GPL-3.0-or-later
 * model/enumerate.c - every configuration of a small system, in Gray-code order.
 *
 * Successive configurations differ in one site by one state, so energy and state counts are
 * kept by differences. Order: reflected Gray code without loops, Knuth, The Art of Computer
 * Programming 4A, section 7.2.1.1, algorithm H. */
#include "base/memory.h"
#include "model/exact.h"
#include "model/terms.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* A mean magnetization below this share of <|m|> is what rounding left of 0. */
#define VANISHING 1e-12
#define RESUM     4096 /* steps between sums from scratch, and the length of inner sums */

typedef struct walk {
    const kr_terms *terms;
    uint8_t *state;
    int32_t *focus; /* (n_sites + 1) which site moves next */
    int8_t *step;   /* (n_sites) +1 or -1 */
    double *local;  /* (q) */
    int64_t count[KR_STATES_MAX];
    double energy;
    int64_t n_steps;
} walk;

static void walk_clear(walk *w)
{
    kr_free(w->local);
    kr_free(w->step);
    kr_free(w->focus);
    kr_free(w->state);
}

/* All sites in state 0. */
static int walk_init(walk *w, const kr_terms *terms, kr_error *err)
{
    size_t n = (size_t)terms->n_sites;
    double n_states = pow(terms->q, terms->n_sites);
    if (n_states > KR_ENUMERATE_STATES_MAX) {
        return kr_fail(err, KR_EUNSUP, "enumeration: %d^%d configurations, want at most %.0f",
                       terms->q, terms->n_sites, KR_ENUMERATE_STATES_MAX);
    }
    *w = (walk){ .terms = terms };
    w->state = kr_alloc(n, 1, err);
    w->focus = kr_alloc(n + 1, sizeof *w->focus, err);
    w->step = kr_alloc(n, 1, err);
    w->local = kr_alloc((size_t)terms->q, sizeof *w->local, err);
    if (!w->state || !w->focus || !w->step || !w->local) {
        walk_clear(w);
        return KR_ENOMEM;
    }
    for (int32_t i = 0; i <= terms->n_sites; i++) {
        w->focus[i] = i;
    }
    memset(w->step, 1, n);
    w->count[0] = terms->n_sites;
    w->energy = kr_terms_energy(terms, w->state, 1);
    return KR_OK;
}

/* Moves to the next configuration; false after the last one. */
static bool walk_next(walk *w)
{
    int32_t i = w->focus[0];
    w->focus[0] = 0;
    if (i == w->terms->n_sites) {
        return false;
    }
    uint8_t old = w->state[i], new = (uint8_t)(old + w->step[i]);
    kr_terms_local(w->terms, w->state, i, w->local);
    w->energy += w->local[new] - w->local[old];
    w->state[i] = new;
    w->count[old]--;
    w->count[new]++;
    if (new == 0 || new == w->terms->q - 1) {
        w->step[i] = (int8_t)-w->step[i];
        w->focus[i] = w->focus[i + 1];
        w->focus[i + 1] = i + 1;
    }
    if (++w->n_steps % RESUM == 0 && !w->terms->is_integer) {
        w->energy = kr_terms_energy(w->terms, w->state, 1);
    }
    return true;
}

int kr_enumerate_visit(const kr_terms *terms,
                       void (*visit)(void *context, const uint8_t *state, double energy),
                       void *context, kr_error *err)
{
    walk w;
    KR_TRY(walk_init(&w, terms, err));
    do {
        visit(context, w.state, w.energy);
    } while (walk_next(&w));
    walk_clear(&w);
    return KR_OK;
}

/* Sums over configurations of exp(-beta (E - origin)) times 1, E - origin, its square, and
 * powers of the order parameter. The origin is the energy of the largest weight so far, so no
 * weight overflows and the variance of a cold system keeps its digits. */
enum { ONE, E1, E2, M1, ABS, M2, M4, N_SUMS };

typedef struct sums {
    double origin;
    double outer[N_SUMS], inner[N_SUMS];
} sums;

static void flush(sums *s)
{
    for (int k = 0; k < N_SUMS; k++) {
        s->outer[k] += s->inner[k];
        s->inner[k] = 0.0;
    }
}

static void move_origin(sums *s, double beta, double origin)
{
    flush(s);
    double d = s->origin - origin;
    s->outer[E2] += 2.0 * d * s->outer[E1] + d * d * s->outer[ONE];
    s->outer[E1] += d * s->outer[ONE];
    for (int k = 0; k < N_SUMS; k++) {
        s->outer[k] *= exp(-beta * d);
    }
    s->origin = origin;
}

static void add(sums *s, double beta, double energy, double m)
{
    if (-beta * (energy - s->origin) > 0.0) {
        move_origin(s, beta, energy);
    }
    double x = energy - s->origin, weight = exp(-beta * x), m2 = m * m;
    s->inner[ONE] += weight;
    s->inner[E1] += weight * x;
    s->inner[E2] += weight * x * x;
    s->inner[M1] += weight * m;
    s->inner[ABS] += weight * fabs(m);
    s->inner[M2] += weight * m2;
    s->inner[M4] += weight * m2 * m2;
}

int kr_exact_enumerate(const kr_target *target, kr_exact *exact, kr_error *err)
{
    double beta = target->beta, n = target->terms->n_sites;
    walk w;
    KR_TRY(walk_init(&w, target->terms, err));
    sums s = { .origin = w.energy };
    do {
        add(&s, beta, w.energy, kr_terms_order(w.terms, w.count));
        if (w.n_steps % RESUM == RESUM - 1) {
            flush(&s);
        }
    } while (walk_next(&w));
    walk_clear(&w);
    flush(&s);
    double z = s.outer[ONE], e1 = s.outer[E1] / z, e2 = s.outer[E2] / z;
    double m1 = s.outer[M1] / z, m2 = s.outer[M2] / z, m4 = s.outer[M4] / z;
    m1 = fabs(s.outer[M1]) < VANISHING * s.outer[ABS] ? 0.0 : m1;
    *exact = (kr_exact){
        .method = "enumeration",
        .log_z = log(z) - beta * s.origin,
        .energy_per_site = (s.origin + e1) / n,
        .specific_heat = beta * beta * (e2 - e1 * e1) / n,
        .magnetization = m1,
        .abs_magnetization = s.outer[ABS] / z,
        .magnetization_squared = m2,
        .magnetization_fourth = m4,
        .susceptibility = beta * n * (m2 - m1 * m1),
        .binder = 1.0 - m4 / (3.0 * m2 * m2),
        .phi_squared = NAN,
        .phi_fourth = NAN,
        .neighbor_product = NAN,
    };
    return KR_OK;
}
