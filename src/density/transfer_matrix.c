/* SPDX-License-Identifier: GPL-3.0-or-later
 * density/transfer_matrix.c - exact ancestral sampling over a frontier; nothing to train.
 *
 * Sites are drawn in order. The frontier before site i is the set of drawn sites with neighbors
 * still to come; the probability of s_i depends on the rest through it alone:
 *
 *   p(s_i | s_{<i}) ~ exp(-beta (local_i + bonds to drawn neighbors)) B_{i+1}(frontier after
 * i),
 *
 * B_i(f) the partition function of the sites >= i given the frontier f, summed from the last
 * site backward. The conditional probabilities of all frontiers are kept, as integers (see
 * density/categorical.h), so that a site costs one look-up: exact up to their rounding, 2^-32.
 * q^width numbers per site, so this is for strips: width sites across an open lattice, one more
 * where that direction is periodic, twice that where the other one is. A periodic direction
 * along the strip doubles it.
 *
 * Source: transfer matrices by single sites, Blote, Nightingale, Physica A 112, 405 (1982);
 * ancestral sampling backward through one is textbook. */
#include "base/memory.h"
#include "density/categorical.h"
#include "density/lanes.h"
#include "density/skip.h"

#include <math.h>
#include <string.h>

#define BYTES_MAX 4294967296.0 /* of tables */

/* How the number of a frontier is read: sum of the states of its sites times powers of q, the
 * site drawn first lowest. */
typedef struct step {
    int32_t width;   /* sites of the frontier before this one is drawn */
    int32_t *place;  /* (width) site; owns */
    uint32_t *keep;  /* (width + 1) weight of each, and of the new site, in the number of the
                        next  frontier; 0: leaves; owns */
    int32_t n_leave; /* drawn sites that leave with this step */
    uint32_t below;  /* power of q of the last of them */
    uint32_t n;      /* frontiers, q^width */
    uint32_t *m;     /* (n, n_logits) integer probabilities; borrowed from the tables */
} step;

typedef struct transfer {
    const kr_lanes *lanes;
    const kr_terms *terms; /* borrowed */
    int32_t n_sites, q, n_logits;
    step *step;       /* (n_sites); owns */
    uint32_t *tables; /* owns */
    uint32_t most;    /* most frontiers of a step */
} transfer;

/* ---- the frontiers ------------------------------------------------------------------------
 */

/* Sites that the frontier before `site` holds, from those of the one before: returns their
 * number and fills place. */
static int32_t find_frontier(const kr_terms *terms, int32_t site, const int32_t *before,
                             int32_t n_before, int32_t *place)
{
    int32_t n = 0;
    for (int32_t k = 0; k < n_before + (site > 0); k++) {
        int32_t j = k < n_before ? before[k] : site - 1;
        int64_t end = terms->neighbor_begin[j + 1];
        bool stays = end > terms->neighbor_begin[j] && terms->neighbor[end - 1] >= site;
        if (stays) {
            place[n++] = j;
        }
    }
    return n;
}

/* Bytes of all tables; negative without memory. */
static double count_bytes(const kr_terms *terms, kr_error *err)
{
    int32_t *a = kr_alloc((size_t)terms->n_sites, sizeof *a, err);
    int32_t *b = kr_alloc((size_t)terms->n_sites, sizeof *b, err);
    double sum = 0.0;
    for (int32_t i = 0, n = 0; a && b && i < terms->n_sites; i++) {
        n = find_frontier(terms, i, a, n, b);
        int32_t *swap = a;
        a = b;
        b = swap;
        sum += pow(terms->q, n) * kr_categorical_logits(terms->q) * sizeof(uint32_t);
    }
    bool is_failed = !a || !b;
    kr_free(b);
    kr_free(a);
    return is_failed ? -1.0 : sum;
}

static bool supports(const kr_target *target, const void *params, kr_error *why)
{
    (void)params;
    if (!kr_skip_supports(target->terms, "transfer_matrix", why)) {
        return false;
    }
    double bytes = count_bytes(target->terms, why);
    if (bytes > BYTES_MAX) {
        kr_fail(why, KR_EUNSUP,
                "transfer_matrix: %.3g bytes of tables (%d states to the power of the sites "
                "across), want at most %.3g: a narrower lattice, or one open along its last "
                "side",
                bytes, target->terms->q, BYTES_MAX);
        return false;
    }
    return bytes >= 0.0;
}

/* next: the step of the next site, or NULL after the last. */
static void set_keep(step *now, int32_t site, const step *next, uint32_t q)
{
    uint32_t power = 1, kept = 1;
    for (int32_t k = 0, m = 0; k <= now->width; k++) {
        int32_t j = k < now->width ? now->place[k] : site;
        if (next && m < next->width && next->place[m] == j) {
            now->keep[k] = kept;
            kept *= q;
            m++;
        } else if (k < now->width) {
            now->n_leave++;
            now->below = power;
        }
        power *= q;
    }
}

