/* SPDX-License-Identifier: GPL-3.0-or-later
 * update/heat_bath.c - single-site heat bath: every visited site is drawn from its law given
 * all others.
 *
 * p(s_i = a | rest) = exp(-beta E_i(a)) / sum_b exp(-beta E_i(b)), E_i(a) the part of H that
 * contains site i. Source: Creutz, Jacobs, Rebbi, Phys. Rev. D 20, 1915 (1979); Glauber,
 * J. Math. Phys. 4, 294 (1963).
 *
 * Five kernels with the same law, the fastest that applies is chosen at alloc:
 *   binary_table   two states, few local fields: p(s_i = 1) tabulated by local field
 *   binary         two states, any couplings: one exponential per site
 *   potts          Potts without fields: only states of neighbors have weights other than 1
 *   product        Boltzmann factors tabulated by (coupling, neighbor state), multiplied
 *   general        any terms: energies, then exponentials
 * Products are used only where no weight can leave the range of a double.
 * Threads: pure given block, scratch and tally. */
#include "base/memory.h"
#include "base/rng.h"
#include "model/terms.h"
#include "update/couplings.h"
#include "update/local.h"
#include "update/visit.h"

#include <math.h>
#include <string.h>

#define EXPONENT_MAX 500.0 /* exp(-500) = 7e-218 and 256 exp(500) are normal doubles */
#define FACTORS_MAX  32768 /* doubles in the table of product factors */

struct heat_bath;
/* One sweep of one chain with states s; returns the number of sites that changed. */
typedef int64_t sweep_chain(const struct heat_bath *h, uint8_t *restrict s, double *energy,
                            kr_rng *rng);

typedef struct heat_bath {
    const kr_terms *terms;
    double beta;
    kr_visit visit;
    sweep_chain *kernel;
    kr_couplings couplings;
    kr_local_fields fields;
    double *p_one;        /* binary_table: (fields.n) */
    double *factor;       /* potts: (couplings.n) exp(beta J v);
                             product: (couplings.n, q, q) exp(-beta J (V[b][a] - min)) */
    double *local_weight; /* product with fields: (n_sites, q) */
} heat_bath;

/* kernel: */
static int64_t binary_table(const heat_bath *h, uint8_t *restrict s, double *energy,
                            kr_rng *rng)
{
    const int64_t *restrict begin = h->terms->neighbor_begin;
    const int32_t *restrict neighbor = h->terms->neighbor, *restrict base = h->fields.base,
                            *restrict stride = h->fields.stride;
    const double *restrict delta = h->fields.delta, *restrict p_one = h->p_one;
    double sum = 0.0;
    int64_t changed = 0;
    for (int32_t t = 0; t < h->visit.n; t++) {
        int32_t i = kr_visit_site(&h->visit, t, rng), index = base[i];
        for (int64_t k = begin[i]; k < begin[i + 1]; k++) {
            index += stride[k] * s[neighbor[k]];
        }
        int step = (int)kr_rng_bernoulli(rng, p_one[index]) - s[i];
        s[i] = (uint8_t)(s[i] + step);
        sum += step * delta[index];
        changed += step & 1;
    }
    *energy += sum;
    return changed;
}

static int64_t binary(const heat_bath *h, uint8_t *restrict s, double *energy, kr_rng *rng)
{
    const kr_terms *terms = h->terms;
    const double toward[2] = { terms->V[2] - terms->V[0], terms->V[3] - terms->V[1] };
    int64_t changed = 0;
    for (int32_t t = 0; t < h->visit.n; t++) {
        int32_t i = kr_visit_site(&h->visit, t, rng);
        double delta = terms->local[(size_t)i * 2 + 1] - terms->local[(size_t)i * 2];
        for (int64_t k = terms->neighbor_begin[i]; k < terms->neighbor_begin[i + 1]; k++) {
            delta += terms->J[k] * toward[s[terms->neighbor[k]]];
        }
        int step = (int)kr_rng_bernoulli(rng, 1.0 / (1.0 + exp(h->beta * delta))) - s[i];
        s[i] = (uint8_t)(s[i] + step);
        *energy += step * delta;
        changed += step & 1;
    }
    return changed;
}

