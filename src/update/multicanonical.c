/* SPDX-License-Identifier: GPL-3.0-or-later
 * update/multicanonical.c - single-site moves for any weight w(H) of the energy.
 *
 * Each visited site takes a new state with the conditional probability of w (heat bath), which
 * needs the total energy of a candidate only. In a Potts model the states that no neighbor has
 * share one energy and are one candidate. Two states: Metropolis, whose flip is made with
 * 15/16 min(1, w'/w): a flip that is never certain keeps a sweep in fixed order from cycling
 * where w is flat. Without a table the weight is exp(-beta H).
 * Source: Berg, Neuhaus, Phys. Rev. Lett. 68, 9 (1992).
 * Threads: pure given block, scratch and tally. */
#include "base/memory.h"
#include "base/rng.h"
#include "model/flat.h"
#include "model/terms.h"
#include "update/visit.h"

#include <math.h>

#define FLIP 0.9375

typedef struct multicanonical_params {
    int32_t order;
} multicanonical_params;

struct multicanonical;
typedef int64_t sweep_chain(const struct multicanonical *m, uint8_t *restrict s, double *energy,
                            kr_rng *rng);

typedef struct multicanonical {
    const kr_terms *terms;
    const kr_flat_weights *flat;
    double beta;
    kr_visit visit;
    sweep_chain *kernel;
    bool is_near; /* Potts: the energies of a site are levels within KR_FLAT_REACH */
} multicanonical;

static inline double log_weight(const multicanonical *m, double energy)
{
    return m->flat ? kr_flat_log_w(m->flat, energy) : -m->beta * energy;
}

/* min(1, w(to)/w(from)): from tabulated exponentials where both energies are levels in reach.
 */
static inline double ratio_of(const multicanonical *m, double from, double to)
{
    const kr_flat_weights *f = m->flat;
    if (f && f->has_scaled) {
        double x = (from - f->e_min) * f->inverse_width + 0.5,
               y = (to - f->e_min) * f->inverse_width + 0.5;
        if (x >= 0.0 && x < f->n_bins && y >= 0.0 && y < f->n_bins &&
            fabs(y - x) < KR_FLAT_REACH) {
            const double *row = kr_flat_row(f, (int32_t)x);
            double r = row[(int32_t)y] / row[(int32_t)x];
            return r < 1.0 ? r : 1.0;
        }
    }
    double x = log_weight(m, to) - log_weight(m, from);
    return x >= 0.0 ? 1.0 : exp(x);
}

/* kernel: */
static int64_t two_states(const multicanonical *m, uint8_t *restrict s, double *energy,
                          kr_rng *rng)
{
    const kr_terms *t = m->terms;
    int64_t changed = 0;
    double now = *energy, e[2];
    for (int32_t n = 0; n < m->visit.n; n++) {
        int32_t i = kr_visit_site(&m->visit, n, rng);
        if (t->is_pair) {
            const double *local = t->local + 2 * (size_t)i;
            double delta = local[1] - local[0];
            for (int64_t k = t->neighbor_begin[i]; k < t->neighbor_begin[i + 1]; k++) {
                uint8_t b = s[t->neighbor[k]];
                delta += t->J[k] * (t->V[2 + b] - t->V[b]);
            }
            e[0] = 0.0;
            e[1] = delta;
        } else {
            kr_terms_local(t, s, i, e);
        }
        double moved = now + (s[i] ? e[0] - e[1] : e[1] - e[0]);
        if (kr_rng_bernoulli(rng, FLIP * ratio_of(m, now, moved))) {
            s[i] ^= 1;
            now = moved;
            changed++;
        }
    }
    *energy = now;
    return changed;
}

