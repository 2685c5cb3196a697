/* SPDX-License-Identifier: GPL-3.0-or-later
 * update/swendsen_wang.c - the whole lattice is cut into clusters, each gets a new state.
 *
 * Form fortuin_kasteleyn (Potts, all J >= 0): a bond between equal states is kept with
 * probability 1 - exp(-beta J v), v = V[a][b] - V[a][a]. Given the bonds the states of the
 * clusters are independent with weights exp(-beta sum_{i in C} local[i][k]) and are drawn from
 * that law, so any field is exact.
 * Form reflection (any pair model): a random exchange R = (a b) of interchangeable states,
 * bonds as in update/cluster.h among sites in a or b, each cluster reflected with probability
 * e^{-beta U'} / (e^{-beta U} + e^{-beta U'}) of its single-site energies. Couplings of any
 * sign.
 * Bonds between two sites that are in one cluster already are not drawn: they change nothing.
 * Source: Swendsen, Wang, Phys. Rev. Lett. 58, 86 (1987); Fortuin, Kasteleyn, Physica 57, 536
 * (1972); Edwards, Sokal, Phys. Rev. D 38, 2009 (1988); reflection: Wang, Swendsen, Kotecky,
 * Phys. Rev. Lett. 63, 109 (1989).
 * Threads: pure given block, scratch and tally. */
#include "base/memory.h"
#include "update/cluster.h"

#include <math.h>

enum { FORM_AUTO, FORM_FORTUIN_KASTELEYN, FORM_REFLECTION };

typedef struct swendsen_wang_params {
    int32_t form;
} swendsen_wang_params;

typedef struct swendsen_wang {
    kr_clusters clusters;
    bool is_reflection;
    int32_t n_exchanges; /* reflection: pairs of states within classes */
    int32_t *exchange;   /* (n_exchanges, 2); owns */
} swendsen_wang;

/* KR_OK when the random-cluster form applies. */
static int check_random_cluster(const kr_terms *terms, kr_error *why)
{
    if (!terms->is_pair || !terms->is_potts) {
        return kr_fail(why, KR_EUNSUP,
                       "swendsen_wang: model is not of Potts form J (c - v delta), want it for "
                       "form fortuin_kasteleyn");
    }
    for (int32_t i = 0; i < terms->n_sites; i++) {
        for (int64_t k = terms->neighbor_begin[i]; k < terms->neighbor_begin[i + 1]; k++) {
            if (!(terms->J[k] >= 0.0)) {
                return kr_fail(
                    why, KR_EUNSUP,
                    "swendsen_wang: coupling %g between sites %d and %d, want J >= 0 "
                    "for form fortuin_kasteleyn (form reflection takes any sign)",
                    terms->J[k], i, terms->neighbor[k]);
            }
        }
    }
    return KR_OK;
}

static bool swendsen_wang_supports(const kr_target *target, const void *params, kr_error *why)
{
    const swendsen_wang_params *p = params;
    if (!kr_clusters_supported(target, "swendsen_wang", why)) {
        return false;
    }
    return p->form != FORM_FORTUIN_KASTELEYN ||
           check_random_cluster(target->terms, why) == KR_OK;
}

static void swendsen_wang_free(void *self)
{
    swendsen_wang *w = self;
    if (w) {
        kr_clusters_clear(&w->clusters);
        kr_free(w->exchange);
        kr_free(w);
    }
}

static int list_exchanges(swendsen_wang *w, kr_error *err)
{
    const kr_clusters *clusters = &w->clusters;
    size_t n = 0;
    for (int32_t k = 0; k < clusters->n_classes; k++) {
        size_t members = (size_t)clusters->classes[k].n;
        n += members * (members - 1) / 2;
    }
    w->exchange = kr_alloc(2 * n, sizeof *w->exchange, err);
    if (!w->exchange) {
        return KR_ENOMEM;
    }
    for (int32_t k = 0; k < clusters->n_classes; k++) {
        const int32_t *member = clusters->member + clusters->classes[k].begin;
        for (int32_t a = 0; a < clusters->classes[k].n; a++) {
            for (int32_t b = 0; b < a; b++) {
                w->exchange[2 * w->n_exchanges] = member[a];
                w->exchange[2 * w->n_exchanges + 1] = member[b];
                w->n_exchanges++;
            }
        }
    }
    return KR_OK;
}