/* The r-th state, in some fixed order, whose slot is 0, of q states of which n_taken have a
 * slot: states below q - n_taken stand for themselves, a taken one for a free one above. */
static int32_t free_state(const uint16_t *slot, int32_t q, int32_t n_taken, int32_t r)
{
    if (slot[r] == 0) {
        return r;
    }
    int32_t rank = 0;
    for (int32_t a = 0; a < r; a++) {
        rank += slot[a] != 0;
    }
    int32_t a = q - n_taken;
    for (;; a++) {
        if (slot[a] == 0 && rank-- == 0) {
            return a;
        }
    }
}

/* kernel: Potts, V = c - v delta, no fields. The states found around a site have weights w[d],
 * each of the other q - n states has weight 1. */
static int64_t potts(const heat_bath *h, uint8_t *restrict s, double *energy, kr_rng *rng)
{
    const kr_terms *terms = h->terms;
    const int64_t *restrict begin = terms->neighbor_begin;
    const int32_t *restrict neighbor = terms->neighbor, *restrict of = h->couplings.of;
    const double *restrict J = terms->J, *restrict factor = h->factor;
    const double v = terms->V[1] - terms->V[0];
    uint16_t slot[KR_STATES_MAX] = { 0 }; /* 1 + place of a state in found; 0 = not found */
    uint8_t found[KR_STATES_MAX];
    double w[KR_STATES_MAX + 1], bonds[KR_STATES_MAX + 1];
    double sum = 0.0;
    int64_t changed = 0;
    bonds[0] = 0.0;
    for (int32_t t = 0; t < h->visit.n; t++) {
        int32_t i = kr_visit_site(&h->visit, t, rng), n = 0;
        for (int64_t k = begin[i]; k < begin[i + 1]; k++) {
            uint8_t b = s[neighbor[k]];
            if (slot[b]) {
                w[slot[b] - 1] *= factor[of[k]];
                bonds[slot[b]] += J[k];
            } else {
                found[n] = b;
                w[n] = factor[of[k]];
                bonds[++n] = J[k];
                slot[b] = (uint16_t)n;
            }
        }
        w[n] = terms->q - n;
        int32_t d = kr_rng_categorical(rng, w, n + 1);
        int32_t a = d < n ? found[d]
                          : free_state(slot, terms->q, n,
                                       (int32_t)kr_rng_below(rng, (uint32_t)(terms->q - n)));
        sum += v * (bonds[slot[s[i]]] - bonds[slot[a]]);
        changed += a != s[i];
        s[i] = (uint8_t)a;
        for (d = 0; d < n; d++) {
            slot[found[d]] = 0;
        }
    }
    *energy += sum;
    return changed;
}

/* E_i(a) - E_i(b) of a pair model. */
static double pair_difference(const kr_terms *terms, const uint8_t *s, int32_t i, int32_t a,
                              int32_t b)
{
    size_t q = (size_t)terms->q;
    const double *V_a = terms->V + (size_t)a * q, *V_b = terms->V + (size_t)b * q;
    const double *local = terms->local + (size_t)i * q;
    double delta = local[a] - local[b];
    for (int64_t k = terms->neighbor_begin[i]; k < terms->neighbor_begin[i + 1]; k++) {
        uint8_t c = s[terms->neighbor[k]];
        delta += terms->J[k] * (V_a[c] - V_b[c]);
    }
    return delta;
}