/* Weights of the candidates up to a factor: state c for c < n_near, all others in the last. */
static inline void weigh_potts(const multicanonical *m, double base, const double *gain,
                               const uint8_t *state, int32_t n_near, int32_t n_far, double *w)
{
    const kr_flat_weights *f = m->flat;
    if (f && f->has_scaled && m->is_near) {
        double x = (base - f->e_min) * f->inverse_width + 0.5;
        int32_t k = (int32_t)x;
        if (x >= KR_FLAT_REACH && x < f->n_bins - KR_FLAT_REACH) {
            const double *row = kr_flat_row(f, k) + k;
            for (int32_t c = 0; c < n_near; c++) { /* a gain is a whole number of levels */
                double shift = -gain[state[c]] * f->inverse_width;
                w[c] = row[(int32_t)(shift + (shift < 0.0 ? -0.5 : 0.5))];
            }
            w[n_near] = n_far * row[0];
            return;
        }
    }
    w[n_near] = log_weight(m, base);
    double top = n_far > 0 ? w[n_near] : -INFINITY; /* else no state has this energy */
    for (int32_t c = 0; c < n_near; c++) {
        w[c] = log_weight(m, base - gain[state[c]]);
        top = fmax(top, w[c]);
    }
    w[n_near] = n_far > 0 ? n_far * exp(w[n_near] - top) : 0.0;
    for (int32_t c = 0; c < n_near; c++) {
        w[c] = exp(w[c] - top);
    }
}

/* kernel: V = c - v delta, no single-site energies */
static int64_t potts(const multicanonical *m, uint8_t *restrict s, double *energy, kr_rng *rng)
{
    const kr_terms *t = m->terms;
    const double v = t->V[1] - t->V[0];
    double gain[KR_STATES_MAX] = { 0.0 }, w[KR_STATES_MAX + 1];
    uint8_t state[KR_STATES_MAX]; /* of the neighbors, ascending */
    int64_t changed = 0;
    double now = *energy;
    for (int32_t n = 0; n < m->visit.n; n++) {
        int32_t i = kr_visit_site(&m->visit, n, rng), n_near = 0;
        for (int64_t k = t->neighbor_begin[i]; k < t->neighbor_begin[i + 1]; k++) {
            uint8_t b = s[t->neighbor[k]];
            int32_t at = n_near;
            while (at > 0 && state[at - 1] > b) {
                at--;
            }
            if (at == 0 || state[at - 1] != b) {
                for (int32_t c = n_near++; c > at; c--) {
                    state[c] = state[c - 1];
                }
                state[at] = b;
            }
            gain[b] += t->J[k] * v;
        }
        double base = now + gain[s[i]];
        int32_t n_far = t->q - n_near;
        weigh_potts(m, base, gain, state, n_near, n_far, w);
        int32_t a = kr_rng_categorical(rng, w, n_near + (n_far > 0));
        if (a < n_near) {
            a = state[a];
            now = base - gain[a];
        } else { /* one of the states that no neighbor has */
            a = (int32_t)kr_rng_below(rng, (uint32_t)n_far);
            for (int32_t c = 0; c < n_near; c++) {
                a += a >= state[c];
            }
            now = base;
        }
        for (int32_t c = 0; c < n_near; c++) {
            gain[state[c]] = 0.0;
        }
        changed += a != s[i];
        s[i] = (uint8_t)a;
    }
    *energy = now;
    return changed;
}

/* kernel: */
static int64_t general(const multicanonical *m, uint8_t *restrict s, double *energy,
                       kr_rng *rng)
{
    const kr_terms *t = m->terms;
    double e[KR_STATES_MAX], w[KR_STATES_MAX];
    int64_t changed = 0;
    double now = *energy;
    for (int32_t n = 0; n < m->visit.n; n++) {
        int32_t i = kr_visit_site(&m->visit, n, rng);
        kr_terms_local(t, s, i, e);
        double base = now - e[s[i]], top = -INFINITY;
        for (int32_t a = 0; a < t->q; a++) {
            w[a] = log_weight(m, a == s[i] ? now : base + e[a]);
            top = fmax(top, w[a]);
        }
        for (int32_t a = 0; a < t->q; a++) {
            w[a] = exp(w[a] - top);
        }
        int32_t a = kr_rng_categorical(rng, w, t->q);
        if (a != s[i]) {
            now = base + e[a];
            s[i] = (uint8_t)a;
            changed++;
        }
    }
    *energy = now;
    return changed;
}