static void *swendsen_wang_alloc(const kr_update_setting *setting, const void *params,
                                 kr_error *err)
{
    const kr_target *target = setting->target;
    const swendsen_wang_params *p = params;
    swendsen_wang *w = kr_alloc(1, sizeof *w, err);
    if (!w) {
        return NULL;
    }
    w->is_reflection = p->form == FORM_REFLECTION ||
                       (p->form == FORM_AUTO && check_random_cluster(target->terms, NULL));
    if (kr_clusters_init(&w->clusters, target, err) != KR_OK ||
        list_exchanges(w, err) != KR_OK) {
        swendsen_wang_free(w);
        return NULL;
    }
    return w;
}

static size_t swendsen_wang_scratch_bytes(const void *self, int32_t n_lanes)
{
    (void)n_lanes;
    return kr_growth_bytes(((const swendsen_wang *)self)->clusters.terms->n_sites);
}

/* kernel: cluster of equal states around seed; returns its size. */
static int32_t grow_equal(const kr_clusters *clusters, int32_t seed, const uint8_t *s,
                          const kr_growth *growth, kr_rng *rng)
{
    const int64_t *restrict begin = clusters->terms->neighbor_begin;
    const int32_t *restrict neighbor = clusters->terms->neighbor;
    const int32_t *restrict of = clusters->couplings.of;
    const double *restrict p = clusters->classes[0].p_equal;
    int32_t *restrict list = growth->list;
    uint8_t *restrict mark = growth->mark;
    const uint8_t a = s[seed];
    int32_t n = 0;
    list[n++] = seed;
    mark[seed] = 1;
    for (int32_t done = 0; done < n; done++) {
        for (int64_t k = begin[list[done]]; k < begin[list[done] + 1]; k++) {
            int32_t j = neighbor[k];
            if (s[j] == a && !mark[j] && kr_rng_bernoulli(rng, p[of[k]])) {
                mark[j] = 1;
                list[n++] = j;
            }
        }
    }
    return n;
}

/* State of a cluster from its law given its single-site energies. */
static int32_t draw_state(const kr_clusters *clusters, const kr_growth *growth, int32_t size,
                          kr_rng *rng)
{
    const kr_terms *terms = clusters->terms;
    const int32_t q = terms->q;
    if (!terms->has_local) {
        return (int32_t)kr_rng_below(rng, (uint32_t)q);
    }
    double e[KR_STATES_MAX] = { 0.0 };
    for (int32_t m = 0; m < size; m++) {
        const double *local = terms->local + (size_t)growth->list[m] * (size_t)q;
        for (int32_t a = 0; a < q; a++) {
            e[a] += local[a];
        }
    }
    double low = e[0];
    for (int32_t a = 1; a < q; a++) {
        low = fmin(low, e[a]);
    }
    for (int32_t a = 0; a < q; a++) {
        e[a] = exp(-clusters->beta * (e[a] - low));
    }
    return kr_rng_categorical(rng, e, q);
}

static double pair_energy(const kr_terms *terms, const uint8_t *s)
{
    const size_t q = (size_t)terms->q;
    double sum = 0.0;
    for (int32_t i = 0; i < terms->n_sites; i++) {
        const double *V_i = terms->V + s[i] * q;
        sum += terms->local[(size_t)i * q + s[i]];
        for (int64_t k = terms->neighbor_begin[i]; k < terms->neighbor_begin[i + 1]; k++) {
            if (terms->neighbor[k] > i) {
                sum += terms->J[k] * V_i[s[terms->neighbor[k]]];
            }
        }
    }
    return sum;
}

typedef struct counts {
    int64_t clusters, accepted, changed;
} counts;