static int make_steps(transfer *t, kr_error *err)
{
    const int32_t N = t->n_sites;
    int32_t *place = kr_alloc((size_t)N + 1, sizeof *place, err);
    if (!place) {
        return KR_ENOMEM;
    }
    int status = KR_OK;
    for (int32_t i = 0; i < N && status == KR_OK; i++) {
        const step *before = i ? &t->step[i - 1] : NULL;
        step *now = &t->step[i];
        now->width = find_frontier(t->terms, i, before ? before->place : NULL,
                                   before ? before->width : 0, place);
        now->place = kr_alloc((size_t)now->width + 1, sizeof *now->place, err);
        now->keep = kr_alloc((size_t)now->width + 1, sizeof *now->keep, err);
        if (!now->place || !now->keep) {
            status = KR_ENOMEM;
            break;
        }
        memcpy(now->place, place, (size_t)now->width * sizeof *place);
        now->n = 1;
        for (int32_t k = 0; k < now->width; k++) {
            now->n *= (uint32_t)t->q;
        }
        t->most = now->n > t->most ? now->n : t->most;
    }
    for (int32_t i = 0; i < N && status == KR_OK; i++) {
        set_keep(&t->step[i], i, i + 1 < N ? &t->step[i + 1] : NULL, (uint32_t)t->q);
    }
    kr_free(place);
    return status;
}

/* ---- backward summation -------------------------------------------------------------------
 */

/* Half of the places of a step: for each of its numbers the part of the next number and the
 * Boltzmann factors of the bonds to the new site, over all of its states. */
typedef struct half {
    uint32_t n;
    uint32_t *next; /* (n); owns */
    double *factor; /* (n, q); owns */
} half;

static void half_clear(half *h)
{
    kr_free(h->factor);
    kr_free(h->next);
}

static int half_alloc(half *h, uint32_t n, int32_t q, kr_error *err)
{
    h->next = kr_alloc(n, sizeof *h->next, err);
    h->factor = kr_alloc((size_t)n * (size_t)q, sizeof *h->factor, err);
    return h->next && h->factor ? KR_OK : KR_ENOMEM;
}

/* Sum of the couplings of sites i and j. */
static double coupling(const kr_terms *terms, int32_t i, int32_t j)
{
    double sum = 0.0;
    for (int64_t k = terms->neighbor_begin[i]; k < terms->neighbor_begin[i + 1]; k++) {
        sum += terms->neighbor[k] == j ? terms->J[k] : 0.0;
    }
    return sum;
}

/* Places begin..end-1 of the step of site i. The largest factor of a bond is 1. */
static void half_fill(half *h, const transfer *t, int32_t i, double beta, int32_t begin,
                      int32_t end)
{
    const step *now = &t->step[i];
    const size_t q = (size_t)t->q;
    h->n = 1;
    h->next[0] = 0;
    for (size_t s = 0; s < q; s++) {
        h->factor[s] = 1.0;
    }
    for (int32_t k = begin; k < end; k++) {
        const double J = coupling(t->terms, i, now->place[k]);
        double least = INFINITY;
        for (size_t c = 0; c < q * q; c++) {
            least = fmin(least, J * t->terms->V[c]);
        }
        for (size_t a = q; a-- > 0;) { /* the numbers below h->n are read last */
            for (size_t f = 0; f < h->n; f++) {
                size_t to = a * h->n + f;
                h->next[to] = h->next[f] + (uint32_t)a * now->keep[k];
                for (size_t s = 0; s < q; s++) {
                    double e = J * t->terms->V[a * q + s] - least;
                    h->factor[to * q + s] = h->factor[f * q + s] * exp(-beta * e);
                }
            }
        }
        h->n *= (uint32_t)q;
    }
}

/* B of the step of site i from that of the next one; B is scaled to a maximum of 1. */
static void sum_step(const transfer *t, int32_t i, double beta, half *low, half *high,
                     const double *after, double *B)
{
    const step *now = &t->step[i];
    const size_t q = (size_t)t->q, K = (size_t)t->n_logits;
    const int32_t middle = now->width / 2;
    const double *local = t->terms->local + (size_t)i * q;
    double own[KR_STATES_MAX], w[KR_STATES_MAX], least = INFINITY, most = 0.0;
    half_fill(low, t, i, beta, 0, middle);
    half_fill(high, t, i, beta, middle, now->width);
    for (size_t s = 0; s < q; s++) {
        least = fmin(least, local[s]);
    }
    for (size_t s = 0; s < q; s++) {
        own[s] = exp(-beta * (local[s] - least));
    }
    const uint32_t new = now->keep[now->width];
    for (size_t g = 0, f = 0; g < high->n; g++) {
        for (size_t l = 0; l < low->n; l++, f++) {
            const double *next = after + high->next[g] + low->next[l];
            B[f] = 0.0;
            for (size_t s = 0; s < q; s++) {
                w[s] =
                    own[s] * high->factor[g * q + s] * low->factor[l * q + s] * next[s * new];
                B[f] += w[s];
            }
            kr_categorical_integers(t->q, w, now->m + f * K);
            most = fmax(most, B[f]);
        }
    }
    for (size_t f = 0; most > 0.0 && f < now->n; f++) {
        B[f] /= most;
    }
}