static bool multicanonical_supports(const kr_target *target, const void *params, kr_error *why)
{
    (void)params;
    if (target->terms->q < 2) {
        kr_fail(why, KR_EUNSUP, "multicanonical: model has %d state, want 2 or more",
                target->terms->q);
        return false;
    }
    return true;
}

static void multicanonical_free(void *self)
{
    multicanonical *m = self;
    if (m) {
        kr_visit_clear(&m->visit);
        kr_free(m);
    }
}

/* Energies of a Potts site, the hypothetical one without an equal neighbor included, in bins.
 */
static bool has_near_levels(const kr_terms *t, const kr_flat_weights *f)
{
    const double v = t->V[1] - t->V[0];
    for (int32_t i = 0; i < t->n_sites; i++) {
        double most = 0.0;
        for (int64_t k = t->neighbor_begin[i]; k < t->neighbor_begin[i + 1]; k++) {
            double steps = t->J[k] * v * f->inverse_width;
            most += fabs(steps);
            if (fabs(steps - rint(steps)) > 1e-9) {
                return false;
            }
        }
        if (most > KR_FLAT_REACH - 1) {
            return false;
        }
    }
    return true;
}

static void *multicanonical_alloc(const kr_update_setting *setting, const void *params,
                                  kr_error *err)
{
    const kr_target *target = setting->target;
    multicanonical *m = kr_alloc(1, sizeof *m, err);
    if (!m) {
        return NULL;
    }
    m->terms = target->terms;
    m->flat = target->flat;
    m->beta = target->beta;
    m->kernel = m->terms->q == 2                             ? two_states
                : m->terms->is_potts && !m->terms->has_local ? potts
                                                             : general;
    m->is_near = m->kernel == potts && m->flat && m->flat->is_level &&
                 has_near_levels(m->terms, m->flat);
    int32_t order = params ? ((const multicanonical_params *)params)->order : KR_ORDER_AUTO;
    if (kr_visit_init(&m->visit, order, target->lattice, err) != KR_OK) {
        multicanonical_free(m);
        return NULL;
    }
    return m;
}

static size_t multicanonical_scratch_bytes(const void *self, int32_t n_lanes)
{
    (void)self, (void)n_lanes;
    return 0;
}

static void multicanonical_sweep(const void *self, kr_block *block, int64_t n_sweeps,
                                 void *scratch, kr_tally *tally)
{
    (void)scratch;
    const multicanonical *m = self;
    for (int64_t k = 0; k < n_sweeps; k++) {
        for (int32_t lane = 0; lane < block->n_lanes; lane++) {
            uint8_t *s = block->state + (size_t)lane * (size_t)block->n_sites;
            int64_t changed = m->kernel(m, s, &block->energy[lane], block->rng);
            tally->attempted[lane] += m->visit.n;
            tally->accepted[lane] += changed;
            tally->changed[lane] += changed;
            if (changed > 0) {
                kr_block_touch(block);
            }
        }
    }
}

static const kr_field fields[] = {
    { .name = "order",
      .type = KR_TYPE_CHOICE,
      .offset = offsetof(multicanonical_params, order),
      .fallback = "auto",
      .choices = "auto|sequential|checkerboard|random",
      .doc = "order of the sites in a sweep: by number (auto), color by color, or a site drawn "
             "anew for each attempt" },
    KR_FIELD_END
};

const kr_update_plug kr_update_multicanonical = {
    .name = "multicanonical",
    .doc = "single-site moves for the tabulated weights of the section multicanonical: heat "
           "bath, or Metropolis where a site has two states",
    .source = "Berg, Neuhaus, Phys. Rev. Lett. 68, 9 (1992)",
    .fields = fields,
    .params_size = sizeof(multicanonical_params),
    .flags = KR_UPDATE_LOCAL | KR_UPDATE_IRREDUCIBLE | KR_UPDATE_ANY_WEIGHT,
    .layouts = KR_LAYOUT_CHAIN,
    .supports = multicanonical_supports,
    .alloc = multicanonical_alloc,
    .free = multicanonical_free,
    .scratch_bytes = multicanonical_scratch_bytes,
    .sweep = multicanonical_sweep,
};