static counts sweep_random_cluster(const swendsen_wang *w, uint8_t *s, double *energy,
                                   const kr_growth *growth, kr_rng *rng)
{
    counts n = { 0, 0, 0 };
    for (int32_t seed = 0; seed < w->clusters.terms->n_sites; seed++) {
        if (growth->mark[seed]) {
            continue;
        }
        int32_t size = grow_equal(&w->clusters, seed, s, growth, rng);
        int32_t a = draw_state(&w->clusters, growth, size, rng);
        n.clusters++;
        if (a != s[seed]) {
            for (int32_t m = 0; m < size; m++) {
                s[growth->list[m]] = (uint8_t)a;
            }
            n.accepted++;
            n.changed += size;
        }
    }
    *energy = pair_energy(w->clusters.terms, s);
    return n;
}

static counts sweep_reflection(const swendsen_wang *w, uint8_t *s, double *energy,
                               const kr_growth *growth, kr_rng *rng)
{
    const kr_clusters *clusters = &w->clusters;
    const int32_t *pair = w->exchange + 2 * kr_rng_below(rng, (uint32_t)w->n_exchanges);
    const kr_state_class *class = &clusters->classes[clusters->class_of[pair[0]]];
    const int32_t a = pair[0], b = pair[1];
    counts n = { 0, 0, 0 };
    for (int32_t seed = 0; seed < clusters->terms->n_sites; seed++) {
        if (growth->mark[seed] || (s[seed] != a && s[seed] != b)) {
            continue;
        }
        double delta = 0.0;
        int32_t size = kr_cluster_reflect(clusters, class, a, b, seed, s, growth, rng, &delta);
        double field = clusters->terms->has_local
                           ? kr_cluster_field(clusters->terms, a, b, s, growth, size)
                           : 0.0;
        n.clusters++;
        if (kr_rng_bernoulli(rng, 1.0 / (1.0 + exp(clusters->beta * field)))) {
            *energy += delta + field;
            n.accepted++;
            n.changed += size;
        } else {
            kr_cluster_undo(a, b, s, growth, size);
        }
    }
    return n;
}

static void sweep_once(const void *self, kr_block *block, void *scratch, kr_tally *tally)
{
    const swendsen_wang *w = self;
    for (int32_t lane = 0; lane < block->n_lanes; lane++) {
        uint8_t *s = block->state + (size_t)lane * (size_t)block->n_sites;
        kr_growth growth = kr_growth_begin(scratch, block->n_sites);
        counts n = (w->is_reflection ? sweep_reflection : sweep_random_cluster)(
            w, s, &block->energy[lane], &growth, block->rng);
        tally->attempted[lane] += n.clusters;
        tally->accepted[lane] += n.accepted;
        tally->changed[lane] += n.changed;
        if (n.changed > 0) {
            kr_block_touch(block);
        }
    }
}

static void swendsen_wang_sweep(const void *self, kr_block *block, int64_t n_sweeps,
                                void *scratch, kr_tally *tally)
{
    for (int64_t k = 0; k < n_sweeps; k++) {
        sweep_once(self, block, scratch, tally);
    }
}

static const kr_field fields[] = {
    { .name = "form",
      .type = KR_TYPE_CHOICE,
      .offset = offsetof(swendsen_wang_params, form),
      .fallback = "auto",
      .choices = "auto|fortuin_kasteleyn|reflection",
      .doc = "fortuin_kasteleyn draws every cluster anew (Potts, J >= 0), reflection exchanges "
             "two states (any pair model), auto takes the first that applies" },
    KR_FIELD_END,
};

const kr_update_plug kr_update_swendsen_wang = {
    .name = "swendsen_wang",
    .doc =
        "cuts the lattice into clusters by random bonds and gives each a new state; attempts "
        "are clusters, accepted those that changed",
    .source = "Swendsen, Wang, Phys. Rev. Lett. 58, 86 (1987)",
    .fields = fields,
    .params_size = sizeof(swendsen_wang_params),
    .flags = KR_UPDATE_IRREDUCIBLE_ONE_CLASS,
    .layouts = KR_LAYOUT_CHAIN,
    .supports = swendsen_wang_supports,
    .alloc = swendsen_wang_alloc,
    .free = swendsen_wang_free,
    .scratch_bytes = swendsen_wang_scratch_bytes,
    .sweep = swendsen_wang_sweep,
};