static int prepare(void *self, double beta, kr_error *err)
{
    transfer *t = self;
    int32_t width = 0;
    for (int32_t i = 0; i < t->n_sites; i++) {
        width = t->step[i].width > width ? t->step[i].width : width;
    }
    uint32_t part = 1;
    for (int32_t k = 0; k < (width + 1) / 2; k++) {
        part *= (uint32_t)t->q;
    }
    half low = { 0 }, high = { 0 };
    double *B = kr_alloc(t->most, sizeof *B, err), *after = kr_alloc(t->most, sizeof *B, err);
    int status = B && after ? KR_OK : KR_ENOMEM;
    status = status ? status : half_alloc(&low, part, t->q, err);
    status = status ? status : half_alloc(&high, part, t->q, err);
    if (status == KR_OK) {
        after[0] = 1.0;
    }
    for (int32_t i = t->n_sites - 1; i >= 0 && status == KR_OK; i--) {
        sum_step(t, i, beta, &low, &high, after, B);
        double *swap = after;
        after = B;
        B = swap;
    }
    half_clear(&high);
    half_clear(&low);
    kr_free(after);
    kr_free(B);
    return status;
}

/* ---- life cycle ---------------------------------------------------------------------------
 */

static void transfer_free(void *self)
{
    transfer *t = self;
    if (!t) {
        return;
    }
    for (int32_t i = 0; t->step && i < t->n_sites; i++) {
        kr_free(t->step[i].keep);
        kr_free(t->step[i].place);
    }
    kr_free(t->tables);
    kr_free(t->step);
    kr_free(t);
}

static int make_tables(transfer *t, double beta, kr_error *err)
{
    KR_TRY(make_steps(t, err));
    size_t n = 0;
    for (int32_t i = 0; i < t->n_sites; i++) {
        n += (size_t)t->step[i].n * (size_t)t->n_logits;
    }
    t->tables = kr_alloc(n, sizeof *t->tables, err);
    if (!t->tables) {
        return KR_ENOMEM;
    }
    n = 0;
    for (int32_t i = 0; i < t->n_sites; i++) {
        t->step[i].m = t->tables + n;
        n += (size_t)t->step[i].n * (size_t)t->n_logits;
    }
    return prepare(t, beta, err);
}

static void *transfer_alloc(const kr_target *target, const void *params, kr_error *err)
{
    if (!supports(target, params, err)) {
        return NULL;
    }
    transfer *t = kr_alloc(1, sizeof *t, err);
    if (!t) {
        return NULL;
    }
    t->lanes = kr_lanes_best(NULL);
    t->terms = target->terms;
    t->n_sites = target->terms->n_sites;
    t->q = target->terms->q;
    t->n_logits = kr_categorical_logits(t->q);
    t->step = kr_alloc((size_t)t->n_sites, sizeof *t->step, err);
    if (!t->step || make_tables(t, target->beta, err) != KR_OK) {
        transfer_free(t);
        return NULL;
    }
    return t;
}

static size_t n_weights(const void *self)
{
    (void)self;
    return 0;
}

static float *weights(void *self)
{
    (void)self;
    return NULL;
}

static void init(void *self, kr_rng *rng)
{
    (void)self, (void)rng;
}

/* ---- drawing ------------------------------------------------------------------------------
 */

/* What a call keeps for all lanes. */
typedef struct pass {
    int32_t L;
    double *ratio;    /* (L) */
    uint64_t *total;  /* (L) */
    uint32_t *number; /* (L) of the frontier */
    uint32_t *m;      /* (n_logits, L) */
} pass;

static size_t stride(int32_t n_lanes)
{
    return kr_lanes_pad((size_t)n_lanes);
}

static size_t scratch_bytes(const void *self, int32_t n_lanes)
{
    const transfer *t = self;
    return (20 + 4 * (size_t)t->n_logits) * stride(n_lanes);
}