/* kernel: weights as products of tabulated factors */
static int64_t product(const heat_bath *h, uint8_t *restrict s, double *energy, kr_rng *rng)
{
    const kr_terms *terms = h->terms;
    const int32_t q = terms->q;
    double w[KR_STATES_MAX];
    int64_t changed = 0;
    for (int32_t t = 0; t < h->visit.n; t++) {
        int32_t i = kr_visit_site(&h->visit, t, rng);
        for (int32_t a = 0; a < q; a++) {
            w[a] = h->local_weight ? h->local_weight[(size_t)i * (size_t)q + (size_t)a] : 1.0;
        }
        for (int64_t k = terms->neighbor_begin[i]; k < terms->neighbor_begin[i + 1]; k++) {
            size_t row = (size_t)h->couplings.of[k] * (size_t)q + s[terms->neighbor[k]];
            const double *restrict f = h->factor + row * (size_t)q;
            for (int32_t a = 0; a < q; a++) {
                w[a] *= f[a];
            }
        }
        int32_t a = kr_rng_categorical(rng, w, q);
        if (a != s[i]) {
            *energy += pair_difference(terms, s, i, a, s[i]);
            s[i] = (uint8_t)a;
            changed++;
        }
    }
    return changed;
}

static int64_t general(const heat_bath *h, uint8_t *restrict s, double *energy, kr_rng *rng)
{
    const int32_t q = h->terms->q;
    double e[KR_STATES_MAX], w[KR_STATES_MAX];
    int64_t changed = 0;
    for (int32_t t = 0; t < h->visit.n; t++) {
        int32_t i = kr_visit_site(&h->visit, t, rng);
        kr_terms_local(h->terms, s, i, e);
        double low = e[0];
        for (int32_t a = 1; a < q; a++) {
            low = fmin(low, e[a]);
        }
        for (int32_t a = 0; a < q; a++) {
            w[a] = exp(-h->beta * (e[a] - low));
        }
        int32_t a = kr_rng_categorical(rng, w, q);
        *energy += e[a] - e[s[i]];
        changed += a != s[i];
        s[i] = (uint8_t)a;
    }
    return changed;
}

static void ref_free(void *self)
{
    heat_bath *h = self;
    if (h) {
        kr_visit_clear(&h->visit);
        kr_couplings_clear(&h->couplings);
        kr_local_fields_clear(&h->fields);
        kr_free(h->p_one);
        kr_free(h->factor);
        kr_free(h->local_weight);
        kr_free(h);
    }
}

static int prepare_binary(heat_bath *h, kr_error *err)
{
    KR_TRY(kr_local_fields_init(&h->fields, h->terms, &h->couplings, err));
    h->kernel = h->fields.n > 0 ? binary_table : binary;
    h->p_one = kr_alloc((size_t)h->fields.n, sizeof *h->p_one, err);
    if (!h->p_one) {
        return KR_ENOMEM;
    }
    for (int32_t k = 0; k < h->fields.n; k++) {
        h->p_one[k] = 1.0 / (1.0 + exp(h->beta * h->fields.delta[k]));
    }
    return KR_OK;
}

static int prepare_potts(heat_bath *h, kr_error *err)
{
    h->kernel = potts;
    h->factor = kr_alloc((size_t)h->couplings.n, sizeof *h->factor, err);
    if (!h->factor) {
        return KR_ENOMEM;
    }
    double v = h->terms->V[1] - h->terms->V[0];
    for (int32_t c = 0; c < h->couplings.n; c++) {
        h->factor[c] = exp(h->beta * h->couplings.value[c] * v);
    }
    return KR_OK;
}

/* out[a] = exp(-beta (scale x[a] - min_b scale x[b])) */
static void boltzmann(double beta, double scale, const double *x, int32_t q, double *out)
{
    double low = scale * x[0];
    for (int32_t a = 1; a < q; a++) {
        low = fmin(low, scale * x[a]);
    }
    for (int32_t a = 0; a < q; a++) {
        out[a] = exp(-beta * (scale * x[a] - low));
    }
}

static int prepare_product(heat_bath *h, kr_error *err)
{
    const kr_terms *terms = h->terms;
    size_t q = (size_t)terms->q;
    h->kernel = product;
    h->factor = kr_alloc((size_t)h->couplings.n * q * q, sizeof *h->factor, err);
    if (!h->factor) {
        return KR_ENOMEM;
    }
    for (int32_t c = 0; c < h->couplings.n; c++) {
        for (size_t b = 0; b < q; b++) {
            boltzmann(h->beta, h->couplings.value[c], terms->V + b * q, terms->q,
                      h->factor + ((size_t)c * q + b) * q);
        }
    }
    if (terms->has_local) {
        h->local_weight = kr_alloc((size_t)terms->n_sites * q, sizeof *h->local_weight, err);
        if (!h->local_weight) {
            return KR_ENOMEM;
        }
        for (size_t i = 0; i < (size_t)terms->n_sites; i++) {
            boltzmann(h->beta, 1.0, terms->local + i * q, terms->q, h->local_weight + i * q);
        }
    }
    return KR_OK;
}