static void place_pass(pass *now, int32_t n_lanes, unsigned char *base)
{
    size_t L = stride(n_lanes);
    now->L = (int32_t)L;
    now->ratio = (double *)(void *)base;
    now->total = (uint64_t *)(void *)(base + 8 * L);
    now->number = (uint32_t *)(void *)(base + 16 * L);
    now->m = (uint32_t *)(void *)(base + 20 * L);
}

/* Numbers of the frontier before site k. */
static void number_frontier(const transfer *t, const pass *now, int32_t k, int32_t n_lanes,
                            const uint8_t *state)
{
    const step *at = &t->step[k];
    for (int32_t l = 0; l < n_lanes; l++) {
        uint32_t number = 0;
        for (int32_t p = at->width - 1; p >= 0; p--) {
            number = number * (uint32_t)t->q +
                     state[(size_t)at->place[p] * (size_t)now->L + (size_t)l];
        }
        now->number[l] = number;
    }
}

/* The number of the next frontier: places that leave are cut out, the new site put on top. */
static uint32_t move_on(const step *at, uint32_t q, uint32_t number, uint32_t s)
{
    uint32_t next = s * at->keep[at->width];
    if (at->n_leave == 0) {
        return next + number;
    }
    if (at->n_leave == 1) {
        return next + number % at->below + number / at->below / q * at->below;
    }
    for (int32_t p = 0; p < at->width; p++) {
        next += number % q * at->keep[p];
        number /= q;
    }
    return next;
}

static void run(const transfer *t, int32_t k, int32_t n_lanes, const uint8_t *state,
                uint8_t *draw, double *log_q, kr_rng *rng, void *scratch)
{
    pass now;
    place_pass(&now, n_lanes, scratch);
    for (int32_t l = 0; l < n_lanes; l++) {
        now.ratio[l] = 1.0;
        log_q[l] = 0.0;
    }
    if (k < t->n_sites) {
        number_frontier(t, &now, k, n_lanes, state);
    }
    const size_t L = (size_t)now.L, K = (size_t)t->n_logits;
    for (int32_t i = k; i < t->n_sites; i++) {
        const step *at = &t->step[i];
        const uint8_t *row = state + (size_t)i * L;
        for (size_t l = 0; l < (size_t)n_lanes; l++) {
            const uint32_t *m = at->m + (size_t)now.number[l] * K;
            now.total[l] = 0;
            for (size_t a = 0; a < K; a++) {
                now.m[a * L + l] = m[a];
                now.total[l] += m[a];
            }
        }
        if (draw) {
            kr_categorical_draw(t->q, n_lanes, now.L, now.m, now.total, draw + (size_t)i * L,
                                rng);
        }
        kr_categorical_score(t->q, n_lanes, now.L, now.m, now.total, row, now.ratio);
        if ((i + 1) % KR_CATEGORICAL_RUN == 0 || i + 1 == t->n_sites) {
            kr_categorical_flush(n_lanes, now.ratio, log_q);
        }
        for (int32_t l = 0; l < n_lanes; l++) {
            now.number[l] = move_on(at, (uint32_t)t->q, now.number[l], row[l]);
        }
    }
}

static void sample_tail(const void *self, int32_t k, int32_t n_lanes, uint8_t *state,
                        double *log_q, kr_rng *rng, void *scratch)
{
    run(self, k, n_lanes, state, state, log_q, rng, scratch);
}

static void log_q_tail(const void *self, int32_t k, int32_t n_lanes, const uint8_t *state,
                       double *log_q, void *scratch)
{
    run(self, k, n_lanes, state, NULL, log_q, NULL, scratch);
}

/* Without weights there is nothing to add. */
static void grad(const void *self, int32_t n_lanes, const uint8_t *state,
                 const double *coefficient, float *gradient, double *log_q, void *scratch)
{
    (void)coefficient, (void)gradient;
    if (log_q) {
        log_q_tail(self, 0, n_lanes, state, log_q, scratch);
    }
}

static const kr_field fields[] = { KR_FIELD_END };

const kr_density_plug kr_density_transfer_matrix = {
    .name = "transfer_matrix",
    .doc =
        "the exact distribution of a narrow lattice by its transfer matrix: independent "
        "configurations, nothing to train. Tables take q^width numbers per site, width about "
        "the product of all sides but the last, twice that where the last one is periodic: "
        "20 for two states on open lattices",
    .source = "Blote, Nightingale, Physica A 112, 405 (1982)",
    .fields = fields,
    .params_size = 0,
    .supports = supports,
    .alloc = transfer_alloc,
    .free = transfer_free,
    .n_weights = n_weights,
    .weights = weights,
    .scratch_bytes = scratch_bytes,
    .init = init,
    .prepare = prepare,
    .sample_tail = sample_tail,
    .log_q_tail = log_q_tail,
    .grad = grad,
};