static int prepare(heat_bath *h, const kr_target *target, int32_t order, kr_error *err)
{
    const kr_terms *terms = h->terms;
    h->kernel = general;
    KR_TRY(kr_visit_init(&h->visit, order, target->lattice, err));
    if (!terms->is_pair) {
        return KR_OK;
    }
    KR_TRY(kr_couplings_init(&h->couplings, terms, err));
    if (terms->q == 2) {
        return prepare_binary(h, err);
    }
    if (fabs(h->beta) * kr_couplings_range(terms) > EXPONENT_MAX) {
        return KR_OK;
    }
    if (terms->is_potts && !terms->has_local) {
        return prepare_potts(h, err);
    }
    if ((double)h->couplings.n * terms->q * terms->q <= FACTORS_MAX) {
        return prepare_product(h, err);
    }
    return KR_OK;
}

static bool heat_bath_supports(const kr_target *target, const void *params, kr_error *why)
{
    (void)target;
    (void)params;
    (void)why;
    return true;
}

static void *ref_alloc(const kr_update_setting *setting, kr_local_kind kind,
                       const kr_local_params *params, kr_error *err)
{
    (void)kind;
    heat_bath *h = kr_alloc(1, sizeof *h, err);
    if (!h) {
        return NULL;
    }
    h->terms = setting->target->terms;
    h->beta = setting->target->beta;
    if (prepare(h, setting->target, params->order, err) != KR_OK) {
        ref_free(h);
        return NULL;
    }
    return h;
}

static void ref_sweep(const void *self, kr_block *block, int64_t n_sweeps, void *scratch,
                      kr_tally *tally)
{
    (void)scratch;
    const heat_bath *h = self;
    for (int64_t k = 0; k < n_sweeps; k++) {
        for (int32_t lane = 0; lane < block->n_lanes; lane++) {
            uint8_t *s = block->state + (size_t)lane * (size_t)block->n_sites;
            int64_t changed = h->kernel(h, s, &block->energy[lane], block->rng);
            tally->attempted[lane] += h->visit.n;
            tally->accepted[lane] += changed;
            tally->changed[lane] += changed;
            if (changed > 0) {
                kr_block_touch(block);
            }
        }
    }
}

static const kr_engine ref = {
    .name = "ref",
    .alloc = ref_alloc,
    .free = ref_free,
    .sweep = ref_sweep,
};

static void *heat_bath_alloc(const kr_update_setting *setting, const void *params,
                             kr_error *err)
{
    return kr_local_alloc(setting, params, KR_LOCAL_HEAT_BATH, &ref, err);
}

const kr_update_plug kr_update_heat_bath = {
    .name = "heat_bath",
    .doc = "draws each visited site from its law given all others; an attempt that draws the "
           "old state again does not count as accepted",
    .source = "Creutz, Jacobs, Rebbi, Phys. Rev. D 20, 1915 (1979)",
    .fields = kr_local_table,
    .params_size = sizeof(kr_local_params),
    .flags = KR_UPDATE_LOCAL | KR_UPDATE_IRREDUCIBLE | KR_UPDATE_LANE_BETA,
    .layouts = KR_LAYOUT_CHAIN | KR_LAYOUT_BITS | KR_LAYOUT_BYTES,
    .supports = heat_bath_supports,
    .alloc = heat_bath_alloc,
    .free = kr_local_free,
    .fold = kr_local_fold,
    .scratch_bytes = kr_local_scratch_bytes,
    .engine = kr_local_engine,
    .engine_reason = kr_local_reason,
    .sweep = kr_local_sweep,
};
